"""The command line as people meet it: exit status, and messages that list the right names."""

from __future__ import annotations

import errno
import re
import subprocess
import sys

import pytest
import torch

from mixutils import cli, site
from mixutils.cli import training
from mixutils.runs.records import Records
from tests.fakes import data_folder, done, failed

SMOKE = ["--profile", "smoke"]
no_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")


@pytest.fixture(autouse=True)
def _no_data(monkeypatch):
    # Set, not deleted: --data sets it too, and the test must put back what was there.
    monkeypatch.setenv("MIXUTILS_DATA", "")


def run(capsys, *argv: str) -> tuple[int, str, str]:
    """Exit status, standard output, standard error."""
    try:
        status = cli.main(list(argv))
    except SystemExit as stop:  # argparse
        status = stop.code
    out, err = capsys.readouterr()
    return status, out, err


def test_help_names_every_command_and_hides_the_workers(capsys):
    status, out, _ = run(capsys, "--help")
    assert status == 0
    for command in cli.COMMANDS:
        assert f"\n    {command}" in out
    assert "SUPPRESS" not in out
    assert "    worker" not in out


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_every_command_explains_itself(command, capsys):
    status, out, _ = run(capsys, command, "--help")
    assert status == 0
    assert cli.COMMANDS[command]["help"].split()[0] in out


@pytest.mark.parametrize(
    ("argv", "names"),
    [
        (["trian"], ["'trian'", "plan", "train", "doctor"]),
        ([], ["required", "COMMAND"]),
        (["plan", "--profile", "labtop"], ["'labtop'", "smoke", "laptop", "desk", "full"]),
        (["plan", *SMOKE, "--only", "smix"], ["smix", "ssmix", "start_here", "ssmix_spans"]),
        (["plan", *SMOKE, "--tasks", "trek"], ["'trek'", "trec-coarse", "trec-fine", "docs-coarse"]),
        (["plan", "--profile", "desk", "--only", "compare", "--tasks", "trek"], ["'trek'", "trec-coarse"]),
        (
            ["plan", "--profile", "desk", "--only", "compare", "--tasks", "cr"],
            ["none of the wanted data sets", "cr: not in"],
        ),
        (["plan", *SMOKE, "--seeds", "five"], ["a number (5)", "'five'"]),
        (["plan", *SMOKE, "--seeds", "0"], ["a number (5)", "'0'"]),
        (["plan", *SMOKE, "--seeds", "18446744073709551616"], ["1,000 numbers", "2,147,483,647"]),
        (["plan", *SMOKE, "--seeds", "0-5000000"], ["1,000 numbers", "'0-5000000'"]),
        (["plan", *SMOKE, "--seeds", "0-600,700-1300"], ["1,000 numbers"]),
        (["train", *SMOKE, "--jobs", "-1"], ["jobs", "0 to 512", "-1"]),
        (["train", *SMOKE, "--jobs", "99999999999"], ["jobs", "0 to 512"]),
        (["train", *SMOKE, "--threads", "100000"], ["threads", "0 to 512"]),
        (["plan", *SMOKE, "--only", ","], ["','", "ssmix"]),
        (["plan", *SMOKE, "--data", 5000 * "x"], ["File name too long", "…"]),
        (["plan", *SMOKE, "--train-size", "-3"], ["0 for all rows", "-3"]),
        (["plan", *SMOKE, "--train-size", "few"], ["'few'"]),
        (["train", *SMOKE, "--device", "tpu"], ["auto, cpu, cuda or cuda:N", "'tpu'"]),
        (["train", *SMOKE, "--encoder", "./nowhere"], ["'./nowhere' does not exist"]),
        (["train", *SMOKE, "--encoder", "random:huge"], ["'huge'", "random:tiny", "random:small"]),
        (["bench", "--threads", "100000"], ["threads", "0 to 512"]),
        (["bench", "--batch-size", "0"], ["--batch-size", "1 to 10,000", "not 0"]),
        (["bench", "--repeats", "-1"], ["--repeats", "1 to 10,000", "not -1"]),
        (["bench", "--methods", "tmix,tmax"], ["'tmax'", "tmix", "dmix"]),
        (["bench", "--device", "cuda:x"], ["'cuda:x'"]),
        (
            ["predict", "kept", "texts.csv", "--out", "predicted.txt"],
            ["--out", ".jsonl, .csv or .tsv", "'predicted.txt'"],
        ),
        (["records", "export"], ["path"]),
        (["records", "merge", "nowhere.jsonl"], ["nowhere.jsonl"]),
    ],
)
def test_wrong_arguments_end_with_status_2_and_the_right_names(argv, names, capsys):
    status, _, err = run(capsys, *argv)
    assert status == 2
    assert "Traceback" not in err
    for name in names:
        assert name in err, err


@no_gpu
@pytest.mark.parametrize("command", ["train", "all"])
def test_full_refuses_to_start_without_a_gpu(command, capsys):
    status, out, err = run(capsys, command, "--profile", "full")
    assert status == 2
    assert "needs a GPU; this machine shows none" in err
    assert "desk or laptop" in err
    assert out == ""


@no_gpu
def test_full_may_be_planned_anywhere_and_meant_on_a_cpu(capsys):
    assert run(capsys, "plan", "--profile", "full")[0] == 0
    assert run(capsys, "train", "--profile", "full", "--device", "cpu", "--dry-run")[0] == 0


