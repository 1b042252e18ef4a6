"""Which folder is home, what it is refused for, and what is put into it."""

from __future__ import annotations

import multiprocessing
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from groundup.study.home import GITIGNORE, Home, HomeError, create_file, find_home


def test_the_option_wins_over_the_environment_and_both_over_the_default(tmp_path: Path) -> None:
    environ = {"GROUNDUP_HOME": str(tmp_path / "environ")}
    assert find_home(str(tmp_path / "option"), environ).path == tmp_path / "option"
    assert find_home(None, environ).path == tmp_path / "environ"


def test_the_default_is_groundup_in_the_users_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_home(None, {}).path == tmp_path / "groundup"
    assert find_home(None, {"GROUNDUP_HOME": ""}).path == tmp_path / "groundup"
    assert find_home("~/work", {}).path == tmp_path / "work"


def test_the_environment_is_the_processes_own_unless_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUNDUP_HOME", str(tmp_path / "here"))
    assert find_home().path == tmp_path / "here"


def test_a_relative_path_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_home("a/../b", {}).path == tmp_path / "b"


def test_finding_creates_nothing(tmp_path: Path) -> None:
    find_home(str(tmp_path / "new"), {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", ["", "   "])
def test_an_empty_option_is_refused(option: str) -> None:
    with pytest.raises(HomeError, match="--home names no folder"):
        find_home(option, {})


def test_an_impossible_path_is_refused() -> None:
    with pytest.raises(HomeError, match="is not a path"):
        find_home("a\0b", {})


def test_a_user_that_does_not_exist_is_refused() -> None:
    with pytest.raises(HomeError, match="can be found"):
        find_home("~no-such-user-anywhere/x", {})


def test_a_project_is_refused_with_the_mend(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    with pytest.raises(HomeError, match=r"pyproject\.toml") as caught:
        find_home(str(tmp_path), {})
    assert "--home" in caught.value.mend
    assert find_home(str(tmp_path / "inside"), {}).path == tmp_path / "inside"


def test_a_home_that_became_a_project_is_not_set_up(tmp_path: Path) -> None:
    home = find_home(str(tmp_path), {})
    (tmp_path / "pyproject.toml").write_text("")
    with pytest.raises(HomeError, match=r"pyproject\.toml"):
        home.create()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["pyproject.toml"]


@pytest.mark.parametrize("below", ["", "deeper/still"])
def test_a_file_in_the_way_is_refused(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HomeError, match="is a file, not a folder"):
        find_home(str(tmp_path / "file" / below), {})


def test_a_link_to_nowhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    with pytest.raises(HomeError, match="link to nowhere"):
        find_home(str(tmp_path / "link"), {})


@pytest.mark.parametrize("name", ["mine", ".groundup"])
def test_a_file_where_a_folder_of_ours_must_be_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("")
    with pytest.raises(HomeError, match="in the way"):
        find_home(str(tmp_path), {})


def test_a_package_that_is_a_link_out_of_the_home_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "mine").symlink_to(tmp_path / "outside")
    with pytest.raises(HomeError, match="outside of the home"):
        Home(tmp_path / "home").create()
    assert list((tmp_path / "outside").iterdir()) == []


def test_a_home_may_itself_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    home = find_home(str(tmp_path / "link"), {})
    home.create()
    assert (tmp_path / "real" / "mine" / "__init__.py").is_file()


def test_an_unwritable_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def access(path: Path, mode: int) -> bool:  # root may write anywhere, so the answer is given here
        asked.append((Path(path), mode))
        return False

    monkeypatch.setattr(os, "access", access)
    with pytest.raises(HomeError, match="cannot be written to"):
        find_home(str(tmp_path / "a" / "b"), {})
    assert asked == [(tmp_path, os.W_OK | os.X_OK)], "the nearest folder that exists is asked"


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder in which nothing can be made: /proc")
def test_what_the_system_refuses_is_said_in_words() -> None:
    with pytest.raises(HomeError, match=r"cannot be (set up|written to)"):
        Home(Path("/proc/groundup")).create()


def test_what_a_home_holds(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.create()
    assert stat.S_IMODE(home.state.stat().st_mode) == 0o700
    assert (home.state / ".gitignore").read_text() == GITIGNORE
    assert (home.mine / "__init__.py").read_bytes() == b""
    assert "mine/" in (home.path / "README.md").read_text()
    assert list(home.scratch.iterdir()) == []


def test_what_is_there_is_never_overwritten(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.create()
    written = [home.path / "README.md", home.mine / "__init__.py", home.state / ".gitignore"]
    for path in written:
        path.write_text("the learner's")
    home.create()
    assert [path.read_text() for path in written] == ["the learner's"] * 3


def test_a_state_folder_that_others_can_read_is_closed(tmp_path: Path) -> None:
    (tmp_path / ".groundup").mkdir(mode=0o755)
    Home(tmp_path).create()
    assert stat.S_IMODE((tmp_path / ".groundup").stat().st_mode) == 0o700


def test_git_sees_nothing_of_the_state(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.create()
    home.database.write_bytes(b"x")
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path / "nobody"), "GIT_CONFIG_NOSYSTEM": "1"}
    try:
        subprocess.run(["git", "init", "-q", str(tmp_path)], check=True, capture_output=True, env=environ)
    except FileNotFoundError:
        pytest.skip("git is not installed")
    seen = subprocess.run(
        ["git", "status", "--porcelain", "-uall"], cwd=tmp_path, check=True, capture_output=True, text=True, env=environ
    ).stdout
    assert "mine/__init__.py" in seen
    assert ".groundup" not in seen


def test_a_file_is_made_whole_or_not_at_all(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    assert create_file(tmp_path / "a", b"first", scratch) is True
    assert create_file(tmp_path / "a", b"second", scratch) is False
    assert (tmp_path / "a").read_bytes() == b"first"
    assert list(scratch.iterdir()) == []


def test_a_file_is_made_where_hard_links_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    assert create_file(tmp_path / "a", b"first", tmp_path) is True
    assert create_file(tmp_path / "a", b"second", tmp_path) is False
    assert {one.name: one.read_bytes() for one in tmp_path.iterdir()} == {"a": b"first"}


def _create(path: str) -> None:
    Home(Path(path)).create()


def test_many_processes_may_set_up_one_home_at_once(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        pool.map(_create, [str(tmp_path / "home")] * 16)
    assert (tmp_path / "home" / ".groundup" / ".gitignore").read_text() == GITIGNORE


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys, groundup.study.home, groundup.study.workspace, groundup.study.plan, groundup.study.hints;"
        "print(sorted({'torch', 'numpy', 'sqlalchemy', 'alembic', 'pydantic'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert answer.stdout.strip() == "[]"
