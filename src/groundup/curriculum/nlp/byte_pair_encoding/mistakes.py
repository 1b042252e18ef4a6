"""Wrong ways to write the three functions. Each stands for a misconception; its docstring is what the learner reads.

Most are the plain solution with one thing changed: `_train`, `_encode` and `_decode` take that thing as an argument.
"""

import math
import unicodedata
from collections import Counter

from groundup.authoring import replaces
from groundup.stack.text.bpe import split_text


def _bytes(text):
    return [bytes([byte]) for byte in text.encode("utf-8")]


def _merge(pieces, pair):
    merged, at = [], 0
    while at < len(pieces):
        found = tuple(pieces[at : at + 2]) == pair
        merged.append(pair[0] + pair[1] if found else pieces[at])
        at += 2 if found else 1
    return merged


def _count(words):
    counts = Counter()
    for pieces, times in words:
        for pair in zip(pieces, pieces[1:]):
            counts[pair] += times
    return counts


def _greatest(counts):
    return max(counts, key=lambda pair: (counts[pair], pair))


def _train(text, merges_wanted, split=split_text, cut=_bytes, count=_count, choose=_greatest, merge=_merge, enough=1):
    words = [(cut(word), times) for word, times in Counter(split(text)).items()]
    merges = []
    while len(merges) < merges_wanted:
        counts = count(words)
        if not counts or max(counts.values()) < enough:
            break
        best = choose(counts)
        merges.append(best)
        words = [(merge(pieces, best), times) for pieces, times in words]
    return merges


def _wanted(vocab_size):
    if vocab_size < 256:
        raise ValueError("vocab_size must be at least 256")
    return vocab_size - 256


def _table(merges, first=256):
    ids = {bytes([byte]): byte for byte in range(256)}
    return ids | {left + right: first + i for i, (left, right) in enumerate(merges)}


def _by_rank(pieces, merges, merge=_merge):
    rank = {pair: i for i, pair in enumerate(merges)}
    while len(pieces) > 1:
        best = min(zip(pieces, pieces[1:]), key=lambda pair: rank.get(pair, math.inf))
        if best not in rank:
            break
        pieces = merge(pieces, best)
    return pieces


def _encode(text, merges, split=split_text, cut=_bytes, apply=_by_rank, ids=_table):
    table = ids(merges)
    return [table[piece] for word in split(text) for piece in apply(cut(word), merges)]


def _pieces(merges):
    return [bytes([byte]) for byte in range(256)] + [left + right for left, right in merges]


def _known(ids, merges):
    for id in ids:
        if not 0 <= id < 256 + len(merges):
            raise ValueError(f"unknown id {id}")


# ---------------------------------------------------------------------------------------------------------- train_bpe


@replaces("train_bpe")
def ties_to_the_first_seen(text, vocab_size):
    """Where several pairs are equally frequent, you take the one met first (that is what `max(counts, key=counts.get)`
    and `Counter.most_common` do). Then the merges hang on the order of the text; the greatest pair of bytes is asked for."""
    return _train(text, _wanted(vocab_size), choose=lambda counts: max(counts, key=counts.get))


@replaces("train_bpe")
def ties_to_the_smallest(text, vocab_size):
    """Where several pairs are equally frequent, you take the smallest, as sorting by falling count and rising pair does.
    The greatest is asked for."""
    return _train(text, _wanted(vocab_size), choose=lambda counts: min(counts, key=lambda pair: (-counts[pair], pair)))


@replaces("train_bpe")
def ties_by_what_is_made(text, vocab_size):
    """Ties are decided by the joined bytes here. Compare the pairs themselves: first their left pieces, then their right
    ones. (b"ab", b"a") is greater than (b"a", b"bz"), although "aba" comes before "abz"."""
    return _train(
        text,
        _wanted(vocab_size),
        choose=lambda counts: max(counts, key=lambda pair: (counts[pair], pair[0] + pair[1], pair)),
    )


