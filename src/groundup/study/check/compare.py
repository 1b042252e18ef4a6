"""Is what the learner's code returned what the reference returned? Structure, shape, dtype, device, then values.

``compare(case, returned, expected)`` answers None (yes) or the first Difference, with where it lies and which cells are
wrong. Both sides are plain data as the wire's decoder makes them. ``returned`` may be anything that a learner can
write; ``expected`` is ours. Nothing here says *why* something is wrong: that is :mod:`groundup.study.check.diagnose`.

What counts as equal: a Python number and a 0-d tensor of that value, a list and a tuple, NaN and NaN, infinities of one
sign. What does not: a list and a tensor, a NumPy array and a tensor, True and 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch

from groundup.authoring import Case
from groundup.study.check import tolerance
from groundup.study.check.distribution import differ
from groundup.study.check.wire import Array, Opaque, Raised

Path = tuple[int | str, ...]
Usual = Callable[[Path], float]
Number = int | float

Kind = Literal["type", "length", "keys", "shape", "dtype", "device", "values", "raised", "not valid"]


@dataclass(frozen=True, eq=False)
class Difference:
    """The first difference: at ``path`` in the result, with the values there. ``wrong`` marks the cells of a tensor.

    ``reason`` is a sentence where the comparison itself knows one (a statistical test, a bound, a predicate).
    """

    kind: Kind
    path: Path
    returned: Any
    expected: Any
    wrong: torch.Tensor | None = None
    reason: str | None = None


def compare(case: Case, returned: Any, expected: Any, usual: Usual | None = None) -> Difference | None:
    """The first difference between the two under the case's rule, or None.

    ``usual`` gives the scale that the number at a path has for other seeds (see :mod:`tolerance`); it is asked only
    where the two differ by more than the scale of ``expected`` alone explains.
    """
    if case.how in ("at_least", "at_most"):
        return _bound(case, returned, expected)
    if case.how == "valid":
        return _valid(case, returned, expected)
    if case.how == "distributed_as":
        return _distributed(returned, expected)
    return _Comparison(case, usual).at((), returned, expected)


def agree(case: Case, left: Any, right: Any, expected: Any) -> bool:
    """Do two results, wrong ones as well, come out the same? So a learner's is matched with a known mistake's."""
    if case.how == "distributed_as" and not _sampled(right):
        return False
    if case.how in ("at_least", "at_most", "valid"):
        plain = Case(case.title, case.builds, "close", dtype_matters=False)
        if compare(plain, left, right) is None:
            return True
        mine, theirs = compare(case, left, expected), compare(case, right, expected)
        return case.how == "valid" and mine is not None and theirs is not None and mine.reason == theirs.reason
    return compare(case, left, right) is None


def number(value: Any) -> tuple[Number | bool, torch.dtype | None] | None:
    """The Python number in a number, 0-d tensor or 0-d array, with its dtype if it has one; None for anything else."""
    if isinstance(value, Array):
        value = value.tensor
    if isinstance(value, torch.Tensor):
        if value.ndim or value.is_complex() or value.device.type == "meta":
            return None
        item = value.detach().item()
        return (item, value.dtype) if isinstance(item, (bool, int, float)) else None
    return (value, None) if isinstance(value, (bool, int, float)) else None


def _close_numbers(returned: Number, expected: Number, share: float, scale: float) -> bool:
    if returned == expected or (returned != returned and expected != expected):
        return True
    if share == 0.0:
        return False  # whole numbers may be larger than a float holds
    try:
        mine, theirs = float(returned), float(expected)
    except OverflowError:
        return False
    if not (math.isfinite(mine) and math.isfinite(theirs)):
        return False
    return abs(mine - theirs) <= share * scale


def workable(tensor: torch.Tensor) -> torch.Tensor:
    """The same numbers in a dtype that torch can work with: it can only store some, such as float8 and uint32."""
    stand_in = _STAND_INS.get(tensor.dtype)
    return tensor.detach() if stand_in is None else tensor.detach().to(stand_in)


_STAND_INS = {
    torch.float8_e4m3fn: torch.float32,
    torch.float8_e5m2: torch.float32,
    torch.uint16: torch.int32,
    torch.uint32: torch.int64,
    torch.uint64: torch.int64,  # wraps around, which keeps equal numbers equal and others different
}


def wrong_cells(returned: torch.Tensor, expected: torch.Tensor, allowed: float) -> torch.Tensor:
    """True where two tensors of one shape differ by more than ``allowed``; NaN equals NaN."""
    if allowed == 0.0 and returned.dtype == expected.dtype:
        equal = returned == expected
        return ~(equal | (returned.isnan() & expected.isnan())) if returned.is_floating_point() else ~equal
    wide = torch.complex128 if returned.is_complex() or expected.is_complex() else torch.float64
    mine, theirs = returned.detach().to(wide), expected.detach().to(wide)
    near = (mine - theirs).abs() <= allowed  # never so where one of the two is not finite: ``allowed`` is
    return ~near if bool(near.all()) else ~(near | (mine == theirs) | (mine.isnan() & theirs.isnan()))


def signed_like(returned: torch.Tensor, expected: torch.Tensor) -> torch.Tensor:
    """``returned`` with each row's sign turned to that of ``expected`` where the latter is largest.

    Truth values and complex numbers have no sign, and come back as they are.
    """
    if torch.bool in (returned.dtype, expected.dtype) or returned.is_complex() or expected.is_complex():
        return returned
    if returned.ndim == 0:
        return returned.abs() * torch.where(expected < 0, -1, 1)
    if returned.numel() == 0:
        return returned
    at = expected.abs().argmax(dim=-1, keepdim=True)
    opposite = torch.gather(returned, -1, at) * torch.gather(expected, -1, at).sign() < 0
    return torch.where(opposite, -returned, returned)


class _Comparison:
    """One walk through the two results; the rule for tensors depends on the case."""

    def __init__(self, case: Case, usual: Usual | None) -> None:
        self.case = case
        self.usual = usual
        self.exact = case.how == "exact"

    def at(self, path: Path, returned: Any, expected: Any) -> Difference | None:
        if isinstance(returned, Opaque):
            return Difference("type", path, returned, expected)
        if isinstance(expected, Raised) or isinstance(returned, Raised):
            return self._raised(path, returned, expected)
        if isinstance(expected, (list, tuple)):
            return self._list(path, returned, list(expected))
        if isinstance(expected, dict):
            return self._dict(path, returned, expected)
        if number(expected) is not None:
            return self._number(path, returned, expected)
        if isinstance(expected, (torch.Tensor, Array)):
            return self._tensor(path, returned, expected)
        if type(returned) is not type(expected):
            return Difference("type", path, returned, expected)
        return None if returned == expected else Difference("values", path, returned, expected)

    def _raised(self, path: Path, returned: Any, expected: Any) -> Difference | None:
        both = isinstance(returned, Raised) and isinstance(expected, Raised)
        if both and (expected.type_name == returned.type_name or expected.type_name in returned.mro):
            return None
        return Difference("raised", path, returned, expected)

    def _list(self, path: Path, returned: Any, expected: list[Any]) -> Difference | None:
        if not isinstance(returned, (list, tuple)):
            return Difference("type", path, returned, expected)
        if len(returned) != len(expected):
            return Difference("length", path, returned, expected)
        if self.case.how == "up_to_permutation" and not path:
            return self._any_order(path, list(returned), expected)
        for index, (mine, theirs) in enumerate(zip(returned, expected, strict=True)):
            found = self.at((*path, index), mine, theirs)
            if found is not None:
                return found
        return None

    def _any_order(self, path: Path, returned: list[Any], expected: list[Any]) -> Difference | None:
        left = list(range(len(returned)))
        for theirs in expected:
            match = next((index for index in left if self.at((*path, 0), returned[index], theirs) is None), None)
            if match is None:
                return Difference("values", path, returned, expected)
            left.remove(match)
        return None

    def _dict(self, path: Path, returned: Any, expected: dict[Any, Any]) -> Difference | None:
        if not isinstance(returned, dict):
            return Difference("type", path, returned, expected)
        if returned.keys() != expected.keys():
            return Difference("keys", path, returned, expected)
        for key, theirs in expected.items():
            found = self.at((*path, key), returned[key], theirs)
            if found is not None:
                return found
        return None

    def _number(self, path: Path, returned: Any, expected: Any) -> Difference | None:
        mine, theirs = number(returned), number(expected)
        assert theirs is not None
        if mine is None:
            shaped = isinstance(returned, (torch.Tensor, Array))
            return Difference("shape" if shaped else "type", path, returned, expected)
        (value, dtype), (wanted, wanted_dtype) = mine, theirs
        if isinstance(value, bool) != isinstance(wanted, bool):
            return Difference("type", path, returned, expected)
        both = dtype is not None and wanted_dtype is not None
        if self.case.dtype_matters and both and dtype != wanted_dtype:
            return Difference("dtype", path, returned, expected)
        if self.exact and self.case.dtype_matters and isinstance(value, float) != isinstance(wanted, float):
            return Difference("type", path, returned, expected)
        if self.case.how == "up_to_sign":
            value, wanted = abs(value), abs(wanted)
        if isinstance(wanted, int) or self.exact:
            share = 0.0
        else:
            share = self._share(wanted_dtype, None if both and self.case.dtype_matters else dtype)
        try:
            scale = abs(float(wanted))
        except OverflowError:
            scale = 0.0
        if _close_numbers(value, wanted, share, scale):
            return None
        if share and self.usual is not None and _close_numbers(value, wanted, share, max(scale, self.usual(path))):
            return None
        return Difference("values", path, returned, expected)

    def _share(self, expected: torch.dtype | None, returned: torch.dtype | None) -> float:
        return tolerance.relative(
            expected, returned, reduction=self.case.reduction, conditioning=self.case.conditioning
        )

    def _tensor(self, path: Path, returned: Any, expected: Any) -> Difference | None:
        if type(returned) is not type(expected):
            same_library = isinstance(returned, torch.Tensor) and isinstance(expected, torch.Tensor)
            if not same_library:
                return Difference("type", path, returned, expected)
        mine, theirs = (one.tensor if isinstance(one, Array) else one for one in (returned, expected))
        if mine.shape != theirs.shape:
            return Difference("shape", path, returned, expected)
        if mine.dtype != theirs.dtype and (self.case.dtype_matters or torch.bool in (mine.dtype, theirs.dtype)):
            return Difference("dtype", path, returned, expected)
        if mine.device != theirs.device:
            return Difference("device", path, returned, expected)
        plain, wanted = workable(mine), workable(theirs)
        if mine.dtype == theirs.dtype and torch.equal(plain, wanted):
            return None
        free = not self.case.dtype_matters
        wrong = self._wrong(path, plain, wanted, self._share(theirs.dtype, mine.dtype if free else None))
        if not bool(wrong.any()):
            return None
        return Difference("values", path, returned, expected, wrong)

    def _wrong(self, path: Path, mine: torch.Tensor, theirs: torch.Tensor, share: float) -> torch.Tensor:
        """The wrong cells under the case's rule, with the expected tensor's scale, then with the usual one."""
        if self.exact:
            share = 0.0
        rules = {"up_to_sign": _up_to_sign, "up_to_permutation": _up_to_order, "same_subspace": _off_subspace}
        rule = rules.get(self.case.how, wrong_cells)
        scale = tolerance.scale(theirs)
        wrong = rule(mine, theirs, share * scale)
        if share and self.usual is not None and bool(wrong.any()) and scale < (usual := self.usual(path)):
            wrong = rule(mine, theirs, share * usual)
        return wrong


def _up_to_sign(mine: torch.Tensor, theirs: torch.Tensor, allowed: float) -> torch.Tensor:
    return wrong_cells(signed_like(mine, theirs), theirs, allowed)


def _up_to_order(mine: torch.Tensor, theirs: torch.Tensor, allowed: float) -> torch.Tensor:
    """Each expected row takes a returned row that it equals; the rows that find none are wrong.

    First come, first served: rows that differ from each other by less than the tolerance are taken as one.
    """
    if theirs.ndim == 0:
        return wrong_cells(mine, theirs, allowed)
    rows = theirs.reshape(len(theirs), -1) if theirs.numel() else theirs.reshape(len(theirs), 0)
    given = mine.reshape(rows.shape)
    free = torch.ones(len(given), dtype=torch.bool)
    wrong = torch.zeros(theirs.shape, dtype=torch.bool)
    for index, row in enumerate(rows):
        fits = free & ~wrong_cells(given, row.expand_as(given), allowed).any(dim=1)
        if bool(fits.any()):
            free[int(fits.to(torch.int8).argmax())] = False
        else:
            wrong[index] = True
    return wrong


def _basis(rows: torch.Tensor) -> tuple[torch.Tensor, float]:
    """An orthonormal basis of the span of the rows, and how ill-conditioned the rows are.

    The last dimension is a row's; all others number the rows, so that one vector is one row.
    """
    rows = rows.reshape(-1, rows.shape[-1] if rows.ndim else 1)
    _, values, basis = torch.linalg.svd(
        rows.to(torch.complex128 if rows.is_complex() else torch.float64), full_matrices=False
    )
    largest = float(values.max()) if values.numel() else 0.0
    kept = values > largest * 1e-6
    smallest = float(values[kept].min()) if bool(kept.any()) else 1.0
    return basis[kept], largest / smallest if largest else 1.0


def _off_subspace(mine: torch.Tensor, theirs: torch.Tensor, allowed: float) -> torch.Tensor:
    """All cells wrong unless the projections onto the two row spaces are equal.

    ``allowed`` came with the scale of the expected rows; a projection's scale is 1, and it magnifies the rounding of
    the rows by their condition number (of the learner's rows to 1000 at most).
    """
    everything = torch.ones(theirs.shape, dtype=torch.bool)
    if not bool(torch.isfinite(mine).all() and torch.isfinite(theirs).all()):
        return everything  # what is not finite spans nothing
    if theirs.numel() == 0:
        return ~everything
    (one, condition_one), (two, condition_two) = _basis(mine), _basis(theirs)
    if len(one) != len(two):
        return everything
    share = allowed / max(tolerance.scale(theirs), 1e-300) * max(min(condition_one, 1e3), condition_two)
    if one.is_complex() != two.is_complex():
        return everything
    apart = float((one.mH @ one - two.mH @ two).abs().max()) if len(one) else 0.0
    return everything if apart > min(share, tolerance.CEILING) else ~everything


def _bound(case: Case, returned: Any, expected: Any) -> Difference | None:
    mine, theirs = number(returned), number(expected)
    if theirs is None:
        raise TypeError(f"the reference must return one number for {case.how}, not {type(expected).__name__}")
    if mine is None:
        return Difference("type", (), returned, expected)
    least = case.how == "at_least"
    limit = case.share * theirs[0]
    if (mine[0] >= limit) if least else (mine[0] <= limit):
        return None
    word = "at least" if least else "at most"
    reason = f"{_short(mine[0])} where {word} {_short(limit)} was expected"
    return Difference("values", (), returned, expected, reason=reason)


def _short(value: Number) -> str:
    try:
        return f"{value:.6g}"
    except OverflowError:
        return "a huge number"


def _valid(case: Case, returned: Any, expected: Any) -> Difference | None:
    assert case.holds is not None
    try:
        reason = case.holds(_without_arrays(returned), expected)
    except Exception:  # the predicate met something that it does not know: junk is never valid
        return Difference("type", (), returned, expected)
    return None if reason is None else Difference("not valid", (), returned, expected, reason=str(reason))


def _without_arrays(value: Any) -> Any:
    """NumPy arrays as tensors: a predicate should not have to know both."""
    if isinstance(value, Array):
        return value.tensor
    if isinstance(value, (list, tuple)):
        return [_without_arrays(one) for one in value]
    if isinstance(value, dict):
        return {key: _without_arrays(one) for key, one in value.items()}
    return value


def _samples(value: Any) -> torch.Tensor | None:
    """One vector of samples out of a 1-d tensor, array or list of numbers; None for anything else."""
    if isinstance(value, Array):
        value = value.tensor
    if isinstance(value, (list, tuple)):
        found = [number(one) for one in value]
        try:
            plain = [float(one[0]) for one in found if one is not None]
        except OverflowError:
            return None
        return torch.tensor(plain, dtype=torch.float64) if len(plain) == len(found) else None
    if isinstance(value, torch.Tensor) and value.ndim == 1 and not value.is_complex():
        return value.detach()
    return None


def _sampled(value: Any) -> bool:
    samples = _samples(value)
    return samples is not None and len(samples) > 0


def _distributed(returned: Any, expected: Any) -> Difference | None:
    mine, theirs = _samples(returned), _samples(expected)
    if theirs is None or len(theirs) == 0:
        raise TypeError(f"the reference must return one vector of samples, not {type(expected).__name__}")
    if mine is None:
        shaped = isinstance(returned, torch.Tensor) and isinstance(expected, torch.Tensor)
        return Difference("shape" if shaped else "type", (), returned, expected)
    if len(mine) != len(theirs):
        shaped = isinstance(returned, torch.Tensor) and isinstance(expected, torch.Tensor)
        return Difference("shape" if shaped else "length", (), returned, expected)
    if isinstance(expected, torch.Tensor) and isinstance(returned, torch.Tensor) and returned.dtype != expected.dtype:
        return Difference("dtype", (), returned, expected)
    reason = differ(mine, theirs)
    return None if reason is None else Difference("values", (), returned, expected, reason=reason)
