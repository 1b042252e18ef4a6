"""Decoders against transformers: hidden states, attentions, logits, loss, every gradient, cache, weights both ways.

Everything is compared in double precision. Theirs computes norms, softmaxes and losses in single precision whatever the
model is; while a test runs, what they name float32 is float64 (see ``their_doubles``), so that 1e-9 can be asked for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from groundup.stack.inference import generate, generate_cached
from groundup.stack.models import gpt1, gpt2, gpt3, hybrid, llama, mamba, mistral
from groundup.stack.models.checkpoints import CheckpointError
from groundup.stack.models.families import IGNORED, load

transformers = pytest.importorskip("transformers")

Weights = Mapping[str, torch.Tensor]
LLAMA_SIZES = {
    "vocab_size": 61, "hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 3, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 64, "pad_token_id": None, "bos_token_id": None,
    "eos_token_id": None, "rms_norm_eps": 1e-5,
}  # fmt: skip
NEO_SIZES = {
    "vocab_size": 61, "hidden_size": 24, "num_layers": 3, "num_heads": 4, "intermediate_size": 40,
    "max_position_embeddings": 64, "window_size": 4, "bos_token_id": None, "eos_token_id": None,
}  # fmt: skip
MAMBA_SIZES = {
    "vocab_size": 61, "hidden_size": 24, "num_hidden_layers": 3, "state_size": 5, "bos_token_id": None,
    "eos_token_id": None,
}  # fmt: skip
JAMBA_SIZES = {
    "vocab_size": 61, "hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 4, "num_attention_heads": 4,
    "num_key_value_heads": 2, "num_experts": 1, "attn_layer_period": 3, "attn_layer_offset": 1, "mamba_d_state": 5,
    "pad_token_id": None, "bos_token_id": None, "eos_token_id": None,
}  # fmt: skip


@dataclass
class Family:
    """A family as transformers has it: ``hub`` begins its classes' names, ``module`` is where they compute."""

    hub: str
    module: str
    sizes: dict[str, Any]
    renamed: Callable[[Weights], dict[str, torch.Tensor]]
    key: str
    """The Hub's name of a weight of the first layer that is (wide, narrow) or the other way round."""
    named: str
    head: str = "ForCausalLM"
    caches: bool = True
    pieces: bool = True
    """That theirs goes on from a cache with several tokens at once; where not, it forgets its state and begins anew."""
    refused: list[tuple[str, Any]] = field(default_factory=list)
    """Settings that are refused by their name."""


def a_llama(hub: str, refused: list[tuple[str, Any]], **more: Any) -> Family:
    sizes = {**LLAMA_SIZES, **more}
    key, named = "model.layers.0.mlp.up_proj.weight", "blocks.0.up.weight"
    usual = [("hidden_act", "gelu"), ("rope_parameters", {"rope_type": "yarn", "factor": 2.0})]
    return Family(hub, hub.lower(), sizes, llama.rename_checkpoint, key, named, refused=[*usual, *refused])


