"""The learner's code inside the child: loaded from memory as a real module, watched while a driver calls it.

What is watched (arguments changed in place, a result that shares memory with an argument, calls on a build's
``without`` list) is seen from within the process that the learner's code shares, which can therefore hide it. A learner
who does so cheats themselves of a remark; no verdict of "passed" rests on it.

Not protected against, on any platform: code that takes the watch apart. It loses hints and may slip past a ``without``
list; the value that it returns is judged all the same.
"""

from __future__ import annotations

import functools
import importlib
import importlib.abc
import importlib.util
import inspect
import linecache
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from importlib.machinery import ModuleSpec
from typing import Any

from groundup.study.check import raised, wire

_WATCHED_BYTES = 8 * 2**20
_CONSTANT = frozenset(
    (type(None), bool, int, float, complex, str, bytes, types.FunctionType, types.BuiltinFunctionType)
)


class ForbiddenCall(Exception):
    """A call on a build's ``without`` list. Catching it does not help: it has been noted."""


class BadName(ValueError):
    """A ``without`` list names something that is not there to be called: the topic's mistake, not the learner's."""


def module_path(name: str) -> str:
    return name.replace(".", "/") + ".py"


# ── loading ──────────────────────────────────────────────────────────────────


class Modules(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the learner's package in memory: the file that is checked and its siblings, and nothing on disk."""

    def __init__(self, module: str, path: str, source: bytes, siblings: dict[str, bytes]) -> None:
        self.sources = {**siblings, module: source}
        self.paths = {name: module_path(name) for name in siblings} | {module: path}
        self.packages = {name[:at] for name in self.sources for at in range(len(name)) if name[at] == "."}
        self.roots = {name.partition(".")[0] for name in self.sources}
        for name in self.packages & siblings.keys():
            self.paths[name] = name.replace(".", "/") + "/__init__.py"
        self.files = frozenset(self.paths.values())
        for name, content in self.sources.items():
            lines = content.decode("utf-8", "replace").splitlines(keepends=True)
            linecache.cache[self.paths[name]] = (len(content), None, lines, self.paths[name])

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> ModuleSpec | None:
        if name.partition(".")[0] not in self.roots or (name not in self.sources and name not in self.packages):
            return None
        spec = ModuleSpec(name, self, origin=self.paths.get(name), is_package=name in self.packages)
        spec.has_location = name in self.paths
        return spec

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: types.ModuleType) -> None:
        name = module.__name__
        if name in self.sources:
            code = compile(self.sources[name], self.paths[name], "exec", dont_inherit=True)
            exec(code, module.__dict__)


# ── what a build must be written without ─────────────────────────────────────


