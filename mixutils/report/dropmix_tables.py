"""DropMix's tables of accuracies, of what is mixed and of cost."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd

from ..claims.dropmix import costs
from ..papers import dropmix
from ..papers.base import Plan
from ..papers.published import published
from ..runs.records import Records
from ..show.artifacts import Table
from ..show.tables import CSS, found_data, result_table, to_html

METHODS = {row: r.method for row, r in dropmix.ROWS.items()}
BASELINE = ("control", dropmix.CONTROL)
NOTE = (
    "paper: printed accuracy ± standard deviation. ours ± sample standard deviation over n seeds, {reading}. difference: ours − paper. "
    "gain: over Bert at equal epochs (SPEC RA12, X9) with its 95 % t interval over seeds, and the printed gain over Bert. "
    "Verdicts are about claims over all data sets, not about cells."
)
PRINTED = "the best epoch on the reported part, as printed (SPEC RA22)"
HELD_OUT = "the epoch that a part of its own has selected"


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


def results(plan: Plan, store: Records) -> pd.DataFrame:
    """Table 3 with gains over Bert at equal epochs."""
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
    frame = _with_quoted(results(plan, store), plan).reset_index(drop=True)
    starred = " Rows with a star: ± is the root of what is printed, a variance (SPEC RA24)."
    return Table(frame, to_html(frame, note=NOTE.format(reading=PRINTED) + starred))


def table_3_holdout(plan: Plan, store: Records) -> Table:
    frame = results(with_hold_out(plan), store)
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
        for t in costs(plan, store)
    ]
    return _plain(lines)


def _plain(lines: list[dict], note: str = "") -> Table:
    frame = pd.DataFrame(lines)
    if frame.empty:
        return Table(frame, "<p>no runs yet</p>")
    page = CSS + frame.to_html(index=False, classes="mx", border=0, float_format="{:.2f}".format)
    return Table(frame, page + (f"<p class='mx-note'>{note}</p>" if note else ""))
