"""Wrong implementations that learners write. The name is the misconception, the docstring the hint.

Each wrong Tensor differs from the stack's in one thing, so that its hint can be told from the others by behavior alone.
"""

import numpy as np
import torch

from groundup.authoring import replaces
from groundup.stack import autograd
from groundup.stack.autograd import _operands_first, _summed_back


def _one_number(result):
    if result.data.size != 1:
        raise ValueError(f"one number, not {result.data.shape}")


# ── Tensor: data and operands ──


@replaces("Tensor")
class DataKeptInTheirDtype(autograd.Tensor):
    """`data` keeps the dtype that came in: whole numbers stay whole and float32 stays float32. Every tensor holds float64
    here; with whole numbers there would be nothing between one value and the next, and no gradient."""

    def __init__(self, data):
        super().__init__(data)
        self.data = np.array(data.data if isinstance(data, autograd.Tensor) else data)


@replaces("Tensor")
class DataNotCopied(autograd.Tensor):
    """`data` is the caller's own array where that was in float64 already: when the caller changes it later, a tensor in the
    middle of a computation changes with it. Take a copy."""

    def __init__(self, data):
        super().__init__(data)
        if isinstance(data, np.ndarray):
            self.data = np.asarray(data, dtype=np.float64)


@replaces("Tensor")
class GradientsBeginAtZero(autograd.Tensor):
    """`grad` is an array of zeros from the start. It is to be None until a gradient arrives: then one can tell "no gradient
    has come" from "the gradient is zero"."""

    def __init__(self, data):
        super().__init__(data)
        self.grad = np.zeros_like(self.data)


@replaces("Tensor")
class NumbersOnTheLeftForgotten(autograd.Tensor):
    """A number or an array on the left is not accepted: `2 - a` asks the number first, which cannot do it, and then the
    tensor's reflected method."""

    __radd__ = __rsub__ = __rmul__ = __rtruediv__ = __rmatmul__ = None


@replaces("Tensor")
class SubtractionFromTheLeftReversed(autograd.Tensor):
    """`2 - a` comes out as `a - 2`: in the reflected method the tensor is the right operand, the one that is subtracted."""

    def __rsub__(self, other):
        return self - other


@replaces("Tensor")
class DivisionFromTheLeftReversed(autograd.Tensor):
    """`2 / a` comes out as `a / 2`: in the reflected method the tensor is the right operand, the one that is divided by."""

    def __rtruediv__(self, other):
        return self / other


@replaces("Tensor")
class ProductFromTheLeftReversed(autograd.Tensor):
    """`array @ a` comes out as `a @ array`. Matrix products cannot be exchanged: in the reflected method the tensor is the
    right operand."""

    def __rmatmul__(self, other):
        return self @ other


# ── Tensor: local slopes ──


@replaces("Tensor")
class SubtractionSendsBackTheSameSign(autograd.Tensor):
    """Both operands of a difference get the same gradient. If what is subtracted grows, the difference shrinks: its
    gradient has the other sign."""

    def __sub__(self, other):
        other = self._tensor(other)
        return self._result(self.data - other.data, (self, other), lambda g: (g, g))


@replaces("Tensor")
class ProductGivesEachItsOwnFactor(autograd.Tensor):
    """Each factor of a product gets the gradient times itself. How much the product changes with one factor is decided by
    the other one."""

    def __mul__(self, other):
        a, b = self, self._tensor(other)
        return self._result(a.data * b.data, (a, b), lambda g: (g * a.data, g * b.data))


@replaces("Tensor")
class QuotientForgetsTheSquare(autograd.Tensor):
    """The gradient for what is divided by lacks a power: the slope of 1/b is minus one over b squared."""

    def __truediv__(self, other):
        a, b = self, self._tensor(other)
        return self._result(a.data / b.data, (a, b), lambda g: (g / b.data, -g * a.data / b.data))


@replaces("Tensor")
class QuotientForgetsTheSign(autograd.Tensor):
    """The gradient for what is divided by has the wrong sign: when the divisor grows, a quotient with positive parts
    shrinks."""

    def __truediv__(self, other):
        a, b = self, self._tensor(other)
        return self._result(a.data / b.data, (a, b), lambda g: (g / b.data, g * a.data / b.data**2))


