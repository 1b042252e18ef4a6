"""Search by singular values (latent semantic analysis), judged beside search by words on the same queries.

Passages are columns of a term-document matrix with tf-idf weights. The matrix of rank k that is nearest to it is found,
then an orthonormal basis of what its columns span; passages and queries are folded in, the basis times their weights,
and compared by the cosine. The rank is chosen with one half of the queries, and every way of searching is judged with
the other half. Baselines: the cosine of counts, the cosine of tf-idf weights (no rank left out), BM25, and an order by
chance, whose expected scores are known in closed form.

In Python's documentation the first paragraph of a module or topic is a query, and the other passages of that module or
topic are what should be found. A folder in the format of the Cranfield collection has queries and judgments of its own.
"""

import json
import math
import os
import random
import re
from collections import Counter, defaultdict
from pathlib import Path

import torch

from groundup.authoring import Inputs, Option, Run, Scale
from groundup.stack.data.sets import DATA_VARIABLE, SEPARATOR, read_text
from groundup.stack.numerics import cosine_similarity, gram_schmidt, low_rank, matmul, power_iteration

options = {
    "data": Option(
        f"what to search: python, cranfield (below the folder that {DATA_VARIABLE} names), or a folder in its format",
        default="python",
    ),
}
QUERIES = {"smoke": 30, "tiny": 150, "small": 1000}  # or as many as there are
DOCUMENTS = {"smoke": 150, "tiny": 1400, "small": 5000}
OF_ONE_MODULE = {"smoke": 4, "tiny": 6, "small": 8}
RANKS = {
    "smoke": (5, 10, 20, 40),
    "tiny": (10, 25, 50, 100, 150, 200, 300),
    "small": (10, 25, 50, 100, 200, 300, 450, 600),
}
scales = tuple(QUERIES)
LEAST = 20  # words of a passage of the documentation
K1, B = 1.2, 0.75  # the usual constants of BM25
PLAIN = {"counts": "cosine of counts", "tf-idf": "cosine of tf-idf", "BM25": "BM25"}
DIRECTIONS, STEPS = 4, 500
SURE = 0.05  # a difference that a coin makes at least this often is not claimed
TWO = torch.float64


# ── what is searched ─────────────────────────────────────────────────────────


def prepare(options, scale):
    name = str(options["data"])
    if name == "python":
        found, provenance = of_documentation(OF_ONE_MODULE[scale])
    else:
        found, provenance = of_folder(cranfield_folder(name))
    found = reduced(found, QUERIES[scale], DOCUMENTS[scale])
    if len(found["queries"]) < 4:
        raise ValueError(f"{len(found['queries'])} queries with something to find, where 4 are needed")
    facts = {"queries": len(found["queries"]), "passages": len(found["documents"])}
    return Inputs({"search.json": json.dumps(found).encode()}, {**provenance, **facts})


def of_documentation(most: int):
    """Each module or topic: its first paragraph is a query, and up to ``most`` of its other passages answer it."""
    corpus = read_text("python")
    documents, queries, relevant = {}, {}, {}
    for number, whole in enumerate(corpus.train.split(SEPARATOR)):
        first, *others = re.split(r"\n\s*\n", whole)
        passages = [" ".join(one.split()) for one in others if len(words_of(one)) >= LEAST]
        if 3 <= len(words_of(first)) <= 40 and len(passages) >= 2:
            count = min(most, len(passages))
            names = [f"{number}.{i}" for i in range(count)]
            documents |= dict(zip(names, spread(passages, count), strict=True))
            queries[str(number)] = " ".join(first.split())
            relevant[str(number)] = names
    return {"documents": documents, "queries": queries, "relevant": relevant}, corpus.provenance


def cranfield_folder(name: str) -> Path:
    if name == "cranfield":
        root = os.environ.get(DATA_VARIABLE)
        if not root:
            raise FileNotFoundError(f"cranfield is a public set: name the folder that holds it in {DATA_VARIABLE}")
        return Path(root) / "cranfield"
    return Path(name)


