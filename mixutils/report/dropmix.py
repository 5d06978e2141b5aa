"""Tables and figures of the DropMix paper (ids as in FIGURES)."""

from __future__ import annotations

import math
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from ..claims import verdicts as decided
from ..claims.dropmix import gains as declare_gains
from ..papers import dropmix
from ..papers.base import Plan
from ..papers.published import published
from ..records import Records
from . import claims as claims_html
from . import plots
from .artifacts import Artifact, Table
from .claims import badge, summary, two_readings
from .dropmix_figures import figure_3a, figure_3b, figure_3c, literal, patches, table_5
from .dropmix_sparse import margin_curve, sparse_curves, sparse_table
from .style import colour
from .tables import CSS, found_data, over_steps, result_table, to_html

METHODS = {row: r.method for row, r in dropmix.ROWS.items()}
BASELINE = ("control", dropmix.CONTROL)
NOTE = (
    "paper: printed accuracy ± standard deviation. ours ± sample standard deviation over n seeds, {reading}. difference: ours − paper. "
    "gain: over Bert at equal epochs (SPEC RA12, X9) with its 95 % t interval over seeds, and the printed gain over Bert. "
    "Verdicts are about claims over all data sets, not about cells."
)
PRINTED = "the best epoch on the reported part, as printed (SPEC RA22)"
HELD_OUT = "the epoch that a part of its own has selected"
#: The readings of claims and gains: as printed, and where another part has selected the epoch. There SSMix in two stages is
#: read like DropMix, not as the better of both stages.
READINGS = {"as printed": {}, "hold-out": {"policy": "hold-out", "floor": False}}


def with_hold_out(plan: Plan) -> Plan:
    """The same plan with every number read where a part of its own has selected the epoch."""
    columns = {c.key: c for c in plan.columns}

    def changed(cell):
        return replace(cell, reading=dropmix.held_out(cell.reading, columns[cell.column.split("@")[0]]))

    return replace(plan, cells=tuple(map(changed, plan.cells)))


def table_2(plan: Plan, store: Records) -> Table:
    """Sizes: printed, and of the data that were found; SST-1's and TREC's printed ones contain the test data (SPEC RA20)."""
    cells = [c for c in published("dropmix").values() if c.table == "2"]
    main = [c.task for c in plan.columns if dropmix.is_main(c)]
    lines = []
    for task in dict.fromkeys([*(c.row for c in cells), *main]):
        printed = {c.column: c.value for c in cells if c.row == task}
        names = {"train": "train", "validation": "validation", "avg_len": "mean length", "classes": "classes"}
        line = {"data": task} | {f"paper {name}": printed.get(key, "") for key, name in names.items()}
        lines.append(line | found_data(plan, store, task))
    frame = pd.DataFrame(lines, dtype=object).fillna("")  # numbers of classes stay whole
    return Table(frame, CSS + frame.to_html(index=False, classes="mx", border=0))


def _results(plan: Plan, store: Records) -> pd.DataFrame:
    return result_table(plan, "3", store, baseline=BASELINE, base_row="Bert")


