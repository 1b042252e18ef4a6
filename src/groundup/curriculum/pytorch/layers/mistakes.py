"""Wrong implementations that learners write. The name is the misconception, the docstring the hint."""

import math
from itertools import pairwise

import torch
from torch import nn

from groundup.authoring import replaces
from groundup.stack import nn as stack

# ── relu ──


@replaces("relu")
def relu_as_absolute_value(x):
    """Negative entries have lost their sign: this is the absolute value. They should become 0."""
    return x.abs()


@replaces("relu")
def relu_keeps_the_negative(x):
    """The negative entries stay and the positive ones have become 0: it is the other way round."""
    return x.clamp(max=0.0)


@replaces("relu")
def relu_leaks(x):
    """A hundredth of each negative entry comes through. That is the leaky ReLU; here nothing comes through."""
    return torch.where(x > 0, x, 0.01 * x)


@replaces("relu")
def relu_as_a_step(x):
    """The result says only which entries are positive (as 1). A positive entry should stay what it is."""
    return (x > 0).to(x.dtype)


@replaces("relu")
def relu_capped_at_six(x):
    """Large entries are cut off at 6. There is no bound above: without one, a large entry still has a slope of 1."""
    return x.clamp(0.0, 6.0)


@replaces("relu")
def relu_smoothed(x):
    """The corner is rounded off: this is softplus, the logarithm of one plus the exponential, which is above 0 everywhere."""
    return nn.functional.softplus(x)


@replaces("relu")
def relu_shrinks_the_rest(x):
    """Negative entries are 0, but positive ones have changed as well (squared). They should come through as they are."""
    return x.clamp(min=0.0).square()


@replaces("relu")
def relu_in_place(x):
    """The result is right, but the tensor that was passed in has been changed in place. The caller may need it as it was, and
    so may the backward pass."""
    with torch.no_grad():
        x[x < 0] = 0.0
    return x * 1.0


@replaces("relu")
def relu_detached(x):
    """The values are right, but no gradient reaches x: the result was cut off from the graph (by detach, NumPy or a new
    tensor made of numbers). The layers before it could not learn."""
    return x.detach().clamp(min=0.0)


@replaces("relu")
def relu_in_float32(x):
    """relu gives float32 whatever came in. It should have the dtype of x."""
    return x.float().clamp(min=0.0)


@replaces("relu")
def relu_drops_entries(x):
    """The negative entries have been left out, and the result has another shape. They stay in their places, as zeros."""
    return x[x > 0]


# ── gelu ──


def _phi(x):
    """The normal distribution function."""
    return 0.5 * (1.0 + torch.erf(x / math.sqrt(2.0)))


@replaces("gelu")
def gelu_by_tanh(x):
    """This is the approximation with tanh. It differs from the normal distribution in the fourth decimal; here the exact form
    is asked for, with the error function."""
    return nn.functional.gelu(x, approximate="tanh")


@replaces("gelu")
def gelu_by_sigmoid(x):
    """This is the approximation with a logistic function of 1.702 x, which is off in the second decimal. Here the exact form is
    asked for, with the error function."""
    return x * torch.sigmoid(1.702 * x)


@replaces("gelu")
def gelu_probability_alone(x):
    """This is the probability by itself, between 0 and 1. Each entry is to be multiplied by it."""
    return _phi(x)


@replaces("gelu")
def gelu_by_the_density(x):
    """Each entry is multiplied by the height of the bell curve at that place. It should be the area to the left of it: the
    probability that a normal number is smaller."""
    return x * torch.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)


@replaces("gelu")
def gelu_of_the_wrong_tail(x):
    """Each entry is multiplied by the probability that a normal number is larger than it. It is that it is smaller: large
    entries should come through nearly whole."""
    return x * _phi(-x)


@replaces("gelu")
def gelu_without_the_root_of_two(x):
    """The error function was given x itself. It belongs to a normal distribution of variance one half, so its argument has to
    be scaled first."""
    return x * 0.5 * (1.0 + torch.erf(x))


@replaces("gelu")
def gelu_twice_too_large(x):
    """The result is twice what it should be. The error function runs from -1 to 1, a probability from 0 to 1."""
    return 2.0 * x * _phi(x)


@replaces("gelu")
def gelu_by_the_error_function_alone(x):
    """Each entry is multiplied by the error function, which is negative for negative entries, so that these come out positive.
    A probability lies between 0 and 1."""
    return x * torch.erf(x / math.sqrt(2.0))


@replaces("gelu")
def gelu_computed_in_float32(x):
    """The dtype is right but the digits are not: somewhere on the way the numbers went through float32. In float64 that
    loses half of them."""
    return stack.gelu(x.float()).to(x.dtype)


@replaces("gelu")
def gelu_in_float32(x):
    """gelu gives float32 whatever came in. It should have the dtype of x."""
    return stack.gelu(x.float())


