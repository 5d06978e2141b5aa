"""From a name to checked data: the folder, then the hub, then what is built in."""

from __future__ import annotations

import re
from functools import partial

import pytest

from mixutils.tasks import BUILTIN, CATALOGUE, DataError, apply_policy, at_hand, known, load_task
from mixutils.tasks import hub as hub_module
from mixutils.tasks.folder import FORMATS, make_row
from tests.test_folder import PAIRS, SINGLE, write


@pytest.fixture
def root(tmp_path, monkeypatch):
    """An empty data folder."""
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("MIXUTILS_DATA", str(folder))
    return folder


@pytest.fixture
def hub(monkeypatch):
    """A hub that has MR with two rows, and refuses everything else."""

    def read(entry):
        if entry.id != "mr":
            raise DataError(f"{entry.id} was looked for on the hub")
        return {
            "train": [make_row("hub", i, {"text": str(i), "label": y}) for i, y in enumerate(["negative", "positive"])]
        }

    monkeypatch.setattr(hub_module, "reachable", lambda: True)
    monkeypatch.setattr(hub_module, "read", read)


@pytest.fixture
def no_hub(monkeypatch, tmp_path):
    """No network, and nothing kept from earlier."""
    monkeypatch.setattr(hub_module, "reachable", lambda: False)
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "no cache"))


@pytest.mark.parametrize("ending", FORMATS)
def test_your_own_data_are_a_folder_and_a_name(ending, root):
    rows = [{"text": f"text {i}", "label": "ab"[i % 2]} for i in range(30)]
    write(root / "mine" / f"train.{ending}", rows)
    data = load_task("mine")
    assert (data.id, data.labels, data.pair) == ("mine", ("a", "b"), False)
    assert (data.source, data.where, data.notes) == ("folder", str(root), ())
    assert data.splits["train"].text_a == [row["text"] for row in rows]
    assert data.splits["train"].labels.tolist() == [0, 1] * 15
    assert at_hand("mine", use_hub=False) == (True, "folder")
    assert known()[-1] == "mine"
    assert set(apply_policy(data, "auto", 0).splits) == {"train", "validation", "test"}


def test_your_own_parts_may_have_different_formats(root):
    write(root / "mine" / "train.csv", PAIRS)
    write(root / "mine" / "validation.parquet", PAIRS[:1])
    write(root / "mine" / "test.jsonl", PAIRS[1:])
    data = load_task("mine")
    assert data.pair
    assert data.labels == ("-1", "3")
    assert {name: split.labels.tolist() for name, split in data.splits.items()} == {
        "train": [1, 0],
        "validation": [1],
        "test": [0],
    }
    assert data.splits["test"].text_b == ["zwölf ☃"]


def test_the_folder_goes_before_the_hub(root, hub):
    write(root / "mr" / "train.jsonl", SINGLE)
    assert load_task("mr").source == "folder"
    assert at_hand("mr", use_hub=True) == (True, "folder")


def test_the_hub_is_asked_for_what_the_folder_lacks(root, hub):
    assert load_task("mr").source == "hub"
    assert at_hand("mr", use_hub=True) == (True, "hub")
    assert at_hand("mr", use_hub=False) == (False, "not in the data folder")
    with pytest.raises(DataError, match=rf"not in the data folder. It needs mr/train in {root}, or the hub \(--hub\)"):
        load_task("mr", use_hub=False)


def test_a_set_with_evaluation_parts_only_is_completed_by_the_hub(root, hub):
    write(root / "qnli" / "validation.jsonl", PAIRS)
    assert at_hand("qnli", use_hub=True) == (True, "hub")
    assert at_hand("qnli", use_hub=False) == (False, "the data folder has only validation, no training part")
    with pytest.raises(DataError, match="qnli was looked for on the hub"):
        load_task("qnli")


