"""Tables and figures of the SSMix paper (ids as in FIGURES)."""

from __future__ import annotations

import html
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from ..claims import evidence
from ..claims import verdicts as decided
from ..claims.ssmix import hidden_rival
from ..claims.ssmix import times as step_times
from ..papers import ssmix
from ..papers.base import Cell, Plan, Reading
from ..papers.published import published
from ..runs.records import Records
from ..show import plots
from ..show.artifacts import Artifact, Table
from ..show.claims import two_readings
from ..show.style import DATA_COLOURS, colour
from ..show.tables import CSS, found_data, over_steps, result_table, to_html
from .ssmix_figures import figure_1, figure_2, figure_3_4, figure_5

METHODS = {row: method for row, (method, _) in ssmix.ROWS.items()}
BASELINE = ("control", ssmix.CONTROL)
NOTE = (
    "paper: printed accuracy. ours ± sample standard deviation over n seeds: the better of both stages, as the paper reports (SPEC SA18). "
    "difference: ours − paper. "
    "gain: stage 2 against stage 2 without mixup (equal compute, SPEC SA21), with a 95 % t interval over seeds; the printed gain is over No mixup."
)
#: The readings of the claims: as the paper reports, and where a mixup can also lose.
READINGS = ("better of both stages, as printed", "stage 2 alone")


def _results(plan: Plan, store: Records, table: str) -> pd.DataFrame:
    return result_table(plan, table, store, baseline=BASELINE, base_row="No mixup")


def table_1(plan: Plan, store: Records) -> Table:
    """Sizes: printed, and of the data that were found."""
    lines = []
    for key in dict.fromkeys(c for _, c, _ in _sizes_published()):
        printed = {column: v for _, row, column, v in _cells("1") if row == key}
        lines.append(
            {
                "data": key,
                **{f"paper {k}": printed.get(k, "") for k in ("task", "classes", "train", "validation", "test")},
                **found_data(plan, store, key),
            }
        )
    for column in plan.columns:
        if not any(line["data"] == column.task for line in lines):
            lines.append({"data": column.task, **found_data(plan, store, column.task)})
    frame = pd.DataFrame(lines, dtype=object).fillna("")  # object: a missing count must not turn the others into floats
    return Table(frame, CSS + frame.to_html(index=False, classes="mx", border=0))


def _cells(table: str):
    return [(c.table, c.row, c.column, c.value) for c in published("ssmix").values() if c.table == table]


def _sizes_published():
    return [(c.table, c.row, c.column) for c in published("ssmix").values() if c.table == "1"]


def table_2(plan: Plan, store: Records) -> Table:
    frame = _results(plan, store, "2")
    return Table(frame, to_html(frame, note=NOTE))


def table_b1(plan: Plan, store: Records) -> Table:
    frame = _results(plan, store, "B.1")
    return Table(frame, to_html(frame, note=NOTE))


def table_a1(plan: Plan, store: Records) -> Table:
    """The printed column holds variances (SPEC SA31); both spreads of ours are shown."""
    frame = result_table(plan, "A.1", store)
    frame["ours"], frame["difference"] = frame["variance"], frame["variance"] - frame["paper"]
    frame = frame[["table", "row", "column", "title", "paper", "ours", "sd", "n", "difference", "note", "runs"]]
    head = "".join(f"<th>{html.escape(str(t))}</th>" for t in dict.fromkeys(frame["title"]))
    body = ""
    for row in dict.fromkeys(frame["row"]):
        cells = "".join(_spread_cell(line) for line in frame[frame["row"] == row].to_dict("records"))
        body += f"<tr><th scope='row'>{html.escape(row)}</th>{cells}</tr>"
    note = "ours: variance (standard deviation) over seeds, in squared points (points)."
    return Table(
        frame,
        f"{CSS}<div class='mx-scroll'><table class='mx'><thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table></div><p class='mx-note'>{note}</p>",
    )


def _spread_cell(line: dict) -> str:
    paper = "" if pd.isna(line["paper"]) else f"<span class='mx-paper'>{line['paper']:.2f}</span>"
    if pd.isna(line["ours"]):
        return f"<td>{paper}<span class='mx-why'>{html.escape(line['note'] or 'needs two seeds')}</span></td>"
    return f"<td>{paper}<span class='mx-ours'>{line['ours']:.2f} ({line['sd']:.2f})</span><span class='mx-small'>n = {int(line['n'])}</span></td>"


