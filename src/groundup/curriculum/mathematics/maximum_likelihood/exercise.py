"""Maximum likelihood: choose the parameters under which what was seen would have been most probable.

Three functions. Tensors are float32 or float64 unless something else is said, need not be contiguous, and are not changed.
All logarithms are natural ones.
"""


def fit_normal(x):
    """The mean and the standard deviation of the normal distribution under which these samples are most probable.

    x: (..., n), independent samples along the last dimension, one at least; the dimensions written ... are batch dimensions: each
    row has a fit of its own. Returns two tensors (mean, std), each (...), in the dtype of x.
    The standard deviation is the most likely one, with the divisor n. It is not the one with n - 1, which corrects its bias. Where all
    samples of a row are equal it is 0.
    Digits must not be lost where samples are large beside their spread, such as a million beside 1.
    Gradients reach x (in these exercises not where a row is constant).
    Raises a ValueError where n is 0.

        fit_normal(tensor([1.0, 3.0, 5.0]))                    -> (tensor(3.), tensor(1.6330))       # the root of 8 / 3
        fit_normal(tensor([[2.0, 4.0], [7.0, 7.0]]))           -> (tensor([3., 7.]), tensor([1., 0.]))
    """
    raise NotImplementedError


def negative_log_likelihood(log_probabilities):
    """Minus the logarithm of the probability that all the observations come together, if they are independent.

    log_probabilities: (..., n): along the last dimension, the logarithm of the probability (or of the density, so it may be
    positive) of each of n observations. Returns (...): one number for each row, for all its n observations together, not for one
    of them on average.
    float16 and bfloat16 are added up in, and returned as, float32; otherwise the dtype stays. -inf makes a row infinite. No
    observation at all (n = 0) is certain: 0. There may be thousands, so that the probability itself fits into no dtype.
    Gradients reach log_probabilities.

        negative_log_likelihood(tensor([0.5, 0.25, 0.25]).log())         -> tensor(3.4657)           # -log(1/32)
        negative_log_likelihood(tensor([[-1.0, -2.0], [0.5, -inf]]))     -> tensor([3., inf])
    """
    raise NotImplementedError


def fit_logistic(x, y, steps=100):
    """Logistic regression: the weights and the bias under which the labels are most probable. No penalty is added.

    The chance that a row of x has the label 1 is sigmoid(row · w + b), with sigmoid(s) = 1 / (1 + exp(-s)).

    x: (n, d), one sample in each row. y: (n,), labels 0 and 1, as floats, whole numbers or booleans.
    Returns two tensors (w, b), of the shapes (d,) and (), in the dtype of x.

    Begin with w and b of zeros, and take at most `steps` steps (fewer where it has arrived; none for steps = 0). Each step may look at
    all samples. The method is yours, as long as 100 steps arrive, where the most likely w and b exist: the mean of
    -log(chance of the label that is there), over the samples, has to be within 1e-8 of the smallest possible one (within 1e-6 if
    x is float32). Newton's method needs about ten steps; plain gradient descent needs thousands. What it has to stand:

    - Columns of any size and any mean, such as one in the thousands beside one in thousandths.
    - A few samples far out. A whole Newton step may then lead too far, so that the labels become less probable than they were. Half of the
      step may do, or half of that, and so on, all within the one step.
    - Columns that repeat each other, or that are constant. Then many w are equally good; return any one of them.
    - Labels that can be separated: a plane has all the ones strictly on one side and all the zeros on the other, or there is only one
      kind. Then nothing is most likely, since ever larger weights are ever better. Return finite numbers by which the
      label of every sample has a chance of 0.95 or more.

    Raises a ValueError for any label that is neither 0 nor 1, if there are not as many labels as rows or no row, and for steps below 0.

        x = tensor([[0.], [0.], [0.], [1.], [1.], [1.], [1.]])
        y = tensor([0, 0, 1, 1, 1, 1, 0])
        fit_logistic(x, y)              -> (tensor([1.7918]), tensor(-0.6931))
        # one in three of the zeros is a 1: b = log(1/2).  Three in four of the ones: w + b = log(3)
    """
    raise NotImplementedError
