"""Executes notebooks with papermill.

A notebook counts as executed only when papermill returned normally: its output is written to a temporary name and renamed
afterwards. Names of parameters are checked beforehand, because papermill only warns about unknown ones.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import re
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import nbformat
import psutil

from .. import paths
from .catalogue import READERS

KERNEL = "python3"


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
        raise NotebookError(f"there is no notebook {name} in {source.parent}")
    known = papermill.inspect_notebook(str(source))
    if unknown := set(parameters) - set(known):
        raise NotebookError(f"{name} has no parameter {', '.join(sorted(unknown))}; it has {', '.join(known)}")
    folder.mkdir(parents=True, exist_ok=True)
    result, failed = folder / f"{name}.ipynb", folder / f"{name}.failed.ipynb"
    temporary = folder / f".{name}.{os.getpid()}.ipynb"
    try:
        papermill.execute_notebook(
            str(source),
            str(temporary),
            parameters=dict(parameters),
            kernel_name=KERNEL,
            progress_bar=False,
            cwd=str(paths.ROOT),
            # Newer kernels warn on every start that they talk over the loopback interface without encryption, and call it
            # an error that one which is told to stop is interrupted.
            extra_arguments=["--IPKernelApp.log_level=CRITICAL"],
        )
        _without_traces(temporary)
        os.replace(temporary, result)
    except PapermillExecutionError as error:
        os.replace(temporary, failed)
        problem = f"cell {error.exec_count} failed: {error.ename}: {error.evalue} (see {failed})"
        raise NotebookError(f"{name}: {problem}") from error
    except DeadKernelError as error:
        problem = (
            "its kernel died (killed, or out of memory); finished runs are kept, the same command goes on from there"
        )
        raise NotebookError(f"{name}: {problem}") from error
    except Exception as error:  # no kernel, a full disk
        problem = f"could not be executed ({type(error).__name__}: {error}); is ipykernel installed here?"
        raise NotebookError(f"{name} {problem}") from error
    finally:
        temporary.unlink(missing_ok=True)
    failed.unlink(missing_ok=True)
    return result


def _without_traces(notebook: Path) -> None:
    """Take out what is noted of this machine and hour, and of places in memory, so that the same records give the same file.

    Printed lines reach us in as many pieces as the kernel had time for: neighbours become one output again.
    """
    book = nbformat.read(notebook, as_version=4)
    for part in (book, *book.cells):
        for name in ("papermill", "execution"):
            part.metadata.pop(name, None)
    for cell in book.cells:
        if "injected-parameters" in cell.metadata.get("tags", ()):
            cell.id = "injected-parameters"
        for output in cell.get("outputs", ()):
            if shown := output.get("data", {}).get("text/plain"):
                output["data"]["text/plain"] = re.sub(r" at 0x[0-9a-f]+>", ">", shown)
        if "outputs" in cell:
            cell.outputs = _whole_streams(cell.outputs)
    nbformat.write(book, notebook)


def _whole_streams(outputs: Iterable[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """Printed text of one stream in one piece, wherever nothing else was shown in between."""
    whole: list[nbformat.NotebookNode] = []
    for output in outputs:
        if whole and output.output_type == whole[-1].output_type == "stream" and output.name == whole[-1].name:
            whole[-1].text += output.text
        else:
            whole.append(output)
    return whole


def execute_all(
    wanted: Mapping[str, Mapping[str, Any]], folder: Path, say: Callable[[str], None] = print, workers: int = 1
) -> list[str]:
    """Execute notebooks; a failure is said and the next one goes on. Returns the names that failed.

    Args:
        wanted: name -> parameters. workers: notebooks at a time, but for those that show what others have found (``READERS``).
            Those that train should come one by one: training takes all cores.
    """

    def one(name: str) -> str:
        """What is said of it."""
        begin = time.monotonic()
        try:
            execute_notebook(name, wanted[name], folder)
        except NotebookError as error:
            failed.append(name)
            return f"FAILED {error}"
        return f"{name}: {time.monotonic() - begin:.0f} s"

    failed: list[str] = []
    with ThreadPoolExecutor(max(1, workers)) as pool:
        try:
            readers = [name for name in READERS if name in wanted]
            number = itertools.count(1)
            for together in ([name for name in wanted if name not in readers], *([name] for name in readers)):
                for done in as_completed([pool.submit(one, name) for name in together]):
                    say(f"[{next(number)}/{len(wanted)}] {done.result()}")
        except BaseException:  # interrupted: no other starts, and those that run lose their kernels
            pool.shutdown(wait=False, cancel_futures=True)
            logging.disable()  # that kernels die is no news
            for child in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    child.terminate()
            raise
    return [name for name in wanted if name in failed]
