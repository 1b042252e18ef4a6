"""Mamba (Gu and Dao, "Mamba: Linear-Time Sequence Modeling with Selective State Spaces", 2023).

    ids (batch, n) → embedding (batch, n, dim) → { x + mixer(rms_norm(x)) } × layers → rms_norm → embeddingᵀ → logits

    mixer   x, z = W_in y                       each (batch, n, inner), inner = 2 dim           section 3.4, figure 3
            x    = silu(conv(x))                each channel by itself, over the last 4 positions
            Δ, B, C = W_x x                     what the token itself says of how it is taken in: the selection
            Δ    = softplus(W_Δ Δ + b)          (inner,): how much time passes at this token    algorithm 2
            h_t  = exp(Δ A) h_{t-1} + Δ B x_t   (inner, state): what is kept of all that came   section 2, equation 2a
            y_t  = C h_t + D x_t
            out  = W_out (y · silu(z))

What differs from a transformer: no attention and no feed-forward layer. What a token knows of the past is one state of
fixed size, which it reads and changes, so that a text twice as long takes twice the work, not four times, and a new
token costs the same however many came before. There is no limit to the text and there are no positions.
A = -exp(log_a) is fixed once trained; Δ, B and C change with the token, which is what earlier state-space models had
not. B is stepped by Δ itself, Euler's way, where the paper's equation 4 has an exact formula: so does its code, and so
do all checkpoints.

The recurrence is computed here token by token. The paper's kernel gets the same numbers by a parallel scan.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from groundup.stack.models.checkpoints import CheckpointError, refuse_unusual, require_type
from groundup.stack.models.names import NameTable
from groundup.stack.models.pretrained import PretrainedModel
from groundup.stack.nn.layers import Linear
from groundup.stack.transformer.normalization import RMSNorm


@dataclass(frozen=True)
class MambaConfig:
    """``inner`` = expand · dim channels, each with ``state`` numbers; ``rank`` is the width of Δ before W_Δ.

    ``wide_residual``: where the weights are of half precision, the sum of all layers is kept in single precision.
    """

    vocab: int = 50280
    dim: int = 768
    layers: int = 24
    state: int = 16
    expand: int = 2
    conv: int = 4
    rank: int = 0
    bias: bool = False
    conv_bias: bool = True
    eps: float = 1e-5
    wide_residual: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "rank", self.rank or math.ceil(self.dim / 16))

    @property
    def inner(self) -> int:
        return self.expand * self.dim

    @classmethod
    def from_hub(cls, config: Mapping[str, Any]) -> MambaConfig:
        """From the Hub's ``config.json``. Raises CheckpointError for what this file does not compute."""
        require_type(config, "mamba")
        expand, dim, rank = config.get("expand", 2), config["hidden_size"], config.get("time_step_rank", "auto")
        if expand != int(expand):
            raise CheckpointError(f"expand = {expand} is not supported: whole numbers are")
        refuse_unusual(
            config, {"hidden_act": "silu", "tie_word_embeddings": True, "intermediate_size": int(expand * dim)}
        )
        return cls(
            vocab=config["vocab_size"],
            dim=dim,
            layers=config["num_hidden_layers"],
            state=config.get("state_size", 16),
            expand=int(expand),
            conv=config.get("conv_kernel", 4),
            rank=0 if rank == "auto" else rank,
            bias=config.get("use_bias", False),
            conv_bias=config.get("use_conv_bias", True),
            eps=config.get("layer_norm_epsilon", 1e-5),
            wide_residual=config.get("residual_in_fp32", True),
        )

    def to_hub(self) -> dict[str, Any]:
        return {
            "model_type": "mamba",
            "vocab_size": self.vocab,
            "hidden_size": self.dim,
            "intermediate_size": self.inner,
            "num_hidden_layers": self.layers,
            "state_size": self.state,
            "expand": self.expand,
            "conv_kernel": self.conv,
            "time_step_rank": self.rank,
            "use_bias": self.bias,
            "use_conv_bias": self.conv_bias,
            "layer_norm_epsilon": self.eps,
            "residual_in_fp32": self.wide_residual,
            "hidden_act": "silu",
            "tie_word_embeddings": True,
        }


class MambaCache:
    """What each layer keeps of all earlier tokens: the last inputs of its convolution, and its state.

    Its size does not grow with the text. ``length`` counts the tokens that were seen.
    """

    def __init__(self, layers: int) -> None:
        self.length = 0
        self.inputs: list[Tensor | None] = [None] * layers
        self.states: list[Tensor | None] = [None] * layers


