"""What can be said against a written topic without running its checks: files, names, counts, hints, lesson, stamp.

``lint(topic)`` lists every problem with its mend. It imports the reference, the mistakes and the alternatives, but runs
nothing of them; that stubs fail, references pass, mistakes are named and lesson outputs are up to date is the audit's
to show. ``stamp`` writes the check version that a changed driver or check needs.
"""

from __future__ import annotations

import ast
import importlib
import os
import re
import sys
import tomllib
import types
from collections import Counter
from collections.abc import Callable, Iterator

from groundup.authoring import Slider
from groundup.study import lessons
from groundup.study.leaks import formulas_in, leaks
from groundup.study.problems import CurriculumError, Problem
from groundup.study.signatures import Parameters, of_definition, of_reference, of_text
from groundup.study.solution import foreign_imports
from groundup.study.topics import FACTS, HINT_STAGES, REQUIRED, Implementation, Topic, resolve

DRIVERS_A_TOPIC, DRIVERS_A_BUILD = 12, 2
MISTAKES_A_TOPIC, MISTAKES_A_BUILD = 15, 2
ALTERNATIVES_A_BUILD = 3
CARDS, SOURCES = 8, 2
WORDS = (400, 3500)
SECTIONS = (
    "Why you need it",
    "The idea",
    "A worked example",
    "The formula",
    "The code",
    "In a language model",
    "Where it goes wrong",
    "Sources",
)
FENCES = ("python", "output", "text", "")
PURE = {"__future__", "collections", "copy", "functools", "itertools", "math", "operator", "re", "string", "typing"}
DRIVER_IMPORTS = {"torch", "numpy", *PURE}
WATCHABLE = {"torch", "numpy", "builtins", *sys.stdlib_module_names}
FIGURE_IMPORTS = {*DRIVER_IMPORTS, "groundup"}


def lint(topic: Topic) -> list[Problem]:
    """Everything that is wrong with a topic, as far as reading and importing shows."""
    missing = [name for name in REQUIRED if not topic.path(name).exists()]
    if missing:
        mend = f"Write it; `groundup author new {topic.id}` makes a start."
        return [topic.problem(name, "missing", mend) for name in missing]
    problems: list[Problem] = []
    for rule in _RULES:
        try:
            problems += rule(topic)
        except CurriculumError as error:
            problems += [one for one in error.problems if one not in problems]
        except SyntaxError as error:
            problems.append(topic.problem("", f"is not Python: {error}", "Mend the syntax."))
    return problems


# ── facts and stamp ──────────────────────────────────────────────────────────


def _facts(topic: Topic) -> Iterator[Problem]:
    if topic.minutes is None:
        yield topic.problem(FACTS, "minutes is missing", "Say how long reading and building take: minutes = 60.")
    if len(topic.sources) < SOURCES:
        what = f"{len(topic.sources)} sources where {SOURCES} are needed"
        yield topic.problem(FACTS, what, "Add [[sources]] with title and url: the paper first.")
    if not topic.builds:
        yield topic.problem(FACTS, "no builds", "Add [[builds]] with name, signature and reference.")
    cards = topic.cards()
    if len(cards) < CARDS:
        yield topic.problem("cards.toml", f"{len(cards)} cards where {CARDS} are needed", "Add [[cards]].")
    for question, count in Counter(card.question for card in cards).items():
        if count > 1:
            yield topic.problem("cards.toml", f"the question {question!r} is there twice", "Ask each once.")


def _stamped(topic: Topic) -> Iterator[Problem]:
    mend = f"Run `groundup author stamp {topic.id}` (with --same-version where the checks mean what they meant)."
    if topic.check_digest is None or topic.check_version < 1:
        yield topic.problem(FACTS, "the checks have no version", mend)
    elif topic.check_digest != topic.digest():
        yield topic.problem(FACTS, "drivers.py or checks.py changed, the check version did not", mend)


def stamp(topic: Topic, same_version: bool = False) -> int:
    """Write the digest of drivers and checks into topic.toml, with a new version where it changed; the version."""
    topic.cases()
    path = topic.path(FACTS)
    text = path.read_text(encoding="utf-8")
    check = tomllib.loads(text).get("check", {})
    digest, version = topic.digest(), int(check.get("version", 0))
    if check.get("digest") == digest and version >= 1:
        return version
    version = max(version, 1) if same_version else version + 1
    new = _with_check(text, version, digest)
    part = path.with_name(path.name + ".part")
    part.write_text(new, encoding="utf-8")
    os.replace(part, path)
    return version