@replaces("gelu")
def gelu_with_a_detached_gate(x):
    """The values are right, the gradients are not: the probability was cut off from the graph. It depends on x, too."""
    return x * _phi(x.detach())


# ── silu ──


@replaces("silu")
def silu_gate_alone(x):
    """This is the logistic function by itself, between 0 and 1. Each entry is to be multiplied by it."""
    return torch.sigmoid(x)


@replaces("silu")
def silu_of_the_wrong_tail(x):
    """The logistic function got the wrong sign: large entries vanish and very negative ones come through."""
    return x * torch.sigmoid(-x)


@replaces("silu")
def silu_by_tanh_of_x(x):
    """Each entry is multiplied by its tanh, which is negative for negative entries. The logistic function lies between 0
    and 1."""
    return x * torch.tanh(x)


@replaces("silu")
def silu_like_gelu(x):
    """The logistic function was given 1.702 x: that is an approximation of GELU. For SiLU it is x itself."""
    return x * torch.sigmoid(1.702 * x)


@replaces("silu")
def silu_by_softplus(x):
    """Each entry is multiplied by the tanh of its softplus: that is Mish, another function of nearly the same shape."""
    return nn.functional.mish(x)


@replaces("silu")
def silu_by_lines(x):
    """The logistic function was replaced by a straight line with two corners: that is the hard form, made for small
    devices."""
    return nn.functional.hardswish(x)


@replaces("silu")
def silu_overflows_above(x):
    """Right near zero, but for large entries the exponential is infinite above and below the fraction line, and infinity
    divided by infinity is not a number. Take a form with the exponential of -x, or PyTorch's own logistic function."""
    return x * torch.exp(x) / (1.0 + torch.exp(x))


@replaces("silu")
def silu_gradient_overflows(x):
    """The values are right, but for very negative entries the exponential of -x is infinite, and the backward pass multiplies
    that infinity by a 0: not a number. PyTorch's own logistic function has a backward pass of its own."""
    return x / (1.0 + torch.exp(-x))


@replaces("silu")
def silu_computed_in_float32(x):
    """The dtype is right but half of the digits of float64 are lost: on the way the numbers went through float32."""
    return stack.silu(x.float()).to(x.dtype)


@replaces("silu")
def silu_with_a_detached_gate(x):
    """The values are right, the gradients are not: the logistic function was cut off from the graph. It depends on x, too."""
    return x * torch.sigmoid(x.detach())


@replaces("silu")
def silu_in_float32(x):
    """The result is float32 whatever came in, bfloat16 and float64 included. It should have the dtype of x."""
    return stack.silu(x.float())


# ── softmax ──


@replaces("softmax")
def softmax_not_normalized(x, dim=-1):
    """These are the exponentials; they have not been divided by their sum. Shares sum to 1."""
    return torch.exp(x - x.amax(dim=dim, keepdim=True))


@replaces("softmax")
def softmax_without_exponentials(x, dim=-1):
    """The entries themselves were divided by their sum. That is no share where entries are negative; the exponential makes
    all of them positive first."""
    return x / x.sum(dim=dim, keepdim=True)


@replaces("softmax")
def softmax_ignores_the_dimension(x, dim=-1):
    """The sum runs along the last dimension whatever was asked for: the argument dim is not used everywhere."""
    return torch.softmax(x, dim=-1)


@replaces("softmax")
def softmax_along_the_first_dimension(x, dim=-1):
    """The sum runs along the first dimension whatever was asked for: in a matrix the columns sum to 1, not the rows."""
    return torch.softmax(x, dim=0)


@replaces("softmax")
def softmax_over_everything(x, dim=-1):
    """All entries of the tensor together sum to 1. Each row along dim is to sum to 1 by itself."""
    return torch.softmax(x.flatten(), dim=0).reshape(x.shape)


@replaces("softmax")
def softmax_overflows(x, dim=-1):
    """Right for small entries, but the exponentials are taken of the entries as they are: of 89 or more it is infinite in
    float32, and a row of very negative ones becomes 0 / 0. Shares do not change when one number is subtracted from a
    whole row: use that."""
    shares = torch.exp(x)
    return shares / shares.sum(dim=dim, keepdim=True)


@replaces("softmax")
def softmax_with_one_maximum(x, dim=-1):
    """What is subtracted before the exponential is the largest entry of the whole tensor. In rows far below it every
    exponential is 0, and 0 / 0 is not a number: each row needs its own largest entry."""
    shares = torch.exp(x - x.max())
    return shares / shares.sum(dim=dim, keepdim=True)


