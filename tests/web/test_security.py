"""Who gets an answer and who does not, and what every answer says to the browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from groundup.web import api, pages
from groundup.web.app import create_app
from groundup.web.security import BODY_LIMIT, Guard, cookie_name, same

TOKEN = "a-token-of-the-tests-0123456789"
BASE = "http://127.0.0.1:8123"
PAGES = (
    "/",
    "/map",
    "/map?q=attention",
    "/track/transformer",
    "/topic/self-attention",
    "/topic/dot-products",
    "/topic/multi-head-attention",
    "/topic/self-attention/figure",
    "/topic/self-attention/solution",
    "/topic/nothing-of-the-kind",
)
READS = (*PAGES, "/api/ready", "/api/status", "/api/source/self-attention", "/static/style.css")


# ── the token ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", READS)
def test_without_the_token_nothing_is_answered(stranger: TestClient, path: str) -> None:
    answer = stranger.get(path)
    assert answer.status_code == 403
    assert "self-attention" not in answer.text.lower()


def test_the_first_address_sets_a_strict_cookie_and_loses_the_token(stranger: TestClient) -> None:
    answer = stranger.get("/map", params={"q": "a b", "token": TOKEN})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/map?q=a+b"
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{cookie_name(TOKEN)}={TOKEN};")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= {part.strip() for part in cookie.split(";")[1:]}
    assert "domain" not in cookie.lower()
    assert stranger.get("/map").status_code == 200


@pytest.mark.parametrize("given", ["", "x", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "é" * 30])
def test_a_wrong_token_opens_nothing(stranger: TestClient, given: str) -> None:
    answer = stranger.get("/", params={"token": given})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert stranger.get("/").status_code == 403


def test_of_two_tokens_the_last_counts(stranger: TestClient) -> None:
    assert stranger.get(f"/?token={TOKEN}&token=wrong").status_code == 403


@pytest.mark.parametrize("path", ["//elsewhere.example/", "/\\elsewhere.example/", "///elsewhere.example"])
def test_the_redirect_never_leaves_this_server(app: FastAPI, path: str) -> None:
    sent = _raw(app, path, f"token={TOKEN}".encode())
    location = sent["location"]
    assert re.match(r"/[^/\\]", location) or location == "/"


def test_a_link_from_another_site_lands_on_a_page_that_goes_on_by_itself(stranger: TestClient) -> None:
    """A strict cookie would not travel with a redirect that another site began."""
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    answer = stranger.get("/map", params={"token": TOKEN}, headers=headers)
    assert answer.status_code == 200
    assert '<meta http-equiv="refresh" content="0; url=/map">' in answer.text
    assert TOKEN not in answer.text
    assert "HttpOnly" in answer.headers["set-cookie"]


def test_a_bearer_token_is_for_the_terminal(stranger: TestClient) -> None:
    assert stranger.get("/api/status", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert stranger.get("/api/status", headers={"authorization": f"bearer {TOKEN}"}).status_code == 200
    for wrong in ("Bearer x", "Bearer", f"Basic {TOKEN}", TOKEN):
        assert stranger.get("/api/status", headers={"authorization": wrong}).status_code == 403


def test_a_wrong_bearer_is_refused_even_beside_a_right_cookie(client: TestClient) -> None:
    assert client.get("/api/status", headers={"authorization": "Bearer wrong"}).status_code == 403


@pytest.mark.parametrize("cookie", ["", "groundup=1", "=;=;;", '"', f"{cookie_name(TOKEN)}=wrong", "a\x01=b"])
def test_other_cookies_open_nothing(stranger: TestClient, cookie: str) -> None:
    assert stranger.get("/", headers={"cookie": cookie}).status_code == 403


def test_two_workshops_do_not_overwrite_each_others_cookie() -> None:
    assert cookie_name(TOKEN) != cookie_name(TOKEN + "x")
    assert TOKEN not in cookie_name(TOKEN)


def test_tokens_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr("hmac.compare_digest", lambda a, b: asked.append((a, b)) or False)
    assert not same("right", "right")
    assert asked == [(b"right", b"right")]


def test_a_short_token_is_refused(app: FastAPI) -> None:
    with pytest.raises(ValueError, match="16"):
        Guard(app, token="short")


# ── hosts and origins ────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "host",
    [
        *("elsewhere.example", "127.0.0.1.elsewhere.example", "127.0.0.1@elsewhere.example", "0.0.0.0", "127.0.0.2"),
        *("", "127.0.0.1:8123:1", "127.0.0.1 ", "[::1", "localhost.", "127.0.0.1:port"),
    ],
)
def test_another_name_is_not_answered(client: TestClient, host: str) -> None:
    """DNS rebinding: a foreign name that resolves to this machine."""
    assert client.get("/", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:9", "localhost:8123", "LOCALHOST", "[::1]:8123"])
def test_its_own_names_are_answered(client: TestClient, host: str) -> None:
    cookie = f"{cookie_name(TOKEN)}={TOKEN}"
    assert client.get("/", headers={"host": host, "cookie": cookie}).status_code == 200


def test_two_hosts_are_none(app: FastAPI) -> None:
    assert _raw(app, "/", b"", [(b"host", b"127.0.0.1"), (b"host", b"elsewhere.example")])["status"] == "421"


FOREIGN: list[dict[str, str]] = [
    {"origin": "https://elsewhere.example", "sec-fetch-site": "cross-site"},
    {"origin": "https://elsewhere.example"},
    {"origin": "http://127.0.0.1:3000", "sec-fetch-site": "same-site"},
    {"origin": "http://127.0.0.1:3000"},
    {"origin": "null", "sec-fetch-site": "cross-site"},
    {"origin": "null"},
    {"origin": BASE, "sec-fetch-site": "cross-site"},
    {"origin": BASE, "sec-fetch-site": "same-site"},
    {"sec-fetch-site": "none"},
    {},
]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_no_other_site_changes_anything(client: TestClient, study: Any, headers: dict[str, str]) -> None:
    del client.headers["origin"], client.headers["sec-fetch-site"]
    study.open("self-attention")
    before = study.source("self-attention")
    body = {"text": "stolen", "expected_sha256": before.sha256}
    assert client.put("/api/source/self-attention", json=body, headers=headers).status_code == 403
    form = {"action": "check", "text": "stolen", "sha256": before.sha256}
    assert client.post("/topic/self-attention", data=form, headers=headers).status_code == 403
    assert study.source("self-attention") == before


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": BASE},
        {"origin": BASE, "sec-fetch-site": "same-origin"},
        {"origin": "null", "sec-fetch-site": "same-origin"},  # a plain form under no-referrer
        {"sec-fetch-site": "same-origin"},
    ],
    ids=str,
)
def test_its_own_page_does(client: TestClient, headers: dict[str, str]) -> None:
    del client.headers["origin"], client.headers["sec-fetch-site"]
    body = {"id": "talk", "done": True}
    assert client.post("/api/resource", json=body, headers=headers).status_code == 200


def test_the_terminal_needs_no_origin_but_may_not_have_a_foreign_one(stranger: TestClient) -> None:
    bearer = {"authorization": f"Bearer {TOKEN}"}
    body = {"id": "talk", "done": True}
    assert stranger.post("/api/resource", json=body, headers=bearer).status_code == 200
    foreign = bearer | {"origin": "https://elsewhere.example"}
    assert stranger.post("/api/resource", json=body, headers=foreign).status_code == 403


def test_every_route_that_changes_something_is_guarded(client: TestClient) -> None:
    del client.headers["origin"], client.headers["sec-fetch-site"]
    tried = 0
    for path, route in _routes():
        for method in (route.methods or set()) - {"GET", "HEAD"}:
            concrete = re.sub(r"\{\w+\}", "self-attention", path)
            assert client.request(method, concrete).status_code == 403, (method, path)
            tried += 1
    assert tried >= 9


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_sites_page_may_not_load_ours(client: TestClient, site: str) -> None:
    for headers in ({"sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}, {"sec-fetch-mode": "cors"}, {}):
        answer = client.get("/api/status", headers={"sec-fetch-site": site} | headers)
        assert answer.status_code == 403
    frame = {"sec-fetch-site": site, "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}
    assert client.get("/", headers=frame).status_code == 403
    visit = {"sec-fetch-site": site, "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert client.get("/map", headers=visit).status_code == 200


def test_no_answer_is_for_other_origins(client: TestClient) -> None:
    answer = client.options("/api/status", headers={"access-control-request-method": "GET"})
    assert "access-control-allow-origin" not in answer.headers
    assert "access-control-allow-origin" not in client.get("/api/status").headers


# ── what an answer says ──────────────────────────────────────────────────────


def _check_headers(headers: Any) -> None:
    rules = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    style = rules.pop("style-src")
    assert re.fullmatch(r"'self' 'nonce-[\w-]{16,}'", style)
    assert rules == {
        "default-src": "'none'",
        "script-src": "'self'",
        "img-src": "'self' data:",
        "font-src": "'self'",
        "connect-src": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize("path", [*READS, "/no/such/page", "/static/no-such-file", "/?token=wrong"])
def test_every_answer_carries_the_policy(client: TestClient, path: str) -> None:
    answer = client.get(path)
    _check_headers(answer.headers)
    if not path.startswith(("/static/", "/api/source")):
        assert answer.headers["cache-control"] == "no-store"


def test_a_refusal_carries_it_too(stranger: TestClient) -> None:
    _check_headers(stranger.get("/").headers)
    _check_headers(stranger.get("/", headers={"host": "elsewhere.example"}).headers)


def test_our_own_failure_says_nothing_of_the_inside(
    client: TestClient, study: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the inside")

    monkeypatch.setattr(type(study), "states", broken)
    for path in ("/", "/api/status"):
        answer = client.get(path)
        assert answer.status_code == 500
        assert "the inside" not in answer.text and "Traceback" not in answer.text
        _check_headers(answer.headers)


class _Inline(HTMLParser):
    """Collects what the policy would block: inline scripts, style attributes, handlers, foreign addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.script: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        self.found += [f"{tag} {name}" for name in names if name == "style" or name.startswith("on")]
        self.found += [tag] if tag in ("style", "iframe", "object", "base", "embed") else []
        address = names.get("src") or (names.get("href") if tag == "link" else None)
        if address and not address.startswith("/static/"):
            self.found.append(address)
        if tag == "script" and "src" not in names:
            self.found.append("inline script")
        if tag == "a" and str(names.get("href")).startswith("http") and "noopener" not in str(names.get("rel")):
            self.found.append(f"link without noopener: {names['href']}")


