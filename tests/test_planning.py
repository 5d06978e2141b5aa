"""The plan before a launch: what it says of runs is what it hands to the launcher."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest

from mixutils import cli
from mixutils.cli import training
from mixutils.companion import make_plan, plans
from mixutils.runs.records import Records
from tests.fakes import data_folder, done, failed, kind


@pytest.fixture
def plan(monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", "")
    # The digests of data are not this module's; nothing is stale unless a test says so.
    monkeypatch.setattr(plans, "stale_runs", lambda plan, store: {})
    return make_plan("ssmix", "smoke", seeds="2", tasks="docs-coarse")


@pytest.fixture
def show(capsys):
    """What is ahead, and what is said."""

    def show(wanted, store=None, jobs=3):
        ahead = training.show_plan("smoke", wanted, store or Records(), jobs, "cpu")
        return ahead, capsys.readouterr().out.splitlines()

    return show


def test_all_runs_are_ahead_at_first_each_once(plan, show):
    ahead, said = show({"ssmix": plan})
    assert ahead.runs == list(dict.fromkeys(plan.runs))
    assert ahead.stale == {}
    (counts,) = (line for line in said if line.startswith("    runs: "))
    assert re.fullmatch(rf"    runs: 0 done, {len(plan.runs)} to do, 0 failed; about \d+ s with 3 workers", counts)


def test_done_and_failed_runs_are_not_ahead(plan, show):
    store = Records()
    for i, run in enumerate(plan.runs):
        if i % 3:
            store.put(done(run, 50) if i % 3 == 1 else failed(run, f"ValueError: {i}"))
    ahead, said = show({"ssmix": plan}, store)
    assert ahead.runs == plan.runs[::3]
    n = len(plan.runs)
    assert f"{len(range(1, n, 3))} done, {len(ahead.runs)} to do, {len(range(2, n, 3))} failed" in "".join(said)
    listed = [line for line in said if line.startswith("    failed: ")]
    assert listed == [f"    failed: {plan.runs[i].title()}: ValueError: {i}" for i in (2, 5, 8)]  # the first three


def test_nothing_ahead_needs_no_time(plan, show):
    store = Records()
    for run in plan.runs:
        store.put(done(run, 50))
    ahead, said = show({"ssmix": plan}, store)
    assert ahead.runs == []
    assert said[-1].startswith("in all: 0 runs to do, no time; disk: at most 0 MB")
    assert not any("workers" in line for line in said)


def test_stale_runs_are_done_and_ahead_again(plan, show, monkeypatch):
    store = Records()
    for run in plan.runs:
        store.put(done(run, 50))
    old = plan.runs[1]
    monkeypatch.setattr(plans, "stale_runs", lambda p, s: {old.hash: "other data"})
    ahead, said = show({"ssmix": plan}, store)
    assert ahead.runs == [old]
    assert ahead.stale == {old.hash: "other data"}
    assert f"{len(plan.runs) - 1} done, 1 to do, 0 failed, 1 stale and to do again (other data)" in "".join(said)


def test_a_run_that_two_papers_need_is_counted_once_in_all(plan, show):
    ahead, said = show({"ssmix": plan, "other": plan})
    assert len(ahead.runs) == len(plan.runs)
    assert sum(f"{len(plan.runs)} to do" in line for line in said) == 2
    assert said[-1].startswith(f"in all: {len(plan.runs)} runs to do")


def test_the_disk_must_hold_the_weights_of_what_is_ahead_only(plan, show, monkeypatch, tmp_path):
    monkeypatch.setattr(training.shutil, "disk_usage", lambda path: SimpleNamespace(free=500_000))
    with pytest.raises(RuntimeError, match=f"not enough disk: .* needed below {tmp_path / 'runs'}, 0 MB free"):
        show({"ssmix": plan})
    store = Records()
    for run in plan.runs:
        store.put(done(run, 50))
    assert show({"ssmix": plan}, store)[0].runs == []


def test_the_disk_is_asked_where_the_work_folder_will_be(plan, show, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(training.shutil, "disk_usage", lambda path: asked.append(path) or SimpleNamespace(free=10**12))
    monkeypatch.setenv("MIXUTILS_WORK", str(tmp_path / "not" / "there" / "yet"))
    show({"ssmix": plan})
    assert asked == [tmp_path]


def test_the_plan_names_data_encoder_seeds_and_what_is_left_out(plan, show):
    _, said = show({"ssmix": plan})
    assert said[1] == "ssmix: docs-coarse; encoder random:tiny; seeds 0,1; train rows 48"
    assert said[2].startswith("    without ")
    assert said[3].endswith("not asked for")  # long lists are wrapped
    assert {kind(r) for r in plan.runs} >= {"stage 1", "ssmix"}


def test_a_plan_of_several_encoders_says_which_data_set_gets_which(show, monkeypatch, tmp_path):
    monkeypatch.setattr(plans, "stale_runs", lambda plan, store: {})
    monkeypatch.setenv("MIXUTILS_DATA", str(data_folder(tmp_path / "d", "trec-coarse", "ttc", "hasoc")))
    full = make_plan("dmix", "full", use_hub=False)
    _, said = show({"dmix": full})
    assert "; 2 encoders; seeds" in said[1]
    runs = [r for r in full.runs if r.task != "trec-coarse"]
    assert f"    {full.setting.multilingual}: {len(runs):,} runs on ttc, hasoc" in said
    assert f"    {full.setting.encoder}: {len(full.runs) - len(runs):,} runs on trec-coarse" in said


@pytest.mark.parametrize(
    ("encoder", "why"),
    [
        ("./nowhere", "the encoder folder './nowhere' does not exist"),
        ("nobody/nothing", "is not on this machine, and the hub is not reachable"),
        ("cnn:nowhere.txt", "there is no file 'nowhere.txt' of word vectors"),
    ],
)
def test_an_encoder_that_cannot_be_opened_has_no_estimate(encoder, why, mine, capsys):
    argv = ["plan", "--profile", "smoke", "--only", "dmix_short", "--tasks", "mine", "--encoder", encoder]
    assert cli.main(argv) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert why in out.partition("no estimate: ")[2]
    assert "runs to do, an unknown time; disk" in out
    assert "about" not in out
