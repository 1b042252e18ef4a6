"""Which layers this machine grants, and the steps of putting a process behind them.

Three levels, each with everything of the one after it: ``namespaces``, ``landlock`` (with a filter on system calls) and
``rlimits``. "auto" takes the strongest that works here and says what is lacking; "strict" wants everything.

Not protected against: a level that was forced below what the machine grants (``landlock``, ``rlimits``) is as weak as
its name; it is for tests. On macOS "auto" is ``rlimits``.
"""

from __future__ import annotations

import contextlib
import os

from groundup.study.check.isolate import landlock, namespaces, paths, rlimits, seccomp, system
from groundup.study.check.job import Isolation
from groundup.study.check.limits import Limits

_SCOPES_SINCE = 6
_SCRATCH_BYTES = 64 * 2**20


class NotGranted(RuntimeError):
    """The level that was asked for cannot be had on this machine."""


class Layers:
    """The isolation in force for one worker: what the worker does once, and what each child does.

    With ``own``, a folder that it may write to, it is that of a run: one process, which may read groundup's package.
    """

    def __init__(self, level: str, hidden: list[str], own: str | None = None) -> None:
        self.level, self.own = level, own
        self.hidden = [*hidden, *([] if own else [paths.package_folder()])]
        self.extra = [paths.package_folder()] if own else []
        self.landlock = landlock.abi() if level != "rlimits" else 0
        self.filter = level != "rlimits" and system.LINUX and system.KNOWN_MACHINE
        self.tree: namespaces.Tree | None = None
        self.why_no_namespaces: str | None = None
        self.rules: list[tuple[str, int]] = []

    # ── in the worker ────────────────────────────────────────────────────────

    def enter_early(self) -> None:
        """Before anything large is imported. May fork: then it returns in the new process only."""
        if self.level in ("landlock", "rlimits"):
            self.why_no_namespaces = f"the level was set to {self.level}"
            return
        self.why_no_namespaces = namespaces.available()
        if self.why_no_namespaces is None:
            namespaces.enter()
        elif self.level != "auto":
            raise NotGranted(f"namespaces are not granted here: {self.why_no_namespaces}")

    def enter_late(self) -> None:
        """After everything is imported: from here on the worker itself sees only what children may."""
        if self.why_no_namespaces is None:
            tree = namespaces.Tree(self.hidden, self.own, self.extra)
            self.why_no_namespaces = namespaces.attempt(lambda: _rehearse(tree))
            if self.why_no_namespaces is None:
                tree.enter()
                self.tree = tree
        if self.level in ("strict", "namespaces") and self.tree is None:
            raise NotGranted(f"namespaces are not granted here: {self.why_no_namespaces}")
        if self.level == "landlock" and not self.landlock:
            raise NotGranted("this kernel has no Landlock")
        self.rules = self._rules() if self.landlock else []
        if self.level == "strict" and self.isolation.lacks:
            raise NotGranted("not everything is enforced here: " + "; ".join(self.isolation.lacks))
        if system.LINUX:
            system.prctl(system.PR_SET_DUMPABLE, 0)  # no other process of the user may look into this one

    def _rules(self) -> list[tuple[str, int]]:
        """What Landlock allows, but for the child's own folder."""
        folders = self.tree.folders if self.tree else [*paths.readable_folders(self.hidden), *self.extra]
        rules = [(path, landlock.DEVICE) for path in paths.DEVICES] + [(path, landlock.READ) for path in paths.FILES]
        for folder in folders:
            if self.tree:
                rules.append((folder, landlock.READ))
                continue
            whole, listed = paths.around(folder, self.hidden)
            rules += [(path, landlock.READ) for path in whole] + [(path, landlock.LIST) for path in listed]
        if self.tree:
            rules.append(("/proc", landlock.READ))
        return rules

    @property
    def needs_folder(self) -> bool:
        """True where the judge has to give each child a folder, because there is no private tmpfs."""
        return self.tree is None

    def before_fork(self) -> None:
        if self.tree:
            self.tree.before_fork()

    def after_fork(self) -> None:
        if self.tree:
            self.tree.after_fork()

    # ── in each child ────────────────────────────────────────────────────────

    def isolate(self, limits: Limits) -> None:
        """Every layer, outermost first; from here on this process can only lose rights. Raises OSError."""
        in_use = rlimits.address_space()
        os.umask(0o077)
        with contextlib.suppress(OSError):
            os.setsid()
        if self.tree:
            self.tree.isolate(min(limits.files_bytes, _SCRATCH_BYTES))
        elif self.own:
            os.chdir(self.own)
        scratch = self.tree.scratch if self.tree else os.getcwd()
        os.environ.update(HOME=scratch, TMPDIR=scratch)
        if system.LINUX and system.KNOWN_MACHINE:
            system.drop_capabilities()
            system.no_new_privileges()
        if self.landlock:
            landlock.restrict([*self.rules, (".", landlock.OWN), (scratch, landlock.OWN)], self.landlock)
        rlimits.apply(limits, in_use)
        if self.filter:
            seccomp.apply(os.getpid(), files_too=self.tree is None)

    # ── what to say of it ────────────────────────────────────────────────────

    @property
    def isolation(self) -> Isolation:
        layers, lacks = [], []
        if self.tree:
            layers.append("namespaces: users, processes, files, network, IPC, host name")
        else:
            lacks.append(f"namespaces of its own ({self.why_no_namespaces}): other processes can be seen")
        if self.landlock:
            layers.append(f"Landlock (version {self.landlock}): files, TCP" + self._scopes())
        else:
            lacks.append("Landlock: " + ("" if self.tree else "your files can be read and changed by what you run"))
        if self.filter:
            layers.append("system-call filter")
        else:
            lacks.append("the filter on system calls: the network is reachable, new processes can be started")
        layers.append("limits on memory, time, files and output")
        if self.landlock and self.landlock < _SCOPES_SINCE and not self.tree:
            lacks.append("Landlock's scopes: abstract sockets are reachable")
        name = "namespaces" if self.tree else "landlock" if self.landlock and self.filter else "rlimits"
        return Isolation(name, layers, [lack.removesuffix(": ") for lack in lacks])

    def _scopes(self) -> str:
        return ", signals" if self.landlock >= _SCOPES_SINCE else ""


def _rehearse(tree: namespaces.Tree) -> None:
    """All that is done once and for each child, in a process to throw away."""
    tree.enter()
    tree.before_fork()
    problem = namespaces.attempt(lambda: tree.isolate(4096 * 16))
    if problem:
        raise OSError(problem)
