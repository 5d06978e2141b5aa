"""DMIX (adaptive): the plans of its tables and figures (SPEC chapter 2; ids as in the SPEC and in FIGURES).

One stage of five epochs with BERTAdam for every row [P]; the checkpoint with the best F1 on validation reports [R]. The paper
tunes T and prints neither grid nor values: tables take T = 0.7, the grid is Figure 3's (SPEC 2(c)).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..runs.run import Run
from ..tasks import spec
from ..training.loop import Recipe
from .base import Cell, Column, Paper, Plan, Reading, capped, choose_columns, scaled
from .profiles import Setting

PAPER = Paper(
    "dmix",
    "DMIX: Adaptive Distance-aware Interpolative Mixup",
    "Ramit Sawhney, Megh Thakkar, Shrey Pandit, Ritesh Soun, Di Jin, Diyi Yang and Lucie Flek",
    "ACL 2022, short papers",
    "https://aclanthology.org/2022.acl-short.67",
    10,
    """@inproceedings{sawhney2022dmix,
  title = {{DM}ix: Adaptive Distance-aware Interpolative Mixup},
  author = {Sawhney, Ramit and Thakkar, Megh and Pandit, Shrey and Soun, Ritesh and Jin, Di and Yang, Diyi and Flek, Lucie},
  booktitle = {Proceedings of the 60th Annual Meeting of the Association for Computational Linguistics (Short Papers)},
  year = {2022}
}""",
)

METRIC = "f1_micro"  # "F1" without an average in the paper (SPEC 1.5, DA22)
#: What claims read in its place: on TRAC a constant guess is above the printed values in micro F1 (SPEC 1.5).
CLAIMED = {"trac": "f1_weighted"}
PARTS = ("validation", "test")


def column(key: str, title: str, policy: str) -> Column:
    """A column that selects on validation and reports test, whatever made these parts (SPEC 2(b), DA23)."""
    return Column(key, key, title, policy, "validation", "test", PARTS)


COLUMNS = (
    column("trac", "TRAC", "holdout"),
    column("trec-coarse", "TREC coarse", "holdout"),
    column("trec-fine", "TREC fine", "holdout"),
    column("cola", "CoLA", "holdout"),
    column("sst2-10k", "SST-2", "official"),
    column("ahs", "AHS", "auto"),
    column("ttc", "TTC", "tenths"),
    column("hasoc", "HASOC", "holdout"),
)

#: Partners come from the whole training set for every method, so that they differ in selection and ratio (SPEC DA20).
_RANDOM = {"pairing": "dataset"}
#: Printed row -> method and options.
ROWS: dict[str, tuple[str, dict]] = {
    "f_theta": ("none", {}),
    "WMix": ("wordmix", _RANDOM),
    "SMix": ("senmix", _RANDOM),
    "TMix": ("tmix", _RANDOM),
    "DMix": ("dmix", {}),
    "DMix NT": ("dmix-nt", {}),
    "Euc-DMix": ("euc-dmix", {}),
    "Euc-DMix NT": ("euc-dmix-nt", {}),
    "M-Ratio": ("m-ratio", {}),
    "M-Threshold": ("m-threshold", {}),
    "EMix": ("emix", {}),
    "SSMix": ("ssmix", {}),
}
TABLES: dict[str, tuple[str, ...]] = {
    "2": ("f_theta", "WMix", "SMix", "TMix", "DMix"),
    "3": ("TMix", "Euc-DMix NT", "DMix NT", "Euc-DMix", "DMix"),
    "4": ("TMix", "M-Ratio", "M-Threshold", "DMix"),
    "6": ("EMix", "SSMix", "DMix"),
}
OTHERS = ("f_theta", "WMix", "SMix", "TMix")  # what Table 2 compares DMix with
LAYERS = "5"
LAYER_SETS: dict[str, tuple[int, ...]] = {
    "{3,4}": (3, 4),
    "{0,1,2}": (0, 1, 2),
    "{6,7,9}": (6, 7, 9),
    "{7,9,12}": (7, 9, 12),
    "{3,4,6,7,9,12}": (3, 4, 6, 7, 9, 12),
}
OWN_SET = {"TMix": "{7,9,12}", "DMix": "{3,4,6,7,9,12}"}  # of the main tables (SPEC DA18)
THRESHOLD, THRESHOLDS = 0.7, "fig3"  # T of the main tables; name of Figure 3's cells
BENCHMARKS = {"trac": 75.0, "hasoc": 77.0}  # [P] Figure 2: F1 to reach on validation
BELOW_TMIX = 0.5  # elsewhere, and at another scale: so many points below where TMix ends (SPEC DA39)
MATRIX = "matrix"  # cells of runs that are there to watch M (SPEC DA11, DA13)


@dataclass(frozen=True)
class Scope:
    """What a profile computes of the paper.

    Attributes:
        tables: table -> its columns. sets: layer sets of Table 5. thresholds: T of Figure 3. rates: learning rates of M.
    """

    tables: dict[str, tuple[str, ...]]
    sets: tuple[str, ...] = tuple(LAYER_SETS)
    thresholds: tuple[float, ...] = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
    rates: tuple[float, ...] = (2e-5, 2e-4, 1e-3, 1e-2)


_ALL = tuple(c.key for c in COLUMNS)
PRINTED: dict[str, tuple[str, ...]] = {
    "2": _ALL,
    "3": _ALL,
    "4": ("trec-coarse", "ahs", "ttc"),
    LAYERS: ("cola", "ahs", "hasoc"),
    "6": ("trec-coarse", "trec-fine", "cola", "sst2-10k"),
    THRESHOLDS: ("trac", "hasoc"),
    MATRIX: ("trec-coarse",),
}
_TWO = ("trac", "trec-coarse")
_EDGES = ("{0,1,2}", "{7,9,12}", "{3,4,6,7,9,12}")
SCOPES = {
    "smoke": Scope({}, _EDGES[1:], (0.0, 0.7, 0.9), (2e-5, 1e-2)),
    "laptop": Scope(
        {
            "2": _TWO[1:],
            "3": _TWO,
            "4": _TWO[1:],
            LAYERS: ("cola",),
            "6": _TWO[1:],
            THRESHOLDS: _TWO[:1],
            MATRIX: _TWO[1:],
        },
        _EDGES[1:],
        (0.0, 0.7, 0.9),
        (2e-5, 1e-2),
    ),
    "desk": Scope(
        {
            "2": _TWO,
            "3": _TWO,
            "4": _TWO[1:],
            LAYERS: ("cola", "trec-coarse"),
            "6": _TWO[1:],
            THRESHOLDS: _TWO[:1],
            MATRIX: _TWO[1:],
        },
        _EDGES,
        (0.0, 0.7, 0.8, 0.9),
    ),
    "full": Scope(PRINTED),
}
STAND_INS = ("docs-coarse", "docs-fine")
#: Training rows and tokens at most where these papers cost more than others: batches of 8 make many updates, and posts are long.
CAPS = {"desk": (250, 64)}

#: Factors on the printed learning rate in place of the profile's (deviation P1): batches of 8 make four times as many
#: updates, and BERTAdam's first ones are three times as large. Chosen on the unmixed baseline's validation part alone.
LR_SCALES = {"laptop": 4.0, "desk": 1.0}


def rows_of(setting: Setting) -> int | None:
    """Training rows of a run."""
    return capped(setting, CAPS[setting.profile.name][0] if setting.profile.name in CAPS else None)


def train_sizes(setting: Setting) -> set[int | None]:
    """All training sizes that make a record one of this setting's."""
    return {rows_of(setting)}


