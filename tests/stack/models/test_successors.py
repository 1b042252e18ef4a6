"""UniLM and StructBERT, which transformers lacks: against their papers written out in NumPy, all gradients by finite
differences; and, since both are BERT's encoder, against transformers' BERT under the same masks."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from groundup.stack.models import bert, structbert, unilm
from groundup.stack.models.checkpoints import CheckpointError
from groundup.stack.models.families import FAMILIES, load
from groundup.stack.models.output import IGNORED
from groundup.stack.models.unilm import UniLM, UniLMConfig, attention_pattern
from groundup.stack.objectives import Kind, Masking, mask_tokens, mask_unilm, shuffle_trigrams

Array = NDArray[np.float64]
SIZES: dict[str, Any] = {"vocab": 61, "dim": 24, "layers": 2, "heads": 4, "hidden": 40, "context": 30}
MASK = 4
N = 9


def perturbed(model: Any, seed: int = 0) -> Any:
    """No norm and no bias keeps the value with which it begins."""
    draw = torch.Generator().manual_seed(seed)
    model.double().eval()
    with torch.no_grad():
        for one in model.parameters():
            one.add_(torch.randn(one.shape, generator=draw, dtype=one.dtype) * 0.2)
    return model


def a_unilm() -> UniLM:
    torch.manual_seed(0)
    model: UniLM = perturbed(UniLM(UniLMConfig(**SIZES)))
    return model


def a_structbert() -> structbert.StructBert:
    torch.manual_seed(0)
    model: structbert.StructBert = perturbed(structbert.StructBert(structbert.StructBertConfig(**SIZES)))
    return model


def batch(rows: int) -> dict[str, Tensor]:
    """Texts of 9 tokens: a first segment of 4, a second one, and padding after 7 in the odd ones."""
    ids = torch.randint(5, 61, (rows, N), generator=torch.Generator().manual_seed(3))
    types = (torch.arange(N) >= 4).long().repeat(rows, 1)
    kept = torch.ones(rows, N, dtype=torch.int64)
    kept[1::2, 7:], ids[1::2, 7:], types[1::2, 7:] = 0, 0, 0
    return {"ids": ids, "attention_mask": kept, "token_types": types}


def some_labels(given: dict[str, Tensor], rest: int) -> Tensor:
    """The text's own tokens at some of the places that are no padding."""
    counted = given["attention_mask"].bool() & (given["ids"] % 3 == rest)
    assert counted.any()
    return torch.where(counted, given["ids"], IGNORED)


# ── the papers, written out ──────────────────────────────────────────────────


def gelu(x: Array) -> Array:
    return np.array([one * 0.5 * (1 + math.erf(one / math.sqrt(2))) for one in x.ravel()]).reshape(x.shape)


def norm(x: Array, weights: dict[str, Array], name: str) -> Array:
    mean = x.mean(-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + 1e-12) * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def linear(x: Array, weights: dict[str, Array], name: str) -> Array:
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def encode(w: dict[str, Array], ids: Any, segments: Any, allowed: Any) -> tuple[Array, list[Array]]:
    """One text: ids (n,), segments (n,), allowed (n, n); hidden (n, dim) and the attention (heads, n, n) of each layer.

    Vaswani and others' equations 1 and following, with UniLM's M: 0 where a token may attend, -∞ where it may not.
    """
    n = len(ids)
    x = w["encoder.tokens.weight"][ids] + w["encoder.positions.weight"][:n] + w["encoder.segments.weight"][segments]
    x = norm(x, w, "encoder.norm")
    nothing = ~allowed.any(-1, keepdims=True)  # padding before a text from right to left: nobody sees what it makes
    m = np.where(allowed | nothing, 0.0, -np.inf)
    seen = []
    for layer in range(SIZES["layers"]):
        block = f"encoder.blocks.{layer}."
        q, k, v = (linear(x, w, block + one) for one in "qkv")
        size = q.shape[1] // SIZES["heads"]
        parts, weights = [], []
        for head in range(SIZES["heads"]):
            cut = slice(head * size, (head + 1) * size)
            scores = q[:, cut] @ k[:, cut].T / math.sqrt(size) + m
            e = np.exp(scores - scores.max(-1, keepdims=True))
            weights.append(e / e.sum(-1, keepdims=True))
            parts.append(weights[-1] @ v[:, cut])
        seen.append(np.stack(weights))
        x = norm(x + linear(np.concatenate(parts, -1), w, block + "o"), w, block + "attention_norm")
        x = norm(x + linear(gelu(linear(x, w, block + "up")), w, block + "down"), w, block + "feed_norm")
    return x, seen


