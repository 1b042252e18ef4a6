"""The page in a real Chromium: what a learner does, seen as a learner sees it.

The first test walks through the real study, checker and all; the others use the small one. GROUNDUP_SHOTS names a
folder for pictures. Without a Chromium, or without built scripts, everything here is skipped and says why.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = [pytest.mark.browser]

WRONG = "def attention_scores(q, k):\n    print(1)\n    return q\n\ndef causal_mask(n):\n    return RIGHT\n"


def letters(text: str) -> str:
    """The text without its white space, which templates and scripts put between elements as suits each."""
    return "".join(text.split())


# ── the whole way, on the real study ─────────────────────────────────────────


def test_from_the_first_look_to_passed_and_back_tomorrow(visit_real: Callable[..., Any], real_study: Any) -> None:
    study = real_study
    visitor = visit_real(color_scheme="light")
    page = visitor.page
    assert page.url == visitor.base + "/", "the token has left the address"
    assert study.next().title in page.inner_text("h1")
    visitor.shot("today")

    # find it on the map, by keyboard
    page.click("nav >> text=Map")
    page.wait_for_url("**/map")  # the script that listens for the key has run
    page.keyboard.press("/")
    page.keyboard.type("self-attention")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/topic/self-attention")

    # read
    page.wait_for_selector(".cm-editor")
    assert page.locator(".prose .katex").count() > 3
    assert page.locator(".math:not(.typeset)").count() == 0
    assert page.locator(".prose pre.output").count() > 0

    # move a slider
    page.wait_for_selector("#figure .plot svg")
    assert "groundup's code" in page.inner_text("#figure-said")
    slider = page.locator("#figure input[type=range]").first
    before, drawn = slider.input_value(), int(page.get_attribute("#figure", "data-draws"))
    slider.focus()
    page.keyboard.press("ArrowRight")
    visitor.until(f"Number(document.querySelector('#figure').dataset.draws) > {drawn}")
    assert slider.input_value() != before
    assert page.locator("#figure output").first.inner_text() == slider.input_value()
    visitor.until("document.querySelector('#ready').textContent.includes('checker ready')")
    visitor.shot("topic")

    # fail with a named misconception
    right = study.roadmap.topic("self-attention").solution_source()
    visitor.write(right + "\n\ndef causal_mask(n):\n    return torch.ones(n, n).triu().bool()\n")
    assert "not saved" in page.inner_text("#file-said")
    verdict = visitor.check()
    failed = verdict.locator("li", has_text="causal_mask").first
    assert "not right yet" in failed.inner_text()
    assert "upper triangle" in failed.locator(".named").inner_text()
    assert failed.locator(".returned td.wrong").count() > 0
    assert failed.locator(".expected td").count() == failed.locator(".returned td").count()
    assert "started" in page.inner_text("#topic-state")
    visitor.shot("verdict")

    # fix, pass
    visitor.write(right)
    verdict = visitor.check()
    assert "All 3 builds pass." in verdict.inner_text()
    assert page.inner_text("#topic-state").strip() == "passed"
    visitor.until("document.querySelector('#figure').dataset.drawnBy === 'your code'")
    file = study.home.path / "mine/transformer/self_attention.py"
    assert file.read_text() == right

    # come back
    page.reload()
    page.wait_for_selector(".cm-editor")
    assert "All 3 builds pass." in page.inner_text("#verdict")
    assert page.inner_text("#topic-state").strip() == "passed"
    assert page.locator("#builds li.good").count() == 3
    visitor.open("/map?q=self-attention")
    assert "passed" in page.locator("a.topic[href='/topic/self-attention']").first.inner_text()


@pytest.mark.parametrize("topic", ["vectors", "byte-pair-encoding", "self-attention"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_real_topics_read_well(visit_real: Callable[..., Any], topic: str, scheme: str) -> None:
    """Every formula is typeset, the figure drawn, nothing scrolls sideways on a phone, and axe finds nothing."""
    visitor = visit_real(color_scheme=scheme, reduced_motion="reduce")
    page = visitor.editor(f"/topic/{topic}")
    page.wait_for_selector("#figure .plot svg")
    assert page.locator(".math:not(.typeset)").count() == 0
    assert visitor.axe() == []
    visitor.phone()
    assert visitor.sideways() <= 0
    visitor.shot(f"phone-{topic}-{scheme}")


# ── the file and the disk ────────────────────────────────────────────────────


def test_what_changes_on_disk_is_loaded_where_nothing_is_lost(visit: Callable[..., Any], study: Any) -> None:
    visitor = visit()
    page = visitor.editor()
    visitor.put(study.open("self-attention").path, "theirs = 1\n")
    visitor.until("document.querySelector('.cm-content').textContent.includes('theirs = 1')")
    assert "loaded from disk" in page.inner_text("#file-said")
    assert page.is_hidden("#conflict")


def test_a_conflict_is_shown_and_solved_either_way(visit: Callable[..., Any], study: Any) -> None:
    visitor = visit()
    page = visitor.editor()
    path = study.open("self-attention").path
    visitor.write("mine = 1\n")
    visitor.put(path, "theirs = 1\n")
    page.wait_for_selector("#conflict .conflict")
    assert "Changed on disk" in page.inner_text("#conflict")
    page.click("text=Show both")
    assert "theirs = 1" in page.inner_text("#conflict .both") and "mine = 1" in page.inner_text("#conflict .both")
    visitor.shot("conflict")
    page.click("text=Keep mine")
    page.wait_for_selector("#conflict", state="hidden")
    assert path.read_text() == "mine = 1\n"

    visitor.write("mine = 2\n")
    visitor.put(path, "theirs = 2\n")
    page.keyboard.press("Control+Enter")  # a check saves first, and may not overwrite
    page.wait_for_selector("#conflict .conflict")
    assert path.read_text() == "theirs = 2\n"
    assert study.progress.attempts("self-attention") == []
    page.click("text=Load theirs")
    visitor.until("document.querySelector('.cm-content').textContent.includes('theirs = 2')")
    assert page.is_hidden("#conflict")
    assert "not saved" not in page.inner_text("#file-said")


def test_saving_keeps_the_files_line_ends(visit: Callable[..., Any], study: Any) -> None:
    path = study.open("self-attention").path
    path.write_bytes(b"a = 1\r\nb = 2\r\n")
    visitor = visit()
    page = visitor.editor()
    assert page.inner_text("#file-said") == ""
    visitor.write("c = 3\nd = 4\n")
    page.keyboard.press("Control+s")
    visitor.until("document.querySelector('#file-said').textContent === 'saved'")
    assert path.read_bytes() == b"c = 3\r\nd = 4\r\n"


def test_leaving_with_unsaved_text_asks_first(visit: Callable[..., Any], study: Any) -> None:
    visitor = visit()
    page = visitor.editor()
    questions: list[str] = []

    def stay(dialog: Any) -> None:
        questions.append(dialog.type)
        dialog.accept()

    page.on("dialog", stay)
    visitor.write("mine = 1\n")
    visitor.open("/map")
    assert questions == ["beforeunload"]


# ── the verdict ──────────────────────────────────────────────────────────────


def test_scripts_and_templates_show_one_verdict_alike(visit: Callable[..., Any]) -> None:
    visitor = visit()
    page = visitor.editor()
    visitor.write(WRONG)
    drawn = letters(visitor.check().evaluate("(one) => one.textContent"))
    classes = _shape_of(page)
    page.reload()
    page.wait_for_selector(".cm-editor")
    assert letters(page.locator("#verdict .verdict").evaluate("(one) => one.textContent")) == drawn
    assert _shape_of(page) == classes
    assert "scalemissing" in drawn


def _shape_of(page: Any) -> list[str]:
    """The verdict's elements in order, as tag and class; what leads into the editor is a script's own addition."""
    script = """() => [...document.querySelectorAll("#verdict .verdict *")]
        .filter((one) => !one.closest("svg") && !one.matches("button.link"))
        .map((one) => `${one.tagName} ${one.className}`.trim())"""
    shape: list[str] = page.evaluate(script)
    return shape


def test_what_code_printed_never_becomes_markup(visit: Callable[..., Any]) -> None:
    visitor = visit()
    page = visitor.editor()
    visitor.write(WRONG)
    verdict = visitor.check()
    assert "<script>alert(1)</script>" in verdict.locator(".printed").inner_text()
    assert verdict.locator("script, b, img").count() == 0
    page.reload()
    assert page.locator("#verdict").locator("script, b, img").count() == 0


def test_the_failing_line_leads_into_the_editor(visit: Callable[..., Any]) -> None:
    visitor = visit()
    page = visitor.editor()
    visitor.write(WRONG)
    visitor.check()
    assert page.locator(".cm-failed").inner_text().strip() == "return q"
    page.click("text=Your line 3")
    assert page.evaluate("document.activeElement.classList.contains('cm-content')")
    page.reload()
    page.wait_for_selector(".cm-editor")
    page.click("text=Your line 3")
    assert page.locator(".cm-failed").inner_text().strip() == "return q"


def test_hints_and_the_solution_come_when_asked_for(visit: Callable[..., Any], study: Any) -> None:
    page = visit().editor()
    for stage in (1, 2, 3):
        page.click("button[value=hint]")
        page.wait_for_selector(f"text=Hint {stage} of 3")
    page.click("#solution-link")
    assert page.locator("#solution pre").count() == 0
    assert study.progress.hints("self-attention", "causal_mask") == 0
    page.click("text=Not yet")
    assert page.is_hidden("#solution")
    page.click("#solution-link")
    page.click("text=Show it")
    page.wait_for_selector("#solution pre")
    assert "<b>the solution</b>" in page.inner_text("#solution pre")
    assert study.progress.hints("self-attention", "causal_mask") == 4


def test_a_server_that_is_gone_is_said_to_be(visit: Callable[..., Any]) -> None:
    visitor = visit()
    page = visitor.editor()
    page.route("**/api/check/**", lambda route: route.abort())
    page.click("button[value=check]")
    page.wait_for_selector("#verdict .notice")
    assert "does not answer" in page.inner_text("#verdict")


# ── figure, map, resources ───────────────────────────────────────────────────


def test_the_last_position_of_a_slider_is_the_one_drawn(visit: Callable[..., Any]) -> None:
    visitor = visit()
    page = visitor.editor()
    page.wait_for_selector("#figure .plot svg")
    slider = page.locator("#slider-angle")
    for angle in range(0, 180, 5):
        slider.fill(str(angle))
    page.select_option("#slider-form", "square")
    slider.fill("120")
    # 120 was passed on the way, too, in the other form: it may be drawn for a moment.
    drawn = "document.querySelector('.plot').data[1]"
    visitor.until(f"{drawn}.x[0] === 120 && Math.round({drawn}.y[0] * 100) === 25")
    assert page.locator(".slider output").inner_text() == "120"


def test_plotly_comes_only_where_there_is_a_figure(visit: Callable[..., Any]) -> None:
    visitor = visit()
    visitor.open("/map")
    visitor.open("/topic/dot-products")
    visitor.page.wait_for_load_state("networkidle")
    assert not any("plotly" in url for url in visitor.asked)
    visitor.editor()
    visitor.page.wait_for_selector("#figure .plot svg")
    assert any("plotly" in url for url in visitor.asked)


def test_the_map_filters_as_one_types(visit: Callable[..., Any]) -> None:
    visitor = visit()
    page = visitor.open("/map")
    page.keyboard.press("/")
    page.keyboard.type("several heads")
    assert page.inner_text("#found") == "2 topics found."
    assert page.locator("#mathematics").is_hidden() and page.locator("text=Several heads").is_visible()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "/topic/multi-head-attention"
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "/topic/self-attention"
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Escape")
    assert page.locator("#mathematics").is_visible()
    visitor.open("/map?q=angles")
    assert page.locator("text=Several heads").is_hidden()
    page.fill("#search", "")
    assert page.locator("text=Several heads").is_visible()


def test_ticks_keep_the_page_where_it_is(visit: Callable[..., Any], study: Any) -> None:
    visitor = visit()
    page = visitor.open("/track/transformer")
    tick = page.get_by_role("button", name="A talk on attention: done")
    tick.click()
    page.wait_for_selector("button[aria-pressed=true]")
    assert study.progress.resources_done() == {"talk"}
    tick.click()
    page.wait_for_selector("button[aria-pressed=true]", state="hidden")
    assert study.progress.resources_done() == set()
    visitor.editor()
    page.get_by_role("button", name="I have read this lesson").click()
    page.wait_for_selector("#read button[aria-pressed=true]")
    assert study.progress.lessons_read() == {"self-attention"}
