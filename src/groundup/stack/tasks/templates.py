"""Chat templates: the program, in a tokenizer's files, that writes a conversation as the one text a model reads.

    [{"role": "user", "content": "Hi"}] ── template ──► "<|im_start|>user\\nHi<|im_end|>\\n"
                           with add_generation_prompt, also "<|im_start|>assistant\\n"

``chat_template.jinja``, or ``chat_template`` in ``tokenizer_config.json``, is a Jinja program. It is given
``messages``, ``tools``, ``documents``, ``add_generation_prompt`` and the special tokens by their names (``bos_token``,
…), and runs in the surroundings that transformers gives it: blocks swallow the line end behind them, loops have
``break``, there are ``raise_exception``, ``strftime_now``, ``namespace`` and a ``tojson`` without HTML's escapes, and
what stands in ``{% generation %}`` is what the model is to learn.

Templates come from elsewhere, so they run in Jinja's sandbox, on plain copies of the messages, and are stopped after
STEPS passes of loops, of which a call is worth CALL. Not protected against: one that fills the memory by doubling a
text again and again or by a filter's width, and one that writes what a model should not read. Nor is a message kept
from holding a special token's text, which then is that token.
"""

from __future__ import annotations

import json
import os
import re
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from groundup.stack.models.checkpoints import find_folder
from groundup.stack.text.files import TOKENIZER_CONFIG, read_json, read_text

TEMPLATE_FILE, MORE_TEMPLATES = "chat_template.jinja", "additional_chat_templates"
SPECIAL_TOKENS_MAP = "special_tokens_map.json"
STEPS, CALL = 2_000_000, 20
_LONGEST, _WIDEST = 10_000_000, 100_000  # what one multiplication may make: characters or items, bits of a number
_REASONING = ("reasoning_content", "thinking", "reasoning")  # names for what a model thinks before it answers
_GENERATION = re.compile(r"\{%[-+]?\s*generation\s*[-+]?%\}")
_NAMED = tuple(f"{role}_token" for role in ("bos", "eos", "unk", "sep", "pad", "cls", "mask"))

Message = Mapping[str, Any]
Span = tuple[int, int]


class ChatError(ValueError):
    """A template, or a conversation, that cannot be used, and why."""


@dataclass(frozen=True)
class Rendered:
    """A conversation as a text, and the characters of it that ``{% generation %}`` encloses; None for a template that
    encloses none."""

    text: str
    generated: tuple[Span, ...] | None


@dataclass
class _Run:
    """What is counted while a template runs."""

    left: int = STEPS
    written: int = 0
    generated: list[tuple[int, str]] = field(default_factory=list)

    def step(self, steps: int = 1) -> None:
        self.left -= steps
        if self.left < 0:
            raise ChatError(
                f"the chat template does not come to an end: it was stopped after {STEPS} passes of its loops"
            )


_running: ContextVar[_Run | None] = ContextVar("running chat template", default=None)


class ChatTemplate:
    """One template or several by name; ``special`` are the tokens that they may name, such as ``bos_token``.

    Of several, ``tool_use`` is taken where there are tools, else ``default``. Raises ChatError where one is no Jinja
    program.
    """

    def __init__(self, source: str | Mapping[str, str], special: Mapping[str, str] | None = None) -> None:
        self.sources = {"default": source} if isinstance(source, str) else dict(source)
        self.special = dict(special or {})
        for one in self.sources.values():
            _compiled(one)

    def source(self, name: str | None = None, tools: bool = False) -> str:
        """The program of that name, or the one that is meant. Raises ChatError where there is none."""
        if name is None:
            name = "tool_use" if tools and "tool_use" in self.sources else "default"
        if name not in self.sources:
            raise ChatError(f"there is no chat template named {name!r}; {', '.join(sorted(self.sources))} are there")
        return self.sources[name]

    def render(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[Mapping[str, Any]] | None = None,
        documents: Sequence[Mapping[str, Any]] | None = None,
        add_generation_prompt: bool = False,
        name: str | None = None,
        **more: Any,
    ) -> Rendered:
        """The conversation as a text; with ``add_generation_prompt`` it ends where the assistant is to begin.

        ``tools`` are JSON schemas; ``more`` is what else the template asks for. Raises ChatError where the template
        fails, refuses the conversation or does not end, or a message is none.
        """
        source = self.source(name, tools is not None)
        program = _compiled(source)
        given = {
            **self.special,
            **{one: _plain(value, one) for one, value in more.items()},
            "messages": _plain_messages(messages),
            "tools": None if tools is None else [_plain_mapping(one, "a tool") for one in tools],
            "documents": None if documents is None else [_plain_mapping(one, "a document") for one in documents],
            "add_generation_prompt": add_generation_prompt,
        }
        run = _Run()
        token = _running.set(run)
        blocks: list[str] = []
        try:
            for block in program.generate(given):
                blocks.append(block)
                run.written += len(block)
        except ChatError:
            raise
        except Exception as error:
            raise ChatError(_explained(error)) from error
        finally:
            _running.reset(token)
        text = "".join(blocks)
        spans = tuple((begin, begin + len(part)) for begin, part in run.generated)
        lost = any(text[begin:end] != part for (begin, end), (_, part) in zip(spans, run.generated, strict=True))
        if lost or any(later[0] < earlier[1] for earlier, later in pairwise(spans)):
            raise ChatError(
                "the template has {% generation %} in another one, in a macro or in a {% set %}, where its place in "
                "the text is not known: put it around what is written"
            )
        return Rendered(text, spans if _GENERATION.search(source) else None)


