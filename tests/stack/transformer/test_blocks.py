"""Blocks against torch and transformers, gradients included; dropout, parts, hard inputs."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from groundup.stack.transformer import DecoderLayer, DecoderOnlyBlock, EncoderLayer, blocks, causal_mask
from groundup.stack.transformer import rope_frequencies as tables


def filled(module: nn.Module, seed: int = 3) -> Any:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for one in module.parameters():
            one.copy_(torch.randn(one.shape, generator=generator) / math.sqrt(one.shape[-1]))
    return module


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def wide(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def doubled(module: nn.Module) -> Any:
    return filled(module).double()


def same_gradients(mine: Tensor, theirs: Tensor, x: Tensor, y: Tensor, share: float = 1.0) -> None:
    torch.testing.assert_close(mine, theirs, rtol=1e-9 * share, atol=1e-10 * share)
    weight = wide(*mine.shape, seed=9)
    (mine * weight).sum().backward()
    (theirs * weight).sum().backward()
    torch.testing.assert_close(x.grad, y.grad, rtol=1e-9 * share, atol=1e-10 * share)


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
    mine: Any = doubled(EncoderLayer(12, 3, 20))
    theirs: Any = without_biases(nn.TransformerEncoderLayer(12, 3, 20, dropout=0.0, batch_first=True).double())
    copy_attention(theirs.self_attn, mine.attention)
    copy_feed(theirs, mine)
    theirs.norm1.load_state_dict(mine.attention_norm.state_dict())
    theirs.norm2.load_state_dict(mine.feed_norm.state_dict())
    x, y = (wide(2, 5, 12).requires_grad_() for _ in range(2))
    mask = causal_mask(5) if masked else None
    same_gradients(mine(x, mask), theirs(y, src_mask=None if mask is None else ~mask), x, y)


def test_the_decoder_layer_is_torchs() -> None:
    mine: Any = doubled(DecoderLayer(12, 3, 20))
    theirs: Any = without_biases(nn.TransformerDecoderLayer(12, 3, 20, dropout=0.0, batch_first=True).double())
    copy_attention(theirs.self_attn, mine.attention)
    copy_attention(theirs.multihead_attn, mine.cross)
    copy_feed(theirs, mine)
    for number, name in ((1, "attention_norm"), (2, "cross_norm"), (3, "feed_norm")):
        getattr(theirs, f"norm{number}").load_state_dict(getattr(mine, name).state_dict())
    x, y = (wide(2, 5, 12).requires_grad_() for _ in range(2))
    memory, mask = wide(2, 7, 12, seed=3), causal_mask(5)
    kept = torch.tensor([[True] * 7, [True] * 4 + [False] * 3])
    expected = theirs(y, memory, tgt_mask=~mask, memory_key_padding_mask=~kept)
    same_gradients(mine(x, memory, mask, kept[:, None, None, :]), expected, x, y)


@pytest.mark.parametrize("kv_heads", [1, 2, 4])
def test_the_decoder_only_block_is_llamas(kv_heads: int) -> None:
    modeling = pytest.importorskip("transformers.models.llama.modeling_llama")
    mine: Any = doubled(DecoderOnlyBlock(16, 4, kv_heads, 24))
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
    cos, sin = (one.double() for one in tables(4, 5))
    x, y = (wide(2, 5, 16).requires_grad_() for _ in range(2))
    bias = torch.zeros(5, 5, dtype=torch.float64).masked_fill(~causal_mask(5), float("-inf"))
    expected = theirs(y, attention_mask=bias[None, None], position_embeddings=(cos[None], sin[None]))
    expected = expected[0] if isinstance(expected, tuple) else expected
    # Theirs computes its norms in float32, whatever it is given.
    same_gradients(mine(x, cos, sin, causal_mask(5)), expected, x, y, share=1e4)


def test_a_block_attends_to_what_the_update_returns() -> None:
    block: Any = doubled(DecoderOnlyBlock(16, 4, 2, 24))
    cos, sin = (one.double() for one in tables(4, 6))
    x = wide(2, 6, 16)
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


def learned(result: Tensor, module: nn.Module, *inputs: Tensor) -> dict[str, Tensor]:
    names, parameters = zip(*module.named_parameters(), strict=True)
    weight = wide(*result.shape, seed=9).to(result.dtype)
    found = torch.autograd.grad((result * weight).sum(), [*parameters, *inputs])
    return dict(zip([*names, *(f"input {n}" for n in range(len(inputs)))], found, strict=True))


def test_parameters_and_memory_get_torchs_gradients() -> None:
    mine: Any = doubled(DecoderLayer(12, 3, 20))
    theirs: Any = without_biases(nn.TransformerDecoderLayer(12, 3, 20, dropout=0.0, batch_first=True).double())
    copy_attention(theirs.self_attn, mine.attention)
    copy_attention(theirs.multihead_attn, mine.cross)
    copy_feed(theirs, mine)
    numbered = {1: "attention_norm", 2: "cross_norm", 3: "feed_norm"}
    for number, name in numbered.items():
        getattr(theirs, f"norm{number}").load_state_dict(getattr(mine, name).state_dict())
    x, mask = wide(2, 5, 12), causal_mask(5)
    ours, others = (wide(2, 7, 12, seed=3).requires_grad_() for _ in range(2))
    found = learned(mine(x, ours, mask), mine, ours)
    expected = learned(theirs(x, others, tgt_mask=~mask), theirs, others)
    torch.testing.assert_close(found["input 0"], expected["input 0"])
    for name, torchs in (("attention", "self_attn"), ("cross", "multihead_attn")):
        packed = torch.cat([found[f"{name}.{one}.weight"] for one in "qkv"])
        torch.testing.assert_close(packed, expected[f"{torchs}.in_proj_weight"])
        torch.testing.assert_close(found[f"{name}.o.weight"], expected[f"{torchs}.out_proj.weight"])
    for number, name in numbered.items():
        for kind in ("weight", "bias"):
            torch.testing.assert_close(found[f"{name}.{kind}"], expected[f"norm{number}.{kind}"])
    torch.testing.assert_close(found["w_in.weight"], expected["linear1.weight"])
    torch.testing.assert_close(found["w_out.weight"], expected["linear2.weight"])


def test_a_position_that_may_attend_to_nothing_gets_zeros_from_attention() -> None:
    mask = causal_mask(5)
    mask[2] = False
    x, memory, tables5 = wide(2, 5, 16), wide(2, 3, 16, seed=1), [one.double() for one in tables(4, 5)]
    encoder, block = doubled(EncoderLayer(16, 4, 24)), doubled(DecoderOnlyBlock(16, 4, 2, 24))
    decoder = doubled(DecoderLayer(16, 4, 24))
    alone = encoder.attention_norm(x[:, 2])
    torch.testing.assert_close(encoder(x, mask)[:, 2], encoder.feed_norm(alone + encoder._feed(alone)))
    torch.testing.assert_close(block(x, *tables5, mask)[:, 2], x[:, 2] + block._feed(block.feed_norm(x[:, 2])))
    found = decoder(x, memory, None, torch.tensor([[[[True]]], [[[False]]]]))
    heard = decoder.attention_norm(x + decoder.attention(x))[1]
    seen = decoder.cross_norm(heard)
    torch.testing.assert_close(found[1], decoder.feed_norm(seen + decoder._feed(seen)))
    assert found.isfinite().all()


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e3])
def test_the_norms_add_their_eps_to_the_variance(scale: float) -> None:
    """Against torch's layers, for vectors so small that eps decides."""
    mine: Any = doubled(EncoderLayer(12, 3, 20))
    with torch.no_grad():
        mine.attention_norm.weight *= scale
        mine.attention_norm.bias *= scale
    theirs: Any = without_biases(nn.TransformerEncoderLayer(12, 3, 20, dropout=0.0, batch_first=True).double())
    copy_attention(theirs.self_attn, mine.attention)
    copy_feed(theirs, mine)
    theirs.norm1.load_state_dict(mine.attention_norm.state_dict())
    theirs.norm2.load_state_dict(mine.feed_norm.state_dict())
    x, y = ((wide(2, 5, 12) * scale).requires_grad_() for _ in range(2))
    torch.testing.assert_close(mine(x), theirs(y), rtol=1e-9, atol=1e-10)
    assert DecoderOnlyBlock(4, 2, 1, 6).attention_norm.eps == DecoderOnlyBlock(4, 2, 1, 6).feed_norm.eps == 1e-5


