"""The claims of SSMix, SC1 to SC10 (SPEC 4(f))."""

from __future__ import annotations

from dataclasses import replace

from ..records import Records
from .base import Column, Plan
from .claims import Claim, Unit, best_of, decide, mean_of, measured, minus, reader, unit
from .ssmix import CONTROL, SIZE_TABLE, sizes
from .step_times import BENCHMARK, step_times

HIDDEN = ("EmbedMix", "TMix")
#: Printed row -> name in the benchmark, under this paper's protocol.
TIMED = {
    "EmbedMix": "wordmix + clean",
    "TMix": "tmix + clean",
    "SSMix": "ssmix",
    "SSMix - saliency": "ssmix-saliency",
    "SSMix - saliency - span": "ssmix-saliency-span",
    "Random UNK replacement": "unk",
    CONTROL: "none",
}
INPUT = ("SSMix", "SSMix - saliency", "SSMix - saliency - span")


def claims(plan: Plan, store: Records, floor: bool = True) -> list[Claim]:
    """All ten verdicts.

    Args:
        floor: read numbers as printed, the better of both stages (SPEC SA18); false reads stage 2 alone, where a mixup can
            also lose.
    """
    read = reader(plan, store, None if floor else lambda r: replace(r, floor=False))
    columns = plan.columns

    def value(row: str, column: Column | str, table: str = "2") -> dict[int, float]:
        return read(table, row, column if isinstance(column, str) else column.key)

    def against_hidden(column: Column) -> tuple[str, dict[int, float]]:
        name, best = best_of({row: value(row, column) for row in HIDDEN})
        return name, minus(value("SSMix", column), best)

    return [
        _sc1(columns, value),
        _sc2(plan, value),
        _sc3(columns, value, floor),
        _sc4(columns, against_hidden),
        _sc5(columns, value),
        _sc6(columns, value),
        _sc7(columns, value),
        _sc8(columns, value),
        _sc9(plan, store),
        _sc10(plan, store, read),
    ]


def _sc1(columns, value) -> Claim:
    units = []
    for c in columns:
        name, best = best_of({row: value(row, c) for row in HIDDEN})
        units.append(unit(c.title, value("SSMix", c), best, note=f"best hidden method: {name}" if name else ""))
    return decide(
        "SC1",
        "SSMix beats hidden-level mixup on a wide range of tasks",
        "SSMix − the better of EmbedMix and TMix, each data set",
        "10 cells higher, 1 equal, 3 lower",
        units,
    )


def _sc2(plan: Plan, value) -> Claim:
    """Growth of the advantage from the smallest to the largest training size of the size curve."""
    units = []
    for column in {c.key: c for c in plan.columns}.values():
        have = [n for n in sizes(plan.setting) if plan.cell(SIZE_TABLE, "SSMix", f"{column.key}@{n}")]
        if len(have) < 2:
            continue
        edges = []
        for n in (have[0], have[-1]):
            key = f"{column.key}@{n}"
            _, best = best_of({row: value(row, key, SIZE_TABLE) for row in HIDDEN})
            edges.append(minus(value("SSMix", key, SIZE_TABLE), best))
        units.append(
            unit(column.title, edges[1], edges[0], note=f"{have[-1] or 'all'} against {have[0]} training rows")
        )
    return decide(
        "SC2",
        "The advantage over hidden mixup grows with the size of the training set",
        "(SSMix − best hidden) at the largest size minus the same at the smallest",
        "small sets RTE, MRPC negative; large sets 0.07 to 0.19",
        units,
        "" if units else "this setting has no size curve (desk and full have)",
    )


def _sc3(columns, value, floor: bool) -> Claim:
    # Beside stage 2 alone stands an equally long stage 2 without mixup: fine labels gain most from more epochs (SPEC SA21).
    def plain(key: str) -> dict[int, float]:
        return value("No mixup", key) if floor else value(CONTROL, key, "control")

    shapes = {"trec": ("trec-coarse", "trec-fine"), "docs": ("docs-coarse", "docs-fine")}
    keys = {c.key for c in columns}
    units = []
    for name, (coarse, fine) in shapes.items():
        if {coarse, fine} <= keys:
            for row in ("SSMix", "TMix"):
                gain = {k: minus(value(row, k), plain(k)) for k in (coarse, fine)}
                units.append(
                    unit(
                        f"{name.upper()} {row}",
                        gain[fine],
                        gain[coarse],
                        note="TMix is shown for comparison" if row == "TMix" else "",
                        aside=row == "TMix",
                    )
                )
    return decide(
        "SC3",
        "SSMix is especially effective with many classes",
        "gain over No mixup (stage 2 alone: over stage 2 without mixup) on fine minus gain on coarse labels, same questions",
        "+3.56 against +0.52; TMix gains as much there (+3.48, +0.44)",
        units,
        "" if units else "needs coarse and fine labels",
    )


