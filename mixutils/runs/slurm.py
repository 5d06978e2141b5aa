"""What Slurm is told and what it says: options of ``sbatch``, limits, states of jobs. Works without its accounting."""

from __future__ import annotations

import contextlib
import functools
import getpass
import math
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterable

#: Short options of sbatch that have a long one.
SHORT = {
    **{"A": "account", "a": "array", "b": "begin", "C": "constraint", "c": "cpus-per-task", "D": "chdir"},
    **{"d": "dependency", "e": "error", "G": "gpus", "H": "hold", "i": "input", "J": "job-name", "L": "licenses"},
    **{"N": "nodes", "n": "ntasks", "o": "output", "p": "partition", "q": "qos", "S": "core-spec"},
    **{"s": "oversubscribe", "t": "time", "W": "wait", "w": "nodelist", "x": "exclude"},
}
#: Options without a value, as far as they are short.
FLAGS = {"hold", "oversubscribe", "wait"}
#: Options that are set here.
OURS = {"array", "error", "input", "open-mode", "output", "parsable", "signal", "test-only", "wait", "wrap"}
MINUTES = 120  # of a job without --time
FOREVER = 366 * 24 * 60  # minutes of a job without an end


def options(text: str) -> dict[str, str | bool]:
    """Options of sbatch as people write them, by long name; True for one without a value. The word local has none.

    Raises:
        ValueError: a word that is no option of sbatch, or one that is set here.
    """
    words, out = shlex.split(text) if text.strip() != "local" else [], {}
    while words:
        word = words.pop(0)
        if re.match(r"--[a-z]", word):
            name, equals, value = word[2:].partition("=")
        elif word[:1] == "-" and word[1:2] in SHORT:
            name, equals, value = SHORT[word[1]], word[2:], word[2:]
        else:
            example = '"--partition=gpu --gres=gpu:1 --time=2:00:00"'
            raise ValueError(f"--slurm takes options of sbatch, as in {example}, or the word local; not {word[:80]!r}")
        if not equals and name not in FLAGS and words and not words[0].startswith("-"):
            equals, value = "=", words.pop(0)
        if name in OURS and not (name == "array" and re.fullmatch(r"%\d+", value)):
            raise ValueError(f"--slurm sets --{name} itself; only --array=%N (so many jobs at a time) is yours to give")
        out[name] = value if equals else True
    return out


def minutes(time: str) -> int:
    """Of sbatch's ``--time``, rounded up: "90", "90:30", "2:00:00", "1-12", "1-12:30", "1-12:30:00".

    Raises:
        ValueError: none of these.
    """
    found = re.fullmatch(r"(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?", time)
    if time.lower() in ("0", "infinite", "unlimited"):
        return FOREVER
    if not found:
        raise ValueError(
            f'--time takes minutes, hours:minutes:seconds or days-hours, as in "2:00:00", not {time[:40]!r}'
        )
    days, *rest = found.groups()
    one, two, three = (int(part or 0) for part in rest)
    # Without days, two numbers are minutes and seconds; one is minutes.
    short = days is None and rest[2] is None
    hours, mins, seconds = (0, one, two) if short else (one, two, three)
    return max(1, (int(days or 0) * 24 + hours) * 60 + mins + math.ceil(seconds / 60))


def workers(given: dict[str, str | bool]) -> int:
    """Runs that a job with these options has at a time, as ``launch.devices`` will find on the node."""
    cpus = int(given["cpus-per-task"]) if str(given.get("cpus-per-task")).isdecimal() else 1
    gpu = any("gpu" in f"{name}={value}" for name, value in given.items() if name.startswith("g"))
    return max(1, min(4, cpus - 1)) if gpu else cpus


def check() -> None:
    """Raises RuntimeError where there is no ``sbatch``."""
    if shutil.which("sbatch") is None:
        raise RuntimeError(
            "sbatch is not on the PATH: submit from a node of the cluster, or train here without --slurm"
        )


def largest_array() -> int:
    """Jobs that one array may have."""
    found = re.search(r"^MaxArraySize\s*=\s*(\d+)", _ask("scontrol", "show", "config"), re.MULTILINE)
    return int(found[1]) if found else 1001


def most_jobs() -> float:
    """Jobs that this user may have in the queue, as far as the accounting says; infinite without it."""
    text = ""
    with contextlib.suppress(RuntimeError):
        text = _ask("sacctmgr", "-nP", "show", "assoc", "where", f"user={getpass.getuser()}", "format=MaxSubmitJobs")
    return min((int(line) for line in text.split() if line.isdecimal()), default=math.inf)


def states() -> dict[str, str]:
    """This user's jobs that are not over -> "RUNNING", or "PENDING (Resources)"."""
    lines = _ask("squeue", "--noheader", "--array", f"--user={getpass.getuser()}", "--format=%i|%T|%r").splitlines()
    found = (line.split("|") for line in lines)
    return {job: state if why in ("None", "") else f"{state} ({why})" for job, state, why in found}


@functools.cache
def ended(job: str) -> str:
    """How a job that is over has ended, as in "CANCELLED"; "" where neither the accounting nor the controller knows."""
    accounting = ("sacct", "-nPX", "-j", job, "-o", "State"), r"(\w+)"
    controller = ("scontrol", "--oneliner", "show", "job", job), r"JobState=(\w+)"
    for command, state in (accounting, controller):
        with contextlib.suppress(RuntimeError):
            if found := re.search(state, _ask(*command)):
                return found[1]
    return ""


def cancel(jobs: Iterable[str]) -> None:
    _ask("scancel", *jobs)


def _ask(*command: str) -> str:
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RuntimeError(f"{command[0]} does not answer: {error}") from None
    if result.returncode:
        raise RuntimeError(f"{command[0]} does not answer: {' '.join(result.stderr.split())[:300]}")
    return result.stdout
