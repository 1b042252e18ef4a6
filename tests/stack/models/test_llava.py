"""LLaVA against transformers: states, attentions, logits, loss, gradients, cache, generation, weights both ways."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional

from groundup.stack.models import llava
from groundup.stack.models.checkpoints import CheckpointError
from groundup.stack.models.families import IGNORED, load

transformers = pytest.importorskip("transformers")

IMAGE_ID = 60
IMAGE: dict[str, Any] = {
    "model_type": "clip_vision_model", "hidden_size": 20, "num_hidden_layers": 3, "num_attention_heads": 5,
    "intermediate_size": 28, "image_size": 12, "patch_size": 6,
}  # fmt: skip
TEXT: dict[str, Any] = {
    "model_type": "llama", "vocab_size": 61, "hidden_size": 24, "num_hidden_layers": 3, "num_attention_heads": 4,
    "num_key_value_heads": 2, "intermediate_size": 40, "max_position_embeddings": 50,
}  # fmt: skip
KINDS: dict[str, dict[str, Any]] = {
    "patches": {},
    "with the class token, first layer": {"vision_feature_select_strategy": "full", "vision_feature_layer": 1},
    "two layers, last, tied": {
        "vision_feature_layer": [0, -1], "multimodal_projector_bias": False, "projector_hidden_act": "relu",
        "tie_word_embeddings": True,
    },
}  # fmt: skip


def write_theirs(kind: str, folder: Path) -> Any:
    """A tiny random model of transformers', written by itself."""
    torch.manual_seed(0)
    tied = KINDS[kind].get("tie_word_embeddings", False)
    config = transformers.LlavaConfig(
        vision_config=IMAGE,
        text_config={**TEXT, "tie_word_embeddings": tied},
        image_token_index=IMAGE_ID,
        **KINDS[kind],
    )
    model = transformers.LlavaForConditionalGeneration._from_config(config, attn_implementation="eager").eval()
    with torch.no_grad():
        for one in model.parameters():
            one.add_(torch.randn_like(one) * 0.2)
    model.save_pretrained(folder)
    return model


def texts(patches: int, before: bool = False) -> dict[str, torch.Tensor]:
    """Three texts, of two images, one, and none, the shorter ones padded behind or before."""
    image = [IMAGE_ID] * patches
    whole = [[5, 9, *image, 11, *image, 8, 21], [*image, 30, 31, 32], [17, 18, 19, 20, 22, 23]]
    longest = max(len(one) for one in whole)
    ids, kept = [], []
    for one in whole:
        pad = longest - len(one)
        ids.append([3] * pad + one if before else one + [3] * pad)
        kept.append([0] * pad + [1] * len(one) if before else [1] * len(one) + [0] * pad)
    return {"ids": torch.tensor(ids), "attention_mask": torch.tensor(kept)}


def pictures(n: int = 3) -> torch.Tensor:
    return torch.randn(n, 3, 12, 12, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


@pytest.fixture(autouse=True)
def all_in_double(monkeypatch: pytest.MonkeyPatch) -> None:
    """Theirs takes softmax and RMS norms in single precision, even those of a model in double."""
    monkeypatch.setattr(functional, "softmax", lambda x, dim, dtype=None: torch.softmax(x, dim))
    norm = transformers.models.llama.modeling_llama.LlamaRMSNorm
    monkeypatch.setattr(
        norm, "forward", lambda self, x: functional.rms_norm(x, x.shape[-1:], self.weight, self.variance_epsilon)
    )


@pytest.fixture(params=KINDS)
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Any, Any, Path]:
    theirs = write_theirs(request.param, tmp_path).double()
    return theirs, load(tmp_path, dtype=torch.float64), tmp_path


def close(mine: torch.Tensor, theirs: torch.Tensor, about: str = "", atol: float = 1e-9) -> None:
    torch.testing.assert_close(mine, theirs, rtol=0, atol=atol, msg=lambda told: f"{about}: {told}")


def compare_gradients(ours: Any, theirs: Any) -> None:
    """Each of our weights has one of theirs that is equal to it bit for bit; their gradients are compared."""
    rest, compared = dict(theirs.named_parameters()), 0
    for name, one in ours.named_parameters():
        same = [key for key, other in rest.items() if one.shape == other.shape and torch.equal(one, other)]
        assert len(same) == 1, (name, same)
        other = rest.pop(same[0])
        if one.grad is None or other.grad is None:  # what of the images' tower comes after the last layer that is shown
            assert name.startswith("image."), name
            assert all(grad is None or not grad.any() for grad in (one.grad, other.grad)), name
        else:
            close(one.grad, other.grad, f"{name}, {same[0]}")
            compared += bool(one.grad.any())
    assert not rest
    assert compared >= 3 * 9 + 2 + 2 + 4  # decoder, its ends, projector, what the tower's first block takes