@pytest.mark.parametrize("path", PAGES)
def test_no_page_has_anything_inline_or_from_elsewhere(client: TestClient, path: str) -> None:
    parser = _Inline()
    parser.feed(client.get(path).text)
    assert parser.found == []


def test_the_pages_nonce_is_the_policys_and_new_each_time(client: TestClient) -> None:
    nonces = []
    for _ in range(2):
        answer = client.get("/topic/self-attention")
        (nonce,) = re.findall(r'data-style-nonce="([^"]+)"', answer.text)
        assert f"'nonce-{nonce}'" in answer.headers["content-security-policy"]
        nonces.append(nonce)
    assert nonces[0] != nonces[1]


# ── bounds, and what is not there ────────────────────────────────────────────


def test_a_body_has_a_bound(client: TestClient) -> None:
    answer = client.post("/api/hint", content=b"x" * (BODY_LIMIT + 1), headers={"content-type": "application/json"})
    assert answer.status_code == 413
    _check_headers(answer.headers)


def test_a_body_without_a_length_has_it_too(client: TestClient) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(100):
            sent += 65536
            yield b"x" * 65536

    for path in ("/api/hint", "/topic/self-attention"):
        kind = "application/json" if path.startswith("/api") else "application/x-www-form-urlencoded"
        answer = client.post(path, content=endless(), headers={"content-type": kind})
        assert answer.status_code == 413
    assert sent > BODY_LIMIT