def _with_check(text: str, version: int, digest: str) -> str:
    """The file with this [check] table in place of its own, or before its first table; the rest as it stands."""
    table = ["[check]", f"version = {version}", f'digest = "{digest}"']
    lines = text.splitlines()
    heads = [number for number, line in enumerate(lines) if line.startswith("[")]
    own = next((number for number in heads if lines[number].strip() == "[check]"), None)
    if own is None:
        start = end = heads[0] if heads else len(lines)
        table.append("")
    else:
        start = own
        end = next((number for number in heads if number > own), len(lines))
        while end > start + 1 and not lines[end - 1].strip():
            end -= 1
    new = "\n".join([*lines[:start], *table, *lines[end:]]) + "\n"
    before, after = tomllib.loads(text), tomllib.loads(new)
    before["check"] = after.get("check")
    assert before == after, "stamping must change nothing but [check]"
    return new


# ── drivers and checks ───────────────────────────────────────────────────────


def _drivers(topic: Topic) -> Iterator[Problem]:
    cases = topic.cases()
    if len(cases) < DRIVERS_A_TOPIC:
        yield topic.problem("drivers.py", f"{len(cases)} drivers where {DRIVERS_A_TOPIC} are needed", "Write more.")
    for build in topic.builds:
        count = sum(build.name in case.builds for case in cases.values())
        if count < DRIVERS_A_BUILD:
            what = f"{count} drivers for {build.name} where {DRIVERS_A_BUILD} are needed"
            yield topic.problem("drivers.py", what, "Write more; checks.py says which build a case is about.")
    for node in ast.parse(topic.drivers_source()).body:
        if isinstance(node, ast.FunctionDef) and node.name in cases:
            names = [argument.arg for argument in node.args.args]
            if names != ["my", "rng"]:
                what = f"{node.name} takes {', '.join(names) or 'nothing'}"
                yield topic.problem("drivers.py", what, f"Write def {node.name}(my, rng).", node.lineno)
    for title, count in Counter(case.title for case in cases.values()).items():
        if count > 1:
            yield topic.problem("checks.py", f"the title {title!r} is there {count} times", "Say what differs.")
    yield from _imports(topic, "drivers.py", DRIVER_IMPORTS)


def _imports(topic: Topic, file: str, allowed: set[str]) -> Iterator[Problem]:
    """Imports at the top of a file that runs in the sandbox's child."""
    for node in ast.parse(topic.source(file)).body:
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "."]
        for name in names:
            own = name.startswith("groundup") and name != "groundup.authoring"
            if name.partition(".")[0] not in allowed or own:
                what = f"imports {name}, which the sandbox's child does not have"
                yield topic.problem(file, what, "Import torch and numpy only.", node.lineno)


# ── builds ───────────────────────────────────────────────────────────────────


def _builds(topic: Topic) -> Iterator[Problem]:
    tree = ast.parse(topic.exercise_source())
    if not ast.get_docstring(tree):
        yield topic.problem("exercise.py", "no docstring", "Say first what is built here and which conventions hold.")
    defined = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    for build in topic.builds:
        if build.name not in defined:
            yield topic.problem("exercise.py", f"{build.name} is missing", f"Write def {build.signature}.")
            continue
        node = defined[build.name]
        yield from _stub(topic, node)
        try:
            wanted = of_text(build.signature)
        except SyntaxError:
            what = f"the signature {build.signature!r} cannot be read"
            yield topic.problem(FACTS, what, "Write it as in a def, what is returned after ->.")
            continue
        yield from _same(topic, node.lineno, "exercise.py", build.name, of_definition(node), wanted)
        resolve(topic, build)
        yield from _same(topic, None, FACTS, f"the reference of {build.name}", of_reference(build.reference), wanted)
        yield from _without(topic, build.without)
    if topic.path("solution.py").exists():
        yield from _solution_signatures(topic)


def _same(
    topic: Topic, line: int | None, file: str, whose: str, found: Parameters | None, wanted: Parameters
) -> Iterator[Problem]:
    if found is not None and found != wanted:
        what = f"{whose} takes ({found}) where topic.toml's signature has ({wanted})"
        yield topic.problem(file, what, "Use the same names, order and defaults.", line)


def _stub(topic: Topic, node: ast.FunctionDef | ast.ClassDef) -> Iterator[Problem]:
    functions = (
        [node] if isinstance(node, ast.FunctionDef) else [one for one in node.body if isinstance(one, ast.FunctionDef)]
    )
    if not ast.get_docstring(node):
        yield topic.problem(
            "exercise.py", f"{node.name} has no docstring", "Say shapes, conventions, an example.", node.lineno
        )
    for function in functions:
        raised = [one.exc for one in function.body if isinstance(one, ast.Raise)]
        names = [ast.unparse(one.func if isinstance(one, ast.Call) else one) for one in raised if one is not None]
        body = [one for one in function.body if not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))]
        initial = function.name == "__init__"
        if (names != ["NotImplementedError"] or len(body) > 1) and not initial:
            what = f"the stub of {function.name} must only raise NotImplementedError"
            yield topic.problem("exercise.py", what, "Write: raise NotImplementedError", function.lineno)


