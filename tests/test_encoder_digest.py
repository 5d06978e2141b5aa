"""Encoders are known by content: one digest per content, one name per folder, and runs of other content are stale."""

from __future__ import annotations

import json
import os
import shutil

import pytest

from mixutils import paths
from mixutils.companion import Companion, make_plan
from mixutils.companion.plans import stale_runs
from mixutils.encoder import digest as digests
from mixutils.encoder.digest import digest
from mixutils.encoder.load import load_encoder, load_tokenizer, resolved
from mixutils.papers.profiles import make_setting
from mixutils.runs.records import Records
from mixutils.runs.schema import RecordError, check
from tests import fakes


@pytest.fixture
def enc(tmp_path, monkeypatch):
    """A folder ``enc`` in the current one."""
    load_encoder("random:tiny").save_pretrained(tmp_path / "enc")
    load_tokenizer("random:tiny").save_pretrained(tmp_path / "enc")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path / "enc"


@pytest.fixture
def vectors(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "words.txt").write_text("the 1 2\nfilm 3 4\n", "utf-8")
    return tmp_path / "words.txt"


@pytest.mark.parametrize("name", ["enc", "enc/", "./enc", "~/enc", "../{parent}/enc", "{enc}"])
def test_a_folder_has_one_name(name, enc):
    name = name.format(enc=enc, parent=enc.parent.name)
    assert resolved(name) == str(enc.resolve())
    assert make_setting("smoke", encoder=name).encoder == str(enc.resolve())


@pytest.mark.parametrize("name", ["cnn:words.txt", "cnn:./words.txt", "cnn:{vectors}"])
def test_a_file_of_word_vectors_has_one_name(name, vectors):
    assert resolved(name.format(vectors=vectors)) == f"cnn:{vectors.resolve()}"


@pytest.mark.parametrize("name", ["minilm", "random:tiny", "cnn", "cnn:random", "lstm:minilm", "a/b", "cnn:no.txt", ""])
def test_other_names_stay_though_a_folder_is_called_like_them(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for own in ("minilm", "cnn", "random:tiny"):
        (tmp_path / own).mkdir()
    assert resolved(name) == name


def test_relative_names_count_from_the_checkout_too(enc, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert resolved("./enc") == "./enc"
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    assert resolved("./enc") == str(enc.resolve())
    assert load_encoder("./enc").config.model_type == "bert"
    assert {r.encoder for r in Companion("ssmix", encoder="enc", train=False).plan.runs} == {str(enc.resolve())}


def touch(path):
    path.write_bytes(path.read_bytes())


@pytest.mark.parametrize(
    ("change", "other"),
    [
        (lambda f: load_encoder("random:tiny").save_pretrained(f), True),
        (lambda f: (f / "tokenizer.json").write_text((f / "tokenizer.json").read_text() + " "), True),
        (lambda f: (f / "config.json").write_text((f / "config.json").read_text() + " "), True),
        (lambda f: (f / "README.md").write_text("words about it"), False),
        (lambda f: (f / "optimizer.pt").write_bytes(b"1"), False),
        (lambda f: touch(f / "model.safetensors"), False),
    ],
)
def test_the_digest_is_of_what_is_read(change, other, enc):
    before = digest("enc")
    assert before == digest(str(enc)) != ""
    change(enc)
    assert (digest("enc") != before) == other


def test_a_copy_is_the_same_content_and_files_are_read_once(enc, tmp_path, monkeypatch):
    shutil.copytree(enc, tmp_path / "copy")
    assert digest("copy") == digest("enc")
    monkeypatch.setattr(digests.hashlib, "file_digest", lambda *a: pytest.fail("read again"))
    digest("enc")


def test_untrained_and_shallow_encoders_are_known_by_the_files_that_they_need(vectors):
    assert digest("random:tiny") == digest("random:small") == digest("cnn:random") != ""
    assert digest("cnn") == digest("lstm:minilm") == digest("minilm") != digest("random:tiny")
    before = digest("cnn:words.txt")
    vectors.write_text("the 1 2\nfilm 3 5\n", "utf-8")
    assert digest("cnn:words.txt") != before != ""
    assert digest("cnn:nothing.txt") == digest("no/such/thing") == digest("nobody-xyz/nothing") == digest("a b") == ""


def test_a_hub_id_is_known_by_its_commit(tmp_path, monkeypatch):
    snapshot = tmp_path / "snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *a: str(snapshot / "config.json"))
    before = digest("someone/bert")
    (snapshot / "vocab.txt").write_text("the cache may hold more tomorrow")
    assert digest("someone/bert") == before != ""


@pytest.mark.parametrize(("field", "stale"), [("same", False), ("other", True), (None, False)])
def test_runs_of_other_content_are_stale(field, stale, monkeypatch):
    plan, store = make_plan("ssmix", "smoke"), Records()
    run = plan.runs[0]
    record = fakes.done(run, 60.0)
    if field:
        record["encoder"] = {"digest": digest(run.encoder) if field == "same" else "0" * 16, "notes": []}
    monkeypatch.setattr("mixutils.runs.execute.cached_task", lambda *a: (None, record["data"]["digest"]))
    store.put(record)
    found = stale_runs(plan, store)
    assert list(found) == [run.hash] * stale
    assert all("other weights or another tokenizer then: 0000" in why for why in found.values())
    monkeypatch.setattr("mixutils.encoder.digest.digest", lambda name: "")  # not at hand: nothing to compare with
    assert stale_runs(plan, store) == {}


def test_the_record_has_the_digest_and_old_records_need_none():
    record = fakes.done(make_plan("ssmix", "smoke").runs[0], 60.0)
    check(record, "here")
    check(record | {"encoder": {"digest": "0123456789abcdef"}}, "here")
    with pytest.raises(RecordError, match=r"encoder.digest must be 16 hex digits"):
        check(record | {"encoder": {"digest": "oops"}}, "here")


def test_an_interrupted_run_of_other_content_is_begun_anew(tmp_path):
    from safetensors.torch import save_file
    from torch import ones

    from mixutils.runs.checkpoints import Unfinished

    before, after = Unfinished("abc", made_from=["1", "2"]), Unfinished("abc", made_from=["1", "3"])
    os.makedirs(before.path.parent)  # noqa: PTH103
    save_file({"x": ones(1)}, before.path, {"json": json.dumps({"made_from": ["1", "2"]})})
    assert after.load({}) is None
    with pytest.raises(KeyError):  # goes on, and looks for what it goes on with
        before.load({})
