"""Pre-train a GPT on real text with your own parts inside, and let it write.

A byte-level BPE tokenizer is learned from the text, then the model learns to predict every next token. What counts is
bits per byte on text that was held out: they do not depend on the tokenizer, so that Kneser-Ney n-grams over bytes and
the compressor xz, which learn from the same training bytes, can be set beside them.

Everything that is a part is called by its name in this module or through the stack, so that yours is used where it
passes. The lab seeds nothing itself: the run's random sources are the process's own.
"""

import math
import time
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from groundup.authoring import Inputs, Option, Run, Scale
from groundup.stack.data.sets import SETS, read_text
from groundup.stack.inference.sampling import apply_temperature, generate, top_p
from groundup.stack.models.checkpoints import write_checkpoint
from groundup.stack.models.gpt import GPT, count_parameters, llama_config
from groundup.stack.models.llama import to_hub_names
from groundup.stack.nn.losses import cross_entropy
from groundup.stack.nn.optimizers import AdamW
from groundup.stack.nn.schedules import warmup_cosine
from groundup.stack.objectives.causal import bits_per_byte, next_token_pairs
from groundup.stack.text.bpe import Merges, encode, split_text, train_bpe
from groundup.stack.text.ngrams import KneserNey, compressed_bits_per_byte
from groundup.stack.text.tokenizer_file import write_tokenizer
from groundup.stack.training.clipping import clip_grad_norm
from groundup.stack.training.loop import train_step

options = {
    "text": Option(
        f"what to learn from: python (its own documentation), {', '.join(SETS)}, or the path of a text file",
        default="python",
    )
}

ORDERS = range(2, 9)  # of the Kneser-Ney models
BETAS, DECAY, LONGEST = (0.9, 0.95), 0.1, 1.0  # of AdamW; the bound of the gradient's length
PROMPT = "The "
SAMPLE_TOKENS = 60


@dataclass(frozen=True)
class Setting:
    """What a scale means. ``batch`` texts of ``context`` tokens go into a step, ``micro`` at a time."""

    vocab: int
    dim: int
    heads: int
    layers: int
    context: int
    batch: int
    steps: int
    peak: float  # learning rate
    tokenizer_bytes: int  # of the text, for learning merges
    train_bytes: int
    held_out_bytes: int
    micro: int = 0


SETTINGS = {
    "smoke": Setting(300, 32, 2, 1, 32, 8, 30, 1e-2, 20_000, 60_000, 4_000),
    "tiny": Setting(1024, 128, 4, 4, 128, 16, 800, 4e-3, 400_000, 1 << 31, 1 << 31),
    "small": Setting(2048, 320, 5, 8, 256, 16, 800, 2e-3, 2_000_000, 1 << 31, 1 << 31),
    "full": Setting(50_257, 768, 12, 12, 1024, 480, 600_000, 6e-4, 1 << 31, 1 << 31, 1 << 31),
}
scales = tuple(SETTINGS)


def prepare(options, scale):
    """The text in two files; reading it is not the run's to do, which sees nothing but its folder."""
    corpus = read_text(str(options["text"]))
    setting = SETTINGS[scale]
    train = corpus.train.encode()[: setting.train_bytes].decode("utf-8", "ignore")
    held_out = corpus.held_out.encode()[: setting.held_out_bytes].decode("utf-8", "ignore")
    provenance = {
        **corpus.provenance,
        "train_bytes": len(train.encode()),
        "held_out_bytes": len(held_out.encode()),
    }
    return Inputs({"train.txt": train.encode(), "held_out.txt": held_out.encode()}, provenance)


def run(run: Run, scale: Scale) -> None:
    train, held_out = (run.input(f"{one}.txt").read_bytes().decode() for one in ("train", "held_out"))
    state = run.state or {}
    setting = SETTINGS[scale]
    micro = int(state.get("micro") or fitting_micro_batch(setting, run.free_mb))
    setting = replace(setting, micro=micro)
    milliseconds = step_milliseconds(setting) if run.state is None else float(state["step_ms"])
    run.expect(
        seconds=setting.steps * milliseconds / 1000,
        memory_mb=memory_mb(setting),
        parameters=parameters(setting),
        step_ms=milliseconds,
        micro_batch=micro,
        tokens=setting.steps * setting.batch * setting.context,
    )
    if "merges" in state:
        merges = [(bytes(left), bytes(right)) for left, right in state["merges"]]
        ids, held_out_ids = state["ids"], state["held_out_ids"]
    else:
        merges = learn_merges(run, train, setting)
        ids = token_ids(run, train, merges, "writing the text as tokens")
        held_out_ids = token_ids(run, held_out, merges, "writing the held-out text as tokens")
    setting = replace(setting, vocab=256 + len(merges))  # a short or monotonous text has fewer pairs to merge
    kept = {
        "merges": [[list(left), list(right)] for left, right in merges],
        "ids": ids,
        "held_out_ids": held_out_ids,
        "micro": micro,
        "step_ms": milliseconds,
    }
    model = learn(run, setting, ids, held_out_ids, len(held_out.encode()), merges, kept)
    finish(run, setting, model, merges, held_out_ids, train.encode(), held_out.encode(), milliseconds)


