"""The project of an A/B test report: its models by hand, its p-values and bounds by SciPy, its words by example."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest
import torch
from scipy import stats

from groundup.stack.data.sets import SEPARATOR
from groundup.study.roadmap import load_roadmap

PROJECT = load_roadmap().projects["ab-test-report"]


@pytest.fixture(scope="module")
def lab() -> ModuleType:
    return PROJECT.module("lab.py")


def by_hand(text: list[int], passage: list[int], letters: int, strength: float, base: int, longest: int) -> float:
    """Bits per letter, with a counter and a loop."""
    grams = [Counter(tuple(text[i : i + k + 1]) for i in range(len(text) - k)) for k in range(letters + 1)]
    lost = []
    for i in range(longest, len(passage)):
        share = 1 / base
        for k in range(letters + 1):
            gram = tuple(passage[i - k : i + 1])
            of = sum(n for one, n in grams[k].items() if one[:-1] == gram[:-1])
            share = (grams[k][gram] + strength * share) / (of + strength)
        lost.append(-math.log2(share))
    return sum(lost) / len(lost)


@pytest.mark.parametrize("letters", [0, 1, 3, 5])
def test_bits_as_counted_by_hand(lab: ModuleType, letters: int) -> None:
    generator = torch.Generator().manual_seed(letters)
    text = torch.randint(4, (300,), generator=generator)
    passages = torch.randint(4, (3, 5 + 12), generator=generator)
    got = lab.bits(text, passages, letters, 2.5, 4)
    wanted = [by_hand(text.tolist(), one.tolist(), letters, 2.5, 4, lab.LONGEST) for one in passages]
    assert got.tolist() == pytest.approx(wanted, rel=1e-12)


def test_shares_of_all_letters_add_up_to_1(lab: ModuleType) -> None:
    text = torch.tensor([0, 1, 2, 0, 1, 0, 0, 2, 1, 0, 1, 2])
    contexts = [[0, 1, 0, 1, 2], [2, 2, 2, 2, 2], [0, 0, 1, 0, 1]]
    for context in contexts:
        passages = torch.tensor([[*context, letter] for letter in range(3)])
        assert float((2 ** -lab.bits(text, passages, 3, 5.0, 3)).sum()) == pytest.approx(1)


@pytest.mark.parametrize("samples", [4, 8, 40, 79])
def test_p_of_t_as_scipy_has_it(lab: ModuleType, samples: int) -> None:
    tails = lab.tails_of(samples, 0.05, 7)
    t = torch.linspace(-4, 4, 101, dtype=torch.float64)
    wanted = 2 * stats.t.sf(t.abs().numpy(), samples - 1)
    assert lab.p_of(t, tails).tolist() == pytest.approx(wanted.tolist(), rel=0.01)
    # What p is compared with is exact.
    edges = torch.tensor([stats.t.isf(0.05 / k / 2, samples - 1) for k in range(1, 8)], dtype=torch.float64)
    assert lab.p_of(edges, tails).tolist() == pytest.approx([0.05 / k for k in range(1, 8)], rel=1e-6)


def test_p_of_extremes(lab: ModuleType) -> None:
    tails = lab.tails_of(8, 0.05, 7)
    t = torch.tensor([0.0, math.nan, math.inf, -math.inf], dtype=torch.float64)
    assert lab.p_of(t, tails).tolist() == pytest.approx([1, 1, lab.LEAST_P, lab.LEAST_P])
    assert lab.normal_p(t).tolist() == pytest.approx([1, 1, 0, 0])


def test_p_of_a_table(lab: ModuleType) -> None:
    tails = lab.tails_of(8, 0.05, 7)
    t = torch.tensor([[0.5, -2.0, 3.0], [1.0, 7.0, -0.1]], dtype=torch.float64)
    rows = torch.stack([lab.p_of(one, tails) for one in t])
    assert torch.equal(lab.p_of(t.T.contiguous().T, tails), rows)


@pytest.mark.parametrize("n", [20, 60, 1000])
@pytest.mark.parametrize("chance", [0.001, 0.05, 0.3])
@pytest.mark.parametrize("sure", [0.001, 0.0001])
def test_what_chance_allows_as_scipy_has_it(lab: ModuleType, n: int, chance: float, sure: float) -> None:
    assert lab.most(n, chance, sure) == stats.binom.ppf(1 - sure, n, chance)


def test_counts_are_added_up(lab: ModuleType) -> None:
    counts: dict[str, list[int]] = {}
    p = torch.tensor([[0.04, 0.5], [0.3, 0.01], [0.3, 0.6]], dtype=torch.float64)
    lab.alarms(counts, "t", p, 0.05)
    lab.alarms(counts, "t", p, 0.05)
    assert counts == {"t: first": [2], "t: any": [4], "t: Holm": [2]}


def test_a_finding_may_be_the_wrong_way_round(lab: ModuleType) -> None:
    counts: dict[str, list[int]] = {}
    found, right = torch.tensor([[True, True], [False, True]]), torch.tensor([[True, False], [True, True]])
    lab.findings(counts, "t", found, right)
    assert counts == {"t: found": [1, 1], "t: the wrong way round": [0, 1]}


def test_verdicts(lab: ModuleType) -> None:
    assert lab.verdict(-0.2, -0.3, -0.1, 0.001, True, 0.05, 7) == "better than the control"
    assert lab.verdict(0.2, 0.1, 0.3, 0.001, True, 0.05, 7) == "worse than the control"
    assert "one of 7" in lab.verdict(0.2, 0.1, 0.3, 0.03, False, 0.05, 7)
    words = lab.verdict(0.05, -0.1, 0.2, 0.4, False, 0.05, 7)
    assert "0.100 better to 0.200 worse" in words
    assert lab.judged(-0.2, -0.1, True) == "right"
    assert lab.judged(-0.2, 0.1, True) == "the wrong way round"
    assert lab.judged(-0.2, -0.1, False) == "missed"


def test_no_passage_is_learned_from(lab: ModuleType) -> None:
    # Words that name their document, in letters.
    names = [chr(97 + i // 26) + chr(97 + i % 26) + "xyz" for i in range(100)]
    text = SEPARATOR.join(" ".join([name] * 200) for name in names)
    one, other, passages = lab.parted(text, 10**9, 10**9)
    assert len(one) == len(other)
    learned, held = {*one.split(), *other.split()}, set(" ".join(passages).split())
    assert {word for word in held if len(word) == 5}.isdisjoint(learned)
    assert {len(passage) for passage in passages} == {lab.LETTERS + lab.LONGEST}
    assert not {*one.split()[:-1]} & {*other.split()[:-1]}


def test_a_text_with_too_few_letters_is_refused(lab: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "short.txt"
    path.write_text("a few words and no more\n" * 200)
    with pytest.raises(ValueError, match="are needed"):
        lab.prepare({"text": str(path)}, "smoke")
