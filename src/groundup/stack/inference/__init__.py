"""Inference: choosing the next token, remembering what was computed for the earlier ones, and searching with beams."""

from groundup.stack.inference.beams import Beam, search_beams
from groundup.stack.inference.cache import KVCache, cache_bytes, generate_cached
from groundup.stack.inference.sampling import apply_temperature, generate, min_p, repetition_penalty, top_k, top_p
from groundup.stack.inference.steps import Rules, Steps, select_rows

__all__ = [
    "Beam",
    "KVCache",
    "Rules",
    "Steps",
    "apply_temperature",
    "cache_bytes",
    "generate",
    "generate_cached",
    "min_p",
    "repetition_penalty",
    "search_beams",
    "select_rows",
    "top_k",
    "top_p",
]
