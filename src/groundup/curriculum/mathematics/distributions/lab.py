"""The central limit theorem at work: sums of draws from several distributions, and how near they are to the normal curve.

Five kinds of draws are added up, one at a time, two, four, and so on: lengths of the words of a real text; whether a word is the text's
commonest; a Poisson and a binomial count whose parameters are from the same text; normal numbers. Each sum is brought to mean 0
and variance 1, and the largest gap between its distribution function and the normal curve's is measured over many sums. The
baseline is the gap of a single draw, and beside each gap stands the bound of Berry and Esseen, which no distribution may exceed
by more than chance. A sixth kind, the ratio of two normal numbers, has no mean: its averages are compared with a normal
curve of the same quartiles, and never come nearer.
"""

import json
import math
import re
from collections import Counter

import torch

from groundup.authoring import Inputs, Option, Run, Scale
from groundup.stack.data.sets import SETS, read_text
from groundup.stack.numerics import (
    binomial_log_pmf,
    expectation,
    moment,
    poisson_log_pmf,
    sample_categorical,
    sample_normal,
)

options = {"text": Option(f"whose words: python, {', '.join(SETS)}, or a text file's path", default="python")}
SUMS = {"smoke": 2000, "tiny": 40_000, "small": 400_000}
TERMS = {"smoke": (1, 4, 16), "tiny": (1, 2, 4, 8, 16, 32, 64, 128, 256), "small": tuple(2**i for i in range(11))}
scales = tuple(SUMS)
AT_ONCE = 2_000_000  # draws
SHEVTSOVA = 0.4748  # the constant in the bound of Berry and Esseen
LONGEST = 24  # letters; what is longer counts as this
ALARM = 1e-6


def prepare(options, scale):
    corpus = read_text(str(options["text"]))
    words = re.findall(r"[^\W\d_]+", corpus.train.lower())
    if len(words) < 500:
        raise ValueError(f"{len(words)} words, where 500 are needed: name a longer text")
    lengths = Counter(min(len(word), LONGEST) for word in words)
    commonest, times = Counter(words).most_common(1)[0]
    found = {"lengths": sorted(lengths.items()), "commonest": commonest, "share": times / len(words)}
    return Inputs({"words.json": json.dumps(found).encode()}, {**corpus.provenance, "words": len(words)})


def kinds_of(found) -> dict[str, tuple[torch.Tensor, torch.Tensor] | None]:
    """For each kind its values and the logarithms of their probabilities; None for what is not drawn from a table."""
    lengths = torch.tensor([length for length, _ in found["lengths"]], dtype=torch.float64)
    counts = torch.tensor([count for _, count in found["lengths"]], dtype=torch.float64)
    share = torch.tensor(found["share"], dtype=torch.float64)
    twenty, hundred = torch.arange(21), torch.arange(101)
    return {
        "letters in a word": (lengths, (counts / counts.sum()).log()),
        f"is it “{found['commonest']}”": (
            torch.tensor([0.0, 1.0], dtype=torch.float64),
            torch.stack([1 - share, share]).log(),
        ),
        f"“{found['commonest']}” in 20 words (binomial)": (twenty.double(), binomial_log_pmf(twenty, 20, share)),
        "rare events (Poisson, rate 0.3)": (hundred.double(), poisson_log_pmf(hundred, torch.tensor(0.3).double())),
        "normal numbers": None,
        "ratios of two normal numbers": None,
    }


def draw(kind: str, table, count: int, generator: torch.Generator) -> torch.Tensor:
    if table is not None:
        return table[0][sample_categorical(table[1], count, generator)]
    drawn = sample_normal(count, generator).double()
    return drawn / sample_normal(count, generator).double() if kind.startswith("ratios") else drawn


