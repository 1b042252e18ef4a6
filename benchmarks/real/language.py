"""The next token, on both sides: a Llama in small on a text in pieces, scored by its perplexity for each *word*.

Tokens are ours, words are the text's own (what stands between spaces; the end of a line is one, as the set's paper
counts): so a network on pieces and n-grams of bytes are compared in the same unit. Every token of the text that is held
out is predicted once, each from what stands before it in its window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, nn

from groundup.stack.models.families import CausalLM
from groundup.stack.models.llama import Llama, LlamaConfig
from groundup.stack.models.output import IGNORED
from groundup.stack.text.tokenizer_file import read_tokenizer
from groundup.stack.training.settings import Settings
from groundup.stack.training.trainer import train
from real import classical, theirs
from real.outcomes import Outcome
from real.plans import Job


@dataclass(frozen=True)
class Language(Job):
    """Texts in two parts; the held-out one is scored line by line, so that lines can be drawn again."""

    def golds(self) -> list[Any]:
        """The number of words of each line, its end among them."""
        return [len(line.split()) + 1 for line in self._lines()]

    def _lines(self) -> list[str]:
        return [line for one in self.dev for line in one.text.splitlines() if line.strip()]

    def _text(self) -> str:
        return "".join(f"{line}\n" for one in self.train for line in one.text.splitlines() if line.strip())

    def ours(self, settings: Settings) -> Outcome:
        torch.manual_seed(settings.seed)
        model = CausalLM(Llama(self._config()))
        run = train(model, self._windows(), collate, settings)
        return Outcome(self._nats(model), sum(one.numel() for one in model.parameters()), run.losses, run.rates,
                       run.norms, run.tokens, run.seconds)  # fmt: skip

    def theirs(self, settings: Settings) -> Outcome:
        torch.manual_seed(settings.seed)
        with TemporaryDirectory() as folder:
            Llama(self._config()).save_pretrained(folder)
            model = theirs.read_model("LlamaForCausalLM", folder)
        run = theirs.train(model, self._windows(), collate, settings)
        return Outcome(self._nats(model), sum(one.numel() for one in model.parameters()), run.losses, [], [],
                       run.tokens, run.seconds)  # fmt: skip

    def _config(self) -> LlamaConfig:
        vocab = read_tokenizer(self.shelf / self.plan.name).vocab_size
        return LlamaConfig(vocab=vocab, context=self.plan.length + 1, tied=True, **self.plan.shape)

    def _windows(self) -> list[list[int]]:
        """The training text in windows that share one token: each token but the first is predicted once an epoch."""
        ids = read_tokenizer(self.shelf / self.plan.name).encode(self._text())
        size = self.plan.length
        return [ids[at : at + size + 1] for at in range(0, len(ids) - 1, size)]

    @torch.no_grad()
    def _nats(self, model: nn.Module) -> list[float]:
        """For each line of the held-out text the nats of its tokens, read as one text after a line's end."""
        tokenizer = read_tokenizer(self.shelf / self.plan.name)
        rows = [tokenizer.encode(f"{line}\n") for line in self._lines()]
        ids = [tokenizer.encode("\n")[-1], *(one for row in rows for one in row)]
        line_of = torch.tensor([at for at, row in enumerate(rows) for _ in row])
        size, nats = self.plan.length, torch.zeros(len(ids) - 1, dtype=torch.float64)
        model.eval()
        places = list(range(0, len(ids) - 1, size))
        for some in (places[at : at + 32] for at in range(0, len(places), 32)):
            windows = [ids[at : at + size + 1] for at in some]
            logits = model(**{name: one for name, one in collate(windows).items() if name != "labels"}).logits
            for at, row, window in zip(some, logits.log_softmax(dim=-1), windows, strict=True):
                chosen = row[: len(window) - 1].gather(-1, torch.tensor(window[1:])[:, None])[:, 0]
                nats[at : at + len(window) - 1] = -chosen.double()
        return torch.zeros(len(rows), dtype=torch.float64).index_add_(0, line_of, nats).tolist()

    def baselines(self) -> dict[str, list[Any]]:
        """Kneser-Ney on bytes, with the order that the end of the training text chooses."""
        text = "".join(f"{line}\n" for line in self._lines())
        nats, order = classical.ngram_nats(self._text(), text)
        sizes = [len(line.encode()) + 1 for line in self._lines()]
        edges = [0, *torch.tensor(sizes).cumsum(0).tolist()]
        each = [float(nats[a:b].sum()) for a, b in pairwise(edges)]
        return {f"Kneser-Ney, {order} bytes": each}


def collate(windows: Sequence[list[int]]) -> dict[str, Tensor]:
    """ids and labels (batch, n); what fills a shorter window is masked by the causal order, and does not count."""
    longest = max(map(len, windows))
    ids = torch.tensor([[*one, *[0] * (longest - len(one))] for one in windows])
    counted = torch.tensor([[True] * len(one) + [False] * (longest - len(one)) for one in windows])
    return {"ids": ids, "labels": ids.masked_fill(~counted, IGNORED)}
