"""Odd and broken data folders, made from good ones, against the loader: ``python -m tests.fuzz.data [SEED [N]]``.

A case is a good folder that one mutation has changed, and what must come of it: the rows that were given, or one line that
refuses them, or either (a flipped byte may leave another good file). So a traceback, a hang and a row that was silently lost or
changed are faults.
"""

from __future__ import annotations

import bz2
import contextlib
import csv
import gzip
import io
import json
import lzma
import os
import random
import signal
import sys
import tempfile
import traceback
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd
import pyarrow as pa

from mixutils.tasks import DataError, TaskData, apply_policy, load_task, subset
from mixutils.tasks.splits import POLICIES

DEADLINE = 20.0  # seconds per case
REFUSED = "refused"
Row = tuple[str, ...]  # text, or both, and label
TEXTS = [
    "good",
    "bad",
    "ärger",
    "☃ snow",
    'she said "no"',
    "a, b; c",
    "x\ty",
    "two\nlines",
    "",
    " ",
    "é",
    "e\u0301",
    "日本",
    "'",
    "#",
    "\\n",
]
LABELS = [
    ("no", "yes"),
    ("neg", "neutral", "pos"),
    ("1", "2", "3"),
    ("ab c", "ab d"),
    ("ä", "ö", "ü"),
    ("-1", "1"),
    ("None", "nan"),
]
PACKED: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}
ENDINGS = ("jsonl", "json", "csv", "tsv", "parquet")


@dataclass
class Case:
    """One folder.

    Attributes:
        parts: what was given: part -> rows. files: name -> bytes, a link's target (str) or None for an empty folder.
        ending, packing: of the files that were made from the parts. variables: of the command line.
        expected: "rows", "refused", "either" (rows as given, or refused), "cut" (or only the first of them, the last perhaps
            cut), or "any" (what was changed could be data, of as many rows).
    """

    name: str
    parts: dict[str, list[Row]]
    files: dict[str, bytes | str | None]
    ending: str
    packing: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    expected: str = "rows"

    @property
    def first(self) -> str:
        """The training file."""
        return next(iter(self.files))


def header(rows: list[Row]) -> tuple[str, ...]:
    return ("text", "label") if len(rows[0]) == 2 else ("text_a", "text_b", "label")


def encoded(rows: list[dict], ending: str) -> bytes:
    """Rows as a file's bytes."""
    if ending == "jsonl":
        return "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows).encode("utf-8", "surrogatepass")
    if ending == "json":
        return json.dumps(rows, ensure_ascii=False, indent=1).encode("utf-8", "surrogatepass")
    if ending == "parquet":
        out = io.BytesIO()
        pd.DataFrame(rows).to_parquet(out)
        return out.getvalue()
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter="\t" if ending == "tsv" else ",", lineterminator="\n")
    writer.writerow(rows[0])
    writer.writerows(r.values() for r in rows)
    return out.getvalue().encode("utf-8", "surrogatepass")


def dicts(rows: list[Row]) -> list[dict]:
    return [dict(zip(header(rows), row, strict=True)) for row in rows]


def good(rng: random.Random, ending: str = "", packing: str | None = None) -> Case:
    """A sound data set."""
    labels, pair = rng.choice(LABELS), rng.random() < 0.3
    ending = ending or rng.choice(ENDINGS)
    packing = (rng.choice([*PACKED, ""]) if ending != "parquet" else "") if packing is None else packing

    def rows(n: int) -> list[Row]:
        words = lambda i: f"{rng.choice(TEXTS)} {i} {rng.choice(TEXTS)}"  # noqa: E731
        return [(*(words(i) for _ in range(1 + pair)), labels[i % len(labels)]) for i in range(n)]

    parts = {"train": rows(rng.randint(24, 60))}
    parts |= {name: rows(rng.randint(4, 12)) for name in ("validation", "test") if rng.random() < 0.6}
    files = {
        f"{name}.{ending}{packing}": PACKED[packing](encoded(dicts(found), ending)) for name, found in parts.items()
    }
    return Case("good", parts, files, ending, packing)


