"""Wrong implementations that learners write. The name is the misconception, the docstring the hint."""

import torch
from torch.nn import functional

from groundup.authoring import replaces
from groundup.stack.transformer import feed_forward, swiglu


def _silu(gate):
    return functional.silu(gate)


# ── feed_forward ──


@replaces("feed_forward")
def nothing_bent(x, w_in, w_out):
    """The two matrices are multiplied one after the other with nothing between them. That is the same as a single matrix of
    shape (dim, dim): without the ReLU the wide middle has no use."""
    return x @ w_in @ w_out


@replaces("feed_forward")
def bent_at_the_end(x, w_in, w_out):
    """The ReLU comes after the second matrix. It belongs between the two; at the end it would only forbid the layer to write
    negative numbers, and the two matrices would collapse into one."""
    return torch.relu(x @ w_in @ w_out)


@replaces("feed_forward")
def bent_twice(x, w_in, w_out):
    """There is a second ReLU after the last matrix. What this layer writes is added to a vector, and has to be able to
    subtract as well: the second matrix is the end."""
    return torch.relu(feed_forward(x, w_in, w_out))


@replaces("feed_forward")
def bent_at_the_beginning(x, w_in, w_out):
    """The ReLU is applied to x itself. Negative entries of x are lost before anything has looked at them, and behind it two
    matrices follow each other with nothing between them."""
    return torch.relu(x) @ w_in @ w_out


@replaces("feed_forward")
def gelu_for_relu(x, w_in, w_out):
    """The hidden entries go through GELU. GPT-2 and BERT do that; here it is the first Transformer's ReLU, which gives exactly
    0 for negative entries."""
    return functional.gelu(x @ w_in) @ w_out


@replaces("feed_forward")
def silu_for_relu(x, w_in, w_out):
    """The hidden entries go through SiLU. That is for the gate of swiglu; here it is a ReLU."""
    return _silu(x @ w_in) @ w_out


@replaces("feed_forward")
def leaky_for_relu(x, w_in, w_out):
    """A little of the negative entries comes through. ReLU sets them to exactly 0."""
    return functional.leaky_relu(x @ w_in) @ w_out


@replaces("feed_forward")
def capped_at_six(x, w_in, w_out):
    """Large hidden entries are cut off at 6: that is relu6, made for small image networks. ReLU has no upper end."""
    return functional.relu6(x @ w_in) @ w_out


@replaces("feed_forward")
def negative_entries_kept(x, w_in, w_out):
    """The positive hidden entries are set to 0 and the negative ones kept: the ReLU is the wrong way round."""
    return (x @ w_in).clamp(max=0) @ w_out


@replaces("feed_forward")
def absolute_for_relu(x, w_in, w_out):
    """Negative hidden entries change their sign, where they should become 0."""
    return (x @ w_in).abs() @ w_out


@replaces("feed_forward")
def on_or_off(x, w_in, w_out):
    """A unit gives 1 where its entry is positive and 0 elsewhere. With ReLU it gives the entry itself, and so has a slope
    that gradients can follow."""
    hidden = x @ w_in
    return (hidden > 0).to(x.dtype) @ w_out


@replaces("feed_forward")
def softmax_for_relu(x, w_in, w_out):
    """The hidden entries of a position share out a sum of 1: a softmax. That is attention's; here each unit speaks for
    itself."""
    return torch.softmax(x @ w_in, dim=-1) @ w_out


@replaces("feed_forward")
def residual_added(x, w_in, w_out):
    """x was added to the result. The residual connection is the block's business, around this layer."""
    return x + feed_forward(x, w_in, w_out)


@replaces("feed_forward")
def normalized_first(x, w_in, w_out):
    """x was normalized first. The norm is the block's business too; this layer takes x as it is."""
    return feed_forward(functional.layer_norm(x, x.shape[-1:]), w_in, w_out)


@replaces("feed_forward")
def weights_as_out_in(x, w_in, w_out):
    """The weights are taken for (out, in), as PyTorch's Linear stores them and functional.linear wants them. Here they are
    (in, out), and are not transposed."""
    return functional.linear(torch.relu(functional.linear(x, w_in)), w_out)


@replaces("feed_forward")
def two_batch_dimensions_expected(x, w_in, w_out):
    """This works for x of three dimensions only. There may be one, two or four: the last is dim, whatever stands before
    it."""
    return torch.einsum("bnh,hd->bnd", torch.relu(torch.einsum("bnd,dh->bnh", x, w_in)), w_out)


@replaces("feed_forward")
def shape_not_brought_back(x, w_in, w_out):
    """The numbers are right, but the positions of all texts stand in one long list. The result has the shape of x."""
    return feed_forward(x.reshape(-1, x.shape[-1]), w_in, w_out)


