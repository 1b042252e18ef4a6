"""Recurrent layers: a state that is carried from word to word, and gates that say what of it is kept.

    GRU     r = σ(W_r x + U_r h)                          Cho and others 2014; "reset gate"
            z = σ(W_z x + U_z h)                          "update gate"
            n = tanh(W_n x + r · (U_n h))                 reset after the product, as cuDNN; the paper: U_n (r · h)
            h' = (1 - z) · n + z · h
    LSTM    i, f, o = σ(W x + U h) of each                Hochreiter and Schmidhuber 1997; f: Gers and others 2000
            g = tanh(W_g x + U_g h)
            c' = f · c + i · g,  h' = o · tanh(c')

All W stand in one matrix ``input``, all U in another, ``state``, each with a bias: the gates in the order r, z, n and
i, f, g, o. That is PyTorch's layout, weight_ih and weight_hh.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from groundup.stack.nn.layers import Linear

State = tuple[Tensor, ...]
"""What is carried on: (h,) of a GRU, (h, c) of an LSTM, each (batch, hidden)."""


class Recurrent(nn.Module):
    """What both have in common: the way through a text. State: ``input`` and ``state``, weights and biases."""

    gates: int
    parts: int

    def __init__(self, in_features: int, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.input = Linear(in_features, self.gates * hidden)
        self.state = Linear(hidden, self.gates * hidden)
        for one in self.parameters():
            nn.init.uniform_(one, -(hidden**-0.5), hidden**-0.5)

    def begin(self, x: Tensor) -> State:
        """The state before anything was read, zeros, for x (batch, ...)."""
        return tuple(x.new_zeros(len(x), self.hidden) for _ in range(self.parts))

    def step(self, x: Tensor, state: State) -> State:
        """x (batch, in_features) and a state to the next state."""
        return self.update(self.input(x), state)

    def update(self, driven: Tensor, state: State) -> State:
        """The next state, where ``driven`` (batch, gates · hidden) is what ``input`` makes of x."""
        raise NotImplementedError

    def forward(
        self, x: Tensor, mask: Tensor | None = None, state: State | None = None, backward: bool = False
    ) -> tuple[Tensor, State]:
        """x (batch, n, in_features) to what h was at each place (batch, n, hidden), and to the last state.

        Where mask (batch, n) is False or 0 nothing is read: the state stays what it was, so that padding on either side
        changes nothing. ``backward`` reads from the last place to the first.
        """
        state = self.begin(x) if state is None else state
        driven = self.input(x)
        found: list[Tensor] = []
        places = range(x.shape[1])
        for place in reversed(places) if backward else places:
            new = self.update(driven[:, place], state)
            state = new if mask is None else where_read(mask[:, place].bool(), new, state)
            found.append(state[0])
        return torch.stack(found[::-1] if backward else found, dim=1), state


def where_read(read: Tensor, new: State, old: State) -> State:
    """The new state of the texts for which ``read`` (batch,) is True, and the old one of the others."""
    return tuple(torch.where(read[:, None], one, other) for one, other in zip(new, old, strict=True))


class GRU(Recurrent):
    """A gated recurrent unit, as above."""

    gates, parts = 3, 1

    def update(self, driven: Tensor, state: State) -> State:
        (h,) = state
        r_x, z_x, n_x = driven.chunk(3, dim=-1)
        r_h, z_h, n_h = self.state(h).chunk(3, dim=-1)
        r, z = torch.sigmoid(r_x + r_h), torch.sigmoid(z_x + z_h)
        n = torch.tanh(n_x + r * n_h)
        return ((1 - z) * n + z * h,)


class LSTM(Recurrent):
    """Long short-term memory, as above."""

    gates, parts = 4, 2

    def update(self, driven: Tensor, state: State) -> State:
        h, c = state
        i, f, g, o = (driven + self.state(h)).chunk(4, dim=-1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c
