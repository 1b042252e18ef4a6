"""An A/B test report: variants of a small language model against a control, on the same few passages of real text.

The models guess the next letter from the last few, by counts that are smoothed; each is scored in bits per letter. A study
draws some passages from a pool that nobody learned from, and reports differences with intervals, p-values and verdicts.
As a study draws from the pool, the pool's own mean is the true difference, and every promise can be tried out: in studies
where there is nothing to find, how many find something, and how many intervals hold the truth. Baselines: p-values
without correction, intervals by the normal quantile, variants shown to groups of their own, passages that are neighbors.
"""

import json
import math
import random
import re
from statistics import NormalDist

import torch

from groundup.authoring import Inputs, Option, Run, Scale
from groundup.stack.data.sets import SEPARATOR, SETS, read_text
from groundup.stack.numerics import (
    bootstrap_interval,
    correlation,
    holm_bonferroni,
    mean_interval,
    permutation_p_value,
    t_statistic,
)

options = {
    "text": Option(f"whose letters: python, {', '.join(SETS)}, or a text file's path", default="python"),
    "passages": Option("passages of a study", "number", 40, low=4, high=500),
    "alpha": Option("the level of the tests; intervals have 1 - alpha", "number", 0.05, low=0.001, high=0.3),
}
scales = ("smoke", "tiny", "small")
LETTERS, LONGEST = 200, 5  # of a passage: those that count, and those before them that any model may look at
POOL = {"smoke": 300, "tiny": 20_000, "small": 20_000}  # passages at most, and letters at most to learn from:
TRAINING = {"smoke": 30_000, "tiny": 400_000, "small": 400_000}
STUDIES = {"smoke": 40, "tiny": 1000, "small": 10_000}
BATCH = 20  # studies at a time
FEW, MANY = 8, 200  # passages of a study that is small, and of one that is large
RESAMPLES, TRIES, REPORTED = 400, 199, 4999  # of the bootstrap, of permutations, and of both in the report
LEAST_P, SURE = 1e-6, 0.001  # p-values are told down to this; a promise that is kept looks broken so rarely
CONTROL = "control"
# Letters to look at, what the shorter context counts for, and what is learned from.
RECIPES = {
    CONTROL: (3, 5.0, "one"),
    "looks at 2 letters": (2, 5.0, "one"),
    "looks at 4 letters": (4, 5.0, "one"),
    "looks at 5 letters": (5, 5.0, "one"),
    "smooths less": (3, 2.0, "one"),
    "smooths more": (3, 12.0, "one"),
    "other text, as much": (3, 5.0, "other"),
    "twice the text": (3, 5.0, "both"),
}
TESTS = ("two groups, labels permuted", "differences, Student's tails", "differences, normal tails")
INTERVALS = ("Student's", "normal quantile", "bootstrap", "Student's, but neighbors")
TWO = torch.float64


def prepare(options, scale):
    corpus = read_text(str(options["text"]))
    one, other, passages = parted(corpus.train + SEPARATOR + corpus.held_out, TRAINING[scale], POOL[scale])
    found = {"one": one, "other": other, "passages": passages}
    facts = {"passages in the pool": len(passages), "letters to learn from": len(one)}
    return Inputs({"text.json": json.dumps(found).encode()}, {**corpus.provenance, **facts})