@pytest.mark.parametrize("before", [False, True], ids=["padded behind", "padded before"])
def test_images_in_texts_are_theirs_with_all_gradients(pair: tuple[Any, Any, Path], before: bool) -> None:
    theirs, ours, _ = pair
    given, pixels = texts(ours.config.patches, before), pictures()
    ids, kept = given["ids"], given["attention_mask"]
    follows = functional.pad(kept[:, :-1], (1, 0))  # what padding says of the first token behind it does not count
    labels = torch.where((ids == IMAGE_ID) | (kept * follows == 0), IGNORED, ids)
    mine = ours(ids, pixels=pixels, attention_mask=kept, labels=labels, attentions=True)
    expected = theirs(
        input_ids=ids, pixel_values=pixels, attention_mask=kept, labels=labels, output_attentions=True,
        output_hidden_states=True,
    )  # fmt: skip
    real = kept.bool()
    close(mine.hidden[real], expected.hidden_states[-1][real], "hidden")
    assert len(mine.attentions) == TEXT["num_hidden_layers"]
    for weights, their_weights in zip(mine.attentions, expected.attentions, strict=True):
        rows = real[:, None, :, None].expand_as(weights)
        close(weights[rows], their_weights[rows], "attention")
    close(mine.logits[real], expected.logits[real], "logits")
    # their loss is computed in single precision, whatever the model is
    torch.testing.assert_close(mine.loss, expected.loss.double(), rtol=0, atol=1e-6)
    their_loss = functional.cross_entropy(expected.logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())
    close(mine.loss, their_loss, "loss")
    mine.loss.backward()
    their_loss.backward()
    compare_gradients(ours, theirs)


def test_what_an_image_shows_is_theirs(pair: tuple[Any, Any, Path]) -> None:
    theirs, ours, _ = pair
    close(ours.image_features(pictures()), torch.stack(theirs.get_image_features(pictures()).pooler_output))


def test_a_text_without_an_image_is_the_decoders(pair: tuple[Any, Any, Path]) -> None:
    theirs, ours, _ = pair
    ids = torch.randint(60, (2, 9), generator=torch.Generator().manual_seed(0))
    mine = ours(ids, labels=ids)
    close(mine.logits, theirs(input_ids=ids).logits)
    close(mine.logits, ours.decoder(ids))
    assert torch.equal(mine.logits, ours(ids, pixels=pictures(0)).logits)


def test_every_image_stands_in_its_own_place(pair: tuple[Any, Any, Path]) -> None:
    _, ours, _ = pair
    given = texts(ours.config.patches)
    before = ours.embed(given["ids"], pictures())
    pixels = pictures()
    pixels[1] += 1.0  # the second image of the first text
    changed = (ours.embed(given["ids"], pixels) != before).any(-1)
    expected = torch.zeros_like(given["ids"], dtype=torch.bool)
    expected[0, 2 + ours.config.patches + 1 : 2 + 2 * ours.config.patches + 1] = True
    assert torch.equal(changed, expected)


def test_with_a_cache_parts_give_what_the_whole_gives(pair: tuple[Any, Any, Path]) -> None:
    _, ours, _ = pair
    p = ours.config.patches
    given, pixels = texts(p, before=True), pictures()
    ids, kept = given["ids"], given["attention_mask"]
    whole = ours(ids, pixels, kept).logits
    n, real = ids.shape[1], kept.bool()
    # After the first text's first image: its second one, and that of the second text, are in the second part.
    cuts = (0, 2 + p, n - 2, n - 1, n)
    shown = (pixels[:1], pixels[1:], None, None)
    cache, parts = ours.new_cache(3, n), []
    for begin, end, some in zip(cuts[:-1], cuts[1:], shown, strict=True):
        parts.append(ours(ids[:, begin:end], some, kept[:, :end], cache=cache).logits)
    close(torch.cat(parts, 1)[real], whole[real])


@pytest.mark.parametrize("before", [None, True], ids=["one length", "padded before"])
def test_greedy_generation_is_theirs(pair: tuple[Any, Any, Path], before: bool | None) -> None:
    theirs, ours, _ = pair
    given, pixels = texts(ours.config.patches, before=True), pictures()
    ids, kept = given["ids"], given["attention_mask"]
    if before is None:
        ids, kept, pixels = ids[:1], kept[:1], pixels[:2]
    theirs.generation_config.eos_token_id = None
    theirs.generation_config.pad_token_id = 3
    expected = theirs.generate(
        input_ids=ids, pixel_values=pixels, attention_mask=kept, max_new_tokens=9, do_sample=False
    )
    assert expected.shape == (len(ids), ids.shape[1] + 9)
    assert torch.equal(ours.generate(ids, 9, pixels, kept), expected)
    if before is None:
        assert torch.equal(ours.generate(ids, 9, pixels), expected)
    assert torch.equal(ours.generate(ids, 0, pixels, kept), ids)


