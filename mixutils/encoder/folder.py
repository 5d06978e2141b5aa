"""What is wrong with the folder of an encoder, said from its files before anything is loaded."""

from __future__ import annotations

import functools
import json
from pathlib import Path

#: The vocabulary, one of which must be there.
VOCABULARIES = ("tokenizer.json", "vocab.txt", "vocab.json", "*.model")
#: Weights in formats that nothing can be trained from here.
FOREIGN = {"*.gguf": "GGUF", "*.onnx": "ONNX", "onnx/*.onnx": "ONNX", "*.h5": "TensorFlow", "*.msgpack": "Flax"}


class EncoderError(ValueError):
    """An encoder that cannot be found or cannot be used; the message says what to do."""


def inspect(place: Path) -> None:
    """Refuse a folder that transformers would misread, or refuse in words that help nobody.

    Raises:
        EncoderError: an adapter, a folder above the encoder's, no configuration, no weights as safetensors, weights that are
            cut short, broken JSON.
    """
    if (place / "adapter_config.json").is_file():
        raise _wrong(
            place, "a LoRA adapter, no whole encoder; merge it first: merge_and_unload(), then save_pretrained"
        )
    if not (place / "config.json").is_file():
        below = next(
            (p.parent for p in sorted(place.glob("*/config.json")) if any(p.parent.glob("*.safetensors"))), None
        )
        if below is not None:
            raise _wrong(place, f"no config.json; the encoder is in the folder below: name {str(below)!r}")
        raise _wrong(place, f"no config.json{_instead(place)}")
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        if (path := place / name).is_file():
            _readable(path, path.stat().st_mtime_ns)
    if not any(place.glob("*.safetensors")):
        raise _wrong(place, f"no file named model.safetensors{_instead(place)}")
    for path in place.glob("*.safetensors"):
        _whole(path)


def with_vocabulary(place: Path) -> None:
    """Refuse a folder without a tokenizer, for which transformers makes up an empty one: every word would be unknown."""
    if not any(p for pattern in VOCABULARIES for p in place.glob(pattern)):
        raise _wrong(place, "no vocabulary: tokenizer.json is missing; save the tokenizer there with save_pretrained")


def _wrong(place: Path, what: str) -> EncoderError:
    return EncoderError(f"the encoder folder {str(place)!r} has {what}")


def _instead(place: Path) -> str:
    """What there is in place of safetensors, and the way from there."""
    if any(place.glob("pytorch_model*.bin")):
        line = "m = AutoModel.from_pretrained(DIR, use_safetensors=False); m.save_pretrained(DIR)"
        return f", only pickled weights (.bin), which are not read; convert them with transformers: {line}"
    for pattern, kind in FOREIGN.items():
        if any(place.glob(pattern)):
            return (
                f", only weights in the {kind} format, which cannot be trained here; take the model's safetensors files"
            )
    return "; expected config.json, tokenizer.json and *.safetensors, as save_pretrained writes them"


@functools.lru_cache(maxsize=32)  # a tokenizer may have many megabytes, and is asked for with every part of an encoder
def _readable(path: Path, modified: int) -> None:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        raise EncoderError(f"{path} is not a valid JSON file ({error}); copy it again") from None
    if not isinstance(found, dict):
        raise EncoderError(f"{path} must hold a JSON object, not {type(found).__name__}; copy it again")


def _whole(path: Path) -> None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt"):
            pass
    except (SafetensorError, OSError) as error:
        raise EncoderError(f"{path} is cut short or damaged ({error}); copy it again") from None
