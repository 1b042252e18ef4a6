"""Jinja with everything escaped, and addresses of static files that change when the files do."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from groundup.web import words

STATIC = Path(__file__).parent / "static"


class Templates:
    """Renders pages. ``built`` says whether the scripts were built; without them every page still works."""

    def __init__(self, static: Path = STATIC) -> None:
        self.static = static
        self.built = (static / "built" / "stamp.txt").is_file()
        self._versions: dict[str, str] = {}
        self.environment = Environment(
            loader=PackageLoader("groundup.web"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self.environment.globals.update(
            asset=self.asset,
            built=self.built,
            state_words=words.state_words,
            kind_words=words.kind_words,
            run_words=words.run_words,
            duration=words.duration,
            number=words.number,
            count=words.count,
        )

    def asset(self, name: str) -> str:
        """The address of a static file; its query names its content, so that browsers may keep it for good."""
        if name not in self._versions:
            self._versions[name] = hashlib.sha256((self.static / name).read_bytes()).hexdigest()[:12]
        return f"/static/{name}?v={self._versions[name]}"

    def page(self, request: Request, name: str, *, status: int = 200, **context: Any) -> HTMLResponse:
        text = self.environment.get_template(name).render(nonce=request.state.nonce, path=request.url.path, **context)
        return HTMLResponse(text, status_code=status)
