"""Gradient checkpointing: a block keeps its input alone, and what else its gradients need is computed once more.

    forward    x₀ → block₁ → x₁ → block₂ → x₂ → …        kept: x₀, x₁, x₂, …; what happens inside a block is let go
    backward   … ← block₂ again from x₁, then its gradients ← block₁ again from x₀, then its gradients

With L blocks of which each keeps k bytes beside its input of i, L · i + k are held instead of L · (i + k), for one more
forward pass of the blocks: a third more of a step's products. Gradients are the same, dropout's among them, since the
generator of random numbers is set back before a block runs again. Chen and others, "Training Deep Nets with Sublinear
Memory Cost" (2016), section 4.1, with one block a segment; the second run is PyTorch's ``torch.utils.checkpoint``.

Blocks are what stands in a model's lists (``nn.ModuleList``) and has layers of its own: all families here are so built.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from types import MethodType
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from groundup.stack.transformer.attention import recording

_PAST = ("cache", "update")
"""What a block's argument is called that holds what came before: run twice, it would hold that twice."""


def find_blocks(model: nn.Module) -> list[nn.Module]:
    """The blocks that a model is a stack of, each once, in the order of its layers; the outermost where they nest."""
    found: list[nn.Module] = []

    def walk(module: nn.Module, listed: bool) -> None:
        if listed and not isinstance(module, nn.ModuleList) and any(module.children()):
            if all(module is not one for one in found):
                found.append(module)
            return
        for child in module.children():
            walk(child, isinstance(module, nn.ModuleList))

    walk(model, listed=False)
    return found


def start_recompute(model: nn.Module) -> int:
    """From now on every block of the model keeps its input alone; how many there are. Once more changes nothing.

    A block runs as always where no gradients are asked for, with a cache, and while attention is recorded. A deep copy
    of the model does the same. Raises ValueError for a model without blocks.
    """
    blocks = find_blocks(model)
    if not blocks:
        raise ValueError(f"{type(model).__name__} has no blocks: no nn.ModuleList of modules with layers of their own")
    for block in blocks:
        block.forward = MethodType(_forward, block)  # bound, so that a copy's is bound to the copy
    return len(blocks)


def stop_recompute(model: nn.Module) -> None:
    """Undo :func:`start_recompute`. What was not begun is left alone."""
    for block in find_blocks(model):
        if recomputes(block):
            del block.forward


def recomputes(block: nn.Module) -> bool:
    """Whether this block keeps its input alone."""
    method = vars(block).get("forward")
    return isinstance(method, MethodType) and method.__func__ is _forward


@contextmanager
def recomputing(model: nn.Module) -> Iterator[nn.Module]:
    """:func:`start_recompute` for the body of a ``with``; blocks that recomputed before go on with it."""
    before = [block for block in find_blocks(model) if recomputes(block)]
    start_recompute(model)
    try:
        yield model
    finally:
        stop_recompute(model)
        for block in before:
            block.forward = MethodType(_forward, block)


def _forward(block: nn.Module, *args: Any, **kwargs: Any) -> Any:
    """A block's forward, kept or not. ``type(block)`` has the method that this one stands before."""
    plain = MethodType(type(block).forward, block)
    if not torch.is_grad_enabled() or recording() or _has_past(plain, args, kwargs):
        return plain(*args, **kwargs)
    return checkpoint(plain, *args, use_reentrant=False, **kwargs)


def _has_past(forward: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    given = inspect.signature(forward).bind_partial(*args, **kwargs).arguments
    return any(given.get(name) is not None for name in _PAST)
