"""One way in: what load() makes of folders that transformers wrote, beside what transformers makes of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from groundup.stack.models.checkpoints import CheckpointError
from groundup.stack.models.families import FAMILIES, IGNORED, load
from groundup.stack.transformer.attention import recorded_attention, scaled_dot_product_attention

transformers = pytest.importorskip("transformers")

DECODERS: dict[str, Any] = {
    "GPT2LMHeadModel": lambda: transformers.GPT2Config(vocab_size=53, n_positions=24, n_embd=16, n_layer=2, n_head=4),
    "LlamaForCausalLM": lambda: transformers.LlamaConfig(
        vocab_size=53, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=64,
    ),
    **{
        f"{hub}ForCausalLM": lambda hub=hub: getattr(transformers, f"{hub}Config")(
            vocab_size=53, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, max_position_embeddings=64,
        )
        for hub in ("Mistral", "Qwen2", "Qwen3")
    },
    "OpenAIGPTLMHeadModel": lambda: transformers.OpenAIGPTConfig(
        vocab_size=53, n_positions=24, n_embd=16, n_layer=2, n_head=4
    ),
    "MambaForCausalLM": lambda: transformers.MambaConfig(
        vocab_size=53, hidden_size=16, num_hidden_layers=2, state_size=5
    ),
    "JambaForCausalLM": lambda: transformers.JambaConfig(
        vocab_size=53, hidden_size=16, intermediate_size=24, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, num_experts=1, attn_layer_period=2, attn_layer_offset=1, mamba_d_state=5,
    ),
    "GPTNeoForCausalLM": lambda: transformers.GPTNeoConfig(
        vocab_size=53, max_position_embeddings=24, hidden_size=16, num_layers=2, num_heads=4, window_size=3,
        attention_types=[[["global", "local"], 1]],
    ),
}  # fmt: skip
SMALL = {
    "vocab_size": 53, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 24,
    "max_position_embeddings": 30, "pad_token_id": 1,
}  # fmt: skip


def config_of(kind: str, architecture: str) -> Any:
    if architecture in DECODERS:
        return DECODERS[architecture]()
    if kind == "xlnet":
        return transformers.XLNetConfig(vocab_size=53, d_model=16, n_layer=2, n_head=4, d_inner=24, pad_token_id=1)
    more = {"relative_attention": True, "pos_att_type": ["c2p", "p2c"]} if kind.startswith("deberta") else {}
    return transformers.AutoConfig.for_model(kind, **SMALL, **more)


OTHERS = (
    "t5",
    "groundup-transformer",
    "groundup-bahdanau",
    "groundup-luong",
    "groundup-pointer",
    "vit",
    "clip",
    "clip_text_model",
    "clip_vision_model",
    "llava",
)
"""Families with another interface than ids to an output; tests of their own load them."""
KNOWN = transformers.CONFIG_MAPPING
"""What transformers has; families that it lacks are loaded in tests of their own, too."""
ALL = [(kind, name) for kind, heads in FAMILIES.items() for name in heads if kind in KNOWN and kind not in OTHERS]


def some(pairs: list[tuple[str, str]]) -> Any:
    """Only these for a test that asks for ``written``."""
    return pytest.mark.parametrize("written", pairs, indirect=True, ids=lambda pair: pair[1], scope="module")


@pytest.fixture(params=ALL, ids=lambda pair: pair[1], scope="module")
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    kind, name = request.param
    torch.manual_seed(0)
    config = config_of(kind, name)
    theirs = getattr(transformers, name)._from_config(config, attn_implementation="eager").double().eval()
    folder = tmp_path_factory.mktemp("written")
    theirs.save_pretrained(folder)
    return theirs, folder


def test_the_family_and_the_head_are_those_of_the_file(written: tuple[Any, Path]) -> None:
    theirs, folder = written
    ours = load(folder, dtype=torch.float64)
    ids = torch.randint(5, 53, (2, 9), generator=torch.Generator().manual_seed(0))
    kept = torch.ones_like(ids)
    kept[1, 6:] = 0
    mine = ours(ids, attention_mask=kept, attentions=True)
    expected = theirs(ids, attention_mask=kept, output_attentions=True, output_hidden_states=True)
    real = kept.bool()
    their_hidden = expected.hidden_states[-1].double()  # some are single precision, whatever the model is
    torch.testing.assert_close(mine.hidden[real], their_hidden[real], rtol=0, atol=1e-6)
    for weights, their_weights in zip(mine.attentions, expected.get("attentions") or (), strict=True):
        rows = real[:, None, :, None].expand_as(weights)
        torch.testing.assert_close(weights[rows], their_weights[rows], rtol=0, atol=1e-6)
    if "logits" in expected:
        logits, their_logits = mine.logits, expected.logits.double()
        if logits.shape[:2] == real.shape:
            logits, their_logits = logits[real], their_logits[real]
        torch.testing.assert_close(logits, their_logits, rtol=0, atol=1e-6)
    assert not ours.training


@some([pair for pair in ALL if pair[1] in DECODERS])
def test_a_decoder_shifts_its_labels_and_has_a_cache(written: tuple[Any, Path]) -> None:
    theirs, folder = written
    ours = load(folder, dtype=torch.float64)
    ids = torch.randint(53, (2, 9), generator=torch.Generator().manual_seed(0))
    labels = ids.clone()
    labels[0, 4:7] = IGNORED
    torch.testing.assert_close(
        ours(ids, labels=labels).loss, theirs(ids, labels=labels).loss.double(), rtol=0, atol=1e-6
    )
    cache = ours.new_cache(2, 9)
    parts = [ours(ids[:, begin:end], cache=cache).logits for begin, end in ((0, 4), (4, 5), (5, 9))]
    torch.testing.assert_close(torch.cat(parts, 1), ours(ids).logits, rtol=0, atol=1e-6)
    with pytest.raises(ValueError, match="token types"):
        ours(ids, token_types=ids)


def test_what_is_written_again_is_loaded_again(written: tuple[Any, Path], tmp_path: Path) -> None:
    ours = load(written[1])
    ours.save_pretrained(tmp_path)
    again = load(tmp_path)
    assert type(again) is type(ours)
    assert all(torch.equal(one, again.state_dict()[name]) for name, one in ours.state_dict().items())


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"model_type": "mystery"}, "model_type 'mystery' is not known; gpt2, llama"),
        ({"model_type": "bert", "architectures": ["BertForTea"]}, r"BertForTea.*BertForMaskedLM"),
        ({"model_type": "llama"}, r"none of the architectures \[\] of llama"),
    ],
)
def test_the_unknown_is_refused_by_name(config: dict[str, Any], message: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=message):
        load(tmp_path)


def test_attention_is_recorded_only_while_somebody_looks() -> None:
    q, k, v = (torch.randn(2, 3, n, 4) for n in (5, 6, 6))
    mask = torch.rand(5, 6) < 0.7
    before = scaled_dot_product_attention(q, k, v, mask)
    with recorded_attention() as kept:
        assert torch.equal(scaled_dot_product_attention(q, k, v, mask), before)
        scaled_dot_product_attention(q, k[..., :0, :], v[..., :0, :])
    scaled_dot_product_attention(q, k, v)
    assert [one.shape for one in kept] == [(2, 3, 5, 6), (2, 3, 5, 0)], "each attention once"
    torch.testing.assert_close(kept[0] @ v, before)
    assert not kept[0][..., ~mask].any()


@some([("bert", "BertForMaskedLM"), ("llama", "LlamaForCausalLM")])
def test_loading_needs_neither_transformers_nor_the_workshop(written: tuple[Any, Path]) -> None:
    code = (
        "import sys; from groundup.stack.models.families import load; load(sys.argv[1]); "
        "print([one for one in sys.modules if one.startswith(('transformers', 'groundup.study', 'groundup.web'))])"
    )
    told = subprocess.run([sys.executable, "-c", code, str(written[1])], capture_output=True, text=True, timeout=120)
    assert told.stdout.strip() == "[]", told.stderr


@pytest.mark.parametrize("kind", FAMILIES)
def test_a_configuration_that_lacks_what_it_needs_is_refused_by_name(kind: str, tmp_path: Path) -> None:
    for number, architecture in enumerate(FAMILIES[kind]):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps({"model_type": kind, "architectures": [architecture]}))
        with pytest.raises(CheckpointError):
            load(folder)
