"""Edits against hand-written layer loops, on every tested architecture, with padding, with both attention kernels."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn
from transformers import AutoConfig, AutoModel, BertConfig, BertForSequenceClassification, BertModel

from mixutils.encoder.load import EncoderError
from mixutils.encoder.model import TESTED, Classifier, Edit, check_editable, find_layers, scale_level
from mixutils.encoder.shallow import KINDS, ShallowConfig, ShallowEncoder
from mixutils.tasks.encode import Batch
from tests.conftest import make_batch, make_model

SMALL = {
    "vocab_size": 60,
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 64,
    "initializer_range": 0.2,
    "pad_token_id": 0,
}
EXTRA = {
    "distilbert": {
        "vocab_size": 60,
        "dim": 32,
        "n_layers": 3,
        "n_heads": 4,
        "hidden_dim": 48,
        "max_position_embeddings": 64,
    },
    "modernbert": {
        **SMALL,
        **dict.fromkeys(("bos_token_id", "cls_token_id"), 2),
        **dict.fromkeys(("eos_token_id", "sep_token_id"), 3),
        "global_attn_every_n_layers": 2,
        "local_attention": 4,
    },
    "deberta-v2": {**SMALL, "relative_attention": True, "pos_att_type": ["c2p", "p2c"], "position_buckets": 8},
}
NO_SDPA = {"deberta-v2", "mpnet", *KINDS}
CASES = [(k, kernel) for k in sorted(TESTED) for kernel in ("eager", "sdpa") if kernel == "eager" or k not in NO_SDPA]


def encoder_of(kind: str, kernel: str) -> nn.Module:
    torch.manual_seed(0)
    if kind in KINDS:
        return ShallowEncoder(ShallowConfig(kind, 20, hidden_size=24), torch.randn(60, 20))
    config = AutoConfig.for_model(kind, **EXTRA.get(kind, SMALL))
    return AutoModel.from_config(config, attn_implementation=kernel)


def padded() -> Batch:
    batch = make_batch([6, 2, 4], seed=3)
    return Batch(batch.input_ids, batch.attention_mask, None, batch.text_id, batch.labels, batch.index)


@pytest.mark.parametrize(("kind", "kernel"), CASES)
def test_an_identity_edit_changes_no_bit_at_any_level(kind, kernel):
    model = Classifier(encoder_of(kind, kernel), 3).eval()
    batch = padded()
    with torch.no_grad():
        plain = model(batch)
        for level in range(model.depth + 1):
            same = model(batch, Edit(level, lambda h: h, torch.arange(3), torch.arange(3)))
            assert torch.equal(same.states, plain.states)
            assert torch.equal(same.logits, plain.logits)


@pytest.mark.parametrize(("kind", "kernel"), CASES)
def test_edits_equal_running_the_layers_by_hand(kind, kernel):
    """At every level: the unedited states are captured layer by layer, mixed by hand, and pushed through the rest."""
    model = Classifier(encoder_of(kind, kernel), 3).eval()
    batch = padded()
    first, second, w = torch.tensor([0, 1]), torch.tensor([2, 0]), 0.3
    with torch.no_grad():
        for level in range(model.depth + 1):
            got, _ = model.encode(batch, Edit(level, lambda h: (1 - w) * h[first] + w * h[second], first, second))
            expected = by_hand(model, batch, level, first, second, w)
            torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-4)


def by_hand(model: Classifier, batch: Batch, level: int, first, second, w: float) -> torch.Tensor:
    """Mix the states at ``level`` outside the model, then call the remaining layers one by one.

    The inputs of each layer besides the states (masks, position terms) are those that the model itself makes for a batch
    whose padding mask is the union of both rows' masks.
    """
    calls: list[tuple[tuple, dict]] = []
    hooks = [
        layer.register_forward_pre_hook(lambda m, a, k: calls.append((a, k)), with_kwargs=True)
        for layer in model.layers
    ]
    states = []
    hooks += [layer.register_forward_pre_hook(lambda m, a: states.append(a[0])) for layer in model.layers]
    union = batch.attention_mask[first] | batch.attention_mask[second]
    last = model.layers[-1]
    hooks.append(last.register_forward_hook(lambda m, a, out: states.append(out[0] if isinstance(out, tuple) else out)))
    model.encode(batch)
    calls.clear()
    mixed_inputs = {"input_ids": batch.input_ids[first], "attention_mask": union}
    recorded = list(states)
    model.encoder(**mixed_inputs)  # only for the layers' other inputs
    for hook in hooks:
        hook.remove()
    hidden = (1 - w) * recorded[level][first] + w * recorded[level][second]
    for layer, (args, kwargs) in list(zip(model.layers, calls, strict=True))[level:]:
        out = layer(hidden, *args[1:], **kwargs)
        hidden = out[0] if isinstance(out, tuple) else out
    # ModernBERT has one more norm behind its layers.
    return model.encoder.final_norm(hidden) if hasattr(model.encoder, "final_norm") else hidden


@pytest.mark.parametrize("kind", ["bert", "roberta", "mpnet", *KINDS])
def test_rows_may_grow_in_the_middle(kind):
    """Clean rows and mixtures together above the level give what they give apart."""
    model = Classifier(encoder_of(kind, "eager"), 3).eval()
    batch = padded()
    rows = torch.arange(3)
    first, second = torch.tensor([0, 1]), torch.tensor([1, 2])
    with torch.no_grad():
        for level in range(model.depth + 1):
            grown = Edit(
                level,
                lambda h: torch.cat([h, (h[first] + h[second]) / 2]),
                torch.cat([rows, first]),
                torch.cat([rows, second]),
                clean=3,
            )
            together = model(batch, grown).logits
            apart = model(batch, Edit(level, lambda h: (h[first] + h[second]) / 2, first, second)).logits
            torch.testing.assert_close(together[:3], model(batch).logits, atol=1e-5, rtol=1e-4)
            torch.testing.assert_close(together[3:], apart, atol=1e-5, rtol=1e-4)


def test_masks_of_mixtures():
    """SPEC 1.3: union lets both rows' tokens be seen, first only the first row's, ones everything."""
    mask = torch.tensor([[True, True, False], [True, False, False]])[:, None, None]
    additive = torch.where(mask, 0.0, -1e9)
    first, second = torch.tensor([1]), torch.tensor([0])
    expected = {"union": [True, True, False], "first": [True, False, False], "ones": [True, True, True]}
    for rule, keep in expected.items():
        edit = Edit(0, lambda h: h, first, second, rule)
        assert edit.edit_mask(mask, 2)[0, 0, 0].tolist() == keep
        assert (edit.edit_mask(additive, 2)[0, 0, 0] == 0).tolist() == keep
        assert edit.edit_mask(mask.long(), 2)[0, 0, 0].bool().tolist() == keep
        assert edit.edit_mask(None, 2) is None
    kept = Edit(0, lambda h: h, torch.tensor([1, 1]), torch.tensor([1, 0]), "ones", clean=1).edit_mask(mask, 2)
    assert kept[:, 0, 0].tolist() == [[True, False, False], [True, True, True]]
    with pytest.raises(ValueError, match="union, first, ones"):
        Edit(0, lambda h: h, first, second, "both")


def test_a_classifier_computes_what_hugging_face_computes():
    torch.manual_seed(0)
    config = BertConfig(**SMALL, num_labels=3)
    theirs = BertForSequenceClassification(config).eval()
    ours = Classifier(BertModel(config), 3).eval()
    ours.encoder.load_state_dict({k: v for k, v in theirs.bert.state_dict().items() if not k.startswith("pooler")})
    ours.pooler.load_state_dict(theirs.bert.pooler.dense.state_dict())
    ours.classifier.load_state_dict(theirs.classifier.state_dict())
    batch = make_batch([6, 2, 4])
    with torch.no_grad():
        assert torch.equal(ours(batch).logits, theirs(**batch.inputs()).logits)


def test_a_pretrained_pooler_is_taken_over():
    torch.manual_seed(0)
    encoder = BertModel(BertConfig(**SMALL))
    weight = encoder.pooler.dense.weight.detach().clone()
    model = Classifier(encoder, 2)
    assert torch.equal(model.pooler.weight, weight)
    assert model.encoder.pooler is None


def test_same_seed_same_new_layers():
    assert torch.equal(make_model(seed=4).classifier.weight, make_model(seed=4).classifier.weight)
    assert not torch.equal(make_model(seed=4).classifier.weight, make_model(seed=5).classifier.weight)


def test_hooks_are_gone_after_a_call_and_after_an_error(model):
    batch = make_batch([3, 2])

    def broken(h):
        raise RuntimeError("inside the edit")

    model(batch, Edit(1, lambda h: h, torch.arange(2)), keep=(0, 3))
    with pytest.raises(RuntimeError, match="inside the edit"):
        model(batch, Edit(1, broken, torch.arange(2)))
    assert not any(m._forward_pre_hooks or m._forward_hooks for m in model.modules())


def test_a_level_outside_the_encoder_is_refused(model):
    batch = make_batch([3, 2])
    for level in (-1, 4):
        with pytest.raises(ValueError, match="not between 0 and 3"):
            model(batch, Edit(level, lambda h: h, torch.arange(2)))
        with pytest.raises(ValueError, match="not between 0 and 3"):
            model(batch, keep=(level,))


def test_kept_states_are_the_layers_inputs_and_get_gradients(model):
    batch = make_batch([4, 2])
    out = model(batch, keep=(0, 1, 3))
    assert torch.equal(out.kept[3], out.states)
    out.logits.sum().backward()
    for level in (0, 1, 3):
        assert out.kept[level].grad.shape == (2, 6, 32)


def test_work_counts_rows_times_layers_and_tokens_times_layers(model):
    batch = make_batch([4, 2, 3, 3])
    length = batch.input_ids.shape[1]
    model(batch)
    assert model.work == 4 * 3
    assert model.tokens == 4 * 3 * length  # padding too: nothing is packed here
    rows = torch.arange(4)
    grown = Edit(1, lambda h: torch.cat([h, h]), torch.cat([rows, rows]))
    model(batch, grown)
    assert model.work == 12 + 4 * 1 + 8 * 2
    assert model.tokens == model.work * length


def test_unused_vocabulary_rows_change_nothing(model):
    """Loss, all other gradients, and their norm are the same to the bit; kept rows get the same gradient."""
    whole, part = make_model(), make_model()
    batch = make_batch([6, 2, 4])
    vocabulary = torch.unique(torch.cat([batch.input_ids.flatten(), torch.tensor([0])]))
    part.keep_rows(vocabulary)
    smaller = replace(batch, input_ids=torch.searchsorted(vocabulary, batch.input_ids))
    a, b = whole(batch).logits.logsumexp(1).sum(), part(smaller).logits.logsumexp(1).sum()
    assert torch.equal(a, b)
    a.backward()
    b.backward()
    name = "encoder.embeddings.word_embeddings.weight"
    grads = dict(whole.named_parameters()), dict(part.named_parameters())
    for key in grads[0]:
        if key != name:
            assert torch.equal(grads[0][key].grad, grads[1][key].grad), key
    full = grads[0][name].grad
    assert torch.equal(full[vocabulary], grads[1][name].grad)
    unused = torch.ones(60, dtype=torch.bool)
    unused[vocabulary] = False
    assert (full[unused] == 0).all()


@pytest.mark.parametrize("kind", ["albert", "bart", "t5", "gpt2"])
def test_encoders_that_cannot_be_edited_are_refused_by_name(kind):
    torch.manual_seed(0)
    settings = {**SMALL, "d_model": 32, "encoder_layers": 3, "n_layer": 3, "n_embd": 32, "n_head": 4, "num_layers": 3}
    encoder = AutoModel.from_config(AutoConfig.for_model(kind, **settings))
    with pytest.raises(EncoderError, match=kind):
        Classifier(encoder, 2)


def test_deberta_with_a_convolution_is_refused():
    """Its convolution reads the embeddings again, past an edit of h_0."""
    config = AutoConfig.for_model("deberta-v2", **EXTRA["deberta-v2"], conv_kernel_size=3, conv_act="gelu")
    with pytest.raises(EncoderError, match="deberta-v2"):
        Classifier(AutoModel.from_config(config), 2)


def test_an_untested_architecture_that_works_is_accepted():
    encoder = AutoModel.from_config(AutoConfig.for_model("camembert", **SMALL))
    model = Classifier(encoder, 2)
    check_editable(model)
    assert find_layers(encoder) is model.layers


@pytest.mark.parametrize(
    ("given", "scaled"), [((0, 1, 2), (0, 1, 1)), ((7, 9, 12), (4, 5, 6)), ((3, 4, 6, 7, 9, 12), (2, 2, 3, 4, 5, 6))]
)
def test_layer_sets_are_scaled_by_one_rule(given, scaled):
    assert tuple(scale_level(level, 6) for level in given) == scaled
    assert tuple(scale_level(level, 12) for level in given) == given
    assert scale_level(12, 24) == 24
    with pytest.raises(ValueError, match="between 0 and 12"):
        scale_level(13, 6)
