"""Programming contests: programs that read standard input and write standard output, and some that define a function.

Source: Li et al. 2022, "Competition-Level Code Generation with AlphaCode", arXiv:2203.07814 (CodeContests); Hendrycks
et al. 2021, "Measuring Coding Challenge Competence With APPS", arXiv:2105.09938. A row is of one of four forms, told by
its fields: DeepMind's {description, public_tests, private_tests, generated_tests, solutions}; APPS' {question,
input_output, starter_code, solutions}; SandboxFusion's {content, test: [{input: {stdin}, output: {stdout}}]}; NeMo
Gym's {responses_create_params, verifier_metadata: {unit_tests}}.

Differs from the source: public tests are visible, private and generated ones decide; where a form knows no public ones,
all decide. Outputs are compared line by line without blank space at the ends, and number by number where the expected
output has decimals. Each test is a run of its own (`code` verifier).

Covered: the four forms, APPS' function calls.
Not covered: problems with several right outputs (no special judges), other languages, the sources' own time limits.
Data licence: CodeContests CC-BY-4.0; APPS MIT; SandboxFusion and NeMo Gym Apache-2.0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from agentrl.data import load_rows
from agentrl.environment import SingleTurnEnv
from agentrl.envs._code.rows import decoded, pairs
from agentrl.envs._code.suites import LEETCODE, READS, code_task, completed, functional, gold_reply, stdio
from agentrl.errors import DataError
from agentrl.types import Message, Split, Task, Transcript, Verdict

PYTHON3 = 3
"""The language's number in CodeContests' `solutions`."""


class CodeContests(SingleTurnEnv):
    """Programs for contest problems.

    Args:
        source: A dataset on the hub, a JSONL file or a JSON array (plain or gzipped), or a folder with train.jsonl.gz
            and test.jsonl.gz; read at the first `reset`.
        generated: Whether CodeContests' generated tests count: they are many, and some are wrong.
        sandbox: The back end that runs the programs.
        split: Which tasks `reset` draws from.
        render_mode: "ansi" or None.
    """

    verifier = "code"
    execution = "thread"

    def __init__(
        self,
        *,
        source: str = "deepmind/code_contests",
        generated: Literal["use", "skip"] = "use",
        sandbox: str = "zygote",
        split: Split = "train",
        render_mode: str | None = None,
    ) -> None:
        super().__init__(split=split, render_mode=render_mode)
        self.source, self.generated = source, generated
        self.verifier_options = {"sandbox": sandbox}

    def tasks(self, split: Split) -> Sequence[Task]:
        """One task a row.

        Raises:
            DataError: The rows cannot be read, or one is of none of the forms.
            MissingExtraError: The source is on the hub and `datasets` is not installed.
        """
        rows = load_rows(self.source, split)
        return [_task(row, f"{split}/{i}", f"{self.source}, row {i + 1}", self.generated) for i, row in enumerate(rows)]

    def gold(self, task: Task) -> Sequence[str | Message]:
        """The first Python solution, where the row has one."""
        return gold_reply(task)

    def verdict(self, task: Task, transcript: Transcript) -> Verdict:
        """Run the tests on the reply's program."""
        return self._verify(task, completed(task, transcript))


def _task(row: Mapping[str, Any], id: str, where: str, generated: str) -> Task:
    if "description" in row:
        return _deepmind(row, id, where, generated)
    if "input_output" in row:
        return _apps(row, id, where)
    if "verifier_metadata" in row:
        return _nemo(row, id, where)
    if "content" in row and "test" in row:
        tests = pairs(decoded(row["test"], where), where)
        return code_task(id, row["content"] + "\n\n" + READS, stdio(_hidden(tests)))
    raise DataError(f"{where} is of none of the known forms; it has: {', '.join(map(str, row))}")


def _hidden(tests: Sequence[tuple[Any, Any]]) -> Iterator[tuple[Any, Any, bool]]:
    return ((given, output, False) for given, output in tests)


def _deepmind(row: Mapping[str, Any], id: str, where: str, generated: str) -> Task:
    kinds = ("public_tests", "private_tests", "generated_tests")[: 3 if generated == "use" else 2]
    cases = [
        (given, output, kind == "public_tests")
        for kind in kinds
        for given, output in pairs(decoded(row.get(kind), where), where)
    ]
    solutions = decoded(row.get("solutions"), where) or {}
    known = zip(solutions.get("language", ()), solutions.get("solution", ()), strict=False)
    solution = next((text for language, text in known if language == PYTHON3), "")
    return code_task(
        id, row["description"] + "\n\n" + READS, stdio(cases), solution=solution, extra={"name": row.get("name", "")}
    )


def _apps(row: Mapping[str, Any], id: str, where: str) -> Task:
    tests = decoded(row["input_output"], where)
    solutions = decoded(row.get("solutions") or [], where)
    solution = solutions[0] if solutions else ""
    starter = row.get("starter_code") or ""
    if not tests.get("fn_name"):
        return code_task(id, row["question"] + "\n\n" + READS, stdio(_hidden(pairs(tests, where))), solution=solution)
    of_class = "class Solution" in starter
    found = pairs(tests, where)
    if not of_class and all(isinstance(output, list) and len(output) == 1 for _, output in found):
        found = [(given, output[0]) for given, output in found]  # rows from Codewars wrap each output in a list
    ask = f"{row['question']}\n\nStart from this:\n\n```python\n{starter}\n```"
    entry = ("Solution." if of_class else "") + tests["fn_name"]
    return code_task(id, ask, functional(entry, _hidden(found)), solution=solution, preamble=LEETCODE)


def _nemo(row: Mapping[str, Any], id: str, where: str) -> Task:
    asked = row["responses_create_params"]["input"]
    statement = asked if isinstance(asked, str) else "\n\n".join(message["content"] for message in asked)
    tests = pairs(row["verifier_metadata"]["unit_tests"], where)
    return code_task(id, statement + "\n\n" + READS, stdio(_hidden(tests)))
