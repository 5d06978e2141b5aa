"""The hub: what it would answer, tables of other shapes, and no answer at all."""

from __future__ import annotations

import http.server
import os
import shutil
import socket
import sys
import threading
import time
from dataclasses import replace

import datasets
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value
from huggingface_hub import constants, get_session

from mixutils.encoder.load import EncoderError, load_encoder
from mixutils.tasks import CATALOGUE, DataError, load_task
from mixutils.tasks import hub as hub_module
from mixutils.tasks.catalogue import Hub, TaskSpec
from mixutils.tasks.hub import available, reachable, read

#: Names of the label column in the order of their numbers as on the hub's pages; a number means a column of integers.
HUB_LABELS = {
    "sst2-glue": ["negative", "positive"],
    "sst2-sent": 2,
    "sst1-sent": 5,
    "qqp": ["not_duplicate", "duplicate"],
    "mnli": ["entailment", "neutral", "contradiction"],
    "qnli": ["entailment", "not_entailment"],
    "rte": ["entailment", "not_entailment"],
    "mrpc": ["not_equivalent", "equivalent"],
    "mrpc-original": ["not_equivalent", "equivalent"],
    "trec-coarse": ["ABBR", "ENTY", "DESC", "HUM", "LOC", "NUM"],
    "trec-fine": ["ABBR:abb", "ENTY:other", "LOC:other"],
    "trec-fine-50": ["ABBR:abb", "ENTY:other", "LOC:other"],
    "anli": ["entailment", "neutral", "contradiction"],
    "cola": ["unacceptable", "acceptable"],
    "essc": ["ham", "spam"],
    "subj": 2,
    "mr": ["neg", "pos"],
    "cr": 2,
    "mpqa": 2,
    "qnli-dev": ["entailment", "not_entailment"],
    "ag-news": ["World", "Sports", "Business", "Sci/Tech"],
    "tweeteval-emotion": ["anger", "joy", "optimism", "sadness"],
}
#: The same in the data folder's README, where they are named differently or not at all on the hub.
OUR_LABELS = {
    "sst2-sent": ["negative", "positive"],
    "sst1-sent": ["very negative", "negative", "neutral", "positive", "very positive"],
    "subj": ["objective", "subjective"],
    "mr": ["negative", "positive"],
    "cr": ["negative", "positive"],
    "mpqa": ["negative", "positive"],
}


def table(labels, names: list[str] | None = None, texts=("text",), label: str = "label") -> Dataset:
    """A part of a hub data set; the texts tell column and row."""
    columns = {t: [f"{t} {i}" for i in range(len(labels))] for t in texts}
    kinds = {t: Value("string") for t in texts}
    kinds |= {label: ClassLabel(names=names) if names else Value("int64"), "idx": Value("int64")}
    return Dataset.from_dict({**columns, label: labels, "idx": list(range(len(labels)))}, Features(kinds))


@pytest.fixture
def fake(monkeypatch):
    """``fake(part=table, ...)`` is what ``load_dataset`` answers; returns the list of questions."""

    def answer(**parts):
        asked = []

        def load_dataset(path, config=None, *, revision=None):
            asked.append((path, config, revision))
            return DatasetDict(parts)

        monkeypatch.setattr(datasets, "load_dataset", load_dataset)
        return asked

    return answer


@pytest.fixture
def network(monkeypatch, tmp_path):
    """``network(url)`` is the hub; what is found out about it is forgotten afterwards."""
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "no cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.delenv("MIXUTILS_DATA", raising=False)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    get_session()  # makes the client, which may take longer than a short deadline
    reachable.cache_clear()
    yield lambda url: monkeypatch.setattr(constants, "ENDPOINT", url)
    reachable.cache_clear()


@pytest.fixture
def silent():
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


def url(server: socket.socket) -> str:
    return f"http://127.0.0.1:{server.getsockname()[1]}"


def closed() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return url(server)


