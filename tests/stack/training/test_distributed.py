"""Two processes beside one: every loss, every norm, the weights, and states that go from one to the other."""

from __future__ import annotations

import contextlib
import json
import os
import runpy
import secrets
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from groundup.stack.training.distributed import LossOnly, own_device, processes
from groundup.stack.training.world import World

SCRIPT = Path(__file__).with_name("together.py")
TOGETHER = runpy.run_path(str(SCRIPT))
CASES: dict[str, dict[str, Any]] = {
    "bert": {"accumulate": 2, "average": 0.9},
    "bert-unused": {"batch": 5},
    "bert-classes": {"clip": None, "batch": 7},
    "bert-span": {"accumulate": 3, "batch": 8},
    "albert": {"batch": 5},  # whose blocks run several times
    "llama": {"accumulate": 2, "recompute": True},
    "t5": {"recompute": True, "clip": 0.1, "average": 0.8},
}
"""Settings of each; batches do not divide by the processes, lengths of texts and numbers of labels are uneven."""

TIGHT = 1e-9  # what is asked is 1e-5: in double precision another order of sums makes 1e-15


def launch(folder: Path, cases: list[dict[str, Any]], timeout_s: float = 200) -> subprocess.CompletedProcess[str]:
    """Run the script by torchrun on two processes, of which nothing is left."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(SCRIPT)]
    mark = {"GROUNDUP_TEST_RUN": secrets.token_hex(16)}
    environment = {**os.environ, **mark, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo", "CUDA_VISIBLE_DEVICES": ""}
    try:
        done = subprocess.run(
            [*command, str(folder), json.dumps(cases)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
            timeout=timeout_s,
        )
    finally:
        left = marked(mark["GROUNDUP_TEST_RUN"])
        for one in left:
            with contextlib.suppress(OSError):
                os.kill(one, signal.SIGKILL)
    assert left == []
    return done


def marked(mark: str) -> list[int]:
    """The processes that have this mark in their environment: torchrun's lead sessions of their own."""
    found = []
    for one in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark.encode() in (one / "environ").read_bytes():
                found.append(int(one.name))
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one process and what two found, in files. Three runs are broken off and go on elsewhere."""
    place = tmp_path_factory.mktemp("together")
    stopped = {"name": "bert", "save_every": 1, "stop": 3, "out": "stopped", **CASES["bert"]}
    alone = [{"name": name, "out": f"one-{name}", **more} for name, more in CASES.items()]
    alone += [{**stopped, "state": "from-one-to-ddp"}, {**stopped, "state": "from-one-to-fsdp"}]
    both = [
        {"name": name, "out": f"{strategy}-{name}", "strategy": strategy, **more}
        for name, more in CASES.items()
        for strategy in ("ddp", "fsdp")
    ]
    for strategy in ("ddp", "fsdp"):
        both.append({**stopped, "strategy": strategy, "state": f"from-{strategy}-to-one"})
        goes_on = {**stopped, "stop": None, "strategy": strategy}
        both.append({**goes_on, "state": f"from-one-to-{strategy}", "out": f"from-one-to-{strategy}"})
    TOGETHER["main"](str(place), json.dumps(alone))
    done = launch(place, both)
    assert done.returncode == 0, done.stdout[-3000:]
    back = [f"from-{strategy}-to-one" for strategy in ("ddp", "fsdp")]
    TOGETHER["main"](str(place), json.dumps([{**stopped, "stop": None, "state": one, "out": one} for one in back]))
    return place


def found(folder: Path, name: str, rank: int = 0) -> Any:
    return json.loads((folder / f"{name}-{rank}.json").read_text())


def require_same(one: Any, other: Any) -> None:
    """The same losses and norms at every update, and the same weights afterwards."""
    assert len(one["losses"]) == len(other["losses"]) == 4
    for kind in ("losses", "norms"):
        for first, second in zip(one[kind], other[kind], strict=True):
            assert abs(first - second) < TIGHT
    assert one["tokens"] == other["tokens"]
    assert one["scores"].keys() == other["scores"].keys() == set("1234")
    for step, scores in one["scores"].items():
        for kind, score in scores.items():
            assert abs(score - other["scores"][step][kind]) < TIGHT, (step, kind)
    assert one["weights"].keys() == other["weights"].keys()
    for name, values in one["weights"].items():
        assert max(abs(a - b) for a, b in zip(values, other["weights"][name], strict=True)) < TIGHT, name


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
@pytest.mark.parametrize("name", CASES)
def test_two_processes_find_what_one_finds(folder: Path, name: str, strategy: str) -> None:
    one = found(folder, f"one-{name}")
    parts = [found(folder, f"{strategy}-{name}", rank) for rank in (0, 1)]
    for rank, part in enumerate(parts):
        assert (part["rank"], part["size"]) == (rank, 2)
        require_same(one, part)
    if strategy == "fsdp":
        assert parts[0]["held"] + parts[1]["held"] == one["held"]
        assert parts[0]["held"] < 0.6 * one["held"]
    else:
        assert parts[0]["held"] == parts[1]["held"] == one["held"]
    if CASES[name].get("clip") is not None or name == "bert":
        assert max(one["norms"]) > (CASES[name].get("clip") or 1.0)  # so that clipping had something to do


@pytest.mark.slow
@pytest.mark.parametrize("way", ["from-one-to-ddp", "from-one-to-fsdp", "from-ddp-to-one", "from-fsdp-to-one"])
def test_states_go_from_one_to_the_other(folder: Path, way: str) -> None:
    went_on = found(folder, way)
    assert went_on["resumed"] == 2
    require_same(found(folder, "one-bert"), went_on)


@pytest.mark.slow
def test_a_process_that_fails_ends_all(tmp_path: Path) -> None:
    done = launch(tmp_path, [{"name": "bert-classes", "out": "none", "stop": 2, "failing": 1}], timeout_s=100)
    assert done.returncode != 0
    assert "Broken: after update 2" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_alone_there_is_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    with processes("fsdp") as world:
        assert type(world) is World
        assert (world.rank, world.size) == (0, 1)
    with pytest.raises(ValueError, match="ddp or fsdp, not 'zero'"), processes("zero"):
        pass
    monkeypatch.setenv("RANK", "1")
    with pytest.raises(ValueError, match="RANK are set, but not WORLD_SIZE, MASTER_ADDR, MASTER_PORT"), processes():
        pass


def test_only_the_loss_is_returned() -> None:
    class Two(nn.Module):
        def forward(self, x: torch.Tensor) -> Any:
            return LossOnlyOutput(x, x * 2)

    class LossOnlyOutput:
        def __init__(self, hidden: torch.Tensor, loss: torch.Tensor) -> None:
            self.hidden, self.loss = hidden, loss

    output = LossOnly(Two())(x=torch.ones(()))
    assert vars(output) == {"loss": torch.tensor(2.0)}
    assert own_device().type in ("cpu", "cuda")
