"""What recipes have in common and is no recipe's idea: settings, the trainee, the order of tasks, evaluation."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar, cast

import numpy as np

from agentrl import registry
from agentrl.environment import Env
from agentrl.episodes import Plan, Sampling, choose_tasks, collect, copies, run_sync
from agentrl.errors import ConfigError, StoreError
from agentrl.evaluation.attempts import correction
from agentrl.evaluation.summary import summarise
from agentrl.learn.learner import Learner, Lora, Optim, Packing
from agentrl.models import load_model, load_tokenizer
from agentrl.policies.transformers import TransformersPolicy, best_device, best_dtype
from agentrl.render import HubTokenizer, Renderer
from agentrl.store import Run
from agentrl.types import Rollout

__all__ = [
    "EnvSpec",
    "EvalSpec",
    "Evaluator",
    "ModelSpec",
    "Stream",
    "Trainee",
    "check_sampling",
    "counts",
    "open_trainee",
]


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class EnvSpec:
    """Which environment, and its options."""

    id: str = "arithmetic"
    """An environment's id, or a path to its file."""
    options: dict[str, Any] = field(default_factory=dict)
    """Options of the environment (`agentrl show ID` lists them)."""

    def make(self) -> Env:
        """Make it.

        Raises:
            UsageError: No such environment or option.
        """
        return registry.make(self.id, **self.options)


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Which model is trained, and how it computes."""

    name: str = "smollm2-135m"
    """A folder, a hub name, or `smollm2-135m`."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """bf16 keeps float32 master weights; "auto" is bf16 where the device computes in it."""
    device: str = "auto"
    """"auto" is an accelerator where there is one, else the CPU."""
    lora: Lora | None = None
    """Train low-rank adapters instead of all weights."""
    max_rows: int = 128
    """Most episodes that are sampled at a time."""


@dataclass(frozen=True, slots=True)
class EvalSpec:
    """The held-out evaluation."""

    n: int = 200
    """Tasks of the test split."""
    samples: int = 1
    """Episodes a task."""
    temperature: float = 1.0
    """0 is greedy."""
    seed: int = 0
    """Chooses the tasks and names the random streams."""


@dataclass(frozen=True, slots=True)
class Trainee:
    """The model that samples and learns: one module, so that new weights need no copy."""

    policy: TransformersPolicy
    learner: Learner

    def publish(self, version: int) -> None:
        """The sampler uses the learner's own weights; only their version changes."""
        self.policy.version = version

    def save(self, run: Run) -> None:
        """Write the model for others to load: `<run>/model`, with its tokenizer; whole or not at all.

        Raises:
            StoreError: The disk is full; the run's checkpoint is intact.
        """
        from safetensors import SafetensorError

        model: Any = self.learner.model
        if hasattr(model, "merge_and_unload"):
            model = copy.deepcopy(model).merge_and_unload()
        part, folder = run.path / ".model.part", run.path / "model"
        try:
            shutil.rmtree(part, ignore_errors=True)
            model.save_pretrained(part)
            cast(HubTokenizer, self.policy.renderer.tokenizer).inner.save_pretrained(part)
            shutil.rmtree(folder, ignore_errors=True)
            part.rename(folder)
        except (OSError, SafetensorError) as error:
            shutil.rmtree(part, ignore_errors=True)
            raise StoreError(f"cannot write {folder}: {error}; the run's checkpoint is intact") from error


def open_trainee(
    spec: ModelSpec,
    optim: Optim,
    packing: Packing,
    *,
    total_steps: int,
    seed: int,
    reference: Literal["none", "initial"] = "none",
) -> Trainee:
    """Load a model to train.

    Args:
        spec: Which, and how.
        optim: The optimiser.
        packing: How batches are laid out.
        total_steps: Optimiser steps of the schedule.
        seed: Of torch, for adapters' first weights and dropout.
        reference: "initial" keeps the untrained model for a divergence: a frozen copy, or the adapters switched off.

    Raises:
        UnknownIdError: There is no such model.
    """
    import torch

    torch.manual_seed(seed)
    device = best_device() if spec.device == "auto" else spec.device
    dtypes = {"auto": best_dtype(device), "fp32": torch.float32, "bf16": torch.bfloat16}
    renderer = Renderer(load_tokenizer(spec.name))
    model: Any = load_model(spec.name, dtype=dtypes[spec.precision], device=device)
    if spec.lora is not None:
        model = _with_adapters(model, spec.lora)
    frozen = None
    if reference == "initial":
        frozen = model if spec.lora is not None else copy.deepcopy(model)
    learner = Learner(model, optim, total_steps=total_steps, packing=packing, reference=frozen)
    return Trainee(TransformersPolicy(model, renderer, name=spec.name, max_rows=spec.max_rows), learner)


