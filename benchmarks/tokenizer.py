"""Byte-pair encoding: learning merges and encoding, ours beside minbpe, Hugging Face tokenizers and tiktoken.

The text is real (Python's own documentation, or --text FILE), 1 MB of it for encoding. tiktoken and tokenizers get our
merges and GPT-2's pattern, so that all must give the same ids, which is checked. minbpe is not ours to ship: name a
checkout with --minbpe, else it is left out, and that is said; it learns from fewer merges, since it counts the whole
text for each, and is compared on those.

Usage: python benchmarks/tokenizer.py [--minbpe FOLDER] [--rounds N] [--vocab N]. The last line is one JSON document.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from groundup.stack.data.sets import read_text
from groundup.stack.text.bpe import BYTES, Merges, encode, train_bpe
from measuring import conclude, in_turns, ratio, table

GPT2_PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minbpe", type=Path, help="a checkout of karpathy/minbpe")
    parser.add_argument("--text", default="python", help="python, the name of a set, or a file")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--vocab", type=int, default=4096)
    parser.add_argument("--few", type=int, default=512, help="minbpe's vocabulary")
    return parser.parse_args()


def hugging_face(text: str, vocab: int) -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=vocab, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator([text], trainer)
    return tokenizer


def tiktoken_of(merges: Merges) -> Any:
    import tiktoken

    ranks = {bytes([byte]): byte for byte in range(BYTES)}
    ranks |= {left + right: BYTES + at for at, (left, right) in enumerate(merges)}
    return tiktoken.Encoding("ours", pat_str=GPT2_PATTERN, mergeable_ranks=ranks, special_tokens={})


def minbpe_of(folder: Path) -> Any:
    sys.path.insert(0, str(folder))
    from minbpe import RegexTokenizer

    return lambda: RegexTokenizer(pattern=GPT2_PATTERN)


def timed(work: Any) -> tuple[float, Any]:
    began = time.perf_counter()
    found = work()
    return time.perf_counter() - began, found


def main() -> None:
    o = options()
    text = read_text(o.text).train
    megabyte = text.encode()[: 1 << 20].decode("utf-8", "ignore")
    learning = in_turns(
        {"ours": lambda: train_bpe(text, o.vocab), "tokenizers": lambda: hugging_face(text, o.vocab)}, o.rounds
    )
    merges = Merges(train_bpe(text, o.vocab))
    peer = tiktoken_of(merges)
    # Once cold (a fresh list, no word met before) and once warm, as a program that encodes many texts is.
    assert encode(megabyte, merges) == peer.encode(megabyte), "ids differ from tiktoken's"
    encoding = in_turns(
        {
            "ours, cold": lambda: encode(megabyte, Merges(merges)),
            "ours": lambda: encode(megabyte, merges),
            "tiktoken": lambda: peer.encode(megabyte),
        },
        o.rounds,
    )
    wanted = {
        "tokenizers / ours, learning": (ratio(learning["tokenizers"], learning["ours"]), 1 / 5),
        "tiktoken / ours, encoding": (ratio(encoding["tiktoken"], encoding["ours"]), 1 / 3),
        "tiktoken / ours, encoding, cold": (ratio(encoding["tiktoken"], encoding["ours, cold"]), 1 / 3),
    }
    rows = [
        [f"learning {o.vocab - BYTES} merges: {name}", statistics.median(times)] for name, times in learning.items()
    ]
    rows += [[f"encoding 1 MiB: {name}", statistics.median(times)] for name, times in encoding.items()]
    if o.minbpe is not None:
        fresh = minbpe_of(o.minbpe)
        part = megabyte[: 1 << 18]
        slow, fast = [], []
        for _ in range(max(2, o.rounds // 2)):
            tokenizer = fresh()
            slow.append(timed(lambda tokenizer=tokenizer: tokenizer.train(part, o.few))[0])
            fast.append(timed(lambda: train_bpe(part, o.few))[0])
        wanted[f"minbpe / ours, learning {o.few - BYTES} merges of 256 KiB"] = (ratio(slow, fast), 50)
        rows.append([f"learning {o.few - BYTES} merges of 256 KiB: minbpe", statistics.median(slow)])
        rows.append([f"learning {o.few - BYTES} merges of 256 KiB: ours", statistics.median(fast)])
        tokenizer = fresh()
        tokenizer.merges = {}
        pieces = {bytes([byte]): byte for byte in range(BYTES)}
        for at, (left, right) in enumerate(merges):
            tokenizer.merges[pieces[left], pieces[right]] = BYTES + at
            pieces[left + right] = BYTES + at
        tokenizer.vocab = {number: piece for piece, number in pieces.items()}
        both = in_turns(
            {
                "minbpe": lambda: tokenizer.encode(megabyte),
                "ours, cold": lambda: encode(megabyte, Merges(merges)),
                "ours": lambda: encode(megabyte, merges),
            },
            max(3, o.rounds // 2),
            warm=0,
        )
        wanted["minbpe / ours, encoding"] = (ratio(both["minbpe"], both["ours"]), 10)
        wanted["minbpe / ours, encoding, cold"] = (ratio(both["minbpe"], both["ours, cold"]), 10)
        rows.append(["encoding 1 MiB: minbpe", statistics.median(both["minbpe"])])
    else:
        print("minbpe was left out: name a checkout with --minbpe.")
    table(f"Byte-pair encoding of {len(text.encode()) / 1e6:.1f} MB", ["what", "seconds"], rows)
    conclude({"benchmark": "tokenizer", "text_bytes": len(text.encode()), "vocab": o.vocab}, wanted)


if __name__ == "__main__":
    main()
