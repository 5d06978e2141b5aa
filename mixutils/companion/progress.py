"""What is said while runs are trained: a progress bar in a live JupyterLab, plain lines elsewhere."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress(total: int, quiet: bool = False) -> Iterator[Callable[[str], None]]:
    """What takes the launcher's lines.

    Args:
        total: runs ahead. quiet: say nothing where lines would be printed.
    """
    # JupyterLab's server sets this for its kernels; papermill and nbval, whose outputs are kept, do not.
    if not total or "JPY_SESSION_NAME" not in os.environ:
        yield (lambda line: None) if quiet else print
        return
    from tqdm.auto import tqdm

    with tqdm(total=total, unit="run") as bar:

        def say(line: str) -> None:
            if found := re.match(r"\[ *(\d+)/", line):
                bar.update(int(found[1]) - bar.n)
            bar.set_postfix_str(line.split("] ", 1)[-1].strip())

        yield say
