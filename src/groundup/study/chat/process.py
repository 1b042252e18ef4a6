"""The process of a model: goes behind its walls, puts the learner's parts in place, loads the model, and answers.

Started by :mod:`.host` with one argument, a JSON object. It reads one request a line from its standard input and
writes one event a line to what was its standard output; what code prints goes to a log. It sees its own empty folder
(with the sources of the learner's parts), the model's files and groundup's package, and has no network.

Not protected against: a learner's part can say what it likes in this model's name. On macOS only limits hold it.
"""

from __future__ import annotations

import codecs
import contextlib
import json
import os
import select
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from groundup.study.chat.words import ALTERNATIVES, ATTENTION_TOKENS
from groundup.study.check.isolate.layers import Layers
from groundup.study.check.limits import Limits
from groundup.study.runs.machine import machine

MONTH_S = 30 * 24 * 3600.0


class Lines:
    """Requests in, events out. Between tokens it is asked whether the host has had enough."""

    def __init__(self) -> None:
        self._out = os.dup(1)
        os.dup2(2, 1)  # whatever prints, prints into the log, and at once: the process is killed in the end
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
        self._in = 0
        self._read = b""

    def say(self, kind: str, **values: Any) -> None:
        line = json.dumps({"kind": kind, **values}).encode() + b"\n"
        while line:
            line = line[os.write(self._out, line) :]

    def next(self) -> dict[str, Any] | None:
        """The next request; None at the end of them."""
        while b"\n" not in self._read:
            more = os.read(self._in, 65_536)
            if not more:
                return None
            self._read += more
        line, _, self._read = self._read.partition(b"\n")
        found: dict[str, Any] = json.loads(line)
        return found

    def interrupted(self) -> bool:
        """Whether something was sent meanwhile: only "stop" is, or the end."""
        if b"\n" not in self._read and not select.select([self._in], [], [], 0)[0]:
            return False
        request = self.next()
        if request is None:
            raise SystemExit(0)
        return request.get("do") == "stop"


class Tap:
    """Stands before the model's attention and, when asked, keeps one layer's weights, whoever computes them.

    Attention with the unit matrix for values gives its weights: no part needs another way out for them.
    """

    def __init__(self, attention: Any) -> None:
        self._attention = attention
        self._layer: int | None = None
        self._calls = 0
        self.weights: Any = None

    def listen(self, layer: int) -> None:
        self._layer, self._calls, self.weights = layer, 0, None

    def __call__(self, q: Any, k: Any, v: Any, mask: Any = None) -> Any:
        if self._layer is not None:
            if self._calls == self._layer:
                import torch

                n = k.shape[-2]
                unit = torch.eye(n, dtype=v.dtype, device=v.device).expand(*k.shape[:-2], n, n)
                self.weights = self._attention(q, k, unit, mask)
                self._layer = None
            self._calls += 1
        return self._attention(q, k, v, mask)


