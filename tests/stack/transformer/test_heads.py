"""Heads and the attention over them against torch, gradients included."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

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
    with pytest.raises(ValueError, match="divide"):
        split_heads(x, 5)


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


def test_grouped_queries_share_keys_and_values() -> None:
    grouped, full = randomized(MultiHeadAttention(12, 6, kv_heads=2)), MultiHeadAttention(12, 6).double()
    state = grouped.state_dict()
    assert state["k.weight"].shape == (4, 12)
    for name in ("k.weight", "v.weight"):
        state[name] = state[name].unflatten(0, (2, 1, 2)).expand(2, 3, 2, 12).flatten(0, 2)
    full.load_state_dict(state)
    x = drawn(2, 5, 12)
    torch.testing.assert_close(grouped(x, causal_mask(5)), full(x, causal_mask(5)))
    for bad in ((12, 5, None), (12, 6, 4), (12, 0, None), (12, 6, 0)):
        with pytest.raises(ValueError, match="divide"):
            MultiHeadAttention(*bad)
