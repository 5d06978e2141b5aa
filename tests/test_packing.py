"""Packing computes what the padded encoder computes: states, gradients, and every mixer's loss."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModel

from mixutils.encoder import packing
from mixutils.encoder.attention import PACKED, PLAIN, register
from mixutils.encoder.load import load_encoder
from mixutils.encoder.model import MASKS, WORDS, Classifier, Edit
from mixutils.encoder.packing import PACKABLE, Packing
from mixutils.mixers import REGISTRY, build
from tests.conftest import make_batch, make_task
from tests.test_model import SMALL

FIRST, SECOND = torch.tensor([0, 1, 2, 0]), torch.tensor([0, 2, 0, 1])  # row 0 is clean, the others are mixtures


def models(kind: str = "bert") -> list[Classifier]:
    """The same model twice, padded and packed; no dropout."""
    out = []
    register()
    for name in (PLAIN, PACKED):
        torch.manual_seed(0)
        config = AutoConfig.for_model(kind, **SMALL)
        out.append(Classifier(AutoModel.from_config(config, attn_implementation=name), 3).double().eval())
    assert [m.packs for m in out] == [False, True]
    return out


def edits(depth: int) -> list[Edit | None]:
    def mix(h):
        return 0.3 * h[FIRST] + 0.7 * h[SECOND]

    return [None] + [
        Edit(level, mix, FIRST, SECOND, mask, clean=1) for level in (*range(depth + 1), WORDS) for mask in MASKS
    ]


@pytest.mark.parametrize("kind", sorted(PACKABLE))
def test_logits_and_all_gradients_are_those_of_the_padded_encoder(kind):
    batch = make_batch([9, 2, 5], seed=3)
    padded, packed = models(kind)
    for edit in edits(padded.depth):
        if kind != "bert" and edit is not None and edit.level == WORDS:
            continue  # the others count positions from word ids, padded or not
        found = []
        for model in (padded, packed):
            model.zero_grad()
            out = model(batch, edit)
            (out.logits * torch.arange(out.logits.numel()).view_as(out.logits).cos()).sum().backward()
            grads = {k: p.grad for k, p in model.named_parameters() if p.grad is not None}
            found.append((out, grads))
        (one, grads), (two, others) = found
        torch.testing.assert_close(two.logits, one.logits)
        torch.testing.assert_close(two.vector, one.vector)
        assert grads.keys() == others.keys()
        for name in grads:
            torch.testing.assert_close(others[name], grads[name], msg=f"{edit}, {name}")


def test_states_of_real_tokens_are_those_of_the_padded_encoder():
    batch = make_batch([9, 2, 5], seed=3)
    padded, packed = models()
    real = batch.attention_mask.bool()
    one, two = padded(batch).states, packed(batch).states
    torch.testing.assert_close(two[real], one[real])
    assert not two[~real].any()


def test_layers_see_no_padding():
    """The count of tokens is that of the real ones; an edit adds what its mixtures read, and nothing else."""
    batch = make_batch([9, 2, 5], seed=3)
    _, packed = models()
    seen = []
    packed.layers[1].register_forward_pre_hook(lambda module, args: seen.append(args[0].shape[:2]))
    packed(batch)
    packed(batch, Edit(2, lambda h: (h[[1]] + h[[2]]) / 2, torch.tensor([1]), torch.tensor([2])))
    tokens = batch.attention_mask.sum(1)
    assert seen[0] == (1, tokens.sum())
    assert seen[1] == (1, tokens[0] + 2 * tokens[2])  # row 1 is computed as far as its longer partner reaches
    assert batch.attention_mask.numel() == 3 * tokens[0]


def test_counted_tokens_are_those_that_the_layers_compute():
    batch = make_batch([9, 2, 5], seed=3)
    for model in models():
        seen: list[int] = []

        def count(module, args, out, seen=seen):
            seen.append(out.shape[:2].numel())

        for layer in model.layers:
            layer.register_forward_hook(count)
        for edit in edits(model.depth):
            seen.clear()
            model.tokens = 0
            model(batch, edit)
            assert model.tokens == sum(seen), edit


def test_saliency_of_the_embeddings_is_that_of_the_padded_encoder():
    batch = make_batch([9, 2, 5], seed=3)
    found = []
    for model in models():
        out = model(batch, keep=(0,))
        out.logits.square().sum().backward()
        found.append((out.kept[0], out.kept[0].grad))
    torch.testing.assert_close(*found)


def test_kept_states_of_higher_levels_come_with_their_padding():
    batch = make_batch([9, 2, 5], seed=3)
    padded, packed = models()
    torch.testing.assert_close(packed(batch, keep=(2,)).kept[2], padded(batch, keep=(2,)).kept[2])


def test_packing_and_unpacking_are_inverse():
    wanted = torch.tensor([[1, 1, 1, 0], [1, 0, 0, 0], [1, 1, 0, 1]]).bool()
    visible = wanted & (torch.arange(4) < 2)
    packed = Packing.of(wanted, visible)
    states = torch.randn(3, 4, 5)
    assert packed.pack(states).shape == (1, 7, 5)
    assert torch.equal(packed.unpack(packed.pack(states)), states * wanted[..., None])
    assert torch.equal(packed.bias[:, 0, 0] == 0, visible)


def test_nothing_is_left_behind_by_an_error():
    batch = make_batch([9, 2, 5], seed=3)
    _, packed = models()

    def fail(h):
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        packed(batch, Edit(1, fail, torch.arange(3)))
    assert packing.current.get() is None
    # Without a packing it is plain attention: the encoder alone works as any other.
    assert packed.encoder(**batch.inputs()).last_hidden_state.shape[:2] == batch.input_ids.shape


def test_what_cannot_be_packed_is_padded(tmp_path):
    config = AutoConfig.for_model("distilbert", vocab_size=60, dim=32, n_layers=1, n_heads=4, hidden_dim=48)
    AutoModel.from_config(config).save_pretrained(tmp_path)
    assert not Classifier(load_encoder(str(tmp_path), attention="packed"), 2).packs
    assert Classifier(load_encoder("random:tiny", attention="packed"), 2).packs


@pytest.mark.parametrize("method", REGISTRY)
@pytest.mark.parametrize("pair", [False, True], ids=["single", "pair"])
def test_every_mixer_has_the_same_losses(method, pair):
    """Two steps' losses and gradients without dropout, from the same draws."""
    task = make_task(pair=pair)
    found = []
    for attention in ("plain", "packed"):
        torch.manual_seed(0)
        model = Classifier(load_encoder("random:tiny", 0.0, attention), task.classes, 0.0).train()
        mixer, rng = build(method), np.random.default_rng(1)
        with torch.no_grad():
            mixer.prepare(model, task, rng)
        losses = []
        for rows in (torch.arange(6), torch.arange(4, 12)):
            total = 0.0
            for part in mixer.losses(model, task.splits["train"].batch(rows), rng):
                (part.weight * part.loss).backward()
                total += float(part.weight * part.loss.detach())
            losses.append(total)
        grads = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
        found.append((losses, grads))
    (one, grads), (two, others) = found
    assert two == pytest.approx(one, rel=1e-4)
    assert float((grads - others).norm() / grads.norm()) < 1e-3
