"""Reads a catalogue entry from the Hugging Face hub, and finds out once, within seconds, whether there is a hub.

Without a network ``datasets`` and ``transformers`` need more than twenty seconds per name to say so. We ask the hub
first, with a deadline, and then switch both to offline, so that every later question is answered at once from the local
cache: a data set or encoder that was loaded on this machine before stays usable.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import threading
from pathlib import Path

from .catalogue import TaskSpec
from .data import DataError
from .folder import Row, make_row

DEADLINE = 3.0  # seconds


@functools.cache
def reachable() -> bool:
    """Whether the hub answers; decided once per process. ``HF_HUB_OFFLINE=1`` decides it beforehand."""
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}:
        return False
    from huggingface_hub import constants, get_session

    answer = []

    def ask() -> None:
        # The libraries' own client: it knows the mirror, the proxy and the certificates that they will use.
        with contextlib.suppress(Exception):  # classes of httpx, ssl and the hub; none of them is an answer
            get_session().head(constants.ENDPOINT, timeout=DEADLINE)
            answer.append(True)

    # A name look-up cannot be given a timeout, so it runs in a thread that may outlive its usefulness.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(DEADLINE)
    if not answer:
        # For libraries and processes that start later the variable is enough; what is imported has read it already.
        os.environ["HF_HUB_OFFLINE"] = "1"
        for name in ("huggingface_hub.constants", "datasets.config"):
            if name in sys.modules:
                sys.modules[name].HF_HUB_OFFLINE = True
    return bool(answer)


def available(entry: TaskSpec) -> bool:
    """Whether ``read`` has a source: the hub, or the copy that ``datasets`` kept of an earlier load."""
    if entry.hub is None or reachable():
        return entry.hub is not None
    from huggingface_hub.constants import HF_HOME

    cache = Path(os.environ.get("HF_DATASETS_CACHE") or f"{HF_HOME}/datasets").expanduser()
    return any(cache.glob(f"{entry.hub.path.replace('/', '___')}/{entry.hub.config or '*'}/*/*/dataset_info.json"))


def read(entry: TaskSpec) -> dict[str, list[Row]]:
    """All labelled parts of one data set.

    Raises:
        DataError: hub not reachable, ``datasets`` missing, or other columns than expected.
    """
    hub = entry.hub
    try:
        import datasets
    except ImportError:
        raise DataError(f"{entry.id}: reading from the hub needs 'datasets': pip install datasets") from None
    datasets.disable_progress_bars()
    datasets.logging.set_verbosity_error()
    try:
        found = datasets.load_dataset(hub.path, hub.config, revision=hub.revision)
    except Exception as error:  # datasets, huggingface_hub, httpx and OSError all occur here
        reason = (str(error).strip().splitlines() or ["no reason given"])[0]
        raise DataError(
            f"{entry.id}: {hub.path} could not be loaded from the hub ({type(error).__name__}: {reason})"
        ) from error
    out = {}
    for part, sources in hub.parts.items():
        rows = [row for source in sources if source in found for row in _rows(entry, source, found[source])]
        if rows:
            out[part] = rows
    return out


def _rows(entry: TaskSpec, source: str, table) -> list[Row]:
    hub = entry.hub
    columns = (*hub.text, hub.label)
    if missing := [c for c in columns if c not in table.column_names]:
        raise DataError(
            f"{entry.id}: {hub.path} has no column {', '.join(missing)}; it has {', '.join(table.column_names)}"
        )
    names = hub.names or getattr(table.features[hub.label], "names", ())  # else a ClassLabel's own
    keys = ("text",) if len(hub.text) == 1 else ("text_a", "text_b")
    rows = []
    # Whole columns at once: reading a table row by row takes minutes for the large sets.
    for i, (*texts, label) in enumerate(zip(*(table[c][:] for c in columns), strict=True), 1):
        if label == -1:  # GLUE's hidden test labels
            return []
        name = names[label] if names and isinstance(label, int) else label
        if not isinstance(name, str):
            raise DataError(f"{entry.id}: {hub.path} has the unnamed label {label!r} in {source}")
        rows.append(make_row(f"{hub.path}, {source}", i, {**dict(zip(keys, texts, strict=True)), "label": name}))
    return rows
