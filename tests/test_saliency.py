"""Gradients at the embeddings: against captum, and without side effects."""

from __future__ import annotations

import pytest
import torch
from captum.attr import Saliency

from mixutils.encoder.saliency import at_top, separate, token_saliency
from tests.conftest import make_batch, make_model


def test_gradients_equal_captums(model):
    """captum's Saliency with respect to the word embeddings of a single text, fed as inputs_embeds."""
    batch = make_batch([5])
    table = model.encoder.get_input_embeddings()
    embeds = table(batch.input_ids).detach().requires_grad_()

    def forward(e):
        out = model.encoder(inputs_embeds=e, attention_mask=batch.attention_mask, token_type_ids=batch.token_type_ids)
        logits = model.classify(model.pool(out.last_hidden_state))
        return torch.nn.functional.cross_entropy(logits, batch.labels, reduction="none")

    theirs = Saliency(forward).attribute(embeds, abs=False)
    ours = separate(model, batch, at="word_embedding", train_mode=False)
    torch.testing.assert_close(ours, theirs, atol=1e-7, rtol=1e-5)


def test_the_free_gradient_is_the_separate_one(model):
    """The clean pass's own backward leaves behind what a pass of its own computes (dropout off)."""
    batch = make_batch([5, 2, 7])
    out = model(batch, keep=(0,))
    torch.nn.functional.cross_entropy(out.logits, batch.labels, reduction="sum").backward()
    torch.testing.assert_close(out.kept[0].grad, separate(model, batch, train_mode=False), atol=1e-7, rtol=1e-6)


def test_a_separate_pass_leaves_no_trace(model):
    model.train()
    model.classifier.weight.grad = torch.ones_like(model.classifier.weight)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    separate(model, make_batch([5, 2]), train_mode=False)
    assert model.training
    assert torch.equal(model.classifier.weight.grad, torch.ones_like(model.classifier.weight))
    assert all(p.grad is None for n, p in model.named_parameters() if n != "classifier.weight")
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


def test_keeping_the_embeddings_changes_no_parameters_gradient():
    grads = []
    for keep in ((), (0,)):
        model = make_model()
        model(make_batch([5, 2]), keep=keep).logits.sum().backward()
        grads.append({k: p.grad for k, p in model.named_parameters()})
    assert all(torch.equal(grads[0][k], grads[1][k]) for k in grads[0])


def test_padding_has_no_saliency(model):
    batch = make_batch([6, 2])
    saliency = token_saliency(separate(model, batch, train_mode=False))
    assert (saliency[batch.attention_mask == 0] == 0).all()
    assert (saliency[batch.attention_mask == 1] > 0).all()


def test_norms():
    gradient = torch.tensor([[[3.0, -4.0]]])
    assert token_saliency(gradient).item() == 5
    assert token_saliency(gradient, "l1").item() == 7
    # SPEC SA8: the root mean square is the L2 norm over sqrt(d)
    assert token_saliency(gradient, "rms").item() == pytest.approx(5 / 2**0.5)


def test_dropout_is_on_in_train_mode_and_off_in_eval_mode():
    model, batch = make_model(hidden_dropout_prob=0.3), make_batch([5, 2])
    off = [separate(model, batch, train_mode=False) for _ in range(2)]
    on = [separate(model, batch, train_mode=True) for _ in range(2)]
    assert torch.equal(*off)
    assert not torch.equal(*on)


def test_a_wrong_place_is_refused(model):
    with pytest.raises(KeyError, match="logits"):
        separate(model, make_batch([3]), at="logits")


def test_saliency_at_the_last_states_needs_no_pass_through_the_encoder(model):
    """The same numbers with and without one; the head reads the first token alone, so only that has any."""
    batch = make_batch([5, 2])
    expected = separate(model, batch, "last_hidden", train_mode=False)
    states = model(batch).states
    model.work = 0
    torch.testing.assert_close(at_top(model, states, batch.labels, False), expected)
    assert model.work == 0
    assert (expected[:, 0] != 0).any()
    assert (expected[:, 1:] == 0).all()
    assert all(p.grad is None for p in model.parameters())
