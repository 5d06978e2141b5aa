"""Where things are: the variables, their defaults, and names that mean the same in a command and in its notebooks."""

from __future__ import annotations

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
