"""What crosses the wall between the sandboxed child and the judge: plain data, in a small tagged binary format.

``encode`` runs beside the learner's code and looks at *exact* types: an object that only claims to be a tensor becomes
an :class:`Opaque`, which carries its type's name and a word on why, never its content. ``decode`` runs in the judge: it
takes nothing for granted, bounds bytes, depth, items and tensors before it allocates, consumes every byte, and raises
:class:`WireError` and nothing else. Nothing here is executable, and no name that is read is ever looked up.

It does not say who wrote a message (the session's nonces do), nor that a string is fit to be shown: strings may hold
control characters and lone surrogates; :func:`clean` removes them.

Not protected against: an answer that is right by whatever means. The same on every platform.
"""

from __future__ import annotations

import collections
import math
import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

MAX_DEPTH = 32
MAX_ITEMS = 1_000_000
MAX_TENSORS = 10_000
MAX_DIMS = 16
MAX_INT_BYTES = 512  # 4096 bits
# Hashes of tuples are not keyed: whoever chooses the keys can make them all collide, and n of them cost n² steps.
MAX_TUPLE_KEYS = 4_096
MAX_KEY_ITEMS = 8
_MAX_NUMEL = 2**40

_WIDTHS = {  # bytes a number, by dtype; a message gives a dtype by its place here
    "bool": 1,
    "uint8": 1,
    "int8": 1,
    "int16": 2,
    "int32": 4,
    "int64": 8,
    "float16": 2,
    "bfloat16": 2,
    "float32": 4,
    "float64": 8,
    "complex64": 8,
    "complex128": 16,
    "uint16": 2,
    "uint32": 4,
    "uint64": 8,
    "float8_e4m3fn": 1,
    "float8_e5m2": 1,
}
DTYPES = tuple(_WIDTHS)
_ARRAY_DTYPES = frozenset(DTYPES) - {"bfloat16", "float8_e4m3fn", "float8_e5m2"}

_U32 = struct.Struct("<I")
_U64 = struct.Struct("<Q")
_DOUBLE = struct.Struct("<d")


class WireError(ValueError):
    """The bytes are not a message of this format, or one beyond its bounds."""


class TooLarge(WireError):
    """A value that does not fit into the bounds of a message."""


@dataclass(frozen=True)
class Array:
    """A NumPy array (or NumPy scalar), held as a tensor of the same dtype and shape."""

    tensor: torch.Tensor
    library: str = "numpy"


@dataclass(frozen=True)
class Raised:
    """An exception that a driver returned: the names of its type and base types, and its message."""

    type_name: str
    mro: list[str] = field()  # named like a method of every class, which must not become its default
    message: str = field()


@dataclass(frozen=True)
class Opaque:
    """Something that is not plain data. ``detail`` says why, where the type's name does not."""

    type_name: str
    detail: str = ""


# ── text ─────────────────────────────────────────────────────────────────────


def clean(text: str, limit: int = 2_000) -> str:
    """Text fit to be stored and shown: no control characters but tab and newline, no lone surrogates, bounded."""
    cut = text[: limit + 1]
    kept = "".join(one if one in "\n\t" or one.isprintable() else "\ufffd" for one in cut)
    return kept if len(kept) <= limit else kept[: max(0, limit - 1)] + "…"


def type_name(kind: type) -> str:
    """The name of a type, asked of ``type`` itself: a metaclass may lie or raise."""
    return str(type.__dict__["__name__"].__get__(kind))


# ── encoding (in the child) ──────────────────────────────────────────────────


