"""DropMix as a training step: the identities of SPEC 7, its loss, its passes, its places."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mixutils.encoder.model import WORDS, Edit
from mixutils.encoder.saliency import separate
from mixutils.mixers import build
from mixutils.mixers.base import mixed_cross_entropy
from tests.conftest import make_batch, make_model
from tests.greedy import greedy

VARIANTS = ("dropmix-u", "dropmix-c", "dropmix-w", "dropmix-g")
PLACES = ("embedding_output", "word_embedding", "last_hidden")


def fixed(name: str, ratio: float, **options):
    return build(name, ratio_draw="fixed", ratio=ratio, **options)


def run(mixer, model, batch, seed: int = 0) -> list[float]:
    """One step's forward and backward passes; the weighted parts of its loss."""
    out = []
    for part in mixer.losses(model, batch, np.random.default_rng(seed)):
        (part.weight * part.loss).backward()
        out.append(part.weight * part.loss.item())
    return out


def gradients(model) -> dict[str, torch.Tensor]:
    out = {k: p.grad.clone() for k, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    return out


def partners(n: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).permutation(n))


def mixture_inputs(model, batch, mixer, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Clean h_0 and the states that enter the first layer in the mixtures' pass."""
    seen: list[torch.Tensor] = []
    inside = model.layers[0].attention  # what the layer itself computes with: edits are hooks of the layer
    handle = inside.register_forward_pre_hook(lambda m, args, kwargs: seen.append(args[0]), with_kwargs=True)
    run(mixer, model, batch, seed)
    handle.remove()
    with torch.no_grad():
        return model(batch, keep=(0,)).kept[0], seen[-1]


@pytest.mark.parametrize("at", PLACES)
@pytest.mark.parametrize("name", [*VARIANTS, "dropmix-random"])
def test_nothing_replaced_is_the_first_and_everything_is_the_partner(model, name, at):
    """SPEC 7, rule 1."""
    batch = make_batch([5, 5, 5, 5])
    with torch.no_grad():
        clean = F.cross_entropy(model(batch).logits, batch.labels, reduction="none")
    (nothing,) = run(fixed(name, 0.0, mix_at=at), model, batch)
    (everything,) = run(fixed(name, 1.0, mix_at=at), model, batch)
    assert nothing == pytest.approx(clean.mean().item(), rel=1e-5)
    assert everything == pytest.approx(clean[partners(4)].mean().item(), rel=1e-5)


def test_the_literal_mask_turns_both_ends(model):
    """SPEC RA1: with λ = 0 nothing is kept, with λ = 1 everything."""
    batch = make_batch([5, 5, 5, 5])
    with torch.no_grad():
        clean = F.cross_entropy(model(batch).logits, batch.labels, reduction="none")
    assert run(fixed("dropmix-keep", 0.0), model, batch) == [pytest.approx(clean[partners(4)].mean().item(), rel=1e-5)]
    assert run(fixed("dropmix-keep", 1.0), model, batch) == [pytest.approx(clean.mean().item(), rel=1e-5)]


def test_an_unmixed_text_is_attended_to_as_long_as_its_partner_is(model):
    """SPEC RA5: under the union mask the padding of a shorter first text is visible even where nothing of it is replaced."""
    batch = make_batch([6, 2, 9, 4])
    with torch.no_grad():
        clean = F.cross_entropy(model(batch).logits, batch.labels, reduction="none").mean().item()
    (union,) = run(fixed("dropmix-c", 0.0), model, batch)
    (own,) = run(fixed("dropmix-c", 0.0, mix_mask="first"), model, batch)
    assert own == pytest.approx(clean, rel=1e-5)
    assert union != pytest.approx(clean, rel=1e-4)


@pytest.mark.parametrize("at", PLACES)
@pytest.mark.parametrize("name", [*VARIANTS, "dropmix-random", "dropmix-keep"])
def test_mixing_a_sample_with_itself_changes_nothing(model, name, at):
    """SPEC 7, rule 2."""
    batch = make_batch([6, 3]).rows(torch.tensor([0, 0, 0]))
    with torch.no_grad():
        clean = F.cross_entropy(model(batch).logits, batch.labels).item()
    for ratio in (0.1, 0.5, 0.9):
        (loss,) = run(fixed(name, ratio, mix_at=at), model, batch)
        assert loss == pytest.approx(clean, rel=1e-5)


@pytest.mark.parametrize("name", [*VARIANTS, "dropmix-random", "dropmix-keep"])
def test_the_label_weight_is_the_share_of_units_that_changed(model, name):
    """SPEC 7, rule 4: units are counted in the states that enter the first layer."""
    batch, second = make_batch([6, 2, 9, 4]), partners(4)
    for ratio in (0.15, 0.5, 0.85):
        mixer = fixed(name, ratio)
        h, mixed = mixture_inputs(model, batch, mixer)
        from_b = (mixed == h[second]) & (mixed != h)
        assert torch.equal(torch.where(from_b, h[second], h), mixed)  # every unit is A's or B's
        token = (batch.attention_mask | batch.attention_mask[second]).bool()
        same = second == torch.arange(4)  # a fixed point of the permutation: nothing to see
        counted = from_b.sum((1, 2)) / (token.sum(1) * model.width)
        # [CLS] is the same unit in both texts: it is replaced, but cannot be seen.
        hidden = (h == h[second]).sum((1, 2)) / (token.sum(1) * model.width)
        seen = []
        mixer.weigh = _spy(mixer.weigh, seen)
        run(mixer, model, batch)
        w_b = seen[0]
        assert (w_b[~same] >= counted[~same] - 1e-6).all()
        assert (w_b[~same] <= (counted + hidden)[~same] + 1e-6).all()
        assert mixer.log()["w_b"] == pytest.approx(w_b.mean().item(), abs=1e-6)


def _spy(function, seen: list):
    def call(*args):
        seen.append(function(*args))
        return seen[-1]

    return call


@pytest.mark.parametrize("name", VARIANTS)
def test_the_gradient_is_that_of_the_formula(model, name):
    """Saliency by a pass of its own, greedy windows, the mixture written out: same loss, same gradients of all parameters."""
    batch, second, ratio = make_batch([6, 2, 9, 4]), partners(4), 0.4
    (loss,) = run(fixed(name, ratio), model, batch)
    got = gradients(model)
    h = model(batch, keep=(0,)).kept[0]
    saliency = torch.autograd.grad(
        F.cross_entropy(model(batch, Edit(0, lambda _: h, torch.arange(4))).logits, batch.labels), h
    )[0]
    token = batch.attention_mask | batch.attention_mask[second]
    replaced = torch.zeros_like(h, dtype=torch.bool)
    for i, real in enumerate(token.sum(1).tolist()):
        window = {"u": (1, 1), "c": (real, 1), "w": (2, 32), "g": (2, 1)}[name[-1]]
        patch = greedy(saliency[i, :real].numpy(), *window, int(ratio * real * 32 + 1e-9))
        replaced[i, :real] = torch.from_numpy(patch)
    w_b = replaced.sum((1, 2)) / (token.sum(1) * 32)
    edit = Edit(0, lambda x: torch.where(replaced, x[second], x), torch.arange(4), second)
    expected = mixed_cross_entropy(model(batch, edit).logits, batch.labels, batch.labels[second], w_b)
    assert loss == pytest.approx(expected.item(), rel=1e-6)
    model.zero_grad()
    expected.backward()
    for key, gradient in gradients(model).items():
        torch.testing.assert_close(got[key], gradient, atol=1e-7, rtol=1e-4)


@pytest.mark.parametrize(
    ("options", "passes"),
    [
        ({}, 2),
        ({"add_clean": True}, 2),  # the clean term's own backward pass leaves the saliency behind
        ({"add_clean": True, "mix_at": "word_embedding"}, 3),
        ({"mix_at": "word_embedding"}, 2),
        ({"mix_at": "last_hidden"}, 1),  # saliency at the top needs no pass through the encoder
        ({"mask": "random"}, 1),
        ({"ratio": 0.0}, 1),  # nothing and everything need no saliency
        ({"ratio": 1.0}, 1),
        ({"patch": "word", "n": 5, "ratio": 0.2}, 1),  # no window fits into any text
    ],
)
def test_passes_per_step(model, options, passes):
    batch = make_batch([8, 5, 6, 9])
    run(build("dropmix-g", **{"ratio_draw": "fixed", "ratio": 0.5} | options), model, batch)
    assert model.work / (4 * model.depth) == pytest.approx(passes)


@pytest.mark.parametrize("at", ["embedding_output", "last_hidden"])
def test_shared_saliency_is_the_separate_one(at):
    """With clean terms the saliency comes from their backward pass; a pass of its own gives the same mixtures."""
    batch, losses = make_batch([6, 2, 9, 4]), []
    for force in (False, True):
        model, mixer = make_model(), fixed("dropmix-g", 0.4, add_clean=True, mix_at=at)
        if force:
            mixer._free = lambda model: False
        losses.append(run(mixer, model, batch))
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    with torch.no_grad():
        clean = F.cross_entropy(model(batch).logits, batch.labels).item()
    assert losses[0][0] == pytest.approx(clean / 2, rel=1e-5)


def test_saliency_is_shared_only_in_the_mode_that_was_asked_for():
    batch = make_batch([6, 2, 9, 4])
    for mode, rate, passes in (("eval", 0.3, 3), ("eval", 0.0, 2), ("train", 0.3, 2)):
        model = make_model(hidden_dropout_prob=rate, attention_probs_dropout_prob=rate).train()
        run(fixed("dropmix-c", 0.5, add_clean=True, saliency_mode=mode), model, batch)
        assert model.work / (4 * model.depth) == pytest.approx(passes)


def test_the_second_part_needs_the_first_parts_backward_pass(model):
    parts = fixed("dropmix-c", 0.5, add_clean=True).losses(model, make_batch([4, 4]), np.random.default_rng(0))
    next(parts)
    with pytest.raises(RuntimeError, match="backward"):
        next(parts)


def test_word_embeddings_are_mixed_before_positions_and_segments(model):
    """SPEC RA4: patches from the gradient at the look-up, mixed there; positions and segments are the first text's."""
    batch, second = make_batch([6, 2, 9, 4], [3, 4, 1, 2]), partners(4)
    mixer = fixed("dropmix-c", 0.4, mix_at="word_embedding")
    (loss,) = run(mixer, model, batch)
    saliency = separate(model, batch, "word_embedding", False)
    words = model.encoder.get_input_embeddings()(batch.input_ids)
    token = batch.attention_mask | batch.attention_mask[second]
    mixed, shares = words.clone(), []
    for i, real in enumerate(token.sum(1).tolist()):
        patch = torch.from_numpy(greedy(saliency[i, :real].numpy(), real, 1, int(0.4 * real * 32 + 1e-9)))
        mixed[i, :real] = torch.where(patch, words[second[i], :real], words[i, :real])
        shares.append(patch.float().mean())
    states = model.encoder(
        inputs_embeds=mixed, attention_mask=token, token_type_ids=batch.token_type_ids
    ).last_hidden_state
    logits = model.classify(model.pool(states))
    expected = mixed_cross_entropy(logits, batch.labels, batch.labels[second], torch.stack(shares))
    assert loss == pytest.approx(expected.item(), rel=1e-5)


def test_at_the_last_states_only_the_first_token_has_saliency(model):
    """SPEC RA4, the literal reading: the head looks at [CLS] alone, so a small patch lies there."""
    batch = make_batch([6, 6, 6])
    seen: list = []
    mixer = fixed("dropmix-u", 0.05, mix_at="last_hidden")
    mixer.weigh = _spy(lambda *args: (seen.append(args[-1]), type(mixer).weigh(mixer, *args))[1], [])
    run(mixer, model, batch)
    units = seen[0].units
    assert units[:, 0].sum() == units.sum() == 3 * int(0.05 * 8 * 32)


def test_padding_counted_or_not(model):
    """SPEC RA5: with N = 128 a λ of 0.1 replaces every real token of short texts; with the real length it does not."""
    batch = make_batch([6, 5, 7, 4])
    logs = {}
    for count in (False, True):
        mixer = fixed("dropmix-u", 0.1, count_padding=count)
        run(mixer, model, batch)
        logs[count] = mixer.log()
    assert logs[True]["w_b"] == pytest.approx(0.1, abs=0.001)
    assert logs[False]["w_b"] == pytest.approx(0.1, abs=0.005)
    assert logs[False]["real"] == pytest.approx(logs[False]["replaced"])
    assert logs[True]["real"] > 0.85


@pytest.mark.parametrize(("length", "rule"), [("union", "union"), ("a", "first"), ("min", "first")])
def test_what_the_layers_above_may_attend_to(model, length, rule):
    """Where only the first text's positions are units, its padding must not become visible."""
    batch, second = make_batch([6, 2, 9, 4]), partners(4)
    mixer = fixed("dropmix-c", 0.5, length=length)
    assert mixer._mask_rule() == rule
    h, mixed = mixture_inputs(model, batch, mixer)
    beyond = batch.attention_mask == 0
    if length != "union":
        assert torch.equal(mixed[beyond], h[beyond])
    else:
        longer = beyond & (batch.attention_mask[second] == 1)
        assert (mixed[longer] == h[second][longer]).any()


def test_the_words_level_can_be_edited_and_kept(model):
    batch = make_batch([5, 3])
    rows = torch.arange(2)
    with torch.no_grad():
        same = model(batch, Edit(WORDS, lambda h: h, rows)).logits
        torch.testing.assert_close(same, model(batch).logits, atol=1e-6, rtol=1e-5)
        swapped = model(batch, Edit(WORDS, lambda h: h[rows.flip(0)], rows.flip(0))).logits
        torch.testing.assert_close(swapped, same.flip(0), atol=1e-6, rtol=1e-5)
    words = model(batch, keep=(WORDS,)).kept[WORDS]
    assert torch.equal(words, model.encoder.get_input_embeddings()(batch.input_ids))
    with pytest.raises(ValueError, match="level letters is not between 0 and 3"):
        model(batch, keep=("letters",))
