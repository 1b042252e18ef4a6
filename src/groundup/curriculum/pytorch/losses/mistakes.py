"""Wrong implementations that learners write. The name is the misconception, the docstring the hint."""

import math

import torch
from torch.nn import functional

from groundup.authoring import replaces
from groundup.stack import nn as stack


def _same(x, y):
    if x.shape != y.shape:
        raise ValueError(f"shapes {tuple(x.shape)} and {tuple(y.shape)}")


def _fit(logits, targets):
    if logits.shape[:-1] != targets.shape:
        raise ValueError(f"logits {tuple(logits.shape)}, targets {tuple(targets.shape)}")


# ── mse_loss ──


@replaces("mse_loss")
def mse_summed(prediction, target):
    """The squares were added up and not divided by their number. A mean has the same size for a large batch as for a small
    one, and so does the step that follows from it."""
    _same(prediction, target)
    return (prediction - target).square().sum()


@replaces("mse_loss")
def mse_without_squares(prediction, target):
    """This is the mean absolute difference. Here each difference is squared, so that large ones count more."""
    _same(prediction, target)
    return (prediction - target).abs().mean()


@replaces("mse_loss")
def mse_with_signs(prediction, target):
    """The differences were averaged with their signs: too high and too low cancel out."""
    _same(prediction, target)
    return (prediction - target).mean()


@replaces("mse_loss")
def mse_of_the_mean(prediction, target):
    """The mean was taken first and then squared. Square each difference, then take the mean."""
    _same(prediction, target)
    return (prediction - target).mean().square()


@replaces("mse_loss")
def mse_with_a_root(prediction, target):
    """This is the root of the mean squared difference. Without the root the gradient is proportional to the difference."""
    _same(prediction, target)
    return (prediction - target).square().mean().sqrt()


@replaces("mse_loss")
def mse_halved(prediction, target):
    """The result is half of what it should be. Some books put the factor in so that the derivative has no 2; here there is
    none."""
    _same(prediction, target)
    return 0.5 * (prediction - target).square().mean()


@replaces("mse_loss")
def mse_summed_over_features(prediction, target):
    """The sum was divided by the first dimension alone. The mean is over all entries."""
    _same(prediction, target)
    return (prediction - target).square().sum() / (len(target) if target.dim() else 1)


@replaces("mse_loss")
def mse_of_each_row(prediction, target):
    """One number came out for each row. A loss is one number, the mean over everything."""
    _same(prediction, target)
    return (prediction - target).square().mean(dim=-1)


@replaces("mse_loss")
def mse_less_one(prediction, target):
    """The sum was divided by one less than the number of entries. That belongs to the variance of a sample; this is a plain
    mean."""
    _same(prediction, target)
    return (prediction - target).square().sum() / max(target.numel() - 1, 1)


@replaces("mse_loss")
def mse_that_broadcasts(prediction, target):
    """Right for equal shapes, but unequal ones are broadcast: (n, 1) against (n,) compares each with each, raises no error, and
    trains the model towards the mean of all targets. Compare the shapes first."""
    return (prediction - target).square().mean()


@replaces("mse_loss")
def mse_flattened(prediction, target):
    """Shapes that differ are flattened, or compared by their number of entries. The shapes themselves have to be equal: (n, 1)
    against (n,) is a mistake of the caller's."""
    if prediction.numel() != target.numel():
        raise ValueError("unequal sizes")
    return (prediction.flatten() - target.flatten()).square().mean()


@replaces("mse_loss")
def mse_with_a_fixed_target(prediction, target):
    """The value is right, but no gradient reaches the target. Nothing about the mean of squares forbids one; whoever wants the
    target fixed detaches it."""
    _same(prediction, target)
    return (prediction - target.detach()).square().mean()


@replaces("mse_loss")
def mse_as_a_number(prediction, target):
    """The value is right, but it is no longer tied to the prediction (item, NumPy or detach): no gradient flows back."""
    _same(prediction, target)
    return (prediction - target).square().mean().detach()


