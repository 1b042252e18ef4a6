"""Operations of a step, beside counts by hand and PyTorch's own counter."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from groundup.stack.models.families import CausalLM
from groundup.stack.models.gpt import GPT
from groundup.stack.models.llama import Llama, LlamaConfig
from groundup.stack.training.flops import FlopCounter, count_flops, mfu, rule_of_thumb
from groundup.stack.training.recompute import start_recompute

TINY = runpy.run_path(str(Path(__file__).with_name("tiny_models.py")))


def counted(run: Any) -> int:
    with FlopCounter() as counter:
        run()
    return counter.total


def test_products_by_hand() -> None:
    a, b, v = torch.randn(3, 5), torch.randn(5, 7), torch.randn(5)
    assert counted(lambda: a @ b) == 2 * 3 * 5 * 7
    assert counted(lambda: a @ v) == 2 * 3 * 5
    assert counted(lambda: v @ v) == 2 * 5
    assert counted(lambda: functional.linear(a, b.T, torch.randn(7))) == 2 * 3 * 5 * 7
    assert counted(lambda: torch.randn(2, 3, 5) @ torch.randn(2, 5, 7)) == 2 * 2 * 3 * 5 * 7
    assert counted(lambda: torch.baddbmm(torch.randn(2, 3, 7), torch.randn(2, 3, 5), torch.randn(2, 5, 7))) == 420
    assert counted(lambda: a + a * a.exp()) == 0


def test_attention_and_convolution_by_hand() -> None:
    q, k, v = (torch.randn(2, 3, n, 8, requires_grad=True) for n in (5, 9, 9))
    forward = 4 * 2 * 3 * 5 * 9 * 8
    with FlopCounter() as counter:
        out = functional.scaled_dot_product_attention(q, k, v)
        assert counter.total == forward
        torch.autograd.backward(out.sum())
    assert counter.total == forward + forward // 2 * 5
    assert counter.total - counter.repeated == 3 * forward
    picture, layer = torch.randn(2, 6, 10, requires_grad=True), nn.Conv1d(6, 4, 3, groups=2)
    forward = 2 * (2 * 4 * 8) * (3 * 3)
    with FlopCounter() as counter:
        out = layer(picture)
        assert counter.total == forward
        torch.autograd.backward(out.sum())
    assert counter.total == 3 * forward
    assert counted(lambda: torch.autograd.backward(layer(picture.detach()).sum())) == 2 * forward  # nobody asks for x's


def test_a_llama_by_hand() -> None:
    dim, heads, kv_heads, hidden, layers, vocab, rows, n = 24, 4, 2, 54, 3, 97, 3, 14
    model, batch = TINY["build"]("llama"), TINY["batch_of"]("llama", rows=rows, length=n)
    width = dim // heads
    block = dim * dim * 2 + 2 * dim * kv_heads * width + 3 * dim * hidden
    attention = 2 * 2 * heads * n * n * width
    forward = rows * (2 * n * (layers * block + vocab * dim) + layers * attention)
    found = count_flops(model, batch)
    assert (found.forward, found.model) == (forward, 3 * forward)
    assert found.machine == found.model + rows * layers * attention // 2  # scores once more
    again = count_flops(model, batch, recompute=True)
    assert again.model == found.model
    # The blocks run once more, each without its last product, which no gradient needs; the head does not.
    assert again.machine == found.machine + forward - rows * 2 * n * (vocab * dim + layers * dim * hidden)


def test_a_bert_by_hand() -> None:
    dim, hidden, layers, rows, n, labels = 24, 54, 3, 3, 14, 3
    model, batch = TINY["build"]("bert-classes"), TINY["batch_of"]("bert-classes", rows=rows, length=n)
    block = n * 2 * (4 * dim * dim + 2 * dim * hidden) + 4 * n * n * dim
    forward = rows * (layers * block + 2 * dim * dim + 2 * dim * labels)
    found = count_flops(model, batch)
    assert (found.forward, found.model, found.machine) == (forward, 3 * forward, 3 * forward)
    for one in model.encoder.parameters():
        one.requires_grad_(False)
    head = rows * (2 * dim * dim + 2 * dim * labels)
    assert count_flops(model, batch).model == forward + 2 * head - rows * 2 * dim * dim  # none for what goes into it


@pytest.mark.parametrize("name", ["bert", "albert", "deberta", "xlnet", "t5", "gpt2"])
@pytest.mark.parametrize("recompute", [False, True])
def test_as_pytorch_counts(name: str, recompute: bool) -> None:
    model = TINY["build"](name, layers=2)
    batch = TINY["batch_of"](name, rows=2, length=8)

    def attention(q: Any, k: Any, v: Any, *more: Any, **named: Any) -> int:
        return 4 * q[0] * q[1] * q[2] * k[2] * q[3]

    def backward(slope: Any, q: Any, k: Any, v: Any, *more: Any, **named: Any) -> int:
        return 10 * q[0] * q[1] * q[2] * k[2] * q[3]

    mapping = {
        torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: attention,
        torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: backward,
    }
    found = count_flops(model, batch, recompute=recompute)
    if recompute:
        start_recompute(model)
    with FlopCounterMode(display=False, custom_mapping=mapping) as theirs:
        torch.autograd.backward(model(**batch).loss)
    assert found.machine == theirs.get_total_flops()
    assert found.model <= found.machine
    assert all(one.grad is not None for one in model.parameters() if one.requires_grad and name != "xlnet")


def test_the_rule_of_thumb_is_near_for_a_wide_model() -> None:
    """Where the text is short beside the width, 6 N tokens is right but for norms, and attention is what is left."""
    with torch.device("meta"):
        model = CausalLM(Llama(LlamaConfig(vocab=1000, dim=2048, layers=4, heads=16, hidden=5632, tied=True)))
    batch = {"ids": torch.zeros(2, 32, dtype=torch.long), "labels": torch.zeros(2, 32, dtype=torch.long)}
    found = count_flops(model, batch)
    attention = 3 * 4 * 2 * 4 * 32 * 32 * 2048
    norms = 6 * 64 * sum(one.numel() for one in model.parameters() if one.dim() == 1)
    assert found.model == found.rule + attention - norms
    assert abs(found.model / found.rule - 1) < 0.02
    gpt = GPT(vocab=50, dim=16, heads=2, layers=2, context=12)
    ids = torch.zeros(1, 12, dtype=torch.long)
    vectors = 6 * 12 * sum(one.numel() for one in gpt.parameters() if one.dim() == 1)
    assert rule_of_thumb(gpt, {"ids": ids}) - vectors == 12 * (gpt.flops_per_token() - 12 * 2 * 16 * 12)


def test_half_labels_change_nothing_before_the_loss() -> None:
    model, batch = TINY["build"]("bert"), TINY["batch_of"]("bert")
    few = count_flops(model, batch)
    many: dict[str, Tensor] = {**batch, "labels": batch["ids"]}
    assert count_flops(model, many) == few


def test_mfu() -> None:
    assert mfu(3e12, 2.0, 6e12) == 0.25
    with pytest.raises(ValueError, match="above 0"):
        mfu(1, 0, 1)