@replaces("Tensor")
class PowerKeepsItsExponent(autograd.Tensor):
    """The slope of a power has an exponent that is one less. Here the power itself was used again, times the exponent."""

    def __pow__(self, exponent):
        return self._result(self.data**exponent, (self,), lambda g: (g * exponent * self.data**exponent,))


@replaces("Tensor")
class PowerOfZeroIsNotANumber(autograd.Tensor):
    """With the exponent 0 the gradient at 0 is NaN: the rule for powers multiplies 0 by one over 0 there. A constant has
    the slope 0; treat that exponent by itself."""

    def __pow__(self, exponent):
        def pull(g):
            with np.errstate(all="ignore"):
                return (g * exponent * self.data ** (float(exponent) - 1),)

        return self._result(self.data**exponent, (self,), pull)


@replaces("Tensor")
class ExponentialOfThePlainSlope(autograd.Tensor):
    """The gradient of exp was multiplied by the input. The exponential is its own slope: multiply by the output."""

    def exp(self):
        return self._result(np.exp(self.data), (self,), lambda g: (g * self.data,))


@replaces("Tensor")
class LogarithmMultiplied(autograd.Tensor):
    """The gradient of log was multiplied by the input where it is to be divided by it: the slope of the logarithm is one
    over its argument."""

    def log(self):
        return self._result(np.log(self.data), (self,), lambda g: (g * self.data,))


@replaces("Tensor")
class TanhSlopeFromTheInput(autograd.Tensor):
    """The slope of tanh is one minus a square, but the square of the output, not of the input."""

    def tanh(self):
        return self._result(np.tanh(self.data), (self,), lambda g: (g * (1 - self.data**2),))


@replaces("Tensor")
class ReluLetsEverythingBack(autograd.Tensor):
    """relu sends the gradient back everywhere. Where the input was negative the output is 0 whatever it was, so nothing
    goes back there."""

    def relu(self):
        return self._result(np.maximum(self.data, 0), (self,), lambda g: (g,))


@replaces("Tensor")
class ReluWithASlopeAtZero(autograd.Tensor):
    """At exactly 0 the gradient of relu went through. It is a corner with no slope of its own; here, as in PyTorch, it is
    taken to be 0."""

    def relu(self):
        return self._result(np.maximum(self.data, 0), (self,), lambda g: (g * (self.data >= 0),))


# ── Tensor: sums and shapes ──


@replaces("Tensor")
class SumDoesNotPutItsAxisBack(autograd.Tensor):
    """The gradient of a sum over some axes was stretched to the input's shape without first getting the missing axes back
    as axes of length 1. It then meets the wrong axis, or none."""

    def sum(self, axis=None, keepdims=False):
        def pull(g):
            return (np.broadcast_to(g, self.data.shape),)

        return self._result(self.data.sum(axis=axis, keepdims=keepdims), (self,), pull)


@replaces("Tensor")
class SumSharesItsGradientOut(autograd.Tensor):
    """The gradient of a sum was divided among the entries. Each entry moves the sum by as much as itself: each gets all of
    it. Sharing out is what a mean does."""

    def sum(self, axis=None, keepdims=False):
        plain = super().sum(axis, keepdims)
        pull, share = plain._pull, plain.data.size / self.data.size
        return self._result(plain.data, (self,), lambda g: (pull(g)[0] * share,))

    def mean(self, axis=None, keepdims=False):
        plain = super().sum(axis, keepdims)
        pull, share = plain._pull, plain.data.size / self.data.size
        return self._result(plain.data * share, (self,), lambda g: (pull(g)[0] * share,))


@replaces("Tensor")
class MeanSendsBackLikeASum(autograd.Tensor):
    """The gradient of a mean is that of a sum: each entry moves the mean by only its share, one over their number."""

    def mean(self, axis=None, keepdims=False):
        plain = super().sum(axis, keepdims)
        return self._result(self.data.mean(axis=axis, keepdims=keepdims), (self,), plain._pull)


@replaces("Tensor")
class MeanDividesByAllEntries(autograd.Tensor):
    """A mean over some axes was divided by the number of all entries. Only as many entries as were summed for one result
    count."""

    def mean(self, axis=None, keepdims=False):
        return self.sum(axis, keepdims) / self.data.size


