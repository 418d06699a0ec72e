"""Group-relative policy optimisation and its near relatives, on verified rewards.

Each step samples a group of episodes for each of several tasks, compares an episode's reward with its group's, and
takes a policy-gradient step. What differs between the variants is a setting here, and a preset of that name:

    preset        advantage              aggregation     surrogate                     divergence
    grpo          (R - mean) / std       sequence mean   clip 0.2 0.2                  k3 in the loss, 0.04   2402.03300
    dr_grpo       R - mean               constant        clip 0.2 0.2                  none                   2503.20783
    dapo          (R - mean) / std       token mean      clip 0.2 0.28                 none                   2503.14476
    gspo          (R - mean) / std       sequence mean   clip 3e-4 4e-4 of the mean    none                   2507.18071
    cispo         (R - mean) / std       token mean      cispo, weights up to 5        none                   2506.13585
    reinforce_pp  batch-normalised       token mean      clip 0.2 0.2                  k1 in the reward, 0.01 2501.03262
    rloo          R - mean of others     sequence sum    clip 0.2 0.2 of the product   k1 in the reward, 0.05 2402.14740

The last column is the paper's number at arXiv. Equations: `learn/credit.py`, `learn/objectives.py`, `learn/kl.py`,
`learn/mismatch.py`.

Differs: the defaults are those of `dapo` with one optimiser step a batch, where clipping is inert; `gspo`'s paper takes
four (`loop.splits=4`). `cispo`'s paper states no bound: 5 is that of ScaleRL (arXiv 2510.13786). Standard deviations
are unbiased, plus 1e-4. The divergence in the reward is the learner's own, two more passes a step.
Sampler and learner are one module here and sample from the whole distribution, so that only rounding parts them:
`objective.mismatch` is off. A batch of another sampler's rollouts wants it on.
Covered: single-turn and multi-turn episodes (an episode's return is broadcast to all tokens the policy drew, less the
divergence still to come under `reinforce_pp`); canaries beside the tasks, never learnt from (`agentrl/canaries.py`);
shaping terms, DAPO's overlong ramp among them (`agentrl/rewards/`; off by default, and the paper's rewards of 1 and -1
make its ramp `shaping.overlong=0.5` here).
Not covered: dynamic sampling (DAPO, CISPO), credit by turn, a value head.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from agentrl import config as configs
from agentrl.canaries import Canaries, CanarySpec
from agentrl.episodes import Collection, Plan, Sampling, collect, copies, run_sync
from agentrl.errors import ConfigError
from agentrl.learn.credit import Advantage, Scale, advantages, zero_variance_share
from agentrl.learn.learner import Batch, Learner, Optim, Packing
from agentrl.learn.loop import Loop, Metrics, Parts, Result, Settings
from agentrl.learn.mismatch import recorded
from agentrl.learn.objectives import Aggregation, PolicyGradient, aggregate
from agentrl.recipes import Report
from agentrl.recipes._shared import (
    EnvSpec,
    EvalSpec,
    Evaluator,
    ModelSpec,
    Stream,
    check_sampling,
    counts,
    open_trainee,
)
from agentrl.rewards.spec import ShapingSpec, shaped_rewards
from agentrl.store import Run
from agentrl.types import Rollout, Trajectory

__all__ = ["Config", "main"]

Floats = npt.NDArray[np.float64]
Divergence = Callable[[Sequence[Trajectory]], Floats]
"""Of each drawn token of some trajectories, shape (B, T); 0 elsewhere."""


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of the recipe."""

    env: EnvSpec = field(default_factory=EnvSpec)
    model: ModelSpec = field(default_factory=ModelSpec)
    sampling: Sampling = field(default_factory=Sampling)
    optim: Optim = field(default_factory=Optim)
    objective: PolicyGradient = field(default_factory=lambda: PolicyGradient(clip_high=0.28))
    packing: Packing = field(default_factory=Packing)
    loop: Settings = field(default_factory=Settings)
    eval: EvalSpec = field(default_factory=EvalSpec)
    canaries: CanarySpec = field(default_factory=CanarySpec)
    shaping: ShapingSpec = field(default_factory=ShapingSpec)
    tasks: int = 16
    """Tasks a step."""
    samples: int = 8
    """Episodes a task: the group."""
    advantage: Advantage = "group"
    """What a reward is compared with: its group's mean, the mean of the group's others, or the batch's, by token."""
    scale: Scale = "group"
    """What the difference is divided by (advantage "group" only)."""
    aggregation: Aggregation = "token_mean"
    """How token losses are averaged."""
    kl: float = 0.0
    """Coefficient of the divergence from the initial model."""
    kl_in: Literal["loss", "reward"] = "loss"
    """Where it is: in the loss, by `objective.kl_estimator`, or taken from the reward as k1."""
    truncated: Literal["keep", "mask"] = "keep"
    """"mask" leaves episodes that ran into the token limit out of the loss (their rewards still count)."""
    seed: int = 0
    """Names every random stream."""

    def __post_init__(self) -> None:
        if self.tasks < 1 or self.samples < 2:
            raise ConfigError(f"needs tasks >= 1 and samples >= 2, got {self.tasks} and {self.samples}")
        check_sampling(self.sampling)
        if self.objective.ratio == "sequence" and self.aggregation != "sequence_sum":
            raise ConfigError(f"a ratio per sequence goes with aggregation 'sequence_sum', got {self.aggregation!r}")
        if self.kl < 0:
            raise ConfigError(f"kl must be 0 or more, got {self.kl}")