@replaces("train_bpe")
def ties_by_id(text, vocab_size):
    """Ties are decided by the ids of the pieces here, so that a piece made late beats every single byte. Compare the
    bytes that the ids stand for."""
    made = {}

    def choose(counts):
        order = lambda piece: piece[0] if len(piece) == 1 else made[piece]
        best = max(counts, key=lambda pair: (counts[pair], order(pair[0]), order(pair[1])))
        made[best[0] + best[1]] = 256 + len(made)
        return best

    return _train(text, _wanted(vocab_size), choose=choose)


@replaces("train_bpe")
def words_counted_once(text, vocab_size):
    """You collect the different words and count the pairs of each once. A word that occurs a hundred times must count a
    hundred times: keep how often each word occurs and add that."""
    return _train(text, _wanted(vocab_size), count=lambda words: _count((pieces, 1) for pieces, _ in words))


@replaces("train_bpe")
def pairs_across_words(text, vocab_size):
    """The text was not cut into words first, so pairs reach from one word into the next, such as a letter and the
    full stop after it. Count and merge within the words of split_text only."""
    return _train(text, _wanted(vocab_size), split=lambda text: [text])


@replaces("train_bpe")
def words_by_white_space(text, vocab_size):
    """You cut the text at white space, as str.split does: the spaces are lost, and punctuation sticks to words. Cut with
    split_text, where a space belongs to the word that follows it."""
    return _train(text, _wanted(vocab_size), split=str.split)


@replaces("train_bpe")
def spaces_stripped_from_words(text, vocab_size):
    """The words were stripped of their spaces. In this tokenizer " the" with its space is another word than "the", and
    the space is the first byte that it can be merged with."""
    return _train(text, _wanted(vocab_size), split=lambda text: [word.strip() for word in split_text(text)])


@replaces("train_bpe")
def characters_instead_of_bytes(text, vocab_size):
    """You start from characters: an é or a 漢 is one piece from the beginning. A byte-level tokenizer starts from the
    bytes of the text's UTF-8, and has to learn to put an é together."""
    return _train(text, _wanted(vocab_size), cut=lambda word: [char.encode("utf-8") for char in word])


@replaces("train_bpe")
def end_of_word_marked(text, vocab_size):
    """Each word got an end-of-word mark such as </w>, as in the method for translation of 2016. The byte-level method has
    none: where a word begins is known from the space at its front."""
    return _train(text, _wanted(vocab_size), cut=lambda word: [*_bytes(word), b"</w>"])


@replaces("train_bpe")
def merged_from_the_right(text, vocab_size):
    """A run such as a a a was merged from its right end, into a aa. Go from left to right: aa a."""
    from_right = lambda pieces, pair: [
        piece[::-1] for piece in _merge([piece[::-1] for piece in pieces[::-1]], (pair[1][::-1], pair[0][::-1]))
    ][::-1]
    return _train(text, _wanted(vocab_size), merge=from_right)


@replaces("train_bpe")
def a_piece_used_twice(text, vocab_size):
    """In a a a you merged both places of (a, a), so that the middle a was used twice and the word grew. After merging at
    one place go on behind both pieces."""

    def merge(pieces, pair):
        hits = [tuple(pieces[at : at + 2]) == pair for at in range(len(pieces))]
        kept = [
            pair[0] + pair[1] if hit else piece
            for at, (piece, hit) in enumerate(zip(pieces, hits))
            if hit or not (at and hits[at - 1])
        ]
        return kept

    return _train(text, _wanted(vocab_size), merge=merge)


@replaces("train_bpe")
def only_the_first_place_merged(text, vocab_size):
    """In each word the pair was replaced only where it stands first. Replace it at every place before you count again."""

    def merge(pieces, pair):
        for at in range(len(pieces) - 1):
            if (pieces[at], pieces[at + 1]) == pair:
                return [*pieces[:at], pair[0] + pair[1], *pieces[at + 2 :]]
        return pieces

    return _train(text, _wanted(vocab_size), merge=merge)