@replaces("mse_loss")
def mse_in_place(prediction, target):
    """The value is right, but the prediction that was passed in has been changed in place (as -= does)."""
    _same(prediction, target)
    with torch.no_grad():
        prediction -= target
    return prediction.square().mean()


@replaces("mse_loss")
def mse_in_float32(prediction, target):
    """The mean is float32 whatever came in. It should have the dtype of the prediction."""
    _same(prediction, target)
    return (prediction.float() - target.float()).square().mean()


# ── cross_entropy ──


def _parts(logits, targets, ignore_index):
    """Which places count, a class for each, and the logarithms."""
    kept = targets != ignore_index
    return kept, targets.masked_fill(~kept, 0), logits.log_softmax(-1)


def _picked(logs, right):
    return logs.gather(-1, right.unsqueeze(-1)).squeeze(-1)


def _averaged(losses, kept, dtype):
    losses = losses.masked_fill(~kept, 0.0)
    total = losses.sum(dtype=torch.promote_types(losses.dtype, torch.float32))
    return (total / kept.sum().clamp(min=1)).to(dtype)


def _smoothed(losses, logs, s):
    return (1 - s) * losses - s * logs.mean(-1) if s else losses


@replaces("cross_entropy")
def cross_entropy_with_the_sign_turned(logits, targets, ignore_index=-100, label_smoothing=0.0):
    """The sign is missing: logarithms of shares are negative, and the loss is minus them. As it stands, training would make the
    right class as unlikely as it can."""
    return -stack.cross_entropy(logits, targets, ignore_index, label_smoothing)


@replaces("cross_entropy")
def cross_entropy_summed(logits, targets, ignore_index=-100, label_smoothing=0.0):
    """The places were added up. The loss is their mean: divided by how many of them count."""
    return stack.cross_entropy(logits, targets, ignore_index, label_smoothing) * (targets != ignore_index).sum()


@replaces("cross_entropy")
def cross_entropy_of_each_place(logits, targets, ignore_index=-100, label_smoothing=0.0):
    """One number came out for each place. A loss is one number: their mean."""
    _fit(logits, targets)
    kept, right, logs = _parts(logits, targets, ignore_index)
    return _smoothed(-_picked(logs, right), logs, label_smoothing).masked_fill(~kept, 0.0)


@replaces("cross_entropy")
def cross_entropy_in_bits(logits, targets, ignore_index=-100, label_smoothing=0.0):
    """The logarithm is to the base 2. Here it is natural: a uniform guess among 4 classes costs 1.386, not 2."""
    return stack.cross_entropy(logits, targets, ignore_index, label_smoothing) / math.log(2.0)


@replaces("cross_entropy")
def cross_entropy_of_shares(logits, targets, ignore_index=-100, label_smoothing=0.0):
    """The softmax was applied twice: the shares were handed on as if they were logits. They all lie between 0 and 1, so that the
    second softmax sees hardly any difference, and the loss can never get near 0."""
    return stack.cross_entropy(logits.softmax(-1), targets, ignore_index, label_smoothing)


@replaces("cross_entropy")
def cross_entropy_without_a_softmax(logits, targets, ignore_index=-100, label_smoothing=0.0):
    """Minus the right logit itself: the softmax is missing. A model would make all its logits large and learn nothing."""
    _fit(logits, targets)
    kept, right, _ = _parts(logits, targets, ignore_index)
    return _averaged(_smoothed(-_picked(logits, right), logits, label_smoothing), kept, logits.dtype)


@replaces("cross_entropy")
def cross_entropy_without_a_logarithm(logits, targets, ignore_index=-100, label_smoothing=0.0):
    """One less the share of the right class: the logarithm is missing. Where the model is sure and wrong this hardly has a
    gradient."""
    _fit(logits, targets)
    kept, right, _ = _parts(logits, targets, ignore_index)
    shares = logits.softmax(-1)
    return _averaged(1.0 + _smoothed(-_picked(shares, right), shares, label_smoothing), kept, logits.dtype)


