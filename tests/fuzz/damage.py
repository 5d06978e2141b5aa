"""What can be odd about a data folder, or broken: every mutation takes a source of randomness and returns a case."""

from __future__ import annotations

import csv
import io
import json
import random
import unicodedata
from dataclasses import replace

import pyarrow as pa

from .folders import ENDINGS, PACKED, REFUSED, Case, dicts, encoded, good, header, rewritten


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
