"""Table and figure of DMIX, the short paper, and both DMIX papers side by side (X1)."""

from __future__ import annotations

import math

import matplotlib.pyplot as plt
import pandas as pd

from ..claims import verdicts as decided
from ..evidence.stats import summarize
from ..papers import dmix, dmix_short
from ..papers.base import Plan
from ..papers.published import number
from ..runs.records import Records
from ..show import claims as claims_html
from ..show import plots
from ..show.artifacts import Artifact, Table
from ..show.style import DATA_COLOURS
from ..show.tables import CSS, to_html
from .dmix import NOTE, VERDICTS, f1_table, results, sizes
from .dmix_figures import sweep, sweep_line, sweep_reference
from .dmix_thresholds import shares

SIZES = {"ahs": ("Arabic", "3,950", 2), "essc": ("English", "5,574", 2), "ttc": ("Turkish", "3,600", 6)} | {
    "ghc": ("Gujarati", "1,632", 3)
}  # [P] section 3
#: Rows that mean the same in both papers: here -> there.
PAIRS = {"mBERT": "f_theta", "Input Mixup": "WMix", "Sentence Mixup": "SMix", "Mixup": "TMix"} | {
    "DMIX (Hyperbolic)": "DMix"
}


def table_sizes(plan: Plan, store: Records) -> Table:
    """Data sets as the paper's text describes them, and as found."""
    printed = {k: {"language": a, "samples": n, "classes": c} for k, (a, n, c) in SIZES.items()}
    return sizes(plan, store, printed)


def table_1(plan: Plan, store: Records) -> Table:
    frame = results(plan, store, dmix_short.TABLE, dmix_short.MIXUP)
    return Table(frame, to_html(frame, note=NOTE.format(base="Mixup")))


def averages(plan: Plan, store: Records) -> Table:
    return f1_table(plan, store, (dmix_short.TABLE,))


def gains(plan: Plan, store: Records) -> plt.Figure | None:
    frame = results(plan, store, dmix_short.TABLE, dmix_short.MIXUP)
    methods = {row: method for row, (method, _) in dmix_short.ROWS.items() if row != dmix_short.MIXUP}
    return plots.forest(frame, methods, "DMIX (short): gain over Mixup", "gain over Mixup, points of micro F1")


def figure_1(plan: Plan, store: Records) -> plt.Figure | None:
    """F1 over τ, Mixup as a horizontal line."""
    columns = [c for c in plan.columns if sweep(plan, dmix_short.FIGURE, c.key)]
    cells = {
        c.key: {row: plan.cell(dmix_short.FIGURE, row, c.key) for row in sweep(plan, dmix_short.FIGURE, c.key)}
        for c in columns
    }
    columns = [c for c in columns if any(cell.records(store) for cell in cells[c.key].values())]
    if not columns:
        return None
    figure, axis = plt.subplots(figsize=(7.6, 3.8), layout="constrained")
    for c, shade in zip(columns, DATA_COLOURS, strict=False):
        sweep_line(axis, cells[c.key], store, shade, f"DMIX (Hyperbolic), {c.title}")
        reference = plan.cell(dmix_short.FIGURE, dmix_short.MIXUP, c.key)
        sweep_reference(axis, reference, store, shade, f"Mixup, {c.title}")
    axis.set_xlabel("τ, % of the other training examples, farthest first")
    axis.set_ylabel("F1 on test, %")
    axis.set_title("Figure 1: F1 over τ, mean ± standard deviation over seeds", loc="left")
    figure.legend(loc="outside lower center", ncols=4, fontsize=8.5)
    return figure


