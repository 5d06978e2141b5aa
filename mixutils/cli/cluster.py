"""status, cancel: what a cluster has of what was submitted from this work folder."""

from __future__ import annotations

import argparse
from collections import Counter

from .. import paths
from ..runs import cluster
from ..runs.locks import holder
from ..runs.records import Records
from ..wording import counted

MOST = 20  # lines of one state


def status(args: argparse.Namespace) -> int:
    """Print every submitted run's state; 1 where something failed or was lost."""
    lines = _lines()
    counts = Counter(state for state, _ in lines)
    of_job = Counter(text for state, text in lines if state == "queued")
    if not lines:
        print(f"nothing was submitted from {paths.work()}")
        return 0
    said = (f"{counts[state]} {state}" for state in ("queued", "running", "done", "failed", "lost") if counts[state])
    print(f"{counted(len(lines), 'run')} submitted: {', '.join(said)}")
    for state in ("queued", "running", "failed", "lost"):
        of_state = [text for known, text in lines if known == state]
        if state == "queued":
            of_state = [f"{text}: {counted(n, 'run')}" for text, n in of_job.items()]
        for text in of_state[:MOST]:
            print(f"{state:<8} {text}")
        if len(of_state) > MOST:
            print(f"{state:<8} and {len(of_state) - MOST} more")
    if counts["lost"]:
        print("train --slurm with the same options submits lost runs again")
    return int(bool(counts["failed"] or counts["lost"]))


def _lines() -> list[tuple[str, str]]:
    """State and text of every run, by the last job that had it."""
    store, jobs = Records(), cluster.sent()
    there = cluster.alive(jobs)
    out = []
    last = {name: job for job in jobs for name in job.runs}
    for name, job in last.items():
        title = f"{job.runs[name]} ({name})"
        if store.done(name):
            out.append(("done", title))
        elif who := holder(name):
            out.append(("running", f"{title}: {who}; {job.log}"))
        elif (record := store.get(name)) is not None and record["status"] == "failed":  # since it was submitted
            out.append(("failed", f"{title}: {record['error'][:200]}; {job.log}"))
        elif job.id in there:
            out.append(("queued", f"job {job.id}, {there[job.id]}"))
        else:
            out.append(("lost", f"{title}: {cluster.ending(job)}"))
    return out


def cancel(args: argparse.Namespace) -> int:
    jobs = cluster.cancel()
    runs = sum(len(job.runs) for job in jobs)
    print(
        f"cancelled {counted(len(jobs), 'job')} with {counted(runs, 'run')}; what is finished stays"
        if jobs
        else "nothing is queued or running"
    )
    return 0
