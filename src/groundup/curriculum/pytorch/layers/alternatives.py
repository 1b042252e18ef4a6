"""Right answers in other styles than the reference's: all of them must pass."""

import math

import torch
from torch import nn

from groundup.authoring import replaces
from groundup.stack.nn import Linear, kaiming_init

# ── relu ──


@replaces("relu")
def relu_by_where(x):
    return torch.where(x > 0, x, torch.zeros_like(x))


@replaces("relu")
def relu_by_a_mask(x):
    return x * (x > 0)


@replaces("relu")
def relu_by_the_greater(x):
    return torch.maximum(x, torch.zeros((), dtype=x.dtype))


@replaces("relu")
def relu_by_absolute_values(x):
    return (x + x.abs()) / 2


@replaces("relu")
def relu_in_place_on_a_copy(x):
    out = x.clone()
    out[out < 0] = 0
    return out


# ── gelu ──


@replaces("gelu")
def gelu_by_the_distribution(x):
    """PyTorch knows the normal distribution; half precision goes through float32."""
    wide = x if x.dtype == torch.float64 else x.float()
    return (wide * torch.special.ndtr(wide)).to(x.dtype)


@replaces("gelu")
def gelu_by_the_complement(x):
    return 0.5 * x * torch.special.erfc(-x * 0.5**0.5)


@replaces("gelu")
def gelu_by_torch_distributions(x):
    wide = x.double()
    return (wide * torch.distributions.Normal(0.0, 1.0).cdf(wide)).to(x.dtype)


@replaces("gelu")
def gelu_by_symmetry(x):
    """Half of x, and half of |x| erf(|x| / √2), which is even."""
    size = x.abs()
    return 0.5 * (x + size * torch.erf(size / math.sqrt(2)))


# ── silu ──


@replaces("silu")
def silu_by_tanh(x):
    return x * (0.5 + 0.5 * torch.tanh(x / 2))


@replaces("silu")
def silu_by_cases(x):
    """Only exponentials of numbers below zero."""
    small = torch.exp(-x.abs())
    return x * torch.where(x >= 0, 1 / (1 + small), small / (1 + small))


@replaces("silu")
def silu_by_the_logarithm(x):
    return x * torch.exp(nn.functional.logsigmoid(x))


@replaces("silu")
def silu_in_double(x):
    return torch.special.expit(x.double()).mul(x.double()).type_as(x)


# ── softmax ──


@replaces("softmax")
def softmax_by_logsumexp(x, dim=-1):
    return torch.exp(x - torch.logsumexp(x, dim=dim, keepdim=True))


@replaces("softmax")
def softmax_by_detached_maximum(x, dim=-1):
    top = x.detach().max(dim=dim, keepdim=True).values
    shares = (x - top).exp()
    return torch.div(shares, torch.sum(shares, dim, keepdim=True))


@replaces("softmax")
def softmax_along_the_last_dimension(x, dim=-1):
    """The dimension is brought to the end, and back."""
    moved = x.movedim(dim, -1)
    shares = torch.exp(moved - moved.max(dim=-1)[0].unsqueeze(-1))
    return (shares / shares.sum(-1)[..., None]).movedim(-1, dim)


@replaces("softmax")
def softmax_by_slices(x, dim=-1):
    """Entry by entry along the dimension, with a running maximum and a running sum."""
    slices = x.unbind(dim)
    top = slices[0].detach()
    for one in slices[1:]:
        top = torch.maximum(top, one.detach())
    shares = [torch.exp(one - top) for one in slices]
    total = sum(shares)
    return torch.stack([share / total for share in shares], dim=dim)


@replaces("softmax")
def softmax_in_double(x, dim=-1):
    wide = x.double()
    shares = (wide - wide.amax(dim, keepdim=True)).exp()
    return (shares / shares.sum(dim, keepdim=True)).to(x.dtype)


# ── kaiming_init ──


def _checked(weight):
    if weight.ndim < 2:
        raise ValueError("a vector has no fan_in")


@replaces("kaiming_init")
def init_by_copy(weight, generator):
    """Standard normal numbers, scaled and copied in."""
    _checked(weight)
    fan_in = weight[0].numel()
    with torch.no_grad():
        weight.copy_(torch.randn(weight.shape, generator=generator) * (2 / fan_in) ** 0.5)
    return weight


@replaces("kaiming_init")
def init_through_data(weight, generator):
    _checked(weight)
    fan_in = weight.numel() // weight.shape[0]
    weight.data.normal_(mean=0.0, std=math.sqrt(2) / math.sqrt(fan_in), generator=generator)
    return weight