def words(w: dict[str, Array], hidden: Array) -> Array:
    return (
        norm(gelu(linear(hidden, w, "words.dense")), w, "words.norm") @ w["encoder.tokens.weight"].T + w["words.bias"]
    )


def relation(w: dict[str, Array], hidden: Array) -> Array:
    return linear(np.tanh(linear(hidden[:1], w, "pooler")), w, "relation")


def surprise(logits: Array, labels: Any) -> tuple[float, int]:
    """The sum of -log softmax at the labels that count, and their number."""
    total, number = 0.0, 0
    for scores, label in zip(logits, labels, strict=True):
        if label != IGNORED:
            total += math.log(np.exp(scores - scores.max()).sum()) + scores.max() - scores[label]
            number += 1
    return total, number


def mean_surprise(pairs: list[tuple[Array, Any]]) -> float:
    sums = [surprise(logits, labels) for logits, labels in pairs]
    return sum(total for total, _ in sums) / sum(number for _, number in sums)


def allowed_by_the_paper(kind: Kind, segment: Any, real: Any) -> NDArray[np.bool_]:
    """Section 2.3 of UniLM, sentence by sentence."""
    n = len(segment)
    allowed = np.zeros((n, n), dtype=bool)
    for i in range(n):
        for j in range(n):
            if kind == Kind.LEFT_TO_RIGHT:
                allowed[i, j] = j <= i
            elif kind == Kind.RIGHT_TO_LEFT:
                allowed[i, j] = j >= i
            elif kind == Kind.BIDIRECTIONAL:
                allowed[i, j] = True
            elif segment[i] == 0:  # a source token: the source, from both sides
                allowed[i, j] = segment[j] == 0
            else:  # a target token: the source, itself and what stands left of it
                allowed[i, j] = segment[j] == 0 or j <= i
            allowed[i, j] &= real[j]
    return allowed


def unilm_by_hand(w: dict[str, Array], given: dict[str, Any], kinds: Any, labels: Any, followed: Any) -> Any:
    rows = {Kind.BIDIRECTIONAL: (0, 1), Kind.LEFT_TO_RIGHT: (2, 2), Kind.RIGHT_TO_LEFT: (3, 3)}
    texts = []
    for ids, real, types, kind in zip(*given.values(), kinds, strict=True):
        segments = np.array(rows.get(Kind(kind), (4, 5)))[types]
        texts.append(encode(w, ids, segments, allowed_by_the_paper(Kind(kind), types, real.astype(bool))))
    logits = [words(w, hidden) for hidden, _ in texts]
    relations = [relation(w, hidden) for hidden, _ in texts]
    loss = mean_surprise(list(zip(logits, labels, strict=True)))
    loss += mean_surprise([(one, [label]) for one, label in zip(relations, followed, strict=True)])
    return texts, logits, relations, loss


def structbert_by_hand(w: dict[str, Array], given: dict[str, Any], labels: Any, shuffled: Any, related: Any) -> Any:
    texts = [
        encode(w, ids, types, np.broadcast_to(real.astype(bool), (N, N)))
        for ids, real, types in zip(*given.values(), strict=True)
    ]
    logits = [words(w, hidden) for hidden, _ in texts]
    relations = [relation(w, hidden) for hidden, _ in texts]
    loss = mean_surprise(list(zip(logits, labels, strict=True))) + mean_surprise(
        list(zip(logits, shuffled, strict=True))
    )
    loss += mean_surprise([(one, [label]) for one, label in zip(relations, related, strict=True)])
    return texts, logits, relations, loss


# ── models beside the papers ─────────────────────────────────────────────────


def close(mine: Tensor, expected: Any, about: str = "", atol: float = 1e-9) -> None:
    other = torch.as_tensor(np.asarray(expected.detach() if isinstance(expected, Tensor) else expected))
    torch.testing.assert_close(mine, other, rtol=0, atol=atol, msg=lambda told: f"{about}: {told}")


def arrays(given: dict[str, Tensor]) -> dict[str, Any]:
    return {name: one.numpy() for name, one in given.items()}


