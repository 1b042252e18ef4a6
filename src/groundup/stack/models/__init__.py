"""Models: one readable file a family."""

from groundup.stack.models.gpt import GPT
from groundup.stack.models.gpt2 import GPT2, GPT2Config
from groundup.stack.models.llama import Llama, LlamaBlock, LlamaConfig, rename_checkpoint

__all__ = ["GPT", "GPT2", "GPT2Config", "Llama", "LlamaBlock", "LlamaConfig", "rename_checkpoint"]
