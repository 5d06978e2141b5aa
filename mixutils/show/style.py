"""One look: palette, one colour per method everywhere, figures saved as PNG and SVG by one helper.

Colours start from the palette of Okabe and Ito, which people with colour-vision deficiencies can tell apart; methods of one
family share a hue and differ in lightness, and every plot marks methods by position or label as well.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import seaborn as sns

from .. import paths
from ..mixers import REGISTRY

DATA_COLOURS = ("#117733", "#882255", "#aa8800")  # lines that are data sets, not methods
PAPER_COLOUR = "#000000"  # published numbers, always as open diamonds
_FACTS = paths.facts("show/style")
#: The words of SPEC 9.3. What has no colour here is grey.
VERDICT_MARKS: dict[str, str] = {word: of["mark"] for word, of in _FACTS["verdicts"].items()}
VERDICT_COLOURS = {word: of["colour"] for word, of in _FACTS["verdicts"].items() if "colour" in of}
#: Kind of a claim -> its words, and what its estimate is, where it is no difference in points.
KINDS: dict[str, str] = _FACTS["kinds"]
SCALES: dict[str, str] = _FACTS["scales"]
#: What a paper prints behind a number, by its word in ``published``.
MARKS: dict[str, str] = _FACTS["marks"]
#: Saliency: white to orange. Texts A and B of a mixture.
SALIENCY_MAP = sns.light_palette("#d55e00", as_cmap=True)
TEXT_COLOURS = {"A": "#0072b2", "B": "#d55e00", "unk": "#4d4d4d"}


def use() -> None:
    """Set the style for this process."""
    mpl.rcParams.update(_FACTS["matplotlib"])


def plain() -> None:
    """No formulas in figures of this process: a dollar sign is one."""
    mpl.rcParams["text.parse_math"] = False


def colour(method: str) -> str:
    """Colour of a method.

    Raises:
        KeyError: no registered method.
    """
    if method not in REGISTRY:
        raise KeyError(f"no mixer is called {method!r}, so that it has no colour; mixers stand in mixers/methods.toml")
    return REGISTRY[method].colour


def save(figure: plt.Figure, folder: Path, name: str, says: str = "", made: str = "") -> Path:
    """Write ``name.png`` and ``name.svg``, the same bytes every time; returns the PNG's path.

    Args:
        says: what the figure shows, for those who cannot see it; "" for its label, else its titles. made: where its numbers come from. Both
            stand in the files' metadata, as Description and Source.
    """
    folder.mkdir(parents=True, exist_ok=True)
    about = {"Description": says or figure.get_label() or titles(figure), "Source": made}
    about = {field: text for field, text in about.items() if text}
    figure.savefig(folder / f"{name}.svg", metadata={"Date": None, "Creator": None} | about)
    figure.savefig(folder / f"{name}.png", metadata={"Software": None} | about)
    return folder / f"{name}.png"


def titles(figure: plt.Figure) -> str:
    """The titles of a figure and its panels, in order."""
    found = [figure.get_suptitle(), *(axis.get_title(loc) for axis in figure.axes for loc in ("left", "center"))]
    return "; ".join(dict.fromkeys(" ".join(text.split()) for text in found if text.strip()))