def weights_of(model: Any) -> dict[str, Array]:
    return {name: one.detach().numpy().copy() for name, one in model.named_parameters()}


def same_output(model: Any, output: Any, relations: Tensor, expected: Any, real: Tensor) -> None:
    texts, logits, their_relations, loss = expected
    close(output.hidden[real], np.stack([hidden for hidden, _ in texts])[real.numpy()], "hidden")
    close(output.logits[real], np.stack(logits)[real.numpy()], "logits")
    close(relations, np.concatenate(their_relations), "relation")
    close(output.loss, loss, "loss")
    assert len(output.attentions) == SIZES["layers"]
    for layer, weights in enumerate(output.attentions):
        rows = real[:, None, :, None].expand_as(weights)
        close(weights[rows], np.stack([seen[layer] for _, seen in texts])[rows.numpy()], f"attention {layer}")


def same_slopes(model: Any, loss_of: Any) -> None:
    """Every gradient beside finite differences of the loss by hand, along directions through all of a weight's entries.

    One direction tells a weight's gradient apart from any other but with chance zero; errors are those of eps² and of
    rounding, 1e-16 / eps.
    """
    draw = np.random.default_rng(0)
    w, eps = weights_of(model), 1e-5
    for name, one in model.named_parameters():
        direction = draw.standard_normal(one.shape) / math.sqrt(one.numel())
        up, down = (loss_of({**w, name: w[name] + step * direction}) for step in (eps, -eps))
        slope = float((one.grad.numpy() * direction).sum())
        assert abs(slope - (up - down) / (2 * eps)) < 2e-9, name
        # A key's bias adds the same to all scores of a row, which the softmax does not see.
        assert one.grad.abs().max() > 1e-4 or name.endswith("k.bias"), name


KINDS = torch.tensor([Kind.BIDIRECTIONAL, Kind.SEQUENCE_TO_SEQUENCE, Kind.LEFT_TO_RIGHT, Kind.RIGHT_TO_LEFT,
                      Kind.SEQUENCE_TO_SEQUENCE, Kind.BIDIRECTIONAL])  # fmt: skip
FOLLOWED = torch.tensor([1, IGNORED, IGNORED, IGNORED, IGNORED, 0])


def test_unilm_is_its_paper_with_all_gradients() -> None:
    model, given = a_unilm(), batch(6)
    labels = some_labels(given, 0)
    output = model(**given, labels=labels, kinds=KINDS, followed=FOLLOWED, attentions=True)
    rest = (arrays(given), KINDS.tolist(), labels.numpy(), FOLLOWED.numpy())
    expected = unilm_by_hand(weights_of(model), *rest)
    # Padding in a text from right to left sees nothing; what it computes counts nowhere.
    same_output(model, output, model.next_sentence(output), expected, given["attention_mask"].bool())
    output.loss.backward()
    same_slopes(model, lambda w: unilm_by_hand(w, *rest)[-1])


def test_structbert_is_its_paper_with_all_gradients() -> None:
    model, given = a_structbert(), batch(4)
    labels, shuffled, related = some_labels(given, 0), some_labels(given, 1), torch.tensor([2, 0, 1, 1])
    output = model(**given, labels=labels, shuffled=shuffled, relation=related, attentions=True)
    rest = (arrays(given), labels.numpy(), shuffled.numpy(), related.numpy())
    expected = structbert_by_hand(weights_of(model), *rest)
    same_output(model, output, model.sentence_relation(output), expected, given["attention_mask"].bool())
    assert model.sentence_relation(output).shape == (4, 3), "three ways"
    output.loss.backward()
    same_slopes(model, lambda w: structbert_by_hand(w, *rest)[-1])


