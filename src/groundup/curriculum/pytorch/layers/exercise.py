"""Activations, the softmax, the start of weights, the linear layer, and a network made of linear layers.

Four functions, one initialization and two modules, each a few lines of PyTorch. The conventions hold for all of them:

- Functions and layers take floating tensors of any dtype (float64, float32, bfloat16, float16) and any memory layout, and
  return the dtype that they were given. Tensors that are passed in are not changed, except by kaiming_init, whose
  purpose that is. Gradients flow through, and are never NaN.
- Dimensions written ... are batch dimensions (texts, positions). There may be none, one or several.
- A module is a subclass of torch.nn.Module. Its parameters have the names and shapes given here: the same names stand in
  its state_dict, and there are no others.

The calls of PyTorch that are these builds themselves (torch.relu, torch.softmax, torch.nn.Linear, torch.nn.functional.gelu
and their like) are switched off here. Their ingredients are not: where, clamp, exp, erf, sigmoid, amax, sum, matrix
products, normal_.
"""

from torch import nn


def relu(x):
    """What is positive stays, everything else becomes 0, entry by entry.

    x: any shape; returns the same shape. What the gradient is at exactly 0 is not checked.

        relu(tensor([-2.0, 0.0, 0.5, 3.0]))         -> tensor([0.0, 0.0, 0.5, 3.0])
    """
    raise NotImplementedError


def gelu(x):
    """Each entry times the probability that a standard normal number is smaller than it.

    x: any shape; returns the same shape. This is the exact form, with the error function: the approximation by tanh, which
    GPT-2 uses, is off in the fourth decimal, and is another function.

        gelu(tensor([-2.0, -1.0, 0.0, 1.0, 3.0]))   -> tensor([-0.0455, -0.1587, 0.0000, 0.8413, 2.9959])
    """
    raise NotImplementedError


def silu(x):
    """Each entry times its logistic function, 1 / (1 + exp(-x)). Also called swish.

    x: any shape; returns the same shape. Entries may be as large as 1000 or -1000: result and gradient are finite.

        silu(tensor([-2.0, -1.0, 0.0, 1.0, 3.0]))   -> tensor([-0.2384, -0.2689, 0.0000, 0.7311, 2.8577])
    """
    raise NotImplementedError


def softmax(x, dim=-1):
    """Positive shares that sum to 1 along dimension dim: the exponential of each entry, divided by the sum of them.

    x: any shape with at least one dimension; returns the same shape. dim may be negative: it then counts from the end.
    Entries may be as large as 10 000 or -10 000, and those along one row may be far from those along another: the result is
    finite, and so is the gradient. Entries of minus infinity get a share of 0, as long as one entry beside them is finite.

        softmax(tensor([2.0, 1.0, 0.0]))            -> tensor([0.6652, 0.2447, 0.0900])
        softmax(tensor([[2.0, 1.0], [0.0, 1.0]]), dim=0)
                                                    -> tensor([[0.8808, 0.5000], [0.1192, 0.5000]])
    """
    raise NotImplementedError


def kaiming_init(weight, generator):
    """Fill weight in place with independent normal numbers of mean 0 and variance 2 / fan_in, and return it.

    weight: a tensor or parameter of shape (out, in) or (out, in, height, width, ...). fan_in is how many inputs one output
    sums over: in for a matrix, in * height * width for the kernels of a convolution. The first dimension never counts.
    generator: the torch.Generator that the numbers come from, so that the same state gives the same weights; None stands for
    PyTorch's own random source. Any other source of random numbers is left alone.
    Nothing of it is recorded for the backward pass: a parameter stays a leaf that requires a gradient.
    Raises a ValueError where weight has fewer than two dimensions.

        w = torch.empty(4, 200)
        kaiming_init(w, torch.Generator().manual_seed(0)) is w      -> True; entries of about 0.1, positive and negative
    """
    raise NotImplementedError


class Linear(nn.Module):
    """Every output is a weighted sum of all inputs, plus a number of its own: y = x W^T + b, over the last dimension.

    Parameters: weight of shape (out_features, in_features), and bias of shape (out_features,). Row o of the weight holds the
    weights of output o. With bias=False there is no bias: the attribute is None, and state_dict has the weight alone.
    At the start the weight is as kaiming_init makes it, with PyTorch's own random source, and the bias is 0.

        layer = Linear(3, 2)                        # weight set to [[1., 0., 2.], [0., -1., 0.]], bias to [10., 20.]
        layer(tensor([1., 2., 3.]))                 -> tensor([17., 18.])
    """

    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        raise NotImplementedError

    def forward(self, x):
        """x: (..., in_features). Returns (..., out_features).

        Raises a ValueError where the last dimension of x is not in_features. That includes a last dimension of 1.
        """
        raise NotImplementedError


class MLP(nn.Module):
    """A multilayer perceptron: linear layers from each size to the next, with the activation between them.

    sizes: a list or tuple of whole numbers, the number of inputs first and that of outputs last. [8, 16, 16, 4] makes three
    layers, from 8 to 16, 16 to 16 and 16 to 4, each with a bias and with weights of its own, as Linear starts them. Your
    Linear serves. Fewer than two sizes raise a ValueError.
    activation: any function from a tensor to one of the same shape. It is applied after each layer but the last, once each.
    Parameters: layers.0.weight, layers.0.bias, layers.1.weight, ... in this order.

        mlp = MLP([3, 5, 2], relu)
        list(mlp.state_dict())                      -> ["layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias"]
        mlp(torch.zeros(7, 3)).shape                -> (7, 2)
    """

    def __init__(self, sizes, activation):
        super().__init__()
        raise NotImplementedError

    def forward(self, x):
        """x: (..., sizes[0]). Returns (..., sizes[-1])."""
        raise NotImplementedError