@replaces("train_bpe")
def counted_without_overlaps(text, vocab_size):
    """Overlapping places were counted as one: a a a has the pair (a, a) at two places, and both count, although only
    one of them can be merged."""

    def count(words):
        counts = Counter()
        for pieces, times in words:
            for pair in set(zip(pieces, pieces[1:])):
                counts[pair] += times * (len(pieces) - len(_merge(pieces, pair)))
        return counts

    return _train(text, _wanted(vocab_size), count=count)


@replaces("train_bpe")
def counted_once_a_word(text, vocab_size):
    """Within one word a pair was counted once however often it stands there, as a set of the word's pairs does. Every
    place counts: banana has (a, n) twice."""

    def count(words):
        counts = Counter()
        for pieces, times in words:
            for pair in set(zip(pieces, pieces[1:])):
                counts[pair] += times
        return counts

    return _train(text, _wanted(vocab_size), count=count)


@replaces("train_bpe")
def counts_not_updated(text, vocab_size):
    """The pairs were counted once, and the most frequent ones taken in that order. Each merge changes what stands next to
    what: pairs vanish, and pairs with the new piece appear. Count again after every merge."""
    counts = _count((_bytes(word), times) for word, times in Counter(split_text(text)).items())
    return sorted(counts, key=lambda pair: (counts[pair], pair), reverse=True)[: _wanted(vocab_size)]


@replaces("train_bpe")
def as_many_merges_as_ids(text, vocab_size):
    """You learned vocab_size merges. The 256 bytes have ids as well: vocab_size - 256 merges are left."""
    _wanted(vocab_size)
    return _train(text, vocab_size)


@replaces("train_bpe")
def one_merge_too_few(text, vocab_size):
    """One merge is missing at the end: the vocabulary has vocab_size - 1 ids. The loop ends one step early."""
    return _train(text, max(_wanted(vocab_size) - 1, 0))


@replaces("train_bpe")
def one_merge_too_many(text, vocab_size):
    """One merge too many was learned: the vocabulary has vocab_size + 1 ids. The loop ends one step late, or the bytes
    were taken to be 255."""
    return _train(text, _wanted(vocab_size) + 1)


@replaces("train_bpe")
def pairs_that_occur_once_left_out(text, vocab_size):
    """You stop when no pair occurs twice. Here training goes on while there is any pair, until the vocabulary is full."""
    return _train(text, _wanted(vocab_size), enough=2)


@replaces("train_bpe")
def no_pair_left_is_an_error(text, vocab_size):
    """When every word is one piece, there is nothing to take the maximum of, and your loop fails. A short text cannot
    fill a large vocabulary: return the merges that there are."""
    merges = _train(text, _wanted(vocab_size))
    if len(merges) < _wanted(vocab_size):
        raise ValueError("max() arg is an empty sequence")
    return merges


@replaces("train_bpe")
def lowered(text, vocab_size):
    """The text was lowered before training. Nothing about the text is changed: capitals have bytes of their own."""
    return _train(text.lower(), _wanted(vocab_size))


@replaces("train_bpe")
def normalized(text, vocab_size):
    """The text was brought into a Unicode normal form, where an e with a combining accent becomes one character. Train on
    the bytes as they come."""
    return _train(unicodedata.normalize("NFC", text), _wanted(vocab_size))


@replaces("train_bpe")
def small_vocabulary_accepted(text, vocab_size):
    """A vocab_size below 256 gave a result. It cannot hold the bytes: raise ValueError."""
    return _train(text, max(vocab_size - 256, 0))


@replaces("train_bpe")
def pairs_of_ids(text, vocab_size):
    """The merges are pairs of ids. That is a common form, too, but here a merge is a pair of bytes objects, the two pieces
    that are joined."""
    merges = _train(text, _wanted(vocab_size))
    ids = _table(merges)
    return [(ids[left], ids[right]) for left, right in merges]


@replaces("train_bpe")
def merged_pieces_returned(text, vocab_size):
    """You return the pieces that the merges make. Return the pairs: what was joined with what is needed to encode."""
    return [left + right for left, right in _train(text, _wanted(vocab_size))]


