"""What several probes do, against slow explicit computations."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from mixutils.encoder.load import load_tokenizer
from mixutils.probes.common import against_null, batch_of, mixed_pairs, plane, read
from mixutils.tasks import Split, TaskData
from tests.conftest import make_batch, make_model

TEXTS = ["a fine funny film", "dull and far too long"]


@pytest.fixture(scope="module")
def data():
    return TaskData("toy", ("yes", "no"), {"train": Split(TEXTS, None, np.array([1, 0]))})


def test_texts_are_read_in_the_tokenizers_own_numbering_with_labels_where_there_are_some(data):
    tokenizer = load_tokenizer("random:tiny")
    split = read(data.splits["train"], data, tokenizer, 32)
    assert split.labels.tolist() == [1, 0]
    alone = read(TEXTS, data, tokenizer, 32)
    assert alone.labels.tolist() == [0, 0]
    batch = batch_of(alone)
    for row, text in zip(range(2), TEXTS, strict=True):
        ids = tokenizer(text)["input_ids"]
        assert batch.input_ids[row, : len(ids)].tolist() == ids
    assert torch.equal(batch.input_ids, batch_of(split).input_ids)


def test_pairs_are_mixed_at_the_level_that_is_named():
    model, batch = make_model(), make_batch([4, 4])
    one = torch.tensor([0])
    plain = model.encode(batch)[0]
    for weight in (0.0, 1.0):
        edit = mixed_pairs(0, one, one + 1, torch.tensor([weight]))
        torch.testing.assert_close(model.encode(batch, edit)[0][0], plain[int(weight)])


def test_the_plane_is_that_of_the_principal_components():
    points = torch.randn(30, 5, generator=torch.Generator().manual_seed(0))
    flat, explained = plane(points)
    other = PCA(2)
    expected = other.fit_transform(points.numpy())
    np.testing.assert_allclose(np.abs(flat), np.abs(expected), atol=1e-5)  # an axis may point either way
    assert explained == pytest.approx(float(other.explained_variance_ratio_.sum()), rel=1e-5)


def test_p_values_count_the_value_itself():
    found = against_null(2.0, np.array([1.0, 2.0, 3.0]), 1e-9)
    assert (found["value"], found["p_greater"], found["p_less"]) == (2.0, 3 / 4, 3 / 4)
    assert against_null(9.0, np.zeros(99), 1e-9)["p_greater"] == 1 / 100
    assert found["null"] == pytest.approx([1.05, 2.0, 2.95])
