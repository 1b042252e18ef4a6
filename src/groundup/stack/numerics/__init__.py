"""The mathematics track as code: linear algebra, calculus, probability, statistics, optimization."""

from groundup.stack.numerics.vectors import cosine_similarity, dot, norm, project

__all__ = ["cosine_similarity", "dot", "norm", "project"]
