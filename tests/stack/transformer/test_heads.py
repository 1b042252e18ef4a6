"""Heads and the attention over them against torch and transformers, gradients and hard inputs included."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from groundup.stack.transformer import MultiHeadAttention, causal_mask, merge_heads, repeat_kv, split_heads


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def randomized(module: nn.Module, seed: int = 5) -> nn.Module:
    """In float64, every weight random, norms included."""
    module.double()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for one in module.parameters():
            one.copy_(torch.randn(one.shape, generator=generator, dtype=torch.float64) / math.sqrt(one.shape[-1]))
    return module


def same_gradients(mine: Tensor, theirs: Tensor, x: Tensor, y: Tensor, share: float = 1.0) -> None:
    torch.testing.assert_close(mine, theirs, rtol=1e-9 * share, atol=1e-10 * share)
    weight = drawn(*mine.shape, seed=9)
    (mine * weight).sum().backward()
    (theirs * weight).sum().backward()
    torch.testing.assert_close(x.grad, y.grad, rtol=1e-9 * share, atol=1e-10 * share)


def by_formula(layer: nn.Module, x: Tensor, mask: Tensor | None = None) -> Tensor:
    """The sum over heads of the paper, one head and one text at a time, with loops over queries and keys."""
    heads, kv_heads = layer.heads, layer.kv_heads
    size = x.shape[-1] // heads
    flat = x.reshape(-1, *x.shape[-2:])
    allowed = torch.ones((), dtype=torch.bool) if mask is None else mask
    allowed = allowed.expand(*x.shape[:-2], heads, x.shape[-2], x.shape[-2]).reshape(-1, heads, *[x.shape[-2]] * 2)
    texts = []
    for one, may in zip(flat, allowed, strict=True):
        total = 0.0 * one  # tied to the input even where nobody may attend
        for head in range(heads):
            rows = slice(head * size, (head + 1) * size)
            shared = slice(head // (heads // kv_heads) * size, (head // (heads // kv_heads) + 1) * size)
            q, k, v = one @ layer.q.weight[rows].T, one @ layer.k.weight[shared].T, one @ layer.v.weight[shared].T
            for i in range(len(one)):
                kept = may[head, i].nonzero().flatten()
                if len(kept):
                    weights = functional.softmax(k[kept] @ q[i] / math.sqrt(size), dim=0)
                    total[i] = total[i] + layer.o.weight[:, rows] @ (weights @ v[kept])
        texts.append(total)
    return torch.stack(texts).reshape(x.shape)


@pytest.mark.parametrize("batch", [(), (2,), (3, 2)])
def test_heads_are_slices_and_come_together_again(batch: tuple[int, ...]) -> None:
    x = drawn(*batch, 5, 12)
    split = split_heads(x, 3)
    assert split.shape == (*batch, 3, 5, 4)
    for head in range(3):
        assert torch.equal(split[..., head, :, :], x[..., 4 * head : 4 * head + 4])
    assert torch.equal(merge_heads(split), x)
    repeated = repeat_kv(split, 2)
    assert torch.equal(repeated, torch.stack([split[..., head // 2, :, :] for head in range(6)], dim=-3))
    assert torch.equal(repeat_kv(split, 1), split)


@pytest.mark.parametrize("heads", [5, 24, 0, -1, -3])
def test_heads_that_do_not_fit_are_refused(heads: int) -> None:
    with pytest.raises(ValueError, match="divide"):
        split_heads(drawn(2, 5, 12), heads)


@pytest.mark.parametrize("groups", [1, 2, 5])
def test_repeating_is_llamas(groups: int) -> None:
    modeling = pytest.importorskip("transformers.models.llama.modeling_llama")
    x = drawn(2, 3, 5, 4)
    assert torch.equal(repeat_kv(x, groups), modeling.repeat_kv(x, groups))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_moving_numbers_keeps_dtype_values_and_inputs_in_any_layout(dtype: torch.dtype) -> None:
    x = drawn(12, 5, 2).to(dtype).permute(2, 1, 0)
    kept = x.clone(memory_format=torch.contiguous_format)
    for mine, theirs in (
        (split_heads(x, 3), split_heads(kept, 3)),
        (merge_heads(x), merge_heads(kept)),
        (repeat_kv(x, 3), repeat_kv(kept, 3)),
    ):
        assert mine.dtype == dtype
        assert torch.equal(mine, theirs)
    assert torch.equal(x, kept)


def test_gradients_of_moved_numbers_go_home() -> None:
    x, weight = drawn(2, 5, 12).requires_grad_(), drawn(2, 3, 5, 4, seed=1)
    (split_heads(x, 3) * weight).sum().backward()
    assert torch.equal(x.grad, merge_heads(weight))
    y, weight = drawn(2, 3, 5, 4).requires_grad_(), drawn(2, 6, 5, 4, seed=1)
    (repeat_kv(y, 2) * weight).sum().backward()
    torch.testing.assert_close(y.grad, weight[:, 0::2] + weight[:, 1::2])


@pytest.mark.parametrize("masked", [False, True])
def test_multi_head_attention_is_torchs(masked: bool) -> None:
    mine = randomized(MultiHeadAttention(12, 3))
    theirs = nn.MultiheadAttention(12, 3, bias=False, batch_first=True).double()
    state = mine.state_dict()
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([state[f"{name}.weight"] for name in "qkv"]))
        theirs.out_proj.weight.copy_(state["o.weight"])
    x, y = (drawn(2, 5, 12).requires_grad_() for _ in range(2))
    mask = causal_mask(5) if masked else None
    expected, _ = theirs(y, y, y, attn_mask=None if mask is None else ~mask, need_weights=False)
    same_gradients(mine(x, mask), expected, x, y)
    for_weights = torch.cat([mine.get_parameter(f"{name}.weight").grad for name in "qkv"])
    torch.testing.assert_close(for_weights, theirs.in_proj_weight.grad)
    torch.testing.assert_close(mine.o.weight.grad, theirs.out_proj.weight.grad)


def masks(batch: int, heads: int, n: int) -> dict[str, Tensor | None]:
    generator = torch.Generator().manual_seed(3)

    def some(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator) < 0.5

    empty_row = some(n, n)
    empty_row[1] = False
    return {
        "none": None,
        "causal": causal_mask(n),
        "an empty row": empty_row,
        "padding": some(batch, 1, 1, n),
        "of each head": some(heads, n, n),
        "of each head and text": some(batch, heads, n, n),
        "nothing": torch.zeros(n, n, dtype=torch.bool),
    }


@pytest.mark.parametrize(("heads", "kv_heads"), [(1, None), (6, None), (6, 6), (6, 2), (6, 3), (6, 1), (12, 4)])
@pytest.mark.parametrize("kind", list(masks(1, 1, 2)))
def test_grouped_queries_are_the_formula(heads: int, kv_heads: int | None, kind: str) -> None:
    layer = randomized(MultiHeadAttention(12, heads, kv_heads))
    mask = masks(2, heads, 5)[kind]
    x, y = (drawn(2, 5, 12).requires_grad_() for _ in range(2))
    same_gradients(layer(x, mask), by_formula(layer, y, mask), x, y)
    assert x.grad.isfinite().all()


def test_the_batch_may_have_any_dimensions() -> None:
    layer = randomized(MultiHeadAttention(12, 6, kv_heads=2))
    x = drawn(3, 2, 5, 12)
    together = layer(x, causal_mask(5))
    for i in range(3):
        for j in range(2):
            torch.testing.assert_close(layer(x[i, j], causal_mask(5)), together[i, j])
    assert layer(x[:0]).shape == (0, 2, 5, 12)
    torch.testing.assert_close(layer(x[..., :1, :]), by_formula(layer, x[..., :1, :]))


def test_state_is_as_documented_and_starts_random() -> None:
    layer = MultiHeadAttention(96, 6, kv_heads=2)
    shapes = {name: tuple(one.shape) for name, one in layer.state_dict().items()}
    assert shapes == {"q.weight": (96, 96), "k.weight": (32, 96), "v.weight": (32, 96), "o.weight": (96, 96)}
    spreads = [one.std().item() * math.sqrt(96) for one in layer.parameters()]
    assert all(0.5 < spread < 2.0 for spread in spreads)
    assert not torch.equal(layer.k.weight, layer.v.weight)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_stays_and_is_near(dtype: torch.dtype) -> None:
    layer = randomized(MultiHeadAttention(12, 6, kv_heads=2))
    x = drawn(2, 5, 12)
    exact = layer(x, causal_mask(5))
    rounded = layer.to(dtype)(x.to(dtype), causal_mask(5))
    assert rounded.dtype == dtype
    torch.testing.assert_close(rounded.double(), exact, rtol=0, atol=0.05)


@pytest.mark.parametrize(
    "bad",
    [(12, 5, None), (12, 24, None), (12, 0, None), (12, -2, None), (12, 6, 4), (12, 6, 12), (12, 6, 0), (12, 6, -2)],
)
def test_layers_that_do_not_divide_are_refused(bad: tuple[int, int, int | None]) -> None:
    with pytest.raises(ValueError, match="divide"):
        MultiHeadAttention(*bad)


def test_an_input_of_another_width_is_refused() -> None:
    with pytest.raises(ValueError, match="12"):
        MultiHeadAttention(12, 3)(torch.zeros(2, 5, 11))
