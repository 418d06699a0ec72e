r"""MATH: competition problems, answered in a `\boxed{}`.

Source: Hendrycks et al. 2021, "Measuring Mathematical Problem Solving With the MATH Dataset", arXiv:2103.03874;
7,500 train and 5,000 test problems of 5 levels and 7 subjects, rows {problem, solution, level, type} in JSONL or on
the hub.

Differs from the source: the answer is compared by the `math` verifier, by its type and exactly, where the paper
compares strings. The gold is the last box of the reference solution; a row's `answer` serves only where there is
none, for copies of the data have it stripped of units and percent signs. Rows without any answer are left out: the two
with an empty box in the train split. Where the wording asks for a form (factor, expand, common fraction, simplest
radical form, in terms of pi, compute) and the gold has it, a reply must have it too, so that the question repeated is
no answer.

Covered: what the `math` verifier covers (`agentrl show math`).
Not covered: grading of the steps; answers that this verifier reads as text (piecewise functions, ellipses) need one
spelling.
Data licence: MIT.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from agentrl.data import LazyTasks, load_rows, number_behind
from agentrl.environment import SingleTurnEnv
from agentrl.envs._maths.wording import with_form
from agentrl.errors import check_count, check_names
from agentrl.golds import gold_reply
from agentrl.types import Message, Split, Task
from agentrl.verifiers._reading.extract import last_boxed

SYSTEM = r"Solve the problem step by step. End your reply with the answer in \boxed{}."
SUBJECTS = (
    "Algebra",
    "Counting & Probability",
    "Geometry",
    "Intermediate Algebra",
    "Number Theory",
    "Prealgebra",
    "Precalculus",
)


class Math(SingleTurnEnv):
    r"""Competition problems with `\boxed{}` answers.

    Args:
        source: A dataset on the hub, a JSONL file (plain or gzipped), or a folder with train.jsonl.gz and
            test.jsonl.gz; read at the first `reset`.
        levels: Difficulties to keep, 1 to 5; empty keeps every row, also those whose level is unknown.
        subjects: Subjects to keep, as in the rows' `type`; empty keeps all.
        split: Which tasks `reset` draws from.
        render_mode: "ansi" or None.

    Raises:
        ConfigError: A level or a subject does not exist.
    """

    verifier = "math"
    verifier_options = MappingProxyType({"extract": "boxed"})

    def __init__(
        self,
        *,
        source: str = "DigitalLearningGmbH/MATH-lighteval",
        levels: Sequence[int] = (),
        subjects: Sequence[str] = (),
        split: Split = "train",
        render_mode: str | None = None,
    ) -> None:
        super().__init__(split=split, render_mode=render_mode)
        for level in levels:
            check_count("a level", level, most=5)
        check_names("subjects", subjects, SUBJECTS)
        self.source = source
        self.levels = frozenset(levels)
        self.subjects = frozenset(subjects)

    def tasks(self, split: Split) -> Sequence[Task]:
        """One task a row that is kept, made when it is asked for; `data` holds the solution, the level and the subject.

        Raises:
            DataError: The rows cannot be read.
            MissingExtraError: The source is on the hub and `datasets` is not installed.
        """
        rows = load_rows(self.source, split, fields=("problem", "solution", "level", "type"))
        golds = [last_boxed(row["solution"]) or str(row.get("answer", "")) for row in rows]
        kept = [index for index, row in enumerate(rows) if golds[index].strip() and self._keeps(row)]
        places = {index: place for place, index in enumerate(kept)}
        return LazyTasks(
            len(kept),
            lambda place: _task(split, kept[place], rows[kept[place]], golds[kept[place]]),
            place=lambda id: places.get(number_behind(f"{split}/", id), -1),
        )

    def gold(self, task: Task) -> Sequence[str | Message]:
        """The reference solution, where it has a box."""
        solution = task.data["solution"]
        return (solution if last_boxed(solution) else str(gold_reply("math", task.answer, self.verifier_options)),)

    def _keeps(self, row: Mapping[str, Any]) -> bool:
        level = row["level"].removeprefix("Level ")
        fits = not self.levels or (level.isdigit() and int(level) in self.levels)
        return fits and (not self.subjects or row["type"] in self.subjects)


def _task(split: Split, index: int, row: Mapping[str, Any], gold: str) -> Task:
    prompt = (Message("system", SYSTEM), Message("user", row["problem"]))
    data = {"solution": row["solution"], "level": row["level"], "subject": row["type"]}
    return Task(f"{split}/{index}", prompt, with_form(row["problem"], gold), data)
