"""Scaled dot-product attention: every query takes an average of the values, weighted by how well it matches each key.

    scores  = q kᵀ / √d                     (..., n_q, n_k)   :func:`attention_scores`
    weights = softmax of each row, over what the mask lets through
    output  = weights v                     (..., n_q, d_v)   :func:`scaled_dot_product_attention`

Shapes: q is (..., n_q, d), k is (..., n_k, d), v is (..., n_k, d_v). The dimensions written ``...`` (batch, heads) may
differ in number and size as long as they broadcast. Masks are boolean, True = may attend, and broadcast to (..., n_q,
n_k). A query that may attend to nothing gets zeros, and gradients of zero, never NaN.

Two ways to one result: :func:`attention_by_formula` is the definition, and holds all n_q × n_k weights in memory;
:func:`scaled_dot_product_attention` hands the work to PyTorch's fused kernel, which never does. Where the mask is the
one that :func:`causal_mask` made, the kernel is told so and skips the half that is masked: a model needs no flag for
it. To have the mask on the device of its inputs, a model says ``with x.device: mask = causal_mask(n)``.

Not here: dropout on the weights, which :func:`attention_by_formula` alone has; additive biases (a float "mask" is
refused, not guessed at); projections and heads, which are the layer's; second derivatives of the fused path on a CPU
(the formula has them).

Sources: Vaswani et al., "Attention Is All You Need" (2017), section 3.2.1. Dao et al., "FlashAttention" (2022).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.weak import WeakIdKeyDictionary

# The masks that causal_mask made and that are still alive, each with PyTorch's count of the changes made to it.
# Nothing is shared: every call makes a new mask (0.4 ms for n = 1024), so whoever edits one edits only that one, and
# its count moves on, so that it is no longer taken for causal. Copies are not recognized; they are merely slower. As in
# autograd, a change made behind PyTorch's back (through ``.numpy()`` or ``.data``) is not counted.
_causal_masks: WeakIdKeyDictionary = WeakIdKeyDictionary()


# Where what is attended to goes while somebody looks; the default of every thread is nowhere.
_kept: ContextVar[list[Tensor] | None] = ContextVar("kept", default=None)


@contextmanager
def recorded_attention() -> Iterator[list[Tensor]]:
    """While this lasts, every attention of this thread adds its weights (..., n_q, n_k) to the list that it gives.

    They are computed besides, so that what the model returns is what it returns otherwise; dropout is not in them.
    """
    kept: list[Tensor] = []
    token = _kept.set(kept)
    try:
        yield kept
    finally:
        _kept.reset(token)


def recording() -> bool:
    """Whether anybody wants to see weights: an attention that is fused has to compute them once more for that."""
    return _kept.get() is not None


def record_attention(weights: Tensor) -> None:
    """What an attention that computes its own weights calls, so that :func:`recorded_attention` sees them."""
    if (kept := _kept.get()) is not None:
        kept.append(weights)


def attention_scores(q: Tensor, k: Tensor) -> Tensor:
    """How well each query matches each key: their dot product divided by √d, before the softmax.

    q: (..., n_q, d), k: (..., n_k, d). Returns (..., n_q, n_k). Dividing the queries rather than the scores is less
    work, and the sums of a half-precision product stay √d times further away from overflow.
    Raises ValueError where the last dimensions differ.
    """
    if q.dim() < 2 or k.dim() < 2 or q.shape[-1] != k.shape[-1]:
        raise ValueError(
            "q (..., n_q, d) and k (..., n_k, d) must have the same last dimension: "
            f"got q {tuple(q.shape)} and k {tuple(k.shape)}"
        )
    return (q / math.sqrt(q.shape[-1])) @ k.transpose(-2, -1)


def causal_mask(n: int) -> Tensor:
    """(n, n), boolean: position i (row) may attend to position j (column) where j ≤ i.

    A new tensor at each call, on torch's default device.
    """
    # Made outside inference mode, where a tensor would not count the changes made to it.
    with torch.inference_mode(False):
        position = torch.arange(n)
        mask = position.unsqueeze(-1) >= position
    _causal_masks[mask] = mask._version
    return mask


class CausalWindow:
    """The causal mask of positions ``begin`` to ``end`` (queries) over all up to ``end`` (keys), for models to ask for.

    The mask of the last length is kept: it is the same tensor again and again, which the fused attention recognizes.
    """

    def __init__(self) -> None:
        self._mask: Tensor | None = None

    def __call__(self, begin: int, end: int, device: torch.device, width: int = 0) -> Tensor | None:
        """(end - begin, end), boolean; None for a single query, which sees all that came before it.

        With a ``width``, each query sees no more than the last ``width`` positions, its own among them: the sliding
        window of Child and others, "Generating Long Sequences with Sparse Transformers" (2019), and of Mistral.
        """
        if width and end > width:
            with device:
                key = torch.arange(end)
            query = key[begin:, None]
            return (key <= query) & (key > query - width)
        if end - begin == 1:
            return None
        if self._mask is None or self._mask.shape[-1] != end or self._mask.device != device:
            with device:
                self._mask = causal_mask(end)
        return self._mask[begin:] if begin else self._mask

    def layers(
        self, widths: Sequence[int], begin: int, end: int, device: torch.device, real: Tensor | None = None
    ) -> list[Tensor | None]:
        """The mask of each layer, whose windows have these ``widths``; layers of one width share it.

        ``real`` (batch, end), True or 1 = a real token, hides the others from all.
        """
        masks = {width: self(begin, end, device, width) for width in set(widths)}
        if real is not None:
            seen = real.bool()[:, None, None, :]
            masks = {width: seen if mask is None else seen & mask for width, mask in masks.items()}
        return [masks[width] for width in widths]


def scaled_dot_product_attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """softmax(q kᵀ / √d) v, where each query attends only to the keys that the mask lets through.

    q: (..., n_q, d), k: (..., n_k, d), v: (..., n_k, d_v); mask: boolean, True = may attend, broadcastable to
    (..., n_q, n_k). Returns (..., n_q, d_v) in v's dtype. A query whose row of the mask is all False gets zeros.
    Raises ValueError where shapes do not fit, TypeError where the mask is not boolean.
    """
    _require_shapes(q, k, v)
    _require_boolean(mask)
    if (kept := _kept.get()) is not None:
        kept.append(attention_weights(q, k, mask))
    if not q.dtype == k.dtype == v.dtype or 0 in (*q.shape, *k.shape, *v.shape):
        return attention_weights(q, k, mask).to(v.dtype) @ v
    causal = mask is not None and _is_causal(mask, q.shape[-2], k.shape[-2])
    if causal:
        mask = None
    if mask is not None:
        mask = mask.reshape((1,) * (2 - mask.dim()) + mask.shape)
    # The kernels want equal batch dimensions; an expanded tensor is a view, nothing is copied. Mostly they are equal,
    # and then not even asked to broadcast: that alone takes longer than the attention of one new token.
    leading = {x.shape[:-2] for x in (q, k, v, mask) if x is not None}
    if len(leading) > 1:
        # Not torch.broadcast_shapes: when it is called for the first time, it imports SymPy.
        firsts = (x[..., 0, 0] for x in (q, k, v, mask) if x is not None)
        batch = torch.broadcast_tensors(*firsts)[0].shape  # type: ignore[no-untyped-call]
        q, k, v = (x.expand(*batch, *x.shape[-2:]) for x in (q, k, v))
    return functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal)


def attention_weights(q: Tensor, k: Tensor, mask: Tensor | None = None) -> Tensor:
    """(..., n_q, n_k): what share of its attention each query gives to each key. Rows sum to 1, or to 0 where the mask
    lets nothing through."""
    _require_boolean(mask)
    return masked_softmax(attention_scores(q, k), mask)


def masked_softmax(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    """The softmax of each row of scores (..., n_q, n_k) over what the mask lets through; rows sum to 1, or to 0 where
    it lets nothing through. For attentions that score in a way of their own."""
    if mask is None:
        return torch.softmax(scores, dim=-1)
    # The lowest finite number rather than -inf: a row of -inf alone would be 0 / 0. Next to any true score its
    # exponential is 0 all the same; the second fill is for the row that has no true score.
    lowest = torch.finfo(scores.dtype).min
    return torch.softmax(scores.masked_fill(~mask, lowest), dim=-1).masked_fill(~mask, 0.0)


def attention_by_formula(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, dropout: float = 0.0) -> Tensor:
    """What :func:`scaled_dot_product_attention` computes, written out; it holds all n_q × n_k weights.

    ``dropout`` is the share of weights that are set to zero at random, as the encoders' papers do in training.
    """
    _require_shapes(q, k, v)
    weights = attention_weights(q, k, mask)
    record_attention(weights)
    weights = weights.to(v.dtype)
    return functional.dropout(weights, dropout) @ v if dropout else weights @ v


def _is_causal(mask: Tensor, n_q: int, n_k: int) -> bool:
    """Whether this very tensor came from causal_mask, was not changed since, and is square over these positions."""
    return mask.shape == (n_q, n_k) and mask in _causal_masks and bool(_causal_masks[mask] == mask._version)


def _require_shapes(q: Tensor, k: Tensor, v: Tensor) -> None:
    """That the shapes of queries, keys and values fit, with a message that names them."""
    if min(q.dim(), k.dim(), v.dim()) < 2 or q.shape[-1] != k.shape[-1] or k.shape[-2] != v.shape[-2]:
        raise ValueError(
            "q (..., n_q, d), k (..., n_k, d) and v (..., n_k, d_v) must agree in d and in n_k: "
            f"got q {tuple(q.shape)}, k {tuple(k.shape)} and v {tuple(v.shape)}"
        )


def _require_boolean(mask: Tensor | None) -> None:
    if mask is not None and mask.dtype != torch.bool:
        raise TypeError(f"a mask must be boolean, True = may attend: got {mask.dtype}")
