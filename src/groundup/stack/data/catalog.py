"""Public sets that groundup knows how to fetch: where each lies, at which commit, its checksums, its terms, its papers.

A source file is pinned by a commit of the repository that it lies in, its size and its SHA-256, so that what is fetched
today is what was fetched when a result was written down. From the source files the kept ones are prepared, which are
pinned as well. Only parts to learn from and to choose by are kept, not the parts that published results are scored on,
unless the catalog says otherwise.

Terms are given as the source states them; that is no legal advice. ``Freedom`` puts them in plain words.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from dataclasses import dataclass
from enum import Enum

from groundup.stack.data import pins
from groundup.stack.data.pins import Source
from groundup.stack.data.preparation import (
    Preparation,
    choose_articles,
    cut_lines,
    pack_reviews,
    packed_lines,
    unpack,
    unzip_member,
)

ORIGIN = "SOURCE.txt"
"""The file that is written beside a set's own: where it comes from and on which terms."""


class Freedom(Enum):
    """What one may do with a set, in plain words."""

    OPEN = "open licence"
    UPSTREAM = "open licence at the publisher, not stated in this copy"
    MIXED = "mixed terms, see its licence"
    RESEARCH = "research or other non-commercial use only"
    UNSTATED = "no licence stated for the data"

    @property
    def asks(self) -> bool:
        """Whether to ask before it is fetched: what it may be used for is limited, or not clear."""
        return self not in (Freedom.OPEN, Freedom.UPSTREAM)


@dataclass(frozen=True)
class Kept:
    """A file as it is kept: made of the source file ``source`` (a path), or equal to it.

    ``size`` and ``sha256`` are of its content: for a gzip file, of what is packed in it.
    """

    name: str
    source: str
    size: int
    sha256: str
    prepare: Preparation | None = None

    @property
    def is_packed(self) -> bool:
        return self.name.endswith(".gz")

    def matches(self, raw: bytes) -> bool:
        """Whether a file's bytes hold what was pinned."""
        try:
            content = gzip.decompress(raw) if self.is_packed else raw
        except (OSError, EOFError, zlib.error):
            return False
        return len(content) == self.size and hashlib.sha256(content).hexdigest() == self.sha256


@dataclass(frozen=True)
class PublicSet:
    """A set by its name; ``about`` is its content in a line, ``part`` what of the original is kept."""

    name: str
    task: str
    about: str
    part: str
    licence: str
    freedom: Freedom
    citation: str
    sources: tuple[Source, ...]
    files: tuple[Kept, ...]

    @property
    def download_size(self) -> int:
        """Bytes to fetch."""
        return sum(one.size for one in self.sources)

    @property
    def home(self) -> str:
        """The page of the repository at the commit."""
        first = self.sources[0]
        return f"https://github.com/{first.repository}/tree/{first.commit}"


def _as_is(source: Source, name: str | None = None) -> Kept:
    return Kept(name or source.name, source.path, source.size, source.sha256)


def _known(*sets: PublicSet) -> dict[str, PublicSet]:
    return {one.name: one for one in sets}


def find_set(name: str) -> PublicSet:
    """A set by name, with - or _. Raises ValueError that names those that there are."""
    plain = name.strip().lower().replace("-", "_")
    found = CATALOG.get(ALIASES.get(plain, plain))
    if found is None:
        raise ValueError(f"there is no public set {name!r}: {', '.join(CATALOG)}")
    return found


# ── the sets ─────────────────────────────────────────────────────────────────

ALIASES = {"sst2": "sst", "sst5": "sst", "trec": "trec_questions", "trec_fine": "trec_questions"}
"""Tasks that are called otherwise than their set."""

_SQUAD_TRAIN = (
    "Normans", "Computational_complexity_theory", "Huguenot", "Steam_engine", "1973_oil_crisis", "European_Union_law",
)  # fmt: skip
_SQUAD_DEV = ("Packet_switching", "Harvard_University")
_LICENCE, _README, _README_MD = "LICENSE.source.txt", "README.source.txt", "README.source.md"

