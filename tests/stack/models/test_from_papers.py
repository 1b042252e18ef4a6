"""GPT-3 and PaLM, which transformers lacks: against NumPy written from the papers alone, gradients by differences."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from groundup.stack.inference import generate, generate_cached
from groundup.stack.models.checkpoints import CheckpointError
from groundup.stack.models.families import load
from groundup.stack.models.gpt2 import GPT2, GPT2Config
from groundup.stack.models.gpt3 import GPT3, GPT3Config, alternating
from groundup.stack.models.palm import PaLM, PaLMConfig

Array = NDArray[np.float64]
N = 13
PALM = PaLMConfig(vocab=61, dim=24, layers=3, heads=4, head_dim=10, hidden=40, context=32, theta=500.0)
GPT_3 = GPT3Config(vocab=61, context=32, dim=24, layers=3, heads=4, hidden=40, windows=alternating(3, 4))


# ── the papers ───────────────────────────────────────────────────────────────


def layer_norm(x: Array, weight: Array, bias: Array | float, eps: float) -> Array:
    centered = x - x.mean(-1, keepdims=True)
    result: Array = centered / np.sqrt((centered**2).mean(-1, keepdims=True) + eps) * weight + bias
    return result


def attend(q: Array, k: Array, v: Array, seen: NDArray[np.bool_]) -> Array:
    """One head: q, k, v (n, d), seen (n, n)."""
    scores = np.where(seen, q @ k.T / math.sqrt(q.shape[1]), -np.inf)
    weights = np.exp(scores - scores.max(1, keepdims=True))
    result: Array = weights / weights.sum(1, keepdims=True) @ v
    return result


def of_block(weights: dict[str, Array], layer: int) -> dict[str, Array]:
    prefix = f"blocks.{layer}."
    return {name.removeprefix(prefix): one for name, one in weights.items() if name.startswith(prefix)}


def gpt3_logits(weights: dict[str, Array], ids: list[int]) -> Array:
    """Layers 0 and 2 are dense, layer 1 sees a band of 4, itself in it."""
    n, dim, heads = len(ids), 24, 4
    query, key = np.arange(n)[:, None], np.arange(n)[None]
    dense = key <= query
    band = dense & (query - key < 4)
    x = weights["embedding.weight"][ids] + weights["positions.weight"][:n]
    for layer in range(3):
        w = of_block(weights, layer)
        y = layer_norm(x, w["attention_norm.weight"], w["attention_norm.bias"], 1e-5)
        q, k, v = np.split(y @ w["qkv.weight"].T + w["qkv.bias"], 3, axis=1)
        width = dim // heads
        parts = [slice(head * width, (head + 1) * width) for head in range(heads)]
        together = np.concatenate([attend(q[:, p], k[:, p], v[:, p], band if layer == 1 else dense) for p in parts], 1)
        x = x + together @ w["o.weight"].T + w["o.bias"]
        y = layer_norm(x, w["feed_norm.weight"], w["feed_norm.bias"], 1e-5)
        up = y @ w["up.weight"].T + w["up.bias"]
        gelu = up / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (up + 0.044715 * up**3)))
        x = x + gelu @ w["down.weight"].T + w["down.bias"]
    result: Array = layer_norm(x, weights["norm.weight"], weights["norm.bias"], 1e-5) @ weights["embedding.weight"].T
    return result


def turned(x: Array, theta: float) -> Array:
    """x (n, d): the pair (i, i + d/2) of position p turned by p theta^(-2i/d)."""
    half = x.shape[1] // 2
    z = x[:, :half] + 1j * x[:, half:]
    # The angles are single precision in the library, as in the checkpoints of every family with rotary positions.
    rates = np.float32(1) / np.float32(theta) ** (np.arange(half, dtype=np.float32) / np.float32(half))
    angles = np.arange(len(x), dtype=np.float32)[:, None] * rates
    z = z * (np.cos(angles).astype(np.float64) + 1j * np.sin(angles).astype(np.float64))
    return np.concatenate([z.real, z.imag], 1)


def palm_logits(weights: dict[str, Array], ids: list[int]) -> Array:
    """y = x + MLP(LayerNorm(x)) + Attention(LayerNorm(x)), one key and value head, no biases; scores over √dim."""
    n = len(ids)
    seen = np.tril(np.ones((n, n), dtype=bool))
    x = weights["embedding.weight"][ids]
    for layer in range(3):
        w = of_block(weights, layer)
        y = layer_norm(x, w["norm.weight"], 0.0, 1e-6)
        k, v = turned(y @ w["k.weight"].T, 500.0), y @ w["v.weight"].T
        queries = np.split(y @ w["q.weight"].T, 4, axis=1)
        attention = np.concatenate([attend(turned(q, 500.0), k, v, seen) for q in queries], 1) @ w["o.weight"].T
        gate = y @ w["gate.weight"].T
        mlp = (gate / (1 + np.exp(-gate)) * (y @ w["up.weight"].T)) @ w["down.weight"].T
        x = x + mlp + attention
    result: Array = layer_norm(x, weights["norm.weight"], 0.0, 1e-6) @ weights["embedding.weight"].T / math.sqrt(24)
    return result


def loss_of(logits: Array, ids: list[int]) -> float:
    shifted = logits[:-1] - logits[:-1].max(1, keepdims=True)
    chosen = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    return float(-chosen[np.arange(len(ids) - 1), ids[1:]].mean())


# ── and ours ─────────────────────────────────────────────────────────────────

FAMILIES: dict[str, tuple[Any, Any, Callable[[dict[str, Array], list[int]], Array]]] = {
    "gpt3": (GPT3, GPT_3, gpt3_logits),
    "palm": (PaLM, PALM, palm_logits),
}


def made(name: str) -> Any:
    family, config, _ = FAMILIES[name]
    torch.manual_seed(0)
    model = family(config)
    with torch.no_grad():
        for one in model.parameters():
            one.add_(torch.randn_like(one) * 0.2)
    return model


def as_arrays(model: Any) -> dict[str, Array]:
    return {name: one.detach().double().numpy().copy() for name, one in model.state_dict().items()}


@pytest.fixture(params=FAMILIES)
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Any, Callable[..., Array], dict[str, Array]]:
    """Ours in double precision, through its file; the paper's computation; its weights."""
    model = made(request.param)
    model.save_pretrained(tmp_path)
    return load(tmp_path, dtype=torch.float64), FAMILIES[request.param][2], as_arrays(model)


