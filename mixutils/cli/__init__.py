"""The command line: ``python -m mixutils COMMAND``. Arguments are here, what the commands do in the files beside."""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from pathlib import Path

from ..papers.profiles import PROFILES

#: Command -> (the function that does it, "file.name"; what it does).
COMMANDS = {
    "all": ("showing.everything", "plan, train, notebooks, site: what ./run_all.sh does"),
    "plan": ("training.plan", "what would be computed: runs done, to do, failed, stale; minutes, disk"),
    "train": ("training.train", "train what is missing"),
    "notebooks": ("showing.notebooks", "execute the notebooks with papermill"),
    "site": ("showing.site", "the web pages, from the executed notebooks at hand"),
    "bench": ("tools.bench", "step times of every mixer against the plain step"),
    "doctor": ("doctor.screen", "versions, device, data, hub, disk: one screen"),
    "readme": ("tools.readme", "write the tables of README.md from the saved tables and the shipped records"),
    "records": ("tools.records", "export to or merge from a .jsonl file or a folder"),
}
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
    worker = commands.add_parser("worker")  # what launchers start; no command for people, so without help
    worker.add_argument("--batch", type=Path)
    worker.add_argument("--index", type=int)
    for name, (_, text) in COMMANDS.items():
        sub = commands.add_parser(name, help=text, description=text)
        if name in ("all", "plan", "train", "notebooks", "site"):
            _add_setting(sub)
        elif name != "readme":
            sub.add_argument("--data", metavar="DIR", help="folder of data sets (= MIXUTILS_DATA)")
        if name in ("all", "train", "notebooks"):
            _add_computing(sub)
        if name in ("all", "notebooks"):
            sub.add_argument(
                "--from-records", action="store_true", help="no training, no GPU: show what the records hold"
            )
        if name == "bench":
            _add_bench(sub)
        if name == "records":
            sub.add_argument("action", choices=("export", "merge"))
            sub.add_argument("path", type=Path)
    return out


def _add_setting(sub: argparse.ArgumentParser) -> None:
    add = sub.add_argument_group("what").add_argument
    add("--profile", choices=PROFILES, help="default: laptop on a CPU, desk on a GPU; compare for --only compare")
    add("--only", metavar="NAME[,NAME]", help="papers or notebooks")
    add("--data", metavar="DIR", help="folder of data sets (= MIXUTILS_DATA)")
    add("--hub", action="store_true", help="also look on the Hugging Face hub for data")
    add("--tasks", metavar="NAME[,NAME]", help="data sets: of the catalogue, built-in, or folders in --data")
    add("--encoder", metavar="NAME", help="hub id, folder, minilm, cnn, lstm, cnn:VECTORS.txt, random:tiny")
    add("--seeds", metavar="N|LIST", help="5 is 0-4; or 0,3,7 or 0-2")
    add("--methods", metavar="NAME[,NAME]", help="mixers of the comparison (compare only), or all")
    control = "negative control: tables, figures and verdicts of permuted method names, in a folder of their own"
    add("--shuffle", metavar="SEED", default="", help=control)
    add("--train-size", type=int, metavar="N", help="training rows at most; 0 is all")


def _add_computing(sub: argparse.ArgumentParser) -> None:
    add = sub.add_argument_group("how").add_argument
    jobs = "worker processes (default: one per core, up to four per GPU)"
    add("--jobs", type=int, default=0, metavar="N", help=jobs)
    add("--device", default="auto", help="auto, cpu, cuda, cuda:N")
    add("--precision", help="bfloat16, float32, … in place of what suits the hardware (= MIXUTILS_PRECISION)")
    add("--threads", type=int, default=1, metavar="N", help="threads per worker on a CPU (default 1)")
    add("--retry", action="store_true", help="repeat failed runs too")
    slurm = "submit to a Slurm cluster instead; ARGS go to sbatch"
    add("--slurm", metavar="ARGS", nargs="?", const="", help=slurm)
    add("--dry-run", action="store_true", help="print the plan and stop")


def _add_bench(sub: argparse.ArgumentParser) -> None:
    add = sub.add_argument
    add("--encoders", default="minilm,random:bert-base", help="names separated by commas")
    add("--methods", default="", metavar="NAME[,NAME]", help="mixers to time (default: all)")
    add("--batch-size", type=int, default=32, help="rows of a batch (default 32)")
    add("--repeats", type=int, default=5, help="rounds over all methods (default 5)")
    add("--task", default="trec-coarse", help="data set; the built-in one of its shape where it is missing")
    add("--threads", type=int, default=0, help="threads (default: all cores)")
    add("--device", default="auto", help="auto, cpu, cuda, cuda:N")


def main(argv: list[str] | None = None) -> int:
    """Exit status 0 if everything went well, 1 if something failed, 2 for wrong arguments."""
    args = parser().parse_args(argv)
    if args.command == "worker":
        from ..runs import launch, slurm

        return launch.worker_main() if args.batch is None else slurm.run_one(args.batch, args.index)
    sys.stdout.reconfigure(line_buffering=True)
    if getattr(args, "data", None):
        folder = Path(args.data).expanduser()
        if not folder.is_dir():
            print(f"error: --data is no folder: {args.data}", file=sys.stderr)
            return 2
        os.environ["MIXUTILS_DATA"] = str(folder.resolve())
    if getattr(args, "precision", None):
        os.environ["MIXUTILS_PRECISION"] = args.precision
    module, function = COMMANDS[args.command][0].split(".")
    try:
        return getattr(import_module(f".{module}", __name__), function)(args)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("mixutils"):
            raise
        package = error.name.partition(".")[0]
        print(f"error: this command needs the package {package}; pip install -e '.[all]' has it", file=sys.stderr)
        return 2
    except (ValueError, RuntimeError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; finished runs are kept, the same command goes on from here", file=sys.stderr)
        return 130
