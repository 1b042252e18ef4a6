"""WordPiece, as BERT has it: words are cut out of a cleaned text, then each into the longest pieces of a vocabulary.

    text ── clean, part accents, lower ──► " naive  ,  no ?" ── at spaces ──► words ── longest piece first ──► ids
    "Naïve, unaffable?"  ──►  naive  ,  unaffable  ?  ──►  naive  ,  una ##ffa ##ble  ?

Normalizing goes character by character (:class:`Normalization`): control characters vanish, every kind of space becomes
one, an ideograph or a sign of punctuation is a word of its own, letters lose their accents and become small. A word is
matched greedily: its longest beginning that is a piece, then the longest ``##`` piece of the rest, and so on; a word of
which some rest matches nothing is a single [UNK], and so is one of more than 100 characters. Offsets say from which
characters of the text, as it came, a token was made; what vanishes at a token's edge, an accent say, belongs to none.
A file may ask for other steps before these, Unicode's NFC say (``before``, :mod:`.normalization`).

Training merges the most frequent pair of adjacent pieces, again and again, as BPE does and as Hugging Face's trainer
for WordPiece does too. The likelihood score that gave WordPiece its name, count(a b) / (count(a) · count(b)), is not
used: Google never published its trainer.

What comes out is what ``tokenizers`` computes, offsets included, but where several marks on one letter are not in
Unicode's canonical order: the library sorts them and then points to where a mark has come to stand, this file to the
mark itself. Lone surrogates, which no text file holds, vanish in cleaning.

Schuster and Nakajima, "Japanese and Korean Voice Search" (2012); Wu and others, "Google's Neural Machine Translation
System" (2016), section 4.1; Devlin and others, "BERT" (2019).
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Any

from groundup.stack.text.bpe import Words
from groundup.stack.text.characters import CONTROL, IDEOGRAPHS, MARKS, PUNCTUATION, SPACES, WHOLE
from groundup.stack.text.normalization import Traced, normalizer

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_CACHED_WORDS = 2**17


@dataclass(frozen=True)
class Normalization:
    """What is done to a text. ``accents``: are they taken off; None for "where letters become small"."""

    lower: bool = True
    accents: bool | None = None
    ideographs: bool = True
    clean: bool = True

    def form(self, char: str) -> str:
        """What stands for one character: nothing, a space, some letters, or a word of its own between two spaces."""
        if self.clean and char in CONTROL:
            return ""
        if char in SPACES:
            return " "
        parts = char
        if (self.lower if self.accents is None else self.accents) and char not in WHOLE:
            parts = "".join(one for one in unicodedata.normalize("NFD", char) if one not in MARKS)
        if self.lower:
            parts = "".join([one.lower() for one in parts])
        parts = "".join([f" {one} " if one in PUNCTUATION else one for one in parts])
        return f" {parts} " if self.ideographs and char in IDEOGRAPHS else parts


class _Forms(dict[int, str]):
    """Code point → what stands for it; a character is looked up once, when first met."""

    def __init__(self, rules: Normalization) -> None:
        super().__init__()
        self._form = rules.form

    def __missing__(self, code: int) -> str:
        self[code] = form = self._form(chr(code))
        return form


@dataclass(frozen=True)
class Encoding:
    """Tokens of one text or of a pair: ids, where each came from (begin, end), and which of the two texts it is of.

    An offset counts in the token's own text; special tokens that were put in have (0, 0).
    """

    ids: list[int]
    offsets: list[tuple[int, int]]
    token_types: list[int]


class WordPiece:
    """A vocabulary with ``encode`` and ``decode``.

    ``added`` are tokens that are found in a text before anything else is done, the special ones mostly; where not
    given, those of BERT that the vocabulary has. ``ends`` stand before a text and after it, for a model. ``before`` is
    what is done to a text before ``rules`` are, as ``tokenizer.json`` says it (:mod:`.normalization`). Raises
    ValueError for a vocabulary without ``unknown``, StepError (one too) for a step that is not computed here.
    """

    def __init__(
        self,
        vocab: Mapping[str, int],
        rules: Normalization | None = None,
        *,
        added: Mapping[str, int] | None = None,
        unknown: str = "[UNK]",
        ends: tuple[str, str] = ("[CLS]", "[SEP]"),
        prefix: str = "##",
        longest_word: int = 100,
        before: Mapping[str, Any] | None = None,
    ) -> None:
        if unknown not in vocab:
            raise ValueError(f"the vocabulary has no {unknown}, which stands for words that no pieces make up")
        self.vocab = dict(vocab)
        self.rules = rules or Normalization()
        self.added = {one: vocab[one] for one in SPECIAL if one in vocab} if added is None else dict(added)
        self.unknown, self.ends, self.prefix, self.longest_word = unknown, ends, prefix, longest_word
        self.before, self._normalize = before, normalizer(before) if before else None
        self._forms = _Forms(self.rules)
        self._longest_piece = max(map(len, vocab))
        self._texts = {new: piece for piece, new in (self.vocab | self.added).items()}
        self._words: dict[str, tuple[tuple[int, int, int], ...]] = {}
        longest_first = sorted(self.added, key=len, reverse=True)
        self._marks = re.compile("(" + "|".join(map(re.escape, longest_first)) + ")") if self.added else None
        known = self.vocab | self.added
        self.begin = [known[ends[0]]] if ends[0] in known else []

    @property
    def vocab_size(self) -> int:
        """One more than the largest id: what a model's embedding must at least have."""
        return max(self._texts) + 1

    # ── text to ids ──────────────────────────────────────────────────────────

    def encode(self, text: str) -> list[int]:
        """The ids of a text alone, without [CLS] and [SEP]; an added token that stands in it becomes its own id."""
        ids: list[int] = []
        for part, token, _ in self._parts(text):
            if token is not None:
                ids.append(token)
                continue
            if self._normalize:
                part = self._normalize(Traced.of(part)).text
            for word in part.translate(self._forms).split(" "):
                if word:
                    ids += [piece for piece, _, _ in self._pieces(word)]
        return ids

    def encode_with_offsets(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """The same ids, and for each the place (begin, end) in the text that it was made from."""
        ids: list[int] = []
        offsets: list[tuple[int, int]] = []
        for part, token, begin in self._parts(text):
            if token is not None:
                ids.append(token)
                offsets.append((begin, begin + len(part)))
                continue
            traced = self._normalize(Traced.of(part)) if self._normalize else None
            forms = [self._forms[ord(char)] for char in (traced.text if traced else part)]
            origin = [at for at, form in enumerate(forms) for _ in form]
            start = 0
            for word in "".join(forms).split(" "):
                for piece, first, end in self._pieces(word) if word else ():
                    ids.append(piece)
                    place = origin[start + first], origin[start + end - 1] + 1
                    first, end = traced.span(*place) if traced else place
                    offsets.append((begin + first, begin + end))
                start += len(word) + 1
        return ids, offsets

    def model_input(self, text: str, second: str | None = None) -> Encoding:
        """[CLS] text [SEP], or [CLS] text [SEP] second [SEP], where the second and its [SEP] are of token type 1.

        Raises ValueError where the vocabulary lacks one of these.
        """
        known = self.vocab | self.added
        missing = [one for one in self.ends if one not in known]
        if missing:
            raise ValueError(f"the vocabulary has no {' and no '.join(missing)}")
        cls, sep = (known[one] for one in self.ends)
        ids, offsets = self.encode_with_offsets(text)
        ids, offsets = [cls, *ids, sep], [(0, 0), *offsets, (0, 0)]
        types = [0] * len(ids)
        if second is not None:
            more, places = self.encode_with_offsets(second)
            ids, offsets = [*ids, *more, sep], [*offsets, *places, (0, 0)]
            types += [1] * (len(more) + 1)
        return Encoding(ids, offsets, types)

    def _parts(self, text: str) -> list[tuple[str, int | None, int]]:
        """The text cut at added tokens: each part, its id where it is one, and where it begins."""
        if self._marks is None:
            return [(text, None, 0)]
        parts: list[tuple[str, int | None, int]] = []
        begin = 0
        for at, part in enumerate(self._marks.split(text)):
            parts.append((part, self.added[part] if at % 2 else None, begin))
            begin += len(part)
        return parts

    def _pieces(self, word: str) -> tuple[tuple[int, int, int], ...]:
        """The pieces of one word: (id, begin, end) each."""
        found = self._words.get(word)
        if found is None:
            found = self._cut(word) or ((self.vocab[self.unknown], 0, len(word)),)
            if len(self._words) < _CACHED_WORDS and len(word) <= self.longest_word:
                self._words[word] = found
        return found

    def _cut(self, word: str) -> tuple[tuple[int, int, int], ...]:
        """The longest piece first; nothing where some rest is no piece."""
        if len(word) > self.longest_word:
            return ()
        found = []
        begin = 0
        while begin < len(word):
            before = self.prefix if begin else ""
            for end in range(min(len(word), begin + self._longest_piece), begin, -1):
                piece = self.vocab.get(before + word[begin:end])
                if piece is not None:
                    break
            else:
                return ()
            found.append((piece, begin, end))
            begin = end
        return tuple(found)

    # ── ids to text ──────────────────────────────────────────────────────────

    def token(self, token: int) -> str:
        """The piece of an id. Raises ValueError for an id outside of the vocabulary."""
        try:
            return self._texts[token]
        except KeyError:
            raise ValueError(f"id {token} is not in this vocabulary, whose ids end at {self.vocab_size - 1}") from None

    def token_bytes(self, token: int) -> bytes:
        """The bytes of one token in the middle of a text; none for an id without a token."""
        text = self._texts.get(token)
        if text is None:
            return b""
        begins = token in self.added.values() or not text.startswith(self.prefix)
        return (" " + text if begins else text[len(self.prefix) :]).encode("utf-8", errors="replace")

    def decode(self, ids: Iterable[int], *, special: bool = False, tidy: bool = True) -> str:
        """A text that these ids could be of: what was cut is joined, what was lost stays lost.

        ``special``: are added tokens shown; ``tidy``: does punctuation close up to its word, as English wants it.
        """
        tokens = [self.token(one) for one in ids]
        shown = [one for one in tokens if special or one not in self.added]
        parts = []
        for at, one in enumerate(shown):
            if at:
                one = one[len(self.prefix) :] if one.startswith(self.prefix) else " " + one
            parts.append(_tidied(one) if tidy else one)
        return "".join(parts)

    # ── training ─────────────────────────────────────────────────────────────

    @classmethod
    def train(
        cls,
        texts: Iterable[str],
        vocab_size: int = 30000,
        rules: Normalization | None = None,
        *,
        special: Sequence[str] = SPECIAL,
        least: int = 2,
        alphabet: int = 1000,
    ) -> WordPiece:
        """A vocabulary from texts, see :func:`train_vocabulary`."""
        forms = _Forms(rules or Normalization())
        words = Counter(word for text in texts for word in text.translate(forms).split(" ") if word)
        pieces = train_vocabulary(words, vocab_size, special=special, least=least, alphabet=alphabet)
        vocab = {piece: new for new, piece in enumerate(pieces)}
        return cls(vocab, rules, added={one: vocab[one] for one in special})


def _tidied(token: str) -> str:
    """Without the space before a sign of punctuation or an English ending."""
    for spaced, close in _CLOSED:
        token = token.replace(spaced, close)
    return token


_CLOSED = [
    *((f" {sign}", sign) for sign in ".?!,"), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"), (" do not", " don't"),
    (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
]  # fmt: skip


def train_vocabulary(
    words: Mapping[str, int],
    vocab_size: int,
    *,
    special: Sequence[str] = SPECIAL,
    least: int = 2,
    alphabet: int = 1000,
    prefix: str = "##",
) -> list[str]:
    """The pieces learned from words and how often each occurs, in the order of their ids.

    First come the special tokens, then the ``alphabet`` most frequent characters (others are left out), then these as
    they stand within a word, then what merges make: each step merges the most frequent pair of adjacent pieces that
    occurs ``least`` times or more; of several, the one of the lowest ids. Words are taken in their own order.
    """
    chars: Counter[str] = Counter()
    for word, count in words.items():
        for char in word:
            chars[char] += count
    frequent = sorted(chars, key=lambda char: (-chars[char], char))[:alphabet]
    pieces = [*special, *(one for one in sorted(frequent) if one not in special)]
    ids = {piece: new for new, piece in enumerate(pieces)}

    def number(piece: str) -> int:
        new = ids.setdefault(piece, len(pieces))
        if new == len(pieces):
            pieces.append(piece)
        return new

    def spell(word: str) -> list[int]:
        return [number(prefix + char if at else char) for at, char in enumerate(word) if char in ids]

    spelled = Words({word: words[word] for word in sorted(words)}, spell)
    queue = [(-count, pair) for pair, count in spelled.counts.items()]
    heapify(queue)
    while queue and len(pieces) < vocab_size:
        count, pair = heappop(queue)
        now = spelled.counts[pair]
        if now != -count:
            if now:
                heappush(queue, (-now, pair))
            continue
        if now < max(least, 1):
            break
        new = number(pieces[pair[0]] + pieces[pair[1]].removeprefix(prefix))
        for made in spelled.merge(pair, new):
            heappush(queue, (-spelled.counts[made], made))
    return pieces
