"""LiveCodeBench: contest problems with their dates, as programs or as functions.

Source: Jain et al. 2024, "LiveCodeBench: Holistic and Contamination Free Evaluation", arXiv:2403.07974; rows
{question_content, starter_code, public_test_cases, private_test_cases, metadata}, `livecodebench/code_generation_lite`
on the hub or JSONL. Also SandboxFusion's {content, test, labels}, and the benchmark's few-shot examples {question,
sample_code, answer}, whose tests are the examples in the statement.

Differs from the source: upstream packs the private tests as a pickle and unpickles them, which would run what the file
says. Here the text is read out of the pickle; one that holds anything but text is refused. Public tests are visible,
private ones decide. Outputs are compared as in `code_contests`, values by the `code` verifier.

Covered: tests on standard input; functions, with arguments as JSON, one a line; rows between two dates.
Not covered: problems with several right outputs; the source's own time limit of 6 s a test.
Data licence: CC (the problems are their sites'); see the source.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentrl.data import load_rows
from agentrl.environment import SingleTurnEnv
from agentrl.envs._code.examples import call_example, entry_of, printed_examples
from agentrl.envs._code.rows import decoded, packed, pairs
from agentrl.envs._code.suites import (
    LEETCODE,
    READS,
    code_task,
    completed,
    functional,
    gold_reply,
    lines_of_json,
    stdio,
)
from agentrl.errors import DataError
from agentrl.types import Message, Split, Task, Transcript, Verdict

START = "{}\n\nStart from this:\n\n```python\n{}\n```"


class LiveCodeBench(SingleTurnEnv):
    """Contest problems with their dates.

    Args:
        source: A dataset on the hub, a JSONL file or a JSON array (plain or gzipped), or a folder with test.jsonl.gz;
            read at the first `reset`.
        since: Keep problems of this date or later, as 2024-08-01; "" keeps all, also those without a date.
        until: Keep problems before this date.
        sandbox: The back end that runs the programs.
        split: Which tasks `reset` draws from.
        render_mode: "ansi" or None.
    """

    verifier = "code"
    execution = "thread"

    def __init__(
        self,
        *,
        source: str = "livecodebench/code_generation_lite",
        since: str = "",
        until: str = "",
        sandbox: str = "zygote",
        split: Split = "test",
        render_mode: str | None = None,
    ) -> None:
        super().__init__(split=split, render_mode=render_mode)
        self.source, self.since, self.until = source, since, until
        self.verifier_options = {"sandbox": sandbox}

    def tasks(self, split: Split) -> Sequence[Task]:
        """One task a row that is kept.

        Raises:
            DataError: The rows cannot be read, or one is of none of the forms.
            MissingExtraError: The source is on the hub and `datasets` is not installed.
        """
        rows = enumerate(load_rows(self.source, split))
        return [_task(row, f"{split}/{i}", f"{self.source}, row {i + 1}") for i, row in rows if self._keeps(row)]

    def gold(self, task: Task) -> Sequence[str | Message]:
        """The reference solution, where the row has one."""
        return gold_reply(task)

    def verdict(self, task: Task, transcript: Transcript) -> Verdict:
        """Run the tests on the reply's program."""
        return self._verify(task, completed(task, transcript))

    def _keeps(self, row: Mapping[str, Any]) -> bool:
        date = str(row.get("contest_date", ""))
        return (not self.since or date >= self.since) and (not self.until or "" < date < self.until)


def _task(row: Mapping[str, Any], id: str, where: str) -> Task:
    if "question_content" in row:
        return _original(row, id, where)
    if "content" in row and "test" in row:
        return _sandboxfusion(row, id, where)
    if "question" in row and "answer" in row:
        return _fewshot(row, id, where)
    raise DataError(f"{where} is of none of the known forms; it has: {', '.join(map(str, row))}")


def _original(row: Mapping[str, Any], id: str, where: str) -> Task:
    public = [(*pair, True) for pair in pairs(packed(row.get("public_test_cases") or [], where), where)]
    private = [(*pair, False) for pair in pairs(packed(row.get("private_test_cases") or [], where), where)]
    starter, statement = row.get("starter_code") or "", row["question_content"]
    name = (decoded(row.get("metadata") or {}, where)).get("func_name")
    cases = public + private
    extra = {"date": str(row.get("contest_date", "")), "difficulty": row.get("difficulty", "")}
    if not name:
        return code_task(id, statement + "\n\n" + READS, stdio(cases), extra=extra)
    return _function(id, START.format(statement, starter), _entry(name, starter), cases, where=where, extra=extra)


def _sandboxfusion(row: Mapping[str, Any], id: str, where: str) -> Task:
    tests = packed(row["test"], where)
    cases = [(*pair, False) for pair in pairs(tests, where)]
    if not tests.get("fn_name"):
        return code_task(id, row["content"], stdio(cases))
    return _function(id, row["content"], _entry(tests["fn_name"], row["content"]), cases, where=where)


def _fewshot(row: Mapping[str, Any], id: str, where: str) -> Task:
    statement, solution = row["question"], row["answer"]
    starter = row.get("sample_code")
    if not starter:
        shown = [(given, output, True) for given, output in printed_examples(statement)]
        return code_task(id, statement + "\n\n" + READS, stdio(shown), solution=solution)
    entry = entry_of(solution)
    calls = [found for part in statement.split("Example ")[1:] if (found := call_example(part))]
    if entry is None or not calls:
        raise DataError(f"{where}: no function, or no examples to test it with")
    suite = functional(entry, [(args, value, True) for args, value in calls])
    return code_task(id, START.format(statement, starter), suite, solution=solution, preamble=LEETCODE)


def _function(
    id: str,
    statement: str,
    entry: str,
    cases: Sequence[tuple[str, str, bool]],
    *,
    where: str,
    extra: Mapping[str, Any] | None = None,
) -> Task:
    read = [(lines_of_json(given, where), decoded(output, where), visible) for given, output, visible in cases]
    return code_task(id, statement, functional(entry, read), preamble=LEETCODE, extra=extra)


def _entry(name: str, starter: str) -> str:
    return f"Solution.{name}" if "class Solution" in starter else name
