"""How the result of each driver is compared with the reference's."""

from groundup.authoring import close, refused, valid

CLIP, RATE, STEP = "clip_grad_norm", "warmup_cosine", "train_step"


def _nothing_done(returned, expected):
    """None where the call was answered by a ValueError and changed no parameter."""
    if not isinstance(returned, list) or len(returned) != 2:
        return "one answer was expected"
    return refused(returned[:1], expected[:1]) or (
        None if returned[1] == expected[1] else "the parameters have changed"
    )


# ── clip_grad_norm ──

clip_one_short_vector = close("one gradient that is too long is shortened", builds=CLIP, reduction=2)
clip_several_tensors = close("several gradients are one long vector", builds=CLIP, reduction=30)
clip_unequal_tensors = close("one factor for all: the direction stays", builds=CLIP, reduction=22)
clip_many_short_tensors = close("each short enough, all together too long", builds=CLIP, reduction=36)
clip_leaves_short_gradients = close("what is short enough is left alone", builds=CLIP, reduction=30)
clip_below_one = close("gradients shorter than 1", builds=CLIP, reduction=30)
clip_in_float64 = close("float64, with all its digits", builds=CLIP, reduction=30)
clip_skips_what_has_no_gradient = close("parameters without a gradient do not count", builds=CLIP, reduction=30)
clip_where_nothing_has_a_gradient = close("where there is no gradient, the norm is 0", builds=CLIP)
clip_parameters_gone_through_once = close("model.parameters() can be gone through only once", builds=CLIP, reduction=44)
clip_what_is_not_finite = close("a norm that is not finite is returned, and changes nothing", builds=CLIP, reduction=10)
clip_refuses_an_odd_bound = valid("a bound that is not above 0 is refused with a ValueError", refused, builds=CLIP)

# ── warmup_cosine ──

rates_while_it_climbs = close("an even climb; the first update moves already", builds=RATE)
rates_around_the_peak = close("the last update of the climb has the peak, and so has the next", builds=RATE)
rates_while_it_falls = close("half a cosine down to zero", builds=RATE)
rates_with_a_floor = close("half a cosine down to the floor", builds=RATE)
rates_with_a_floor_by_name = close("arguments by name", builds=RATE)
rates_at_the_end_and_after = close("the floor from update `total` on", builds=RATE)
rates_without_a_climb = close("no climb where warmup is 0", builds=RATE)
rates_without_a_fall = close("no fall where warmup is total", builds=RATE)
rates_of_a_long_run = close("the numbers of a long run", builds=RATE)
rates_that_make_no_sense = valid("lengths that make no sense are refused with a ValueError", refused, builds=RATE)

# ── train_step ──

one_micro_batch = close("one micro-batch: forward, backward, step", builds=STEP, reduction=6)
several_micro_batches = close("several micro-batches give the step of one large batch", builds=STEP, reduction=30)
steps_in_a_row = close(
    "several steps in a row",
    builds=STEP,
    reduction=30,
    conditioning=1000.0,
    because="Adam divides gradients by their own size, so small ones bring the rounding of large ones along",
)
old_gradients_do_not_count = close("gradients from earlier do not count", builds=STEP, reduction=30)
gradients_of_the_mean = close("the gradient is that of the mean", builds=STEP, reduction=30)
a_loss_that_tells_its_arguments_apart = close(
    "the loss gets the model's outputs first, then the targets", builds=STEP, reduction=30
)
one_after_the_other = close("each micro-batch is finished before the next begins", builds=STEP, reduction=30)
result_hangs_on_no_graph = close("the mean loss comes back without its graph", builds=STEP, reduction=30)
model_in_training_mode = close("the model runs in training mode, and stays in it", builds=STEP, reduction=30)
frozen_parameters_stay = close("parameters that are frozen stay as they are", builds=STEP, reduction=30)
batches_left_as_they_were = close("inputs and targets are not changed", builds=STEP, reduction=30)
no_micro_batch = valid("a step without any micro-batch is refused with a ValueError", _nothing_done, builds=STEP)
a_short_training = close(
    "a short training with a clipping optimizer",
    builds=STEP,
    reduction=30,
    conditioning=1000.0,
    because="three steps of Adam, each of which divides gradients by their own size",
)
