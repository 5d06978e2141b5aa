"""Tables that notebooks have saved, read and told in words."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd

from ..show.style import SCALES, VERDICT_MARKS


def read(path: Path) -> pd.DataFrame:
    """A saved table; only empty fields are missing values, whatever a method or data set is called."""
    return pd.read_csv(path, keep_default_na=False, na_values=[""])


def claims(frame: pd.DataFrame) -> pd.DataFrame:
    """One line per claim of a ``claims.csv``: its key, text, the paper's own tables, and what was found in each reading."""
    readings = list(dict.fromkeys(frame["reading"].fillna("")))
    lines = []
    for key, of_claim in frame.fillna({"reading": ""}).groupby("claim", sort=False):
        of_claim = of_claim.drop_duplicates("reading").set_index("reading")
        first = of_claim.iloc[0]
        words = [_verdict(of_claim.loc[r]) if r in of_claim.index else "" for r in readings]
        words[1:] = ["the same" if word == words[0] else word for word in words[1:]]
        lines.append([key, first["text"], _text(first["paper"]), *words])
    return pd.DataFrame(lines, columns=["", "claim", "the paper's own tables", *(r or "verdict" for r in readings)])


def _text(value: object) -> str:
    return "" if pd.isna(value) else str(value)


def _verdict(line: pd.Series) -> str:
    word, why = f"{VERDICT_MARKS[line['verdict']]} {line['verdict']}", _text(line["why"])
    if line["kind"] == "illustration" or math.isnan(line["estimate"]):
        return f"{word}: {why}" if why else word
    fewest, most, tasks = (f"{line[name]:.0f}" for name in ("seeds_fewest", "seeds_most", "tasks"))
    seeds = most if fewest == most else f"{fewest} to {most}"
    interval = "" if math.isnan(line["low"]) else f" [{line['low']:+.2f}, {line['high']:+.2f}]"
    scale = f" {SCALES[line['kind']]}" if line["kind"] in SCALES else ""
    least = "" if math.isnan(line["mde"]) else f", MDE {line['mde']:.2f}"
    sets = f"{tasks} data set{'s' if tasks != '1' else ''}"
    return f"{word}\n{line['estimate']:+.2f}{interval}{scale}; {sets}, {seeds} seeds{least}"
