"""Landlock: which files a process may read or write, whether it may use TCP, and whom it may signal.

What it does not stop by itself: UDP, changes of mode or times of one's own files, new processes, memory files; seccomp
and namespaces do. Signals and abstract sockets are covered from ABI 6 on.

Not protected against, besides: connections to Unix sockets that lie in folders; seeing that a path exists. Kernels
before 5.13 have no Landlock, macOS never.
"""

from __future__ import annotations

import ctypes
import os
import stat
from collections.abc import Iterable

from groundup.study.check.isolate import system

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_FILE, _MAKE_SYMLINK = 1 << 4, 1 << 5, 1 << 7, 1 << 8, 1 << 12
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_FILES_BY_ABI = {1: (1 << 13) - 1, 2: _REFER, 3: _TRUNCATE, 5: _IOCTL_DEV}
_TCP = 0b11  # bind and connect, from ABI 4
_SCOPES = 0b11  # abstract sockets and signals, from ABI 6
_RULE_PATH = 1
_OWN = _WRITE_FILE | _READ_FILE | _READ_DIR | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_FILE | _MAKE_SYMLINK
_ON_A_FILE = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV

READ = _READ_FILE | _READ_DIR
LIST = _READ_DIR
DEVICE = _READ_FILE | _WRITE_FILE
OWN = _OWN | _REFER | _TRUNCATE


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def abi() -> int:
    """Landlock's version in this kernel; 0 where there is none."""
    if not (system.LINUX and system.KNOWN_MACHINE):
        return 0
    try:
        return system.syscall(system.LANDLOCK_CREATE_RULESET, 0, 0, 1)
    except OSError:
        return 0


def restrict(rules: Iterable[tuple[str, int]], version: int) -> None:
    """Allow these paths (beneath them, too) these accesses, and no other path any; for good. Needs no_new_privs."""
    handled = 0
    for since, rights in _FILES_BY_ABI.items():
        if version >= since:
            handled |= rights
    wanted = _Ruleset(handled, _TCP if version >= 4 else 0, _SCOPES if version >= 6 else 0)
    size = 8 if version < 4 else 16 if version < 6 else 24
    ruleset = system.syscall(system.LANDLOCK_CREATE_RULESET, ctypes.byref(wanted), size, 0)
    try:
        for path, rights in rules:
            _allow(ruleset, path, rights & handled)
        system.syscall(system.LANDLOCK_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return  # what is not there needs no permission
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= _ON_A_FILE
        beneath = _Beneath(rights, descriptor)
        system.syscall(system.LANDLOCK_ADD_RULE, ruleset, _RULE_PATH, ctypes.byref(beneath), 0)
    finally:
        os.close(descriptor)