def table_x1(plan: Plan, store: Records) -> Table:
    """TTC and AHS in both papers, and ours under both protocols (X1)."""
    other = dmix.plan(plan.setting)
    lines = []
    for key in ("ttc", "ahs"):
        for here, there in PAIRS.items():
            lines.append(
                {
                    "data": key,
                    "row": here,
                    "printed, adaptive": number("dmix", "2", there, key),
                    "ours, adaptive": _mean(other, "2", there, key, store),
                    "printed, short": number("dmix_short", "1", here, key),
                    "ours, short": _mean(plan, dmix_short.TABLE, here, key, store),
                    "ours, short, macro F1": _mean(plan, dmix_short.TABLE, here, key, store, "f1_macro"),
                }
            )
    frame = pd.DataFrame(lines)
    missing = {k: plan.absent[k] for k in ("ttc", "ahs") if k in plan.absent}
    note = (
        "Micro F1 in percent. The protocols differ in the layers that are drawn and in how partners and ratios are chosen. "
        + "; ".join(f"{k} is empty: {why}" for k, why in missing.items())
    )
    shown = frame.to_html(index=False, classes="mx", border=0, float_format="{:.2f}".format, na_rep="–")
    return Table(frame, f"{CSS}{shown}<p class='mx-note'>{note}</p>")


def _mean(plan: Plan, table: str, row: str, key: str, store: Records, metric: str = dmix.METRIC) -> float:
    cell = plan.cell(table, row, key)
    records = cell.records(store) if cell else []
    found = [r["selected"][cell.reading.policy]["metrics"][cell.reading.split].get(metric, math.nan) for r in records]
    return 100 * summarize(found).mean if found else math.nan


def claims(plan: Plan, store: Records, only: tuple[str, ...] = ()) -> Table:
    """All claims, or some, with F1 read as micro and as macro average."""
    micro, macro = decided(plan, store), decided(plan, store, metric="f1_macro")
    return Table(*claims_html.two_readings(micro, macro, ("micro F1", "macro F1"), only))


def verdicts(plan: Plan, store: Records) -> plt.Figure | None:
    return plots.verdicts(decided(plan, store), "DMIX (short): claims, micro F1")


ARTIFACTS = (
    Artifact(
        "data", "Data sets", "Sizes from the paper's text, and of the data found here.", table_sizes, "dmix_short"
    ),
    Artifact(
        "table_1",
        "Table 1: F1",
        "Seven rows, as printed; the stars are p < 0.01 over Mixup.",
        table_1,
        "dmix_short",
    ),
    Artifact(
        "gains",
        "Gains over Mixup",
        "Filled points: ours, with 95 % intervals over seeds. Open diamonds: printed.",
        gains,
        "dmix_short",
    ),
    Artifact(
        "averages",
        "Which F1?",
        "The same runs under three averages; the last column counts runs that predict one class only (SPEC SD9, SD10).",
        averages,
        "dmix_short",
    ),
    Artifact(
        "table_x1",
        "Both papers' TTC and AHS",
        "One preparation of the data for both papers. The short paper prints 28 to 32 on TTC, the adaptive one 91 to 92.",
        table_x1,
        "dmix_short",
    ),
    Artifact(
        "claims",
        "Claims SDC1 to SDC5",
        "Each claim: what the paper's own table says, our word for it (SPEC 9.3) and what that rests on.",
        claims,
        "dmix_short",
    ),
    Artifact("verdicts", "Verdicts", VERDICTS, verdicts, "dmix_short"),
    Artifact(
        "figure_1",
        "Figure 1: F1 over τ",
        "At 100 % every other example can be partner, which is Mixup. The paper's curve is a picture without numbers.",
        figure_1,
        "dmix_short",
    ),
    Artifact(
        "shares",
        "What a threshold on values would select on these data",
        "The short paper's threshold is a rank, so τ is the share itself; for comparison, the adaptive paper's threshold on the same embeddings.",
        shares,
        "dmix_short",
    ),
    Artifact(
        "claims_thresholds",
        "Claims about τ",
        "SDC4 and SDC5; the notebook dmix_thresholds shows them beside the adaptive paper's.",
        lambda plan, store: claims(plan, store, ("SDC4", "SDC5")),
        "dmix_short",
    ),
)
