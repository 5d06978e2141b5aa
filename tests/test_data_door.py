"""The door for a user's own data: a table of folders, to which anybody can add a row.

A row is a name, the files of the folder (text, bytes, or rows for a format that the name ends with), and what comes of it: the
rows of each part, or a piece of the one line that refuses it. "columns" and "labels" among the files are the command line's.
"""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
from pathlib import Path

import pandas as pd
import pytest

from mixutils import cli
from mixutils.companion import make_plan
from mixutils.papers.base import own_column
from mixutils.tasks import DataError, apply_policy, at_hand, load_task, own_wishes
from tests.fuzz import data as fuzz
from tests.test_folder import write

ROWS = [{"text": f"text {i} is {'good' if i % 2 else 'bad'}", "label": "yn"[i % 2]} for i in range(40)]
FEW = [{"text": f"other {i}", "label": "yn"[i % 2]} for i in range(4)]
LINES, FEW_LINES = ("".join(json.dumps(r) + "\n" for r in rows) for rows in (ROWS, FEW))
CSV = "text,label\n" + "".join(f"{r['text']},{r['label']}\n" for r in ROWS)
TWO, THREE = {"train": 40, "test": 4}, {"train": 40, "validation": 4, "test": 4}


def renamed(rows: list[dict], **names: str) -> list[dict]:
    return [{names.get(k, k): v for k, v in row.items()} for row in rows]


def labelled(labels, texts=None) -> list[dict]:
    return [{"text": texts[i] if texts else f"text {i}", "label": label} for i, label in enumerate(labels)]


GOOD = {
    # Names and formats.
    "other names of parts": ({"training.csv": ROWS, "dev.csv": FEW, "testing.csv": FEW}, THREE),
    "valid": ({"train.csv": ROWS, "valid.tsv": FEW, "test.jsonl": FEW}, THREE),
    "val": ({"train.csv": ROWS, "val.parquet": FEW, "test.json": FEW}, THREE),
    "capitals": ({"Train.CSV": CSV, "TEST.jsonl": FEW}, TWO),
    "a JSON array": ({"train.json": json.dumps(ROWS, indent=2), "test.json": FEW_LINES}, TWO),
    "an array that begins on a later line": ({"train.json": "\n\n" + json.dumps(ROWS), "test.csv": FEW}, TWO),
    "gzip": ({"train.jsonl.gz": gzip.compress(LINES.encode()), "test.jsonl": FEW}, TWO),
    "gzip of an array": ({"train.json.gz": gzip.compress(json.dumps(ROWS).encode()), "test.jsonl": FEW}, TWO),
    "bzip2": ({"train.csv.bz2": bz2.compress(CSV.encode()), "test.jsonl": FEW}, TWO),
    "xz": ({"train.csv.xz": lzma.compress(CSV.encode()), "test.jsonl": FEW}, TWO),
    "shards": ({f"train-0000{i}-of-00002.jsonl": ROWS[i::2] for i in (0, 1)} | {"test.csv": FEW}, TWO),
    "shards of the old hub": (
        {"train-00000-of-00001-0123456789abcdef.parquet": ROWS, "test-00000-of-00001.parquet": FEW},
        TWO,
    ),
    "compressed shards": ({"train-00000-of-00001.jsonl.gz": gzip.compress(LINES.encode()), "test.csv": FEW}, TWO),
    "a repository of the hub": (
        {
            "data/train-00000-of-00001.parquet": ROWS,
            "data/test-00000-of-00001.parquet": FEW,
            "README.md": "---\ndataset_info: {}\n---",
            ".gitattributes": "",
            ".cache/huggingface/download/train.metadata": "",
            "dataset_infos.json": "{}",
        },
        TWO,
    ),
    "what is no data": (
        {
            "train.csv": ROWS,
            "test.csv": FEW,
            "LICENSE.txt": "",
            "README.csv": "",
            "make.py": "",
            "paper.pdf": "",
            "x/y.png": "",
        },
        TWO,
    ),
    "Windows": ({"train.csv": b"\xef\xbb\xbf" + CSV.replace("\n", "\r\n").encode(), "test.csv": FEW}, TWO),
    # Columns.
    "--columns": (
        {"train.csv": renamed(ROWS, text="review", label="stars"), "columns": "text=review,label=stars"},
        {"train": 40},
    ),
    "--columns of the label alone": (
        {"train.csv": renamed(ROWS, label="stars"), "columns": "label=stars"},
        {"train": 40},
    ),
    "--columns of a pair": (
        {"train.jsonl": [r | {"q": "?"} for r in ROWS], "columns": "text_a=q,text_b=text"},
        {"train": 40},
    ),
    "columns in dataset.toml": (
        {"train.csv": renamed(ROWS, text="a review"), "dataset.toml": 'columns.text = "a review"'},
        {"train": 40},
    ),
    "--columns goes before dataset.toml": (
        {"train.csv": renamed(ROWS, text="b"), "dataset.toml": 'columns.text = "a"', "columns": "text=b"},
        {"train": 40},
    ),
    "a column that is mapped goes before ours": (
        {"train.csv": [r | {"stars": r["label"], "label": ""} for r in ROWS], "columns": "label=stars"},
        {"train": 40},
    ),
    # Labels.
    "labels that are alike": (
        {"train.csv": labelled(["a", "A ", "b", "B"] * 10), "labels": "strip,casefold"},
        {"train": 40},
    ),
    "labels by dataset.toml": (
        {"train.csv": labelled(["1", "1.0", "01", "2"] * 10), "dataset.toml": 'labels = ["number"]'},
        {"train": 40},
    ),
    "one row per class": ({"train.csv": labelled(f"class {i}" for i in range(30))}, {"train": 30}),
    "half stars": ({"train.jsonl": labelled([1.0, 1.5, 2.0, 2.5] * 10)}, {"train": 40}),
    "huge numbers": ({"train.jsonl": labelled([10**30, 10**31] * 10)}, {"train": 20}),
    "some empty texts": ({"train.jsonl": [*ROWS, {"text": "", "label": "y"}]}, {"train": 41}),
}

