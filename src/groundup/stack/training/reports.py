"""A run card as Markdown and as a page: what :mod:`~groundup.stack.training.cards` writes for people.

Both are made of the same sections, each a table of texts. Names of runs, sets and settings come from anywhere, so every
text is made harmless where it is put in: in the page by escaping, with a policy that lets nothing run and nothing be
fetched; in Markdown by a backslash before whatever could become a mark, a link or a tag.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from groundup.stack.training.cards import RunCard, Score
from groundup.stack.training.curves import SERIES, STYLE, Curve, draw_panel, plain_text, safe_text


@dataclass(frozen=True)
class Section:
    """A heading and a table; the columns in ``numeric`` stand at the right. ``under`` is a line below it."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[int, ...] = ()
    under: str = ""


def sections_of(card: RunCard) -> list[Section]:
    """All that is on a card but its name and its curves."""
    cost, machine = card.cost, card.machine
    found = [_scores(card.scores)] if card.scores else []
    spent = [("tokens", f"{cost.tokens:,}"), ("time", duration(cost.seconds))]
    if cost.seconds > 0:
        spent.append(("tokens a second", f"{cost.tokens / cost.seconds:,.0f}"))
    if cost.flops is not None:
        spent.append(("FLOPs", f"{power(cost.flops)} ({cost.counted})"))
        if cost.seconds > 0:
            spent.append(("FLOP a second", power(cost.flops / cost.seconds)))
    found.append(Section("Cost", ("", ""), tuple(spent)))
    data = tuple((f"{one.name}{f', {one.part}' if one.part else ''}", "" if one.examples is None
                  else f"{one.examples:,}", one.licence, one.source, one.sha256) for one in card.data)  # fmt: skip
    found.append(Section("Data", ("set", "examples", "licence", "source", "sha256"), data, (1,)))
    model = (
        ("family", card.model.family),
        ("parameters", f"{card.model.parameters:,}"),
        ("began as", card.model.start),
    )
    found.append(Section("Model", ("", ""), (*model, *flat(card.model.config))))
    found.append(Section("Settings", ("", ""), tuple(flat(card.settings))))
    memory = "" if machine.memory_gb is None else f", {machine.memory_gb:g} GB"
    words = f"{machine.device}; {machine.cores} cores, {machine.threads} threads{memory}; {machine.system}"
    seeds = ", ".join(map(str, card.seeds)) or "none"
    where = [("seeds", seeds), ("machine", words), *card.versions.items()]
    where += [("written", card.written)] if card.written else []
    return [*found, Section("Seeds, machine, versions", ("", ""), tuple(where))]


def _scores(scores: Sequence[Score]) -> Section:
    rows, ways = [], []
    for one in scores:
        interval = "not computed"
        if one.low is not None and one.high is not None and one.level is not None:
            interval = f"{number(one.low)} to {number(one.high)}"
            ways.append(f"{100 * one.level:g} % by {one.method}")
        rows.append((one.name, one.unit, number(one.value), interval, f"{one.n:,}"))
    under = "Intervals: " + "; ".join(dict.fromkeys(ways)) + "." if ways else ""
    return Section("Scores", ("metric", "unit", "value", "interval", "examples"), tuple(rows), (2, 3, 4), under)


def flat(settings: Mapping[str, Any], before: str = "") -> Iterable[tuple[str, str]]:
    """Settings inside of settings as rows with dotted names; lists stay what they are."""
    for name, value in settings.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value if isinstance(value, str) else number(value)


def number(value: Any) -> str:
    """A number as people write it, with six digits at most; anything else as in JSON."""
    if type(value) is float:
        return f"{value:.6g}"
    return json.dumps(value, ensure_ascii=False)


def power(value: float) -> str:
    """1.23 × 10^15; small numbers as they are."""
    if value < 1e6:
        return f"{value:,.0f}"
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{mantissa} × 10^{int(exponent)}"


