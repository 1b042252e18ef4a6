"""Lessons: lesson.md as blocks, as HTML, and as code that was executed.

A lesson's ``python`` blocks run in order in one namespace; what they print stands in the ``output`` block after each.
Only ``write_outputs`` and ``check_outputs`` execute them, in a process of their own; a page view never does. HTML comes
from Markdown alone: raw HTML in a lesson is shown as text. Mathematics is left as TeX in elements of class ``math``,
which the page typesets and which reads as TeX without JavaScript.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from html import escape
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin

from groundup.study.topics import Topic

FIGURE = "{{figure}}"
TIME_LIMIT_S = 120
LONGEST_OUTPUT = 20_000  # characters of one block


class LessonError(Exception):
    """A lesson that cannot be read, or whose code fails; says the line of lesson.md."""


@dataclass(frozen=True)
class Block:
    """A fenced block at the top level of a lesson: lines ``start`` to ``end`` (from 1, both fences included)."""

    kind: str
    code: str
    start: int
    end: int


@dataclass(frozen=True)
class Lesson:
    """A lesson as a page needs it. ``sections`` are (id, title) of its headings of the second level, in order."""

    title: str
    html_before_figure: str
    html_after_figure: str
    sections: tuple[tuple[str, str], ...]
    minutes: int | None
    has_figure: bool


@dataclass(frozen=True)
class Difference:
    """An output block that does not hold what its code prints."""

    line: int
    written: str
    printed: str


# ── blocks ───────────────────────────────────────────────────────────────────


def tokens(text: str) -> list[Token]:
    """The lesson's Markdown tokens."""
    return _markdown().parse(text)


def parse(text: str) -> list[Block]:
    """The fenced blocks at the top level, in order; ``kind`` is the first word after the fence."""
    found = []
    for token in tokens(text):
        if token.type == "fence" and token.level == 0 and token.map:
            kind = (token.info.split() or [""])[0]
            found.append(Block(kind, token.content, token.map[0] + 1, token.map[1]))
    return found


def code_blocks(text: str) -> list[Block]:
    """The blocks that are executed."""
    return [block for block in parse(text) if block.kind == "python"]


def _output_of(text: str) -> list[tuple[Block, Block | None]]:
    """Each python block with the output block that follows it with only blank lines between, if there is one."""
    lines = text.splitlines()
    blocks = parse(text)
    pairs: list[tuple[Block, Block | None]] = []
    for block, after in zip(blocks, [*blocks[1:], None], strict=True):
        if block.kind != "python":
            continue
        follows = (
            after is not None
            and after.kind == "output"
            and not any(line.strip() for line in lines[block.end : after.start - 1])
        )
        pairs.append((block, after if follows else None))
    return pairs


def outputs_of(text: str) -> list[Block | None]:
    """The output block of each python block, None where it has none."""
    return [output for _, output in _output_of(text)]


# ── running ──────────────────────────────────────────────────────────────────

_RUNNER = """
import contextlib, io, json, sys, traceback
# What a lesson prints is for its reader; the answer of this process goes another way.
answer = open(int(sys.argv[1]), "w", encoding="utf-8")
blocks = json.load(sys.stdin)
space = {"__name__": "__lesson__"}
outputs, failed = [], None
for line, code in blocks:
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            exec(compile("\\n" * line + code, "lesson.md", "exec"), space)
    except BaseException as error:
        at = error.lineno if isinstance(error, SyntaxError) and error.filename == "lesson.md" else line
        for frame in traceback.extract_tb(error.__traceback__):
            at = frame.lineno if frame.filename == "lesson.md" else at
        failed = [at, f"{type(error).__name__}: {error}"]
        break
    outputs.append(printed.getvalue())
json.dump({"outputs": outputs, "failed": failed}, answer)
answer.close()
"""


def run_blocks(topic: Topic, *, time_limit_s: float = TIME_LIMIT_S) -> list[str]:
    """Execute the lesson's python blocks in a fresh process; what each printed. LessonError where one fails."""
    return run_code(code_blocks(topic.lesson_text()), where=f"{topic.id}/lesson.md", time_limit_s=time_limit_s)