BAD = {
    # Names and formats.
    "a spreadsheet": ({"train.csv": ROWS, "test.xlsx": b"PK\x03\x04"}, "test.xlsx: not read as a part of the data set: save it as CSV"),
    "plain text": ({"train.txt": "a\n", "train.csv": ROWS}, "train.txt: not read as a part"),
    "eval": ({"train.csv": ROWS, "eval.csv": FEW}, "eval may be validation or test; rename it"),
    "an archive": ({"train.csv": ROWS, "test.zip": b"PK"}, "test.zip: not read as a part of the data set: unpack it"),
    "Zstandard": ({"train.csv": ROWS, "test.jsonl.zst": b"\x28\xb5\x2f\xfd"}, "test.jsonl.zst: not read as a part of the data set: unpack"),
    "another table": ({"train.csv": ROWS, "more.csv": FEW}, "more.csv: not read as a part"),
    "a part of another name": ({"train.csv": ROWS, "unsupervised.parquet": FEW}, "unsupervised.parquet: not read"),
    "a copy": ({"train.csv": ROWS, "test (1).csv": FEW}, "test (1).csv: not read as a part"),
    "a backup": ({"train.csv": ROWS, "test.csv~": "x"}, "test.csv~: not read as a part"),
    "a part without an ending": ({"train.csv": ROWS, "test": CSV}, "test: not read as a part"),
    "a folder called as a file": ({"train.csv": ROWS, "test.jsonl/a.txt": "x"}, "test.jsonl: not read as a part of the data set: a folder"),
    "a folder with a part": ({"train.csv": ROWS, "more/test.csv": FEW}, "more: not read as a part of the data set: a folder"),
    "two folders": ({"a/train.csv": ROWS, "b/train.csv": ROWS}, "/a: not read as a part of the data set: a folder"),
    "two names of a part": ({"train.csv": ROWS, "dev.csv": FEW, "validation.csv": FEW}, "are both there for the part validation"),
    "two names of others": ({"train.csv": ROWS, "dev.csv": FEW, "val.csv": FEW}, "are both there for the part validation"),
    "a part and its compressed copy": ({"train.csv": ROWS, "train.csv.gz": gzip.compress(CSV.encode())}, "are both there"),
    "a part and shards": ({"train.csv": ROWS, "train-00000-of-00002.csv": ROWS}, "are both there; keep one set"),
    "a shard is missing": ({"train-00000-of-00003.csv": ROWS, "train-00002-of-00003.csv": ROWS}, "of the 3 files of train, number 1 is missing"),
    "no training part": ({"test.csv": FEW}, "there is no train.jsonl|json|csv|tsv|parquet; found test.csv"),
    "gzip without its name": ({"train.csv": gzip.compress(CSV.encode())}, "the file is gzip; name it train.csv.gz"),
    "gzip by name only": ({"train.csv.gz": CSV}, "train.csv.gz: cannot be read (Not a gzipped file"),
    "half a gzip": ({"train.csv.gz": gzip.compress(CSV.encode())[:80]}, "train.csv.gz: cannot be read (Compressed file ended"),
    "half an xz": ({"train.csv.xz": lzma.compress(CSV.encode())[:80]}, "train.csv.xz: cannot be read (Compressed file ended"),
    "a spreadsheet called CSV": ({"train.csv": b"PK\x03\x04\n"}, "the file is a zip archive or a spreadsheet"),
    "Parquet called CSV": ({"train.csv": b"PAR1\n"}, "the file is Parquet"),
    "UTF-16": ({"train.csv": CSV.encode("utf-16")}, "line 1: not UTF-8 but UTF-16; save the file as UTF-8"),
    "UTF-16 without a mark": ({"train.csv": CSV.encode("utf-16-le")}, "line 2: no value for 'text'"),
    "nothing in a compressed file": ({"train.csv.gz": gzip.compress(b"")}, "there are no rows in the file"),
    "a JSON object": ({"train.json": '{\n "data": []}'}, "train.json, line 1: broken JSON"),
    "half an array": ({"train.json": "[" + LINES.replace("\n", ",\n")}, "train.json: broken JSON"),
    "an array of names": ({"train.json": '["a"]'}, "line 1: expected a JSON object, got str"),
    "keys that are equal": ({"train.jsonl": '{"text": "a", "label": "x", "text": "b"}\n'}, "line 1: broken JSON (the key 'text' is there twice)"),
    "a number of thousands of digits": ({"train.jsonl": '{"text": "a", "label": ' + "1" * 5000 + "}"}, "line 1: broken JSON (Exceeds the limit"),
    "depth": ({"train.jsonl": "[" * 100_000}, "broken JSON (nested too deeply)"),
    "a broken index of datasets": ({"dataset_dict.json": "{}"}, "dataset_dict.json: not as datasets writes it"),
    "an index without its parts": ({"dataset_dict.json": '{"splits": ["train"]}'}, "train: no state.json as datasets writes it"),
    # Columns.
    "columns that are equal": ({"train.csv": "text,label,text\na,x,b\n"}, "line 1: the column 'text' is there twice"),
    "semicolons": ({"train.csv": CSV.replace(",", ";")}, "expected commas between columns, not ';'"),
    "no header": ({"train.csv": CSV.partition("\n")[2]}, "by the first line, which is the header"),
    "one column": ({"train.csv": "text\na\nb\n"}, "line 2: no value for 'label'; the row has text by the first line"),
    "two files in one": ({"train.csv": CSV + CSV}, "line 42: the header is there again"),
    "a row that is too long": ({"train.csv": CSV + "a,y,z\n"}, "line 42: more fields (3) than the header has (2)"),
    "a row that is too short": ({"train.csv": CSV + "a\n"}, "line 42: fewer fields (1) than the header has (2)"),
    "a wrong --columns": ({"train.csv": ROWS, "columns": "text=review"}, "no value for 'review'; the row has text, label"),
    "--columns without =": ({"train.csv": ROWS, "columns": "review"}, "--columns takes OURS=THEIRS"),
    "--columns of something else": ({"train.csv": ROWS, "columns": "body=text"}, "no column of ours is called 'body'; there are text, text_a"),
    "--columns of half a pair": ({"train.csv": ROWS, "columns": "text_a=text"}, "a pair is text_a and text_b"),
    "--columns with one column twice": ({"train.csv": ROWS, "columns": "text=text,label=text"}, "cannot be the same column"),
    "dataset.toml that is none": ({"train.csv": ROWS, "dataset.toml": "columns ="}, "dataset.toml: not readable as TOML"),
    "a key that is none": ({"train.csv": ROWS, "dataset.toml": "colums.text = 'a'"}, "there is no key 'colums'; there are columns, labels"),
    "a value of another kind": ({"train.csv": ROWS, "dataset.toml": "labels = 'strip'"}, "labels must be a list of names, not 'strip'"),
    "a policy that is none": ({"train.csv": ROWS, "dataset.toml": "policy = 'half'"}, "unknown split policy 'half'; known: official"),
    "a metric": ({"train.csv": ROWS, "dataset.toml": "metric = 'f2'"}, "metric must be one of accuracy, f1_micro"),
    "a positive class that is none": ({"train.csv": ROWS, "dataset.toml": "positive = 'yes'"}, "the classes are 'n', 'y'"),
    "--labels that are none": ({"train.csv": ROWS, "labels": "lower"}, "there are nfc, nfkc, strip, casefold, number"),
    # Labels and texts.
    "labels of another case": ({"train.csv": labelled(["a", "A"])}, "line 3: the label 'A' is nearly 'a' (/"),
    "labels in two parts": ({"train.csv": ROWS, "test.csv": labelled(["Y"])}, "test.csv, line 2: the label 'Y' is nearly 'y'"),
    "a blank behind": ({"train.csv": labelled(["a", "a "])}, "--labels strip takes them for one class"),
    "a blank that does not break": ({"train.csv": labelled(["a b", "a\xa0b"])}, "--labels nfkc takes them for one class"),
    "two forms of Unicode": ({"train.csv": labelled(["é", "e\u0301"])}, "--labels nfc takes them for one class"),
    "numbers": ({"train.csv": labelled(["1", "1.0"])}, "--labels number takes them for one class"),
    "case and blanks": ({"train.csv": labelled(["a", " A"])}, "--labels strip,casefold takes them for one class"),
    "labels that --labels empties": ({"train.csv": labelled(["a", "\u200b"]), "labels": "strip"}, "leaves nothing"),
    "a blank label": ({"train.csv": labelled(["a", " "])}, "line 3: no value for 'label'"),
    "NUL": ({"train.jsonl": labelled(["a", "b"], ["x", "y\0"])}, "line 2: 'text' holds a NUL character"),
    "NUL in a label": ({"train.csv": b"text,label\na,x\0\n"}, "line 2: 'label' holds a NUL character"),
    "text and label swapped": ({"train.csv": renamed(ROWS, text="label", label="text")}, "2 different texts and 40 different labels"),
    "numbers to predict": ({"train.jsonl": labelled(i / 7 for i in range(30))}, "expected classes, not numbers to predict"),
    "empty texts": ({"train.csv": labelled(["a", "b"], ["", " "])}, "all 2 texts of mine's training part are empty"),
    "true and false": ({"train.jsonl": labelled([True, False])}, "'label' must be a name or a number (one label a row), not bool (True)"),
    "several labels": ({"train.jsonl": labelled([["a", "b"], ["c"]])}, "(one label a row), not list (['a', 'b'])"),
    "no number": ({"train.jsonl": labelled([float("nan"), 1])}, "line 1: no value for 'label'"),
    "a nested text": ({"train.jsonl": labelled(["a", "b"], [{"en": "x"}, "y"])}, "'text' must be text, not dict ({'en': 'x'})"),
    "one class": ({"train.jsonl": labelled(["a", "a"])}, "one class only ('a')"),
    "a label of test alone": ({"train.csv": ROWS, "test.csv": labelled(["z"])}, "line 2: the label 'z' of test does not occur in train"),
}  # fmt: skip


