"""BERT and RoBERTa against transformers: every head's logits, losses and gradients, padding, weights both ways."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from groundup.stack.models import bert
from groundup.stack.models.checkpoints import CheckpointError
from groundup.stack.models.output import IGNORED, label_loss

transformers = pytest.importorskip("transformers")

SIZES: dict[str, Any] = {
    "vocab_size": 61, "hidden_size": 24, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 40,
    "max_position_embeddings": 30, "num_labels": 3,
}  # fmt: skip
FAMILIES: dict[str, dict[str, Any]] = {
    "Bert": {"type_vocab_size": 2, "pad_token_id": 0},
    "Bert, tanh gelu": {"type_vocab_size": 3, "pad_token_id": 4, "hidden_act": "gelu_new"},
    "Roberta": {"type_vocab_size": 1, "pad_token_id": 1, "layer_norm_eps": 1e-5, "bos_token_id": 0, "eos_token_id": 2},
}
HEADS = {
    "Model": bert.BertModel,
    "ForMaskedLM": bert.MaskedLM,
    "ForPreTraining": bert.PreTraining,
    "ForSequenceClassification": bert.SequenceClassifier,
    "ForTokenClassification": bert.TokenClassifier,
    "ForQuestionAnswering": bert.QuestionAnswerer,
}
PAIRS = [(family, head) for family in FAMILIES for head in HEADS if (family, head) != ("Roberta", "ForPreTraining")]


def write_theirs(family: str, head: str, folder: Path, **more: Any) -> Any:
    """A tiny random model of transformers', written by itself."""
    torch.manual_seed(0)
    kind = family.split(",")[0]
    sizes = {**SIZES, **FAMILIES[family], **more}
    if head == "ForQuestionAnswering":
        sizes["num_labels"] = 2
    config = getattr(transformers, f"{kind}Config")(**sizes)
    model = getattr(transformers, kind + head)._from_config(config, attn_implementation="eager").eval()
    with torch.no_grad():
        for one in model.parameters():
            one.add_(torch.randn_like(one) * 0.2)
    model.save_pretrained(folder)
    return model


@pytest.fixture(params=PAIRS, ids=lambda pair: f"{pair[0]} {pair[1]}")
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Any, Any, Path]:
    family, head = request.param
    return write_theirs(family, head, tmp_path), HEADS[head], tmp_path


def batch(theirs: Any, seed: int = 3) -> dict[str, torch.Tensor]:
    """Two texts of 11 tokens, the second padded after 7, each of two segments where the family has them."""
    draw = torch.Generator().manual_seed(seed)
    config = theirs.config
    ids = torch.randint(5, config.vocab_size, (2, 11), generator=draw)
    kept = torch.ones(2, 11, dtype=torch.int64)
    kept[1, 7:] = 0
    ids[1, 7:] = config.pad_token_id
    segments = torch.randint(config.type_vocab_size, (2, 11), generator=draw)
    return {"ids": ids, "attention_mask": kept, "token_types": segments}