def tokens(*shape: int) -> torch.Tensor:
    return torch.randint(61, shape, generator=torch.Generator().manual_seed(3))


def test_logits_and_loss_are_the_papers(pair: tuple[Any, Callable[..., Array], dict[str, Array]]) -> None:
    ours, paper, weights = pair
    ids = tokens(2, N)
    mine = ours(ids, labels=ids)
    expected = np.stack([paper(weights, row) for row in ids.tolist()])
    # Sines and cosines of single precision may differ in the last digit from one library to the other.
    atol = 1e-6 if paper is palm_logits else 1e-9
    np.testing.assert_allclose(mine.logits.detach().numpy(), expected, rtol=0, atol=atol)
    loss = np.mean([loss_of(one, row) for one, row in zip(expected, ids.tolist(), strict=True)])
    assert mine.loss.item() == pytest.approx(loss, abs=atol)


def test_every_gradient_is_that_of_differences(pair: tuple[Any, Callable[..., Array], dict[str, Array]]) -> None:
    ours, paper, weights = pair
    ids = tokens(1, N)
    ours(ids, labels=ids).loss.backward()
    row, draw, step = ids[0].tolist(), np.random.default_rng(0), 1e-5
    found = dict(ours.model.named_parameters())
    assert found.keys() == weights.keys()
    for name, one in found.items():
        direction = draw.standard_normal(one.shape)
        ends = [
            loss_of(paper({**weights, name: weights[name] + sign * step * direction}, row), row) for sign in (1, -1)
        ]
        slope = float((one.grad.numpy() * direction).sum())
        assert slope == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=2e-5, abs=1e-7), name
        assert abs(slope) > 1e-5, f"{name} would be right with a gradient of nothing"


def test_padding_is_not_seen(pair: tuple[Any, Callable[..., Array], dict[str, Array]]) -> None:
    ours, _, _ = pair
    ids, kept = tokens(2, N), torch.ones(2, N, dtype=torch.int64)
    kept[1, 8:] = 0
    whole = ours(ids[:1]).hidden
    padded = ours(ids, attention_mask=kept).hidden
    torch.testing.assert_close(padded[:1], whole, rtol=0, atol=1e-12)
    torch.testing.assert_close(padded[1:, :8], ours(ids[1:, :8]).hidden, rtol=0, atol=1e-12)
    kept[0, 2] = 0  # a hole: nobody sees it, and all that see far enough change
    changed = ids.clone()
    changed[0, 2] = (changed[0, 2] + 1) % 61
    one, two = (ours(text, attention_mask=kept).hidden[0] for text in (ids, changed))
    others = [place for place in range(N) if place != 2]
    assert torch.equal(one[others], two[others])
    assert not torch.isclose(one[3:], whole[0, 3:]).all(-1).any()


