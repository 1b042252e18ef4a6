"""Translation before the Transformer: recurrent networks that look back at the text, where attention comes from.

Bahdanau, Cho and Bengio, "Neural Machine Translation by Jointly Learning to Align and Translate" (2015), *additive*:

    ids (batch, m) → embedding → GRU forward, GRU backward → h (batch, m, 2 hidden);  s_0 = tanh(W_s ←h_1)
    each word    e_ij = v · tanh(W_a s_{i-1} + U_a h_j) → weights α_ij → context c_i = Σ α_ij h_j
                 s_i = GRU(s_{i-1}, [E y_{i-1}; c_i]) → t_i = maxout(U_o s_i + V_o E y_{i-1} + C_o c_i) → logits W_o t_i

Luong, Pham and Manning, "Effective Approaches to Attention-based Neural Machine Translation" (2015), *multiplicative*:

    ids (batch, m) → embedding → LSTM × layers → h̄ (batch, m, hidden), whose last states are the decoder's first
    each word    h_t = LSTM × layers([E y_{t-1}; h̃_{t-1}]) → score of s = h_t · h̄_s  or  h_t · W_a h̄_s → context c_t
                 h̃_t = tanh(W_c [c_t; h_t]) → logits W_s h̃_t

What differs between them: Bahdanau's decoder looks *before* its state moves on, Luong's after; there a small network
scores, here a product, from which the Transformer's scores come; h̃ is fed in again at the next word (section 3.3).
The GRU is the usual one, with its reset after the product. Not here: Luong's local attention, reversed sources.

The folder is our own format: the Hub has no such families.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from groundup.stack.models.seq2seq import HeldText, OwnSeq2Seq
from groundup.stack.nn.layers import Linear
from groundup.stack.nn.recurrent import GRU, LSTM, State, where_read
from groundup.stack.transformer.attention import masked_softmax, record_attention


@dataclass(frozen=True)
class BahdanauConfig:
    """The paper's RNNsearch, where not given. ``align`` is the scoring network's width, ``readout`` that of t_i;
    ``source_vocab`` is as large as ``vocab`` where not given."""

    vocab: int = 30000
    source_vocab: int = 0
    dim: int = 620
    hidden: int = 1000
    align: int = 1000
    readout: int = 500
    pad_id: int = 0
    end_id: int = 1
    start_id: int = 2

    def __post_init__(self) -> None:
        object.__setattr__(self, "source_vocab", self.source_vocab or self.vocab)


@dataclass(frozen=True)
class LuongConfig:
    """The paper's largest models, where not given. ``score`` is "dot" or "general"; ``dropout`` acts between layers."""

    vocab: int = 50000
    source_vocab: int = 0
    dim: int = 1000
    hidden: int = 1000
    layers: int = 4
    score: str = "general"
    dropout: float = 0.2
    pad_id: int = 0
    end_id: int = 1
    start_id: int = 2

    def __post_init__(self) -> None:
        object.__setattr__(self, "source_vocab", self.source_vocab or self.vocab)
        if self.score not in ("dot", "general"):
            raise ValueError(f"score {self.score!r} is not known; dot and general are")


@dataclass(frozen=True)
class Encoded:
    """What the encoder made of a text: ``hidden`` (batch, m, width), what is compared with queries of it, ``keys``, and
    where the decoder begins."""

    hidden: Tensor
    keys: Tensor
    state: Any


class RecurrentCache(HeldText):
    """Where a recurrent decoder stands: its state, which is of one size however many ``length`` words it has read."""

    def __init__(self) -> None:
        self.length = 0
        self.state: Any = None

    def move(self, state: Any, words: int) -> None:
        self.state, self.length = state, self.length + words


