"""Parts: which of a learner's builds are used, and that a swap reaches every use inside the stack and nothing else."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from groundup.study.home import find_home
from groundup.study.parts import choose
from groundup.study.roadmap import load_roadmap
from groundup.study.runs.records import RunError
from groundup.study.service import Study

ATTENTION = "self-attention"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Study]:
    one = Study(find_home(str(tmp_path_factory.mktemp("parts") / "home")))
    yield one
    one.close()


def write(study: Study, topic: str, text: str) -> Path:
    path = study.open(topic).path
    path.write_text(text)
    return path


def test_only_what_passes_now_is_used(study: Study) -> None:
    assert choose(study).parts == ()
    with pytest.raises(RunError, match="it does not pass: groundup check self-attention"):
        choose(study, ["causal_mask"])
    solution = study.solution(ATTENTION)
    write(study, ATTENTION, solution)
    assert study.check(ATTENTION).passed
    chosen = choose(study)
    names = [one.build for one in chosen.parts]
    assert names == [one.name for one in study.roadmap.topics[ATTENTION].builds if one.part]
    snapshot = study.source(ATTENTION)
    assert {one.sha256 for one in chosen.parts} == {snapshot.sha256}
    assert chosen.sources["mine.transformer.self_attention"] == snapshot.source
    assert not chosen.left_out
    one = choose(study, ["causal_mask"])
    assert [part.build for part in one.parts] == ["causal_mask"]

    # A comment more: other bytes, checked again, used again. Broken: left out, and it says so.
    write(study, ATTENTION, solution + "\n# more\n")
    assert len(choose(study).parts) == len(names)
    write(study, ATTENTION, solution.replace("def causal_mask", "def casual_mask"))
    chosen = choose(study)
    assert "causal_mask" not in [one.build for one in chosen.parts]
    assert "does not: groundup check self-attention" in chosen.left_out["causal_mask"]
    with pytest.raises(RunError, match="causal_mask cannot be used"):
        choose(study, ["causal_mask"])
    with pytest.raises(RunError, match="is not a part"):
        choose(study, ["no_such_thing"])


PARTS = [
    (topic.id, build.name, str(build.reference))
    for topic in load_roadmap().topics.values()
    if topic.written
    for build in topic.builds
    if build.part
]

LEFT = """
import gc, json, sys, types
from groundup.study import parts

parts.import_stack()
names = json.loads(sys.argv[1])
left, empty = {}, []
for build, reference in names:
    original = parts.find(reference)
    module, _, name = reference.partition(":")
    # What holds the object itself, besides its own innards (a class is held by its own mro, methods and descriptors).
    def holders():
        found = []
        for one in gc.get_referrers(original):
            if one is names or isinstance(one, types.FrameType):
                continue
            if isinstance(one, dict) and one.get("__name__", "").startswith("groundup.stack") and "__file__" in one:
                found.append("module " + one["__name__"])
            elif isinstance(one, dict) and any(
                value is one for module in parts.stack_modules() for value in list(vars(module).values())
            ):
                found.append("registry")
            elif isinstance(one, types.CellType) or isinstance(one, types.FunctionType):
                owner = getattr(one, "__qualname__", "")
                if not (isinstance(original, type) and (owner.startswith(original.__name__ + ".") or own_cell(one))):
                    found.append(f"closure or function {one!r}")
            elif isinstance(one, tuple):
                users = [u for u in gc.get_referrers(one) if isinstance(u, (types.FunctionType, type))]
                found += [f"default or base of {u!r}" for u in users if u is not original and not own(u)]
            elif isinstance(one, type) and one is not original:
                found.append(f"class {one!r}")
        return found
    def own(user):
        return isinstance(original, type) and getattr(user, "__qualname__", "").startswith(original.__name__)
    def own_cell(cell):
        tuples = [one for one in gc.get_referrers(cell) if isinstance(one, tuple)]
        return any(own(user) for one in tuples for user in gc.get_referrers(one))
    if not any(one.startswith("module") for one in holders()):
        empty.append(build)
    stand_in = type(original.__name__, (), {}) if isinstance(original, type) else (lambda *a, **k: None)
    swapped = parts.swap({build: (reference, stand_in)})
    rest = holders()
    if rest:
        left[build] = rest
print(json.dumps([left, empty]))
"""


def test_after_a_swap_nothing_in_the_stack_holds_the_reference() -> None:
    """However it was imported: not as a default argument, closure, base class or registry entry either."""
    assert PARTS, "no topic with parts is written"
    asked = json.dumps([[build, reference] for _, build, reference in PARTS])
    answer = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LEFT, asked], capture_output=True, text=True, check=True, timeout=120
    )
    left, empty = json.loads(answer.stdout)
    assert left == {}
    assert empty == []


def test_a_reference_kept_as_a_default_would_be_found() -> None:
    """The test above can fail: a stack module that captures a part is reported."""
    module = (
        "import sys, types, groundup.stack.transformer.attention as a\n"
        "m = types.ModuleType('groundup.stack.captures'); m.__file__ = 'x'\n"
        "def user(x, mask=a.causal_mask): return mask(x)\n"
        "m.user = user; sys.modules[m.__name__] = m\n"
    )
    asked = json.dumps([["causal_mask", "groundup.stack.transformer.attention:causal_mask"]])
    answer = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", module + LEFT, asked],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    left, _ = json.loads(answer.stdout)
    assert "default or base" in str(left["causal_mask"])


SAME = """
import json, sys, torch
from groundup.study import parts
from groundup.stack.models.gpt import GPT

