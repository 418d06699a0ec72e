"""HumanEval: 164 functions to write from their signature and docstring, with unit tests.

Source: Chen et al. 2021, "Evaluating Large Language Models Trained on Code", arXiv:2107.03374; rows {task_id, prompt,
entry_point, canonical_solution, test}, `openai/openai_humaneval` on the hub or JSONL.

Differs from the source: the policy is asked for the whole function in a code block, not for the rest of the text. What
stands before the function in the prompt (imports, helper functions) is put before its reply, for chat models leave it
out. The tests run in a process that does not hold the solution (`code` verifier), and each assert counts.

Covered: all 164 problems; a file with other rows of this form.
Not covered: completion of the bare text by a base model; there is no train split, a local file serves both splits.
Data licence: MIT.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentrl.data import load_rows
from agentrl.environment import SingleTurnEnv
from agentrl.envs._code.suites import before, code_task, completed, gold_reply
from agentrl.types import Message, Split, Task, Transcript, Verdict

ASK = "Complete this function. Reply with the whole of it.\n\n```python\n{}\n```"
FIELDS = ("task_id", "prompt", "entry_point", "canonical_solution", "test")


class HumanEval(SingleTurnEnv):
    """Functions from docstrings.

    Args:
        source: A dataset on the hub, a JSONL file (plain or gzipped), or a folder with test.jsonl.gz; read at the first
            `reset`.
        sandbox: The back end that runs the programs.
        split: Which tasks `reset` draws from.
        render_mode: "ansi" or None.
    """

    verifier = "code"
    execution = "thread"

    def __init__(
        self,
        *,
        source: str = "openai/openai_humaneval",
        sandbox: str = "zygote",
        split: Split = "test",
        render_mode: str | None = None,
    ) -> None:
        super().__init__(split=split, render_mode=render_mode)
        self.source = source
        self.verifier_options = {"sandbox": sandbox}

    def tasks(self, split: Split) -> Sequence[Task]:
        """One task a row.

        Raises:
            DataError: The rows cannot be read, or a prompt does not hold its function.
            MissingExtraError: The source is on the hub and `datasets` is not installed.
        """
        return [task_of(row) for row in load_rows(self.source, split, fields=FIELDS)]

    def gold(self, task: Task) -> Sequence[str | Message]:
        """The reference solution."""
        return gold_reply(task)

    def verdict(self, task: Task, transcript: Transcript) -> Verdict:
        """Run the tests on the reply's program."""
        return self._verify(task, completed(task, transcript))


def task_of(row: Mapping[str, Any]) -> Task:
    """The task of a row.

    Raises:
        DataError: The prompt is no Python, or does not define the function.
    """
    prompt, entry = row["prompt"], row["entry_point"]
    suite = {"format": "asserts", "style": "check", "entry": entry, "setup": prompt, "tests": row["test"]}
    solution = prompt + row["canonical_solution"]
    return code_task(
        row["task_id"], ASK.format(prompt.strip()), suite, solution=solution, preamble=before(prompt, entry)
    )
