"""Curves of a run as pictures: inline SVG that is drawn here, without a script, a font or a library.

    Curve (steps, values) ── thinned ──► points, breaks ── two axes ──► <svg>, with a title and a description

A curve of a million updates has more points than a picture has columns. Each column of the picture keeps its first, its
last, its lowest and its highest value, so that no peak is lost and the line looks as if all points were drawn (Jugel,
Jerzak, Hackenbroich and Markl, "M4: A Visualization-Oriented Time Series Data Aggregation", 2014). What is not finite
breaks the line, and a cross at the upper edge says where.

Colors and sizes of letters are the classes of ``STYLE``, which the page around it holds once.
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 420, 236
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 14, 30, 44
_COLUMNS = 170  # two pixels each, about
_FARTHEST = 1e300  # beyond it, differences overflow
SERIES = 4  # as many lines as can be told apart in one picture

STYLE = """
.curves { width: 100%; height: auto; display: block; font: 12px/1.2 system-ui, sans-serif; }
.curves text { fill: var(--muted); }
.curves .grid { stroke: var(--line); stroke-width: 1; }
.curves .axis { stroke: var(--muted); stroke-width: 1; }
.curves .curve { fill: none; stroke-width: 1.6; stroke-linejoin: round; stroke-linecap: round; }
.curves .broken { fill: none; stroke: var(--alarm); stroke-width: 1.8; }
.curves .s1 { stroke: var(--s1); } .curves .d1 { fill: var(--s1); }
.curves .s2 { stroke: var(--s2); stroke-dasharray: 6 3; } .curves .d2 { fill: var(--s2); }
.curves .s3 { stroke: var(--s3); stroke-dasharray: 2 3; } .curves .d3 { fill: var(--s3); }
.curves .s4 { stroke: var(--s4); stroke-dasharray: 8 3 2 3; } .curves .d4 { fill: var(--s4); }
"""

Point = tuple[float, float]


@dataclass(frozen=True)
class Curve:
    """A number that was measured at some updates. ``panel`` is the picture it stands in, its own where not given.

    ``unit`` is what the axis says ("nats per token"); with ``log``, the axis is logarithmic where all values allow it.
    Raises ValueError for a curve without points, steps that do not grow, or another number of values than of steps.
    """

    name: str
    steps: tuple[int, ...]
    values: tuple[float, ...]
    unit: str = ""
    panel: str = ""
    log: bool = False

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("a curve needs a name")
        if not self.steps or len(self.steps) != len(self.values):
            raise ValueError(
                f"the curve {self.name!r} needs as many values as steps, and one at least: "
                f"{len(self.values)} values, {len(self.steps)} steps"
            )
        if self.steps[0] < 0 or any(a >= b for a, b in zip(self.steps, self.steps[1:], strict=False)):
            raise ValueError(f"the steps of the curve {self.name!r} must grow, and be 0 or more")
        if not self.panel:
            object.__setattr__(self, "panel", self.name)

    @property
    def finite(self) -> list[tuple[int, float]]:
        """The points that can be drawn."""
        return [one for one in zip(self.steps, self.values, strict=True) if math.isfinite(one[1])]


@dataclass(frozen=True)
class Axis:
    """From ``low`` to ``high``, with labelled ticks; positions are shares of the way."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    log: bool = False

    def place(self, value: float) -> float:
        """0 at ``low``, 1 at ``high``."""
        value, low, high = (math.log10(one) if self.log else one for one in (value, self.low, self.high))
        return (value - low) / (high - low)


def thinned(curve: Curve, columns: int = _COLUMNS) -> tuple[list[list[tuple[int, float]]], list[int]]:
    """The pieces of a curve between values that are not finite, and the steps where such values stand.

    At most four points and one such step a column; what is short is left as it is.
    """
    whole = len(curve.steps) <= 4 * columns
    first, wide = curve.steps[0], max(curve.steps[-1] - curve.steps[0], 1)
    pieces: list[list[tuple[int, float]]] = [[]]
    broken: list[int] = []
    column: list[tuple[int, float]] = []
    at, ends = 0, False

    def close() -> None:
        nonlocal column, ends
        if column:
            kept = {column[0], column[-1], min(column, key=lambda one: one[1]), max(column, key=lambda one: one[1])}
            pieces[-1].extend(sorted(kept))
        if ends and pieces[-1]:
            pieces.append([])
        column, ends = [], False

    for index, (step, value) in enumerate(zip(curve.steps, curve.values, strict=True)):
        here = index if whole else (step - first) * columns // wide
        if here != at:
            close()
            at = here
        if math.isfinite(value):
            column.append((step, value))
        elif not ends:
            broken.append(step)
            ends = True
    close()
    return [one for one in pieces if one], broken


