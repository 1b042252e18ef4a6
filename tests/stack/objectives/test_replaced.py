"""What the generator draws, and what the discriminator is asked about it."""

from __future__ import annotations

import pytest
import torch

from groundup.stack.objectives import replace_tokens


def test_only_masked_places_change_and_a_right_guess_is_no_replacement() -> None:
    ids = torch.tensor([[3, 4, 5, 6], [7, 8, 9, 3]])
    masked = torch.tensor([[False, True, True, False], [True, False, False, False]])
    logits = torch.full((2, 4, 10), -1e9)
    logits[..., 4] = 0.0  # nothing but token 4 is ever drawn
    corrupted, replaced = replace_tokens(ids, masked, logits)
    assert corrupted.tolist() == [[3, 4, 4, 6], [4, 8, 9, 3]]
    assert replaced.tolist() == [[0, 0, 1, 0], [1, 0, 0, 0]], "the 4 that was drawn where a 4 stood is the text's own"
    assert ids[0, 2] == 5, "the text itself is left as it is"
    assert torch.equal(replace_tokens(ids, torch.zeros_like(masked), logits)[0], ids)


def test_tokens_are_drawn_from_the_softmax() -> None:
    logits = torch.tensor([0.0, 1.0, 2.0]).log_softmax(-1)
    ids, masked = torch.zeros(1, 20000, dtype=torch.int64), torch.ones(1, 20000, dtype=torch.bool)
    given = logits.expand(1, 20000, 3)
    drawn, _ = replace_tokens(ids, masked, given, torch.Generator().manual_seed(0))
    again, _ = replace_tokens(ids, masked, given, torch.Generator().manual_seed(0))
    assert torch.equal(drawn, again)
    shares = drawn.flatten().bincount(minlength=3) / 20000
    deviation = (logits.exp() * (1 - logits.exp()) / 20000).sqrt()
    assert ((shares - logits.exp()).abs() < 6.5 * deviation).all()  # beyond that once in 10^10


def test_no_gradient_goes_through_a_draw_and_shapes_are_checked() -> None:
    logits = torch.randn(1, 3, 5, requires_grad=True)
    corrupted, replaced = replace_tokens(torch.zeros(1, 3, dtype=torch.int64), torch.ones(1, 3).bool(), logits)
    assert not corrupted.requires_grad
    assert not replaced.requires_grad
    with pytest.raises(ValueError, match=r"got \(1, 3\), \(1, 4\) and \(1, 3, 5\)"):
        replace_tokens(torch.zeros(1, 3), torch.ones(1, 4).bool(), logits)
