"""Fine-tuning on conversations: whose tokens are learned, what a batch holds, and a tiny Llama that learns to reply."""

from __future__ import annotations

import runpy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from groundup.stack.models.families import CausalLM
from groundup.stack.models.llama import Llama, LlamaConfig
from groundup.stack.models.output import IGNORED
from groundup.stack.tasks.chat import Chat, Conversation, encode_chat, reply, reply_spans, turn_ends
from groundup.stack.tasks.generation import Completion, Decoding
from groundup.stack.tasks.reading import Layout, Reader, Slot
from groundup.stack.tasks.start import start
from groundup.stack.tasks.templates import ChatError, ChatTemplate, read_template
from groundup.stack.text.tokenizer_file import read_tokenizer, write_tokenizer
from groundup.stack.training.settings import Settings
from groundup.stack.training.trainer import train

SHARED = runpy.run_path(str(Path(__file__).with_name("chat_templates.py")))
ALL, SPECIAL = SHARED["ALL"], SHARED["SPECIAL"]
NAMES = {"bos_token": "<s>", "eos_token": "</s>"}
ENDS = {"ChatML": "<|im_end|>", "Llama 2": "</s>", "Llama 3": "<|eot_id|>", "Mistral": "</s>", "Zephyr": "</s>"}
ENDS |= {"ChatML, marked": "<|im_end|>", "Llama 3.1": "<|eot_id|>", "thinking": "<|im_end|>"}
TURNS = [("user", "Hi"), ("assistant", "Hello!"), ("user", "Who\n\nare you?"), ("assistant", "It is I.")]
MESSAGES = [{"role": role, "content": content} for role, content in TURNS]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("tokenizer")
    write_tokenizer(folder, [(b"\n", b"\n"), (b"H", b"i"), (b"l", b"o")], SPECIAL)
    return read_tokenizer(folder)


def reader_of(tokenizer: Any, longest: int | None = None) -> Reader:
    text, second = Slot(None, 0, 0), Slot(None, 1, 0)
    return Reader(tokenizer, Layout((text,), (text, second), pad_id=5), types=False, longest=longest)


# ── whose tokens ─────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("system", [False, True])
def test_the_assistants_part_is_what_it_says_and_the_end(tokenizer: Any, name: str, system: bool) -> None:
    template = ChatTemplate(ALL[name], NAMES)
    messages = [{"role": "system", "content": "Be kind"}] * system + MESSAGES
    if name == "Mistral" and system:  # which is written before the last message only, and only if that is the user's
        with pytest.raises(ChatError, match="the assistant's message 2 cannot be told: with it, the template writes"):
            encode_chat(tokenizer, template, messages)
        return
    chat = encode_chat(tokenizer, template, messages)
    text, spans = reply_spans(template, messages, tuple(tokenizer.added))
    assert chat.ids == tokenizer.encode(text) and text == template.render(messages).text
    said = [text[begin:end] for begin, end in spans]
    space = " " if name in ("Llama 2", "Mistral") else ""
    behind = " " if name == "Llama 2" else ""
    last = "%" if name == "thinking" else ""
    assert said == [f"{space}{one}{behind}{ENDS[name]}{last}" for one in ("Hello!", "It is I.")]
    learned = tokenizer.decode([one for one in chat.labels if one != IGNORED])
    assert learned == "".join(said)
    assert [one for one, kept in zip(chat.ids, chat.mask, strict=True) if kept] == [
        one for one in chat.labels if one != IGNORED
    ]


@settings(max_examples=100, deadline=None)
@given(words=st.lists(st.text(alphabet="a \n</s>é漢", max_size=6), min_size=2, max_size=6))
@pytest.mark.parametrize("name", ["ChatML", "Llama 3"])
def test_marks_and_differences_agree(tokenizer: Any, name: str, words: list[str]) -> None:
    """A template that says what is the assistant's, and the same without a word about it."""
    marked = {
        "ChatML": "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.role == 'assistant' %}{% generation %}"
        "{{ m.content }}<|im_end|>{% endgeneration %}{% else %}{{ m.content }}<|im_end|>{% endif %}"
        "{{ '\\n' }}{% endfor %}",
        "Llama 3": "{{ bos_token }}{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n"
        "{% if m.role == 'assistant' %}{% generation %}{{ m.content | trim }}<|eot_id|>{% endgeneration %}"
        "{% else %}{{ m.content | trim }}<|eot_id|>{% endif %}{% endfor %}",
    }[name]
    roles = ("user", "assistant")
    messages = [{"role": roles[at % 2], "content": word} for at, word in enumerate(words)]
    first = encode_chat(tokenizer, ChatTemplate(marked, NAMES), messages)
    second = encode_chat(tokenizer, ChatTemplate(ALL[name], NAMES), messages)
    assert first == second
    assert any(first.mask)


