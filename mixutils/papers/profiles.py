"""How much is computed: profiles, and the setting that a profile and a user's wishes make together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Profile:
    """One size of the whole companion.

    Attributes:
        name, purpose: for people.
        encoder: see ``encoders``. seeds: number of seeds, counted from 0.
        train_size, eval_size: rows at most; None: all.
        batch_size: replaces every paper's batch size; None: leave it. Small training sets need small batches to make
            enough updates.
        lr_scale: factor on every paper's learning rate. The papers' rates are for BERT-base; MiniLM has a third of its
            width and wants more. The factors were chosen on the unmixed baseline alone (README, "Deviations", P1).
        max_length: tokens at most, where a paper allows more; attention to long pairs is what small machines lack time for.
        use_hub: whether the hub may be asked. needs_gpu: refuse to start without one.
        builtin_only: built-in tasks whatever data are at hand, so that tests and notebooks do not depend on them.
        comparable: whether its numbers mean anything.
        multilingual: encoder of texts that are not English, where a paper takes another one for them; "" for none.
        papers: what is computed where nothing is named; () for the five papers and the comparison of all methods.
        resumes: whether training goes on from the records that come with the checkout.
    """

    name: str
    purpose: str
    encoder: str
    seeds: int
    train_size: int | None
    eval_size: int | None
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


FIVE = ("ssmix", "dmix", "dmix_short", "dnm", "dropmix")

PROFILES = {
    p.name: p
    for p in (
        Profile(
            "smoke",
            "notebook defaults and tests: seconds, numbers mean nothing",
            "random:tiny",
            2,
            48,
            48,
            batch_size=16,
            lr_scale=10.0,
            builtin_only=True,
            comparable=False,
        ),
        Profile(
            "laptop",
            "default on a CPU: minutes, small training sets",
            "minilm",
            2,
            96,
            100,
            batch_size=16,
            lr_scale=8.0,
            max_length=64,
        ),
        Profile(
            "desk",
            "hours on 2 cores, under an hour on a GPU: at most 500 training rows, 5 seeds",
            "minilm",
            5,
            500,
            500,
            lr_scale=8.0,
            papers=FIVE,
        ),
        Profile(
            "compare",
            "one protocol for all methods (SPEC 10): 18 methods, 12 tasks, 2 seeds; a day of one core without bfloat16 units",
            "minilm",
            2,
            None,
            None,
            papers=("compare",),
            resumes=True,
        ),
        Profile(
            "full",
            "the papers' scale: their encoder, data sets, seeds and steps; needs a GPU",
            "google-bert/bert-base-uncased",
            0,
            None,
            None,
            use_hub=True,
            needs_gpu=True,
            multilingual="google-bert/bert-base-multilingual-uncased",
            papers=FIVE,
        ),
    )
}


@dataclass(frozen=True)
class Setting:
    """What a paper's plan is made for.

    Attributes:
        profile: the profile it comes from. seeds: run seeds; () means the paper's own number.
        tasks: the tasks to run, or None for the profile's own choice.
        recorded: tasks of which records are at hand, so that they can be shown without their data; () when training.
        chosen: names of the fields that the user has set. A paper's own limits under a profile leave those alone.
        methods: for the comparison of all methods: names of registered mixers, or "all"; () for the profile's own choice.
        blocks: (task, seed) -> method -> precision, for blocks of the comparison that have begun; see ``papers.compare``.
        Other fields: as in ``Profile``.
    """

    profile: Profile
    encoder: str
    seeds: tuple[int, ...]
    tasks: tuple[str, ...] | None
    train_size: int | None
    eval_size: int | None
    batch_size: int | None
    lr_scale: float
    use_hub: bool
    recorded: tuple[str, ...] = ()
    multilingual: str = ""
    chosen: frozenset[str] = frozenset()
    methods: tuple[str, ...] = ()
    blocks: Mapping[tuple[str, int], Mapping[str, str]] = field(default_factory=dict)

    def encoder_for(self, language: str) -> str:
        """The encoder of texts in a language: the multilingual one, if there is one, for all but English."""
        return self.multilingual if self.multilingual and language != "English" else self.encoder

    def seeds_for(self, paper_seeds: int) -> tuple[int, ...]:
        """The seeds of a plan; the paper's number where the profile leaves it open."""
        return self.seeds or tuple(range(paper_seeds))


def parse_seeds(text: str) -> tuple[int, ...]:
    """ "5" means seeds 0 to 4; "0,3,7" and "0-4" name them.

    Raises:
        ValueError: anything else.
    """
    try:
        if text.strip().isdigit():
            out = list(range(int(text)))
        else:
            ends = [piece.strip().partition("-") for piece in text.split(",")]
            out = [seed for first, _, last in ends for seed in range(int(first), int(last or first) + 1)]
    except ValueError:
        out = []
    if not out:  # a typing error, no number of seeds, or a range that runs backwards
        raise ValueError(f"seeds are a number (5), a list (0,3,7) or a range (0-4), not {text!r}")
    return tuple(dict.fromkeys(out))


def make_setting(
    profile: str,
    *,
    encoder: str | None = None,
    seeds: str | int | None = None,
    tasks: str | None = None,
    train_size: int | None = None,
    use_hub: bool | None = None,
    methods: str | None = None,
) -> Setting:
    """The setting of a profile with a user's wishes.

    Args:
        seeds: see ``parse_seeds``. tasks, methods: names separated by commas; methods may be "all". train_size: rows, 0
            for all.

    Raises:
        ValueError: an unknown profile or malformed value; the message lists what is known.
    """
    if profile not in PROFILES:
        raise ValueError(f"no profile is called {profile!r}; there are {', '.join(PROFILES)}")
    p = PROFILES[profile]
    setting = Setting(
        p,
        p.encoder,
        tuple(range(p.seeds)),
        None,
        p.train_size,
        p.eval_size,
        p.batch_size,
        p.lr_scale,
        p.use_hub if use_hub is None else use_hub,
        multilingual=p.multilingual,
    )
    if encoder:
        # The factor belongs to the profile's encoder; another encoder gets the papers' own rates.
        # It is also the one for every language.
        scale = p.lr_scale if encoder == p.encoder else 1.0
        setting = replace(setting, encoder=encoder, lr_scale=scale, multilingual="")
    if seeds not in (None, ""):
        setting = replace(setting, seeds=parse_seeds(str(seeds)), chosen=setting.chosen | {"seeds"})
    if tasks:
        setting = replace(setting, tasks=tuple(dict.fromkeys(t.strip() for t in tasks.split(",") if t.strip())) or None)
    if methods:
        names = tuple(dict.fromkeys(n.strip() for n in methods.split(",") if n.strip()))
        setting = replace(setting, methods=names, chosen=setting.chosen | {"methods"})
    if train_size is not None:
        if train_size < 0:
            raise ValueError(f"train_size must be positive, or 0 for all rows, not {train_size}")
        setting = replace(setting, train_size=train_size or None, chosen=setting.chosen | {"train_size"})
    return setting
