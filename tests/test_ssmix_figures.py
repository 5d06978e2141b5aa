"""SSMix's figures say what was measured: frames around the spans, origins in colour, shares in the labels."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgba

from mixutils.companion import make_plan
from mixutils.runs.records import Records
from mixutils.show import style
from tests import notebook
from tests.fakes import filled, spans

A, B, UNK = (style.TEXT_COLOURS[k] for k in ("A", "B", "unk"))
FIGURES = {"figure_1", "figure_2", "figure_3_4", "figure_5", "figure_5_trained"}
MIXED = {
    "ssmix": (["a0", "b2", "b3", "a3"], [0, 1, 1, 0], 0.5),
    "ssmix-saliency": (["b0", "b1", "a2", "a3"], [1, 1, 0, 0], 0.5),
    "ssmix-saliency-span": (["a0", "b1", "a2", "b3"], [0, 1, 0, 1], 0.5),
    "unk": (["a0", "[UNK]", "[UNK]", "a3"], [0, 1, 1, 0], 0.0),
}


def measured(parts: int) -> dict:
    """One example whose ``parts`` texts have four words; the span 1-2 of A goes, 2-3 of B comes."""

    def text(name: str, label: str, predicted: str) -> dict:
        words = [f"{name.lower()}{i}" for i in range(4)]
        return {
            "name": name,
            "label": label,
            "predicted": predicted,
            "parts": [{"tokens": words, "saliency": [0.2, 0.1, 0.1, 0.4]}] * parts,
        }

    mixtures = {
        name: {"w_b": w, "parts": [{"tokens": words, "changed": [bool(c) for c in changed]}] * parts}
        for name, (words, changed, w) in MIXED.items()
    }
    line = [[x / 10, 0.0] for x in range(9)]
    return {
        "part": "test",
        "ratio": 0.2,
        "examples": [
            {
                "texts": [text("A", "good", "bad"), text("B", "bad", "bad")],
                "spans": [{"length": 2, "least_in_a": 1, "most_in_b": 2}] * parts,
                "mixtures": mixtures,
            }
        ],
        "projection": {
            "A": [0.0, 0.0],
            "B": [1.0, 0.0],
            "off_line": {"level 0": 0.3, "level 4": 0.1, "level 6": 0.0, "ssmix": 0.5},
            "pairs": 12,
            "explained": 0.81,
            **dict.fromkeys(("level 0", "level 4", "level 6", "ssmix"), line),
        },
    }


@pytest.fixture
def made(tmp_path, monkeypatch):
    """The notebook's figures where measured runs carry what is given for single texts and for pairs."""
    monkeypatch.setenv("MIXUTILS_DATA", "")
    style.use()

    def make(single: dict | None, pair: dict | None):
        plan = make_plan("ssmix", "smoke")
        pairs = {c.task for c in plan.columns if c.pair}
        store = filled(plan, lambda r: 50, tmp_path)
        for run in plan.runs:
            record = store.get(run)
            if "probes" in record:
                probe = pair if run.task in pairs else single
                if probe is None:
                    del record["probes"]
                else:
                    record["probes"] = {"ssmix-spans": probe}
        return notebook.saved("ssmix_spans", plan, store)

    return make


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The figures of a single text and of a pair."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIXUTILS_DATA", "")
        plan = make_plan("ssmix", "smoke")
    store = filled(plan, lambda r: 50, tmp_path_factory.mktemp("both"))
    for run in plan.runs:
        record = store.get(run)
        if "probes" in record:
            record["probes"] = {"ssmix-spans": measured(2 if "pair" in run.task else 1)}
    style.use()
    return notebook.saved("ssmix_spans", plan, store)


def words(figure) -> list[tuple[str, str]]:
    return [(t.get_text(), to_hex(t.get_color())) for t in figure.axes[0].texts]


def framed(figure) -> list[tuple[str, list[str]]]:
    """Colour and words of every frame."""
    texts = figure.axes[0].texts
    out = []
    for p in (p for p in figure.axes[0].patches if isinstance(p, plt.Rectangle)):
        inside = [t.get_text() for t in texts if p.get_bbox().contains(*t.get_position())]
        out.append((to_hex(p.get_edgecolor()), inside))
    return out


def test_figure_1_frames_the_two_spans_and_mixes_them(both):
    figure = both["figure_1"]
    assert framed(figure) == [(A, ["a1", "a2"]), (B, ["b2", "b3"])]
    found = words(figure)
    assert [c for w, c in found if w in ("b2", "b3")][-2:] == [B, B]  # in the mixture
    assert [w for w, _ in found if w in ("A: good", "B: bad", "predicted bad", "mixture")] == [
        "A: good",
        "predicted bad",
        "B: bad",
        "predicted bad",
        "mixture",
    ]
    assert found[-1][0] == "50 % good, 50 % bad"