def make(folder: Path, files: dict) -> None:
    """A data set's folder; what is said by the command line goes to its variables."""
    for name, content in files.items():
        path = folder / name
        if name in ("columns", "labels"):
            os.environ[f"MIXUTILS_{name.upper()}"] = content
        elif isinstance(content, list):
            write(path, content)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """The folder of a data set."""
    monkeypatch.setenv("MIXUTILS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("MIXUTILS_COLUMNS", "")
    monkeypatch.setenv("MIXUTILS_LABELS", "")
    (tmp_path / "data" / "mine").mkdir(parents=True)
    return tmp_path / "data" / "mine"


@pytest.mark.parametrize(("files", "rows"), GOOD.values(), ids=GOOD)
def test_what_is_read(files, rows, mine):
    make(mine, files)
    assert at_hand("mine", False) == (True, "folder")
    data = load_task("mine", False)
    assert {name: len(split) for name, split in data.splits.items()} == rows
    assert set(apply_policy(data, "auto", 0).splits) == {"train", "validation", "test"}


@pytest.mark.parametrize(("files", "complaint"), BAD.values(), ids=BAD)
def test_what_is_refused_in_one_line(files, complaint, mine):
    make(mine, files)
    with pytest.raises(DataError) as caught:
        load_task("mine", False)
    assert complaint in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("dictionary", [False, True])
def test_what_datasets_has_saved_is_read_with_the_names_of_its_classes(dictionary, mine):
    datasets = pytest.importorskip("datasets")
    names = datasets.ClassLabel(names=["no", "yes"])
    rows = {"text": [f"text {i}" for i in range(8)], "label": [0, 1] * 4}
    data = datasets.Dataset.from_dict(rows, datasets.Features({"text": datasets.Value("string"), "label": names}))
    if dictionary:
        datasets.DatasetDict(train=data, dev=data).save_to_disk(str(mine))
    else:
        data.save_to_disk(str(mine), num_shards=2)
    (mine / "cache-0123456789abcdef.arrow").touch()  # of somebody who has used it
    found = load_task("mine", False)
    assert found.labels == ("no", "yes")
    assert found.histogram("train") == {"no": 4, "yes": 4}
    assert list(found.splits) == ["train", "validation"][: 1 + dictionary]
    (mine / "test.csv").write_text(CSV)
    with pytest.raises(DataError, match=r"test\.csv: not read as a part"):
        load_task("mine", False)


def test_parquet_knows_the_names_of_its_classes_and_a_hidden_label_is_none(mine):
    datasets = pytest.importorskip("datasets")
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["no", "yes"])})
    for part, labels in (("train", [0, 1]), ("test", [-1])):
        rows = {"text": ["t"] * len(labels), "label": labels}
        datasets.Dataset.from_dict(rows, features).to_parquet(str(mine / f"{part}.parquet"))
    with pytest.raises(
        DataError, match=r"test\.parquet, line 1: -1 is none of the 2 classes of 'label' \(a hidden label"
    ):
        load_task("mine", False)
    (mine / "test.parquet").unlink()
    assert load_task("mine", False).labels == ("no", "yes")


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_folders_on_the_way_are_no_columns(ending, mine):
    write(mine / "label=3" / f"train.{ending}", ROWS)
    assert load_task("mine", False).labels == ("n", "y")