def test_a_set_that_is_nowhere_is_missing_with_all_reasons(root, no_hub):
    with pytest.raises(DataError) as caught:
        load_task("sst2-glue")
    assert str(caught.value) == (
        "sst2-glue is not at hand: not in the data folder and the hub is not reachable. "
        f"It needs sst2-phrases/train in {root}, or the hub (--hub); the built-in task of this shape is docs-coarse"
    )
    assert at_hand("sst2-glue", use_hub=True) == (False, "not in the data folder and the hub is not reachable")
    with pytest.raises(DataError, match=f"needs ttc-3600/train in {root}; no hub has it"):
        load_task("ttc")
    assert at_hand("ttc", use_hub=True) == (False, "not in the data folder and not on the hub")


def test_without_a_data_folder_the_message_says_how_to_give_one(no_hub, monkeypatch):
    monkeypatch.delenv("MIXUTILS_DATA", raising=False)
    with pytest.raises(DataError, match="rte/train in a data folder \\(--data or MIXUTILS_DATA\\), or the hub"):
        load_task("rte")
    assert at_hand("ttc", use_hub=False) == (False, "not in a data folder (none given)")
    assert known() == [*CATALOGUE, *BUILTIN]


def test_an_unknown_name_lists_the_right_ones(root):
    write(root / "mine" / "train.jsonl", SINGLE)
    with pytest.raises(
        DataError, match=r"no data set is called 'mien'; there are .*train\.jsonl\|json\|csv.*--data"
    ) as caught:
        load_task("mien")
    assert ", ".join([*CATALOGUE, *BUILTIN, "mine. Your own"]) in str(caught.value)
    assert at_hand("mien", use_hub=True) == (False, "not in the data folder")


def test_your_own_folder_without_train_says_what_it_holds(root):
    write(root / "mine" / "dev.jsonl", SINGLE)
    (root / "mine" / "words.md").touch()
    with pytest.raises(DataError, match=rf"{root}/mine: there is no train\.jsonl.*; found dev\.jsonl, words\.md"):
        load_task("mine")


@pytest.mark.parametrize("name", ["mine", "rte"])
def test_a_file_that_would_not_be_read_is_refused_before_anything_is_trained(name, root):
    pairs = [p | {"label": y} for p, y in zip(PAIRS, ["entailment", "not_entailment"], strict=True)]
    rows = SINGLE if name == "mine" else pairs
    write(root / name / "train.jsonl", rows)
    write(root / name / "dev.jsonl", rows)
    assert {*load_task(name).splits} == {"train", "validation"}
    path = write(root / name / "eval.jsonl", rows)
    for look in (load_task, partial(at_hand, use_hub=False)):
        with pytest.raises(
            DataError, match=rf"{path}: not read as a part .* eval may be validation or test; rename it"
        ):
            look(name)


def test_two_formats_of_one_part_are_refused(root):
    write(root / "mine" / "train.jsonl", SINGLE)
    write(root / "mine" / "train.csv", SINGLE)
    with pytest.raises(DataError, match=r"train\.csv and train\.jsonl are both there"):
        load_task("mine")


@pytest.mark.parametrize("part", ["validation", "test"])
@pytest.mark.parametrize("ending", FORMATS)
def test_a_label_that_train_does_not_know_is_refused_with_file_and_line(part, ending, root):
    write(root / "mine" / "train.jsonl", SINGLE)
    path = write(root / "mine" / f"{part}.{ending}", [{"text": "t", "label": "no"}, {"text": "t", "label": "maybe"}])
    line = {"csv": 3, "tsv": 3}.get(ending, 2)
    expected = f"{path}, line {line}: the label 'maybe' of {part} does not occur in train; labels of train: no, yes"
    with pytest.raises(DataError, match=f"^{re.escape(expected)}$"):
        load_task("mine")


@pytest.mark.parametrize(("first", "second"), [("train", "train"), ("train", "test"), ("test", "train")])
def test_single_texts_and_pairs_do_not_mix(first, second, root):
    pair = '{"text_a": "a", "text_b": "b", "label": "no"}\n'
    files = {"train": '{"text": "a", "label": "yes"}\n' * 2}
    files[first] = files.get(first, "") + '{"text": "a", "label": "no"}\n'
    files[second] = pair + files.get(second, "")
    (root / "mine").mkdir()
    for name, content in files.items():
        (root / "mine" / f"{name}.jsonl").write_text(content)
    with pytest.raises(DataError, match=rf"{second}\.jsonl, line [12]: mine mixes single texts and pairs"):
        load_task("mine")