@replaces("feed_forward")
def mean_over_units(x, w_in, w_out):
    """The result is divided by the number of hidden units. The contributions of the units are summed, not averaged; the size
    of the weights takes care of the rest."""
    return feed_forward(x, w_in, w_out) / w_in.shape[-1]


@replaces("feed_forward")
def positions_summed(x, w_in, w_out):
    """Positions got mixed: something of the neighbors is in each result. This layer works on each position alone; exchange
    between positions is what attention is for."""
    if x.dim() == 1:
        return feed_forward(x, w_in, w_out)
    hidden = torch.relu(x @ w_in)
    return (hidden + hidden.mean(dim=-2, keepdim=True)) @ w_out


@replaces("feed_forward")
def hidden_cut_off(x, w_in, w_out):
    """The values are right, but the hidden entries were cut off from the graph (by detach, data or no_grad). No gradient
    reaches x and the first matrix, which would never learn."""
    return torch.relu(x @ w_in).detach() @ w_out


@replaces("feed_forward")
def bent_in_place(x, w_in, w_out):
    """Something was written into the x that was passed in. The residual connection still needs it as it was."""
    result = feed_forward(x, w_in, w_out)
    if not x.requires_grad:
        x.relu_()
    return result


@replaces("feed_forward")
def feed_forward_in_float32(x, w_in, w_out):
    """The result is float32 whatever came in. It should have the dtype of x."""
    return feed_forward(x.float(), w_in.float(), w_out.float())


@replaces("feed_forward")
def feed_forward_through_float32(x, w_in, w_out):
    """The dtype is right but the digits are not: float64 went through float32 on the way and lost half of them."""
    return feed_forward(x.float(), w_in.float(), w_out.float()).to(x.dtype)


# ── swiglu ──


@replaces("swiglu")
def gate_and_up_exchanged(x, w_gate, w_up, w_down):
    """SiLU is applied to what w_up makes. It belongs on the branch of w_gate, the first of the three weights. A checkpoint read
    like that gives no error, only nonsense."""
    return (x @ w_gate * _silu(x @ w_up)) @ w_down


@replaces("swiglu")
def sigmoid_gate(x, w_gate, w_up, w_down):
    """The gate goes through the logistic function alone. That is the older GLU, whose gate lies between 0 and 1; SiLU also
    multiplies by the entry itself."""
    return (torch.sigmoid(x @ w_gate) * (x @ w_up)) @ w_down


@replaces("swiglu")
def gelu_gate(x, w_gate, w_up, w_down):
    """The gate goes through GELU: that is GEGLU, which Gemma uses. The curves look alike, the numbers are not the same: here
    it is SiLU."""
    return (functional.gelu(x @ w_gate) * (x @ w_up)) @ w_down


@replaces("swiglu")
def quick_gelu_gate(x, w_gate, w_up, w_down):
    """Inside the logistic function the gate is multiplied by 1.702. That is an approximation of GELU; SiLU has the gate as it
    is."""
    gate = x @ w_gate
    return (gate * torch.sigmoid(1.702 * gate) * (x @ w_up)) @ w_down


@replaces("swiglu")
def relu_gate(x, w_gate, w_up, w_down):
    """The gate goes through ReLU: that is ReGLU. SiLU is smooth, and a little below 0 for negative entries."""
    return (torch.relu(x @ w_gate) * (x @ w_up)) @ w_down


@replaces("swiglu")
def tanh_gate(x, w_gate, w_up, w_down):
    """The gate goes through tanh. SiLU is the entry times the logistic function, and has no upper end."""
    return (torch.tanh(x @ w_gate) * (x @ w_up)) @ w_down


@replaces("swiglu")
def softmax_gate(x, w_gate, w_up, w_down):
    """The gates of a position share out a sum of 1. Each gate is for its own unit and knows nothing of the others."""
    return (torch.softmax(x @ w_gate, dim=-1) * (x @ w_up)) @ w_down


@replaces("swiglu")
def bare_gate(x, w_gate, w_up, w_down):
    """The two branches are multiplied as they are: SiLU is missing on the gate."""
    return (x @ w_gate * (x @ w_up)) @ w_down


@replaces("swiglu")
def both_branches_bent(x, w_gate, w_up, w_down):
    """SiLU is applied to both branches. The up branch stays linear: it carries the content, with either sign."""
    return (_silu(x @ w_gate) * _silu(x @ w_up)) @ w_down


@replaces("swiglu")
def product_bent(x, w_gate, w_up, w_down):
    """SiLU is applied to the product of the two branches. It belongs on the gate, before the product."""
    return _silu(x @ w_gate * (x @ w_up)) @ w_down