@replaces("cross_entropy")
def cross_entropy_by_log_of_softmax(logits, targets, ignore_index=-100, label_smoothing=0.0):
    """Right for small logits. A share below the smallest float is rounded to 0, and its logarithm is minus infinity: take the
    logarithm of the softmax in one step, where nothing is rounded away."""
    _fit(logits, targets)
    kept, right, _ = _parts(logits, targets, ignore_index)
    logs = logits.softmax(-1).log()
    return _averaged(_smoothed(-_picked(logs, right), logs, label_smoothing), kept, logits.dtype)


@replaces("cross_entropy")
def cross_entropy_with_a_floor(logits, targets, ignore_index=-100, label_smoothing=0.0):
    """A small number was added to the shares before the logarithm. That keeps it finite and makes it wrong: no mistake can cost
    more than the logarithm of that number, and beyond it there is no gradient."""
    _fit(logits, targets)
    kept, right, _ = _parts(logits, targets, ignore_index)
    logs = (logits.softmax(-1) + 1e-8).log()
    return _averaged(_smoothed(-_picked(logs, right), logs, label_smoothing), kept, logits.dtype)


@replaces("cross_entropy")
def cross_entropy_of_raw_exponentials(logits, targets, ignore_index=-100, label_smoothing=0.0):
    """Right for small logits, but the exponentials are taken of the logits as they are: at 89 they are infinite in float32, and
    of very negative ones the sum is 0. Subtract the largest logit of each place first, or use a function that does."""
    _fit(logits, targets)
    kept, right, _ = _parts(logits, targets, ignore_index)
    logs = logits - logits.exp().sum(-1, keepdim=True).log()
    return _averaged(_smoothed(-_picked(logs, right), logs, label_smoothing), kept, logits.dtype)


@replaces("cross_entropy")
def cross_entropy_by_a_table_of_zeros(logits, targets, ignore_index=-100, label_smoothing=0.0):
    """Right where all logits are finite. The right class was picked by multiplying with zeros and a one; for a class with a logit
    of minus infinity that is zero times infinity, not a number. Pick by number instead."""
    _fit(logits, targets)
    kept, right, logs = _parts(logits, targets, ignore_index)
    losses = -(functional.one_hot(right, logits.shape[-1]).to(logs.dtype) * logs).sum(-1)
    return _averaged(_smoothed(losses, logs, label_smoothing), kept, logits.dtype)


@replaces("cross_entropy")
def cross_entropy_over_places(logits, targets, ignore_index=-100, label_smoothing=0.0):
    """The softmax runs along the first dimension: for each class, the shares of all places sum to 1. It is the classes of each
    place that share, the last dimension."""
    _fit(logits, targets)
    kept, right, _ = _parts(logits, targets, ignore_index)
    logs = logits.log_softmax(0)
    return _averaged(_smoothed(-_picked(logs, right), logs, label_smoothing), kept, logits.dtype)


@replaces("cross_entropy")
def cross_entropy_with_classes_second(logits, targets, ignore_index=-100, label_smoothing=0.0):
    """The classes were looked for in dimension 1, as PyTorch's own function wants them. Here they are the last dimension, wherever
    that is."""
    _fit(logits, targets)
    if logits.dim() < 3:
        return stack.cross_entropy(logits, targets, ignore_index, label_smoothing)
    return functional.cross_entropy(
        logits, targets, ignore_index=ignore_index, label_smoothing=label_smoothing
    )  # an error where the shapes tell


@replaces("cross_entropy")
def cross_entropy_ignores_nothing(logits, targets, ignore_index=-100, label_smoothing=0.0):
    """Places that should be ignored are counted as if their target were class 0: ignore_index is not used. Padding would
    be learned."""
    _fit(logits, targets)
    return stack.cross_entropy(logits, targets.clamp(0, logits.shape[-1] - 1), -(10**6), label_smoothing)


