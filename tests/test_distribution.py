"""The checkout as a whole: one list of versions, commands that exist, rooms that import downwards, nothing of this machine."""

from __future__ import annotations

import ast
import functools
import importlib.metadata
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from mixutils import cli, paths

ROOT = paths.PACKAGE.parent
if not (ROOT / "pyproject.toml").is_file():
    pytest.skip("needs the checkout", allow_module_level=True)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def name(text: str) -> str:
    """A package's name as the index normalises it."""
    return re.sub(r"[-_.]+", "-", text).lower()


def pins(path: Path) -> dict[str, str]:
    """Package -> version of a list of exact versions."""
    out = {}
    for line in path.read_text("utf-8").splitlines():
        if text := line.split("#")[0].strip():
            requirement = Requirement(text)
            ((operator, version),) = [(s.operator, s.version) for s in requirement.specifier]
            assert operator == "==", f"{path.name}: {text} is not one version"
            assert name(requirement.name) not in out, f"{path.name}: {text} is there twice"
            out[name(requirement.name)] = version
    assert out
    return out


LOCK = pins(ROOT / "requirements.lock")


def test_what_was_asked_for_is_in_the_lock_in_that_version():
    assert pins(ROOT / "requirements.in").items() <= LOCK.items()


def test_the_lock_works_on_every_machine():
    assert not [v for v in LOCK.values() if "+" in v]
    assert not [p for p in LOCK if p.startswith(("nvidia-", "triton", "pywin"))]


def test_what_the_package_needs_is_in_the_lock():
    asked = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["all"]]
    assert {name(Requirement(r).name) for r in asked} <= set(LOCK)


def test_conda_gets_the_same_versions():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))
    conda = [d for d in environment["dependencies"] if isinstance(d, str)]
    (pip,) = [d["pip"] for d in environment["dependencies"] if isinstance(d, dict)]
    python, *others = sorted(conda, key=lambda d: not d.startswith("python"))
    assert SpecifierSet(python.removeprefix("python")) == SpecifierSet(PROJECT["requires-python"])
    assert "-r requirements.lock" in pip
    for line in [*others, *(p for p in pip if not p.startswith("-r "))]:
        found = re.fullmatch(r"([\w.-]+?)(?:={1,2}([\w.]+))?", line)
        assert found, f"environment.yml: {line} is not one version"
        if found[2] is not None or name(found[1]) in LOCK:
            assert LOCK.get(name(found[1])) == found[2], f"environment.yml: {line}"


def options(command: str) -> set[str]:
    """Options of a command that people are shown, without --help."""
    out = cli.parser()
    (commands,) = [a for a in out._actions if hasattr(a, "choices") and a.dest == "command"]
    actions = commands.choices[command]._actions
    return {o for a in actions for o in a.option_strings} - {"-h", "--help"}


@pytest.fixture(scope="module")
def run_all_help() -> str:
    out = subprocess.run(["bash", str(ROOT / "run_all.sh"), "--help"], capture_output=True, text=True, timeout=60)
    assert (out.returncode, out.stderr) == (0, "")
    return out.stdout


def test_run_all_names_every_option_and_no_other(run_all_help):
    assert set(re.findall(r"--[a-z][a-z-]*", run_all_help)) == options("all")


def test_run_all_names_every_command(run_all_help):
    assert set(cli.COMMANDS) - {"all"} <= set(re.findall(r"[a-z]+", run_all_help))


def test_run_all_names_every_profile_and_its_variables(run_all_help):
    assert f"--profile {'|'.join(cli.PROFILES)}" in run_all_help
    script = (ROOT / "run_all.sh").read_text("utf-8")
    code = script.split("EOT\n")[-1]
    asked = set(re.findall(r"\$\{(PYTHON|MIXUTILS_[A-Z_]+)[:}]", code))
    assert asked == {"PYTHON", "MIXUTILS_TORCH_INDEX"}
    assert all(f"{v}=" in run_all_help for v in asked)


def test_scripts_are_executable():
    for script in ("run_all.sh", ".ci/run"):
        assert os.access(ROOT / script, os.X_OK), script
        assert subprocess.run(["bash", "-n", str(ROOT / script)], capture_output=True).returncode == 0


