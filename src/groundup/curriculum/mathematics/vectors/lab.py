"""Nearest neighbors: the beginning of a passage looks for the rest of it among the rests of all passages.

Passages of real text are cut after their first third. The beginning is a query; the rests of all passages are ranked by how
near their count vectors are to the query's, and the right answer is known: its own rest. By chance it comes first once in
as many times as there are passages. Compared are the cosine (your own function, if it is in use), the distance, the dot
product, and the cosine of counts without the words that stand in many passages. A beginning is shorter than any rest: that
is what the distance stumbles over. Cut in halves (--cut 2), it does better, since the right answer is then as long as the query.
"""

import json
import re

import torch

from groundup.authoring import Inputs, Option, Run, Scale
from groundup.stack.data.sets import SETS, read_text
from groundup.stack.numerics import cosine_similarity, dot, norm

options = {
    "text": Option(f"where the passages are from: python, {', '.join(SETS)}, or a text file's path", default="python"),
    "cut": Option("into how many equal parts a passage is cut; the first is the query", "number", 3, low=2, high=10),
}
PASSAGES = {"smoke": 60, "tiny": 400, "small": 2500}  # or as many as the text has
scales = tuple(PASSAGES)
WORDS = (40, 400)  # a passage has at least so many words, and what is beyond is left out
COMMON = 0.1  # a word is common where more than this share of all beginnings and rests have it
SHOWN = 3
WAYS = {
    "cosine": "cosine of the counts",
    "distance": "distance of the counts",
    "dot": "dot product of the counts",
    "rare": f"cosine, without words of more than {COMMON:.0%} of them",
}


def prepare(options, scale):
    corpus = read_text(str(options["text"]))
    found = [" ".join(one.split()) for one in re.split(r"\n\s*\n", corpus.train)]
    found = [one for one in found if len(words_of(one)) >= WORDS[0]]
    if len(found) < 20:
        raise ValueError(f"{len(found)} passages of {WORDS[0]} words or more, where 20 are needed: name a longer text")
    count = min(PASSAGES[scale], len(found))
    chosen = [found[i * len(found) // count] for i in range(count)]
    provenance = {**corpus.provenance, "passages": count, "of_passages": len(found)}
    return Inputs({"passages.json": json.dumps(chosen).encode()}, provenance)


def words_of(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text.lower())


def parts_of(passage: str, cut: int) -> tuple[list[str], list[str]]:
    """The words of its beginning and those of the rest."""
    words = words_of(passage)[: WORDS[1]]
    return words[: len(words) // cut], words[len(words) // cut :]


def count_vectors(lists, vocabulary: dict[str, int]) -> torch.Tensor:
    """(lists, words): how often each word occurs in each list."""
    counts = torch.zeros(len(lists), len(vocabulary))
    for row, words in zip(counts, lists):
        row += torch.bincount(
            torch.tensor([vocabulary[word] for word in words], dtype=torch.int64), minlength=len(vocabulary)
        )
    return counts


def nearness(way: str, query: torch.Tensor, others: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    """For each of the others how near it is to the query, the larger the nearer."""
    if way == "distance":
        return -norm(others - query)
    if way == "dot":
        return dot(query, others)
    return cosine_similarity(query * kept, others * kept) if way == "rare" else cosine_similarity(query, others)


def rank(near: torch.Tensor, right: int) -> float:
    """The place of the right one, 1 for the first; among equals, the middle of their places."""
    return 1 + float((near > near[right]).sum()) + (float((near == near[right]).sum()) - 1) / 2


def run(run: Run, scale: Scale) -> None:
    passages = json.loads(run.input("passages.json").read_bytes())
    beginnings, rests = zip(*(parts_of(one, int(run.options["cut"])) for one in passages))
    vocabulary = {word: i for i, word in enumerate(sorted({w for part in (*beginnings, *rests) for w in part}))}
    n = len(passages)
    size_mb = n * len(vocabulary) * 4 / 2**20
    run.expect(seconds=2 + n * size_mb / 60, memory_mb=400 + 8 * size_mb, passages=n, words=len(vocabulary))
    queries, others = count_vectors(beginnings, vocabulary), count_vectors(rests, vocabulary)
    kept = ((torch.cat([queries, others]) > 0).float().mean(dim=0) <= COMMON).float()
    ranks = (run.state or {}).get("ranks", {way: [] for way in WAYS})
    done = len(ranks["cosine"])
    for i in run.track(range(done, n), "looking for the rest", total=n, done=done):
        for way in WAYS:
            ranks[way].append(rank(nearness(way, queries[i], others, kept), i))
        if i % max(1, n // 50) == 0 or i == n - 1:
            run.log(i + 1, **{way: share_found(ranks[way]) for way in ("cosine", "distance", "rare")})
        run.checkpoint(lambda: {"ranks": ranks})
    rows = [[title, share_found(ranks[way]), mean_reciprocal(ranks[way])] for way, title in WAYS.items()]
    rows.append(["chance", 1 / n, sum(1 / k for k in range(1, n + 1)) / n])
    run.table(f"The right one among {n}", ["ranked by", "share found first", "mean of 1 / rank"], rows)
    show_example(run, passages, queries, others, kept, ranks)
    found = {f"{way}_found": share_found(ranks[way]) for way in WAYS}
    run.result(
        **found,
        chance=1 / n,
        beats_chance=found["cosine_found"] > 1 / n,
        beats_distance=found["cosine_found"] > found["distance_found"],
    )


def share_found(ranks: list[float]) -> float:
    return sum(one == 1 for one in ranks) / len(ranks)


def mean_reciprocal(ranks: list[float]) -> float:
    return sum(1 / one for one in ranks) / len(ranks)


def show_example(run: Run, passages, queries, others, kept, ranks) -> None:
    """One query that the cosine answers and the distance does not, with what each of them puts first."""
    differing = [i for i, one in enumerate(ranks["cosine"]) if one == 1 < ranks["distance"][i]]
    i = differing[len(differing) // 2] if differing else 0
    lines = [f"Looking for the rest of: {passages[i][:160]} …"]
    for way in ("cosine", "distance"):
        best = nearness(way, queries[i], others, kept).topk(SHOWN).indices.tolist()
        lines.append(f"\nNearest by the {WAYS[way]}:")
        for place, j in enumerate(best, 1):
            rest = " ".join(parts_of(passages[j], int(run.options["cut"]))[1])
            lines.append(
                f"{place}. {'(the right one) ' if j == i else ''}{rest[:110]} … [{int(others[j].sum())} words]"
            )
    run.text("An example", "\n".join(lines))
