"""``groundup watch``: the file's folder is watched, each saved content is checked once."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

from groundup.cli.remote import check_anywhere
from groundup.cli.render import show_verdict

if TYPE_CHECKING:
    from groundup.study.service import Study

# Editors write in bursts (truncate, write, rename); this gathers a burst and stays far below the promised 300 ms.
BURST_MS = 60
STEP_MS = 20


def _digest(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None  # between an editor's unlink and rename


def watch_topic(study: Study, topic_id: str, *, as_json: bool, times: int | None) -> None:
    """Check ``topic_id`` now and after each change of its file, until interrupted or ``times`` checks were made."""
    from watchfiles import watch

    path = study.open(topic_id).path
    study.judge()
    if not as_json:
        print(f"Watching {path}. Ctrl+C ends it.")
    seen: str | None = None
    made = 0

    def check_once() -> bool:
        """Whether enough checks were made. A content that was checked already is not checked again."""
        nonlocal seen, made
        digest = _digest(path)
        if digest is None or digest == seen:
            return False
        seen = digest
        noticed = time.time()
        verdict = check_anywhere(study, topic_id, None, None)
        if as_json:
            print(json.dumps({"noticed": noticed, "verdict": verdict.model_dump()}), flush=True)
        else:
            show_verdict(verdict)
        made += 1
        return times is not None and made >= times

    changes = watch(path.parent, debounce=BURST_MS, step=STEP_MS, yield_on_timeout=True, rust_timeout=1000)
    if check_once():
        return
    for _ in changes:
        if check_once():
            return