def parted(text: str, training: int, pool: int) -> tuple[str, str, list[str]]:
    """Two texts of one length to learn from, and passages of other documents; those of one document are neighbors."""
    documents = text.split(SEPARATOR)
    if len(documents) < 40:
        block = max(len(text) // 40, 1)
        documents = [text[i : i + block] for i in range(0, len(text), block)]
    documents = [" ".join(re.findall(r"[^\W\d_]+", one.lower())) for one in documents]
    random.Random(0).shuffle(documents)
    share = sum(map(len, documents)) // 5  # for each text to learn from; three fifths for the pool
    parts: list[list[str]] = [[], [], []]
    for document in documents:
        place = next((i for i in (0, 1) if sum(map(len, parts[i])) < share), 2)
        parts[place].append(document)
    one, other = (" ".join(part)[:training] for part in parts[:2])
    size = min(len(one), len(other))
    long = LETTERS + LONGEST
    passages = [doc[i : i + long] for doc in parts[2] for i in range(0, len(doc) - long + 1, long)][:pool]
    if len(passages) < 60:
        raise ValueError(f"{len(passages)} passages, where 60 are needed: name a longer text")
    return one[:size], other[:size], passages


# ── the models ───────────────────────────────────────────────────────────────


def windows(codes, length: int, base: int):
    """Every stretch of so many letters, as one number: (..., T) → (..., T - length + 1)."""
    count = codes.shape[-1] - length + 1
    found = torch.zeros_like(codes[..., :count])
    for j in range(length):
        found = found * base + codes[..., j : j + count]
    return found


def looked_up(table, keys):
    """How often each was counted."""
    values, counts = table
    place = torch.searchsorted(values, keys).clamp(max=len(values) - 1)
    return torch.where(values[place] == keys, counts[place], 0).to(TWO)


def bits(text, passages, letters: int, strength: float, base: int):
    """Bits per letter of each passage: (passages,). Each context's counts are smoothed by the next shorter one's guess,
    which counts for as many letters as ``strength`` says."""
    share = torch.full((len(passages), passages.shape[1] - LONGEST), 1 / base, dtype=TWO)
    for k in range(letters + 1):
        known = windows(text, k + 1, base)
        keys = windows(passages[:, LONGEST - k :], k + 1, base)
        seen = looked_up(torch.unique(known, return_counts=True), keys)
        of = looked_up(torch.unique(known // base, return_counts=True), keys // base)
        share = (seen + strength * share) / (of + strength)
    return -share.log2().mean(dim=-1)


def scored(found: dict) -> torch.Tensor:
    """(passages, recipes): bits per letter, the control first."""
    texts = {"one": found["one"], "other": found["other"], "both": found["one"] + " " + found["other"]}
    alphabet = {letter: i for i, letter in enumerate(sorted({*texts["both"], *"".join(found["passages"])}))}
    if len(alphabet) ** (LONGEST + 1) >= 2**62:
        raise ValueError(f"an alphabet of {len(alphabet)} letters is too large for this lab")
    codes = {name: torch.tensor([alphabet[letter] for letter in text]) for name, text in texts.items()}
    passages = torch.tensor([[alphabet[letter] for letter in one] for one in found["passages"]])
    columns = [bits(codes[of], passages, letters, s, len(alphabet)) for letters, s, of in RECIPES.values()]
    return torch.stack(columns, dim=1)


# ── what t means, and what chance allows ─────────────────────────────────────


def tails_of(samples: int, alpha: float, comparisons: int):
    """A table of t and log p for Student's t of so many samples, read off the intervals: one of level 1 - p reaches from
    samples of mean 0 and standard error 1 as far as the t that has this p."""
    unit = torch.linspace(-1, 1, samples, dtype=TWO)
    unit = unit * math.sqrt(samples) / unit.std()
    marks = {math.exp(math.log(LEAST_P) * i / 80) for i in range(1, 81)}
    marks |= {alpha / k for k in range(1, comparisons + 1)}  # what p is compared with is not left to interpolation
    p = sorted(marks, reverse=True)
    t = [float(mean_interval(unit, 1 - one)[1]) for one in p]
    return torch.tensor([0.0, *t], dtype=TWO), torch.tensor([1.0, *p], dtype=TWO).log()


def p_of(t, tails):
    """The p-values of values of t, down to LEAST_P; 1 where t is NaN, as where nothing differs."""
    at, log_p = tails
    size = torch.nan_to_num(t.abs(), nan=0.0).clamp(max=float(at[-1])).contiguous()
    above = torch.searchsorted(at, size).clamp(1, len(at) - 1)
    share = (size - at[above - 1]) / (at[above] - at[above - 1])
    return torch.lerp(log_p[above - 1], log_p[above], share).exp()


def normal_p(t):
    return torch.erfc(torch.nan_to_num(t.abs(), nan=0.0) / math.sqrt(2))


def most(n: int, chance: float, sure: float = SURE) -> int:
    """The smallest number that n throws, each with this chance, exceed with a probability of at most ``sure``."""
    reached = 0.0
    for k in range(n + 1):
        ways = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
        reached += math.exp(ways + k * math.log(chance) + (n - k) * math.log1p(-chance))
        if 1 - reached <= sure:
            return k
    return n


# ── studies by the hundred ───────────────────────────────────────────────────


def corrected(p, alpha: float):
    """Holm's correction of each family: (families, comparisons) bool."""
    return torch.stack([holm_bonferroni(one, alpha) for one in p])


def count(counts: dict, name: str, found) -> None:
    """(studies,) or (studies, comparisons) bool: how often it was so, by comparison."""
    new = found.sum(dim=0).reshape(-1)
    counts[name] = [a + b for a, b in zip(counts.get(name) or [0] * len(new), new.tolist(), strict=True)]


def alarms(counts: dict, name: str, p, alpha: float) -> None:
    count(counts, f"{name}: first", p[:, 0] <= alpha)
    count(counts, f"{name}: any", (p <= alpha).any(dim=1))
    count(counts, f"{name}: Holm", corrected(p, alpha).any(dim=1))


def findings(counts: dict, name: str, found, right) -> None:
    count(counts, f"{name}: found", found & right)
    count(counts, f"{name}: the wrong way round", found & ~right)


def mean_of_rows(x):
    return x.mean(dim=0)


def intervals(differences, size: int, alpha: float, generator, counts: dict):
    """Which intervals hold the true difference. Returns the differences: (studies, comparisons, passages)."""
    truth, number = differences.mean(dim=0), len(differences)
    drawn = differences[torch.randint(number, (BATCH, size), generator=generator)]
    each = drawn.mT
    reach = NormalDist().inv_cdf(1 - alpha / 2) * each.std(dim=-1) / math.sqrt(size)
    resampled = [bootstrap_interval(one, mean_of_rows, 1 - alpha, RESAMPLES, generator) for one in drawn]
    low, high = (torch.stack([one[end] for one in resampled]) for end in (0, 1))
    start = torch.randint(number, (BATCH, 1), generator=generator)
    neighbors = differences[(start + torch.arange(size)) % number].mT
    found = {
        "Student's": mean_interval(each, 1 - alpha),
        "normal quantile": (each.mean(dim=-1) - reach, each.mean(dim=-1) + reach),
        "bootstrap": (low, high),
        "Student's, but neighbors": mean_interval(neighbors, 1 - alpha),
    }
    for name, (lower, upper) in found.items():
        count(counts, name, (lower <= truth) & (truth <= upper))
    return each


def studies(pool, size: int, alpha: float, tails: dict, generator, counts: dict, permuted: bool = True) -> None:
    """A batch of studies of one size: intervals, tests where nothing is to be found, and tests where something is.

    Permuting the labels of many passages takes long: only where ``permuted``.
    """
    differences = pool[:, 1:] - pool[:, :1]
    each = intervals(differences, size, alpha, generator, counts)
    comparisons = differences.shape[1]
    # What is true, told to the test as what is to be doubted: every finding is a false alarm.
    t = t_statistic(each, differences.mean(dim=0).unsqueeze(-1).expand(-1, 2))
    alarms(counts, "differences, Student's tails", p_of(t, tails["one"]), alpha)
    alarms(counts, "differences, normal tails", normal_p(t), alpha)
    # A/A: every group gets passages of its own, and all get the control.
    rows = torch.randint(len(pool), (BATCH, comparisons + 1, size), generator=generator)
    if permuted:
        same = pool[:, 0][rows]
        p = [[permutation_p_value(one, groups[0], TRIES, generator) for one in groups[1:]] for groups in same]
        alarms(counts, "two groups, labels permuted", torch.tensor(p, dtype=TWO), alpha)
    # A/B: what is found of what is there.
    paired = t_statistic(each, torch.zeros(comparisons, 2, dtype=TWO))
    p, sides = p_of(paired, tails["one"]), (paired > 0) == (differences.mean(dim=0) > 0)
    findings(counts, "differences, uncorrected", p <= alpha, sides)
    findings(counts, "differences, Holm", corrected(p, alpha), sides)
    groups = torch.stack([pool[rows[:, j], j] for j in range(comparisons + 1)], dim=1)
    apart = t_statistic(groups[:, 1:], groups[:, :1])
    sides = (apart > 0) == (differences.mean(dim=0) > 0)
    findings(counts, "two groups, Holm", corrected(p_of(apart, tails["two"]), alpha), sides)


# ── the run ──────────────────────────────────────────────────────────────────


def run(run: Run, scale: Scale) -> None:
    torch.set_num_threads(1)  # tensors as small as these are only held up by a second one
    found = json.loads(run.input("text.json").read_bytes())
    alpha, size, total = float(run.options["alpha"]), int(run.options["passages"]), STUDIES[scale]
    run.expect(
        seconds=3 + total / 20,
        memory_mb=400 + len(found["one"]) / 2e3 + len(found["passages"]) / 20,
        passages=len(found["passages"]),
        comparisons=len(RECIPES) - 1,
        studies=total,
    )
    pool = scored(found)
    sizes = sorted({FEW, size, MANY})
    state = run.state or {
        "base": int(torch.randint(2**40, ()).item()),
        "done": 0,
        "counts": {str(n): {} for n in sizes},
    }
    comparisons = len(RECIPES) - 1
    # Two groups of n have 2n - 2 degrees of freedom, as 2n - 1 samples have.
    tails = {n: {"one": tails_of(n, alpha, comparisons), "two": tails_of(2 * n - 1, alpha, comparisons)} for n in sizes}
    batches = range(state["done"] // BATCH, total // BATCH)
    for number in run.track(batches, "studies, twenty at a time", total=total // BATCH, done=batches.start):
        generator = torch.Generator().manual_seed(state["base"] + number)
        for n in sizes:
            studies(pool, n, alpha, tails[n], generator, state["counts"][str(n)], n in (FEW, size))
        state["done"] += BATCH
        curves(run, state, size)
        run.checkpoint(lambda: state)
    generator = torch.Generator().manual_seed(state["base"] - 1)
    reported = report(run, pool, size, alpha, tails[size]["one"], generator)
    promises(run, state["counts"], sizes, total, alpha)
    outcome(run, state["counts"], size, total, alpha, reported)


def curves(run: Run, state: dict, size: int) -> None:
    now = state["counts"][str(size)]
    run.log(
        state["done"],
        uncorrected=now[f"{TESTS[0]}: any"][0] / state["done"],
        with_holm=now[f"{TESTS[0]}: Holm"][0] / state["done"],
    )


def verdict(difference: float, low: float, high: float, p: float, kept: bool, alpha: float, comparisons: int) -> str:
    """In words; fewer bits are better."""
    side = "better" if difference < 0 else "worse"
    if kept:
        return f"{side} than the control"
    if p <= alpha:
        return f"{side} by itself, but not as one of {comparisons}"
    return f"no difference shown: {-low:.3f} better to {high:.3f} worse"


def judged(difference: float, truth: float, kept: bool) -> str:
    if not kept:
        return "missed"
    return "right" if difference * truth > 0 else "the wrong way round"


def report(run: Run, pool, size: int, alpha: float, tails, generator) -> dict[str, int]:
    """One study, as one would hand it in; and what could not be known without the pool."""
    sample = pool[torch.randint(len(pool), (size,), generator=generator)]
    control, each = sample[:, 0], (sample[:, 1:] - sample[:, :1]).T
    comparisons = len(each)
    low, high = mean_interval(each, 1 - alpha)
    ends = bootstrap_interval(each.T, mean_of_rows, 1 - alpha, REPORTED, generator)
    p = p_of(t_statistic(each, torch.zeros(comparisons, 2, dtype=TWO)), tails)
    kept = holm_bonferroni(p, alpha)
    grouped = [permutation_p_value(sample[:, j], control, REPORTED, generator) for j in range(1, comparisons + 1)]
    kept_grouped = holm_bonferroni(torch.tensor(grouped, dtype=TWO), alpha)
    alike = correlation(sample)[0]
    differences = pool[:, 1:] - pool[:, :1]
    truth = differences.mean(dim=0)
    farthest = ((differences - truth).abs() / differences.std(dim=0)).amax(dim=0)
    names = [name for name in RECIPES if name != CONTROL]
    rows, beside = [[CONTROL, round(float(control.mean()), 3), None, None, None, None, None]], []
    for j, name in enumerate(names):
        d, a, b = float(each[j].mean()), float(low[j]), float(high[j])
        words = verdict(d, a, b, float(p[j]), bool(kept[j]), alpha, comparisons)
        student, bootstrap = f"{a:+.3f} to {b:+.3f}", f"{float(ends[0][j]):+.3f} to {float(ends[1][j]):+.3f}"
        rows.append([name, round(d + rows[0][1], 3), f"{d:+.3f}", student, bootstrap, told(float(p[j])), words])
        right = judged(d, float(truth[j]), bool(kept[j]))
        alone = told(grouped[j])
        far = round(float(farthest[j]), 1)
        beside.append([name, f"{float(truth[j]):+.4f}", right, round(float(alike[j + 1]), 3), alone, far])
    level = f"{1 - alpha:.1%}"
    columns = ["variant", "bits per letter", "difference", f"{level} interval", "by the bootstrap", "p", "verdict"]
    run.table(f"The report: {size} passages, {comparisons} comparisons", columns, rows)
    columns = ["variant", "true difference", "the verdict was", "correlation", "p as two groups", "farthest passage"]
    run.table("Behind the report: the truth, and the scores", columns, beside)
    summary = {"found": int(kept.sum()), "uncorrected": int((p <= alpha).sum()), "grouped": int(kept_grouped.sum())}
    best = min(range(comparisons), key=lambda j: float(high[j]))
    run.text("In words", in_words(summary, comparisons, size, names[best], float(low[best]), float(high[best]), level))
    return summary


def told(p: float) -> str:
    return f"{p:.4f}" if p >= 1e-4 else f"{LEAST_P:.6f} or less" if p <= LEAST_P * 1.01 else f"{p:.6f}"


def in_words(
    summary: dict[str, int], comparisons: int, size: int, best: str, low: float, high: float, level: str
) -> str:
    lines = [
        f"On {size} passages {summary['found']} of {comparisons} variants are told from the control once all comparisons "
        f"are corrected for, {summary['uncorrected']} without. Had the scores been taken as two groups of passages that "
        f"have nothing to do with each other, it would be {summary['grouped']}."
    ]
    if high < 0:
        lines.append(f"Surest to be better is: {best}. It saves {-high:.3f} to {-low:.3f} bits per letter ({level}).")
    else:
        lines.append("No interval lies wholly on the better side: keep the control.")
    return "\n".join(lines)


# ── the promises ─────────────────────────────────────────────────────────────


def promises(run: Run, counts: dict, sizes: list[int], total: int, alpha: float) -> None:
    allowed = most(total, alpha)
    rows = []
    for n in sizes:
        for test in (one for one in TESTS if f"{one}: any" in counts[str(n)]):
            first, anywhere, holm = (counts[str(n)][f"{test}: {what}"][0] for what in ("first", "any", "Holm"))
            kept = "held" if max(first, holm) <= allowed else "broken"
            rows.append([test, n, first / total, anywhere / total, holm / total, allowed / total, kept])
    columns = ["test", "passages", "one comparison", "any, uncorrected", "any, with Holm", "allowed", "promise"]
    run.table(f"Where nothing is to be found: false alarms in {total} studies", columns, rows)
    rows = []
    for n in sizes:
        for name in INTERVALS:
            held = counts[str(n)][name]
            needed = total - most(total, alpha, SURE / len(held))
            kept = "held" if min(held) >= needed else "broken"
            rows.append([name, n, sum(held) / len(held) / total, min(held) / total, needed / total, kept])
    columns = ["interval", "passages", "hold the truth", "worst variant", "needed", "promise"]
    run.table(f"Intervals that should hold the true difference in {1 - alpha:.1%} of studies", columns, rows)
    rows = []
    for n in sizes:
        for how in ("differences, uncorrected", "differences, Holm", "two groups, Holm"):
            found, wrong = (sum(counts[str(n)][f"{how}: {what}"]) for what in ("found", "the wrong way round"))
            rows.append([how, n, found / total, wrong / total])
    columns = ["asked by", "passages", "found", "the wrong way round"]
    run.table(f"Found in a study, on average, of {len(RECIPES) - 1} differences", columns, rows)


def outcome(run: Run, counts: dict, size: int, total: int, alpha: float, reported: dict[str, int]) -> None:
    here, small = counts[str(size)], counts[str(FEW)]
    allowed = most(total, alpha)
    permuted, holm = here[f"{TESTS[0]}: first"][0], here[f"{TESTS[0]}: Holm"][0]
    held = {name: round(sum(small[name]) / len(small[name]) / total, 6) for name in INTERVALS[:3]}
    run.result(
        variants=len(RECIPES) - 1,
        found_in_the_report=reported["found"],
        found_as_two_groups=reported["grouped"],
        false_alarms_one_comparison=permuted / total,
        false_alarms_any_uncorrected=here[f"{TESTS[0]}: any"][0] / total,
        false_alarms_any_with_holm=holm / total,
        allowed=allowed / total,
        promise_held=max(permuted, holm) <= allowed,
        **{f"hold_truth_of_{FEW}_{name.split()[0].lower().replace(chr(39), '')}": one for name, one in held.items()},
        hold_truth_neighbors=round(sum(here[INTERVALS[3]]) / len(here[INTERVALS[3]]) / total, 6),
    )
