"""DropMix: the plans of its tables and figures (SPEC chapter 6; ids as in the SPEC and in FIGURES).

One stage [P]: 3 epochs without regularisation, more with it. Every run is evaluated on a part that selects and on the part
that is reported, so that one set of runs gives the printed reading and one selected on a hold-out (SPEC RA22, X8).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

from ..runs.run import Run
from ..tasks import at_hand, spec
from ..training.loop import Recipe
from . import ssmix
from .base import Cell, Column, Paper, Plan, Reading, capped, choose_columns, scaled
from .profiles import Setting

PAPER = Paper(
    "dropmix",
    "DropMix: A Textual Data Augmentation Combining Dropout with Mixup",
    "Fanshuang Kong, Richong Zhang, Xiaohui Guo, Samuel Mensah and Yongyi Mao",
    "EMNLP 2022, pages 890–899",
    "https://aclanthology.org/2022.emnlp-main.57",
    5,
    """@inproceedings{kong2022dropmix,
  title = {{D}rop{M}ix: A Textual Data Augmentation Combining Dropout with Mixup},
  author = {Kong, Fanshuang and Zhang, Richong and Guo, Xiaohui and Mensah, Samuel and Mao, Yongyi},
  booktitle = {Proceedings of the 2022 Conference on Empirical Methods in Natural Language Processing},
  pages = {890--899},
  year = {2022}
}""",
)


def _column(key: str, title: str, policy: str, pair: bool = False) -> Column:
    return Column(key, key, title, policy, "validation", "test", ("validation", "test"), pair)


#: [P] Table 3. GLUE reports its development part and TREC its test part; a tenth of train selects on the hold-out, and is
#: not trained on in either reading. SST-1 has both parts. The others are cut with the run's seed (SPEC RA13).
COLUMNS = (
    # Matched is reported and mismatched selects, so that both are recorded (SPEC RA23) and nothing is cut off train.
    Column(
        "mnli", "mnli", "MNLI", "official", "validation_mm", "validation_m", ("validation_m", "validation_mm"), True
    ),
    _column("qqp", "QQP", "holdout", True),
    _column("qnli", "QNLI", "holdout", True),
    _column("sst2-glue", "SST-2", "holdout"),
    # GLUE's development part as for the others (SPEC RA21, RA22): ``holdout`` would report MRPC's test part, which has labels.
    Column("mrpc", "mrpc", "MRPC", "official-held", "held", "validation", ("held", "validation"), True),
    _column("rte", "RTE", "holdout", True),
    _column("trec-coarse", "TREC", "holdout"),
    _column("sst1-sent", "SST-1", "official"),
    _column("subj", "Subj", "tenths-by-seed"),
    _column("mr", "MR", "tenths-by-seed"),
    _column("cr", "CR", "tenths-by-seed"),
    _column("mpqa", "MPQA", "tenths-by-seed"),
)
SENTENCES = ("trec-coarse", "sst1-sent", "subj", "mr", "cr", "mpqa")  # Table 4


class Row(NamedTuple):
    """How a printed row is trained: method, its options, all dropout probabilities (SPEC RA9), number of epochs."""

    method: str
    options: dict[str, Any] = {}
    dropout: float = 0.0
    regularised: bool = True


#: [P] p = 0.1 and α = 0.1 for Mixup. α = 0.1 of SSMix and DropMix and n = 2 are the defaults for "not tuned" (SPEC 6(c)).
ROWS: dict[str, Row] = {
    "Bert": Row("no-dropout", regularised=False),
    "Dropout": Row("none", dropout=0.1),
    "Mixup": Row("mixup"),
    "Dropout+Mixup": Row("dropout+mixup", dropout=0.1),
    "SSMix": Row("ssmix-beta", dropout=0.1),  # one stage (SPEC RA14)
    "DropMix-U": Row("dropmix-u"),
    "DropMix-C": Row("dropmix-c"),
    "DropMix-W": Row("dropmix-w"),
    "DropMix-G": Row("dropmix-g"),
}
VARIANTS = ("DropMix-U", "DropMix-C", "DropMix-W", "DropMix-G")
BASELINES = ("Bert", "Dropout", "Mixup", "Dropout+Mixup", "SSMix")
CONTROL = "Bert at equal epochs"  # not printed: as many epochs as the regularised rows (SPEC RA12, X9)
TABLE_4 = ("Dropout", "Mixup", "Dropout+Mixup", "DropMix-C", "DropMix-G")
SPARSE_TABLE, MASK_TABLE = "sparse", "mask"
SPARSE_ROWS = (*BASELINES, "DropMix-C")
#: The mask that section 4.1 spells out keeps the salient part (SPEC RA1); a random one is the control. Both with C's windows.
#: The other two count N = 128 positions in every text, as the printed N may (SPEC RA5, RA30).
MASK_ROWS = {
    "DropMix-C": ROWS["DropMix-C"],
    "Salient part kept": Row("dropmix-keep", {"patch": "channel"}),
    "Random channels": Row("dropmix-random", {"patch": "channel"}),
    "DropMix-W, padding counted": Row("dropmix-w", {"count_padding": True}),
    "DropMix-G, padding counted": Row("dropmix-g", {"count_padding": True}),
}

#: (epochs of Bert, of regularised models): 3 [P], and "5 to 10 times" read as 10 epochs (SPEC RA12), 5 where time is short.
EPOCHS = {"smoke": (1, 2), "laptop": (3, 5), "desk": (3, 5), "full": (3, 10)}
#: What the small profiles restrict themselves to, and the built-in tasks that stand in where no data are at hand.
OWN_TASKS = {"laptop": ("trec-coarse", "mr"), "desk": ("mrpc", "rte", *SENTENCES)}
STAND_INS = {"smoke": ("docs-coarse",)}


class Limits(NamedTuple):
    """Rows at most: to train on, and in each part that is evaluated."""

    train: int | None = None
    evaluated: int | None = None


#: Ten rows, five epochs and two parts to evaluate after each cost more than other plans.
LIMITS = {"desk": Limits(250, 250)}
#: Table 4: encoders by the name in the published columns, the unregularised row's name there, title.
ENCODERS = {
    "bert-large": ("google-bert/bert-large-uncased", "Bert-large", "BERT-large"),
    "roberta": ("FacebookAI/roberta-base", "RoBERTa", "RoBERTa"),
}
#: What there is without the hub: encoders that nobody pretrained. They have no place in the verdict of RC6.
UNTRAINED = {
    "random-small": ("random:small", "Untrained encoder", "untrained"),
    "random-tiny": ("random:tiny", "Untrained encoder", "untrained"),
}
TABLE_4_COLUMNS = {"laptop": ("trec-coarse",), "desk": ("trec-coarse",), "full": SENTENCES}
#: Figure 2: shares of the training rows in percent, smallest first, and the columns that have one.
SHARES = {"smoke": (50, 100), "laptop": (25, 100), "desk": (25, 50, 100), "full": (5, 10, 25, 50, 100)}
SPARSE_COLUMNS = {"laptop": ("mr",), "desk": ("mr",), "full": ("mnli", "qqp", "qnli")}
MASK_COLUMNS = {"laptop": ("mr",), "desk": ("mr",), "full": tuple(c.key for c in COLUMNS)}
#: Figure 3 and Table 5: one DropMix-C run with a fixed share. The paper prints no value; 0.2 is two words of its sentence.
FIXED = 0.2
CHANNEL_TASK = "sst2-glue"
CHANNEL_ROWS = {"laptop": 256, "desk": 2000}
CHANNEL_OPTIONS = {"ratio_draw": "fixed", "ratio": FIXED, "count_channels": True}
PROBES = ("dropmix-masks", "dropmix-channels")
#: SSMix as its own paper trains it, which RC2 compares with, and the columns that have it: GLUE. In ``full`` its runs are
#: those of the SSMix plan.
STAGES_TABLE, STAGES_ROW = "stages", "SSMix in two stages"
TWO_STAGES = {"desk": ("mrpc", "rte"), "full": ("mnli", "qqp", "qnli", "sst2-glue", "mrpc", "rte")}


def settle(column: Column) -> Column:
    """A column that the paper does not print, with a part that selects beside the one that is reported."""
    if column.published or column.policy == "official":
        return column
    return replace(column, select="validation", evaluate=("validation", column.report))


def encoders(setting: Setting) -> dict[str, tuple[str, str, str]]:
    """Table 4's encoders under a setting; see ``ENCODERS``."""
    if setting.profile.name == "full":
        return ENCODERS
    key = "random-tiny" if setting.profile.name == "smoke" else "random-small"
    return {key: UNTRAINED[key]}


