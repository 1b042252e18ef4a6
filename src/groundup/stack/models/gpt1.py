"""GPT (Radford and others, "Improving Language Understanding by Generative Pre-Training", 2018), ``openai-gpt``.

    ids (batch, n) → token embedding + learned position (batch, n, dim)
      → { layer_norm(x + attention(x)); layer_norm(x + mlp(x)) } × layers → logits (batch, n, vocab)

What differs from GPT-2, which came a year later: norms stand *after* each sum, as in the first Transformer, so that
there is none at the end; and all matrices begin alike. Attention, MLP and the output by the embedding are the same, and
are GPT-2's here. Its makers' "gelu" is the tanh form. A file may name other activations (``afn``): they are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from torch import Tensor, nn

from groundup.stack.inference.cache import KVCache
from groundup.stack.models.checkpoints import refuse_unusual, require_type
from groundup.stack.models.gpt2 import GPT2, NAMES, GPT2Block, GPT2Config, from_hub_names, to_hub_names
from groundup.stack.transformer.normalization import post_norm


@dataclass(frozen=True)
class GPT1Config(GPT2Config):
    """The MLP is four times as wide as the model in every file of this family; ``hidden`` says so or nothing."""

    model_type: ClassVar[str] = "openai-gpt"
    architecture: ClassVar[str] = "OpenAIGPTLMHeadModel"
    vocab: int = 40478
    context: int = 512

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.hidden not in (None, 4 * self.dim):
            raise ValueError(f"the first GPT's MLP is {4 * self.dim} wide, four times dim: not {self.hidden}")

    @classmethod
    def from_hub(cls, config: Mapping[str, Any]) -> Self:
        """From the Hub's ``config.json``. Raises CheckpointError for what this file does not compute."""
        require_type(config, cls.model_type)
        refuse_unusual(config, {"afn": "gelu", "tie_word_embeddings": True})
        return cls(
            vocab=config["vocab_size"],
            context=config["n_positions"],
            dim=config["n_embd"],
            layers=config["n_layer"],
            heads=config["n_head"],
            eps=config.get("layer_norm_epsilon", 1e-5),
        )

    def to_hub(self) -> dict[str, Any]:
        found = {**super().to_hub(), "afn": "gelu"}
        del found["n_inner"], found["activation_function"]
        return found


class GPT1Block(GPT2Block):
    """Attention and MLP, each followed by the norm of its sum with what came in."""

    def forward(self, x: Tensor, mask: Tensor | None, layer: int, cache: KVCache | None = None) -> Tensor:
        x = post_norm(x, self.attention_norm, lambda y: self._attend(y, mask, layer, cache))
        return post_norm(x, self.feed_norm, self._feed)


class GPT1(GPT2):
    """The whole model, with GPT-2's names of weights."""

    config_type = GPT1Config
    block_type = GPT1Block

    def __init__(self, config: GPT1Config) -> None:
        super().__init__(config)
        self.norm = nn.Identity()  # the last block has normalized what it gives

    def begin(self) -> None:
        """First weights: all matrices normal with a deviation of 0.02 (section 4.1)."""
        for one in self.parameters():
            if one.dim() == 2:
                nn.init.normal_(one, std=0.02)

    @staticmethod
    def ours(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return from_hub_names(weights, _NAMES)

    @staticmethod
    def theirs(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return to_hub_names(weights, _NAMES)


_NAMES = {"tokens_embed": "embedding", "positions_embed": "positions"} | {
    theirs: ours for theirs, ours in NAMES.items() if theirs not in ("wte", "wpe", "ln_f")
}