@replaces("Tensor")
class TransposedTheSameWayBack(autograd.Tensor):
    """The gradient of transpose was transposed by the same axes once more. That is right for two axes; for three it goes a
    step further round instead of back. The way back is the permutation that undoes the first."""

    def transpose(self, *axes):
        places = axes or tuple(reversed(range(self.data.ndim)))
        return self._result(self.data.transpose(places), (self,), lambda g: (g.transpose(places),))


@replaces("Tensor")
class NegativeAxesSortedAsTheyStand(autograd.Tensor):
    """The permutation that undoes a transpose was found by sorting the axes as they were given. An axis counted from the
    end is negative and sorts before all others; bring all of them to 0 and above first."""

    def transpose(self, *axes):
        places = axes or tuple(reversed(range(self.data.ndim)))
        back = np.argsort(places)
        return self._result(self.data.transpose(places), (self,), lambda g: (g.transpose(back),))


@replaces("Tensor")
class TransposedIntoItsShape(autograd.Tensor):
    """The gradient of transpose was reshaped into the old shape. Its numbers then fit, but stand in the wrong places: the
    axes have to be exchanged, not the numbers poured anew."""

    def transpose(self, *axes):
        result = super().transpose(*axes)
        return self._result(result.data, (self,), lambda g: (g.reshape(self.data.shape),))


# ── Tensor: broadcasting ──


class _Unfitted(autograd.Tensor):
    """Sends gradients back in the way of its own ``_fit``."""

    def backward(self):
        _one_number(self)
        arrived = {id(self): np.ones_like(self.data)}
        for node in reversed(_operands_first(self)):
            gradient = arrived.pop(id(node))
            node.grad = np.array(gradient) if node.grad is None else node.grad + gradient
            for operand, share in zip(node._operands, node._pull(gradient)):
                share = self._fit(share, operand.data.shape)
                arrived[id(operand)] = arrived[id(operand)] + share if id(operand) in arrived else share


@replaces("Tensor")
class StretchedGradientsKept(_Unfitted):
    """What was stretched by broadcasting gets a gradient of the stretched shape. It must come back to the shape of its own
    data, and every place where an entry was used has a say in it."""

    def _fit(self, share, shape):
        return share


@replaces("Tensor")
class StretchedGradientsAveraged(_Unfitted):
    """Where an entry was used in several places, its gradient is the mean over them. Each use has its own effect on the
    result, and effects add up: it is the sum."""

    def _fit(self, share, shape):
        fitted = _summed_back(share, shape)
        return fitted * (fitted.size / share.size)


@replaces("Tensor")
class OnlyLeadingAxesSummed(_Unfitted):
    """The gradient was summed over the axes that broadcasting put in front, but not over axes of length 1 that it
    stretched: (3, 1) with (1, 4) stretches both without putting anything in front."""

    def _fit(self, share, shape):
        return share.sum(axis=tuple(range(share.ndim - len(shape))))


@replaces("Tensor")
class OnlyAxesOfLengthOneSummed(_Unfitted):
    """The gradient was summed over axes of length 1 that were stretched, but not over those that broadcasting put in
    front: a vector that meets a matrix is used in every row."""

    def _fit(self, share, shape):
        added = share.ndim - len(shape)
        stretched = tuple(added + axis for axis, length in enumerate(shape) if length == 1)
        return share.sum(axis=stretched, keepdims=True)


@replaces("Tensor")
class ShapeLostWhereSummed(_Unfitted):
    """Where an axis of length 1 had been stretched, the sum removed it: the gradient has fewer axes than the data. Keep it
    as an axis of length 1."""

    def _fit(self, share, shape):
        fitted = _summed_back(share, shape)
        return fitted.squeeze() if fitted.size != share.size else fitted


# ── Tensor: matrix products ──


@replaces("Tensor")
class MatrixFactorsNotTransposed(autograd.Tensor):
    """The gradients of a matrix product were made with factors that were not transposed. Rows have to meet rows there: look
    at the shapes, they fit in one way only."""

    def __matmul__(self, other):
        a, b = self, self._tensor(other)
        if min(a.data.ndim, b.data.ndim) < 2:
            raise ValueError("two dimensions")
        return self._result(a.data @ b.data, (a, b), lambda g: (g @ b.data, a.data @ g))


