"""Group-relative policy optimisation and its near relatives, on verified rewards.

Each step samples a group of episodes for each of several tasks, compares an episode's reward with its group's, and
takes a policy-gradient step. What differs between the variants is a setting here, and a preset of that name:

    preset     advantage              aggregation     clipping   divergence
    grpo       (R - mean) / std       sequence mean   0.2 0.2    k3, 0.04    arXiv 2402.03300
    dr_grpo    R - mean               constant        0.2 0.2    none        arXiv 2503.20783
    dapo       (R - mean) / std       token mean      0.2 0.28   none        arXiv 2503.14476
    rloo       R - mean of others     sequence sum    0.2 0.2    k2, 0.05    arXiv 2402.14740

Equations: `learn/credit.py`, `learn/objectives.py`, `learn/kl.py`.

Differs: the defaults are those of `dapo` with one optimiser step a batch, where clipping is inert. `rloo` has its
divergence in the loss as k2 (per token, so without a token's effect on later divergences), not in the reward.
Standard deviations are unbiased, plus 1e-4.
Covered: single-turn and multi-turn episodes (an episode's return is broadcast to all tokens the policy drew); canaries
beside the tasks, never learnt from (`agentrl/canaries.py`); shaping terms, DAPO's overlong ramp among them
(`agentrl/rewards/`; off by default, and the paper's rewards of 1 and -1 make its ramp `shaping.overlong=0.5` here).
Not covered: DAPO's dynamic sampling, credit by turn, a value head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from agentrl import config as configs
from agentrl.canaries import Canaries, CanarySpec
from agentrl.episodes import Collection, Plan, Sampling, collect, copies, run_sync
from agentrl.errors import ConfigError
from agentrl.learn.credit import Advantage, Scale, advantages, zero_variance_share
from agentrl.learn.learner import Batch, Optim, Packing
from agentrl.learn.loop import Loop, Metrics, Parts, Result, Settings
from agentrl.learn.objectives import Aggregation, PolicyGradient, aggregate
from agentrl.recipes import Report
from agentrl.recipes._shared import EnvSpec, EvalSpec, Evaluator, ModelSpec, Stream, open_trainee
from agentrl.rewards.spec import ShapingSpec, shaped_rewards
from agentrl.store import Run
from agentrl.types import Rollout

__all__ = ["Config", "main"]


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
    """What a reward is compared with: its group's mean, the mean of the group's others, or the batch's mean."""
    scale: Scale = "group"
    """What the difference is divided by (advantage "group" only)."""
    aggregation: Aggregation = "token_mean"
    """How token losses are averaged."""
    kl: float = 0.0
    """Coefficient of the divergence from the initial model, in the loss."""
    truncated: Literal["keep", "mask"] = "keep"
    """"mask" leaves episodes that ran into the token limit out of the loss (their rewards still count)."""
    seed: int = 0
    """Names every random stream."""

    def __post_init__(self) -> None:
        if self.tasks < 1 or self.samples < 2:
            raise ConfigError(f"needs tasks >= 1 and samples >= 2, got {self.tasks} and {self.samples}")
        if self.sampling.temperature <= 0 or self.sampling.top_p != 1:
            raise ConfigError(
                "training samples at temperature > 0 and top_p = 1: the loss needs the probabilities that were drawn "
                f"from; got temperature {self.sampling.temperature}, top_p {self.sampling.top_p}"
            )
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
        batch=lambda step, rollouts: credit(config, rollouts),
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


def credit(config: Config, rollouts: Sequence[Rollout]) -> tuple[Batch | None, Metrics]:
    """Advantages and weights of a step's rollouts; episodes without an advantage are left out of the computation.

    The weights are normalised over the whole batch first, so leaving episodes out changes no gradient (unless there is
    a divergence or an entropy bonus: then every episode stays).
    """
    if not rollouts:
        return None, {"groups": 0, "dropped_groups": config.tasks}
    groups = [r.provenance.task_index for r in rollouts]
    rewards, logged = shaped_rewards(config.shaping.shaping(max_tokens=config.sampling.max_tokens), rollouts, groups)
    reward_B, group_B = np.array(rewards), np.array(groups)
    adv_B = advantages(reward_B, group_B, kind=config.advantage, scale=config.scale)
    trajectories = [r.trajectory() for r in rollouts]
    mask_BT = _masks(config, rollouts, [t.mask for t in trajectories])
    weight_BT = aggregate(mask_BT, config.aggregation, max_tokens=config.sampling.max_tokens)
    everyone = config.kl > 0 or config.objective.entropy_bonus > 0
    keep = [b for b in range(len(rollouts)) if mask_BT[b].any() and (adv_B[b] != 0 or everyone)]
    metrics = {**_metrics(config, rollouts, reward_B, group_B), **logged}
    if not keep:
        return None, metrics
    width = max(len(trajectories[b]) for b in keep)
    weight_BT = weight_BT[keep, :width]
    batch = Batch(
        trajectories=tuple(trajectories[b] for b in keep),
        weight_BT=weight_BT,
        adv_BT=np.broadcast_to(adv_B[keep, None], weight_BT.shape),
        kl_BT=np.full(weight_BT.shape, config.kl) if config.kl > 0 else None,
        temperature=config.sampling.temperature,
    )
    return batch, metrics


def _masks(config: Config, rollouts: Sequence[Rollout], masks: Sequence[Any]) -> Any:
    mask_BT = np.zeros((len(rollouts), max(len(m) for m in masks)), dtype=np.bool_)
    for b, (rollout, mask) in enumerate(zip(rollouts, masks, strict=True)):
        if config.truncated == "keep" or not _cut(rollout):
            mask_BT[b, : len(mask)] = mask
    return mask_BT


def _cut(rollout: Rollout) -> bool:
    return any(node.ended == "length" for node in rollout.nodes)


def _metrics(config: Config, rollouts: Sequence[Rollout], reward_B: Any, group_B: Any) -> Metrics:
    verdicts = [r.verdict for r in rollouts]
    unreadable = sum(v is None or v.status in ("no_answer", "malformed") for v in verdicts)
    plain_B = np.array([r.reward for r in rollouts])
    lengths = [sum(sum(n.drawn) for n in r.nodes) for r in rollouts]
    return {
        "reward": float(plain_B.mean()),
        "reward_std": float(plain_B.std()),
        "success": float(np.mean([v is not None and v.success for v in verdicts])),
        "format": 1 - unreadable / len(rollouts),
        "zero_variance": zero_variance_share(reward_B, group_B),
        "length": float(np.mean(lengths)),
        "truncated": float(np.mean([_cut(r) for r in rollouts])),
        "groups": len(set(group_B.tolist())),
        "dropped_groups": config.tasks - len(set(group_B.tolist())),
        "retries": sum(r.provenance.tries - 1 for r in rollouts),
    }
