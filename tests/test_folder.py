"""Files of a data folder: four formats with the same rows, and every kind of bad file with its name and line."""

from __future__ import annotations

import csv
import json
import re
import sys
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mixutils.tasks import DataError
from mixutils.tasks.folder import FORMATS, OTHER_NAMES, PARTS, names, parts, read

SINGLE = [{"text": "good, they said", "label": "yes"}, {"text": 'a "bad" one\nin two lines', "label": "no"}]
PAIRS = [{"text_a": "one\tand", "text_b": "", "label": "3"}, {"text_a": " ", "text_b": "zwölf ☃", "label": "-1"}]


def write(path: Path, rows: list[dict]) -> Path:
    """Rows as a file of the format that the name ends with, written by pandas."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame(rows)
    if path.suffix == ".json":
        path.write_text(json.dumps(rows, indent=1), "utf-8")
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    elif path.suffix == ".parquet":
        table.to_parquet(path)
    else:
        table.to_csv(path, index=False, sep="\t" if path.suffix == ".tsv" else ",")
    return path


def fields(path: Path) -> list[tuple]:
    return [row[:3] for row in read(path)]


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("rows", [SINGLE, PAIRS], ids=["single", "pairs"])
def test_every_format_holds_the_same_rows(ending, rows, tmp_path):
    expected = [(r.get("text", r.get("text_a")), r.get("text_b"), r["label"]) for r in rows]
    assert fields(write(tmp_path / f"train.{ending}", rows)) == expected


any_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@pytest.mark.parametrize("ending", FORMATS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(any_text, any_text.filter(str.strip)), min_size=1, max_size=6))
def test_any_text_comes_back_to_the_character(ending, rows, tmp_path):
    path = tmp_path / f"train.{ending}"
    if ending in ("csv", "tsv"):
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter="\t" if ending == "tsv" else ",", quoting=csv.QUOTE_ALL)
            writer.writerows([("text", "label"), *rows])
    else:
        write(path, [{"text": text, "label": label} for text, label in rows])
    assert fields(path) == [(text, None, label) for text, label in rows]


def test_a_row_knows_its_file_and_line(tmp_path):
    jsonl = tmp_path / "train.jsonl"
    jsonl.write_text('{"text": "a", "label": "x"}\n\n  \n{"text": "b", "label": "y"}', "utf-8")
    assert [row.place for row in read(jsonl)] == [(jsonl, 1), (jsonl, 4)]
    table = tmp_path / "train.csv"
    table.write_text('text,label\n"two\nlines",x\n\n\nb,y\n', "utf-8")
    assert [row.place for row in read(table)] == [(table, 2), (table, 6)]
    assert [row.place[1] for row in read(write(tmp_path / "train.parquet", SINGLE))] == [1, 2]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "byte-order mark"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("train.jsonl", [b'{"text": "\xc3\xa4", "label": "x"}', b'{"text": "b", "label": "y"}']),
        ("train.csv", [b"text,label", b"\xc3\xa4,x", b'"b",y']),
        ("train.tsv", [b"label\ttext", b"x\t\xc3\xa4", b"y\tb"]),
    ],
)
def test_marks_and_line_ends_of_windows_are_no_part_of_the_data(name, lines, end, mark, tmp_path):
    path = tmp_path / name
    path.write_bytes(mark + end.join(lines) + end)
    assert fields(path) == [("ä", None, "x"), ("b", None, "y")]


def test_numbers_are_labels_by_their_decimal_text(tmp_path):
    rows = [{"text": "a", "label": 0}, {"text": "b", "label": 12}]
    for ending in FORMATS:
        assert [row.label for row in read(write(tmp_path / f"train.{ending}", rows))] == ["0", "12"], ending


def test_other_columns_and_their_order_do_not_matter(tmp_path):
    rows = [{"idx": 7, "label": "x", "extra": None, "text": "a"}]
    for ending in FORMATS:
        assert fields(write(tmp_path / f"train.{ending}", rows)) == [("a", None, "x")], ending


@pytest.mark.parametrize(
    ("columns", "read_as"),
    [
        (("text_a", "text_b"), ("1", "2")),
        (("text", "text_b"), ("1", "2")),
        (("sentence1", "sentence2"), ("1", "2")),
        (("premise", "hypothesis"), ("1", "2")),
        (("question", "sentence"), ("1", "2")),
        (("text_a", "text_b", "text"), ("1", "2")),  # ours win
        (("sentence1", "sentence2", "text"), ("3", None)),  # one text, and two other columns
        (("text", "question"), ("1", None)),
    ],
)
@pytest.mark.parametrize("ending", FORMATS)
def test_pairs_may_have_the_names_that_others_give_them(columns, read_as, ending, tmp_path):
    row = {name: str(i) for i, name in enumerate(columns, 1)} | {"label": "x"}
    assert fields(write(tmp_path / f"train.{ending}", [row])) == [(*read_as, "x")]


def test_a_text_may_be_longer_than_csv_takes_by_itself(tmp_path):
    row = {"text": "long " * 40_000, "label": "x"}
    assert fields(write(tmp_path / "train.csv", [row]))[0][0] == row["text"]


def test_empty_texts_are_rows(tmp_path):
    rows = [{"text": "", "label": "x"}, {"text": " ", "label": "y"}]
    for ending in FORMATS:
        assert fields(write(tmp_path / f"train.{ending}", rows)) == [("", None, "x"), (" ", None, "y")], ending


GOOD = b'{"text": "a", "label": "x"}\n'
HEAD = b"text,label\na,x\n"
BAD = {
    "empty file": ("train.jsonl", b"", None, "the file is empty"),
    "only line ends": ("train.jsonl", b"\n\r\n", None, "no rows"),
    "only a byte-order mark": ("train.jsonl", b"\xef\xbb\xbf", None, "no rows"),
    "only a header": ("train.csv", b"text,label\n", None, "no rows"),
    "broken JSON": ("train.jsonl", GOOD + b'{"text": "b", "label": \n', 2, "broken JSON (Expecting value at column"),
    "half a line": ("train.jsonl", GOOD * 2 + b'{"text": "b", "la', 3, "broken JSON"),
    "two objects on a line": ("train.jsonl", GOOD[:-1] + GOOD, 1, "broken JSON (Extra data"),
    "line ends of an old Mac": ("train.jsonl", GOOD.replace(b"\n", b"\r") * 2, 1, "broken JSON (Extra data"),
    "a list": ("train.jsonl", GOOD + b'["b", "y"]\n', 2, "expected a JSON object, got list"),
    "no label": ("train.jsonl", GOOD + b'{"text": "b"}\n', 2, "no value for 'label'; the row has text; expected text"),
    "no text": (
        "train.jsonl",
        b'{"sentence": "b", "label": "y"}\n',
        1,
        "no value for 'text'; the row has sentence, label",
    ),
    "nothing in the row": ("train.jsonl", b"{}\n", 1, "the row has nothing"),
    "half a pair": ("train.jsonl", b'{"text_a": "b", "label": "y"}\n', 1, "no value for 'text_b'"),
    "the other half": ("train.jsonl", b'{"text_b": "b", "label": "y"}\n', 1, "no value for 'text_a'"),
    "null text": ("train.jsonl", GOOD + b'{"text": null, "label": "y"}\n', 2, "no value for 'text'"),
    "null label": ("train.jsonl", GOOD + b'{"text": "b", "label": null}\n', 2, "no value for 'label'"),
    "empty label": ("train.jsonl", GOOD + b'{"text": "b", "label": ""}\n', 2, "no value for 'label'"),
    "a number as text": ("train.jsonl", GOOD + b'{"text": 5, "label": "y"}\n', 2, "'text' must be text, not int (5)"),
    "a list as label": (
        "train.jsonl",
        GOOD + b'{"text": "b", "label": ["y"]}\n',
        2,
        "'label' must be a name or a number",
    ),
    "a boolean as label": ("train.jsonl", GOOD + b'{"text": "b", "label": true}\n', 2, "not bool (True)"),
    "no number as label": ("train.jsonl", GOOD + b'{"text": "b", "label": NaN}\n', 2, "no value for 'label'"),
    "half a character": (
        "train.jsonl",
        GOOD + b'{"text": "b\\ud83d", "label": "y"}\n',
        2,
        "'text' holds half of a character",
    ),
    "half a character as label": (
        "train.jsonl",
        GOOD + b'{"text": "b", "label": "\\udc00"}\n',
        2,
        "'label' holds half",
    ),
    "Latin-1": ("train.jsonl", GOOD + 'xyz{"text": "ä"}\n'.encode("latin-1"), 2, "not UTF-8 (byte 0xe4 at column 14)"),
    "Latin-1 after a mark": ("train.csv", b"\xef\xbb\xbft\xe4xt,label\n", 1, "not UTF-8 (byte 0xe4 at column 2)"),
    "UTF-16": ("train.csv", "text,label\n".encode("utf-16"), 1, "not UTF-8 but UTF-16; save"),
    "no header": (
        "train.csv",
        b"a,x\nb,y\n",
        2,
        "the row has a, x by the first line, which is the header; expected text and label, or",
    ),
    "semicolons": (
        "train.csv",
        b"text;label\na;x\n",
        2,
        "the row has text;label; expected commas between columns, not ';'",
    ),
    "commas in a TSV": ("train.tsv", HEAD, 2, "the row has text,label; expected tabs between columns, not ','"),
    "half a pair in the header": ("train.csv", b"text_a,label\na,x\n", 2, "no value for 'text_b'"),
    "too many fields": ("train.csv", HEAD + b"b, and c,y\n", 3, "more fields (3) than the header has (2)"),
    "too few fields": ("train.csv", HEAD + b"\nb\n", 4, "fewer fields (1) than the header has (2)"),
    "quotes that do not close": ("train.csv", HEAD + b'\n\n"b,y\nc,z\n', 5, "broken quoting"),
    "quotes inside a field": ("train.tsv", b'text\tlabel\n"b" they said\ty\n', 2, "broken quoting"),
    "line ends of an old Mac in a CSV": ("train.csv", HEAD.replace(b"\n", b"\r"), 1, "broken quoting or line end"),
    "no Parquet": ("train.parquet", b"PAR1 not really", None, "not a readable Parquet file"),
}


@pytest.mark.parametrize(("name", "content", "line", "complaint"), BAD.values(), ids=BAD)
def test_bad_data_are_refused_with_file_and_line(name, content, line, complaint, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read(path)
    where = f"{path}: " if line is None else f"{path}, line {line}: "
    assert str(caught.value).startswith(where)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("rows", "row", "complaint"),
    [
        ([{"sentence": "a", "label": "x"}], 1, "no value for 'text'; the row has sentence, label"),
        ([{"text": "a", "label": "x"}, {"text": None, "label": "y"}], 2, "no value for 'text'"),
        ([{"text": "a", "label": 1.0}, {"text": "b", "label": float("nan")}], 2, "'label'"),
        ([{"text": 1, "label": "x"}], 1, "'text' must be text, not int (1)"),
    ],
)
def test_bad_rows_of_parquet_are_refused_by_their_number(rows, row, complaint, tmp_path):
    path = write(tmp_path / "train.parquet", rows)
    with pytest.raises(DataError, match=re.escape(f"{path}, line {row}: ")) as caught:
        read(path)
    assert complaint in str(caught.value)


def test_a_parquet_file_without_rows_is_refused(tmp_path):
    path = tmp_path / "train.parquet"
    pd.DataFrame({"text": [], "label": []}).to_parquet(path)
    with pytest.raises(DataError, match="there are no rows"):
        read(path)


def test_parquet_without_pyarrow_says_how_to_install_it(tmp_path, monkeypatch):
    path = write(tmp_path / "train.parquet", SINGLE)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(DataError, match="pip install pyarrow"):
        read(path)


def test_a_part_is_found_in_any_format_but_only_in_one(tmp_path):
    assert parts(tmp_path) == {}
    for ending in FORMATS:
        path = write(tmp_path / ending / f"train.{ending}", SINGLE)
        assert parts(tmp_path / ending) == {"train": [path]}
    (tmp_path / "csv" / "train.jsonl").write_bytes(GOOD)
    with pytest.raises(DataError, match=r"train\.csv and train\.jsonl are both there; keep one"):
        parts(tmp_path / "csv")


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("name", OTHER_NAMES)
def test_a_part_is_read_under_the_names_that_others_give_it_but_only_under_one(name, ending, tmp_path):
    other, part = write(tmp_path / f"{name}.{ending}", SINGLE), OTHER_NAMES[name]
    assert parts(tmp_path) == {part: [other]}
    write(tmp_path / f"{part}.tsv", SINGLE)
    with pytest.raises(
        DataError, match=rf"are both there for the part {part}; keep one" if ending != "tsv" else "both"
    ):
        parts(tmp_path)


def test_only_folders_with_data_files_have_names(tmp_path):
    write(tmp_path / "b" / "train.csv", SINGLE)
    write(tmp_path / "a" / "test.parquet", SINGLE)
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "README.md").write_text("no data")
    (tmp_path / "loose.jsonl").write_bytes(GOOD)
    assert names(tmp_path) == ["a", "b"]


@pytest.mark.realdata
def test_real_files_have_the_label_counts_that_their_readme_says(data_folder):
    readme = data_folder / "README.md"
    if not readme.is_file() or "## Label counts" not in readme.read_text("utf-8"):
        pytest.skip("the data folder has no README.md with label counts")
    table = readme.read_text("utf-8").split("## Label counts")[1].split("\n## ")[0]
    checked, name = 0, ""
    for line in re.findall(r"^\|(.*)\|$", table, re.MULTILINE)[2:]:
        first, part, counts = (cell.strip().strip("`") for cell in line.split("|"))
        name = first or name  # further parts leave the first cell empty
        if ": 600 each" in counts:
            expected = dict.fromkeys(counts.removesuffix(": 600 each").split(", "), 600)
        else:
            expected = {c.rsplit(" ", 1)[0]: int(c.rsplit(" ", 1)[1]) for c in counts.split(", ")}
        for path in parts(data_folder / name, [part, *PARTS]).get(part, ()):
            assert Counter(row.label for row in read(path)) == expected, path
            checked += 1
    assert checked
