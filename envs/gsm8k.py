"""GSM8K: grade-school word problems, answered with a number after `####`.

Source: Cobbe et al. 2021, "Training Verifiers to Solve Math Word Problems", arXiv:2110.14168; 7,473 train and 1,319
test problems, `openai/gsm8k` on the hub or rows {question, answer} in JSONL.

Differs from the source: answers are compared as exact numbers, so that 1,000 and 1000.0 are equal; the paper compares
strings. The calculator marks (`<<48/2=24>>`) stay in the reference solutions and are not run.

Covered: extraction of the last `####`, the exact value, units that a reply adds.
Not covered: grading of the steps; replies that name the number without `####`.
Data licence: MIT.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

from agentrl.data import load_rows
from agentrl.environment import SingleTurnEnv
from agentrl.errors import DataError
from agentrl.types import Message, Split, Task

SYSTEM = "Solve the problem step by step. End your reply with a line `#### n`, where n is the answer as a number."


class GSM8K(SingleTurnEnv):
    """Word problems with `#### n` answers.

    Args:
        source: A dataset on the hub, a JSONL file (plain or gzipped), or a folder with train.jsonl.gz and
            test.jsonl.gz; read at the first `reset`.
        split: Which tasks `reset` draws from.
        render_mode: "ansi" or None.
    """

    verifier = "math"
    verifier_options = MappingProxyType({"extract": "hash"})

    def __init__(self, *, source: str = "openai/gsm8k", split: Split = "train", render_mode: str | None = None) -> None:
        super().__init__(split=split, render_mode=render_mode)
        self.source = source

    def tasks(self, split: Split) -> Sequence[Task]:
        """One task a row; `data["solution"]` is the reference solution.

        Raises:
            DataError: The rows cannot be read, or an answer has no `####`.
            MissingExtraError: The source is on the hub and `datasets` is not installed.
        """
        tasks = []
        for index, row in enumerate(load_rows(self.source, split, fields=("question", "answer"), config="main")):
            _, mark, gold = row["answer"].rpartition("####")
            if not mark or not gold.strip():
                raise DataError(f"{self.source} ({split}), row {index + 1}: the answer has no number after ####")
            prompt = (Message("system", SYSTEM), Message("user", row["question"]))
            tasks.append(Task(f"{split}/{index}", prompt, gold.strip(), {"solution": row["answer"]}))
        return tasks

    def gold(self, task: Task) -> Sequence[str | Message]:
        """The reference solution."""
        return (task.data["solution"],)
