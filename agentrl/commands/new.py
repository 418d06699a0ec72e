"""Write a new environment, verifier or recipe to start from: one file that works at once.

Example: agentrl new env word_count && agentrl check ./word_count.py
"""

from __future__ import annotations

import keyword
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Annotated

import tyro

from agentrl.commands._shared import console
from agentrl.config import parse_flags
from agentrl.errors import UnknownIdError, UsageError, suggest


@dataclass(frozen=True)
class Flags:
    """What to write."""

    kind: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="env|verifier|recipe")]
    """What it is."""
    name: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="NAME")]
    """Its id, such as word_count; the file is NAME.py in this folder."""


def main(args: list[str]) -> int:
    """Write the file and say what to do with it; nothing is ever overwritten."""
    flags = parse_flags(Flags, args, prog="agentrl new", description=__doc__)
    if flags.kind not in _TEMPLATES:
        raise UnknownIdError(f"cannot write a new {flags.kind!r}: {suggest(flags.kind, _TEMPLATES)}")
    if not flags.name.isidentifier() or flags.name != flags.name.lower() or keyword.iskeyword(flags.name):
        raise UsageError(f"a name is lower-case words joined by _, such as word_count; got {flags.name!r}")
    path = Path(f"{flags.name}.py")
    camel = "".join(part.capitalize() for part in flags.name.split("_"))
    template, then = _TEMPLATES[flags.kind]
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(Template(template).substitute(name=flags.name, camel=camel))
    except FileExistsError:
        raise UsageError(f"{path} exists; choose another name or remove it") from None
    console().print(f"wrote {path}; next: {then.format(path=path)}", soft_wrap=True)
    return 0


_ENV = '''r"""$camel: count the letters of a word.

One user message asks how many letters a word has; the reply must be that number alone.

Covered: the words listed below. Not covered: anything else; put your own task here.
"""

from __future__ import annotations

from collections.abc import Sequence

from agentrl import SingleTurnEnv, Task
from agentrl.types import Split

_WORDS = {"train": ("sun", "river", "mountain", "to"), "test": ("tree", "cloudy")}


class $camel(SingleTurnEnv):
    """How many letters does a word have?"""

    verifier = "exact"

    def tasks(self, split: Split) -> Sequence[Task]:
        """One task a word; the answer stays with the verifier."""
        ask, rule = "How many letters has {!r}?", "Reply with the number alone."
        return [Task.ask(f"{split}/{w}", ask.format(w), str(len(w)), system=rule) for w in _WORDS[split]]
'''

_VERIFIER = '''r"""The reply holds the answer as a word of its own, ignoring case.

Covered: short answers inside a sentence. Not covered: several answers, where any one would do.
"""

from __future__ import annotations

import re

from agentrl.types import Task, Transcript, Verdict

CASES = [
    # Each: answer, response, options, status.
    ("Paris", "It is Paris.", {}, "correct"),
    ("Paris", "paris", {}, "correct"),
    ("Paris", "Parisian", {}, "incorrect"),
    ("Paris", "London", {}, "incorrect"),
    ("Paris", "  ", {}, "no_answer"),
    ("", "Paris", {}, "task_invalid"),
]


def verify(task: Task, transcript: Transcript, *, longest: int = 1000) -> Verdict:
    """Look for the answer in the reply.

    Args:
        task: Its `answer` is the gold text.
        transcript: The last assistant message is the reply.
        longest: Most characters a reply may have, so that listing every answer does not pass.
    """
    gold = str(task.answer or "").strip()
    reply = transcript.reply.strip()
    if not gold:
        return Verdict(0.0, "task_invalid", feedback="The task has no answer.")
    if not reply:
        return Verdict(0.0, "no_answer", feedback="The reply is empty.")
    if len(reply) > longest:
        return Verdict(0.0, "malformed", feedback=f"The reply is longer than {longest} characters.")
    if re.search(rf"(?<!\\w){re.escape(gold)}(?!\\w)", reply, re.IGNORECASE):
        return Verdict(1.0, "correct", answer=gold)
    return Verdict(0.0, "incorrect", answer=reply[:2000], feedback="The answer is not there.")
'''

