"""How the result of each driver is compared with the reference's."""

from groundup.authoring import close

MSE, CROSS, BINARY = "mse_loss", "cross_entropy", "binary_cross_entropy"

LARGE = "the difference of two numbers near 1000 or 10 000, as logsumexp has it, carries their rounding"
HALF = "in half precision the logarithms are rounded before they are added, and alternatives round elsewhere"

# ── mse_loss ──

mse_of_some_numbers = close("mse_loss: three numbers", builds=MSE, reduction=3)
mse_of_a_batch = close("mse_loss: the mean over all entries, of any shape", builds=MSE, reduction=30)
mse_of_transposed_tensors = close(
    "mse_loss: memory layout does not matter, and nothing is changed", builds=MSE, reduction=15
)
mse_in_float64 = close("mse_loss: float64, with all its digits", builds=MSE, reduction=24)
mse_in_half_precision = close(
    "mse_loss: bfloat16 and float16 are kept", builds=MSE, reduction=12, conditioning=2.0, because=HALF
)
mse_gradients = close("mse_loss: gradients flow to prediction and target", builds=MSE, reduction=12)
mse_of_unequal_shapes = close("mse_loss: unequal shapes are refused with a ValueError", builds=MSE, reduction=9)

# ── cross_entropy ──

cross_entropy_of_one_place = close("cross_entropy: one place, four classes", builds=CROSS, reduction=4)
cross_entropy_of_some_places = close("cross_entropy: the mean over five places", builds=CROSS, reduction=15)
cross_entropy_of_equal_logits = close(
    "cross_entropy: equal logits cost the logarithm of the number of classes", builds=CROSS, reduction=40
)
cross_entropy_of_one_class = close(
    "cross_entropy: one class costs nothing, and of two the right one counts", builds=CROSS, reduction=6
)
cross_entropy_of_texts = close(
    "cross_entropy: classes are the last dimension, before it any shape", builds=CROSS, reduction=70
)
cross_entropy_in_float64 = close("cross_entropy: float64, with all its digits", builds=CROSS, reduction=24)
cross_entropy_in_half_precision = close(
    "cross_entropy: bfloat16 and float16 are kept", builds=CROSS, reduction=24, conditioning=2.0, because=HALF
)
cross_entropy_of_transposed_tensors = close(
    "cross_entropy: memory layout does not matter, and nothing is changed", builds=CROSS, reduction=70
)
cross_entropy_gradients = close("cross_entropy: gradients", builds=CROSS, reduction=8)
cross_entropy_of_large_logits = close(
    "cross_entropy: logits of 10 000 and -10 000, and their gradients",
    builds=CROSS,
    reduction=6,
    conditioning=300.0,
    because=LARGE,
)
cross_entropy_far_from_zero = close(
    "cross_entropy: logits near 1000 or -1000 that differ by little",
    builds=CROSS,
    reduction=5,
    conditioning=100.0,
    because=LARGE,
)
cross_entropy_of_impossible_classes = close(
    "cross_entropy: minus infinity for classes that are not the right one", builds=CROSS, reduction=24
)
cross_entropy_ignores = close("cross_entropy: targets of -100 do not count", builds=CROSS, reduction=28)
cross_entropy_ignores_minus_one = close(
    "cross_entropy: targets of -1 do not count, and nothing is changed", builds=CROSS, reduction=40
)
cross_entropy_ignores_a_class = close(
    "cross_entropy: the ignored number may be one of the classes", builds=CROSS, reduction=45
)
cross_entropy_ignores_a_number_beyond = close(
    "cross_entropy: the ignored number may be far above the classes", builds=CROSS, reduction=28
)
cross_entropy_ignores_in_gradients = close(
    "cross_entropy: what is ignored gets a gradient of zero", builds=CROSS, reduction=7
)
cross_entropy_of_nothing = close(
    "cross_entropy: where all is ignored, 0 and gradients of zero", builds=CROSS, reduction=4
)
cross_entropy_smoothed = close("cross_entropy: label smoothing", builds=CROSS, reduction=12)
cross_entropy_smoothed_and_ignoring = close(
    "cross_entropy: label smoothing with ignored places", builds=CROSS, reduction=60
)
cross_entropy_smoothed_gradients = close(
    "cross_entropy: gradients with label smoothing and ignored places", builds=CROSS, reduction=7
)
cross_entropy_smoothed_of_large_logits = close(
    "cross_entropy: label smoothing of logits of 10 000",
    builds=CROSS,
    reduction=20,
    conditioning=300.0,
    because=LARGE,
)
cross_entropy_of_many_places = close(
    "cross_entropy: thousands of places in float16 do not overflow", builds=CROSS, reduction=1
)
cross_entropy_of_unequal_shapes = close(
    "cross_entropy: shapes that do not fit are refused with a ValueError", builds=CROSS, reduction=24
)

# ── binary_cross_entropy ──

binary_of_some_numbers = close("binary_cross_entropy: four numbers", builds=BINARY, reduction=4)
binary_of_a_batch = close("binary_cross_entropy: the mean over all entries, of any shape", builds=BINARY, reduction=24)
binary_with_targets_between = close("binary_cross_entropy: targets between 0 and 1", builds=BINARY, reduction=12)
binary_in_float64 = close("binary_cross_entropy: float64, with all its digits", builds=BINARY, reduction=20)
binary_in_half_precision = close(
    "binary_cross_entropy: bfloat16 and float16 are kept", builds=BINARY, reduction=12, conditioning=2.0, because=HALF
)
binary_of_transposed_tensors = close(
    "binary_cross_entropy: memory layout does not matter, and nothing is changed", builds=BINARY, reduction=15
)
binary_of_large_logits = close(
    "binary_cross_entropy: logits of 10 000 and -10 000, and their gradients", builds=BINARY, reduction=12
)
binary_of_many_large_logits = close(
    "binary_cross_entropy: a sum beyond the end of float16", builds=BINARY, reduction=48, conditioning=2.0, because=HALF
)
binary_gradients = close("binary_cross_entropy: gradients", builds=BINARY, reduction=12)
binary_gradients_at_zero = close("binary_cross_entropy: gradients at logits of exactly 0", builds=BINARY, reduction=6)
binary_of_unequal_shapes = close(
    "binary_cross_entropy: unequal shapes are refused with a ValueError", builds=BINARY, reduction=9
)
