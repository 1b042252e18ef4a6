"""The shelf's pages, and a model that writes: as a form, as a stream, and in a browser."""

from __future__ import annotations

import html
import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

TINY = Path(__file__).parents[1] / "study" / "tiny_model.py"


def write_model(folder: Path) -> Path:
    spec = importlib.util.spec_from_file_location("web_tiny_model", TINY)
    assert spec is not None and spec.loader is not None
    module = sys.modules.setdefault(spec.name, importlib.util.module_from_spec(spec))
    spec.loader.exec_module(module)
    written: Path = module.write_model(folder)
    return written


def words(answer: Any) -> str:
    text = re.sub(r"<(script|template)\b.*?</\1>", " ", answer.text, flags=re.S)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


@pytest.fixture
def tiny(study: Any, tmp_path: Path) -> str:
    return str(study.shelf.add(str(write_model(tmp_path / "tiny"))).name)


def test_an_empty_shelf_says_how_it_is_filled(client: TestClient) -> None:
    said = words(client.get("/shelf"))
    assert "The shelf is empty" in said and "groundup shelf add FOLDER" in said
    assert client.get("/shelf/tiny").status_code == 404
    assert client.post("/api/shelf/tiny/generate", json={"prompt": "x"}).status_code == 404


def test_a_model_has_its_page_with_where_it_is_from(client: TestClient, tiny: str) -> None:
    assert "tiny llama with 28.8 k parameters" in words(client.get("/shelf"))
    page = client.get("/shelf/tiny")
    said = words(page)
    for wanted in ("licence mit", "temperature 0.8", "top-p 0.95", "groundup’s code only", "my parts as they pass now"):
        assert wanted in said
    assert "as it was trained" not in said, "it was trained elsewhere"
    assert len(re.findall(r'type="range"', page.text)) == 6


def test_without_scripts_it_writes_as_a_form(client: TestClient, tiny: str) -> None:
    sent = {"prompt": "the <b>cat", "seed": "3", "tokens": "12", "temperature": "0", "whose": "reference"}
    page = client.post("/shelf/tiny", data={**sent, "action": "write"})
    assert page.status_code == 200
    spans = re.findall(r'<span class="token [^"]*" title="[^"]*">(.*?)</span>', page.text, flags=re.S)
    assert html.unescape("".join(spans)).startswith("the <b>cat")
    assert "<b>cat" not in page.text
    assert len(spans) >= 12 + 3
    assert re.search(r'id="knob-temperature"[^>]*value="0"', page.text), "the settings stay"
    wrong = client.post("/shelf/tiny", data={**sent, "top_p": "7"})
    assert wrong.status_code == 422 and "top-p is not" in words(wrong)
    assert client.post("/shelf/tiny", data={"action": "remove"}).headers["location"] == "/shelf"
    assert "The shelf is empty" in words(client.get("/shelf"))


def test_scripts_get_a_line_an_event(client: TestClient, study: Any, tiny: str) -> None:
    body = {"prompt": "the cat", "seed": 3, "tokens": 5, "temperature": 0.5}
    answer = client.post("/api/shelf/tiny/generate", json=body)
    events = [json.loads(line) for line in answer.text.splitlines()]
    assert [one["kind"] for one in events] == ["ready", "prompt", *["token"] * 5, "done"]
    ids = [one["id"] for one in events[1]["tokens"]] + [one["token"]["id"] for one in events[2:-1]]
    found = client.post("/api/shelf/tiny/attention", json={"ids": ids, "layer": 1, "head": 2}).json()
    assert len(found["weights"]) == len(ids) == len(found["tokens"])
    for wrong in ({"layer": 9}, {"head": -1}, {"ids": []}, {"whose": "yours"}):
        asked = {"ids": ids, "layer": 1, "head": 2, **wrong}
        assert client.post("/api/shelf/tiny/attention", json=asked).status_code == 422, wrong
    for wrong in ({"temperature": 9}, {"tokens": 0}, {"nothing": 1}, {"prompt": "x" * 30_000}):
        assert client.post("/api/shelf/tiny/generate", json={**body, **wrong}).status_code == 422, wrong
    assert client.get("/api/shelf").json()[0]["name"] == "tiny"


