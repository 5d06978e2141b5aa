"""The comparison of all methods: same encoder, data and budget, one stage, nobody tuned (SPEC chapter 10).

The plan is made of *blocks*: one task and one seed with all methods, finished before the next begins, so that whatever is
there compares like with like. All runs of a block compute in one precision, which is part of their configuration.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from types import SimpleNamespace

from .. import paths
from ..mixers import REGISTRY
from ..runs import environment
from ..runs.records import Record, Records
from ..runs.run import Run
from ..training.loop import Recipe
from .base import Cell, Column, Plan, Reading, column_run, opened, own_column, tasks_at_hand
from .profiles import Setting

_FACTS, PAPER, _, scope = opened("compare")
CONTROL = "none"
#: Batch size, weight decay and warm-up of every run.
PROTOCOL: dict[str, float] = _FACTS["recipe"]
#: For the notebook, per method: the rows that its own papers print, and its answers to the four questions.
REPORTED, ANSWERS = (paths.PACKAGE / "papers" / f"compare_{name}.csv" for name in ("reported", "answers"))
#: Tasks with more classes than the training rows would cover: twice the rows, half the passes, the same updates.
MANY_CLASSES = ("trec-fine", "docs-fine")
EVALUATIONS, TOKENS, PAIR_TOKENS = 5, 64, 96
RATES: tuple[float, ...] = _FACTS["search"]["rates"]
SEARCHED: tuple[str, ...] = _FACTS["search"]["tasks"]
LEARNING_RATES: dict[str, float] = _FACTS["search"]["chosen"]
#: The same for profiles with a fifth of the updates.
SHORT_RATES: dict[str, float] = _FACTS["search"]["short"]
#: For an encoder that nobody searched: what is usual for a BERT-base.
DEFAULT_RATE = 5e-5
SEARCH_SEED = 100
TABLE, SEARCH_TABLE = "compare", "learning rate"
SEARCH = ("", SEARCH_SEED)  # the search is one block over its tasks


def size(setting: Setting) -> SimpleNamespace:
    """What a setting computes: the profile's scope with the user's wishes.

    Raises:
        ValueError: a method that is not registered; the message lists the known ones.
    """
    of = scope(setting)
    methods = tuple(REGISTRY) if setting.methods == ("all",) else setting.methods or of.methods
    if unknown := [m for m in methods if m not in REGISTRY]:
        raise ValueError(f"no method is called {', '.join(unknown)}; there are all, {', '.join(REGISTRY)}")
    of.methods = (CONTROL, *(m for m in methods if m != CONTROL))
    of.tasks = setting.tasks or of.tasks
    if "train_size" in setting.chosen and setting.train_size:
        of.rows = setting.train_size
    return of


def train_sizes(setting: Setting) -> set[int | None]:
    """All training sizes that make a record one of this setting's."""
    return {size(setting).rows, 2 * size(setting).rows}


def learning_rate(setting: Setting) -> float:
    """The rate of every run on the setting's encoder, for its profile's number of updates."""
    rates = LEARNING_RATES | (SHORT_RATES if setting.profile.name in _FACTS["profiles"] else {})
    return rates.get(setting.encoder, DEFAULT_RATE)


def column(task: str, of: SimpleNamespace) -> Column:
    """A task: the checkpoint is chosen on "validation", and "test" is evaluated once, at that checkpoint."""
    policy = f"pool-{of.select}-{of.report}"
    return replace(own_column(task), policy=policy, select="validation", report="test", evaluate=("validation",))