def read_template(place: str | os.PathLike[str]) -> ChatTemplate:
    """The chat template of a folder in the Hub's format, or of a repository, with the special tokens of its files.

    Raises ChatError where there is none.
    """
    folder = find_folder(place)
    settings = read_json(folder / TOKENIZER_CONFIG) if (folder / TOKENIZER_CONFIG).is_file() else {}
    sources: dict[str, str] = {}
    if (folder / TEMPLATE_FILE).is_file():
        sources["default"] = read_text(folder / TEMPLATE_FILE)
    for path in sorted((folder / MORE_TEMPLATES).glob("*.jinja")):
        sources[path.stem] = read_text(path)
    sources = sources or _named_sources(settings.get("chat_template"))
    if not sources:
        raise ChatError(
            f"{place} has no chat template: neither {TEMPLATE_FILE} nor chat_template in {TOKENIZER_CONFIG}. "
            "It may be a model that was not taught to chat; give a ChatTemplate of your own to teach it"
        )
    return ChatTemplate(sources, _special_tokens(folder, settings))


def _named_sources(found: Any) -> dict[str, str]:
    """One program, or a list of {"name", "template"}."""
    if isinstance(found, str):
        return {"default": found}
    try:
        return {str(one["name"]): str(one["template"]) for one in found or ()}
    except (TypeError, KeyError) as error:
        raise ChatError(f"chat_template in {TOKENIZER_CONFIG} is neither a text nor a list of named texts") from error


def _special_tokens(folder: Path, settings: Mapping[str, Any]) -> dict[str, str]:
    """Names and texts. Older folders have them in a file of their own, which then goes first."""
    told = dict(settings)
    if "added_tokens_decoder" not in settings and (folder / SPECIAL_TOKENS_MAP).is_file():
        told |= read_json(folder / SPECIAL_TOKENS_MAP)
    found = {}
    for name in _NAMED:
        one = told.get(name)
        text = one.get("content") if isinstance(one, Mapping) else one
        if isinstance(text, str):
            found[name] = text
    return found


# ── what a template is given ─────────────────────────────────────────────────


