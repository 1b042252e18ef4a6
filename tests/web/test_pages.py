"""The pages without a line of JavaScript: what they say, and that every form works."""

from __future__ import annotations

import html
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from groundup.study.hints import Hint
from groundup.web.figure_view import figure_tables, numbers
from groundup.web.templating import Templates

TOPIC = "/topic/self-attention"


def words(answer: Any) -> str:
    """A page's words, as a reader without style and script has them."""
    text = re.sub(r"<(script|template)\b.*?</\1>", " ", answer.text, flags=re.S)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def field(answer: Any, name: str) -> str:
    match = re.search(rf'<input type="hidden" name="{name}"[^>]*value="([^"]*)"', answer.text)
    assert match is not None
    return html.unescape(match.group(1))


def text_area(answer: Any) -> str:
    match = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", answer.text, flags=re.S)
    assert match is not None
    return html.unescape(match.group(1))


def post(client: TestClient, action: str, text: str, sha256: str) -> Any:
    return client.post(TOPIC, data={"action": action, "text": text, "sha256": sha256})


# ── today and map ────────────────────────────────────────────────────────────


def test_today_names_the_next_step_and_why(client: TestClient, study: Any) -> None:
    page = words(client.get("/"))
    suggestion = study.next()
    assert suggestion.title in page and suggestion.why in page
    assert "0 of 3 topics passed" in page
    assert "2 can be studied now" in page


def test_today_goes_on_where_one_left(client: TestClient, study: Any) -> None:
    assert "Begun" not in words(client.get("/"))
    study.check("self-attention")
    page = client.get("/")
    assert 'href="/topic/self-attention"' in page.text
    assert "1 started" in words(page)


def test_the_map_shows_tracks_stages_points_topics_states_and_needs(client: TestClient, study: Any) -> None:
    study.check("self-attention")
    page = words(client.get("/map"))
    for said in ("Transformers", "Attention beginner", "Scores, masks and weights", "Dot products <and> angles"):
        assert said in page
    assert "Self-attention started" in page
    assert "Multi-head attention not written yet needs Self-attention" in page


@pytest.mark.parametrize(
    ("wanted", "shown", "hidden"),
    [
        ("heads several", "Several heads", "Scores, masks and weights"),
        ("ANGLES", "Linear algebra", "Several heads"),
        ("multi-head", "Several heads", "Scores, masks and weights"),
    ],
)
def test_the_map_can_be_searched(client: TestClient, wanted: str, shown: str, hidden: str) -> None:
    text = client.get("/map", params={"q": wanted}).text
    visible = re.sub(r"<(li|section)\b[^>]* hidden.*?</\1>", "", text, flags=re.S)
    assert shown in visible
    assert hidden not in visible


def test_a_search_that_finds_nothing_says_so(client: TestClient) -> None:
    page = client.get("/map", params={"q": '"><b>nothing'})
    assert "0 topics found" in words(page)
    assert "<b>nothing" not in page.text
    assert client.get("/map", params={"q": "x" * 1000}).status_code == 422


# ── tracks ───────────────────────────────────────────────────────────────────


def test_resources_are_linked_and_marked_as_done(client: TestClient, study: Any) -> None:
    page = client.get("/track/transformer")
    assert (
        '<a href="https://example.org/talk" rel="noopener noreferrer" target="_blank">A talk on attention' in page.text
    )
    assert page.text.count('aria-pressed="false"') == 2
    done = client.post("/track/transformer", data={"resource": "talk", "done": "yes"})
    assert done.status_code == 303 and done.headers["location"] == "/track/transformer#resources"
    assert study.progress.resources_done() == {"talk"}
    assert client.get("/track/transformer").text.count('aria-pressed="true"') == 1
    client.post("/track/transformer", data={"resource": "talk", "done": "no"})
    assert study.progress.resources_done() == set()


def test_what_is_no_resource_of_the_track_is_not_marked(client: TestClient, study: Any) -> None:
    client.post("/track/mathematics", data={"resource": "talk", "done": "yes"})
    assert study.progress.resources_done() == set()


def test_unknown_tracks_and_topics_are_said_to_be(client: TestClient) -> None:
    assert client.get("/track/nothing").status_code == 404
    answer = client.get("/topic/self-atention")
    assert answer.status_code == 404
    assert "Did you mean self-attention" in words(answer)
    assert "<i>" not in client.get("/topic/<i>").text


