"""The first page: broken and repaired by form, by stream, and by a person in a browser."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from groundup.study.first.content import BREAKS, BROKEN, STARTING, provenance
from groundup.study.home import Home

REFERENCE = provenance()["scores"]["excerpt_bits_per_byte"]


def saved(client: TestClient) -> str:
    return client.get("/first").text.split('id="sha256" value="')[1].split('"')[0]


def test_without_scripts_a_form_writes(client: TestClient, study: Any) -> None:
    assert study.fresh
    page = client.post("/first", data={"action": "write", "text": STARTING, "sha256": saved(client), "prompt": "A <b>"})
    assert page.status_code == 200
    assert "A &lt;b&gt;" in page.text
    assert f"{REFERENCE:.2f}" in page.text.split('id="bits">')[1][:20]
    page = client.post("/first", data={"action": "break-scale", "text": STARTING, "sha256": saved(client)})
    assert f"{REFERENCE:.2f}" not in page.text.split('id="bits">')[1][:20]
    assert BREAKS[1].instead in study.first_source().source.decode()
    page = client.post("/first", data={"action": "write", "text": "nonsense(", "sha256": saved(client)})
    assert "SyntaxError" in page.text
    leave = client.post("/first", data={"action": "leave"})
    assert leave.status_code == 303
    assert leave.headers["location"] == "/map?path=gpt"
    assert not study.fresh


def test_another_program_is_not_overwritten(client: TestClient, study: Any) -> None:
    sha256 = saved(client)
    path = study.home.path / "mine" / "first.py"
    path.write_text("# by another editor\n")
    page = client.post("/first", data={"action": "write", "text": STARTING, "sha256": sha256})
    assert page.status_code == 409
    answer = client.post("/api/first/write", json={"text": STARTING, "expected_sha256": sha256})
    assert answer.status_code == 409
    assert path.read_text() == "# by another editor\n"


def test_the_stream_is_one_document_a_line(client: TestClient) -> None:
    answer = client.post("/api/first/write", json={"text": STARTING, "expected_sha256": saved(client)})
    events = [json.loads(line) for line in answer.text.splitlines()]
    assert [events[0]["kind"], events[1]["kind"], events[-1]["kind"]] == ["saved", "ready", "end"]
    assert events[0]["sha256"] == saved(client)
    assert any(one["kind"] == "measured" for one in events)
    refused = client.post("/api/first/write", json={"text": STARTING, "prompt": "x" * 401})
    assert refused.status_code == 422


def test_without_its_guard_nobody_writes(stranger: TestClient) -> None:
    assert stranger.post("/api/first/write", json={"text": STARTING}).status_code == 403


@pytest.mark.browser
def test_break_it_and_repair_it_in_a_browser(
    visit_at: Callable[..., Any], serve: Callable[..., Any], tmp_path: Any
) -> None:
    """Exactly what a newcomer does, in under three minutes, the machine's waiting included."""
    from groundup.study.service import Study

    study = Study(Home(tmp_path / "home"))
    try:
        with serve(study) as base:
            visitor = visit_at(base, color_scheme="light")
            page = visitor.page
            began = time.monotonic()
            page.goto(f"{base}/first")

            def texts(n: int) -> None:
                visitor.until(f"Number(document.querySelector('#first').dataset.texts ?? 0) >= {n}")

            texts(1)
            assert page.inner_text("#bits") == f"{REFERENCE:.2f}"
            assert len(page.inner_text("#continued")) > 40
            visitor.shot("first-intact")
            done = 1
            for one in BREAKS:
                page.click(f"button[value=break-{one.id}]")
                done += 1
                texts(done)
                said = page.inner_text("#bits")
                assert said == "not a number" or float(said) > BROKEN * REFERENCE
                assert one.instead in page.inner_text(".cm-content")
                visitor.shot(f"first-{one.id}")
            page.click("#repair")
            done += 1
            texts(done)
            assert page.inner_text("#bits") == f"{REFERENCE:.2f}"
            assert "It writes again" in page.inner_text("#verdict")
            assert study.first_source().source.decode() == STARTING
            assert visitor.axe() == []
            page.click("text=Show me the way")
            page.wait_for_url("**/map?path=gpt")
            assert page.locator("#way li").count() == len(study.roadmap.path_to("gpt"))
            assert page.locator(".points .lit").count() >= len(study.roadmap.path_to("gpt"))
            visitor.shot("map-lit")
            assert time.monotonic() - began < 180
    finally:
        study.close()
