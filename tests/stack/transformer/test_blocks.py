"""Blocks: against torch and transformers in training mode and in single precision, dropout, parts, hard inputs.

That their values and gradients in float64 are those of the libraries is shown in ``test_pieces.py``.
"""

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
