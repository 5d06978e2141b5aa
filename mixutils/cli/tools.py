"""bench, predict, readings, readme, records."""

from __future__ import annotations

import argparse
import io
import sys
import textwrap
from collections import Counter

from .. import paths
from ..encoder.load import resolved
from ..mixers import build
from ..runs import environment
from ..runs.records import NEW, NEWER, WRONG, Records, write_whole
from ..runs.schema import Record, generation, precision_word
from .showing import say_failed

MOST = 20  # errors of one file that are printed
LARGEST = 10_000  # rows of a batch, or rounds


def bench(args: argparse.Namespace) -> int:
    from ..site.notebooks import execute_all

    names = ("encoders", "methods", "task", "batch_size", "repeats", "threads", "device")
    given = {name: getattr(args, name) for name in names}
    given["encoders"] = ",".join(resolved(name.strip()) for name in args.encoders.split(","))
    environment.count("threads", args.threads)
    environment.pick_device(args.device)
    for name in ("batch_size", "repeats"):
        if not 1 <= given[name] <= LARGEST:
            raise ValueError(
                f"--{name.replace('_', '-')} must be a whole number from 1 to {LARGEST:,}, not {given[name]}"
            )
    for method in filter(None, map(str.strip, args.methods.split(","))):
        build(method)  # says which there are
    return say_failed(execute_all({"bench": given}, paths.figures("bench") / "notebooks"))


def predict(args: argparse.Namespace) -> int:
    from ..runs.predict import predict, said, write

    if args.out is not None and args.out.suffix not in (".jsonl", ".csv", ".tsv"):
        raise ValueError(f"--out takes a .jsonl, .csv or .tsv file, not {str(args.out)[:200]!r}")
    found = list(predict(args.dir, args.file, environment.pick_device(args.device)))
    if args.out is None:
        write(found, sys.stdout, "")
    else:
        text = io.StringIO()
        write(found, text, args.out.suffix)
        write_whole(args.out, text.getvalue().encode("utf-8"))
    if accuracy := said(found):
        print(accuracy, file=sys.stderr)
    return 0


def readme(args: argparse.Namespace) -> int:
    from ..site.readings import page
    from ..site.readme import fill

    for name in ("README.md", "docs/results.md"):
        path = paths.ROOT / name
        write_whole(path, fill(path.read_text("utf-8")).encode("utf-8"))
        print(f"numbers written into {name}")
    write_whole(paths.ROOT / "docs" / "readings.md", page().encode("utf-8"))
    print("docs/readings.md made from papers/readings.toml")
    return 0


def readings(args: argparse.Namespace) -> int:
    from ..papers.options import readings

    for code, r in readings().items():
        said = [f"open: {r['open']}", f"here: {r['read']}"]
        if "option" in r:
            values = [f"{r['default']} (here)"] if "default" in r else []
            said.append(f"--option {r['option']}={' | '.join(values + r['others'])}")
        elif "how" in r:
            said.append(f"other readings: {r['how']}")
        print(
            "\n".join(
                (
                    f"{code}  {r['place']}",
                    *(textwrap.fill(x, 110, initial_indent="    ", subsequent_indent=8 * " ") for x in said),
                )
            )
        )
    return 0


def records(args: argparse.Namespace) -> int:
    store = Records()
    if args.action == "export":
        print(f"{store.export((r['hash'] for r in store.all()), args.path)} records in {args.path}")
        return 0
    merged = store.merge(args.path)
    for wrong in merged[WRONG][:MOST]:
        print(f"error: {wrong}", file=sys.stderr)
    if (more := len(merged[WRONG]) - MOST) > 0:
        print(f"error: and {more:,} more", file=sys.stderr)
    print(f"{told(merged)}\nin {store.folder}")
    return int(bool(merged[WRONG]))


def told(merged: dict[str, list[Record]]) -> str:
    """How many records were merged, of what, and what became of the others."""
    copied = merged[NEW] + merged[NEWER]
    outcome = ", ".join(f"{len(found)} {what}" for what, found in merged.items() if found) or "there were none"
    kinds = Counter(f"{r['run']['task']} in {precision_word(r)}, generation {generation(r)}" for r in copied)
    counted = [f"{n} of {kind}" for kind, n in sorted(kinds.items())]
    return "; ".join([f"{len(copied)} records merged: {outcome}", *counted])
