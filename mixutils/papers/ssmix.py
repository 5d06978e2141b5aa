"""SSMix: the plans of its tables and figures (SPEC chapter 4; ids as in the SPEC and in FIGURES).

Two stages [P]: stage 1 trains without mixup and is a run of its own, shared by every method with the same task and seed;
stage 2 starts from its best checkpoint, with a new optimiser and schedule.
"""

from __future__ import annotations

from dataclasses import replace

from ..runs.run import Run
from ..training.loop import Recipe
from .base import Cell, Column, Paper, Plan, Reading, choose_columns, scaled
from .profiles import Setting

PAPER = Paper(
    "ssmix",
    "SSMix: Saliency-Based Span Mixup for Text Classification",
    "Soyoung Yoon, Gyuwan Kim and Kyumin Park",
    "Findings of ACL 2021, pages 3225–3234",
    "https://aclanthology.org/2021.findings-acl.285",
    5,
    """@inproceedings{yoon2021ssmix,
  title = {{SSM}ix: Saliency-Based Span Mixup for Text Classification},
  author = {Yoon, Soyoung and Kim, Gyuwan and Park, Kyumin},
  booktitle = {Findings of the Association for Computational Linguistics: ACL-IJCNLP 2021},
  pages = {3225--3234},
  year = {2021}
}""",
)


def _column(key: str, title: str, report: str, pair: bool) -> Column:
    return Column(key, key, title, "official", report, report, (report,), pair)


#: [P] Table 2: validation accuracy for GLUE, test for TREC, both for ANLI; selection on the reported part (SPEC SA19).
COLUMNS = (
    _column("sst2-glue", "SST-2", "validation", False),
    _column("qqp", "QQP", "validation", True),
    replace(_column("mnli", "MNLI-mm", "validation_mm", True), evaluate=("validation_mm", "validation_m")),
    _column("qnli", "QNLI", "validation", True),
    _column("rte", "RTE", "validation", True),
    _column("mrpc", "MRPC", "validation", True),
    _column("trec-coarse", "TREC coarse", "test", False),
    _column("trec-fine", "TREC fine", "test", False),
    *(
        Column(
            f"anli-r{r}/{part}",
            "anli",
            f"ANLI R{r} {'valid.' if part == 'validation' else part}",
            "official",
            f"validation_r{r}",
            f"{part}_r{r}",
            tuple(f"{p}_r{i}" for p in ("validation", "test") for i in (1, 2, 3)),
            True,
        )
        for r in (1, 2, 3)
        for part in ("validation", "test")
    ),
)

#: Printed row -> method. The hidden mixers get SSMix's protocol: halves, four terms, Beta(0.2, 0.2) folded.
_HIDDEN = {"pairing": "halves", "clean": True, "alpha": 0.2, "beta_fold": True}
ROWS: dict[str, tuple[str, dict]] = {
    "No mixup": ("none", {}),
    "EmbedMix": ("wordmix", _HIDDEN),
    "TMix": ("tmix", _HIDDEN),
    "SSMix": ("ssmix", {}),
    "SSMix - saliency": ("ssmix-saliency", {}),
    "SSMix - saliency - span": ("ssmix-saliency-span", {}),
    "Random UNK replacement": ("unk", {}),
}
CONTROL = "Stage 2 without mixup"  # not printed: equal compute for the unmixed row (SPEC SA21)
TABLE_2 = ("No mixup", "EmbedMix", "TMix", "SSMix", "SSMix - saliency", "SSMix - saliency - span")
TABLE_B1 = ("No mixup", "Random UNK replacement", "SSMix", "SSMix - saliency", "SSMix - saliency - span")

_STAGE = {
    "optimizer": "adamw",
    "eps": 1e-8,
    "weight_decay": 1e-4,
    "schedule": "linear",
    "warmup": 0.1,
    "eval_every": 500,
}
#: What the small profiles restrict themselves to, and the built-in tasks that stand in where no data are at hand.
OWN_TASKS = {"laptop": ("trec-coarse", "trec-fine", "mrpc")}
STAND_INS = {"smoke": ("docs-coarse", "docs-pair")}
#: Training sizes of the size curve for claim SC2, smaller than the profile's own, and the columns that have one.
SIZES = {"desk": (50, 150), "full": (3927, 19635, 98176)}  # full: 1, 5 and 25 % of MNLI (FIGURES, "not in the total")
SIZE_COLUMNS = {"desk": ("sst2-glue", "trec-fine", "docs-fine"), "full": ("mnli",)}
SIZE_TABLE = "size"
#: Profiles whose training rows leave plenty of the source unused: a tenth of it is set aside at no cost to training, and
#: records also say what a checkpoint chosen there would have given (``selection = holdout``, SPEC SA19).
HELD_OUT = ("desk",)
SIZE_ROWS = ("EmbedMix", "TMix", "SSMix")


