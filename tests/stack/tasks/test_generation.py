"""Generation: a batch gives what each prompt alone gives, in every family and every way of choosing; ends, stops."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from groundup.stack.inference.sampling import min_p, top_k, top_p
from groundup.stack.inference.steps import Steps
from groundup.stack.models.families import CausalLM
from groundup.stack.models.gpt import GPT
from groundup.stack.models.gpt1 import GPT1, GPT1Config
from groundup.stack.models.gpt2 import GPT2, GPT2Config
from groundup.stack.models.gpt3 import GPT3, GPT3Config
from groundup.stack.models.hybrid import Jamba, JambaConfig
from groundup.stack.models.llama import Llama, LlamaConfig
from groundup.stack.models.mamba import Mamba, MambaConfig
from groundup.stack.models.palm import PaLM, PaLMConfig
from groundup.stack.models.pointer import PointerConfig, PointerGenerator
from groundup.stack.models.recurrent import BahdanauConfig, BahdanauModel, LuongConfig, LuongModel
from groundup.stack.models.t5 import T5, T5Config
from groundup.stack.models.transformer import Transformer, TransformerConfig
from groundup.stack.tasks.generation import Completion, Decoding, choose, generate_ids, generate_text, stream_text
from groundup.stack.text.tokenizer_file import FileTokenizer

END, VOCAB, CONTEXT = 256, 257, 48
SIZES: dict[str, Any] = {"vocab": VOCAB, "dim": 16, "layers": 2, "heads": 2}
BUILT: dict[str, Any] = {
    "llama": lambda: Llama(LlamaConfig(**SIZES, hidden=24, kv_heads=1, context=CONTEXT)),
    "a window": lambda: Llama(LlamaConfig(**SIZES, hidden=24, context=CONTEXT, windows=(3, 0))),
    "gpt": lambda: GPT1(GPT1Config(**SIZES, context=CONTEXT)),
    "gpt 2": lambda: GPT2(GPT2Config(**SIZES, context=CONTEXT)),
    "gpt 3": lambda: GPT3(GPT3Config(**SIZES, context=CONTEXT, windows=(0, 4))),
    "palm": lambda: PaLM(PaLMConfig(**SIZES, head_dim=6, context=CONTEXT)),
    "mamba": lambda: Mamba(MambaConfig(vocab=VOCAB, dim=16, layers=2, state=3, bias=True)),
    "jamba": lambda: Jamba(JambaConfig(**SIZES, hidden=24, kv_heads=1, period=2, offset=1, state=3)),
    "t5": lambda: T5(T5Config(**SIZES, head_dim=6, hidden=24, end_id=END)),
    "transformer": lambda: Transformer(TransformerConfig(**SIZES, hidden=24, end_id=END)),
    "bahdanau": lambda: BahdanauModel(BahdanauConfig(VOCAB, dim=8, hidden=10, align=6, readout=7, end_id=END)),
    "luong": lambda: LuongModel(LuongConfig(VOCAB, dim=8, hidden=10, layers=2, end_id=END)),
    "pointer": lambda: PointerGenerator(PointerConfig(VOCAB, dim=8, hidden=10, align=6, end_id=END)),
}
PROMPTS = ["When I", "a", "consider how my", "light is spent", "er", "half my days,"]
WAYS = {
    "greedy": Decoding(max_new_tokens=7),
    "chance": Decoding(max_new_tokens=7, temperature=0.9, top_k=40, top_p=0.9, min_p=0.001),
    "beams": Decoding(max_new_tokens=7, beams=3, no_repeat_ngram=2),
    "rules": Decoding(max_new_tokens=7, repetition_penalty=1.3, no_repeat_ngram=2, min_new_tokens=3),
}


def a_tokenizer() -> FileTokenizer:
    """A token for each byte, and one for the end."""
    return FileTokenizer([], {bytes([byte]): byte for byte in range(256)}, {"<end>": END})


def a_model(name: str, seed: int = 0) -> Any:
    """A tiny one in double precision, with weights large enough for texts to differ."""
    torch.manual_seed(seed)
    model = BUILT[name]().double().eval()
    with torch.no_grad():
        for one in model.parameters():
            if one.dim() >= 2 and "log_a" not in name:
                one.add_(torch.randn_like(one) * 0.4)
    return CausalLM(model) if hasattr(model, "new_cache") and not hasattr(model, "encode") else model


def common_ends(model: Any, way: Decoding) -> tuple[int, ...]:
    """Tokens at which some of the texts end, and not all at once."""
    free = generate_text(model, a_tokenizer(), PROMPTS, replace(way, min_new_tokens=0), generator=seeded())
    places = {token: [one.ids.index(token) for one in free if token in one.ids] for one in free for token in one.ids}
    return tuple(sorted(places, key=lambda token: (-len(set(places[token])), token)))[:3]


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(4)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", BUILT)
def test_a_batch_gives_what_each_prompt_alone_gives(name: str, way: str) -> None:
    model, tokenizer = a_model(name), a_tokenizer()
    decoding = replace(WAYS[way], end_ids=common_ends(model, WAYS[way]))
    found = generate_text(model, tokenizer, PROMPTS, decoding, generator=seeded())
    for batch in (1, 2, 4):
        again = generate_text(model, tokenizer, PROMPTS, decoding, generator=seeded(), batch=batch)
        assert [replace(one, score=None) for one in again] == [replace(one, score=None) for one in found]
        if decoding.beams > 1:
            scores = [one.score for one in found]
            assert [one.score for one in again] == pytest.approx(scores, abs=1e-9)
    assert len({tuple(one.ids) for one in found}) > 1
    if decoding.min_new_tokens:
        assert min(len(one.ids) for one in found) >= decoding.min_new_tokens
    assert {one.reason for one in found} <= {"end", "length"}


@pytest.mark.parametrize("name", ["llama", "a window", "gpt", "gpt 2", "gpt 3"])
def test_padding_on_the_left_changes_nothing(name: str) -> None:
    """Hidden states, logits and the loss of each text, with its places, are those of the text alone."""
    model, ids = a_model(name), torch.randint(VOCAB, (3, 9), generator=torch.Generator().manual_seed(2))
    kept = torch.arange(9) >= torch.tensor([[0], [4], [7]])
    places = (kept.cumsum(-1) - 1).clamp(min=0)
    labels = ids.masked_fill(places == 0, -100)  # nothing of its own text stands before a first token
    whole = model(ids, kept, labels=labels, places=places)
    losses = []
    for at, real in enumerate(kept):
        alone = model(ids[at : at + 1, real], labels=ids[at : at + 1, real])
        torch.testing.assert_close(alone.logits[0], whole.logits[at, real], rtol=0, atol=1e-10)
        losses += [alone.loss] * (int(real.sum()) - 1)
    torch.testing.assert_close(torch.stack(losses).mean(), whole.loss)
    with pytest.raises(ValueError, match=f"the text has {CONTEXT + 1} tokens, the context of this model {CONTEXT}"):
        model(ids, kept, places=places + CONTEXT - 8)


@pytest.mark.parametrize("name", ["llama", "gpt 2", "t5"])
def test_what_is_written_is_the_likeliest_by_the_whole_text(name: str) -> None:
    """Without a cache, a batch or padding."""
    model, tokenizer = a_model(name), a_tokenizer()
    for prompt, one in zip(PROMPTS, generate_text(model, tokenizer, PROMPTS, Decoding(12)), strict=True):
        ids = torch.tensor([tokenizer.encode(prompt)])
        with torch.no_grad():
            if name == "t5":
                read = torch.cat((ids, torch.tensor([[END]])), dim=1)
                logits = model(read, decoder_input_ids=torch.tensor([[0, *one.ids]])).logits[0]
            else:
                logits = model(torch.cat((ids, torch.tensor([one.ids])), dim=1)).logits[0, ids.shape[1] - 1 :]
        assert one.ids == logits.argmax(-1)[: len(one.ids)].tolist()
        assert len(one.ids) == 12 or logits.argmax(-1)[len(one.ids)] == END


def test_a_bare_decoder_of_the_lessons_writes_too() -> None:
    torch.manual_seed(0)
    model = GPT(VOCAB, 16, 2, 2, CONTEXT).double()
    found = generate_text(model, a_tokenizer(), PROMPTS, Decoding(5))
    for prompt, one in zip(PROMPTS, found, strict=True):
        ids = torch.tensor([[*prompt.encode(), *one.ids]])
        assert one.ids == model(ids)[0, len(prompt) - 1 : -1].argmax(-1).tolist()
    assert model.training, "as it was"


class Parrot:
    """A decoder that goes on as it is told: after n tokens it writes the n-th of its text."""

    def __init__(self, text: bytes) -> None:
        self.text = [*text, END]

    def new_cache(self, batch: int, length: int) -> Any:
        return []

    def modules(self) -> list[Any]:
        return []

    def parameters(self) -> list[Any]:
        return []

    def eval(self) -> None:
        """It has no modes."""

    def __call__(self, ids: torch.Tensor, cache: list[int]) -> torch.Tensor:
        cache.append(ids.shape[1])
        logits = torch.zeros(len(ids), ids.shape[1], VOCAB)
        logits[:, -1, self.text[min(len(cache), len(self.text)) - 1]] = 9.0
        return logits


class Flat(Parrot):
    """To it, all tokens are equally likely."""

    def __call__(self, ids: torch.Tensor, cache: list[int]) -> torch.Tensor:
        return torch.zeros(len(ids), ids.shape[1], VOCAB)


def said(text: str | bytes, **more: Any) -> Completion:
    raw = text.encode() if isinstance(text, str) else text
    (found,) = generate_text(Parrot(raw), a_tokenizer(), ["x"], Decoding(end_ids=(END,), **more))
    return found


def test_a_text_ends_by_its_end_by_a_stop_string_or_by_its_length() -> None:
    assert said("yes, no") == Completion("yes, no", [*b"yes, no"], "end")
    assert said("yes, no", max_new_tokens=4) == Completion("yes,", [*b"yes,"], "length")
    assert said("yes, no", max_new_tokens=7) == Completion("yes, no", [*b"yes, no"], "length")
    assert said("yes, no", stop=(", ",)) == Completion("yes", [*b"yes, "], "stop")
    assert said("yes, no", stop=("no", "s")) == Completion("ye", [*b"yes"], "stop")
    assert said("yes, no", stop=("nor",)).reason == "end"
    assert said("") == Completion("", [], "end")


def test_what_is_in_the_prompt_stops_nothing() -> None:
    (found,) = generate_text(Parrot(b"b;c"), a_tokenizer(), ["a;"], Decoding(end_ids=(END,), stop=("a", ";")))
    assert found.text == "b"


@given(text=st.text(max_size=12), stop=st.lists(st.text(min_size=1, max_size=3), max_size=3), cut=st.integers(1, 40))
@settings(max_examples=150, deadline=None)
def test_pieces_of_a_stream_are_the_text(text: str, stop: list[str], cut: int) -> None:
    check_stream(text.encode(), tuple(stop), cut)


@given(raw=st.binary(max_size=12), stop=st.lists(st.sampled_from(["a", "ab", "�", "\n", "é"]), max_size=2))
@settings(max_examples=100, deadline=None)
def test_pieces_of_a_stream_are_the_text_of_any_bytes(raw: bytes, stop: list[str]) -> None:
    check_stream(raw, tuple(stop), 20)


def check_stream(raw: bytes, stop: tuple[str, ...], cut: int) -> None:
    decoding = Decoding(max_new_tokens=cut, end_ids=(END,), stop=stop)
    pieces = list(stream_text(Parrot(raw), a_tokenizer(), "x", decoding))
    (whole,) = generate_text(Parrot(raw), a_tokenizer(), ["x"], decoding)
    assert "".join(pieces) == whole.text
    assert all(pieces)
    if whole.reason == "end":
        assert whole.text == raw.decode(errors="replace")
    assert not any(one in whole.text for one in stop)


def test_a_stream_comes_as_it_is_written() -> None:
    decoding = Decoding(end_ids=(END,), stop=("STOP",))
    pieces = list(stream_text(Parrot("né STRAY".encode()), a_tokenizer(), "x", decoding))
    assert pieces == ["n", "é", " ", "STR", "A", "Y"], "half a letter and what may be a stop string wait"
    walk = stream_text(a_model("gpt 2"), a_tokenizer(), "x", Decoding(5))
    next(walk)
    assert torch.is_grad_enabled(), "what the caller does meanwhile is its own"


def test_a_stream_by_chance_is_what_the_list_gives() -> None:
    model, decoding = a_model("llama"), Decoding(12, temperature=1.0)
    (whole,) = generate_text(model, a_tokenizer(), ["and"], decoding, generator=seeded())
    assert "".join(stream_text(model, a_tokenizer(), "and", decoding, generator=seeded())) == whole.text


def test_tokens_come_as_often_as_they_should() -> None:
    """Against the probabilities: each count is within 4.5 deviations of a binomial's mean."""
    torch.manual_seed(0)
    logits, n = 2 * torch.randn(12), 20000
    for more in ({}, {"top_k": 5}, {"top_p": 0.7}, {"min_p": 0.1}):
        decoding = Decoding(temperature=0.7, **more)
        chance = torch.rand(n, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
        counts = torch.bincount(choose(logits.expand(n, 12), decoding, chance), minlength=12)
        left = logits / 0.7
        for name, filtered in (("top_k", top_k), ("top_p", top_p), ("min_p", min_p)):
            left = filtered(left, more[name]) if name in more else left  # type: ignore[operator]
        for count, share in zip(counts.tolist(), left.softmax(-1).tolist(), strict=True):
            assert abs(count - n * share) <= 4.5 * math.sqrt(n * share * (1 - share))
            assert count == 0 or share > 0


def test_each_step_has_a_chance_of_its_own() -> None:
    """Where all tokens are equally likely, each is the place of its number among them."""
    found = generate_ids(Flat(b""), [[1], [2]], Decoding(6, temperature=1.0), generator=seeded())
    chances = torch.rand(2, 6, generator=seeded(), dtype=torch.float64)
    assert [ids for ids, _ in found] == (chances * VOCAB).long().tolist()


def test_the_ends_of_the_line_are_tokens_that_can_come() -> None:
    scores = torch.tensor([[-math.inf, 1.0, 2.0, -math.inf]])
    last = 1 - torch.finfo(torch.float64).eps / 2
    for chance, token in ((0.0, 1), (0.2689, 1), (0.269, 2), (last, 2)):
        assert choose(scores, Decoding(temperature=1.0), torch.tensor([chance], dtype=torch.float64)).item() == token


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("temperature", [1e-4, 1e-44])
def test_no_temperature_is_too_low_for_any_precision(dtype: torch.dtype, temperature: float) -> None:
    scores = torch.tensor([[20.0, 30.0, -math.inf, 29.0], [-5.0, -9.0, -4.0, -math.inf]], dtype=dtype)
    chance = torch.tensor([0.999, 0.0], dtype=torch.float64)
    for more in ({}, {"top_k": 2, "top_p": 0.9, "min_p": 0.1}):
        assert choose(scores, Decoding(temperature=temperature, **more), chance).tolist() == [1, 2]  # type: ignore[arg-type]


def test_the_context_bounds_each_text_by_itself() -> None:
    model, tokenizer = a_model("gpt 2"), a_tokenizer()
    prompts = ["x" * (CONTEXT - 3), "y" * 2, "z" * (CONTEXT - 1)]
    found = generate_text(model, tokenizer, prompts, Decoding(20))
    assert [len(one.ids) for one in found] == [3, 20, 1]
    assert [one.ids for one in generate_text(model, tokenizer, prompts, Decoding(20), batch=1)] == [
        one.ids for one in found
    ]
    beams = generate_text(model, tokenizer, prompts, Decoding(20, beams=2))
    assert [len(one.ids) for one in beams] == [3, 20, 1]
    with pytest.raises(ValueError, match=rf"prompt 1 has {CONTEXT} tokens, and the context of this model is {CONTEXT}"):
        generate_text(model, tokenizer, ["x", "y" * CONTEXT], Decoding(20))


def test_ids_are_prompts_as_they_are() -> None:
    model, tokenizer = a_model("llama"), a_tokenizer()
    tokenizer.begin.append(END)
    (text,) = generate_text(model, tokenizer, ["ab"], Decoding(5))
    (ids,) = generate_text(model, tokenizer, [[END, *b"ab"]], Decoding(5))
    assert text == ids
    assert generate_ids(model, [[*b"ab"]], Decoding(5))[0][0] != ids.ids
    assert generate_text(model, tokenizer, [], Decoding(5)) == []


def test_what_cannot_be_is_refused() -> None:
    model, tokenizer = a_model("mamba"), a_tokenizer()
    with pytest.raises(ValueError, match="prompt 1 has no token"):
        generate_text(model, tokenizer, ["a", ""], Decoding(5))
    for ends in ((None,), (3, -1), ("</s>",)):
        with pytest.raises(ValueError, match=r"end_ids are ids of tokens, 0 or more: .*leave them out"):
            Decoding(end_ids=ends)  # type: ignore[arg-type]
    for more in ({"max_new_tokens": 0}, {"beams": 0}, {"temperature": -0.1}, {"temperature": math.nan}):
        with pytest.raises(ValueError, match="at least 1"):
            Decoding(**more)
    for more in ({"temperature": 1.0}, {"stop": ("x",)}):
        with pytest.raises(ValueError, match="beams search without chance"):
            Decoding(beams=2, **more)
    for stop in ("abc", ("a", "")):
        with pytest.raises(ValueError, match="tuple of strings"):
            Decoding(stop=stop)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="stream with beams=1"):
        next(stream_text(model, tokenizer, "a", Decoding(beams=2)))
    padded = torch.tensor([[0, 1], [1, 1]])
    with pytest.raises(ValueError, match="Mamba does not take padded prompts"):
        Steps(model, padded, padded, 3)
    with pytest.raises(ValueError, match="padded on the left"):
        Steps(a_model("gpt 2"), padded.flip(1), padded.flip(1), 3)
