"""From a run's configuration to its record."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from mixutils.runs import checkpoints
from mixutils.runs.execute import attempt, build_model, cached_task, execute, prepare_data
from mixutils.runs.generations import GENERATION
from mixutils.runs.records import Records, compact
from mixutils.runs.run import Run
from mixutils.runs.trained import trained
from mixutils.tasks import DataError
from mixutils.training.loop import Recipe
from tests import notebook

STAGE_1 = Run(
    "docs-coarse",
    "none",
    0,
    encoder="random:tiny",
    recipe=Recipe(lr=1e-3, epochs=2, batch_size=16),
    train_size=48,
    eval_size=30,
)
STAGE_2 = STAGE_1.with_(method="ssmix", start=STAGE_1, start_policy="best-on-test", recipe__epochs=1)


def metrics(record: dict) -> dict:
    """What must be equal between two executions: everything but times."""
    cost = {k: v for k, v in record["cost"].items() if not k.endswith(("_s", "_ms"))}
    return {k: v for k, v in record.items() if k not in ("cost", "date")} | {"cost": cost}


def test_a_record_says_everything_about_a_run():
    record = execute(STAGE_1)
    assert Run.from_dict(json.loads(json.dumps(record["run"]))) == STAGE_1
    assert record["hash"] == STAGE_1.hash
    assert record["data"]["sizes"] == {"train": 48, "validation": 30, "test": 30}
    assert sum(record["data"]["histogram"]["train"]) == 48
    assert record["data"]["full"]["train"] > 8000
    assert record["cost"]["passes"] == pytest.approx(1)
    assert record["cost"]["steps"] == 6
    assert set(record["selected"]) == {"last", "best-on-validation", "best-on-test"}
    best = record["selected"]["best-on-test"]["metrics"]["test"]
    assert best["accuracy"] == max(p["metrics"]["test"]["accuracy"] for p in record["curve"])
    assert len(best["f1_per_class"]) == 6
    assert {"torch", "transformers", "numpy"} <= set(record["environment"]["versions"])
    assert record["environment"]["threads"] == 1
    assert len(json.dumps(compact(record))) < 8000


def test_a_run_repeats_to_the_bit():
    assert metrics(execute(STAGE_2)) == metrics(execute(STAGE_2))


def test_stage_2_starts_from_the_weights_of_stage_1_also_when_they_were_deleted():
    execute(STAGE_1, keep=["best-on-test"])
    path = checkpoints.checkpoint_path(STAGE_1.hash, "best-on-test")
    first = execute(STAGE_2)
    started = build_model(STAGE_2, 6, torch.device("cpu"))
    fresh = build_model(STAGE_1, 6, torch.device("cpu"))
    assert not torch.equal(started.classifier.weight, fresh.classifier.weight)
    path.unlink()
    lines = []
    again = execute(STAGE_2, progress=lines.append)
    assert any("repeated for its weights" in line for line in lines)
    assert metrics(first) == metrics(again)


def test_all_methods_of_a_seed_start_from_the_same_weights_and_see_the_same_rows():
    one, other = STAGE_1, STAGE_1.with_(method="tmix")
    assert torch.equal(
        build_model(one, 6, torch.device("cpu")).classifier.weight,
        build_model(other, 6, torch.device("cpu")).classifier.weight,
    )
    assert prepare_data(one)[0].digest() == prepare_data(other)[0].digest()
    assert prepare_data(one)[0].digest() != prepare_data(STAGE_1.with_(seed=1))[0].digest()


def test_a_failure_is_a_record_with_its_traceback():
    store = Records()
    record = attempt(STAGE_1.with_(options=(("nonsense", 1),)), store)
    assert record["status"] == "failed"
    assert "none has no option nonsense" in record["error"]
    assert "Traceback" in store.get(record["hash"])["traceback"]


def test_parts_that_are_missing_are_named_before_training():
    with pytest.raises(DataError, match="no part dev; it has train, validation, test"):
        execute(STAGE_1.with_(evaluate=("dev",)))


def test_nothing_of_validation_or_test_reaches_a_mixer(monkeypatch):
    """SPEC 7, rule 8: what ``prepare`` is given has the training part only."""
    from mixutils.mixers.base import Plain

    seen = []
    monkeypatch.setattr(Plain, "prepare", lambda self, model, data, rng: seen.append(set(data.splits)))
    execute(STAGE_1)
    assert seen == [{"train"}]


def test_a_task_is_read_once_per_process():
    assert cached_task("docs-coarse")[0] is cached_task("docs-coarse")[0]


def test_spans_and_mixtures_are_measured_on_the_trained_model():
    run = STAGE_2.with_(probes=("ssmix-spans",), probe_policy="best-on-test")
    found = notebook.measuring("ssmix_spans").spans_and_mixtures(trained(run))
    example = found["examples"][0]
    a, b = (t["parts"][0] for t in example["texts"])
    span = example["spans"][0]
    length, u, v = span["length"], span["least_in_a"], span["most_in_b"]
    sums = [sum(a["saliency"][i : i + length]) for i in range(len(a["tokens"]) - length + 1)]
    assert sums[u] == pytest.approx(min(sums))
    sums = [sum(b["saliency"][i : i + length]) for i in range(len(b["tokens"]) - length + 1)]
    assert sums[v] == pytest.approx(max(sums))
    mixed = example["mixtures"]["ssmix"]["parts"][0]["tokens"]
    assert mixed == [*a["tokens"][:u], *b["tokens"][v : v + length], *a["tokens"][u + length :]]
    assert example["mixtures"]["ssmix"]["w_b"] == pytest.approx(length / len(mixed), rel=1e-5)
    assert example["mixtures"]["unk"]["w_b"] == 0
    off = found["projection"]["off_line"]
    assert off["level 2"] == pytest.approx(0, abs=1e-4)  # mixing the last states stays on the line
    assert off["ssmix"] > 0.01


@pytest.mark.parametrize("method", ["none", "dnm", "dropmix-c"])  # plain, with parameters of its own, with buffers
def test_a_final_part_is_evaluated_once_with_the_weights_that_another_part_chose(method):
    watched = STAGE_1.with_(method=method, recipe__epochs=4, recipe__lr=5e-3, evaluate=("validation", "test"))
    once = watched.with_(evaluate=("validation",), final=("test",), final_policy="best-on-validation")
    every, last = execute(watched), execute(once)
    chosen = "best-on-validation"
    assert last["selected"][chosen] == every["selected"][chosen]
    assert all(set(point["metrics"]) == {"validation"} for point in last["curve"])
    assert set(last["selected"]["last"]["metrics"]) == {"validation"}
    assert set(last["selected"]) == {"last", chosen}


def test_a_record_says_which_rows_were_right():
    record = execute(STAGE_1)
    for part, size in (("validation", 30), ("test", 30)):
        found = record["selected"]["best-on-test"]["metrics"][part]
        right = np.unpackbits(np.frombuffer(bytes.fromhex(found["bits"]), np.uint8), count=size).astype(bool)
        assert right.mean() == pytest.approx(found["accuracy"])
        confusion = np.array(found["confusion"])
        assert confusion.sum() == size
        assert np.trace(confusion) == right.sum()
    data, _ = prepare_data(STAGE_1)
    assert record["data"]["rows"] == {k: data.splits[k].digest() for k in ("validation", "test")}
    assert record["data"]["subset"] == data.splits["train"].digest()
    assert record["generation"] == GENERATION