def test_the_terminal_asks_the_server_that_has_the_model_at_work(
    study: Any, app: Any, tiny: str, serving_at: Callable[[Any], Any]
) -> None:
    environment = {**os.environ, "GROUNDUP_HOME": str(study.home.path)}
    program = [
        str(Path(sys.executable).with_name("groundup")),
        "chat",
        "tiny",
        "-p",
        "the cat",
        "--tokens",
        "4",
        "--json",
    ]
    with serving_at(app) as base:
        told = {"url": base, "token": "a-token-of-the-tests-0123456789", "pid": os.getpid()}
        (study.home.state / "server.json").write_text(json.dumps(told))
        process = study.chats.process("tiny")
        done = subprocess.run(program, capture_output=True, text=True, env=environment, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
        assert [json.loads(line)["kind"] for line in done.stdout.splitlines()][-1] == "done"
        assert study.chats.process("tiny") is process
    (study.home.state / "server.json").unlink()


# ── in a browser ─────────────────────────────────────────────────────────────

TOKENS = "#tokens [data-at]"


@pytest.mark.browser
def test_a_model_writes_in_a_browser(visit: Callable[..., Any], tiny: str) -> None:
    visitor = visit()
    page = visitor.open("/shelf")
    page.click("text=Let it write")
    page.wait_for_load_state("networkidle")  # the script that hears the sliders has run
    page.fill("#prompt", "the cat sat")

    # a slider, by keyboard
    page.focus("#knob-temperature")
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    assert page.inner_text("output[for=knob-temperature]") == "1"
    page.fill("#seed", "7")
    page.locator("input[name=tokens]").fill("24")
    page.click("button:text-is('Generate')")
    visitor.until("document.querySelector('#tokens').dataset.writes === '1'")
    assert "as long as asked (seed 7)" in page.inner_text("#said")
    assert page.text_content("#tokens").startswith("the cat sat")
    count = page.locator(TOKENS).count()
    assert count >= 24 + 2

    # one token: its probability and its rivals, by mouse and by keyboard
    page.locator(TOKENS).nth(count - 1).click()
    assert page.locator("#token tbody tr").count() >= 8
    assert "your settings" in page.inner_text("#token")
    assert "%" in page.inner_text("#token .here")
    before = page.inner_text("#token")
    page.keyboard.press("ArrowLeft")
    visitor.until(f"document.querySelector('#token').innerText !== {json.dumps(before)}")
    assert page.locator("#tokens [tabindex='0']").count() == 1, "one stop for the Tab key"

    # attention
    visitor.until(f"document.querySelector('#map').dataset.drawn === '0 0 {count}'")
    page.select_option("#layer", index=1)
    page.select_option("#head", index=3)
    visitor.until(f"document.querySelector('#map').dataset.drawn === '1 3 {count}'")
    assert page.evaluate("document.querySelector('#map').data[0].z[0][0]") == 1
    assert "head 4 in layer 2" in (page.get_attribute("#map", "aria-label") or "")
    visitor.shot("model")

    # the same seed writes the same, another temperature something else
    first = page.text_content("#tokens")
    page.click("button:text-is('Generate')")
    visitor.until("document.querySelector('#tokens').dataset.writes === '2'")
    assert page.text_content("#tokens") == first
    page.locator("input[name=temperature]").fill("0")
    page.click("button:text-is('Generate')")
    visitor.until("document.querySelector('#tokens').dataset.writes === '3'")
    assert page.text_content("#tokens") != first


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_the_shelf(visit: Callable[..., Any], tiny: str, scheme: str) -> None:
    visitor = visit(color_scheme=scheme, reduced_motion="reduce")
    visitor.open("/shelf")
    assert visitor.axe() == []
    page = visitor.open("/shelf/tiny")
    assert visitor.axe() == []
    page.fill("#prompt", "the cat\n\n  sat é漢🦙")
    page.click("button:text-is('Generate')")
    page.wait_for_selector("#map svg")
    page.locator(TOKENS).nth(3).click()
    assert visitor.axe() == []
    visitor.phone()
    for path in ("/shelf", "/shelf/tiny"):
        visitor.open(path)
        assert visitor.sideways() <= 0, path
    page.click("button:text-is('Generate')")
    page.wait_for_selector("#map svg")
    assert visitor.sideways() <= 0
    assert visitor.axe() == []