def test_links_are_followed_and_broken_ones_are_refused(mine, tmp_path):
    write(tmp_path / "elsewhere.csv", ROWS)
    (mine / "train.csv").symlink_to(tmp_path / "elsewhere.csv")
    assert len(load_task("mine", False).splits["train"]) == 40
    for target in ("nowhere.csv", "test.csv"):  # and one to itself
        (mine / "test.csv").symlink_to(target)
        with pytest.raises(DataError, match=r"test\.csv: not read .* no file \(a broken link\?\)"):
            load_task("mine", False)
        (mine / "test.csv").unlink()


def test_what_may_not_be_read_is_one_line(mine, monkeypatch):
    write(mine / "train.csv", ROWS)

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as m:
        m.setattr("mixutils.tasks.formats.open", refuse, raising=False)
        with pytest.raises(DataError, match=r"train\.csv: cannot be read \(Permission denied\)"):
            load_task("mine", False)
    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(DataError, match=r"mine: cannot be read \(Permission denied\)"):
        load_task("mine", False)


def test_a_folder_with_the_name_of_a_built_in_task_is_refused(mine):
    write(mine.parent / "docs-coarse" / "train.csv", ROWS)
    for look in (lambda: load_task("docs-coarse", False), lambda: at_hand("docs-coarse", False)):
        with pytest.raises(DataError, match="docs-coarse is a built-in task; give the folder another name"):
            look()