def language(c: Column) -> str:
    """The language of a column's texts; English for built-in tasks and a user's own."""
    entry = spec(c.task)
    return entry.language if entry else "English"


def select_on_validation(c: Column) -> Column:
    """Columns that the paper does not know select on validation too, where their split has such a part."""
    return c if c.published or c.policy == "official" else replace(c, select="validation", evaluate=PARTS)


def base_run(c: Column, row: str, seed: int, setting: Setting) -> Run:
    """One row on one column: learning rate 2e-5, batch 8, decay 0.01, 5 epochs [P]; the rest as in SPEC 2(b)."""
    method, options = ROWS[row]
    scale = LR_SCALES.get(setting.profile.name, setting.lr_scale) if setting.lr_scale != 1 else 1.0
    lr, batch = scaled(replace(setting, lr_scale=scale), 2e-5, 8)
    size, fixed = rows_of(setting), False
    if c.task == "sst2-10k" and (size is None or size >= 10_000):
        size, fixed = 10_000, True  # [P]; always the same rows (SPEC DA24)
    # Every 50 steps, 100 in runs of more than 5,000 (SPEC DA27); the trainer makes it once an epoch where that is more often.
    recipe = Recipe(
        lr=lr,
        epochs=5,
        batch_size=batch,
        optimizer="bertadam",
        eps=1e-6,
        weight_decay=0.01,
        warmup=0.1,
        eval_every=100 if fixed else 50,
    )
    return Run(
        c.task,
        method,
        seed,
        tuple(options.items()),
        encoder=setting.encoder_for(language(c)),
        recipe=recipe,
        policy=c.policy,
        train_size=size,
        subset="fixed" if fixed else "stratified",
        eval_size=setting.eval_size,
        evaluate=c.evaluate,
        max_length=min(setting.profile.max_length, CAPS.get(setting.profile.name, (None, 128))[1]),
    )


def reading(c: Column) -> Reading:
    """Micro F1 of the checkpoint with the best validation F1."""
    return Reading(f"best-on-{c.select}", c.report, METRIC)