@replaces("Tensor")
class AllAxesOfAFactorReversed(autograd.Tensor):
    """Right for two matrices, but in a batch the transposes reverse all axes of a factor (as .T does), the batch's too.
    Only the last two change places."""

    def __matmul__(self, other):
        a, b = self, self._tensor(other)
        if min(a.data.ndim, b.data.ndim) < 2:
            raise ValueError("two dimensions")
        return self._result(a.data @ b.data, (a, b), lambda g: (g @ b.data.T, a.data.T @ g))


@replaces("Tensor")
class BatchOfTheMatrixProductKept(autograd.Tensor):
    """The gradient of a matrix that serves a whole batch still has the batch's dimensions. Matrix products broadcast, too:
    what was stretched gets the sum over the batch."""

    def __matmul__(self, other):
        result = super().__matmul__(other)
        if result.data.ndim > 2:
            result._unfitted = True
        return result

    def backward(self):
        _one_number(self)
        arrived = {id(self): np.ones_like(self.data)}
        for node in reversed(_operands_first(self)):
            gradient = arrived.pop(id(node))
            node.grad = np.array(gradient) if node.grad is None else node.grad + gradient
            for operand, share in zip(node._operands, node._pull(gradient)):
                if not hasattr(node, "_unfitted"):
                    share = _summed_back(share, operand.data.shape)
                arrived[id(operand)] = arrived[id(operand)] + share if id(operand) in arrived else share


@replaces("Tensor")
class VectorsLetThrough(autograd.Tensor):
    """A vector went into `@` without complaint. NumPy multiplies it, but drops a dimension by a rule of its own, and the
    gradients of a matrix product do not fit it: refuse it with a ValueError."""

    def __matmul__(self, other):
        a, b = self, self._tensor(other)
        pull = super().__matmul__(other)._pull if min(a.data.ndim, b.data.ndim) > 1 else lambda g: (g, g)
        return self._result(a.data @ b.data, (a, b), pull)


# ── Tensor: graphs ──


@replaces("Tensor")
class LastUseOverwrites(autograd.Tensor):
    """A tensor that is used several times has the gradient of one use only: each use overwrote what was there. The effects
    of all uses add up."""

    def backward(self):
        _one_number(self)
        arrived = {id(self): np.ones_like(self.data)}
        for node in reversed(_operands_first(self)):
            gradient = arrived[id(node)]
            node.grad = np.array(gradient) if node.grad is None else node.grad + gradient
            for operand, share in zip(node._operands, node._pull(gradient)):
                arrived[id(operand)] = _summed_back(share, operand.data.shape)


@replaces("Tensor")
class SameOperandTwiceCountedOnce(autograd.Tensor):
    """Where both operands are the same tensor, as in a * a, only one of the two gradients arrives (a set or a dict of
    operands knows it only once). It was used twice in that operation, and both uses count."""

    def backward(self):
        _one_number(self)
        arrived = {id(self): np.ones_like(self.data)}
        for node in reversed(_operands_first(self)):
            gradient = arrived.pop(id(node))
            node.grad = np.array(gradient) if node.grad is None else node.grad + gradient
            shares = {id(one): (one, share) for one, share in zip(node._operands, node._pull(gradient))}
            for operand, share in shares.values():
                share = _summed_back(share, operand.data.shape)
                arrived[id(operand)] = arrived[id(operand)] + share if id(operand) in arrived else share


@replaces("Tensor")
class LevelByLevel(autograd.Tensor):
    """The graph was walked level by level from the result (breadth first), each tensor at its first turn. A tensor with a
    short way and a long way to the result then sends its gradient on before all of it has arrived. Each has to wait for all
    of its users."""

    def backward(self):
        _one_number(self)
        order, seen, level = [], {id(self)}, [self]
        while level:
            order += level
            level = [one for node in level for one in node._operands if id(one) not in seen and not seen.add(id(one))]
        arrived = {id(self): np.ones_like(self.data)}
        for node in order:
            gradient = arrived.pop(id(node), np.zeros_like(node.data))
            node.grad = np.array(gradient) if node.grad is None else node.grad + gradient
            for operand, share in zip(node._operands, node._pull(gradient)):
                share = _summed_back(share, operand.data.shape)
                arrived[id(operand)] = arrived[id(operand)] + share if id(operand) in arrived else share
        nodes = {id(node): node for node in order}
        for late, share in arrived.items():
            nodes[late].grad = nodes[late].grad + share


