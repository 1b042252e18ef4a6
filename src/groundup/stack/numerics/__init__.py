"""The mathematics track as code: linear algebra, calculus, probability, statistics, optimization."""

from groundup.stack.numerics.derivatives import derivative, newton_root
from groundup.stack.numerics.gradients import directional_derivative, gradient, gradient_check
from groundup.stack.numerics.information import cross_entropy_of, entropy, kl_divergence, perplexity
from groundup.stack.numerics.matrices import inverse, matmul, solve
from groundup.stack.numerics.probability import bayes, conditional, total_probability
from groundup.stack.numerics.vectors import cosine_similarity, dot, norm, project

__all__ = [
    "bayes",
    "conditional",
    "cosine_similarity",
    "cross_entropy_of",
    "derivative",
    "directional_derivative",
    "dot",
    "entropy",
    "gradient",
    "gradient_check",
    "inverse",
    "kl_divergence",
    "matmul",
    "newton_root",
    "norm",
    "perplexity",
    "project",
    "solve",
    "total_probability",
]
