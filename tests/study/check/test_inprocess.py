"""Drivers run here on our own code: recorded calls, in-place changes, judged cases, matched mistakes, the proof."""

from __future__ import annotations

import time
import types
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch

from groundup.authoring import Case, close, distributed_as, exact
from groundup.study.check import misconceptions
from groundup.study.check.inprocess import Outcome, replaced, run_drivers
from groundup.study.check.misconceptions import (
    CaseResult,
    Matcher,
    ReferenceFailed,
    UsualScales,
    failing_cases,
    judge_outcomes,
)
from groundup.study.check.proof import impostors, prove
from groundup.study.check.rng import Rng

SOURCE = """
def small(my, rng):
    return my.scale(rng.normal(3))

def large(my, rng):
    return my.scale(rng.normal(4, 5), by=3.0)

def typed(my, rng):
    return my.scale(rng.normal(4, dtype=__import__("torch").float64))

def errors(my, rng):
    try:
        return my.scale(rng.text(3))
    except NotImplementedError:
        raise
    except Exception as error:
        return error

def total_small(my, rng):
    return my.total(rng.normal(4))

def total_scaled(my, rng):
    return [my.total(my.scale(rng.normal(4))), my.total(rng.normal(2, 3))]
"""


@dataclass(frozen=True)
class FakeBuild:
    name: str
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class FakeImplementation:
    name: str
    builds: tuple[str, ...]
    object: Any
    hint: str = "A hint."


def scale(x: torch.Tensor, by: float = 2.0) -> torch.Tensor:
    if not isinstance(x, torch.Tensor):
        raise TypeError("a tensor is needed")
    return x * by


def total(x: torch.Tensor) -> torch.Tensor:
    return x.sum(-1)


def halved(x: torch.Tensor, by: float = 2.0) -> torch.Tensor:
    return scale(x, by) / 4


def by_ignored(x: torch.Tensor, by: float = 2.0) -> torch.Tensor:
    return scale(x)


def lenient(x: Any, by: float = 2.0) -> Any:
    return x * by if isinstance(x, torch.Tensor) else None


def in_place(x: torch.Tensor, by: float = 2.0) -> torch.Tensor:
    return scale(x, by) if not isinstance(x, torch.Tensor) else x.mul_(by)


def averaged(x: torch.Tensor) -> torch.Tensor:
    return x.mean(-1)


CASES = {
    "small": close("a vector is scaled", builds="scale"),
    "large": close("by another factor", builds="scale"),
    "typed": close("in float64", builds="scale"),
    "errors": exact("text is refused", builds="scale"),
    "total_small": close("a sum", builds="total", reduction=4),
    "total_scaled": close("a sum of what was scaled", builds=("scale", "total"), reduction=4),
}


@dataclass(eq=False)
class FakeTopic:
    id: str = "fake"
    source: str = SOURCE
    table: dict[str, Case] = field(default_factory=lambda: dict(CASES))
    implementations: dict[str, Any] = field(default_factory=lambda: {"scale": scale, "total": total})
    wrong: list[FakeImplementation] = field(default_factory=list)
    right: list[FakeImplementation] = field(default_factory=list)
    check_version: int = 1

    @property
    def builds(self) -> list[FakeBuild]:
        return [FakeBuild(name) for name in self.implementations]

    def drivers_source(self) -> str:
        return self.source

    def drivers(self) -> types.ModuleType:
        module = types.ModuleType("drivers")
        exec(self.source, module.__dict__)
        return module

    def cases(self) -> dict[str, Case]:
        return self.table

    def references(self) -> types.SimpleNamespace:
        return types.SimpleNamespace(**self.implementations)

    def mistakes(self) -> list[FakeImplementation]:
        return self.wrong

    def alternatives(self) -> list[FakeImplementation]:
        return self.right


def mistakes(*functions: Callable[..., Any], build: str = "scale") -> list[FakeImplementation]:
    return [FakeImplementation(one.__name__, (build,), one) for one in functions]


def results(topic: FakeTopic, builds: Iterable[str], implementation: Any, seed: int = 1) -> dict[str, CaseResult]:
    expected = run_drivers(topic, topic.references(), seed, reference=True)
    return judge_outcomes(topic, run_drivers(topic, replaced(topic, builds, implementation), seed), expected)


def kinds(found: dict[str, CaseResult]) -> dict[str, str]:
    return {name: one.kind for name, one in found.items() if not one.passed}


# ── running ──────────────────────────────────────────────────────────────────


def test_one_seed_gives_one_outcome_and_cases_are_independent() -> None:
    topic = FakeTopic()
    whole = run_drivers(topic, topic.references(), 5)
    alone = run_drivers(topic, topic.references(), 5, ["typed"])
    assert list(whole) == list(CASES)
    assert list(alone) == ["typed"]
    assert torch.equal(whole["typed"].value, alone["typed"].value)
    assert not torch.equal(run_drivers(topic, topic.references(), 6)["typed"].value, alone["typed"].value)


