"""How the result of each driver is compared with the reference's."""

from groundup.authoring import close, distributed_as, exact

BLOCK = "LlamaBlock"
LLAMA = "Llama"
NAMES = "rename_checkpoint"

DEEP = "each part rounds, and the norms and softmaxes between them pass the rounding on"
ANGLES = "right programs make the tables of angles in float32, in different ways; in float64 that rounding shows"
SMALL = "what the block adds is a small difference of norms of tiny numbers"


def _close(title, build, reduction=24, conditioning=8.0, because=DEEP):
    return close(title, builds=build, reduction=reduction, conditioning=conditioning, because=because)


# ── LlamaBlock ──

block_weights = exact("the block's weights, by name and shape", builds=BLOCK)
block_of_one_token = _close("one token, one head", BLOCK)
block_of_two_tokens = _close("two tokens, one head", BLOCK)
block_with_heads = _close("several heads, wider than the stream", BLOCK)
block_with_grouped_heads = _close("three query heads to a key head", BLOCK)
block_with_one_kv_head = _close("one key and value head for all queries", BLOCK)
block_with_masks = _close("a causal mask, and one for each text", BLOCK)
block_with_another_eps = _close("the block takes eps from the configuration", BLOCK)
block_with_small_activations = _close("tiny activations, at which eps counts", BLOCK, conditioning=64.0, because=SMALL)
block_with_a_cache = _close("the block with a cache, in pieces", BLOCK)
block_in_other_dtypes = _close("the block keeps the dtype of x, with angles in float32", BLOCK, conditioning=64.0)
block_leaves_its_inputs_alone = _close("the block does not change its inputs", BLOCK)
block_gradients = _close("gradients reach x and every weight of the block", BLOCK, conditioning=32.0)

# ── Llama ──

model_weights = exact("the model's weights, by name and shape", builds=LLAMA)
model_weights_when_tied = exact("no weights of a head where it is the embedding", builds=LLAMA)
model_holds_its_config = exact("the configuration stands in an attribute", builds=LLAMA)
model_of_one_token = _close("the model of one token", LLAMA)
model_of_a_text = _close("a text, and its own head for the logits", LLAMA)
model_of_a_batch = _close("several layers, each text by itself", LLAMA)
model_of_a_full_context = _close("a text as long as the context", LLAMA, reduction=40, conditioning=16.0)
model_with_tied_weights = _close("tied: the embedding scores the tokens", LLAMA)
model_with_another_theta = _close("theta comes from the configuration", LLAMA, reduction=30)
model_with_another_eps = _close("all norms take eps from the configuration", LLAMA)
model_with_scaled_positions = _close(
    "scaled rotary positions: linear and llama3", LLAMA, reduction=40, conditioning=16.0
)
model_of_padded_texts = _close("the filling behind a text is not seen", LLAMA)
model_does_not_see_the_future = _close("other tokens in the future do not change the past", LLAMA)
model_beyond_its_context = exact("a text longer than the context is refused with a ValueError", builds=LLAMA)
model_gradients = _close("gradients reach every weight of the model", LLAMA, conditioning=64.0)
model_in_other_dtypes = _close(
    "float64 and bfloat16 weights give logits in that dtype", LLAMA, conditioning=1e8, because=ANGLES
)
model_takes_weights_of_others = _close("weights can be loaded into another model", LLAMA)
model_begins_small = distributed_as("weights begin normal with a deviation of 0.02", builds=LLAMA)
model_norms_begin_as_ones = exact("norms begin as ones", builds=LLAMA)
cache_in_pieces = _close("the model with a cache, in pieces of several tokens", LLAMA)
caches_do_not_meet = _close("two caches at the same time", LLAMA)
cache_of_another_kind = _close("any cache that has length and update will do", LLAMA)
cache_beyond_the_context = _close("held and new tokens together stay within the context", LLAMA)

# ── rename_checkpoint ──

names_outside_the_layers = exact("embedding, last norm and head", builds=NAMES)
names_of_attention = exact("the four matrices of attention", builds=NAMES)
names_of_the_feed_forward_layer = exact("the three matrices of the feed-forward layer", builds=NAMES)
names_of_norms = exact("the two norms of a layer", builds=NAMES)
names_of_many_layers = exact("layers with numbers of one, two and three digits", builds=NAMES)
names_with_another_last_word = exact("the last word of a name is kept", builds=NAMES)
names_of_old_tables = exact("tables of rotary rates are left out", builds=NAMES)
names_that_are_not_known = exact("unknown names stay as they are", builds=NAMES)
names_known_in_another_place = exact("known words in another place stay as they are", builds=NAMES)
names_of_nothing = exact("an empty checkpoint, and one with a single name", builds=NAMES)
names_of_a_whole_checkpoint = _close("a whole checkpoint, renamed and loaded into the model", NAMES)
