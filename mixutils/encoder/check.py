"""Whether an encoder can be used at all, on a toy batch and within seconds, before anything is trained."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from ..tasks import Split, TaskData, encode
from ..tasks.encode import Batch
from .folder import EncoderError
from .load import load_encoder, load_tokenizer
from .model import Classifier, check_editable

TEXTS = ("good", "a rather bad text", "text " * 8)


def check_encoder(name: str, pair: bool, max_length: int) -> list[str]:
    """Load an encoder and its tokenizer, and try a forward pass, a backward pass, edits at several levels, and the longest text.

    Args:
        name: see ``load``. pair: whether rows have two texts. max_length: tokens of a row at most.

    Returns:
        What is done otherwise than asked for: ``notes``.

    Raises:
        EncoderError: in one line, for whatever a user can cause.
    """
    with torch.random.fork_rng(devices=[]):
        tokenizer = load_tokenizer(name)
        encoder = load_encoder(name, attention="packed")
        try:
            model = Classifier(encoder, 2)
            _try(model, tokenizer, pair, max_length)
        except EncoderError as error:
            shown = repr(name[:200])
            raise error if shown in str(error) else EncoderError(f"the encoder {shown}: {error}") from error
        except Exception as error:  # whatever an architecture that nobody has tried does with a batch
            reason = (str(error).strip().splitlines() or ["no reason given"])[0][:300]
            what = f"could not compute a toy batch ({type(error).__name__}: {reason})"
            raise EncoderError(f"the encoder {name[:200]!r} {what}; tested are BERT and its relatives") from error
    return notes(model, tokenizer, pair, max_length)


def notes(model: Classifier, tokenizer, pair: bool, max_length: int) -> list[str]:
    """What an encoder cannot do as asked, in sentences for the plan and the record."""
    out = []
    if (length := model.fits(max_length)) < max_length:
        out.append(f"texts are cut to {length} tokens, for which the encoder has positions, not to {max_length}")
    if pair and "token_type_ids" not in tokenizer.model_input_names:
        out.append("the encoder has no segments: the two texts of a pair are told apart by the separator alone")
    return out


def _try(model: Classifier, tokenizer, pair: bool, max_length: int) -> None:
    rows, highest = model.encoder.get_input_embeddings().num_embeddings, max(tokenizer.get_vocab().values())
    if highest >= rows:
        raise EncoderError(
            f"its tokenizer has ids up to {highest}, its embedding only {rows} rows: after adding tokens, call "
            "resize_token_embeddings(len(tokenizer)) and save both again"
        )
    length = model.fits(max_length)
    batch = _batch(tokenizer, TEXTS, pair, length)
    loss = F.cross_entropy(model(batch).logits.float(), batch.labels)
    loss.backward()
    gradient = model.encoder.get_input_embeddings().weight.grad
    if not torch.isfinite(loss) or gradient is None or not torch.isfinite(gradient).all():
        raise EncoderError("its weights give no finite loss and gradient: are there NaN or inf among them?")
    check_editable(model, {0, model.depth // 2, model.depth})
    with torch.no_grad(), model.mode(training=False):
        model.encode(_batch(tokenizer, ("text " * length,), pair, length))
        # By effect and not by name: a decoder that calls itself an encoder.
        other = batch.rows(slice(0, 1)), batch.rows(slice(1, 2))
        if model.pooler is not None and torch.equal(*(model.encode(one)[0][:, 0] for one in other)):
            raise EncoderError("its first token sees nothing of the text (a decoder?)")


def _batch(tokenizer, texts: tuple[str, ...], pair: bool, length: int) -> Batch:
    split = Split(list(texts), list(texts) if pair else None, np.arange(len(texts)) % 2)
    part = encode(TaskData("toy", ("a", "b"), {"train": split}), tokenizer, length, renumber=False).splits["train"]
    return part.batch(torch.arange(len(texts)))
