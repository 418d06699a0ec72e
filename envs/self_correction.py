"""Several attempts at a task of any single-turn environment, each with a verdict of its own.

The policy answers, is told as much as `feedback` allows, and answers again. This environment owns attempts and
feedback for the whole kit: what learns from second attempts (SCoRe, RISE) and what measures them reads its verdicts.

    feedback   what is said between two attempts
    none       that the solution may hold a mistake, whether it does or not; nothing of the verdict
    binary     whether the answer is right
    detailed   that, and the verifier's own words, which should not hold the answer; the kit's own do not

An episode is paid once, in [0, 1]: the last attempt's score ("last"), the mean of all ("mean"), or what each attempt
gained over the one before ("gain", which adds up to the last one's).

`agentrl eval self_correction --policy P --env env=arithmetic --env 'options={level=3}' --env attempts=3` measures it.

Source: Kumar et al. 2024 (arXiv 2409.12917) for attempts without feedback, Qu et al. 2024 (arXiv 2407.18219) for
attempts until one is right. Differs from the sources: the requests between the attempts are worded anew.
Covered: environments of one turn, by id or path, with their options.
Not covered: environments of several turns; feedback that a model writes.
Data licence: that of the environment inside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from agentrl import registry
from agentrl.environment import Env, Outcome
from agentrl.errors import ConfigError, check_choice
from agentrl.types import Message, Split, Task, Verdict

AGAIN = "Go through your solution once more. If there is a mistake in it, mend it; then write the whole solution again."
RIGHT = "Your answer is right."
WRONG = "Your answer is not right."
FEEDBACK = ("none", "binary", "detailed")


class SelfCorrection(Env):
    """A single-turn environment, tried several times.

    Args:
        env: The environment inside: an id, or a path to its file.
        options: Its options, as a mapping.
        attempts: Most attempts, at least 1.
        feedback: What is said between two attempts; see the module.
        until: When an episode ends: after all "attempts", or as soon as one is "correct". That tells the policy that
            an attempt was wrong, so it does not go with `feedback="none"`.
        pays: What the rewards add up to; see the module.
        again: What asks for another attempt; "" takes the words above.
        split: Which tasks `reset` draws from.
        render_mode: "ansi" or None.

    Raises:
        ConfigError: The environment inside has several turns, or settings do not go together.
    """

    def __init__(  # noqa: PLR0913  # one setting each
        self,
        *,
        env: str = "arithmetic",
        options: Mapping[str, Any] | None = None,
        attempts: int = 2,
        feedback: Literal["none", "binary", "detailed"] = "none",
        until: Literal["attempts", "correct"] = "attempts",
        pays: Literal["last", "mean", "gain"] = "last",
        again: str = "",
        split: Split = "train",
        render_mode: str | None = None,
    ) -> None:
        check_choice("feedback", feedback, FEEDBACK)
        check_choice("until", until, ("attempts", "correct"))
        check_choice("pays", pays, ("last", "mean", "gain"))
        if options is not None and not isinstance(options, Mapping):
            raise ConfigError(f"options must be a table, such as {{level=3}}; got {options!r:.60}")
        if feedback == "none" and until == "correct":
            raise ConfigError("until='correct' tells the policy whether an attempt was right: choose another feedback")
        super().__init__(split=split, max_turns=attempts, render_mode=render_mode)
        self.feedback, self.until, self.pays, self.again = feedback, until, pays, again or AGAIN
        self.inner: Env = registry.make(env, split=split, **(options or {}))
        if self.inner.max_turns != 1:
            raise ConfigError(f"the environment inside must have one turn; {env} has {self.inner.max_turns}")
        self.verifier, self.verifier_options = self.inner.verifier, dict(self.inner.verifier_options)
        self.execution = self.inner.execution  # type: ignore[misc]  # that of the environment inside
        self._seed = 0
        self._scores: list[float] = []

    def tasks(self, split: Split) -> Sequence[Task]:
        """Those of the environment inside, which keeps no list of its own: it is given each task."""
        return self.inner.tasks(split)

    def tools(self, task: Task) -> Sequence[Mapping[str, Any]]:
        """Those of the environment inside."""
        return self.inner.tools(task)

    def canaries(self, split: Split) -> Sequence[Task]:
        """Those of the environment inside."""
        return self.inner.canaries(split)

    def segments(self, reply: str) -> Sequence[tuple[str, int, int]]:
        """Those of the environment inside."""
        return self.inner.segments(reply)

    def gold(self, task: Task) -> Sequence[str | Message]:
        """The right reply, as often as there are attempts."""
        return tuple(self.inner.gold(task)) * (1 if self.until == "correct" else self.max_turns)

    def begin(self, task: Task) -> tuple[Message, ...]:
        """What the environment inside shows."""
        self._seed = int(self.np_random.integers(2**31))
        self._scores = []
        return self._shown(task)

    def respond(self, action: Message) -> Outcome:
        """Judge one attempt; ask for the next."""
        assert self.task is not None
        if self._scores:  # for the first attempt it has just begun
            self._shown(self.task)
        *_, info = self.inner.step(action)
        verdict: Verdict = info["verdict"]
        if not verdict.scored:
            return Outcome(verdict=verdict, terminated=True)
        self._scores.append(verdict.score)
        last = len(self._scores) == self.max_turns or (self.until == "correct" and verdict.success)
        return Outcome(
            messages=() if last else (Message("user", self._asked(verdict)),),
            reward=self._paid(ends=last),
            verdict=verdict,
            terminated=last,
        )

    def close(self) -> None:
        """Close the environment inside."""
        self.inner.close()
        super().close()

    def _shown(self, task: Task) -> tuple[Message, ...]:
        """Begin an episode of the environment inside, the same one for every attempt."""
        observation, _ = self.inner.reset(seed=self._seed, options={"task": task})
        return observation

    def _asked(self, verdict: Verdict) -> str:
        if self.feedback == "none":
            return self.again
        said = [RIGHT if verdict.success else WRONG]
        if self.feedback == "detailed" and not verdict.success:
            said.append(verdict.feedback)
        return " ".join([*filter(None, said), self.again])

    def _paid(self, *, ends: bool) -> float:
        score, attempts = self._scores[-1], self.max_turns
        if self.pays == "mean":  # attempts that a right answer spares are right as well
            return score * (attempts - len(self._scores) + 1 if ends else 1) / attempts
        if self.pays == "gain":
            return score - (self._scores[-2] if len(self._scores) > 1 else 0.0)
        return score if ends else 0.0
