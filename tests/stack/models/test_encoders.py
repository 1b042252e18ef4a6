"""The encoders that came after BERT against transformers: every head's logits, losses and all gradients, both ways."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional

from groundup.stack.models import albert, deberta, electra
from groundup.stack.models.checkpoints import CheckpointError
from groundup.stack.models.output import IGNORED

transformers = pytest.importorskip("transformers")

SIZES: dict[str, Any] = {
    "vocab_size": 61, "hidden_size": 24, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 40,
    "max_position_embeddings": 30, "num_labels": 3,
}  # fmt: skip


@dataclass(frozen=True)
class Family:
    """``hub`` is what transformers' classes begin with, ``bare`` and ``pretraining`` our classes; ``key`` and ``ours``
    the same matrix (40, 24), under their name and ours."""

    hub: str
    ours: Any
    bare: type
    pretraining: type | None
    key: str
    named: str
    sizes: dict[str, Any] = field(default_factory=dict)

    def loss(self, logits: torch.Tensor, labels: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """Their loss in double precision."""
        if logits.shape == labels.shape:
            return functional.binary_cross_entropy_with_logits(logits[real], labels[real].double())
        return functional.cross_entropy(logits, labels)


def an_albert(**sizes: Any) -> Family:
    key = "albert.encoder.albert_layer_groups.0.albert_layers.0.ffn.weight"
    sizes = {"embedding_size": 10, "type_vocab_size": 2, **sizes}
    return Family("Albert", albert, albert.AlbertModel, albert.PreTraining, key, "encoder.groups.0.0.up.weight", sizes)


def an_electra(**sizes: Any) -> Family:
    key, named = "electra.encoder.layer.1.intermediate.dense.weight", "encoder.blocks.1.up.weight"
    sizes = {"type_vocab_size": 2, **sizes}
    return Family("Electra", electra, electra.ElectraModel, electra.ReplacedTokenDetector, key, named, sizes)


def a_deberta(version: int = 1, **sizes: Any) -> Family:
    key, named = "deberta.encoder.layer.1.intermediate.dense.weight", "encoder.blocks.1.up.weight"
    sizes = {  # 2 heads of 12: their root of 12 · 3 is taken in single precision
        "relative_attention": True, "pos_att_type": "c2p|p2c", "num_attention_heads": 2, "position_biased_input": False,
        **sizes,
    }  # fmt: skip
    hub = "Deberta" if version == 1 else "DebertaV2"
    return Family(hub, deberta, deberta.DebertaModel, None, key, named, sizes)


FAMILIES = {
    "albert": an_albert(),
    "albert in groups": an_albert(
        num_hidden_layers=5, num_hidden_groups=3, inner_group_num=2, hidden_act="gelu", pad_token_id=4,
        type_vocab_size=3, layer_norm_eps=1e-5, classifier_dropout_prob=0.3,
    ),
    "electra, narrow": an_electra(embedding_size=10),
    "electra": an_electra(embedding_size=24, hidden_act="gelu_new", pad_token_id=4, type_vocab_size=3),
    "deberta": a_deberta(position_biased_input=True, type_vocab_size=2, max_relative_positions=4),
    "deberta, narrow": a_deberta(embedding_size=10, pad_token_id=4, pos_att_type=["c2p"], num_attention_heads=3),
    "deberta, as on the hub": a_deberta(legacy=False),
    "deberta 2": a_deberta(
        2, position_biased_input=True, type_vocab_size=2, conv_kernel_size=3, conv_act="gelu", embedding_size=10,
        norm_rel_ebd="layer_norm", pad_token_id=4,
    ),
    "deberta 2, conv in groups": a_deberta(
        2, pos_att_type="p2c", num_attention_heads=3, conv_kernel_size=5, conv_groups=2, max_relative_positions=4,
    ),
    "deberta 3": a_deberta(
        2, legacy=False, share_att_key=True, position_buckets=6, max_relative_positions=12, norm_rel_ebd="layer_norm",
    ),
}  # fmt: skip
TASKS = {
    "ForMaskedLM": "MaskedLM",
    "ForSequenceClassification": "SequenceClassifier",
    "ForTokenClassification": "TokenClassifier",
    "ForQuestionAnswering": "QuestionAnswerer",
}
PAIRS = [
    (family, head)
    for family, one in FAMILIES.items()
    for head in ("Model", *(["ForPreTraining"] if one.pretraining else []), *TASKS)
]
ONE_EACH = list({one.hub: name for name, one in reversed(FAMILIES.items())}.values())


def class_of(family: Family, head: str) -> Any:
    return {"Model": family.bare, "ForPreTraining": family.pretraining}.get(head) or getattr(family.ours, TASKS[head])


def write_theirs(name: str, head: str, folder: Path, **more: Any) -> Any:
    """A tiny random model of transformers', written by itself."""
    torch.manual_seed(0)
    family = FAMILIES[name]
    sizes = {**SIZES, **family.sizes, **more}
    if head == "ForQuestionAnswering" or (head == "ForPreTraining" and family.hub == "Albert"):
        sizes["num_labels"] = 2
    config = getattr(transformers, f"{family.hub}Config")(**sizes)
    model = getattr(transformers, family.hub + head)._from_config(config, attn_implementation="eager").eval()
    with torch.no_grad():
        for one in model.parameters():
            one.add_(torch.randn_like(one) * 0.2)
    model.save_pretrained(folder)
    return model


