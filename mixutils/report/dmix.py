"""Tables and figures of DMIX, the adaptive paper (ids as in FIGURES)."""

from __future__ import annotations

import math
from dataclasses import replace

import matplotlib.pyplot as plt
import pandas as pd

from ..claims import verdicts as decided
from ..papers import dmix
from ..papers.base import Cell, Plan
from ..papers.published import published
from ..runs.records import Records
from ..show import claims as claims_html
from ..show import plots
from ..show.artifacts import Artifact, Table
from ..show.tables import CSS, result_table, to_html
from .dmix_attention import table_7
from .dmix_figures import figure_2, figure_3, layer_map
from .dmix_matrix import beliefs, matrix_table, movement, order, plane
from .dmix_thresholds import histograms, partners, shares, threshold_table

WORDS = (
    "what the paper's own tables say, our word for it (SPEC 9.3) and what that rests on. F1 is micro F1, on TRAC weighted F1 (SPEC 1.5); "
    "beside it macro F1."
)
VERDICTS = (
    "Effects pooled over data sets, 95 % intervals, in the claimed direction; shaded: the smallest effect of interest. Open diamonds: the "
    "printed effect."
)
NOTE = (
    "paper: printed F1. ours ± sample standard deviation over n seeds: micro F1 (= accuracy) on test of the checkpoint with the best F1 on "
    "validation. difference: ours − paper. gain: against {base}, with its 95 % t interval over seeds, and the printed gain."
)


def view(plan: Plan, table: str) -> Plan:
    """The plan with the columns of one table only: those it has cells for, and the printed ones that it lacks, with why.

    Table 5's columns are "data set/method".
    """
    planned = dict.fromkeys(c.column for c in plan.table(table))
    by_key = {c.key: c for c in plan.columns}
    columns = []
    for key in planned:
        base, _, method = key.partition("/")
        columns.append(
            replace(by_key[base], key=key, title=f"{by_key[base].title}, {method}" if method else by_key[base].title)
        )
    absent = {}
    for paper_table, _, key in published(plan.paper):
        if paper_table == table and key not in planned:
            why = plan.absent.get(key.partition("/")[0])
            absent[key] = why or f"this table of it is not in the {plan.setting.profile.name} profile"
    return replace(plan, columns=tuple(columns), absent=absent)


def results(plan: Plan, store: Records, table: str, base_row: str) -> pd.DataFrame:
    """A table with gains over one of its own rows."""
    return result_table(view(plan, table), table, store, baseline=(table, base_row), base_row=base_row)


def table_1(plan: Plan, store: Records) -> Table:
    """Language, classes and sizes: printed, and of the data that were found."""
    printed: dict[str, dict[str, str]] = {}
    for cell in published("dmix").values():
        if cell.table == "1":
            printed.setdefault(cell.row, {})[cell.column] = cell.value
    return sizes(plan, store, printed)


def sizes(plan: Plan, store: Records, printed: dict[str, dict[str, str]]) -> Table:
    """One line per data set: what is printed, and what the records say of the data.

    Args:
        printed: data set -> printed property -> value.
    """
    lines = []
    for key in dict.fromkeys([*printed, *(c.key for c in plan.columns)]):
        line = {"data": key} | {f"paper {k}": v for k, v in printed.get(key, {}).items()}
        lines.append(line | _found(plan, store, key))
    frame = pd.DataFrame(lines).fillna("")
    return Table(frame, CSS + frame.to_html(index=False, classes="mx", border=0))


def _found(plan: Plan, store: Records, key: str) -> dict[str, object]:
    cells = [c for c in plan.cells if c.column.partition("/")[0] == key]
    record = next((r for c in cells for r in c.records(store)), None)
    if record is None:
        return {"ours": "–", "remark": plan.absent.get(key, "no runs yet")}
    data = record["data"]
    out = {
        "ours": f"{sum(data['full'].values()):,}: " + ", ".join(f"{k} {v:,}" for k, v in data["full"].items()),
        "classes": len(data["labels"]),
        "used here": ", ".join(f"{k} {v:,}" for k, v in data["sizes"].items()),
        "encoder": record["run"]["encoder"],
    }
    if "histogram" in data:
        report = data["histogram"].get("test") or data["histogram"][list(data["histogram"])[-1]]
        out["largest class of test, %"] = f"{100 * max(report) / sum(report):.1f}"
    return out | {"remark": "; ".join(data["notes"])}