class AdditiveAttention(nn.Module):
    """Scores by a small network, v · tanh(W s + U h). State: ``w.weight`` (align, query), ``u.weight`` (align, width),
    ``v.weight`` (1, align)."""

    def __init__(self, query: int, width: int, align: int, bias: bool = False) -> None:
        super().__init__()
        self.w, self.u = Linear(query, align, bias=bias), Linear(width, align, bias=False)
        self.v = Linear(align, 1, bias=False)

    def keys(self, hidden: Tensor) -> Tensor:
        """hidden (batch, m, width) to U h, (batch, m, align): it is the same for all queries."""
        result: Tensor = self.u(hidden)
        return result

    def forward(self, query: Tensor, keys: Tensor, more: Tensor | float = 0.0) -> Tensor:
        """query (batch, query), keys (batch, m, align) to scores (batch, m); ``more`` is added within the tanh."""
        result: Tensor = self.v(torch.tanh(self.w(query)[:, None] + keys + more))[..., 0]
        return result


class RecurrentModel(OwnSeq2Seq):
    """What both have in common."""

    looks_at_itself = False

    def memory_of(self, encoded: Encoded) -> Tensor:
        return encoded.hidden

    def new_cache(self, batch: int, length: int) -> RecurrentCache:
        """An empty cache; a state needs no room, so that neither number matters."""
        return RecurrentCache()


class BahdanauModel(RecurrentModel):
    """RNNsearch. ``hidden`` of its output is t_i, (batch, n, readout)."""

    model_type = "groundup-bahdanau"
    config_type = BahdanauConfig
    config: BahdanauConfig

    def __init__(self, config: BahdanauConfig) -> None:
        super().__init__()
        self.config = config
        dim, hidden = config.dim, config.hidden
        self.source, self.tokens = nn.Embedding(config.source_vocab, dim), nn.Embedding(config.vocab, dim)
        self.forwards, self.backwards = GRU(dim, hidden), GRU(dim, hidden)
        self.first = Linear(hidden, hidden)
        self.attention = AdditiveAttention(hidden, 2 * hidden, config.align)
        self.cell = GRU(dim + 2 * hidden, hidden)
        self.readout = Linear(hidden + dim + 2 * hidden, 2 * config.readout)
        self.head = Linear(config.readout, config.vocab)
        self.begin()

    def begin(self) -> None:
        """First weights as in appendix B.1: small and normal, what carries the state on orthogonal, v and biases 0."""
        for name, one in self.named_parameters():
            if one.dim() == 1 or name == "attention.v.weight":
                nn.init.zeros_(one)
            else:
                nn.init.normal_(one, std=0.001 if name.startswith("attention.") else 0.01)
        for gru in (self.forwards, self.backwards, self.cell):
            for gate in gru.state.weight.detach().chunk(3):
                nn.init.orthogonal_(gate)

    def encode(self, ids: Tensor, attention_mask: Tensor | None = None) -> Encoded:
        x = self.source(ids)
        after, _ = self.forwards(x, attention_mask)
        before, (first,) = self.backwards(x, attention_mask, backward=True)
        hidden = torch.cat((after, before), dim=-1)
        return Encoded(hidden, self.attention.keys(hidden), (torch.tanh(self.first(first)),))

    def decode(
        self,
        ids: Tensor,
        memory: Encoded,
        memory_mask: Tensor | None = None,
        attention_mask: Tensor | None = None,
        cache: RecurrentCache | None = None,
    ) -> Tensor:
        """ids (batch, n) to t (batch, n, readout)."""
        y = self.tokens(ids)
        state: State = memory.state if cache is None or cache.state is None else cache.state
        states, contexts, looks = [], [], []
        for place, read in enumerate(of_words(attention_mask, ids.shape[1])):
            weights = masked_softmax(self.attention(state[0], memory.keys), memory_mask)
            context = weighted_sum(weights, memory.hidden)
            new = self.cell.step(torch.cat((y[:, place], context), dim=-1), state)
            state = new if read is None else where_read(read, new, state)
            states.append(state[0])
            contexts.append(context)
            looks.append(weights)
        if cache is not None:
            cache.move(state, ids.shape[1])
        record_attention(torch.stack(looks, dim=1)[:, None])
        both = self.readout(torch.cat((torch.stack(states, 1), y, torch.stack(contexts, 1)), dim=-1))
        return both.unflatten(-1, (-1, 2)).amax(dim=-1)  # type: ignore[no-any-return]

    def scores(self, hidden: Tensor) -> Tensor:
        result: Tensor = self.head(hidden)
        return result


