"""Wrong implementations that learners write. The name is the misconception, the docstring the hint."""

import math

import torch

from groundup.authoring import replaces
from groundup.stack import nn as stack


class _Plain(stack.Optimizer):
    """One parameter after the other: ``change(p, g, memory, t)`` is what a subclass gets wrong.

    ``memory`` holds what is remembered of the parameter, by name; ``t`` counts its steps, this one included.
    """

    def _update(self, params, grads, state, count):
        for number, (p, g) in enumerate(zip(params, grads)):
            self.change(p, g, {name: kept[number] for name, kept in state.items()}, count)


class _Everyone(_Plain):
    """Parameters without a gradient take part, as if it were zero."""

    @torch.no_grad()
    def step(self):
        for number, p in enumerate(self.params):
            self.steps[number] += 1
            g = torch.zeros_like(p) if p.grad is None else p.grad
            self.change(p, g, {name: kept[number] for name, kept in self.state.items()}, self.steps[number])


class _Unchecked(_Plain):
    """A gradient of None is used like any other."""

    @torch.no_grad()
    def step(self):
        for number, p in enumerate(self.params):
            self.steps[number] += 1
            self.change(p, p.grad * 1.0, {k: kept[number] for k, kept in self.state.items()}, self.steps[number])


class _Shared(_Plain):
    """One memory for all parameters of a shape."""

    def _update(self, params, grads, state, count):
        first = {p.shape: number for number, p in reversed(list(enumerate(params)))}
        for p, g in zip(params, grads):
            self.change(p, g, {name: kept[first[p.shape]] for name, kept in state.items()}, count)


class _Forgetful(_Plain):
    """What is remembered is not saved: a new optimizer begins anew."""

    def state_dict(self):
        return {"lr": self.lr, "steps": list(self.steps)}

    def load_state_dict(self, state):
        self.lr, self.steps = state["lr"], list(state["steps"])


class _Uncounted(_Plain):
    """The counts of steps are not restored."""

    def load_state_dict(self, state):
        super().load_state_dict({**state, "steps": [0] * len(self.params)})


class _Aliased(_Plain):
    """A loaded state is used as it is, not copied."""

    def load_state_dict(self, state):
        super().load_state_dict(state)
        for name in self.state:
            self.state[name] = list(state[name])


class _FixedRate(_Plain):
    """The learning rate of the beginning is used for ever."""

    @torch.no_grad()
    def step(self):
        if "first" not in self.__dict__:
            self.first = self.lr
        set_now, self.lr = self.lr, self.first
        super().step()
        self.lr = set_now


class _Recorded(_Plain):
    """Parameters are changed while operations are being recorded."""

    def step(self):
        for number, p in enumerate(self.params):
            if p.grad is not None:
                self.steps[number] += 1
                self.change(p, p.grad, {k: kept[number] for k, kept in self.state.items()}, self.steps[number])


class _Elsewhere(_Plain):
    """New tensors are computed, and the parameters stay as they were."""

    def _update(self, params, grads, state, count):
        super()._update([p.clone() for p in params], grads, state, count)


class _Clearing(_Plain):
    """The gradients are gone after a step."""

    def step(self):
        super().step()
        self.zero_grad()


# ── SGD ──


class _SGD(_Plain):
    def __init__(self, params, lr, momentum=0.0, weight_decay=0.0):
        self._remembered = ("velocity",)
        super().__init__(params, lr)
        self.momentum, self.weight_decay = momentum, weight_decay

    def change(self, p, g, memory, t):
        v = memory["velocity"]
        v.mul_(self.momentum).add_(g + self.weight_decay * p)
        p.sub_(self.lr * v)


@replaces("SGD")
class SGDClimbs(_SGD):
    """The step goes along the gradient, uphill. The gradient points to where the loss grows; go against it."""

    def change(self, p, g, memory, t):
        v = memory["velocity"]
        v.mul_(self.momentum).add_(g + self.weight_decay * p)
        p.add_(self.lr * v)


@replaces("SGD")
class SGDWithoutMomentum(_SGD):
    """momentum makes no difference: what came before is not remembered from one step to the next."""

    def change(self, p, g, memory, t):
        p.sub_(self.lr * (g + self.weight_decay * p))


