"""Lessons as blocks, as HTML, and as code that was executed."""

from __future__ import annotations

from pathlib import Path

import pytest

from groundup.study.lessons import (
    LessonError,
    check_outputs,
    code_blocks,
    parse,
    render,
    run_blocks,
    run_code,
    with_outputs,
    write_outputs,
)
from groundup.study.roadmap import load_roadmap
from groundup.study.topics import Topic


@pytest.fixture
def doubling(small: Path) -> Topic:
    return load_roadmap(small).topic("doubling")


def lesson(topic: Topic, text: str) -> Topic:
    topic.path("lesson.md").write_text(text, encoding="utf-8")
    return topic


def html(topic: Topic, text: str) -> str:
    return render(lesson(topic, text)).html_before_figure


# ── blocks and running ──


def test_blocks_have_kinds_and_lines() -> None:
    text = "# T\n\n```python\na = 1\n```\n\n```output\n2\n```\n\n- in a list\n\n  ```python\n  b\n  ```\n"
    assert [(one.kind, one.code, one.start, one.end) for one in parse(text)] == [
        ("python", "a = 1\n", 3, 5),
        ("output", "2\n", 7, 9),
    ]


def test_blocks_share_a_namespace_and_print_apart(doubling: Topic) -> None:
    assert run_blocks(doubling) == ["42", "", "22"]


def test_output_is_up_to_date(doubling: Topic) -> None:
    assert check_outputs(doubling) == []
    assert write_outputs(doubling) is False


def test_stale_missing_and_needless_outputs_are_found_and_mended(doubling: Topic) -> None:
    text = doubling.lesson_text()
    stale = text.replace("\n42\n", "\n41\n").replace("\n```output\n22\n```\n", "")
    stale = stale.replace("x = x + 1\n```\n", "x = x + 1\n```\n\n```output\nnothing\n```\n")
    differences = check_outputs(lesson(doubling, stale))
    assert [(one.written, one.printed) for one in differences] == [("41", "42"), ("nothing", ""), ("", "22")]
    assert all("```" in stale.splitlines()[one.line - 1] for one in differences)
    assert write_outputs(doubling) is True
    assert doubling.lesson_text() == text
    assert check_outputs(doubling) == []


@pytest.mark.parametrize(
    ("written", "printed", "same"),
    [
        ("miss 2e-07, size 3", "miss 1e-07, size 3", True),
        ("[1.5, 1.3757e-17]", "[1.5, 5.551115123125783e-17]", True),
        ("miss 2e-07, size 3", "miss 2e-07, size 4", False),
        ("miss 2e-07", "miss 3e-06", False),
        ("miss 2e-04", "miss 3e-04", False),
        ("miss 2e-07", "miss 2e-09", False),
        ("miss 2e-07", "miss 2e+07", False),
        ("miss 2e-07", "miss -2e-07", False),
        ("miss 2e-07", "miss 0.0", False),
        ("miss 2e-07", "miss 2e-07 2e-07", False),
    ],
)
def test_outputs_agree_up_to_what_rounding_leaves(doubling: Topic, written: str, printed: str, same: bool) -> None:
    text = f"# T\n\n```python\nprint({printed!r})\n```\n\n```output\n{written}\n```\n"
    topic = lesson(doubling, text)
    assert (check_outputs(topic) == []) is same
    assert write_outputs(topic) is not same
    assert (topic.lesson_text() == text) is same


def test_an_output_that_holds_a_fence_gets_a_longer_one() -> None:
    text = "```python\nprint('```')\n```\n"
    new = with_outputs(text, ["```"])
    assert new == "```python\nprint('```')\n```\n\n````output\n```\n````\n"
    assert parse(new)[1].code == "```\n"
    assert with_outputs(new, ["```"]) == new


def test_a_failing_block_says_its_line(doubling: Topic) -> None:
    text = "# T\n\n```python\nx = 1\n```\n\nwords\n\n```python\ndef f():\n    return 1 / 0\n\nf()\n```\n"
    with pytest.raises(LessonError, match=r"doubling/lesson\.md:11: ZeroDivisionError"):
        run_blocks(lesson(doubling, text))


def test_a_syntax_error_says_its_line(doubling: Topic) -> None:
    with pytest.raises(LessonError, match=r"lesson\.md:4: SyntaxError"):
        run_blocks(lesson(doubling, "# T\n\n```python\nx =\n```\n"))


