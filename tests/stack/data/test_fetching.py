"""A set is there whole, with its terms; what is in the way is set aside; what is pinned is what is kept."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import zipfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from groundup.stack.data import fetching
from groundup.stack.data.catalog import CATALOG, Freedom, Kept, PublicSet, find_set
from groundup.stack.data.download import DownloadError, Patience
from groundup.stack.data.fetching import describe_origin, fetch_set, missing_files
from groundup.stack.data.pins import Source
from groundup.stack.data.preparation import (
    choose_articles,
    cut_lines,
    pack,
    pack_reviews,
    packed_lines,
    unpack,
    unzip_member,
)

DATA = Path(os.environ.get("GROUNDUP_DATA", Path(__file__).resolve().parents[4] / "shared" / "data"))
LINES = b"".join(b"line %d of the file\n" % number for number in range(10_000))
CUT = b"".join(LINES.splitlines(keepends=True)[:7])
COMMIT = "0" * 40


def checksum(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def made(name: str = "made") -> PublicSet:
    text = Source("owner/repository", COMMIT, "data/lines.txt", len(LINES), checksum(LINES))
    licence = Source("owner/repository", COMMIT, "LICENSE", 4, checksum(b"free"))
    return PublicSet(
        name, "language modeling", "lines", "the first ones", "CC BY 4.0", Freedom.OPEN, "Nobody, Lines, 2020",
        (text, licence),
        (
            Kept("lines.txt", text.path, len(LINES), text.sha256),
            Kept("first.txt", text.path, len(CUT), checksum(CUT), cut_lines((0, 7))),
            Kept("packed.gz", text.path, len(LINES), text.sha256, pack),
            Kept("LICENSE.source.txt", licence.path, 4, licence.sha256),
        ),
    )  # fmt: skip


SET = made()


@pytest.fixture
def supplied(server: Any) -> Any:
    server.files[f"/owner/repository/{COMMIT}/data/lines.txt"] = LINES
    server.files[f"/owner/repository/{COMMIT}/LICENSE"] = b"free"
    return server


def names(folder: Path) -> list[str]:
    return sorted(one.relative_to(folder).as_posix() for one in folder.rglob("*") if one.is_file())


def test_a_set_is_there_whole_with_its_terms(supplied: Any, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    folder = fetch_set(SET, tmp_path, server=supplied.url, report=lambda done, total: told.append((done, total)))
    assert folder == tmp_path / "made"
    assert (folder / "lines.txt").read_bytes() == LINES
    assert (folder / "first.txt").read_bytes() == CUT
    assert gzip.decompress((folder / "packed.gz").read_bytes()) == LINES
    assert names(tmp_path) == [".downloads/made.lock", *(f"made/{one}" for one in sorted(os.listdir(folder)))]
    assert set(os.listdir(folder)) == {"lines.txt", "first.txt", "packed.gz", "LICENSE.source.txt", "SOURCE.txt"}
    assert told[-1] == (SET.download_size, SET.download_size) == (len(LINES) + 4, len(LINES) + 4)
    assert [one for one, _ in told] == sorted(one for one, _ in told)
    note = (folder / "SOURCE.txt").read_text()
    assert note == describe_origin(SET)
    for word in ("CC BY 4.0", "Nobody, Lines, 2020", SET.sources[0].url(), SET.sources[0].sha256):
        assert word in note
    assert missing_files(SET, tmp_path) == missing_files(SET, tmp_path, thorough=True) == []
    asked = len(supplied.asked)
    fetch_set(SET, tmp_path, server=supplied.url)
    assert len(supplied.asked) == asked == 2


def test_only_what_is_missing_is_fetched(supplied: Any, tmp_path: Path) -> None:
    folder = fetch_set(SET, tmp_path, server=supplied.url)
    (folder / "LICENSE.source.txt").unlink()
    assert [one.name for one in missing_files(SET, tmp_path)] == ["LICENSE.source.txt"]
    fetch_set(SET, tmp_path, server=supplied.url)
    assert [path.rpartition("/")[2] for path, _ in supplied.asked] == ["lines.txt", "LICENSE", "LICENSE"]


def test_a_file_in_the_way_is_set_aside(supplied: Any, tmp_path: Path) -> None:
    folder = fetch_set(SET, tmp_path, server=supplied.url)
    changed = LINES[:-2] + b"!\n"
    for number in (1, 2):
        (folder / "lines.txt").write_bytes(changed)
        (folder / "packed.gz").write_bytes(b"mine")
        assert [one.name for one in missing_files(SET, tmp_path)] == ["packed.gz"], "sizes alone"
        assert [one.name for one in missing_files(SET, tmp_path, thorough=True)] == ["lines.txt", "packed.gz"]
        said: list[str] = []
        fetch_set(SET, tmp_path, server=supplied.url, say=said.append)
        assert (folder / "lines.txt").read_bytes() == LINES
        assert (folder / f"lines.txt.other{number}").read_bytes() == changed
        assert (folder / f"packed.gz.other{number}").read_bytes() == b"mine"
        assert any(f"lines.txt.other{number}" in one for one in said)


def test_nothing_is_kept_of_a_set_that_did_not_come(supplied: Any, tmp_path: Path) -> None:
    del supplied.files[f"/owner/repository/{COMMIT}/LICENSE"]
    with pytest.raises(DownloadError, match="404"):
        fetch_set(SET, tmp_path, server=supplied.url)
    assert not (tmp_path / "made").exists()
    supplied.files[f"/owner/repository/{COMMIT}/LICENSE"] = b"free"
    fetch_set(SET, tmp_path, server=supplied.url)
    assert [path.rpartition("/")[2] for path, _ in supplied.asked] == ["lines.txt", "LICENSE", "LICENSE"]


def test_what_a_preparation_makes_is_checked(supplied: Any, tmp_path: Path) -> None:
    wrong = replace(SET, files=(replace(SET.files[1], prepare=cut_lines((0, 8))),))
    with pytest.raises(DownloadError, match=r"first\.txt: what is made of data/lines\.txt is not what was pinned"):
        fetch_set(wrong, tmp_path, server=supplied.url)
    assert not (tmp_path / "made" / "first.txt").exists()


def test_a_set_that_is_there_needs_neither_server_nor_permission(supplied: Any, tmp_path: Path) -> None:
    fetch_set(SET, tmp_path, server=supplied.url)
    lock = tmp_path / ".downloads" / "made.lock"
    lock.unlink()
    lock.parent.rmdir()
    fetch_set(SET, tmp_path, server="https://nowhere.invalid")
    assert not lock.parent.exists()
    with pytest.raises(DownloadError, match="no https address"):
        fetch_set(SET, tmp_path, server="http://example.org")


def test_two_at_once_fetch_it_once(supplied: Any, tmp_path: Path) -> None:
    supplied.always = "slow 0.03"
    said: list[str] = []
    threads = [
        threading.Thread(target=fetch_set, args=(SET, tmp_path), kwargs={"server": supplied.url, "say": said.append})
        for _ in range(3)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(supplied.asked) == 2
    assert set(said) == {"another process is fetching made"}
    assert missing_files(SET, tmp_path, thorough=True) == []


ALONE = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("test_fetching", sys.argv[1])
module = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = module
spec.loader.exec_module(module)
module.fetch_set(module.SET, module.Path(sys.argv[2]), server=sys.argv[3])
"""


