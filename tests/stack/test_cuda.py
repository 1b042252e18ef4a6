"""The stack on a graphics card beside the same on the processor: skipped, and said so, where there is none."""

from __future__ import annotations

import copy
import gc
import json
import runpy
import shutil
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from groundup.stack.data.examples import LabeledText, TaskData
from groundup.stack.models import llama
from groundup.stack.models.bert import BertConfig, MaskedLM
from groundup.stack.models.families import CausalLM
from groundup.stack.nn.optimizers import AdamW
from groundup.stack.tasks.classification import Classification
from groundup.stack.tasks.generation import Decoding, generate_ids
from groundup.stack.tasks.start import assemble, start
from groundup.stack.tasks.tuning import Plan, fine_tune
from groundup.stack.text.wordpiece import Normalization, WordPiece
from groundup.stack.text.wordpiece_file import read_wordpiece, write_wordpiece
from groundup.stack.training import Settings, train
from groundup.stack.training.failures import OutOfMemoryError
from groundup.stack.training.memory import estimate_memory
from groundup.stack.training.recompute import recomputing

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no graphics card"),
    pytest.mark.filterwarnings("ignore:Mismatch dtype between input and weight"),  # norms under autocast
]
TRAINING = Path(__file__).parent / "training"
TINY = runpy.run_path(str(TRAINING / "tiny_models.py"))
NAMES = TINY["NAMES"]
CARD = torch.device("cuda", 0)


def moved(batch: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: one.to(CARD) for name, one in batch.items()}


@pytest.mark.parametrize("name", NAMES)
def test_loss_and_gradients_are_those_of_the_processor(name: str) -> None:
    here = TINY["build"](name, dropout=0.0).double()
    there, batch = copy.deepcopy(here).to(CARD), TINY["batch_of"](name)
    loss, other = here(**batch).loss, there(**moved(batch)).loss
    assert other.device == CARD
    torch.testing.assert_close(other.cpu(), loss, rtol=0, atol=1e-6 if name == "llama" else 1e-9)
    loss.backward()
    other.backward()
    for (key, one), twin in zip(here.named_parameters(), there.parameters(), strict=True):
        assert (one.grad is None) == (twin.grad is None), key
        if one.grad is not None and twin.grad is not None:
            torch.testing.assert_close(
                twin.grad.cpu(), one.grad, rtol=0, atol=1e-7, msg=lambda said, key=key: key + said
            )


@pytest.mark.parametrize("name", NAMES)
def test_bfloat16_is_near_and_can_be_recomputed(name: str) -> None:
    here = TINY["build"](name, dropout=0.0)
    there, batch = copy.deepcopy(here).to(CARD), moved(TINY["batch_of"](name))
    exact = float(here(**TINY["batch_of"](name)).loss.detach())
    slopes = []
    for again in (False, True):
        there.zero_grad()
        with recomputing(there) if again else nullcontext(), torch.autocast("cuda", torch.bfloat16):
            loss = there(**batch).loss
        loss.backward()
        assert abs(float(loss.detach()) / exact - 1) < 0.03
        slopes.append([one.grad.clone() for one in there.parameters() if one.grad is not None])
    for one, other in zip(*slopes, strict=True):
        torch.testing.assert_close(one, other, rtol=0.02, atol=2e-3)


def decoder(dtype: torch.dtype = torch.float64, dropout: float = 0.0) -> Any:
    return TINY["build"]("gpt2", dim=16, layers=2, dropout=dropout).to(dtype)


def features() -> list[dict[str, Tensor]]:
    rows = TINY["batch_of"]("gpt2", rows=29, length=11, seed=3)
    return [{key: one[row] for key, one in rows.items()} for row in range(29)]


def collate(some: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([one[name] for one in some]) for name in some[0]}


SETTINGS = Settings(steps=9, batch=7, accumulate=3, lr=5e-3, warmup=2, clip=1.0, average=0.8, seed=5, save_every=4)


