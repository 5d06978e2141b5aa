"""How much is computed: profiles, and the setting that a profile and a user's wishes make together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .. import paths
from ..encoder.load import resolved
from .options import Option, parse


@dataclass(frozen=True)
class Profile:
    """One size of the whole companion.

    Attributes:
        name, purpose: for people.
        encoder: see ``encoders``. seeds: number of seeds, counted from 0; 0 leaves it to the papers.
        train_size, eval_size: rows at most; None: all.
        batch_size: replaces every paper's batch size; None: leave it. Small training sets need small batches to make
            enough updates.
        lr_scale: factor on every paper's learning rate. The papers' rates are for BERT-base; MiniLM has a third of its
            width and wants more. The factors were chosen on the unmixed baseline alone (docs/deviations.md, P1).
        max_length: tokens at most, where a paper allows more; attention to long pairs is what small machines lack time for.
        use_hub: whether the hub may be asked. needs_gpu: refuse to start without one.
        builtin_only: built-in tasks whatever data are at hand, so that tests and notebooks do not depend on them.
        comparable: whether its numbers mean anything.
        multilingual: encoder of texts that are not English, where a paper takes another one for them; "" for none.
        papers: what is computed where nothing is named; () for everything that has a plan.
        resumes: whether training goes on from the records that come with the checkout.
    """

    name: str
    purpose: str
    encoder: str
    seeds: int = 0
    train_size: int | None = None
    eval_size: int | None = None
    batch_size: int | None = None
    lr_scale: float = 1.0
    max_length: int = 512
    use_hub: bool = False
    needs_gpu: bool = False
    builtin_only: bool = False
    comparable: bool = True
    multilingual: str = ""
    papers: tuple[str, ...] = ()
    resumes: bool = False


PROFILES = {name: Profile(name, **fields) for name, fields in paths.facts("papers/profiles").items()}


@dataclass(frozen=True)
class Setting(Profile):
    """What a paper's plan is made for: the fields of a profile, with a user's wishes in them.

    Attributes:
        profile: the profile it comes from, without them. seeds: run seeds; () means the paper's own number.
        tasks: the tasks to run, or None for the profile's own choice.
        recorded: tasks of which records are at hand, so that they can be shown without their data; () when training.
        chosen: names of the fields that the user has set. A paper's own limits under a profile leave those alone.
        methods: for the comparison of all methods: names of registered mixers, or "all"; () for the profile's own choice.
        options: what is changed by name, see ``papers.options``.
        blocks: (task, seed) -> method -> precision, for blocks of the comparison that have begun; see ``papers.compare``.
        tuned: what grids of hyperparameters preferred, where they are trained; see ``papers.tuning``.
    """

    profile: Profile = field(kw_only=True)
    seeds: tuple[int, ...] = ()
    tasks: tuple[str, ...] | None = None
    recorded: tuple[str, ...] = ()
    chosen: frozenset[str] = frozenset()
    methods: tuple[str, ...] = ()
    options: tuple[Option, ...] = ()
    blocks: Mapping[tuple[str, int], Mapping[str, str]] = field(default_factory=dict)
    tuned: Mapping[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)

    def encoder_for(self, language: str) -> str:
        """The encoder of texts in a language: the multilingual one, if there is one, for all but English."""
        return self.multilingual if self.multilingual and language != "English" else self.encoder

    def seeds_for(self, paper_seeds: int) -> tuple[int, ...]:
        """The seeds of a plan; the paper's number where the profile leaves it open."""
        return self.seeds or tuple(range(paper_seeds))

    def capped(self, most: int) -> int | None:
        """Training rows of a run: at most ``most`` (0: no limit) where the user left the number to the profile; None: all."""
        size = self.train_size
        return size if not most or size is None or "train_size" in self.chosen else min(size, most)


MOST_SEEDS, LARGEST_SEED = 1000, 2**31 - 1


def parse_seeds(text: str) -> tuple[int, ...]:
    """ "5" means seeds 0 to 4; "0,3,7" and "0-4" name them.

    Raises:
        ValueError: anything else.
    """
    try:
        pieces = [piece.strip().partition("-") for piece in text.split(",")]
        ends = [(int(first), int(last or first)) for first, _, last in pieces]
        if text.strip().isdigit():
            ends = [(0, int(text) - 1)]
    except ValueError:
        ends = []
    if any(high > LARGEST_SEED for _, high in ends) or sum(high - low for low, high in ends) >= MOST_SEEDS:
        raise ValueError(f"seeds are at most {MOST_SEEDS:,} numbers from 0 to {LARGEST_SEED:,}, not {text[:80]!r}")
    out = [seed for low, high in ends for seed in range(low, high + 1)]
    if not out:  # a typing error, no number of seeds, or a range that runs backwards
        raise ValueError(f"seeds are a number (5), a list (0,3,7) or a range (0-4), not {text[:80]!r}")
    return tuple(dict.fromkeys(out))


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def make_setting(
    profile: str,
    *,
    encoder: str | None = None,
    seeds: str | int | None = None,
    tasks: str | None = None,
    train_size: int | None = None,
    use_hub: bool | None = None,
    methods: str | None = None,
    options: str | Iterable[str] | None = None,
) -> Setting:
    """The setting of a profile with a user's wishes.

    Args:
        seeds: see ``parse_seeds``. tasks, methods: names separated by commas; methods may be "all". train_size: rows, 0
            for all. options: see ``papers.options.parse``.

    Raises:
        ValueError: an unknown profile or malformed value; the message lists what is known.
    """
    if profile not in PROFILES:
        raise ValueError(f"no profile is called {profile!r}; there are {', '.join(PROFILES)}")
    if (train_size or 0) < 0:
        raise ValueError(f"train_size must be positive, or 0 for all rows, not {train_size}")
    p = PROFILES[profile]
    fields: dict[str, Any] = vars(p) | {"profile": p, "seeds": tuple(range(p.seeds))}
    if encoder:
        encoder = resolved(encoder)
        # The factor belongs to the profile's encoder; another encoder gets the papers' own rates.
        # It is also the one for every language.
        fields |= {"encoder": encoder, "lr_scale": p.lr_scale if encoder == p.encoder else 1.0, "multilingual": ""}
    if use_hub is not None:
        fields["use_hub"] = use_hub
    if tasks:
        fields["tasks"] = _names(tasks) or None
    chosen: dict[str, Any] = {}
    if options:
        fields["options"] = parse(options)
    if seeds not in (None, ""):
        chosen["seeds"] = parse_seeds(str(seeds))
    if methods:
        chosen["methods"] = _names(methods)
    if train_size is not None:
        chosen["train_size"] = train_size or None
    return Setting(**fields | chosen, chosen=frozenset(chosen))
