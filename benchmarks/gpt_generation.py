"""Generation: tokens a second with a key-value cache, ours beside transformers' ``generate``, greedy, batch 1 and 8.

Both have the same Llama shape and weights, and must write the same tokens. The ceiling for batch 1 is reading
every weight once for a token: bytes of weights over the memory bandwidth measured in the same run (small models
live in the cache and may exceed it).

Usage: python benchmarks/gpt_generation.py [--rounds N] [--tokens N] … The last line is one JSON document.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import warnings

import torch

from groundup.stack.inference.cache import generate_cached
from groundup.stack.models.gpt import hidden_size
from groundup.stack.models.llama import Llama, LlamaConfig
from measuring import conclude, in_turns, memory_bandwidth, ratio, table


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    for name, value in (("vocab", 4096), ("dim", 384), ("heads", 6), ("layers", 6), ("prompt", 32), ("tokens", 96)):
        parser.add_argument(f"--{name}", type=int, default=value)
    return parser.parse_args()


def main() -> None:
    from transformers import LlamaForCausalLM

    o = options()
    torch.set_num_threads(o.threads)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab=o.vocab, dim=o.dim, layers=o.layers, heads=o.heads, hidden=hidden_size(o.dim), context=1024, tied=True
    )
    ours = Llama(config).eval()
    with tempfile.TemporaryDirectory() as folder:
        ours.save_pretrained(folder)
        theirs = LlamaForCausalLM.from_pretrained(folder).eval()
    theirs.generation_config.pad_token_id = 0
    bandwidth = memory_bandwidth()
    weights = sum(one.numel() * one.element_size() for one in ours.parameters())
    rows, speeds, wanted = [], {}, {}
    for batch in (1, 8):
        ids = torch.randint(o.vocab, (batch, o.prompt))

        def write_theirs(ids: torch.Tensor = ids) -> torch.Tensor:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return theirs.generate(
                    ids, attention_mask=torch.ones_like(ids), max_new_tokens=o.tokens, min_new_tokens=o.tokens,
                    do_sample=False, use_cache=True,
                )  # fmt: skip

        def write_ours(ids: torch.Tensor = ids) -> torch.Tensor:
            return generate_cached(ours, ids, o.tokens)

        same = bool((write_ours() == write_theirs()).float().mean() > 0.98)
        seconds = in_turns({"ours": write_ours, "transformers": write_theirs}, o.rounds)
        for name, times in seconds.items():
            speed = batch * o.tokens / statistics.median(times)
            speeds[f"{name}, batch {batch}"] = speed
            ceiling = f"{speed * weights / bandwidth:.0%}" if batch == 1 else ""
            rows.append([name, batch, speed, ceiling, "same tokens" if same else "OTHER TOKENS"])
        wanted[f"transformers / ours, batch {batch}"] = (ratio(seconds["transformers"], seconds["ours"]), 1.5)
    shape = f"dim {o.dim}, {o.layers} layers, {o.heads} heads, {o.tokens} tokens after {o.prompt}"
    table(
        f"Generation, {shape}, {o.threads} threads", ["who", "batch", "tokens/s", "of the bandwidth ceiling", ""], rows
    )
    print(f"Memory bandwidth: {bandwidth / 1e9:.1f} GB/s; weights: {weights / 1e6:.0f} MB.")
    conclude(
        {
            "benchmark": "gpt_generation",
            "shape": shape,
            "threads": o.threads,
            "torch": torch.__version__,
            "bandwidth_gb_s": bandwidth / 1e9,
            "tokens_per_second": speeds,
        },
        wanted,
    )


if __name__ == "__main__":
    main()