def stage_1(column: Column, seed: int, setting: Setting) -> Run:
    """Training without mixup: learning rate 5e-5, 3 epochs [P]."""
    lr, batch = scaled(setting, 5e-5, 32)
    held = setting.profile.name in HELD_OUT and column.policy == "official" and setting.train_size
    return Run(
        column.task,
        "none",
        seed,
        encoder=setting.encoder,
        recipe=Recipe(lr=lr, epochs=3, batch_size=batch, **_STAGE),
        policy="official-held" if held else column.policy,
        train_size=setting.train_size,
        eval_size=setting.eval_size,
        evaluate=(*column.evaluate, "held") if held else column.evaluate,
        max_length=min(128, setting.profile.max_length),
    )


def stage_2(column: Column, row: str, seed: int, setting: Setting) -> Run:
    """Training with a mixup from stage 1's best checkpoint: learning rate 1e-5, 5 epochs [P]."""
    method, options = ROWS.get(row, ("none", {}))
    first = stage_1(column, seed, setting)
    lr = scaled(setting, 1e-5, 32)[0]
    return replace(
        first,
        method=method,
        options=tuple(options.items()),
        recipe=replace(first.recipe, lr=lr, epochs=5),
        start=first,
        start_policy=f"best-on-{column.select}",
    )


def reading(column: Column) -> Reading:
    """Best accuracy among both stages on the reported part [P]."""
    return Reading(f"best-on-{column.select}", column.report, floor=True)


def plan(setting: Setting) -> Plan:
    """All runs of Tables 2, A.1 and B.1 and the control row; two of them are probed for Figures 1 to 5."""
    name = setting.profile.name
    stand_ins = STAND_INS.get(name, ("docs-coarse", "docs-fine", "docs-pair"))
    chosen, absent = choose_columns(COLUMNS, setting, OWN_TASKS.get(name), stand_ins)
    seeds = setting.seeds_for(PAPER.seeds)
    # One trained model per kind of task draws the figures: SSMix with the first seed on the first such column.
    # Named by task and selection, because ANLI's validation and test columns of a round read the same runs.
    drawn = {next(((c.task, c.select) for c in chosen if c.pair == pair), None) for pair in (False, True)}

    def runs(row: str, column: Column) -> tuple[Run, ...]:
        if row == "No mixup":
            return tuple(stage_1(column, s, setting) for s in seeds)
        made = [stage_2(column, row, s, setting) for s in seeds]
        if row == "SSMix" and (column.task, column.select) in drawn:
            made[0] = replace(made[0], probes=("ssmix-spans",), probe_policy=made[0].start_policy)
        return tuple(made)

    cells = [
        Cell(table, row, column.key, runs(row, column), reading(column))
        for table, rows in (("2", TABLE_2), ("A.1", TABLE_2), ("B.1", TABLE_B1), ("control", (CONTROL,)))
        for column in chosen
        for row in rows
    ]
    return Plan("ssmix", setting, chosen, (*cells, *_size_curve(chosen, setting, seeds, cells)), (), absent)


def sizes(setting: Setting) -> tuple[int, ...]:
    """Training sizes of the size curve, growing, the setting's own size last (0 stands for all rows); () for no curve."""
    whole = setting.train_size or 0
    small = tuple(n for n in SIZES.get(setting.profile.name, ()) if not whole or n < whole)
    return (*small, whole) if small else ()


def _size_curve(chosen: tuple[Column, ...], setting: Setting, seeds: tuple[int, ...], main: list[Cell]) -> list[Cell]:
    """SSMix and the hidden mixers over training sizes; column "task@rows". The largest size is Table 2's own runs."""
    wanted = SIZE_COLUMNS.get(setting.profile.name, ())
    whole = {(c.row, c.column): c.runs for c in main if c.table == "2"}

    def runs(column: Column, row: str, n: int) -> tuple[Run, ...]:
        if n == (setting.train_size or 0):
            return whole[row, column.key]
        return tuple(stage_2(column, row, s, replace(setting, train_size=n)) for s in seeds)

    return [
        Cell(SIZE_TABLE, row, f"{column.key}@{n}", runs(column, row, n), reading(column))
        for column in chosen
        if column.key in wanted
        for n in sizes(setting)
        for row in SIZE_ROWS
    ]
