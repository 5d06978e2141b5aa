"""Every table, figure and claim of the five papers has its place in a notebook: what is missing here is lost.

Notebooks are read, not run. What a notebook saves is the name that it gives to ``c.save``: a literal, a pattern such as
``f"table_{t}"`` whose rest stands in the code, or a variable that takes its values from literals. A claim is the key that
``claim`` is given, under the same rules.
"""

from __future__ import annotations

import ast
import functools
import json
import re
from typing import NamedTuple

import pytest

from mixutils import paths
from mixutils.papers import PAPERS
from mixutils.site.catalogue import NOTEBOOKS

#: Id of a printed table or figure -> the notebook that makes it, and the names under which it is saved. -X1: from the text.
PRINTED: dict[str, tuple[str, ...]] = {
    "DMIX-T1": ("dmix", "table_1"),
    "DMIX-T2": ("dmix", "table_2"),
    "DMIX-T3": ("dmix", "table_3"),
    "DMIX-T4": ("dmix", "table_4"),
    "DMIX-T5": ("dmix_layers", "table_5", "layer_map"),
    "DMIX-T6": ("dmix", "table_6"),
    "DMIX-T7": ("dmix_attention", "table_7"),
    "DMIX-T8": ("dmix", "table_8"),
    "DMIX-F2": ("dmix", "figure_2"),
    "DMIX-F3": ("dmix_thresholds", "figure_3"),
    "DMIXS-T1": ("dmix_short", "table_1"),
    "DMIXS-F1": ("dmix_short", "figure_1"),
    "SSMIX-F1": ("ssmix_spans", "figure_1"),
    "SSMIX-F2": ("ssmix_spans", "figure_2"),
    "SSMIX-F3": ("ssmix_spans", "figure_3_4"),
    "SSMIX-F4": ("ssmix_spans", "figure_3_4"),
    "SSMIX-F5": ("ssmix_spans", "figure_5", "figure_5_trained"),
    "SSMIX-T1": ("ssmix", "table_1"),
    "SSMIX-T2": ("ssmix", "table_2", "table_control"),
    "SSMIX-TA1": ("ssmix", "table_a1"),
    "SSMIX-TB1": ("ssmix", "table_b1"),
    "SSMIX-X1": ("ssmix", "table_x1", "times"),
    "DNM-T1": ("dnm", "table_1"),
    "DNM-T2": ("dnm", "table_2"),
    "DNM-T3": ("dnm", "table_3"),
    "DNM-T4": ("dnm", "table_4"),
    "DNM-T5": ("dnm", "table_5"),
    "DNM-T6": ("dnm_topk", "table_6"),
    "DNM-T7": ("dnm_topk", "table_7"),
    "DNM-T8": ("dnm_ablations", "table_8"),
    "DNM-T9": ("dnm_ablations", "table_9"),
    "DNM-T10": ("dnm_ablations", "table_10"),
    "DNM-T11": ("dnm_ablations", "table_11"),
    "DNM-F2": ("dnm", "figure_2"),
    "DNM-F3": ("dnm_tsne", "figure_3", "table_space"),
    "DNM-F4": ("dnm_tsne", "figure_4", "table_silhouette"),
    "DROPMIX-T1": ("dropmix", "table_1"),
    "DROPMIX-T2": ("dropmix", "table_2"),
    "DROPMIX-T3": ("dropmix", "table_3"),
    "DROPMIX-T4": ("dropmix", "table_4"),
    "DROPMIX-T5": ("dropmix_channels", "table_5"),
    "DROPMIX-F2": ("dropmix_sparse", "figure_2", "figure_2_margin"),
    "DROPMIX-F3a": ("dropmix_saliency", "figure_3a"),
    "DROPMIX-F3b": ("dropmix_channels", "figure_3b"),
    "DROPMIX-F3c": ("dropmix_channels", "figure_3c"),
}
#: Id of a drawing or a worked example that needs no run -> its notebook, and words that stand in its cells.
DRAWN: dict[str, tuple[str, ...]] = {
    "DMIX-F1": ("dmix", "Figure 1"),
    "DNM-F1": ("dnm", "Figure 1"),
    "DROPMIX-F1": ("dropmix", "Figure 1"),
    "DROPMIX-T1": ("dropmix", "Table 1", 'build("ssmix")'),
    "SSMIX-F5": ("ssmix_spans", "Figure 5", "adults", "synthesis", "lambda"),
}
#: Notebook -> what else it saves: diagnostics, controls, tables that put a figure into numbers, and its verdicts.
BESIDE: dict[str, tuple[str, ...]] = {
    "dmix": ("chosen", "gains", "averages", "claims", "verdicts"),
    "dmix_thresholds": ("shares", "thresholds", "histograms", "partners", "claims_thresholds"),
    "dmix_layers": ("claims_layers",),
    "dmix_matrix": ("movement", "matrix", "beliefs", "order", "plane", "claims_matrix"),
    "dmix_short": ("chosen", "data", "gains", "averages", "table_x1", "shares", "claims", "verdicts"),
    "ssmix": ("gains", "learning_curves", "size_curve", "claims", "verdicts"),
    "dnm": ("table_own", "size_curves", "size_gains", "gains", "table_long", "claims", "verdicts"),
    "dnm_topk": ("topk", "table_share", "claims_topk"),
    "dnm_ablations": ("weights", "table_control", "ablations", "claims_ablations"),
    "dnm_policy": ("table_policy", "policy_movement", "policy_labels"),
    "dnm_tsne": ("claims_tsne",),
    "dropmix": (
        "gains",
        "table_3_holdout",
        "table_control",
        "table_gains",
        "pooled_gains",
        "table_shares",
        "table_cost",
        "cost",
        "table_mask",
        "learning_curves",
        "claims",
        "verdicts",
        "units_rc1",
    ),
    "dropmix_sparse": ("table_sparse", "table_slope"),
    "dropmix_saliency": ("patches", "literal"),  # RC7 to RC10 are claims of dropmix, which declares all of them once
    "compare": (
        "learning_rate",
        "gains",
        "forest",
        "gain_by_task",
        "without_one_task",
        "probability_and_rank",
        "cost",
        "four_questions",
    ),
    "trec_full": ("levels",),
}
#: Ids by paper: tables, figures, and what is no table or figure there.
IDS = {
    "DMIX": [f"T{i}" for i in range(1, 9)] + [f"F{i}" for i in range(1, 4)],
    "DMIXS": ["T1", "F1"],
    "SSMIX": ["T1", "T2", "TA1", "TB1", "X1"] + [f"F{i}" for i in range(1, 6)],
    "DNM": [f"T{i}" for i in range(1, 12)] + [f"F{i}" for i in range(1, 5)],
    "DROPMIX": [f"T{i}" for i in range(1, 6)] + ["F1", "F2", "F3a", "F3b", "F3c"],
}
#: Paper -> prefix and number of its claims, in sections (f) of the SPEC.
CLAIMS = {"dmix": ("DC", 12), "dmix_short": ("SDC", 5), "ssmix": ("SC", 10), "dnm": ("NC", 13), "dropmix": ("RC", 12)}


