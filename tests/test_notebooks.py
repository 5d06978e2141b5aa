"""Notebooks as files, and their execution: parameters, records, a killed kernel, nothing of the kernel's own chatter."""

from __future__ import annotations

import ast
import json
import os
import signal
import threading
import time
from pathlib import Path

import nbformat
import pytest

from mixutils import paths
from mixutils.companion.parameters import PARAMETERS
from mixutils.runs.records import Records
from mixutils.runs.run import Run
from mixutils.site import notebooks
from mixutils.site.catalogue import NOTEBOOKS
from mixutils.site.notebooks import NotebookError, execute_all, execute_notebook
from tests.fakes import done

SOURCES = sorted(paths.NOTEBOOKS.glob("*.ipynb"))
CHECKED = "# NBVAL_CHECK_OUTPUT"


def source(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def parameters(path: Path) -> dict[str, object]:
    """Name -> default of a notebook's parameters cell, read without running it."""
    (cell,) = [c for c in source(path).cells if "parameters" in c.metadata.get("tags", ())]
    out = {}
    for line in ast.parse(cell.source).body:
        assert isinstance(line, ast.Assign), f"{path.name}: only assignments belong into the parameters cell"
        assert len(line.targets) == 1
        out[line.targets[0].id] = ast.literal_eval(line.value)  # raises on anything but literals
    return out


every_notebook = pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.stem)


def test_the_list_of_notebooks_is_the_folder():
    assert {p.stem for p in SOURCES} == {*NOTEBOOKS, "bench"}  # which has a command of its own


@every_notebook
def test_a_notebook_is_valid_and_has_an_explicit_kernel(path):
    book = source(path)
    nbformat.validate(book)
    assert book.metadata.kernelspec.name == notebooks.KERNEL
    assert len({c.id for c in book.cells}) == len(book.cells)


@every_notebook
def test_parameters_are_literals_in_one_cell_before_all_code(path):
    assert parameters(path)
    code = [c for c in source(path).cells if c.cell_type == "code"]
    assert code[0].metadata.get("tags") == ["parameters"]
    for line in code[0].source.splitlines():
        assert " # " in line or "  #" in line, f"{path.name}: {line} says nothing about its values"


@every_notebook
def test_defaults_are_smoke_and_every_parameter_is_used(path):
    have = parameters(path)
    if NOTEBOOKS.get(path.stem) is not None:
        assert have["profile"] == "smoke"
        defaults = dict(PARAMETERS)
        if NOTEBOOKS[path.stem] != "compare":
            del defaults["methods"]  # papers have their own
        assert {k: have[k] for k in defaults} == defaults  # a notebook may have more of its own, such as a sentence
    rest = ast.parse("\n".join(c.source for c in source(path).cells if c.cell_type == "code"))
    used = {n.id for n in ast.walk(rest) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    opened = set(PARAMETERS) if "globals" in used else set()  # Companion.open finds its own there
    assert set(have) <= used | opened


@every_notebook
def test_only_cells_whose_output_is_checked_have_one(path):
    for cell in source(path).cells:
        if cell.cell_type == "code":
            marked = cell.source.startswith(CHECKED)
            assert bool(cell.outputs) == marked, cell.source[:60]
            assert marked or cell.execution_count is None


@every_notebook
def test_a_code_cell_is_short_enough_to_be_read_at_once(path):
    """But for imports, which are collapsed."""
    cells = [c for c in source(path).cells if c.cell_type == "code" and "setup" not in c.metadata.get("tags", ())]
    assert [c.source for c in cells if len(c.source.splitlines()) > 25] == []


def drawn(node: ast.AST) -> set[str]:
    """Names of figures and axes that a cell itself makes, outside its functions."""
    names = set()
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef):
            continue
        maker = ast.unparse(getattr(child.value, "func", child)) if isinstance(child, ast.Assign) else ""
        if maker in ("plt.subplots", "plt.figure", "sns.relplot", "sns.catplot"):
            names |= {n.id for n in ast.walk(child) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        names |= drawn(child)
    return names


@every_notebook
def test_a_figure_is_finished_in_the_cell_that_shows_it(path):
    """A cell shows at its end what it has drawn: what a later cell adds is in the saved file only."""
    shown = set()
    for cell in (c for c in source(path).cells if c.cell_type == "code"):
        tree = ast.parse(cell.source)
        later = {n.value.id for n in ast.walk(tree) if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name)}
        own = drawn(tree)
        assert not shown & later - own, f"{cell.id} finishes {', '.join(shown & later)}"
        shown = set() if "plt.show()" in cell.source else own


