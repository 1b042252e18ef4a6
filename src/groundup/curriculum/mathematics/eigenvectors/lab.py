"""Principal components of handwritten digits: how well is a picture rebuilt from k numbers?

Your `pca`, where it passes, finds the directions in which the pictures of one part differ most. Pictures of another part, which
it has never seen, are then described by k numbers each and rebuilt. The error is the mean square of what is wrong in a pixel (a
pixel lies between 0 and 1). Three baselines stand beside it: the mean picture, which needs no number; k random directions at
right angles; and the k pixels that vary most, kept as they are.

"Seen before" is the error for the pictures that the components were made from. The last column rebuilds pictures to which noise
was added, and compares with the clean ones. There, more is not always better: what is left out of a picture is some of the
picture and some of the noise.
"""

import io

import numpy as np
import torch

from groundup.authoring import Inputs, Option, Run, Scale
from groundup.stack.data.images import DIGIT_SETS, read_digits
from groundup.stack.numerics import pca

options = {
    "data": Option(
        "which digits: digits (scikit-learn's, 8 by 8 pixels) or mnist (28 by 28, below the folder that GROUNDUP_DATA names)",
        default="digits",
        choices=DIGIT_SETS,
    )
}
DRAWS = {"smoke": 2, "tiny": 25}  # of random directions, for each k
scales = tuple(DRAWS)
COUNTS = (1, 2, 4, 8, 12, 16, 20, 24, 32, 40, 48, 56, 64, 96, 128, 192, 256)
NOISE = 0.25  # its standard deviation
ENOUGH = 0.9  # of the variance
SHADES = " .:-=+*#%@"
SHOWN, WIDEST = 4, 10  # digits, and pixels in a row: four pictures fit side by side into a terminal


def prepare(options, scale):
    found = read_digits(str(options["data"]))
    files = {}
    for name in ("train", "held_out", "held_out_labels"):
        raw = io.BytesIO()
        np.save(raw, getattr(found, name).numpy(), allow_pickle=False)
        files[f"{name}.npy"] = raw.getvalue()
    return Inputs(files, found.provenance)


# ── measuring ────────────────────────────────────────────────────────────────


def rebuilt(x: torch.Tensor, middle: torch.Tensor, basis: torch.Tensor) -> torch.Tensor:
    """Each row from its coordinates along the rows of the basis, which are orthonormal."""
    return middle + (x - middle) @ basis.T @ basis


def error(x: torch.Tensor, other: torch.Tensor) -> float:
    return float((x - other).square().mean())


def random_basis(k: int, n: int, generator: torch.Generator) -> torch.Tensor:
    """k orthonormal rows of n entries, in directions drawn evenly."""
    return torch.linalg.qr(torch.randn(n, k, generator=generator, dtype=torch.float64)).Q.T


def kept_pixels(train: torch.Tensor, k: int) -> torch.Tensor:
    """The axes of the k pixels that vary most, as a basis."""
    chosen = train.var(dim=0).topk(k).indices
    return torch.eye(train.shape[1], dtype=train.dtype)[chosen]


def measure(k: int, train, held_out, noisy, components, draws: int, generator) -> dict[str, float]:
    middle, basis = train.mean(dim=0), components[:k]
    by_chance = [
        error(held_out, rebuilt(held_out, middle, random_basis(k, train.shape[1], generator))) for _ in range(draws)
    ]
    return {
        "components": error(held_out, rebuilt(held_out, middle, basis)),
        "seen": error(train, rebuilt(train, middle, basis)),
        "random": sum(by_chance) / draws,
        "pixels": error(held_out, rebuilt(held_out, middle, kept_pixels(train, k))),
        "noisy": error(held_out, rebuilt(noisy, middle, basis)),
    }


