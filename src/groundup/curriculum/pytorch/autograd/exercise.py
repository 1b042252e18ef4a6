"""Automatic differentiation: an engine of your own on NumPy, and two uses of PyTorch's.

`Tensor` is to be written with NumPy alone, in float64. `gradients_of` and `frozen_features` use PyTorch.
"""


class Tensor:
    """Numbers that remember how they were computed, so that gradients can be sent back through them.

    Two attributes are read from outside; what else you keep in a tensor is your own affair:

    - `data`: a NumPy array in float64 (0-d for a single number).
    - `grad`: None until a gradient arrives; then an array of the shape of `data`.

    For all operations:

    - Each returns a new Tensor and changes none that it is given.
    - In `a + b`, `a - b`, `a * b`, `a / b` and `a @ b` one of the two may be a number or a NumPy array instead, on
      either side. (The line with __array_ufunc__ makes NumPy leave `array + tensor` to your __radd__. Keep it.)
    - Shapes broadcast as NumPy's do: (3, 1) with (4,) gives (3, 4). An operand that was stretched gets a gradient of its
      own shape: the sum over all the places where an entry was used.
    - A tensor may be used any number of times, twice in one operation too (`a * a`); the gradients of all uses add up.

        a, b = Tensor([1.0, 2.0]), Tensor(3.0)
        loss = (a * b + a * a).sum()
        loss.data                           -> 14.0
        loss.backward()
        a.grad, b.grad                      -> array([5., 7.]), array(3.)

    The smallest start: have every operation keep its operands, and a function that takes the gradient of its result to
    the gradients of its operands.
    """

    __array_ufunc__ = None

    def __init__(self, data):
        """data: a number, a list (of lists …) of numbers or a NumPy array of any dtype; copied, so that who changes the
        array later does not change the tensor. Everything else that your tensors need must be set here or by your
        operations: the checks call Tensor(data) with this one argument."""
        raise NotImplementedError

    # ── arithmetic ──

    def __add__(self, other):
        raise NotImplementedError

    def __mul__(self, other):
        raise NotImplementedError

    def __truediv__(self, other):
        raise NotImplementedError

    def __pow__(self, exponent):
        """exponent: a Python number, whole or not, negative or not; never a Tensor. Where the exponent is 0 the gradient is
        0, also at 0. (0 ** a negative number is not asked for.)"""
        raise NotImplementedError

    def __matmul__(self, other):
        """(…, n, k) @ (…, k, m) gives (…, n, m), as NumPy has it; the dimensions before the last two are a batch and
        broadcast. Both operands must have two dimensions or more: else raise a ValueError."""
        raise NotImplementedError

    def __neg__(self):
        raise NotImplementedError

    def __sub__(self, other):
        raise NotImplementedError

    # Python calls these where the left operand is a number or an array: 2 + a is a.__radd__(2), 2 - a is a.__rsub__(2).

    def __radd__(self, other):
        raise NotImplementedError

    def __rsub__(self, other):
        raise NotImplementedError

    def __rmul__(self, other):
        raise NotImplementedError

    def __rtruediv__(self, other):
        raise NotImplementedError

    def __rmatmul__(self, other):
        raise NotImplementedError

    # ── functions of each entry ──

    def exp(self):
        raise NotImplementedError

    def log(self):
        """The natural logarithm, of positive numbers."""
        raise NotImplementedError

    def tanh(self):
        raise NotImplementedError

    def relu(self):
        """Negative numbers become 0. At 0 itself the gradient is 0."""
        raise NotImplementedError

    # ── sums and shapes ──

    def sum(self, axis=None, keepdims=False):
        """As NumPy's: over one axis, over a tuple of axes, or (None) over all; negative axes count from the end. With
        keepdims, what was summed over stays as an axis of length 1."""
        raise NotImplementedError

    def mean(self, axis=None, keepdims=False):
        """The same for the mean."""
        raise NotImplementedError

    def reshape(self, *shape):
        """a.reshape(2, 6), the lengths one by one; one of them may be -1."""
        raise NotImplementedError

    def transpose(self, *axes):
        """As NumPy's: axis axes[i] of this tensor becomes axis i of the result, and without axes their order is reversed.
        Negative axes count from the end.

            Tensor(numpy.zeros((2, 3, 4))).transpose(1, 2, 0).data.shape        -> (3, 4, 2)
        """
        raise NotImplementedError

    # ── the way back ──

    def backward(self):
        """Send the gradient of this number back through everything that it was computed from.

        Raises a ValueError where the tensor does not hold exactly one number; shapes (), (1,) and (1, 1) are all welcome.
        Afterwards `grad` of every tensor on the way, intermediate results and this tensor itself included, is the gradient
        of this number for it.

        - Where `grad` of a tensor that was made by Tensor(data) is there already, from another call, the new gradient is
          added to it. That holds for a second call on the same result as well, and for two results that share a part of
          their computation. (What an intermediate result's `grad` is after a second call is not checked.)
        - No two tensors share the memory of their gradients: who changes one in place does not change the other.
        - A chain of 1100 operations works, where Python's recursion ends at 1000, and so does any longer one that fits into
          memory. A graph with 2 ** 40 paths works, too.
        """
        raise NotImplementedError


def gradients_of(f, inputs):
    """The gradient of the number f(*inputs) for each of the inputs, computed with torch.autograd.grad.

    f: a function of as many tensors as there are inputs. It returns a tensor with exactly one number, of any shape; where
    it returns more, raise a ValueError. inputs: a list of floating tensors. They may require a gradient or not, be results
    of other computations, and one tensor may stand there twice: then each place has a gradient of its own.
    Returns a list of tensors: the gradients in the order, shapes and dtypes of the inputs, zeros for an input that does
    not matter. They do not require a gradient themselves.

    Nothing else changes: inputs that required no gradient still require none, and no tensor gets a .grad or another one
    than it had, neither the inputs nor tensors that f uses besides (the parameters of a network). It works under
    torch.no_grad(), too.

        x, y = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0])
        gradients_of(lambda a, b: (a * b * b).sum(), [x, y])        -> [tensor([ 9., 16.]), tensor([ 6., 16.])]
        x.requires_grad, x.grad                                     -> False, None
    """
    raise NotImplementedError


def frozen_features(module, x):
    """module(x) as a constant, as one wants it from a trained network that is not to be trained further.

    module: a torch.nn.Module. x: a tensor. Returns the tensor module(x):

    - computed in evaluation mode (no dropout; batch normalization uses, and keeps, its running statistics);
    - without a graph: none is recorded on the way, which is what saves the memory, and the result does not require a
      gradient, even where x does and the module hands it through;
    - fit to be the input of another network that is being trained.

    Afterwards, the module is what it was, also where it raised an error: `training` of each of its submodules (which may
    differ: somebody may have set one of them to eval), `requires_grad` and `grad` of its parameters, its buffers. Whether
    PyTorch records graphs elsewhere is as it was, too.
    """
    raise NotImplementedError
