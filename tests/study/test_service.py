"""The facade over one home: what page and terminal both rely on."""

import math
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from groundup.authoring import slider
from groundup.study.figures import OURS, YOURS, FigureError, draw_figure, slider_values
from groundup.study.home import find_home
from groundup.study.service import NotWritten, Study, UnknownBuild


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Study]:
    one = Study(find_home(str(tmp_path_factory.mktemp("service") / "home")))
    yield one
    one.close()


def write(study: Study, topic: str, text: str) -> Path:
    path = study.open(topic).path
    path.write_text(text)
    return path


def test_a_topic_that_is_not_written_is_refused_by_name(study: Study) -> None:
    with pytest.raises(NotWritten, match="lora is on the map, but it is not written yet"):
        study.check("lora")
    assert study.states()["lora"] == "not written"


def test_a_check_is_recorded_before_it_is_returned(study: Study) -> None:
    write(study, "vectors", study.solution("vectors"))
    verdict = study.check("vectors", seed=5)
    assert verdict.passed, verdict
    assert verdict.receipt.sha256 == study.source("vectors").sha256
    again = Study(study.home)
    try:
        states = again.progress.build_state("vectors")
        assert {name for name, state in states.items() if state.passed} == {build.build for build in verdict.builds}
        assert again.states()["vectors"] == "passed"
    finally:
        again.close()


def test_the_learners_file_is_only_read(study: Study) -> None:
    path = write(study, "self-attention", "def attention_scores(q, k):\r\n\treturn q @ k.mT\r\n")
    before = path.read_bytes()
    verdict = study.check("self-attention")
    assert not verdict.passed
    assert path.read_bytes() == before


def test_hints_and_builds_are_by_name(study: Study) -> None:
    with pytest.raises(UnknownBuild, match="attention_scores"):
        study.hint("self-attention", "softmax")
    assert study.hint("self-attention", "causal_mask").build == "causal_mask"


def test_eight_checks_at_once_are_each_judged(study: Study) -> None:
    write(study, "byte-pair-encoding", study.solution("byte-pair-encoding"))
    kinds: list[str] = []

    def one() -> None:
        kinds.append(study.check("byte-pair-encoding").kind)

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert kinds == ["passed"] * 8


def test_a_figure_is_drawn_by_passing_code_and_only_by_that(study: Study) -> None:
    path = write(study, "vectors", study.solution("vectors"))
    assert study.check("vectors").passed
    mine = draw_figure(study, "vectors")
    assert (mine.drawn_by, mine.note) == (YOURS, None)
    assert mine.figure["data"]

    path.write_text(path.read_text() + "\n# changed since\n")
    stale = draw_figure(study, "vectors")
    assert stale.drawn_by == OURS
    assert stale.note is not None
    assert "changed" in stale.note


def test_a_slider_changes_the_figure(study: Study) -> None:
    first = draw_figure(study, "vectors")
    slider = next(one for one in first.sliders if not one["choices"])
    other = slider["low"] if slider["value"] != slider["low"] else slider["high"]
    second = draw_figure(study, "vectors", {slider["name"]: other})
    assert second.figure["data"] != first.figure["data"]


def test_the_last_place_of_a_slider_may_lie_above_it_by_a_rounding() -> None:
    sliders = {"temperature": slider("Temperature", 0.1, 3.0, step=0.1, start=1.0)}
    beyond = math.nextafter(3.0, 4.0)
    assert slider_values(sliders, {"temperature": beyond}) == {"temperature": 3.0}
    with pytest.raises(FigureError, match=r"between 0.1 and 3"):
        slider_values(sliders, {"temperature": 3.001})


@pytest.mark.parametrize("asked", [{"nothing": 1}, {"SLIDER": float("nan")}, {"SLIDER": 1e9}, {"SLIDER": "x"}])
def test_a_slider_out_of_range_is_refused(study: Study, asked: dict[str, object]) -> None:
    slider = next(one for one in draw_figure(study, "vectors").sliders if not one["choices"])
    with pytest.raises(FigureError, match=r"slider|between"):
        draw_figure(study, "vectors", {name.replace("SLIDER", slider["name"]): value for name, value in asked.items()})


@pytest.mark.parametrize("topic", ["vectors", "byte-pair-encoding", "self-attention"])
def test_every_figure_is_drawn(study: Study, topic: str) -> None:
    drawn = draw_figure(study, topic)
    assert drawn.figure["data"]
    assert drawn.caption
    assert len(drawn.sliders) >= 2


def test_status_counts(study: Study) -> None:
    status = study.status()
    written = sum(topic.written for topic in study.roadmap.topics.values())
    assert (status.topics, status.written) == (154, written)
    assert 25 <= written < 154
    assert len(status.tracks) == 8


def test_opening_a_topic_starts_no_checker_and_prepares_its_check_where_there_is_one(tmp_path: Path) -> None:
    one = Study(find_home(str(tmp_path / "home")))
    try:
        one.prepare("vectors")
        assert one._judge is None
        one.warm()  # and when that is done, the check that was waited for is prepared
        assert one._warm_thread is not None
        one._warm_thread.join(60)
        assert one.warm_error is None
        assert [key[0] for key in one.judge()._prepared] == ["vectors"]
        with pytest.raises(NotWritten):
            one.prepare("lora")
    finally:
        one.close()
