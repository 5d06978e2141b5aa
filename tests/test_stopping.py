"""Ctrl-C and SIGTERM: one line, no process left behind, the usual exit status."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

MINE = ["--profile", "smoke", "--only", "dmix_short", "--tasks", "mine", "--seeds", "20", "--device", "cpu"]


@pytest.mark.slow
@pytest.mark.usefixtures("mine")
@pytest.mark.parametrize(
    ("sent", "status", "word"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_a_training_that_is_stopped_says_one_line_and_leaves_nobody(sent, status, word):
    command = [sys.executable, "-m", "mixutils", "train", *MINE, "--jobs", "2"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Shells start what is in the background with SIGINT ignored, and so would this be.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 120
    workers: list[psutil.Process] = []
    while len(workers) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
        workers = psutil.Process(process.pid).children(recursive=True)
    time.sleep(1)
    os.killpg(process.pid, sent)  # as a terminal does
    _, err = process.communicate(timeout=60)
    assert process.returncode == status
    assert err == f"{word}; finished runs are kept, the same command goes on from here\n"
    assert len(workers) == 2
    assert not psutil.wait_procs(workers, timeout=10)[1]
