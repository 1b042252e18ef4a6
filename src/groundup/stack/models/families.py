"""One way in: a folder in the Hub's format, or a repository's id, becomes the model that its ``config.json`` names.

    model = load("folder")
    output = model(ids, attention_mask=None, token_types=None, labels=None, …)      → .hidden .logits .loss …
    output = model(ids, attention_mask=None, decoder_input_ids=None, labels=None, cache=None, …)        encoder-decoders

``model_type`` names the family and ``architectures`` the head, as in transformers; what is not known is refused by its
name. Families are imported when they are asked for.
"""

from __future__ import annotations

import importlib
import os
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from groundup.stack.models.checkpoints import CheckpointError, find_folder, read_config
from groundup.stack.models.output import IGNORED, Output, next_token_loss
from groundup.stack.transformer.attention import recorded_attention

_BERT_HEADS = {
    "Model": "BertModel",
    "ForMaskedLM": "MaskedLM",
    "ForSequenceClassification": "SequenceClassifier",
    "ForTokenClassification": "TokenClassifier",
    "ForQuestionAnswering": "QuestionAnswerer",
}
_TASKS = {head: name for head, name in _BERT_HEADS.items() if head not in ("Model", "ForMaskedLM")}
FAMILIES: dict[str, dict[str, str]] = {
    "gpt2": {"GPT2LMHeadModel": "gpt2:GPT2"},
    "llama": {"LlamaForCausalLM": "llama:Llama"},
    "openai-gpt": {"OpenAIGPTLMHeadModel": "gpt1:GPT1"},
    "gpt3": {"GPT3LMHeadModel": "gpt3:GPT3"},
    "gpt_neo": {"GPTNeoForCausalLM": "gpt3:GPTNeo"},
    "palm": {"PaLMForCausalLM": "palm:PaLM"},
    "mamba": {"MambaForCausalLM": "mamba:Mamba"},
    "jamba": {"JambaForCausalLM": "hybrid:Jamba"},
    "mistral": {"MistralForCausalLM": "mistral:Mistral"},
    "qwen2": {"Qwen2ForCausalLM": "qwen:Qwen2"},
    "qwen3": {"Qwen3ForCausalLM": "qwen:Qwen3"},
    "bert": {f"Bert{head}": f"bert:{name}" for head, name in _BERT_HEADS.items()}
    | {"BertForPreTraining": "bert:PreTraining"},
    "roberta": {f"Roberta{head}": f"bert:{name}" for head, name in _BERT_HEADS.items()},
    "albert": {f"Albert{head}": f"albert:{name}" for head, name in _BERT_HEADS.items()}
    | {"AlbertModel": "albert:AlbertModel", "AlbertForPreTraining": "albert:PreTraining"},
    "electra": {f"Electra{head}": f"electra:{name}" for head, name in _BERT_HEADS.items()}
    | {"ElectraModel": "electra:ElectraModel", "ElectraForPreTraining": "electra:ReplacedTokenDetector"},
    "deberta": {f"Deberta{head}": f"deberta:{name}" for head, name in _BERT_HEADS.items()}
    | {"DebertaModel": "deberta:DebertaModel"},
    "deberta-v2": {f"DebertaV2{head}": f"deberta:{name}" for head, name in _BERT_HEADS.items()}
    | {"DebertaV2Model": "deberta:DebertaModel"},
    "xlnet": {
        "XLNetModel": "xlnet:XLNetModel",
        "XLNetLMHeadModel": "xlnet:PermutationLM",
        "XLNetForSequenceClassification": "xlnet:SequenceClassifier",
        "XLNetForTokenClassification": "xlnet:TokenClassifier",
        "XLNetForQuestionAnsweringSimple": "xlnet:QuestionAnswerer",
    },
    "t5": {"T5Model": "t5:T5Model", "T5ForConditionalGeneration": "t5:T5", "T5EncoderModel": "t5:T5Encoder"},
    "groundup-transformer": {"Transformer": "transformer:Transformer"},
    "groundup-bahdanau": {"BahdanauModel": "recurrent:BahdanauModel"},
    "groundup-luong": {"LuongModel": "recurrent:LuongModel"},
    "groundup-pointer": {"PointerGenerator": "pointer:PointerGenerator"},
    "vit": {"ViTModel": "vit:ViTModel", "ViTForImageClassification": "vit:ImageClassifier"},
    "clip": {"CLIPModel": "clip:Clip"},
    "clip_text_model": {"CLIPTextModel": "clip:ClipText", "CLIPTextModelWithProjection": "clip:ClipTextFeatures"},
    "clip_vision_model": {
        "CLIPVisionModel": "clip:ClipImage",
        "CLIPVisionModelWithProjection": "clip:ClipImageFeatures",
    },
    "llava": {"LlavaForConditionalGeneration": "llava:Llava"},
    "unilm": {f"UniLM{head}": f"unilm:{name}" for head, name in _TASKS.items()}
    | {"UniLMModel": "unilm:UniLMModel", "UniLMForPreTraining": "unilm:UniLM"},
    "structbert": {f"StructBert{head}": f"structbert:{name}" for head, name in _TASKS.items()}
    | {"StructBertModel": "structbert:StructBertModel", "StructBertForPreTraining": "structbert:StructBert"},
}
"""``model_type`` to ``architectures`` to our file and class."""