QWEN_REFUSED = [
    ("layer_types", ["sliding_attention", "full_attention", "full_attention"]),  # without a window
    ("layer_types", ["full_attention", "full_attention"]),
    ("layer_types", ["full_attention", "full_attention", "chunked_attention"]),
]
FAMILIES = {
    "llama": a_llama("Llama", [("attention_bias", True)], rope_theta=5000.0),
    "gpt 2": Family(
        "GPT2", "gpt2", {"vocab_size": 61, "n_positions": 40, "n_embd": 24, "n_layer": 3, "n_head": 4},
        gpt2.GPT2.ours, "transformer.h.0.mlp.c_fc.weight", "blocks.0.up.weight", head="LMHeadModel",
        refused=[("activation_function", "relu"), ("scale_attn_by_inverse_layer_idx", True)],
    ),
    "mistral": a_llama("Mistral", [("layer_types", ["full_attention"] * 3)], sliding_window=5),
    "mistral, wide heads": a_llama("Mistral", [], sliding_window=None, head_dim=10, tie_word_embeddings=True),
    "qwen 2": a_llama("Qwen2", QWEN_REFUSED, rope_theta=5000.0),
    "qwen 2, window above": a_llama(
        "Qwen2", [], use_sliding_window=True, sliding_window=4, max_window_layers=2, tie_word_embeddings=True
    ),
    "qwen 2, window below": a_llama(
        "Qwen2", [], use_sliding_window=True, sliding_window=3,
        layer_types=["sliding_attention", "full_attention", "sliding_attention"],
    ),
    "qwen 3": a_llama("Qwen3", [*QWEN_REFUSED, ("attention_bias", True)], head_dim=10),
    "qwen 3, window": a_llama("Qwen3", [], head_dim=8, use_sliding_window=True, sliding_window=4, max_window_layers=1),
    "gpt": Family(
        "OpenAIGPT", "openai", {"vocab_size": 61, "n_positions": 40, "n_embd": 24, "n_layer": 3, "n_head": 4},
        gpt1.GPT1.ours, "transformer.h.0.mlp.c_fc.weight", "blocks.0.up.weight", head="LMHeadModel", caches=False,
        refused=[("afn", "relu"), ("tie_word_embeddings", False)],
    ),
    "gpt neo": Family(
        "GPTNeo", "gpt_neo", {**NEO_SIZES, "attention_types": [[["global", "local"], 1], [["local"], 1]]},
        gpt3.GPTNeo.ours, "transformer.h.0.mlp.c_fc.weight", "blocks.0.up.weight",
        refused=[
            ("activation_function", "relu"), ("tie_word_embeddings", False), ("attention_types", [[["global"], 2]]),
            ("attention_types", [[["global", "far"], 1], [["local"], 1]]),
        ],
    ),
    "gpt neo, all global": Family(
        "GPTNeo", "gpt_neo", {**NEO_SIZES, "attention_types": [[["global"], 3]], "intermediate_size": None},
        gpt3.GPTNeo.ours, "transformer.h.0.mlp.c_fc.weight", "blocks.0.up.weight",
    ),
    "mamba": Family(
        "Mamba", "mamba", MAMBA_SIZES, mamba.NAMES.ours,
        "backbone.layers.0.mixer.x_proj.weight", "blocks.0.mixer.select.weight",
        refused=[
            ("hidden_act", "gelu"), ("tie_word_embeddings", False), ("intermediate_size", 40), ("expand", 1.5),
        ],
        pieces=False,
    ),
    "mamba, other sizes": Family(
        "Mamba", "mamba",
        {**MAMBA_SIZES, "use_bias": True, "use_conv_bias": False, "expand": 3, "conv_kernel": 3, "time_step_rank": 5},
        mamba.NAMES.ours, "backbone.layers.0.mixer.x_proj.weight", "blocks.0.mixer.select.weight", pieces=False,
    ),
    "jamba": Family(
        "Jamba", "jamba", JAMBA_SIZES, hybrid.NAMES.ours,
        "model.layers.0.feed_forward.up_proj.weight", "blocks.0.up.weight",
        refused=[("hidden_act", "gelu"), ("num_experts", 4)], pieces=False,
    ),
    "jamba, other sizes": Family(
        "Jamba", "jamba",
        {
            **JAMBA_SIZES, "attn_layer_period": 2, "attn_layer_offset": 0, "mamba_proj_bias": True,
            "mamba_conv_bias": False, "mamba_dt_rank": 3, "tie_word_embeddings": True, "mamba_d_conv": 3,
        },
        hybrid.NAMES.ours, "model.layers.0.feed_forward.up_proj.weight", "blocks.0.up.weight", pieces=False,
    ),
}  # fmt: skip
ONE_EACH = list({one.hub: name for name, one in reversed(FAMILIES.items())}.values())


class _Doubles(ModuleType):
    """PyTorch, but its float32 is float64."""

    float32 = torch.float64

    def __getattr__(self, name: str) -> Any:
        return getattr(torch, name)


@pytest.fixture(autouse=True)
def their_doubles(monkeypatch: pytest.MonkeyPatch) -> None:
    for one in {family.module for family in FAMILIES.values()}:
        module = getattr(transformers.models, one)
        monkeypatch.setattr(getattr(module, f"modeling_{one}"), "torch", _Doubles("torch"))
    single = torch.Tensor.float
    # Whole numbers, positions that is, keep becoming single precision: the angles of rotary positions have it here too.
    doubled = lambda x: x.double() if x.is_floating_point() else single(x)  # noqa: E731
    monkeypatch.setattr(torch.Tensor, "float", doubled)


def write_theirs(name: str, folder: Path, **more: Any) -> Any:
    """A tiny random model of transformers', written by itself."""
    torch.manual_seed(0)
    family = FAMILIES[name]
    config = getattr(transformers, f"{family.hub}Config")(**{**family.sizes, **more})
    model = getattr(transformers, family.hub + family.head)._from_config(config, attn_implementation="eager").eval()
    with torch.no_grad():
        for one in model.parameters():
            one.add_(torch.randn_like(one) * 0.2)
    model.save_pretrained(folder)
    return model


@pytest.fixture(params=FAMILIES)
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Any, Any, Family]:
    """Theirs and ours, in double precision."""
    theirs = write_theirs(request.param, tmp_path).double()
    return theirs, load(tmp_path, dtype=torch.float64), FAMILIES[request.param]


