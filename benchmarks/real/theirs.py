"""Transformers' side: its models, trained by a plain loop of PyTorch's own parts.

Nothing of our training is used: ``torch.optim.AdamW``, ``LambdaLR``, ``clip_grad_norm_``. What is the same are the ids,
the first weights, which transformers reads from the folder that ours wrote, the examples of each update, the learning
rates, the decay and the clipping. Ours read batches by their own names, so that a model of theirs is wrapped: names in,
logits and loss out. The same code then predicts with either.
"""

from __future__ import annotations

import math
import os
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from groundup.stack.models.output import Output
from groundup.stack.training.order import Order
from groundup.stack.training.settings import Settings

NAMES = {"ids": "input_ids", "token_types": "token_type_ids"}


class Wrapped(nn.Module):
    """A model of transformers that takes our batches."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    @property
    def config(self) -> Any:
        return self.model.config

    def forward(self, **batch: Tensor) -> Output:
        labels = batch.pop("labels", None)
        given: dict[str, Any] = {NAMES.get(name, name): one for name, one in batch.items()}
        spans = type(self.model).__name__.endswith("ForQuestionAnswering")
        if labels is not None and spans:
            given |= {"start_positions": labels[:, 0], "end_positions": labels[:, 1]}
        elif labels is not None:
            given["labels"] = labels
        if not spans and "decoder_input_ids" not in given and hasattr(self.model.config, "use_cache"):
            given["use_cache"] = False
        found = self.model(**given)
        logits = torch.stack((found.start_logits, found.end_logits), dim=-1) if spans else found.logits
        return Output(logits, logits, found.loss)


def read_model(kind: str, folder: str | os.PathLike[str]) -> Wrapped:
    """The class ``kind`` of transformers with the weights of a folder, every one of them."""
    import transformers

    family = getattr(transformers, kind)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        transformers.logging.set_verbosity_error()
        transformers.utils.logging.disable_progress_bar()
        made, told = family.from_pretrained(folder, output_loading_info=True)
    wrong = {name: sorted(map(str, found)) for name, found in told.items() if name.endswith("_keys") and found}
    if wrong:
        raise ValueError(f"{kind} does not read all that ours wrote: {wrong}")
    return Wrapped(made)


@dataclass(frozen=True)
class Trained:
    """What a run left: its losses, how many tokens it read (without padding), and seconds."""

    losses: list[float]
    tokens: int
    seconds: float


def schedule(settings: Settings) -> Callable[[int], float]:
    """The share of the highest learning rate at each update, written down here once more on purpose."""
    floor = settings.floor / settings.lr

    def share(step: int) -> float:
        if step < settings.warmup:
            return (step + 1) / settings.warmup
        if settings.schedule == "constant":
            return 1.0
        done = min((step - settings.warmup) / max(settings.steps - settings.warmup, 1), 1.0)
        fallen = 0.5 * (1 + math.cos(math.pi * done)) if settings.schedule == "cosine" else 1 - done
        return floor + (1 - floor) * fallen

    return share


def train(
    model: nn.Module,
    features: Sequence[Any],
    collate: Callable[[list[Any]], dict[str, Tensor]],
    settings: Settings,
) -> Trained:
    """The plain loop, on the examples that ours has in each update."""
    torch.manual_seed(settings.seed)
    order = Order(len(features), settings.batch, settings.seed)
    groups = [
        {"params": [one for one in model.parameters() if one.dim() >= 2], "weight_decay": settings.weight_decay},
        {"params": [one for one in model.parameters() if one.dim() < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=settings.lr, betas=settings.betas, eps=settings.eps)
    rates = torch.optim.lr_scheduler.LambdaLR(optimizer, schedule(settings))
    losses, tokens, began = [], 0, time.perf_counter()
    model.train()
    for step in range(settings.steps):
        batch = collate([features[at] for at in order.indices(step)])
        optimizer.zero_grad()
        loss = model(**batch).loss
        loss.backward()
        if settings.clip is not None:
            nn.utils.clip_grad_norm_(model.parameters(), settings.clip)
        optimizer.step()
        rates.step()
        losses.append(float(loss.detach()))
        tokens += int(batch["attention_mask"].sum()) if "attention_mask" in batch else batch["ids"].numel()
    model.eval()
    return Trained(losses, tokens, time.perf_counter() - began)