def of_folder(folder: Path):
    """Documents *.all*.xml, queries *.qry*.xml and judgments *qrel*.txt, as in the Cranfield collection.

    Judgments number the queries by their position in the file, from 1. What stands in <num> is an older numbering.
    """
    texts = []
    for pattern in ("*.all*.xml", "*.qry*.xml", "*qrel*.txt"):
        files = sorted(folder.glob(pattern))
        if not files:
            raise FileNotFoundError(f"no file {pattern} in {folder}: python, cranfield, or a folder in its format")
        texts.append(files[0].read_text(encoding="utf-8"))
    documents = {}
    for one in re.findall(r"<doc>(.*?)</doc>", texts[0], re.DOTALL):
        # In this collection the text begins with the title, so the title is not read on its own.
        documents[inside(one, "docno")] = inside(one, "text") or inside(one, "title")
    topics = re.findall(r"<top>(.*?)</top>", texts[1], re.DOTALL)
    queries = {str(position): inside(one, "title") for position, one in enumerate(topics, 1)}
    relevant = defaultdict(dict)  # for each query the documents, in order and each once
    for line in texts[2].splitlines():
        if line.strip():
            query, _, document, judgment = line.split()
            if int(judgment) > 0 and document in documents and query in queries:
                relevant[query][document] = judgment
    provenance = {"source": f"{folder.name}: a folder in Cranfield's format", "licence": "see its source"}
    right = {query: list(judged) for query, judged in relevant.items()}
    return {"documents": documents, "queries": queries, "relevant": right}, {**provenance, "kind": "real text"}