class _Encoder:
    def __init__(self, max_bytes: int, max_depth: int, max_items: int) -> None:
        self.out = bytearray()
        self.max_bytes, self.max_depth, self.max_items = max_bytes, max_depth, max_items
        self.items = self.tensors = self.tuple_keys = 0

    def room(self, count: int) -> None:
        if len(self.out) + count > self.max_bytes:
            raise TooLarge(f"more than {self.max_bytes} bytes")

    def counted(self, tag: bytes, raw: bytes) -> None:
        self.room(5 + len(raw))
        self.out += tag + _U32.pack(len(raw)) + raw

    def text(self, text: str) -> None:
        self.room(len(text))
        self.counted(b"s", text.encode("utf-8", "surrogatepass"))

    def opaque(self, name: str, detail: str = "") -> None:
        self.out += b"O"
        self.text(clean(name, 200))
        self.text(clean(detail, 200))

    def raised(self, name: str, mro: list[str], message: str) -> None:
        self.out += b"R"
        self.text(clean(name, 200))
        self.sequence(mro, 0, len(mro), (clean(one, 200) for one in mro))
        self.text(clean(message))

    def value(self, value: object, depth: int = 0) -> None:
        self.items += 1
        if self.items > self.max_items:
            raise TooLarge(f"more than {self.max_items} items")
        kind = type(value)
        write = _WRITERS.get(kind)
        if write is None:
            write = _rare_writer(kind)
        write(self, value, depth)
        self.room(0)

    def integer(self, value: int) -> None:
        size = value.bit_length() // 8 + 1
        if size > MAX_INT_BYTES + 1 or value.bit_length() > 8 * MAX_INT_BYTES:
            self.opaque("int", "more than 4096 bits")
        else:
            self.out += b"i" + size.to_bytes(2, "little") + value.to_bytes(size, "little", signed=True)

    def sequence(self, value: Any, depth: int, count: int, items: Iterator[Any]) -> None:
        if depth >= self.max_depth:
            self.opaque(type_name(type(value)), f"nested more than {self.max_depth} deep")
            return
        if self.items + count > self.max_items:
            raise TooLarge(f"more than {self.max_items} items")
        self.out += b"l" + _U32.pack(count)
        written = 0
        for item in items:
            self.value(item, depth + 1)
            written += 1
        if written != count:
            raise WireError("a sequence changed while it was read")

    def mapping(self, value: Any, depth: int) -> None:
        pairs = list(dict.items(value))
        problem = self.key_problem([key for key, _ in pairs])
        if depth >= self.max_depth:
            problem = f"nested more than {self.max_depth} deep"
        if problem is not None:
            self.opaque(type_name(type(value)), problem)
            return
        self.out += b"d" + _U32.pack(len(pairs))
        for key, item in pairs:
            self.value(key, depth + 1)
            self.value(item, depth + 1)

    def key_problem(self, keys: list[object]) -> str | None:
        """Why a dict with these keys cannot be sent, or None."""
        tuples = [key for key in keys if type(key) is tuple]
        flat = [key for key in keys if type(key) is not tuple]
        for pair in tuples:
            if len(pair) > MAX_KEY_ITEMS:
                return f"a key of {len(pair)} items"
            flat.extend(pair)
        for key in flat:
            if type(key) is not str and not (type(key) is int and -(2**63) <= key < 2**63):
                return f"a key of type {type_name(type(key))}" if type(key) is not int else "a key beyond 64 bits"
        self.tuple_keys += len(tuples)
        return f"more than {MAX_TUPLE_KEYS} tuples as keys" if self.tuple_keys > MAX_TUPLE_KEYS else None

    def numbers(self, tag: bytes, dtype: str, shape: tuple[int, ...], raw: Callable[[], bytes]) -> None:
        """A tensor or array; ``raw`` copies, and is asked only when the size is known to fit."""
        self.tensors += 1
        count = math.prod(shape)
        if self.tensors > MAX_TENSORS:
            raise TooLarge(f"more than {MAX_TENSORS} tensors")
        self.room(count * _WIDTHS[dtype] + 8 * len(shape) + 3)
        content = raw()
        if len(content) != count * _WIDTHS[dtype]:
            raise WireError("a tensor whose memory does not fit its shape")
        self.out += tag + bytes((DTYPES.index(dtype), len(shape)))
        for size in shape:
            self.out += _U64.pack(size)
        self.out += content


