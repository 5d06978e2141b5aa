"""Locks: one owner at a time, none of them stale, and two launches that share a plan."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from mixutils import paths
from mixutils.runs import checkpoints, launch
from mixutils.runs.locks import Locks, holder
from mixutils.runs.records import Records
from tests import fakes
from tests.test_launch import stage_1, stage_2


def test_a_lock_has_one_owner_until_it_is_given_back():
    one, other = Locks(), Locks()
    assert (one.take("a"), one.take("a"), other.take("a"), other.take("b")) == (True, True, False, True)
    assert "process" in holder("a")
    one.free_all()
    assert (holder("a"), other.take("a")) == ("", True)
    other.free_all()
    assert not list(paths.locks().iterdir())


def test_a_lock_ends_with_its_process():
    code = (
        "import time; from mixutils.runs.locks import Locks; locks = Locks();"
        "print(locks.take('a'), flush=True); time.sleep(600)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "True\n"
    assert not Locks().take("a")
    process.kill()
    process.wait()
    assert holder("a") == ""
    assert Locks().take("a")


class Worker:
    """Stands in for ``launch.Worker``: runs are done by writing down a record."""

    trained: list[str] = []

    def __init__(self, device, threads, use_hub, events) -> None:
        self.job, self.events, self.settings = None, events, {"device": device}

    def give(self, job) -> None:
        self.job = job

        def work() -> None:
            time.sleep(0.02)
            Worker.trained.append(job.run.hash)
            broken = job.run.seed == 7
            for policy in job.keep if not broken else ():
                path = checkpoints.checkpoint_path(job.run.hash, policy)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
            Records().put(fakes.failed(job.run) if broken else fakes.done(job.run, 50.0))
            self.events.put((self, {"event": "finished", "status": "failed" if broken else "done"}))

        threading.Thread(target=work, daemon=True).start()

    def stop(self) -> None:
        pass


def test_two_launches_with_one_folder_do_every_run_once(monkeypatch):
    monkeypatch.setattr(launch, "Worker", Worker)
    monkeypatch.setattr(launch, "LOOK", 0.01)
    monkeypatch.setattr(Worker, "trained", [])
    plan = [r for s in (0, 1, 7) for r in (stage_1(s), stage_2(s, "ssmix"), stage_2(s, "tmix"))]
    plan += [stage_1(s) for s in range(20, 30)]
    said: list[list[str]] = [[], []]

    def train(lines: list[str]) -> None:
        launch.launch(plan, Records(), device="cpu", jobs=2, say=lines.append)

    threads = [threading.Thread(target=train, args=(lines,), daemon=True) for lines in said]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive()
    store = Records()
    assert sorted(Worker.trained) == sorted(r.hash for r in plan if r.start is None or r.seed != 7)
    assert [store.failed(r) for r in plan] == [r.seed == 7 for r in plan]
    for lines in said:  # both have seen all of it
        assert sum(line.startswith("[") for line in lines) == len(plan)
        assert " 3 failed | " in lines[-1]
    assert not list(paths.locks().iterdir())
    assert not list(paths.checkpoints().iterdir())  # nobody needs them any more


@pytest.mark.parametrize("again", [False, True])
def test_what_was_done_before_is_repeated_only_where_that_is_asked_for(again):
    store, run = Records(), stage_1(0)
    store.put(fakes.done(run, 50.0))
    jobs = launch.jobs_for([run], store, again=[run.hash] if again else ())
    assert set(jobs) == ({run.hash} if again else set())
    left = launch.Jobs(jobs, store, print)
    assert [left.found(job) for job in jobs.values()] == ([False] if again else [])
    store.put(fakes.done(run, 60.0))  # by another launcher, meanwhile
    assert [left.found(job) for job in jobs.values()] == ([True] if again else [])
    assert left.left == {}