def test_an_image_token_that_is_generated_stands_for_no_image(tmp_path: Path) -> None:
    theirs = write_theirs("patches", tmp_path).double()
    ours = load(tmp_path, dtype=torch.float64)
    ids = torch.tensor([[5, 9, 11, 8, 21]])
    with torch.no_grad():  # no other token is ever as likely
        for head in (ours.decoder.head.weight, theirs.lm_head.weight):
            head[IMAGE_ID] = 100 * ours(ids).hidden[0, -1]
    theirs.generation_config.eos_token_id = None
    expected = theirs.generate(input_ids=ids, max_new_tokens=5, do_sample=False)
    assert (expected[:, 5:] == IMAGE_ID).any()
    assert torch.equal(ours.generate(ids, 5), expected)


def test_the_image_token_may_lie_beyond_the_vocabulary(tmp_path: Path) -> None:
    write_theirs("patches", tmp_path)
    ours = load(tmp_path, dtype=torch.float64)
    ids = texts(4)["ids"]
    expected = ours(ids, pictures()).logits
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "image_token_index": 1000}))
    found = load(tmp_path, dtype=torch.float64)(torch.where(ids == IMAGE_ID, 1000, ids), pictures()).logits
    assert torch.equal(found, expected)


def test_images_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    write_theirs("patches", tmp_path)
    ours = load(tmp_path)
    ids = texts(4)["ids"]
    for pixels, message in (
        (None, "12 image tokens, and 0 images of 4 patches need 0"),
        (pictures(2), "12 image tokens, and 2 images of 4 patches need 8"),
    ):
        with pytest.raises(ValueError, match=message):
            ours(ids, pixels)
    with pytest.raises(ValueError, match=r"\(18, 12\) pixels, this model's images \(12, 12\)"):
        ours(ids, torch.zeros(3, 3, 18, 12))
    with pytest.raises(ValueError, match="51 tokens, the context of this model 50"):
        ours(torch.full((1, 51), 7))


def test_what_we_write_they_read_and_we_read_bit_for_bit(pair: tuple[Any, Any, Path], tmp_path: Path) -> None:
    theirs, _, folder = pair
    ours = load(folder)
    ours.save_pretrained(tmp_path / "again")
    back, told = type(theirs).from_pretrained(tmp_path / "again", attn_implementation="eager", output_loading_info=True)
    assert not told["missing_keys"]
    assert not told["unexpected_keys"]
    first = type(theirs).from_pretrained(folder, attn_implementation="eager")
    given = dict(first.named_parameters())
    assert given.keys() == dict(back.named_parameters()).keys()
    assert all(torch.equal(one, given[name]) for name, one in back.named_parameters())
    about = {"input_ids": texts(ours.config.patches)["ids"], "pixel_values": pictures().float()}
    with torch.no_grad():
        assert torch.equal(back.eval()(**about).logits, first.eval()(**about).logits)
    again = load(tmp_path / "again")
    assert type(again) is llava.Llava
    assert not again.training
    assert again.config == ours.config
    assert again.state_dict().keys() == ours.state_dict().keys()
    assert all(torch.equal(one, again.state_dict()[name]) for name, one in ours.state_dict().items())


def test_angles_keep_their_precision_whatever_the_weights_have(tmp_path: Path) -> None:
    write_theirs("patches", tmp_path)
    whole, half = load(tmp_path), load(tmp_path, dtype=torch.bfloat16)
    assert half.decoder.norm.weight.dtype == half.image.norm.weight.dtype == torch.bfloat16
    assert torch.equal(half.decoder.cos, whole.decoder.cos)
    assert torch.equal(half.decoder.sin, whole.decoder.sin)
    logits = half(texts(4)["ids"], pictures()).logits
    assert logits.dtype == torch.bfloat16
    assert logits.isfinite().all()


def test_names_of_later_files_are_read(pair: tuple[Any, Any, Path]) -> None:
    """Some versions of transformers write its modules' names as they are there."""
    theirs, ours, folder = pair
    state = {name: one.float().clone() for name, one in theirs.named_parameters()}
    state["model.vision_tower.embeddings.position_ids"] = torch.arange(5)[None]
    assert "model.language_model.layers.0.mlp.up_proj.weight" in state
    assert not state.keys() & load_file(folder / "model.safetensors").keys()
    if ours.config.text.tied:
        state["lm_head.weight"] = torch.zeros(61, 24)
    save_file(state, folder / "model.safetensors")
    again = load(folder, dtype=torch.float64)
    assert all(torch.equal(one, again.state_dict()[name]) for name, one in ours.state_dict().items())


