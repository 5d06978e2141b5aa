"""Values of a notebook's parameters, whoever gives them: papermill's ``-p`` and ``-r``, YAML, the command line, a person."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

#: Parameter -> its default, whose type says what it takes.
PARAMETERS: dict[str, Any] = {
    "profile": "smoke",
    "data": "",
    "tasks": "",
    "encoder": "",
    "seeds": "",
    "train_size": -1,
    "methods": "",
    "train": True,
    "device": "auto",
    "jobs": 0,
    "hub": False,
    "options": "",
    "shuffle": "",
}
_TAKES = {bool: "true or false", int: "a whole number", str: "text"}
_TRUTH = dict.fromkeys(("true", "yes", "on", "1"), True) | dict.fromkeys(("false", "no", "off", "0"), False)


def parameters(given: Mapping[str, Any]) -> dict[str, Any]:
    """The companion's arguments from what people and programs give.

    Args:
        given: parameter -> value; None and "" leave a parameter at its default. Booleans may be words ("false", "no", 0),
            whole numbers may be text, names, seeds and options may be lists, folders may be paths.

    Raises:
        ValueError: a value that is none of these; the message names the parameter and what it takes.
        TypeError: a name that is no parameter; the message lists the known ones.
    """
    if unknown := set(given) - set(PARAMETERS):
        raise TypeError(f"there is no parameter {', '.join(sorted(unknown))}; there are {', '.join(PARAMETERS)}")
    out = dict(PARAMETERS)
    for name, value in given.items():
        if value is None or value == "":
            continue
        kind = type(PARAMETERS[name])
        if name == "seeds" and isinstance(value, list | tuple):
            value = [f"{seed}-{seed}" for seed in value]  # a single number would be how many
        try:
            out[name] = _convert(value, kind, " " if name == "options" else ",")
        except (KeyError, TypeError, ValueError):
            raise ValueError(f"the parameter {name} takes {_TAKES[kind]}, not {value!r}") from None
    return out


def _convert(value: Any, kind: type, separator: str = ",") -> bool | int | str:
    if kind is bool:
        return _TRUTH[str(value).strip().lower()]
    if kind is int:
        return int(str(value).strip().removesuffix(".0"))
    if isinstance(value, list | tuple):
        return separator.join(_convert(v, str) for v in value)
    if isinstance(value, bool) or not isinstance(value, str | int | Path):
        raise TypeError
    return str(value).strip()
