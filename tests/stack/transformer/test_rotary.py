"""Rotary positions against transformers' Llama, gradients and hard inputs included."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from groundup.stack.transformer import apply_rope, rope_frequencies


def drawn(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


@pytest.mark.parametrize(("head_dim", "theta"), [(2, 10000.0), (6, 500.0), (64, 500000.0)])
def test_the_tables_are_llamas(head_dim: int, theta: float) -> None:
    modeling = pytest.importorskip("transformers.models.llama.modeling_llama")
    config = modeling.LlamaConfig(
        hidden_size=head_dim, num_attention_heads=1, num_hidden_layers=1, vocab_size=8, intermediate_size=8
    )
    if hasattr(config, "rope_parameters"):
        config.rope_parameters = {"rope_type": "default", "rope_theta": theta}
    else:
        config.rope_theta = theta
    n = 300
    cos, sin = modeling.LlamaRotaryEmbedding(config)(torch.zeros(1), torch.arange(n).unsqueeze(0))
    mine = rope_frequencies(head_dim, n, theta)
    assert mine[0].dtype == mine[1].dtype == torch.float32
    torch.testing.assert_close(mine[0], cos[0], rtol=0, atol=1e-6)
    torch.testing.assert_close(mine[1], sin[0], rtol=0, atol=1e-6)


def test_the_tables_do_not_follow_the_default_dtype() -> None:
    expected = rope_frequencies(8, 600)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        found = rope_frequencies(8, 600)
    finally:
        torch.set_default_dtype(before)
    assert torch.equal(found[0], expected[0])
    assert torch.equal(found[1], expected[1])


def test_turning_and_its_gradient_are_llamas() -> None:
    modeling = pytest.importorskip("transformers.models.llama.modeling_llama")
    cos, sin = (one.double() for one in rope_frequencies(6, 5))
    x, y = (drawn(2, 3, 5, 6).requires_grad_() for _ in range(2))
    mine = apply_rope(x, cos, sin)
    theirs, _ = modeling.apply_rotary_pos_emb(y, y.detach(), cos.unsqueeze(0), sin.unsqueeze(0))
    torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-12)
    weight = drawn(2, 3, 5, 6, seed=1)
    torch.testing.assert_close(
        torch.autograd.grad((mine * weight).sum(), x), torch.autograd.grad((theirs * weight).sum(), y)
    )


@pytest.mark.parametrize("begin", [0, 1, 37])
def test_later_positions_are_llamas(begin: int) -> None:
    """What a model computes while it writes: rows from the middle of the table."""
    modeling = pytest.importorskip("transformers.models.llama.modeling_llama")
    config = modeling.LlamaConfig(
        hidden_size=16, num_attention_heads=2, num_hidden_layers=1, vocab_size=8, intermediate_size=8
    )
    q, k = drawn(2, 2, 4, 8, dtype=torch.float32), drawn(2, 2, 4, 8, seed=1, dtype=torch.float32)
    positions = torch.arange(begin, begin + 4).unsqueeze(0)
    theirs = modeling.apply_rotary_pos_emb(q, k, *modeling.LlamaRotaryEmbedding(config)(q, positions))
    cos, sin = (one[begin : begin + 4] for one in rope_frequencies(8, 50))
    torch.testing.assert_close(apply_rope(q, cos, sin), theirs[0], rtol=0, atol=1e-5)
    torch.testing.assert_close(apply_rope(k, cos, sin), theirs[1], rtol=0, atol=1e-5)


def test_neighbors_as_in_the_paper_are_the_same_after_reordering() -> None:
    cos, sin = (one.double() for one in rope_frequencies(8, 6))
    q, k = drawn(6, 8), drawn(6, 8, seed=1)
    order = torch.tensor([0, 2, 4, 6, 1, 3, 5, 7])

    def by_matrix(x: Tensor) -> Tensor:
        rows = []
        for p, row in enumerate(x):
            turn = torch.zeros(8, 8, dtype=torch.float64)
            for i in range(4):
                a = torch.tensor(p * 10000.0 ** (-2 * i / 8), dtype=torch.float64)
                turn[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = torch.stack([a.cos(), -a.sin(), a.sin(), a.cos()]).view(
                    2, 2
                )
            rows.append(turn @ row)
        return torch.stack(rows)

    mine = apply_rope(q[:, order], cos, sin) @ apply_rope(k[:, order], cos, sin).T
    torch.testing.assert_close(mine, by_matrix(q) @ by_matrix(k).T, rtol=0, atol=1e-5)


def test_each_pair_is_a_complex_number_that_is_multiplied_by_a_turn() -> None:
    cos, sin = (one.double() for one in rope_frequencies(8, 7, theta=30.0))
    x = drawn(3, 7, 8)
    turned = torch.complex(x[..., :4], x[..., 4:]) * torch.complex(cos[:, :4], sin[:, :4])
    expected = torch.cat((turned.real, turned.imag), dim=-1)
    torch.testing.assert_close(apply_rope(x, cos, sin), expected, rtol=0, atol=1e-12)


def test_rotated_products_depend_on_the_distance_alone() -> None:
    cos, sin = rope_frequencies(8, 40)
    q, k = drawn(8, dtype=torch.float32), drawn(8, seed=1, dtype=torch.float32)
    turned_q, turned_k = apply_rope(q.expand(40, 8), cos, sin), apply_rope(k.expand(40, 8), cos, sin)
    products = turned_q @ turned_k.T
    for distance in (-9, 0, 5):
        along = products.diagonal(distance)
        torch.testing.assert_close(along, along[:1].expand_as(along), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(turned_q.norm(dim=-1), q.norm().expand(40))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_the_dtype_of_x_is_kept(dtype: torch.dtype) -> None:
    cos, sin = rope_frequencies(4, 3)
    x = drawn(2, 3, 4, dtype=dtype)
    result = apply_rope(x, cos, sin)
    assert result.dtype == dtype
    torch.testing.assert_close(result.double(), apply_rope(x.double(), cos, sin), rtol=0, atol=0.05)


def test_hard_inputs() -> None:
    cos, sin = rope_frequencies(4, 0)
    assert cos.shape == sin.shape == (0, 4)
    assert apply_rope(torch.zeros(2, 0, 4), cos, sin).shape == (2, 0, 4)
    cos, sin = rope_frequencies(2, 2)
    turned = apply_rope(torch.tensor([[3.0, 4.0], [1.0, 0.0]]), cos, sin)
    assert turned[0].tolist() == [3.0, 4.0]
    assert turned[1].tolist() == pytest.approx([math.cos(1), math.sin(1)])
    cos, sin = rope_frequencies(6, 5)
    scattered = drawn(6, 2, 5, dtype=torch.float32).permute(1, 2, 0)
    kept = scattered.clone(memory_format=torch.contiguous_format)
    assert kept.stride() != scattered.stride()
    torch.testing.assert_close(apply_rope(scattered, cos, sin), apply_rope(kept, cos, sin))
    assert torch.equal(scattered, kept)
    huge = apply_rope(torch.full((5, 6), 1e37), cos, sin)
    assert huge.isfinite().all()


def test_what_does_not_fit_is_refused() -> None:
    for head_dim in (3, 1, 0, -2):
        with pytest.raises(ValueError, match=f"even.*: {head_dim}$"):
            rope_frequencies(head_dim, 4)
    cos, sin = rope_frequencies(4, 5)
    with pytest.raises(ValueError, match=r"\(5, 4\).*\(1, 4\)"):
        apply_rope(torch.zeros(1, 4), cos, sin)
    with pytest.raises(ValueError, match=r"\(1, 4\).*\(5, 4\)"):
        apply_rope(torch.zeros(5, 4), cos[:1], sin[:1])
    for wrong_cos, wrong_sin in (
        (cos, sin[:1]),
        (cos, sin[None]),
        (cos[:, :2], sin[:, :2]),
        (cos[:, :1], sin[:, :1]),
        (cos[None], sin[None]),
        (cos[0], sin[0]),
    ):
        with pytest.raises(ValueError, match="head_dim"):
            apply_rope(torch.zeros(2, 5, 4), wrong_cos, wrong_sin)