@replaces("cross_entropy")
def cross_entropy_divided_by_all(logits, targets, ignore_index=-100, label_smoothing=0.0):
    """Ignored places add nothing to the sum, but they were counted when it was divided: the more padding in a batch, the smaller
    its loss. Divide by the number of places that count."""
    kept = (targets != ignore_index).sum()
    return stack.cross_entropy(logits, targets, ignore_index, label_smoothing) * kept / max(targets.numel(), 1)


@replaces("cross_entropy")
def cross_entropy_ignores_only_minus_hundred(logits, targets, ignore_index=-100, label_smoothing=0.0):
    """What is ignored is -100, whatever ignore_index says."""
    _fit(logits, targets)
    kept, _, logs = _parts(logits, targets, -100)
    right = targets.masked_fill(~kept, 0)
    return _averaged(_smoothed(-_picked(logs, right), logs, label_smoothing), kept, logits.dtype)


@replaces("cross_entropy")
def cross_entropy_ignores_the_negative(logits, targets, ignore_index=-100, label_smoothing=0.0):
    """What is ignored is every negative target. It is what equals ignore_index, which may be one of the classes (the number of the
    padding token, for instance)."""
    _fit(logits, targets)
    kept = targets >= 0
    right, logs = targets.masked_fill(~kept, 0), logits.log_softmax(-1)
    return _averaged(_smoothed(-_picked(logs, right), logs, label_smoothing), kept, logits.dtype)


@replaces("cross_entropy")
def cross_entropy_not_a_number_of_nothing(logits, targets, ignore_index=-100, label_smoothing=0.0):
    """Where every place is ignored, 0 was divided by 0. One batch of padding then makes all weights not a number for good; the loss
    of nothing is 0."""
    _fit(logits, targets)
    flat, right = logits.reshape(-1, logits.shape[-1]), targets.reshape(-1)
    return functional.cross_entropy(flat, right, ignore_index=ignore_index, label_smoothing=label_smoothing)


@replaces("cross_entropy")
def cross_entropy_of_nothing_untied(logits, targets, ignore_index=-100, label_smoothing=0.0):
    """Where every place is ignored a new 0 is returned that has nothing to do with the logits: the backward pass of such a batch
    raises an error or leaves no gradients. They should be zeros."""
    if not bool((targets != ignore_index).any()):
        return torch.zeros((), dtype=logits.dtype)
    return stack.cross_entropy(logits, targets, ignore_index, label_smoothing)


@replaces("cross_entropy")
def cross_entropy_picks_from_the_end(logits, targets, ignore_index=-100, label_smoothing=0.0):
    """Targets to be ignored were used as numbers of classes all the same, before anything was masked. -1 picks the last class, and
    where that infinity or error is hidden depends on luck: put a class in their place first."""
    _fit(logits, targets)
    kept, logs = targets != ignore_index, logits.log_softmax(-1)
    losses = -logs.reshape(-1, logs.shape[-1])[torch.arange(targets.numel()), targets.reshape(-1)].reshape(
        targets.shape
    )
    return _averaged(_smoothed(losses, logs, label_smoothing), kept, logits.dtype)


@replaces("cross_entropy")
def cross_entropy_not_smoothed(logits, targets, ignore_index=-100, label_smoothing=0.0):
    """label_smoothing makes no difference: it is not used."""
    return stack.cross_entropy(logits, targets, ignore_index)