def test_what_cannot_be_told_is_refused(tokenizer: Any) -> None:
    shortened = ChatTemplate("{% for m in messages %}{{ m.content if loop.last else '…' }}</s>{% endfor %}", NAMES)
    with pytest.raises(ChatError, match="the assistant's message 1 cannot be told"):
        encode_chat(tokenizer, shortened, MESSAGES)
    with pytest.raises(ChatError, match="begins with the assistant"):
        encode_chat(tokenizer, ChatTemplate(ALL["ChatML"]), MESSAGES[1:])
    marked = ChatTemplate(ALL["ChatML, marked"])
    assert any(encode_chat(tokenizer, marked, MESSAGES[1:]).mask)  # which is told here


@pytest.mark.parametrize("name", ALL)
def test_the_ends_of_a_turn_are_found(tokenizer: Any, name: str) -> None:
    template = ChatTemplate(ALL[name], NAMES)
    added = tokenizer.added
    assert turn_ends(tokenizer, template) == tuple(dict.fromkeys((added[ENDS[name]], added["</s>"])))
    bare = ChatTemplate("{% for m in messages %}{{ m.content }} x{% endfor %}", {"eos_token": "none such"})
    assert turn_ends(tokenizer, bare) == ()
    assert turn_ends(tokenizer, ChatTemplate("{{ raise_exception('no') }}", NAMES)) == (added["</s>"],)
    loud = ChatTemplate("<s>{% for m in messages %}{{ m.content | upper }}{% endfor %}", NAMES)
    assert turn_ends(tokenizer, loud) == (added["</s>"],)  # what begins the text ends no turn


def test_of_ends_that_begin_alike_the_longest_is_meant(tmp_path: Path) -> None:
    write_tokenizer(tmp_path, [(b"H", b"i")], ("<end>", "<end>of turn"))
    tokenizer = read_tokenizer(tmp_path)
    template = ChatTemplate("{% for m in messages %}{{ m.content }}<end>of turn{% endfor %}")
    assert turn_ends(tokenizer, template) == (tokenizer.added["<end>of turn"],)


def test_a_reply_is_bare_and_ends_where_it_is_told_to(tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Decoding] = []

    def generate(model: Any, words: Any, prompts: Any, decoding: Decoding, **more: Any) -> list[Completion]:
        asked.append(decoding)
        return [Completion(" Hi there \n", [1], "end")]

    monkeypatch.setattr("groundup.stack.tasks.chat.generate_text", generate)
    template = ChatTemplate(ALL["ChatML"], NAMES)
    assert reply(None, tokenizer, template, MESSAGES[:1]).text == "Hi there"
    reply(None, tokenizer, template, MESSAGES[:1], Decoding(end_ids=(7,)))
    assert [one.end_ids for one in asked] == [turn_ends(tokenizer, template), (7,)]


# ── batches ──────────────────────────────────────────────────────────────────


def tiny(vocab: int, context: int = 64) -> CausalLM:
    torch.manual_seed(1)
    return CausalLM(Llama(LlamaConfig(vocab=vocab, dim=32, layers=2, heads=4, kv_heads=2, hidden=64, context=context)))


def test_only_the_assistants_tokens_make_the_loss(tokenizer: Any) -> None:
    """Written out: the mean of -log p of each of its tokens, the first of them predicted from the prompt's last."""
    task = Chat(reader_of(tokenizer), ChatTemplate(ALL["ChatML"], NAMES))
    chats = task.features([Conversation(MESSAGES[:2]), Conversation(MESSAGES)])
    batch = task.collate(chats)
    assert batch["ids"].shape == batch["labels"].shape == batch["attention_mask"].shape == (2, len(chats[1].ids))
    rest = len(chats[1].ids) - len(chats[0].ids)
    assert batch["ids"][0, -rest:].tolist() == [5] * rest and not batch["attention_mask"][0, -rest:].any()
    model = tiny(tokenizer.vocab_size, 128).double()
    losses = []
    for chat in chats:
        shares = functional.log_softmax(model(torch.tensor([chat.ids])).logits[0], dim=-1)
        losses += [-shares[at - 1, chat.ids[at]] for at, said in enumerate(chat.mask) if said]
    assert len(losses) == 2 * len(tokenizer.encode("Hello!<|im_end|>")) + len(tokenizer.encode("It is I.<|im_end|>"))
    torch.testing.assert_close(model(**batch).loss, torch.stack(losses).mean())


