"""Estimates: arithmetic by hand, scaling, correction by what was measured."""

from __future__ import annotations

import json

import pytest
import torch

from mixutils.runs.estimate import Costs, disk, measured_speed, work
from mixutils.runs.records import Records
from mixutils.runs.run import Run
from mixutils.training.loop import Recipe
from tests.fakes import done, failed

RUN = Run(
    "docs-coarse",
    "none",
    0,
    encoder="minilm",
    recipe=Recipe(epochs=3, batch_size=16),
    train_size=128,
    eval_size=200,
    evaluate=("test",),
)


def test_work_of_a_run_by_hand():
    # 10.6 M weights, 26 tokens: 2 * 0.0106 * 26 per row and pass. 24 steps of 16 rows, three passes each (forward, and
    # twice as much backward); 3 evaluations of 200 rows.
    assert work(RUN) == pytest.approx(2 * 0.0106 * 26 * (3 * 24 * 16 + 3 * 200))


def test_training_work_grows_with_epochs():
    one, two, four = (work(RUN.with_(recipe__epochs=e)) for e in (1, 2, 4))
    assert two == pytest.approx(2 * one)
    assert four == pytest.approx(4 * one)


def test_training_work_grows_with_passes_and_evaluation_does_not():
    plain, twice = work(RUN), work(RUN.with_(method="ssmix"))
    assert twice - plain == pytest.approx(2 * 0.0106 * 26 * 3 * 24 * 16)


def test_work_counts_updates_where_a_recipe_counts_them():
    few, many = (work(RUN.with_(recipe__steps=n, recipe__eval_every=10_000, eval_size=1)) for n in (100, 300))
    assert many / few == pytest.approx(3, rel=0.01)


def test_work_grows_with_the_encoder_and_with_longer_texts():
    assert work(RUN.with_(encoder="google-bert/bert-base-uncased")) / work(RUN) == pytest.approx(85 / 10.6)
    assert work(RUN.with_(task="docs-pair")) / work(RUN) == pytest.approx(48 / 26)
    for vectors in ("", ":random", ":folder/glove.txt"):  # a shallow encoder costs the same with any vectors
        assert work(RUN.with_(encoder=f"cnn{vectors}")) / work(RUN) == pytest.approx(0.5 / 10.6)
    assert work(RUN.with_(task="rte")) > 3 * work(RUN)
    assert work(RUN.with_(task="ttc", max_length=64)) == pytest.approx(work(RUN.with_(task="ttc")) / 2)


def test_a_training_size_beyond_the_data_set_is_the_data_set():
    assert work(RUN.with_(task="rte", train_size=10**6)) == work(RUN.with_(task="rte", train_size=2490))
    assert work(RUN.with_(task="rte", train_size=None)) == work(RUN.with_(task="rte", train_size=2490))


def test_three_finished_runs_replace_the_guess_by_their_median():
    store = Records()
    for seed, seconds in enumerate((2.0, 4.0, 40.0)):
        run = RUN.with_(seed=seed)
        store.put(done(run, 50, train_s=seconds, eval_s=0.0))
        store.put(failed(run.with_(method="tmix")))
    costs = Costs(store, "cpu")
    assert costs.rate("minilm") == pytest.approx(work(RUN) / 4.0)
    assert costs.seconds(RUN) == pytest.approx(4.0 + 0.6)


def test_records_of_another_device_or_version_teach_nothing():
    store = Records()
    for seed in range(3):
        record = done(RUN.with_(seed=seed), 50, train_s=1e-6 + 1e6)
        record["environment"]["device_type"] = "cuda"
        store.put(record)
        old = done(RUN.with_(seed=10 + seed), 50, train_s=1e6)
        old["run"]["a_field_that_is_gone"] = 1
        store.path(old["hash"]).write_text(json.dumps(old), "utf-8")  # put would refuse it
    with pytest.warns(UserWarning, match="a_field_that_is_gone"):
        assert Costs(store, "cpu").seconds(RUN) < 1e5


def test_workers_share_the_work():
    costs = Costs(Records(), "cpu")
    runs = [RUN.with_(seed=s, encoder="random:tiny") for s in range(4)]
    assert costs.wall(runs, 1) == pytest.approx(sum(map(costs.seconds, runs)))
    assert costs.wall(runs, 2) == pytest.approx(costs.wall(runs, 1) / 2)
    assert costs.wall([], 2) == 0


def test_measuring_the_speed_leaves_the_threads_alone():
    torch.set_num_threads(2)
    assert measured_speed(torch.device("cpu")) > 0.1
    assert torch.get_num_threads() == 2


def test_disk_counts_every_start_once():
    first, second = RUN, RUN.with_(seed=1)
    after = [
        s.with_(method=m, start=s, start_policy="last") for s in (first, second) for m in ("none", "tmix", "ssmix")
    ]
    # 10.6 M weights and a quarter for embeddings, 2 M for the head and the rest; four bytes each.
    assert disk(after) == pytest.approx(2 * 4 * (1.25 * 10.6 + 2))
    assert disk([*after, after[0].with_(start_policy="best-on-test")]) == pytest.approx(3 * 4 * (1.25 * 10.6 + 2))
    assert disk([first, second]) == 0
