"""The pointer-generator against the paper's equations in NumPy: distributions, coverage, loss, all gradients."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from groundup.stack.models.checkpoints import CheckpointError
from groundup.stack.models.families import load
from groundup.stack.models.output import IGNORED
from groundup.stack.models.pointer import PointerConfig, PointerGenerator, add_coverage, copied_labels, with_copies
from groundup.stack.models.seq2seq import generate_greedy, shift_right

Array = Any
Weights = dict[str, Array]

CONFIG = PointerConfig(31, dim=6, hidden=9, align=5, coverage_weight=0.7)
KINDS = {"coverage": CONFIG, "no coverage": replace(CONFIG, coverage=False)}


def model(kind: str = "coverage") -> PointerGenerator:
    """Tiny and random, in double, far from where it begins."""
    torch.manual_seed(0)
    ours = PointerGenerator(KINDS[kind]).double().eval()
    with torch.no_grad():
        for one in ours.parameters():
            one.add_(torch.randn_like(one) * 0.4)
    return ours


def batch() -> dict[str, torch.Tensor]:
    """Texts of 7 and 4 words, of which some are twice there and some not in the vocabulary of 31; 5 words to write,
    some of them copied, two that do not count."""
    ids = torch.tensor([[5, 31, 9, 5, 32, 31, 12], [33, 7, 7, 31, 0, 0, 0]])
    labels = torch.tensor([[31, 20, 5, 32, IGNORED], [33, IGNORED, 7, 33, 8]])
    return {"ids": ids, "attention_mask": (torch.arange(7) < torch.tensor([[7], [4]])).long(), "labels": labels}


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def softmax(x: Array) -> Array:
    return np.exp(x) / np.exp(x).sum()


def lstm(w: Weights, name: str, x: Array, h: Array, c: Array) -> tuple[Array, Array]:
    a = w[f"{name}.input.weight"] @ x + w[f"{name}.input.bias"] + w[f"{name}.state.weight"] @ h
    i, f, g, o = (a + w[f"{name}.state.bias"]).reshape(4, len(h))
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def linear(w: Weights, name: str, x: Array) -> Array:
    return w[f"{name}.weight"] @ x + w[f"{name}.bias"]


def by_formula(w: Weights, text: list[int], words: list[int], extra: int) -> dict[str, Array]:
    """What the paper makes of one text, one word at a time; words that are not in the vocabulary of 31 are word 3."""
    n, vocab = w["first_h.bias"].size, w["head.bias"].size
    embed = [w["tokens.weight"][word if word < vocab else 3] for word in text]
    after, before = [(np.zeros(n), np.zeros(n))], [(np.zeros(n), np.zeros(n))]
    for place in range(len(text)):
        after.append(lstm(w, "forwards", embed[place], *after[-1]))
        before.append(lstm(w, "backwards", embed[-1 - place], *before[-1]))
    h = [np.concatenate((one[0], other[0])) for one, other in zip(after[1:], before[:0:-1], strict=True)]
    s, cell = (
        np.maximum(linear(w, name, np.concatenate((after[-1][part], before[-1][part]))), 0)
        for part, name in enumerate(("first_h", "first_c"))
    )
    coverage = np.zeros(len(text))
    steps = []
    for word in words:
        x = w["tokens.weight"][word if word < vocab else 3]
        s, cell = lstm(w, "cell", x, s, cell)
        e = []
        for one, seen in zip(h, coverage, strict=True):
            inner = w["attention.u.weight"] @ one + linear(w, "attention.w", s)
            if "coverage.weight" in w:
                inner = inner + w["coverage.weight"][:, 0] * seen
            e.append((w["attention.v.weight"] @ np.tanh(inner))[0])
        a = softmax(np.array(e))
        context = sum(share * one for share, one in zip(a, h, strict=True))
        p_vocab = softmax(linear(w, "head", linear(w, "readout", np.concatenate((s, context)))))
        p_gen = sigmoid(linear(w, "gate", np.concatenate((context, s, x))))[0]
        p = np.concatenate((p_gen * p_vocab, np.zeros(extra)))
        for share, copied in zip(a, text, strict=True):
            p[copied] += (1 - p_gen) * share
        steps.append((p, p_gen, a, np.minimum(a, coverage).sum(), np.concatenate((s, context))))
        coverage = coverage + a
    names = ("shares", "generated", "weights", "repeated", "hidden")
    return dict(zip(names, map(np.stack, zip(*steps, strict=True)), strict=True)) | {"memory": np.stack(h)}


def rows_by_formula(w: Weights, given: dict[str, torch.Tensor], read: torch.Tensor) -> list[dict[str, Array]]:
    kept = given["attention_mask"].bool()
    return [
        by_formula(w, ids[k].tolist(), words.tolist(), 3)
        for ids, k, words in zip(given["ids"], kept, read, strict=True)
    ]


def loss_by_formula(rows: list[dict[str, Array]], labels: torch.Tensor, weight: float) -> float:
    """Equations 6 and 13: a mean over words."""
    counted = [
        -np.log(row["shares"][place][label]) + weight * row["repeated"][place]
        for row, places in zip(rows, labels.tolist(), strict=True)
        for place, label in enumerate(places)
        if label != IGNORED
    ]
    return float(np.mean(counted))


def weights_of(ours: PointerGenerator) -> Weights:
    return {name: one.detach().numpy().copy() for name, one in ours.named_parameters()}


def read_of(ours: PointerGenerator, given: dict[str, torch.Tensor]) -> torch.Tensor:
    return shift_right(given["labels"], ours.config.start_id, ours.config.pad_id)


def close(mine: Any, expected: Any, about: str = "", atol: float = 1e-9) -> None:
    expected = torch.as_tensor(expected)
    torch.testing.assert_close(mine, expected, rtol=0, atol=atol, msg=lambda told: f"{about}: {told}")


@pytest.mark.parametrize("kind", KINDS)
def test_every_state_is_the_papers(kind: str) -> None:
    ours, given = model(kind), batch()
    mine = ours(**given, attentions=True)
    rows = rows_by_formula(weights_of(ours), given, read_of(ours, given))
    assert mine.logits.shape == (2, 5, 31 + 3)
    (cross,) = mine.cross_attentions
    for row, (expected, length) in enumerate(zip(rows, (7, 4), strict=True)):
        close(mine.encoder_hidden[row, :length], expected["memory"], "memory")
        close(mine.hidden[row], expected["hidden"], "hidden")
        close(cross[row, 0, :, :length], expected["weights"], "weights")
        assert not cross[row, 0, :, length:].any()
        close(mine.generated[row], expected["generated"], "p_gen")
        close(mine.repeated[row], expected["repeated"], "repeated")
        close(mine.logits[row].exp(), expected["shares"], "P")
        assert not mine.repeated[row, 0], "at first nothing was looked at"
    weight = 0.7 if kind == "coverage" else 0.0
    assert mine.loss.item() == pytest.approx(loss_by_formula(rows, given["labels"], weight), abs=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_every_gradient_is_the_slope_of_the_papers_loss(kind: str) -> None:
    """Along two random directions for each weight: central differences of the loss in NumPy."""
    ours, given = model(kind), batch()
    ours(**given).loss.backward()
    weight = 0.7 if kind == "coverage" else 0.0
    w, draw, step = weights_of(ours), np.random.default_rng(0), 1e-5
    for name, one in ours.named_parameters():
        assert one.grad is not None, name
        for _ in range(2):
            along = draw.standard_normal(one.shape)
            ends = [
                loss_by_formula(
                    rows_by_formula({**w, name: w[name] + way * along}, given, read_of(ours, given)),
                    given["labels"],
                    weight,
                )
                for way in (step, -step)
            ]
            slope = (ends[0] - ends[1]) / (2 * step)
            assert abs(slope) > 1e-6, name
            assert float((one.grad.numpy() * along).sum()) == pytest.approx(slope, rel=1e-6, abs=1e-9), name
    assert ours.coverage is None or "coverage.weight" in w


def test_all_shares_sum_to_one_over_the_extended_vocabulary() -> None:
    ours, given = model(), batch()
    shares = ours(**given).logits.exp()
    close(shares.sum(-1), torch.ones(2, 5, dtype=torch.float64), atol=1e-12)
    tiny = torch.finfo(torch.float64).tiny
    assert (shares[0, :, 33] <= 2 * tiny).all(), "the first text does not have the second's word"
    assert (shares[1, :, 32] <= 2 * tiny).all()
    assert (shares[0, :, 31:33] > 1e-6).all()
    there = torch.zeros(2, 34, dtype=torch.bool).scatter(1, given["ids"], given["attention_mask"].bool())
    with torch.no_grad():
        ours.gate.weight.zero_()
        for bias, copies in ((40.0, False), (-40.0, True)):
            torch.nn.init.constant_(ours.get_parameter("gate.bias"), bias)
            shares = ours(**given).logits.exp()
            close(shares.sum(-1), torch.ones(2, 5, dtype=torch.float64), atol=1e-12)
            if copies:
                close(shares.masked_fill(~there[:, None], 0).sum(-1), torch.ones(2, 5, dtype=torch.float64), atol=1e-12)
            else:
                assert shares[..., 31:].max() < 1e-12


def test_a_word_that_neither_has_costs_much_and_has_no_gradient() -> None:
    ours, given = model("no coverage"), batch()
    labels = torch.full_like(given["labels"], IGNORED)
    labels[0, 2] = 33  # the other text's word
    loss = ours(given["ids"], given["attention_mask"], labels=labels).loss
    loss.backward()
    assert loss.item() == pytest.approx(-np.log(np.finfo(np.float64).tiny)), "as much as a number can say"
    assert all(one.grad is None or not one.grad.any() for one in ours.parameters())
    nothing = ours(given["ids"], given["attention_mask"], labels=torch.full_like(labels, IGNORED)).loss
    assert nothing == 0
    with pytest.raises(ValueError, match="label 34 is no word"):
        ours(given["ids"], labels=torch.full((2, 5), 34))
    with pytest.raises(ValueError, match=r"labels must be \(2, 5\)"):
        ours(given["ids"], decoder_input_ids=labels.clamp(min=0), labels=labels[:, :4])


def test_coverage_is_added_without_a_change() -> None:
    ours, given = model("no coverage"), batch()
    more = add_coverage(ours)
    assert more.config == KINDS["coverage"]
    assert not more.training
    assert torch.equal(more(**given).logits, ours(**given).logits)
    mine = more(**given)
    counted = given["labels"] != IGNORED
    close(mine.loss, ours(**given).loss + 0.7 * mine.repeated[counted].mean())
    mine.loss.backward()
    assert more.coverage is not None
    assert more.coverage.weight.grad is not None
    assert more.coverage.weight.grad.abs().sum() > 0, "and learned from there"


@pytest.mark.parametrize("kind", KINDS)
def test_step_by_step_is_all_at_once(kind: str) -> None:
    ours, given = model(kind), batch()
    read = read_of(ours, given)
    kept = torch.ones_like(read)
    kept[0, 1] = 0
    texts = {"ids": given["ids"], "attention_mask": given["attention_mask"]}
    whole = ours(**texts, decoder_input_ids=read, decoder_attention_mask=kept)
    cache, parts = ours.new_cache(2, 5), []
    for begin, end in ((0, 2), (2, 3), (3, 5)):
        more = {"decoder_input_ids": read[:, begin:end], "decoder_attention_mask": kept[:, :end]}
        parts.append(ours(given["ids"] if begin == 0 else None, given["attention_mask"], cache=cache, **more))
    close(torch.cat([one.logits for one in parts], 1), whole.logits, atol=1e-10)
    close(torch.cat([one.repeated for one in parts], 1), whole.repeated, atol=1e-12)
    without = ours(given["ids"][:1], decoder_input_ids=read[:1, [0, 2, 3, 4]])
    close(whole.repeated[:1, [0, 2, 3, 4]], without.repeated, "a word that does not count covers nothing", atol=1e-12)
    close(ours.decode(read, ours.encode(given["ids"])), ours(given["ids"], decoder_input_ids=read).hidden)


def test_padding_on_either_side_is_not_seen() -> None:
    ours, given = model(), batch()
    read = read_of(ours, given)
    alone = ours(given["ids"][1:, :4], decoder_input_ids=read[1:]).logits
    texts = {"ids": given["ids"], "attention_mask": given["attention_mask"]}
    close(ours(**texts, decoder_input_ids=read).logits[1:], alone, atol=1e-10)
    before = {name: torch.cat((one[:, 4:], one[:, :4]), 1)[1:] for name, one in texts.items()}
    close(ours(**before, decoder_input_ids=read[1:]).logits, alone, atol=1e-10)


def test_it_learns_to_copy_what_the_vocabulary_lacks() -> None:
    """Each text is five new words and the answer the second of them: only a copy can know."""
    torch.manual_seed(0)
    ours = PointerGenerator(PointerConfig(8, dim=8, hidden=12, align=10))
    ids = torch.tensor([[4, 8, 9, 10, 5], [5, 8, 9, 10, 4], [6, 8, 9, 10, 6]])
    labels = torch.tensor([[9, 1], [9, 1], [9, 1]])
    optimizer = torch.optim.Adam(ours.parameters(), 2e-2)
    for _ in range(80):
        optimizer.zero_grad()
        ours(ids, labels=labels).loss.backward()
        optimizer.step()
    assert generate_greedy(ours.eval(), ids, 5).tolist() == [[2, 9, 1]] * 3
    assert ours(ids, labels=labels).generated[:, 0].max() < 0.5


def test_words_become_numbers_and_labels() -> None:
    vocabulary = {"<unk>": 0, "the": 1, "cat": 2}
    ids, lacking = with_copies(["the", "zorb", "cat", "quux", "zorb"], vocabulary, 10)
    assert ids == [1, 10, 2, 11, 10]
    assert lacking == ["zorb", "quux"]
    assert copied_labels(["quux", "the", "dog", "zorb"], vocabulary, 10, lacking, 0) == [11, 1, 0, 10]


@pytest.mark.parametrize("kind", KINDS)
def test_the_folder_is_read_again_bit_for_bit(kind: str, tmp_path: Path) -> None:
    ours = model(kind).float()
    ours.save_pretrained(tmp_path)
    again = load(tmp_path)
    assert type(again) is PointerGenerator
    assert again.config == ours.config
    assert again.state_dict().keys() == ours.state_dict().keys()
    assert all(torch.equal(one, again.state_dict()[name]) for name, one in ours.state_dict().items())


def test_a_wrong_folder_is_refused_by_name(tmp_path: Path) -> None:
    model().save_pretrained(tmp_path)
    file = tmp_path / "model.safetensors"
    whole = load_file(file)
    save_file({name: one for name, one in whole.items() if name != "coverage.weight"}, file)
    with pytest.raises(CheckpointError, match=r"coverage\.weight \(5, 1\) is missing"):
        load(tmp_path)
    save_file({**whole, "gate.weight": torch.zeros(33, 1)}, file)
    with pytest.raises(CheckpointError, match=r"gate\.weight has shape \(33, 1\), and should have \(1, 33\)"):
        load(tmp_path)
    settings = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(settings | {"beam": 4}))
    with pytest.raises(CheckpointError, match="beam = 4"):
        load(tmp_path)