@every_notebook
def test_notebooks_hold_no_training_code(path):
    """But for what measures a training step."""
    cells = [c for c in source(path).cells if c.cell_type == "code"]
    code = "\n".join(c.source for c in cells if not {"measure", "trainer"} & set(c.metadata.get("tags", ())))
    assert "backward(" not in code
    assert "optimizer." not in code  # the name of one may stand in a table
    assert ".train(" not in code


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """Makes ``notebooks/tiny.ipynb`` in a folder of its own, from a parameters cell and further cells."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    monkeypatch.setattr(paths, "NOTEBOOKS", folder)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    # The kernel must find the package that is tested, wherever it is installed.
    monkeypatch.setenv("PYTHONPATH", str(paths.PACKAGE.parent), prepend=os.pathsep)

    def make(given: str, *cells: str) -> Path:
        first = nbformat.v4.new_code_cell(given, metadata={"tags": ["parameters"]})
        book = nbformat.v4.new_notebook(cells=[first, *map(nbformat.v4.new_code_cell, cells)])
        book.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(book, folder / "tiny.ipynb")
        return tmp_path / "executed"

    return make


def test_an_unknown_parameter_is_refused_before_anything_runs(tiny, tmp_path):
    out = tiny("profile = 'smoke'\nseeds = ''", f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(NotebookError, match="tiny has no parameter profil; it has profile, seeds"):
        execute_notebook("tiny", {"profil": "full", "seeds": "1"}, out)
    assert not (tmp_path / "ran").exists()
    assert not out.exists()


def test_an_unknown_notebook_is_said(tiny, tmp_path):
    tiny("x = 1")
    with pytest.raises(NotebookError, match="there is no notebook teeny in "):
        execute_notebook("teeny", {}, tmp_path)


def test_parameters_reach_the_kernel_and_its_chatter_stays_out(tiny, capfd):
    out = tiny("n = 1\nword = 'a'", "print(word * n)")
    result = execute_notebook("tiny", {"n": 3}, out)
    made = (out / "tiny.ipynb").read_text("utf-8")
    assert [o["text"] for c in json.loads(made)["cells"] for o in c["outputs"]] == [["aaa\n"]]
    assert result == out / "tiny.ipynb"
    assert [p.name for p in out.iterdir()] == ["tiny.ipynb"]
    printed = "".join(capfd.readouterr())
    assert "IPKernelApp" not in printed + made


def test_a_cell_that_fails_is_named_and_kept_apart_until_it_works(tiny):
    out = tiny("n = 0", "print(1 / n)")  # the injected parameters are a cell, too
    with pytest.raises(NotebookError, match=r"tiny: cell 3 failed: ZeroDivisionError: .*tiny\.failed\.ipynb"):
        execute_notebook("tiny", {"n": 0}, out)
    assert [p.name for p in out.iterdir()] == ["tiny.failed.ipynb"]
    execute_notebook("tiny", {"n": 1}, out)
    assert [p.name for p in out.iterdir()] == ["tiny.ipynb"]


def test_the_same_parameters_give_the_same_file_without_a_place_or_an_hour(tiny, tmp_path):
    out = tiny("n = 1", "print(n)", "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()", "object()")
    first = execute_notebook("tiny", {"n": 2}, out).read_bytes()
    assert execute_notebook("tiny", {"n": 2}, out / "elsewhere").read_bytes() == first
    assert str(tmp_path).encode() not in first
    assert b"papermill" not in first
    assert b"iopub" not in first
    nbformat.validate(nbformat.reads(first.decode(), as_version=4))


def test_printed_lines_are_one_output_until_something_else_is_shown(tiny):
    out = tiny(
        "n = 1", "for i in range(3):\n    print(i, flush=True)\ndisplay(n)\nprint('after', flush=True)\nprint('it')"
    )
    cell = nbformat.read(execute_notebook("tiny", {}, out), as_version=4).cells[-1]
    assert [o.get("text", "shown") for o in cell.outputs] == ["0\n1\n2\n", "shown", "after\nit\n"]


TRAIN = """
from mixutils.runs.execute import attempt
from mixutils.runs.records import Records
from mixutils.runs.run import Run
from mixutils.training.loop import Recipe
for seed in range(seeds):
    run = Run("mine", "none", seed, encoder="random:tiny", recipe=Recipe(epochs=1, batch_size=8), evaluate=("validation",))
    print(attempt(run, Records(), device="cpu")["status"])
