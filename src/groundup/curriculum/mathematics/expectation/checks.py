"""How the result of each driver is compared with the reference's."""

from groundup.authoring import close, refused, refused_with_shapes, valid

EXPECTATION = "expectation"
MOMENT = "moment"

FAR = "the mean of numbers near a million is rounded where they are, and a power carries that on; squares lose it all"
CENTERED = "who subtracts the mean once, twice or not at its first rounding differs by the rounding of the mean"

# ── expectation ──

expected_of_two = close("two values, each with its chance", builds=EXPECTATION, reduction=2)
expected_of_several = close("each value counts with its probability", builds=EXPECTATION, reduction=5)
expected_of_one = close("what is certain is its own expected value", builds=EXPECTATION)
expected_of_whole_numbers = close("whole numbers have an expected value that is none", builds=EXPECTATION, reduction=6)
expected_of_an_event = close("the expected value of true and false is a probability", builds=EXPECTATION, reduction=5)
expected_in_a_batch = close("expectation: one number for each variable of a batch", builds=EXPECTATION, reduction=3)
expected_of_each_with_each = close("expectation: batch dimensions broadcast", builds=EXPECTATION, reduction=3)
expected_beside_the_impossible = close(
    "expectation: what cannot happen contributes nothing, infinite or not", builds=EXPECTATION, reduction=6
)
expected_where_each_has_other_holes = close(
    "expectation: each variable of a batch has its own impossible outcomes", builds=EXPECTATION, reduction=5
)
expected_of_surprise = close("the expected surprise, infinite at what never happens", builds=EXPECTATION, reduction=6)
expected_with_tiny_probabilities = close(
    "a probability of 1e-30 is not 0: the value may be 1e30", builds=EXPECTATION, reduction=4
)
expected_in_float64 = close("expectation: all digits of float64, views with strides", builds=EXPECTATION, reduction=5)
expected_gradients = close("expectation: gradients reach values and probabilities", builds=EXPECTATION, reduction=12)
expected_gradients_beside_the_impossible = close(
    "expectation: gradients beside the impossible are no NaN", builds=EXPECTATION, reduction=6
)
expected_of_unequal_numbers = valid(
    "expectation: different numbers of outcomes are refused with a ValueError that shows both shapes",
    refused_with_shapes,
    builds=EXPECTATION,
)

# ── moment ──

second_moment = close("the mean of the squares", builds=MOMENT, reduction=3)
raw_moments = close("the first moment is the mean; the third and the fourth", builds=MOMENT, reduction=5)
variance = close("the mean square of the distance from the mean", builds=MOMENT, reduction=4)
central_moments = close(
    "central moments from the first to the fifth",
    builds=MOMENT,
    reduction=5,
    conditioning=4.0,
    because=CENTERED,
)
zeroth_moment = close("the zeroth moment is 1, and so is 0 to the power of 0", builds=MOMENT, reduction=4)
moments_of_whole_numbers = close(
    "moments of whole numbers and of events", builds=MOMENT, reduction=6, conditioning=4.0, because=CENTERED
)
moments_of_negative_values = close(
    "odd powers keep the sign", builds=MOMENT, reduction=5, conditioning=20.0, because=CENTERED
)
moments_of_one_value = close("what is certain has no spread", builds=MOMENT)
moments_in_a_batch = close("moment: one number for each variable of a batch", builds=MOMENT, reduction=3)
moments_of_each_with_each = close("moment: batch dimensions broadcast", builds=MOMENT, reduction=3)
moments_beside_the_impossible = close(
    "moment: what cannot happen contributes nothing", builds=MOMENT, reduction=6, conditioning=8.0, because=CENTERED
)
moments_where_each_has_other_holes = close(
    "moment: each variable of a batch has its own impossible outcomes", builds=MOMENT, reduction=5
)
moments_of_large_whole_numbers = close(
    "moment: powers of whole numbers are larger than whole numbers can be",
    builds=MOMENT,
    reduction=5,
    conditioning=20.0,
    because=CENTERED,
)
moments_with_tiny_probabilities = close(
    "moment: a probability of 1e-20 is not 0: the square may be 1e22", builds=MOMENT, reduction=4
)
moments_in_float64 = close("moment: all digits of float64, views with strides", builds=MOMENT, reduction=5)
central_far_from_zero = close(
    "a mean of a million, a spread of one", builds=MOMENT, reduction=5, conditioning=1e6, because=FAR
)
central_far_from_zero_in_float32 = close(
    "a mean of three thousand in float32, a spread of one", builds=MOMENT, reduction=5, conditioning=100.0, because=FAR
)
moment_gradients = close("moment: gradients reach values and probabilities", builds=MOMENT, reduction=12)
central_moment_gradients = close(
    "central moments: gradients flow through the mean, too",
    builds=MOMENT,
    reduction=12,
    conditioning=4.0,
    because=CENTERED,
)
moment_gradients_beside_the_impossible = close(
    "moment: gradients beside the impossible are no NaN", builds=MOMENT, reduction=6, conditioning=4.0, because=CENTERED
)


moments_of_negative_order = valid("a negative k: a ValueError", refused, builds=MOMENT)
moments_of_broken_order = valid("a k that is not whole: a ValueError", refused, builds=MOMENT)
moments_of_unequal_numbers = valid(
    "moment: different numbers of outcomes are refused with a ValueError that shows both shapes",
    refused_with_shapes,
    builds=MOMENT,
)
