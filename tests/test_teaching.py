"""What the first notebook shows is what the mixers do."""

from __future__ import annotations

import numpy as np
import pytest

from mixutils.mixers import REGISTRY
from mixutils.report.teaching import SHOWN, WIDTH, TwoSentences


@pytest.fixture(scope="module")
def two() -> TwoSentences:
    return TwoSentences("the film is a quiet triumph", "this is a dull mess", "random:tiny")


@pytest.mark.parametrize("name", [n for n in REGISTRY if n != "none"])
def test_every_mixer_can_be_traced(two, name):
    trace = two.trace(name, **SHOWN.get(name, {}))
    assert trace.share.shape in {(1, WIDTH), (len(two.words(0)), WIDTH)}
    assert ((trace.share >= 0) & (trace.share <= 1)).all()
    assert 0 <= trace.w_b <= 1
    if name != "unk":
        assert trace.share.max() > 0


def test_dnm_has_one_share_per_unit_and_without_dnm_one_share_for_all(two):
    assert len(np.unique(two.trace("dnm").share)) > WIDTH / 2
    assert (two.trace("dnm", policy_init="zeros").share == 0.5).all()
    scalar = two.trace("dnm-wo-dnm")
    assert scalar.share == pytest.approx(np.full((1, WIDTH), scalar.w_b))


def test_nonlinear_mixup_has_one_share_per_token_and_unit(two):
    share = two.trace("nonlinear", **SHOWN["nonlinear"]).share
    assert len(np.unique(share)) > 0.9 * share.size