def _plain_messages(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Plain copies, without what is None; what a model thought stands under the names that templates use for it."""
    if isinstance(messages, str | Mapping) or not messages:
        raise ChatError("a conversation is a list of messages, at least one, each with a role and what it says")
    plain = []
    for at, one in enumerate(messages):
        message = {name: value for name, value in _plain_mapping(one, f"message {at}").items() if value is not None}
        if not isinstance(message.get("role"), str):
            raise ChatError(f"message {at} has no role: system, user, assistant or tool")
        thought = next((message[name] for name in _REASONING if name in message), None)
        if thought is not None:
            message = {"thinking": thought, **message, "reasoning_content": thought}
        plain.append(message)
    return plain


def _plain_mapping(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        mend = " (a function's JSON schema is needed, not the function)" if callable(value) else ""
        raise ChatError(f"{name} is a dictionary, not {type(value).__name__}{mend}")
    found: dict[str, Any] = _plain(value, name)
    return found


def _plain(value: Any, name: str) -> Any:
    """A copy of JSON's own types: an object's methods are nothing for a program from elsewhere."""
    if value is None or isinstance(value, bool):
        return value
    for kind in (str, int, float):
        if isinstance(value, kind):
            return value if type(value) is kind else getattr(kind, f"__{kind.__name__}__")(value)
    if isinstance(value, Mapping):
        return {_plain(key, name): _plain(one, name) for key, one in value.items()}
    if isinstance(value, list | tuple):
        kept = [_plain(one, name) for one in value]
        return kept if isinstance(value, list) else tuple(kept)
    raise ChatError(f"{name} has a {type(value).__name__}; texts, numbers, lists and dictionaries are possible")


# ── the surroundings ─────────────────────────────────────────────────────────


class _Counted:
    """What a loop goes over; each pass is a step."""

    def __init__(self, values: Any) -> None:
        self._values = values

    def __iter__(self) -> Iterator[Any]:
        run = _running.get()
        for one in self._values:
            if run is not None:
                run.step()
            yield one

    def __len__(self) -> int:
        return len(self._values)


def _raise_exception(message: Any) -> None:
    raise ChatError(f"the chat template refuses this conversation: {message}")


def _tojson(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _strftime_now(form: str) -> str:
    return datetime.now().strftime(form)


@lru_cache(maxsize=1)
def _environment() -> Any:
    """Jinja's sandbox as transformers sets it up, with steps counted. Jinja is imported here, when it is needed."""
    try:
        import jinja2
    except ImportError:
        raise ChatError("chat templates are Jinja programs, and jinja2 is not installed: pip install jinja2") from None
    from jinja2.ext import loopcontrols

    if tuple(int(one) for one in jinja2.__version__.split(".")[:3] if one.isdigit()) < (3, 1, 6):
        raise ChatError(f"the sandbox of jinja2 {jinja2.__version__} has holes: pip install 'jinja2>=3.1.6'")
    environment = _sandbox()(trim_blocks=True, lstrip_blocks=True, extensions=[_generation(), loopcontrols])
    environment.filters |= {"tojson": _tojson, "counted passes": _Counted}
    environment.globals |= {
        "raise_exception": _raise_exception,
        "strftime_now": _strftime_now,
        "dict": _dictionary,
        "namespace": _variables(),
    }
    return environment


def _generation() -> Any:
    """``{% generation %} … {% endgeneration %}``: notes where in the text it stands."""
    from jinja2 import nodes
    from jinja2.ext import Extension

    class Generation(Extension):
        def __init__(self, environment: Any) -> None:
            super().__init__(environment)
            self.tags = {"generation"}

        def parse(self, parser: Any) -> nodes.Node:
            line = next(parser.stream).lineno
            body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
            return nodes.CallBlock(self.call_method("_note"), [], [], body).set_lineno(line)

        def _note(self, caller: Any) -> str:
            text = str(caller())
            run = _running.get()
            if run is not None:
                run.generated.append((run.written, text))
            return text

    return Generation


def _sandbox() -> Any:
    """The sandbox in which loops and calls are counted, and what a product may make is bounded."""
    from jinja2 import nodes
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Sandbox(ImmutableSandboxedEnvironment):
        intercepted_binops = frozenset({"*", "**"})

        def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
            tree = super()._parse(source, name, filename)
            for loop in list(tree.find_all(nodes.For)):
                loop.iter = nodes.Filter(loop.iter, "counted passes", [], [], None, None, lineno=loop.lineno)
            return tree

        def call(self, context: Any, callee: Any, /, *given: Any, **named: Any) -> Any:
            run = _running.get()
            if run is not None:
                run.step(CALL)
            return super().call(context, callee, *given, **named)

        def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
            if _is_too_much(operator, left, right):
                raise ChatError(f"the chat template makes too much out of {operator}")
            return super().call_binop(context, operator, left, right)

    return Sandbox


def _variables() -> Any:
    """``namespace``, without names that reach into Python."""
    from jinja2.utils import Namespace

    class Variables(Namespace):
        def __init__(*given: Any, **named: Any) -> None:  # so that a template may name a variable self
            values = dict(*given[1:], **named)
            for name in values:
                _refuse_private(name)
            Namespace.__init__(given[0], values)

        def __setitem__(self, name: str, value: Any) -> None:
            _refuse_private(name)
            super().__setitem__(name, value)

    return Variables


def _is_too_much(operator: str, left: Any, right: Any) -> bool:
    """Whether a multiplication or a power would make a text, a list or a number that no conversation needs."""
    if isinstance(left, int) and isinstance(right, int):
        bits = left.bit_length() * abs(right) if operator == "**" else left.bit_length() + right.bit_length()
        return bits > _WIDEST
    sizes = [len(one) if isinstance(one, str | list | tuple) else one for one in (left, right)]
    return all(isinstance(one, int) for one in sizes) and sizes[0] * sizes[1] > _LONGEST


def _dictionary(*given: Any, **named: Any) -> dict[Any, Any]:
    return dict(*given, **named)


def _refuse_private(name: Any) -> None:
    if isinstance(name, str) and name.startswith("_"):
        raise ChatError(f"a template's namespace has no name that begins with an underscore: {name}")


@lru_cache(maxsize=64)
def _compiled(source: str) -> Any:
    environment = _environment()
    try:
        return environment.from_string(source)
    except Exception as error:
        raise ChatError(_explained(error)) from error


def _explained(error: Exception) -> str:
    """What went wrong and in which line of the template."""
    line = getattr(error, "lineno", None)
    if line is None:
        places = [one.lineno for one in traceback.extract_tb(error.__traceback__) if one.filename == "<template>"]
        line = places[-1] if places else None
    where = "" if line is None else f" in line {line}"
    if isinstance(error, RecursionError):
        return f"the chat template does not come to an end{where}: it calls itself without end"
    return f"the chat template fails{where}: {type(error).__name__}: {error}"
