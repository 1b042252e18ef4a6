"""A file arrives whole or not at all, goes on where it was cut off, and everything that goes wrong is said in words."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from groundup.stack.data import download
from groundup.stack.data.download import DownloadError, Patience, download_file

CONTENT = random.Random(0).randbytes(300_001)  # several blocks, and no multiple of one
SUM = hashlib.sha256(CONTENT).hexdigest()
PATH = "/owner/name/commit/data/train.csv"


class Waits:
    """A clock for which no time passes, and what was waited."""

    def __init__(self) -> None:
        self.all: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.all.append(seconds)


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
def target(tmp_path: Path, server: Any) -> Path:
    server.files[PATH] = CONTENT
    return tmp_path / "sets" / "train.csv"


def fetch(server: Any, target: Path, waits: Waits, **more: Any) -> list[int]:
    """What was told of the progress."""
    told: list[int] = []
    patience = Patience(timeout=more.pop("timeout", 5.0), sleep=waits, **more)
    download_file(server.url + PATH, target, len(CONTENT), SUM, progress=told.append, patience=patience)
    return told


def part(target: Path) -> Path:
    return target.with_name(target.name + ".part")


def test_it_arrives_whole_and_is_not_fetched_again(server: Any, target: Path, waits: Waits) -> None:
    told = fetch(server, target, waits)
    assert target.read_bytes() == CONTENT
    assert (told[0], told[-1], sorted(told)) == (0, len(CONTENT), told)
    assert len(told) > 4
    assert [one.name for one in target.parent.iterdir()] == [target.name]
    assert fetch(server, target, waits) == [len(CONTENT)]
    assert server.asked == [(PATH, None)]
    target.write_bytes(CONTENT[:-1] + b"x")
    fetch(server, target, waits)
    assert target.read_bytes() == CONTENT, "what is there and wrong is fetched again"


@pytest.mark.parametrize("cuts", [(1,), (100_000,), (100_000, 0, 100_000), (0, 0, 0, 0)])
def test_a_cut_connection_is_gone_on_with(server: Any, target: Path, waits: Waits, cuts: tuple[int, ...]) -> None:
    server.plan = [f"cut {one}" for one in cuts]
    fetch(server, target, waits)
    assert target.read_bytes() == CONTENT
    begins = [sum(cuts[:at]) for at in range(len(cuts) + 1)]
    assert server.ranges == [f"bytes={one}-" if one else None for one in begins]
    assert len(waits.all) == len(cuts)


def test_waits_grow_while_nothing_comes_and_end(server: Any, target: Path, waits: Waits) -> None:
    server.plan = ["cut 1000"]
    server.always = "status 500"
    with pytest.raises(DownloadError, match=r"500 .*1000 of 300001 bytes are kept.*GROUNDUP_DATA"):
        fetch(server, target, waits, tries=4, wait=0.25)
    assert waits.all == [0.25, 0.5, 1.0, 2.0]
    assert not target.exists()
    assert part(target).read_bytes() == CONTENT[:1000]
    server.always = "well"
    fetch(server, target, waits)
    assert target.read_bytes() == CONTENT
    assert server.ranges[-1] == "bytes=1000-"


def test_a_server_that_gives_a_byte_at_a_time_does_not_hold_us_for_ever(
    server: Any, target: Path, waits: Waits
) -> None:
    server.always = "cut 1"
    with pytest.raises(DownloadError, match="7 of 300001 bytes are kept"):
        fetch(server, target, waits, most=7)
    assert len(server.asked) == 7


@pytest.mark.parametrize("code", [408, 425, 429, 500, 502, 503, 504])
def test_what_passes_by_itself_is_tried_again(server: Any, target: Path, waits: Waits, code: int) -> None:
    server.plan = [f"status {code}", f"status {code}"]
    fetch(server, target, waits)
    assert target.read_bytes() == CONTENT
    assert len(server.asked) == 3


def test_a_server_says_how_long_to_wait_but_not_for_ever(server: Any, target: Path, waits: Waits) -> None:
    server.plan = ["later 7", "later 100000", "later soon"]
    fetch(server, target, waits)
    assert waits.all == [7.0, 60.0, 4.0]


@pytest.mark.parametrize(("code", "mend"), [(404, "newer groundup"), (403, "another network"), (400, "in a browser")])
def test_what_does_not_pass_is_said_at_once(server: Any, target: Path, waits: Waits, code: int, mend: str) -> None:
    server.plan = [f"status {code}"]
    with pytest.raises(DownloadError, match=f"answers {code}.*{mend}"):
        fetch(server, target, waits)
    assert len(server.asked) == 1
    assert waits.all == []


def test_a_server_without_ranges_sends_all_again(server: Any, target: Path, waits: Waits) -> None:
    server.plan = ["cut 200000", "no range"]
    told = fetch(server, target, waits)
    assert target.read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=200000-"]
    assert min(told[told.index(200_000) + 1 :]) == 0


@pytest.mark.parametrize("deed", ["wrong", "long", "other size"])
def test_wrong_bytes_are_deleted_and_said(server: Any, target: Path, waits: Waits, deed: str) -> None:
    server.always = deed
    with pytest.raises(DownloadError, match=r"(its SHA-256 is|it has).*It was deleted.*login page"):
        fetch(server, target, waits)
    assert list(target.parent.iterdir()) == []
    assert len(server.asked) == 2, "once more from the beginning, then no more"


@pytest.mark.parametrize("deed", ["wrong", "other part", "other size", "status 416"])
def test_a_part_that_does_not_fit_begins_anew(server: Any, target: Path, waits: Waits, deed: str) -> None:
    server.plan = ["cut 1000", deed]
    fetch(server, target, waits)
    assert target.read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=1000-", None]


def test_a_file_that_is_shorter_there_is_refused(server: Any, target: Path, waits: Waits) -> None:
    server.files[PATH] = CONTENT[:1000]
    server.plan = ["cut 1000"]
    with pytest.raises(DownloadError, match="it has 1000 bytes, and not 300001"):
        fetch(server, target, waits)


@pytest.mark.parametrize("old", [b"garbage" * 100, CONTENT + b"more", CONTENT[:-1] + b"x", CONTENT])
def test_any_old_part_leads_to_the_right_file(server: Any, target: Path, waits: Waits, old: bytes) -> None:
    target.parent.mkdir()
    part(target).write_bytes(old)
    fetch(server, target, waits)
    assert target.read_bytes() == CONTENT
    assert bool(server.asked) == (old != CONTENT), "a whole part needs no server"


def test_silence_is_not_waited_for_without_end(server: Any, target: Path, waits: Waits) -> None:
    server.plan = ["hang 5000"]
    fetch(server, target, waits, timeout=0.3)
    assert target.read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=5000-"]
    server.always = "hang 0"
    target.unlink()
    with pytest.raises(DownloadError, match="said nothing for too long"):
        fetch(server, target, waits, timeout=0.2, tries=2)


# ── from whom ────────────────────────────────────────────────────────────────


def test_redirects_to_the_same_server_are_followed_with_the_range(server: Any, target: Path, waits: Waits) -> None:
    server.files["/elsewhere"] = CONTENT
    server.plan = ["to /elsewhere", "cut 70000", "to /elsewhere"]
    fetch(server, target, waits)
    assert target.read_bytes() == CONTENT
    assert server.asked[-1] == ("/elsewhere", "bytes=70000-")


def test_redirects_to_http_elsewhere_are_refused(server: Any, target: Path, waits: Waits) -> None:
    port = server.server_address[1]
    server.plan = [f"redirect http://localhost:{port}{PATH}"]
    with pytest.raises(DownloadError, match=r"redirects to http://localhost.* not https: refused"):
        fetch(server, target, waits)
    assert len(server.asked) == 1
    handler = download._Redirects()
    asked = urllib.request.Request("https://example.org/file")
    with pytest.raises(DownloadError, match="refused"):
        handler.redirect_request(asked, None, 302, "Found", None, "http://example.org/file")  # type: ignore[arg-type]
    followed = handler.redirect_request(asked, None, 302, "Found", {}, "https://other.example.org/file")  # type: ignore[arg-type]
    assert followed is not None
    assert followed.full_url == "https://other.example.org/file"


@pytest.fixture
def secure(server: Any, tmp_path: Path) -> Path:
    """The server speaks TLS, with a certificate of its own, whose file this is."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    words = f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {key} -out {certificate}"
    names = ["-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*words.split(), *names], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    return certificate


def test_https_is_checked_and_never_left(
    server: Any, secure: Path, target: Path, waits: Waits, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = server.url.replace("http:", "https:") + PATH
    patience = Patience(sleep=waits)
    with pytest.raises(DownloadError, match=r"certificate is not trusted here .*SSL_CERT_FILE"):
        download_file(address, target, len(CONTENT), SUM, patience=patience)
    assert waits.all == []
    monkeypatch.setenv("SSL_CERT_FILE", str(secure))
    server.plan = [f"redirect {server.url}{PATH}"]
    with pytest.raises(DownloadError, match="which is not https: refused"):
        download_file(address, target, len(CONTENT), SUM, patience=patience)
    server.plan = ["cut 5000"]
    download_file(address, target, len(CONTENT), SUM, patience=patience)
    assert target.read_bytes() == CONTENT
    assert server.ranges == [None, None, "bytes=5000-"]


def test_endless_redirects_end(server: Any, target: Path, waits: Waits) -> None:
    server.always = f"to {PATH}"
    with pytest.raises(DownloadError, match="302"):
        fetch(server, target, waits)
    assert len(server.asked) < 20


@pytest.mark.parametrize(
    "url", ["http://example.org/x", "ftp://127.0.0.1/x", "file:///etc/passwd", "train.csv", "", "https://[x"]
)
def test_other_addresses_are_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="no https address"):
        download_file(url, tmp_path / "x", 1, "0" * 64)
    assert list(tmp_path.iterdir()) == []


def test_without_a_connection_the_mend_is_said(
    server: Any, tmp_path: Path, waits: Waits, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(DownloadError, match=r"refused\. Without a connection: .* GROUNDUP_DATA"):
        download_file(f"http://127.0.0.1:{port}/x", tmp_path / "x", 1, SUM, patience=Patience(sleep=waits))
    assert len(waits.all) == 4

    def unknown(*given: object, **more: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(DownloadError, match="no connection to the Internet"):
        download_file("https://nowhere.invalid/x", tmp_path / "x", 1, SUM, patience=Patience(sleep=waits))


def test_a_proxy_of_the_environment_is_used(
    server: Any, target: Path, waits: Waits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", server.url)
    download_file(f"http://127.0.0.1:9{PATH}", target, len(CONTENT), SUM, patience=Patience(sleep=waits))
    assert server.asked == [(f"http://127.0.0.1:9{PATH}", None)]
    target.unlink()
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    fetch(server, target, waits)
    assert server.asked[-1] == (PATH, None)


# ── the disk and the process ─────────────────────────────────────────────────


def test_too_little_room_is_known_before(
    server: Any, target: Path, waits: Waits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 1000})())
    with pytest.raises(DownloadError, match="room for 1000 bytes, and 300001 are needed"):
        fetch(server, target, waits)
    assert server.asked == []
    part(target).write_bytes(CONTENT[:-1000])
    fetch(server, target, waits)
    assert target.read_bytes() == CONTENT


FULL = """
import resource, sys
from pathlib import Path
from groundup.stack.data.download import DownloadError, download_file
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
url, target, size, sha256, then = sys.argv[1:]
for limit in (100_000, int(then)):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        download_file(url, Path(target), int(size), sha256)
    except DownloadError as error:
        print(error)
"""


def test_a_disk_that_fills_up_is_said_and_loses_nothing(server: Any, target: Path) -> None:
    """The kernel itself refuses to write beyond a limit, as it does on a full disk."""
    words = [server.url + PATH, str(target), str(len(CONTENT)), SUM, "1000000"]
    done = subprocess.run([sys.executable, "-c", FULL, *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "no room for train.csv of 300001 bytes" in done.stdout
    assert len(done.stdout.splitlines()) == 1
    assert target.read_bytes() == CONTENT
    kept = int(server.ranges[1].removeprefix("bytes=").removesuffix("-"))
    assert 0 < kept <= 100_000


def test_a_folder_that_cannot_be_written_to_is_named(server: Any, tmp_path: Path, waits: Waits) -> None:
    (tmp_path / "file").write_text("in the way")
    server.files[PATH] = CONTENT
    with pytest.raises(DownloadError, match=r"cannot be written.*another folder"):
        fetch(server, tmp_path / "file" / "train.csv", waits)


ALONE = """
import sys
from pathlib import Path
from groundup.stack.data.download import download_file
download_file(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
"""


def test_a_killed_download_goes_on(server: Any, target: Path, waits: Waits) -> None:
    server.always = "slow 0.05"
    words = [server.url + PATH, str(target), str(len(CONTENT)), SUM]
    process = subprocess.Popen([sys.executable, "-c", ALONE, *words])
    try:
        deadline = time.monotonic() + 60
        while not (part(target).exists() and part(target).stat().st_size > 20_000):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
    assert not target.exists()
    have = part(target).stat().st_size
    assert 20_000 < have < len(CONTENT)
    server.always = "well"
    fetch(server, target, waits)
    assert target.read_bytes() == CONTENT
    assert server.ranges == [None, f"bytes={have}-"]