def table_2(plan: Plan, store: Records) -> Table:
    frame = results(plan, store, "2", "TMix")
    return Table(frame, to_html(frame, note=NOTE.format(base="TMix")))


def table_3(plan: Plan, store: Records) -> Table:
    frame = results(plan, store, "3", "TMix")
    return Table(frame, to_html(frame, note=NOTE.format(base="TMix")))


def table_4(plan: Plan, store: Records) -> Table:
    frame = results(plan, store, "4", "TMix")
    return Table(frame, to_html(frame, note=NOTE.format(base="TMix")))


def table_5(plan: Plan, store: Records) -> Table:
    """Every set against the set that the main tables take, {7,9,12} for TMix and {3,4,6,7,9,12} for DMIX."""
    small = view(plan, dmix.LAYERS)
    parts = []
    for row, own in dmix.OWN_SET.items():
        half = replace(
            small,
            cells=tuple(c for c in small.cells if c.column.endswith(f"/{row}")),
            columns=tuple(c for c in small.columns if c.key.endswith(f"/{row}")),
            absent={k: v for k, v in small.absent.items() if k.endswith(f"/{row}")},
        )
        parts.append(result_table(half, dmix.LAYERS, store, baseline=(dmix.LAYERS, own), base_row=own))
    frame = pd.concat([p for p in parts if not p.empty] or parts[:1])
    base = "the set of the main tables ({7,9,12} for TMix, {3,4,6,7,9,12} for DMIX)"
    return Table(frame, to_html(frame, note=NOTE.format(base=base)))


def table_6(plan: Plan, store: Records) -> Table:
    """EMix and SSMix are trained; rows of other encoders are quoted by the paper and here (SPEC DA36)."""
    frame = results(plan, store, "6", "DMix")
    keys = set(frame["column"])
    titles = dict(zip(frame["column"], frame["title"], strict=True))
    quoted = [
        {
            "table": "6",
            "row": c.row,
            "column": c.column,
            "title": titles.get(c.column, c.column),
            "paper": c.number,
            "note": "quoted by the paper, not trained",
        }
        for c in published("dmix").values()
        if c.table == "6" and c.marker == "quoted" and c.column in keys
    ]
    frame = pd.concat([pd.DataFrame(quoted), frame]) if quoted else frame
    frame = frame.reindex(columns=result_table(plan, "none", store).columns)
    text = ("note", "runs")
    frame[[*text]] = frame[[*text]].fillna("")
    return Table(frame, to_html(frame, note=NOTE.format(base="DMIX")))


def table_8(plan: Plan, store: Records) -> Table:
    """Set-up: printed, and of the runs."""
    runs = plan.table("2") or plan.table("3")
    run, record = runs[0].runs[0], next((r for c in runs for r in c.records(store)), None)
    recipe = run.recipe
    ours = {
        "Optimizer": recipe.optimizer,
        "Learning Rate": f"{recipe.lr:g}",
        "Batch Size": recipe.batch_size,
        "beta_1, beta_2, epsilon": ", ".join(f"{v:g}" for v in (*recipe.betas, recipe.eps)),
        "# Epochs": recipe.epochs,
        "Evaluation Metric": "micro F1; macro and weighted F1 are in every record",
        "Base Model": ", ".join(dict.fromkeys(r.encoder for r in plan.runs)),
        "Classifier (over architecture)": "pooler, dropout, linear layer",
        "Hardware": record["environment"]["device"] if record else "no runs yet",
    }
    frame = pd.DataFrame(
        [
            {"parameter": c.row, "paper": c.value, "ours": ours[c.row]}
            for c in published("dmix").values()
            if c.table == "8"
        ]
    )
    return Table(frame, CSS + frame.to_html(index=False, classes="mx", border=0))


def averages(plan: Plan, store: Records) -> Table:
    """What "F1" may have meant: three averages of the same runs, beside the printed number (SPEC DA22)."""
    return f1_table(plan, store, ("2", "3"))


