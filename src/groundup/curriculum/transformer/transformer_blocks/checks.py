"""How the result of each driver is compared with the reference's."""

from groundup.authoring import close, exact, refused, valid

ENCODER = "EncoderLayer"
DECODER = "DecoderLayer"
BLOCK = "DecoderOnlyBlock"

HALF = "every step rounds to half precision or not, and a norm may divide by a small spread"
SMALL = "small vectors are blown up by the norm, and the rounding of the sums before it with them"
DEEP = "several sums, a softmax and norms follow each other, and each carries on the rounding of the last"


def _dropped(returned, expected):
    """None where each branch was dropped and scaled as the reference's: to six standard deviations of 5400 draws."""
    if not isinstance(returned, list) or len(returned) != len(expected):
        return "four numbers for each branch were expected"
    for number, (found, right) in enumerate(zip(returned, expected), 1):
        least, largest, gone, unlike = (float(one) for one in found)
        if not abs(gone - right[2]) < 0.06:
            return f"branch {number}: {gone:.3f} of the entries were dropped, and about {right[2]:.2f} should be"
        if not (abs(least) < 1e-4 and abs(largest - right[1]) < 1e-4):
            what = f"from {least:.4f} to {largest:.4f} times"
            return f"branch {number}: entries were {what} what they are without dropout, not 0 or {right[1]:.4f} times"
        if not abs(unlike - right[3]) < 0.06:
            return f"branch {number}: what is dropped is not drawn anew in each call"
    return None


def _deep(title, build, because=DEEP, conditioning=4.0, reduction=12):
    return close(title, builds=build, reduction=reduction, conditioning=conditioning, because=because)


# ── EncoderLayer ──

encoder_names_and_shapes = exact("encoder: names and shapes of the state_dict", builds=ENCODER)
encoder_at_the_beginning = exact("encoder: norms begin at 1 and 0, matrices at random", builds=ENCODER)
encoder_of_a_short_text = _deep("encoder: one text, one head", ENCODER)
encoder_of_a_batch = _deep("encoder: batches, three heads; texts of one position, too", ENCODER)
encoder_with_a_mask = _deep("encoder: a mask, True = may attend", ENCODER)
encoder_with_padding = _deep("encoder: a padding mask of shape (batch, 1, 1, n)", ENCODER)
encoder_position_that_may_attend_to_nothing = _deep("encoder: attention gives zeros where all is masked", ENCODER)
encoder_of_small_vectors = _deep("encoder: eps of both norms is 1e-5", ENCODER, SMALL)
encoder_in_float64 = _deep("encoder: float64 stays float64, with all its digits", ENCODER)
encoder_in_half_precision = _deep("encoder: bfloat16 is kept", ENCODER, HALF)
encoder_leaves_its_inputs_alone = _deep("encoder: the inputs are not changed", ENCODER)
encoder_gradients = _deep("encoder: gradients flow to x and to every parameter", ENCODER, conditioning=16.0)
encoder_dropout_of_everything = _deep(
    "encoder: dropout of everything leaves x and the two norms; none in eval mode", ENCODER
)
encoder_without_dropout_in_training = _deep("encoder: dropout is 0 unless asked for", ENCODER)
encoder_dropout_in_training = valid(
    "encoder: dropout drops a share p of each branch and scales up the rest", _dropped, builds=ENCODER
)
encoder_refuses_heads = valid("encoder: heads that do not divide dim are refused", refused, builds=ENCODER)

# ── DecoderLayer ──

decoder_names_and_shapes = exact("decoder: names and shapes of the state_dict", builds=DECODER)
decoder_at_the_beginning = exact("decoder: norms begin at 1 and 0, matrices at random", builds=DECODER)
decoder_of_a_short_text = _deep("decoder: one text, one head", DECODER)
decoder_of_a_batch = _deep("decoder: batches, a memory of another length, or of one position", DECODER)
decoder_with_a_mask_on_the_memory = _deep("decoder: a mask on the memory alone", DECODER)
decoder_with_both_masks = _deep("decoder: a causal mask on the text, another on the memory", DECODER)
decoder_with_two_masks_for_equal_lengths = _deep("decoder: each mask at its own attention, and nowhere else", DECODER)
decoder_with_nothing_in_the_memory_to_attend_to = _deep(
    "decoder: attention gives zeros where all of the memory is masked", DECODER
)
decoder_in_float64 = _deep("decoder: float64 stays float64, with all its digits", DECODER)
decoder_leaves_its_inputs_alone = _deep("decoder: the inputs are not changed", DECODER)
decoder_gradients = _deep("decoder: gradients flow to x, memory and every parameter", DECODER, conditioning=16.0)
decoder_dropout_of_everything = _deep(
    "decoder: dropout of everything leaves x and the three norms; none in eval mode", DECODER
)
decoder_without_dropout_in_training = _deep("decoder: dropout is 0 unless asked for", DECODER)
decoder_dropout_in_training = valid(
    "decoder: dropout drops a share p of each branch and scales up the rest", _dropped, builds=DECODER
)
decoder_refuses_heads = valid("decoder: heads that do not divide dim are refused", refused, builds=DECODER)

# ── DecoderOnlyBlock ──

block_names_and_shapes = exact("block: names and shapes of the state_dict, for any kv_heads", builds=BLOCK)
block_at_the_beginning = exact("block: norms begin at 1, matrices at random", builds=BLOCK)
block_of_a_short_text = _deep("block: one text, one head", BLOCK)
block_of_a_batch = _deep("block: batches, three heads; texts of one position, too", BLOCK)
block_with_a_causal_mask = _deep("block: a causal mask", BLOCK)
block_with_grouped_keys = _deep("block: six heads share two heads of keys and values", BLOCK)
block_with_padding = _deep("block: a padding mask of shape (batch, 1, 1, n), one head of keys", BLOCK)
block_position_that_may_attend_to_nothing = _deep("block: attention gives zeros where all is masked", BLOCK)
block_of_small_vectors = _deep("block: eps of both norms is 1e-5", BLOCK, SMALL)
block_hands_over_keys_and_values = _deep("block: update gets the turned keys and the values, once", BLOCK)
block_attends_to_what_it_is_given = _deep("block: attention is to what update returns", BLOCK)
block_token_by_token = _deep("block: with a cache, token by token", BLOCK)
block_in_float64 = _deep("block: float64 stays float64, with all its digits", BLOCK)
block_in_half_precision = _deep("block: bfloat16 is kept, with tables in float32", BLOCK, HALF)
block_leaves_its_inputs_alone = _deep("block: the inputs are not changed", BLOCK)
block_gradients = _deep("block: gradients flow to x and to every parameter", BLOCK, conditioning=16.0)
block_refuses_heads = valid("block: heads and kv_heads that do not divide are refused", refused, builds=BLOCK)