@replaces("SGD")
class SGDDamped(_SGD):
    """The new gradient was multiplied by 1 - momentum, which makes the velocity a mean. Here it is added as it is: with a
    momentum of 0.9 steps become up to ten times as long."""

    def change(self, p, g, memory, t):
        v = memory["velocity"]
        v.mul_(self.momentum).add_((1 - self.momentum) * (g + self.weight_decay * p))
        p.sub_(self.lr * v)


@replaces("SGD")
class SGDLooksAhead(_SGD):
    """This is Nesterov's momentum: the step adds the velocity once more to the gradient. Here the step is the velocity itself."""

    def change(self, p, g, memory, t):
        v, g = memory["velocity"], g + self.weight_decay * p
        v.mul_(self.momentum).add_(g)
        p.sub_(self.lr * (g + self.momentum * v))


@replaces("SGD")
class SGDUsesTheOldVelocity(_SGD):
    """The step uses the velocity of the step before. First the velocity takes in the new gradient, then the parameter moves."""

    def change(self, p, g, memory, t):
        v = memory["velocity"]
        p.sub_(self.lr * v)
        v.mul_(self.momentum).add_(g + self.weight_decay * p)


@replaces("SGD")
class SGDKeepsRatesInItsVelocity(_SGD):
    """Right as long as the learning rate stays the same: the velocity holds gradients that are already multiplied by it, so that a
    change of the rate comes through only slowly. Multiply when the parameter moves."""

    def change(self, p, g, memory, t):
        v = memory["velocity"]
        v.mul_(self.momentum).add_(self.lr * (g + self.weight_decay * p))
        p.sub_(v)


@replaces("SGD")
class SGDWithAFixedRate(_SGD, _FixedRate):
    """lr was set between two steps, and the steps went on with the old one: it was copied at the beginning. Read it at each
    step."""


@replaces("SGD")
class SGDWithoutDecay(_SGD):
    """weight_decay makes no difference: it is not used."""

    def change(self, p, g, memory, t):
        v = memory["velocity"]
        v.mul_(self.momentum).add_(g)
        p.sub_(self.lr * v)


@replaces("SGD")
class SGDDecaysUpwards(_SGD):
    """The weight decay has the wrong sign: parameters are pushed away from zero."""

    def change(self, p, g, memory, t):
        v = memory["velocity"]
        v.mul_(self.momentum).add_(g - self.weight_decay * p)
        p.sub_(self.lr * v)


@replaces("SGD")
class SGDDecaysByAConstant(_SGD):
    """weight_decay itself was added to the gradient. It is to be multiplied by the parameter: large ones are pulled harder, and all
    of them towards zero."""

    def change(self, p, g, memory, t):
        v = memory["velocity"]
        v.mul_(self.momentum).add_(g + self.weight_decay)
        p.sub_(self.lr * v)


@replaces("SGD")
class SGDDecaysApart(_SGD):
    """Right without momentum. With it, the weight decay has to go into the gradient and so into the velocity; here it was taken off
    the parameter directly, as AdamW does."""

    def change(self, p, g, memory, t):
        v = memory["velocity"]
        v.mul_(self.momentum).add_(g)
        p.mul_(1 - self.lr * self.weight_decay).sub_(self.lr * v)


@replaces("SGD")
class SGDDecaysInTheGradient(_SGD):
    """The parameters are right, but .grad has been changed: the weight decay was added to it in place. Whoever looks at gradients
    afterwards, or adds more to them, finds the decay in them."""

    def change(self, p, g, memory, t):
        v = memory["velocity"]
        g.add_(self.weight_decay * p)
        v.mul_(self.momentum).add_(g)
        p.sub_(self.lr * v)


@replaces("SGD")
class SGDMovesThroughItsGradient(_SGD):
    """.grad has been changed: it is one and the same tensor as the velocity. The first velocity was not a copy, or the velocity
    was written into the gradient."""

    def change(self, p, g, memory, t):
        v = memory["velocity"]
        v.mul_(self.momentum).add_(g + self.weight_decay * p)
        g.copy_(v)
        p.sub_(self.lr * v)


@replaces("SGD")
class SGDOfEveryone(_SGD, _Everyone):
    """A parameter without a gradient was moved all the same, by its velocity or its decay. It has no part in the step: skip it."""