@replaces("softmax")
def softmax_clamped(x, dim=-1):
    """The entries were cut off so that their exponentials fit. That keeps them finite and gives wrong shares: what lies
    beyond the bound all counts the same."""
    shares = torch.exp(x.clamp(-80.0, 80.0))
    return shares / shares.sum(dim=dim, keepdim=True)


@replaces("softmax")
def softmax_maximum_along_the_wrong_dimension(x, dim=-1):
    """The number that is subtracted differs within one row, which changes the shares: the maximum is taken along another
    dimension than the sum."""
    other = 0 if dim in (-1, x.dim() - 1) else -1
    shares = torch.exp(x - x.amax(dim=other, keepdim=True))
    return shares / shares.sum(dim=dim, keepdim=True)


@replaces("softmax")
def softmax_loses_the_dimension(x, dim=-1):
    """The maximum and the sum have lost the dimension along which they run, so they no longer stand beside their own rows.
    They have to keep it, with length 1."""
    shares = torch.exp(x - x.amax(dim=dim))
    return shares / shares.sum(dim=dim)


@replaces("softmax")
def softmax_in_logarithms(x, dim=-1):
    """These are the logarithms of the shares, which are negative. The softmax is the shares."""
    return torch.log_softmax(x, dim=dim)


@replaces("softmax")
def softmax_of_the_negative(x, dim=-1):
    """The smallest entry gets the largest share: the sign was turned on the way."""
    return torch.softmax(-x, dim=dim)


@replaces("softmax")
def softmax_by_sigmoids(x, dim=-1):
    """Each entry was put through the logistic function by itself. Shares depend on all entries of a row and sum to 1."""
    return torch.sigmoid(x)


@replaces("softmax")
def softmax_of_base_two(x, dim=-1):
    """Powers of two in place of the exponential: a difference of 1 between entries should be a ratio of 2.718, not of 2."""
    shares = torch.exp2(x - x.amax(dim=dim, keepdim=True))
    return shares / shares.sum(dim=dim, keepdim=True)


@replaces("softmax")
def softmax_of_the_winner_alone(x, dim=-1):
    """The largest entry gets all of it. The softmax is soft: every entry gets something."""
    return torch.zeros_like(x).scatter(dim, x.argmax(dim=dim, keepdim=True), 1.0)


@replaces("softmax")
def softmax_with_a_padded_sum(x, dim=-1):
    """A small number was added to the sum to keep it from zero, so the shares do not quite sum to 1. After the largest entry
    is subtracted the sum is at least 1 and needs no help."""
    shares = torch.exp(x - x.amax(dim=dim, keepdim=True))
    return shares / (shares.sum(dim=dim, keepdim=True) + 1e-4)


@replaces("softmax")
def softmax_in_place(x, dim=-1):
    """The result is right, but the tensor that was passed in has been changed in place (as -= does). The caller may still
    need it."""
    with torch.no_grad():
        x -= x.amax(dim=dim, keepdim=True)
    return torch.softmax(x, dim=dim)


@replaces("softmax")
def softmax_detached(x, dim=-1):
    """The values are right, but no gradient reaches x: the result was cut off from the graph."""
    return torch.softmax(x.detach(), dim=dim)


@replaces("softmax")
def softmax_with_a_detached_sum(x, dim=-1):
    """The values are right, the gradients are not: the sum was cut off from the graph. When one entry grows, the shares of all
    others shrink, and that comes through the sum."""
    shares = torch.exp(x - x.amax(dim=dim, keepdim=True).detach())
    return shares / shares.sum(dim=dim, keepdim=True).detach()


@replaces("softmax")
def softmax_in_float32(x, dim=-1):
    """The shares are float32 whatever came in. They should have the dtype of x."""
    return torch.softmax(x.float(), dim=dim)


# ── kaiming_init ──


def _two_at_least(weight):
    if weight.dim() < 2:
        raise ValueError(f"got shape {tuple(weight.shape)}")


def _normal(weight, variance, generator):
    _two_at_least(weight)
    with torch.no_grad():
        return weight.normal_(0.0, math.sqrt(variance), generator=generator)


def _fan_in(weight):
    return math.prod(weight.shape[1:])


@replaces("kaiming_init")
def init_from_the_outputs(weight, generator):
    """The variance was taken from the first dimension, the number of outputs. It is the number of inputs that makes a sum
    large."""
    return _normal(weight, 2.0 / weight.shape[0], generator)


@replaces("kaiming_init")
def init_without_the_two(weight, generator):
    """The variance is 1 / fan_in, which suits a network without activations. A ReLU silences half of the signal, and each
    layer would halve what is left."""
    return _normal(weight, 1.0 / _fan_in(weight), generator)


@replaces("kaiming_init")
def init_from_both_sides(weight, generator):
    """The variance is 2 / (inputs + outputs): that is the initialization of Glorot and Bengio, a compromise between the
    forward and the backward pass. Here it is 2 / fan_in."""
    return _normal(weight, 2.0 / (_fan_in(weight) + weight.shape[0]), generator)