def tokens(*shape: int) -> torch.Tensor:
    return torch.randint(61, shape, generator=torch.Generator().manual_seed(3))


def padded() -> torch.Tensor:
    """(3, 13): a whole text, one with padding behind, and one with padding before and a hole."""
    kept = torch.ones(3, 13, dtype=torch.int64)
    kept[1, 8:] = 0
    kept[2, :3] = kept[2, 7] = 0
    return kept


def close(mine: torch.Tensor, theirs: torch.Tensor, about: str) -> None:
    assert mine.dtype == theirs.dtype == torch.float64, about
    torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-9, msg=lambda told: f"{about}: {told}")


@pytest.mark.parametrize("masked", [False, True], ids=["whole", "padded"])
def test_all_that_theirs_computes_and_every_gradient(pair: tuple[Any, Any, Family], masked: bool) -> None:
    theirs, ours, family = pair
    ids, kept = tokens(3, 13), padded() if masked else torch.ones(3, 13, dtype=torch.int64)
    real = kept.bool()
    labels = torch.where(real & (ids % 5 != 0), ids, IGNORED)
    mask = kept if masked else None
    mine = ours(ids, attention_mask=mask, labels=labels, attentions=True)
    expected = theirs(
        ids, attention_mask=mask, labels=labels, output_hidden_states=True, output_attentions=True,
    )  # fmt: skip
    close(mine.hidden[real], expected.hidden_states[-1][real], "hidden")
    close(mine.logits[real], expected.logits[real], "logits")
    for weights, their_weights in zip(mine.attentions, expected.get("attentions") or (), strict=True):
        rows = real[:, None, :, None].expand_as(weights)
        close(weights[rows], their_weights[rows], "attention")
    # Theirs predicts words after the padding before a text too; only what real tokens predict is compared.
    followed = labels[:, 1:].masked_fill(~real[:, :-1], IGNORED)
    losses = [
        torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), followed.flatten())
        for logits in (mine.logits, expected.logits)
    ]
    if not masked:
        close(mine.loss, expected.loss, "loss")
        losses = [mine.loss, expected.loss]
    for loss in losses:
        loss.backward()
    grads = family.renamed({name: one.grad for name, one in theirs.named_parameters()})
    found = dict(ours.model.named_parameters())
    assert found.keys() == grads.keys()
    for name, one in found.items():
        close(one.grad, grads[name], name)


def test_a_cache_changes_nothing_within_a_window_and_across_its_edge(pair: tuple[Any, Any, Family]) -> None:
    theirs, ours, family = pair
    ids = tokens(3, 13)
    whole = ours(ids).logits
    for cuts in ((0, 4, 5, 9, 10, 13), range(14), (0, 2, 13), (0, *range(6, 14))):
        cache, their_cache, steps = ours.new_cache(3, 13), None, list(pairwise(cuts))
        beside = family.caches and (family.pieces or all(end - begin == 1 for begin, end in steps[1:]))
        for begin, end in steps:
            mine = ours(ids[:, begin:end], cache=cache).logits
            close(mine, whole[:, begin:end], f"{begin} to {end}")
            if beside:
                told = theirs(ids[:, begin:end], cache=their_cache, use_cache=True)
                close(mine, told.logits, f"theirs, {begin} to {end}")
                their_cache = told.cache
        assert cache.length == 13


def test_greedy_generation_is_theirs(pair: tuple[Any, Any, Family]) -> None:
    theirs, ours, _ = pair
    ids = tokens(2, 4)
    mine = generate_cached(ours.model, ids, 12)
    expected = theirs.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=12, do_sample=False, pad_token_id=0
    )
    assert torch.equal(mine, expected)
    assert torch.equal(mine, generate(ours.model, ids, 12, lambda logits: logits.argmax(-1)))


@pytest.mark.parametrize("name", FAMILIES)
def test_what_we_write_they_read_and_we_read_bit_for_bit(name: str, tmp_path: Path) -> None:
    theirs = write_theirs(name, tmp_path)
    ours = load(tmp_path)
    ours.save_pretrained(tmp_path / "again")
    back, told = type(theirs).from_pretrained(tmp_path / "again", attn_implementation="eager", output_loading_info=True)
    assert not told["missing_keys"]
    assert not told["unexpected_keys"]
    ids = tokens(3, 13)
    assert torch.equal(back.eval()(ids).logits, theirs(ids).logits)
    again = load(tmp_path / "again")
    assert again.config == ours.config
    assert again.state_dict().keys() == ours.state_dict().keys()
    assert all(torch.equal(one, again.state_dict()[key]) for key, one in ours.state_dict().items())


