"""RC8 to RC10 of DropMix: claims about one trained model, decided by permutations and measured numbers (SPEC 6(f))."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from statistics import fmean

from ..records import Records
from ..stats import ALPHA, CONFIRMED, CONTRADICTED, UNDECIDED
from .base import Plan
from .claims import Claim, Unit, decide, measured
from .dropmix import PROBES


def probe(plan: Plan, store: Records, name: str) -> dict | None:
    """What a probe of the run behind Figure 3 found, with the data set's id, or None."""
    for run in plan.extra:
        record = store.get(run)
        if record is not None and record["status"] == "done" and name in record.get("probes", {}):
            return record["probes"][name] | {"task": run.task, "run": run.hash}
    return None


def _by_p(name: str, found: Mapping, note: str, sign: int = 1) -> Unit:
    """A unit decided by the one-sided p values of a permutation test."""
    agrees, opposes = (found["p_greater"], found["p_less"]) if sign > 0 else (found["p_less"], found["p_greater"])
    verdict = CONFIRMED if agrees < ALPHA else CONTRADICTED if opposes < ALPHA else UNDECIDED
    low, middle, high = found["null"]
    text = f"{found['value']:.3f}; under the null {middle:.3f} [{low:.3f}, {high:.3f}], p = {agrees:.4f}"
    return Unit(name, None, sign, verdict, f"{text}; {note}" if note else text)


def _standing_out(name: str, count: int, width: int) -> Unit:
    """Whether as many channels stand out as the paper sees, 100 of 768, between half and twice that share.

    How many are beyond the band is a lower bound that grows with the number of samples: too few leave the claim open.
    """
    share = count / width
    verdict = UNDECIDED if share < 0.065 else CONFIRMED if share <= 0.26 else CONTRADICTED
    note = f"{count} of {width} beyond the simultaneous band, {100 * share:.1f} %; 100 of 768 is 13 %"
    return Unit(f"channels that stand out for {name}", None, 1, verdict, note)


def _two_only(found: Mapping, units: list[Unit]) -> tuple[list[Unit], str]:
    """The units, shown aside where there are more classes: there a sample's label itself decides about its channels."""
    if found["of"] == 2:
        return units, ""
    return [replace(u, aside=True) for u in units], f"{found['task']} has {found['of']} classes; the claim is about two"


def rc8(plan: Plan, store: Records) -> Claim:
    found = probe(plan, store, PROBES[1])
    units: list[Unit] = []
    note = "the run behind Figure 3 is not done yet"
    if found is not None:
        note = found.get("why", "")
    if found is not None and "difference" in found:
        first, second = found["classes"]
        width = len(found["difference"])
        units.append(_by_p("rank correlation of the two profiles is low", found["correlation"], "", sign=-1))
        for name, count in zip((first, second), found["beyond"], strict=True):
            units.append(_standing_out(name, count, width))
        units.append(_by_p(f"{first} channels are more concentrated", found["skewness"], "skewness of the differences"))
        units, note = _two_only(found, units)
    return decide(
        "RC8",
        "Positive and negative samples use different channels; about 100 each stand out; the positive ones are more concentrated",
        "channel importance of one DropMix-C run with a fixed share; null: labels permuted over the samples",
        "Figures 3b and 3c are not in the text",
        units,
        note,
    )


def rc9(plan: Plan, store: Records) -> Claim:
    found = probe(plan, store, PROBES[1])
    units: list[Unit] = []
    note = "the run behind Table 5 is not done yet" if found is None else found.get("why", "")
    if found is not None and "fit" in found:
        for name, fit in zip(found["classes"], found["fit"], strict=True):
            units.append(_by_p(f"words of the top {name} channels", fit, "share of words that fit"))
        units, note = _two_only(found, units)
    return decide(
        "RC9",
        "The top words of the top channels fit their class",
        "share of the 14 most frequent contributed words whose association with the class in the training data has z > 1.96, "
        "mean of three channels; null: three random channels, same class",
        "the lists agree by eye; film and movie occur on both sides",
        units,
        note,
    )


def rc10(plan: Plan, store: Records) -> Claim:
    found = probe(plan, store, PROBES[0])
    example = next((e for e in found["examples"] if e.get("of_paper")), None) if found else None
    units: list[Unit] = []
    if example is not None:
        share = word_shares(example, "general")
        for word in example["marked"]:
            others = fmean(v for k, v in share if k not in example["marked"])
            mine = fmean(v for k, v in share if k == word)
            ratio = mine / others if others else math.inf if mine else math.nan
            text = f"{100 * mine:.0f} % of its units marked, {100 * others:.0f} % of the other words'"
            units.append(measured(f"“{word}” is marked more than other words", ratio, 1.0 + 1e-9, math.inf, text))
            # A word without any marked unit says nothing about which of its channels are marked.
            some = mine or math.nan
            text = f"{100 * mine:.0f} %" if mine else "no unit of it is marked"
            units.append(measured(f"not all channels of “{word}”", some, 0.0, 1.0 - 1e-9, text))
    return decide(
        "RC10",
        "The general mask marks “honestly” and “affecting”, and not all their channels",
        "one trained model, the paper's sentence, fixed share and n = 2: share of a word's units in the mask against the mean of the other words",
        "Figure 3a is not in the text",
        units,
        "one sentence and one model: an illustration more than a test"
        if units
        else "the run behind Figure 3 is not done yet",
    )


def word_shares(example: Mapping, variant: str) -> list[tuple[str, float]]:
    """Share of each word's units in a mask, words in order; pieces of a word are averaged, special tokens left out."""
    marked = example["masks"][variant]["share"]
    out: list[tuple[str, float]] = []
    for number, word in enumerate(example["words"]):
        pieces = [marked[i] for i, w in enumerate(example["word_of"]) if w == number]
        if pieces:
            out.append((word, fmean(pieces)))
    return out
