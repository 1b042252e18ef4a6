"""Objectives: what a model is trained to do, as inputs and targets made from text, and how well it does it."""

from groundup.stack.objectives.causal import bits_per_byte, next_token_pairs
from groundup.stack.objectives.permutation import permutation_plan
from groundup.stack.objectives.replaced import replace_tokens

__all__ = ["bits_per_byte", "next_token_pairs", "permutation_plan", "replace_tokens"]
