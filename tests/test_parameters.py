"""Values of parameters as papermill, YAML, the command line and people give them."""

from __future__ import annotations

import json
from pathlib import Path

import papermill
import pytest

from mixutils import paths
from mixutils.companion import Companion
from mixutils.companion.parameters import PARAMETERS, parameters


@pytest.mark.parametrize(
    ("name", "given", "meant"),
    [
        *(("train", word, False) for word in (False, "false", "False", "no", "off", "0", 0)),
        *(("hub", word, True) for word in (True, "true", "True", "yes", "on", "1", 1)),
        ("train_size", "500", 500),
        ("train_size", 500.0, 500),
        ("train_size", " -1 ", -1),
        ("train_size", "", -1),
        ("jobs", "2", 2),
        ("seeds", 5, "5"),
        ("seeds", "0-4", "0-4"),
        ("seeds", [0, 3, 7], "0-0,3-3,7-7"),
        ("seeds", ["0", "3"], "0-0,3-3"),
        ("seeds", [3], "3-3"),
        ("tasks", ["trec-coarse", "mr"], "trec-coarse,mr"),
        ("tasks", ("mr",), "mr"),
        ("methods", "all", "all"),
        ("data", Path("some/folder"), "some/folder"),
        ("shuffle", 3, "3"),
        ("shuffle", "3", "3"),
        ("shuffle", "", ""),
        *((name, None, default) for name, default in PARAMETERS.items()),
    ],
)
def test_what_people_and_programs_give_is_understood(name, given, meant):
    assert parameters({name: given}) == PARAMETERS | {name: meant}


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("train", "maybe"),
        ("train", 2),
        ("train", []),
        ("train_size", "many"),
        ("train_size", 0.5),
        ("train_size", True),
        ("jobs", "two"),
        ("seeds", 1.5),
        ("seeds", True),
        ("tasks", {"mr": 1}),
        ("profile", 3.0),
        ("shuffle", True),
    ],
)
def test_anything_else_is_refused_by_name(name, given):
    with pytest.raises(ValueError, match=f"the parameter {name} takes .*, not {given!r}".replace("[", r"\[")):
        parameters({name: given})


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("seeds", [0.5], "seeds are a number"),
        ("tasks", [1], "no data set is called '1'"),
        ("profile", 3, "no profile is called '3'"),
        ("data", "nowhere", "is not a folder"),
        ("shuffle", "-1", "shuffle must be a seed"),
        ("shuffle", "one", "shuffle must be a seed"),
    ],
)
def test_text_that_means_nothing_is_refused_too(name, given, words, monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", "")
    with pytest.raises((ValueError, OSError), match=words):
        Companion("ssmix", **{"profile": "laptop", name: given})


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(TypeError, match="no parameter tran; there are profile, data"):
        parameters({"tran": True})


def test_one_seed_of_a_list_is_that_seed_and_no_number_of_seeds():
    assert Companion("ssmix", seeds=[3]).plan.setting.seeds == (3,)
    assert Companion("ssmix", seeds=3).plan.setting.seeds == (0, 1, 2)


def test_a_notebook_is_opened_from_its_own_names(capsys):
    c = Companion.open("ssmix", {"profile": "laptop", "train": "no", "something": "else", "seeds": 2})
    assert (c.profile.name, c.train, c.plan.setting.seeds) == ("laptop", False, (0, 1))
    assert "SSMix: Saliency-Based Span Mixup" in capsys.readouterr().out


NOTEBOOKS = sorted(paths.NOTEBOOKS.glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_every_notebook_that_trains_has_the_same_parameters_one_line_each(path):
    cells = json.loads(path.read_text("utf-8"))["cells"]
    (lines,) = [c["source"] for c in cells if "parameters" in c["metadata"].get("tags", ())] or [[]]
    if not any(".open(" in "".join(c["source"]) for c in cells):
        return
    names = [line.split(" = ")[0] for line in lines]
    common = [name for name in PARAMETERS if name != "methods"]
    assert [n for n in names if n in common] == common
    assert list(papermill.inspect_notebook(str(path))) == names  # it cannot parse every comment
    model = json.loads((paths.NOTEBOOKS / "ssmix.ipynb").read_text("utf-8"))["cells"]
    (same,) = [c["source"] for c in model if "parameters" in c["metadata"].get("tags", ())]
    assert [line.rstrip() for line in lines[1 : len(same)]] == [line.rstrip() for line in same[1:]]
