"""Beam search against transformers' generate: sequences and scores of tiny random models in double precision."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
import torch

from groundup.stack.inference import KVCache, select_rows
from groundup.stack.inference.beams import Beam, BeamSearch, search_beams
from groundup.stack.inference.steps import Rules, Steps, repeats
from groundup.stack.models.families import load
from groundup.stack.models.seq2seq import generate_greedy
from groundup.stack.models.transformer import Transformer, TransformerConfig
from groundup.stack.tasks.generation import Decoding, generate_ids

transformers = pytest.importorskip("transformers")

VOCAB, NEW = 23, 9
SIZES: dict[str, dict[str, Any]] = {
    "T5": {
        "vocab_size": VOCAB, "d_model": 24, "d_kv": 5, "d_ff": 40, "num_layers": 2, "num_heads": 4,
        "decoder_start_token_id": 0,
    },
    "Llama": {
        "vocab_size": VOCAB, "hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 40,
    },
    "GPT2": {"vocab_size": VOCAB, "n_positions": 40, "n_embd": 24, "n_layer": 2, "n_head": 4},
    "Mistral": {
        "vocab_size": VOCAB, "hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "sliding_window": 5,
    },
}  # fmt: skip
HEADS = {"T5": "ForConditionalGeneration", "GPT2": "LMHeadModel"}
LENGTHS = (7, 3, 5, 1, 7, 2)


class _Doubles(ModuleType):
    """PyTorch, but its float32 is float64."""

    float32 = torch.float64

    def __getattr__(self, name: str) -> Any:
        return getattr(torch, name)


@pytest.fixture(autouse=True)
def their_doubles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Theirs counts in single precision whatever the model's is."""
    single = torch.Tensor.float
    doubled = lambda x: x.double() if x.is_floating_point() else single(x)  # noqa: E731
    monkeypatch.setattr(torch.Tensor, "float", doubled)
    for module in (
        transformers.generation.utils, transformers.models.llama.modeling_llama,
        transformers.models.mistral.modeling_mistral, transformers.models.gpt2.modeling_gpt2,
    ):  # fmt: skip
        monkeypatch.setattr(module, "torch", _Doubles("torch"))

    def forward(self: Any, x: torch.Tensor) -> torch.Tensor:
        scaled: torch.Tensor = self.weight * x * (x.square().mean(-1, keepdim=True) + self.variance_epsilon).rsqrt()
        return scaled

    monkeypatch.setattr(transformers.models.t5.modeling_t5.T5LayerNorm, "forward", forward)


@pytest.fixture(scope="module", params=SIZES)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any, tuple[int, ...]]:
    """Theirs and ours, in double precision, not too sure of what comes next; and words that end a text."""
    name, folder = request.param, tmp_path_factory.mktemp("model")
    torch.manual_seed(0)
    config = getattr(transformers, f"{name}Config")(**SIZES[name])
    theirs = getattr(transformers, name + HEADS.get(name, "ForCausalLM"))._from_config(
        config, attn_implementation="eager"
    )
    with torch.no_grad():
        for one in theirs.parameters():
            one.add_(torch.randn_like(one) * 0.2)
    theirs.eval().save_pretrained(folder)
    theirs.generation_config = transformers.GenerationConfig()  # whose ends they would take where none is given
    ours = load(folder, dtype=torch.float64)
    return theirs.double(), ours, some_ends(ours)


def some_ends(ours: Any) -> tuple[int, ...]:
    """Three words to which texts come at the most different places, if nothing ends them."""
    texts = [beam.ids for one in search(ours, prompts(hasattr(ours, "encode")), 4, Rules()) for beam in one]
    places = {word: len({ids.index(word) for ids in texts if word in ids}) for word in range(VOCAB)}
    return tuple(sorted(places, key=lambda word: -places[word])[:3])