def _stand_ins(setting: Setting) -> tuple[str, ...]:
    return STAND_INS.get(setting.profile.name, ("docs-coarse", "docs-pair"))


def is_main(column: Column) -> bool:
    """Whether a column is of Table 3; Table 4's have an encoder before a slash."""
    return column.key.split("/")[0] not in {*ENCODERS, *UNTRAINED}


def limits(setting: Setting) -> Limits:
    """What the setting's profile restricts this paper to."""
    return LIMITS.get(setting.profile.name, Limits())


def training_rows(setting: Setting) -> int | None:
    """Training rows of a run: the setting's, or fewer where the user left the number to the profile."""
    return capped(setting, limits(setting).train)


def evaluated(setting: Setting) -> int | None:
    """Rows of each part that is evaluated."""
    return min(filter(None, (setting.eval_size, limits(setting).evaluated)), default=None)


def train_sizes(setting: Setting) -> set[int | None]:
    """All training sizes that make a record one of this setting's."""
    return {setting.train_size, _channel_rows(setting), training_rows(setting)}


def make_run(column: Column, row: Row, seed: int, setting: Setting, **changes: Any) -> Run:
    """One run of Table 3, or of another table with ``changes``: batch 32, learning rate 2e-5, AdamW with eps 1e-8 [P]."""
    lr, batch = scaled(setting, 2e-5, 32)
    run = Run(
        column.task,
        row.method,
        seed,
        options=tuple(row.options.items()),
        encoder=setting.encoder,
        recipe=Recipe(lr=lr, epochs=EPOCHS[setting.profile.name][row.regularised], batch_size=batch, eps=1e-8),
        policy=column.policy,
        train_size=training_rows(setting),
        eval_size=evaluated(setting),
        evaluate=column.evaluate,
        max_length=min(128, setting.profile.max_length),
        dropout=row.dropout,
    )
    return run.with_(**changes) if changes else run


