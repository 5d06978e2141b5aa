"""What DMIX's notebooks measure, on small models and data, against slow explicit computations."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from mixutils.companion import make_plan
from mixutils.mixers import build
from mixutils.mixers.geometry import Points
from mixutils.runs.execute import build_model, execute, prepare_data, tokenizer
from mixutils.runs.records import Records, compact
from mixutils.runs.run import Run
from mixutils.runs.trained import Trained, trained
from mixutils.tasks.data import Split
from mixutils.training.loop import Recipe
from tests import fakes_dmix
from tests.conftest import make_model, make_task
from tests.notebook import measuring

looks, matrix, thresholds = map(measuring, ("dmix_attention", "dmix_matrix", "dmix_thresholds"))
MEASURES = {
    "dmix-geometry": thresholds.embedding_geometry,
    "dmix-attention": looks.attention,
    "dmix-matrix": matrix.learned_matrix,
}
SMALL = Run(
    "docs-coarse",
    "dmix",
    0,
    encoder="random:tiny",
    recipe=Recipe(lr=1e-3, epochs=2, batch_size=8, optimizer="bertadam", mixer_lr=1e-2),
    policy="auto",
    train_size=24,
    eval_size=24,
    evaluate=("validation", "test"),
    max_length=32,
    precision="float32",
    probes=("dmix-geometry", "dmix-attention", "dmix-matrix"),
    probe_policy="last",
)


def shape(value, name: str = ""):
    """Names and types, numbers left out: what two measurements must have in common."""
    if isinstance(value, dict):
        return {k: shape(v) for k, v in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The record of a run and its trained model."""
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIXUTILS_WORK", str(tmp_path_factory.mktemp("runs")))
        return execute(SMALL), trained(SMALL)


@pytest.fixture(scope="module")
def found(small):
    """Name -> what is measured on the trained model."""
    return {name: measure(small[1]) for name, measure in MEASURES.items()}


def test_measurements_are_json_of_the_shape_that_notebooks_are_tested_with(found):
    found = {name: json.loads(json.dumps(compact(measured))) for name, measured in found.items()}
    made = {name: make(SMALL) for name, make in fakes_dmix.PROBES.items()}
    for name, fake in made.items():
        assert set(found[name]) == set(fake), name
    assert shape(found["dmix-geometry"]["kinds"]) == shape(made["dmix-geometry"]["kinds"])
    assert shape(found["dmix-geometry"]["plane"]) == shape(made["dmix-geometry"]["plane"])
    assert set(found["dmix-attention"]["real"][0]) == set(made["dmix-attention"]["real"][0])
    assert shape(found["dmix-matrix"]) == shape(made["dmix-matrix"])


def test_movement_agrees_with_the_learning_curve(small, found):
    moved, last = found["dmix-matrix"], small[0]["curve"][-1]["mixer"]
    assert moved["visited"] == last["visited"] > 24
    assert moved["mean"] == pytest.approx(last["moved_mean"], rel=1e-4)
    assert moved["max"] == pytest.approx(last["moved_max"], rel=1e-4)
    assert moved["max"] > 1e-3  # at this rate M does move
    assert sum(moved["histogram"]) == moved["visited"]
    pairs = moved["pairs"]
    towards = [(e - s) * (b - s) > 0 for s, e, b in zip(pairs["start"], pairs["end"], pairs["belief"], strict=True)]
    assert moved["pairs"]["towards"] == pytest.approx(np.mean(towards))
    assert all(0 < b < 1 for b in pairs["belief"])


def test_geometry_is_that_of_the_pretrained_encoder_and_training_rows_only(small, found):
    t = small[1]
    with torch.no_grad():
        t.model.classifier.weight.add_(1)  # what is trained makes no difference
    other = t.data.splits | {"test": t.data.splits["test"].take(np.arange(3))}
    again = thresholds.embedding_geometry(t._replace(data=t.data.with_splits(other)))
    assert again == found["dmix-geometry"]
    assert thresholds.embeddings(t).shape == (24, t.model.width)


@pytest.mark.parametrize("norm", ["row_max", "global_max", "row_minmax"])
def test_shares_and_partners_against_loops(norm):
    generator = torch.Generator().manual_seed(0)
    vectors = 3 + torch.randn(9, 4, generator=generator)
    labels = torch.arange(9) % 3
    points = Points(vectors)
    found = thresholds.selection(points, norm, labels, 3)
    d = points.between(torch.arange(9)).double().numpy()
    top = d.max()
    times, mass, shares = np.zeros(9), np.zeros(3), np.zeros(len(thresholds.GRID))
    for i in range(9):
        others = [j for j in range(9) if j != i]
        row = d[i, others]
        scale = {
            "row_max": lambda x, row=row: x / row.max(),
            "global_max": lambda x: x / top,
            "row_minmax": lambda x, row=row: (x - row.min()) / (row.max() - row.min()),
        }[norm]
        m = {j: scale(d[i, j]) for j in others}
        limit = max(m.values())
        for k, t in enumerate(thresholds.GRID):
            shares[k] += sum(v >= t * limit - 1e-9 for v in m.values()) / 8 / 9
        chosen = [j for j in others if m[j] >= 0.7 * limit - 1e-9]
        for j in chosen:
            times[j] += 1 / len(chosen)
            mass[int(labels[j])] += m[j] / len(chosen)
    np.testing.assert_allclose(found["share"]["mean"], shares, atol=1e-6)
    assert found["partner"]["most"] == pytest.approx(times.max(), abs=1e-6)
    assert found["partner"]["never"] == pytest.approx(np.mean(times < 1e-9))
    assert found["partner"]["weight"] == pytest.approx(mass.sum() / 9, abs=1e-6)
    np.testing.assert_allclose(found["partner"]["partner_labels"], mass / mass.sum(), atol=1e-6)
    assert sum(found["histogram"]) == 9 * 8