def test_what_is_too_long_is_refused_or_cut(tokenizer: Any) -> None:
    template = ChatTemplate(ALL["ChatML"], NAMES)
    whole = Chat(reader_of(tokenizer), template).features([Conversation(MESSAGES)])[0]
    task = Chat(reader_of(tokenizer, len(whole.ids) - 1), template)
    with pytest.raises(ChatError, match=f"conversation 1 has {len(whole.ids)} tokens, and the model reads"):
        task.features([Conversation(MESSAGES[:2]), Conversation(MESSAGES)])
    fits = replace(task, reader=reader_of(tokenizer, len(whole.ids)))
    assert fits.features([Conversation(MESSAGES)]) == [whole]
    alone = ChatTemplate("{% for m in messages %}{% generation %}{{ m.content }}{% endgeneration %}{% endfor %}")
    with pytest.raises(ChatError, match="nothing of the assistant's"):  # its one token comes first: nothing tells of it
        replace(task, template=alone).features([Conversation([{"role": "assistant", "content": "H"}])])
    cut = replace(task, cut=True).features([Conversation(MESSAGES)])[0]
    assert (cut.ids, cut.mask) == (whole.ids[:-1], whole.mask[:-1])
    with pytest.raises(ChatError, match="conversation 0: there is nothing of the assistant's to learn"):
        replace(task, reader=reader_of(tokenizer, 6), cut=True).features([Conversation(MESSAGES)])
    with pytest.raises(ChatError, match="conversation 0: there is nothing of the assistant's"):
        task.features([Conversation(MESSAGES[:1])])
    with pytest.raises(ChatError, match="conversation 1: message 0 has no role"):
        task.features([Conversation(MESSAGES[:2]), Conversation([{"content": "x"}])])


def test_scores_compare_replies(tokenizer: Any) -> None:
    task = Chat(reader_of(tokenizer), ChatTemplate(ALL["ChatML"]))
    examples = [Conversation(MESSAGES), Conversation(MESSAGES[:2])]
    assert task.score([" It is I.\n", "hello!"], examples) == {"exact": 50}
    with pytest.raises(ValueError, match="1 for 2"):
        task.score(["x"], examples)
    with pytest.raises(ValueError, match="conversation 0 does not end with"):
        task.score(["x"], [Conversation(MESSAGES[:1])])


# ── a tiny Llama learns to reply ─────────────────────────────────────────────

CANNED = {"Hi": "Hello!", "Who are you?": "A llama.", "What is 1 + 1?": "Two, I think."}


@pytest.mark.parametrize("name", ["ChatML", "Llama 2"])
def test_a_tiny_llama_learns_three_replies(tokenizer: Any, name: str) -> None:
    """And when to stop; also in conversations of two turns, which go on from an end."""
    template = ChatTemplate(ALL[name], NAMES)
    turns = [({"role": "user", "content": q}, {"role": "assistant", "content": a}) for q, a in CANNED.items()]
    learned = [Conversation(one) for one in turns] + [Conversation((*a, *b)) for a in turns for b in turns]
    model = tiny(tokenizer.vocab_size, 160)
    task = Chat(reader_of(tokenizer, 160), template, Decoding(max_new_tokens=30))
    before = task.score(task.predict(model, learned), learned)
    run = train(model, task.features(learned), task.collate, Settings(steps=160, batch=12, lr=5e-3, warmup=10))
    assert before == {"exact": 0}
    assert run.losses[-1] < 0.05
    assert task.score(task.predict(model, learned, batch=5), learned) == {"exact": 100}
    for question, answer in CANNED.items():
        found = reply(model, tokenizer, template, [{"role": "user", "content": question}])
        assert (found.text, found.reason) == (answer, "end")
    cut = reply(model, tokenizer, template, [{"role": "user", "content": "Hi"}], Decoding(max_new_tokens=3))
    assert cut.reason == "length" and "Hello!".startswith(cut.text)
    with pytest.raises(ValueError, match="the context of this model is 160"):
        reply(model, tokenizer, template, [{"role": "user", "content": "x" * 200}])


def test_a_folder_is_enough(tokenizer: Any, tmp_path: Path) -> None:
    """Model, tokenizer and template of one place; what is saved after fine-tuning still has all three."""
    write_tokenizer(tmp_path, [(b"\n", b"\n"), (b"H", b"i"), (b"l", b"o")], SPECIAL)
    (tmp_path / "chat_template.jinja").write_text(ALL["Zephyr"])
    tiny(tokenizer.vocab_size).save_pretrained(tmp_path)
    kit = start(tmp_path, "generation")
    task = Chat(kit.reader, read_template(tmp_path))
    assert task.reader.longest == 64 and task.template.special == {"eos_token": "</s>"}
    learned = [Conversation(MESSAGES[:2])]
    run = train(kit.model, task.features(learned), task.collate, Settings(steps=2, batch=1))
    assert run.losses[1] < run.losses[0]
    kit.save(tmp_path / "tuned")
    again, template = start(tmp_path / "tuned", "generation"), read_template(tmp_path / "tuned")
    assert (template.sources, template.special) == (task.template.sources, task.template.special)
    said = [reply(one.model, one.tokenizer, template, MESSAGES[:1]) for one in (kit, again)]
    assert said[0] == said[1]
