"""How the result of each driver is compared with the reference's."""

from groundup.authoring import close, exact, refused, valid

WAVES = "sinusoidal_positions"
BIAS = "alibi_bias"
DISTANCES = "relative_positions"

ANGLES = "an angle is rounded in proportion to its size, so the table by as much as the last position is large"


# ── sinusoidal_positions ──

waves_of_one_pair = close("one sine and one cosine", builds=WAVES, conditioning=2.0, because=ANGLES)
waves_of_two_pairs = close(
    "the second pair turns a hundred times more slowly", builds=WAVES, conditioning=2.0, because=ANGLES
)
waves_of_an_odd_number_of_pairs = close("three, five or seven pairs", builds=WAVES, conditioning=2.0, because=ANGLES)
waves_of_the_first_position = close("the first position has angle 0 in every pair", builds=WAVES)
waves_of_a_short_text_in_many_columns = close(
    "more columns than positions", builds=WAVES, conditioning=2.0, because=ANGLES
)
waves_of_a_long_text_in_few_columns = close(
    "more positions than columns", builds=WAVES, conditioning=12.0, because=ANGLES
)
waves_far_away = close("positions beyond 2,000", builds=WAVES, conditioning=400.0, because=ANGLES)
waves_under_another_default = close(
    "waves: float32, also where the default dtype is another", builds=WAVES, conditioning=60.0, because=ANGLES
)
waves_are_new_each_time = close(
    "waves: whoever edits a table does not change the next one", builds=WAVES, conditioning=2.0, because=ANGLES
)
waves_of_odd_columns = valid("an odd dim is refused", refused, builds=WAVES)
waves_of_no_columns = valid("a dim of 0, or a negative one, is refused", refused, builds=WAVES)

# ── alibi_bias ──

bias_of_two_heads = close("two heads, each with a slope of its own", builds=BIAS)
bias_of_one_head = close("one head", builds=BIAS)
bias_of_four_and_of_sixteen_heads = close(
    "four and sixteen heads share the range from 2^(-8/heads) to 2^-8", builds=BIAS
)
bias_of_eight_heads = close("eight heads", builds=BIAS)
bias_of_three_heads = close("three heads: two slopes, and one of those of four heads", builds=BIAS)
bias_of_other_numbers_of_heads = close("six, seven, twelve and more than sixteen heads", builds=BIAS)
bias_of_one_position = close("texts of one and of two positions", builds=BIAS)
bias_of_a_long_text = close("a long text", builds=BIAS)
bias_in_the_scores = close("added to causal scores before the softmax", builds=BIAS, reduction=9)
bias_under_another_default = close("bias: float32, also where the default dtype is another", builds=BIAS)
bias_is_new_each_time = close("bias: whoever edits a table does not change the next one", builds=BIAS)
bias_of_no_heads = valid("no heads, or fewer, are refused", refused, builds=BIAS)

# ── relative_positions ──

distances_in_a_short_text = exact("distances, clipped and counted from 0", builds=DISTANCES)
distances_that_reach_everywhere = exact("a limit that no distance reaches", builds=DISTANCES)
distances_up_to_one = exact("before, here and after", builds=DISTANCES)
distances_that_just_reach = exact("a limit that is just reached, and one that is just passed", builds=DISTANCES)
distances_up_to_none = exact("a limit of 0", builds=DISTANCES)
distances_of_one_position = exact("a text of one position", builds=DISTANCES)
distances_in_a_long_text = exact("distances in a long text", builds=DISTANCES)
distances_as_rows_of_a_table = close("they pick rows of a learned table", builds=DISTANCES, reduction=28)
distances_under_another_default = exact(
    "distances are int64, also where the default dtype is another", builds=DISTANCES
)
distances_are_new_each_time = exact("distances: whoever edits a table does not change the next one", builds=DISTANCES)
distances_up_to_less_than_nothing = valid("a negative limit is refused", refused, builds=DISTANCES)