class MambaMixer(nn.Module):
    """What mixes the positions of a text. State: ``{enter,select,delta,leave}.weight``, ``delta.bias``,
    ``conv.{weight,bias}`` (inner, 1, width), ``log_a`` (inner, state), ``d`` (inner,).

    ``norms``: Δ, B and C are normalized, as in Jamba; then also ``{delta,b,c}_norm.weight``.
    """

    def __init__(
        self,
        dim: int,
        inner: int,
        state: int,
        conv: int,
        rank: int,
        bias: bool = False,
        conv_bias: bool = True,
        norms: float | None = None,
    ) -> None:
        super().__init__()
        self.sizes = (rank, state, state)
        self.enter = Linear(dim, 2 * inner, bias)
        self.conv = nn.Conv1d(inner, inner, conv, groups=inner, bias=conv_bias)
        self.select = Linear(inner, sum(self.sizes), bias=False)
        self.delta = Linear(rank, inner)
        self.log_a = nn.Parameter(torch.arange(1.0, state + 1).log().repeat(inner, 1))
        self.d = nn.Parameter(torch.ones(inner))
        self.leave = Linear(inner, dim, bias)
        self.delta_norm = None if norms is None else RMSNorm(rank, norms)
        self.b_norm = None if norms is None else RMSNorm(state, norms)
        self.c_norm = None if norms is None else RMSNorm(state, norms)
        self._begin()

    @torch.no_grad()
    def _begin(self) -> None:
        """First weights (section 3.6): A the first whole numbers, the time of a step 0.001 to 0.1."""
        for layer in (self.enter, self.select, self.leave):
            nn.init.uniform_(layer.weight, -(layer.in_features**-0.5), layer.in_features**-0.5)
        nn.init.uniform_(self.delta.weight, -(self.sizes[0] ** -0.5), self.sizes[0] ** -0.5)
        steps = torch.exp(torch.rand_like(self.delta.bias) * math.log(100) + math.log(0.001))  # type: ignore[arg-type]
        self.delta.bias.copy_(steps + torch.log(-torch.expm1(-steps)))  # type: ignore[union-attr]  # softplus undone

    def forward(self, y: Tensor, real: Tensor | None = None, cache: MambaCache | None = None, layer: int = 0) -> Tensor:
        """y (batch, n, dim) to the same; real (batch, n), True or 1 = a real token: the others are taken for zeros."""
        kept = None if real is None else real.to(y.dtype)[..., None]
        x, z = self.enter(y if kept is None else y * kept).chunk(2, dim=-1)
        x = functional.silu(self._convolve(x, cache, layer))
        if kept is not None:
            x = x * kept
        delta, b, c = self.select(x).split(self.sizes, dim=-1)
        if self.delta_norm is not None and self.b_norm is not None and self.c_norm is not None:
            delta, b, c = self.delta_norm(delta), self.b_norm(b), self.c_norm(c)
        wide = torch.promote_types(y.dtype, torch.float32)
        delta = functional.softplus(self.delta(delta).to(wide))
        state = None if cache is None else cache.states[layer]
        read, state = selective_scan(x, delta, -torch.exp(self.log_a.to(wide)), b, c, state)
        if cache is not None:
            cache.states[layer] = state
        result: Tensor = self.leave((read + self.d * x) * functional.silu(z))
        return result

    def _convolve(self, x: Tensor, cache: MambaCache | None, layer: int) -> Tensor:
        """x (batch, n, inner): a weighted sum of each position and those before it; nothing stands before a text."""
        before = None if cache is None else cache.inputs[layer]
        if before is None:
            before = x.new_zeros(x.shape[0], self.conv.kernel_size[0] - 1, x.shape[2])
        longer = torch.cat((before, x), dim=1)
        if cache is not None:
            cache.inputs[layer] = longer[:, x.shape[1] :]
        result: Tensor = self.conv(longer.transpose(1, 2)).transpose(1, 2)
        return result