@replaces("SGD")
class SGDWithoutAskingForGradients(_SGD, _Unchecked):
    """A parameter had no gradient, and None was computed with. Parameters that the loss does not depend on have .grad None: skip
    them."""


@replaces("SGD")
class SGDOfOneVelocity(_SGD, _Shared):
    """Parameters of equal shape share one velocity: the list was made by repeating one and the same tensor. Each parameter needs a
    tensor of its own."""


@replaces("SGD")
class SGDElsewhere(_SGD, _Elsewhere):
    """The parameters have not changed: a new tensor was computed and bound to a local name. Change the tensor itself, for it is
    the model's."""


@replaces("SGD")
class SGDRecorded(_SGD, _Recorded):
    """PyTorch refuses to change a parameter in place while operations are being recorded for the backward pass. A step is no part
    of the model: switch the recording off."""


@replaces("SGD")
class SGDClearing(_SGD, _Clearing):
    """The gradients are gone after the step. That is what zero_grad is for, when the training loop asks for it; others may want to
    look at them."""


@replaces("SGD")
class SGDZeroes(_SGD):
    """zero_grad has filled the gradients with zeros. A gradient of zeros is a gradient: momentum and weight decay would move a
    parameter that the next loss does not depend on. Set it to None."""

    def zero_grad(self):
        for p in self.params:
            if p.grad is not None:
                p.grad.zero_()


@replaces("SGD")
class SGDOfAnEmptyGenerator(_SGD):
    """Nothing happens: params is an iterator, as model.parameters() is, and had been used up by the time of the first step. Make a
    list of it at the beginning."""

    def __init__(self, params, lr, momentum=0.0, weight_decay=0.0):
        params = iter(params)
        super().__init__(params, lr, momentum, weight_decay)
        self.params = list(params)
        self.steps = []


@replaces("SGD")
class SGDForgetful(_SGD, _Forgetful):
    """After an interruption the velocity begins at zero again: it is not part of what state_dict saves, or load_state_dict does not
    bring it back."""


@replaces("SGD")
class SGDForgetsItsRate(_SGD):
    """After an interruption the learning rate is that of the beginning: it was changed during training, and is not restored."""

    def load_state_dict(self, state):
        super().load_state_dict({**state, "lr": self.lr})


@replaces("SGD")
class SGDAliased(_SGD, _Aliased):
    """Two optimizers share their velocities: load_state_dict took the tensors as they were, and one optimizer's steps change what the
    other remembers. Copy them."""


@replaces("SGD")
class SGDOfAnything(_SGD):
    """No parameters at all were accepted. Nothing would ever be trained, without a word: raise a ValueError."""

    def __init__(self, params, lr, momentum=0.0, weight_decay=0.0):
        params = list(params)
        super().__init__(params or [torch.zeros(())], lr, momentum, weight_decay)


# ── RMSprop ──


class _RMSprop(_Plain):
    _remembered = ("squares",)

    def __init__(self, params, lr, alpha=0.99, eps=1e-8):
        super().__init__(params, lr)
        self.alpha, self.eps = alpha, eps

    def change(self, p, g, memory, t):
        s = memory["squares"]
        s.mul_(self.alpha).add_((1 - self.alpha) * g * g)
        p.sub_(self.lr * g / (s.sqrt() + self.eps))


@replaces("RMSprop")
class RMSpropClimbs(_RMSprop):
    """The step goes uphill: it has the sign of the gradient, and should have the other one."""

    def change(self, p, g, memory, t):
        s = memory["squares"]
        s.mul_(self.alpha).add_((1 - self.alpha) * g * g)
        p.add_(self.lr * g / (s.sqrt() + self.eps))


@replaces("RMSprop")
class RMSpropAddsUp(_RMSprop):
    """The squares are added up without ever being forgotten: that is Adagrad, whose steps get smaller and smaller. Here it is a
    running mean."""

    def change(self, p, g, memory, t):
        s = memory["squares"]
        s.add_(g * g)
        p.sub_(self.lr * g / (s.sqrt() + self.eps))


@replaces("RMSprop")
class RMSpropWithItsWeightsExchanged(_RMSprop):
    """alpha and 1 - alpha have changed places: the new square counts alpha. alpha is how much of the old mean is kept."""

    def change(self, p, g, memory, t):
        s = memory["squares"]
        s.mul_(1 - self.alpha).add_(self.alpha * g * g)
        p.sub_(self.lr * g / (s.sqrt() + self.eps))


