r"""Self-correction by reinforcement learning (SCoRe): two attempts at each task, learnt from in two stages.

The policy answers, is asked to go through its answer without being told whether it is right, and answers again. With
$r_1, r_2$ the scores of both attempts, a step maximises over the policy's own episodes

    stage I   E[ r_2 - beta2 KL_1 - beta1 (KL_1 + KL_2) ]
    stage II  E[ r_1 + r_2 + b - beta1 (KL_1 + KL_2) ],    b = alpha (r_2 - r_1)

where KL_k is the divergence of attempt k from the initial model. Stage I holds the first attempt where it was while the
second learns to mend it; without that, and without the bonus, to answer well once and then repeat it pays as much.
An attempt's return is its reward and those after it (b is the second's), less the mean of the same attempt's returns
in the other episodes of its task.

    preset        differs
    score         nothing: alpha 10, beta1 0.01, beta2 0.1, as the paper's for MATH
    no_stage1     all steps are stage II
    no_bonus      alpha 0
    single_turn   the first attempt alone is learnt from, for its own score; the second is only measured

Source: Kumar et al. 2024, arXiv 2409.12917. Equations of the parts: `rewards/turns.py` (b), `learn/turns.py` (returns,
baseline), `learn/objectives.py`, `learn/kl.py`.
Differs: the paper gives no baseline, no aggregation and no share of stage I; here they are leave-one-out, the sum over
an episode's tokens (the same scale for rewards and divergence as in the equations), and half of the steps. beta1 stays
on in stage I. The divergence is in the loss, as k2: of the three estimators the one whose gradient is, on-policy, that
of each token's divergence (the part through later tokens is left out). AdamW, with a learning rate for small models.
Rewards are the verdicts' scores, so that partial ones count. Published results were not run again.
Covered: environments of one turn, put into `self_correction` by the recipe, and any other of two attempts; first
attempts of the initial model mixed in (`reference_share`), which are never learnt from. Every step logs what
`evaluation/correction.py` counts, over episodes whose attempts are both the policy's: an answer that no longer changes
is the collapse to look for. A falling acc@t1 is the other: with the bonus in the first attempt's return, failing first
pays from alpha = (1 + d) / (1 - d) on, where d is the share of right answers kept less that of wrong ones mended (alpha
10: d below 9/11). A smaller alpha or gamma = 0 ends that.
Not covered: more than two attempts, canaries, shaping terms.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from agentrl import config as configs
from agentrl.collect.retry import ATTEMPTS, FIRST, FirstAttempts, by_attempt, is_lent, retry
from agentrl.episodes import Collection, Plan, Sampling, copies, run_sync
from agentrl.errors import ConfigError
from agentrl.evaluation.attempts import correction, retried
from agentrl.learn.credit import zero_variance_share
from agentrl.learn.kl import coefficients
from agentrl.learn.learner import Batch, Learner, Optim, Packing
from agentrl.learn.loop import Loop, Metrics, Parts, Result, Settings
from agentrl.learn.objectives import Aggregation, PolicyGradient, aggregate
from agentrl.learn.turns import by_turn, padded, same_turn, turn_returns
from agentrl.policies.transformers import TransformersPolicy
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
from agentrl.rewards.turns import turn_deltas
from agentrl.rewards.views import turn_scores
from agentrl.store import Run
from agentrl.types import Rollout, Trajectory

__all__ = ["Config", "main"]

Floats = npt.NDArray[np.float64]
Stage = Literal["I", "II", "single"]
Reference = Callable[[Sequence[Trajectory]], Floats]
"""Log-probabilities of each drawn token under the initial model, shape (B, T)."""
_ATTEMPTS = 2
_FIGURES = ("acc@t1", "acc@t2", *(f"{n}(t1,t2)" for n in ("delta", "i->c", "c->i", "answer changed", "edit distance")))


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of the recipe."""

    env: EnvSpec = field(default_factory=EnvSpec)
    model: ModelSpec = field(default_factory=ModelSpec)
    sampling: Sampling = field(default_factory=Sampling)
    optim: Optim = field(default_factory=lambda: Optim(lr=5e-6))
    objective: PolicyGradient = field(default_factory=lambda: PolicyGradient(surrogate="reinforce", kl_estimator="k2"))
    packing: Packing = field(default_factory=Packing)
    loop: Settings = field(default_factory=Settings)
    eval: EvalSpec = field(default_factory=lambda: EvalSpec(temperature=0.0))
    tasks: int = 16
    """Tasks a step."""
    samples: int = 8
    """Episodes a task: the group."""
    stage1: float = 0.5
    """Share of the steps that are stage I; the first ones."""
    alpha: float = 10.0
    """Weight of what the second attempt gains over the first, in stage II."""
    beta1: float = 0.01
    """Coefficient of the divergence from the initial model, on every token learnt from."""
    beta2: float = 0.1
    """What stage I adds to it on first attempts."""
    gamma: float = 1.0
    """How much of the second attempt's reward the first answers for."""
    trained: Literal["both", "first"] = "both"
    """"first" is plain reinforcement learning of one attempt; a second one is made to be measured."""
    reference_share: float = 0.0
    """Share of episodes whose first attempt is the initial model's."""
    aggregation: Aggregation = "sequence_sum"
    """How token losses are averaged."""
    seed: int = 0
    """Names every random stream."""

    def __post_init__(self) -> None:
        if self.tasks < 1 or self.samples < 2:
            raise ConfigError(f"needs tasks >= 1 and samples >= 2, got {self.tasks} and {self.samples}")
        check_sampling(self.sampling)
        for name in ("stage1", "gamma", "reference_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name} must be in [0, 1], got {getattr(self, name)}")
        for name in ("alpha", "beta1", "beta2"):
            if not 0 <= getattr(self, name) < np.inf:
                raise ConfigError(f"{name} must be 0 or more, got {getattr(self, name)}")
        if self.trained == "first" and (self.stage1 or self.reference_share):
            raise ConfigError(
                "trained 'first' has no stage I and no lent attempts: set stage1 and reference_share to 0"
            )
        if self.reference_share and self.model.lora is not None:
            raise ConfigError("reference_share needs a second model to sample from: leave model.lora out, or set it 0")
        if self.objective.surrogate == "reinforce" and self.loop.epochs * self.loop.splits > 1:
            raise ConfigError("one update a batch keeps 'reinforce' on-policy: set loop.epochs and loop.splits to 1")


