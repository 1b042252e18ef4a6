"""Chat templates against transformers: texts, ids, marks of the assistant's part, files; and programs that go wrong."""

from __future__ import annotations

import json
import runpy
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from groundup.stack.tasks.chat import encode_chat
from groundup.stack.tasks.templates import ChatError, ChatTemplate, read_template
from groundup.stack.text.files import AnyTokenizer
from groundup.stack.text.tokenizer_file import read_tokenizer, write_tokenizer

SHARED = runpy.run_path(str(Path(__file__).with_name("chat_templates.py")))
ALL, SPECIAL = SHARED["ALL"], SHARED["SPECIAL"]
NAMES = {"bos_token": "<s>", "eos_token": "</s>"}
MERGES = [(b"t", b"h"), (b"th", b"e"), (b" ", b"the"), (b"\n", b"\n"), (b"a", b"n"), (b" ", b"an")]
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "What the weather is <now> & \"soon\" in 'Zürich'",
            "parameters": {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]},
        },
    },
    {"type": "function", "function": {"name": "stop", "description": "", "parameters": {}, "return": {"x": 1.5}}},
]
Both = tuple[AnyTokenizer, PreTrainedTokenizerFast]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Both:
    folder = tmp_path_factory.mktemp("tokenizer")
    write_tokenizer(folder, MERGES, SPECIAL)
    return read_tokenizer(folder), PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), **NAMES)


def theirs(library: PreTrainedTokenizerFast, source: str, messages: Any, **given: Any) -> str | None:
    """The text of transformers; None where it raises."""
    try:
        text: str = library.apply_chat_template(messages, chat_template=source, tokenize=False, **given)
    except Exception:
        return None
    return text


def ours(source: str, messages: Any, **given: Any) -> str | None:
    try:
        return ChatTemplate(source, NAMES).render(messages, **given).text
    except ChatError:
        return None


CONTENTS = st.one_of(
    st.sampled_from(["", " Hi the an \n\n", "<b>&'\"", "a</s>b", "Grüß\u2028漢\U0001f999", "{{ 1 }} {% x %}", "  x  "]),
    st.text(max_size=8),
)
ROLES = st.sampled_from(["user", "assistant", "system", "tool", "Émile"])
CALL = {"type": "function", "function": {"name": "weather", "arguments": {"place": "Zürich", "n": [1, 2.5]}}}
TURNS = st.one_of(
    st.fixed_dictionaries({"role": ROLES, "content": CONTENTS}),
    st.fixed_dictionaries({"role": st.just("tool"), "content": st.dictionaries(st.text(max_size=3), st.integers())}),
    st.fixed_dictionaries(
        {
            "role": st.just("assistant"),
            "content": CONTENTS,
            "reasoning": CONTENTS | st.none(),
            "tool_calls": st.none() | st.just([CALL]),
        }
    ),
)  # fmt: skip


