"""The warm process: imports torch once, then forks one child for each session, and tells how each of them ended.

It never computes and never starts a thread: after a parallel operation in the parent, the first one in a forked child
hangs for ever (GNU OpenMP). It never imports the stack or the curriculum, so that a child holds no reference. It reads
nothing that a child writes. Started by :mod:`groundup.study.check.warm` with one argument, a JSON object.

Not protected against: without namespaces (Linux without user namespaces, macOS) what a child has started outlives it;
there the filter on system calls is what keeps it from starting anything, and on macOS nothing does.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import resource
import select
import signal
import socket
import struct
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from groundup.study.check.isolate.layers import Layers
from groundup.study.check.limits import Limits

MESSAGE = struct.Struct("<cQqq")
START, KILL, ENDED, FAILED = b"S", b"K", b"E", b"F"
FORBIDDEN_MODULES = ("groundup.stack", "groundup.curriculum", "groundup.study.topics")


def check_single_thread() -> None:
    """Refuse to fork from a process with more than one thread: its locks would stay taken in the child."""
    with contextlib.suppress(FileNotFoundError):
        tasks = len(os.listdir("/proc/self/task"))
        if tasks != 1:
            raise RuntimeError(f"the warm process has {tasks} threads")


class Worker:
    """The loop over the control channel and the children; one thread, many children at once."""

    def __init__(self, control: socket.socket, layers: Layers, limits: Limits, run: Callable[..., None]) -> None:
        self.control, self.layers, self.limits, self.run = control, layers, limits, run
        self.children: dict[int, int] = {}  # pid of each child: its session
        self.wakeup, notify = os.pipe()
        for end in (self.wakeup, notify):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(notify, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def tell(self, what: bytes, session: int, first: int = 0, second: int = 0) -> None:
        self.control.sendall(MESSAGE.pack(what, session, first, second))

    def serve(self) -> None:
        """Until the judge closes the channel; then every child ends, too."""
        poll = select.poll()
        poll.register(self.control, select.POLLIN)
        poll.register(self.wakeup, select.POLLIN)
        try:
            while True:
                ready = dict(poll.poll())
                if self.wakeup in ready:
                    with contextlib.suppress(BlockingIOError):
                        os.read(self.wakeup, 4096)
                self.reap()
                if self.control.fileno() in ready and not self.obey():
                    return
        finally:
            self.end_all()

    def obey(self) -> bool:
        """One message of the judge; False when there will be no more."""
        data, descriptors, _, _ = socket.recv_fds(self.control, MESSAGE.size, 4)
        if len(data) < MESSAGE.size:
            return False
        what, session, _, _ = MESSAGE.unpack(data)
        try:
            if what == START:
                self.start(session, descriptors)
            elif what == KILL:
                self.kill(session)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        return True

    def start(self, session: int, descriptors: list[int]) -> None:
        channel, output, *folder = descriptors
        try:
            check_single_thread()
            self.layers.before_fork()
            try:
                pid = os.fork()
                if pid == 0:
                    self.run(channel, output, folder[0] if folder else None, self.layers.isolate, self.limits)
            finally:
                self.layers.after_fork()
        except (OSError, RuntimeError) as error:
            print(f"cannot fork: {error}", file=sys.stderr, flush=True)
            self.tell(FAILED, session, getattr(error, "errno", 0) or 0)
        else:
            self.children[pid] = session

    def kill(self, session: int) -> None:
        # A pid stays its child's until it is reaped, which only this loop does: the signal cannot hit another.
        for pid, owner in self.children.items():
            if owner == session:
                os.kill(pid, signal.SIGKILL)

    def reap(self) -> None:
        while self.children:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
            if pid == 0:
                return
            session = self.children.pop(pid, None)
            if session is not None:
                self.tell(ENDED, session, status, int((usage.ru_utime + usage.ru_stime) * 1000))

    def end_all(self) -> None:
        for pid in self.children:
            os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 5
        while self.children and time.monotonic() < deadline:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            if self.children.pop(pid, None) is None:
                time.sleep(0.005)


def import_everything() -> Callable[..., None]:
    """All that children need; afterwards the package's folder may vanish from sight."""
    import numpy
    import torch

    # Imported by the first torch.func.hessian, from source that it reads: that fails once calls are being watched.
    import torch._decomp.decompositions_for_jvp

    # Imported by the first optimizer that is made (0.7 s): once here, not again in each forked child.
    import torch._dynamo

    torch.set_num_threads(1)
    torch.backends.cpu.get_cpu_capability()  # asks /sys, which the children do not see
    from groundup import authoring
    from groundup.study.check import child

    del numpy, authoring
    bad = [name for name in sys.modules if name.startswith(FORBIDDEN_MODULES)]
    if bad:
        raise RuntimeError(f"the warm process must not know {', '.join(bad)}")
    return child.run


def become_first_victim() -> None:
    """When the machine runs out of memory, this process and its children go before the server does."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write("500")


def main() -> None:
    config: dict[str, Any] = json.loads(sys.argv[1])
    control = socket.socket(fileno=config["control"])
    control.set_inheritable(False)
    limits = Limits(**config["limits"])
    layers = Layers(config["level"], config["hidden"])
    try:
        become_first_victim()
        layers.enter_early()
        run = import_everything()
        layers.enter_late()
        check_single_thread()
    except Exception as error:
        traceback.print_exc()
        answer: dict[str, Any] = {"error": f"{type(error).__name__}: {error}"}
    else:
        answer = {"isolation": asdict(layers.isolation), "needs_folder": layers.needs_folder}
    raw = json.dumps(answer).encode()
    control.sendall(struct.pack("<Q", len(raw)) + raw)
    if "error" in answer:
        sys.exit(1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    gc.collect()
    gc.freeze()
    Worker(control, layers, limits, run).serve()


if __name__ == "__main__":
    main()
