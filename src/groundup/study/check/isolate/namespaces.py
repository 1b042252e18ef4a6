"""Namespaces of its own for the worker, and again for each child: users, processes, files, network, IPC, host name.

The worker becomes process 1 of a new pid namespace and, when everything is imported, moves into a small read-only tree
that holds what may be read and nothing else. Before each fork it opens a further pid namespace for the child, so that a
child is process 1 of its own: when it ends, the kernel ends whatever it started. One fork a session is enough that way;
a second one, of a process that has torch mapped, costs some 15 ms.

The outside user stays the one who runs groundup; if that is root, so are files that root owns. They are read-only here,
and the child has no capability, but a kernel hole counts for more: do not run groundup as root for other people's code.

Not protected against: use of the processor and of memory, which ``rlimits`` bounds; system calls that are harmful in
any namespace, which ``seccomp`` ends. Where the kernel does not grant user namespaces, and on macOS, nothing of this.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Iterable
from typing import NoReturn

from groundup.study.check.isolate import paths, system

LEARNER_ID = 1000
_NEW_USER, _NEW_PID, _NEW_FILES = 0x10000000, 0x20000000, 0x00020000
_NEW_NETWORK, _NEW_IPC, _NEW_HOST = 0x40000000, 0x08000000, 0x04000000
_OTHERS = _NEW_FILES | _NEW_NETWORK | _NEW_IPC | _NEW_HOST
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 1, 2, 4, 8
_MS_BIND, _MS_REC, _MS_PRIVATE = 4096, 16384, 1 << 18
_MNT_DETACH = 2
_AT_RECURSIVE = 0x8000
_ATTR_RDONLY, _ATTR_NOSUID, _ATTR_NODEV, _ATTR_NOEXEC = 1, 2, 4, 8
_BASE = "/tmp"
OWN = "/run"
_PLAIN = _MS_NOSUID | _MS_NODEV | _MS_NOEXEC
_PROC = "subset=pid,hidepid=invisible"
_ACCOUNTS = {
    "passwd": f"learner:x:{LEARNER_ID}:{LEARNER_ID}::/tmp:/bin/false\n",
    "group": f"learner:x:{LEARNER_ID}:\n",
}


def attempt(what: Callable[[], None]) -> str | None:
    """Try something in a forked process; None if it went well, else why not."""
    end, other = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            try:
                what()
                words = b""
            except BaseException as error:
                words = f"{type(error).__name__}: {error}".encode("utf-8", "replace")[:2000]
            os.write(other, words or b"+")
        finally:
            os._exit(0)
    os.close(other)
    words = os.read(end, 4096)
    os.close(end)
    os.waitpid(pid, 0)
    return None if words == b"+" else words.decode("utf-8", "replace") or "the attempt ended without a word"


def try_out() -> None:
    """Raise OSError where the kernel does not grant what is needed here. To be called in a process to throw away."""
    _new_user(_NEW_PID | _OTHERS)
    system.mount("none", "/", None, _MS_REC | _MS_PRIVATE)
    system.mount("none", _BASE, "tmpfs", _PLAIN, "size=64k")


def _new_user(others: int) -> None:
    uid, gid = os.geteuid(), os.getegid()
    system.unshare(_NEW_USER | others)
    for name, content in (
        ("setgroups", "deny"),
        ("uid_map", f"{LEARNER_ID} {uid} 1"),
        ("gid_map", f"{LEARNER_ID} {gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(content)


def enter() -> None:
    """Go on as process 1 of a new pid namespace; the process that was called only waits for that one's end."""
    _new_user(_NEW_PID)
    pid = os.fork()
    if pid:
        _wait_for(pid)
    system.prctl(system.PR_SET_PDEATHSIG, signal.SIGKILL)


def _wait_for(pid: int) -> NoReturn:
    os.closerange(0, 65_536)
    _, status = os.waitpid(pid, 0)
    os._exit(max(0, os.waitstatus_to_exitcode(status)))


