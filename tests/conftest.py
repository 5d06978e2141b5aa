"""Fixtures: a work folder of its own for every session, tiny models, hand-made batches.

Tests never write into the checkout. The built-in corpus is made once per machine and kept, because it takes longer than most tests.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import tempfile
from pathlib import Path

# Before anything reads them: kernels and worker processes inherit these.
_ROOT = Path(__file__).resolve().parent.parent
if data := os.environ.get("MIXUTILS_DATA"):
    os.environ["MIXUTILS_DATA"] = str((Path.cwd() / data).resolve())
os.environ.setdefault("MIXUTILS_CACHE", str(Path(tempfile.gettempdir()) / f"mixutils-cache-{os.getuid()}"))
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# One process per core: with more threads than cores they wait for each other, up to three times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np  # noqa: E402
import pytest  # noqa: E402
import torch  # noqa: E402

from mixutils.encoder.load import load_encoder  # noqa: E402
from mixutils.encoder.model import Classifier  # noqa: E402
from mixutils.tasks.encode import Batch, EncodedSplit, EncodedTask  # noqa: E402

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

# A process that has torch, pandas and matplotlib holds a million objects; walking through them all at the usual intervals
# takes a tenth of the time of tests that draw.
gc.set_threshold(20_000, 20, 10)


@pytest.fixture(autouse=True)
def _work(tmp_path, monkeypatch):
    """Records, checkpoints and figures of a test go into its own folder."""
    monkeypatch.setenv("MIXUTILS_WORK", str(tmp_path / "runs"))
    monkeypatch.setenv("MIXUTILS_FIGURES", str(tmp_path / "figures"))
    torch.set_num_threads(1)


@pytest.fixture
def data_folder():
    """The real data sets, or a skip that says what is missing."""
    folder = os.environ.get("MIXUTILS_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("needs real data: set MIXUTILS_DATA to a folder of data sets")
    return Path(folder)


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A data folder with one task of thirty rows, so that a test needs no built-in corpus, which takes seconds to read."""
    folder = tmp_path / "data" / "mine"
    folder.mkdir(parents=True)
    for part, n in (("train", 30), ("validation", 8), ("test", 8)):
        rows = [{"text": f"text {i} is {'good' if i % 2 else 'bad'}", "label": "yn"[i % 2]} for i in range(n)]
        (folder / f"{part}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows), "utf-8")
    monkeypatch.setenv("MIXUTILS_DATA", str(folder.parent))


def make_model(classes: int = 3, layers: int = 3, seed: int = 0, **config) -> Classifier:
    """A small random BERT in evaluation mode."""
    from transformers import BertConfig, BertModel

    torch.manual_seed(seed)
    settings = {
        "vocab_size": 60,
        "hidden_size": 32,
        "num_hidden_layers": layers,
        "num_attention_heads": 4,
        "intermediate_size": 48,
        "max_position_embeddings": 64,
        "initializer_range": 0.2,
        "attn_implementation": "eager",
    } | config
    return Classifier(BertModel(BertConfig(**settings)), classes).eval()


@pytest.fixture
def model() -> Classifier:
    return make_model()


def make_batch(lengths, second=None, seed: int = 0, vocabulary: int = 60, classes: int = 3) -> Batch:
    """A batch with [CLS] = 2, [SEP] = 3, [UNK] = 1, padding 0 and random words from 5 on.

    Args:
        lengths: words of the (first) text per row. second: words of the second text, for pairs.
    """
    rng = np.random.default_rng(seed)
    rows, marks, types = [], [], []
    for i, n in enumerate(lengths):
        ids, mark = [2, *rng.integers(5, vocabulary, n), 3], [-1, *[0] * n, -1]
        kind = [0] * (n + 2)
        if second is not None:
            m = second[i]
            ids += [*rng.integers(5, vocabulary, m), 3]
            mark += [*[1] * m, -1]
            kind += [1] * (m + 1)
        rows.append(ids)
        marks.append(mark)
        types.append(kind)
    width = max(map(len, rows))

    def pad(values, filler):
        return torch.tensor([[*v, *[filler] * (width - len(v))] for v in values])

    return Batch(
        pad(rows, 0).long(),
        pad([[1] * len(r) for r in rows], 0),
        pad(types, 0),
        pad(marks, -1).to(torch.int8),
        torch.from_numpy(rng.integers(0, classes, len(rows))),
        torch.arange(len(rows)),
    )


def make_task(n: int = 24, pair: bool = False, classes: int = 3, seed: int = 0) -> EncodedTask:
    """A task of random tokens with a train and a validation part."""

    def part(rows: int, seed: int) -> EncodedSplit:
        rng = np.random.default_rng(seed)
        lengths = rng.integers(1, 9, rows)
        b = make_batch(lengths, rng.integers(1, 6, rows) if pair else None, seed, classes=classes)
        labels = torch.arange(rows) % classes
        return EncodedSplit(
            b.input_ids.int(), b.text_id, b.token_type_ids.to(torch.int8), b.attention_mask.sum(1), labels
        )

    return EncodedTask({"train": part(n, seed), "validation": part(12, seed + 1)}, classes, torch.arange(60), 1, 0)


@pytest.fixture
def encoder():
    return load_encoder("random:tiny")


@pytest.fixture(scope="module")
def browser():
    """A chromium for one file: while it is open no other event loop can run. Skips where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright, which requirements.lock has")
    if CHROMIUM is None:
        pytest.skip("needs a chromium on the PATH")
    with playwright.sync_playwright() as p:
        # Tests run in containers too, where the sandbox cannot start; the pages are our own.
        made = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture(params=[1280, 390], ids=["desk", "phone"])
def window(browser, request):
    """An offline page that notes what it asked for, what failed and what was an error."""
    context = browser.new_context(viewport={"width": request.param, "height": 900})
    context.set_offline(True)
    view = context.new_page()
    view.asked, view.wrong = [], []
    view.on("request", lambda r: view.asked.append(r.url))
    view.on("requestfailed", lambda r: view.wrong.append(r.url))
    view.on("pageerror", lambda error: view.wrong.append(str(error)))
    view.on("console", lambda message: view.wrong.append(message.text) if message.type == "error" else None)
    yield view
    context.close()
