"""Any data set of reasoning-gym, with its own scorer held in a process that can be killed.

The reply gives its answer in one <answer>...</answer>, which goes to the data set's scorer without the white space
around it. A score of 1 is correct, one between is partial, and so is never a success.

Source: Stojanovski et al. 2025, "Reasoning Gym", arXiv:2505.24760, and its package `reasoning-gym` (0.1.25).

Differs from the source: before a data set is used, its scorer is tried on 16 items. It is refused where most of its own
answers do not score 1, or where it pays for nothing, noise, the question repeated, a number near the right one or its
negative, `nan`, a constant, or the right answer beside a wrong one in both orders; `trust="scorer"` takes it as it is.
A scorer that would run a reply as code is always refused, and stopped should one reply get it to. What the scorer
raises or returns outside [0, 1] scores 0 as malformed, a call over 2 s as a timeout. Partial credit no higher than what
is paid for nothing is none. Items whose answer does not score 1, or whose question does half, are left out (`left_out`
counts those met so far).

Splits cannot overlap: a digest of the question decides, whatever the seed and the settings. The data set's own seed is
drawn from `seed`, for reasoning-gym counts up from it and neighbouring seeds share items.

Covered: 86 of the 106 data sets of 0.1.25. Refused: `binary_matrix`, `countdown`, `intermediate_integration`,
`n_queens`, `polynomial_multiplication`, `puzzle24`, `simple_integration`, `spiral_matrix` and `string_insertion` run
replies as code; `complex_arithmetic` (`nan`), `game_of_life_halting` (anything), `gsm_symbolic` (the other sign),
`number_sorting` (a list of `nan`) and `sokoban` (a second answer behind the right one) pay what is wrong; `boxnet`,
`graph_color`, `propositional_logic`, `rubiks_cube` and `rush_hour` keep their answers to themselves.
Not covered: `composite`; curricula; chance, which a constant earns where answers are few (`coin_flip`); what a scorer
overpays beyond those trials, for partial credit is its own.
Data licence: Apache-2.0, and what a data set says of its own texts.
"""

from __future__ import annotations

import functools
import hashlib
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, get_args

from agentrl.config import digest
from agentrl.data import generated
from agentrl.environment import SingleTurnEnv
from agentrl.envs._import.gym_set import POOL, GymSet, Item, Trust, open_set
from agentrl.envs._import.settings import Settings, settings
from agentrl.errors import ConfigError, check_choice, check_count
from agentrl.types import Message, Split, Task, Transcript, Verdict
from agentrl.verifiers._reading.extract import PLACES, candidates, placed

SYSTEM = (
    "Solve the task. Think first, then end your reply with the answer alone, in the form that the task asks for, in "
    "tags: <answer>...</answer>."
)
_MAX_CHARS = 100_000
_WHY = {
    "malformed": "The answer cannot be scored.",
    "timeout": "Scoring the answer takes too long.",
    "resource_limit": "Scoring the answer takes too much memory.",
    "task_invalid": "The data set does not give this item.",
}


class ReasoningGym(SingleTurnEnv):
    """Questions of one data set.

    Args:
        dataset: Its name in reasoning-gym.
        config: Settings of the data set: a mapping, JSON text, or "key=value key=value".
        count: Generated tasks of each split.
        seed: Another seed gives other tasks.
        trust: "checked" refuses a data set whose scorer pays what is wrong; "scorer" believes it.
        partial: "keep" rewards partial credit, "drop" makes it 0.
        split: Which tasks `reset` draws from.
        render_mode: "ansi" or None.

    Raises:
        ConfigError: An option has a value that does not exist.
    """

    verifier = None
    execution = "thread"

    def __init__(
        self,
        *,
        dataset: str = "chain_sum",
        config: Settings = "",
        count: int = 10_000,
        seed: int = 0,
        trust: Trust = "checked",
        partial: Literal["keep", "drop"] = "keep",
        split: Split = "train",
        render_mode: str | None = None,
    ) -> None:
        super().__init__(split=split, render_mode=render_mode)
        check_count("count", count)
        check_choice("trust", trust, get_args(Trust))
        check_choice("partial", partial, ("keep", "drop"))
        self.dataset = dataset
        self.config = settings("config", config)
        for name in ("seed", "size"):
            if name in self.config:
                raise ConfigError(f"{name} is no setting here: give the options seed and count beside config")
        self.count = count
        self.seed = seed
        self.trust: Trust = trust
        self.partial = partial
        self._left: dict[Split, set[int]] = {"train": set(), "test": set()}

    @property
    def left_out(self) -> Mapping[Split, int]:
        """How many items were met that cannot be used."""
        return {split: len(indices) for split, indices in self._left.items()}

    def tasks(self, split: Split) -> Sequence[Task]:
        """Items of the data set, each made when it is asked for; `data` has its index.

        Raises:
            MissingExtraError: reasoning-gym is not installed.
            UnknownIdError: It has no such data set.
            ConfigError: The data set refuses its settings, or its scorer cannot be trusted.
        """
        self._set  # noqa: B018  # what is wrong with the data set is said now
        key = f"reasoning_gym/{self.dataset}/{digest(self.config)}/{self.seed}"
        return generated(key, split, self.count, functools.partial(self._draw, split))

    def gold(self, task: Task) -> Sequence[str | Message]:
        """The item's own answer, where it has one."""
        return () if task.answer is None else (placed(task.answer, "answer_tag"),)

    def verdict(self, task: Task, transcript: Transcript) -> Verdict:
        """What the data set's scorer says of the answer."""
        found = candidates(transcript.reply, "answer_tag")
        answer = (found[0] or "").strip() if found else ""
        if not found or (found[0] is not None and not answer):
            return Verdict(0.0, "no_answer", feedback=f"Give the answer in {PLACES['answer_tag']}.")
        if not answer or len(answer) > _MAX_CHARS:
            return Verdict(0.0, "malformed", feedback=f"Give one answer in {PLACES['answer_tag']}.")
        question = task.prompt[-1].content
        scored = self._set.score(task.data.get("index", -1), question, answer)
        shown = answer[:2000]
        if scored.status != "scored":
            return Verdict(0.0, scored.status, answer=shown, feedback=_WHY[scored.status])
        if scored.score >= 1.0:
            return Verdict(1.0, "correct", answer=shown)
        if scored.score > 0.0 and self.partial == "keep":
            return Verdict(scored.score, "partial", answer=shown, feedback="The answer is right in part.")
        return Verdict(0.0, "incorrect", answer=shown, feedback="The answer is not right.")

    @functools.cached_property
    def _set(self) -> GymSet:
        own = int.from_bytes(hashlib.blake2b(f"{self.seed}".encode(), digest_size=8).digest()) % 2**31
        return open_set(self.dataset, {**self.config, "seed": own, "size": POOL}, self.trust)

    @functools.cached_property
    def _item(self) -> Callable[[int], Item | None]:
        return functools.lru_cache(maxsize=POOL)(self._set.item)

    def _draw(self, split: Split, rng: random.Random, id: str) -> tuple[str, Task] | None:
        index = rng.randrange(POOL)
        item = self._item(index)
        readable = item is not None and (
            item.answer is None or candidates(placed(item.answer, "answer_tag"), "answer_tag") == [item.answer]
        )
        if item is None or not readable or (self.trust == "checked" and item.fault):
            self._left[split].add(index)
            return None
        prompt = (Message("system", SYSTEM), Message("user", item.question))
        return item.question, Task(id, prompt, item.answer, {"index": index})