def test_each_loss_of_structbert_counts_where_it_is_given() -> None:
    model, given = a_structbert(), batch(4)
    each: dict[str, Tensor] = {
        "labels": some_labels(given, 0), "shuffled": some_labels(given, 1), "relation": torch.tensor([2, 0, 1, 1]),
    }  # fmt: skip
    assert model(**given).loss is None
    alone = [model(**given, **{name: one}).loss for name, one in each.items()]
    torch.testing.assert_close(model(**given, **each).loss, sum(alone), rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", Kind)
def test_patterns_are_those_of_the_paper(kind: Kind) -> None:
    given = batch(2)
    pattern = attention_pattern(torch.tensor([kind, kind]), given["token_types"], given["attention_mask"])
    for row in range(2):
        by_hand = allowed_by_the_paper(
            kind, given["token_types"][row].numpy(), given["attention_mask"][row].bool().numpy()
        )
        assert torch.equal(pattern[row], torch.from_numpy(by_hand))


# ── who learns what of whom ──────────────────────────────────────────────────


@pytest.mark.parametrize("kind", Kind)
def test_no_answer_leaks_through_attention(kind: Kind) -> None:
    """Each token is changed in turn: exactly the places that may know of it answer otherwise."""
    model = a_unilm()
    given = {name: one[:1] for name, one in batch(1).items()}
    kinds = torch.tensor([kind])
    with torch.no_grad():
        before = model(**given, kinds=kinds).logits[0]
        for j in range(N):
            changed = given["ids"].clone()
            changed[0, j] = 5 + (changed[0, j] - 4) % 56
            after = model(**{**given, "ids": changed}, kinds=kinds).logits[0]
            moved = (after - before).abs().amax(-1)
            for i in range(N):
                if kind == Kind.SEQUENCE_TO_SEQUENCE:
                    may = j < 4 or (i >= 4 and j <= i)
                else:
                    may = {Kind.LEFT_TO_RIGHT: j <= i, Kind.RIGHT_TO_LEFT: j >= i}.get(kind, True)
                assert (moved[i] > 1e-6) if may else (moved[i] == 0), (i, j)


def test_a_masked_target_does_not_depend_on_what_comes_after_it() -> None:
    """With inputs as the objective makes them: what comes later is put in another way, and its answer stays."""
    model = a_unilm()
    rules = Masking(MASK, 61, special_ids=(0, 1, 2))
    ids = torch.randint(5, 61, (200, N), generator=torch.Generator().manual_seed(5))
    types = (torch.arange(N) >= 4).long().expand(200, N)
    inputs, labels, kinds = mask_unilm(ids, rules, torch.Generator().manual_seed(6))
    asked = [tuple(one) for one in (labels != IGNORED).nonzero().tolist()]
    tried = 0
    with torch.no_grad():
        before = model(inputs, token_types=types, kinds=kinds).logits
        for row, place in asked:
            later = torch.arange(N) > place
            if kinds[row] == Kind.RIGHT_TO_LEFT:
                later = torch.arange(N) < place
            if kinds[row] == Kind.BIDIRECTIONAL or (kinds[row] == Kind.SEQUENCE_TO_SEQUENCE and place < 4):
                continue
            other = torch.where(later, 5 + (inputs[row] + 7) % 56, inputs[row])[None]
            after = model(other, token_types=types[:1], kinds=kinds[row : row + 1]).logits
            torch.testing.assert_close(after[0, place], before[row, place], rtol=0, atol=1e-12)
            tried += 1
    assert tried > 50


def test_what_is_written_is_what_the_paper_computes_at_the_mask() -> None:
    model = a_unilm()
    w = weights_of(model)
    source = torch.randint(5, 61, (2, 5), generator=torch.Generator().manual_seed(8))
    for kind in (Kind.SEQUENCE_TO_SEQUENCE, Kind.LEFT_TO_RIGHT):
        written = model.write(source, 3, MASK, kind)
        for row in range(2):
            text = source[row].tolist()
            for token in written[row].tolist():
                asked = np.array([*text, MASK])
                types = (np.arange(len(asked)) >= 5).astype(int)
                rows = np.array((4, 5) if kind == Kind.SEQUENCE_TO_SEQUENCE else (2, 2))[types]
                allowed = allowed_by_the_paper(kind, types, np.ones(len(asked), dtype=bool))
                assert int(words(w, encode(w, asked, rows, allowed)[0])[-1].argmax()) == token
                text.append(token)
    for kind in (Kind.BIDIRECTIONAL, Kind.RIGHT_TO_LEFT):
        with pytest.raises(ValueError, match=kind.name):
            model.write(source, 1, MASK, kind)


def test_both_objectives_can_be_learned_and_shuffled_places_are_asked() -> None:
    torch.manual_seed(0)
    model = structbert.StructBert(structbert.StructBertConfig(**{**SIZES, "dropout": 0.0, "attention_dropout": 0.0}))
    rules = Masking(MASK, 61, special_ids=(0, 1, 2))
    ids = torch.randint(5, 61, (4, 20), generator=torch.Generator().manual_seed(1))
    draw = torch.Generator().manual_seed(2)
    inputs, labels = mask_tokens(ids, rules, draw)
    inputs, shuffled = shuffle_trigrams(inputs, rules.candidates(ids) & (labels == IGNORED), draw, share=0.2)
    related = torch.tensor([0, 1, 2, 0])
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    losses = []
    for _ in range(100):
        loss = model(inputs, labels=labels, shuffled=shuffled, relation=related).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[0] == pytest.approx(2 * math.log(61) + math.log(3), rel=0.05), "chance at first"
    assert losses[-1] < losses[0] / 10


# ── weights ──────────────────────────────────────────────────────────────────

CLASSES = [(kind, name) for kind in ("unilm", "structbert") for name in FAMILIES[kind]]


def build(kind: str, name: str) -> Any:
    module = {"unilm": unilm, "structbert": structbert}[kind]
    config = (UniLMConfig if kind == "unilm" else structbert.StructBertConfig)(**SIZES)
    return perturbed(getattr(module, FAMILIES[kind][name].partition(":")[2])(config))


@pytest.mark.parametrize(("kind", "name"), CLASSES)
def test_what_is_written_is_loaded_by_the_one_way_in(kind: str, name: str, tmp_path: Path) -> None:
    model = build(kind, name)
    model.save_pretrained(tmp_path)
    again = load(tmp_path, dtype=torch.float64)
    assert type(again) is type(model)
    assert again.config == model.config
    assert again.state_dict().keys() == model.state_dict().keys()
    assert all(torch.equal(one, again.state_dict()[key]) for key, one in model.state_dict().items())
    given = batch(2)
    assert torch.equal(again(**given).hidden, model(**given).hidden)


@pytest.mark.parametrize("source", ["ForPreTraining", "ForMaskedLM", "Model"])
@pytest.mark.parametrize("family", [UniLM, structbert.StructBert])
def test_a_bert_is_a_beginning(family: Any, source: str, tmp_path: Path) -> None:
    torch.manual_seed(1)
    head = {"ForPreTraining": bert.PreTraining, "ForMaskedLM": bert.MaskedLM, "Model": bert.BertModel}[source]
    first = perturbed(head(bert.BertConfig(**SIZES)), seed=1)
    first.save_pretrained(tmp_path)
    model = family.from_pretrained(tmp_path, dtype=torch.float64).eval()
    state, old = model.state_dict(), first.state_dict()
    new = {name for name in state if name not in old or not torch.equal(state[name], old[name])}
    expected = {
        "ForPreTraining": set(),
        "ForMaskedLM": {"pooler.weight", "pooler.bias", "relation.weight", "relation.bias"},
        "Model": {name for name in state if name.startswith(("words.", "relation."))},
    }[source]
    if family is UniLM:
        segments = old["encoder.segments.weight"]
        assert torch.equal(state["encoder.segments.weight"], segments[[0, 1, 0, 0, 0, 1]])
        assert new == expected | {"encoder.segments.weight"}
    else:
        assert new == expected | {"relation.weight", "relation.bias"}, "two classes are no three"
    given = batch(2)
    torch.testing.assert_close(model(**given).hidden, first(**given).hidden, rtol=0, atol=1e-12)


def test_bare_beginnings_and_new_heads(tmp_path: Path) -> None:
    first = perturbed(bert.MaskedLM(bert.BertConfig(**SIZES)))
    first.save_pretrained(tmp_path)
    assert unilm.UniLMModel.from_pretrained(tmp_path).pooler is None, "the folder has none"
    classes = structbert.SequenceClassifier.from_pretrained(tmp_path, labels=5)
    assert classes.config.labels == 5
    assert classes.classes.weight.shape == (5, 24)
    assert torch.equal(classes.encoder.tokens.weight, first.encoder.tokens.weight.float())


@pytest.mark.parametrize("kind", ["unilm", "structbert"])
def test_a_wrong_checkpoint_names_key_and_shapes(kind: str, tmp_path: Path) -> None:
    name = next(one for one in FAMILIES[kind] if one.endswith("ForPreTraining"))
    build(kind, name).save_pretrained(tmp_path)
    file, key = tmp_path / "model.safetensors", "bert.encoder.layer.1.intermediate.dense.weight"
    whole = load_file(file)
    save_file({name: one for name, one in whole.items() if name != key}, file)
    with pytest.raises(CheckpointError, match=r"encoder\.blocks\.1\.up\.weight \(40, 24\) is missing"):
        load(tmp_path)
    save_file({**whole, key: torch.zeros(24, 40)}, file)
    with pytest.raises(CheckpointError, match=r"has shape \(24, 40\), and should have \(40, 24\)"):
        load(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    for setting, value in (("position_embedding_type", "relative_key"), ("hidden_act", "swish"), ("is_decoder", True)):
        (tmp_path / "config.json").write_text(json.dumps({**config, setting: value}))
        with pytest.raises(CheckpointError, match=setting):
            load(tmp_path)


def test_what_is_no_such_family_is_refused() -> None:
    with pytest.raises(CheckpointError, match="'gpt2', not 'unilm'"):
        UniLMConfig.from_hub({"model_type": "gpt2"})
    with pytest.raises(CheckpointError, match="type_vocab_size = 2"):
        UniLMConfig.from_hub({**a_unilm().config.to_hub(), "type_vocab_size": 2})
    with pytest.raises(CheckpointError, match="'gpt2', not 'structbert'"):
        structbert.StructBertConfig.from_hub({"model_type": "gpt2"})
    with pytest.raises(ValueError, match="6 kinds of segments"):
        UniLMConfig(**SIZES, segments=2)
    with pytest.raises(ValueError, match="no RoBERTa"):
        structbert.StructBertConfig(**SIZES, roberta=True)
    with pytest.raises(ValueError, match=r"got \(3,\) and \(2, 9\)"):
        attention_pattern(torch.zeros(3, dtype=torch.int64), torch.zeros(2, 9))
    with pytest.raises(ValueError, match="from 0 to 3"):
        attention_pattern(torch.tensor([4]), torch.zeros(1, 9))


# ── beside transformers' BERT under the same masks ───────────────────────────


def test_unilm_is_transformers_bert_under_its_masks_gradient_by_gradient(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    a_unilm().save_pretrained(tmp_path)
    config = transformers.BertConfig(**{
        key: one for key, one in json.loads((tmp_path / "config.json").read_text()).items() if key != "model_type"
    })  # fmt: skip
    theirs, told = transformers.BertForPreTraining.from_pretrained(
        tmp_path, config=config, attn_implementation="eager", output_loading_info=True, dtype=torch.float64
    )
    assert not told["missing_keys"] and not told["unexpected_keys"], "all names are BERT's"
    theirs.eval()
    ours = load(tmp_path, dtype=torch.float64)
    given = batch(6)
    labels, real = some_labels(given, 0), given["attention_mask"].bool()
    mine = ours(**given, labels=labels, kinds=KINDS, followed=FOLLOWED, attentions=True)
    allowed = np.stack([
        allowed_by_the_paper(Kind(kind), types.numpy(), kept.numpy())
        for kind, types, kept in zip(KINDS.tolist(), given["token_types"], real, strict=True)
    ])  # fmt: skip
    shut = ~torch.from_numpy(allowed)[:, None]
    additive = torch.zeros(shut.shape, dtype=torch.float64).masked_fill(shut, torch.finfo(torch.float64).min)
    expected = theirs(
        input_ids=given["ids"], attention_mask=additive, token_type_ids=unilm.segment_rows(KINDS, given["token_types"]),
        labels=labels, next_sentence_label=FOLLOWED, output_hidden_states=True, output_attentions=True,
    )  # fmt: skip
    close(mine.hidden[real], expected.hidden_states[-1][real], "hidden")
    close(mine.logits[real], expected.prediction_logits[real], "logits")
    close(ours.next_sentence(mine), expected.seq_relationship_logits, "relation")
    close(mine.loss, expected.loss, "loss")
    for weights, their_weights in zip(mine.attentions, expected.attentions, strict=True):
        rows = real[:, None, :, None].expand_as(weights)
        close(weights[rows], their_weights[rows], "attention")
    mine.loss.backward()
    expected.loss.backward()
    named = ours.names(ours.config).ours({name: one.grad for name, one in theirs.named_parameters()})
    for name, one in ours.named_parameters():
        if name == "encoder.tokens.weight":  # PyTorch's padding_idx gives the padding's row no gradient
            one.grad[0] = named[name][0] = 0
        close(one.grad, named[name], name)
