"""How the result of each driver is compared with the reference's."""

from groundup.authoring import close, exact

TEMPERATURE = "apply_temperature"
TOP_K = "top_k"
TOP_P = "top_p"
MIN_P = "min_p"
PENALTY = "repetition_penalty"
GENERATE = "generate"

# ── apply_temperature ──

temperature_of_one_row = close("logits of one row, colder and warmer", builds=TEMPERATURE)
temperature_in_a_batch = close("temperature: every row of a batch", builds=TEMPERATURE)
temperature_in_other_dtypes = close("temperature: the dtype is kept", builds=TEMPERATURE)
temperature_after_a_filter = close("temperature: what was filtered out stays out", builds=TEMPERATURE)
temperature_leaves_logits_alone = close("temperature: the logits are not changed", builds=TEMPERATURE)
temperature_that_is_none = exact("a temperature of 0 or below is refused with a ValueError", builds=TEMPERATURE)

# ── top_k ──

top_k_of_one_row = exact("the k largest of one row stay", builds=TOP_K)
top_k_in_a_batch = exact("top_k: every row of a batch by itself", builds=TOP_K)
top_k_of_equal_logits = exact("logits equal to the k-th largest stay as well", builds=TOP_K)
top_k_of_more_than_there_are = exact("k of the vocabulary and more: all stay", builds=TOP_K)
top_k_after_a_filter = exact("top_k: what was filtered out stays out", builds=TOP_K)
top_k_in_other_dtypes = exact("top_k: the dtype is kept", builds=TOP_K)
top_k_leaves_logits_alone = exact("top_k: the logits are not changed", builds=TOP_K)
top_k_of_none = exact("a k below 1 is refused with a ValueError", builds=TOP_K)

# ── top_p ──

top_p_of_one_row = exact("the token that crosses p stays, and those above it", builds=TOP_P)
top_p_below_the_most_probable = exact("the most probable token stays, however small p is", builds=TOP_P)
top_p_in_a_batch = exact("top_p: every row of a batch in its own order", builds=TOP_P)
top_p_of_flat_and_steep_rows = exact("many tokens stay in a flat row, few in a steep one", builds=TOP_P)
top_p_of_one = exact("all stay for p = 1", builds=TOP_P)
top_p_after_a_filter = exact("top_p: what was filtered out stays out", builds=TOP_P)
top_p_in_other_dtypes = exact("top_p: the dtype is kept", builds=TOP_P)
top_p_of_many_small_shares = exact("1000 tokens of nearly equal probability", builds=TOP_P)
top_p_that_is_reached_exactly = exact("no more tokens stay than are needed for p", builds=TOP_P)
top_p_leaves_logits_alone = exact("top_p: the logits are not changed", builds=TOP_P)
top_p_of_impossible_shares = exact("top_p: a p outside (0, 1] is refused with a ValueError", builds=TOP_P)

# ── min_p ──

min_p_of_one_row = exact("tokens at least p times as probable as the first stay", builds=MIN_P)
min_p_in_a_batch = exact("min_p: every row of a batch by itself", builds=MIN_P)
min_p_of_flat_and_steep_rows = exact("min_p: many tokens stay in a flat row, few in a steep one", builds=MIN_P)
min_p_of_none_and_of_one = exact("all stay for p = 0, the most probable for p = 1", builds=MIN_P)
min_p_after_a_filter = exact("min_p: what was filtered out stays out", builds=MIN_P)
min_p_in_other_dtypes = exact("min_p: the dtype is kept", builds=MIN_P)
min_p_near_the_bound_in_half_precision = exact("min_p: probabilities are compared in float32 at least", builds=MIN_P)
min_p_leaves_logits_alone = exact("min_p: the logits are not changed", builds=MIN_P)
min_p_of_impossible_shares = exact("min_p: a p outside [0, 1] is refused with a ValueError", builds=MIN_P)

# ── repetition_penalty ──

penalty_of_one_row = close("tokens that occurred become less probable", builds=PENALTY)
penalty_of_tokens_of_both_signs = close("a positive and a negative logit, penalty above and below 1", builds=PENALTY)
penalty_counts_once = close("a token counts once, however often it occurred", builds=PENALTY)
penalty_in_a_batch = close("penalty: every row of a batch has its own tokens", builds=PENALTY)
penalty_of_nothing = close("no tokens so far, or a penalty of 1: nothing changes", builds=PENALTY)
penalty_after_a_filter = close("penalty: what was filtered out stays out", builds=PENALTY)
penalty_in_other_dtypes = close("penalty: the dtype is kept", builds=PENALTY)
penalty_leaves_logits_alone = close("penalty: logits and tokens are not changed", builds=PENALTY)
penalty_that_is_none = exact("a penalty of 0 or below is refused with a ValueError", builds=PENALTY)

# ── generate ──

generates_one_token = exact("one token more", builds=GENERATE)
generates_several = exact("several tokens, each from the text so far", builds=GENERATE)
generates_a_batch = exact("several texts at once", builds=GENERATE)
generates_nothing = exact("no token more: the prompt comes back", builds=GENERATE)
generates_what_is_sampled = exact("the tokens are those that sample chose", builds=GENERATE)
generates_by_calls = close("what model and sample are given, call by call", builds=GENERATE, reduction=7)
generates_in_other_dtypes = exact("generate: the dtype of the text is kept", builds=GENERATE)
generates_with_every_token = exact("no token ends the text", builds=GENERATE)
generates_and_leaves_the_prompt_alone = exact("generate: the prompt is not changed", builds=GENERATE)
generates_with_a_module = exact("a model with weights, and no gradients", builds=GENERATE)
