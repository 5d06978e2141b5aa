"""Folders of encoders that were damaged on purpose: files cut, garbled or lost, odd values in their JSON.

``python -m tests.fuzz.encoders [SEED] [N]`` makes N of them from a sound one. Each must be usable, with finite states, or be refused in one
line of words: no traceback, no hang.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import torch
from transformers import BertConfig, BertModel

from mixutils.encoder.check import check_encoder
from mixutils.encoder.load import EncoderError, absent, load_tokenizer
from tests.fuzz.records import HOSTILE

DEADLINE = 60  # seconds for a folder
KINDS = ("value", "value", "value", "value", "gone", "cut", "bytes", "lost", "swapped", "more")


def sound(folder: Path) -> Path:
    """A tiny untrained BERT with MiniLM's tokenizer."""
    config = BertConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, max_position_embeddings=64
    )
    torch.manual_seed(0)
    BertModel(config).save_pretrained(folder)
    load_tokenizer("random:tiny").save_pretrained(folder)
    return folder


def damage(folder: Path, draw: random.Random) -> str:
    """Do it, and say what was done."""
    kind, files = draw.choice(KINDS), sorted(p for p in folder.iterdir() if p.is_file())
    path = draw.choice(files)
    if kind in ("value", "gone"):
        path = folder / draw.choice(("config.json", "config.json", "tokenizer_config.json"))
        fields = json.loads(path.read_text("utf-8"))
        name = draw.choice(sorted(fields))
        if kind == "gone":
            del fields[name]
        else:
            fields[name] = draw.choice(HOSTILE)
        path.write_text(json.dumps(fields), "utf-8")
        return f"{kind} of {name} in {path.name}: {str(fields.get(name))[:40]}"
    content = bytearray(path.read_bytes())
    if kind == "cut":
        os.truncate(path, draw.randrange(len(content)))
    elif kind == "bytes":
        # Headers and JSON matter more than weights, which are most of the bytes.
        for _ in range(draw.choice((1, 3, 30))):
            content[draw.randrange(min(len(content), 2000))] = draw.randrange(256)
        path.write_bytes(bytes(content))
    elif kind == "lost":
        path.unlink()
    elif kind == "swapped":
        path.write_bytes(draw.choice(files).read_bytes())
    else:
        path = folder / draw.choice(
            ("adapter_config.json", "pytorch_model.bin", "model.onnx", "vocab.txt", "modules.json")
        )
        path.write_bytes(draw.choice((b"", b"{}", b"\x00" * 100)))
    return f"{kind} of {path.name}"


def _too_long(*_) -> None:
    raise TimeoutError(f"{DEADLINE} s and no end")


def run(seed: int, n: int) -> list[str]:
    """What went wrong with ``n`` damaged folders."""
    return list(_faults(seed, n))


def _faults(seed: int, n: int) -> Iterator[str]:
    draw = random.Random(seed)
    signal.signal(signal.SIGALRM, _too_long)
    with tempfile.TemporaryDirectory() as place, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole = sound(Path(place) / "sound")
        for i in range(n):
            folder = Path(shutil.copytree(whole, Path(place) / f"damaged-{i}"))
            done = damage(folder, draw)
            wrong = ""
            signal.alarm(DEADLINE)
            try:
                absent(str(folder))
                check_encoder(str(folder), pair=draw.random() < 0.5, max_length=32)
            except EncoderError as error:
                if len(str(error).splitlines()) != 1 or len(str(error)) > 1500:
                    wrong = f"says {str(error)[:300]!r}"
            except BaseException as error:
                wrong = f"{type(error).__name__}: {str(error)[:300]}"
            signal.alarm(0)
            shutil.rmtree(folder)
            if wrong:
                yield f"seed {seed}, case {i}, {done}: {wrong}"


if __name__ == "__main__":
    seed, n = (*map(int, sys.argv[1:]), 0, 200)[:2] if len(sys.argv) != 2 else (int(sys.argv[1]), 200)
    faults = run(seed, n)
    print("\n".join([*faults, f"{n} damaged encoders, {len(faults)} faults"]))
    raise SystemExit(bool(faults))