@st.composite
def conversations(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Any turns, or turns that alternate as most templates want them."""
    if draw(st.booleans()):
        return draw(st.lists(TURNS, min_size=1, max_size=5))
    system = [{"role": "system", "content": draw(CONTENTS)}] if draw(st.booleans()) else []
    roles = ("user", "assistant")
    turns = [{"role": roles[at % 2], "content": draw(CONTENTS)} for at in range(draw(st.integers(1, 5)))]
    return system + turns


# ── the same as transformers ─────────────────────────────────────────────────


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    messages=conversations(),
    prompt=st.booleans(),
    tools=st.sampled_from([None, TOOLS, TOOLS[:1], []]),
    date=st.sampled_from([{}, {"date_string": "1 May 2031"}]),
)
@pytest.mark.parametrize("name", ALL)
def test_texts_are_those_of_transformers(
    both: Both, name: str, messages: list[dict[str, Any]], prompt: bool, tools: Any, date: dict[str, str]
) -> None:
    """Or neither writes one: what a template refuses is refused."""
    given = {"add_generation_prompt": prompt, "tools": tools, **date}
    assert ours(ALL[name], messages, **given) == theirs(both[1], ALL[name], messages, **given)


EDGES = "{% for m in messages %}a{% generation %}{{ m.content }}{% endgeneration %}he\n{% endfor %}"
MARKED = {"edges": EDGES, **{name: source for name, source in ALL.items() if "generation %}" in source}}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(messages=conversations())
@pytest.mark.parametrize("name", MARKED)
def test_marked_tokens_are_those_of_transformers(both: Both, name: str, messages: list[dict[str, Any]]) -> None:
    tokenizer, library = both
    try:
        found = encode_chat(tokenizer, ChatTemplate(MARKED[name], NAMES), messages)
    except ChatError:
        assert theirs(library, MARKED[name], messages) is None
        return
    expected = library.apply_chat_template(
        messages, chat_template=MARKED[name], return_dict=True, return_assistant_tokens_mask=True
    )
    assert found.ids == expected["input_ids"]
    assert [int(one) for one in found.mask] == expected["assistant_masks"]


def test_a_token_across_the_edge_is_the_assistants(both: Both) -> None:
    """ "a" + "n t" + "he": of its tokens "an" and " the", both have one of its characters; the line ends have none."""
    messages = [{"role": "user", "content": "n t"}]
    found = encode_chat(both[0], ChatTemplate(EDGES), messages)
    assert [both[0].decode([one]) for one in found.ids] == ["an", " the", "\n"]
    assert found.mask == [True, True, False]


def test_every_kind_of_surrounding_is_met(both: Both) -> None:
    """A conversation for each template that it takes, so that none is compared by its refusals alone."""
    turns = [("system", "S"), ("user", "the U"), ("assistant", "A1"), ("user", "U2"), ("assistant", "A2")]
    messages = [{"role": role, "content": content} for role, content in turns]
    thought = [*messages[:-1], {**messages[-1], "reasoning_content": "hm"}]
    for name, source in ALL.items():
        text = ours(source, thought, tools=TOOLS)
        assert text is not None and text == theirs(both[1], source, thought, tools=TOOLS)
        assert "A2" in text and ("hm" in text) == (name == "thinking")
        text = ours(source, messages[:-1], add_generation_prompt=True, tools=TOOLS)
        assert text is not None and ("Zürich" in text) == (name in ("Llama 3.1", "Mistral"))
    assert len(MARKED) == 2


def test_the_clock_and_other_arguments(both: Both) -> None:
    source = "{{ strftime_now('%Y-%m-%d') }} {{ depth }} {{ documents | tojson }} {{ dict(a=1) }} {{ none_such }}|"
    given = {"depth": (1, 2), "documents": [{"title": "ä", "text": "b"}]}
    message = [{"role": "user", "content": "x"}]
    days = []
    while not days or days[0] != days[1]:  # not across midnight
        days = [f"{datetime.now():%Y-%m-%d}"]
        text = ours(source, message, **given)
        assert text == theirs(both[1], source, message, **given)
        days.append(f"{datetime.now():%Y-%m-%d}")
    assert text is not None and text.startswith(days[0]) and "(1, 2)" in text and '"ä"' in text
    assert ours("{{ bos_token }}", message, bos_token="other") == "other"


# ── files ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("files", [True, False])
@pytest.mark.parametrize("several", [True, False])
def test_folders_of_transformers(both: Both, tmp_path: Path, files: bool, several: bool) -> None:
    """One template or several, in files of their own or in the settings."""
    library = PreTrainedTokenizerFast(tokenizer_object=both[1].backend_tokenizer, pad_token="<|eot_id|>", **NAMES)
    named = {"default": ALL["Zephyr"], "tool_use": ALL["Llama 3.1"], "old": ALL["Llama 2"]}
    library.chat_template = named if several else ALL["Llama 2"]
    library.save_pretrained(tmp_path, save_jinja_files=files)
    again = PreTrainedTokenizerFast.from_pretrained(tmp_path)
    template = read_template(tmp_path)
    assert template.special == {**NAMES, "pad_token": "<|eot_id|>"}
    assert set(template.sources) == ({"default", "tool_use", "old"} if several else {"default"})
    messages = [{"role": "user", "content": "the "}, {"role": "assistant", "content": "an"}]
    for tools in (None, TOOLS):
        expected = again.apply_chat_template(messages, tools=tools, tokenize=False)
        assert template.render(messages, tools=tools).text == expected
    if several:
        expected = again.apply_chat_template(messages, chat_template="old", tokenize=False)
        assert template.render(messages, name="old").text == expected
        with pytest.raises(ChatError, match="no chat template named 'new'; default, old, tool_use are there"):
            template.render(messages, name="new")


def test_older_folders_name_their_tokens_elsewhere(tmp_path: Path) -> None:
    settings = {"chat_template": "{{ bos_token }}{{ eos_token }}", "bos_token": "<a>"}
    tokens = {"bos_token": {"content": "<s>", "special": True}, "eos_token": "</s>", "unk_token": None}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    (tmp_path / "special_tokens_map.json").write_text(json.dumps(tokens))
    message = [{"role": "user", "content": ""}]
    assert read_template(tmp_path).render(message).text == "<s></s>"
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings | {"added_tokens_decoder": {}}))
    assert read_template(tmp_path).render(message).text == "<a>"


def test_folders_without_a_template_say_so(tmp_path: Path) -> None:
    with pytest.raises(ChatError, match=r"has no chat template: neither chat_template.jinja nor chat_template in"):
        read_template(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text('{"chat_template": [{"name": "default"}]}')
    with pytest.raises(ChatError, match="neither a text nor a list of named texts"):
        read_template(tmp_path)
    (tmp_path / "chat_template.jinja").write_text("{% for %}")
    with pytest.raises(ChatError, match="in line 1: TemplateSyntaxError"):
        read_template(tmp_path)


# ── what goes wrong ──────────────────────────────────────────────────────────

FAILING = {
    "{% for a in range(90000) %}{% for b in range(90000) %}{% endfor %}{% endfor %}": "does not come to an end",
    "{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}\n\n{{ f(0) }}": "calls itself without end",
    "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}": "stopped after",
    "{% for m in messages recursive %}{{ loop(messages) }}{% endfor %}": "without end",
    "{{ 'x' * 1000000000 }}": r"too much out of \*",
    "{{ [1] * 1000000000 }}": r"too much out of \*",
    "{{ 7 ** 99999999 }}": r"too much out of \*\*",
    "{% set n = namespace(n=2) %}{% for a in range(99) %}{% set n.n = n.n * n.n %}{% endfor %}": r"too much out of \*",
    "{% for m in messages * 2 recursive %}{% if loop.depth < 60 %}{{ loop(messages * 2) }}{% endif %}{% endfor %}":
        "stopped after",
    "\n\n{{ messages[0].content.foo.bar }}": "in line 3: UndefinedError: 'str object' has no attribute 'foo'",
    "\n{{ 1 / 0 }}": "in line 2: ZeroDivisionError",
    "{{ raise_exception('no tools here') }}": "refuses this conversation: no tools here",
    "{{ ''.__class__.__mro__ }}": "SecurityError",
    "{{ messages.append(1) }}": "SecurityError",
    "{% set n = namespace(__class__=1) %}": "begins with an underscore: __class__",
    "{% set n = namespace() %}{% set n._x = 1 %}": "begins with an underscore: _x",
    "{% include 'other' %}": "in line 1: TypeError",
    "{% macro m() %}{% generation %}the{% endgeneration %}{% endmacro %}an{{ m() }}{{ 'x' }}{{ m() | upper }}":
        "in a macro or in a {% set %}",
    "{% generation %}{% generation %}x{% endgeneration %}{% endgeneration %}": "in another one",
}  # fmt: skip


@pytest.mark.parametrize("source", FAILING)
def test_a_template_that_fails_or_does_not_end_says_why(source: str) -> None:
    begin = time.perf_counter()
    with pytest.raises(ChatError, match=FAILING[source]):
        ChatTemplate(source).render([{"role": "user", "content": "x"}])
    assert time.perf_counter() - begin < 20  # unstopped, the first would take minutes and the third years


def test_loops_know_how_long_they_are() -> None:
    """Counting passes takes nothing from a loop: lengths, ends, filters, what is no list."""
    source = (
        "{% for a, b in x.items() if b %}{{ loop.index }}/{{ loop.length }}{{ a }}{{ loop.last }} {% else %}none"
        "{% endfor %}"
        "{% for m in messages recursive %}{{ m.content }}{% if m.more %}[{{ loop(m.more) }}]{% endif %}{% endfor %}"
        "{% for a in none_such %}x{% else %}-{% endfor %}"
        "{% for a in 'abc' | reverse %}{{ loop.revindex }}{{ a }}{% endfor %}"
    )
    messages = [{"role": "user", "content": "p", "more": [{"content": "q"}, {"content": "r"}]}]
    found = ChatTemplate(source).render(messages, x={"k": 1, "l": 0, "m": 2})
    assert found.text == "1/2kFalse 2/2mTrue p[qr]-3c2b1a"
    assert found.generated is None
    assert ChatTemplate(source).render(messages, x={}).text.startswith("none")
    with pytest.raises(ChatError, match="'int' object is not iterable"):
        ChatTemplate("{% for a in 3 %}{% endfor %}").render(messages)


def test_threads_do_not_mix_their_marks() -> None:
    template = ChatTemplate(
        "{% for m in messages %}{{ m.content }}{% generation %}{{ m.content }}{% endgeneration %}{% endfor %}"
    )

    def work(size: int) -> bool:
        found = template.render([{"role": "user", "content": "x" * size}] * 200)
        return found.generated == tuple((at * 2 * size + size, (at + 1) * 2 * size) for at in range(200))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(1, 30)))


def test_conversations_that_are_none_are_named() -> None:
    template = ChatTemplate("x")
    with pytest.raises(ChatError, match="at least one"):
        template.render([])
    with pytest.raises(ChatError, match="message 1 is a dictionary, not str"):
        template.render([{"role": "user"}, "text"])  # type: ignore[list-item]
    with pytest.raises(ChatError, match="message 0 has no role"):
        template.render([{"content": "x"}])
    with pytest.raises(ChatError, match="message 0 has a object"):
        template.render([{"role": "user", "content": object()}])
    with pytest.raises(ChatError, match="JSON schema is needed, not the function"):
        template.render([{"role": "user"}], tools=[print])  # type: ignore[list-item]
    messages = [{"role": "user", "content": ["a"], "name": None}]
    ChatTemplate("{% for m in messages %}{{ m.content }}{% endfor %}").render(messages)
    assert messages == [{"role": "user", "content": ["a"], "name": None}]


def test_parts_that_are_learned_may_stand_side_by_side() -> None:
    source = "{% for m in messages %}{% generation %}{{ m.content }}{% endgeneration %}{% endfor %}"
    messages = [{"role": "assistant", "content": one} for one in ("ab", "", "c")]
    assert ChatTemplate(source).render(messages).generated == ((0, 2), (2, 2), (2, 3))
