"""The page for all, in Chromium: by keyboard, in both color schemes, on a phone, without scripts; and axe."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

pytestmark = [pytest.mark.browser]

PAGES = (
    "/",
    "/map",
    "/map?q=attention",
    "/track/transformer",
    "/topic/self-attention",
    "/topic/dot-products",
    "/topic/multi-head-attention",
    "/topic/self-attention/figure",
    "/topic/self-attention/solution",
    "/topic/nothing-of-the-kind",
)
WRONG = "def attention_scores(q, k):\n    print(1)\n    return q\n\ndef causal_mask(n):\n    return RIGHT\n"


# ── keyboard, colors, phone, no scripts ──────────────────────────────────────


def test_it_works_by_keyboard_alone(visit: Callable[..., Any]) -> None:
    visitor = visit()
    page = visitor.editor()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.click(".cm-content")
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.value") == "check", "Escape, then Tab, leaves the editor"
    page.keyboard.press("Enter")
    page.wait_for_selector("#verdict .verdict")


def test_the_theme_follows_the_system_until_one_is_chosen(visit: Callable[..., Any]) -> None:
    visitor = visit(color_scheme="dark")
    page = visitor.open("/map")
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    dark = page.evaluate(ground)
    page.click("#theme")
    light = page.evaluate(ground)
    assert light != dark
    visitor.open("/")
    assert page.evaluate(ground) == light, "the choice stays"
    page.click("#theme")
    assert page.evaluate(ground) == dark


def test_on_a_phone_nothing_scrolls_sideways(visit: Callable[..., Any]) -> None:
    visitor = visit(has_touch=True)
    page = visitor.page
    visitor.phone()
    for path in PAGES:
        visitor.open(path)
        assert visitor.sideways() <= 0, path
    visitor.editor()
    assert page.locator(".tabs").is_visible()
    visitor.write(WRONG)
    visitor.check()
    page.click("#solution-link")
    assert visitor.sideways() <= 0
    page.click(".tabs >> text=Figure")
    assert page.url.endswith("#figure")


def test_without_scripts_a_browser_can_check(visit: Callable[..., Any], study: Any) -> None:
    """Under no-referrer a browser sends plain forms with the origin null: they must still be ours."""
    visitor = visit(java_script_enabled=False)
    page = visitor.open("/topic/self-attention")
    page.fill("#text", WRONG)
    page.click("button[value=check]")
    assert "scale missing" in page.inner_text("#verdict")
    assert study.source("self-attention").source.decode() == WRONG
    page.click("text=The figure in numbers")
    page.fill("input[type=number]", "90")
    page.click("text=Compute")
    assert "angle=90" in page.url


# ── accessibility ────────────────────────────────────────────────────────────


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page(visit: Callable[..., Any], scheme: str) -> None:
    visitor = visit(color_scheme=scheme, reduced_motion="reduce")
    for path in PAGES:
        page = visitor.open(path)
        page.wait_for_load_state("networkidle")
        assert visitor.axe() == [], path


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_what_comes_later(
    visit: Callable[..., Any], study: Any, scheme: str, fake: ModuleType
) -> None:
    """A failing verdict, a hint, the question before the solution, a conflict; then the same on a phone."""
    visitor = visit(color_scheme=scheme, reduced_motion="reduce")
    page = visitor.editor()
    page.wait_for_selector("#figure .plot svg")
    visitor.write(WRONG)
    visitor.check()
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    page.click("button[value=hint]")
    page.wait_for_selector(".hint")
    page.click("#solution-link")
    assert visitor.axe() == []
    visitor.write(fake.GOOD)
    visitor.put(study.open("self-attention").path, "theirs = 1\n")
    page.wait_for_selector("#conflict .conflict")
    page.click("text=Show both")
    assert visitor.axe() == []
    page.click("text=Keep mine")
    page.wait_for_selector("#conflict", state="hidden")
    page.click(".cm-content")
    visitor.check()
    visitor.phone()
    assert visitor.axe() == []
