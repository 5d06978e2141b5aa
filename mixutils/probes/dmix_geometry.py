"""What DMIX's matrix looks like before training: spread of M, partner sets over T, and who would be a partner how often.

Nothing here is drawn at random: partner sets follow from the embeddings, and the expected number of times that an example is
partner is the sum over anchors of 1/|S_i| over the sets that hold it. SPEC DA1, DA5, DA6, DA7.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from .. import rng
from ..encoder.load import load_encoder
from ..encoder.model import Classifier
from ..mixers.embeddings import sentence_embeddings
from ..mixers.geometry import Points
from ..tasks import TaskData
from .common import plane, read

#: T of the curves; the paper's grid, and closer where thresholds start to act.
GRID = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.98)
KINDS = {"hyperbolic": ("hyp_atan", "none"), "hyperbolic in the ball": ("hyp_atan", "scale")} | {
    "Euclidean": ("euclidean", "none"),
    "cosine": ("cosine", "none"),
}
NORMS = ("row_max", "global_max", "row_minmax")
T = 0.7  # of the main tables
SHARE = 0.1  # of the sets that are compared between distances: the farthest tenth
BINS = 40
SHOWN = 300  # points in the plane
LINES = 12  # anchors whose partners are drawn


def geometry(model: Classifier, mixer, data: TaskData, tokenizer, run) -> dict[str, Any]:
    """All that the notebooks ``dmix_thresholds`` and ``dmix_matrix`` draw of the embeddings, as JSON.

    Embeddings are those that DMIX starts from: [CLS] of the last layer of the *pretrained* encoder, evaluation mode, training
    rows only (SPEC DA3, DA4). The trained model is not used.
    """
    vectors = embeddings(data, tokenizer, run)
    labels = torch.from_numpy(np.ascontiguousarray(data.splits["train"].labels))
    points = {name: Points(vectors, kind, ball) for name, (kind, ball) in KINDS.items()}
    return {
        "n": len(vectors),
        "norm": _spread(vectors.norm(dim=1)),
        "cosine": 1 - float(points["cosine"].between(torch.arange(min(512, len(vectors)))).mean()),
        "grid": list(GRID),
        "bins": np.linspace(0, 1, BINS + 1).round(6).tolist(),
        "kinds": {name: _matrix(p, labels, data.classes) for name, p in points.items()},
        "order": _agreement(points, Points(vectors, "hyp_atanh", "scale")),
        "plane": _plane(vectors, points["hyperbolic"], labels),
    }


def embeddings(data: TaskData, tokenizer, run) -> Tensor:
    """(N, d) float32, one per training row."""
    with torch.random.fork_rng(devices=[]):  # the weights of an untrained encoder come from the run's seed
        torch.manual_seed(rng.derive(run.seed, "init"))
        encoder = Classifier(load_encoder(run.encoder), data.classes)
    return sentence_embeddings(encoder, read(data.splits["train"], data, tokenizer, run.max_length), "cls")


def _spread(values: Tensor) -> dict[str, float]:
    return {"mean": float(values.mean()), "min": float(values.min()), "max": float(values.max())}


def _apart(points: Points, rows: Tensor) -> Tensor:
    """Distances (R, N) of rows from all points, their own infinite."""
    block = points.between(rows)
    block[torch.arange(len(rows)), rows] = torch.inf
    return block


def normalised(block: Tensor, norm: str, top: float) -> Tensor:
    """M from distances (R, N) whose diagonal is infinite, and comes out negative: it passes no threshold.

    Args:
        norm: one of ``NORMS``. top: largest distance of all, for "global_max".
    """
    hidden = torch.isinf(block)
    if norm == "global_max":
        out = block / top
    else:
        high = block.masked_fill(hidden, -torch.inf).max(1, keepdim=True).values
        low = block.min(1, keepdim=True).values if norm == "row_minmax" else 0.0
        out = (block - low) / (high - low).clamp(min=1e-12)
    return out.masked_fill(hidden, -1.0)


def _matrix(points: Points, labels: Tensor, classes: int) -> dict[str, Any]:
    """Per normalisation: quantiles and histogram of M, |S_i|/(N - 1) over T, and the partners at T = 0.7."""
    n = len(points)
    top = max(float(points.between(rows).max()) for rows in points.blocks())
    out = {}
    for norm in NORMS:
        shares, histogram = [], np.zeros(BINS, int)
        times, weight = torch.zeros(n, dtype=torch.float64), torch.zeros(n, dtype=torch.float64)
        lowest, total = 1.0, 0.0
        for rows in points.blocks():
            m = normalised(_apart(points, rows), norm, top)
            inside = m >= 0
            row_max = m.max(1, keepdim=True).values  # 1, except under "global_max"
            shares.append(torch.stack([((m >= t * row_max) & inside).sum(1) / (n - 1) for t in GRID], 1))
            histogram += np.histogram(m[inside].numpy(), bins=BINS, range=(0, 1))[0]
            lowest, total = min(lowest, float(m[inside].min())), total + float(m[inside].double().sum())
            chosen = ((m >= T * row_max) & inside).double()
            chosen /= chosen.sum(1, keepdim=True)
            times += chosen.sum(0)
            weight += (chosen * m).sum(0)
        share = torch.cat(shares)
        out[norm] = {
            "share": {"mean": share.mean(0).tolist(), "min": share.amin(0).tolist(), "max": share.amax(0).tolist()},
            "histogram": histogram.tolist(),
            "m": {"mean": total / (n * (n - 1)), "min": lowest},
            "partner": _partners(times, weight, labels, classes),
        }
    return out


def _partners(times: Tensor, weight: Tensor, labels: Tensor, classes: int) -> dict[str, Any]:
    """Expected uses as partner, and the label mass that training sees, at T = 0.7 with one partner per anchor."""
    n = len(times)
    ordered = times.sort(descending=True).values
    tenth = max(1, n // 10)
    mass = torch.zeros(classes, dtype=torch.float64).index_add_(0, labels, weight)
    return {
        "times": [float(ordered[min(n - 1, int(q * (n - 1)))]) for q in np.linspace(0, 1, 21)],  # falling quantiles
        "most": float(ordered[0]),
        "top_tenth": float(ordered[:tenth].sum() / n),  # 0.1 if all are chosen alike
        "never": float((times < 1e-9).double().mean()),
        "weight": float(weight.sum() / n),  # mean weight of the partner in state and label
        "partner_labels": (mass / mass.sum().clamp(min=1e-12)).tolist(),
        "labels": (torch.bincount(labels, minlength=classes).double() / n).tolist(),
    }


def _agreement(points: dict[str, Points], artanh: Points) -> dict[str, Any]:
    """Order of distances from the same anchor, hyperbolic against the others: rank correlation and farthest tenth."""
    n = len(artanh)
    rows = torch.arange(min(n, 512))
    hide = torch.zeros(len(rows), n, dtype=torch.bool)
    hide[rows, rows] = True

    def ranks(p: Points) -> Tensor:
        # z² and ‖a − b‖² have the order of the distances and no arctangent to round it.
        return p.order(rows)[~hide].view(len(rows), n - 1).argsort(1).argsort(1).double()

    def compare(a: Tensor, b: Tensor) -> dict[str, float]:
        x, y = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
        rho = (x * y).sum(1) / (x.norm(dim=1) * y.norm(dim=1))
        k = max(1, round(SHARE * (n - 1)))
        far_a, far_b = a >= n - 1 - k, b >= n - 1 - k
        return {"spearman": float(rho.mean()), "shared": float((far_a & far_b).sum(1).double().mean() / k)}

    base = ranks(points["hyperbolic"])
    out = {name: compare(base, ranks(p)) for name, p in points.items() if name != "hyperbolic"}
    # Arctangent and artanh where both are defined: in the ball (SPEC DA1).
    out["artanh against arctangent, in the ball"] = compare(ranks(points["hyperbolic in the ball"]), ranks(artanh))
    return out


def _plane(vectors: Tensor, points: Points, labels: Tensor) -> dict[str, Any]:
    """Two principal coordinates of the first rows, and their partners at T = 0.95 among these rows."""
    flat, explained = plane(vectors)
    shown = min(SHOWN, len(vectors))
    chosen = normalised(_apart(points, torch.arange(shown)), "row_max", 1.0)[:, :shown] >= 0.95
    return {
        "xy": [[round(float(v), 4) for v in row] for row in flat[:shown]],
        "labels": labels[:shown].tolist(),
        "explained": explained,
        "lines": chosen[:LINES].nonzero().tolist(),
        "times": chosen.sum(0).tolist(),
    }
