"""The cluster's door: jobs from runs, what is kept of them, waiting, and a plan through submitit's local executor."""

from __future__ import annotations

import json
import os
import re
import signal
from types import SimpleNamespace

import pytest
from submitit import SlurmExecutor

from mixutils import cli, paths
from mixutils.cli import showing
from mixutils.runs import checkpoints, cluster, slurm
from mixutils.runs.launch import Job, jobs_for
from mixutils.runs.locks import Locks
from mixutils.runs.records import Records
from tests import fakes
from tests.test_launch import stage_1, stage_2

pytestmark = pytest.mark.usefixtures("mine")
HOW = {"device": "cpu", "use_hub": False}


@pytest.fixture
def queue(monkeypatch):
    """A Slurm without a cluster: what is submitted waits in this list, by job."""
    there: dict[str, list] = {}

    def submit_array(executor, batches):
        name = 100 + len({job.split("_")[0] for job in there})
        ids = [f"{name}_{i}" for i in range(len(batches))]
        there.update(zip(ids, batches, strict=True))
        return [SimpleNamespace(job_id=job, executor=executor) for job in ids]

    monkeypatch.setattr(SlurmExecutor, "submit_array", submit_array)
    monkeypatch.setattr(SlurmExecutor, "affinity", classmethod(lambda cls: 2))
    monkeypatch.setattr(slurm, "check", lambda: None)
    monkeypatch.setattr(slurm, "states", lambda: dict.fromkeys(there, "PENDING (Priority)"))
    monkeypatch.setattr(slurm, "largest_array", lambda: 21)
    monkeypatch.setattr(slurm, "most_jobs", lambda: 1000)
    monkeypatch.setattr(slurm, "ended", lambda job: "CANCELLED")
    monkeypatch.setattr(slurm, "cancel", lambda jobs: [there.pop(job) for job in jobs])
    monkeypatch.setattr(cluster, "JOB_SECONDS", 0.0)
    monkeypatch.setattr(cluster, "POLL", 0.01)
    monkeypatch.setattr(cluster, "GRACE", 0.05)
    return there


def submit(runs, store, arguments: str = "", **how) -> list[str]:
    return cluster.submit(jobs_for(runs, store), store, arguments=arguments, **HOW | how)


def test_arrays_are_no_larger_than_the_cluster_allows_and_nothing_is_submitted_twice(queue):
    store, runs = Records(), [stage_1(seed) for seed in range(45)]
    assert submit(runs, store) == ["100", "101", "102"]
    assert [sum(job.startswith(f"{name}_") for job in queue) for name in (100, 101, 102)] == [21, 21, 3]
    assert submit(runs, store) == []
    assert submit([*runs, stage_1(50)], store) == ["103"]
    store.put(fakes.done(runs[0], 50.0))
    del queue["100_0"], queue["100_1"]  # over: one run is done, the other is not
    assert submit(runs, store) == ["104"]
    assert [r.hash for r in queue["104_0"].runs] == [runs[1].hash]


def test_jobs_are_longer_where_few_are_allowed_and_none_are_submitted_where_there_is_no_room(queue, monkeypatch):
    monkeypatch.setattr(slurm, "most_jobs", lambda: 5)
    submit([stage_1(seed) for seed in range(45)], Records())
    assert len(queue) <= 5
    assert sum(len(batch.runs) for batch in queue.values()) == 45
    monkeypatch.setattr(slurm, "most_jobs", lambda: len(queue))
    with pytest.raises(RuntimeError, match="no more jobs: submit again"):
        submit([stage_1(60)], Records())


def test_a_wave_waits_for_the_one_before_also_where_that_was_submitted_earlier(queue, monkeypatch):
    parameters = []
    monkeypatch.setattr(
        cluster,
        "_send",
        lambda e, batches, ids, of=cluster._send: parameters.append(e.parameters) or of(e, batches, ids),
    )
    store = Records()
    submit([stage_1(0)], store)
    submit([stage_2(0, "ssmix"), stage_2(1, "ssmix")], store, "-d singleton -J mine")
    depends = [p["additional_parameters"].get("dependency") for p in parameters]
    assert depends == [None, "singleton,afterany:100", "singleton,afterany:101"]
    assert [batch.keep for batch in queue.values() if batch.keep] == [{stage_1(1).hash: {"best-on-test"}}]