def test_one_class_is_too_few(root):
    write(root / "mine" / "train.jsonl", SINGLE[:1] * 5)
    with pytest.raises(DataError, match=rf"mine: the training part has one class only \('yes'\).*{root}"):
        load_task("mine")


def test_bad_data_of_the_catalogue_are_refused_with_file_and_line(root):
    write(root / "mr" / "train.jsonl", SINGLE)
    with (root / "mr" / "train.jsonl").open("a") as file:
        file.write("{oops\n")
    with pytest.raises(DataError, match=rf"{root}/mr/train\.jsonl, line 3: broken JSON"):
        load_task("mr")


def test_sources_of_a_part_are_joined_in_their_order(root):
    for part, text in (("train", "first"), ("validation", "second"), ("test", "third")):
        write(root / "mrpc" / f"{part}.jsonl", [{"text_a": text, "text_b": y, "label": y} for y in ("0", "1")])
    data = load_task("mrpc-original")
    assert data.splits["train"].text_a == ["first", "first", "second", "second"]
    assert set(data.splits) == {"train", "test"}
    assert data.splits["test"].text_a == ["third", "third"]


def test_a_size_that_the_paper_does_not_have_is_noted(root):
    write(root / "trec-coarse" / "train.jsonl", SINGLE)
    assert load_task("trec-coarse").notes == (
        "train has 2 rows, expected 5452",
        "test has 0 rows, expected 500",
        "2 classes, expected 6",
    )


def test_a_part_of_which_a_source_is_missing_is_missing(root):
    write(root / "mrpc" / "train.jsonl", PAIRS)
    write(root / "mrpc" / "test.jsonl", PAIRS)
    assert at_hand("mrpc", use_hub=False)[0]
    assert at_hand("mrpc-original", use_hub=False) == (False, "the data folder has only test, no training part")
    with pytest.raises(DataError, match=f"needs mrpc/train and mrpc/validation in {root}"):
        load_task("mrpc-original", use_hub=False)


@pytest.mark.realdata
def test_real_data_are_what_the_catalogue_says(data_folder):
    found = [entry for entry in CATALOGUE.values() if at_hand(entry.id, use_hub=False)[0]]
    assert found, f"{data_folder} has no data set of the catalogue"
    for entry in found:
        data = load_task(entry.id, use_hub=False)
        assert data.notes == (), entry.id
        assert {name: len(split) for name, split in data.splits.items()} == entry.counts, entry.id
        assert (data.classes, data.pair) == (entry.classes, entry.pair), entry.id
        assert data.language == entry.language, entry.id
        assert data.source == "folder"


@pytest.mark.realdata
def test_trec_has_47_fine_classes_that_join_50(data_folder):
    if not at_hand("trec-fine", use_hub=False)[0]:
        pytest.skip("the data folder has no trec-fine")
    joined, apart = (load_task(name, use_hub=False) for name in ("trec-fine", "trec-fine-50"))
    assert (joined.classes, apart.classes) == (47, 50)
    for part in ("train", "test"):
        counts: dict[str, int] = {}
        for label, rows in apart.histogram(part).items():
            name = label.split(":")[1]
            counts[name] = counts.get(name, 0) + rows
        assert joined.histogram(part) == counts
    assert joined.splits["train"].text_a == apart.splits["train"].text_a


@pytest.mark.realdata
def test_empty_texts_of_cr_and_mpqa_are_kept(data_folder):
    empty = {
        name: sum(not text for text in load_task(name, use_hub=False).splits["train"].text_a)
        for name in ("cr", "mpqa")
        if at_hand(name, use_hub=False)[0]
    }
    if not empty:
        pytest.skip("the data folder has neither cr nor mpqa")
    assert empty == {name: {"cr": 4, "mpqa": 3}[name] for name in empty}
