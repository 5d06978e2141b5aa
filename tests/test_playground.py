"""The playground mixes as the library does: 200 settings of all methods, in a real browser and with the library's own functions."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest
import torch

from mixutils.mixers import REGISTRY, build
from mixutils.mixers.base import mix_rows
from mixutils.mixers.dmix import PairMatrix, Range
from mixutils.mixers.dnm import shares
from mixutils.mixers.hidden import emix_rows
from mixutils.mixers.nonlinear import mix_by_matrix
from mixutils.mixers.partners import cosine_distances, pick
from mixutils.site import playground
from mixutils.site.playground import prepare
from mixutils.tasks.encode import Batch

TASKS = prepare.read()["tasks"]
MIXERS = [name for name, entry in REGISTRY.items() if entry.where != "–"]
D, UNK, OF_B = 384, 5000, 2000
ASK = """([s, seed]) => {
  const draws = playground.seeded(seed), found = playground.answer(s, draws), {rows, columns, at} = found.share;
  const packed = (values) => btoa(new Uint8Array(new Float32Array(values).buffer).reduce((text, x) => text + String.fromCharCode(x), ""));
  const share = packed(Array.from({length: rows * columns}, (_, i) => at(Math.floor(i / columns), i % columns)));
  const drawn = {partner: draws("partner", 1), words: draws("words", 40), units: packed(draws("units", rows * columns))};
  return {...found, taken: null, share, rows, drawn};
}"""


def settings(count: int = 200) -> list[dict]:
    """So many settings of the page; every method about equally often."""
    draw, out = np.random.default_rng(0), []
    choices = {
        "rounding": ["floor", "round"],
        "short": ["shorten", "skip"],
        "norm": ["row_max", "global_max", "row_minmax"],
        "rule": ["stop", "skip", "exceed"],
        "length": ["union", "a", "min"],
        "label": ["realised", "lambda"],
        "protect": [False, True],
    }
    for i in range(count):
        task, method = int(draw.integers(len(TASKS))), MIXERS[i % len(MIXERS)]
        a, b = (int(x) for x in draw.choice(len(TASKS[task]["sentences"]), 2, replace=False))
        s = {"task": task, "method": method, "a": a, "b": b if draw.random() < 0.5 else -1}
        s |= {
            "ratio": int(draw.integers(21)) / 20,
            "T": int(draw.integers(20)) / 20,
            "tau": 5 * int(draw.integers(1, 21)),
        }
        s |= {"K": int(draw.integers(1, 10)), "n": int(draw.integers(2, 13)), "level": int(draw.integers(3))}
        s |= {name: values[int(draw.integers(len(values)))] for name, values in choices.items()}
        kinds = ["hyp_atan", "spherical", "euclidean", "cosine"]
        s["distance"] = REGISTRY[method].options.get("distance") or kinds[int(draw.integers(4))]
        out.append(s)
    return out


SETTINGS = settings()


@pytest.fixture(scope="module")
def answers(browser, tmp_path_factory):
    """What the page's scripts make of the settings."""
    source = tmp_path_factory.mktemp("playground")
    playground.write(source)
    scripts = (source / "playground-scripts.html").read_text("utf-8").replace("page.js", "none.js")
    (source / "page.html").write_text(f"<!doctype html><meta charset='utf-8'>{scripts}", "utf-8")
    page = browser.new_page()
    page.goto((source / "page.html").as_uri())
    found = page.evaluate(f"all => all.map({ASK})", [[s, i] for i, s in enumerate(SETTINGS)])
    for answer in found:
        answer["share"] = unpacked(answer["share"]).reshape(answer["rows"], D)
        answer["drawn"]["units"] = unpacked(answer["drawn"]["units"])
    return found


def unpacked(text: str, kind=np.float32) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), kind)


def column(s: dict, name: str) -> torch.Tensor:
    """(20, d) float32, of all sentences of the setting's task."""
    return torch.tensor(np.stack([unpacked(x[name]) for x in TASKS[s["task"]]["sentences"]]))


