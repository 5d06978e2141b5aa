"""How far DMIX's matrix has moved when training is over, and whether towards the model's own belief (SPEC DA8, DA11, X10).

The label part of an entry's gradient vanishes where M/(1 − M) = p_β/p_α (SPEC 2(a)), p being the prediction for the mixture,
α the anchor's class and β the partner's. So the belief of a pair is b = p_β/(p_α + p_β).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ..encoder.model import Classifier, scale_level
from ..tasks import TaskData
from .common import mixed_pairs, read

PAIRS = 200  # pairs whose belief is measured: the most moved ones of different classes
BINS = 41
BATCH = 16


def movement(model: Classifier, mixer, data: TaskData, tokenizer, run) -> dict[str, Any]:
    """Change of the visited entries over the run, and the beliefs of the most moved pairs, as JSON."""
    rows, columns, start, end = visited(mixer)
    change = end - start
    size = float(np.abs(change).max()) if len(change) else 0.0
    edges = np.linspace(-size or -1e-6, size or 1e-6, BINS + 1)
    out: dict[str, Any] = {
        "n": len(data.splits["train"]),
        "visited": len(rows),
        "mean": float(np.abs(change).mean()) if len(change) else 0.0,
        "max": size,
        "up": float((change > 0).mean()) if len(change) else 0.0,
        "edges": edges.tolist(),
        "histogram": np.histogram(change, edges)[0].tolist(),
    }
    labels = data.splits["train"].labels
    differ = np.flatnonzero(labels[rows] != labels[columns])
    chosen = differ[np.argsort(-np.abs(change[differ]), kind="stable")][:PAIRS]
    belief = beliefs(model, mixer, data, tokenizer, run, rows[chosen], columns[chosen], end[chosen])
    towards = np.sign(change[chosen]) == np.sign(belief - start[chosen])
    out["pairs"] = {
        "start": start[chosen].round(6).tolist(),
        "end": end[chosen].round(6).tolist(),
        "belief": belief.round(6).tolist(),
        "towards": float(towards.mean()) if len(chosen) else float("nan"),
    }
    return out


def visited(mixer) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Pairs that a gradient has reached: anchors, partners, entry before training and now; all (V,)."""
    m = mixer.matrix
    i, slot = (m.last >= 0).nonzero(as_tuple=True)
    start, end = (m.kept.show(stored[i, slot]).float() for stored in (m.first, m.value))
    return i.cpu().numpy(), m.column[i, slot].long().cpu().numpy(), start.cpu().numpy(), end.cpu().numpy()


@torch.inference_mode()
def beliefs(model: Classifier, mixer, data: TaskData, tokenizer, run, first, second, weight) -> np.ndarray:
    """b of each pair, (V,): predictions for mixtures at the middle one of the run's layers, weight M, dropout off."""
    if len(first) == 0:
        return np.zeros(0)
    device = next(model.parameters()).device
    split = read(data.splits["train"], data, tokenizer, run.max_length).to(device)
    options = mixer.options
    level = scale_level(options.levels[len(options.levels) // 2], model.depth)
    out = []
    for i in range(0, len(first), BATCH):
        a, b = (torch.from_numpy(np.ascontiguousarray(x[i : i + BATCH])).to(device) for x in (first, second))
        w = torch.from_numpy(weight[i : i + BATCH].astype(np.float32)).to(device)
        one = torch.arange(len(a), device=device)
        w_b = w if options.m_on == "partner" else 1 - w
        edit = mixed_pairs(level, one, one + len(one), w_b, options.mix_mask)
        p = model(split.batch(torch.cat([a, b])), edit).logits.float().softmax(-1)
        p_a, p_b = (p.gather(1, split.labels[x][:, None])[:, 0] for x in (a, b))
        out.append((p_b / (p_a + p_b).clamp(min=1e-12)).cpu().numpy())
    return np.concatenate(out)
