"""Fetching a pinned file over HTTP, so that it arrives whole or not at all, and goes on where it was cut off.

    file.part ── Range: bytes=have- ──► 206: append    200: from the beginning    416: from the beginning
              ── SHA-256 while reading ──► size and checksum right ── fsync ── rename ──► file
                                           wrong: file.part is deleted, and once more from the beginning, then an error

What passes by itself is tried again, after longer and longer waits: cut connections, timeouts, 408, 425, 429 and 5xx.
What does not is said at once: 404 and its like, a redirect away from https, a full disk. Proxies and certificates
are those that the environment names (https_proxy, no_proxy, SSL_CERT_FILE).

The checksum decides what is kept; from whom the bytes came does not matter then. HTTP: RFC 9110, sections 14 and 15.
"""

from __future__ import annotations

import errno
import hashlib
import http.client
import os
import re
import shutil
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

PART = ".part"
BLOCK = 1 << 16
_PASSING = {408, 425, 429}  # and every 5xx
_LONGEST_WAIT = 60.0
_LOCAL = {"127.0.0.1", "::1", "localhost"}
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

Progress = Callable[[int], None]
"""Told how many bytes of the file are there; fewer than before where it begins anew."""


class DownloadError(Exception):
    """A file that could not be had, with the reason and the mend in words for whoever wanted it."""


class _Passing(Exception):
    """What may be otherwise at the next try; ``wait`` is what the server asked for, in seconds."""

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


class _Damaged(Exception):
    """What has arrived is not what was pinned."""


