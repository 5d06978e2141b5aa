"""The doctor: one screen, with what is missing and why; exit status 1 where training is not possible."""

from __future__ import annotations

from argparse import Namespace

import pytest

from mixutils.cli import doctor
from mixutils.tasks import BUILTIN, CATALOGUE
from tests.fakes import data_folder


@pytest.fixture
def screen(capsys):
    """Exit status, the screen's lines by name, the whole screen."""

    def screen() -> tuple[int, dict[str, str], str]:
        status = doctor.screen(Namespace())
        text = capsys.readouterr().out
        lines = {}
        for line in text.splitlines():
            lines.setdefault(line[:12].strip(), line[12:])
        return status, lines, text

    return screen


@pytest.fixture(autouse=True)
def _no_data(monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", "")


def test_a_machine_without_data_is_healthy_and_everything_is_named(screen):
    status, lines, text = screen()
    assert status == 0
    assert list(lines) == ["python", "libraries", "device", "precision", "encoder", "data", "built-in", "hub", "disk"]
    assert "torch 2" in lines["libraries"]
    assert "cores" in lines["device"]
    assert "bfloat16 in hardware: " in lines["precision"]
    assert "one thread per worker" in lines["precision"]
    assert lines["data"] == "no folder (--data or MIXUTILS_DATA); the built-in tasks need none"
    assert lines["built-in"] == ", ".join(BUILTIN)
    assert lines["hub"].startswith(("reachable", "not reachable"))
    assert "GB free" in lines["disk"]
    assert len(text.splitlines()) <= 24


def test_data_that_are_found_are_listed_and_missing_ones_say_why(screen, tmp_path, monkeypatch):
    folder = data_folder(tmp_path / "data", "rte", "mr", "mine")
    (folder / "qnli").mkdir()
    (folder / "qnli" / "validation.jsonl").touch()
    (folder / "st" / "data").mkdir(parents=True)  # part of a name of the catalogue
    (folder / "st" / "train.xlsx").touch()
    monkeypatch.setenv("MIXUTILS_DATA", str(folder))
    status, lines, text = screen()
    assert status == 0
    assert lines["data"] == f"{folder.resolve()}: 3 of {len(CATALOGUE)} of the catalogue (rte, mr, qnli-dev)"
    assert "\n            the data folder has only validation, no training part: qnli\n" in text
    assert text.count("\n            not in the data folder: ") == 1  # a reason is said once
    assert "\n            your own: mine\n" in text
    assert f"\n            not readable, st: {folder.resolve()}/st/train.xlsx: not read as a part" in text
    assert len(text.splitlines()) <= 24


def test_a_wrong_data_folder_is_an_illness(screen, tmp_path, monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", str(tmp_path / "nowhere"))
    status, lines, text = screen()
    assert status == 1
    assert lines["data"].startswith("MISSING: ")
    assert str(tmp_path / "nowhere") in lines["data"]
    assert text.count("\ndata ") == 1


def test_an_encoder_that_is_not_there_is_an_illness(screen, tmp_path, monkeypatch):
    monkeypatch.setenv("MIXUTILS_MINILM", str(tmp_path / "nowhere"))
    status, lines, _ = screen()
    assert status == 1
    assert lines["encoder"].startswith("MISSING: ")
    assert str(tmp_path / "nowhere") in lines["encoder"]


def test_what_runs_left_behind_is_weighed(screen, tmp_path):
    work = tmp_path / "runs" / "checkpoints"
    work.mkdir(parents=True)
    (work / "x.safetensors").write_bytes(b"0" * 3_000_000)
    assert screen()[1]["disk"].endswith(f"{tmp_path / 'runs'} holds 3 MB")