class Replay:
    """A generator whose draws are given."""

    def __init__(self, draws):
        self.draws = np.asarray(draws)

    def random(self, shape, dtype=np.float64):
        return np.resize(self.draws, shape).astype(dtype)


def batch(a: dict, b: dict) -> Batch:
    """Two sentences; ids are places in A, or ``OF_B`` + places in B."""
    lengths = [len(x["tokens"]) for x in (a, b)]
    column = torch.arange(max(lengths))
    mask = torch.stack([column < n for n in lengths])
    text = torch.stack([(column > 0) & (column < n - 1) for n in lengths])
    ids = torch.stack([column, OF_B + column])
    return Batch(ids, mask.long(), None, text.to(torch.int8) - 1, torch.zeros(2, dtype=torch.int64), torch.arange(2))


def ssmix(s, a, b, found):
    entry = build(
        s["method"], ratio=s["ratio"], ratio_draw="fixed", span_rounding=s["rounding"], short_partner=s["short"]
    )
    entry.unk = torch.tensor(UNK)
    both = batch(a, b)
    saliency = torch.zeros(both.input_ids.shape)
    for i, x in enumerate((a, b)):
        saliency[i, : len(x["saliency"])] = torch.tensor(x["saliency"])
    draws = found["drawn"]["words"]
    draws = Replay(draws[:2] if entry.options.select == "random" else draws[: both.input_ids.shape[1]])
    mixed, w_b = entry.mix(both, torch.tensor([0]), torch.tensor([1]), saliency, draws)
    ids = mixed.input_ids[0, : len(a["tokens"])].tolist()
    assert [w["text"] for w in found["words"]] == [
        "[UNK]" if i == UNK else b["tokens"][i - OF_B] if i >= OF_B else a["tokens"][i] for i in ids[1:-1]
    ]
    return torch.tensor([[float(OF_B <= i < UNK)] for i in ids]).expand(-1, D), w_b[0]


def dropmix(s, a, b, found):
    wanted = {"n": s["n"], "length": s["length"], "protect_special": s["protect"], "budget": s["rule"]}
    entry = build(s["method"], ratio=s["ratio"], ratio_draw="fixed", label_weight=s["label"], **wanted)
    both, first, second = batch(a, b), torch.tensor([0]), torch.tensor([1])
    width = both.input_ids.shape[1]
    gradient = torch.zeros(1, width, D)
    gradient[0, : len(a["tokens"])] = torch.tensor(unpacked(a["gradient"], np.int8).reshape(-1, D)).float()
    patch = entry.draw_patch(both, first, second, D, None)
    chosen = patch.random(width, Replay(found["drawn"]["units"])) if entry.options.mask == "random" else None
    chosen = chosen or patch.without_saliency(width) or patch.salient(gradient)
    assert found["count"] == int(chosen.count)
    return chosen.units[0].float(), entry.weigh(both, first, second, patch, chosen)[0]


def dmix(s, a, b, found):
    wanted = {"distance": s["distance"], "m_norm": s["norm"], "T": s["T"], "tau": s["tau"]}
    if REGISTRY[s["method"]].options.get("select") == "top_percent":
        wanted.pop("m_norm")
    entry, i = build(s["method"], **wanted), s["a"]
    entry.embeddings, entry.recent = column(s, "embedding"), {}
    entry.matrix = PairMatrix(entry._base(), Range(entry.options.m_range), entry.options.trains)
    many = entry.partners(torch.full((500,), i), np.random.default_rng(0))
    assert {x["j"] for x in found["around"] if x["inside"]} == set(many.tolist())
    others = [x for x in found["around"] if x["j"] != i]
    expected = entry.points.between(torch.tensor([i]))[0]
    np.testing.assert_allclose([x["distance"] for x in others], [expected[x["j"]] for x in others], rtol=2e-5)
    share = torch.tensor(s["ratio"])
    if entry.options.ratio == "matrix":
        share = entry.matrix.gather(torch.tensor([i]), torch.tensor([found["b"]]))[0].detach()
    return share.expand(len(a["tokens"]), D), share