def main(config: Config, run: Run, report: Report | None = None) -> Result:
    """Train in a run folder, from wherever it stands."""
    env = config.env.make()
    canaries = Canaries(config.canaries, env, tasks=config.tasks, seed=config.seed) if config.canaries.share else None
    trainee = open_trainee(
        config.model,
        config.optim,
        config.packing,
        total_steps=config.loop.updates,
        seed=config.seed,
        reference="initial" if config.kl > 0 else "none",
    )
    tasks = Stream(env.all_tasks("train"), config.seed)
    evaluator = Evaluator(env, trainee.policy, config.eval, config.sampling)

    def gather(step: int) -> Collection:
        chosen = tasks.at(step * config.tasks, config.tasks)
        beside = canaries.at(step) if canaries is not None else ()  # behind, so that the others' streams stay theirs
        plan = Plan((*chosen, *beside), config.samples, config.seed, step)
        return run_sync(collect(copies(env), trainee.policy, plan, sampling=config.sampling))

    parts = Parts(
        collect=gather,
        batch=lambda step, rollouts: credit(config, rollouts, divergence_of(config, trainee.learner)),
        objective=config.objective,
        publish=trainee.publish,
        evaluate=evaluator.rollouts,
        summarise=evaluator.summary,
        canaries=canaries,
    )
    loop = Loop(run, trainee.learner, parts, config.loop, config=configs.digest(config), report=report)
    try:
        result = loop()
        trainee.save(run)
    finally:
        trainee.policy.close()
    return result


def divergence_of(config: Config, learner: Learner) -> Divergence:
    """k1 of the policy as it stands from the learner's reference."""

    def k1(trajectories: Sequence[Trajectory]) -> Floats:
        at = config.sampling.temperature
        policy_BT = learner.logprobs(trajectories, temperature=at)
        return policy_BT - learner.logprobs(trajectories, of="reference", temperature=at)

    return k1


