"""What the tests of tasks share: a small WordPiece vocabulary, tiny models, folders that transformers writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from groundup.stack.text.wordpiece import WordPiece
from groundup.stack.text.wordpiece_file import write_wordpiece

TEXT = (
    "the good film was a joy ; the bad film was a bore . Ada Lovelace met Charles Babbage in London , and he wrote "
    "unaffable letters to her from Paris . nothing good came of a bad night . seven ships sailed at dawn to Lisbon"
)
CORPUS = TEXT.split()

WORDPIECE = WordPiece.train(CORPUS * 3, vocab_size=120)

SIZES: dict[str, Any] = {
    "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 40,
    "max_position_embeddings": 40, "type_vocab_size": 2,
}  # fmt: skip


def write_bert(transformers: Any, folder: Path, head: str, tokenizer: bool = True, **more: Any) -> Any:
    """A tiny random BERT of transformers' with that head, written by itself with its own tokenizer; the model."""
    import torch

    torch.manual_seed(0)
    config = transformers.BertConfig(**{"vocab_size": WORDPIECE.vocab_size, **SIZES, **more})
    model = getattr(transformers, head)._from_config(config, attn_implementation="eager").eval()
    with torch.no_grad():
        for one in model.parameters():
            one.add_(torch.randn_like(one) * 0.1)
    model.save_pretrained(folder)
    if tokenizer:
        write_wordpiece(folder / "made", WORDPIECE)
        transformers.BertTokenizer.from_pretrained(folder / "made").save_pretrained(folder)
        for one in (folder / "made").iterdir():
            one.unlink()
        (folder / "made").rmdir()
    return model
