"""Where things are. The only module that knows a path; no other module builds one from ``..`` or ``__file__``.

Three roots:

``ROOT``
    the checkout (or, for an installed wheel, the folder it is run in),
``work()``
    what runs leave behind: records, checkpoints, caches; ``MIXUTILS_WORK`` moves it,
``data()``
    the user's folder of data sets, from ``--data`` or ``MIXUTILS_DATA``; there may be none.

Relative names in the variables count from ``ROOT``, so that a command and a notebook that it starts agree.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
import tomllib
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parent
#: The checkout if the package is used from one, else the current folder.
ROOT = PACKAGE.parent if (PACKAGE.parent / "notebooks").is_dir() else Path.cwd()
NOTEBOOKS = ROOT / "notebooks"
PUBLISHED = PACKAGE / "papers" / "published"


def _chosen(variable: str, default: Path) -> Path:
    """What a variable names, or the default.

    Raises:
        ValueError: it begins with the home of somebody who is not there ("~nobody/runs").
    """
    wish = os.environ.get(variable) or default
    try:
        return ROOT / Path(wish).expanduser()
    except RuntimeError:
        raise ValueError(f"{variable} is {str(wish)[:200]!r}: there is no such home folder") from None


def figures(profile: str) -> Path:
    """Folder of the tables and figures of one profile; ``MIXUTILS_FIGURES`` moves the parent."""
    return _chosen("MIXUTILS_FIGURES", ROOT / "figures") / profile


def work() -> Path:
    """Folder of everything that runs leave behind."""
    return _chosen("MIXUTILS_WORK", ROOT / "runs")


def records() -> Path:
    """One JSON file per finished or failed run."""
    return work() / "records"


def checkpoints() -> Path:
    """Weights that later runs start from, and the state of interrupted runs."""
    return work() / "checkpoints"


def locks() -> Path:
    """One file per run that is being trained."""
    return work() / "locks"


def cluster() -> Path:
    """What was submitted to a cluster, and what its jobs say."""
    return work() / "cluster"


def cache() -> Path:
    """What can be made again at any time: the built-in corpus; ``MIXUTILS_CACHE`` moves it."""
    return _chosen("MIXUTILS_CACHE", work() / "cache")


def data() -> Path | None:
    """The user's folder of data sets, or None.

    A relative name is looked up from the current folder first, where a user types it, and then from ``ROOT``: notebook
    runners disagree about the current folder (nbval starts a kernel beside the notebook, papermill where it was called).

    Raises:
        FileNotFoundError: ``MIXUTILS_DATA`` names something that is not a folder.
    """
    name = os.environ.get("MIXUTILS_DATA")
    if not name:
        return None
    for folder in (Path(name).expanduser(), ROOT / name):
        if folder.is_dir():
            return folder.resolve()
    raise FileNotFoundError(f"the data folder (--data or MIXUTILS_DATA) is not a folder: {name}")


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Write a file, its folder included, so that no reader and no crash ever sees half of it.

    What is written to the temporary path that this gives is flushed to the disk and then renamed.

    Raises:
        OSError: as usual; also where another library met a full disk and said so in its own words.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not the process id alone: threads, and machines that share the folder, may have the same.
    temporary = path.with_name(f".{uuid.uuid4().hex}{TEMPORARY}")  # a long name would become too long
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:  # a full disk, an interruption
        full = shutil.disk_usage(path.parent).free < FULL
        with suppress(OSError):
            temporary.unlink()
        if full and isinstance(error, Exception) and not isinstance(error, OSError):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
        raise


TEMPORARY, ABANDONED = ".tmp", 24 * 3600.0  # seconds
FULL = 1 << 20  # bytes; a disk with less is full
#: Of an OSError: whoever tries again, or writes something else there, meets it again.
NOT_WRITABLE = (errno.ENOSPC, errno.EROFS, errno.EDQUOT)


def sweep(folder: Path) -> None:
    """Delete what ``written_whole`` left of writers that were killed: temporary files of yesterday and before."""
    for path in folder.rglob(f".*{TEMPORARY}"):
        with suppress(OSError):  # somebody else may sweep too
            if time.time() - path.stat().st_mtime > ABANDONED:
                path.unlink()


def write_whole(path: Path, content: bytes) -> None:
    with written_whole(path) as temporary:
        temporary.write_bytes(content)


def facts(name: str) -> dict[str, Any]:
    """What stands in a ``.toml`` file of the package, see ``toml``."""
    return toml((PACKAGE / f"{name}.toml").read_text("utf-8"))


def toml(text: str) -> dict[str, Any]:
    """What TOML says; arrays as tuples, so that it can be part of what is frozen."""

    def frozen(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: frozen(v) for k, v in value.items()}
        return tuple(map(frozen, value)) if isinstance(value, list) else value

    return frozen(tomllib.loads(text))