@pytest.mark.parametrize("name", FAMILIES)
def test_the_future_is_not_seen_and_the_past_is(name: str, tmp_path: Path) -> None:
    write_theirs(name, tmp_path)
    ours = load(tmp_path, dtype=torch.float64)
    ids = tokens(1, 13)
    before = ours(ids).hidden
    for place in (0, 6, 12):
        changed = ids.clone()
        changed[0, place] = (changed[0, place] + 1) % 61
        after = ours(changed).hidden
        assert torch.equal(after[:, :place], before[:, :place])
        assert not torch.isclose(after[:, place:], before[:, place:]).all(-1)[:, :2].any(), (
            "nor is it forgotten at once"
        )


@pytest.mark.parametrize("name", ONE_EACH)
def test_a_wrong_checkpoint_names_key_and_shapes(name: str, tmp_path: Path) -> None:
    family = FAMILIES[name]
    write_theirs(name, tmp_path)
    file = tmp_path / "model.safetensors"
    whole = load_file(file)
    shape = tuple(load(tmp_path).model.state_dict()[family.named].shape)
    save_file({key: one for key, one in whole.items() if key != family.key}, file)
    with pytest.raises(CheckpointError, match=rf"{family.named} \({shape[0]}, {shape[1]}\) is missing"):
        load(tmp_path)
    save_file({**whole, family.key: torch.zeros(7, 7)}, file)
    with pytest.raises(CheckpointError, match=rf"\(7, 7\), and should have \({shape[0]}, {shape[1]}\)"):
        load(tmp_path)
    save_file({**whole, "some.new.weight": torch.zeros(2)}, file)
    with pytest.raises(CheckpointError, match=r"new.*\(2,\) is not known"):
        load(tmp_path)
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match=r"model\.safetensors cannot be read"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("name", "setting", "value"),
    [(name, setting, value) for name, one in FAMILIES.items() for setting, value in one.refused],
)
def test_what_is_not_computed_is_refused_by_name(name: str, setting: str, value: Any, tmp_path: Path) -> None:
    write_theirs(name, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, setting: value}))
    with pytest.raises(CheckpointError, match="yarn" if setting == "rope_parameters" else setting):
        load(tmp_path)


def test_a_window_begins_at_the_layer_that_the_settings_say(tmp_path: Path) -> None:
    name = "qwen 2, window above"
    write_theirs(name, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    assert load(tmp_path).config.windows == (0, 0, 4)
    del config["layer_types"]  # as in the files that Qwen's makers wrote
    for first, windows in ((0, (4, 4, 4)), (1, (0, 4, 4)), (2, (0, 0, 4)), (3, ())):
        (tmp_path / "config.json").write_text(json.dumps({**config, "max_window_layers": first}))
        assert load(tmp_path).config.windows == windows
        their_kinds = transformers.AutoConfig.from_pretrained(tmp_path).layer_types
        assert [bool(one) for one in windows or (0, 0, 0)] == [kind == "sliding_attention" for kind in their_kinds]


def test_a_model_in_the_place_of_ours_is_not_given_a_window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_theirs("mistral", tmp_path)
    monkeypatch.setattr(llama, "Llama", type("Mine", (torch.nn.Module,), {}))
    with pytest.raises(CheckpointError, match="sliding window, which Mine does not compute"):
        mistral.Mistral.from_pretrained(tmp_path)
    with pytest.raises(ValueError, match="one a layer"):
        mistral.MistralConfig(61, 24, 3, 4, 40, windows=(5, 5))
    with pytest.raises(ValueError, match="one window"):
        mistral.MistralConfig(61, 24, 3, 4, 40, windows=(5, 5, 6)).to_hub()


@pytest.mark.parametrize("wide", [True, False])
def test_mamba_sums_in_single_precision_where_its_weights_are_of_half(wide: bool, tmp_path: Path) -> None:
    write_theirs("mamba", tmp_path, residual_in_fp32=wide)
    ours = load(tmp_path, dtype=torch.bfloat16)
    x = torch.randn(1, 5, 24, generator=torch.Generator().manual_seed(0)).bfloat16()
    assert ours.model.blocks[0](x, None, None, 0).dtype == (torch.float32 if wide else torch.bfloat16)
    cache = ours.new_cache(1, 5)
    ids = tokens(1, 5)
    half, exact = ours(ids, cache=cache), load(tmp_path, dtype=torch.float64)(ids)
    assert half.logits.dtype == torch.bfloat16
    assert [one.dtype for one in cache.states] == [torch.float32] * 3
    spread = exact.logits.std()
    assert (half.logits.double() - exact.logits).abs().mean() < 0.03 * spread  # 8 bits: 2^-8 a rounding
