"""Encoders are known by content: a digest of the files that decide what a run starts from.

Other weights in the same folder are another encoder, though it has the same name.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
from pathlib import Path

from .folder import EncoderError
from .load import minilm_folder, place_of, resolved, shallow

#: Files of a folder that are read, each as a pattern.
TOKENIZER = ("tokenizer*.json", "vocab.*", "merges.txt", "*.model", "special_tokens_map.json", "added_tokens.json")
WEIGHTS = ("config.json", "*.safetensors", "*.safetensors.index.json")


def digest(name: str) -> str:
    """16 hex digits of the weights, the configuration and the tokenizer of an encoder; "" where its files are not at hand.

    Untrained encoders are known by their seed and have MiniLM's tokenizer alone. A hub id stands for the commit that lies in
    the local cache; a file of word vectors for its bytes. Files are read once per process, or when they have changed.
    """
    with contextlib.suppress(EncoderError, OSError):
        kind, source = shallow(name) or ("", name)
        if name.startswith("random:") or (kind and source == "random"):
            return _of_files(minilm_folder(), TOKENIZER)
        if kind and source != "minilm":
            return _of_file(Path(resolved(name).partition(":")[2]))
        place = minilm_folder() if kind else place_of(name)
        return _of_commit(name) if place is None else _of_files(place, WEIGHTS + TOKENIZER)
    return ""


def _of_files(folder: Path, patterns: tuple[str, ...]) -> str:
    out = hashlib.blake2b(digest_size=8)
    for path in sorted({path for pattern in patterns for path in folder.glob(pattern)}):
        out.update(f"{path.name}={_of_file(path)};".encode())
    return out.hexdigest()


def _of_file(path: Path) -> str:
    stat = path.stat()
    return _read(path, stat.st_size, stat.st_mtime_ns)


@functools.lru_cache(maxsize=64)
def _read(path: Path, size: int, modified: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=8)).hexdigest()


def _of_commit(name: str) -> str:
    """Of a hub id: by the commit, because the cache may hold more of its files tomorrow."""
    from huggingface_hub import try_to_load_from_cache

    try:
        found = try_to_load_from_cache(name, "config.json")
    except ValueError:  # no possible id
        return ""
    if not isinstance(found, str):
        return ""
    return hashlib.blake2b(Path(found).parent.name.encode(), digest_size=8).hexdigest()
