"""GPT-2 and Llama against transformers: logits, gradients, weights both ways; and our GPT, which is a Llama."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from groundup.stack.models import GPT, GPT2, Llama, LlamaConfig
from groundup.stack.models.checkpoints import CheckpointError, write_whole
from groundup.stack.models.gpt import count_parameters, llama_config
from groundup.stack.models.llama import load_pretrained, rename_checkpoint, to_hub_names

transformers = pytest.importorskip("transformers")

GPT2_SIZES = {"vocab_size": 53, "n_positions": 24, "n_embd": 16, "n_layer": 3, "n_head": 4}
LLAMA_SIZES = {
    "vocab_size": 53, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 3, "num_attention_heads": 4,
    "max_position_embeddings": 64,
}  # fmt: skip
LLAMA3 = {
    "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
}  # fmt: skip
LLAMAS: dict[str, dict[str, Any]] = {
    "full": {},
    "grouped": {"num_key_value_heads": 2},
    "multi-query, tied": {"num_key_value_heads": 1, "tie_word_embeddings": True},
    "wide heads": {"head_dim": 6, "num_key_value_heads": 2},
    "llama3 scaling": {"rope_scaling": LLAMA3, "rope_theta": 5000.0, "num_key_value_heads": 2},
    "linear scaling": {"rope_scaling": {"rope_type": "linear", "factor": 3.0}},
}


def saved(config: Any, family: Any, folder: Path, seed: int = 0) -> Any:
    """A tiny random model of transformers', written by itself."""
    torch.manual_seed(seed)
    config._attn_implementation = "eager"
    model = family(config).eval()
    with torch.no_grad():
        for one in model.parameters():
            one.add_(torch.randn_like(one) * 0.2)
    model.save_pretrained(folder)
    return model


def gpt2_pair(folder: Path) -> tuple[Any, Any]:
    return saved(transformers.GPT2Config(**GPT2_SIZES), transformers.GPT2LMHeadModel, folder), GPT2


def llama_pair(folder: Path, name: str) -> tuple[Any, Any]:
    config = transformers.LlamaConfig(**{**LLAMA_SIZES, **LLAMAS[name]})
    return saved(config, transformers.LlamaForCausalLM, folder), Llama


PAIRS = ["gpt2", *LLAMAS]


@pytest.fixture(params=PAIRS)
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Any, Any, Path]:
    theirs, family = gpt2_pair(tmp_path) if request.param == "gpt2" else llama_pair(tmp_path, request.param)
    return theirs, family, tmp_path


def tokens(*shape: int) -> torch.Tensor:
    return torch.randint(53, shape, generator=torch.Generator().manual_seed(3))


def test_logits_and_gradients_are_theirs(pair: tuple[Any, Any, Path]) -> None:
    theirs, family, folder = pair
    ours, theirs = family.from_pretrained(folder, dtype=torch.float64), theirs.double()
    ids = tokens(2, 20)
    mine, expected = ours(ids), theirs(ids).logits
    torch.testing.assert_close(mine, expected, rtol=1e-5, atol=1e-5 if "rope" in str(theirs.config) else 1e-9)
    mine.square().mean().backward()
    expected.square().mean().backward()
    torch.testing.assert_close(
        ours.embedding.weight.grad, theirs.get_input_embeddings().weight.grad, rtol=1e-4, atol=1e-5
    )
    first = ours.blocks[0].down.weight.grad
    name = "transformer.h.0.mlp.c_proj.weight" if family is GPT2 else "model.layers.0.mlp.down_proj.weight"
    other = dict(theirs.named_parameters())[name].grad
    torch.testing.assert_close(first, other.T if family is GPT2 else other, rtol=1e-4, atol=1e-5)


