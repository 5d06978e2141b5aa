"""The object behind a notebook: what it prints, what it refuses, what it shows."""

from __future__ import annotations

import re

import matplotlib.pyplot as plt
import pandas as pd
import pytest
import torch

from mixutils import companion, paths
from mixutils.companion import Companion, check_gpu, make_plan, shipped
from mixutils.runs.records import Records
from mixutils.tasks import DataError
from tests.fakes import data_folder, done, failed, filled, kind


@pytest.fixture(autouse=True)
def _clean(monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", "")
    yield
    plt.close("all")


@pytest.fixture
def plan():
    return make_plan("ssmix", "smoke")


@pytest.fixture
def current(monkeypatch):
    """The records of a test are of the data at hand: otherwise their runs would be trained again."""
    for place in (companion, companion.plans):
        monkeypatch.setattr(place, "stale_runs", lambda plan, store: {})


def ship(plan, folder, **options) -> None:
    """Put done records where a checkout carries them."""
    filled(plan, lambda r: 50 + r.seed, folder, **options).export(
        plan.runs, paths.figures(plan.setting.profile.name) / "records.jsonl"
    )


def test_unknown_names_are_refused_with_the_known_ones(tmp_path):
    with pytest.raises(ValueError, match="no paper is called 'sssmix'; there are ssmix"):
        Companion("sssmix")
    with pytest.raises(ValueError, match="no profile is called 'smok'; there are smoke"):
        Companion("ssmix", profile="smok")
    with pytest.raises(DataError, match="no data set is called 'trek'"):
        Companion("ssmix", tasks="trek")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        Companion("ssmix", profile="laptop", data=str(tmp_path / "nowhere"))


def test_parameters_left_alone_are_the_profile(plan):
    c = Companion("ssmix")
    assert c.plan == plan
    assert c.profile.name == "smoke"
    assert c.folder == paths.figures("smoke") / "ssmix"


def test_parameters_reach_the_plan(tmp_path):
    folder = data_folder(tmp_path / "data", "rte")
    c = Companion(
        "ssmix", profile="laptop", data=str(folder), tasks="rte", seeds="7", train_size=20, encoder="random:tiny"
    )
    assert {(r.task, r.train_size, r.encoder) for r in c.plan.runs} == {("rte", 20, "random:tiny")}
    assert {r.seed for r in c.plan.runs} == set(range(7))
    assert Companion("ssmix", profile="laptop", train_size=0).plan.setting.train_size is None


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_full_trains_only_on_a_gpu_and_can_be_shown_anywhere():
    with pytest.raises(RuntimeError, match="needs a GPU"):
        Companion("ssmix", profile="full")
    assert Companion("ssmix", profile="full", train=False).profile.name == "full"
    check_gpu("full", "cpu")
    check_gpu("laptop", "auto")


def test_about_says_what_the_numbers_are_worth(capsys):
    Companion("ssmix").about()
    out = capsys.readouterr().out
    assert "SSMix: Saliency-Based Span Mixup" in out
    assert "NOT COMPARABLE" in out
    assert f"torch {torch.__version__.partition('+')[0]}" in out
    Companion("ssmix", profile="laptop").about()
    assert "NOT COMPARABLE" not in capsys.readouterr().out


def test_the_plan_is_described_with_states_reasons_and_time(plan, current, capsys):
    store = Records()
    for run in plan.runs[:5]:
        store.put(done(run, 50))
    store.put(failed(plan.runs[5]))
    Companion("ssmix").describe_plan()
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "ssmix: docs-coarse, docs-pair; encoder random:tiny; seeds 0,1; train rows 48"
    out[1:4] = [" ".join(line.strip() for line in out[1:4])]  # long lists are wrapped
    assert out[1].endswith(": the smoke profile runs built-in tasks only")
    assert re.fullmatch(r"    runs: 5 done, 26 to do, 1 failed; .+ with \d+ workers", out[2])
    assert out[3].startswith(f"    failed: {plan.runs[5].title()}: ")
    Companion("ssmix", train=False).describe_plan()
    assert "    runs: 5 done, 26 to do, 1 failed" in capsys.readouterr().out.splitlines()


def test_without_training_the_shipped_records_are_shown_and_missing_ones_are_said(plan, capsys, tmp_path):
    ship(plan, tmp_path, skip=lambda r: kind(r) == "unk")
    Companion("ssmix", train=False).train_or_load()
    assert capsys.readouterr().out.splitlines() == [
        "28 of 32 runs are at hand",
        "made on a fake CPU in float32 (28 runs)",
        "runs that are not at hand leave their cells empty",
    ]


def test_training_does_not_look_at_shipped_records(plan, tmp_path):
    ship(plan, tmp_path)
    assert shipped("smoke") == [paths.figures("smoke") / "records.jsonl"]
    assert not Companion("ssmix").store.done(plan.runs[0])
    assert Companion("ssmix", train=False).store.done(plan.runs[0])


def test_shipped_records_of_data_that_are_not_at_hand_are_columns_when_nothing_is_trained(monkeypatch, tmp_path):
    monkeypatch.setenv("MIXUTILS_DATA", str(data_folder(tmp_path / "data", "rte")))
    plan = make_plan("ssmix", "laptop", tasks="rte")
    ship(plan, tmp_path)
    monkeypatch.setenv("MIXUTILS_DATA", "")
    shown = Companion("ssmix", profile="laptop", tasks="rte", train=False)
    assert [c.key for c in shown.plan.columns] == ["rte"]
    assert all(map(shown.store.done, shown.plan.runs))
    # Records of another encoder or size are no records of this setting.
    with pytest.raises(DataError, match="none of the wanted data sets is at hand"):
        Companion("ssmix", profile="desk", tasks="rte", train=False)


def test_failed_runs_stop_the_notebook_and_the_error_says_how_to_repeat_them(plan, current):
    store = Records()
    for run in plan.runs[:-1]:
        store.put(done(run, 50))
    store.put(failed(plan.runs[-1], "ValueError: broken"))
    with pytest.raises(RuntimeError, match="1 of 32 runs failed") as error:
        Companion("ssmix").train_or_load()  # nothing is missing, so nothing is trained
    assert f"{plan.runs[-1].title()}: ValueError: broken" in str(error.value)
    assert "python -m mixutils train --retry" in str(error.value)


def test_frames_are_made_anew_from_what_was_trained(plan, current):
    c = Companion("ssmix")
    assert c.frame.empty
    for run in plan.runs:
        Records().put(done(run, 50))
    c.train_or_load()
    assert set(c.frame["hash"]) <= {r.hash for r in plan.runs}
    assert len(c.frame) > len(plan.runs)
    assert not c.curves.empty


def test_what_is_saved_is_a_csv_or_two_pictures_and_the_same_bytes_every_time(tmp_path):
    c = Companion.open("ssmix", {"train": False})  # with the style of every notebook
    frame = pd.DataFrame({"x": [1 / 3, 2.0], "n": [5, 2], "text": ["α, β", ""]})
    written = []
    for _ in range(2):
        figure, axis = plt.subplots()
        axis.plot([0, 1], [1, 0])
        assert c.save(frame, "thing") is frame
        assert c.save(figure, "thing") is figure
        written.append({p.name: p.read_bytes() for p in c.folder.iterdir()})
    assert sorted(written[0]) == ["thing.csv", "thing.png", "thing.svg"]
    assert written[0] == written[1]
    assert written[0]["thing.csv"].decode() == 'x,n,text\n0.3333,5,"α, β"\n2.0000,2,\n'


def test_what_can_no_longer_be_made_leaves_no_old_file(capsys):
    c = Companion("ssmix", train=False)
    c.save(pd.DataFrame({"x": [1]}), "thing")
    c.save(plt.figure(), "thing")
    assert c.save(None, "thing") is None
    assert not list(c.folder.iterdir())
    assert "nothing to show for thing yet" in capsys.readouterr().out


def test_shuffled_names_are_shown_in_a_folder_of_their_own_and_say_so(plan, tmp_path, capsys):
    ship(plan, tmp_path)
    plain, permuted = Companion("ssmix", train=False), Companion("ssmix", train=False, shuffle="3")
    assert permuted.folder == paths.figures("smoke-shuffle-3") / "ssmix"
    permuted.about()
    assert "*** Negative control (shuffle = 3): methods have changed names" in capsys.readouterr().out
    hashes = [c.frame.loc[c.frame["primary"], "hash"].tolist() for c in (plain, permuted)]
    assert hashes[0] != hashes[1]
    assert sorted(set(hashes[0])) == sorted(set(hashes[1]))


def test_another_notebooks_claims_are_those_of_its_own_cells(plan, tmp_path):
    ship(plan, tmp_path)
    c = Companion("ssmix", train=False)
    found = c.names_of("ssmix", "claims")["readings"]
    for e in found.values():
        assert list(dict.fromkeys(v.key.split()[0] for v in e.verdicts())) == [f"SC{i}" for i in range(1, 11)]


def test_training_does_not_know_of_shuffled_names(plan, current, capsys):
    store = Records()
    for run in plan.runs:
        store.put(done(run, 50))
    Companion("ssmix", shuffle="1").train_or_load()
    assert f"{len(plan.runs)} of {len(plan.runs)} runs are at hand" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "metric"), [("", "f1_macro"), ("reading.metric=accuracy", "accuracy")], ids=["own", "asked for"]
)
def test_own_data_are_read_by_the_metric_of_their_folder(options, metric, mine, plan, monkeypatch, tmp_path):
    monkeypatch.setenv("MIXUTILS_DATA", str(tmp_path / "data"))
    (tmp_path / "data" / "mine" / "dataset.toml").write_text("metric = 'f1_macro'", "utf-8")
    mine_too = make_plan("ssmix", "smoke", tasks="mine,docs-coarse", seeds="1")
    ship(mine_too, tmp_path / "s")
    c = Companion("ssmix", tasks="mine,docs-coarse", seeds=1, train=False, options=options)
    shown = c.frame[c.frame["primary"]].groupby("task")["metric"].unique().map(list).to_dict()
    assert shown == {"mine": [metric], "docs-coarse": ["accuracy"]}
