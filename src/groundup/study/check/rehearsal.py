"""A job of our own that a child runs while it waits for a learner's.

In a child that was just forked, each page of memory that it writes to is copied first, and each step of Python and of
torch runs for the first time: together that takes longer than many a check. So a child that waits does, on a file of
ours, what most checks do: it loads drivers and a file, draws inputs, calls functions and modules, takes gradients,
raises and describes an exception, and writes answers for the wire. Nothing of this is kept or sent. A learner's
code can read the file, so what its functions return is off on purpose: they take the steps, and are no answers.

Not protected against: nothing here is anybody's but ours; it is over before a line of a learner's is read.
"""

from __future__ import annotations

from typing import Any

from groundup.study.check.job import compiled

MODULE = "groundup_rehearsal"
PATH = "rehearsal.py"

DRIVERS = """
import torch

TWO = torch.float64


def products(my, rng):
    left, right = rng.normal(3, 4, dtype=TWO), rng.normal(4, 5, dtype=TWO)
    found = [my.product(left, right), my.product(rng.normal(2, 3), rng.normal(3, 2)), my.product(left, right.T.T)]
    return {"found": found, "strided": my.product(rng.normal(6, 2, dtype=TWO).T[:, ::2], rng.uniform(3, 2, dtype=TWO))}


def shares(my, rng):
    scores = rng.normal(2, 3, 5, dtype=TWO, scale=3.0)
    hidden = rng.mask(3, 5)
    return [my.shares(scores, hidden), my.shares(scores[..., 0], None), my.shares(rng.normal(4), None)]


def slopes(my, rng):
    x = rng.normal(3, 4, dtype=TWO).requires_grad_()
    w = rng.normal(4, 2, dtype=TWO).requires_grad_()
    return rng.gradients(my.shares(my.product(torch.tanh(x) * x.exp(), w), None), x=x, w=w)


def bends(my, rng):
    x = rng.normal(3, dtype=TWO).requires_grad_()
    first = torch.autograd.grad((torch.sin(x) * x**2 + x.prod()).sum() / 2, x, create_graph=True)[0]
    rows = [torch.autograd.grad(one, x, retain_graph=True)[0] for one in first]
    return [my.mean(rows[0].tolist()), torch.stack(rows)]


def numbers(my, rng):
    values = [rng.integer(-9, 9) for _ in range(5)] + [round(float(rng.uniform(low=-2, high=2)), 2)]
    return [my.mean(values), my.mean(tuple(values)), my.count(rng.text(30)), rng.choice(["a", "b"])]


def refusals(my, rng):
    return [rng.attempt(my.mean, []), rng.attempt(my.product, rng.normal(2, 3), rng.normal(2, 3))]


def dtypes(my, rng):
    x = rng.normal(2, 3, dtype=TWO)
    return [my.shares(x.to(dtype), None) for dtype in (torch.float32, torch.bfloat16, torch.float16)]


def layers(my, rng):
    layer = rng.fill(my.Layer(4, 3))
    out = layer(rng.normal(2, 5, 4))
    ids = torch.tensor([[rng.integer(0, 6) for _ in range(4)] for _ in range(2)])
    loss = torch.nn.functional.cross_entropy(out.reshape(-1, 3), torch.arange(10) % 3)
    loss.backward()
    names = sorted(layer.state_dict())
    return {"out": out, "names": names, "picked": layer.table(ids), "grad": layer.inner.weight.grad}


def steps(my, rng):
    w = rng.normal(3, dtype=TWO).requires_grad_()
    optimizer = torch.optim.SGD([w], lr=0.1, momentum=0.5)
    for _ in range(2):
        optimizer.zero_grad()
        ((w - 1) ** 2).sum().backward()
        optimizer.step()
    return w.detach().clone()


def algebra(my, rng):
    a = rng.normal(3, 3, dtype=TWO)
    spread = a @ a.T + torch.eye(3, dtype=TWO)
    return [torch.linalg.solve(a, a[0]), torch.linalg.det(a), torch.linalg.eigvalsh(spread), torch.linalg.norm(a)]


def draws(my, rng):
    source = rng.generator()
    drawn = torch.rand(50, generator=source, dtype=TWO)
    order = torch.randperm(8, generator=source)
    return [drawn, order, torch.randn(4, generator=source), torch.multinomial(drawn[:5], 3, generator=source)]
"""

SOURCE = '''
"""What a learner's file is like."""

import math

import torch
from torch import nn


def product(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    if left.shape[-1] != right.shape[0]:
        raise ValueError(f"shapes {tuple(left.shape)} and {tuple(right.shape)} do not fit")
    rows = []
    for i in range(left.shape[0]):
        rows.append(torch.stack([(left[i] * right[:, j]).sum() for j in range(right.shape[1])]))
    looped = torch.stack(rows)
    assert looped.shape == (left.shape[0], right.shape[1])
    return (looped + torch.einsum("ij,jk->ik", left, right) + left @ right) / 2


def shares(scores, hidden=None):
    if hidden is not None:
        scores = scores.masked_fill(hidden, float("-inf"))
        scores = torch.where(torch.isinf(scores), torch.full_like(scores, -1e4), scores)
    high = scores.max(dim=-1, keepdim=True).values
    powers = (scores - high).exp()
    whole = powers / powers.sum(dim=-1, keepdim=True)
    return (whole + torch.softmax(scores, dim=-1)) / 3


def mean(values):
    if len(values) == 0:
        raise ValueError("no values")
    total = 0.0
    for value in values:
        total += value
    middle = sorted(values)[len(values) // 2]
    return total / len(values) + math.sqrt(abs(middle)) + sum(v for v in values if v < 0)


def count(text: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for sign in text:
        found[sign] = found.get(sign, 0) + 1
    return {sign: number for sign, number in sorted(found.items(), key=lambda one: (-one[1], one[0]))}


class Layer(nn.Module):
    def __init__(self, ins: int, outs: int):
        super().__init__()
        self.inner = nn.Linear(ins, outs)
        self.table = nn.Embedding(6, outs)
        self.scale = nn.Parameter(torch.ones(outs))

    def forward(self, x):
        h = self.inner(x)
        h = h.view(*h.shape[:-1], -1).transpose(-1, -2).contiguous().transpose(-1, -2)
        mean = h.mean(dim=-1, keepdim=True)
        spread = h.var(dim=-1, keepdim=True, unbiased=False)
        h = (h - mean) / torch.sqrt(spread + 1e-5) * self.scale
        seen = torch.tril(torch.ones(x.shape[-2], x.shape[-2], dtype=torch.bool))
        weights = ((x @ x.transpose(-1, -2)) / math.sqrt(x.shape[-1])).masked_fill(~seen, float("-inf")).softmax(dim=-1)
        return torch.relu(torch.cat([weights @ h, h], dim=-1)[..., : h.shape[-1]]) + h
'''

CASES = [line[4:].partition("(")[0] for line in DRIVERS.splitlines() if line.startswith("def ")]
BUILDS = ["product", "shares", "mean", "count", "Layer"]

# As a child is given one; compiled when this is imported, once for all children.
JOB: dict[str, Any] = {
    "topic": MODULE,
    "seed": 1,
    "module": MODULE,
    "path": PATH,
    "source": SOURCE.encode(),
    "siblings": {},
    "compiled": compiled(DRIVERS.encode(), f"{MODULE}/drivers.py"),
    "drivers_name": f"{MODULE}/drivers.py",
    "builds": BUILDS,
    "without": {},
    "cases": CASES,
}
