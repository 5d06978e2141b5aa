"""What a step of each printed row takes, from the benchmark and from runs (claims SC9, RC11).

Runs share a machine with whatever else it does. The benchmark measures in turns, in one process and on the same batches,
so its lines come first where there is one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any

from .. import paths
from ..evidence.estimate import mean_of
from ..papers.base import Column, Plan
from ..runs.records import Records

FEWEST = 3  # repeats of an interval
BENCHMARK = "benchmark"  # the name of its lines in place of a data set's


def step_times(
    plan: Plan,
    store: Records,
    columns: Iterable[Column],
    rows: Sequence[tuple[str, str]],
    base: str,
    timed: Mapping[str, str],
) -> list[dict[str, Any]]:
    """Median milliseconds, passes and trained parameters of each row: of the benchmark, then of every column's runs.

    Args:
        rows: (table, row). base: the row that ``relative`` is relative to. timed: row -> name in the benchmark.

    Returns:
        Lines with column, row, method, ms, passes, parameters (NaN for the benchmark), n (repeats or runs), rounds (ms of each
        of the benchmark's repeats, in turns with those of the other rows; () where they are not kept, and for runs), relative,
        and low and high: the 95 % t interval of the ratio over repeats; NaN with fewer than three.
    """
    out = _benchmark(plan.setting.encoder, timed)
    for column in columns:
        for table, row in rows:
            cell = plan.cell(table, row, column.key)
            costs = [r["cost"] for r in cell.records(store)] if cell else []
            if costs:
                out.append(
                    {
                        "column": column.title,
                        "row": row,
                        "method": cell.runs[0].method,
                        "ms": median(c["step_ms"] for c in costs),
                        "passes": median(c["passes"] for c in costs),
                        "parameters": median(c["parameters"] + c["mixer_parameters"] for c in costs),
                        "n": len(costs),
                        "rounds": (),
                    }
                )
    against = {line["column"]: line for line in out if line["row"] == base}
    return [line | _relative(line, against.get(line["column"])) for line in out]


def _relative(line: dict[str, Any], base: dict[str, Any] | None) -> dict[str, float]:
    if base is None:
        return dict.fromkeys(("relative", "low", "high"), math.nan)
    low, high = math.nan, math.nan
    if min(len(line["rounds"]), len(base["rounds"])) >= FEWEST:
        ratios = mean_of([own / other for own, other in zip(line["rounds"], base["rounds"], strict=True)])
        low, high = ratios.low, ratios.high
    return {"relative": line["ms"] / base["ms"], "low": low, "high": high}


def _benchmark(encoder: str, timed: Mapping[str, str]) -> list[dict[str, Any]]:
    path = paths.figures("bench") / "bench-cpu.json"
    if not path.is_file():
        return []
    record = json.loads(path.read_text("utf-8"))
    found = {r["method"]: r for r in record["mixers"] if r["encoder"] == encoder}
    return [
        {
            "column": BENCHMARK,
            "row": row,
            "method": name.split(" ")[0],
            "ms": found[name]["ms"],
            "passes": found[name]["passes"],
            "parameters": math.nan,
            "n": record["repeats"],
            "rounds": tuple(found[name].get("rounds", ())),
        }
        for row, name in timed.items()
        if name in found
    ]
