"""Settings of a mixer: the type of a field says what its value may be, and anything else is refused by name."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from ..encoder.model import Mask

Positive = Annotated[float, "positive", lambda x: x > 0]
Share = Annotated[float, "between 0 and 1", lambda x: 0 <= x <= 1]
Count = Annotated[int, "at least 1", lambda x: x >= 1]
#: Type of a field -> types of its values, and what they are called.
_PLAIN = {bool: ((bool,), "true or false"), int: ((int,), "a whole number"), float: ((int, float), "a number")}
SENTENCE = "sentence"  # mixing level of the vector that enters the classifier
_LEVELS = range(13)
_types = cache(get_type_hints)  # it evaluates every annotation anew, and plans and frames make options by the hundred
#: Mixing levels, given for 12 layers; see ``model.scale_level``.
Levels = Annotated[tuple[int, ...], "numbers from 0 to 12", lambda v: v and all(x in _LEVELS for x in v)]
Places = Annotated[
    tuple[int | str, ...],
    "numbers from 0 to 12 or 'sentence'",
    lambda v: v and all(x in (*_LEVELS, SENTENCE) for x in v),
]


@dataclass(frozen=True)
class Options:
    """What the settings of all mixers have in common.

    A field of a ``Literal`` type takes the listed values, one of an ``Annotated`` type what its words say and its test accepts.

    Raises:
        ValueError: another value; the message lists the right ones.
    """

    def __post_init__(self) -> None:
        for name, kind in _types(type(self), include_extras=True).items():
            value = getattr(self, name)
            if get_origin(kind) is Literal:
                one_of(name, value, get_args(kind))
                continue
            plain, words, fits = kind, "", lambda value: True
            if get_origin(kind) is Annotated:
                plain, (words, fits) = kind.__origin__, kind.__metadata__
            kinds, called = _PLAIN.get(plain, ((type(value),), ""))
            if type(value) not in kinds:
                raise ValueError(f"{name} must be {called}{words and ', ' + words}, not {value!r}")
            try:
                good = fits(value)
            except TypeError:  # a list of what cannot be compared
                good = False
            if not good:
                raise ValueError(f"{name} must be {words}, not {value!r}")


@dataclass(frozen=True)
class RatioOptions(Options):
    """Settings of mixing by a scalar ratio from a Beta draw; defaults are those of SPEC 1.4."""

    alpha: Positive = 1.0  # parameter of Beta(alpha, alpha); 0.2 in SSMix
    beta_fold: bool = False  # max(lambda, 1 - lambda) on the first text; true in SSMix
    draw: Literal["batch", "example"] = "batch"  # one ratio for all rows or for each (SPEC SA14)
    mix_mask: Mask = "union"  # who may be attended to above the level (SPEC 1.3)


def options_from(cls: type, given: dict[str, Any], name: str) -> Any:
    """The options dataclass with the given fields; an unknown one is a ValueError that lists the right ones."""
    known = [f.name for f in fields(cls)]
    if unknown := [k for k in given if k not in known]:
        raise ValueError(f"{name} has no option {', '.join(unknown)}; its options: {', '.join(known) or 'none'}")
    return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in given.items()})


def one_of(name: str, value: Any, allowed: tuple) -> None:
    """Refuse a value outside a list, and say the list."""
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}, not {value!r}")