class LuongModel(RecurrentModel):
    """Global attention with a product for a score. ``hidden`` of its output is h̃_t, (batch, n, hidden)."""

    model_type = "groundup-luong"
    config_type = LuongConfig
    config: LuongConfig

    def __init__(self, config: LuongConfig) -> None:
        super().__init__()
        self.config = config
        dim, hidden = config.dim, config.hidden
        self.source, self.tokens = nn.Embedding(config.source_vocab, dim), nn.Embedding(config.vocab, dim)
        self.encoder = nn.ModuleList(LSTM(hidden if layer else dim, hidden) for layer in range(config.layers))
        self.decoder = nn.ModuleList(LSTM(hidden if layer else dim + hidden, hidden) for layer in range(config.layers))
        self.general = Linear(hidden, hidden, bias=False) if config.score == "general" else None
        self.combine = Linear(2 * hidden, hidden, bias=False)
        self.head = Linear(hidden, config.vocab, bias=False)
        self.dropout = nn.Dropout(config.dropout)
        for one in self.parameters():
            nn.init.uniform_(one, -0.1, 0.1)  # section 4.1

    def encode(self, ids: Tensor, attention_mask: Tensor | None = None) -> Encoded:
        x, states = self.source(ids), []
        for lstm in self.encoder:
            x, last = lstm(self.dropout(x), attention_mask)
            states.append(last)
        keys = x if self.general is None else self.general(x)
        return Encoded(x, keys, (*states, (torch.zeros_like(x[:, 0]),)))

    def decode(
        self,
        ids: Tensor,
        memory: Encoded,
        memory_mask: Tensor | None = None,
        attention_mask: Tensor | None = None,
        cache: RecurrentCache | None = None,
    ) -> Tensor:
        """ids (batch, n) to h̃ (batch, n, hidden)."""
        y = self.tokens(ids)
        state: tuple[State, ...] = memory.state if cache is None or cache.state is None else cache.state
        found, looks = [], []
        for place, read in enumerate(of_words(attention_mask, ids.shape[1])):
            new, weights = self._step(y[:, place], state, memory, memory_mask)
            if read is not None:
                new = tuple(where_read(read, one, old) for one, old in zip(new, state, strict=True))
            state = new
            found.append(state[-1][0])
            looks.append(weights)
        if cache is not None:
            cache.move(state, ids.shape[1])
        record_attention(torch.stack(looks, dim=1)[:, None])
        return torch.stack(found, dim=1)

    def _step(
        self, y: Tensor, state: tuple[State, ...], memory: Encoded, memory_mask: Tensor | None
    ) -> tuple[tuple[State, ...], Tensor]:
        """One word (batch, dim) and the states of all layers, h̃ last, to the next ones and the weights (batch, m)."""
        *before, (fed,) = state
        x, states = torch.cat((y, fed), dim=-1), []
        for lstm, old in zip(self.decoder, before, strict=True):
            states.append(lstm.step(self.dropout(x), old))  # type: ignore[operator]
            x = states[-1][0]
        weights = masked_softmax((memory.keys @ x[..., None])[..., 0], memory_mask)
        context = weighted_sum(weights, memory.hidden)
        return (*states, (torch.tanh(self.combine(torch.cat((context, x), dim=-1))),)), weights

    def scores(self, hidden: Tensor) -> Tensor:
        result: Tensor = self.head(self.dropout(hidden))
        return result


def weighted_sum(weights: Tensor, hidden: Tensor) -> Tensor:
    """weights (batch, m), hidden (batch, m, width) to their average (batch, width)."""
    return (weights[:, None] @ hidden)[:, 0]


def of_words(mask: Tensor | None, n: int) -> list[Tensor | None]:
    """For each of the last n words, of which texts it counts (batch,); None where it counts in all."""
    return [None] * n if mask is None else list(mask.bool()[:, -n:].unbind(1))
