"""Run a topic's drivers on an implementation in this very process: references, mistakes, alternatives and mutants.

Only our own code is run here; a learner's runs in the sandbox. What a driver returns goes through the same wire format
as a learner's answer, so that the two are compared as like with like. Calls of the builds that are functions are
recorded, with copies of their arguments: a failure shows them, and a changed argument is noticed. Calls of classes are
not recorded. Nothing stops code that does not end.

``python -m groundup.study.check.inprocess TOPIC-ID`` tells an author how well the checks of a topic hold.
"""

from __future__ import annotations

import functools
import inspect
import threading
import time
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch

from groundup.authoring import Case
from groundup.study.check.job import RaisedAt
from groundup.study.check.raised import by_statement
from groundup.study.check.rng import Rng
from groundup.study.check.wire import decode, encode, type_name

# A stream of the reference's own for cases that compare distributions: the test needs independent samples.
_INDEPENDENT = "reference"


class BuildLike(Protocol):
    """What is asked of a build."""

    @property
    def name(self) -> str: ...
    @property
    def without(self) -> Sequence[str]: ...


# Drivers set what the whole process shares, and put it back: torch's default dtype, its generator. Of two at once, one
# would compute in the other's dtype, and the second to end would put back what the first had set.
_ONE_AT_A_TIME = threading.RLock()


class ImplementationLike(Protocol):
    """What is asked of a mistake or an alternative."""

    @property
    def name(self) -> str: ...
    @property
    def builds(self) -> Sequence[str]: ...
    @property
    def object(self) -> Any: ...
    @property
    def hint(self) -> str: ...


class TopicLike(Protocol):
    """What is asked of a topic."""

    @property
    def id(self) -> str: ...
    @property
    def builds(self) -> Sequence[BuildLike]: ...
    @property
    def check_version(self) -> int: ...
    def drivers(self) -> types.ModuleType: ...
    def drivers_source(self) -> str: ...
    def cases(self) -> Mapping[str, Case]: ...
    def references(self) -> Any: ...
    def mistakes(self) -> Sequence[ImplementationLike]: ...
    def alternatives(self) -> Sequence[ImplementationLike]: ...


@dataclass(frozen=True, eq=False)
class Call:
    """One call of a build by a driver: copies of its arguments, by parameter name, as they were before the call.

    ``differentiated`` says that an argument required a gradient.
    """

    build: str
    given: dict[str, Any]
    differentiated: bool = False


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one driver gave on one implementation; the same record whether it ran here or in the sandbox."""

    value: Any = None
    raised: RaisedAt | None = None
    kind: str | None = None
    seconds: float = 0.0
    inputs_changed: list[str] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    missing: str | None = None
    forbidden: str | None = None


def replaced(topic: TopicLike, builds: Iterable[str], implementation: Any) -> types.SimpleNamespace:
    """The references with one implementation in the place of ``builds``."""
    names = vars(topic.references()) | dict.fromkeys(builds, implementation)
    return types.SimpleNamespace(**names)


def run_drivers(
    topic: TopicLike,
    implementation: Any,
    seed: int,
    cases: Iterable[str] | None = None,
    *,
    reference: bool = False,
    budget: float | None = None,
) -> dict[str, Outcome]:
    """The outcome of each case (all, in driver order, unless named) on the builds in ``implementation``.

    ``reference`` gives cases that compare distributions a random stream of their own. After ``budget`` seconds the
    cases that are left are not run.
    """
    known = topic.cases()
    drivers = topic.drivers()
    names = [build.name for build in topic.builds]
    found: dict[str, Outcome] = {}
    began = time.perf_counter()
    for name in known if cases is None else cases:
        if budget is not None and time.perf_counter() - began > budget:
            break
        rng = Rng(seed, topic.id, name)
        if reference and known[name].how == "distributed_as":
            rng = _independent(rng, seed, topic.id, name)
        found[name] = _run(getattr(drivers, name), names, implementation, rng)
    return found


def _independent(rng: Rng, seed: int, topic: str, case: str) -> Rng:
    """The same inputs, but other generators."""
    other = Rng(seed, topic, f"{case}/{_INDEPENDENT}")

    def generator() -> torch.Generator:
        Rng.generator(rng)  # keeps the inputs that are drawn afterwards the same
        return other.generator()

    rng.generator = generator  # type: ignore[method-assign]
    return rng


def _run(driver: Callable[[Any, Rng], Any], names: Sequence[str], implementation: Any, rng: Rng) -> Outcome:
    recorder = _Recorder()
    my = types.SimpleNamespace(
        **{name: recorder.wrap(name, getattr(implementation, name)) for name in names if hasattr(implementation, name)}
    )
    value, raised, kind = None, None, None
    with _ONE_AT_A_TIME:
        began = time.perf_counter()
        try:
            value = driver(my, rng)
            seconds = time.perf_counter() - began
            value = decode(encode(value))
        except Exception as error:
            seconds = time.perf_counter() - began
            raised = _raised_at(error)
            kind = "missing" if _unwritten(error) else None
    if recorder.missing is not None:  # even where the driver caught it, as in the sandbox
        value, kind = None, "missing"
    return Outcome(
        value,
        raised,
        kind,
        max(seconds - recorder.seconds, 0.0),
        sorted(recorder.changed),
        recorder.calls,
        recorder.missing,
    )


def _unwritten(error: Exception) -> bool:
    """A ``raise NotImplementedError``, not one of torch's for a dtype that an operation does not take."""
    return type(error) is NotImplementedError and by_statement(error)


