#!/usr/bin/env bash
# Sets up, then computes and shows everything. Never changes the working directory: paths in arguments are the caller's.
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)

usage() {
    cat <<'EOT'
./run_all.sh [options]     set up, train what is missing, execute the notebooks, build figures/<profile>/site/index.html
./run_all.sh test [...]    set up, then all tests, notebooks included; with arguments for pytest, those of tests/ only

what:  --profile smoke|laptop|desk|compare|class|base|full   --only NAME[,NAME] (papers or notebooks)   --from-records (no training)
       --data DIR (= MIXUTILS_DATA)   --hub   --tasks NAME[,NAME]   --encoder NAME   --seeds N|LIST   --train-size N
       --option NAME.OPTION=VALUE
       --methods NAME[,NAME]|all (of the comparison)   --shuffle SEED (negative control: permuted names)
own:   --columns text=NAME,label=NAME   --labels strip,casefold,nfc,nfkc,number (of your own data; see docs/use.md)
       --lr X   --epochs N   --batch-size N   --max-length N   --class-weights balanced
how:   --jobs N   --device auto|cpu|cuda|cuda:N   --threads N   --retry (failed runs too)   --dry-run (the plan only)
       --precision auto|bfloat16|float32|float32-highest|float32-medium
       --slurm [ARGS] (submit to a cluster instead; ARGS are options of sbatch)   --wait (stay until it is done, then go on)

The same words work as python -m mixutils plan|train|notebooks|site; and there are bench, doctor, readings, readme,
records, predict (by a classifier that train keeps), status and cancel (of what was submitted).
Set-up:  PYTHON=python3.12             which Python makes .venv (3.11 to 3.13)
         MIXUTILS_TORCH_INDEX=URL      where torch comes from, for a CPU-only or another CUDA build
EOT
}

case "${1:-}" in -h | --help) usage; exit 0 ;; esac

say() { printf '%s\n' "$*"; }

find_python() {
    local name
    for name in "${PYTHON:-}" python3.12 python3.13 python3.11 python3 python; do
        [ -n "$name" ] || continue
        if "$name" -c 'import sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; then
            printf '%s' "$name"
            return
        fi
    done
    say "error: no Python 3.11, 3.12 or 3.13 with its venv module was found; say PYTHON=/path/to/python ./run_all.sh" >&2
    exit 2
}

# Whether everything that the lock names is installed in its version, with its first files in place.
whole() {
    "$python" - "$here/requirements.lock" <<'CODE'
import importlib.metadata as installed, re, sys
for name, version in re.findall(r"^([\w.-]+)==([^\s;+]+)\s*$", open(sys.argv[1]).read(), re.M):
    try:
        found = installed.distribution(name)
        code = [f for f in found.files or () if f.suffix in (".py", ".so")][:20]
        broken = found.version.split("+")[0] != version or not all(f.locate().is_file() for f in code)
    except installed.PackageNotFoundError:
        broken = True
    if broken:
        sys.exit(f"the environment is damaged ({name}): it is made anew")
CODE
}

# What was installed, as a stamp keeps it: a changed lock or a moved checkout installs again, nothing else does.
want="$(cksum <"$here/requirements.lock") $(cksum <"$here/pyproject.toml") $here"

export PIP_DISABLE_PIP_VERSION_CHECK=1 # pip's own news would stand among ours

# The environment: an active conda environment made from environment.yml, or .venv beside this script.
if [ "${CONDA_DEFAULT_ENV:-}" = mixutils ] && [ -x "${CONDA_PREFIX:-}/bin/python" ]; then
    python="$CONDA_PREFIX/bin/python"
    stamp="$CONDA_PREFIX/.mixutils-lock"
else
    python="$here/.venv/bin/python"
    stamp="$here/.venv/.mixutils-lock"
    # A set-up that was interrupted, or an environment that lost files, is made anew.
    if ! "$python" -m pip --version >/dev/null 2>&1 || { [ "$(cat "$stamp" 2>/dev/null || true)" = "$want" ] && ! whole; }; then
        base=$(find_python)
        say "making .venv with $("$base" --version)"
        "$base" -m venv --clear "$here/.venv"
    fi
fi

if [ "$(cat "$stamp" 2>/dev/null || true)" != "$want" ]; then
    say "installing requirements.lock (once, a few minutes)"
    torch=$(grep '^torch==' "$here/requirements.lock")
    # torch first and alone: its build (CPU or CUDA) decides what else it brings.
    "$python" -m pip install --quiet "$torch" ${MIXUTILS_TORCH_INDEX:+--index-url "$MIXUTILS_TORCH_INDEX"}
    "$python" -m pip install --quiet -r "$here/requirements.lock"
    "$python" -m pip install --quiet --no-deps --no-build-isolation -e "$here"
    "$python" -m pip check
    printf '%s' "$want" >"$stamp"
fi

if [ "${1:-}" = test ]; then
    shift
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    export MIXUTILS_WORK="$scratch/runs" MIXUTILS_FIGURES="$scratch/figures"
    # The built-in corpus is made once and kept: it takes longer than most tests.
    [ -n "${MIXUTILS_CACHE-}" ] || export MIXUTILS_CACHE="${TMPDIR:-/tmp}/mixutils-cache-$(id -u)"
    status=0
    if [ $# -eq 0 ]; then
        # Trained once: notebooks side by side would train the runs that they share at the same time.
        "$python" -m mixutils train --profile smoke > "$scratch/smoke.log" 2>&1 || { status=1; cat "$scratch/smoke.log"; }
        set -- "$here/notebooks" --nbval-lax --nbval-current-env --nbval-cell-timeout 600
    fi
    # In the order of names: slow files with few tests would else come last, when only one worker has something to do.
    "$python" -m pytest -c "$here/pyproject.toml" --rootdir "$here" -n auto --dist loadfile --no-loadscope-reorder -q \
        "$here/tests" "$@" || status=1
    exit $status
fi

exec "$python" -m mixutils all "$@"