def value_axis(values: Sequence[float], log: bool = False, whole: bool = False) -> Axis:
    """An axis with round numbers that holds all finite ``values``; ``whole`` numbers get no fractions between them.

    Linear where a logarithm is asked for and some value is not above 0.
    """
    kept = [max(-_FARTHEST, min(_FARTHEST, float(one))) for one in values if math.isfinite(one)] or [0.0]
    low, high = min(kept), max(kept)
    if log and low > 1 / _FARTHEST and high > low * 1.001:
        return _log_axis(low, high)
    most = max(abs(low), abs(high))
    if high - low <= 1e-6 * most or most < 1 / _FARTHEST:  # as good as constant: a flat line in the middle
        spread = 0.1 * most if most > 1 / _FARTHEST else 1.0
        low, high = low - spread, high + spread
        if whole:
            low, high = max(0.0, math.floor(low)), math.ceil(high)
    step = _round_step((high - low) / 6)
    if whole:
        step = max(step, 1.0)
    begin, end = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = tuple((count * step, tick_label(count * step, step)) for count in range(begin, end + 1))
    return Axis(begin * step, end * step, ticks)


def tick_label(value: float, step: float) -> str:
    """A number with as many digits as ticks so far apart need: 0.25, 20000, 5e-4."""
    if value == 0:
        return "0"
    size = math.floor(math.log10(abs(value)) + 1e-9)
    digits = -math.floor(math.log10(step) + 1e-9)  # behind the point
    if -4 < size < 6 and digits <= 6:
        return f"{value:.{max(digits, 0)}f}".replace("-", "\N{MINUS SIGN}")
    mantissa, exponent = f"{value:.{max(size + digits, 0)}e}".split("e")
    return f"{mantissa}e{int(exponent)}".replace("-", "\N{MINUS SIGN}")


def _round_step(rough: float) -> float:
    size = 10.0 ** math.floor(math.log10(rough))
    return next(one * size for one in (1, 2, 5, 10) if one * size >= rough * (1 - 1e-9))


def _log_axis(low: float, high: float) -> Axis:
    first, last = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
    every = max(1, math.ceil((last - first) / 5))
    last += -(last - first) % every
    parts = (1, 2, 5) if last - first <= 2 else (1,)
    ticks = [(part * 10.0**size, part) for size in range(first, last + 1, every) for part in parts]
    labelled = tuple((value, tick_label(value, value / part)) for value, part in ticks if value <= 10.0**last * 1.001)
    return Axis(10.0**first, 10.0**last, labelled, log=True)


# ── drawing ──────────────────────────────────────────────────────────────────


def draw_panel(curves: Sequence[Curve], name: str = "panel") -> str:
    """One picture with the curves of one panel, up to four of them, in SVG. ``name`` makes its ids unique in a page.

    Raises ValueError for no curves, or too many.
    """
    if not 1 <= len(curves) <= SERIES:
        raise ValueError(f"one to {SERIES} curves can be told apart in a picture, not {len(curves)}")
    if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
        raise ValueError(f"{name!r} cannot be a name in a page: small letters, digits and hyphens")
    shown = [value for one in curves for _, value in one.finite]
    y = value_axis(shown, log=all(one.log for one in curves))
    # The first and the last update stand at the edges: the axis of updates is not widened to round numbers.
    first, last = min(one.steps[0] for one in curves), max(one.steps[-1] for one in curves)
    rough = value_axis((first, last), whole=True)
    low, high = (float(first), float(last)) if last > first else (rough.low, rough.high)
    x = Axis(low, high, tuple(one for one in rough.ticks if low <= one[0] <= high))
    parts = [
        f'<svg class="curves" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="{name}-title {name}-desc">',
        f'<title id="{name}-title">{safe_text(curves[0].panel)}</title>',
        f'<desc id="{name}-desc">{" ".join(described(one) for one in curves)}</desc>',
        *_axes(x, y, curves[0].unit),
        *(_legend(curves) if len(curves) > 1 else ()),
    ]
    for number, one in enumerate(curves, 1):
        parts += _line(one, number, x, y)
    return "\n".join([*parts, "</svg>"])


