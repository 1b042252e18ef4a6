"""The format between child and judge: what goes through, what becomes opaque, what is refused."""

import collections
import struct
import sys

import numpy as np
import pytest
import torch

from groundup.study.check import wire
from groundup.study.check.frames import Frames, frame
from groundup.study.check.wire import Array, Opaque, Raised, TooLarge, WireError, clean, decode, encode

PLAIN = [
    None,
    True,
    False,
    0,
    -1,
    127,
    128,
    -128,
    -129,
    2**4095,
    -(2**4095),
    1.5,
    float("inf"),
    "",
    "é\n\x00",
    "lone \ud800",
    b"\x00\xff",
    [],
    [1, [2, [3]]],
    {},
    {"a": 1, 2: [None], (1, "b"): {"c": 2.0}},
]


@pytest.mark.parametrize("value", PLAIN, ids=lambda value: repr(value)[:30])
def test_plain_values_come_back_with_their_exact_types(value):
    back = decode(encode(value))
    assert back == value
    assert type(back) is type(value)


def test_a_tuple_comes_back_as_a_list_and_true_does_not_become_one():
    assert decode(encode((1, (2,)))) == [1, [2]]
    assert decode(encode([True, 1, 1.0]))[0] is True
    assert type(decode(encode([True, 1, 1.0]))[1]) is int


def test_nan_and_negative_zero_keep_their_bits():
    value = struct.unpack("<d", struct.pack("<Q", 0x7FF8000000001234))[0]
    assert struct.pack("<d", decode(encode(value))) == struct.pack("<d", value)
    assert str(decode(encode(-0.0))) == "-0.0"


@pytest.mark.parametrize("dtype", wire.DTYPES)
@pytest.mark.parametrize("shape", [(), (3,), (2, 0, 4), (2, 3, 4)])
def test_tensors_of_every_dtype(dtype, shape):
    tensor = torch.rand(shape).mul(3).to(getattr(torch, dtype))
    back = decode(encode(tensor))
    assert back.dtype == tensor.dtype
    assert back.shape == tensor.shape
    assert wire.tensor_bytes(back) == wire.tensor_bytes(tensor)


def test_views_are_read_in_their_own_order():
    base = torch.arange(24.0).reshape(4, 6)
    for view in (base.T, base[:, ::2], base[1:, 3], base.expand(2, 4, 6), torch.randn(3, dtype=torch.complex64).conj()):
        assert torch.equal(decode(encode(view)), view)


def test_a_decoded_tensor_has_memory_of_its_own():
    raw = encode(torch.ones(3))
    first, second = decode(raw), decode(raw)
    first += 1
    assert torch.equal(second, torch.ones(3))


def test_parameters_and_tensors_that_need_a_gradient_are_tensors():
    assert torch.equal(decode(encode(torch.nn.Parameter(torch.ones(2)))), torch.ones(2))
    assert torch.equal(decode(encode(torch.ones(2, requires_grad=True) * 2)), torch.full((2,), 2.0))


@pytest.mark.parametrize(
    "array",
    [np.arange(6.0).reshape(2, 3).T, np.float32(2), np.bool_(True), np.arange(3, dtype=">i4"), np.zeros((0, 2))],
)
def test_arrays_say_that_they_are_numpys(array):
    back = decode(encode(array))
    assert type(back) is Array and back.library == "numpy"
    assert back.tensor.numpy().dtype == np.asarray(array).dtype.newbyteorder("=")
    assert np.array_equal(back.tensor.numpy(), array)


def test_dicts_of_the_standard_library_are_dicts_and_named_tuples_are_lists():
    Pair = collections.namedtuple("Pair", "x y")
    values = [collections.Counter("aab"), collections.OrderedDict(a=1), collections.defaultdict(list, a=[1])]
    assert [decode(encode(value)) for value in values] == [{"a": 2, "b": 1}, {"a": 1}, {"a": [1]}]
    assert decode(encode([Pair(1, 2), torch.Size([3, 4])])) == [[1, 2], [3, 4]]
    assert [float(one) for one in decode(encode(torch.tensor([1.0, 5.0]).max(0)))] == [5.0, 1.0]


def test_an_exception_is_its_type_names_and_message():
    back = decode(encode(KeyError("no\x1b[31m")))
    assert back == Raised("KeyError", ["KeyError", "LookupError", "Exception", "BaseException", "object"], back.message)
    assert "\x1b" not in back.message


class Liar:
    """Claims to be a tensor to everyone who asks politely."""

    @property
    def __class__(self):
        return torch.Tensor

    def __getattr__(self, name):
        raise AssertionError("it was asked")


class Sub(torch.Tensor):
    pass


class Meta(type):
    @property
    def __name__(cls):
        raise AssertionError("it was asked")


class WithMeta(metaclass=Meta):
    pass


class IntLike(int):
    pass


def shrunk():
    tensor = torch.zeros(10)
    tensor.untyped_storage().resize_(0)
    return tensor