def test_waves_follow_what_starts_from_what():
    one, two = stage_1(0), stage_2(0, "ssmix")
    three = two.with_(start=two, start_policy="last")
    jobs = {r.hash: Job(r) for r in (three, one, two)}
    assert [[j.run for j in wave] for wave in cluster.waves(jobs)] == [[one], [two], [three]]
    del jobs[one.hash]  # already done
    assert [[j.run for j in wave] for wave in cluster.waves(jobs)] == [[two], [three]]


@pytest.mark.parametrize(
    ("seconds", "workers", "most", "sizes"),
    [(10, 1, 30, [3, 3, 1]), (10, 2, 30, [6, 1]), (100, 1, 30, [1] * 7), (100, 4, 30, [4, 3]), (10, 1, 1e9, [7])],
)
def test_short_runs_share_a_job_and_long_ones_its_workers(seconds, workers, most, sizes):
    wave = [Job(stage_1(seed)) for seed in range(7)]
    assert [len(part) for part in cluster.packed(wave, lambda run: seconds, workers, most)] == sizes


def test_the_batch_file_says_what_was_asked_for(queue):
    executor = cluster._slurm(slurm.options("-p gpu -c 4 --array=%3 -t 1-0 -J mine"), 1440, {"7", "5"}, 9)
    text = executor._make_submission_file_text("COMMAND", "x")
    for line in ("partition=gpu", "cpus-per-task=4", "time=1-0", "job-name=mine", "dependency=afterany:5:7", "requeue"):
        assert f"#SBATCH --{line}\n" in text
    assert "#SBATCH --signal=B:USR2@90\n" in text
    assert executor.parameters["array_parallelism"] == 3
    assert "exec " in executor._submitit_command_str
    assert not [word for word in ("srun", "wckey", "--array") if word in text]


def test_a_refusal_is_one_line(queue, monkeypatch):
    def refuse(executor, batches):
        raise RuntimeError("sbatch: error: invalid partition\nsbatch: error: Batch job submission failed")

    monkeypatch.setattr(SlurmExecutor, "submit_array", refuse)
    with pytest.raises(RuntimeError, match=r"^sbatch refused: sbatch: error: invalid partition sbatch: error: Batch"):
        submit([stage_1(0)], Records())
    assert Locks().take("submission")  # given back


def test_without_a_cluster_it_says_so(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RuntimeError, match="sbatch is not on the PATH"):
        submit([stage_1(0)], Records())


def test_waiting_ends_when_every_run_is_done_or_its_job_is_gone(queue):
    store, lines = Records(), []
    one, two = stage_1(0), stage_2(0, "ssmix")
    todo = jobs_for([one, two, stage_1(1)], store)
    cluster.submit(todo, store, **HOW)
    store.put(fakes.done(one, 50.0))
    checkpoints.checkpoint_path(one.hash, "best-on-test").parent.mkdir(parents=True)
    checkpoints.checkpoint_path(one.hash, "best-on-test").touch()
    store.put(fakes.failed(stage_1(1)))
    queue.clear()
    assert cluster.wait(todo, store, lines.append) == [two.hash]
    assert [line[:6] for line in lines] == ["[1/3] ", "[2/3] ", "      "]
    assert "its job 101_0 ended without it (CANCELLED)" in lines[-1]
    assert checkpoints.checkpoint_path(one.hash, "best-on-test").is_file()  # for whoever repeats it