@replaces("Tensor")
class OldGradientsSentAgain(autograd.Tensor):
    """A second call of backward sent the gradients of the first one through the graph again, because they still lay in
    `grad` of the intermediate results. `grad` is where sums are kept for the outside; what travels in one call must be kept
    apart from it."""

    def backward(self):
        _one_number(self)
        order = _operands_first(self)
        for node in order:
            node.grad = np.zeros_like(node.data) if node.grad is None else node.grad
        self.grad = self.grad + 1.0
        for node in reversed(order):
            for operand, share in zip(node._operands, node._pull(node.grad)):
                operand.grad = operand.grad + _summed_back(share, operand.data.shape)


@replaces("Tensor")
class OldGradientsForgotten(autograd.Tensor):
    """A second call of backward replaced the gradients of the first. They are to add up: that is how one accumulates the
    gradients of several small batches."""

    def backward(self):
        for node in _operands_first(self):
            node.grad = None
        super().backward()


@replaces("Tensor")
class OnlyLeavesHaveGradients(autograd.Tensor):
    """Only tensors that were made by hand have a gradient. PyTorch does it so, to save memory; here intermediate results and
    the result itself keep theirs as well."""

    def backward(self):
        super().backward()
        for node in _operands_first(self):
            if node._operands:
                node.grad = None


@replaces("Tensor")
class GradientsShareMemory(autograd.Tensor):
    """Two tensors hold one and the same array as their gradient: the operands of a sum were both handed the array that the
    sum had. Whoever shortens one of them in place changes the other. Give each an array of its own."""

    def backward(self):
        _one_number(self)
        arrived = {id(self): np.ones_like(self.data)}
        for node in reversed(_operands_first(self)):
            gradient = arrived.pop(id(node))
            gradient = gradient if gradient.flags.writeable else np.array(gradient)
            node.grad = gradient if node.grad is None else node.grad + gradient
            for operand, share in zip(node._operands, node._pull(gradient)):
                share = _summed_in_place(share, operand.data.shape)
                arrived[id(operand)] = arrived[id(operand)] + share if id(operand) in arrived else share


def _summed_in_place(share, shape):
    return share if share.shape == shape else _summed_back(share, shape)


@replaces("Tensor")
class SharedArrayAddedTo(autograd.Tensor):
    """Gradients are added up in place (with +=) in arrays that several tensors share: the operands of a sum were handed the
    same array, and what arrives for one of them is added to the other's as well. Make a new array, or copy first."""

    def backward(self):
        _one_number(self)
        arrived = {id(self): np.ones_like(self.data)}
        for node in reversed(_operands_first(self)):
            gradient = arrived.pop(id(node))
            node.grad = np.array(gradient) if node.grad is None else node.grad + gradient
            for operand, share in zip(node._operands, node._pull(gradient)):
                share = np.asarray(_summed_in_place(share, operand.data.shape))
                if id(operand) in arrived and arrived[id(operand)].flags.writeable:
                    arrived[id(operand)] += share
                elif id(operand) in arrived:
                    arrived[id(operand)] = arrived[id(operand)] + share
                else:
                    arrived[id(operand)] = share


@replaces("Tensor")
class WalkedByRecursion(autograd.Tensor):
    """The graph was walked by a function that calls itself. Python allows about a thousand such calls inside each other, and
    graphs are deeper than that: keep a list of what is still to be visited instead."""

    def backward(self):
        order, seen = [], set()

        def visit(node, depth):
            if depth > 900:
                raise RecursionError("maximum recursion depth exceeded")
            if id(node) not in seen:
                seen.add(id(node))
                for operand in node._operands:
                    visit(operand, depth + 1)
                order.append(node)

        visit(self, 0)
        super().backward()


