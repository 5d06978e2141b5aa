"""Slurm: what sbatch is told; and, with ``MIXUTILS_TEST_CLUSTER=1``, a plan on a real cluster of one node."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from mixutils import cli
from mixutils.runs import slurm
from mixutils.runs.locks import holder
from mixutils.runs.records import Records
from tests.test_launch import stage_1, stage_2


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("", {}),
        ("--partition=gpu --gres=gpu:1", {"partition": "gpu", "gres": "gpu:1"}),
        ("-p gpu -t 2:00:00 -c8", {"partition": "gpu", "time": "2:00:00", "cpus-per-task": "8"}),
        ("--partition gpu --exclusive --mem 4G", {"partition": "gpu", "exclusive": True, "mem": "4G"}),
        ("--exclusive=user -H -A 'my lab'", {"exclusive": "user", "hold": True, "account": "my lab"}),
        ("--array=%8", {"array": "%8"}),
    ],
)
def test_options_of_sbatch_as_people_write_them(text, given):
    assert slurm.options(text) == given


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("gpu", "not 'gpu'"),
        ("-Z 3", "not '-Z'"),
        ("-p main ''", "not ''"),
        ("--array=0-3", "--array itself"),
        ("-o log", "--output itself"),
        ("--partition='gpu", "No closing quotation"),
    ],
)
def test_what_is_no_option_or_is_set_here_is_refused(text, said):
    with pytest.raises(ValueError, match=said):
        slurm.options(text)


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("90", 90), ("90:30", 91), ("2:00:00", 120), ("1-12", 2160), ("1-12:30", 2190), ("1-00:00:01", 1441), ("0:10", 1)],
)
def test_times_of_sbatch(text, minutes):
    assert slurm.minutes(text) == minutes


def test_a_time_that_is_none_is_refused_and_one_without_end_is_long():
    assert slurm.minutes("unlimited") == slurm.minutes("0") == slurm.FOREVER
    with pytest.raises(ValueError, match="not 'tomorrow'"):
        slurm.minutes("tomorrow")


@pytest.mark.parametrize(
    ("text", "workers"),
    [("", 1), ("-c 6", 6), ("--gres=gpu:1", 1), ("-G 1 -c 4", 3), ("--gpus-per-node=1 -c 16", 4)],
)
def test_how_many_runs_a_job_has_at_a_time(text, workers):
    assert slurm.workers(slurm.options(text)) == workers


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"sacct": "CANCELLED by 0\n", "scontrol": "JobState=FAILED"}, "CANCELLED"),
        ({"sacct": "", "scontrol": "JobId=1 JobState=FAILED Reason=None"}, "FAILED"),
        ({"scontrol": "JobId=1 JobState=TIMEOUT"}, "TIMEOUT"),  # without accounting
        ({}, ""),
    ],
)
def test_how_a_job_ended_from_whoever_knows(answers, said, monkeypatch):
    def ask(program, *_):
        if program not in answers:
            raise RuntimeError
        return answers[program]

    monkeypatch.setattr(slurm, "_ask", ask)
    assert slurm.ended.__wrapped__("1") == said


@pytest.mark.parametrize(
    ("words", "slurm"),
    [
        (["--slurm", "--partition=main"], "--partition=main"),
        (["--slurm", "-pmain", "--wait"], "-pmain"),
        (["--slurm", "--partition=main --mem=4G"], "--partition=main --mem=4G"),
        (["--slurm", "local"], "local"),
        (["--slurm", "--dry-run"], ""),
        (["--slurm", "--jobs=2"], ""),
        (["--slurm"], ""),
        ([], None),
    ],
)
def test_the_command_line_tells_options_of_sbatch_from_its_own(words, slurm):
    assert cli.parser().parse_args(cli.glued(["train", *words])).slurm == slurm


# A cluster of one node. tests/cluster/start.sh says what it needs.


def shell(*command: object) -> str:
    return subprocess.run([*map(str, command)], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    if not os.environ.get("MIXUTILS_TEST_CLUSTER"):
        pytest.skip("needs Slurm and time: MIXUTILS_TEST_CLUSTER=1, see tests/cluster/start.sh")
    monkeypatch.setenv("MIXUTILS_TEST_ARRAY", str(ARRAY))
    if missing := [p for p in ("sbatch", "slurmctld", "slurmd", "munged") if not shutil.which(p, path=PATHS)]:
        pytest.fail(f"{', '.join(missing)} not found: see tests/cluster/start.sh")
    script, folder = Path(__file__).parent / "cluster" / "start.sh", tmp_path / "slurm"
    shell(script, folder)
    monkeypatch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
    yield folder
    subprocess.run(["scancel", "--state=PENDING", "--state=RUNNING"], check=False)
    time.sleep(2)
    shell(script, "--stop", folder)


#: Runs of the plan, of those that are submitted first, and of an array at most: small, or with MIXUTILS_TEST_CLUSTER=40 as many.
RUNS, FIRST, ARRAY = (40, 30, 21) if os.environ.get("MIXUTILS_TEST_CLUSTER") == "40" else (13, 9, 4)
PATHS = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])


def until(true, seconds: float = 600) -> None:
    end = time.monotonic() + seconds * float(os.environ.get("MIXUTILS_TEST_PATIENCE", 1))
    while not true():
        assert time.monotonic() < end
        time.sleep(1)


def interrupt(job: str) -> None:
    """Send the signal by which Slurm says that the time is over, once.

    ``scancel --batch`` of Slurm 22.05 is told "try again later" although the job has got the signal; it would send it again
    five seconds later.
    """
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(["scancel", "--batch", "--signal=USR2", job], check=False, capture_output=True, timeout=2)


@pytest.mark.cluster
@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.usefixtures("mine")
def test_a_plan_on_a_real_cluster(cluster, monkeypatch, capsys):
    """More runs than an array may have; one job is cancelled, one interrupted, and the node drained for a while."""
    from mixutils.runs import cluster as door
    from mixutils.runs.launch import jobs_for

    monkeypatch.setattr(door, "JOB_SECONDS", 0.0)  # a job per run
    how = {"device": "cpu", "use_hub": False, "arguments": "--partition=main -t 0:20:00 --cpus-per-task=1"}
    starts = [stage_1(seed, 200) for seed in range(2)]  # long enough to be interrupted
    plan = [
        *starts,
        *(stage_2(0, "ssmix").with_(seed=s, start=r) for s in (0, 1) for r in starts),
        *map(stage_1, range(2, RUNS - 4)),
    ]
    assert len(plan) == RUNS
    last = RUNS - FIRST  # of the plan, submitted while the others are queued
    unlucky = plan[8]
    store, node, lines = Records(), shell("sinfo", "--noheader", "--format=%n").strip(), []

    shell("scontrol", "update", f"nodename={node}", "state=drain", "reason=test")
    todo = jobs_for(plan[:FIRST], store)
    first = door.submit(todo, store, **how)
    assert len(first) == 3  # all but 4 start from none: an array of ARRAY and the rest; and the 4 that wait for them
    assert door.submit(jobs_for(plan[:FIRST], store), store, **how) == []
    states = door.alive(door.sent())
    assert len(states) == FIRST
    assert {state.split(" ")[0] for state in states.values()} == {"PENDING"}
    # While the first is queued: the last runs, in two jobs.
    second = door.submit(jobs_for(plan, store), store, **how | {"jobs": last // 2})
    assert [len(job.runs) for job in door.sent() if job.id.split("_")[0] in second] == [last // 2] * 2

    gone = next(job for job in door.sent() if unlucky.hash in job.runs)
    slurm.cancel([gone.id])
    shell("scontrol", "update", f"nodename={node}", "state=resume")
    until(lambda: holder(plan[0].hash))
    stopped = door.queue()[plan[0].hash]
    interrupt(stopped.id)
    until(lambda: "DUE TO JOB REQUEUE" in stopped.log.read_text(), 30)
    assert cli.main(["status"]) == 1
    assert "1 lost" in capsys.readouterr().out
    lost = door.wait(jobs_for(plan, store), store, lines.append)
    assert lost == [unlucky.hash]
    # Slurm forgets a job after half a minute, which is also how long we wait: it may or may not still know how it ended.
    said = re.compile(rf"its job {gone.id} ended without it( \(CANCELLED\))?, before it began")
    assert any(map(said.search, lines))
    assert sum(map(store.done, plan)) == RUNS - 1

    again = door.submit(jobs_for(plan, store), store, **how)
    assert len(again) == 1
    assert door.wait(jobs_for(plan, store), store, lines.append) == []
    assert all(map(store.done, plan))
    assert cli.main(["status"]) == 0
    assert f"{RUNS} runs submitted: {RUNS} done" in capsys.readouterr().out

    bad = stage_1(99).with_(options=(("nonsense", 1),))
    door.submit(jobs_for([bad, stage_1(98, 100_000)], store), store, **how)
    until(lambda: store.failed(bad))
    assert cli.main(["status"]) == 1
    assert "no option nonsense" in capsys.readouterr().out
    assert cli.main(["cancel"]) == 0
    until(lambda: not door.alive(door.sent()))
    with pytest.raises(RuntimeError, match=r"sbatch refused: .*invalid partition"):
        door.submit(jobs_for([stage_1(97)], store), store, **how | {"arguments": "-p gpu"})