def make_run(column: Column, method: str, seed: int, setting: Setting, precision: str, lr: float | None = None) -> Run:
    """One run of the comparison; its methods have their papers' own settings, as they are registered."""
    of = size(setting)
    many = column.task in MANY_CLASSES and "train_size" not in setting.chosen
    rows, passes = (2 * of.rows, of.passes // 2) if many else (of.rows, of.passes)
    usual = PROTOCOL
    every = math.ceil(math.ceil(rows * passes / usual["batch_size"]) / EVALUATIONS)
    lr = lr or learning_rate(setting)
    return column_run(
        column,
        method,
        seed,
        setting,
        Recipe(lr=lr, epochs=passes, carry=True, eval_every=every, **usual),
        train_size=rows,
        eval_size=None,
        max_length=PAIR_TOKENS if column.pair else TOKENS,
        final=("test",),
        final_policy="best-on-validation",
        dropout=REGISTRY[method].dropout,
        precision=precision,
    )


READING = Reading("best-on-validation", "test")


def plan(setting: Setting) -> Plan:
    """All blocks, in the order in which they are trained: every task with the first seed, then with the second."""
    of, here = size(setting), _here()
    have, absent = tasks_at_hand(of.tasks, setting)
    columns = [column(task, of) for task in have]
    seeds = setting.seeds_for(PAPER.seeds)

    def run(c: Column, method: str, seed: int) -> Run:
        precision = setting.blocks.get((c.task, seed), {}).get(method, here)
        return make_run(c, method, seed, setting, precision)

    cells = [Cell(TABLE, m, c.key, tuple(run(c, m, s) for s in seeds), READING) for c in columns for m in of.methods]
    blocks = {(c.task, s): [run(c, m, s) for m in of.methods] for s in seeds for c in columns}
    for c in columns:
        # A block that was continued in a second precision has its control in both: only equal ones are compared.
        again = tuple(control for s in seeds for control in _other_controls(blocks[c.task, s]))
        if again:
            cells.append(Cell(TABLE, CONTROL, c.key, again, READING))
            for control in again:
                blocks[c.task, control.seed].insert(0, control)
    search = search_cells(setting, columns)
    order = [r for cell in search for r in cell.runs] + [r for block in blocks.values() for r in block]
    return Plan("compare", setting, tuple(columns), (*cells, *search), absent=absent, order=tuple(order))


def _other_controls(block: list[Run]) -> list[Run]:
    control = next(r for r in block if r.method == CONTROL)
    others = dict.fromkeys(r.precision for r in block if r.precision != control.precision)
    return [control.with_(precision=p) for p in others]


def search_cells(setting: Setting, columns: Iterable[Column]) -> list[Cell]:
    """The runs that the learning rate was chosen by, one row per rate; none where no rate was searched."""
    if not searches(setting):
        return []
    precision = setting.blocks.get(SEARCH, {}).get(CONTROL, _here())
    reading = Reading("best-on-validation", "validation")
    return [
        Cell(SEARCH_TABLE, f"{rate:g}", c.key, (make_run(c, CONTROL, SEARCH_SEED, setting, precision, rate),), reading)
        for rate in RATES
        for c in columns
        if c.task in SEARCHED
    ]


def searches(setting: Setting) -> bool:
    """Whether the search is part of the plan, and its seed no other run's."""
    return setting.profile.name not in _FACTS["profiles"] and setting.encoder == "minilm"


def _here() -> str:
    """The precision of a block that begins on this machine."""
    return environment.resolve_precision("auto", environment.pick_device())


def adapt(setting: Setting, store: Records, showing: bool) -> Setting:
    """The setting with the precision of every block that has begun.

    Args:
        showing: to show records and not to train: then all methods and seeds that are recorded are part of the plan too.
    """
    of = size(setting)
    mine = {"policy": f"pool-{of.select}-{of.report}", "encoder": setting.encoder}
    found = [r for r in store.all() if r["status"] == "done" and mine.items() <= r["run"].items()]
    if showing and "methods" not in setting.chosen:
        recorded = {r["run"]["method"] for r in found}
        setting = replace(setting, methods=tuple(m for m in REGISTRY if m in recorded or m in of.methods))
    if showing and "seeds" not in setting.chosen:
        seeds = {r["run"]["seed"] for r in found} - ({SEARCH_SEED} if searches(setting) else set())
        setting = replace(setting, seeds=tuple(sorted(seeds | set(setting.seeds_for(PAPER.seeds)))))
    # A block is not left without the profile's own methods.
    of_profile = scope(setting).methods
    blocks = block_precisions(found, size(setting).methods, of_profile, not showing, searches(setting))
    return replace(setting, blocks=blocks)


def block_precisions(
    records: Iterable[Record],
    methods: tuple[str, ...],
    base: tuple[str, ...],
    can_train: bool = True,
    searched: bool = True,
) -> dict[tuple[str, int], dict[str, str]]:
    """(task, seed) -> method -> precision, for every block that has begun.

    A block goes on in the precision that most of it has. Where this machine cannot compute in it (bfloat16 is emulated, and
    slow beyond use, where the hardware has none), a block without all of its ``base`` methods starts anew; one that has
    them keeps them, and what is added to it is computed in this machine's precision, beside a control of its own.

    Args:
        can_train: false to show records: then what is there is shown, whatever this machine can do. searched: whether runs
            with the search's seed are the search's.
    """
    here = _here()
    done: dict[tuple[str, int], dict[str, set[str]]] = {}
    for record in records:
        run = record["run"]
        key = SEARCH if searched and run["seed"] == SEARCH_SEED else (run["task"], run["seed"])
        done.setdefault(key, {}).setdefault(run["precision"], set()).add(run["method"])

    def computable(precision: str) -> bool:
        return not can_train or precision != "bfloat16" or precision == here

    out = {}
    for key, by_precision in done.items():
        usable = {p: have for p, have in by_precision.items() if computable(p) or set(base) <= have}
        if not usable:
            continue
        main = max(usable, key=lambda p: (len(usable[p]), p == here))
        goes_on = main if computable(main) else here
        # A method stays where it is there beside a control, in the main precision first.
        places = [main, *(p for p in sorted(usable) if p != main and CONTROL in usable[p])]
        out[key] = {m: next((p for p in places if m in usable[p]), goes_on) for m in methods}
    return out
