"""Tidy frames of records: every number is there, under its cell, run and reading; permuted ones hold the same numbers."""

from __future__ import annotations

import subprocess
import sys

import pandas as pd
import pytest

from mixutils.companion import make_plan
from mixutils.evidence import Evidence, curves, frame, printed, read_as, shuffled
from mixutils.evidence.frame import _lines
from mixutils.evidence.shuffle import GROUP
from mixutils.papers.published import published
from mixutils.runs.run import Run
from tests import fakes


def accuracy(run) -> float:
    """Tells runs apart, and stage 2 of some methods is worse than stage 1."""
    return 50 + int(run.hash, 16) % 4000 / 100


@pytest.fixture(scope="module")
def ssmix(tmp_path_factory):
    plan = make_plan("ssmix", "smoke", seeds="0,1,2")
    return plan, fakes.filled(plan, accuracy, tmp_path_factory.mktemp("ssmix"))


@pytest.fixture(scope="module")
def dropmix(tmp_path_factory):
    plan = make_plan("dropmix", "smoke", seeds="0,1,2")
    return plan, fakes.filled(plan, accuracy, tmp_path_factory.mktemp("dropmix"))


def number(cell, record, store) -> float:
    """What a cell reads from a record, without pandas."""
    policy, part, metric, floor = cell.reading.policy, cell.reading.split, cell.reading.metric, cell.reading.floor
    runs = [record, store.start(record)] if floor and record["run"].get("start") else [record]
    return 100 * max(r["selected"][policy]["metrics"][part][metric] for r in runs)


@pytest.mark.parametrize("which", ["ssmix", "dropmix"])
def test_the_primary_reading_is_the_number_of_the_cell(which, request):
    plan, store = request.getfixturevalue(which)
    found = frame(plan, store)
    primary = found[found["primary"]].set_index(["table", "row", "column"])
    for cell in plan.cells:
        lines = primary.loc[[(cell.table, cell.row, cell.column)]]
        assert dict(zip(lines["seed"], lines["value"], strict=True)) == pytest.approx(
            {r["run"]["seed"]: number(cell, r, store) for r in cell.records(store)}
        )
    assert len(primary) == sum(len(c.runs) for c in plan.cells)


def test_the_floor_is_the_better_of_both_stages(ssmix):
    plan, store = ssmix
    found = frame(plan, store)
    key = ["table", "row", "column", "seed", "policy", "part", "metric"]
    both = found.set_index(key)
    raised = both[both["floor"]]["value"] - both[~both["floor"]]["value"]
    assert (raised >= 0).all()
    assert (raised > 0).any()
    assert raised.loc[:, "No mixup"].eq(0).all()  # without a start it is its own floor


def test_without_the_record_of_the_start_there_is_no_floor(tmp_path):
    plan = make_plan("ssmix", "smoke", seeds="0,1")
    store = fakes.filled(plan, accuracy, tmp_path, skip=lambda run: run.start is None)
    found = frame(plan, store)
    assert not found["floor"].any()
    assert not found["primary"].any()


def test_every_reading_and_only_what_is_done(dropmix, tmp_path):
    plan, store = dropmix
    found = frame(plan, store)
    run = plan.cells[0].runs[0]
    one = found[(found["hash"] == run.hash) & (found["table"] == plan.cells[0].table)]
    best = [f"{kind}-on-{p}" for kind in ("best", "best-epoch") for p in run.evaluate]
    assert set(one["policy"]) == {"last", *best}
    assert set(one["part"]) == set(run.evaluate)
    assert set(one["metric"]) == {"accuracy", "f1_micro", "f1_macro", "f1_weighted"}
    assert one["select"].eq("validation").all()
    assert one["report"].eq("test").all()
    some = fakes.filled(plan, accuracy, tmp_path, skip=lambda r: r.seed > 0)
    assert set(frame(plan, some)["seed"]) == {0}
    assert set(found[found["table"] == "extra"]["hash"]) == {r.hash for r in plan.extra}


def test_nothing_done_is_an_empty_frame(dropmix, tmp_path):
    plan, store = dropmix
    nothing = fakes.filled(plan, accuracy, tmp_path, skip=lambda run: True)
    assert frame(plan, nothing).empty
    assert curves(plan, nothing).empty
    assert frame(plan, nothing, shuffle=1).empty
    assert set(frame(plan, nothing).columns) <= set(frame(plan, store).columns)


