"""What shipped records were trained and judged on: the same rows are drawn today, so that new runs stand beside old ones."""

from __future__ import annotations

import json

import pytest

from mixutils import paths
from mixutils.runs.execute import prepare_data
from mixutils.runs.run import Run
from mixutils.tasks import at_hand

FILES = [path for profile in ("compare", "desk") for path in (paths.ROOT / "figures" / profile).glob("*.jsonl")]
# What decides on rows.
DRAWN = ("policy", "seed", "train_size", "train_fraction", "subset", "eval_size", "evaluate", "final")


def drawn() -> dict[str, dict[tuple, dict]]:
    """Task -> one record per way of drawing its rows, of those records that name theirs."""
    out: dict[str, dict[tuple, dict]] = {}
    for record in (json.loads(line) for path in FILES for line in path.read_text("utf-8").splitlines()):
        if "subset" in record["data"]:
            run = Run.from_dict(record["run"])
            out.setdefault(run.task, {})[tuple(getattr(run, name) for name in DRAWN)] = record
    return out


RECORDS = drawn()


@pytest.mark.parametrize("task", sorted(RECORDS))
def test_the_rows_of_shipped_records_are_drawn_again(task):
    if not at_hand(task, False)[0]:
        pytest.skip(f"{task} is not in the data folder")
    for record in RECORDS[task].values():
        data, digest = prepare_data(Run.from_dict(record["run"]), use_hub=False)
        rows = {name: part.digest() for name, part in data.splits.items()}
        assert rows.pop("train") == record["data"]["subset"], record["hash"]
        assert (rows, digest) == (record["data"]["rows"], record["data"]["digest"]), record["hash"]
