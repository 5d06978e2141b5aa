"""Weights on disk: of finished runs that others start from, and of unfinished runs that may be interrupted.

Only safetensors; what is no tensor travels as JSON in the file's metadata. A missing checkpoint of a finished run is
made again by repeating the run, which gives the same bits, so checkpoints may be deleted at any time.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, safe_open, save_file
from torch import Tensor

from .. import paths
from ..encoder.model import Classifier
from ..training.loop import State, tensors_of
from ..training.policies import check

RNGS = ("mixer_rng", "dropout_rng")  # numpy generators among the objects of a training loop
SAVE_SECONDS = 60.0  # an unfinished run is saved at most this often, so that short runs never pay for it


def checkpoint_path(run_hash: str, policy: str) -> Path:
    """Where the weights of one policy of one run are."""
    return paths.checkpoints() / f"{run_hash}.{check(policy)}.safetensors"


def _save(path: Path, tensors: dict[str, Tensor], extra: dict[str, Any]) -> None:
    ready = {k: v.detach().contiguous().cpu() for k, v in tensors.items()}
    with paths.written_whole(path) as temporary:
        save_file(ready, temporary, {"json": json.dumps(extra)})


def save_weights(run_hash: str, policy: str, tensors: dict[str, Tensor], vocabulary: Tensor) -> None:
    """Store the weights that ``State.best`` holds for a policy, with the vocabulary they are numbered by."""
    _save(checkpoint_path(run_hash, policy), {**tensors, "vocabulary": vocabulary}, {"run": run_hash})


def below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Those whose names begin so, without the prefix."""
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def load_weights(model: Classifier, run_hash: str, policy: str) -> dict[str, Tensor]:
    """Put stored weights into a model that still has its full vocabulary; rows that were not trained stay.

    Returns:
        All tensors of the checkpoint, on the CPU.
    """
    tensors = load_file(checkpoint_path(run_hash, policy))
    weights, embedding = below(tensors, "model."), model.encoder.get_input_embeddings()
    name = next(n for n, p in model.named_parameters() if p is embedding.weight)
    full = embedding.weight.detach().clone()
    full[tensors["vocabulary"].to(full.device)] = weights[name].to(full.device)
    model.load_state_dict({**weights, name: full})
    return tensors


class Unfinished:
    """Saves and loads the state of a run between two evaluations; ``save`` and ``resume`` of ``loop.train``.

    ``made_from``: digests of data and encoder; a state that was made from others is not resumed.
    """

    def __init__(self, run_hash: str, seconds: float = SAVE_SECONDS, made_from: Sequence[str] = ()) -> None:
        self.made_from = list(made_from)
        self.path = paths.checkpoints() / f"{run_hash}.unfinished.safetensors"
        self.seconds, self.last = seconds, time.monotonic()

    def save(self, state: State, objects: dict[str, Any]) -> None:
        if time.monotonic() - self.last < self.seconds:
            return
        tensors = tensors_of(objects["model"], objects["mixer"])
        packed = objects["optimizer"].state_dict()
        for i, entries in packed["state"].items():
            tensors |= {f"optimizer.{i}.{k}": v for k, v in entries.items()}
        for policy, best in state.best.items():
            tensors |= {f"best.{policy}/{k}": v for k, v in best.items()}
        tensors["torch_rng"] = torch.get_rng_state()
        if torch.cuda.is_available():
            tensors["cuda_rng"] = torch.cuda.get_rng_state()
        extra = {
            "state": {k: v for k, v in vars(state).items() if k != "best"},
            "groups": packed["param_groups"],
            "made_from": self.made_from,
            "mixer": objects["mixer"].extra_state(),
            "rng": {name: objects[name].bit_generator.state for name in RNGS},
            "work": objects["model"].work,
        }
        _save(self.path, tensors, extra)
        self.last = time.monotonic()

    def load(self, objects: dict[str, Any]) -> State | None:
        if not self.path.is_file():
            return None
        with safe_open(self.path, "pt") as file:
            extra = json.loads(file.metadata()["json"])
            if extra.get("made_from", self.made_from) != self.made_from:
                return None
            tensors = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118 - not a dict

        objects["model"].load_state_dict(below(tensors, "model."))
        objects["mixer"].load_state_dict(below(tensors, "mixer."))
        packed: dict[int, dict[str, Tensor]] = {}
        for key, value in below(tensors, "optimizer.").items():
            i, name = key.split(".", 1)
            packed.setdefault(int(i), {})[name] = value
        objects["optimizer"].load_state_dict({"state": packed, "param_groups": extra["groups"]})
        objects["mixer"].load_extra_state(extra["mixer"])
        for name in RNGS:
            objects[name].bit_generator.state = extra["rng"][name]
        objects["model"].work = extra["work"]
        torch.set_rng_state(tensors["torch_rng"])
        if "cuda_rng" in tensors:
            torch.cuda.set_rng_state(tensors["cuda_rng"])
        state = State(**extra["state"])
        device = next(objects["model"].parameters()).device
        for key, value in below(tensors, "best.").items():
            policy, name = key.split("/", 1)
            state.best.setdefault(policy, {})[name] = value.to(device)
        return state
