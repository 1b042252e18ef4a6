"""The page over a small study, as a client sees it: with its cookie, and without."""

from __future__ import annotations

import importlib.util
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from starlette.testclient import TestClient

from groundup.study.home import Home
from groundup.web.app import create_app
from groundup.web.server import Server, bind

TOKEN = "a-token-of-the-tests-0123456789"
BASE = "http://127.0.0.1:8123"
HERE = Path(__file__).parent


def _load(name: str) -> ModuleType:
    """A module beside this one; test folders are no packages."""
    spec = importlib.util.spec_from_file_location(f"web_{name}", HERE / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = sys.modules.setdefault(spec.name, importlib.util.module_from_spec(spec))
    if not hasattr(module, "__loaded__"):
        spec.loader.exec_module(module)
        module.__loaded__ = True  # type: ignore[attr-defined]
    return module


@pytest.fixture(scope="session")
def fake() -> ModuleType:
    return _load("fake")


@pytest.fixture(scope="session")
def curriculum(fake: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = fake.write_curriculum(tmp_path_factory.mktemp("curriculum"))
    return folder


@pytest.fixture
def study(fake: ModuleType, curriculum: Path, tmp_path: Path) -> Iterator[Any]:
    study = fake.FakeStudy(Home(tmp_path / "home"), curriculum)
    yield study
    study.close()


@pytest.fixture
def app(study: Any, fake: ModuleType) -> FastAPI:
    return create_app(study, TOKEN, figure=fake.draw)


@pytest.fixture
def stranger(app: FastAPI) -> Iterator[TestClient]:
    """A client without the cookie; it follows no redirect and sees a failure as a browser would."""
    with TestClient(app, base_url=BASE, follow_redirects=False, raise_server_exceptions=False) as client:
        client.headers["accept"] = "text/html"
        yield client


@pytest.fixture
def client(stranger: TestClient) -> TestClient:
    """A client that came in through the first address, and whose requests come from our own page."""
    assert stranger.get("/", params={"token": TOKEN}).status_code == 303
    stranger.headers.update({"origin": BASE, "sec-fetch-site": "same-origin"})
    return stranger


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """The application on a real port of this machine, in a thread; its address."""
    listener = bind(0)
    started = threading.Event()
    config = uvicorn.Config(app, log_level="error", access_log=False, timeout_graceful_shutdown=2, ws="none")
    server = Server(config, started)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        assert started.wait(timeout=60)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=20)
        listener.close()
        assert not thread.is_alive()


@pytest.fixture
def serving_at() -> Callable[[FastAPI], Any]:
    """For tests that need several servers, one after the other."""
    return serving


@pytest.fixture
def serve() -> Callable[[Any], Any]:
    """The page over a study of the test's own, on a real port, as a context."""
    return lambda study: serving(create_app(study, TOKEN, warm=False))


# ── a browser ────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with _load("visitor").chromium() as launched:
        yield launched


@pytest.fixture
def visit_at(browser: Any) -> Iterator[Callable[..., Any]]:
    """A visitor at a server, come in through its first address; at the end, nothing may have been amiss."""
    visitors: list[Any] = []

    def visit_at(base: str, **options: Any) -> Any:
        visitor = _load("visitor").Visitor(browser, base, **options)
        visitors.append(visitor)
        visitor.open(f"/?token={TOKEN}")
        return visitor

    yield visit_at
    for visitor in visitors:
        visitor.end()


@pytest.fixture
def visit(visit_at: Callable[..., Any], app: FastAPI) -> Iterator[Callable[..., Any]]:
    """A visitor at the small study."""
    with serving(app) as base:
        yield lambda **options: visit_at(base, **options)


@pytest.fixture(scope="module")
def real_study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The real study over the real curriculum, checker and all."""
    from groundup.study.service import Study

    study = Study(Home(tmp_path_factory.mktemp("home") / "groundup"))
    yield study
    study.close()


@pytest.fixture(scope="module")
def real_base(real_study: Any) -> Iterator[str]:
    with serving(create_app(real_study, TOKEN)) as base:
        yield base


@pytest.fixture
def visit_real(visit_at: Callable[..., Any], real_base: str) -> Callable[..., Any]:
    return lambda **options: visit_at(real_base, **options)
