"""How the result of each driver is compared with the reference's."""

import math

import torch

from groundup.authoring import close, distributed_as, exact, refused, valid

BETA = "beta_posterior"
MEAN = "normal_posterior"
WALK = "metropolis_hastings"

TEETH = 997
MOVES = 6.5  # standard deviations: chance goes beyond once in ten thousand million
# A frequency among N differs from its probability by a divergence of this over N as seldom as that (Chernoff), for any
# of the numbers of visits and kinds of moves that are looked at.
ALARM = math.log(2 * 20 * 400 / 1e-9)
ALARM_OF_ONE = math.log(2 / 1e-9)  # where one frequency is looked at

# ── beta_posterior ──

beta_of_whole_numbers = close("whole numbers", builds=BETA, dtype_matters=False)
beta_of_broken_numbers = close("a prior of broken numbers, and broken counts", builds=BETA, dtype_matters=False)
beta_of_nothing_seen = close("nothing seen, only successes, only failures", builds=BETA, dtype_matters=False)
beta_in_two_parts = close("the posterior is the prior of what comes next", builds=BETA, dtype_matters=False)
beta_of_tensors = close("tensors and numbers together", builds=BETA, dtype_matters=False)
beta_of_each_with_each = close("beta: everything broadcasts", builds=BETA, dtype_matters=False)
beta_refuses_parameters_of_zero = valid("a parameter of 0: a ValueError", refused, builds=BETA)
beta_refuses_negative_numbers = valid("negative parameters and counts: a ValueError", refused, builds=BETA)

# ── normal_posterior ──

CANCELED = "terms of both signs may nearly cancel"
mean_after_one_observation = close("one observation", builds=MEAN, conditioning=4.0, because=CANCELED)
mean_after_several = close(
    "two, five and thirty observations", builds=MEAN, reduction=30, conditioning=2.0, because=CANCELED
)
mean_with_a_wide_prior = close("a prior wider than the noise", builds=MEAN, reduction=7)
mean_after_nothing = close("nothing observed leaves the prior", builds=MEAN, conditioning=2.0, because=CANCELED)
mean_with_a_flat_prior = close(
    "a prior that says nothing", builds=MEAN, reduction=6, conditioning=2.0, because=CANCELED
)
mean_of_a_certain_prior = close("a prior that is nearly certain, and one that is nearly flat", builds=MEAN, reduction=8)
mean_of_rows = close("normal posterior: each row has its own prior and its own mean", builds=MEAN, reduction=5)
mean_of_a_view = close("normal posterior: views with strides, noise of each row", builds=MEAN, reduction=5)
mean_in_two_parts = close("normal posterior: all at once or one part after the other", builds=MEAN, reduction=9)

# ── metropolis_hastings ──


def _path(returned, expected):
    """The walk from its beginning, and the moves; or what is wrong with its form. Data other than the walk are the judge's own."""
    if not isinstance(returned, list) or len(returned) != len(expected) or type(returned[0]) is not torch.Tensor:
        return "a tensor of places was expected"
    places, x0 = returned[0], expected[1]
    if places.shape != expected[0].shape:
        return f"the places have shape {tuple(places.shape)} where {tuple(expected[0].shape)} was expected"
    if places.dtype != x0.dtype:
        return f"the places are {places.dtype} where {x0.dtype} was expected"
    if not bool(places.isfinite().all()):
        return "a place is not finite"
    return torch.cat([x0[None], places])


def _divergence(found, total, p):
    """How far a frequency is from its probability, times the number of tries: the exponent of Chernoff's bound."""
    share = found / total
    parts = ((share, p), (1 - share, 1 - p))
    return total * sum(one * math.log(one / other) if other > 0 else math.inf for one, other in parts if one > 0)


def _transitions(line, moved, weights):
    """What chance does not explain about how often the walk goes from level to level; None where all is well."""
    level = (line * TEETH).floor().long() % 4
    if bool((weights[level] == 0).any()):
        return "the walk went where the density is 0"
    before, after, wrong = level[:-1], level[1:], {}
    for i in range(3):
        here = before == i
        visits = int(here.sum())
        if not visits:
            continue
        stay = 1 - sum(min(1.0, float(weights[j] / weights[i])) for j in range(4)) / 4
        cases = [("stays", stay, int((here & ~moved).sum()))]
        for j in range(3):
            kind = "better or equal" if weights[j] >= weights[i] else "worse"
            p = min(1.0, float(weights[j] / weights[i])) / 4
            cases.append((kind, p, int((here & moved & (after == j)).sum())))
        for kind, p, found in cases:
            if _divergence(found, visits, p) > ALARM:
                wrong[kind] = "too often" if found > p * visits else "too seldom"
    if not wrong:
        return None
    said = "; ".join(f"{kind}: {wrong[kind]}" for kind in ("better or equal", "worse", "stays") if kind in wrong)
    return f"the walk does not go to places, or stay, as often as the densities say ({said})"


