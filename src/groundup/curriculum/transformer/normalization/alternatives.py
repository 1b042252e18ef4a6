"""Right answers in other styles than the reference's: all of them must pass."""

import numpy as np
import torch

from groundup.authoring import replaces

# ── layer_norm ──


@replaces("layer_norm")
def layer_norm_by_var(x, weight, bias, eps=1e-5):
    """PyTorch's var and mean, then one division."""
    wide = x.double() if x.dtype == torch.float64 else x.float()
    variance, mean = torch.var_mean(wide, dim=-1, correction=0, keepdim=True)
    out = (wide - mean) / torch.sqrt(variance + eps)
    out = out * weight.to(wide.dtype)
    if bias is not None:
        out = out + bias.to(wide.dtype)
    return out.to(x.dtype)


@replaces("layer_norm")
def layer_norm_by_loops(x, weight, bias, eps=1e-5):
    """One vector after the other."""
    rows = []
    for row in x.reshape(-1, x.shape[-1]):
        row = row.to(torch.promote_types(x.dtype, torch.float32))
        mean = sum(row) / len(row)
        variance = sum((entry - mean) ** 2 for entry in row) / len(row)
        row = (row - mean) / (variance + eps) ** 0.5 * weight
        rows.append((row if bias is None else row + bias).to(x.dtype))
    return torch.stack(rows).reshape(x.shape)


@replaces("layer_norm")
def layer_norm_by_a_matrix(x, weight, bias, eps=1e-5):
    """Subtracting the mean is a projection: a product with the identity less 1 / dim everywhere."""
    dim = x.shape[-1]
    wide = x if x.dtype == torch.float64 else x.to(torch.float32)
    # The first entry is taken off beforehand, so that the product has no large numbers to cancel.
    near = wide - wide[..., :1]
    centered = near @ (torch.eye(dim, dtype=wide.dtype) - 1.0 / dim)
    length = torch.linalg.vecdot(centered, centered).unsqueeze(-1)
    out = centered / (length / dim + eps).sqrt()
    return torch.addcmul(bias if bias is not None else torch.zeros_like(weight), out.to(x.dtype), weight)


@replaces("layer_norm")
def layer_norm_in_double(x, weight, bias, eps=1e-5):
    """All in float64, in place on a copy as far as autograd allows."""
    out = x.double().clone()
    out = out.sub(out.mean(-1, keepdim=True))
    out = out / (out.pow(2).mean(-1).add(eps)[..., None].pow(0.5))
    out = out.mul(weight.double())
    return (out if bias is None else out.add(bias.double())).type(x.dtype)


# ── rms_norm ──


@replaces("rms_norm")
def rms_norm_by_length(x, weight, eps=1e-5):
    """The length of each vector, computed as a dot product with itself."""
    wide = x if x.dtype == torch.float64 else x.float()
    squares = torch.einsum("...i,...i->...", wide, wide) / x.shape[-1]
    return (wide / torch.sqrt(squares + eps).unsqueeze(-1) * weight).to(x.dtype)


@replaces("rms_norm")
def rms_norm_as_llama_does(x, weight, eps=1e-5):
    """The normalized vector returns to its own dtype before the weight."""
    wide = x.to(torch.float32) if x.dtype in (torch.float16, torch.bfloat16) else x
    wide = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + eps)
    return weight * wide.to(x.dtype)


@replaces("rms_norm")
def rms_norm_by_loops(x, weight, eps=1e-5):
    """One vector after the other."""
    out = []
    for place in np.ndindex(*x.shape[:-1]):
        vector = x[place].double()
        mean_square = sum(entry * entry for entry in vector) / len(vector)
        out.append((vector / (mean_square + eps).sqrt() * weight).to(x.dtype))
    return torch.stack(out).view(x.shape)


@replaces("rms_norm")
def rms_norm_by_logarithms(x, weight, eps=1e-5):
    """The factor is an exponential of half a logarithm."""
    wide = x.double()
    factor = torch.exp(-0.5 * torch.log(wide.square().sum(-1, keepdim=True) / wide.size(-1) + eps))
    return (wide * factor * weight.double()).to(x.dtype)


# ── pre_norm and post_norm ──


@replaces("pre_norm")
def pre_norm_in_steps(x, norm, sublayer):
    residual = x
    y = norm(x)
    y = sublayer(y)
    return y + residual


@replaces("pre_norm")
def pre_norm_by_add(x, norm, sublayer):
    return torch.add(sublayer(norm(x)), x)


@replaces("pre_norm")
def pre_norm_by_stack(x, norm, sublayer):
    """Both ways side by side, summed."""
    return torch.stack([x, sublayer(norm(x))]).sum(dim=0)


@replaces("post_norm")
def post_norm_in_steps(x, norm, sublayer):
    residual = x.clone()
    branch = sublayer(x)
    total = branch + residual
    return norm(total)


@replaces("post_norm")
def post_norm_by_add(x, norm, sublayer):
    return norm(torch.add(x, sublayer(x)))


@replaces("post_norm")
def post_norm_by_lerp(x, norm, sublayer):
    """Twice the middle between x and what the sublayer makes of it."""
    return norm(2 * torch.lerp(x, sublayer(x), 0.5))
