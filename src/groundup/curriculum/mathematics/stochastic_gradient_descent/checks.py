"""How each driver's result is compared."""

from groundup.authoring import close, distributed_as, exact, refused, valid

BATCHES = "minibatches"
SGD = "sgd"

# ── minibatches ──

batches_of_two = exact("batches of two, and a last one with what is left", builds=BATCHES)
batches_of_other_sizes = exact("other sizes: even, uneven, one, all, more than there are", builds=BATCHES)
batches_of_few = exact("no number at all, and one", builds=BATCHES)
batches_of_many = exact("thousands of numbers", builds=BATCHES)
batches_in_random_order = exact("the numbers are shuffled, and anew for each call", builds=BATCHES)
batches_in_every_order = distributed_as("every order of four numbers is equally likely", builds=BATCHES)
batches_without_a_trend = distributed_as("no place in the order is more probable than another", builds=BATCHES)
batches_of_strangers = distributed_as("what comes next has nothing to do with what came before", builds=BATCHES)
batches_meet_everybody = distributed_as("any two numbers may come into one batch", builds=BATCHES)
batches_from_the_generator = exact("all that is random comes from the generator as it is", builds=BATCHES)
batches_refused = valid("a batch size below 1, or a negative n, is a ValueError", refused, builds=BATCHES)

# ── sgd ──

all_rows_at_once = close("one batch of everything is plain gradient descent", builds=SGD, reduction=8)
rows_that_are_equal = close("equal rows: one step for each batch of each epoch", builds=SGD, reduction=8)
sums_of_rows = close("every row counts once in each epoch", builds=SGD, reduction=16)
sizes_of_the_batches = exact("batches of the size asked for, a smaller last one in each epoch", builds=SGD)
rows_of_each_epoch = exact("all rows in each epoch, in a new order", builds=SGD)
steps_from_where_it_was = close("each step begins where the last one ended", builds=SGD, reduction=16)
one_row_at_a_time = close("one row at a time", builds=SGD, reduction=16)
no_epochs_or_no_rows = close("no epochs, no rows, or a rate of zero: x0", builds=SGD, reduction=4)
shapes_of_x = close("x of any shape, whatever the shape of a row", builds=SGD, reduction=4)
dtypes_of_x_and_data = close("x keeps its dtype, and the rows theirs", builds=SGD, reduction=16)
rows_in_a_view = close("rows in a view with strides; data and x0 stay as they were", builds=SGD, reduction=16)
gradient_by_autograd = close("a gradient by autograd, and one that is the place itself", builds=SGD, reduction=16)
ends_of_many_runs = distributed_as("where one epoch ends depends on the order, and all orders occur", builds=SGD)
randomness_of_sgd = exact("one state of the generator, one result", builds=SGD)
sgd_refuses = valid("negative epochs, or a batch size below 1, is a ValueError", refused, builds=SGD)