def test_calls_are_recorded_with_copies_of_their_arguments() -> None:
    topic = FakeTopic(implementations={"scale": in_place, "total": total})
    found = run_drivers(topic, topic.references(), 5)["large"]
    (call,) = found.calls
    assert call.build == "scale"
    assert list(call.given) == ["x", "by"]
    assert torch.equal(call.given["x"], Rng(5, "fake", "large").normal(4, 5))
    assert torch.equal(found.value, call.given["x"] * 3)
    assert found.inputs_changed == ["x"]


def test_nan_in_an_input_is_no_change() -> None:
    source = "def nan(my, rng):\n    return my.total(rng.normal(3) * float('nan'))\n"
    topic = FakeTopic(source=source, table={"nan": close("t", builds="total")})
    assert run_drivers(topic, topic.references(), 1)["nan"].inputs_changed == []


def test_changed_lists_are_seen() -> None:
    source = "def grown(my, rng):\n    return my.grow(rng.tokens(3, 9))\n"

    def grow(items: list[int]) -> list[int]:
        items.append(1)
        return items

    topic = FakeTopic(source=source, table={"grown": exact("t", builds="grow")}, implementations={"grow": grow})
    assert run_drivers(topic, topic.references(), 1)["grown"].inputs_changed == ["items"]


def test_errors_and_unwritten_builds_are_outcomes() -> None:
    def unwritten(x: Any) -> Any:
        raise NotImplementedError

    def broken(x: Any, by: float = 2.0) -> Any:
        raise KeyError("x")

    topic = FakeTopic()
    found = run_drivers(topic, types.SimpleNamespace(scale=broken, total=unwritten), 1)
    assert found["small"].raised is not None
    assert found["small"].raised.type_name == "KeyError"
    assert "LookupError" in found["small"].raised.mro
    assert found["errors"].value.type_name == "KeyError"
    assert found["total_small"].kind == "missing"
    assert found["total_small"].missing == "total"


def test_cases_that_compare_distributions_give_the_reference_a_stream_of_its_own() -> None:
    source = "def drawn(my, rng):\n    g = rng.generator()\n    return my.draw(g, rng.normal(2))[0]\n"
    seen: list[torch.Tensor] = []

    def draw(generator: torch.Generator, x: torch.Tensor) -> list[torch.Tensor]:
        seen.append(x)
        return [torch.rand(50, generator=generator)]

    table = {"drawn": distributed_as("t", builds="draw")}
    topic = FakeTopic(source=source, table=table, implementations={"draw": draw})
    mine = run_drivers(topic, topic.references(), 1)["drawn"].value
    theirs = run_drivers(topic, topic.references(), 1, reference=True)["drawn"].value
    again = run_drivers(topic, topic.references(), 1, reference=True)["drawn"].value
    assert not torch.equal(mine, theirs)
    assert torch.equal(theirs, again)
    assert torch.equal(seen[0], seen[1])


def test_a_budget_ends_the_run_between_cases() -> None:
    topic = FakeTopic()
    assert len(run_drivers(topic, topic.references(), 1, budget=0.0)) < len(CASES)


def test_what_a_driver_sets_for_the_whole_process_is_not_seen_by_another() -> None:
    def in_dtype(dtype: torch.dtype) -> Callable[..., Any]:
        def asked(x: Any, by: float = 2.0) -> Any:
            before = torch.get_default_dtype()
            torch.set_default_dtype(dtype)
            time.sleep(0.01)
            made = torch.ones(1).dtype
            torch.set_default_dtype(before)
            return [made == dtype, before == torch.float32]

        return asked

    topic = FakeTopic()

    def run(dtype: torch.dtype) -> list[Any]:
        names = replaced(topic, ["scale"], in_dtype(dtype))
        return [one.value for one in run_drivers(topic, names, 1, ["small", "large"]).values()]

    try:
        with ThreadPoolExecutor(3) as pool:
            found = list(pool.map(run, [torch.float64, torch.bfloat16, torch.float16] * 3))
        assert torch.get_default_dtype() == torch.float32
    finally:
        torch.set_default_dtype(torch.float32)
    assert found == [[[True, True]] * 2] * 9


# ── judging ──────────────────────────────────────────────────────────────────


def test_the_reference_passes_and_each_way_of_failing_has_its_kind() -> None:
    topic = FakeTopic()
    assert kinds(results(topic, [], None)) == {}
    assert kinds(results(topic, ["scale"], by_ignored)) == {"large": "wrong"}
    assert kinds(results(topic, ["scale"], lambda x: x)) == {
        "small": "wrong",
        "large": "raised",
        "typed": "wrong",
        "errors": "wrong",
        "total_scaled": "wrong",
    }


