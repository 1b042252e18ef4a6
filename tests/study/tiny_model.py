"""A language model so small that a test makes it in a moment: Llama's or GPT-2's format, with a BPE tokenizer."""

from __future__ import annotations

from pathlib import Path

import torch

from groundup.stack.models.gpt2 import GPT2, GPT2Config
from groundup.stack.models.llama import Llama, LlamaConfig
from groundup.stack.text.bpe import train_bpe
from groundup.stack.text.tokenizer_file import write_tokenizer

TEXT = "the cat sat because it was tired. the dog ran because it was awake. é漢🦙 the cat and the dog.\n" * 20
CONTEXT = 64


def write_model(folder: Path, family: str = "llama", *, card: str = "---\nlicense: mit\n---\n") -> Path:
    """A random model; always the same one."""
    torch.manual_seed(0)
    if family == "llama":
        sizes = {"vocab": 320, "dim": 32, "layers": 2, "heads": 4, "kv_heads": 2, "hidden": 64, "context": CONTEXT}
        Llama(LlamaConfig(**sizes, tied=True)).save_pretrained(folder)  # type: ignore[arg-type]
    else:
        GPT2(GPT2Config(vocab=320, dim=32, layers=2, heads=4, context=CONTEXT)).save_pretrained(folder)
    write_tokenizer(folder, train_bpe(TEXT, 300), ("<|endoftext|>",))
    (folder / "README.md").write_text(card)
    return folder
