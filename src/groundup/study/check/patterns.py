"""Patterns of wrong tensors: transposed, scaled, shifted, unnormalized, right but for one row.

Each pattern is checked with the case's own tolerance (``equal``), so that what is said is as certain as a pass. The
order matters: the first that fits is said, the most telling ones come first.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence

import torch

from groundup.study.check import tolerance
from groundup.study.check.show import plain_number

Equal = Callable[[torch.Tensor, torch.Tensor], bool]
_NEARLY = 1e-3
_EXACT_FACTOR = 2e-5


# ── shapes ───────────────────────────────────────────────────────────────────


def describe_shape(returned: torch.Tensor, expected: torch.Tensor, equal: Equal) -> str:
    """A sentence on two different shapes."""
    mine, theirs = tuple(returned.shape), tuple(expected.shape)
    text = f"shape {mine} where {theirs} was expected"
    squeezed = [size for size in mine if size != 1] == [size for size in theirs if size != 1]
    if squeezed and mine != theirs and len(mine) != len(theirs):
        what = "an extra dimension of size 1" if len(mine) > len(theirs) else "a dimension of size 1 is missing"
        right = equal(returned.reshape(theirs), expected)
        return f"{text}: {what}" + (", the numbers are right" if right else "")
    if len(mine) == len(theirs) and sorted(mine) == sorted(theirs):
        for one, two in itertools.combinations(range(len(mine)), 2):
            turned = returned.transpose(one, two)
            if turned.shape == expected.shape:
                if equal(turned, expected):
                    return f"{text}: exactly the transpose (dimensions {one} and {two} swapped)"
                return f"{text}: dimensions {one} and {two} are swapped"
    slip = _broadcast_slip(mine, theirs)
    if slip is not None:
        return f"{text}: {slip}"
    if len(mine) < len(theirs) and mine == theirs[len(theirs) - len(mine) :]:
        return f"{text}: the batch dimension{'s are' if len(theirs) - len(mine) > 1 else ' is'} missing"
    if len(mine) > len(theirs) and theirs == mine[len(mine) - len(theirs) :]:
        extra = len(mine) - len(theirs)
        return f"{text}: there {'are extra dimensions' if extra > 1 else 'is an extra dimension'} in front"
    if len(mine) < len(theirs):
        return f"{text}: dimensions are missing, were too many summed over?"
    return text


def _broadcast_slip(mine: tuple[int, ...], theirs: tuple[int, ...]) -> str | None:
    """(5,) with (5, 1) gives (5, 5): one dimension more, of a size that is there already."""
    for n in theirs[-1:]:
        column = (*theirs[:-1], n, 1)
        if n > 1 and (mine == (*theirs, n) or (len(theirs) == 1 and mine == (n, n))):
            return f"{column} and {theirs} were broadcast against each other"
    if len(theirs) >= 2 and theirs[-1] == 1 and mine == (*theirs[:-1], theirs[-2]) and theirs[-2] > 1:
        return f"{theirs} and {theirs[:-1]} were broadcast against each other"
    return None


# ── values ───────────────────────────────────────────────────────────────────


def describe_values(
    returned: torch.Tensor, expected: torch.Tensor, wrong: torch.Tensor, equal: Equal, sizes: Sequence[int]
) -> str:
    """A sentence on two tensors of one shape and dtype; ``wrong`` marks the cells that differ."""
    if expected.dtype == torch.bool:
        return _truth_words(returned, expected, wrong, equal)
    if expected.is_complex() or returned.is_complex():
        return _count_words(returned, expected, wrong)
    for sentence in _patterns(returned, expected, wrong, equal, sizes):
        if sentence is not None:
            return sentence
    return _count_words(returned, expected, wrong)


def _patterns(
    returned: torch.Tensor, expected: torch.Tensor, wrong: torch.Tensor, equal: Equal, sizes: Sequence[int]
) -> Iterator[str | None]:
    yield _not_finite(returned, expected)
    wide = returned.to(torch.float64)
    yield _constant(wide, expected)
    yield "right up to sign: every number has the wrong sign" if equal(-wide, expected) else None
    yield _transposed(wide, expected, equal)
    yield _factor_words(wide, expected, equal, sizes)
    yield _diagonal_wrong(wrong)
    yield _shifted(wide, expected, equal)
    yield _part_wrong(wrong)
    yield _triangle_wrong(wrong)
    yield _part_right(wrong)
    yield _rows_reordered(wide, expected, equal)
    if expected.is_floating_point():
        yield _function_words(wide, expected.to(torch.float64), equal, expected.dtype)
        yield _row_factor(wide, expected.to(torch.float64), equal, expected.dtype)
        yield _offset_words(wide, expected, equal)
        yield _nearly(wide, expected.to(torch.float64), expected.dtype)


def _truth_words(returned: torch.Tensor, expected: torch.Tensor, wrong: torch.Tensor, equal: Equal) -> str:
    if bool(wrong.all()):
        return "exactly the opposite: True where False was expected, and the other way round"
    if bool((returned == returned.reshape(-1)[0]).all()):
        return f"every entry is {bool(returned.reshape(-1)[0])}"
    for sentence in (
        _transposed(returned, expected, equal),
        _diagonal_wrong(wrong),
        _shifted(returned, expected, equal),
        _part_wrong(wrong),
        _triangle_wrong(wrong),
        _part_right(wrong),
    ):
        if sentence is not None:
            return sentence
    return _count_words(returned, expected, wrong)


def _not_finite(returned: torch.Tensor, expected: torch.Tensor) -> str | None:
    if not returned.is_floating_point():
        return None
    for name, of in (("NaN", torch.isnan), ("infinity", torch.isinf)):
        there = of(returned) & ~of(expected)
        if bool(there.any()):
            count = int(there.sum())
            many = f"{count} of {there.numel()} numbers are" if count > 1 else "one number is"
            return f"{many} {name}, first at {index_words(there)}"
        lost = of(expected) & ~of(returned)
        if bool(lost.any()) and torch.isfinite(returned).all():
            return f"{name} was expected at {index_words(lost)}, but {_at(returned, lost)} is there"
    return None


def _constant(wide: torch.Tensor, expected: torch.Tensor) -> str | None:
    if wide.numel() < 2 or not bool((wide == wide.reshape(-1)[0]).all()):
        return None
    value = float(wide.reshape(-1)[0])
    spread = bool((expected == expected.reshape(-1)[0]).all())
    if spread and value != 0:
        return None
    return f"every number is {plain_number(value) if not value.is_integer() else int(value)}"


def _transposed(returned: torch.Tensor, expected: torch.Tensor, equal: Equal) -> str | None:
    if returned.ndim < 2:
        return None
    pairs = sorted(itertools.combinations(range(returned.ndim), 2), reverse=True)
    for one, two in pairs[:10]:
        if returned.shape[one] == returned.shape[two] > 1 and equal(returned.transpose(one, two), expected):
            return "exactly the transpose" + (f" (dimensions {one} and {two} swapped)" if returned.ndim > 2 else "")
    return None


def _factor_words(wide: torch.Tensor, expected: torch.Tensor, equal: Equal, sizes: Sequence[int]) -> str | None:
    """Every number off by one factor."""
    theirs = expected.to(torch.float64)
    scale = tolerance.scale(theirs)
    if scale == 0 or not math.isfinite(scale) or not bool(torch.isfinite(wide).all()):
        return None
    at = int(theirs.nan_to_num(0.0, 0.0, 0.0).abs().argmax())
    factor = float(wide.reshape(-1)[at]) / float(theirs.reshape(-1)[at])
    if factor in (0.0, 1.0) or not math.isfinite(factor) or not equal(wide / factor, expected):
        return None
    return factor_words(factor, sizes)


def factor_words(factor: float, sizes: Sequence[int]) -> str:
    """A factor in words: twice, half, the square root of a length, n / (n - 1)."""
    sign = " and of the wrong sign" if factor < 0 else ""
    size = abs(factor)
    if _is(size, 2.0):
        return f"twice the expected{sign}"
    if _is(size, 0.5):
        return f"half the expected{sign}"
    for value, words in _named_factors(sizes):
        if _is(size, value):
            return f"{plain_number(size)} times the expected{sign}: {words}"
    return f"{plain_number(size)} times the expected{sign}"


def _is(factor: float, value: float) -> bool:
    return abs(factor - value) <= _EXACT_FACTOR * value


def _named_factors(sizes: Sequence[int]) -> Iterator[tuple[float, str]]:
    for n in sizes:
        yield math.sqrt(n), f"that is the square root of {n}"
        yield 1 / math.sqrt(n), f"that is 1 over the square root of {n}"
        yield float(n), f"{n} is a length here; sum and mean mixed up?"
        yield 1 / n, f"that is 1 / {n}; sum and mean mixed up?"
    for n in sizes:
        yield n / (n - 1), f"that is n / (n - 1) for n = {n}"
        yield (n - 1) / n, f"that is (n - 1) / n for n = {n}"
    yield math.log(2), "that is the natural logarithm of 2"
    yield 1 / math.log(2), "that is 1 over the natural logarithm of 2: base 2 and base e mixed up?"
    yield math.log(10), "that is the natural logarithm of 10"
    yield 180 / math.pi, "degrees and radians mixed up?"
    yield math.pi / 180, "degrees and radians mixed up?"
    yield math.sqrt(2), "that is the square root of 2"
    yield 1 / math.sqrt(2), "that is 1 over the square root of 2"


def _shifted(returned: torch.Tensor, expected: torch.Tensor, equal: Equal) -> str | None:
    """Rows, columns or entries one position too late or too early."""
    for dim in range(expected.ndim - 1, -1, -1):
        size = expected.shape[dim]
        if size < 3:
            continue
        inner_mine, inner_theirs = returned.narrow(dim, 1, size - 1), expected.narrow(dim, 0, size - 1)
        if not bool((inner_theirs != inner_theirs.reshape(-1)[0]).any()):
            continue
        name = _dimension_name(dim, expected.ndim)
        if equal(inner_mine, inner_theirs):
            return f"off by one position: each {name} is one too late"
        if equal(returned.narrow(dim, 0, size - 1), expected.narrow(dim, 1, size - 1)):
            return f"off by one position: each {name} is one too early"
    return None


def _dimension_name(dim: int, ndim: int) -> str:
    if ndim == 1:
        return "entry"
    if dim == ndim - 1:
        return "column"
    return "row" if dim == ndim - 2 else "batch element"


def _touched(wrong: torch.Tensor) -> Iterator[tuple[str, torch.Tensor]]:
    """For each dimension of some length: what one index of it is called, and at which of them anything is wrong."""
    for dim in range(wrong.ndim):
        if wrong.shape[dim] >= 2:
            yield _dimension_name(dim, wrong.ndim), wrong.movedim(dim, 0).flatten(1).any(dim=1)


def _part_wrong(wrong: torch.Tensor) -> str | None:
    """Wrong in one row, column or batch element only."""
    if wrong.ndim == 1:
        wrong = wrong[:, None]
    for name, touched in _touched(wrong):
        if int(touched.sum()) == 1:
            at = int(touched.to(torch.int8).argmax())
            place = "first" if at == 0 else "last" if at == len(touched) - 1 else _ordinal(at + 1)
            return f"right but for the {place} {'entry' if wrong.shape[1:] == (1,) else name}"
    return None


def _part_right(wrong: torch.Tensor) -> str | None:
    """Wrong everywhere but in the first, or the last, row, column or batch element."""
    for name, touched in _touched(wrong if wrong.ndim > 1 else wrong[:, None]):
        if len(touched) > 2 and int(touched.sum()) == len(touched) - 1 and not (touched[0] and touched[-1]):
            return f"only the {'last' if touched[0] else 'first'} {'entry' if wrong.ndim == 1 else name} is right"
    return None


def _ordinal(number: int) -> str:
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _diagonal_wrong(wrong: torch.Tensor) -> str | None:
    if wrong.ndim < 2 or min(wrong.shape[-2:]) < 2:
        return None
    on = torch.eye(*wrong.shape[-2:], dtype=torch.bool).expand(wrong.shape)
    if bool((wrong & ~on).any()):
        return None
    return "right but for the diagonal"


def _triangle_wrong(wrong: torch.Tensor) -> str | None:
    """Wrong above the diagonal only, or below it only."""
    if wrong.ndim < 2 or min(wrong.shape[-2:]) < 3:
        return None
    if not bool(wrong.tril().any()):
        return "right on and below the diagonal, wrong above it"
    if not bool(wrong.triu().any()):
        return "right on and above the diagonal, wrong below it"
    return None


def _rows_reordered(wide: torch.Tensor, expected: torch.Tensor, equal: Equal) -> str | None:
    name = "entries" if expected.ndim == 1 else "rows"
    if expected.ndim == 0 or not 2 <= len(expected) <= 256:
        return None
    if equal(wide.flip(0), expected):
        return f"the right {name} in reverse order"
    free = list(range(len(expected)))
    for row in expected:
        match = next((at for at in free if equal(wide[at].reshape(row.shape), row)), None)
        if match is None:
            return None
        free.remove(match)
    return f"the right {name} in the wrong order"


def _function_words(wide: torch.Tensor, theirs: torch.Tensor, equal: Equal, dtype: torch.dtype) -> str | None:
    """A function too many, or too few."""

    def same(mine: torch.Tensor, other: torch.Tensor) -> bool:
        return bool(torch.isfinite(other).all()) and equal(mine, other.to(dtype))

    positive = bool((theirs > 0).all())
    if positive and same(wide, theirs.log()):
        return "the logarithm of the expected"
    if same(wide, theirs.exp()):
        return "the exponential of the expected: the logarithm is missing"
    for dim in range(-1, -wide.ndim - 1, -1):
        if wide.shape[dim] > 1 and same(torch.softmax(wide, dim), theirs):
            return f"the values before softmax: softmax over dimension {dim} makes them right"
    if same(torch.sigmoid(wide), theirs):
        return "the values before the sigmoid"
    if same(wide, theirs**2):
        return "the square of the expected: a square root is missing?"
    if bool((theirs >= 0).all()) and same(wide, theirs.sqrt()):
        return "the square root of the expected"
    if bool((theirs != 0).all()) and same(wide, 1 / theirs):
        return "1 over the expected"
    if same(wide, theirs.abs()):
        return "right but for the sign of the negative numbers"
    return None


def _row_factor(wide: torch.Tensor, theirs: torch.Tensor, equal: Equal, dtype: torch.dtype) -> str | None:
    """Each row a multiple of the expected: something was not normalized, or over the wrong dimension."""
    if theirs.ndim < 2:
        return None
    for dim in (theirs.ndim - 1, theirs.ndim - 2):
        if theirs.shape[dim] < 3:
            continue
        top = theirs.abs().argmax(dim=dim, keepdim=True)
        factors = torch.gather(wide, dim, top) / torch.gather(theirs, dim, top)
        if not bool((torch.isfinite(factors) & (factors != 0)).all()):
            continue
        if equal(wide / factors, theirs.to(dtype)):
            name = "row" if dim == theirs.ndim - 1 else "column"
            return f"each {name} is a multiple of the expected one: is it divided by the wrong number?"
    return None


def _offset_words(wide: torch.Tensor, expected: torch.Tensor, equal: Equal) -> str | None:
    apart = wide - expected.to(torch.float64)
    if wide.numel() < 2 or not bool(torch.isfinite(apart).all()):
        return None
    offset = float(apart.reshape(-1)[0])
    if offset == 0 or not equal(wide - offset, expected):
        return None
    return f"every number is {plain_number(abs(offset))} too {'large' if offset > 0 else 'small'}"


def _nearly(wide: torch.Tensor, theirs: torch.Tensor, dtype: torch.dtype) -> str | None:
    """Right to a few digits: rounding in a lower precision, or a small number added."""
    scale = tolerance.scale(theirs)
    apart = (wide - theirs).abs().nan_to_num(0.0)
    if not bool(torch.isfinite(wide).all()) or scale == 0 or dtype not in (torch.float32, torch.float64):
        return None
    share = float(apart.max()) / scale
    if not 0 < share < _NEARLY:
        return None
    digits, all_digits = int(-math.log10(share)), 7 if dtype == torch.float32 else 16
    return (
        f"right to about {digits} digits of {all_digits}: is something computed in a lower precision, "
        "or a small number added?"
    )


def _count_words(returned: torch.Tensor, expected: torch.Tensor, wrong: torch.Tensor) -> str:
    count, whole = int(wrong.sum()), wrong.numel()
    many = "all numbers differ" if count == whole else f"{count} of {whole} numbers differ"
    if count == 1:
        many = "one number differs"
    return f"{many}, first at {index_words(wrong)}: {_at(returned, wrong)} where {_at(expected, wrong)} was expected"


def _at(tensor: torch.Tensor, marks: torch.Tensor) -> str:
    return plain_number(tensor.reshape(-1)[int(marks.reshape(-1).to(torch.int8).argmax())].item())


def index_words(marks: torch.Tensor) -> str:
    """The index of the first marked cell, as Python writes it."""
    first = marks.nonzero()[0].tolist() if marks.ndim else []
    return "[" + ", ".join(map(str, first)) + "]"


def number_pattern(returned: int | float, expected: int | float, sizes: Sequence[int]) -> str | None:
    """What can be said of one wrong number; only what is unlikely by chance."""
    try:
        mine, theirs = float(returned), float(expected)
    except OverflowError:
        return None
    if isinstance(returned, bool) or isinstance(expected, bool) or mine == theirs:
        return None
    if isinstance(returned, int) and isinstance(expected, int):
        return "off by one" if abs(returned - expected) == 1 else None
    if not math.isfinite(mine) or theirs == 0 or not math.isfinite(theirs):
        return None
    if _is(mine, -theirs) if theirs < 0 else _is(-mine, theirs):
        return "the sign is wrong"
    factor = mine / theirs
    if _is(abs(factor), 2.0) or _is(abs(factor), 0.5) or any(_is(abs(factor), one) for one, _ in _named_factors(sizes)):
        return factor_words(factor, sizes)
    if theirs > 0 and mine != 0 and abs(mine - math.log(theirs)) <= _EXACT_FACTOR * abs(mine):
        return "the logarithm of the expected"
    if mine > 0 and abs(theirs - math.log(mine)) <= _EXACT_FACTOR * abs(theirs):
        return "the exponential of the expected"
    if abs(mine - theirs * theirs) <= _EXACT_FACTOR * abs(mine) and mine > 0:
        return "the square of the expected"
    if mine > 0 and abs(mine * mine - theirs) <= _EXACT_FACTOR * abs(theirs):
        return "the square root of the expected"
    return None
