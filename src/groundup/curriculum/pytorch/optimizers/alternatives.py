"""Right answers in other styles than the reference's: all of them must pass."""

import math

import torch

from groundup.authoring import replaces
from groundup.stack.nn.optimizers import Optimizer


class _Given(Optimizer):
    """The stack's base class, whose ``step`` a subclass writes: lists in ``state``, counts in ``steps``."""

    def remember(self, *names):
        for name in names:
            self.state[name] = [torch.zeros_like(one) for one in self.params]

    def with_gradients(self):
        """The numbers of the parameters that take part, counted."""
        for number, one in enumerate(self.params):
            if one.grad is not None:
                self.steps[number] += 1
                yield number


class _ByHand:
    """Without a base class: a dict of memories for each parameter, filled when it is first needed."""

    def __init__(self, params, lr):
        self.tensors = [one for one in params]
        if len(self.tensors) == 0:
            raise ValueError("nothing to optimize")
        self.lr = lr
        self.memories = [{} for _ in self.tensors]

    def zero_grad(self):
        for one in self.tensors:
            one.grad = None

    def step(self):
        for one, memory in zip(self.tensors, self.memories):
            if one.grad is not None:
                one.data = one.data - self.change(one.data, one.grad.clone(), memory)

    def state_dict(self):
        return {"lr": self.lr, "memories": [dict(memory) for memory in self.memories]}

    def load_state_dict(self, saved):
        if len(saved["memories"]) != len(self.tensors):
            raise ValueError("saved for another number of parameters")
        for one, memory in zip(self.tensors, saved["memories"]):
            if any(torch.is_tensor(kept) and kept.shape != one.shape for kept in memory.values()):
                raise ValueError("saved for parameters of other shapes")
        self.lr = saved["lr"]
        self.memories = [
            {name: kept.clone() if torch.is_tensor(kept) else kept for name, kept in memory.items()}
            for memory in saved["memories"]
        ]


class _Flat(_Given):
    """All entries of all parameters that take part, as one long vector for each count of steps."""

    def step(self):
        groups = {}
        for number in self.with_gradients():
            groups.setdefault(self.steps[number], []).append(number)
        for count, numbers in groups.items():
            chosen = [self.params[number] for number in numbers]
            p = torch.cat([one.detach().flatten() for one in chosen])
            g = torch.cat([one.grad.flatten() for one in chosen])
            memory = {k: torch.cat([kept[number].flatten() for number in numbers]) for k, kept in self.state.items()}
            p, memory = self.updated(p, g, memory, count)
            with torch.no_grad():
                sizes = [one.numel() for one in chosen]
                for one, new in zip(chosen, p.split(sizes)):
                    one.copy_(new.view_as(one))
                for name, kept in self.state.items():
                    for number, new in zip(numbers, memory[name].split(sizes)):
                        kept[number].copy_(new.view_as(kept[number]))


# ── SGD ──


@replaces("SGD")
class SGDByHand(_ByHand):
    """The velocity begins as a copy of the first gradient, as in torch.optim; new data for each parameter."""

    def __init__(self, params, lr, momentum=0.0, weight_decay=0.0):
        super().__init__(params, lr)
        self.momentum, self.weight_decay = momentum, weight_decay

    def change(self, p, g, memory):
        if self.weight_decay != 0:
            g = g + self.weight_decay * p
        if self.momentum == 0:
            return self.lr * g
        memory["velocity"] = g if "velocity" not in memory else self.momentum * memory["velocity"] + g
        return self.lr * memory["velocity"]


@replaces("SGD")
class SGDOfOneVector(_Flat):
    def __init__(self, params, lr, momentum=0.0, weight_decay=0.0):
        super().__init__(params, lr)
        self.mu, self.decay = momentum, weight_decay
        self.remember("v")

    def updated(self, p, g, memory, count):
        v = self.mu * memory["v"] + torch.add(g, p, alpha=self.decay)
        return torch.add(p, v, alpha=-self.lr), {"v": v}


@replaces("SGD")
class SGDInDouble(_Given):
    def __init__(self, params, lr, momentum=0.0, weight_decay=0.0):
        super().__init__(params, lr)
        self.momentum, self.weight_decay = momentum, weight_decay
        self.remember("velocity")

    @torch.no_grad()
    def step(self):
        for number in self.with_gradients():
            p, v = self.params[number], self.state["velocity"][number]
            wide = self.momentum * v.double() + p.grad.double() + self.weight_decay * p.double()
            v.copy_(wide)
            p.copy_(p.double() - self.lr * v.double())


# ── RMSprop ──


@replaces("RMSprop")
class RMSpropByHand(_ByHand):
    def __init__(self, params, lr, alpha=0.99, eps=1e-8):
        super().__init__(params, lr)
        self.alpha, self.eps = alpha, eps

    def change(self, p, g, memory):
        s = memory.get("s", torch.zeros_like(p))
        memory["s"] = self.alpha * s + (1 - self.alpha) * g * g
        return self.lr * g / (memory["s"] ** 0.5 + self.eps)


