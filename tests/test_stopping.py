"""Ctrl-C and SIGTERM: one line, no process left behind, the usual exit status."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from mixutils import paths

MINE = ["--profile", "smoke", "--only", "dmix_short", "--tasks", "mine", "--seeds", "20", "--device", "cpu"]


@pytest.mark.slow
@pytest.mark.usefixtures("mine")
@pytest.mark.parametrize(
    ("sent", "status", "word"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_a_training_that_is_stopped_says_one_line_and_leaves_nobody(sent, status, word):
    command = [sys.executable, "-m", "mixutils", "train", *MINE, "--jobs", "2"]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 120
    while not any(paths.records().glob("*.json")) and time.monotonic() < deadline:
        time.sleep(0.1)  # until both workers are there and train
    workers = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, sent)  # as a terminal does
    _, err = process.communicate(timeout=60)
    assert process.returncode == status
    assert err == f"{word}; finished runs are kept, the same command goes on from here\n"
    assert len(workers) == 2
    assert not psutil.wait_procs(workers, timeout=10)[1]