def test_an_endless_block_is_ended() -> None:
    with pytest.raises(LessonError, match="longer than"):
        run_code(code_blocks("```python\nwhile True: pass\n```\n"), time_limit_s=0.5)


def test_a_block_that_ends_the_process_is_an_error() -> None:
    with pytest.raises(LessonError, match="ended with 3"):
        run_code(code_blocks("```python\nimport os; os._exit(3)\n```\n"))
    with pytest.raises(LessonError, match="SystemExit"):
        run_code(code_blocks("```python\nraise SystemExit\n```\n"))


def test_a_lesson_without_code_prints_nothing() -> None:
    assert run_code([]) == []


def test_trailing_blanks_and_tabs_do_not_matter() -> None:
    assert run_code(code_blocks("```python\nprint('a  \\n\\tb\\n\\n')\n```\n")) == ["a\n        b"]


# ── HTML ──


def test_the_page_of_a_lesson(doubling: Topic) -> None:
    page = render(doubling)
    assert page.title == "Doubling"
    assert page.minutes == 20
    assert page.has_figure
    assert page.sections[0] == ("lesson-why-you-need-it", "Why you need it")
    assert page.sections[-1] == ("lesson-sources", "Sources")
    assert "<h1" not in page.html_before_figure
    assert '<h2 id="lesson-the-idea">' in page.html_before_figure
    assert '<h2 id="lesson-a-worked-example">' in page.html_after_figure
    assert "{{figure}}" not in page.html_before_figure + page.html_after_figure
    assert page.html_before_figure.startswith("<p>The model that you are building")


def test_a_lesson_without_a_figure(doubling: Topic) -> None:
    page = render(lesson(doubling, "# T\n\nwords with {{figure}} in them\n"))
    assert not page.has_figure
    assert page.html_after_figure == ""


def test_mathematics_is_left_as_tex(doubling: Topic) -> None:
    text = html(doubling, "# T\n\nso $a < b & c$ holds\n\n$$\n\\frac{x}{y}\n$$\n")
    assert '<span class="math inline">a &lt; b &amp; c</span>' in text
    assert '<div class="math display" tabindex="0">\\frac{x}{y}</div>' in text


def test_dollars_of_money_are_no_mathematics(doubling: Topic) -> None:
    assert "math" not in html(doubling, "# T\n\nfrom $5 to $6 a day\n")


def test_code_is_colored_and_numbered(doubling: Topic) -> None:
    text = html(doubling, "# T\n\n```python\nx = 1 < 2\n```\n\n```output\n<b>\n```\n\n```python\ny\n```\n")
    assert '<div class="highlight" data-block="0"><pre tabindex="0"><code>' in text
    assert 'data-block="1"' in text
    assert '<span class="o">&lt;</span>' in text
    assert '<pre class="output" tabindex="0">&lt;b&gt;</pre>' in text


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "a <img src=x onerror=alert(1)> b",
        "[x](javascript:alert(1))",
        "$</span><script>$",
        "```output\n</pre><script>\n```",
        "```python\n'</code><script>'\n```",
        "## <script>",
    ],
)
def test_nothing_in_a_lesson_becomes_a_script(doubling: Topic, hostile: str) -> None:
    text = html(doubling, f"# T\n\n{hostile}\n")
    assert "<script" not in text
    assert "<img" not in text
    assert "javascript:" not in text.replace("[x](javascript:alert(1))", "")


def test_links_and_tables(doubling: Topic) -> None:
    text = html(doubling, "# T\n\n[a](https://example.org)\n\n| a | b |\n|---|---|\n| 1 | 2 |\n")
    assert '<a href="https://example.org" rel="noopener noreferrer">' in text
    assert '<div class="table" tabindex="0"><table>' in text
    assert "</table></div>" in text


def test_headings_of_one_name_get_ids_of_their_own(doubling: Topic) -> None:
    page = render(lesson(doubling, "# T\n\n## A $x$ `b`\n\n## A $x$ `b`\n\n### A x b\n\n## ½\n"))
    assert [one for one, _ in page.sections] == ["lesson-a-x-b", "lesson-a-x-b-2", "lesson-section"]
    assert page.sections[0][1] == "A x b"
    assert 'id="lesson-a-x-b-3"' in page.html_before_figure


def test_a_lesson_rendered_twice_is_the_same(doubling: Topic) -> None:
    assert render(doubling) == render(doubling)
