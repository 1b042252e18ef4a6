"""What a learner's code may read: Python, its installed packages and system libraries; not groundup, not the home.

Not protected against: secrets that lie in the installed packages or in /usr. On macOS, and at the level ``rlimits``,
nothing here is enforced: all that the user may read can be read.
"""

from __future__ import annotations

import contextlib
import os
import site
import sys
import sysconfig
from collections.abc import Iterable, Iterator

DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/urandom", "/dev/random")
FILES = ("/etc/ld.so.cache", "/etc/localtime", "/etc/nsswitch.conf", "/etc/passwd", "/etc/group")
_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/sys/devices/system/cpu")
_PACKAGE_FOLDERS = ("site-packages", "dist-packages")


def package_folder() -> str:
    """Where groundup itself lies."""
    import groundup

    return os.path.dirname(os.path.realpath(groundup.__file__))


def within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def readable_folders(hidden: Iterable[str]) -> list[str]:
    """Folders that the standard library, installed packages and loaded libraries lie in; none inside another.

    A folder that lies inside a hidden one counts (an environment in the learner's home), a hidden one does not.
    """
    veiled = [os.path.realpath(one) for one in hidden]
    paths = sysconfig.get_paths()
    found = [paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    found += [one for one in (*site.getsitepackages(), *sys.path) if os.path.basename(one) in _PACKAGE_FOLDERS]
    found += [os.path.join(prefix, "lib") for prefix in (sys.base_prefix, sys.base_exec_prefix) if prefix != "/"]
    found += _SYSTEM
    found += _library_folders()
    found += [os.path.realpath(one) for one in found]
    real = {one for one in map(os.path.abspath, found) if os.path.isdir(one) and os.path.realpath(one) != "/"}
    kept: list[str] = []
    for one in sorted(real):
        inside_package = any(within(os.path.realpath(one), folder) for folder in veiled)
        if not (inside_package and os.path.realpath(one) in veiled) and not any(within(one, folder) for folder in kept):
            kept.append(one)
    return kept


def _library_folders() -> Iterator[str]:
    """The folders of the shared libraries that this process has mapped: a Python may lie anywhere."""
    with contextlib.suppress(OSError), open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            _, _, path = line.rstrip("\n").partition("/")
            if ".so" in path:
                yield os.path.dirname("/" + path)


def around(folder: str, hidden: Iterable[str]) -> tuple[list[str], list[str]]:
    """The folder without what is hidden in it: (paths that may be read wholly, folders that may only be listed)."""
    real = os.path.realpath(folder)
    inside = [one for one in hidden if within(os.path.realpath(one), real)]
    if not inside:
        return [folder], []
    if any(os.path.realpath(one) == real for one in inside):
        return [], []
    whole: list[str] = []
    listed = [folder]
    for entry in sorted(os.listdir(folder)):
        below, lists = around(os.path.join(folder, entry), inside)
        whole += below
        listed += lists
    return whole, listed


def masks(folders: Iterable[str], hidden: Iterable[str]) -> list[str]:
    """Where hidden folders can be seen from the readable ones: what has to be covered."""
    found = set()
    for folder in folders:
        real = os.path.realpath(folder)
        for one in map(os.path.realpath, hidden):
            if one != real and within(one, real):
                found.add(os.path.join(folder, os.path.relpath(one, real)))
    return sorted(found)
