"""Both of ELECTRA's models in training: what is shared, where gradients go, that it learns."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from groundup.stack.models import electra
from groundup.stack.models.output import IGNORED, binary_loss, label_loss
from groundup.stack.objectives import replace_tokens

SIZES = {"vocab": 40, "layers": 2, "heads": 2, "context": 16, "width": 8, "dropout": 0.0, "attention_dropout": 0.0}


def both(**more: int) -> electra.Electra:
    torch.manual_seed(0)
    generator = electra.MaskedLM(electra.ElectraConfig(dim=12, hidden=16, **SIZES))
    return electra.Electra(
        generator, electra.ReplacedTokenDetector(electra.ElectraConfig(dim=16, hidden=32, **SIZES | more))
    )


def batch(count: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    """Texts that count upward, a fifth of their tokens masked."""
    draw = torch.Generator().manual_seed(1)
    texts = (torch.randint(5, 25, (count, 1), generator=draw) + torch.arange(12)).clamp(max=39)
    masked = torch.rand(texts.shape, generator=draw) < 0.2
    return torch.where(masked, 4, texts), torch.where(masked, texts, IGNORED)


def test_the_loss_is_that_of_both_and_the_draw_is_repeatable() -> None:
    model = both()
    ids, labels = batch()
    output = model(ids, labels, draw=torch.Generator().manual_seed(5))
    filled = model.generator(ids, labels=labels)
    text = torch.where(labels != IGNORED, labels, ids)
    corrupted, replaced = replace_tokens(text, labels != IGNORED, filled.logits, torch.Generator().manual_seed(5))
    judged = model.discriminator(corrupted, labels=replaced)
    torch.testing.assert_close(
        output.loss, label_loss(filled.logits, labels) + 50 * binary_loss(judged.logits, replaced)
    )
    assert output.logits.shape == ids.shape


def test_embeddings_are_shared_and_the_discriminator_does_not_teach_the_generator() -> None:
    model = both()
    assert model.generator.encoder.tokens is model.discriminator.encoder.tokens
    ids, labels = batch()
    judged = model.discriminator(ids, labels=(labels != IGNORED).to(torch.int64))
    judged.loss.backward()
    own = {name: one for name, one in model.generator.named_parameters() if "blocks" in name or "words" in name}
    assert own
    assert all(one.grad is None for one in own.values())
    assert model.generator.encoder.tokens.weight.grad is not None
    with pytest.raises(ValueError, match="width must be the same: 8 and 16"):
        both(width=16)


def test_training_lowers_both_losses() -> None:
    model = both()
    ids, labels = batch(32)
    draw = torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    before = model.generator(ids, labels=labels).loss.item()
    first = last = 0.0
    for step in range(60):
        output = model(ids, labels, draw=draw)
        optimizer.zero_grad()
        output.loss.backward()
        optimizer.step()
        first, last = (output.loss.item(), last) if step == 0 else (first, output.loss.item())
    assert last < 0.7 * first
    assert model.generator(ids, labels=labels).loss.item() < 0.9 * before


def test_each_writes_a_checkpoint_of_its_own(tmp_path: Path) -> None:
    model = both()
    model.generator.save_pretrained(tmp_path / "generator")
    model.discriminator.save_pretrained(tmp_path / "discriminator")
    ids, _ = batch()
    again = electra.ReplacedTokenDetector.from_pretrained(tmp_path / "discriminator")
    assert torch.equal(again(ids).logits, model.discriminator(ids).logits)
    assert torch.equal(
        electra.MaskedLM.from_pretrained(tmp_path / "generator")(ids).logits, model.generator(ids).logits
    )
    fine = electra.SequenceClassifier.from_pretrained(tmp_path / "discriminator", labels=3)
    assert torch.equal(fine(ids).hidden, model.discriminator(ids).hidden)


def test_padding_and_ignored_places_do_not_count() -> None:
    logits = torch.randn(2, 5, requires_grad=True)
    labels = torch.tensor([[1, 0, 1, IGNORED, IGNORED], [0, 0, 1, 1, 0]])
    loss = binary_loss(logits, labels)
    counted = labels != IGNORED
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logits[counted], labels[counted].float())
    torch.testing.assert_close(loss, expected)
    loss.backward()
    assert not logits.grad[~counted].any()
    assert binary_loss(logits, torch.full((2, 5), IGNORED)) == 0
    with pytest.raises(ValueError, match=r"labels must be \(2, 5\)"):
        binary_loss(logits, labels[:, :4])
