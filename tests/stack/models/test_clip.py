"""CLIP and its towers against transformers: states, features, logits, the loss, all gradients, weights both ways."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional

from groundup.stack.models import clip
from groundup.stack.models.checkpoints import CheckpointError
from groundup.stack.models.families import load
from groundup.stack.objectives.contrastive import clip_loss

transformers = pytest.importorskip("transformers")

TEXT: dict[str, Any] = {
    "vocab_size": 61, "hidden_size": 24, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 40,
    "max_position_embeddings": 30, "projection_dim": 18, "eos_token_id": 7, "bos_token_id": 6, "pad_token_id": 7,
}  # fmt: skip
IMAGE: dict[str, Any] = {
    "hidden_size": 20, "num_hidden_layers": 2, "num_attention_heads": 5, "intermediate_size": 28, "image_size": 24,
    "patch_size": 6, "projection_dim": 18,
}  # fmt: skip
KINDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "as now": ({}, {}),
    "before 4.31, gelu": (
        {"eos_token_id": 2, "hidden_act": "gelu", "layer_norm_eps": 1e-3, "pad_token_id": 1},
        {"hidden_act": "gelu", "layer_norm_eps": 1e-2, "num_channels": 1, "image_size": 20, "patch_size": 4},
    ),
}
MODELS = {
    "CLIPModel": clip.Clip,
    "CLIPTextModel": clip.ClipText,
    "CLIPTextModelWithProjection": clip.ClipTextFeatures,
    "CLIPVisionModel": clip.ClipImage,
    "CLIPVisionModelWithProjection": clip.ClipImageFeatures,
}
PAIRS = [(kind, name) for kind in KINDS for name in MODELS]


def write_theirs(kind: str, name: str, folder: Path) -> Any:
    """A tiny random model of transformers', written by itself."""
    torch.manual_seed(0)
    text, image = ({**sizes, **more} for sizes, more in zip((TEXT, IMAGE), KINDS[kind], strict=True))
    if name == "CLIPModel":
        config = transformers.CLIPConfig(text_config=text, vision_config=image, projection_dim=18)
    elif "Text" in name:
        config = transformers.CLIPTextConfig(**text)
    else:
        config = transformers.CLIPVisionConfig(**image)
    model = getattr(transformers, name)._from_config(config, attn_implementation="eager").eval()
    with torch.no_grad():
        for one in model.parameters():
            one.add_(torch.randn_like(one) * 0.2)
    model.save_pretrained(folder)
    return model


def texts(kind: str) -> dict[str, torch.Tensor]:
    """Three texts of 11 tokens, the second padded behind after 8, the third before its last 6; each has its end."""
    end, pad = (7, 7) if kind == "as now" else (60, 1)
    ids = torch.randint(8, 60, (3, 11), generator=torch.Generator().manual_seed(3))
    kept = torch.ones_like(ids)
    ids[0, 10] = ids[1, 7] = ids[2, 10] = end
    kept[1, 8:] = 0
    kept[2, :5] = 0
    ids[1, 8:] = pad
    ids[2, :5] = 9  # padding that looks like the end would be taken for it, as theirs does
    return {"ids": ids, "attention_mask": kept}


