"""XLNet against transformers: both streams, memory, each head's logits, losses and all gradients, weights both ways."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from groundup.stack.models import xlnet
from groundup.stack.models.checkpoints import CheckpointError
from groundup.stack.models.output import IGNORED
from groundup.stack.objectives import permutation_plan

transformers = pytest.importorskip("transformers")

SIZES: dict[str, Any] = {
    "vocab_size": 61, "d_model": 24, "n_layer": 3, "n_head": 4, "d_inner": 40, "num_labels": 3, "mem_len": None,
}  # fmt: skip
KINDS: dict[str, dict[str, Any]] = {
    "xlnet": {},
    "distances that end": {"clamp_len": 3, "ff_activation": "relu", "summary_type": "first", "layer_norm_eps": 1e-5},
}
HEADS = {
    "Model": xlnet.XLNetModel,
    "LMHeadModel": xlnet.PermutationLM,
    "ForSequenceClassification": xlnet.SequenceClassifier,
    "ForTokenClassification": xlnet.TokenClassifier,
    "ForQuestionAnsweringSimple": xlnet.QuestionAnswerer,
}
PAIRS = [(kind, head) for kind in KINDS for head in HEADS]
GIVEN = {
    "alone": {},
    "padded": {"attention_mask"},
    "of two texts": {"token_types"},
    "padded, of two texts": {"attention_mask", "token_types"},
    "in an order": {"attention_mask", "token_types", "seen"},
    "in an order, predicted": {"attention_mask", "token_types", "seen", "targets"},
    "predicted": {"targets"},
}


def write_theirs(head: str, folder: Path, **more: Any) -> Any:
    """A tiny random model of transformers', written by itself."""
    torch.manual_seed(0)
    sizes = {**SIZES, **more}
    if head == "ForQuestionAnsweringSimple":
        sizes["num_labels"] = 2
    model = getattr(transformers, "XLNet" + head)(transformers.XLNetConfig(**sizes)).eval()
    with torch.no_grad():
        for one in model.parameters():
            one.add_(torch.randn_like(one) * 0.2)
    model.save_pretrained(folder)
    return model


@pytest.fixture(autouse=True)
def their_sines_in_double(monkeypatch: pytest.MonkeyPatch) -> None:
    """Theirs keeps them in single precision, and then cannot run a model in double."""
    single = transformers.XLNetModel.relative_positional_encoding

    def double(self: Any, *given: Any, **named: Any) -> torch.Tensor:
        return single(self, *given, **named).to(self.dtype)

    monkeypatch.setattr(transformers.XLNetModel, "relative_positional_encoding", double)


@pytest.fixture(params=PAIRS, ids=lambda pair: f"{pair[0]} {pair[1]}")
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Any, Any, str, Path]:
    kind, head = request.param
    return write_theirs(head, tmp_path, **KINDS[kind]), HEADS[head], head, tmp_path


def batch(what: Any) -> dict[str, torch.Tensor]:
    """Two texts of 9 tokens, the second padded before its last 6."""
    draw = torch.Generator().manual_seed(3)
    ids = torch.randint(6, 61, (2, 9), generator=draw)
    kept = torch.ones(2, 9, dtype=torch.int64)
    kept[1, :3] = 0
    seen, targets = permutation_plan(2, 9, 3, draw)
    every = {
        "attention_mask": kept,
        "token_types": torch.randint(2, (2, 9), generator=draw),
        "seen": seen,
        "targets": targets,
    }
    return {"ids": ids} | {name: one for name, one in every.items() if name in what}


def as_theirs(given: dict[str, Any]) -> dict[str, Any]:
    found = {"input_ids": given["ids"]}
    if "attention_mask" in given:
        found["attention_mask"] = given["attention_mask"]
    if "token_types" in given:
        found["token_type_ids"] = given["token_types"]
    if "seen" in given:
        found["perm_mask"] = (~given["seen"]).double()
    if "targets" in given:
        found["target_mapping"] = torch.nn.functional.one_hot(given["targets"], given["ids"].shape[-1]).double()
    return found


