"""The pages of runs, and what their script is told: on real processes of a small lab."""

from __future__ import annotations

import html
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from starlette.testclient import TestClient

from groundup.study.home import Home
from groundup.study.runs.records import Record, Request
from groundup.web.app import create_app

NEW = "/runs/new"


def words(answer: Any) -> str:
    text = re.sub(r"<(script|template)\b.*?</\1>", " ", answer.text, flags=re.S)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def begin(client: TestClient, **fields: Any) -> Any:
    return client.post(NEW, data={"lab": "self-attention", "scale": "smoke", "whose": "reference", **fields})


def finish(study: Any, run_id: str) -> Record:
    record: Record = study.runs.get(run_id)
    list(study.runs.follow(record, poll_s=0.02))
    return record


def told(lines: Iterator[str]) -> Iterator[tuple[int, str, Any]]:
    """Server-sent events as (id, kind, values)."""
    one: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if line:
            one[name] = value
        elif "event" in one:
            yield int(one["id"]), one["event"], json.loads(one["data"])
            one = {}


@pytest.fixture
def done(client: TestClient, study: Any) -> Record:
    assert begin(client).headers["location"] == "/runs/self-attention-1"
    return finish(study, "self-attention-1")


# ── beginning ────────────────────────────────────────────────────────────────


def test_without_runs_the_page_shows_the_labs(client: TestClient) -> None:
    page = client.get("/runs")
    assert "There are no runs yet" in words(page)
    assert 'href="/runs/new?lab=self-attention"' in page.text
    assert 'href="/runs/new?lab=self-attention"' in client.get("/topic/self-attention").text
    assert "/runs/new" not in client.get("/topic/dot-products").text


def test_the_form_has_scales_options_and_the_learners_parts(client: TestClient, study: Any, fake: ModuleType) -> None:
    page = client.get(NEW, params={"lab": "self-attention"})
    for said in ("smoke", "tiny", "How many steps.", "A text to read. The path of a file", "none of yours has passed"):
        assert said in words(page)
    assert "small" not in re.findall(r'name="scale" value="(\w+)"', page.text)
    assert re.search(r'name="option-steps"[^>]*value="60" min="1" max="100000', page.text)
    assert 'name="part"' not in page.text
    study.open("self-attention").path.write_text(fake.GOOD)
    study.check("self-attention")
    page = client.get(NEW, params={"lab": "self-attention"})
    assert re.findall(r'name="part" value="(\w+)"', page.text) == ["attention_scores"], "the other is no part"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"option-steps": "0"}, "a number from 1 to 100000"),
        ({"option-text": "/no/such/file"}, "there is no file"),
        ({"option-then": "never"}, "one of well, raise"),
        ({"scale": "full"}, "has no scale"),
        ({"seed": "-1"}, "the seed is not"),
        ({"whose": "some", "part": "nothing"}, "is not a part"),
    ],
)
def test_what_cannot_be_begun_is_said_over_the_form(client: TestClient, fields: dict[str, str], said: str) -> None:
    answer = begin(client, **fields)
    assert answer.status_code == 422
    assert said in words(answer)
    for name, value in fields.items():
        if name.startswith("option-") and name != "option-then":
            assert f'value="{value}"' in answer.text, "what was typed in is still there"
    assert client.get("/runs").text.count('href="/runs/self-attention-') == 0


def test_only_labs_can_be_begun(client: TestClient) -> None:
    assert client.get(NEW, params={"lab": "dot-products"}).status_code == 422
    assert client.get(NEW, params={"lab": "nothing"}).status_code == 404
    assert client.get(NEW).status_code == 422


def test_parts_of_the_learners_go_in_where_they_pass(client: TestClient, study: Any, fake: ModuleType) -> None:
    study.open("self-attention").path.write_text(fake.GOOD)
    study.check("self-attention")
    assert begin(client, whose="all").status_code == 303
    record = finish(study, "self-attention-1")
    assert [one.build for one in record.request.parts] == ["attention_scores"]
    page = words(client.get("/runs/self-attention-1"))
    assert "1 part of yours is in this model: attention_scores from Self-attention , sha256" in page
    assert begin(client, whose="some", part="attention_scores").status_code == 303
    assert [one.build for one in finish(study, "self-attention-2").request.parts] == ["attention_scores"]


# ── one run ──────────────────────────────────────────────────────────────────


def test_a_run_that_is_done_reads_without_scripts(client: TestClient, done: Record) -> None:
    page = client.get(f"/runs/{done.id}")
    said = words(page)
    for wanted in (
        "self-attention-1 done Self-attention scale smoke",
        "training: 60 of 60",
        "memory 300 MB parameters 12 step ms 3.5",
        "All parts are groundup’s own.",
        "source typed in by <hand> licence none bytes 10",
        "held out bits per byte 1.25 xz 2.5 beats xz yes step ms 7 reference step ms 3.5",
        "Bits per byte, lower is better model bits per byte this one 1.25",
        "It writes at step 60 step 59 <script>alert(1)</script>",
        "step loss held out bits per byte 0 5",
    ):
        assert wanted in said, wanted
    assert "Stop" not in said and "Resume" not in said and "Refresh" not in said
    lines = words(client.get("/runs"))
    assert "self-attention-1 done smoke none" in lines and "held out bits per byte 1.25" in lines


