"""The claims of DropMix, RC1 to RC12 (SPEC 6(f)), and its gains over Bert at three and at as many epochs.

Data sets that the paper itself excepts from a claim have no part in it. Where the best of several rows is meant, it is chosen
on the part that selects, on both sides, whatever the reading of the numbers (SPEC 9.4).
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan, nan
from statistics import fmean
from typing import Any

from ..bench.step_times import BENCHMARK, step_times
from ..evidence import Evidence, Units, best
from ..papers.base import Plan
from ..papers.dropmix import (
    BASELINES,
    CONTROL,
    ENCODERS,
    PROBES,
    ROWS,
    SPARSE_ROWS,
    SPARSE_TABLE,
    STAGES_ROW,
    STAGES_TABLE,
    TABLE_4,
    VARIANTS,
    is_main,
    probed,
)
from ..runs.records import Records

VARIANT, BASELINE = best(*VARIANTS), best(*BASELINES)
OTHERS = best(*(row for row in SPARSE_ROWS if row != "DropMix-C"))
LONG = ("control", CONTROL)


def declare(e: Evidence, plan: Plan, store: Records) -> None:
    """RC1 to RC12."""
    main = [c.key for c in plan.columns if is_main(c)]

    def but(*excepted: str) -> list[str]:
        return [key for key in main if key not in excepted]

    e.claim(
        "RC1",
        "DropMix (the best variant) beats all own baselines on every data set but MRPC",
        e.diff("3", VARIANT, BASELINE, columns=but("mrpc"), name="best variant − best baseline"),
        kind="every",
        own="11 of 12 higher, MRPC −1.00; margins 0.05 to 2.24, of which 5 or 6 exceed the larger of both standard deviations "
        "(SPEC RA26; on Subj two baselines tie, with 0.37 and 0.62 against a margin of 0.42)",
        note="Bert has three epochs here and the others more; the table of gains has Bert at equal epochs beside",
    )
    e.claim(
        "RC2",
        "DropMix is also better overall than SSMix in two stages, which the paper quotes",
        e.diff("3", VARIANT, (STAGES_TABLE, STAGES_ROW), name="best variant − SSMix in two stages")
        if plan.table(STAGES_TABLE)
        else Units(),
        kind="pooled",
        own="5 of 6 higher (MRPC lower)",
        note=""
        if plan.table(STAGES_TABLE)
        else "needs a GLUE column with SSMix in two stages (profiles desk and full)",
    )
    e.claim(
        "RC3",
        "DropMix-G is the best of the four variants, except on QNLI and MRPC",
        e.diff(
            "3",
            "DropMix-G",
            best("DropMix-U", "DropMix-C", "DropMix-W"),
            columns=but("qnli", "mrpc"),
            name="G − best other",
        ),
        kind="every",
        own="10 of 12 best; QNLI −0.16, MRPC −0.31",
    )
    e.claim(
        "RC4",
        "DropMix-C beats U and W on almost all data sets, except MR",
        e.diff("3", "DropMix-C", "DropMix-U", columns=but("mr"))
        + e.diff("3", "DropMix-C", "DropMix-W", columns=but("mr")),
        kind="most",
        own="C > U on 11 of 12 (not MR), C > W on 12 of 12",
    )
    e.claim(
        "RC5",
        "Channels matter more than words",
        e.diff("3", "DropMix-C", "DropMix-W"),
        kind="pooled",
        own="12 of 12, by 0.12 to 1.95",
    )
    e.claim(
        "RC6",
        "The same holds for BERT-large and RoBERTa: C and G beat the baselines there",
        _other_encoders(e, plan),
        kind="most",
        own="G higher on 11 of 12 (BERT-large on TREC −0.04), C on 9 of 12",
        note="" if _pretrained(plan) else "needs BERT-large and RoBERTa (profile full)",
    )
    e.claim(
        "RC7",
        "DropMix-C's margin over the best other method grows with less data",
        -e.slope(SPARSE_TABLE, "DropMix-C", OTHERS, name="C − best other"),
        kind="slope",
        own="Figure 2 is not in the text",
        note="" if plan.table(SPARSE_TABLE) else "this setting has no shares of training data",
    )
    e.claim(
        "RC8",
        "Positive and negative samples use different channels; about 100 each stand out; the positive ones are more concentrated",
        e.illustration(*_profiles(plan, store)),
        kind="illustration",
        own="Figures 3b and 3c are not in the text",
    )
    e.claim(
        "RC9",
        "The top words of the top channels fit their class",
        e.illustration(*_words(plan, store)),
        kind="illustration",
        own="the lists agree by eye; film and movie occur on both sides",
    )
    e.claim(
        "RC10",
        "The general mask marks “honestly” and “affecting”, and not all their channels",
        e.illustration(*_mask(plan, store)),
        kind="illustration",
        own="Figure 3a is not in the text",
    )
    e.claim(
        "RC11",
        "G is costly, and C nearly as good: no difference in accuracy",
        e.diff("3", "DropMix-C", "DropMix-G"),
        kind="equal",
        own="no table of times; G − C from −0.31 to 0.73",
        note=_step_time(plan, store),
    )
    e.claim(
        "RC12",
        "DropMix has no extra parameters",
        e.illustration(*_parameters(plan, store)),
        kind="illustration",
        own="“equal to the original Bert”",
    )


def gains(e: Evidence, plan: Plan, store: Records) -> None:
    """Every regularised row over Bert (three epochs, as printed) and over Bert at equal epochs (SPEC X9), on average.

    The paper has the first only; its gain is what the second is compared with, too. The text of a claim is the row, and ``own``
    what it is compared with.
    """
    rows = {row: row for row in ROWS if row != "Bert"} | {"DropMix (best)": VARIANT, CONTROL: LONG}
    for name, row in rows.items():
        printed = e.diff("3", row, "Bert", name=f"{name} − Bert")
        e.claim(f"{name} − Bert", name, printed, kind="pooled", own="Bert")
        if row != LONG:
            of_paper = [u.printed for u in printed if not isnan(u.printed)]
            e.claim(
                f"{name} − {CONTROL}",
                name,
                e.diff("3", row, LONG, name=f"{name} − {CONTROL}"),
                kind="pooled",
                own=CONTROL,
                reported=fmean(of_paper) if of_paper else None,
            )
    long = best(*(LONG if row == "Bert" else row for row in BASELINES))
    for against, rival in (("best baseline", BASELINE), (f"best baseline, {CONTROL}", long)):
        name = f"DropMix (best) − {against}"
        e.claim(name, "DropMix (best)", e.diff("3", VARIANT, rival, name=name), kind="pooled", own=against)


def margins(e: Evidence) -> Units:
    """DropMix-C over the best other method, share by share of the training rows; columns "mr@25"."""
    return e.diff(SPARSE_TABLE, "DropMix-C", OTHERS)


def _pretrained(plan: Plan) -> dict[str, list[str]]:
    """Encoder of Table 4 -> its columns in the plan; those that nobody pretrained are left out."""
    columns = {key: [c.key for c in plan.columns if c.key.startswith(f"{key}/")] for key in ENCODERS}
    return {key: keys for key, keys in columns.items() if keys}


def _other_encoders(e: Evidence, plan: Plan) -> Units:
    out = Units()
    for key, columns in _pretrained(plan).items():
        rival = best(ENCODERS[key][1], *TABLE_4[:3])
        for row in ("DropMix-C", "DropMix-G"):
            out += e.diff("4", row, rival, columns=columns, name=f"{row[-1]} − best baseline")
    return out


def _against_null(found: Mapping[str, Any]) -> str:
    low, middle, high = found["null"]
    return f"{found['value']:.2f} (null {middle:.2f}, 95 % of it in [{low:.2f}, {high:.2f}])"


def _channels(plan: Plan, store: Records, part: str) -> tuple[Mapping[str, Any], str]:
    """What the probe of one DropMix-C run found, and why it does not serve, or ""."""
    found = probed(plan, store, PROBES[1])
    if found is None:
        return {}, "the run behind Figure 3 is not done yet"
    if part not in found:
        return found, found.get("why", "the probe found nothing")
    # With more classes a sample's label itself decides about its channels.
    return found, "" if found["of"] == 2 else f"{found['task']} has {found['of']} classes; the claim is about two"


def _profiles(plan: Plan, store: Records) -> tuple[float, str]:
    found, why = _channels(plan, store, "difference")
    if why:
        return nan, why
    width, names = len(found["difference"]), found["classes"]
    beyond = ", ".join(f"{n} of {width} for {name}" for name, n in zip(names, found["beyond"], strict=True))
    return found["correlation"]["value"], (
        f"rank correlation of the two profiles {_against_null(found['correlation'])}, labels permuted; beyond the simultaneous band "
        f"{beyond} (the paper: about 100 of 768); skewness of the differences {_against_null(found['skewness'])}, above 0 where "
        f"{names[0]} is more concentrated"
    )


def _words(plan: Plan, store: Records) -> tuple[float, str]:
    found, why = _channels(plan, store, "fit")
    if why:
        return nan, why
    shares = "; ".join(f"{name} {_against_null(fit)}" for name, fit in zip(found["classes"], found["fit"], strict=True))
    return fmean(fit["value"] for fit in found["fit"]), (
        f"share of the 14 most frequent contributed words that fit the class, mean of three channels; null: three random channels: {shares}"
    )


def _mask(plan: Plan, store: Records) -> tuple[float, str]:
    found = probed(plan, store, PROBES[0])
    example = next((x for x in found["examples"] if x.get("of_paper")), None) if found else None
    if example is None:
        return nan, "the run behind Figure 3 is not done yet"
    shares = word_shares(example, "general")
    mine = [fmean(share for word, share in shares if word == marked) for marked in example["marked"]]
    others = fmean(share for word, share in shares if word not in example["marked"])
    named = ", ".join(f"“{word}” {100 * share:.0f} %" for word, share in zip(example["marked"], mine, strict=True))
    return fmean(
        mine
    ), f"units in the mask: {named}, {100 * others:.0f} % of the other words'; one sentence and one model"


def word_shares(example: Mapping[str, Any], variant: str) -> list[tuple[str, float]]:
    """Share of each word's units in a mask, words in order; pieces of a word are averaged, special tokens left out."""
    marked = example["masks"][variant]["share"]
    out: list[tuple[str, float]] = []
    for number, word in enumerate(example["words"]):
        pieces = [marked[i] for i, w in enumerate(example["word_of"]) if w == number]
        if pieces:
            out.append((word, fmean(pieces)))
    return out