def described(curve: Curve) -> str:
    """What a curve shows, in a sentence, for those who do not see it."""
    finite = curve.finite
    broken = len(curve.steps) - len(finite)
    lost = next((step for step, value in zip(curve.steps, curve.values, strict=True) if not math.isfinite(value)), 0)
    alarm = f" {broken} of its values are not finite, the first at update {lost}." if broken else ""
    begin = f"{safe_text(curve.name)}: {len(curve.steps)} values"
    if not finite:
        return f"{begin}.{alarm}"
    low, high = min(finite, key=lambda one: one[1]), max(finite, key=lambda one: one[1])
    told = (("from", finite[0]), ("to", finite[-1]), ("lowest", low), ("highest", high))
    return f"{begin}, " + ", ".join(f"{word} {v:.4g} at update {s}" for word, (s, v) in told) + f".{alarm}"


def _pixels(x: float, y: float) -> Point:
    return _LEFT + x * (WIDTH - _LEFT - _RIGHT), HEIGHT - _BOTTOM - y * (HEIGHT - _TOP - _BOTTOM)


def _axes(x: Axis, y: Axis, unit: str) -> list[str]:
    left, bottom = _pixels(0, 0)
    right, top = _pixels(1, 1)
    parts = []
    for value, label in y.ticks:
        at = _pixels(0, y.place(value))[1]
        parts.append(f'<line class="grid" x1="{left}" y1="{at:.1f}" x2="{right}" y2="{at:.1f}"/>')
        parts.append(f'<text x="{left - 7}" y="{at + 4:.1f}" text-anchor="end">{label}</text>')
    for value, label in x.ticks:
        at = _pixels(x.place(value), 0)[0]
        parts.append(f'<line class="axis" x1="{at:.1f}" y1="{bottom}" x2="{at:.1f}" y2="{bottom + 4}"/>')
        parts.append(f'<text x="{at:.1f}" y="{bottom + 17}" text-anchor="middle">{label}</text>')
    parts.append(f'<line class="axis" x1="{left}" y1="{bottom}" x2="{right}" y2="{bottom}"/>')
    parts.append(f'<text x="{(left + right) / 2:.1f}" y="{HEIGHT - 8}" text-anchor="middle">update</text>')
    kind = ", logarithmic" if y.log else ""
    parts.append(f'<text x="2" y="{top - 16}">{safe_text(_short(unit, 30))}{kind}</text>')
    return parts


def _legend(curves: Sequence[Curve]) -> list[str]:
    """Names at the right, above the curves, each beside a piece of its line."""
    parts, right = [], float(WIDTH - _RIGHT)
    for number, one in reversed(list(enumerate(curves, 1))):
        name = _short(one.name, 16)
        begin = right - 6.4 * len(name) - 26
        line = f'<line class="curve s{number}" x1="{begin:.1f}" y1="10" x2="{begin + 18:.1f}" y2="10"/>'
        parts.append(line + f'<text x="{begin + 22:.1f}" y="14">{safe_text(name)}</text>')
        right = begin - 8
    return parts


def _line(curve: Curve, number: int, x: Axis, y: Axis) -> list[str]:
    pieces, broken = thinned(curve)
    parts = []
    for piece in pieces:
        points = []
        for step, value in piece:
            value = max(-_FARTHEST, min(_FARTHEST, value))
            points.append(_pixels(x.place(step), y.place(value)))
        if len(points) > 1:
            way = "M" + " L".join(f"{a:.1f} {b:.1f}" for a, b in points)
            parts.append(f'<path class="curve s{number}" d="{way}"/>')
        if len(points) <= 12:  # few values: each is shown, and a single one would be no line
            parts += [f'<circle class="d{number}" cx="{a:.1f}" cy="{b:.1f}" r="2.6"/>' for a, b in points]
    for step in broken:
        at, top = _pixels(x.place(step), 1.0)
        parts.append(
            f'<path class="broken" d="M{at - 4:.1f} {top - 4:.1f} l8 8 m0 -8 l-8 8">'
            f"<title>{safe_text(curve.name)} is not finite at update {step}</title></path>"
        )
    return parts


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ufffe\uffff"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


def plain_text(text: str) -> str:
    """One line in which nothing is invisible: controls, marks that turn the direction of writing and halves of
    surrogate pairs are written as escapes, line ends as spaces."""
    return _UNSEEN.sub(lambda one: f"\\u{ord(one[0]):04x}", " ".join(re.split("[\r\n\t]+", text)))


def safe_text(text: str) -> str:
    """:func:`plain_text` for HTML and SVG, between tags or in quotes."""
    return html.escape(plain_text(text), quote=True)