@dataclass(frozen=True)
class Patience:
    """How long to wait (seconds) for the server to say something; how many tries in a row may bring nothing new, how
    many there may be at all, and the first wait between two, which doubles each time."""

    timeout: float = 30.0
    tries: int = 5
    most: int = 100
    wait: float = 0.5
    sleep: Callable[[float], None] = field(default=time.sleep)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Redirects are followed to https only, or to the very server that was asked."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:  # fmt: skip
        old, new = urlsplit(req.full_url), urlsplit(newurl)
        same = (old.scheme, old.netloc) == (new.scheme, new.netloc)
        if new.scheme != "https" and not same:
            raise DownloadError(
                f"{req.full_url} redirects to {newurl}, which is not https: refused. If a login page of your network "
                "does that, log in and try again"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def check_address(url: str) -> None:
    """Raises DownloadError for anything but https, or http to this very machine."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise DownloadError(f"{url} is no https address: {error}") from None
    if not (parts.hostname and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOCAL))):
        raise DownloadError(f"{url} is no https address: name one (http is for this machine, 127.0.0.1, alone)")


def download_file(
    url: str,
    target: Path,
    size: int,
    sha256: str,
    *,
    progress: Progress = lambda done: None,
    patience: Patience | None = None,
) -> None:
    """The file of this size (bytes) and checksum at ``url``, as ``target``; what is there and right stays.

    What has arrived stays in ``target`` + ".part" when something ends the download, be it SIGKILL, and the next call
    goes on from there. Two processes must not fetch the same target at once (the caller's lock). Raises DownloadError.
    """
    check_address(url)
    patience = patience or Patience()
    if target.is_file() and file_checksum(target) == (size, sha256):
        progress(size)
        return
    part = target.with_name(target.name + PART)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _require_room(target.parent, size - (part.stat().st_size if part.exists() else 0))
        _fetch(url, part, size, sha256, progress, patience)
        os.replace(part, target)
        sync_folder(target.parent)
    except OSError as error:
        raise _disk_error(error, target, size) from error


def file_checksum(path: Path) -> tuple[int, str]:
    """Size in bytes and SHA-256 of a file."""
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
        return file.tell(), found


def sync_folder(folder: Path) -> None:
    """Wait until a folder's names are on the disk, where the file system can."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


# ── tries ────────────────────────────────────────────────────────────────────


def _fetch(url: str, part: Path, size: int, sha256: str, progress: Progress, patience: Patience) -> None:
    """Try until ``part`` is whole and right."""
    in_vain, best, damaged = 0, 0, False
    for tried in range(1, patience.most + 1):
        try:
            _try_once(url, part, size, sha256, progress, patience.timeout)
            return
        except _Damaged as error:
            part.unlink(missing_ok=True)
            if damaged:
                raise DownloadError(f"{url}: {error}. {_CHANGED}") from None
            damaged, best = True, 0  # once more from the beginning: an old part may have been to blame
        except _Passing as error:
            have = part.stat().st_size if part.exists() else 0
            in_vain, best = (0, have) if have > best else (in_vain + 1, best)
            if in_vain >= patience.tries or tried == patience.most:
                kept = f" {have} of {size} bytes are kept: the next try goes on from there." if have else ""
                raise DownloadError(f"{url} could not be fetched: {error}.{kept} {_OFFLINE}") from None
            patience.sleep(min(max(error.wait, patience.wait * 2**in_vain), _LONGEST_WAIT))
    raise DownloadError(f"{url} could not be fetched. {_OFFLINE}")


_CHANGED = (
    "It was deleted. Either something between here and the server changes what passes (a proxy, a login page), or the "
    "source is no longer what groundup has pinned: try another network, then a newer groundup"
)
_OFFLINE = (
    "Without a connection: fetch the set on another machine, bring its folder here, and name the folder above it in "
    "GROUNDUP_DATA"
)


def _try_once(url: str, part: Path, size: int, sha256: str, progress: Progress, timeout: float) -> None:
    """One request for what is missing. Raises _Passing, _Damaged or DownloadError, else ``part`` is right."""
    with open(part, "ab+") as file:
        digest = _digest_of(file)
        have = file.tell()
        progress(min(have, size))
        if have < size:
            with closing(_open(url, have, timeout)) as answer:
                if answer.status != http.client.PARTIAL_CONTENT and have:  # it does not know ranges: all comes again
                    file.truncate(0)
                    have, digest = 0, hashlib.sha256()
                    progress(0)
                _check_lengths(answer, have, size)
                try:
                    _receive(answer, file, digest, have, size, progress)
                finally:
                    file.flush()
        if digest.hexdigest() != sha256:
            raise _Damaged(f"its SHA-256 is {digest.hexdigest()}, and not {sha256}")
        os.fsync(file.fileno())


def _digest_of(file: IO[bytes]) -> Any:
    """The checksum of what is there, to go on with; the file's place is its end then."""
    digest = hashlib.sha256()
    file.seek(0)
    while block := file.read(BLOCK):
        digest.update(block)
    return digest


def _receive(answer: Any, file: IO[bytes], digest: Any, have: int, size: int, progress: Progress) -> None:
    """Write and digest what comes until ``size`` bytes are there."""
    while have < size:
        try:
            block = answer.read1(min(BLOCK, size - have))
        except (OSError, http.client.HTTPException) as error:
            raise _Passing(_said(error)) from error
        if not block:
            raise _Passing(f"the connection ended after {have} of {size} bytes")
        file.write(block)
        digest.update(block)
        have += len(block)
        progress(have)
    try:
        more = answer.read1(1)
    except (OSError, http.client.HTTPException):
        more = b""
    if more:
        raise _Damaged(f"it has more than {size} bytes")


# ── answers ──────────────────────────────────────────────────────────────────


def _open(url: str, begin: int, timeout: float) -> Any:
    """The server's answer, 200 or 206."""
    headers = {"User-Agent": "groundup", "Accept-Encoding": "identity"}
    if begin:
        headers["Range"] = f"bytes={begin}-"
    opener = urllib.request.build_opener(_Redirects)
    try:
        return opener.open(urllib.request.Request(url, headers=headers), timeout=timeout)
    except urllib.error.HTTPError as error:
        with closing(error):
            raise _refusal(url, error) from None
    except (OSError, http.client.HTTPException, ValueError) as error:  # a name that cannot be one is a ValueError
        raise _unreachable(url, error) from error


def _refusal(url: str, error: urllib.error.HTTPError) -> Exception:
    """What a status from 400 on means: worth another try, or not."""
    code, reason = error.code, f"the server answers {error.code} {error.reason}"
    if code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
        return _Damaged(f"{reason}: the file there is shorter than what was pinned")
    if code in _PASSING or code >= 500:
        asked = str(error.headers.get("Retry-After", ""))
        return _Passing(reason, float(asked) if asked.isdecimal() else 0.0)
    mend = {
        401: "it wants a name and a password, which a public file does not: look at your proxy or mirror",
        403: "it refuses this machine or network: try another network, or later",
        404: "the file is not there any more: a newer groundup may know its new place",
        407: "your proxy wants a name and a password: write them into https_proxy",
        410: "the file was taken away: a newer groundup may know its new place",
    }.get(code, "that is no matter of time: look at the address in a browser")
    return DownloadError(f"{url}: {reason}; {mend}")


def _unreachable(url: str, error: Exception) -> Exception:
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return DownloadError(
            f"{url}: its certificate is not trusted here ({cause.verify_message}). Where your network has one of its "
            "own, name its file in SSL_CERT_FILE"
        )
    return _Passing(_said(cause) if isinstance(cause, Exception) else str(cause))


def _said(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "the server said nothing for too long"
    if isinstance(error, socket.gaierror):
        return f"the server's name is not found ({error.strerror}): no connection to the Internet?"
    return str(error) or type(error).__name__


def _check_lengths(answer: Any, begin: int, size: int) -> None:
    """What the server says of the file must fit what was pinned, before a byte of it is written."""
    if answer.status == http.client.PARTIAL_CONTENT:
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", ""))
        if not found or int(found[1]) != begin:
            raise _Damaged(f"the server sends another part than bytes {begin} and on were asked for")
        if found[2] not in ("*", str(size)):
            raise _Damaged(f"it has {found[2]} bytes, and not {size}")
        return
    if answer.status != http.client.OK:
        raise DownloadError(f"{answer.url}: the server answers {answer.status}, where 200 or 206 is meant")
    length = answer.headers.get("Content-Length")
    if length is not None and length != str(size) and "Content-Encoding" not in answer.headers:
        raise _Damaged(f"it has {length} bytes, and not {size}")


# ── the disk ─────────────────────────────────────────────────────────────────


def _require_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise DownloadError(
            f"{folder} has room for {free} bytes, and {needed} are needed: make room, or take another folder"
        )


def _disk_error(error: OSError, target: Path, size: int) -> DownloadError:
    if error.errno in _NO_ROOM:
        return DownloadError(
            f"{target.parent} has no room for {target.name} of {size} bytes ({error.strerror}): make room, or take "
            "another folder. What has arrived is kept, and the next try goes on from there"
        )
    return DownloadError(f"{target} cannot be written: {error.strerror or error}. Take another folder")