def run(run: Run, scale: Scale) -> None:
    train, held_out = (torch.from_numpy(np.load(run.input(f"{name}.npy"))).double() for name in ("train", "held_out"))
    labels, (height, width) = np.load(run.input("held_out_labels.npy")), held_out.shape[1:]
    train, held_out = train.flatten(1), held_out.flatten(1)
    n = train.shape[1]
    counts = [k for k in COUNTS if k <= min(n, len(train))]
    work = len(held_out) * n * sum(counts) * (DRAWS[scale] + 6) * 2
    run.expect(
        seconds=2 + work / 5e9 + n**3 / 5e8,
        memory_mb=400 + 8 * 8 * (train.numel() + held_out.numel()) / 2**20,
        pictures=len(train),
        pixels=n,
    )
    state = run.state or {"base": int(torch.randint(2**40, ()).item()), "found": []}
    components, variance = pca(train, counts[-1])
    total = train.var(dim=0).sum()
    shares = (variance.cumsum(0) / total).tolist()
    noise = torch.randn(held_out.shape, generator=torch.Generator().manual_seed(state["base"]), dtype=torch.float64)
    noisy = held_out + NOISE * noise
    done = len(state["found"])
    for k in run.track(counts[done:], "rebuilding", total=len(counts), done=done):
        generator = torch.Generator().manual_seed(state["base"] + k)
        state["found"].append(measure(k, train, held_out, noisy, components, DRAWS[scale], generator))
        run.log(k, **state["found"][-1])
        run.checkpoint(lambda: state)
    report(run, counts, shares, state["found"], train, held_out)
    show(run, counts, shares, train.mean(dim=0), held_out, labels, components, (height, width))


def enough(shares: list[float]) -> int:
    """How many components keep ENOUGH of the variance; one more than were computed where not even all do."""
    return next((k for k, share in enumerate(shares, 1) if share >= ENOUGH), len(shares) + 1)


def report(run: Run, counts, shares, found, train, held_out) -> None:
    mean_picture = error(held_out, train.mean(dim=0).expand_as(held_out))
    rows: list[list] = [[0, 0.0, mean_picture, mean_picture, mean_picture, None, None]]
    for k, one in zip(counts, found, strict=True):
        values = (one[name] for name in ("components", "random", "pixels", "seen", "noisy"))
        rows.append([k, shares[k - 1], *values])
    columns = ["k", "variance kept", "components", "random directions", "liveliest pixels", "seen before", "noisy"]
    run.table(
        "Mean square errors of pictures not seen before, rebuilt from k numbers (0: the mean picture)", columns, rows
    )
    needed = enough(shares)
    at = min(range(len(counts)), key=lambda i: abs(counts[i] - needed))
    best = min(range(len(counts)), key=lambda i: found[i]["noisy"])
    run.text(
        "What to see",
        f"{needed} of {train.shape[1]} components keep {ENOUGH:.0%} of the variance. Random directions keep about their share of "
        f"the dimensions and no more. Noisy pictures are best rebuilt from {counts[best]} components: error "
        f"{found[best]['noisy']:.4f}, where leaving them as they are has {NOISE**2:.4f}.",
    )
    run.result(
        components_for_90_percent=needed,
        measured_at_k=counts[at],
        held_out_error=found[at]["components"],
        mean_picture_baseline=mean_picture,
        random_directions_baseline=found[at]["random"],
        liveliest_pixels_baseline=found[at]["pixels"],
        beats_mean_picture=found[at]["components"] < mean_picture,
        beats_random_directions=found[at]["components"] < found[at]["random"],
        beats_pixels=found[at]["components"] < found[at]["pixels"],
        best_k_for_noisy_pictures=counts[best],
        cleans_noise=found[best]["noisy"] < NOISE**2,
    )


# ── pictures ─────────────────────────────────────────────────────────────────


def drawn(picture: torch.Tensor) -> list[str]:
    """A picture in characters, two for a pixel; a large one in blocks."""
    step = -(-picture.shape[1] // WIDEST)
    if step > 1:
        picture = torch.nn.functional.avg_pool2d(picture[None, None], step)[0, 0]
    last = len(SHADES) - 1
    return ["".join(SHADES[min(max(round(one * last), 0), last)] * 2 for one in row) for row in picture.tolist()]


def show(run: Run, counts, shares, middle, held_out, labels, components, shape) -> None:
    """The first pictures of some digits, and what k components make of them."""
    needed = enough(shares)
    nearest = (min(counts, key=lambda k: abs(k - aim)) for aim in (needed // 6, needed // 2, needed))
    chosen = list(dict.fromkeys(nearest))
    lines = []
    for digit in range(2, 2 + 2 * SHOWN, 2):
        at = int(np.flatnonzero(labels == digit)[0]) if (labels == digit).any() else 0
        versions = [held_out[at], *(rebuilt(held_out[at : at + 1], middle, components[:k])[0] for k in chosen)]
        pictures = [drawn(one.reshape(shape)) for one in versions]
        heads = [f"a {int(labels[at])}", *(f"k = {k}" for k in chosen)]
        lines.append(" ".join(head.ljust(len(pictures[0][0])) for head in heads).rstrip())
        lines += [" ".join(row).rstrip() for row in zip(*pictures)]
        lines.append("")
    run.text("Pictures not seen before, and what is rebuilt", "\n".join(lines))
