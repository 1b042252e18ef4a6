"""Entropy, cross-entropy, KL divergence and perplexity: how much surprise there is, and how much of it is needless.

Four functions, each a few lines of PyTorch. The conventions hold for all of them:

- All logarithms are natural ones; the results are in nats. (Bits are nats divided by log 2.)
- p and q are distributions over n outcomes along the last dimension of a tensor (..., n): entries of at least 0 that add up
  to 1. Nobody has to check that. The dimensions written ... are batch dimensions, none, one or several, and those of p and q
  broadcast as everywhere in PyTorch: p of (5, 1, n) with q of (2, n) gives results of (5, 2).
- An outcome with p = 0 contributes nothing, whatever q is there: 0 log 0 = 0. An outcome with p > 0 and q = 0 makes the
  result infinite: it was thought impossible, and it happens.
- q may be as small as 1e-30 in float32, and must not be replaced by a larger number.
- float32 or float64; p and q share their dtype, and the result has it, too. Tensors need not be contiguous. Inputs are
  not changed.
- Gradients flow through to p and q where the result is finite: right with respect to positive entries, and finite with
  respect to entries of exactly 0.
- Where p and q have different n, raise a ValueError with both shapes in its message. That includes one outcome against
  several, which PyTorch would stretch without a word.

PyTorch's own functions for these are switched off here.
"""


def entropy(p):
    """The entropy of p: the mean surprise -log p of what happens, each outcome weighted with its probability.

    p: (..., n). Returns (...).

        entropy(tensor([0.5, 0.25, 0.25]))             -> tensor(1.0397)       # 1.5 · log 2
        entropy(tensor([[0.5, 0.5], [1.0, 0.0]]))      -> tensor([0.6931, 0.0000])
    """
    raise NotImplementedError


def cross_entropy_of(p, q):
    """The cross-entropy: the mean surprise -log q of somebody who believes q, while p is what happens.

    p, q: (..., n). Returns (...).

        p = tensor([0.5, 0.5, 0.0])
        cross_entropy_of(p, tensor([0.25, 0.5, 0.25]))     -> tensor(1.0397)
        cross_entropy_of(p, tensor([0.5, 0.5, 0.0]))       -> tensor(0.6931)
        cross_entropy_of(p, tensor([1.0, 0.0, 0.0]))       -> tensor(inf)
    """
    raise NotImplementedError


def kl_divergence(p, q):
    """The Kullback-Leibler divergence KL(p || q): how much of that surprise is there only because q is not p.

    p, q: (..., n). Returns (...): 0 where p and q are equal, otherwise larger (up to rounding).

        p = tensor([0.5, 0.5, 0.0])
        kl_divergence(p, tensor([0.25, 0.5, 0.25]))     -> tensor(0.3466)
        kl_divergence(p, p)                             -> tensor(0.)
        kl_divergence(tensor([0.25, 0.5, 0.25]), p)     -> tensor(inf)
    """
    raise NotImplementedError


def perplexity(token_log_probabilities):
    """The perplexity of a model on a text: exp of the mean surprise over all its tokens.

    token_log_probabilities: a tensor of any shape: the natural logarithms of the probabilities that the model gave to the
    tokens that came. It may have any number of dimensions; all tokens count alike, to whichever text of a batch they belong.
    float16 and bfloat16 are taken as float32. Returns a 0-d tensor, float64 for float64 and float32 otherwise.
    A token with -inf makes the result infinite. Raises a ValueError where there is no token at all. A text may have 100,000
    tokens.

        perplexity(tensor([0.5, 0.25, 0.125]).log())       -> tensor(4.)       # as unsure as among 4 equally likely tokens
        perplexity(tensor([[-1.0, -2.0], [0.0, -1.0]]))    -> tensor(2.7183)
    """
    raise NotImplementedError