def table_control(plan: Plan, store: Records) -> Table:
    """Both stages apart: what the floor of SA18 hides."""
    lines = []
    for row in (*ssmix.TABLE_2, "Random UNK replacement", ssmix.CONTROL):
        for column in plan.columns:
            table = {"Random UNK replacement": "B.1", ssmix.CONTROL: "control"}.get(row, "2")
            cell = plan.cell(table, row, column.key)
            both, own = cell.values(store), cell.values(store, replace(cell.reading, floor=False))
            if own:
                held = _selected_on_held(cell, store)
                lines.append(
                    {
                        "row": row,
                        "column": column.title,
                        "stage 2 alone": np.mean(list(own.values())),
                        "chosen on held-out rows": np.mean(held) if held else np.nan,
                        "better of both": np.mean(list(both.values())) if both else np.nan,
                        "n": len(own),
                        "runs where stage 1 was better": sum(both[s] > own[s] + 1e-9 for s in both),
                    }
                )
    frame = pd.DataFrame(lines)
    if frame.empty:
        return Table(frame, "<p>no runs yet</p>")
    frame = frame.dropna(axis="columns", how="all")
    return Table(frame, CSS + frame.to_html(index=False, classes="mx", border=0, float_format="{:.2f}".format))


def _selected_on_held(cell: Cell, store: Records) -> list[float]:
    """The reported part's numbers at the checkpoint that a held-out tenth of train chooses (SPEC SA19), stage 2 alone."""
    reading = Reading("best-on-held", cell.reading.split, cell.reading.metric)
    return [reading.value(r, store) for r in cell.records(store) if "best-on-held" in r["selected"]]


def table_x1(plan: Plan, store: Records) -> Table:
    """Median step times of the benchmark and of the runs; an interval where the benchmark keeps its repeats."""
    frame = pd.DataFrame(step_times(plan, store))
    if frame.empty:
        return Table(frame, "<p>no runs yet</p>")
    names = {"ms": "ms per step", "relative": "relative to EmbedMix", "n": "runs"}
    frame = frame.rename(columns=names).drop(columns=["method", "parameters", "rounds"]).dropna(axis=1, how="all")
    return Table(frame, CSS + frame.to_html(index=False, classes="mx", border=0, float_format="{:.2f}".format))


def claims(plan: Plan, store: Records) -> Table:
    return Table(*two_readings(decided(plan, store), decided(plan, store, floor=False), READINGS))


def gains(plan: Plan, store: Records) -> plt.Figure | None:
    frame = pd.concat([_results(plan, store, "2"), _results(plan, store, "B.1")]).drop_duplicates(["row", "column"])
    methods = {row: METHODS[row] for row in (*ssmix.TABLE_2[1:], "Random UNK replacement")}
    return plots.forest(
        frame,
        methods,
        "SSMix paper: gain over training without mixup",
        "gain over stage 2 without mixup, percentage points",
    )


def verdicts(plan: Plan, store: Records) -> plt.Figure | None:
    found = decided(plan, store, floor=False)
    if all(
        v.word == "not tested" for v in found if v.kind != "measured"
    ):  # what is known of others' code needs no runs
        return None
    return plots.verdicts(found, f"SSMix: claims, {READINGS[1]}")


def times(plan: Plan, store: Records) -> plt.Figure | None:
    return plots.step_times(step_times(plan, store), "EmbedMix")


def learning_curves(plan: Plan, store: Records) -> plt.Figure | None:
    """Accuracy of stage 2 over its steps, first column."""
    column = plan.columns[0]
    series = {}
    for table, row in [("2", r) for r in ssmix.TABLE_2[1:]] + [("B.1", "Random UNK replacement"), BASELINE]:
        cell = plan.cell(table, row, column.key)
        steps, values = over_steps(cell.records(store), lambda p: 100 * p["metrics"][column.report]["accuracy"])
        if steps:
            series[row] = (colour(cell.runs[0].method), steps, values)
    if not set(series) - {BASELINE[1]}:
        return None
    return plots.panels(
        series,
        BASELINE[1],
        "step of stage 2",
        f"accuracy on {column.report}, %",
        f"Stage 2 on {column.title}, mean ± standard deviation over seeds",
    )