def selective_scan(
    x: Tensor, delta: Tensor, a: Tensor, b: Tensor, c: Tensor, state: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """x and delta (batch, n, inner), a (inner, state), b and c (batch, n, state): what is read (batch, n, inner), and
    the state (batch, inner, state) after the last token, which began as ``state``, or as zeros.

    States are of single precision at least: in half precision what decays slowly would not decay at all.
    """
    given, wide = x.dtype, torch.promote_types(x.dtype, torch.float32)
    x, delta, a, b, c = (one.to(wide) for one in (x, delta, a, b, c))
    if state is None:
        state = x.new_zeros(x.shape[0], *a.shape)
    read = []
    for t in range(x.shape[1]):
        step = delta[:, t, :, None]
        state = torch.exp(step * a) * state + step * b[:, t, None, :] * x[:, t, :, None]
        read.append((state @ c[:, t, :, None]).squeeze(-1))
    return torch.stack(read, dim=1).to(given), state


class MambaBlock(nn.Module):
    """State: ``norm.weight``, ``mixer.…``."""

    def __init__(self, config: MambaConfig) -> None:
        super().__init__()
        self.norm = RMSNorm(config.dim, config.eps)
        sizes = (config.dim, config.inner, config.state, config.conv, config.rank)
        self.mixer = MambaMixer(*sizes, bias=config.bias, conv_bias=config.conv_bias)
        self.wide_residual = config.wide_residual

    def forward(self, x: Tensor, real: Tensor | None, cache: MambaCache | None, layer: int) -> Tensor:
        """x (batch, n, dim) to the same."""
        weight = self.norm.weight
        wide = torch.promote_types(weight.dtype, torch.float32) if self.wide_residual else weight.dtype
        result: Tensor = x.to(wide) + self.mixer(self.norm(x.to(weight.dtype)), real, cache, layer)
        return result


class Mamba(PretrainedModel):
    """State: ``embedding.weight``, ``blocks.{i}.…``, ``norm.weight``; the embedding scores the tokens as well."""

    architecture = "MambaForCausalLM"
    config_type: ClassVar = MambaConfig

    def __init__(self, config: MambaConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocab, config.dim)
        self.blocks = nn.ModuleList(MambaBlock(config) for _ in range(config.layers))
        self.norm = RMSNorm(config.dim, config.eps)
        nn.init.normal_(self.embedding.weight, std=0.02)
        with torch.no_grad():  # as in GPT-2, by the number of sums that a text passes through
            for name, one in self.blocks.named_parameters():
                if name.endswith("leave.weight"):
                    one.div_(math.sqrt(config.layers))

    def forward(self, ids: Tensor, cache: MambaCache | None = None, attention_mask: Tensor | None = None) -> Tensor:
        """ids (batch, n) to logits (batch, n, vocab), see :meth:`hidden`."""
        return self.scores(self.hidden(ids, cache, attention_mask))

    def hidden(self, ids: Tensor, cache: MambaCache | None = None, attention_mask: Tensor | None = None) -> Tensor:
        """ids (batch, n) to hidden states (batch, n, dim); with a cache, ids are the tokens after those that it saw.

        ``attention_mask`` (batch, n), True or 1 = a real token. What is no token still lets time pass.
        """
        x = self.embedding(ids)
        for layer, block in enumerate(self.blocks):
            x = block(x, attention_mask, cache, layer)
        if cache is not None:
            cache.length += ids.shape[1]
        result: Tensor = self.norm(x.to(self.norm.weight.dtype))
        return result

    def scores(self, hidden: Tensor) -> Tensor:
        """hidden (..., dim) to logits (..., vocab)."""
        return hidden @ self.embedding.weight.T

    def new_cache(self, batch: int, length: int) -> MambaCache:
        """An empty cache; neither the number of texts nor their length changes what it is."""
        return MambaCache(self.config.layers)

    # ── the Hub's format ─────────────────────────────────────────────────────

    @classmethod
    def names(cls, config: MambaConfig) -> NameTable:
        return NAMES


MIXER_NAMES = {
    "in_proj": "enter",
    "conv1d": "conv",
    "x_proj": "select",
    "dt_proj": "delta",
    "A_log": "log_a",
    "D": "d",
    "out_proj": "leave",
    "dt_layernorm": "delta_norm",
    "b_layernorm": "b_norm",
    "c_layernorm": "c_norm",
}
NAMES = NameTable(
    {"backbone.embeddings": "embedding", "backbone.norm_f": "norm", "backbone.layers.{}.norm": "blocks.{}.norm"}
    | {f"backbone.layers.{{}}.mixer.{theirs}": f"blocks.{{}}.mixer.{ours}" for theirs, ours in MIXER_NAMES.items()},
    prefix="backbone.",
    dropped=("lm_head.weight",),
)
