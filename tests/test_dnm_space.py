"""Where mixtures lie and how far classes are apart: what `dnm_tsne` measures, on tiny models; and what bfloat16 must not change."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from mixutils.companion import make_plan
from mixutils.mixers.partners import cosine_distances, select
from mixutils.papers import dnm
from mixutils.runs import checkpoints
from mixutils.runs.execute import execute
from mixutils.runs.records import Records, compact
from mixutils.runs.trained import trained
from tests.notebook import companion, measuring

tsne = measuring("dnm_tsne")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A trained model of DNM and one without mixup, of runs on which the smoke profile measures."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIXUTILS_DATA", "")
        patch.setenv("MIXUTILS_WORK", str(tmp_path_factory.mktemp("runs")))
        plan = make_plan("dnm", "smoke")
        return {row: trained(plan.cell("2-5", row, "docs-coarse/48").runs[0]) for row in (dnm.OURS, dnm.PLAIN)}


def test_measurements_are_plain_json_and_the_same_every_time(models):
    for t in models.values():
        for measure in (tsne.features, tsne.projections, *([tsne.mixtures] if t.run.method == "dnm" else [])):
            found = measure(t)
            assert json.loads(json.dumps(compact(found))) == compact(measure(t)) == compact(found)


def test_originals_are_their_own_unit_and_every_distance_is_positive(models):
    found = tsne.mixtures(models[dnm.OURS])
    assert found["originals"] == 40  # 48 rows, whole batches of 20
    assert list(found["original"].values()) == pytest.approx([1.0] * 3)
    for kind in ("largest", "smallest", "random"):
        assert all(v > 0 for v in found[kind].values())
        assert 0 <= found["same_class"][kind] <= 1


def test_every_point_is_in_both_projections(models):
    maps = tsne.projections(models[dnm.OURS])
    kind = np.array(maps["mixtures"]["kind"])
    assert [int((kind == i).sum()) for i in range(4)] == [40, 40 * 5, 40 * 5, 0]
    for part in maps.values():
        assert np.shape(part["tsne"]) == np.shape(part["pca"])
        assert 0 < part["explained"] <= 1
    assert "mixtures" not in tsne.projections(models[dnm.PLAIN])


def test_silhouettes_are_in_range_and_of_the_test_part(models):
    for t in models.values():
        found = tsne.features(t)
        assert found["rows"] == len(t.data.splits["test"])
        assert all(-1 <= v <= 1 for space in ("state", "output") for v in found[space].values())


def test_partners_do_not_depend_on_autocast():
    x = torch.randn(20, 64, generator=torch.Generator().manual_seed(0))
    x = torch.cat([x, x[:2]])  # equal points, whose distance is recomputed in float64
    plain = select(cosine_distances(x), torch.arange(22), 5)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(select(cosine_distances(x), torch.arange(22), 5), plain)


def test_what_a_notebook_measures_is_measured_once_and_kept_beside_its_figures(tmp_path, monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", "")
    plan, store, calls = make_plan("dnm", "smoke"), Records(), []

    def measure(t):
        calls.append(t.run.hash)
        return {"rows": len(t.data.splits["test"]), "share": 1 / 3}

    (run,) = (r for r in plan.runs if "dnm-maps" in r.probes and r.method == "none")
    store.put(execute(run))
    first = companion(plan, store).measured("dnm-maps", measure)
    assert [(m["rows"], m["share"], m["task"], m["hash"]) for m in first] == [(48, 0.333333333, run.task, run.hash)]
    checkpoints.checkpoint_path(run.hash, run.probe_policy).unlink()
    assert companion(plan, store).measured("dnm-maps", measure) == first
    assert calls == [run.hash]
    assert companion(plan, store).measured("dnm-features", measure) == []  # no weights, and none may be made
