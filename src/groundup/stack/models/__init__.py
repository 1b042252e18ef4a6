"""Models: one readable file a family; :func:`load` picks the family and the head that a folder's files name."""

from groundup.stack.models.families import load
from groundup.stack.models.gpt import GPT
from groundup.stack.models.gpt2 import GPT2, GPT2Config
from groundup.stack.models.llama import Llama, LlamaBlock, LlamaConfig, rename_checkpoint

__all__ = ["GPT", "GPT2", "GPT2Config", "Llama", "LlamaBlock", "LlamaConfig", "load", "rename_checkpoint"]