class Given(NamedTuple):
    """Names that calls of one method are given: literals, and for the others patterns and all literals of the notebook."""

    literal: frozenset[str]
    patterns: tuple[re.Pattern[str], ...]
    strings: frozenset[str]
    variable: bool

    def __contains__(self, name: str) -> bool:
        if name in self.literal or (self.variable and name in self.strings):
            return True
        return any((m := p.fullmatch(name)) and set(m.groups()) <= self.strings for p in self.patterns)


@functools.cache
def cells(notebook: str) -> tuple[tuple[str, str], ...]:
    """(type, source) of a notebook's cells."""
    found = json.loads((paths.NOTEBOOKS / f"{notebook}.ipynb").read_text("utf-8"))["cells"]
    return tuple((c["cell_type"], "".join(c["source"])) for c in found)


@functools.cache
def given(notebook: str, method: str, place: int) -> Given:
    """What calls ``anything.method(...)`` are given at a place."""
    tree = ast.parse("\n".join(source for kind, source in cells(notebook) if kind == "code"))
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)]
    by_name = {id(a) for call in calls if call.func.attr == "show" for a in call.args}
    strings = {str(n.value) for n in ast.walk(tree) if isinstance(n, ast.Constant) and id(n) not in by_name}
    names = [c.args[place] for c in calls if c.func.attr == method and len(c.args) > place]
    patterns = [
        "".join(re.escape(str(v.value)) if isinstance(v, ast.Constant) else "(.+)" for v in name.values)
        for name in names
        if isinstance(name, ast.JoinedStr)
    ]
    return Given(
        frozenset(str(n.value) for n in names if isinstance(n, ast.Constant)),
        tuple(map(re.compile, patterns)),
        frozenset(strings),
        any(not isinstance(n, ast.Constant | ast.JoinedStr) for n in names),
    )


