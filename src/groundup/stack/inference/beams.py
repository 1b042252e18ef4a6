"""Beam search: of all continuations of a few kept ones, the likeliest few are kept, step after step.

    beams (batch, K) ── next ──► log p + what each beam has so far: (batch, K · vocab) ── the likeliest ──► those that
    end, by log p / length ** penalty, among the finished (batch, K); the K likeliest others are the next beams

Graves, "Sequence Transduction with Recurrent Neural Networks" (2012); Sutskever, Vinyals and Le, "Sequence to Sequence
Learning with Neural Networks" (2014), section 3.2. What is written is not the likeliest text (that could not be
found), but often a likelier one than the greedy choice. Log p falls with every token, so that short texts win: dividing
by length ** penalty makes up for it (Wu and others, "Google's Neural Machine Translation System" 2016, section 7, have
(5 + length) / 6 instead of length).

When to stop is transformers' definition: the search for a text ends when it has K finished ones and, with
``early_stopping`` True, at once; False, when the best beam, scored as if it ended here, is no better than the worst of
the finished; "never", when even with the length that is best for it, it would not be. False is a guess where the
penalty is above 0: a beam's score may rise while it grows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from groundup.stack.inference.steps import Rules, Steps

Stopping = bool | Literal["never"]
_LOWEST = float("-inf")


@dataclass(frozen=True)
class Beam:
    """A finished text: its new tokens, the end among them if it came, and log p / length ** penalty."""

    ids: list[int]
    score: float


class BeamSearch:
    """The beams of a batch and what has finished. Sizes: B texts, K beams, ``keep`` candidates, L tokens at most."""

    def __init__(
        self, limits: Tensor, beams: int, rules: Rules, length_penalty: float = 1.0, early_stopping: Stopping = False
    ) -> None:
        """``limits`` (B,): how many tokens each text may get at most."""
        if beams < 1 or early_stopping not in (True, False, "never") or int(limits.min()) < 1:
            raise ValueError(
                f"beams and limits are at least 1, early_stopping is True, False or 'never': got {beams}, "
                f"{limits.tolist()} and {early_stopping!r}"
            )
        self.beams, self.rules, self.penalty, self.early = beams, rules, length_penalty, early_stopping
        self.limits, self.steps_done = limits, 0
        batch, device = len(limits), limits.device
        self.texts = torch.arange(batch, device=device)
        self.running = torch.full((batch, beams), _LOWEST, device=device)
        self.running[:, 0] = 0.0  # all beams begin alike: only one may be continued
        self.tokens = torch.zeros(batch, beams, int(limits.max()), dtype=torch.int64, device=device)
        self.finished = torch.full_like(self.running, _LOWEST)
        self.finished_tokens = self.tokens.clone()
        self.lengths = torch.zeros_like(self.running, dtype=torch.int64)
        self.ended = torch.zeros_like(self.running, dtype=torch.bool)
        self.found: list[list[Beam]] = [[] for _ in range(batch)]

    def step(self, logits: Tensor, written: Tensor) -> tuple[Tensor, Tensor]:
        """logits (B · K, vocab) of the next token to the rows of the beams that go on, and the new token of each.

        Texts whose search has ended are left out, and are in ``found`` from then on.
        """
        scores = logits.log_softmax(dim=-1, dtype=torch.promote_types(logits.dtype, torch.float32))
        scores = self.rules.apply(scores, written, self.steps_done)
        vocab, batch = scores.shape[-1], len(self.texts)
        totals = self.running[..., None] + scores.view(batch, self.beams, vocab)
        # As many as can end, and K more: so many go on.
        keep = min(max(2, 1 + len(self.rules.end_ids)) * self.beams, self.beams * vocab)
        best, place = totals.flatten(1).topk(keep, dim=-1)
        parents, new = place // vocab, place % vocab
        tokens = _of(self.tokens, parents)
        tokens[..., self.steps_done] = new
        self.steps_done += 1
        ends = torch.isin(new, torch.tensor(self.rules.end_ids, device=new.device, dtype=new.dtype))
        ends |= (self.steps_done >= self.limits)[:, None]
        self._finish(best, tokens, ends)
        self.running, chosen = best.masked_fill(ends, _LOWEST).topk(self.beams, dim=-1)
        self.tokens = _of(tokens, chosen)
        return self._go_on(parents.gather(1, chosen), new.gather(1, chosen))

    def _finish(self, best: Tensor, tokens: Tensor, ends: Tensor) -> None:
        """Put the candidates that end, of the K likeliest, among the finished, of which the best K stay."""
        allowed = ends & (best > _LOWEST)
        allowed[:, self.beams :] = False
        scores = (best / self.steps_done**self.penalty).masked_fill(~allowed, _LOWEST)
        lengths = torch.full_like(ends, self.steps_done, dtype=torch.int64)
        self.finished, rows = torch.cat((self.finished, scores), dim=1).topk(self.beams, dim=-1)
        self.finished_tokens = _of(torch.cat((self.finished_tokens, tokens), dim=1), rows)
        self.lengths = torch.cat((self.lengths, lengths), dim=1).gather(1, rows)
        self.ended = torch.cat((self.ended, allowed), dim=1).gather(1, rows)

    def _go_on(self, parents: Tensor, new: Tensor) -> tuple[Tensor, Tensor]:
        """Which texts' search goes on; of those, the rows that their beams come from, and the new tokens."""
        hopeful = self.early == "never" and self.penalty > 0
        length = self.limits if hopeful else torch.full_like(self.limits, self.steps_done)
        possible = self.running[:, 0] / length.to(self.running.dtype) ** self.penalty
        worst = torch.where(self.ended, self.finished.amin(dim=-1, keepdim=True), _LOWEST)
        going = (possible[:, None] > worst).any(dim=-1) & (self.steps_done < self.limits)
        if self.early is True:
            going &= ~self.ended.all(dim=-1)
        rows = torch.arange(len(self.texts), device=new.device)[:, None] * self.beams + parents
        for at in (~going).nonzero()[:, 0].tolist():
            self.found[int(self.texts[at])] = self._results(at)
        for name in ("limits", "texts", "running", "tokens", "finished", "finished_tokens", "lengths", "ended"):
            setattr(self, name, getattr(self, name)[going])
        return rows[going].flatten(), new[going].flatten()

    def _results(self, at: int) -> list[Beam]:
        whole = zip(self.finished_tokens[at].tolist(), self.lengths[at].tolist(), strict=True)
        scores, ended = self.finished[at].tolist(), self.ended[at].tolist()
        return [Beam(ids[:n], scores[k]) for k, (ids, n) in enumerate(whole) if ended[k]]


