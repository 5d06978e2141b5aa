"""Tokenised once, kept as tensors, batched by dynamic padding; no worker processes.

An ``EncodedSplit`` holds all rows of a part as one integer matrix. A batch is a slice of it, cut to its longest row.
``text_id`` marks which token belongs to which text and which is special; every mixer that edits tokens relies on it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor, nn

from .data import Split, TaskData


@dataclass(frozen=True)
class Batch:
    """B rows padded to the longest of them, L tokens.

    Attributes:
        input_ids: (B, L) int64. attention_mask: (B, L) int64, 1 = real token.
        token_type_ids: (B, L) int64, or None for encoders without segments.
        text_id: (B, L) int8; 0 first text, 1 second text, -1 special token or padding.
        labels: (B,) int64. index: (B,) int64, row in the split.
    """

    input_ids: Tensor
    attention_mask: Tensor
    token_type_ids: Tensor | None
    text_id: Tensor
    labels: Tensor
    index: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def rows(self, rows: Tensor | slice) -> Batch:
        """The given rows, in the given order; the padding stays."""
        return Batch(*(None if (v := getattr(self, f.name)) is None else v[rows] for f in fields(self)))

    def inputs(self) -> dict[str, Tensor]:
        """Keyword arguments of a Hugging Face encoder."""
        out = {"input_ids": self.input_ids, "attention_mask": self.attention_mask}
        return out if self.token_type_ids is None else {**out, "token_type_ids": self.token_type_ids}


@dataclass(frozen=True)
class EncodedSplit:
    """All n rows of one part, padded to the part's longest row.

    Attributes:
        input_ids: (n, L) int32. text_id: (n, L) int8. token_type_ids: (n, L) int8 or None.
        lengths: (n,) int64, tokens with special ones. labels: (n,) int64.
    """

    input_ids: Tensor
    text_id: Tensor
    token_type_ids: Tensor | None
    lengths: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, rows: Tensor) -> Batch:
        """The given rows ((B,) int64 on the split's device) as one batch."""
        lengths = self.lengths[rows]
        width = int(lengths.max())
        mask = (torch.arange(width, device=lengths.device) < lengths[:, None]).long()
        types = self.token_type_ids
        return Batch(
            self.input_ids[rows, :width].long(),
            mask,
            None if types is None else types[rows, :width].long(),
            self.text_id[rows, :width],
            self.labels[rows],
            rows,
        )

    def each(self, function: Callable[[Batch], Tensor], size: int = 64) -> Tensor:
        """What ``function`` makes of all rows, (n, ...) in their own order; it is given batches of at most ``size``."""
        order = torch.argsort(self.lengths, stable=True)  # least padding
        found = torch.cat([function(self.batch(rows)) for rows in order.split(size)])
        return torch.empty_like(found).index_copy_(0, order, found)

    def to(self, device: torch.device | str) -> EncodedSplit:
        return EncodedSplit(*(None if (v := getattr(self, f.name)) is None else v.to(device) for f in fields(self)))


@dataclass(frozen=True)
class EncodedTask:
    """A tokenised data set.

    Attributes:
        splits: part name -> tensors. classes: number of classes.
        vocabulary: (V,) int64; token id used here -> id of the tokenizer. Rows of the embedding that the task never
            uses are not carried through training (see ``model.Classifier.keep_rows``); V counts what is left.
        unk, pad: ids of the unknown token and of padding in this numbering.
    """

    splits: dict[str, EncodedSplit]
    classes: int
    vocabulary: Tensor
    unk: int
    pad: int

    def to(self, device: torch.device | str) -> EncodedTask:
        return replace(self, splits={k: v.to(device) for k, v in self.splits.items()})


def _encode_split(split: Split, tokenizer, max_length: int) -> EncodedSplit:
    texts = (split.text_a,) if split.text_b is None else (split.text_a, split.text_b)
    # A text that has "[SEP]" in it has the word, not the end of a text.
    out = tokenizer(*texts, truncation="longest_first", max_length=max_length, split_special_tokens=True)
    text_id = [[-1 if text is None else text for text in out.sequence_ids(i)] for i in range(len(split))]
    return EncodedSplit(
        _padded(out["input_ids"], tokenizer.pad_token_id or 0, torch.int32),
        _padded(text_id, -1, torch.int8),
        _padded(out["token_type_ids"], 0, torch.int8) if "token_type_ids" in out else None,
        torch.tensor([len(row) for row in out["input_ids"]]),
        torch.from_numpy(np.ascontiguousarray(split.labels)),
    )


def _padded(rows: list[list[int]], value: int, dtype: torch.dtype) -> Tensor:
    tensors = [torch.tensor(row, dtype=dtype) for row in rows]
    return nn.utils.rnn.pad_sequence(tensors, batch_first=True, padding_value=value)


def encode(data: TaskData, tokenizer, max_length: int = 128, renumber: bool = True) -> EncodedTask:
    """Tokenise every part and renumber the tokens that occur.

    Args:
        data: a data set with its final parts.
        tokenizer: a fast Hugging Face tokenizer.
        max_length: tokens with special ones; pairs are cut longest first (SPEC SA11). Names of special tokens that stand in a
            text are text.
        renumber: false leaves the tokenizer's ids, for a model with its full vocabulary.

    Returns:
        Tensors on the CPU. Special tokens keep their places at the low end of the vocabulary where the encoder derives
        positions from them (RoBERTa counts from its padding id).
    """
    splits = {name: _encode_split(split, tokenizer, max_length) for name, split in data.splits.items()}
    pad = tokenizer.pad_token_id or 0
    unk = tokenizer.unk_token_id if tokenizer.unk_token_id is not None else pad
    if not renumber:
        return EncodedTask(splits, data.classes, torch.arange(len(tokenizer)), unk, pad)
    # With all ids up to that of padding, which stays what it is.
    kept = torch.tensor([*range(pad + 1), unk, *(i for i in tokenizer.all_special_ids if i is not None)])
    vocabulary = torch.cat([kept, *(s.input_ids.unique() for s in splits.values())]).unique()
    splits = {
        k: replace(s, input_ids=torch.searchsorted(vocabulary, s.input_ids.long(), out_int32=True))
        for k, s in splits.items()
    }
    return EncodedTask(splits, data.classes, vocabulary, int(torch.searchsorted(vocabulary, unk)), pad)