@replaces("kaiming_init")
def init_with_the_variance_as_spread(weight, generator):
    """2 / fan_in was used as the standard deviation. It is the variance: the standard deviation is its square root."""
    return _normal(weight, (2.0 / _fan_in(weight)) ** 2, generator)


@replaces("kaiming_init")
def init_of_spread_one(weight, generator):
    """Standard normal numbers, not scaled at all: each layer of 500 inputs would make the signal some twenty times as
    large."""
    return _normal(weight, 1.0, generator)


@replaces("kaiming_init")
def init_of_a_hundredth(weight, generator):
    """A fixed small spread, whatever the shape. It has to depend on the number of inputs: what suits one width lets the signal
    die out at another."""
    return _normal(weight, 0.01**2, generator)


@replaces("kaiming_init")
def init_counts_channels_only(weight, generator):
    """Right for a matrix, but for the kernels of a convolution only the second dimension was counted. One output sums over
    height and width as well."""
    return _normal(weight, 2.0 / weight.shape[1], generator)


@replaces("kaiming_init")
def init_counts_the_last_dimension(weight, generator):
    """Right for a matrix, but of the kernels of a convolution only the last dimension was counted. One output sums over all
    dimensions but the first."""
    return _normal(weight, 2.0 / weight.shape[-1], generator)


@replaces("kaiming_init")
def init_uniform(weight, generator):
    """The numbers are uniform, with the right variance. Here normal ones are asked for."""
    _two_at_least(weight)
    bound = math.sqrt(6.0 / _fan_in(weight))
    with torch.no_grad():
        return weight.uniform_(-bound, bound, generator=generator)


@replaces("kaiming_init")
def init_positive_only(weight, generator):
    """All numbers are positive. With mean 0 they cancel in a sum; without it the signal grows with the number of inputs and
    not with its root."""
    _normal(weight, 2.0 / _fan_in(weight), generator)
    with torch.no_grad():
        return weight.abs_()


@replaces("kaiming_init")
def init_constant(weight, generator):
    """All weights are the same number. Then all outputs of the layer are the same, and get the same gradient for ever:
    randomness is what makes them different."""
    _two_at_least(weight)
    with torch.no_grad():
        return weight.fill_(math.sqrt(2.0 / _fan_in(weight)))


@replaces("kaiming_init")
def init_repeats_one_row(weight, generator):
    """One row was drawn and copied to all others. The outputs would all be the same: each weight has to be drawn by itself."""
    _two_at_least(weight)
    with torch.no_grad():
        row = torch.randn(weight.shape[1:], generator=generator) * math.sqrt(2.0 / _fan_in(weight))
        return weight.copy_(row.expand_as(weight))


@replaces("kaiming_init")
def init_returns_a_new_tensor(weight, generator):
    """The numbers are right, but the tensor that was passed in still holds the old ones: a new one was returned. The layer
    goes on with what it had."""
    _two_at_least(weight)
    return torch.randn(weight.shape, generator=generator, dtype=weight.dtype) * math.sqrt(2.0 / _fan_in(weight))


@replaces("kaiming_init")
def init_returns_nothing(weight, generator):
    """The weight is filled, but None came back. Return the weight, so that the call can stand in an expression."""
    _normal(weight, 2.0 / _fan_in(weight), generator)


@replaces("kaiming_init")
def init_ignores_the_generator(weight, generator):
    """The numbers come from PyTorch's own random source and not from the generator that was passed in: the same state does
    not give the same weights."""
    return _normal(weight, 2.0 / _fan_in(weight), None)


@replaces("kaiming_init")
def init_seeds_the_source(weight, generator):
    """PyTorch's own random source was seeded (from the generator). Everything else in the program that draws from it would
    then repeat itself: draw from the generator instead."""
    torch.manual_seed(0 if generator is None else int(torch.randint(2**31, (), generator=generator)))
    return _normal(weight, 2.0 / _fan_in(weight), None)


@replaces("kaiming_init")
def init_always_the_same(weight, generator):
    """The same numbers come out each time: a generator of its own, with a fixed seed, is made at every call."""
    return _normal(weight, 2.0 / _fan_in(weight), torch.Generator().manual_seed(0))


@replaces("kaiming_init")
def init_on_the_record(weight, generator):
    """A parameter that requires a gradient cannot be filled while operations are being recorded for the backward pass:
    PyTorch raises an error. Switch the recording off around it."""
    _two_at_least(weight)
    return weight.normal_(0.0, math.sqrt(2.0 / _fan_in(weight)), generator=generator)


