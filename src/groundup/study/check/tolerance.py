"""How far apart two right answers may lie: rounding explained by dtype and length of sums, never an absolute number.

Two right programs differ because they round in different places. With unit roundoff eps, a sum of n terms in any order
is off by at most n · eps · Σ|terms|, and by about sqrt(n) · eps for errors that do not conspire (Higham, *Accuracy and
Stability of Numerical Algorithms*, 2002, sections 3.1 and 4.2). So the tolerance is

    eps(dtype) × SAFETY × sqrt(reduction) × conditioning × scale

with ``scale`` the largest finite magnitude in the expected tensor: a result all of whose entries are tiny is held to
that tiny scale, and zeros never pass for a softmax. SAFETY covers the few operations around the longest sum (an
exponential multiplies the error of its argument by that argument). It is 32 in float32 and float64, ten times and more
what the alternatives of the topics were seen to need, and 4 in half precision, whose kernels accumulate in float32 and
round only at the end. Whatever is asked for, nothing beyond CEILING of the scale is accepted: that would be an
order of magnitude and not a value.

One number has no neighbours that show its scale, and a sum of positive and negative terms may come out near zero by
chance. The judge therefore passes the *usual* scale, that of the same result for other seeds, and the greater counts.

What this does not do: it knows nothing of ill-conditioned problems; a case states those with ``conditioning`` and why.
"""

from __future__ import annotations

import math

import torch

SAFETY = 32.0
SAFETY_HALF = 4.0
CEILING = 1 / 16
_FULL = (torch.float32, torch.float64)


def real_dtype(dtype: torch.dtype) -> torch.dtype:
    """The dtype of the parts of a complex number; a real one itself."""
    return dtype.to_real() if dtype.is_complex else dtype


def epsilon(dtype: torch.dtype | None) -> float:
    """The spacing at 1 of a floating dtype; 0 for whole numbers; float32's for a Python number (None).

    A Python number may have come out of a float32 tensor by ``.item()``, and nothing says so.
    """
    if dtype is None:
        return torch.finfo(torch.float32).eps
    if not (dtype.is_floating_point or dtype.is_complex):
        return 0.0
    return torch.finfo(real_dtype(dtype)).eps


def relative(
    expected: torch.dtype | None,
    returned: torch.dtype | None = None,
    *,
    reduction: int = 1,
    conditioning: float = 1.0,
) -> float:
    """The tolerance as a share of the scale.

    Where a case leaves the dtype free, the coarser of the two counts, but an answer can loosen its own tolerance no
    further than to float32's.
    """
    eps = epsilon(expected)
    if returned is not None:
        eps = max(eps, min(epsilon(returned), epsilon(torch.float32)))
    half = expected is not None and expected.is_floating_point and real_dtype(expected) not in _FULL
    safety = SAFETY_HALF if half else SAFETY
    return min(eps * safety * math.sqrt(max(reduction, 1)) * conditioning, CEILING)


def scale(expected: torch.Tensor) -> float:
    """The largest finite magnitude; 0 for a tensor of zeros or without finite entries."""
    if expected.numel() == 0:
        return 0.0
    magnitudes = expected.detach().to(torch.complex128 if expected.is_complex() else torch.float64).abs()
    largest = float(magnitudes.max())
    if math.isfinite(largest):
        return largest
    finite = magnitudes[torch.isfinite(magnitudes)]
    return float(finite.max()) if finite.numel() else 0.0
