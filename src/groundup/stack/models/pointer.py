"""The pointer-generator of See, Liu and Manning, "Get To The Point: Summarization with Pointer-Generator Networks"
(2017).

    ids (batch, m) → embedding → LSTM forward, LSTM backward → h (batch, m, 2 hidden)
    each word    s_t = LSTM(s_{t-1}, x_t), x_t the embedding of the word before
                 e_i = v · tanh(W_h h_i + W_s s_t + w_c c_i + b) → weights a_i → context h* = Σ a_i h_i
                 p_gen = σ(w_h* · h* + w_s · s_t + w_x · x_t + b)
                 P(w) = p_gen · softmax(V'(V [s_t; h*] + b) + b')_w  +  (1 - p_gen) · Σ a_i over the places where w is
                 c_i ← c_i + a_i                                       coverage: how much place i has been looked at

What differs from Bahdanau's translator (:mod:`.recurrent`): an LSTM that looks after its state has moved on; words can
be copied, also those that the vocabulary lacks; and what was looked at before is known and, looked at again, costs
Σ min(a_i, c_i), so that summaries repeat themselves less. Equations 1 to 13. As in the authors' code, the decoder
begins from a layer over the encoder's last states, with a ReLU; s_t is the LSTM's output.

A word that the vocabulary lacks has a number from ``vocab`` on, one that holds for its text (:func:`with_copies`); the
embedding takes it for ``unk_id``. ``logits`` are the logarithms of P over vocab + as many words as the batch needs.
The folder is our own format: the Hub has no such family.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from groundup.stack.models.output import IGNORED
from groundup.stack.models.recurrent import (
    AdditiveAttention,
    Encoded,
    RecurrentCache,
    RecurrentModel,
    of_words,
    weighted_sum,
)
from groundup.stack.models.seq2seq import Seq2SeqOutput
from groundup.stack.nn.layers import Linear
from groundup.stack.nn.recurrent import LSTM, State, where_read
from groundup.stack.transformer.attention import masked_softmax


@dataclass(frozen=True)
class PointerConfig:
    """The paper's, where not given. ``align`` is the scoring network's width; ``coverage_weight`` is λ."""

    vocab: int = 50000
    dim: int = 128
    hidden: int = 256
    align: int = 512
    coverage: bool = True
    coverage_weight: float = 1.0
    pad_id: int = 0
    end_id: int = 1
    start_id: int = 2
    unk_id: int = 3


@dataclass(frozen=True)
class PointerOutput(Seq2SeqOutput):
    """``logits`` (batch, n, vocab + extra); ``generated`` (batch, n) is p_gen; ``repeated`` (batch, n) is Σ min(a, c),
    what is looked at again. ``hidden`` is [s; h*], (batch, n, 3 hidden)."""

    generated: Tensor | None = None
    repeated: Tensor | None = None


@dataclass(frozen=True)
class ReadText(Encoded):
    """What the encoder made of a text, and the text itself (batch, m), to copy from."""

    ids: Tensor


@dataclass(frozen=True)
class Walk:
    """What happened at each word that the decoder read: ``states`` and ``contexts`` (batch, n, …), ``weights`` and the
    coverage before each (batch, n, m)."""

    states: Tensor
    contexts: Tensor
    weights: Tensor
    covered: Tensor


class PointerGenerator(RecurrentModel):
    """Encoder, decoder, and a mixture of writing and copying."""

    model_type = "groundup-pointer"
    config_type = PointerConfig
    config: PointerConfig

    def __init__(self, config: PointerConfig) -> None:
        super().__init__()
        self.config = config
        dim, hidden = config.dim, config.hidden
        self.tokens = nn.Embedding(config.vocab, dim)
        self.forwards, self.backwards = LSTM(dim, hidden), LSTM(dim, hidden)
        self.first_h, self.first_c = Linear(2 * hidden, hidden), Linear(2 * hidden, hidden)
        self.cell = LSTM(dim, hidden)
        self.attention = AdditiveAttention(hidden, 2 * hidden, config.align, bias=True)
        self.coverage = Linear(1, config.align, bias=False) if config.coverage else None
        self.gate = Linear(2 * hidden + hidden + dim, 1)
        self.readout, self.head = Linear(3 * hidden, hidden), Linear(hidden, config.vocab)

    def encode(self, ids: Tensor, attention_mask: Tensor | None = None) -> ReadText:
        x = self.tokens(self.known(ids))
        after, end = self.forwards(x, attention_mask)
        before, begin = self.backwards(x, attention_mask, backward=True)
        hidden = torch.cat((after, before), dim=-1)
        h, c = (torch.cat(pair, dim=-1) for pair in zip(end, begin, strict=True))
        first = (torch.relu(self.first_h(h)), torch.relu(self.first_c(c)))
        unseen = (torch.zeros_like(ids, dtype=hidden.dtype),)
        return ReadText(hidden, self.attention.keys(hidden), (first, unseen), ids)

    def known(self, ids: Tensor) -> Tensor:
        """The same ids, with ``unk_id`` for the words that the vocabulary lacks."""
        return ids.masked_fill(ids >= self.config.vocab, self.config.unk_id)

    def walk(
        self,
        x: Tensor,
        text: ReadText,
        mask: Tensor | None,
        words_mask: Tensor | None = None,
        cache: RecurrentCache | None = None,
    ) -> Walk:
        """x (batch, n, dim), the words that are read, one after the other. Masks are (batch, m) and (batch, n)."""
        start: tuple[State, State] = text.state if cache is None or cache.state is None else cache.state
        state, (covered,) = start
        steps: list[tuple[Tensor, ...]] = []
        for place, read in enumerate(of_words(words_mask, x.shape[1])):
            new = self.cell.step(x[:, place], state)
            state = new if read is None else where_read(read, new, state)
            more = 0.0 if self.coverage is None else self.coverage(covered[..., None])
            weights = masked_softmax(self.attention(state[0], text.keys, more), mask)
            steps.append((state[0], weighted_sum(weights, text.hidden), weights, covered))
            after = (covered + weights,)
            (covered,) = after if read is None else where_read(read, after, (covered,))
        if cache is not None:
            cache.move((state, (covered,)), x.shape[1])
        return Walk(*(torch.stack(one, dim=1) for one in zip(*steps, strict=True)))

    def decode(
        self,
        ids: Tensor,
        memory: ReadText,
        memory_mask: Tensor | None = None,
        attention_mask: Tensor | None = None,
        cache: RecurrentCache | None = None,
    ) -> Tensor:
        """ids (batch, n) to [s; h*], (batch, n, 3 hidden)."""
        walk = self.walk(self.tokens(self.known(ids)), memory, memory_mask, attention_mask, cache)
        return torch.cat((walk.states, walk.contexts), dim=-1)

    def forward(
        self,
        ids: Tensor | None,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        labels: Tensor | None = None,
        cache: RecurrentCache | None = None,
        attentions: bool = False,
        decoder_attention_mask: Tensor | None = None,
    ) -> PointerOutput:
        """As in all encoder-decoders. The loss is the mean, over the labels that count, of -log P and, with coverage,
        λ Σ min(a, c)."""
        text, mask = self.encoded(ids, attention_mask, cache)
        x = self.tokens(self.known(self.to_read(decoder_input_ids, labels)))
        walk = self.walk(x, text, mask, decoder_attention_mask, cache)
        hidden = torch.cat((walk.states, walk.contexts), dim=-1)
        generated = torch.sigmoid(self.gate(torch.cat((walk.contexts, walk.states, x), dim=-1)))
        shares = self.mixture(hidden, generated, walk.weights, text.ids)
        # The lowest number above 0, for words that have no share: a logarithm of 0 has no gradient.
        logits = shares.clamp(min=torch.finfo(shares.dtype).tiny).log()
        repeated = torch.minimum(walk.weights, walk.covered).sum(dim=-1)
        return PointerOutput(
            hidden,
            logits,
            loss=None if labels is None else self._loss(logits, repeated, labels),
            attentions=() if attentions else None,
            encoder_hidden=text.hidden,
            cross_attentions=(walk.weights[:, None],) if attentions else None,
            encoder_attentions=() if attentions else None,
            generated=generated[..., 0],
            repeated=repeated,
        )

    def mixture(self, hidden: Tensor, generated: Tensor, weights: Tensor, ids: Tensor) -> Tensor:
        """P of every word, (batch, n, vocab + extra): hidden (batch, n, 3 hidden), generated (batch, n, 1), weights
        (batch, n, m) over the text ids (batch, m). Equation 9."""
        written = torch.softmax(self.head(self.readout(hidden)), dim=-1) * generated
        extra = max(int(ids.max()) + 1 - self.config.vocab, 0)
        places = ids[:, None].expand_as(weights)
        return nn.functional.pad(written, (0, extra)).scatter_add(-1, places, (1 - generated) * weights)

    def _loss(self, logits: Tensor, repeated: Tensor, labels: Tensor) -> Tensor:
        """Raises ValueError where labels do not fit, or are words that the texts of this batch do not have."""
        if labels.shape != logits.shape[:-1]:
            raise ValueError(f"labels must be {tuple(logits.shape[:-1])}, one a word: got {tuple(labels.shape)}")
        if int(labels.max()) >= logits.shape[-1]:
            raise ValueError(f"label {int(labels.max())} is no word of the vocabulary or of the texts")
        counted = labels != IGNORED
        each = -logits.gather(-1, labels.masked_fill(~counted, 0)[..., None])[..., 0]
        if self.config.coverage:
            each = each + self.config.coverage_weight * repeated
        return torch.where(counted, each, 0.0).sum() / counted.sum().clamp(min=1)


def add_coverage(model: PointerGenerator) -> PointerGenerator:
    """The same model with coverage, whose weights begin at 0 and change nothing: the paper trains without it first."""
    new = PointerGenerator(replace(model.config, coverage=True)).to(next(model.parameters()))
    nothing = torch.zeros_like(new.attention.v.weight).T
    new.load_state_dict({"coverage.weight": nothing} | model.state_dict())
    return new.train(model.training)


def with_copies(words: Sequence[str], vocabulary: Mapping[str, int], size: int) -> tuple[list[int], list[str]]:
    """A text's ids, and the words that the vocabulary lacks, which are numbered from ``size`` on in their order."""
    lacking = list(dict.fromkeys(word for word in words if word not in vocabulary))
    return [vocabulary[word] if word in vocabulary else size + lacking.index(word) for word in words], lacking


def copied_labels(
    words: Sequence[str], vocabulary: Mapping[str, int], size: int, lacking: Sequence[str], unk_id: int
) -> list[int]:
    """The ids of what is to be written about that text: a word that neither has is ``unk_id``."""
    numbers = {word: size + place for place, word in enumerate(lacking)} | dict(vocabulary)
    return [numbers.get(word, unk_id) for word in words]
