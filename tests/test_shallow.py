"""The text CNN and the LSTM: explicit formulas, indifference to padding, every mixer on them, records that name their vectors."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mixutils.encoder.load import WORD_BOUND, WORD_SIZE, load_encoder, load_tokenizer, shallow
from mixutils.encoder.model import Classifier
from mixutils.encoder.shallow import KINDS, WIDTHS, ShallowConfig, ShallowEncoder
from mixutils.mixers import REGISTRY, build
from mixutils.runs.execute import execute
from mixutils.runs.run import Run
from mixutils.training.loop import Recipe, train
from tests.conftest import make_batch, make_task
from tests.test_vectors import write


def make_shallow(
    kind: str, classes: int = 3, dropout: float = 0.0, word_size: int = 20, hidden: int = 24
) -> Classifier:
    torch.manual_seed(0)
    encoder = ShallowEncoder(ShallowConfig(kind, word_size, hidden_size=hidden), torch.randn(60, word_size))
    return Classifier(encoder, classes, dropout).eval()


def test_convolutions_are_the_formula_window_by_window():
    """Kim's CNN in float64, window by window: zeros around the sentence, ReLU, the largest value over time."""
    model, batch = make_shallow("cnn"), make_batch([1, 4, 9])
    with torch.no_grad():
        got = model(batch).vector.numpy()
    table = model.encoder.embeddings.weight.detach().double().numpy()
    for row, (ids, mask) in enumerate(zip(batch.input_ids, batch.attention_mask, strict=True)):
        words = table[ids[mask == 1].numpy()]
        expected = []
        for module, width in zip(model.layers[0].filters, WIDTHS, strict=True):
            weight, bias = (p.detach().double().numpy() for p in (module.weight, module.bias))
            zeros = np.zeros((width - 1, words.shape[1]))
            padded = np.concatenate([zeros, words, zeros])
            windows = [padded[t : t + width] for t in range(len(padded) - width + 1)]
            values = [
                [(filter_ * window.T).sum() + b for filter_, b in zip(weight, bias, strict=True)] for window in windows
            ]
            expected += np.maximum(values, 0).max(0).tolist()
        assert got[row] == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_the_recurrence_is_the_formula_step_by_step():
    """Both directions of an LSTM in float64, step by step."""
    model, batch = make_shallow("lstm"), make_batch([1, 4, 9])
    with torch.no_grad():
        got = model(batch).vector.numpy()
    table = model.encoder.embeddings.weight.detach().double().numpy()
    parameters = {k: v.detach().double().numpy() for k, v in model.layers[0].lstm.named_parameters()}

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    for row, (ids, mask) in enumerate(zip(batch.input_ids, batch.attention_mask, strict=True)):
        words = table[ids[mask == 1].numpy()]
        expected = []
        for suffix, order in (("l0", words), ("l0_reverse", words[::-1])):
            w_in, w_state, b_in, b_state = (
                parameters[f"{k}_{suffix}"] for k in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            )
            h = c = np.zeros(12)
            for x in order:
                i, f, g, o = np.split(w_in @ x + b_in + w_state @ h + b_state, 4)
                c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
                h = sigmoid(o) * np.tanh(c)
            expected += h.tolist()
        assert got[row] == pytest.approx(expected, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_vector_does_not_depend_on_the_padding(kind):
    model, batch = make_shallow(kind), make_batch([1, 7, 3])
    with torch.no_grad():
        together = model(batch).vector
        for row in range(3):
            n = int(batch.attention_mask[row].sum())
            alone = batch.rows(slice(row, row + 1))
            cut = type(batch)(*(None if v is None else v[:, :n] if v.dim() == 2 else v for v in vars(alone).values()))
            torch.testing.assert_close(model(cut).vector, together[row : row + 1], atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_the_sentence_vector_goes_straight_to_the_classifier(kind):
    model, batch = make_shallow(kind), make_batch([4, 2])
    with torch.no_grad():
        out = model(batch)
        torch.testing.assert_close(out.logits, model.classifier(out.states[:, 0]))
    assert out.states.shape == (2, 1, 24)
    assert model.pooler is None
    assert Classifier(ShallowEncoder(ShallowConfig(kind, 4), torch.randn(9, 4)), 2).dropout.p == 0.5


@pytest.mark.parametrize("kind", KINDS)
def test_padding_stays_zero_also_after_training_on_fewer_words(kind):
    model, task = make_shallow(kind), make_task()
    model.keep_rows(torch.arange(60))
    train(model, build("wordmix"), task, Recipe(lr=1e-2, epochs=2, batch_size=8), 0)
    embeddings = model.encoder.get_input_embeddings()
    assert embeddings.weight[0].abs().max() == 0
    assert embeddings.weight[5:].abs().max() > 0


@pytest.mark.parametrize("name", [n for n in REGISTRY if not n.startswith("dropmix-")])
@pytest.mark.parametrize("kind", KINDS)
def test_every_mixer_trains_and_learns(kind, name):
    """Unchanged: WordMixup, SenMixup and NonlinearMixup, and the others with them."""
    task, model = make_task(32), make_shallow(kind, dropout=0.1)
    for split in task.splits.values():  # the first word tells the class
        split.input_ids[:, 1] = 10 + split.labels.int()
    state = train(model, build(name), task, Recipe(lr=1e-2, epochs=8, batch_size=8, optimizer="adam"), 0)
    losses = [point["train_loss"] for point in state.curve]
    assert min(losses[-3:]) < losses[0]


@pytest.mark.parametrize("kind", KINDS)
def test_dropmix_refuses_words_of_another_width_than_the_sentence_vector(kind):
    task, model = make_task(16), make_shallow(kind)
    with pytest.raises(ValueError, match="DropMix needs one width for words and states"):
        train(model, build("dropmix-g"), task, Recipe(epochs=1, batch_size=8), 0)


def test_names():
    assert shallow("cnn") == ("cnn", "minilm")
    assert shallow("lstm:random") == ("lstm", "random")
    assert shallow("cnn:some/file.txt") == ("cnn", "some/file.txt")
    for other in ("minilm", "random:tiny", "cnn-large", "bert-base-uncased"):
        assert shallow(other) is None


def test_vectors_of_the_wheel_are_its_word_embeddings():
    encoder = load_encoder("cnn")
    full = load_encoder("minilm").get_input_embeddings().weight
    assert torch.equal(encoder.embeddings.weight[1:], full[1:])
    assert encoder.config.vectors == {"source": "minilm", "words": 30522, "width": 384}
    assert load_tokenizer("cnn").tokenize("Mixing texts!") == ["mixing", "texts", "!"]


def test_random_vectors_follow_the_seed():
    def drawn(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return load_encoder("lstm:random").embeddings.weight.detach()

    a = drawn(1)
    assert a.shape == (30522, WORD_SIZE)
    assert float(a.abs().max()) <= WORD_BOUND
    assert torch.equal(a, drawn(1))
    assert not torch.equal(a, drawn(2))


def test_vectors_of_a_file_belong_to_its_words(tmp_path):
    path = write(tmp_path)
    encoder, tokenizer = load_encoder(f"cnn:{path}"), load_tokenizer(f"cnn:{path}")
    word = tokenizer.convert_tokens_to_ids("film")
    assert encoder.embeddings.weight[word].tolist() == [1, 2, 3]
    assert len(encoder.embeddings.weight) == len(tokenizer) == 10


RUN = Run(
    "docs-coarse", "nonlinear", 0, encoder="cnn:random", recipe=Recipe(lr=1e-3, steps=4, batch_size=16, optimizer="adam"),
    train_size=48, eval_size=30,
)  # fmt: skip


@pytest.mark.parametrize("vectors", ["minilm", "random", "file"])
def test_the_record_says_where_the_vectors_come_from(vectors, tmp_path):
    name = write(tmp_path, ["the 1 2 3", "return 2 1 1", "a 1 0 0"]) if vectors == "file" else vectors
    data = execute(RUN.with_(encoder=f"cnn:{name}"))["data"]
    found = data["vectors"]
    assert found["source"] == ("glove.txt" if vectors == "file" else vectors)
    assert found["width"] == {"minilm": 384, "random": 300, "file": 3}[vectors]
    assert ("digest" in found) == (vectors == "file")
    # A file of three words leaves most tokens without a vector; word pieces leave none.
    assert 0.5 < found["unknown"] < 1 if vectors == "file" else found["unknown"] < 0.01


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_repeats_to_the_bit(kind):
    first, second = (execute(RUN.with_(encoder=f"{kind}:random")) for _ in range(2))
    assert first["curve"] == second["curve"]
    assert first["environment"]["attention"] == "none"


def test_a_deep_encoders_record_says_nothing_about_vectors():
    assert "vectors" not in execute(RUN.with_(encoder="random:tiny"))["data"]