@replaces("cross_entropy")
def cross_entropy_smoothed_over_the_others(logits, targets, ignore_index=-100, label_smoothing=0.0):
    """What was taken from the right class was spread over the other classes alone. Here it is spread over all classes, the right
    one included, which so keeps a little more than 1 - s."""
    _fit(logits, targets)
    kept, right, logs = _parts(logits, targets, ignore_index)
    losses = -_picked(logs, right)
    if label_smoothing:
        others = (logs.sum(-1) + losses) / (logits.shape[-1] - 1)
        losses = (1 - label_smoothing) * losses - label_smoothing * others
    return _averaged(losses, kept, logits.dtype)


@replaces("cross_entropy")
def cross_entropy_smoothed_by_a_sum(logits, targets, ignore_index=-100, label_smoothing=0.0):
    """Every class got the whole of s, not its part of it: the aims then sum to far more than 1. s is divided among the classes."""
    _fit(logits, targets)
    kept, right, logs = _parts(logits, targets, ignore_index)
    losses = -_picked(logs, right)
    if label_smoothing:
        losses = (1 - label_smoothing) * losses - label_smoothing * logs.sum(-1)
    return _averaged(losses, kept, logits.dtype)


@replaces("cross_entropy")
def cross_entropy_smoothed_without_giving(logits, targets, ignore_index=-100, label_smoothing=0.0):
    """The aims of all classes were added without taking anything from the right one: they sum to 1 + s. The right class keeps
    1 - s."""
    _fit(logits, targets)
    kept, right, logs = _parts(logits, targets, ignore_index)
    losses = -_picked(logs, right)
    if label_smoothing:
        losses = losses - label_smoothing * logs.mean(-1)
    return _averaged(losses, kept, logits.dtype)


@replaces("cross_entropy")
def cross_entropy_scaled_by_smoothing(logits, targets, ignore_index=-100, label_smoothing=0.0):
    """The loss was multiplied by 1 - s and nothing was given to the other classes. That is only a smaller learning rate."""
    return (1 - label_smoothing) * stack.cross_entropy(logits, targets, ignore_index)


@replaces("cross_entropy")
def cross_entropy_smooths_what_it_ignores(logits, targets, ignore_index=-100, label_smoothing=0.0):
    """Right without smoothing, but the smoothing term is also added up over ignored places. What is ignored counts in neither
    term."""
    _fit(logits, targets)
    kept, right, logs = _parts(logits, targets, ignore_index)
    losses = _averaged(-_picked(logs, right), kept, logits.dtype)
    return (1 - label_smoothing) * losses - label_smoothing * logs.mean() if label_smoothing else losses


@replaces("cross_entropy")
def cross_entropy_overflows_in_the_sum(logits, targets, ignore_index=-100, label_smoothing=0.0):
    """The places were added up in float16, which ends at 65 504: a few thousand of them are enough. Add up in float32, or
    take means, and return to the dtype at the end."""
    _fit(logits, targets)
    kept, right, logs = _parts(logits, targets, ignore_index)
    losses = _smoothed(-_picked(logs, right), logs, label_smoothing).masked_fill(~kept, 0.0)
    return losses.sum() / kept.sum().clamp(min=1)


@replaces("cross_entropy")
def cross_entropy_in_float32(logits, targets, ignore_index=-100, label_smoothing=0.0):
    """The loss is float32 whatever came in. It should have the dtype of the logits."""
    return stack.cross_entropy(logits.float(), targets, ignore_index, label_smoothing)


@replaces("cross_entropy")
def cross_entropy_as_a_number(logits, targets, ignore_index=-100, label_smoothing=0.0):
    """The value is right, but it is no longer tied to the logits (item, NumPy or detach): no gradient flows back."""
    return stack.cross_entropy(logits, targets, ignore_index, label_smoothing).detach()


@replaces("cross_entropy")
def cross_entropy_with_a_fixed_sum(logits, targets, ignore_index=-100, label_smoothing=0.0):
    """The value is right, the gradients are not: the logarithm of the sum was cut off from the graph. It is what pushes the other
    classes down."""
    _fit(logits, targets)
    kept, right, _ = _parts(logits, targets, ignore_index)
    logs = logits - logits.logsumexp(-1, keepdim=True).detach()
    return _averaged(_smoothed(-_picked(logs, right), logs, label_smoothing), kept, logits.dtype)