def test_status_says_of_every_run_where_it_is_and_cancel_takes_back_what_is_left(queue, capsys):
    store, runs = Records(), [stage_1(seed) for seed in range(4)]
    assert cli.main(["status"]) == 0
    assert "nothing was submitted" in capsys.readouterr().out
    submit(runs, store)
    store.put(fakes.done(runs[0], 50.0))
    store.put(fakes.failed(runs[1], "ValueError: broken"))
    del queue["100_0"], queue["100_1"]
    locks = Locks()
    locks.take(runs[2].hash)
    assert cli.main(["status"]) == 1
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "4 runs submitted: 1 queued, 1 running, 1 done, 1 failed"
    assert out[1] == "queued   job 100_3, PENDING (Priority): 1 run"
    assert f"process {os.getpid()}" in out[2]
    assert f"ValueError: broken; {paths.cluster() / 'jobs' / '100_1_0_log.out'}" in out[3]
    locks.free_all()
    assert cli.main(["cancel"]) == 0
    assert cli.main(["cancel"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "cancelled 2 jobs with 2 runs; what is finished stays",
        "nothing is queued or running",
    ]
    assert cli.main(["status"]) == 1
    assert "2 lost" in capsys.readouterr().out


def test_a_job_does_what_is_missing_of_its_runs(monkeypatch):
    store, launched = Records(), []
    monkeypatch.setattr(cluster, "launch", lambda runs, store, **how: launched.append(how))
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    old, new, child = stage_1(0), stage_1(1), stage_2(2, "ssmix")
    store.put(fakes.done(old, 50.0))
    store.put(fakes.failed(child.start))
    batch = cluster.Batch([old, new, child], {old.hash: {"last"}}, {old.hash: "0" * 16, new.hash: "1" * 16}, HOW)
    batch()
    batch.checkpoint().function()  # interrupted, and called again
    fresh = fakes.done(old, 60.0)
    fresh["data"]["digest"] = "2" * 16
    store.put(fresh)
    batch()
    assert [how["again"] for how in launched] == [[old.hash], [old.hash], []]
    assert launched[0]["keep"] == {old.hash: {"last"}}
    assert launched[0]["forget"] is False
    assert "its start failed" in store.get(child)["error"]


MINE = ["--profile", "smoke", "--tasks", "mine", "--seeds", "1", "--only", "ssmix"]


@pytest.mark.parametrize("command", ["all", "notebooks"])
def test_notebooks_wait_for_the_whole_plan(command, queue, monkeypatch, capsys):
    executed = []
    monkeypatch.setattr(showing, "execute", lambda *_, **__: executed.append(1) or [])
    monkeypatch.setattr(showing, "build", lambda *_, **__: paths.work())
    assert cli.main([command, *MINE, "--slurm", "--partition=main"]) == 0
    out = capsys.readouterr().out
    assert "submitted as 100, 101: python -m mixutils status" in out
    assert "missing: 8 runs; give the same command again when they are done" in out
    assert executed == []
    runs = [run for batch in queue.values() for run in batch.runs]
    for run in runs:
        Records().put(fakes.done(run, 50.0))  # with other data, so that all are submitted again
    queue.clear()
    assert cli.main([command, *MINE, "--slurm"]) == 0
    assert executed == []
    for run in runs:
        Records().put(fakes.done(run, 50.0) | {"data": json_data(run)})
    assert cli.main([command, *MINE, "--slurm", "--partition=main", "--wait"]) == 0
    assert executed == [1]
    Records().path(runs[0].hash).unlink()
    queue.clear()
    monkeypatch.setattr(cluster, "submit", lambda *_, **__: ["7"])  # and the job is cancelled
    assert cli.main([command, *MINE, "--slurm", "--wait"]) == 1
    assert "lost with their jobs: 1 run;" in capsys.readouterr().out
    assert executed == [1]


def test_what_a_grid_decides_is_submitted_when_the_grid_is_done(queue, monkeypatch, capsys):
    command = ["train", "--profile", "smoke", "--tasks", "mine", "--seeds", "1", "--only", "dmix"]
    command += ["--option", "dmix.tune=1", "--slurm"]
    said = []
    while cli.main(command) == 0 and "submitted as" in (out := capsys.readouterr().out):
        said.append("choosing hyperparameters first" in out)
        for batch in queue.values():
            for run in batch.runs:
                Records().put(fakes.done(run, 50.0) | {"data": json_data(run)})
        queue.clear()
    assert said[0]
    assert not said[-1]
    assert re.search(r"trained: (\d+) of \1 runs\n", out)


def json_data(run) -> dict:
    """Of a record of the data that are at hand."""
    from mixutils.runs.execute import cached_task

    return fakes.done(run, 50.0)["data"] | {"digest": cached_task("mine", False)[1]}


@pytest.mark.slow
def test_a_plan_through_submitits_local_executor(capsys):
    store, lines = Records(), []
    runs = [stage_1(0), stage_2(0, "ssmix"), stage_1(1).with_(options=(("nonsense", 1),))]
    todo = jobs_for(runs, store)
    cluster.submit(todo, store, arguments="local", jobs=1, **HOW)
    assert cluster.submit(todo, store, arguments="local", jobs=1, **HOW) == []
    assert cluster.wait(todo, store, lines.append) == []
    assert [store.done(r) for r in runs] == [True, True, False]
    assert sum(line.startswith("[") for line in lines) == 3
    assert json.loads(next(paths.cluster().glob("*.json")).read_text())["cluster"] == "local"
    assert cli.main(["status"]) == 1
    assert "no option nonsense" in capsys.readouterr().out
