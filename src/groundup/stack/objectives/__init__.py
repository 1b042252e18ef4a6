"""Objectives: what a model is trained to do, as inputs and targets made from text, and how well it does it."""

from groundup.stack.objectives.causal import bits_per_byte, next_token_pairs
from groundup.stack.objectives.contrastive import clip_loss, info_nce, simcse_loss, supervised_contrastive
from groundup.stack.objectives.masked import (
    Masking,
    corrupt,
    mask_spans,
    mask_tokens,
    mask_words,
    span_lengths,
    static_masks,
    word_ids,
)
from groundup.stack.objectives.permutation import permutation_plan
from groundup.stack.objectives.replaced import replace_tokens
from groundup.stack.objectives.sentences import (
    Joined,
    Pair,
    join_pairs,
    next_sentence,
    sentence_order,
    sentence_relation,
)
from groundup.stack.objectives.spans import corrupt_spans, fill_spans, replace_spans, span_counts, span_noise
from groundup.stack.objectives.structure import shuffle_trigrams
from groundup.stack.objectives.unilm import Kind, UniLMTexts, draw_kinds, mask_unilm

__all__ = [
    "Joined",
    "Kind",
    "Masking",
    "Pair",
    "UniLMTexts",
    "bits_per_byte",
    "clip_loss",
    "corrupt",
    "corrupt_spans",
    "draw_kinds",
    "fill_spans",
    "info_nce",
    "join_pairs",
    "mask_spans",
    "mask_tokens",
    "mask_unilm",
    "mask_words",
    "next_sentence",
    "next_token_pairs",
    "permutation_plan",
    "replace_spans",
    "replace_tokens",
    "sentence_order",
    "sentence_relation",
    "shuffle_trigrams",
    "simcse_loss",
    "span_counts",
    "span_lengths",
    "span_noise",
    "static_masks",
    "supervised_contrastive",
    "word_ids",
]