def test_a_run_is_that_of_the_processor_and_its_states_go_both_ways(tmp_path: Path) -> None:
    here, there = decoder(), decoder().to(CARD)
    expected = train(here, features(), collate, SETTINGS, folder=tmp_path / "cpu")
    found = train(there, features(), collate, SETTINGS, folder=tmp_path / "cuda")
    np.testing.assert_allclose(found.losses, expected.losses, rtol=0, atol=1e-9)
    np.testing.assert_allclose(found.norms, expected.norms, rtol=0, atol=1e-8)
    for one, twin in zip(here.parameters(), there.parameters(), strict=True):
        torch.testing.assert_close(twin.cpu(), one, rtol=0, atol=1e-7)
    for kept, device in (("cpu", CARD), ("cuda", torch.device("cpu"))):
        shutil.rmtree(tmp_path / kept / "state-00000009")
        model = decoder().to(device)
        again = train(model, features(), collate, SETTINGS, folder=tmp_path / kept)
        assert again.resumed == 8
        np.testing.assert_allclose(again.losses, expected.losses, rtol=0, atol=1e-9)
        assert next(model.parameters()).device == device


def test_a_run_goes_on_to_the_last_bit_with_dropout_and_bfloat16(tmp_path: Path) -> None:
    settings = replace(SETTINGS, precision="bfloat16")
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        whole = decoder(torch.float32, 0.2).to(CARD)
        expected = train(whole, features(), collate, settings)
        with pytest.raises(TINY["Stopped"]):
            train(decoder(torch.float32, 0.2).to(CARD), features(), collate, settings, folder=tmp_path,
                  watch=TINY["stop_at"](6))  # fmt: skip
        model = decoder(torch.float32, 0.2).to(CARD)
        torch.cuda.manual_seed(99)
        state = torch.cuda.get_rng_state(CARD)
        found = train(model, features(), collate, settings, folder=tmp_path)
    finally:
        torch.use_deterministic_algorithms(False)
    assert found.resumed == 4
    assert found.losses == expected.losses
    assert torch.equal(torch.cuda.get_rng_state(CARD), state), "the caller's random numbers are as they were"
    for one, twin in zip(model.parameters(), whole.parameters(), strict=True):
        assert torch.equal(one, twin)


def test_auto_measures_the_card() -> None:
    run = train(decoder(torch.float32).to(CARD), features(), collate, replace(SETTINGS, steps=2, precision="auto"))
    assert run.precision in ("float32", "bfloat16")
    assert "in bfloat16 and" in run.precision_reason


@pytest.mark.parametrize("bfloat16", [False, True])
@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize("name", ["bert", "llama", "t5", "deberta", "gpt2"])
def test_an_update_takes_what_was_estimated(name: str, recompute: bool, bfloat16: bool) -> None:
    model = TINY["build"](name, dim=256, layers=4, dropout=0.1).to(CARD)
    batch = moved(TINY["batch_of"](name, rows=24, length=60))
    told = estimate_memory(model, batch, recompute=recompute, bfloat16=bfloat16)
    elsewhere = copy.deepcopy(model).cpu()  # as where a model is still to be moved to the card
    given = {key: one.cpu() for key, one in batch.items()}
    assert estimate_memory(elsewhere, given, recompute=recompute, bfloat16=bfloat16, device=CARD) == told
    optimizer = AdamW(model.parameters(), lr=1e-3)

    def update() -> None:
        with recomputing(model) if recompute else nullcontext():
            with torch.autocast("cuda", torch.bfloat16, enabled=bfloat16):
                loss = model(**batch).loss
            loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    update()  # libraries take their workspaces once
    held = sum(one.nbytes for one in (*model.parameters(), *model.buffers())) + told.optimizer
    gc.collect()
    torch.cuda.synchronize()
    begun = torch.cuda.memory_allocated(CARD)
    torch.cuda.reset_peak_memory_stats(CARD)
    update()
    measured = torch.cuda.max_memory_allocated(CARD) - begun + held
    print(f"{name} recompute={recompute} bfloat16={bfloat16}: {told.total / measured:.3f} of {measured / 1e6:.1f} MB")
    assert 0.8 < told.total / measured < 1.2