def f1_table(plan: Plan, store: Records, tables: tuple[str, ...]) -> Table:
    """Micro, macro and weighted F1 of every cell, and how many runs predict one class only (SPEC SD9, SD10)."""
    lines, seen = [], set()
    for cell in (c for t in tables for c in plan.table(t)):
        if (cell.row, cell.column) in seen or not cell.values(store):
            continue
        seen.add((cell.row, cell.column))
        printed = published(plan.paper).get((cell.table, cell.row, cell.column))
        line = {"data": cell.column, "row": cell.row, "paper": printed.number if printed else math.nan}
        for name in ("micro", "macro", "weighted"):
            line[f"{name} F1"] = _mean(cell, store, f"f1_{name}")
        line["n"] = len(cell.values(store))
        line["one class only"] = collapsed(cell, store)
        lines.append(line)
    frame = pd.DataFrame(lines)
    if frame.empty:
        return Table(frame, "<p>no runs yet</p>")
    shown = frame.to_html(index=False, classes="mx", border=0, float_format="{:.2f}".format, na_rep="")
    return Table(frame, CSS + shown)


def _mean(cell: Cell, store: Records, metric: str) -> float:
    values = [
        r["selected"][cell.reading.policy]["metrics"][cell.reading.split].get(metric, math.nan)
        for r in cell.records(store)
    ]
    return 100 * sum(values) / len(values)


def collapsed(cell: Cell, store: Records) -> int:
    """Runs whose reported checkpoint predicts one class for everything."""
    found = (r["selected"][cell.reading.policy]["metrics"][cell.reading.split] for r in cell.records(store))
    return sum(m.get("predicted_classes") == 1 for m in found)


def claims(plan: Plan, store: Records, only: tuple[str, ...] = ()) -> Table:
    """All claims, or those that a notebook is about: F1 as DA22 reads it, and as macro average."""
    first, macro = decided(plan, store), decided(plan, store, metric="f1_macro")
    return Table(*claims_html.two_readings(first, macro, ("micro F1, weighted on TRAC", "macro F1"), only))


def verdicts(plan: Plan, store: Records) -> plt.Figure | None:
    return plots.verdicts(decided(plan, store), "DMIX: claims, micro F1 (TRAC: weighted)")


def gains(plan: Plan, store: Records) -> plt.Figure | None:
    frame = pd.concat([results(plan, store, t, "TMix") for t in ("2", "3")]).drop_duplicates(["row", "column"])
    methods = {row: dmix.ROWS[row][0] for row in (*dmix.TABLES["2"], *dmix.TABLES["3"]) if row != "TMix"}
    return plots.forest(frame, methods, "DMIX paper: gain over TMix", "gain over TMix, points of micro F1")


def _of_notebook(name: str, title: str, *keys: str) -> Artifact:
    """The claims that a notebook is about."""
    caption = f"{', '.join(keys)}: {WORDS}"
    return Artifact(f"claims_{name}", title, caption, lambda plan, store: claims(plan, store, keys), f"dmix_{name}")