@pytest.mark.parametrize("length", ["-1", "a", "1e3", "1" * 30, "²"])
def test_a_length_that_is_none(app: FastAPI, length: str) -> None:
    headers = [
        (b"host", b"127.0.0.1"),
        (b"authorization", b"Bearer " + TOKEN.encode()),
        (b"content-length", length.encode("utf-8")),
    ]
    assert _raw(app, "/api/hint", b"", headers, method="POST")["status"] in ("400", "413")


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/api/docs"])
def test_there_is_no_map_of_the_api(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    "path", ["/static/../security.py", "/static/%2e%2e/security.py", "/static/..%2fapp.py", "/static//etc/passwd"]
)
def test_static_files_stay_in_their_folder(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_only_json_is_read_as_json(client: TestClient) -> None:
    """What a form of another site could send without asking first is no JSON."""
    answer = client.post("/api/resource", content=b'{"id":"talk","done":true}', headers={"content-type": "text/plain"})
    assert answer.status_code == 422


def test_a_websocket_is_closed(app: FastAPI) -> None:
    from starlette.websockets import WebSocketDisconnect

    with TestClient(app, base_url=BASE) as client, pytest.raises(WebSocketDisconnect), client.websocket_connect("/"):
        pass


def test_the_hosts_can_be_named(study: Any) -> None:
    app = create_app(study, TOKEN, allowed_hosts=("workshop.example",))
    with TestClient(app, base_url="http://workshop.example", follow_redirects=False) as client:
        assert client.get("/", params={"token": TOKEN}).status_code == 303
        assert client.get("/", headers={"host": "127.0.0.1"}).status_code == 421


# ── helpers ──────────────────────────────────────────────────────────────────


def _routes() -> list[tuple[str, APIRoute]]:
    """Every route with its whole path."""
    found = [("", route) for route in pages.router.routes] + [("/api", route) for route in api.router.routes]
    return [(prefix + route.path, route) for prefix, route in found if isinstance(route, APIRoute)]


def _raw(
    app: FastAPI,
    path: str,
    query: bytes,
    headers: list[tuple[bytes, bytes]] | None = None,
    *,
    method: str = "GET",
) -> dict[str, str]:
    """One request exactly as given, past what a client would tidy; status and headers of the answer."""
    import asyncio

    sent: dict[str, str] = {}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            sent["status"] = str(message["status"])
            sent.update({name.decode(): value.decode() for name, value in message["headers"]})

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "headers": headers or [(b"host", b"127.0.0.1:8123")],
        "server": ("127.0.0.1", 8123),
        "client": ("127.0.0.1", 1),
        "root_path": "",
    }
    asyncio.run(app(scope, receive, send))  # type: ignore[arg-type]
    return sent
