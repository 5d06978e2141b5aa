"""What notebooks show with: style, result tables, claims, a few plots, texts as heat maps. It knows no paper."""

from .claims import claims, display_claims, display_units
from .plots import forest, verdicts
from .results import data_sets, display_results, display_table, grids, results, whole
from .style import colour

__all__ = [
    "claims",
    "colour",
    "data_sets",
    "display_claims",
    "display_results",
    "display_table",
    "display_units",
    "forest",
    "grids",
    "results",
    "verdicts",
    "whole",
]