# ── a topic ──────────────────────────────────────────────────────────────────


def test_a_topic_page_has_lesson_figure_file_and_questions(client: TestClient, study: Any) -> None:
    page = client.get(TOPIC)
    said = words(page)
    for wanted in ("Why you need it", "16.970562748477143", "about 60 minutes", "needs Dot products & <angles>"):
        assert wanted in said
    assert "attention_scores(q, k) waits for a check" in said
    assert "without 1 ready-made function torch.nn.functional.scaled_dot_product_attention" in said
    assert "mine/transformer/self_attention.py" in said
    assert r"\text{score}(q, k)" in said, "mathematics reads as TeX without scripts"
    assert study.prepared == ["self-attention"], "its first check will be asked for soon"
    assert "Why <scale>? So that long vectors" in said
    assert text_area(page) == study.source("self-attention").source.decode()
    assert f'href="{TOPIC}/figure"' in page.text


def test_opening_makes_the_file_and_never_overwrites_it(client: TestClient, study: Any) -> None:
    client.get(TOPIC)
    path = study.home.path / "mine/transformer/self_attention.py"
    path.write_text("mine = 1\n")
    assert text_area(client.get(TOPIC)) == "mine = 1\n"
    assert path.read_text() == "mine = 1\n"


@pytest.mark.parametrize("text", ["\n\nx = 1\n", "</textarea><script>alert(1)</script>", "", "é\t漢\n", "a = '&amp;'"])
def test_the_file_stands_in_the_form_as_it_is(client: TestClient, study: Any, text: str) -> None:
    study.open("self-attention").path.write_text(text)
    assert text_area(client.get(TOPIC)) == text


def test_a_check_saves_and_shows_what_is_wrong(client: TestClient, study: Any, fake: ModuleType) -> None:
    page = client.get(TOPIC)
    wrong = "def attention_scores(q, k):\n    print(1)\n    return q\n\ndef causal_mask(n):\n    return RIGHT\n"
    answer = post(client, "check", wrong, field(page, "sha256"))
    assert answer.status_code == 200
    assert study.source("self-attention").source.decode() == wrong
    said = words(answer)
    for wanted in (
        "1 of 2 builds passes.",
        "attention_scores not right yet 2 of 6 cases",
        "two queries against three keys",
        "This is what comes out of: scale missing",
        "The scores are not divided by the square root of the key dimension. <b>Not markup.</b>",
        "every number is 1.414 times what was expected",
        "Your line 3 return q",
        "The call attention_scores(q, k)",
        "Your code returned float32, shape (2, 3) 24.00 differs 3.000 differs 8.000 differs -1.000 differs 0.500",
        "Expected float32, shape (2, 3) 16.97",
        "causal_mask passed 6 of 6 cases right, but slower than it could be",
        "Your code printed <script>alert(1)</script>",
        "groundup check self-attention --seed 7",
        "none at all (without everything)",
    ):
        assert wanted in said
    assert "<script>alert" not in answer.text and "<b>Not" not in answer.text


def test_what_passed_has_passed_tomorrow(client: TestClient, study: Any, fake: ModuleType) -> None:
    answer = post(client, "check", fake.GOOD, field(client.get(TOPIC), "sha256"))
    assert "All 2 builds pass." in words(answer)
    again = client.get(TOPIC)
    assert "All 2 builds pass." in words(again), "the last verdict still speaks of this file"
    assert "causal_mask(n) passed" in words(again)
    assert "Self-attention passed" in words(client.get("/map"))
    study.open("self-attention").path.write_text("changed = 1\n")
    changed = words(client.get(TOPIC))
    assert "All 2 builds pass." not in changed, "that verdict was on another file"
    assert "causal_mask(n) passed" in changed, "accepted is accepted"


def test_an_unwritten_file_is_missing_not_wrong(client: TestClient) -> None:
    page = client.get(TOPIC)
    said = words(post(client, "check", text_area(page), field(page, "sha256")))
    assert "Nothing to check yet: write the first build." in said
    assert "attention_scores not written yet" in said


def test_a_form_does_not_overwrite_what_changed_on_disk(client: TestClient, study: Any) -> None:
    page = client.get(TOPIC)
    study.open("self-attention").path.write_text("theirs = 1\n")
    answer = post(client, "check", "mine = '<i>'\n", field(page, "sha256"))
    assert answer.status_code == 409
    assert study.source("self-attention").source == b"theirs = 1\n"
    assert text_area(answer) == "theirs = 1\n"
    assert "Yours, not saved: mine = '<i>'" in words(answer)
    saved = post(client, "save", "mine = 2\n", field(answer, "sha256"))
    assert saved.status_code == 200 and "saved" in words(saved)
    assert study.source("self-attention").source == b"mine = 2\n"


