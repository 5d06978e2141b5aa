"""DNM's tables: results over sizes and over variants, controls, what is selected, how far the policy moved, where mixtures lie."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ..claims.dnm import probed_cell
from ..papers import dnm
from ..papers.base import Cell, Plan
from ..papers.published import published
from ..runs.records import Records
from ..show.artifacts import Table
from ..show.tables import CSS, result_table, to_html

NOTE = (
    "paper: printed accuracy. ours ± standard error over n seeds, as the paper prints it (SPEC NA17; the file has every spread): "
    "test accuracy at the best validation step. difference: ours − paper. gain: over {base} on the same seeds, with a 95 % t interval, "
    "and the printed gain."
)
BASES = {"6": "K=5", "7": "K=5", "8": "TIW+TOW", "9": "TIW+TOW", "10": dnm.OURS, "11": dnm.OURS}
NO_RUNS = "<p>no runs yet</p>"


def _plain(frame: pd.DataFrame, note: str = "") -> Table:
    """A table without printed counterparts."""
    if frame.empty:
        return Table(frame, NO_RUNS)
    foot = f"<p class='mx-note'>{note}</p>" if note else ""
    page = frame.to_html(index=False, classes="mx", border=0, float_format="{:.3g}".format, na_rep="–")
    return Table(frame, f"{CSS}<div class='mx-scroll'>{page}</div>{foot}")


def table_1(plan: Plan, store: Records) -> Table:
    """Sizes: printed, and of the data that were found."""
    printed: dict[str, dict[str, str]] = {}
    for cell in published("dnm").values():
        if cell.table == "1":
            printed.setdefault(cell.row, {})[f"paper {cell.column}"] = cell.value
    here = {c.key: c for c in dnm.data_columns(plan)}
    lines = [
        {"data": key, **printed.get(key, {}), **_found(plan, store, key)} for key in dict.fromkeys([*printed, *here])
    ]
    frame = pd.DataFrame(lines).fillna("")
    return Table(frame, CSS + frame.to_html(index=False, classes="mx", border=0))


def _found(plan: Plan, store: Records, task: str) -> dict[str, object]:
    for cell in reversed(plan.table(dnm.main_table(task))):
        if cell.runs[0].task == task:
            for record in cell.records(store):
                data = record["data"]
                return {
                    "source has": ", ".join(f"{k} {v:,}" for k, v in data["full"].items()),
                    "classes": len(data["labels"]),
                    "used here, at most": ", ".join(f"{k} {v:,}" for k, v in data["sizes"].items()),
                    "mean tokens": f"{data['mean_tokens']:.1f}",
                    "from": data["source"],
                    "remark": "; ".join(data["notes"]),
                }
    return {"source has": "–", "remark": plan.absent.get(task, "no runs yet")}


def word_vectors(cells: Sequence[Cell], store: Records) -> str:
    """Where the word vectors of the shallow rows come from, in words (SPEC NA19)."""
    found = dict.fromkeys(
        v["source"] for c in cells for r in c.records(store) if (v := r["data"].get("vectors")) is not None
    )
    return f" Word vectors of the CNN rows: {', '.join(found)}." if found else ""


def results(plan: Plan, store: Records, table: str) -> pd.DataFrame | None:
    """One of Tables 2 to 5 with its sizes in order, or None where the setting has no runs for it."""
    if not plan.table(table):
        return None
    frame = result_table(plan, table, store, baseline=(table, "BERT"), base_row="BERT")
    task, size = frame["column"].str.rpartition("/")[0], frame["column"].str.rpartition("/")[2]
    rank = size.map(lambda s: np.inf if s == "all" else int(s))
    order = {row: i for i, row in enumerate(dnm.ROWS)}
    if table != dnm.OWN_TABLE:
        frame["title"] = size + " rows"
    frame = frame.assign(a=frame["row"].map(order), b=task, c=rank).sort_values(["a", "b", "c"], kind="stable")
    return frame.drop(columns=["a", "b", "c"]).reset_index(drop=True)


def main_table(table: str):
    def make(plan: Plan, store: Records) -> Table | None:
        frame = results(plan, store, table)
        if frame is None:
            return None
        note = NOTE.format(base="BERT") + word_vectors(plan.table(table), store)
        # Columns are sizes: the data set stands above them.
        title = next((c.title for c in dnm.COLUMNS if dnm.MAIN.get(c.key) == table), "")
        return Table(frame, to_html(frame, spread="se", title=title, note=note))

    return make


def close_up(plan: Plan, store: Records, table: str) -> pd.DataFrame | None:
    """One of Tables 6 to 11, gains against the method itself."""
    if not plan.table(table):
        return None
    return result_table(plan, table, store, baseline=(table, BASES[table]), base_row=BASES[table])


def rows_note(plan: Plan, table: str) -> str:
    n = dnm.sizes(plan.setting)[0 if table in {low for low, _ in dnm.TABLES.values()} else -1]
    return f" Training rows: {n:,}." if n else " Training rows: all."


def close_up_table(table: str):
    def make(plan: Plan, store: Records) -> Table | None:
        frame = close_up(plan, store, table)
        if frame is None:
            return None
        base = BASES[table]
        return Table(frame, to_html(frame, spread="se", note=NOTE.format(base=base) + rows_note(plan, table)))

    return make


def table_share(plan: Plan, store: Records) -> Table:
    """What share of a batch is selected (SPEC NA7), and how many partners have the anchor's label."""
    lines = []
    for cell in [c for table in dnm.TABLES["k"] for c in plan.table(table)]:
        for record in cell.records(store)[:1]:
            others = min(record["run"]["recipe"]["batch_size"], record["data"]["sizes"]["train"]) - 1
            chosen = record["mixer"]["partners"]
            lines.append(
                {
                    "K": dnm.K_ROWS[cell.row],
                    "data": cell.column,
                    "training rows": record["data"]["sizes"]["train"],
                    "others in the batch": others,
                    "selected": chosen,
                    "share selected": chosen / others,
                    "partners of the same class": np.mean([r["mixer"]["same_class"] for r in cell.records(store)]),
                }
            )
    return _plain(pd.DataFrame(lines), "Where 2K exceeds the others of a small batch, K is reduced (SPEC NA6).")


