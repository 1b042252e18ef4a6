"""How the result of each driver is compared with the reference's."""

from groundup.authoring import close

SGD, RMS, ADAM, ADAMW = "SGD", "RMSprop", "Adam", "AdamW"

STEPS = "the rounding of one step is carried on by the next, and by what is remembered"
HALF = "bfloat16 has three digits, and each of the operations of a step rounds to them"


def _steps(title, builds, count, factor=2.0):
    """Numbers after ``count`` steps, whose roundings add up."""
    return close(title, builds=builds, reduction=4 * count, conditioning=factor, because=STEPS)


# ── SGD ──

sgd_one_step = close("SGD: one step against the gradient", builds=SGD, reduction=2)
sgd_of_several_parameters = _steps("SGD: parameters of several shapes", SGD, 2)
sgd_with_momentum = _steps("SGD: momentum", SGD, 4)
sgd_with_weight_decay = _steps("SGD: weight decay", SGD, 3)
sgd_with_both = _steps("SGD: momentum and weight decay, by position", SGD, 4)
sgd_of_equal_shapes = _steps("SGD: parameters of equal shape have velocities of their own", SGD, 3)
sgd_with_a_changing_rate = _steps("SGD: the learning rate is changed between steps", SGD, 4)
sgd_without_some_gradients = _steps("SGD: a parameter without a gradient is left alone", SGD, 4)
sgd_with_gradients_of_zeros = _steps("SGD: a gradient of zeros is a gradient", SGD, 3)
sgd_forgets_gradients = close("SGD: zero_grad sets gradients to None", builds=SGD, reduction=2)
sgd_leaves_gradients_alone = _steps("SGD: a step does not change the gradients", SGD, 3)
sgd_in_float64 = _steps("SGD: float64, with all its digits", SGD, 3)
sgd_in_half_precision = close("SGD: bfloat16 and float16", builds=SGD, reduction=4, conditioning=2.0, because=HALF)
sgd_trains = _steps("SGD: a small network, trained for four steps", SGD, 4, 4.0)
sgd_resumes = _steps("SGD: an interrupted training goes on exactly", SGD, 5, 4.0)
sgd_shares_nothing = _steps("SGD: a loaded state is copied", SGD, 5)
sgd_of_nothing = close("SGD: no parameters are a ValueError", builds=SGD)

# ── RMSprop ──

rmsprop_one_step = close("RMSprop: one step", builds=RMS, reduction=4)
rmsprop_of_several_parameters = _steps("RMSprop: parameters of several shapes", RMS, 4)
rmsprop_as_it_comes = _steps("RMSprop: with the default settings, in float64", RMS, 3)
rmsprop_with_a_large_eps = _steps("RMSprop: eps is added after the root", RMS, 3)
rmsprop_of_equal_shapes = _steps("RMSprop: parameters of equal shape have means of their own", RMS, 3)
rmsprop_with_a_changing_rate = _steps("RMSprop: the learning rate is changed between steps", RMS, 4)
rmsprop_without_some_gradients = _steps("RMSprop: a parameter without a gradient is left alone", RMS, 5)
rmsprop_with_gradients_of_zeros = _steps("RMSprop: gradients of zeros, at the first step too", RMS, 4)
rmsprop_leaves_gradients_alone = _steps("RMSprop: a step does not change the gradients", RMS, 3)
rmsprop_trains = _steps("RMSprop: a small network, trained for four steps", RMS, 4, 8.0)
rmsprop_resumes = _steps("RMSprop: an interrupted training goes on exactly", RMS, 5, 8.0)
rmsprop_shares_nothing = _steps("RMSprop: a loaded state is copied", RMS, 5)

# ── Adam ──

adam_one_step = close("Adam: the first step is lr, whatever the size of the gradient", builds=ADAM, reduction=4)
adam_of_several_parameters = _steps("Adam: parameters of several shapes", ADAM, 5)
adam_as_it_comes = _steps("Adam: with the default settings, in float64", ADAM, 4)
adam_with_a_large_eps = _steps("Adam: eps is added after the correction and the root", ADAM, 3)
adam_of_equal_shapes = _steps("Adam: parameters of equal shape have means of their own", ADAM, 3)
adam_with_a_changing_rate = _steps("Adam: the learning rate is changed between steps", ADAM, 4)
adam_without_some_gradients = _steps("Adam: a parameter without a gradient is left alone", ADAM, 5)
adam_of_a_late_parameter = _steps("Adam: a parameter counts its own steps", ADAM, 5)
adam_with_gradients_of_zeros = _steps("Adam: gradients of zeros, at the first step too", ADAM, 4)
adam_of_small_and_large_gradients = _steps("Adam: gradients of 0.0001 and of 10 000", ADAM, 4)
adam_leaves_gradients_alone = _steps("Adam: a step does not change the gradients", ADAM, 3)
adam_trains = _steps("Adam: a small network, trained for four steps", ADAM, 4, 8.0)
adam_resumes = _steps("Adam: an interrupted training goes on exactly", ADAM, 5, 8.0)
adam_shares_nothing = _steps("Adam: a loaded state is copied", ADAM, 5)
adam_refuses_the_state_of_others = close("Adam: a state of other parameters is refused with a ValueError", builds=ADAM)

# ── AdamW ──

adamw_one_step = close("AdamW: one step", builds=ADAMW, reduction=4)
adamw_of_several_parameters = _steps("AdamW: parameters of several shapes", ADAMW, 5)
adamw_as_it_comes = _steps("AdamW: with the default settings, in float64", ADAMW, 4)
adamw_without_decay = _steps("AdamW: without weight decay it is Adam", ADAMW, 3)
adamw_with_a_large_eps = _steps("AdamW: eps is added after the correction and the root", ADAMW, 3)
adamw_of_large_gradients = _steps("AdamW: the decay does not depend on the size of the gradient", ADAMW, 3)
adamw_with_a_changing_rate = _steps("AdamW: the learning rate is changed between steps", ADAMW, 4)
adamw_without_some_gradients = _steps("AdamW: a parameter without a gradient is not decayed", ADAMW, 5)
adamw_with_gradients_of_zeros = _steps("AdamW: with a gradient of zeros it still decays", ADAMW, 1)
adamw_leaves_gradients_alone = _steps("AdamW: a step does not change the gradients", ADAMW, 3)
adamw_trains = _steps("AdamW: a small network, trained for four steps", ADAMW, 4, 8.0)
adamw_resumes = _steps("AdamW: an interrupted training goes on exactly", ADAMW, 5, 8.0)
adamw_shares_nothing = _steps("AdamW: a loaded state is copied", ADAMW, 5)
