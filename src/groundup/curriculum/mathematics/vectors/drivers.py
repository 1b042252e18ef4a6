"""What is done with dot, norm, cosine_similarity and project, from small to large.

Shapes are never square; every build meets batches, broadcasting, float64, views with strides, integers where it takes
them, zero vectors, magnitudes whose squares leave the dtype, gradients and lengths that do not fit.
"""

import math

import torch


def _short(rng, n):
    """A short vector of small whole numbers and halves, none of them zero: easy to follow by hand."""
    return rng.integers(-4, 5, n).float() + 0.5


def _mixed(rng, *shape, dtype=torch.float32):
    """Magnitudes between 0.5 and 2 with alternating signs: no entry near zero, a negative one in every vector."""
    signs = torch.ones(shape[-1], dtype=dtype)
    signs[::2] = -1
    return rng.uniform(*shape, low=0.5, high=2.0, dtype=dtype) * signs


def _views(rng, dtype=torch.float64):
    """Two broadcastable batches, (4, 3, 5) and (3, 5), neither of them contiguous."""
    u = rng.normal(5, 6, 4, dtype=dtype).permute(2, 1, 0)[:, ::2]
    v = rng.normal(5, 3, dtype=dtype).T
    return u, v


# ── dot ──


def dot_of_two_short_vectors(my, rng):
    return my.dot(_short(rng, 3), _short(rng, 3))


def dot_of_word_counts(my, rng):
    return my.dot(rng.integers(1, 7, 6), rng.integers(1, 7, 6))


def dot_of_one_entry_or_none(my, rng):
    u, v = _mixed(rng, 4, 1), _mixed(rng, 4, 1)
    return [my.dot(u, v), my.dot(u[:, :0], v[:, :0])]


def dot_in_a_batch(my, rng):
    return my.dot(_mixed(rng, 2, 5, 3), _mixed(rng, 2, 5, 3))


def dot_of_opposite_directions(my, rng):
    u = _mixed(rng, 4, 7)
    return my.dot(u, -rng.uniform(4, 1, low=0.5, high=2.0) * u)


def dot_of_each_query_with_each_document(my, rng):
    queries, documents = rng.normal(4, 1, 6), rng.normal(3, 6)
    return [my.dot(queries, documents), my.dot(documents[0], documents)]


def dot_of_strided_float64(my, rng):
    return my.dot(*_views(rng))


def dot_gradients(my, rng):
    u, v = rng.normal(4, 1, 5).requires_grad_(), rng.normal(3, 5).requires_grad_()
    return rng.gradients(my.dot(u, v), u=u, v=v)


def dot_of_different_lengths(my, rng):
    n = rng.integer(30, 60)
    return [
        rng.attempt(my.dot, rng.normal(2, n), rng.normal(2, n + 3)),
        rng.attempt(my.dot, rng.normal(4, 1), rng.normal(4, n)),
        rng.attempt(my.dot, rng.normal(n), rng.normal(3, 1)),
    ]


# ── norm ──


def norm_of_a_short_vector(my, rng):
    return my.norm(_short(rng, 3))


def norm_with_p_of_one(my, rng):
    return my.norm(_mixed(rng, 4), 1)


def norm_with_other_p(my, rng):
    v = -_mixed(rng, 5)
    return [my.norm(v, p) for p in (3, 2.5, 3.0)]


def norm_with_p_infinite(my, rng):
    v = _mixed(rng, 5)
    v[rng.integer(0, 5)] = -rng.uniform(low=3.0, high=4.0)
    return my.norm(v, math.inf)


def norm_of_word_counts(my, rng):
    counts = rng.integers(-3, 9, 3, 7)
    return [my.norm(counts), my.norm(counts, p=1), my.norm(counts, p=math.inf)]


def norm_in_a_batch(my, rng):
    v = _mixed(rng, 2, 4, 7)
    return [my.norm(v, p=p) for p in (2, 1, 3, math.inf)]


def norm_of_zero_vectors(my, rng):
    v = _mixed(rng, 4, 3)
    v[rng.integer(0, 4)] = 0.0
    return [my.norm(v, p) for p in (2.0, 1, 3, math.inf)]


def norm_of_no_entries(my, rng):
    empty = rng.normal(2, rng.integer(3, 6), 0)
    return [my.norm(empty[0]), my.norm(empty), my.norm(empty, p=1)]


def norm_of_strided_float64(my, rng):
    u, v = _views(rng)
    return [my.norm(u), my.norm(v, 1), my.norm(u, 3), my.norm(v, math.inf)]


