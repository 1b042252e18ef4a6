"""Right answers in other styles than the reference's: all of them must pass."""

import copy
import itertools
import weakref

import numpy as np
import torch

from groundup.authoring import replaces

# ── Tensor ──


class _Operators:
    """What follows from +, *, ** and @ alone."""

    __array_ufunc__ = None

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + (-other)

    def __radd__(self, other):
        return self + other

    def __rsub__(self, other):
        return (-self) + other

    def __rmul__(self, other):
        return self * other

    def __truediv__(self, other):
        return self * (other**-1 if isinstance(other, _Operators) else 1 / np.asarray(other, dtype=float))

    def __rtruediv__(self, other):
        return self**-1 * other

    def __rmatmul__(self, other):
        return type(self)(other) @ self


@replaces("Tensor")
class ClosuresThatAdd(_Operators):
    """In the style of micrograd: each result has a function that adds to the gradients of its operands. What travels in one
    call of backward lies in an attribute of its own."""

    def __init__(self, data, operands=()):
        self.data = np.array(data, dtype=np.float64)
        self.grad = None
        self.flow = None
        self.operands = operands
        self.push = lambda: None

    def take(self, gradient):
        while gradient.ndim > self.data.ndim:
            gradient = gradient.sum(axis=0)
        for axis in range(self.data.ndim):
            if self.data.shape[axis] == 1 and gradient.shape[axis] != 1:
                gradient = gradient.sum(axis=axis, keepdims=True)
        self.flow += gradient

    def wrap(self, other):
        return other if isinstance(other, ClosuresThatAdd) else ClosuresThatAdd(other)

    def __add__(self, other):
        other = self.wrap(other)
        out = ClosuresThatAdd(self.data + other.data, (self, other))

        def push():
            self.take(out.flow)
            other.take(out.flow)

        out.push = push
        return out

    def __mul__(self, other):
        other = self.wrap(other)
        out = ClosuresThatAdd(self.data * other.data, (self, other))

        def push():
            self.take(out.flow * other.data)
            other.take(out.flow * self.data)

        out.push = push
        return out

    def __pow__(self, exponent):
        out = ClosuresThatAdd(self.data**exponent, (self,))

        def push():
            slope = 0.0 if exponent == 0 else exponent * self.data ** (exponent - 1)
            self.take(out.flow * slope)

        out.push = push
        return out

    def __matmul__(self, other):
        other = self.wrap(other)
        if self.data.ndim < 2 or other.data.ndim < 2:
            raise ValueError("matrices are needed on both sides of @")
        out = ClosuresThatAdd(np.matmul(self.data, other.data), (self, other))

        def push():
            self.take(np.matmul(out.flow, np.swapaxes(other.data, -1, -2)))
            other.take(np.matmul(np.swapaxes(self.data, -1, -2), out.flow))

        out.push = push
        return out

    def one(self, value, slope):
        out = ClosuresThatAdd(value, (self,))
        out.push = lambda: self.take(out.flow * slope)
        return out

    def exp(self):
        return self.one(np.exp(self.data), np.exp(self.data))

    def log(self):
        return self.one(np.log(self.data), 1 / self.data)

    def tanh(self):
        return self.one(np.tanh(self.data), 1 / np.cosh(self.data) ** 2)

    def relu(self):
        return self.one(np.where(self.data > 0, self.data, 0), np.where(self.data > 0, 1.0, 0.0))

    def sum(self, axis=None, keepdims=False):
        out = ClosuresThatAdd(np.sum(self.data, axis=axis, keepdims=keepdims), (self,))
        kept = np.sum(self.data, axis=axis, keepdims=True).shape
        out.push = lambda: self.take(np.ones_like(self.data) * out.flow.reshape(kept))
        return out

    def mean(self, axis=None, keepdims=False):
        out = ClosuresThatAdd(np.mean(self.data, axis=axis, keepdims=keepdims), (self,))
        kept = np.sum(self.data, axis=axis, keepdims=True).shape
        share = out.data.size / self.data.size
        out.push = lambda: self.take(np.full(self.data.shape, share) * out.flow.reshape(kept))
        return out

    def reshape(self, *shape):
        out = ClosuresThatAdd(np.reshape(self.data, shape), (self,))
        out.push = lambda: self.take(np.reshape(out.flow, self.data.shape))
        return out

    def transpose(self, *axes):
        axes = axes or tuple(range(self.data.ndim))[::-1]
        out = ClosuresThatAdd(np.transpose(self.data, axes), (self,))
        # moveaxis says where each axis goes, which is the way back
        out.push = lambda: self.take(np.moveaxis(out.flow, range(self.data.ndim), axes))
        return out

    def backward(self):
        if self.data.size != 1:
            raise ValueError("backward needs one number")
        users = {}
        waiting, nodes = [self], {id(self): self}
        while waiting:
            node = waiting.pop()
            for operand in node.operands:
                users[id(operand)] = users.get(id(operand), 0) + 1
                if id(operand) not in nodes:
                    nodes[id(operand)] = operand
                    waiting.append(operand)
        for node in nodes.values():
            node.flow = np.zeros_like(node.data)
        self.flow = np.ones_like(self.data)
        ready = [self]  # Kahn's way: a node is ready when all its users have sent
        while ready:
            node = ready.pop()
            node.grad = node.flow.copy() if node.grad is None else node.grad + node.flow
            node.push()
            for operand in node.operands:
                users[id(operand)] -= 1
                if users[id(operand)] == 0:
                    ready.append(operand)


