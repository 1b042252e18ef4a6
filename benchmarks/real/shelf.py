"""What both sides begin with, made once from the training parts alone: vocabularies, and an encoder that has read them.

    shelf/encoder/    BERT in small after masked words on the texts of all sets; WordPiece beside it; its run card
    shelf/NAME/       a byte-level vocabulary of one set, for tasks that write

Both sides of a task read the same folders in the Hub's format.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from groundup.stack.models.bert import BertConfig, MaskedLM
from groundup.stack.objectives.masked import Masking, mask_tokens
from groundup.stack.tasks.start import assemble
from groundup.stack.text.bpe import train_bpe
from groundup.stack.text.tokenizer_file import write_tokenizer
from groundup.stack.text.wordpiece import Normalization, WordPiece
from groundup.stack.text.wordpiece_file import read_wordpiece, write_wordpiece
from groundup.stack.training.settings import Settings
from groundup.stack.training.trainer import Run, Step, train
from real.outcomes import key_of
from real.plans import BLOCK, ENCODER, PIECES, PRETRAINING, SMALL, Plan

DONE = "made_of.json"
END, PAD = "</s>", "<pad>"


def texts_of(examples: Sequence[Any]) -> list[str]:
    """All text that a model may read while it learns: sentences, questions and contexts, both sides of a pair."""
    found: list[str] = []
    for one in examples:
        if hasattr(one, "words"):
            found.append(" ".join(one.words))
        elif hasattr(one, "context"):
            found += [one.question, one.context]
        elif hasattr(one, "first"):
            found += [one.first, one.second]
        elif hasattr(one, "targets"):
            found += [one.source, *one.targets]
        else:
            found.append(one.text)
    return list(dict.fromkeys(found))


def make_shelf(folder: Path, parts: Mapping[str, Sequence[Any]], plans: Sequence[Plan], quick: bool) -> Path:
    """Make what is not there yet. ``parts`` are the training examples of the sets by name; returns ``folder``."""
    for plan in plans:
        if plan.kind in ("writing", "language"):
            texts = texts_of(parts[plan.name])
            _once(folder / plan.name, key_of(texts, plan.pieces), lambda to, t=texts, p=plan: _write_pieces(to, t, p))
    if any(plan.kind not in ("writing", "language") for plan in plans):
        # German would only dilute it, and what a translation's English says of words is not needed.
        texts = [text for name, examples in parts.items() if name != "multi30k" for text in texts_of(examples)]
        texts = list(dict.fromkeys(texts))
        settings = replace(PRETRAINING, steps=4, batch=4, warmup=1) if quick else PRETRAINING
        key = key_of(texts, settings, ENCODER, PIECES)
        _once(folder / "encoder", key, lambda to: _pretrain(to, texts, settings, quick, folder / f"states-{key}"))
    return folder


def _once(folder: Path, key: str, make: Any) -> None:
    done = folder / DONE
    if done.is_file() and json.loads(done.read_text(encoding="utf-8")).get("key") == key:
        return
    folder.mkdir(parents=True, exist_ok=True)
    done.unlink(missing_ok=True)
    make(folder)
    done.write_text(json.dumps({"key": key}), encoding="utf-8")


def _write_pieces(folder: Path, texts: Sequence[str], plan: Plan) -> None:
    """Byte-level BPE, with an end of text, a token for padding, and none before the text."""
    merges = train_bpe("\n".join(texts), plan.pieces - 2)
    write_tokenizer(folder, merges, (END, PAD))


def _pretrain(folder: Path, texts: Sequence[str], settings: Settings, quick: bool, states: Path) -> None:
    """Masked words (Devlin and others 2019), drawn anew for every batch (Liu and others 2019).

    What was stopped goes on from ``states``.
    """
    tokenizer = WordPiece.train(texts, 600 if quick else PIECES, Normalization(lower=False))
    write_wordpiece(folder, tokenizer)
    tokenizer = read_wordpiece(folder)
    vocab = tokenizer.vocab
    cls, sep = vocab["[CLS]"], vocab["[SEP]"]
    stream = [token for text in texts for token in (*tokenizer.encode(text), sep)]
    blocks = [[cls, *stream[at : at + BLOCK - 1]] for at in range(0, len(stream), BLOCK - 1)]
    special = tuple(vocab[one] for one in ("[PAD]", "[UNK]", "[CLS]", "[SEP]"))
    rules = Masking(vocab["[MASK]"], tokenizer.vocab_size, special)
    torch.manual_seed(settings.seed)
    shape = {**ENCODER, **{name: SMALL[name] for name in SMALL if name in ENCODER}} if quick else ENCODER
    model = MaskedLM(BertConfig(vocab=tokenizer.vocab_size, pad_id=vocab["[PAD]"], **shape))

    def collate(some: Sequence[list[int]]) -> dict[str, Tensor]:
        longest = max(map(len, some))
        ids = torch.tensor([[*one, *[vocab["[PAD]"]] * (longest - len(one))] for one in some])
        inputs, labels = mask_tokens(ids, rules)  # from torch's own chance, which the trainer sets for every update
        return {"ids": inputs, "attention_mask": (ids != vocab["[PAD]"]).long(), "labels": labels}

    def watch(step: Step) -> None:
        if step.number % 100 == 0:
            print(f"pre-training: {step.number} of {step.steps} updates, loss {step.loss:.2f}", flush=True)

    run = train(model, blocks, collate, settings, folder=states, watch=watch)
    assemble(model, tokenizer).save(folder)
    _note(folder, run)


def _note(folder: Path, run: Run) -> None:
    ends = {"first_loss": run.losses[0], "last_loss": sum(run.losses[-20:]) / len(run.losses[-20:])}
    note = {**ends, "tokens": run.tokens, "seconds": run.seconds, "steps": len(run.losses)}
    (folder / "pretraining.json").write_text(json.dumps(note), encoding="utf-8")
