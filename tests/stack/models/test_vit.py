"""ViT against transformers: hidden states, attentions, logits, losses, gradients, other sizes, weights both ways."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional

from groundup.stack.models import vit
from groundup.stack.models.checkpoints import CheckpointError
from groundup.stack.models.families import load

transformers = pytest.importorskip("transformers")

SIZES: dict[str, Any] = {
    "hidden_size": 24, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 40, "num_labels": 5,
}  # fmt: skip
KINDS: dict[str, dict[str, Any]] = {
    "square": {"image_size": 24, "patch_size": 6},
    "wide": {"image_size": [18, 32], "patch_size": [6, 5], "num_channels": 2},  # 2 columns of pixels are left over
    "no biases, tanh gelu": {
        "image_size": 20, "patch_size": 5, "num_channels": 1, "qkv_bias": False, "hidden_act": "gelu_pytorch_tanh",
        "layer_norm_eps": 1e-3,
    },
}  # fmt: skip
HEADS = {"ViTModel": vit.ViTModel, "ViTForImageClassification": vit.ImageClassifier}
PAIRS = [(kind, head) for kind in KINDS for head in HEADS]


def write_theirs(kind: str, head: str, folder: Path, **more: Any) -> Any:
    """A tiny random model of transformers', written by itself."""
    torch.manual_seed(0)
    config = transformers.ViTConfig(**{**SIZES, **KINDS[kind], **more})
    model = getattr(transformers, head)._from_config(config, attn_implementation="eager").eval()
    with torch.no_grad():
        for one in model.parameters():
            one.add_(torch.randn_like(one) * 0.2)
    model.save_pretrained(folder)
    return model


def images(model: Any, n: int = 3) -> torch.Tensor:
    height, width = model.encoder.embedding.image
    draw = torch.Generator().manual_seed(2)
    return torch.randn(n, model.config.channels, height, width, generator=draw, dtype=torch.float64)