@pytest.mark.parametrize("name", ["$a$", "<b>", "a_b", "a\\b", "a b", "x" * 200, "a.b", "x.jsonl", "ünï ☃", "-", "a:b"])
def test_a_folder_may_be_called_as_it_likes(name, mine):
    write(mine.parent / name / "train.csv", ROWS)
    data = load_task(name, False)
    assert (data.id, len(data.splits["train"])) == (name, 40)


@pytest.mark.parametrize("name", ["", ".", "..", "../data/mine", "mine/", "elsewhere\n", "\0"])
def test_names_that_lead_elsewhere_are_unknown(name, mine):
    write(mine / "train.csv", ROWS)
    with pytest.raises(DataError, match="no data set is called") as caught:
        load_task(name, False)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", ["a\nb", "a\udcff", "a,b", " a"])
def test_a_folder_that_cannot_be_asked_for_by_its_name_is_to_be_renamed(name, mine):
    write(mine.parent / name / "train.csv", ROWS)
    with pytest.raises(DataError, match="rename it") as caught:
        load_task(name, False)
    assert str(caught.value).isprintable()


def test_dataset_toml_says_policy_language_and_positive_class(mine):
    make(mine, {"train.csv": ROWS, "dataset.toml": 'policy = "tenfold"\nlanguage = "Hindi"\npositive = "n"\n'})
    data = load_task("mine", False)
    assert (data.language, data.positive) == ("Hindi", "n")
    assert own_column("mine").policy == own_wishes("mine").policy == "tenfold"
    assert own_column("other").policy == own_column("docs-coarse").policy == "auto"
    plan = make_plan("ssmix", "laptop", tasks="mine", seeds="1")
    assert plan.columns[0].title == "mine (English encoder on Hindi text)"
    assert {run.policy for run in plan.runs} == {"tenfold"}