def readme_commands() -> list[tuple[str, list[str]]]:
    """Command and arguments of every ``run_all.sh`` and ``python -m mixutils`` line in blocks of README and docs."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    text = "\n".join(page.read_text("utf-8") for page in pages if page.is_file())
    out = []
    for block in re.findall(r"^```(?:bash|sh|shell|console|text)?\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        for line in block.replace("\\\n", " ").splitlines():
            found = re.search(r"(?:^|\s|\$ )(?:\S*/)?(run_all\.sh|python3? -m mixutils)(\s.*)?$", line.split("  #")[0])
            if found:
                words = shlex.split(found[2] or "", comments=True)
                out.append(("all", words) if found[1] == "run_all.sh" else (words[0], words[1:]))
    return out


def test_commands_of_the_readme_exist():
    if not (ROOT / "README.md").is_file():
        pytest.skip("there is no README.md")
    commands = readme_commands()
    assert commands
    for command, words in commands:
        if command == "all" and words[:1] == ["test"]:
            continue  # what follows goes to pytest
        assert command in cli.COMMANDS, command
        asked = {w.split("=")[0] for w in words if w.startswith("--")} - {"--help"}
        assert asked <= options(command), f"{command} has no {', '.join(asked - options(command))}"


# ----------------------------------------------------------------- the code

#: Rooms from the ground up; a room imports only rooms that stand before it.
ROOMS = [
    *("paths", "rng", "wording", "tasks", "encoder", "mixers", "training", "runs", "papers", "evidence"),
    *("show", "site", "companion", "cli", "__main__"),
]
FILES = sorted(paths.PACKAGE.rglob("*.py"))


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(p): p for p in FILES}


@functools.cache
def imported(path: Path) -> set[str]:
    """Modules that a file imports anywhere, also inside functions; own ones by their full names."""
    own = module_name(path).split(".")
    package = own if path.name == "__init__.py" else own[:-1]
    out = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            out |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            out |= {f"{source}.{a.name}" if f"{source}.{a.name}" in MODULES else source for a in node.names}
    return out


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def test_every_room_has_its_place_once():
    rooms = {room(m) for m in MODULES} - {""}
    assert rooms <= set(ROOMS), f"give {', '.join(rooms - set(ROOMS))} a place in ROOMS"
    assert len(ROOMS) == len(set(ROOMS))


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_imports_go_downwards(path):
    here = room(module_name(path))
    for other in imported(path):
        if other.split(".")[0] == "mixutils" and here:
            assert room(other) == here or ROOMS.index(room(other)) < ROOMS.index(here), f"{here} imports {other}"


def test_there_are_at_most_sixteen_rooms_on_twelve_floors():
    below: dict[str, set[str]] = {}
    for m, path in MODULES.items():
        if here := room(m):
            below.setdefault(here, set()).update({room(o) for o in imported(path) if o in MODULES} - {here, ""})
    floor: dict[str, int] = {}
    for here in ROOMS:  # from the ground up
        floor[here] = 1 + max((floor[b] for b in below.get(here, ())), default=0)
    assert len(below) <= 16
    assert max(floor.values()) <= 12


def test_no_two_files_need_each_other():
    own = {m: {o for o in imported(p) if o in MODULES} - {m} for m, p in MODULES.items()}
    order = list(TopologicalSorter(own).static_order())  # raises CycleError and names the circle
    assert set(order) == set(MODULES)


@pytest.mark.parametrize("place", ["show", "evidence", "site"])
def test_rooms_that_show_know_no_paper(place):
    names = re.compile(r"\b(ssmix|dmix|dmix_short|dnm|dropmix)\b", re.IGNORECASE)
    found = [p.name for p in (paths.PACKAGE / place).glob("*.py") if names.search(p.read_text("utf-8"))]
    assert not found


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_no_file_is_longer_than_400_lines(path):
    assert len(path.read_text("utf-8").splitlines()) <= 400


@pytest.mark.parametrize("path", [p for p in FILES if p.name != "__main__.py" and p.stat().st_size], ids=module_name)
def test_every_file_says_what_it_is(path):
    assert ast.get_docstring(ast.parse(path.read_text("utf-8")))


def python(code: str, **variables: str) -> str:
    """Standard output of a program in a process of its own."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | variables
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=300, cwd=ROOT
    )
    assert out.returncode == 0, out.stderr[-3000:]
    return out.stdout


#: Rooms of tables, figures and verdicts: they may import what is heavy.
SHOWING = ("evidence", "show", "site")
#: What only tables, figures, notebooks, Parquet files and the hub need.
LATE = (
    "matplotlib",
    "seaborn",
    "scipy.stats",
    "statsmodels",
    "datasets",
    "papermill",
    "nbformat",
    "myst_nb",
    "IPython",
    "accelerate",
)


def test_importing_the_package_and_what_trains_is_light():
    modules = [m for m in MODULES if room(m) not in (*SHOWING, "__main__")]
    code = f"""
import importlib, json, sys
for name in {["mixutils", *modules]!r}:
    importlib.import_module(name)
print(json.dumps([n for n in {LATE!r} if n in sys.modules]))
"""
    # scikit-learn brings scipy.stats; that is its own affair.
    assert set(json.loads(python(code))) <= {"scipy.stats"}


