"""Word vectors from a text file, and a tokenizer whose words are the file's.

One line per word: the word, then its numbers, separated by blanks (GloVe); a first line "count width" (word2vec, fastText)
is skipped.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")


@dataclass(frozen=True)
class WordVectors:
    """Words and their vectors."""

    words: tuple[str, ...]  # without special ones
    matrix: np.ndarray  # (len(words), d) float32
    name: str  # of the file
    digest: str  # of its bytes, hex


def read_vectors(path: str | Path) -> WordVectors:
    """Read a file; a file that did not change is read once per process.

    Raises:
        ValueError: no such file, or a line that does not fit, with its number.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise ValueError(f"there is no file of word vectors {str(path)!r}")
    stat = path.stat()
    return _read(path, stat.st_mtime_ns, stat.st_size)


@functools.lru_cache(maxsize=1)
def _read(path: Path, modified: int, size: int) -> WordVectors:
    digest, width = hashlib.blake2b(digest_size=8), 0
    found: dict[str, np.ndarray] = {}
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            digest.update(line)
            fields = line.rstrip().split(b" ")
            if not fields[0] or (number == 1 and len(fields) == 2 and b"".join(fields).isdigit()):
                continue
            width = width or max(1, len(fields) - 1)
            word = b" ".join(fields[:-width]).decode("utf-8", "replace")  # a few of GloVe's have blanks in them
            if word in found or word in SPECIAL:
                continue
            try:
                vector = np.array(fields[-width:], np.float32)
            except ValueError:
                vector = np.array(np.nan)
            if not word or not np.isfinite(vector).all():
                raise ValueError(
                    f"{path}, line {number}: expected a word and {width} finite numbers, separated by blanks"
                )
            found[word] = vector
    if not found:
        raise ValueError(f"{path} has no word vectors")
    return WordVectors(tuple(found), np.stack(list(found.values())), path.name, digest.hexdigest())


def word_tokenizer(vectors: WordVectors):
    """A fast tokenizer: words and punctuation marks that the file knows, [UNK] for all others, [CLS] and [SEP] around."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    numbers = {word: i for i, word in enumerate((*SPECIAL, *vectors.words))}
    core = Tokenizer(models.WordLevel(numbers, unk_token="[UNK]"))
    lower = all(word == word.lower() for word in vectors.words)  # a file without capitals: no text may have any
    core.normalizer = normalizers.BertNormalizer(lowercase=lower, strip_accents=False)
    core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    core.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(t, numbers[t]) for t in ("[CLS]", "[SEP]")],
    )
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    return PreTrainedTokenizerFast(tokenizer_object=core, **names)
