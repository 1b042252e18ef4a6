"""Starting, stopping, resuming and listing runs, for page and terminal alike."""

from __future__ import annotations

import contextlib
import fcntl
import json
import math
import os
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from groundup.authoring import SCALES, Inputs, Option
from groundup.study.check.warm import environment
from groundup.study.home import Home, sync_folder, write_durably
from groundup.study.runs.machine import machine
from groundup.study.runs.records import NAME, Event, Record, Request, RunError

if TYPE_CHECKING:
    from groundup.study.service import Study
    from groundup.study.topics import Topic

GRACE_S = 30.0
INPUT_BYTES = 512 * 2**20


class Runs:
    """The runs of one home. Nothing is kept in memory: several processes may use one home."""

    def __init__(self, home: Home, *, level: str = "auto", rest_every_s: float = 10.0) -> None:
        self.home = home
        self.folder = home.state / "runs"
        self._level, self._rest_every_s = level, rest_every_s

    # ── finding ──────────────────────────────────────────────────────────────

    def all(self) -> list[Record]:
        """The newest first."""
        if not self.folder.is_dir():
            return []
        found = [one for one in self.folder.iterdir() if NAME.match(one.name) and (one / "request.json").is_file()]
        return [Record(one) for one in sorted(found, key=lambda one: one.stat().st_ctime_ns, reverse=True)]

    def get(self, run_id: str) -> Record:
        if NAME.match(run_id) and (self.folder / run_id / "request.json").is_file():
            return Record(self.folder / run_id)
        some = ", ".join(one.id for one in self.all()[:5])
        raise RunError(f"there is no run {run_id!r}", f"There are {some}." if some else "`groundup lab` begins one.")

    # ── beginning ────────────────────────────────────────────────────────────

    def create(self, request: Request, inputs: Mapping[str, bytes], sources: Mapping[str, bytes]) -> Record:
        """A run's folder, whole or not at all; the process is not begun."""
        self.folder.mkdir(parents=True, exist_ok=True)
        scratch = self.folder / f".new-{secrets.token_hex(8)}"
        scratch.mkdir(mode=0o700)
        try:
            for name, content in inputs.items():
                _write(scratch / "inputs", name, content)
            _write_sources(scratch / "sources", sources)
            write_durably(scratch / "lock", b"")
            write_durably(scratch / "request.json", json.dumps(request.document(), indent=1).encode())
            folder = self._named(scratch, request.lab)
        except BaseException:
            shutil.rmtree(scratch, ignore_errors=True)
            raise
        sync_folder(self.folder)
        return Record(folder)

    def _named(self, scratch: Path, lab: str) -> Path:
        taken = [int(one.name.rpartition("-")[2]) for one in self.folder.glob(f"{lab}-*") if NAME.match(one.name)]
        number = max(taken, default=0)
        while True:
            number += 1
            folder = self.folder / f"{lab}-{number}"
            try:
                os.rename(scratch, folder)  # fails where another process has just taken the name
                return folder
            except OSError:
                if not folder.exists():
                    raise

    def launch(self, record: Record, lab: Path) -> None:
        """Begin, or go on with, the run's process. It lives on when this one ends."""
        lock = os.open(record.folder / "lock", os.O_RDWR | os.O_CLOEXEC)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise RunError(f"{record.id} is running", f"Stop it first: groundup runs stop {record.id}") from None
            for name in ("stop", "result.json"):
                (record.folder / name).unlink(missing_ok=True)
            config = {
                "folder": str(record.folder),
                "lab": str(lab),
                "level": self._level,
                "hidden": [os.path.realpath(self.home.path)],
                "rest_every_s": self._rest_every_s,
            }
            threads = str(record.request.threads)
            names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
            with open(record.folder / "log.txt", "ab") as log:
                # The lock goes along: it is held from before the process lives until after it has ended.
                process = subprocess.Popen(
                    [sys.executable, "-P", "-s", "-B", "-m", "groundup.study.runs.process", json.dumps(config)],
                    env={**environment(), **dict.fromkeys(names, threads)},
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    pass_fds=(lock,),
                )
            told = {"pid": process.pid, "started": _started(process.pid)}
            (record.folder / "process.json").write_text(json.dumps(told), encoding="ascii")
            threading.Thread(target=process.wait, name=f"groundup-{record.id}", daemon=True).start()
        finally:
            os.close(lock)

    # ── ending ───────────────────────────────────────────────────────────────

    def stop(self, record: Record, grace_s: float = GRACE_S) -> str:
        """Ask the run to rest at its next checkpoint and end; end it where it does not. Its state afterwards."""
        if not record.alive:
            raise RunError(f"{record.id} is not running ({record.state})", "There is nothing to stop.")
        (record.folder / "stop").touch()
        deadline = time.monotonic() + grace_s
        while record.alive and time.monotonic() < deadline:
            time.sleep(0.05)
        if record.alive:
            self.kill(record)
        return record.state

    def kill(self, record: Record) -> None:
        """End the process at once. The run can be resumed from its last checkpoint."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            told = json.loads((record.folder / "process.json").read_text(encoding="ascii"))
            pid = int(told["pid"])
            if record.alive and _started(pid) == told["started"]:
                os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 10
        while record.alive and time.monotonic() < deadline:
            time.sleep(0.02)

    def remove(self, record: Record) -> None:
        """Delete the folder of a run that is not running, with its model."""
        if record.alive:
            raise RunError(f"{record.id} is running", f"Stop it first: groundup runs stop {record.id}")
        gone = record.folder.with_name(f".old-{secrets.token_hex(8)}")
        os.rename(record.folder, gone)
        shutil.rmtree(gone)

    # ── following ────────────────────────────────────────────────────────────

    def follow(self, record: Record, after: int = 0, poll_s: float = 0.1) -> Iterator[Event]:
        """Every event from byte ``after`` on, as they come, until the run has ended and all was told."""
        while True:
            alive = record.alive  # asked first: what it said before it ended is read after
            for event in record.events(after):
                after = event.at
                yield event
            if not alive:
                return
            time.sleep(poll_s)


def _started(pid: int) -> str:
    """When the process began, as the kernel counts: a pid that was given to another process has another beginning."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return stat.rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _write(folder: Path, name: str, content: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if name != os.path.basename(name) or name in ("", ".", ".."):
        raise ValueError(f"{name!r} is not the name of a file")
    write_durably(folder / name, content)