class _Maker:
    """Makes the runs of a plan, so that tables which share a setting share its runs, probes included."""

    def __init__(self, setting: Setting, columns: tuple[Column, ...]) -> None:
        self.setting, self.columns = setting, columns
        self.scope = SCOPES[setting.profile.name]
        self.seeds = setting.seeds_for(PAPER.seeds)
        self.attention = attention_column(columns, [c for c in columns if self.has("3", c)])

    def has(self, table: str, c: Column) -> bool:
        """Whether a table has this column. Columns of one's own are in Tables 2 and 3, the first of them in all."""
        if not c.published:
            return table in ("2", "3") or c == next(x for x in self.columns if not x.published)
        return c.key in (PRINTED if self.setting.tasks else self.scope.tables).get(table, ())

    def runs(self, c: Column, row: str, seeds: tuple[int, ...] | None = None, **changes) -> tuple[Run, ...]:
        """One run per seed; ``changes`` are options, or ``recipe__name``."""
        made = []
        for seed in seeds or self.seeds:
            run = base_run(c, row, seed, self.setting)
            if changes:
                options = {k: v for k, v in changes.items() if not k.startswith("recipe__")}
                recipe = {k: v for k, v in changes.items() if k.startswith("recipe__")}
                run = run.with_(options=tuple({**dict(run.options), **options}.items()), **recipe)
            elif probes := self._probes(c, row, seed):
                run = run.with_(probes=probes, probe_policy=f"best-on-{c.select}")
            made.append(run)
        return tuple(made)

    def _probes(self, c: Column, row: str, seed: int) -> tuple[str, ...]:
        out = []
        if c == self.attention and row in ("TMix", "DMix NT", "DMix"):
            out.append("dmix-attention")
        if row == "DMix" and seed == self.seeds[0]:
            out.append("dmix-geometry")
        return tuple(out)


def attention_column(columns: tuple[Column, ...], have: list[Column]) -> Column | None:
    """Where Table 7 comes from: TRAC, or the first column of Table 3."""
    return next((c for c in have if c.task == "trac"), have[0] if have else None)


def plan(setting: Setting) -> Plan:
    """All runs of Tables 2 to 7 and Figures 2 and 3, and those that watch M."""
    own = tuple(dict.fromkeys(k for keys in SCOPES[setting.profile.name].tables.values() for k in keys)) or None
    chosen, absent = choose_columns(COLUMNS, setting, own, STAND_INS)
    make = _Maker(setting, tuple(map(select_on_validation, chosen)))
    cells = [
        Cell(table, row, c.key, make.runs(c, row), reading(c))
        for table, rows in TABLES.items()
        for c in make.columns
        if make.has(table, c)
        for row in rows
    ]
    for c in make.columns:
        if make.has(LAYERS, c):
            cells += _layer_cells(make, c)
        if make.has(THRESHOLDS, c):
            cells += _threshold_cells(make, c)
        if make.has(MATRIX, c):
            cells += _matrix_cells(make, c)
    return Plan("dmix", setting, make.columns, tuple(cells), (), absent)


def _layer_cells(make: _Maker, c: Column) -> list[Cell]:
    """Table 5; its columns are "data set/method"."""
    return [
        Cell(
            LAYERS,
            name,
            f"{c.key}/{row}",
            make.runs(c, row, **({} if OWN_SET[row] == name else {"levels": LAYER_SETS[name]})),
            reading(c),
        )
        for row in OWN_SET
        for name in make.scope.sets
    ]


def threshold_row(t: float) -> str:
    """Name of Figure 3's row."""
    return f"T = {t:g}"


def _threshold_cells(make: _Maker, c: Column) -> list[Cell]:
    """Figure 3: DMix over T, and TMix as the reference that T = 0 is said to be (SPEC DA17)."""
    cells = [
        Cell(
            THRESHOLDS,
            threshold_row(t),
            c.key,
            make.runs(c, "DMix", **({} if t == THRESHOLD else {"T": t})),
            reading(c),
        )
        for t in make.scope.thresholds
    ]
    return [Cell(THRESHOLDS, "TMix", c.key, make.runs(c, "TMix"), reading(c)), *cells]


def _matrix_cells(make: _Maker, c: Column) -> list[Cell]:
    """DMix with learning rates of its own for M, and cross-entropy in place of KL at the largest; the first seed."""
    wanted = {f"KL, {rate:g}": ({}, rate) for rate in make.scope.rates}
    wanted[f"CE, {make.scope.rates[-1]:g}"] = ({"loss": "ce"}, make.scope.rates[-1])
    return [
        Cell(
            MATRIX,
            name,
            c.key,
            tuple(
                r.with_(probes=("dmix-matrix",), probe_policy="last")
                for r in make.runs(c, "DMix", make.seeds[:1], recipe__mixer_lr=rate, **options)
            ),
            reading(c),
        )
        for name, (options, rate) in wanted.items()
    ]
