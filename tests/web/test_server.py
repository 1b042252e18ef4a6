"""The server as a process: where it listens, what it leaves on the disk, how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from groundup.study.home import Home
from groundup.web import server

PROGRAM = """
import importlib.util, sys
from pathlib import Path
spec = importlib.util.spec_from_file_location("fake", sys.argv[1])
fake = importlib.util.module_from_spec(spec)
spec.loader.exec_module(fake)
from groundup.study.home import Home
from groundup.web.server import run
study = fake.FakeStudy(Home(Path(sys.argv[2])), Path(sys.argv[3]))
try:
    run(study, port=int(sys.argv[4]), open_browser=False)
finally:
    study.close()
    print("closed", flush=True)
"""
FAKE = Path(__file__).with_name("fake.py")


def start(home: Path, curriculum: Path, port: int = 0) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, str(FAKE), str(home), str(curriculum), str(port)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def wait_for(home: Path, process: subprocess.Popen[str]) -> server.Running:
    """The server, once it answers."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        found = server.running(Home(home))
        if found is not None:
            return found
        time.sleep(0.05)
    process.kill()
    raise AssertionError(f"the server did not start: {process.communicate()[0]}")


@pytest.fixture
def running(tmp_path: Path, curriculum: Path) -> Iterator[tuple[subprocess.Popen[str], server.Running, Path]]:
    home = tmp_path / "home"
    process = start(home, curriculum)
    try:
        yield process, wait_for(home, process), home
    finally:
        end(process)


def get(url: str, **headers: str) -> tuple[int, str]:
    try:
        with build_opener(ProxyHandler({})).open(Request(url, headers=headers), timeout=20) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def test_it_serves_this_machine_and_leaves_its_address_to_its_owner_alone(running: Any) -> None:
    _, there, home = running
    path = home / ".groundup" / "server.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    told = json.loads(path.read_text())
    assert set(told) == {"url", "token", "pid"} and told["url"].startswith("http://127.0.0.1:")
    assert told["token"] not in told["url"]
    assert get(there.url + "/")[0] == 403
    status, page = get(there.first_url)
    assert status == 403 or "groundup" in page  # urllib keeps no cookie: the redirect lands without it
    assert get(there.url + "/", Authorization=f"Bearer {there.token}")[0] == 200
    headers = {"Authorization": f"Bearer {there.token}", "Host": "elsewhere.example"}
    assert get(there.url + "/", **headers)[0] == 421


def test_it_listens_nowhere_else(running: Any) -> None:
    _, there, _ = running
    port = int(there.url.rsplit(":", 1)[1])
    others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), port, socket.AF_INET)}
    for address in others | {"127.0.0.2"}:
        if address == "127.0.0.1":
            continue
        with socket.socket() as probe:
            probe.settimeout(5)
            assert probe.connect_ex((address, port)) != 0, address


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_it_ends_cleanly(running: Any, sign: signal.Signals) -> None:
    process, _, home = running
    process.send_signal(sign)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, out
    assert out.rstrip().endswith("closed")
    assert "everything is saved" in out
    assert not (home / ".groundup" / "server.json").exists()


def test_a_home_has_one_server(running: Any, curriculum: Path) -> None:
    process, there, home = running
    second = start(home, curriculum)
    out, _ = second.communicate(timeout=60)
    assert second.returncode == 0
    assert "already running" in out and there.first_url in out
    assert server.running(Home(home)) == there
    assert process.poll() is None


def test_a_server_that_was_killed_is_not_believed_in(running: Any, curriculum: Path) -> None:
    process, _, home = running
    end(process)
    assert (home / ".groundup" / "server.json").exists()
    assert server.running(Home(home)) is None
    again = start(home, curriculum)
    try:
        assert wait_for(home, again).pid == again.pid
    finally:
        end(again)


def test_a_port_that_is_taken_gives_way_to_a_free_one() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        listener = server.bind(taken.getsockname()[1])
        with listener:
            assert listener.getsockname()[0] == "127.0.0.1"
            assert listener.getsockname()[1] not in (0, taken.getsockname()[1])


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        "not json",
        '{"url": "http://elsewhere.example:1", "token": "t", "pid": 1}',
        '{"url": "http://127.0.0.1:1", "token": "t", "pid": 999999999}',
        '{"url": "http://127.0.0.1:1", "token": "t", "pid": 99999999999999999999999}',
        '{"url": 3, "token": null, "pid": "x"}',
    ],
)
def test_whatever_stands_in_the_file_only_a_server_that_answers_counts(tmp_path: Path, content: str) -> None:
    home = Home(tmp_path / "home")
    home.create()
    server.server_file(home).write_text(content)
    assert server.running(home) is None


def test_only_its_own_address_is_taken_away(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.create()
    ours = server.Running("http://127.0.0.1:1", "ours", os.getpid())
    theirs = server.Running("http://127.0.0.1:2", "theirs", os.getpid())
    server.write_server_file(home, ours)
    server.write_server_file(home, theirs)
    server.remove_server_file(home, ours)
    assert json.loads(server.server_file(home).read_text())["token"] == "theirs"
    server.remove_server_file(home, theirs)
    assert not server.server_file(home).exists()
    server.remove_server_file(home, theirs)
