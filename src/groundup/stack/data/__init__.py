"""Data: text, tasks and pictures by name, with their provenance, cut into what is learned from and what is held out."""

from groundup.stack.data.catalog import CATALOG, Freedom, PublicSet, find_set
from groundup.stack.data.download import DownloadError, download_file
from groundup.stack.data.examples import (
    Answer,
    LabeledText,
    PlainText,
    Question,
    ScoredPair,
    TaggedWords,
    TaskData,
    TextPair,
)
from groundup.stack.data.fetching import fetch_set, missing_files
from groundup.stack.data.images import Digits, Photograph, read_digits, read_photograph
from groundup.stack.data.places import data_folders, find_file, reading_from
from groundup.stack.data.preprocessing import Preprocessing, preprocess, read_preprocessing
from groundup.stack.data.sets import Corpus, python_documentation, read_text, split_text_file
from groundup.stack.data.tasks import read_task

__all__ = [
    "CATALOG",
    "Answer",
    "Corpus",
    "Digits",
    "DownloadError",
    "Freedom",
    "LabeledText",
    "Photograph",
    "PlainText",
    "Preprocessing",
    "PublicSet",
    "Question",
    "ScoredPair",
    "TaggedWords",
    "TaskData",
    "TextPair",
    "data_folders",
    "download_file",
    "fetch_set",
    "find_file",
    "find_set",
    "missing_files",
    "preprocess",
    "python_documentation",
    "read_digits",
    "read_photograph",
    "read_preprocessing",
    "read_task",
    "read_text",
    "reading_from",
    "split_text_file",
]