def test_a_changed_input_fails_a_case_unless_it_may_change() -> None:
    topic = FakeTopic()
    found = results(topic, ["scale"], in_place)
    assert found["small"].kind == "wrong"
    assert found["small"].changed == ["x"]
    free = {name: close(case.title, builds=case.builds, may_change_inputs=True) for name, case in CASES.items()}
    topic.table = free
    assert kinds(results(topic, ["scale"], in_place)) == {}


def test_a_reference_that_fails_is_our_fault() -> None:
    topic = FakeTopic(implementations={"scale": lambda x: x, "total": total})
    with pytest.raises(ReferenceFailed, match="large"):
        results(topic, [], None)


def test_the_usual_scale_is_that_of_other_seeds() -> None:
    usual = UsualScales(FakeTopic())
    assert 0.3 < usual.of("total_small")(()) < 6
    assert 0.3 < usual.of("total_scaled")((1,)) < 6
    assert usual.of("total_scaled")((7, "x")) == 0.0
    assert usual.of("errors")(()) == 0.0


def test_the_usual_scale_of_an_array_is_that_of_its_numbers() -> None:
    source = "def array(my, rng):\n    return [rng.normal(1, 3).numpy()]\n"
    usual = UsualScales(FakeTopic(source=source, table={"array": close("an array", builds="scale")}))
    assert 0.3 < usual.of("array")((0,)) < 6


# ── mistakes ─────────────────────────────────────────────────────────────────


def matched(topic: FakeTopic, implementation: Any, build: str = "scale", seed: int = 1) -> list[str]:
    found = results(topic, [build], implementation, seed)
    return [one.name for one in Matcher(topic, seed).match(found, build)]


def test_a_mistake_is_named_by_its_behavior() -> None:
    topic = FakeTopic(wrong=mistakes(halved, by_ignored, lenient, in_place) + mistakes(averaged, build="total"))
    assert matched(topic, lambda x, by=2.0: scale(x, by) * 0.25) == ["halved"]
    assert matched(topic, in_place) == ["in_place"]
    assert matched(topic, lambda x: torch.mean(x, -1), build="total") == ["averaged"]
    assert matched(topic, lambda x, by=2.0: scale(x, by) + 1) == []
    assert matched(topic, scale) == []


def test_a_tie_names_both_and_passing_cases_break_it() -> None:
    def halved_too(x: torch.Tensor, by: float = 2.0) -> torch.Tensor:
        return scale(x, by) * 0.25

    topic = FakeTopic(wrong=mistakes(halved, halved_too))
    assert matched(topic, halved) == ["halved", "halved_too"]

    def wrong_when_small(x: torch.Tensor, by: float = 2.0) -> torch.Tensor:
        return halved(x, by) if x.ndim == 1 and len(x) == 3 else scale(x, by)

    topic = FakeTopic(wrong=mistakes(halved, wrong_when_small))
    assert matched(topic, wrong_when_small) == ["wrong_when_small"]


def test_two_mistakes_at_once_name_the_one_behind_the_first_failure() -> None:
    """Forgetting the factor and the check of types: no mistake explains all, but one explains what is shown."""
    topic = FakeTopic(wrong=mistakes(halved, by_ignored, lenient))

    def both(x: Any, by: float = 2.0) -> Any:
        return halved(x, by) if isinstance(x, torch.Tensor) else None

    assert matched(topic, both) == ["halved"]

    def contradicting(x: torch.Tensor, by: float = 2.0) -> torch.Tensor:
        return halved(x, by) if x.ndim == 1 else scale(x, by) * 7

    assert matched(topic, contradicting) == []


def test_the_same_exception_is_the_same_outcome() -> None:
    def raises(x: torch.Tensor, by: float = 2.0) -> torch.Tensor:
        raise IndexError("one text")

    def raises_alike(x: torch.Tensor, by: float = 2.0) -> torch.Tensor:
        raise IndexError("another text")

    def raises_otherwise(x: torch.Tensor, by: float = 2.0) -> torch.Tensor:
        raise ValueError("one text")

    topic = FakeTopic(wrong=mistakes(raises))
    assert matched(topic, raises_alike) == ["raises"]
    assert matched(topic, raises_otherwise) == []


def test_a_mistake_that_is_out_of_time_is_not_named() -> None:
    topic = FakeTopic(wrong=mistakes(halved))
    found = results(topic, ["scale"], halved)
    assert Matcher(topic, 1, budget=-1.0).match(found, "scale") == []
    assert len(Matcher(topic, 1, budget=None).match(found, "scale")) == 1


