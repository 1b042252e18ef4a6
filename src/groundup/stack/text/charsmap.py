"""SentencePiece's compiled normalization: what stands for which characters, read from a tokenizer's file.

    precompiled_charsmap ── CharsMap ──► "ﬁ" → "fi", "㍿" → "株式会社", "e\u0301" → "é", tab → space

A map is a trie in two arrays (darts, Aoe 1989) over UTF-8 bytes: four bytes for the size, the units, then the texts
that keys stand for, each with a zero byte at its end. A unit of 32 bits has the label by which it is reached, whether
a key ends here, and where its children begin.

The same map is read in two ways. SentencePiece replaces the longest key at each place. ``tokenizers`` goes by
characters as a reader sees them (grapheme clusters): one of less than six bytes is replaced, all of it, by what its
*shortest* key stands for, so that "ﬁ\u0301" becomes "fi" and loses its accent; of longer ones each code point is
replaced by itself. Which code points stick together is Unicode's business (UAX #29); of its rules only those are here
that can decide about less than six bytes, with the classes that the library has compiled in.

Kudo and Richardson, "SentencePiece" (EMNLP 2018), section 3.2.
"""

from __future__ import annotations

import re
import struct


class CharsMap:
    """A compiled map. Raises ValueError for one that is cut off or points outside of itself."""

    def __init__(self, blob: bytes) -> None:
        if len(blob) < 4:
            raise ValueError("the precompiled map of characters is too short to say its size")
        (size,) = struct.unpack_from("<I", blob)
        if size % 4 or 4 + size > len(blob):
            raise ValueError(f"the precompiled map of characters has {len(blob) - 4} bytes; its trie alone has {size}")
        self.blob = bytes(blob)
        self._units = struct.unpack_from(f"<{size // 4}I", blob, 4)
        self._texts = blob[4 + size :]
        self._known: dict[str, tuple[str, bool]] = {}

    def _keys(self, data: bytes, first: bool) -> tuple[int, int] | None:
        """The shortest or the longest key that ``data`` begins with: its length and where its text begins."""
        units, found = self._units, None
        try:
            at = _children(units[0])
            for length, byte in enumerate(data, start=1):
                at ^= byte
                unit = units[at]
                if unit & 0x800000FF != byte:
                    break
                at ^= _children(unit)
                if unit >> 8 & 1:
                    found = length, units[at] & 0x7FFFFFFF
                    if first:
                        break
        except IndexError:
            raise ValueError("the precompiled map of characters points outside of itself") from None
        return found

    def _text(self, begin: int) -> str:
        return self._texts[begin : self._texts.find(b"\0", begin)].decode("utf-8", errors="replace")

    def shortest(self, text: str) -> str | None:
        """What the shortest key that the text begins with stands for; None where it begins with none."""
        found = self._keys(text.encode("utf-8", errors="replace"), True)
        return None if found is None else self._text(found[1])

    def longest(self, text: str, at: int) -> tuple[str, int] | None:
        """What the longest key at this place stands for, and how many characters it has."""
        data = text[at : at + LONGEST_KEY].encode("utf-8", errors="replace")
        found = self._keys(data, False)
        if found is None:
            return None
        return self._text(found[1]), len(data[: found[0]].decode("utf-8", errors="ignore"))

    def replace_graphemes(self, text: str) -> list[tuple[str, int]]:
        """As ``tokenizers`` replaces: parts of the text with what stands for each, as (new text, old length)."""
        parts: list[tuple[str, int]] = []
        for cluster in GRAPHEME.findall(text):
            new, whole = self._cluster(cluster)
            if whole:
                parts.append((new, len(cluster)))
            else:
                parts += [(self._cluster(char)[0], 1) for char in cluster]
        return parts

    def _cluster(self, cluster: str) -> tuple[str, bool]:
        """What stands for a cluster, and whether it is replaced as a whole."""
        known = self._known.get(cluster)
        if known is None:
            short = len(cluster.encode("utf-8", errors="replace")) < 6
            new = self.shortest(cluster) if short else None
            known = self._known[cluster] = (cluster if new is None else new, new is not None)
        return known


LONGEST_KEY = 32
"""How many characters are looked at for a key; NFKC's longest have 4."""


def _children(unit: int) -> int:
    return unit >> 10 << ((unit & 0x200) >> 6)


def _class(ranges: str) -> str:
    """Ranges in hexadecimal, as the inside of a class of ``re``."""
    pairs = [(one.partition("-")[0], one.rpartition("-")[2]) for one in ranges.split()]
    return "".join(f"\\U{int(first, 16):08x}-\\U{int(last, 16):08x}" for first, last in pairs)