# ── before it begins ─────────────────────────────────────────────────────────


def parameters(setting: Setting) -> int:
    with torch.device("meta"):
        return count_parameters(new_model(setting))


def new_model(setting: Setting) -> GPT:
    return GPT(setting.vocab, setting.dim, setting.heads, setting.layers, setting.context)


def memory_mb(setting: Setting) -> float:
    """What the run will hold at most: PyTorch itself, weights four times (gradients, two means of AdamW), and what one
    micro-batch leaves behind for the backward pass. Reckoned, and checked against what was measured by a test."""
    weights = 16 * parameters(setting)
    position = 4 * (setting.layers * (19 * setting.dim + 4 * 8 * setting.dim // 3) + 4 * setting.vocab)
    return 300 + (weights + setting.micro * setting.context * position) / 2**20


def fitting_micro_batch(setting: Setting, free_mb: float) -> int:
    """The largest part of a batch that fits into memory: fewer texts at a time give the same step, more slowly."""
    micro = setting.batch
    while micro > 1 and memory_mb(replace(setting, micro=micro)) > 0.8 * free_mb:
        micro = max(one for one in range(1, micro) if setting.batch % one == 0)
    needed = memory_mb(replace(setting, micro=micro))
    if needed > 0.95 * free_mb:
        raise MemoryError(f"this scale needs {needed:.0f} MB, and {free_mb:.0f} MB are free: take a smaller one")
    return micro


def probe(scale: Scale, free_mb: float) -> dict[str, float]:
    """What a step costs with the parts that are in place now."""
    setting = SETTINGS[scale]
    setting = replace(setting, micro=fitting_micro_batch(setting, free_mb))
    return {"step_ms": step_milliseconds(setting)}


def step_milliseconds(setting: Setting, tries: int = 3) -> float:
    """The time of one training step: the least of a few, on tokens drawn at random. The random sources are as before."""
    before = torch.get_rng_state()
    model = new_model(setting)
    optimizer = Clipped(model, setting.peak)
    batches = [
        tuple(torch.randint(setting.vocab, (setting.micro, setting.context)) for _ in range(2))
        for _ in range(setting.batch // setting.micro)
    ]
    times = []
    for _ in range(tries):
        began = time.perf_counter()
        train_step(model, next_token_loss, optimizer, batches)
        times.append(time.perf_counter() - began)
    torch.set_rng_state(before)
    return 1000 * min(times)


# ── text as tokens ───────────────────────────────────────────────────────────


def learn_merges(run: Run, text: str, setting: Setting) -> list[tuple[bytes, bytes]]:
    """Merges from samples that are spread over the text: a plain ``train_bpe`` takes its time for all of it."""
    merges = None
    for _ in run.track([0], "learning the tokenizer"):
        merges = train_bpe(spread(text, setting.tokenizer_bytes), setting.vocab)
    return list(merges)


def spread(text: str, length: int, pieces: int = 16) -> str:
    """About ``length`` characters of the text, in equal pieces at equal distances."""
    if len(text) <= length:
        return text
    size = length // pieces
    return "".join(text[at : at + size] for at in range(0, len(text) - size + 1, len(text) // pieces))


def token_ids(run: Run, text: str, merges: list[tuple[bytes, bytes]], label: str) -> torch.Tensor:
    """The text as ids. Words do not know of each other in byte-pair encoding, so each different one is encoded once."""
    words = split_text(text)
    known = {}
    if "encode" not in run.parts:
        merges = Merges(merges)  # the library's own list, which remembers its tables; yours gets a plain one
    for word in run.track(list(dict.fromkeys(words)), label):
        known[word] = encode(word, merges)
    return torch.tensor([one for word in words for one in known[word]])


# ── learning ─────────────────────────────────────────────────────────────────


class Clipped:
    """AdamW that bounds the gradient's length before each step, and remembers what it was."""

    def __init__(self, model, lr):
        self.params = [one for one in model.parameters() if one.requires_grad]
        self.inner = AdamW(self.params, lr, betas=BETAS, weight_decay=DECAY)
        self.norm = math.nan

    def zero_grad(self):
        self.inner.zero_grad()

    def step(self):
        self.norm = float(clip_grad_norm(self.params, LONGEST))
        self.inner.step()


def next_token_loss(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return cross_entropy(logits.flatten(0, -2), targets.flatten())


def learn(run, setting, ids, held_out_ids, held_out_bytes, merges, kept):
    """The steps, from the first or from where the checkpoint left off."""
    state = run.state or {}
    model = new_model(setting)
    optimizer = Clipped(model, setting.peak)
    generator = torch.Generator().manual_seed(int(torch.randint(2**31, ())))
    begin = 0
    if "model" in state:
        model.load_state_dict(state["model"])
        optimizer.inner.load_state_dict(state["optimizer"])
        generator.set_state(state["generator"])
        begin = state["step"]
        torch.set_rng_state(state["rng"])
    part = held_out_ids[: max(len(held_out_ids) // 5, min(len(held_out_ids), setting.context))]
    part_bytes = held_out_bytes * len(part) / len(held_out_ids)
    every = max(1, setting.steps // 10)
    micros = setting.batch // setting.micro
    clock = time.perf_counter()
    for step in run.track(range(begin, setting.steps), "training", total=setting.steps, done=begin):
        optimizer.inner.lr = warmup_cosine(step, setting.peak, setting.steps // 20, setting.steps, setting.peak / 10)
        inputs, targets = next_token_pairs(ids, setting.context, setting.batch, generator)
        loss = train_step(
            model, next_token_loss, optimizer, list(zip(inputs.chunk(micros), targets.chunk(micros), strict=True))
        )
        if not math.isfinite(float(loss)):
            raise ArithmeticError(
                f"the loss of step {step} is {float(loss)}. The last checkpoint is from before; "
                "a part of yours, or a learning rate that is too high, is the usual cause"
            )
        seconds, clock = time.perf_counter() - clock, time.perf_counter()
        run.log(
            step,
            loss=float(loss),
            gradient_norm=optimizer.norm,
            learning_rate=optimizer.inner.lr,
            tokens_per_second=setting.batch * setting.context / seconds,
        )
        if (step + 1) % every == 0:
            held_out = bits_per_byte(model, part, setting.context, part_bytes)
            run.log(step, held_out_bits_per_byte=held_out)
            run.text("It writes", write(model, merges, setting), step + 1)
            clock = time.perf_counter()
        run.checkpoint(lambda step=step: checkpoint(model, optimizer, generator, step + 1, kept))
    return model


def checkpoint(model, optimizer, generator, step, kept):
    return {
        **kept,
        "model": model.state_dict(),
        "optimizer": optimizer.inner.state_dict(),
        "generator": generator.get_state(),
        "step": step,
        "rng": torch.get_rng_state(),
    }


def write(model, merges, setting, prompt: str = PROMPT) -> str:
    """A continuation of the prompt, drawn with temperature 0.8 from the 95 % most probable tokens."""
    before = torch.get_rng_state()
    model.eval()
    ids = torch.tensor([encode(prompt, merges)])

    def sample(logits):
        return torch.multinomial(top_p(apply_temperature(logits, 0.8), 0.95).softmax(dim=-1), 1).squeeze(-1)

    room = min(SAMPLE_TOKENS, setting.context - ids.shape[-1])
    text = decode_ids(generate(model, ids, room, sample)[0].tolist(), merges)
    torch.set_rng_state(before)
    return text


def decode_ids(ids, merges):
    pieces = [bytes([one]) for one in range(256)] + [left + right for left, right in merges]
    return b"".join(pieces[one] for one in ids).decode("utf-8", "replace")


# ── what came out ────────────────────────────────────────────────────────────


def finish(run, setting, model, merges, held_out_ids, train, held_out, milliseconds):
    model.eval()
    ours = bits_per_byte(model, held_out_ids, setting.context, len(held_out), stride=max(1, setting.context // 2))
    smoothed = {}
    for order in run.track(list(ORDERS), "the n-gram models"):
        smoothed[order] = KneserNey(train, order).bits_per_byte(held_out)
    best = min(smoothed, key=smoothed.get)
    packed = compressed_bits_per_byte(held_out, train)
    rows = [["this model", ours], [f"Kneser-Ney, bytes, order {best} (the best of 2 to 8)", smoothed[best]]]
    rows += [["Kneser-Ney, bytes, order 5", smoothed[5]], ["xz", packed]]
    run.table("Bits per byte of the held-out text, lower is better", ["model", "bits per byte"], rows)
    run.text("It writes", write(model, merges, setting), setting.steps)
    scores = {
        "held_out_bits_per_byte": ours,
        "kneser_ney_5": smoothed[5],
        "kneser_ney_best": smoothed[best],
        "xz": packed,
        "beats_kneser_ney_5": ours < smoothed[5],
        "beats_all": ours < min(packed, smoothed[best]),
        "step_ms": milliseconds,
    }
    if run.reference.get("step_ms"):
        scores["reference_step_ms"] = run.reference["step_ms"]
        scores["cost_of_your_parts"] = milliseconds / run.reference["step_ms"]

    def write_model(folder: Path) -> None:
        write_checkpoint(folder, llama_config(model), to_hub_names(model.state_dict()))
        write_tokenizer(folder, merges)

    run.save(write_model, held_out_bits_per_byte=ours)
    run.result(**scores)
