"""Contrastive losses against their formulas, term by term, against transformers' CLIP, and their gradients."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from groundup.stack.objectives import clip_loss, info_nce, simcse_loss, supervised_contrastive


def vectors(seed: int, n: int = 5, dim: int = 7) -> Tensor:
    made = torch.randn(n, dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return made.requires_grad_()


def cosine(one: Tensor, other: Tensor) -> float:
    a, b = one.detach().numpy(), other.detach().numpy()
    return float(a @ b / math.sqrt(a @ a) / math.sqrt(b @ b))


@pytest.mark.parametrize("extra", [0, 3])
@pytest.mark.parametrize("temperature", [0.05, 1.0])
def test_info_nce_is_its_formula(extra: int, temperature: float) -> None:
    queries, keys, more = vectors(0), vectors(1), vectors(2, 3)
    expected = 0.0
    for i in range(5):
        scores = [cosine(queries[i], one) / temperature for one in [*keys, *list(more)[:extra]]]
        expected += (math.log(sum(math.exp(one) for one in scores)) - scores[i]) / 5
    loss = info_nce(queries, keys, temperature, more[:extra] if extra else None)
    assert loss.item() == pytest.approx(expected, abs=1e-12)
    if extra:
        assert simcse_loss(queries, keys, temperature, more).item() == pytest.approx(expected, abs=1e-12)
    assert torch.autograd.gradcheck(lambda q, k, m: info_nce(q, k, temperature, m), (queries, keys, more))


def test_only_directions_count_and_the_right_order_is_best() -> None:
    queries = vectors(0)
    assert info_nce(queries * 3, queries * 0.1).item() == pytest.approx(info_nce(queries, queries).item(), abs=1e-12)
    right = info_nce(queries, queries)
    assert right < info_nce(queries, queries.roll(1, 0))
    same = torch.ones(5, 7, dtype=torch.float64)
    assert info_nce(same, same).item() == pytest.approx(math.log(5)), "chance, where all look alike"


def test_clip_loss_is_that_of_transformers_with_gradients() -> None:
    clip = pytest.importorskip("transformers.models.clip.modeling_clip")
    grads: list[list[Tensor]] = []
    losses = []

    def theirs(images: Tensor, texts: Tensor, scale: Tensor) -> Any:
        images, texts = (one / clip._get_vector_norm(one) for one in (images, texts))
        return clip.image_text_contrastive_loss(texts @ images.T * scale.exp())

    for loss in (clip_loss, theirs):
        given = [vectors(3), vectors(4), torch.tensor(math.log(1 / 0.07), dtype=torch.float64, requires_grad=True)]
        value = loss(*given)
        value.backward()
        losses.append(value)
        grads.append([one.grad for one in given if one.grad is not None])
    torch.testing.assert_close(losses[0], losses[1], rtol=0, atol=1e-12)
    assert len(grads[0]) == 3
    for one, other in zip(*grads, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


def test_clip_is_symmetric_and_its_scale_ends_at_100() -> None:
    images, texts = vectors(3), vectors(4)
    scale = torch.tensor(1.3, dtype=torch.float64)
    torch.testing.assert_close(clip_loss(images, texts, scale), clip_loss(texts, images, scale), rtol=0, atol=1e-12)
    both = (info_nce(images, texts, 1 / scale.exp()) + info_nce(texts, images, 1 / scale.exp())) / 2
    torch.testing.assert_close(clip_loss(images, texts, scale), both, rtol=0, atol=1e-12)
    top, beyond = (torch.tensor(math.log(one), dtype=torch.float64, requires_grad=True) for one in (100.0, 500.0))
    loss = clip_loss(images, texts, beyond)
    torch.testing.assert_close(loss, clip_loss(images, texts, top), rtol=0, atol=1e-10)
    loss.backward()
    assert beyond.grad == 0


def test_supervised_contrastive_is_its_formula() -> None:
    features, labels, temperature = vectors(5, 6), [0, 1, 0, 2, 1, 0], 0.3
    losses = []
    for i in range(6):
        fellows = [p for p in range(6) if p != i and labels[p] == labels[i]]
        if fellows:
            score = {a: cosine(features[i], features[a]) / temperature for a in range(6) if a != i}
            total = math.log(sum(math.exp(one) for one in score.values()))
            losses.append(sum(total - score[p] for p in fellows) / len(fellows))
    assert len(losses) == 5, "the only one of its class has no fellow and no loss"
    found = supervised_contrastive(features, torch.tensor(labels), temperature)
    assert found.item() == pytest.approx(float(np.mean(losses)), abs=1e-12)
    assert torch.autograd.gradcheck(lambda x: supervised_contrastive(x, torch.tensor(labels), temperature), features)
    alone = supervised_contrastive(features, torch.arange(6))
    alone.backward()
    assert alone == 0
    assert torch.equal(features.grad, torch.zeros_like(features)), "zero, not NaN"
    one = features[:1].detach().requires_grad_()
    supervised_contrastive(one, torch.tensor([0])).backward()
    assert one.grad is not None
    assert torch.equal(one.grad, torch.zeros_like(one)), "nor of a batch of one"


def test_shapes_are_checked() -> None:
    with pytest.raises(ValueError, match=r"got \(5, 7\) and \(4, 7\)"):
        info_nce(vectors(0), vectors(1, 4))
    with pytest.raises(ValueError, match=r"got \(5, 7\) and \(5, 6\)"):
        clip_loss(vectors(0), vectors(1, 5, 6), torch.tensor(0.0))
    with pytest.raises(ValueError, match=r"keys \(m, dim\): got \(5, 7\) and \(2, 6\)"):
        info_nce(vectors(0), vectors(1), negatives=vectors(2, 2, 6))
    with pytest.raises(ValueError, match=r"got \(5, 7\), \(4,\)"):
        supervised_contrastive(vectors(0), torch.zeros(4))
