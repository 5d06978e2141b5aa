"""Tables that notebooks have saved, read and told in words."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pandas as pd

from ..papers import PLANS
from ..show.claims import summary
from ..show.style import VERDICT_MARKS


def read(path: Path) -> pd.DataFrame:
    """A saved table; only empty fields are missing values, whatever a method or data set is called."""
    return pd.read_csv(path, keep_default_na=False, na_values=[""])


def of_papers(folder: Path) -> dict[str, pd.DataFrame]:
    """Paper -> its ``claims.csv``, of the papers that have one in a profile's folder."""
    return {key: read(path) for key in PLANS if (path := folder / key / "claims.csv").is_file()}


def claims(frame: pd.DataFrame) -> pd.DataFrame:
    """One line per claim of a ``claims.csv``: its key, text, the paper's own tables, and what was found in each reading."""
    frame, lines = frame.fillna({"reading": "", "paper": "", "why": "", "part": ""}), []
    readings = list(dict.fromkeys(frame["reading"]))
    for key, of_claim in frame.groupby("claim", sort=False):
        of_claim = of_claim.drop_duplicates("reading").set_index("reading")
        first = of_claim.iloc[0]
        words = [_verdict(of_claim.loc[r]) if r in of_claim.index else "" for r in readings]
        words[1:] = ["the same" if word == words[0] else word for word in words[1:]]
        lines.append([key, first["text"], first["paper"], *words])
    return pd.DataFrame(lines, columns=["", "claim", "the paper's own tables", *(r or "verdict" for r in readings)])


def _verdict(line: pd.Series) -> str:
    word, why = f"{VERDICT_MARKS[line['verdict']]} {line['verdict']}", line["why"]
    counts = {name: int(line[name]) for name in ("tasks", "seeds_fewest", "seeds_most")}
    seeds = (counts["seeds_fewest"], counts["seeds_most"])
    if found := summary(SimpleNamespace(**{"part": ""} | line.to_dict() | counts, seeds=seeds)):
        return f"{word}\n{found}"
    return f"{word}: {why}" if why else word
