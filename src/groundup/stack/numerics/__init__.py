"""The mathematics track as code: linear algebra, calculus, probability, statistics, optimization."""

from groundup.stack.numerics.convex import is_midpoint_convex, newton_minimize, project_simplex
from groundup.stack.numerics.derivatives import derivative, newton_root
from groundup.stack.numerics.descent import gradient_descent, momentum_descent, nesterov_descent
from groundup.stack.numerics.determinants import adjugate_inverse, determinant, is_solvable, lu_decompose
from groundup.stack.numerics.distributions import (
    binomial_log_pmf,
    normal_log_pdf,
    poisson_log_pmf,
    sample_categorical,
    sample_normal,
)
from groundup.stack.numerics.eigen import pca, power_iteration, qr_eigenvalues
from groundup.stack.numerics.expectations import expectation, moment
from groundup.stack.numerics.gradients import directional_derivative, gradient, gradient_check
from groundup.stack.numerics.hypotheses import holm_bonferroni, permutation_p_value, t_statistic
from groundup.stack.numerics.information import cross_entropy_of, entropy, kl_divergence, perplexity
from groundup.stack.numerics.integrals import monte_carlo_integral, simpson
from groundup.stack.numerics.intervals import bootstrap_interval, mean_interval
from groundup.stack.numerics.jacobians import hessian, jacobian
from groundup.stack.numerics.likelihood import fit_logistic, fit_normal, negative_log_likelihood
from groundup.stack.numerics.limits import is_continuous_at, limit
from groundup.stack.numerics.matrices import inverse, matmul, solve
from groundup.stack.numerics.moments import RunningMoments, correlation, covariance
from groundup.stack.numerics.posterior import beta_posterior, metropolis_hastings, normal_posterior
from groundup.stack.numerics.probability import bayes, conditional, total_probability
from groundup.stack.numerics.quasi_newton import backtracking_step, lbfgs
from groundup.stack.numerics.search import grid, random_search, successive_halving
from groundup.stack.numerics.spaces import gram_schmidt, null_space, rank
from groundup.stack.numerics.stochastic import minibatches, sgd
from groundup.stack.numerics.svd import low_rank, pseudo_inverse
from groundup.stack.numerics.variables import cumulative, density_to_probability, sample_inverse
from groundup.stack.numerics.vectors import cosine_similarity, dot, norm, project

__all__ = [
    "RunningMoments",
    "adjugate_inverse",
    "backtracking_step",
    "bayes",
    "beta_posterior",
    "binomial_log_pmf",
    "bootstrap_interval",
    "conditional",
    "correlation",
    "cosine_similarity",
    "covariance",
    "cross_entropy_of",
    "cumulative",
    "density_to_probability",
    "derivative",
    "determinant",
    "directional_derivative",
    "dot",
    "entropy",
    "expectation",
    "fit_logistic",
    "fit_normal",
    "gradient",
    "gradient_check",
    "gradient_descent",
    "gram_schmidt",
    "grid",
    "hessian",
    "holm_bonferroni",
    "inverse",
    "is_continuous_at",
    "is_midpoint_convex",
    "is_solvable",
    "jacobian",
    "kl_divergence",
    "lbfgs",
    "limit",
    "low_rank",
    "lu_decompose",
    "matmul",
    "mean_interval",
    "metropolis_hastings",
    "minibatches",
    "moment",
    "momentum_descent",
    "monte_carlo_integral",
    "negative_log_likelihood",
    "nesterov_descent",
    "newton_minimize",
    "newton_root",
    "norm",
    "normal_log_pdf",
    "normal_posterior",
    "null_space",
    "pca",
    "permutation_p_value",
    "perplexity",
    "poisson_log_pmf",
    "power_iteration",
    "project",
    "project_simplex",
    "pseudo_inverse",
    "qr_eigenvalues",
    "random_search",
    "rank",
    "sample_categorical",
    "sample_inverse",
    "sample_normal",
    "sgd",
    "simpson",
    "solve",
    "successive_halving",
    "t_statistic",
    "total_probability",
]
