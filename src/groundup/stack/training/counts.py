"""How many labels of a batch count, and how many tokens it has: what its mean is a mean over, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from groundup.stack.models.electra import ReplacedTokenDetector
from groundup.stack.models.encoder import SpanModel
from groundup.stack.models.families import CausalLM
from groundup.stack.models.llava import Llava
from groundup.stack.models.output import IGNORED


def counted_labels(model: nn.Module, batch: Mapping[str, Tensor]) -> int:
    """How many labels the model's loss on this batch is the mean of.

    A decoder alone predicts each token from those before it: its first label is never asked for. Of the two places
    of an answer, those beyond the text do not count; nor does padding where replaced tokens are looked for. A loss
    that adds two means up, as one of words and of sentences, is no mean over one number of labels: give ``train`` a
    count of your own for it. Raises ValueError where there are no labels.
    """
    labels = batch.get("labels")
    if labels is None:
        raise ValueError(f"the batch has no labels, only {', '.join(batch) or 'nothing'}: collate must make them")
    if isinstance(model, CausalLM | Llava):
        labels = labels[:, 1:]
    counted = labels != IGNORED
    if isinstance(model, SpanModel):
        counted &= labels < batch["ids"].shape[1]
    if isinstance(model, ReplacedTokenDetector) and "attention_mask" in batch:
        counted &= batch["attention_mask"].bool()
    return int(counted.sum())


def counted_tokens(batch: Mapping[str, Tensor]) -> int:
    """How many tokens without padding the model reads in this batch: those of the text, and of an encoder-decoder
    those that it reads of the target."""
    mask, ids = batch.get("attention_mask"), batch.get("ids")
    if mask is not None and mask.dim() == 2:
        tokens = int(mask.bool().sum())
    else:
        tokens = 0 if ids is None else ids.numel()
    if "decoder_input_ids" in batch and "labels" in batch:
        tokens += int((batch["labels"] != IGNORED).sum())
    return tokens
