"""Result tables: reported | ours ± | n | difference | gain, one line per cell; a cell without data says why.

Verdicts are about claims, over all cells of one, and stand in the tables of claims.
"""

from __future__ import annotations

import hashlib
import html
import itertools
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..evidence.estimate import mean_of
from ..papers import PLANS
from ..papers.published import published
from ..runs.counts import counted
from ..tasks import spec

if TYPE_CHECKING:
    from pandas.io.formats.style import Styler

COLUMNS = ["table", "row", "column", "title", "paper", "paper_spread"]
COLUMNS += ["ours", "sd", "variance", "se", "low", "high", "n", "difference"]
COLUMNS += ["paper_gain", "gain", "gain_low", "gain_high", "note", "runs"]
PLACE, READING = ["table", "row", "column"], ["policy", "part", "metric", "floor"]


def results(
    c: Any,
    table: str,
    *,
    baseline: tuple[str, str] | None = None,
    base_row: str = "",
    frame: pd.DataFrame | None = None,
    columns: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """One line per cell of a table, published columns without data included.

    Args:
        c: a companion, or what else has its ``plan``, ``store``, ``frame`` and ``printed``.
        baseline: (table, row) of the cells that gains are taken against, paired by seed. None: no gains.
        base_row: the row whose published value the published gains are taken against. Where it is the baseline's, gains are of
            the cells' own readings, as the published ones; against any other row, of readings without a floor.
        frame: readings in place of ``c.frame``; what is primary there is shown.
        columns: key -> title, where the table's are not the plan's own: "data set/second axis".

    Returns:
        Columns as ``COLUMNS``. Numbers in percent (points for differences). ``low`` and ``high``, ``gain_low`` and
        ``gain_high`` are 95 % t intervals over seeds, of one cell each.
    """
    frame = c.frame if frame is None else frame
    cited = {(p.table, p.row, p.column): p for p in c.printed.itertuples()}
    of_paper = getattr(PLANS.get(c.plan.paper), "COLUMNS", ())  # columns without data have titles too
    titles = {k.key: k.title for k in (*of_paper, *c.plan.columns)}
    keys = (*(k.key for k in c.plan.columns), *c.plan.absent)
    columns = {k: titles.get(k, k) for k in keys} if columns is None else columns
    elsewhere = f"not in the {c.plan.setting.profile.name} profile"
    shown = {tuple(at): part for at, part in frame[frame["primary"]].groupby(PLACE, sort=False)}
    like_paper = baseline is not None and baseline[1] == base_row
    keyed = frame.set_index([*PLACE, *READING, "seed"])["value"]
    by_seed = keyed[~keyed.index.duplicated(keep="last")].sort_index()
    lines = []
    for row, (key, title) in itertools.product(dict.fromkeys(x.row for x in c.plan.table(table)), columns.items()):
        cell, at = c.plan.cell(table, row, key), cited.get((table, row, key))
        line = {"table": table, "row": row, "column": key, "title": title, "note": "", "runs": ""}
        if at is not None:
            line |= {"paper": at.value, "paper_spread": at.spread}
        if cell is None:
            if at is not None:
                lines.append(line | {"note": c.plan.absent.get(key, c.plan.absent.get(key.split("/")[0], elsewhere))})
            continue
        line |= {"note": cell.missing(c.store), "runs": " ".join(r.hash for r in cell.runs)}
        gains = []
        if (table, row, key) in shown:
            here = shown[table, row, key]
            # The papers print different spreads under one sign, so all are kept (SPEC X12).
            x = here.drop_duplicates("seed")["value"]
            mean, reading = mean_of(list(x)), here.iloc[0][READING].to_dict()
            reading["floor"] &= like_paper
            line |= {"ours": mean.estimate, "sd": x.std(), "variance": x.var(), "se": mean.se, "n": len(x)}
            line |= {"low": mean.low, "high": mean.high}
            if at is not None:
                line["difference"] = line["ours"] - line["paper"]
            if baseline and row != base_row:
                at_both = ((*side, key, *reading.values()) for side in ((table, row), baseline))
                sides = [by_seed.loc[place] if place in by_seed.index else {} for place in at_both]
                gains = [value - sides[1][seed] for seed, value in sides[0].items() if seed in sides[1]]
        if gains:
            gain = mean_of(gains)
            line |= {"gain": gain.estimate, "gain_low": gain.low, "gain_high": gain.high}
            if at is not None and (table, base_row, key) in cited:
                line["paper_gain"] = at.value - cited[table, base_row, key].value
        lines.append(line)
    return pd.DataFrame(lines, columns=COLUMNS).astype({"n": "Int64"})


def data_sets(c: Any, table: str, fields: Sequence[str]) -> pd.DataFrame:
    """A table of data sets: what is printed, and what the records say about the data that were found.

    Args:
        c: a companion, or what else has its ``plan`` and ``store``.
        table: of ``published``, whose rows are data sets. fields: its columns, in the order of the paper.

    Returns:
        One line per printed data set, then those that only we have: data, "paper FIELD" as printed, ours (rows of the parts),
        classes, used here, words and tokens (means over all rows of the source), in train too (rows of the reported part whose
        text trains), from, remark.
    """
    cells = {(p.row, p.column): p.value for p in published(c.plan.paper).values() if p.table == table}
    rows = list(dict.fromkeys(row for row, _ in cells))
    own = [k.task for k in c.plan.columns if k.task not in rows]
    lines = [
        {"data": row} | {f"paper {f}": cells.get((row, f), "") for f in fields} | _found(c, row)
        for row in dict.fromkeys([*rows, *own])
    ]
    table = pd.DataFrame(lines, dtype=object).fillna("")  # object: a missing count must not turn the others into floats
    return table[[*table.columns.drop("remark"), "remark"]]


def _found(c: Any, task: str) -> dict[str, object]:
    cells = (x for x in c.plan.cells if x.runs[0].task == task)
    record, part = next(((r, x.reading.split) for x in cells for r in x.records(c.store)), (None, ""))
    if record is None:
        names = ((key.split("/")[0], reason) for key, reason in c.plan.absent.items())
        why = next((r for name, r in names if name == task or name.startswith(f"{task}-")), "no runs yet")  # anli-r1
        return {"ours": "–", "remark": why}
    data = record["data"]
    return {
        "ours": ", ".join(f"{k} {v:,}" for k, v in data["full"].items()),
        "classes": len(data["labels"]),
        "used here": ", ".join(f"{k} {v:,}" for k, v in data["sizes"].items()),
        **whole(record, part),
        "from": data["source"],
        "remark": "; ".join(filter(None, (*data["notes"], getattr(spec(task), "note", "")))),
    }


def whole(record: Mapping[str, Any], part: str) -> dict[str, str]:
    """What is counted on the whole data set of a record: words, tokens, and, of a part, in train too; see ``runs.counts``."""
    run, data = record["run"], record["data"]
    found = counted(run["task"], run["policy"], data["digest"])
    if not found:
        return dict.fromkeys(("words", "tokens", "in train too"), "–")
    texts, equal, rows = found["repeated"][part]
    label = f", {equal:,} with the label" if equal < texts else ""
    mean = {name: f"{found[name]:.2f}" for name in ("words", "tokens")}
    return mean | {"in train too": f"{texts:,} of {rows:,}{label}"}


def display_results(lines: pd.DataFrame, *, spread: str = "sd", caption: str = "") -> Styler:
    """A table as printed: methods down, data sets across; each cell reported, ours ± spread, n, difference, gain.

    Args:
        lines: from ``results``. spread: "sd", "se" or "variance".
    """
    cells = lines.assign(text=[_text(line, spread) for line in lines.to_dict("records")])
    wide = cells.drop_duplicates(["row", "title"]).pivot(index="row", columns="title", values="text")
    wide = wide.reindex(index=lines["row"].unique(), columns=lines["title"].unique()).fillna("–")
    return display_table(wide.rename_axis(index="", columns=""), caption=caption, index=True)


def _text(line: dict[str, Any], spread: str) -> str:
    out = []
    if not math.isnan(line["paper"]):
        printed = "" if math.isnan(line["paper_spread"]) else f" ± {line['paper_spread']:.2f}"
        out.append(f"reported {line['paper']:.2f}{printed}")
    if math.isnan(line["ours"]):
        return "\n".join([*out, line["note"] or "no data"])
    around = "" if math.isnan(line[spread]) else f" ± {line[spread]:.2f}"
    difference = "" if math.isnan(line["difference"]) else f", difference {line['difference']:+.2f}"
    out += [f"ours {line['ours']:.2f}{around}", f"n = {line['n']}{difference}"]
    if not math.isnan(line["gain"]):
        around = "" if math.isnan(line["gain_low"]) else f" [{line['gain_low']:+.1f}, {line['gain_high']:+.1f}]"
        out.append(f"gain {line['gain']:+.2f}{around}")
    if not math.isnan(line["paper_gain"]):
        out.append(f"reported gain {line['paper_gain']:+.2f}")
    return "\n".join([*out, line["note"]] if line["note"] else out)


def display_table(
    frame: pd.DataFrame, *, caption: str = "", index: bool = False, digits: int = 2, wrap: Sequence[str] = ()
) -> Styler:
    """A data frame as a left-aligned table, with everything in it escaped.

    Args:
        index: whether the index is shown. digits: of numbers with a fraction. wrap: columns of long text, where they are there.
    """
    styler = frame.style.format(precision=digits, na_rep="–", escape="html", thousands=",")
    styler = styler.format_index(escape="html", axis=0).format_index(escape="html", axis=1)
    # The same on every run, and no other table's on the page: rules of cells go by it.
    digest = hashlib.blake2b(frame.to_csv().encode(), digest_size=4).hexdigest()
    long = ", ".join(f"td.col{frame.columns.get_loc(name)}" for name in wrap if name in frame)
    rules = {"th, td": "text-align: left; vertical-align: top; white-space: pre"}
    rules |= {long: "white-space: pre-line; min-width: 14em"} if long else {}
    rules |= {"caption": "caption-side: bottom; text-align: left"}
    rules = [{"selector": selector, "props": props} for selector, props in rules.items()]
    styler = styler.set_uuid(digest).set_table_styles(rules).set_caption(html.escape(caption))
    return styler if index else styler.hide(axis="index")
