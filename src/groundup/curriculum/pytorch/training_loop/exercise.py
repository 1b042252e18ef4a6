"""The training loop: a bound on the gradient, a learning rate that moves, and one step of training.

Three functions; the first and the third change things in place (gradients, parameters), the second only computes.
The calls of PyTorch that clip gradients, and its schedulers, are switched off here.
"""


def clip_grad_norm(params, max_norm):
    """Shorten all gradients together, where together they are too long; return how long they were.

    params: tensors with a `.grad`, which may be None; a list, or something that can be gone through only once, such as
    model.parameters(). Gradients are float32 or float64, of any shape. max_norm: a number above 0; else raise a ValueError.
    Returns the Euclidean norm of all gradients taken as one long vector, before anything was changed: a 0-d tensor or a
    number. Where no parameter has a gradient it is 0.

    - Longer than max_norm: every gradient is multiplied by the same factor, so that all together are exactly max_norm long
      (no small constant is added to a divisor). In place or by a new tensor in `.grad`, as you like.
    - Otherwise nothing changes.
    - A norm that is not finite (one gradient holds inf or NaN) is returned as it is, and nothing changes either.

        a, b = torch.zeros(2), torch.zeros(1)
        a.grad, b.grad = torch.tensor([2.0, 3.0]), torch.tensor([6.0])
        clip_grad_norm([a, b], 3.5)         -> tensor(7.)
        a.grad, b.grad                      -> tensor([1.0000, 1.5000]), tensor([3.])
    """
    raise NotImplementedError


def warmup_cosine(step, peak, warmup, total, floor=0.0):
    """The learning rate of one update: up along a line, then down along half a cosine.

    step: the number of the update, 0 for the first. warmup: how many updates climb. total: how many there are. All three
    are whole numbers. peak and floor: the highest and the last learning rate, numbers. Returns a float.

    - Over the first `warmup` updates it grows evenly. The first one moves already (with peak / warmup), and update
      warmup - 1 has the peak.
    - From update `warmup` on it falls along half a cosine, from the peak (at update warmup) to the floor (at update total).
    - From update `total` on it is the floor.
    - warmup may be 0 (no climb) and may be total (no fall). Raise a ValueError unless 0 <= warmup <= total and step >= 0.

        [round(warmup_cosine(step, 1.0, 4, 10, 0.1), 4) for step in range(12)]
        -> [0.25, 0.5, 0.75, 1.0, 1.0, 0.9397, 0.775, 0.55, 0.325, 0.1603, 0.1, 0.1]
    """
    raise NotImplementedError


def train_step(model, loss, optimizer, micro_batches):
    """One update of the model on the mean loss of several small batches.

    model: a torch.nn.Module. loss: called as loss(model(inputs), targets), it returns a 0-d tensor, the mean over what it
    was given. optimizer: an object with zero_grad() and step(), to be called without arguments; the gradients of the
    model's parameters are its only input. micro_batches: a list of pairs (inputs, targets), all of one size; where it is
    empty, raise a ValueError.
    Returns the mean of the losses, a 0-d tensor that hangs on no graph (or a number).

    - Gradients from earlier do not count.
    - The gradient of the step is that of the mean over all micro-batches, as if they were one large batch.
    - Each micro-batch runs forward once and backward before the next one runs, so that only one at a time is in memory.
    - The optimizer makes one step, at the end.
    - The model runs in training mode, and stays in it. The gradients that were used are still in `.grad` afterwards.

        model, x, y = torch.nn.Linear(1, 1), torch.tensor([[1.0], [2.0], [3.0], [4.0]]), torch.zeros(4, 1)
        model.weight.data.fill_(1.0); model.bias.data.zero_()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        train_step(model, torch.nn.functional.mse_loss, optimizer, [(x[:2], y[:2]), (x[2:], y[2:])])    -> tensor(7.5000)
        model.weight.item()                                                                             -> 0.85
    """
    raise NotImplementedError