_JOINED = _class(
    """
    300-36f 483-489 591-5bd 5bf 5c1-5c2 5c4-5c5 5c7 610-61a 64b-65f 670 6d6-6dc 6df-6e4 6e7-6e8 6ea-6ed 711 730-74a
    7a6-7b0 7eb-7f3 7fd 816-819 81b-823 825-827 829-82d 859-85b 897-89f 8ca-8e1 8e3-903 93a-93c 93e-94f 951-957
    962-963 981-983 9bc 9be-9c4 9c7-9c8 9cb-9cd 9d7 9e2-9e3 9fe a01-a03 a3c a3e-a42 a47-a48 a4b-a4d a51 a70-a71 a75
    a81-a83 abc abe-ac5 ac7-ac9 acb-acd ae2-ae3 afa-aff b01-b03 b3c b3e-b44 b47-b48 b4b-b4d b55-b57 b62-b63 b82
    bbe-bc2 bc6-bc8 bca-bcd bd7 c00-c04 c3c c3e-c44 c46-c48 c4a-c4d c55-c56 c62-c63 c81-c83 cbc cbe-cc4 cc6-cc8
    cca-ccd cd5-cd6 ce2-ce3 cf3 d00-d03 d3b-d3c d3e-d44 d46-d48 d4a-d4d d57 d62-d63 d81-d83 dca dcf-dd4 dd6 dd8-ddf
    df2-df3 e31 e33-e3a e47-e4e eb1 eb3-ebc ec8-ece f18-f19 f35 f37 f39 f3e-f3f f71-f84 f86-f87 f8d-f97 f99-fbc fc6
    102d-1037 1039-103e 1056-1059 105e-1060 1071-1074 1082 1084-1086 108d 109d 135d-135f 1712-1715 1732-1734
    1752-1753 1772-1773 17b4-17d3 17dd 180b-180d 180f 1885-1886 18a9 1920-192b 1930-193b 1a17-1a1b 1a55-1a5e 1a60
    1a62 1a65-1a7c 1a7f 1ab0-1add 1ae0-1aeb 1b00-1b04 1b34-1b44 1b6b-1b73 1b80-1b82 1ba1-1bad 1be6-1bf3 1c24-1c37
    1cd0-1cd2 1cd4-1ce8 1ced 1cf4 1cf7-1cf9 1dc0-1dff 200c-200d 20d0-20f0 2cef-2cf1 2d7f 2de0-2dff 302a-302f
    3099-309a a66f-a672 a674-a67d a69e-a69f a6f0-a6f1 a802 a806 a80b a823-a827 a82c a880-a881 a8b4-a8c5 a8e0-a8f1
    a8ff a926-a92d a947-a953 a980-a983 a9b3-a9c0 a9e5 aa29-aa36 aa43 aa4c-aa4d aa7c aab0 aab2-aab4 aab7-aab8
    aabe-aabf aac1 aaeb-aaef aaf5-aaf6 abe3-abea abec-abed fb1e fe00-fe0f fe20-fe2f ff9e-ff9f 101fd 102e0
    10376-1037a 10a01-10a03 10a05-10a06 10a0c-10a0f 10a38-10a3a 10a3f 10ae5-10ae6 10d24-10d27 10d69-10d6d
    10eab-10eac 10efa-10eff 10f46-10f50 10f82-10f85 11000-11002 11038-11046 11070 11073-11074 1107f-11082
    110b0-110ba 110c2 11100-11102 11127-11134 11145-11146 11173 11180-11182 111b3-111c0 111c9-111cc 111ce-111cf
    1122c-11237 1123e 11241 112df-112ea 11300-11303 1133b-1133c 1133e-11344 11347-11348 1134b-1134d 11357
    11362-11363 11366-1136c 11370-11374 113b8-113c0 113c2 113c5 113c7-113ca 113cc-113d0 113d2 113e1-113e2
    11435-11446 1145e 114b0-114c3 115af-115b5 115b8-115c0 115dc-115dd 11630-11640 116ab-116b7 1171d-1171f
    11722-1172b 1182c-1183a 11930-11935 11937-11938 1193b-1193e 11940 11942-11943 119d1-119d7 119da-119e0 119e4
    11a01-11a0a 11a33-11a39 11a3b-11a3e 11a47 11a51-11a5b 11a8a-11a99 11b60-11b67 11c2f-11c36 11c38-11c3f
    11c92-11ca7 11ca9-11cb6 11d31-11d36 11d3a 11d3c-11d3d 11d3f-11d45 11d47 11d8a-11d8e 11d90-11d91 11d93-11d97
    11ef3-11ef6 11f00-11f01 11f03 11f34-11f3a 11f3e-11f42 11f5a 13440 13447-13455 1611e-1612f 16af0-16af4
    16b30-16b36 16f4f 16f51-16f87 16f8f-16f92 16fe4 16ff0-16ff1 1bc9d-1bc9e 1cf00-1cf2d 1cf30-1cf46 1d165-1d169
    1d16d-1d172 1d17b-1d182 1d185-1d18b 1d1aa-1d1ad 1d242-1d244 1da00-1da36 1da3b-1da6c 1da75 1da84 1da9b-1da9f
    1daa1-1daaf 1e000-1e006 1e008-1e018 1e01b-1e021 1e023-1e024 1e026-1e02a 1e08f 1e130-1e136 1e2ae 1e2ec-1e2ef
    1e4ec-1e4ef 1e5ee-1e5ef 1e6e3 1e6e6 1e6ee-1e6ef 1e6f5 1e8d0-1e8d6 1e944-1e94a 1f3fb-1f3ff e0020-e007f
    e0100-e01ef
    """
)
"""Code points that stick to what stands before them: Extend, ZWJ and SpacingMark."""
_CONTROL = _class("0-1f 7f-9f ad 61c 180e 200b 200e-200f 2028-202e 2060-206f feff fff0-fffb")
_PREPENDED = _class("600-605 6dd 70f 890-891 8e2 d4e 110bd 110cd 111c2-111c3 113d1 1193f 11941 11a84-11a89 11d46 11f02")
"""Code points that stick to what follows. Those of control stick to nothing."""
GRAPHEME = re.compile(rf"\r\n|[{_CONTROL}]|[{_PREPENDED}]*[^{_CONTROL}{_PREPENDED}][{_JOINED}]*|[{_PREPENDED}]+")