def _without(topic: Topic, names: tuple[str, ...]) -> Iterator[Problem]:
    for name in names:
        parts = name.split(".")
        if parts[0] not in WATCHABLE:
            what = f"without names {name!r}, but only PyTorch, NumPy and Python itself are installed with groundup"
            yield topic.problem(FACTS, what, "Leave it out: a check would break where that library is missing.")
            continue
        for cut in range(len(parts) - 1, 0, -1):
            try:
                found: object = importlib.import_module(".".join(parts[:cut]))
                for part in parts[cut:]:
                    found = getattr(found, part)
                break
            except (ImportError, AttributeError):
                continue
        else:
            what = f"without names {name!r}, which does not exist"
            yield topic.problem(FACTS, what, "Name a function as it is imported, e.g. torch.linalg.det.")


def _solution_signatures(topic: Topic) -> Iterator[Problem]:
    tree = ast.parse(topic.source("solution.py"))
    defined = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    for build in topic.builds:
        if build.name not in defined:
            yield topic.problem("solution.py", f"{build.name} is missing", f"Write def {build.signature}.")
        else:
            node = defined[build.name]
            yield from _same(
                topic, node.lineno, "solution.py", build.name, of_definition(node), of_text(build.signature)
            )


def _solution(topic: Topic) -> Iterator[Problem]:
    """What a learner is shown on request must run in their own file."""
    source = topic.solution_source()
    foreign = foreign_imports(source)
    if foreign:
        what = f"the solution imports {', '.join(foreign)}, which a learner's file cannot count on"
        yield topic.problem("solution.py", what, "Write solution.py: the plain code, torch and NumPy only.")
        return
    name = f"groundup_solution_{topic.folder.name}"
    sys.modules[name] = module = types.ModuleType(name)
    try:
        exec(compile(source, name, "exec"), module.__dict__)
    except Exception as error:
        what = f"the solution does not run on its own: {type(error).__name__}: {error}"
        yield topic.problem("solution.py", what, "Write solution.py, which runs on its own.")
    finally:
        sys.modules.pop(name, None)


# ── mistakes, alternatives, hints ────────────────────────────────────────────


def _mistakes(topic: Topic) -> Iterator[Problem]:
    mistakes = topic.mistakes()
    yield from _enough(topic, "mistakes.py", mistakes, MISTAKES_A_BUILD)
    if len(mistakes) < MISTAKES_A_TOPIC:
        what = f"{len(mistakes)} mistakes where {MISTAKES_A_TOPIC} are needed"
        yield topic.problem("mistakes.py", what, "Add what learners really get wrong.")
    for one in mistakes:
        if len(one.hint) < 20:
            mend = "Say in its docstring what the learner did and why it is wrong."
            yield topic.problem("mistakes.py", f"{one.name} has no hint", mend, one.source_line)
    for hint, count in Counter(one.hint for one in mistakes if one.hint).items():
        if count > 1:
            yield topic.problem("mistakes.py", f"{count} mistakes have the hint {hint!r}", "Give each its own.")


def _alternatives(topic: Topic) -> Iterator[Problem]:
    yield from _enough(topic, "alternatives.py", topic.alternatives(), ALTERNATIVES_A_BUILD)


def _enough(topic: Topic, file: str, found: list[Implementation], least: int) -> Iterator[Problem]:
    for build in topic.builds:
        count = sum(build.name in one.builds for one in found)
        if count < least:
            yield topic.problem(file, f"{count} for {build.name} where {least} are needed", "Write more.")


def _hints(topic: Topic) -> Iterator[Problem]:
    """No stage before the last gives the solution away."""
    solution, given = topic.solution_source(), topic.exercise_source()
    for build in topic.builds:
        for stage in HINT_STAGES:
            text = build.hints.get(stage, "")
            if not text.strip():
                yield topic.problem(FACTS, f"{build.name} has no hint {stage!r}", "Write it below [builds.hints].")
                continue
            for leak in [*leaks(text, solution, given), *formulas_in(text)]:
                what = f"the hint {stage!r} of {build.name} gives away {leak!r}"
                yield topic.problem(FACTS, what, "Say it in words.")
    for one in topic.mistakes():
        for leak in leaks(one.hint, solution, given):
            what = f"the hint of {one.name} gives away {leak!r}"
            yield topic.problem("mistakes.py", what, "Say what is wrong, not what is right.", one.source_line)


