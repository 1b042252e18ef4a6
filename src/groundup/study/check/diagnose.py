"""What is wrong with an answer, in one plain sentence, where no known mistake explains it.

It looks at the two values only, never at source text, and says what it can prove from the numbers: *exactly the
transpose*, *twice the expected*, *your input q was changed in place*. It does not judge: the difference comes from
:mod:`groundup.study.check.compare`. Patterns of tensors are in :mod:`groundup.study.check.patterns`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import torch

from groundup.authoring import Case
from groundup.study.check.compare import Difference, Path, compare, number, workable
from groundup.study.check.inprocess import Call, Outcome
from groundup.study.check.patterns import describe_shape, describe_values, number_pattern
from groundup.study.check.show import dtype_name, one_line, plain_number
from groundup.study.check.wire import Array, Opaque, Raised, clean

SLOW_FACTOR, SLOW_SECONDS = 20.0, 0.05
_LONGEST = 400
_UNCONSUMED = {
    "generator": "list(…)",
    "map": "list(…)",
    "zip": "list(…)",
    "filter": "list(…)",
    "range": "list(…)",
    "reversed": "list(…)",
    "enumerate": "list(…)",
    "dict_keys": "list(…)",
    "dict_values": "list(…)",
    "dict_items": "list(…)",
}
_UNCALLED = {"function", "method", "builtin_function_or_method", "method-wrapper", "partial", "type"}


def explain(case: Case, difference: Difference | None, mine: Outcome, theirs: Outcome, changed: Sequence[str]) -> str:
    """One sentence on a case that is wrong. ``changed`` are the inputs that were changed in place."""
    if changed:
        return _changed_in_place(changed)
    if difference is None:
        return "the result is not what was expected"
    if difference.reason is not None:
        return clean(difference.reason, _LONGEST)
    return clean(_Explanation(case, difference, mine, theirs.calls, theirs.value).sentence(), _LONGEST)


def _changed_in_place(changed: Sequence[str]) -> str:
    if len(changed) == 1:
        return f"your input {changed[0]} was changed in place"
    return f"your inputs {' and '.join(changed[:3])} were changed in place"


def slow_remark(mine: float, theirs: float) -> str | None:
    """A remark on a right answer that takes far longer than the reference."""
    if mine <= SLOW_SECONDS or mine <= SLOW_FACTOR * theirs:
        return None
    factor = mine / max(theirs, 1e-6)
    rounded = int(float(f"{factor:.1g}")) if factor >= 100 else round(factor)
    return f"right, but {rounded} times slower than needed: a Python loop over rows?"


def sizes(calls: Sequence[Call], *tensors: Any) -> list[int]:
    """The lengths that a forgotten factor may come from: of the arguments, and of the results."""
    found: dict[int, None] = {}

    def look(value: Any) -> None:
        if isinstance(value, Array):
            value = value.tensor
        if isinstance(value, torch.Tensor):
            found.update(dict.fromkeys(value.shape))
        elif isinstance(value, (list, tuple, str, bytes)):
            found[len(value)] = None

    for call in calls[:8]:
        for value in call.given.values():
            look(value)
    for tensor in tensors:
        look(tensor)
    return [size for size in found if size >= 2]


class _Explanation:
    """The sentence for one difference."""

    def __init__(self, case: Case, difference: Difference, mine: Outcome, calls: Sequence[Call], whole: Any) -> None:
        self.case, self.difference, self.calls, self.whole = case, difference, calls, whole
        self.returned, self.expected = difference.returned, difference.expected
        self.all_returned = mine.value
        last = difference.path[-1] if difference.path else None
        self.gradient = last if isinstance(last, str) and any(call.differentiated for call in calls) else None

    def sentence(self) -> str:
        by_kind: dict[str, Callable[[], str]] = {
            "type": self.type,
            "raised": self.raised,
            "length": self.length,
            "keys": self.keys,
            "shape": self.shape,
            "dtype": self.dtype,
            "device": self.device,
            "values": self.values,
            "not valid": lambda: "the result is not valid",
        }
        whole = self.in_list()
        return whole if whole is not None else self.prefix() + by_kind[self.difference.kind]()

    def prefix(self) -> str:
        if self.gradient is not None:
            return "" if self.difference.kind == "type" else f"the gradient of {self.gradient}: "
        return f"at {path_words(self.difference.path)}: " if self.difference.path else ""

    # ── each kind of difference ──────────────────────────────────────────────

    def type(self) -> str:
        returned, expected = self.returned, self.expected
        wanted = a_kind(expected)
        if returned is None:
            if self.gradient is not None:
                return f"no gradient reaches {self.gradient}"
            return f"None was returned where {wanted} was expected: did you forget `return`?"
        if expected is None:
            if self.gradient is not None:
                return f"a gradient reaches {self.gradient} where none should"
            return f"{a_kind(returned)} was returned where None was expected"
        if isinstance(returned, Opaque):
            return opaque_words(returned, wanted)
        if isinstance(expected, (torch.Tensor, Array)) and number(returned) is not None:
            return f"one number where a tensor of shape {_shape(expected)} was expected: was everything summed?"
        if isinstance(returned, (list, tuple)) and isinstance(expected, torch.Tensor):
            return "a list where a tensor was expected: torch.tensor or torch.stack makes one"
        if isinstance(returned, torch.Tensor) and isinstance(expected, (list, tuple)):
            return "a tensor where a list was expected: .tolist() makes one"
        if type(number(expected)) is tuple and type(number(returned)) is tuple:
            return f"{a_kind(returned)} ({one_line(returned)}) where {wanted} ({one_line(expected)}) was expected"
        return f"{a_kind(returned)} where {wanted} was expected"

    def raised(self) -> str:
        returned, expected = self.returned, self.expected
        if isinstance(expected, Raised) and isinstance(returned, Raised):
            return f"{one_line(returned)} was raised where {expected.type_name} was expected"
        if isinstance(expected, Raised):
            return f"{expected.type_name} was to be raised, but {a_kind(returned)} was returned"
        return f"{one_line(returned)} was raised where {a_kind(expected)} was expected"

    def length(self) -> str:
        count, wanted = (len(one.tensor if isinstance(one, Array) else one) for one in (self.returned, self.expected))
        text = f"{count} item{'' if count == 1 else 's'} where {wanted} {'was' if wanted == 1 else 'were'} expected"
        if not isinstance(self.returned, (list, tuple)) or not isinstance(self.expected, (list, tuple)):
            return text
        at = first_unlike(self.case, self.returned, self.expected)
        if at is None:
            more = count > wanted
            return f"{text}: {'right until then, then more follow' if more else 'right as far as it goes'}"
        got, want = one_line(self.returned[at], 60), one_line(self.expected[at], 60)
        return f"{text}; the first difference is at index {at}: {got} where {want} was expected"

    def keys(self) -> str:
        missing = [key for key in self.expected if key not in self.returned]
        extra = [key for key in self.returned if key not in self.expected]
        words = []
        if missing:
            words.append(f"the key {one_line(missing[0], 60)} is missing" + _and_more(missing))
        if extra:
            words.append(f"the key {one_line(extra[0], 60)} should not be there" + _and_more(extra))
        return "; ".join(words)

    def shape(self) -> str:
        returned, expected = _tensor(self.returned), _tensor(self.expected)
        if returned is None or expected is None:
            wanted = "one number" if number(self.expected) is not None else a_kind(self.expected)
            return f"a tensor of shape {_shape(self.returned)} where {wanted} was expected"
        return describe_shape(workable(returned), workable(expected), self.equal)

    def dtype(self) -> str:
        returned, expected = _tensor(self.returned), _tensor(self.expected)
        assert returned is not None
        assert expected is not None
        text = f"{dtype_name(returned.dtype)} where {dtype_name(expected.dtype)} was expected"
        if torch.bool in (returned.dtype, expected.dtype) or returned.is_complex() != expected.is_complex():
            return text
        free = Case(self.case.title, self.case.builds, "close", reduction=max(self.case.reduction, 64))
        right = compare(free, workable(returned).to(expected.dtype), expected) is None
        return f"{text}; the numbers are right" if right else text

    def device(self) -> str:
        return f"on {self.returned.device} where {self.expected.device} was expected"

    def values(self) -> str:
        returned, expected = self.returned, self.expected
        mine, theirs = _tensor(returned), _tensor(expected)
        if mine is not None and theirs is not None and theirs.ndim and theirs.numel():
            mine, theirs = workable(mine), workable(theirs)
            wrong = self.difference.wrong
            marks = wrong if wrong is not None else torch.ones(theirs.shape, dtype=torch.bool)
            return describe_values(mine, theirs, marks, self.equal, sizes(self.calls, theirs))
        one, two = number(returned), number(expected)
        if one is not None and two is not None:
            pattern = number_pattern(one[0], two[0], sizes(self.calls))
            text = f"{_digits(one[0], two[0])} where {_digits(two[0], one[0])} was expected"
            return f"{text}: {pattern}" if pattern else text
        if isinstance(expected, (str, bytes)):
            return text_words(returned, expected)
        if isinstance(expected, (list, tuple)):
            return "the items are not the expected ones, in whatever order"
        return f"{one_line(returned, 60)} where {one_line(expected, 60)} was expected"

    def equal(self, mine: torch.Tensor, theirs: torch.Tensor) -> bool:
        """The case's own comparison, for a transformed answer."""
        plain = Case("", (), "close", reduction=self.case.reduction, conditioning=self.case.conditioning)
        if mine.shape != theirs.shape:
            return False
        if mine.dtype != theirs.dtype:
            mine = mine.to(theirs.dtype)
        return compare(plain, mine, theirs) is None

    def in_list(self) -> str | None:
        """What can be said of a whole list of plain items: a wrong order, or where it goes wrong first."""
        if self.difference.kind not in ("values", "length") or self.case.how not in ("close", "exact"):
            return None
        path = self.difference.path if self.difference.kind == "length" else self.difference.path[:-1]
        mine, theirs = _inside(self.all_returned, path), _inside(self.whole, path)
        if not isinstance(mine, list) or not isinstance(theirs, list) or not 2 <= len(theirs) <= 10_000:
            return None
        before = f"at {path_words(path)}: " if path else ""
        if _hashable(mine) and _hashable(theirs):
            if mine == theirs[::-1]:
                return before + "the right items in reverse order"
            if Counter(map(repr, mine)) == Counter(map(repr, theirs)):
                at = next(i for i, (one, two) in enumerate(zip(mine, theirs, strict=True)) if one != two)
                got, want = one_line(mine[at], 60), one_line(theirs[at], 60)
                return f"{before}the right items in the wrong order: at index {at} {got} where {want} was expected"
        if self.difference.kind == "values" and _hashable(theirs) and not isinstance(self.expected, str | bytes):
            got, want = one_line(self.returned, 60), one_line(self.expected, 60)
            return (
                f"{before}the first difference is at index {self.difference.path[-1]}: {got} where {want} was expected"
            )
        return None


