"""Notebooks and papers by name; asking for them must not need a plotting library."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mixutils.papers import PAPERS, PLANS
from mixutils.papers.profiles import PROFILES
from mixutils.site.catalogue import NOTEBOOKS, select


def test_without_a_wish_everything_is_selected_in_order():
    assert select(None) == select("") == (list(PLANS), list(NOTEBOOKS))


def test_without_a_wish_a_profile_computes_what_it_is_for():
    papers, notebooks = select(None, PROFILES["desk"].papers)
    assert papers == list(PAPERS)
    assert notebooks == [n for n in NOTEBOOKS if n not in ("compare", "trec_full")]
    assert select(None, PROFILES["compare"].papers) == (["compare"], ["start_here", "compare", "class_slides"])
    assert select("compare", PROFILES["desk"].papers) == (["compare"], ["compare"])  # asked for by name


@pytest.mark.parametrize("paper", PLANS)
def test_a_paper_brings_all_its_notebooks_and_a_notebook_its_paper(paper):
    notebooks = [n for n, p in NOTEBOOKS.items() if p == paper]
    assert select(paper) == ([paper], notebooks)
    for name in notebooks:
        if name != paper:  # the main notebook has the paper's name and means the paper
            assert select(name) == ([paper], [name])


def test_a_notebook_without_runs_brings_no_paper():
    free = [n for n, paper in NOTEBOOKS.items() if paper is None]
    assert free
    assert select(",".join(free)) == ([], free)


def test_several_names_are_joined_in_the_catalogues_order():
    assert select(" ssmix_spans , start_here,ssmix_spans") == (["ssmix"], ["start_here", "ssmix_spans"])


def test_unknown_names_are_refused_with_all_known_ones():
    with pytest.raises(ValueError, match="--only does not know 'smix', 'dmx'; papers and notebooks: ") as error:
        select("ssmix,smix,dmx")
    for name in (*PLANS, *NOTEBOOKS):
        assert name in str(error.value)


def test_planning_and_training_need_no_plotting_library():
    code = """
import sys
for name in ("matplotlib", "seaborn", "statsmodels", "IPython", "papermill", "myst_nb", "nbformat"):
    sys.modules[name] = None
from mixutils import cli, companion
from mixutils.cli import training
from mixutils.papers import PAPERS, PLANS
from mixutils.papers.profiles import PROFILES
from mixutils.site.catalogue import select
sys.exit(cli.main(["plan", "--profile", "smoke"]))
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert out.returncode == 0, out.stderr
    assert "32 to do" in out.stdout
