"""Reverse-mode differentiation: a tensor on NumPy that remembers how it was made, and two uses of PyTorch's own.

Every operation makes a new :class:`Tensor` that knows its operands and how to pull a gradient back to them:

    data        c = a * b
    operands    (a, b)
    pull        dL/dc  →  (dL/dc * b, dL/dc * a)      both summed back to the shapes of a and b

``backward`` puts the tensors that a result was computed from in an order in which each stands after its operands, and
goes through it from the end: when a tensor's turn comes, all that its users send back has arrived.

Linnainmaa, "Taylor expansion of the accumulated rounding error" (1976); Baydin, Pearlmutter, Radul and Siskind,
"Automatic Differentiation in Machine Learning: a Survey" (2018), section 3.2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

Array = npt.NDArray[np.float64]


class Tensor:
    """Numbers in float64 and, after :meth:`backward` of a result, the gradient of that result for them.

    ``data`` is a NumPy array; ``grad`` is None until a gradient arrives, then an array of the same shape, to which
    every further call of ``backward`` adds. Operands may be tensors, arrays or numbers. Shapes broadcast as NumPy's do.
    """

    __array_ufunc__ = None  # NumPy then leaves ``array + tensor`` to us

    def __init__(self, data: npt.ArrayLike) -> None:
        self.data: Array = np.array(data, dtype=np.float64)
        self.grad: Array | None = None
        self._operands: tuple[Tensor, ...] = ()
        self._pull: Callable[[Array], tuple[Array, ...]] = lambda gradient: ()

    def _result(self, data: npt.ArrayLike, operands: tuple[Tensor, ...], pull: Callable[[Array], Any]) -> Tensor:
        """The tensor that an operation on ``operands`` gives; ``pull`` takes its gradient to one for each of them."""
        result = type(self)(data)
        result._operands, result._pull = operands, pull
        return result

    def _tensor(self, other: npt.ArrayLike | Tensor) -> Tensor:
        return other if isinstance(other, Tensor) else type(self)(other)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.data.shape

    def __repr__(self) -> str:
        return f"Tensor({self.data.tolist()})"

    # ── arithmetic ───────────────────────────────────────────────────────────

    def __add__(self, other: npt.ArrayLike | Tensor) -> Tensor:
        other = self._tensor(other)
        return self._result(self.data + other.data, (self, other), lambda gradient: (gradient, gradient))

    def __mul__(self, other: npt.ArrayLike | Tensor) -> Tensor:
        a, b = self, self._tensor(other)
        return self._result(a.data * b.data, (a, b), lambda gradient: (gradient * b.data, gradient * a.data))

    def __truediv__(self, other: npt.ArrayLike | Tensor) -> Tensor:
        a, b = self, self._tensor(other)
        quotient = a.data / b.data
        return self._result(quotient, (a, b), lambda gradient: (gradient / b.data, -gradient * quotient / b.data))

    def __pow__(self, exponent: float) -> Tensor:
        """To the power of a number, which is no tensor."""

        def pull(gradient: Array) -> tuple[Array]:
            if exponent == 0:
                return (np.zeros_like(gradient),)  # 0 · 0⁻¹ would be NaN
            return (gradient * exponent * self.data ** (exponent - 1),)

        return self._result(self.data**exponent, (self,), pull)

    def __matmul__(self, other: npt.ArrayLike | Tensor) -> Tensor:
        """(…, n, k) @ (…, k, m): (…, n, m). Raises ValueError for an operand of fewer than two dimensions."""
        a, b = self, self._tensor(other)
        if min(a.data.ndim, b.data.ndim) < 2:
            raise ValueError(f"@ needs two dimensions or more on both sides: got {a.shape} and {b.shape}")
        return self._result(
            a.data @ b.data,
            (a, b),
            lambda gradient: (gradient @ b.data.swapaxes(-1, -2), a.data.swapaxes(-1, -2) @ gradient),
        )

    def __neg__(self) -> Tensor:
        return self * -1.0

    def __sub__(self, other: npt.ArrayLike | Tensor) -> Tensor:
        return self + -self._tensor(other)

    def __radd__(self, other: npt.ArrayLike) -> Tensor:
        return self + other

    def __rsub__(self, other: npt.ArrayLike) -> Tensor:
        return self._tensor(other) - self

    def __rmul__(self, other: npt.ArrayLike) -> Tensor:
        return self * other

    def __rtruediv__(self, other: npt.ArrayLike) -> Tensor:
        return self._tensor(other) / self

    def __rmatmul__(self, other: npt.ArrayLike) -> Tensor:
        return self._tensor(other) @ self

    # ── functions of each entry ──────────────────────────────────────────────

    def exp(self) -> Tensor:
        value = np.exp(self.data)
        return self._result(value, (self,), lambda gradient: (gradient * value,))

    def log(self) -> Tensor:
        """The natural logarithm."""
        return self._result(np.log(self.data), (self,), lambda gradient: (gradient / self.data,))

    def tanh(self) -> Tensor:
        value = np.tanh(self.data)
        return self._result(value, (self,), lambda gradient: (gradient * (1.0 - value**2),))

    def relu(self) -> Tensor:
        """Negative numbers become 0. The slope at 0 is taken to be 0."""
        return self._result(np.maximum(self.data, 0.0), (self,), lambda gradient: (gradient * (self.data > 0),))

    # ── sums and shapes ──────────────────────────────────────────────────────

    def sum(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Tensor:
        """The sum over one axis, several or (None) all."""

        def pull(gradient: Array) -> tuple[Array]:
            if axis is not None and not keepdims:
                gradient = np.expand_dims(gradient, axis)
            return (np.broadcast_to(gradient, self.shape),)

        return self._result(self.data.sum(axis=axis, keepdims=keepdims), (self,), pull)

    def mean(self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Tensor:
        """The mean over one axis, several or (None) all."""
        total = self.sum(axis, keepdims)
        return total * (total.data.size / self.data.size)

    def reshape(self, *shape: int) -> Tensor:
        """The same numbers in another shape; one of its lengths may be -1."""
        return self._result(self.data.reshape(shape), (self,), lambda gradient: (gradient.reshape(self.shape),))

    def transpose(self, *axes: int) -> Tensor:
        """Axis ``axes[i]`` becomes axis i; without ``axes`` their order is reversed."""
        places = [axis % self.data.ndim for axis in axes] or list(reversed(range(self.data.ndim)))
        back = np.argsort(places)
        return self._result(self.data.transpose(places), (self,), lambda gradient: (gradient.transpose(back),))

    # ── the way back ─────────────────────────────────────────────────────────

    def backward(self) -> None:
        """Add the gradient of this one number to ``grad`` of every tensor that it was computed from, itself included.

        Raises ValueError where the tensor holds more or less than one number.
        """
        if self.data.size != 1:
            raise ValueError(f"backward starts from one number, not from a tensor of shape {self.shape}")
        arrived: dict[int, Array] = {id(self): np.ones_like(self.data)}
        for node in reversed(_operands_first(self)):
            gradient = arrived.pop(id(node))
            node.grad = np.array(gradient if node.grad is None else node.grad + gradient)
            for operand, share in zip(node._operands, node._pull(gradient), strict=True):
                share = _summed_back(share, operand.shape)
                before = arrived.get(id(operand))
                arrived[id(operand)] = share if before is None else before + share


def _operands_first(result: Tensor) -> list[Tensor]:
    """Everything that ``result`` was computed from, each once and after its operands. No recursion: graphs are deep."""
    order: list[Tensor] = []
    seen: set[int] = set()
    waiting = [(result, False)]
    while waiting:
        node, operands_done = waiting.pop()
        if operands_done:
            order.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            waiting.append((node, True))
            waiting.extend((operand, False) for operand in node._operands)
    return order


def _summed_back(gradient: Array, shape: tuple[int, ...]) -> Array:
    """The gradient for what was broadcast: an entry that was used several times gets the sum over all its uses."""
    if gradient.shape == shape:
        return gradient
    gradient = gradient.sum(axis=tuple(range(gradient.ndim - len(shape))))
    stretched = tuple(axis for axis, length in enumerate(shape) if length == 1)
    summed: Array = gradient.sum(axis=stretched, keepdims=True)
    return summed


# ── PyTorch's ────────────────────────────────────────────────────────────────


def gradients_of(f: Callable[..., torch.Tensor], inputs: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """The gradient of the number ``f(*inputs)`` for each of the inputs, in their order, shapes and dtypes.

    Works wherever it is called, under ``torch.no_grad()`` too, and leaves no trace: neither the inputs nor other
    tensors that f uses get a ``grad``, and the results hang on no graph. An input that f does not use gets zeros.
    Raises ValueError where f returns more or less than one number.
    """
    with torch.enable_grad():
        leaves = [one.detach().requires_grad_() for one in inputs]
        result = f(*leaves)
        if result.numel() != 1:
            raise ValueError(f"f must return one number, not a tensor of shape {tuple(result.shape)}")
        if not result.requires_grad:
            return [torch.zeros_like(one) for one in inputs]
        return list(torch.autograd.grad(result, leaves, allow_unused=True, materialize_grads=True))


def frozen_features(module: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    """``module(x)`` as a constant: in evaluation mode, with no graph recorded; the module is afterwards what it was.

    Each of its parts gets back the training flag that it had, also where the module raises an error. The result can be
    the input of a network that is trained, which a tensor made under ``torch.inference_mode()`` could not.
    """
    flags = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        with torch.no_grad():
            result: torch.Tensor = module(x)
            return result.detach()
    finally:
        for part, training in flags:
            part.training = training
