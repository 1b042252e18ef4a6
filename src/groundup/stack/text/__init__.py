"""Text and its pieces: tokenizers."""

from groundup.stack.text.bpe import BytePairTokenizer, Merges, decode, encode, split_text, train_bpe

__all__ = ["BytePairTokenizer", "Merges", "decode", "encode", "split_text", "train_bpe"]
