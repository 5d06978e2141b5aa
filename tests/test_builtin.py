"""The built-in tasks: what their sentences are, and that every machine with the pinned versions makes the same ones."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections import Counter

import pandas as pd
import pytest

from mixutils import paths
from mixutils.tasks import BUILTIN, DataError, at_hand, load_task
from mixutils.tasks.builtin import PACKAGES, _docstrings, _parts, _unique, cache_folder, load, versions

#: The corpus depends on these versions and on nothing else.
PINNED = {
    "numpy": "2.4.6",
    "scipy": "1.17.1",
    "pandas": "3.1.1",
    "scikit-learn": "1.9.1",
    "matplotlib": "3.11.2",
    "sympy": "1.14.0",
}
DIGESTS = {"docs-coarse": "4b3829e46a05b1af", "docs-fine": "6f0d8c2a7280a637", "docs-pair": "be7b8cbc1213629f"}

tasks = pytest.mark.parametrize("task", BUILTIN)


def sentences(record: dict[str, str]) -> list[str]:
    """Texts of a row, alike if they differ in case or punctuation only."""
    return [" ".join(re.findall(r"\w+", text.lower())) for key, text in record.items() if key != "label"]


@tasks
def test_no_sentence_occurs_in_two_parts_or_twice(task):
    counts = Counter(s for rows in load(task).values() for row in rows for s in sentences(row))
    assert counts.most_common(1)[0][1] == 1


@tasks
def test_there_are_at_least_eight_thousand_sentences(task):
    assert sum(len(sentences(row)) for rows in load(task).values() for row in rows) >= 8000


@tasks
def test_every_part_has_every_class_in_the_same_shares(task):
    parts = load(task)
    assert list(parts) == ["train", "validation", "test"]
    counts = {part: Counter(row["label"] for row in rows) for part, rows in parts.items()}
    assert len(counts["train"]) == {"docs-coarse": 6, "docs-fine": 48, "docs-pair": 2}[task]
    for label, rows in counts["train"].items():
        tenth = (rows + counts["validation"][label] + counts["test"][label]) // 10
        assert counts["validation"][label] == counts["test"][label] == tenth > 0


@tasks
def test_a_built_in_task_is_checked_data_like_any_other(task, monkeypatch):
    monkeypatch.delenv("MIXUTILS_DATA", raising=False)
    data = load_task(task, use_hub=False)
    assert data.source == "builtin"
    assert data.pair == (task == "docs-pair")
    assert all(f"{name} {version}" in data.where for name, version in versions().items())
    assert at_hand(task, use_hub=False) == (True, "built-in")
    assert data.splits["train"].text_a == [row.get("text", row.get("text_a")) for row in load(task)["train"]]
    # Rows come mixed: without a shuffle the first hundred would be of one class.
    assert len(set(data.splits["train"].labels[:100].tolist())) > 1


@tasks
def test_sentences_are_plain_english_of_a_sensible_length(task):
    for rows in load(task).values():
        for text in (text for row in rows for key, text in row.items() if key != "label"):
            assert 5 <= len(text.split()) <= 40
            assert text[0].isalpha()
            assert not re.search(r"\s\s|\n|`|>>>", text)


def test_both_classes_of_pairs_look_alike():
    # A wrong second sentence comes from another docstring of the same module, so lengths and first texts say nothing.
    lengths = {label: [] for label in ("same", "other")}
    for row in load("docs-pair")["train"]:
        lengths[row["label"]].append((len(row["text_a"]), len(row["text_b"])))
    assert len(lengths["same"]) == pytest.approx(len(lengths["other"]), rel=0.05)
    first, second = ([sum(pair) / len(rows) for pair in zip(*rows, strict=True)] for rows in lengths.values())
    assert first == pytest.approx(second, rel=0.05)


@tasks
def test_the_pinned_versions_give_the_known_rows(task):
    if versions() != PINNED:
        pytest.skip(f"other versions are installed: {versions()}")
    assert load_task(task).digest() == DIGESTS[task]


@pytest.mark.slow
def test_another_process_builds_the_same_files(tmp_path, monkeypatch):
    for task in BUILTIN:
        load(task)
    kept = cache_folder()
    environment = {**os.environ, "MIXUTILS_CACHE": str(tmp_path), "PYTHONHASHSEED": "1"}
    code = "from mixutils.tasks import builtin; builtin.load('docs-pair')"
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, cwd=paths.ROOT)
    print(f"built in {time.perf_counter() - begin:.1f} s")
    monkeypatch.setenv("MIXUTILS_CACHE", str(tmp_path))
    assert sorted(path.name for path in cache_folder().iterdir()) == sorted(f"{task}.json" for task in BUILTIN)
    for path in cache_folder().iterdir():
        assert path.read_bytes() == (kept / path.name).read_bytes()


def test_a_second_load_reads_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MIXUTILS_CACHE", str(tmp_path))
    cache_folder().mkdir()
    (cache_folder() / "docs-pair.json").write_text('{"train": []}')
    assert load("docs-pair") == {"train": []}


def test_another_version_of_a_package_is_another_corpus(monkeypatch):
    before = cache_folder()
    monkeypatch.setattr("importlib.metadata.version", lambda name: "0.0.1")
    assert cache_folder() != before


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of which nothing may be imported, with files that are no documentation."""
    folder = tmp_path / "strange_package"
    sentence = "This sentence of the {} is long enough to count."
    files = {
        "__init__.py": f'"""{sentence.format("package")} Short one.\n\nParameters\n----------\nNot this sentence, it says '
        'nothing at all.\n"""\nraise RuntimeError("executed")\n',
        "core/one.py": f'class A:\n    """{sentence.format("class")}"""\n    def f(self):\n'
        f'        """{sentence.format("method")} It  has\n        ``two`` sentences in `one` paragraph."""\n',
        "other/deep/two.py": f'async def f():\n    """{sentence.format("coroutine")}"""\n',
        "tests/three.py": f'"""{sentence.format("tests")}"""\n',
        "test_four.py": f'"""{sentence.format("test")}"""\n',
        "_vendor/five.py": f'"""{sentence.format("vendored library")}"""\n',
        "template.py": f'"""{sentence.format("template")}"""\n{{% broken %}}\n',
        "symbols.py": '"""The x_1 := (a[0], b[1]) + {c: d} ** 2 / 7.0 != 5 is not English."""\n',
    }
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (folder / "latin.py").write_bytes(b'"""This file is written in Latin-1, \xe4h, and counts as unreadable."""\n')
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder.name