def changed(plan, tmp_path, change) -> pd.DataFrame:
    """The frame of records that ``change`` has gone over."""
    records = [fakes.done(run, accuracy(run)) for run in plan.runs]
    for record in records:
        change(record)
    return frame(plan, fakes.shipped(records, tmp_path))


def test_bits_digests_precision_generation_and_log(dropmix, tmp_path):
    plan, _ = dropmix

    def change(record):
        record["environment"] |= {"matmul": "medium"}
        record |= {"generation": 2, "commit": "0123456ab+", "mixer": {"w_b": 0.25}}
        record["data"]["rows"] = {"test": "d" * 16}
        for chosen in record["selected"].values():
            chosen["metrics"]["test"] |= {
                "accuracy": 0.52,
                "f1_micro": 0.52,
                "bits": "f0" * 13,
                "predicted_classes": 1,
                "f1_per_class": [0.5, 0.75],
            }

    found = changed(plan, tmp_path, change)
    assert set(found["precision"]) == {"float32-medium"}
    assert set(found["commit"]) == {"0123456ab+"}
    assert (found["first"] <= 2).all()
    assert (found["last"] >= 2).all()
    assert found["mixer.w_b"].eq(0.25).all()
    test, other = found[found["part"] == "test"], found[found["part"] != "test"]
    assert test["predicted"].eq(1).all()
    assert other["predicted"].isna().all()
    assert test["rows"].eq("d" * 16).all()
    assert test[test["metric"].isin(["accuracy", "f1_micro"])]["bits"].eq("f0" * 13).all()
    assert test[~test["metric"].isin(["accuracy", "f1_micro"])]["bits"].eq("").all()
    assert test[test["metric"] == "f1_binary"]["value"].eq(75).all()
    assert other["bits"].eq("").all()


def test_every_metric_chooses_its_checkpoint_and_a_constant_guess_is_seen_in_it(dropmix, tmp_path):
    plan, _ = dropmix
    guess = {
        "accuracy": 0.75,
        "f1_micro": 0.75,
        "f1_macro": 3 / 7,
        "f1_weighted": 9 / 14,
    }  # of a class with 75 of 100 rows
    better = {"accuracy": 0.7, "f1_micro": 0.7, "f1_macro": 0.6, "f1_weighted": 0.65}

    def change(record):
        record["data"]["histogram"] = {"validation": [25, 75], "test": [25, 75]}
        for point in record["curve"]:
            numbers = better if point["step"] == 2 else guess
            point["metrics"] = {part: metrics | numbers for part, metrics in point["metrics"].items()}
        for chosen in record["selected"].values():
            told = guess | {"f1_per_class": [0.0, 6 / 7]}
            chosen["metrics"] = {part: metrics | told for part, metrics in chosen["metrics"].items()}

    found = changed(plan, tmp_path, change)
    best = found[(found["policy"] == "best-on-validation") & (found["part"] == "test")]
    seen = best.groupby("metric")[["value", "step", "predicted"]].agg(lambda x: x.drop_duplicates().squeeze())
    assert seen.loc["accuracy"].tolist() == [75, 4, 1]
    assert seen.loc["f1_macro", ["value", "step"]].tolist() == [60, 2]
    assert seen.loc["f1_weighted", ["value", "step"]].tolist() == [65, 2]
    assert best[best["metric"].isin(["f1_macro", "f1_weighted"])]["predicted"].isna().all()
    assert seen.loc["f1_binary", "step"] == 4
    # Read as another metric, the checkpoint follows.
    macro = read_as(found, metric="f1_macro")
    table = macro[macro["primary"] & (macro["table"] == "3") & (macro["policy"] != "last")]
    assert set(table["step"]) == {2}


def test_binary_f1_is_that_of_the_positive_class_whatever_the_order_of_the_labels():
    record = fakes.done(Run("cola", "none", 0, evaluate=("validation", "test")), 60)
    record["data"]["labels"] = ["acceptable", "unacceptable"]
    for chosen in record["selected"].values():
        for metrics in chosen["metrics"].values():
            metrics["f1_per_class"] = [0.8, 0.2]
    assert {line["value"] for line in _lines([record]) if line["metric"] == "f1_binary"} == {80}
    record["run"]["task"] = "a user's"
    assert {line["value"] for line in _lines([record]) if line["metric"] == "f1_binary"} == {20}
    record["data"]["positive"] = "acceptable"
    assert {line["value"] for line in _lines([record]) if line["metric"] == "f1_binary"} == {80}