def duration(seconds: float) -> str:
    """The two largest units: 41.3 s, 12 min 5 s, 3 h 20 min, 2 d 5 h."""
    if seconds < 60:
        return f"{seconds:.3g} s"
    whole = round(seconds)
    for size, name, part, small in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            return f"{whole // size:,} {name} {whole % size // part} {small}"
    return f"{whole} s"


def panels_of(curves: Iterable[Curve]) -> list[list[Curve]]:
    """Curves by their panel, in the order in which they come; a panel with too many of them goes on in another."""
    panels: dict[str, list[Curve]] = {}
    for one in curves:
        panels.setdefault(one.panel, []).append(one)
    return [group[at : at + SERIES] for group in panels.values() for at in range(0, len(group), SERIES)]


def curve_rows(curves: Sequence[Curve]) -> Section:
    """The pictures as a table: where each curve begins and ends, its lowest and its highest value."""
    rows = []
    for one in curves:
        finite = one.finite
        broken = len(one.steps) - len(finite)
        ends = (finite[0], finite[-1], *(by(finite, key=lambda point: point[1]) for by in (min, max))) if finite else ()
        cells = [f"{value:.4g} ({step})" for step, value in ends] or [""] * 4
        rows.append((one.name, one.unit, *cells, str(broken) if broken else ""))
    columns = ("curve", "unit", "first (update)", "last", "lowest", "highest", "not finite")
    return Section("Curves", columns, tuple(rows), (2, 3, 4, 5, 6))


# ── Markdown ─────────────────────────────────────────────────────────────────

_MARKS = re.compile(r"([\\`*_{}\[\]<>()#!|~&$@^=])")


def safe_markdown(text: str) -> str:
    """A text in one line that no reader of Markdown takes for a mark, a link, a tag or a mention."""
    text = _MARKS.sub(r"\\\1", plain_text(text).strip())
    text = re.sub(r"(?i)(https?|ftp|mailto|xmpp):", r"\1\\:", text)  # what GitHub makes links of by itself
    return re.sub(r"(?i)www\.", r"www\\.", text)


def write_markdown(card: RunCard, digest: str = "") -> str:
    """The card in Markdown, without pictures. ``digest`` is the sha256 of its card.json."""
    lines = [f"# {safe_markdown(card.name)}", ""]
    lines += [line for note in card.notes for line in (f"Note: {safe_markdown(note)}", "")]
    sections = sections_of(card)
    if card.curves:
        sections.insert(1 if card.scores else 0, curve_rows(card.curves))
    for section in sections:
        lines += [f"## {section.title}", ""]
        lines.append("| " + " | ".join(safe_markdown(one) for one in section.columns) + " |")
        rule = ("---:" if at in section.numeric else "---" for at in range(len(section.columns)))
        lines.append("| " + " | ".join(rule) + " |")
        lines += ["| " + " | ".join(safe_markdown(one) for one in row) + " |" for row in section.rows]
        lines += ["", *((safe_markdown(section.under), "") if section.under else ())]
    if digest:
        lines += [f"Made of the card.json with sha256 {digest}.", ""]
    return "\n".join(lines)