@pytest.mark.parametrize("task", [t.id for t in CATALOGUE.values() if t.hub])
def test_labels_of_the_hub_become_those_of_the_data_folder(task, fake):
    entry = CATALOGUE[task]
    theirs = HUB_LABELS[task]
    names = theirs if isinstance(theirs, list) else None
    numbers = list(range(len(names) if names else theirs))
    sources = [s for part in entry.hub.parts.values() for s in part]
    asked = fake(**{s: table(numbers, names, entry.hub.text, entry.hub.label) for s in sources})
    parts = read(entry)
    assert asked == [(entry.hub.path, entry.hub.config, entry.hub.revision)]
    assert set(parts) == set(entry.parts)
    for part, rows in parts.items():
        joined = len(entry.hub.parts[part])
        assert [row.label for row in rows] == OUR_LABELS.get(task, theirs) * joined
        assert [row.text for row in rows] == [f"{entry.hub.text[0]} {i}" for i in numbers] * joined
        second = [f"{entry.hub.text[1]} {i}" for i in numbers] if entry.pair else [None] * len(numbers)
        assert [row.second for row in rows] == second * joined


def test_trec_has_no_coarse_part_in_its_47_labels_also_from_the_hub(fake, monkeypatch):
    monkeypatch.setattr(hub_module, "reachable", lambda: True)
    monkeypatch.delenv("MIXUTILS_DATA", raising=False)
    part = table([0, 1, 2], HUB_LABELS["trec-fine"], label="fine_label")
    fake(train=part, test=part)
    data = load_task("trec-fine")
    assert data.labels == ("abb", "other")
    assert (data.source, data.where) == ("hub", "CogComp/trec")
    assert "train has 3 rows, expected 5452" in data.notes


ENTRY = TaskSpec("mine", "Mine", {}, {}, (), Hub("me/mine", {"train": ("a", "b"), "test": ("c",)}))


@pytest.mark.parametrize("theirs", [["neg", "pos"], None])
def test_our_names_of_labels_go_before_the_hubs(theirs, fake):
    entry = replace(ENTRY, hub=replace(ENTRY.hub, names=("negative", "positive")))
    fake(a=table([0, 1], theirs))
    assert [row.label for row in read(entry)["train"]] == ["negative", "positive"]


def test_a_part_with_hidden_labels_is_left_out(fake):
    names = ["x", "y"]
    fake(a=table([0, 1], names), b=table([1], names), c=table([0, -1], names))
    assert {part: [row.label for row in rows] for part, rows in read(ENTRY).items()} == {"train": ["x", "y", "y"]}


def test_a_part_that_the_hub_does_not_have_is_left_out(fake):
    fake(a=table([0, 1], ["x", "y"]))
    assert set(read(ENTRY)) == {"train"}


def test_a_row_of_the_hub_knows_its_part_and_number(fake):
    fake(a=table([0], ["x"]), b=table([0, 0], ["x"]))
    assert [row.place for row in read(ENTRY)["train"]] == [("me/mine, a", 1), ("me/mine, b", 1), ("me/mine, b", 2)]


@pytest.mark.parametrize(
    ("part", "complaint"),
    [
        (table([0], ["x"], texts=["sentence"]), "mine: me/mine has no column text; it has sentence, label, idx"),
        (table([0], ["x"], label="coarse"), "mine: me/mine has no column label; it has text, coarse, idx"),
        (table([0, 1]), "mine: me/mine has the unnamed label 0 in a"),
        (table([0, None], ["x"]), "mine: me/mine has the unnamed label None in a"),
        (Dataset.from_dict({"text": ["b", None], "label": ["x", "x"]}), "me/mine, a, line 2: no value for 'text'"),
        (Dataset.from_dict({"text": [["b"]], "label": ["x"]}), "me/mine, a, line 1: 'text' must be text, not list"),
    ],
)
def test_a_table_of_another_shape_is_refused(part, complaint, fake):
    fake(a=part)
    with pytest.raises(DataError, match=f"^{complaint}"):
        read(ENTRY)