def test_old_records_are_of_the_first_generation_and_have_no_bits(dropmix):
    found = frame(*dropmix)
    assert set(found["first"]) == {1}
    assert set(found["precision"]) == {"float32"}
    assert set(found["bits"]) == set(found["rows"]) == set(found["commit"]) == {""}


def test_curves_have_every_evaluation(dropmix):
    plan, store = dropmix
    found = curves(plan, store)
    run = plan.cells[0].runs[0]
    one = found[(found["hash"] == run.hash) & (found["table"] == plan.cells[0].table) & (found["metric"] == "accuracy")]
    assert set(one["step"]) == {1, 2, 4}
    assert one["steps"].eq(4).all()
    assert one["value"].to_numpy() == pytest.approx(accuracy(run))
    assert one["train_loss"].to_numpy() == pytest.approx(1 / one["step"].to_numpy())


def test_columns_with_a_second_axis_have_the_title_of_their_data_set(dropmix):
    titles = dict(frame(*dropmix)[["column", "title"]].drop_duplicates().to_numpy())
    sized = [c for c in titles if "@" in c]
    assert sized
    for column in sized:
        task, size = column.split("@")
        assert titles[column] == f"{titles[task]}, {size}"


def test_printed_numbers():
    found = printed("dropmix").set_index(["table", "row", "column"])["value"]
    cells = {key: c.number for key, c in published("dropmix").items() if c.number is not None}
    assert found.to_dict() == cells
    with pytest.raises(KeyError, match="no paper is called"):
        printed("none")


# ------------------------------------------------------------------------------------------------------------------- permuted


@pytest.mark.parametrize("which", ["ssmix", "dropmix"])
def test_runs_change_places_inside_their_groups_and_bring_everything(which, request):
    found = frame(*request.getfixturevalue(which))
    other = shuffled(found, 3)
    labels = ["table", "row", "column", "seed"]
    was, now = (f[f["primary"]].set_index(labels)["hash"] for f in (found, other))
    assert (was != now).mean() > 0.3
    assert set(now.index) <= set(was.index)
    # A run's numbers are its own, wherever it stands.
    key = ["hash", "policy", "part", "metric", "floor"]
    own = found.drop_duplicates(key).set_index(key)["value"]
    assert other.set_index(key)["value"].to_dict() == own.to_dict()
    # Inside groups, and the same in all tables.
    group_of = found.drop_duplicates("hash").set_index("hash")[GROUP].apply(tuple, axis=1)
    runs = other.drop_duplicates("hash").set_index("hash")[GROUP].apply(tuple, axis=1)
    assert runs.to_dict() == group_of.loc[runs.index].to_dict()
    moved = pd.DataFrame({"was": was, "now": now}).dropna().drop_duplicates()
    assert moved["was"].is_unique
    assert moved["now"].is_unique


def test_the_seed_decides_and_curves_move_with_their_runs(dropmix):
    plan, store = dropmix
    found, drawn = frame(plan, store, shuffle=5), curves(plan, store, shuffle=5)
    pd.testing.assert_frame_equal(found, shuffled(frame(plan, store), 5))
    assert not found["hash"].equals(frame(plan, store, shuffle=6)["hash"])
    labels = ["table", "row", "column", "seed"]
    runs = found.drop_duplicates(labels).set_index(labels)["hash"]
    assert drawn.drop_duplicates(labels).set_index(labels)["hash"].to_dict() == runs.to_dict()
    whole = curves(plan, store)
    points = whole.groupby(["hash", "table", "column", "row"]).size()
    assert points.nunique() == 1  # every curve is whole wherever it stands
    assert set(drawn.groupby(["hash", "table", "column", "row"]).size()) == set(points)


def test_a_claim_reads_permuted_frames_as_any_other(dropmix):
    plan, store = dropmix
    e = Evidence(frame(plan, store, shuffle=1), printed("dropmix"), curves=curves(plan, store, shuffle=1))
    e.claim("X", "", e.diff("3", "DropMix-C", "DropMix-W"), kind="every")
    assert e.verdicts()[0].n_units == 1


def test_the_package_needs_neither_training_nor_plots():
    code = "import mixutils.evidence, sys; print([m for m in ('torch', 'matplotlib', 'datasets', 'transformers') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
