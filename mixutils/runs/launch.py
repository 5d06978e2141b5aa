"""One small door to computing: a local pool of plain processes (one per core, several per GPU), or Slurm.

Workers are separate interpreters that read runs from their standard input and store records themselves, so that nothing
is lost when any process is killed: a dead worker's run is given to another, a dead launcher's workers stop, and the next
call does what is missing. Runs that others start from come first; their weights are deleted when nobody needs them.
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
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from . import checkpoints
from .records import Records
from .run import Run

ATTEMPTS = 3  # a run whose worker dies is tried so often
Line = Callable[[str], None]


@dataclass
class Job:
    """A run to execute, and the weights it must leave behind."""

    run: Run
    keep: set[str] = field(default_factory=set)
    deaths: int = 0


def jobs_for(runs: Iterable[Run], store: Records, retry: bool = False, again: Collection[str] = ()) -> dict[str, Job]:
    """What has to be executed for ``runs``, by hash: missing runs, and finished ones whose weights are needed again.

    Failed runs are left alone unless ``retry``; finished ones are repeated if their hash is in ``again``.
    """
    jobs: dict[str, Job] = {}

    def need(run: Run) -> Job:
        return jobs.setdefault(run.hash, Job(run))

    for run in runs:
        if run.hash not in again and (store.done(run) or (store.failed(run) and not retry)):
            continue
        need(run)
        while run.start is not None:
            weights = checkpoints.checkpoint_path(run.start.hash, run.start_policy)
            if weights.is_file() and run.start.hash not in again:
                break
            need(run.start).keep.add(run.start_policy)
            run = run.start
    return jobs


def _worker_command() -> list[str]:
    return [sys.executable, "-m", "mixutils", "worker"]


class Worker:
    """One worker process and a thread that reads what it says."""

    def __init__(self, number: int, device: str, threads: int, use_hub: bool, events: queue.Queue) -> None:
        self.number, self.job = number, None
        # One thread for everything: the runs are parallel, not their parts.
        environment = os.environ | {"OMP_NUM_THREADS": str(threads), "TOKENIZERS_PARALLELISM": "false"}
        self.settings = {"device": device, "threads": threads, "use_hub": use_hub}
        self.process = subprocess.Popen(
            _worker_command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        threading.Thread(target=self._listen, args=(events,), daemon=True).start()

    def _listen(self, events: queue.Queue) -> None:
        for line in self.process.stdout:
            with contextlib.suppress(json.JSONDecodeError):
                events.put((self, json.loads(line)))
        events.put((self, {"event": "dead", "code": self.process.wait()}))

    def give(self, job: Job) -> None:
        self.job = job
        message = {"run": job.run.to_dict(), "keep": sorted(job.keep), **self.settings}
        with contextlib.suppress(BrokenPipeError):  # its death is reported by the thread
            self.process.stdin.write(json.dumps(message) + "\n")
            self.process.stdin.flush()

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()


def devices(device: str, jobs: int) -> tuple[list[str], int]:
    """The device of each of ``jobs`` workers; 0 jobs chooses: one per core, or up to four per GPU."""
    from . import environment

    where, cores = environment.pick_device(device), environment.cores()
    if where.type == "cpu":
        count = jobs or cores
        return ["cpu"] * count, count
    import torch

    cards = (
        [f"cuda:{where.index}"] if where.index is not None else [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    )
    count = jobs or len(cards) * max(1, min(4, (cores - 1) // len(cards)))
    return [cards[i % len(cards)] for i in range(count)], count


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
    say: Line = print,
    cost: Callable[[Run], float] = lambda run: 1.0,
    keep_weights: bool = False,
) -> dict[str, int]:
    """Execute what is missing of ``runs`` on this machine.

    Args:
        store: where the workers' records are looked for; workers write to ``paths.records()``.
        jobs: worker processes; 0 chooses. threads: per worker. retry: also repeat failed runs. again: hashes of finished
            runs to repeat.
        say: called with one plain line per finished run. cost: expected seconds of a run, for the time left.
        keep_weights: do not delete the weights that later runs started from.

    Returns:
        Counts: "done", "failed" and "kept" (already there).
    """
    runs = list(dict.fromkeys(runs))
    jobs_left = jobs_for(runs, store, retry, again)
    total = len(jobs_left)
    counts = {"done": 0, "failed": 0, "kept": len(runs) - sum(r.hash in jobs_left for r in runs)}
    if not total:
        return counts
    where, count = devices(device, jobs)
    events: queue.Queue = queue.Queue()
    clock = _Clock({h: cost(j.run) for h, j in jobs_left.items()}, min(count, total))
    waiting = dict(jobs_left)
    workers = [Worker(i, where[i], threads, use_hub, events) for i in range(min(count, total))]
    try:
        for worker in workers:
            _next(worker, waiting, jobs_left)
        while jobs_left:
            worker, event = events.get()
            job = worker.job
            if event["event"] == "progress":
                if clock.quiet():
                    say(f"           {job.run.title()}: {event['line']}")
                continue
            worker.job = None
            if event["event"] == "dead":
                workers[worker.number] = Worker(worker.number, where[worker.number], threads, use_hub, events)
                if job is not None:
                    job.deaths += 1
                    if job.deaths < ATTEMPTS:
                        say(f"           a worker died ({_reason(event['code'])}); {job.run.title()} is started again")
                        waiting = {job.run.hash: job, **waiting}
                    else:
                        _store_death(store, job, event["code"])
            if job is not None and job.run.hash not in waiting:
                jobs_left.pop(job.run.hash)
                record = store.get(job.run)
                # What the worker says: a run that was done before and fails now keeps its old record.
                ok = event.get("status", record["status"] if record else "failed") == "done"
                counts["done" if ok else "failed"] += 1
                clock.finished(job.run.hash)
                number = counts["done"] + counts["failed"]
                say(
                    f"[{number:>{len(str(total))}}/{total}] {job.run.title()}: {_outcome(record)} | "
                    f"{counts['failed']} failed | {clock.left()}"
                )
                if not ok:
                    for child in [
                        j for j in waiting.values() if j.run.start is not None and j.run.start.hash == job.run.hash
                    ]:
                        _store_orphan(store, child, waiting, jobs_left, counts, say)
                elif not keep_weights:
                    _forget_weights(job.run, jobs_left)
            # Someone may wait for what has just been finished.
            for idle in [w for w in workers if w.job is None]:
                _next(idle, waiting, jobs_left)
    finally:
        for worker in workers:
            worker.stop()
    return counts


def _next(worker: Worker, waiting: dict[str, Job], unfinished: dict[str, Job]) -> None:
    """Give a worker the next run whose start is finished; runs that others start from go first."""
    starts = {j.run.start.hash for j in waiting.values() if j.run.start is not None}
    ready = [j for j in waiting.values() if j.run.start is None or j.run.start.hash not in unfinished]
    if ready:
        job = min(ready, key=lambda j: j.run.hash not in starts)  # min keeps the order of the plan among equals
        del waiting[job.run.hash]
        worker.give(job)


def _outcome(record: dict[str, Any] | None) -> str:
    if record is None:
        return "no record was stored"
    if record["status"] == "failed":
        return f"FAILED ({record['error'][:160]})"
    part, metrics = next(iter(record["selected"]["last"]["metrics"].items()))
    return f"{part} accuracy {100 * metrics['accuracy']:.1f}, {record['cost']['total_s']:.0f} s"


def _reason(code: int) -> str:
    return f"signal {-code}" + (", out of memory?" if code == -9 else "") if code < 0 else f"exit code {code}"


def _failed(run: Run, error: str) -> dict[str, Any]:
    return {"hash": run.hash, "status": "failed", "run": run.to_dict(), "error": error, "traceback": error}


def _store_death(store: Records, job: Job, code: int) -> None:
    store.put(_failed(job.run, f"its worker died {ATTEMPTS} times, last with {_reason(code)}"))


def _store_orphan(store, job: Job, waiting, unfinished, counts, say: Line) -> None:
    """A run whose start failed cannot be trained; it is stored as failed, and so are those that start from it."""
    waiting.pop(job.run.hash)
    unfinished.pop(job.run.hash)
    counts["failed"] += 1
    store.put(_failed(job.run, f"its start failed: {job.run.start.title()} ({job.run.start.hash})"))
    say(f"           {job.run.title()}: not trained, its start failed")
    for child in [j for j in waiting.values() if j.run.start is not None and j.run.start.hash == job.run.hash]:
        _store_orphan(store, child, waiting, unfinished, counts, say)


def _forget_weights(run: Run, unfinished: dict[str, Job]) -> None:
    """Delete the weights that ``run`` started from if nobody else of this launch needs them."""
    start = run.start
    if start is None or any(
        j.run.start == start and j.run.start_policy == run.start_policy for j in unfinished.values()
    ):
        return
    checkpoints.checkpoint_path(start.hash, run.start_policy).unlink(missing_ok=True)


class _Clock:
    """Time left, from expected costs corrected by what the finished ones really took."""

    def __init__(self, costs: dict[str, float], workers: int) -> None:
        self.costs, self.workers = costs, max(1, workers)
        self.begin = time.monotonic()
        self.total = sum(costs.values()) or 1.0
        self.spent = 0.0
        self.last_line = self.begin

    def finished(self, name: str) -> None:
        self.spent += self.costs[name]
        self.last_line = time.monotonic()

    def quiet(self, seconds: float = 60.0) -> bool:
        """Whether nothing was said for so long that a line about a running job is welcome."""
        now = time.monotonic()
        if now - self.last_line < seconds:
            return False
        self.last_line = now
        return True

    def left(self) -> str:
        elapsed = time.monotonic() - self.begin
        if self.spent <= 0 or self.spent >= self.total:
            return "ETA –" if self.spent < self.total else f"{duration(elapsed)} in all"
        return f"ETA {duration(elapsed * (self.total - self.spent) / self.spent)}"


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
            inbox.put(json.loads(line))
        os._exit(0)  # the launcher is gone, or has no more work

    threading.Thread(target=listen, daemon=True).start()

    def tell(**event: Any) -> None:
        out.write(json.dumps(event) + "\n")

    while True:
        message = inbox.get()
        from .execute import attempt  # after the first message: the import takes seconds

        record = attempt(
            Run.from_dict(message["run"]),
            Records(),
            device=message["device"],
            threads=message["threads"],
            use_hub=message["use_hub"],
            keep=message["keep"],
            progress=lambda line: tell(event="progress", line=line),
        )
        tell(event="finished", hash=record["hash"], status=record["status"])
