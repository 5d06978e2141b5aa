"""Three tasks that need no download: sentences of the documentation of the installed scientific packages.

The corpus is real English that every installation has: the public docstrings of six pinned packages, read from their
source with ``ast`` (nothing is imported or executed). It is the same on every machine with the pinned versions.

- ``docs-coarse``: which of six packages (first sentence of a docstring), shaped like TREC coarse;
- ``docs-fine``: which of 48 modules, shaped like TREC fine;
- ``docs-pair``: do two sentences come from one docstring, shaped like RTE and MRPC. The wrong second sentence comes from
  another docstring of the same module, so that the topic alone does not give it away.
"""

from __future__ import annotations

import ast
import gc
import hashlib
import importlib.metadata
import importlib.util
import json
import re
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from .. import paths, rng
from .data import DataError

#: Import name -> distribution name.
PACKAGES = {
    "numpy": "numpy",
    "scipy": "scipy",
    "pandas": "pandas",
    "sklearn": "scikit-learn",
    "matplotlib": "matplotlib",
    "sympy": "sympy",
}
PER_PACKAGE = 2000  # docs-coarse: keeps the classes near balance (numpy has fewest sentences)
FINE_CLASSES, PER_MODULE = 48, 220
PAIRS = 6000
_RECIPE = 3  # part of the cache's name: raise it when the corpus below changes
_SKIP = {"tests", "test", "testing", "_testing", "externals", "_vendor", "extern", "distutils", "conftest.py"}

Record = dict[str, str]
Docs = list[tuple[str, str, list[str]]]  # package, module label and sentences of every docstring


def versions() -> dict[str, str]:
    """Installed versions of the six packages; the corpus depends on nothing else.

    Raises:
        DataError: one of the packages is missing.
    """
    try:
        return {distribution: importlib.metadata.version(distribution) for distribution in PACKAGES.values()}
    except importlib.metadata.PackageNotFoundError as error:
        raise DataError(
            f"the built-in tasks are made from the documentation of {', '.join(PACKAGES.values())}; "
            f"{error.name} is not installed: pip install {error.name}, or give a data folder with --data"
        ) from None


def cache_folder() -> Path:
    """Where the tasks of the installed versions are kept."""
    tag = hashlib.blake2b(json.dumps([_RECIPE, versions()]).encode(), digest_size=5).hexdigest()
    return paths.cache() / f"docs-{tag}"


def load(task: str) -> dict[str, list[Record]]:
    """Parts of one built-in task, rows as in a data folder. Made once, then kept in the cache."""
    folder = cache_folder()
    path = folder / f"{task}.json"
    if not path.is_file():
        for name, parts in _build().items():
            paths.write_whole(folder / f"{name}.json", json.dumps(parts, ensure_ascii=False).encode())
    return json.loads(path.read_text("utf-8"))


def _build() -> dict[str, dict[str, list[Record]]]:
    # The garbage collector would search millions of syntax nodes again and again: two thirds of the time.
    gc.disable()
    try:
        docs = [d for package in PACKAGES for d in _docstrings(package)]
    finally:
        gc.enable()
    return {"docs-coarse": _coarse(docs), "docs-fine": _fine(docs), "docs-pair": _pair(docs)}


