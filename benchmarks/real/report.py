"""The results as a page that a person can read: what was asked, how it was measured, and who wins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import Template
from typing import Any

from real.verdicts import Side, Verdict

_PAGE = Template("""\
# Real tasks, measured

Written by `benchmarks/real_tasks.py --report` on $machine, with torch $torch. No number here is typed in.$warning

Small models of ours, trained by our own loop, beside transformers' implementation of the same architecture in a plain
loop of PyTorch's parts, and beside what the field used before. The two of a pair share the first weights, the examples
of each update and the settings, and nothing else. Scores are means over the seeds that the
table names, on the same held-out examples, with the standard deviation over seeds.

A pair is alike where the 90 % interval of the difference ($resamples bootstrap resamples of examples and seeds) lies
within a margin that was fixed before: $margin points, for perplexities $percent %. "Not shown" is not "different".
The plans of Multi30k and SciTLDR were changed after a first run, and given more pairs: `benchmarks/real/plans.py` says
how and why.

**$equivalent of $number are equivalent within the margin, and $learned of them have learned more than the weakest
baseline.** The classical baseline is better than our small model on: $won.

$sides

Differences of perplexities are in percent, and a smaller perplexity is a better one.

$against

$others

$costs

Two runs at once on two cores that did other things, too: the seconds, the median of the runs, say how long it takes,
and compare no speeds (`benchmarks/families.py` does).
""")


def page_of(verdicts: Sequence[Verdict], document: Mapping[str, Any], machine: str) -> str:
    """Markdown: the verdicts as tables, with what is needed to read them. ``document`` is the benchmark's JSON."""
    others = [
        f"{one.task} {value:.1f} ({name})"
        for one in verdicts
        for name, value in one.baselines.items()
        if name != one.baseline
    ]
    warning = "\n\n**Not the real thing: generated sets, or a few updates only.**" if _is_trial(document) else ""
    return _PAGE.substitute(
        warning=warning,
        machine=machine,
        torch=document["torch"],
        resamples=document["resamples"],
        margin=document["margin"],
        percent=f"{document['perplexity_margin_percent']:g}",
        equivalent=sum(one.equivalent for one in verdicts),
        learned=sum(one.equivalent and one.learned for one in verdicts),
        number=len(verdicts),
        won=", ".join(one.task for one in verdicts if one.winner == "baseline") or "none",
        sides=_table(
            ["set", "score", "examples", "seeds", "ours", "transformers", "difference (90 %)", "margin", "alike?"],
            [
                [
                    one.task, one.measure, one.examples, _seeds(document["seeds"][one.task]),
                    _side(one.ours), _side(one.theirs),
                    f"{one.difference:+.2f} ({one.low:+.2f} to {one.high:+.2f})", f"{one.margin:.2f}", one.alike,
                ]
                for one in verdicts
            ],
        ),
        against=_table(
            ["set", "classical baseline", "its score", "better than our model by (95 %)", "who is better"],
            [
                [
                    one.task, one.baseline, f"{one.baselines[one.baseline]:.1f}",
                    f"{one.ahead:+.1f} ({one.ahead_low:+.1f} to {one.ahead_high:+.1f})", one.winner,
                ]
                for one in verdicts
            ],
        ),
        others=f"Other baselines: {', '.join(others)}." if others else "",
        costs=_table(
            ["set", "parameters", "tokens of a run", "seconds, ours", "seconds, transformers"],
            [
                [
                    one.task, f"{one.ours.parameters:,}", f"{one.ours.tokens:,.0f}", f"{one.ours.seconds:.0f}",
                    f"{one.theirs.seconds:.0f}",
                ]
                for one in verdicts
            ],
        ),
    )  # fmt: skip


def _is_trial(document: Mapping[str, Any]) -> bool:
    return bool(document["made_up"] or document["quick"])


def _seeds(seeds: Sequence[int]) -> str:
    """The first and the last where none is missing between them, else all."""
    if len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[-1] + 1)):
        return f"{seeds[0]} to {seeds[-1]}"
    return ", ".join(map(str, seeds))


def _side(side: Side) -> str:
    return f"{side.mean:.1f} ± {side.spread:.1f}"


def _table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(str(one) for one in line)} |" for line in lines)
