"""Who may talk to the page: this machine's learner, in a page of ours, and nobody else.

A server that runs code must not answer other sites. So: the Host header must name this machine (DNS rebinding), every
request carries the token (once in the address, then in a cookie, or as a bearer), whatever changes something must come
from our own page, bodies are bounded, and each answer forbids the browser to load or run anything from elsewhere.

It does not protect against other programs of the same user on the same machine: they can read the token's file.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from html import escape
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_LIMIT = 1024 * 1024
LOCAL_HOSTS = ("127.0.0.1", "localhost", "[::1]")
SAFE_METHODS = ("GET", "HEAD")
HOST = re.compile(r"(?P<name>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)(:(?P<port>[0-9]{1,5}))?")


class Refused(Exception):
    """Why a request gets no answer; ``detail`` is for the person who sees it."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def content_security_policy(nonce: str) -> str:
    """Nothing but our own files. The nonce is for the style elements that CodeMirror and Plotly fill at run time."""
    rules = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": f"'self' 'nonce-{nonce}'",
        "img-src": "'self' data:",
        "font-src": "'self'",
        "connect-src": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def fixed_headers(nonce: str) -> dict[str, str]:
    return {
        "content-security-policy": content_security_policy(nonce),
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    }


def cookie_name(token: str) -> str:
    """One name a server: cookies ignore ports, so two workshops on one machine would overwrite each other's."""
    return "groundup_" + hashlib.sha256(b"cookie name of " + token.encode()).hexdigest()[:12]


def same(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), token.encode())


class Guard:
    """ASGI middleware: checks each request as the module says, and puts the headers on each answer."""

    def __init__(self, app: ASGIApp, *, token: str, allowed_hosts: tuple[str, ...] = LOCAL_HOSTS) -> None:
        if len(token) < 16:
            raise ValueError("a token of at least 16 characters is needed")
        self.app = app
        self.token = token
        self.cookie = cookie_name(token)
        self.hosts = frozenset(host.lower() for host in allowed_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})  # there are none here
            return
        headers = Headers(scope=scope)
        nonce = secrets.token_urlsafe(16)
        send = _with_headers(send, nonce)
        try:
            self._check_host(headers)
            if await self._landed(scope, headers, send):
                return
            bearer = self._authenticate(headers)
            _check_origin(scope["method"], headers, bearer=bearer)
            body = await _whole_body(receive, _declared_length(headers))
        except Refused as refused:
            await _refuse(scope, send, refused)
            return
        scope["state"] = {**scope.get("state", {}), "nonce": nonce}
        await self.app(scope, _replayed(body, receive), send)

    def _check_host(self, headers: Headers) -> None:
        hosts = headers.getlist("host")
        match = HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
        if match is None or match["name"].lower() not in self.hosts:
            raise Refused(421, "This server answers only to the name of its own machine, 127.0.0.1.")

    async def _landed(self, scope: Scope, headers: Headers, send: Send) -> bool:
        """The first visit: the token goes from the address into a cookie, and out of the address."""
        if scope["method"] != "GET" or b"token=" not in scope["query_string"]:
            return False
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = [value for name, value in query if name == "token"]
        if not given:
            return False
        if not same(given[-1], self.token):
            raise Refused(403, "That token is not this server's. Open the address that `groundup start` printed last.")
        rest = urlencode([pair for pair in query if pair[0] != "token"])
        path = "/" + scope["path"].lstrip("/\\")  # never "//elsewhere"
        target = path.encode().decode("latin-1") if path.isascii() else "/"
        cookie = f"{self.cookie}={self.token}; Path=/; HttpOnly; SameSite=Strict"
        await _land(send, target + ("?" + rest if rest else ""), cookie, by_link=_from_elsewhere(headers))
        return True

    def _authenticate(self, headers: Headers) -> bool:
        """True where the request came with a bearer token, False where with the cookie; else it is refused."""
        authorization = headers.get("authorization", "")
        if authorization:
            scheme, _, given = authorization.partition(" ")
            if scheme.lower() == "bearer" and same(given.strip(), self.token):
                return True
            raise Refused(403, "That token is not this server's.")
        for line in headers.getlist("cookie"):
            for given in _cookies(line, self.cookie):
                if same(given, self.token):
                    return False
        raise Refused(403, "This page needs the address with the token that `groundup start` printed. Open that one.")