def _write_plain(encoder: _Encoder, value: Any, depth: int) -> None:
    encoder.out += b"N" if value is None else b"T" if value else b"F"


def _write_exception(encoder: _Encoder, value: BaseException) -> None:
    kinds = [type_name(one) for one in type.mro(type(value))[:16]]
    try:
        message = str(value)
    except Exception:
        message = "(its message could not be made)"
    encoder.raised(kinds[0], kinds, message)


def _write_tensor(encoder: _Encoder, value: Any, depth: int) -> None:
    import torch

    problem, dtype, shape = _look(value, torch._C.TensorBase, torch.strided)
    if problem is not None:
        encoder.opaque(type_name(type(value)), problem)
        return
    with torch._C.DisableTorchFunctionSubclass():
        encoder.numbers(b"t", dtype, shape, lambda: tensor_bytes(value))


def _look(value: Any, base: Any, strided: Any) -> tuple[str | None, str, tuple[int, ...]]:
    """Why a tensor cannot be read (or None), its dtype and its shape; asked of the base class, which cannot lie."""
    device, layout = base.device.__get__(value).type, base.layout.__get__(value)
    dtype = str(base.dtype.__get__(value)).removeprefix("torch.")
    if device != "cpu":
        return f"on device {device}", dtype, ()
    if base.is_nested.__get__(value):
        return "of nested tensors", dtype, ()
    if layout is not strided:
        return f"of layout {str(layout).removeprefix('torch.')}", dtype, ()
    if dtype not in _WIDTHS:
        return f"of dtype {dtype}", dtype, ()
    shape = tuple(int(size) for size in base.shape.__get__(value))
    if len(shape) > MAX_DIMS:
        return f"of {len(shape)} dimensions", dtype, ()
    if _end_in_storage(value, shape) > base.untyped_storage(value).nbytes():
        return "whose memory is gone", dtype, ()
    return None, dtype, shape


def _end_in_storage(value: Any, shape: tuple[int, ...]) -> int:
    """The byte of its storage at which a tensor ends; one whose storage was shrunk would be read beyond it."""
    if 0 in shape:
        return 0
    last = sum((size - 1) * step for size, step in zip(shape, value.stride(), strict=True))
    return int((value.storage_offset() + last + 1) * value.element_size())


def tensor_bytes(tensor: torch.Tensor) -> bytes:
    """The numbers of a CPU tensor, row by row, little-endian."""
    import torch

    plain = torch._C.TensorBase.detach(tensor).resolve_conj().resolve_neg()
    if str(plain.dtype).removeprefix("torch.") in _ARRAY_DTYPES:
        return bytes(plain.numpy().tobytes())
    if plain.numel() == 0:
        return b""
    raw: bytes = plain.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
    return raw


def _write_array(encoder: _Encoder, value: Any, depth: int) -> None:
    dtype = value.dtype.name
    if dtype not in _ARRAY_DTYPES or value.ndim > MAX_DIMS:
        encoder.opaque(type_name(type(value)), f"of dtype {value.dtype}, {value.ndim} dimensions")
        return
    little = value.dtype.newbyteorder("<")
    encoder.numbers(b"a", dtype, tuple(value.shape), lambda: value.astype(little, order="C", copy=False).tobytes())


_WRITERS: dict[type, Callable[[_Encoder, Any, int], None]] = {
    type(None): _write_plain,
    bool: _write_plain,
    int: lambda encoder, value, depth: encoder.integer(value),
    float: lambda encoder, value, depth: encoder.out.extend(b"f" + _DOUBLE.pack(value)),
    str: lambda encoder, value, depth: encoder.text(value),
    bytes: lambda encoder, value, depth: encoder.counted(b"b", value),
    list: lambda encoder, value, depth: encoder.sequence(value, depth, len(value), iter(value)),
    tuple: lambda encoder, value, depth: encoder.sequence(value, depth, len(value), iter(value)),
    dict: lambda encoder, value, depth: encoder.mapping(value, depth),
    collections.OrderedDict: lambda encoder, value, depth: encoder.mapping(value, depth),
    collections.defaultdict: lambda encoder, value, depth: encoder.mapping(value, depth),
    collections.Counter: lambda encoder, value, depth: encoder.mapping(value, depth),
    # What decoding gives can be encoded again.
    Opaque: lambda encoder, value, depth: encoder.opaque(value.type_name, value.detail),
    Raised: lambda encoder, value, depth: encoder.raised(value.type_name, value.mro, value.message),
    Array: lambda encoder, value, depth: _write_array(encoder, value.tensor.numpy(), depth),
}


