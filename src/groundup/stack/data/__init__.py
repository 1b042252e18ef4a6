"""Data: text by name, with its provenance, cut into what is learned from and what is held out."""

from groundup.stack.data.sets import Corpus, python_documentation, read_text, split_text_file

__all__ = ["Corpus", "python_documentation", "read_text", "split_text_file"]
