"""What the field did before networks, for whole texts: TF-IDF, logistic regression, first sentences, n-grams.

Each function learns from the training part and predicts for the other; nothing is tuned on what is scored. Logistic
regression's C is chosen by cross-validation inside of the training part.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from groundup.stack.text.ngrams import KneserNey


def classify(texts: Sequence[str], labels: Sequence[str], new: Sequence[str], seed: int = 0) -> list[str]:
    """TF-IDF of words and pairs of words (sublinear counts), logistic regression; C out of 1, 10, 100 by 5 folds.

    Wang and Manning, "Baselines and Bigrams" (2012), is why pairs of words are among the features. Tokens are runs of
    characters without a space, so that punctuation counts: tweets and messages live by it.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\w+|[^\w\s]")
    model = make_pipeline(words, LogisticRegression(max_iter=2000, random_state=seed))
    folds = min(5, *Counter(labels).values())
    if folds < 2:
        return [str(one) for one in model.fit(texts, labels).predict(new)]
    search = GridSearchCV(model, {"logisticregression__C": [1.0, 10.0, 100.0]}, cv=folds)
    return [str(one) for one in search.fit(texts, labels).predict(new)]


def similarities(first: Sequence[str], second: Sequence[str], seen: Sequence[str]) -> list[float]:
    """The cosine of the TF-IDF of two sentences; document frequencies are those of the sentences ``seen``."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    words = TfidfVectorizer(sublinear_tf=True, token_pattern=r"\w+").fit(seen)
    product = words.transform(first).multiply(words.transform(second)).sum(axis=1)
    return [float(one) for one in np.asarray(product).ravel()]


def lead(sentences: Sequence[str], count: int = 1) -> str:
    """The first sentences: in news and in abstracts hard to beat (See and others 2017 report it beside all models)."""
    return " ".join(sentences[:count])


def best_lead(sources: Sequence[Sequence[str]], score: Callable[[list[str]], float], most: int = 3) -> int:
    """How many first sentences score best on the training part; ``score`` takes a summary of each of ``sources``."""
    return max(range(1, most + 1), key=lambda count: score([lead(one, count) for one in sources]))


def ngram_nats(train: str, new: str, orders: Sequence[int] = (5, 6, 7, 8)) -> tuple[NDArray[np.float64], int]:
    """(bytes of new,): the nats that interpolated modified Kneser-Ney needs for each byte; and the order it took.

    The order is chosen by the last twentieth of the training text, then all of it is counted.
    """
    text = train.encode()
    cut = len(text) * 19 // 20
    tried = {order: KneserNey(text[:cut], order).bits_per_byte(text[cut:]) for order in orders}
    order = min(tried, key=lambda one: tried[one])
    return -np.log(KneserNey(text, order).probabilities(new.encode())), order