def test_a_cache_changes_nothing_and_generates_the_same(
    pair: tuple[Any, Callable[..., Array], dict[str, Array]],
) -> None:
    ours, _, _ = pair
    ids = tokens(2, N)
    whole = ours(ids).logits
    for cuts in ((0, 3, 4, 5, 9, N), tuple(range(N + 1))):
        cache = ours.new_cache(2, N)
        parts = [ours(ids[:, a:b], cache=cache).logits for a, b in pairwise(cuts)]
        torch.testing.assert_close(torch.cat(parts, 1), whole, rtol=0, atol=1e-12)
    plain = generate(ours.model, ids[:, :3], 12, lambda logits: logits.argmax(-1))
    assert torch.equal(generate_cached(ours.model, ids[:, :3], 12), plain)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_file_gives_the_model_back_bit_for_bit(name: str, tmp_path: Path) -> None:
    model = made(name)
    model.save_pretrained(tmp_path)
    again = load(tmp_path).model
    assert type(again) is type(model)
    assert again.config == model.config
    assert again.state_dict().keys() == model.state_dict().keys()
    assert all(torch.equal(one, again.state_dict()[key]) for key, one in model.state_dict().items())
    assert torch.equal(again(tokens(2, N)), model(tokens(2, N)))
    with pytest.raises(ValueError, match="33 tokens, the context of this model 32"):
        model(tokens(1, 33))


@pytest.mark.parametrize(("name", "key"), [("gpt3", "transformer.h.1.mlp.c_fc.weight"), ("palm", "blocks.1.up.weight")])
def test_a_wrong_checkpoint_names_key_and_shapes(name: str, key: str, tmp_path: Path) -> None:
    made(name).save_pretrained(tmp_path)
    file = tmp_path / "model.safetensors"
    whole = load_file(file)
    save_file({one: tensor for one, tensor in whole.items() if one != key}, file)
    with pytest.raises(CheckpointError, match=r"blocks\.1\.up\.weight \(40, 24\) is missing"):
        load(tmp_path)
    save_file({**whole, key: torch.zeros(7, 7)}, file)
    with pytest.raises(CheckpointError, match=r"has shape \(7, 7\), and should have \(40, 24\)"):
        load(tmp_path)
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match=r"model\.safetensors cannot be read"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("name", "setting", "value"),
    [
        ("palm", "num_key_value_heads", 2), ("palm", "hidden_act", "gelu"), ("palm", "tie_word_embeddings", False),
        ("palm", "use_bias", True), ("gpt3", "activation_function", "relu"), ("gpt3", "scale_attn_weights", False),
        ("gpt3", "attention_types", [[["global"], 2]]), ("gpt3", "attention_types", [[["dense"], 3]]),
    ],
)  # fmt: skip
def test_what_is_not_computed_is_refused_by_name(name: str, setting: str, value: Any, tmp_path: Path) -> None:
    made(name).save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, setting: value}))
    with pytest.raises(CheckpointError, match=setting):
        load(tmp_path)


def test_a_band_is_not_written_as_if_it_were_gpt2(tmp_path: Path) -> None:
    assert alternating(5, 7) == (0, 7, 0, 7, 0)
    for changed in ({"windows": (0, 4, 0)}, {"qkv_bias": False}, {"scaled": False}):
        with pytest.raises(ValueError, match="no word for"):
            GPT2(replace(GPT2Config(61, 32, 24, 3, 4), **changed)).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="one a layer"):
        GPT3Config(61, 32, 24, 3, 4, windows=(4,))
    with pytest.raises(ValueError, match="different widths"):
        GPT3Config(61, 32, 24, 3, 4, windows=(0, 4, 5)).to_hub()


def test_palm_begins_as_its_paper_says() -> None:
    """Sums of squares of n normal numbers over their variance lie within 5 √(2n) of n."""
    torch.manual_seed(0)
    model = PaLM(PALM)
    for name, one in model.named_parameters():
        if one.dim() == 2:
            variance = 1.0 if name == "embedding.weight" else 1 / one.shape[1]
            n = one.numel()
            assert abs(one.detach().double().square().sum().item() / variance - n) < 5 * math.sqrt(2 * n), name
        else:
            assert torch.equal(one, torch.ones_like(one)), name
