"""A bar in a live JupyterLab, plain lines wherever outputs are kept."""

from __future__ import annotations

import pytest

from mixutils.companion.progress import progress

LINES = [
    "[ 1/12] mine none, seed 0: test accuracy 50.0, 3 s | 0 failed | ETA 20 s",
    "           mine ssmix, seed 0: step 40 of 100",
    "           mine unk, seed 1: not trained, its start failed",
    "[12/12] mine unk, seed 0: FAILED (ValueError: [x] y) | 2 failed | 40 s in all",
]


def said(capsys, total: int, quiet: bool = False) -> tuple[str, str]:
    with progress(total, quiet) as say:
        for line in LINES:
            say(line)
    return capsys.readouterr()


def test_lines_are_printed_or_kept_back_where_no_one_looks(monkeypatch, capsys):
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    assert said(capsys, 12) == ("\n".join(LINES) + "\n", "")
    assert said(capsys, 12, quiet=True) == ("", "")


@pytest.mark.parametrize("quiet", [False, True])
def test_a_live_jupyterlab_shows_a_bar_that_counts_to_the_end(quiet, monkeypatch, capsys):
    monkeypatch.setenv("JPY_SESSION_NAME", "notebooks/ssmix.ipynb")
    out, bar = said(capsys, 12, quiet)
    assert out == ""
    assert "0/12" in bar  # before the first run is finished
    assert "12/12" in bar.split("\r")[-1]
    assert "FAILED (ValueError: [x] y) | 2 failed | 40 s in all" in bar
    assert "step 40 of 100" in bar


def test_nothing_ahead_is_no_bar(monkeypatch, capsys):
    monkeypatch.setenv("JPY_SESSION_NAME", "notebooks/ssmix.ipynb")
    with progress(0):
        pass
    assert capsys.readouterr() == ("", "")