def test_padding_is_not_seen(pair: tuple[Any, Any, Path]) -> None:
    theirs, family, folder = pair
    ours = family.from_pretrained(folder)
    ids, kept = tokens(2, 12), torch.tensor([[1] * 12, [1] * 7 + [0] * 5])
    mine, expected = ours(ids, attention_mask=kept), theirs(ids, attention_mask=kept).logits
    for row, length in ((0, 12), (1, 7)):
        torch.testing.assert_close(mine[row, :length], expected[row, :length], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(mine[1, :7], ours(ids[1:, :7])[0], rtol=1e-4, atol=1e-5)


def test_what_we_write_they_read_and_we_read_bit_for_bit(pair: tuple[Any, Any, Path], tmp_path: Path) -> None:
    theirs, family, folder = pair
    ours = family.from_pretrained(folder)
    ours.save_pretrained(tmp_path / "again")
    back = type(theirs).from_pretrained(tmp_path / "again", attn_implementation="eager").eval()
    ids = tokens(2, 9)
    assert torch.equal(back(ids).logits, theirs(ids).logits)
    again = family.from_pretrained(tmp_path / "again")
    assert again.config == ours.config
    for name, one in ours.state_dict().items():
        assert torch.equal(one, again.state_dict()[name]), name
    assert not list((tmp_path / "again").glob("*.new"))


def test_shards_are_read_and_a_missing_one_is_named(tmp_path: Path) -> None:
    theirs, family = llama_pair(tmp_path / "whole", "grouped")
    theirs.save_pretrained(tmp_path / "shards", max_shard_size="4KB")
    shards = sorted((tmp_path / "shards").glob("*.safetensors"))
    assert len(shards) > 2
    one, two = (family.from_pretrained(tmp_path / name) for name in ("whole", "shards"))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    shards[1].unlink()
    with pytest.raises(CheckpointError, match=shards[1].name):
        family.from_pretrained(tmp_path / "shards")


def test_names_go_there_and_back_and_others_stay(tmp_path: Path) -> None:
    theirs, _ = llama_pair(tmp_path, "grouped")
    state = dict(theirs.state_dict())
    ours = rename_checkpoint(state)
    assert set(ours) == set(Llama.from_pretrained(tmp_path).state_dict())
    assert to_hub_names(ours).keys() == state.keys()
    assert all(to_hub_names(ours)[name] is one for name, one in state.items())
    others = ["adapter", "input_layernorm.weight", "model.layers.0.lm_head.weight", "model.layers.0.norm.weight"]
    assert list(rename_checkpoint(dict.fromkeys(others, torch.zeros(1)))) == others
    assert rename_checkpoint({"model.layers.3.self_attn.rotary_emb.inv_freq": torch.zeros(1)}) == {}


def test_a_model_in_the_place_of_ours_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs, _ = llama_pair(tmp_path, "llama3 scaling")

    class Mine(torch.nn.Module):
        def __init__(self, config: LlamaConfig) -> None:
            super().__init__()
            inner = Llama(config)
            self.embedding, self.blocks, self.norm, self.head = inner.embedding, inner.blocks, inner.norm, inner.head
            object.__setattr__(self, "inner", inner)

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            result: torch.Tensor = object.__getattribute__(self, "inner")(ids)
            return result

    monkeypatch.setattr("groundup.stack.models.llama.Llama", Mine)
    ids = tokens(2, 9)
    torch.testing.assert_close(load_pretrained(tmp_path)(ids), theirs(ids).logits, rtol=1e-4, atol=1e-5)


# ── wrong checkpoints ────────────────────────────────────────────────────────


def edited(folder: Path, change: Any) -> Path:
    llama_pair(folder, "grouped")
    path = folder / "model.safetensors"
    weights = load_file(path)
    change(weights)
    save_file(weights, path, metadata={"format": "pt"})
    return folder


def test_a_wrong_checkpoint_names_the_tensor_and_both_shapes(tmp_path: Path) -> None:
    def reshape(weights: Any) -> None:
        weights["model.layers.1.mlp.up_proj.weight"] = torch.zeros(5, 16)

    with pytest.raises(CheckpointError, match=r"blocks.1.up.weight has shape \(5, 16\), and should have \(24, 16\)"):
        Llama.from_pretrained(edited(tmp_path / "shape", reshape))
    with pytest.raises(CheckpointError, match=r"norm.weight \(16,\) is missing"):
        Llama.from_pretrained(edited(tmp_path / "missing", lambda weights: weights.pop("model.norm.weight")))
    with pytest.raises(CheckpointError, match=r"adapter \(2,\) is not known"):
        Llama.from_pretrained(edited(tmp_path / "more", lambda weights: weights.update(adapter=torch.zeros(2))))


def test_a_broken_folder_says_what_is_wrong(tmp_path: Path) -> None:
    llama_pair(tmp_path, "full")
    path = tmp_path / "model.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match="cut off"):
        Llama.from_pretrained(tmp_path)
    path.unlink()
    with pytest.raises(CheckpointError, match="neither"):
        Llama.from_pretrained(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match="cannot be read"):
        Llama.from_pretrained(tmp_path)
    (tmp_path / "config.json").unlink()
    with pytest.raises(CheckpointError, match=r"no config\.json"):
        Llama.from_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match="no folder"):
        Llama.from_pretrained(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("family", "change", "words"),
    [
        (Llama, {"model_type": "mistral"}, "model_type is 'mistral'"),
        (Llama, {"hidden_act": "gelu"}, "hidden_act 'gelu'"),
        (Llama, {"attention_bias": True}, "attention_bias"),
        (Llama, {"rope_parameters": None, "rope_scaling": {"rope_type": "yarn", "factor": 2.0}}, "'yarn'"),
        (GPT2, {"activation_function": "relu"}, "activation_function 'relu'"),
        (GPT2, {"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx"),
        (GPT2, {"model_type": "gptj"}, "model_type is 'gptj'"),
    ],
)
def test_what_is_not_computed_is_refused_by_name(family: Any, change: Any, words: str, tmp_path: Path) -> None:
    gpt2_pair(tmp_path) if family is GPT2 else llama_pair(tmp_path, "full")
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(CheckpointError, match=words):
        family.from_pretrained(tmp_path)


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_whole(path, b"old")

    def full_disk(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"


# ── our own GPT ──────────────────────────────────────────────────────────────


def test_our_gpt_is_a_llama(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = GPT(vocab=37, dim=24, heads=3, layers=2, context=20)
    other = Llama(LlamaConfig.from_hub(llama_config(model)))
    other.load_state_dict(model.state_dict())
    ids = torch.randint(37, (2, 11))
    assert torch.equal(model(ids), other(ids))
    other.save_pretrained(tmp_path)
    theirs = transformers.LlamaForCausalLM.from_pretrained(tmp_path)
    torch.testing.assert_close(theirs(ids).logits, model(ids), rtol=1e-4, atol=1e-5)
    assert set(to_hub_names(model.state_dict())) <= set(theirs.state_dict())


def test_the_future_is_not_seen_and_sizes_are_counted() -> None:
    torch.manual_seed(0)
    model = GPT(vocab=37, dim=24, heads=3, layers=2, context=20)
    ids = torch.randint(37, (1, 12))
    changed = ids.clone()
    changed[0, 8:] = (changed[0, 8:] + 1) % 37
    one, two = model(ids), model(changed)
    assert torch.equal(one[0, :8], two[0, :8])
    assert not torch.equal(one[0, 8:], two[0, 8:])
    hidden = 64  # 8 / 3 of 24
    assert count_parameters(model) == 37 * 24 + 2 * (4 * 24 * 24 + 3 * 24 * hidden + 2 * 24) + 24
    assert model.flops_per_token() == 6 * (37 * 24 + 2 * (4 * 24 * 24 + 3 * 24 * hidden)) + 12 * 2 * 24 * 20


def test_a_fresh_gpt_knows_nothing_and_can_learn() -> None:
    torch.manual_seed(0)
    model = GPT(vocab=37, dim=24, heads=3, layers=2, context=20)
    ids = torch.randint(37, (4, 20))
    loss = torch.nn.functional.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
    assert loss.item() == pytest.approx(torch.tensor(37.0).log().item(), abs=0.1)
    loss.backward()
    assert all(one.grad is not None and one.grad.abs().sum() > 0 for one in model.parameters())
