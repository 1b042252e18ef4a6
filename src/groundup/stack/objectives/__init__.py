"""Objectives: how raw text becomes inputs and targets to learn from."""

from groundup.stack.objectives.causal import next_token_pairs

__all__ = ["next_token_pairs"]