def rows() -> list:
    found = [(key, notebook, name) for key, (notebook, *names) in PRINTED.items() for name in names]
    found += [("beside", notebook, name) for notebook, names in BESIDE.items() for name in names]
    return [pytest.param(notebook, name, id=f"{key}-{notebook}-{name}") for key, notebook, name in found]


@pytest.mark.parametrize(("notebook", "name"), rows())
def test_a_table_or_figure_is_saved_by_its_notebook(notebook, name):
    as_csv = any(kind == "code" and f'to_csv(c.folder / "{name}.csv"' in source for kind, source in cells(notebook))
    assert as_csv or name in given(notebook, "save", 1), f"{notebook} saves no {name}"


@pytest.mark.parametrize("key", DRAWN)
def test_a_drawing_or_example_stands_in_its_notebook(key):
    notebook, *words = DRAWN[key]
    text = "\n".join(source for _, source in cells(notebook))
    assert not [w for w in words if w not in text]


@pytest.mark.parametrize(
    ("paper", "key"), [(p, f"{prefix}{i}") for p, (prefix, n) in CLAIMS.items() for i in range(1, n + 1)]
)
def test_a_claim_is_made_in_a_notebook_of_its_paper(paper, key):
    assert any(key in given(name, "claim", 0) for name, of in NOTEBOOKS.items() if of == paper)


def test_the_list_is_whole():
    assert {f"{paper}-{i}" for paper, ids in IDS.items() for i in ids} == set(PRINTED) | set(DRAWN)
    assert set(CLAIMS) == set(PAPERS)
    listed = {notebook for notebook, *_ in (*PRINTED.values(), *DRAWN.values())} | set(BESIDE)
    assert set(NOTEBOOKS) - listed == {"start_here", "class_slides"}


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_no_notebook_shows_a_thing_by_name(notebook):
    assert not [source for kind, source in cells(notebook) if kind == "code" and re.search(r"\bc\.show\(", source)]


def test_names_are_found_where_they_are_and_nowhere_else(tmp_path, monkeypatch):
    code = [
        'c.show("shown")\nc.save(made, "literal")',
        'for t in ("2", "3"):\n    c.save(made, f"table_{t}")',
        'e.claim("X1", text, units)\nfor key in ("X2",):\n    e.claim(key, text, units)',
    ]
    book = {"cells": [{"cell_type": "code", "source": [source]} for source in code]}
    (tmp_path / "tiny.ipynb").write_text(json.dumps(book))
    monkeypatch.setattr(paths, "NOTEBOOKS", tmp_path)
    saved, claimed = given("tiny", "save", 1), given("tiny", "claim", 0)
    assert all(name in saved for name in ("literal", "table_2", "table_3"))
    assert not any(name in saved for name in ("shown", "table_4", "X1"))
    assert "X1" in claimed
    assert "X2" in claimed
    assert "X3" not in claimed
