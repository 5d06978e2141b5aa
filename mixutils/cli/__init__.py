"""The command line: ``python -m mixutils COMMAND``.

Commands and options are in ``commands.toml``, what the commands do in the files beside.
"""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from pathlib import Path

from .. import paths
from ..papers.profiles import PROFILES

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
    """Exit status 0 if everything went well, 1 if something failed, 2 for wrong arguments."""
    args = parser().parse_args(glued(sys.argv[1:] if argv is None else argv))
    if args.command == "worker":
        from ..runs import launch

        return launch.worker_main()
    sys.stdout.reconfigure(line_buffering=True)
    if getattr(args, "precision", None):
        os.environ["MIXUTILS_PRECISION"] = args.precision
    module, function = COMMANDS[args.command]["does"].split(".")
    try:
        if getattr(args, "data", None):
            os.environ["MIXUTILS_DATA"] = str(Path(args.data).expanduser().resolve())
            paths.data()  # a wrong one is said at once
        return getattr(import_module(f".{module}", __name__), function)(args)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("mixutils"):
            raise
        package = error.name.partition(".")[0]
        print(f"error: this command needs the package {package}; pip install -e '.[all]' has it", file=sys.stderr)
        return 2
    except (ValueError, RuntimeError, OSError) as error:
        text = str(error)
        print(f"error: {text if len(text) < LONGEST else text[:LONGEST] + ' …'}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; finished runs are kept, the same command goes on from here", file=sys.stderr)
        return 130