@replaces("swiglu")
def branches_added(x, w_gate, w_up, w_down):
    """The two branches are added. A gate multiplies: where it is 0 nothing may come through."""
    return (_silu(x @ w_gate) + x @ w_up) @ w_down


@replaces("swiglu")
def branches_multiplied_as_matrices(x, w_gate, w_up, w_down):
    """The two branches are multiplied as matrices. The product is entry by entry: each unit has a gate of its own."""
    gate, up = _silu(x @ w_gate), x @ w_up
    return gate @ up.transpose(-2, -1) @ up @ w_down


@replaces("swiglu")
def gate_alone(x, w_gate, w_up, w_down):
    """The up branch plays no part: this is a plain layer with SiLU in the middle."""
    return _silu(x @ w_gate) @ w_down


@replaces("swiglu")
def up_alone(x, w_gate, w_up, w_down):
    """The gate plays no part: what goes up comes down again unchanged, as through a single matrix."""
    return (x @ w_up) @ w_down


@replaces("swiglu")
def gate_on_the_way_down(x, w_gate, w_up, w_down):
    """SiLU is applied once more, to the result. The last matrix is the end."""
    return _silu(swiglu(x, w_gate, w_up, w_down))


@replaces("swiglu")
def one_minus_gate(x, w_gate, w_up, w_down):
    """The gate is the wrong way round: large entries close it and negative ones open it."""
    gate = x @ w_gate
    return (gate * torch.sigmoid(-gate) * (x @ w_up)) @ w_down


@replaces("swiglu")
def exponential_on_both_sides(x, w_gate, w_up, w_down):
    """Right for ordinary entries. The logistic function was written as the exponential over 1 plus the exponential: from 89 on
    both are infinite in float32, and their quotient is not a number."""
    grown = torch.exp(x @ w_gate)
    return (x @ w_gate * grown / (1 + grown) * (x @ w_up)) @ w_down


@replaces("swiglu")
def exponential_below(x, w_gate, w_up, w_down):
    """The values are right, but for gates below -88 or so the gradient is not a number: the exponential of the negative gate is
    infinite there. Division by infinity still gives the right 0; its derivative is infinity over infinity. PyTorch's own
    functions take care of that."""
    gate = x @ w_gate
    return (gate / (1 + torch.exp(-gate)) * (x @ w_up)) @ w_down


@replaces("swiglu")
def swiglu_with_residual(x, w_gate, w_up, w_down):
    """The result still holds x. Adding it back is the block's business, around this layer."""
    return x + swiglu(x, w_gate, w_up, w_down)


@replaces("swiglu")
def swiglu_of_normalized(x, w_gate, w_up, w_down):
    """x was normalized first. The norm is the block's business; this layer takes x as it is."""
    return swiglu(functional.rms_norm(x, x.shape[-1:]), w_gate, w_up, w_down)


@replaces("swiglu")
def swiglu_weights_as_out_in(x, w_gate, w_up, w_down):
    """The weights are taken for (out, in), as PyTorch's Linear stores them. Here they are (in, out), and are not
    transposed."""
    return functional.linear(_silu(functional.linear(x, w_gate)) * functional.linear(x, w_up), w_down)


@replaces("swiglu")
def swiglu_of_three_dimensions(x, w_gate, w_up, w_down):
    """Only x of three dimensions is accepted. A single vector, a single text, or a batch with more dimensions in front must do as
    well: only the last dimension matters here."""
    gate, up = torch.einsum("bnd,dh->bnh", x, w_gate), torch.einsum("bnd,dh->bnh", x, w_up)
    return torch.einsum("bnh,hd->bnd", _silu(gate) * up, w_down)


@replaces("swiglu")
def gate_cut_off(x, w_gate, w_up, w_down):
    """The values are right, but the gate was cut off from the graph (by detach, data or no_grad): its matrix gets no gradient
    and would never learn."""
    return (_silu(x @ w_gate).detach() * (x @ w_up)) @ w_down


@replaces("swiglu")
def swiglu_in_float32(x, w_gate, w_up, w_down):
    """The product comes back in float32 whatever came in. It should have the dtype of x and of the weights."""
    return swiglu(x.float(), w_gate.float(), w_up.float(), w_down.float())


@replaces("swiglu")
def swiglu_through_float32(x, w_gate, w_up, w_down):
    """The dtype is that of x, but in float64 half of the digits are wrong: something on the way was taken to float32."""
    return swiglu(x.float(), w_gate.float(), w_up.float(), w_down.float()).to(x.dtype)