@replaces("kaiming_init")
def init_of_vectors_too(weight, generator):
    """Right for weights, but a vector is accepted as well. It has no inputs to count (a bias begins at zero): raise a
    ValueError."""
    with torch.no_grad():
        return weight.normal_(0.0, math.sqrt(2.0 / _fan_in(weight)), generator=generator)


# ── Linear ──


def _fits(x, n):
    if x.shape[-1] != n:
        raise ValueError(f"got shape {tuple(x.shape)} for {n} inputs")


def _affine(x, weight, bias):
    y = x @ weight.T
    return y if bias is None else y + bias


@replaces("Linear")
class LinearStoredTheOtherWay(nn.Module):
    """The results are right, but the weight is stored as (in_features, out_features). Saved models hold it as
    (out_features, in_features), one row for each output."""

    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(in_features, out_features) * (2 / in_features) ** 0.5)
        self.bias = nn.Parameter(torch.zeros(out_features)) if bias else None

    def forward(self, x):
        _fits(x, self.weight.shape[0])
        return _affine(x, self.weight.T, self.bias)


@replaces("Linear")
class LinearWithoutTransposing(stack.Linear):
    """x was multiplied by the weight as it is stored, (out_features, in_features). The sum has to run over the inputs, its
    second dimension."""

    def forward(self, x):
        _fits(x, self.in_features)
        y = x @ self.weight
        return y if self.bias is None else y + self.bias


@replaces("Linear")
class LinearBiasForgotten(stack.Linear):
    """The layer has a bias and does not use it: zeros come out as zeros."""

    def forward(self, x):
        _fits(x, self.in_features)
        return x @ self.weight.T


@replaces("Linear")
class LinearBiasSubtracted(stack.Linear):
    """The bias was subtracted. It is added."""

    def forward(self, x):
        _fits(x, self.in_features)
        y = x @ self.weight.T
        return y if self.bias is None else y - self.bias


@replaces("Linear")
class LinearAlwaysBiased(stack.Linear):
    """With bias=False there is a bias all the same. Where none is asked for, the attribute is None and the state has the
    weight alone."""

    def __init__(self, in_features, out_features, bias=True):
        super().__init__(in_features, out_features, True)


@replaces("Linear")
class LinearNeverBiased(stack.Linear):
    """There is no bias even where one is asked for, which is the default."""

    def __init__(self, in_features, out_features, bias=True):
        super().__init__(in_features, out_features, False)
        self.bias = None if not bias else torch.zeros(out_features)


@replaces("Linear")
class LinearOfPlainTensors(nn.Module):
    """Weight and bias are plain tensors. A module only knows of parameters: nothing else is trained, saved, or moved to
    another dtype."""

    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        self.weight = stack.kaiming_init(torch.empty(out_features, in_features), None).requires_grad_()
        self.bias = torch.zeros(out_features, requires_grad=True) if bias else None

    def forward(self, x):
        _fits(x, self.weight.shape[1])
        return _affine(x, self.weight, self.bias)


@replaces("Linear")
class LinearOfBuffers(nn.Module):
    """Weight and bias are buffers: they are saved with the model, but nobody trains them. They have to be parameters."""

    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        self.register_buffer("weight", stack.kaiming_init(torch.empty(out_features, in_features), None))
        self.register_buffer("bias", torch.zeros(out_features) if bias else None)

    def forward(self, x):
        _fits(x, self.weight.shape[1])
        return _affine(x, self.weight, self.bias)


@replaces("Linear")
class LinearOfOtherNames(nn.Module):
    """The parameters have other names than weight and bias. A saved model is loaded by name."""

    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        self.W = nn.Parameter(stack.kaiming_init(torch.empty(out_features, in_features), None))
        self.b = nn.Parameter(torch.zeros(out_features)) if bias else None

    def forward(self, x):
        _fits(x, self.W.shape[1])
        return _affine(x, self.W, self.b)


@replaces("Linear")
class LinearBeginsAsPyTorchs(stack.Linear):
    """The weights begin as those of PyTorch's own layer: uniform, with a variance of a third of 1 / in_features. That is one
    sixth of what kaiming_init gives."""

    def __init__(self, in_features, out_features, bias=True):
        super().__init__(in_features, out_features, bias)
        nn.init.uniform_(self.weight, -(in_features**-0.5), in_features**-0.5)


@replaces("Linear")
class LinearBeginsAtZero(stack.Linear):
    """The weights begin at zero. Then all outputs of a layer are the same and get the same gradient: start them as
    kaiming_init does."""

    def __init__(self, in_features, out_features, bias=True):
        super().__init__(in_features, out_features, bias)
        nn.init.zeros_(self.weight)


@replaces("Linear")
class LinearBeginsTooLarge(stack.Linear):
    """The weights begin as standard normal numbers. With 500 inputs the outputs are then some twenty times as large as the
    inputs: start them as kaiming_init does."""

    def __init__(self, in_features, out_features, bias=True):
        super().__init__(in_features, out_features, bias)
        nn.init.normal_(self.weight)