ARTIFACTS = (
    Artifact(
        "table_1",
        "Table 1: data sets",
        "Printed sizes and those of the data found here. The share of the largest class is the micro F1 of a constant guess.",
        table_1,
        "dmix",
    ),
    Artifact(
        "table_2", "Table 2: F1 against the baselines", "The printed stars are p < 0.01 over TMix.", table_2, "dmix"
    ),
    Artifact(
        "table_3",
        "Table 3: distances, with and without training M",
        "NT: the matrix is fixed and used for selection and ratio (SPEC DA15).",
        table_3,
        "dmix",
    ),
    Artifact(
        "gains",
        "Gains over TMix",
        "Filled points: ours, with 95 % intervals over seeds. Open diamonds: printed.",
        gains,
        "dmix",
    ),
    Artifact(
        "averages",
        "Which F1?",
        "The paper does not name the average. The same runs under three averages; the last column counts runs that predict one class only.",
        averages,
        "dmix",
    ),
    Artifact(
        "figure_2",
        "Figure 2: steps to a benchmark F1",
        "Median over seeds and range between quartiles, on validation. Left: to the printed 75 and 77 at the papers' scale, else to half a point below TMix's mean final F1 (SPEC DA39). Right: to 95 % of each run's own best. Runs that never reach the goal count at their last evaluation, those that are there at the first one at that; how many of both stands at the bar.",
        figure_2,
        "dmix",
    ),
    Artifact("table_4", "Table 4: M as ratio, M as selection", "Each use of the matrix alone.", table_4, "dmix"),
    Artifact(
        "table_6",
        "Table 6: further methods",
        "XLNet, T5-small, FNet and EFL are numbers of other models, quoted without metric or source (SPEC DA36).",
        table_6,
        "dmix",
    ),
    Artifact("table_8", "Table 8: set-up", "The paper's, and that of the runs shown here.", table_8, "dmix"),
    Artifact(
        "claims",
        "Claims DC1 to DC12",
        f"Each claim: {WORDS}",
        claims,
        "dmix",
    ),
    Artifact("verdicts", "Verdicts", VERDICTS, verdicts, "dmix"),
    Artifact(
        "figure_3",
        "Figure 3: F1 and steps over the threshold",
        "Lines: mean over seeds and one standard deviation. TMix is a line of its own, because T = 0 is not TMix (SPEC DA17). The paper's curve is a picture without numbers.",
        figure_3,
        "dmix_thresholds",
    ),
    Artifact(
        "shares",
        "What the threshold selects",
        "Mean over anchors of |S|/(N − 1), before training. Dividing by the largest of all distances instead of the row's changes weights, not sets.",
        shares,
        "dmix_thresholds",
    ),
    Artifact(
        "histograms",
        "Histogram of M",
        "All pairs of different training examples, before training, divided by the row's maximum.",
        histograms,
        "dmix_thresholds",
    ),
    Artifact(
        "partners",
        "Who is partner, and whose label is learned",
        "Expected uses as partner per epoch at T = 0.7, examples sorted by it; computed from the partner sets, not drawn.",
        partners,
        "dmix_thresholds",
    ),
    Artifact(
        "thresholds",
        "Where thresholds start to act",
        "From each data set's embeddings: the smallest T of the grid below which an anchor can choose 95 % and 50 % of all others, and what that does to labels at T = 0.7.",
        threshold_table,
        "dmix_thresholds",
    ),
    Artifact(
        "layer_map",
        "Table 5 as a heat map",
        "F1 minus the mean of its column, so that columns can be compared; stars mark the sets that the paper calls best.",
        layer_map,
        "dmix_layers",
    ),
    Artifact(
        "table_5",
        "Table 5: layer sets",
        "Layers are given for 12 and scaled to the encoder's depth. On six layers {3,4} becomes {2} and {0,1,2} becomes {0,1}.",
        table_5,
        "dmix_layers",
    ),
    Artifact(
        "movement",
        "Does M learn?",
        "Change of the entries that were visited. One seed per line.",
        movement,
        "dmix_matrix",
    ),
    Artifact(
        "beliefs",
        "Where M goes",
        "Pairs of different labels that moved most: entry before and after training, against the model's own belief, p(partner's label) among the two labels.",
        beliefs,
        "dmix_matrix",
    ),
    Artifact(
        "matrix",
        "Training M, in numbers",
        "Movement and F1 by the learning rate of M.",
        matrix_table,
        "dmix_matrix",
    ),
    Artifact(
        "order",
        "Hyperbolic against other distances",
        "Agreement of the order of partners, from the pretrained embeddings.",
        order,
        "dmix_matrix",
    ),
    Artifact(
        "plane",
        "Embeddings and partners",
        "Two principal directions of the training embeddings. Lines: partners at T = 0.95 of twelve anchors. Size: how often an example is chosen at that threshold.",
        plane,
        "dmix_matrix",
    ),
    Artifact(
        "table_7",
        "Table 7: predictions and attention",
        "Shade: attention from [CLS] in the last layer, mean over heads, relative to the sentence's largest. Green: correct; red: wrong. Printed predictions stand beside ours. Contains abusive language.",
        table_7,
        "dmix_attention",
    ),
    _of_notebook("thresholds", "Claims about the threshold", "DC9", "DC10"),
    _of_notebook("layers", "Claim about layers", "DC8"),
    _of_notebook("matrix", "Claims about the matrix", "DC3", "DC4"),
)