def norm_of_huge_entries(my, rng):
    v = _mixed(rng, 3, 5) * 1e30
    return [my.norm(v), my.norm(v, 3)]


def norm_of_tiny_entries(my, rng):
    v = _mixed(rng, 3, 5) * 1e-30
    return [my.norm(v), my.norm(v, 3)]


def norm_of_huge_beside_tiny(my, rng):
    sizes = torch.tensor([1e30, 1.0, 1e-30, 1e-12])
    return my.norm(_mixed(rng, 4, 6) * sizes[:, None]) / sizes


def norm_at_the_ends_of_float64(my, rng):
    v = _mixed(rng, 3, 4, dtype=torch.float64)
    return [my.norm(v * 1e200), my.norm(v * 1e-200), my.norm(v * 1e250, 3)]


def norm_in_half_precision(my, rng):
    v = _mixed(rng, 3, 6, dtype=torch.float16)
    return [my.norm(v * 2000), my.norm(v / 4000), my.norm(v.bfloat16())]


def norm_leaves_its_input_alone(my, rng):
    v = _mixed(rng, 3, 4)
    return [my.norm(v), my.norm(v, 1), my.norm(v, math.inf), v]


def norm_gradients(my, rng):
    v = _mixed(rng, 3, 4, dtype=torch.float64).requires_grad_()
    return [rng.gradients(my.norm(v, p), v=v) for p in (2.0, 1, 3, math.inf)]


def norm_gradient_at_zero(my, rng):
    v = _mixed(rng, 4, 3)
    v[rng.integer(0, 4)] = 0.0
    v.requires_grad_()
    return [rng.gradients(my.norm(v, p), v=v) for p in (2.0, 1, 3)]


def norm_with_p_below_one(my, rng):
    v = rng.normal(3, 4)
    return [rng.attempt(my.norm, v, p) for p in (0.5, 0.0, -1.0, -math.inf)]


# ── cosine_similarity ──


def cosine_of_two_short_vectors(my, rng):
    return my.cosine_similarity(_short(rng, 2), _short(rng, 2))


def cosine_of_the_same_and_the_opposite_direction(my, rng):
    u = _mixed(rng, 3)
    return my.cosine_similarity(u, torch.tensor([[0.5], [3.0], [-0.25], [-2.0]]) * u)


def cosine_of_right_angles(my, rng):
    a, b = _mixed(rng, 4), _mixed(rng, 4)
    u, v = torch.stack([a, b], dim=-1), torch.stack([-b, a], dim=-1)
    return my.cosine_similarity(u, torch.cat([v, u + v]).reshape(2, 4, 2))


def cosine_of_word_counts(my, rng):
    document = rng.integers(0, 5, 6) + torch.tensor([1, 0, 0, 0, 0, 0])
    return my.cosine_similarity(document, torch.stack([3 * document, rng.integers(1, 5, 6)]))


def cosine_in_a_batch(my, rng):
    return my.cosine_similarity(rng.normal(2, 5, 3, shift=0.5), rng.normal(2, 5, 3, scale=4.0))


def cosine_of_each_query_with_each_document(my, rng):
    queries, documents = rng.normal(4, 1, 6), rng.normal(3, 6)
    return [my.cosine_similarity(queries, documents), my.cosine_similarity(documents[1], documents)]


def cosine_with_zero_vectors(my, rng):
    u, v = _mixed(rng, 5, 3), _mixed(rng, 5, 3)
    u[1], v[2], u[4], v[4] = 0.0, 0.0, 0.0, 0.0
    return [my.cosine_similarity(u, v), my.cosine_similarity(u[:, :0], v[:, :0])]


def cosine_of_strided_float64(my, rng):
    return my.cosine_similarity(*_views(rng))


def cosine_of_huge_vectors(my, rng):
    return my.cosine_similarity(_mixed(rng, 4, 5) * 1e30, rng.normal(4, 5) * 1e30)


def cosine_of_tiny_vectors(my, rng):
    return my.cosine_similarity(_mixed(rng, 4, 5) * 1e-30, rng.normal(4, 5) * 1e-30)


def cosine_of_vectors_of_every_size(my, rng):
    sizes = torch.tensor([4e-38, 1e-12, 1e-5, 1.0, 1e7, 2e37])
    return my.cosine_similarity(
        rng.uniform(6, 1, 4, low=0.5) * sizes[:, None, None], _mixed(rng, 6, 4) * sizes[:, None]
    )