@replaces("cross_entropy")
def cross_entropy_writes_into_targets(logits, targets, ignore_index=-100, label_smoothing=0.0):
    """The value is right, but the targets that were passed in have been changed: the places to be ignored now hold a class. The
    next use of the batch would learn it."""
    _fit(logits, targets)
    kept = targets != ignore_index
    targets[~kept] = 0
    logs = logits.log_softmax(-1)
    return _averaged(_smoothed(-_picked(logs, targets), logs, label_smoothing), kept, logits.dtype)


@replaces("cross_entropy")
def cross_entropy_of_any_shapes(logits, targets, ignore_index=-100, label_smoothing=0.0):
    """Shapes that do not fit are flattened and so fit after all: (2, 3) targets for logits of (3, 2, classes) compare each place
    with another one. Refuse them with a ValueError."""
    flat, right = logits.reshape(-1, logits.shape[-1]), targets.reshape(-1)
    if len(flat) != len(right):
        raise ValueError("unequal numbers of places")
    return stack.cross_entropy(flat, right, ignore_index, label_smoothing)


# ── binary_cross_entropy ──


@replaces("binary_cross_entropy")
def binary_by_log_of_sigmoid(logits, targets):
    """Right for small logits. Far from 0 the logistic function is rounded to 0 or 1, the logarithm of the rest is minus infinity,
    and zero times that is not a number: take the logarithm of the logistic function in one step."""
    _same(logits, targets)
    p = torch.sigmoid(logits)
    return -(targets * torch.log(p) + (1 - targets) * torch.log(1 - p)).mean()


@replaces("binary_cross_entropy")
def binary_with_a_floor(logits, targets):
    """The probabilities were kept away from 0 and 1 by a small number. No mistake then costs more than the logarithm of that
    number, and beyond it there is no gradient: who is surest and most wrong learns nothing."""
    _same(logits, targets)
    p = torch.sigmoid(logits).clamp(1e-7, 1 - 1e-7)
    return -(targets * torch.log(p) + (1 - targets) * torch.log(1 - p)).mean()


@replaces("binary_cross_entropy")
def binary_cut_at_a_hundred(logits, targets):
    """A loss above 100 is cut off: that is what PyTorch does when it is given probabilities and not logits. The cost of a wrong
    answer grows with its logit without end."""
    _same(logits, targets)
    return functional.binary_cross_entropy(torch.sigmoid(logits), targets)


@replaces("binary_cross_entropy")
def binary_of_probabilities(logits, targets):
    """The logits were taken for probabilities: the logistic function is missing, and logarithms of negative numbers are not
    numbers."""
    _same(logits, targets)
    return -(targets * torch.log(logits) + (1 - targets) * torch.log(1 - logits)).mean()


@replaces("binary_cross_entropy")
def binary_of_the_yes_alone(logits, targets):
    """Only the first term is there: an entry with target 0 costs nothing whatever the logit. Answering yes to everything would be
    perfect."""
    _same(logits, targets)
    return -(targets * functional.logsigmoid(logits)).mean()


@replaces("binary_cross_entropy")
def binary_turned_round(logits, targets):
    """Yes and no have changed places: high logits are rewarded where the target is 0."""
    return stack.binary_cross_entropy(-logits, targets)


@replaces("binary_cross_entropy")
def binary_with_the_sign_turned(logits, targets):
    """The sign is missing: the sum of logarithms is negative, and the loss is minus it."""
    return -stack.binary_cross_entropy(logits, targets)


@replaces("binary_cross_entropy")
def binary_summed(logits, targets):
    """The entries were added up. The loss is their mean."""
    return stack.binary_cross_entropy(logits, targets) * logits.numel()


