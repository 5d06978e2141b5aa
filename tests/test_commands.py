"""What the commands say and do: states of runs, costs, failures, data that changed, files that appear."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace

import pytest
import torch

from mixutils import cli, paths
from mixutils.cli import setting, showing, training
from mixutils.companion import make_plan, plans
from mixutils.runs import launch
from mixutils.runs.execute import cached_task
from mixutils.runs.records import Records
from mixutils.runs.run import Run
from tests.fakes import done, failed, kind

pytestmark = pytest.mark.usefixtures("mine")
MINE = ["--profile", "smoke", "--tasks", "mine", "--seeds", "2", "--only", "ssmix"]


@pytest.fixture
def plan():
    return make_plan("ssmix", "smoke", tasks="mine", seeds="2")


def fill(plan, but=lambda run: False, digest: str | None = None, percent=lambda run: 50.0) -> Records:
    store = Records()
    for run in plan.runs:
        if not but(run):
            record = done(run, percent(run))
            record["data"]["digest"] = digest or cached_task("mine", False)[1]
            store.put(record)
    return store


def lines(capsys) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_the_plan_counts_states_and_says_what_it_costs(plan, capsys):
    store = fill(plan, but=lambda r: kind(r) in ("ssmix", "unk"))
    store.put(failed(next(r for r in plan.runs if kind(r) == "unk"), "ValueError: no such token"))
    assert cli.main(["plan", *MINE]) == 0
    out = lines(capsys)
    out[2:6] = [out[2] + out[3].strip(), f"{out[4]} {out[5].strip()}"]  # long lines are wrapped
    assert out[0] == "profile smoke: notebook defaults and tests: seconds, numbers mean nothing"
    assert out[1] == "ssmix: mine; encoder random:tiny; seeds 0,1; train rows 48"
    assert out[2].endswith(": not asked for")
    odd = "test has only 8 rows, 12.5 points each; 8 of 8 rows of test have a text that trains"
    assert out[3] == f"    mine: train 30, validation 8, test 8 rows; 2 classes (n 15, y 15); {odd}"
    assert re.match(r"    runs: 12 done, 3 to do, 1 failed; about \d+ s with \d+ workers$", out[4])
    assert out[5] == "    failed: mine n=48 unk on random:tiny, seed 0: ValueError: no such token"
    assert re.match(r"in all: 3 runs to do, about \d+ s; disk: at most ", out[6])
    assert len(out) == 7


def test_runs_on_other_data_are_counted_as_stale(plan, capsys):
    now = cached_task("mine", False)[1]
    fill(plan, but=lambda r: r.seed == 1, digest="0123456789abcdef")
    assert cli.main(["plan", *MINE]) == 0
    text = "\n".join(lines(capsys))
    assert (
        f"0 done, 16 to do, 0 failed, 8 stale and to do again (mine had other data then: 0123456789abcdef, now {now})"
        in text
    )


def test_the_plan_counts_what_training_would_go_on_from(monkeypatch, capsys):
    """The shipped records of the comparison, on the built-in task, which is at hand everywhere."""
    monkeypatch.setattr(plans, "shipped", lambda profile: [paths.ROOT / "figures" / profile / "records.jsonl"])
    wanted = ["--only", "compare", "--tasks", "docs-coarse"]
    assert cli.main(["plan", *wanted]) == 0
    assert "    runs: 36 done, 0 to do, 0 failed" in lines(capsys)
    assert cli.main(["train", *wanted, "--dry-run"]) == 0
    assert "    runs: 36 done, 0 to do, 0 failed" in lines(capsys)


def test_a_plan_that_does_not_fit_on_the_disk_is_refused(plan, monkeypatch, capsys):
    monkeypatch.setattr(training.shutil, "disk_usage", lambda path: SimpleNamespace(free=500_000))
    assert cli.main(["train", *MINE]) == 2
    assert "not enough disk: " in capsys.readouterr().err
    assert Records().all() == []


def test_training_when_everything_is_there_succeeds_at_once(plan, capsys):
    fill(plan)
    assert cli.main(["train", *MINE]) == 0
    assert "16 done, 0 to do, 0 failed" in "\n".join(lines(capsys))


def test_training_with_old_failures_fails_and_says_how_to_repeat_them(plan, capsys):
    bad = plan.runs[-1]
    fill(plan, but=lambda r: r == bad).put(failed(bad, "MemoryError: too large"))
    assert cli.main(["train", *MINE]) == 1
    text = "\n".join(lines(capsys))
    assert f"failed: {bad.title()} ({bad.hash}): MemoryError: too large" in text
    assert "once the cause is mended, the same command with --retry repeats failed runs" in text
    assert str(paths.records()) in text


def test_training_does_what_is_missing_and_only_that(plan, capsys):
    missing = [r for r in plan.runs if kind(r) == "stage 1"]
    store = fill(plan, but=lambda r: r in missing)
    before = {p.name: p.read_bytes() for p in store.folder.iterdir()}
    assert cli.main(["train", *MINE, "--jobs", "1", "--device", "cpu"]) == 0
    assert f"trained: {len(plan.runs)} of {len(plan.runs)} runs" in "\n".join(lines(capsys))
    after = {p.name: p.read_bytes() for p in store.folder.iterdir()}
    assert set(after) - set(before) == {f"{r.hash}.json" for r in missing}
    assert before.items() <= after.items()
    for run in missing:
        assert Records().get(run)["data"]["sizes"]["train"] == 30


def test_the_site_is_built_from_what_is_at_hand(plan, capsys):
    fill(plan, percent=lambda r: 50 + r.seed)
    assert cli.main(["site", *MINE]) == 0
    index = paths.figures("smoke") / "site" / "index.html"
    assert lines(capsys) == [f"Look at {index}"]
    assert "16 of 16 runs are done" in index.read_text("utf-8")
    assert not (paths.figures("smoke") / "records.jsonl").exists()  # only "all" exports, after training


def test_shuffled_names_have_a_folder_of_their_own_and_a_banner(plan, capsys):
    fill(plan)
    assert cli.main(["site", *MINE, "--shuffle", "4"]) == 0
    page = (paths.figures("smoke-shuffle-4") / "site" / "index.html").read_text("utf-8")
    assert "Negative control (shuffle = 4): methods have changed names" in page
    assert not paths.figures("smoke").exists()
    assert cli.main(["all", *MINE, "--shuffle", "four"]) == 2
    assert "shuffle must be a seed" in capsys.readouterr().err


def test_all_executes_exports_and_ends_with_the_page(plan, monkeypatch, capsys):
    """What is executed is another test's; here, that everything happens in order and a failure is told in the end."""
    fill(plan)
    asked = []

    def execute_all(wanted, folder, workers):
        asked.append((wanted, folder))
        return ["ssmix"]

    monkeypatch.setattr("mixutils.site.notebooks.execute_all", execute_all)
    assert cli.main(["all", *MINE]) == 1
    folder = paths.figures("smoke")
    ((wanted, where),) = asked
    assert where == folder / "notebooks"
    given = {"profile": "smoke", "tasks": "mine", "seeds": "2", "train": False}
    assert wanted == {"ssmix": given, "ssmix_spans": given}
    out = lines(capsys)
    assert f"records: 16 runs in {folder / 'records.jsonl'}" in out
    assert out[-2].endswith(f". Look at {folder / 'site' / 'index.html'}")
    assert out[-1].startswith("failed, see above: the notebook ssmix; mend the cause and give the same command again")