@replaces("RMSprop")
class RMSpropOfWholeSquares(_RMSprop):
    """The new square counts fully, and not 1 - alpha of it: this is no mean, and comes out too large."""

    def change(self, p, g, memory, t):
        s = memory["squares"]
        s.mul_(self.alpha).add_(g * g)
        p.sub_(self.lr * g / (s.sqrt() + self.eps))


@replaces("RMSprop")
class RMSpropWithoutARoot(_RMSprop):
    """The gradient was divided by the mean of squares itself. Its root has the gradient's own scale; without it, small gradients make
    enormous steps."""

    def change(self, p, g, memory, t):
        s = memory["squares"]
        s.mul_(self.alpha).add_((1 - self.alpha) * g * g)
        p.sub_(self.lr * g / (s + self.eps))


@replaces("RMSprop")
class RMSpropWithEpsInside(_RMSprop):
    """eps was added under the root. There its own root counts, 0.0001 for the usual 0.00000001. It is added after the root."""

    def change(self, p, g, memory, t):
        s = memory["squares"]
        s.mul_(self.alpha).add_((1 - self.alpha) * g * g)
        p.sub_(self.lr * g / (s + self.eps).sqrt())


@replaces("RMSprop")
class RMSpropWithoutEps(_RMSprop):
    """eps is missing: where a gradient has always been zero, 0 is divided by 0."""

    def change(self, p, g, memory, t):
        s = memory["squares"]
        s.mul_(self.alpha).add_((1 - self.alpha) * g * g)
        p.sub_(self.lr * g / s.sqrt())


@replaces("RMSprop")
class RMSpropOfAbsoluteValues(_RMSprop):
    """What is averaged is the size of the gradient, not its square. The root mean square counts large ones more."""

    def change(self, p, g, memory, t):
        s = memory["squares"]
        s.mul_(self.alpha).add_((1 - self.alpha) * g.abs())
        p.sub_(self.lr * g / (s + self.eps))


@replaces("RMSprop")
class RMSpropOfTheWholeTensor(_RMSprop):
    """All entries of a parameter are divided by one number, the mean over the tensor. Each entry has a mean of its own."""

    def change(self, p, g, memory, t):
        s = memory["squares"]
        s.mul_(self.alpha).add_((1 - self.alpha) * (g * g).mean())
        p.sub_(self.lr * g / (s.sqrt() + self.eps))


@replaces("RMSprop")
class RMSpropCorrected(_RMSprop):
    """The mean is corrected for having begun at zero. Adam does that; RMSprop does not, so that its first steps are long."""

    def change(self, p, g, memory, t):
        s = memory["squares"]
        s.mul_(self.alpha).add_((1 - self.alpha) * g * g)
        p.sub_(self.lr * g / ((s / (1 - self.alpha**t)).sqrt() + self.eps))


@replaces("RMSprop")
class RMSpropBeginsAtTheFirst(_RMSprop):
    """The mean begins as the square of the first gradient. It begins at zero."""

    def change(self, p, g, memory, t):
        s = memory["squares"]
        s.copy_(g * g) if t == 1 else s.mul_(self.alpha).add_((1 - self.alpha) * g * g)
        p.sub_(self.lr * g / (s.sqrt() + self.eps))


@replaces("RMSprop")
class RMSpropBeginsAtOne(_RMSprop):
    """The mean begins at one. It begins at zero: a one is large next to most gradients, and takes hundreds of steps to be
    forgotten."""

    def __init__(self, params, lr, alpha=0.99, eps=1e-8):
        super().__init__(params, lr, alpha, eps)
        for one in self.state["squares"]:
            one.fill_(1.0)


@replaces("RMSprop")
class RMSpropUsesTheOldMean(_RMSprop):
    """The step uses the mean of before, which at the first step is zero: the gradient is divided by eps. First take in the new square,
    then move."""

    def change(self, p, g, memory, t):
        s = memory["squares"]
        p.sub_(self.lr * g / (s.sqrt() + self.eps))
        s.mul_(self.alpha).add_((1 - self.alpha) * g * g)


@replaces("RMSprop")
class RMSpropOfEveryone(_RMSprop, _Everyone):
    """A parameter without a gradient forgot some of its mean. It has no part in the step: skip it."""


