"""Bahdanau's and Luong's translators against the papers' formulas in NumPy: states, weights, loss, all gradients."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from groundup.stack.models.checkpoints import CheckpointError
from groundup.stack.models.families import load
from groundup.stack.models.output import IGNORED
from groundup.stack.models.recurrent import BahdanauConfig, BahdanauModel, LuongConfig, LuongModel
from groundup.stack.models.seq2seq import generate_greedy, shift_right

Array = Any
Weights = dict[str, Array]

SIZES: dict[str, Any] = {"vocab": 31, "source_vocab": 37, "dim": 6, "hidden": 9}
MODELS: dict[str, Callable[[], Any]] = {
    "bahdanau": lambda: BahdanauModel(BahdanauConfig(**SIZES, align=5, readout=7, pad_id=3)),
    "luong, dot": lambda: LuongModel(LuongConfig(**SIZES, layers=1, score="dot", dropout=0.0)),
    "luong, general": lambda: LuongModel(LuongConfig(**SIZES, layers=2, dropout=0.5, end_id=4)),
}


def model(kind: str) -> Any:
    """Tiny and random, in double, far from where it begins."""
    torch.manual_seed(0)
    ours = MODELS[kind]().double().eval()
    with torch.no_grad():
        for one in ours.parameters():
            one.add_(torch.randn_like(one) * 0.5)
    return ours


def batch() -> dict[str, torch.Tensor]:
    """Texts of 7 and 4 words, and 5 words to write, of which two do not count."""
    draw = torch.Generator().manual_seed(3)
    labels = torch.randint(5, 31, (2, 5), generator=draw)
    labels[0, 4] = labels[1, 1] = IGNORED
    kept = torch.ones(2, 7, dtype=torch.int64)
    kept[1, 4:] = 0
    return {"ids": torch.randint(5, 37, (2, 7), generator=draw), "attention_mask": kept, "labels": labels}


# ── the papers in NumPy, one text and one word at a time ─────────────────────


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def softmax(x: Array) -> Array:
    return np.exp(x) / np.exp(x).sum()


def gru(w: Weights, name: str, x: Array, h: Array) -> Array:
    n = len(h)
    a = w[f"{name}.input.weight"] @ x + w[f"{name}.input.bias"]
    b = w[f"{name}.state.weight"] @ h + w[f"{name}.state.bias"]
    r, z = sigmoid(a[:n] + b[:n]), sigmoid(a[n : 2 * n] + b[n : 2 * n])
    return (1 - z) * np.tanh(a[2 * n :] + r * b[2 * n :]) + z * h


def lstm(w: Weights, name: str, x: Array, h: Array, c: Array) -> tuple[Array, Array]:
    n = len(h)
    a = w[f"{name}.input.weight"] @ x + w[f"{name}.input.bias"] + w[f"{name}.state.weight"] @ h
    i, f, g, o = (a + w[f"{name}.state.bias"]).reshape(4, n)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def bahdanau(w: Weights, text: Array, words: Array) -> dict[str, Array]:
    """text (m,), words (n,) that the decoder reads."""
    n = w["first.bias"].size
    x = w["source.weight"][text]
    after, before = [np.zeros(n)], [np.zeros(n)]
    for place in range(len(text)):
        after.append(gru(w, "forwards", x[place], after[-1]))
        before.append(gru(w, "backwards", x[-1 - place], before[-1]))
    h: Array = np.concatenate((after[1:], before[:0:-1]), axis=1)
    s = np.tanh(w["first.weight"] @ before[-1] + w["first.bias"])
    found: dict[str, list[Array]] = {"hidden": [], "weights": [], "logits": []}
    u_o, v_o, c_o = np.split(w["readout.weight"], [n, n + x.shape[1]], axis=1)
    for word in words:
        y = w["tokens.weight"][word]
        e = np.array(
            [
                (w["attention.v.weight"] @ np.tanh(w["attention.w.weight"] @ s + w["attention.u.weight"] @ one))[0]
                for one in h
            ]
        )
        alpha = softmax(e)
        c = sum(share * one for share, one in zip(alpha, h, strict=True))
        s = gru(w, "cell", np.concatenate((y, c)), s)
        both = u_o @ s + v_o @ y + c_o @ c + w["readout.bias"]
        t = np.array([max(both[2 * j], both[2 * j + 1]) for j in range(len(both) // 2)])
        found["hidden"].append(t)
        found["weights"].append(alpha)
        found["logits"].append(w["head.weight"] @ t + w["head.bias"])
    return {name: np.stack(one) for name, one in found.items()} | {"memory": h}


def luong(w: Weights, text: Array, words: Array) -> dict[str, Array]:
    n = w["head.weight"].shape[1]
    layers = sum(name.startswith("decoder.") and name.endswith("input.bias") for name in w)
    states = [(np.zeros(n), np.zeros(n)) for _ in range(layers)]
    h_bar = []
    for word in text:
        x = w["source.weight"][word]
        for layer in range(layers):
            states[layer] = lstm(w, f"encoder.{layer}", x, *states[layer])
            x = states[layer][0]
        h_bar.append(x)
    found: dict[str, list[Array]] = {"hidden": [], "weights": [], "logits": []}
    h_tilde = np.zeros(n)
    for word in words:
        x = np.concatenate((w["tokens.weight"][word], h_tilde))
        for layer in range(layers):
            states[layer] = lstm(w, f"decoder.{layer}", x, *states[layer])
            x = states[layer][0]
        between = w.get("general.weight", np.eye(n))
        a = softmax(np.array([x @ between @ one for one in h_bar]))
        c = sum(share * one for share, one in zip(a, h_bar, strict=True))
        h_tilde = np.tanh(w["combine.weight"] @ np.concatenate((c, x)))
        found["hidden"].append(h_tilde)
        found["weights"].append(a)
        found["logits"].append(w["head.weight"] @ h_tilde)
    return {name: np.stack(one) for name, one in found.items()} | {"memory": np.stack(h_bar)}


def by_formula(kind: str, w: Weights, given: dict[str, torch.Tensor], read: torch.Tensor) -> list[dict[str, Array]]:
    """What the paper makes of each text, padding left out."""
    formula = bahdanau if kind == "bahdanau" else luong
    kept = given["attention_mask"].bool()
    return [formula(w, ids[k].numpy(), words.numpy()) for ids, k, words in zip(given["ids"], kept, read, strict=True)]


def loss_by_formula(rows: list[dict[str, Array]], labels: torch.Tensor) -> float:
    counted = [
        -np.log(softmax(logits)[label])
        for row, places in zip(rows, labels.tolist(), strict=True)
        for logits, label in zip(row["logits"], places, strict=True)
        if label != IGNORED
    ]
    return float(np.mean(counted))


def weights_of(ours: Any) -> Weights:
    return {name: one.detach().numpy().copy() for name, one in ours.named_parameters()}


def close(mine: Any, expected: Any, about: str = "", atol: float = 1e-9) -> None:
    expected = torch.as_tensor(expected)
    torch.testing.assert_close(mine, expected, rtol=0, atol=atol, msg=lambda told: f"{about}: {told}")


@pytest.mark.parametrize("kind", MODELS)
def test_every_state_is_the_papers(kind: str) -> None:
    ours, given = model(kind), batch()
    mine = ours(**given, attentions=True)
    read = shift_right(given["labels"], ours.config.start_id, ours.config.pad_id)
    rows = by_formula(kind, weights_of(ours), given, read)
    (cross,) = mine.cross_attentions
    assert mine.attentions == ()
    assert mine.encoder_attentions == ()
    for row, (expected, length) in enumerate(zip(rows, (7, 4), strict=True)):
        close(mine.encoder_hidden[row, :length], expected["memory"], "memory")
        close(cross[row, 0, :, :length], expected["weights"], "weights")
        assert not cross[row, 0, :, length:].any()
        close(mine.hidden[row], expected["hidden"], "hidden")
        close(mine.logits[row], expected["logits"], "logits")
    assert mine.loss.item() == pytest.approx(loss_by_formula(rows, given["labels"]), abs=1e-12)


@pytest.mark.parametrize("kind", MODELS)
def test_every_gradient_is_the_slope_of_the_papers_loss(kind: str) -> None:
    """Along two random directions for each weight: central differences of the loss in NumPy."""
    ours, given = model(kind), batch()
    ours(**given).loss.backward()
    read = shift_right(given["labels"], ours.config.start_id, ours.config.pad_id)
    w, draw, step = weights_of(ours), np.random.default_rng(0), 1e-5
    for name, one in ours.named_parameters():
        assert one.grad is not None, name
        for _ in range(2):
            along = draw.standard_normal(one.shape)
            ends = [
                loss_by_formula(by_formula(kind, {**w, name: w[name] + way * along}, given, read), given["labels"])
                for way in (step, -step)
            ]
            slope = (ends[0] - ends[1]) / (2 * step)
            mine = float((one.grad.numpy() * along).sum())
            assert abs(slope) > 1e-6, name
            assert mine == pytest.approx(slope, rel=1e-6, abs=1e-9), name


@pytest.mark.parametrize("kind", MODELS)
def test_step_by_step_is_all_at_once(kind: str) -> None:
    ours, given = model(kind), batch()
    read = shift_right(given.pop("labels"), 2, 3)
    kept = torch.ones_like(read)
    kept[0, 1] = 0
    whole = ours(**given, decoder_input_ids=read, decoder_attention_mask=kept).logits
    cache, parts = ours.new_cache(2, 5), []
    for begin, end in ((0, 2), (2, 3), (3, 5)):
        ids = given["ids"] if begin == 0 else None
        more = {"decoder_input_ids": read[:, begin:end], "decoder_attention_mask": kept[:, :end]}
        parts.append(ours(ids, given["attention_mask"], cache=cache, **more).logits)
    close(torch.cat(parts, 1), whole, atol=1e-12)
    assert cache.length == 5
    without = ours(given["ids"][:1], decoder_input_ids=read[:1, [0, 2, 3, 4]]).logits
    close(whole[:1, [0, 2, 3, 4]], without, "a word that does not count is not read", atol=1e-12)
    with pytest.raises(ValueError, match="another text"):
        ours(given["ids"].flip(0), decoder_input_ids=read[:, :1], cache=cache)


@pytest.mark.parametrize("kind", MODELS)
def test_it_writes_the_likeliest_word_each_time(kind: str) -> None:
    ours, given = model(kind), batch()
    written = generate_greedy(ours, given["ids"], 10, given["attention_mask"])
    assert (written[:, 0] == ours.config.start_id).all()
    again = written[:, :1]
    for _ in range(written.shape[1] - 1):
        logits = ours(given["ids"], given["attention_mask"], again).logits
        again = torch.cat((again, logits[:, -1:].argmax(-1)), 1)
    is_end = (written == ours.config.end_id).long()
    ended = is_end.cumsum(1) - is_end > 0
    assert torch.equal(written[~ended], again[~ended])
    assert (written[ended] == ours.config.pad_id).all()


@pytest.mark.parametrize("kind", MODELS)
def test_padding_on_either_side_and_later_words_are_not_seen(kind: str) -> None:
    ours, given = model(kind), batch()
    read = shift_right(given.pop("labels"), 2, 3)
    alone = ours(given["ids"][1:, :4], decoder_input_ids=read[1:]).logits
    close(ours(**given, decoder_input_ids=read).logits[1:], alone, atol=1e-12)
    before = {name: torch.cat((one[:, 4:], one[:, :4]), 1)[1:] for name, one in given.items()}
    close(ours(**before, decoder_input_ids=read[1:]).logits, alone, atol=1e-12)
    changed = read.clone()
    changed[:, 3:] = 9
    close(ours(**given, decoder_input_ids=changed).logits[1, :3], alone[0, :3], atol=1e-12)


def test_dropout_works_in_training_only_and_before_each_layer() -> None:
    ours, given = model("luong, general"), batch()
    assert torch.equal(ours(**given).logits, ours(**given).logits)
    seen: list[tuple[int, ...]] = []
    ours.dropout.register_forward_hook(lambda module, args, output: seen.append(tuple(args[0].shape)))
    ours.train()
    assert not torch.equal(ours(**given).logits, ours(**given).logits)
    once = [(2, 7, 6), (2, 7, 9), *[(2, 6 + 9), (2, 9)] * 5, (2, 5, 9)]
    assert seen == once * 2, "two layers of the encoder, two of the decoder at each word, the head"


@pytest.mark.parametrize("kind", MODELS)
def test_a_fresh_one_knows_nothing_and_learns_a_few_texts_by_heart(kind: str) -> None:
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"vocab": 8, "dim": 16, "hidden": 24}
    ours: Any
    if kind == "bahdanau":
        ours = BahdanauModel(BahdanauConfig(**sizes, align=16, readout=16))
    else:
        ours = LuongModel(LuongConfig(**sizes, layers=1, score=kind.split()[1], dropout=0.0))
    ids = torch.randint(3, 8, (6, 4), generator=torch.Generator().manual_seed(0))
    optimizer = torch.optim.Adam(ours.parameters(), 2e-2)
    losses = []
    for _ in range(100):
        loss = ours(ids, labels=ids.flip(1)).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[0] == pytest.approx(np.log(8), abs=0.2)
    assert losses[-1] < 0.2 * losses[0]


def test_first_weights_are_the_papers() -> None:
    torch.manual_seed(0)
    ours = BahdanauModel(BahdanauConfig(60, dim=50, hidden=40, align=30, readout=20))
    for gru_ in (ours.forwards, ours.backwards, ours.cell):
        for gate in gru_.state.weight.chunk(3):
            torch.testing.assert_close(gate @ gate.T, torch.eye(40), rtol=0, atol=1e-5)
    assert not ours.attention.v.weight.any()
    assert not any(one.any() for one in ours.parameters() if one.dim() == 1)
    for one, deviation in ((ours.attention.u.weight, 0.001), (ours.head.weight, 0.01), (ours.cell.input.weight, 0.01)):
        assert one.std().item() == pytest.approx(deviation, rel=5 / (2 * one.numel()) ** 0.5)
    other = LuongModel(LuongConfig(60, dim=50, hidden=40, layers=2))
    assert all(0.099 < one.abs().max() <= 0.1 for one in other.parameters() if one.dim() > 1)
    assert all(one.abs().max() <= 0.1 for one in other.parameters())


@pytest.mark.parametrize("kind", MODELS)
def test_the_folder_is_read_again_bit_for_bit(kind: str, tmp_path: Path) -> None:
    ours = model(kind).float()
    ours.save_pretrained(tmp_path)
    again = load(tmp_path)
    assert type(again) is type(ours)
    assert again.config == ours.config
    assert again.state_dict().keys() == ours.state_dict().keys()
    assert all(torch.equal(one, again.state_dict()[name]) for name, one in ours.state_dict().items())


@pytest.mark.parametrize("kind", ["bahdanau", "luong, general"])
def test_a_wrong_folder_is_refused_by_name(kind: str, tmp_path: Path) -> None:
    model(kind).save_pretrained(tmp_path)
    file = tmp_path / "model.safetensors"
    whole = load_file(file)
    key = "tokens.weight"
    save_file({name: one for name, one in whole.items() if name != key}, file)
    with pytest.raises(CheckpointError, match=r"tokens\.weight \(31, 6\) is missing"):
        load(tmp_path)
    save_file({**whole, key: torch.zeros(6, 31)}, file)
    with pytest.raises(CheckpointError, match=r"tokens\.weight has shape \(6, 31\), and should have \(31, 6\)"):
        load(tmp_path)
    settings = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(settings | {"local": 10}))
    with pytest.raises(CheckpointError, match="local = 10"):
        load(tmp_path)
    with pytest.raises(ValueError, match="score 'concat' is not known"):
        LuongConfig(score="concat")
