"""States are whole or not there: damage, a full disk at every call, and 100 programs that are killed."""

from __future__ import annotations

import builtins
import errno
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

from groundup.stack.training import states
from groundup.stack.training.failures import DiskFullError
from groundup.stack.training.states import DamagedError, FormatError, list_states, newest_state, read_state, write_state

SAMPLE: dict[str, Tensor] = {
    "flag": torch.tensor([True, False, True]),  # an odd number of bytes, before wider ones
    "double": torch.tensor([[0.1, -0.0, 1e-310], [float("inf"), 2.0, 3.0]], dtype=torch.float64),
    "single": torch.arange(12, dtype=torch.float32).reshape(3, 4).T[1:],  # not contiguous
    "brain": torch.tensor([1.0, 3e38], dtype=torch.bfloat16),
    "half": torch.tensor([[[0.5]]], dtype=torch.float16),
    "scalar": torch.tensor(7),
    "none": torch.empty(0, 3),
    "small": torch.tensor([-128, 127], dtype=torch.int8),
    "ümlaut.weight": torch.tensor([255], dtype=torch.uint8),
    "parameter": torch.nn.Parameter(torch.ones(2, 2)),
}


def write(folder: Path, step: int, keep: int = 2) -> Path:
    """A state whose content depends on its step."""
    return write_state(
        folder, step, {"at": torch.full((50,), float(step), dtype=torch.float64)}, {"name": f"step {step}"}, keep
    )


def is_whole(path: Path, step: int) -> bool:
    state = read_state(path)
    return state.step == step and state.tensors["at"].tolist() == [step] * 50 and state.record["name"] == f"step {step}"


def test_every_type_comes_back_bit_for_bit_and_others_can_read_it(tmp_path: Path) -> None:
    record = {"number": 0.1 + 0.2, "text": "a\u2028ß\0", "nested": {"list": [1, None, True]}}
    path = write_state(tmp_path / "not" / "there", 12, SAMPLE, record)
    state = read_state(path)
    assert (path.name, state.step) == ("state-00000012", 12)
    assert {name: state.record[name] for name in record} == record
    theirs = load_file(path / "tensors.safetensors")
    with safe_open(path / "tensors.safetensors", framework="np") as opened:
        assert set(opened.keys()) == SAMPLE.keys()
        assert opened.get_tensor("double").tobytes() == SAMPLE["double"].numpy().tobytes()
    for found in (state.tensors, theirs):
        assert found.keys() == SAMPLE.keys()
        for name, one in SAMPLE.items():
            assert found[name].dtype == one.dtype and found[name].shape == one.shape, name
            assert found[name].flatten().view(torch.uint8).equal(one.detach().flatten().view(torch.uint8)), name


def test_the_newest_are_kept(tmp_path: Path) -> None:
    assert newest_state(tmp_path) is None and newest_state(tmp_path / "absent") is None
    for step in (5, 10, 123456789):
        write(tmp_path, step)
    (tmp_path / "state-0007").mkdir()  # not a name of ours
    assert [one.name for one in list_states(tmp_path)] == ["state-123456789", "state-00000010"]
    write(tmp_path, 123456790, keep=1)
    assert [one.name for one in list_states(tmp_path)] == ["state-123456790"]
    found = newest_state(tmp_path)
    assert found is not None and is_whole(found.path, 123456790)


def damages() -> dict[str, Callable[[Path], object]]:
    def flip(name: str, place: int) -> Callable[[Path], object]:
        def damage(path: Path) -> None:
            content = bytearray((path / name).read_bytes())
            content[place] ^= 4
            (path / name).write_bytes(content)

        return damage

    def cut(name: str) -> Callable[[Path], object]:
        return lambda path: os.truncate(path / name, (path / name).stat().st_size - 2)

    files = ("tensors.safetensors", "record.json", "sums.json")
    found: dict[str, Callable[[Path], object]] = {
        f"flip {name} {at}": flip(name, at) for name in files for at in (1, -9)
    }
    found |= {f"cut {name}": cut(name) for name in files}
    found |= {f"lose {name}": lambda path, name=name: (path / name).unlink() for name in files}  # type: ignore[misc]
    found |= {f"empty {name}": lambda path, name=name: (path / name).write_bytes(b"") for name in files}  # type: ignore[misc]
    found["other JSON"] = lambda path: (path / "sums.json").write_text("[1]")
    found["not JSON"] = lambda path: (path / "sums.json").write_bytes(b"\xff\xfe{")
    return found