@replaces("RMSprop")
class RMSpropOfOneMean(_RMSprop, _Shared):
    """Parameters of equal shape share one mean of squares: the list was made by repeating one and the same tensor."""


@replaces("RMSprop")
class RMSpropWithAFixedRate(_RMSprop, _FixedRate):
    """lr was set between two steps of RMSprop, and the steps went on with the old one. Read it at each step."""


@replaces("RMSprop")
class RMSpropForgetful(_RMSprop, _Forgetful):
    """After an interruption the mean of squares begins at zero again, and the first steps are far too long: it is not saved, or
    not brought back."""


@replaces("RMSprop")
class RMSpropAliased(_RMSprop, _Aliased):
    """Two optimizers share their means of squares: load_state_dict took the tensors as they were. Copy them."""


@replaces("RMSprop")
class RMSpropSquaresItsGradients(_RMSprop):
    """.grad has been changed: it was squared or scaled in place. Others may still need it."""

    def change(self, p, g, memory, t):
        s = memory["squares"]
        s.mul_(self.alpha).add_((1 - self.alpha) * g * g)
        p.sub_(self.lr * g.div_(s.sqrt() + self.eps))


@replaces("RMSprop")
class RMSpropElsewhere(_RMSprop, _Elsewhere):
    """The parameters have not changed: the step went into new tensors that nobody holds. Change the model's own."""


# ── Adam ──


class _Adam(_Plain):
    _remembered = ("means", "squares")
    weight_decay = 0.0

    def __init__(self, params, lr, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, lr)
        self.betas, self.eps = betas, eps

    def take_in(self, g, memory):
        beta1, beta2 = self.betas
        m, s = memory["means"], memory["squares"]
        m.mul_(beta1).add_((1 - beta1) * g)
        s.mul_(beta2).add_((1 - beta2) * g * g)
        return m, s

    def corrected(self, g, memory, t):
        m, s = self.take_in(g, memory)
        return m / (1 - self.betas[0] ** t), s / (1 - self.betas[1] ** t)

    def decay(self, p):
        p.mul_(1 - self.lr * self.weight_decay)

    def change(self, p, g, memory, t):
        self.decay(p)
        m, s = self.corrected(g, memory, t)
        p.sub_(self.lr * m / (s.sqrt() + self.eps))


