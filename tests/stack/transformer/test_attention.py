"""Attention: the fused path, the plain formula, PyTorch's attention and NumPy agree in values and in gradients."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from groundup.stack import transformer
from groundup.stack.transformer import attention
from groundup.stack.transformer.attention import (
    attention_by_formula,
    attention_scores,
    causal_mask,
    scaled_dot_product_attention,
)

WAYS = (scaled_dot_product_attention, attention_by_formula)

# (q, k, v, mask) shapes; d is no perfect square, d_v differs from d but where the flash kernel wants it equal.
SHAPES = {
    "two matrices": ((5, 6), (7, 6), (7, 3), (5, 7)),
    "a batch": ((2, 5, 6), (2, 7, 6), (2, 7, 3), (2, 5, 7)),
    "heads": ((2, 3, 5, 6), (2, 3, 7, 6), (2, 3, 7, 6), (5, 7)),
    "padding": ((2, 3, 5, 6), (2, 3, 7, 6), (2, 3, 7, 6), (2, 1, 1, 7)),
    "one row for all": ((2, 3, 5, 6), (2, 3, 7, 6), (2, 3, 7, 6), (7,)),
    "one column for all": ((2, 3, 5, 6), (2, 3, 7, 6), (2, 3, 7, 6), (5, 1)),
    "one number for all": ((2, 3, 5, 6), (2, 3, 7, 6), (2, 3, 7, 6), ()),
    "a mask for each head": ((2, 3, 5, 6), (2, 3, 7, 6), (2, 3, 7, 6), (3, 5, 7)),
    "keys shared by heads": ((2, 3, 5, 6), (2, 1, 7, 6), (2, 1, 7, 4), (2, 1, 5, 7)),
    "batch sizes that broadcast": ((2, 1, 5, 6), (3, 7, 6), (7, 4), (3, 5, 7)),
    "a mask wider than the rest": ((5, 6), (7, 6), (7, 3), (4, 1, 7)),
    "five dimensions": ((2, 2, 3, 5, 6), (2, 2, 3, 7, 6), (2, 2, 3, 7, 6), (5, 7)),
    "one query": ((2, 3, 1, 6), (2, 3, 7, 6), (2, 3, 7, 6), (1, 7)),
    "many keys": ((1, 2, 70, 16), (1, 2, 600, 16), (1, 2, 600, 16), (70, 600)),
}
TOLERANCE = {torch.float64: 1e-12, torch.float32: 2e-6, torch.bfloat16: 4e-2, torch.float16: 4e-3}


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(20170612)


def inputs(name: str, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """q, k, v that want gradients, and a mask of which the first row lets nothing through where it has two rows."""
    *shapes, mask_shape = SHAPES[name]
    q, k, v = (torch.randn(*shape, dtype=torch.float64).to(dtype).requires_grad_() for shape in shapes)
    mask = torch.rand(mask_shape) < 0.6
    if mask.dim() >= 2 and mask.shape[-2] > 1:
        mask[..., 0, :] = False
    return q, k, v, mask


def numpy_attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> np.ndarray:
    """The same in NumPy, one query at a time, over only those keys that it may attend to."""
    lead = np.broadcast_shapes(*(x.shape[:-2] for x in (q, k, v)), () if mask is None else mask.shape[:-2])
    n_q, n_k = q.shape[-2], k.shape[-2]
    queries, keys, values = (np.broadcast_to(x.detach().double().numpy(), (*lead, *x.shape[-2:])) for x in (q, k, v))
    allowed = np.broadcast_to(np.array(True) if mask is None else mask.numpy(), (*lead, n_q, n_k))
    out = np.zeros((*lead, n_q, v.shape[-1]))
    for where in np.ndindex(*lead, n_q):
        batch, keep = where[:-1], np.flatnonzero(allowed[where])
        if len(keep):
            score = np.array([np.dot(queries[where], keys[batch][j]) for j in keep]) / math.sqrt(q.shape[-1])
            share = np.exp(score - score.max())
            out[where] = (share / share.sum()) @ values[batch][keep]
    return out


def close(returned: Tensor, expected: Tensor | np.ndarray, dtype: torch.dtype = torch.float64) -> None:
    torch.testing.assert_close(
        returned.double(), torch.as_tensor(expected).double(), rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype]
    )


def gradients(way, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> tuple[Tensor, ...]:
    out = way(q, k, v, mask=mask)
    weight = torch.sin(torch.arange(out.numel(), dtype=torch.float64)).reshape(out.shape).to(out.dtype)
    return out, *torch.autograd.grad(out, (q, k, v), weight)


# --- values ---


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_values_are_numpys(way, dtype: torch.dtype, name: str, masked: bool) -> None:
    q, k, v, mask = inputs(name, dtype)
    out = way(q, k, v, mask if masked else None)
    expected = numpy_attention(q, k, v, mask if masked else None)
    assert out.shape == expected.shape
    assert out.dtype == dtype
    close(out.detach(), expected, dtype)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("name", SHAPES)
def test_both_ways_have_the_same_gradients(name: str, masked: bool, dtype: torch.dtype) -> None:
    q, k, v, mask = inputs(name, dtype)
    fused = gradients(scaled_dot_product_attention, q, k, v, mask if masked else None)
    plain = gradients(attention_by_formula, q, k, v, mask if masked else None)
    for returned, expected in zip(fused, plain, strict=True):
        assert torch.isfinite(returned).all()
        close(returned, expected, torch.float64 if dtype == torch.float64 else torch.float32)


@pytest.mark.parametrize("way", WAYS)
def test_gradients_are_those_of_finite_differences(way) -> None:
    q, k, v, mask = inputs("two matrices")
    assert torch.autograd.gradcheck(lambda *qkv: way(*qkv, mask=mask), (q, k, v))


def test_the_formula_is_torchs_own_attention() -> None:
    q, k, v, mask = inputs("padding")
    close(attention_by_formula(q, k, v, mask), functional.scaled_dot_product_attention(q, k, v, attn_mask=mask))


@pytest.mark.parametrize("way", WAYS)
def test_a_query_that_may_attend_to_nothing_gets_zeros_and_no_gradient(way) -> None:
    q, k, v, mask = inputs("heads", torch.float32)
    out, to_q, to_k, to_v = gradients(way, q, k, v, mask)
    assert (out[..., 0, :] == 0).all()
    assert (out[..., 1:, :] != 0).all()
    assert (to_q[..., 0, :] == 0).all()
    assert all(torch.isfinite(gradient).all() for gradient in (to_q, to_k, to_v))
    all_blocked = way(q, k, v, torch.zeros(5, 7, dtype=torch.bool))
    assert (all_blocked == 0).all()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("sign", [1, -1])
def test_scores_of_ten_thousand_are_no_trouble(way, dtype: torch.dtype, sign: int) -> None:
    # Powers of two: every score is exact in both dtypes, 8192 apart from one another or equal.
    q = torch.full((1, 4), 128.0 * sign, dtype=dtype)
    k = torch.tensor([[32.0], [32.0], [0.0], [-32.0]], dtype=dtype).expand(4, 4)
    v = torch.tensor([[1.0, 2.0], [3.0, 6.0], [50.0, 50.0], [-7.0, 9.0]], dtype=dtype)
    assert attention_scores(q, k)[0, 0] == 8192.0 * sign
    close(way(q, k, v), torch.tensor([[2.0, 4.0]] if sign > 0 else [[-7.0, 9.0]]))
    only_the_lowest = torch.tensor([False, False, False, True])
    close(way(q, k, v, only_the_lowest), torch.tensor([[-7.0, 9.0]]))


def test_half_precision_scores_do_not_overflow_on_the_way() -> None:
    q = torch.full((1, 64), 40.0, dtype=torch.float16)
    assert attention_scores(q, q).item() == 12800.0  # the sum of the 64 products is 102400, beyond float16


@pytest.mark.parametrize("way", WAYS)
def test_tensors_may_be_transposed_and_are_left_as_they_were(way) -> None:
    q, k, v = torch.randn(6, 5).T, torch.randn(2, 7, 6).transpose(0, 1), torch.randn(3, 2, 7).permute(1, 2, 0)
    k = k.transpose(0, 1)
    mask = (torch.rand(7, 5) < 0.6).T
    before = [x.clone() for x in (q, k, v, mask)]
    close(way(q, k, v, mask), numpy_attention(q, k, v, mask), torch.float32)
    assert all(torch.equal(x, kept) for x, kept in zip((q, k, v, mask), before, strict=True))


def test_values_may_have_another_dtype_which_the_result_has() -> None:
    q, k, v, mask = inputs("heads", torch.float32)
    out = scaled_dot_product_attention(q, k, v.bfloat16(), mask)
    assert out.dtype == torch.bfloat16
    close(out.detach(), numpy_attention(q, k, v.bfloat16(), mask), torch.bfloat16)


@pytest.mark.parametrize("way", WAYS)
def test_nothing_to_attend_to_gives_zeros_and_no_queries_nothing(way) -> None:
    no_keys = way(torch.randn(2, 3, 4, 6), torch.randn(2, 3, 0, 6), torch.randn(2, 3, 0, 5))
    assert torch.equal(no_keys, torch.zeros(2, 3, 4, 5))
    assert way(torch.randn(2, 3, 0, 6), torch.randn(2, 3, 4, 6), torch.randn(2, 3, 4, 5)).shape == (2, 3, 0, 5)


# --- scores ---


def test_scores_are_numpys() -> None:
    q, k, _, _ = inputs("batch sizes that broadcast")
    expected = np.einsum("...qd,...kd->...qk", q.detach().numpy(), k.detach().numpy()) / math.sqrt(6)
    close(attention_scores(q, k).detach(), expected)


# --- the causal mask ---


@pytest.mark.parametrize("n", [0, 1, 2, 7])
def test_the_causal_mask_is_the_lower_triangle(n: int) -> None:
    mask = causal_mask(n)
    assert mask.dtype == torch.bool
    assert mask.tolist() == [[j <= i for j in range(n)] for i in range(n)]


def test_the_causal_mask_is_on_the_default_device() -> None:
    assert causal_mask(3).device.type == "cpu"
    with torch.device("meta"):
        assert causal_mask(3).device.type == "meta"


@pytest.fixture
def kernel_calls(monkeypatch: pytest.MonkeyPatch) -> list[dict]:
    """How the kernel was called."""
    calls: list[dict] = []
    kernel = functional.scaled_dot_product_attention

    def spy(q, k, v, **options):
        calls.append(options)
        return kernel(q, k, v, **options)

    monkeypatch.setattr(functional, "scaled_dot_product_attention", spy)
    return calls


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("shape", [(7, 6), (2, 3, 7, 6), (1, 2, 300, 8)])
def test_the_causal_path_has_the_values_and_gradients_of_the_formula(shape, dtype, kernel_calls) -> None:
    q, k, v = (torch.randn(*shape, dtype=dtype, requires_grad=True) for _ in range(3))
    mask = causal_mask(shape[-2])
    fused, plain = (gradients(way, q, k, v, mask) for way in WAYS)
    assert [call["is_causal"] for call in kernel_calls] == [True]
    for returned, expected in zip(fused, plain, strict=True):
        close(returned, expected, dtype)
    close(fused[0].detach(), numpy_attention(q, k, v, mask), dtype)


def edit_an_entry(mask: Tensor) -> None:
    mask[0, -1] = True


def edit_through_a_view(mask: Tensor) -> None:
    mask.view(-1)[1] = True


def edit_all(mask: Tensor) -> None:
    mask.logical_not_()


def edit_in_inference_mode(mask: Tensor) -> None:
    with torch.inference_mode():
        mask |= True


@pytest.mark.parametrize("edit", [edit_an_entry, edit_through_a_view, edit_all, edit_in_inference_mode])
@pytest.mark.parametrize("serving", [False, True])
def test_an_edited_mask_is_obeyed_and_harms_no_other(edit, serving: bool, kernel_calls) -> None:
    q, k, v = torch.randn(3, 1, 5, 6)
    with torch.inference_mode(serving):
        edited, kept = causal_mask(5), causal_mask(5)
        edit(edited)
        out = scaled_dot_product_attention(q, k, v, edited)
        scaled_dot_product_attention(q, k, v, kept)
        scaled_dot_product_attention(q, k, v, causal_mask(5))
    assert [call["is_causal"] for call in kernel_calls] == [False, True, True]
    assert not torch.equal(edited, kept)
    assert torch.equal(kept, torch.ones(5, 5).tril().bool())
    assert torch.equal(causal_mask(5), kept)
    close(out, numpy_attention(q, k, v, edited), torch.float32)


def test_a_copy_of_an_edited_mask_is_not_taken_for_causal(kernel_calls) -> None:
    mask = causal_mask(5)
    edit_an_entry(mask)
    copied = copy.deepcopy(mask)
    q, k, v = torch.randn(3, 1, 5, 6)
    close(scaled_dot_product_attention(q, k, v, copied), numpy_attention(q, k, v, mask), torch.float32)
    assert [call["is_causal"] for call in kernel_calls] == [False]


def test_a_causal_mask_that_broadcasts_is_not_taken_for_causal(kernel_calls) -> None:
    q, k, v = torch.randn(3, 1, 5, 6)
    close(scaled_dot_product_attention(q, k, v, causal_mask(1)), numpy_attention(q, k, v, None), torch.float32)
    assert [call["is_causal"] for call in kernel_calls] == [False]


def test_masks_are_forgotten_with_their_last_user() -> None:
    before = len(attention._causal_masks)
    mask = causal_mask(4)
    assert len(attention._causal_masks) == before + 1
    del mask
    assert len(attention._causal_masks) == before


# --- refusals ---


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "shapes",
    [((5, 11), (7, 13), (7, 3)), ((5, 6), (7, 6), (8, 3)), ((6,), (7, 6), (7, 3)), ((5, 6), (7, 1), (7, 3))],
)
def test_shapes_that_do_not_fit_are_named(way, shapes) -> None:
    with pytest.raises(ValueError, match="must agree") as raised:
        way(*(torch.zeros(shape) for shape in shapes))
    assert all(str(shape) in str(raised.value) for shape in shapes)


@pytest.mark.parametrize(("q", "k"), [((5, 11), (7, 13)), ((5, 6), (7, 1)), ((6,), (7, 6)), ((5, 6), (6,))])
def test_scores_of_unequal_dimensions_are_refused(q, k) -> None:
    with pytest.raises(ValueError, match="same last dimension") as raised:
        attention_scores(torch.zeros(q), torch.zeros(k))
    assert str(q) in str(raised.value)
    assert str(k) in str(raised.value)


@pytest.mark.parametrize("way", WAYS)
def test_a_mask_of_numbers_is_refused(way) -> None:
    q, k, v = torch.zeros(3, 5, 6)
    with pytest.raises(TypeError, match=r"torch\.float32"):
        way(q, k, v, torch.zeros(5, 5))


def test_the_package_exports_what_the_module_offers() -> None:
    offered = {
        name
        for name, thing in vars(attention).items()
        if getattr(thing, "__module__", None) == attention.__name__ and not name.startswith("_")
    }
    assert offered <= set(transformer.__all__)
    assert all(hasattr(transformer, name) for name in transformer.__all__)
