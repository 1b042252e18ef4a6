"""The first three minutes: the model that came with groundup runs on whatever the learner makes of its attention."""

from __future__ import annotations

import json
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from groundup.study.first import host
from groundup.study.first.content import BREAKS, BROKEN, HELD_OUT, MODEL, STARTING, FirstFile, break_by, provenance
from groundup.study.first.host import First
from groundup.study.first.process import Writer
from groundup.study.first.training import BYTES, differences, excerpt
from groundup.study.home import Home

REFERENCE = provenance()["scores"]["excerpt_bits_per_byte"]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[First]:
    home = Home(tmp_path_factory.mktemp("first") / "home")
    home.create()
    one = First(home)
    yield one
    one.close()


def written(first: First, source: str, **wishes: Any) -> tuple[str, float | None, dict[str, Any] | None]:
    """The text, the bits for each byte, and what went wrong."""
    events = list(first.write(source, **wishes))
    assert events[-1] == {"kind": "end"}
    text = "".join(one["text"] for one in events if one["kind"] == "token")
    bits = [one["bits_per_byte"] for one in events if one["kind"] == "measured"]
    trouble = [one for one in events if one["kind"] in ("raised", "stopped")]
    return text, bits[0] if bits else None, trouble[0] if trouble else None


# ── what comes with groundup ─────────────────────────────────────────────────


def test_the_model_is_small_and_says_where_it_comes_from() -> None:
    assert sum(one.stat().st_size for one in MODEL.iterdir()) <= BYTES
    made = provenance()
    assert made["lab"] == "gpt"
    assert made["scores"]["held_out_bits_per_byte"] < made["scores"]["kneser_ney_5"]
    assert made["scores"]["held_out_bits_per_byte"] < made["scores"]["xz"]
    assert "Python" in made["source"]
    assert len((MODEL / HELD_OUT).read_bytes()) > 2000


def test_its_score_is_what_is_said() -> None:
    assert Writer(MODEL).bits_per_byte() == pytest.approx(REFERENCE, abs=1e-3)


def test_what_differs_from_a_model_made_again_is_named() -> None:
    stored = provenance()
    assert differences(stored, stored) == []
    other = json.loads(json.dumps(stored))
    other["scores"]["xz"] += 1
    other["threads"] += 1
    assert [one.partition(":")[0] for one in differences(other, stored)] == ["threads", "xz"]


def test_the_excerpt_is_whole_paragraphs() -> None:
    text = "\n\n".join(f"paragraph {number} " + "x" * 300 for number in range(60))
    found = excerpt(text)
    assert 4000 < len(found) <= 6000
    assert all(one.startswith("paragraph ") and one.endswith("x" * 300) for one in found.split("\n\n"))


def attention_of(source: str) -> Any:
    module = types.ModuleType("first")
    exec(source, module.__dict__)
    return module.attention


def test_every_way_to_break_it_changes_what_it_computes() -> None:
    generator = torch.Generator().manual_seed(0)
    q, k, v = torch.randn(3, 2, 5, 6, generator=generator)
    mask = torch.ones(5, 5, dtype=torch.bool).tril()
    right = torch.nn.functional.scaled_dot_product_attention(q, k, v, mask)
    torch.testing.assert_close(attention_of(STARTING)(q, k, v), right)
    for one in BREAKS:
        broken = one.apply(STARTING)
        assert broken is not None
        assert not torch.allclose(attention_of(broken)(q, k, v), right, atol=1e-3, equal_nan=True)
        assert one.apply(broken) is None
    with pytest.raises(LookupError, match="mask, scale, axis"):
        break_by("no-such")


# ── running it ───────────────────────────────────────────────────────────────


def test_intact_it_writes_as_well_as_ever(first: First) -> None:
    text, bits, trouble = written(first, STARTING)
    assert trouble is None
    assert len(text) > 40
    assert bits == pytest.approx(REFERENCE, abs=1e-3)
    assert written(first, STARTING)[0] == text, "the same seed, the same text"
    assert written(first, STARTING, seed=1)[0] != text


@pytest.mark.parametrize("one", BREAKS, ids=lambda one: one.id)
def test_broken_it_is_worse_by_far(first: First, one: host.Any) -> None:
    broken = one.apply(STARTING)
    assert broken is not None
    text, bits, trouble = written(first, broken)
    assert trouble is None
    assert text
    assert bits is None or bits > BROKEN * REFERENCE


