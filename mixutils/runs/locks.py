"""Who trains what: a lock per run, so that trainings with one folder share the work and do none of it twice.

The system releases a lock when its process ends, in whatever way, so no lock is ever stale. Network file systems pass
locks on between machines (NFS; Lustre when mounted with ``flock``). On one that does not, two machines may train the same
run: records are whole files, so time is all that is lost.
"""

from __future__ import annotations

import contextlib
import os
import platform
import warnings

from filelock import FileLock, Timeout

from .. import paths


class Locks:
    """The locks that this process holds."""

    def __init__(self) -> None:
        self.held: dict[str, FileLock] = {}

    def take(self, name: str) -> bool:
        """Whether the lock of that name is ours now; false where another holds it."""
        if name in self.held:
            return True
        path = paths.locks() / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path, thread_local=False)  # released in whatever thread
        try:
            with warnings.catch_warnings(action="ignore"):  # a file system without locks: it takes another kind
                lock.acquire(blocking=False)
        except Timeout:
            return False
        self.held[name] = lock
        if isinstance(lock, FileLock):  # only said, see ``holder``; a lock of the other kind writes its file itself
            with contextlib.suppress(OSError):  # a full disk
                path.write_text(f"{platform.node()}, process {os.getpid()}", "utf-8")
        return True

    def free(self, name: str) -> None:
        """Give a lock back. Its file goes first: who has opened it meanwhile finds the run's record and does nothing."""
        if name in self.held:
            with contextlib.suppress(OSError):
                (paths.locks() / name).unlink()
            self.held.pop(name).release()

    def free_all(self) -> None:
        for name in list(self.held):
            self.free(name)


def holder(name: str) -> str:
    """Host and process of who holds the lock of that name, or ""."""
    path = paths.locks() / name
    if not path.is_file():
        return ""
    said, mine = path.read_text("utf-8"), Locks()
    if mine.take(name):
        mine.free(name)
        return ""
    return said or "another process"
