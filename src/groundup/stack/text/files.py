"""What the readers of tokenizers' files share: their names, the error that they raise, texts and JSON from a file."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

TOKENIZER = "tokenizer.json"
TOKENIZER_CONFIG = "tokenizer_config.json"


class TokenizerError(ValueError):
    """A tokenizer that cannot be read here, in words for whoever wanted to use it."""


class AnyTokenizer(Protocol):
    """What every tokenizer of a file can do."""

    added: dict[str, int]
    """Tokens that are found in a text as a whole, with their ids."""
    begin: list[int]
    """The tokens that the file puts before every text; ``encode`` leaves them to the caller."""

    @property
    def vocab_size(self) -> int:
        """One more than the largest id: what a model's embedding must at least have."""

    def encode(self, text: str) -> list[int]:
        """The ids of a text."""

    def encode_with_offsets(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """The same ids, and for each the place (begin, end) in the text that it was made from."""

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids."""

    def token_bytes(self, token: int) -> bytes:
        """The bytes of one token, which need not be whole characters; none for an id without a token."""


def read_text(path: Path) -> str:
    """A file's text, line ends as they are. Raises TokenizerError where it cannot be read."""
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TokenizerError(f"{path.name} cannot be read: {error}") from error


def read_json(path: Path) -> dict[str, Any]:
    """A file's JSON object. Raises TokenizerError where it is none."""
    content = read_text(path)
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise TokenizerError(f"{path.name} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise TokenizerError(f"{path.name} is not a JSON object")
    return found