# ------------------------------------------------------------------------------------------------------------- encode


@replaces("encode")
def longest_piece_first(text, merges):
    """From the left you take the longest piece of the vocabulary that fits. That is another method (WordPiece does so).
    Byte-pair encoding replays the merges: the one learned first is applied first, and a longer piece may never come up."""
    pieces = set(_pieces(merges))

    def apply(word, _):
        raw, at, found = b"".join(word), 0, []
        while at < len(raw):
            found.append(next(raw[at:end] for end in range(len(raw), at, -1) if raw[at:end] in pieces))
            at += len(found[-1])
        return found

    return _encode(text, merges, apply=apply)


@replaces("encode")
def first_pair_that_is_a_merge(text, merges):
    """You merge the first pair in the word that is in the list. Which pair is merged next is decided by the rank: among
    all pairs of the word, the one whose merge was learned first."""

    def apply(pieces, merges):
        at = 0
        while at < len(pieces) - 1:
            if (pieces[at], pieces[at + 1]) in merges:
                pieces = [*pieces[:at], pieces[at] + pieces[at + 1], *pieces[at + 2 :]]
                at = 0
            else:
                at += 1
        return pieces

    return _encode(text, merges, apply=apply)


@replaces("encode")
def most_frequent_pair_first(text, merges):
    """You merge the pair that is most frequent in the text at hand, as training does. The counts of this text do not matter
    any more: the order of the merges is fixed once they are learned."""
    known = set(merges)

    def apply(pieces, merges):
        while counts := {pair: n for pair, n in _count([(pieces, 1)]).items() if pair in known}:
            pieces = _merge(pieces, _greatest(counts))
        return pieces

    return _encode(text, merges, apply=apply)


@replaces("encode")
def learned_last_first(text, merges):
    """The merge learned last is applied first here. The order is the other way round: the lowest place in the list wins."""
    return _encode(text, merges, apply=lambda pieces, merges: _by_rank(pieces, merges[::-1]))


@replaces("encode")
def each_merge_at_one_place(text, merges):
    """You go through the merges once and replace each at one place of the word only. Every place must be merged before the
    next merge is looked at."""

    def apply(pieces, merges):
        for pair in merges:
            for at in range(len(pieces) - 1):
                if (pieces[at], pieces[at + 1]) == pair:
                    pieces = [*pieces[:at], pieces[at] + pieces[at + 1], *pieces[at + 2 :]]
                    break
        return pieces

    return _encode(text, merges, apply=apply)


@replaces("encode")
def one_merge_a_word(text, merges):
    """In each word only one merge is applied. What it makes may be half of the next pair: go on until no pair is a merge."""

    def apply(pieces, merges):
        pairs = set(zip(pieces, pieces[1:]))
        return next((_merge(pieces, pair) for pair in merges if pair in pairs), pieces)

    return _encode(text, merges, apply=apply)


@replaces("encode")
def one_sweep_over_the_word(text, merges):
    """You go through the word once and join neighbors that are a merge. The pieces that this makes are never looked at
    again: repeat until no pair is a merge, each time with the one learned first."""

    def apply(pieces, merges):
        swept, at = [], 0
        while at < len(pieces):
            found = tuple(pieces[at : at + 2]) in merges
            swept.append(pieces[at] + pieces[at + 1] if found else pieces[at])
            at += 2 if found else 1
        return swept

    return _encode(text, merges, apply=apply)


@replaces("encode")
def run_merged_from_the_right(text, merges):
    """Of overlapping places, such as in a a a, the right one was merged. Go from left to right: aa a."""

    def merge(pieces, pair):
        at = len(pieces) - 2
        while at >= 0:
            if (pieces[at], pieces[at + 1]) == pair:
                pieces = [*pieces[:at], pair[0] + pair[1], *pieces[at + 2 :]]
                at -= 1
            at -= 1
        return pieces

    return _encode(text, merges, apply=lambda pieces, merges: _by_rank(pieces, merges, merge=merge))