def inside(text: str, tag: str) -> str:
    found = re.search(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
    return " ".join(found[1].split()) if found else ""


def spread(names: list[str], count: int) -> list[str]:
    """So many of them, evenly spread, or all where there are not more."""
    count = min(max(0, count), len(names))
    return [names[i * len(names) // count] for i in range(count)]


def reduced(found: dict, queries: int, documents: int) -> dict:
    """As many queries, evenly spread, with all that answers them, filled up with other documents, in a mixed order."""
    names = [name for name in found["queries"] if found["relevant"].get(name)]
    names = spread(names, queries)
    kept = dict.fromkeys(one for name in names for one in found["relevant"][name])
    others = [name for name in found["documents"] if name not in kept]
    kept |= dict.fromkeys(spread(others, documents - len(kept)))
    order = sorted(kept)
    # Neighbors are related and equals keep their order: without this, ties would favor the right ones.
    random.Random(0).shuffle(order)
    return {
        "documents": {one: found["documents"][one] for one in order},
        "queries": {name: found["queries"][name] for name in names},
        "relevant": {name: found["relevant"][name] for name in names},
    }


# ── weights ──────────────────────────────────────────────────────────────────


def words_of(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]{2,}", text.lower())


class Terms:
    """The words that stand in two documents at least, and the weights of texts in them."""

    def __init__(self, texts: list[str]):
        counts = [Counter(words_of(one)) for one in texts]
        among = Counter(word for one in counts for word in one)
        self.words = sorted(word for word, documents in among.items() if documents >= 2)
        self.place = {word: i for i, word in enumerate(self.words)}
        self.among = torch.tensor([among[word] for word in self.words], dtype=TWO)
        self.idf = torch.log(len(texts) / self.among)
        self.counts = torch.stack([self.counted(one) for one in texts], dim=1)  # (words, documents)

    def counted(self, text: str) -> torch.Tensor:
        places = [self.place[word] for word in words_of(text) if word in self.place]
        return torch.bincount(torch.tensor(places, dtype=torch.int64), minlength=len(self.words)).to(TWO)

    def weighted(self, counts: torch.Tensor) -> torch.Tensor:
        """(words, …): (1 + log count) · idf, and each column of length 1: a long passage gains nothing by it."""
        idf = self.idf.reshape(-1, *[1] * (counts.dim() - 1))
        return unit(torch.where(counts > 0, 1 + counts.clamp_min(1).log(), 0.0) * idf)

    def bm25(self) -> torch.Tensor:
        """(words, documents): what one occurrence of a word in a query is worth to each document."""
        n, lengths = self.counts.shape[1], self.counts.sum(dim=0)
        idf = torch.log(1 + (n - self.among + 0.5) / (self.among + 0.5))
        damping = K1 * (1 - B + B * lengths / lengths.mean())
        return idf.unsqueeze(1) * self.counts * (K1 + 1) / (self.counts + damping)


def unit(columns: torch.Tensor) -> torch.Tensor:
    length = columns.norm(dim=0, keepdim=True)
    return columns / torch.where(length == 0, 1.0, length)


# ── the space of fewer dimensions ────────────────────────────────────────────


class Space:
    """What the matrix of rank ``most`` that is nearest to ``weights`` (words, documents) spans, and what lies in it."""

    def __init__(self, weights: torch.Tensor, most: int):
        nearest = low_rank(weights, most)
        self.basis = gram_schmidt(nearest.T)  # (most, words)
        self.documents = torch.stack([self.fold(one) for one in weights.T], dim=1)  # (most, documents)

    def fold(self, weights: torch.Tensor) -> torch.Tensor:
        """The coordinates of a text, (most,): of a document as of a query, which the matrix has never seen."""
        used = weights.nonzero().squeeze(1)  # the other words add nothing
        return matmul(self.basis[:, used], weights[used].unsqueeze(1)).squeeze(1)

    def of_rank(self, k: int) -> torch.Tensor:
        """(documents, most): the documents as the matrix of rank k has them.

        In an orthonormal basis the nearest matrix has the nearest matrix's coordinates, so the small one is enough.
        """
        return low_rank(self.documents, k).T.contiguous()


def directions(space: Space, terms: Terms, count: int):
    """The largest singular values, one after another, with the words that weigh most on either side of a direction."""
    square = space.documents @ space.documents.T
    generator = torch.Generator().manual_seed(0)
    found = []
    for _ in range(min(count, len(square))):
        value, vector = power_iteration(square, STEPS, generator)
        square = square - value * torch.outer(vector, vector)  # without this direction the next one is the largest
        in_words = vector @ space.basis
        in_words = in_words if in_words.sum() >= 0 else -in_words
        order = in_words.argsort(descending=True).tolist()
        sides = [[terms.words[i] for i in order[:7]], [terms.words[i] for i in reversed(order[-5:]) if in_words[i] < 0]]
        found.append((float(value.clamp_min(0.0)) ** 0.5, *sides))
    return found


# ── how good an order is ─────────────────────────────────────────────────────


def scored(hits: list[bool], relevant: int) -> tuple[float, float, float]:
    """(average precision, precision at 5, nDCG at 10) of an order; ``relevant`` counts also what it does not hold."""
    found, total, gain = 0, 0.0, 0.0
    for place, hit in enumerate(hits, 1):
        if hit:
            found += 1
            total += found / place
            gain += discount(place) if place <= 10 else 0.0
    best = sum(discount(place) for place in range(1, min(10, relevant) + 1))
    return total / relevant, sum(hits[:5]) / 5, gain / best


def discount(place: int) -> float:
    return 1 / math.log2(place + 1)


def by_chance(documents: int, relevant: int) -> tuple[float, float, float]:
    """What :func:`scored` gives on average over all orders of so many documents."""
    share = relevant / documents
    others = (relevant - 1) / max(1, documents - 1)  # of the places before one that is relevant
    precision = sum((1 + (place - 1) * others) / place for place in range(1, documents + 1)) / documents
    gain = share * sum(discount(place) for place in range(1, min(10, documents) + 1))
    return precision, share * min(5, documents) / 5, gain / sum(discount(i) for i in range(1, min(10, relevant) + 1))


def ordered(scores: torch.Tensor) -> list[int]:
    return torch.argsort(scores, descending=True, stable=True).tolist()


def mean(rows) -> list[float]:
    rows = list(rows)
    return [sum(column) / len(rows) for column in zip(*rows, strict=True)]


def sign_test(better: int, worse: int) -> float:
    """How often two equal ways would differ at least so unevenly, if each query fell to either side by a coin."""
    n = better + worse
    tail = sum(math.comb(n, i) for i in range(max(better, worse), n + 1)) / 2**n
    return min(1.0, 2 * tail)


# ── the run ──────────────────────────────────────────────────────────────────


class Engine:
    """Every way to search, over the same documents."""

    def __init__(self, terms: Terms, ranks: tuple[int, ...]):
        self.terms, self.weights = terms, terms.weighted(terms.counts)
        self.unit_counts, self.bm25 = unit(terms.counts), terms.bm25()
        most = min(self.weights.shape)
        self.ranks = tuple(k for k in ranks if k < most) or (max(1, most // 2),)
        self.space = Space(self.weights, self.ranks[-1])
        self.at_rank = {k: self.space.of_rank(k) for k in self.ranks}

    def kept(self, k: int) -> float:
        """The squares of the entries of the nearest matrix of rank k, as a share of the squares of all weights.

        In an orthonormal basis the coordinates have the same squares as what they stand for.
        """
        return float(self.at_rank[k].norm() / self.weights.norm()) ** 2

    def plain(self, query: str) -> dict[str, torch.Tensor]:
        counts = self.terms.counted(query)
        return {
            "counts": counts @ self.unit_counts,  # the query's own length changes no order
            "tf-idf": self.terms.weighted(counts) @ self.weights,
            "BM25": counts @ self.bm25,
        }

    def reduced(self, query: str) -> dict[int, torch.Tensor]:
        """For each rank the cosine with every document. What of the query lies outside the smaller space is at right
        angles to all documents there: it makes all cosines smaller by one factor, and changes no order."""
        folded = self.space.fold(self.terms.weighted(self.terms.counted(query)))
        return {k: cosine_similarity(folded, at) for k, at in self.at_rank.items()}


def run(run: Run, scale: Scale) -> None:
    torch.set_num_threads(1)  # tensors as small as these are only held up by a second one
    found = json.loads(run.input("search.json").read_bytes())
    names, queries = list(found["documents"]), found["queries"]
    terms = Terms(list(found["documents"].values()))
    expect(run, terms, len(queries), RANKS[scale])
    state = run.state or {"scores": []}
    engine = Engine(terms, RANKS[scale])
    show_space(run, engine)
    done = len(state["scores"])
    for query in run.track(list(queries)[done:], "searching", total=len(queries), done=done):
        right = set(found["relevant"][query])
        ways = {**engine.plain(queries[query]), **{str(k): near for k, near in engine.reduced(queries[query]).items()}}
        one = {way: scored([names[i] in right for i in ordered(near)], len(right)) for way, near in ways.items()}
        state["scores"].append({**one, "chance": by_chance(len(names), len(right))})
        run.checkpoint(lambda: state)
    show(run, engine, found, state["scores"])


def expect(run: Run, terms: Terms, queries: int, ranks: tuple[int, ...]) -> None:
    """As measured: most of the time goes to the basis, and to the cosines with every passage at every rank."""
    words, n = terms.counts.shape
    seconds = 1 + 1e-9 * words * n * n + 12.5e-9 * queries * n * len(ranks) * ranks[-1]
    run.expect(seconds=seconds, memory_mb=300 + 1e-4 * words * n, words=words, passages=n, queries=queries)


def show_space(run: Run, engine: Engine) -> None:
    rows = [
        [i, round(value, 3), " ".join(high), " ".join(low) or "none"]
        for i, (value, high, low) in enumerate(directions(engine.space, engine.terms, DIRECTIONS), 1)
    ]
    run.table(
        f"The first directions of {len(engine.terms.words)} words and {engine.weights.shape[1]} passages",
        ["direction", "singular value", "words with the largest weights", "words with the most negative weights"],
        rows,
    )


def show(run: Run, engine: Engine, found: dict, scores: list[dict]) -> None:
    # Every other query: neighbors in the list are alike, and the halves should be, too.
    choosing, judging = scores[::2], scores[1::2]
    precision = {k: mean(one[str(k)] for one in choosing)[0] for k in engine.ranks}
    k = max(precision, key=lambda one: precision[one])
    plain = mean(one["tf-idf"] for one in choosing)[0]
    rows = []
    for rank in engine.ranks:
        other = mean(one[str(rank)] for one in judging)[0]
        rows.append([rank, f"{engine.kept(rank):.1%}", precision[rank], other])
        run.log(rank, **{"SVD": precision[rank], "tf-idf": plain, "BM25": mean(one["BM25"] for one in choosing)[0]})
    rows.append(["none left out (tf-idf)", "100.0%", plain, mean(one["tf-idf"] for one in judging)[0]])
    columns = ["rank", "squares of the weights kept", "in the choosing half", "in the judging half"]
    run.table("Mean average precision by rank, in both halves of the queries", columns, rows)
    ways = {**PLAIN, str(k): f"SVD of rank {k}", "chance": "an order by chance (expected)"}
    table = {way: mean(one[way] for one in judging) for way in ways}
    columns = ["searched by", "mean average precision", "precision at 5", "nDCG at 10"]
    run.table(f"Judged with {len(judging)} queries", columns, [[ways[way], *row] for way, row in table.items()])
    pairs = [(one[str(k)][0], one["tf-idf"][0]) for one in judging]
    better, worse = sum(a > b for a, b in pairs), sum(a < b for a, b in pairs)
    p = sign_test(better, worse)
    run.table(
        "The SVD beside the cosine of tf-idf, query by query",
        ["better", "worse", "equal", "so uneven by a coin (p)"],
        [[better, worse, len(pairs) - better - worse, p]],
    )
    show_examples(run, engine, found, scores, k)
    run.result(
        rank=k,
        svd_precision=table[str(k)][0],
        tf_idf_precision=table["tf-idf"][0],
        counts_precision=table["counts"][0],
        bm25_precision=table["BM25"][0],
        chance_precision=table["chance"][0],
        svd_ndcg=table[str(k)][2],
        tf_idf_ndcg=table["tf-idf"][2],
        better=better,
        worse=worse,
        sign_test_p=p,
        beats_tf_idf=table[str(k)][0] > table["tf-idf"][0] and better > worse and p < SURE,
        beats_chance=table[str(k)][0] > table["chance"][0],
    )


def show_examples(run: Run, engine: Engine, found: dict, scores: list[dict], k: int) -> None:
    """The queries of the judging half that gain and lose most by the SVD, with what each way puts first."""
    names, texts = list(found["documents"]), list(found["documents"].values())
    queries = list(found["queries"].items())
    gains = {i: scores[i][str(k)][0] - scores[i]["tf-idf"][0] for i in range(1, len(scores), 2)}
    for title, i in (
        ("Where the SVD gains most", max(gains, key=lambda one: gains[one])),
        ("Where it loses most", min(gains, key=lambda one: gains[one])),
    ):
        name, query = queries[i]
        lines = [f"Looking for: {query[:200]}"]
        for way, near in (
            ("tf-idf", engine.plain(query)["tf-idf"]),
            (f"SVD of rank {k}", engine.reduced(query)[k]),
        ):
            precision = scores[i]["tf-idf" if way == "tf-idf" else str(k)][0]
            lines.append(f"\nFirst by the {way} (average precision {precision:.3f}):")
            for place, j in enumerate(ordered(near)[:3], 1):
                mark = "(right) " if names[j] in found["relevant"][name] else ""
                lines.append(f"{place}. {mark}{texts[j][:120]} …")
        run.text(title, "\n".join(lines))
