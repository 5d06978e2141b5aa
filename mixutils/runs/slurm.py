"""The other side of the launcher's door: job arrays on a Slurm cluster, running the same function as the local pool.

Runs go out in waves, because a run can start only when the run whose weights it needs is finished: one array per wave,
each waiting for the one before. Records and weights meet in ``MIXUTILS_WORK``, which must be on a file system that all
nodes share. Nothing but ``sbatch`` is needed.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from .. import paths
from .launch import Job, jobs_for, perform
from .records import Records, write_whole
from .run import Run


def waves(jobs: dict[str, Job]) -> list[list[Job]]:
    """Jobs by how many unfinished runs must come before them."""

    def depth(run: Run) -> int:
        return 1 + depth(run.start) if run.start is not None and run.start.hash in jobs else 0

    out: dict[int, list[Job]] = defaultdict(list)
    for job in jobs.values():
        out[depth(job.run)].append(job)
    return [out[number] for number in sorted(out)]


def submit(
    runs: Iterable[Run],
    store: Records,
    *,
    device: str,
    use_hub: bool,
    retry: bool = False,
    again: Collection[str] = (),
    keep: Mapping[str, str] | None = None,
    at_once: int = 0,
    arguments: str = "",
) -> list[str]:
    """Submit what is missing of ``runs``.

    Args:
        retry, again, keep: as for ``launch.launch``. at_once: array tasks that may run at the same time; 0: no limit. arguments: further arguments of ``sbatch``, as
            "--partition=gpu --gres=gpu:1 --time=2:00:00".

    Returns:
        One job id per wave; [] if nothing is missing.

    Raises:
        RuntimeError: no ``sbatch``, or it refused.
    """
    if shutil.which("sbatch") is None:
        raise RuntimeError(
            "sbatch is not on the PATH: submit from a node of the cluster, or train here without --slurm"
        )
    folder = paths.work() / "slurm"
    ids: list[str] = []
    for number, jobs in enumerate(waves(jobs_for(runs, store, retry, again, keep))):
        batch = folder / f"wave-{number}-{jobs[0].run.hash}.jsonl"
        write_whole(batch, "".join(job.line(device, 1, use_hub) for job in jobs).encode())
        command = ["sbatch", "--parsable", f"--array=0-{len(jobs) - 1}" + (f"%{at_once}" if at_once else "")]
        command += [f"--output={folder}/%A-%a.log", "--job-name=mixutils", *shlex.split(arguments)]
        if ids:
            command.append(f"--dependency=afterany:{ids[-1]}")
        task = f"{shlex.quote(sys.executable)} -m mixutils worker --batch {shlex.quote(str(batch))} --index $SLURM_ARRAY_TASK_ID"
        result = subprocess.run([*command, f"--wrap={task}"], capture_output=True, text=True, check=False)
        if result.returncode:
            raise RuntimeError(f"sbatch refused wave {number}: {result.stderr.strip() or result.stdout.strip()}")
        ids.append(result.stdout.strip().split(";")[0])
    return ids


def run_one(batch: Path, index: int) -> int:
    """Body of one array task; exit status 0 if the run is done."""
    record = perform(batch.read_text("utf-8").splitlines()[index], print)
    print(record["status"], record.get("error", ""))
    return int(record["status"] != "done")