@replaces("Tensor")
class BackwardFromManyNumbers(autograd.Tensor):
    """backward began at a tensor of several numbers, as if they had been added up. Of which number the gradient is wanted is
    then a guess: refuse it with a ValueError."""

    def backward(self):
        if self.data.size == 1:
            super().backward()
        else:
            self.sum().backward()


@replaces("Tensor")
class OnlyShapelessNumbersAccepted(autograd.Tensor):
    """A tensor of shape (1,) or (1, 1) was refused, although it holds exactly one number. Count the numbers, not the
    dimensions."""

    def backward(self):
        if self.data.shape != ():
            raise ValueError("not a number")
        super().backward()


@replaces("Tensor")
class DataChangedInPlace(autograd.Tensor):
    """relu wrote into the data of its operand. An operation makes a new tensor: the old numbers are needed by whoever else
    uses that tensor, and for the gradients."""

    def relu(self):
        positive = self.data > 0
        self.data *= positive
        return self._result(self.data, (self,), lambda g: (g * positive,))


# ── gradients_of ──


def _number(result):
    if result.numel() != 1:
        raise ValueError(f"one number, not {tuple(result.shape)}")
    return result


def _leaves(inputs):
    return [one.detach().requires_grad_() for one in inputs]


@replaces("gradients_of")
def left_in_grad(f, inputs):
    """The gradients were fetched by way of `.backward()` and `.grad`. That leaves traces: parameters that f uses collect
    gradients that nobody asked for, to be added to the next real ones."""
    with torch.enable_grad():
        leaves = _leaves(inputs)
        result = _number(f(*leaves))
        if result.requires_grad:
            result.backward()
    return [torch.zeros_like(one) if one.grad is None else one.grad for one in leaves]


@replaces("gradients_of")
def inputs_made_to_require_gradients(f, inputs):
    """The inputs themselves were switched to requires_grad and stayed so. Every later computation with them then records a
    graph. Use tensors of your own that share their data."""
    with torch.enable_grad():
        inside = [one.requires_grad_() for one in inputs]
        own = [one.view_as(one) for one in inside]
        result = _number(f(*own))
        if not result.requires_grad:
            return [torch.zeros_like(one) for one in inputs]
        return list(torch.autograd.grad(result, own, allow_unused=True, materialize_grads=True))


@replaces("gradients_of")
def nothing_for_unused_inputs(f, inputs):
    """An input that does not matter has None as its gradient. How the result changes with it is known: not at all, which is
    zeros of its shape."""
    with torch.enable_grad():
        leaves = _leaves(inputs)
        result = _number(f(*leaves))
        if not result.requires_grad:
            return [None for _ in inputs]
        return list(torch.autograd.grad(result, leaves, allow_unused=True))


@replaces("gradients_of")
def unused_inputs_refused(f, inputs):
    """An input that does not matter ends in PyTorch's error. torch.autograd.grad is strict about it unless it is told
    otherwise; and a result that depends on none of the inputs must be looked at before."""
    with torch.enable_grad():
        leaves = _leaves(inputs)
        return list(torch.autograd.grad(_number(f(*leaves)), leaves))


@replaces("gradients_of")
def gradients_with_a_graph(f, inputs):
    """The gradients require gradients themselves (create_graph): the whole graph stays in memory as long as they do. That
    is for second derivatives, which nobody asked for."""
    with torch.enable_grad():
        leaves = _leaves(inputs)
        result = _number(f(*leaves))
        if not result.requires_grad:
            return [torch.zeros_like(one) for one in inputs]
        found = torch.autograd.grad(result, leaves, create_graph=True, allow_unused=True, materialize_grads=True)
        return list(found)


@replaces("gradients_of")
def lost_under_no_grad(f, inputs):
    """Under torch.no_grad() no graph is recorded, so there is nothing to send gradients back through. The caller may have
    switched recording off for reasons of its own: switch it on for your computation."""
    leaves = _leaves(inputs)
    result = _number(f(*leaves))
    if not result.requires_grad:
        return [torch.zeros_like(one) for one in inputs]
    return list(torch.autograd.grad(result, leaves, allow_unused=True, materialize_grads=True))


