"""Wrong descents, each named for what its author believed. The docstring is the hint that a learner reads."""

import torch

from groundup.authoring import replaces
from groundup.stack.numerics import descent as right


def _require(steps, beta=0.0):
    if steps < 0 or not 0 <= beta < 1:
        raise ValueError("steps or beta")


def _ball(move):
    """A descent with a velocity from a function of (grad, place, velocity, lr, beta) to the next place and velocity."""

    def descend(grad, x0, lr, beta, steps):
        _require(steps, beta)
        path, velocity = [x0], torch.zeros_like(x0)
        for _ in range(steps):
            place, velocity = move(grad, path[-1], velocity, lr, beta)
            path.append(place)
        return torch.stack(path)

    return descend


# ── gradient_descent ──


@replaces("gradient_descent")
def uphill(grad, x0, lr, steps):
    """The path goes uphill. The gradient points to where the function rises, so a descent has to go the other way."""
    return right.gradient_descent(lambda x: -grad(x), x0, lr, steps)


@replaces("gradient_descent")
def start_left_out(grad, x0, lr, steps):
    """The steps are right, but the path lacks its beginning: x0 is its first place, before any step."""
    return right.gradient_descent(grad, x0, lr, steps)[1:]


@replaces("gradient_descent")
def end_only(grad, x0, lr, steps):
    """Only the last place was returned. The whole path is wanted, with one dimension more than x0."""
    return right.gradient_descent(grad, x0, lr, steps)[-1]


@replaces("gradient_descent")
def one_step_too_few(grad, x0, lr, steps):
    """One step is missing: the path has as many places as steps were asked for, with x0 among them. x0 comes before the first step."""
    _require(steps)
    return right.gradient_descent(grad, x0, lr, max(steps - 1, 0))


@replaces("gradient_descent")
def gradient_of_the_start(grad, x0, lr, steps):
    """Every step used the gradient at x0. The slope changes on the way: ask for it again at each place."""
    _require(steps)
    slope = grad(x0) if steps else x0
    return torch.stack([x0 - k * lr * slope for k in range(steps + 1)])


@replaces("gradient_descent")
def every_place_is_the_last(grad, x0, lr, steps):
    """All places of the path are the same. One tensor was changed in place and put into the list again and again: the list holds one tensor many times, and what is seen is its last state."""
    found = right.gradient_descent(grad, x0, lr, steps)
    return found[-1:].expand(found.shape).clone()


@replaces("gradient_descent")
def x0_walked_away(grad, x0, lr, steps):
    """The path is right, but x0 itself was changed: it is the caller's tensor. Take the steps on a tensor of your own."""
    path = right.gradient_descent(grad, x0, lr, steps)
    x0.copy_(path[-1])
    return path


@replaces("gradient_descent")
def steps_of_equal_length(grad, x0, lr, steps):
    """Each gradient was divided by its length, so that all steps are equally long. A step is to be lr times the gradient itself: long where it is steep, short near the bottom."""
    return right.gradient_descent(lambda x: grad(x) / grad(x).norm().clamp_min(1e-30), x0, lr, steps)


@replaces("gradient_descent")
def only_the_signs(grad, x0, lr, steps):
    """Only the signs of the gradient were used, so every entry moves equally far. How steep it is counts, too."""
    return right.gradient_descent(lambda x: grad(x).sign(), x0, lr, steps)


@replaces("gradient_descent")
def rate_that_shrinks(grad, x0, lr, steps):
    """The learning rate was made smaller from step to step. Here it is the same in all of them."""
    _require(steps)
    path = [x0]
    for step in range(steps):
        path.append(path[-1] - lr / (step + 1) * grad(path[-1]))
    return torch.stack(path)


@replaces("gradient_descent")
def stops_at_the_bottom(grad, x0, lr, steps):
    """The path ended early, where the gradient was nearly zero. There are as many steps as were asked for, even if nothing moves."""
    _require(steps)
    path = [x0]
    for _ in range(steps):
        slope = grad(path[-1])
        if bool((slope.abs() < 1e-6).all()):
            break
        path.append(path[-1] - lr * slope)
    return torch.stack(path)


@replaces("gradient_descent")
def steps_are_clipped(grad, x0, lr, steps):
    """Long gradients were shortened. That is a useful remedy against rates that are too large, but it is not what was asked for: a path that runs away is to be seen."""
    return right.gradient_descent(lambda x: grad(x).clamp(-100, 100), x0, lr, steps)


@replaces("gradient_descent")
def always_float64(grad, x0, lr, steps):
    """The path came out in float64. It keeps the dtype of x0, and grad is given tensors of that dtype."""
    return right.gradient_descent(lambda x: grad(x.to(x0.dtype)).double(), x0.double(), lr, steps)


