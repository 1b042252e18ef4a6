"""Perplexity: windows against one computation of the whole text, and against one computation for each token."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from groundup.stack.models.families import CausalLM
from groundup.stack.models.gpt import GPT
from groundup.stack.models.gpt2 import GPT2, GPT2Config
from groundup.stack.models.mamba import Mamba, MambaConfig
from groundup.stack.tasks.language import Surprise, perplexity, text_perplexity, windows
from groundup.stack.text.tokenizer_file import FileTokenizer

VOCAB, CONTEXT = 257, 24


def a_model() -> CausalLM:
    torch.manual_seed(0)
    model = GPT2(GPT2Config(vocab=VOCAB, dim=16, layers=2, heads=2, context=CONTEXT)).double()
    with torch.no_grad():
        for one in model.parameters():
            one.add_(torch.randn_like(one) * 0.2)
    return CausalLM(model)


def a_text(n: int) -> list[int]:
    return torch.randint(VOCAB, (n,), generator=torch.Generator().manual_seed(n)).tolist()  # type: ignore[no-any-return]


def log_p(model: Any, ids: list[int]) -> float:
    """Of the last token, in nats."""
    with torch.no_grad():
        output = model(torch.tensor([ids]))
    logits = output if isinstance(output, torch.Tensor) else output.logits
    return float(logits[0, -2].log_softmax(-1)[ids[-1]])


@pytest.mark.parametrize("begin", [[], [256], [3, 4, 5]])
def test_where_the_text_fits_it_is_the_loss_of_the_whole(begin: list[int]) -> None:
    model, ids = a_model(), a_text(19)
    found = perplexity(model, ids, begin=begin)
    labels = torch.tensor([begin + ids])
    labels[0, : len(begin)] = -100
    loss = model(torch.tensor([begin + ids]), labels=labels).loss.item()
    assert found.tokens == 19 - (not begin)
    assert found.nats / found.tokens == pytest.approx(loss, abs=1e-12)
    assert found.per_token == pytest.approx(math.exp(loss), rel=1e-12)


@pytest.mark.parametrize(
    ("length", "stride"), [(24, 24), (24, 12), (10, 3), (7, 1), (5, 5), (2, 1), (2, 2), (None, None)]
)
@pytest.mark.parametrize("n", [61, 25, 8])
def test_each_token_counts_once_with_what_its_window_has(n: int, length: int | None, stride: int | None) -> None:
    model, ids = a_model(), a_text(n)
    found = perplexity(model, ids, length, stride, together=3)
    size, step = length or min(n, CONTEXT), stride or min(n, CONTEXT) // 2
    expected, counted, done, start = 0.0, 0, 1, 0
    while done < n:
        end = min(start + size, n)
        for at in range(done, end):
            expected -= log_p(model, ids[start : at + 1])
            counted += 1
        done = max(end, done)
        start = min(start + step, done - 1)
    assert counted == n - 1 == found.tokens
    assert found.nats == pytest.approx(expected, abs=1e-9)


@given(n=st.integers(2, 90), length=st.integers(2, 20), first=st.integers(1, 40), data=st.data())
@settings(max_examples=300, deadline=None)
def test_windows_cover_every_token_once(n: int, length: int, first: int, data: st.DataObject) -> None:
    stride = data.draw(st.integers(1, length))
    plan = windows(n, length, stride, first)
    assert [at for _, end, since in plan for at in range(since, end)] == list(range(first, n))
    for start, end, since in plan:
        assert 0 <= start < since < end <= n
        assert end - start <= length
        if start:
            assert since - start >= max(length - stride, 1), "so much stands before what counts"


def test_other_decoders_and_modes() -> None:
    torch.manual_seed(0)
    ids = a_text(20)
    for model in (
        GPT(VOCAB, 16, 2, 2, 12).double(),
        CausalLM(Mamba(MambaConfig(vocab=VOCAB, dim=16, layers=1)).double()),
    ):
        model.train()
        expected = -sum(log_p(model, ids[: at + 1]) for at in range(1, 12))
        assert perplexity(model, ids[:12]).nats == pytest.approx(expected, abs=1e-9)
        assert model.training
    found = perplexity(GPT(VOCAB, 16, 2, 2, 12), ids)
    assert found.tokens == 19, "windows of the context where no length is given"


def test_a_text_per_token_per_word_and_per_byte() -> None:
    text = "Vier Wörter, vier\nZahlen: ½  "
    tokenizer = FileTokenizer([], {bytes([byte]): byte for byte in range(256)}, {"<s>": 256}, begin=[256])
    model = a_model()
    found = text_perplexity(model, tokenizer, text, 8, 4)
    size = len(text.encode())
    assert (found.words, found.bytes, found.tokens) == (5, size, size)
    assert found.nats == perplexity(model, [*text.encode()], 8, 4, begin=[256]).nats
    scores = found.scores()
    for name, units in (("perplexity", size), ("perplexity per word", 5), ("perplexity per byte", size)):
        assert math.log(scores[name]) * units == pytest.approx(found.nats)
    assert scores["bits per byte"] == pytest.approx(found.nats / math.log(2) / size)


def test_a_uniform_model_is_as_surprised_as_it_should_be() -> None:
    model = a_model()
    with torch.no_grad():
        model.model.embedding.weight.zero_()
    assert perplexity(model, a_text(100), 10, 5).per_token == pytest.approx(VOCAB)


def test_a_text_shorter_than_the_window_and_the_stride_is_one_window() -> None:
    model, ids = a_model(), a_text(5)
    whole = perplexity(model, ids)
    for length, stride in ((None, 12), (None, CONTEXT), (20, 9), (20, 20), (5, 5)):
        assert perplexity(model, ids, length, stride).nats == pytest.approx(whole.nats, abs=1e-12)
    torch.manual_seed(0)
    endless = CausalLM(Mamba(MambaConfig(vocab=VOCAB, dim=16, layers=1)).double())
    assert perplexity(endless, ids, stride=512).nats == pytest.approx(perplexity(endless, ids).nats, abs=1e-12)


def test_what_no_number_can_hold_is_infinite_and_its_bits_are_a_number() -> None:
    found = Surprise(5000.0, 700)
    assert found.per(1) == math.inf
    assert found.bits_per(1) == pytest.approx(5000 / math.log(2))
    assert found.bits_per(700) == pytest.approx(math.log2(found.per(700)))
    with pytest.raises(ValueError, match="one unit at least, not over 0"):
        found.bits_per(0)


def test_half_precision_is_summed_in_a_wider_one() -> None:
    model, ids = a_model().half(), a_text(300)
    found = perplexity(model, ids, 24, 12)
    wide = perplexity(a_model(), ids, 24, 12)
    assert found.nats == pytest.approx(wide.nats, rel=2e-4)
    with torch.no_grad():
        logits = model(torch.tensor([ids[:24]])).logits
    expected = torch.nn.functional.cross_entropy(logits[0, :-1].double(), torch.tensor(ids[1:24]), reduction="sum")
    assert perplexity(model, ids[:24]).nats == pytest.approx(expected.item(), rel=1e-6)


def test_what_means_nothing_is_refused() -> None:
    model = a_model()
    for ids, begin in (([], []), ([5], []), ([], [1, 2])):
        with pytest.raises(ValueError, match="none that has something before it"):
            perplexity(model, ids, begin=begin)
    with pytest.raises(ValueError, match=f"windows of 25 tokens do not fit into this model's context of {CONTEXT}"):
        perplexity(model, a_text(40), 25)
    for length, stride in ((1, 1), (5, 0), (5, 6)):
        with pytest.raises(ValueError, match="a window has 2 tokens at least"):
            perplexity(model, a_text(40), length, stride)
    with pytest.raises(ValueError, match="one unit at least"):
        perplexity(model, a_text(9)).per(0)
    with pytest.raises(ValueError, match="together=0"):
        perplexity(model, a_text(9), 4, 2, together=0)
