"""What a run runs on: device, precision, threads, versions. Chosen in one place and written into every record."""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import json
import os
import platform
import re
import statistics
import subprocess
import warnings
from typing import Any

import torch

from .. import paths

#: Values of ``Run.precision``. "float32" and "auto" choose the kernel of float32 products too, see ``float32_kernel``.
PRECISIONS = ("auto", "bfloat16", "float32", "float32-highest", "float32-medium")
VERSIONS = ("torch", "transformers", "tokenizers", "numpy", "scikit-learn", "mixutils")


def pick_device(name: str = "auto") -> torch.device:
    """ "auto" (a GPU if there is one), "cpu", "cuda", "cuda:N", or "mps" where torch has it, with a warning.

    Raises:
        RuntimeError: no such device; said before anything expensive happens.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "mps" and torch.backends.mps.is_available():
        warnings.warn("the device mps is untested: compare its first numbers with those of --device cpu", stacklevel=2)
        return torch.device("mps")
    if not re.fullmatch(r"cpu|cuda(:\d+)?", name):
        raise RuntimeError(f"the device must be auto, cpu, cuda or cuda:N, not {name!r}")
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= (count := torch.cuda.device_count()):
        raise RuntimeError(f"the device {name} is not there: this machine shows {count} CUDA devices")
    return device


def pick_precision(name: str, device: torch.device) -> str:
    """ "float32" or "bfloat16"; "auto" takes bfloat16 where the hardware multiplies in it, or ``MIXUTILS_PRECISION``."""
    name = _wished(name)
    if name != "auto":
        return name.split("-")[0]
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    return "bfloat16" if device.type == "cpu" and cpu_bfloat16() else "float32"


def _wished(name: str) -> str:
    """What "auto" stands for: ``MIXUTILS_PRECISION`` where it is set.

    Raises:
        RuntimeError: it is set to something else than one of ``PRECISIONS``.
    """
    wish = name if name != "auto" else os.environ.get("MIXUTILS_PRECISION") or "auto"
    if wish not in PRECISIONS:
        raise RuntimeError(f"the precision must be one of {', '.join(PRECISIONS)}, not {wish!r}")
    return wish


def resolve_precision(name: str, device: torch.device) -> str:
    """What a run with this precision computes in here, in one word: "bfloat16", "float32-highest" or "float32-medium"."""
    picked = pick_precision(name, device)
    return picked if picked == "bfloat16" else f"float32-{_matmul(name, device)}"


def _matmul(name: str, device: torch.device) -> str:
    """The setting of torch's float32 products that a precision means on a device."""
    name = _wished(name)
    if device.type != "cpu" or torch.cpu._is_amx_tile_supported():
        return "highest"  # anywhere else "medium" would mean less than float32
    if "-" in name:
        return name.split("-")[1]
    # In bfloat16 the few float32 products decide no time; the setting is that of the first records.
    return "medium" if pick_precision(name, device) == "bfloat16" else float32_kernel()


def pick_attention(name: str, device: torch.device) -> str:
    """ "packed", "plain", "eager" or "sdpa"; "auto" is sdpa on a GPU and packed on a CPU, where padding costs its full share."""
    return name if name != "auto" else "packed" if device.type == "cpu" else "sdpa"


def cores() -> int:
    """Cores that this process may use; of a Slurm job those that it was given, which not all clusters enforce."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    given = os.environ.get("SLURM_CPUS_ON_NODE", "")
    return min(count, max(1, int(given))) if given.isdecimal() else count


def cpu_bfloat16() -> bool:
    """Whether this CPU multiplies in bfloat16 (AVX512-BF16 or AMX); elsewhere it is emulated and slow."""
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


#: More processes or threads than any machine has use for: a mistyped number ends here, and not in the operating system.
MOST = 512


def count(name: str, n: int) -> int:
    """A number of processes or threads.

    Raises:
        ValueError: below 0 or above ``MOST``.
    """
    if not 0 <= n <= MOST:
        raise ValueError(f"{name} must be a whole number from 0 to {MOST}, not {n}")
    return n


def set_up(device: torch.device, threads: int, precision: str = "auto") -> None:
    """Process-wide switches that decide which bits come out. All of them are in ``describe``.

    Args:
        precision: one of ``PRECISIONS``; it decides the kernel of float32 products.
    """
    torch.set_num_threads(count("threads", threads))
    torch.set_float32_matmul_precision(_matmul(precision, device))
    if device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)


@functools.cache
def float32_kernel() -> str:
    """ "highest" or "medium": the faster of torch's two kernels for float32 products on this CPU.

    On CPUs without matrix units both compute in float32 (relative error about 1e-6), by different libraries, and which is
    faster depends on the CPU. Measured once per machine and kept, so that all processes of a machine agree.
    """
    path = paths.cache() / "float32-kernel.json"
    key = f"{cpu_name()}, torch {torch.__version__}"
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        if (chosen := json.loads(path.read_text("utf-8"))[key]["kernel"]) in KERNELS:
            return chosen
    rates = _measure_kernels()
    # A tie goes to torch's default.
    chosen = "medium" if rates["medium"] > 1.05 * rates["highest"] else "highest"
    with contextlib.suppress(OSError):  # a folder that cannot be written: measured by every process
        paths.write_whole(path, json.dumps({key: {"kernel": chosen, "gigaflops": rates}}).encode())
    return chosen


KERNELS = ("highest", "medium")


def _measure_kernels(rounds: int = 5) -> dict[str, float]:
    """10⁹ operations per second of one thread, in turns; the products are those of a MiniLM layer, forward and backward."""
    from torch.utils.benchmark import Timer  # takes half a second, which few commands need

    draw = torch.Generator().manual_seed(0)
    shapes = ((320, 384, 384), (320, 384, 1536), (320, 1536, 384), (384, 320, 1536))
    pairs = [(torch.randn(m, k, generator=draw), torch.randn(k, n, generator=draw)) for m, k, n in shapes]
    products = Timer("for a, b in pairs: a @ b", globals={"pairs": pairs})
    seconds: dict[str, list[float]] = {kernel: [] for kernel in KERNELS}
    before = torch.get_float32_matmul_precision()
    try:
        for _ in range(rounds):
            for kernel in KERNELS:
                torch.set_float32_matmul_precision(kernel)
                seconds[kernel].append(products.timeit(2).median)
    finally:
        torch.set_float32_matmul_precision(before)
    work = sum(2 * m * k * n for m, k, n in shapes)
    return {kernel: round(work / statistics.median(s) / 1e9, 1) for kernel, s in seconds.items()}


@functools.cache
def commit() -> str:
    """The short commit of the checkout that runs, with "+" where the package has changes; "" without git."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(paths.ROOT), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()

    with contextlib.suppress(OSError, subprocess.SubprocessError):
        return git("rev-parse", "--short=9", "HEAD") + ("+" if git("status", "--porcelain", "--", "mixutils") else "")
    return ""


def describe(device: torch.device, precision: str) -> dict[str, Any]:
    """Hardware and versions for the record; no host or user names."""
    return {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else cpu_name(),
        "device_type": device.type,
        "precision": precision,
        "matmul": torch.get_float32_matmul_precision(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": {name: version(name) for name in VERSIONS},
    }


def version(distribution: str) -> str:
    """Of an installed distribution."""
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version(distribution)
    return "not installed"


def cpu_name() -> str:
    """The processor's name, as far as the system tells."""
    with contextlib.suppress(OSError), open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine() or "unknown CPU"
