"""Executes notebooks with papermill.

A notebook counts as executed only when papermill returned normally: its output is written to a temporary name and renamed
afterwards. Names of parameters are checked beforehand, because papermill only warns about unknown ones.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import nbformat

from .. import paths

KERNEL = "python3"
# Newer kernels warn on every start that they talk over the loopback interface without encryption, and call it an error that
# one which is told to stop is interrupted.
ARGUMENTS = ["--IPKernelApp.log_level=CRITICAL"]


class NotebookError(RuntimeError):
    """A notebook could not be executed."""


def execute_notebook(name: str, parameters: Mapping[str, Any], folder: Path) -> Path:
    """Execute ``notebooks/<name>.ipynb`` and store the result in ``folder`` under the same name.

    Args:
        parameters: values for its parameters cell.

    Returns:
        Path of the executed notebook.

    Raises:
        NotebookError: unknown parameters, no kernel, a kernel that died, or a cell that failed, with its error.
    """
    import papermill
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    logging.getLogger("papermill").setLevel(logging.ERROR)
    source = paths.NOTEBOOKS / f"{name}.ipynb"
    if not source.is_file():
        raise NotebookError(
            f"there is no notebook {name}; there are {', '.join(sorted(p.stem for p in paths.NOTEBOOKS.glob('*.ipynb')))}"
        )
    known = papermill.inspect_notebook(str(source))
    if unknown := set(parameters) - set(known):
        raise NotebookError(f"{name} has no parameter {', '.join(sorted(unknown))}; it has {', '.join(known)}")
    folder.mkdir(parents=True, exist_ok=True)
    result, failed = (folder / f"{name}{ending}.ipynb" for ending in ("", ".failed"))
    temporary = folder / f".{name}.{os.getpid()}.ipynb"
    try:
        papermill.execute_notebook(
            str(source),
            str(temporary),
            parameters=dict(parameters),
            kernel_name=KERNEL,
            progress_bar=False,
            cwd=str(paths.ROOT),
            extra_arguments=list(ARGUMENTS),
        )
        _without_traces(temporary)
        os.replace(temporary, result)
    except PapermillExecutionError as error:
        os.replace(temporary, failed)
        raise NotebookError(
            f"{name}: cell {error.exec_count} failed: {error.ename}: {error.evalue} (see {failed})"
        ) from error
    except DeadKernelError as error:
        raise NotebookError(
            f"{name}: its kernel died (killed, or out of memory); finished runs are kept, the same command goes on from there"
        ) from error
    except Exception as error:  # no kernel, a full disk
        raise NotebookError(
            f"{name} could not be executed ({type(error).__name__}: {error}); is ipykernel installed here?"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
    failed.unlink(missing_ok=True)
    return result


def _without_traces(notebook: Path) -> None:
    """Take out what papermill notes of this machine and hour, so that the same records give the same file."""
    book = nbformat.read(notebook, as_version=4)
    for part in (book, *book.cells):
        for name in ("papermill", "execution"):
            part.metadata.pop(name, None)
    for cell in book.cells:
        if "injected-parameters" in cell.metadata.get("tags", ()):
            cell.id = "injected-parameters"
    nbformat.write(book, notebook)


def execute_all(
    wanted: Mapping[str, Mapping[str, Any]], folder: Path, say: Callable[[str], None] = print, workers: int = 1
) -> list[str]:
    """Execute notebooks; a failure is said and the next one goes on. Returns the names that failed.

    Args:
        wanted: name -> parameters. workers: notebooks at a time. Those that train should come one by one: training takes
            all cores.
    """

    def one(name: str) -> tuple[str, str, float]:
        begin = time.monotonic()
        try:
            execute_notebook(name, wanted[name], folder)
        except NotebookError as error:
            return name, str(error), 0.0
        return name, "", time.monotonic() - begin

    failed = []
    with ThreadPoolExecutor(max(1, workers)) as pool:
        waiting = [pool.submit(one, name) for name in wanted]
        try:
            for i, done in enumerate(as_completed(waiting), 1):
                name, error, seconds = done.result()
                failed += [name] if error else []
                say(f"[{i}/{len(wanted)}] " + (f"FAILED {error}" if error else f"{name}: {seconds:.0f} s"))
        except BaseException:
            pool.shutdown(cancel_futures=True)  # interrupted: those that run come to their end, no other starts
            raise
    return [name for name in wanted if name in failed]