@replaces("encode")
def ids_start_at_257(text, merges):
    """The merges are numbered from 257 on. The bytes are 0 to 255, so the first merge makes id 256."""
    return _encode(text, merges, ids=lambda merges: _table(merges, first=257))


@replaces("encode")
def merges_numbered_from_0(text, merges):
    """A merged piece got its place in the list as its id. Those numbers belong to the bytes: add 256."""
    return _encode(text, merges, ids=lambda merges: _table(merges, first=0))


@replaces("encode")
def ids_by_sorting(text, merges):
    """The merged pieces were numbered in sorted order. Their ids follow the order in which they were learned."""
    return _encode(text, merges, ids=lambda merges: _table([(piece, b"") for piece in sorted(_pieces(merges)[256:])]))


@replaces("encode")
def merged_across_words(text, merges):
    """The text was not cut into words before merging, so that a merge joined the end of one word with the beginning of the
    next. Cut with split_text, then encode word by word."""
    return _encode(text, merges, split=lambda text: [text])


@replaces("encode")
def white_space_lost(text, merges):
    """White space is missing from the ids: str.split and strip throw it away. The whole text must come back; split_text keeps
    everything."""
    return _encode(text, merges, split=str.split)


@replaces("encode")
def lowered_before_encoding(text, merges):
    """The text was lowered before it was encoded. decode(encode(text)) has to give the same text back."""
    return _encode(text.lower(), merges)


@replaces("encode")
def line_ends_made_equal(text, merges):
    """The line ends of Windows and of old Macintoshes were turned into plain ones, as opening a file in text mode does.
    decode(encode(text)) has to give the same text back, line ends included."""
    return _encode(text.replace("\r\n", "\n").replace("\r", "\n"), merges)


@replaces("encode")
def normalized_before_encoding(text, merges):
    """The text was brought into a Unicode normal form before it was encoded. decode(encode(text)) has to give the same text
    back, combining accents included."""
    return _encode(unicodedata.normalize("NFC", text), merges)


@replaces("encode")
def code_points_instead_of_bytes(text, merges):
    """A character beyond ASCII was encoded as its code point. Encode its UTF-8: é is the two bytes 195 and 169."""
    found = []
    for word in split_text(text):
        pieces = _by_rank([char.encode("utf-8") for char in word], merges)
        table = _table(merges)
        found.extend(table[piece] if piece in table else ord(piece.decode("utf-8")) for piece in pieces)
    return found


@replaces("encode")
def unknown_characters_dropped(text, merges):
    """Characters beyond ASCII are missing. A byte-level tokenizer can encode everything, because every byte has an id."""
    return _encode("".join(char for char in text if ord(char) < 128), merges)


@replaces("encode")
def pieces_instead_of_ids(text, merges):
    """You return the pieces. Return their ids: the byte itself for one byte, 256 + i for what merge i made."""
    return [piece for word in split_text(text) for piece in _by_rank(_bytes(word), merges)]


@replaces("encode")
def merges_used_up(text, merges):
    """Your function changes the list of merges it is given, so that a second call finds another list. Work on a copy, or only
    read it."""
    ids = _encode(text, merges)
    if isinstance(merges, list):
        merges.clear()
    return ids


# ------------------------------------------------------------------------------------------------------------- decode


@replaces("decode")
def piece_by_piece(ids, merges):
    """Each piece was read as UTF-8 on its own and the texts were joined. A character may be spread over several pieces: join
    all bytes first, then read them."""
    _known(ids, merges)
    pieces = _pieces(merges)
    return "".join(pieces[id].decode("utf-8", errors="replace") for id in ids)


@replaces("decode")
def invalid_bytes_raise(ids, merges):
    """Bytes that are not valid UTF-8 raised an error. A model may well end in the middle of a character: put U+FFFD there."""
    _known(ids, merges)
    pieces = _pieces(merges)
    return b"".join(pieces[id] for id in ids).decode("utf-8")