def main(config: Config, run: Run, report: Report | None = None) -> Result:
    """Train in a run folder, from wherever it stands."""
    config = _with_attempts(config)
    run.write_json("config.json", {**run.config, "config": configs.to_mapping(config)})  # `replay` makes that one
    env = config.env.make()
    needed = max(config.beta1, config.beta2, config.reference_share) > 0
    trainee = open_trainee(
        config.model,
        config.optim,
        config.packing,
        total_steps=config.loop.updates,
        seed=config.seed,
        reference="initial" if needed else "none",
    )
    tasks = Stream(env.all_tasks("train"), config.seed)
    evaluator = Evaluator(env, trainee.policy, config.eval, config.sampling, turns=_ATTEMPTS)
    first = _first_attempts(config, trainee.policy, trainee.learner.reference)

    def gather(step: int) -> Collection:
        plan = Plan(tasks.at(step * config.tasks, config.tasks), config.samples, config.seed, step)
        return run_sync(retry(copies(env), trainee.policy, plan, sampling=config.sampling, first=first))

    reference = reference_of(config, trainee.learner)
    parts = Parts(
        collect=gather,
        batch=lambda step, rollouts: credit(config, step, rollouts, reference),
        objective=config.objective,
        publish=trainee.publish,
        evaluate=evaluator.rollouts,
        summarise=evaluator.summary,
    )
    loop = Loop(run, trainee.learner, parts, config.loop, config=configs.digest(config), report=report)
    try:
        result = loop()
        trainee.save(run)
    finally:
        trainee.policy.close()
        if first is not None:
            first.policy.close()
    return result


def _with_attempts(config: Config) -> Config:
    """With the environment that is played; it stays as it is where that is named already."""
    id, options = retried(config.env.id, config.env.options, turns=_ATTEMPTS)
    played = EnvSpec(id, dict(options))
    if (most := played.make().max_turns) != _ATTEMPTS:
        raise ConfigError(f"this recipe makes {_ATTEMPTS} attempts, and {id} is set to {most}: see its options")
    return replace(config, env=played)


def _first_attempts(config: Config, own: TransformersPolicy, reference: Any) -> FirstAttempts | None:
    if not config.reference_share:
        return None
    initial = TransformersPolicy(reference, own.renderer, name="initial", max_rows=own.max_rows)
    return FirstAttempts(initial, config.reference_share)


def reference_of(config: Config, learner: Learner) -> Reference | None:
    """What the initial model says of trajectories; None where no divergence is asked for."""
    at = config.sampling.temperature
    return (lambda ts: learner.logprobs(ts, of="reference", temperature=at)) if learner.reference is not None else None


def stage_of(config: Config, step: int) -> Stage:
    """The stage of a step follows from its number, so that a resumed run is where it was."""
    if config.trained == "first":
        return "single"
    return "I" if step < round(config.stage1 * config.loop.steps) else "II"