def test_cases_about_one_build_alone_speak_for_it() -> None:
    found = results(FakeTopic(), ["total"], averaged)
    assert [one.name for one in failing_cases(found, "total")] == ["total_small"]
    assert [one.name for one in failing_cases(found, "scale")] == ["total_scaled"]


# ── the proof for authors ────────────────────────────────────────────────────


def by_addition(x: torch.Tensor, by: float = 2.0) -> torch.Tensor:
    return scale(x, by) * 0.5 + scale(x, by) / 2


def test_a_sound_topic_has_no_problems() -> None:
    topic = FakeTopic(
        wrong=mistakes(halved, by_ignored, lenient, in_place) + mistakes(averaged, build="total"),
        right=mistakes(by_addition),
    )
    assert prove(topic, 2).problems == []


def test_each_fault_of_a_topic_is_a_problem() -> None:
    def harmless(x: torch.Tensor, by: float = 2.0) -> torch.Tensor:
        return scale(x, by)

    silent = FakeImplementation("silent", ("scale",), halved, hint="")
    topic = FakeTopic(
        source=SOURCE + "\ndef fixed(my, rng):\n    return my.total(rng.normal(3) * 0)\n",
        table=CASES | {"fixed": close("t", builds="total")},
        wrong=[*mistakes(halved, harmless), silent],
        right=mistakes(averaged, build="total"),
    )
    said = "\n".join(prove(topic, 1).problems)
    assert "fixed does not vary with the seed" in said
    assert "total_small" in said
    assert "harmless: NOT REJECTED" in said
    assert "a tie of halved and silent" in said
    assert "silent has no docstring" in said


def test_impostors_that_pass_are_problems() -> None:
    topic = FakeTopic(
        source="def shape(my, rng):\n    return list(my.total(rng.normal(rng.integer(2, 9), 3)).shape)\n",
        table={"shape": exact("t", builds="total")},
        implementations={"total": total},
    )
    said = "\n".join(prove(topic, 1).problems)
    assert "impostor zeros for total: PASSES" in said
    assert "impostor stub" not in said
    assert "total has 1 drivers" in said


def test_an_outcome_is_plain_by_default() -> None:
    assert Outcome().kind is None
    assert Outcome().calls == []


def test_what_torch_does_not_implement_is_an_error_and_not_a_missing_build() -> None:
    def refuses(x: torch.Tensor) -> torch.Tensor:
        return torch.zeros(3, dtype=torch.int64).log_softmax(0)

    found = run_drivers(FakeTopic(), types.SimpleNamespace(scale=scale, total=refuses), 1, ["total_small"])
    assert found["total_small"].kind is None
    assert found["total_small"].raised is not None


def test_an_unwritten_build_counts_even_where_the_driver_catches_it() -> None:
    def unwritten(x: Any) -> Any:
        raise NotImplementedError

    source = (
        "def caught(my, rng):\n    try:\n        my.total(rng.normal(3))\n    except Exception:\n        return 1\n"
    )
    topic = FakeTopic(source=source, table={"caught": exact("t", builds="total")})
    assert run_drivers(topic, types.SimpleNamespace(total=unwritten), 1)["caught"].kind == "missing"


def test_impostors_of_a_module_are_modules() -> None:
    class Doubling(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(3))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return 2 * x * self.weight

    fakes = impostors(Doubling)
    assert list(fakes["zeros"]().state_dict()) == ["weight"]
    assert not bool(fakes["zeros"]()(torch.ones(3)).any())
    assert bool((fakes["ones"]()(torch.zeros(3)) == 1).all())


def test_mistakes_run_once_a_case_and_only_while_they_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that differ on the first failing case are not tried on the others, and nothing is run twice."""
    tried: list[tuple[str, str]] = []

    def counted(topic: Any, names: Any, seed: int, cases: list[str]) -> dict[str, Outcome]:
        tried.extend(
            (names.scale.__name__, case) for case in cases if names.scale is not scale
        )  # not the usual scale's
        return run_drivers(topic, names, seed, cases)

    topic = FakeTopic(wrong=mistakes(halved, by_ignored, lenient))
    found = results(topic, ["scale"], lambda x, by=2.0: scale(x, by) * 7)
    monkeypatch.setattr(misconceptions, "run_drivers", counted)
    matcher = Matcher(topic, 1)
    assert matcher.match(found, "scale") == []
    first = failing_cases(found, "scale")[0].name
    assert {case for _, case in tried} == {first}
    assert sorted(tried) == sorted(set(tried))
    tried.clear()
    assert matcher.match(found, "scale") == []
    assert tried == []

    def both(x: Any, by: float = 2.0) -> Any:
        return halved(x, by) if isinstance(x, torch.Tensor) else None

    found = results(topic, ["scale"], both)
    assert [one.name for one in Matcher(topic, 1).match(found, "scale")] == ["halved"]
    assert sorted(tried) == sorted(set(tried))
