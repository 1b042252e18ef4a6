"""How the result of each driver is compared with the reference's."""

from groundup.authoring import close, refused, valid

TABLES = "rope_frequencies"
TURN = "apply_rope"

ANGLES = "an angle is rounded in proportion to its size, so the table by as much as the last position is large"
HALF = "in half precision the tables and two products are rounded before they are added; others round only the sum"


# ── rope_frequencies ──

tables_of_one_pair = close("one pair: its angle is the position", builds=TABLES, conditioning=5.0, because=ANGLES)
tables_of_two_pairs = close("two pairs, each twice in a row", builds=TABLES, conditioning=6.0, because=ANGLES)
tables_of_an_odd_number_of_pairs = close("three, five or seven pairs", builds=TABLES, conditioning=3.0, because=ANGLES)
tables_of_one_position = close("the first position does not turn", builds=TABLES)
tables_of_many_pairs = close("more pairs than positions", builds=TABLES, conditioning=2.0, because=ANGLES)
tables_of_a_long_text = close("more positions than pairs", builds=TABLES, conditioning=12.0, because=ANGLES)
tables_with_another_theta = close("another theta", builds=TABLES, conditioning=3.0, because=ANGLES)
tables_far_away = close("positions beyond 2,000", builds=TABLES, conditioning=400.0, because=ANGLES)
tables_under_another_default = close(
    "float32, also where the default dtype is another", builds=TABLES, conditioning=60.0, because=ANGLES
)
tables_are_new_each_time = close(
    "whoever edits a table does not change the other one, or the next", builds=TABLES, conditioning=2.0, because=ANGLES
)
tables_of_odd_numbers = valid("an odd head_dim is refused", refused, builds=TABLES)
tables_of_no_numbers = valid("a head_dim of 0, or a negative one, is refused", refused, builds=TABLES)

# ── apply_rope ──

turned_one_pair = close("one arrow, turned", builds=TURN, reduction=2)
turned_one_position = close("two pairs, each by its own angle", builds=TURN, reduction=2)
turned_one_text = close("each position by its own angles", builds=TURN, reduction=2)
turned_heads = close("all heads of a position turn alike", builds=TURN, reduction=2)
turned_batches_of_heads = close("any dimensions before the positions", builds=TURN, reduction=2)
turned_by_nothing_and_by_a_quarter = close("no turn, a quarter turn, half a turn", builds=TURN, reduction=2)
turned_and_back = close("turned, and turned back", builds=TURN, reduction=4)
turned_at_later_positions = close("rows from the middle of longer tables", builds=TURN, reduction=2)
turned_one_token_while_writing = close("one new token at a later position", builds=TURN, reduction=2)
turned_at_positions_in_any_order = close("positions in any order, some of them twice", builds=TURN, reduction=2)
turned_transposed_tensors = close("the memory layout does not matter", builds=TURN, reduction=2)
turned_in_float64 = close("float64 stays float64, with all its digits", builds=TURN, reduction=2)
turned_in_half_precision = close(
    "bfloat16 and float16 are kept, whatever the tables are", builds=TURN, reduction=2, conditioning=2.0, because=HALF
)
turned_by_tables_in_float64 = close("float32 is kept where the tables are float64", builds=TURN, reduction=2)
turned_inputs_left_alone = close("the inputs are not changed", builds=TURN, reduction=2)
turned_gradients = close("gradients are turned back", builds=TURN, reduction=2)
turned_gradients_in_half_precision = close(
    "gradients in bfloat16", builds=TURN, reduction=2, conditioning=2.0, because=HALF
)
turned_by_tables_of_other_lengths = valid("tables of other lengths are refused", refused, builds=TURN)
turned_by_tables_of_one_row = valid("a single row is not stretched, and many not taken for one", refused, builds=TURN)
turned_by_tables_of_other_widths = valid("tables of other widths are refused", refused, builds=TURN)
turned_by_sines_of_another_shape = valid("sines of another shape than the cosines are refused", refused, builds=TURN)

turned_by_tables_of_three_dimensions = valid("tables with a batch dimension are refused", refused, builds=TURN)

# ── both ──

scores_depend_on_the_distance = close(
    "scores of what was turned", builds=(TABLES, TURN), reduction=8, conditioning=6.0, because=ANGLES
)
