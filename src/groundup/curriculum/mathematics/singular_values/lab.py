"""Compress a photograph and the weights of a language model by leaving out singular values, and see what that costs.

Your `low_rank`, where it passes, does the leaving out. A matrix of rank k with m rows and n columns is stored as k (m + n) numbers.

The photograph is compared, at equally many stored numbers, with a smaller photograph (averages over blocks, enlarged again: once as
flat blocks, once smoothly), and with the same method on another matrix, in which each row holds a block of 8 by 8 pixels.

The weights are those of the small model that comes with groundup. All matrices of its blocks are replaced by their nearest ones of
rank r, and the held-out text that came with it is predicted again: bits per byte, the fewer the better. Beside it: the same
matrices seen along r random directions; and as many of the largest entries as numbers were stored (their places not counted).
A random matrix of the same shape shows how the squares of singular values spread where there is nothing to be found.
"""

import importlib.resources
import io
import math

import numpy as np
import torch
from torch.nn import functional

from groundup.authoring import Inputs, Option, Run, Scale
from groundup.stack.data.images import PHOTOGRAPHS, read_photograph
from groundup.stack.models.llama import Llama
from groundup.stack.numerics import low_rank
from groundup.stack.objectives.causal import bits_per_byte
from groundup.stack.text.tokenizer_file import read_tokenizer

options = {
    "image": Option(
        f"the photograph: {', '.join(PHOTOGRAPHS)} (scikit-learn's), or the path of a picture", default="china"
    ),
}
PICTURE_RANKS = {"smoke": (2, 20, 80), "tiny": (1, 2, 5, 10, 20, 40, 80, 160)}
WEIGHT_RANKS = {"smoke": (16, 64), "tiny": (4, 8, 16, 32, 48, 64, 80, 96, 112)}
scales = tuple(PICTURE_RANKS)
MODEL = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "held_out.txt")
KINDS = ("q", "k", "v", "o", "gate", "up", "down")
KIND_RANK = 16
MOST_SIDE = 1024  # a larger photograph is made smaller first
BLOCK = 8
ENERGY = 0.99
WORTHWHILE = 0.8  # the share of numbers below which storing factors is called a saving
SHADES = " .:-=+*#%@"


def prepare(options, scale):
    photograph = read_photograph(str(options["image"]))
    pixels = photograph.pixels
    if min(pixels.shape) < 4 * BLOCK:
        raise ValueError(f"a photograph of {4 * BLOCK} by {4 * BLOCK} pixels or more is needed")
    factor = MOST_SIDE / max(pixels.shape)
    if factor < 1:
        size = tuple(max(round(side * factor), 4 * BLOCK) for side in pixels.shape)
        pixels = functional.adaptive_avg_pool2d(pixels[None, None], size)[0, 0]
    raw = io.BytesIO()
    np.save(raw, pixels.numpy(), allow_pickle=False)
    folder = importlib.resources.files("groundup") / "study" / "first" / "model"
    files = {name: (folder / name).read_bytes() for name in MODEL}
    model = "groundup's own small model, trained on the documentation of Python (PSF-2.0)"
    return Inputs({"pixels.npy": raw.getvalue(), **files}, {**photograph.provenance, "model": model})


# ── the photograph ───────────────────────────────────────────────────────────


def off(x: torch.Tensor, other: torch.Tensor) -> float:
    """The root of the mean square of the differences."""
    return float((x - other).double().square().mean().sqrt())


def smaller(pixels: torch.Tensor, numbers: int) -> torch.Tensor:
    """The photograph in about so many averages over blocks, of nearly square shape."""
    share = min(math.sqrt(numbers / pixels.numel()), 1.0)
    size = tuple(max(round(side * share), 1) for side in pixels.shape)
    return functional.adaptive_avg_pool2d(pixels[None, None], size)


def enlarged(small: torch.Tensor, shape, smooth: bool) -> torch.Tensor:
    named = {"mode": "bicubic", "align_corners": False} if smooth else {"mode": "nearest"}
    return functional.interpolate(small, size=tuple(shape), **named)[0, 0]


def blocks_of(pixels: torch.Tensor) -> torch.Tensor:
    """(blocks, 64): each row a block of 8 by 8 pixels; what is left over at the edges is filled up with its neighbor."""
    m, n = pixels.shape
    full = functional.pad(pixels[None, None], (0, -n % BLOCK, 0, -m % BLOCK), mode="replicate")
    return functional.unfold(full, BLOCK, stride=BLOCK)[0].T


def from_blocks(rows: torch.Tensor, shape) -> torch.Tensor:
    m, n = shape
    size = (m + -m % BLOCK, n + -n % BLOCK)
    return functional.fold(rows.T[None], size, BLOCK, stride=BLOCK)[0, 0, :m, :n]