# ── words ────────────────────────────────────────────────────────────────────


def _tensor(value: Any) -> torch.Tensor | None:
    if isinstance(value, Array):
        value = value.tensor
    return value if isinstance(value, torch.Tensor) and value.device.type != "meta" else None


def _shape(value: Any) -> str:
    tensor = _tensor(value)
    return str(tuple(tensor.shape)) if tensor is not None else "()"


def _and_more(items: Sequence[Any]) -> str:
    return f" (and {len(items) - 1} more)" if len(items) > 1 else ""


def _hashable(items: Sequence[Any]) -> bool:
    return all(isinstance(one, (int, str, bytes, float)) for one in items) or all(
        isinstance(one, list) and len(one) <= 8 and all(isinstance(two, (int, str, bytes)) for two in one)
        for one in items
    )


def _inside(value: Any, path: Path) -> Any:
    for step in path:
        try:
            value = value[step]
        except (LookupError, TypeError):
            return None
    return value


def _digits(value: Any, other: Any) -> str:
    """A number with as many digits as show that it is not the other."""
    for digits in (4, 6, 9, 17):
        if plain_number(value, digits) != plain_number(other, digits):
            return one_line(value, 60) if not isinstance(value, float) else plain_number(value, digits)
    return one_line(value, 60)


def path_words(path: Path) -> str:
    """A path as Python would index it."""
    return clean("".join(f"[{step!r}]" for step in path), 120)


