"""Counts of whole data sets: those that are kept are those of the data, and every table finds them.

``python -m tests.test_counts`` writes ``counts.toml`` anew from the data folder.
"""

from __future__ import annotations

import functools

import numpy as np
import pytest

from mixutils import paths
from mixutils.companion import make_plan
from mixutils.papers import PLANS
from mixutils.runs.counts import counted, lengths, repeated
from mixutils.runs.execute import cached_task
from mixutils.tasks import CATALOGUE, Split, TaskData, at_hand

KEPT = paths.facts("runs/counts")


@functools.cache
def policies() -> dict[str, set[str]]:
    """Data set -> the policies under which tables take it, where its data are at hand."""
    out: dict[str, set[str]] = {}
    for paper in PLANS:
        for profile in ("compare",) if paper == "compare" else ("laptop", "desk", "full"):
            runs = (cell.runs[0] for cell in make_plan(paper, profile, use_hub=False).cells)
            for run in (run for run in runs if run.task in CATALOGUE and at_hand(run.task, False)[0]):
                out.setdefault(run.task, set()).add(run.policy)
    return out


def fresh(task: str, wanted: set[str]) -> dict:
    data, digest = cached_task(task, False)
    return {"digest": digest} | lengths(data) | {"repeated": {p: repeated(data, p) for p in sorted(wanted)}}


def test_lengths_are_of_all_parts_and_of_both_texts():
    def part(*rows):
        return Split(*map(list, zip(*rows, strict=True)), np.arange(len(rows)))

    data = TaskData("mine", ("a", "b"), {"train": part(("a b", "c")), "test": part(("unbelievably , so", ""))}, True)
    # a b c; and [CLS] a b [SEP] c [SEP], [CLS] un ##bel ##ie ##va ##bly , so [SEP] [SEP]
    assert lengths(data) == {"words": 3.0, "tokens": 8.0}


def test_another_data_set_under_a_known_name_has_no_counts_of_ours(monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", "")
    assert counted("essc", "tenths", KEPT["essc"]["digest"])["repeated"]["test"][2] == 557
    assert counted("essc", "tenths", "0" * 16) == {}
    assert counted("nobody-has-it", "tenths", "0" * 16) == {}


def test_bad_data_leave_a_table_of_records_without_counts(monkeypatch, tmp_path):
    (tmp_path / "sms-spam").mkdir()
    (tmp_path / "sms-spam" / "train.jsonl").touch()
    monkeypatch.setenv("MIXUTILS_DATA", str(tmp_path))
    assert counted("essc", "tenths", "0" * 16) == {}


def test_what_is_at_hand_is_counted(monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", "")
    found = counted("docs-pair", "auto", cached_task("docs-pair", False)[1])
    assert found["repeated"]["test"][:2] == (0, 0)  # its sentences are used once
    assert found["tokens"] > found["words"] > 10


@pytest.mark.parametrize("task", KEPT)
def test_what_is_kept_is_what_the_data_say(task, data_folder):
    if not at_hand(task, False)[0]:
        pytest.skip(f"{task} is not in the data folder")
    assert fresh(task, set(KEPT[task]["repeated"])) == KEPT[task]


def test_all_tables_of_data_at_hand_are_covered(data_folder):
    assert {
        task: wanted - set(KEPT.get(task, {"repeated": ()})["repeated"]) for task, wanted in policies().items()
    } == {task: set() for task in policies()}


def _written() -> None:
    lines = [
        "# What runs.counts finds in the data sets of the catalogue; made by python -m tests.test_counts, tested there.",
        "",
    ]
    for task, wanted in sorted(policies().items()):
        found = fresh(task, wanted)
        lines += [
            f"[{task}]",
            f'digest = "{found["digest"]}"',
            f"words = {found['words']}",
            f"tokens = {found['tokens']}",
        ]
        lines += ["", f"[{task}.repeated]  # part: rows whose text trains too, those with the same label, all rows"]
        for policy, parts in found["repeated"].items():
            lines.append(
                f"{policy} = {{ {', '.join(f'{part} = {list(numbers)}' for part, numbers in parts.items())} }}"
            )
        lines.append("")
    (paths.PACKAGE / "runs" / "counts.toml").write_text("\n".join(lines), "utf-8")


if __name__ == "__main__":
    _written()
