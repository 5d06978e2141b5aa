"""Classifiers that are kept: transformers gives the same logits, what has no equal head is refused, files are predicted."""

from __future__ import annotations

import io
import json

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from mixutils.cli import main
from mixutils.encoder.export import as_transformers
from mixutils.encoder.load import EncoderError, load_encoder
from mixutils.encoder.model import Classifier, toy_batch
from mixutils.runs import checkpoints, saved
from mixutils.runs.execute import build_model, execute
from mixutils.runs.launch import Jobs, jobs_for
from mixutils.runs.predict import Prediction, predict, said, write
from mixutils.runs.records import Records
from mixutils.runs.run import Run
from mixutils.tasks import DataError
from mixutils.training.loop import Recipe
from tests import fakes
from tests.test_encoder_check import save

CPU = torch.device("cpu")


def one(method: str = "tmix", **changes) -> Run:
    recipe = Recipe(lr=1e-3, epochs=1, batch_size=8)
    run = Run("mine", method, 0, encoder="random:tiny", recipe=recipe, evaluate=("validation", "test"), max_length=16)
    return run.with_(**changes)


@pytest.fixture
def kept(mine, tmp_path):
    """A run, its record, its model as it was trained, and its folder."""
    run = one()
    record = execute(run, keep=[saved.policy(run)])
    model = build_model(run, 2, CPU).eval()
    checkpoints.load_weights(model, run.hash, saved.policy(run))
    return run, record, model, saved.save(run, record, tmp_path / "kept", "train --save kept")


def test_transformers_gives_the_same_logits_from_the_folder(kept):
    run, record, model, place = kept
    whole = AutoModelForSequenceClassification.from_pretrained(place).eval()
    batch = toy_batch(model)
    with torch.no_grad():
        assert torch.allclose(whole(**batch.inputs()).logits, model(batch).logits, atol=1e-5)
    assert type(whole).__name__ == "BertForSequenceClassification"
    assert [whole.config.id2label[i] for i in range(2)] == record["data"]["labels"]
    # Rows that the data do not use are as pretrained.
    full = build_model(run, 2, CPU).encoder.get_input_embeddings().weight
    table = whole.get_input_embeddings().weight
    assert table.shape == full.shape
    assert 0 < (table != full).any(1).sum() < 40
    assert AutoTokenizer.from_pretrained(place).model_max_length == 16


def test_the_folder_says_where_it_comes_from_and_the_checkpoint_is_gone(kept):
    run, record, _, place = kept
    assert place.name == f"mine-tmix-0-{run.hash[:8]}"
    text = (place / "README.md").read_text("utf-8")
    accuracy = record["selected"]["best-on-validation"]["metrics"]["test"]["accuracy"]
    for said_of in (run.hash, "TMix", "train --save kept", "best-on-validation", f"{100 * accuracy:.2f}"):
        assert said_of in text
    assert not checkpoints.checkpoint_path(run.hash, "best-on-validation").exists()
    assert saved.wanted([run], place.parent) == {}
    assert saved.wanted([run], place.parent, again=[run.hash]) == {run.hash: {"best-on-validation"}}
    assert not [p for p in place.parent.iterdir() if p != place]


@pytest.mark.parametrize(("evaluate", "policy"), [(("validation", "test"), "best-on-validation"), (("test",), "last")])
def test_the_test_part_never_chooses(evaluate, policy):
    assert saved.policy(one(evaluate=evaluate)) == policy


@pytest.mark.parametrize(
    ("model_type", "equal"),
    [
        ("bert", True),
        ("roberta", True),
        ("xlm-roberta", True),
        ("mpnet", True),
        ("deberta-v2", True),
        ("electra", False),
        ("distilbert", False),
        ("modernbert", False),
    ],
)
def test_a_head_is_equal_or_refused_by_name(model_type, equal, tmp_path):
    model = Classifier(load_encoder(str(save(tmp_path / "e", model_type, pad_token_id=1))), 3).eval()
    with torch.no_grad():  # far from 0, where activations differ
        model.pooler.weight.normal_(std=1.0)
    if not equal:
        with pytest.raises(EncoderError, match=f"a classifier on {model_type} cannot be saved"):
            as_transformers(model, "abc")
        return
    as_transformers(model, "abc").save_pretrained(tmp_path / "saved")
    again, batch = AutoModelForSequenceClassification.from_pretrained(tmp_path / "saved").eval(), toy_batch(model)
    with torch.no_grad():
        assert torch.allclose(again(**batch.inputs()).logits, model(batch).logits, atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"method": "dnm"}, "--save is not for dnm"),
        ({"method": "nonlinear"}, "--save is not for nonlinear"),
        ({"encoder": "cnn"}, "a classifier on cnn cannot be saved"),
    ],
)
def test_what_cannot_be_kept_is_refused_before_training(changes, words, tmp_path):
    with pytest.raises(ValueError, match=words):
        saved.check([one(), one(**changes)], tmp_path)


def test_a_file_is_no_place(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="--save takes a folder"):
        saved.check([one()], tmp_path / "file")


