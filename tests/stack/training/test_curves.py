"""Curves as pictures: peaks, ends and breaks are kept, axes have round ticks."""

from __future__ import annotations

import math
import re
from itertools import groupby
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from groundup.stack.training.curves import Curve, draw_panel, thinned, value_axis

floats = st.floats() | st.sampled_from([0.0, 1.0, math.nan, math.inf, 5e-324, -1.7e308, 1.7e308])


@given(st.lists(floats, min_size=1, max_size=400), st.integers(1, 20), st.data())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_thinning_keeps_peaks_ends_and_breaks(values: list[float], columns: int, data: st.DataObject) -> None:
    gaps = data.draw(st.lists(st.integers(1, 50), min_size=len(values), max_size=len(values)))
    steps = [sum(gaps[: at + 1]) for at in range(len(values))]
    curve = Curve("c", tuple(steps), tuple(values))
    pieces, broken = thinned(curve, columns)
    kept = [one for piece in pieces for one in piece]
    assert kept == sorted(set(kept)) and set(kept) <= set(curve.finite)
    assert len(kept) <= 4 * (columns + 1) and len(broken) <= max(columns + 1, 4 * columns)
    if curve.finite:
        assert {min(kept, key=lambda one: one[1])[1], max(kept, key=lambda one: one[1])[1]} == {
            min(value for _, value in curve.finite),
            max(value for _, value in curve.finite),
        }
        assert kept[0] == curve.finite[0] and kept[-1] == curve.finite[-1]
    assert bool(broken) == (len(curve.finite) < len(values))
    if len(values) <= 4 * columns:
        runs = groupby(zip(steps, values, strict=True), key=lambda one: math.isfinite(one[1]))
        assert pieces == [list(run) for finite, run in runs if finite]
        assert broken == [step for step, value in zip(steps, values, strict=True) if not math.isfinite(value)]


def test_one_peak_among_many_is_drawn() -> None:
    values = [1.0] * 300_000
    values[123_457] = 5.0
    picture = ElementTree.fromstring(draw_panel([Curve("c", tuple(range(300_000)), tuple(values))]))
    (path,) = [one for one in picture if one.get("class") == "curve s1"]
    heights = [float(point.split()[1]) for point in (path.get("d") or "")[1:].split(" L")]
    assert len(heights) < 1000
    low, high = max(heights), min(heights)  # pixels count from above
    assert low - high > 100 and heights.count(high) == 1


@given(st.lists(floats, min_size=1, max_size=8), st.booleans())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_axes_hold_all_values_between_few_round_ticks(values: list[float], log: bool) -> None:
    axis = value_axis(values, log)
    places = [axis.place(max(-1e300, min(1e300, one))) for one in values if math.isfinite(one)]
    assert all(-1e-6 <= one <= 1 + 1e-6 for one in places)
    ticks = [axis.place(value) for value, _ in axis.ticks]
    assert 2 <= len(ticks) <= 9 and ticks == sorted(ticks)
    assert all(-1e-6 <= one <= 1 + 1e-6 for one in ticks)
    labels = [label for _, label in axis.ticks]
    assert len(set(labels)) == len(labels), labels
    assert all(len(one) <= 10 for one in labels), labels


def test_ticks_are_the_numbers_that_people_write() -> None:
    def labels(*values: float, **more: bool) -> list[str]:
        return [label for _, label in value_axis(values, **more).ticks]

    assert labels(0.3, 9.7) == ["0", "2", "4", "6", "8", "10"]
    assert labels(0, 5e-4) == ["0", "1e−4", "2e−4", "3e−4", "4e−4", "5e−4"]
    assert labels(-0.2, 0.2) == ["−0.2", "−0.1", "0", "0.1", "0.2"]
    assert labels(0.02, 800, log=True) == ["0.01", "0.1", "1", "10", "100", "1000"]
    assert labels(3, 30, log=True) == ["1", "2", "5", "10", "20", "50", "100"]
    assert labels(0, 3, whole=True) == ["0", "1", "2", "3"]
    assert all("." not in one for one in labels(7, 7, whole=True))


def test_pictures_of_few_and_of_odd_values() -> None:
    for values in ((2.0,), (math.nan,), (0.0, 0.0, 0.0), (1e-310, 0.0), (-1.7e308, 1.7e308), (1.0, math.nan, 2.0)):
        picture = draw_panel([Curve("c", tuple(range(len(values))), values)])
        ElementTree.fromstring(picture)
        assert not re.search(r'="[^"]*(nan|inf)', picture)
    assert "circle" in draw_panel([Curve("c", (4,), (2.0,))])  # a single value is seen
    with pytest.raises(ValueError, match="one to 4 curves"):
        draw_panel([])
    with pytest.raises(ValueError, match="cannot be a name"):
        draw_panel([Curve("c", (0,), (1.0,))], '"><x')
