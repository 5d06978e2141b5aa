"""Shared figures: what is drawn where, from plain data."""

from __future__ import annotations

import math

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from mixutils.show import plots, style
from tests.fakes_claims import verdicts_of

METHODS = {"TMix": "tmix", "SSMix": "ssmix"}


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def line(row: str, title: str, gain: float, low: float, high: float, paper: float = math.nan) -> dict:
    return {
        "row": row,
        "column": title,
        "title": title,
        "apart": "",
        "gain": gain,
        "gain_low": low,
        "gain_high": high,
        "paper_gain": paper,
        "void": "",
    }


def frame(*lines: dict) -> pd.DataFrame:
    return pd.DataFrame(lines)


def markers(axis, kind: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for m in axis.lines if m.get_marker() == kind for x, y in m.get_xydata()]


def test_forest_has_a_panel_per_data_set_points_for_ours_and_diamonds_for_the_paper():
    data = frame(
        line("TMix", "first", 1.0, 0.5, 1.25, 2.0),
        line("SSMix", "first", -1.0, -2.0, -0.5),
        line("SSMix", "second", 3.0, math.nan, math.nan, 0.5),
        line("not shown", "first", 9.0, 8.0, 10.0),
    )
    figure = plots.forest(data, METHODS, "title")
    first, second = (a for a in figure.axes if a.get_visible())
    assert [a.get_title() for a in (first, second)] == ["first", "second"]
    assert [t.get_text() for t in first.get_yticklabels()] == ["TMix", "SSMix"]
    assert first.yaxis_inverted()  # the first method on top
    assert markers(first, "o") == [(1.0, 0.0), (-1.0, 1.0)]
    assert markers(first, "D") == [(2.0, 0.0)]
    assert markers(second, "o") == [(3.0, 1.0)]
    ends = [c.get_segments()[0][:, 0].tolist() for c in first.collections]
    assert ends == [[0.5, 1.25], [-2.0, -0.5]]
    assert second.collections == [] or len(second.collections) == 0  # one seed has no interval
    labels = [t.get_text() for t in figure.legends[0].get_texts()]
    assert labels == ["ours, mean over seeds and 95 % t interval", "reported gain"]


def test_forest_sets_the_published_gain_beside_the_comparison_that_it_belongs_to():
    data = pd.DataFrame(
        [
            line("TMix", "first", 1.0, 0.5, 1.25, 2.0) | {"comparison": "over stage 1"},
            line("TMix", "first", -1.0, -2.0, -0.5) | {"comparison": "over equally long training"},
        ]
    )
    figure = plots.forest(data, METHODS, "title")
    (ours,), (other,), (printed,) = (markers(figure.axes[0], kind) for kind in "osD")
    assert (ours[0], other[0], printed[0]) == (1.0, -1.0, 2.0)
    assert printed[1] == ours[1] < other[1]
    assert [
        t.get_text().removesuffix(", mean over seeds and 95 % t interval") for t in figure.legends[0].get_texts()
    ] == [
        "ours, over stage 1",
        "ours, over equally long training",
        "reported gain, over stage 1",
    ]


def test_forest_without_anything_to_draw_is_none():
    assert plots.forest(frame(line("TMix", "first", math.nan, 1, 1)), METHODS, "title") is None
    assert plots.forest(frame(line("other", "first", 1.0, 1, 1)), METHODS, "title") is None


def test_forest_shows_a_gain_that_is_void_hollow_and_says_what_that_means():
    data = frame(line("TMix", "first", 1.0, 0.5, 1.25), line("SSMix", "first", 0.0, -1.0, 1.0) | {"void": "50 rows"})
    figure = plots.forest(data, METHODS, "title")
    filled, hollow = (m.get_markerfacecolor() for m in figure.axes[0].lines if m.get_marker() == "o")
    assert (to_hex(filled), hollow) == (to_hex(style.colour("tmix")), "white")
    assert [t.get_text() for t in figure.legends[0].get_texts()][-1] == "says nothing († in the table, SPEC 9.2)"
    assert plots.forest(data[:1], METHODS, "title").legends[0].get_texts()[-1].get_text().startswith("ours")


def test_forest_without_a_published_gain_does_not_explain_diamonds():
    figure = plots.forest(frame(line("TMix", "first", 1.0, 0.5, 1.5)), METHODS, "title")
    assert len(figure.legends[0].get_texts()) == 1


def test_forest_draws_equal_gains_whose_interval_ends_a_rounding_error_away():
    mean = np.mean([0.1, 0.1, 0.1])
    assert mean != 0.1
    assert plots.forest(frame(line("TMix", "first", mean, 0.1, 0.1)), METHODS, "title") is not None


@pytest.mark.parametrize("columns", [1, 3, 4, 7])
def test_forest_has_no_panel_that_it_does_not_need(columns):
    figure = plots.forest(frame(*(line("TMix", f"d{i}", 1, 0, 2) for i in range(columns))), METHODS, "title")
    assert sum(a.get_visible() for a in figure.axes) == columns


@pytest.fixture(scope="module")
def found():
    """A supported, a negligible and an untested claim."""
    return verdicts_of(
        {
            "X1": {"units": {"first": [2.0, 2.5, 3.0], "second": [3.0, 3.5, 4.0]}, "reported": 1.0},
            "X2": {"units": {"first": [0.0, 0.1, -0.1]}},
            "X3": {"units": {"first": [1.0]}},
        }
    )


def test_verdicts_have_their_interval_in_the_colour_of_their_word(found):
    figure = plots.verdicts(found, "t")
    axis = figure.axes[0]
    assert [t.get_text() for t in axis.get_yticklabels()] == ["X1: A > B", "X2: A > B", "X3: A > B"]
    assert [t.get_text() for t in axis.texts] == ["✓ supported", "≈ negligible", "· not tested"]
    assert markers(axis, "o") == [(pytest.approx(3), 0), (pytest.approx(0), 1)]
    assert markers(axis, "D") == [(1, 0)]
    bars = [c for c in axis.collections if len(c.get_segments())]
    assert [to_hex(c.get_color()[0]) for c in bars] == [style.VERDICT_COLOURS[v.word] for v in found[:2]]
    assert bars[0].get_segments()[0][:, 0].tolist() == pytest.approx([found[0].low, found[0].high])
    figure.canvas.draw()


def test_where_nothing_is_tested_there_is_nothing_to_draw(found):
    assert plots.verdicts(found[2:], "t") is None
