"""Train a tokenizer on real text, and compare how far it compresses text that it has not seen with GPT-2's.

The measure is bytes for each token, on held-out text: a token of one byte each would give 1. GPT-2's merges were learned
from 40 GB of web pages; the lab takes as many of them, in their order, as it learned itself, and then all 50 000. They
are read from a ``vocab.bpe`` or ``merges.txt`` that you name, that lies in the cache of huggingface_hub, or in the folder
of public sets that GROUNDUP_DATA names. Without one, the lab compares with bytes and with half of the training text.
"""

import os
from pathlib import Path

from groundup.authoring import Inputs, Option, Run, Scale
from groundup.stack.data.sets import SETS, read_text
from groundup.stack.text.bpe import Merges, byte_characters, decode, encode, split_text, train_bpe

options = {
    "text": Option(f"what to learn from: python, {', '.join(SETS)}, or the path of a text file", default="python"),
    "gpt2": Option("GPT-2's vocab.bpe or merges.txt, to compare with", kind="file"),
}
SETTINGS = {  # vocabularies, bytes to learn from, bytes held out
    "smoke": ((300, 400), 40_000, 8_000),
    "tiny": ((512, 1024, 2048, 4096), 600_000, 60_000),
    "small": ((512, 1024, 2048, 4096, 8192, 16384), 1 << 31, 1 << 31),
}
scales = tuple(SETTINGS)
GPT2 = "vocab.bpe"


def prepare(options, scale):
    _, train_bytes, held_out_bytes = SETTINGS[scale]
    corpus = read_text(str(options["text"]))
    train = corpus.train.encode()[:train_bytes].decode("utf-8", "ignore")
    held_out = corpus.held_out.encode()[:held_out_bytes].decode("utf-8", "ignore")
    files = {"train.txt": train.encode(), "held_out.txt": held_out.encode()}
    provenance = {**corpus.provenance, "train_bytes": len(train.encode()), "held_out_bytes": len(held_out.encode())}
    found = gpt2_file(options["gpt2"])
    if found is not None:
        files[GPT2] = found.read_bytes()
        provenance["gpt2"] = f"{found.name}, {len(files[GPT2])} bytes"
    return Inputs(files, provenance)


def gpt2_file(named: str | None) -> Path | None:
    """The file that was named; else one that is on this machine already. Nothing is downloaded."""
    if named:
        return Path(named)
    places = []
    if os.environ.get("GROUNDUP_DATA"):
        places.append(Path(os.environ["GROUNDUP_DATA"]) / "tokenizers" / "gpt2" / GPT2)
    cache = Path(os.environ.get("HF_HUB_CACHE") or Path.home() / ".cache" / "huggingface" / "hub")
    places += sorted(cache.glob("models--*gpt2/snapshots/*/merges.txt"))
    return next((one for one in places if one.is_file()), None)


def read_merges(text: str) -> list[tuple[bytes, bytes]]:
    """GPT-2's merges, in their order, from its file: two pieces a line, in printable characters for bytes."""
    byte = byte_characters()
    pairs = [line.split(" ") for line in text.split("\n") if line and not line.startswith("#version")]
    return [(bytes(byte[c] for c in left), bytes(byte[c] for c in right)) for left, right in pairs]


def run(run: Run, scale: Scale) -> None:
    vocabularies, *_ = SETTINGS[scale]
    train, held_out = (run.input(f"{one}.txt").read_bytes().decode() for one in ("train", "held_out"))
    run.expect(
        seconds=len(vocabularies) * (2 + len(train) / 150_000), memory_mb=400 + len(train) / 10_000, bytes=len(train)
    )
    gpt2 = read_merges(run.input(GPT2).read_text(encoding="utf-8")) if has(run, GPT2) else []
    done = {int(vocab): one for vocab, one in (run.state or {}).get("done", {}).items()}
    rows = []
    for vocab in run.track(list(vocabularies), "learning and measuring"):
        if vocab not in done:
            merges = train_bpe(train, vocab)
            halved = train_bpe(train[: len(train) // 2], vocab)
            done[vocab] = {
                "learned": measure(run, held_out, merges),
                "half": measure(run, held_out, halved),
                "gpt2": measure(run, held_out, gpt2[: vocab - 256], mine=False) if gpt2 else None,
                "longest": max((left + right for left, right in merges), key=len, default=b"").decode(
                    "utf-8", "replace"
                ),
            }
            run.checkpoint(lambda: {"done": {str(vocab): one for vocab, one in done.items()}})
        one = done[vocab]
        run.log(vocab, bytes_per_token=one["learned"])
        rows.append([vocab, one["learned"], one["half"], one["gpt2"], repr(one["longest"])])
    everything = measure(run, held_out, gpt2, mine=False) if gpt2 else None
    columns = ["vocabulary", "yours", "from half of the text", "as many of GPT-2's", "your longest token"]
    run.table("Bytes for each token of the held-out text: more is shorter", columns, rows)
    if gpt2:
        run.table("GPT-2, all of its merges", ["merges", "bytes per token"], [[len(gpt2), everything]])
    merges = train_bpe(train, vocabularies[-1])
    ids = encode(held_out[:300], merges)
    run.text("Cut into tokens", "|".join(decode([one], merges) for one in ids))
    last = done[vocabularies[-1]]
    scores = {"bytes_per_token": last["learned"], "single_bytes": 1.0, "from_half_of_the_text": last["half"]}
    if gpt2:
        scores["as_many_of_gpt2"] = last["gpt2"]
        scores["all_of_gpt2"] = everything
        scores["beats_as_many_of_gpt2"] = last["learned"] > last["gpt2"]
    run.result(**scores, beats_single_bytes=last["learned"] > 1.0)


def has(run: Run, name: str) -> bool:
    try:
        return run.input(name).is_file()
    except FileNotFoundError:
        return False


def measure(run: Run, text: str, merges, mine: bool = True) -> float:
    """Bytes for each token. Words do not know of each other in byte-pair encoding: each is encoded once."""
    words = split_text(text)
    # The library's own list remembers its tables; a learner's encode gets the plain list that the exercise speaks of.
    given = list(merges) if mine and "encode" in run.parts else Merges(merges)
    lengths = {word: len(encode(word, given)) for word in dict.fromkeys(words)}
    return len(text.encode()) / sum(lengths[word] for word in words)