def test_from_records_nothing_is_trained_or_exported(plan, monkeypatch, capsys):
    trained = []
    monkeypatch.setattr(launch, "launch", lambda *_, **__: trained.append(1))
    executed = []
    monkeypatch.setattr("mixutils.site.notebooks.execute_all", lambda wanted, *_, **__: executed.append(wanted) or [])
    assert cli.main(["all", "--from-records", *MINE]) == 0
    assert cli.main(["notebooks", "--from-records", *MINE]) == 0
    assert [w["ssmix"]["train"] for w in executed] == [False, False]
    assert trained == []
    assert not (paths.figures("smoke") / "records.jsonl").exists()


def test_from_records_shipped_records_are_found_without_any_run(plan, capsys):
    store = fill(plan)
    store.export(plan.runs, paths.figures("smoke") / "records.jsonl")
    for path in store.folder.iterdir():
        path.unlink()
    assert cli.main(["all", "--from-records", "--dry-run", *MINE]) == 0
    assert lines(capsys) == ["profile smoke, from records: 16 of 16 runs are at hand"]


def test_shipped_records_are_shown_where_their_data_are_not(plan, monkeypatch, capsys):
    store = fill(plan)
    store.export(plan.runs, paths.figures("smoke") / "records.jsonl")
    for path in store.folder.iterdir():
        path.unlink()
    monkeypatch.setenv("MIXUTILS_DATA", "")
    assert cli.main(["plan", *MINE]) == 2  # to train, the data are needed
    assert "no data set is called 'mine'" in capsys.readouterr().err
    assert cli.main(["all", "--from-records", "--dry-run", *MINE]) == 0
    assert lines(capsys) == ["profile smoke, from records: 16 of 16 runs are at hand"]