class Guard:
    """Replaces each callable on a ``without`` list; the replacement refuses while such a build is being called."""

    def __init__(self, without: dict[str, list[str]], path: str) -> None:
        self.without = {build: frozenset(names) for build, names in without.items()}
        self.path = path
        self.active: list[str] = []
        self.broken: str | None = None
        self.place: dict[str, Any] | None = None
        for dotted in sorted(set().union(*self.without.values())):
            self._replace(dotted)

    def _replace(self, dotted: str) -> None:
        owner, name = _owner(dotted)
        original = getattr(owner, name)
        if not callable(original):
            raise BadName(f"{dotted} cannot be called")
        try:
            if isinstance(original, type):
                # The class stays what it is, so that isinstance and subclasses work; making one is what is refused.
                original.__init__ = self._refusing(dotted, original.__init__)  # type: ignore[misc]
            else:
                setattr(owner, name, self._refusing(dotted, original))
        except (TypeError, AttributeError):
            raise BadName(f"{dotted} cannot be watched: it is built into Python") from None

    def _refusing(self, dotted: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def refusing(*arguments: Any, **named: Any) -> Any:
            for build in self.active:
                if dotted in self.without[build]:
                    self.note(dotted, build)
            return original(*arguments, **named)

        return functools.update_wrapper(refusing, original, updated=())

    def note(self, dotted: str, build: str) -> None:
        message = f"{build} is to be written without {dotted}"
        if self.broken is None:
            self.broken = dotted
            self.place = raised.here(message, "ForbiddenCall", self.path, sys._getframe(1))
        raise ForbiddenCall(message)

    def during(self, build: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, marked as this build while it runs; unchanged where the build may call what it likes."""
        if not self.without.get(build):
            return function

        @functools.wraps(function)
        def marked(*arguments: Any, **named: Any) -> Any:
            self.active.append(build)
            try:
                return function(*arguments, **named)
            finally:
                self.active.pop()

        return marked

    def during_methods(self, build: str, kind: type, module: str) -> None:
        """Mark the methods of a class (and of the learner's own classes beneath it), in place."""
        if not self.without.get(build):
            return
        for one in type.mro(kind):
            if one.__module__ != module:
                continue
            for name, method in list(vars(one).items()):
                if isinstance(method, types.FunctionType):
                    setattr(one, name, self.during(build, method))
                elif isinstance(method, (staticmethod, classmethod)):
                    setattr(one, name, type(method)(self.during(build, method.__func__)))


def _owner(dotted: str) -> tuple[Any, str]:
    """The module or class that holds the last name of a dotted path."""
    parts = dotted.split(".")
    for end in range(len(parts) - 1, 0, -1):
        try:
            owner: Any = importlib.import_module(".".join(parts[:end]))
        except ImportError:
            continue
        for name in parts[end:-1]:
            owner = getattr(owner, name, None)
        if hasattr(owner, parts[-1]):
            return owner, parts[-1]
        break
    raise BadName(f"there is no {dotted}")


# ── watching calls ───────────────────────────────────────────────────────────


class Notes:
    """What was seen during one driver's run."""

    def __init__(self) -> None:
        self.inputs_changed: list[str] = []
        self.aliased = False
        self.missing: dict[str, Any] | None = None
        self.out_of_memory: dict[str, Any] | None = None


class Builds:
    """The object that a driver knows as ``my``: exactly the topic's builds."""

    def __init__(self, found: dict[str, Any]) -> None:
        self.__dict__.update(found)


class Watch:
    """Makes ``my`` from the learner's module; ``notes`` is that of the driver being run."""

    def __init__(self, modules: Modules, path: str, guard: Guard) -> None:
        self.files, self.path, self.guard = modules.files, path, guard
        self.notes = Notes()

    def builds(self, module: types.ModuleType, names: list[str]) -> tuple[Builds, list[str]]:
        """The builds, and the names of those that are not there."""
        found: dict[str, Any] = {}
        missing: list[str] = []
        for name in names:
            value = vars(module).get(name)
            if isinstance(value, type):
                self.guard.during_methods(name, value, module.__name__)
                found[name] = value
            elif callable(value):
                found[name] = self.function(name, value)
            else:
                missing.append(name)
                found[name] = self.absent(name)
        return Builds(found), missing

    def absent(self, name: str) -> Callable[..., Any]:
        def absent(*arguments: Any, **named: Any) -> Any:
            message = f"{name} is not in the file"
            self.notes.missing = raised.here(message, "NotImplementedError", self.path, None)
            raise NotImplementedError(message)

        return absent

    def function(self, build: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The learner's function, its arguments compared before and after."""
        marked = self.guard.during(build, function)

        @functools.wraps(function)
        def watched(*arguments: Any, **named: Any) -> Any:
            before = _snapshots((*arguments, *named.values()))
            try:
                result = marked(*arguments, **named)
            except BaseException as error:
                self.saw(error)
                raise
            after = _snapshots((*arguments, *named.values()))
            changed = [at for at, one in enumerate(before) if one is not None and one != after[at]]
            if changed:
                names = _names(function, arguments, named)
                self.notes.inputs_changed += [names[at] for at in changed if names[at] not in self.notes.inputs_changed]
            if not self.notes.aliased:
                self.notes.aliased = _share_memory((*arguments, *named.values()), result)
            return result

        return watched

    def saw(self, error: BaseException) -> None:
        """Note an end that a driver might catch and return as a value."""
        if self.notes.missing is None and raised.not_written(error, self.files):
            self.notes.missing = raised.describe(error, self.path, self.files)
        elif self.notes.out_of_memory is None and raised.memory_ran_out(error):
            self.notes.out_of_memory = raised.describe(error, self.path, self.files)


def _snapshots(arguments: tuple[Any, ...]) -> list[bytes | None]:
    """The content of each argument as bytes (so that NaN equals itself); None for what cannot change in place, and for
    what is too large to watch."""
    left = _WATCHED_BYTES
    torch = sys.modules["torch"]
    found: list[bytes | None] = []
    for one in arguments:
        if type(one) in _CONSTANT or type(one) in (torch.Generator, torch.dtype):
            found.append(None)
            continue
        try:
            content = _plain_tensor(one, left) or wire.encode(one, max_bytes=left, max_items=50_000)
            found.append(content)
            left -= len(content)
        except Exception:
            found.append(None)
    return found


def _plain_tensor(value: Any, limit: int) -> bytes | None:
    """A tensor's dtype, shape and numbers, with fewer steps than :func:`wire.encode` takes; None for an unusual one."""
    torch = sys.modules["torch"]
    base = torch._C.TensorBase
    if type(value) not in (torch.Tensor, torch.nn.Parameter):
        return None
    dtype = base.dtype.__get__(value)
    if dtype not in (torch.float32, torch.float64, torch.int64) or base.layout.__get__(value) is not torch.strided:
        return None
    if base.device.__get__(value).type != "cpu" or not base.is_contiguous(value) or base.is_neg(value):
        return None
    width = base.element_size(value)
    size = base.numel(value) * width
    if size > limit or base.storage_offset(value) * width + size > base.untyped_storage(value).nbytes():
        return None
    shape = tuple(base.shape.__get__(value))
    head: bytes = repr((str(dtype), shape)).encode()
    return head + bytes(base.numpy(base.detach(value)).tobytes())


def _names(function: Callable[..., Any], arguments: tuple[Any, ...], named: dict[str, Any]) -> list[str]:
    """The parameter's name for each argument in order."""
    try:
        kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        known = [one.name for one in inspect.signature(function).parameters.values() if one.kind in kinds]
    except (TypeError, ValueError):
        known = []
    places = [known[at] if at < len(known) else f"argument {at + 1}" for at in range(len(arguments))]
    return [*places, *map(str, named)]


def _share_memory(arguments: Any, result: Any) -> bool:
    try:
        given = set(_storages(arguments))
        return any(one in given for one in _storages(result)) if given else False
    except Exception:
        return False


def _storages(value: Any, depth: int = 0) -> Iterator[int]:
    """Where the memory of each tensor or array in a value begins; items of lists and dicts included."""
    kind = type(value)
    torch = sys.modules["torch"]
    if kind is torch.Tensor or kind is torch.nn.Parameter:
        if value.layout is torch.strided and value.device.type == "cpu" and value.numel():
            yield value.untyped_storage().data_ptr()
    elif kind.__module__ == "numpy" and kind.__name__ == "ndarray" and value.size:
        base = value
        while type(base.base) is kind:
            base = base.base
        yield base.__array_interface__["data"][0]
    elif kind in (list, tuple, dict) and depth < 3:
        for item in list(value.values() if kind is dict else value)[:64]:
            yield from _storages(item, depth + 1)
