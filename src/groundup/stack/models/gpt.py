"""GPT: the decoder-only language model that the workshop builds and trains, from the learner's own parts.

    ids (batch, n) → embedding (batch, n, dim) → block × layers → RMS norm → logits (batch, n, vocab)

The plan is that of Radford and others 2018 and 2019: a stack of causal blocks that predicts every next token at once,
with the embedding used again, transposed, to score the tokens. The blocks are of today: rotary positions, RMS norms
before each part, SwiGLU, no biases (Touvron and others, "Llama" 2023). GPT-2 as it was is in :mod:`.gpt2`.
"""

from __future__ import annotations

from torch import Tensor, nn

from groundup.stack.inference.cache import KVCache
from groundup.stack.transformer.attention import CausalWindow
from groundup.stack.transformer.blocks import DecoderOnlyBlock
from groundup.stack.transformer.normalization import RMSNorm
from groundup.stack.transformer.rotary import rope_frequencies


def hidden_size(dim: int) -> int:
    """The width of the feed-forward layer: 8 / 3 of dim, so that its three matrices weigh what two of 4 dim would,
    rounded up to a multiple of 8."""
    return -(-8 * dim // 24) * 8


class GPT(nn.Module):
    """State: ``embedding.weight`` (vocab, dim), ``blocks.{i}.…`` as :class:`DecoderOnlyBlock`, ``norm.weight`` (dim,).

    ``context`` is the longest text that it takes. Weights begin normal with a spread of 0.02, those that write into
    the residual stream (``o`` and ``down``) divided by √(2 · layers), as in GPT-2.
    """

    cos: Tensor
    sin: Tensor

    def __init__(self, vocab: int, dim: int, heads: int, layers: int, context: int) -> None:
        super().__init__()
        self.vocab, self.dim, self.heads, self.layers, self.context = vocab, dim, heads, layers, context
        self.embedding = nn.Embedding(vocab, dim)
        self.blocks = nn.ModuleList(DecoderOnlyBlock(dim, heads, heads, hidden_size(dim)) for _ in range(layers))
        self.norm = RMSNorm(dim)
        cos, sin = rope_frequencies(dim // heads, context)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        self._window = CausalWindow()
        self._begin()

    def _begin(self) -> None:
        for name, one in self.named_parameters():
            if one.dim() == 2:
                into_residual = name.endswith(("o.weight", "down.weight"))
                nn.init.normal_(one, std=0.02 / (2 * self.layers) ** 0.5 if into_residual else 0.02)

    def forward(self, ids: Tensor, cache: KVCache | None = None) -> Tensor:
        """ids (batch, n) to logits (batch, n, vocab); with a cache, ids are the tokens after those that it holds.

        Raises ValueError where the text is longer than the context.
        """
        begin = 0 if cache is None else cache.length
        end = begin + ids.shape[-1]
        if end > self.context:
            raise ValueError(f"the text has {end} tokens, the context of this model {self.context}")
        cos, sin = self.cos[begin:end], self.sin[begin:end]
        mask = self._window(begin, end, ids.device)
        x = self.embedding(ids)
        for layer, block in enumerate(self.blocks):
            if cache is None:
                x = block(x, cos, sin, mask)
            else:
                x = block(x, cos, sin, mask, lambda k, v, layer=layer: cache.update(layer, k, v))
        logits: Tensor = self.norm(x) @ self.embedding.weight.T
        return logits

    def new_cache(self, batch: int, length: int) -> KVCache:
        """An empty cache that fits this model."""
        weight = self.embedding.weight
        shape = (self.layers, batch, self.heads, length, self.dim // self.heads)
        return KVCache(*shape, dtype=weight.dtype, device=weight.device)

    def flops_per_token(self) -> int:
        """Floating-point operations of a forward and a backward pass, for each token of a full context: 6 for each
        weight of a matrix, 12 · layers · dim · context for attention.

        Chowdhery and others, "PaLM" (2022), appendix B.
        """
        weights = sum(one.numel() for one in self.parameters() if one.dim() == 2)
        return 6 * weights + 12 * self.layers * self.dim * self.context


def llama_config(model: GPT) -> dict[str, object]:
    """The Hub's configuration of a Llama that computes what the model computes: every GPT of ours is one."""
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": model.vocab,
        "hidden_size": model.dim,
        "intermediate_size": hidden_size(model.dim),
        "num_hidden_layers": model.layers,
        "num_attention_heads": model.heads,
        "num_key_value_heads": model.heads,
        "head_dim": model.dim // model.heads,
        "max_position_embeddings": model.context,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "hidden_act": "silu",
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": True,
        "torch_dtype": str(next(model.parameters()).dtype).removeprefix("torch."),
    }


def count_parameters(model: nn.Module) -> int:
    """Every weight once, also where it is used twice."""
    return sum(one.numel() for one in {id(one): one for one in model.parameters()}.values())
