"""How each driver's result is compared."""

from groundup.authoring import close, refused, valid

PLAIN = "gradient_descent"
MOMENTUM = "momentum_descent"
NESTEROV = "nesterov_descent"

STEPS = "each step feeds the rounding of the one before into the next, and a steep slope multiplies it"


def _path(title, build):
    return close(title, builds=build, reduction=16, conditioning=16, because=STEPS)


# ── gradient_descent ──

plain_one_number = _path("plainly: one number, one step after the other", PLAIN)
plain_down_a_valley = _path("plainly: nine steps down a valley that lies askew", PLAIN)
plain_down_bent_slopes = _path("plainly: slopes that bend", PLAIN)
plain_any_shape = _path("plainly: a matrix, a stack, one number, none: the path has one dimension more", PLAIN)
plain_few_steps = _path("plainly: no step, and one", PLAIN)
plain_from_the_lowest_place = _path("plainly: at the lowest place, and with a rate of zero, the path goes on", PLAIN)
plain_dtypes = _path("plainly: the dtype of x0, half precision too", PLAIN)
plain_strides = _path("plainly: x0 in a view with strides", PLAIN)
plain_borrowed_gradients = _path("plainly: gradients that belong to somebody else, and an x0 that stays", PLAIN)
plain_recorded_gradients = _path("plainly: a gradient by autograd, asked for once a step in the right places", PLAIN)
plain_away = _path("plainly: too large a rate: a path that runs away is returned as it is", PLAIN)
plain_refuses = valid("plainly: a negative number of steps is a ValueError", refused, builds=PLAIN)

# ── momentum_descent ──

momentum_one_number = _path("with momentum: one number, one step after the other", MOMENTUM)
momentum_down_a_valley = _path("with momentum: nine steps down a valley that lies askew", MOMENTUM)
momentum_down_bent_slopes = _path("with momentum: slopes that bend", MOMENTUM)
momentum_of_zero = _path("with momentum: a beta of zero is plain gradient descent", MOMENTUM)
momentum_any_shape = _path(
    "with momentum: a matrix, a stack, one number, none: the path has one dimension more", MOMENTUM
)
momentum_few_steps = _path("with momentum: no step, and one", MOMENTUM)
momentum_from_the_lowest_place = _path(
    "with momentum: at the lowest place, and with a rate of zero, the path goes on", MOMENTUM
)
momentum_dtypes = _path("with momentum: the dtype of x0, half precision too", MOMENTUM)
momentum_strides = _path("with momentum: x0 in a view with strides", MOMENTUM)
momentum_borrowed_gradients = _path(
    "with momentum: gradients that belong to somebody else, and an x0 that stays", MOMENTUM
)
momentum_recorded_gradients = _path(
    "with momentum: a gradient by autograd, asked for once a step in the right places", MOMENTUM
)
momentum_away = _path("with momentum: too large a rate: a path that runs away is returned as it is", MOMENTUM)
momentum_refuses = valid(
    "with momentum: negative steps, and a beta outside 0 to 1, are ValueErrors", refused, builds=MOMENTUM
)

# ── nesterov_descent ──

nesterov_one_number = _path("looking ahead: one number, one step after the other", NESTEROV)
nesterov_down_a_valley = _path("looking ahead: nine steps down a valley that lies askew", NESTEROV)
nesterov_down_bent_slopes = _path("looking ahead: slopes that bend", NESTEROV)
nesterov_of_zero = _path("looking ahead: a beta of zero is plain gradient descent", NESTEROV)
nesterov_any_shape = _path(
    "looking ahead: a matrix, a stack, one number, none: the path has one dimension more", NESTEROV
)
nesterov_few_steps = _path("looking ahead: no step, and one", NESTEROV)
nesterov_from_the_lowest_place = _path(
    "looking ahead: at the lowest place, and with a rate of zero, the path goes on", NESTEROV
)
nesterov_dtypes = _path("looking ahead: the dtype of x0, half precision too", NESTEROV)
nesterov_strides = _path("looking ahead: x0 in a view with strides", NESTEROV)
nesterov_borrowed_gradients = _path(
    "looking ahead: gradients that belong to somebody else, and an x0 that stays", NESTEROV
)
nesterov_recorded_gradients = _path(
    "looking ahead: a gradient by autograd, asked for once a step in the right places", NESTEROV
)
nesterov_away = _path("looking ahead: too large a rate: a path that runs away is returned as it is", NESTEROV)
nesterov_refuses = valid(
    "looking ahead: negative steps, and a beta outside 0 to 1, are ValueErrors", refused, builds=NESTEROV
)
