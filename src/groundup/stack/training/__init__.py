"""Training: from settings and examples to a trained model, with states to go on from, and one step by itself."""

from groundup.stack.training.averages import Average
from groundup.stack.training.clipping import clip_grad_norm
from groundup.stack.training.groups import Groups
from groundup.stack.training.loop import train_step
from groundup.stack.training.settings import Settings
from groundup.stack.training.trainer import Run, Step, Trainer, train
from groundup.stack.training.world import World

__all__ = ["Average", "Groups", "Run", "Settings", "Step", "Trainer", "World", "clip_grad_norm", "train", "train_step"]
