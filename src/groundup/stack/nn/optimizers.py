"""Optimizers: how a gradient becomes a change of the parameters. g is the gradient, θ a parameter, η the learning rate.

    SGD       v ← μ v + g + λ θ;                       θ ← θ - η v
    RMSprop   s ← α s + (1 - α) g²;                    θ ← θ - η g / (√s + ε)
    Adam      m ← β₁ m + (1 - β₁) g, s ← β₂ s + (1 - β₂) g²;
              θ ← θ - η m̂ / (√ŝ + ε), m̂ = m / (1 - β₁ᵗ), ŝ = s / (1 - β₂ᵗ)
    AdamW     as Adam, after θ ← θ - η λ θ: decay that is not divided by √ŝ

Sources: Polyak 1964 (momentum); Tieleman and Hinton, lecture 6.5 (2012); Kingma and Ba, "Adam" (2015), algorithm 1;
Loshchilov and Hutter, "Decoupled Weight Decay Regularization" (2019), algorithm 2.

All parameters are updated by a few calls over the whole list (``torch._foreach_``), which for many small tensors is
several times as fast as a loop over them; the tests hold the result to ``torch.optim``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor


class Optimizer:
    """The parameters, the learning rate, and what is remembered of each parameter; a subclass says how to update.

    ``lr`` may be set between steps. A parameter without a gradient is left alone, and so is what is remembered of it.
    Raises ValueError where there is no parameter or a setting makes no sense.
    """

    _remembered: tuple[str, ...] = ()

    def __init__(self, params: Iterable[Tensor], lr: float) -> None:
        self.params = list(params)
        if not self.params:
            raise ValueError("there are no parameters to optimize")
        if lr < 0:
            raise ValueError(f"a learning rate is not negative: {lr}")
        self.lr = lr
        self.steps = [0] * len(self.params)
        self.state: dict[str, list[Tensor]] = {
            name: [torch.zeros_like(one) for one in self.params] for name in self._remembered
        }

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for one in self.params:
            one.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Change every parameter that has a gradient."""
        # Parameters that have seen equally many steps are updated together: nearly always all of them.
        groups: dict[int, list[int]] = {}
        for index, one in enumerate(self.params):
            if one.grad is not None:
                self.steps[index] += 1
                groups.setdefault(self.steps[index], []).append(index)
        for count, indices in groups.items():
            params = [self.params[index] for index in indices]
            grads = [one.grad for one in params if one.grad is not None]
            state = {name: [values[index] for index in indices] for name, values in self.state.items()}
            self._update(params, grads, state, count)

    def _update(self, params: list[Tensor], grads: list[Tensor], state: dict[str, list[Tensor]], count: int) -> None:
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """All that a run needs to go on exactly: the learning rate, the counts, the tensors (not copies)."""
        return {"lr": self.lr, "steps": list(self.steps), **self.state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a :meth:`state_dict`, which is copied. Raises ValueError where it belongs to other parameters."""
        if len(state["steps"]) != len(self.params):
            raise ValueError(f"saved for {len(state['steps'])} parameters where there are {len(self.params)}")
        for name, values in self.state.items():
            if [one.shape for one in state[name]] != [one.shape for one in values]:
                raise ValueError(f"the saved {name} belongs to parameters of other shapes or another number of them")
        self.lr, self.steps = state["lr"], list(state["steps"])
        for name, values in self.state.items():
            for mine, saved in zip(values, state[name], strict=True):
                mine.copy_(saved)


class SGD(Optimizer):
    """Gradient descent, with momentum and weight decay (an L2 penalty) where they are not 0.

    Without momentum nothing is remembered: a plain step needs no memory beside the parameters and their gradients.
    """

    def __init__(self, params: Iterable[Tensor], lr: float, momentum: float = 0.0, weight_decay: float = 0.0) -> None:
        if momentum < 0 or weight_decay < 0:
            raise ValueError(f"momentum and weight decay are not negative: {momentum}, {weight_decay}")
        self._remembered = ("velocity",) if momentum else ()
        super().__init__(params, lr)
        self.momentum, self.weight_decay = momentum, weight_decay

    def _update(self, params: list[Tensor], grads: list[Tensor], state: dict[str, list[Tensor]], count: int) -> None:
        change = torch._foreach_add(grads, params, alpha=self.weight_decay) if self.weight_decay else grads
        if self.momentum:
            torch._foreach_mul_(state["velocity"], self.momentum)
            torch._foreach_add_(state["velocity"], change)
            change = state["velocity"]
        torch._foreach_add_(params, change, alpha=-self.lr)


class RMSprop(Optimizer):
    """Each gradient divided by the root of the running mean of its squares."""

    _remembered = ("squares",)

    def __init__(self, params: Iterable[Tensor], lr: float, alpha: float = 0.99, eps: float = 1e-8) -> None:
        super().__init__(params, lr)
        self.alpha, self.eps = alpha, eps

    def _update(self, params: list[Tensor], grads: list[Tensor], state: dict[str, list[Tensor]], count: int) -> None:
        torch._foreach_mul_(state["squares"], self.alpha)
        torch._foreach_addcmul_(state["squares"], grads, grads, value=1 - self.alpha)
        root = torch._foreach_sqrt(state["squares"])
        torch._foreach_add_(root, self.eps)
        torch._foreach_addcdiv_(params, grads, root, value=-self.lr)


class Adam(Optimizer):
    """Momentum over the root of the mean square, both corrected for having begun at zero."""

    _remembered = ("means", "squares")

    def __init__(
        self, params: Iterable[Tensor], lr: float, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8
    ) -> None:
        super().__init__(params, lr)
        self.betas, self.eps = _checked(betas), eps

    def _update(self, params: list[Tensor], grads: list[Tensor], state: dict[str, list[Tensor]], count: int) -> None:
        _adam_update(self, params, grads, state, count)


class AdamW(Optimizer):
    """Adam with weight decay that acts on the parameters themselves, not through the gradient.

    Not made from :class:`Adam`, so that each of the two can be replaced alone.
    """

    _remembered = ("means", "squares")

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(params, lr)
        if weight_decay < 0:
            raise ValueError(f"weight decay is not negative: {weight_decay}")
        self.betas, self.eps, self.weight_decay = _checked(betas), eps, weight_decay

    def _update(self, params: list[Tensor], grads: list[Tensor], state: dict[str, list[Tensor]], count: int) -> None:
        torch._foreach_mul_(params, 1 - self.lr * self.weight_decay)
        _adam_update(self, params, grads, state, count)


def _checked(betas: tuple[float, float]) -> tuple[float, float]:
    if not all(0 <= beta < 1 for beta in betas):
        raise ValueError(f"betas lie in [0, 1): {betas}")
    return betas


def _adam_update(
    of: Adam | AdamW, params: list[Tensor], grads: list[Tensor], state: dict[str, list[Tensor]], count: int
) -> None:
    (beta1, beta2), means, squares = of.betas, state["means"], state["squares"]
    torch._foreach_lerp_(means, grads, 1 - beta1)
    torch._foreach_mul_(squares, beta2)
    torch._foreach_addcmul_(squares, grads, grads, value=1 - beta2)
    root = torch._foreach_sqrt(squares)
    torch._foreach_div_(root, (1 - beta2**count) ** 0.5)
    torch._foreach_add_(root, of.eps)
    torch._foreach_addcdiv_(params, means, root, value=-of.lr / (1 - beta1**count))
