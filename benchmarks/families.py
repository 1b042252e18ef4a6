"""BERT-, T5- and Llama-shaped models: forward and backward, and generation, ours beside transformers'.

Both of a pair have the same configuration and the same weights (ours are written and theirs read), the same ids,
padding and labels, no dropout, and transformers' fastest attention that it has for the family (``sdpa`` where it has
it, else its own choice, named in the table). The losses must agree, and what is generated must be the same tokens. BERT
does not generate. The ceiling is the floating-point operations a second of a float32 matrix product in the same run:
six for each weight in a matrix and each token that passes it, two forward and four backward (attention's own are not
counted; embeddings are, because they are the head, too).

Usage: python benchmarks/families.py [--rounds N] [--threads N] [--device cuda] … The last line is one JSON document.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from groundup.stack.inference.cache import generate_cached
from groundup.stack.models.bert import BertConfig, MaskedLM
from groundup.stack.models.families import CausalLM
from groundup.stack.models.gpt import hidden_size
from groundup.stack.models.llama import Llama, LlamaConfig
from groundup.stack.models.seq2seq import generate_greedy
from groundup.stack.models.t5 import T5, T5Config
from measuring import conclude, in_turns, matmul_flops, ratio, table, wait_for

AIM = 1.1
PAD = 0


@dataclass
class Pair:
    """One family: our model and theirs, the same weights in both, and how each is asked for its loss and for text."""

    ours: nn.Module
    theirs: nn.Module
    attention: str
    our_loss: Callable[[], Tensor]
    their_loss: Callable[[], Tensor]
    our_text: Callable[[Tensor, int], Tensor] | None = None
    their_text: Callable[[Tensor, int], Tensor] | None = None


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--device", default="cpu")
    for name, value in (
        ("vocab", 4096), ("dim", 256), ("heads", 4), ("layers", 4), ("length", 128), ("batch", 8), ("tokens", 48),
    ):  # fmt: skip
        parser.add_argument(f"--{name}", type=int, default=value)
    return parser.parse_args()


def read_theirs(ours: Any, kind: str, device: str) -> tuple[nn.Module, str]:
    """Transformers' model of that name with our weights, and the attention it computes with."""
    import transformers

    family = getattr(transformers, kind)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours.save_pretrained(folder)
        try:
            theirs = family.from_pretrained(folder, attn_implementation="sdpa")
        except ValueError:  # it has no sdpa for this family
            theirs = family.from_pretrained(folder)
    if theirs.can_generate():
        theirs.generation_config.pad_token_id = PAD
        theirs.generation_config.eos_token_id = None
    return theirs.to(device).train(), str(theirs.config._attn_implementation)


def batch_of(o: argparse.Namespace) -> tuple[Tensor, Tensor, Tensor]:
    """ids, the mask of real tokens and labels (batch, length); the second half of the texts is a quarter shorter."""
    ids = torch.randint(5, o.vocab, (o.batch, o.length))
    mask = torch.ones_like(ids)
    mask[o.batch // 2 :, o.length * 3 // 4 :] = 0
    ids = ids.masked_fill(mask == 0, PAD)
    labels = ids.masked_fill((mask == 0) | (torch.rand(ids.shape) > 0.15), -100)
    return ids.to(o.device), mask.to(o.device), labels.to(o.device)


def generate_theirs(model: Any, **more: Any) -> Callable[[Tensor, int], Tensor]:
    def write(ids: Tensor, n: int) -> Tensor:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return model.generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=n, min_new_tokens=n, do_sample=False,
                use_cache=True, **more,
            )  # fmt: skip

    return write


def bert(o: argparse.Namespace) -> Pair:
    config = BertConfig(
        o.vocab, o.dim, o.layers, o.heads, 4 * o.dim, o.length, dropout=0.0, attention_dropout=0.0, head_dropout=0.0
    )
    ours = MaskedLM(config).to(o.device).train()
    ours.begin()
    theirs, attention = read_theirs(ours, "BertForMaskedLM", o.device)
    ids, mask, labels = batch_of(o)
    return Pair(
        ours, theirs, attention,
        lambda: ours(ids, mask, labels=labels).loss,
        lambda: theirs(input_ids=ids, attention_mask=mask, labels=labels).loss,
    )  # fmt: skip