def table_control(plan: Plan, store: Records) -> Table | None:
    """Ours, two of its ablations, and what these change beside what they are named after (SPEC NA23, NA25, NA7)."""
    base = ("10", dnm.OURS)
    frame = result_table(plan, dnm.CONTROLS, store, baseline=base)
    if frame.empty:
        return None
    shown = close_up(plan, store, "10")
    frame = pd.concat([shown[shown["row"].isin(["Ours", "w/o DSS", "w/o DNM"])], frame])
    frame = frame[frame["column"].isin({c.column for c in plan.table("10")})].reset_index(drop=True)
    return Table(frame, to_html(frame, spread="se", note=NOTE.format(base="Ours") + rows_note(plan, "10")))


def table_long(plan: Plan, store: Records) -> Table | None:
    """Three rows at the largest training size with the updates of Tables 2 to 5, and with more (deviation P6)."""
    columns = {c.column for c in plan.table(dnm.LONG)}
    if not columns:
        return None
    n = dnm.sizes(plan.setting)[-1]
    every = result_table(plan, dnm.LONG, store, baseline=(dnm.LONG, "BERT"), base_row="BERT")
    frames = []
    for c in dnm.data_columns(plan):
        if c.key in columns:
            usual = results(plan, store, dnm.main_table(c.key))
            usual = usual[(usual["column"] == dnm.size_key(c.key, n)) & usual["row"].isin(dnm.LONG_ROWS)]
            longer = every[every["column"] == c.key]
            for frame, cell in (
                (usual, plan.cell(dnm.main_table(c.key), "BERT", dnm.size_key(c.key, n))),
                (longer, plan.cell(dnm.LONG, "BERT", c.key)),
            ):
                updates = cell.runs[0].recipe.steps
                frames.append(frame.assign(title=f"{c.title}, {n or 'all'} rows, {updates:,} updates"))
    frame = pd.concat(frames, ignore_index=True)
    return Table(frame, to_html(frame, spread="se", note=NOTE.format(base="BERT")))