def test_what_the_hubs_first_configuration_leaves_out_is_what_transformers_takes() -> None:
    written = {
        "model_type": "llava",
        "text_config": {"model_type": "llama", "vocab_size": 32064, "max_position_embeddings": 4096},
        "vision_config": {**IMAGE, "image_size": 336, "patch_size": 14},
    }
    full = transformers.LlavaConfig(**written).to_dict()
    assert llava.LlavaConfig.from_hub(written) == llava.LlavaConfig.from_hub(full)
    assert llava.LlavaConfig.from_hub(written).patches == full["image_seq_length"] == 576


def test_one_is_made_of_a_clip_and_a_llama(tmp_path: Path) -> None:
    """As training begins: with the towers of other checkpoints, and a projector that knows nothing."""
    torch.manual_seed(0)
    clip = transformers.CLIPVisionModel(transformers.CLIPVisionConfig(**{**IMAGE, "num_hidden_layers": 2}))
    llama = transformers.LlamaForCausalLM(transformers.LlamaConfig(**TEXT))
    for name, one in (("clip", clip), ("llama", llama)):
        one.save_pretrained(tmp_path / name)
    image, decoder = load(tmp_path / "clip"), load(tmp_path / "llama").model
    model = llava.Llava(llava.LlavaConfig(image.config, decoder.config, IMAGE_ID)).eval()
    ids, pixels = texts(4)["ids"], pictures().float()
    model.image, model.decoder = image.image, decoder
    model.save_pretrained(tmp_path / "both")
    theirs = transformers.LlavaForConditionalGeneration.from_pretrained(
        tmp_path / "both", attn_implementation="eager"
    ).eval()
    close(theirs(input_ids=ids[2:]).logits.double(), llama.eval()(ids[2:]).logits.double(), atol=1e-6)
    shown = model.image_features(pixels)
    assert shown.std() > 0
    close(theirs(input_ids=ids, pixel_values=pixels).logits, model(ids, pixels).logits, atol=1e-5)
    states = clip.eval()(pixels, output_hidden_states=True).hidden_states
    close(shown, model.projector(states[-2][:, 1:]), atol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "llava_next"}, "model_type is 'llava_next'"),
        ({"projector_hidden_act": "swish"}, "projector_hidden_act 'swish'"),
        ({"vision_feature_select_strategy": "cls"}, "vision_feature_select_strategy 'cls'"),
        ({"vision_config": {**IMAGE, "model_type": "siglip_vision_model"}}, "'siglip_vision_model'"),
        ({"vision_config": None}, "model_type is None, not 'clip_vision_model'"),
        ({"text_config": {**TEXT, "model_type": "gemma"}}, "model_type is 'gemma'"),
        ({"text_config": {**TEXT, "hidden_act": "relu"}}, "hidden_act 'relu'"),
    ],
)
def test_what_is_not_computed_is_refused_by_name(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    write_theirs("patches", tmp_path)
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(CheckpointError, match=message):
        llava.Llava.from_pretrained(tmp_path)


def test_a_layer_that_is_not_there_is_refused(tmp_path: Path) -> None:
    write_theirs("patches", tmp_path)
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "vision_feature_layer": [1, -5]}))
    with pytest.raises(ValueError, match="there is no layer -5: the images' tower has 3"):
        load(tmp_path)


def test_a_wrong_checkpoint_names_key_and_shapes(tmp_path: Path) -> None:
    write_theirs("patches", tmp_path)
    file = tmp_path / "model.safetensors"
    whole = load_file(file)
    key = "multi_modal_projector.linear_1.weight"
    save_file({name: one for name, one in whole.items() if name != key}, file)
    with pytest.raises(CheckpointError, match=r"projector\.first\.weight \(24, 20\) is missing"):
        load(tmp_path)
    save_file({**whole, key: torch.zeros(20, 24)}, file)
    with pytest.raises(CheckpointError, match=r"has shape \(20, 24\), and should have \(24, 20\)"):
        load(tmp_path)
    save_file({**whole, "language_model.model.layers.1.new.weight": torch.zeros(2)}, file)
    with pytest.raises(CheckpointError, match=r"layers\.1\.new\.weight \(2,\) is not known"):
        load(tmp_path)
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match=r"model\.safetensors cannot be read"):
        load(tmp_path)
