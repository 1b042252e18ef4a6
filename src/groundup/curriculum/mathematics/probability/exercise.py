"""Probability on tables: conditioning, the law of total probability, Bayes' rule.

Three functions, each a few lines of PyTorch. The conventions hold for all of them:

- Probabilities are tensors of floating dtype, float32 or float64, with entries of at least 0. Nobody has to check that,
  nor that they add up to 1. The result has the dtype of the inputs.
- Entries may be exactly 0: that outcome, or that hypothesis, is impossible. What has probability 0 cannot be
  conditioned on; where it is asked for, the answer is zeros, never NaN.
- Entries may be tiny, such as 1e-30 in float32, and must still come out right, with the relative precision of the dtype.
- Tensors need not be contiguous. Inputs are not changed. Gradients flow through to all of them; they are right with
  respect to positive entries, and finite with respect to entries of exactly 0.

In `total_probability` and `bayes`:

- prior has shape (..., h): one probability for each of h hypotheses.
- likelihood has shape (..., h, n): row i is the distribution of an outcome, one of n, if hypothesis i holds.
- The dimensions written ... are batch dimensions. There may be none, one or several, and those of the two arguments
  broadcast as everywhere in PyTorch: a prior of (5, 1, h) with a likelihood of (2, h, n) gives a batch of (5, 2).
- Where the two numbers of hypotheses differ, raise a ValueError with both shapes in its message. That includes one
  hypothesis against several, which PyTorch would stretch without a word.
"""


def conditional(joint, given_axis):
    """The distribution of all other variables, given the value of the variable on the axis `given_axis`.

    joint: a table with one axis for each variable, at least one axis, no batch dimensions. Its entries are probabilities
    or counts: only their proportions matter, so they need not add up to 1. Integers (counts) are taken as
    torch.get_default_dtype(), which is float32.
    given_axis: a whole number; as everywhere in PyTorch, negative numbers count from the last axis.
    Returns a tensor of the same shape. For each value on given_axis the entries over all the other axes add up to 1; where
    that value has probability 0 they are all 0. (The sums of the entries fit into the dtype.)
    Where joint has no axis of that number, raises an IndexError.

        joint = tensor([[0.10, 0.30, 0.10],
                        [0.25, 0.25, 0.00]])
        conditional(joint, 0)     -> tensor([[0.2000, 0.6000, 0.2000],      # each row adds up to 1
                                             [0.5000, 0.5000, 0.0000]])
        conditional(joint, 1)     -> tensor([[0.2857, 0.5455, 1.0000],      # each column adds up to 1
                                             [0.7143, 0.4545, 0.0000]])
    """
    raise NotImplementedError


def total_probability(prior, likelihood):
    """The probability of each outcome when it is not known which hypothesis holds.

    prior: (..., h), likelihood: (..., h, n). Returns (..., n).

        prior = tensor([0.75, 0.25])
        likelihood = tensor([[0.2, 0.3, 0.5],
                             [0.6, 0.4, 0.0]])
        total_probability(prior, likelihood)      -> tensor([0.3000, 0.3250, 0.3750])
    """
    raise NotImplementedError


def bayes(prior, likelihood, observed):
    """The posterior: the probability of each hypothesis once something was observed.

    prior: (..., h); it need not add up to 1, only its proportions matter. likelihood: (..., h, n).
    observed: what was seen, as numbers of outcomes from 0 to n - 1: a Python int for one outcome, or an int64 tensor of
    shape (m,) for m of them. Several are independent of each other under each hypothesis; the same outcome may be among
    them more than once, and each time counts. m may be 0: then nothing was learned, and the batch dimensions of the two
    broadcast as ever. There may be thousands of them: that their product is no number of the dtype, or was none for a
    while, must not matter.
    All of a batch share what was observed. Returns (..., h), which adds up to 1; zeros where no hypothesis allows what
    was observed.

        prior = tensor([0.75, 0.25])
        likelihood = tensor([[0.2, 0.3, 0.5],
                             [0.6, 0.4, 0.0]])
        bayes(prior, likelihood, 0)                     -> tensor([0.5000, 0.5000])
        bayes(prior, likelihood, tensor([0, 1, 0]))     -> tensor([0.2000, 0.8000])
        bayes(prior, likelihood, tensor([1, 2]))        -> tensor([1., 0.])
    """
    raise NotImplementedError
