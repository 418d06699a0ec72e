"""Checkpoints: weights and optimiser state as safetensors, everything else in state.json; whole or not at all.

    checkpoints/step_000012/
      model.safetensors   trained weights, float32 masters where the model computes in bf16
      optim.safetensors   AdamW's moments
      state.json          step, generators, thread count, digests of model and configuration

A checkpoint is written to a folder of another name and renamed, so that a reader never sees part of one.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from agentrl.errors import CheckpointError, StoreError
from agentrl.learn.learner import Learner
from agentrl.store import sync_folder

__all__ = ["State", "latest", "model_digest", "restore", "save"]

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class State:
    """What state.json holds.

    Attributes:
        step: Steps of the loop that are complete.
        learner_steps: Optimiser steps taken.
        config: Digest of the resolved configuration.
        model: Digest of the trained weights' names and shapes.
        threads: torch's thread count: results agree to the bit only at the same count.
        torch_rng: torch's generator, as hexadecimal.
        files: CRC-32 of each file beside state.json.
    """

    step: int
    learner_steps: int
    config: str
    model: str
    threads: int
    torch_rng: str
    files: dict[str, int] = field(default_factory=dict)
    schema: int = SCHEMA


def save(folder: Path, learner: Learner, *, step: int, config: str, keep: int = 1) -> Path:
    """Write the checkpoint of a step and remove all but the newest `keep`.

    Raises:
        StoreError: The disk is full or cannot be written; earlier checkpoints are intact.
    """
    target = folder / f"step_{step:06d}"
    part = folder / f".step_{step:06d}.part"
    state = State(
        step=step,
        learner_steps=learner.steps,
        config=config,
        model=model_digest(learner),
        threads=torch.get_num_threads(),
        torch_rng=bytes(torch.get_rng_state().tolist()).hex(),
    )
    try:
        for stale in folder.glob(".step_*.part"):  # of a process that was killed while it wrote
            shutil.rmtree(stale)
        part.mkdir(parents=True)
        save_file({n: m.detach().cpu().contiguous() for n, m in learner.masters.items()}, part / "model.safetensors")
        save_file(_moments(learner), part / "optim.safetensors")
        (part / "state.json").write_text(json.dumps(asdict(replace(state, files=_checksums(part))), indent=2))
        for file in part.iterdir():
            descriptor = os.open(file, os.O_RDONLY)
            os.fsync(descriptor)
            os.close(descriptor)
        shutil.rmtree(target, ignore_errors=True)
        part.rename(target)
        sync_folder(folder)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(part, ignore_errors=True)
        why = getattr(error, "strerror", None) or error
        raise StoreError(f"cannot write checkpoint {target}: {why}; earlier checkpoints are intact") from error
    kept = _all(folder)[-keep:]
    for old in [*folder.glob("step_*"), *folder.glob(".step_*.part")]:
        if old not in kept:
            shutil.rmtree(old, ignore_errors=True)  # what stays is removed next time
    return target


def latest(folder: Path) -> Path | None:
    """The newest complete checkpoint, or None."""
    found = _all(folder)
    return found[-1] if found else None


def restore(path: Path, learner: Learner, *, config: str | None = None) -> State:
    """Bring a learner (and torch's generator and thread count) to a checkpoint.

    Args:
        path: From `latest`.
        learner: Over the same model.
        config: Digest that the checkpoint must have been made with; None takes any.

    Raises:
        CheckpointError: The checkpoint is damaged, or of another model or configuration.
    """
    try:
        state = State(**json.loads((path / "state.json").read_text()))
        found = _checksums(path)
        if wrong := [name for name in {*state.files, *found} if state.files.get(name) != found.get(name)]:
            raise ValueError(f"the checksum of {' and '.join(sorted(wrong))} does not match")
        weights = load_file(path / "model.safetensors")
        moments = load_file(path / "optim.safetensors")
        if _digest(weights) != state.model:
            raise ValueError("its weights are not those that state.json names")
    except (OSError, ValueError, TypeError, SafetensorError) as error:
        raise CheckpointError(f"checkpoint {path} is damaged: {error}") from error
    if state.model != model_digest(learner):
        raise CheckpointError(f"checkpoint {path} is of another model (its weights have other names or shapes)")
    if config is not None and state.config != config:
        raise CheckpointError(f"checkpoint {path} was made with another configuration; start a new run instead")
    with torch.no_grad():
        for name, master in learner.masters.items():
            master.copy_(weights[name])
            learner.parameters[name].copy_(weights[name])
    _load_moments(learner, moments)
    learner.steps = state.learner_steps
    torch.set_num_threads(state.threads)
    torch.set_rng_state(torch.tensor(list(bytes.fromhex(state.torch_rng)), dtype=torch.uint8))
    return state


def model_digest(learner: Learner) -> str:
    """Digest of the trained weights' names and shapes."""
    return _digest(learner.masters)


def _digest(weights: Mapping[str, torch.Tensor]) -> str:
    text = "\n".join(f"{n} {tuple(w.shape)}" for n, w in sorted(weights.items()))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _checksums(folder: Path) -> dict[str, int]:
    out = {}
    for path in sorted(folder.glob("*.safetensors")):
        out[path.name] = 0
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                out[path.name] = zlib.crc32(block, out[path.name])
    return out


def _all(folder: Path) -> list[Path]:
    return sorted(p for p in folder.glob("step_*") if (p / "state.json").is_file())


def _moments(learner: Learner) -> dict[str, torch.Tensor]:
    out = {}
    for name, master in learner.masters.items():
        for key, value in learner.optimizer.state.get(master, {}).items():
            out[f"{key}/{name}"] = torch.as_tensor(value).detach().cpu().contiguous()
    return out


def _load_moments(learner: Learner, moments: dict[str, torch.Tensor]) -> None:
    learner.optimizer.state.clear()
    for key, value in moments.items():
        kind, name = key.split("/", 1)
        master = learner.masters[name]
        where = "cpu" if kind == "step" and not master.is_cuda else master.device
        learner.optimizer.state[master][kind] = value.to(where)