class CausalLM(nn.Module):
    """A decoder with the interface that all families share. ``model`` is the decoder itself: ids to logits."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    @property
    def config(self) -> Any:
        return self.model.config

    def forward(
        self,
        ids: Tensor,
        attention_mask: Tensor | None = None,
        token_types: Tensor | None = None,
        labels: Tensor | None = None,
        cache: Any = None,
        attentions: bool = False,
        places: Tensor | None = None,
    ) -> Output:
        """ids (batch, n) to an Output. ``labels`` (batch, n) are the ids themselves, IGNORED where a token does not
        count: that each is predicted from those before it is seen to here. ``places`` (batch, n), where the family
        takes them, say where each token stands in its own text. Raises ValueError for token types."""
        if token_types is not None:
            raise ValueError("this family knows no token types")
        with recorded_attention() if attentions else nullcontext() as kept:
            more = () if places is None else (places,)
            hidden = self.model.hidden(ids, cache, attention_mask, *more)
        logits = self.model.scores(hidden)
        loss = None if labels is None else next_token_loss(logits, labels)
        return Output(hidden, logits, loss, None, None if kept is None else tuple(kept))

    def new_cache(self, batch: int, length: int) -> Any:
        """An empty cache that fits the decoder: keys and values, or what else it keeps of the past."""
        return self.model.new_cache(batch, length)

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        self.model.save_pretrained(folder)


def load(place: str | os.PathLike[str], dtype: torch.dtype = torch.float32) -> Any:
    """The model of a folder in the Hub's format or of a repository of the Hub, ready to be used (``eval``).

    Raises CheckpointError where the family, the head or a setting is not known, or the weights do not fit.
    """
    folder = find_folder(place)
    config = read_config(folder)
    kind, written = config.get("model_type"), list(config.get("architectures") or ())
    if kind not in FAMILIES:
        raise CheckpointError(f"model_type {kind!r} is not known; {', '.join(FAMILIES)} are")
    heads = FAMILIES[kind]
    name = next((one for one in written if one in heads), None)
    if name is None:
        raise CheckpointError(f"none of the architectures {written} of {kind} is known; {', '.join(heads)} are")
    file, _, family = heads[name].partition(":")
    module = importlib.import_module(f"groundup.stack.models.{file}")
    model = getattr(module, family).from_pretrained(folder, dtype=dtype)
    return (CausalLM(model) if hasattr(model, "hidden") and hasattr(model, "new_cache") else model).eval()


__all__ = ["FAMILIES", "IGNORED", "CausalLM", "Output", "load"]