def attempt_rewards(score_K: Sequence[float], stage: Stage, *, alpha: float) -> list[float]:
    """What each attempt is paid, from the scores of all.

    >>> [attempt_rewards(scores, "II", alpha=10) for scores in ([0, 0], [0, 1], [1, 0], [1, 1])]
    [[0.0, 0.0], [0.0, 11.0], [1.0, -10.0], [1.0, 1.0]]
    >>> attempt_rewards([1, 0], "I", alpha=10), attempt_rewards([1, 0], "single", alpha=10)
    ([0.0, 0.0], [1.0, 0.0])
    """
    if stage == "I":
        return [0.0, *map(float, score_K[1:])]
    if stage == "single":
        return [float(score_K[0]), *(0.0 for _ in score_K[1:])]
    return [score + bonus for score, bonus in zip(score_K, turn_deltas(score_K, alpha=alpha), strict=True)]


def credit(
    config: Config, step: int, rollouts: Sequence[Rollout], reference: Reference | None = None
) -> tuple[Batch | None, Metrics]:
    """Advantages, weights and coefficients of a step's rollouts.

    Args:
        config: The recipe's.
        step: Says which stage it is.
        rollouts: Of the step.
        reference: Needed where there is a divergence.
    """
    if not rollouts:
        return None, {"groups": 0, "dropped_groups": config.tasks}
    stage = stage_of(config, step)
    group_B = np.array([r.provenance.task_index for r in rollouts])
    trajectories = tuple(by_attempt(r) for r in rollouts)
    scores = [turn_scores(r) for r in rollouts]
    made_BK = padded(scores)[1]
    full = [[*s, *s[-1:] * (made_BK.shape[1] - len(s))] for s in scores]  # one not made counts as the last one made
    reward_BK = np.array([attempt_rewards(s, stage, alpha=config.alpha) for s in full])
    own_BK = made_BK.copy()
    own_BK[:, 0] &= [not is_lent(r) for r in rollouts]
    return_BK = turn_returns(reward_BK, gamma=config.gamma)
    adv_BT = by_turn(same_turn(return_BK, own_BK, group_B), trajectories)
    learnt_K = np.array([stage != "single" or k == 0 for k in range(made_BK.shape[1])])
    mask_BT = by_turn(np.where(made_BK & learnt_K, 1.0, 0.0), trajectories) > 0
    kl_BT = coefficients(trajectories, {FIRST: config.beta1 + config.beta2 * (stage == "I")}, default=config.beta1)
    metrics = _metrics(config, stage, rollouts, (reward_BK, return_BK, own_BK, group_B))
    ref_BT = reference(trajectories) if reference is not None else None
    if ref_BT is not None:
        metrics |= _divergence(trajectories, ref_BT)
    pulled = bool((kl_BT[mask_BT] > 0).any())
    if pulled and ref_BT is None:
        raise ValueError("a divergence needs the reference's log-probabilities")
    if not mask_BT.any() or not (pulled or adv_BT[mask_BT].any() or config.objective.entropy_bonus):
        return None, metrics
    batch = Batch(
        trajectories=trajectories,
        weight_BT=aggregate(mask_BT, config.aggregation, max_tokens=_ATTEMPTS * config.sampling.max_tokens),
        adv_BT=adv_BT,
        kl_BT=kl_BT if pulled else None,
        temperature=config.sampling.temperature,
        ref_BT=ref_BT if pulled else None,
    )
    return batch, metrics


def _divergence(trajectories: Sequence[Trajectory], ref_BT: Floats) -> Metrics:
    """Mean k1 of each attempt's drawn tokens, from what the sampler recorded."""
    found: dict[str, list[Floats]] = {tag: [] for tag in ATTEMPTS}
    for b, t in enumerate(trajectories):
        k1_T = t.logprobs - ref_BT[b, : len(t)]
        for tag, values in found.items():
            values.append(k1_T[t.mask & (np.array(t.tags) == tag)])
    return {f"kl_{tag}": float(np.concatenate(v).mean()) for tag, v in found.items() if sum(map(len, v))}


def _metrics(
    config: Config, stage: Stage, rollouts: Sequence[Rollout], arrays: tuple[Floats, Floats, Any, Any]
) -> Metrics:
    reward_BK, return_BK, own_BK, group_B = arrays
    alpha = config.alpha if stage == "II" else 0.0
    record: Metrics = {
        "stage": stage,
        "reward": float(reward_BK.sum(axis=1).mean()),
        "bonus": float(np.mean([sum(turn_deltas(turn_scores(r), alpha=alpha)) for r in rollouts])),
        "lent": float(np.mean([is_lent(r) for r in rollouts])),
        **counts(rollouts, tasks=config.tasks),
    }
    for k in range(own_BK.shape[1]):
        if (rows := own_BK[:, k]).any():
            record[f"reward@t{k + 1}"] = float(reward_BK[rows, k].mean())
            record[f"zero_variance@t{k + 1}"] = zero_variance_share(return_BK[rows, k], group_B[rows])
    if own := [r for r in rollouts if not is_lent(r)]:
        figures = correction(own, turns=_ATTEMPTS).figures
        record |= {name: figures[name].mean for name in _FIGURES}
    return record