def test_a_run_that_failed_says_why(client: TestClient, study: Any) -> None:
    begin(client, **{"option-then": "raise", "option-steps": "3"})
    finish(study, "self-attention-1")
    said = words(client.get("/runs/self-attention-1"))
    assert "failed" in said and "ValueError: as <b>asked</b>" in said
    assert "Traceback" in said and "Resume" in said


def test_stop_resume_and_remove_are_plain_forms(client: TestClient, study: Any) -> None:
    begin(client, **{"option-steps": "4000", "option-pause": "0.005"})
    record = study.runs.get("self-attention-1")
    wait(lambda: bool(record.curves()))
    page = client.get("/runs/self-attention-1")
    assert "running" in words(page) and "Refresh" in words(page)
    answer = client.post("/runs/self-attention-1", data={"action": "stop"})
    assert answer.status_code == 303 and answer.headers["location"] == "/runs/self-attention-1"
    wait(lambda: record.state == "stopped")
    assert "Resume" in words(client.get("/runs/self-attention-1"))
    steps = max(record.curves()["loss"])
    assert client.post("/runs/self-attention-1", data={"action": "stop"}).status_code == 422
    assert client.post("/runs/self-attention-1", data={"action": "resume"}).status_code == 303
    wait(lambda: max(record.curves()["loss"]) > steps + 5)
    assert client.post("/runs/self-attention-1", data={"action": "remove"}).status_code == 422, "it runs"
    study.runs.kill(record)
    assert "ended without a word" in words(client.get("/runs/self-attention-1"))
    assert client.post("/runs/self-attention-1", data={"action": "wait"}).status_code == 422
    assert client.post("/runs/self-attention-1", data={"action": "remove"}).headers["location"] == "/runs"
    assert study.runs.all() == []


def test_unknown_runs_are_said_to_be(client: TestClient) -> None:
    for path in ("/runs/self-attention-9", "/runs/..%2f..", "/runs/compare?first=a-1&second=b-1"):
        assert client.get(path).status_code == 404, path
    for path in ("/api/runs/self-attention-9", "/api/runs/self-attention-9/events"):
        assert client.get(path).status_code == 404, path
    assert client.post("/runs/self-attention-9", data={"action": "stop"}).status_code == 404


def test_a_run_that_cannot_be_read_does_not_hide_the_others(client: TestClient, study: Any, done: Record) -> None:
    broken = study.runs.create(Request(lab="self-attention", scale="smoke"), {}, {})
    (broken.folder / "request.json").write_text("{")
    said = words(client.get("/runs"))
    assert "cannot be read" in said and done.id in said


def test_what_a_hostile_run_says_never_becomes_markup_or_broken_json(client: TestClient, study: Any) -> None:
    record = study.runs.create(Request(lab="self-attention", scale="smoke", began="<i>"), {}, {})
    lines = [
        {"kind": "log", "step": 1, "metrics": {"<b>loss": 1e999, "x": 1.0}},
        {"kind": "text", "title": "<img src=x>", "text": "</pre><script>", "step": None},
        {"kind": "table", "title": "<u>", "columns": ["<s>"], "rows": [["</td>", 1e999], []]},
        {"kind": "result", "scores": {"<em>": "<em>", "worst": 1e999}},
        {"kind": "progress", "label": "<a>", "done": -5, "total": 0, "seconds": 0},
        {"kind": "expect", "seconds": -1, "memory_mb": 1e999, "facts": {"<q>": "<q>"}},
    ]
    text = "\n".join(json.dumps(one) for one in lines).replace("Infinity", "1e999") + "\n"
    (record.folder / "events.jsonl").write_text(text)
    page = client.get(f"/runs/{record.id}")
    assert page.status_code == 200
    assert not re.search(r"<(b|img|u|s|em|a|q|i)>|</pre><script>", page.text)
    story = client.get(f"/api/runs/{record.id}").json()
    assert story["curves"]["<b>loss"] == {"steps": [1], "values": [None]}
    assert client.get("/runs").status_code == 200


# ── live ─────────────────────────────────────────────────────────────────────


