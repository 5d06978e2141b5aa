"""A page of all results: every cell of every table with its runs, to search, filter and sort in the browser."""

from __future__ import annotations

import html
from pathlib import Path

import pandas as pd

from .. import paths
from ..papers import PLANS
from ..show import display_table
from . import csvs

#: Bundled as published: https://datatables.net, version 3.1.5 (styles 3.1.2), MIT licence. It asks for nothing.
VENDOR = ("dataTables.min.js", "dataTables.min.css", "dataTables.LICENSE.txt")
#: What a table has where it is one of results.
OF_RESULTS = {"table", "row", "column", "title", "ours", "runs"}
FILTERS = ("paper", "method", "data")
TEXT = """# All results

Every cell that has runs, in the reading that its table shows: the mean over *n* seeds with its 95 % interval, what the paper reports, and the gain over the table's baseline with its
interval. A row leads to its runs. Differences from reported numbers mean something only where both are trained on as many examples (*trained on*).
"""
SCRIPT = """<script src="_static/dataTables.min.js"></script>
<script>
  const table = new DataTable("#cells", { pageLength: 25, order: [], autoWidth: false });
  for (const select of document.querySelectorAll("select[data-column]"))
    select.addEventListener("change", () => table.column(+select.dataset.column).search(select.value, { exact: true }).draw());
</script>"""


def frame(folder: Path) -> pd.DataFrame:
    """The cells of all tables that the notebooks of a profile have saved, with runs.

    Returns:
        paper, table, method, data, trained on, ours, low, high, n, reported, gain, gain low, gain high, runs.
    """
    found = []
    for key, plan in PLANS.items():
        for path in sorted((folder / key).glob("table_*.csv")):
            cells = csvs.read(path)
            if set(cells) >= OF_RESULTS:
                found.append(cells.assign(of=plan.PAPER.name))
    columns = {"of": "paper", "table": "table", "row": "method", "data": "data", "apart": "trained on", "ours": "ours"}
    columns |= {"low": "low", "high": "high", "n": "n", "paper": "reported"}
    columns |= {"gain": "gain", "gain_low": "gain low", "gain_high": "gain high", "runs": "runs"}
    if not found:
        return pd.DataFrame(columns=list(columns.values()))
    cells = pd.concat(found, ignore_index=True)
    cells = cells[cells["ours"].notna()].copy()
    # A column of sizes is called by its size only.
    of_size = cells["column"].astype(str).str.partition("/")
    cells["data"] = cells["title"].where(of_size[1] == "", cells["title"] + " of " + of_size[0])
    return cells[list(columns)].rename(columns=columns).astype({"n": int})


def page(source: Path, folder: Path) -> str:
    """The page, or "" where there are no results; what it needs is put into ``source``."""
    cells = frame(folder)
    if cells.empty:
        return ""
    for name in VENDOR:
        (source / "_static" / name).write_bytes((paths.PACKAGE / "site" / "vendor" / name).read_bytes())
    table = display_table(cells).format(_runs, subset=["runs"]).set_table_attributes('class="display"')
    table.cell_ids = False
    made = table.set_uuid("cells").to_html().replace('id="T_cells"', 'id="cells"')
    style = '<link rel="stylesheet" href="_static/dataTables.min.css">'
    (source / "cells.html").write_text(f"{style}{_filters(cells)}<div class='scroll'>{made}</div>{SCRIPT}", "utf-8")
    return f"{TEXT}\n```{{raw}} html\n:file: cells.html\n```\n"


def _filters(cells: pd.DataFrame) -> str:
    out = []
    for name in FILTERS:
        values = "".join(f"<option>{html.escape(str(v))}</option>" for v in dict.fromkeys(cells[name]))
        column = cells.columns.get_loc(name)
        out.append(
            f"<label>{name} <select data-column='{column}'><option value=''>all</option>{values}</select></label>"
        )
    return f"<p class='filters'>{' '.join(out)}</p>"


def _runs(names: str) -> str:
    """Links to runs."""
    if not isinstance(names, str):
        return ""
    return " ".join(f'<a href="runs.html#{html.escape(h)}">{i}</a>' for i, h in enumerate(names.split(), 1))