CATALOG = _known(
    PublicSet(
        "sst",
        "classification",
        "Stanford Sentiment Treebank: sentences of film reviews, in 2 and in 5 classes",
        "train and dev, whole sentences",
        "the repository is MIT; none is stated for the treebank",
        Freedom.UNSTATED,
        "Socher and others, Recursive Deep Models for Semantic Compositionality Over a Sentiment Treebank, EMNLP 2013",
        (*pins.SST, pins.SENT_CONV_LICENCE, pins.SENT_CONV_README),
        (*map(_as_is, pins.SST), _as_is(pins.SENT_CONV_LICENCE, _LICENCE), _as_is(pins.SENT_CONV_README, _README_MD)),
    ),
    PublicSet(
        "trec_questions",
        "classification",
        "questions by the kind of their answer, 6 classes and 50 finer ones",
        "train, of which every tenth question is held out as dev",
        "the repository is MIT; none is stated for the data",
        Freedom.UNSTATED,
        "Li and Roth, Learning Question Classifiers, COLING 2002",
        (pins.TREC, pins.SENT_CONV_LICENCE, pins.SENT_CONV_README),
        (_as_is(pins.TREC), _as_is(pins.SENT_CONV_LICENCE, _LICENCE), _as_is(pins.SENT_CONV_README, _README_MD)),
    ),
    PublicSet(
        "sms_spam",
        "classification",
        "SMS Spam Collection: text messages, ham or spam, some of it for adults",
        "messages 1 to 4000 and 4001 to 4574",
        "none is stated in the repository; the UCI repository lists the collection as CC BY 4.0",
        Freedom.UPSTREAM,
        "Almeida, Hidalgo and Yamakami, Contributions to the Study of SMS Spam Filtering, DocEng 2011",
        (pins.SMS,),
        (
            Kept(
                "train.tsv",
                pins.SMS.path,
                342860,
                "4260ae650d4ca426daa0eadc2491427347b0610f86bb85dd987910bff4ffbefd",
                cut_lines((0, 4000)),
            ),
            Kept(
                "dev.tsv",
                pins.SMS.path,
                50964,
                "22d46e712483e1da60e04e7517573ee1ad12ebf34f361a986e097331a063d2d9",
                cut_lines((4000, 4574)),
            ),
        ),
    ),
    PublicSet(
        "ag_news",
        "classification",
        "AG News: title and first sentences of news, 4 topics",
        "of the official test part rows 1 to 5000 as train and 5001 to 6000 as dev",
        'readme: "for research purposes … and any other non-commercial activity"',
        Freedom.RESEARCH,
        "Zhang, Zhao and LeCun, Character-level Convolutional Networks for Text Classification, NIPS 2015",
        (pins.AG_TEST, pins.AG_CLASSES, pins.AG_README),
        (
            Kept(
                "train.csv",
                pins.AG_TEST.path,
                1229155,
                "6ff7867ac5ed454e177bd8833419cdfd3f7e9eee84a7a0fc1515b2eddf07e595",
                cut_lines((0, 5000)),
            ),
            Kept(
                "dev.csv",
                pins.AG_TEST.path,
                240680,
                "e5e612d49a4f85a1f9a18acd7174b154d6a4b50ae8bd03550b6ac4d16c98a9b6",
                cut_lines((5000, 6000)),
            ),
            _as_is(pins.AG_CLASSES),
            _as_is(pins.AG_README, "readme.source.txt"),
        ),
    ),
    PublicSet(
        "wnut17",
        "tagging",
        "WNUT 2017: names of 6 kinds, new and rare ones, in posts of several platforms",
        "train and dev",
        "CC BY 4.0",
        Freedom.OPEN,
        "Derczynski and others, Results of the WNUT2017 Shared Task on Novel and Emerging Entity Recognition, 2017",
        (*pins.WNUT, pins.WNUT_README),
        (*map(_as_is, pins.WNUT), _as_is(pins.WNUT_README, _README_MD)),
    ),
    PublicSet(
        "btc",
        "tagging",
        "Broad Twitter Corpus: persons, places and organizations in posts",
        "train and dev",
        "CC BY 4.0",
        Freedom.OPEN,
        "Derczynski, Bontcheva and Roberts, Broad Twitter Corpus, COLING 2016",
        (*pins.BTC, pins.BTC_LICENCE),
        (*map(_as_is, pins.BTC), _as_is(pins.BTC_LICENCE, _LICENCE)),
    ),
    PublicSet(
        "squad2",
        "answering",
        "SQuAD 2.0: questions about paragraphs of Wikipedia, half of them without an answer",
        "of half of the official dev part 6 articles (2000 questions) as train and 2 (500 questions) as dev",
        "the repository is MIT; the publisher states CC BY-SA 4.0 for SQuAD 2.0",
        Freedom.OPEN,
        "Rajpurkar, Jia and Liang, Know What You Don't Know: Unanswerable Questions for SQuAD, ACL 2018",
        (pins.SQUAD,),
        (
            Kept(
                "train.json",
                pins.SQUAD.path,
                711015,
                "ffde496e299b337f1f971358d2311c221ac5ec86ee097641c754f2921cfe27aa",
                choose_articles(_SQUAD_TRAIN, 2000),
            ),
            Kept(
                "dev.json",
                pins.SQUAD.path,
                163071,
                "381d5b2c1e6f65eea00c83456bb8c59b34f8981fa995969c005ca2dba6fca4a5",
                choose_articles(_SQUAD_DEV, 500),
            ),
        ),
    ),
    PublicSet(
        "multi30k",
        "translation",
        "Multi30k: captions of pictures, English and German",
        "the first 15,000 pairs of train, and the validation part",
        "none is stated; the readme grants the pictures of Flickr30K for non-commercial research and education",
        Freedom.UNSTATED,
        "Elliott, Frank, Sima'an and Specia, Multi30K: Multilingual English-German Image Descriptions, 2016",
        (*pins.MULTI30K, pins.MULTI30K_README),
        (
            Kept(
                "train15k.en.gz",
                pins.MULTI30K[0].path,
                895343,
                "038f2e57e5d19cda6fe0945d85e2bb6d72c8e018c718f04892fa0dac81a0a1d0",
                packed_lines(15000),
            ),
            Kept(
                "train15k.de.gz",
                pins.MULTI30K[1].path,
                1056117,
                "3b644e0cc3e50c43d4562804f64c6c2ca4fdb11bb5886c93986aedcc11bcf926",
                packed_lines(15000),
            ),
            Kept(
                "val.en",
                pins.MULTI30K[2].path,
                63297,
                "1f2a23d992769b5b3d209b0a10dd0b77c08cceb1f20dfb97ed0aafa49d107227",
                unpack,
            ),
            Kept(
                "val.de",
                pins.MULTI30K[3].path,
                75981,
                "660e09eb7e1da2f856ea13ee5ad3cf6d36b3d5b0b733c857e94c5747a3dfc660",
                unpack,
            ),
            _as_is(pins.MULTI30K_README, _README_MD),
        ),
    ),
    PublicSet(
        "scitldr",
        "summarization",
        "SciTLDR: abstracts of papers, and summaries of one sentence",
        "the first 1000 of train and the first 300 of dev",
        "Apache-2.0",
        Freedom.OPEN,
        "Cachola, Lo, Cohan and Weld, TLDR: Extreme Summarization of Scientific Documents, Findings of EMNLP 2020",
        (*pins.TLDR, pins.TLDR_LICENCE),
        (
            Kept(
                "train1000.jsonl",
                pins.TLDR[0].path,
                1587760,
                "dc74d0b9d3357ea3fbfe999f5789f23fc2db67256df5159be2f054358cea7ff3",
                cut_lines((0, 1000)),
            ),
            Kept(
                "dev300.jsonl",
                pins.TLDR[1].path,
                563885,
                "477c00db069db214d482c54d761bc99cc4c60e51f5c64e249348688c880058e8",
                cut_lines((0, 300)),
            ),
            _as_is(pins.TLDR_LICENCE, _LICENCE),
        ),
    ),
    PublicSet(
        "stsb",
        "similarity",
        "STS-B: pairs of sentences and how alike people found them, 0 to 5",
        "of train and dev the captions of pictures, headlines and forum answers; scores differ from published ones",
        "the scores are CC BY-SA 4.0, the sentences have terms of their own (LICENSE.source.txt). The download also "
        "holds MSRpar and MSRvid, which need an agreement with Microsoft Research; they are not kept",
        Freedom.MIXED,
        "Cer and others, SemEval-2017 Task 1: Semantic Textual Similarity, 2017; repository: May, stsb-multi-mt, 2021",
        (*pins.STSB, pins.STSB_LICENCE),
        (
            Kept(
                "stsb-en-train.filtered.csv",
                pins.STSB[0].path,
                299682,
                "2af1ee8418c29a8d22ed97b36bb193e378722bfa43d661774ad14ba304b4db53",
                cut_lines((1000, 2000), (3750, 5749)),
            ),
            Kept(
                "stsb-en-dev.filtered.csv",
                pins.STSB[1].path,
                117509,
                "4ab37149119cfbb2ab61daace28784daeed33c047ff5b09b9b0f7dc643e1a687",
                cut_lines((250, 500), (625, 1000), (1250, 1500)),
            ),
            _as_is(pins.STSB_LICENCE, _LICENCE),
        ),
    ),
    PublicSet(
        "wikitext2",
        "language modeling",
        "WikiText-2: good articles of Wikipedia, as words apart",
        "the validation part; its last tenth is held out",
        "none is stated in the repository; the publisher states CC BY-SA",
        Freedom.UPSTREAM,
        "Merity, Xiong, Bradbury and Socher, Pointer Sentinel Mixture Models, ICLR 2017",
        (pins.WIKITEXT, pins.WIKITEXT_README),
        (_as_is(pins.WIKITEXT), _as_is(pins.WIKITEXT_README, _README)),
    ),
    PublicSet(
        "tinyshakespeare",
        "language modeling",
        "plays of Shakespeare, a megabyte",
        "whole; its last tenth is held out",
        "the repository is MIT; the text is in the public domain",
        Freedom.OPEN,
        "Karpathy, The Unreasonable Effectiveness of Recurrent Neural Networks, 2015",
        (pins.SHAKESPEARE,),
        (_as_is(pins.SHAKESPEARE),),
    ),
    PublicSet(
        "names",
        "language modeling",
        "32,033 first names",
        "whole; every tenth name is held out",
        "MIT",
        Freedom.OPEN,
        "Karpathy, makemore, 2022",
        (pins.NAMES, pins.NAMES_LICENCE),
        (_as_is(pins.NAMES), _as_is(pins.NAMES_LICENCE, _LICENCE)),
    ),
    PublicSet(
        "the_verdict",
        "language modeling",
        "a short story of 1908",
        "whole; its last tenth is held out",
        "the repository is Apache-2.0; the text is in the public domain",
        Freedom.OPEN,
        "Wharton, The Verdict, 1908; repository: Raschka, Build a Large Language Model (From Scratch), 2024",
        (pins.VERDICT,),
        (_as_is(pins.VERDICT),),
    ),
    PublicSet(
        "movie_reviews",
        "classification",
        "Polarity Dataset 2.0: whole film reviews, positive or negative",
        "of each class reviews 000 to 349 as train and 350 to 399 as dev",
        "CC BY 4.0",
        Freedom.OPEN,
        "Pang and Lee, A Sentimental Education, ACL 2004",
        (pins.REVIEWS, pins.REVIEWS_ABOUT),
        (
            Kept(
                "train.jsonl.gz",
                pins.REVIEWS.path,
                2699182,
                "ed9cf446da813a7ed43e7fb11a12c787e86ff351fe91668cad587465f14e7fa3",
                pack_reviews(0, 350),
            ),
            Kept(
                "dev.jsonl.gz",
                pins.REVIEWS.path,
                361496,
                "fb745af1612a46a1a6f842d1aeefd63bffd74674efd729ef5a6bec38ff191cf7",
                pack_reviews(350, 400),
            ),
            Kept(
                _README,
                pins.REVIEWS.path,
                4567,
                "599558d07550ff4fe4e1ef8a25f4bad541c7b5113f3653045abb9910f1c691b5",
                unzip_member("movie_reviews/README"),
            ),
            _as_is(pins.REVIEWS_ABOUT, "package.source.xml"),
        ),
    ),
)
