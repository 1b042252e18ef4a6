"""Messages on a stream: each with its length before it, and a bound on that. What is in them is wire's business."""

from __future__ import annotations

import struct

from groundup.study.check.wire import WireError

_LENGTH = struct.Struct("<Q")


def frame(payload: bytes) -> bytes:
    """A message with its length before it."""
    return _LENGTH.pack(len(payload)) + payload


class Frames:
    """Cuts a stream of bytes into messages; a length beyond ``max_bytes`` is refused before anything is kept."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.buffer = bytearray()

    def feed(self, data: bytes) -> None:
        self.buffer += data

    @property
    def ready(self) -> bool:
        """Whether a whole message is there."""
        if len(self.buffer) < _LENGTH.size:
            return False
        return len(self.buffer) >= _LENGTH.size + int(_LENGTH.unpack_from(self.buffer)[0])

    def next(self) -> bytes | None:
        """The next whole message, or None."""
        if len(self.buffer) < _LENGTH.size:
            return None
        size = int(_LENGTH.unpack_from(self.buffer)[0])
        if size > self.max_bytes:
            raise WireError(f"a message of {size} bytes, more than {self.max_bytes}")
        if len(self.buffer) < _LENGTH.size + size:
            return None
        payload = bytes(self.buffer[_LENGTH.size : _LENGTH.size + size])
        del self.buffer[: _LENGTH.size + size]
        return payload