def credit(
    config: Config, rollouts: Sequence[Rollout], divergence: Divergence | None = None
) -> tuple[Batch | None, Metrics]:
    """Advantages and weights of a step's rollouts; episodes without an advantage are left out of the computation.

    The weights are normalised over the whole batch first, so leaving episodes out changes no gradient (unless there is
    a divergence in the loss or an entropy bonus: then every episode stays).

    Args:
        config: The recipe's.
        rollouts: Of the step.
        divergence: Needed where the reward bears it.
    """
    if not rollouts:
        return None, {"groups": 0, "dropped_groups": config.tasks}
    groups = [r.provenance.task_index for r in rollouts]
    rewards, logged = shaped_rewards(config.shaping.shaping(max_tokens=config.sampling.max_tokens), rollouts, groups)
    reward_B, group_B = np.array(rewards), np.array(groups)
    trajectories = [r.trajectory() for r in rollouts]
    mask_BT = _masks(config, rollouts, [t.mask for t in trajectories])
    metrics = {**_metrics(config, rollouts, reward_B, group_B), **logged}
    penalty_BT = np.zeros(mask_BT.shape)
    if config.kl > 0 and config.kl_in == "reward":
        if divergence is None:
            raise ValueError("kl_in 'reward' needs the divergence of the trajectories")
        penalty_BT = config.kl * divergence(trajectories)
        metrics["kl"] = float(penalty_BT.sum() / config.kl / sum(t.mask.sum() for t in trajectories))
    adv_BT = _advantages(config, trajectories, reward_B, group_B, penalty_BT)
    weight_BT = aggregate(mask_BT, config.aggregation, max_tokens=config.sampling.max_tokens)
    everyone = (config.kl > 0 and config.kl_in == "loss") or config.objective.entropy_bonus > 0
    keep = [b for b in range(len(rollouts)) if mask_BT[b].any() and (adv_BT[b].any() or everyone)]
    if not keep:
        return None, metrics
    width = max(len(trajectories[b]) for b in keep)
    weight_BT = weight_BT[keep, :width]
    kept = tuple(trajectories[b] for b in keep)
    batch = Batch(
        trajectories=kept,
        weight_BT=weight_BT,
        adv_BT=adv_BT[keep, :width],
        kl_BT=np.full(weight_BT.shape, config.kl) if config.kl > 0 and config.kl_in == "loss" else None,
        temperature=config.sampling.temperature,
        sampler_BT=recorded(kept, width) if config.objective.mismatch.kind != "off" else None,
    )
    return batch, metrics


def _advantages(
    config: Config, trajectories: Sequence[Trajectory], reward_B: Floats, group_B: Any, penalty_BT: Floats
) -> Floats:
    """Of every token, shape (B, T); `penalty_BT` is taken from the tokens' rewards."""
    if config.advantage != "batch":
        adv_B = advantages(reward_B - penalty_BT.sum(axis=1), group_B, kind=config.advantage, scale=config.scale)
        return np.broadcast_to(adv_B[:, None], penalty_BT.shape)
    drawn_BT = np.zeros(penalty_BT.shape, dtype=np.bool_)
    for b, t in enumerate(trajectories):
        drawn_BT[b, : len(t)] = t.mask
    # A token answers for what comes after it: the reward, which comes last, and the penalties from itself on.
    return_BT = reward_B[:, None] - np.flip(np.cumsum(np.flip(penalty_BT, axis=1), axis=1), axis=1)
    adv_BT = np.zeros(penalty_BT.shape)
    group_BT = np.broadcast_to(group_B[:, None], drawn_BT.shape)
    adv_BT[drawn_BT] = advantages(return_BT[drawn_BT], group_BT[drawn_BT], kind="batch", scale=config.scale)
    return adv_BT


def _masks(config: Config, rollouts: Sequence[Rollout], masks: Sequence[Any]) -> Any:
    mask_BT = np.zeros((len(rollouts), max(len(m) for m in masks)), dtype=np.bool_)
    for b, (rollout, mask) in enumerate(zip(rollouts, masks, strict=True)):
        if config.truncated == "keep" or not _cut(rollout):
            mask_BT[b, : len(mask)] = mask
    return mask_BT


def _cut(rollout: Rollout) -> bool:
    return any(node.ended == "length" for node in rollout.nodes)


def _metrics(config: Config, rollouts: Sequence[Rollout], reward_B: Any, group_B: Any) -> Metrics:
    plain_B = np.array([r.reward for r in rollouts])
    return {
        "reward": float(plain_B.mean()),
        "reward_std": float(plain_B.std()),
        "zero_variance": zero_variance_share(reward_B, group_B),
        **counts(rollouts, tasks=config.tasks),
    }