def run_code(blocks: Sequence[Block], *, where: str = "lesson.md", time_limit_s: float = TIME_LIMIT_S) -> list[str]:
    """Execute blocks in order in one namespace of a fresh process with one thread; what each printed."""
    if not blocks:
        return []
    given = json.dumps([[block.start, block.code] for block in blocks])
    one_thread = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    environment = os.environ | one_thread | {"PYTHONHASHSEED": "0", "COLUMNS": "100"}
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+", encoding="utf-8") as answer:
        try:
            ended = subprocess.run(
                [sys.executable, "-c", _RUNNER, str(answer.fileno())],
                input=given.encode(),
                pass_fds=[answer.fileno()],
                capture_output=True,
                timeout=time_limit_s,
                cwd=folder,
                env=environment,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise LessonError(f"{where}: its code takes longer than {time_limit_s:g} seconds") from None
        answer.seek(0)
        raw = answer.read()
    if ended.returncode != 0 or not raw:
        last = ended.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no message"]
        raise LessonError(f"{where}: the process that runs its code ended with {ended.returncode}: {last[0]}")
    result = json.loads(raw)
    if result["failed"]:
        line, what = result["failed"]
        raise LessonError(f"{where}:{line}: {what}")
    return [_tidy(output) for output in result["outputs"]]


def _tidy(output: str) -> str:
    """Output as it can stand in a file: no trailing blanks, bounded."""
    text = "\n".join(line.rstrip() for line in output.expandtabs().splitlines()).strip("\n")
    return text if len(text) <= LONGEST_OUTPUT else text[:LONGEST_OUTPUT] + "\n…"


def _written(output: Block | None) -> str:
    return _tidy(output.code) if output else ""


_TINY = re.compile(r"(?<![\w.])\d(?:\.\d+)?e-\d+")
_ROUNDING = 1e-6  # below this, what a lesson prints may be what rounding left, which other processors round otherwise


def _same(written: str, printed: str) -> bool:
    """Whether they agree to the letter, but for numbers below a millionth: those within a factor of ten."""
    if written == printed:
        return True
    if _TINY.split(written) != _TINY.split(printed):
        return False
    pairs = zip(map(float, _TINY.findall(written)), map(float, _TINY.findall(printed)), strict=True)
    return all(one == other or max(one, other) < min(_ROUNDING, 10 * min(one, other)) for one, other in pairs)


def check_outputs(topic: Topic, *, time_limit_s: float = TIME_LIMIT_S) -> list[Difference]:
    """The output blocks that are not what their code prints now, up to what rounding leaves."""
    text = topic.lesson_text()
    pairs = _output_of(text)
    where = f"{topic.id}/lesson.md"
    printed = run_code([code for code, _ in pairs], where=where, time_limit_s=time_limit_s)
    found = []
    for (code, output), now in zip(pairs, printed, strict=True):
        written = _written(output)
        if not _same(written, now):
            found.append(Difference(output.start if output else code.end, written, now))
    return found


def write_outputs(topic: Topic, *, time_limit_s: float = TIME_LIMIT_S) -> bool:
    """Execute the lesson and write what each block prints into its output block, unless it says the same up to what
    rounding leaves. Whether the file changed."""
    text = topic.lesson_text()
    pairs = _output_of(text)
    where = f"{topic.id}/lesson.md"
    printed = run_code([code for code, _ in pairs], where=where, time_limit_s=time_limit_s)
    kept = [_written(output) for _, output in pairs]
    new = with_outputs(text, [old if _same(old, now) else now for old, now in zip(kept, printed, strict=True)])
    if new == text:
        return False
    path = topic.path("lesson.md")
    part = path.with_name(path.name + ".part")
    part.write_text(new, encoding="utf-8")
    os.replace(part, path)
    return True


def with_outputs(text: str, printed: Sequence[str]) -> str:
    """The lesson with these outputs, one for each python block; a block that prints nothing has no output block."""
    lines = text.splitlines()
    for (code, output), now in reversed(list(zip(_output_of(text), printed, strict=True))):
        if output:
            start, end = output.start - 1, output.end
        else:
            start = end = code.end
        if now:
            ticks = max([2, *(len(run) for run in re.findall(r"`+", now))]) + 1
            fence = "`" * ticks
            lines[start:end] = ([] if output else [""]) + [f"{fence}output", *now.splitlines(), fence]
        elif output:
            # The blank lines between code and output go with it.
            lines[code.end : end] = []
    return "\n".join(lines) + "\n"


# ── HTML ─────────────────────────────────────────────────────────────────────


def render(topic: Topic) -> Lesson:
    """The lesson as HTML, split at its figure."""
    return _render(topic.lesson_text(), topic.minutes)


def highlight(code: str) -> str:
    """Python code as spans with Pygments' classes."""
    from pygments import highlight as pygmentize  # type: ignore[import-untyped]
    from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]
    from pygments.lexers import PythonLexer  # type: ignore[import-untyped]

    return str(pygmentize(code, PythonLexer(), HtmlFormatter(nowrap=True))).rstrip("\n")


