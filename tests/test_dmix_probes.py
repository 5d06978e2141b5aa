"""Probes of DMIX on small models and data, against slow explicit computations."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from mixutils.companion import make_plan
from mixutils.mixers import build
from mixutils.mixers.geometry import Points
from mixutils.probes.dmix_attention import attention, places, printed, sentences
from mixutils.probes.dmix_geometry import GRID, T, _matrix, embeddings, geometry, normalised
from mixutils.probes.dmix_matrix import visited
from mixutils.runs.execute import build_model, execute, prepare_data, tokenizer
from mixutils.runs.records import Records
from mixutils.runs.run import Run
from mixutils.tasks.data import Split
from mixutils.training.loop import Recipe
from tests import fakes_dmix
from tests.conftest import make_model, make_task

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
    """Names and types, numbers left out: what two probes must have in common."""
    if isinstance(value, dict):
        return {k: shape(v) for k, v in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


@pytest.fixture(scope="module")
def record():
    torch.set_num_threads(1)
    return execute(SMALL)


def test_the_probes_are_json_of_the_shape_that_reports_are_tested_with(record):
    found = json.loads(json.dumps(record["probes"]))
    made = {name: make(SMALL) for name, make in fakes_dmix.PROBES.items()}
    for name, fake in made.items():
        assert set(found[name]) == set(fake), name
    assert shape(found["dmix-geometry"]["kinds"]) == shape(made["dmix-geometry"]["kinds"])
    assert shape(found["dmix-geometry"]["plane"]) == shape(made["dmix-geometry"]["plane"])
    assert set(found["dmix-attention"]["real"][0]) == set(made["dmix-attention"]["real"][0])
    assert shape(found["dmix-matrix"]) == shape(made["dmix-matrix"])


def test_movement_agrees_with_the_learning_curve(record):
    moved, last = record["probes"]["dmix-matrix"], record["curve"][-1]["mixer"]
    assert moved["visited"] == last["visited"] > 24
    assert moved["mean"] == pytest.approx(last["moved_mean"], rel=1e-4)
    assert moved["max"] == pytest.approx(last["moved_max"], rel=1e-4)
    assert moved["max"] > 1e-3  # at this rate M does move
    assert sum(moved["histogram"]) == moved["visited"]
    pairs = moved["pairs"]
    towards = [(e - s) * (b - s) > 0 for s, e, b in zip(pairs["start"], pairs["end"], pairs["belief"], strict=True)]
    assert moved["pairs"]["towards"] == pytest.approx(np.mean(towards))
    assert all(0 < b < 1 for b in pairs["belief"])


def test_geometry_is_that_of_the_pretrained_encoder_and_training_rows_only(record):
    data, _ = prepare_data(SMALL)
    words = tokenizer(SMALL.encoder)
    first = geometry(None, None, data, words, SMALL)
    assert json.loads(json.dumps(first)) == record["probes"]["dmix-geometry"]
    other = data.splits | {"test": data.splits["test"].take(np.arange(3))}
    assert geometry(None, None, data.with_splits(other), words, SMALL) == first
    assert embeddings(data, words, SMALL).shape == (24, (first["plane"] and 128) or 0) or first["n"] == 24


@pytest.mark.parametrize("norm", ["row_max", "global_max", "row_minmax"])
def test_shares_and_partners_against_loops(norm):
    generator = torch.Generator().manual_seed(0)
    vectors = 3 + torch.randn(9, 4, generator=generator)
    labels = torch.arange(9) % 3
    points = Points(vectors)
    found = _matrix(points, labels, 3)[norm]
    d = points.between(torch.arange(9)).double().numpy()
    top = d.max()
    times, mass, shares = np.zeros(9), np.zeros(3), np.zeros(len(GRID))
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
        for k, t in enumerate(GRID):
            shares[k] += sum(v >= t * limit - 1e-9 for v in m.values()) / 8 / 9
        chosen = [j for j in others if m[j] >= T * limit - 1e-9]
        for j in chosen:
            times[j] += 1 / len(chosen)
            mass[int(labels[j])] += m[j] / len(chosen)
    np.testing.assert_allclose(found["share"]["mean"], shares, atol=1e-6)
    assert found["partner"]["most"] == pytest.approx(times.max(), abs=1e-6)
    assert found["partner"]["never"] == pytest.approx(np.mean(times < 1e-9))
    assert found["partner"]["weight"] == pytest.approx(mass.sum() / 9, abs=1e-6)
    np.testing.assert_allclose(found["partner"]["partner_labels"], mass / mass.sum(), atol=1e-6)
    assert sum(found["histogram"]) == 9 * 8


def test_dividing_by_the_row_or_by_everything_selects_the_same(record):
    for norms in record["probes"]["dmix-geometry"]["kinds"].values():
        assert norms["row_max"]["share"] == norms["global_max"]["share"]


def test_normalised_rows_end_at_one_and_leave_the_anchor_out():
    d = torch.tensor([[torch.inf, 1.0, 2.0], [4.0, torch.inf, 3.0]])
    assert normalised(d, "row_max", 4.0).tolist() == [[-1.0, 0.5, 1.0], [1.0, -1.0, 0.75]]
    assert normalised(d, "global_max", 4.0).tolist() == [[-1.0, 0.25, 0.5], [1.0, -1.0, 0.75]]
    assert normalised(d, "row_minmax", 4.0).tolist() == [[-1.0, 0.0, 1.0], [1.0, -1.0, 0.0]]


def test_arctangent_and_artanh_have_one_order(record):
    found = record["probes"]["dmix-geometry"]["order"]["artanh against arctangent, in the ball"]
    assert found["spearman"] == pytest.approx(1)
    assert found["shared"] == 1


def test_attention_of_a_word_is_the_sum_over_its_pieces(record):
    for look in record["probes"]["dmix-attention"]["real"]:
        assert len(look["words"]) == len(look["attention"])
        assert 0 < sum(look["attention"]) < 1  # the rest goes to special tokens
        assert look["predicted"] in record["data"]["labels"]
    assert record["probes"]["dmix-attention"]["printed"] == []  # only where the labels are TRAC's


def test_sentences_take_the_classes_in_turn_and_fit_a_line():
    texts = [f"one two three four five {i}" for i in range(20)] + ["short", "é one two three four five"]
    split = Split(texts, None, np.array([i % 3 for i in range(22)]))
    rows = sentences(split, np.random.default_rng(0))
    assert [int(split.labels[i]) for i in rows] == [0, 1, 2, 0, 1, 2]
    assert len(set(rows)) == 6
    assert all(i < 20 for i in rows)
    few = Split(["a", "b"], None, np.array([0, 1]))
    assert sorted(sentences(few, np.random.default_rng(0))) == [0, 1]


def test_the_printed_sentences_are_six_with_three_predictions_each():
    assert len(printed()) == 6
    assert {tuple(v) for v in printed().values()} == {("TMix", "DMix NT", "DMix")}


def test_the_printed_sentences_are_trac_development_comments_of_one_class(data_folder):
    found = places(list(printed()), "trac")
    assert len(found) == 6
    assert {(v["label"], v["part"]) for v in found.values()} == {("NAG", "test")}  # "test" is the development part


def test_attention_shows_the_printed_sentences_where_labels_are_those_of_trac(data_folder):
    run = SMALL.with_(task="trac", policy="holdout")
    data, _ = prepare_data(run)
    model = build_model(run, data.classes, torch.device("cpu")).eval()
    found = attention(model, None, data, tokenizer(run.encoder), run)
    assert [look["label"] for look in found["printed"]] == ["NAG"] * 6
    assert found["printed"][2]["words"] == ["Lion", "king", "fan", "hit", "like"]


def test_unvisited_pairs_are_not_movement():
    mixer = build("dmix")
    mixer.prepare(make_model(), make_task(), np.random.default_rng(0))
    assert all(len(x) == 0 for x in visited(mixer))


def test_the_smoke_plan_has_a_run_with_every_probe(monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", "")
    names = {name for r in make_plan("dmix", "smoke", Records()).runs for name in r.probes}
    assert names == set(fakes_dmix.PROBES)