async def _whole_body(receive: Receive, length: int | None) -> bytes:
    """The body, read here so that no reader behind can be made to take more than the bound."""
    parts: list[bytes] = []
    size = length or 0
    while size <= BODY_LIMIT:
        message = await receive()
        if message["type"] != "http.request":  # the sender has gone
            return b"".join(parts)
        parts.append(message.get("body", b""))
        size = max(length or 0, sum(map(len, parts)))
        if not message.get("more_body", False):
            break
    if size > BODY_LIMIT:
        raise Refused(413, f"At most {BODY_LIMIT // 1024} KiB can be sent at once.")
    return b"".join(parts)


def _replayed(body: bytes, receive: Receive) -> Receive:
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


def _cookies(line: str, name: str) -> list[str]:
    try:
        jar: SimpleCookie = SimpleCookie(line)
    except CookieError:
        return []
    return [jar[name].value] if name in jar else []


def _from_elsewhere(headers: Headers) -> bool:
    """A navigation that another site began: a strict cookie would not travel with the redirect."""
    return headers.get("sec-fetch-site", "none") in ("cross-site", "same-site")


def _check_origin(method: str, headers: Headers, *, bearer: bool) -> None:
    """What changes something comes from our own page; what is only read is not for other sites' pages either."""
    site = headers.get("sec-fetch-site")
    origin = headers.get("origin")
    if method in SAFE_METHODS:
        visit = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
        if site in ("cross-site", "same-site") and not visit:
            raise Refused(403, "Another site's page may not read this one.")
        return
    if site is not None and site not in ("same-origin", "none"):
        raise Refused(403, "That came from another site's page.")
    ours = {f"{scheme}://{headers['host'].lower()}" for scheme in ("http", "https")}
    # Under no-referrer, a plain form of our own page says "null"; only the browser's own word then tells it apart.
    if origin is not None and origin.lower() not in ours and not (origin == "null" and site == "same-origin"):
        raise Refused(403, "That came from another site's page.")
    if origin is None and site != "same-origin" and not bearer:
        raise Refused(403, "Your browser did not say which page this came from.")


def _declared_length(headers: Headers) -> int | None:
    declared = headers.get("content-length")
    if declared is None:
        return None
    if not (declared.isascii() and declared.isdigit()):
        raise Refused(400, "The length of the request is not a number.")
    return int(declared) if len(declared) < 16 else BODY_LIMIT + 1


def _with_headers(send: Send, nonce: str) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in fixed_headers(nonce).items():
                headers[name] = value
            if "cache-control" not in headers:
                headers["cache-control"] = "no-store"
        await send(message)

    return with_headers


async def _answer(send: Send, status: int, kind: str, body: str, more: dict[str, str] | None = None) -> None:
    content = body.encode()
    headers = {"content-type": f"{kind}; charset=utf-8", "content-length": str(len(content)), **(more or {})}
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": content})


async def _land(send: Send, target: str, cookie: str, *, by_link: bool) -> None:
    if not by_link:
        await _answer(send, 303, "text/plain", "", {"location": target, "set-cookie": cookie})
        return
    # A page of our own that goes on by itself: its navigation is ours, so the strict cookie travels.
    link = escape(target, quote=True)
    page = _page(
        "Opening", f'<p><a href="{link}">Open groundup</a></p>', f'<meta http-equiv="refresh" content="0; url={link}">'
    )
    await _answer(send, 200, "text/html", page, {"set-cookie": cookie})


def _page(title: str, body: str, head: str = "") -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">{head}<title>{title} · groundup</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"</head><body><main><h1>{title}</h1>{body}</main></body></html>"
    )


async def _refuse(scope: Scope, send: Send, refused: Refused) -> None:
    accept = Headers(scope=scope).get("accept", "")
    if "text/html" in accept and not scope["path"].startswith("/api/"):
        body, kind = _page("Not this way", f"<p>{escape(refused.detail)}</p>"), "text/html"
    else:
        body, kind = json.dumps({"error": "refused", "detail": refused.detail}), "application/json"
    # What is left of the body is not read: the connection ends with the answer.
    await _answer(send, refused.status, kind, body, {"connection": "close"})