@replaces("kaiming_init")
@torch.no_grad()
def init_row_by_row(weight, generator):
    _checked(weight)
    for row in weight:
        std = torch.tensor(2.0 / row.numel()).sqrt()
        row[...] = torch.normal(0.0, float(std), row.shape, generator=generator)
    return weight


@replaces("kaiming_init")
@torch.no_grad()
def init_by_box_and_muller(weight, generator):
    """Normal numbers out of uniform ones."""
    _checked(weight)
    fan_in = weight.flatten(1).shape[1]
    u, v = torch.rand(2, *weight.shape, generator=generator, dtype=torch.float64)
    radius = torch.sqrt(-2.0 * torch.log1p(-u))
    return weight.copy_(radius * torch.cos(2.0 * math.pi * v) * math.sqrt(2.0 / fan_in))


# ── Linear ──


class _Weights(nn.Module):
    """Parameters as they should be; what is done with them is a subclass's affair."""

    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_features, in_features) * (2 / in_features) ** 0.5)
        self.bias = nn.Parameter(torch.zeros(out_features)) if bias else None

    def check(self, x):
        if x.size(-1) != self.weight.size(1):
            raise ValueError(f"{x.size(-1)} inputs where {self.weight.size(1)} are needed")


@replaces("Linear")
class LinearByEinsum(_Weights):
    def forward(self, x):
        self.check(x)
        y = torch.einsum("...i,oi->...o", x, self.weight)
        return y if self.bias is None else y + self.bias


@replaces("Linear")
class LinearBySums(_Weights):
    """Each output's products with all inputs, summed."""

    def forward(self, x):
        self.check(x)
        y = (x.unsqueeze(-2) * self.weight).sum(dim=-1)
        return y + (0 if self.bias is None else self.bias)


@replaces("Linear")
class LinearOfRows(nn.Module):
    """The batch flattened to a matrix for addmm; the parameter registered by name."""

    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        self.in_features = in_features
        weight = kaiming_init(torch.zeros(out_features, in_features), None)
        self.register_parameter("weight", nn.Parameter(weight))
        self.register_parameter("bias", nn.Parameter(torch.zeros(out_features)) if bias else None)

    def forward(self, x):
        if x.shape[-1] != self.in_features:
            raise ValueError(f"got {tuple(x.shape)}")
        rows = x.reshape(-1, self.in_features)
        if self.bias is None:
            y = rows.mm(self.weight.t())
        else:
            y = torch.addmm(self.bias, rows, self.weight.t())
        return y.reshape(*x.shape[:-1], -1)


@replaces("Linear")
class LinearByColumns(_Weights):
    """Each input's column of the weight, stretched by that input, added up."""

    def forward(self, x):
        self.check(x)
        y = sum(x[..., i, None] * self.weight[:, i] for i in range(self.weight.shape[1]))
        if self.bias is not None:
            y = y + self.bias
        return y


# ── MLP ──


@replaces("MLP")
class MLPOfAList(nn.Module):
    def __init__(self, sizes, activation):
        super().__init__()
        if len(sizes) <= 1:
            raise ValueError("no layer")
        self.layers = nn.ModuleList([Linear(sizes[i], sizes[i + 1]) for i in range(len(sizes) - 1)])
        self.f = activation

    def forward(self, x):
        for i, layer in enumerate(self.layers):
            x = layer(x)
            if i < len(self.layers) - 1:
                x = self.f(x)
        return x


@replaces("MLP")
class MLPOfASequence(nn.Module):
    """A Sequential of linear layers alone has the same names."""

    def __init__(self, sizes, activation):
        super().__init__()
        if len(sizes) < 2:
            raise ValueError(f"sizes: {sizes}")
        self.layers = nn.Sequential(*(Linear(a, b) for a, b in zip(sizes[:-1], sizes[1:])))
        self.activation = activation

    def forward(self, x):
        x = self.layers[0](x)
        for layer in self.layers[1:]:
            x = layer(self.activation(x))
        return x


@replaces("MLP")
class MLPByRecursion(nn.Module):
    """The last layer of what the activation makes of the layers before it."""

    def __init__(self, sizes, activation):
        super().__init__()
        if not len(sizes) > 1:
            raise ValueError("an input and an output are needed")
        self.layers = nn.ModuleList()
        for into, out in zip(sizes, sizes[1:]):
            self.layers.append(Linear(into, out))
        self.bend = activation

    def upto(self, x, count):
        return self.layers[0](x) if count == 1 else self.layers[count - 1](self.bend(self.upto(x, count - 1)))

    def forward(self, x):
        return self.upto(x, len(self.layers))
