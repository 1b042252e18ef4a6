"""How the result of each driver is compared with the reference's."""

from groundup.authoring import close, exact

CACHE = "KVCache"
BYTES = "cache_bytes"
GENERATE = "generate_cached"

# ── KVCache ──

cache_of_one_layer = exact("keys and values come back, old ones first", builds=CACHE)
cache_counts_its_positions = exact("length counts the positions that are held", builds=CACHE)
cache_fills_its_room = exact("all of the room can be used", builds=CACHE)
cache_of_several_layers = exact("every layer holds its own", builds=CACHE)
cache_in_the_middle_of_a_pass = exact("length counts what every layer holds", builds=CACHE)
cache_named_and_with_a_device = exact("arguments by name, with dtype and device", builds=CACHE)
cache_in_other_dtypes = exact("all is kept in the cache's dtype", builds=CACHE)
cache_without_room = exact("what has no room is refused with a ValueError, and nothing is kept of it", builds=CACHE)
cache_holds_what_it_held = exact("whoever changes k and v afterwards does not change the cache", builds=CACHE)
cache_copies_nothing_again = exact("what is held is not copied again: the same memory at every call", builds=CACHE)
caches_of_two_texts = exact("two caches do not share anything", builds=CACHE)
cache_and_attention = close("attention over the cache, token by token", builds=CACHE, reduction=6)

# ── cache_bytes ──

bytes_of_one_position = exact("one byte for each number of one position", builds=BYTES)
bytes_of_a_text = exact("a longer text, and more bytes for a value", builds=BYTES)
bytes_of_a_batch = exact("several texts", builds=BYTES)
bytes_of_one_kv_head = exact("it is the key and value heads that count", builds=BYTES)
bytes_of_a_large_model = exact("billions of bytes, exactly", builds=BYTES)
bytes_by_name = exact("cache_bytes: arguments by name", builds=BYTES)

# ── generate_cached ──

cached_one_token = exact("one token more", builds=GENERATE)
cached_several_tokens = exact("several tokens, each from the text so far", builds=GENERATE)
cached_batch = exact("several texts at once", builds=GENERATE)
cached_nothing = exact("no token more: the prompt comes back", builds=GENERATE)
cached_every_token_once = exact("every token is run through the model once, in one cache", builds=GENERATE)
cached_without_gradients = exact("no gradients are recorded", builds=GENERATE)
cached_in_other_dtypes = exact("the dtype of the text is kept", builds=GENERATE)
cached_and_the_prompt_left_alone = exact("the prompt is not changed", builds=GENERATE)
cached_with_zero_as_a_token = exact("no token ends the text", builds=GENERATE)
cached_with_attention = exact("a layer of attention with your own cache", builds=(CACHE, GENERATE))
