"""How the result of each driver is compared with the reference's."""

from groundup.authoring import close, exact, refused, valid

TENSOR, OF, FROZEN = "Tensor", "gradients_of", "frozen_features"


def _tensor(title, reduction=12, **more):
    return close(title, builds=TENSOR, reduction=reduction, **more)


# ── Tensor: one operation ──

two_numbers_added = _tensor("a sum of two numbers: each gets the gradient of the sum", 1)
what_a_tensor_is_made_of = _tensor("data is a float64 copy of what came in, and grad is None at first", 1)
products_and_quotients_of_numbers = _tensor("products, differences and quotients of two numbers", 1)
arithmetic_entry_by_entry = _tensor("+ - * / and the minus sign, entry by entry")
powers = _tensor("powers with whole, negative and broken exponents")
powers_of_zero = _tensor("powers of zero: no NaN")
numbers_and_arrays_on_the_right = _tensor("a number or an array as the right operand")
numbers_and_arrays_on_the_left = _tensor("a number or an array as the left operand")
functions_of_each_entry = _tensor("exp, log, tanh and relu")
relu_at_zero = _tensor("relu is flat at zero")
sums = _tensor("sums over all axes, one, several, and counted from the end", 24)
sums_that_keep_their_axes = _tensor("sums with keepdims", 24)
means = _tensor("means over all axes, one and several", 24)
shapes_changed = _tensor("reshape: the gradient goes back into the old shape")
axes_exchanged = _tensor("transpose: the gradient's axes go back to their old places")
axes_from_the_end = _tensor("transpose with axes counted from the end")

# ── Tensor: broadcasting and matrix products ──

broadcast_vector_over_rows = _tensor("a vector that is added to every row gets the sum of the rows' gradients")
broadcast_of_every_operation = _tensor("what was stretched gets a gradient of its own shape, in + - * and /")
broadcast_arrays = _tensor("arrays that stretch a tensor, on either side")
matrix_product = _tensor("a matrix product")
matrix_products_in_a_batch = _tensor("matrix products in a batch")
matrix_products_that_broadcast = _tensor("matrix products: batch dimensions broadcast", 40)
matrix_products_with_arrays = _tensor("matrix products with an array on either side")
vectors_in_a_matrix_product = valid("@ refuses vectors with a ValueError", refused, builds=TENSOR)

# ── Tensor: graphs ──

used_twice = _tensor("a tensor that is used twice gets the sum of both gradients")
sums_beside_products = _tensor("what one use sends back does not leak into what another tensor gets")
intermediate_used_twice = _tensor("an intermediate result that is used twice")
paths_of_different_lengths = _tensor("a tensor waits until all its users have sent their gradients")
intermediate_gradients = _tensor("intermediate results and the loss itself have gradients, too")
two_losses = _tensor("two losses that share a part: gradients of tensors add up over calls of backward")
backward_twice = _tensor("a second backward on one result doubles the gradient, no more")
gradients_apart_in_memory = _tensor("no two gradients share their memory")
operands_changed_by_nobody = _tensor("data stay what they were")
many_paths = _tensor("a graph with 2 to the 40 paths is walked once", 1)
deep_chain = _tensor(
    "a chain longer than calls may be nested",
    conditioning=20.0,
    because="200 factors follow each other, each with its own rounding",
)
one_number_only = valid("backward from more than one number is refused with a ValueError", refused, builds=TENSOR)
one_number_in_any_shape = _tensor("one number may have the shape (1,) or (1, 1)", 1)
a_small_network = _tensor("one step of a small classifier", 40)
attention_by_hand = _tensor("attention, written in your tensors", 60)

# ── gradients_of ──

gradient_of_one_input = close("a list with the gradient of the one input", builds=OF)
gradients_of_several_inputs = close("one gradient for each input, in their order", builds=OF, reduction=15)
gradients_in_their_dtypes = close("each gradient has the dtype of its input", builds=OF, reduction=6)
gradients_do_not_hang_on_a_graph = close("the gradients do not require gradients themselves", builds=OF)
gradients_leave_inputs_as_they_were = close("the inputs are left as they were, their .grad included", builds=OF)
gradients_leave_parameters_alone = close("a network that f uses gets no .grad", builds=OF, reduction=6)
gradient_of_an_input_that_does_not_matter = close("zeros for an input that does not matter", builds=OF)
gradients_of_a_tensor_given_twice = close("a tensor given twice has two gradients, one a place", builds=OF)
gradients_under_no_grad = close("it works under torch.no_grad(), and leaves that on", builds=OF)
gradients_of_more_than_one_number = valid("more than one number is refused with a ValueError", refused, builds=OF)
gradients_of_one_number_in_any_shape = close("one number of shape (1,) or (1, 1) is enough", builds=OF)

# ── frozen_features ──

features_in_evaluation_mode = close("no dropout, and the running statistics", builds=FROZEN, reduction=6)
features_with_what_hooks_do = close("the features are module(x), hooks and all", builds=FROZEN, reduction=6)
features_without_a_graph = close(
    "no graph hangs on the features, and others may record theirs", builds=FROZEN, reduction=6
)
features_of_an_input_with_a_gradient = close(
    "no graph either where the input requires a gradient", builds=FROZEN, reduction=6
)
features_without_recording = close("nothing is recorded on the way", builds=FROZEN, reduction=3)
features_to_train_on = close("a head can be trained on the features", builds=FROZEN, reduction=6)
module_in_training_mode_afterwards = close("a module in training mode is so afterwards", builds=FROZEN, reduction=6)
module_in_evaluation_mode_afterwards = close("a module in evaluation mode is so afterwards", builds=FROZEN, reduction=6)
submodules_with_flags_of_their_own = close("each submodule keeps a flag of its own", builds=FROZEN, reduction=6)
module_keeps_its_buffers = exact("running statistics do not move", builds=FROZEN)
module_keeps_requires_grad = exact("parameters keep requires_grad and grad", builds=FROZEN)
module_that_raises = exact("a module that raises an error is left as it was", builds=FROZEN)
features_where_gradients_are_off = close("where gradients were off they stay off", builds=FROZEN, reduction=6)