class Speaker:
    """The model, its tokenizer, and what can be asked of them."""

    def __init__(self, folder: Path, lines: Lines) -> None:
        from groundup.stack.models import gpt2, llama
        from groundup.stack.models.checkpoints import read_config
        from groundup.stack.text.tokenizer_file import read_tokenizer

        self.lines = lines
        config = read_config(folder)
        family: Any = llama if config.get("model_type") == "llama" else gpt2
        self.tap = Tap(family.scaled_dot_product_attention)
        family.scaled_dot_product_attention = self.tap
        # Through the function, which takes whatever model a learner has put in the place of ours.
        self.model: Any = llama.load_pretrained(folder) if family is llama else gpt2.GPT2.from_pretrained(folder)
        self.model.eval()
        self.tokenizer = read_tokenizer(folder)
        self.context = int(self.model.config.context)
        ends = config.get("eos_token_id")
        self.ends = set(ends if isinstance(ends, list) else [] if ends is None else [ends])

    def facts(self) -> dict[str, Any]:
        from groundup.stack.models.gpt import count_parameters

        config = self.model.config
        return {
            "family": type(self.model).__name__,
            "layers": config.layers,
            "heads": config.heads,
            "vocab": config.vocab,
            "context": self.context,
            "parameters": count_parameters(self.model),
        }

    # ── writing ──────────────────────────────────────────────────────────────

    def generate(self, request: dict[str, Any]) -> None:
        """The prompt's tokens, then drawn ones, each with its probability and those of the likeliest others."""
        import torch

        ids = self._begin(request["prompt"])
        cut = max(0, len(ids) - (self.context - 1))
        ids = ids[cut:]
        count = min(int(request["tokens"]), self.context - len(ids))
        random = torch.Generator().manual_seed(int(request["seed"]))
        cache = self.model.new_cache(1, len(ids) + count)
        scores = self._known(self.model(torch.tensor([ids]), cache)[0])
        text = codecs.getincrementaldecoder("utf-8")("replace")
        shares = scores.softmax(dim=-1)
        tokens = [self._token(ids[0], text, None)]
        tokens += [self._token(one, text, shares[at]) for at, one in enumerate(ids[1:])]
        self.lines.say("prompt", cut=cut, tokens=tokens)
        for number in range(1, count + 1):
            last = scores[-1:]
            drawn = self._filtered(last, torch.tensor([ids]), request).softmax(dim=-1)
            if not bool(torch.isfinite(drawn).all()):
                raise ArithmeticError(
                    "the model's scores are not numbers: a part of yours, or its weights, make them so"
                )
            chosen = int(
                drawn.argmax() if request["temperature"] == 0 else torch.multinomial(drawn[0], 1, generator=random)
            )
            self.lines.say("token", token=self._token(chosen, text, last[0].softmax(dim=-1), drawn[0]))
            ids.append(chosen)
            if chosen in self.ends or self.lines.interrupted():
                self.lines.say("done", reason="end" if chosen in self.ends else "stopped")
                return
            if number < count:
                scores = self._known(self.model(torch.tensor([[chosen]]), cache)[0])
        self.lines.say("done", reason="length" if count == int(request["tokens"]) else "context")

    def _begin(self, prompt: str) -> list[int]:
        """The prompt as ids, after what stands before every text; a model cannot go on from nothing."""
        ids = self.tokenizer.begin + self.tokenizer.encode(prompt)
        return ids or (sorted(self.ends) or self.tokenizer.encode("\n"))[:1]

    def _known(self, logits: Any) -> Any:
        """Scores of tokens that have a text: embeddings are often padded beyond the vocabulary."""
        return logits[:, : self.tokenizer.vocab_size].float()

    @staticmethod
    def _filtered(logits: Any, before: Any, request: dict[str, Any]) -> Any:
        """Penalty, temperature, top-k, top-p, min-p: the stack's own functions, or the learner's in their places."""
        from groundup.stack.inference import sampling

        if request["repetition_penalty"] != 1:
            logits = sampling.repetition_penalty(logits, before, request["repetition_penalty"])
        if request["temperature"] > 0:
            logits = sampling.apply_temperature(logits, request["temperature"])
        if request["top_k"] > 0:
            logits = sampling.top_k(logits, int(request["top_k"]))
        if request["top_p"] < 1:
            logits = sampling.top_p(logits, request["top_p"])
        if request["min_p"] > 0:
            logits = sampling.min_p(logits, request["min_p"])
        return logits

    def _token(self, token: int, text: Any, shares: Any, drawn: Any = None) -> dict[str, Any]:
        """A token as the page shows it. ``adds`` is empty while a character is not complete."""
        top = []
        if shares is not None:
            likeliest = shares.topk(min(ALTERNATIVES, shares.shape[-1]))
            top = [
                {"text": self._shown(one), "p": p, "drawn": None if drawn is None else float(drawn[one])}
                for p, one in zip(likeliest.values.tolist(), likeliest.indices.tolist(), strict=True)
            ]
        return {
            "id": token,
            "text": self._shown(token),
            "adds": text.decode(self.tokenizer.token_bytes(token)),
            "p": None if shares is None else float(shares[token]),
            "drawn": None if drawn is None else float(drawn[token]),
            "top": top,
        }

    def _shown(self, token: int) -> str:
        """A token's text, or its bytes where they are no whole characters."""
        content = self.tokenizer.token_bytes(token)
        with contextlib.suppress(UnicodeDecodeError):
            text = content.decode("utf-8")
            if all(one >= " " or one in "\n\t\r" for one in text):
                return text
        return " ".join(f"<{byte:02x}>" for byte in content)

    # ── looking ──────────────────────────────────────────────────────────────

    def attend(self, request: dict[str, Any]) -> None:
        """One head's weights over a text: row = who looks, column = at whom; of a long text the end."""
        import torch

        ids = [int(one) for one in request["ids"]][-self.context :]
        layer, head = int(request["layer"]), int(request["head"])
        self.tap.listen(layer)
        self.model(torch.tensor([ids]))
        weights = self.tap.weights
        if weights is None or tuple(weights.shape[-2:]) != (len(ids), len(ids)):
            raise LookupError("this model's attention is not called as a part of the stack, so it cannot be looked at")
        shown = weights[0, head, -ATTENTION_TOKENS:, -ATTENTION_TOKENS:].float()
        self.lines.say(
            "attention",
            layer=layer,
            head=head,
            left_out=len(ids) - shown.shape[-1],
            tokens=[self._shown(one) for one in ids[-ATTENTION_TOKENS:]],
            weights=[[round(cell, 4) for cell in row] for row in shown.tolist()],
        )


