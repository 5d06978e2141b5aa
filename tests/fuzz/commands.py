"""Command lines, options and parameters of notebooks that are wrong or odd.

``python -m tests.fuzz.commands [SEED] [N]`` gives N of them to the program. Each must end with a plan, or with one line that says what is
wrong and status 2: no traceback, no hang.
"""

from __future__ import annotations

import contextlib
import io
import os
import random
import sys
from collections.abc import Iterator

from mixutils import cli
from mixutils.companion.parameters import PARAMETERS, parameters
from mixutils.mixers import REGISTRY
from mixutils.papers.options import readings

TEXTS = (
    "", " ", ",", ",,", "0", "-1", "1", "2", "1e9", "99999999999", "18446744073709551616", "0-5000000", "5-1", "0,0", "1.5", "nan",
    "x" * 5000, "../..", "/", "~nobody/x", "./nowhere", "a/b/c", "random:", "random:tiny", "cnn:", "cnn:/dev/null", "lstm:random",
    "docs-coarse", "docs-coarse,trec-fine", "compare", "ssmix,start_here", "all", "$HOME", "<b>", "\\", "\u2028", "é", "[1,2]", "true",
    "=", "a=b", "a.b=c", ".=.", "run.policy=", "run.policy=nine", "recipe.lr=fast", "recipe.epochs=-1", "recipe.batch_size=0", "dmix.x=1",
    "ssmix.ratio=2", "ssmix.ratio=nan", "*.ratio=0.5", "tmix.levels=[99]", "reading.policy=hold-out", "--", "-", "--jobs",
)  # fmt: skip
WHOLE = ("0", "1", "-1", "3", "48", "513", "99999999999")
#: Options that are given to ``plan`` and ``train --dry-run``; the last has no value.
OPTIONS = (
    "--only", "--tasks", "--encoder", "--seeds", "--train-size", "--methods", "--option", "--data", "--jobs", "--threads", "--device",
    "--precision", "--hub",
)  # fmt: skip


def command_lines(seed: int, n: int) -> Iterator[list[str]]:
    """``n`` of them, all of the smallest profile."""
    draw = random.Random(seed)
    known = [f"{r['option']}={v}" for r in readings().values() if "option" in r for v in r["others"]]
    known += [f"{name}.{what}" for name in REGISTRY for what in ("alpha=-1", "alpha=x", "nothing=1")]
    for _ in range(n):
        argv = ["train", "--dry-run"] if draw.random() < 0.5 else ["plan"]
        argv += ["--profile", "labtop" if draw.random() < 0.05 else "smoke"]
        for _ in range(draw.choice((1, 1, 2, 3))):
            option = draw.choice(OPTIONS)
            value = (
                draw.choice(WHOLE)
                if option in ("--jobs", "--threads", "--train-size") and draw.random() < 0.7
                else draw.choice(TEXTS)
            )
            value = draw.choice(known) if option == "--option" and draw.random() < 0.5 else value
            joined = value.startswith("-") or draw.random() < 0.5
            argv += [option] if option == "--hub" else [f"{option}={value}"] if joined else [option, value]
        yield argv


def wrong_command(argv: list[str]) -> str:
    """What is wrong with how the program takes them, or ""."""
    out, err, before = io.StringIO(), io.StringIO(), dict(os.environ)
    try:
        with contextlib.redirect_stderr(err), contextlib.redirect_stdout(_Stream(out)):
            status = cli.main(argv)
    except SystemExit as stop:  # argparse
        status = stop.code
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    finally:
        for name in set(os.environ) - set(before):
            del os.environ[name]
        os.environ.update(before)
    said = [line for line in err.getvalue().splitlines() if not line.startswith(("usage:", " ", "warning:"))]
    if status not in (0, 2):
        return f"status {status}"
    if status == 2 and len(said) != 1:
        return f"{len(said)} lines: {said}"
    if status == 2 and not ("error: " in said[0] and 12 < len(said[0]) < 2500):
        return f"says {said[0]!r}"
    return ""


class _Stream(io.TextIOWrapper):
    """Standard output for a while."""

    def __init__(self, out: io.StringIO) -> None:
        super().__init__(io.BytesIO(), "utf-8")
        self.write = out.write


def wrong_parameters(draw: random.Random) -> str:
    """What is wrong with how a notebook's parameters take odd values, or ""."""
    odd = (*TEXTS, "\x00", None, True, 3, 2.5, float("nan"), [], ["a", 1], [None], {"a": 1}, b"x", object())
    given = {draw.choice((*PARAMETERS, "sedes")): draw.choice(odd) for _ in range(3)}
    try:
        made = parameters(given)
    except (TypeError, ValueError) as error:
        return "" if len(str(error).splitlines()) == 1 else f"several lines: {error}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    wrong = [name for name, default in PARAMETERS.items() if type(made[name]) is not type(default)]
    return f"{', '.join(wrong)} of another type" if wrong else ""


def run(seed: int, n: int) -> list[str]:
    """What went wrong with ``n`` command lines and ten times as many sets of notebooks' parameters."""
    found = []
    for argv in command_lines(seed, n):
        if wrong := wrong_command(argv):
            found.append(f"{[a[:60] for a in argv]}: {wrong[:300]}")
    draw = random.Random(seed)
    return [*found, *filter(None, (wrong_parameters(draw) for _ in range(10 * n)))]


if __name__ == "__main__":
    seed, n = (*map(int, sys.argv[1:]), 0, 200)[:2] if len(sys.argv) != 2 else (int(sys.argv[1]), 200)
    faults = run(seed, n)
    print("\n".join([*faults, f"{n} command lines and {10 * n} sets of parameters, {len(faults)} faults"]))
    raise SystemExit(bool(faults))
