"""What a paper is here: columns, cells, a plan.

A table is a grid of *cells*. A cell is a list of runs, one per seed, and a *reading* of their records. Tables, figures and
verdicts are functions of cells and records only; which runs a plan needs follows from its cells.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import SimpleNamespace
from typing import Any

from .. import paths
from ..encoder.load import english
from ..runs.records import Records
from ..runs.run import Run
from ..tasks import BUILTIN, DataError, at_hand, known, language, own_wishes, spec
from ..tasks.load import unknown
from ..training.loop import Recipe
from ..wording import counted
from .options import in_scope
from .profiles import Setting


@dataclass(frozen=True)
class Reading:
    """How a number, in percent, is read from a run's record (``evidence.frame`` reads it).

    Attributes:
        policy: checkpoint policy by name. split, metric: which number.
        floor: also look at the run it started from and take the larger value: "best accuracy among both training with
            and without mixup" (SPEC SA18).
    """

    policy: str
    split: str
    metric: str = "accuracy"
    floor: bool = False


@dataclass(frozen=True)
class Cell:
    """One cell of one table.

    Attributes:
        table, row, column: as in ``published``; columns without a published number have their task's id.
        runs: one per seed. reading: see there.
        held: the runs of the reading that a hold-out selects, where it leaves them fewer training rows than ``runs``
            have; () where the same runs are read both ways.
    """

    table: str
    row: str
    column: str
    runs: tuple[Run, ...]
    reading: Reading
    held: tuple[Run, ...] = ()

    def records(self, store: Records) -> list[dict[str, Any]]:
        """The done records behind the cell."""
        return [r for r in map(store.get, self.runs) if r is not None and r["status"] == "done"]

    def missing(self, store: Records) -> str:
        """Why the cell is not full, or ""."""
        runs = (*self.runs, *self.held)
        failed, done = sum(map(store.failed, runs)), sum(map(store.done, runs))
        if failed:
            return f"{failed} of {counted(len(runs), 'run')} failed"
        if done < len(runs):
            return f"{len(runs) - done} of {counted(len(runs), 'run')} not done"
        starts = [store.start(r) for r in self.records(store) if self.reading.floor and r["run"].get("start")]
        lost = sum(start is None or start["status"] != "done" for start in starts)
        return f"{lost} of {len(self.runs)} runs have lost the record of their start" if lost else ""


@dataclass(frozen=True)
class Column:
    """A column of a result table: a task, and how runs on it are cut and read."""

    key: str  # published column, or the task's id
    task: str
    title: str
    policy: str  # split policy of the runs
    select: str  # part that chooses the checkpoint
    report: str  # part whose number is printed
    evaluate: tuple[str, ...]  # parts that runs are evaluated on
    pair: bool = False
    published: bool = True  # whether the paper prints this column


@dataclass(frozen=True)
class Plan:
    """Everything that a paper's notebooks show under one setting.

    Attributes:
        cells: of all tables. extra: runs behind figures only. absent: published columns without data, and why.
        order: runs that are trained first, in this order. first: those that decide what the others are: hyperparameters that
            are not chosen yet. The plan is made again after them.
    """

    paper: str
    setting: Setting
    columns: tuple[Column, ...]
    cells: tuple[Cell, ...]
    extra: tuple[Run, ...] = ()
    absent: dict[str, str] = field(default_factory=dict)
    order: tuple[Run, ...] = ()
    first: tuple[Run, ...] = ()

    @property
    def runs(self) -> list[Run]:
        """All runs, each once, starts before what starts from them."""
        out: dict[str, Run] = {}

        def add(run: Run) -> None:
            if run.start is not None:
                add(run.start)
            out.setdefault(run.hash, run)

        for run in (*self.order, *(r for cell in self.cells for r in (*cell.runs, *cell.held)), *self.extra):
            add(run)
        return list(out.values())

    def cell(self, table: str, row: str, column: str) -> Cell | None:
        return self._index.get((table, row, column))

    @cached_property
    def _index(self) -> dict[tuple[str, str, str], Cell]:
        return {(c.table, c.row, c.column): c for c in self.cells}

    def table(self, name: str) -> list[Cell]:
        return [c for c in self.cells if c.table == name]


@dataclass(frozen=True)
class Paper:
    """What is fixed about a paper; ``name`` is how texts call it, ``codes`` how its readings begin, ``notebooks`` in the order in which they are executed, the paper's own first; ``spread`` is what
    it prints after ±, "" where that is nothing (SPEC 1.6)."""

    key: str
    name: str
    title: str
    authors: str
    venue: str
    url: str
    seeds: int
    notebooks: tuple[str, ...]
    bibtex: str
    spread: str = ""
    codes: tuple[str, ...] = ()

    def cite(self) -> str:
        return ", ".join(filter(None, (self.authors, f"*{self.title}*", self.venue, self.url)))


def columns_of(table: dict[str, dict[str, Any]], **usual: Any) -> tuple[Column, ...]:
    """The columns that a paper prints.

    Args:
        table: key -> fields of ``Column``; ``task`` is the key unless said. usual: fields of all columns that do not say
            otherwise. Runs are evaluated on the part that selects and on the one that is reported.
    """
    out = []
    for key, own in table.items():
        fields = {"task": key} | usual | own
        fields.setdefault("evaluate", tuple(dict.fromkeys((fields["select"], fields["report"]))))
        out.append(Column(key, pair=spec(fields["task"]).pair, **fields))
    return tuple(out)


def split_off(table: dict[str, dict[str, Any]], name: str) -> dict[str, tuple[Any, dict[str, Any]]]:
    """Row -> one field of it, and all others: of ``{ method = "tmix", alpha = 0.2 }`` the method and its options."""
    return {row: (of[name], {k: v for k, v in of.items() if k != name}) for row, of in table.items()}


def opened(key: str, **usual: Any) -> tuple[dict, Paper, tuple[Column, ...], Callable[[Setting], SimpleNamespace]]:
    """What a paper's module begins with: all of ``KEY.toml``, the paper, its columns, and its scope.

    Args:
        usual: as in ``columns_of``.

    Returns:
        The last is what profiles compute of a paper: the fields of ``[scope]``, which its file explains, and what a profile
        and the user say otherwise.

    Raises:
        ValueError: a profile has a field that ``[scope]`` has not.
    """
    facts = paths.facts(f"papers/{key}")
    scope, profiles = facts["scope"], facts["profiles"]
    if unknown := [f"{name}.{field}" for name, own in profiles.items() for field in own if field not in scope]:
        raise ValueError(f"fields that [scope] does not have: {', '.join(unknown)}")
    columns = columns_of(facts.get("columns", {}), **usual)
    of_setting = lambda s: SimpleNamespace(**in_scope(key, scope | profiles.get(s.profile.name, {}), s.options))  # noqa: E731
    return facts, Paper(key, **facts["paper"]), columns, of_setting


def choose_columns(
    columns: Iterable[Column], setting: Setting, own: tuple[str, ...], stand_ins: tuple[str, ...]
) -> tuple[tuple[Column, ...], dict[str, str]]:
    """The columns that can be filled, and why the others cannot.

    Args:
        columns: all that the paper prints. setting: its ``tasks``, if given, override ``own``.
        own: ids (column or task) that the profile restricts itself to, () for all.
        stand_ins: built-in tasks that take over, under their own names, where none of the wanted data is at hand. Beside
            columns that are there only as records, those that are recorded too.

    Returns:
        Columns to run, and published key -> reason for the rest. The title of a text that the encoder cannot read says so.

    Raises:
        DataError: the user's ``tasks`` name something that nothing answers to, or nothing that is at hand.
    """
    columns, name = list(columns), setting.profile.name
    if setting.profile.builtin_only and setting.tasks is None:
        why = f"the {name} profile runs built-in tasks only"
        return tuple(map(own_column, stand_ins)), {c.key: why for c in columns}
    wanted = setting.tasks or own
    names = {c.key: {c.key, c.task, c.key.split("/")[0]} for c in columns}
    others = [t for t in setting.tasks or () if not any(t in n for n in names.values())]
    refuse_unknown(others, setting)
    chosen, absent, with_data = [], {}, False
    for column in (*columns, *map(own_column, others)):
        if wanted and not names.get(column.key, {column.key}) & set(wanted):
            absent[column.key] = "not asked for" if setting.tasks else f"not in the {name} profile"
            continue
        ok, reason = at_hand(column.task, setting.use_hub)
        with_data |= ok
        if ok or column.task in setting.recorded:
            chosen.append(column)
        else:
            absent[column.key] = reason
    if not chosen and setting.tasks:
        raise none_at_hand({k: v for k, v in absent.items() if names.get(k, {k}) & set(setting.tasks)})
    if not setting.tasks and not with_data:
        chosen += [own_column(t) for t in stand_ins if not chosen or t in setting.recorded]
    return tuple(_foreign(c, setting) for c in chosen), absent


def refuse_unknown(tasks: Iterable[str], setting: Setting) -> None:
    """Raises a DataError where a task is one that nothing answers to, now or in the records."""
    for task in tasks:
        if task not in known() and task not in setting.recorded:
            raise unknown(task)


def tasks_at_hand(own: Iterable[str], setting: Setting) -> tuple[list[str], dict[str, str]]:
    """Of the user's tasks, or else of a plan's own: those whose data are at hand or recorded; the others, and why.

    Raises:
        DataError: the user names something that nothing answers to, or nothing that is at hand.
    """
    refuse_unknown(setting.tasks or (), setting)
    have, absent = [], {}
    for task in setting.tasks or own:
        ok, reason = at_hand(task, setting.use_hub)
        if ok or task in setting.recorded:
            have.append(task)
        else:
            absent[task] = reason
    if setting.tasks and not have:
        raise none_at_hand(absent)
    return have, absent


def none_at_hand(absent: Mapping[str, str]) -> DataError:
    """The error where no wanted data set is there; task -> why."""
    return DataError(f"none of the wanted data sets is at hand ({'; '.join(f'{k}: {v}' for k, v in absent.items())})")


def _foreign(column: Column, setting: Setting) -> Column:
    of_texts = language(column.task)
    if of_texts == "English" or not english(setting.encoder_for(of_texts)):
        return column
    return replace(column, title=f"{column.title} (English encoder on {of_texts} text)")


def own_column(task: str) -> Column:
    """A column for a task that the paper does not know: built-in, of another paper, or a user's own."""
    entry = spec(task)
    if entry is None:
        policy = own_wishes(task).policy
        title, pair = BUILTIN.get(task, task), task == "docs-pair"
        return Column(task, task, title, policy, "test", "test", ("test",), pair, published=False)
    # Every policy but "official" makes a test part; official ones report the first part that is not for training.
    report = next(part for part in entry.parts if part != "train") if entry.policy == "official" else "test"
    return Column(task, task, entry.title, entry.policy, report, report, (report,), entry.pair, published=False)


def settle(column: Column) -> Column:
    """A column that the paper does not print selects on validation too, where its split has such a part."""
    if column.published or column.policy == "official":
        return column
    return replace(column, select="validation", evaluate=("validation", column.report))


def scaled(setting: Setting, lr: float, batch_size: int, **recipe: Any) -> Recipe:
    """A paper's recipe under a setting, which may have another learning rate and batch size (deviation P1)."""
    return Recipe(lr=lr * setting.lr_scale, batch_size=setting.batch_size or batch_size, **recipe)


def column_run(
    c: Column, method: str, seed: int, setting: Setting, recipe: Recipe, longest: int = 128, **own: Any
) -> Run:
    """One run on a column, with all that the setting decides.

    Args:
        longest: tokens at most, where the profile allows as many. own: fields of ``Run`` that are the paper's.
    """
    usual = {"encoder": setting.encoder, "train_size": setting.train_size, "eval_size": setting.eval_size}
    usual |= {"policy": c.policy, "evaluate": c.evaluate, "max_length": min(longest, setting.profile.max_length)}
    options = tuple(own.pop("options", {}).items())
    return Run(c.task, method, seed, options, recipe=recipe, **usual | own)