# ── lesson and figure ────────────────────────────────────────────────────────


def _lesson(topic: Topic) -> Iterator[Problem]:
    text = topic.lesson_text()
    lesson = lessons.render(topic)
    if text.splitlines()[:1] != [f"# {topic.title}"]:
        yield topic.problem("lesson.md", "the first line is not the topic's title", f"Write # {topic.title}", 1)
    titles = tuple(title for _, title in lesson.sections)
    if titles != SECTIONS:
        what = f"the sections are {', '.join(titles) or 'none'}"
        yield topic.problem("lesson.md", what, f"Use, in this order: {', '.join(SECTIONS)}.")
    if re.match(r"#[^\n]*\n+(##|```|\{\{|$)", text):
        what = "no paragraph stands between the title and the first section"
        yield topic.problem("lesson.md", what, "Say there what this piece does in the model that is being built.", 2)
    if lesson.has_figure != topic.path("figure.py").exists():
        what = "{{figure}} and figure.py must both be there or neither"
        yield topic.problem("lesson.md", what, "Write {{figure}} on a line of its own where the figure belongs.")
    yield from _lesson_blocks(topic, text)
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    words = len(prose.split())
    if not WORDS[0] <= words <= WORDS[1]:
        what = f"{words} words of prose, where {WORDS[0]} to {WORDS[1]} are read in 5 to 10 minutes"
        yield topic.problem("lesson.md", what, "Cut it, or say what is missing.")
    if "![" in prose:
        yield topic.problem("lesson.md", "pictures are not loaded", "Show it with figure.py, or in text.")


def _lesson_blocks(topic: Topic, text: str) -> Iterator[Problem]:
    blocks = lessons.parse(text)
    nested = [token for token in lessons.tokens(text) if token.type == "fence" and token.level > 0]
    for token in nested:
        mend = "Move it out of the list or quote: only blocks at the margin are executed."
        yield topic.problem("lesson.md", "a code block inside a list or quote", mend, (token.map or [0])[0] + 1)
    for block in blocks:
        if block.kind not in FENCES:
            mend = "Use ```python for code that is executed, ```text for the rest."
            yield topic.problem("lesson.md", f"an unknown kind of block: {block.kind!r}", mend, block.start)
        if block.kind == "python":
            try:
                ast.parse(block.code)
            except SyntaxError as error:
                line = block.start + (error.lineno or 0)
                yield topic.problem("lesson.md", f"is not Python: {error.msg}", "Mend it.", line)
    if not any(block.kind == "python" for block in blocks):
        yield topic.problem("lesson.md", "no code", "Show the code, in ```python blocks that run.")
    matched = {output.start for output in lessons.outputs_of(text) if output}
    for block in blocks:
        if block.kind == "output" and block.start not in matched:
            mend = "Put it right after its ```python block; `groundup author run` writes it."
            yield topic.problem("lesson.md", "an output without its code", mend, block.start)


def _figure(topic: Topic) -> Iterator[Problem]:
    module = topic.figure()
    if module is None:
        return
    yield from _imports(topic, "figure.py", FIGURE_IMPORTS)
    for name in ("compute", "draw"):
        if not callable(getattr(module, name, None)):
            yield topic.problem("figure.py", f"{name} is missing", "Write compute(my, **sliders) and draw(data).")
    sliders = getattr(module, "sliders", None)
    if not isinstance(sliders, dict) or not sliders or not all(isinstance(one, Slider) for one in sliders.values()):
        yield topic.problem("figure.py", "no sliders", 'Write sliders = {"name": slider(…)}.')
    if not str(getattr(module, "caption", "")).strip():
        yield topic.problem("figure.py", "no caption", "Write caption = …: what there is to see.")
    names = {build.name for build in topic.builds}
    for name in getattr(module, "needs_builds", ()):
        if name not in names:
            yield topic.problem("figure.py", f"needs an unknown build {name!r}", f"Use {', '.join(sorted(names))}.")


def _lab(topic: Topic) -> Iterator[Problem]:
    """The page promises that a lab is run with the learner's own code: some build of the topic can be swapped in."""
    if topic.path("lab.py").exists() and not any(build.part for build in topic.builds):
        mend = "Write part = true at the builds that lab.py takes from the stack."
        yield topic.problem(FACTS, "there is a lab, but no build is a part, so none of the learner's runs in it", mend)


_RULES: tuple[Callable[[Topic], Iterator[Problem]], ...] = (
    _facts,
    _stamped,
    _drivers,
    _builds,
    _solution,
    _mistakes,
    _alternatives,
    _hints,
    _lesson,
    _figure,
    _lab,
)