def test_memory_that_runs_out_is_told_with_settings_that_fit() -> None:
    config = llama.LlamaConfig(vocab=2000, dim=256, layers=4, heads=4, hidden=700, context=512)
    ids = torch.randint(2000, (64, 512), generator=torch.Generator().manual_seed(0))
    rows = [{"ids": one, "labels": one} for one in ids]
    total = torch.cuda.get_device_properties(CARD).total_memory
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(2e9 / total, CARD)
    try:
        settings = Settings(steps=2, batch=64)
        with pytest.raises(OutOfMemoryError, match=r"Set accumulate=\d+ ") as told:
            train(CausalLM(llama.Llama(config)).to(CARD), rows, collate, settings)
        words = str(told.value)
        accumulate = int(words.partition("Set accumulate=")[2].split()[0])
        del told
        gc.collect()
        torch.cuda.empty_cache()
        assert f"accumulate={accumulate} (micro-batches of {-(-64 // accumulate)}), recompute=False" in words
        fitting = replace(settings, accumulate=accumulate)
        run = train(CausalLM(llama.Llama(config)).to(CARD), rows, collate, fitting)
        assert len(run.losses) == 2
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, CARD)


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_a_process_started_by_torchrun_talks_nccl(strategy: str, tmp_path: Path) -> None:
    cases = [{"name": name, "out": name, "strategy": strategy} for name in ("bert", "llama", "t5")]
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "1",
               str(TRAINING / "together.py"), str(tmp_path), json.dumps(cases)]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    alone = tmp_path / "alone"
    alone.mkdir()
    cases = [{"name": name, "out": name} for name in ("bert", "llama", "t5")]
    runpy.run_path(str(TRAINING / "together.py"))["main"](str(alone), json.dumps(cases))
    for name in ("bert", "llama", "t5"):
        found = json.loads((tmp_path / f"{name}-0.json").read_text())
        expected = json.loads((alone / f"{name}-0.json").read_text())
        assert found["device"] == "cuda:0" and expected["device"] == "cpu"
        np.testing.assert_allclose(found["losses"], expected["losses"], rtol=0, atol=1e-6)
        np.testing.assert_allclose(found["norms"], expected["norms"], rtol=0, atol=1e-5)


DECODINGS = {
    "greedy": Decoding(max_new_tokens=12),
    "drawn": Decoding(max_new_tokens=12, temperature=0.9, top_k=30, top_p=0.9, min_p=0.01),
    "beams": Decoding(max_new_tokens=12, beams=3, no_repeat_ngram=2, end_ids=(7,)),
    "rules": Decoding(max_new_tokens=12, min_new_tokens=5, repetition_penalty=1.3, end_ids=(7, 9)),
}


@pytest.mark.parametrize("name", ["gpt2", "llama", "mamba", "jamba", "t5", "transformer"])
@pytest.mark.parametrize("how", DECODINGS)
def test_what_is_written_is_what_the_processor_writes(name: str, how: str) -> None:
    here = TINY["build"](name, dropout=0.0).double().eval()
    there = copy.deepcopy(here).to(CARD)
    rows = [[5, 9, 33, 60], [17, 8], [70, 71, 72, 73, 74, 75, 76], [40]]
    found = []
    for model in (here, there):
        draw = torch.Generator().manual_seed(3)
        found.append(generate_ids(model, rows, DECODINGS[how], generator=draw, batch=3))
    for (ids, score), (others, other) in zip(*found, strict=True):
        assert ids == others
        assert score == pytest.approx(other, abs=1e-6)


def test_fine_tuning_takes_the_card(tmp_path: Path) -> None:
    """From a folder to a folder: the card says where, and the folder is read on the processor again."""
    words = ("red", "blue", "green", "warm", "cold", "old")
    write_wordpiece(tmp_path, WordPiece.train([" ".join(words)] * 5, 100, Normalization()))
    tokenizer = read_wordpiece(tmp_path)
    config = BertConfig(vocab=tokenizer.vocab_size, dim=32, layers=2, heads=4, hidden=48, context=40,
                        pad_id=tokenizer.vocab["[PAD]"], dropout=0.0)  # fmt: skip
    torch.manual_seed(0)
    assemble(MaskedLM(config), tokenizer).save(tmp_path)
    texts = [LabeledText(f"{one} {other} {last}", "yes" if one == "red" else "no")
             for one in words for other in words for last in words]  # fmt: skip
    data = TaskData("made", "classification", texts[::2], texts[1::2], ("no", "yes"))
    settings = Settings(steps=60, batch=16, lr=3e-3, schedule="linear", precision="bfloat16")
    plans: list[Plan] = []
    done = fine_tune(tmp_path, data, settings, tmp_path / "out", before=plans.append)
    assert plans[0].memory is not None and plans[0].memory > 4 * plans[0].parameters
    assert next(done.kit.model.parameters()).device == CARD
    assert max(done.scores.values()) > 95
    assert torch.cuda.get_device_name(CARD) in (tmp_path / "out" / "card" / "card.md").read_text(encoding="utf-8")
    again = start(tmp_path / "out" / "model", "classification")
    here = Classification.of(again).predict(again.model, data.dev)
    assert [one.label for one in here] == [one.label for one in done.predictions]