def table_policy(plan: Plan, store: Records) -> Table:
    """How far the policy and the label embeddings moved, beside what was allowed by steps × learning rate (SPEC NA4)."""
    lines = []
    for cell in plan.table(dnm.POLICY):
        ends = [r["curve"][-1] for r in cell.records(store)]
        if not ends:
            continue
        recipe = cell.runs[0].recipe
        rate = recipe.mixer_lr or recipe.lr
        mean = {k: np.mean([e["mixer"][k] for e in ends]) for k in ends[0]["mixer"]}
        lines.append(
            {
                "policy": cell.row,
                "test accuracy": np.mean(list(cell.values(store).values())),
                "last training loss": np.mean([e["train_loss"] for e in ends]),
                "steps × rate": recipe.steps * rate,
                "v1 moved, mean": mean["moved_v1_mean"],
                "v1 moved, most": mean["moved_v1_max"],
                "W moved, most": mean["moved_w_max"],
                "M moved, most": mean["moved_m_max"],
                "v̂1, 5 % to 95 %": f"{mean['policy_low']:.3f} to {mean['policy_high']:.3f}",
                "label weight, spread over pairs": mean["label_weight_over_pairs"],
                "label cosine": mean["label_cosine"],
                "n": len(ends),
            }
        )
    note = (
        "Rates are in the unit of the paper's encoder; a profile with a smaller one multiplies them (deviation P1). Adam moves a "
        "coordinate by about one learning rate a step at most, so steps × rate bounds every movement."
    )
    return _plain(pd.DataFrame(lines), note)


def table_space(plan: Plan, store: Records) -> Table:
    """Where mixtures lie, in units of what is usual for originals (SPEC NA30)."""
    lines = []
    for c in dnm.drawn(dnm.data_columns(plan), dnm.FIGURE_3):
        cell = probed_cell(plan, c, dnm.OURS)
        found = [r["probes"]["dnm-mixtures"] for r in cell.records(store) if "dnm-mixtures" in r.get("probes", {})]
        for kind in ("original", "largest", "smallest", "random") if found else ():
            lines.append(
                {
                    "data": c.title,
                    "points": kind if kind == "original" else f"mixtures, {kind} distance" if kind != "random" else "mixtures, random",
                    "to the nearest original": np.mean([p[kind]["nearest"] for p in found]),
                    "to the nearest class mean": np.mean([p[kind]["class_mean"] for p in found]),
                    "to the centre of all originals": np.mean([p[kind]["centre"] for p in found]),
                    "pairs of one class": np.mean([p["same_class"][kind] for p in found]) if kind in found[0]["same_class"] else np.nan,
                    "n": len(found),
                }
            )  # fmt: skip
    return _plain(
        pd.DataFrame(lines), "Median distances in the space of the sentence vectors; 1 is the originals' own."
    )


def table_silhouette(plan: Plan, store: Records) -> Table:
    """How well the classes of the test part are apart (claim NC13)."""
    lines = []
    for c in dnm.drawn(dnm.data_columns(plan), dnm.FIGURE_4):
        for row in ("BERT", dnm.OURS):
            cell = probed_cell(plan, c, row)
            found = [r["probes"]["dnm-features"] for r in cell.records(store) if "dnm-features" in r.get("probes", {})]
            for space, title in (("state", "[CLS] of the last layer"), ("output", "what is compared with the classes")):
                if found:
                    lines.append(
                        {
                            "data": c.title,
                            "method": row,
                            "features": title,
                            "silhouette": np.mean([p[space]["silhouette"] for p in found]),
                            "silhouette, cosine": np.mean([p[space]["silhouette_cosine"] for p in found]),
                            "test accuracy": np.mean(list(cell.values(store).values())),
                            "n": len(found),
                        }
                    )
    return _plain(pd.DataFrame(lines), "Silhouette of the true classes: 1 is far apart, 0 is mixed, below 0 is wrong.")
