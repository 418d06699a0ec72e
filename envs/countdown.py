"""Countdown: make a target from given numbers with + - * / and brackets.

Levels: 1 three numbers up to 10, targets to 50; 2 three numbers up to 50, targets to 100; 3 four numbers up to 50,
targets 10 to 200; 4 five numbers up to 100, targets 100 to 999; 5 six numbers as on television (up to four of 25, 50,
75, 100, the others 1 to 10), targets 101 to 999. Every puzzle is made from a solution, which stays with the answer.

Source: the Countdown task of Gandhi et al. 2024, "Stream of Search", arXiv:2404.03683, as in TinyZero
(https://github.com/Jiayi-Pan/TinyZero); rows {nums, target}, on the hub "Jiayi-Pan/Countdown-Tasks-3to4".

Differs from the source: the expression is read, not evaluated in Python, and compared exactly; there is no reward for
the format alone. The numbers of a puzzle may repeat. A puzzle of the levels never has the target among its numbers, and
its own solution has whole steps above 0; a reply's need not.

Covered: all numbers used, or at most all (`uses`); then up to two numbers are spare.
Not covered: the nearest value where the target is missed (the score is 0 or 1).
Data licence: the generated puzzles none; rows have that of their source.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from agentrl.data import generated, load_rows
from agentrl.environment import SingleTurnEnv
from agentrl.envs._levels import levels_of
from agentrl.envs._maths.numbers_game import LEVELS, puzzle
from agentrl.errors import DataError, check_choice, check_count
from agentrl.golds import gold_reply, is_usable
from agentrl.types import Message, Split, Task
from agentrl.verifiers.countdown import Uses

SYSTEM = (
    "You are given numbers and a target. Write one arithmetic expression that makes the target, with the numbers, "
    "+ - * / and brackets. Think first, then end your reply with the expression in tags: <answer>(1 + 2) / 3</answer>."
)
ASKED = {
    "all": "Numbers: {}. Target: {}. Use every number exactly once.",
    "at_most": "Numbers: {}. Target: {}. Use each number at most once; you need not use all.",
}
_SPARE = {"all": 0, "at_most": 2}
_TRIES = 200


class Countdown(SingleTurnEnv):
    """Numbers and a target, answered with an expression.

    Args:
        level: 1 to 5, or a range such as "1-3"; see the module. Rows have no levels.
        uses: Whether a reply uses "all" numbers once, or "at_most" all.
        count: Generated tasks of each split.
        source: "" makes puzzles; or a dataset on the hub, a JSONL file (plain or gzipped), or a folder with
            train.jsonl.gz and test.jsonl.gz; read at the first `reset`.
        split: Which tasks `reset` draws from.
        render_mode: "ansi" or None.

    Raises:
        ConfigError: `level` or `uses` has another value, or `count` is below 1.
    """

    verifier = "countdown"

    def __init__(
        self,
        *,
        level: int | str = 2,
        uses: Uses = "all",
        count: int = 10_000,
        source: str = "",
        split: Split = "train",
        render_mode: str | None = None,
    ) -> None:
        super().__init__(split=split, render_mode=render_mode)
        check_choice("uses", uses, tuple(ASKED))
        check_count("count", count)
        self.levels = levels_of(level)
        self.uses = uses
        self.count = count
        self.source = source
        self.verifier_options = {"uses": uses}
        self._key = f"countdown/{level}/{uses}"

    def tasks(self, split: Split) -> Sequence[Task]:
        """Puzzles, each made when it is asked for; or one task a row.

        Raises:
            DataError: The rows cannot be read, or one has no numbers or no target.
            MissingExtraError: The source is on the hub and `datasets` is not installed.
        """
        if not self.source:
            return generated(self._key, split, self.count, self._drawn)
        rows = load_rows(self.source, split)
        tasks = []
        for index, row in enumerate(rows):
            numbers, target = row.get("nums", row.get("numbers")), row.get("target")
            if not _are_whole(numbers) or not _are_whole([target]):
                raise DataError(f"{self.source} ({split}), row {index + 1}: nums and target must be whole numbers")
            tasks.append(self._task(f"{split}/{index}", {"numbers": list(numbers), "target": target}, {}))
        return tasks

    def gold(self, task: Task) -> Sequence[str | Message]:
        """The solution that the puzzle was made from; for a row, one that is found; nothing where there is none."""
        if not is_usable("countdown", task.answer, self.verifier_options):
            return ()
        return (str(gold_reply("countdown", task.answer, self.verifier_options)),)

    def _drawn(self, draw: random.Random, id: str) -> tuple[str, Task] | None:
        level = draw.choice(self.levels)
        tries = (puzzle(draw, LEVELS[level], spare=_SPARE[self.uses]) for _ in range(_TRIES))
        found = next((one for one in tries if one is not None), None)  # in this level, else easy ones would prevail
        if found is None:
            return None
        answer = {"numbers": list(found.numbers), "target": found.target, "solution": found.solution}
        name = f"{sorted(found.numbers)} {found.target}"
        return name, self._task(id, answer, {"level": level})

    def _task(self, id: str, answer: dict[str, Any], data: dict[str, Any]) -> Task:
        text = ASKED[self.uses].format(", ".join(map(str, answer["numbers"])), answer["target"])
        return Task(id, (Message("system", SYSTEM), Message("user", text)), answer, data)


def _are_whole(values: Any) -> bool:
    return isinstance(values, list | tuple) and all(isinstance(v, int) and not isinstance(v, bool) for v in values)
