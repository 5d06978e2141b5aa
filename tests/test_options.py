"""Options by name: what they reach, what they leave alone, what is refused; and that every reading can be set."""

from __future__ import annotations

import pytest

from mixutils.companion import Companion, make_plan
from mixutils.mixers import REGISTRY, build
from mixutils.papers.options import differing, methods, parse, readings, shortcuts
from mixutils.papers.profiles import make_setting
from mixutils.runs.records import Records
from tests import fakes

READINGS = readings()
OPTIONS = [
    (code, r["option"], r.get("default"), v) for code, r in READINGS.items() if "option" in r for v in r["others"]
]


@pytest.fixture(autouse=True)
def _no_data(monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", "")


def plan_with(paper: str, *options: str, profile: str = "smoke"):
    return make_plan(paper, profile, options=options)


def hashes(paper: str, *options: str, profile: str = "smoke") -> list[str]:
    return [r.hash for r in plan_with(paper, *options, profile=profile).runs]


@pytest.mark.parametrize(
    ("text", "option"),
    [
        ("ssmix.short_partner=authors", ("ssmix", "short_partner", "authors")),
        ("run.train_fraction=0.75", ("run", "train_fraction", 0.75)),
        ("dmix.levels=[3,4]", ("dmix", "levels", (3, 4))),
        ("reading.floor=false", ("reading", "floor", False)),
        ("recipe.epochs = 4", ("recipe", "epochs", 4)),
        ('dmix.tables.fig3=["cola"]', ("dmix", "tables.fig3", ("cola",))),
    ],
)
def test_a_value_is_read_as_in_toml_or_is_text(text, option):
    assert parse([text]) == (option,)


def test_several_stand_in_one_text_as_papermill_gives_them():
    text = " dmix,dmix-nt.levels=[3, 4]  ssmix*.short_partner=skip run.train_fraction=0.5 "
    several = parse(text)
    assert several == (
        ("dmix,dmix-nt", "levels", (3, 4)),
        ("ssmix*", "short_partner", "skip"),
        ("run", "train_fraction", 0.5),
    )
    assert make_setting("smoke", options=text).options == several
    assert parse("") == parse(" ") == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("short_partner=authors", ["NAME.OPTION=VALUE", "'short_partner=authors'"]),
        ("ssmix.short_partner", ["NAME.OPTION=VALUE"]),
        ("ssmix.short_partner=", ["NAME.OPTION=VALUE"]),
        ("smix.short_partner=authors", ["'smix'", "run, recipe, reading", "readings"]),
        ("ssmix.short_partner=long", ["short_partner", "'shorten', 'skip', 'authors'", "'long'"]),
        ("ssmix.partner=skip", ["ssmix.partner", "short_partner", "stand_ins"]),
        ("dropmix-*.maks=random", ["maks", "mask"]),
        ("run.seed=3", ["run.seed", "policy, train_fraction"]),
        ("run.train_fraction=1.5", ["above 0 and at most 1"]),
        ("run.max_length=short", ["run.max_length", "a whole number", "'short'"]),
        ("run.policy=tenth", ["'tenth'", "tenths", "-grouped"]),
        ("recipe.optimizer=sgd", ["optimizer", "'adamw'", "'sgd'"]),
        ("run.subset=even", ["subset", "'balanced'", "'even'"]),
        ("recipe.epochs=2.5", ["recipe.epochs", "a whole number", "2.5"]),
        ("recipe.epoch=2", ["recipe.epoch", "epochs"]),
        ("reading.metric=f2", ["f1_macro", "'f2'"]),
        ("reading.policy=best", ["best-on-SPLIT"]),
        ("reading.floor=1", ["true or false"]),
        ("dmix.tune=three", ["dmix.tune", "a whole number", "'three'"]),
        ("tmix.alpha=x", ["alpha must be a number, positive, not 'x'"]),
        ("tmix.alpha=true", ["alpha must be a number, positive, not True"]),
        ("tmix.levels=['a']", ["levels must be numbers from 0 to 12"]),
        ("tmix.levels=3", ["levels must be numbers from 0 to 12", "not 3"]),
    ],
)
def test_what_nothing_answers_to_is_refused_with_what_there_is(text, words):
    with pytest.raises(ValueError) as error:  # noqa: PT011  its words are below
        parse([text])
    assert not [w for w in words if w not in str(error.value)], str(error.value)