def _with_quoted(frame: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """The two rows that the paper quotes, where ours has their columns; nothing is trained for them."""
    titles = dict(zip(frame["column"], frame["title"], strict=True))
    quoted = [c for c in published(plan.paper).values() if c.marker == "quoted" and c.column in titles]
    lines = [
        {
            "table": "3",
            "row": c.row,
            "column": c.column,
            "title": titles[c.column],
            "paper": c.number,
            "paper_spread": math.sqrt(c.deviation),
            "note": "quoted, not trained",
        }
        for c in quoted
    ]
    return pd.concat([frame, pd.DataFrame(lines).reindex(columns=frame.columns)]) if lines else frame


def table_3(plan: Plan, store: Records) -> Table:
    frame = _with_quoted(_results(plan, store), plan).reset_index(drop=True)
    starred = " Rows with a star: ± is the root of what is printed, a variance (SPEC RA24)."
    return Table(frame, to_html(frame, note=NOTE.format(reading=PRINTED) + starred))


def table_3_holdout(plan: Plan, store: Records) -> Table:
    frame = _results(with_hold_out(plan), store)
    return Table(frame, to_html(frame, note=NOTE.format(reading=HELD_OUT)))


def table_control(plan: Plan, store: Records) -> Table:
    """Bert after 3 epochs and after as many as the regularised rows, under both readings."""
    lines = []
    for row, table in (("Bert", "3"), (dropmix.CONTROL, "control")):
        for c in (c for c in plan.columns if dropmix.is_main(c)):
            cell = plan.cell(table, row, c.key)
            both = [cell.values(store, r) for r in (cell.reading, dropmix.held_out(cell.reading, c))]
            if both[0]:
                lines.append(
                    {
                        "row": row,
                        "column": c.title,
                        "epochs": cell.runs[0].recipe.epochs,
                        "as printed": np.mean(list(both[0].values())),
                        "selected on the hold-out": np.mean(list(both[1].values())),
                        "n": len(both[0]),
                    }
                )
    return _plain(lines)


def table_4(plan: Plan, store: Records) -> Table:
    frame = result_table(plan, "4", store)
    titles = {c.key: c.title for c in dropmix.COLUMNS}
    for i, key in frame["column"].items():
        encoder, _, task = key.partition("/")
        if encoder in dropmix.ENCODERS:  # also where nothing was trained
            frame.loc[i, "title"] = f"{dropmix.ENCODERS[encoder][2]}, {titles[task]}"
    return Table(
        frame,
        to_html(
            frame,
            note="paper: printed accuracy ± standard deviation. ours ± sample standard deviation, " + PRINTED + ".",
        ),
    )


def table_mask(plan: Plan, store: Records) -> Table:
    frame = result_table(plan, dropmix.MASK_TABLE, store, baseline=BASELINE)
    return Table(
        frame,
        to_html(
            frame,
            note="Salient part kept: the mask that section 4.1 spells out (SPEC RA1), and random channels, both with DropMix-C's windows. "
            "Padding counted: λ is a share of 128 positions in every text, with or without a token (SPEC RA5, RA30). gain: against Bert at equal epochs.",
        ),
    )


def table_shares(plan: Plan, store: Records) -> Table:
    """What each variant mixed, means over all training steps of its runs."""
    names = {
        "lam": "drawn λ",
        "w_b": "label share of B",
        "real": "real units from B",
        "padding": "of it B's padding",
        "unmixed": "examples unmixed",
        "whole": "examples all B",
    }
    lines = []
    for c in (c for c in plan.columns if dropmix.is_main(c)):
        counted = [row for row, r in dropmix.MASK_ROWS.items() if r.options.get("count_padding")]
        for table, row in [*(("3", row) for row in dropmix.VARIANTS), *((dropmix.MASK_TABLE, row) for row in counted)]:
            cell = plan.cell(table, row, c.key)
            records = cell.records(store) if cell else []
            if records:
                line = {"column": c.title, "row": row, "tokens": np.mean([r["data"]["mean_tokens"] for r in records])}
                for key, name in names.items():
                    line[name] = 100 * np.mean([r["mixer"].get(key, np.nan) for r in records])
                lines.append(line | {"n": len(records)})
    return _plain(
        lines,
        "tokens: mean length with special ones. Shares in percent: of the units at positions where A or B has a token, or of all examples.",
    )


def table_cost(plan: Plan, store: Records) -> Table:
    lines = [
        {
            "column": t["column"],
            "row": t["row"],
            "ms per step": t["ms"],
            "relative to DropMix-C": t["relative"],
            "passes": t["passes"],
            "parameters": "–" if math.isnan(t["parameters"]) else f"{t['parameters']:,.0f}",
            "runs or repeats": t["n"],
        }
        for t in dropmix.costs(plan, store)
    ]
    return _plain(lines)


def _plain(lines: list[dict], note: str = "") -> Table:
    frame = pd.DataFrame(lines)
    if frame.empty:
        return Table(frame, "<p>no runs yet</p>")
    page = CSS + frame.to_html(index=False, classes="mx", border=0, float_format="{:.2f}".format)
    return Table(frame, page + (f"<p class='mx-note'>{note}</p>" if note else ""))


def claims(plan: Plan, store: Records, only: tuple[str, ...] = ()) -> Table:
    """All claims, or those that a notebook is about."""
    printed, held = (decided(plan, store, **how) for how in READINGS.values())
    return Table(*two_readings(printed, held, tuple(READINGS), only))


def illustrations(plan: Plan, store: Records, keys: tuple[str, ...]) -> Table:
    """Claims about one trained model, which no reading changes."""
    found = [v for v in decided(plan, store) if v.key in keys]
    return Table(claims_html.to_frame(found), claims_html.to_html(found, titles=("what the model shows", "")))


def table_gains(plan: Plan, store: Records) -> Table:
    """Pooled gains over Bert with three and with as many epochs, under both readings."""
    lines: dict[str, dict] = {}
    shown: dict[str, list[str]] = {}
    for reading, how in READINGS.items():
        for v in decided(plan, store, declare=declare_gains, **how):
            line = lines.setdefault(v.key, {"row": v.text, "over": v.own, "paper": v.reported})
            line |= {
                f"{reading}, {name}": value
                for name, value in (
                    ("gain", v.estimate),
                    ("low", v.low),
                    ("high", v.high),
                    ("MDE", v.mde),
                    ("word", v.word),
                )
            }
            shown.setdefault(v.key, []).append(f"{badge(v.word)}<span class='mx-small'>{summary(v)}</span>")
    head = "".join(f"<th>{name}</th>" for name in ("row", "over", "paper", *READINGS))
    body = "".join(
        f"<tr><th scope='row'>{x['row']}</th><td>{x['over']}</td><td>{'' if math.isnan(x['paper']) else format(x['paper'], '+.2f')}</td>"
        + "".join(f"<td>{cell}</td>" for cell in shown[key])
        + "</tr>"
        for key, x in lines.items()
    )
    note = "Points, mean over data sets. paper: the printed gain over Bert on the same data sets, on average. Holm's correction runs over this table."
    page = f"{CSS}<div class='mx-scroll'><table class='mx'><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    return Table(pd.DataFrame(list(lines.values())), f"{page}<p class='mx-note'>{note}</p>")


def pooled_gains(plan: Plan, store: Records) -> plt.Figure | None:
    found = decided(plan, store, declare=declare_gains, **READINGS["hold-out"])
    return plots.verdicts(found, "DropMix paper: gains on average over data sets, selected on a hold-out")


def gains(plan: Plan, store: Records) -> plt.Figure | None:
    methods = {row: METHODS[row] for row in dropmix.ROWS if row != "Bert"}
    return plots.forest(
        _results(plan, store),
        methods,
        "DropMix paper: gain over Bert, which has no dropout",
        "percentage points: ours over Bert at equal epochs, published over Bert",
    )


def verdicts(plan: Plan, store: Records) -> plt.Figure | None:
    return plots.verdicts(decided(plan, store, **READINGS["hold-out"]), "DropMix: claims, selected on a hold-out")


def units_rc1(plan: Plan, store: Records) -> plt.Figure | None:
    rc1 = next(v for v in decided(plan, store, **READINGS["hold-out"]) if v.key == "RC1")
    return plots.units(rc1, "RC1: best DropMix − best baseline, data set by data set")


def cost(plan: Plan, store: Records) -> plt.Figure | None:
    return plots.step_times(dropmix.costs(plan, store), "DropMix-C")


def learning_curves(plan: Plan, store: Records) -> plt.Figure | None:
    """Accuracy over steps, first column."""
    column, series = plan.columns[0], {}
    for table, row in [("3", r) for r in dropmix.ROWS if r != "Bert"] + [BASELINE]:
        records = plan.cell(table, row, column.key).records(store)
        steps, values = over_steps(records, lambda p: 100 * p["metrics"][column.report]["accuracy"])
        if steps:
            series[row] = (colour(METHODS.get(row, "no-dropout")), steps, values)
    if not set(series) - {BASELINE[1]}:
        return None
    return plots.panels(
        series,
        BASELINE[1],
        "step",
        f"accuracy on {column.report}, %",
        f"{column.title}, mean ± standard deviation over seeds",
    )


ARTIFACTS = (
    Artifact(
        "table_2",
        "Table 2: data sets",
        "Sizes as printed, and of the data found here. The printed training sizes of SST-1 and TREC are totals that contain the test data (SPEC RA20); mean length: ours is of the rows trained on, in word pieces, special tokens included.",
        table_2,
        "dropmix",
    ),
    Artifact(
        "table_3",
        "Table 3: accuracy",
        "Baselines and the four variants, each run read at its best epoch on the reported part.",
        table_3,
        "dropmix",
    ),
    Artifact(
        "gains",
        "Gains over Bert",
        "Filled points: ours, against Bert at equal epochs, with 95 % t intervals over seeds. Open diamonds: the printed gain over Bert.",
        gains,
        "dropmix",
    ),
    Artifact(
        "table_gains",
        "Gains on average over data sets",
        "Over Bert with three epochs, as printed, and over Bert with as many epochs as the row (SPEC X9); the best of several is chosen on the hold-out.",
        table_gains,
        "dropmix",
    ),
    Artifact(
        "pooled_gains",
        "Gains on average over data sets, drawn",
        "Mean over data sets with its 95 % interval; open diamonds: the printed gain over Bert.",
        pooled_gains,
        "dropmix",
    ),
    Artifact(
        "table_3_holdout",
        "Table 3, selected on a hold-out",
        "The same runs, but the epoch is chosen on a part that is not reported (SPEC RA22, X8).",
        table_3_holdout,
        "dropmix",
    ),
    Artifact(
        "table_control",
        "Bert at equal epochs",
        "Regularised rows train for more epochs than Bert; this row takes that advantage away (SPEC RA12, X9).",
        table_control,
        "dropmix",
    ),
    Artifact(
        "table_4",
        "Table 4: other encoders",
        "BERT-large and RoBERTa in the profile full; elsewhere an encoder that nobody pretrained, which has no part in the verdict of RC6.",
        table_4,
        "dropmix",
    ),
    Artifact(
        "table_shares",
        "What is mixed",
        "Share of units from B where A or B has a token, the part of it at which B has only padding (SPEC RA5), and examples that are left unmixed or are all B (RA17). With Beta(0.1, 0.1) four of five draws of λ are below 0.1 or above 0.9.",
        table_shares,
        "dropmix",
    ),
    Artifact(
        "table_cost",
        "Cost of a step",
        "The benchmark takes turns on the same batches; the other lines are medians over runs, on a machine that may have done other things.",
        table_cost,
        "dropmix",
    ),
    Artifact(
        "cost",
        "Time per step relative to DropMix-C",
        "From the benchmark where there is one, else medians over runs on the first data set.",
        cost,
        "dropmix",
    ),
    Artifact(
        "learning_curves",
        "Learning curves",
        "Mean and standard deviation over seeds, first data set.",
        learning_curves,
        "dropmix",
    ),
    Artifact(
        "table_mask",
        "Which part is dropped, and what N counts",
        "DropMix-C as we read it, with the mask of section 4.1 taken literally, and with random channels (SPEC RA1); W and G with 128 positions counted in every text (RA5).",
        table_mask,
        "dropmix",
    ),
    Artifact(
        "claims",
        "Claims RC1 to RC12",
        "Each claim with the paper's own tables and our verdict under both readings (SPEC 9); a claim's units are there to unfold.",
        claims,
        "dropmix",
    ),
    Artifact(
        "verdicts",
        "Verdicts",
        "Each claim's effect on average over its data sets, with the interval that decides, and the reported effect where there is one; selected on a hold-out.",
        verdicts,
        "dropmix",
    ),
    Artifact(
        "units_rc1",
        "RC1 data set by data set",
        "Mean and 95 % t interval over seeds, and below over data sets; open diamonds are printed differences. Both sides are chosen on the hold-out.",
        units_rc1,
        "dropmix",
    ),
    Artifact(
        "figure_2",
        "Figure 2: accuracy over the share of training data",
        "Mean and one standard deviation over seeds; 100 % is the setting's number of training rows. Subsets are stratified, nested and drawn with the run's seed (SPEC RA27).",
        sparse_curves,
        "dropmix_sparse",
    ),
    Artifact(
        "figure_2_margin",
        "DropMix-C's margin over the best other method",
        "Mean and one standard deviation over seeds; the best other method is chosen at each share on the part that selects (RC7).",
        margin_curve,
        "dropmix_sparse",
    ),
    Artifact(
        "table_sparse",
        "Figure 2 in numbers",
        "Accuracy by share of the training rows, as printed and selected on a hold-out.",
        sparse_table,
        "dropmix_sparse",
    ),
    Artifact(
        "claims_sparse",
        "Claim RC7",
        "The slope of the margin over all shares, per data set and seed, in points per halving of the training rows.",
        lambda plan, store: claims(plan, store, ("RC7",)),
        "dropmix_sparse",
    ),
    Artifact(
        "figure_3a",
        "Figure 3a: saliency and masks",
        "Rows are tokens, columns channels in their own order. First panel: saliency on a scale of its own; the others: units that are dropped.",
        figure_3a,
        "dropmix_saliency",
    ),
    Artifact(
        "patches",
        "The patch and what replaces it",
        "Share of each position's units that come from B, and the token of B at that position.",
        patches,
        "dropmix_saliency",
    ),
    Artifact(
        "literal",
        "The literal mask against ours",
        "Section 4.1 literally keeps the salient windows and replaces all else; its budget, Figure 3's caption and section 4 drop them (SPEC RA1).",
        literal,
        "dropmix_saliency",
    ),
    Artifact(
        "claims_saliency",
        "Claim RC10",
        "One sentence and one model illustrate a claim; they do not test it.",
        lambda plan, store: illustrations(plan, store, ("RC10",)),
        "dropmix_saliency",
    ),
    Artifact(
        "figure_3b",
        "Figure 3b: channel importance",
        "How often a channel is selected for the training samples of a class, over their number; channels in their own order.",
        figure_3b,
        "dropmix_channels",
    ),
    Artifact(
        "figure_3c",
        "Figure 3c: difference of channel importance, sorted",
        "Grey: where 95 % of the sorted differences lie, rank by rank, if labels are permuted. Dashed: the largest absolute difference of 95 % of the permutations.",
        figure_3c,
        "dropmix_channels",
    ),
    Artifact(
        "table_5",
        "Table 5: contributed words",
        "Coloured by association with a class in the whole training part (z of the log odds ratio beyond ±1.96), not by eye; the number is how often the word contributed most.",
        table_5,
        "dropmix_channels",
    ),
    Artifact(
        "claims_channels",
        "Claims RC8 and RC9",
        "One trained model illustrates a claim; it does not test it. The null says what permuted labels, or other channels, give in that model.",
        lambda plan, store: illustrations(plan, store, ("RC8", "RC9")),
        "dropmix_channels",
    ),
)
