"""How the result of each driver is compared with the reference's."""

from groundup.authoring import at_least, close, distributed_as, exact

RELU, GELU, SILU, SOFTMAX, INIT, LINEAR, MLP = "relu", "gelu", "silu", "softmax", "kaiming_init", "Linear", "MLP"

LARGE = "differences of numbers near 10 000 carry the rounding of those, where some take the logarithm of the sum first"
HALF = "in half precision each step of the formula rounds, and alternatives have steps of their own"
LAYERS = "three layers, each of which rounds"

# ── relu ──

relu_of_some_numbers = close("relu: six numbers", builds=RELU)
relu_of_a_batch = close("relu: a batch, large entries, and nothing but negative ones", builds=RELU)
relu_keeps_the_dtype = close("relu: float64, bfloat16 and float16 are kept", builds=RELU)
relu_leaves_its_input_alone = close("relu: the input is not changed", builds=RELU)
relu_gradients = close("relu: a slope of 1 above zero and of 0 below", builds=RELU)

# ── gelu ──

gelu_of_some_numbers = close("gelu: five numbers", builds=GELU)
gelu_of_a_batch = close("gelu: a batch of any layout, which is not changed", builds=GELU)
gelu_in_float64 = close("gelu: float64, with all its digits", builds=GELU)
gelu_in_half_precision = close(
    "gelu: bfloat16 and float16 are kept", builds=GELU, reduction=2, conditioning=2.0, because=HALF
)
gelu_of_far_entries = close("gelu: entries of about 100 and -100", builds=GELU)
gelu_gradients = close("gelu: gradients", builds=GELU, reduction=2)

# ── silu ──

silu_of_some_numbers = close("silu: five numbers", builds=SILU)
silu_of_a_batch = close("silu: a batch of any layout, which is not changed", builds=SILU)
silu_in_float64 = close("silu: float64, with all its digits", builds=SILU)
silu_in_half_precision = close(
    "silu: bfloat16 and float16 are kept", builds=SILU, reduction=2, conditioning=2.0, because=HALF
)
silu_of_far_entries = close("silu: entries of about 1000 and -1000", builds=SILU)
silu_gradients = close("silu: gradients, near zero and far from it", builds=SILU, reduction=2)

silu_gradients_in_half_precision = close(
    "silu: gradients in half precision, near zero and far from it",
    builds=SILU, reduction=2, conditioning=4.0, because=HALF,
)  # fmt: skip

# ── softmax ──

softmax_of_some_numbers = close("softmax: four numbers", builds=SOFTMAX, reduction=4)
softmax_of_each_row = close("softmax: each row has a sum of its own", builds=SOFTMAX, reduction=5)
softmax_in_other_dimensions = close("softmax: along any dimension", builds=SOFTMAX, reduction=5)
softmax_of_one_entry = close("softmax: a dimension of one entry, and one of four", builds=SOFTMAX, reduction=4)
softmax_of_large_numbers = close(
    "softmax: entries of 10 000 and of -10 000", builds=SOFTMAX, reduction=5, conditioning=300.0, because=LARGE
)
softmax_of_rows_far_apart = close(
    "softmax: rows that are far from one another", builds=SOFTMAX, reduction=4, conditioning=20.0, because=LARGE
)
softmax_of_minus_infinity = close("softmax: minus infinity gets no share", builds=SOFTMAX, reduction=6)
softmax_in_float64 = close("softmax: float64, with all its digits", builds=SOFTMAX, reduction=6)
softmax_in_half_precision = close(
    "softmax: bfloat16 and float16 are kept", builds=SOFTMAX, reduction=7, conditioning=2.0, because=HALF
)
softmax_of_large_numbers_in_half_precision = close(
    "softmax: entries of 100 in float16", builds=SOFTMAX, reduction=5, conditioning=100.0, because=LARGE
)
softmax_leaves_its_input_alone = close("softmax: the input is not changed", builds=SOFTMAX, reduction=5)
softmax_gradients = close("softmax: gradients", builds=SOFTMAX, reduction=5)
softmax_gradients_of_large_numbers = close(
    "softmax: gradients at entries of 1000", builds=SOFTMAX, reduction=4, conditioning=100.0, because=LARGE
)

softmax_gradients_of_minus_infinity = close("softmax: gradients beside minus infinity", builds=SOFTMAX, reduction=6)

# ── kaiming_init ──