def test_two_processes_of_which_the_first_is_killed(supplied: Any, tmp_path: Path) -> None:
    """The second waits for the lock, and goes on with what the first has left."""
    supplied.always = "slow 0.05"
    words = [sys.executable, "-c", ALONE, __file__, str(tmp_path), supplied.url]
    part = tmp_path / ".downloads" / "made" / "data" / "lines.txt.part"
    first = subprocess.Popen(words)
    said: list[str] = []
    second = threading.Thread(
        target=fetch_set, args=(SET, tmp_path), kwargs={"server": supplied.url, "say": said.append}
    )
    try:
        deadline = time.monotonic() + 60
        while not (part.exists() and part.stat().st_size > 20_000):
            assert first.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        second.start()
        while not said:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        supplied.always = "well"
        os.kill(first.pid, signal.SIGKILL)
    finally:
        first.kill()
        first.wait()
    second.join(30)
    assert missing_files(SET, tmp_path, thorough=True) == []
    assert [path.rpartition("/")[2] for path, _ in supplied.asked] == ["lines.txt", "lines.txt", "LICENSE"]
    assert int(re.sub(r"\D", "", supplied.ranges[1] or "")) > 20_000


def test_a_full_disk_while_it_is_prepared_leaves_no_half_file(
    supplied: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    fetch_set(SET, tmp_path, server=supplied.url)
    (tmp_path / "made" / "first.txt").unlink()
    real = fetching.download_file
    with monkeypatch.context() as until:

        def then_full(*given: Any, **more: Any) -> None:
            real(*given, **more)
            until.setattr(fetching.os, "fsync", full)

        until.setattr(fetching, "download_file", then_full)
        with pytest.raises(DownloadError, match=r"No space left.*another folder"):
            fetch_set(SET, tmp_path, server=supplied.url)
    assert not (tmp_path / "made" / "first.txt").exists()
    fetch_set(SET, tmp_path, server=supplied.url)
    assert (tmp_path / "made" / "first.txt").read_bytes() == CUT
    assert len(supplied.asked) == 3, "what had come was still there"


def test_a_server_that_is_away_is_waited_for_no_longer_than_said(supplied: Any, tmp_path: Path) -> None:
    supplied.always = "status 503"
    waits: list[float] = []
    with pytest.raises(DownloadError, match="503"):
        fetch_set(SET, tmp_path, server=supplied.url, patience=Patience(tries=3, sleep=waits.append))
    assert len(waits) == 2


# ── preparation ──────────────────────────────────────────────────────────────


def test_lines_are_cut_as_they_are() -> None:
    raw = b"a\r\n\nb\x85\xe2\x80\xa8c\nd"
    assert cut_lines((0, 2))(raw) == b"a\r\n\n"
    assert cut_lines((0, 1), (2, 4))(raw) == b"a\r\nb\x85\xe2\x80\xa8c\nd\n"
    assert cut_lines((0, 2))(b"a\nb\n") == b"a\nb\n"
    with pytest.raises(ValueError, match="4 lines, where 5 are needed"):
        cut_lines((0, 5))(raw)
    assert unpack(packed_lines(2)(gzip.compress(raw))) == b"a\r\n\n"
    assert pack(raw)[4:8] == bytes(4), "no date"


def test_articles_are_chosen_until_there_are_enough_questions() -> None:
    def article(title: str, *counts: int) -> dict[str, Any]:
        paragraphs = [{"qas": [f"{title}{at}{i}" for i in range(n)], "context": "ü"} for at, n in enumerate(counts)]
        return {"title": title, "paragraphs": paragraphs}

    raw = json.dumps({"version": "v2.0", "data": [article("A", 2, 3), article("B", 4), article("C", 1, 2, 3)]}).encode()
    kept = choose_articles(("C", "A"), 7)(raw)
    cut = article("C", 1, 1)  # of three paragraphs the second keeps one question, and the third is gone
    assert json.loads(kept) == {"version": "v2.0", "data": [article("A", 2, 3), cut]}
    assert "ü".encode() in kept
    assert b": " not in kept
    assert [one["title"] for one in json.loads(choose_articles(("C", "A"), 5)(raw))["data"]] == ["A"]
    with pytest.raises(ValueError, match="11 questions, where 12 are needed"):
        choose_articles(("A", "C"), 12)(raw)


def test_reviews_are_packed_in_order() -> None:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("movie_reviews/README", "read me")
        for number in (2, 0, 1, 3):
            for label in ("pos", "neg"):
                archive.writestr(f"movie_reviews/{label}/cv00{number}_1.txt", f"{label} {number} é\n")
    found = [json.loads(line) for line in unpack(pack_reviews(1, 3)(packed.getvalue())).decode().splitlines()]
    assert [one["id"] for one in found] == [f"{side}/cv00{at}_1.txt" for side in ("neg", "pos") for at in (1, 2)]
    assert found[-1] == {"id": "pos/cv002_1.txt", "label": "pos", "text": "pos 2 é\n"}
    with pytest.raises(ValueError, match="4 neg reviews, where 5 are needed"):
        pack_reviews(0, 5)(packed.getvalue())
    assert unzip_member("movie_reviews/README")(packed.getvalue()) == b"read me"


# ── the catalog ──────────────────────────────────────────────────────────────


def test_the_catalog_is_whole() -> None:
    assert len(CATALOG) >= 11
    for name, one in CATALOG.items():
        assert name == one.name == name.lower()
        paths = [source.path for source in one.sources]
        assert len(set(paths)) == len(paths)
        assert {kept.source for kept in one.files} == set(paths), "every source is used, and no other"
        assert len({kept.name for kept in one.files}) == len(one.files)
        for text in (one.task, one.about, one.part, one.licence, one.citation):
            assert text.strip()
        assert re.search(r"\b(19|20)\d\d\b", one.citation)
        for source in one.sources:
            assert re.fullmatch(r"[0-9a-f]{40}", source.commit)
            assert re.fullmatch(r"[0-9a-f]{64}", source.sha256)
            assert source.size > 0
            assert source.url() == (
                f"https://raw.githubusercontent.com/{source.repository}/{source.commit}/{source.path}"
            )
        for kept in one.files:
            source = one.sources[paths.index(kept.source)]
            same = (kept.size, kept.sha256) == (source.size, source.sha256)
            assert same == (kept.prepare is None)


def test_limited_terms_are_asked_about_and_free_ones_are_not() -> None:
    asks = {name for name, one in CATALOG.items() if one.freedom.asks}
    assert asks == {"sst", "trec_questions", "ag_news", "multi30k", "stsb"}
    for name in asks:
        assert not re.fullmatch(r"(CC BY|MIT|Apache).*", CATALOG[name].licence)


def test_a_set_is_found_by_any_of_its_names() -> None:
    for name in ("sms_spam", "sms-spam", " SMS-Spam "):
        assert find_set(name) is CATALOG["sms_spam"]
    assert find_set("sst2") is find_set("sst5") is CATALOG["sst"]
    with pytest.raises(ValueError, match="no public set 'imdb': sst, trec_questions"):
        find_set("imdb")


@pytest.mark.parametrize("name", list(CATALOG))
def test_what_is_kept_is_what_the_project_tests_with(name: str) -> None:
    """The checksums against files that did not come through this code."""
    one = CATALOG[name]
    if not (DATA / name).is_dir():
        pytest.skip(f"no {name} (set GROUNDUP_DATA)")
    assert missing_files(one, DATA, thorough=True) == []
    for kept in one.files:
        if kept.prepare is None:
            source = next(source for source in one.sources if source.path == kept.source)
            raw = (DATA / name / kept.name).read_bytes()
            assert (len(raw), checksum(raw)) == (source.size, source.sha256)