def as_theirs(given: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {
        "input_ids": given["ids"], "attention_mask": given["attention_mask"], "token_type_ids": given["token_types"],
    }  # fmt: skip


def labels_of(head: type, given: dict[str, torch.Tensor]) -> tuple[torch.Tensor | None, dict[str, Any]]:
    """Labels for ours and the same for theirs."""
    ids, kept = given["ids"], given["attention_mask"].bool()
    if head is bert.BertModel:
        return None, {}
    if head is bert.SequenceClassifier:
        return torch.tensor([2, 0]), {"labels": torch.tensor([2, 0])}
    if head is bert.QuestionAnswerer:
        places = torch.tensor([[3, 5], [1, 90]])  # the second answer ends beyond the window
        return places, {"start_positions": places[:, 0].clone(), "end_positions": places[:, 1].clone()}
    top = 3 if head is bert.TokenClassifier else 61
    labels = torch.where(kept & (ids % 3 != 0), ids % top, IGNORED)
    return labels, {"labels": labels}


def test_every_head_computes_theirs_with_gradients(pair: tuple[Any, Any, Path]) -> None:
    theirs, head, folder = pair
    ours = head.from_pretrained(folder, dtype=torch.float64).eval()
    theirs = theirs.double()
    given = batch(theirs)
    labels, their_labels = labels_of(head, given)
    mine = ours(**given, labels=labels, attentions=True)
    if head is bert.PreTraining:
        their_labels["next_sentence_label"] = torch.tensor([1, 0])
        mine = ours(**given, labels=labels, attentions=True, followed=torch.tensor([1, 0]))
    expected = theirs(**as_theirs(given), **their_labels, output_hidden_states=True, output_attentions=True)
    real = given["attention_mask"].bool()
    torch.testing.assert_close(mine.hidden[real], expected.hidden_states[-1][real], rtol=0, atol=1e-10)
    for weights, their_weights in zip(mine.attentions, expected.attentions, strict=True):
        torch.testing.assert_close(weights, their_weights, rtol=0, atol=1e-10)
    if head is bert.BertModel:
        torch.testing.assert_close(mine.pooled, expected.pooler_output, rtol=0, atol=1e-10)
        (mine.pooled.square().sum() + mine.hidden[real].square().sum()).backward()
        (expected.pooler_output.square().sum() + expected.last_hidden_state[real].square().sum()).backward()
    else:
        logits = {
            bert.QuestionAnswerer: lambda: torch.stack((expected.start_logits, expected.end_logits), -1),
            bert.PreTraining: lambda: expected.prediction_logits,
        }.get(head, lambda: expected.logits)()
        torch.testing.assert_close(mine.logits, logits, rtol=0, atol=1e-10)
        if head is bert.PreTraining:
            torch.testing.assert_close(ours.next_sentence(mine), expected.seq_relationship_logits, rtol=0, atol=1e-10)
        torch.testing.assert_close(mine.loss, expected.loss, rtol=0, atol=1e-10)
        mine.loss.backward()
        expected.loss.backward()
    gradients = {name: one.grad for name, one in theirs.named_parameters() if one.grad is not None}
    table = bert.names_of(ours.config, head.architecture)
    named = table.ours(gradients)
    compared = 0
    for name, one in ours.named_parameters():
        if one.grad is None:
            continue
        other = named.get(name)
        assert other is not None, name
        if name == "encoder.tokens.weight":  # PyTorch's padding_idx gives the padding's row no gradient
            one.grad[ours.config.pad_id] = other[ours.config.pad_id] = 0
        if name == "encoder.positions.weight":
            rows = one.grad.abs().sum(-1).nonzero().flatten()
            rows = rows[rows != ours.config.pad_id]
            torch.testing.assert_close(one.grad[rows], other[rows], rtol=0, atol=1e-9, msg=name)
        else:
            torch.testing.assert_close(one.grad, other, rtol=0, atol=1e-9, msg=name)
        compared += 1
    assert compared >= 3 * 16 + 4


def test_what_we_write_they_read_and_we_read_bit_for_bit(pair: tuple[Any, Any, Path], tmp_path: Path) -> None:
    theirs, head, folder = pair
    ours = head.from_pretrained(folder).eval()
    ours.save_pretrained(tmp_path / "again")
    back, told = type(theirs).from_pretrained(tmp_path / "again", attn_implementation="eager", output_loading_info=True)
    assert not told["missing_keys"]
    assert not told["unexpected_keys"]
    given = batch(theirs)
    for one, other in zip(
        back.eval()(**as_theirs(given)).to_tuple(), theirs(**as_theirs(given)).to_tuple(), strict=True
    ):
        assert torch.equal(one, other)
    again = head.from_pretrained(tmp_path / "again")
    assert again.config == ours.config
    assert again.state_dict().keys() == ours.state_dict().keys()
    assert all(torch.equal(one, again.state_dict()[name]) for name, one in ours.state_dict().items())


@pytest.mark.parametrize("family", FAMILIES)
def test_padding_on_either_side_is_not_seen(family: str, tmp_path: Path) -> None:
    write_theirs(family, "Model", tmp_path)
    model = bert.BertModel.from_pretrained(tmp_path, dtype=torch.float64).eval()
    pad = model.config.pad_id
    ids = torch.randint(5, 61, (1, 6), generator=torch.Generator().manual_seed(1))
    alone = model(ids).hidden
    after = torch.cat((ids, torch.full((1, 4), pad)), -1)
    torch.testing.assert_close(model(after, after != pad).hidden[:, :6], alone, rtol=0, atol=1e-12)
    changed = after.clone()
    changed[:, 6:] = pad if model.config.roberta else 9
    torch.testing.assert_close(model(changed, after != pad).hidden[:, :6], alone, rtol=0, atol=1e-12)
    if model.config.roberta:  # its positions count real tokens only, so that padding before the text is harmless too
        before = torch.cat((torch.full((1, 4), pad), ids), -1)
        torch.testing.assert_close(model(before, before != pad).hidden[:, 4:], alone, rtol=0, atol=1e-12)


@pytest.mark.parametrize("family", ["Bert", "Roberta"])
def test_fine_tuning_begins_with_the_encoder_and_a_new_head(family: str, tmp_path: Path) -> None:
    write_theirs(family, "ForMaskedLM", tmp_path)
    words = bert.MaskedLM.from_pretrained(tmp_path)
    for head in (bert.SequenceClassifier, bert.TokenClassifier, bert.QuestionAnswerer):
        model = head.from_pretrained(tmp_path, **({} if head is bert.QuestionAnswerer else {"labels": 5}))
        for name, one in words.encoder.state_dict().items():
            assert torch.equal(one, model.encoder.state_dict()[name])
        classes = model.span if head is bert.QuestionAnswerer else model.classes
        assert classes.weight.shape == (2 if head is bert.QuestionAnswerer else 5, 24)
        assert classes.weight.std() > 0


@pytest.mark.parametrize("named", [["BertForMaskedLM"], None])
@pytest.mark.parametrize("head", [bert.BertModel, bert.MaskedLM, bert.SequenceClassifier])
def test_heads_that_a_file_holds_besides_are_passed_over(head: Any, named: list[str] | None, tmp_path: Path) -> None:
    """Google's checkpoints say BertForMaskedLM, or nothing, and hold the pooled layer and the next sentence's too."""
    theirs = write_theirs("Bert", "ForPreTraining", tmp_path, num_labels=2)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "architectures": named}))
    model = head.from_pretrained(tmp_path).eval()
    ids = torch.randint(5, 61, (2, 9))
    torch.testing.assert_close(model(ids).hidden, theirs.bert(ids).last_hidden_state)
    if head is bert.MaskedLM:
        torch.testing.assert_close(model(ids).logits, theirs(ids).prediction_logits)
    else:
        torch.testing.assert_close(model(ids).pooled, theirs.bert(ids).pooler_output)


