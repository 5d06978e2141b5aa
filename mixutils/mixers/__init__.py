"""All mixers by name, with their answers to the four questions (DESIGN: where, with whom, how, which label).

The registry is an explicit table. A new mixer is one file, one line here and one colour in ``report/style.py``; every
test, benchmark and teaching notebook then includes it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .base import Mixer, Part, options_from
from .dnm import DNM
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


_GUO = "Guo et al. 2019"
_SSMIX = "Yoon et al. 2021"
_DNM = "Zhang et al. 2022"
_FAR_NEAR = "K farthest and K nearest of the batch"

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
    "dnm": Entry(
        "DNM",
        DNM,
        "sentence vector",
        _FAR_NEAR,
        "trained vector: one weight per hidden unit",
        "label embeddings mixed by a policy that sees both sentences",
        _DNM,
        "1",
    ),
    "dnm-wo-dss": Entry(
        "DNM w/o DSS",
        DNM,
        "sentence vector",
        "one random row of the batch",
        "trained vector: one weight per hidden unit",
        "label embeddings mixed by a policy that sees both sentences",
        _DNM + ", 4.7",
        "1",
        options={"select": "random"},
    ),
    "dnm-wo-lds": Entry(
        "DNM w/o LDS",
        DNM,
        "sentence vector",
        "K nearest of the batch",
        "trained vector: one weight per hidden unit",
        "label embeddings mixed by a policy that sees both sentences",
        _DNM + ", 4.7",
        "1",
        options={"select": "smallest"},
    ),
    "dnm-wo-sds": Entry(
        "DNM w/o SDS",
        DNM,
        "sentence vector",
        "K farthest of the batch",
        "trained vector: one weight per hidden unit",
        "label embeddings mixed by a policy that sees both sentences",
        _DNM + ", 4.7",
        "1",
        options={"select": "largest"},
    ),
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
    "dnm-random": Entry(
        "DNM with 2K random",
        DNM,
        "sentence vector",
        "2K random rows of the batch",
        "trained vector: one weight per hidden unit",
        "label embeddings mixed by a policy that sees both sentences",
        _DNM + "; control",
        "1",
        options={"select": "random", "random_partners": "2K"},
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