@replaces("gradient_descent")
def flattened(grad, x0, lr, steps):
    """Every place was flattened to a row. The path keeps the shape of x0, behind one dimension for the steps."""
    found = right.gradient_descent(grad, x0, lr, steps)
    return found.reshape(len(found), -1)


@replaces("gradient_descent")
def steps_along_the_last_dimension(grad, x0, lr, steps):
    """The places were put side by side along the last dimension. The first dimension is that of the steps."""
    return right.gradient_descent(grad, x0, lr, steps).movedim(0, -1)


@replaces("gradient_descent")
def recording_switched_off(grad, x0, lr, steps):
    """The whole loop ran with recording switched off, grad included, which may need it: a gradient by autograd then fails."""
    with torch.no_grad():
        return right.gradient_descent(grad, x0, lr, steps)


@replaces("gradient_descent")
def two_gradients_a_step(grad, x0, lr, steps):
    """The gradient was computed more often than once a step. With a large model that is what costs: a name for the result saves the second call."""

    def twice(x):
        grad(x)
        return grad(x)

    return right.gradient_descent(twice, x0, lr, steps)


@replaces("gradient_descent")
def gradient_after_the_last_step(grad, x0, lr, steps):
    """One gradient too many: at the last place no step follows, so none is needed there."""
    path = right.gradient_descent(grad, x0, lr, steps)
    grad(path[-1])
    return path


@replaces("gradient_descent")
def negative_steps_are_none(grad, x0, lr, steps):
    """A negative number of steps came back as a path without steps. It is a mistake of the caller, and raises a ValueError."""
    return right.gradient_descent(grad, x0, lr, max(steps, 0))


@replaces("gradient_descent")
def one_entry_after_the_other(grad, x0, lr, steps):
    """The entries were moved one after the other, each with a gradient that had seen the new values of those before it. In one step, all entries move by one and the same gradient."""
    _require(steps)
    path = [x0]
    for _ in range(steps):
        x = path[-1].clone().reshape(-1)
        for i in range(x.numel()):
            x[i] = x[i] - lr * grad(x.reshape(x0.shape)).reshape(-1)[i]
        path.append(x.reshape(x0.shape))
    return torch.stack(path)


# ── momentum_descent ──


@replaces("momentum_descent")
def gradient_counts_by_the_rest(grad, x0, lr, beta, steps):
    """The gradient was counted by 1 - beta. That is a mean of gradients, in use elsewhere (in Adam, for one); here it counts in full, and with beta = 0.9 a steady slope gives steps ten times as long."""
    return right.momentum_descent(grad, x0, lr * (1 - beta), beta, steps)


@replaces("momentum_descent")
def velocity_never_fades(grad, x0, lr, beta, steps):
    """The velocity keeps all of every gradient: nothing is multiplied by beta, so the ball has no friction."""
    _require(steps, beta)
    path, velocity = [x0], torch.zeros_like(x0)
    for _ in range(steps):
        velocity = velocity + grad(path[-1])
        path.append(path[-1] - lr * velocity)
    return torch.stack(path)


@replaces("momentum_descent")
def no_memory(grad, x0, lr, beta, steps):
    """This is plain gradient descent: the velocity of the last step is not kept. Make it once, before the loop."""
    _require(steps, beta)
    return right.gradient_descent(grad, x0, lr, steps)


@replaces("momentum_descent")
def beta_on_the_sum(grad, x0, lr, beta, steps):
    """The new gradient was multiplied by beta together with the old velocity. Only what is kept shrinks."""
    return _ball(lambda g, x, v, lr, b: (x - lr * b * (v + g(x)), b * (v + g(x))))(_once(grad), x0, lr, beta, steps)


@replaces("momentum_descent")
def beta_on_the_gradient(grad, x0, lr, beta, steps):
    """beta multiplies the gradient, and the velocity is kept whole. It is the other way round."""
    return _ball(lambda g, x, v, lr, b: (x - lr * (v + b * g(x)), v + b * g(x)))(_once(grad), x0, lr, beta, steps)


@replaces("momentum_descent")
def moved_before_the_velocity(grad, x0, lr, beta, steps):
    """The place moved by the old velocity, before the gradient was added to it. The first step then does not move at all, and all others come one step late."""
    return _ball(lambda g, x, v, lr, b: (x - lr * v, b * v + g(x)))(grad, x0, lr, beta, steps)


@replaces("momentum_descent")
def looks_ahead(grad, x0, lr, beta, steps):
    """The gradient was taken where the old velocity would lead. That is Nesterov's variant; plain momentum takes it where the ball is."""
    return right.nesterov_descent(grad, x0, lr, beta, steps)