def labels_of(head: str, given: dict[str, torch.Tensor]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Labels for ours and the same for theirs."""
    ids = given["ids"]
    if head == "Model":
        return {}, {}
    if head == "ForSequenceClassification":
        return {"labels": torch.tensor([2, 0])}, {"labels": torch.tensor([2, 0])}
    if head == "ForQuestionAnsweringSimple":
        places = torch.tensor([[3, 5], [1, 90]])  # the second answer ends beyond the window
        return {"labels": places}, {"start_positions": places[:, 0].clone(), "end_positions": places[:, 1].clone()}
    labels = torch.where(ids % 3 != 0, ids % (3 if head == "ForTokenClassification" else 61), IGNORED)
    if "targets" in given:
        labels = ids.gather(1, given["targets"])
    return {"labels": labels}, {"labels": labels}


def close(mine: torch.Tensor, theirs: torch.Tensor, about: str = "") -> None:
    torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-9, msg=lambda told: f"{about}: {told}")


def compare(ours: Any, theirs: Any, head: str, given: dict[str, Any]) -> None:
    """Hidden states, attentions, logits, loss and every gradient."""
    labels, their_labels = labels_of(head, given)
    mine = ours(**given, **labels, attentions=True)
    expected = theirs(**as_theirs(given), **their_labels, output_hidden_states=True, output_attentions=True)
    close(mine.hidden, expected.hidden_states[-1], "hidden")
    both = [one for layer in expected.attentions for one in (layer if isinstance(layer, tuple) else (layer,))]
    for at, weights in enumerate(mine.attentions):
        their_weights = both[at]
        if weights.shape != their_weights.shape:  # theirs has a row for every place, ours for those that are predicted
            rows = given["targets"][:, None, :, None].expand_as(weights)
            their_weights = their_weights.gather(2, rows)
        close(weights, their_weights, "attention")
    assert len(mine.attentions) == len(both)
    if head == "Model":
        end, their_end = mine.hidden.square().sum(), expected.last_hidden_state.square().sum()
    else:
        end, their_end = mine.loss, expected.loss
        scores = (
            torch.stack((expected.start_logits, expected.end_logits), -1)
            if "start_logits" in expected
            else expected.logits
        )
        close(mine.logits, scores, "logits")
    close(end, their_end, "loss")
    end.backward()
    their_end.backward()
    found = {name: one.grad for name, one in ours.named_parameters() if one.grad is not None}
    table = ours.names(ours.config)
    other = table.ours({name: one.grad for name, one in theirs.named_parameters() if one.grad is not None})
    assert found.keys() == other.keys()
    assert len(found) > 40
    for name, one in found.items():
        close(one, other[name], name)


@pytest.mark.parametrize("given", GIVEN)
def test_every_head_computes_theirs_with_all_gradients(pair: tuple[Any, Any, str, Path], given: str) -> None:
    theirs, ours, head, folder = pair
    if "targets" in GIVEN[given] and head not in ("Model", "LMHeadModel"):
        return  # the other heads read what stands there
    model = ours.from_pretrained(folder, dtype=torch.float64).eval()
    compare(model, theirs.double(), head, batch(GIVEN[given]))


@pytest.mark.parametrize("length", [None, 4, 20])
def test_a_text_goes_on_where_it_was_left(length: int | None, tmp_path: Path) -> None:
    theirs = write_theirs("LMHeadModel", tmp_path, mem_len=length).double()
    ours = xlnet.PermutationLM.from_pretrained(tmp_path, dtype=torch.float64).eval()
    draw = torch.Generator().manual_seed(0)
    memory: tuple[torch.Tensor, ...] = ()
    mems = None
    for n, what in ((5, ()), (3, GIVEN["padded, of two texts"]), (6, GIVEN["in an order, predicted"])):
        given: dict[str, Any] = {"ids": torch.randint(6, 61, (2, n), generator=draw)}
        given |= {name: one for name, one in batch(what).items() if name in ("attention_mask", "token_types")}
        given = {name: one[:, -n:] for name, one in given.items()}
        if "seen" in what:
            given["seen"], given["targets"] = permutation_plan(2, n, 2, draw)
        mine = ours(**given, memory=memory)
        expected = theirs(**as_theirs(given), mems=mems, use_mems=True)
        close(mine.logits, expected.logits)
        memory, mems = mine.memory, expected.mems
        for one, other in zip(memory, mems, strict=True):
            close(one, other.transpose(0, 1))
            assert not one.requires_grad
    assert memory[0].shape[1] == {None: 14, 4: 4, 20: 14}[length]


def test_what_we_write_they_read_and_we_read_bit_for_bit(pair: tuple[Any, Any, str, Path], tmp_path: Path) -> None:
    theirs, ours, _, folder = pair
    model = ours.from_pretrained(folder).eval()
    model.save_pretrained(tmp_path / "again")
    back, told = type(theirs).from_pretrained(tmp_path / "again", output_loading_info=True)
    assert not told["missing_keys"]
    assert not told["unexpected_keys"]
    given = as_theirs(batch(GIVEN["padded, of two texts"]))
    assert torch.equal(back.eval()(**given)[0], theirs(**given)[0])
    again = ours.from_pretrained(tmp_path / "again")
    assert again.config == model.config
    assert again.state_dict().keys() == model.state_dict().keys()
    assert all(torch.equal(one, again.state_dict()[name]) for name, one in model.state_dict().items())


def test_padding_before_the_text_is_not_seen(tmp_path: Path) -> None:
    write_theirs("Model", tmp_path)
    model = xlnet.XLNetModel.from_pretrained(tmp_path, dtype=torch.float64).eval()
    ids = torch.randint(6, 61, (1, 6), generator=torch.Generator().manual_seed(1))
    longer = torch.cat((torch.full((1, 4), 9), ids), -1)
    real = torch.arange(10)[None] >= 4
    torch.testing.assert_close(model(longer, real).hidden[:, 4:], model(ids).hidden, rtol=0, atol=1e-12)


def test_what_is_predicted_depends_on_what_it_sees_alone(tmp_path: Path) -> None:
    """Neither its own token nor a later one in the order changes a prediction; an earlier one does."""
    write_theirs("LMHeadModel", tmp_path)
    model = xlnet.PermutationLM.from_pretrained(tmp_path, dtype=torch.float64).eval()
    ids = torch.randint(6, 61, (1, 8), generator=torch.Generator().manual_seed(1))
    seen, targets = permutation_plan(1, 8, 4, torch.Generator().manual_seed(2))
    before = model(ids, seen=seen, targets=targets).logits
    for at, place in enumerate(targets[0].tolist()):
        changed = ids.clone()
        changed[0, place] = 6 + (ids[0, place] - 5) % 55
        after = model(changed, seen=seen, targets=targets).logits
        torch.testing.assert_close(after[:, : at + 1], before[:, : at + 1], rtol=0, atol=1e-12)
        if at < 3:
            assert (after[:, at + 1 :] - before[:, at + 1 :]).abs().max() > 1e-3


def test_fine_tuning_begins_with_the_encoder_and_a_new_head(tmp_path: Path) -> None:
    write_theirs("LMHeadModel", tmp_path)
    words = xlnet.PermutationLM.from_pretrained(tmp_path)
    for head in (xlnet.SequenceClassifier, xlnet.TokenClassifier):
        model = head.from_pretrained(tmp_path, labels=5)
        for name, one in words.encoder.state_dict().items():
            assert torch.equal(one, model.encoder.state_dict()[name])
        assert model.classes.weight.shape == (5, 24)
    with pytest.raises(ValueError, match="no head"):
        xlnet.XLNetModel.from_pretrained(tmp_path)(torch.tensor([[7, 8]]), labels=torch.tensor([1]))


def test_dropout_works_in_training_only(tmp_path: Path) -> None:
    write_theirs("Model", tmp_path, dropout=0.3)
    model = xlnet.XLNetModel.from_pretrained(tmp_path).eval()
    ids = torch.randint(6, 61, (2, 9))
    assert torch.equal(model(ids).hidden, model(ids).hidden)
    model.train()
    assert not torch.equal(model(ids).hidden, model(ids).hidden)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("model_type", "bert"), ("ff_activation", "swish"), ("attn_type", "uni"), ("bi_data", True), ("same_length", True),
     ("untie_r", False), ("reuse_len", 5), ("d_head", 5), ("summary_type", "mean"), ("summary_use_proj", False),
     ("summary_activation", "relu"), ("tie_word_embeddings", False)],
)  # fmt: skip
def test_what_is_not_computed_is_refused_by_name(setting: str, value: Any, tmp_path: Path) -> None:
    write_theirs("LMHeadModel", tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, setting: value}))
    with pytest.raises(CheckpointError, match=setting):
        xlnet.PermutationLM.from_pretrained(tmp_path)


def test_a_wrong_checkpoint_names_key_and_shapes(tmp_path: Path) -> None:
    write_theirs("LMHeadModel", tmp_path)
    file, key = tmp_path / "model.safetensors", "transformer.layer.1.rel_attn.q"
    whole = load_file(file)
    save_file({name: one for name, one in whole.items() if name != key}, file)
    with pytest.raises(CheckpointError, match=r"encoder\.blocks\.1\.q \(24, 4, 6\) is missing"):
        xlnet.PermutationLM.from_pretrained(tmp_path)
    save_file({**whole, key: torch.zeros(24, 6, 4)}, file)
    with pytest.raises(CheckpointError, match=r"has shape \(24, 6, 4\), and should have \(24, 4, 6\)"):
        xlnet.PermutationLM.from_pretrained(tmp_path)
    save_file({**whole, "transformer.layer.1.new": torch.zeros(2)}, file)
    with pytest.raises(CheckpointError, match=r"layer\.1\.new \(2,\) is not known"):
        xlnet.PermutationLM.from_pretrained(tmp_path)
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match=r"model\.safetensors cannot be read"):
        xlnet.PermutationLM.from_pretrained(tmp_path)
