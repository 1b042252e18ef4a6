"""One judge: a terminal uses the running server's warm judge where there is one, else its own."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

from groundup.study.check.verdict import Verdict

if TYPE_CHECKING:
    from groundup.study.service import Study

ANSWER_LIMIT_BYTES = 4 * 1024 * 1024
PROBE_SECONDS = 2.0
CHECK_SECONDS = 60.0


def running_server(study: Study) -> dict[str, Any] | None:
    """The address and token that a running server left in its home, if its process is alive."""
    try:
        server = json.loads((study.home.state / "server.json").read_text(encoding="utf-8"))
        os.kill(int(server["pid"]), 0)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    # Only this machine is ever asked, whatever the file says.
    return server if str(server.get("url", "")).startswith("http://127.0.0.1:") else None


def _ask(server: dict[str, Any], path: str, body: dict[str, Any] | None, seconds: float) -> Any:
    request = urllib.request.Request(
        server["url"].rstrip("/") + path,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {server['token']}", "Content-Type": "application/json"},
    )
    # No proxy of the environment may come between a terminal and its own machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=seconds) as answer:
        return json.loads(answer.read(ANSWER_LIMIT_BYTES))


def check_anywhere(study: Study, topic_id: str, seed: int | None, builds: list[str] | None) -> Verdict:
    """A verdict from the running server's judge, else from this process's own."""
    server = running_server(study)
    if server is not None:
        try:
            if _ask(server, "/api/ready", None, PROBE_SECONDS).get("ready"):
                body = {"seed": seed, "builds": builds}
                answer = _ask(server, f"/api/check/{topic_id}", body, CHECK_SECONDS)
                return Verdict.model_validate(answer["verdict"])
        except (OSError, ValueError, KeyError, urllib.error.URLError):
            pass  # a server that cannot answer is no reason not to check
    return study.check(topic_id, seed=seed, builds=builds)
