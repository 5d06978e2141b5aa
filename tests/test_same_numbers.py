"""Training gives the numbers that it gave when the shipped records were made: new runs stand beside them.

Where this fails, the code computes something else than before. If that is meant, the change belongs into ``runs/generations.py``
first, and ``python -m tests.test_same_numbers`` writes ``same_numbers.json`` anew.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from mixutils.mixers import REGISTRY, build
from mixutils.training.loop import Recipe, train
from tests.conftest import make_model, make_task

FILE = Path(__file__).with_name("same_numbers.json")
KEPT = json.loads(FILE.read_text("utf-8")) if FILE.is_file() else {}
RECIPE = Recipe(lr=1e-3, epochs=2, batch_size=8, weight_decay=0.01, warmup=0.1)


def losses(method: str, pair: bool) -> list[float]:
    """Training and validation loss after each of two epochs, with all dropouts: every stream of random numbers is in them."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        state = train(make_model(hidden_dropout_prob=0.1), build(method), make_task(24, pair), RECIPE, seed=0)
    finally:
        torch.set_float32_matmul_precision(before)
    return [loss for p in state.curve for loss in (p["train_loss"], p["metrics"]["validation"]["loss"])]


@pytest.mark.parametrize("kind", ["texts", "pairs"])
@pytest.mark.parametrize("method", REGISTRY)
def test_a_method_has_the_numbers_that_it_had(method, kind):
    assert losses(method, kind == "pairs") == pytest.approx(KEPT[f"{method}, {kind}"], rel=2e-4)


if __name__ == "__main__":
    made = {f"{m}, {kind}": losses(m, kind == "pairs") for m in REGISTRY for kind in ("texts", "pairs")}
    lines = [f"{json.dumps(name)}: {[float(f'{x:.6g}') for x in found]}" for name, found in made.items()]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")
