"""Objectives: what a model is trained to do, as inputs and targets made from text, and how well it does it."""

from groundup.stack.objectives.causal import bits_per_byte, next_token_pairs

__all__ = ["bits_per_byte", "next_token_pairs"]
