"""A trained ``Classifier`` as transformers' own class, and back from a folder: the same arithmetic or none.

Our head is a dense layer with tanh on the first token, dropout and a linear layer. BERT's is that; RoBERTa's, XLM-RoBERTa's,
CamemBERT's and MPNet's too, under other names; DeBERTa's with its activation set to tanh. Others have another activation or
a norm (DistilBERT, ELECTRA, ModernBERT). Which is which is not looked up: both are run on a toy batch.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from .folder import EncoderError
from .load import ask, load_tokenizer
from .model import Classifier, toy_batch


def as_transformers(model: Classifier, labels: Sequence[str]) -> Any:
    """A ``PreTrainedModel`` for sequence classification with the weights of ``model``, in evaluation mode on the CPU.

    Args:
        model: with its full vocabulary, on the CPU. labels: class names, in the order of the logits.

    Raises:
        EncoderError: transformers has no head of this arithmetic for the architecture.
    """
    from transformers import AutoModelForSequenceClassification

    config = copy.deepcopy(model.encoder.config)
    kind = getattr(config, "model_type", "")
    try:
        config.id2label = dict(enumerate(labels))
        config.label2id = {label: i for i, label in enumerate(labels)}
        config.pooler_hidden_act = "tanh"  # DeBERTa's
        whole = AutoModelForSequenceClassification.from_config(config, attn_implementation="eager").eval()
        whole.base_model.load_state_dict(model.encoder.state_dict(), strict=False)
        for ours, theirs in zip((model.pooler, model.classifier), _head(whole), strict=True):
            theirs.load_state_dict(ours.state_dict())
        batch = toy_batch(model)
        with torch.no_grad(), model.mode(training=False, counted=False):
            same = torch.allclose(whole(**batch.inputs()).logits, model(batch).logits, rtol=1e-4, atol=1e-5)
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError, IndexError) as error:
        raise _no_head(kind) from error
    if not same:
        raise _no_head(kind)
    return whole


def _head(whole: nn.Module) -> tuple[nn.Module, nn.Module]:
    """The dense layer and the last linear layer of transformers' model; an AttributeError where there are none of the kind."""
    last = whole.classifier
    if isinstance(last, nn.Linear):  # BERT has its pooler in the encoder, DeBERTa beside
        return (whole.pooler if hasattr(whole, "pooler") else whole.base_model.pooler).dense, last
    return last.dense, last.out_proj


def _no_head(kind: str) -> EncoderError:
    return EncoderError(
        f"a classifier on {kind or 'this encoder'} cannot be saved: transformers has no head of the same arithmetic for it; "
        "bert, roberta, xlm-roberta, camembert, mpnet and deberta-v2 have one"
    )


def load_saved(folder: Path) -> tuple[Any, Any]:
    """The classifier of a folder that transformers can read, in evaluation mode, and its tokenizer.

    Raises:
        EncoderError: no such folder, or none with a trained head.
    """
    from transformers import AutoModelForSequenceClassification

    if not folder.is_dir():
        raise EncoderError(f"there is no folder {str(folder)[:200]!r}; train --save DIR makes folders of classifiers")
    if not (folder / "config.json").is_file() and (
        inside := sorted(p.parent.name for p in folder.glob("*/config.json"))
    ):
        raise EncoderError(f"{str(folder)!r} holds several classifiers; name one of them: {', '.join(inside[:20])}")
    tokenizer = load_tokenizer(str(folder))
    wanted = {"dtype": torch.float32, "use_safetensors": True, "output_loading_info": True}
    model, found = ask(AutoModelForSequenceClassification, str(folder), **wanted)
    if found["missing_keys"]:
        raise EncoderError(f"{str(folder)!r} holds no trained classifier: {min(found['missing_keys'])} is not there")
    return model.eval(), tokenizer