def _docstrings(package: str) -> Iterator[tuple[str, str, list[str]]]:
    """(package, module label, sentences) of every docstring, in the order of the source."""
    root = Path(importlib.util.find_spec(package).origin).parent  # find_spec of a top-level package imports nothing
    for file in sorted(root.rglob("*.py")):
        relative = file.relative_to(root)
        if _SKIP.intersection(relative.parts) or relative.name.startswith("test_"):
            continue
        try:
            tree = ast.parse(file.read_text("utf-8"))
        except (SyntaxError, UnicodeDecodeError):  # templates and files for other Python versions
            continue
        label = f"{package}.{_module(relative)}"
        for node in _statements(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                sentences = _sentences(ast.get_docstring(node) or "")
                if sentences:
                    yield package, label, sentences


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """What holds statements, in the order of ``ast.walk``, which would visit every expression as well."""
    waiting = deque([tree])
    while waiting:
        node = waiting.popleft()
        yield node
        for name in ("body", "handlers", "orelse", "finalbody", "cases"):
            waiting.extend(getattr(node, name, ()))


def _module(relative: Path) -> str:
    """First component below the package; below pandas' ``core`` the second, because nearly all of pandas is there."""
    parts = [p.removesuffix(".py") for p in relative.parts if p != "__init__.py"] or ["top"]
    return ".".join(parts[:2]) if parts[0] == "core" and len(parts) > 1 else parts[0]


def _sentences(docstring: str) -> list[str]:
    """Plain English sentences of the paragraphs before the first section, at most four."""
    prose = re.split(r"\n\s*[-=]{3,}|\n\s*(?:>>>|\.\. |:param|Parameters|Returns|Examples)", docstring)[0]
    out = []
    for paragraph in re.split(r"\n\s*\n", prose):
        text = re.sub(r"\s+", " ", paragraph.replace("``", "").replace("`", "")).strip()
        for sentence in re.split(r"(?<=[.!?]) (?=[A-Z])", text):
            letters = sum(c.isalpha() or c == " " for c in sentence)
            plain = sentence[:1].isalpha() and letters > 0.85 * len(sentence) and "%(" not in sentence
            if plain and 5 <= len(sentence.split()) <= 40:
                out.append(sentence)
    return out[:4]


def _key(sentence: str) -> str:
    return re.sub(r"\W+", " ", sentence).casefold().strip()


def _unique(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows (text, label) whose text occurs under one label only, each once: nothing repeats across parts."""
    keys = rows["text"].map(_key)
    labels = rows["label"].groupby(keys).transform("nunique")
    return rows[(labels == 1) & ~keys.duplicated()]


def _parts(rows: pd.DataFrame, name: str) -> dict[str, list[Record]]:
    """80/10/10, drawn per label so that every part has every class."""
    pieces = {"train": [], "validation": [], "test": []}
    for label, group in rows.groupby("label"):
        order = rng.numpy_rng(0, "docs", name, label).permutation(len(group))
        tenth = max(1, len(group) // 10)
        for part, chosen in zip(pieces, (order[2 * tenth :], order[:tenth], order[tenth : 2 * tenth]), strict=True):
            pieces[part].append(group.iloc[chosen])
    parts = {part: pd.concat(found) for part, found in pieces.items()}
    order = {part: rng.numpy_rng(0, "docs", name, part).permutation(len(found)) for part, found in parts.items()}
    return {part: found.iloc[order[part]].to_dict("records") for part, found in parts.items()}


def _at_most(rows: pd.DataFrame, limit: int, name: str) -> pd.DataFrame:
    """At most ``limit`` rows per label, drawn at random, in the order of the source."""
    drawn = [
        rng.numpy_rng(0, "docs", name, "limit", label).permutation(group.index)[:limit]
        for label, group in rows.groupby("label", sort=False)
    ]
    return rows.loc[np.sort(np.concatenate(drawn))]


def _coarse(docs: Docs) -> dict[str, list[Record]]:
    rows = _unique(pd.DataFrame([(sentences[0], package) for package, _, sentences in docs], columns=["text", "label"]))
    return _parts(_at_most(rows, PER_PACKAGE, "coarse"), "coarse")


def _fine(docs: Docs) -> dict[str, list[Record]]:
    rows = _unique(pd.DataFrame([(sentences[0], module) for _, module, sentences in docs], columns=["text", "label"]))
    sizes = rows["label"].value_counts().sort_index().sort_values(ascending=False, kind="stable")
    return _parts(_at_most(rows[rows["label"].isin(sizes.index[:FINE_CLASSES])], PER_MODULE, "fine"), "fine")


def _pair(docs: Docs) -> dict[str, list[Record]]:
    """Half the pairs are neighbours in one docstring, half have a second sentence of another one of the same module."""
    pairs, used = [], set()
    for _, module, sentences in docs:
        keys = {_key(s) for s in sentences[:2]}
        if len(sentences) > 1 and len(keys) == 2 and not keys & used:
            used |= keys
            pairs.append((module, sentences[0], sentences[1]))
    draw = rng.numpy_rng(0, "docs", "pair").permutation(len(pairs))[:PAIRS]
    rows = pd.DataFrame(pairs, columns=["module", "text_a", "text_b"]).iloc[np.sort(draw)].assign(label="same")
    groups = [group for _, group in rows.groupby("module", sort=False)]
    for group in groups:
        # The second sentences of every other pair change places in a ring: each sentence is still used once.
        other = group.index[::2] if len(group) > 2 else []
        group.loc[other, "text_b"] = np.roll(group.loc[other, "text_b"].to_numpy(), -1)
        group.loc[other, "label"] = "other"
    return _parts(pd.concat(groups).drop(columns="module"), "pair")