@pytest.mark.parametrize("name", damages())
def test_a_damaged_state_is_named_and_the_one_before_is_taken(name: str, tmp_path: Path) -> None:
    write(tmp_path, 3), write(tmp_path, 6)
    damages()[name](tmp_path / "state-00000006")
    with pytest.raises(DamagedError, match="state-00000006 is damaged"):
        read_state(tmp_path / "state-00000006")
    with pytest.warns(UserWarning, match="state-00000006 is damaged: .*; the one before it is taken"):
        found = newest_state(tmp_path)
    assert found is not None and is_whole(found.path, 3)
    write(tmp_path, 6)  # the run makes the same updates again
    assert is_whole(tmp_path / "state-00000006", 6) and is_whole(tmp_path / "state-00000003", 3)


def test_where_all_are_damaged_there_is_none_and_the_next_is_kept(tmp_path: Path) -> None:
    for step in (7, 8):
        (write(tmp_path, step) / "sums.json").unlink()
    with pytest.warns(UserWarning, match="is damaged") as told:
        assert newest_state(tmp_path) is None
    assert [str(one.message).rpartition("; ")[2] for one in told] == ["the one before it is taken",
                                                                     "there is none before it"]  # fmt: skip
    write(tmp_path, 2, keep=1)
    assert [one.name for one in list_states(tmp_path)] == ["state-00000002"]


def test_what_is_no_state_or_of_another_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "state-00000009").write_text("a file")
    with pytest.raises(states.StateError, match="no state of a run"):
        read_state(tmp_path / "state-00000009")
    (tmp_path / "state-00000009").unlink()
    write(tmp_path, 1)
    monkeypatch.setattr(states, "FORMAT", 99)
    write(tmp_path, 2)
    monkeypatch.undo()
    with pytest.raises(FormatError, match=r"state-00000002 has format 99, and 1 is .*another folder"):
        newest_state(tmp_path)
    with pytest.raises(ValueError, match=r"x has the type torch\.complex64"):
        write_state(tmp_path, 3, {"x": torch.ones(1, dtype=torch.complex64)}, {})
    assert sorted(one.name for one in tmp_path.iterdir()) == ["state-00000001", "state-00000002"]


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    names = {one.name for one in write(tmp_path, 1).iterdir()}
    assert names == {"tensors.safetensors", "record.json", "sums.json"}
    source = Path(states.__file__).read_text(encoding="utf-8")
    assert "torch.load" not in source and "import pickle" not in source


# ── a full disk ──────────────────────────────────────────────────────────────


class Trap:
    """Counts the calls that may find the disk full, and lets one of them find it so, ``partly`` after half a write."""

    def __init__(self, at: int, code: int = errno.ENOSPC) -> None:
        self.at, self.code, self.calls = at, code, 0

    def check(self, name: str) -> None:
        self.calls += 1
        if self.calls == self.at:
            raise OSError(self.code, os.strerror(self.code), name)

    def around(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: Any, **kwargs: Any) -> Any:
            self.check(name)
            return function(*args, **kwargs)

        return called


class FullFile:
    """A file that takes half of what does not fit."""

    def __init__(self, file: Any, trap: Trap) -> None:
        self.file, self.trap = file, trap

    def write(self, content: Any) -> int:
        try:
            self.trap.check("write")
        except OSError:
            self.file.write(bytes(content)[: len(content) // 2])
            raise
        count: int = self.file.write(content)
        return count

    def flush(self) -> None:
        self.trap.check("flush")
        self.file.flush()

    def fileno(self) -> int:
        number: int = self.file.fileno()
        return number

    def __enter__(self) -> FullFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()


@contextmanager
def full_disk(trap: Trap) -> Iterator[None]:
    true_open = builtins.open

    def trapped_open(path: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        if "w" not in mode:
            return true_open(path, mode, *args, **kwargs)
        trap.check("open")
        return FullFile(true_open(path, mode, *args, **kwargs), trap)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(states, "open", trapped_open, raising=False)
        patch.setattr(os, "fsync", trap.around("fsync", os.fsync))
        patch.setattr(Path, "mkdir", trap.around("mkdir", Path.mkdir))
        patch.setattr(Path, "rename", trap.around("rename", Path.rename))
        yield


def refused(trap: Trap, folder: Path) -> DiskFullError | None:
    """Write state 9 to such a disk; what was raised, or None."""
    try:
        with full_disk(trap):
            write(folder, 9)
    except DiskFullError as error:
        return error
    return None


@pytest.mark.parametrize("again", [False, True], ids=["a new step", "over a damaged one"])
def test_a_disk_that_is_full_at_any_call_leaves_the_states_before(again: bool, tmp_path: Path) -> None:
    failures = 0
    for at in itertools.count(1):
        folder = tmp_path / str(at)
        write(folder, 3), write(folder, 6)
        if again:
            (write(folder, 9, keep=3) / "record.json").write_text("{}")
        names = sorted(one.name for one in folder.iterdir())
        trap = Trap(at, errno.EDQUOT if at % 2 else errno.ENOSPC)
        told = refused(trap, folder)
        assert is_whole(folder / "state-00000006", 6)
        if told is not None:
            failures += 1
            assert told.errno == trap.code
            assert "no room for state-00000009, which needs 0.0 MB" in str(told)
            assert "state-00000006, state-00000003" in str(told) and "lower keep" in str(told)
            assert is_whole(folder / "state-00000003", 3)
            assert sorted(one.name for one in folder.iterdir()) == names, at
            write(folder, 9)  # there is room again
        assert is_whole(folder / "state-00000009", 9)
        if trap.calls < at:
            break
    assert failures == at - 2 > 15, (
        "every call but the removal of the oldest, which can wait, is one that must not fail"
    )
    assert len(list_states(folder)) == 2 == len(list(folder.iterdir()))


def test_other_trouble_is_not_called_a_full_disk(tmp_path: Path) -> None:
    write(tmp_path, 3)
    with pytest.raises(PermissionError), full_disk(Trap(4, errno.EACCES)):
        write(tmp_path, 6)
    assert [one.name for one in tmp_path.iterdir()] == ["state-00000003"]


LIMITED = """
import errno, resource, signal, sys
from pathlib import Path
import torch
from groundup.stack.training.failures import DiskFullError
from groundup.stack.training.states import write_state

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    write_state(Path(sys.argv[1]), 6, {"at": torch.zeros(500_000)}, {})
except DiskFullError as error:
    print(error.errno == errno.EFBIG, error)
"""


def test_a_file_that_the_system_does_not_let_grow(tmp_path: Path) -> None:
    """A true limit, not a pretended one: in a process of its own, files end at 4 kB."""
    write(tmp_path, 3)
    told = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path)], capture_output=True, text=True, timeout=100, check=False
    )
    assert told.stdout.startswith("True "), told.stderr
    assert "no room for state-00000006, which needs 2.0 MB" in told.stdout
    assert [one.name for one in tmp_path.iterdir()] == ["state-00000003"]
    assert is_whole(tmp_path / "state-00000003", 3)


