"""How the result of each driver is compared with the reference's."""

from groundup.authoring import close, refused, refused_with_shapes, valid

STREAM = "RunningMoments"
COVARIANCE = "covariance"
CORRELATION = "correlation"

FAR = "the mean of numbers near a million is rounded where they are, so one digit is lost for each that they share; squares lose two"
SMALL = "with few samples the spread of a feature may come out small beside its mean, and both are rounded where the mean is"

# ── RunningMoments ──

stream_of_two = close("two numbers, one after the other", builds=STREAM, reduction=2, conditioning=10.0, because=SMALL)
stream_of_several = close("each entry has its own mean and variance", builds=STREAM, reduction=7)
stream_read_as_it_goes = close(
    "mean and variance can be read after each update", builds=STREAM, reduction=5, conditioning=20.0, because=SMALL
)
stream_of_one = close("after one observation the variance is NaN", builds=STREAM)
stream_of_whole_numbers = close(
    "Python numbers and whole numbers count as float64", builds=STREAM, reduction=6, conditioning=1e9, because=FAR
)
stream_of_tables = close("observations of two dimensions, in float64", builds=STREAM, reduction=5)
stream_far_from_zero = close(
    "a stream around a million, with a spread of one", builds=STREAM, reduction=40, conditioning=1e5, because=FAR
)
stream_far_from_zero_in_float32 = close(
    "a stream around three thousand in float32", builds=STREAM, reduction=20, conditioning=300.0, because=FAR
)
streams_side_by_side = close(
    "two streams do not know of each other", builds=STREAM, reduction=4, conditioning=10.0, because=SMALL
)
stream_whose_caller_goes_on = close(
    "the caller may use the tensor again", builds=STREAM, reduction=5, conditioning=10.0, because=SMALL
)
stream_handing_out = close(
    "what was handed out stays as it was", builds=STREAM, reduction=4, conditioning=20.0, because=SMALL
)
stream_that_keeps_nothing = close(
    "sixty observations take no more room than one", builds=STREAM, reduction=60, conditioning=4.0, because=SMALL
)
stream_of_tiny_numbers = close(
    "tiny spreads are spreads, and none is 0", builds=STREAM, reduction=6, conditioning=20.0, because=SMALL
)
stream_after_a_refusal = close(
    "what was refused does not count", builds=STREAM, reduction=4, conditioning=20.0, because=SMALL
)
stream_of_nothing = valid("before the first observation: a ValueError", refused, builds=STREAM)
stream_of_two_shapes = valid(
    "an observation of another shape is refused with a ValueError that shows both",
    refused_with_shapes,
    builds=STREAM,
)

# ── covariance ──

covariance_of_two = close(
    "two features, three samples", builds=COVARIANCE, reduction=3, conditioning=10.0, because=SMALL
)
covariance_of_several = close("every feature with every other, over n - 1", builds=COVARIANCE, reduction=7)
covariance_of_few_samples = close(
    "more features than samples, or one feature", builds=COVARIANCE, reduction=6, conditioning=20.0, because=SMALL
)
covariance_of_one_sample = close("covariance: one sample tells nothing", builds=COVARIANCE, reduction=4)
covariance_in_a_batch = close("covariance: each table of a batch by itself", builds=COVARIANCE, reduction=6)
covariance_in_float64 = close("covariance: all digits of float64, views with strides", builds=COVARIANCE, reduction=6)
covariance_far_from_zero = close(
    "covariance: features around a million", builds=COVARIANCE, reduction=8, conditioning=1e5, because=FAR
)
covariance_beside_a_constant = close(
    "covariance: what does not vary has 0 with everything",
    builds=COVARIANCE,
    reduction=5,
    conditioning=20.0,
    because=SMALL,
)
covariance_in_small_and_large_units = close(
    "covariance: small numbers are not rounded away", builds=COVARIANCE, reduction=6, conditioning=20.0, because=SMALL
)
covariance_gradients = close("covariance: gradients, through both factors", builds=COVARIANCE, reduction=8)
covariance_of_no_table = valid(
    "covariance: fewer than two dimensions: a ValueError with the shape", refused_with_shapes, builds=COVARIANCE
)

# ── correlation ──

correlation_of_two = close(
    "two features, four samples", builds=CORRELATION, reduction=4, conditioning=20.0, because=SMALL
)
correlation_of_several = close(
    "units and means do not matter", builds=CORRELATION, reduction=7, conditioning=4.0, because=SMALL
)
correlation_of_opposites = close(
    "what falls as the other rises has correlation -1",
    builds=CORRELATION,
    reduction=5,
    conditioning=20.0,
    because=SMALL,
)
correlation_of_few_samples = close(
    "two samples lie on a line; one feature agrees with itself",
    builds=CORRELATION,
    reduction=6,
    conditioning=100.0,
    because=SMALL,
)
correlation_of_one_sample = close(
    "correlation: one sample tells nothing", builds=CORRELATION, reduction=4, conditioning=20.0, because=SMALL
)
correlation_beside_a_constant = close(
    "what does not vary has no correlation", builds=CORRELATION, reduction=5, conditioning=20.0, because=SMALL
)
correlation_beside_a_constant_that_rounds = close(
    "what does not vary has no correlation, whatever its rounded mean says", builds=CORRELATION, reduction=11
)
correlation_of_features_with_equal_numbers = close(
    "some equal samples do not make a feature constant",
    builds=CORRELATION,
    reduction=5,
    conditioning=20.0,
    because=SMALL,
)
correlation_of_small_spreads = close(
    "a spread that is small beside the mean is a spread", builds=CORRELATION, reduction=8, conditioning=1e9, because=FAR
)
correlation_in_a_batch = close(
    "correlation: each table of a batch by itself", builds=CORRELATION, reduction=6, conditioning=20.0, because=SMALL
)
correlation_in_float64 = close(
    "correlation: all digits of float64, views with strides",
    builds=CORRELATION,
    reduction=6,
    conditioning=20.0,
    because=SMALL,
)
correlation_of_tiny_and_huge = close(
    "features of 1e-25 and of 1e25 in float32", builds=CORRELATION, reduction=6, conditioning=20.0, because=SMALL
)
correlation_far_from_zero = close(
    "correlation: features around a million", builds=CORRELATION, reduction=8, conditioning=1e7, because=FAR
)
correlation_gradients = close(
    "correlation: gradients, through the spreads as well",
    builds=CORRELATION,
    reduction=10,
    conditioning=20.0,
    because=SMALL,
)
correlation_of_no_table = valid(
    "correlation: fewer than two dimensions: a ValueError with the shape", refused_with_shapes, builds=CORRELATION
)
