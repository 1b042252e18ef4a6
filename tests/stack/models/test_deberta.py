"""What is DeBERTa's own: buckets of distances, and that only distances count; its files on the Hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from groundup.stack.models import deberta
from groundup.stack.models.checkpoints import CheckpointError

transformers = pytest.importorskip("transformers")

SIZES = {"vocab": 40, "dim": 24, "width": 24, "layers": 2, "heads": 2, "hidden": 40, "context": 12, "longest": 12}
BASE: dict[str, Any] = {  # as the files of the Hub have it
    "model_type": "deberta", "vocab_size": 50265, "hidden_size": 768, "num_hidden_layers": 12,
    "num_attention_heads": 12, "intermediate_size": 3072, "max_position_embeddings": 512, "type_vocab_size": 0,
    "relative_attention": True, "pos_att_type": "c2p|p2c", "max_relative_positions": -1, "layer_norm_eps": 1e-7,
    "position_biased_input": False, "pooler_dropout": 0, "pooler_hidden_act": "gelu", "hidden_act": "gelu",
}  # fmt: skip


@pytest.mark.parametrize(("buckets", "longest"), [(256, 512), (256, 600), (6, 12), (32, 64), (64, 513), (4, 100)])
def test_buckets_are_those_of_transformers(buckets: int, longest: int) -> None:
    theirs = transformers.models.deberta_v2.modeling_deberta_v2.make_log_bucket_position
    distance = torch.arange(-2 * longest, 2 * longest + 1)
    mine = deberta.log_buckets(distance, buckets, longest)
    assert torch.equal(mine, theirs(distance, buckets, longest).long())
    assert torch.equal(mine, -mine.flip(0))
    inside = mine[(distance.abs() < longest)]
    assert inside.abs().max() == buckets - 1
    assert (inside.diff() >= 0).all()


@pytest.mark.parametrize("more", [{}, {"version": 2, "buckets": 8, "shared": True, "relative_norm": True}])
def test_only_distances_count_and_no_text_is_too_long(more: dict[str, Any]) -> None:
    torch.manual_seed(0)
    model = deberta.DebertaModel(deberta.DebertaConfig(**SIZES, **more)).double().eval()
    for one in model.parameters():
        torch.nn.init.normal_(one, std=0.3)
    ids = torch.randint(5, 40, (1, 7))
    before = torch.cat((torch.zeros(1, 40, dtype=torch.int64), ids), -1)
    real = torch.arange(47)[None] >= 40
    torch.testing.assert_close(model(before, real).hidden[:, 40:], model(ids).hidden, rtol=0, atol=1e-11)
    assert not torch.allclose(model(ids.flip(-1)).hidden.flip(-2), model(ids).hidden), "their signs do"


@pytest.mark.parametrize("kind", ["deberta", "deberta-v2"])
def test_single_precision_is_theirs_too(kind: str, tmp_path: Path) -> None:
    """With transformers as it is, whose norms of the first version are never in double."""
    torch.manual_seed(0)
    config = transformers.AutoConfig.for_model(
        kind, vocab_size=61, hidden_size=24, num_hidden_layers=3, num_attention_heads=4, intermediate_size=40,
        relative_attention=True, pos_att_type=["c2p", "p2c"], position_biased_input=False, max_position_embeddings=8,
    )  # fmt: skip
    theirs = transformers.AutoModelForMaskedLM.from_config(config).eval()
    theirs.save_pretrained(tmp_path)
    ids, real = torch.randint(5, 61, (2, 13)), torch.arange(13) < torch.tensor([[13], [9]])
    expected = theirs(ids, attention_mask=real.long(), output_attentions=True)
    mine = deberta.MaskedLM.from_pretrained(tmp_path).eval()(ids, real, attentions=True)
    torch.testing.assert_close(mine.logits, expected.logits, rtol=0, atol=1e-5)
    for one, other in zip(mine.attentions, expected.attentions, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6)


def test_settings_of_the_hub_are_understood() -> None:
    first = deberta.DebertaConfig.from_hub(BASE)
    assert (first.version, first.longest, first.span, first.absolute, first.eps) == (1, 512, 512, False, 1e-7)
    third = deberta.DebertaConfig.from_hub(
        {
            **BASE,
            "model_type": "deberta-v2",
            "vocab_size": 128100,
            "pos_att_type": "p2c|c2p",
            "position_buckets": 256,
            "norm_rel_ebd": "layer_norm",
            "share_att_key": True,
        }
    )
    assert (third.version, third.longest, third.span, third.shared, third.relative_norm) == (2, 512, 256, True, True)
    assert deberta.DebertaConfig.from_hub(third.to_hub()) == third
    assert deberta.DebertaConfig.from_hub(first.to_hub()) == first
    with pytest.raises(CheckpointError, match="model_type is 'bert'"):
        deberta.DebertaConfig.from_hub({**BASE, "model_type": "bert"})
