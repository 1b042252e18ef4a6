"""Chat: fine-tuning on conversations, of which only the assistant's part is learned, and replies.

    conversation ── template ──► text ── tokenizer ──► ids     <user> Hi <end> <assistant> Hello ! <end>
                                   which is the assistant's      ·    ·   ·        ·         ✓   ✓   ✓
    ids, labels (IGNORED where not ✓) ── next-token loss ──► supervised fine-tuning
    conversation ── template, with the assistant's turn begun ── generate, until the turn's end ──► reply

What the assistant's part is, a template says by ``{% generation %}``, as in transformers. Most say nothing: then it is
what a reply adds to the text of the conversation before it, up to the token that ends a turn. That token is learned as
well, or the model would not know when to stop. Ouyang and others, "Training language models to follow instructions with
human feedback" (2022), section 3.5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from groundup.stack.models.output import IGNORED
from groundup.stack.tasks.generation import Completion, Decoding, generate_text
from groundup.stack.tasks.reading import Reader, token_id
from groundup.stack.tasks.task import BATCH, LABELS, pad_rows, pad_texts
from groundup.stack.tasks.templates import ChatError, ChatTemplate, Message, Span, read_template
from groundup.stack.text.files import AnyTokenizer

__all__ = [
    "Chat",
    "ChatError",
    "ChatTemplate",
    "Conversation",
    "EncodedChat",
    "encode_chat",
    "read_template",
    "reply",
    "reply_spans",
    "turn_ends",
]

ASSISTANT = "assistant"
_MARK = "a reply to find again"


@dataclass(frozen=True)
class Conversation:
    """Messages, each with ``role`` and ``content``, and the JSON schemas of the tools that the assistant may use."""

    messages: Sequence[Message]
    tools: Sequence[Mapping[str, Any]] | None = None


@dataclass(frozen=True)
class EncodedChat:
    """The ids of a conversation, and for each whether it is the assistant's to say."""

    ids: list[int]
    mask: list[bool]

    @property
    def labels(self) -> list[int]:
        """The ids of the assistant's tokens, IGNORED elsewhere."""
        return [token if said else IGNORED for token, said in zip(self.ids, self.mask, strict=True)]


def encode_chat(
    tokenizer: AnyTokenizer, template: ChatTemplate, messages: Sequence[Message], **given: Any
) -> EncodedChat:
    """A conversation as ids, with the assistant's tokens marked. ``given`` are more arguments of the template
    (:meth:`ChatTemplate.render`), without ``add_generation_prompt``.

    A token counts as the assistant's as soon as one of its characters does. What the file puts before every text is
    left out: the template writes it. Raises ChatError where the template fails.
    """
    text, spans = reply_spans(template, messages, (*tokenizer.added, *template.special.values()), **given)
    ids, offsets = tokenizer.encode_with_offsets(text)
    mask = []
    at = 0
    for begin, end in offsets:  # both are in order
        while at < len(spans) and spans[at][1] <= begin:
            at += 1
        mask.append(at < len(spans) and end > spans[at][0])
    return EncodedChat(ids, mask)


def reply_spans(
    template: ChatTemplate, messages: Sequence[Message], ends: Sequence[str] = (), **given: Any
) -> tuple[str, list[Span]]:
    """The text of a conversation, and where in it the assistant speaks.

    Where the template does not say, each of the assistant's messages is what it adds to the text before it; white space
    behind one of ``ends``, the texts of special tokens, is no longer part of it. Raises ChatError where that cannot be
    told, because the template writes earlier turns in another way once later ones are there.
    """
    whole = template.render(messages, **given)
    if whole.generated is not None:
        return whole.text, list(whole.generated)
    spans = []
    for at, message in enumerate(messages):
        if message.get("role") != ASSISTANT:
            continue
        if at == 0:
            raise ChatError("the conversation begins with the assistant: a message before it is needed")
        before = template.render(messages[:at], add_generation_prompt=True, **given).text
        after = template.render(messages[: at + 1], **given).text
        if not (after.startswith(before) and whole.text.startswith(after)):
            raise ChatError(
                f"which part of the text is the assistant's message {at} cannot be told: with it, the template writes "
                "what comes before in another way, or with what comes after it; put {% generation %} … "
                "{% endgeneration %} around it in the template"
            )
        spans.append((len(before), len(before) + _spoken(after[len(before) :], ends)))
    return whole.text, spans


def _spoken(text: str, ends: Sequence[str]) -> int:
    """How much of it is the assistant's: all, but for white space behind the token that ends its turn."""
    bare = text.rstrip()
    return len(bare) if any(bare.endswith(one) for one in ends) else len(text)


def turn_ends(tokenizer: AnyTokenizer, template: ChatTemplate) -> tuple[int, ...]:
    """The tokens with which the assistant's turn ends: what the template writes right behind a message of the
    assistant's, where that is a special token, and the end of a text (``eos_token``)."""
    found = []
    try:
        messages = [{"role": "user", "content": "?"}, {"role": ASSISTANT, "content": _MARK}]
        _, found_it, behind = template.render(messages).text.rpartition(_MARK)
        behind = behind.lstrip() if found_it else ""  # a template may write a message in another way, or not at all
    except ChatError:  # a template for conversations of another kind
        behind = ""
    first = max((one for one in tokenizer.added if one and behind.startswith(one)), key=len, default=None)
    for name in (first, template.special.get("eos_token")):
        token = None if name is None else token_id(tokenizer, name)
        if token is not None and token not in found:
            found.append(token)
    return tuple(found)