def test_dropout_works_in_training_only(tmp_path: Path) -> None:
    write_theirs("Bert", "Model", tmp_path, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.4)
    model = bert.BertModel.from_pretrained(tmp_path)
    ids = torch.randint(5, 61, (2, 9), generator=torch.Generator().manual_seed(1))
    model.eval()
    assert torch.equal(model(ids).hidden, model(ids).hidden)
    model.train()
    assert not torch.equal(model(ids).hidden, model(ids).hidden), "weights of attention are dropped"


def test_no_label_that_counts_is_a_loss_of_zero() -> None:
    logits = torch.randn(2, 3, 5, requires_grad=True)
    loss = label_loss(logits, torch.full((2, 3), IGNORED))
    loss.backward()
    assert loss == 0
    assert torch.equal(logits.grad, torch.zeros(2, 3, 5))
    with pytest.raises(ValueError, match=r"labels must be \(2, 3\)"):
        label_loss(logits, torch.zeros(2, dtype=torch.int64))


def test_labels_without_a_head_and_too_long_texts_are_refused(tmp_path: Path) -> None:
    write_theirs("Roberta", "Model", tmp_path)
    model = bert.BertModel.from_pretrained(tmp_path)
    with pytest.raises(ValueError, match="no head"):
        model(torch.tensor([[5, 6]]), labels=torch.tensor([1]))
    model(torch.full((1, 28), 7))
    with pytest.raises(ValueError, match="29 tokens, the context of this model 28"):
        model(torch.full((1, 29), 7))
    with pytest.raises(ValueError, match="no next-sentence"):
        bert.PreTraining(model.config)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("model_type", "gpt2"), ("hidden_act", "swish"), ("is_decoder", True), ("position_embedding_type", "relative_key"),
     ("tie_word_embeddings", False)],
)  # fmt: skip
def test_what_is_not_computed_is_refused_by_name(setting: str, value: Any, tmp_path: Path) -> None:
    write_theirs("Bert", "ForMaskedLM", tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, setting: value}))
    with pytest.raises(CheckpointError, match=setting):
        bert.MaskedLM.from_pretrained(tmp_path)


def test_a_wrong_checkpoint_names_key_and_shapes(tmp_path: Path) -> None:
    write_theirs("Bert", "ForMaskedLM", tmp_path)
    file = tmp_path / "model.safetensors"
    whole = load_file(file)
    key = "bert.encoder.layer.1.intermediate.dense.weight"
    save_file({name: one for name, one in whole.items() if name != key}, file)
    with pytest.raises(CheckpointError, match=r"encoder\.blocks\.1\.up\.weight \(40, 24\) is missing"):
        bert.MaskedLM.from_pretrained(tmp_path)
    save_file({**whole, key: torch.zeros(24, 40)}, file)
    with pytest.raises(CheckpointError, match=r"has shape \(24, 40\), and should have \(40, 24\)"):
        bert.MaskedLM.from_pretrained(tmp_path)
    save_file({**whole, "bert.encoder.layer.1.new.weight": torch.zeros(2)}, file)
    with pytest.raises(CheckpointError, match=r"layer\.1\.new\.weight \(2,\) is not known"):
        bert.MaskedLM.from_pretrained(tmp_path)


def test_old_names_of_norms_and_bare_encoders_are_read(tmp_path: Path) -> None:
    theirs = write_theirs("Bert", "Model", tmp_path)
    file = tmp_path / "model.safetensors"
    old = {
        "bert." + name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): one
        for name, one in load_file(file).items()
    }
    assert any(name.endswith("gamma") for name in old)
    save_file(old, file)
    ids = torch.randint(5, 61, (2, 9))
    torch.testing.assert_close(
        bert.BertModel.from_pretrained(tmp_path).eval()(ids).hidden, theirs(ids).last_hidden_state
    )