@replaces("gradients_of")
def recording_left_on(f, inputs):
    """Recording was switched on and not put back: a caller under torch.no_grad() finds it on afterwards. Use it as a context
    that ends by itself."""
    torch.set_grad_enabled(True)
    return autograd.gradients_of(f, inputs)


@replaces("gradients_of")
def several_numbers_added_up(f, inputs):
    """A result with several numbers was added up silently. Which of them was meant is a guess, and the mistake is usually in
    f: refuse it with a ValueError."""
    return autograd.gradients_of(lambda *leaves: f(*leaves).sum(), inputs)


@replaces("gradients_of")
def only_shapeless_results_accepted(f, inputs):
    """A result of shape (1,) or (1, 1) was refused, although it is exactly one number. Count its numbers, not its
    dimensions."""

    def strict(*leaves):
        result = f(*leaves)
        if result.dim():
            raise ValueError("not a number")
        return result

    return autograd.gradients_of(strict, inputs)


@replaces("gradients_of")
def one_gradient_for_one_tensor(f, inputs):
    """A tensor that was given twice has the sum of both gradients in each place: PyTorch was asked about the same tensor
    twice. Each place is an argument of f by itself and needs a tensor of its own."""
    with torch.enable_grad():
        kept = {}
        leaves = [kept.setdefault(id(one), one.detach().requires_grad_()) for one in inputs]
        result = _number(f(*leaves))
        if not result.requires_grad:
            return [torch.zeros_like(one) for one in inputs]
        return list(torch.autograd.grad(result, leaves, allow_unused=True, materialize_grads=True))


@replaces("gradients_of")
def a_tensor_where_a_list_was_asked(f, inputs):
    """With one input, its gradient came back bare. The result is a list in any case, so that a caller need not ask how many
    inputs there were."""
    found = autograd.gradients_of(f, inputs)
    return found[0] if len(found) == 1 else found


@replaces("gradients_of")
def measured_by_small_steps(f, inputs):
    """These are differences over small steps, not derivatives: in float32 they are right in two or three digits only, and
    they cost two evaluations an entry. PyTorch's engine gives all of them exactly from one pass."""
    with torch.no_grad():
        _number(f(*inputs))
        found = []
        for place, one in enumerate(inputs):
            gradient = torch.zeros_like(one)
            for at in range(one.numel()):
                ends = []
                for step in (1e-3, -1e-3):
                    moved = [other.clone() for other in inputs]
                    moved[place].view(-1)[at] += step
                    ends.append(f(*moved).sum())
                gradient.view(-1)[at] = (ends[0] - ends[1]) / 2e-3
            found.append(gradient)
        return found


@replaces("gradients_of")
def all_in_float32(f, inputs):
    """All gradients are float32. Each is to have the dtype of its input: a double that is rounded on the way loses half of
    its digits."""
    return [one.float() for one in autograd.gradients_of(f, inputs)]


# ── frozen_features ──


def _with_flags_kept(module, run):
    flags = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        return run()
    finally:
        for part, training in flags:
            part.training = training


@replaces("frozen_features")
def still_training(module, x):
    """The module ran in training mode: dropout drew at random, and batch normalization used, and moved, its statistics.
    no_grad switches the recording off, nothing else."""
    with torch.no_grad():
        return module(x).detach()


@replaces("frozen_features")
def past_the_hooks(module, x):
    """The module's method forward was called, and not the module itself: then hooks, which others may have registered on
    it, are left out."""
    flags = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        with torch.no_grad():
            return module.forward(x).detach()
    finally:
        for part, training in flags:
            part.training = training


@replaces("frozen_features")
def left_in_evaluation_mode(module, x):
    """The module stays in evaluation mode. Whoever goes on training it trains without dropout from now on, and no error
    says so."""
    module.eval()
    with torch.no_grad():
        return module(x).detach()


@replaces("frozen_features")
def always_back_to_training(module, x):
    """The module is in training mode afterwards whatever it was before. Look first, and put back what you saw."""
    module.eval()
    try:
        with torch.no_grad():
            return module(x).detach()
    finally:
        module.train()


