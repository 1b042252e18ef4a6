"""From settings and examples to a trained model, and after an interruption on from where it was.

    order ──► examples of update s ── part of this process ── micro-batches ── collate ──► batches
    each batch ── model, loss · labels of it / labels of all ── backward ──► gradients of the whole batch's mean loss
    clip ──► AdamW ──► average ──► watch, evaluate, save                                          every update, in turn

All that is random in update s is drawn from (seed, s, process), so that a run that goes on from a state needs no more
of the past than what the state has, and gives the same losses to the last bit as a run that was never stopped.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import torch
from torch import Tensor, nn

from groundup.stack.training.averages import Average
from groundup.stack.training.counts import counted_labels, counted_tokens
from groundup.stack.training.devices import memory_limit
from groundup.stack.training.failures import NotFiniteError, is_memory_error, memory_error
from groundup.stack.training.folders import check_writable, differences, model_facts, own_folder
from groundup.stack.training.groups import Groups
from groundup.stack.training.order import Order, fingerprint, part_of
from groundup.stack.training.precision import Precision, choose_precision
from groundup.stack.training.randomness import derived_seed, kept_random, seed_everything
from groundup.stack.training.recompute import recomputing
from groundup.stack.training.settings import FREE, Settings, SettingsError
from groundup.stack.training.states import State, list_states, newest_state, read_state, write_state
from groundup.stack.training.world import World

Feature = TypeVar("Feature")
Batch = dict[str, Tensor]


class ResumeError(ValueError):
    """A folder whose state belongs to another run, and what differs."""


@dataclass(frozen=True)
class Step:
    """An update that was made: ``number`` (1 is the first) of ``steps``. ``loss`` is the mean over all labels of its
    batch before the update, ``norm`` the gradient's length before clipping; ``tokens`` and ``seconds`` are those of
    the run until now."""

    number: int
    steps: int
    loss: float
    rate: float
    norm: float
    tokens: int
    seconds: float


@dataclass
class Run:
    """What came of a run. ``losses``, ``rates`` (of learning) and ``norms`` have one number an update, ``scores`` what
    ``evaluate`` gave after how many updates. ``tokens`` (without padding) and ``seconds`` are of all of it, those
    before an interruption among them. ``state`` is the newest that was kept, ``resumed`` the update it went on from."""

    settings: Settings
    losses: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    norms: list[float] = field(default_factory=list)
    scores: dict[int, dict[str, float]] = field(default_factory=dict)
    tokens: int = 0
    seconds: float = 0.0
    examples: int = 0
    precision: str = "float32"
    precision_reason: str = ""
    state: Path | None = None
    resumed: int = 0


def train(
    model: nn.Module,
    features: Sequence[Feature],
    collate: Callable[[list[Feature]], Batch],
    settings: Settings,
    *,
    folder: str | os.PathLike[str] | None = None,
    watch: Callable[[Step], None] | None = None,
    evaluate: Callable[[nn.Module], Mapping[str, float]] | None = None,
    world: World | None = None,
    count: Callable[[nn.Module, Batch], int] = counted_labels,
) -> Run:
    """Train ``model`` in place on ``features``, which ``collate`` makes batches of: ``model(**batch).loss`` is the mean
    over the labels that count, ``count(model, batch)`` how many these are.

    Where ``folder`` is given, states are kept there, and a run whose folder has one goes on from it; it is this run's
    alone meanwhile. A micro-batch of which no label counts adds nothing, be its loss 0 or, as PyTorch's, no number (on
    several processes it must be finite). ``watch`` sees every update; ``evaluate`` is given the model in eval mode,
    with the averaged parameters where there is an average; with these it is left in the end. Random sources of the
    caller are afterwards what they were before.

    Raises SettingsError where the settings do not fit the examples or the model, ResumeError for a folder of another
    run, FolderError for one that no states can be kept in, NotFiniteError, OutOfMemoryError and DiskFullError (see
    ``failures.py``).
    """
    first = world is None or world.rank == 0
    with own_folder(Path(folder)) if folder is not None and first else nullcontext():
        trainer = Trainer(model, features, collate, settings, folder=folder, world=world, count=count)
        return trainer.run(watch, evaluate)


class Trainer:
    """A run and all that it needs, at update ``step``; :func:`train` is the way in."""

    def __init__(
        self,
        model: nn.Module,
        features: Sequence[Feature],
        collate: Callable[[list[Feature]], Batch],
        settings: Settings,
        *,
        folder: str | os.PathLike[str] | None = None,
        world: World | None = None,
        count: Callable[[nn.Module, Batch], int] = counted_labels,
    ) -> None:
        self.model, self.features, self.collate, self.count = model, features, collate, count
        self.settings, self.world = settings, world or World()
        self.folder = None if folder is None else Path(folder)
        least = self.world.size * settings.accumulate
        if settings.batch < least:
            raise SettingsError(
                f"a batch of {settings.batch} cannot be cut into {settings.accumulate} micro-batches on each of "
                f"{self.world.size} processes: set batch to {least} or more, or accumulate lower"
            )
        self.order = Order(len(features), settings.batch, settings.seed)
        self.wrapped = self.world.wrap(model)
        self.device = next((one.device for one in model.parameters()), torch.device("cpu"))
        self.groups = Groups(
            model, settings.rate(0), settings.betas, settings.eps, settings.weight_decay, settings.decay_embeddings
        )
        self.average = None if settings.average is None else Average(model, settings.average)
        self.fingerprint = "" if folder is None else fingerprint(features)
        self.step = 0
        self.result = Run(settings)
        self.precision = choose_precision(settings.precision) if settings.precision != "auto" else None
        state = self._find_state()
        if state is not None:
            self._restore(state)
        if self.folder is not None and self.step < settings.steps and self.world.rank == 0:
            check_writable(self.folder)

    # ── the loop ─────────────────────────────────────────────────────────────

    def run(
        self,
        watch: Callable[[Step], None] | None = None,
        evaluate: Callable[[nn.Module], Mapping[str, float]] | None = None,
    ) -> Run:
        """All updates that are left. Raises as :func:`train` does."""
        result = self.result
        with ExitStack() as stack:
            stack.callback(_set_modes, {part: part.training for part in self.model.modules()})
            stack.callback(self.groups.zero_grad)
            stack.enter_context(kept_random(self.device))
            if self.settings.recompute:
                stack.enter_context(recomputing(self.model))
            if self.precision is None:
                self.precision = self.world.share(choose_precision("auto", self.device, self._time_pass))
            result.precision, result.precision_reason = self.precision.name, self.precision.reason
            self._go_on(watch, evaluate)
            if evaluate is not None and self.step not in result.scores:  # the run that was kept was not evaluated
                self._evaluate(evaluate)
        if self.average is not None:
            self.average.apply()
        return result

    def _go_on(
        self,
        watch: Callable[[Step], None] | None,
        evaluate: Callable[[nn.Module], Mapping[str, float]] | None,
    ) -> None:
        settings, result = self.settings, self.result
        begin = time.perf_counter() - result.seconds
        while self.step < settings.steps:
            try:
                self._update()
            except Exception as error:
                if is_memory_error(error):
                    raise memory_error(error, self.step + 1, settings, self.world.size, self._advice()) from error
                raise
            result.seconds = time.perf_counter() - begin
            if watch is not None:
                watch(self._told())
            if evaluate is not None and self._is_due(settings.evaluate_every):
                self._evaluate(evaluate)
            if self.folder is not None and self._is_due(settings.save_every):
                result.seconds = time.perf_counter() - begin
                result.state = self._save(self.folder)

    def _is_due(self, every: int | None) -> bool:
        return self.step == self.settings.steps or (every is not None and self.step % every == 0)

    def _told(self) -> Step:
        result = self.result
        last = (result.losses[-1], result.rates[-1], result.norms[-1])
        return Step(self.step, self.settings.steps, *last, result.tokens, result.seconds)

    def _update(self) -> None:
        """One step of AdamW on the mean loss over all labels of the batch, of all micro-batches and processes."""
        settings, world = self.settings, self.world
        seed_everything(derived_seed("update", settings.seed, self.step, world.rank))
        indices = self.order.indices(self.step)
        parts = self._parts(indices)
        batches = [self._batch(part) for part in parts]  # all of them before the first: their labels are counted
        counts = [self.count(self.model, batch) for batch in batches]
        sums = [sum(counts), sum(counted_tokens(batch) for batch in batches)]
        labels, tokens = world.sum(torch.tensor(sums, device=self.device)).tolist()

        self.model.train()
        self.groups.zero_grad()
        losses = []
        for number, (batch, counted) in enumerate(zip(batches, counts, strict=True), 1):
            with world.update(self.wrapped, number == len(batches)):
                losses.append(self._backward(batch, counted / max(labels, 1)))
        loss = float(world.sum(torch.stack(losses).sum()))
        if not math.isfinite(loss):  # in every process alike, so that all of them stop
            wrong = [part for part, one in zip(parts, losses, strict=True) if not math.isfinite(one)]
            self._stop(f"the loss is {loss}", wrong[0] if wrong and world.size == 1 else indices)
        norm = float(world.clip(self.groups.params, settings.clip))
        if not math.isfinite(norm):
            self._stop(f"the gradient's length is {norm}", indices)

        self.groups.lr = settings.rate(self.step)
        self.groups.step()
        if self.average is not None:
            self.average.update()
        self.step += 1
        self.result.losses.append(loss)
        self.result.rates.append(self.groups.lr)
        self.result.norms.append(norm)
        self.result.tokens += tokens
        self.result.examples += len(indices)

    def _parts(self, indices: Sequence[int]) -> list[Sequence[int]]:
        """The micro-batches of this process."""
        mine = part_of(indices, self.world.size, self.world.rank)
        return [part_of(mine, self.settings.accumulate, part) for part in range(self.settings.accumulate)]

    def _batch(self, indices: Sequence[int]) -> Batch:
        return self.collate([self.features[index] for index in indices])

    def _backward(self, batch: Batch, share: float) -> Tensor:
        """The gradients of one micro-batch, whose labels are ``share`` of the batch's; its part of the loss.

        Processes average their gradients: what each gives counts 1 / their number, so it is taken that often.
        """
        assert self.precision is not None
        with self.precision.context(self.device):
            loss = self.wrapped(**{name: one.to(self.device) for name, one in batch.items()}).loss
        if loss is None:
            raise ValueError(f"the model gives no loss for {', '.join(batch)}: collate must make labels")
        if not share and self.world.size == 1 and not math.isfinite(loss.detach()):  # a mean over no label
            return torch.zeros_like(loss)
        torch.autograd.backward(loss * (share * self.world.size))
        part: Tensor = loss.detach() * share
        return part

    def _stop(self, what: str, indices: Sequence[int]) -> NoReturn:
        states = list_states(self.folder) if self.folder else []
        raise NotFiniteError(f"{what}, so update {self.step + 1} was not made", self.step + 1, indices, states)

    def _evaluate(self, evaluate: Callable[[nn.Module], Mapping[str, float]]) -> None:
        seed_everything(derived_seed("evaluate", self.settings.seed, self.step))
        self.model.eval()
        averaged = nullcontext() if self.average is None else self.average.applied()
        with torch.no_grad(), averaged, self.world.gathered(self.model):
            scores = evaluate(self.model)
        self.result.scores[self.step] = {str(name): float(value) for name, value in scores.items()}

    def _time_pass(self, precision: Precision) -> float:
        """Seconds of one micro-batch forward and backward in this precision, without an update."""
        seed_everything(derived_seed("update", self.settings.seed, self.step, self.world.rank))
        batch = self._batch(self._parts(self.order.indices(self.step))[0])
        before = {name: one.clone() for name, one in self.model.named_buffers()}
        self.model.train()
        self.precision = precision
        begin = time.perf_counter()
        with self.world.update(self.wrapped, True):
            float(self._backward(batch, 1.0))  # a number is there when all before it is computed
        seconds = time.perf_counter() - begin
        self.groups.zero_grad()
        with torch.no_grad():
            for name, one in self.model.named_buffers():
                one.copy_(before[name])
        return seconds

    def _advice(self) -> str:
        """What to change, by playing an update (:mod:`memory`), where that can be done and shows what is too much."""
        self.groups.zero_grad()
        limit = memory_limit(self.device)
        if limit is None or self.world.size > 1:  # what several processes hold is not all in this one
            return ""
        from groundup.stack.training.memory import estimate_memory, explain_memory

        settings = self.settings
        played: dict[str, Any] = {
            "accumulate": settings.accumulate,
            "recompute": settings.recompute,
            "bfloat16": self.result.precision == "bfloat16",
            "average": settings.average is not None,
        }
        try:
            batch = self._batch(max(self._parts(self.order.indices(self.step)), key=len))
            if estimate_memory(self.model, batch, **played).total <= limit:
                return ""
            return explain_memory(self.model, batch, limit, **played)
        except Exception:  # the failure that is to be told is the first one
            return ""

    # ── states ───────────────────────────────────────────────────────────────

    def _tensors(self) -> dict[str, Tensor]:
        """All that the run has learned and remembers, each the whole tensor, in process 0; the others help it."""
        found = {f"model.{name}": one for name, one in _tensors_of(self.model).items()}
        found |= {f"optimizer.{name}": one for name, one in self.groups.tensors().items()}
        if self.average is not None:
            found |= {f"average.{name}": one for name, one in self.average.tensors().items()}
        tensors = {}
        for name, one in found.items():
            own = one.detach()
            whole = self.world.whole(own)
            if self.world.rank == 0:
                tensors[name] = whole if whole is own else whole.cpu()  # what was gathered is not kept on the device
        for name in ("losses", "rates", "norms"):
            tensors[f"history.{name}"] = torch.tensor(getattr(self.result, name), dtype=torch.float64)
        return tensors

    def _save(self, folder: Path) -> Path:
        tensors = self._tensors()
        record = {
            "settings": self.settings.record(),
            "precision": [self.result.precision, self.result.precision_reason],
            "examples": [len(self.features), self.fingerprint],
            "updates": self.groups.steps(),
            "model": model_facts(self.model),
            "scores": {str(step): scores for step, scores in self.result.scores.items()},
            "tokens": self.result.tokens,
            "seconds": self.result.seconds,
            "seen": self.result.examples,
            "processes": self.world.size,
        }
        outcome: tuple[Path | None, Exception | None] = (None, None)
        if self.world.rank == 0:
            try:
                self._check_finite(tensors, folder)
                outcome = (write_state(folder, self.step, tensors, record, self.settings.keep), None)
            except Exception as error:
                outcome = (None, error)
        path, trouble = self.world.share(outcome)  # that no process waits for one that has failed
        if path is None:
            raise trouble or OSError(f"no state was written to {folder}")
        return path

    def _check_finite(self, tensors: Mapping[str, Tensor], folder: Path) -> None:
        """An update may break the parameters after its loss was well: such a state would be no good one."""
        for name, one in self.model.named_parameters():
            if one.requires_grad and not bool(torch.isfinite(tensors[f"model.{name}"]).all()):
                what = f"{name} has values that are not finite after update {self.step}, so no state was kept of it"
                raise NotFiniteError(what, self.step, self.order.indices(self.step - 1), list_states(folder))

    def _find_state(self) -> State | None:
        """The newest whole state of the folder, the same for every process. Raises ResumeError for another run's."""
        if self.folder is None:
            return None
        state = newest_state(self.folder) if self.world.rank == 0 else None
        path = self.world.share(None if state is None else state.path)
        if path is None:
            return None
        state = read_state(path) if state is None else state
        self._check_same(state)
        return state

    def _check_same(self, state: State) -> None:
        """Raises ResumeError, by name, for settings, examples or a model that are not those of the state."""
        before, now = Settings(1).record() | state.record["settings"], self.settings.record()
        free = set(FREE) | ({"steps"} if before["schedule"] == now["schedule"] == "constant" else set())
        other = [name for name in now if name not in free and before[name] != now[name]]
        problems = [f"{name} was {before[name]!r} and is {now[name]!r}" for name in other]
        number, name = state.record["examples"]
        if number != len(self.features):
            problems.append(f"there were {number} examples and are {len(self.features)}")
        elif name != self.fingerprint:
            problems.append("the examples are others, or in another order")
        known, facts = state.record.get("model", {}), model_facts(self.model)
        other = [name for name in facts.keys() & known.keys() if known[name] != facts[name]]
        problems += [f"{name} was {known[name]} and is {facts[name]}" for name in sorted(other)]
        if state.step > self.settings.steps:
            problems.append(f"{state.step} updates are made, more than steps={self.settings.steps}")
        if problems:
            raise ResumeError(
                f"{state.path} is of another run: {'; '.join(problems)}. Go on with what it had, or name another folder"
            )

    @torch.no_grad()
    def _restore(self, state: State) -> None:
        saved = {kind: _below(state.tensors, kind) for kind in ("model", "optimizer", "average", "history")}
        own = _tensors_of(self.model)
        other = differences(saved["model"], own)  # a sharded tensor has the shape of the whole
        before, trained = state.record["updates"].keys(), self.groups.steps().keys()
        for name in (before ^ trained) & own.keys():
            other.append(f"{name} was {'trained' if name in before else 'frozen'} and is not")
        if other:
            raise ResumeError(f"{state.path} is of another model: {'; '.join(sorted(other)[:5])}. Name another folder")
        for name, one in own.items():
            one.copy_(self.world.part(saved["model"][name], one))
        remembered = {
            name: self.world.part(saved["optimizer"][name], one) for name, one in self.groups.tensors().items()
        }
        self.groups.restore(remembered, state.record["updates"])
        if self.average is not None:
            averaged = self.average.tensors()
            parts = {name: self.world.part(saved["average"][name], one) for name, one in averaged.items()}
            self.average.restore(parts, state.step)
        result, record = self.result, state.record
        result.losses, result.rates, result.norms = (
            saved["history"][name].tolist() for name in ("losses", "rates", "norms")
        )
        result.scores = {int(step): scores for step, scores in record["scores"].items()}
        result.tokens, result.seconds, result.examples = record["tokens"], record["seconds"], record["seen"]
        result.state, result.resumed, self.step = state.path, state.step, state.step
        # A run goes on in the precision that it began in, even where measuring would now choose the other.
        self.precision = Precision(*record["precision"])


def _set_modes(modes: Mapping[nn.Module, bool]) -> None:
    for part, mode in modes.items():
        part.training = mode


def _tensors_of(model: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers by name; what is shared once."""
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


def _below(tensors: Mapping[str, Tensor], kind: str) -> dict[str, Tensor]:
    return {name.removeprefix(f"{kind}."): one for name, one in tensors.items() if name.startswith(f"{kind}.")}