@replaces("decode")
def invalid_bytes_ignored(ids, merges):
    """Bytes that are not valid UTF-8 were left out silently. U+FFFD has to show where they stood."""
    _known(ids, merges)
    pieces = _pieces(merges)
    return b"".join(pieces[id] for id in ids).decode("utf-8", errors="ignore")


@replaces("decode")
def bytes_read_as_characters(ids, merges):
    """Each byte was turned into one character, as chr or Latin-1 do. That is right for ASCII only: read the bytes as UTF-8."""
    _known(ids, merges)
    pieces = _pieces(merges)
    return b"".join(pieces[id] for id in ids).decode("latin-1")


@replaces("decode")
def joined_with_spaces(ids, merges):
    """Spaces were put between the pieces. The pieces carry their own spaces: join them with nothing between."""
    _known(ids, merges)
    pieces = _pieces(merges)
    return b" ".join(pieces[id] for id in ids).decode("utf-8", errors="replace")


@replaces("decode")
def numbered_from_257(ids, merges):
    """Merge i was looked up under 257 + i. The bytes are 0 to 255, so the first merge made id 256."""
    _known(ids, merges)
    pieces = [*_pieces(merges)[:256], b"", *_pieces(merges)[256:]]
    return b"".join(pieces[id] for id in ids).decode("utf-8", errors="replace")


@replaces("decode")
def negative_ids_count_from_the_end(ids, merges):
    """A negative id was accepted: a Python list counts it from its end. No piece has a negative id; raise ValueError."""
    if any(id >= 256 + len(merges) for id in ids):
        raise ValueError("unknown id")
    pieces = _pieces(merges)
    return b"".join(pieces[id % len(pieces)] for id in ids).decode("utf-8", errors="replace")


@replaces("decode")
def index_error_for_unknown_ids(ids, merges):
    """An id that the vocabulary does not have raised IndexError or KeyError from within. The contract is ValueError, which tells
    the caller that the ids are wrong and not the code."""
    if any(not 0 <= id < 256 + len(merges) for id in ids):
        raise IndexError("list index out of range")
    pieces = _pieces(merges)
    return b"".join(pieces[id] for id in ids).decode("utf-8", errors="replace")


@replaces("decode")
def unknown_ids_skipped(ids, merges):
    """An id that the vocabulary does not have was skipped. It means that ids and merges do not belong together: raise
    ValueError."""
    pieces = _pieces(merges)
    return b"".join(pieces[id] for id in ids if 0 <= id < len(pieces)).decode("utf-8", errors="replace")


@replaces("decode")
def text_stripped(ids, merges):
    """White space at the ends of the text was stripped, or a space in front removed. The text comes back as it went in."""
    _known(ids, merges)
    pieces = _pieces(merges)
    return b"".join(pieces[id] for id in ids).decode("utf-8", errors="replace").strip()


@replaces("decode")
def text_normalized(ids, merges):
    """The text was brought into a Unicode normal form. It must come back as it went in, combining accents included."""
    _known(ids, merges)
    pieces = _pieces(merges)
    return unicodedata.normalize("NFC", b"".join(pieces[id] for id in ids).decode("utf-8", errors="replace"))


@replaces("decode")
def line_ends_translated(ids, merges):
    """The line ends of the text were translated while the bytes were read, as a file opened in text mode does. It must
    come back as it went in."""
    _known(ids, merges)
    pieces = _pieces(merges)
    text = b"".join(pieces[id] for id in ids).decode("utf-8", errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


@replaces("decode")
def bytes_returned(ids, merges):
    """You return bytes. Return the text: read the joined bytes as UTF-8."""
    _known(ids, merges)
    pieces = _pieces(merges)
    return b"".join(pieces[id] for id in ids)


@replaces("decode")
def merges_emptied(ids, merges):
    """Your function changes the list of merges it is given, so that a second call finds another list. Only read it."""
    _known(ids, merges)
    pieces = _pieces(merges)
    if isinstance(merges, list):
        merges.clear()
    return b"".join(pieces[id] for id in ids).decode("utf-8", errors="replace")
