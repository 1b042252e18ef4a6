"""How the result of each driver is compared with the reference's."""

import torch

from groundup.authoring import close, refused, valid

NORMAL = "fit_normal"
LIKELIHOOD = "negative_log_likelihood"
LOGISTIC = "fit_logistic"

ENOUGH = {torch.float32: 1e-6, torch.float64: 1e-8}
SURE = 0.95
FAR = "samples near a million are rounded where they are; their squares lose far more"
CANCELED = "terms of both signs may nearly cancel"

# ── fit_normal ──

normal_of_three = close("three samples", builds=NORMAL, reduction=3, conditioning=4.0, because=CANCELED)
normal_of_a_few = close("two, five and seventeen samples", builds=NORMAL, reduction=17)
normal_of_one_sample = close("a normal fit to one sample, or to equal ones, has no spread", builds=NORMAL, reduction=4)
normal_in_a_batch = close("each row of a batch has its own normal fit", builds=NORMAL, reduction=7)
normal_of_a_view = close("a normal fit in float64, to a view with strides", builds=NORMAL, reduction=8)
normal_far_from_zero = close("a normal fit around a million", builds=NORMAL, reduction=9, conditioning=1e6, because=FAR)
normal_of_tiny_samples = close("a normal fit to tiny samples", builds=NORMAL, reduction=6)
normal_gradients = close("gradients of the normal fit", builds=NORMAL, reduction=5, conditioning=4.0, because=CANCELED)
normal_of_no_sample = valid("no sample: a ValueError", refused, builds=NORMAL)

# ── negative_log_likelihood ──

likelihood_of_three = close("three observations", builds=LIKELIHOOD, reduction=3)
likelihood_of_rows = close("one number for each row, for all its observations together", builds=LIKELIHOOD, reduction=5)
likelihood_of_densities = close(
    "densities above 1 have positive logarithms", builds=LIKELIHOOD, reduction=6, conditioning=4.0, because=CANCELED
)
likelihood_of_a_view = close("likelihood: a view with strides", builds=LIKELIHOOD, reduction=9)
likelihood_of_thousands = close("thousands of observations", builds=LIKELIHOOD, reduction=4000)
likelihood_of_the_impossible = close("one impossible observation", builds=LIKELIHOOD, reduction=4)
likelihood_of_the_improbable = close("very improbable observations", builds=LIKELIHOOD, reduction=3)
likelihood_of_nothing = close("no observation at all", builds=LIKELIHOOD)
likelihood_of_one_observation = close("rows of a single observation", builds=LIKELIHOOD)
likelihood_in_half_precision = close("bfloat16 and float16 are added up in float32", builds=LIKELIHOOD, reduction=9000)
likelihood_gradients = close("gradients of the likelihood", builds=LIKELIHOOD)

# ── fit_logistic ──


def _malformed(returned, expected):
    """What is wrong with the form of a list of fits, each [w, b, x, y]."""
    if not isinstance(returned, list) or len(returned) != len(expected):
        return "one fit for each data set was expected"
    for mine, right in zip(returned, expected):
        for name, one, other in zip("wb", mine, right):
            if type(one) is not torch.Tensor:
                return f"two tensors (w, b) were expected, and {name} is none"
            if one.shape != other.shape:
                return f"{name} has shape {tuple(one.shape)} where {tuple(other.shape)} was expected"
            if one.dtype != other.dtype:
                return f"{name} is {one.dtype} where {other.dtype} was expected"
            if not bool(one.isfinite().all()):
                return f"{name} is not finite"
    return None


def _logarithms(w, b, x, y):
    """For each sample the logarithm of the chance of its label."""
    scores = x.double() @ w.double() + b.double()
    return torch.nn.functional.logsigmoid(torch.where(y.double() == 1, scores, -scores))


def _surprises(returned, expected):
    """For each fit the mean surprise at the labels, and the smallest possible one; the data are the judge's own."""
    for (w, b, *_), (best_w, best_b, x, y) in zip(returned, expected):
        yield -float(_logarithms(w, b, x, y).mean()), -float(_logarithms(best_w, best_b, x, y).mean()), x.dtype


def most_likely(returned, expected):
    wrong = _malformed(returned, expected)
    if wrong is None:
        for mine, least, dtype in _surprises(returned, expected):
            if not mine - least <= ENOUGH[dtype]:
                return f"the mean of -log(chance of the label) is {mine:.9g}, where {least:.9g} can be reached"
    return wrong


def on_the_way(returned, expected):
    """After one step (the first fit; the second is the whole way): better than at the start, and not yet there."""
    wrong = _malformed(returned, expected)
    if wrong is None:
        _, (best_w, best_b, x, y) = expected
        zeros = torch.zeros_like(best_w), torch.zeros_like(best_b)
        start, mine, least = (
            -float(_logarithms(*one, x, y).mean()) for one in (zeros, returned[0][:2], (best_w, best_b))
        )
        if not mine < start:
            return f"after one step the mean of -log(chance of the label) is {mine:.9g}, not below the {start:.9g} of the start"
        if not mine > least + 1e-6:
            return "one step cannot have led to the end: more were taken"
    return wrong


def sure(returned, expected):
    wrong = _malformed(returned, expected)
    if wrong is None:
        for (w, b, *_), (_, _, x, y) in zip(returned, expected):
            least = float(_logarithms(w, b, x, y).exp().min())
            if not least >= SURE:
                return f"one label has a chance of {least:.9g} only, although all can be told apart"
    return wrong


logistic_of_two_groups = valid("one feature that is 0 or 1", most_likely, builds=LOGISTIC)
logistic_of_one_feature = valid("one feature", most_likely, builds=LOGISTIC)
logistic_of_several_features = valid("two features, and four", most_likely, builds=LOGISTIC)
logistic_in_float32 = valid("logistic: float32", most_likely, builds=LOGISTIC)
logistic_of_labels_of_other_dtypes = valid("labels may be whole numbers or booleans", most_likely, builds=LOGISTIC)
logistic_of_a_rare_label = valid("one label is rare", most_likely, builds=LOGISTIC)
logistic_of_a_view = valid("logistic: views with strides", most_likely, builds=LOGISTIC)
logistic_in_other_units = valid("features in thousands and in thousandths", most_likely, builds=LOGISTIC)
logistic_far_from_zero = valid("features far from zero", most_likely, builds=LOGISTIC)
logistic_with_samples_far_out = valid("a few samples far out", most_likely, builds=LOGISTIC)
logistic_with_a_column_twice = valid("columns that repeat each other", most_likely, builds=LOGISTIC)
logistic_with_constant_columns = valid("columns that are constant", most_likely, builds=LOGISTIC)
logistic_of_separated_labels = valid("labels that can be separated", sure, builds=LOGISTIC)
logistic_of_one_kind_of_label = valid("only one kind of label", sure, builds=LOGISTIC)
logistic_of_no_step = close("no step: zeros", builds=LOGISTIC)
logistic_of_one_step = valid("one step leads down, but not to the end", on_the_way, builds=LOGISTIC)
logistic_refuses_other_labels = valid("labels other than 0 and 1: a ValueError", refused, builds=LOGISTIC)
logistic_refuses_other_sizes = valid("as many labels as rows, or a ValueError", refused, builds=LOGISTIC)
logistic_refuses_negative_steps = valid("steps below 0: a ValueError", refused, builds=LOGISTIC)
