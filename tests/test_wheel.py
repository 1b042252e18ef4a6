"""A built wheel installs and runs: no source tree beside it, assets, lessons and migrations inside it."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = out.glob("groundup-*.whl")
    return built


@pytest.fixture(scope="module")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``groundup`` in a new environment that has the wheel; what it depends on is borrowed from this one."""
    folder = tmp_path_factory.mktemp("env") / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    site = next((folder / "lib").glob("python3.*")) / "site-packages"
    # A path file inside a borrowed folder is not followed, so this project's editable install stays out of sight.
    (site / "borrowed.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    command = [
        sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"),
        "install", "--quiet", "--no-deps", "--no-index", "--force-reinstall", str(wheel),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "bin" / "groundup"


def run(program: Path, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(home.parent), "GROUNDUP_HOME": str(home)}
    return subprocess.run(
        [str(program), *words], capture_output=True, text=True, env=environment, cwd=home.parent, check=False
    )


def test_the_wheel_carries_what_a_learner_needs(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for wanted in (
        "groundup/curriculum/roadmap.toml",
        "groundup/curriculum/transformer/self_attention/lesson.md",
        "groundup/curriculum/transformer/self_attention/exercise.py",
        "groundup/web/templates/base.html",
    ):
        assert wanted in names
    assert any(name.startswith("groundup/web/static/built/") and name.endswith(".js") for name in names)
    assert any("/progress/migrations/versions/" in name for name in names)
    assert sum(name.endswith("/topic.toml") for name in names) == 154
    assert not [name for name in names if "node_modules" in name or name.endswith(".ts.map")]


def test_the_installed_program_runs_from_its_own_files(program: Path, tmp_path: Path) -> None:
    where = subprocess.run(
        [str(program.parent / "python"), "-c", "import groundup; print(groundup.__file__)"],
        capture_output=True, text=True, check=True, cwd=tmp_path,
    ).stdout  # fmt: skip
    assert str(program.parent.parent) in where

    home = tmp_path / "home"
    status = run(program, home, "status", "--json")
    assert status.returncode == 0, status.stderr
    assert json.loads(status.stdout)["topics"] == 154

    stub = run(program, home, "check", "vectors", "--json")
    assert stub.returncode == 1, stub.stderr
    assert json.loads(stub.stdout)["kind"] == "missing"

    solved = run(program, home, "solution", "vectors", "--yes")
    assert solved.returncode == 0, solved.stderr
    (home / "mine" / "mathematics" / "vectors.py").write_text(solved.stdout)
    passed = run(program, home, "check", "vectors")
    assert passed.returncode == 0, passed.stdout + passed.stderr