def _rare_writer(kind: type) -> Callable[[_Encoder, Any, int], None]:
    """The writer for tensors, arrays, named tuples and exceptions; for all else one that writes :class:`Opaque`."""
    torch, numpy = sys.modules.get("torch"), sys.modules.get("numpy")
    if torch is not None and kind in (torch.Tensor, torch.nn.Parameter):
        return _write_tensor
    if numpy is not None and (kind is numpy.ndarray or kind in numpy._core.sctypeDict.values()):
        return _write_array
    bases = type.mro(kind)
    if tuple in bases:  # torch.Size, torch.return_types, named tuples: read as the tuples that they are
        return lambda encoder, value, depth: encoder.sequence(value, depth, tuple.__len__(value), tuple.__iter__(value))
    if BaseException in bases:
        return lambda encoder, value, depth: _write_exception(encoder, value)
    detail = "a subclass of Tensor" if torch is not None and torch.Tensor in bases else ""
    return lambda encoder, value, depth: encoder.opaque(type_name(kind), detail)


def encode(
    value: object, *, max_bytes: int = 64 * 2**20, max_depth: int = MAX_DEPTH, max_items: int = MAX_ITEMS
) -> bytes:
    """The bytes of a value. What is not plain data becomes opaque; what exceeds the bounds raises TooLarge."""
    encoder = _Encoder(max_bytes, max_depth, max_items)
    encoder.value(value)
    return bytes(encoder.out)


# ── decoding (in the judge) ──────────────────────────────────────────────────


