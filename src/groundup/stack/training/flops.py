"""How many floating-point operations a training step takes: multiplications and additions of its matrix products.

    (m, k) · (k, n)      2 m k n          each of the m n numbers is k products and as many sums
    attention            4 n_q n_k d      of each head: scores, and the average of values; nothing is saved where the
                                          mask hides half of it, though kernels may skip it
    backward             twice forward    one product for the gradient of each factor
    6 N tokens           the rule of thumb: 2 for a weight forward, 4 backward, attention left out
                         Kaplan and others, "Scaling Laws for Neural Language Models" (2020), section 2.1

The step is rehearsed (:mod:`.rehearsal`): the model's code runs on tensors without memory, and the products that come
by are counted. Two counts come of it. What the *model* needs is the same however it is computed; what the *machine*
does is more where blocks run twice, and where fused attention computes its scores once more in the backward pass. The
share of a machine's peak that a run makes use of (MFU) is counted with the first: Chowdhery and others, "PaLM" (2022),
appendix B.

What is no product (norms, activations, softmax, the scan of a state space) is not counted; nor is the optimizer, some
dozen operations a weight.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from groundup.stack.training.rehearsal import rehearsed

aten = torch.ops.aten


@dataclass(frozen=True)
class Flops:
    """Operations of a forward and a backward pass. ``forward`` and ``model`` are as if nothing were computed twice,
    ``machine`` what is computed; ``rule`` is 6 · parameters · tokens."""

    forward: int
    model: int
    machine: int
    rule: int


def count_flops(model: nn.Module, batch: Mapping[str, Tensor], *, recompute: bool = False) -> Flops:
    """What the forward and the backward pass of a batch take; an update takes the sum over its micro-batches.

    Nothing is computed and the model is not changed; it may be on ``meta``. Tokens that are padding count as others,
    since they are computed. Raises ValueError for a model without a loss, or one that looks at values.
    """
    forward, plain = _count(model, batch, recompute=False)
    machine = _count(model, batch, recompute=True)[1] if recompute else plain
    return Flops(forward, plain.total - plain.repeated, machine.total, rule_of_thumb(model, batch))


def rule_of_thumb(model: nn.Module, batch: Mapping[str, Tensor]) -> int:
    """6 · N · tokens. N are all parameters, embeddings among them; tokens are those of the longer text where an
    encoder-decoder reads two, padding among them."""
    parameters = sum(one.numel() for one in model.parameters())
    return 6 * parameters * max(batch[name].numel() for name in ("ids", "decoder_input_ids") if name in batch)


def mfu(flops: float, seconds: float, peak: float) -> float:
    """The share of a machine's ``peak`` (operations a second) that ``flops`` in ``seconds`` are."""
    if seconds <= 0 or peak <= 0:
        raise ValueError(f"seconds and peak are above 0: got {seconds} and {peak}")
    return flops / seconds / peak


class FlopCounter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """While it lasts, counts the operations of matrix products, forward and backward: ``total``. Of these, ``repeated``
    are what fused attention computes a second time."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total = self.repeated = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if (formula := _FORMULAS.get(func.overloadpacket)) is not None:
            self.total += formula(result, *args)
        if func.overloadpacket in _ATTENTION_BACKWARD:
            query, key = args[1], args[2]
            self.repeated += _product(query, key, query.shape[-1])
        return result


def _count(model: nn.Module, batch: Mapping[str, Tensor], recompute: bool) -> tuple[int, FlopCounter]:
    with rehearsed(model, batch, recompute=recompute) as play, FlopCounter() as counter:
        loss = play.loss()
        forward = counter.total
        torch.autograd.backward(loss)
    return forward, counter


def _matrices(result: Tensor, a: Tensor, b: Tensor, *more: Any) -> int:
    """(…, m, k) · (…, k, n), or (k, n) · (n,)."""
    return 2 * a.numel() * (b.shape[-1] if b.dim() > 1 else 1)


def _added(result: Tensor, bias: Tensor, a: Tensor, b: Tensor, *more: Any) -> int:
    """The same, added to something."""
    return _matrices(result, a, b)


def _convolution(result: Tensor, x: Tensor, weight: Tensor, *more: Any) -> int:
    """Each number of the result is as many products as a filter (out, in / groups, …) has numbers."""
    return 2 * result.numel() * prod(weight.shape[1:])


def _convolution_backward(result: Any, slope: Tensor, x: Tensor, weight: Tensor, *more: Any) -> int:
    """As many again for x and for the weight, where they are asked for: the last argument says so."""
    asked = more[-1]
    return 2 * slope.numel() * prod(weight.shape[1:]) * (int(asked[0]) + int(asked[1]))


def _product(query: Tensor, key: Tensor, width: int) -> int:
    """One product of attention: n_q × n_k numbers of so many products each, for every text and head."""
    return 2 * prod(query.shape[:-1]) * key.shape[-2] * width


def _attention(result: Any, query: Tensor, key: Tensor, value: Tensor, *more: Any) -> int:
    """Scores, and the average of values."""
    return _product(query, key, query.shape[-1]) + _product(query, key, value.shape[-1])


def _attention_backward(result: Any, slope: Tensor, query: Tensor, key: Tensor, value: Tensor, *more: Any) -> int:
    """The scores again; the gradients of queries and keys; those of values and weights."""
    return 3 * _product(query, key, query.shape[-1]) + 2 * _product(query, key, value.shape[-1])


_ATTENTION_BACKWARD = (
    aten._scaled_dot_product_flash_attention_for_cpu_backward,
    aten._scaled_dot_product_flash_attention_backward,
    aten._scaled_dot_product_efficient_attention_backward,
    aten._scaled_dot_product_cudnn_attention_backward,
)
_FORMULAS: dict[Any, Callable[..., int]] = {
    aten.mm: _matrices,
    aten.bmm: _matrices,
    aten.mv: _matrices,
    aten.dot: _matrices,
    aten.addmm: _added,
    aten.baddbmm: _added,
    aten.addmv: _added,
    aten.convolution: _convolution,
    aten.convolution_backward: _convolution_backward,
    aten._scaled_dot_product_flash_attention_for_cpu: _attention,
    aten._scaled_dot_product_flash_attention: _attention,
    aten._scaled_dot_product_efficient_attention: _attention,
    aten._scaled_dot_product_cudnn_attention: _attention,
    **dict.fromkeys(_ATTENTION_BACKWARD, _attention_backward),
}
