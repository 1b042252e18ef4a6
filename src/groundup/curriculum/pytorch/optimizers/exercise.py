"""Four optimizers: from the gradient of each parameter to a change of the parameter.

What all four have in common is written below, in `Optimizer`. What you write is what makes each of them different: which
settings and memories it begins with (`__init__`), and what one step does (`step`). The conventions hold for all four:

- params is any iterable of leaf tensors that require gradients, such as model.parameters(). They may have any shape, a 0-d
  one included, and any floating dtype; what is remembered of a parameter has its shape and dtype.
- step() changes the parameters in place (a new tensor would not be the model's) and is not recorded for the backward pass.
  It reads one.grad and changes it in no way, and it returns nothing.
- A parameter whose .grad is None has no part in a step: it is not changed, not decayed, nor is what is remembered of it, and
  its count of steps does not go up. A gradient of zeros is a gradient.
- lr may be set between steps (optimizer.lr = 0.01), as a schedule does. A step uses the one that is set.
- A training loop calls zero_grad(), then the backward pass, then step(). A checkpoint holds state_dict(): numbers, lists,
  dicts and tensors, nothing else. A new optimizer of the same kind and settings, over parameters of the same shapes, that is
  given it by load_state_dict() goes on exactly as the old one would have, to the last bit, and shares no tensor with it.
- No parameters at all is a ValueError.

In the formulas p is a parameter, g its gradient, and everything is done entry by entry.

torch.optim is switched off here.
"""


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
    """Stochastic gradient descent, with momentum and weight decay where they are not 0.

    g ← g + weight_decay · p                (a penalty on the squared size of the parameters)
    v ← momentum · v + g                    (v begins at zero, so that at the first step it is g)
    p ← p - lr · v

    w = torch.tensor([1.0, 2.0], requires_grad=True)
    optimizer = SGD([w], lr=0.1, momentum=0.5)
    w.grad = torch.tensor([1.0, 10.0]); optimizer.step()                    # w is [0.9, 1.0], v is [1, 10]
    w.grad = torch.tensor([1.0, 0.0]);  optimizer.step()                    # w is [0.75, 0.5], v is [1.5, 5]
    """

    def __init__(self, params, lr, momentum=0.0, weight_decay=0.0):
        super().__init__(params, lr)
        raise NotImplementedError

    def step(self):
        raise NotImplementedError


class RMSprop(Optimizer):
    """Each gradient divided by the root of the running mean of its squares.

    s ← alpha · s + (1 - alpha) · g²        (s begins at zero)
    p ← p - lr · g / (√s + eps)

    w = torch.tensor([1.0, 2.0], requires_grad=True)
    optimizer = RMSprop([w], lr=0.1, alpha=0.75)
    w.grad = torch.tensor([1.0, 10.0]); optimizer.step()                    # w is [0.8, 1.8], s is [0.25, 25]
    w.grad = torch.tensor([1.0, 0.0]);  optimizer.step()                    # w is [0.6488, 1.8], s is [0.4375, 18.75]
    """

    def __init__(self, params, lr, alpha=0.99, eps=1e-8):
        super().__init__(params, lr)
        raise NotImplementedError

    def step(self):
        raise NotImplementedError


class Adam(Optimizer):
    """The running mean of the gradient over the root of that of its squares, both corrected for having begun at zero.

        t ← t + 1                               (t counts this parameter's steps, and begins at 0)
        m ← beta1 · m + (1 - beta1) · g         (m begins at zero)
        s ← beta2 · s + (1 - beta2) · g²        (s begins at zero)
        p ← p - lr · m̂ / (√ŝ + eps)             with m̂ = m / (1 - beta1^t) and ŝ = s / (1 - beta2^t)

    betas is the pair (beta1, beta2).

        w = torch.tensor([1.0, 2.0], requires_grad=True)
        optimizer = Adam([w], lr=0.1)
        w.grad = torch.tensor([1.0, 10.0]); optimizer.step()                    # w is [0.9, 1.9]
        w.grad = torch.tensor([1.0, 0.0]);  optimizer.step()                    # w is [0.8, 1.8330]
    """

    def __init__(self, params, lr, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, lr)
        raise NotImplementedError

    def step(self):
        raise NotImplementedError


class AdamW(Optimizer):
    """Adam with weight decay that is kept apart from the gradient, so that it is not divided by √ŝ.

    p ← p - lr · weight_decay · p
    then the step of Adam, which does not depend on p

    w = torch.tensor([1.0, 2.0], requires_grad=True)
    optimizer = AdamW([w], lr=0.1, weight_decay=0.5)
    w.grad = torch.tensor([1.0, 10.0]); optimizer.step()                    # w is [0.85, 1.8]
    """

    def __init__(self, params, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        super().__init__(params, lr)
        raise NotImplementedError

    def step(self):
        raise NotImplementedError
