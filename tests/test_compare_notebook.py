"""The comparison's notebook on made-up records: what was planted is what it says."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from mixutils.papers import base, compare
from mixutils.papers.profiles import make_setting
from mixutils.site.notebooks import execute_notebook
from mixutils.training.metrics import pack_bits
from tests import fakes

ROWS = 400
TASKS = ("mpqa", "cr", "mr", "subj", "sst2-sent", "docs-coarse")
PLANTED = {"none": 0.0, "ssmix": 6.0, "dnm": -6.0, "tmix": 0.0}


def made_up(run, rng: np.random.Generator, level: float) -> dict:
    """A record whose reported rows are right with the probability that was planted."""
    right = rng.random(ROWS) < (level + PLANTED[run.method]) / 100
    record = fakes.done(run, {"validation": level, "test": 100 * right.mean()})
    record["data"]["sizes"]["test"] = ROWS
    record["data"]["rows"] = {"validation": "0" * 16, "test": "1" * 16}
    for policy in record["selected"].values():
        for part, metrics in policy["metrics"].items():
            metrics["predicted_classes"] = 2
            if part == "test":
                metrics["bits"] = pack_bits(right)
    return record


@pytest.fixture
def executed(tmp_path, monkeypatch):
    """Executes the notebook on made-up records; returns its tables and its text."""
    monkeypatch.setenv("MIXUTILS_FIGURES", str(tmp_path / "figures"))
    monkeypatch.setenv("MIXUTILS_WORK", str(tmp_path / "work"))
    monkeypatch.delenv("MIXUTILS_DATA", raising=False)
    # The permutation depends on the runs' hashes, these on their precision: with this machine's own, luck would be its own.
    monkeypatch.setenv("MIXUTILS_PRECISION", "float32-highest")
    monkeypatch.setattr(base, "at_hand", lambda task, use_hub: (True, "folder"))
    setting = make_setting("compare", tasks=",".join(TASKS), methods=",".join(PLANTED), seeds="3")
    rng = np.random.default_rng(0)
    level = {(c, s): rng.normal(75, 4) for c in TASKS for s in range(3)}
    runs = [r for r in compare.plan(setting).runs if r.seed != compare.SEARCH_SEED]
    folder = tmp_path / "figures" / "compare"
    fakes.shipped([made_up(r, rng, level[r.task, r.seed]) for r in runs], folder)

    def execute(shuffle: str = "") -> tuple[pd.DataFrame, str]:
        parameters = {"profile": "compare", "train": False, "seeds": "3", "shuffle": shuffle, "permutations": 5}
        parameters |= {"tasks": ",".join(TASKS), "methods": ",".join(PLANTED)}
        execute_notebook("compare", parameters, tmp_path / "pages")
        text = json.dumps(json.loads((tmp_path / "pages" / "compare.ipynb").read_text("utf-8")), ensure_ascii=False)
        where = folder if not shuffle else folder.with_name(f"compare-shuffle-{shuffle}")
        return pd.read_csv(where / "compare" / "gains.csv", index_col="key"), text

    return execute


def test_planted_gains_are_found_measured_and_shown_to_the_class(executed, tmp_path):
    gains, text = executed()
    assert gains["word"]["ssmix"].startswith("supported")
    assert gains["word"]["dnm"] == "contradicted"
    assert not gains["word"]["tmix"].startswith(("supported", "contradicted"))
    for method, planted in PLANTED.items():
        if method != "none":
            assert gains["low"][method] - 1 < planted < gains["high"][method] + 1
            assert gains["tasks"][method] == len(TASKS)
    assert "SSMix**: +" in text  # what to take in practice
    folder = tmp_path / "figures" / "compare" / "compare"
    alone = pd.read_csv(folder / "gain_by_task.csv", index_col=0)
    left_out = pd.read_csv(folder / "without_one_task.csv", index_col="key")
    assert left_out.shape == (len(PLANTED) - 1, len(TASKS))
    for method, of_method in left_out.iterrows():
        others = [alone.loc[method].drop(task).mean() for task in alone]
        assert sorted(of_method) == pytest.approx(sorted(others))
        ends = gains.loc[method, ["without_one_low", "without_one_high"]].tolist()
        assert ends == pytest.approx([of_method.min(), of_method.max()])
    assert "words hold whichever task is left out" in text
    for name in ("forest", "gain_by_task", "cost"):
        assert (folder / f"{name}.png").stat().st_size > 5000
        assert (folder / f"{name}.svg").is_file()
    worth = pd.read_csv(folder / "four_questions.csv", index_col=0)
    tokens = worth.loc["where: tokens"]
    assert tokens["points"] == pytest.approx(6, abs=2.5)
    assert tokens["methods"] == 1
    assert tokens["low, over tasks"] < 6 < tokens["high, over tasks"]
    execute_notebook("class_slides", {}, tmp_path / "pages")  # reads the comparison's gains
    slides = json.loads((tmp_path / "pages" / "class_slides.ipynb").read_text("utf-8"))["cells"]
    (ours,) = [cell for cell in slides if "Gains that we found" in "".join(cell["source"])]
    assert any("image/png" in output.get("data", {}) for output in ours["outputs"])


def test_under_permuted_names_nothing_is_found(executed):
    gains, text = executed("3")
    assert "Negative control" in text
    assert not gains["word"].str.startswith(("supported", "contradicted")).any()
