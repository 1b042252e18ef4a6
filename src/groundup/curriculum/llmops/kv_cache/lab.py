"""Tokens a second with a cache and without, as the text grows.

A GPT with random weights reads and writes random tokens: what they are does not matter for what they cost. At each length, one new
token is made twice: without a cache, by running the whole text through the model, and with one that holds the text already,
by running the new token alone. Beside the measured ratio stands that of the operations, which is what a machine would show
that is bound by arithmetic. At the end a whole text is written in both ways, and compared.

Everything that is a part is called through the stack, so that your model and your cache are what is measured, where they pass.
"""

import statistics
import time
from dataclasses import dataclass

import torch

from groundup.authoring import Run, Scale
from groundup.stack.inference.cache import KVCache, cache_bytes, generate_cached
from groundup.stack.inference.sampling import generate
from groundup.stack.models.gpt import GPT, count_parameters


@dataclass(frozen=True)
class Setting:
    """What a scale means: the model's sizes, the lengths at which tokens are made, and the text written at the end."""

    vocab: int
    dim: int
    heads: int
    layers: int
    lengths: tuple[int, ...]
    text: int  # tokens written in both ways
    tries: int = 5

    @property
    def kv_heads(self) -> int:
        return self.heads

    @property
    def head_dim(self) -> int:
        return self.dim // self.heads


SETTINGS = {
    "smoke": Setting(64, 32, 2, 2, (8, 32, 64), 24, 3),
    "tiny": Setting(1024, 256, 4, 4, (32, 64, 128, 256, 512, 1024), 96),
    "small": Setting(32_000, 1024, 16, 16, (128, 256, 512, 1024, 2048, 4096), 128),
}
scales = tuple(SETTINGS)


def run(run: Run, scale: Scale) -> None:
    setting = SETTINGS[scale]
    state = run.state or {}
    seed = int(state["seed"]) if state else int(torch.randint(2**31, ()))
    model = new_model(setting, seed)
    ids = torch.randint(setting.vocab, (1, max(setting.lengths)), generator=torch.Generator().manual_seed(seed))
    rows = [tuple(row) for row in state.get("rows", [])]
    run.expect(
        seconds=float(state.get("seconds") or expected_seconds(setting, model, ids)),
        memory_mb=450 + (4 * count_parameters(model) + cache_bytes(setting, 2, max(setting.lengths), 4)) / 2**20,
        parameters=count_parameters(model),
        longest=max(setting.lengths),
    )
    lengths = setting.lengths[len(rows) :]
    for length in run.track(lengths, "making a token", total=len(setting.lengths), done=len(rows)):
        without = seconds_without(model, ids[:, :length], setting.tries)
        held = seconds_with(model, ids[:, :length], setting.tries)
        rows.append((length, without, held))
        run.log(length, tokens_a_second_without=1 / without, tokens_a_second_with=1 / held)
        run.checkpoint(lambda: {"seed": seed, "rows": [list(row) for row in rows], "seconds": 0.0})
    finish(run, setting, model, ids, rows)


def new_model(setting: Setting, seed: int) -> GPT:
    """The same model for the same seed; the run's own random sources are left as they are."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return GPT(setting.vocab, setting.dim, setting.heads, setting.layers, max(setting.lengths)).eval()


def probe(scale: Scale, free_mb: float) -> dict[str, float]:
    """The time of a token at the longest text with the library's own parts."""
    setting = SETTINGS[scale]
    model, ids = new_model(setting, 0), torch.zeros(1, max(setting.lengths), dtype=torch.long)
    return {"token_ms": 1000 * seconds_with(model, ids, setting.tries)}