def dnm(s, a, b, found):
    entry, vectors = build(s["method"], k=s["K"]), column(s, "vector")
    if entry.options.select != "random":
        chosen = entry.choose(cosine_distances(vectors), torch.arange(len(vectors)), len(vectors), None)[s["a"]]
        assert {x["j"] for x in found["around"] if x["inside"]} == set(chosen.tolist())
    if entry.options.mix == "scalar":
        share = torch.tensor(s["ratio"])
        return share.expand(1, D), share
    _, labels = shares(column(s, "own")[s["a"]], column(s, "other")[found["b"]], entry.options.label_softmax)
    np.testing.assert_allclose(found["labels"], labels, atol=1e-6)
    return torch.tensor(unpacked(TASKS[s["task"]]["policy"]))[None], labels.mean()


def hidden(s, a, b, found):
    rows = 1 if REGISTRY[s["method"]].options["levels"][0] == "sentence" else len(a["tokens"])
    share = torch.tensor([s["ratio"]])
    return mix_rows(torch.zeros(1, rows, D), torch.ones(1, rows, D), share)[0], share[0]


def emix(s, a, b, found):
    spreads = [torch.tensor([x["spread"][s["level"]]]) for x in (a, b)]
    zeros, ones, w_b = (
        torch.zeros(1, len(a["tokens"]), D),
        torch.ones(1, len(a["tokens"]), D),
        torch.tensor([s["ratio"]]),
    )
    own = emix_rows(ones, zeros, w_b, *spreads)[0, 0, 0]
    assert found["ownShare"] == pytest.approx(float(own), abs=1e-6)
    return emix_rows(zeros, ones, w_b, *spreads)[0], w_b[0]


def nonlinear(s, a, b, found):
    matrix = torch.tensor(found["drawn"]["units"].copy()).view(-1, D)
    assert found["wB"] is None
    return mix_by_matrix(torch.zeros(1, *matrix.shape), torch.ones(1, *matrix.shape), matrix)[0], None


BY_FAMILY = {
    "SSMix": ssmix,
    "DropMix": dropmix,
    "DMix": dmix,
    "DNM": dnm,
    "HiddenMix": hidden,
    "EMix": emix,
    "NonlinearMix": nonlinear,
}


def test_there_are_four_tasks_of_twenty_sentences_in_less_than_three_megabytes():
    assert prepare.FILE.stat().st_size < 3e6
    assert len(TASKS) == 4
    for task in TASKS:
        assert len({x["text"] for x in task["sentences"]}) == prepare.COUNT
        assert {x["label"] for x in task["sentences"]} == set(range(len(task["classes"])))


@pytest.mark.parametrize("i", range(200), ids=[f"{i}-{s['method']}" for i, s in enumerate(SETTINGS)])
def test_the_page_answers_what_the_library_does(i, answers):
    s, found = SETTINGS[i], answers[i]
    sentences = TASKS[s["task"]]["sentences"]
    if s["b"] < 0:
        assert found["around"][found["b"]]["inside"]
        members = torch.tensor([[x["inside"] for x in found["around"]]])
        assert found["b"] == int(pick(members, torch.tensor(found["drawn"]["partner"], dtype=torch.float64)))
    share, w_b = BY_FAMILY[REGISTRY[s["method"]].cls.__name__](s, sentences[s["a"]], sentences[found["b"]], found)
    np.testing.assert_allclose(found["share"], share, atol=2e-5)
    if w_b is not None:
        assert found["wB"] == pytest.approx(float(w_b), abs=2e-5)


def test_the_registry_is_told_whole():
    told = json.loads(playground.methods().partition(" = ")[2].partition(";\n")[0])
    assert list(told) == MIXERS
    assert {m["family"] for m in told.values()} == set(BY_FAMILY)