def test_an_option_reaches_the_runs_of_its_mixers_only():
    before, after = plan_with("ssmix"), plan_with("ssmix", "ssmix.short_partner=authors")
    for old, new in zip(before.runs, after.runs, strict=True):
        if old.method == "ssmix":
            assert dict(new.options) == dict(old.options) | {"short_partner": "authors"}
        else:
            assert new == old


def test_a_run_option_reaches_starts_too_and_cells_and_runs_stay_one():
    plan = plan_with("ssmix", "run.train_fraction=0.75", "recipe.warmup=0.0")
    every = [*plan.runs, *(r.start for r in plan.runs if r.start)]
    assert {r.train_fraction for r in every} == {0.75}
    assert {r.recipe.warmup for r in every} == {0.0}
    assert len(plan.runs) == len(plan_with("ssmix").runs)


@pytest.mark.parametrize("paper", ["ssmix", "dmix", "dmix_short", "dnm", "dropmix", "compare"])
def test_a_default_changes_no_hash(paper):
    usual = hashes(paper, profile="laptop")
    options = [
        f"{r['option']}={r['default']}" for r in READINGS.values() if "default" in r and r["option"][:6] != "recipe"
    ]
    # Protocols have their own values of these.
    skip = ("levels", "alpha", "pairing", "max_length", "tune", "tables", "epochs", "beta_fold", "draw", "mnli")
    assert hashes(paper, *(o for o in options if not any(s in o for s in skip)), profile="laptop") == usual


def test_what_the_rows_of_a_table_vary_stays():
    before, after = plan_with("dmix"), plan_with("dmix", "dmix.T=0.5")
    assert [c.runs for c in before.table("fig3")] == [c.runs for c in after.table("fig3")]
    of = lambda plan: [r for c in plan.table("2") if c.row == "DMix" for r in c.runs]  # noqa: E731
    assert all(dict(r.options)["T"] == 0.5 for r in of(after))
    assert not any("T" in dict(r.options) for r in of(before))
    rates = [{r.recipe.mixer_lr for c in plan.table("matrix") for r in c.runs} for plan in (before, after)]
    assert rates[0] == rates[1]
    assert {r.recipe.mixer_lr for r in plan_with("dmix", "recipe.mixer_lr=0.5").runs} == {0.5} | rates[0]


def test_what_one_row_is_named_after_stays():
    counted = ("mask", "DropMix-W, padding counted", "docs-coarse")
    before, after = plan_with("dropmix"), plan_with("dropmix", "dropmix-*.count_padding=true", "dropmix-*.budget=skip")
    assert {dict(r.options)["count_padding"] for r in after.cell(*counted).runs} == {True}
    assert {dict(r.options)["budget"] for r in after.cell(*counted).runs} == {"skip"}
    assert plan_with("dropmix", "dropmix-*.count_padding=false").cell(*counted) == before.cell(*counted)


def test_columns_may_differ_where_rows_may_not(monkeypatch):
    monkeypatch.setattr("mixutils.papers.base.at_hand", lambda task, use_hub: (True, "folder"))
    plan = make_plan("dmix", "laptop", tasks="trac,ttc", options="run.policy=holdout-grouped")
    assert {r.policy for r in plan.runs} == {"holdout-grouped"}


def test_runs_in_order_are_those_of_the_cells():
    plan = plan_with("compare", "ssmix.short_partner=skip", "recipe.weight_decay=0.5")
    of_cells = {r.hash for c in plan.cells for r in c.runs}
    assert {r.hash for r in plan.order} == of_cells == {r.hash for r in plan.runs}


def test_a_papers_scope_is_set_by_the_papers_name():
    assert {dict(r.options).get("T") for r in plan_with("dmix", "dmix.thresholds=[0.3]").runs} == {None, 0.3}
    assert hashes("dnm", "dmix.thresholds=[0.3]") == hashes("dnm")


def test_readings_change_the_frame_and_no_run():
    assert hashes("ssmix", "reading.policy=last", "reading.margin=1.0") == hashes("ssmix")
    for run in plan_with("ssmix").runs:
        Records().put(fakes.done(run, 60.0 + run.seed))
    c = Companion("ssmix", train=False, options="reading.policy=last reading.margin=1.0 reading.floor=false")
    own = c.frame[c.frame["primary"]]
    assert set(own["policy"]) == {"last"}
    assert not own["floor"].any()
    assert c.evidence().margin == 1.0


