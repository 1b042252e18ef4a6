"""How the result of each driver is compared with the reference's."""

from groundup.authoring import close, refused_with_shapes, valid

ENTROPY = "entropy"
CROSS = "cross_entropy_of"
KL = "kl_divergence"
PERPLEXITY = "perplexity"

CANCELED = "a divergence may be computed as the difference of two larger numbers, cross-entropy and entropy"
MAGNIFIED = "the exponential multiplies the rounding of the mean by that mean, and the sum is as long as the text"


# ── entropy ──

entropy_of_a_coin = close("a coin that is not fair", builds=ENTROPY, reduction=2)
entropy_of_equal_chances = close("equal chances: log of how many are possible", builds=ENTROPY, reduction=9)
entropy_of_several = close("each surprise counts with its probability", builds=ENTROPY, reduction=5)
entropy_of_a_certainty = close("where one outcome is certain there is no surprise", builds=ENTROPY, reduction=4)
entropy_of_one_outcome = close("one outcome only, or one distribution only", builds=ENTROPY, reduction=4)
entropy_in_a_batch = close("entropy: one number for each distribution of a batch", builds=ENTROPY, reduction=3)
entropy_with_zeros = close("entropy: what is impossible contributes nothing", builds=ENTROPY, reduction=6)
entropy_in_float64 = close("entropy: all digits of float64, zeros and views included", builds=ENTROPY, reduction=5)
entropy_leaves_its_input_alone = close("entropy: the input is not changed", builds=ENTROPY, reduction=4)
entropy_gradients = close("entropy: gradients", builds=ENTROPY, reduction=4)
entropy_gradients_beside_zeros = close("entropy: gradients beside zeros are no NaN", builds=ENTROPY, reduction=5)

# ── cross_entropy_of ──

cross_of_two_coins = close("one coin happens, another is believed in", builds=CROSS, reduction=2)
cross_of_several = close("p weighs, q surprises", builds=CROSS, reduction=5)
cross_of_what_came = close("all of p on what came: the surprise at it", builds=CROSS, reduction=6)
cross_with_itself = close("believing p itself: the entropy of p is left", builds=CROSS, reduction=4)
cross_in_a_batch = close("cross-entropy: one number for each pair of a batch", builds=CROSS, reduction=3)
cross_of_each_with_each = close("cross-entropy: batch dimensions broadcast", builds=CROSS, reduction=3)
cross_with_zeros_in_p = close("cross-entropy: what does not happen surprises nobody", builds=CROSS, reduction=6)
cross_with_zeros_in_both = close("cross-entropy: zeros in the same places", builds=CROSS, reduction=6)
cross_with_the_excluded = close(
    "cross-entropy: what was excluded and happens is an infinite surprise", builds=CROSS, reduction=5
)
cross_with_tiny_beliefs = close("cross-entropy: beliefs of 1e-30", builds=CROSS, reduction=4)
cross_in_float64 = close("cross-entropy: all digits of float64, views with strides", builds=CROSS, reduction=5)
cross_leaves_its_inputs_alone = close("cross-entropy: the inputs are not changed", builds=CROSS, reduction=4)
cross_gradients = close("cross-entropy: gradients reach p and q", builds=CROSS, reduction=4)
cross_gradients_beside_zeros = close("cross-entropy: gradients beside zeros are no NaN", builds=CROSS, reduction=5)
cross_of_different_numbers = valid(
    "cross-entropy: different numbers of outcomes are refused with a ValueError that shows both shapes",
    refused_with_shapes,
    builds=CROSS,
)

# ── kl_divergence ──

divergence_of_two_coins = close("what believing in the wrong coin costs", builds=KL, reduction=2)
divergence_of_several = close(
    "the needless part of the surprise", builds=KL, reduction=5, conditioning=20.0, because=CANCELED
)
divergence_both_ways = close(
    "one way is not the other way", builds=KL, reduction=3, conditioning=20.0, because=CANCELED
)
divergence_of_equals = close("equal distributions: zero", builds=KL, reduction=4, conditioning=20.0, because=CANCELED)
divergence_in_a_batch = close(
    "divergence: one number for each pair of a batch", builds=KL, reduction=3, conditioning=20.0, because=CANCELED
)
divergence_of_each_from_each = close(
    "divergence: batch dimensions broadcast", builds=KL, reduction=3, conditioning=20.0, because=CANCELED
)
divergence_with_zeros_in_p = close("divergence: what does not happen costs nothing", builds=KL, reduction=6)
divergence_with_zeros_in_both = close(
    "divergence: zeros in the same places", builds=KL, reduction=6, conditioning=20.0, because=CANCELED
)
divergence_from_the_excluding = close(
    "divergence: infinite where something was excluded that happens", builds=KL, reduction=5, conditioning=20.0,
    because=CANCELED,
)  # fmt: skip
divergence_from_tiny_beliefs = close("divergence: beliefs of 1e-30", builds=KL, reduction=4)
divergence_in_float64 = close("divergence: all digits of float64, views with strides", builds=KL, reduction=5)
divergence_leaves_its_inputs_alone = close(
    "divergence: the inputs are not changed", builds=KL, reduction=4, conditioning=20.0, because=CANCELED
)
divergence_gradients = close(
    "divergence: gradients reach p and q", builds=KL, reduction=4, conditioning=4.0, because=CANCELED
)
divergence_gradients_beside_zeros = close(
    "divergence: gradients beside zeros are no NaN", builds=KL, reduction=5, conditioning=4.0, because=CANCELED
)
divergence_of_different_numbers = valid(
    "divergence: different numbers of outcomes are refused with a ValueError that shows both shapes",
    refused_with_shapes,
    builds=KL,
)

# ── perplexity ──

perplexity_of_a_short_text = close("exp of the mean surprise", builds=PERPLEXITY, reduction=4)
perplexity_of_equal_chances = close("equal chances: how many there are", builds=PERPLEXITY, reduction=7)
perplexity_of_one_token = close("a text of one token", builds=PERPLEXITY)
perplexity_of_a_batch = close("a batch is one long text", builds=PERPLEXITY, reduction=24)
perplexity_in_float64 = close("perplexity: all digits of float64, a view with strides", builds=PERPLEXITY, reduction=18)
perplexity_in_half_precision = close(
    "log-probabilities in half precision, counted in float32", builds=PERPLEXITY, reduction=400
)
perplexity_of_the_unlikely = close(
    "a text so unlikely that its probability is no float", builds=PERPLEXITY, reduction=300, conditioning=2.0,
    because=MAGNIFIED,
)  # fmt: skip
perplexity_of_a_long_text = close("a hundred thousand tokens", builds=PERPLEXITY, reduction=100_000)
perplexity_with_the_certain = close("tokens that were certain count, too", builds=PERPLEXITY, reduction=6)
perplexity_with_the_impossible = close("a token that was thought impossible: infinite", builds=PERPLEXITY, reduction=6)
perplexity_leaves_its_input_alone = close("perplexity: the input is not changed", builds=PERPLEXITY, reduction=5)
perplexity_gradients = close("perplexity: gradients", builds=PERPLEXITY, reduction=6)
perplexity_of_no_tokens = close("no tokens: a ValueError", builds=PERPLEXITY, reduction=2)
