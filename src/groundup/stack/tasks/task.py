"""What a task is, and what tasks share: padded batches, and predictions in batches of near lengths.

    examples ── features ──► ids and labels ── collate ──► one padded batch ──► model(**batch).loss         training
    examples ── features ── by length ── collate ──► model(**batch).logits ──► predictions, in order      prediction

An example is what a set of data has (a text and its class, words and their tags); a feature is what a model reads of
it. One example may give several features, windows of a long text. Labels that do not count are IGNORED.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor, nn

Example = TypeVar("Example")
Feature = TypeVar("Feature")
Prediction = TypeVar("Prediction")
ExampleIn = TypeVar("ExampleIn", contravariant=True)

LABELS, LOGITS = "labels", "logits"
BATCH = 64


class Task(Protocol[ExampleIn, Feature, Prediction]):
    """From examples to batches, and from a model back to predictions and their scores."""

    @property
    def name(self) -> str:
        """What the task is called in a report."""

    def features(self, examples: Sequence[ExampleIn]) -> list[Feature]:
        """Texts to ids and labels. One example may give several, which know whose they are."""

    def collate(self, features: Sequence[Feature]) -> dict[str, Tensor]:
        """One padded batch, as ``model(**batch)`` takes it; labels beyond a text are IGNORED."""

    def predict(self, model: nn.Module, examples: Sequence[ExampleIn], batch: int = BATCH) -> list[Prediction]:
        """One prediction an example, in their order; in eval mode, without gradients. Labels are not looked at."""

    def score(self, predictions: Sequence[Prediction], examples: Sequence[ExampleIn]) -> dict[str, float]:
        """The field's metrics by name, in percent where the field gives percent."""


def pad_rows(rows: Sequence[Sequence[int]], value: int, *, left: bool = False, length: int | None = None) -> Tensor:
    """Rows of integers to one tensor (rows, longest), filled up with ``value`` on the right, or on the left.

    ``length`` is how long it is to be at least. Raises ValueError where there is no row.
    """
    if not rows:
        raise ValueError("a batch needs at least one row")
    longest = max(length or 0, *map(len, rows))
    filled = []
    for row in rows:
        rest = [value] * (longest - len(row))
        filled.append([*rest, *row] if left else [*row, *rest])
    return torch.tensor(filled, dtype=torch.int64)


def pad_texts(rows: Sequence[Sequence[int]], pad_id: int, *, left: bool = False) -> dict[str, Tensor]:
    """``ids`` and ``attention_mask`` (1 for what is no padding), each (rows, longest)."""
    mask = pad_rows([[1] * len(row) for row in rows], 0, left=left)
    return {"ids": pad_rows(rows, pad_id, left=left), "attention_mask": mask}


def by_length(lengths: Sequence[int], batch: int) -> list[list[int]]:
    """The places 0, 1, … in batches of near lengths, so that little is padded. The longest come first: what does not
    fit into memory fails at once. Raises ValueError for batches below 1."""
    if batch < 1:
        raise ValueError(f"a batch holds at least one text: {batch}")
    order = sorted(range(len(lengths)), key=lambda at: (-lengths[at], at))
    return [order[begin : begin + batch] for begin in range(0, len(order), batch)]


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """The model in eval mode and without gradients; afterwards each of its parts is in the mode it was in."""
    modes = {part: part.training for part in model.modules()}
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for part, mode in modes.items():
            part.training = mode


def device_of(model: nn.Module) -> torch.device:
    """Where the model's weights are."""
    return next((one.device for one in model.parameters()), torch.device("cpu"))


def on_device(given: dict[str, Tensor], device: torch.device) -> dict[str, Tensor]:
    """The same batch there."""
    return {name: one.to(device) for name, one in given.items()}


def run_batches(
    model: nn.Module,
    features: Sequence[Feature],
    collate: Callable[[Sequence[Feature]], dict[str, Tensor]],
    length: Callable[[Feature], int],
    batch: int = BATCH,
) -> Iterator[tuple[list[int], Any]]:
    """(places, output) for batches of near lengths: which of the features these are, and what the model makes of them.

    In eval mode, without gradients, on the model's device; labels are left out, so that no loss is computed. Raises
    ValueError where the model's scores are NaN: the likeliest of such would look like a prediction.
    """
    device = device_of(model)
    for places in by_length([length(one) for one in features], batch):
        given = collate([features[at] for at in places])
        given.pop(LABELS, None)
        moved = on_device(given, device)
        with evaluating(model):
            output = model(**moved)
        _require_numbers(getattr(output, LOGITS, None), moved.get("attention_mask"))
        yield places, output


def _require_numbers(scores: Tensor | None, mask: Tensor | None) -> None:
    """Raises ValueError where scores are NaN; those of padding, which nobody reads, may be."""
    if scores is None:
        return
    if mask is not None and scores.ndim == 3 and scores.shape[:2] == mask.shape:
        scores = scores[mask.bool()]
    if bool(scores.isnan().any()):
        raise ValueError(
            "the model's scores are not numbers (NaN): its weights are broken, take an earlier state of it"
        )