def reply(
    model: Any,
    tokenizer: AnyTokenizer,
    template: ChatTemplate,
    messages: Sequence[Message],
    decoding: Decoding | None = None,
    *,
    generator: torch.Generator | None = None,
    **given: Any,
) -> Completion:
    """What the assistant says next, without white space around it; its ``reason`` says whether it came to an end.

    ``decoding`` says how tokens are chosen, and where it names no ``end_ids``, :func:`turn_ends` are taken; ``given``
    are more arguments of the template, such as ``tools``. Raises ChatError where the template fails, ValueError where
    the conversation fills the model's context.
    """
    return _replies(model, tokenizer, template, [(messages, given)], decoding, generator, 1)[0]


def _replies(
    model: Any,
    tokenizer: AnyTokenizer,
    template: ChatTemplate,
    asked: Sequence[tuple[Sequence[Message], Mapping[str, Any]]],
    decoding: Decoding | None,
    generator: torch.Generator | None,
    batch: int,
) -> list[Completion]:
    decoding = decoding or Decoding()
    if not decoding.end_ids:
        decoding = replace(decoding, end_ids=turn_ends(tokenizer, template))
    prompts = []
    for messages, given in asked:
        text = template.render(messages, add_generation_prompt=True, **given).text
        prompts.append(tokenizer.encode(text))
    found = generate_text(model, tokenizer, prompts, decoding, generator=generator, batch=batch)
    return [replace(one, text=one.text.strip()) for one in found]


# ── the task ─────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Chat:
    """Supervised fine-tuning on conversations. ``reader`` has the tokenizer, and how many tokens the model reads.

    ``cut``: is a conversation that is too long cut at its end, instead of refused. Predicted, and compared with what
    was said, is the assistant's last message.
    """

    reader: Reader
    template: ChatTemplate
    decoding: Decoding = field(default_factory=Decoding)
    cut: bool = False
    name: str = "chat"

    def features(self, examples: Sequence[Conversation]) -> list[EncodedChat]:
        """One a conversation. Raises ChatError, with the number of the conversation, where the assistant says nothing
        in it, or it is longer than the model reads."""
        found = []
        longest = self.reader.longest
        for number, one in enumerate(examples):
            try:
                chat = encode_chat(self.reader.tokenizer, self.template, one.messages, tools=one.tools)
            except ChatError as error:
                raise ChatError(f"conversation {number}: {error}") from error
            if longest is not None and len(chat.ids) > longest:
                if not self.cut:
                    raise ChatError(
                        f"conversation {number} has {len(chat.ids)} tokens, and the model reads {longest}: shorten it, "
                        "or set cut=True to learn from its beginning"
                    )
                chat = EncodedChat(chat.ids[:longest], chat.mask[:longest])
            if not any(chat.mask[1:]):
                raise ChatError(f"conversation {number}: there is nothing of the assistant's to learn; leave it out")
            found.append(chat)
        return found

    def collate(self, features: Sequence[EncodedChat]) -> dict[str, Tensor]:
        """``ids``, ``attention_mask`` and ``labels``, each (batch, n), padded on the right."""
        batch = pad_texts([one.ids for one in features], self.reader.layout.pad_id)
        batch[LABELS] = pad_rows([one.labels for one in features], IGNORED)
        return batch

    def predict(self, model: nn.Module, examples: Sequence[Conversation], batch: int = BATCH) -> list[str]:
        """What the assistant says in place of its last message, or next, where the last message is not its own."""
        asked = [(_before(one.messages), {"tools": one.tools}) for one in examples]
        tokenizer = self.reader.tokenizer
        return [one.text for one in _replies(model, tokenizer, self.template, asked, self.decoding, None, batch)]

    def score(self, predictions: Sequence[str], examples: Sequence[Conversation]) -> dict[str, float]:
        """``exact``: how many of the replies, in percent, are what the assistant said, but for white space around it.

        Raises ValueError where there are none, or a conversation does not end with the assistant.
        """
        if len(predictions) != len(examples) or not examples:
            raise ValueError(f"one reply for each of one or more conversations: {len(predictions)} for {len(examples)}")
        right = 0
        for number, (said, one) in enumerate(zip(predictions, examples, strict=True)):
            last = one.messages[-1]
            if last.get("role") != ASSISTANT or not isinstance(last.get("content"), str):
                raise ValueError(f"conversation {number} does not end with a text of the assistant's to compare with")
            right += said.strip() == last["content"].strip()
        return {"exact": 100 * right / len(examples)}


def _before(messages: Sequence[Message]) -> Sequence[Message]:
    """A conversation up to its last message of the assistant's, where it ends with one."""
    return messages[:-1] if messages and messages[-1].get("role") == ASSISTANT else messages
