"""DNM's Figures 3 and 4 as measurements: where mixtures lie, and how far test features of different classes are apart.

Distances are Euclidean, in the space of the sentence vectors; nothing is measured in a projection. The projections that
the figures draw are made here too, from the same points and with a fixed seed, so that figures need records only.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.metrics import silhouette_score
from torch import Tensor

from .. import rng
from ..encoder.model import Classifier
from ..mixers.selection import cosine_distances, draw_others, reduce_k, select
from ..tasks import TaskData
from ..tasks.encode import EncodedSplit
from .common import read

ORIGINALS = 100  # training rows, in batches as in training
DRAWN = 300  # test rows in a projection
KINDS = ("original", "largest", "smallest", "random")


def mixtures(model: Classifier, mixer, data: TaskData, tokenizer, run) -> dict[str, Any]:
    """Where mixtures of the largest, the smallest and random distances lie among the originals (SPEC NA30).

    Returns:
        For each kind, medians over its points: ``nearest``, distance to the nearest original (for an original: to the nearest
        other one); ``class_mean``, distance to the nearest class mean; ``centre``, distance to the mean of all originals; each
        in units of the originals' own median. ``same_class``: share of pairs of one class. ``originals``: their number.
    """
    points, kinds, labels, same = _mixtures(model, mixer, data, tokenizer, run)
    original = kinds == 0
    base = points[original]
    means = torch.stack([base[labels == c].mean(0) for c in labels.unique()])
    nearest = torch.cdist(points, base)
    rows = torch.arange(len(base))
    nearest[rows, rows] = torch.inf  # an original is not its own neighbour; originals come first
    measured = {
        "nearest": nearest.min(1).values,
        "class_mean": torch.cdist(points, means).min(1).values,
        "centre": (points - base.mean(0)).norm(dim=1),
    }
    unit = {name: float(value[original].median().clamp(min=1e-12)) for name, value in measured.items()}
    out: dict[str, Any] = {"originals": len(base), "units": unit, "same_class": same}
    for i, kind in enumerate(KINDS):
        out[kind] = {name: float(value[kinds == i].median()) / unit[name] for name, value in measured.items()}
    return out


def features(model: Classifier, mixer, data: TaskData, tokenizer, run) -> dict[str, Any]:
    """How well the classes of the test part are apart, in [-1, 1] (SPEC claim NC13).

    Returns:
        ``state`` ([CLS] of the last layer) and ``output`` (what is compared with the classes: fc(h) for label embeddings,
        else the pooled vector), each with ``silhouette`` (Euclidean) and ``silhouette_cosine``; ``rows``: their number.
    """
    spaces, labels = _features(model, mixer, data, tokenizer, run)
    return {"rows": len(labels)} | {
        name: {
            "silhouette": float(silhouette_score(x.numpy(), labels.numpy())),
            "silhouette_cosine": float(silhouette_score(x.numpy(), labels.numpy(), metric="cosine")),
        }
        for name, x in spaces.items()
    }


def maps(model: Classifier, mixer, data: TaskData, tokenizer, run) -> dict[str, Any]:
    """Two-dimensional pictures by t-SNE and PCA: ``features`` (test part) and, for DNM, ``mixtures``.

    Returns:
        For each, ``tsne`` and ``pca`` (n, 2), ``explained`` (share of the spread in the PCA's plane), and ``label`` (class) or
        ``kind`` (place in ``KINDS``; random ones are left out) of every point.
    """
    spaces, labels = _features(model, mixer, data, tokenizer, run)
    out = {"features": _project(spaces["state"][:DRAWN]) | {"label": labels[:DRAWN].tolist()}}
    if hasattr(mixer, "space"):
        points, kinds, _, _ = _mixtures(model, mixer, data, tokenizer, run)
        shown = kinds != KINDS.index("random")
        out["mixtures"] = _project(points[shown]) | {"kind": kinds[shown].tolist()}
    return out


@torch.inference_mode()
def _mixtures(
    model: Classifier, mixer, data: TaskData, tokenizer, run
) -> tuple[Tensor, Tensor, Tensor, dict[str, float]]:
    """Points (n, d), originals first; kind (n,); labels of the originals; share of pairs of one class by kind."""
    split = data.splits["train"]
    size = min(run.recipe.batch_size, len(split))
    count = min(ORIGINALS, len(split)) // size * size
    draw = rng.numpy_rng(0, "probe", "dnm-mixtures")
    rows = split.take(draw.permutation(len(split))[:count])
    h, labels = _states(model, read(rows, data, tokenizer, run.max_length))
    k = reduce_k(mixer.options.k, size - 1)
    points, kinds, same = [h], [torch.zeros(count)], dict.fromkeys(KINDS[1:], 0.0)
    own = torch.arange(size)
    for begin in range(0, count, size):
        x, y = h[begin : begin + size], labels[begin : begin + size]
        both = select(cosine_distances(x), own, k)
        chosen = {"largest": both[:, :k], "smallest": both[:, k:]}
        chosen["random"] = torch.from_numpy(draw_others(draw, own.numpy(), size, k))
        for kind, partners in chosen.items():
            mixed = mixer.mix(x[:, None].expand(-1, partners.shape[1], -1), x[partners]).flatten(0, 1)
            points.append(mixed)
            kinds.append(torch.full((len(mixed),), KINDS.index(kind)))
            same[kind] += float((y[:, None] == y[partners]).float().mean()) * size / count
    return torch.cat(points), torch.cat(kinds).long(), labels, same


@torch.inference_mode()
def _features(model: Classifier, mixer, data: TaskData, tokenizer, run) -> tuple[dict[str, Tensor], Tensor]:
    name = "test" if "test" in data.splits else next(k for k in data.splits if k != "train")
    split = data.splits[name]
    rows = split.take(rng.numpy_rng(0, "probe", "dnm-features").permutation(len(split)))
    h, labels = _states(model, read(rows, data, tokenizer, run.max_length))
    device = next(model.parameters()).device
    # The pooler reads the first of a row's states.
    output = mixer.space.fc(h.to(device)) if hasattr(mixer, "space") else model.pool(h.to(device)[:, None])
    return {"state": h, "output": output.float().cpu()}, labels


def _states(model: Classifier, part: EncodedSplit, size: int = 50) -> tuple[Tensor, Tensor]:
    """[CLS] of the last layer (n, d) float32 on the CPU, dropout off, and labels (n,)."""
    part = part.to(next(model.parameters()).device)
    rows = torch.arange(len(part), device=part.labels.device)
    states = [model.encode(part.batch(r))[0][:, 0].float().cpu() for r in rows.split(size)]
    return torch.cat(states), part.labels.cpu()


def _project(points: Tensor) -> dict[str, Any]:
    x = points.numpy()
    plane = PCA(2, svd_solver="full")
    flat = plane.fit_transform(x)
    perplexity = min(30.0, (len(x) - 1) / 3)
    near = TSNE(2, perplexity=perplexity, init="pca", random_state=0, n_jobs=1).fit_transform(x)
    return {
        "tsne": np.round(near.astype(float), 2).tolist(),
        "pca": np.round(flat.astype(float), 3).tolist(),
        "explained": float(plane.explained_variance_ratio_.sum()),
    }
