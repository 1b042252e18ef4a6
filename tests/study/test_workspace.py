"""The learner's files: made once, never overwritten, read in one piece, saved only by who saw what is there."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import stat
import subprocess
import sys
import textwrap
import threading
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from groundup.study import workspace as module
from groundup.study.home import Home
from groundup.study.workspace import Conflict, NoFile, Workspace, WorkspaceError, with_line_endings_of

STUB = '"""Vectors. Größe: ‖v‖."""\n\n\ndef dot(u, v):\n    raise NotImplementedError\n'


@dataclass(frozen=True)
class FakeTopic:
    id: str = "self-attention"
    mine_module: str = "mine.transformer.self_attention"
    mine_path: str = "mine/transformer/self_attention.py"
    stub: str = STUB

    def exercise_source(self) -> str:
        return self.stub


TOPIC = FakeTopic()


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def workspace(home: Home) -> Workspace:
    return Workspace(home)


def file_of(home: Home) -> Path:
    return home.path / TOPIC.mine_path


# ── opening ──────────────────────────────────────────────────────────────────


def test_opening_makes_the_stub_and_the_packages(home: Home, workspace: Workspace) -> None:
    opened = workspace.open(TOPIC)
    assert (opened.path, opened.created, opened.new_stub) == (file_of(home), True, None)
    assert opened.path.read_bytes() == STUB.encode()
    assert sorted(str(one.relative_to(home.path)) for one in home.mine.rglob("*")) == [
        "mine/__init__.py",
        "mine/transformer",
        "mine/transformer/__init__.py",
        "mine/transformer/self_attention.py",
    ]


def test_what_was_opened_can_be_imported(home: Home, workspace: Workspace) -> None:
    workspace.open(TOPIC)
    code = "from mine.transformer.self_attention import dot; print(dot.__name__)"
    answer = subprocess.run([sys.executable, "-c", code], cwd=home.path, check=True, capture_output=True, text=True)
    assert answer.stdout == "dot\n"


@pytest.mark.parametrize("content", [b"", b"mine\n", b"\xff\xfe not UTF-8", b"a\r\nb"])
def test_opening_again_never_overwrites(home: Home, workspace: Workspace, content: bytes) -> None:
    workspace.open(TOPIC)
    file_of(home).write_bytes(content)
    for topic in (TOPIC, replace(TOPIC, stub="new"), replace(TOPIC, stub="newer")):
        assert workspace.open(topic).created is False
    assert file_of(home).read_bytes() == content


def test_a_file_that_was_there_before_any_stub_is_kept(home: Home, workspace: Workspace) -> None:
    file_of(home).parent.mkdir(parents=True)
    file_of(home).write_text("older than groundup")
    opened = workspace.open(TOPIC)
    assert (opened.created, opened.new_stub) == (False, None)
    assert file_of(home).read_text() == "older than groundup"


def test_a_file_that_was_deleted_is_made_again_from_the_stub_of_today(home: Home, workspace: Workspace) -> None:
    workspace.open(TOPIC)
    file_of(home).unlink()
    opened = workspace.open(replace(TOPIC, stub="today"))
    assert (opened.created, opened.new_stub, opened.path.read_text()) == (True, None, "today")


def test_a_newer_stub_is_offered_beside_once(home: Home, workspace: Workspace) -> None:
    workspace.open(TOPIC)
    newer = replace(TOPIC, stub="# version 2\n")
    beside = file_of(home).with_name("self_attention.new-stub.py")
    assert workspace.open(newer).new_stub == beside
    assert beside.read_text() == "# version 2\n"
    assert Workspace(home).open(newer).new_stub == beside, "reported as long as it lies there"
    beside.unlink()
    assert workspace.open(newer).new_stub is None, "the learner took it away: it is not made again"
    assert not beside.exists()
    assert file_of(home).read_text() == STUB, "not even an untouched stub is replaced"


def test_each_newer_stub_is_offered_and_the_earlier_offer_makes_room(home: Home, workspace: Workspace) -> None:
    workspace.open(TOPIC)
    workspace.open(replace(TOPIC, stub="2"))
    third = workspace.open(replace(TOPIC, stub="3")).new_stub
    assert third is not None and third.name == "self_attention.new-stub.py"
    assert third.read_text() == "3"
    assert len(list(third.parent.glob("*new-stub*"))) == 1


def test_an_offer_that_the_learner_wrote_in_is_not_overwritten(home: Home, workspace: Workspace) -> None:
    workspace.open(TOPIC)
    second = workspace.open(replace(TOPIC, stub="2")).new_stub
    assert second is not None
    second.write_text("my notes")
    third = workspace.open(replace(TOPIC, stub="3")).new_stub
    assert third is not None and third.name == "self_attention.new-stub-2.py"
    assert (second.read_text(), third.read_text()) == ("my notes", "3")


def test_going_back_to_the_stub_handed_out_offers_nothing(workspace: Workspace) -> None:
    workspace.open(TOPIC)
    workspace.open(replace(TOPIC, stub="2"))
    assert workspace.open(TOPIC).new_stub is None


def test_an_offered_stub_cannot_be_imported_by_name(home: Home, workspace: Workspace) -> None:
    workspace.open(TOPIC)
    offered = workspace.open(replace(TOPIC, stub="2")).new_stub
    assert offered is not None
    assert not offered.stem.isidentifier()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"self-attention": 3}', b"\xff"])
def test_a_damaged_record_of_stubs_costs_an_offer_at_most(home: Home, workspace: Workspace, content: bytes) -> None:
    workspace.open(TOPIC)
    (home.state / "stubs.json").write_bytes(content)
    assert workspace.open(replace(TOPIC, stub="2")).new_stub is None
    assert workspace.open(replace(TOPIC, stub="3")).new_stub is not None
    assert file_of(home).read_text() == STUB


def test_a_kill_between_the_offer_and_its_record_offers_it_once(home: Home, workspace: Workspace) -> None:
    workspace.open(TOPIC)
    before = (home.state / "stubs.json").read_bytes()
    workspace.open(replace(TOPIC, stub="2"))
    (home.state / "stubs.json").write_bytes(before)
    offered = workspace.open(replace(TOPIC, stub="2")).new_stub
    assert offered is not None and offered.name == "self_attention.new-stub.py"
    assert list(json.loads((home.state / "stubs.json").read_text())["self-attention"]["offered"]) == [digest(b"2")]


def test_many_threads_may_open_at_once(workspace: Workspace) -> None:
    opened = []
    threads = [threading.Thread(target=lambda: opened.append(workspace.open(TOPIC))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.created for one in opened].count(True) == 1
    assert len(opened) == 16


# ── reading ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x = 1",
        b"a\r\nb\r\n",
        b"mixed\r\nends\n\r",
        "größe = '∑ 你好 🙂'".encode(),
        b"\xef\xbb\xbfx = 1",
        b"\xff\xfe\x00not UTF-8\x80",
        b"\0" * 100,
        b"(" * 100_000,
        b"x" * (1024 * 1024),
    ],
    ids=["empty", "plain", "CRLF", "mixed", "unicode", "BOM", "not UTF-8", "NULs", "nested", "1 MiB"],
)
def test_a_snapshot_is_the_bytes_as_they_are(home: Home, workspace: Workspace, content: bytes) -> None:
    workspace.open(TOPIC)
    file_of(home).write_bytes(content)
    snapshot = workspace.read(TOPIC)
    assert snapshot.source == content
    assert snapshot.sha256 == digest(content)
    assert (snapshot.path, snapshot.module) == (TOPIC.mine_path, TOPIC.mine_module)
    assert file_of(home).read_bytes() == content


def test_the_file_is_read_once(home: Home, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace.open(TOPIC)
    opened = []
    real_open = os.open
    monkeypatch.setattr(os, "open", lambda path, *rest: opened.append(str(path)) or real_open(path, *rest))
    workspace.read(TOPIC)
    assert opened.count(str(file_of(home))) == 1


def test_a_file_that_was_never_opened_says_what_to_do(workspace: Workspace) -> None:
    with pytest.raises(NoFile, match=r"self_attention\.py does not exist") as caught:
        workspace.read(TOPIC)
    assert "Open the topic" in caught.value.mend


def test_a_file_that_is_too_long_is_refused(home: Home, workspace: Workspace) -> None:
    workspace.open(TOPIC)
    file_of(home).write_bytes(b"x" * (1024 * 1024 + 1))
    with pytest.raises(WorkspaceError, match="longer than 1 MiB"):
        workspace.read(TOPIC)


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo], ids=["folder", "pipe"])
def test_what_is_not_a_file_is_refused_without_waiting(home: Home, workspace: Workspace, make: object) -> None:
    workspace.open(TOPIC)
    file_of(home).unlink()
    make(file_of(home))  # type: ignore[operator]
    with pytest.raises(WorkspaceError, match="is not a file"):
        workspace.read(TOPIC)


def test_links_are_followed_within_home(home: Home, workspace: Workspace) -> None:
    workspace.open(TOPIC)
    file_of(home).unlink()
    (home.path / "kept_elsewhere.py").write_bytes(b"x = 1")
    file_of(home).symlink_to(home.path / "kept_elsewhere.py")
    assert workspace.read(TOPIC).source == b"x = 1"


@pytest.mark.parametrize("target", ["../../../secret", "/etc/hosts"])
def test_a_link_out_of_home_is_refused(tmp_path: Path, home: Home, workspace: Workspace, target: str) -> None:
    (tmp_path / "secret").write_text("secret")
    workspace.open(TOPIC)
    file_of(home).unlink()
    file_of(home).symlink_to(target)
    for act in (workspace.read, workspace.open, lambda topic: workspace.write(topic, "x", None)):
        with pytest.raises(WorkspaceError, match="outside of your own files"):
            act(TOPIC)
    assert (tmp_path / "secret").read_text() == "secret"


def test_a_track_folder_that_is_a_link_out_of_home_is_refused(tmp_path: Path, home: Home, workspace: Workspace) -> None:
    (tmp_path / "elsewhere").mkdir()
    home.create()
    (home.mine / "transformer").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(WorkspaceError, match="outside of your own files"):
        workspace.open(TOPIC)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_groundups_own_state_cannot_be_read_through_a_link(home: Home, workspace: Workspace) -> None:
    workspace.open(TOPIC)
    file_of(home).unlink()
    file_of(home).symlink_to(home.state / "stubs.json")
    with pytest.raises(WorkspaceError, match="outside of your own files"):
        workspace.read(TOPIC)


def test_a_link_to_itself_is_an_error_in_words(home: Home, workspace: Workspace) -> None:
    workspace.open(TOPIC)
    file_of(home).unlink()
    file_of(home).symlink_to(file_of(home))
    with pytest.raises(WorkspaceError):
        workspace.read(TOPIC)


# ── siblings ─────────────────────────────────────────────────────────────────


def put(home: Home, name: str, content: str) -> None:
    path = home.path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def test_imported_modules_come_along_transitively(home: Home, workspace: Workspace) -> None:
    workspace.open(TOPIC)
    put(home, TOPIC.mine_path, "from mine.mathematics.vectors import dot\n")
    put(home, "mine/mathematics/vectors.py", "from .matrices import matmul\n")
    put(home, "mine/mathematics/matrices.py", "from mine import tools\nimport mine.mathematics.vectors\n")
    put(home, "mine/tools.py", "import mine.transformer.self_attention, mine.gone\n")
    put(home, "mine/unused.py", "x = 1")
    siblings = workspace.read(TOPIC).siblings
    assert list(siblings) == ["mine.mathematics.vectors", "mine.mathematics.matrices", "mine.tools"]
    assert siblings["mine.mathematics.matrices"].startswith(b"from mine import tools")


def test_a_package_comes_along_where_it_says_anything(home: Home, workspace: Workspace) -> None:
    workspace.open(TOPIC)
    put(home, TOPIC.mine_path, "from mine.shapes import shape\n")
    put(home, "mine/shapes/__init__.py", "from .inner import shape\n")
    put(home, "mine/shapes/inner.py", "shape = 1\n")
    put(home, "mine/transformer/__init__.py", "\n  \n")
    assert set(workspace.read(TOPIC).siblings) == {"mine.shapes", "mine.shapes.inner"}


def test_a_package_above_the_file_comes_along_unasked(home: Home, workspace: Workspace) -> None:
    workspace.open(TOPIC)
    put(home, "mine/__init__.py", "from . import tools\n")
    put(home, "mine/tools.py", "x = 1\n")
    assert set(workspace.read(TOPIC).siblings) == {"mine", "mine.tools"}


def test_a_sibling_outside_home_or_too_long_is_absent(tmp_path: Path, home: Home, workspace: Workspace) -> None:
    workspace.open(TOPIC)
    (tmp_path / "secret.py").write_text("key = 1")
    (home.mine / "linked.py").symlink_to(tmp_path / "secret.py")
    put(home, "mine/long.py", "#" * (1024 * 1024 + 1))
    put(home, "mine/fine.py", "")
    put(home, TOPIC.mine_path, "from mine import linked, long, fine, gone\n")
    assert workspace.read(TOPIC).siblings == {"mine.fine": b""}


def test_there_is_an_end_to_siblings(home: Home, workspace: Workspace) -> None:
    workspace.open(TOPIC)
    for number in range(300):
        put(home, f"mine/m{number}.py", f"import mine.m{number + 1}\n")
    put(home, TOPIC.mine_path, "import mine.m0\n")
    assert len(workspace.read(TOPIC).siblings) == 256


def test_all_siblings_together_have_a_bound(home: Home, workspace: Workspace) -> None:
    workspace.open(TOPIC)
    for number in range(6):
        put(home, f"mine/m{number}.py", "#" * (1024 * 1024))
    put(home, TOPIC.mine_path, f"from mine import {', '.join(f'm{number}' for number in range(6))}\n")
    assert len(workspace.read(TOPIC).siblings) == 4


# ── writing ──────────────────────────────────────────────────────────────────


def test_saving_what_was_seen(home: Home, workspace: Workspace) -> None:
    workspace.open(TOPIC)
    seen = workspace.read(TOPIC)
    saved = workspace.write(TOPIC, "def dot(u, v): ...\n", seen.sha256)
    assert saved == workspace.read(TOPIC)
    assert file_of(home).read_text() == "def dot(u, v): ...\n"
    assert workspace.write(TOPIC, "x = 2", saved.sha256).source == b"x = 2"


def test_a_change_on_disk_is_a_conflict_that_shows_what_is_there(home: Home, workspace: Workspace) -> None:
    workspace.open(TOPIC)
    seen = workspace.read(TOPIC)
    file_of(home).write_bytes(b"edited elsewhere")
    with pytest.raises(Conflict, match="changed by another program") as caught:
        workspace.write(TOPIC, "edited here", seen.sha256)
    assert caught.value.current is not None
    assert caught.value.current.source == b"edited elsewhere"
    assert file_of(home).read_bytes() == b"edited elsewhere"
    assert workspace.history(TOPIC.id) == []
    workspace.write(TOPIC, "edited here", caught.value.current.sha256)
    assert file_of(home).read_bytes() == b"edited here"


def test_a_change_just_before_the_save_is_a_conflict_too(
    home: Home, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.open(TOPIC)
    seen = workspace.read(TOPIC)
    real_write = module.write_durably

    def slow_write(path: Path, content: bytes, mode: int = 0o666) -> None:
        real_write(path, content, mode)
        if content == b"edited here":
            file_of(home).write_bytes(b"edited elsewhere")

    monkeypatch.setattr(module, "write_durably", slow_write)
    with pytest.raises(Conflict):
        workspace.write(TOPIC, "edited here", seen.sha256)
    assert file_of(home).read_bytes() == b"edited elsewhere"
    assert list(home.scratch.iterdir()) == []


def test_a_file_that_went_away_is_a_conflict(home: Home, workspace: Workspace) -> None:
    workspace.open(TOPIC)
    seen = workspace.read(TOPIC)
    file_of(home).unlink()
    with pytest.raises(Conflict, match="is gone") as caught:
        workspace.write(TOPIC, "x", seen.sha256)
    assert caught.value.current is None
    assert not file_of(home).exists()


def test_without_a_hash_only_a_new_file_is_written(home: Home, workspace: Workspace) -> None:
    workspace.write(TOPIC, "first", None)
    assert file_of(home).read_text() == "first"
    assert (file_of(home).parent / "__init__.py").exists()
    with pytest.raises(Conflict):
        workspace.write(TOPIC, "second", None)
    assert file_of(home).read_text() == "first"


@pytest.mark.parametrize("text", ["", "a\r\nb\r\n", "mixed\r\nends\n\r", "größe = '∑ 🙂'\n", "\ufeffx", "a\0b"])
def test_a_text_is_saved_byte_for_byte(home: Home, workspace: Workspace, text: str) -> None:
    workspace.open(TOPIC)
    saved = workspace.write(TOPIC, text, workspace.read(TOPIC).sha256)
    assert file_of(home).read_bytes() == text.encode() == saved.source
    assert saved.sha256 == digest(text.encode())


@pytest.mark.parametrize(("text", "match"), [("x" * (1024 * 1024 + 1), "1 MiB"), ("a\ud800", "half a character")])
def test_a_text_that_cannot_be_saved_changes_nothing(home: Home, workspace: Workspace, text: str, match: str) -> None:
    workspace.open(TOPIC)
    with pytest.raises(WorkspaceError, match=match):
        workspace.write(TOPIC, text, workspace.read(TOPIC).sha256)
    assert file_of(home).read_text() == STUB


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755])
def test_the_files_mode_is_kept(home: Home, workspace: Workspace, mode: int) -> None:
    workspace.open(TOPIC)
    file_of(home).chmod(mode)
    workspace.write(TOPIC, "x", workspace.read(TOPIC).sha256)
    assert stat.S_IMODE(file_of(home).stat().st_mode) == mode


def test_a_link_stays_a_link(home: Home, workspace: Workspace) -> None:
    workspace.open(TOPIC)
    file_of(home).rename(home.path / "kept_elsewhere.py")
    file_of(home).symlink_to("../../kept_elsewhere.py")
    workspace.write(TOPIC, "x", workspace.read(TOPIC).sha256)
    assert file_of(home).is_symlink()
    assert (home.path / "kept_elsewhere.py").read_text() == "x"


def test_a_read_only_file_is_left_alone(home: Home, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace.open(TOPIC)
    seen = workspace.read(TOPIC)
    real_access = os.access  # root may write anything, so the answer is given here
    monkeypatch.setattr(os, "access", lambda path, mode: path != file_of(home) and real_access(path, mode))
    with pytest.raises(WorkspaceError, match="read-only"):
        workspace.write(TOPIC, "x", seen.sha256)
    assert file_of(home).read_text() == STUB


def test_what_is_replaced_is_kept(home: Home, workspace: Workspace) -> None:
    workspace.open(TOPIC)
    file_of(home).write_bytes(b"\xff not UTF-8")
    workspace.write(TOPIC, "second", digest(b"\xff not UTF-8"))
    workspace.write(TOPIC, "second", digest(b"second"))  # nothing new: nothing to keep
    workspace.write(TOPIC, "third", digest(b"second"))
    kept = workspace.history(TOPIC.id)
    assert {one.name: one.read_bytes() for one in kept} == {
        f"{digest(content)}.py": content for content in (b"second", b"\xff not UTF-8")
    }
    assert all(one.is_relative_to(home.state / "history" / TOPIC.id) for one in kept)


def test_the_last_twenty_are_kept(workspace: Workspace) -> None:
    workspace.open(TOPIC)
    before = workspace.read(TOPIC).sha256
    for number in range(30):
        before = workspace.write(TOPIC, f"x = {number}\n", before).sha256
    kept = {one.read_text() for one in workspace.history(TOPIC.id)}
    assert kept == {f"x = {number}\n" for number in range(9, 29)}


def test_one_of_many_who_saw_the_same_saves(workspace: Workspace) -> None:
    workspace.open(TOPIC)
    seen = workspace.read(TOPIC).sha256
    saved, refused = [], []

    def save(number: int) -> None:
        try:
            saved.append(workspace.write(TOPIC, f"x = {number}\n", seen).source)
        except Conflict as conflict:
            refused.append(conflict)

    threads = [threading.Thread(target=save, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(saved) == 1 and len(refused) == 11
    assert workspace.read(TOPIC).source == saved[0]


def test_a_kill_leaves_the_old_file_or_the_new_one(home: Home, workspace: Workspace) -> None:
    workspace.open(TOPIC)
    code = f"""
        import itertools, sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from pathlib import Path
        from groundup.study.home import Home
        from groundup.study.workspace import Workspace
        from test_workspace import TOPIC
        workspace = Workspace(Home(Path({str(home.path)!r})))
        for number in itertools.count():
            text = str(number % 10) * 100_000
            workspace.write(TOPIC, text, workspace.read(TOPIC).sha256)
            print(number, flush=True)
    """
    for round_number in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True, bufsize=1
        )
        assert process.stdout is not None
        with process, process.stdout:
            for _ in range(5 + 7 * round_number):
                assert process.stdout.readline()
            process.send_signal(signal.SIGKILL)
        source = workspace.read(TOPIC).source
        assert len(source) == 100_000 and len(set(source)) == 1
    assert {one.name for one in file_of(home).parent.iterdir()} <= {"__init__.py", "self_attention.py", "__pycache__"}
    workspace.write(TOPIC, "still works", workspace.read(TOPIC).sha256)


@pytest.mark.parametrize(
    ("on_disk", "sent", "saved"),
    [
        (b"a\nb\n", "a\r\nc\r\n", "a\nc\n"),
        (b"a\r\nb\r\n", "a\nc\n", "a\r\nc\r\n"),
        (b"a\r\nb\r\n", "a\r\nc\r\n", "a\r\nc\r\n"),
        (b"a\r\nb\n", "a\r\nc\r\n", "a\nc\n"),
        (b"", "a\r\n", "a\n"),
        (b"a\n", "x = '\r'", "x = '\r'"),
    ],
)
def test_line_endings_stay_those_of_the_file(on_disk: bytes, sent: str, saved: str) -> None:
    assert with_line_endings_of(on_disk, sent) == saved
