"""All mixers by name, with their answers to the four questions (where, with whom, how, which label).

The registry is ``methods.toml``. A new mixer is one file, one table there with a colour, and its class in ``FAMILIES``; every test, benchmark and teaching notebook then includes it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from ..paths import facts
from .base import Mixer, Plain
from .dmix import DMix
from .dnm import DNM
from .dropmix import DropMix
from .hidden import EMix, HiddenMix
from .nonlinear import NonlinearMix
from .options import options_from
from .ssmix import SSMix

FAMILIES = {cls.__name__: cls for cls in (Plain, HiddenMix, SSMix, DNM, NonlinearMix, DropMix, DMix, EMix)}


@dataclass(frozen=True)
class Entry:
    """A registered mixer; ``methods.toml`` says at its top what its fields mean."""

    title: str
    colour: str  # a hex triplet, the same in every figure
    cls: type[Mixer]
    where: str
    whom: str
    how: str
    label: str
    source: str  # paper and place
    passes: str
    cost: float = 1.0  # an estimate; records hold the measured one
    clean: float = 0.0
    options: dict[str, Any] = field(default_factory=dict)
    dropout: float | None = None  # of ``Run.dropout``


_GIVEN = facts("mixers/methods")


def _entry(name: str) -> Entry:
    """A method of the file; what it does not say itself is that of the method that it is like."""
    own = dict(_GIVEN[name])
    options = own.pop("options", {})
    if "like" not in own:
        return Entry(cls=FAMILIES[own.pop("family")], options=options, **own)
    base = _entry(own.pop("like"))
    return replace(base, options=base.options | options, **own)


REGISTRY = {name: _entry(name) for name in _GIVEN}


def build(name: str, **options: Any) -> Mixer:
    """A mixer by its name in ``REGISTRY``; ``options`` are fields of its ``Options`` that differ from the registered ones.

    Raises:
        ValueError: an unknown name or option; the message lists the right ones.
    """
    if name not in REGISTRY:
        raise ValueError(f"no mixer is called {name!r}; there are {', '.join(REGISTRY)}")
    entry = REGISTRY[name]
    return entry.cls(options_from(entry.cls.Options, {**entry.options, **options}, name))