@replaces("RMSprop")
class RMSpropOfOneVector(_Flat):
    def __init__(self, params, lr, alpha=0.99, eps=1e-8):
        super().__init__(params, lr)
        self.alpha, self.eps = alpha, eps
        self.remember("s")

    def updated(self, p, g, memory, count):
        s = torch.lerp(g.square(), memory["s"], self.alpha)
        return p - g.div(s.sqrt().add(self.eps)).mul(self.lr), {"s": s}


@replaces("RMSprop")
class RMSpropByRoots(_Given):
    """The root is what is kept, and squared again at each step."""

    def __init__(self, params, lr, alpha=0.99, eps=1e-8):
        super().__init__(params, lr)
        self.keep, self.eps = alpha, eps
        self.remember("root")

    @torch.no_grad()
    def step(self):
        for number in self.with_gradients():
            p, root = self.params[number], self.state["root"][number]
            root.copy_(torch.hypot(math.sqrt(self.keep) * root, math.sqrt(1 - self.keep) * p.grad))
            p.addcdiv_(p.grad, root + self.eps, value=-self.lr)


# ── Adam and AdamW ──


class _Settings:
    """The settings of Adam, with a decay that is 0 unless a subclass takes it."""

    def set(self, betas, eps, decay=0.0):
        (self.beta1, self.beta2), self.eps, self.decay = betas, eps, decay


class _AdamByHand(_Settings, _ByHand):
    def change(self, p, g, memory):
        t = memory["t"] = memory.get("t", 0) + 1
        m = memory["m"] = self.beta1 * memory.get("m", torch.zeros_like(p)) + (1 - self.beta1) * g
        s = memory["s"] = self.beta2 * memory.get("s", torch.zeros_like(p)) + (1 - self.beta2) * g**2
        unbiased_m, unbiased_s = m / (1 - self.beta1**t), s / (1 - self.beta2**t)
        return self.lr * (unbiased_m / (unbiased_s.sqrt() + self.eps) + self.decay * p)


class _AdamOfOneVector(_Settings, _Flat):
    """The corrections are gathered in the rate and in eps, as the paper proposes at the end of its section 2."""

    def updated(self, p, g, memory, count):
        m = torch.lerp(memory["m"], g, 1 - self.beta1)
        s = torch.lerp(memory["s"], g * g, 1 - self.beta2)
        root = math.sqrt(1 - self.beta2**count)
        rate = self.lr * root / (1 - self.beta1**count)
        shrunk = p * (1 - self.lr * self.decay)
        return shrunk - rate * m / (s.sqrt() + self.eps * root), {"m": m, "s": s}


class _AdamOfWeights(_Settings, _Given):
    """Means that are divided by the sum of the weights that they gave: no correction is needed afterwards."""

    @torch.no_grad()
    def step(self):
        for number in self.with_gradients():
            p, m, s = self.params[number], self.state["m"][number], self.state["s"][number]
            given1, given2 = self.state["weights"][number].tolist()
            new1, new2 = self.beta1 * given1 + 1.0, self.beta2 * given2 + 1.0
            self.state["weights"][number].copy_(torch.tensor([new1, new2], dtype=torch.float64))
            m.add_((p.grad - m) / new1)
            s.add_((p.grad.square() - s) / new2)
            p.sub_(p * (self.lr * self.decay)).sub_(self.lr * m / (torch.sqrt(s) + self.eps))

    def remember(self, *names):
        super().remember(*names)
        self.state["weights"] = [torch.zeros(2, dtype=torch.float64) for _ in self.params]


@replaces("Adam")
class AdamByHand(_AdamByHand):
    def __init__(self, params, lr, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, lr)
        self.set(betas, eps)


@replaces("Adam")
class AdamOfOneVector(_AdamOfOneVector):
    def __init__(self, params, lr, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, lr)
        self.set(betas, eps)
        self.remember("m", "s")


@replaces("Adam")
class AdamOfWeights(_AdamOfWeights):
    def __init__(self, params, lr, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, lr)
        self.set(betas, eps)
        self.remember("m", "s")


@replaces("AdamW")
class AdamWByHand(_AdamByHand):
    def __init__(self, params, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        super().__init__(params, lr)
        self.set(betas, eps, weight_decay)


@replaces("AdamW")
class AdamWOfOneVector(_AdamOfOneVector):
    def __init__(self, params, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        super().__init__(params, lr)
        self.set(betas, eps, weight_decay)
        self.remember("m", "s")


@replaces("AdamW")
class AdamWOfWeights(_AdamOfWeights):
    def __init__(self, params, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        super().__init__(params, lr)
        self.set(betas, eps, weight_decay)
        self.remember("m", "s")