_count = itertools.count()


def _recorded(value, *pairs):
    """A tensor with (operand, vector-Jacobian product) pairs."""
    out = OrderOfCreation(value)
    out.pairs = pairs
    return out


def _shrunk(gradient, like):
    lead = gradient.ndim - like.ndim
    axes = (*range(lead), *(lead + i for i, n in enumerate(like.shape) if n == 1))
    return gradient.sum(axis=axes).reshape(like.shape)


@replaces("Tensor")
class OrderOfCreation(_Operators):
    """Every tensor has a number, and operands are older than results: a heap always gives the youngest that is waiting."""

    def __init__(self, data):
        self.data = np.array(data, dtype=np.float64)
        self.grad, self.pairs, self.number = None, (), next(_count)

    @staticmethod
    def of(value):
        return value if isinstance(value, OrderOfCreation) else OrderOfCreation(value)

    def __add__(self, other):
        other = self.of(other)
        return _recorded(self.data + other.data, (self, lambda g: g), (other, lambda g: g))

    def __sub__(self, other):
        other = self.of(other)
        return _recorded(self.data - other.data, (self, lambda g: g), (other, lambda g: -g))

    def __mul__(self, other):
        other = self.of(other)
        return _recorded(self.data * other.data, (self, lambda g: g * other.data), (other, lambda g: g * self.data))

    def __truediv__(self, other):
        other = self.of(other)
        a, b = self.data, other.data
        return _recorded(a / b, (self, lambda g: g / b), (other, lambda g: -g * a / (b * b)))

    def __pow__(self, exponent):
        if exponent == 0:
            return _recorded(np.ones_like(self.data), (self, lambda g: 0 * g))
        return _recorded(self.data**exponent, (self, lambda g: g * exponent * self.data ** (exponent - 1)))

    def __matmul__(self, other):
        other = self.of(other)
        if self.data.ndim == 1 or other.data.ndim == 1:
            raise ValueError("@ of a vector")
        a, b = self.data, other.data
        return _recorded(
            np.einsum("...ij,...jk->...ik", a, b),
            (self, lambda g: np.einsum("...ik,...jk->...ij", g, b)),
            (other, lambda g: np.einsum("...ij,...ik->...jk", a, g)),
        )

    def exp(self):
        out = _recorded(np.exp(self.data))
        values = out.data
        out.pairs = ((self, lambda g: g * values),)
        return out

    def log(self):
        return _recorded(np.log(self.data), (self, lambda g: g / self.data))

    def tanh(self):
        e = np.exp(-2 * np.abs(self.data))
        values = np.sign(self.data) * (1 - e) / (1 + e)
        return _recorded(values, (self, lambda g: g * (1 - values) * (1 + values)))

    def relu(self):
        return _recorded((np.abs(self.data) + self.data) / 2, (self, lambda g: np.where(self.data > 0, g, 0.0)))

    def _reduced(self, value, axis, factor):
        if axis is None:
            axis = tuple(range(self.data.ndim))
        axes = [one % self.data.ndim for one in (axis if isinstance(axis, tuple) else (axis,))]
        kept = [1 if i in axes else n for i, n in enumerate(self.data.shape)]
        repeats = [n if i in axes else 1 for i, n in enumerate(self.data.shape)]
        return _recorded(value, (self, lambda g: np.tile(np.reshape(g, kept), repeats) * factor))

    def sum(self, axis=None, keepdims=False):
        return self._reduced(self.data.sum(axis=axis, keepdims=keepdims), axis, 1.0)

    def mean(self, axis=None, keepdims=False):
        value = self.data.mean(axis=axis, keepdims=keepdims)
        return self._reduced(value, axis, np.size(value) / self.data.size)

    def reshape(self, *shape):
        return _recorded(self.data.reshape(*shape), (self, lambda g: g.reshape(self.data.shape)))

    def transpose(self, *axes):
        axes = [one % self.data.ndim for one in axes] if axes else list(range(self.data.ndim))[::-1]
        return _recorded(
            self.data.transpose(axes), (self, lambda g: g.transpose([axes.index(i) for i in range(g.ndim)]))
        )

    def backward(self):
        import heapq

        if self.data.size != 1:
            raise ValueError("not one number")
        sent = {self.number: np.ones(self.data.shape)}
        heap = [(-self.number, self)]
        while heap:
            _, node = heapq.heappop(heap)
            g = sent[node.number]
            node.grad = (0 if node.grad is None else node.grad) + np.array(g)
            for operand, pull in node.pairs:
                if operand.number not in sent:
                    sent[operand.number] = np.zeros(operand.data.shape)
                    heapq.heappush(heap, (-operand.number, operand))
                sent[operand.number] = sent[operand.number] + _shrunk(np.asarray(pull(g)), operand.data)