def test_figure_1_shades_by_saliency_relative_to_the_most_salient_word(both):
    boxes = [p for p in both["figure_1"].axes[0].patches if not isinstance(p, plt.Rectangle)]
    expected = [to_rgba(style.SALIENCY_MAP(v)) for v in (0.5, 0.25, 0.25, 1.0)]
    np.testing.assert_allclose([b.get_facecolor() for b in boxes[:4]], expected)


def test_figures_3_and_4_give_every_word_the_colour_of_its_origin(both):
    found = words(both["figure_3_4"])
    start = 0
    for label, key in (("SSMix", "ssmix"), ("− saliency", "ssmix-saliency"), ("random UNK", "unk")):
        tokens, changed, _ = MIXED[key]
        start = [w for w, _ in found].index(label, start)
        foreign = UNK if key == "unk" else B
        assert found[start + 1 : start + 5] == [(t, foreign if c else A) for t, c in zip(tokens, changed, strict=True)]
    assert found[-1][0] == "100 % good"  # UNK keeps the label
    assert "λ₀ = 0.2" in found[0][0]


def test_figure_5_shows_both_texts_of_a_pair_and_one_label(both):
    figure = both["figure_5_trained"]
    assert framed(figure) == [(A, ["a1", "a2"]), (B, ["b2", "b3"])] * 2
    texts = [w for w, _ in words(figure)]
    assert [t for t in texts if " of " in t] == [
        "p of A: good",
        "p of B: bad",
        "q of A: good",
        "q of B: bad",
    ]
    assert texts[0].endswith("λ = 4 / 8 = 0.50")
    assert texts.count("50 % good, 50 % bad") == 1


def test_figure_5_computes_the_papers_lambda_of_the_papers_sentences_without_runs(monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", "")
    figure = notebook.saved("ssmix_spans", make_plan("ssmix", "smoke"), Records())["figure_5"]
    found = words(figure)
    assert found[0][0].endswith("λ = 2 / 11 = 0.18")
    assert framed(figure) == [(A, ["fun"]), (B, ["problems"]), (A, ["adults"]), (B, ["issues"])]
    mixed = [[w for w, c in found if c in (A, B)][i] for i in range(11)]
    assert mixed == [*["problems", "for", "only", "children", "."], *["fun", "for", "issues", "and", "children", "."]]
    assert [w for w, c in found if c == B] == ["problems", "issues"]
    assert found[-1][0] == "82 % contradiction, 18 % entailment"


def test_figure_2_draws_ends_lines_and_distances(both):
    figure = both["figure_2"]
    left, right = figure.axes
    assert [b.get_width() for b in right.patches] == [0.3, 0.1, 0.0, 0.5]
    names = ["hidden, level 0", "hidden, level 4", "hidden, level 6", "SSMix"]
    assert [t.get_text() for t in right.get_yticklabels()] == names
    assert [t.get_text() for t in figure.legends[0].get_texts()] == names
    assert to_hex(right.patches[-1].get_facecolor()) == style.colour("ssmix")
    assert len({to_hex(b.get_facecolor()) for b in right.patches}) == 4
    assert "81 %" in left.get_title(loc="left")
    assert "12 pairs" in right.get_title(loc="left")
    ends = [line.get_xydata().tolist() for line in left.lines if to_hex(line.get_color()) == "#000000"]
    assert ends == [[[0.0, 0.0]], [[1.0, 0.0]]]


def test_only_pairs_give_figures_2_and_5_and_only_single_texts_the_others(made):
    figures = made(None, measured(2))
    assert {name for name, figure in figures.items() if figure is not None} == {
        "figure_2",
        "figure_5",
        "figure_5_trained",
    }


def test_without_pairs_figure_5_has_the_papers_sentences_only(made):
    assert {name for name, figure in made(measured(1), None).items() if figure is None} == {"figure_5_trained"}


def test_without_pairs_of_labels_there_is_no_figure(made):
    nothing = {"part": "test", "ratio": 0.2, "examples": [], "projection": None}
    figures = made(nothing, nothing)
    assert set(figures) == FIGURES
    assert [name for name, figure in figures.items() if figure is not None] == ["figure_5"]


def test_figures_of_words_survive_any_word(made):
    figures = made(*(spans(parts, label="$\\frac$", word="$\\sum$") for parts in (1, 2)))
    for name in ("figure_1", "figure_3_4", "figure_5_trained"):
        figures[name].canvas.draw()
        assert any("$\\sum$" in t.get_text() for t in figures[name].axes[0].texts)