names = json.loads(sys.argv[1])
if len(sys.argv) > 2:
    swapped = parts.swap({build: (reference, parts.find(reference)) for build, reference in names})
    from groundup.stack.models.gpt import GPT  # as a lab imports it, after the swap
from groundup.stack.nn.losses import cross_entropy
torch.manual_seed(0)
torch.set_num_threads(1)
model = GPT(vocab=40, dim=32, heads=4, layers=2, context=16)
ids = torch.randint(40, (3, 17))
losses = []
for _ in range(3):
    loss = cross_entropy(model(ids[:, :-1]), ids[:, 1:])
    loss.backward()
    with torch.no_grad():
        for one in model.parameters():
            one -= 0.1 * one.grad
            one.grad = None
    losses.append(loss.item().hex())
print(json.dumps(losses))
"""


def test_the_reference_as_the_learners_gives_the_same_to_the_last_bit() -> None:
    asked = json.dumps([[build, reference] for _, build, reference in PARTS])
    found = [
        json.loads(
            subprocess.run(
                [sys.executable, "-W", "ignore", "-c", SAME, asked, *more],
                capture_output=True,
                text=True,
                check=True,
                timeout=120,
            ).stdout
        )
        for more in ([], ["swapped"])
    ]
    assert found[0] == found[1]
    assert len(set(found[0])) == 3


USES = """
import json, sys, types, torch
from groundup.study import parts

names = json.loads(sys.argv[1])
swapped = parts.swap({build: (reference, parts.find(reference)) for build, reference in names})
torch.manual_seed(0)

# What labs do, with names imported after the swap; what the stack does by itself is reached through these.
from groundup.stack import nn
from groundup.stack.inference import cache, sampling
from groundup.stack.models import gpt, gpt2, llama
from groundup.stack.nn import activations, initialization, layers, losses, optimizers, schedules
from groundup.stack.objectives import causal
from groundup.stack.text import bpe
from groundup.stack.training import clipping, loop
from groundup.stack.transformer import attention, blocks, feedforward, heads, normalization, rotary

ids = torch.randint(40, (200,))
generator = torch.Generator().manual_seed(0)
model = gpt.GPT(vocab=40, dim=32, heads=4, layers=2, context=16)
inputs, targets = causal.next_token_pairs(ids, 8, 2, generator)
for kind in ("SGD", "RMSprop", "Adam", "AdamW"):
    optimizer = getattr(optimizers, kind)(model.parameters(), 0.01)
    loop.train_step(
        model, lambda logits, wanted: losses.cross_entropy(logits.flatten(0, 1), wanted.flatten()), optimizer,
        [(inputs, targets)],
    )
clipping.clip_grad_norm(model.parameters(), 1.0)
schedules.warmup_cosine(3, 1.0, 2, 9)
config = llama.LlamaConfig(vocab=40, dim=32, layers=1, heads=4, kv_heads=2, hidden=24, context=16)
one = llama.Llama(config)
one(inputs)
llama.LlamaBlock(config)
llama.rename_checkpoint({"model.norm.weight": torch.ones(3)})
gpt2.GPT2(gpt2.GPT2Config(vocab=40, context=16, dim=32, layers=1, heads=4))(inputs)
cache.generate_cached(one, inputs, 2)
cache.cache_bytes(config, 1, 2, 2)


def sample(logits):
    logits = sampling.repetition_penalty(logits, inputs, 1.2)
    logits = sampling.min_p(sampling.top_p(sampling.top_k(sampling.apply_temperature(logits, 0.9), 9), 0.9), 0.1)
    return logits.argmax(dim=-1)


sampling.generate(model, inputs, 2, sample)
tokenizer = bpe.BytePairTokenizer.train("the cat sat because it was tired " * 5, 270)
tokenizer.decode(tokenizer.encode("the cat"))
x = torch.randn(2, 5, 32)
blocks.EncoderLayer(32, 4, 24)(x)
blocks.DecoderLayer(32, 4, 24)(x, x)
attention.attention_by_formula(x, x, x, attention.causal_mask(5))
network = layers.MLP([32, 8, 3], activations.relu)
initialization.kaiming_init(torch.empty(3, 4), generator)
losses.mse_loss(network(x), torch.zeros(2, 5, 3))
losses.binary_cross_entropy(network(x), torch.zeros(2, 5, 3))
for function in (activations.relu, activations.gelu, activations.silu, activations.softmax):
    function(x)
from groundup.stack import autograd

autograd.Tensor(1.0)
print(json.dumps({one.build: one.calls for one in swapped}))
"""


def test_every_part_is_reached_where_the_stack_uses_it() -> None:
    asked = json.dumps([[build, reference] for _, build, reference in PARTS])
    answer = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", USES, asked], capture_output=True, text=True, timeout=120
    )
    assert answer.returncode == 0, answer.stderr
    uses = json.loads(answer.stdout)
    assert set(uses) == {build for _, build, _ in PARTS}
    # What the stack itself has no use for is a part because a lab takes it from there: their own tests run those.
    assert {build for build, calls in uses.items() if calls == 0} <= imported_by_labs()


def imported_by_labs() -> set[str]:
    """The builds whose references labs of topics and projects import from the stack, as they would be swapped."""
    roadmap = load_roadmap()
    names = {
        name.name
        for one in (*roadmap.topics.values(), *roadmap.projects.values())
        if "lab.py" in one.files
        for node in ast.walk(ast.parse(one.source("lab.py")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("groundup.stack")
        for name in node.names
    }
    found = {build for _, build, reference in PARTS if reference.rpartition(":")[2] in names}
    assert found
    return found