@replaces("Linear")
class LinearCountsTheOutputs(stack.Linear):
    """The spread of the first weights comes from the number of outputs: the weight was turned round before it was filled, or
    the wrong number was counted."""

    def __init__(self, in_features, out_features, bias=True):
        super().__init__(in_features, out_features, bias)
        stack.kaiming_init(self.weight.T, None)


@replaces("Linear")
class LinearBiasBeginsAtRandom(stack.Linear):
    """The bias begins with random numbers. It begins at zero."""

    def __init__(self, in_features, out_features, bias=True):
        super().__init__(in_features, out_features, bias)
        if bias:
            nn.init.uniform_(self.bias, -(in_features**-0.5), in_features**-0.5)


@replaces("Linear")
class LinearWithoutACheckOfShapes(stack.Linear):
    """A last dimension that does not fit is not refused with a ValueError: PyTorch's own error does not say which layer was
    meant and what it wanted."""

    def forward(self, x):
        return _affine(x, self.weight, self.bias)


@replaces("Linear")
class LinearStretches(stack.Linear):
    """A last dimension of 1 is silently repeated to match (einsum and broadcasting do so), and sums come out that mean
    nothing. Compare the sizes themselves; it is not enough to wait for PyTorch's error."""

    def forward(self, x):
        try:
            y = torch.einsum("...i,oi->...o", x, self.weight)
        except RuntimeError as error:
            raise ValueError(f"got shape {tuple(x.shape)}") from error
        return y if self.bias is None else y + self.bias


@replaces("Linear")
class LinearFlattensTheBatch(stack.Linear):
    """All batch dimensions have been flattened into one. Only the last dimension changes; the others stay as they were."""

    def forward(self, x):
        _fits(x, self.in_features)
        return _affine(x.reshape(-1, self.in_features), self.weight, self.bias)


@replaces("Linear")
class LinearDetached(stack.Linear):
    """The values are right, but the weight was used through .data or detach: it gets no gradient, and never learns."""

    def forward(self, x):
        _fits(x, self.in_features)
        return _affine(x, self.weight.detach(), None if self.bias is None else self.bias.detach())


@replaces("Linear")
class LinearInFloat32(stack.Linear):
    """The result is float32 whatever the layer and its input are. It should have their dtype."""

    def forward(self, x):
        _fits(x, self.in_features)
        return _affine(x.float(), self.weight.float(), None if self.bias is None else self.bias.float())


@replaces("Linear")
class LinearBends(stack.Linear):
    """A ReLU has crept into the layer: nothing negative comes out. A linear layer is only linear; the activation comes
    after it."""

    def forward(self, x):
        return super().forward(x).relu()


@replaces("Linear")
class LinearKeepsACopy(stack.Linear):
    """The layer goes on with a copy of the weight that it made before: changes by an optimizer, or by loading a saved model, do
    not show. Turn the weight round when it is used."""

    def forward(self, x):
        _fits(x, self.in_features)
        if "kept" not in self.__dict__:
            self.__dict__["kept"] = self.weight.T * 1.0
        return _affine(x, self.__dict__["kept"].T, self.bias)


# ── MLP ──


class _Layers(nn.Module):
    """Linear layers as they should be; what is done with them is a subclass's affair."""

    def __init__(self, sizes, activation):
        super().__init__()
        if len(sizes) < 2:
            raise ValueError(f"got {list(sizes)}")
        self.layers = nn.ModuleList(stack.Linear(a, b) for a, b in pairwise(sizes))
        self.activation = activation


@replaces("MLP")
class MLPBendsAtTheEnd(_Layers):
    """The activation is applied after the last layer, too. The last one has to be free to give any number: with a ReLU no
    logit would ever be negative."""

    def forward(self, x):
        for layer in self.layers:
            x = self.activation(layer(x))
        return x


@replaces("MLP")
class MLPNeverBends(_Layers):
    """There is no activation between the layers. Then all of them together are one linear layer, however many there are."""

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


@replaces("MLP")
class MLPBendsOnce(_Layers):
    """The activation is applied after the first layer only. It belongs after each layer but the last."""

    def forward(self, x):
        for number, layer in enumerate(self.layers):
            x = layer(x)
            if number == 0 and len(self.layers) > 1:
                x = self.activation(x)
        return x


@replaces("MLP")
class MLPBendsItsInput(_Layers):
    """The activation is applied before each layer, the first included: the network never sees its input as it is."""

    def forward(self, x):
        for layer in self.layers:
            x = layer(self.activation(x))
        return x


@replaces("MLP")
class MLPBendsTwice(_Layers):
    """The activation is applied twice between two layers. For a ReLU nobody would notice; for any other it is another
    network."""

    def forward(self, x):
        *hidden, last = self.layers
        for layer in hidden:
            x = self.activation(self.activation(layer(x)))
        return last(x)


