"""The feed-forward layer: each position alone is widened, bent and narrowed again. Weights are (in, out) here.

feed_forward(x) = max(x W_in, 0) W_out                             Vaswani and others 2017, section 3.3
swiglu(x)       = (silu(x W_gate) · (x W_up)) W_down               Shazeer 2020, "GLU Variants"
"""

from __future__ import annotations

from torch import Tensor

from groundup.stack.nn.activations import relu, silu


def feed_forward(x: Tensor, w_in: Tensor, w_out: Tensor) -> Tensor:
    """x (..., dim), w_in (dim, hidden), w_out (hidden, dim); returns (..., dim)."""
    return relu(x @ w_in) @ w_out


def swiglu(x: Tensor, w_gate: Tensor, w_up: Tensor, w_down: Tensor) -> Tensor:
    """x (..., dim), w_gate and w_up (dim, hidden), w_down (hidden, dim); returns (..., dim).

    The gate says, entry by entry, how much of what goes up comes down again.
    """
    return (silu(x @ w_gate) * (x @ w_up)) @ w_down
