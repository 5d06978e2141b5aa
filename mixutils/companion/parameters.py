"""Values of a notebook's parameters, whoever gives them: papermill's ``-p`` and ``-r``, YAML, the command line, a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


def _text(value: Any) -> str:
    if isinstance(value, str | Path) and not isinstance(value, bool):
        return str(value).strip()
    raise ValueError("text")


def _names(value: Any) -> str:
    """Names separated by commas, or a list of them."""
    if isinstance(value, list | tuple):
        return ",".join(_text(v) for v in value)
    return _text(value)


def _seeds(value: Any) -> str:
    """A number of seeds, a list or a range of them."""
    if isinstance(value, list | tuple):
        return ",".join(f"{_whole(v)}-{_whole(v)}" for v in value)  # a single number would be how many
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else _text(value)


def _whole(value: Any) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    try:
        return int(value.strip()) if isinstance(value, str) else _whole(None)
    except (ValueError, RecursionError):
        raise ValueError("a whole number") from None


def _truth(value: Any) -> bool:
    word = str(value).strip().lower()
    if isinstance(value, bool | int | str) and word in (*_TRUE, *_FALSE):
        return word in _TRUE
    raise ValueError("true or false")


def _seed(value: Any) -> str:
    """A seed as text, "" for none."""
    text = str(value).strip() if isinstance(value, int) and not isinstance(value, bool) else _text(value)
    if text and not text.isdecimal():
        raise ValueError("a seed, a whole number of at least 0, or empty")
    return text


#: Parameter -> (what makes of a value what the companion takes, its default).
PARAMETERS: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "profile": (_text, "smoke"),
    "data": (_text, ""),
    "tasks": (_names, ""),
    "encoder": (_text, ""),
    "seeds": (_seeds, ""),
    "train_size": (_whole, -1),
    "methods": (_names, ""),
    "train": (_truth, True),
    "device": (_text, "auto"),
    "jobs": (_whole, 0),
    "hub": (_truth, False),
    "shuffle": (_seed, ""),
}


def parameters(given: Mapping[str, Any]) -> dict[str, Any]:
    """The companion's arguments from what people and programs give.

    Args:
        given: parameter -> value; None leaves a parameter at its default. Booleans may be words ("false", "no", 0), whole
            numbers may be text, names and seeds may be lists, folders may be paths.

    Raises:
        ValueError: a value that is none of these; the message names the parameter and what it takes.
        TypeError: a name that is no parameter; the message lists the known ones.
    """
    if unknown := set(given) - set(PARAMETERS):
        raise TypeError(f"there is no parameter {', '.join(sorted(unknown))}; there are {', '.join(PARAMETERS)}")
    out = {}
    for name, (convert, default) in PARAMETERS.items():
        value = given.get(name)
        if value is None or (value == "" and default != ""):
            out[name] = default
            continue
        try:
            out[name] = convert(value)
        except ValueError as error:
            raise ValueError(f"the parameter {name} takes {error}, not {value!r}") from None
    return out