def test_too_little_disk_is_said_before_training(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Disk", (), {"free": 1e6}))
    with pytest.raises(RuntimeError, match=r"not enough disk for --save: .* 1 MB free"):
        saved.check([one(seed=i) for i in range(3)], tmp_path)


def test_finished_runs_without_weights_are_repeated_and_kept_weights_of_starts_stay(mine):
    start, store = one("none", recipe__epochs=2), Records()
    child = one(start=start, start_policy="best-on-validation")
    store.put(fakes.done(start, 50.0))
    store.put(fakes.done(child, 50.0))
    keep = saved.wanted([start, child], checkpoints.paths.work())
    assert jobs_for([start, child], store) == {}
    jobs = jobs_for([start, child], store, keep=keep)
    assert {h: j.keep for h, j in jobs.items()} == {r.hash: {"best-on-validation"} for r in (start, child)}
    weights = checkpoints.checkpoint_path(start.hash, "best-on-validation")
    weights.parent.mkdir(parents=True)
    weights.touch()
    assert set(jobs_for([start, child], store, keep=keep)) == {child.hash}
    for kept, there in ((keep, True), ({}, False)):
        Jobs({child.hash: jobs[child.hash]}, store, print, kept).finished(jobs[child.hash], "done")
        assert weights.exists() == there


def lines(tmp_path, *rows: dict):
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in rows), "utf-8")
    return path


def test_predictions_are_those_of_the_model_in_the_order_of_the_rows(kept, tmp_path):
    _, _, model, place = kept
    texts = ["text 1 is good", "bad " * 40, "a text with [SEP] in it", ""] * 20
    found = list(predict(place, lines(tmp_path, *({"text": t} for t in texts)), CPU))
    assert [p.true for p in found] == [None] * 80
    words = AutoTokenizer.from_pretrained(place)
    ids = words(texts[0], return_tensors="pt")
    with torch.no_grad():
        logits = model.encoder(**ids).last_hidden_state
        expected = model.classify(model.pool(logits)).softmax(1)[0].tolist()
    assert list(found[0].probabilities.values()) == pytest.approx(expected, abs=1e-5)
    assert all(max(p.probabilities, key=p.probabilities.get) == p.label for p in found)
    assert found == list(predict(place, tmp_path / "texts.jsonl", CPU))


def test_the_command_writes_lines_and_says_the_accuracy_where_there_are_labels(kept, tmp_path, capsys):
    *_, place = kept
    path = lines(tmp_path, {"text": "good", "label": "y"}, {"text": "bad", "label": "n"}, {"text": "no label"})
    assert main(["predict", str(place), str(path)]) == 0
    out, err = capsys.readouterr()
    found = [json.loads(line) for line in out.splitlines()]
    assert [sorted(f["probabilities"]) for f in found] == [["n", "y"]] * 3
    right = sum(f["label"] == label for f, label in zip(found, "yn", strict=False))
    assert err == f"accuracy {50 * right:.2f} on 2 rows with a label\n"
    assert main(["predict", str(place), str(path), "--out", str(tmp_path / "out.csv")]) == 0
    table = (tmp_path / "out.csv").read_text("utf-8").splitlines()
    assert table[0] == "label,probability of n,probability of y"
    assert [line.split(",")[0] for line in table[1:]] == [f["label"] for f in found]


def test_labels_that_are_no_class_are_named():
    found = [Prediction("y", {"n": 0.1, "y": 0.9}, true) for true in ("y", "1", None)]
    assert said(found) == "accuracy 50.00 on 2 rows with a label; no class of this classifier: '1'"
    write(found[:1], out := io.StringIO(), ".tsv")
    assert out.getvalue() == "label\tprobability of n\tprobability of y\ny\t0.100000\t0.900000\n"


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("a.txt", "x", "texts are read from .jsonl"),
        ("a.jsonl", "", "the file is empty"),
        ("a.jsonl", '{"text": "x"}\n{oops\n', "line 2: broken JSON"),
        ("a.jsonl", "[1]\n", "line 1: expected a JSON object, got list"),
        ("a.jsonl", '{"words": "x"}\n', "line 1: no value for 'text'; the row has words"),
        ("a.jsonl", '{"text": 3}\n', "line 1: 'text' must be text, not int"),
        ("a.jsonl", '{"text": "x", "text_b": "y"}\n', "line 1: the classifier reads one text a row; got text, text_b"),
        ("a.csv", 'text\n"x\n', "line 2: broken quoting"),
        ("a.csv", "text\nx\xe9\n", "not UTF-8"),
        ("a.csv", "words\nx,y\n", "line 2: more fields"),
        ("none.csv", None, "there is no file"),
    ],
)
def test_a_file_that_cannot_be_predicted_is_refused_with_its_line(name, content, complaint, kept, tmp_path):
    if content is not None:
        (tmp_path / name).write_text(content, "latin-1")
    with pytest.raises(DataError, match=complaint):
        list(predict(kept[-1], tmp_path / name, CPU))


def test_a_folder_without_a_classifier_is_refused(kept, tmp_path):
    place, path = kept[-1], lines(tmp_path, {"text": "x"})
    for folder, words in (
        (tmp_path / "no", "there is no folder"),
        (place.parent, f"several classifiers; name one of them: {place.name}"),
        (save(tmp_path / "plain"), "holds no trained classifier: classifier.bias is not there"),
    ):
        with pytest.raises(EncoderError, match=words):
            list(predict(folder, path, CPU))