def batch(theirs: Any, seed: int = 3) -> dict[str, torch.Tensor]:
    """Two texts of 11 tokens, the second padded after 7, each of two segments where the family has them."""
    draw = torch.Generator().manual_seed(seed)
    config = theirs.config
    ids = torch.randint(5, config.vocab_size, (2, 11), generator=draw)
    kept = torch.ones(2, 11, dtype=torch.int64)
    kept[1, 7:] = 0
    ids[1, 7:] = config.pad_token_id
    segments = torch.randint(max(config.type_vocab_size, 1), (2, 11), generator=draw)
    return {"ids": ids, "attention_mask": kept, "token_types": segments}


def as_theirs(given: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {
        "input_ids": given["ids"], "attention_mask": given["attention_mask"], "token_type_ids": given["token_types"],
    }  # fmt: skip


def labels_of(family: Family, head: str, given: dict[str, torch.Tensor]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Labels for ours and the same for theirs."""
    ids, kept = given["ids"], given["attention_mask"].bool()
    if head == "Model":
        return {}, {}
    if head == "ForSequenceClassification":
        return {"labels": torch.tensor([2, 0])}, {"labels": torch.tensor([2, 0])}
    if head == "ForQuestionAnswering":
        places = torch.tensor([[3, 5], [1, 90]])  # the second answer ends beyond the window
        return {"labels": places}, {"start_positions": places[:, 0].clone(), "end_positions": places[:, 1].clone()}
    if head == "ForPreTraining" and family.hub == "Electra":
        return {"labels": ids % 2}, {"labels": ids % 2}
    labels = torch.where(kept & (ids % 3 != 0), ids % (3 if head == "ForTokenClassification" else 61), IGNORED)
    if head == "ForPreTraining":
        swapped = torch.tensor([1, 0])
        return {"labels": labels, "swapped": swapped}, {"labels": labels, "sentence_order_label": swapped}
    return {"labels": labels}, {"labels": labels}


def their_logits(expected: Any) -> torch.Tensor:
    if "start_logits" in expected:
        return torch.stack((expected.start_logits, expected.end_logits), -1)
    logits: torch.Tensor = expected.prediction_logits if "prediction_logits" in expected else expected.logits
    return logits


@pytest.fixture(autouse=True)
def their_norm_in_double(monkeypatch: pytest.MonkeyPatch) -> None:
    """Theirs computes the norms of DeBERTa's first version in single precision, even those of a model in double."""
    norm = transformers.models.deberta.modeling_deberta.DebertaLayerNorm
    monkeypatch.setattr(
        norm,
        "forward",
        lambda self, x: functional.layer_norm(x, x.shape[-1:], self.weight, self.bias, self.variance_epsilon),
    )


@pytest.fixture(params=PAIRS, ids=lambda pair: f"{pair[0]} {pair[1]}")
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Any, Family, str, Path]:
    name, head = request.param
    return write_theirs(name, head, tmp_path), FAMILIES[name], head, tmp_path


def close(mine: torch.Tensor, theirs: torch.Tensor, about: str = "", atol: float = 1e-9) -> None:
    torch.testing.assert_close(mine, theirs, rtol=0, atol=atol, msg=lambda told: f"{about}: {told}")


def test_every_head_computes_theirs_with_all_gradients(pair: tuple[Any, Family, str, Path]) -> None:
    theirs, family, head, folder = pair
    ours = class_of(family, head).from_pretrained(folder, dtype=torch.float64).eval()
    theirs = theirs.double()
    given = batch(theirs)
    labels, their_labels = labels_of(family, head, given)
    mine = ours(**given, **labels, attentions=True)
    expected = theirs(**as_theirs(given), **their_labels, output_hidden_states=True, output_attentions=True)
    real = given["attention_mask"].bool()
    close(mine.hidden[real], expected.hidden_states[-1][real], "hidden")
    for weights, their_weights in zip(mine.attentions, expected.attentions, strict=True):
        rows = real[:, None, :, None].expand_as(weights)
        close(weights[rows], their_weights[rows], "attention")
    if head == "Model":
        end, their_end = mine.hidden[real].square().sum(), expected.last_hidden_state[real].square().sum()
        if "pooler_output" in expected:
            close(mine.pooled, expected.pooler_output, "pooled")
            end, their_end = end + mine.pooled.square().sum(), their_end + expected.pooler_output.square().sum()
    else:
        scores, their_scores = mine.logits, their_logits(expected)
        if scores.shape[:2] == real.shape:
            scores, their_scores = scores[real], their_scores[real]
        close(scores, their_scores, "logits")
        if "sop_logits" in expected:
            close(ours.sentence_order(mine), expected.sop_logits, "order")
        end, their_end = mine.loss, expected.loss
    if their_end.dtype == torch.float32:  # some of their losses are computed in single precision, whatever the model is
        close(end, their_end.double(), "loss", atol=1e-6)
        their_end = family.loss(expected.logits, their_labels["labels"], real)
    close(end, their_end, "loss")
    end.backward()
    their_end.backward()
    compare_gradients(ours, theirs)


def compare_gradients(ours: Any, theirs: Any) -> None:
    found = {name: one.grad for name, one in ours.named_parameters() if one.grad is not None}
    table = ours.names(ours.config)
    expected = table.ours({name: one.grad for name, one in theirs.named_parameters() if one.grad is not None})
    assert found.keys() == expected.keys()
    assert len(found) > 20
    for name, one in found.items():
        if name == "encoder.tokens.weight":  # PyTorch's padding_idx gives the padding's row no gradient
            one[ours.config.pad_id] = expected[name][ours.config.pad_id] = 0
        close(one, expected[name], name)


def test_what_we_write_they_read_and_we_read_bit_for_bit(pair: tuple[Any, Family, str, Path], tmp_path: Path) -> None:
    theirs, family, head, folder = pair
    ours = class_of(family, head).from_pretrained(folder).eval()
    ours.save_pretrained(tmp_path / "again")
    back, told = type(theirs).from_pretrained(tmp_path / "again", attn_implementation="eager", output_loading_info=True)
    assert not told["missing_keys"]
    assert not told["unexpected_keys"]
    given = as_theirs(batch(theirs))
    for one, other in zip(back.eval()(**given).to_tuple(), theirs(**given).to_tuple(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6)  # where a tensor lies in memory decides its rounding
    assert back.state_dict().keys() == theirs.state_dict().keys()
    assert all(torch.equal(one, theirs.state_dict()[name]) for name, one in back.state_dict().items())
    again = class_of(family, head).from_pretrained(tmp_path / "again")
    assert again.config == ours.config
    assert again.state_dict().keys() == ours.state_dict().keys()
    assert all(torch.equal(one, again.state_dict()[name]) for name, one in ours.state_dict().items())


@pytest.mark.parametrize("name", FAMILIES)
def test_padding_is_not_seen(name: str, tmp_path: Path) -> None:
    theirs = write_theirs(name, "Model", tmp_path)
    family = FAMILIES[name]
    model = family.bare.from_pretrained(tmp_path, dtype=torch.float64).eval()  # type: ignore[attr-defined]
    ids = torch.randint(5, 61, (1, 6), generator=torch.Generator().manual_seed(1))
    alone = model(ids).hidden
    torch.testing.assert_close(alone, theirs.double()(ids).last_hidden_state, rtol=0, atol=1e-9)
    longer = torch.cat((ids, torch.full((1, 4), 9)), -1)
    seen = torch.arange(10)[None] < 6
    torch.testing.assert_close(model(longer, seen).hidden[:, :6], alone, rtol=0, atol=1e-12)
    assert not torch.allclose(model(longer).hidden[:, :6], alone)


@pytest.mark.parametrize("name", ONE_EACH)
def test_fine_tuning_begins_with_the_encoder_and_a_new_head(name: str, tmp_path: Path) -> None:
    family = FAMILIES[name]
    write_theirs(name, "ForMaskedLM", tmp_path)
    words = family.ours.MaskedLM.from_pretrained(tmp_path)
    for task in ("SequenceClassifier", "TokenClassifier", "QuestionAnswerer"):
        model = getattr(family.ours, task).from_pretrained(tmp_path, labels=None if task == "QuestionAnswerer" else 5)
        for key, one in words.encoder.state_dict().items():
            assert torch.equal(one, model.encoder.state_dict()[key])
        classes = model.span if task == "QuestionAnswerer" else model.classes
        assert classes.weight.shape == (2 if task == "QuestionAnswerer" else 5, 24)
        assert classes.weight.std() > 0


@pytest.mark.parametrize("name", ONE_EACH)
def test_dropout_works_in_training_only(name: str, tmp_path: Path) -> None:
    write_theirs(name, "Model", tmp_path, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.4)
    model = FAMILIES[name].bare.from_pretrained(tmp_path)  # type: ignore[attr-defined]
    ids = torch.randint(5, 61, (2, 9), generator=torch.Generator().manual_seed(1))
    model.eval()
    assert torch.equal(model(ids).hidden, model(ids).hidden)
    model.train()
    assert not torch.equal(model(ids).hidden, model(ids).hidden), "weights of attention are dropped"


@pytest.mark.parametrize("name", ONE_EACH)
def test_labels_without_a_head_and_too_long_texts_are_refused(name: str, tmp_path: Path) -> None:
    write_theirs(name, "Model", tmp_path)
    model = FAMILIES[name].bare.from_pretrained(tmp_path)  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="no head"):
        model(torch.tensor([[5, 6]]), labels=torch.tensor([1]))
    model(torch.full((1, 30), 7))
    with pytest.raises(ValueError, match="31 tokens, the context of this model 30"):
        model(torch.full((1, 31), 7))


@pytest.mark.parametrize("name", ONE_EACH)
def test_a_wrong_checkpoint_names_key_and_shapes(name: str, tmp_path: Path) -> None:
    family = FAMILIES[name]
    write_theirs(name, "ForMaskedLM", tmp_path)
    file = tmp_path / "model.safetensors"
    whole = load_file(file)
    save_file({key: one for key, one in whole.items() if key != family.key}, file)
    with pytest.raises(CheckpointError, match=rf"{family.named} \(40, 24\) is missing"):
        family.ours.MaskedLM.from_pretrained(tmp_path)
    save_file({**whole, family.key: torch.zeros(24, 40)}, file)
    with pytest.raises(CheckpointError, match=r"has shape \(24, 40\), and should have \(40, 24\)"):
        family.ours.MaskedLM.from_pretrained(tmp_path)
    save_file({**whole, family.key.replace(".weight", ".new.weight"): torch.zeros(2)}, file)
    with pytest.raises(CheckpointError, match=r"\.new\.weight \(2,\) is not known"):
        family.ours.MaskedLM.from_pretrained(tmp_path)
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match=r"model\.safetensors cannot be read"):
        family.ours.MaskedLM.from_pretrained(tmp_path)


