"""IBM model 1: which word is translated by which, learned from pairs of sentences alone; and a translation by it.

Brown, Della Pietra, Della Pietra and Mercer, "The Mathematics of Statistical Machine Translation" (1993), section 4.2.
A target word is explained by one source word, or by none (NULL), all equally likely beforehand:

    p(target | source) ∝ Π_j Σ_i t(target_j | source_i)

Expectation maximization: each target word is shared among the source words by t, the shares are counted, t is the
counts, normalized. The likelihood has one maximum, up to ties, so where it begins does not matter.

The pairs of words that stand in one sentence pair are numbered once; a round of EM is then four calls of NumPy.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

NULL = 0


class ModelOne:
    """t(target | source) for all pairs of words that stood together. ``likelihoods`` are log likelihoods a round,
    before it, without the constants."""

    def __init__(self, sources: Sequence[Sequence[str]], targets: Sequence[Sequence[str]], rounds: int = 8) -> None:
        self.source_ids = {word: at for at, word in enumerate(dict.fromkeys(w for one in sources for w in one), 1)}
        self.target_words = list(dict.fromkeys(word for one in targets for word in one))
        target_ids = {word: at for at, word in enumerate(self.target_words)}
        source, target, token = [], [], []
        place = 0
        for words, others in zip(sources, targets, strict=True):
            ids = [NULL, *(self.source_ids[word] for word in words)]
            for other in others:
                source += ids
                target += [target_ids[other]] * len(ids)
                token += [place] * len(ids)
                place += 1
        wide = max(len(self.target_words), 1)
        pairs = np.asarray(source, dtype=np.int64) * wide + np.asarray(target, dtype=np.int64)
        self._pairs, of = np.unique(pairs, return_inverse=True)
        of, tokens = of.reshape(-1), np.asarray(token, dtype=np.int64)
        self._source, self._target = self._pairs // wide, self._pairs % wide
        self.t = np.full(len(self._pairs), 1.0 / wide)
        self.likelihoods: list[float] = []
        for _ in range(rounds):
            each = self.t[of]
            total = np.bincount(tokens, each, minlength=place)
            self.likelihoods.append(float(np.log(total).sum()))
            counts = np.bincount(of, each / total[tokens], minlength=len(self._pairs))
            self.t = counts / np.bincount(self._source, counts)[self._source]

    def probability(self, target: str, source: str | None) -> float:
        """t(target | source), None for NULL; 0 for what never stood together."""
        row = NULL if source is None else self.source_ids.get(source, -1)
        found = [self.target_words[at] == target for at in self._target[self._source == row]]
        values = self.t[self._source == row]
        return float(values[found.index(True)]) if True in found else 0.0

    def table(self) -> dict[str, str]:
        """The likeliest translation of each source word."""
        order = np.lexsort((self._target, -self.t, self._source))
        first = np.unique(self._source[order], return_index=True)[1]
        best = {int(self._source[order[at]]): int(self._target[order[at]]) for at in first}
        return {word: self.target_words[best[at]] for word, at in self.source_ids.items() if at in best}


def translate(
    sources: Sequence[Sequence[str]], targets: Sequence[Sequence[str]], new: Sequence[Sequence[str]]
) -> list[list[str]]:
    """Word by word in the order of the source, each by its likeliest translation; a word never seen stays itself."""
    table = ModelOne(sources, targets).table()
    return [[table.get(word, word) for word in words] for words in new]
