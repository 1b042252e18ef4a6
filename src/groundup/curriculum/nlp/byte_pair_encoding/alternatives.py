"""Right answers in other styles, which the checks must accept."""

import heapq
import io
import re
from collections import Counter, defaultdict
from functools import lru_cache
from itertools import groupby

from groundup.authoring import replaces
from groundup.stack.text.bpe import split_text


def _refuse_small(vocab_size):
    if vocab_size < 256:
        raise ValueError(f"vocab_size is {vocab_size}, and must be 256 at least")


# ---------------------------------------------------------------------------------------------------------- train_bpe


@replaces("train_bpe")
def by_pairs_of_ids(text, vocab_size):
    """Ids inside, as in many tutorials; the bytes only to decide ties and for the result."""
    _refuse_small(vocab_size)
    pieces = {byte: bytes((byte,)) for byte in range(256)}
    words = [[*word.encode()] for word in split_text(text)]  # every occurrence on its own
    merges = []
    for new in range(256, vocab_size):
        counts = {}
        for word in words:
            for pair in zip(word[:-1], word[1:]):
                counts[pair] = counts.get(pair, 0) + 1
        if not counts:
            return merges
        a, b = max(counts, key=lambda pair: (counts[pair], pieces[pair[0]], pieces[pair[1]]))
        for word in words:
            at = 0
            while at + 1 < len(word):
                if word[at] == a and word[at + 1] == b:
                    word[at : at + 2] = [new]
                at += 1
        pieces[new] = pieces[a] + pieces[b]
        merges.append((pieces[a], pieces[b]))
    return merges


@replaces("train_bpe")
def by_substitution_in_strings(text, vocab_size):
    """One string a word, the pieces in hexadecimal with spaces between, merged by a regular expression (as in 2016)."""
    _refuse_small(vocab_size)
    words = Counter(" ".join(f"{byte:02x}" for byte in word.encode("utf-8")) for word in split_text(text))
    merges = []
    while len(merges) < vocab_size - 256:
        counts = defaultdict(int)
        for word, times in words.items():
            pieces = word.split()
            for i in range(len(pieces) - 1):
                counts[pieces[i], pieces[i + 1]] += times
        if not counts:
            break
        highest = max(counts.values())
        left, right = sorted(pair for pair in counts if counts[pair] == highest)[-1]  # hexadecimal sorts as bytes do
        pattern = re.compile(rf"(?<!\S){left} {right}(?!\S)")
        words = Counter({pattern.sub(left + right, word): times for word, times in words.items()})
        merges.append([bytes.fromhex(left), bytes.fromhex(right)])
    return [tuple(merge) for merge in merges]


@replaces("train_bpe")
def by_updating_counts(text, vocab_size):
    """Counts and an index from pairs to words, both updated only where a merge happened."""
    _refuse_small(vocab_size)
    frequency = Counter(split_text(text))
    spelled = {word: tuple(bytes([byte]) for byte in word.encode("utf-8")) for word in frequency}
    counts, where = Counter(), defaultdict(set)

    def book(word, sign):
        for pair in zip(spelled[word], spelled[word][1:]):
            counts[pair] += sign * frequency[word]
            where[pair].add(word)

    for word in spelled:
        book(word, +1)
    merges = []
    while len(merges) < vocab_size - 256 and (alive := [pair for pair, times in counts.items() if times > 0]):
        best = max(alive, key=lambda pair: (counts[pair], *pair))
        for word in where.pop(best):
            book(word, -1)
            pieces, open_to_merging = [], False
            for piece in spelled[word]:
                if open_to_merging and (pieces[-1], piece) == best:
                    pieces[-1] += piece
                    open_to_merging = False
                else:
                    pieces.append(piece)
                    open_to_merging = True
            spelled[word] = tuple(pieces)
            book(word, +1)
        counts = +counts
        merges.append(best)
    return merges


@replaces("train_bpe")
def by_sorting_one_chain(text, vocab_size):
    """The whole text as one chain of pieces with walls between the words; equal pairs are counted by sorting them."""
    _refuse_small(vocab_size)
    chain = []
    for word in split_text(text):
        chain += [bytes([byte]) for byte in word.encode("utf-8")] + [None]
    merges = []
    while len(merges) < vocab_size - 256:
        pairs = sorted((left, right) for left, right in zip(chain, chain[1:]) if left is not None and right is not None)
        if not pairs:
            break
        times, best = max((len(list(same)), pair) for pair, same in groupby(pairs))
        merged, source = [], iter([*chain, None])
        piece = next(source)
        for following in source:
            if (piece, following) == best:
                merged.append(best[0] + best[1])
                piece = next(source, None)
            else:
                merged.append(piece)
                piece = following
        chain = merged
        merges.append(best)
    return merges


# ------------------------------------------------------------------------------------------------------------- encode