def test_dividing_by_the_row_or_by_everything_selects_the_same(found):
    for norms in found["dmix-geometry"]["kinds"].values():
        assert norms["row_max"]["share"] == norms["global_max"]["share"]


def test_normalised_rows_end_at_one_and_leave_the_anchor_out():
    points, rows = Points(torch.tensor([[0.0], [1.0], [4.0]]), "euclidean"), torch.arange(2)
    expected = {
        "row_max": [[-1, 1 / 4, 1], [1 / 3, -1, 1]],
        "global_max": [[-1, 1 / 4, 1], [1 / 4, -1, 3 / 4]],
        "row_minmax": [[-1, 0, 1], [0, -1, 1]],
    }
    for norm, m in expected.items():
        np.testing.assert_allclose(thresholds.entries(points, rows, norm, torch.tensor(4.0)), m, atol=1e-6)
        np.testing.assert_allclose(torch.cat([*thresholds.blocks(points, norm)])[:2], m, atol=1e-6)


def test_arctangent_and_artanh_have_one_order(found):
    order = found["dmix-geometry"]["order"]["artanh against arctangent, in the ball"]
    assert order["spearman"] == pytest.approx(1)
    assert order["shared"] == 1


def test_the_plane_has_the_partners_of_the_rows_shown(found):
    shown = found["dmix-geometry"]["plane"]
    assert np.shape(shown["xy"]) == (24, 2)
    assert 0 < shown["explained"] <= 1
    assert max(i for i, _ in shown["lines"]) < 12
    assert all(i != j for i, j in shown["lines"])
    assert min(sum(i == anchor for i, _ in shown["lines"]) for anchor in range(12)) >= 1  # the farthest at least


def test_attention_of_a_word_is_the_sum_over_its_pieces(small, found):
    for look in found["dmix-attention"]["real"]:
        assert len(look["words"]) == len(look["attention"])
        assert 0 < sum(look["attention"]) < 1  # the rest goes to special tokens
        assert look["predicted"] in small[0]["data"]["labels"]
    assert found["dmix-attention"]["printed"] == []  # only where the labels are TRAC's


def test_sentences_take_the_classes_in_turn_and_fit_a_line():
    texts = [f"one two three four five {i}" for i in range(20)] + ["short", "é one two three four five"]
    split = Split(texts, None, np.array([i % 3 for i in range(22)]))
    rows = looks.sentences(split, np.random.default_rng(0))
    assert [int(split.labels[i]) for i in rows] == [0, 1, 2, 0, 1, 2]
    assert len(set(rows)) == 6
    assert all(i < 20 for i in rows)
    few = Split(["a", "b"], None, np.array([0, 1]))
    assert sorted(looks.sentences(few, np.random.default_rng(0))) == [0, 1]


def test_the_printed_sentences_are_six_with_three_predictions_each():
    assert len(looks.PRINTED) == 6
    assert {tuple(v) for v in looks.PRINTED.values()} == {("TMix", "DMix NT", "DMix")}


def test_the_printed_sentences_are_trac_development_comments_of_one_class(data_folder):
    found = looks.places(looks.PRINTED, "trac")
    assert len(found) == 6
    assert {(v["label"], v["part"]) for v in found.values()} == {("NAG", "test")}  # "test" is the development part


def test_attention_shows_the_printed_sentences_where_labels_are_those_of_trac(data_folder):
    run = SMALL.with_(task="trac", policy="holdout")
    data, _ = prepare_data(run)
    model = build_model(run, data.classes, torch.device("cpu")).eval()
    found = looks.attention(Trained(run, model, None, data, tokenizer(run.encoder)))
    assert [look["label"] for look in found["printed"]] == ["NAG"] * 6
    assert found["printed"][2]["words"] == ["Lion", "king", "fan", "hit", "like"]


def test_unvisited_pairs_are_not_movement():
    mixer = build("dmix")
    mixer.prepare(make_model(), make_task(), np.random.default_rng(0))
    assert len(matrix.visited(mixer)) == 0


def test_the_smoke_plan_has_a_run_for_every_measurement(monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", "")
    names = {name for r in make_plan("dmix", "smoke", Records()).runs for name in r.probes}
    assert names == set(fakes_dmix.PROBES) == set(MEASURES)