@replaces("momentum_descent")
def velocity_borrowed(grad, x0, lr, beta, steps):
    """The first velocity was the very tensor that grad had returned, and it was changed in place later. That tensor belongs to grad, which may still use it."""
    _require(steps, beta)
    path, velocity = [x0], None
    for _ in range(steps):
        slope = grad(path[-1])
        velocity = slope if velocity is None else velocity.mul_(beta).add_(slope)
        path.append(path[-1] - lr * velocity)
    return torch.stack(path)


@replaces("momentum_descent")
def velocity_uphill(grad, x0, lr, beta, steps):
    """The velocity was built with the gradient's opposite and then subtracted: twice turned round, it goes uphill."""
    return right.momentum_descent(lambda x: -grad(x), x0, lr, beta, steps)


@replaces("momentum_descent")
def rate_and_beta_exchanged(grad, x0, lr, beta, steps):
    """lr and beta changed places: steps are multiplied by beta, and the velocity fades by lr."""
    _require(steps, beta)
    return _ball(lambda g, x, v, lr, b: _pair(x, b, lr * v + g(x)))(grad, x0, lr, beta, steps)


@replaces("momentum_descent")
def stopped_when_going_uphill(grad, x0, lr, beta, steps):
    """The velocity was set to zero where it pointed uphill. Such a restart often helps, but the ball that is asked for keeps rolling."""

    def move(g, x, v, lr, b):
        slope = g(x).clone()
        v = (0.0 if float((slope * v).sum()) < 0 else b) * v + slope
        return x - lr * v, v

    return _ball(move)(grad, x0, lr, beta, steps)


@replaces("momentum_descent")
def velocity_evened_out(grad, x0, lr, beta, steps):
    """The velocity was divided by the sum of the weights in it, as Adam does with its means. Here a velocity of a few gradients only is meant to be small."""
    _require(steps, beta)
    path, velocity = [x0], torch.zeros_like(x0)
    for step in range(1, steps + 1):
        velocity = beta * velocity + (1 - beta) * grad(path[-1])
        path.append(path[-1] - lr * velocity / (1 - beta**step))
    return torch.stack(path)


@replaces("momentum_descent")
def last_step_only(grad, x0, lr, beta, steps):
    """Of the past only the last gradient was kept, and not the whole velocity, which holds all earlier ones."""
    _require(steps, beta)
    path, before = [x0], torch.zeros_like(x0)
    for _ in range(steps):
        slope = grad(path[-1]).clone()
        path.append(path[-1] - lr * (slope + beta * before))
        before = slope
    return torch.stack(path)


@replaces("momentum_descent")
def any_beta_will_do(grad, x0, lr, beta, steps):
    """A beta of 1 and more, or a negative one, was taken. With 1 the ball never comes to rest; the stub asks for a ValueError."""
    if steps < 0:
        raise ValueError("steps")
    return _ball_unchecked(grad, x0, lr, beta, steps)


@replaces("momentum_descent")
def beta_of_zero_refused(grad, x0, lr, beta, steps):
    """A beta of zero was refused. It is legal, and gives plain gradient descent."""
    if beta == 0:
        raise ValueError("beta")
    return right.momentum_descent(grad, x0, lr, beta, steps)


# ── nesterov_descent ──


@replaces("nesterov_descent")
def gradient_where_the_ball_is(grad, x0, lr, beta, steps):
    """The gradient was taken at the present place: that is plain momentum. Nesterov's is taken where the old velocity alone would lead."""
    return right.momentum_descent(grad, x0, lr, beta, steps)


@replaces("nesterov_descent")
def looks_back(grad, x0, lr, beta, steps):
    """The look went backwards. The ball moves against its velocity (it is subtracted), so what lies ahead is found by subtracting, too."""
    return _ball(lambda g, x, v, lr, b: _pair(x, lr, b * v + g(x + lr * b * v)))(grad, x0, lr, beta, steps)


@replaces("nesterov_descent")
def looks_too_far(grad, x0, lr, beta, steps):
    """The look ahead went as far as the whole old velocity would lead. Only beta of it is kept, so only that far will the ball roll by itself."""
    return _ball(lambda g, x, v, lr, b: _pair(x, lr, b * v + g(x - lr * v)))(grad, x0, lr, beta, steps)


@replaces("nesterov_descent")
def looks_without_the_rate(grad, x0, lr, beta, steps):
    """The look ahead forgot the learning rate: a velocity is turned into a way by multiplying it with lr, there as well."""
    return _ball(lambda g, x, v, lr, b: _pair(x, lr, b * v + g(x - b * v)))(grad, x0, lr, beta, steps)