# ── a program that is killed ─────────────────────────────────────────────────

KILLED = """
import json, os, random, signal, sys, time, warnings
from pathlib import Path
import torch
from torch import nn
from groundup.stack.models.output import Output
from groundup.stack.training.settings import Settings
from groundup.stack.training.states import newest_state
from groundup.stack.training.trainer import train

warnings.simplefilter("error", UserWarning)  # a damaged state would be told by one

class Model(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.out, self.large = nn.Linear(3, 2), nn.Parameter(torch.zeros(60000))
        self.drop = nn.Dropout(0.3)
    def forward(self, ids, labels):
        logits = self.out(self.drop(ids)) + self.large.mean()
        return Output(ids, logits, nn.functional.cross_entropy(logits, labels))

def collate(features):
    return {"ids": torch.stack(features), "labels": torch.arange(len(features)) % 2}

features = list(torch.randn(7, 3, generator=torch.Generator().manual_seed(1)))
def run(folder, steps):
    settings = Settings(steps=steps, batch=4, lr=0.01, schedule="constant", average=0.9, save_every=1)
    return train(Model(), features, collate, settings, folder=folder)

folder, draw = Path(sys.argv[1]), random.Random(int(sys.argv[2]))
steps, middle = [0], 0
def newest():
    return max((int(one.name[6:]) for one in (folder / "killed").glob("state-*")), default=0)
for _ in range(100):
    child = os.fork()
    if child == 0:
        try:
            run(folder / "killed", 10**6)
        finally:
            os._exit(1)  # it was not killed: that is a failure of the test
    goal, end = newest() + draw.randrange(3), time.monotonic() + 10
    while newest() < goal and time.monotonic() < end:  # however slow the machine is today
        time.sleep(0.001)
    time.sleep(draw.uniform(0, 0.02))
    os.kill(child, signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    state = newest_state(folder / "killed")
    steps.append(0 if state is None else state.step)
    middle += any(one.name.startswith("writing-") for one in (folder / "killed").glob("*"))
last = run(folder / "killed", steps[-1] + 2)
whole = run(folder / "whole", steps[-1] + 2)
left = sorted(one.name for one in (folder / "killed").iterdir())
print(json.dumps({"steps": steps, "middle": middle, "same": last.losses == whole.losses, "resumed": last.resumed,
                  "left": left}))
"""


def test_a_hundred_kills_lose_no_state(tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), "11"], capture_output=True, text=True, timeout=200, check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert told.returncode == 0, told.stderr[-2000:]
    found = json.loads(told.stdout)
    steps = found["steps"]
    assert len(steps) == 101
    assert steps == sorted(steps), "no state was ever lost"
    assert steps[-1] >= 50, "the run goes on between the kills"
    assert found["middle"] >= 5, "some kills fell into the writing of a state"
    assert found["resumed"] == steps[-1] and found["same"], "as if it had never been killed, to the last bit"
    assert found["left"] == [f"state-{steps[-1] + 1:08d}", f"state-{steps[-1] + 2:08d}"]
