"""Encoders of users: what cannot be used is refused in one line that says why; what can be mended is, and is said."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import CONFIG_MAPPING, AutoModel

from mixutils.encoder.check import check_encoder
from mixutils.encoder.load import EncoderError, load_encoder, load_tokenizer
from tests.test_encoders import truncate, write_config

SMALL = {"vocab_size": 30522, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "pad_token_id": 0}
SMALL |= {"intermediate_size": 32, "max_position_embeddings": 64}
OTHERS = {
    "gpt2": {"vocab_size": 30522, "n_embd": 16, "n_layer": 2, "n_head": 2},
    "t5": {"vocab_size": 30522, "d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_heads": 2},
    "bart": {"vocab_size": 30522, "d_model": 16, "encoder_layers": 2, "decoder_layers": 2, "encoder_ffn_dim": 16}
    | {"decoder_ffn_dim": 16, "encoder_attention_heads": 2, "decoder_attention_heads": 2},
    "albert": SMALL | {"embedding_size": 16},
}


def save(folder: Path, model_type: str = "bert", **config) -> Path:
    """A tiny untrained encoder with MiniLM's tokenizer."""
    torch.manual_seed(0)
    made = CONFIG_MAPPING[model_type](**OTHERS.get(model_type, SMALL) | config)
    AutoModel.from_config(made).save_pretrained(folder)
    load_tokenizer("random:tiny").save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    return save(tmp_path_factory.mktemp("encoders") / "bert")


@pytest.fixture
def folder(tiny, tmp_path) -> Path:
    """A copy to be damaged."""
    return Path(shutil.copytree(tiny, tmp_path / "encoder"))