def t5(o: argparse.Namespace) -> Pair:
    config = T5Config(
        o.vocab, o.dim, o.dim // o.heads, 4 * o.dim, o.layers, heads=o.heads, dropout=0.0, pad_id=PAD, start_id=PAD
    )
    ours = T5(config).to(o.device).train()
    theirs, attention = read_theirs(ours, "T5ForConditionalGeneration", o.device)
    ids, mask, _ = batch_of(o)
    labels = torch.randint(5, o.vocab, (o.batch, o.length // 2), device=o.device)
    endless = T5(replace(config, end_id=-1)).to(o.device).eval()  # random weights write the end at any time
    endless.load_state_dict(ours.state_dict())
    return Pair(
        ours, theirs, attention,
        lambda: ours(ids, mask, labels=labels).loss,
        lambda: theirs(input_ids=ids, attention_mask=mask, labels=labels).loss,
        lambda ids, n: generate_greedy(endless, ids, n),
        generate_theirs(theirs),
    )  # fmt: skip


def llama(o: argparse.Namespace) -> Pair:
    config = LlamaConfig(
        o.vocab, o.dim, o.layers, o.heads, hidden_size(o.dim), o.length + o.tokens, kv_heads=o.heads // 2, tied=True
    )
    model = Llama(config)
    ours = CausalLM(model).to(o.device).train()
    theirs, attention = read_theirs(model, "LlamaForCausalLM", o.device)
    ids, mask, _ = batch_of(o)
    labels = ids.masked_fill(mask == 0, -100)
    return Pair(
        ours, theirs, attention,
        lambda: ours(ids, mask, labels=labels).loss,
        lambda: theirs(input_ids=ids, attention_mask=mask, labels=labels, use_cache=False).loss,
        lambda ids, n: generate_cached(model, ids, n),
        generate_theirs(theirs),
    )  # fmt: skip


def step_of(model: nn.Module, loss: Callable[[], Tensor], device: str) -> Callable[[], None]:
    def step() -> None:
        loss().backward()
        model.zero_grad(set_to_none=True)
        wait_for(device)

    return step


def waited(write: Callable[[Tensor, int], Tensor], ids: Tensor, n: int, device: str) -> Callable[[], Tensor]:
    def action() -> Tensor:
        text = write(ids, n)
        wait_for(device)
        return text

    return action


def main() -> None:
    o = options()
    torch.set_num_threads(o.threads)
    torch.manual_seed(0)
    before = matmul_flops(device=o.device)
    rows: list[list[object]] = []
    wanted, document = {}, {}
    for name, make in (("BERT", bert), ("T5", t5), ("Llama", llama)):
        pair = make(o)
        difference = abs(float(pair.our_loss().detach()) - float(pair.their_loss().detach()))
        if difference > 1e-4:
            raise SystemExit(f"{name}: the losses differ by {difference}: nothing was measured")
        steps = {
            "ours": step_of(pair.ours, pair.our_loss, o.device),
            "transformers": step_of(pair.theirs, pair.their_loss, o.device),
        }
        seconds = in_turns(steps, o.rounds, warm=3)
        wanted[f"{name}, forward and backward"] = (ratio(seconds["transformers"], seconds["ours"]), AIM)
        matrices = sum(one.numel() for one in pair.ours.parameters() if one.dim() == 2)
        for who, times in seconds.items():
            rows.append([name, "forward and backward", who, pair.attention if who != "ours" else "",
                         o.batch * o.length / statistics.median(times)])  # fmt: skip
            document[f"{name}, {who}, tokens a second"] = o.batch * o.length / statistics.median(times)
        if name != "T5":  # its two halves see texts of different lengths
            reached = 6 * matrices * o.batch * o.length / statistics.median(seconds["ours"])
            document[f"{name}, share of the matmul ceiling"] = reached / max(before, matmul_flops(device=o.device))
        if pair.our_text is None or pair.their_text is None:
            continue
        ids = torch.randint(5, o.vocab, (o.batch, o.length // 4), device=o.device)
        pair.ours.eval()
        pair.theirs.eval()
        write = {
            "ours": waited(pair.our_text, ids, o.tokens, o.device),
            "transformers": waited(pair.their_text, ids, o.tokens, o.device),
        }
        with torch.no_grad():
            same = float((write["ours"]() == write["transformers"]()).float().mean())
        if same < 0.98:
            raise SystemExit(f"{name}: only {same:.0%} of the generated tokens agree: nothing was measured")
        seconds = in_turns(write, max(5, o.rounds // 2), warm=1)
        wanted[f"{name}, generation"] = (ratio(seconds["transformers"], seconds["ours"]), AIM)
        for who, times in seconds.items():
            speed = o.batch * o.tokens / statistics.median(times)
            rows.append([name, "generation", who, pair.attention if who != "ours" else "", speed])
            document[f"{name}, {who}, tokens written a second"] = speed
    shape = f"dim {o.dim}, {o.layers} layers, {o.heads} heads, {o.batch} texts of {o.length}"
    table(f"{shape}, {o.threads} threads, {o.device}", ["family", "what", "who", "attention", "tokens/s"], rows)
    shares = {name: share for name, share in document.items() if "ceiling" in name}
    print(
        f"Ceiling: {before / 1e9:.0f} GFLOP/s on {o.device}; " + ", ".join(f"{k}: {v:.0%}" for k, v in shares.items())
    )
    versions = {"torch": torch.__version__, "threads": o.threads, "device": o.device}
    conclude({"benchmark": "families", "shape": shape, **versions, **document}, wanted)


if __name__ == "__main__":
    main()
