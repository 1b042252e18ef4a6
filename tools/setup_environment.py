#!/usr/bin/env python3
"""Make the project's own virtual environment: ``python3 tools/setup_environment.py [--extra labs|test]``.

Only the standard library is used. What it does is said before it is done, with the time that it takes. On Linux
without an NVIDIA driver PyTorch's CPU build is taken, because the default wheel brings gigabytes of CUDA with it: from
``TORCH_WHEEL`` (a wheel file), else from a place that pip is configured with, else from PyTorch's own CPU index. Where
none of these can be had it stops and says so; ``GROUNDUP_ALLOW_CUDA=1`` takes the large build all the same.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TORCH = "torch>=2.9,<2.14"
PYTORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"
OLDEST, NEWEST = (3, 11), (3, 13)


def say(text: str) -> None:
    print(f"[groundup] {text}", flush=True)


def stop(text: str) -> None:
    print(f"[groundup] {text}", file=sys.stderr, flush=True)
    raise SystemExit(1)


def has_nvidia() -> bool:
    """A driver is what matters: a card without one cannot be used by PyTorch either."""
    return Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None


def reachable(url: str) -> bool:
    try:
        with urllib.request.urlopen(urllib.request.Request(url + "/torch/", method="HEAD"), timeout=8) as answer:
            return bool(answer.status < 400)
    except (urllib.error.URLError, OSError, ValueError):
        return False


def pip(python: Path, *words: str, environment: dict[str, str] | None = None) -> None:
    command = [str(python), "-m", "pip", "install", "--disable-pip-version-check", *words]
    if not sys.stdout.isatty():
        command += ["--progress-bar", "off", "--quiet"]
    done = subprocess.run(command, env={**os.environ, **(environment or {})}, cwd=ROOT, check=False)
    if done.returncode:
        stop(f"pip failed (exit {done.returncode}); the command was: {' '.join(command)}")


def would_install(python: Path, requirement: str) -> list[tuple[str, str]] | None:
    """Names and versions that pip would bring in with its present configuration, or None where it cannot tell."""
    command = [str(python), "-m", "pip", "install", "--dry-run", "--quiet", "--report", "-", requirement]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    if done.returncode:
        return None
    start = done.stdout.find("{")
    if start < 0:
        return None
    found = json.loads(done.stdout[start:])["install"]
    return [(item["metadata"]["name"].lower(), item["metadata"]["version"]) for item in found]


def has_torch(python: Path) -> bool:
    probe = (
        "import importlib.metadata as m\n"
        "v = tuple(int(x) for x in m.version('torch').split('+')[0].split('.')[:2])\n"
        "raise SystemExit(not ((2, 9) <= v < (2, 14)))"
    )
    return subprocess.run([str(python), "-c", probe], capture_output=True, check=False).returncode == 0


def install_torch(python: Path) -> None:
    if has_torch(python):
        say("PyTorch is there already.")
        return
    wheel = os.environ.get("TORCH_WHEEL")
    if wheel:
        say(f"PyTorch from the wheel {wheel}")
        pip(python, wheel)
        return
    if sys.platform != "linux" or has_nvidia() or os.environ.get("GROUNDUP_ALLOW_CUDA") == "1":
        say("PyTorch, the default build for this machine (0.2 GB on a Mac, several GB with CUDA) …")
        pip(python, TORCH)
        return
    planned = would_install(python, TORCH)
    if planned is not None and not any(name.startswith("nvidia") or name == "triton" for name, _ in planned):
        version = next(version for name, version in planned if name == "torch")
        say(f"PyTorch {version}, a CPU build that pip finds by itself (about 0.2 GB, one minute) …")
        pip(python, TORCH)
    elif reachable(PYTORCH_CPU_INDEX):
        say("No NVIDIA driver here: PyTorch's CPU build from its own index (about 0.2 GB, one to three minutes) …")
        pip(python, TORCH, environment={"PIP_INDEX_URL": PYTORCH_CPU_INDEX})
    else:
        stop(
            "No NVIDIA driver here, and PyTorch's CPU index cannot be reached; the default wheel would bring gigabytes "
            "of CUDA.\n  Either  TORCH_WHEEL=/path/to/torch-….whl make start   (a CPU wheel that you downloaded)\n"
            "  or      GROUNDUP_ALLOW_CUDA=1 make start              (take the large build)"
        )


def wanted(extra: str | None) -> str:
    """What the environment was made from: when none of it changed there is nothing to do."""
    digest = hashlib.sha256(f"{sys.version}|{extra}|{ROOT}".encode())
    for name in ("pyproject.toml", "hatch_build.py", "package.json", "package-lock.json", "tools/setup_environment.py"):
        path = ROOT / name
        digest.update(path.read_bytes() if path.exists() else b"-")
    assets = ROOT / "src" / "groundup" / "web" / "assets"
    for path in sorted(assets.rglob("*")):
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--extra", choices=["labs", "test"], default=None)
    parser.add_argument("--venv", type=Path, default=ROOT / ".venv")
    options = parser.parse_args()
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        stop(
            f"Python {OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]} is needed; this is {platform.python_version()}."
            " Name another with  PYTHON=python3.11 make start"
        )
    if sys.platform == "win32":
        stop("On Windows use WSL (https://learn.microsoft.com/windows/wsl/install), then the same commands there.")
    python = options.venv / "bin" / "python"
    stamp = options.venv / f".groundup-{options.extra or 'base'}"
    goal = wanted(options.extra)
    if python.exists() and stamp.exists() and stamp.read_text() == goal:
        return
    began = time.monotonic()
    if not python.exists():
        say(f"Making the environment {options.venv.name} (a few seconds) …")
        venv.create(options.venv, with_pip=True, symlinks=True)
    install_torch(python)
    extra = f"[{options.extra}]" if options.extra else ""
    say(f"groundup{extra} and what it needs (one to three minutes the first time; builds the page's assets) …")
    # Pages work without assets, so a failed asset build must be loud where tests rely on it, and only there.
    pip(python, "-e", f".{extra}", environment={"GROUNDUP_REQUIRE_ASSETS": "1"} if options.extra == "test" else {})
    stamp.write_text(goal)
    say(f"Ready after {time.monotonic() - began:.0f} s.")


if __name__ == "__main__":
    main()