"""


def test_records_that_a_notebook_makes_are_those_of_its_parameters(tiny, mine):
    out = tiny("seeds = 1", TRAIN)
    execute_notebook("tiny", {"seeds": 2}, out)
    found = Records().all()
    assert [(r["status"], r["run"]["task"]) for r in found] == [("done", "mine")] * 2
    assert {r["run"]["seed"] for r in found} == {0, 1}
    assert all(r["data"]["sizes"]["train"] == 30 for r in found)


def test_a_killed_kernel_is_said_and_finished_records_stay(tiny, mine, tmp_path):
    begun = tmp_path / "pid"
    wait = f"import os, pathlib, time\npathlib.Path({str(begun)!r}).write_text(str(os.getpid()))\ntime.sleep(300)"
    out = tiny("seeds = 1", TRAIN, wait)
    old = done(Run("another", "none", 0, encoder="random:tiny"), 50.0)
    Records().put(old)

    def kill() -> None:
        while not (begun.exists() and begun.read_text()):
            time.sleep(0.05)
        os.kill(int(begun.read_text()), signal.SIGKILL)

    threading.Thread(target=kill, daemon=True).start()
    begin = time.monotonic()
    lines: list[str] = []
    assert execute_all({"tiny": {"seeds": 1}}, out, say=lines.append) == ["tiny"]
    assert time.monotonic() - begin < 120
    assert lines == [
        "[1/1] FAILED tiny: its kernel died (killed, or out of memory); "
        "finished runs are kept, the same command goes on from there"
    ]
    assert list(out.iterdir()) == []  # nothing that could pass for an executed notebook
    found = Records().all()
    assert {r["run"]["task"]: r["status"] for r in found} == {"another": "done", "mine": "done"}
    assert not [p for p in paths.records().iterdir() if p.suffix != ".json"]


def test_the_next_notebook_goes_on_after_a_failure(tiny, tmp_path, monkeypatch):
    tiny("n = 1", "print(n)")
    lines: list[str] = []
    assert execute_all({"nothing": {}, "tiny": {}}, tmp_path / "out", say=lines.append) == ["nothing"]
    assert lines[0].startswith("[1/2] FAILED there is no notebook nothing")
    assert lines[1].startswith("[2/2] tiny: ")


def test_what_shows_the_results_of_others_is_executed_after_them(tmp_path, monkeypatch):
    begun, ended = [], []

    def execute(name, parameters, folder):
        begun.append((name, tuple(ended)))
        time.sleep(0.05)
        ended.append(name)

    monkeypatch.setattr(notebooks, "execute_notebook", execute)
    lines, wanted = [], {name: {} for name in ("class_slides", "ssmix", "compare", "dnm")}
    assert execute_all(wanted, tmp_path, lines.append, 4) == []
    before = dict(begun)
    assert set(before["compare"]) == {"ssmix", "dnm"}
    assert set(before["class_slides"]) == {"ssmix", "dnm", "compare"}
    assert [line.split("]")[0] for line in lines] == ["[1/4", "[2/4", "[3/4", "[4/4"]


def test_several_notebooks_run_at_a_time(tiny, tmp_path, monkeypatch):
    """Each of the two waits until the other has begun: one after the other they would never end."""
    begun = threading.Barrier(2, timeout=60)
    lines: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr(notebooks, "execute_notebook", lambda *_: begun.wait())
        assert execute_all({"a": {}, "b": {}}, tmp_path, say=lines.append, workers=2) == []
    assert {line.split()[1] for line in lines} == {"a:", "b:"}
    tiny("n = 1", "print(n)")
    assert execute_all({"tiny": {}, "nothing": {}}, tmp_path / "out", say=lines.append, workers=2) == ["nothing"]
    assert (tmp_path / "out" / "tiny.ipynb").is_file()