def sums(kind: str, table, terms: int, count: int, generator: torch.Generator) -> torch.Tensor:
    """(count,): each the sum of so many draws."""
    rows = max(AT_ONCE // terms, 1)
    parts = [
        draw(kind, table, min(rows, count - done) * terms, generator).reshape(-1, terms).sum(dim=1)
        for done in range(0, count, rows)
    ]
    return torch.cat(parts)


def standardized(kind: str, table, total: torch.Tensor, terms: int) -> torch.Tensor:
    """With the mean and variance that theory says; by quartiles where there is no mean."""
    if kind.startswith("ratios"):
        low, middle, high = torch.quantile(total[: 2**22], torch.tensor([0.25, 0.5, 0.75], dtype=torch.float64))
        return (total - middle) / ((high - low) / 2) * 0.6744897501960817
    if table is None:
        return total / math.sqrt(terms)
    p = table[1].exp()
    mean, variance = expectation(table[0], p), moment(table[0], p, 2, central=True)
    return (total - terms * mean) / (terms * variance).sqrt()


def gap(z: torch.Tensor) -> float:
    """The largest distance between the distribution function of the numbers and that of the standard normal curve."""
    values, counts = torch.unique(z, return_counts=True)
    upto = counts.cumsum(0).double() / len(z)
    normal = torch.special.ndtr(values.double())
    below = torch.cat([torch.zeros(1, dtype=torch.float64), upto[:-1]])
    return float(torch.maximum((upto - normal).abs(), (normal - below).abs()).max())


def bound(table, terms: int) -> float | None:
    """How large the gap can be at most, by Berry and Esseen; None where the theorem does not apply."""
    if table is None:
        return None
    p = table[1].exp()
    away = (table[0] - expectation(table[0], p)).abs()
    return SHEVTSOVA * float(moment(away, p, 3) / moment(away, p, 2) ** 1.5) / math.sqrt(terms)


def chance(count: int) -> float:
    """What chance alone adds to a gap at most, but for one case in a million (Dvoretzky, Kiefer, Wolfowitz; Massart)."""
    return math.sqrt(math.log(2 / ALARM) / (2 * count))


def run(run: Run, scale: Scale) -> None:
    found = json.loads(run.input("words.json").read_bytes())
    kinds, count, terms = kinds_of(found), SUMS[scale], TERMS[scale]
    draws = 6 * count * sum(terms)
    run.expect(seconds=2 + draws / 8e6, memory_mb=400 + AT_ONCE * 48 / 2**20, draws=draws, sums=count)
    state = run.state or {"base": int(torch.randint(2**40, ()).item()), "gaps": {}}
    steps = [(kind, m) for m in terms for kind in kinds]
    done = len(state["gaps"])
    for number in run.track(range(done, len(steps)), "adding up draws", total=len(steps), done=done):
        kind, m = steps[number]
        generator = torch.Generator().manual_seed(state["base"] + number)
        total = sums(kind, kinds[kind], m, count, generator)
        state["gaps"][f"{kind}|{m}"] = gap(standardized(kind, kinds[kind], total, m))
        run.log(m, **{_short(kind): state["gaps"][f"{kind}|{m}"]})
        run.checkpoint(lambda: state)
    report(run, kinds, state["gaps"], terms, count)


def _short(kind: str) -> str:
    return kind.partition(" (")[0]


def report(run: Run, kinds, gaps: dict[str, float], terms, count: int) -> None:
    last = terms[-1]
    rows = [
        [kind, gaps[f"{kind}|1"], gaps[f"{kind}|{terms[len(terms) // 2]}"], gaps[f"{kind}|{last}"], bound(table, last)]
        for kind, table in kinds.items()
    ]
    columns = ["sums of", "one", str(terms[len(terms) // 2]), str(last), f"bound for {last}"]
    run.table("Largest gap to the normal curve", columns, rows)
    letters, ratios = next(iter(kinds)), list(kinds)[-1]
    kept = all(
        gaps[f"{kind}|{m}"] <= bound(table, m) + chance(count) for kind, table in kinds.items() if table for m in terms
    )
    run.text(
        "What to see",
        f"A gap halves where four times as many are added up, until chance hides it (it adds up to {chance(count):.4f}). "
        "A rare word is there or not, which is the most skewed kind, and takes the most of them. Ratios of normal numbers "
        "stay where they were.",
    )
    run.result(
        letters_of_one=gaps[f"{letters}|1"],
        letters_of_many=gaps[f"{letters}|{last}"],
        ratios_of_many=gaps[f"{ratios}|{last}"],
        beats_one=gaps[f"{letters}|{last}"] < gaps[f"{letters}|1"] / 2,
        within_the_bound=kept,
        ratios_stay=gaps[f"{ratios}|{last}"] > gaps[f"{ratios}|1"] / 2,
    )
