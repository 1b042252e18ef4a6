"""A home, its progress, and verdicts to record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from groundup.study.check.verdict import BuildVerdict, Failure, Kind, Receipt, Verdict
from groundup.study.home import Home
from groundup.study.progress.store import Progress

MakeVerdict = Callable[..., Verdict]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def progress(home: Home) -> Iterator[Progress]:
    with Progress(home) as progress:
        yield progress


def _verdict(
    builds: dict[str, Kind],
    *,
    topic: str = "vectors",
    check_version: int = 1,
    sha256: str = "a" * 64,
    seed: int = 7,
    message: str = "the sum is missing",
    printed: str = "",
) -> Verdict:
    failed = [kind for kind in builds.values() if kind != "passed"]
    return Verdict(
        topic=topic,
        kind=failed[0] if failed else "passed",
        builds=[
            BuildVerdict(
                build=name,
                kind=kind,
                cases=3,
                passed=3 if kind == "passed" else 1,
                failure=None
                if kind in ("passed", "missing")
                else Failure(
                    case="small", title="small vectors", message=message, misconceptions=["no_sum"], hint="Sum."
                ),
            )
            for name, kind in builds.items()
        ],
        receipt=Receipt(
            path="mine/mathematics/vectors.py",
            sha256=sha256,
            check_version=check_version,
            seed=seed,
            isolation="namespaces",
            groundup="0.1.0",
            seconds=0.1,
        ),
        printed=printed,
    )


@pytest.fixture
def verdict() -> MakeVerdict:
    """``verdict({"dot": "passed"}, check_version=2, …)``."""
    return _verdict