def _step_time(plan: Plan, store: Records) -> str:
    """G's step over C's: of the benchmark, which takes turns in one process, else of the first data set's runs."""
    lines = {t["column"]: t for t in reversed(costs(plan, store)) if t["row"] == "DropMix-G"}
    where = BENCHMARK if BENCHMARK in lines else next(reversed(lines), "")
    if not where:
        return "no step has been timed"
    line = lines[where]
    what = f"{where}, medians over {line['n']} runs"
    if where == BENCHMARK:
        known = not isnan(line["low"])
        over = f"95 % interval [{line['low']:.2f}, {line['high']:.2f}]" if known else "too few for an interval"
        what = f"benchmark, {line['n']} repeats, {over}"
    return (
        f"beside it, without a test: a step of G takes {line['relative']:.2f} times as long as C's ({what}); that G is costly is about "
        "the authors' code, and here the union of windows needs no loop"
    )


def _parameters(plan: Plan, store: Records) -> tuple[float, str]:
    lines = costs(plan, store)
    for title in dict.fromkeys(t["column"] for t in lines if t["column"] != BENCHMARK):
        count = {t["row"]: t["parameters"] for t in lines if t["column"] == title}
        have = [row for row in VARIANTS if row in count]
        if "Bert" in count and have:
            extra = max((count[row] - count["Bert"] for row in have), key=abs)
            return extra, f"{extra:+,.0f} trained parameters over Bert's {count['Bert']:,.0f} ({title})"
    return nan, "no runs of Bert and DropMix are done yet"


def costs(plan: Plan, store: Records) -> list[dict[str, Any]]:
    """Step times relative to DropMix-C's; see ``step_times``."""
    rows = [("3", r) for r in ROWS] + [("control", CONTROL)]
    main = [c for c in plan.columns if is_main(c)]
    return step_times(plan, store, main, rows, "DropMix-C", {row: r.method for row, r in ROWS.items()})
