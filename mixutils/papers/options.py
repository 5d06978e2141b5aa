"""What a user changes by name: ``--option ssmix.short_partner=authors`` (SPEC chapter 8, and the options of its tables (e)).

A name is ``WHOSE.WHAT``. WHOSE is a registered mixer (``dmix,dmix-nt`` or ``dropmix-*`` for several), ``run`` or ``recipe``
for a field of every run, ``reading`` for how records are read, or a paper for a field of its ``[scope]``
(``dmix.tables.fig3`` for one within).
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import fields
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from .. import paths
from ..mixers import REGISTRY, build
from ..mixers.options import one_of
from ..runs.run import Run
from ..tasks.splits import policy_name
from ..tasks.wishes import METRICS
from ..training.loop import Recipe
from ..training.optim import OPTIMIZERS
from ..training.policies import check

#: Fields of ``Run`` that can be set for all runs; the others have parameters of their own, or are what a table compares.
RUN = ("policy", "train_fraction", "subset", "max_length", "dropout", "attention")
#: Fields that take one of a few names.
NAMES = {
    "subset": ("stratified", "balanced", "random", "fixed"),
    "optimizer": OPTIMIZERS,
    "schedule": ("linear", "constant"),
    "class_weights": ("none", "balanced"),
}
#: Numbers of runs and recipes: the least and the most, and whether the least itself is allowed.
RANGES = {
    "lr": (0, 1, False),
    "epochs": (1, 10_000, True),
    "steps": (0, 10_000_000, True),
    "batch_size": (1, 65_536, True),
    "weight_decay": (0, 1, True),
    "eps": (0, 1, False),
    "warmup": (0, 1, True),
    "clip": (0, 1e9, True),
    "mixer_lr": (0, 1e9, True),
    "eval_every": (0, 10_000_000, True),
    "eval_first": (0, 10_000_000, True),
    "max_length": (4, 8192, True),
    "dropout": (0, 0.99, True),
}
#: Arguments of the command line, and the options that they stand for. Who counts epochs does not count updates (DNM does).
SHORTCUTS = {
    "lr": ("recipe.lr={}",),
    "epochs": ("recipe.epochs={}", "recipe.steps=0"),
    "batch_size": ("recipe.batch_size={}",),
    "max_length": ("run.max_length={}",),
    "class_weights": ("recipe.class_weights={}",),
}
#: Arguments of ``evidence.read_as``, and of ``Evidence``.
READING, OF_EVIDENCE = ("policy", "metric", "floor"), ("margin",)
WHERE = "python -m mixutils readings lists them"


class Option(NamedTuple):
    """One wish; ``whose`` and ``what`` as in the name."""

    whose: str
    what: str
    value: Any


def parse(texts: str | Iterable[str]) -> tuple[Option, ...]:
    """Options from ``WHOSE.WHAT=VALUE``, separated by blanks where they are one text.

    A value is a number, true, false, a list ([3,4]) or else text; numbers and lists are written as in TOML.

    Raises:
        ValueError: a name that nothing answers to, or a value that it does not take; the message lists the right ones.
    """
    if isinstance(texts, str):
        texts = re.split(r"\s+(?=[^\s.=\[]+\.[\w.]+\s*=)", texts)
    found = [_parse(text) for text in texts if text.strip()]
    for option in found:
        _check(option)
    return tuple(found)


def _parse(text: str) -> Option:
    name, equals, value = text.partition("=")
    whose, dot, what = name.strip().partition(".")
    if not (equals and dot and whose and what and value.strip()):
        raise ValueError(f"an option is NAME.OPTION=VALUE, as in ssmix.short_partner=authors, not {text!r}")
    try:
        return Option(whose, what, paths.toml(f"x = {value}")["x"])
    except tomllib.TOMLDecodeError:
        return Option(whose, what, value.strip())


def readings() -> dict[str, dict[str, Any]]:
    """What the papers leave open, by code: the fields that ``readings.toml`` explains, values as text for the command line."""
    found = paths.facts("papers/readings")
    for entry in found.values():
        entry["others"] = [_written(v) for v in entry.get("others", ())]
        if "default" in entry:
            entry["default"] = _written(entry["default"])
    return found


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _check(option: Option) -> None:
    whose, what, value = option
    if whose == "run":
        _fits(f"run.{what}", what, value, {name: f for name, f in _types(Run).items() if name in RUN})
        Run("", "none", 0, **{what: value})
        if what == "policy":
            policy_name(value)
        _in_range(f"run.{what}", what, value)
        one_of(what, value, NAMES.get(what, (value,)))
    elif whose == "recipe":
        _fits(f"recipe.{what}", what, value, _types(Recipe))
        _in_range(f"recipe.{what}", what, value)
        one_of(what, value, NAMES.get(what, (value,)))
    elif whose == "reading":
        _fits(f"reading.{what}", what, value, {"policy": str, "metric": str, "floor": bool, "margin": float})
        if what == "policy" and value != "hold-out":
            check(value)
        if what == "metric" and value not in METRICS:
            raise ValueError(f"reading.metric is one of {', '.join(METRICS)}, not {value!r}")
    elif found := methods(option):
        for name in found:
            build(name, **{what: value})
    elif scope := _scope(whose):
        head = what.partition(".")[0]
        known = dict.fromkeys(_options(_mixers(whose))) | {k: type(v) for k, v in scope.items()}
        _fits(f"{whose}.{what}", head, scope.get(head) if "." in what else value, known)
    elif named := _mixers(whose):
        build(named[0], **{what: value})  # says what there is
    else:
        raise ValueError(f"no option begins with {whose!r}: it is run, recipe, reading, a paper or a mixer; {WHERE}")


def shortcuts(given: Mapping[str, Any]) -> list[str]:
    """The options that arguments of the command line stand for."""
    wanted = {name: given[name] for name in SHORTCUTS if given.get(name) is not None}
    return [option.format(value) for name, value in wanted.items() for option in SHORTCUTS[name]]


def _in_range(name: str, what: str, value: Any) -> None:
    if what == "betas" and (len(value) != 2 or not all(type(x) in (int, float) and 0 <= x < 1 for x in value)):
        raise ValueError(f"{name} must be two numbers of at least 0 and below 1, not {list(value)!r}")
    if what not in RANGES or isinstance(value, str):  # a dropout may be a name
        return
    if type(value) not in (int, float):
        raise ValueError(f"{name} takes a number, not {value!r}")
    low, high, least = RANGES[what]
    if not (low < value <= high or (least and value == low)):  # not a number is refused too
        raise ValueError(f"{name} must be {'at least' if least else 'above'} {low} and at most {high}, not {value!r}")


def _types(cls: type) -> dict[str, Any]:
    return {f.name: type(f.default) for f in fields(cls)}


def _fits(name: str, what: str, value: Any, known: Mapping[str, type]) -> None:
    if what not in known:
        raise ValueError(f"there is no option {name}; there are {', '.join(known)}")
    kind = known[what]
    if kind not in (type(None), type(value)) and not (kind is float and type(value) is int):
        words = {bool: "true or false", int: "a whole number", float: "a number", str: "text", tuple: "a list"}
        raise ValueError(f"{name} takes {words.get(kind, kind.__name__)}, not {value!r}")


def _scope(paper: str) -> dict[str, Any]:
    path = paths.PACKAGE / "papers" / f"{paper}.toml"
    return paths.facts(f"papers/{paper}").get("scope", {}) if path.is_file() else {}


def methods(option: Option) -> list[str]:
    """The registered mixers that an option is for and that have it."""
    return [m for m in _mixers(option.whose) if option.what in _options([m])]


def _options(mixers: Iterable[str]) -> list[str]:
    return [f.name for m in mixers for f in fields(REGISTRY[m].cls.Options)]


def _mixers(whose: str) -> list[str]:
    return [name for name in REGISTRY if any(fnmatchcase(name, pattern) for pattern in whose.split(","))]


def in_scope(paper: str, scope: dict[str, Any], options: Iterable[Option]) -> dict[str, Any]:
    """A paper's scope with the options in it."""
    for whose, what, value in options:
        head, _, inner = what.partition(".")
        if whose == paper and head in scope:
            scope = scope | {head: scope[head] | {inner: value} if inner else value}
    return scope


def of_readings(options: Iterable[Option], names: Iterable[str] = READING) -> dict[str, Any]:
    """What they say of how records are read."""
    return {what: value for whose, what, value in options if whose == "reading" and what in names}


def differing(method: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that are not the mixer's registered ones: only these are part of a run's name."""
    usual = build(method).options
    return {k: v for k, v in options.items() if getattr(usual, k) != v}