def rewritten(case: Case, change: Callable[[dict], dict], part: str = "train") -> dict[str, bytes]:
    """The files, with a change of every row of one part before it was written."""
    data = PACKED[case.packing](encoded([change(r) for r in dicts(case.parts[part])], case.ending))
    return case.files | {f"{part}.{case.ending}{case.packing}": data}


# Mutations: each takes a source of randomness and returns a case.


def shards(rng: random.Random) -> Case:
    case = good(rng)
    n, (name, rows) = rng.randint(2, 4), ("train", case.parts["train"])
    made = {
        f"{name}-{i:05d}-of-{n:05d}.{case.ending}{case.packing}": PACKED[case.packing](
            encoded(dicts(rows[len(rows) * i // n : len(rows) * (i + 1) // n]), case.ending)
        )
        for i in range(n)
    }
    files = made | {k: v for k, v in case.files.items() if k != case.first}
    how = rng.choice(["all", "one is missing", "one twice", "and the whole"])
    if how == "one is missing":
        files.pop(rng.choice(list(made)))
    if how == "one twice":
        other = "csv" if case.ending != "csv" else "tsv"
        files[f"train-00000-of-{n:05d}.{other}"] = encoded(dicts(rows), other)
    if how == "and the whole":
        files[case.first] = case.files[case.first]
    return replace(case, name=f"shards: {how}", files=files, expected="rows" if how == "all" else REFUSED)


def flipped(rng: random.Random) -> Case:
    case = good(rng)
    data = bytearray(case.files[case.first])
    for _ in range(rng.choice([1, 1, 2, 8])):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return replace(case, name="bytes flipped", files=case.files | {case.first: bytes(data)}, expected="any")


def cut(rng: random.Random) -> Case:
    case = good(rng)
    data = case.files[case.first]
    whole = case.packing or case.ending in ("json", "parquet")
    files = case.files | {case.first: data[: rng.randrange(len(data) - 1)]}
    return replace(case, name="cut", files=files, expected=REFUSED if whole else "cut")


def encoding(rng: random.Random) -> Case:
    case = good(rng, rng.choice(["jsonl", "json", "csv", "tsv"]), "")
    name = rng.choice(["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252"])
    text = case.files[case.first].decode()
    if name in ("latin-1", "cp1252"):
        text = text.replace("good", "größ").encode(name, "ignore")
        return replace(
            case, name=name, files=case.files | {case.first: text}, expected=REFUSED if b"gr\xf6" in text else "any"
        )
    expected = "rows" if name == "utf-8-sig" else REFUSED
    return replace(case, name=name, files=case.files | {case.first: text.encode(name)}, expected=expected)


def line_ends(rng: random.Random) -> Case:
    case = good(rng, rng.choice(["jsonl", "csv", "tsv"]), "")
    end = rng.choice([b"\r\n", b"\r"])
    parts = {k: [tuple(t.replace("\n", " ") for t in row) for row in rows] for k, rows in case.parts.items()}
    files = {f"{k}.{case.ending}": encoded(dicts(rows), case.ending).replace(b"\n", end) for k, rows in parts.items()}
    return replace(case, name="line ends", parts=parts, files=files, expected="rows" if end == b"\r\n" else REFUSED)


def blank_lines(rng: random.Random) -> Case:
    case = good(rng, "jsonl", "")
    lines = case.files[case.first].split(b"\n")
    for _ in range(3):
        lines.insert(rng.randrange(len(lines)), rng.choice([b"", b"  ", b"\t", b"\r"]))
    return replace(case, name="blank lines", files=case.files | {case.first: b"\n".join(lines)})


def columns(rng: random.Random) -> Case:
    case = good(rng)
    names = {name: f"{name} {rng.choice(['of them', 'ß', '$x$', '1'])}" for name in header(case.parts["train"])}
    how = rng.choice(["mapped", "not mapped", "wrongly mapped", "more", "in another order", "by file"])
    files, variables = {}, {}
    for part, rows in case.parts.items():
        made = [{names[k]: v for k, v in r.items()} for r in dicts(rows)]
        if how == "more":
            made = [{"id": i, **r, "note": None} for i, r in enumerate(dicts(rows))]
        if how == "in another order":
            made = [dict(reversed(r.items())) for r in dicts(rows)]
        files[f"{part}.{case.ending}{case.packing}"] = PACKED[case.packing](encoded(made, case.ending))
    said = ",".join(f"{ours}={theirs}" for ours, theirs in names.items())
    if how == "by file":
        files["dataset.toml"] = ("[columns]\n" + "".join(f"{k} = {v!r}\n" for k, v in names.items())).encode()
    if how in ("mapped", "wrongly mapped"):
        variables["MIXUTILS_COLUMNS"] = said if how == "mapped" else said + "!"
    expected = REFUSED if how in ("not mapped", "wrongly mapped") else "rows"
    return replace(case, name=f"columns: {how}", files=files, variables=variables, expected=expected)


def swapped(rng: random.Random) -> Case:
    case = good(rng)
    names = {"text": "label", "label": "text"}

    def rename(row: dict) -> dict:
        pair = len(row) == 3
        return row | {"text_a": row["label"], "label": row["text_a"]} if pair else {names[k]: v for k, v in row.items()}

    files = {}
    for part in case.parts:
        files |= {k: v for k, v in rewritten(case, rename, part).items() if k.startswith(part)}
    # Of a pair the second text still tells rows apart.
    return replace(
        case,
        name="text and label swapped",
        files=files,
        expected=REFUSED if len(case.parts["train"][0]) == 2 else "any",
    )


def part_names(rng: random.Random) -> Case:
    case = good(rng)
    ending = case.ending + case.packing
    name, expected = rng.choice(
        [(f"{p}.{ending}", "rows") for p in ("Train", "TRAIN", "training")]
        + [(f"{p}.{ending}", REFUSED) for p in ("eval", "train_1", "my-train", "train (1)", "test.train", "trai", "train ", "tränen")]
        + [(f"train.{e}", REFUSED) for e in ("txt", "xlsx", "jsonl.zst", "ndjson", "csv.bak", "feather", "pkl", "data")]
        + [("train", REFUSED), (f".train.{ending}", REFUSED), ("train\n.csv", REFUSED), (f"train-00001-of-00001.{ending}", REFUSED)]
    )  # fmt: skip
    files = {name: case.files[case.first]} | {k: v for k, v in case.files.items() if k != case.first}
    return replace(case, name=f"called {name!r}", files=files, expected=expected)


def more_files(rng: random.Random) -> Case:
    case = good(rng)
    harmless = [
        "README.md",
        "README",
        "LICENSE.txt",
        ".gitattributes",
        "dataset_infos.json",
        ".x.csv",
        "load.py",
        "sub/image.png",
    ]
    bad = [
        "Test.xlsx",
        "extra.csv",
        "eval.csv",
        "dev.txt",
        "sub/test.csv",
        "config.json",
        "test.npz",
        "train.csv.old",
        "a/b/c.parquet",
    ]
    name = rng.choice(harmless + bad)
    files = case.files | {name: rng.choice([b"", b"a,b\n", b"\x00\xff"])}
    return replace(case, name=f"with {name}", files=files, expected="rows" if name in harmless else REFUSED)


def links(rng: random.Random) -> Case:
    case = good(rng)
    name, target = rng.choice(
        [
            ("test.tsv.gz", "nowhere"),
            ("test.tsv.gz", "test.tsv.gz"),
            ("validation.json", None),
            ("dev.parquet", "/"),
            ("x", "/nowhere"),
        ]
    )
    harmless = name == "x"
    return replace(
        case,
        name=f"link {name} to {target}",
        files=case.files | {name: target},
        expected="rows" if harmless else REFUSED,
    )


def other_content(rng: random.Random) -> Case:
    case = good(rng)
    others = [e for e in ENDINGS if e != case.ending and {e, case.ending} != {"json", "jsonl"}]
    data = encoded(dicts(case.parts["train"]), rng.choice(others))
    if case.ending != "parquet" and rng.random() < 0.3:
        data, packing = PACKED[rng.choice([".gz", ".bz2", ".xz"])](encoded(dicts(case.parts["train"]), case.ending)), ""
        files = {f"train.{case.ending}": data} | {k: v for k, v in case.files.items() if k != case.first}
        return replace(case, name="packed, and not called so", packing=packing, files=files, expected=REFUSED)
    return replace(
        case, name="another format", files=case.files | {case.first: PACKED[case.packing](data)}, expected=REFUSED
    )


def look_alikes(rng: random.Random) -> Case:
    case = good(rng)
    alike = [lambda x: x + " ", lambda x: "\xa0" + x, lambda x: x.upper(), lambda x: unicodedata.normalize("NFD", x)]
    alike += [lambda x: x + ".0", lambda x: "0" + x, lambda x: x + "\u200b", lambda x: "\ufeff" + x, str.title]
    change, rows = rng.choice(alike), case.parts["train"]
    at = rng.randrange(len(rows))
    other = change(rows[at][-1])
    parts = case.parts | {"train": [(*row[:-1], other if i == at else row[-1]) for i, row in enumerate(rows)]}
    files = rewritten(replace(case, parts=parts), lambda r: r)
    number = other.endswith(".0") or other.startswith("0")
    sure = other != rows[at][-1] and (not number or rows[at][-1].isdigit())
    if rng.random() < 0.5 and sure:
        said = {"MIXUTILS_LABELS": "strip,nfkc,casefold,number"}
        plain = {k: [(*r[:-1], r[-1].casefold()) for r in v] for k, v in case.parts.items()}
        return replace(case, name="alike, and accepted", parts=plain, files=files, variables=said)
    return replace(case, name=f"alike {other!r}", parts=parts, files=files, expected=REFUSED if sure else "either")


def odd_values(rng: random.Random) -> Case:
    case = good(rng, rng.choice(["jsonl", "json"]))
    value = rng.choice(["null", "NaN", "-Infinity", "true", "[]", '["a", "b"]', '{"a": 1}', "9" * 5000, '"\\u0000"', '"\\ud83d"', '""', '" "', "7", "1e400"])  # fmt: skip
    name, rows = rng.choice(header(case.parts["train"])), dicts(case.parts["train"])
    rows[rng.randrange(len(rows))][name] = "@@@"
    data = encoded(rows, case.ending).replace(b'"@@@"', value.encode())
    empty_text = name != "label" and value in ('""', '" "')
    number = name == "label" and value == "7"
    files = case.files | {case.first: PACKED[case.packing](data)}
    return replace(
        case, name=f"{name} = {value[:20]}", files=files, expected="any" if empty_text or number else REFUSED
    )


def ragged(rng: random.Random) -> Case:
    case = good(rng, rng.choice(["csv", "tsv"]))
    lines = encoded(dicts(case.parts["train"]), case.ending).decode()
    mark = "\t" if case.ending == "tsv" else ","
    line = rng.choice(
        ["one", f"a{mark}b{mark}c{mark}d", '"open', f'x"y"{mark}"z"w', f"{mark}" * 5, lines.split("\n")[0], "  "]
    )
    data = (lines + line + rng.choice(["", "\n"])).encode()
    return replace(
        case, name=f"the line {line!r}", files=case.files | {case.first: PACKED[case.packing](data)}, expected=REFUSED
    )


def twice(rng: random.Random) -> Case:
    case = good(rng, rng.choice(["jsonl", "json", "csv", "tsv"]), "")
    text = case.files[case.first].decode()
    if case.ending in ("csv", "tsv"):
        mark = "\t" if case.ending == "tsv" else ","
        head, _, rest = text.partition("\n")
        rows = list(csv.reader(io.StringIO(rest, newline=""), delimiter=mark))
        out = io.StringIO(newline="")
        csv.writer(out, delimiter=mark, lineterminator="\n").writerows([*r, "other"] for r in rows)
        text = f"{head}{mark}{rng.choice(head.split(mark))}\n{out.getvalue()}"
    else:
        text = text.replace('"label": ', '"label": "x", "label": ', 1)
    return replace(case, name="a column twice", files=case.files | {case.first: text.encode()}, expected=REFUSED)


def settings(rng: random.Random) -> Case:
    case = good(rng)
    said, expected = rng.choice(
        [
            (b"", "rows"),
            (b'policy = "tenths"\nlanguage = "Hindi"', "rows"),
            (b"\xef\xbb\xbflabels = []", "rows"),
            (b"\xff\xfe", REFUSED),
            (b"[columns", REFUSED),
            (b"columns = 3", REFUSED),
            (b"[columns]\ntext = 3", REFUSED),
            (b"[columns]\nbody = 'text'", REFUSED),
            (b"labels = [1]", REFUSED),
            (b"labels = ['lower']", REFUSED),
            (b"policy = 'pool-1'", REFUSED),
            (b"positive = 'none of them'", REFUSED),
            (b"metric = 'f1'", REFUSED),
            (b"x = 1", REFUSED),
            (b"a = " + b"[" * 5000, REFUSED),
        ]
    )
    return replace(
        case, name=f"dataset.toml {said[:30]!r}", files=case.files | {"dataset.toml": said}, expected=expected
    )


def saved(rng: random.Random) -> Case:
    """As ``save_to_disk`` of ``datasets`` writes it, with numbers for classes."""
    case = good(rng, "parquet")
    rows, labels = dicts(case.parts["train"]), sorted({row[-1] for row in case.parts["train"]})
    features = {"label": {"names": labels, "_type": "ClassLabel"}}
    how = rng.choice(
        [
            "whole",
            "whole",
            "cut",
            "flipped",
            "another index",
            "a class that is none",
            "one file is missing",
            "one file more",
        ]
    )
    table = pa.Table.from_pylist([row | {"label": labels.index(row["label"])} for row in rows])
    if how == "a class that is none":
        features["label"]["names"] = labels[:-1]
    table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    out = io.BytesIO()
    with pa.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table, max_chunksize=7)
    data, name = bytearray(out.getvalue()), "data-00000-of-00001.arrow"
    if how == "cut":
        data = data[: rng.randrange(len(data) - 1)]
    if how == "flipped":
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    state = b"{}" if how == "another index" else json.dumps({"_data_files": [{"filename": name}]}).encode()
    files: dict = {name: bytes(data), "state.json": state, "dataset_info.json": b"{}"}
    if how == "one file is missing":
        files.pop(name)
    if how == "one file more":
        files["test.csv"] = b"text,label\n"
    expected = {"whole": "rows", "flipped": "any", "cut": "cut"}.get(how, REFUSED)
    return replace(case, name=f"saved: {how}", parts={"train": case.parts["train"]}, files=files, expected=expected)


def too_little(rng: random.Random) -> Case:
    case = good(rng)
    rows = case.parts["train"]
    few = rng.choice(
        [rows[:1], [r for r in rows if r[-1] == rows[0][-1]], [(*("" for _ in r[:-1]), r[-1]) for r in rows]]
    )
    parts = {"train": few}
    if rng.random() < 0.5:
        files = {f"train.{case.ending}": b""}
    else:
        files = {f"train.{case.ending}{case.packing}": PACKED[case.packing](encoded(dicts(few), case.ending))}
    return replace(case, name="too little", parts=parts, files=files, expected=REFUSED)


MUTATIONS = [
    good,
    shards,
    flipped,
    cut,
    encoding,
    line_ends,
    blank_lines,
    columns,
    swapped,
    part_names,
    more_files,
    links,
]
MUTATIONS += [other_content, look_alikes, odd_values, ragged, twice, settings, saved, too_little]
MUTATIONS += [flipped, cut, odd_values]  # there are more ways to do these


def cases(seed: int, n: int) -> Iterator[Case]:
    """``n`` cases, each mutation in turn; the same for a seed."""
    for i in range(n):
        yield MUTATIONS[i % len(MUTATIONS)](random.Random(f"{seed}-{i}"))


def write(case: Case, folder: Path) -> None:
    folder.mkdir()
    for name, content in case.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            path.mkdir()
        elif isinstance(content, str):
            path.symlink_to(content)
        else:
            path.write_bytes(content)


def rows_of(data: TaskData, part: str) -> list[Row]:
    split = data.splits[part]
    return [(*texts, data.labels[i]) for texts, i in zip(split.texts(), split.labels, strict=True)]


def wrong(case: Case, data: TaskData) -> str:
    """What is wrong with data that were accepted, or ""."""
    if case.expected == REFUSED:
        return "accepted"
    if {*data.splits} != {*case.parts}:
        return f"parts {[*data.splits]}, given {[*case.parts]}"
    for part, given in case.parts.items():
        found = rows_of(data, part)
        if case.expected == "cut" and part == "train":
            same = found[:-1] == given[: len(found) - 1]
            if not same or not all(g.startswith(f) for f, g in zip(found[-1], given[len(found) - 1], strict=True)):
                return f"{part}: not the first {len(found)} rows"
        elif case.expected == "any" and part == "train":
            if len(found) != len(given):
                return f"{part}: {len(found)} rows, given {len(given)}"
        elif found != given:
            at = next(
                (i for i, (a, b) in enumerate(zip(found, given, strict=False)) if a != b), min(len(found), len(given))
            )
            return f"{part}: {len(found)} rows, given {len(given)}; other from row {at}: {found[at : at + 1]}, {given[at : at + 1]}"
    return ""


def wrong_cut(data: TaskData, rng: random.Random) -> str:
    """What is wrong with the parts that a random policy and subset make, or ""."""
    name = rng.choice(list(POLICIES)).replace("V-T", f"{rng.randint(0, 9)}-{rng.randint(0, 40)}")
    name += rng.choice(["", "-grouped"])
    try:
        made = apply_policy(data, name, rng.randrange(10))
        made = subset(
            made,
            rng.choice([None, 1, 5, 1000]),
            rng.choice(["stratified", "balanced", "random", "fixed"]),
            0,
            rng.choice([None, 3]),
        )
    except DataError:
        return ""
    source = sum((Counter(rows_of(data, part)) for part in data.splits), Counter())
    taken = sum((Counter(rows_of(made, part)) for part in made.splits), Counter())
    return f"{name}: rows that were not given, or twice" if taken - source else ""


@contextlib.contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """A TimeoutError after so long; a timer that runs already goes on afterwards."""

    def late(*_):
        raise TimeoutError

    handler, left = signal.signal(signal.SIGALRM, late), signal.setitimer(signal.ITIMER_REAL, seconds)[0]
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, left)
        signal.signal(signal.SIGALRM, handler)


def fault(case: Case, rng: random.Random, outcomes: Counter) -> str:
    """What is wrong with what comes of a case, or ""."""
    with tempfile.TemporaryDirectory() as root:
        write(case, Path(root) / "mine")
        os.environ |= {"MIXUTILS_DATA": root, "MIXUTILS_COLUMNS": "", "MIXUTILS_LABELS": ""} | case.variables
        try:
            with deadline(DEADLINE):
                data = load_task("mine", False)
                outcomes["accepted"] += 1
                return wrong(case, data) or wrong_cut(data, rng)
        except DataError as error:
            outcomes["refused"] += 1
            if not str(error).isprintable():
                return f"a message of several lines: {error!r}"
            return "" if case.expected != "rows" else f"refused: {error}"
        except TimeoutError:
            return "hangs"
        except Exception:
            return traceback.format_exc()


def run(seed: int, n: int, outcomes: Counter | None = None) -> list[str]:
    """All faults of ``n`` cases; ``outcomes`` counts what was accepted and refused."""
    kept, found = dict(os.environ), []
    outcomes = Counter() if outcomes is None else outcomes
    try:
        for i, case in enumerate(cases(seed, n)):
            if text := fault(case, random.Random(f"{seed}-{i}-cut"), outcomes):
                found.append(f"seed {seed}, case {i}, {case.name} ({case.first}, {case.expected}): {text}")
    finally:
        os.environ.clear()
        os.environ.update(kept)
    return found


if __name__ == "__main__":
    seed, n = (*map(int, sys.argv[1:3]), *(0, 600)[len(sys.argv) - 1 :])
    counts: Counter = Counter()
    faults = run(seed, n, counts)
    print("\n".join(faults))
    print(f"{n} cases: {dict(counts)}, {len(faults)} faults")
    sys.exit(bool(faults))
