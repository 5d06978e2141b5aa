"""The report card: every claim once, sentences from the numbers, no interval where there is none."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from mixutils.show.card import card, sentences, words
from mixutils.show.claims import to_frame
from mixutils.site.claims import grid
from tests.fakes_claims import verdicts_of

TITLES = {"ssmix": "SSMix", "dnm": "DNM"}
FOUND = {
    "X1": {"text": "<b>helps</b>", "units": {"a": [5.0, 5.1, 5.2], "b": [5.0, 5.2, 5.4]}},
    "X2 over tasks": {"units": {"a": [1.0, -1.2, 0.4]}},
    "X3": {"units": {}},
}


@pytest.fixture
def claims():
    first = to_frame(verdicts_of(FOUND), "as reported")
    second = to_frame(verdicts_of({"X1": {"units": {"a": [-5.0, -5.1, -5.2]}}}), "another reading")
    other = to_frame(verdicts_of({"Y1": {"units": {"a": [-5.0, -5.1, -5.2], "b": [-5.0, -5.2, -5.4]}}}))
    return {"ssmix": pd.concat([first, second]), "dnm": other}


def gains(*estimates: float) -> pd.DataFrame:
    made = [("tmix", "TMix"), ("ssmix", "SSMix"), ("no-dropout", "No dropout")][: len(estimates)]
    lines = [
        {
            "key": k,
            "method": t,
            "word": "supported",
            "estimate": e,
            "low": e - 1,
            "high": e + 1,
            "mde": 1.4,
            "tasks": 5.0,
            "reported": 1.0,
        }
        for (k, t), e in zip(made, estimates, strict=True)
    ]
    return pd.DataFrame(lines)


def test_every_claim_has_the_word_of_the_first_reading(claims):
    assert words(claims) == {
        "ssmix": {"X1": "supported", "X2 over tasks": "undecided", "X3": "not tested"},
        "dnm": {"Y1": "contradicted"},
    }


def test_the_smallest_effect_is_that_of_claims_in_points(claims):
    found = claims["ssmix"]
    others = found.assign(claim=[f"{c} again" for c in found["claim"]], kind="steps", mde=100.0, verdict="undecided")
    assert sentences({"ssmix": pd.concat([found, others]), "dnm": claims["dnm"]}, None)[1] == sentences(claims, None)[1]


def test_sentences_count_and_name_the_largest_gain(claims):
    said = sentences(claims, gains(1.5, 2.5))
    assert said[0].startswith("Of 4 claims of 2 papers")
    assert "1 *supported*, 1 *contradicted*, 1 *undecided*, 1 *not tested*" in said[0]
    assert "*Undecided* is not *no*" in said[1]
    assert "on 5 data sets" in said[2]
    assert "+2.50 points [+1.50, +3.50] (SSMix)" in said[2]
    assert "is 1.4 to 1.4 points, depending on the method" in said[3]
    assert said[4].endswith("SSMix, TMix.")


def test_training_without_dropout_is_no_mixup_and_stands_beside_the_largest_gain(claims):
    said = sentences(claims, gains(1.5, 2.5, 3.5))
    assert "the largest of 2 pooled gains" in said[2]
    assert "(SSMix); leaving out dropout, without any mixup, gives +3.50 points [+2.50, +4.50]." in said[2]
    assert said[4].endswith("SSMix, TMix.")


def test_levels_are_told_last_with_their_interval_and_what_is_reported(claims):
    lines = [("No mixup", "yes", 97.0), ("SSMix", "no", 90.0), ("DNM", "–", 95.0)]
    levels = pd.DataFrame(
        [
            {
                "row": row,
                "reproduces": word,
                "estimate": e,
                "low": e - 1,
                "high": e + 1,
                "least": 96.64,
                "most": 97.08,
                "train_rows": 5452,
            }
            for row, word, e in lines
        ]
    )
    said = sentences(claims, gains(1.5, 2.5), levels)
    assert said[:-1] == sentences(claims, gains(1.5, 2.5))
    assert "all 5,452 training questions" in said[-1]
    assert "97.0 % [96.0, 98.0], reported 96.6 to 97.1; 1 of 2 reported levels reproduce" in said[-1]


def test_without_intervals_nothing_is_said_of_gains(claims):
    assert len(sentences(claims, None)) == 2
    assert "still being trained" in sentences(claims, gains(np.nan))[2]


def test_the_figure_has_a_square_per_claim_and_the_forest_only_with_intervals(claims):
    for found, axes in ((gains(1.5, 2.5), 2), (gains(np.nan), 1)):
        figure = card(claims, found, TITLES)
        assert len(figure.axes) == axes
        assert len(figure.axes[0].patches) == 4
        plt.close(figure)


def test_the_grid_of_the_site_leads_to_every_claim_and_escapes(claims):
    made = grid(claims)
    assert made.count("<td") == 4
    assert "href='claim-X2-over-tasks.html'" in made
    assert "<b>" not in made
    assert "&lt;b&gt;helps&lt;/b&gt;: supported" in made