_KINDS: dict[type, str] = {
    bool: "a truth value",
    int: "an integer",
    float: "a number",
    str: "a string",
    bytes: "bytes",
    list: "a list",
    tuple: "a list",
    dict: "a dict",
    type(None): "None",
}


def a_kind(value: Any) -> str:
    """What sort of value it is, with its article."""
    if isinstance(value, Array):
        return "a NumPy array" if value.tensor.ndim else "a NumPy number"
    if isinstance(value, torch.Tensor):
        return f"a tensor of shape {tuple(value.shape)}" if value.ndim else f"a number ({dtype_name(value.dtype)})"
    if isinstance(value, Raised):
        return f"an exception ({value.type_name})"
    if isinstance(value, Opaque):
        return f"an object of type {value.type_name}"
    return _KINDS.get(type(value), f"an object of type {type(value).__name__}")


def opaque_words(value: Opaque, wanted: str) -> str:
    """A sentence on something that is not plain data."""
    name = value.type_name
    if name in ("Tensor", "Parameter"):
        return f"a tensor {value.detail} where {wanted} was expected"
    if name in _UNCONSUMED:
        return f"a {name} was returned where {wanted} was expected: {_UNCONSUMED[name]} makes a list of it"
    if name in ("coroutine", "async_generator"):
        return f"a {name} was returned where {wanted} was expected: `async def` is not needed here"
    if name in _UNCALLED:
        return f"a {name} was returned where {wanted} was expected: did you forget to call it?"
    if name in ("set", "frozenset"):
        return f"a set was returned where {wanted} was expected: a set has no order"
    detail = f" ({value.detail})" if value.detail else ""
    return f"an object of type {name}{detail} was returned where {wanted} was expected"


