"""How the result of each driver is compared with the reference's."""

from groundup.authoring import close

LAYER = "layer_norm"
RMS = "rms_norm"
PRE = "pre_norm"
POST = "post_norm"

FAR = "near 10 000 float32 steps by a thousandth: a mean is rounded by as much before the small distances from it are taken"

# ── layer_norm ──

layer_norm_of_two_vectors = close("mean 0 and variance 1", builds=LAYER, reduction=4)
layer_norm_with_weight_and_bias = close("multiplied by weight, then shifted by bias", builds=LAYER, reduction=6)
layer_norm_without_bias = close("no bias: None", builds=LAYER, reduction=5)
layer_norm_in_a_batch = close("each vector of a batch is normalized by itself", builds=LAYER, reduction=5)
layer_norm_of_small_vectors = close("eps is added to the variance, under the root", builds=LAYER, reduction=6)
layer_norm_gradients_of_equal_entries = close(
    "layer_norm: gradients are finite where all entries are equal", builds=LAYER, reduction=4
)
layer_norm_of_equal_entries = close("a vector of equal entries gives the bias", builds=LAYER, reduction=4)
layer_norm_in_float64 = close("float64 stays float64, with all its digits", builds=LAYER, reduction=7)
layer_norm_of_transposed_tensors = close("the memory layout of the inputs does not matter", builds=LAYER, reduction=6)
layer_norm_far_from_zero = close(
    "entries near 10 000 that differ by little", builds=LAYER, reduction=8, conditioning=300.0, because=FAR
)
layer_norm_in_half_precision = close("bfloat16 and float16 are accepted and kept", builds=LAYER, reduction=7)
layer_norm_leaves_its_inputs_alone = close("layer_norm: the inputs are not changed", builds=LAYER, reduction=5)
layer_norm_gradients = close("gradients flow to x, weight and bias", builds=LAYER, reduction=6)

# ── rms_norm ──

rms_norm_of_two_vectors = close("the mean of the squares becomes 1", builds=RMS, reduction=4)
rms_norm_in_a_batch = close("rms_norm: each vector of a batch is normalized by itself", builds=RMS, reduction=5)
rms_norm_of_small_vectors = close("eps is added to the mean of the squares, under the root", builds=RMS, reduction=6)
rms_norm_of_zeros = close("a vector of zeros gives zeros and finite gradients", builds=RMS, reduction=5)
rms_norm_in_float64 = close("rms_norm: float64 stays float64, with all its digits", builds=RMS, reduction=7)
rms_norm_in_half_precision = close("rms_norm: entries of some hundreds in half precision", builds=RMS, reduction=7)
rms_norm_leaves_its_inputs_alone = close(
    "rms_norm: the inputs are not changed, whatever their layout", builds=RMS, reduction=6
)
rms_norm_gradients = close("gradients flow to x and weight", builds=RMS, reduction=6)

# ── pre_norm and post_norm ──

pre_norm_of_numbers = close("pre_norm: three numbers", builds=PRE, reduction=2)
pre_norm_of_a_batch = close("pre_norm: a batch, which is not changed", builds=PRE, reduction=5)
pre_norm_of_a_silent_sublayer = close(
    "pre_norm: where the sublayer adds nothing, x comes out as it went in", builds=PRE, reduction=5
)
pre_norm_calls_each_once = close("pre_norm: norm and sublayer are called once each", builds=PRE, reduction=2)
pre_norm_leaves_the_branch_alone = close("pre_norm: what the sublayer returns is not changed", builds=PRE, reduction=2)
pre_norm_gradients = close("pre_norm: gradients flow along both ways", builds=PRE, reduction=10)
post_norm_of_numbers = close("post_norm: three numbers", builds=POST, reduction=2)
post_norm_of_a_batch = close("post_norm: a batch, which is not changed", builds=POST, reduction=5)
post_norm_of_a_silent_sublayer = close(
    "post_norm: where the sublayer adds nothing, x comes out normalized", builds=POST, reduction=5
)
post_norm_calls_each_once = close("post_norm: norm and sublayer are called once each", builds=POST, reduction=2)
post_norm_leaves_the_branch_alone = close(
    "post_norm: what the sublayer returns is not changed", builds=POST, reduction=2
)
post_norm_gradients = close("post_norm: gradients flow along both ways", builds=POST, reduction=10)