start_of_a_matrix = distributed_as(
    "kaiming_init: a matrix gets normal numbers of variance 2 / fan_in", builds=INIT, may_change_inputs=True
)
start_of_kernels = distributed_as(
    "kaiming_init: kernels of a convolution, of four dimensions", builds=INIT, may_change_inputs=True
)
start_of_a_wide_output = distributed_as("kaiming_init: many outputs of few inputs", builds=INIT, may_change_inputs=True)
start_fills_what_it_is_given = exact(
    "kaiming_init: the parameter itself is filled and returned, and stays a leaf with a gradient",
    builds=INIT,
    may_change_inputs=True,
)
start_fills_a_part = exact(
    "kaiming_init: a weight that is a part of another tensor is filled where it lies",
    builds=INIT,
    may_change_inputs=True,
)
start_reaches_far = at_least(
    "kaiming_init: the far ends of the normal distribution are drawn, too", 0.5, builds=INIT, may_change_inputs=True
)
start_draws_each_weight = at_least(
    "kaiming_init: every weight is drawn by itself", 0.99, builds=INIT, may_change_inputs=True
)
start_follows_the_generator = exact(
    "kaiming_init: one state of the generator gives one result", builds=INIT, may_change_inputs=True
)
start_leaves_other_sources_alone = exact(
    "kaiming_init: with a generator, PyTorch's own random source is not touched", builds=INIT, may_change_inputs=True
)
start_without_a_generator = exact(
    "kaiming_init: without a generator, PyTorch's own random source is used", builds=INIT, may_change_inputs=True
)
start_of_a_vector_is_refused = exact(
    "kaiming_init: a vector has no fan_in: ValueError", builds=INIT, may_change_inputs=True
)

# ── Linear ──

linear_has_these_parameters = exact("Linear: names and shapes of its parameters", builds=LINEAR)
linear_of_one_vector = close("Linear: one vector of three numbers", builds=LINEAR, reduction=4)
linear_of_batches = close("Linear: no, one, two and three batch dimensions", builds=LINEAR, reduction=6)
linear_without_bias = close("Linear: without a bias", builds=LINEAR, reduction=5)
linear_of_zeros_is_the_bias = close("Linear: zeros give the bias", builds=LINEAR)
linear_in_other_dtypes = close("Linear: float64, bfloat16 and float16", builds=LINEAR, reduction=7)
linear_in_float64 = close("Linear: float64, with all its digits", builds=LINEAR, reduction=7)
linear_of_transposed_tensors = close(
    "Linear: the memory layout of the input does not matter", builds=LINEAR, reduction=5
)
linear_gradients = close("Linear: gradients reach x, weight and bias", builds=LINEAR, reduction=9)
linear_uses_its_weights_as_they_are_now = close(
    "Linear: changed weights are used, and can be saved and loaded", builds=LINEAR, reduction=6
)
linear_refuses_other_sizes = close(
    "Linear: a last dimension that does not fit is refused with a ValueError", builds=LINEAR, reduction=61
)
linear_stretches_nothing = close(
    "Linear: a last dimension of 1 is not stretched, but refused with a ValueError", builds=LINEAR, reduction=61
)
linear_weights_at_the_start = distributed_as("Linear: the weights begin as kaiming_init makes them", builds=LINEAR)
linear_starts_anew = exact("Linear: every layer draws weights of its own", builds=LINEAR)
linear_bias_at_the_start = exact("Linear: the bias begins at zero", builds=LINEAR)

# ── MLP ──

mlp_has_these_parameters = exact("MLP: names and shapes of its parameters", builds=MLP)
mlp_of_one_vector = close("MLP: a vector of two numbers, three hidden units, one output", builds=MLP, reduction=5)
mlp_without_hidden_layers = close("MLP: two sizes are one linear layer, with no activation", builds=MLP, reduction=6)
mlp_of_batches = close(
    "MLP: no, one and two batch dimensions", builds=MLP, reduction=8, conditioning=2.0, because=LAYERS
)
mlp_with_any_activation = close(
    "MLP: the activation that was asked for", builds=MLP, reduction=8, conditioning=2.0, because=LAYERS
)
mlp_of_equal_sizes = close(
    "MLP: layers of equal size have weights of their own", builds=MLP, reduction=8, conditioning=2.0, because=LAYERS
)
mlp_applies_its_activation_between = close(
    "MLP: the activation is applied once after each layer but the last",
    builds=MLP,
    reduction=8,
    conditioning=2.0,
    because=LAYERS,
)
mlp_in_float64 = close("MLP: float64, with all its digits", builds=MLP, reduction=8, conditioning=2.0, because=LAYERS)
mlp_gradients = close(
    "MLP: gradients reach x and every parameter", builds=MLP, reduction=12, conditioning=2.0, because=LAYERS
)
mlp_weights_at_the_start = distributed_as("MLP: the weights begin as those of Linear", builds=MLP)
mlp_starts_anew = exact("MLP: every layer draws weights of its own", builds=MLP)
mlp_biases_at_the_start = exact("MLP: the biases begin at zero", builds=MLP)
mlp_switches_to_evaluation = exact("MLP: eval reaches every module inside", builds=MLP)
mlp_refuses_less_than_two_sizes = exact("MLP: fewer than two sizes are refused with a ValueError", builds=MLP)