def test_an_error_is_told_with_the_line(first: First) -> None:
    _, _, trouble = written(first, STARTING.replace("return weights @ v", "return weights @ w"))
    assert trouble is not None
    assert trouble["type"] == "NameError"
    lines = STARTING.splitlines()
    assert "return weights" in lines[trouble["line"] - 1]
    _, _, trouble = written(first, "def attention(q, k, v:\n    pass\n")
    assert trouble is not None
    assert (trouble["type"], trouble["line"]) == ("SyntaxError", 1)
    _, _, trouble = written(first, STARTING.replace("return weights @ v", "return weights"))
    assert trouble is not None
    assert "returned shape" in trouble["message"]
    _, _, trouble = written(first, "x = 1\n")
    assert trouble is not None
    assert "no function called attention" in trouble["message"]


def test_nan_is_no_number(first: First) -> None:
    text, bits, trouble = written(first, STARTING.replace("return weights @ v", "return weights @ v * float('nan')"))
    assert bits is None
    assert trouble is not None or text


def test_hostile_files_end_and_reach_nothing(first: First) -> None:
    secret = first._home.path / "secret.txt"
    secret.write_text("a secret")
    for body, kind in (
        ("import os; os._exit(0)", "stopped"),
        ("bytearray(2**36)", "raised"),
        (f"open({str(secret)!r}).read()", "raised"),
        ("import socket; socket.create_connection(('127.0.0.1', 9), 1)", "raised"),
        ("import os; os.fork()", "raised"),
    ):
        _, bits, trouble = written(first, f"{body}\n{STARTING}")
        assert bits is None, body
        assert trouble is not None, body
        assert trouble["kind"] == kind, (body, trouble)
        assert "a secret" not in json.dumps(trouble)
    written(first, f"open('/tmp/left-behind', 'w')\n{STARTING}")
    assert not Path("/tmp/left-behind").exists()


def test_what_takes_too_long_is_stopped(first: First, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "WRITE_S", 2.0)
    for body in ("while True: pass\n", "import time, signal\nsignal.alarm(0)\ntime.sleep(100)\n"):
        _, bits, trouble = written(first, body + STARTING)
        assert bits is None
        assert trouble == {"kind": "stopped", "why": "it took over 2 s, so it was stopped"}


def test_what_it_prints_and_forges_stays_within_bounds(first: First) -> None:
    noisy = "import os\nfor _ in range(1000): print('x' * 1000)\n" + STARTING
    assert written(first, noisy)[1] == pytest.approx(REFERENCE, abs=1e-3)
    forged = (
        "import os\n"
        "for fd in range(3, 64):\n"
        '    try: os.write(fd, b\'{"kind": "token", "bytes": "1b5b", "share": 1}\\n[]\\n{"kind": []}\\n\')\n'
        "    except OSError: pass\n"
    ) + STARTING
    text, bits, trouble = written(first, forged)
    assert "\x1b" not in text
    assert bits is None or bits == pytest.approx(REFERENCE, abs=1e-3)
    assert trouble is None or trouble["kind"] in ("raised", "stopped")


def test_a_closed_one_starts_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.create()
    one = First(home)
    one.close()
    assert [event["kind"] for event in one.write(STARTING)] == ["stopped", "end"]


# ── in a terminal ────────────────────────────────────────────────────────────


def groundup(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("groundup")), "--home", str(home), "first", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_the_terminal_shows_it_too(tmp_path: Path) -> None:
    home = tmp_path / "home"
    told = groundup(home, "--json")
    assert told.returncode == 0, told.stderr
    found = json.loads(told.stdout)
    assert found["bits_per_byte"] == pytest.approx(REFERENCE, abs=1e-3)
    file = home / FirstFile.mine_path
    assert file.read_text() == STARTING
    broken = json.loads(groundup(home, "--json", "--break", "axis").stdout)
    assert broken["bits_per_byte"] is None or broken["bits_per_byte"] > BROKEN * REFERENCE
    assert file.read_text() == STARTING, "the file is the learner's"
    file.write_text("def attention(q, k, v):\n    return q[0\n")
    told = groundup(home)
    assert told.returncode == 1
    assert "SyntaxError" in told.stderr
    told = groundup(home, "--break", "mask")
    assert told.returncode == 2
    assert "does not have the line" in told.stderr
    assert groundup(home, "--break", "nothing").returncode == 2
