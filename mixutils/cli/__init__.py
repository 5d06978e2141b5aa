"""The command line: ``python -m mixutils COMMAND``.

Commands and options are in ``commands.toml``, what the commands do in the files beside.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import threading
import warnings
from importlib import import_module
from pathlib import Path

from .. import paths
from ..encoder.load import resolved
from ..papers.options import parse, shortcuts
from ..papers.profiles import PROFILES
from ..wording import shortened

#: Command -> who does it, its groups of options, help; group -> option -> what argparse is told of it.
FACTS = paths.facts("cli/commands")
COMMANDS = FACTS["commands"]
#: What stands for a value that TOML does not have.
VALUES = {"int": int, "path": Path, "profiles": tuple(PROFILES)}
#: Of an error's message: what was given may be of any length.
LONGEST = 2000
EPILOG = """Start with "doctor"; "all --dry-run" prints what "all" would do and how long that takes. Each command explains its
options: python -m mixutils all --help. Interrupt at any time: the same command goes on from there."""


def parser() -> argparse.ArgumentParser:
    """All arguments; ``./run_all.sh`` passes its own on."""
    out = argparse.ArgumentParser(
        prog="python -m mixutils",
        description="Text Mixup Companion: tables and figures of five papers, made again beside the printed numbers.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = out.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("worker")  # what launchers start; no command for people, so without help
    for name, command in COMMANDS.items():
        sub = commands.add_parser(name, help=command["help"], description=command["help"])
        for title in command["takes"]:
            group = sub.add_argument_group(title)
            for option, told in FACTS[title].items():
                group.add_argument(option, **{name: VALUES.get(value, value) for name, value in told.items()})
    return out


def glued(argv: list[str]) -> list[str]:
    """``--slurm`` with what belongs to it in one word: argparse takes "--partition=gpu" for an option of ours."""
    ours = {option for group in ("what", "data", "how", "source") for option in FACTS[group]}
    for i, word in enumerate(argv[:-1]):
        after = argv[i + 1]
        if word == "--slurm" and after.startswith("-") and not any(o.startswith(after.split("=")[0]) for o in ours):
            return [*argv[:i], f"{word}={after}", *argv[i + 2 :]]
    return argv


def main(argv: list[str] | None = None) -> int:
    """Exit status 0 if everything went well, 1 if something failed, 2 for wrong arguments, 130 and 143 if interrupted."""
    args = parser().parse_args(glued(sys.argv[1:] if argv is None else argv))
    warnings.formatwarning = lambda message, *_, **__: f"warning: {message}\n"
    if args.command == "worker":
        from ..runs import launch

        return launch.worker_main()
    if threading.current_thread() is threading.main_thread():  # the only one that may
        signal.signal(signal.SIGTERM, _terminate)
    sys.stdout.reconfigure(line_buffering=True)
    if getattr(args, "precision", None):
        os.environ["MIXUTILS_PRECISION"] = args.precision
    module, function = COMMANDS[args.command]["does"].split(".")
    try:
        if getattr(args, "data", None):
            os.environ["MIXUTILS_DATA"] = str(Path(args.data).expanduser().resolve())
            paths.data()  # a wrong one is said at once
        if wishes := {name: value for name in ("columns", "labels") if (value := getattr(args, name, None))}:
            from ..tasks.wishes import of_call

            os.environ |= {f"MIXUTILS_{name.upper()}": value for name, value in wishes.items()}
            of_call()
        if getattr(args, "encoder", None):
            args.encoder = resolved(args.encoder)  # notebooks run in another folder
        if "options" in vars(args):
            args.options = [*(args.options or ()), *shortcuts(vars(args))] or None
            parse(args.options or ())  # a wrong one is said at once
        return getattr(import_module(f".{module}", __name__), function)(args)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("mixutils"):
            raise
        package = error.name.partition(".")[0]
        print(f"error: this command needs the package {package}; pip install -e '.[all]' has it", file=sys.stderr)
        return 2
    except (ValueError, RuntimeError, OSError) as error:
        of_files = isinstance(error, OSError) and (error.filename or error.errno in paths.NOT_WRITABLE)
        text = _of_files(error) if of_files else str(error)
        print(f"error: {shortened(text, LONGEST)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        print(
            f"{str(stop) or 'interrupted'}; finished runs are kept, the same command goes on from here", file=sys.stderr
        )
        return 143 if str(stop) else 130


def _terminate(signum: int, frame: object) -> None:
    raise KeyboardInterrupt("terminated")


def _of_files(error: OSError) -> str:
    """What the system says of a file; of a full disk also how much is free."""
    place = Path(os.fsdecode(error.filename or paths.work()))
    said = f"{shortened(str(place), 300)}: {error.strerror or error}"
    if error.errno not in paths.NOT_WRITABLE:
        return said
    there = next((p for p in (place, *place.absolute().parents) if p.exists()), paths.ROOT)
    free = shutil.disk_usage(there).free / 1e6
    return f"{said} ({free:.0f} MB free); what is finished is kept: make room, or set MIXUTILS_WORK to another folder, and give the same command again"