@pytest.mark.parametrize(("before", "after"), [("a\nb\n", b"x\ny\n"), ("a\r\nb\r\n", b"x\r\ny\r\n")])
def test_a_form_keeps_the_files_line_ends(client: TestClient, study: Any, before: str, after: bytes) -> None:
    study.open("self-attention").path.write_bytes(before.encode())
    page = client.get(TOPIC)
    post(client, "save", "x\r\ny\r\n", field(page, "sha256"))
    assert study.source("self-attention").source == after


def test_a_hint_comes_in_stages(client: TestClient) -> None:
    page = client.get(TOPIC)
    for stage in (1, 2, 3, 3):
        page = post(client, "hint", text_area(page), field(page, "sha256"))
        assert f"Hint {stage} of 3 for attention_scores" in words(page)


def test_a_hint_is_text(client: TestClient, study: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study, "hint", lambda *_: Hint("b", 1, 3, "<i>title", "<img src=x>"), raising=False)
    page = client.get(TOPIC)
    answer = post(client, "hint", text_area(page), field(page, "sha256"))
    assert "<img src=x>" not in answer.text and "<img src=x>" in words(answer)


def test_the_solution_asks_first(client: TestClient, study: Any) -> None:
    asked = client.get(f"{TOPIC}/solution")
    assert "the solution</b>" not in asked.text and "Show it" in words(asked)
    assert study.progress.hints("self-attention", "causal_mask") == 0
    shown = client.post(f"{TOPIC}/solution")
    assert "return '<b>the solution</b>'" in words(shown)
    assert "<b>the solution" not in shown.text
    assert study.progress.hints("self-attention", "causal_mask") == 4


def test_a_lesson_is_marked_as_read(client: TestClient, study: Any) -> None:
    assert client.post(TOPIC, data={"action": "read"}).status_code == 303
    assert study.progress.lessons_read() == {"self-attention"}
    assert client.post(TOPIC, data={"action": "unread"}).status_code == 303
    assert study.progress.lessons_read() == set()


def test_a_topic_without_builds_is_only_read(client: TestClient) -> None:
    page = client.get("/topic/dot-products")
    assert page.status_code == 200
    assert "<textarea" not in page.text


def test_a_topic_that_is_not_written_says_so(client: TestClient, study: Any) -> None:
    page = client.get("/topic/multi-head-attention")
    said = words(page)
    assert page.status_code == 200
    for wanted in (
        "This topic is not written yet.",
        "MultiHeadAttention(d_model, n_heads)",
        "compare one head with eight",
        "Self-attention not started",
        "What the road map recommends to read and watch",
    ):
        assert wanted in said
    answer = client.post("/topic/multi-head-attention", data={"action": "check", "text": "", "sha256": ""})
    assert answer.status_code == 409
    assert not (study.home.path / "mine/transformer/multi_head_attention.py").exists()


def test_a_file_that_is_not_utf8_cannot_be_edited_here(client: TestClient, study: Any) -> None:
    study.open("self-attention").path.write_bytes(b"x = '\xff'\n")
    page = client.get(TOPIC)
    assert "is not UTF-8 text" in words(page)
    assert re.search(r"<textarea[^>]* readonly", page.text)


