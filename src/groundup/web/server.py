"""Runs the page on this machine: binds 127.0.0.1 only, leaves its address for the terminal, ends cleanly.

``<home>/.groundup/server.json`` (readable by its owner alone) holds address, token and process while the server runs.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import sys
import threading
import webbrowser
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import ProxyHandler, Request, build_opener

import uvicorn

from groundup.web.app import create_app

if TYPE_CHECKING:
    from groundup.study.home import Home
    from groundup.study.service import Study

ADDRESS = "127.0.0.1"
PORT = 8123
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Running:
    """A server that answers: its address without the token, the token, its process."""

    url: str
    token: str
    pid: int

    @property
    def first_url(self) -> str:
        return self.address("/")

    def address(self, page: str) -> str:
        """A page's address for a browser that has not been here yet."""
        return f"{self.url}{page}?token={self.token}"


def server_file(home: Home) -> Path:
    return home.state / "server.json"


def running(home: Home) -> Running | None:
    """The server of this home, if it is there and answers to its token."""
    try:
        told = json.loads(server_file(home).read_text(encoding="utf-8"))
        server = Running(str(told["url"]), str(told["token"]), int(told["pid"]))
        if not server.url.startswith(f"http://{ADDRESS}:"):
            return None
        os.kill(server.pid, 0)
        request = Request(server.url + "/api/ready", headers={"Authorization": f"Bearer {server.token}"})
        # No proxy of the environment may come between a terminal and its own machine.
        with build_opener(ProxyHandler({})).open(request, timeout=2) as answer:
            return server if answer.status == 200 else None
    except (OSError, ValueError, KeyError, TypeError, OverflowError, URLError):
        return None


def bind(port: int) -> socket.socket:
    """A listening place on this machine only: the port asked for, else a free one."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((ADDRESS, port))
    except (OSError, OverflowError):
        try:
            listener.bind((ADDRESS, 0))
        except OSError:
            listener.close()
            raise
    return listener


def write_server_file(home: Home, server: Running) -> None:
    """Whole or not at all, and never readable by others, not even for a moment."""
    path = server_file(home)
    part = path.with_name(f".server-{os.getpid()}.json")
    with contextlib.suppress(FileNotFoundError):
        part.unlink()
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(asdict(server), file)
    part.replace(path)


def remove_server_file(home: Home, server: Running) -> None:
    """Only our own: another server may have begun meanwhile."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        if json.loads(server_file(home).read_text(encoding="utf-8")).get("token") == server.token:
            server_file(home).unlink()


class Server(uvicorn.Server):
    """Ends on the usual signals and then returns, so that what follows (closing the study) happens."""

    def __init__(self, config: uvicorn.Config, started: threading.Event) -> None:
        super().__init__(config)
        self._announce = started

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {one: signal.signal(one, self.handle_exit) for one in ENDING}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._announce.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Streams that watch a run would otherwise be waited for, and then cut off.
        self.config.app.state.ending = True  # type: ignore[union-attr]
        await super().shutdown(sockets)


def run(study: Study, port: int = PORT, open_browser: bool = True) -> None:
    """Serve until interrupted. A home has one server: where one runs already, its page is opened instead."""
    there = running(study.home)
    if there is not None:
        print(f"groundup is already running:\n\n    {there.first_url}\n", flush=True)
        if open_browser:
            webbrowser.open(there.first_url)
        return
    listener = bind(port)
    bound = listener.getsockname()[1]
    server = Running(f"http://{ADDRESS}:{bound}", secrets.token_urlsafe(32), os.getpid())
    config = uvicorn.Config(
        create_app(study, server.token),
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=3,
        ws="none",
    )
    started = threading.Event()
    address = server.address("/first" if study.fresh else "/")
    write_server_file(study.home, server)
    threading.Thread(target=_announce, args=(address, started, port, bound, open_browser), daemon=True).start()
    try:
        Server(config, started).run(sockets=[listener])
    finally:
        remove_server_file(study.home, server)
        listener.close()
    print("groundup has ended; everything is saved.", flush=True)


def _announce(address: str, started: threading.Event, wanted: int, bound: int, open_browser: bool) -> None:
    """Say the address once it answers, and open it."""
    if not started.wait(timeout=60):
        return
    if wanted not in (0, bound):
        print(f"Port {wanted} is taken, so this is port {bound}.", file=sys.stderr)
    print(f"groundup is open at\n\n    {address}\n\nOnly this machine can reach it. Ctrl+C ends it.", flush=True)
    if open_browser:
        webbrowser.open(address)