@pytest.mark.parametrize(
    ("value", "name", "detail"),
    [
        (Liar(), "Liar", ""),
        (Sub(), "Sub", "a subclass of Tensor"),
        (WithMeta(), "WithMeta", ""),
        (IntLike(3), "IntLike", ""),
        ({1, 2}, "set", ""),
        (range(3), "range", ""),
        (lambda: 1, "function", ""),
        (2**4096, "int", "more than 4096 bits"),
        (torch.empty(2, device="meta"), "Tensor", "on device meta"),
        (torch.eye(2).to_sparse(), "Tensor", "of layout sparse_coo"),
        (shrunk(), "Tensor", "whose memory is gone"),
        (torch.ones([1] * 20), "Tensor", "of 20 dimensions"),
        (np.array(["a"]), "ndarray", "of dtype <U1, 1 dimensions"),
        (np.array([object()]), "ndarray", "of dtype object, 1 dimensions"),
        ({2.5: 1}, "dict", "a key of type float"),
        ({True: 1}, "dict", "a key of type bool"),
        ({2**70: 1}, "dict", "a key beyond 64 bits"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_plain_data_is_opaque(value, name, detail):
    assert decode(encode(value)) == Opaque(name, detail)


def test_numpys_own_subclass_is_opaque():
    assert decode(encode(np.ma.masked_array([1.0]))) == Opaque("MaskedArray")


def test_a_list_within_itself_ends():
    loop: list = []
    loop.append(loop)
    inner = decode(encode(loop))
    while type(inner) is list:
        inner = inner[0]
    assert inner == Opaque("list", "nested more than 32 deep")


def test_what_is_too_large_is_refused_before_it_is_copied():
    with pytest.raises(TooLarge):
        encode(torch.zeros(1).expand(10**12), max_bytes=2**20)
    with pytest.raises(TooLarge):
        encode([0] * 1000, max_items=999)
    with pytest.raises(TooLarge):
        encode("x" * 2000, max_bytes=1000)
    with pytest.raises(TooLarge):
        encode([torch.zeros(0)] * (wire.MAX_TENSORS + 1))
    with pytest.raises(TooLarge):
        encode(np.broadcast_to(np.zeros(1), (10**10,)), max_bytes=2**20)


def test_many_tuples_as_keys_are_opaque_and_refused():
    many = {(n, n): 0 for n in range(wire.MAX_TUPLE_KEYS + 1)}
    assert decode(encode(many)) == Opaque("dict", f"more than {wire.MAX_TUPLE_KEYS} tuples as keys")
    forged = b"d" + struct.pack("<I", len(many))
    for n in range(len(many)):
        forged += b"l" + struct.pack("<I", 1) + encode(n) + b"N"
    with pytest.raises(WireError):
        decode(forged)


def _tensor(dtype: str, shape: list[int], raw: bytes, tag: bytes = b"t") -> bytes:
    return tag + bytes((wire.DTYPES.index(dtype), len(shape))) + b"".join(struct.pack("<Q", n) for n in shape) + raw


def test_tensors_made_by_hand_are_what_the_encoder_makes():
    assert _tensor("float32", [2], struct.pack("<2f", 1, 2)) == encode(torch.tensor([1.0, 2.0]))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"?",
        b"NN",
        b"i\x00\x00",
        b"i\x02\x00\x01\x00",  # not the shortest form
        b"i\x02\x02" + b"\x01" * 514,
        b"f\x00",
        b"s\xff\xff\xff\xff",
        b"s\x01\x00\x00\x00\xff",  # no UTF-8
        b"l\xff\xff\xff\xff" + b"N" * 10,
        b"l\x02\x00\x00\x00N",
        b"l\x01\x00\x00\x00" * 40 + b"N",
        b"d\x02\x00\x00\x00" + encode("a") + b"N" + encode("a") + b"N",
        b"d\x01\x00\x00\x00NN",
        b"d\x01\x00\x00\x00" + encode(2**64) + b"N",
        b"d\x01\x00\x00\x00" + b"l\x09\x00\x00\x00" + encode(1) * 9 + b"N",
        _tensor("float32", [2], b"\x00" * 7),
        _tensor("float32", [2], b"\x00" * 9),
        _tensor("float32", [2**62, 4], b""),
        _tensor("float32", [0, 2**63], b""),
        _tensor("bool", [2], b"\x00\x02"),
        _tensor("bfloat16", [1], b"\x00\x00", tag=b"a"),
        bytes((*b"t", 99, 0)),
        bytes((*b"t", 0, 17)),
        b"R" + encode("E") + b"N" + encode(""),
        b"O" + encode(1) + encode(""),
    ],
)
def test_what_is_not_of_this_format_is_refused(data):
    with pytest.raises(WireError):
        decode(data)


def test_every_bound_of_the_reader_holds():
    assert decode(encode([1] * 10), max_items=11) == [1] * 10
    for bounds in ({"max_items": 10}, {"max_bytes": 20}, {"max_depth": 0}):
        with pytest.raises(WireError):
            decode(encode([1] * 10), **bounds)


def test_every_cut_of_a_message_is_refused():
    data = encode({"a": [1, 2.0, "x", b"y", None], "t": torch.ones(2), "n": np.ones(1), "e": ValueError("z")})
    for end in range(len(data)):
        with pytest.raises(WireError):
            decode(data[:end])


def test_a_claim_of_many_items_costs_nothing():
    before = sys.getallocatedblocks()
    with pytest.raises(WireError):
        decode(b"l" + struct.pack("<I", 2**32 - 1))
    assert sys.getallocatedblocks() - before < 1000


def test_clean_keeps_text_and_drops_what_could_act():
    assert clean("a\nb\tc é 中") == "a\nb\tc é 中"
    assert clean("\x00\x1b[2J\r\u202e\ud800\u2028") == "\ufffd\ufffd[2J\ufffd\ufffd\ufffd\ufffd"
    assert clean("x" * 10, 4) == "xxx…"
    clean("\ud800").encode()


def test_frames_are_cut_out_of_any_pieces():
    stream = frame(b"one") + frame(b"") + frame(b"three")
    frames, found = Frames(10), []
    for at in range(len(stream)):
        frames.feed(stream[at : at + 1])
        while (payload := frames.next()) is not None:
            found.append(payload)
    assert found == [b"one", b"", b"three"]


def test_a_frame_beyond_the_bound_is_refused_by_its_length_alone():
    frames = Frames(10)
    frames.feed(struct.pack("<Q", 11))
    with pytest.raises(WireError):
        frames.next()
