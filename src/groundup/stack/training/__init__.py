"""Training: one step, clipping, and later checkpoints and distributed runs."""

from groundup.stack.training.clipping import clip_grad_norm
from groundup.stack.training.loop import train_step

__all__ = ["clip_grad_norm", "train_step"]
