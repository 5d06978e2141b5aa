"""Columns, cells and readings: what every paper's plan is made of."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from mixutils.companion import make_plan
from mixutils.evidence import frame
from mixutils.papers import PAPERS, Cell, Column, Plan, Reading
from mixutils.papers.base import choose_columns, own_column, scaled
from mixutils.papers.profiles import make_setting
from mixutils.papers.published import published
from mixutils.runs.records import Records
from mixutils.runs.run import Run
from mixutils.tasks import CATALOGUE, DataError
from tests.fakes import data_folder, done, failed

FIRST = Run("rte", "none", 0, train_size=40, evaluate=("test",))
SECOND = FIRST.with_(method="ssmix", start=FIRST, start_policy="best-on-test")
PLAIN = Reading("best-on-test", "test")
FLOORED = replace(PLAIN, floor=True)


def column(key: str, task: str | None = None) -> Column:
    return Column(key, task or key, key.upper(), "official", "test", "test", ("test",))


COLUMNS = (column("rte"), column("mrpc"), column("anli-r1/validation", "anli"), column("anli-r1/test", "anli"))


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A data folder with RTE and a task of one's own."""
    folder = data_folder(tmp_path / "data", "rte", "mine")
    monkeypatch.setenv("MIXUTILS_DATA", str(folder))
    return folder