@replaces("Tensor")
class OneTape(_Operators):
    """All that was computed and is still held, gone through backwards: the order of creation is an order in which operands
    come first. Only what the result depends on has a gradient."""

    tape = weakref.WeakValueDictionary()
    numbers = itertools.count()

    def __init__(self, data):
        self.data, self.grad = np.array(data, dtype=np.float64), None
        self.g, self.pulls = None, ()

    @classmethod
    def op(cls, data, *pulls):
        out = cls(data)
        out.pulls = pulls
        cls.tape[next(cls.numbers)] = out
        return out

    @classmethod
    def lift(cls, other):
        return other if type(other) is cls else cls(other)

    def __add__(self, other):
        other = self.lift(other)
        return self.op(self.data + other.data, (self, lambda g: g), (other, lambda g: g))

    def __mul__(self, other):
        other = self.lift(other)
        return self.op(self.data * other.data, (self, lambda g: g * other.data), (other, lambda g: g * self.data))

    def __pow__(self, exponent):
        value = self.data.astype(float) ** exponent
        slope = np.zeros_like(value) if exponent == 0 else exponent * self.data ** (exponent - 1)
        return self.op(value, (self, lambda g: g * slope))

    def __truediv__(self, other):
        other = self.lift(other)
        return self * other.op(np.reciprocal(other.data), (other, lambda g: -g / np.square(other.data)))

    def __matmul__(self, other):
        other = self.lift(other)
        if min(len(self.data.shape), len(other.data.shape)) < 2:
            raise ValueError(f"{self.data.shape} @ {other.data.shape}")
        return self.op(
            self.data @ other.data,
            (self, lambda g: g @ np.moveaxis(other.data, -1, -2)),
            (other, lambda g: np.moveaxis(np.moveaxis(g, -1, -2) @ self.data, -1, -2)),
        )

    def exp(self):
        value = np.exp(self.data)
        return self.op(value, (self, lambda g: g * value))

    def log(self):
        return self.op(np.log(self.data), (self, lambda g: g / self.data))

    def tanh(self):
        twice = (self * 2).exp()  # out of what is there already
        return 1 - 2 / (twice + 1)

    def relu(self):
        return self * (self.data > 0)

    def sum(self, axis=None, keepdims=False):
        shape = self.data.shape
        back = self.data.sum(axis=axis, keepdims=True).shape
        return self.op(self.data.sum(axis, keepdims=keepdims), (self, lambda g: g.reshape(back) + np.zeros(shape)))

    def mean(self, axis=None, keepdims=False):
        axes = range(self.data.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
        count = np.prod([self.data.shape[one] for one in axes])
        return self.sum(axis, keepdims) / float(count)

    def reshape(self, *shape):
        return self.op(self.data.reshape(shape), (self, lambda g: g.reshape(self.data.shape)))

    def transpose(self, *axes):
        axes = axes or range(self.data.ndim - 1, -1, -1)
        places = np.arange(self.data.ndim)[list(axes)]
        back = np.empty_like(places)
        back[places] = np.arange(len(places))
        return self.op(np.transpose(self.data, places), (self, lambda g: np.transpose(g, back)))

    def backward(self):
        if np.size(self.data) != 1:
            raise ValueError("backward: one number, please")
        touched = [self]
        self.g = np.ones_like(self.data)
        for out in reversed(list(self.tape.values())):
            if out.g is None:
                continue
            for operand, pull in out.pulls:
                g = np.asarray(pull(out.g))
                while g.ndim > operand.data.ndim:
                    g = g.sum(0)
                stretched = [axis for axis, (m, n) in enumerate(zip(g.shape, operand.data.shape)) if m != n]
                g = g.sum(axis=tuple(stretched), keepdims=True)
                if operand.g is None:
                    operand.g = np.array(g)
                    touched.append(operand)
                else:
                    operand.g += g
        for one in touched:
            one.grad = one.g if one.grad is None else one.grad + one.g
            one.g = None


# ── gradients_of ──


@replaces("gradients_of")
def gradients_by_clones(f, inputs):
    """Clones instead of shared memory, one question an input, and zeros by hand."""
    with torch.set_grad_enabled(True):
        own = [one.detach().clone().requires_grad_(True) for one in inputs]
        value = f(*own)
    if value.numel() != 1:
        raise ValueError(f"f returned {value.numel()} numbers")
    found = []
    for one in own:
        gradient = None
        if value.requires_grad:
            (gradient,) = torch.autograd.grad(value, one, retain_graph=True, allow_unused=True)
        found.append(torch.zeros_like(one) if gradient is None else gradient.detach())
    return found


@replaces("gradients_of")
def gradients_of_a_tied_result(f, inputs):
    """Every input is tied to the result with the weight 0, so that none is unused."""
    with torch.enable_grad():
        own = [torch.empty_like(one).copy_(one.detach()).requires_grad_() for one in inputs]
        value = f(*own)
        if value.nelement() != 1:
            raise ValueError("one number is needed")
        value = value.sum() + sum((one * 0).sum() for one in own)
    return [one.clone() for one in torch.autograd.grad(value, own)]


@replaces("gradients_of")
def gradients_from_hooks(f, inputs):
    """The torch.autograd.grad of a list of ones; a tuple comes back."""
    with torch.enable_grad():
        own = tuple(torch.nn.Parameter(one.detach()) for one in inputs)
        value = f(*own).reshape(-1)
        if len(value) != 1:
            raise ValueError(f"expected 1 number, got {len(value)}")
        if not value.requires_grad:
            return tuple(one.detach() * 0 for one in own)
        found = torch.autograd.grad([value], own, [torch.ones_like(value)], allow_unused=True)
        return tuple(one.detach() * 0 if g is None else g for one, g in zip(own, found))


@replaces("gradients_of")
def gradients_by_functional(f, inputs):
    """torch.func.grad over all arguments; the result's own dtype is kept."""

    def number(*leaves):
        value = f(*leaves)
        if value.numel() != 1:
            raise ValueError("more than one number")
        return value.reshape(())

    if not inputs:
        return []
    with torch.enable_grad():
        found = torch.func.grad(number, argnums=tuple(range(len(inputs))))(*(one.detach() for one in inputs))
    return [one.detach() for one in found]


# ── frozen_features ──


@replaces("frozen_features")
def features_of_a_copy(module, x):
    """The module itself is not touched: a copy of it runs."""
    twin = copy.deepcopy(module).eval()
    with torch.no_grad():
        return twin(x.detach())


@replaces("frozen_features")
@torch.no_grad()
def features_by_a_decorator(module, x):
    """no_grad over the whole function, and the flags by name."""
    before = {name: part.training for name, part in module.named_modules()}
    try:
        module.train(False)
        out = module(x)
    finally:
        for name, flag in before.items():
            module.get_submodule(name).training = flag
    return out.clone().detach()


@replaces("frozen_features")
def features_by_hand(module, x):
    """Without contexts: recording is switched by hand and put back."""
    was = torch.is_grad_enabled()
    on = [part for part in module.modules() if part.training]
    for part in on:
        part.training = False
    torch.set_grad_enabled(False)
    try:
        return torch.empty_like(out := module(x)).copy_(out)
    finally:
        torch.set_grad_enabled(was)
        for part in on:
            part.training = True


@replaces("frozen_features")
def features_out_of_inference_mode(module, x):
    """Computed in inference mode, and copied out of it into a common tensor."""
    quiet = [part for part in module.modules() if part.training]
    try:
        module.eval()
        with torch.inference_mode():
            inside = module(x)
        return inside.clone().detach()
    finally:
        for part in quiet:
            part.training = True