def test_the_command_line_says_columns_and_labels_to_all_that_it_starts(mine, capsys):
    rows = [{"review": row["text"], "label": f"{row['label']}{' ' * (i % 3)}"} for i, row in enumerate(ROWS)]
    write(mine / "train.jsonl", rows)
    plan = ["plan", "--profile", "smoke", "--only", "ssmix", "--seeds", "1", "--tasks", "mine"]
    assert cli.main([*plan, "--columns", "review"]) == 2
    assert "error: --columns takes OURS=THEIRS" in capsys.readouterr().err
    assert cli.main([*plan, "--columns", "text=review"]) == 2
    assert "--labels strip takes them for one class" in capsys.readouterr().err
    assert cli.main([*plan, "--columns", "text=review", "--labels", "strip"]) == 0
    assert (
        "    mine: train 40 rows; 2 classes (n 20, y 20); test has only 4 rows, 25.0 points each\n"
        in capsys.readouterr().out
    )
    assert os.environ["MIXUTILS_COLUMNS"] == "text=review"


def test_labels_of_the_call_are_not_for_the_catalogue(mine, monkeypatch):
    write(mine.parent / "mr" / "train.jsonl", ROWS)
    monkeypatch.setenv("MIXUTILS_COLUMNS", "text=review")
    assert len(load_task("mr", False).splits["train"]) == 40
    (mine.parent / "mr" / "dataset.toml").write_text("language = 'Hindi'")
    with pytest.raises(DataError, match="language of a data set of the catalogue cannot be changed"):
        load_task("mr", False)
    (mine.parent / "mr" / "dataset.toml").write_text("columns.text = 'review'")
    with pytest.raises(DataError, match="no value for 'review'"):
        load_task("mr", False)


def test_a_hundred_odd_folders_are_read_or_refused():
    assert fuzz.run(0, 100) == []


def test_a_parquet_file_of_pandas_with_missing_values_is_refused_by_row(mine):
    pd.DataFrame({"text": ["a", None, "b"], "label": [1.0, 2.0, None]}).to_parquet(mine / "train.parquet")
    with pytest.raises(DataError, match=r"train\.parquet, line 2: no value for 'text'"):
        load_task("mine", False)
