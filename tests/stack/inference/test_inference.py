"""Sampling and the cache, against transformers' processors and against running the whole text."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from groundup.stack.inference import (
    KVCache,
    apply_temperature,
    cache_bytes,
    generate,
    generate_cached,
    min_p,
    repetition_penalty,
    top_k,
    top_p,
)
from groundup.stack.models import GPT, GPT2, GPT2Config, Llama, LlamaConfig


def logits(*shape: int) -> Tensor:
    return 3 * torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9, 0.999, 1.0])
def test_top_p_is_transformers(share: float) -> None:
    processors = pytest.importorskip("transformers.generation.logits_process")
    x = logits(6, 40)
    assert torch.equal(top_p(x, share), processors.TopPLogitsWarper(share)(None, x) if share < 1 else x)


@pytest.mark.parametrize("k", [1, 3, 40, 100])
def test_top_k_is_transformers(k: int) -> None:
    processors = pytest.importorskip("transformers.generation.logits_process")
    assert torch.equal(top_k(logits(6, 40), k), processors.TopKLogitsWarper(k)(None, logits(6, 40)))


@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 1.0])
def test_min_p_is_transformers(share: float) -> None:
    processors = pytest.importorskip("transformers.generation.logits_process")
    assert torch.equal(min_p(logits(6, 40), share), processors.MinPLogitsWarper(share)(None, logits(6, 40)))


@pytest.mark.parametrize("penalty", [0.7, 1.0, 1.8])
def test_the_repetition_penalty_is_transformers(penalty: float) -> None:
    processors = pytest.importorskip("transformers.generation.logits_process")
    previous = torch.randint(40, (6, 9), generator=torch.Generator().manual_seed(1))
    previous[:, 0] = previous[:, 1]
    x = logits(6, 40)
    copy = x.clone()
    mine = repetition_penalty(x, previous, penalty)
    assert torch.equal(mine, processors.RepetitionPenaltyLogitsProcessor(penalty)(previous, copy.clone()))
    assert torch.equal(x, copy)


def test_the_crossing_token_stays_and_filters_follow_one_another() -> None:
    shares = torch.tensor([0.1, 0.5, 0.15, 0.25])
    assert top_p(shares.log(), 0.6).isfinite().tolist() == [False, True, False, True]
    assert top_p(shares.log(), 0.01).isfinite().tolist() == [False, True, False, False]
    assert min_p(shares.log(), 0.3).isfinite().tolist() == [False, True, True, True]
    both = top_k(top_p(logits(3, 20), 0.8), 2)
    assert both.isfinite().sum(-1).tolist() == [2, 2, 2]
    assert torch.equal(apply_temperature(logits(2, 5), 0.5), logits(2, 5) / 0.5)
    assert top_k(logits(2, 3, 7), 2).isfinite().sum(-1).eq(2).all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_half_precision_keeps_the_tokens_that_float64_keeps(dtype: torch.dtype, share: float) -> None:
    x = torch.arange(64, dtype=torch.float64).div(16)[torch.randperm(64)] - 3  # exact in both, no two alike
    wanted = top_p(x, share)
    assert wanted.isinf().any()
    half = top_p(x.to(dtype), share)
    assert half.dtype == dtype
    assert torch.equal(half.isinf(), wanted.isinf())
    many = torch.linspace(0.5, 0.4, 4000, dtype=torch.float64).to(dtype)  # nearly equal shares of 1 / 4000
    kept = top_p(many, share).isfinite().double().mean().item()
    assert kept == pytest.approx(share, abs=0.03)
    assert torch.equal(min_p(x.to(dtype), share).isinf(), min_p(x, share).isinf())


def test_all_stay_for_a_share_of_one() -> None:
    x = torch.tensor([40.0, 0.0, -30.0])  # the first share is 1 in float32
    assert torch.equal(top_p(x, 1.0), x)
    assert torch.equal(min_p(x, 0.0), x)


def test_settings_that_make_no_sense_are_refused() -> None:
    x = logits(4)
    for wrong in (
        lambda: apply_temperature(x, 0.0),
        lambda: top_k(x, 0),
        lambda: top_p(x, 0.0),
        lambda: top_p(x, 1.1),
        lambda: min_p(x, -0.1),
        lambda: repetition_penalty(x, torch.tensor([1]), 0.0),
        lambda: apply_temperature(x, math.nan),
    ):
        with pytest.raises(ValueError, match=r"temperature|k must|p must|penalty"):
            wrong()


# ── the cache ────────────────────────────────────────────────────────────────

MODELS: dict[str, Any] = {
    "gpt": lambda: GPT(vocab=31, dim=16, heads=4, layers=3, context=24),
    "gpt2": lambda: GPT2(GPT2Config(vocab=31, context=24, dim=16, layers=3, heads=4)),
    "llama": lambda: Llama(LlamaConfig(vocab=31, dim=16, layers=3, heads=4, kv_heads=2, hidden=24, context=24)),
}


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> Any:
    torch.manual_seed(1)
    made = MODELS[request.param]().double()
    with torch.no_grad():
        for one in made.parameters():
            one.mul_(8 if one.dim() == 2 else 1)
    return made


def test_a_cache_changes_nothing_but_the_work(model: Any) -> None:
    ids = torch.randint(31, (2, 14), generator=torch.Generator().manual_seed(0))
    whole = model(ids)
    cache = model.new_cache(2, 14)
    pieces = [model(ids[:, a:b], cache) for a, b in ((0, 6), (6, 7), (7, 11), (11, 14))]
    torch.testing.assert_close(torch.cat(pieces, dim=1), whole)
    assert cache.length == 14
    with pytest.raises(ValueError, match="room for 14"):
        model(ids[:, :1], cache)


def test_cached_generation_is_plain_generation(model: Any) -> None:
    ids = torch.randint(31, (3, 5), generator=torch.Generator().manual_seed(0))
    plain = generate(model, ids, 9, lambda logits: logits.argmax(-1))
    assert torch.equal(generate_cached(model, ids, 9), plain)
    assert torch.equal(plain[:, :5], ids)
    assert torch.equal(generate_cached(model, ids, 0), ids)
    with pytest.raises(ValueError, match="context"):
        model(torch.zeros(1, 25, dtype=torch.long))


def test_the_cache_holds_what_it_is_given() -> None:
    cache = KVCache(layers=2, batch=1, kv_heads=3, length=5, head_dim=4)
    k, v = logits(1, 3, 2, 4), logits(1, 3, 2, 4) + 1
    assert cache.length == 0
    cache.update(0, k, v)
    assert cache.length == 0  # the other layer does not hold them yet
    keys, values = cache.update(1, k, v)
    assert cache.length == 2
    assert torch.equal(keys, k)
    assert torch.equal(values, v)
    more, _ = cache.update(1, k[:, :, :1], v[:, :, :1])
    assert torch.equal(more, torch.cat((k, k[:, :, :1]), dim=2))
    with pytest.raises(ValueError, match="room for 5 positions, and 6"):
        cache.update(1, torch.zeros(1, 3, 3, 4), torch.zeros(1, 3, 3, 4))


def test_its_size_is_what_it_weighs() -> None:
    config = LlamaConfig(vocab=8, dim=16, layers=3, heads=4, kv_heads=2, hidden=8)
    cache = Llama(config).new_cache(batch=5, length=7)
    weight = sum(one.numel() * one.element_size() for one in cache.keys + cache.values)
    assert cache_bytes(config, batch=5, length=7, bytes_per_value=4) == weight