@replaces("binary_cross_entropy")
def binary_summed_over_questions(logits, targets):
    """The sum was divided by the number of rows. Each entry is a question, and the mean is over all of them."""
    return stack.binary_cross_entropy(logits, targets) * logits.numel() / (len(logits) if logits.dim() else 1)


@replaces("binary_cross_entropy")
def binary_in_bits(logits, targets):
    """The logarithm is to the base 2. Here it is natural: a logit of 0 costs 0.693, not 1."""
    return stack.binary_cross_entropy(logits, targets) / math.log(2.0)


@replaces("binary_cross_entropy")
def binary_of_hard_targets(logits, targets):
    """The targets were rounded to 0 or 1. One of 0.3 is a target like any other: yes with three tenths, no with seven."""
    return stack.binary_cross_entropy(logits, (targets > 0.5).to(targets.dtype))


@replaces("binary_cross_entropy")
def binary_by_softmax(logits, targets):
    """The logits of a row were made to share (a softmax). Each entry is a question of its own, and several may be yes."""
    _same(logits, targets)
    p = logits.softmax(-1) if logits.dim() else logits.sigmoid()
    return -(targets * torch.log(p) + (1 - targets) * torch.log1p(-p)).mean()


@replaces("binary_cross_entropy")
def binary_as_squared_error(logits, targets):
    """This is the squared difference of probability and target. It is at most 1, and where the logistic function is flat it has
    hardly any gradient."""
    _same(logits, targets)
    return (torch.sigmoid(logits) - targets).square().mean()


@replaces("binary_cross_entropy")
def binary_that_overflows(logits, targets):
    """Right for small logits, but the exponential of a large one is infinite. Take the logarithm of 1 + exp(x) by a function that
    knows what to do there."""
    _same(logits, targets)
    return (torch.log(1 + torch.exp(logits)) - targets * logits).mean()


@replaces("binary_cross_entropy")
def binary_with_a_kink(logits, targets):
    """The values are right. But a formula with the absolute value and a bound at 0 has a kink in each of its terms at a logit of
    exactly 0, and autograd takes the slope of one side: gradients of new models, whose logits are 0, come out wrong."""
    _same(logits, targets)
    return (logits.clamp(min=0) - logits * targets + torch.log1p(torch.exp(-logits.abs()))).mean()


@replaces("binary_cross_entropy")
def binary_that_broadcasts(logits, targets):
    """Right for equal shapes, but unequal ones are broadcast: (n, 1) against (n,) asks each question of each answer. Compare the
    shapes first."""
    return -(targets * functional.logsigmoid(logits) + (1 - targets) * functional.logsigmoid(-logits)).mean()


@replaces("binary_cross_entropy")
def binary_as_a_number(logits, targets):
    """The value is right, but no gradient reaches the logits: it was cut off from the graph (item, NumPy or detach)."""
    return stack.binary_cross_entropy(logits, targets).detach()


@replaces("binary_cross_entropy")
def binary_in_float32(logits, targets):
    """The result is float32 whatever the logits are. It should have their dtype."""
    return stack.binary_cross_entropy(logits.float(), targets.float())


@replaces("mse_loss")
def mse_of_equal_counts(prediction, target):
    """What was compared is how many entries there are, or how many dimensions, not the shapes: (2, n) against (n, 2) was
    flattened and let through, and each prediction met the target of another."""
    if prediction.numel() != target.numel() or prediction.ndim != target.ndim:
        raise ValueError("unequal")
    return (prediction.reshape(-1) - target.reshape(-1)).square().mean()


@replaces("binary_cross_entropy")
def binary_overflows_in_the_sum(logits, targets):
    """The terms were added up in half precision before the division: float16 ends at 65 504, and the loss is infinite there."""
    _same(logits, targets)
    yes, no = targets * functional.logsigmoid(logits), (1 - targets) * functional.logsigmoid(-logits)
    return -(yes + no).sum() / logits.numel()