def test_documentation_is_read_without_running_anything(package):
    found = {(label, *texts) for _, label, texts in _docstrings(package)}
    assert found == {
        ("strange_package.top", "This sentence of the package is long enough to count."),
        ("strange_package.core.one", "This sentence of the class is long enough to count."),
        (
            "strange_package.core.one",
            "This sentence of the method is long enough to count.",
            "It has two sentences in one paragraph.",
        ),
        ("strange_package.other", "This sentence of the coroutine is long enough to count."),
    }
    assert package not in sys.modules


def test_a_sentence_under_two_labels_is_left_out_and_a_repeated_one_is_kept_once():
    rows = [("One thing.", "a"), ("Two things.", "a"), ("two, things", "b"), ("one thing", "a"), ("Three.", "b")]
    kept = _unique(pd.DataFrame(rows, columns=["text", "label"]))
    assert kept.values.tolist() == [["One thing.", "a"], ["Three.", "b"]]


def test_a_class_of_three_rows_reaches_every_part():
    rows = [{"text": str(i), "label": label} for i, label in enumerate("aaab" * 3)]
    parts = _parts(pd.DataFrame(rows), "toy")
    assert {name: Counter(row["label"] for row in part) for name, part in parts.items()} == {
        "train": {"a": 7, "b": 1},
        "validation": {"a": 1, "b": 1},
        "test": {"a": 1, "b": 1},
    }
    assert sorted(int(row["text"]) for part in parts.values() for row in part) == list(range(12))


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(PACKAGES, "nothing", "no-such-distribution")
    with pytest.raises(
        DataError, match=r"no-such-distribution is not installed: pip install no-such-distribution.*--data"
    ):
        load("docs-coarse")
