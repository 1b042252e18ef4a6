"""Byte-pair encoding: write GPT-2's tokenizer.

Three functions, in plain Python. `split_text`, which cuts a text into words as GPT-2 does, is given at the top: use it.

What everything below means by its words:

    piece    some bytes, as a `bytes` object; at first every piece is one byte of the text's UTF-8
    pair     two neighboring pieces of one word, as a tuple: (b"a", b"ab")
    merge    a pair that becomes one piece: wherever b"a" stands before b"ab", they become b"aab"
    merges   the list of merges in the order in which they were learned; it is the whole tokenizer
    ids      0 to 255 are the bytes; merges[i] makes the piece whose id is 256 + i
"""

import re


class _Shape(dict):
    """Code point -> "a" for a letter, "0" for a number, "\\t" for white space, "." for the rest; ASCII stays as it is."""

    def __missing__(self, code):
        char = chr(code)
        if code < 128:
            shape = "." if 28 <= code <= 31 else char
        elif char.isalpha():
            shape = "a"
        elif char.isnumeric():
            shape = "0"
        else:
            shape = "\t" if char.isspace() else "."
        self[code] = shape
        return shape


_SHAPE = _Shape()
_WORD = re.compile(r"'(?:[sdmt]|ll|ve|re)| ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+")


def split_text(text):
    """Given, and correct. Cut a text into GPT-2's words; joined again, they are the text.

    >>> split_text("We'll pay 30.\\n")
    ['We', "'ll", ' pay', ' 30', '.', '\\n']

    A word takes one space before it along. Letters, numbers and other signs never share a word.
    """
    return [text[found.start() : found.end()] for found in _WORD.finditer(text.translate(_SHAPE))]


def train_bpe(text, vocab_size):
    """Learn the merges of a text.

    text        a str
    vocab_size  how many ids there shall be: the 256 bytes and vocab_size - 256 merges
    returns     the merges, a list of pairs (bytes, bytes) in the order learned

    - Cut the text into words with `split_text`; a pair lies within one word, never across two.
    - The count of a pair is the number of places where it stands in the whole text, so a word that occurs seven times
      counts seven times. Places that overlap all count: "aaa" has the pair (b"a", b"a") twice.
    - Each step merges the pair with the highest count. If several have it, take the greatest, as Python compares tuples
      of bytes: (b"b", b"a") > (b"a", b"c") > (b"a", b"b").
    - Merging goes through a word from left to right, and a piece that was just made is not used again in the same
      step: (b"a", b"a") turns a a a into aa a.
    - Stop when there are vocab_size - 256 merges, or earlier if no word has two pieces left. A pair that occurs only
      once is merged, too.
    - vocab_size below 256 raises ValueError.

    Example: "aaabdaaabac" has (b"a", b"a") four times and nothing more often, so this is merged first, into
    aa a b d aa a b a c. Now (b"aa", b"a") and (b"a", b"b") stand there twice each, and the first is the greater.

    >>> train_bpe("aaabdaaabac", 259)
    [(b'a', b'a'), (b'aa', b'a'), (b'aaa', b'b')]
    """
    raise NotImplementedError


def encode(text, merges):
    """Turn a text into ids.

    text     a str, seldom the one that the merges were learned from
    merges   a list or tuple of merges as `train_bpe` returns it; it is not changed
    returns  a list of int

    - Cut the text into words with `split_text`; each word starts as its single bytes, and merges stay within it.
    - Within a word, the merge that was learned first is applied first, wherever in the word it stands, from left to
      right as in training; and so on until no two neighbors are a merge.
    - The whole text comes back, byte for byte: nothing is dropped, lowered, stripped or normalized.

    Example: of "abc" with these merges, (b"b", b"c") was learned first; b"a" and b"bc" are no merge. That ids 257 = b"ab"
    would fit the start of the word does not matter.

    >>> encode("abc", [(b"b", b"c"), (b"a", b"b")])
    [97, 256]
    """
    raise NotImplementedError


def decode(ids, merges):
    """Turn ids into the text.

    ids      a list of int
    merges   as for `encode`; not changed
    returns  a str

    - Join the bytes of all pieces, then read them as UTF-8. A character may be spread over several pieces.
    - Where the bytes are not valid UTF-8, U+FFFD stands instead, as `bytes.decode(..., errors="replace")` puts it.
    - An id below 0, or of 256 + len(merges) and more, raises ValueError.

    >>> decode([104, 256, 195, 169], [(b"e", b"y")])
    'heyé'
    """
    raise NotImplementedError
