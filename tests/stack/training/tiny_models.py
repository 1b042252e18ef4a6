"""What the tests beside this file share (``runpy.run_path``): small random models of many families, each with a batch;
and a program that ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from groundup.stack.models import albert, bert, deberta, electra, gpt2, gpt3, hybrid, llama, mamba, qwen, t5, xlnet
from groundup.stack.models import transformer as first
from groundup.stack.models.families import CausalLM
from groundup.stack.models.output import IGNORED

VOCAB = 97


def build(name: str, dim: int = 24, layers: int = 3, dropout: float = 0.1, context: int = 64) -> Any:
    """A model with two heads or more; those that have dropout at all have this one."""
    torch.manual_seed(7)
    size: dict[str, Any] = {"vocab": VOCAB, "dim": dim, "layers": layers, "heads": 4, "hidden": 2 * dim + 6}
    text = size | {"context": context, "dropout": dropout, "attention_dropout": dropout}
    decoder = size | {"context": context}
    makers = {
        "bert": lambda: bert.MaskedLM(bert.BertConfig(**text)),
        "bert-unused": lambda: bert.PreTraining(bert.BertConfig(**text)),  # its second head has no labels here
        "bert-classes": lambda: bert.SequenceClassifier(bert.BertConfig(**text, labels=3)),
        "roberta-tokens": lambda: bert.TokenClassifier(bert.BertConfig(**text, roberta=True, pad_id=1, labels=5)),
        "bert-span": lambda: bert.QuestionAnswerer(bert.BertConfig(**text)),
        "albert": lambda: albert.MaskedLM(albert.AlbertConfig(**text, width=10, groups=2, inner=2)),
        "electra": lambda: electra.TokenClassifier(electra.ElectraConfig(**text, labels=5)),
        "deberta": lambda: deberta.TokenClassifier(deberta.DebertaConfig(**text, labels=5)),
        "xlnet": lambda: xlnet.TokenClassifier(xlnet.XLNetConfig(**size, dropout=dropout, labels=5)),
        "gpt2": lambda: CausalLM(gpt2.GPT2(gpt2.GPT2Config(**decoder))),
        "gpt3": lambda: CausalLM(gpt3.GPT3(gpt3.GPT3Config(**decoder))),
        "llama": lambda: CausalLM(llama.Llama(llama.LlamaConfig(**decoder, kv_heads=2))),
        "qwen3": lambda: CausalLM(llama.Llama(qwen.Qwen3Config(**decoder, kv_heads=2))),
        "mamba": lambda: CausalLM(mamba.Mamba(mamba.MambaConfig(VOCAB, dim, layers, state=4))),
        "jamba": lambda: CausalLM(hybrid.Jamba(hybrid.JambaConfig(**size, kv_heads=2, period=2, offset=1, state=4))),
        "t5": lambda: t5.T5(t5.T5Config(**size, head_dim=8, dropout=dropout)),
        "transformer": lambda: first.Transformer(first.TransformerConfig(**size, dropout=dropout)),
    }
    return makers[name]().train()


NAMES = ("bert", "bert-classes", "roberta-tokens", "bert-span", "albert", "electra", "deberta", "xlnet", "gpt2", "gpt3",
         "llama", "qwen3", "mamba", "jamba", "t5", "transformer")  # fmt: skip


def batch_of(name: str, rows: int = 3, length: int = 14, seed: int = 0) -> dict[str, Tensor]:
    """A batch of texts of unequal lengths, the first one whole; labels as the head of that name has them."""
    draw = torch.Generator().manual_seed(seed)
    ids = torch.randint(5, VOCAB, (rows, length), generator=draw)
    lengths = torch.tensor([length - (3 * row) % (length // 2) for row in range(rows)])
    real = torch.arange(length) < lengths[:, None]
    batch = {"ids": ids.masked_fill(~real, 0), "attention_mask": real.long()}
    if name == "bert-classes":
        labels = torch.randint(3, (rows,), generator=draw)
    elif name == "bert-span":
        labels = torch.stack((torch.zeros(rows), lengths - 1), dim=1).long()
    elif name in ("roberta-tokens", "electra", "deberta", "xlnet"):
        labels = torch.randint(5, (rows, length), generator=draw).masked_fill(~real, IGNORED)
    elif name in ("bert", "bert-unused", "albert"):
        asked = (torch.rand(rows, length, generator=draw) < 0.3) & real
        labels = ids.masked_fill(~asked, IGNORED)
    elif name in ("t5", "transformer"):
        labels = torch.randint(5, VOCAB, (rows, length - 4), generator=draw)
        labels[0, -3:] = IGNORED
    else:
        labels = ids.masked_fill(~real, IGNORED)
    return batch | {"labels": labels}


class Stopped(Exception):
    """As if the program had been ended."""


def stop_at(number: int) -> Callable[[Any], None]:
    def watch(step: Any) -> None:
        if step.number == number:
            raise Stopped

    return watch
