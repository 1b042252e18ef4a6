"""System calls that Python does not offer, with errors as OSError. x86-64 and aarch64; numbers differ between them.

Not protected against: nothing is decided here. Elsewhere than on Linux none of these calls is made.
"""

from __future__ import annotations

import ctypes
import functools
import os
import platform
import sys
from typing import Any

LINUX = sys.platform == "linux"
MACHINE = platform.machine()
KNOWN_MACHINE = MACHINE in ("x86_64", "aarch64")

# These calls have one number on every architecture: they are younger than the common table.
MOUNT_SETATTR = 442
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446
_OLD = {  # name: (x86_64, aarch64)
    "pivot_root": (155, 41),
    "capset": (126, 91),
    "seccomp": (317, 277),
    "prlimit64": (302, 261),
}

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 4, 24, 38
PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 47, 4


@functools.cache
def libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def checked(result: int, what: str) -> int:
    """The result, or OSError with the call's errno."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def syscall(number: int | str, *arguments: Any) -> int:
    """A raw system call, by number or by a name of the small table above."""
    if isinstance(number, str):
        name, number = number, _OLD[number][MACHINE == "aarch64"]
    else:
        name = f"system call {number}"
    converted = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    return checked(libc().syscall(ctypes.c_long(number), *converted), name)


def prctl(option: int, *arguments: int) -> int:
    padded = [ctypes.c_ulong(one) for one in (*arguments, 0, 0, 0, 0)[:4]]
    return checked(libc().prctl(ctypes.c_int(option), *padded), f"prctl {option}")


def unshare(flags: int) -> None:
    checked(libc().unshare(ctypes.c_int(flags)), "unshare")


def setns(descriptor: int, kind: int) -> None:
    checked(libc().setns(ctypes.c_int(descriptor), ctypes.c_int(kind)), "setns")


def mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    def raw(text: str | None) -> bytes | None:
        return None if text is None else os.fsencode(text)

    result = libc().mount(raw(source), raw(target), raw(kind), ctypes.c_ulong(flags), raw(data))
    checked(result, f"mount {kind or source} on {target}")


def umount(target: str, flags: int) -> None:
    checked(libc().umount2(os.fsencode(target), ctypes.c_int(flags)), f"umount {target}")


def no_new_privileges() -> None:
    prctl(PR_SET_NO_NEW_PRIVS, 1)


def drop_capabilities() -> None:
    """Give up every capability, in every set, for good."""
    for capability in range(64):
        if libc().prctl(PR_CAPBSET_DROP, ctypes.c_ulong(capability), 0, 0, 0) < 0:
            break  # beyond the last one, or not ours to drop: the empty sets below are what counts
    libc().prctl(PR_CAP_AMBIENT, ctypes.c_ulong(PR_CAP_AMBIENT_CLEAR_ALL), 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    syscall("capset", ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)()))
