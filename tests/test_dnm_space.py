"""Where mixtures lie and how far classes are apart: measured on tiny models, and what bfloat16 must not change."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from mixutils.companion import make_plan
from mixutils.mixers.selection import cosine_distances, select
from mixutils.probes.dnm_space import KINDS
from mixutils.runs.execute import execute


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """One record of DNM and one without mixup, as the smoke profile probes them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIXUTILS_DATA", "")
        patch.setenv("MIXUTILS_WORK", str(tmp_path_factory.mktemp("runs")))
        plan = make_plan("dnm", "smoke")
        return {row: execute(plan.cell("2-5", row, "docs-coarse/48").runs[0]) for row in ("Ours", "BERT")}


def test_what_a_probe_measures_is_plain_json(records):
    for record in records.values():
        assert json.loads(json.dumps(record["probes"])) == record["probes"]


def test_originals_are_their_own_unit_and_every_distance_is_positive(records):
    found = records["Ours"]["probes"]["dnm-mixtures"]
    assert found["originals"] == 40  # 48 rows, whole batches of 20
    assert list(found["original"].values()) == pytest.approx([1.0] * 3)
    for kind in KINDS[1:]:
        assert all(v > 0 for v in found[kind].values())
        assert 0 <= found["same_class"][kind] <= 1


def test_every_point_is_in_both_projections(records):
    maps = records["Ours"]["probes"]["dnm-maps"]
    kind = np.array(maps["mixtures"]["kind"])
    assert [int((kind == i).sum()) for i in range(4)] == [40, 40 * 5, 40 * 5, 0]
    for part in maps.values():
        assert np.shape(part["tsne"]) == np.shape(part["pca"])
        assert 0 < part["explained"] <= 1
    assert "mixtures" not in records["BERT"]["probes"]["dnm-maps"]


def test_silhouettes_are_in_range_and_of_the_test_part(records):
    for record in records.values():
        found = record["probes"]["dnm-features"]
        assert found["rows"] == record["data"]["sizes"]["test"]
        assert all(-1 <= v <= 1 for space in ("state", "output") for v in found[space].values())


def test_partners_do_not_depend_on_autocast():
    x = torch.randn(20, 64, generator=torch.Generator().manual_seed(0))
    x = torch.cat([x, x[:2]])  # equal points, whose distance is recomputed in float64
    plain = select(cosine_distances(x), torch.arange(22), 5)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(select(cosine_distances(x), torch.arange(22), 5), plain)