@no_gpu
def test_a_gpu_that_is_not_there_is_said_at_once(capsys):
    status, _, err = run(capsys, "train", *SMOKE, "--device", "cuda:3")
    assert status == 2
    assert "the device cuda:3 is not there: this machine shows 0 CUDA devices" in err


@pytest.mark.parametrize("command", ["plan", "doctor", "train"])
def test_a_data_folder_that_is_none_is_refused(command, tmp_path, capsys):
    (tmp_path / "file").touch()
    for place in (tmp_path / "nowhere", tmp_path / "file"):
        status, _, err = run(capsys, command, "--data", str(place))
        assert status == 2
        assert err == f"error: the data folder (--data or MIXUTILS_DATA) is not a folder: {place}\n"


def test_the_data_folder_reaches_the_plan(tmp_path, capsys):
    folder = data_folder(tmp_path / "data", "rte", "mine")
    status, out, _ = run(capsys, "plan", "--profile", "desk", "--data", str(folder), "--tasks", "mine,rte")
    assert status == 0
    assert "ssmix: rte, mine; encoder minilm; seeds 0,1,2,3,4; train rows 500" in out


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (["train", *SMOKE], "32 to do"),
        (["all", *SMOKE], "32 to do"),
        (["notebooks", *SMOKE], "notebooks: start_here, ssmix, ssmix_spans, dmix"),
        (["notebooks", *SMOKE, "--from-records", "--only", "dmix_short"], "notebooks: dmix_short"),
        (["all", "--from-records", *SMOKE, "--only", "ssmix"], "from records: 0 of 32 runs are at hand"),
    ],
)
def test_a_dry_run_says_what_would_be_done_and_does_nothing(argv, text, tmp_path, capsys):
    status, out, _ = run(capsys, *argv, "--dry-run")
    assert status == 0
    assert text in out
    assert not (tmp_path / "runs").exists()
    assert not (tmp_path / "figures").exists()


def test_a_notebook_without_runs_can_be_planned_and_trained(capsys):
    for extra in ([], ["--retry"]):
        status, out, _ = run(capsys, "train", *SMOKE, "--only", "start_here", *extra)
        assert status == 0
        assert "in all: 0 runs to do" in out


def test_an_interruption_is_a_sentence_and_status_130(monkeypatch, capsys):
    def interrupt(args):
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "plan", interrupt)
    status, _, err = run(capsys, "plan", *SMOKE)
    assert status == 130
    assert "the same command goes on from here" in err


@pytest.mark.parametrize("named", [True, False])
def test_a_full_disk_is_a_sentence_with_its_file_and_what_is_free(named, monkeypatch, tmp_path, capsys):
    def fill(args):
        raise OSError(errno.ENOSPC, "No space left on device", *[str(tmp_path / "a" / "b")] * named)

    monkeypatch.setattr(training, "plan", fill)
    status, _, err = run(capsys, "plan", *SMOKE)
    assert status == 2
    place = tmp_path / "a" / "b" if named else tmp_path / "runs"
    assert re.fullmatch(rf"error: {place}: No space left on device \(\d+ MB free\); .* the same command again\n", err)


def test_a_missing_package_is_named_with_the_way_to_get_it(monkeypatch, capsys):
    # An earlier test may have imported it: then the package has it as an attribute, too.
    monkeypatch.delitem(sys.modules, "mixutils.site.build", raising=False)
    monkeypatch.delattr(site, "build", raising=False)
    monkeypatch.setitem(sys.modules, "sphinx.application", None)
    status, _, err = run(capsys, "site", *SMOKE, "--only", "start_here")
    assert status == 2
    assert "needs the package sphinx; pip install -e '.[all]'" in err


def test_doctor_ends_with_its_own_status(monkeypatch, tmp_path, capsys):
    assert run(capsys, "doctor")[0] == 0
    monkeypatch.setenv("MIXUTILS_MINILM", str(tmp_path / "nowhere"))
    assert run(capsys, "doctor")[0] == 1


def test_records_travel_through_a_file(tmp_path, capsys):
    from mixutils.companion import make_plan

    runs = make_plan("ssmix", "smoke").runs
    store = Records()
    store.put(done(runs[0], 50))
    store.put(done(runs[1], 50))
    store.put(failed(runs[2]))
    path = tmp_path / "all.jsonl"
    assert run(capsys, "records", "export", str(path))[:2] == (0, f"2 records in {path}\n")
    for file in store.folder.iterdir():
        file.unlink()
    status, out, _ = run(capsys, "records", "merge", str(path))
    assert (status, out.split(" merged")[0]) == (0, "2 records")
    assert len(Records().all()) == 2
    assert run(capsys, "records", "export", str(path))[1] == f"2 records in {path}\n"


def test_broken_records_are_named_with_their_line(tmp_path, capsys):
    (tmp_path / "bad.jsonl").write_text("{}\n", "utf-8")
    status, out, err = run(capsys, "records", "merge", str(tmp_path / "bad.jsonl"))
    assert status == 1
    assert "0 records merged: 1 unusable and left out" in out
    assert "bad.jsonl, line 1: not a record" in err


def test_python_dash_m_is_the_same_program():
    out = subprocess.run([sys.executable, "-m", "mixutils", "plan", "--seeds", "x"], capture_output=True, text=True)
    assert out.returncode == 2
    assert out.stderr.startswith("error: seeds are a number")
