"""Randomness is an argument: named, independent streams derived from one seed.

A seed is never incremented and never shared. Every use has a name ("order", "init", "dropout", "mixer", ...), and the
stream is the hash of seed and name, so that a new use of randomness cannot shift an old one. For a fixed task and seed
all methods therefore see the same split, the same initial weights and the same batch order.
"""

from __future__ import annotations

import hashlib

import numpy as np


def derive(seed: int, *names: str | int) -> int:
    """An integer in [0, 2**63) that depends on ``seed`` and every name."""
    text = "/".join([str(int(seed)), *map(str, names)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def numpy_rng(seed: int, *names: str | int) -> np.random.Generator:
    """A numpy generator for one named stream."""
    return np.random.default_rng(derive(seed, *names))