@lru_cache(maxsize=512)
def _render(text: str, minutes: int | None) -> Lesson:
    parsed = tokens(text)
    title = ""
    if len(parsed) > 2 and parsed[0].type == "heading_open" and parsed[0].tag == "h1":
        title = _plain(parsed[1])
        parsed = parsed[3:]
    sections = _number(parsed)
    split = next((index for index, token in enumerate(parsed) if _is_figure(parsed, index)), None)
    markdown = _markdown()
    before = parsed if split is None else parsed[:split]
    after = [] if split is None else parsed[split + 3 :]
    return Lesson(
        title=title,
        html_before_figure=str(markdown.renderer.render(before, markdown.options, {})),
        html_after_figure=str(markdown.renderer.render(after, markdown.options, {})),
        sections=tuple(sections),
        minutes=minutes,
        has_figure=split is not None,
    )


def _is_figure(parsed: Sequence[Token], index: int) -> bool:
    return parsed[index].type == "paragraph_open" and parsed[index].level == 0 and parsed[index + 1].content == FIGURE


def _number(parsed: Sequence[Token]) -> list[tuple[str, str]]:
    """Give headings ids and python blocks numbers; the headings of the second level."""
    sections: list[tuple[str, str]] = []
    taken: set[str] = set()
    blocks = 0
    for index, token in enumerate(parsed):
        if token.type == "heading_open":
            name = _plain(parsed[index + 1])
            # The prefix keeps a heading's id apart from those of the page around it.
            base = "lesson-" + (re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "section")
            wanted, count = base, 1
            while wanted in taken:
                count += 1
                wanted = f"{base}-{count}"
            taken.add(wanted)
            token.attrSet("id", wanted)
            if token.tag == "h2":
                sections.append((wanted, name))
        elif token.type == "fence" and token.level == 0 and token.info.split()[:1] == ["python"]:
            token.meta["block"] = blocks
            blocks += 1
    return sections


def _plain(inline: Token) -> str:
    """The words of a heading without their marks."""
    return "".join(child.content for child in inline.children or []).strip()


@cache
def _markdown() -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"html": False, "linkify": False, "typographer": False}).enable("table")
    dollarmath_plugin(markdown, allow_labels=False, allow_space=False, allow_digits=False, double_inline=False)
    rules: dict[str, Any] = markdown.renderer.rules  # type: ignore[attr-defined]
    rules["math_inline"] = lambda tokens, index, options, env: (
        f'<span class="math inline">{escape(tokens[index].content)}</span>'
    )
    rules["math_block"] = lambda tokens, index, options, env: (
        f'<div class="math display" tabindex="0">{escape(tokens[index].content.strip())}</div>\n'
    )
    rules["fence"] = _fence
    # A wide table scrolls in its own box, reachable by keyboard.
    rules["table_open"] = lambda tokens, index, options, env: '<div class="table" tabindex="0"><table>\n'
    rules["table_close"] = lambda tokens, index, options, env: "</table></div>\n"
    markdown.core.ruler.push("outward_links", _outward_links)
    return markdown


def _fence(tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    token = tokens[index]
    kind = (token.info.split() or [""])[0]
    if kind == "python":
        number = token.meta.get("block")
        block = "" if number is None else f' data-block="{number}"'
        return f'<div class="highlight"{block}><pre tabindex="0"><code>{highlight(token.content)}</code></pre></div>\n'
    name = "output" if kind == "output" else "plain"
    return f'<pre class="{name}" tabindex="0">{escape(token.content.rstrip(chr(10)))}</pre>\n'


def _outward_links(state: Any) -> None:
    """Links to other sites tell them nothing about the page they were followed from."""
    for token in state.tokens:
        for child in token.children or []:
            if child.type == "link_open" and str(child.attrGet("href")).startswith("http"):
                child.attrSet("rel", "noopener noreferrer")