TRAINING = """
import builtins, json, sys
for late in %r:
    sys.modules[late] = None  # importing it fails
real, seen = builtins.__import__, set()

def watched(name, globals=None, locals=None, fromlist=(), level=0):
    if level == 0 and globals and str(globals.get("__name__", "")).split(".")[0] == "mixutils":
        seen.add(name.split(".")[0])
    return real(name, globals, locals, fromlist, level)

builtins.__import__ = watched
from mixutils.runs.execute import execute
from mixutils.runs.run import Run
from mixutils.training.loop import Recipe
from mixutils.mixers import REGISTRY
done = []
for method in REGISTRY:
    run = Run("mine", method, 0, encoder="random:tiny", recipe=Recipe(epochs=1, batch_size=8), evaluate=("validation",))
    done.append(execute(run, device="cpu")["status"])
print(json.dumps([done, sorted(seen - set(sys.stdlib_module_names) - {"mixutils"})]))
"""


def test_training_imports_five_libraries_and_what_transformers_itself_needs(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    for part in ("train", "validation"):
        rows = [{"text": f"text {i} is {'good' if i % 2 else 'bad'}", "label": "yn"[i % 2]} for i in range(16)]
        (folder / f"{part}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows), "utf-8")
    late = tuple(n for n in LATE if n != "scipy.stats")
    done, seen = json.loads(python(TRAINING % (late,), MIXUTILS_DATA=str(tmp_path)).splitlines()[-1])
    assert set(done) == {"done"}
    needed = {name(Requirement(r).name) for r in importlib.metadata.requires("transformers") if "extra ==" not in r}
    assert {"safetensors", "huggingface-hub"} <= needed  # so they are there whenever transformers is
    assert {name(r) for r in PROJECT["dependencies"]} == {"torch", "transformers", "numpy", "pandas", "scikit-learn"}
    brought = {"safetensors", "huggingface_hub", "scipy"}  # by transformers and scikit-learn
    assert set(seen) <= {"torch", "transformers", "numpy", "pandas", "sklearn", *brought}
    assert {"torch", "transformers", "numpy"} <= set(seen)


# ----------------------------------------------------------------- what is shipped


def tracked() -> list[Path]:
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("needs a git checkout")
    out = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, text=True, check=True)
    return [p for n in out.stdout.split("\0") if n and (p := ROOT / n).is_file()]


def test_no_file_names_a_place_on_somebodys_machine():
    places = "|".join(("work", "home", "root", "Users"))
    pattern = re.compile(rf"(?<![\w.~}}\])>/-])/(?:{places})/\w|[A-Z]:\\(?:Users|home)\\".encode())
    found = []
    for path in tracked():
        found += [f"{path.relative_to(ROOT)}: {m.group()!r}" for m in pattern.finditer(path.read_bytes())]
    assert not found


def test_executed_notebooks_that_come_with_the_project_are_small():
    books = [p for p in tracked() if p.parent.name == "notebooks" and p.is_relative_to(ROOT / "figures")]
    assert sum(p.stat().st_size for p in books) < 12_000_000
    assert not [p for p in tracked() if p.suffix == ".html" and p.parent.name != "playground"]


def test_build_products_and_data_are_not_tracked():
    names = [p.relative_to(ROOT).as_posix() for p in tracked()]
    assert not [n for n in names if n.endswith((".pyc", ".safetensors", ".pt", ".bin", ".pkl", ".parquet"))]
    assert not [n for n in names if n.split("/")[0] in ("runs", ".venv", "build", "dist")]


@pytest.mark.parametrize("path", [p for p in FILES if p.name not in ("__init__.py", "__main__.py")], ids=module_name)
def test_every_module_has_tests(path):
    """A test file of its name, or one that asks for it."""
    tests = list(Path(__file__).parent.glob("test_*.py"))
    own = any(t.stem == f"test_{path.stem}" for t in tests)
    family = {m for t in tests for m in imported(t)}
    # Modules may share a test file: what brings them together, a module or their package, is tested whole.
    users = {m for m, p in MODULES.items() if module_name(path) in imported(p)} | {module_name(path).rpartition(".")[0]}
    found = own or module_name(path) in family or bool(users & family)
    assert found, f"nothing tests {module_name(path)}"


@pytest.mark.parametrize(
    ("lock", "said"),
    [
        ("pytest=={version}\n", ""),
        ("pytest=={version}+cpu\n", ""),
        ("not-there==1.0 ; sys_platform == 'win32'\n", ""),
        ("pytest==0.1\n", "the environment is damaged (pytest): it is made anew"),
        ("pytest=={version}\nnot-there==1.0\n", "the environment is damaged (not-there): it is made anew"),
    ],
)
def test_an_environment_that_lost_packages_is_found_out(lock, said, tmp_path):
    script = (ROOT / "run_all.sh").read_text("utf-8")
    whole = re.search(r"^whole\(\) \{.*?^\}$", script, re.M | re.S)[0]
    (tmp_path / "requirements.lock").write_text(lock.format(version=pytest.__version__), "utf-8")
    command = f'python="{sys.executable}"; here="{tmp_path}"\n{whole}\nwhole'
    out = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
    assert (out.returncode != 0, out.stderr.strip()) == (bool(said), said)
