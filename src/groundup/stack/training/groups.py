"""AdamW in two groups: weights that decay, and those that do not.

Decay pulls a matrix towards 0, which bounds how strongly it can react. Biases and the gains of norms are not pulled:
they have nothing to overfit with, and a norm's gain has no reason to be 0. These are the parameters of fewer than two
dimensions, those named biases (XLNet has one a head), and Mamba's decays, which are kept as logarithms. Embeddings
decay or not as one says: BERT's did, and their rows shrink between two sights of a rare word.

Sources: what the released optimizers of Devlin and others, "BERT" (2019), and Gu and Dao, "Mamba" (2023), exclude;
Loshchilov and Hutter, "Decoupled Weight Decay Regularization" (2019).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from groundup.stack.nn import optimizers
from groundup.stack.training.settings import SettingsError

_FREE = ("bias", "log_a")


def split_parameters(
    model: nn.Module, decay_embeddings: bool = True
) -> tuple[dict[str, nn.Parameter], dict[str, nn.Parameter]]:
    """The parameters that decay and those that do not, by name; frozen ones are in neither, shared ones once."""
    embeddings = {id(one.weight) for one in model.modules() if isinstance(one, nn.Embedding)}
    decayed: dict[str, nn.Parameter] = {}
    kept: dict[str, nn.Parameter] = {}
    for name, one in model.named_parameters():
        if one.requires_grad:
            free = one.dim() < 2 or name.endswith(_FREE) or (not decay_embeddings and id(one) in embeddings)
            (kept if free else decayed)[name] = one
    return decayed, kept


class Groups:
    """One AdamW for each group, stepped together. Raises ValueError where the model has nothing to train, SettingsError
    for an ``eps`` that its parameters' type rounds to 0."""

    def __init__(
        self,
        model: nn.Module,
        lr: float,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        decay_embeddings: bool = True,
    ) -> None:
        parts = zip(split_parameters(model, decay_embeddings), (weight_decay, 0.0), strict=True)
        filled = [(named, decay) for named, decay in parts if named]
        if not filled:
            raise ValueError("the model has no parameter that requires a gradient: there is nothing to train")
        for dtype in {one.dtype for named, _ in filled for one in named.values()}:
            if float(torch.tensor(eps, dtype=dtype)) == 0:
                raise SettingsError(
                    f"eps={eps:g} is 0 in {dtype}, and AdamW would divide by 0: train the parameters in float32, as "
                    "model.float() makes them, or raise eps to 1e-4"
                )
        self.names = [list(named) for named, _ in filled]
        # Looked up when it is called, so that whoever replaces AdamW trains with the replacement.
        self.optimizers: list[optimizers.Optimizer] = [
            optimizers.AdamW(named.values(), lr, betas, eps, decay) for named, decay in filled
        ]

    @property
    def params(self) -> list[Tensor]:
        """All parameters that are trained."""
        return [one for optimizer in self.optimizers for one in optimizer.params]

    @property
    def lr(self) -> float:
        return self.optimizers[0].lr

    @lr.setter
    def lr(self, value: float) -> None:
        for one in self.optimizers:
            one.lr = value

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for one in self.optimizers:
            one.zero_grad()

    def step(self) -> None:
        """Change every parameter that has a gradient."""
        for one in self.optimizers:
            one.step()

    def tensors(self) -> dict[str, Tensor]:
        """What is remembered of each parameter, as ``means.NAME`` and ``squares.NAME``; not copies."""
        found: dict[str, Tensor] = {}
        for names, optimizer in zip(self.names, self.optimizers, strict=True):
            for kind, values in optimizer.state_dict().items():
                if kind not in ("lr", "steps"):
                    found |= {f"{kind}.{name}": one for name, one in zip(names, values, strict=True)}
        return found

    def steps(self) -> dict[str, int]:
        """How many updates each parameter has had."""
        pairs = zip(self.names, self.optimizers, strict=True)
        return {name: count for names, one in pairs for name, count in zip(names, one.steps, strict=True)}

    def restore(self, tensors: Mapping[str, Tensor], steps: Mapping[str, int]) -> None:
        """Go on from :meth:`tensors` and :meth:`steps`. Raises ValueError, by name, where a parameter is missing."""
        missing = [name for names in self.names for name in names if name not in steps]
        missing += [name for name in self.tensors() if name not in tensors]
        if missing:
            raise ValueError(f"nothing was saved of {', '.join(missing[:5])}: it was another model")
        for names, optimizer in zip(self.names, self.optimizers, strict=True):
            now = optimizer.state_dict()
            saved: dict[str, Any] = {"lr": optimizer.lr, "steps": [steps[name] for name in names]}
            saved |= {kind: [tensors[f"{kind}.{name}"] for name in names] for kind in now.keys() - {"lr", "steps"}}
            optimizer.load_state_dict(saved)