UNUSUAL: list[tuple[str, str, Any]] = [
    (name, setting, value)
    for name in ONE_EACH
    for setting, value in (("model_type", "gpt2"), ("hidden_act", "swish"), ("tie_word_embeddings", False))
] + [
    ("albert", "net_structure_type", 1),
    ("albert", "gap_size", 2),
    ("albert", "position_embedding_type", "relative_key"),
    ("electra", "is_decoder", True),
    ("electra", "add_cross_attention", True),
    ("electra", "position_embedding_type", "relative_key"),
    ("deberta", "relative_attention", False),
    ("deberta", "talking_head", True),
    ("deberta", "pos_att_type", "c2p|p2p"),
    ("deberta", "position_buckets", 8),
    ("deberta", "share_att_key", True),
    ("deberta", "norm_rel_ebd", "layer_norm"),
    ("deberta", "conv_kernel_size", 3),
    ("deberta", "pooler_hidden_size", 8),
    ("deberta", "pooler_hidden_act", "swish"),
    ("deberta 2", "attention_head_size", 7),
    ("deberta 2", "norm_rel_ebd", "rms_norm"),
    ("deberta 2", "conv_act", "swish"),
    ("deberta 2", "conv_kernel_size", 4),
    ("deberta 2", "position_buckets", 2),
    ("deberta 2", "legacy", False),  # with an embedding of another width
]


@pytest.mark.parametrize(("name", "setting", "value"), UNUSUAL)
def test_what_is_not_computed_is_refused_by_name(name: str, setting: str, value: Any, tmp_path: Path) -> None:
    write_theirs(name, "ForMaskedLM", tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, setting: value}))
    with pytest.raises(CheckpointError, match=setting):
        FAMILIES[name].ours.MaskedLM.from_pretrained(tmp_path)