# ── the page ─────────────────────────────────────────────────────────────────

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_PAGE_STYLE = """
:root { color-scheme: light dark; --ground: #fbfbf9; --card: #ffffff; --ink: #1c1d1f; --muted: #5c6066;
  --line: #e2e3de; --alarm: #b3261e; --s1: #2368c4; --s2: #b8500f; --s3: #0f7a55; --s4: #8a3fa0; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #16181a; --card: #1e2124; --ink: #e8e9e6; --muted: #a3a8ae; --line: #34383d; --alarm: #ff8a80;
    --s1: #6ea8f5; --s2: #f0955a; --s3: #4cc795; --s4: #cf92e3; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .75rem; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 0 0 .5rem; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 1rem; margin: 1rem 0; }
.note { border-left: 4px solid var(--alarm); padding: .25rem .75rem; margin: .75rem 0; overflow-wrap: anywhere; }
.under { color: var(--muted); font-size: .875rem; margin: .5rem 0 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; font-size: .9375rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .75rem .3rem 0; border-bottom: 1px solid var(--line);
  overflow-wrap: anywhere; }
tr:last-child > * { border-bottom: 0; }
thead th { color: var(--muted); font-weight: 600; font-size: .8125rem; }
tbody th { font-weight: 600; }
.pairs tbody th { width: 13rem; color: var(--muted); font-weight: 400; }
.wide .number { text-align: right; overflow-wrap: normal; font-variant-numeric: tabular-nums; }
.panels { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: 1rem 1.5rem; }
figure { margin: 0; min-width: 0; }
figcaption { font-weight: 600; font-size: .9375rem; overflow-wrap: anywhere; }
details { margin-top: .75rem; }
summary { cursor: pointer; color: var(--muted); font-size: .875rem; }
summary:focus-visible { outline: 2px solid var(--s1); outline-offset: 2px; }
@media (max-width: 40rem) {
  .wide thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .wide, .wide tbody, .wide tr, .wide td, .wide th { display: block; width: 100%; }
  .wide tr { border-bottom: 1px solid var(--line); padding: .4rem 0; }
  .wide tr:last-child { border-bottom: 0; }
  .wide td, .wide th { border: 0; padding: .1rem 0; text-align: left; }
  .wide td:empty { display: none; }
  .wide td::before { content: attr(data-column) " "; color: var(--muted); font-size: .8125rem; margin-right: .35rem; }
  .pairs tbody th { width: 40%; }
}
@media print { section { break-inside: avoid; } }
"""


def write_page(card: RunCard, digest: str = "") -> str:
    """The card as one HTML file with its curves. ``digest`` is the sha256 of its card.json."""
    sections = [_html_section(one) for one in sections_of(card)]
    if card.curves:
        sections.insert(1 if card.scores else 0, _html_curves(card.curves))
    notes = "".join(f'<p class="note">{safe_text(one)}</p>\n' for one in card.notes)
    made = f'<p class="under">Made of the card.json with sha256 {safe_text(digest)}.</p>\n' if digest else ""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{safe_text(card.name)}</title>\n<style>{_PAGE_STYLE}{STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{safe_text(card.name)}</h1>\n{notes}{''.join(sections)}{made}</main>\n</body>\n</html>\n"
    )


def _html_curves(curves: Sequence[Curve]) -> str:
    figures = []
    for count, group in enumerate(panels_of(curves), 1):
        picture = draw_panel(group, f"curve-{count}")
        figures.append(f"<figure><figcaption>{safe_text(group[0].panel)}</figcaption>\n{picture}\n</figure>\n")
    numbers = f"<details><summary>The curves as numbers</summary>\n{_html_table(curve_rows(curves))}</details>\n"
    return f'<section>\n<h2>Curves</h2>\n<div class="panels">\n{"".join(figures)}</div>\n{numbers}</section>\n'


def _html_section(section: Section) -> str:
    under = f'<p class="under">{safe_text(section.under)}</p>\n' if section.under else ""
    return f"<section>\n<h2>{safe_text(section.title)}</h2>\n{_html_table(section)}{under}</section>\n"


def _html_table(section: Section) -> str:
    """A table whose first column names its rows; without names of columns, pairs of a name and a value."""
    pairs = not any(section.columns)
    place = [' class="number"' if at in section.numeric else "" for at in range(len(section.columns))]
    head = "".join(f'<th scope="col"{at}>{safe_text(one)}</th>' for at, one in zip(place, section.columns, strict=True))
    rows = []
    for first, *rest in section.rows:
        cells = [
            f'<td{place[at]} data-column="{safe_text(section.columns[at])}">{safe_text(one)}</td>'
            for at, one in enumerate(rest, 1)
        ]
        rows.append(f'<tr><th scope="row">{safe_text(first)}</th>{"".join(cells)}</tr>\n')
    header = "" if pairs else f"<thead><tr>{head}</tr></thead>\n"
    return f'<table class="{"pairs" if pairs else "wide"}">\n{header}<tbody>\n{"".join(rows)}</tbody>\n</table>\n'
