"""Replaced-token detection: a small model fills masked places, a large one tells which tokens are not the text's own.

    text ── some places masked ──► generator's logits ── draw ──► corrupted text ──► 1 where it is not the text

Clark and others, "ELECTRA: Pre-training Text Encoders as Discriminators Rather Than Generators" (2020), section 2. A
token that the generator happens to guess right is the text's own and counts as such.
"""

from __future__ import annotations

import torch
from torch import Tensor


@torch.no_grad()
def replace_tokens(
    ids: Tensor, masked: Tensor, logits: Tensor, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """The text with tokens drawn at its masked places, and where it differs now; both (batch, n), integers.

    ids (batch, n) is the text itself, masked (batch, n) is True where a token is drawn from the softmax of logits
    (batch, n, vocab). No gradient goes through a draw. Raises ValueError where the shapes do not fit.
    """
    if masked.shape != ids.shape or logits.shape[:-1] != ids.shape:
        raise ValueError(
            "ids (batch, n), masked (batch, n) and logits (batch, n, vocab) must fit: got "
            f"{tuple(ids.shape)}, {tuple(masked.shape)} and {tuple(logits.shape)}"
        )
    corrupted = ids.clone()
    if masked.any():
        shares = torch.softmax(logits[masked].float(), dim=-1)
        corrupted[masked] = torch.multinomial(shares, 1, generator=generator)[:, 0]
    return corrupted, (corrupted != ids).to(torch.int64)