def _write_sources(folder: Path, sources: Mapping[str, bytes]) -> None:
    """The learner's modules as files that can be imported from ``folder``."""
    packages = {name[:at] for name in sources for at in range(len(name)) if name[at] == "."}
    for name, content in sources.items():
        path = folder.joinpath(*name.split("."))
        target = path / "__init__.py" if name in packages else path.with_suffix(".py")
        target.parent.mkdir(parents=True, exist_ok=True)
        write_durably(target, content)
    for name in packages:
        beginning = folder.joinpath(*name.split("."), "__init__.py")
        if not beginning.exists():
            beginning.write_bytes(b"")


# ── a lab, as a learner begins it ────────────────────────────────────────────


def labs(study: Study) -> list[Topic]:
    """Topics that have a lab, then projects."""
    topics, projects = study.roadmap.topics.values(), study.roadmap.projects.values()
    return [one for one in (*topics, *projects) if "lab.py" in one.files]


def lab_topic(study: Study, name: str) -> Topic:
    """The topic or project whose lab it is; RunError names those that there are."""
    topic = known_lab(study, name) or study.roadmap.topic(name)
    if "lab.py" not in topic.files:
        there = ", ".join(one.id for one in labs(study)) or "none yet"
        raise RunError(f"{topic.id} has no lab", f"Topics with labs: {there}.")
    return topic


def known_lab(study: Study, name: str) -> Topic | None:
    """The topic or project of that id, or None."""
    return study.roadmap.projects.get(name) or study.roadmap.topics.get(name)


