"""T5 and its version 1.1 against transformers: states, logits, losses, all gradients, the cache, weights both ways."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from groundup.stack.models import t5
from groundup.stack.models.checkpoints import CheckpointError
from groundup.stack.models.families import load
from groundup.stack.models.output import IGNORED
from groundup.stack.models.seq2seq import generate_greedy, shift_right

transformers = pytest.importorskip("transformers")

SIZES: dict[str, Any] = {
    "vocab_size": 61, "d_model": 24, "d_kv": 5, "d_ff": 40, "num_layers": 2, "num_decoder_layers": 3, "num_heads": 4,
    "decoder_start_token_id": 0,
}  # fmt: skip
KINDS: dict[str, dict[str, Any]] = {
    "t5": {},
    "t5, few buckets": {
        "relative_attention_num_buckets": 8, "relative_attention_max_distance": 10, "num_layers": 3,
        "num_decoder_layers": 2, "pad_token_id": 4, "decoder_start_token_id": 7, "layer_norm_epsilon": 1e-3,
    },
    "version 1.1": {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False},
    "version 1.1, tied": {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False, "tied": True},
}  # fmt: skip
HEADS = {"T5Model": t5.T5Model, "T5ForConditionalGeneration": t5.T5, "T5EncoderModel": t5.T5Encoder}
PAIRS = [(kind, head) for kind in KINDS for head in HEADS]


def write_theirs(kind: str, head: str, folder: Path) -> Any:
    """A tiny random model of transformers', written by itself; its head is untied as the Hub's files have it."""
    torch.manual_seed(0)
    sizes = {**SIZES, **KINDS[kind]}
    tied = sizes.pop("tied", sizes.get("tie_word_embeddings", True))
    config = transformers.T5Config(**sizes)
    model = getattr(transformers, head)._from_config(config, attn_implementation="eager").eval()
    if head == "T5ForConditionalGeneration" and not tied:
        model.lm_head.weight = torch.nn.Parameter(torch.randn(61, 24))
    with torch.no_grad():
        for one in model.parameters():
            one.add_(torch.randn_like(one) * 0.2)
    model.save_pretrained(folder)
    return model


@pytest.fixture(autouse=True)
def their_norm_in_double(monkeypatch: pytest.MonkeyPatch) -> None:
    """Theirs takes the mean of squares in single precision, even that of a model in double."""

    def forward(self: Any, x: torch.Tensor) -> torch.Tensor:
        scaled: torch.Tensor = self.weight * x * (x.square().mean(-1, keepdim=True) + self.variance_epsilon).rsqrt()
        return scaled

    monkeypatch.setattr(transformers.models.t5.modeling_t5.T5LayerNorm, "forward", forward)


@pytest.fixture(params=PAIRS, ids=lambda pair: f"{pair[0]} {pair[1]}")
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Any, Any, Path]:
    kind, head = request.param
    return write_theirs(kind, head, tmp_path), HEADS[head], tmp_path


def batch(padded: str = "both") -> dict[str, torch.Tensor]:
    """Two texts of 11 tokens, the second padded after 7, and what the decoder reads: 9 tokens, the first padded."""
    draw = torch.Generator().manual_seed(3)
    given = {"ids": torch.randint(5, 61, (2, 11), generator=draw)}
    read = torch.randint(5, 61, (2, 9), generator=draw)
    if padded != "none":
        given["attention_mask"] = torch.ones(2, 11, dtype=torch.int64)
        given["attention_mask"][1, 7:] = 0
        given["decoder_attention_mask"] = torch.ones(2, 9, dtype=torch.int64)
        given["decoder_attention_mask"][0, 6:] = 0
    return given | {"decoder_input_ids": read}


def for_ours(given: dict[str, Any], head: Any) -> dict[str, Any]:
    return {name: one for name, one in given.items() if head is not t5.T5Encoder or "decoder" not in name}


def as_theirs(given: dict[str, Any], head: Any) -> dict[str, Any]:
    return {"input_ids" if name == "ids" else name: one for name, one in for_ours(given, head).items()}


def close(mine: torch.Tensor, theirs: torch.Tensor, about: str = "", atol: float = 1e-9) -> None:
    torch.testing.assert_close(mine, theirs, rtol=0, atol=atol, msg=lambda told: f"{about}: {told}")


def close_attentions(mine: Any, theirs: Any, rows: torch.Tensor | None, about: str) -> None:
    assert len(mine) == len(theirs) > 1
    for weights, others in zip(mine, theirs, strict=True):
        counted = torch.ones(2, weights.shape[-2], dtype=torch.bool) if rows is None else rows.bool()
        kept = counted[:, None, :, None].expand_as(weights)
        close(weights[kept], others[kept], about)


def close_gradients(ours: Any, theirs: Any) -> None:
    """Every one of ours is there and is theirs."""
    table = t5.names_of(ours.config)
    named = table.ours({name: one.grad for name, one in theirs.named_parameters()})
    for name, one in ours.named_parameters():
        assert one.grad is not None, name
        assert one.grad.abs().sum() > 0, name
        close(one.grad, named[name], name)


@pytest.mark.parametrize("padded", ["both", "none"])
def test_every_state_and_every_gradient_is_theirs(pair: tuple[Any, Any, Path], padded: str) -> None:
    theirs, head, folder = pair
    ours, theirs = load(folder, dtype=torch.float64), theirs.double()
    assert type(ours) is head
    given = batch(padded)
    mine = ours(**for_ours(given, head), attentions=True)
    expected = theirs(**as_theirs(given, head), output_attentions=True, output_hidden_states=True)
    real, written = (given.get(name) for name in ("attention_mask", "decoder_attention_mask"))
    texts = ... if real is None else real.bool()
    words = ... if written is None else written.bool()
    if head is t5.T5Encoder:
        close(mine.hidden[texts], expected.last_hidden_state[texts], "hidden")
        close_attentions(mine.attentions, expected.attentions, real, "attention")
        mine.hidden[texts].square().mean().backward()
        expected.last_hidden_state[texts].square().mean().backward()
        return close_gradients(ours, theirs)
    close(mine.encoder_hidden[texts], expected.encoder_last_hidden_state[texts], "memory")
    close_attentions(mine.encoder_attentions, expected.encoder_attentions, real, "encoder's attention")
    close_attentions(mine.attentions, expected.decoder_attentions, written, "decoder's attention")
    close_attentions(mine.cross_attentions, expected.cross_attentions, None, "attention to the memory")
    close(mine.hidden[words], expected.decoder_hidden_states[-1][words], "hidden")
    if head is t5.T5:
        close(mine.logits[words], expected.logits[words], "logits")
    weight = torch.randn(24, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    for hidden in (mine.hidden, expected.decoder_hidden_states[-1]):
        (hidden[words] @ weight).square().mean().backward(retain_graph=True)
    if head is t5.T5:
        for logits in (mine.logits, expected.logits):
            logits[words].sin().mean().backward()
    return close_gradients(ours, theirs)


@pytest.mark.parametrize("kind", KINDS)
def test_labels_are_shifted_and_the_loss_is_theirs_with_all_gradients(kind: str, tmp_path: Path) -> None:
    theirs = write_theirs(kind, "T5ForConditionalGeneration", tmp_path).double()
    ours = load(tmp_path, dtype=torch.float64)
    given = {name: one for name, one in batch().items() if "decoder" not in name}
    labels = batch()["decoder_input_ids"]
    labels[0, 5:] = IGNORED
    labels[1, 2] = labels[1, 0] = IGNORED
    mine = ours(**given, labels=labels)
    expected = theirs(**as_theirs(given, t5.T5), labels=labels)
    close(mine.logits, expected.logits, "logits")
    close(mine.loss, expected.loss, "loss")
    mine.loss.backward()
    expected.loss.backward()
    close_gradients(ours, theirs)
    assert torch.equal(shift_right(labels, ours.config.start_id, ours.config.pad_id), theirs._shift_right(labels)), (
        "what the decoder reads"
    )
    read = shift_right(labels, 7, 4)
    assert read[1].tolist() == [7, 4, labels[1, 1], 4, *labels[1, 3:-1]]
    nothing = ours(**given, labels=torch.full_like(labels, IGNORED))
    assert nothing.loss == 0


@pytest.mark.parametrize("both_ways", [True, False])
@pytest.mark.parametrize(("buckets", "farthest"), [(32, 128), (32, 64), (8, 10), (16, 1000), (5, 20), (4, 3)])
def test_distances_are_put_into_their_buckets(both_ways: bool, buckets: int, farthest: int) -> None:
    away = torch.arange(-2000, 2001)
    found = t5.relative_buckets(away, buckets, farthest, both_ways)
    theirs = transformers.models.t5.modeling_t5.T5Attention._relative_position_bucket
    assert torch.equal(found, theirs(away, both_ways, buckets, farthest))
    past = found[:2001].flip(0)  # distances 0, 1, 2, … into the past
    assert torch.equal(past, past.sort().values), "farther away, the same bucket or a later one"
    near = (buckets // 2 if both_ways else buckets) // 2
    assert past[: near + 1].tolist() == list(range(near + 1)), "the near ones have a bucket each"
    assert set(past[farthest:].tolist()) == {(buckets // 2 if both_ways else buckets) - 1}
    ahead = found[2001:]
    assert torch.equal(ahead, past[1:] + buckets // 2) if both_ways else not ahead.any()


@pytest.mark.parametrize("kind", KINDS)
def test_step_by_step_is_all_at_once(kind: str, tmp_path: Path) -> None:
    write_theirs(kind, "T5ForConditionalGeneration", tmp_path)
    ours = load(tmp_path, dtype=torch.float64)
    given = batch()
    whole = ours(**given, attentions=True)
    read, kept = given["decoder_input_ids"], given["decoder_attention_mask"]
    cache, parts = ours.new_cache(2, 9), []
    encoded = []
    ours.encoder.register_forward_hook(lambda *_: encoded.append(1))
    keys: list[int] = []
    ours.decoder.blocks[1].cross.k.register_forward_hook(lambda *_: keys.append(1))
    with torch.no_grad():
        for begin, end in ((0, 4), (4, 5), (5, 9)):
            ids = given["ids"] if begin < 5 else None
            parts.append(
                ours(ids, given["attention_mask"], read[:, begin:end], cache=cache, attentions=True,
                     decoder_attention_mask=kept[:, :end])
            )  # fmt: skip
    close(torch.cat([one.logits for one in parts], 1), whole.logits)
    close(torch.cat([one.cross_attentions[1] for one in parts], 2), whole.cross_attentions[1])
    close(parts[-1].attentions[1], whole.attentions[1][:, :, 5:])
    assert cache.length == 9
    assert len(encoded) == 1, "the text is read once"
    assert len(keys) == 1, "and what is looked at is made once"
    with pytest.raises(ValueError, match="another text"):
        ours(given["ids"].flip(0), decoder_input_ids=read[:, :1], cache=cache)
    with pytest.raises(ValueError, match="another text"):
        ours(given["ids"], given["attention_mask"].flip(0), read[:, :1], cache=cache)
    with pytest.raises(ValueError, match="room for 9 positions"):
        ours(None, decoder_input_ids=read[:, :1], cache=cache)
    with pytest.raises(ValueError, match="left out"):
        ours(None, decoder_input_ids=read)


@pytest.mark.parametrize("kind", KINDS)
def test_what_it_writes_is_what_theirs_writes(kind: str, tmp_path: Path) -> None:
    theirs = write_theirs(kind, "T5ForConditionalGeneration", tmp_path)
    ours = load(tmp_path)
    ids = torch.randint(5, 61, (40, 11), generator=torch.Generator().manual_seed(5))
    kept = torch.arange(11) < torch.arange(40)[:, None] % 8 + 4
    n = 24
    mine = generate_greedy(ours, ids, n, kept)
    # Let a word be the end to which texts come at the most different places.
    places = {word: {row.index(word) for row in mine[:, 1:].tolist() if word in row} for word in range(61)}
    end = max(places, key=lambda word: len(places[word]))
    assert len(places[end]) > 1
    ours.config = replace(ours.config, end_id=end)
    settings = transformers.GenerationConfig(  # their cache has as many layers as the encoder, not as the decoder
        max_new_tokens=n, do_sample=False, num_beams=1, use_cache=False, eos_token_id=end,
        pad_token_id=ours.config.pad_id, decoder_start_token_id=ours.config.start_id,
    )  # fmt: skip
    mine = generate_greedy(ours, ids, n, kept)
    expected = theirs.generate(ids, attention_mask=kept.long(), generation_config=settings)
    assert torch.equal(mine, expected)
    ended = next(row for row in mine.tolist() if end in row[1:])
    row = mine.tolist().index(ended)
    alone = generate_greedy(ours, ids[row : row + 1], n, kept[row : row + 1])
    assert alone[0].tolist() == ended[: ended.index(end, 1) + 1], "nothing is written after the end"


def test_what_we_write_they_read_and_we_read_bit_for_bit(pair: tuple[Any, Any, Path], tmp_path: Path) -> None:
    theirs, head, folder = pair
    ours = head.from_pretrained(folder).eval()
    ours.save_pretrained(tmp_path / "again")
    back, told = type(theirs).from_pretrained(tmp_path / "again", attn_implementation="eager", output_loading_info=True)
    assert not any(told.values()), told
    given = as_theirs(batch(), head)
    for name, one in back.eval()(**given).items():
        if isinstance(one, torch.Tensor):
            assert torch.equal(one, theirs(**given)[name]), name
    assert back.config.scale_decoder_outputs == theirs.config.scale_decoder_outputs
    again = head.from_pretrained(tmp_path / "again")
    assert again.config == ours.config
    assert again.state_dict().keys() == ours.state_dict().keys()
    assert all(torch.equal(one, again.state_dict()[name]) for name, one in ours.state_dict().items())


def rewrite(folder: Path, **settings: Any) -> None:
    """Settings put into the configuration, or taken out of it (None)."""
    config = json.loads((folder / "config.json").read_text()) | settings
    (folder / "config.json").write_text(json.dumps({name: one for name, one in config.items() if one is not None}))


def test_older_files_are_read(tmp_path: Path) -> None:
    """They say with one word that the head is untied and hidden is not scaled; hold the embedding again; and numbers
    that nothing reads."""
    theirs = write_theirs("version 1.1", "T5ForConditionalGeneration", tmp_path)
    given = batch()
    expected = theirs(**as_theirs(given, t5.T5)).logits
    rewrite(tmp_path, tie_word_embeddings=False, scale_decoder_outputs=None, decoder_start_token_id=None)
    file = tmp_path / "model.safetensors"
    whole = load_file(file)
    more = {f"{one}.embed_tokens.weight": whole["shared.weight"].clone() for one in ("encoder", "decoder")}
    more["decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"] = torch.randn(32, 4)
    save_file(whole | more, file)
    ours = load(tmp_path)
    assert (ours.config.tied, ours.config.scaled) == (False, False)
    close(ours(**given).logits, expected, atol=1e-4)
    save_file({name: one for name, one in (whole | more).items() if name != "shared.weight"}, file)
    assert torch.equal(load(tmp_path).tokens.weight, ours.tokens.weight)
    rewrite(tmp_path, tie_word_embeddings=True)
    write_theirs("t5", "T5ForConditionalGeneration", tmp_path / "tied")
    whole = load_file(tmp_path / "tied" / "model.safetensors")
    save_file({**whole, "lm_head.weight": whole["shared.weight"].clone()}, tmp_path / "tied" / "model.safetensors")
    assert load(tmp_path / "tied").head is None, "the same weights twice are tied weights"
    rewrite(tmp_path / "tied", pad_token_id=9, decoder_start_token_id=None)
    assert load(tmp_path / "tied").config.start_id == 9, "the padding begins"


@pytest.mark.parametrize("head", ["T5Model", "T5EncoderModel"])
def test_less_than_a_file_holds_can_be_read(head: str, tmp_path: Path) -> None:
    theirs = write_theirs("version 1.1", "T5ForConditionalGeneration", tmp_path)
    ours = HEADS[head].from_pretrained(tmp_path, dtype=torch.float64).eval()
    given, theirs = batch(), theirs.double()
    mine = ours(**for_ours(given, HEADS[head]))
    expected = theirs(**as_theirs(given, t5.T5), output_hidden_states=True)
    if head == "T5Model":
        close(mine.hidden, expected.decoder_hidden_states[-1])
    else:
        close(mine.hidden, expected.encoder_last_hidden_state)


def test_padding_and_what_is_to_come_are_not_seen(tmp_path: Path) -> None:
    write_theirs("t5", "T5ForConditionalGeneration", tmp_path)
    ours = load(tmp_path, dtype=torch.float64)
    given = batch()
    whole = ours(**given)
    changed = {**given, "ids": given["ids"].clone(), "decoder_input_ids": given["decoder_input_ids"].clone()}
    changed["ids"][1, 7:] = 9
    changed["decoder_input_ids"][:, 5:] = 9
    close(ours(**changed).logits[:, :5], whole.logits[:, :5], atol=1e-12)
    alone = ours(given["ids"][1:, :7], decoder_input_ids=given["decoder_input_ids"][1:])
    close(alone.logits[0], whole.logits[1], atol=1e-12)


def test_a_text_of_nothing_but_padding_is_not_looked_at_and_has_no_nan() -> None:
    torch.manual_seed(0)
    model = t5.T5(t5.T5Config(61, 24, 5, 40, 2, heads=4, dropout=0.0)).double()
    model.begin()
    ids, mask = torch.randint(5, 61, (2, 7)), torch.ones(2, 7)
    mask[1] = 0
    output = model(ids, mask, labels=torch.randint(5, 61, (2, 5)), attentions=True)
    assert output.encoder_attentions is not None
    assert output.cross_attentions is not None
    for weights in (*output.encoder_attentions, *output.cross_attentions):
        torch.testing.assert_close(weights.sum(-1)[0], torch.ones_like(weights[0, ..., 0]))
        assert not weights[1].any()
    other = torch.where(torch.arange(7) == 3, (ids + 1) % 61, ids)  # the fused attention sees as little of it
    new, old = model.encode(other, mask)[1], model.encode(ids, mask)[1]
    assert torch.equal(new[[0, 1, 2, 4, 5, 6]], old[[0, 1, 2, 4, 5, 6]])
    with torch.no_grad():
        assert torch.allclose(model.encode(ids, mask)[1], old)
    assert output.loss is not None
    output.loss.backward()
    assert all(one.grad is not None and one.grad.isfinite().all() for one in model.parameters())


def test_dropout_works_in_training_only_and_where_theirs_does(tmp_path: Path) -> None:
    theirs = write_theirs("version 1.1", "T5ForConditionalGeneration", tmp_path).double()
    ours = load(tmp_path, dtype=torch.float64)
    given = batch()
    assert torch.equal(ours(**given).logits, ours(**given).logits)
    torch.manual_seed(1)
    mine = ours.train()(**given).logits
    torch.manual_seed(1)
    close(mine, theirs.train()(**as_theirs(given, t5.T5)).logits)
    assert not torch.allclose(mine, ours.eval()(**given).logits)


def test_first_weights_have_their_deviations() -> None:
    """A new model of ours is drawn from what a new model of theirs is drawn from."""
    torch.manual_seed(0)
    sizes = {"vocab_size": 400, "d_model": 96, "d_kv": 20, "d_ff": 160, "num_layers": 1, "num_heads": 6}
    theirs = transformers.T5ForConditionalGeneration(transformers.T5Config(**sizes, feed_forward_proj="gated-gelu"))
    ours = t5.T5(t5.T5Config.from_hub(theirs.config.to_dict()))
    named = t5.names_of(ours.config).ours(dict(theirs.named_parameters()))
    for name, one in ours.named_parameters():
        if one.dim() == 2:  # two deviations of a sample's deviation each, of n numbers: 1 / √(2 n)
            assert abs(one.std() / named[name].std() - 1) < 5 * (1 / one.numel()) ** 0.5, name
        else:
            assert torch.equal(one, named[name]), name


def test_what_cannot_be_answered_is_refused(tmp_path: Path) -> None:
    write_theirs("t5", "T5Model", tmp_path)
    model, encoder = load(tmp_path), t5.T5Encoder.from_pretrained(tmp_path)
    ids = torch.tensor([[5, 6, 7]])
    with pytest.raises(ValueError, match="nothing to read"):
        model(ids)
    with pytest.raises(ValueError, match="no head"):
        model(ids, labels=ids)
    for more in ({"labels": ids}, {"token_types": ids}):
        with pytest.raises(ValueError, match="no token types"):
            encoder(ids, **more)
    with pytest.raises(ValueError, match="4 buckets at least"):
        t5.T5Config(buckets=2)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("model_type", "mt5"), ("feed_forward_proj", "gated-silu"), ("is_decoder", True), ("dense_act_fn", "gelu"),
     ("is_gated_act", True)],
)  # fmt: skip
def test_what_is_not_computed_is_refused_by_name(setting: str, value: Any, tmp_path: Path) -> None:
    write_theirs("t5", "T5Model", tmp_path)
    rewrite(tmp_path, **{setting: value})
    with pytest.raises(CheckpointError, match=setting):
        t5.T5Model.from_pretrained(tmp_path)


def test_a_wrong_checkpoint_names_key_and_shapes(tmp_path: Path) -> None:
    write_theirs("t5", "T5ForConditionalGeneration", tmp_path)
    file = tmp_path / "model.safetensors"
    whole = load_file(file)
    key = "decoder.block.1.layer.2.DenseReluDense.wi.weight"
    save_file({name: one for name, one in whole.items() if name != key}, file)
    with pytest.raises(CheckpointError, match=r"decoder\.blocks\.1\.up\.weight \(40, 24\) is missing"):
        load(tmp_path)
    save_file({**whole, key: torch.zeros(24, 40)}, file)
    with pytest.raises(CheckpointError, match=r"has shape \(24, 40\), and should have \(40, 24\)"):
        load(tmp_path)
    save_file({**whole, "decoder.block.1.layer.3.new.weight": torch.zeros(2)}, file)
    with pytest.raises(CheckpointError, match=r"layer\.3\.new\.weight \(2,\) is not known"):
        load(tmp_path)