def reading(column: Column) -> Reading:
    """As printed: the best epoch on the reported part itself (SPEC RA22)."""
    return Reading(f"best-on-{column.report}", column.report)


def plan(setting: Setting) -> Plan:
    """All runs of Tables 3 and 4, Figures 2 and 3, Table 5, the control row and the two other masks."""
    chosen, absent = choose_columns(COLUMNS, setting, OWN_TASKS.get(setting.profile.name), _stand_ins(setting))
    chosen = tuple(settle(c) for c in chosen)
    seeds = setting.seeds_for(PAPER.seeds)

    def cell(table: str, name: str, row: Row, column: Column, **changes: Any) -> Cell:
        return Cell(
            table,
            name,
            column.key,
            tuple(make_run(column, row, s, setting, **changes) for s in seeds),
            reading(column),
        )

    cells = [cell("3", name, row, c) for c in chosen for name, row in ROWS.items()]
    cells += [cell("control", CONTROL, Row("no-dropout"), c) for c in chosen]
    for c in _some(chosen, MASK_COLUMNS, setting):
        cells += [cell(MASK_TABLE, name, row, c) for name, row in MASK_ROWS.items()]
    fourth = []
    for key, (encoder, plain, title) in encoders(setting).items():
        for c in _some(chosen, TABLE_4_COLUMNS, setting):
            column = replace(
                c, key=f"{key}/{c.key}", title=f"{title}, {c.title}", published=c.published and key in ENCODERS
            )
            rows = {plain: ROWS["Bert"]} | {name: ROWS[name] for name in TABLE_4}
            cells += [cell("4", name, row, column, encoder=encoder) for name, row in rows.items()]
            fourth.append(column)
    have = {c.key for c in fourth}
    for name in (f"{key}/{task}" for key in ENCODERS for task in SENTENCES):
        if name not in have:
            absent[name] = absent.get(name.split("/")[1], "") if encoders(setting) is ENCODERS else _NO_ENCODER
    for c in _some(chosen, SPARSE_COLUMNS, setting):
        for share, size in shares(c, setting).items():
            cells += [
                replace(cell(SPARSE_TABLE, name, ROWS[name], c, train_size=size), column=f"{c.key}@{share}")
                for name in SPARSE_ROWS
            ]
    cells += [two_stages(c, setting) for c in _wanted(chosen, TWO_STAGES, setting)]
    extra = (channel_run(setting, chosen),)
    return Plan("dropmix", setting, (*chosen, *fourth), tuple(cells), extra, absent)


