"""The Transformer of 2017 against torch.nn's: states, attentions, logits, loss, all gradients; cache, folder."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional

from groundup.stack.models.checkpoints import CheckpointError
from groundup.stack.models.families import load
from groundup.stack.models.output import IGNORED
from groundup.stack.models.seq2seq import generate_greedy, shift_right
from groundup.stack.models.transformer import Transformer, TransformerConfig

CONFIG = TransformerConfig(61, dim=24, layers=3, heads=4, hidden=40, eps=1e-3, dropout=0.3, smoothing=0.2, pad_id=3)


class InOrder(nn.Dropout):
    """Dropout whose random numbers go to the entries in their order, wherever they lie in memory."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.contiguous())


class Reference(nn.Module):
    """The same model of torch.nn's layers, with our weights; what they have besides the paper is switched off."""

    def __init__(self, ours: Transformer) -> None:
        super().__init__()
        config = ours.config
        sizes: Any = {"dim_feedforward": config.hidden, "dropout": config.dropout, "layer_norm_eps": config.eps}
        encoder = nn.TransformerEncoderLayer(config.dim, config.heads, batch_first=True, **sizes)
        decoder = nn.TransformerDecoderLayer(config.dim, config.heads, batch_first=True, **sizes)
        self.encoder = nn.TransformerEncoder(encoder, config.layers, enable_nested_tensor=False)
        self.decoder = nn.TransformerDecoder(decoder, config.layers)
        self.tokens = nn.Parameter(ours.tokens.weight.detach().clone())
        self.config = config
        self.double()
        for layer in [*self.encoder.layers, *self.decoder.layers]:
            layer.dropout = nn.Identity()  # torch.nn drops inside the MLP as well, and weights of attention
            for name in ("self_attn", "multihead_attn"):
                if hasattr(layer, name):
                    getattr(layer, name).dropout = 0.0
            for name in ("dropout1", "dropout2", "dropout3"):
                if hasattr(layer, name):
                    setattr(layer, name, InOrder(config.dropout))
        with torch.no_grad():
            for name, one in self.of_ours().items():
                one.copy_(ours.get_parameter(name))
            for name, one in self.named_parameters():
                if name.endswith(("in_proj_bias", "out_proj.bias")):
                    one.zero_()

    def of_ours(self, grad: bool = False) -> dict[str, Any]:
        """Our names, to the weights or to the gradients."""
        kept = {"self_attn": "attention", "multihead_attn": "cross"}
        ends = {"encoder": ("attention_norm", "feed_norm"), "decoder": ("attention_norm", "cross_norm", "feed_norm")}
        found: dict[str, Any] = {"tokens.weight": self.tokens.grad if grad else self.tokens}
        for name, one in self.named_parameters():
            stack, *rest = name.split(".")
            value: Any = one.grad if grad else one
            if not rest or "proj_bias" in name or "out_proj.bias" in name:
                continue
            block, last = f"{stack}.{rest[1]}", rest[-1]
            if last == "in_proj_weight":
                found |= {
                    f"{block}.{kept[rest[2]]}.{part}.weight": x for part, x in zip("qkv", value.chunk(3), strict=True)
                }
            elif rest[2] in kept:
                found[f"{block}.{kept[rest[2]]}.o.weight"] = value
            elif rest[2].startswith("norm"):
                found[f"{block}.{ends[stack][int(rest[2][-1]) - 1]}.{last}"] = value
            else:
                found[f"{block}.{ {'linear1': 'w_in', 'linear2': 'w_out'}[rest[2]] }.{last}"] = value
        return found

    def embed(self, ids: torch.Tensor) -> torch.Tensor:
        """Section 3.4 and 3.5; the sines are single precision, as ours are."""
        place = np.arange(ids.shape[1])[:, None]
        column = np.arange(self.config.dim)[None]
        angle = place / 10000 ** (2 * (column // 2) / self.config.dim)
        sines = torch.tensor(np.where(column % 2 == 0, np.sin(angle), np.cos(angle)).astype(np.float32)).double()
        x = self.tokens[ids] * math.sqrt(self.config.dim) + sines
        return functional.dropout(x, self.config.dropout, self.training)

    def forward(
        self, ids: torch.Tensor, read: torch.Tensor, kept: torch.Tensor | None, read_kept: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        absent = None if kept is None else ~kept.bool()
        n = read.shape[1]
        memory = self.encoder(self.embed(ids), src_key_padding_mask=absent)
        hidden = self.decoder(
            self.embed(read), memory, tgt_mask=torch.ones(n, n, dtype=torch.bool).triu(1),
            tgt_key_padding_mask=None if read_kept is None else ~read_kept.bool(), memory_key_padding_mask=absent,
        )  # fmt: skip
        return memory, hidden


def model(seed: int = 0) -> Transformer:
    """Tiny and random, in double, norms and biases moved from where they begin."""
    torch.manual_seed(seed)
    ours = Transformer(CONFIG).double().eval()
    with torch.no_grad():
        for one in ours.parameters():
            one.add_(torch.randn_like(one) * 0.2)
    return ours


def batch(padded: bool = True) -> dict[str, torch.Tensor]:
    """Two texts of 11 tokens, the second padded after 7, and what the decoder reads: 9 tokens, the first padded."""
    draw = torch.Generator().manual_seed(3)
    given = {"ids": torch.randint(5, 61, (2, 11), generator=draw)}
    read = torch.randint(5, 61, (2, 9), generator=draw)
    if padded:
        given["attention_mask"] = torch.ones(2, 11, dtype=torch.int64)
        given["attention_mask"][1, 7:] = 0
        given["decoder_attention_mask"] = torch.ones(2, 9, dtype=torch.int64)
        given["decoder_attention_mask"][0, 6:] = 0
    return given | {"decoder_input_ids": read}


def close(mine: Any, theirs: Any, about: str = "", atol: float = 1e-9) -> None:
    torch.testing.assert_close(mine, theirs, rtol=0, atol=atol, msg=lambda told: f"{about}: {told}")


def close_gradients(ours: Transformer, theirs: Reference) -> None:
    expected = theirs.of_ours(grad=True)
    assert expected.keys() == dict(ours.named_parameters()).keys()
    for name, one in ours.named_parameters():
        assert one.grad is not None
        assert one.grad.abs().sum() > 0, name
        close(one.grad, expected[name], name)


def recorded(attention: nn.MultiheadAttention, weights: list[torch.Tensor]) -> None:
    """From now on its weights (batch, heads, n, n_k) are added to the list at each call."""

    def look(module: nn.MultiheadAttention, args: Any, kwargs: Any) -> None:
        if not kwargs.get("need_weights"):
            weights.append(module(*args, **{**kwargs, "need_weights": True, "average_attn_weights": False})[1])

    attention.register_forward_pre_hook(look, with_kwargs=True)


@pytest.mark.parametrize("padded", [True, False])
def test_every_state_and_every_gradient_is_that_of_torch(padded: bool) -> None:
    ours = model()
    theirs = Reference(ours).eval()
    lists: dict[str, list[torch.Tensor]] = {"encoder": [], "decoder": [], "cross": []}
    for layer in theirs.encoder.layers:
        recorded(layer.self_attn, lists["encoder"])
    for layer in theirs.decoder.layers:
        recorded(layer.self_attn, lists["decoder"])
        recorded(layer.multihead_attn, lists["cross"])
    given = batch(padded)
    kept, read_kept = given.get("attention_mask"), given.get("decoder_attention_mask")
    labels = given["decoder_input_ids"].roll(1, 0)
    labels[0, 4:] = IGNORED
    mine = ours(**given, labels=labels, attentions=True)
    memory, hidden = theirs(given["ids"], given["decoder_input_ids"], kept, read_kept)
    texts = ... if kept is None else kept.bool()
    words = ... if read_kept is None else read_kept.bool()
    close(mine.encoder_hidden[texts], memory[texts], "memory")
    close(mine.hidden[words], hidden[words], "hidden")
    for name, found in (
        ("encoder", mine.encoder_attentions), ("decoder", mine.attentions), ("cross", mine.cross_attentions)
    ):  # fmt: skip
        assert len(found) == 3
        for weights, others in zip(found, lists[name], strict=True):
            close(weights, others, name)
    logits = hidden @ theirs.tokens.T
    close(mine.logits[words], logits[words], "logits")
    loss: Any = functional.cross_entropy(logits.flatten(0, 1), labels.flatten())
    close(mine.loss, loss, "loss")
    mine.loss.backward()
    loss.backward()
    close_gradients(ours, theirs)


def test_in_training_it_drops_and_smooths_as_the_paper_says() -> None:
    ours = model().train()
    theirs = Reference(ours).train()
    given = batch()
    labels = given["decoder_input_ids"].roll(1, 0)
    labels[0, 4:] = IGNORED
    torch.manual_seed(5)
    mine = ours(**given, labels=labels)
    torch.manual_seed(5)
    _, hidden = theirs(
        given["ids"], given["decoder_input_ids"], given["attention_mask"], given["decoder_attention_mask"]
    )
    logits = hidden @ theirs.tokens.T
    counted = labels != IGNORED
    scores = logits.log_softmax(-1)[counted]
    right = scores.gather(1, labels[counted][:, None])[:, 0]
    loss = -(0.8 * right + 0.2 * scores.mean(-1)).mean()
    close(mine.loss, loss, "loss")
    mine.loss.backward()
    loss.backward()
    close_gradients(ours, theirs)
    assert not torch.allclose(mine.loss, ours.eval()(**given, labels=labels).loss)


def test_labels_alone_are_read_shifted() -> None:
    ours = model()
    given = {name: one for name, one in batch().items() if "decoder" not in name}
    labels = batch()["decoder_input_ids"]
    labels[1, 3] = IGNORED
    read = shift_right(labels, CONFIG.start_id, CONFIG.pad_id)
    assert read[1].tolist() == [2, *labels[1, :3].tolist(), 3, *labels[1, 4:-1].tolist()]
    assert torch.equal(ours(**given, labels=labels).loss, ours(**given, decoder_input_ids=read, labels=labels).loss)


def test_step_by_step_is_all_at_once() -> None:
    ours = model()
    given = batch()
    whole = ours(**given)
    read, kept = given["decoder_input_ids"], given["decoder_attention_mask"]
    cache = ours.new_cache(2, 9)
    with torch.no_grad():
        parts = [
            ours(given["ids"] if begin == 0 else None, given["attention_mask"], read[:, begin:end], cache=cache,
                 decoder_attention_mask=kept[:, :end]).logits
            for begin, end in ((0, 4), (4, 5), (5, 9))
        ]  # fmt: skip
    close(torch.cat(parts, 1), whole.logits)
    written = generate_greedy(ours, given["ids"], 12, given["attention_mask"])
    again = torch.full((2, 1), CONFIG.start_id)
    for _ in range(written.shape[1] - 1):
        logits = ours(given["ids"], given["attention_mask"], again).logits
        again = torch.cat((again, logits[:, -1:].argmax(-1)), 1)
    ended = ((written == CONFIG.end_id).cumsum(1) - (written == CONFIG.end_id).long()) > 0
    assert torch.equal(written[~ended], again[~ended])
    assert (written[ended] == CONFIG.pad_id).all()


def test_padding_and_what_is_to_come_are_not_seen() -> None:
    ours, given = model(), batch()
    whole = ours(**given).logits
    changed = {name: one.clone() for name, one in given.items()}
    changed["ids"][1, 7:] = 9
    changed["decoder_input_ids"][:, 5:] = 9
    close(ours(**changed).logits[:, :5], whole[:, :5], atol=1e-12)
    alone = ours(given["ids"][1:, :7], decoder_input_ids=given["decoder_input_ids"][1:])
    close(alone.logits[0], whole[1], atol=1e-12)


def test_a_fresh_one_learns_to_reverse_and_embeds_as_large_as_the_sines() -> None:
    torch.manual_seed(0)
    ours = Transformer(TransformerConfig(8, dim=32, layers=1, heads=4, hidden=48, dropout=0.0, smoothing=0.0))
    draw = torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam(ours.parameters(), 5e-3)
    losses = []
    for _ in range(80):
        ids = torch.randint(3, 8, (16, 4), generator=draw)
        loss = ours(ids, labels=ids.flip(1)).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert sum(losses[-10:]) / 10 < 0.5 * math.log(5), "what can be known without reading is one of five words"
    with torch.no_grad():
        wide = Transformer(TransformerConfig(400, dim=96, layers=1, heads=4, hidden=48)).eval()
        x = wide.tokens(torch.arange(400)) * math.sqrt(96)
        assert x.std() == pytest.approx(1, abs=5 / math.sqrt(2 * x.numel())), "as large as what is added to it"


def test_the_folder_is_read_again_bit_for_bit(tmp_path: Path) -> None:
    ours = model().float()
    ours.save_pretrained(tmp_path)
    again = load(tmp_path)
    assert type(again) is Transformer
    assert again.config == CONFIG
    assert not again.training
    assert again.state_dict().keys() == ours.state_dict().keys()
    assert all(torch.equal(one, again.state_dict()[name]) for name, one in ours.state_dict().items())


def test_a_wrong_folder_is_refused_by_name(tmp_path: Path) -> None:
    model().save_pretrained(tmp_path)
    file = tmp_path / "model.safetensors"
    whole = load_file(file)
    key = "decoder.1.w_in.weight"
    save_file({name: one for name, one in whole.items() if name != key}, file)
    with pytest.raises(CheckpointError, match=r"decoder\.1\.w_in\.weight \(40, 24\) is missing"):
        load(tmp_path)
    save_file({**whole, key: torch.zeros(24, 40)}, file)
    with pytest.raises(CheckpointError, match=r"has shape \(24, 40\), and should have \(40, 24\)"):
        load(tmp_path)
    save_file({**whole, "decoder.1.new.weight": torch.zeros(2)}, file)
    with pytest.raises(CheckpointError, match=r"decoder\.1\.new\.weight \(2,\) is not known"):
        load(tmp_path)
    settings = json.loads((tmp_path / "config.json").read_text())
    for change, told in (({"norm_first": True}, "norm_first = True"), ({"model_type": "t5"}, "model_type is 't5'")):
        (tmp_path / "config.json").write_text(json.dumps(settings | change))
        with pytest.raises(CheckpointError, match=told):
            Transformer.from_pretrained(tmp_path)
    for sizes in ({"dim": 25, "heads": 5}, {"dim": 24, "heads": 5}):
        with pytest.raises(ValueError, match="dim must be even"):
            TransformerConfig(**sizes)
