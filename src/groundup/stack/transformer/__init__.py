"""The pieces of a transformer: attention; later positions, norms, feed-forward layers, blocks and the cache."""

from groundup.stack.transformer.attention import (
    attention_by_formula,
    attention_scores,
    causal_mask,
    scaled_dot_product_attention,
)

__all__ = ["attention_by_formula", "attention_scores", "causal_mask", "scaled_dot_product_attention"]
