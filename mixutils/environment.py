"""What a run runs on: device, precision, threads, versions. Chosen in one place and written into every record."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from typing import Any

import torch

VERSIONS = ("torch", "transformers", "tokenizers", "numpy", "scikit-learn", "mixutils")


class DeviceError(RuntimeError):
    """A device that was asked for is not there."""


def pick_device(name: str = "auto") -> torch.device:
    """ "auto" (a GPU if there is one), "cpu", "cuda" or "cuda:N".

    Raises:
        DeviceError: no such device; said before anything expensive happens.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda"):
        raise DeviceError(f"the device must be auto, cpu, cuda or cuda:N, not {name!r}")
    if device.type == "cuda":
        count = torch.cuda.device_count()
        if (device.index or 0) >= count:
            raise DeviceError(f"the device {name} is not there: this machine shows {count} CUDA devices")
    return device


def pick_precision(name: str, device: torch.device) -> str:
    """ "float32" or "bfloat16"; "auto" takes bfloat16 where the hardware multiplies in it."""
    if name != "auto":
        return name
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    return "bfloat16" if cpu_bfloat16() else "float32"


def pick_attention(name: str, device: torch.device) -> str:
    """ "packed", "plain", "eager" or "sdpa"; "auto" is sdpa on a GPU and packed on a CPU, where padding costs its full share."""
    return name if name != "auto" else "packed" if device.type == "cpu" else "sdpa"


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cpu_bfloat16() -> bool:
    """Whether this CPU multiplies in bfloat16 (AVX512-BF16 or AMX); elsewhere it is emulated and slow."""
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def set_up(device: torch.device, threads: int) -> None:
    """Process-wide switches that decide which bits come out. All of them are in ``describe``.

    On CPUs without matrix units "medium" selects a faster kernel that is still float32 (relative error about 1e-6); where
    it would mean less than float32 it is not used.
    """
    torch.set_num_threads(threads)
    fast = device.type == "cpu" and not torch.cpu._is_amx_tile_supported()
    torch.set_float32_matmul_precision("medium" if fast else "highest")
    if device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)


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
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def cpu_name() -> str:
    """The processor's name, as far as the system tells."""
    try:
        with open("/proc/cpuinfo") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine() or "unknown CPU"
