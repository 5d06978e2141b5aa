"""Shallow encoders: a text CNN and an LSTM over word vectors, with the same edits as the deep ones (SPEC NA19).

Kim, Convolutional Neural Networks for Sentence Classification, EMNLP 2014; Hochreiter and Schmidhuber, Long Short-Term
Memory, 1997. Level 0 is the word embeddings, level 1, the top, the sentence vector as a sequence of one state. Both are
indifferent to padding: a row's vector does not depend on how long the other rows of its batch are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTHS, MAPS = (3, 4, 5), 100  # filters of Kim's CNN: words, maps of each


@dataclass
class ShallowConfig:
    """What a ``Classifier`` reads of an encoder's configuration."""

    model_type: str  # "cnn" or "lstm"
    word_size: int  # of the word vectors
    vectors: dict[str, Any] = field(default_factory=dict)  # where they come from, for the record
    hidden_size: int = len(WIDTHS) * MAPS  # d of the sentence vector
    num_hidden_layers: int = 1
    classifier_dropout: float = 0.5  # in front of the last layer, as Kim has it
    initializer_range: float = 0.02
    one_state: bool = True  # the top has one state per row, which is the sentence vector: no pooler
    _attn_implementation: str = "none"


class ShallowEncoder(nn.Module):
    """Word vectors (V, word_size) float32, trained further but for the zero vector of ``pad``, and a layer that makes one of them."""

    def __init__(self, config: ShallowConfig, vectors: Tensor, pad: int = 0) -> None:
        super().__init__()
        self.config = config
        self.embeddings = nn.Embedding.from_pretrained(vectors, freeze=False, padding_idx=pad)
        with torch.no_grad():
            self.embeddings.weight[pad] = 0
        self.layers = nn.ModuleList([KINDS[config.model_type](config.word_size, config.hidden_size)])

    def get_input_embeddings(self) -> nn.Embedding:
        return self.embeddings

    def set_input_embeddings(self, value: nn.Embedding) -> None:
        self.embeddings = value

    def forward(self, input_ids: Tensor, attention_mask: Tensor, **_: Tensor) -> SimpleNamespace:
        """(B, L) int64 each to the ``last_hidden_state`` (B, 1, d); segments have no meaning here."""
        states = self.layers[0](self.embeddings(input_ids), attention_mask=attention_mask)
        return SimpleNamespace(last_hidden_state=states)


class Convolutions(nn.Module):
    """Filters over 3, 4 and 5 words, ReLU, the largest value over time.

    The sentence stands between zeros, so that every filter sees its first and last word in all places; windows of padding
    alone do not count.
    """

    def __init__(self, word_size: int, hidden_size: int) -> None:
        super().__init__()
        maps = hidden_size // len(WIDTHS)
        self.filters = nn.ModuleList([nn.Conv1d(word_size, maps, w, padding=w - 1) for w in WIDTHS])

    def forward(self, words: Tensor, attention_mask: Tensor) -> Tensor:
        """(B, L, word_size) and (B, L) to (B, 1, d)."""
        mask = attention_mask.to(words.dtype)[:, None]
        x = words.transpose(1, 2) * mask
        out = []
        for module, width in zip(self.filters, WIDTHS, strict=True):
            seen = F.max_pool1d(F.pad(mask, (width - 1, width - 1)), width, 1)  # 1 where a window has a word
            out.append((module(x).relu() * seen).amax(-1))  # after ReLU 0 is the least
        return torch.cat(out, 1)[:, None]


class Recurrence(nn.Module):
    """A bidirectional LSTM; the last states of both directions side by side."""

    def __init__(self, word_size: int, hidden_size: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(word_size, hidden_size // 2, batch_first=True, bidirectional=True)

    def forward(self, words: Tensor, attention_mask: Tensor) -> Tensor:
        """(B, L, word_size) and (B, L), a row's words in front, to (B, 1, d)."""
        lengths = attention_mask.sum(1).clamp(min=1).cpu()
        # The recurrence has no bfloat16 kernel worth having on a CPU, and it is small.
        with torch.autocast(words.device.type, enabled=False):
            packed = nn.utils.rnn.pack_padded_sequence(words.float(), lengths, batch_first=True, enforce_sorted=False)
            _, (last, _) = self.lstm(packed)
        return torch.cat([last[0], last[1]], 1)[:, None]


KINDS = {"cnn": Convolutions, "lstm": Recurrence}
