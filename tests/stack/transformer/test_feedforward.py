"""Feed-forward layers against torch's and transformers', gradients of x and of every weight included."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from groundup.stack.transformer import feed_forward, swiglu


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def leaves(*tensors: Tensor) -> list[Tensor]:
    return [one.clone().requires_grad_() for one in tensors]


def same(mine: Tensor, theirs: Tensor, given: list[Tensor], others: list[Tensor]) -> None:
    """Equal values, and equal gradients with respect to what each was given."""
    torch.testing.assert_close(mine, theirs, rtol=1e-11, atol=1e-12)
    weight = drawn(*mine.shape, seed=9)
    found = torch.autograd.grad((mine * weight).sum(), given)
    expected = torch.autograd.grad((theirs * weight).sum(), others)
    torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 3, 4), (2, 1, 3, 4)])
def test_feed_forward_layers_are_their_formulas(shape: tuple[int, ...]) -> None:
    given = drawn(*shape), drawn(4, 7, seed=1), drawn(7, 4, seed=3)
    mine, theirs = leaves(*given), leaves(*given)
    x, w_in, w_out = theirs
    expected = functional.linear(functional.linear(x, w_in.T).relu(), w_out.T)
    same(feed_forward(*mine), expected, mine, theirs)
    given = drawn(*shape), drawn(4, 7, seed=1), drawn(4, 7, seed=2), drawn(7, 4, seed=3)
    mine, theirs = leaves(*given), leaves(*given)
    x, w_gate, w_up, w_down = theirs
    gate = functional.linear(x, w_gate.T)
    expected = (gate * gate.sigmoid() * functional.linear(x, w_up.T)) @ w_down
    same(swiglu(*mine), expected, mine, theirs)


def test_feed_forward_is_that_of_torchs_encoder_layer() -> None:
    layer = nn.TransformerEncoderLayer(6, 2, 10, dropout=0.0, batch_first=True, bias=False).double()
    x = drawn(2, 3, 6)
    expected = layer._ff_block(x)
    torch.testing.assert_close(feed_forward(x, layer.linear1.weight.T, layer.linear2.weight.T), expected)


def test_swiglu_is_that_of_llama() -> None:
    modeling = pytest.importorskip("transformers.models.llama.modeling_llama")
    config = modeling.LlamaConfig(hidden_size=6, intermediate_size=10, num_attention_heads=2)
    theirs: Any = modeling.LlamaMLP(config).double()
    x = drawn(2, 3, 6)
    weights = (theirs.gate_proj.weight.T, theirs.up_proj.weight.T, theirs.down_proj.weight.T)
    torch.testing.assert_close(swiglu(x, *weights), theirs(x))


def test_silent_units_and_closed_gates() -> None:
    x, weights = drawn(3, 4).abs(), -drawn(4, 6, seed=1).abs()
    assert feed_forward(x, weights, drawn(6, 4, seed=2)).eq(0).all()
    assert swiglu(x, weights * 1e4, drawn(4, 6, seed=2), drawn(6, 4, seed=3)).abs().max() < 1e-12


def test_gates_of_a_thousand_are_finite_with_their_gradients() -> None:
    x, w_gate = leaves(drawn(4, 5).float(), drawn(5, 8, seed=1).float() * 1000)
    w_up, w_down = drawn(5, 8, seed=2).float(), drawn(8, 5, seed=3).float()
    result = swiglu(x, w_gate, w_up, w_down)
    found = torch.autograd.grad(result.sum(), [x, w_gate])
    wide = leaves(x.detach().double(), w_gate.detach().double())
    expected = torch.autograd.grad(swiglu(*wide, w_up.double(), w_down.double()).sum(), wide)
    for mine, theirs in zip(found, expected, strict=True):
        scale = theirs.abs().max()
        torch.testing.assert_close(mine.double() / scale, theirs / scale, rtol=0, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_kept(dtype: torch.dtype) -> None:
    x, w_in, w_up, w_out = (one.to(dtype) for one in (drawn(3, 6), drawn(6, 9), drawn(6, 9, seed=2), drawn(9, 6)))
    for found, expected in (
        (feed_forward(x, w_in, w_out), feed_forward(x.double(), w_in.double(), w_out.double())),
        (swiglu(x, w_in, w_up, w_out), swiglu(x.double(), w_in.double(), w_up.double(), w_out.double())),
    ):
        assert found.dtype == dtype
        scale = expected.abs().max()
        torch.testing.assert_close(found.double() / scale, expected / scale, rtol=0, atol=4 * torch.finfo(dtype).eps)


def test_no_position_sees_another() -> None:
    x, w_in, w_out = drawn(5, 4), drawn(4, 7, seed=1), drawn(7, 4, seed=2)
    other = x.clone()
    other[2] += 1
    for layer in (lambda y: feed_forward(y, w_in, w_out), lambda y: swiglu(y, w_in, w_in.flip(1), w_out)):
        moved = (layer(x) != layer(other)).any(dim=-1)
        assert moved.tolist() == [False, False, True, False, False]