def lab_options(module: ModuleType) -> dict[str, Option]:
    return dict(getattr(module, "options", {}))


def chosen_options(declared: Mapping[str, Option], given: Mapping[str, str]) -> dict[str, Any]:
    """Every declared option with its value; RunError says which one is wrong and what it may be."""
    unknown = sorted(set(given) - set(declared))
    if unknown:
        there = ", ".join(f"--{name}" for name in declared) or "none"
        raise RunError(f"the lab has no option --{unknown[0]}", f"It has {there}.")
    values: dict[str, Any] = {}
    for name, option in declared.items():
        text = given.get(name)
        values[name] = option.default if text is None else _option_value(name, option, text)
    return values


def _option_value(name: str, option: Option, text: str) -> str | float:
    if option.choices and text not in option.choices:
        raise RunError(f"--{name} is not {text!r}", f"It is one of {', '.join(option.choices)}.")
    if option.kind == "number":
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not option.low <= number <= option.high:
            raise RunError(f"--{name} is not {text!r}", f"It is a number from {option.low:g} to {option.high:g}.")
        return number
    if option.kind == "file":
        path = Path(os.path.abspath(os.path.expanduser(text)))
        if not path.is_file():
            raise RunError(f"--{name}: there is no file {text}", "Check its name.")
        if path.stat().st_size > INPUT_BYTES:
            raise RunError(f"--{name}: {text} has more than {INPUT_BYTES >> 20} MB", "Take a part of it.")
        return str(path)
    return text


def begin(
    study: Study,
    lab: str,
    scale: str = "tiny",
    given: Mapping[str, str] | None = None,
    *,
    reference: bool = False,
    mine: Sequence[str] | None = None,
    seed: int = 0,
    say: Callable[[str], None] = lambda text: None,
) -> Record:
    """Check options and parts, gather the inputs, make the folder, begin the process."""
    from groundup.study.parts import Chosen, choose

    topic = lab_topic(study, lab)
    if scale not in SCALES:
        raise RunError(f"there is no scale {scale!r}", f"Scales are {', '.join(SCALES)}.")
    if reference and mine:
        raise RunError("--reference and --mine exclude each other", "Give one of them, or none.")
    module = topic.module("lab.py")
    if scale not in getattr(module, "scales", SCALES):
        raise RunError(f"{topic.id} has no scale {scale!r}", f"It has {', '.join(module.scales)}.")
    options = chosen_options(lab_options(module), given or {})
    try:
        inputs = prepared(module, options, scale, study.home.data)
    except (OSError, ValueError) as error:
        raise RunError(f"the lab's data cannot be had: {error}", "Name another with its options.") from error
    chosen = Chosen() if reference else choose(study, mine, lambda one: say(f"checking your {one}"))
    request = Request(
        lab=topic.id,
        scale=scale,
        options=options,
        parts=chosen.parts,
        left_out=dict(chosen.left_out),
        provenance=dict(inputs.provenance),
        threads=machine().cores,
        seed=seed,
        began=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=_versions(),
    )
    record = study.runs.create(request, inputs.files, chosen.sources)
    study.runs.launch(record, topic.path("lab.py"))
    return record


def prepared(module: ModuleType, options: dict[str, Any], scale: str, downloads: Path) -> Inputs:
    """What the lab's own prepare() gathers; public sets are looked for among the downloads as well."""
    if not hasattr(module, "prepare"):
        return Inputs()
    from groundup.stack.data.places import reading_from

    with reading_from(downloads):
        inputs: Inputs = module.prepare(options, scale)
    return inputs


def resume(study: Study, record: Record) -> None:
    """Go on from the last checkpoint, with the same parts, inputs and threads."""
    if not record.can_resume:
        raise RunError(f"{record.id} is {record.state}", "Only a run that was stopped, killed or failed goes on.")
    study.runs.launch(record, lab_topic(study, record.request.lab).path("lab.py"))


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    from groundup import __version__

    return {"groundup": __version__, "torch": version("torch"), "python": sys.version.split()[0]}