def first_unlike(case: Case, returned: Sequence[Any], expected: Sequence[Any]) -> int | None:
    """The first index at which two lists differ, within the shorter one."""
    for index, (mine, theirs) in enumerate(zip(returned, expected, strict=False)):
        if compare(Case("", case.builds, "close", dtype_matters=False), mine, theirs) is not None:
            return index
    return None


def text_words(returned: Any, expected: Any) -> str:
    """The first difference of two strings, or of two byte strings."""
    what = "character" if isinstance(expected, str) else "byte"
    both = f"{one_line(returned, 60)} where {one_line(expected, 60)} was expected"
    if returned == expected[::-1]:
        return f"exactly the reverse: {both}"
    if isinstance(expected, str) and returned.casefold() == expected.casefold():
        return f"right but for upper and lower case: {both}"
    if returned.split() == expected.split():
        return f"right but for white space: {both}"
    for index in range(min(len(returned), len(expected))):
        mine, theirs = returned[index : index + 1], expected[index : index + 1]
        if mine != theirs:
            return f"the first difference is at {what} {index}: {mine!r} where {theirs!r} was expected"
    end = "it ends too early" if len(returned) < len(expected) else "it goes on too long"
    return f"{len(returned)} {what}s where {len(expected)} were expected: {end}"