def test_an_export_keeps_what_came_with_the_checkout(plan, tmp_path):
    other = Run("another", "none", 0, encoder="random:tiny", train_size=48)
    path = paths.figures("smoke") / "records.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(done(other, 50)) + "\n", "utf-8")
    fill(plan)
    store = Records(shipped=[path])
    showing.export("smoke", {"ssmix": plan}, store)
    assert Records(tmp_path / "empty", [path]).shipped == sorted([other.hash, *(r.hash for r in plan.runs)])


def test_from_records_takes_the_largest_profile_that_is_shipped():
    args = SimpleNamespace(profile=None, only=None, from_records=True)
    assert setting.profile(args) == "laptop"
    for name in ("laptop", "desk"):
        path = paths.figures(name) / "records.jsonl"
        path.parent.mkdir(parents=True)
        path.touch()
        assert setting.profile(args) == name


def test_the_profile_suits_the_machine_unless_one_is_asked_for():
    suits = "desk" if torch.cuda.is_available() else "laptop"
    assert setting.profile(SimpleNamespace(profile=None, device="auto", only=None)) == suits
    assert setting.profile(SimpleNamespace(profile=None, device="cpu", only=None)) == "laptop"
    assert setting.profile(SimpleNamespace(profile="full", device="cpu", only=None)) == "full"


def test_wishes_of_the_command_line_reach_the_notebooks():
    given = [*MINE, "--train-size", "0", "--hub", "--jobs", "3", "--device", "cpu", "--shuffle", "2"]
    args = cli.parser().parse_args(["notebooks", *given])
    assert showing.parameters(args, "smoke", train=False) == {
        "profile": "smoke",
        "tasks": "mine",
        "seeds": "2",
        "train_size": 0,
        "train": False,
        "device": "cpu",
        "jobs": 3,
        "hub": True,
        "shuffle": "2",
    }
    plain = cli.parser().parse_args(["notebooks"])
    assert showing.parameters(plain, "laptop", train=True) == {"profile": "laptop", "train": True}


def test_only_the_comparison_is_told_of_methods_and_a_notebook_without_runs_of_nothing(monkeypatch):
    asked = {}
    monkeypatch.setattr("mixutils.site.notebooks.execute_all", lambda wanted, *_, **__: asked.update(wanted) or [])
    args = cli.parser().parse_args(["notebooks", "--profile", "smoke", "--methods", "tmix"])
    assert showing.execute(args, "smoke", ["start_here", "ssmix", "compare"], train=False) == []
    common = {"profile": "smoke", "train": False}
    assert asked == {"start_here": {}, "ssmix": common, "compare": common | {"methods": "tmix"}}
