"""Models at work: what they write is what the stack computes; what their processes may do and say is bounded."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import psutil
import pytest
import torch

from groundup.stack.inference import sampling
from groundup.stack.models.llama import Llama
from groundup.stack.text.tokenizer_file import read_tokenizer
from groundup.study.chat.host import Chats
from groundup.study.chat.settings import KNOBS, ChatError, Settings
from groundup.study.chat.words import BrokenLine, read_word
from groundup.study.home import Home
from groundup.study.runs.control import Runs
from groundup.study.runs.records import Request, UsedPart
from groundup.study.shelf import Shelf

HERE = Path(__file__).parent
PROGRAM = Path(sys.executable).with_name("groundup")
ATTENTION = "groundup.stack.transformer.attention:scaled_dot_product_attention"
PROMPT = "the cat sat"


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"chat_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tiny = load(HERE.parent / "tiny_model.py")


@pytest.fixture
def study(tmp_path: Path) -> Any:
    home = Home(tmp_path / "home")
    home.create()
    runs = Runs(home)
    return SimpleNamespace(home=home, runs=runs, shelf=Shelf(home, runs))


@pytest.fixture
def chats(study: Any, tmp_path: Path) -> Iterator[Chats]:
    study.shelf.add(str(tiny.write_model(tmp_path / "tiny")))
    chats = Chats(study)
    yield chats
    chats.close()


def run_with_part(
    study: Any, source: str, build: str = "scaled_dot_product_attention", reference: str = ATTENTION
) -> str:
    """A run's model that was trained with a part of the learner's."""
    part = UsedPart(build, "self-attention", reference, "mine.transformer.x", "x", "0" * 64, 1)
    request = Request(lab="gpt", scale="tiny", parts=(part,))
    record = study.runs.create(request, {}, {"mine.transformer.x": source.encode()})
    tiny.write_model(record.folder / "model")
    return str(record.id)


def written(words: list[dict[str, Any]]) -> list[int]:
    return [one["token"]["id"] for one in words if one["kind"] == "token"]


# ── what is written ──────────────────────────────────────────────────────────


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_the_likeliest_tokens_are_those_of_the_model(study: Any, tmp_path: Path, family: str) -> None:
    from groundup.stack.models.gpt2 import GPT2

    folder = tiny.write_model(tmp_path / "tiny", family)
    study.shelf.add(str(folder))
    chats = Chats(study)
    words = list(chats.generate("tiny", PROMPT, Settings(temperature=0, tokens=12)))
    assert [one["kind"] for one in words] == ["ready", "prompt", *["token"] * 12, "done"]
    model = (Llama if family == "llama" else GPT2).from_pretrained(folder)
    tokenizer = read_tokenizer(folder)
    ids = tokenizer.encode(PROMPT)
    assert [one["id"] for one in words[1]["tokens"]] == ids
    with torch.no_grad():
        for word in words[2:-1]:
            scores = model(torch.tensor([ids]))[0, -1, : tokenizer.vocab_size]
            shares = scores.softmax(dim=-1)
            token = word["token"]
            assert token["id"] == int(scores.argmax())
            assert token["p"] == pytest.approx(float(shares[token["id"]]), abs=1e-5)
            assert [one["p"] for one in token["top"]] == pytest.approx(shares.topk(8).values.tolist(), abs=1e-5)
            ids.append(token["id"])
    chats.close()


def test_settings_are_applied_by_the_stack_in_their_order(chats: Chats, study: Any) -> None:
    settings = Settings(temperature=0.7, top_k=40, top_p=0.9, min_p=0.2, repetition_penalty=1.5, tokens=1, seed=5)
    words = list(chats.generate("tiny", PROMPT, settings))
    token = next(one["token"] for one in words if one["kind"] == "token")
    folder = study.shelf.get("tiny").folder
    tokenizer = read_tokenizer(folder)
    ids = torch.tensor([tokenizer.encode(PROMPT)])
    with torch.no_grad():
        logits = Llama.from_pretrained(folder)(ids)[:, -1, : tokenizer.vocab_size]
    logits = sampling.apply_temperature(sampling.repetition_penalty(logits, ids, 1.5), 0.7)
    drawn = sampling.min_p(sampling.top_p(sampling.top_k(logits, 40), 0.9), 0.2).softmax(dim=-1)[0]
    assert token["drawn"] == pytest.approx(float(drawn[token["id"]]), abs=1e-5)
    assert token["drawn"] > 0
    for one in token["top"]:
        assert (one["drawn"] == 0) or one["drawn"] > one["p"]


def test_one_seed_writes_one_text(chats: Chats) -> None:
    def text(seed: int | None) -> tuple[list[int], int]:
        words = list(chats.generate("tiny", PROMPT, Settings(tokens=20, seed=seed)))
        return written(words), words[0]["seed"]

    first, _ = text(3)
    assert text(3)[0] == first
    assert text(4)[0] != first
    other, seed = text(None)
    assert text(seed)[0] == other, "a seed that was drawn is told"


def test_the_context_bounds_prompt_and_text(chats: Chats) -> None:
    words = list(chats.generate("tiny", PROMPT, Settings(tokens=500, seed=1)))
    assert words[-1]["reason"] in ("context", "end")
    assert len(words[1]["tokens"]) + len(written(words)) <= tiny.CONTEXT
    long = list(chats.generate("tiny", "the cat sat. " * 60, Settings(tokens=5, seed=1)))
    assert long[1]["cut"] > 0 and len(long[1]["tokens"]) == tiny.CONTEXT - 1
    assert len(written(long)) == 1
    empty = list(chats.generate("tiny", "", Settings(tokens=2, seed=1)))
    assert len(written(empty)) >= 1
    with pytest.raises(ChatError, match="At most"):
        list(chats.generate("tiny", "x" * 30_000, Settings()))


def test_characters_come_whole(chats: Chats) -> None:
    words = list(chats.generate("tiny", "é漢🦙", Settings(tokens=1, seed=1)))
    prompt = words[1]["tokens"]
    assert "".join(one["adds"] for one in prompt) == "é漢🦙"
    assert any(one["text"].startswith("<f0>") or one["text"] == "🦙" for one in prompt)


def test_attention_maps_are_those_of_the_model(chats: Chats, study: Any) -> None:
    words = list(chats.generate("tiny", PROMPT, Settings(temperature=0, tokens=4)))
    ids = [one["id"] for one in words[1]["tokens"]] + written(words)
    for layer in (0, 1):
        found = chats.attention("tiny", ids, layer, 3)
        weights = torch.tensor(found["weights"])
        assert weights.shape == (len(ids), len(ids)) and found["left_out"] == 0
        assert torch.allclose(weights.sum(dim=-1), torch.ones(len(ids)), atol=2e-3)
        assert float(weights.triu(1).abs().max()) == 0
        assert "".join(found["tokens"]).startswith(PROMPT)
    transformers = pytest.importorskip("transformers")
    theirs = transformers.LlamaForCausalLM.from_pretrained(study.shelf.get("tiny").folder, attn_implementation="eager")
    with torch.no_grad():
        expected = theirs(torch.tensor([ids]), output_attentions=True).attentions[1][0, 3]
    assert torch.allclose(weights, expected, atol=1e-3)
    for wrong in ({"layer": 2, "head": 0}, {"layer": 0, "head": 4}, {"layer": -1, "head": 0}):
        with pytest.raises(ChatError, match="there is no head"):
            chats.attention("tiny", ids, **wrong)
    with pytest.raises(ChatError, match="no tokens"):
        chats.attention("tiny", [10**6], 0, 0)


# ── whose code ───────────────────────────────────────────────────────────────


def test_a_model_is_computed_by_the_parts_it_was_trained_with(study: Any) -> None:
    uniform = (
        "def scaled_dot_product_attention(q, k, v, mask=None):\n"
        "    w = mask.float() if mask is not None else q.new_ones(q.shape[-2], k.shape[-2])\n"
        "    return (w / w.sum(-1, keepdim=True)) @ v\n"
    )
    name = run_with_part(study, uniform)
    chats = Chats(study)
    words = list(chats.generate(name, PROMPT, Settings(temperature=0, tokens=2)))
    assert words[0]["parts"] == ["scaled_dot_product_attention"]
    ids = [one["id"] for one in words[1]["tokens"]]
    row = chats.attention(name, ids, 1, 0)["weights"][2][:3]
    assert row == pytest.approx([1 / 3] * 3, abs=1e-3), "the map shows the learner's own weights"
    assert next(chats.generate(name, PROMPT, Settings(temperature=0), "reference"))["parts"] == []
    row = chats.attention(name, ids, 1, 0, "reference")["weights"][2][:3]
    assert row != pytest.approx([1 / 3] * 3, abs=1e-4)
    with pytest.raises(ChatError, match="nobody's code"):
        chats.process(name, "yours")
    chats.close()


def test_a_learners_whole_model_may_stand_in(study: Any) -> None:
    """Its contract asks for no way to read a checkpoint."""
    source = (
        "from groundup.stack.models.llama import Llama as Theirs\n"
        "class Llama(Theirs):\n    from_pretrained = None\n    def forward(self, ids, cache=None):\n"
        "        return super().forward(ids, cache) * 0.0\n"
    )
    name = run_with_part(study, source, "Llama", "groundup.stack.models.llama:Llama")
    chats = Chats(study)
    words = list(chats.generate(name, PROMPT, Settings(tokens=2, seed=1, top_p=1)))
    assert words[0]["parts"] == ["Llama"]
    token = next(one["token"] for one in words if one["kind"] == "token")
    assert token["p"] == pytest.approx(1 / words[0]["vocab"], rel=0.1), "scores that are all equal"
    chats.close()


# ── what a process may not do ────────────────────────────────────────────────


def test_a_hostile_part_sees_and_writes_nothing_of_others(study: Any) -> None:
    secret = study.home.path / "secret.txt"
    secret.write_text("not for models")
    name = run_with_part(
        study,
        "import socket\nfrom pathlib import Path\n"
        "def attempt(action):\n    try:\n        action()\n        return 'allowed'\n"
        "    except OSError:\n        return 'refused'\n"
        f"print('read', attempt(lambda: Path({str(secret)!r}).read_bytes()))\n"
        f"print('wrote', attempt(lambda: Path({str(study.home.state / 'x')!r}).write_text('x')))\n"
        "print('net', attempt(lambda: socket.create_connection(('127.0.0.1', 9), 1)))\n"
        "from groundup.stack.transformer.attention import attention_by_formula as scaled_dot_product_attention\n",
    )
    chats = Chats(study)
    words = list(chats.generate(name, PROMPT, Settings(tokens=2, seed=1)))
    log = chats.process(name).log
    chats.close()
    if words[0]["isolation"] == "rlimits":
        pytest.skip("this machine grants neither namespaces nor Landlock")
    assert "read refused" in log and "wrote refused" in log and "net refused" in log
    assert len(written(words)) == 2, "what it prints does not come between"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise ValueError('as asked')", "as asked"),
        ("return v * float('nan')", "not numbers"),
        ("return v[..., :1]", "Error"),
        ("import os; os._exit(3)", "has ended"),
        (
            "import os; [os.write(fd, b'{}\\n') for fd in range(3, 20) if fd_ok(fd)]; return v",
            "cannot be read|has ended",
        ),
    ],
)
def test_what_goes_wrong_in_a_model_is_said(study: Any, body: str, said: str) -> None:
    opened = (
        "def fd_ok(fd):\n    import os\n    try:\n        os.fstat(fd)\n        return True\n"
        "    except OSError:\n        return False\n"
    )
    name = run_with_part(study, f"{opened}def scaled_dot_product_attention(q, k, v, mask=None):\n    {body}\n")
    chats = Chats(study)
    try:
        words = list(chats.generate(name, PROMPT, Settings(tokens=3, seed=1)))
        assert words[-1]["kind"] == "failed"
        message = words[-1]["message"]
    except ChatError as error:
        message = str(error)
    assert re.search(said, message), message
    again = list(chats.generate(name, PROMPT, Settings(tokens=2, seed=1), "reference"))
    assert len(written(again)) >= 1, "and groundup's own code still writes"
    chats.close()


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"{}",
        b'{"kind": "what"}',
        b'{"kind": "done", "reason": "<b>"}',
        b'{"kind": "token", "token": {"id": -1}}',
        b'{"kind": "token", "token": {"id": true, "text": "", "adds": "", "p": 1, "drawn": 1, "top": []}}',
        b'{"kind": "attention", "layer": 0, "head": 0, "left_out": 0, "tokens": ["a"], "weights": [[1, 2]]}',
        b'{"kind": "failed", "message": 5}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_lines_that_are_no_words_are_refused(line: bytes) -> None:
    with pytest.raises(BrokenLine):
        read_word(line)


def test_words_are_bounded() -> None:
    token = {"id": 1, "text": "a\x1b[31m" + "b" * 9999, "adds": "\ud800", "p": 1e999, "drawn": -4, "top": []}
    found = read_word(json.dumps({"kind": "token", "token": token}).replace("Infinity", "1e999").encode())["token"]
    assert found["text"].startswith("a[31mb") and len(found["text"]) <= 400
    assert (found["p"], found["drawn"], found["adds"]) == (None, 0.0, "?")


def test_settings_are_held_to_their_bounds() -> None:
    assert Settings.read({}) == Settings()
    assert Settings.read({"temperature": "0.5", "tokens": "7", "seed": "9", "top_k": ""}) == Settings(
        temperature=0.5, tokens=7, seed=9
    )
    for name, knob in KNOBS.items():
        for wrong in (knob.low - 1, knob.high + 1, "x", "nan"):
            with pytest.raises(ChatError, match=knob.label):
                Settings.read({name: wrong})
    for wrong in ({"tokens": 1.5}, {"seed": -1}, {"seed": 2**60}):
        with pytest.raises(ChatError):
            Settings.read(wrong)


# ── processes ────────────────────────────────────────────────────────────────


def wait_for(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def test_one_process_serves_all_and_ends_when_idle(study: Any, tmp_path: Path) -> None:
    study.shelf.add(str(tiny.write_model(tmp_path / "tiny")))
    chats = Chats(study, idle_s=1.5)
    first = chats.process("tiny")
    assert chats.process("tiny") is first
    family = [psutil.Process(first._process.pid), *psutil.Process(first._process.pid).children(recursive=True)]
    wait_for(lambda: not first.alive)
    wait_for(lambda: not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in family))
    assert chats.process("tiny") is not first
    chats.close()


def test_whoever_stops_listening_stops_the_writing(chats: Chats) -> None:
    words = chats.generate("tiny", PROMPT, Settings(tokens=50, seed=1))
    for _ in range(4):
        next(words)
    words.close()  # type: ignore[attr-defined]
    assert len(written(list(chats.generate("tiny", PROMPT, Settings(tokens=3, seed=1))))) == 3


def test_a_home_has_one_process_for_a_model(chats: Chats, study: Any) -> None:
    chats.process("tiny")
    other = Chats(study)
    with pytest.raises(ChatError, match="at work for another groundup"):
        other.process("tiny")
    chats.close()
    wait_for(lambda: _starts(other))
    other.close()


def _starts(chats: Chats) -> bool:
    try:
        chats.process("tiny")
    except ChatError:
        return False
    return True


# ── the terminal ─────────────────────────────────────────────────────────────


def groundup(home: Path, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "GROUNDUP_HOME": str(home), "COLUMNS": "120", "NO_COLOR": "1"}
    return subprocess.run(
        [str(PROGRAM), *words], capture_output=True, text=True, env=environment, input=given, check=False, timeout=180
    )


def test_the_terminal_writes(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert groundup(home, "chat").returncode == 2
    assert groundup(home, "shelf", "add", str(tiny.write_model(tmp_path / "tiny"))).returncode == 0
    text = groundup(home, "chat", "tiny", "--seed", "3", "--tokens", "8", "--temperature", "0.5", given=PROMPT + "\n")
    assert text.returncode == 0, text.stderr
    assert text.stdout.startswith(PROMPT)
    events = groundup(home, "chat", "-p", PROMPT, "--seed", "3", "--tokens", "8", "--temperature", "0.5", "--json")
    words = [json.loads(line) for line in events.stdout.splitlines()]
    assert "".join(one["token"]["adds"] for one in words if one["kind"] == "token") in text.stdout
    wrong = groundup(home, "chat", "tiny", "-p", "x", "--top-p", "2")
    assert wrong.returncode == 2 and "top-p is not 2.0" in wrong.stderr
    assert groundup(home, "chat", "other", "-p", "x").returncode == 2