_RECIPE = '''r"""$camel: policy gradient with the batch's mean reward as the baseline.

Each step plays a group of episodes for each of several tasks and takes one step along the mean, over all
drawn tokens, of (R - mean R) grad log pi (Williams 1992, doi 10.1007/BF00992696).

Covered: single-turn and multi-turn episodes. Not covered: clipping, a divergence term, a value head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from agentrl import config as configs
from agentrl.episodes import Collection, Plan, Sampling, collect, copies, run_sync
from agentrl.errors import ConfigError
from agentrl.learn.learner import Batch, Optim, Packing
from agentrl.learn.loop import Loop, Metrics, Parts, Result, Settings
from agentrl.learn.objectives import PolicyGradient, aggregate
from agentrl.recipes import Report
from agentrl.recipes._shared import EnvSpec, EvalSpec, Evaluator, ModelSpec, Stream, open_trainee
from agentrl.store import Run
from agentrl.types import Rollout


@dataclass(frozen=True)
class Config:
    """Settings of the recipe."""

    env: EnvSpec = field(default_factory=EnvSpec)
    model: ModelSpec = field(default_factory=ModelSpec)
    sampling: Sampling = field(default_factory=Sampling)
    optim: Optim = field(default_factory=Optim)
    packing: Packing = field(default_factory=Packing)
    loop: Settings = field(default_factory=Settings)
    eval: EvalSpec = field(default_factory=EvalSpec)
    tasks: int = 16
    """Tasks a step."""
    samples: int = 8
    """Episodes a task."""
    seed: int = 0
    """Names every random stream."""

    def __post_init__(self) -> None:
        if self.sampling.temperature <= 0 or self.sampling.top_p != 1:
            raise ConfigError("training samples at temperature > 0 and top_p = 1")


def main(config: Config, run: Run, report: Report | None = None) -> Result:
    """Train in a run folder, from wherever it stands."""
    env = config.env.make()
    updates = config.loop.updates
    trainee = open_trainee(config.model, config.optim, config.packing, total_steps=updates, seed=config.seed)
    tasks = Stream(env.all_tasks("train"), config.seed)
    evaluator = Evaluator(env, trainee.policy, config.eval, config.sampling)

    def gather(step: int) -> Collection:
        plan = Plan(tasks.at(step * config.tasks, config.tasks), config.samples, config.seed, step)
        return run_sync(collect(copies(env), trainee.policy, plan, sampling=config.sampling))

    parts = Parts(
        collect=gather,
        batch=lambda step, rollouts: credit(config, rollouts),
        objective=PolicyGradient(),
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
    return result


def credit(config: Config, rollouts: Sequence[Rollout]) -> tuple[Batch | None, Metrics]:
    """What to learn from a step's rollouts, and what to log. Your idea goes here."""
    if not rollouts:
        return None, {}
    reward_B = np.array([r.reward for r in rollouts])
    trajectories = tuple(r.trajectory() for r in rollouts)
    mask_BT = np.zeros((len(rollouts), max(len(t) for t in trajectories)), dtype=np.bool_)
    for b, trajectory in enumerate(trajectories):
        mask_BT[b, : len(trajectory)] = trajectory.mask
    adv_BT = np.broadcast_to((reward_B - reward_B.mean())[:, None], mask_BT.shape)
    weight_BT = aggregate(mask_BT, "token_mean")
    batch = Batch(trajectories, weight_BT, adv_BT, temperature=config.sampling.temperature)
    return batch, {"reward": float(reward_B.mean())}
'''

_TEMPLATES = {
    "env": (_ENV, "`agentrl check ./{path}`, then `agentrl rollout ./{path} --policy smollm2-135m`"),
    "recipe": (_RECIPE, "`agentrl check ./{path}`, then `agentrl train ./{path} --env.id ENV`"),
    "verifier": (_VERIFIER, "`agentrl check ./{path}`, then `agentrl grade ./{path} FILE`"),
}
