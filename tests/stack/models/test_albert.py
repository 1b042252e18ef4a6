"""What is ALBERT's own: how little there is to store, and the order of sentences."""

from __future__ import annotations

import pytest
import torch

from groundup.stack.models import albert
from groundup.stack.models.checkpoints import CheckpointError
from groundup.stack.models.output import IGNORED


def test_layers_share_their_weights_and_the_embedding_is_narrow() -> None:
    sizes = {"vocab": 1000, "dim": 64, "heads": 4, "hidden": 128, "context": 16, "width": 8}
    one, twelve = (
        sum(weight.numel() for weight in albert.AlbertModel(albert.AlbertConfig(layers=layers, **sizes)).parameters())
        for layers in (1, 12)
    )
    assert one == twelve
    bert_like = albert.AlbertModel(albert.AlbertConfig(layers=12, groups=12, **sizes))
    assert sum(weight.numel() for weight in bert_like.parameters()) > 6 * one
    assert bert_like.encoder.tokens.weight.numel() == 1000 * 8
    with pytest.raises(ValueError, match="groups must be from 1 to layers: 13 and 12"):
        albert.AlbertConfig(layers=12, groups=13, **sizes)


def test_pretraining_adds_the_order_of_sentences_to_the_loss() -> None:
    torch.manual_seed(0)
    config = albert.AlbertConfig(vocab=50, dim=16, layers=2, heads=2, hidden=32, context=16, width=8)
    model = albert.PreTraining(config).eval()
    ids = torch.randint(5, 50, (2, 9))
    labels = torch.where(torch.rand(2, 9) < 0.3, ids, IGNORED)
    alone = model(ids, labels=labels)
    both = model(ids, labels=labels, swapped=torch.tensor([0, 1]))
    order = torch.nn.functional.cross_entropy(model.sentence_order(alone), torch.tensor([0, 1]))
    torch.testing.assert_close(both.loss, alone.loss + order)


def test_settings_of_the_hub_are_understood() -> None:
    base = {
        "architectures": ["AlbertForMaskedLM"], "model_type": "albert", "vocab_size": 30000, "embedding_size": 128,
        "hidden_size": 768, "num_hidden_layers": 12, "num_hidden_groups": 1, "num_attention_heads": 12,
        "intermediate_size": 3072, "inner_group_num": 1, "hidden_act": "gelu_new", "hidden_dropout_prob": 0,
        "attention_probs_dropout_prob": 0, "max_position_embeddings": 512, "type_vocab_size": 2,
        "classifier_dropout_prob": 0.1, "down_scale_factor": 1, "gap_size": 0, "net_structure_type": 0,
        "num_memory_blocks": 0, "layer_norm_eps": 1e-12, "pad_token_id": 0,
    }  # fmt: skip
    config = albert.AlbertConfig.from_hub(base)
    assert config == albert.AlbertConfig(dim=768, layers=12, heads=12, hidden=3072)
    assert albert.AlbertConfig.from_hub(config.to_hub()) == config
    with pytest.raises(CheckpointError, match="model_type is 'bert', not 'albert'"):
        albert.AlbertConfig.from_hub({**base, "model_type": "bert"})
