"""The installed program, as a learner runs it: words in, text, JSON and exit codes out."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROGRAM = Path(sys.executable).with_name("groundup")
WRITTEN = ("vectors", "byte-pair-encoding", "self-attention")


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "GROUNDUP_HOME": str(home), "COLUMNS": "120", "NO_COLOR": "1"}


def groundup(home: Path, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(PROGRAM), *words],
        capture_output=True,
        text=True,
        env=environment(home),
        input=given,
        check=False,
        timeout=280,
    )


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def test_help_names_every_command_and_imports_no_torch(home: Path) -> None:
    shown = groundup(home, "--help")
    assert shown.returncode == 0
    for command in ("start", "next", "check", "watch", "hint", "solution", "status", "author", "audit"):
        assert f" {command} " in shown.stdout
    probe = (
        "import sys\nfrom typer.testing import CliRunner\nfrom groundup.cli.app import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        "print(sorted(m for m in ('torch', 'numpy', 'sqlalchemy', 'fastapi', 'plotly', 'alembic') if m in sys.modules))"
    )
    loaded = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


def test_status_and_next_need_no_torch_either(home: Path) -> None:
    probe = (
        "import sys\nfrom pathlib import Path\nfrom groundup.study.home import find_home\n"
        "from groundup.study.service import Study\n"
        f"study = Study(find_home({str(home)!r}))\nstudy.status()\n"
        "study.open('vectors')\nstudy.hint('vectors')\nstudy.close()\n"
        "print('torch' in sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "False"


def test_a_topic_from_stub_to_passed(home: Path) -> None:
    first = groundup(home, "next", "--json")
    assert first.returncode == 0, first.stderr
    suggestion = json.loads(first.stdout)
    assert suggestion["topic"] in WRITTEN
    assert Path(suggestion["path"]).is_file()

    stub = groundup(home, "check", "vectors", "--json")
    assert stub.returncode == 1, stub.stderr
    assert json.loads(stub.stdout)["kind"] == "missing"

    solution = groundup(home, "solution", "vectors", "--yes")
    assert solution.returncode == 0
    mine = home / "mine" / "mathematics" / "vectors.py"
    mine.write_text(solution.stdout)
    passed = groundup(home, "check", "vectors", "--json")
    verdict = json.loads(passed.stdout)
    assert (passed.returncode, verdict["kind"]) == (0, "passed"), passed.stdout
    assert verdict["receipt"]["path"].endswith("mine/mathematics/vectors.py")
    assert mine.read_text() == solution.stdout

    status = json.loads(groundup(home, "status", "--json").stdout)
    assert (status["passed"], status["states"]["vectors"]) == (1, "passed")
    assert status["written"] >= 25


def test_a_seed_reproduces_a_verdict(home: Path) -> None:
    groundup(home, "next")
    mine = home / "mine" / "mathematics" / "vectors.py"
    mine.parent.mkdir(parents=True, exist_ok=True)
    mine.write_text("def dot(u, v):\n    return (u * v).sum(-1) * 2\n")
    answers = [groundup(home, "check", "vectors", "--seed", "1234", "--json") for _ in range(2)]
    one, two = (json.loads(answer.stdout) for answer in answers)
    assert [answer.returncode for answer in answers] == [1, 1]
    one["receipt"].pop("seconds")
    two["receipt"].pop("seconds")
    assert one == two
    assert one["receipt"]["seed"] == 1234
    shown = groundup(home, "check", "vectors", "--seed", "1234").stdout
    assert "seed 1234" in shown
    assert "expected" in shown


def test_hints_come_in_stages_and_stop_before_the_solution(home: Path) -> None:
    stages = [json.loads(groundup(home, "hint", "vectors", "--json").stdout) for _ in range(4)]
    assert [stage["stage"] for stage in stages] == [1, 2, 3, 3]
    assert not any(stage["is_solution"] for stage in stages)
    assert len({stage["text"] for stage in stages[:3]}) == 3


def test_the_solution_is_asked_for_twice(home: Path) -> None:
    refused = groundup(home, "solution", "vectors", given="n\n")
    assert refused.returncode == 1
    assert "def dot" not in refused.stdout
    assert "def dot" in groundup(home, "solution", "vectors", given="y\n").stdout


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("check", "self-atention"), 2, "self-attention"),
        (("check", "lora"), 2, "not written yet"),
        (("hint", "vectors", "--build", "nothing"), 2, "dot"),
        (("frobnicate",), 2, "No such command"),
        (("check", "vectors", "--seed", "-1"), 2, "seed"),
        (("author", "check", "nowhere"), 2, "nowhere"),
    ],
)
def test_bad_words_get_a_clear_error(home: Path, words: tuple[str, ...], code: int, says: str) -> None:
    done = groundup(home, *words)
    assert done.returncode == code, done.stdout + done.stderr
    assert says in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_project_folder_is_refused_as_home(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    done = groundup(tmp_path, "status")
    assert done.returncode == 2
    assert "pyproject.toml" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pyproject.toml"]


def test_watch_checks_again_after_each_save(home: Path) -> None:
    groundup(home, "next")
    path = home / "mine" / "mathematics" / "vectors.py"
    groundup(home, "check", "vectors")
    watcher = subprocess.Popen(
        [str(PROGRAM), "watch", "vectors", "--json", "--times", "3"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(home),
    )  # fmt: skip
    try:
        assert watcher.stdout is not None
        first = json.loads(watcher.stdout.readline())
        assert first["verdict"]["kind"] == "missing"
        kinds = []
        for factor in (2, 3):
            path.write_text(f"def dot(u, v):\n    return (u * v).sum(-1) * {factor}\n")
            kinds.append(json.loads(watcher.stdout.readline())["verdict"]["builds"][0]["kind"])
        assert kinds == ["wrong", "wrong"]
        assert watcher.wait(timeout=20) == 0
    finally:
        if watcher.poll() is None:
            watcher.send_signal(signal.SIGKILL)
            watcher.wait()
        for pipe in (watcher.stdout, watcher.stderr):
            if pipe:
                pipe.close()


def test_a_terminal_uses_a_running_server(home: Path) -> None:
    server = subprocess.Popen(
        [str(PROGRAM), "start", "--no-browser", "--port", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment(home),
    )  # fmt: skip
    try:
        note = home / ".groundup" / "server.json"
        deadline = time.monotonic() + 60
        while not note.exists():
            assert server.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert oct(note.stat().st_mode & 0o777) == "0o600"
        groundup(home, "next")
        verdicts = [json.loads(groundup(home, "check", "vectors", "--json").stdout) for _ in range(2)]
        assert [verdict["kind"] for verdict in verdicts] == ["missing", "missing"]
        server.send_signal(signal.SIGINT)
        assert server.wait(timeout=30) in (0, 130)
        assert not note.exists()
    finally:
        if server.poll() is None:
            server.kill()
            server.wait()
        if server.stdout:
            server.stdout.close()


def test_the_audit_of_one_topic_is_one_document(home: Path) -> None:
    done = groundup(home, "audit", "vectors", "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 0, report["problems"]
    assert report["topics"] == {"total": 1, "complete": 1, "incomplete": {}}
    assert report["stubs"]["run"] == report["stubs"]["failing_as_they_must"] > 0
    assert report["mistakes"]["run"] == report["mistakes"]["hinted"] >= 15
