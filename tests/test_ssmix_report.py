"""Every table and figure of SSMix's notebook, from made-up records and from none."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from mixutils import paths, show
from mixutils.companion import make_plan
from mixutils.papers import ssmix
from mixutils.runs.records import Records
from mixutils.show import style
from tests import notebook
from tests.fakes import data_folder, done, filled, kind, shipped, timed

TABLES = {"table_1", "table_2", "table_a1", "table_b1", "table_control", "table_x1", "claims"}
#: Milliseconds of the benchmark.
TIMES = {"wordmix + clean": 200.0, "tmix + clean": 160.0, "ssmix": 460.0}
FIGURES = {"gains", "times", "learning_curves", "size_curve", "verdicts"}


@pytest.fixture(autouse=True)
def _clean(monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", "")


def saved(plan, store):
    style.use()
    return notebook.saved("ssmix", plan, store)


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """The desk plan on built-in tasks, five seeds, all runs done."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIXUTILS_DATA", "")
        plan = make_plan("ssmix", "desk")
    level = {"stage 1": 60.0, "control": 59.0, "ssmix": 62.0, "wordmix": 60.5, "unk": 58.0}
    store = filled(plan, lambda r: level.get(kind(r), 61.0) + r.seed, tmp_path_factory.mktemp("full"))
    return plan, store