def images(kind: str, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    shape = (3, 3, 24, 24) if kind == "as now" else (3, 1, 20, 20)
    return torch.randn(shape, generator=torch.Generator().manual_seed(2), dtype=dtype)


def inputs(kind: str, name: str, dtype: torch.dtype = torch.float64) -> tuple[dict[str, Any], dict[str, Any]]:
    """What ours takes, and what theirs takes."""
    mine: dict[str, Any] = {}
    if "Vision" not in name:
        mine |= texts(kind)
    if "Text" not in name:
        mine |= {"pixels": images(kind, dtype)}
    renamed = {"ids": "input_ids", "pixels": "pixel_values"}
    return mine, {renamed.get(key, key): one for key, one in mine.items()}


@pytest.fixture(autouse=True)
def softmax_in_double(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their attention takes its softmax in single precision, even that of a model in double."""
    monkeypatch.setattr(functional, "softmax", lambda x, dim, dtype=None: torch.softmax(x, dim))


@pytest.fixture(params=PAIRS, ids=lambda pair: f"{pair[1]}, {pair[0]}")
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Any, str, str, Path]:
    kind, name = request.param
    return write_theirs(kind, name, tmp_path), kind, name, tmp_path


def close(mine: torch.Tensor, theirs: torch.Tensor, about: str = "") -> None:
    torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-9, msg=lambda told: f"{about}: {told}")


def compare_gradients(ours: Any, theirs: Any) -> None:
    """Each of our weights has one of theirs that is equal to it bit for bit; their gradients are compared."""
    rest = dict(theirs.named_parameters())
    for name, one in ours.named_parameters():
        same = [key for key, other in rest.items() if one.shape == other.shape and torch.equal(one, other)]
        assert len(same) == 1, (name, same)
        other = rest.pop(same[0])
        assert one.grad is not None, name
        assert one.grad.abs().sum() > 0, name
        close(one.grad, other.grad, f"{name}, {same[0]}")
    assert not rest


def compare_towers(mine: Any, expected: Any, real: torch.Tensor | None) -> None:
    """What a tower computes, at the places that are no padding."""
    states, their_states = mine.hidden, expected.last_hidden_state
    close(*((states, their_states) if real is None else (states[real], their_states[real])), "hidden")
    for weights, their_weights in zip(mine.attentions, expected.attentions, strict=True):
        if real is not None:
            rows = real[:, None, :, None].expand_as(weights)
            weights, their_weights = weights[rows], their_weights[rows]
        close(weights, their_weights, "attention")


def test_every_model_computes_theirs_with_all_gradients(pair: tuple[Any, str, str, Path]) -> None:
    theirs, kind, name, folder = pair
    theirs = theirs.double()
    ours = load(folder, dtype=torch.float64)
    given, their_given = inputs(kind, name)
    if name == "CLIPModel":
        mine = ours(**given, labels=torch.arange(3), attentions=True)
        expected = theirs(**their_given, return_loss=True, output_attentions=True)
        compare_towers(mine, expected.text_model_output, given["attention_mask"].bool())
        compare_towers(mine.image, expected.vision_model_output, None)
        close(mine.text_features, expected.text_embeds, "text features")
        close(mine.image_features, expected.image_embeds, "image features")
        close(mine.text.pooled, theirs.get_text_features(**_without(their_given, "pixel_values")).pooler_output)
        close(mine.image.pooled, theirs.get_image_features(their_given["pixel_values"]).pooler_output)
        close(mine.logits, expected.logits_per_image, "logits")
        end, their_end = mine.loss, expected.loss
    else:
        mine = ours(**given, attentions=True)
        expected = theirs(**their_given, output_attentions=True)
        compare_towers(mine, expected, given["attention_mask"].bool() if "ids" in given else None)
        projected = {"CLIPTextModelWithProjection": "text_embeds", "CLIPVisionModelWithProjection": "image_embeds"}
        pooled = getattr(expected, projected.get(name, "pooler_output"))
        close(mine.pooled, pooled, "pooled")
        end, their_end = mine.pooled.square().sum(), pooled.square().sum()
    close(end, their_end, "loss")
    end.backward()
    their_end.backward()
    compare_gradients(ours, theirs)


def _without(given: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: one for key, one in given.items() if key != name}


def test_images_of_another_size_are_theirs_where_asked_for(tmp_path: Path) -> None:
    theirs = write_theirs("as now", "CLIPModel", tmp_path).double()
    ours = load(tmp_path, dtype=torch.float64)
    given, their_given = inputs("as now", "CLIPModel")
    pixels = torch.randn(3, 3, 30, 18, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    given["pixels"] = their_given["pixel_values"] = pixels
    mine = ours(**given, interpolate=True).logits
    close(mine, theirs(**their_given, interpolate_pos_encoding=True).logits_per_image)
    with pytest.raises(ValueError, match=r"\(30, 18\) pixels, this model's images \(24, 24\)"):
        ours(**given)


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_is_read_at_its_end_and_sees_nothing_behind_it(kind: str, tmp_path: Path) -> None:
    write_theirs(kind, "CLIPTextModel", tmp_path)
    ours = load(tmp_path, dtype=torch.float64)
    ids = texts(kind)["ids"]
    changed = ids.clone()
    changed[1, 8:] = 11
    one, two = ours(ids[1:2]), ours(changed[1:2])
    assert torch.equal(one.pooled, two.pooled)
    assert not torch.equal(one.hidden, two.hidden)
    assert torch.equal(one.pooled, one.hidden[:, 7])
    changed[1, 6] = 12
    assert not torch.allclose(ours(changed[1:2]).pooled, one.pooled)
    if kind == "as now":
        with pytest.raises(ValueError, match="every text needs its end token, 7"):
            ours(torch.tensor([[8, 7], [8, 9]]))
    with pytest.raises(ValueError, match="31 tokens, the context of this model 30"):
        ours(torch.full((1, 31), 7))


def test_pairs_in_another_order_have_the_same_loss(tmp_path: Path) -> None:
    write_theirs("as now", "CLIPModel", tmp_path)
    ours = load(tmp_path, dtype=torch.float64)
    given, _ = inputs("as now", "CLIPModel")
    whole = ours(**given, labels=torch.arange(3))
    order = torch.tensor([2, 0, 1])
    given["pixels"] = given["pixels"][order]
    close(ours(**given, labels=order).loss, whole.loss)
    assert not torch.allclose(ours(**given, labels=order.argsort()).loss, whole.loss)
    close(clip_loss(whole.image.pooled, whole.text.pooled, ours.log_scale), whole.loss)
    for labels in (torch.tensor([0, 1, 1]), torch.tensor([0, 1])):
        with pytest.raises(ValueError, match=r"labels must name each text once: got \[0, 1"):
            ours(**given, labels=labels)


def test_what_we_write_they_read_and_we_read_bit_for_bit(pair: tuple[Any, str, str, Path], tmp_path: Path) -> None:
    theirs, kind, name, folder = pair
    ours = load(folder)
    ours.save_pretrained(tmp_path / "again")
    back, told = type(theirs).from_pretrained(tmp_path / "again", attn_implementation="eager", output_loading_info=True)
    assert not told["missing_keys"]
    assert not told["unexpected_keys"]
    theirs_has = dict(theirs.named_parameters())
    assert theirs_has.keys() == dict(back.named_parameters()).keys()
    assert all(torch.equal(one, theirs_has[key]) for key, one in back.named_parameters())
    given = inputs(kind, name, torch.float32)[1]
    with torch.no_grad():
        one, other = back.eval()(**given), theirs(**given)
    for key in ("logits_per_image", "pooler_output", "text_embeds", "image_embeds"):
        assert key not in other or torch.equal(one[key], other[key])
    again = load(tmp_path / "again")
    assert type(again) is MODELS[name]
    assert not again.training
    assert again.config == ours.config
    assert again.state_dict().keys() == ours.state_dict().keys()
    assert all(torch.equal(one, again.state_dict()[key]) for key, one in ours.state_dict().items())


@pytest.mark.parametrize("name", ["CLIPTextModel", "CLIPTextModelWithProjection", "CLIPVisionModelWithProjection"])
def test_a_tower_is_read_from_a_folder_of_both(name: str, tmp_path: Path) -> None:
    write_theirs("before 4.31, gelu", "CLIPModel", tmp_path)
    both, tower = load(tmp_path), MODELS[name].from_pretrained(tmp_path).eval()
    assert len(tower.state_dict()) > 16
    for key, one in tower.state_dict().items():
        assert torch.equal(one, both.state_dict()[key])
    file = tmp_path / "model.safetensors"
    save_file({**load_file(file), "text_model.new.weight": torch.zeros(2)}, file)
    with pytest.raises(CheckpointError, match=r"text_model\.new\.weight \(2,\) is not known"):
        MODELS[name].from_pretrained(tmp_path)


def test_old_files_and_old_configurations_are_read(tmp_path: Path) -> None:
    """With counters of positions among the weights, and with the settings of a tower under an older name."""
    write_theirs("as now", "CLIPModel", tmp_path)
    expected = load(tmp_path)
    file = tmp_path / "model.safetensors"
    counters = {f"{one}_model.embeddings.position_ids": torch.arange(5)[None] for one in ("text", "vision")}
    save_file({**load_file(file), **counters}, file)
    path = tmp_path / "config.json"
    config = json.loads(path.read_text())
    config["text_config_dict"] = {key: config["text_config"][key] for key in TEXT if key != "eos_token_id"}
    config["text_config"]["num_hidden_layers"] = 50
    config["vision_config_dict"] = None
    path.write_text(json.dumps(config))
    found = load(tmp_path)
    theirs = transformers.CLIPConfig.from_pretrained(tmp_path)
    assert found.config.text.layers == theirs.text_config.num_hidden_layers == 3
    assert found.config.text.end_id == theirs.text_config.eos_token_id == 49407
    assert all(torch.equal(one, found.state_dict()[key]) for key, one in expected.state_dict().items())


def test_what_a_configuration_leaves_out_is_what_transformers_takes(tmp_path: Path) -> None:
    for config, ours in (
        (transformers.CLIPTextConfig(), clip.TextConfig),
        (transformers.CLIPVisionConfig(), clip.ImageConfig),
        (transformers.CLIPConfig(), clip.ClipConfig),
    ):
        assert ours.from_hub({"model_type": config.model_type}) == ours.from_hub(config.to_dict())  # type: ignore[attr-defined]


def test_first_weights_are_as_wide_as_the_authors_have_them() -> None:
    torch.manual_seed(0)
    text = clip.TextConfig(dim=96, layers=3, heads=4, hidden=160, vocab=500, width=80)
    model = clip.Clip(clip.ClipConfig(text, clip.ImageConfig(dim=64, layers=2, heads=4, hidden=120), 80))
    for one, width in (
        (model.text.tokens.weight, 0.02),
        (model.text.blocks[1].q.weight, 96**-0.5),
        (model.text.blocks[1].down.weight, (6 * 96) ** -0.5),
        (model.image.blocks[1].up.weight, 128**-0.5),
        (model.image.blocks[1].o.weight, (4 * 64) ** -0.5),
        (model.image.embedding.positions, 64**-0.5),
        (model.image_projection.weight, 64**-0.5),
    ):
        # the deviation of n normal numbers is off by 1 / sqrt(2 n) of itself: five of that
        assert one.std().item() == pytest.approx(width, rel=5 / (2 * one.numel()) ** 0.5)
    assert not model.text.blocks[0].q.bias.any()
    assert model.log_scale.exp().item() == pytest.approx(1 / 0.07, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("CLIPTextModel", {"model_type": "siglip_text_model"}, "model_type"),
        ("CLIPTextModel", {"hidden_act": "swish"}, "hidden_act 'swish'"),
        ("CLIPTextModel", {"eos_token_id": [7, 8]}, r"eos_token_id = \[7, 8\]"),
        ("CLIPVisionModel", {"hidden_act": "swish"}, "hidden_act 'swish'"),
        ("CLIPModel", {"vision_config": {"model_type": "siglip_vision_model"}}, "'siglip_vision_model'"),
    ],
)
def test_what_is_not_computed_is_refused_by_name(
    name: str, change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    write_theirs("as now", name, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, **change}))
    with pytest.raises(CheckpointError, match=message):
        MODELS[name].from_pretrained(tmp_path)


def test_a_wrong_checkpoint_names_key_and_shapes(tmp_path: Path) -> None:
    write_theirs("as now", "CLIPModel", tmp_path)
    file = tmp_path / "model.safetensors"
    whole = load_file(file)
    key = "vision_model.embeddings.position_embedding.weight"
    save_file({name: one for name, one in whole.items() if name != key}, file)
    with pytest.raises(CheckpointError, match=r"image\.embedding\.positions \(17, 20\) is missing"):
        load(tmp_path)
    save_file({**whole, key: torch.zeros(20, 17)}, file)
    with pytest.raises(CheckpointError, match=r"has shape \(20, 17\), and should have \(17, 20\)"):
        load(tmp_path)
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match=r"model\.safetensors cannot be read"):
        load(tmp_path)
