"""Estimates: arithmetic by hand, scaling, correction by what was measured."""

from __future__ import annotations

import json

import pytest
import torch

from mixutils import paths
from mixutils.runs import checkpoints, environment
from mixutils.runs.estimate import OVERHEAD, Costs, disk, measured_speed, megabytes, work
from mixutils.runs.execute import execute
from mixutils.runs.records import Records
from mixutils.runs.run import Run
from mixutils.training.loop import Recipe
from tests.fakes import done, failed

HERE = environment.describe(torch.device("cpu"), environment.pick_precision("auto", torch.device("cpu")))
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
    # 10.6 M weights, 17 tokens: 2 * 0.0106 * 17 per row and pass. 24 steps of 16 rows, three passes each (forward, and
    # twice as much backward); 3 evaluations of 200 rows.
    assert work(RUN) == pytest.approx(2 * 0.0106 * 17 * (3 * 24 * 16 + 3 * 200))


def test_training_work_grows_with_epochs():
    one, two, four = (work(RUN.with_(recipe__epochs=e)) for e in (1, 2, 4))
    assert two == pytest.approx(2 * one)
    assert four == pytest.approx(4 * one)


def test_training_work_grows_with_passes_and_evaluation_does_not():
    plain, twice = work(RUN), work(RUN.with_(method="ssmix"))
    assert twice - plain == pytest.approx(2 * 0.0106 * 17 * 3 * 24 * 16)


def test_clean_terms_cost_what_a_method_says():
    plain, own, clean = (
        work(RUN.with_(method="wordmix", options=o)) for o in ((), (("alpha", 0.2),), (("clean", True),))
    )
    assert plain == own == work(RUN)
    assert clean == work(RUN.with_(method="ssmix"))


def test_rows_that_are_evaluated_once_count_once():
    own = {"final": ("test",), "final_policy": "best-on-validation"}
    pool = RUN.with_(policy="pool-250-2000", evaluate=("validation",), eval_size=None, **own)
    assert work(pool) - work(RUN) == pytest.approx(2 * 0.0106 * 17 * (3 * 250 + 2000 - 3 * 200))


def test_tokens_are_those_that_were_counted_where_they_were():
    for task, tokens in (("mpqa", 5.46), ("rte", 64), ("nobody-knows-it", 24)):
        assert work(RUN.with_(task=task, max_length=64)) / work(RUN) == pytest.approx(tokens / 17)


def test_work_counts_updates_where_a_recipe_counts_them():
    few, many = (work(RUN.with_(recipe__steps=n, recipe__eval_every=10_000, eval_size=1)) for n in (100, 300))
    assert many / few == pytest.approx(3, rel=0.01)


def test_work_grows_with_the_encoder_and_with_longer_texts():
    assert work(RUN.with_(encoder="google-bert/bert-base-uncased")) / work(RUN) == pytest.approx(85 / 10.6)
    assert work(RUN.with_(task="docs-pair")) / work(RUN) == pytest.approx(40 / 17)
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
        store.put(done(run, 50, train_s=seconds, eval_s=0.0) | {"environment": HERE})
        store.put(failed(run.with_(method="tmix")))
    costs = Costs(store, "cpu")
    assert costs.rate("minilm") == pytest.approx(work(RUN) / 4.0)
    assert costs.seconds(RUN) == pytest.approx(4.0 + OVERHEAD)


def test_records_of_another_machine_or_version_teach_nothing():
    store = Records()
    for seed in range(3):
        for i, (name, other) in enumerate(
            (("device", "another CPU"), ("precision", "bfloat16" if HERE["precision"] == "float32" else "float32"))
        ):
            slow = done(RUN.with_(seed=100 * i + seed), 50, train_s=1e6)
            store.put(slow | {"environment": HERE | {name: other}})
        old = done(RUN.with_(seed=10 + seed), 50, train_s=1e6) | {"environment": HERE}
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
    before = torch.get_float32_matmul_precision(), torch.get_rng_state()
    assert measured_speed(torch.device("cpu"), workers=2) > 0.1
    assert torch.get_num_threads() == 2
    assert torch.get_float32_matmul_precision() == before[0]
    assert torch.equal(torch.get_rng_state(), before[1])


def test_the_size_of_a_model_is_near_that_of_recorded_ones():
    for folder in ("desk", "compare"):
        for line in (paths.ROOT / "figures" / folder / "records.jsonl").read_text("utf-8").splitlines()[::10]:
            record = json.loads(line)
            if record["status"] == "done":
                run = Run.from_dict(record["run"])
                assert 0.9 < megabytes(run) / (4e-6 * record["cost"]["parameters"]) < 1.7, run.title()


def test_disk_counts_every_kept_checkpoint_once_and_an_unfinished_run_per_worker():
    first, second = RUN, RUN.with_(seed=1)
    after = [
        s.with_(method=m, start=s, start_policy="last") for s in (first, second) for m in ("none", "tmix", "ssmix")
    ]
    one = megabytes(RUN)
    # Weights, two moments of each, and the copy of the last checkpoint that stays; twice for the moment of replacement.
    assert disk(after) == pytest.approx((2 + 2 * (3 + 1)) * one)
    assert disk(after, workers=3) == pytest.approx((2 + 3 * 2 * (3 + 1)) * one)
    twice = [*after, after[0].with_(start_policy="best-on-test")]
    assert disk(twice) == pytest.approx((3 + 2 * (3 + 2)) * one)
    assert disk([first, second], workers=8) == pytest.approx(2 * 2 * 3 * one)  # no more workers than runs
    measured = first.with_(probes=("ssmix-spans",), probe_policy="last")
    assert disk([measured]) == pytest.approx((1 + 2 * (3 + 1)) * one)
    assert disk([]) == 0


@pytest.mark.parametrize("encoder", ["minilm", "random:small"])
def test_an_unfinished_run_takes_what_is_estimated(encoder, monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", "")
    monkeypatch.setattr(checkpoints.Unfinished.__init__, "__defaults__", (0.0, ()))
    sizes, save = [], checkpoints.Unfinished.save

    def saved(self, state, objects):
        save(self, state, objects)
        sizes.append(self.path.stat().st_size / 1e6)

    monkeypatch.setattr(checkpoints.Unfinished, "save", saved)
    run = RUN.with_(encoder=encoder, recipe__epochs=2, train_size=64, eval_size=100, final=(), max_length=64)
    execute(run, device="cpu", keep=["best-on-test"], use_hub=False)
    estimate = (3 + 1) * megabytes(run)
    assert 0.8 < estimate / max(sizes) < 1.7  # at most: words are estimated for richer texts
    kept = checkpoints.checkpoint_path(run.hash, "best-on-test").stat().st_size / 1e6
    assert 0.8 < megabytes(run) / kept < 1.7  # at most: words are estimated for richer texts


def test_an_own_encoder_is_as_large_as_its_config_says(tmp_path):
    folder = tmp_path / "encoder"
    folder.mkdir()
    config = {"hidden_size": 384, "num_hidden_layers": 6, "intermediate_size": 1536}
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    own, wheel = (Run("mine", "none", 0, encoder=name, train_size=100) for name in (str(folder), "minilm"))
    assert work(own) == pytest.approx(work(wheel), rel=0.01)
    assert megabytes(own) == pytest.approx(megabytes(wheel), rel=0.01)
