"""MBPP: short Python functions from one sentence and example asserts.

Source: Austin et al. 2021, "Program Synthesis with Large Language Models", arXiv:2108.07732; 974 problems, of which 427
were checked by hand ("sanitized"): rows {task_id, text or prompt, code, test_list, test_setup_code or test_imports,
challenge_test_list}, `google-research-datasets/mbpp` on the hub, JSONL, or a JSON array.

Differs from the source: the prompt shows the first of a problem's asserts (`shown`), where the paper shows all three:
so the others decide. The splits are the paper's by number: test is 11 to 510, train all others. Challenge tests count
where a row has them.

Covered: both forms, and the copies that name the tests `test`. Rows 367 and 927 of the full form fail in the paper's
harness: their setup runs first, and builds a class that only the solution defines; here the solution comes first.
Not covered: the paper's three-shot prompt; values of the problem's own classes beyond what the verifier can pass on.
Data licence: CC-BY-4.0.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from agentrl.data import load_rows
from agentrl.environment import SingleTurnEnv
from agentrl.envs._code.suites import code_task, completed, gold_reply
from agentrl.errors import DataError, check_count
from agentrl.types import Message, Split, Task, Transcript, Verdict

TEST = range(11, 511)
ASK = "{}\n\nYour program must pass tests such as:\n\n```python\n{}\n```"


class MBPP(SingleTurnEnv):
    """Short functions from one sentence.

    Args:
        source: A dataset on the hub, a JSONL file or a JSON array (plain or gzipped), or a folder with train.jsonl.gz
            and test.jsonl.gz; read at the first `reset`.
        config: The dataset's configuration on the hub: "full" or "sanitized".
        shown: How many of a problem's asserts the prompt shows; at least one, for it names the function.
        sandbox: The back end that runs the programs.
        split: Which tasks `reset` draws from.
        render_mode: "ansi" or None.

    Raises:
        ConfigError: `shown` is below 1.
    """

    verifier = "code"
    execution = "thread"

    def __init__(
        self,
        *,
        source: str = "google-research-datasets/mbpp",
        config: str = "full",
        shown: int = 1,
        sandbox: str = "zygote",
        split: Split = "train",
        render_mode: str | None = None,
    ) -> None:
        super().__init__(split=split, render_mode=render_mode)
        check_count("shown", shown)
        self.source, self.config, self.shown = source, config, shown
        self.verifier_options = {"sandbox": sandbox}

    def tasks(self, split: Split) -> Sequence[Task]:
        """One task a row of the split.

        Raises:
            DataError: The rows cannot be read, or one has no tests.
            MissingExtraError: The source is on the hub and `datasets` is not installed.
        """
        rows = load_rows(self.source, split, config=self.config)
        return [_task(row, self.shown) for row in rows if (row.get("task_id") in TEST) == (split == "test")]

    def gold(self, task: Task) -> Sequence[str | Message]:
        """The reference solution."""
        return gold_reply(task)

    def verdict(self, task: Task, transcript: Transcript) -> Verdict:
        """Run the tests on the reply's program."""
        return self._verify(task, completed(task, transcript))


def _task(row: Mapping[str, Any], shown: int) -> Task:
    statement = row.get("text", row.get("prompt"))
    tests = [*row.get("test_list", row.get("test", ())), *row.get("challenge_test_list", ())]
    if not isinstance(statement, str) or not isinstance(row.get("code"), str) or not tests:
        raise DataError(
            f"row {row.get('task_id')}: an MBPP row has text or prompt, code and test_list; got {list(row)}"
        )
    visible = list(range(min(shown, len(tests))))
    suite = {
        "format": "asserts",
        "style": "asserts",
        "setup": "\n".join([row.get("test_setup_code", ""), *row.get("test_imports", ())]).strip(),
        "tests": tests,
        "names": _named(row["code"], tests),
        "visible": visible if len(visible) < len(tests) else [],
    }
    ask = ASK.format(statement, "\n".join(tests[i] for i in visible))
    return code_task(f"mbpp/{row['task_id']}", ask, suite, solution=row["code"])


def _named(solution: str, tests: Sequence[str]) -> list[str]:
    r"""What the tests take from the solution, such as its own `sum`, which could else be taken for the builtin.

    >>> _named("def sum(a, b):\n    return a + b", ["assert sum(2, 3) == 5"])
    ['sum']
    """
    try:
        defined = {x.name for x in ast.parse(solution).body if isinstance(x, ast.FunctionDef | ast.ClassDef)}
        used = {x.id for test in tests for x in ast.walk(ast.parse(test)) if isinstance(x, ast.Name)}
    except SyntaxError:  # the verifier says so of the task
        return []
    return sorted(defined & used)