def _raised_at(error: Exception) -> RaisedAt:
    names = [type_name(one) for one in type.mro(type(error))]
    return RaisedAt(names[0], str(error), mro=names)


class _Recorder:
    """Wraps functions so that their calls are recorded; the time that this takes is counted apart."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.changed: set[str] = set()
        self.missing: str | None = None
        self.seconds = 0.0

    def wrap(self, build: str, function: Any) -> Any:
        if not isinstance(function, types.FunctionType):
            return function

        @functools.wraps(function)
        def recorded(*args: Any, **kwargs: Any) -> Any:
            began = time.perf_counter()
            given = named_arguments(function, args, kwargs)
            copies = {name: _copy(value) for name, value in given.items()}
            tensors = [one for one in given.values() if isinstance(one, torch.Tensor)]
            self.calls.append(Call(build, copies, any(one.requires_grad for one in tensors)))
            self.seconds += time.perf_counter() - began
            try:
                return function(*args, **kwargs)
            except NotImplementedError as error:
                if _unwritten(error):
                    self.missing = self.missing or build
                raise
            finally:
                began = time.perf_counter()
                self.changed.update(name for name, value in given.items() if not _same(value, copies[name]))
                self.seconds += time.perf_counter() - began

        return recorded


@functools.lru_cache(maxsize=512)
def _signature(function: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        return None


def named_arguments(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a call by parameter name; by position where the function does not take them."""
    signature = _signature(function)
    if signature is not None:
        try:
            return dict(signature.bind(*args, **kwargs).arguments)
        except TypeError:
            pass
    return {str(index): value for index, value in enumerate(args)} | dict(kwargs)


def _copy(value: Any) -> Any:
    """A copy of plain data; anything else stays itself."""
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    if type(value) in (list, tuple):
        return type(value)(_copy(one) for one in value)
    if type(value) is dict:
        return {key: _copy(one) for key, one in value.items()}
    return value.copy() if hasattr(value, "dtype") and hasattr(value, "copy") else value


def _same(value: Any, copy: Any) -> bool:
    """Is an argument still what it was? Bit for bit where it is a tensor; NaN is still NaN."""
    if isinstance(value, torch.Tensor) or isinstance(copy, torch.Tensor):
        if not isinstance(value, torch.Tensor) or value.shape != copy.shape or value.dtype != copy.dtype:
            return False
        plain = value.detach()
        return torch.equal(plain, copy) or torch.equal(plain.nan_to_num(), copy.nan_to_num())
    if type(value) in (list, tuple):
        return len(value) == len(copy) and all(_same(one, two) for one, two in zip(value, copy, strict=True))
    if type(value) is dict:
        return list(value) == list(copy) and all(_same(value[key], copy[key]) for key in copy)
    if hasattr(value, "dtype") and hasattr(value, "tobytes"):
        return bool(value.tobytes() == copy.tobytes())
    return True


if __name__ == "__main__":
    from groundup.study.check.proof import main

    raise SystemExit(main())
