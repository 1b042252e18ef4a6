"""Runs in a real Chromium: begun, watched, left and come back to, stopped, resumed and compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from groundup.study.runs import control

pytestmark = [pytest.mark.browser]

LAST = "document.querySelector('[data-metric=loss] .plot')?.data?.at(-1).x.at(-1) ?? -1"


def test_a_run_from_its_beginning_to_a_comparison(visit: Callable[..., Any], study: Any) -> None:
    visitor = visit()
    page = visitor.open("/topic/self-attention")
    page.click("#lab >> text=Begin a run")
    page.click("text=groundup’s only")
    page.check("input[value=smoke]")
    page.fill("#option-steps", "900")
    page.fill("#option-pause", "0.02")
    page.click("button:text-is('Begin')")
    page.wait_for_url("**/runs/self-attention-1")

    # live: the bar, the curve and the samples grow by themselves
    visitor.until(f"({LAST}) > 25")
    assert "training: " in page.inner_text("#progress-said")
    page.wait_for_selector(".sample >> text=step 19")
    assert page.locator("script:text('alert')").count() == 0
    assert "300 MB" in page.inner_text("[data-part=expected]")
    visitor.shot("run-live")

    # left and come back to in the middle: nothing is lost, and it goes on
    page.reload()
    visitor.until(f"({LAST}) > 30")
    shown = page.evaluate("document.querySelector('[data-metric=loss] .plot').data.at(-1).x")
    assert shown == list(range(len(shown)))
    before = len(shown)
    visitor.until(f"({LAST}) > {before + 20}")

    # a connection that breaks is taken up again where it was
    page.context.set_offline(True)
    page.wait_for_timeout(700)
    page.context.set_offline(False)

    # stopped
    page.click("button:text-is('Stop')")
    page.wait_for_selector("button:text-is('Resume')")
    assert "stopped" in page.inner_text("[data-part=state]")
    record = study.runs.get("self-attention-1")
    at = max(record.curves()["loss"])
    visitor.until(f"({LAST}) === {at}")

    # resumed, and ended
    page.click("button:text-is('Resume')")
    visitor.until(f"({LAST}) > {at + 10}")
    shown = page.evaluate("document.querySelector('[data-metric=loss] .plot').data.at(-1).x")
    assert shown == list(range(len(shown))), "no step is missing, none is there twice"
    page.wait_for_selector("#result-title", timeout=120_000)
    visitor.until("document.querySelector('[data-part=state]').textContent.includes('done')")
    visitor.until(f"({LAST}) === 899")

    # compared with another one
    other = control.begin(study, "self-attention", "smoke", {"steps": "50"}, reference=True, seed=1)
    list(study.runs.follow(other))
    visitor.open("/runs")
    page.select_option("#first", "self-attention-1")
    page.select_option("#second", other.id)
    page.click("button:text-is('Compare')")
    visitor.until("document.querySelectorAll('[data-metric=loss] .plot .trace.scatter').length >= 2")
    assert "seed" in page.inner_text(".beside")
    visitor.shot("run-compare")


def test_the_band_lies_under_the_curve(visit: Callable[..., Any], study: Any) -> None:
    list(study.runs.follow(control.begin(study, "self-attention", "smoke", reference=True)))
    visitor = visit()
    page = visitor.open("/runs/self-attention-1")
    page.wait_for_selector("[data-metric=loss] .plot svg")
    assert page.evaluate("document.querySelector('[data-metric=loss] .plot').data.length") == 3
    assert "reference runs" in page.text_content("[data-metric=loss] .legend")
    assert "loss by step; " in (page.get_attribute("[data-metric=loss] .plot", "aria-label") or "")
    page.click("#theme")
    page.wait_for_selector("[data-metric=loss] .plot svg")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_phones_do_not_scroll_sideways(
    visit: Callable[..., Any], study: Any, fake: Any, scheme: str
) -> None:
    study.open("self-attention").path.write_text(fake.GOOD)
    study.check("self-attention")
    for given in ({}, {"then": "raise", "steps": "30"}):
        list(study.runs.follow(control.begin(study, "self-attention", "smoke", given, reference=True)))
    slow = control.begin(study, "self-attention", "smoke", {"steps": "9000", "pause": "0.02"}, reference=True)
    visitor = visit(color_scheme=scheme, reduced_motion="reduce")
    for path in (
        "/runs",
        "/runs/new?lab=self-attention",
        "/runs/self-attention-1",
        "/runs/self-attention-2",
        f"/runs/{slow.id}",
        "/runs/compare?first=self-attention-1&second=self-attention-2",
    ):
        page = visitor.open(path)
        if "new" not in path and path != "/runs":
            page.wait_for_selector(".curve .plot svg")
            page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        assert visitor.axe() == [], path
        visitor.phone()
        assert visitor.sideways() <= 0, path
        page.set_viewport_size({"width": 1400, "height": 900})
    study.runs.kill(slow)


def test_without_scripts_a_run_is_begun_read_and_stopped(visit: Callable[..., Any], study: Any) -> None:
    visitor = visit(java_script_enabled=False)
    page = visitor.open("/runs")
    page.click("text=Begin a run")
    page.check("input[value=smoke]")
    page.fill("#option-steps", "5000")
    page.fill("#option-pause", "0.01")
    page.click("button:text-is('Begin')")
    assert "running" in page.inner_text("[data-part=state]")
    record = study.runs.get("self-attention-1")
    while not record.scores() and len(record.curves().get("loss", {})) < 25:
        page.wait_for_timeout(100)
    page.click("text=Refresh")
    assert "training: " in page.inner_text("#progress-said")
    assert page.locator(".sample").count() >= 1
    page.click("button:text-is('Stop')")
    while record.alive:
        page.wait_for_timeout(50)
    visitor.open("/runs/self-attention-1")
    assert "stopped" in page.inner_text("[data-part=state]")