class _AdamW(_Adam):
    def __init__(self, params, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        super().__init__(params, lr, betas, eps)
        self.weight_decay = weight_decay


@replaces("Adam")
class AdamClimbs(_Adam):
    """The step goes along the gradient and not against it."""

    def change(self, p, g, memory, t):
        m, s = self.corrected(g, memory, t)
        p.add_(self.lr * m / (s.sqrt() + self.eps))


class _NotCorrected:
    def corrected(self, g, memory, t):
        return self.take_in(g, memory)


@replaces("Adam")
class AdamNotCorrected(_NotCorrected, _Adam):
    """The two means are used as they are. Both began at zero and are too small at first, but not equally: with the usual betas the
    first step is three times too long."""


@replaces("Adam")
class AdamCorrectsTheMeanAlone(_Adam):
    """Only the mean of gradients is corrected for having begun at zero. The mean of squares began there, too, and is remembered far
    longer."""

    def corrected(self, g, memory, t):
        m, s = self.take_in(g, memory)
        return m / (1 - self.betas[0] ** t), s


@replaces("Adam")
class AdamCorrectsTheSquaresAlone(_Adam):
    """Only the mean of squares is corrected for having begun at zero. The mean of gradients began there, too."""

    def corrected(self, g, memory, t):
        m, s = self.take_in(g, memory)
        return m, s / (1 - self.betas[1] ** t)


@replaces("Adam")
class AdamCountsFromZero(_Adam):
    """The first step is counted as step 0, for which the correction divides by zero. Count before you correct."""

    def corrected(self, g, memory, t):
        m, s = self.take_in(g, memory)
        one, two = 1 - self.betas[0] ** (t - 1), 1 - self.betas[1] ** (t - 1)
        return m / torch.tensor(one, dtype=m.dtype), s / torch.tensor(two, dtype=s.dtype)


@replaces("Adam")
class AdamCountsOneAhead(_Adam):
    """The correction is that of the next step: the count went up twice, or began at 1 and went up before it was used."""

    def corrected(self, g, memory, t):
        return super().corrected(g, memory, t + 1)


@replaces("Adam")
class AdamAlwaysCorrectsLikeTheFirst(_Adam):
    """Every step is corrected as if it were the first: the count does not go up. From the second step on, means that have grown are
    blown up as if they had not."""

    def corrected(self, g, memory, t):
        return super().corrected(g, memory, 1)


@replaces("Adam")
class AdamMultipliesBetas(_Adam):
    """The correction takes beta times t where it should take beta to the power of t. Each step keeps a share of what was kept, so
    shares multiply."""

    def corrected(self, g, memory, t):
        m, s = self.take_in(g, memory)
        return m / (1 - self.betas[0] * t), s / (1 - self.betas[1] * t)


@replaces("Adam")
class AdamKeepsItsCorrections(_Adam):
    """The corrected means were stored in place of the means themselves, and are corrected again at the next step. The correction is
    for this step's use only."""

    def corrected(self, g, memory, t):
        m, s = super().corrected(g, memory, t)
        memory["means"].copy_(m)
        memory["squares"].copy_(s)
        return m, s


@replaces("Adam")
class AdamOfOneClock(_Adam):
    """All parameters have one count of steps. A parameter whose gradients came later, or not always, has seen fewer, and its means are
    corrected too little: count for each by itself."""

    @torch.no_grad()
    def step(self):
        self.clock = getattr(self, "clock", max(self.steps)) + 1
        for number, p in enumerate(self.params):
            if p.grad is not None:
                self.steps[number] = self.clock
                self.change(p, p.grad, {name: kept[number] for name, kept in self.state.items()}, self.clock)

    def load_state_dict(self, state):
        super().load_state_dict(state)
        self.clock = max(self.steps)


@replaces("Adam")
class AdamCountsParameters(_Adam):
    """The count goes up with each parameter and not with each step: the second parameter's first step is taken for its second."""

    def _update(self, params, grads, state, count):
        total = (count - 1) * len(params)
        for number, (p, g) in enumerate(zip(params, grads)):
            self.change(p, g, {name: kept[number] for name, kept in state.items()}, total + number + 1)


@replaces("Adam")
class AdamWithEpsInside(_Adam):
    """eps was added under the root, where its own root counts. It is added after the root."""

    def change(self, p, g, memory, t):
        m, s = self.corrected(g, memory, t)
        p.sub_(self.lr * m / (s + self.eps).sqrt())


@replaces("Adam")
class AdamWithEpsTooEarly(_Adam):
    """eps was added before the mean of squares was corrected, so that the correction magnifies it: that is what some libraries do.
    Here it is added to the root of the corrected mean."""

    def change(self, p, g, memory, t):
        m, s = self.take_in(g, memory)
        root = (s.sqrt() + self.eps) / math.sqrt(1 - self.betas[1] ** t)
        p.sub_(self.lr * m / (1 - self.betas[0] ** t) / root)


@replaces("Adam")
class AdamWithoutEps(_Adam):
    """eps is missing: where a gradient has always been zero, zero is divided by zero, and the parameter is lost."""

    def change(self, p, g, memory, t):
        m, s = self.corrected(g, memory, t)
        p.sub_(self.lr * m / s.sqrt())


@replaces("Adam")
class AdamWithoutARoot(_Adam):
    """The mean was divided by the mean of squares itself, without the root: small gradients make enormous steps, large ones
    none."""

    def change(self, p, g, memory, t):
        m, s = self.corrected(g, memory, t)
        p.sub_(self.lr * m / (s + self.eps))


@replaces("Adam")
class AdamWithBetasExchanged(_Adam):
    """The two betas have changed places. The first belongs to the mean of gradients, the second to that of squares."""

    def __init__(self, params, lr, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, lr, betas[::-1], eps)


@replaces("Adam")
class AdamWithWeightsExchanged(_Adam):
    """beta and 1 - beta have changed places in the means: the new gradient counts beta. beta is how much of the old is kept."""

    def take_in(self, g, memory):
        beta1, beta2 = self.betas
        m, s = memory["means"], memory["squares"]
        m.mul_(1 - beta1).add_(beta1 * g)
        s.mul_(1 - beta2).add_(beta2 * g * g)
        return m, s


@replaces("Adam")
class AdamAddsUp(_Adam):
    """New gradients and squares count fully and not 1 - beta of them: these are no means, and the correction blows them up."""

    def take_in(self, g, memory):
        beta1, beta2 = self.betas
        m, s = memory["means"], memory["squares"]
        m.mul_(beta1).add_(g)
        s.mul_(beta2).add_(g * g)
        return m, s


@replaces("Adam")
class AdamSquaresItsMean(_Adam):
    """What is averaged is the square of the mean gradient. It is the square of the gradient itself: where the sign changes at each
    step, the mean is near zero and the squares are not."""

    def take_in(self, g, memory):
        beta1, beta2 = self.betas
        m, s = memory["means"], memory["squares"]
        m.mul_(beta1).add_((1 - beta1) * g)
        s.mul_(beta2).add_((1 - beta2) * m * m)
        return m, s


@replaces("Adam")
class AdamWithoutMomentum(_Adam):
    """The gradient itself is divided by the root, not its running mean: the first beta makes no difference."""

    def change(self, p, g, memory, t):
        _, s = self.corrected(g, memory, t)
        p.sub_(self.lr * g / (s.sqrt() + self.eps))


@replaces("Adam")
class AdamOfEveryone(_Adam, _Everyone):
    """A parameter without a gradient went on along its old mean. It has no part in the step: skip it."""


@replaces("Adam")
class AdamWithoutAskingForGradients(_Adam, _Unchecked):
    """A parameter had no gradient, and Adam computed with None. Parameters that the loss does not depend on have none: skip
    them."""


@replaces("Adam")
class AdamOfOneMean(_Adam, _Shared):
    """Parameters of equal shape share their means: the lists were made by repeating one and the same tensor."""


@replaces("Adam")
class AdamWithAFixedRate(_Adam, _FixedRate):
    """lr was set between two steps of Adam, and the steps went on with the old one. Read it at each step."""


@replaces("Adam")
class AdamForgetful(_Adam, _Forgetful):
    """After an interruption the means begin at zero again: they are not part of what is saved, or are not brought back."""


@replaces("Adam")
class AdamUncounted(_Adam, _Uncounted):
    """After an interruption the means are there, but the count begins anew: full-grown means are corrected as if they were one step
    old. Save and restore it with them."""


@replaces("Adam")
class AdamAliased(_Adam, _Aliased):
    """Two optimizers share their means: load_state_dict took the tensors as they were. Each needs copies of its own."""


@replaces("Adam")
class AdamElsewhere(_Adam, _Elsewhere):
    """The parameters have not changed: Adam's step went into new tensors. Change the model's own, in place."""


@replaces("Adam")
class AdamOfAnyState(_Adam):
    """A state that was saved for other parameters was accepted: of shapes that broadcast, or cut to the shorter list. Compare the
    number and the shapes, and raise a ValueError."""

    def load_state_dict(self, state):
        self.lr, self.steps = state["lr"], list(state["steps"])[: len(self.params)]
        for name, values in self.state.items():
            for mine, saved in zip(values, state[name]):
                mine.copy_(saved)


# ── AdamW ──


@replaces("AdamW")
class AdamWDecaysThroughTheGradient(_AdamW):
    """The weight decay was added to the gradient, as SGD does it. There it is divided by the root of the mean of squares, so that
    parameters with large gradients are hardly decayed. It has to be kept apart."""

    def change(self, p, g, memory, t):
        m, s = self.corrected(g + self.weight_decay * p, memory, t)
        p.sub_(self.lr * m / (s.sqrt() + self.eps))


@replaces("AdamW")
class AdamWDecaysWithoutARate(_AdamW):
    """The decay was not multiplied by the learning rate. It takes off lr times weight_decay at each step, and follows the
    schedule of the rate."""

    def decay(self, p):
        p.mul_(1 - self.weight_decay)


@replaces("AdamW")
class AdamWDecaysBySquaredRate(_AdamW):
    """The decay was multiplied by the learning rate twice."""

    def decay(self, p):
        p.mul_(1 - self.lr**2 * self.weight_decay)


@replaces("AdamW")
class AdamWDecaysAfterwards(_AdamW):
    """The decay came after the step, and took its share of the step as well. It is taken off the parameter as it was before."""

    def change(self, p, g, memory, t):
        m, s = self.corrected(g, memory, t)
        p.sub_(self.lr * m / (s.sqrt() + self.eps))
        self.decay(p)


@replaces("AdamW")
class AdamWDecaysUpwards(_AdamW):
    """The decay has the wrong sign: parameters grow."""

    def decay(self, p):
        p.mul_(1 + self.lr * self.weight_decay)


@replaces("AdamW")
class AdamWDecaysByAConstant(_AdamW):
    """The same amount was taken off every entry. The decay is in proportion to the parameter: it goes towards zero from both
    sides."""

    def decay(self, p):
        p.sub_(self.lr * self.weight_decay)


@replaces("AdamW")
class AdamWDecaysBySign(_AdamW):
    """The decay takes the same amount off every entry, towards zero: that is a penalty on absolute values. Here large entries lose
    more, in proportion to their size."""

    def decay(self, p):
        p.sub_(self.lr * self.weight_decay * p.sign())


@replaces("AdamW")
class AdamWWithoutDecay(_AdamW):
    """weight_decay makes no difference: this is Adam."""

    def decay(self, p):
        pass


@replaces("AdamW")
class AdamWWithoutDecayByDefault(_AdamW):
    """Nothing is decayed unless it is asked for. The default of weight_decay is 0.01."""

    def __init__(self, params, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        super().__init__(params, lr, betas, eps, weight_decay)


@replaces("AdamW")
class AdamWDecaysTwice(_AdamW):
    """The decay was applied twice: once here, and once more in what was inherited."""

    def decay(self, p):
        p.mul_(1 - self.lr * self.weight_decay).mul_(1 - self.lr * self.weight_decay)


@replaces("AdamW")
class AdamWDecaysInsideTheRoot(_AdamW):
    """The decay was added to the mean gradient before it was divided by the root: parameters with large gradients lose less. It is
    not to be divided by anything."""

    def change(self, p, g, memory, t):
        m, s = self.corrected(g, memory, t)
        p.sub_(self.lr * (m + self.weight_decay * p) / (s.sqrt() + self.eps))


@replaces("AdamW")
class AdamWDecaysEveryone(_AdamW):
    """A parameter without a gradient was decayed. It has no part in the step: skip it, its decay included."""

    @torch.no_grad()
    def step(self):
        for p in self.params:
            if p.grad is None:
                self.decay(p)
        super().step()


@replaces("AdamW")
class AdamWOfEveryone(_AdamW, _Everyone):
    """A parameter without a gradient was decayed and went on along its old mean, as if its gradient were zero. Skip it."""


@replaces("AdamW")
class AdamWNotCorrected(_NotCorrected, _AdamW):
    """The decay is right, but the two means are not corrected for having begun at zero."""


@replaces("AdamW")
class AdamWWithEpsInside(_AdamW):
    """The decay is right, but eps was added under the root. It is added after it."""

    def change(self, p, g, memory, t):
        self.decay(p)
        m, s = self.corrected(g, memory, t)
        p.sub_(self.lr * m / (s + self.eps).sqrt())


@replaces("AdamW")
class AdamWWithAFixedRate(_AdamW, _FixedRate):
    """lr was set between two steps of AdamW, and the steps went on with the old one. Step and decay both use the one that is set."""


@replaces("AdamW")
class AdamWDecaysAtAFixedRate(_AdamW):
    """The steps follow the learning rate that is set, the decay goes on with the first one. Both use the one that is set."""

    def decay(self, p):
        self.first = getattr(self, "first", self.lr)
        p.mul_(1 - self.first * self.weight_decay)


@replaces("AdamW")
class AdamWForgetful(_AdamW, _Forgetful):
    """After an interruption AdamW's means begin at zero again: they are not saved, or not brought back."""


@replaces("AdamW")
class AdamWUncounted(_AdamW, _Uncounted):
    """After an interruption the count of steps begins anew, and AdamW corrects means that need no correction any more."""


@replaces("AdamW")
class AdamWAliased(_AdamW, _Aliased):
    """Two optimizers of the AdamW kind share their means: load_state_dict took the tensors as they were. Copy them."""


@replaces("AdamW")
class AdamWDecaysGradients(_AdamW):
    """The parameters are right, but .grad has been changed by the step. Others may still need it."""

    def change(self, p, g, memory, t):
        super().change(p, g, memory, t)
        g.add_(self.weight_decay * p)
