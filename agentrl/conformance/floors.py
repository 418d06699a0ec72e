r"""The floor: what policies that know nothing earn, and how much of that an environment may pay.

Each plays the sampled tasks, one episode a task. An episode's reward is the sum of its turns' rewards; it is solved
where its last verdict is `correct`.

| policy | says at every turn | may solve | may earn on average |
|---|---|---|---|
| empty | "", or only spaces | nothing | 0 |
| echo | the last message that it was shown | nothing | 1/2 |
| noise | a long text about nothing | nothing | 1/2 |
| random | a draw from the environment's action space | half | 1/2 |
| constant | the best of some fixed replies and of the most common gold replies | half | 1/2 |

Silence has done nothing, so it earns nothing. The others may earn some of a graded reward by chance (an echo of a
request finds some tools), but a policy that knows nothing and has more than half of what there is leaves less than half
to learn from, and says that the reward is not for the task. What is below that is printed, to be compared with what a
trained policy earns. A random or constant reply may be right by chance, as in a choice of two; it may not be right for
most tasks. The more common of two equally likely labels stands above half in most samples, so a gold reply has two
standard errors more, 1/sqrt(tasks): 0.75 of 16 tasks, 0.57 of 200.

Of a gold reply of several lines, the last one alone is tried as well: often it is the label without the reasons.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from agentrl.conformance.result import CONSTANTS, NEVER, Failed, Floor, Skipped
from agentrl.conformance.subject import MAX_STEPS, Step, Subject, last_verdict
from agentrl.environment import Env
from agentrl.types import SCORED, Message, Task

__all__ = ["check_floor"]

GOLDS = 3
"""How many of the most common gold replies are tried as constants."""

Policy = Callable[[Sequence[Message]], "str | Message"]


@dataclass(frozen=True, slots=True)
class _Naive:
    """A policy that knows nothing, and the most that it may solve and earn."""

    name: Literal["empty", "echo", "constant", "random", "noise"]
    say: Policy
    solved: float
    reward: float
    reply: str = ""

    def outcome(self, env: Env, task: Task) -> tuple[float, bool]:
        """Play a task: the rewards added up, and whether it is solved.

        Raises:
            Failed: A verdict has a status that no policy may cause.
        """
        steps = _played(env, task, self.say)
        for step in steps:
            verdict = step[4].get("verdict")
            if verdict is not None and verdict.status not in SCORED:
                raise Failed(f"{self} gets the status {verdict.status!r} in task {task.id}")
        last = last_verdict(steps)
        return sum(step[1] for step in steps), last is not None and last.success

    def floor(self, outcomes: Sequence[tuple[float, bool]]) -> Floor:
        """The means over tasks."""
        reward, solved = (sum(column) / len(outcomes) for column in zip(*outcomes, strict=True))
        return Floor(self.name, reward, solved, len(outcomes), self.reply)

    def problem(self, floor: Floor) -> str:
        """What is too much; the empty string where nothing is."""
        over = {"solves": (floor.solved, self.solved), "earns": (floor.reward, self.reward)}
        for does, (got, most) in over.items():
            if got > most + 1e-9:
                return f"{self} {does} {got:.2g} on average over {floor.tasks} tasks; at most {most:.2g} is allowed"
        return ""

    def __str__(self) -> str:
        return f"the constant reply {self.reply!r:.40}" if self.name == "constant" else f"the policy {self.name!r}"


def check_floor(subject: Subject) -> tuple[Floor, ...]:
    """Measure the floor, and compare it with the bounds.

    Returns:
        One floor a policy: of replies that share its name, the one that earns most.

    Raises:
        Failed: A policy that knows nothing solves or earns too much, or its verdict is one that no policy may cause.
        Skipped: There is no task to play.
    """
    env, tasks = subject.env(), list(subject.sample())
    if not tasks:
        raise Skipped("there is no task to play")
    policies = list(_policies(env, _common([subject.gold(task) for task in tasks]), len(tasks)))
    outcomes: list[list[tuple[float, bool]]] = [[] for _ in policies]
    env.action_space.seed(0)
    for task in tasks:  # all policies in turn, for an environment may keep what it has made for a task
        for naive, found in zip(policies, outcomes, strict=True):
            found.append(naive.outcome(env, task))
    best: dict[str, Floor] = {}
    problems = []
    for naive, found in zip(policies, outcomes, strict=True):
        floor = naive.floor(found)
        problems.append(naive.problem(floor))
        known = best.setdefault(naive.name, floor)
        if (floor.reward, floor.solved) > (known.reward, known.solved):
            best[naive.name] = floor
    if any(problems):
        raise Failed(next(filter(None, problems)), tuple(best.values()))
    return tuple(best.values())


def _policies(env: Env, golds: Sequence[str | Message], tasks: int) -> Iterator[_Naive]:
    *silence, noise = NEVER
    for text in silence:
        yield _Naive("empty", _always(text), 0.0, 0.0)
    yield _Naive("echo", lambda shown: shown[-1].content if shown else "", 0.0, 0.5)
    for reply in (*(text for text in CONSTANTS if text not in golds), *golds):
        most = 0.5 + (tasks**-0.5 if reply in golds else 0.0)
        yield _Naive("constant", _always(reply), most, most, _words(reply))
    yield _Naive("random", lambda _: env.action_space.sample(), 0.5, 0.5)
    yield _Naive("noise", _always(noise), 0.0, 0.5)


def _always(reply: str | Message) -> Policy:
    return lambda _: reply


def _common(golds: Sequence[Sequence[str | Message]]) -> list[str | Message]:
    """The replies, or last lines of replies, that are gold for the most tasks."""
    by_name: dict[str, str | Message] = {}  # a message with calls in it cannot be hashed
    count: Counter[str] = Counter()
    for replies in golds:
        lines = [reply.strip().splitlines()[-1] for reply in replies if isinstance(reply, str) and reply.strip()]
        named = {repr(reply): reply for reply in (*replies, *lines)}
        by_name |= named
        count.update(named.keys())  # a task counts once
    return [by_name[name] for name, _ in count.most_common(GOLDS)]


def _words(reply: str | Message) -> str:
    """A reply as it is shown."""
    if isinstance(reply, str):
        return reply
    return reply.content or ", ".join(f"{call.name}({call.arguments})" for call in reply.tool_calls)


def _played(env: Env, task: Task, say: Policy) -> list[Step]:
    """The steps of an episode of a policy."""
    shown, _ = env.reset(seed=0, options={"task": task})
    steps: list[Step] = []
    while len(steps) < MAX_STEPS:
        shown, reward, terminated, truncated, info = env.step(say(shown))
        steps.append((shown, float(reward), terminated, truncated, info))
        if terminated or truncated:
            break
    return steps