def _ids(merges):
    return {bytes([byte]): byte for byte in range(256)} | {a + b: 256 + i for i, (a, b) in enumerate(merges)}


@replaces("encode")
def by_replaying_all_merges(text, merges):
    """Every merge in the order learned, over every word, whether it is there or not."""
    ids = _ids(merges)
    words = [list(word.encode("utf-8")) for word in split_text(text)]
    for new, (left, right) in enumerate(merges, start=256):
        a, b = ids[left], ids[right]
        for word in words:
            at = 0
            while at < len(word) - 1:
                if word[at] == a and word[at + 1] == b:
                    word[at] = new
                    del word[at + 1]
                at += 1
    return [id for word in words for id in word]


@replaces("encode")
def by_one_place_at_a_time(text, merges):
    """The lowest rank at its leftmost place, one place after the other; words are remembered."""
    rank = {tuple(pair): i for i, pair in enumerate(merges)}
    ids = _ids(merges)

    @lru_cache(maxsize=None)
    def word_ids(word):
        pieces = [bytes([byte]) for byte in word.encode("utf-8")]
        while True:
            ranked = [(rank[pair], at) for at, pair in enumerate(zip(pieces, pieces[1:])) if pair in rank]
            if not ranked:
                return tuple(ids[piece] for piece in pieces)
            _, at = min(ranked)
            pieces[at] += pieces.pop(at + 1)

    found = []
    for word in split_text(text):
        found.extend(word_ids(word))
    return found


@replaces("encode")
def by_a_heap(text, merges):
    """A heap of (rank, place) over linked pieces: n log n in the length of a word."""
    ids = _ids(merges)
    becomes = {(ids[a], ids[b]): ids[a + b] for a, b in merges}
    encoded = []
    for word in split_text(text):
        pieces = dict(enumerate(word.encode("utf-8")))
        places = sorted(pieces)
        heap = [(becomes[pieces[i], pieces[i + 1]], i) for i in places[:-1] if (pieces[i], pieces[i + 1]) in becomes]
        heapq.heapify(heap)
        while heap:
            new, at = heapq.heappop(heap)
            position = places.index(at) if at in pieces else -1
            if position < 0 or position + 1 >= len(places):
                continue
            following = places[position + 1]
            if becomes.get((pieces[at], pieces[following])) != new:
                continue
            pieces[at] = new
            del pieces[following], places[position + 1]
            for i in (position - 1, position):
                if 0 <= i and i + 1 < len(places):
                    made = becomes.get((pieces[places[i]], pieces[places[i + 1]]))
                    if made is not None:
                        heapq.heappush(heap, (made, places[i]))
        encoded += [pieces[place] for place in places]
    return encoded


@replaces("encode")
def by_recursion(text, merges):
    """Cut a word at the pairs that the first applicable merge makes, and do the rest again."""
    ids = _ids(merges)
    order = list(merges)

    def put_together(pieces):
        ranked = [order.index(pair) for pair in set(zip(pieces, pieces[1:])) if pair in order]
        if not ranked:
            return pieces
        left, right = order[min(ranked)]
        rest, joined = list(pieces), []
        while rest:
            if rest[:2] == [left, right]:
                joined.append(left + right)
                rest = rest[2:]
            else:
                joined.append(rest.pop(0))
        return put_together(joined)

    return [ids[piece] for word in split_text(text) for piece in put_together([bytes([b]) for b in word.encode()])]


# ------------------------------------------------------------------------------------------------------------- decode


@replaces("decode")
def by_a_dictionary(ids, merges):
    """A dictionary from id to bytes; what is not in it is refused."""
    pieces = dict(enumerate([bytes([byte]) for byte in range(256)] + [left + right for left, right in merges]))
    missing = [id for id in ids if id not in pieces]
    if missing:
        raise ValueError(f"not in the vocabulary: {missing}")
    return b"".join(map(pieces.get, ids)).decode("utf-8", "replace")


@replaces("decode")
def by_a_stream(ids, merges):
    """Bytes written to a buffer, the piece made when it is needed."""
    out = io.BytesIO()
    for id in ids:
        if id < 0 or id - 256 >= len(merges):
            raise ValueError(id)
        out.write(id.to_bytes(1, "big") if id < 256 else merges[id - 256][0] + merges[id - 256][1])
    return str(out.getvalue(), encoding="utf-8", errors="replace")


@replaces("decode")
def by_taking_merges_apart(ids, merges):
    """From pieces back to single bytes, merge by merge from the last to the first."""
    table = _ids(merges)
    raw = list(ids)
    if any(id not in range(256 + len(merges)) for id in raw):
        raise ValueError("an id is outside of the vocabulary")
    for made in range(255 + len(merges), 255, -1):
        left, right = merges[made - 256]
        raw = [part for id in raw for part in ((table[left], table[right]) if id == made else (id,))]
    return bytearray(raw).decode(errors="replace")
