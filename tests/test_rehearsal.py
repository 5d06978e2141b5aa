"""Before the first run: what does not work is said at once, all of it, and what works is tried once."""

from __future__ import annotations

from pathlib import Path

import pytest

from mixutils import cli, paths
from mixutils.companion import Companion, make_plan
from mixutils.mixers import REGISTRY
from mixutils.papers import PLANS
from mixutils.runs import rehearsal
from mixutils.runs.execute import attempt
from mixutils.runs.launch import jobs_for
from mixutils.runs.records import Records
from mixutils.runs.rehearsal import rehearse
from mixutils.runs.run import Run
from mixutils.training.loop import Recipe
from tests.fakes import done, failed

pytestmark = pytest.mark.usefixtures("mine")
PLAIN = Run("mine", "none", 0, encoder="random:tiny", train_size=24, recipe=Recipe(batch_size=8))


def write(name: str, text: str, part: str = "train") -> Path:
    path = paths.data() / name / f"{part}.csv"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def said(*runs: Run) -> list[str]:
    with pytest.raises(ValueError, match=r"^nothing was trained; mend this first:\n") as error:
        rehearse(runs, Records(), use_hub=False)
    return str(error.value).splitlines()[1:]


ROWS = "text,label\n" + "".join(f"text {i},{'ab'[i % 2]}\n" for i in range(20))
#: What does not work: the runs' changes, files by data set and part, and what is said in one line each.
FAULTS = {
    "a semicolon file": ({"task": "bad"}, {"bad": ROWS.replace(",", ";")}, ["bad/train.csv"]),
    "no such data": ({"task": "nowhere"}, {}, ["no data set is called 'nowhere'"]),
    "one class left": (
        {"task": "few", "train_size": 2, "subset": "random", "policy": "auto"},
        {"few": "text,label\n" + "x,a\n" * 30 + "y,b\n"},
        ["few: the training part has one class only ('a')"],
    ),
    "no such part": ({"evaluate": ("gold",)}, {}, ["mine has no part gold; it has train, "]),
    "no such encoder": ({"encoder": "./nowhere"}, {}, ["'./nowhere' does not exist"]),
    "no such vectors": ({"encoder": "cnn:/nowhere.txt"}, {}, ["/nowhere.txt"]),
    "no such level": ({"method": "tmix", "options": (("levels", (40,)),)}, {}, ["mine n=24 tmix", "level"]),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_line(fault):
    changes, files, words = FAULTS[fault]
    for name, text in files.items():
        write(name, text)
    (line,) = said(PLAIN, *(PLAIN.with_(seed=seed, **changes) for seed in range(3)))
    for word in words:
        assert word in line, line


def test_all_faults_are_said_together_and_nothing_is_trained(capsys):
    broken = write("bad", ROWS.replace(",", ";"))
    argv = ["train", "--profile", "smoke", "--only", "dmix_short", "--seeds", "1", "--device", "cpu"]
    assert cli.main([*argv, "--tasks", "mine,bad"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: nothing was trained; mend this first:\n")
    assert err.count("\n") == 2
    assert str(broken) in err
    assert not paths.records().exists()
    with pytest.raises(ValueError, match="mend this first"):
        Companion("dmix_short", profile="smoke", tasks="mine,bad", seeds=1).train_or_load()


def test_a_kind_that_is_done_somewhere_is_not_tried_again(monkeypatch):
    tried = []
    monkeypatch.setattr(rehearsal, "_try", lambda run, use_hub: tried.append(run))
    runs = [PLAIN.with_(seed=seed, method=method) for method in ("none", "tmix") for seed in range(3)]
    store = Records()
    rehearse(runs, store)
    assert tried == [runs[0], runs[3]]
    store.put(done(runs[4], 50))
    rehearse(runs, store)
    assert tried[2:] == [runs[0]]
    rehearse([], store)


@pytest.mark.parametrize("method", REGISTRY)
def test_every_registered_mixer_can_be_rehearsed(method):
    rehearse([PLAIN.with_(method=method)], Records(), use_hub=False)


def test_no_run_of_a_plan_is_refused(monkeypatch):
    """All kinds of runs of all papers, as a user's two small data sets have them."""
    write("pairs", "text_a,text_b,label\n" + "".join(f"a {i},b {i},{'xyz'[i % 3]}\n" for i in range(40)))
    write("pairs", "text_a,text_b,label\n" + "".join(f"a {i},b {i},{'xyz'[i % 3]}\n" for i in range(9)), "test")
    runs = {r.hash: r for p in PLANS for r in make_plan(p, "smoke", tasks="mine,pairs", seeds="1").runs}
    assert len(runs) > 100
    rehearse(runs.values(), Records(), use_hub=False)


def test_a_run_that_failed_for_what_it_was_given_is_tried_again_unasked():
    store, gone = Records(), PLAIN.with_(seed=1)
    store.put(failed(PLAIN))
    store.put(failed(gone, "DataError: broken") | {"cause": "input"})
    assert [store.given_up(r) for r in (PLAIN, gone)] == [True, False]
    assert list(jobs_for([PLAIN, gone], store)) == [gone.hash]
    assert list(jobs_for([PLAIN, gone], store, retry=True)) == [PLAIN.hash, gone.hash]


def test_a_repaired_file_is_trained_without_being_asked_twice():
    """Data that break after the rehearsal, as on a file system that goes away: the run fails, and then is done."""
    path, store = paths.data() / "mine" / "train.jsonl", Records()
    good = path.read_text("utf-8")
    path.write_text("{broken\n", "utf-8")
    failed = attempt(PLAIN, store, device="cpu", use_hub=False)
    assert "train.jsonl, line 1: broken JSON" in failed["error"]
    assert failed["cause"] == "input"
    path.write_text(good, "utf-8")
    assert list(jobs_for([PLAIN], store)) == [PLAIN.hash]
    attempt(PLAIN, store, device="cpu", use_hub=False)
    assert store.done(PLAIN)


def test_what_a_grid_decides_is_tried_before_it_is_trained(monkeypatch):
    tried, trained = [], []

    def launch(runs, store, **_):
        trained.append({r.hash for r in runs if not store.done(r)})
        for run in runs:
            accuracy = 50 + 10 * dict(run.options).get("T", 0.0)  # another than by default is chosen
            store.put(done(run, accuracy))
        return []

    monkeypatch.setattr("mixutils.cli.training.launch.launch", launch)
    monkeypatch.setattr("mixutils.cli.training.rehearse", lambda runs, *_: tried.append({r.hash for r in runs}) or [])
    command = ["train", "--profile", "smoke", "--tasks", "mine", "--seeds", "1", "--only", "dmix"]
    assert cli.main([*command, "--option", "dmix.tune=1"]) == 0
    assert len(tried) == len(trained) == 2
    assert trained[1] - tried[0]  # what nobody knew before
    assert trained[1] <= tried[0] | tried[1]
    assert trained[0] <= tried[0]
