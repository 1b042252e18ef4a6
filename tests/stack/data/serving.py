"""A server on this machine that gives files well or badly, as it is told, and notes what it was asked."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BLOCK = 4096


class Server(ThreadingHTTPServer):
    """``plan`` says what is done with the next requests, one after the other; without one, they are served well.

    well; no range; wrong; long; other part; other size; cut N (bytes of the body, then the connection ends); hang N
    (bytes, then silence); slow N (seconds for each block); status CODE; later N (503 with Retry-After); redirect URL;
    to PATH (a redirect on this server). ``always`` is done with every request that no plan is for.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.plan: list[str] = []
        self.always = "well"
        self.asked: list[tuple[str, str | None]] = []
        """(path, Range) of every request."""
        self.ended = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def ranges(self) -> list[str | None]:
        return [one for _, one in self.asked]

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no error of the server."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        server = self.server
        wanted = self.headers.get("Range")
        server.asked.append((self.path, wanted))
        deed, _, how = (server.plan.pop(0) if server.plan else server.always).partition(" ")
        path = re.sub(r"^http://[^/]+", "", self.path)  # what a proxy is asked
        whole = server.files.get(path)
        if deed in ("status", "later") or whole is None:
            self._refuse(int(how) if deed == "status" else 503 if deed == "later" else 404, how)
        elif deed in ("redirect", "to"):
            self.send_response(302)
            self.send_header("Location", how if deed == "redirect" else server.url + how)
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self._give(whole, wanted, " ".join(filter(None, (deed, how))))

    def _refuse(self, code: int, wait: str) -> None:
        self.send_response(code)
        if code == 503 and wait:
            self.send_header("Retry-After", wait)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"oops")

    def _give(self, whole: bytes, wanted: str | None, deed: str) -> None:
        size = len(whole)
        begin = int(wanted[6:-1]) if wanted and deed != "no range" else 0
        if begin >= size:
            self._refuse(416, "")
            return
        body = whole[begin:]
        if deed == "wrong":
            body = bytes(255 - one for one in body)
        if deed == "long":
            body += b"!"
        self.send_response(206 if begin else 200)
        if begin:
            first = begin + 1 if deed == "other part" else begin
            total = size + 5 if deed == "other size" else size
            self.send_header("Content-Range", f"bytes {first}-{size - 1}/{total}")
        if deed != "long":
            self.send_header("Content-Length", str(len(body) + (5 if deed == "other size" else 0)))
        self.end_headers()
        verb, _, number = deed.partition(" ")
        if verb in ("cut", "hang"):
            self.wfile.write(body[: int(number)])
            self.wfile.flush()
            if verb == "hang":
                self.server.ended.wait(20)
        elif verb == "slow":
            for at in range(0, len(body), BLOCK):
                self.wfile.write(body[at : at + BLOCK])
                self.wfile.flush()
                time.sleep(float(number))
        else:
            self.wfile.write(body)


@contextlib.contextmanager
def serving() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()