def test_bfloat16_is_kept_with_tables_in_float32() -> None:
    block, layer = filled(DecoderOnlyBlock(16, 4, 2, 24)), filled(EncoderLayer(16, 4, 24))
    x, pair = drawn(2, 5, 16), tables(4, 5)
    for module, more in ((block, pair), (layer, ())):
        expected = module(x, *more, causal_mask(5))
        found = module.bfloat16()(x.bfloat16(), *more, causal_mask(5))
        assert found.dtype == torch.bfloat16
        assert (found.float() - expected).abs().max() < 0.05 * expected.abs().max()


def test_state_dicts_have_the_names_and_shapes_of_the_contract() -> None:
    attention = {f"attention.{name}.weight": (6, 6) for name in "qkvo"}
    norms = {f"{name}.{kind}": (6,) for name in ("attention_norm", "feed_norm") for kind in ("weight", "bias")}
    encoder = attention | norms | {"w_in.weight": (10, 6), "w_out.weight": (6, 10)}
    cross = {f"cross.{name}.weight": (6, 6) for name in "qkvo"} | {"cross_norm.weight": (6,), "cross_norm.bias": (6,)}
    only = {"q.weight": (6, 6), "k.weight": (2, 6), "v.weight": (2, 6), "o.weight": (6, 6)}
    only |= {"attention_norm.weight": (6,), "feed_norm.weight": (6,)}
    only |= {"gate.weight": (10, 6), "up.weight": (10, 6), "down.weight": (6, 10)}
    for module, expected in (
        (EncoderLayer(6, 3, 10), encoder),
        (DecoderLayer(6, 3, 10), encoder | cross),
        (DecoderOnlyBlock(6, 3, 1, 10), only),
    ):
        assert {name: tuple(one.shape) for name, one in module.state_dict().items()} == expected


