"""Heads, norms, feed-forward layers, positions and blocks against torch and transformers, gradients included."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from groundup.stack.transformer import (
    DecoderLayer,
    DecoderOnlyBlock,
    EncoderLayer,
    LayerNorm,
    MultiHeadAttention,
    RMSNorm,
    alibi_bias,
    apply_rope,
    causal_mask,
    feed_forward,
    layer_norm,
    merge_heads,
    post_norm,
    pre_norm,
    relative_positions,
    repeat_kv,
    rms_norm,
    rope_frequencies,
    sinusoidal_positions,
    split_heads,
    swiglu,
)


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


# ── heads ────────────────────────────────────────────────────────────────────


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


# ── norms ────────────────────────────────────────────────────────────────────


def test_norms_are_their_formulas() -> None:
    x, y = (drawn(3, 4, 6).requires_grad_() for _ in range(2))
    weight, bias = drawn(6, seed=1), drawn(6, seed=2)
    centered = y - y.mean(-1, keepdim=True)
    expected = centered / (centered.square().mean(-1, keepdim=True) + 1e-3).sqrt() * weight + bias
    same_gradients(layer_norm(x, weight, bias, eps=1e-3), expected, x, y)
    x, y = (drawn(3, 4, 6).requires_grad_() for _ in range(2))
    same_gradients(rms_norm(x, weight, 1e-3), y / (y.square().mean(-1, keepdim=True) + 1e-3).sqrt() * weight, x, y)
    assert layer_norm(torch.zeros(2, 3), torch.ones(3), None).eq(0).all()
    assert rms_norm(torch.zeros(2, 3), torch.ones(3)).eq(0).all()


def test_norm_modules_begin_as_the_identity_of_scale() -> None:
    x = drawn(4, 6).float()
    torch.testing.assert_close(LayerNorm(6)(x), functional.layer_norm(x, (6,)))
    torch.testing.assert_close(RMSNorm(6, 1e-4)(x), functional.rms_norm(x, (6,), eps=1e-4))
    assert set(LayerNorm(6).state_dict()) == {"weight", "bias"}


def test_residuals_stand_on_either_side_of_the_norm() -> None:
    x = drawn(2, 3)
    torch.testing.assert_close(pre_norm(x, lambda y: 2 * y, lambda y: y + 1), x + 2 * x + 1)
    torch.testing.assert_close(post_norm(x, lambda y: 2 * y, lambda y: y + 1), 2 * (2 * x + 1))


# ── feed-forward layers ──────────────────────────────────────────────────────


def test_feed_forward_layers_are_their_formulas() -> None:
    x, y = (drawn(2, 3, 4).requires_grad_() for _ in range(2))
    w_in, w_up, w_out = drawn(4, 7, seed=1), drawn(4, 7, seed=2), drawn(7, 4, seed=3)
    same_gradients(feed_forward(x, w_in, w_out), functional.linear(functional.linear(y, w_in.T).relu(), w_out.T), x, y)
    x, y = (drawn(2, 3, 4).requires_grad_() for _ in range(2))
    gate = functional.linear(y, w_in.T)
    expected = (gate * gate.sigmoid() * functional.linear(y, w_up.T)) @ w_out
    same_gradients(swiglu(x, w_in, w_up, w_out), expected, x, y)


# ── positions ────────────────────────────────────────────────────────────────


def test_sinusoids_are_the_papers() -> None:
    table = sinusoidal_positions(50, 8)
    assert table.dtype == torch.float32
    for n, i in ((0, 0), (7, 1), (49, 3)):
        angle = n / 10000 ** (2 * i / 8)
        assert table[n, 2 * i].item() == pytest.approx(math.sin(angle), abs=1e-5)
        assert table[n, 2 * i + 1].item() == pytest.approx(math.cos(angle), abs=1e-5)
    with pytest.raises(ValueError, match="even"):
        sinusoidal_positions(3, 5)


@pytest.mark.parametrize("heads", [1, 4, 8, 6, 12])
def test_alibi_is_transformers(heads: int) -> None:
    bloom = pytest.importorskip("transformers.models.bloom.modeling_bloom")
    n = 5
    theirs = bloom.build_alibi_tensor(torch.ones(1, n), heads, torch.float32).reshape(heads, n)
    # Bloom adds slope · j, which for each query differs from -slope · (i - j) by a constant.
    mine = alibi_bias(heads, n)
    assert mine.shape == (heads, n, n)
    for i in range(n):
        past = slice(0, i + 1)
        torch.testing.assert_close(mine[:, i, past], theirs[:, past] - theirs[:, i : i + 1], rtol=1e-5, atol=1e-6)
        assert mine[:, i, i + 1 :].eq(0).all()
    with pytest.raises(ValueError, match="head"):
        alibi_bias(0, 3)


def test_relative_positions_are_clipped_and_counted_from_zero() -> None:
    table = relative_positions(6, 2)
    for i in range(6):
        for j in range(6):
            assert table[i, j] == max(-2, min(2, j - i)) + 2
    with pytest.raises(ValueError, match="negative"):
        relative_positions(3, -1)


def test_rotary_positions_are_transformers() -> None:
    llama = pytest.importorskip("transformers.models.llama.modeling_llama")
    cos, sin = (one.double() for one in rope_frequencies(8, 7, theta=500.0))
    q, k = drawn(2, 3, 7, 8), drawn(2, 3, 7, 8, seed=1)
    expected = llama.apply_rotary_pos_emb(q, k, cos.unsqueeze(0), sin.unsqueeze(0))
    torch.testing.assert_close(apply_rope(q, cos, sin), expected[0])
    torch.testing.assert_close(apply_rope(k, cos, sin), expected[1])


def test_rotated_products_depend_on_the_distance_alone() -> None:
    cos, sin = rope_frequencies(8, 40)
    q, k = drawn(8).float(), drawn(8, seed=1).float()
    turned_q, turned_k = apply_rope(q.expand(40, 8), cos, sin), apply_rope(k.expand(40, 8), cos, sin)
    products = turned_q @ turned_k.T
    for distance in (-9, 0, 5):
        along = products.diagonal(distance)
        torch.testing.assert_close(along, along[:1].expand_as(along), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(turned_q.norm(dim=-1), q.norm().expand(40))
    with pytest.raises(ValueError, match="head_dim"):
        apply_rope(torch.zeros(3, 8), cos, sin)
    with pytest.raises(ValueError, match="even"):
        rope_frequencies(5, 3)
    assert apply_rope(torch.zeros(40, 8, dtype=torch.bfloat16), cos, sin).dtype == torch.bfloat16


# ── blocks ───────────────────────────────────────────────────────────────────


def copy_attention(theirs: Any, mine: Any) -> None:
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([getattr(mine, name).weight for name in "qkv"]))
        theirs.out_proj.weight.copy_(mine.o.weight)


def copy_feed(theirs: Any, mine: Any) -> None:
    with torch.no_grad():
        theirs.linear1.weight.copy_(mine.w_in.weight)
        theirs.linear2.weight.copy_(mine.w_out.weight)


def without_biases(theirs: nn.Module) -> nn.Module:
    with torch.no_grad():
        for name, one in theirs.named_parameters():
            if "bias" in name and "norm" not in name:
                one.zero_()
    return theirs


@pytest.mark.parametrize("masked", [False, True])
def test_the_encoder_layer_is_torchs(masked: bool) -> None:
    mine: Any = randomized(EncoderLayer(12, 3, 20))
    theirs: Any = without_biases(nn.TransformerEncoderLayer(12, 3, 20, dropout=0.0, batch_first=True).double())
    copy_attention(theirs.self_attn, mine.attention)
    copy_feed(theirs, mine)
    theirs.norm1.load_state_dict(mine.attention_norm.state_dict())
    theirs.norm2.load_state_dict(mine.feed_norm.state_dict())
    x, y = (drawn(2, 5, 12).requires_grad_() for _ in range(2))
    mask = causal_mask(5) if masked else None
    same_gradients(mine(x, mask), theirs(y, src_mask=None if mask is None else ~mask), x, y)


def test_the_decoder_layer_is_torchs() -> None:
    mine: Any = randomized(DecoderLayer(12, 3, 20))
    theirs: Any = without_biases(nn.TransformerDecoderLayer(12, 3, 20, dropout=0.0, batch_first=True).double())
    copy_attention(theirs.self_attn, mine.attention)
    copy_attention(theirs.multihead_attn, mine.cross)
    copy_feed(theirs, mine)
    for number, name in ((1, "attention_norm"), (2, "cross_norm"), (3, "feed_norm")):
        getattr(theirs, f"norm{number}").load_state_dict(getattr(mine, name).state_dict())
    x, y = (drawn(2, 5, 12).requires_grad_() for _ in range(2))
    memory, mask = drawn(2, 7, 12, seed=3), causal_mask(5)
    kept = torch.tensor([[True] * 7, [True] * 4 + [False] * 3])
    expected = theirs(y, memory, tgt_mask=~mask, memory_key_padding_mask=~kept)
    same_gradients(mine(x, memory, mask, kept[:, None, None, :]), expected, x, y)


@pytest.mark.parametrize("kv_heads", [1, 2, 4])
def test_the_decoder_only_block_is_llamas(kv_heads: int) -> None:
    modeling = pytest.importorskip("transformers.models.llama.modeling_llama")
    mine: Any = randomized(DecoderOnlyBlock(16, 4, kv_heads, 24))
    config = modeling.LlamaConfig(
        hidden_size=16, intermediate_size=24, num_attention_heads=4, num_key_value_heads=kv_heads, rms_norm_eps=1e-5,
        num_hidden_layers=1, vocab_size=8, attn_implementation="eager",
    )  # fmt: skip
    theirs = modeling.LlamaDecoderLayer(config, 0).double()
    names = {f"self_attn.{name}_proj.weight": f"{name}.weight" for name in "qkvo"}
    names |= {f"mlp.{name}_proj.weight": f"{name}.weight" for name in ("gate", "up", "down")}
    names |= {"input_layernorm.weight": "attention_norm.weight", "post_attention_layernorm.weight": "feed_norm.weight"}
    state = mine.state_dict()
    theirs.load_state_dict({name: state[ours] for name, ours in names.items()})
    cos, sin = (one.double() for one in rope_frequencies(4, 5))
    x, y = (drawn(2, 5, 16).requires_grad_() for _ in range(2))
    bias = torch.zeros(5, 5, dtype=torch.float64).masked_fill(~causal_mask(5), float("-inf"))
    expected = theirs(y, attention_mask=bias[None, None], position_embeddings=(cos[None], sin[None]))
    expected = expected[0] if isinstance(expected, tuple) else expected
    # Theirs computes its norms in float32, whatever it is given.
    same_gradients(mine(x, cos, sin, causal_mask(5)), expected, x, y, share=1e4)


def test_a_block_attends_to_what_the_update_returns() -> None:
    block: Any = randomized(DecoderOnlyBlock(16, 4, 2, 24))
    cos, sin = (one.double() for one in rope_frequencies(4, 6))
    x = drawn(2, 6, 16)
    whole = block(x, cos, sin, causal_mask(6))
    kept: list[tuple[Tensor, Tensor]] = []

    def update(k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        assert k.shape[1:] == v.shape[1:] == (2, k.shape[2], 4)
        kept.append((k, v))
        return tuple(torch.cat(list(one), dim=-2) for one in zip(*kept, strict=True))  # type: ignore[return-value]

    first = block(x[:, :4], cos[:4], sin[:4], causal_mask(4), update)
    rest = [block(x[:, n : n + 1], cos[n : n + 1], sin[n : n + 1], None, update) for n in (4, 5)]
    torch.testing.assert_close(torch.cat([first, *rest], dim=1), whole)
    with pytest.raises(ValueError, match="divide"):
        DecoderOnlyBlock(16, 3, 3, 8)