@replaces("MLP")
class MLPAlwaysOfReLU(_Layers):
    """A ReLU is applied whatever activation was asked for."""

    def forward(self, x):
        *hidden, last = self.layers
        for layer in hidden:
            x = torch.relu(layer(x))
        return last(x)


@replaces("MLP")
class MLPOfAPlainList(nn.Module):
    """The layers stand in a plain Python list. A module does not look into lists: it has no parameters, so nothing is
    trained, saved, or moved to another dtype. PyTorch has a list that is a module."""

    def __init__(self, sizes, activation):
        super().__init__()
        if len(sizes) < 2:
            raise ValueError(f"got {list(sizes)}")
        self.layers = [stack.Linear(a, b) for a, b in pairwise(sizes)]
        self.activation = activation

    def forward(self, x):
        *hidden, last = self.layers
        for layer in hidden:
            x = self.activation(layer(x))
        return last(x)


class _Bend(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


@replaces("MLP")
class MLPCountsActivations(nn.Module):
    """The results are right, but the activations stand in the same Sequential as the layers and are counted with them: the
    second layer is called layers.2. The linear layers alone are numbered, 0, 1, 2."""

    def __init__(self, sizes, activation):
        super().__init__()
        if len(sizes) < 2:
            raise ValueError(f"got {list(sizes)}")
        modules = []
        for a, b in pairwise(sizes):
            modules += [stack.Linear(a, b), _Bend(activation)]
        self.layers = nn.Sequential(*modules[:-1])

    def forward(self, x):
        return self.layers(x)


@replaces("MLP")
class MLPOfOneLayerRepeated(nn.Module):
    """Layers of equal size are one and the same layer, used several times: they share their weights. Each is to have weights
    of its own, so make a new one each time."""

    def __init__(self, sizes, activation):
        super().__init__()
        if len(sizes) < 2:
            raise ValueError(f"got {list(sizes)}")
        made = {}
        self.layers = nn.ModuleList(made.setdefault(pair, stack.Linear(*pair)) for pair in pairwise(sizes))
        self.activation = activation

    def forward(self, x):
        *hidden, last = self.layers
        for layer in hidden:
            x = self.activation(layer(x))
        return last(x)


@replaces("MLP")
class MLPWithoutBiases(_Layers):
    """The layers have no biases. Each linear layer is to have one."""

    def __init__(self, sizes, activation):
        super().__init__(sizes, activation)
        self.layers = nn.ModuleList(stack.Linear(a, b, bias=False) for a, b in pairwise(sizes))

    def forward(self, x):
        *hidden, last = self.layers
        for layer in hidden:
            x = self.activation(layer(x))
        return last(x)


@replaces("MLP")
class MLPBackwards(_Layers):
    """The sizes are read from the back: the first layer takes what the last one should give."""

    def __init__(self, sizes, activation):
        super().__init__(list(sizes)[::-1], activation)

    def forward(self, x):
        *hidden, last = self.layers
        for layer in hidden:
            x = self.activation(layer(x))
        return last(x)


@replaces("MLP")
class MLPOneLayerShort(_Layers):
    """A layer is missing: n sizes have n - 1 steps between them, and each is a layer, the last included."""

    def __init__(self, sizes, activation):
        super().__init__(sizes, activation)
        self.layers = nn.ModuleList(stack.Linear(a, b) for a, b in pairwise(sizes[:-1]))

    def forward(self, x):
        *hidden, last = self.layers
        for layer in hidden:
            x = self.activation(layer(x))
        return last(x)


@replaces("MLP")
class MLPAddsItsInput(stack.MLP):
    """Where sizes allow it, a layer's input is added to its output. That is a residual connection, which belongs to a later
    topic; here each layer only sees what the one before it gave."""

    def forward(self, x):
        *hidden, last = self.layers
        for layer in hidden:
            y = self.activation(layer(x))
            x = x + y if x.shape == y.shape else y
        return last(x)


@replaces("MLP")
class MLPEndsInShares(stack.MLP):
    """A softmax stands at the end. What comes out should be logits: losses take those, and compute the logarithm of the softmax
    themselves without losing digits."""

    def forward(self, x):
        return torch.softmax(super().forward(x), dim=-1)


@replaces("MLP")
class MLPWithoutGradients(stack.MLP):
    """The values are right, but nothing is recorded for the backward pass, so that no parameter gets a gradient: no_grad is
    for using a network, not for training it."""

    def forward(self, x):
        with torch.no_grad():
            return super().forward(x)


@replaces("MLP")
class MLPCutsBetweenItsLayers(stack.MLP):
    """The last layer gets its gradients and the ones before it get none: what passes between them was detached."""

    def forward(self, x):
        *hidden, last = self.layers
        for layer in hidden:
            x = self.activation(layer(x))
        return last(x.detach())


@replaces("MLP")
class MLPBeginsAsPyTorchs(stack.MLP):
    """The weights begin as those of PyTorch's own linear layer, which are smaller than those of yours: uniform, with one sixth
    of the variance. Over several layers the signal dies out."""

    def __init__(self, sizes, activation):
        super().__init__(sizes, activation)
        for layer in self.layers:
            bound = layer.weight.shape[1] ** -0.5
            nn.init.uniform_(layer.weight, -bound, bound)


@replaces("MLP")
class MLPBiasesBeginAtRandom(stack.MLP):
    """The biases begin with random numbers, as those of PyTorch's own linear layer do. They begin at zero."""

    def __init__(self, sizes, activation):
        super().__init__(sizes, activation)
        for layer in self.layers:
            nn.init.normal_(layer.bias, 0.0, 0.1)


@replaces("MLP")
class MLPOfAnything(nn.Module):
    """Fewer than two sizes make a network without any layer, which gives back its input. Refuse that with a ValueError: it is a
    mistake of the caller's."""

    def __init__(self, sizes, activation):
        super().__init__()
        self.layers = nn.ModuleList(stack.Linear(a, b) for a, b in pairwise(sizes))
        self.activation = activation

    def forward(self, x):
        for number, layer in enumerate(self.layers):
            x = layer(x if number == 0 else self.activation(x))
        return x


@replaces("silu")
def silu_gradient_overflows_in_half_precision(x):
    """The exponential was kept finite for float32 only: float16 ends at 65 504, which is the exponential of 11, and beyond
    that the backward pass multiplies infinity by zero. A bound on x has to fit the dtype; better a form that takes
    exponentials of negative numbers only."""
    return x / (1 + torch.exp(-x.clamp(min=-80)))


@replaces("softmax")
def softmax_overflows_in_half_precision(x, dim=-1):
    """In half precision the largest entry was not subtracted, because float32 was thought to be wide enough for what
    float16 can hold. Its exponentials end at entries of 88."""
    if x.dtype not in (torch.float16, torch.bfloat16):
        return stack.softmax(x, dim)
    shares = torch.exp(x.float())
    return (shares / shares.sum(dim=dim, keepdim=True)).to(x.dtype)


@replaces("softmax")
def softmax_hides_not_a_number(x, dim=-1):
    """The values are right, but where an entry is minus infinity the backward pass meets the slope of a logarithm at 0:
    what torch.where hides in the result comes back as NaN in the gradient."""
    shares = stack.softmax(x, dim)
    return torch.where(shares == 0, 0.0, torch.exp(torch.log(shares)))


@replaces("kaiming_init")
@torch.no_grad()
def init_fills_a_copy(weight, generator):
    """Right for a weight that lies in one piece of memory. Where it does not (a transposed tensor, a part of another), reshape
    or flatten makes a copy, and it is the copy that was filled."""
    _two_at_least(weight)
    weight.reshape(-1).normal_(0.0, (2.0 / weight[0].numel()) ** 0.5, generator=generator)
    return weight


@replaces("kaiming_init")
def init_swaps_the_data(weight, generator):
    """The weight was given other memory (weight.data = ...) rather than other numbers. Whoever shares the old memory (the
    tensor that the weight is a part of) keeps the old numbers."""
    _two_at_least(weight)
    std = (2.0 / weight[0].numel()) ** 0.5
    weight.data = (torch.randn(weight.shape, generator=generator) * std).to(weight.dtype)
    return weight


@replaces("kaiming_init")
@torch.no_grad()
def init_truncated(weight, generator):
    """The normal numbers were cut off at two spreads, as some libraries do. He's are not cut, and with the ends missing the
    variance is smaller than 2 / fan_in, too."""
    _two_at_least(weight)
    std = (2.0 / weight[0].numel()) ** 0.5
    return nn.init.trunc_normal_(weight, 0.0, std / 0.87962566, -2.0 * std, 2.0 * std, generator=generator)


@replaces("Linear")
class LinearSeedsTheSource(stack.Linear):
    """All layers of one size begin with the same weights: the random source was seeded when the layer was made, or a
    generator with a fixed seed was used. Pass None, and leave the seeding to the one who trains."""

    def __init__(self, in_features, out_features, bias=True):
        super().__init__(in_features, out_features, bias)
        stack.kaiming_init(self.weight, torch.Generator().manual_seed(0))


@replaces("MLP")
class MLPSeedsTheSource(stack.MLP):
    """Every network of the same sizes begins with the same weights: the random source was seeded when it was made. That is
    for the one who trains to do, once."""

    def __init__(self, sizes, activation):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            super().__init__(sizes, activation)
