"""A tab of a real Chromium on one server, and what every test of the page wants to do with it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from groundup.web.templating import STATIC

ROOT = Path(__file__).resolve().parents[2]
AXE = Path(__file__).parent / "build" / "axe.min.js"
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 60_000
PHONE = {"width": 390, "height": 844}


def build_scripts() -> None:
    """The built scripts and axe-core, made now where they are missing."""
    if not (STATIC / "built" / "stamp.txt").is_file() or not AXE.is_file():
        subprocess.run([sys.executable, str(ROOT / "hatch_build.py"), "--tests"], check=False)
    if not (STATIC / "built" / "stamp.txt").is_file():
        pytest.skip("NO BROWSER TESTS: the page's scripts are not built and could not be (python hatch_build.py)")


@contextmanager
def chromium() -> Iterator[Any]:
    reason = "NO BROWSER TESTS: playwright is not installed"
    playwright = pytest.importorskip("playwright.sync_api", reason=reason)
    build_scripts()
    with playwright.sync_playwright() as driver:
        names = ("chromium", "chromium-browser", "google-chrome")
        found = next((path for path in map(shutil.which, names) if path), None)
        if found is None and not Path(driver.chromium.executable_path).exists():
            pytest.skip("NO BROWSER TESTS: there is no chromium here (apt install chromium, or playwright install)")
        launched = driver.chromium.launch(executable_path=found, args=ARGUMENTS)
        try:
            yield launched
        finally:
            launched.close()


class Visitor:
    """A browser's tab on one server. Watches that nothing is asked of others and that no policy is broken."""

    def __init__(self, browser: Any, base: str, **options: Any) -> None:
        self.base = base
        self.context = browser.new_context(viewport={"width": 1400, "height": 900}, **options)
        self.context.set_default_timeout(PATIENCE_MS)
        self.page = self.context.new_page()
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(f"{self.page.url}: {error}"))
        self.context.expose_function("reportViolation", lambda said: self.complaints.append(said))
        self.context.add_init_script(
            # What Chromium's own text editing leaves in an editable line, before CodeMirror tidies it, is not ours.
            """document.addEventListener("securitypolicyviolation", (event) => {
                 if (event.effectiveDirective === "style-src-attr" && event.target?.closest?.(".cm-content")) return;
                 window.reportViolation(`${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}`);
               })"""
        )

    def open(self, path: str) -> Any:
        self.page.goto(self.base + path)
        return self.page

    def editor(self, path: str = "/topic/self-attention") -> Any:
        self.open(path)
        self.page.wait_for_selector(".cm-editor")
        return self.page

    def write(self, text: str) -> None:
        self.page.click(".cm-content")
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.insert_text(text)

    def put(self, path: Path, text: str) -> None:
        """Another editor saves the file, whole at once: a page that looks in between would else find it empty, and take
        that for what the other editor wrote."""
        new = path.with_suffix(".new")
        new.write_text(text)
        new.replace(path)

    def check(self) -> Any:
        """Ctrl+Enter, and the verdict that comes of it."""
        with self.page.expect_response(lambda answer: "/api/check/" in answer.url):
            self.page.keyboard.press("Control+Enter")
        self.page.wait_for_selector("button[value=check]:not([aria-busy])")
        return self.page.locator("#verdict .verdict")

    def until(self, expression: str) -> None:
        """Wait until a JavaScript expression is true. (Playwright's own waiting evaluates a string inside the page,
        which the page's content security policy rightly forbids.)"""
        deadline = time.monotonic() + PATIENCE_MS / 1000
        while not self.page.evaluate(expression):
            assert time.monotonic() < deadline, f"never true: {expression}"
            self.page.wait_for_timeout(20)

    def end(self) -> None:
        self.context.close()
        foreign = [url for url in self.asked if not url.startswith((self.base, "data:", "blob:"))]
        assert foreign == [], "the page asked others"
        assert self.complaints == []

    def phone(self) -> None:
        self.page.set_viewport_size(PHONE)

    def sideways(self) -> int:
        """By how much the page is wider than its window."""
        wider: int = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        return wider

    def axe(self) -> list[str]:
        """What axe-core finds: rule, and where."""
        if not AXE.is_file():
            pytest.skip("NO AXE-CORE: it could not be fetched (python hatch_build.py --tests)")
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{violation['id']}: {' '.join(node['html'].split())[:160]}"
            for violation in found["violations"]
            for node in violation["nodes"]
        ]

    def shot(self, name: str) -> None:
        folder = os.environ.get("GROUNDUP_SHOTS")
        if folder:
            self.page.screenshot(path=str(Path(folder) / f"{name}.png"))
