"""How the result of each driver is compared with the reference's."""

from groundup.authoring import close, refused, refused_with_shapes, valid

CONDITIONAL = "conditional"
TOTAL = "total_probability"
BAYES = "bayes"

LOGARITHMS = "who adds logarithms rounds sums as large as the logarithm of the whole product, which is many times 1"


def _no_axis(returned, expected):
    return refused(returned, expected, "IndexError")


# ── conditional ──

conditional_on_rows = close("given the row, each row adds up to 1", builds=CONDITIONAL, reduction=3)
conditional_on_columns = close("given the column, each column adds up to 1", builds=CONDITIONAL, reduction=2)
conditional_of_counts = close("counts will do: only proportions matter", builds=CONDITIONAL, reduction=5)
conditional_of_one_variable = close("one variable, or one value", builds=CONDITIONAL, reduction=4)
conditional_of_three_variables = close(
    "three variables: the other two share what there is", builds=CONDITIONAL, reduction=12
)
conditional_counted_from_the_end = close(
    "axes counted from the end, in float64, on a view with strides", builds=CONDITIONAL, reduction=15
)
conditional_on_the_impossible = close(
    "given what has probability 0, the answer is zeros", builds=CONDITIONAL, reduction=5
)
conditional_of_tiny_masses = close("rare values have conditional distributions, too", builds=CONDITIONAL, reduction=4)
conditional_gradients = close(
    "gradients reach the table, and are finite beside what is impossible", builds=CONDITIONAL, reduction=8
)
conditional_without_such_an_axis = valid("an axis that is not there: an IndexError", _no_axis, builds=CONDITIONAL)

# ── total_probability ──

total_of_two_hypotheses = close("two hypotheses, each with its share", builds=TOTAL, reduction=2)
total_of_one_hypothesis_or_outcome = close("one hypothesis, or one outcome", builds=TOTAL, reduction=5)
total_in_a_batch = close("total: each prior of a batch meets its own likelihood", builds=TOTAL, reduction=3)
total_of_batches_that_broadcast = close("total: batch dimensions broadcast", builds=TOTAL, reduction=3)
total_of_strided_float64 = close("total: float64, views with strides", builds=TOTAL, reduction=3)
total_of_tiny_masses = close("total: tiny masses", builds=TOTAL, reduction=3)
total_gradients = close("total: gradients reach prior and likelihood", builds=TOTAL, reduction=5)
total_of_unequal_hypotheses = valid(
    "total: different numbers of hypotheses are refused with a ValueError that shows both shapes",
    refused_with_shapes,
    builds=TOTAL,
)

# ── bayes ──

bayes_after_one_outcome = close("the posterior after one outcome", builds=BAYES, reduction=2)
bayes_after_several = close("the posterior after several outcomes", builds=BAYES, reduction=4)
bayes_after_the_same_again = close("what is seen three times counts three times", builds=BAYES, reduction=4)
bayes_after_nothing = close("without evidence the prior stays, made to add up to 1", builds=BAYES, reduction=4)
bayes_in_a_batch = close("bayes: batches, which broadcast", builds=BAYES, reduction=7)
bayes_with_zeros = close("what is impossible gets 0, the rest adds up to 1", builds=BAYES, reduction=4)
bayes_where_nothing_is_possible = close(
    "where no hypothesis allows what was seen, the answer is zeros", builds=BAYES, reduction=3
)
bayes_of_tiny_masses = close(
    "bayes: masses whose product no float32 holds", builds=BAYES, reduction=5, conditioning=50.0, because=LOGARITHMS
)
bayes_of_long_evidence = close(
    "two thousand outcomes, first for one hypothesis, then for another",
    builds=BAYES,
    reduction=2000,
    conditioning=100.0,
    because=LOGARITHMS,
)
bayes_of_long_evidence_in_a_batch = close(
    "bayes: each posterior of a batch by itself, however unlikely its evidence is beside the others'",
    builds=BAYES,
    reduction=24,
    conditioning=200.0,
    because=LOGARITHMS,
)
bayes_of_strided_float64 = close("bayes: float64, views with strides", builds=BAYES, reduction=4)
bayes_gradients = close(
    "bayes: gradients reach prior and likelihood, and are finite at zeros", builds=BAYES, reduction=8
)
bayes_gradients_where_nothing_is_possible = close(
    "bayes: gradients are finite where nothing is possible", builds=BAYES, reduction=3
)
bayes_of_unequal_hypotheses = valid(
    "bayes: different numbers of hypotheses are refused with a ValueError that shows both shapes",
    refused_with_shapes,
    builds=BAYES,
)
