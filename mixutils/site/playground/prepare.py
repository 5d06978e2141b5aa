"""What the playground knows of its sentences, computed once with the library: ``sentences.js``.

Four data sets of the papers, twenty short training sentences of each, as a classifier sees them that was trained as in the
comparison, on fewer epochs. Needs the data folder: ``python -m mixutils.site.playground.prepare``.
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ... import paths, rng
from ...encoder.model import scale_level
from ...encoder.saliency import separate, token_saliency
from ...mixers.embeddings import sentence_embeddings, sentences
from ...mixers.hidden import EMixOptions, spread
from ...papers import compare
from ...papers.profiles import make_setting
from ...runs.environment import commit
from ...runs.execute import build_model
from ...runs.run import Run
from ...runs.trained import Trained, trained
from ...tasks import Split

FILE = Path(__file__).with_name("sentences.js")
BEFORE = "const SENTENCES = "
TASKS = {"trec-coarse": "TREC, coarse", "sst2-sent": "SST-2", "subj": "Subj", "cr": "CR"}
COUNT = 20  # sentences of a task: DMIX wants a neighbourhood
WORDS = range(5, 14)  # in a sentence
EPOCHS = 6
#: Of single-unit gradients, which are kept in 8 bits: the largest of a sentence.
FULL = 127


def prepare() -> dict[str, Any]:
    """All that the page is told; ``tasks`` has the sentences, "made" how they came about."""
    runs = compare.plan(make_setting("compare")).runs
    tasks = [describe(name, runs) for name in TASKS]
    return {
        "made": {"commit": commit(), "encoder": "minilm", "epochs": EPOCHS, "rows": tasks[0].pop("rows")},
        "tasks": tasks,
    }


def describe(task: str, runs: list[Run]) -> dict[str, Any]:
    """Twenty sentences of one task, with what its two trained models make of them."""
    plain, dnm = (trained(of(task, method, runs)) for method in ("none", "dnm"))
    split = choose(plain)
    batch = plain.batch(split)
    gradient = separate(plain.model, batch, train_mode=False)  # (20, L, d)
    untrained = build_model(plain.run, plain.data.classes, plain.device)
    embeddings = sentence_embeddings(untrained, plain.read(split))
    levels = [scale_level(level, plain.model.depth) for level in EMixOptions().levels]
    with torch.no_grad():
        _, kept = plain.model.encode(batch, keep=tuple(levels))
        spreads = torch.stack([spread(kept[level], batch.attention_mask) for level in levels], 1)  # (20, 3)
        vectors = sentences(dnm.model, dnm.batch(split), dnm.mixer.options.cls)
        one, two = dnm.mixer.policy()
        own, other = (one * vectors) @ dnm.mixer.w, (two * vectors) @ dnm.mixer.w
    out = []
    for i, text in enumerate(split.text_a):
        n = int(batch.attention_mask[i].sum())
        units, scale = gradient[i, :n], gradient[i, :n].abs().max()
        out.append(
            {
                "text": text.strip(),
                "label": int(split.labels[i]),
                "tokens": plain.tokenizer.convert_ids_to_tokens(batch.input_ids[i, :n].tolist()),
                "saliency": [float(f"{s:.5g}") for s in (token_saliency(units) / scale).tolist()],
                "gradient": packed((units / scale * FULL).round().to(torch.int8)),
                "embedding": packed(embeddings[i]),
                "spread": [float(f"{s:.6g}") for s in spreads[i].tolist()],
                "vector": packed(vectors[i]),
                "own": packed(own[i]),
                "other": packed(other[i]),
            }
        )
    return {
        "rows": len(plain.data.splits["train"].labels),
        "task": task,
        "title": TASKS[task],
        "classes": list(plain.data.labels),
        "levels": levels,
        "policy": packed(two),
        "sentences": out,
    }


def of(task: str, method: str, runs: list[Run]) -> Run:
    """The comparison's first run of a method, shortened, with its weights kept."""
    run = next(r for r in runs if (r.task, r.method, r.start) == (task, method, None))
    changes = {"recipe__epochs": EPOCHS, "final": (), "final_policy": ""}
    return run.with_(**changes, seed=0, probes=("playground",), probe_policy="last")


def choose(model: Trained) -> Split:
    """Short training sentences, classes as even as they come, none twice."""
    split = model.data.splits["train"]
    draw = rng.numpy_rng(0, "playground", model.run.task)
    short = [i for i in draw.permutation(len(split.labels)) if len(split.text_a[i].split()) in WORDS]
    ranks = {c: [i for i in short if split.labels[i] == c] for c in range(model.data.classes)}
    turns = [i for rank in range(len(short)) for of_class in ranks.values() for i in of_class[rank : rank + 1]]
    chosen = sorted(turns[:COUNT], key=lambda i: (split.labels[i], i))
    return Split([split.text_a[i] for i in chosen], None, np.asarray(split.labels)[chosen])


def packed(values: Tensor) -> str:
    """Bytes in base64; float32 or int8, little-endian, row by row."""
    array = values.detach().cpu().contiguous().numpy()
    return base64.b64encode(array.astype(array.dtype.newbyteorder("<")).tobytes()).decode()


def read() -> dict[str, Any]:
    """What the file holds."""
    return json.loads(FILE.read_text("utf-8").removeprefix(BEFORE).rstrip(";\n"))


if __name__ == "__main__":
    text = BEFORE + json.dumps(prepare(), ensure_ascii=False, indent=0) + ";\n"
    paths.write_whole(FILE, text.encode())
    print(f"{FILE.name}: {len(text) / 1e6:.2f} MB", file=sys.stderr)