def test_train_fraction_cuts_the_training_part_before_its_size(tmp_path):
    from mixutils.runs.execute import prepare_data
    from mixutils.runs.run import Run

    whole = Run("docs-coarse", "none", 0, policy="official", evaluate=("test",))
    full = len(prepare_data(whole)[0].splits["train"])
    cut = prepare_data(whole.with_(train_fraction=0.75))[0].splits
    assert len(cut["train"]) == round(0.75 * full)
    assert len(cut["test"]) == len(prepare_data(whole)[0].splits["test"])
    assert len(prepare_data(whole.with_(train_fraction=0.75, train_size=20))[0].splits["train"]) == 20


@pytest.mark.parametrize(("code", "option", "default", "value"), OPTIONS)
def test_every_reading_can_be_set_and_is_another_one(code, option, default, value):
    (wish,) = parse([f"{option}={value}"])
    if not (found := methods(wish)):
        assert default is None or parse([f"{option}={default}"])[0].value != wish.value
        return
    assert any(differing(m, {wish.what: wish.value}) for m in found)
    if default is not None:
        usual = {wish.what: parse([f"{option}={default}"])[0].value}
        assert not all(differing(m, usual) for m in found)


def test_every_option_of_a_mixer_that_a_paper_leaves_open_is_listed():
    """What is missing here has no reading: settings that are the method itself, or that a row is named after."""
    itself = {
        *("levels", "pairing", "clean", "select", "ratio", "ratio_draw", "alpha", "k", "mix", "input_weights"),
        *(
            "output_weights",
            "patch",
            "n",
            "width",
            "max_length",
            "count_channels",
            "tau",
            "m_train",
            "ball_scale",
            "mix_mask",
        ),
    }
    listed = {r["option"].partition(".")[2] for r in READINGS.values() if "option" in r}
    of_mixers = {name for method in REGISTRY for name in vars(build(method).options)}
    assert of_mixers - listed - itself == set()


def test_codes_have_what_a_reader_needs():
    for code, r in READINGS.items():
        assert {"place", "open", "read"} <= set(r), code
        assert not ("option" in r and "how" in r), code
        assert bool(r["others"]) == ("option" in r), code
        assert "option" in r or "default" not in r, code


@pytest.mark.parametrize(
    ("given", "options"),
    [
        ({"lr": "2e-5"}, [("recipe", "lr", 2e-5)]),
        ({"epochs": "3"}, [("recipe", "epochs", 3), ("recipe", "steps", 0)]),
        ({"batch_size": "16", "max_length": "64"}, [("recipe", "batch_size", 16), ("run", "max_length", 64)]),
        ({"class_weights": "balanced", "lr": None, "seeds": "3"}, [("recipe", "class_weights", "balanced")]),
    ],
)
def test_arguments_of_the_command_line_stand_for_options(given, options):
    assert list(parse(shortcuts(given))) == options


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("recipe.lr=0", "recipe.lr must be above 0 and at most 1, not 0"),
        ("recipe.lr=-1e-5", "above 0"),
        ("recipe.lr=nan", "not nan"),
        ("recipe.lr=20", "at most 1"),
        ("recipe.lr=fast", "recipe.lr takes a number, not 'fast'"),
        ("recipe.epochs=0", "recipe.epochs must be at least 1"),
        ("recipe.epochs=1.5", "a whole number"),
        ("recipe.batch_size=0", "recipe.batch_size must be at least 1"),
        ("recipe.warmup=2", "recipe.warmup must be at least 0 and at most 1"),
        ("recipe.betas=[0.9]", "recipe.betas must be two numbers"),
        ("recipe.betas=[0.9,1.5]", "recipe.betas must be two numbers"),
        ("run.max_length=2", "run.max_length must be at least 4 and at most 8192"),
        ("run.dropout=1.5", "run.dropout must be at least 0 and at most 0.99"),
        ("run.dropout=[1]", "run.dropout takes a number"),
        ("run.dropout=no-head", "dropout must be a number or one of no-embedding"),
        ("recipe.class_weights=even", "class_weights must be one of 'none', 'balanced'"),
    ],
)
def test_numbers_out_of_range_are_refused(option, words):
    with pytest.raises(ValueError, match=words.replace("[", r"\[")):
        parse(option)


def test_an_own_recipe_reaches_all_runs_of_the_comparison_and_runs_that_count_updates():
    given = {"lr": "0.01", "epochs": "2", "batch_size": "4", "max_length": "32"}
    recipes = {(r.recipe.lr, r.recipe.batch_size, r.max_length) for r in plan_with("compare", *shortcuts(given)).runs}
    assert recipes == {(0.01, 4, 32)}
    assert any(r.recipe.steps for r in plan_with("dnm").runs)
    assert {(r.recipe.epochs, r.recipe.steps) for r in plan_with("dnm", *shortcuts(given)).runs} >= {(2, 0)}
