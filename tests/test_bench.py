"""The benchmark notebook: every mixer is timed, ratios are what the text says, the record holds what is shown."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mixutils import cli, paths
from mixutils.mixers import REGISTRY
from tests import notebook
from tests.conftest import make_task

CPU = torch.device("cpu")


@pytest.fixture
def bench():
    """What the notebook defines, with three batches per round."""
    found = notebook.measuring("bench")
    found.names["BATCHES"] = 3
    return found


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A data set with 64 rows."""
    folder = tmp_path / "data" / "mine"
    folder.mkdir(parents=True)
    rows = [{"text": f"text {i} is {'good' if i % 2 else 'bad'}", "label": "yn"[i % 2]} for i in range(64)]
    (folder / "train.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows), "utf-8")
    monkeypatch.setenv("MIXUTILS_DATA", str(folder.parent))


def test_a_real_benchmark_writes_what_it_shows(mine, capsys):
    options = ("--encoders", "random:tiny", "--repeats", "2", "--batch-size", "8", "--methods", "unk,senmix")
    assert cli.main(["bench", "--task", "mine", "--threads", "1", "--device", "cpu", *options]) == 0
    record = json.loads((paths.figures("bench") / "bench-cpu-batch8-part.json").read_text("utf-8"))
    assert not (paths.figures("bench") / "bench-cpu.json").exists()  # a part does not replace the whole
    rows = {r["method"]: r for r in record["mixers"]}
    assert list(rows) == ["none", "senmix", "unk", "senmix + clean"]
    shown = (paths.figures("bench") / "notebooks" / "bench.ipynb").read_text("utf-8")
    for row in rows.values():
        assert f"{row['over_plain']:.2f}" in shown
        assert row["low"] <= row["over_plain"] <= row["high"]
        assert len(row["rounds"]) == 2
        for count in ("passes", "work"):
            assert row[f"over_{count}"] == pytest.approx(row["over_plain"] / row[count], rel=1e-6)
    assert rows["none"]["over_plain"] == rows["none"]["passes"] == rows["none"]["work"] == 1
    assert rows["unk"]["passes"] == pytest.approx(2, abs=0.01)
    assert rows["unk"]["work"] == pytest.approx(2, abs=0.01)  # as long as they were
    assert rows["senmix"]["passes"] == 1
    assert rows["senmix"]["work"] >= 1
    assert (record["task"], record["batch_size"], record["repeats"]) == ("mine", 8, 2)
    assert record["environment"]["threads"] == 1
    (trainer,) = record["trainer"]
    assert trainer["low"] <= trainer["speed_up"] <= trainer["high"]


def test_a_wrong_name_is_said_before_anything_is_timed(bench):
    check = next(cell for _, cell in notebook.code("bench") if "no mixer is called" in str(cell.co_consts))
    with pytest.raises(ValueError, match="no mixer is called 'smix'; there are none, "):
        exec(check, bench.names | {"methods": "tmix, smix"})


def test_every_registered_mixer_is_timed(bench):
    assert set(REGISTRY) <= set(bench.VARIANTS)


@pytest.fixture
def scripted(bench, monkeypatch):
    """Steps of a method last what the script says, in turn."""
    seconds, order = {"none": [1.0, 10.0, 2.0], "ssmix": [3.0, 20.0, 6.0]}, []

    def prepared(method, options, *_):
        name = next(n for n, v in bench.VARIANTS.items() if v == (method, options))
        left = list(seconds.get(name, seconds["none"]))
        return SimpleNamespace(name=name, step=lambda rows: order.append(name) or left.pop(0))

    bench.names |= {
        "prepared": prepared,
        "count_work": lambda ready, batches: SimpleNamespace(
            passes=2.0 if ready.name == "ssmix" else 1.0, tokens=150 if ready.name == "ssmix" else 60
        ),
        "encode": lambda data, tokenizer: make_task(),
        "batches_of": lambda *_: [0, 1, 2],
    }
    bench.seconds, bench.order = seconds, order
    return bench


def test_ratios_are_medians_over_steps_on_the_same_batch(scripted):
    rows = {r["method"]: r for r in scripted.time_methods("random:tiny", None, CPU, 1)}
    ssmix = rows["ssmix"]
    assert ssmix["ms"] == 6000  # the median of 3, 20, 6
    assert ssmix["over_plain"] == 3  # of 3, 2, 3; one slow batch does not count, nor does the ratio of means (29/13)
    assert (ssmix["low"], ssmix["high"]) == (2, 3)
    assert (ssmix["passes"], ssmix["over_passes"]) == (2, 1.5)
    assert (ssmix["work"], ssmix["over_work"]) == (2.5, 1.2)
    assert ssmix["rounds"] == [6000]  # the median of each repeat, for an interval of the ratio
    assert rows["tmix"]["over_plain"] == 1


def test_methods_take_turns_batch_by_batch(scripted):
    scripted.time_methods("random:tiny", None, CPU, 1)
    others = list(scripted.VARIANTS)[1:]
    groups = [["none", *others[i : i + scripted.GROUP]] for i in range(0, len(others), scripted.GROUP)]
    assert scripted.order == [name for group in groups for name in group * 3]


def test_each_group_is_compared_with_a_plain_step_of_its_own(scripted):
    """The machine is half as fast for the second group: no ratio changes, and the plain step is listed once."""
    scripted.names["GROUP"] = 1
    factor, real = iter([1.0, 1.0, 2.0, 2.0, 1.0, 1.0]), scripted.names["prepared"]

    def slower(*args):
        ready, f = real(*args), next(factor)
        return SimpleNamespace(name=ready.name, step=lambda rows: f * ready.step(rows))

    scripted.names["prepared"] = slower
    rows = scripted.time_methods("random:tiny", None, CPU, 1, ("tmix", "ssmix"))[:3]
    assert [(r["method"], r["over_plain"]) for r in rows] == [("none", 1), ("tmix", 1), ("ssmix", 3)]


def test_the_trainer_is_compared_in_turns_and_in_its_own_precision(scripted):
    trainer, seen = notebook.measuring("bench", "trainer"), []

    def trainer_steps(encoder, data, batch_size):
        seen.append(torch.get_float32_matmul_precision())
        return [8.0]

    trainer.names |= {k: scripted.names[k] for k in ("prepared", "encode", "batches_of", "against")}
    trainer.names["trainer_steps"] = trainer_steps
    scripted.seconds["none"] = [9.0, 9.0, 2.0, 4.0]  # two to warm up, then one per round
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    found = trainer.against_trainer("random:tiny", None, CPU, 2)
    assert seen == ["highest", "highest"]
    assert torch.get_float32_matmul_precision() == "medium"
    torch.set_float32_matmul_precision(before)
    assert found["speed_up"] == 3  # of 8/2 and 8/4
    assert (found["ours_ms"], found["trainer_ms"]) == (3000, 8000)


def test_a_step_trains_and_passes_are_counted(bench):
    task, rows = make_task(12), torch.arange(4)
    for method, options, passes in (("none", {}, 1), ("tmix", {"levels": (6,)}, 1), ("ssmix", {}, 2)):
        ready = bench.prepared(method, options, "random:tiny", task, CPU)
        before = [p.detach().clone() for p in ready.model.parameters()]
        assert ready.step(rows) > 0
        assert any(not torch.equal(a, b) for a, b in zip(before, ready.model.parameters(), strict=True))
        found, tokens = (
            bench.count_work(ready, [rows, rows]),
            ready.model.depth * int(task.splits["train"].lengths[rows].sum()),
        )
        assert found.passes == pytest.approx(passes)
        assert found.tokens >= 2 * passes * tokens  # mixtures are longer, and padding may be computed
        assert method == "tmix" or not ready.model.packs or found.tokens == 2 * passes * tokens


def test_too_few_rows_are_refused(bench, mine):
    with pytest.raises(ValueError, match="mine has 64 training rows; timing takes 3 batches of 32"):
        bench.timed_rows("mine", 32)


def test_a_data_set_that_is_not_at_hand_is_replaced_by_the_built_in_one_of_its_shape(bench, monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", "")
    asked, real = [], bench.names["load_task"]
    bench.names["load_task"] = lambda name, use_hub: asked.append((name, use_hub)) or real(name, use_hub)
    data = bench.timed_rows("rte", 4)  # the hub is never asked
    assert asked == [("docs-pair", False)]
    assert list(data.splits) == ["train"]
    assert len(data.splits["train"]) == 12


def test_the_interval_is_that_of_the_median_ratio(bench):
    draw = np.random.default_rng(1)
    other = draw.uniform(1, 3, 200)
    found = bench.against(other * draw.normal(2, 0.1, 200), other, "ratio")
    assert found["low"] < found["ratio"] < found["high"]
    half = 1.96 * 1.2533 * 0.1 / np.sqrt(200)  # of a median of normal numbers
    assert found["ratio"] == pytest.approx(2, abs=3 * half)
    assert found["high"] - found["low"] == pytest.approx(2 * half, rel=0.5)
    assert bench.against([2.0, 2.0], [1.0, 1.0], "ratio") == {"ms": 2000, "ratio": 2, "low": 2, "high": 2}
