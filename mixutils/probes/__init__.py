"""Measurements on a trained model that a figure needs and that cannot be read off the learning curve.

A probe runs at the end of a run, on the checkpoint that ``Run.probe_policy`` names, and its result (plain JSON) is part of
the record, so that every figure can be redrawn from records alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .dmix_attention import attention
from .dmix_geometry import geometry
from .dmix_matrix import movement
from .dnm_space import features, maps, mixtures
from .dropmix_channels import channels
from .dropmix_masks import masks
from .ssmix_spans import spans

REGISTRY: dict[str, Callable[..., dict[str, Any]]] = {
    "ssmix-spans": spans,
    "dnm-mixtures": mixtures,
    "dnm-features": features,
    "dnm-maps": maps,
    "dropmix-masks": masks,
    "dropmix-channels": channels,
    "dmix-attention": attention,
    "dmix-geometry": geometry,
    "dmix-matrix": movement,
}
