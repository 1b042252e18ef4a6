"""A lab for tests: fits a line by stochastic gradient descent, slowly enough to be killed on the way."""

import functools
import time
from typing import Any

import torch

from groundup.authoring import Run, Scale
from groundup.stack.nn.losses import mse_loss
from groundup.stack.transformer.attention import scaled_dot_product_attention


def run(run: Run, scale: Scale) -> None:
    steps = int(run.options.get("steps", 60))
    weight = torch.zeros(3, requires_grad=True)
    begin = 0
    if run.state is not None:
        weight = run.state["weight"].requires_grad_()
        begin = run.state["step"]
    run.expect(seconds=steps * 0.01, memory_mb=1.0, parameters=3)
    for step in run.track(range(begin, steps), "training", total=steps, done=begin):
        x = torch.randn(8, 3)
        loss = mse_loss(x @ weight, x.sum(dim=1)) + 0 * float(torch.rand(()))
        (gradient,) = torch.autograd.grad(loss, weight)
        weight = (weight - 0.1 * gradient).detach().requires_grad_()
        run.log(step, loss=loss.item())
        if step % 20 == 0:
            q = torch.randn(1, 4, 2)
            run.text("attended", str(scaled_dot_product_attention(q, q, q).sum().item()), step)
        time.sleep(float(run.options.get("pause", 0.0)))
        run.checkpoint(functools.partial(state, weight.detach(), step + 1))
    for action in str(run.options.get("then", "")).split():
        misbehave(action)
    run.save(lambda folder: (folder / "weight.txt").write_text(str(weight.tolist())), loss=loss.item())
    run.result(loss=loss.item(), baseline=3.0, better=loss.item() < 3.0)


def state(weight: torch.Tensor, step: int) -> dict[str, Any]:
    return {"weight": weight, "step": step}


def misbehave(action: str) -> None:
    import os
    import socket

    if action == "raise":
        raise ValueError("as asked")
    if action == "memory":
        bytearray(2**46)
    if action == "network":
        socket.create_connection(("127.0.0.1", 9), timeout=1)
    if action == "fork":
        os.fork()
    if action == "exit":
        os._exit(0)
