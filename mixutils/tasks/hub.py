"""Reads a catalogue entry from the Hugging Face hub, and finds out once, within seconds, whether there is a hub.

Without a network ``datasets`` needs more than twenty seconds per name to say so. We ask the resolver first, with a
deadline, and then set ``HF_HUB_OFFLINE``, so that every later question is answered at once from the local cache.
"""

from __future__ import annotations

import functools
import os
import socket
import threading

from .data import DataError
from .folder import Row
from .taskspec import TaskSpec

DEADLINE = 3.0  # seconds


@functools.cache
def reachable() -> bool:
    """Whether the hub answers; decided once per process. ``HF_HUB_OFFLINE=1`` decides it beforehand."""
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}:
        return False
    answer = []

    def ask() -> None:
        try:
            host = os.environ.get("HF_ENDPOINT", "https://huggingface.co").split("//")[-1].split("/")[0].split(":")[0]
            socket.create_connection((host, 443), timeout=DEADLINE).close()
            answer.append(True)
        except OSError:
            pass

    # A name look-up cannot be given a timeout, so it runs in a thread that may outlive its usefulness.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(DEADLINE)
    if not answer:
        os.environ["HF_HUB_OFFLINE"] = "1"
    return bool(answer)


def read(entry: TaskSpec) -> dict[str, list[Row]]:
    """All labelled parts of one data set.

    Raises:
        DataError: not on the hub, hub not reachable, ``datasets`` missing, or other columns than expected.
    """
    hub = entry.hub
    if hub is None:
        raise DataError(
            f"{entry.id} is not on the hub ({entry.note or 'no source known'}); give a data folder with --data"
        )
    try:
        import datasets
    except ImportError:
        raise DataError(f"{entry.id}: reading from the hub needs 'datasets': pip install datasets") from None
    datasets.disable_progress_bars()
    try:
        found = datasets.load_dataset(hub.path, hub.config, revision=hub.revision)
    except Exception as error:  # datasets, huggingface_hub, httpx and OSError all occur here
        raise DataError(
            f"{entry.id}: {hub.path} could not be loaded from the hub ({type(error).__name__}: {error})"
        ) from error
    out = {}
    for part, sources in hub.parts.items():
        rows = [row for source in sources if source in found for row in _rows(entry, source, found[source])]
        if rows:
            out[part] = rows
    return out


def _rows(entry: TaskSpec, source: str, table) -> list[Row]:
    hub = entry.hub
    missing = [c for c in (*hub.text, hub.label) if c not in table.column_names]
    if missing:
        raise DataError(
            f"{entry.id}: {hub.path} has no column {', '.join(missing)}; it has {', '.join(table.column_names)}"
        )
    own = getattr(table.features[hub.label], "names", None)  # ClassLabel: the hub's own names
    texts = [table[c] for c in hub.text]
    rows = []
    for i, label in enumerate(table[hub.label]):
        if label == -1:  # GLUE's hidden test labels
            return []
        name = hub.names.get(label, own[label] if own and isinstance(label, int) else label)
        name = hub.names.get(name, name)
        if not isinstance(name, str):
            raise DataError(f"{entry.id}: {hub.path} has the unnamed label {label!r} in {source}")
        rows.append(Row(texts[0][i], texts[1][i] if len(texts) > 1 else None, name, (f"{hub.path}, {source}", i + 1)))
    return rows
