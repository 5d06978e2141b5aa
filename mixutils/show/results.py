"""Result tables: reported | ours ± | n | difference | gain, one line per cell; a cell without data says why.

One ± for ours everywhere: half the width of the 95 % t interval over seeds (SPEC 9.2). The papers' own are of several kinds (SPEC
1.6), which the caption names. A difference is shown where ours and the reported cell are trained on as many rows; where they
are not, the column says how many either has.

Verdicts are about claims, over all cells of one, and stand in the tables of claims.
"""

from __future__ import annotations

import hashlib
import html
import itertools
import math
import re
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..encoder.load import described
from ..evidence.compare import says_nothing
from ..evidence.estimate import mean_of
from ..evidence.frame import apart
from ..papers import PLANS
from ..papers.published import published
from ..papers.tuning import TUNING
from ..runs.counts import counted
from ..runs.schema import place_of
from ..tasks import spec
from .style import MARKS

if TYPE_CHECKING:
    from pandas.io.formats.style import Styler

COLUMNS = [
    "table",
    "row",
    "column",
    "title",
    "encoder",
    "apart",
    "paper",
    "paper_spread",
    "paper_spread_is",
    "paper_mark",
]
COLUMNS += ["ours", "sd", "variance", "se", "low", "high", "n", "difference"]
COLUMNS += ["paper_gain", "gain", "gain_low", "gain_high", "void", "note", "made", "runs"]
PLACE, READING = ["table", "row", "column"], ["policy", "part", "metric", "floor"]
SEEN, VOID = ["predicted", "value"], "†"  # of a run; the mark of what says nothing


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
        Columns as ``COLUMNS``. Numbers in percent (points for differences). ``paper_mark``: what the paper prints behind its
        number. ``low`` and ``high``, ``gain_low`` and ``gain_high`` are 95 % t intervals over seeds, of one cell each.
        ``void``: why the gain, or without a baseline the number, tells no methods apart (SPEC 9.2), or "". ``apart``: see
        ``evidence.frame.apart``.
    """
    frame = c.frame if frame is None else frame
    cited = {(p.table, p.row, p.column): p for p in c.printed.itertuples()}
    module = PLANS.get(c.plan.paper)
    of_paper = getattr(module, "COLUMNS", ())  # columns without data have titles too
    rows, kind = apart(frame, c.printed), module.PAPER.spread if module else ""
    titles = {k.key: k.title for k in (*of_paper, *c.plan.columns)}
    keys = (*(k.key for k in c.plan.columns), *c.plan.absent)
    columns = {k: titles.get(k, k) for k in keys} if columns is None else columns
    elsewhere = f"not in the {c.plan.setting.profile.name} profile"
    shown = {tuple(at): part for at, part in frame[frame["primary"]].groupby(PLACE, sort=False)}
    like_paper = baseline is not None and baseline[1] == base_row
    keyed = frame.set_index([*PLACE, *READING, "seed"])[SEEN]
    by_seed = keyed[~keyed.index.duplicated(keep="last")].sort_index()
    lines = []
    for row, (key, title) in itertools.product(dict.fromkeys(x.row for x in c.plan.table(table)), columns.items()):
        cell, at = c.plan.cell(table, row, key), cited.get((table, row, key))
        line = dict.fromkeys(("paper_mark", "void", "note", "made", "runs"), "")
        line |= {"table": table, "row": row, "column": key, "title": title}
        if at is not None:
            line |= {"paper": at.value, "paper_spread": at.spread, "apart": rows.get((table, row, key), "")}
            line["paper_spread_is"] = "" if math.isnan(at.spread) else kind
            line["paper_mark"] = "".join(MARKS.get(name, "") for name in at.marker.split())
        if cell is None:
            if at is not None:
                lines.append(line | {"note": c.plan.absent.get(key, c.plan.absent.get(key.split("/")[0], elsewhere))})
            continue
        line |= {"note": cell.missing(c.store), "runs": " ".join(r.hash for r in (*cell.runs, *cell.held))}
        line["encoder"] = described(cell.runs[0].encoder)
        line["made"] = "; ".join(sorted({place_of(r) for r in cell.records(c.store)}))
        gains = []
        if (table, row, key) in shown:
            here = shown[table, row, key]
            # The papers print different spreads under one sign, so all are kept (SPEC X12).
            once = here.drop_duplicates("seed")[SEEN]
            x = once["value"]
            mean, reading = mean_of(list(x)), here.iloc[0][READING].to_dict()
            reading["floor"] &= like_paper
            line |= {"ours": mean.estimate, "sd": x.std(), "variance": x.var(), "se": mean.se, "n": len(x)}
            line |= {"low": mean.low, "high": mean.high}
            if at is not None and not line["apart"]:
                line["difference"] = line["ours"] - line["paper"]
            if not baseline:
                line["void"] = says_nothing(once.to_numpy())
            elif row != base_row:
                at_both = ((*side, key, *reading.values()) for side in ((table, row), baseline))
                sides = [
                    by_seed.loc[place] if place in by_seed.index else pd.DataFrame(columns=SEEN) for place in at_both
                ]
                shared = sides[0].index.intersection(sides[1].index)
                gains = list(sides[0].loc[shared, "value"] - sides[1].loc[shared, "value"])
        if gains:
            gain = mean_of(gains)
            line |= {"gain": gain.estimate, "gain_low": gain.low, "gain_high": gain.high}
            line["void"] = says_nothing(*(side.loc[shared].to_numpy() for side in sides))
            if at is not None and (table, base_row, key) in cited:
                line["paper_gain"] = at.value - cited[table, base_row, key].value
        lines.append(line)
    return pd.DataFrame(lines, columns=COLUMNS).astype({"n": "Int64"})


def grids(c: Any) -> pd.DataFrame:
    """Every value that hyperparameters are chosen from, on the part that chooses (SPEC 2(c), 3(c), 6(c)).

    Args:
        c: a companion, or what else has its ``plan`` and ``frame``.

    Returns:
        One line per data set and value: data, value, part, mean over seeds in the table's metric, in percent, n (seeds), chosen
        ("✓" or ""; none before all of a grid is there).
    """
    cells = c.plan.table(TUNING)
    tuned = {
        (x.column, x.row)
        for x in cells
        if c.plan.setting.tuned.get((x.column, x.runs[0].method)) == dict(x.runs[0].options)
    }
    shown = c.frame[c.frame["primary"] & (c.frame["table"] == TUNING)]
    of = shown.groupby(["title", "column", "row", "part"], sort=False)["value"].agg(["mean", "count"]).reset_index()
    of["chosen"] = ["✓" if at in tuned else "" for at in zip(of["column"], of["row"], strict=True)]
    of = of.rename(columns={"title": "data", "row": "value", "count": "n"})
    return of[["data", "value", "part", "mean", "n", "chosen"]]


#: Columns of ``data_sets`` that come from records.
FOUND = ["classes", "used here", "words", "tokens", "in train too", "from", "remark"]


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
    columns = ["data", *(f"paper {f}" for f in fields), "ours", *FOUND]
    # object: a missing count must not turn the others into floats.
    return pd.DataFrame(lines, columns=columns, dtype=object).fillna("")


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


def display_results(lines: pd.DataFrame, *, caption: str = "") -> Styler:
    """A table as printed: methods down, data sets across; each cell reported ±, ours ±, n, difference, gain.

    Args:
        lines: from ``results``. caption: goes before what names both kinds of ± and the encoder.
    """
    compared = lines[lines["gain"].notna()] if lines["gain"].notna().any() else lines[lines["ours"].notna()]
    void = compared["void"].ne("").groupby(compared["column"]).all()
    lines = lines.assign(title=lines["title"] + lines["column"].map(void).map({True: f" {VOID}"}).fillna(""))
    encoders, kinds = ([x for x in lines[name].dropna().unique() if x] for name in ("encoder", "paper_spread_is"))
    parts = [caption, *(f"Reported ± {kind}." for kind in kinds)]
    parts += ["Ours ± half the width of the 95 % t interval over seeds."] if lines["low"].notna().any() else []
    if reasons := "; ".join(dict.fromkeys(filter(None, compared["void"]))):
        parts.append(f"{VOID} says nothing, on a title of the whole column: {reasons} (SPEC 9.2).")
    parts += [f"Encoder: {encoders[0]}."] if len(encoders) == 1 else []
    places = {place for made in lines["made"].dropna() for place in made.split("; ") if place}
    parts += [f"Records made on {', '.join(sorted(places))}."] if places else []
    texts = [_text(line) for line in lines.fillna({"paper_mark": ""}).to_dict("records")]
    cells = lines.assign(text=texts, title=headed(lines))
    if len(encoders) > 1:  # beside what each belongs to
        by = "title" if (cells.groupby("title")["encoder"].nunique() < 2).all() else "row"
        cells[by] = _under(cells, by, "encoder")
    wide = cells.drop_duplicates(["row", "title"]).pivot(index="row", columns="title", values="text")
    wide = wide.reindex(index=cells["row"].unique(), columns=cells["title"].unique()).fillna("–")
    return display_table(wide.rename_axis(index="", columns=""), caption=" ".join(filter(None, parts)), index=True)


def headed(lines: pd.DataFrame) -> pd.Series:
    """Titles of the columns, with a second line where ours and the reported cells are not trained on as many rows."""
    return _under(lines, "title", "apart")


def _under(lines: pd.DataFrame, by: str, of: str) -> pd.Series:
    """A column of names, each with what another column has for it in further lines."""
    below = lines[lines[of].fillna("") != ""].groupby(by)[of].unique()
    return lines[by].map(lambda name: "\n".join([name, *below.get(name, ())]))


def _text(line: dict[str, Any]) -> str:
    out = []
    if not math.isnan(line["paper"]):
        printed = "" if math.isnan(line["paper_spread"]) else f" ± {line['paper_spread']:.2f}"
        out.append(f"reported {line['paper']:.2f}{line['paper_mark']}{printed}")
    if math.isnan(line["ours"]):
        return "\n".join([*out, line["note"] or "no data"])
    around = "" if math.isnan(line["low"]) else f" ± {(line['high'] - line['low']) / 2:.2f}"
    difference = "" if math.isnan(line["difference"]) else f", difference {line['difference']:+.2f}"
    mark, gains = f" {VOID}" if line["void"] else "", not math.isnan(line["gain"])
    out += [f"ours {line['ours']:.2f}{around}{'' if gains else mark}", f"n = {line['n']}{difference}"]
    if gains:
        around = "" if math.isnan(line["gain_low"]) else f" [{line['gain_low']:+.1f}, {line['gain_high']:+.1f}]"
        out.append(f"gain {line['gain']:+.2f}{around}{mark}")
    if not math.isnan(line["paper_gain"]):
        out.append(f"reported gain {line['paper_gain']:+.2f}")
    return "\n".join([*out, line["note"]] if line["note"] else out)


def display_table(
    frame: pd.DataFrame, *, caption: str = "", index: bool = False, digits: int = 2, wrap: Sequence[str] = ()
) -> Styler:
    """A data frame as a left-aligned table, with everything in it escaped.

    Args:
        index: whether the index is shown. digits: of numbers with a fraction; p values, in columns "p", "p for" or "p_holm",
            have three. wrap: columns of long text, where they are there.
    """
    styler = frame.style.format(precision=digits, na_rep="–", escape="html", thousands=",")
    tests = [name for name in frame if re.match("p([ ,_]|$)", str(name))]
    styler = styler.format(lambda p: html.escape(p_value(p)), subset=tests, na_rep="–")
    styler = styler.format_index(escape="html", axis=0).format_index(escape="html", axis=1)
    # The same on every run, and no other table's on the page: rules of cells go by it.
    digest = hashlib.blake2b(frame.to_csv().encode(), digest_size=4).hexdigest()
    long = ", ".join(f"td.col{frame.columns.get_loc(name)}" for name in wrap if name in frame)
    rules = {"th, td": "text-align: left; vertical-align: top; white-space: pre"}
    rules |= {long: "white-space: pre-line; min-width: 14em"} if long else {}
    # A table may be wider than its page; its caption stays in sight.
    rules |= {
        "caption": "caption-side: bottom; text-align: left; position: sticky; left: 0; max-width: min(48em, 85vw)"
    }
    rules = [{"selector": selector, "props": props} for selector, props in rules.items()]
    styler = styler.set_uuid(digest).set_table_styles(rules).set_caption(html.escape(caption))
    return styler if index else styler.hide(axis="index")


def p_value(p: Any) -> str:
    """Three digits; never 0, which no p value is. What is no number stays what it is."""
    if not isinstance(p, Real):
        return str(p)
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
