"""Data: text and pictures by name, with their provenance, cut into what is learned from and what is held out."""

from groundup.stack.data.images import Digits, Photograph, read_digits, read_photograph
from groundup.stack.data.preprocessing import Preprocessing, preprocess, read_preprocessing
from groundup.stack.data.sets import Corpus, python_documentation, read_text, split_text_file

__all__ = [
    "Corpus",
    "Digits",
    "Photograph",
    "Preprocessing",
    "preprocess",
    "python_documentation",
    "read_digits",
    "read_photograph",
    "read_preprocessing",
    "read_text",
    "split_text_file",
]