def _with_adapters(model: Any, lora: Lora) -> Any:
    import peft

    targets = lora.target_modules.split(",") if "," in lora.target_modules else lora.target_modules
    settings = peft.LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=targets,
        task_type="CAUSAL_LM",
    )
    return peft.get_peft_model(model, settings)


class Stream(Generic[T]):
    """The order in which training meets its tasks or rows: every epoch a new shuffle, named by (seed, epoch)."""

    def __init__(self, items: Sequence[T], seed: int) -> None:
        self._items, self._seed = items, seed
        self._epoch, self._order = -1, np.zeros(0, dtype=np.int64)

    def at(self, start: int, count: int) -> tuple[T, ...]:
        """Items number `start` to `start + count` of the endless stream."""
        return tuple(self._one(i) for i in range(start, start + count))

    def _one(self, index: int) -> T:
        epoch, place = divmod(index, len(self._items))
        if epoch != self._epoch:
            self._epoch = epoch
            rng = np.random.default_rng(np.random.SeedSequence((self._seed, epoch, 0x57EA)))
            self._order = rng.permutation(len(self._items))
        return self._items[int(self._order[place])]


class Evaluator:
    """Held-out episodes and their summary; with that of the attempts after the first, where `turns` is above 1."""

    def __init__(
        self, env: Env, policy: TransformersPolicy, spec: EvalSpec, sampling: Sampling, *, turns: int = 1
    ) -> None:
        self._env, self._policy, self._spec, self._turns = env, policy, spec, turns
        self._sampling = Sampling(sampling.max_tokens, spec.temperature, 1.0, sampling.stop)

    def rollouts(self) -> Sequence[Rollout]:
        """Collect them: the same tasks and random streams every time, so that results are paired."""
        spec = self._spec
        plan = Plan(choose_tasks(self._env, "test", spec.n, spec.seed), spec.samples, spec.seed)
        return run_sync(collect(copies(self._env), self._policy, plan, sampling=self._sampling)).rollouts

    def summary(self, rollouts: Sequence[Rollout]) -> dict[str, Any]:
        """Metrics for the log."""
        found = summarise(rollouts).to_json()
        return found if self._turns == 1 else found | {"correction": correction(rollouts, turns=self._turns).to_json()}


def check_sampling(sampling: Sampling) -> None:
    """See that what is drawn can be learnt from.

    Raises:
        ConfigError: It is drawn greedily, or not from the whole distribution.
    """
    if sampling.temperature <= 0 or sampling.top_p != 1:
        raise ConfigError(
            "training samples at temperature > 0 and top_p = 1: the loss needs the probabilities that were drawn "
            f"from; got temperature {sampling.temperature}, top_p {sampling.top_p}"
        )


def counts(rollouts: Sequence[Rollout], *, tasks: int) -> dict[str, Any]:
    """What a step's log says of its episodes, whatever is learnt from them; `tasks` is how many were asked for."""
    verdicts = [r.verdict for r in rollouts]
    groups = len({r.provenance.task_index for r in rollouts})
    unreadable = sum(v is None or v.status in ("no_answer", "malformed") for v in verdicts)
    return {
        "success": float(np.mean([v is not None and v.success for v in verdicts])),
        "format": 1 - unreadable / len(rollouts),
        "length": float(np.mean([sum(sum(n.drawn) for n in r.nodes) for r in rollouts])),
        "truncated": float(np.mean([any(n.ended == "length" for n in r.nodes) for r in rollouts])),
        "groups": groups,
        "dropped_groups": tasks - groups,
        "retries": sum(r.provenance.tries - 1 for r in rollouts),
    }
