"""Named random streams: every use of randomness has its own, and none of them moves when another one is added."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from mixutils import rng

seeds = st.integers(0, 2**40)
names = st.lists(st.text(st.characters(exclude_characters="/", exclude_categories=["Cs"])), max_size=3).map(tuple)


@given(seeds, names)
def test_a_stream_is_a_number_that_torch_and_numpy_accept(seed, name):
    value = rng.derive(seed, *name)
    assert 0 <= value < 2**63
    assert value == rng.derive(seed, *name)
    torch.Generator().manual_seed(value)
    rng.numpy_rng(seed, *name)


@given(st.lists(st.tuples(seeds, names), min_size=2, max_size=20, unique=True))
def test_another_seed_or_name_is_another_stream(keys):
    assert len({rng.derive(seed, *name) for seed, name in keys}) == len(keys)


def test_neighbouring_seeds_do_not_share_a_stream():
    # seed + 1 of one use must never be seed of another one.
    assert not {rng.derive(s, "order") for s in range(50)} & {rng.derive(s, "mixer") for s in range(50)}


def test_streams_stay_what_they_were_when_records_were_made():
    assert rng.derive(0) == 4761921975702974394
    assert rng.derive(0, "order", 3) == rng.derive(0, "order", "3") == 228291028133782092
    assert rng.derive(7, "mixer") == 7241526701075704840
    assert rng.numpy_rng(0, "order", 3).permutation(8).tolist() == [3, 0, 5, 7, 1, 4, 2, 6]


def test_numpy_integers_name_the_stream_of_the_same_number():
    assert rng.derive(np.int64(4), "order", np.int64(2)) == rng.derive(4, "order", 2)


def test_the_global_generators_are_left_alone():
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002
    before = torch.get_rng_state().tolist(), np.random.get_state()[1].tolist()  # noqa: NPY002
    rng.numpy_rng(1, "dropout").random(10)
    assert (torch.get_rng_state().tolist(), np.random.get_state()[1].tolist()) == before  # noqa: NPY002


def test_a_generator_repeats_its_numbers():
    draws = [rng.numpy_rng(3, "init").random(4).tolist() for _ in range(2)]
    assert draws[0] == draws[1]
    assert draws[0] != rng.numpy_rng(3, "order").random(4).tolist()
