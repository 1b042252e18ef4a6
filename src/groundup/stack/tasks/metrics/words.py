"""How BLEU cuts text into words: what makes scores of different papers comparable, or not.

A BLEU is a number about a text *and* a way to cut it (Post 2018). The five here give the words that sacrebleu's
tokenizers of these names give:

    13a    NIST's mteval-v13a: ASCII punctuation stands alone, except . and , inside numbers, and ' and most hyphens
    intl   mteval-v14's international way: all of Unicode's punctuation and symbols stand alone, except inside numbers
    zh     each Chinese character is a word, the rest as in 13a
    char   each character is a word
    none   the text is cut already: words are what spaces part

Sources: Papineni and others, "BLEU: a Method for Automatic Evaluation of Machine Translation" (2002); Post, "A Call for
Clarity in Reporting BLEU Scores" (2018); NIST's script mteval-v13a.pl.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Callable
from functools import cache, lru_cache
from itertools import groupby

_ENTITIES = (("&quot;", '"'), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"))
# All of ASCII's punctuation and symbols, except ' , - . that depend on their neighbors.
_ALONE = str.maketrans({char: f" {char} " for char in '!"#$%&()*+/:;<=>?@[\\]^_`{|}~'})
_AFTER_OTHER = re.compile(r"([^0-9])([.,])")
_BEFORE_OTHER = re.compile(r"([.,])([^0-9])")
_DIGIT_DASH = re.compile(r"([0-9])-")

# Blocks whose characters are words for "zh". The second is wider than Chinese, with quotation marks, arrows and signs:
# sacrebleu's table means U+20000 to U+2A6D6 there and its notation yields U+2001 to U+2A6D; scores follow the table.
_CHINESE = re.compile(
    "([\u3400-\u4db5\u2001-\u2a6d\u4e00-\u9fbb\uf900-\ufa2d\ufa30-\ufa6a\ufa70-\ufad9\u2f81-\u2fa1\uff00-\uffef"
    "\u2e80-\u2eff\u3000-\u303f\u31c0-\u31ef\u2f00-\u2fdf\u2ff0-\u2fff\u3100-\u312f\u31a0-\u31bf\ufe10-\ufe1f"
    "\ufe30-\ufe4f\u3200-\u33ff])"
)


def tokenize(text: str, tokenizer: str = "13a", lowercase: bool = False) -> list[str]:
    """The words of a text, as the tokenizer of that name cuts it.

    Raises ValueError for a tokenizer that is not one of :data:`TOKENIZERS`.
    """
    if tokenizer not in TOKENIZERS:
        raise ValueError(f"tokenizer must be one of {', '.join(TOKENIZERS)}, not {tokenizer!r}")
    text = (text.lower() if lowercase else text).rstrip()
    return _tokenized(text, tokenizer).copy()


@lru_cache(maxsize=1 << 16)
def _tokenized(text: str, tokenizer: str) -> list[str]:
    return TOKENIZERS[tokenizer](text)


def _mteval(text: str) -> list[str]:
    text = text.replace("<skipped>", "").replace("-\n", "").replace("\n", " ")
    for entity, char in _ENTITIES:
        text = text.replace(entity, char)
    return _western(f" {text} ")


def _western(text: str) -> list[str]:
    """The rules in their order; a match takes its neighbor with it, so that of two marks in a row one waits."""
    text = text.translate(_ALONE)
    text = _AFTER_OTHER.sub(r"\1 \2 ", text)
    text = _BEFORE_OTHER.sub(r" \1 \2", text)
    return _DIGIT_DASH.sub(r"\1 - ", text).split()


def _international(text: str) -> list[str]:
    after_other, before_other, symbol = _international_rules()
    text = after_other.sub(r"\1 \2 ", text)
    text = before_other.sub(r" \1 \2", text)
    return symbol.sub(r" \1 ", text).split()


@cache
def _international_rules() -> tuple[re.Pattern[str], ...]:
    number, punctuation, symbol = (_characters(kind) for kind in "NPS")
    rules = f"([^{number}])([{punctuation}])", f"([{punctuation}])([^{number}])", f"([{symbol}])"
    return tuple(map(re.compile, rules))


def _chinese(text: str) -> list[str]:
    return _western(_CHINESE.sub(r" \1 ", text.strip()))


def _characters(kind: str) -> str:
    """All characters whose general category begins with a letter, as ranges for a regular expression."""
    of_kind = [code for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code))[0] == kind]
    runs = [[code for _, code in run] for _, run in groupby(enumerate(of_kind), lambda pair: pair[1] - pair[0])]
    return "".join(f"\\U{run[0]:08x}-\\U{run[-1]:08x}" for run in runs)


def _single(text: str) -> list[str]:
    return list("".join(text.split()))


TOKENIZERS: dict[str, Callable[[str], list[str]]] = {
    "13a": _mteval,
    "intl": _international,
    "zh": _chinese,
    "char": _single,
    "none": str.split,
}