@replaces("nesterov_descent")
def moves_from_where_it_looked(grad, x0, lr, beta, steps):
    """The whole new velocity was subtracted from the place that was looked at. That place has the kept part of it already, which then counts twice."""

    def move(g, x, v, lr, b):
        ahead = x - lr * b * v
        v = b * v + g(ahead)
        return ahead - lr * v, v

    return _ball(move)(grad, x0, lr, beta, steps)


@replaces("nesterov_descent")
def places_that_were_looked_at(grad, x0, lr, beta, steps):
    """The path holds the places at which gradients are taken. These are what PyTorch's optimizer keeps with nesterov=True; wanted are the places that the ball really reaches."""

    def move(g, y, v, lr, b):
        slope = g(y).clone()
        v = b * v + slope
        return y - lr * (slope + b * v), v

    return _ball(move)(grad, x0, lr, beta, steps)


@replaces("nesterov_descent")
def look_is_the_whole_memory(grad, x0, lr, beta, steps):
    """The look ahead is right, but the velocity that goes on is that of the last gradient alone, so that nothing older is remembered."""

    def move(g, x, v, lr, b):
        slope = g(x - lr * b * v)
        return x - lr * (b * v + slope), slope.clone()

    return _ball(move)(grad, x0, lr, beta, steps)


@replaces("nesterov_descent")
def velocity_without_what_was_kept(grad, x0, lr, beta, steps):
    """The velocity was used to look ahead, and the step itself was the gradient's alone, from the present place."""

    def move(g, x, v, lr, b):
        slope = g(x - lr * b * v)
        return x - lr * slope, b * v + slope

    return _ball(move)(grad, x0, lr, beta, steps)


@replaces("nesterov_descent")
def ahead_counts_by_the_rest(grad, x0, lr, beta, steps):
    """The gradient was counted by 1 - beta. Here it counts in full, as in the momentum that you built before."""
    return right.nesterov_descent(lambda x: (1 - beta) * grad(x), x0, lr, beta, steps)


@replaces("nesterov_descent")
def beta_grows_with_the_steps(grad, x0, lr, beta, steps):
    """beta was replaced by Nesterov's own sequence, which grows towards 1 with the steps. Here it is the constant that was given."""
    _require(steps, beta)
    path, last = [x0], x0
    for step in range(steps):
        ahead = path[-1] + step / (step + 3) * (path[-1] - last)
        last = path[-1]
        path.append(ahead - lr * grad(ahead))
    return torch.stack(path)


@replaces("nesterov_descent")
def ahead_guessed_from_the_last_two(grad, x0, lr, beta, steps):
    """The gradient ahead was guessed from the present and the last one. Where the slope bends, the guess is off: ask for the gradient there."""
    _require(steps, beta)
    path, velocity, last = [x0], torch.zeros_like(x0), None
    for _ in range(steps):
        slope = grad(path[-1]).clone()
        ahead = slope if last is None else slope + beta * (slope - last)
        velocity, last = beta * velocity + ahead, slope
        path.append(path[-1] - lr * velocity)
    return torch.stack(path)


@replaces("nesterov_descent")
def two_gradients_averaged(grad, x0, lr, beta, steps):
    """Two gradients were taken in each step, here and ahead, and averaged. Only the one ahead is asked for."""
    return _ball(lambda g, x, v, lr, b: _pair(x, lr, b * v + (g(x) + g(x - lr * b * v)) / 2))(grad, x0, lr, beta, steps)


@replaces("nesterov_descent")
def ahead_with_any_beta(grad, x0, lr, beta, steps):
    """A beta outside 0 to 1 was taken where the stub asks for a ValueError."""
    if steps < 0:
        raise ValueError("steps")
    return _ball_unchecked(grad, x0, lr, beta, steps, ahead=1.0)


@replaces("nesterov_descent")
def ahead_uphill(grad, x0, lr, beta, steps):
    """The path goes uphill. Both the look and the step go against the velocity, and the velocity is a sum of gradients."""
    return right.nesterov_descent(lambda x: -grad(x), x0, lr, beta, steps)


def _pair(x, lr, velocity):
    return x - lr * velocity, velocity


def _once(grad):
    """grad, asked once for each place although the formula mentions it twice."""
    seen = {}

    def asked(x):
        if seen.get("at") is not x:
            seen["at"], seen["slope"] = x, grad(x).clone()
        return seen["slope"]

    return asked


def _ball_unchecked(grad, x0, lr, beta, steps, ahead=0.0):
    path, velocity = [x0], torch.zeros_like(x0)
    for _ in range(steps):
        velocity = beta * velocity + grad(path[-1] - ahead * lr * beta * velocity)
        path.append(path[-1] - lr * velocity)
    return torch.stack(path)
