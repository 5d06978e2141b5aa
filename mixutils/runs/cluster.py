"""The launcher's other door: jobs of a cluster, each of which is a local launch of a few runs. Submitit talks to Slurm.

Runs go out in waves, because a run can start only when the run whose weights it needs is finished; each wave waits for the
one before. Records, weights and locks meet in ``MIXUTILS_WORK``, which must be on a file system that all nodes share. Which
job has which run is kept beside the records, so that nothing is submitted twice; how a job ends does not matter: what is
done has a record, and the next submission has what is missing.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import shlex
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch
from submitit import LocalExecutor, SlurmExecutor
from submitit.core.utils import JobPaths
from submitit.helpers import Checkpointable
from submitit.slurm.slurm import SlurmJobEnvironment

from .. import paths
from . import slurm
from .checkpoints import checkpoint_path
from .estimate import Costs
from .launch import Job, Jobs, launch, orphan
from .locks import Locks
from .records import Records, write_whole
from .run import Run

#: Runs are put together into jobs that take about so long, or half of --time: short enough to be let in between others.
JOB_SECONDS = 25 * 60.0
#: A job that reaches its time limit goes back to the queue so often; its runs go on from their own checkpoints.
TIMEOUTS = 100
POLL = 5.0  # seconds between two looks at the records
GRACE = 30.0  # seconds for which a run may have neither a job nor a record: file systems tell other machines late


@dataclass
class Batch(Checkpointable):
    """What a job does, on whichever node. Submitit calls it again when it was interrupted: then what is missing is left.

    Attributes:
        keep: hash -> checkpoints to leave behind. again: hash -> digest of the data with which a run is done, where it is
            to be repeated with those at hand. how: ``device``, ``jobs``, ``threads``, ``use_hub`` of ``launch``.
        variables: of the environment.
    """

    runs: list[Run]
    keep: dict[str, set[str]]
    again: dict[str, str]
    how: dict[str, Any]
    variables: dict[str, str] = field(default_factory=dict)

    def __call__(self) -> None:
        os.environ.update(self.variables)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # cancelled: submitit would go on until it is killed
        store, runs = Records(), []
        for run in self.runs:
            if run.start is not None and store.failed(run.start) and not store.done(run):
                store.put(orphan(run, store))  # its wave is over, so the start is not tried again
            else:
                runs.append(run)
        done = {h: r for h in self.again if (r := store.get(h)) is not None and r["status"] == "done"}
        again = [h for h, record in done.items() if record["data"]["digest"] == self.again[h]]
        launch(runs, store, again=again, keep=self.keep, forget=False, **self.how)


class Sent(NamedTuple):
    """A submitted job: its id, "slurm" or "local", and hash -> title of its runs."""

    id: str
    cluster: str
    runs: dict[str, str]

    @property
    def log(self) -> Path:
        """What it said of errors, or at all."""
        here = JobPaths(_folder(), self.id)
        return here.stderr if here.stderr.is_file() and here.stderr.stat().st_size else here.stdout


def _folder() -> Path:
    return paths.cluster() / "jobs"


def sent() -> list[Sent]:
    """All jobs that were ever submitted with this work folder, the last ones last."""
    files = sorted(paths.cluster().glob("*.json"), key=lambda path: path.stat().st_mtime)
    lists = [json.loads(path.read_text("utf-8")) for path in files]
    return [Sent(job, known["cluster"], runs) for known in lists for job, runs in known["jobs"].items()]


def alive(jobs: Iterable[Sent]) -> dict[str, str]:
    """Id -> state, of the jobs that are queued or running.

    Raises:
        RuntimeError: Slurm does not answer.
    """
    jobs = list(jobs)
    of_slurm = slurm.states() if any(job.cluster == "slurm" for job in jobs) else {}
    here = {job.id: "RUNNING" for job in jobs if job.cluster == "local" and _runs_here(int(job.id))}
    return here | {job.id: of_slurm[job.id] for job in jobs if job.cluster == "slurm" and job.id in of_slurm}


def _runs_here(process: int) -> bool:
    command = ["ps", "-o", "args=", "-p", str(process)]  # names are shown, so that another's number is told apart
    return "submitit" in subprocess.run(command, capture_output=True, text=True, check=False).stdout


def queue() -> dict[str, Sent]:
    """Hash -> the job that has the run, of all jobs that are queued or running."""
    jobs = sent()
    there = alive(jobs)
    return {name: job for job in jobs if job.id in there for name in job.runs}


def waves(jobs: dict[str, Job]) -> list[list[Job]]:
    """Jobs by how many unfinished runs must come before them."""

    def depth(run: Run) -> int:
        return 1 + depth(run.start) if run.start is not None and run.start.hash in jobs else 0

    out: dict[int, list[Job]] = defaultdict(list)
    for job in jobs.values():
        out[depth(job.run)].append(job)
    return [out[number] for number in sorted(out)]


def packed(wave: list[Job], seconds: Callable[[Run], float], workers: int, most: float) -> list[list[Job]]:
    """The runs of a wave by the job that will have them: ``most`` seconds each, and something to do for every worker."""
    out: list[list[Job]] = [[]]
    filled = 0.0
    for job in wave:
        took = seconds(job.run) / workers
        if len(out[-1]) >= workers and filled + took > most:
            out.append([])
            filled = 0.0
        out[-1].append(job)
        filled += took
    return out


def submit(
    todo: dict[str, Job],
    store: Records,
    *,
    device: str,
    use_hub: bool,
    jobs: int = 0,
    threads: int = 1,
    again: Collection[str] = (),
    arguments: str = "",
) -> list[str]:
    """Submit what is neither done nor in the queue.

    Args:
        todo: from ``launch.jobs_for``. device, use_hub, jobs, threads, again: of the launch in each job.
        arguments: options of ``sbatch``, as "--partition=gpu --gres=gpu:1 --time=2:00:00"; or "local": processes of this
            machine, to try it.

    Returns:
        Ids of arrays and jobs; [] if there was nothing to submit.

    Raises:
        ValueError: arguments that ``sbatch`` does not take. RuntimeError: there is no ``sbatch``, or it refused; what was
            submitted before that stays.
    """
    local = arguments.strip() == "local"
    given = slurm.options(arguments)
    limit = slurm.minutes(str(given.get("time", slurm.MINUTES)))
    if not local:
        slurm.check()
    locks = Locks()
    while not locks.take("submission"):
        time.sleep(1)
    try:
        there = queue()
        new = {name: job for name, job in todo.items() if name not in there}
        if not new:
            return []
        workers = jobs or slurm.workers(given)
        of_wave = _by_job(waves(new), store, workers, math.inf if local else min(JOB_SECONDS, 30 * limit), local)
        digests = {h: r["data"]["digest"] for h in again if (r := store.get(h)) is not None and h in new}
        how = {"device": device, "jobs": jobs, "threads": threads, "use_hub": use_hub}
        ids: list[str] = []
        for wave in of_wave:
            starts = {job.run.start.hash for part in wave for job in part if job.run.start is not None}
            earlier = {there[h].id.split("_")[0] for h in starts & set(there)} | set(ids)
            at_most = len(wave) if local else slurm.largest_array()
            for first in range(0, len(wave), at_most):
                parts = wave[first : first + at_most]
                for job in (job for part in parts for job in part):
                    store.forget_failure(job.run)
                batches = [_batch(part, digests, how) for part in parts]
                executor = _local() if local else _slurm(given, limit, earlier, len(parts))
                ids.append(_send(executor, batches, ids))
        return ids
    finally:
        locks.free_all()


def _by_job(waves: list[list[Job]], store: Records, workers: int, most: float, local: bool) -> list[list[list[Job]]]:
    """Wave -> job -> runs. Jobs are longer where the cluster lets a user have only a few."""
    room = math.inf if local else slurm.most_jobs() - len(slurm.states())
    if room < len(waves):
        raise RuntimeError("the cluster lets you queue no more jobs: submit again when some of yours are finished")
    costs = Costs(store)
    while True:
        out = [packed(wave, costs.seconds, workers, most) for wave in waves]
        if sum(map(len, out)) <= room:
            return out
        most, workers = 1.5 * most + 60, workers + 1


def _batch(part: list[Job], digests: dict[str, str], how: dict[str, Any]) -> Batch:
    names = {job.run.hash for job in part}
    variables = {name: value for name, value in os.environ.items() if name.startswith("MIXUTILS_")}
    return Batch(
        [job.run for job in part],
        {job.run.hash: job.keep for job in part if job.keep},
        {h: digest for h, digest in digests.items() if h in names},
        how,
        variables | {"MIXUTILS_WORK": str(paths.work())},
    )


def _local() -> LocalExecutor:
    out = LocalExecutor(_folder(), max_num_timeout=TIMEOUTS)
    out.update_parameters(timeout_min=slurm.FOREVER, gpus_per_node=torch.cuda.device_count())
    return out


def _slurm(given: dict[str, str | bool], limit: int, earlier: set[str], count: int) -> SlurmExecutor:
    # Without srun, which would give a step its own idea of cores and tasks; so the signal goes to the batch script, whose
    # place Python takes by exec.
    out = SlurmExecutor(_folder(), max_num_timeout=TIMEOUTS, python=f"exec {shlex.quote(sys.executable)}")
    own = {name.replace("-", "_"): value for name, value in given.items() if name != "array"}  # as submitit names them
    own |= {"requeue": True, "signal": f"B:{SlurmJobEnvironment.USR_SIG}@{min(90, 20 * limit)}"}
    if earlier:
        after = f"afterany:{':'.join(sorted(earlier))}"
        own["dependency"] = f"{own['dependency']},{after}" if "dependency" in own else after
    out.update_parameters(
        job_name="mixutils",
        time=limit,
        wckey=None,
        use_srun=False,
        setup=[f"trap '' {SlurmJobEnvironment.USR_SIG}"],  # until Python listens to it, it would be the end
        array_parallelism=int(str(given.get("array", f"%{count}"))[1:]),
        additional_parameters=own,
    )
    return out


def _send(executor: LocalExecutor | SlurmExecutor, batches: list[Batch], ids: list[str]) -> str:
    """Submit one array and take note of it; its id."""
    try:
        with contextlib.redirect_stderr(io.StringIO()):  # submitit prints what it raises
            jobs = executor.submit_array(batches)
    except RuntimeError as error:
        before = f"; submitted before that: {', '.join(ids)}" if ids else ""
        raise RuntimeError(f"sbatch refused: {' '.join(str(error).split())[:300]}{before}") from None
    name = jobs[0].job_id.split("_")[0]
    of_jobs = {j.job_id: {r.hash: r.title() for r in b.runs} for j, b in zip(jobs, batches, strict=True)}
    known = {"cluster": executor.name(), "jobs": of_jobs}
    write_whole(paths.cluster() / f"{name}.json", json.dumps(known, ensure_ascii=False).encode("utf-8"))
    return name


def wait(
    todo: dict[str, Job],
    store: Records,
    say: Callable[[str], None] = print,
    keep: Mapping[str, Collection[str]] | None = None,
) -> list[str]:
    """Stay until the cluster has finished these runs, with a line for each, as ``launch.launch`` does.

    Args:
        todo, keep: as for ``launch.jobs_for``.

    Returns:
        Hashes of the runs that no job will do: theirs have ended without them.
    """
    left, since, lost = Jobs(todo, store, say, keep), dict[str, float](), list[str]()
    jobs = {name: job for job in sent() for name in job.runs}
    while True:
        for name in list(left.left):
            if name in left.left:  # and not found to have failed with what it starts from
                left.found(left.left[name])
        missing = [name for name in left.left if name not in lost]
        if not missing:
            return lost
        with contextlib.suppress(RuntimeError):  # Slurm's controller may be away for a while
            there = queue()
            for name in missing:
                if name in there:
                    since.pop(name, None)
                elif time.monotonic() - since.setdefault(name, time.monotonic()) > GRACE:
                    lost.append(name)
                    say(f"{10 * ' '} {left.left[name].run.title()}: {ending(jobs.get(name))}")
        time.sleep(POLL)


def tidy(runs: Iterable[Run], keep: Mapping[str, Collection[str]]) -> None:
    """Delete the weights that these runs started from, all of which are done; those to ``keep`` and to measure on stay."""
    for run in runs:
        if run.start is None or run.start_policy in keep.get(run.start.hash, ()):
            continue
        if run.start_policy != run.start.probe_policy:
            checkpoint_path(run.start.hash, run.start_policy).unlink(missing_ok=True)


def ending(job: Sent | None) -> str:
    """What became of a run's job, where the run has no record."""
    if job is None:
        return "no job has it"
    how = slurm.ended(job.id) if job.cluster == "slurm" else ""
    log = f"; {job.log}" if job.log.is_file() else ", before it began"
    return f"its job {job.id} ended without it{f' ({how})' if how else ''}{log}"


def cancel() -> list[Sent]:
    """Cancel what is queued or running; returns it."""
    jobs = sent()
    there = alive(jobs)
    ours = [job for job in jobs if job.id in there]
    for job in (job for job in ours if job.cluster == "local"):
        os.kill(int(job.id), signal.SIGINT)
    if of_slurm := [job.id for job in ours if job.cluster == "slurm"]:
        slurm.cancel(of_slurm)
    return ours
