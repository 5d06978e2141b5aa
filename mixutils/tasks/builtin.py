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
import os
import re
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from pathlib import Path

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


def versions() -> dict[str, str]:
    """Installed versions of the six packages; the corpus depends on nothing else.

    Raises:
        DataError: one of the packages is missing.
    """
    out = {}
    for distribution in PACKAGES.values():
        try:
            out[distribution] = importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            raise DataError(
                f"the built-in tasks are made from the documentation of {', '.join(PACKAGES.values())}; "
                f"{distribution} is not installed: pip install {distribution}, or give a data folder with --data"
            ) from None
    return out


def cache_folder() -> Path:
    """Where the tasks of the installed versions are kept."""
    tag = hashlib.blake2b(json.dumps([_RECIPE, versions()]).encode(), digest_size=5).hexdigest()
    return paths.cache() / f"docs-{tag}"


def load(task: str) -> dict[str, list[Record]]:
    """Parts of one built-in task, rows as in a data folder. Made once, then kept in the cache."""
    folder = cache_folder()
    path = folder / f"{task}.json"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        for name, parts in _build().items():
            temporary = folder / f".{name}.{os.getpid()}"
            temporary.write_text(json.dumps(parts, ensure_ascii=False), "utf-8")
            os.replace(temporary, folder / f"{name}.json")
    return json.loads(path.read_text("utf-8"))


def _build() -> dict[str, dict[str, list[Record]]]:
    # The garbage collector would search millions of syntax nodes again and again: two thirds of the time.
    was_on = gc.isenabled()
    gc.disable()
    try:
        docs = [d for package in PACKAGES for d in _docstrings(package)]
    finally:
        if was_on:
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
            words = sentence.split()
            letters = sum(c.isalpha() or c == " " for c in sentence)
            if (
                5 <= len(words) <= 40
                and sentence[0].isalpha()
                and letters > 0.85 * len(sentence)
                and "%(" not in sentence
            ):
                out.append(sentence)
    return out[:4]


def _key(sentence: str) -> str:
    return re.sub(r"\W+", " ", sentence).casefold().strip()


def _unique(rows: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Rows (text, label) whose text occurs under one label only, each once: nothing repeats across parts."""
    seen: dict[str, str] = {}
    clash = set()
    for text, label in rows:
        if seen.setdefault(_key(text), label) != label:
            clash.add(_key(text))
    out, done = [], set(clash)
    for text, label in rows:
        if _key(text) not in done:
            done.add(_key(text))
            out.append((text, label))
    return out


def _parts(rows: list[Record], name: str) -> dict[str, list[Record]]:
    """80/10/10, drawn per label so that every part has every class."""
    by_label = defaultdict(list)
    for row in rows:
        by_label[row["label"]].append(row)
    parts: dict[str, list[Record]] = {"train": [], "validation": [], "test": []}
    for label, group in sorted(by_label.items()):
        order = rng.numpy_rng(0, "docs", name, label).permutation(len(group))
        tenth = max(1, len(group) // 10)
        for part, chosen in zip(parts, (order[2 * tenth :], order[:tenth], order[tenth : 2 * tenth]), strict=True):
            parts[part] += [group[i] for i in chosen]
    for part, chosen in parts.items():
        order = rng.numpy_rng(0, "docs", name, part).permutation(len(chosen))
        parts[part] = [chosen[i] for i in order]
    return parts


def _at_most(rows: list[tuple[str, str]], limit: int, name: str) -> list[tuple[str, str]]:
    """At most ``limit`` rows per label, drawn at random, in the order of the source."""
    by_label = defaultdict(list)
    for i, (_, label) in enumerate(rows):
        by_label[label].append(i)
    keep = set()
    for label, places in by_label.items():
        keep.update(rng.numpy_rng(0, "docs", name, "limit", label).permutation(places)[:limit].tolist())
    return [row for i, row in enumerate(rows) if i in keep]


def _coarse(docs: list[tuple[str, str, list[str]]]) -> dict[str, list[Record]]:
    rows = _unique([(sentences[0], package) for package, _, sentences in docs])
    return _parts([{"text": t, "label": y} for t, y in _at_most(rows, PER_PACKAGE, "coarse")], "coarse")


def _fine(docs: list[tuple[str, str, list[str]]]) -> dict[str, list[Record]]:
    rows = _unique([(sentences[0], module) for _, module, sentences in docs])
    largest = {m for m, _ in sorted(Counter(y for _, y in rows).items(), key=lambda c: (-c[1], c[0]))[:FINE_CLASSES]}
    rows = _at_most([r for r in rows if r[1] in largest], PER_MODULE, "fine")
    return _parts([{"text": t, "label": y} for t, y in rows], "fine")


def _pair(docs: list[tuple[str, str, list[str]]]) -> dict[str, list[Record]]:
    """Half the pairs are neighbours in one docstring, half have a second sentence of another one of the same module."""
    pairs, used = [], set()
    for _, module, sentences in docs:
        keys = {_key(s) for s in sentences[:2]}
        if len(sentences) > 1 and len(keys) == 2 and not keys & used:
            used |= keys
            pairs.append((module, sentences[0], sentences[1]))
    draw = rng.numpy_rng(0, "docs", "pair")
    pairs = [pairs[i] for i in sorted(draw.permutation(len(pairs))[:PAIRS].tolist())]
    by_module = defaultdict(list)
    for i, (module, _, _) in enumerate(pairs):
        by_module[module].append(i)
    rows = []
    for group in by_module.values():
        # The second sentences of every other pair change places in a ring: each sentence is still used once.
        other = group[::2] if len(group) > 2 else []
        moved = dict(zip(other, other[1:] + other[:1], strict=True))
        for i in group:
            second = pairs[moved.get(i, i)][2]
            rows.append({"text_a": pairs[i][1], "text_b": second, "label": "other" if i in moved else "same"})
    return _parts(rows, "pair")