@pytest.fixture(autouse=True)
def softmax_in_double(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their attention takes its softmax in single precision, even that of a model in double."""
    monkeypatch.setattr(functional, "softmax", lambda x, dim, dtype=None: torch.softmax(x, dim))


@pytest.fixture(params=PAIRS, ids=lambda pair: f"{pair[0]} {pair[1]}")
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Any, Any, Path]:
    kind, head = request.param
    return write_theirs(kind, head, tmp_path), HEADS[head], tmp_path


def close(mine: torch.Tensor, theirs: torch.Tensor, about: str = "") -> None:
    torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-9, msg=lambda told: f"{about}: {told}")


def compare_gradients(ours: Any, theirs: Any) -> None:
    """Each of our weights has one of theirs that is equal to it bit for bit; their gradients are compared."""
    rest = dict(theirs.named_parameters())
    for name, one in ours.named_parameters():
        same = [key for key, other in rest.items() if one.shape == other.shape and torch.equal(one, other)]
        assert len(same) == 1, (name, same)
        other = rest.pop(same[0])
        assert (one.grad is None) == (other.grad is None), name
        if one.grad is not None:
            assert one.grad.abs().sum() > 0, name
            close(one.grad, other.grad, f"{name}, {same[0]}")
    assert not rest


def compare(ours: Any, theirs: Any, pixels: torch.Tensor, interpolate: bool = False) -> None:
    bare = type(ours) is vit.ViTModel
    labels = None if bare else torch.tensor([4, 0, 2])
    mine = ours(pixels=pixels, labels=labels, attentions=True, interpolate=interpolate)
    about = {"output_attentions": True, "interpolate_pos_encoding": interpolate}
    encoder = theirs if bare else theirs.vit
    close(mine.hidden, encoder(pixels, **about).last_hidden_state, "hidden")
    expected = theirs(pixels, **about, **({} if bare else {"labels": labels}))
    for weights, their_weights in zip(mine.attentions, expected.attentions, strict=True):
        close(weights, their_weights, "attention")
    if bare:
        close(mine.pooled, expected.pooler_output, "pooled")
        end = mine.hidden.square().mean() + mine.pooled.square().sum()
        their_end = expected.last_hidden_state.square().mean() + expected.pooler_output.square().sum()
    else:
        close(mine.logits, expected.logits, "logits")
        end, their_end = mine.loss, expected.loss
    close(end, their_end, "loss")
    end.backward()
    their_end.backward()
    compare_gradients(ours, theirs)


def test_every_head_computes_theirs_with_all_gradients(pair: tuple[Any, Any, Path]) -> None:
    theirs, head, folder = pair
    ours = head.from_pretrained(folder, dtype=torch.float64).eval()
    compare(ours, theirs.double(), images(ours))


@pytest.mark.parametrize("size", [(36, 30), (12, 48), (25, 24), (24, 24), (6, 6)])
@pytest.mark.parametrize("head", HEADS)
def test_positions_are_stretched_as_theirs(head: str, size: tuple[int, int], tmp_path: Path) -> None:
    theirs = write_theirs("square", head, tmp_path).double()
    ours = HEADS[head].from_pretrained(tmp_path, dtype=torch.float64).eval()
    pixels = torch.randn(3, 3, *size, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    compare(ours, theirs, pixels, interpolate=True)
    if size != (24, 24):
        with pytest.raises(ValueError, match=rf"\({size[0]}, {size[1]}\) pixels, this model's images \(24, 24\)"):
            ours(pixels)


def cubic(old: int, new: int) -> torch.Tensor:
    """(new, old): cubic convolution in one dimension (Keys 1981) with a = -0.75; beyond its ends a line goes on as its
    last value."""

    def weight(x: float) -> float:
        a, x = -0.75, abs(x)
        if x <= 1:
            return (a + 2) * x**3 - (a + 3) * x**2 + 1
        return a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a if x < 2 else 0.0

    matrix = torch.zeros(new, old, dtype=torch.float64)
    for one in range(new):
        place = (one + 0.5) * old / new - 0.5
        for near in range(math.floor(place) - 1, math.floor(place) + 3):
            matrix[one, min(max(near, 0), old - 1)] += weight(place - near)
    return matrix


def test_a_table_that_is_not_square_is_stretched_by_the_formula() -> None:
    """transformers takes every table for a square one."""
    embedding = vit.ImageEmbedding((24, 55), (6, 5), 1, 3).double()
    assert embedding.grid == (4, 11)
    with torch.no_grad():
        embedding.positions.normal_(generator=torch.Generator().manual_seed(0))
        for one in embedding.patches.parameters():
            one.zero_()
    found = embedding(torch.zeros(1, 1, 42, 35, dtype=torch.float64), interpolate=True)[0]
    assert found.shape == (1 + 7 * 7, 3)
    assert torch.equal(found[0], embedding.positions[0, 0])
    table = embedding.positions[0, 1:].unflatten(0, (4, 11))
    expected = torch.einsum("ri,cj,ijd->rcd", cubic(4, 7), cubic(11, 7), table)
    close(found[1:], expected.flatten(0, 1))


def test_patches_are_numbered_row_by_row_and_what_is_left_over_is_not_seen() -> None:
    embedding = vit.ImageEmbedding((7, 8), (3, 2), 2, 5, bias=False, batched=False).double()
    with torch.no_grad():
        embedding.positions.normal_()
        embedding.class_token.normal_()
    pixels = torch.randn(2, 2, 7, 8, dtype=torch.float64)
    found = embedding(pixels)
    assert embedding.grid == (2, 4)
    for row in range(2):
        for column in range(4):
            patch = pixels[:, :, 3 * row : 3 * row + 3, 2 * column : 2 * column + 2].flatten(1)
            place = 1 + 4 * row + column
            close(found[:, place], patch @ embedding.patches.weight.flatten(1).T + embedding.positions[place])
    close(found[:, 0], (embedding.class_token + embedding.positions[0]).expand(2, -1))
    changed = pixels.clone()
    changed[:, :, 6] = 100.0
    assert torch.equal(embedding(changed), found)


def test_what_we_write_they_read_and_we_read_bit_for_bit(pair: tuple[Any, Any, Path], tmp_path: Path) -> None:
    theirs, head, folder = pair
    ours = head.from_pretrained(folder).eval()
    ours.save_pretrained(tmp_path / "again")
    back, told = type(theirs).from_pretrained(tmp_path / "again", attn_implementation="eager", output_loading_info=True)
    assert not told["missing_keys"]
    assert not told["unexpected_keys"]
    pixels = images(ours).float()
    for one, other in zip(back.eval()(pixels).to_tuple(), theirs(pixels).to_tuple(), strict=True):
        assert torch.equal(one, other)
    again = load(tmp_path / "again")
    assert type(again) is head
    assert not again.training
    assert again.config == ours.config
    assert load_file(tmp_path / "again" / "model.safetensors").keys() == load_file(folder / "model.safetensors").keys()
    assert again.state_dict().keys() == ours.state_dict().keys()
    assert all(torch.equal(one, again.state_dict()[name]) for name, one in ours.state_dict().items())


def test_shards_are_read(tmp_path: Path) -> None:
    theirs = write_theirs("square", "ViTModel", tmp_path / "whole")
    theirs.save_pretrained(tmp_path / "shards", max_shard_size="20KB")
    assert len(list((tmp_path / "shards").glob("*.safetensors"))) > 2
    one, two = (load(tmp_path / name) for name in ("whole", "shards"))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


def test_fine_tuning_begins_with_the_encoder_and_a_new_head(tmp_path: Path) -> None:
    write_theirs("square", "ViTModel", tmp_path)
    bare = vit.ViTModel.from_pretrained(tmp_path)
    model = vit.ImageClassifier.from_pretrained(tmp_path, labels=7)
    for name, one in bare.encoder.state_dict().items():
        assert torch.equal(one, model.encoder.state_dict()[name])
    assert model.classes.weight.shape == (7, 24)
    assert model.classes.weight.std() > 0
    again = vit.ImageClassifier.from_pretrained(tmp_path, labels=7)
    assert not torch.equal(again.classes.weight, model.classes.weight)


def test_dropout_works_in_training_only(tmp_path: Path) -> None:
    for name in ("hidden_dropout_prob", "attention_probs_dropout_prob"):
        write_theirs("square", "ViTModel", tmp_path, **{name: 0.4})
        model = vit.ViTModel.from_pretrained(tmp_path).eval()
        pixels = images(model).float()
        assert torch.equal(model(pixels).hidden, model(pixels).hidden)
        model.train()
        assert not torch.equal(model(pixels).hidden, model(pixels).hidden), name


def test_pixels_that_do_not_fit_and_labels_without_a_head_are_refused(tmp_path: Path) -> None:
    write_theirs("square", "ViTModel", tmp_path)
    model = vit.ViTModel.from_pretrained(tmp_path)
    with pytest.raises(ValueError, match="no head"):
        model(torch.zeros(1, 3, 24, 24), labels=torch.tensor([1]))
    for shape in ((1, 2, 24, 24), (3, 24, 24)):
        with pytest.raises(ValueError, match=r"pixels must be \(batch, 3, height, width\): got"):
            model(torch.zeros(shape))


@pytest.mark.parametrize(
    ("setting", "value"),
    [("model_type", "deit"), ("hidden_act", "swish"), ("pooler_act", "relu"), ("pooler_output_size", 12),
     ("problem_type", "regression")],
)  # fmt: skip
def test_what_is_not_computed_is_refused_by_name(setting: str, value: Any, tmp_path: Path) -> None:
    write_theirs("square", "ViTModel", tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, setting: value}))
    with pytest.raises(CheckpointError, match=setting):
        vit.ViTModel.from_pretrained(tmp_path)


def test_a_wrong_checkpoint_names_key_and_shapes(tmp_path: Path) -> None:
    write_theirs("square", "ViTForImageClassification", tmp_path)
    file = tmp_path / "model.safetensors"
    whole = load_file(file)
    key = "vit.embeddings.patch_embeddings.projection.weight"
    save_file({name: one for name, one in whole.items() if name != key}, file)
    with pytest.raises(CheckpointError, match=r"encoder\.embedding\.patches\.weight \(24, 3, 6, 6\) is missing"):
        load(tmp_path)
    save_file({**whole, key: torch.zeros(24, 3, 5, 6)}, file)
    with pytest.raises(CheckpointError, match=r"has shape \(24, 3, 5, 6\), and should have \(24, 3, 6, 6\)"):
        load(tmp_path)
    save_file({**whole, "vit.encoder.layer.1.new.weight": torch.zeros(2)}, file)
    with pytest.raises(CheckpointError, match=r"layer\.1\.new\.weight \(2,\) is not known"):
        load(tmp_path)
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match=r"model\.safetensors cannot be read"):
        load(tmp_path)