@pytest.mark.parametrize("dropout", [0.0, 0.25])
def test_dropout_acts_in_training_only(dropout: float) -> None:
    encoder, decoder = filled(EncoderLayer(8, 2, 12, dropout)), filled(DecoderLayer(8, 2, 12, dropout))
    x, memory = drawn(2, 5, 8), drawn(2, 3, 8, seed=1)
    for call in (lambda: encoder(x), lambda: decoder(x, memory)):
        encoder.eval(), decoder.eval()
        assert torch.equal(call(), call())
        encoder.train(), decoder.train()
        assert torch.equal(call(), call()) == (dropout == 0.0)


def test_dropout_of_everything_leaves_the_norms() -> None:
    encoder, decoder = filled(EncoderLayer(8, 2, 12, 1.0)), filled(DecoderLayer(8, 2, 12, 1.0))
    x, memory = drawn(2, 5, 8), drawn(2, 3, 8, seed=1)
    torch.testing.assert_close(encoder(x), encoder.feed_norm(encoder.attention_norm(x)))
    torch.testing.assert_close(decoder(x, memory), decoder.feed_norm(decoder.cross_norm(decoder.attention_norm(x))))


@pytest.mark.parametrize("name", ["scaled_dot_product_attention", "apply_rope", "swiglu", "repeat_kv", "pre_norm"])
def test_parts_are_called_through_the_module(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replacing the module's attribute replaces what a block that exists already calls."""
    block = filled(DecoderOnlyBlock(8, 4, 2, 12))
    calls = []
    original = getattr(blocks, name)
    monkeypatch.setattr(blocks, name, lambda *args: (calls.append(name), original(*args))[1])
    block(drawn(2, 3, 8), *tables(2, 3), causal_mask(3))
    assert calls


def test_one_token_no_text_and_no_batch() -> None:
    block, encoder = filled(DecoderOnlyBlock(8, 4, 2, 12)), filled(EncoderLayer(8, 4, 12))
    x = drawn(3, 1, 8)
    torch.testing.assert_close(block(x[1], *tables(2, 1)), block(x, *tables(2, 1))[1])
    torch.testing.assert_close(encoder(x[1]), encoder(x)[1])
    assert block(x[:0], *tables(2, 1)).shape == (0, 1, 8)
    assert encoder(x[:0]).shape == (0, 1, 8)


def test_the_mask_keeps_the_future_out() -> None:
    block = filled(DecoderOnlyBlock(8, 4, 2, 12))
    x = drawn(1, 6, 8)
    other = x.clone()
    other[:, 4:] = drawn(1, 2, 8, seed=2)
    before, after = (block(one, *tables(2, 6), causal_mask(6)) for one in (x, other))
    torch.testing.assert_close(before[:, :4], after[:, :4], rtol=0, atol=0)
    assert not torch.allclose(before[:, 4:], after[:, 4:])


@pytest.mark.parametrize("arguments", [(8, 3, 12), (8, 0, 12)])
def test_heads_that_do_not_fit_are_refused(arguments: tuple[int, int, int]) -> None:
    dim, heads, hidden = arguments
    for make in (
        lambda: EncoderLayer(dim, heads, hidden),
        lambda: DecoderLayer(dim, heads, hidden),
        lambda: DecoderOnlyBlock(dim, heads, 1, hidden),
        lambda: DecoderOnlyBlock(dim, 4, 3, hidden),
    ):
        with pytest.raises(ValueError, match="divide"):
            make()
