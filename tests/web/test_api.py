"""What scripts and the terminal are answered."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
from starlette.testclient import TestClient

from groundup.study.check.verdict import Verdict

SOURCE = "/api/source/self-attention"
CHECK = "/api/check/self-attention"


def test_asking_whether_the_checker_is_ready_starts_it(client: TestClient, study: Any) -> None:
    assert client.get("/api/ready").json() == {"ready": True, "error": None}
    assert study.warmed >= 1
    study.warm_error = "no such thing"
    assert client.get("/api/ready").json()["error"] == "no such thing"


def test_status_is_the_studys(client: TestClient, study: Any) -> None:
    answer = client.get("/api/status").json()
    assert answer["topics"] == 3 and answer["written"] == 2
    assert answer["states"]["multi-head-attention"] == "not written"


# ── the file ─────────────────────────────────────────────────────────────────


def test_a_file_is_read_and_not_sent_twice(client: TestClient, study: Any, fake: ModuleType) -> None:
    first = client.get(SOURCE)
    assert first.json()["text"] == fake.EXERCISE
    assert first.json()["path"] == "mine/transformer/self_attention.py"
    tag = first.headers["etag"]
    assert tag == f'"{first.json()["sha256"]}"'
    again = client.get(SOURCE, headers={"if-none-match": tag})
    assert again.status_code == 304 and again.content == b""
    study.open("self-attention").path.write_text("changed = 1\n")
    assert client.get(SOURCE, headers={"if-none-match": tag}).json()["text"] == "changed = 1\n"


def test_a_save_needs_what_was_seen_last(client: TestClient, study: Any) -> None:
    seen = client.get(SOURCE).json()["sha256"]
    saved = client.put(SOURCE, json={"text": "mine = 1\n", "expected_sha256": seen})
    assert saved.status_code == 200
    assert study.source("self-attention").source == b"mine = 1\n"
    late = client.put(SOURCE, json={"text": "late = 1\n", "expected_sha256": seen})
    assert late.status_code == 409
    conflict = late.json()
    assert conflict["error"] == "conflict"
    assert conflict["current"] == {**saved.json(), "text": "mine = 1\n"}
    assert study.source("self-attention").source == b"mine = 1\n"


def test_a_file_that_is_gone_is_a_conflict(client: TestClient, study: Any) -> None:
    seen = client.get(SOURCE).json()["sha256"]
    study.open("self-attention").path.unlink()
    answer = client.put(SOURCE, json={"text": "mine = 1\n", "expected_sha256": seen})
    assert answer.status_code == 409 and answer.json()["current"] is None


def test_a_file_that_is_not_text_is_said_to_be(client: TestClient, study: Any) -> None:
    study.open("self-attention").path.write_bytes(b"\xff")
    assert "not UTF-8" in client.get(SOURCE).json()["problem"]


def test_half_a_character_is_refused(client: TestClient, study: Any) -> None:
    seen = client.get(SOURCE).json()["sha256"]
    body = f'{{"text": "\\ud800", "expected_sha256": "{seen}"}}'
    answer = client.put(SOURCE, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert study.source("self-attention").sha256 == seen


# ── checking ─────────────────────────────────────────────────────────────────


def test_a_check_answers_with_the_verdict_that_was_recorded(client: TestClient, study: Any) -> None:
    client.get(SOURCE)
    answer = client.post(CHECK, json={"seed": 3}).json()
    verdict = Verdict.model_validate(answer["verdict"])
    assert verdict.receipt.seed == 3 and verdict.kind == "missing"
    (attempt,) = study.progress.attempts("self-attention")
    assert Verdict.model_validate(attempt.verdict) == verdict
    assert answer["topic"]["state"] == "started"
    assert answer["sha256"] == study.source("self-attention").sha256


def test_a_check_saves_what_is_sent_first(client: TestClient, study: Any, fake: ModuleType) -> None:
    seen = client.get(SOURCE).json()["sha256"]
    answer = client.post(CHECK, json={"text": fake.GOOD, "expected_sha256": seen}).json()
    assert answer["verdict"]["kind"] == "passed"
    assert answer["view"]["headline"] == "All 2 builds pass."
    assert [one["word"] for one in answer["builds"]] == ["passed", "passed"]
    assert answer["topic"] == {"id": "self-attention", "state": "passed", "word": "passed", "tone": "good"}
    assert study.source("self-attention").source.decode() == fake.GOOD
    assert answer["next"]["topic"] == study.next().topic_id


def test_a_check_of_a_text_that_conflicts_checks_nothing(client: TestClient, study: Any, fake: ModuleType) -> None:
    client.get(SOURCE)
    answer = client.post(CHECK, json={"text": fake.GOOD, "expected_sha256": "0" * 64})
    assert answer.status_code == 409
    assert study.progress.attempts("self-attention") == []


def test_accepted_stays_accepted_and_the_page_says_what_slipped(
    client: TestClient, study: Any, fake: ModuleType
) -> None:
    seen = client.get(SOURCE).json()["sha256"]
    passed = client.post(CHECK, json={"text": fake.GOOD, "expected_sha256": seen}).json()
    worse = {"text": "def attention_scores(q, k):\n    return q\n", "expected_sha256": passed["sha256"]}
    answer = client.post(CHECK, json=worse).json()
    assert answer["verdict"]["kind"] == "wrong"
    assert answer["topic"]["state"] == "passed"
    assert answer["builds"][0]["note"] == "before; the last check did not"


@pytest.mark.parametrize(
    "body",
    [
        *({"seed": -1}, {"seed": 2**53}, {"seed": "x"}, {"seed": 1.5}, {"builds": "x"}, {"builds": ["x"] * 51}),
        *({"other": 1}, {"text": 3}, [], {"expected_sha256": "short"}),
    ],
    ids=str,
)
def test_a_body_that_is_not_understood_is_refused(client: TestClient, study: Any, body: Any) -> None:
    answer = client.post(CHECK, json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"]
    assert study.asked_seeds == []


def test_topics_that_cannot_be_checked(client: TestClient) -> None:
    unknown = client.post("/api/check/self-atention", json={})
    assert unknown.status_code == 404
    assert unknown.json()["error"] == "unknown topic" and "self-attention" in unknown.json()["detail"]
    unwritten = client.post("/api/check/multi-head-attention", json={})
    assert unwritten.status_code == 409 and unwritten.json()["error"] == "not written"


# ── hints and the solution ───────────────────────────────────────────────────


def test_hints_in_stages_and_never_the_solution(client: TestClient, study: Any) -> None:
    for _ in range(5):
        hint = client.post("/api/hint", json={"topic": "self-attention", "build": "causal_mask"}).json()
        assert hint["build"] == "causal_mask" and hint["of"] == 3
        assert hint["stage"] <= 3 and not hint["is_solution"]
    assert hint["stage"] == 3
    assert "solution" in client.post("/api/solution", json={"topic": "self-attention"}).json()["text"]


def test_a_hint_for_what_does_not_exist(client: TestClient) -> None:
    answer = client.post("/api/hint", json={"topic": "self-attention", "build": "nothing"})
    assert answer.status_code == 404 and answer.json()["error"] == "unknown build"


# ── the figure, resources, reading ───────────────────────────────────────────


def test_a_figure_says_whose_code_drew_it(client: TestClient, study: Any, fake: ModuleType) -> None:
    path = "/api/figure/self-attention"
    drawn = client.post(path, json={"sliders": {"angle": 90, "form": "square"}}).json()
    assert drawn["drawn_by"] == "groundup's code"
    assert [one["value"] for one in drawn["sliders"]] == [90, "square"]
    assert drawn["figure"]["data"][1]["x"] == [90]
    seen = client.get(SOURCE).json()["sha256"]
    client.post(CHECK, json={"text": fake.GOOD, "expected_sha256": seen})
    assert client.post(path, json={}).json()["drawn_by"] == "your code"


@pytest.mark.parametrize("sliders", [{"angle": 181}, {"angle": "x"}, {"other": 1}, {"form": "cube"}])
def test_a_slider_out_of_range(client: TestClient, sliders: dict[str, Any]) -> None:
    assert client.post("/api/figure/self-attention", json={"sliders": sliders}).status_code == 422


def test_numbers_that_are_none_are_refused(client: TestClient) -> None:
    kind = {"content-type": "application/json"}
    for number in ("NaN", "Infinity", "1e999"):
        body = f'{{"sliders": {{"angle": {number}}}}}'
        assert client.post("/api/figure/self-attention", content=body, headers=kind).status_code == 422


def test_resources_and_lessons_are_marked(client: TestClient, study: Any) -> None:
    assert client.post("/api/resource", json={"id": "talk", "done": True}).json() == {"id": "talk", "done": True}
    assert study.progress.resources_done() == {"talk"}
    assert client.post("/api/resource", json={"id": "nothing", "done": True}).status_code == 404
    read = client.post("/api/read", json={"topic": "self-attention"}).json()
    assert read == {"topic": "self-attention", "state": "read"}
    client.post("/api/read", json={"topic": "self-attention", "read": False})
    assert study.progress.lessons_read() == set()


def test_what_is_not_there_is_json_too(client: TestClient) -> None:
    answer = client.get("/api/nothing")
    assert answer.status_code == 404 and answer.json()["error"] == "failed"


def test_terminal_and_page_understand_each_other(
    client: TestClient, study: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the terminal sends to a running server is what this API takes."""
    from groundup.cli import remote

    def ask(server: dict[str, Any], path: str, body: dict[str, Any] | None, seconds: float) -> Any:
        return (client.get(path) if body is None else client.post(path, json=body)).json()

    monkeypatch.setattr(remote, "running_server", lambda _: {})
    monkeypatch.setattr(remote, "_ask", ask)
    monkeypatch.setattr(type(study), "check", _own_check_must_not_run(type(study).check))
    verdict = remote.check_anywhere(study, "self-attention", 11, None)
    assert verdict.receipt.seed == 11


def _own_check_must_not_run(original: Any) -> Any:
    import threading

    main = threading.get_ident()

    def check(self: Any, *given: Any, **named: Any) -> Any:
        assert threading.get_ident() != main, "the terminal checked by itself"
        return original(self, *given, **named)

    return check
