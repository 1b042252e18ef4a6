"""Right answers in other styles than the reference's: all of them must pass."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from groundup.authoring import replaces

# ── feed_forward ──


@replaces("feed_forward")
def feed_forward_by_linear(x, w_in, w_out):
    """PyTorch's linear takes (out, in): hence the transposes."""
    hidden = functional.relu(functional.linear(x, w_in.T), inplace=True)
    return functional.linear(hidden, w_out.T)


@replaces("feed_forward")
def feed_forward_by_einsum(x, w_in, w_out):
    hidden = torch.einsum("...d,dh->...h", x, w_in).clamp(min=0)
    return torch.einsum("...h,hd->...d", hidden, w_out)


@replaces("feed_forward")
def feed_forward_as_a_memory(x, w_in, w_out):
    """Unit by unit: how well the vector matches the unit's pattern, and that much of what the unit writes."""
    out = torch.zeros_like(x)
    for pattern, written in zip(w_in.unbind(1), w_out.unbind(0)):
        match = (x * pattern).sum(dim=-1, keepdim=True)
        out = out + torch.where(match > 0, match, 0.0) * written
    return out


@replaces("feed_forward")
def feed_forward_by_loops(x, w_in, w_out):
    """One position at a time, from the active units only, in float64."""
    rows = []
    for place in np.ndindex(*x.shape[:-1]):
        hidden = w_in.T.double() @ x[place].double()
        active = hidden > 0
        rows.append(hidden[active] @ w_out.double()[active])
    return torch.stack(rows).reshape(x.shape).to(x.dtype)


@replaces("feed_forward")
def feed_forward_by_a_mask(x, w_in, w_out):
    hidden = torch.matmul(x, w_in)
    return torch.matmul(hidden * (hidden > 0), w_out)


# ── swiglu ──


@replaces("swiglu")
def swiglu_by_linear(x, w_gate, w_up, w_down):
    gate, up = (functional.linear(x, weight.T) for weight in (w_gate, w_up))
    return functional.linear(functional.silu(gate) * up, w_down.T)


@replaces("swiglu")
def swiglu_by_one_product(x, w_gate, w_up, w_down):
    """Both wide matrices side by side, one product, cut in two afterwards: as many models do for speed."""
    gate, up = (x @ torch.cat([w_gate, w_up], dim=1)).chunk(2, dim=-1)
    return (nn.SiLU()(gate) * up) @ w_down


@replaces("swiglu")
def swiglu_by_tanh(x, w_gate, w_up, w_down):
    """The logistic function is a shifted and squeezed tanh, which cannot overflow either."""
    gate = torch.einsum("...d,dh->...h", x, w_gate)
    share = 0.5 * (1.0 + torch.tanh(gate / 2))
    return torch.einsum("...h,...h,hd->...d", gate * share, x @ w_up, w_down)


@replaces("swiglu")
def swiglu_by_loops(x, w_gate, w_up, w_down):
    """Unit by unit, in float64."""
    wide = x.double()
    out = torch.zeros_like(wide)
    for gate_of, up_of, down_of in zip(w_gate.double().T, w_up.double().T, w_down.double()):
        gate, up = (wide * gate_of).sum(-1, keepdim=True), (wide * up_of).sum(-1, keepdim=True)
        out = out + functional.silu(gate) * up * down_of
    return out.to(x.dtype)


@replaces("swiglu")
def swiglu_in_place_on_its_own(x, w_gate, w_up, w_down):
    """The product is written into the tensor of the up branch, which nobody else needs."""
    up = x @ w_up
    up *= functional.silu(x @ w_gate)
    return up @ w_down
