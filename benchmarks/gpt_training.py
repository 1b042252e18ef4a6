"""Training: tokens a second of our GPT-2, Llama and GPT beside nanoGPT's model and transformers' GPT-2 and Llama.

Every rival has the same shape, batch, data, loss and optimizer (torch.optim.AdamW, fused where PyTorch fuses it), and
does what one training step does: forward, cross-entropy, backward, step, gradients forgotten. nanoGPT is not ours to
ship: name a checkout of it with --nanogpt, else it is left out, and that is said.

The ceiling is the floating-point operations of a matrix product on this device in that precision, measured in the same
run.

Usage: python benchmarks/gpt_training.py [--nanogpt FOLDER] [--rounds N] [--dim D] … The last line is one JSON document.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from groundup.stack.models.gpt import GPT, hidden_size
from groundup.stack.models.gpt2 import GPT2, GPT2Config
from groundup.stack.models.llama import Llama, LlamaConfig
from measuring import conclude, in_turns, matmul_flops, module_at, ratio, table, wait_for


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nanogpt", type=Path, help="a checkout of karpathy/nanoGPT")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--bfloat16", action="store_true", help="products under autocast, as on graphics cards")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    for name, value in (("vocab", 1024), ("dim", 256), ("heads", 4), ("layers", 4), ("context", 256), ("batch", 8)):
        parser.add_argument(f"--{name}", type=int, default=value)
    return parser.parse_args()


def models(o: argparse.Namespace) -> dict[str, tuple[nn.Module, Callable[[Any, Any], Any]]]:
    """Each rival, and how it is asked for logits of all positions."""
    from transformers import GPT2Config as TheirGPT2Config
    from transformers import GPT2LMHeadModel, LlamaForCausalLM
    from transformers import LlamaConfig as TheirLlamaConfig

    hidden = hidden_size(o.dim)
    shape = {"vocab": o.vocab, "dim": o.dim, "layers": o.layers, "heads": o.heads, "context": o.context}
    found: dict[str, tuple[nn.Module, Callable[[Any, Any], Any]]] = {
        "our GPT-2": (GPT2(GPT2Config(**shape)), lambda model, ids: model(ids)),
        "our Llama": (Llama(LlamaConfig(**shape, hidden=hidden, tied=True)), lambda model, ids: model(ids)),
        "our GPT": (GPT(o.vocab, o.dim, o.heads, o.layers, o.context), lambda model, ids: model(ids)),
    }
    gpt2 = TheirGPT2Config(
        vocab_size=o.vocab, n_positions=o.context, n_embd=o.dim, n_layer=o.layers, n_head=o.heads,
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, use_cache=False,
    )  # fmt: skip
    llama = TheirLlamaConfig(
        vocab_size=o.vocab, hidden_size=o.dim, intermediate_size=hidden, num_hidden_layers=o.layers,
        num_attention_heads=o.heads, num_key_value_heads=o.heads, max_position_embeddings=o.context,
        tie_word_embeddings=True, use_cache=False,
    )  # fmt: skip
    found["transformers GPT-2"] = (GPT2LMHeadModel(gpt2), lambda model, ids: model(ids).logits)
    found["transformers Llama"] = (LlamaForCausalLM(llama), lambda model, ids: model(ids).logits)
    if o.nanogpt is not None:
        peer = module_at(o.nanogpt / "model.py", "nanogpt_model")
        with contextlib.redirect_stdout(io.StringIO()):
            model = peer.GPT(
                peer.GPTConfig(
                    block_size=o.context, vocab_size=o.vocab, n_layer=o.layers, n_head=o.heads, n_embd=o.dim,
                    dropout=0.0, bias=True,
                )
            )  # fmt: skip
        # It returns the logits of all positions only where targets are given, and computes the loss itself.
        found["nanoGPT"] = (model, lambda model, ids: model(ids, ids)[0])
    return found


def step_of(
    model: nn.Module, logits_of: Callable[[Any, Any], Any], ids: Any, targets: Any, own_loss: bool, bfloat16: bool
) -> Any:
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
    model.train()

    def step() -> None:
        with torch.autocast(ids.device.type, torch.bfloat16, enabled=bfloat16):
            if own_loss:
                loss = model(ids, targets)[1]
            else:
                loss = functional.cross_entropy(logits_of(model, ids).flatten(0, 1), targets.flatten())
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        wait_for(str(ids.device))

    return step


def main() -> None:
    o = options()
    torch.set_num_threads(o.threads)
    torch.manual_seed(0)
    ids, targets = torch.randint(o.vocab, (2, o.batch, o.context), device=o.device)
    rivals = models(o)
    steps = {
        name: step_of(model.to(o.device), logits_of, ids, targets, name == "nanoGPT", o.bfloat16)
        for name, (model, logits_of) in rivals.items()
    }
    before = matmul_flops(device=o.device, bfloat16=o.bfloat16)
    seconds = in_turns(steps, o.rounds, warm=2)
    ceiling = max(before, matmul_flops(device=o.device, bfloat16=o.bfloat16))
    where = f"{o.threads} threads" if o.device == "cpu" else torch.cuda.get_device_name(o.device)
    where += ", bfloat16" if o.bfloat16 else ", float32"
    tokens = o.batch * o.context
    flops = GPT(o.vocab, o.dim, o.heads, o.layers, o.context).flops_per_token() * tokens
    rows = [
        [name, tokens / statistics.median(times), f"{flops / statistics.median(times) / ceiling:.0%}"]
        for name, times in seconds.items()
    ]
    shape = f"dim {o.dim}, {o.layers} layers, {o.heads} heads, context {o.context}, batch {o.batch}"
    table(f"Training, {shape}, {where}", ["model", "tokens/s", "of the matmul ceiling"], rows)
    print(f"Ceiling: {ceiling / 1e9:.0f} GFLOP/s. A model's own operations are reckoned as our GPT's.")
    wanted = {
        "transformers GPT-2 / our GPT-2": (ratio(seconds["transformers GPT-2"], seconds["our GPT-2"]), 1.2),
        "transformers Llama / our Llama": (ratio(seconds["transformers Llama"], seconds["our Llama"]), 1.2),
    }
    if "nanoGPT" in seconds:
        wanted["nanoGPT / our GPT-2"] = (ratio(seconds["nanoGPT"], seconds["our GPT-2"]), 1.1)
    else:
        print("nanoGPT was left out: name a checkout with --nanogpt.")
    conclude(
        {
            "benchmark": "gpt_training",
            "shape": shape,
            "threads": o.threads,
            "where": where,
            "torch": torch.__version__,
            "ceiling_gflops": ceiling / 1e9,
            "tokens_per_second": {name: tokens / statistics.median(times) for name, times in seconds.items()},
        },
        wanted,
    )


if __name__ == "__main__":
    main()
