"""How the result of each driver is compared with the reference's."""

from groundup.authoring import close

FEED = "feed_forward"
SWIGLU = "swiglu"

HALF = "hidden entries are rounded to half precision before they are summed, or not: both are right"

# ── feed_forward ──

feed_forward_of_one_vector = close("widened, bent, narrowed: two numbers and three units", builds=FEED, reduction=3)
feed_forward_with_one_unit = close("a single hidden unit", builds=FEED, reduction=4)
feed_forward_with_fewer_units_than_entries = close("fewer hidden units than entries", builds=FEED, reduction=7)
feed_forward_of_a_batch = close("batches of any number of dimensions", builds=FEED, reduction=16)
feed_forward_of_each_position_alone = close(
    "other positions make no difference: each is worked on alone", builds=FEED, reduction=15
)
feed_forward_of_silent_units = close("units with negative entries add nothing", builds=FEED, reduction=10)
feed_forward_of_large_entries = close("entries of some thousands pass as they are", builds=FEED, reduction=13)
feed_forward_in_float64 = close("float64 stays float64, with all its digits", builds=FEED, reduction=16)
feed_forward_in_half_precision = close(
    "bfloat16 and float16 are accepted and kept", builds=FEED, reduction=16, conditioning=2.0, because=HALF
)
feed_forward_of_transposed_tensors = close("the memory layout does not matter", builds=FEED, reduction=14)
feed_forward_leaves_its_inputs_alone = close("the inputs are not changed", builds=FEED, reduction=13)
feed_forward_gradients = close("gradients flow to x and both weights", builds=FEED, reduction=13)

# ── swiglu ──

swiglu_of_one_vector = close("swiglu: two numbers and three units", builds=SWIGLU, reduction=3)
swiglu_with_one_unit = close("swiglu: a single hidden unit", builds=SWIGLU, reduction=4)
swiglu_with_fewer_units_than_entries = close("swiglu: fewer hidden units than entries", builds=SWIGLU, reduction=7)
swiglu_of_a_batch = close("swiglu: batches of any number of dimensions", builds=SWIGLU, reduction=16)
swiglu_of_each_position_alone = close(
    "swiglu: other positions make no difference: each is worked on alone", builds=SWIGLU, reduction=15
)
swiglu_of_closed_gates = close("negative gates let a little through, with its sign turned", builds=SWIGLU, reduction=10)
swiglu_with_nothing_to_let_through = close(
    "a gate of 0, or nothing behind the gate, adds nothing", builds=SWIGLU, reduction=12
)
swiglu_of_large_gates = close("gates of some hundreds, positive and negative", builds=SWIGLU, reduction=13)
swiglu_in_float64 = close("swiglu: float64 stays float64, with all its digits", builds=SWIGLU, reduction=16)
swiglu_in_half_precision = close(
    "swiglu: bfloat16 and float16 are accepted and kept", builds=SWIGLU, reduction=16, conditioning=3.0, because=HALF
)
swiglu_of_transposed_tensors = close("swiglu: the memory layout does not matter", builds=SWIGLU, reduction=14)
swiglu_leaves_its_inputs_alone = close("swiglu: the inputs are not changed", builds=SWIGLU, reduction=13)
swiglu_gradients = close("gradients flow to x and all three weights", builds=SWIGLU, reduction=13)
swiglu_gradients_of_large_gates = close("gradients of large gates are finite and right", builds=SWIGLU, reduction=13)