def test_the_story_and_its_events_join_without_a_gap(client: TestClient, study: Any, done: Record) -> None:
    story = client.get(f"/api/runs/{done.id}").json()
    assert story["state"] == "done" and story["at"] == (done.folder / "events.jsonl").stat().st_size
    assert story["curves"]["loss"]["steps"] == list(range(60))
    assert story["progress"]["done"] == story["progress"]["total"] == 60
    assert story["bands"]["loss"]["low"] == [4.5, 1.5, 0.5]
    answer = client.get(f"/api/runs/{done.id}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    every = list(told(iter(answer.text.split("\n"))))
    assert [at for at, _, _ in every[:-1]] == [one.at for one in done.events()]
    assert every[-1][1:] == ("over", {"state": "done"})
    middle = every[20][0]
    for again in (
        client.get(f"/api/runs/{done.id}/events", params={"after": middle}),
        client.get(f"/api/runs/{done.id}/events", params={"after": 0}, headers={"last-event-id": str(middle)}),
    ):
        assert list(told(iter(again.text.split("\n")))) == every[21:]
    for odd in ("-1", "x", "9" * 40):
        assert client.get(f"/api/runs/{done.id}/events", headers={"last-event-id": odd}).status_code == 200


def test_a_band_is_shown_for_the_usual_options_only(client: TestClient, study: Any) -> None:
    begin(client, **{"option-steps": "5"})
    assert client.get("/api/runs/self-attention-1").json()["bands"] == {}
    begin(client, scale="tiny")
    assert client.get("/api/runs/self-attention-2").json()["bands"] == {}, "there is none for this scale"
    for one in study.runs.all():
        finish(study, one.id)


def test_events_come_while_it_runs_and_a_new_server_goes_on(
    study: Any, fake: ModuleType, curriculum: Path, serving_at: Callable[[Any], Any]
) -> None:
    """A run outlives the server that began it: another one shows it, and follows it from where the first one was."""
    import httpx

    from groundup.study.runs import control

    token = "a-token-of-the-tests-0123456789"
    headers = {"authorization": f"Bearer {token}"}
    record = control.begin(study, "self-attention", "smoke", {"steps": "300", "pause": "0.01"}, reference=True)
    seen = []
    with (
        serving_at(create_app(study, token, figure=fake.draw)) as base,
        httpx.stream("GET", f"{base}/api/runs/{record.id}/events", headers=headers, timeout=60) as answer,
    ):
        for event in told(answer.iter_lines()):
            seen.append(event)
            if len(seen) == 40:
                break
    assert record.alive, "the events came while it ran"
    other = fake.FakeStudy(Home(study.home.path), curriculum)
    with serving_at(create_app(other, token, figure=fake.draw)) as base:
        assert "running" in httpx.get(f"{base}/runs/{record.id}", headers=headers).text
        where = {**headers, "last-event-id": str(seen[-1][0])}
        with httpx.stream("GET", f"{base}/api/runs/{record.id}/events", headers=where, timeout=60) as answer:
            seen += list(told(answer.iter_lines()))
    other.close()
    assert [at for at, _, _ in seen[:-1]] == [one.at for one in record.events()]
    assert seen[-1][1:] == ("over", {"state": "done"})


def test_a_server_that_ends_lets_its_watchers_go(
    study: Any, fake: ModuleType, serving_at: Callable[[Any], Any]
) -> None:
    import httpx

    from groundup.study.runs import control

    token = "a-token-of-the-tests-0123456789"
    record = control.begin(study, "self-attention", "smoke", {"steps": "9000", "pause": "0.01"}, reference=True)
    ended = threading.Event()

    def watch(base: str) -> None:
        headers = {"authorization": f"Bearer {token}"}
        with httpx.stream("GET", f"{base}/api/runs/{record.id}/events", headers=headers, timeout=60) as answer:
            for _ in answer.iter_lines():
                pass
        ended.set()

    with serving_at(create_app(study, token, figure=fake.draw)) as base:
        threading.Thread(target=watch, args=(base,), daemon=True).start()
        wait(lambda: len(record.curves().get("loss", {})) > 5)
    assert ended.wait(10), "the stream ended in good order"
    study.runs.kill(record)


# ── two runs ─────────────────────────────────────────────────────────────────


def test_two_runs_side_by_side(client: TestClient, study: Any, done: Record) -> None:
    begin(client, **{"option-steps": "30"})
    begin(client, seed="5")
    for run in ("self-attention-2", "self-attention-3"):
        finish(study, run)
    where = {"first": done.id, "second": "self-attention-2"}
    said = words(client.get("/runs/compare", params=where))
    assert "--steps 60 30" in said
    assert "loss : 30 steps in common, equal to the last bit" in said
    both = client.get("/api/runs/compare", params=where).json()
    assert [len(one["steps"]) for one in both["curves"]["loss"]] == [60, 30]
    said = words(client.get("/runs/compare", params={"first": done.id, "second": "self-attention-3"}))
    assert "seed 0 5" in said and "equal before step 0" in said
    said = words(client.get("/runs/compare", params={"first": done.id, "second": done.id}))
    assert "Both were asked for the same" in said


def wait(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)
