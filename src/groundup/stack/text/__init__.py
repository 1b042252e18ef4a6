"""Text and its pieces: tokenizers."""

from groundup.stack.text.bpe import BytePairTokenizer, Merges, decode, encode, split_text, train_bpe
from groundup.stack.text.wordpiece import Normalization, WordPiece, train_vocabulary

__all__ = [
    "BytePairTokenizer",
    "Merges",
    "Normalization",
    "WordPiece",
    "decode",
    "encode",
    "split_text",
    "train_bpe",
    "train_vocabulary",
]