class Tree:
    """The worker's view of the file system, and the steps for each child."""

    def __init__(self, hidden: Iterable[str], own: str | None = None, extra: Iterable[str] = ()) -> None:
        """``own`` is a folder that may be written to, seen as ``/run``; ``extra`` are further ones to be read."""
        self.hidden, self.own = list(hidden), own
        self.folders = paths.readable_folders(self.hidden)
        self.folders += [one for one in extra if not any(paths.within(one, folder) for folder in self.folders)]
        # An environment may lie beneath /tmp; the child's own folder must not cover it.
        self.scratch = "/scratch" if any(paths.within(one, "/tmp") for one in self.folders) else "/tmp"
        self.proc = True
        self.own_pids: int | None = None

    # ── once, in the worker ──────────────────────────────────────────────────

    def enter(self) -> None:
        """Build the tree on a private tmpfs and make it the root."""
        system.unshare(_OTHERS)
        system.mount("none", "/", None, _MS_REC | _MS_PRIVATE)
        wanted = [*self.folders, *(one for one in (*paths.DEVICES, *paths.FILES[:3]) if os.path.exists(one))]
        opened = [(path, os.open(path, os.O_PATH)) for path in wanted]
        own = None if self.own is None else os.open(self.own, os.O_PATH | os.O_DIRECTORY)
        covers = paths.masks(self.folders, self.hidden)
        # Opened before the base is covered: an environment may lie beneath it.
        self.own_pids = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        root = f"/proc/self/fd/{self._new_root()}"
        for path, descriptor in opened:
            self._bind(descriptor, root + path)
            os.close(descriptor)
        for path in covers:
            system.mount("none", root + path, "tmpfs", _PLAIN | _MS_RDONLY, "size=4k,mode=755")
        for name in ("/proc", "/etc", self.scratch, *([OWN] if self.own else [])):
            os.makedirs(root + name, exist_ok=True)
        for name, content in _ACCOUNTS.items():
            with open(f"{root}/etc/{name}", "w", encoding="ascii") as file:
                file.write(content)
        try:
            system.mount("none", f"{root}/proc", "proc", _PLAIN | _MS_RDONLY, _PROC)
        except OSError:  # a container that covers parts of /proc: there will be none
            self.proc = False
        os.chdir(root)
        attributes = (ctypes.c_uint64 * 4)(_ATTR_RDONLY | _ATTR_NOSUID, 0, 0, 0)
        system.syscall(system.MOUNT_SETATTR, -100, ctypes.c_char_p(b"."), _AT_RECURSIVE, ctypes.byref(attributes), 32)
        if own is not None:
            system.mount(f"/proc/self/fd/{own}", f".{OWN}", None, _MS_BIND)
            attributes = (ctypes.c_uint64 * 4)(_ATTR_NOSUID | _ATTR_NODEV | _ATTR_NOEXEC, 0, 0, 0)
            place = ctypes.c_char_p(f".{OWN}".encode())
            system.syscall(system.MOUNT_SETATTR, -100, place, 0, ctypes.byref(attributes), 32)
            os.close(own)
        here = ctypes.c_char_p(b".")
        system.syscall("pivot_root", here, here)
        system.umount(".", _MNT_DETACH)
        os.chdir("/")

    @staticmethod
    def _new_root() -> int:
        system.mount("none", _BASE, "tmpfs", _MS_NOSUID | _MS_NODEV, "size=1m,mode=755")
        return os.open(_BASE, os.O_PATH | os.O_DIRECTORY)

    @staticmethod
    def _bind(descriptor: int, target: str) -> None:
        source = f"/proc/self/fd/{descriptor}"
        if os.path.isdir(source):
            os.makedirs(target, exist_ok=True)
        else:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, "w", encoding="ascii"):
                pass
        system.mount(source, target, None, _MS_BIND | _MS_REC)

    # ── around each fork ─────────────────────────────────────────────────────

    def before_fork(self) -> None:
        system.unshare(_NEW_PID)

    def after_fork(self) -> None:
        """Back to the worker's own pid namespace, in the worker; a new one cannot be opened from another."""
        if self.own_pids is not None:
            system.setns(self.own_pids, _NEW_PID)

    # ── in each child ────────────────────────────────────────────────────────

    def isolate(self, files_bytes: int) -> None:
        """The child's own namespaces, a /proc that shows only itself, and an empty folder of bounded size."""
        system.unshare(_OTHERS)
        if self.proc:
            system.mount("none", "/proc", "proc", _PLAIN | _MS_RDONLY, _PROC)
        options = f"size={files_bytes},nr_inodes=2048,mode=700,uid={LEARNER_ID},gid={LEARNER_ID}"
        system.mount("none", self.scratch, "tmpfs", _PLAIN, options)
        os.chdir(OWN if self.own else self.scratch)


def available() -> str | None:
    """Why there are no namespaces here; None where there are."""
    if not system.LINUX:
        return f"{sys.platform} has none"
    if not system.KNOWN_MACHINE:
        return f"not known on {system.MACHINE}"
    with contextlib.suppress(OSError):
        return attempt(try_out)
    return "no process could be started to try"
