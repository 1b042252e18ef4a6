"""The feed-forward layer of a Transformer block, in its first form and in today's.

Two functions, each a line or two of PyTorch. The conventions hold for both:

- x has shape (..., dim): one vector of dim numbers for each position of each text. There may be no dimension before the
  last, one or several. Each position is worked on alone, and all of them with the same weights.
- Weights are (in, out): they are multiplied from the right, without a transpose. hidden may be larger or smaller than
  dim. There are no biases.
- Neither a residual connection nor a norm is part of these functions; the block puts them around.
- Any floating dtype: float64, float32, bfloat16, float16, the same for x and all weights; the result has it too. (In half
  precision it may be computed in half precision or in float32: both are accepted.)
- Tensors need not be contiguous. Inputs are not changed. Gradients flow through to x and to every weight.

Nothing is switched off here. relu and silu are the subject of an earlier topic: take PyTorch's, or your own, with
`from mine.pytorch.layers import relu, silu`.
"""


def feed_forward(x, w_in, w_out):
    """Each vector is widened by w_in, its negative entries are set to 0 (ReLU), and it is brought back by w_out.

    x: (..., dim), w_in: (dim, hidden), w_out: (hidden, dim). Returns (..., dim).

        x = tensor([1., 2.])
        w_in = tensor([[1.,  0., 2.],
                       [1., -1., 0.]])                              # hidden before the ReLU: 3, -2, 2
        w_out = tensor([[1., 10.], [5., 5.], [0., 1.]])
        feed_forward(x, w_in, w_out)                                -> tensor([ 3., 32.])
    """
    raise NotImplementedError


def swiglu(x, w_gate, w_up, w_down):
    """Each vector is widened twice, by w_gate and by w_up; the first result goes through SiLU and multiplies the second,
    entry by entry; the product is brought back by w_down.

    x: (..., dim), w_gate and w_up: (dim, hidden), w_down: (hidden, dim). Returns (..., dim).
    SiLU of g is g times the logistic function of g. In float32 and float64 the entries before it may be as large as 1000 or
    -1000: the result is finite then, and so are the gradients.

        x = tensor([1., 2.])
        w_gate = tensor([[2., 0., 0.],
                         [0., 0., -1.]])                            # gate: 2, 0, -2, after SiLU: 1.7616, 0, -0.2384
        w_up = tensor([[1., 7., 0.],
                       [1., 7., 5.]])                               # up: 3, 21, 10
        w_down = tensor([[1., 0.], [1., 1.], [0., 1.]])
        swiglu(x, w_gate, w_up, w_down)                             -> tensor([ 5.2848, -2.3841])
    """
    raise NotImplementedError