@pytest.fixture
def no_data(monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", "")


def choose(setting, own=None):
    return choose_columns(COLUMNS, setting, own, ("docs-coarse", "docs-pair"))


# ------------------------------------------------------------------------------------------------------------- columns


def test_columns_with_data_are_chosen_and_the_others_say_why_not(data):
    chosen, absent = choose(make_setting("desk"))
    assert [c.key for c in chosen] == ["rte"]
    assert absent == dict.fromkeys(["mrpc", "anli-r1/validation", "anli-r1/test"], "not in the data folder")


def test_without_data_built_in_tasks_stand_in(no_data):
    chosen, absent = choose(make_setting("desk"))
    assert [c.key for c in chosen] == ["docs-coarse", "docs-pair"]
    assert not any(c.published for c in chosen)
    assert [c.pair for c in chosen] == [False, True]
    assert set(absent) == {c.key for c in COLUMNS}
    assert set(absent.values()) == {"not in a data folder (none given)"}


def test_a_profile_may_restrict_itself(data):
    chosen, absent = choose(make_setting("laptop"), own=("mrpc",))
    assert [c.key for c in chosen] == ["docs-coarse", "docs-pair"]
    assert absent["rte"] == "not in the laptop profile"
    assert absent["mrpc"] == "not in the data folder"


def test_the_smoke_profile_does_not_look_at_data(data):
    chosen, absent = choose(make_setting("smoke"))
    assert [c.key for c in chosen] == ["docs-coarse", "docs-pair"]
    assert set(absent.values()) == {"the smoke profile runs built-in tasks only"}


def test_asked_tasks_are_columns_of_the_paper_built_in_or_ones_own(data):
    chosen, absent = choose(make_setting("smoke", tasks="rte,docs-fine,mine"))
    assert [(c.key, c.published) for c in chosen] == [("rte", True), ("docs-fine", False), ("mine", False)]
    assert absent["mrpc"] == "not asked for"


def test_a_round_is_asked_for_by_task_column_or_both(monkeypatch, tmp_path):
    monkeypatch.setenv("MIXUTILS_DATA", str(data_folder(tmp_path / "data", "anli")))
    for name in ("anli", "anli-r1"):
        assert [c.key for c in choose(make_setting("desk", tasks=name))[0]] == ["anli-r1/validation", "anli-r1/test"]
    assert [c.key for c in choose(make_setting("desk", tasks="anli-r1/test"))[0]] == ["anli-r1/test"]


@pytest.mark.parametrize(
    ("profile", "encoder", "title"),
    [
        ("desk", None, "TTC (English encoder on Turkish text)"),
        ("full", None, "TTC"),  # mBERT
        ("full", "google-bert/bert-base-uncased", "TTC (English encoder on Turkish text)"),
        ("desk", "cnn", "TTC (English encoder on Turkish text)"),
        ("desk", "FacebookAI/xlm-roberta-base", "TTC"),
        ("desk", "random:tiny", "TTC"),  # reads nothing
    ],
)
def test_a_text_that_the_encoder_cannot_read_says_so(profile, encoder, title, monkeypatch, tmp_path):
    monkeypatch.setenv("MIXUTILS_DATA", str(data_folder(tmp_path / "data", "ttc", "rte")))
    setting = make_setting(profile, encoder=encoder, tasks="ttc,rte")
    columns, _ = choose_columns((replace(column("ttc"), title="TTC"), column("rte")), setting, (), ())
    assert [c.title for c in columns] == [title, "RTE"]


def test_an_unknown_task_is_refused_with_all_names_before_anything_runs(data):
    with pytest.raises(DataError, match=r"no data set is called 'trek'; there are .*trec-coarse.*docs-coarse.*mine"):
        choose(make_setting("desk", tasks="rte,trek"))


def test_an_asked_task_without_data_is_absent_while_others_run(data):
    chosen, absent = choose(make_setting("desk", tasks="rte,cola"))
    assert [c.key for c in chosen] == ["rte"]
    assert absent["cola"] == "not in the data folder"


def test_asking_only_for_what_is_not_at_hand_is_an_error(data):
    with pytest.raises(DataError, match=r"none of the wanted data sets is at hand \(mrpc: not in the data folder\)"):
        choose(make_setting("desk", tasks="mrpc"))


@pytest.mark.parametrize(
    ("recorded", "columns"),
    [
        (("mrpc",), ["rte", "mrpc"]),  # data and records beside each other
        (("mrpc", "docs-pair"), ["rte", "mrpc"]),
        (("anli",), ["rte", "anli-r1/validation", "anli-r1/test"]),
    ],
)
def test_what_has_records_needs_no_data_to_be_shown(data, recorded, columns):
    chosen, absent = choose(replace(make_setting("desk"), recorded=recorded))
    assert [c.key for c in chosen] == columns
    assert not set(columns) & set(absent)


@pytest.mark.parametrize(
    ("recorded", "columns"),
    [
        (("mrpc",), ["mrpc"]),  # the paper's own data, only recorded, before stand-ins that have no records
        (("mrpc", "docs-pair"), ["mrpc", "docs-pair"]),
        (("docs-pair",), ["docs-coarse", "docs-pair"]),
        ((), ["docs-coarse", "docs-pair"]),
    ],
)
def test_without_data_records_and_recorded_stand_ins_are_shown(no_data, recorded, columns):
    assert [c.key for c in choose(replace(make_setting("desk"), recorded=recorded))[0]] == columns


def test_an_asked_task_of_which_only_records_are_left_is_shown(no_data):
    setting = make_setting("desk", tasks="mine,cola")
    assert [c.key for c in choose(replace(setting, recorded=("mine", "cola")))[0]] == ["mine", "cola"]


def test_an_own_column_knows_pairs_and_titles():
    assert own_column("docs-pair").pair
    assert own_column("qqp").pair
    assert own_column("qqp").title == CATALOGUE["qqp"].title
    assert own_column("my-reviews").title == "my-reviews"
    assert not own_column("my-reviews").published


def test_the_scaled_recipe_is_the_papers_unless_the_profile_says_otherwise():
    for profile, lr, batch_size in (("full", 5e-5, 32), ("laptop", 4e-4, 8), ("desk", 4e-4, 32)):
        recipe = scaled(make_setting(profile), 5e-5, 32, epochs=7)
        assert (recipe.lr, recipe.batch_size, recipe.epochs) == (pytest.approx(lr), batch_size, 7)


# --------------------------------------------------------------------------------------------------- cells and readings


def store_with(first: float | None, second: float | None) -> Records:
    store = Records()
    for run, percent in ((FIRST, first), (SECOND, second)):
        if percent is not None:
            store.put(done(run, percent))
    return store


def values(cell: Cell, store: Records, reading: Reading | None = None) -> dict[int, float]:
    """Seed -> number."""
    cell = replace(cell, reading=reading or cell.reading)
    found = frame(Plan("ssmix", make_setting("desk"), COLUMNS, (cell,)), store)
    return found[found["primary"]].set_index("seed")["value"].to_dict()


@pytest.mark.parametrize(("first", "second", "printed"), [(80, 70, 80), (70, 80, 80), (75, 75, 75)])
def test_sa18_the_printed_reading_is_the_better_stage_and_stage_2_alone_is_not(first, second, printed):
    store = store_with(first, second)
    cell = Cell("2", "SSMix", "rte", (SECOND,), FLOORED)
    assert values(cell, store) == {0: pytest.approx(printed)}
    assert values(cell, store, PLAIN) == {0: pytest.approx(second)}
    # So a mixup row cannot fall below "No mixup" as printed, and can when stage 2 is read alone.
    unmixed = values(Cell("2", "No mixup", "rte", (FIRST,), FLOORED), store)
    assert values(cell, store)[0] >= unmixed[0]
    assert (values(cell, store, PLAIN)[0] < unmixed[0]) == (second < first)


def test_a_run_without_a_start_has_no_floor():
    assert values(Cell("2", "No mixup", "rte", (FIRST,), FLOORED), store_with(64, None)) == {0: pytest.approx(64)}


def test_a_cell_whose_floor_is_lost_is_empty_and_says_so():
    store = store_with(None, 70)
    cell = Cell("2", "SSMix", "rte", (SECOND,), FLOORED)
    assert values(cell, store) == {}
    assert cell.missing(store) == "1 of 1 runs have lost the record of their start"
    assert values(cell, store, PLAIN) == {0: pytest.approx(70)}


def test_a_reading_names_policy_part_and_metric():
    run = FIRST.with_(evaluate=("validation", "test"))
    record = done(run, {"validation": 60, "test": 50})
    record["selected"]["last"]["metrics"]["test"]["f1_macro"] = 0.25
    store = Records()
    store.put(record)
    cell = Cell("2", "No mixup", "rte", (run,), Reading("best-on-validation", "validation"))
    assert values(cell, store) == {0: pytest.approx(60)}
    assert values(cell, store, Reading("last", "test", "f1_macro")) == {0: pytest.approx(25)}


def test_a_cell_says_how_many_runs_it_lacks():
    runs = tuple(FIRST.with_(seed=s) for s in range(3))
    cell, store = Cell("2", "No mixup", "rte", runs, PLAIN), Records()
    assert cell.missing(store) == "3 of 3 runs not done"
    store.put(done(runs[0], 50))
    assert cell.missing(store) == "2 of 3 runs not done"
    store.put(failed(runs[1]))
    assert cell.missing(store) == "1 of 3 runs failed"
    assert values(cell, store) == {0: pytest.approx(50)}
    assert [r["hash"] for r in cell.records(store)] == [runs[0].hash]
    for run in runs[1:]:
        store.put(done(run, 60))
    assert cell.missing(store) == ""


def test_a_plan_has_every_run_once_and_starts_first():
    other = SECOND.with_(method="tmix")
    extra = FIRST.with_(seed=9)
    cells = (Cell("2", "SSMix", "rte", (SECOND,), PLAIN), Cell("B.1", "SSMix", "rte", (SECOND, other), PLAIN))
    plan = Plan("ssmix", make_setting("desk"), COLUMNS, cells, (extra,))
    assert plan.runs == [FIRST, SECOND, other, extra]
    assert plan.cell("2", "SSMix", "rte") is cells[0]
    assert plan.cell("2", "SSMix", "mrpc") is None
    assert plan.table("B.1") == [cells[1]]


# ----------------------------------------------------------------------------------------------- every registered paper


@pytest.mark.parametrize("key", PAPERS)
def test_a_paper_can_be_cited(key):
    paper = PAPERS[key].PAPER
    assert paper.key == key
    assert paper.url.startswith("https://")
    assert paper.title in paper.cite()
    assert paper.bibtex.startswith("@")
    assert paper.bibtex.count("{") == paper.bibtex.count("}")


@pytest.mark.parametrize("key", PAPERS)
@pytest.mark.parametrize("profile", ["smoke", "laptop", "desk", "full"])
def test_every_profile_has_a_plan_without_any_data(key, profile, no_data):
    plan = PAPERS[key].plan(make_setting(profile))
    assert plan.runs
    assert plan.columns
    assert len({r.hash for r in plan.runs}) == len(plan.runs)
    for run in plan.runs:
        assert Run.from_dict(run.to_dict()) == run


@pytest.mark.parametrize("key", PAPERS)
def test_a_plan_and_the_published_table_use_the_same_names(key, monkeypatch):
    monkeypatch.setattr("mixutils.papers.base.at_hand", lambda task, use_hub: (True, "folder"))
    plan = PAPERS[key].plan(make_setting("full"))
    planned = {(c.table, c.row, c.column) for c in plan.cells}
    tables = {c.table for c in plan.cells} & {table for table, _, _ in published(key)}
    assert tables
    # Rows that the paper itself quotes from elsewhere are not trained.
    own = {k for k, cell in published(key).items() if "quoted" not in cell.marker}
    assert {k for k in own if k[0] in tables} == {k for k in planned if k[0] in tables}


@pytest.mark.parametrize("key", PAPERS)
def test_rows_are_called_by_their_method_and_not_by_an_encoder_that_they_need_not_have(key, no_data):
    names = {row for _, row, _ in published(key)} | {c.row for c in make_plan(key, "laptop").cells}
    assert not [
        name for name in names if re.match(r"(ours|m?bert)\b(?!-large)", name.lower())
    ]  # BERT-large is one, in Table 4
