"""Job arrays with a stand-in for sbatch, which only takes note of them; their tasks are run here, in its order."""

from __future__ import annotations

import json
import os
import shlex
import sys

import pytest

from mixutils import cli, paths
from mixutils.runs.launch import Job
from mixutils.runs.records import Records
from mixutils.runs.slurm import run_one, submit, waves
from tests.test_launch import stage_1, stage_2

pytestmark = pytest.mark.usefixtures("mine")
SBATCH = """
import json, sys
with open({log!r}, "a") as file:
    print(json.dumps(sys.argv[1:]), file=file)
print(f"{{100 + sum(1 for _ in open({log!r}))}};cluster")
"""


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """An sbatch on the PATH; returns the file that lists its calls."""
    log, program = tmp_path / "calls", tmp_path / "bin" / "sbatch"
    program.parent.mkdir()
    # Two files: a first line with "#!" cannot name an interpreter whose path has a space.
    code = program.with_suffix(".py")
    code.write_text(SBATCH.format(log=str(log)))
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(str(code))} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return log


def test_two_stages_go_out_in_two_waves_and_come_back_as_records(cluster):
    store, runs = Records(), [stage_1(0), stage_2(0, "ssmix"), stage_2(0, "tmix")]
    ids = submit(runs, store, device="cpu", use_hub=False, at_once=4, arguments="--partition=gpu --gres=gpu:1")
    assert ids == ["101", "102"]
    calls = [json.loads(line) for line in cluster.read_text().splitlines()]
    assert [a for a in calls[0] if a.startswith("--array")] == ["--array=0-0%4"]
    assert [a for a in calls[1] if a.startswith("--array")] == ["--array=0-1%4"]
    assert "--dependency=afterany:101" in calls[1]
    assert {"--partition=gpu", "--gres=gpu:1", "--parsable"} <= set(calls[0])
    for call, tasks in zip(calls, (1, 2), strict=True):
        (task,) = [a.removeprefix("--wrap=") for a in call if a.startswith("--wrap=")]
        python, *module, command, batch, where, index, number = shlex.split(task)
        assert (python, module, number) == (sys.executable, ["-m", "mixutils"], "$SLURM_ARRAY_TASK_ID")
        assert [cli.main([command, batch, where, index, str(i)]) for i in range(tasks)] == [0] * tasks
    assert all(store.done(r) for r in runs)
    assert submit(runs, store, device="cpu", use_hub=False) == []


def test_waves_follow_what_starts_from_what():
    one, two = stage_1(0), stage_2(0, "ssmix")
    three = two.with_(start=two, start_policy="last")
    jobs = {r.hash: Job(r) for r in (three, one, two)}
    assert [[j.run for j in wave] for wave in waves(jobs)] == [[one], [two], [three]]
    del jobs[one.hash]  # already done
    assert [[j.run for j in wave] for wave in waves(jobs)] == [[two], [three]]


def test_without_a_cluster_it_says_so(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RuntimeError, match="sbatch is not on the PATH"):
        submit([stage_1(0)], Records(), device="cpu", use_hub=False)


def test_a_refusal_is_passed_on(cluster):
    program = cluster.parent / "bin" / "sbatch"
    program.write_text("#!/bin/sh\necho 'invalid partition' >&2\nexit 1\n")
    with pytest.raises(RuntimeError, match="invalid partition"):
        submit([stage_1(0)], Records(), device="cpu", use_hub=False)


def test_a_failed_task_says_so_and_leaves_a_record(tmp_path, capsys):
    run = stage_1(0).with_(options=(("nonsense", 1),))
    batch = tmp_path / "batch.jsonl"
    batch.write_text(
        json.dumps({"run": run.to_dict(), "keep": [], "device": "cpu", "threads": 1, "use_hub": False}) + "\n"
    )
    assert run_one(batch, 0) == 1
    assert "no option nonsense" in capsys.readouterr().out
    assert Records().failed(run)
    assert paths.records().is_dir()
