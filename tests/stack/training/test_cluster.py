"""Ray Train on a cluster of two nodes: what one process finds, and nothing left behind."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import runpy
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from groundup.stack.training import cluster
from groundup.stack.training.cluster import NEEDED, ClusterError, main, require_ray, run_script

SCRIPT = Path(__file__).with_name("together.py")
installed = all(importlib.util.find_spec(name) for name in NEEDED)
needs_ray = pytest.mark.skipif(not installed, reason="Ray Train is not installed: pip install 'ray[train]'")


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The cluster's processes and folders that are still there after each run, in the order of the runs."""
    found: list[Any] = []
    end = cluster._end

    def recorded(process: subprocess.Popen[bytes]) -> None:
        folder = environment_of(process.pid).get("RAY_TMPDIR")
        end(process)
        time.sleep(0.2)
        found.append((session_of(process.pid), folder))

    monkeypatch.setattr(cluster, "_end", recorded)
    return found


def environment_of(process: int) -> dict[str, str]:
    with contextlib.suppress(OSError):
        lines = Path(f"/proc/{process}/environ").read_text().split("\0")
        return dict(line.split("=", 1) for line in lines if "=" in line)
    return {}


def session_of(leader: int) -> list[str]:
    found = []
    for one in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.getsid(int(one.name)) == leader and "State:\tZ" not in (one / "status").read_text():
                found.append((one / "cmdline").read_text())
    return found


def require_nothing(left: list[Any]) -> None:
    for processes, folder in left:
        assert processes == []
        assert folder is None or not Path(folder).exists()  # None: it had ended by itself


@needs_ray
@pytest.mark.slow
def test_two_nodes_find_what_one_process_finds(tmp_path: Path, left: list[Any]) -> None:
    cases = [
        {"name": "bert", "out": "ddp", "strategy": "ddp", "accumulate": 2, "average": 0.9},
        {"name": "t5", "out": "fsdp", "strategy": "fsdp", "recompute": True},
    ]
    run_script(SCRIPT, [str(tmp_path), json.dumps(cases)], timeout_s=200)
    require_nothing(left)
    alone = [{**case, "out": f"one-{case['out']}"} for case in cases]
    runpy.run_path(str(SCRIPT))["main"](str(tmp_path), json.dumps(alone))
    for case in cases:
        one, first, second = (
            json.loads((tmp_path / name).read_text())
            for name in (f"one-{case['out']}-0.json", f"{case['out']}-0.json", f"{case['out']}-1.json")
        )
        assert (first["rank"], second["rank"], first["size"]) == (0, 1, 2)
        assert first["node"] != second["node"]  # one worker on each
        for part in (first, second):
            for kind in ("losses", "norms"):
                assert len(part[kind]) == 4
                assert max(abs(a - b) for a, b in zip(one[kind], part[kind], strict=True)) < 1e-9


@needs_ray
@pytest.mark.slow
def test_a_script_that_fails_is_told(tmp_path: Path, left: list[Any], capfd: pytest.CaptureFixture[str]) -> None:
    script = tmp_path / "broken.py"
    script.write_text("import sys\nraise KeyError(f'no such thing as {sys.argv[1]}')\n")
    assert main(["--workers", "1", "--nodes", "1", str(script), "--speed"]) == 1
    told = capfd.readouterr().err
    assert "broken.py ended with 1 on the cluster" in told
    assert "no such thing as --speed" in told
    require_nothing(left)


@needs_ray
def test_a_run_that_takes_too_long_is_ended(tmp_path: Path, left: list[Any]) -> None:
    script = tmp_path / "slow.py"
    script.write_text("import time\ntime.sleep(1000)\n")
    with pytest.raises(ClusterError, match="took longer than 4 seconds"):
        run_script(script, timeout_s=4)
    ((_, folder),) = left
    assert folder is not None
    require_nothing(left)


def test_what_is_missing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="1 or more: 0 and 2"):
        run_script(SCRIPT, workers=0)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pyarrow" else name)
    with pytest.raises(ClusterError, match=r"pyarrow not installed: pip install 'ray\[train\]'"):
        require_ray()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    with pytest.raises(ClusterError, match="there is no script"):
        run_script(tmp_path / "nothing.py")
