"""The pool: order, failures, and nothing lost when processes are killed at any moment."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from mixutils import paths
from mixutils.runs import checkpoints
from mixutils.runs.execute import execute
from mixutils.runs.launch import ATTEMPTS, Jobs, devices, duration, jobs_for, launch
from mixutils.runs.records import Records, compact
from mixutils.runs.run import Run
from mixutils.training.loop import Recipe
from tests import fakes

pytestmark = pytest.mark.usefixtures("mine")


def stage_1(seed: int, epochs: int = 2) -> Run:
    return Run(
        "mine",
        "none",
        seed,
        encoder="random:tiny",
        recipe=Recipe(lr=1e-3, epochs=epochs, batch_size=8),
        train_size=24,
    )


def stage_2(seed: int, method: str, epochs: int = 2) -> Run:
    return stage_1(seed, epochs).with_(method=method, start=stage_1(seed, epochs), start_policy="best-on-test")


def test_missing_runs_bring_their_starts_and_finished_ones_stay():
    store, child = Records(), stage_2(0, "ssmix")
    jobs = jobs_for([child], store)
    assert set(jobs) == {child.hash, child.start.hash}
    assert jobs[child.start.hash].keep == {"best-on-test"}
    store.put(fakes.done(child.start, 50.0))
    assert set(jobs_for([child], store)) == {child.hash, child.start.hash}  # done, but its weights are gone
    path = checkpoints.checkpoint_path(child.start.hash, "best-on-test")
    path.parent.mkdir(parents=True)
    path.touch()
    assert set(jobs_for([child], store)) == {child.hash}
    store.put(fakes.failed(child))
    assert not jobs_for([child], store)
    assert set(jobs_for([child], store, retry=True)) == {child.hash}


@pytest.fixture
def begun():
    """Jobs of two runs that start from one, and of another; the store; and what is said."""
    store, lines = Records(), []
    todo = jobs_for([stage_1(1), stage_2(0, "ssmix"), stage_2(0, "tmix")], store)
    return Jobs(todo, store, lines.append), store, lines


def test_runs_that_others_start_from_go_first_and_the_others_wait_for_them(begun):
    jobs, store, _ = begun
    first, second = jobs.next(), jobs.next()
    assert (first.run, second.run) == (stage_1(0), stage_1(1))
    assert jobs.next() is None
    store.put(fakes.done(first.run, 50.0))
    jobs.finished(first, "done")
    assert [jobs.next().run.method, jobs.next().run.method, jobs.next()] == ["ssmix", "tmix", None]


def test_weights_are_deleted_when_the_last_run_that_needs_them_is_done(begun):
    jobs, store, lines = begun
    weights = checkpoints.checkpoint_path(stage_1(0).hash, "best-on-test")
    weights.parent.mkdir(parents=True)
    weights.touch()
    there = []
    while job := jobs.next():
        store.put(fakes.done(job.run, 50.0))
        jobs.finished(job, "done")
        there.append(weights.exists())
    assert there == [True, True, True, False]
    assert [line[:6] for line in lines] == ["[1/4] ", "[2/4] ", "[3/4] ", "[4/4] "]
    assert "validation accuracy 50.0, 6 s | 0 failed | ETA" in lines[0]
    assert lines[-1].endswith("s in all")


def test_a_run_whose_worker_dies_is_tried_again_before_all_others_and_then_fails_with_what_starts_from_it(begun):
    jobs, store, lines = begun
    for attempt in range(ATTEMPTS):
        job = jobs.next()
        assert (job.run, job.deaths) == (stage_1(0), attempt)
        jobs.died(job, -9)
    assert lines[0] == f"{' ':10} a worker died (signal 9, out of memory?); {stage_1(0).title()} is started again"
    assert (jobs.failed, list(jobs.left)) == (3, [stage_1(1).hash])
    assert "died 3 times, last with signal 9" in store.get(stage_1(0))["error"]
    assert f"its start failed: {stage_1(0).title()}" in store.get(stage_2(0, "tmix"))["error"]
    for line, number, method in zip(lines[-2:], (2, 3), ("ssmix", "tmix"), strict=True):
        assert line.startswith(f"[{number}/4] {stage_2(0, method).title()}: FAILED (its start failed: ")


def test_a_run_that_is_done_stays_done_when_the_workers_that_repeat_it_die():
    store, run = Records(), stage_1(0)
    store.put(fakes.done(run, 50.0))
    lines: list[str] = []
    jobs = Jobs(jobs_for([run], store, again=[run.hash]), store, lines.append)
    for _ in range(ATTEMPTS - 1):
        jobs.died(jobs.next(), 1)
    with pytest.warns(UserWarning, match="failed here, but is done already.*died 3 times"):
        jobs.died(jobs.next(), 1)
    assert (jobs.failed, jobs.left) == (1, {})
    assert "1 failed" in lines[-1]
    assert store.done(run)
    assert [p.name for p in store.folder.iterdir()] == [f"{run.hash}.json"]


def test_a_running_job_is_reported_only_after_a_silence(begun):
    jobs, _, lines = begun
    job = jobs.next()
    jobs.progress(job, "step 5/8")
    assert lines == []
    jobs.progress(job, "step 6/8", seconds=0.0)
    assert lines == [f"{' ':10} {job.run.title()}: step 6/8"]


@pytest.mark.slow
def test_a_plan_is_trained_once_and_weights_are_deleted_afterwards():
    store, lines = Records(), []
    runs = [stage_1(0), stage_2(0, "ssmix"), stage_2(0, "tmix"), stage_1(0).with_(options=(("nonsense", 1),))]
    runs.append(stage_2(1, "ssmix").with_(start=stage_1(1).with_(task="no-such-task")))
    launch(runs, store, device="cpu", jobs=2, use_hub=False, say=lines.append)
    assert [store.done(r) for r in runs] == [True] * 3 + [False] * 2
    assert sum(line.startswith("[") for line in lines) == 6
    assert "its start failed" in store.get(runs[-1])["error"]
    assert not list(paths.checkpoints().glob("*.safetensors"))
    lines.clear()
    launch(runs, store, device="cpu", jobs=2, use_hub=False, say=lines.append)
    # Given up is what failed by itself; what had no data is tried again, with what starts from it.
    assert [line[:6] for line in lines] == ["[1/2] ", "[2/2] "]
    assert all("seed 1: FAILED" in line for line in lines)


@pytest.mark.slow
def test_nothing_is_lost_when_trainer_and_workers_are_killed(tmp_path):
    """``kill -9`` of workers and of the launcher, a dozen times at random moments; then a plain call completes the plan.

    Every record that was finished at any time must still be there, unchanged, and the curves must be those of an
    uninterrupted execution.
    """
    import random

    runs = [r for seed in range(3) for r in (stage_1(seed, 8), stage_2(seed, "ssmix", 8), stage_2(seed, "tmix", 8))]
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps([r.to_dict() for r in runs]))
    script = (
        "import json, sys; from mixutils.runs.run import Run; from mixutils.runs.records import Records; from mixutils.runs.launch import launch;"
        "runs = [Run.from_dict(r) for r in json.load(open(sys.argv[1]))];"
        "launch(runs, Records(), device='cpu', jobs=2, use_hub=False)"
    )
    draw = random.Random(7)
    finished: dict[str, bytes] = {}
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(plan)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        while process.poll() is None and not children(process.pid):
            time.sleep(0.05)  # until it has workers
        for blow in range(4):
            time.sleep(draw.uniform(0.1, 4.0))
            workers = children(process.pid)
            with contextlib.suppress(ProcessLookupError):
                os.kill(draw.choice(workers) if workers and blow < 3 else process.pid, signal.SIGKILL)
        kill_all(process)
        for path in paths.records().glob("*.json"):
            content = path.read_bytes()
            record = json.loads(content)  # whole, or it would not parse
            if record["status"] == "done":
                assert finished.setdefault(path.stem, content) == content, "a finished record was changed"
    store = Records()
    launch(runs, store, device="cpu", jobs=2, use_hub=False, retry=True)
    assert all(store.done(r) for r in runs)
    for name, content in finished.items():
        assert store.path(name).read_bytes() == content
    for run in runs[:3]:
        alone = execute(run, device="cpu", use_hub=False, keep=["best-on-test"])  # without any blow
        assert compact(alone["curve"]) == store.get(run)["curve"]


def children(pid: int) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout.split()
    return [int(p) for p in found]


def kill_all(process: subprocess.Popen) -> None:
    for pid in (*children(process.pid), process.pid):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    process.wait()


@pytest.mark.slow
def test_workers_stop_when_their_launcher_is_gone():
    """A worker whose standard input closes leaves at once, in the middle of a run too."""
    worker = subprocess.Popen(
        [sys.executable, "-m", "mixutils", "worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    message = {"run": stage_1(0, 50_000).to_dict(), "keep": [], "device": "cpu", "threads": 1, "use_hub": False}
    worker.stdin.write(json.dumps(message) + "\n")
    worker.stdin.flush()
    time.sleep(1)
    worker.stdin.close()
    assert worker.wait(timeout=60) == 0  # the import alone may take long


def test_one_worker_per_core_unless_said_otherwise():
    assert devices("cpu", 0) == ["cpu"] * len(os.sched_getaffinity(0))
    assert devices("cpu", 3) == ["cpu"] * 3


def test_durations_for_people():
    assert [duration(s) for s in (5, 89, 200, 7200)] == ["5 s", "89 s", "3 min", "2.0 h"]
