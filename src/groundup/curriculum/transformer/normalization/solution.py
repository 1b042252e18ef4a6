"""The norms by their formulas. The stack's own call fused kernels, which do the same in one pass."""

import torch


def _wide(x):
    """x in float32, where it comes in half precision: squares overflow there, and sums lose their last digits."""
    return x if x.dtype == torch.float64 else x.float()


def layer_norm(x, weight, bias, eps=1e-5):
    wide = _wide(x)
    centered = wide - wide.mean(dim=-1, keepdim=True)
    variance = centered.square().mean(dim=-1, keepdim=True)
    result = centered * torch.rsqrt(variance + eps) * weight
    if bias is not None:
        result = result + bias
    return result.to(x.dtype)


def rms_norm(x, weight, eps=1e-5):
    wide = _wide(x)
    mean_square = wide.square().mean(dim=-1, keepdim=True)
    return (wide * torch.rsqrt(mean_square + eps) * weight).to(x.dtype)


def pre_norm(x, norm, sublayer):
    return x + sublayer(norm(x))


def post_norm(x, norm, sublayer):
    return norm(x + sublayer(x))
