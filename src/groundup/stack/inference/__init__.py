"""Inference: choosing the next token, and remembering what was computed for the earlier ones."""

from groundup.stack.inference.cache import KVCache, cache_bytes, generate_cached
from groundup.stack.inference.sampling import apply_temperature, generate, min_p, repetition_penalty, top_k, top_p

__all__ = [
    "KVCache",
    "apply_temperature",
    "cache_bytes",
    "generate",
    "generate_cached",
    "min_p",
    "repetition_penalty",
    "top_k",
    "top_p",
]