def expected_seconds(setting: Setting, model: GPT, ids: torch.Tensor) -> float:
    """From a token without a cache at a middle length: what the longer ones take grows with the length."""
    middle = setting.lengths[len(setting.lengths) // 2]
    second = seconds_without(model, ids[:, :middle], 2) / middle
    read = sum(setting.lengths) * (setting.tries + 2) + setting.text**2 / 2
    return 2.0 + 1.3 * second * read


# ── one token ────────────────────────────────────────────────────────────────


@torch.no_grad()
def seconds_without(model: GPT, ids: torch.Tensor, tries: int) -> float:
    """The whole text through the model: the median of a few, after one that warms up."""
    times = []
    for _ in range(tries + 1):
        began = time.perf_counter()
        model(ids)[:, -1].argmax()
        times.append(time.perf_counter() - began)
    return statistics.median(times[1:])


@torch.no_grad()
def seconds_with(model: GPT, ids: torch.Tensor, tries: int) -> float:
    """The last tokens one by one through the model, with a cache that holds what stands before: the median."""
    few = min(tries + 1, ids.shape[1] - 1)
    cache = new_cache(model, *ids.shape)
    model(ids[:, :-few], cache)
    times = []
    for i in range(ids.shape[1] - few, ids.shape[1]):
        began = time.perf_counter()
        model(ids[:, i : i + 1], cache)[:, -1].argmax()
        times.append(time.perf_counter() - began)
    return statistics.median(times[1:])


def new_cache(model: GPT, batch: int, length: int) -> KVCache:
    """The cache that is measured: yours where it passes, whatever a model of yours would make by itself."""
    return KVCache(model.layers, batch, model.heads, length, model.dim // model.heads)


def operations_ratio(setting: Setting, matrices: int, length: int) -> float:
    """How many times the operations of one token alone the whole text takes: two for each weight of a matrix and token, four for
    each pair of positions that attend, in each layer and for each number of the width."""
    pairs = length * (length + 1) / 2
    return (2 * matrices * length + 4 * setting.layers * setting.dim * pairs) / (
        2 * matrices + 4 * setting.layers * setting.dim * length
    )


# ── what came out ────────────────────────────────────────────────────────────


def finish(run: Run, setting: Setting, model: GPT, ids: torch.Tensor, rows: list[tuple[int, float, float]]) -> None:
    matrices = sum(one.numel() for one in model.parameters() if one.dim() == 2)
    run.table(
        "Tokens a second",
        ["tokens before", "without a cache", "with a cache", "times as many", "by operations", "cache, MB"],
        [
            [n, 1 / a, 1 / b, a / b, operations_ratio(setting, matrices, n), cache_bytes(setting, 1, n, 4) / 1e6]
            for n, a, b in rows
        ],
    )
    plain, cached, seconds = whole_text(run, model, ids[:, :4], setting.text)
    same = float((plain == cached).float().mean())
    longest, without, held = rows[-1]
    scores = {
        "tokens_a_second_with": 1 / held,
        "tokens_a_second_without": 1 / without,
        "times_as_fast": without / held,
        "faster_with_a_cache": without > held,
        "gain_grows_with_the_text": without / held > rows[0][1] / rows[0][2],
        "whole_text_times_as_fast": seconds[0] / seconds[1],
        "same_tokens": same,
        "logits_differ_by": largest_difference(model, ids[:, : min(longest, 64)]),
        "cache_mb": cache_bytes(setting, 1, longest, 4) / 1e6,
        "weights_mb": 4 * count_parameters(model) / 1e6,
    }
    if run.reference.get("token_ms"):
        scores["reference_tokens_a_second_with"] = 1000 / run.reference["token_ms"]
        scores["cost_of_your_parts"] = 1000 * held / run.reference["token_ms"]
    run.result(**scores)


def whole_text(run: Run, model: GPT, prompt: torch.Tensor, n: int) -> tuple[torch.Tensor, torch.Tensor, list[float]]:
    """A text written without a cache and with one, and how long that took."""
    texts, seconds = [], []
    ways = {"without": lambda: generate(model, prompt, n, greedy), "with": lambda: generate_cached(model, prompt, n)}
    for name in run.track(list(ways), "writing a text"):
        began = time.perf_counter()
        texts.append(ways[name]())
        seconds.append(time.perf_counter() - began)
    run.table(
        f"A text of {n} tokens", ["cache", "seconds", "tokens a second"], [[w, s, n / s] for w, s in zip(ways, seconds)]
    )
    return texts[0], texts[1], seconds


def greedy(logits: torch.Tensor) -> torch.Tensor:
    return logits.argmax(dim=-1)


@torch.no_grad()
def largest_difference(model: GPT, ids: torch.Tensor) -> float:
    """Between logits of the whole text at once and token by token: rounding, and nothing more."""
    cache = new_cache(model, *ids.shape)
    pieces = [model(ids[:, i : i + 1], cache) for i in range(ids.shape[1])]
    return float((torch.cat(pieces, dim=1) - model(ids)).abs().max())
