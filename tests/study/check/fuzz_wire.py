"""A fuzz target for the decoder: coverage-guided bytes in; a value or WireError out, and nothing else.

Run as a program: ``python fuzz_wire.py -runs=20000 -max_len=512``. A finding ends it with a stack trace and a status
other than 0. With ``--self-check`` the target is given a decoder that leaks another exception: it must be found.
"""

import sys

import atheris

with atheris.instrument_imports(include=["groundup.study.check.wire"]):
    from groundup.study.check import wire

SEEDS = [
    wire.encode({"a": [1, -2.5, "x", b"y", None, True], 3: {(1, "k"): "v"}}),
    wire.encode([2**100, wire.Opaque("set", "why"), wire.Raised("E", ["E", "object"], "m")]),
]


def seeds_with_tensors() -> list[bytes]:
    import numpy
    import torch

    return [wire.encode([torch.ones(2, 3), torch.zeros(0), torch.tensor([True])]), wire.encode(numpy.arange(3))]


def leaky(data: bytes) -> object:
    if data[:1] == b"l":
        raise KeyError("leaked")
    return wire.decode(data)


def target(data: bytes) -> None:
    try:
        value = DECODE(data)
    except wire.WireError:
        return
    # What was read can be written, and is then read again as the same bytes: the reader invents nothing.
    once = wire.encode(value)
    assert wire.encode(wire.decode(once)) == once


DECODE = leaky if "--self-check" in sys.argv else wire.decode

if __name__ == "__main__":
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(SEEDS + seeds_with_tensors()):
            (Path(folder) / str(number)).write_bytes(seed)
        arguments = [one for one in sys.argv if one != "--self-check"]
        atheris.Setup([*arguments, "-rss_limit_mb=3000", "-timeout=20", f"-artifact_prefix={folder}/", folder], target)
        atheris.Fuzz()