def put_parts_in_place(given: Sequence[dict[str, Any]]) -> None:
    from groundup.study import parts
    from groundup.study.runs.records import UsedPart

    sys.path.insert(0, os.path.abspath("sources"))
    sys.dont_write_bytecode = True
    parts.swap(parts.load(UsedPart(**one) for one in given))


def bounds() -> Limits:
    """As for runs: nearly all of the memory that is free, and small files only."""
    free = machine().free_mb
    return Limits(
        wall_s=MONTH_S, cpu_s=MONTH_S, memory_mb=max(512.0, free * 0.95), files_mb=64.0, open_files=256, stack_mb=8.0
    )


def main() -> None:
    """Go behind the walls, load, then answer until there is nobody left to answer."""
    config = json.loads(sys.argv[1])
    lines = Lines()
    layers = Layers(config["level"], config["hidden"], own=config["folder"])
    layers.extra.append(config["model"])
    try:
        layers.enter_early()
        import torch

        torch.set_num_threads(config["threads"])
        torch.backends.cpu.get_cpu_capability()  # asks /proc and /sys, which are out of sight later
        from groundup.study import parts

        parts.import_stack()
        layers.enter_late()
        layers.isolate(bounds())
    except Exception:
        traceback.print_exc()
        lines.say("failed", message="the model's process could not be walled in; its log says why")
        raise SystemExit(70) from None
    os.umask(0o077)
    try:
        put_parts_in_place(config["parts"])
        with torch.no_grad():
            speaker = Speaker(Path(config["model"]), lines)
            names = [one["build"] for one in config["parts"]]
            lines.say("ready", isolation=layers.isolation.name, parts=names, **speaker.facts())
            answer(speaker, lines)
    except Exception as error:
        traceback.print_exc()
        lines.say("failed", message=f"the model could not be loaded: {type(error).__name__}: {error}"[:2000])
        raise SystemExit(1) from None


def answer(speaker: Speaker, lines: Lines) -> None:
    """One request after the other. What goes wrong in one is said, and the next is answered."""
    while (request := lines.next()) is not None:
        try:
            if request["do"] == "generate":
                speaker.generate(request)
            elif request["do"] == "attend":
                speaker.attend(request)
        except Exception as error:
            traceback.print_exc()
            lines.say("failed", message=f"{type(error).__name__}: {error}"[:2000])


if __name__ == "__main__":
    main()