@replaces("frozen_features")
def one_flag_for_all(module, x):
    """The flag of the whole module was put back, and train() handed it on to all submodules. They may differ: a batch
    normalization that somebody had set to eval is in training now. Each submodule has a flag of its own."""
    training = module.training
    module.eval()
    try:
        with torch.no_grad():
            return module(x).detach()
    finally:
        module.train(training)


@replaces("frozen_features")
def children_only(module, x):
    """The flags of the module and of its direct children were put back, but not of what lies inside the children. Go through
    all submodules, however deep."""
    flags = [(part, part.training) for part in (module, *module.children())]
    module.eval()
    try:
        with torch.no_grad():
            return module(x).detach()
    finally:
        for part, training in flags:
            part.train(training)


@replaces("frozen_features")
def parameters_frozen_for_good(module, x):
    """requires_grad of all parameters was switched off and stayed off. The module cannot be trained any more, and no error
    says so."""
    for one in module.parameters():
        one.requires_grad_(False)
    return _with_flags_kept(module, lambda: module(x).detach())


@replaces("frozen_features")
def parameters_all_thawed(module, x):
    """requires_grad of all parameters is on afterwards, also of those that had been frozen. Put back what was there; better
    still, do not touch it."""

    def run():
        for one in module.parameters():
            one.requires_grad_(False)
        with torch.no_grad():
            return module(x).detach()

    found = _with_flags_kept(module, run)
    for one in module.parameters():
        one.requires_grad_(True)
    return found


@replaces("frozen_features")
def gradients_of_parameters_cleared(module, x):
    """The gradients of the parameters are gone. Somebody may be collecting them over several batches; nothing of this
    function needs them out of the way."""
    module.zero_grad()
    return autograd.frozen_features(module, x)


@replaces("frozen_features")
def graph_kept(module, x):
    """The features carry the graph of the whole module with them. Evaluation mode has nothing to do with that: it changes
    dropout and normalization, and the recording goes on."""
    return _with_flags_kept(module, lambda: module(x))


@replaces("frozen_features")
def graph_recorded_and_dropped(module, x):
    """The result is right, but the graph was recorded on the way and only then cut off. For a moment every intermediate
    result was in memory, which is what one wants to save."""
    return _with_flags_kept(module, lambda: module(x).detach())


@replaces("frozen_features")
def input_handed_through(module, x):
    """Where the module hands its input through, the result is x itself and still requires a gradient. Under no_grad new
    tensors require none; old ones stay what they are. Cut the result off in any case."""

    def run():
        with torch.no_grad():
            return module(x)

    return _with_flags_kept(module, run)


@replaces("frozen_features")
def inference_tensors(module, x):
    """The features were made under inference_mode. Such tensors can never be part of a graph, not even as the input of a
    head that is trained: its backward would need them. no_grad is the milder one."""

    def run():
        with torch.inference_mode():
            return module(x).detach()

    return _with_flags_kept(module, run)


@replaces("frozen_features")
def recording_switched_off_for_all(module, x):
    """Recording was switched off and not put back: from now on nothing in this process has a gradient. Use it as a context
    that ends by itself, also where the module raises an error."""

    def run():
        torch.set_grad_enabled(False)
        return module(x).detach()

    return _with_flags_kept(module, run)


@replaces("frozen_features")
def recording_switched_on_afterwards(module, x):
    """Recording was switched on at the end, also for a caller who had switched it off. Put back what was there."""
    try:
        return autograd.frozen_features(module, x)
    finally:
        torch.set_grad_enabled(True)


@replaces("frozen_features")
def flags_lost_by_an_error(module, x):
    """Where the module raises an error, its flags are not put back: the lines after the call never run. Put them where they
    run in any case."""
    flags = [(part, part.training) for part in module.modules()]
    module.eval()
    with torch.no_grad():
        result = module(x).detach()
    for part, training in flags:
        part.training = training
    return result


@replaces("frozen_features")
def statistics_moved_first(module, x):
    """The running statistics of batch normalization have moved: the module ran once in training mode. Features are taken
    without a trace."""
    with torch.no_grad():
        copy_of_flags = [part.training for part in module.modules()]
        try:
            module.train()
            module(x)
        finally:
            for part, training in zip(module.modules(), copy_of_flags):
                part.training = training
    return autograd.frozen_features(module, x)