@pytest.fixture(scope="module")
def made(full, tmp_path_factory):
    """What the notebook saves of them and of a benchmark."""
    figures = tmp_path_factory.mktemp("figures")
    timed(figures, full[0].setting.encoder, TIMES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIXUTILS_FIGURES", str(figures))
        return saved(*full)


def test_every_table_and_figure_is_made_from_records(made):
    assert set(made) == TABLES | FIGURES
    for name, thing in made.items():
        assert hasattr(thing, "to_csv" if name in TABLES else "savefig"), name


def test_files_have_the_names_and_the_numbers(full):
    plan, store = full
    timed(paths.figures("bench").parent, plan.setting.encoder, TIMES)
    notebook.run("ssmix", plan, store)
    folder = paths.figures("desk") / "ssmix"
    assert {p.stem for p in folder.glob("*.csv")} == TABLES
    assert {p.stem for p in folder.glob("*.png")} == {p.stem for p in folder.glob("*.svg")} == FIGURES
    lines = pd.read_csv(folder / "table_2.csv").set_index(["row", "column"])
    assert lines.loc[("SSMix", "docs-pair"), "ours"] == pytest.approx(64)


@pytest.mark.parametrize("profile", ["smoke", "laptop", "desk", "full"])
def test_without_records_tables_say_so_and_figures_are_none(profile):
    made = saved(make_plan("ssmix", profile), Records())
    for name in TABLES - {"table_control", "table_x1"}:
        text = made[name].to_csv()
        assert any(why in text for why in ("not done", "no runs yet", "not tested")), name
    assert made["table_control"].empty
    assert made["table_x1"].empty
    assert all(made[name] is None for name in FIGURES)  # though the authors' step times, a claim, need no runs


def test_without_embedmix_and_two_seeds_nothing_stops_and_without_a_benchmark_no_times_are_drawn(full, tmp_path):
    plan, _ = full
    store = filled(plan, lambda r: 60 + r.seed, tmp_path, skip=lambda r: kind(r) == "wordmix" or r.seed > 2)
    assert [name for name, thing in saved(plan, store).items() if thing is None] == ["times"]


def test_stage_1_lost_its_records_and_nothing_stops(full, tmp_path):
    plan, _ = full
    store = filled(plan, lambda r: 60 + r.seed, tmp_path, skip=lambda r: kind(r) == "stage 1")
    made = saved(plan, store)
    assert set(made) == TABLES | FIGURES
    assert "5 of 5 runs have lost the record of their start" in set(made["table_2"]["note"])


def test_a_result_cell_names_everything_that_it_shows(made):
    page = show.display_results(made["table_2"]).to_html()
    for word in ("ours 64.00 ± 1.96", "n = 5", "gain +2.00 ["):
        assert word in page


def test_table_1_has_printed_and_found_sizes(made):
    frame = made["table_1"].set_index("data")
    assert frame.loc["sst2-glue", "paper train"] == "67k"
    assert frame.loc["qnli", "paper classes"] == "3"  # as printed; QNLI has two (SPEC SA29)
    assert frame.loc["rte", "remark"] == "not in a data folder (none given)"
    assert frame.loc["docs-fine", "ours"] == "train 5,000, test 5,000"
    assert frame.loc["docs-fine", "used here"] == "train 500, test 100"
    assert len(frame) == 9 + 3


def test_table_1_escapes_what_data_say_of_themselves(tmp_path):
    plan = make_plan("ssmix", "smoke")
    records = [done(r, 50) for r in plan.runs]
    for record in records:
        record["data"] |= {"source": "<script>", "notes": ["<img src=x>"]}
    page = show.display_table(saved(plan, shipped(records, tmp_path))["table_1"]).to_html()
    assert "<script>" not in page
    assert "<img" not in page
    assert "&lt;script&gt;" in page


def test_table_2_has_all_methods_on_all_data_sets(made):
    frame = made["table_2"]
    assert list(dict.fromkeys(frame["row"])) == list(ssmix.TABLES["2"])
    ours = frame[frame["column"] == "docs-pair"].set_index("row")["ours"]
    assert ours["No mixup"] == pytest.approx(62)  # seeds add 0 to 4
    assert ours["SSMix"] == pytest.approx(64)
    gain = frame[(frame["column"] == "docs-pair") & (frame["row"] == "SSMix")].iloc[0]
    assert gain["gain"] == pytest.approx(2)  # over stage 1, as reported
    control = made["table_control"].set_index(["row", "column"])
    assert control.loc[("SSMix", "Docstrings, pairs"), "over equally long training"] == pytest.approx(3)


def test_table_a1_compares_variances(tmp_path, monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", str(data_folder(tmp_path / "data", "rte")))
    plan = make_plan("ssmix", "desk", tasks="rte")
    frame = saved(plan, filled(plan, lambda r: 60 + 2 * r.seed, tmp_path))["table_a1"]
    line = frame[(frame["row"] == "No mixup") & (frame["column"] == "rte")].iloc[0]
    assert line["ours"] == pytest.approx(10)  # 60, 62, 64, 66, 68: squared deviations 40 over 4
    assert line["sd"] == pytest.approx(math.sqrt(10))
    assert line["apart"] == "ours: 500 rows; reported: all"  # so there is no difference


def test_table_control_counts_runs_that_the_floor_changed(full, tmp_path):
    plan, _ = full
    store = filled(plan, lambda r: 60 if kind(r) == "stage 1" else 58 + r.seed, tmp_path)
    frame = saved(plan, store)["table_control"]
    (pairs,) = [c.title for c in plan.columns if c.key == "docs-pair"]
    line = frame.set_index(["row", "column"]).loc[("SSMix", pairs)]
    assert line["stage 2 alone"] == pytest.approx(60)  # 58 to 62
    assert line["better of both"] == pytest.approx((60 + 60 + 60 + 61 + 62) / 5)
    assert line["runs where stage 1 was better"] == 2
    assert line["n"] == 5
    assert "chosen on held-out rows" not in frame  # built-in tasks report on rows that chose nothing


def test_table_control_shows_what_held_out_rows_would_have_chosen(tmp_path, monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", str(data_folder(tmp_path / "data", "trec-coarse")))
    plan = make_plan("ssmix", "desk")
    store = filled(plan, lambda r: 61 + r.seed, tmp_path / "records")
    line = saved(plan, store)["table_control"].set_index("row").loc["SSMix"]
    assert line["stage 2 alone"] == pytest.approx(63)
    record = store.get(plan.cell("2", "SSMix", "trec-coarse").runs[0])
    assert set(record["selected"]) == {"best-on-test", "best-on-held", "last"}
    assert line["chosen on held-out rows"] == pytest.approx(63)


def test_table_x1_has_step_times(made):
    frame = made["table_x1"].set_index("row")
    assert list(frame.columns) == ["ms per step", "passes", "repeats", "relative to EmbedMix"]
    assert frame["relative to EmbedMix"].to_dict() == {"EmbedMix": 1.0, "TMix": 0.8, "SSMix": 2.3}


def test_claims_are_shown_under_both_readings(made):
    frame = made["claims"]
    assert set(frame["reading"]) == {"better of both stages, as printed", "stage 2 alone"}
    for _, lines in frame.groupby("reading"):
        assert list(dict.fromkeys(lines["claim"])) == [
            "SC1",
            "SC2",
            "SC2 over data sets",
            *(f"SC{i}" for i in range(3, 11)),
        ]


def test_learning_curves_have_the_colour_of_their_method(made):
    figure = made["learning_curves"]
    found = {axis.get_title(): {to_hex(line.get_color()) for line in axis.lines} for axis in figure.axes}
    plain = style.colour("none")
    assert found["SSMix"] == {plain, style.colour("ssmix")}
    assert found["EmbedMix"] == {plain, style.colour("wordmix")}
    assert set(found) == {
        "EmbedMix",
        "TMix",
        "SSMix",
        "SSMix - saliency",
        "SSMix - saliency - span",
        "Random UNK replacement",
    }
    assert figure.axes[0].lines[0].get_xdata().tolist() == [1, 2, 4]


def test_the_size_curve_by_hand_in_the_colours_of_data(full, tmp_path):
    plan, _ = full
    gain = {50: 1.0, 150: 2.0, 500: 4.0}
    level = {"ssmix": 55, "wordmix": 54, "tmix": 53}
    store = filled(plan, lambda r: level.get(kind(r), 50) + (kind(r) == "ssmix") * gain[r.train_size], tmp_path)
    axis = saved(plan, store)["size_curve"].axes[0]
    np.testing.assert_allclose(axis.lines[0].get_xydata(), [[50, 2], [150, 3], [500, 5]])
    assert to_hex(axis.lines[0].get_color()) == style.DATA_COLOURS[0]


def test_the_size_curve_places_all_rows_at_their_number(tmp_path):
    plan = make_plan("ssmix", "desk", train_size=0)
    axis = saved(plan, filled(plan, lambda r: 50, tmp_path))["size_curve"].axes[0]
    assert axis.lines[0].get_xdata().tolist() == [50, 150, 5000]  # the fakes train on 5,000 rows where all are meant
