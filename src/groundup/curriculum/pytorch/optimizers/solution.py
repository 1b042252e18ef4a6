"""The optimizers by their formulas, one parameter after the other. The stack's own update all of them at once."""

import torch


class Optimizer:
    """What the four have in common. It is given; you may change it, or do without it, as long as the conventions hold.

    `steps` holds, for each parameter, the number of steps that it has taken part in: a subclass counts. `state` is for what
    is remembered: under a name, a list with one tensor for each parameter. Put it there in __init__, and it is saved and
    restored with the rest.
    """

    def __init__(self, params, lr):
        self.params = list(params)  # model.parameters() can be gone through only once
        if not self.params:
            raise ValueError("there are no parameters to optimize")
        self.lr = lr
        self.steps = [0] * len(self.params)
        self.state = {}

    def zero_grad(self):
        """Forget all gradients: None, not zeros, so that a parameter without a new one is left alone."""
        for one in self.params:
            one.grad = None

    def step(self):
        raise NotImplementedError

    def state_dict(self):
        """All that a run needs to go on exactly. The tensors are not copied: whoever keeps it while training goes on, copies."""
        return {"lr": self.lr, "steps": list(self.steps), "state": dict(self.state)}

    def load_state_dict(self, saved):
        """Go on from a state_dict. ValueError where it belongs to other parameters."""
        if len(saved["steps"]) != len(self.params):
            raise ValueError(f"saved for {len(saved['steps'])} parameters where there are {len(self.params)}")
        for name, tensors in self.state.items():
            for mine, theirs in zip(tensors, saved["state"][name]):
                if mine.shape != theirs.shape:
                    raise ValueError(
                        f"the saved {name} has shape {tuple(theirs.shape)}, the parameter {tuple(mine.shape)}"
                    )
                mine.copy_(theirs)
        self.lr, self.steps = saved["lr"], list(saved["steps"])


class SGD(Optimizer):
    def __init__(self, params, lr, momentum=0.0, weight_decay=0.0):
        super().__init__(params, lr)
        self.momentum, self.weight_decay = momentum, weight_decay
        self.state["velocity"] = [torch.zeros_like(p) for p in self.params]

    @torch.no_grad()
    def step(self):
        for p, v in zip(self.params, self.state["velocity"]):
            if p.grad is None:
                continue
            v.mul_(self.momentum).add_(p.grad + self.weight_decay * p)
            p -= self.lr * v


class RMSprop(Optimizer):
    def __init__(self, params, lr, alpha=0.99, eps=1e-8):
        super().__init__(params, lr)
        self.alpha, self.eps = alpha, eps
        self.state["squares"] = [torch.zeros_like(p) for p in self.params]

    @torch.no_grad()
    def step(self):
        for p, s in zip(self.params, self.state["squares"]):
            if p.grad is None:
                continue
            s.mul_(self.alpha).add_((1 - self.alpha) * p.grad.square())
            p -= self.lr * p.grad / (s.sqrt() + self.eps)


class Adam(Optimizer):
    def __init__(self, params, lr, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, lr)
        self.betas, self.eps = betas, eps
        self.state["means"] = [torch.zeros_like(p) for p in self.params]
        self.state["squares"] = [torch.zeros_like(p) for p in self.params]

    @torch.no_grad()
    def step(self):
        beta1, beta2 = self.betas
        for i, p in enumerate(self.params):
            if p.grad is None:
                continue
            self.steps[i] += 1
            m, s = self.state["means"][i], self.state["squares"][i]
            m.mul_(beta1).add_((1 - beta1) * p.grad)
            s.mul_(beta2).add_((1 - beta2) * p.grad.square())
            mean = m / (1 - beta1 ** self.steps[i])
            square = s / (1 - beta2 ** self.steps[i])
            p -= self.lr * mean / (square.sqrt() + self.eps)


class AdamW(Adam):
    def __init__(self, params, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        super().__init__(params, lr, betas, eps)
        self.weight_decay = weight_decay

    @torch.no_grad()
    def step(self):
        for p in self.params:
            if p.grad is not None:
                p -= self.lr * self.weight_decay * p
        super().step()