_NO_ENCODER = "BERT-large and RoBERTa need the profile full"


def _some(chosen: tuple[Column, ...], wanted: dict[str, tuple[str, ...]], setting: Setting) -> list[Column]:
    """The chosen columns that a part of the plan is for; outside ``full`` the first single text where there is none."""
    found = _wanted(chosen, wanted, setting)
    return found or [] if setting.profile.name == "full" else found or _first_single(chosen)


def _wanted(chosen: tuple[Column, ...], wanted: dict[str, tuple[str, ...]], setting: Setting) -> list[Column]:
    return [c for c in chosen if c.key in wanted.get(setting.profile.name, ())]


def _first_single(chosen: tuple[Column, ...]) -> list[Column]:
    return [next((c for c in chosen if not c.pair), chosen[0])]


def shares(column: Column, setting: Setting) -> dict[int, int | None]:
    """Percent -> training rows for Figure 2; 100 is the setting's own number, None where that is all.

    Subsets are stratified, drawn with the run's seed and nested (SPEC RA27).
    """
    whole = training_rows(setting)
    entry = spec(column.task)
    full = (entry.counts.get("train") if entry else None) or 0
    # What the split policy leaves for training.
    tenths = {"holdout": 1, "official-held": 1, "tenths": 2, "tenths-by-seed": 2}.get(column.policy, 0)
    full -= tenths * round(full / 10)
    base = min(whole or full, full) if full else whole
    if not base:
        return {}
    out = {s: max(2, round(base * s / 100)) for s in SHARES[setting.profile.name] if s < 100}
    return out | {100: whole}


def _channel_rows(setting: Setting) -> int | None:
    own = "train_size" in setting.chosen
    return setting.train_size if own else CHANNEL_ROWS.get(setting.profile.name, setting.train_size)


def quoted(column: Column) -> Column:
    """The same data set as a column of the SSMix paper."""
    return next(c for c in ssmix.COLUMNS if c.key == column.key)


def two_stages(column: Column, setting: Setting) -> Cell:
    """SSMix as its own paper trains it, on as many rows as this plan's runs and reported on the same part (claim RC2).

    It is read as that paper reads it: the better of both stages.
    """
    theirs = quoted(column)
    same = replace(setting, train_size=training_rows(setting), eval_size=evaluated(setting))
    own = ssmix.plan(setting).cell("2", "SSMix", theirs.key) if same == setting else None
    runs = (
        own.runs
        if own
        else tuple(ssmix.stage_2(theirs, "SSMix", s, same) for s in setting.seeds_for(ssmix.PAPER.seeds))
    )
    # MNLI: that paper reports the mismatched part, this one the matched part (SPEC RA23).
    part = column.report if column.key == "mnli" else theirs.report
    return Cell(STAGES_TABLE, STAGES_ROW, column.key, runs, Reading(f"best-on-{part}", part, floor=True))


def channel_run(setting: Setting, chosen: tuple[Column, ...]) -> Run:
    """The run behind Figure 3 and Table 5: DropMix-C with a fixed share on SST-2, or on the first single text there is."""
    column = next(c for c in COLUMNS if c.key == CHANNEL_TASK)
    free = setting.tasks is None and not setting.profile.builtin_only
    ready = CHANNEL_TASK in setting.recorded or at_hand(CHANNEL_TASK, setting.use_hub)[0]
    if not (free and ready) and column.task not in {c.task for c in chosen}:
        column = _first_single(chosen)[0]
    row = ROWS["DropMix-C"]
    return make_run(
        column,
        row._replace(options={**row.options, **CHANNEL_OPTIONS}),
        setting.seeds_for(PAPER.seeds)[0],
        setting,
        train_size=_channel_rows(setting),
        probes=PROBES,
        probe_policy=f"best-on-{column.select}",
    )
