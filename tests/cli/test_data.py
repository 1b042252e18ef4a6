"""``groundup data``: which sets are here, and getting those that are not, with their terms shown."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from groundup.cli.app import app
from groundup.stack.data.catalog import CATALOG, Freedom, Kept, PublicSet
from groundup.stack.data.pins import Source

PROGRAM = Path(sys.executable).with_name("groundup")
DATA = Path(os.environ.get("GROUNDUP_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
LINES = b"".join(b"To be, or not to be, %d\n" % number for number in range(5000))
COMMIT = "1" * 40


def made(name: str, freedom: Freedom, licence: str) -> PublicSet:
    source = Source(f"owner/{name}", COMMIT, "lines.txt", len(LINES), hashlib.sha256(LINES).hexdigest())
    kept = (Kept("lines.txt", source.path, source.size, source.sha256),)
    return PublicSet(
        name, "language modeling", "made lines", "all", licence, freedom, "Nobody, Lines, 2020", (source,), kept
    )


@pytest.fixture
def supplied(server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A server with two made sets, one free and one for research; a home of one's own."""
    monkeypatch.setenv("GROUNDUP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "150")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv("GROUNDUP_DATA", raising=False)
    for one in (made("free", Freedom.OPEN, "CC BY 4.0"), made("bound", Freedom.RESEARCH, "for research")):
        monkeypatch.setitem(CATALOG, one.name, one)
        server.files[f"/owner/{one.name}/{COMMIT}/lines.txt"] = LINES
    return server


def run(*words: str, given: str = "") -> Result:
    return CliRunner().invoke(app, ["data", *words], input=given)


def listed(*words: str) -> dict[str, Any]:
    done = run("list", "--json", *words)
    assert done.exit_code == 0, done.output
    return {one["name"]: one for one in json.loads(done.stdout)}


def test_the_list_has_every_set_with_its_terms(supplied: Any, tmp_path: Path) -> None:
    for done in (run("list"), run()):
        assert done.exit_code == 0
        for one in CATALOG.values():
            row = next(line for line in done.stdout.splitlines() if line.split()[:1] == [one.name])
            assert one.task in row
            assert re.search(r"[\d.]+ (MB|kB)", row)
        assert "research or other non-commercial use only" in done.stdout
        assert "CC BY 4.0" in done.stdout
        assert str(tmp_path / "home") in done.stdout
    assert not (tmp_path / "home").exists(), "looking makes nothing"
    assert listed()["free"]["here"] is None


def test_a_set_is_got_and_is_here_then(supplied: Any, tmp_path: Path) -> None:
    done = run("get", "free", "--mirror", supplied.url)
    assert done.exit_code == 0, done.output
    assert f"export GROUNDUP_DATA={tmp_path / 'home' / '.groundup' / 'data'}\n" in done.output
    for word in ("made lines", "0.1 MB", "CC BY 4.0", "open licence", "Nobody, Lines, 2020", f"tree/{COMMIT}"):
        assert word in done.output
    place = tmp_path / "home" / ".groundup" / "data" / "free"
    assert (place / "lines.txt").read_bytes() == LINES
    assert listed()["free"]["here"] == str(place)
    assert listed()["bound"]["state"] == "no"
    again = run("get", "free", "--mirror", supplied.url)
    assert again.exit_code == 0
    assert f"free is in {place}" in again.output
    assert len(supplied.asked) == 1


def test_limited_terms_are_asked_about(supplied: Any, tmp_path: Path) -> None:
    refused = run("get", "bound", "free", "--mirror", supplied.url, given="n\n")
    assert refused.exit_code == 1
    assert "research or other non-commercial use only" in refused.output
    assert "bound was not downloaded" in refused.output
    assert [path.split("/")[2] for path, _ in supplied.asked] == ["free"], "the other is got all the same"
    assert run("get", "bound", "--mirror", supplied.url, given="y\n").exit_code == 0
    assert listed()["bound"]["here"]
    nobody = run("get", "bound", "--mirror", supplied.url, "--folder", str(tmp_path / "other"))
    assert nobody.exit_code == 1, "nobody answers: not downloaded"
    assert not (tmp_path / "other" / "bound").exists()
    assert run("get", "bound", "--mirror", supplied.url, "--folder", str(tmp_path / "other"), "--yes").exit_code == 0


def test_another_folder_and_the_named_one(supplied: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other"
    done = run("get", "free", "--folder", str(other), "--mirror", supplied.url)
    assert f"export GROUNDUP_DATA={other}" in done.output
    assert not (tmp_path / "home").exists()
    assert listed()["free"]["here"] is None
    assert listed("--folder", str(other))["free"]["here"] == str(other / "free")
    monkeypatch.setenv("GROUNDUP_DATA", str(other))
    assert listed()["free"]["here"] == str(other / "free")
    assert f"free is in {other / 'free'}" in run("get", "free").output, "it is not fetched twice"
    (other / "free" / "lines.txt").unlink()
    assert listed()["free"]["state"] == "no"


def test_what_goes_wrong_is_one_line(supplied: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = run("get", "imdb")
    assert unknown.exit_code == 2
    assert "there is no public set 'imdb': sst" in unknown.output
    supplied.plan = ["status 404"]
    gone = run("get", "free", "--mirror", supplied.url)
    assert gone.exit_code == 1
    assert "groundup: free: http://127.0.0.1" in gone.output
    assert "404" in gone.output
    plain = run("get", "free", "--mirror", "http://example.org")
    assert plain.exit_code == 1
    assert "no https address" in plain.output
    (tmp_path / "file").write_text("")
    nowhere = run("get", "free", "--mirror", supplied.url, "--folder", str(tmp_path / "file"))
    assert nowhere.exit_code == 1
    assert "another folder" in nowhere.output
    for done in (unknown, gone, plain, nowhere):
        assert done.exception is None or isinstance(done.exception, SystemExit)
    monkeypatch.setenv("GROUNDUP_HOME", str(tmp_path / "file"))
    assert run("get", "free").exit_code == run("list").exit_code == 2


# ── the installed program, with real files ───────────────────────────────────


@pytest.mark.skipif(not (DATA / "tinyshakespeare").is_dir(), reason="no tinyshakespeare (set GROUNDUP_DATA)")
def test_the_program_is_killed_and_goes_on_and_a_lab_reads_what_it_got(supplied: Any, tmp_path: Path) -> None:
    one = CATALOG["tinyshakespeare"]
    source, content = one.sources[0], (DATA / "tinyshakespeare" / "input.txt").read_bytes()
    supplied.files[f"/{source.repository}/{source.commit}/{source.path}"] = content
    supplied.always = "slow 0.02"
    words = [str(PROGRAM), "data", "get", "tinyshakespeare", "--mirror", supplied.url]
    home = tmp_path / "home" / ".groundup" / "data"
    part = home / ".downloads" / "tinyshakespeare" / f"{source.path}.part"
    environment = {**os.environ, "GROUNDUP_HOME": str(tmp_path / "home")}
    process = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 100
        while not (part.exists() and part.stat().st_size > 100_000):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
    assert not (home / "tinyshakespeare").exists()
    supplied.always = "well"
    done = run("get", "tinyshakespeare", "--mirror", supplied.url)
    assert done.exit_code == 0, done.output
    assert supplied.ranges[0] is None
    assert int(re.sub(r"\D", "", supplied.ranges[1])) > 100_000
    assert (home / "tinyshakespeare" / "input.txt").read_bytes() == content

    from groundup.study.home import find_home
    from groundup.study.roadmap import load_roadmap
    from groundup.study.runs.control import prepared

    lab = load_roadmap().topic("gpt").module("lab.py")
    inputs = prepared(lab, {"text": "tinyshakespeare"}, "smoke", find_home().data)
    assert content.startswith(inputs.files["train.txt"])
    assert inputs.provenance["checked"] == "the bytes that groundup pins"
    assert inputs.provenance["licence"] == one.licence