def test_a_newer_stub_is_offered_not_imposed(
    client: TestClient, study: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    client.get(TOPIC)
    topic = study.roadmap.topic("self-attention")
    monkeypatch.setattr(type(topic), "exercise_source", lambda self: "# newer\n")
    assert "self_attention.new-stub.py" in words(client.get(TOPIC))


# ── the figure in numbers ────────────────────────────────────────────────────


def test_the_figure_can_be_read_as_tables(client: TestClient) -> None:
    page = client.get(f"{TOPIC}/figure", params={"angle": "90", "form": "square"})
    said = words(page)
    assert "angle between q and k (degrees)" in said
    assert "here x y 90 " in said
    assert 'value="90"' in page.text and "<option selected>square</option>" in page.text


@pytest.mark.parametrize("query", [{"angle": "1000"}, {"angle": "<b>"}, {"nothing": "1"}, {"form": "other"}])
def test_a_slider_out_of_its_range_is_said(client: TestClient, query: dict[str, str]) -> None:
    page = client.get(f"{TOPIC}/figure", params=query)
    assert page.status_code == 422
    assert "every angle" in words(page), "and the figure stands at its start"


def test_a_topic_without_a_figure(client: TestClient) -> None:
    assert client.get("/topic/dot-products/figure").status_code == 404


def test_packed_numbers_are_read() -> None:
    import base64
    import struct

    packed = {"dtype": "f8", "bdata": base64.b64encode(struct.pack("<4d", 1, 2, 3, 4.5)).decode()}
    assert numbers(packed) == [1, 2, 3, 4.5]
    assert numbers({**packed, "shape": "2, 2"}) == [[1, 2], [3, 4.5]]
    for broken in (
        {"dtype": "f8", "bdata": "AAA="},
        {"dtype": "f8", "bdata": "%"},
        {"dtype": "x", "bdata": ""},
        3,
        None,
    ):
        assert numbers(broken) == []


def test_a_matrix_is_a_table_with_its_names() -> None:
    (table,) = figure_tables(
        {"data": [{"type": "heatmap", "z": [[1, 2.5], [3, None]], "x": ["a", "b"], "y": ["c", "d"]}]}
    )
    assert table["head"] == ["", "a", "b"]
    assert table["rows"] == [["c", "1", "2.5"], ["d", "3", ""]]


# ── without scripts, and static files ────────────────────────────────────────


def test_without_built_scripts_every_page_says_so_and_works(client: TestClient, app: FastAPI, tmp_path: Path) -> None:
    for file in app.state.templates.static.iterdir():
        if file.is_file():  # all but the folder of what is built
            (tmp_path / file.name).write_bytes(file.read_bytes())
    app.state.templates = Templates(tmp_path)
    for path in ("/", "/map", "/track/transformer", TOPIC, "/topic/multi-head-attention", "/first", "/runs", "/shelf"):
        page = client.get(path)
        assert page.status_code == 200
        assert "plain form" in words(page)
        assert "<script" not in page.text
    page = client.get(TOPIC)
    assert "Not yet." in words(
        post(client, "check", "def attention_scores(q, k):\n    return q\n", field(page, "sha256"))
    )


def test_static_files_are_kept_only_under_an_address_that_names_their_content(client: TestClient) -> None:
    (address,) = re.findall(r'href="(/static/style\.css\?v=\w+)"', client.get("/").text)
    assert "immutable" in client.get(address).headers["cache-control"]
    assert client.get("/static/style.css").headers["cache-control"] == "no-cache"
    assert client.get("/static/nothing.css?v=1").headers["cache-control"] == "no-store"


# ── the project of a stage ───────────────────────────────────────────────────


def test_a_project_is_on_the_map_and_in_its_track(client: TestClient) -> None:
    for address in ("/map", "/track/transformer"):
        page = client.get(address)
        assert 'href="/project/attending-model"' in page.text
        assert "A model that <attends>" in words(page)


def test_a_project_says_which_of_its_parts_are_the_learners(client: TestClient, study: Any, fake: ModuleType) -> None:
    before = client.get("/project/attending-model")
    assert "0 of 2 parts are yours so far" in words(before)
    assert "Let a loss fall, for a whole stage." in words(before)
    assert 'href="/topic/self-attention"' in before.text
    assert "<attends>" not in before.text
    assert "A model that <attends>" in words(before)
    study.open("self-attention").path.write_text(fake.GOOD)
    study.check("self-attention")
    assert "2 of 2 parts are yours so far" in words(client.get("/project/attending-model"))


def test_a_project_is_begun_like_any_lab(client: TestClient, study: Any) -> None:
    form = client.get("/runs/new", params={"lab": "attending-model"})
    assert 'href="/project/attending-model"' in form.text
    begun = client.post("/runs/new", data={"lab": "attending-model", "scale": "smoke", "whose": "reference"})
    assert begun.headers["location"] == "/runs/attending-model-1"
    list(study.runs.follow(study.runs.get("attending-model-1"), poll_s=0.02))
    assert 'href="/project/attending-model"' in client.get("/runs/attending-model-1").text
    assert 'href="/project/attending-model"' in client.get("/runs").text


def test_an_unknown_project(client: TestClient) -> None:
    answer = client.get("/project/nothing")
    assert answer.status_code == 404
    assert "There is no project called" in words(answer)