def cosine_at_the_ends_of_float64(my, rng):
    u, v = rng.normal(3, 4, dtype=torch.float64), _mixed(rng, 3, 4, dtype=torch.float64)
    return [my.cosine_similarity(u * 1e200, v * 1e180), my.cosine_similarity(u * 1e-200, v * 1e-180)]


def cosine_leaves_its_inputs_alone(my, rng):
    u, v = _mixed(rng, 3, 4), rng.normal(3, 4)
    return [my.cosine_similarity(u, v), u, v]


def cosine_gradients(my, rng):
    u = rng.normal(3, 1, 4, dtype=torch.float64).requires_grad_()
    v = rng.normal(2, 4, dtype=torch.float64).requires_grad_()
    return rng.gradients(my.cosine_similarity(u, v), u=u, v=v)


def cosine_gradients_beside_a_zero_vector(my, rng):
    u, v = _mixed(rng, 4, 3), _mixed(rng, 4, 3)
    u[1], v[2], u[3], v[3] = 0.0, 0.0, 0.0, 0.0
    u.requires_grad_(), v.requires_grad_()
    return rng.gradients(my.cosine_similarity(u, v), u=u, v=v)


def cosine_of_different_lengths(my, rng):
    n = rng.integer(30, 60)
    return [
        rng.attempt(my.cosine_similarity, rng.normal(2, n), rng.normal(2, n + 3)),
        rng.attempt(my.cosine_similarity, rng.normal(4, 1), rng.normal(4, n)),
    ]


# ── project ──


def projection_of_a_short_vector(my, rng):
    return my.project(_short(rng, 2), _short(rng, 2))


def projection_onto_an_axis(my, rng):
    axis = torch.zeros(4)
    axis[rng.integer(0, 4)] = rng.uniform(low=2.0, high=5.0)
    return my.project(_mixed(rng, 4), axis)


def projection_backwards(my, rng):
    onto = _mixed(rng, 3)
    return my.project(rng.normal(3, scale=0.2) - 2 * onto, onto)


def projection_in_a_batch(my, rng):
    return my.project(_mixed(rng, 2, 5, 3), rng.normal(2, 5, 3, shift=1.0))


def projection_of_each_onto_each(my, rng):
    u, onto = rng.normal(4, 1, 6), rng.normal(3, 6)
    return [my.project(u, onto), my.project(u[0, 0], onto), my.project(u[:, 0], onto[2])]


def projection_of_word_counts(my, rng):
    return my.project(rng.integers(0, 6, 3, 5), rng.integers(1, 6, 5))


def projection_with_zero_vectors(my, rng):
    u, onto = _mixed(rng, 4, 3), _mixed(rng, 4, 3)
    u[1], onto[2] = 0.0, 0.0
    return [my.project(u, onto), my.project(u[:, :0], onto[:, :0])]


def projection_of_strided_float64(my, rng):
    return my.project(*_views(rng))


def projection_onto_huge_and_tiny_vectors(my, rng):
    u, onto = _mixed(rng, 3, 4), rng.normal(3, 4)
    return [my.project(u, onto * 1e30), my.project(u, onto * 1e-30), my.project(u * 1e30, onto * 1e30)]


def projection_at_the_ends_of_float64(my, rng):
    u, onto = _mixed(rng, 3, 4, dtype=torch.float64), rng.normal(3, 4, dtype=torch.float64)
    return [my.project(u, onto * 1e200), my.project(u, onto * 1e-200)]


def projection_leaves_its_inputs_alone(my, rng):
    u, onto = _mixed(rng, 3, 4), rng.normal(3, 4)
    return [my.project(u, onto), u, onto]


def projection_gradients(my, rng):
    u = rng.normal(3, 1, 4, dtype=torch.float64).requires_grad_()
    onto = rng.normal(2, 4, dtype=torch.float64).requires_grad_()
    return rng.gradients(my.project(u, onto), u=u, onto=onto)


def projection_gradients_beside_a_zero_vector(my, rng):
    u, onto = _mixed(rng, 4, 3), _mixed(rng, 4, 3)
    u[1], onto[2] = 0.0, 0.0
    u.requires_grad_(), onto.requires_grad_()
    return rng.gradients(my.project(u, onto), u=u, onto=onto)


def projection_of_different_lengths(my, rng):
    n = rng.integer(30, 60)
    return [
        rng.attempt(my.project, rng.normal(2, n), rng.normal(2, n + 3)),
        rng.attempt(my.project, rng.normal(4, n), rng.normal(4, 1)),
    ]
