"""Whatever a learner's code returns: it is compared, explained and shown without an error, within bounds."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from groundup.authoring import (
    Case,
    at_least,
    close,
    distributed_as,
    exact,
    same_subspace,
    up_to_permutation,
    up_to_sign,
    valid,
)
from groundup.study.check.compare import agree, compare
from groundup.study.check.diagnose import explain
from groundup.study.check.inprocess import Call, Outcome
from groundup.study.check.show import shown, side_by_side
from groundup.study.check.wire import DTYPES, Array, Opaque, Raised

HOW: list[Case] = [
    close("t", builds="f"),
    close("t", builds="f", dtype_matters=False),
    exact("t", builds="f"),
    up_to_sign("t", builds="f"),
    up_to_permutation("t", builds="f"),
    same_subspace("t", builds="f"),
]


@st.composite
def tensors(draw: st.DrawFn) -> torch.Tensor:
    shape = draw(st.lists(st.integers(0, 4), max_size=4))
    dtype = getattr(torch, draw(st.sampled_from(DTYPES)))
    raw = torch.frombuffer(
        bytearray(draw(st.binary(min_size=4, max_size=4)) * (math.prod(shape) * 4 + 4)), dtype=torch.uint8
    )
    if dtype == torch.bool:
        return (raw[: math.prod(shape)] > 99).reshape(shape)
    return (
        raw[: math.prod(shape) * dtype.itemsize].view(dtype).reshape(shape)
        if math.prod(shape)
        else torch.empty(shape, dtype=dtype)
    )


texts = st.text(st.characters(), max_size=8)
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**4000), 2**4000),
    st.integers(-3, 3),
    st.floats(),
    texts,
    st.binary(max_size=8),
    tensors(),
    tensors().filter(lambda one: one.dtype not in (torch.bfloat16,)).map(Array),
    st.builds(Raised, texts, st.lists(texts, max_size=2), texts),
    st.builds(Opaque, st.sampled_from(["generator", "set", "Tensor", "function", "thing"]), texts),
)
values = st.recursive(leaves, lambda one: st.one_of(st.lists(one, max_size=4), st.dictionaries(texts, one, max_size=3)))
ours = st.recursive(
    leaves.filter(lambda one: not isinstance(one, Opaque)), lambda one: st.lists(one, max_size=4), max_leaves=6
)


def looked_at(case: Case, returned: Any, expected: Any) -> None:
    shown(returned)
    agree(case, returned, returned, expected)
    difference = compare(case, returned, expected, lambda path: 1.0)
    if difference is None:
        return
    calls = [Call("f", {"x": expected}, differentiated=True)]
    said = explain(case, difference, Outcome(returned), Outcome(expected, calls=calls), [])
    assert 0 < len(said) <= 400
    assert said.isprintable() or "\n" in said or "\t" in said
    for one in side_by_side(difference):
        assert len(one.text) <= 800
        one.model_dump_json().encode()


@pytest.mark.parametrize("case", HOW, ids=lambda case: case.how)
@settings(max_examples=300, deadline=None)
@given(returned=values, expected=ours)
def test_any_pair(case: Case, returned: Any, expected: Any) -> None:
    looked_at(case, returned, expected)


@pytest.mark.parametrize("case", HOW, ids=lambda case: case.how)
@settings(max_examples=300, deadline=None)
@given(one=tensors(), other=tensors())
def test_any_pair_of_tensors_of_one_shape(case: Case, one: torch.Tensor, other: torch.Tensor) -> None:
    if one.numel() == other.numel():
        other = other.reshape(one.shape)
    looked_at(case, one, other)
    looked_at(case, one, other.to(torch.float64) if not other.is_complex() else other)
    if one.dtype in (torch.float32, torch.float64, torch.int64):
        looked_at(case, one, torch.arange(one.numel()).reshape(one.shape).to(one.dtype))


@settings(max_examples=300, deadline=None)
@given(returned=values)
def test_any_answer_where_a_number_a_sample_or_a_valid_one_is_asked_for(returned: Any) -> None:
    looked_at(at_least("t", 0.5, builds="f"), returned, 3.0)
    looked_at(distributed_as("t", builds="f"), returned, torch.arange(4.0))
    looked_at(valid("t", lambda mine, theirs: None if mine.shape == theirs else "no", builds="f"), returned, 3)
