"""Word vectors from a text file, and a tokenizer whose words are the file's.

One line per word: the word, then its numbers, separated by blanks (GloVe); a first line "count width" (word2vec, fastText)
is skipped.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
_LINES = 4096  # lines whose numbers are read at a time


@dataclass(frozen=True)
class WordVectors:
    """Words and their vectors.

    Attributes:
        words: without special ones. matrix: (len(words), d) float32. name: of the file. digest: of its bytes, hex.
    """

    words: tuple[str, ...]
    matrix: np.ndarray
    name: str
    digest: str

    @property
    def lower(self) -> bool:
        """Whether the file knows lower-case words only, so that texts must be lower-cased."""
        return all(word == word.lower() for word in self.words)


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
    digest = hashlib.blake2b(digest_size=8)
    width, lines = 0, {}  # word -> its line number and its numbers as text, of a block
    words: dict[str, None] = {}
    blocks: list[np.ndarray] = []
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            digest.update(line)
            word, _, rest = line.rstrip().partition(b" ")
            if not word or (number == 1 and word.isdigit() and rest.isdigit()):
                continue
            width = width or rest.count(b" ") + 1
            if rest.count(b" ") >= width:  # a few words of the largest GloVe file have blanks in them
                word, *numbers = line.rstrip().rsplit(b" ", width)
                rest = b" ".join(numbers)
            text = word.decode("utf-8", "replace")
            if text not in words and text not in SPECIAL:
                words[text] = None
                lines[text] = number, rest
            if len(lines) == _LINES:
                blocks.append(_numbers(path, lines.values(), width))
                lines = {}
    if lines:
        blocks.append(_numbers(path, lines.values(), width))
    if not blocks:
        raise ValueError(f"{path} has no word vectors")
    return WordVectors(tuple(words), np.concatenate(blocks), path.name, digest.hexdigest())


def _numbers(path: Path, lines: Collection[tuple[int, bytes]], width: int) -> np.ndarray:
    """The numbers of some lines, (len(lines), width) float32."""

    def parse(texts: list[bytes]) -> np.ndarray | None:
        if not all(texts):
            return None
        try:
            values = np.loadtxt((t.decode() for t in texts), np.float32, comments=None, delimiter=" ", ndmin=2)
        except ValueError:
            return None
        return values if values.shape == (len(texts), width) and np.isfinite(values).all() else None

    found = parse([text for _, text in lines])
    if found is not None:
        return found
    bad = next(number for number, text in lines if parse([text]) is None)
    raise ValueError(f"{path}, line {bad}: expected a word and {width} finite numbers, separated by blanks")


def word_tokenizer(vectors: WordVectors):
    """A fast tokenizer: words and punctuation marks that the file knows, [UNK] for all others, [CLS] and [SEP] around."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    numbers = {word: i for i, word in enumerate((*SPECIAL, *vectors.words))}
    core = Tokenizer(models.WordLevel(numbers, unk_token="[UNK]"))
    core.normalizer = normalizers.BertNormalizer(lowercase=vectors.lower, strip_accents=False)
    core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    core.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(t, numbers[t]) for t in ("[CLS]", "[SEP]")],
    )
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    return PreTrainedTokenizerFast(tokenizer_object=core, **names)