def _of(each: Tensor, rows: Tensor) -> Tensor:
    """each (B, n, L) and rows (B, k) to the rows of each text, (B, k, L)."""
    return each.gather(1, rows[..., None].expand(-1, -1, each.shape[-1]))


@torch.no_grad()
def search_beams(
    steps: Steps,
    limits: Tensor,
    beams: int,
    rules: Rules,
    length_penalty: float = 1.0,
    early_stopping: Stopping = False,
) -> list[list[Beam]]:
    """For each text of ``steps``, which has written nothing yet, up to ``beams`` finished ones, best first.

    ``limits`` (batch,): how many tokens each may get. Raises ValueError for values that mean nothing.
    """
    search = BeamSearch(limits, beams, rules, length_penalty, early_stopping)
    logits = steps.first()
    search.running = search.running.to(torch.promote_types(logits.dtype, torch.float32))
    search.finished = search.finished.to(search.running.dtype)
    copies = torch.arange(len(limits), device=limits.device).repeat_interleave(beams)
    steps.select(copies)
    logits = logits.index_select(0, copies)
    while True:
        before = len(search.texts)
        rows, new = search.step(logits, steps.written)
        if not len(rows):
            return search.found
        steps.select(rows, among=len(search.texts) == before)
        logits = steps.next(new)
