"""Where things are: the variables, their defaults, and names that mean the same in a command and in its notebooks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mixutils import paths


def test_without_variables_everything_lies_in_the_checkout(monkeypatch):
    for name in ("MIXUTILS_WORK", "MIXUTILS_CACHE", "MIXUTILS_FIGURES", "MIXUTILS_DATA"):
        monkeypatch.delenv(name, raising=False)
    assert paths.work() == paths.ROOT / "runs"
    assert paths.records() == paths.ROOT / "runs" / "records"
    assert paths.checkpoints() == paths.ROOT / "runs" / "checkpoints"
    assert paths.cache() == paths.ROOT / "runs" / "cache"
    assert paths.figures("smoke") == paths.ROOT / "figures" / "smoke"
    assert paths.data() is None
    assert paths.NOTEBOOKS.is_dir()
    assert (paths.PUBLISHED / "ssmix.csv").is_file()


def test_the_work_folder_takes_its_contents_along(monkeypatch, tmp_path):
    monkeypatch.setenv("MIXUTILS_WORK", str(tmp_path))
    monkeypatch.delenv("MIXUTILS_CACHE", raising=False)
    assert {paths.records().parent, paths.checkpoints().parent, paths.cache().parent} == {tmp_path}


@pytest.mark.parametrize(
    ("variable", "folder"),
    [("MIXUTILS_WORK", paths.work), ("MIXUTILS_CACHE", paths.cache), ("MIXUTILS_FIGURES", lambda: paths.figures("x"))],
)
def test_a_relative_name_does_not_depend_on_the_current_folder(variable, folder, monkeypatch, tmp_path):
    monkeypatch.setenv(variable, "elsewhere")
    here = folder()
    monkeypatch.chdir(tmp_path)
    assert folder() == here
    assert here.is_relative_to(paths.ROOT / "elsewhere")
    monkeypatch.setenv(variable, "~/elsewhere")
    assert folder().is_relative_to(Path.home() / "elsewhere")


def test_an_empty_variable_is_no_variable(monkeypatch):
    monkeypatch.setenv("MIXUTILS_WORK", "")
    monkeypatch.setenv("MIXUTILS_DATA", "")
    assert paths.work() == paths.ROOT / "runs"
    assert paths.data() is None


def test_of_a_file_that_is_not_written_whole_nothing_stays(monkeypatch, tmp_path):
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Disk", (), {"free": 0}))
    path = tmp_path / "new" / "file"

    def write(error: BaseException) -> None:
        with paths.written_whole(path) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(KeyboardInterrupt):
        write(KeyboardInterrupt())
    with pytest.raises(OSError, match="file") as raised:
        write(RuntimeError("unexpected pos"))  # torch's word for a full disk
    assert (raised.value.errno in paths.NOT_WRITABLE, raised.value.filename) == (True, str(path))
    assert list(path.parent.iterdir()) == []


def test_temporary_files_of_killed_writers_are_swept_a_day_later(tmp_path):
    old, young, other = (tmp_path / name for name in (".a.tmp", ".b.tmp", "c.tmp"))
    for path in (old, young, other):
        path.touch()
    for path in (old, other):
        os.utime(path, (0, 0))
    paths.sweep(tmp_path)
    assert sorted(tmp_path.iterdir()) == [young, other]


def test_a_home_that_is_not_there_is_said(monkeypatch):
    monkeypatch.setenv("MIXUTILS_WORK", "~no-such-person/runs")
    with pytest.raises(ValueError, match=r"MIXUTILS_WORK is '~no-such-person/runs': there is no such home folder"):
        paths.work()


def test_data_are_looked_up_here_and_then_in_the_checkout(monkeypatch, tmp_path):
    root, here = tmp_path / "root", tmp_path / "here"
    (root / "sets").mkdir(parents=True)
    here.mkdir()
    monkeypatch.setattr(paths, "ROOT", root)
    monkeypatch.setenv("MIXUTILS_DATA", "sets")
    monkeypatch.chdir(here)
    assert paths.data() == (root / "sets").resolve()
    (here / "sets").mkdir()
    assert paths.data() == (here / "sets").resolve()


def test_a_data_folder_that_is_not_there_is_named(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("no folder")
    for name in (tmp_path / "typo", tmp_path / "file"):
        monkeypatch.setenv("MIXUTILS_DATA", str(name))
        with pytest.raises(FileNotFoundError, match=str(name)):
            paths.data()