def test_a_failure_of_the_library_becomes_one_line(monkeypatch):
    def load_dataset(*args, **kwargs):
        raise RuntimeError("Dataset scripts are no longer supported\nlong\nexplanation")

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    expected = r"^mine: me/mine could not be loaded from the hub \(RuntimeError: Dataset scripts.* supported\)$"
    with pytest.raises(DataError, match=expected):
        read(ENTRY)


def test_a_set_that_is_not_on_the_hub_says_why_and_what_to_do():
    with pytest.raises(
        DataError,
        match=r"ahs is not at hand: not in .*It needs ahs/train in .*; no hub has it \(published as tweet ids",
    ):
        load_task("ahs")
    assert not available(CATALOGUE["ahs"])


def test_without_the_library_the_message_is_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(DataError, match="pip install datasets"):
        read(CATALOGUE["mr"])


def test_a_hub_that_answers_is_reachable_whatever_it_answers(network):
    class Refuses(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_error(403)

        def log_message(self, *args):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Refuses) as server:
        thread = threading.Thread(target=server.handle_request, daemon=True)
        thread.start()
        network(f"http://127.0.0.1:{server.server_port}")
        assert reachable()
        thread.join()
    assert reachable()  # decided once
    assert not constants.HF_HUB_OFFLINE


def test_a_hub_that_never_answers_is_asked_once_and_given_up_at_the_deadline(network, silent, monkeypatch):
    assert hub_module.DEADLINE <= 5
    monkeypatch.setattr(hub_module, "DEADLINE", 0.5)
    network(url(silent))
    begin = time.perf_counter()
    assert [available(CATALOGUE[t]) for t in ("mr", "subj", "mr")] == [False] * 3
    assert time.perf_counter() - begin < 3
    silent.accept()[0].close()
    with pytest.raises(BlockingIOError):
        silent.accept()


def test_without_a_network_data_and_encoders_are_refused_at_once(network):
    network(closed())
    begin = time.perf_counter()
    with pytest.raises(DataError, match=r"rte is not at hand: .* and the hub is not reachable"):
        load_task("rte")
    # transformers and datasets were imported before anyone knew; each would try for more than twenty seconds.
    with pytest.raises(EncoderError, match="'nobody-xyz/nothing' could not be loaded"):
        load_encoder("nobody-xyz/nothing")
    with pytest.raises(DataError, match="could not be loaded from the hub"):
        read(CATALOGUE["rte"])
    assert time.perf_counter() - begin < 5
    assert os.environ["HF_HUB_OFFLINE"] == "1"  # worker processes inherit the decision


def test_the_user_can_decide_that_there_is_no_network(network, silent, monkeypatch):
    network(url(silent))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert not reachable()
    with pytest.raises(BlockingIOError):
        silent.accept()


def test_a_copy_from_an_earlier_load_is_used_without_a_network(network, tmp_path, monkeypatch):
    # What load_dataset leaves in its cache, under the name that the hub's data set would have.
    made = tmp_path / "made"
    table([0, 1], ["neg", "pos"]).to_parquet(tmp_path / "train.parquet")
    datasets.load_dataset("parquet", data_files={"train": str(tmp_path / "train.parquet")}, cache_dir=str(made))
    (source,) = made.glob("parquet/*/*/*/dataset_info.json")
    cache = tmp_path / "cache"
    copy = cache / "cornell-movie-review-data___rotten_tomatoes" / "default" / "0.0.0" / "hash"
    shutil.copytree(source.parent, copy)
    (copy / "parquet-train.arrow").rename(copy / "rotten_tomatoes-train.arrow")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(cache))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(cache))
    network(closed())
    data = load_task("mr")
    assert data.source == "hub"
    assert data.histogram("train") == {"negative": 1, "positive": 1}
    assert not available(CATALOGUE["subj"])