def only(ending: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        (folder / "model.safetensors").rename(folder / f"model{ending}")

    return damage


def adapter(folder: Path) -> None:
    (folder / "config.json").unlink()
    (folder / "adapter_config.json").write_text("{}")


def below(folder: Path) -> None:
    inner = folder / "0_Transformer"
    inner.mkdir()
    for path in [p for p in folder.iterdir() if p != inner]:
        path.rename(inner / path.name)
    (folder / "modules.json").write_text("[]")


def pickled(folder: Path) -> None:
    torch.save({}, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def without_tokenizer(folder: Path) -> None:
    for path in folder.glob("*token*"):
        path.unlink()


def with_tokens(folder: Path) -> None:
    tokenizer = load_tokenizer("random:tiny")
    tokenizer.add_tokens([f"[NEW{i}]" for i in range(3)])
    tokenizer.save_pretrained(folder)


def not_finite(folder: Path) -> None:
    encoder = load_encoder(str(folder))
    with torch.no_grad():
        encoder.encoder.layer[0].output.dense.weight[0, 0] = torch.nan
    encoder.save_pretrained(folder)


def another(model_type: str) -> Callable[[Path], None]:
    return lambda folder: save(folder, model_type) and None


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (another("gpt2"), r"'.*encoder' is made for writing.*gpt2"),
        (another("t5"), "is an encoder-decoder: t5"),
        (another("bart"), "is an encoder-decoder: bart"),
        (another("albert"), "'.*encoder': the architecture 'albert' .* cannot be edited"),
        (lambda f: write_config(f, is_decoder=True), "is made for writing"),
        (with_tokens, "ids up to 30524, its embedding only 30522 rows.*resize_token_embeddings"),
        (adapter, "a LoRA adapter.*merge_and_unload"),
        (pickled, r"only pickled weights \(.bin\).*use_safetensors=False.*save_pretrained"),
        (only(".gguf"), "only weights in the GGUF format"),
        (only(".onnx"), "only weights in the ONNX format"),
        (lambda f: (f / "model.safetensors").unlink(), r"no file named model\.safetensors; expected"),
        (below, "no config.json; the encoder is in the folder below: name '.*0_Transformer'"),
        (without_tokenizer, "no vocabulary"),
        (lambda f: (f / "config.json").unlink(), "no config.json; expected"),
        (lambda f: (f / "config.json").write_text("{oops"), "config.json is not a valid JSON file.*column 2"),
        (lambda f: (f / "config.json").write_text("[]"), "config.json must hold a JSON object, not list"),
        (lambda f: (f / "tokenizer.json").write_text("{"), "tokenizer.json is not a valid JSON file"),
        (truncate, "model.safetensors is cut short or damaged"),
        (lambda f: write_config(f, num_hidden_layers=3), "16 of its weights are not there .*encoder.layer.2"),
        (lambda f: write_config(f, num_hidden_layers=1), "16 of its weights have no place .*encoder.layer.1"),
        (lambda f: write_config(f, hidden_size=32), "shapes of its weights"),
        (lambda f: write_config(f, vocab_size=99), "shapes of its weights"),
        (lambda f: write_config(f, num_attention_heads=3), "attention heads"),
        (lambda f: write_config(f, model_type="nonsense"), "`nonsense`"),
        (not_finite, "NaN or inf"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(damage, complaint, folder):
    damage(folder)
    with pytest.raises(EncoderError, match=complaint) as caught:
        check_encoder(str(folder), False, 32)
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 700


@pytest.mark.parametrize("name", ["x" * 5000, "~nobody-xyz/enc", "a\0b", "", "random:", "cnn:/no/such.txt"])
def test_names_that_are_nothing_are_refused_in_one_short_line(name):
    with pytest.raises(EncoderError) as caught:
        check_encoder(name, False, 32)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 900


NO_SEGMENTS = "the encoder has no segments: the two texts of a pair are told apart by the separator alone"


@pytest.mark.parametrize(
    ("model_type", "config", "pair", "notes"),
    [
        ("bert", {}, True, []),
        ("bert", {"type_vocab_size": 1}, True, [NO_SEGMENTS]),
        ("bert", {"type_vocab_size": 1}, False, []),
        ("bert", {"max_position_embeddings": 20}, False, ["texts are cut to 20 tokens"]),
        # Positions count from the place after that of padding.
        ("roberta", {"max_position_embeddings": 20, "type_vocab_size": 1}, True, ["cut to 19 tokens", NO_SEGMENTS]),
        ("mpnet", {"max_position_embeddings": 20, "pad_token_id": 1}, False, ["cut to 18 tokens"]),
        ("deberta-v2", {}, True, [NO_SEGMENTS]),
    ],
)
def test_what_is_mended_is_said(model_type, config, pair, notes, tmp_path):
    found = check_encoder(str(save(tmp_path / "e", model_type, **config)), pair, 32)
    assert [any(n in f for n in notes) for f in found] == [True] * len(notes)


@pytest.mark.parametrize("name", ["random:tiny", "minilm", "cnn", "lstm:random"])
def test_known_encoders_pass_quickly_and_leave_the_random_numbers_alone(name):
    load_tokenizer("minilm"), load_encoder("random:tiny")  # imports
    before, begin = torch.get_rng_state(), time.process_time()
    assert check_encoder(name, True, 128) == []
    assert time.process_time() - begin < 4  # 2 s on a quiet machine
    assert torch.equal(torch.get_rng_state(), before)


def test_a_run_on_short_positions_and_one_segment_is_trained_and_its_record_says_so(tmp_path):
    from mixutils.runs.execute import execute
    from mixutils.runs.run import Run
    from mixutils.runs.schema import check
    from mixutils.training.loop import Recipe

    name = str(save(tmp_path / "e", type_vocab_size=1, max_position_embeddings=20))
    recipe = Recipe(epochs=1, batch_size=8)
    run = Run("docs-pair", "none", 0, encoder=name, recipe=recipe, train_size=8, eval_size=8, evaluate=("test",))
    record = execute(run.with_(policy="auto", max_length=40))
    assert [NO_SEGMENTS in n or "cut to 20 tokens" in n for n in record["encoder"]["notes"]] == [True, True]
    assert record["data"]["mean_tokens"] <= 20
    check(json.loads(json.dumps(record)), "here")
