"""Our attention against transformers' own, and its dropout."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModel

from mixutils.encoder.attention import PLAIN, register
from mixutils.encoder.dropout import give_rng
from mixutils.encoder.load import load_encoder
from mixutils.encoder.model import TESTED, Classifier
from tests.test_model import EXTRA, SMALL, padded


@pytest.mark.parametrize("kind", sorted(TESTED - {"cnn", "lstm"}))
def test_it_computes_what_eager_attention_computes(kind):
    states = []
    register()
    for name in ("eager", PLAIN):
        torch.manual_seed(0)
        config = AutoConfig.for_model(kind, **EXTRA.get(kind, SMALL))
        model = Classifier(AutoModel.from_config(config, attn_implementation=name), 3).eval()
        with torch.no_grad():
            states.append(model(padded()).states)
    assert torch.equal(*states)


def test_all_dropout_of_a_run_comes_from_one_generator():
    """torch's global generator is not touched by a training forward pass."""
    model = Classifier(load_encoder("random:tiny", attention="plain"), 2).train()
    give_rng(model, np.random.default_rng(0))
    before = torch.get_rng_state()
    first = model(padded()).logits
    assert torch.equal(torch.get_rng_state(), before)
    give_rng(model, np.random.default_rng(0))
    assert torch.equal(model(padded()).logits, first)


def test_attention_weights_are_dropped():
    model = Classifier(load_encoder("random:tiny", dropout=0.5, attention="plain"), 2).train()
    give_rng(model, np.random.default_rng(0))
    batch = padded()
    out = model.encoder(**batch.inputs(), output_attentions=True)
    seen = (out.attentions[0] == 0)[0]  # the row without padding
    assert 0.3 < seen.float().mean().item() < 0.7