class _Decoder:
    def __init__(self, data: bytes, max_depth: int, max_items: int) -> None:
        self.data, self.at = memoryview(data), 0
        self.max_depth, self.max_items = max_depth, max_items
        self.items = self.tensors = self.tuple_keys = 0

    def take(self, count: int) -> memoryview:
        if count > len(self.data) - self.at:
            raise WireError("the message ends too early")
        self.at += count
        return self.data[self.at - count : self.at]

    def size(self) -> int:
        return int(_U32.unpack(self.take(4))[0])

    def text(self) -> str:
        return str(self.take(self.size()), "utf-8", "surrogatepass")

    def string(self) -> str:
        """A string where only a string may stand."""
        if bytes(self.take(1)) != b"s":
            raise WireError("a string was expected")
        return self.text()

    def length(self) -> int:
        """How many items follow; each takes a byte at least, so that no claim costs more than it sends."""
        count = self.size()
        if count > len(self.data) - self.at or self.items + count > self.max_items:
            raise WireError("more items than there can be")
        return count

    def value(self, depth: int = 0) -> Any:
        self.items += 1
        if self.items > self.max_items or depth > self.max_depth:
            raise WireError("too many items, or nested too deep")
        tag = bytes(self.take(1))
        read = _READERS.get(tag)
        if read is None:
            raise WireError(f"no such tag: {tag!r}")
        return read(self, depth)

    def integer(self) -> int:
        count = int.from_bytes(self.take(2), "little")
        if not 1 <= count <= MAX_INT_BYTES + 1:
            raise WireError("an integer out of bounds")
        value = int.from_bytes(self.take(count), "little", signed=True)
        if value.bit_length() // 8 + 1 != count or value.bit_length() > 8 * MAX_INT_BYTES:
            raise WireError("an integer that is not in its shortest form")
        return value

    def key(self, inner: bool = False) -> Any:
        tag = bytes(self.take(1))
        if tag == b"s":
            return self.text()
        if tag == b"i":
            value = self.integer()
            if -(2**63) <= value < 2**63:
                return value
        if tag == b"l" and not inner:
            count = self.length()
            self.tuple_keys += 1
            if count <= MAX_KEY_ITEMS and self.tuple_keys <= MAX_TUPLE_KEYS:
                return tuple(self.key(inner=True) for _ in range(count))
        raise WireError("a key is a string, an integer or a short tuple of them")

    def mapping(self, depth: int) -> dict[Any, Any]:
        count = self.length()
        found: dict[Any, Any] = {}
        for _ in range(count):
            self.items += 1
            key = self.key()
            if key in found:
                raise WireError("a key that stands twice")
            found[key] = self.value(depth + 1)
        return found

    def tensor(self, library: str) -> Any:
        import torch

        self.tensors += 1
        code, dims = self.take(2)
        if code >= len(DTYPES) or dims > MAX_DIMS or self.tensors > MAX_TENSORS:
            raise WireError("a tensor out of bounds")
        dtype = DTYPES[code]
        if library == "numpy" and dtype not in _ARRAY_DTYPES:
            raise WireError(f"no array has dtype {dtype}")
        shape = [int(_U64.unpack(self.take(8))[0]) for _ in range(dims)]
        if math.prod(max(size, 1) for size in shape) > _MAX_NUMEL:
            raise WireError("a tensor out of bounds")
        raw = bytearray(self.take(math.prod(shape) * _WIDTHS[dtype]))
        if dtype == "bool" and raw.translate(None, b"\0\1"):
            raise WireError("a truth value that is neither")
        kind = getattr(torch, dtype)
        tensor = torch.frombuffer(raw, dtype=kind).reshape(shape) if raw else torch.empty(shape, dtype=kind)
        return tensor if library == "torch" else Array(tensor)

    def raised(self) -> Raised:
        name = self.string()
        if bytes(self.take(1)) != b"l":
            raise WireError("a list was expected")
        return Raised(name, [self.string() for _ in range(self.length())], self.string())


def _read_list(decoder: _Decoder, depth: int) -> list[Any]:
    return [decoder.value(depth + 1) for _ in range(decoder.length())]


_READERS: dict[bytes, Callable[[_Decoder, int], Any]] = {
    b"N": lambda decoder, depth: None,
    b"T": lambda decoder, depth: True,
    b"F": lambda decoder, depth: False,
    b"i": lambda decoder, depth: decoder.integer(),
    b"f": lambda decoder, depth: float(_DOUBLE.unpack(decoder.take(8))[0]),
    b"s": lambda decoder, depth: decoder.text(),
    b"b": lambda decoder, depth: bytes(decoder.take(decoder.size())),
    b"l": _read_list,
    b"d": lambda decoder, depth: decoder.mapping(depth),
    b"t": lambda decoder, depth: decoder.tensor("torch"),
    b"a": lambda decoder, depth: decoder.tensor("numpy"),
    b"R": lambda decoder, depth: decoder.raised(),
    b"O": lambda decoder, depth: Opaque(decoder.string(), decoder.string()),
}


def decode(data: bytes, *, max_bytes: int = 64 * 2**20, max_depth: int = MAX_DEPTH, max_items: int = MAX_ITEMS) -> Any:
    """The value that the bytes stand for; tuples come back as lists. Raises WireError, and nothing else."""
    if len(data) > max_bytes:
        raise WireError(f"more than {max_bytes} bytes")
    decoder = _Decoder(data, max_depth, max_items)
    try:
        value = decoder.value()
    except WireError:
        raise
    except (ValueError, TypeError, OverflowError, MemoryError, RecursionError, RuntimeError) as error:
        raise WireError(f"{type(error).__name__}: {error}") from error
    if decoder.at != len(data):
        raise WireError("bytes after the end of the message")
    return value
