"""All mixers by name, with their answers to the four questions (DESIGN: where, with whom, how, which label).

The registry is an explicit table. A new mixer is one file, one line here and one colour in ``report/style.py``; every
test, benchmark and teaching notebook then includes it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .base import Mixer, Part, options_from
from .dmix import DMix
from .dnm import DNM
from .dropmix import DropMix
from .emix import EMix
from .hidden import HiddenMix
from .nonlinear import NonlinearMix
from .plain import Plain
from .ssmix import SSMix


@dataclass(frozen=True)
class Entry:
    """A registered mixer.

    Attributes:
        title: printed name. cls, options: class and its options under this name.
        where, whom, how, label: the four answers. source: paper and place. passes: forward and backward passes per step in
        units of a plain step, for the reader. cost: the same as a number, for estimates; records hold the measured one.
        dropout: ``Run.dropout`` that belongs to the method; None: it says nothing and the encoder's own stays.
    """

    title: str
    cls: type[Mixer]
    where: str
    whom: str
    how: str
    label: str
    source: str
    passes: str
    cost: float = 1.0
    options: dict[str, Any] = field(default_factory=dict)
    dropout: float | None = None


_GUO = "Guo et al. 2019"
_SSMIX = "Yoon et al. 2021"
_DNM = "Zhang et al. 2022"
_FAR_NEAR = "K farthest and K nearest of the batch"


def _dnm(title: str, whom: str, place: str = "", **options: Any) -> Entry:
    return Entry(
        title,
        DNM,
        "sentence vector",
        whom,
        "trained vector: one weight per hidden unit",
        "label embeddings mixed by a policy that sees both sentences",
        _DNM + place,
        "1",
        options=options,
    )


_DROPMIX = "DropMix, 2022"


def _dropmix(title: str, how: str, place: str, saliency: bool = True, **options: Any) -> Entry:
    return Entry(
        title,
        DropMix,
        "embedding output h_0",
        "random, same batch",
        how,
        "share of replaced units",
        f"{_DROPMIX}, {place}",
        "2, one of them without parameters' gradients" if saliency else "1",
        1.7 if saliency else 1.0,
        options,
        0.0,
    )


_DMIX = "Sawhney et al. 2022"
_SHORT = "Sawhney et al. 2021"

_SHORT_OPTIONS = {
    "levels": tuple(range(1, 13)),
    "select": "top_percent",
    "ratio": "beta",
    "m_train": False,
    "loss": "ce",
}

REGISTRY: dict[str, Entry] = {
    "none": Entry("No mixup", Plain, "–", "–", "–", "own label", "–", "1"),
    "wordmix": Entry(
        "WordMix (EmbedMix)",
        HiddenMix,
        "embedding output h_0",
        "random, other half of the batch or data set",
        "scalar ratio from a Beta draw",
        "the ratio",
        _GUO,
        "1, with clean terms 2",
        2.0,
        {"levels": (0,)},
    ),
    "senmix": Entry(
        "SenMix",
        HiddenMix,
        "sentence vector",
        "random",
        "scalar ratio from a Beta draw",
        "the ratio",
        _GUO,
        "1",
        options={"levels": ("sentence",)},
    ),
    "tmix": Entry(
        "TMix",
        HiddenMix,
        "encoder layer drawn from {7, 9, 12}",
        "random",
        "scalar ratio from a Beta draw",
        "the ratio",
        "Chen et al. 2020",
        "1, with clean terms 1 + (K - k)/K",
        1.2,
        {"levels": (7, 9, 12)},
    ),
    "ssmix": Entry(
        "SSMix",
        SSMix,
        "tokens",
        "other half of the batch",
        "least salient span replaced by most salient span",
        "share of replaced tokens",
        _SSMIX,
        "2",
        2.0,
    ),
    "ssmix-saliency": Entry(
        "SSMix − saliency",
        SSMix,
        "tokens",
        "other half of the batch",
        "random span replaced by random span",
        "share of replaced tokens",
        _SSMIX + ", 3.3",
        "2",
        2.0,
        {"select": "random"},
    ),
    "ssmix-saliency-span": Entry(
        "SSMix − saliency − span",
        SSMix,
        "tokens",
        "other half of the batch",
        "random tokens replaced, place by place",
        "share of replaced tokens",
        _SSMIX + ", 3.3",
        "2",
        2.0,
        {"select": "tokens"},
    ),
    "unk": Entry(
        "Random UNK",
        SSMix,
        "tokens",
        "nobody",
        "random tokens replaced by [UNK]",
        "own label",
        _SSMIX + ", B.2",
        "2",
        2.0,
        {"select": "unk"},
    ),
    "dnm": _dnm("DNM", _FAR_NEAR),
    "dnm-wo-dss": _dnm("DNM w/o DSS", "one random row of the batch", ", 4.7", select="random"),
    "dnm-wo-lds": _dnm("DNM w/o LDS", "K nearest of the batch", ", 4.7", select="smallest"),
    "dnm-wo-sds": _dnm("DNM w/o SDS", "K farthest of the batch", ", 4.7", select="largest"),
    "dnm-wo-dnm": Entry(
        "DNM w/o DNM",
        DNM,
        "sentence vector",
        _FAR_NEAR,
        "scalar ratio from a Beta draw",
        "the ratio",
        _DNM + ", 4.7",
        "1",
        options={"mix": "scalar"},
    ),
    "dnm-random": _dnm(
        "DNM with 2K random", "2K random rows of the batch", "; control", select="random", random_partners="2K"
    ),
    "nonlinear": Entry(
        "NonlinearMixup",
        NonlinearMix,
        "embedding output h_0",
        "random row of the batch",
        "matrix of Beta draws: one weight per token and hidden unit",
        "label embeddings mixed by a policy that sees the mixture",
        "Guo 2020",
        "1",
    ),
    "no-dropout": Entry(
        "No dropout", Plain, "–", "–", "–", "own label", f"{_DROPMIX}, 5.2", "1", options={}, dropout=0.0
    ),
    "mixup": Entry(
        "Mixup",
        HiddenMix,
        "embedding output h_0",
        "random, same batch",
        "scalar ratio from a Beta draw, no dropout",
        "the ratio",
        f"{_DROPMIX}, 3.2",
        "1",
        options={"levels": (0,), "alpha": 0.1},
        dropout=0.0,
    ),
    "dropout+mixup": Entry(
        "Dropout+Mixup",
        HiddenMix,
        "embedding output h_0",
        "random, same batch",
        "scalar ratio from a Beta draw, with dropout",
        "the ratio",
        f"{_DROPMIX}, 5.2",
        "1",
        options={"levels": (0,), "alpha": 0.1},
    ),
    "ssmix-beta": Entry(
        "SSMix, Beta ratio",
        SSMix,
        "tokens",
        "other half of the batch",
        "least salient span replaced by most salient span",
        "share of replaced tokens",
        f"{_DROPMIX}, 5.3",
        "2",
        2.0,
        {"ratio_draw": "beta", "alpha": 0.1},
    ),
    "dropmix-u": _dropmix("DropMix-U", "most salient units replaced", "4.2", patch="unit"),
    "dropmix-c": _dropmix("DropMix-C", "most salient channels replaced", "4.2", patch="channel"),
    "dropmix-w": _dropmix("DropMix-W", "most salient runs of words replaced", "4.2", patch="word"),
    "dropmix-g": _dropmix("DropMix-G", "most salient runs of units within channels replaced", "4.2"),
    "dropmix-random": _dropmix("DropMix, random mask", "random runs of units replaced", "3", False, mask="random"),
    "dropmix-keep": _dropmix(
        "DropMix, literal mask", "all but the most salient runs of units replaced", "4.1", mask="keep_salient"
    ),
    "dmix": Entry(
        "DMIX",
        DMix,
        "encoder layer drawn from {3, 4, 6, 7, 9, 12}",
        "far examples: M_ij ≥ T · row maximum, hyperbolic",
        "learned pair weight M_ij",
        "M_ij",
        _DMIX,
        "(K + k)/K",
        1.5,
        {},
    ),
    "dmix-nt": Entry(
        "DMIX-NT",
        DMix,
        "encoder layer drawn from {3, 4, 6, 7, 9, 12}",
        "far examples: M_ij ≥ T · row maximum, hyperbolic",
        "fixed pair weight M_ij",
        "M_ij",
        _DMIX,
        "(K + k)/K",
        1.5,
        {"m_train": False},
    ),
    "euc-dmix": Entry(
        "Euc-DMIX",
        DMix,
        "encoder layer drawn from {3, 4, 6, 7, 9, 12}",
        "far examples: M_ij ≥ T · row maximum, Euclidean",
        "learned pair weight M_ij",
        "M_ij",
        _DMIX,
        "(K + k)/K",
        1.5,
        {"distance": "euclidean"},
    ),
    "euc-dmix-nt": Entry(
        "Euc-DMIX-NT",
        DMix,
        "encoder layer drawn from {3, 4, 6, 7, 9, 12}",
        "far examples: M_ij ≥ T · row maximum, Euclidean",
        "fixed pair weight M_ij",
        "M_ij",
        _DMIX,
        "(K + k)/K",
        1.5,
        {"distance": "euclidean", "m_train": False},
    ),
    "m-ratio": Entry(
        "+ M-Ratio",
        DMix,
        "encoder layer drawn from {3, 4, 6, 7, 9, 12}",
        "random training example",
        "learned pair weight M_ij",
        "M_ij",
        _DMIX + ", Table 4",
        "(K + k)/K",
        1.5,
        {"select": "random"},
    ),
    "m-threshold": Entry(
        "+ M-Threshold",
        DMix,
        "encoder layer drawn from {3, 4, 6, 7, 9, 12}",
        "far examples: M_ij ≥ T · row maximum, hyperbolic",
        "scalar ratio from a Beta draw",
        "the ratio",
        _DMIX + ", Table 4",
        "(K + k)/K",
        1.5,
        {"ratio": "beta", "m_train": False},
    ),
    "dmix-short": Entry(
        "DMIX short (Hyperbolic)",
        DMix,
        "encoder layer drawn from all",
        "top-τ % farthest, hyperbolic distance",
        "scalar ratio from a Beta draw",
        "the ratio",
        _SHORT,
        "(K + k)/K",
        1.5,
        {**_SHORT_OPTIONS, "distance": "hyp_atan"},
    ),
    "dmix-short-euclidean": Entry(
        "DMIX short (Euclidean)",
        DMix,
        "encoder layer drawn from all",
        "top-τ % farthest, Euclidean distance",
        "scalar ratio from a Beta draw",
        "the ratio",
        _SHORT,
        "(K + k)/K",
        1.5,
        {**_SHORT_OPTIONS, "distance": "euclidean"},
    ),
    "dmix-short-cosine": Entry(
        "DMIX short (Cosine)",
        DMix,
        "encoder layer drawn from all",
        "top-τ % farthest, cosine distance",
        "scalar ratio from a Beta draw",
        "the ratio",
        _SHORT,
        "(K + k)/K",
        1.5,
        {**_SHORT_OPTIONS, "distance": "cosine"},
    ),
    "emix": Entry(
        "EMix",
        EMix,
        "encoder layer drawn from {7, 9, 12}",
        "random training example",
        "scalar ratio, corrected for the spread of both states",
        "the ratio",
        "Jindal et al. 2020",
        "(K + k)/K",
        1.8,
    ),
}


def build(name: str, **options: Any) -> Mixer:
    """A mixer by name.

    Args:
        name: a key of ``REGISTRY``. options: fields of its ``Options`` that differ from the registered ones.

    Raises:
        ValueError: an unknown name or option; the message lists the right ones.
    """
    if name not in REGISTRY:
        raise ValueError(f"no mixer is called {name!r}; there are {', '.join(REGISTRY)}")
    entry = REGISTRY[name]
    return entry.cls(options_from(entry.cls.Options, {**entry.options, **options}, name))


__all__ = ["REGISTRY", "Entry", "Mixer", "Part", "build"]
