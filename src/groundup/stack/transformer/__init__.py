"""The pieces of a transformer: attention, heads, positions, norms, feed-forward layers, blocks."""

from groundup.stack.transformer.attention import (
    CausalWindow,
    attention_by_formula,
    attention_scores,
    attention_weights,
    causal_mask,
    masked_softmax,
    record_attention,
    recorded_attention,
    recording,
    scaled_dot_product_attention,
)
from groundup.stack.transformer.blocks import DecoderLayer, DecoderOnlyBlock, EncoderLayer
from groundup.stack.transformer.feedforward import feed_forward, swiglu
from groundup.stack.transformer.heads import MultiHeadAttention, merge_heads, repeat_kv, split_heads
from groundup.stack.transformer.normalization import LayerNorm, RMSNorm, layer_norm, post_norm, pre_norm, rms_norm
from groundup.stack.transformer.positions import alibi_bias, alibi_slopes, relative_positions, sinusoidal_positions
from groundup.stack.transformer.rotary import apply_rope, rope_frequencies, rope_rates, rope_tables

__all__ = [
    "CausalWindow",
    "DecoderLayer",
    "DecoderOnlyBlock",
    "EncoderLayer",
    "LayerNorm",
    "MultiHeadAttention",
    "RMSNorm",
    "alibi_bias",
    "alibi_slopes",
    "apply_rope",
    "attention_by_formula",
    "attention_scores",
    "attention_weights",
    "causal_mask",
    "feed_forward",
    "layer_norm",
    "masked_softmax",
    "merge_heads",
    "post_norm",
    "pre_norm",
    "record_attention",
    "recorded_attention",
    "recording",
    "relative_positions",
    "repeat_kv",
    "rms_norm",
    "rope_frequencies",
    "rope_rates",
    "rope_tables",
    "scaled_dot_product_attention",
    "sinusoidal_positions",
    "split_heads",
    "swiglu",
]
