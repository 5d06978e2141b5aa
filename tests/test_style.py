"""One look: a colour for every method, colours that people with colour-vision deficiencies tell apart, equal bytes."""

from __future__ import annotations

from functools import cache
from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from mixutils.companion import make_plan
from mixutils.mixers import REGISTRY
from mixutils.papers import PAPERS
from mixutils.show import style

#: Machado, Oliveira and Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency", IEEE TVCG
#: 15(6), 2009, severity 1.0; applied to linear RGB.
SIMULATED = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
}
#: Methods that stand in one figure and belong to different families.
MAIN = ("none", "wordmix", "tmix", "ssmix", "unk", "dmix", "dnm", "nonlinear", "dropmix-g")
#: sRGB to XYZ (IEC 61966-2-1), and the white of D65.
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = XYZ.sum(1)


def lab(colour: str, vision: str = "normal") -> np.ndarray:
    """CIE L*a*b* of a colour as somebody with this vision sees it."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    x, y, z = XYZ @ (SIMULATED[vision] @ linear).clip(0, 1) / WHITE
    f = [t ** (1 / 3) if t > (6 / 29) ** 3 else t / (3 * (6 / 29) ** 2) + 4 / 29 for t in (x, y, z)]
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def distance(first: str, second: str, vision: str) -> float:
    return float(np.linalg.norm(lab(first, vision) - lab(second, vision)))


@cache
def methods(paper: str) -> set[str]:
    return {run.method for run in make_plan(paper, "desk").runs}


def test_lab_of_known_colours():
    assert lab("#ffffff") == pytest.approx([100, 0, 0], abs=0.1)
    assert lab("#ff0000") == pytest.approx([53.2, 80.1, 67.2], abs=0.2)  # published values of sRGB red


def test_red_and_green_of_one_lightness_fall_together_in_the_simulation():
    assert distance("#b08000", "#6f9a00", "normal") > 30
    assert distance("#b08000", "#6f9a00", "deuteranopia") < 15


@pytest.mark.parametrize("method", REGISTRY)
def test_every_registered_mixer_has_a_colour(method):
    assert len(to_rgb(style.colour(method))) == 3


def test_a_method_that_is_not_registered_says_where_methods_stand():
    with pytest.raises(KeyError, match="newmix"):
        style.colour("newmix")


@pytest.mark.parametrize("vision", SIMULATED)
def test_all_methods_differ_in_colour(vision):
    """The methods of one paper stand in one figure; those of different papers at least have no colour twice."""
    for paper in PAPERS:
        for a, b in combinations(sorted(methods(paper)), 2):
            assert distance(style.colour(a), style.colour(b), vision) > 8, (paper, a, b)
    assert len({e.colour for e in REGISTRY.values()}) == len(REGISTRY)


@pytest.mark.parametrize("vision", SIMULATED)
def test_main_methods_verdicts_and_texts_are_far_apart_in_every_vision(vision):
    groups = {
        **{p: [style.colour(m) for m in MAIN if m in methods(p)] for p in PAPERS},
        "verdicts": sorted(set(style.VERDICT_COLOURS.values())),
        "texts": list(style.TEXT_COLOURS.values()),
        "data": list(style.DATA_COLOURS),
    }
    for name, colours in groups.items():
        for a, b in combinations(colours, 2):
            assert distance(a, b, vision) > 19, (name, a, b)


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.03928, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(a: str, b: str) -> float:
    """(L1 + 0.05) / (L2 + 0.05) of WCAG 2, 1 to 21."""
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("method", REGISTRY)
def test_a_method_is_seen_on_white_and_on_the_dark_theme(method):
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    for ground in ("#ffffff", "#121212"):  # the dark theme's
        assert contrast(style.colour(method), ground) >= 3


@pytest.mark.parametrize("word", style.VERDICT_COLOURS)
def test_a_word_in_its_colour_can_be_read_and_so_can_white_on_it(word):
    assert contrast(style.VERDICT_COLOURS[word], "#ffffff") >= 4.5


def test_colours_of_data_sets_are_no_colours_of_methods():
    for data in style.DATA_COLOURS:
        assert min(distance(data, c, "normal") for c in (e.colour for e in REGISTRY.values())) > 19


def test_words_have_marks_of_their_own_and_only_what_is_no_verdict_has_no_colour():
    assert len(set(style.VERDICT_MARKS.values())) == len(style.VERDICT_MARKS)
    assert set(style.VERDICT_MARKS) - set(style.VERDICT_COLOURS) == {"not tested", "illustration"}


def draw() -> plt.Figure:
    style.use()
    figure, axis = plt.subplots()
    axis.plot([0, 1, 2], [2, 0, 1], label="a line")
    axis.fill_between([0, 1, 2], 0, 1, alpha=0.3)
    axis.legend()
    return figure


def test_a_saved_figure_is_a_vector_and_a_picture_with_the_same_bytes_every_time(tmp_path):
    for name in ("a", "b"):
        figure = draw()
        assert style.save(figure, tmp_path / "new", name) == tmp_path / "new" / f"{name}.png"
        plt.close(figure)
    for ending in ("svg", "png"):
        first, second = ((tmp_path / "new" / f"{name}.{ending}").read_bytes() for name in "ab")
        assert first == second
    assert b"a line</text>" in (tmp_path / "new" / "a.svg").read_bytes()  # text stays text
    assert (tmp_path / "new" / "a.png").read_bytes().startswith(b"\x89PNG")
