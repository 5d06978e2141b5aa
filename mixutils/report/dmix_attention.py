"""DMIX's Table 7, drawn from the probe ``dmix-attention``."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt

from ..papers import dmix
from ..papers.base import Column, Plan
from ..papers.published import published
from ..runs.records import Records
from ..show import tokens

ROWS = ("TMix", "DMix NT", "DMix")
RIGHT, WRONG = ("✓", "#00614a"), ("✗", "#cc3311")  # mark and colour of a prediction


def best_seed(plan: Plan, store: Records) -> tuple[Column, dict[str, dict[str, Any]]] | None:
    """The column of Table 7 and the probe of each row's run with the best validation F1 (the first of equals)."""
    for c in plan.columns:
        out = {}
        for row in ROWS:
            cell = plan.cell("3", row, c.key)
            records = [r for r in cell.records(store) if "dmix-attention" in r.get("probes", {})] if cell else []
            if records:

                def score(r: dict, cell=cell, c=c) -> float:
                    return r["selected"][cell.reading.policy]["metrics"][c.select][dmix.METRIC]

                best = max(records, key=score)
                out[row] = best["probes"]["dmix-attention"] | {"seed": best["run"]["seed"]}
        if len(out) == len(ROWS):
            return c, out
    return None


def table_7(plan: Plan, store: Records) -> plt.Figure | None:
    """Every sentence under the three methods: the printed ones, then real ones."""
    found = best_seed(plan, store)
    if found is None:
        return None
    c, by_row = found
    strips: list[tokens.Strip | None] = []
    first = next(iter(by_row.values()))
    for kind in ("printed", "real"):
        for k, sentence in enumerate(first[kind]):
            gold = sentence.get("label", "")
            for row, probe in by_row.items():
                looked = probe[kind][k]
                strips.append(_strip(row, looked, gold, _printed(kind, k, row)))
            strips.append(None)
    if not strips:
        return None
    seeds = ", ".join(f"{row} seed {probe['seed']}" for row, probe in by_row.items())
    return tokens.draw(
        strips[:-1], f"Table 7 from trained models ({c.title}; {seeds}): shade = attention of [CLS]", width=13.0
    )


def _printed(kind: str, k: int, row: str) -> str:
    """What the paper prints as the prediction of this method for its k-th sentence."""
    if kind == "real":
        return ""
    sentences = list(dict.fromkeys(cell.row for cell in published("dmix").values() if cell.table == "7"))
    return published("dmix")["7", sentences[k], row].value


def _strip(row: str, looked: dict[str, Any], gold: str, printed: str) -> tokens.Strip:
    mark, shade = "", "#333333"
    if gold:
        mark, shade = RIGHT if looked["predicted"] == gold else WRONG
    after = f"{looked['predicted']} {mark}".strip()
    if (mark, shade) == WRONG:
        after += f" (is {gold})"
    if printed:
        after += f"; paper {printed}"
    return tokens.Strip(row, looked["words"], tokens.relative(looked["attention"]), None, None, after, shade)
