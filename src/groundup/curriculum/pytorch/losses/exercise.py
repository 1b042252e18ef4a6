"""Three losses: the mean squared error, the cross-entropy of classes, and that of yes-or-no questions.

Each is a function of a few lines that returns one number for gradients to make smaller. The conventions hold for all of
them:

- The result is a tensor without dimensions (shape ()), a mean, in the dtype of the first argument. Any floating dtype:
  float64, float32, bfloat16, float16.
- The first argument and the second are of the shapes given; where they are not, a ValueError is raised. Nothing is broadcast.
- Tensors need not be contiguous. Inputs are not changed. Gradients flow through, and are never NaN.
- Classes and yes-or-no questions come as logits: any numbers, before the softmax or the logistic function. They may be as
  large as 10 000 or -10 000: result and gradients are finite, and right.

The calls of PyTorch that are these losses themselves (torch.nn.functional.cross_entropy, nll_loss, mse_loss,
binary_cross_entropy, with and without logits, and the modules that call them) are switched off here. log_softmax,
logsumexp, logsigmoid and gather are not.
"""


def mse_loss(prediction, target):
    """The mean of the squared differences, over all entries.

    prediction and target: one shape, any. Gradients flow to both. (n, 1) against (n,) is a ValueError.

        mse_loss(tensor([1.0, 2.0]), tensor([1.0, 5.0]))                        -> 4.5
    """
    raise NotImplementedError


def cross_entropy(logits, targets, ignore_index=-100, label_smoothing=0.0):
    """The mean of minus the logarithm of the share that the softmax gives to the right class.

    logits: (..., classes): the classes are the last dimension. targets: (...), int64, a class from 0 to classes - 1 for each
    place, or ignore_index. There may be no dimension ..., one or several. Natural logarithms.
    ignore_index: places with this target do not count, neither in the sum nor in the number that it is divided by, and get a
    gradient of zero. It may be any number: negative, or one of the classes. Where all places are ignored the loss is 0, with
    gradients of zero.
    label_smoothing: with s, the aim at each place is not 1 for the right class and 0 for the others, but 1 - s for the right
    one, and s spread evenly over all classes, the right one included. The loss is minus the sum of aims times logarithms.
    Without smoothing, classes other than the right one may have logits of minus infinity.
    In bfloat16 and float16 the places are added up in float32: their sum may be more than 65 504, where float16 ends.

        logits = tensor([[2.0, 1.0, 0.0], [0.0, 0.0, 0.0]])                     # shares .665 .245 .090 and .333 .333 .333
        cross_entropy(logits, tensor([0, 2]))                                   -> 0.7531    (0.4076 + 1.0986) / 2
        cross_entropy(logits, tensor([0, -100]))                                -> 0.4076
        cross_entropy(logits, tensor([0, 2]), label_smoothing=0.3)              -> 0.9031
    """
    raise NotImplementedError


def binary_cross_entropy(logits, targets):
    """The mean over all entries of -(t log p + (1 - t) log(1 - p)), where p is the logistic function of the logit.

    logits and targets: one shape, any, and one dtype; targets lie between 0 and 1, and need not be 0 or 1. Each entry is a
    question of its own. Logits of exactly 0 have the same gradient as their neighbors. In float16 the sum of the terms may be
    more than 65 504, where float16 ends: the mean is finite all the same (mean() adds up in float32 by itself).

        binary_cross_entropy(tensor([0.0, 2.0, 2.0]), tensor([1.0, 1.0, 0.0]))  -> 0.9823    (0.6931 + 0.1269 + 2.1269) / 3
    """
    raise NotImplementedError