def prompts(apart: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Six prompts of 1 to 7 tokens; a decoder's are padded on the left."""
    ids = torch.randint(2, VOCAB, (len(LENGTHS), 7), generator=torch.Generator().manual_seed(3))
    kept = torch.arange(7) < torch.tensor(LENGTHS)[:, None]
    kept = kept if apart else kept.flip(1)
    return ids.masked_fill(~kept, 0), kept


def search(ours: Any, given: Any, beams: int, rules: Rules, *more: Any, limits: Any = None) -> list[list[Beam]]:
    limits = torch.full((len(given[0]),), NEW) if limits is None else limits
    with torch.no_grad():
        return search_beams(Steps(ours, *given, NEW), limits, beams, rules, *more)


def theirs_of(theirs: Any, given: Any, beams: int, rules: Rules, penalty: float, early: Any) -> list[list[Beam]]:
    """What theirs writes, in one batch, or, where padding would count for what is repeated, one by one."""
    settings = transformers.GenerationConfig(
        max_new_tokens=NEW, do_sample=False, num_beams=beams, num_return_sequences=beams, length_penalty=penalty,
        early_stopping=early, eos_token_id=list(rules.end_ids) or None, pad_token_id=0, decoder_start_token_id=0,
        no_repeat_ngram_size=rules.no_repeat_ngram or None, min_new_tokens=rules.min_new_tokens or None,
        repetition_penalty=rules.repetition_penalty, return_dict_in_generate=True, output_scores=True,
    )  # fmt: skip
    ids, kept = given
    if not theirs.config.is_encoder_decoder and (rules.no_repeat_ngram or rules.repetition_penalty != 1):
        given = [(row[real][None], real[real][None]) for row, real in zip(ids, kept, strict=True)]
    else:
        given = [(ids, kept)]
    found: list[Beam] = []
    for some, real in given:
        written = theirs.generate(some, attention_mask=real.long(), generation_config=settings)
        before = 1 if theirs.config.is_encoder_decoder else some.shape[1]
        for row, score in zip(written.sequences[:, before:].tolist(), written.sequences_scores.tolist(), strict=True):
            n = next((at + 1 for at, word in enumerate(row) if word in rules.end_ids), len(row))
            found.append(Beam(row[:n], score))
    return [found[at : at + beams] for at in range(0, len(found), beams)]


def compare(ours: Any, theirs: Any, beams: int, rules: Rules, penalty: float, early: Any) -> set[int]:
    """That all beams of all texts are theirs; the lengths that there were."""
    given = prompts(hasattr(ours, "encode"))
    found = search(ours, given, beams, rules, penalty, early)
    for mine, expected in zip(found, theirs_of(theirs, given, beams, rules, penalty, early), strict=True):
        assert [beam.ids for beam in mine] == [beam.ids for beam in expected], (beams, rules)
        assert [beam.score for beam in mine] == pytest.approx([beam.score for beam in expected], abs=1e-9)
    return {len(beam.ids) for one in found for beam in one}


PENALTIES = [1.0, 0.0, 2.5, -1.0]  # what Mistral's window changes has nothing to do with them


@pytest.mark.parametrize("early", [True, False, "never"])
@pytest.mark.parametrize(
    ("pair", "penalty"),
    [(name, one) for name in SIZES for one in (PENALTIES if name != "Mistral" else PENALTIES[:1])],
    indirect=["pair"],
)
def test_sequences_and_scores_are_theirs(pair: tuple[Any, Any, Any], penalty: float, early: Any) -> None:
    theirs, ours, ends = pair
    lengths = set()
    for beams, words in ((2, 1), (4, 3)):
        lengths |= compare(ours, theirs, beams, Rules(ends[:words]), penalty, early)
    assert len(lengths) > 2 or penalty == 2.5, "texts end at different places"


@pytest.mark.parametrize(
    "rules",
    [
        Rules(min_new_tokens=4),
        Rules(no_repeat_ngram=2),
        Rules(no_repeat_ngram=3, min_new_tokens=2),
        Rules(repetition_penalty=1.7),
    ],
)
def test_rules_are_theirs(pair: tuple[Any, Any, Any], rules: Rules) -> None:
    theirs, ours, ends = pair
    compare(ours, theirs, 3, replace(rules, end_ids=ends[:2]), 1.0, False)
    compare(ours, theirs, 2, replace(rules, end_ids=()), 1.0, True)


def test_greedy_texts_are_theirs(pair: tuple[Any, Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    theirs, ours, _ = pair
    ids, kept = prompts(hasattr(ours, "encode"))
    rows = [row[real].tolist() for row, real in zip(ids, kept, strict=True)]
    free = [new for new, _ in generate_ids(ours, rows, Decoding(max_new_tokens=NEW))]
    end = max(range(VOCAB), key=lambda word: len({new.index(word) for new in free if word in new}))
    if theirs.config.is_encoder_decoder:
        monkeypatch.setattr(ours, "config", replace(ours.config, end_id=end))
    settings = transformers.GenerationConfig(
        max_new_tokens=NEW, do_sample=False, eos_token_id=end, pad_token_id=0, decoder_start_token_id=0
    )
    expected = theirs.generate(ids, attention_mask=kept.long(), generation_config=settings)
    written = generate_ids(ours, rows, Decoding(max_new_tokens=NEW, end_ids=(end,)))
    before = 1 if theirs.config.is_encoder_decoder else 7
    for (new, score), row in zip(written, expected[:, before:].tolist(), strict=True):
        assert new == row[: len(new)]
        assert score is None
        assert set(row[len(new) :]) <= {0}
    assert len({len(new) for new, _ in written}) > 1


def test_a_batch_gives_what_each_text_alone_gives(pair: tuple[Any, Any, Any]) -> None:
    _, ours, ends = pair
    ids, kept = prompts(hasattr(ours, "encode"))
    limits = torch.tensor([9, 4, 7, 9, 1, 6])
    rules = Rules(ends, no_repeat_ngram=3)
    found = search(ours, (ids, kept), 3, rules, 1.0, False, limits=limits)
    for at, real in enumerate(kept):
        (alone,) = search(ours, (ids[at][real][None], None), 3, rules, 1.0, False, limits=limits[at : at + 1])
        assert [beam.ids for beam in alone] == [beam.ids for beam in found[at]]
        assert [beam.score for beam in alone] == pytest.approx([beam.score for beam in found[at]], abs=1e-12)
        assert max(len(beam.ids) for beam in alone) <= limits[at]


def a_translator(vocab: int = 5) -> Transformer:
    torch.manual_seed(1)
    config = TransformerConfig(vocab=vocab, dim=8, layers=1, heads=2, hidden=12, end_id=1, start_id=2, pad_id=0)
    model = Transformer(config).eval().double()
    with torch.no_grad():
        model.tokens.weight.mul_(4)
    return model


def test_with_beams_enough_the_best_of_all_texts_is_found() -> None:
    """All texts of up to 3 tokens are written out, and scored by the model at once."""
    model, ids = a_translator(), torch.tensor([[3, 4, 3, 1], [4, 4, 1, 0]])
    mask = ids != 0
    every = [
        text
        for n in (1, 2, 3)
        for text in itertools.product(range(5), repeat=n)
        if 1 not in text[:-1] and (text[-1] == 1 or n == 3)
    ]
    assert len(every) == 1 + 4 + 16 * 5
    with torch.no_grad():
        found = search_beams(Steps(model, ids, mask, 3), torch.tensor([3, 3]), 85, Rules((1,)), 0.0, "never")
        for at in (0, 1):
            scored = []
            for text in every:
                read = torch.tensor([[2, *text[:-1]]])
                logits = model(ids[at : at + 1], mask[at : at + 1], read).logits.log_softmax(-1)
                scored.append((sum(logits[0, i, token].item() for i, token in enumerate(text)), list(text)))
            scored.sort(reverse=True)
            assert [beam.ids for beam in found[at]] == [text for _, text in scored]
            assert [beam.score for beam in found[at]] == pytest.approx([score for score, _ in scored], abs=1e-12)
            assert sum(math.exp(score) for score, _ in scored) == pytest.approx(1), "they are all that there are"


def test_one_beam_is_the_greedy_choice() -> None:
    model = a_translator(30)
    ids = torch.randint(2, 30, (8, 6), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        found = search_beams(Steps(model, ids, None, 12), torch.full((8,), 12), 1, Rules((1,)), 0.0, True)
    for beam, greedy in zip(found, generate_greedy(model, ids, 12)[:, 1:].tolist(), strict=True):
        assert beam[0].ids == greedy[: len(beam[0].ids)]


def test_with_a_penalty_below_0_a_text_is_hoped_for_at_its_present_length_alone() -> None:
    """Longer would be worse then, though at the greatest length the beam seems beaten: what ends later is better."""
    search = BeamSearch(torch.tensor([100]), 2, Rules((0,)), -1.0, "never")
    written = torch.zeros(2, 1, dtype=torch.int64)
    for shares in ([0.08, 0.90, 0.02], [0.05, 0.94, 0.01], [0.97, 0.02, 0.01]):
        assert not search.found[0], "it goes on until now"
        search.step(torch.tensor(shares).log().expand(2, 3), written)
    best = search.found[0][0]
    assert best.ids == [1, 1, 0]
    assert best.score == pytest.approx(3 * math.log(0.90 * 0.94 * 0.97), abs=1e-6)


@pytest.mark.parametrize("least", [0, 3])
def test_an_end_that_is_no_token_is_refused_by_its_number(least: int) -> None:
    scores = torch.zeros(2, 9)
    written = torch.zeros(2, 1, dtype=torch.int64)
    with pytest.raises(ValueError, match="end 9 is no token of a vocabulary of 9"):
        Rules((3, 9), min_new_tokens=least).apply(scores, written, 1)
    kept = Rules((-1, 8), min_new_tokens=least).apply(scores, written, 1)  # -1: a model that has no end
    assert kept.isinf().sum() == (2 if least else 0)


def test_scores_of_half_precision_are_summed_in_single() -> None:
    logits = torch.linspace(-3, 3, 20).half()
    search = BeamSearch(torch.tensor([2]), 1, Rules(), 1.0, True)
    for _ in range(2):
        search.step(logits[None], torch.zeros(1, 1, dtype=torch.int64))
    expected = logits.float().log_softmax(-1).max().item()
    assert search.found[0][0].score == pytest.approx(expected, abs=1e-6)
    assert abs(logits.log_softmax(-1).max().item() - expected) > 1e-5, "half would be seen"


def test_all_tokens_may_be_ends() -> None:
    model, ids = a_translator(), torch.tensor([[3, 4, 1]])
    with torch.no_grad():
        (found,) = search_beams(Steps(model, ids, None, 3), torch.tensor([3]), 3, Rules(tuple(range(5))))
        first = Steps(model, ids, None, 3).first().log_softmax(-1).topk(3)
    assert [beam.ids for beam in found] == [[one] for one in first.indices[0].tolist()]
    assert [beam.score for beam in found] == pytest.approx(first.values[0].tolist(), abs=1e-12)


@pytest.mark.parametrize("rows", [[1, 0, 2], [2, 2, 0], [1], [0, 0, 1, 1, 2, 2]])
def test_a_cache_goes_on_with_the_chosen_texts(rows: list[int]) -> None:
    draw = torch.Generator().manual_seed(0)
    cache = KVCache(2, batch=3, kv_heads=2, length=5, head_dim=4)
    first, more = (torch.randn(2, n, 2, 2, 4, generator=draw) for n in (3, len(rows)))
    for layer in (0, 1):
        cache.update(layer, first[layer], -first[layer])
    assert select_rows(cache, torch.tensor(rows)) is cache
    assert cache.length == 2
    for layer in (0, 1):
        k, v = cache.update(layer, more[layer], -more[layer])
        assert torch.equal(k, torch.cat((first[layer][rows], more[layer]), dim=2))
        assert torch.equal(v, -k)
    parts = (torch.arange(3), [torch.arange(3), None, "kept"], 7)
    assert str(select_rows(parts, torch.tensor(rows))) == str(
        (torch.tensor(rows), [torch.tensor(rows), None, "kept"], 7)
    )


def test_what_would_be_repeated() -> None:
    written = torch.tensor([[-1, -1, 3, 4, 3], [3, 4, 4, 4, 4], [-1, -1, -1, -1, 2]])
    assert repeats(written, 2, 6).nonzero().tolist() == [[0, 4], [1, 4]]
    assert repeats(written, 1, 6).nonzero().tolist() == [[0, 3], [0, 4], [1, 3], [1, 4], [2, 2]]
    assert repeats(written, 3, 6).nonzero().tolist() == [[1, 4]]
    assert not repeats(written, 6, 6).any()


def test_what_means_nothing_is_refused() -> None:
    model, ids = a_translator(), torch.tensor([[3, 4]])
    for limits, beams, early in (([0], 2, True), ([3], 0, True), ([3], 2, "always")):
        with pytest.raises(ValueError, match="at least 1"):
            search_beams(Steps(model, ids, None, 3), torch.tensor(limits), beams, Rules((1,)), 1.0, early)  # type: ignore[arg-type]
    for more in ({"min_new_tokens": -1}, {"no_repeat_ngram": -1}, {"repetition_penalty": 0.0}):
        with pytest.raises(ValueError, match="0 or more"):
            Rules((1,), **more)  # type: ignore[arg-type]