def size_curve(plan: Plan, store: Records) -> plt.Figure | None:
    """Advantage over hidden mixup against training size (claim SC2), over the seeds that have all sizes."""
    if not plan.table(ssmix.SIZE_TABLE):
        return None
    e = evidence(plan, store, floor=False, declare=lambda *_: None)
    units = {u.column: u for u in e.diff(ssmix.SIZE_TABLE, "SSMix", hidden_rival(plan))}
    series = {}
    shades = iter(DATA_COLOURS)
    for column in plan.columns:
        found = {}
        for n in ssmix.sizes(plan.setting):
            unit = units.get(f"{column.key}@{n}")
            if unit is not None and unit.seeds:
                found[_rows(plan, store, unit.column)] = dict(zip(unit.seeds, unit.differences, strict=True))
        seeds = set.intersection(*map(set, found.values())) if len(found) > 1 else set()
        if seeds:
            gains = np.array([[gain[s] for gain in found.values()] for s in sorted(seeds)])
            series[column.title] = (next(shades), list(found), gains)
    if not series:
        return None
    return plots.curves(
        series,
        "training rows",
        "SSMix − better hidden mixer, points",
        "Does the advantage grow with data? (SC2)",
        log_x=True,
    )


def _rows(plan: Plan, store: Records, column: str) -> int:
    """Training rows that a size really had."""
    return plan.cell(ssmix.SIZE_TABLE, "SSMix", column).records(store)[0]["data"]["sizes"]["train"]


ARTIFACTS = (
    Artifact(
        "table_1",
        "Table 1: data sets",
        "Sizes as printed, and of the data found here; for four GLUE sets the paper prints test sizes as validation (SPEC SA29).",
        table_1,
        "ssmix",
    ),
    Artifact("table_2", "Table 2: accuracy", "SSMix, hidden mixup and two ablations.", table_2, "ssmix"),
    Artifact(
        "gains",
        "Gains over training without mixup",
        "Filled points: ours, stage 2 against stage 2 without mixup, with 95 % intervals over seeds. Open diamonds: the gain printed in the paper, over three epochs without mixup.",
        gains,
        "ssmix",
    ),
    Artifact(
        "table_a1",
        "Table A.1: spread over seeds",
        "Printed as standard deviation, but variances by arithmetic (SPEC SA31).",
        table_a1,
        "ssmix",
    ),
    Artifact(
        "table_b1",
        "Table B.1: against random UNK replacement",
        "Input-level mixups and plain token dropout.",
        table_b1,
        "ssmix",
    ),
    Artifact(
        "table_control",
        "What the reported maximum hides",
        "The paper reports the better of both stages, so that no mixup can fall below the unmixed row (SPEC SA18), and chooses the checkpoint on the reported part itself (SPEC SA19).",
        table_control,
        "ssmix",
    ),
    Artifact(
        "table_x1",
        "Time per step",
        "The benchmark takes turns on the same batches; the other lines are medians over runs, on a machine that may have done other things. EmbedMix, SSMix and its ablations are 2 passes here; TMix is fewer, because rows below the mixing layer run once.",
        table_x1,
        "ssmix",
    ),
    Artifact(
        "times",
        "Time per step relative to EmbedMix",
        "From the benchmark where there is one, else medians over runs on the first data set.",
        times,
        "ssmix",
    ),
    Artifact(
        "learning_curves",
        "Learning curves of stage 2",
        "Mean and standard deviation over seeds.",
        learning_curves,
        "ssmix",
    ),
    Artifact(
        "size_curve",
        "Advantage over training size",
        "SSMix minus the better of EmbedMix and TMix, stage 2 alone, with one standard deviation over seeds. Which one is better is chosen for each seed by the others, on held-out rows where there are some.",
        size_curve,
        "ssmix",
    ),
    Artifact(
        "claims",
        "Claims SC1 to SC10",
        "Each claim with the paper's own tables and our verdict under both readings.",
        claims,
        "ssmix",
    ),
    Artifact(
        "verdicts",
        "Verdicts",
        "Each claim's pooled effect with the 95 % interval that decides; reported effects as open diamonds.",
        verdicts,
        "ssmix",
    ),
    Artifact(
        "figure_1",
        "Figure 1: saliency, spans and mixture",
        "Real sentences and a trained model. Saliency is the length of the loss gradient at each token's embedding, relative to the largest in the sentence.",
        figure_1,
        "ssmix_spans",
    ),
    Artifact(
        "figure_3_4",
        "Figures 3 and 4: ablations and UNK",
        "The same two sentences under every variant.",
        figure_3_4,
        "ssmix_spans",
    ),
    Artifact(
        "figure_5",
        "Figure 5: sentence pairs",
        "Both texts of the pairs are mixed on their own; the label share counts tokens of both.",
        figure_5,
        "ssmix_spans",
    ),
    Artifact(
        "figure_2",
        "Figure 2: where mixtures lie",
        "The paper sketches hidden mixtures on the straight line between two texts. At the last layer only mixtures made there lie on it; mixtures made lower down leave it as well.",
        figure_2,
        "ssmix_spans",
    ),
)
