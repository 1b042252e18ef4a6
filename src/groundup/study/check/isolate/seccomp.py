"""A filter on system calls, as classic BPF, built by hand for x86-64 and aarch64.

It *ends* the process on calls that no honest exercise makes (tracing, mounting, keys, kernel modules, io_uring, …): the
waiter sees SIGSYS, the verdict is "forbidden". It *refuses* what honest code may try by the way: new processes, sockets
other than Unix ones, memory files, signals to others. Threads work. It is a list of what is denied, not of what is
allowed: a system call that comes with a later kernel is let through, and files are not its business.

Not protected against: what is done by allowed calls (files, Unix sockets, threads, memory). Other machines than x86-64
and aarch64 have no filter, macOS never.
"""

from __future__ import annotations

import ctypes
import errno
import signal
import socket
import struct

from groundup.study.check.isolate import system

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data
_KILL, _ERRNO, _ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32 = 0x40000000
_CLONE_THREAD = 0x00010000
_SET_MODE_FILTER = 1

# name: (x86_64, aarch64); None where the architecture has no such call
_KILLED: dict[str, tuple[int | None, int | None]] = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "setns": (308, 268),
    "unshare": (272, 97),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "reboot": (169, 142),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "acct": (163, 89),
    "syslog": (103, 116),
    "iopl": (172, None),
    "ioperm": (173, None),
    "modify_ldt": (154, None),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "vhangup": (153, 58),
    "lookup_dcookie": (212, 18),
    "fanotify_init": (300, 262),
}
_REFUSED: dict[str, tuple[int | None, int | None]] = {
    "fork": (57, None),
    "vfork": (58, None),
    "execve": (59, 221),
    "execveat": (322, 281),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424),
    "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    "personality": (135, 92),
    "mknod": (133, None),
    "mknodat": (259, 33),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
}
_OF_FILES: dict[str, tuple[int | None, int | None]] = {  # changes to files that need no open file
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "setxattrat": (463, 463),
    "removexattrat": (466, 466),
    "file_setattr": (469, 469),
}
_SPECIAL = {
    "clone": (56, 220),
    "clone3": (435, 435),
    "socket": (41, 198),
    "kill": (62, 129),
    "tgkill": (234, 131),
    "prlimit64": (302, 261),
    "ioctl": (16, 29),
}
_SET_FLAGS = (0x40086602, 0x401C5820)  # FS_IOC_SETFLAGS, FS_IOC_FSSETXATTR: as chmod, but by a request on a file

_Step = tuple[int, int, int, int]  # code, jump if true, jump if false, operand


def _argument(number: int) -> _Step:
    return (_LOAD, 0, 0, _FIRST_ARGUMENT + 8 * number)  # the lower half, on little-endian machines


def _end(action: int) -> _Step:
    return (_RETURN, 0, 0, action)


def _refuse(number: int = errno.EPERM) -> _Step:
    return _end(_ERRNO | number)


def _when(call: int, steps: list[_Step]) -> list[_Step]:
    """These steps, which end the program, for this system call."""
    return [(_EQUAL, 0, len(steps), call), *steps]


def _to_self(pid: int, signal_at: int) -> list[_Step]:
    """A signal to this process, and not the one by which the kernel reports a forbidden call."""
    return [
        _argument(0),
        (_EQUAL, 0, 3, pid),
        _argument(signal_at),
        (_EQUAL, 1, 0, int(signal.SIGSYS)),
        _end(_ALLOW),
        _refuse(),
    ]


def _special(machine: str, pid: int, files_too: bool) -> list[_Step]:
    at = {name: numbers[machine == "aarch64"] for name, numbers in _SPECIAL.items()}
    own = [_argument(0), (_EQUAL, 1, 0, 0), (_EQUAL, 0, 1, pid), _end(_ALLOW), _refuse()]
    steps = [
        *_when(at["clone"], [_argument(0), (_ANY_BIT, 0, 1, _CLONE_THREAD), _end(_ALLOW), _refuse()]),
        *_when(at["clone3"], [_refuse(errno.ENOSYS)]),  # its flags are out of reach: the C library falls back to clone
        *_when(
            at["socket"],
            [_argument(0), (_EQUAL, 0, 1, int(socket.AF_UNIX)), _end(_ALLOW), _refuse(errno.EACCES)],
        ),
        *_when(at["kill"], _to_self(pid, 1)),
        *_when(at["tgkill"], _to_self(pid, 2)),
        *_when(at["prlimit64"], own),
    ]
    if files_too:
        first, second = _SET_FLAGS
        steps += _when(
            at["ioctl"], [_argument(1), (_EQUAL, 2, 0, first), (_EQUAL, 1, 0, second), _end(_ALLOW), _refuse()]
        )
    return steps


def program(machine: str, pid: int, *, files_too: bool) -> bytes:
    """The filter for a process of this pid; ``files_too`` refuses changes to files that Landlock does not see."""
    column = machine == "aarch64"
    steps: list[_Step] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, _ARCHITECTURES[machine]),
        _end(_KILL),
        (_LOAD, 0, 0, _NUMBER),
    ]
    if machine == "x86_64":
        steps += [(_AT_LEAST, 0, 1, _X32), _refuse(errno.ENOSYS)]
    steps += _special(machine, pid, files_too)
    refused = _REFUSED | _OF_FILES if files_too else _REFUSED
    for calls, action in ((_KILLED, _end(_KILL)), (refused, _refuse())):
        for numbers in calls.values():
            number = numbers[column]
            if number is not None:
                steps += _when(number, [action])
    steps.append(_end(_ALLOW))
    return b"".join(struct.pack("<HBBI", *step) for step in steps)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def apply(pid: int, *, files_too: bool) -> None:
    """Put this process under the filter, for good; needs no_new_privs."""
    raw = program(system.MACHINE, pid, files_too=files_too)
    wanted = _Program(len(raw) // 8, raw)
    system.syscall("seccomp", _SET_MODE_FILTER, 0, ctypes.byref(wanted))