def _sizes(moves, step):
    """Moves that were accepted, of any size alike on a comb: their mean and their mean square."""
    z = moves.flatten() / step
    if len(z) < 20:
        return "the walk hardly moves"
    if not abs(float(z.mean())) < MOVES / math.sqrt(len(z)):
        return "the moves lean to one side"
    square = float(z.square().mean())
    if not abs(square - 1) < 1.4 * MOVES * math.sqrt(2 / len(z)):
        return "the moves are too large" if square > 1 else "the moves are too small"
    return None


def as_the_densities_say(returned, expected):
    path = _path(returned, expected)
    if isinstance(path, str):
        return path
    weights, step = expected[2], float(expected[3])
    changed = torch.diff(path, dim=0) != 0
    if path.dim() == 1:
        line, moved = path, changed
    else:
        line, moved = path[:, 1, 1], changed.flatten(1).any(dim=1)
        if not bool((changed.flatten(1).all(dim=1) == moved).all()):
            return "some entries moved and others did not, where all move together or none"
    return _transitions(line, moved, weights) or _sizes(torch.diff(path, dim=0)[moved], step)


def upward(returned, expected):
    path = _path(returned, expected)
    if isinstance(path, str):
        return path
    moves = torch.diff(path)
    if bool((moves < 0).any()):
        return "the walk went down, where down is hopeless"
    stays = int((moves == 0).sum())
    if _divergence(stays, len(moves), 0.5) > ALARM:
        return "half of all proposals lead up and are accepted, and half lead down; that is not what came out"
    return None


def up_and_down(returned, expected):
    path = _path(returned, expected)
    if isinstance(path, str):
        return path
    moved = torch.diff(path) != 0
    if not bool(moved[1::2].all()):
        return "a place that is a little better was not always accepted"
    found, total = int(moved[::2].sum()), len(moved[::2])
    if _divergence(found, total, float(expected[2])) > ALARM_OF_ONE:
        how = "more" if found > float(expected[2]) * total else "less"
        return f"a place that is worse is accepted {how} often than the ratio of the densities says"
    return None


def at_an_edge(returned, expected):
    path = _path([returned[0], 0.0], [expected[0], torch.zeros((), dtype=torch.float64)])
    if isinstance(path, str):
        return path
    ends = path[1:]
    if bool((ends < 0).any()):
        return "the walk went where the density is 0"
    if _divergence(int((ends == 0).sum()), len(ends), 0.5) > ALARM:
        return "half of all proposals are impossible and leave the walk where it is; that is not what came out"
    return None


walk_of_any_shape = exact("walks of any shape and length, float32 and float64", builds=WALK)
walk_where_all_is_alike = distributed_as("where all is alike every move is accepted, and moves are normal", builds=WALK)
walk_where_only_the_beginning_is_possible = close("a refused proposal repeats the place before", builds=WALK)
walk_uphill = valid("up is always accepted", upward, builds=WALK)
walk_on_stairs = valid("worse by a factor of about five: accepted about one time in five", up_and_down, builds=WALK)
walk_at_an_edge = valid("the impossible is never accepted", at_an_edge, builds=WALK)
walk_on_a_comb = valid("each level as often as its density says", as_the_densities_say, builds=WALK)
walk_on_a_comb_of_tiny_densities = valid(
    "log densities around -100 000: only differences count", as_the_densities_say, builds=WALK
)
walk_on_a_comb_of_huge_densities = valid("log densities around 100 000", as_the_densities_say, builds=WALK)
walk_of_several_numbers = valid("several numbers move together", as_the_densities_say, builds=WALK)
walk_from_the_generator = exact("all chance comes from the generator", builds=WALK)
walk_asks_once = exact("the density is asked once at the beginning and once for each proposal", builds=WALK)
walk_leaves_its_beginning_alone = exact("the beginning is not changed", builds=WALK)
walk_refuses_an_impossible_beginning = valid("an impossible beginning: a ValueError", refused, builds=WALK)
walk_refuses_steps_that_are_none = valid("a step of 0 or less: a ValueError", refused, builds=WALK)
