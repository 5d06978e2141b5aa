"""The benchmark: every mixer is timed, ratios are what the text says, the record holds what was printed."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mixutils import cli, paths
from mixutils.bench import steps as bench
from mixutils.mixers import REGISTRY
from mixutils.runs import environment
from tests.conftest import make_task

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _mine(tmp_path, monkeypatch):
    """Twenty-four rows in three batches; process-wide switches are put back."""
    folder = tmp_path / "data" / "mine"
    folder.mkdir(parents=True)
    rows = [{"text": f"text {i} is {'good' if i % 2 else 'bad'}", "label": "yn"[i % 2]} for i in range(24)]
    (folder / "train.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows), "utf-8")
    monkeypatch.setenv("MIXUTILS_DATA", str(folder.parent))
    monkeypatch.setattr(bench, "BATCH_SIZE", 8)
    monkeypatch.setattr(bench, "BATCHES", 3)
    before = torch.get_float32_matmul_precision()
    yield
    torch.set_float32_matmul_precision(before)


def run(capsys, *argv: str) -> tuple[int, str, str]:
    status = cli.main(["bench", "--device", "cpu", "--threads", "1", *argv])
    return status, *capsys.readouterr()


def test_a_real_benchmark_times_every_mixer_and_writes_what_it_prints(capsys):
    status, out, _ = run(capsys, "--encoders", "random:tiny", "--repeats", "2", "--task", "mine")
    assert status == 0
    record = json.loads((paths.figures("bench") / "bench-cpu.json").read_text("utf-8"))
    rows = {r["method"]: r for r in record["mixers"]}
    assert set(REGISTRY) <= set(rows) == set(bench.VARIANTS)
    for name, row in rows.items():
        (line,) = [line for line in out.splitlines() if line[:22].strip() == name]
        assert f"{row['ms']:.0f}" in line
        assert f"{row['over_plain']:.2f}" in line
        assert row["low"] <= row["over_plain"] <= row["high"]
        assert row["ms"] > 0
        assert row["over_passes"] == pytest.approx(row["over_plain"] / row["passes"], rel=1e-6)
    assert rows["none"]["over_plain"] == rows["none"]["passes"] == 1
    assert rows["ssmix"]["passes"] == pytest.approx(2, abs=0.01)
    assert (record["task"], record["batch_size"], record["repeats"]) == ("mine", 8, 2)
    assert record["environment"]["threads"] == 1
    (trainer,) = record["trainer"]
    assert f"{trainer['speed_up']:.2f} times as fast" in out
    assert "mine, batch 8, 2 rounds of 3 batches" in out


class Scripted:
    """Stands for ``bench.Stepper``: steps of method ``name`` last what the script says, in turn."""

    seconds: dict[str, list[float]] = {}
    order: list[str] = []

    def __init__(self, method, options, *_):
        self.name = next(n for n, v in bench.VARIANTS.items() if v == (method, options))
        self.left = list(self.seconds.get(self.name, self.seconds["none"]))

    def passes(self, batches):
        return 2.0 if self.name == "ssmix" else 1.0

    def step(self, rows):
        self.order.append(self.name)
        return self.left.pop(0)


@pytest.fixture
def scripted(monkeypatch):
    Scripted.seconds, Scripted.order = {"none": [1.0, 10.0, 2.0], "ssmix": [3.0, 20.0, 6.0]}, []
    monkeypatch.setattr(bench, "Stepper", Scripted)
    monkeypatch.setattr(bench, "encode", lambda data, tokenizer: make_task())


def test_ratios_are_medians_over_steps_on_the_same_batch(scripted):
    said = []
    rows = {r["method"]: r for r in bench.measure("random:tiny", None, CPU, 1, said.append)}
    ssmix = rows["ssmix"]
    assert ssmix["ms"] == 6000  # the median of 3, 20, 6
    assert ssmix["over_plain"] == 3  # of 3, 2, 3; one slow batch does not count, nor does the ratio of means (29/13)
    assert (ssmix["low"], ssmix["high"]) == (2.5, 3)
    assert ssmix["over_passes"] == 1.5
    assert ssmix["rounds"] == [6000]  # the median of each repeat, for an interval of the ratio
    assert rows["tmix"]["over_plain"] == 1
    assert said == ["plain step of random:tiny: 2000 ms"]


def test_methods_take_turns_batch_by_batch(scripted):
    bench.measure("random:tiny", None, CPU, 1, lambda line: None)
    others = list(bench.VARIANTS)[1:]
    groups = [["none", *others[i : i + bench.GROUP]] for i in range(0, len(others), bench.GROUP)]
    assert Scripted.order == [name for group in groups for name in group * 3]


def test_each_group_is_compared_with_a_plain_step_of_its_own(scripted, monkeypatch):
    """The machine is half as fast for the second group: no ratio changes, and the plain step is listed once."""
    monkeypatch.setattr(bench, "GROUP", 1)
    made = iter([1.0, 1.0, 2.0, 2.0])

    class Slower(Scripted):
        def __init__(self, *args):
            super().__init__(*args)
            factor = next(made, 1.0)
            self.left = [factor * s for s in self.left]

    monkeypatch.setattr(bench, "Stepper", Slower)
    rows = bench.measure("random:tiny", None, CPU, 1, lambda line: None, ("tmix", "ssmix"))[:3]
    assert [(r["method"], r["over_plain"]) for r in rows] == [("none", 1), ("tmix", 1), ("ssmix", 3)]


def test_the_size_of_the_batch_can_be_chosen(capsys):
    options = ("--task", "mine", "--encoders", "random:tiny", "--repeats", "1", "--methods", "dnm")
    status, out, _ = run(capsys, *options, "--batch-size", "5")
    assert (status, "mine, batch 5, 1 rounds" in out) == (0, True)
    record = json.loads((paths.figures("bench") / "bench-cpu-batch5-part.json").read_text("utf-8"))
    assert (record["batch_size"], [r["method"] for r in record["mixers"]]) == (5, ["none", "dnm"])
    status, _, err = run(capsys, *options, "--batch-size", "-1")
    assert (status, "--batch-size must be at least 1, not -1" in err) == (2, True)


def test_methods_can_be_chosen(capsys):
    status, _, _ = run(
        capsys, "--task", "mine", "--encoders", "random:tiny", "--repeats", "1", "--methods", "unk,senmix"
    )
    assert status == 0
    assert not (paths.figures("bench") / "bench-cpu.json").exists()  # a part does not replace the whole
    record = json.loads((paths.figures("bench") / "bench-cpu-part.json").read_text("utf-8"))
    assert [r["method"] for r in record["mixers"]] == ["none", "senmix", "unk", "senmix + clean"]
    status, _, err = run(capsys, "--task", "mine", "--methods", "smix")
    assert (status, "no mixer is called 'smix'; there are none, " in err) == (2, True)


def test_the_trainer_is_compared_in_turns_and_in_its_own_precision(scripted, monkeypatch):
    seen = []

    def trainer_steps(encoder, data, batch_size):
        seen.append(torch.get_float32_matmul_precision())
        return iter([8.0])

    monkeypatch.setattr(bench, "trainer_steps", trainer_steps)
    Scripted.seconds["none"] = [9.0, 9.0, 2.0, 4.0]  # two to warm up, then one per round
    torch.set_float32_matmul_precision("medium")
    found = bench.against_trainer("random:tiny", None, CPU, 2)
    assert seen == ["highest", "highest"]
    assert torch.get_float32_matmul_precision() == "medium"
    assert found["speed_up"] == 3  # of 8/2 and 8/4
    assert (found["ours_ms"], found["trainer_ms"]) == (3000, 8000)


def test_a_step_trains_and_passes_are_counted(monkeypatch):
    task, rows = make_task(12), torch.arange(4)
    for method, options, passes in (("none", {}, 1), ("tmix", {"levels": (6,)}, 1), ("ssmix", {}, 2)):
        stepper = bench.Stepper(method, options, "random:tiny", task, CPU)
        before = [p.detach().clone() for p in stepper.model.parameters()]
        assert stepper.step(rows) > 0
        assert any(not torch.equal(a, b) for a, b in zip(before, stepper.model.parameters(), strict=True))
        assert stepper.passes([rows, rows]) == pytest.approx(passes)


def test_too_few_rows_and_rounds_are_refused(capsys, monkeypatch):
    status, _, err = run(capsys, "--repeats", "0", "--task", "mine", "--encoders", "random:tiny")
    assert (status, err) == (2, "error: --repeats must be at least 1, not 0\n")
    monkeypatch.setattr(bench, "BATCHES", 4)
    status, _, err = run(capsys, "--task", "mine", "--encoders", "random:tiny")
    assert (status, err) == (2, "error: mine has 24 training rows; timing takes 4 batches of 8\n")


@pytest.mark.parametrize(
    ("argv", "words"), [(["--encoders", "random:huge"], "random:tiny"), (["--task", "mien"], "built-in: docs-coarse")]
)
def test_wrong_names_are_refused_with_the_right_ones(argv, words, capsys):
    status, _, err = run(capsys, "--task", "mine", *argv)
    assert status == 2
    assert words in err
    assert not paths.figures("bench").exists()


def test_a_data_set_that_is_not_at_hand_is_replaced_by_the_built_in_one_of_its_shape(monkeypatch):
    asked = []
    rows = SimpleNamespace(splits={"train": range(99)}, with_splits=lambda splits: "rows")
    monkeypatch.setattr(bench, "load_task", lambda name, use_hub: asked.append((name, use_hub)) or rows)
    monkeypatch.setattr(bench, "apply_policy", lambda data, *_: data)
    monkeypatch.setattr(bench, "subset", lambda data, *_: data)
    assert bench.task_data("rte") == "rows"  # the hub is never asked
    assert asked == [("docs-pair", False)]


def test_threads_are_all_cores_unless_given(monkeypatch, capsys):
    used = []
    monkeypatch.setattr(environment, "set_up", lambda device, threads: used.append(threads))
    monkeypatch.setattr(bench, "measure", lambda *_: [])
    monkeypatch.setattr(
        bench, "against_trainer", lambda *_: dict.fromkeys(("ours_ms", "trainer_ms", "speed_up", "low", "high"), np.nan)
    )
    for affinity in (True, False):
        if not affinity:
            monkeypatch.delattr(environment.os, "sched_getaffinity", raising=False)
            monkeypatch.setattr(environment.os, "cpu_count", lambda: 7)
        for argv in (["--threads", "3"], ["--threads", "0"]):
            assert run(capsys, "--task", "mine", "--encoders", "random:tiny", *argv)[0] == 0
    assert used[0] == used[2] == 3
    assert used[1] >= 1
    assert used[3] == 7
