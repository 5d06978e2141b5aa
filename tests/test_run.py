"""The name of a run: unique, stable, and the same wherever it is computed."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixutils.runs.run import Run
from mixutils.training.loop import Recipe

START = Run("trec-coarse", "none", 3)
FULL = Run(
    "trec-coarse",
    "tmix",
    3,
    options=(("levels", (7, 9)), ("alpha", 0.2)),
    recipe=Recipe(lr=3e-5, betas=(0.8, 0.99)),
    evaluate=("validation", "test"),
    start=START,
    start_policy="best-on-test",
    probes=("ssmix-spans",),
    probe_policy="last",
)
#: The same with the fields that came later.
LATER = FULL.with_(final=("validation_m",), final_policy="last", recipe__carry=True)
#: Another value for every field; the test below refuses to pass when a new field is not listed.
OTHER = {
    "task": "rte",
    "method": "wordmix",
    "seed": 4,
    "options": (("alpha", 0.3),),
    "encoder": "random:tiny",
    "recipe": Recipe(lr=1.0),
    "policy": "auto",
    "train_size": 10,
    "train_fraction": 0.75,
    "subset": "balanced",
    "eval_size": 10,
    "evaluate": ("test", "validation"),
    "max_length": 64,
    "dropout": 0.0,
    "precision": "float32",
    "attention": "eager",
    "start": replace(START, seed=5),
    "start_policy": "last",
    "probes": ("another",),
    "probe_policy": "best-on-test",
    "final": ("validation_mm",),
    "final_policy": "best-on-test",
}
OTHER_RECIPE = {
    "lr": 1e-5,
    "epochs": 4,
    "steps": 7,
    "batch_size": 8,
    "optimizer": "adam",
    "weight_decay": 0.1,
    "betas": (0.9, 0.9),
    "eps": 1e-6,
    "schedule": "constant",
    "warmup": 0.2,
    "clip": 1.0,
    "mixer_lr": 1e-3,
    "eval_every": 50,
    "carry": True,
    "eval_first": 5,
    "class_weights": "balanced",
}


def test_a_name_never_changes():
    # Records are found by this name. If this fails, either a change of Run or Recipe was not meant, or every record that
    # exists becomes worthless: then list the change in generations.CHANGES instead.
    assert Run("trec-coarse", "none", 0).hash == "49b3bd24f18e2c94"
    assert FULL.hash == "9c629fd8ae60dff2"
    assert LATER.hash == "131ee1235adff861"


def test_fields_that_came_later_are_not_written_at_their_default_and_are_read_without():
    assert not {"final", "final_policy", "train_fraction"} & set(FULL.to_dict())
    assert not {"carry", "eval_first", "class_weights"} & set(FULL.to_dict()["recipe"])
    assert not {"final", "final_policy"} & set(FULL.to_dict()["start"])
    assert {"final", "final_policy"} <= set(LATER.to_dict())
    assert LATER.to_dict()["recipe"]["carry"] is True
    assert Run.from_dict(LATER.to_dict()) == LATER
    assert Run.from_dict(FULL.to_dict()) == FULL


def test_every_field_of_run_and_recipe_has_another_value_here():
    assert set(OTHER) == {f.name for f in fields(Run)}
    assert set(OTHER_RECIPE) == {f.name for f in fields(Recipe)}


@pytest.mark.parametrize("name", OTHER)
def test_every_field_is_part_of_the_name(name):
    assert replace(LATER, **{name: OTHER[name]}).hash != LATER.hash


@pytest.mark.parametrize("name", OTHER_RECIPE)
def test_every_field_of_the_recipe_is_part_of_the_name(name):
    changed = FULL.with_(**{f"recipe__{name}": OTHER_RECIPE[name]})
    assert changed.hash != FULL.hash
    assert getattr(changed.recipe, name) == OTHER_RECIPE[name]


def test_the_order_of_options_does_not_matter_and_lists_are_tuples():
    turned = replace(FULL, options=(("alpha", 0.2), ("levels", [7, 9])))
    assert turned == FULL
    assert turned.hash == FULL.hash


def test_the_name_is_the_same_in_another_process():
    code = "from mixutils.runs.run import Run; print(Run('trec-coarse', 'none', 0).hash)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == Run("trec-coarse", "none", 0).hash


def test_a_name_is_sixteen_hex_digits():
    assert len(FULL.hash) == 16
    assert int(FULL.hash, 16) >= 0


options = st.dictionaries(
    st.sampled_from(["alpha", "ratio", "levels", "clean"]),
    st.one_of(st.booleans(), st.integers(0, 12), st.floats(0, 1), st.lists(st.integers(0, 12), max_size=3)),
)


@settings(max_examples=50, deadline=None)
@given(
    options=options,
    seed=st.integers(0, 10**6),
    lr=st.floats(1e-7, 1.0),
    size=st.none() | st.integers(1, 10**6),
    evaluate=st.lists(st.sampled_from(["validation", "test"]), unique=True),
)
def test_a_run_survives_json(options, seed, lr, size, evaluate):
    run = FULL.with_(
        options=tuple(options.items()), seed=seed, recipe__lr=lr, train_size=size, evaluate=tuple(evaluate)
    )
    back = Run.from_dict(json.loads(json.dumps(run.to_dict())))
    assert back == run
    assert back.hash == run.hash
    assert back.start == START


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ((), r"Run.* unexpected keyword argument 'colour'"),
        (("start",), r"Run.* unexpected keyword argument 'colour'"),
        (("recipe",), r"Recipe.* unexpected keyword argument 'colour'"),
    ],
)
def test_unknown_fields_are_refused_at_every_depth(where, message):
    given = FULL.to_dict()
    place = given
    for key in where:
        place = place[key]
    place["colour"] = "red"
    with pytest.raises(TypeError, match=message):
        Run.from_dict(given)


def test_a_start_needs_its_policy_and_probes_need_theirs():
    with pytest.raises(ValueError, match="start and start_policy go together"):
        Run("rte", "tmix", 0, start=START)
    with pytest.raises(ValueError, match="start and start_policy go together"):
        Run("rte", "tmix", 0, start_policy="last")
    with pytest.raises(ValueError, match="probes and probe_policy go together"):
        Run("rte", "tmix", 0, probes=("ssmix-spans",))
    with pytest.raises(ValueError, match="final and final_policy go together"):
        Run("rte", "tmix", 0, final=("test",))


def test_a_part_is_watched_or_final_and_a_precision_is_a_known_one():
    with pytest.raises(ValueError, match="test can be in evaluate or in final, not in both"):
        Run("rte", "tmix", 0, evaluate=("test",), final=("test",), final_policy="last")
    with pytest.raises(ValueError, match=r"precision must be one of auto, bfloat16, float32, .* not 'float16'"):
        Run("rte", "tmix", 0, precision="float16")


def test_changing_a_run_changes_only_what_was_asked():
    changed = FULL.with_(seed=9, recipe__epochs=7)
    assert (changed.seed, changed.recipe.epochs) == (9, 7)
    assert changed.with_(seed=FULL.seed, recipe__epochs=FULL.recipe.epochs) == FULL
    assert FULL.recipe.lr == changed.recipe.lr


def test_the_title_tells_the_runs_of_a_plan_apart():
    assert FULL.title() == "trec-coarse tmix alpha=0.2 levels=(7, 9) on minilm, seed 3"
    small = replace(FULL, train_size=128, options=(), encoder="google-bert/bert-base-uncased")
    assert small.title() == "trec-coarse n=128 tmix on bert-base-uncased, seed 3"
