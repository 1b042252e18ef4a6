"""The process that writes with the learner's attention: warm, walled in, good for one text, then gone.

It imports torch and the stack, reads the model, goes behind its walls (as a run does: no network, no other process,
nothing to write to but its own empty folder), says that it is ready, and waits. One line on its standard input names
the learner's file and the prompt; events come out as JSON lines on a descriptor that the learner's prints do not reach.

Not protected against: the learner's code may say on that descriptor what it likes about its own text. Nothing is
recorded of it. Where there are no namespaces and no Landlock (macOS) only limits hold it, as with checks.
"""

from __future__ import annotations

import json
import os
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

from groundup.study.check.isolate.layers import Layers
from groundup.study.check.limits import Limits
from groundup.study.check.raised import frames
from groundup.study.first.content import HELD_OUT, MODEL, FirstFile

REFERENCE = "groundup.stack.transformer.attention:scaled_dot_product_attention"
FUNCTION = "attention"
WORDS = 400


def main() -> None:
    """Get warm, go behind the walls, wait for one line, do it."""
    config = json.loads(sys.argv[1])
    channel = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

    def say(kind: str, **values: Any) -> None:
        channel.write(json.dumps({"kind": kind, **values}).encode() + b"\n")

    layers = Layers(config["level"], config["hidden"], own=config["folder"])
    layers.enter_early()
    import torch

    torch.set_num_threads(config["threads"])
    torch.backends.cpu.get_cpu_capability()  # asks /proc and /sys, which are out of sight later
    from groundup.study import parts

    parts.import_stack()
    writer = Writer(MODEL)
    layers.enter_late()
    layers.isolate(Limits(**config["limits"]))
    say("ready", isolation=layers.isolation.name)
    line = sys.stdin.buffer.readline(2**21)
    if not line:
        return
    work(json.loads(line), writer, say)


class Writer:
    """The model that came with groundup, its tokenizer, and the held-out text that it is measured on."""

    def __init__(self, folder: Path) -> None:
        from groundup.stack.models.llama import Llama
        from groundup.stack.text.tokenizer_file import read_tokenizer

        self.model = Llama.from_pretrained(folder)
        self.tokenizer = read_tokenizer(folder)
        self.held_out = (folder / HELD_OUT).read_text(encoding="utf-8")

    def bits_per_byte(self) -> float:
        """What the model needs for each byte of the held-out text, as its parts are now."""
        import torch

        from groundup.stack.objectives.causal import bits_per_byte

        ids = torch.tensor(self.tokenizer.encode(self.held_out))
        return bits_per_byte(self.model, ids, self.model.config.context, len(self.held_out.encode()))

    def write(self, prompt: str, tokens: int, seed: int, say: Callable[[bytes, float], None]) -> None:
        """Continue the prompt; ``say`` gets each token's bytes and probability as it comes."""
        import torch

        from groundup.stack.inference.sampling import apply_temperature, top_p

        generator = torch.Generator().manual_seed(seed)
        ids = torch.tensor([self.tokenizer.encode(prompt) or [10]])
        with torch.no_grad():
            for _ in range(tokens):
                logits = self.model(ids[:, -self.model.config.context :])[:, -1]
                shares = top_p(apply_temperature(logits, 0.7), 0.9).softmax(dim=-1)
                chosen = torch.multinomial(shares, 1, generator=generator)
                share = float(logits.softmax(dim=-1).gather(-1, chosen))
                say(self.tokenizer.token_bytes(int(chosen)), share)
                ids = torch.cat((ids, chosen), dim=-1)


def work(asked: dict[str, Any], writer: Writer, say: Callable[..., None]) -> None:
    """Put the learner's attention in the model's place of it, write, and measure."""
    try:
        learned = load(asked["source"])
        swap(learned)
        writer.write(
            asked["prompt"],
            asked["tokens"],
            asked["seed"],
            lambda piece, share: say("token", bytes=piece.hex(), share=share if share == share else None),
        )
        bits = writer.bits_per_byte()
        say("measured", bits_per_byte=bits if bits == bits and abs(bits) != float("inf") else None)
    except BaseException as error:
        say("raised", type=type(error).__name__[:100], message=said(error), line=line_of(error))
    say("end")


def load(source: str) -> Callable[..., Any]:
    """The learner's function out of their file."""
    module = types.ModuleType(FirstFile.mine_module)
    module.__file__ = FirstFile.mine_path
    sys.modules[module.__name__] = module
    exec(compile(source, FirstFile.mine_path, "exec"), module.__dict__)
    found = module.__dict__.get(FUNCTION)
    if not callable(found):
        raise NameError(f"the file has no function called {FUNCTION}")
    given: Callable[..., Any] = found
    return given


def swap(learned: Callable[..., Any]) -> None:
    """Every attention of the stack is the learner's from here on; the mask is theirs to make."""
    import torch

    from groundup.study import parts

    def attention(q: Any, k: Any, v: Any, mask: Any = None) -> Any:
        answer = learned(q, k, v)
        shape = (*q.shape[:-1], v.shape[-1])
        if not isinstance(answer, torch.Tensor) or tuple(answer.shape) != shape:
            what = f"shape {tuple(answer.shape)}" if isinstance(answer, torch.Tensor) else type(answer).__name__
            raise ValueError(f"{FUNCTION} returned {what}; the model needs a tensor of shape {shape}")
        return answer

    parts.swap({FUNCTION: (REFERENCE, attention)})


def said(error: BaseException) -> str:
    try:
        return str(error.msg if isinstance(error, SyntaxError) else error)[:WORDS]
    except BaseException:
        return "(its message cannot be shown)"


def line_of(error: BaseException) -> int | None:
    """The last line of the learner's own file that the error passed through."""
    if isinstance(error, SyntaxError):
        return error.lineno
    found = None
    for frame, line, _ in frames(error):
        if frame.f_code.co_filename == FirstFile.mine_path:
            found = line
    return found


if __name__ == "__main__":
    main()