def measure_picture(pixels: torch.Tensor, k: int) -> dict[str, float]:
    m, n = pixels.shape
    numbers = k * (m + n)
    blocks = blocks_of(pixels)
    kb = min(numbers // sum(blocks.shape), blocks.shape[1])
    small = smaller(pixels, numbers)
    return {
        "numbers": numbers / pixels.numel(),
        "low_rank": off(pixels, low_rank(pixels, k)),
        "flat": off(pixels, enlarged(small, pixels.shape, smooth=False)),
        "smooth": off(pixels, enlarged(small, pixels.shape, smooth=True)),
        "blocks": off(pixels, from_blocks(low_rank(blocks, kb), pixels.shape)),
        "block_rank": kb,
    }


def drawn(pixels: torch.Tensor, width: int = 72) -> str:
    height = max(round(pixels.shape[0] / pixels.shape[1] * width / 2), 1)
    small = functional.adaptive_avg_pool2d(pixels[None, None], (height, width))[0, 0].clamp(0, 1)
    last = len(SHADES) - 1
    return "\n".join("".join(SHADES[round(one * last)] for one in row) for row in small.tolist())


# ── the weights ──────────────────────────────────────────────────────────────


def kept_energy(a: torch.Tensor, k: int) -> float:
    """The share of the squares of the singular values that the k largest have."""
    squares = torch.linalg.svdvals(a.double()).square()
    return float(squares[:k].sum() / squares.sum())


def along_random(a: torch.Tensor, r: int, generator: torch.Generator) -> torch.Tensor:
    """The matrix as it acts on r random directions of its input, and zero at a right angle to them."""
    basis = torch.linalg.qr(torch.randn(a.shape[1], r, generator=generator)).Q
    return a @ basis @ basis.T


def largest_entries(a: torch.Tensor, numbers: int) -> torch.Tensor:
    if numbers >= a.numel():
        return a
    kept = torch.zeros_like(a).flatten()
    chosen = a.flatten().abs().topk(numbers).indices
    kept[chosen] = a.flatten()[chosen]
    return kept.reshape(a.shape)


class Model:
    """The small model, whose matrices can be replaced, and the text that it is measured on."""

    def __init__(self, run: Run) -> None:
        folder = run.input("config.json").parent
        self.model = Llama.from_pretrained(folder)
        text = run.input("held_out.txt").read_text(encoding="utf-8")
        self.ids, self.bytes = torch.tensor(read_tokenizer(folder).encode(text)), len(text.encode())
        self.weights = {
            name: one.detach().clone() for name, one in self.model.named_parameters() if name.split(".")[-2] in KINDS
        }

    def bits(self, change=None, kinds=KINDS) -> float:
        """Bits per byte with ``change`` of each matrix of these kinds in its place; as it is without."""
        with torch.no_grad():
            for name, one in self.model.named_parameters():
                if name in self.weights:
                    weight = self.weights[name]
                    one.copy_(change(weight) if change and name.split(".")[-2] in kinds else weight)
        return bits_per_byte(self.model, self.ids, self.model.config.context, self.bytes)

    def measure(self, r: int, generator: torch.Generator) -> dict[str, float]:
        def as_many(a):
            return largest_entries(a, r * sum(a.shape))

        weights = self.weights.values()
        alike = [torch.randn(one.shape, generator=generator) for one in weights]
        return {
            "numbers": sum(r * sum(one.shape) for one in weights) / sum(one.numel() for one in weights),
            "energy": sum(kept_energy(one, r) for one in weights) / len(self.weights),
            "random_energy": sum(kept_energy(one, r) for one in alike) / len(alike),
            "low_rank": self.bits(lambda a: low_rank(a, r)),
            "entries": self.bits(as_many),
            "random": self.bits(lambda a: along_random(a, min(r, a.shape[1]), generator)),
        }


# ── the run ──────────────────────────────────────────────────────────────────


def run(run: Run, scale: Scale) -> None:
    torch.set_num_threads(1)
    pixels = torch.from_numpy(np.load(run.input("pixels.npy")))
    model = Model(run)
    most = min(pixels.shape)
    steps = [("picture", k) for k in PICTURE_RANKS[scale] if k <= most]
    steps += [("weights", r) for r in WEIGHT_RANKS[scale]] + [("kind", kind) for kind in KINDS]
    run.expect(
        seconds=2 + len(PICTURE_RANKS[scale]) * pixels.numel() * most / 8e8 + 1.0 * (3 * len(WEIGHT_RANKS[scale]) + 4),
        memory_mb=500 + 60 * pixels.numel() / 2**20,
        pixels=pixels.numel(),
        weights=sum(one.numel() for one in model.weights.values()),
    )
    state = run.state or {"base": int(torch.randint(2**40, ()).item()), "bits": model.bits(), "found": []}
    done = len(state["found"])
    for what, which in run.track(steps[done:], "leaving out", total=len(steps), done=done):
        if what == "picture":
            one = measure_picture(pixels, which)
            run.log(which, **{f"picture_{name}": one[name] for name in ("low_rank", "flat", "smooth", "blocks")})
        elif what == "weights":
            one = model.measure(which, torch.Generator().manual_seed(state["base"] + which))
            run.log(which, **{f"bits_{name}": one[name] for name in ("low_rank", "entries")})
        else:
            one = {"bits": model.bits(lambda a: low_rank(a, KIND_RANK), kinds=(which,))}
        state["found"].append(one)
        run.checkpoint(lambda: state)
    found = {step: one for step, one in zip(steps, state["found"], strict=True)}
    pictures = {k: one for (what, k), one in found.items() if what == "picture"}
    weights = {r: one for (what, r), one in found.items() if what == "weights"}
    show_picture(run, pixels, pictures)
    show_weights(
        run, model, weights, {kind: one["bits"] for (what, kind), one in found.items() if what == "kind"}, state["bits"]
    )
    finish(run, pixels, pictures, weights, state["bits"])


def show_picture(run: Run, pixels, pictures) -> None:
    rows = [
        [k, one["numbers"], kept_energy(pixels, k), *(one[name] for name in ("low_rank", "flat", "smooth")),
         one["blocks"] if one["block_rank"] else None]
        for k, one in pictures.items()
    ]  # fmt: skip
    columns = ["rank", "numbers stored", "squares kept", "low rank", "flat blocks", "smaller, smooth", "8×8 as rows"]
    run.table("The photograph: how far a pixel is off, at equally many stored numbers", columns, rows)
    ranks = list(pictures)
    chosen = list(dict.fromkeys((ranks[len(ranks) // 3], ranks[len(ranks) // 2])))
    parts = ["The photograph, made small for the terminal", drawn(pixels)]
    for k in chosen:
        parts += [f"\nrank {k}", drawn(low_rank(pixels, k))]
    run.text("Pictures", "\n".join(parts))


def show_weights(run: Run, model: Model, weights, kinds, whole: float) -> None:
    rows: list[list] = [["all", 1.0, 1.0, 1.0, whole, whole, whole]]
    names = ("numbers", "energy", "random_energy", "low_rank", "entries", "random")
    rows += [[r, *(one[name] for name in names)] for r, one in weights.items()]
    columns = [
        "rank", "numbers", "squares kept", "in random matrices", "bits: low rank", "bits: largest entries",
        "bits: random directions",
    ]  # fmt: skip
    run.table("The weights of the blocks: bits per byte of text not seen before", columns, rows)
    count = {
        kind: sum(one.numel() for name, one in model.weights.items() if name.split(".")[-2] == kind) for kind in KINDS
    }
    rows = [[kind, bits, bits - whole, count[kind]] for kind, bits in kinds.items()]
    title = f"Only the matrices of one kind brought to rank {KIND_RANK}"
    run.table(title, ["kind", "bits per byte", "more than whole", "numbers in them"], rows)


def finish(run: Run, pixels, pictures, weights, whole: float) -> None:
    values = torch.linalg.svdvals(pixels.double()).square().cumsum(0)
    needed = int((values < ENERGY * values[-1]).sum()) + 1
    first, last = pictures[min(pictures)], pictures[max(pictures)]
    thin = {r: one for r, one in weights.items() if one["numbers"] <= WORTHWHILE} or weights
    r = max(thin)
    one = thin[r]
    run.text(
        "What to see",
        f"{needed} of {len(values)} singular values hold {ENERGY:.0%} of the squares of the photograph's pixels, and still, stored "
        f"as {first['numbers']:.1%} of the numbers, low rank is off by {first['low_rank']:.3f} and a smaller photograph by "
        f"{first['smooth']:.3f}; at {last['numbers']:.0%} it is {last['low_rank']:.3f} against {last['smooth']:.3f}. "
        f"The weights at rank {r} need {one['numbers']:.0%} of the numbers, keep {one['energy']:.0%} of the squares, and the model needs "
        f"{one['low_rank'] - whole:+.3f} bits per byte. Keeping as many of the largest entries costs {one['entries'] - whole:+.3f}. "
        "That a matrix is near to another does not say that what it computes is.",
    )
    run.result(
        values_for_99_percent_of_the_picture=needed,
        picture_low_rank=last["low_rank"],
        picture_smaller_smooth_baseline=last["smooth"],
        picture_flat_blocks_baseline=last["flat"],
        picture_beats_smaller_at_most_numbers=last["low_rank"] < last["smooth"],
        picture_beats_smaller_at_fewest_numbers=first["low_rank"] < first["smooth"],
        bits_whole=whole,
        weights_rank=r,
        bits_low_rank=one["low_rank"],
        bits_random_directions_baseline=one["random"],
        bits_largest_entries_baseline=one["entries"],
        energy_kept=one["energy"],
        energy_kept_in_random_matrices=one["random_energy"],
        weights_beat_random_directions=one["low_rank"] < one["random"],
        weights_beat_largest_entries=one["low_rank"] < one["entries"],
    )
