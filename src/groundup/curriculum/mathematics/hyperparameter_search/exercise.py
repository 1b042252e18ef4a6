"""Hyperparameter search: try settings that no gradient reaches, and keep the best.

The words below, and what holds for all three functions:

    config      one setting: a dict from names to values, such as {"rate": 0.1, "layers": 2}
    objective   a function that tries a config and says how bad it is, with a number: a float, an int or a tensor with
                one element. LOWER IS BETTER. The number may be infinite.
    NaN         a training run that came to grief: worse than every number, plus infinity too. Only where everything that
                is compared is NaN is the best one NaN.
    ties        of equal values the first counts: the one that was asked first (random_search), or the one that stands
                first in configs (successive_halving). Several NaNs are equal to one another.
    value       what is returned beside a config is the number that objective gave for it, as a Python float. Values are
                compared as Python floats, too: 1e50 is better than 1e51, and 1.0 better than 1.000000000001

What is passed in is not changed. ValueErrors are raised before objective is asked for the first time.
"""


def grid(space):
    """Every combination of the listed values.

    space    a dict: name -> list of values, of any kind (numbers, strings, None, lists …). Values are used as they are, and
             one that stands in its list twice is used twice
    returns  a list of dicts, each a dict of its own with all names of the space

    - The order is that of nested loops, the first name outermost: the last name's values change fastest, and every list
      is gone through in its own order.
    - A space without names has one combination, the empty one: [{}]. A name with an empty list leaves none: [].
    - Values that are no list (a string, a number, a tuple, a range, a set, a tensor …) raise a ValueError, also where another
      name's list is empty.

    >>> grid({"rate": [0.1, 0.01], "layers": [1, 2]})
    [{'rate': 0.1, 'layers': 1}, {'rate': 0.1, 'layers': 2}, {'rate': 0.01, 'layers': 1}, {'rate': 0.01, 'layers': 2}]
    """
    raise NotImplementedError


def random_search(objective, space, n, generator):
    """Try n random configs, and return the best.

    objective  objective(config) -> a number; lower is better. Call it exactly n times, once for each config
    space      a dict: name -> what its value is drawn from, either
                   a list                   each entry is equally likely, every time (one may come again), whatever stands in it:
                                            [1, 5, "log"] has three entries
                   (low, high, "linear")    a tuple: a Python float from low to high, everywhere equally likely
                   (low, high, "log")       a float whose LOGARITHM is equally likely everywhere from log(low) to log(high)
                   (low and high are finite; on a log scale low is above 0)
    n          how many configs
    generator  a torch.Generator. All randomness comes from it, so that the same seed gives the same search
    returns    a tuple (config, value) of the best

    - Every name of every config is drawn independently of all others, and of the trials before: nothing is shuffled or spread
      evenly on purpose. In which order the draws are made is up to you.
    - A range may be as wide as floats are, such as (1e-300, 1e300, "log") or (-1e308, 1e308, "linear"). No value may lie
      outside of low and high, and low may equal high.
    - objective may change the dict that it is given; what you return is the config as it was drawn. Like many trainings it may
      seed the global random sources of Python, NumPy and PyTorch; the search must not notice.
    - A space without names gives n empty configs.
    - ValueError: n below 1; an empty list; anything that is neither a list nor such a tuple of three; low above high; a low of zero or
      less with "log"; another word than the two.

    >>> random_search(lambda config: abs(config["rate"] - 0.1), {"rate": [0.1]}, 3, torch.Generator())
    ({'rate': 0.1}, 0.0)
    """
    raise NotImplementedError


def successive_halving(objective, configs, min_budget, eta=2):
    """Try many configs with little budget, and in each round go on with the better ones and more budget.

    objective   objective(config, budget) -> a number; lower is better. Call it once for each config and round; in which order
                within a round is up to you. It does not change its config
    configs     a list (or tuple) of configs; equal ones may stand there, and each is tried for itself
    min_budget  the budget of the first round, an int
    eta         an int: of the configs of a round one in eta goes on, with eta times the budget
    returns     a tuple (config, value): the best of the last round, and its value of that round

    - In the first round every config is tried with min_budget. If k were tried in a round, the k // eta with the lowest values
      of THIS round go on to the next, where each gets eta times the budget of this one.
    - Where k // eta is zero there is no next round. So one that is left alone with eta times the budget is tried once more,
      and that is the last round: 8 configs with eta 2 are tried as 8, 4, 2, 1; 7 as 7, 3, 1; 5 with eta 3 as 5, 1; and 2 with
      eta 3 as 2.
    - ValueError: no configs, min_budget below 1, eta below 2.

    >>> successive_halving(lambda config, budget: config + 12 / budget, [3, 1, 2, 4], 1)   # budgets 1, 2 and 4
    (1, 4.0)
    """
    raise NotImplementedError
