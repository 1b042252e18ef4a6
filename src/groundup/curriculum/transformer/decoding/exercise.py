"""Sampling: from the logits of a model to the next token, and the loop that writes.

Six functions, each a few lines of PyTorch. The conventions hold for the first five:

- logits has shape (..., vocab): one number for each token that may come next. There may be no dimension before the last, one
  or several; each row (last dimension) is treated by itself.
- The result has the shape and dtype of the logits. What is filtered out becomes -inf, so that its probability is exactly 0;
  what stays keeps its logit exactly as it was.
- Logits may hold -inf already, from another filter: it stays -inf. At least one in each row is finite.
- Any floating dtype: float64, float32, bfloat16, float16. Probabilities that are added up or compared are to be computed in
  float32 at least. Tensors need not be contiguous. Inputs are not changed.
- The probability of a token is the softmax of the row, at this token.
"""


def apply_temperature(logits, temperature):
    """The logits divided by the temperature: below 1 the probabilities move apart, above 1 they move together.

    Raises ValueError unless temperature is above 0 (so also for nan).

        apply_temperature(tensor([2., 0., -1.]), 0.5)           -> tensor([ 4.,  0., -2.])
    """
    raise NotImplementedError


def top_k(logits, k):
    """Only the k largest logits of each row stay.

    k: a whole number, perhaps larger than vocab: then all stay. Logits that equal the k-th largest stay as well, so that more
    than k may be left. Raises ValueError for k below 1.

        top_k(tensor([1., 4., 3., 2.]), 2)                      -> tensor([-inf, 4., 3., -inf])
        top_k(tensor([1., 4., 3., 3.]), 2)                      -> tensor([-inf, 4., 3., 3.])
    """
    raise NotImplementedError


def top_p(logits, p):
    """The most probable tokens stay, as few as have the probability p (or more) together.

    So the token with which the sum crosses p stays, and the most probable one always does. All stay for p = 1, whatever the
    rounding of sums says. Which of several equally probable tokens stay is left open. Raises ValueError unless 0 < p <= 1.

        logits = tensor([0.15, 0.5, 0.1, 0.25]).log()           # probabilities 0.15, 0.5, 0.1 and 0.25
        top_p(logits, 0.6)                                      -> tensor([-inf, -0.6931, -inf, -1.3863])
        top_p(logits, 0.4)                                      -> tensor([-inf, -0.6931, -inf, -inf])
    """
    raise NotImplementedError


def min_p(logits, p):
    """The tokens that are at least p times as probable as the most probable one of their row stay.

    All stay for p = 0; for p = 1 only the most probable one does, with those that equal it. Raises ValueError unless 0 <= p <= 1.

        logits = tensor([0.15, 0.5, 0.1, 0.25]).log()
        min_p(logits, 0.4)                                      -> tensor([-inf, -0.6931, -inf, -1.3863])   # at least 0.2
    """
    raise NotImplementedError


def repetition_penalty(logits, previous, penalty):
    """The tokens that occurred before become less probable, for a penalty above 1; more probable, for one below 1.

    previous: the tokens so far, whole numbers (..., n) with the leading dimensions of logits; each row of logits has its own. n
    may be 0. The logit of a token that occurs in previous is divided by the penalty where it is positive, and multiplied by it
    where it is negative. A token counts once, however often it occurred. Raises ValueError unless penalty is above 0.

        repetition_penalty(tensor([2., -2., 3.]), tensor([0, 1, 0]), 2.0)       -> tensor([ 1., -4.,  3.])
    """
    raise NotImplementedError


def generate(model, ids, n, sample):
    """A text continued by n tokens, one after the other.

    ids: whole numbers (batch, length), length at least 1; n: 0 or more. model(ids) gives logits (batch, length, vocab): those at
    position i score what may follow token i. sample takes logits (batch, vocab) and returns one token for each row, whole
    numbers (batch,): it may draw them, so that it is called once for each new token, in order.

    Returns the prompt with its continuation, (batch, length + n), in the dtype of ids. For each new token the model is given the
    whole text so far, and sample the logits of its last position, as they came. No gradients are recorded meanwhile. ids is not
    changed.

        counting = lambda ids: one_hot(ids + 1, 50).float()     # a model that is sure of the next number
        generate(counting, tensor([[3, 4]]), 3, lambda logits: logits.argmax(-1))       -> tensor([[3, 4, 5, 6, 7]])
    """
    raise NotImplementedError