def _sc4(columns, against_hidden) -> Claim:
    pair = [against_hidden(c)[1] for c in columns if c.pair]
    single = [against_hidden(c)[1] for c in columns if not c.pair]
    units = [unit("pairs against single texts", mean_of(pair), mean_of(single))] if pair and single else []
    return decide(
        "SC4",
        "SSMix has an advantage on sentence pairs",
        "mean of (SSMix − best hidden) on pair tasks minus that on single texts",
        "mixed: 7 of 11 pair cells higher, 1 equal, 3 lower",
        units,
        "" if units else "needs both kinds of task",
    )


def _sc5(columns, value) -> Claim:
    units = []
    for c in columns:
        units.append(unit(f"{c.title}: saliency", value("SSMix", c), value("SSMix - saliency", c)))
        units.append(unit(f"{c.title}: span", value("SSMix - saliency", c), value("SSMix - saliency - span", c)))
    return decide(
        "SC5",
        "Span and saliency each help",
        "SSMix > − saliency, and − saliency > − saliency − span",
        "ordered on 8 of 14 cells",
        units,
    )


def _sc6(columns, value) -> Claim:
    saliency = mean_of([minus(value("SSMix", c), value("SSMix - saliency", c)) for c in columns])
    span = mean_of([minus(value("SSMix - saliency", c), value("SSMix - saliency - span", c)) for c in columns])
    return decide(
        "SC6",
        "Saliency contributes more than the span",
        "mean over data sets of (SSMix − (− saliency)) minus mean of ((− saliency) − (− saliency − span))",
        "means 0.14 and 0.11",
        [unit("all data sets", saliency, span)],
    )


def _sc7(columns, value) -> Claim:
    units = [
        unit(c.title, mean_of([value(r, c) for r in INPUT]), mean_of([value(r, c) for r in HIDDEN])) for c in columns
    ]
    return decide(
        "SC7",
        "Input-level methods beat hidden-level methods in general",
        "mean of the three input-level rows − mean of EmbedMix and TMix",
        "between −0.43 (TREC fine) and +0.32; negative on RTE, MRPC, TREC fine, R3 test",
        units,
    )


def _sc8(columns, value) -> Claim:
    units = [unit(c.title, value("SSMix", c, "B.1"), value("Random UNK replacement", c, "B.1")) for c in columns]
    return decide(
        "SC8",
        "SSMix beats random UNK replacement",
        "Table B.1, SSMix − UNK",
        "9 cells higher, 1 equal, 4 lower",
        units,
    )


def times(plan: Plan, store: Records) -> list[dict]:
    """Step times relative to EmbedMix's (SSMIX-X1); see ``step_times``."""
    rows = [("2", r) for r in ("EmbedMix", "TMix", *INPUT)] + [("B.1", "Random UNK replacement"), ("control", CONTROL)]
    return step_times(plan, store, plan.columns, rows, "EmbedMix", TIMED)


def _sc9(plan: Plan, store: Records) -> Claim:
    units: list[Unit] = []
    lines = times(plan, store)
    measured_once: dict[tuple, Column] = {}  # ANLI's validation and test columns of a round read the same runs
    for column in plan.columns:
        measured_once.setdefault(plan.cell("2", "SSMix", column.key).runs, column)
    titles = [column.title for column in measured_once.values()]
    if any(t["column"] == BENCHMARK for t in lines):
        titles = [BENCHMARK]
    for title in titles:
        relative = {t["row"]: t["relative"] for t in lines if t["column"] == title}
        if {"EmbedMix", "SSMix", "TMix"} <= set(relative):
            a, b = relative["SSMix"], relative["TMix"]
            units.append(measured(f"{title}: SSMix / EmbedMix", a, 1.5, 2.5, f"{a:.2f}; about 2 in the paper"))
            units.append(measured(f"{title}: TMix / EmbedMix", b, 1.0, 1.3, f"{b:.2f}; slightly above 1 in the paper"))
    return decide(
        "SC9",
        "SSMix takes about twice the time of other mixups, TMix slightly more than EmbedMix",
        "median step time (benchmark, or over runs), relative to EmbedMix; confirmed within 1.5–2.5 and 1.0–1.3",
        "no table",
        units,
        "a statement about the authors' code: here the clean pass gives the saliency for free, and TMix runs no layer twice"
        if units
        else "no runs of EmbedMix, SSMix and TMix are done yet",
    )


def _sc10(plan: Plan, store: Records, read) -> Claim:
    stage_2 = reader(plan, store, lambda r: replace(r, floor=False))
    units = [
        unit(c.title, stage_2("2", "SSMix", c.key), read("2", "No mixup", c.key))
        for c in plan.columns
        if c.task == "anli" and c.report.startswith("test")
    ]
    return decide(
        "SC10",
        "Mixing improves robustness",
        "SSMix's stage 2 − stage 1 on the three ANLI test parts",
        "0.18, 0.70, 0.00",
        units,
        "" if units else plan.absent.get("anli-r1/test", "needs ANLI with its training part"),
    )
