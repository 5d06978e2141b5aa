"""One small door to computing: a local pool of plain processes (one per core, several per GPU).

Workers are separate interpreters that read runs from their standard input and store records themselves, so that nothing
is lost when any process is killed: a dead worker's run is given to another, a dead launcher's workers stop, and the next
call does what is missing. Runs that others start from come first; their weights are deleted when nobody needs them.
Several launchers may have one folder, also on machines that share it: each run is done by one of them (``locks``).
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from .. import paths
from ..wording import counted
from . import checkpoints, environment
from .locks import Locks, holder
from .records import Record, Records, failure
from .run import Run

ATTEMPTS = 3  # a run whose worker dies is tried so often
LOOK = 2.0  # seconds between two looks at what other launchers have finished, while they have runs that are wanted here


@dataclass
class Job:
    """A run to execute, the weights it must leave behind, its record before, and whether that is not to count."""

    run: Run
    keep: set[str] = field(default_factory=set)
    before: Record | None = None
    again: bool = False
    deaths: int = 0

    def line(self, device: str, threads: int, use_hub: bool) -> str:
        """What ``perform`` is told, in whatever process: one line of JSON."""
        how = {"device": device, "threads": threads, "use_hub": use_hub}
        return json.dumps({"run": self.run.to_dict(), "keep": sorted(self.keep), **how}) + "\n"


def perform(line: str, progress: Callable[[str], None]) -> Record:
    """Execute a run and store its record.

    Args:
        line: from ``Job.line``. progress: as for ``execute.execute``.
    """
    from .execute import attempt  # only where runs are executed: the import takes seconds

    told = json.loads(line)
    return attempt(Run.from_dict(told.pop("run")), Records(), progress=progress, **told)


def kept(run: Run, policies: Iterable[str]) -> bool:
    """Whether these checkpoints of a run are at hand."""
    return all(checkpoints.checkpoint_path(run.hash, policy).is_file() for policy in policies)


def jobs_for(
    runs: Iterable[Run],
    store: Records,
    retry: bool = False,
    again: Collection[str] = (),
    keep: Mapping[str, Collection[str]] | None = None,
) -> dict[str, Job]:
    """What has to be executed for ``runs``, by hash: missing runs, and finished ones whose weights are needed again.

    Runs that are given up are left alone unless ``retry``; finished ones are repeated if their hash is in ``again``, or if they lack
    a checkpoint of those that ``keep`` names by hash.
    """
    jobs: dict[str, Job] = {}
    keep = keep or {}

    def need(run: Run) -> Job:
        job = Job(run, set(keep.get(run.hash, ())), store.get(run), run.hash in again)
        return jobs.setdefault(run.hash, job)

    for run in runs:
        done = store.done(run) and kept(run, keep.get(run.hash, ()))
        if run.hash not in again and (done or (store.given_up(run) and not retry)):
            continue
        need(run)
        while run.start is not None:
            if kept(run.start, [run.start_policy]) and run.start.hash not in again:
                break
            need(run.start).keep.add(run.start_policy)
            run = run.start
    return jobs


class Worker:
    """One worker process and a thread that reads what it says."""

    def __init__(self, device: str, threads: int, use_hub: bool, events: queue.Queue) -> None:
        self.job: Job | None = None
        # One thread for everything: the runs are parallel, not their parts.
        variables = os.environ | {"OMP_NUM_THREADS": str(threads), "TOKENIZERS_PARALLELISM": "false"}
        self.settings = {"device": device, "threads": threads, "use_hub": use_hub}
        command = [sys.executable, "-m", "mixutils", "worker"]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=variables,
            start_new_session=True,  # Ctrl-C is the launcher's; workers leave when it closes their standard input
        )
        threading.Thread(target=self._listen, args=(events,), daemon=True).start()

    def _listen(self, events: queue.Queue) -> None:
        for line in self.process.stdout:
            with contextlib.suppress(json.JSONDecodeError):
                events.put((self, json.loads(line)))
        events.put((self, {"event": "dead", "code": self.process.wait()}))

    def give(self, job: Job) -> None:
        self.job = job
        with contextlib.suppress(BrokenPipeError):  # its death is reported by the thread
            self.process.stdin.write(job.line(**self.settings))
            self.process.stdin.flush()

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()


def devices(device: str, jobs: int) -> list[str]:
    """The device of each of ``jobs`` workers; 0 jobs chooses: one per core, or up to four per GPU.

    Raises:
        ValueError: too many jobs, or fewer than 0.
    """
    where, cores, jobs = environment.pick_device(device), environment.cores(), environment.count("jobs", jobs)
    if where.type == "cpu":
        return ["cpu"] * (jobs or cores)
    if where.type == "mps":
        return ["mps"] * (jobs or 1)
    numbers = range(torch.cuda.device_count()) if where.index is None else [where.index]
    cards = [f"cuda:{i}" for i in numbers]
    count = jobs or len(cards) * max(1, min(4, (cores - 1) // len(cards)))
    return [cards[i % len(cards)] for i in range(count)]


class Jobs:
    """What is left of a launch: who waits for a worker, what is finished, and what is said of it.

    Args:
        keep: as for ``jobs_for``. forget: whether weights that nobody needs any more, as far as this launch knows, are deleted.
    """

    def __init__(
        self,
        jobs: dict[str, Job],
        store: Records,
        say: Callable[[str], None],
        keep: Mapping[str, Collection[str]] | None = None,
        forget: bool = True,
    ) -> None:
        self.keep = dict(keep or {})
        self.left, self.waiting = dict(jobs), dict(jobs)  # not finished; of these, given to nobody
        self.store, self.say, self.forget = store, say, forget
        self.total, self.failed = len(jobs), 0
        self.begin = self.last_line = time.monotonic()
        self.locks, self.elsewhere, self.said = Locks(), "", False  # a run that another launcher had at the last look

    def next(self) -> Job | None:
        """The next run whose start is finished and that no other launcher has; runs that others start from go first."""
        while job := self._lockable():
            if not self.found(job):
                return self.waiting.pop(job.run.hash)
        return None

    def _lockable(self) -> Job | None:
        self.elsewhere = ""
        starts = {j.run.start.hash for j in self.waiting.values() if j.run.start is not None}
        ready = [j for j in self.waiting.values() if j.run.start is None or j.run.start.hash not in self.left]
        # Sorting keeps the order of the plan among equals.
        for job in sorted(ready, key=lambda j: j.run.hash not in starts):
            if self.locks.take(job.run.hash):
                return job
            self.elsewhere = job.run.hash
        return None

    def found(self, job: Job) -> bool:
        """Whether another launcher has finished it since this one began; then it is finished here too."""
        done, new = self.store.done(job.run), self.store.get(job.run) is not job.before
        if done and ((job.again and not new) or not kept(job.run, job.keep)):
            return False  # as old as before, or finished for somebody who needs no weights
        if not done and not (new and self.store.failed(job.run)):
            return False
        self.waiting.pop(job.run.hash)
        self.finished(job, "done" if done else "failed")
        return True

    def idle(self) -> None:
        """All workers are, because others have what is left: said once."""
        if not self.said and (who := holder(self.elsewhere)):
            self.said = True
            self._remark(f"left to others ({who}), and waited for: {counted(len(self.left), 'run')}")

    def progress(self, job: Job, line: str, seconds: float = 60.0) -> None:
        """A line about a running job is welcome where nothing was said for so long."""
        if time.monotonic() - self.last_line >= seconds:
            self._remark(f"{job.run.title()}: {line}")

    def died(self, job: Job, code: int) -> None:
        """Its worker did; another one tries again, a few times."""
        job.deaths += 1
        reason = f"exit code {code}" if code >= 0 else f"signal {-code}" + (", out of memory?" if code == -9 else "")
        if job.deaths < ATTEMPTS:
            self._remark(f"a worker died ({reason}); {job.run.title()} is started again")
            self.waiting = {job.run.hash: job, **self.waiting}
        else:
            self.store.put(failure(job.run, f"its worker died {ATTEMPTS} times, last with {reason}"))
            self.finished(job, "failed")

    def finished(self, job: Job, status: str) -> None:
        """``status`` is what the worker says: a run that was done before and fails now keeps its old record."""
        del self.left[job.run.hash]
        self.locks.free(job.run.hash)
        self.failed += status != "done"
        finished, elapsed = self.total - len(self.left), time.monotonic() - self.begin
        rest = f"ETA {duration(elapsed / finished * len(self.left))}" if self.left else f"{duration(elapsed)} in all"
        outcome = f"{_outcome(self.store.get(job.run))} | {self.failed} failed | {rest}"
        self._remark(f"{job.run.title()}: {outcome}", f"[{finished:>{len(str(self.total))}}/{self.total}]")
        if status != "done":
            self._orphans(job.run)
        elif self.forget:
            self._forget_weights(job.run)

    def _orphans(self, start: Run) -> None:
        """Runs whose start failed cannot be trained; they are stored as failed, and so are those that start from them."""
        for job in [j for j in self.waiting.values() if j.run.start is not None and j.run.start.hash == start.hash]:
            if self.waiting.pop(job.run.hash, None):
                self.store.put(orphan(job.run, self.store))
                self.finished(job, "failed")

    def _forget_weights(self, run: Run) -> None:
        """Delete the weights that ``run`` started from if nobody else of this launch needs them."""
        start = (run.start, run.start_policy)
        if run.start is None or start[1] in (run.start.probe_policy, *self.keep.get(run.start.hash, ())):
            return  # something is measured on those, or they shall stay
        if all(start != (j.run.start, j.run.start_policy) for j in self.left.values()):
            checkpoints.checkpoint_path(run.start.hash, run.start_policy).unlink(missing_ok=True)

    def _remark(self, text: str, count: str = "") -> None:
        self.last_line = time.monotonic()
        self.say(f"{count or 10 * ' '} {text}")


def orphan(run: Run, store: Records) -> Record:
    """The record of a run that cannot be trained, because its start has failed."""
    cause = "" if store.given_up(run.start) else "input"
    return failure(run, f"its start failed: {run.start.title()} ({run.start.hash})", cause=cause)


def launch(
    runs: Iterable[Run],
    store: Records,
    *,
    device: str = "auto",
    jobs: int = 0,
    threads: int = 1,
    use_hub: bool = True,
    retry: bool = False,
    again: Collection[str] = (),
    keep: Mapping[str, Collection[str]] | None = None,
    forget: bool = True,
    say: Callable[[str], None] = print,
) -> None:
    """Execute what is missing of ``runs`` on this machine.

    Args:
        store: where the workers' records are looked for; workers write to ``paths.records()``.
        jobs: worker processes; 0 chooses. threads: per worker. retry: also repeat failed runs. again: hashes of finished
            runs to repeat. keep: hash -> checkpoints to leave behind, beyond what these runs start from; with ``forget``
            false all of them stay.
        say: called with one plain line per finished run.

    Raises:
        OSError: records or weights cannot be written (a full disk); the other runs are left for the next call.
    """
    todo = jobs_for(runs, store, retry, again, keep)
    jobs_left = Jobs(todo, store, say, keep, forget)
    events: queue.Queue = queue.Queue()

    def hire(where: str) -> Worker:
        return Worker(where, threads, use_hub, events)

    workers = [hire(where) for where in devices(device, jobs)[: len(todo)]]
    try:
        while jobs_left.left:
            # Someone may wait for what has just been finished.
            for idle in [w for w in workers if w.job is None]:
                if job := jobs_left.next():
                    idle.give(job)
            if not jobs_left.left:  # the others had the last ones
                break
            try:
                worker, event = events.get(timeout=LOOK if jobs_left.elsewhere else None)
            except queue.Empty:
                if all(w.job is None for w in workers):
                    jobs_left.idle()
                continue
            job = worker.job
            if event["event"] == "stopped":
                raise OSError(*event["error"])
            if event["event"] == "progress":
                jobs_left.progress(job, event["line"])
                continue
            worker.job = None
            if event["event"] == "finished":
                jobs_left.finished(job, event["status"])
            else:
                workers[workers.index(worker)] = hire(worker.settings["device"])
                if job is not None:
                    jobs_left.died(job, event["code"])
    finally:
        for worker in workers:
            worker.stop()
        jobs_left.locks.free_all()


def _outcome(record: Record | None) -> str:
    if record is None:
        return "no record was stored"
    if record["status"] == "failed":
        return f"FAILED ({record['error'][:160]})"
    part, metrics = next(iter(record["selected"]["last"]["metrics"].items()))
    return f"{part} accuracy {100 * metrics['accuracy']:.1f}, {record['cost']['total_s']:.0f} s"


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def worker_main() -> None:
    """Body of a worker: one JSON message per line in, one per event out."""
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever libraries print goes to the log, not into the conversation
    inbox: queue.Queue = queue.Queue()

    def listen() -> None:
        for line in sys.stdin:
            inbox.put(line)
        os._exit(0)  # the launcher is gone, or has no more work

    threading.Thread(target=listen, daemon=True).start()

    def tell(**event: Any) -> None:
        out.write(json.dumps(event) + "\n")

    while True:
        try:
            record = perform(inbox.get(), lambda line: tell(event="progress", line=line))
        except OSError as error:  # what was trained cannot be kept, nor would what comes next
            tell(event="stopped", error=[error.errno, error.strerror, str(error.filename or paths.work())])
            return
        tell(event="finished", status=record["status"])
