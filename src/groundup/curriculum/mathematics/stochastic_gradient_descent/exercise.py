"""Stochastic gradient descent: many cheap steps along the gradients of small batches, instead of few dear ones along the
gradient of everything.

Two functions; the second is best written with the first. The conventions hold for both:

- generator is a torch.Generator. All that is random comes from it, so that the same state of the generator gives the same
  result; PyTorch's process-wide random numbers (torch.manual_seed) are neither used nor changed. It is used as it comes: do
  not seed it, copy it or make a new one. Two calls, one after the other, then give two different orders.
- How you draw is up to you, as long as every order is equally likely.
- Nothing that was passed in is changed, apart from the state of the generator.
"""


def minibatches(n, batch_size, generator):
    """One pass over the numbers 0, 1, …, n - 1, in random order, in batches.

    Returns the batches: a list (or anything else that one can go through) of int64 tensors (batch_size,). Together they hold
    every number exactly once. If n cannot be divided by batch_size, the last batch is smaller, and what is left over is in it;
    no other batch is smaller. A batch_size above n gives one batch of n; n = 0 gives no batch.
    All n! orders of the numbers are equally likely.
    Raises a ValueError for n below 0 and for batch_size below 1.

        minibatches(5, 2, torch.Generator().manual_seed(0))      for instance  [tensor([4, 0]), tensor([2, 1]), tensor([3])]
        # another right implementation may give another order for this seed; the sizes are always 2, 2, 1
    """
    raise NotImplementedError


def sgd(grad, x0, data, lr, epochs, batch_size, generator):
    """Where x0 comes to by stochastic gradient descent. One epoch is one pass over the data.

    - data: a tensor (n, ...) of any dtype; each row data[i] is one example. n may be 0: then there is no step.
    - grad is called as grad(x, batch), with batch a tensor (b, ...) of b of the rows, of the dtype of data. It returns the
      gradient at x for these examples, with the shape and dtype of x (as a rule that of the mean of their losses: any division
      by b has been done there). It may use autograd itself, so leave recording on.
    - Each epoch goes through all rows once, in a new random order, in batches of batch_size (the last one smaller where it does
      not come out even). For each batch there is one step: x becomes x - lr * grad(x, batch), at the x that was just reached.
      All steps count alike, that of a smaller last batch as well. lr is the same in all of them.
    - x0: a floating-point tensor of any shape. Returns the last x, a tensor of its shape and dtype. epochs = 0 gives x0.
    - Raises a ValueError for epochs below 0 and for batch_size below 1.

        data = torch.tensor([[1.], [2.], [6.]])
        grad = lambda x, batch: (x - batch).mean(dim=0)          # of half the mean squared distance to the rows
        sgd(grad, torch.zeros(1), data, 0.5, 1, 3, generator)    -> tensor([1.5])      # one step: 0 - 0.5 · (0 - 3)
        sgd(grad, torch.zeros(1), data, 0.5, 1, 1, generator)    -> tensor([2.]) if the order is 6, 1, 2: 0 → 3 → 2 → 2
    """
    raise NotImplementedError
