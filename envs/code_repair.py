"""Self-debugging: repair a wrong program from what its tests say, in several turns.

The first message holds the problem, a wrong program, and the log of its tests. Each turn the policy explains what is
wrong and sends the whole corrected program in one ```python block; it gets the log of that one. The episode ends with
score 1 when all tests pass, and with 0 after the last turn. Failing visible tests are told with input, expected and
actual value; of hidden tests only how many pass. With `first="own"` the policy writes the first program itself.

A reply's explanation and code are segments of their own (`segments`), so that each can have its own credit.

Source: Chen et al. 2023, "Teaching Large Language Models to Self-Debug", arXiv:2304.05128; Jiang et al. 2024, "LeDex",
arXiv:2405.18649. Programs: by default mutants of 30 small functions, made when asked for and tried before use: each
fails at least one visible and one hidden test, and ends. Or rows of QuixBugs {buggy_program, solution, tests},
HumanEvalFix {buggy_solution, canonical_solution, test, example_test} or DebugBench {buggy_code, oracle_code, examples}:
the fields tell which.

Differs from the source: hidden tests decide. QuixBugs shows the first half of its tests, HumanEvalFix its example
tests, DebugBench all examples but the last, for it has no other tests. A row whose reference fails a test, or whose
wrong program passes them all, makes its task invalid at the first reply.

Covered: mutants in 18 kinds of edits; functions with plain values; 34 of QuixBugs' 40 rows, all 164 of
HumanEvalFix, 1,234 of DebugBench's 1,414 (1,141 of these valid).
Not covered: more mutants of one edit than a program has, which then repeat: the first 100 of each program for testing
are 20 to 43 different ones. QuixBugs rows whose tests define classes; DebugBench rows with linked nodes, changes in
place, classes to design or examples that are not plain values (`left_out` counts them); problems with several right
answers; traces of the program's run.
Data licence: the built-in programs are agentrl's; QuixBugs and HumanEvalFix MIT, DebugBench Apache-2.0.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, get_args

from agentrl.data import in_turn, load_rows
from agentrl.environment import Env, Outcome
from agentrl.envs._code.repairs import Repair, header, mutant_repair, programs_of, repair_of
from agentrl.envs._code.replies import fenced, repair_segments
from agentrl.envs._code.suites import completed
from agentrl.errors import SandboxError, check_choice, check_count
from agentrl.types import Message, Split, Task, Transcript, Verdict
from agentrl.verifiers._code.judge import SuiteResult, judge

First = Literal["given", "own"]

SYSTEM = (
    "You repair Python programs. Say what is wrong between <explain> and </explain>, then send the whole corrected "
    "program in one ```python block."
)
WRONG = "{}\n\nThis program does not do that:\n\n{}"
OWN = "{}\n\nWrite the program. It must define:\n\n{}"
LOG = "{}\n\nIts tests say:\n{}"
AGAIN = "The program is still wrong. Its tests say:\n{}\n\nExplain, and send the whole corrected program."
NO_CODE = "The reply holds no program. Send the whole program in one ```python block."


class CodeRepair(Env):
    """Wrong programs to repair.

    Args:
        source: A JSONL file of QuixBugs, HumanEvalFix or DebugBench (plain or gzipped), or a folder with train.jsonl.gz
            and test.jsonl.gz; "" makes mutants.
        first: Whose program is the first: a wrong one that is "given", or the policy's "own".
        edits: Edits of each mutant.
        count: Generated tasks of each split: mutants of all programs in turn.
        sandbox: The back end that runs the programs.
        split: Which tasks `reset` draws from.
        max_turns: Turns until the episode is truncated.
        render_mode: "ansi" or None.

    Raises:
        ConfigError: `first` is neither, or `edits` or `count` is below 1.
    """

    max_turns = 4
    verifier = "code"
    execution = "thread"

    def __init__(
        self,
        *,
        source: str = "",
        first: First = "given",
        edits: int = 1,
        count: int = 10_000,
        sandbox: str = "zygote",
        split: Split = "train",
        max_turns: int | None = None,
        render_mode: str | None = None,
    ) -> None:
        super().__init__(split=split, max_turns=max_turns, render_mode=render_mode)
        check_choice("first", first, get_args(First))
        check_count("edits", edits)
        check_count("count", count)
        self.source, self.first, self.sandbox = source, first, sandbox
        self.edits, self.count = edits, count
        self.left_out: dict[Split, int] = {}
        self.verifier_options = {"sandbox": sandbox}
        self._invalid = ""

    def tasks(self, split: Split) -> Sequence[Task]:
        """Mutants, each made when it is asked for; or one task a row that can be read.

        Raises:
            DataError: The rows cannot be read, or one is of none of the forms.
        """
        if not self.source:
            return in_turn(split, [program.name for program in programs_of(split)], self.count, self._mutant)
        rows = load_rows(self.source, split)
        found = [repair_of(row, f"{split}/{i}") for i, row in enumerate(rows)]
        self.left_out[split] = found.count(None)
        return [self._task(repair) for repair in found if repair is not None]

    def gold(self, task: Task) -> Sequence[str | Message]:
        """The right program."""
        words = f" ({task.data['bug']})" if task.data["bug"] else ""
        return (f"<explain>The program has a bug{words}.</explain>\n{fenced(task.data['solution'])}",)

    def begin(self, task: Task) -> tuple[Message, ...]:
        """Show the problem, and the log of the wrong program.

        Raises:
            SandboxError: The machine failed.
        """
        self._invalid = ""
        if self.source and not self._all_pass(task, task.data["solution"]):
            self._invalid = "the reference fails a test"
        if self.first == "own":
            return task.prompt
        result = self._log(task, task.data["program"])
        if self._all_pass(task, task.data["program"]):
            self._invalid = "the program to repair passes all its tests"
        *before, last = task.prompt
        return (*before, Message("user", LOG.format(last.content, result.feedback)))

    def respond(self, action: Message) -> Outcome:
        """Run all tests on the reply's program."""
        assert self.task is not None
        if self._invalid:
            return _end(Verdict(0.0, "task_invalid", feedback=self._invalid))
        verdict = self._verify(self.task, completed(self.task, Transcript((action,))))
        if not verdict.scored:
            return _end(verdict)
        if verdict.success and all(check.passed for check in verdict.checks):
            return _end(verdict)
        if verdict.success:  # the hidden tests pass, a visible one does not
            verdict = replace(verdict, score=0.0, status="incorrect")
        said = NO_CODE if verdict.status == "no_answer" else AGAIN.format(verdict.feedback)
        return Outcome((Message("user", said),), verdict=verdict)

    def segments(self, reply: str) -> list[tuple[str, int, int]]:
        """The explanation and the code of a reply, as (tag, first character, end)."""
        return repair_segments(reply)

    def _log(self, task: Task, program: str) -> SuiteResult:
        source = "\n".join(part for part in (task.data["preamble"], program) if part)
        return _judged(json.dumps(task.answer), source, self.sandbox)

    def _all_pass(self, task: Task, program: str) -> bool:
        result = self._log(task, program)
        return bool(result.results) and all(test.passed for test in result.results)

    def _mutant(self, program: str, id: str) -> Task:
        return self._task(mutant_repair(program, id, self.edits, self.sandbox))

    def _task(self, repair: Repair) -> Task:
        if self.first == "own":
            text = OWN.format(repair.statement, fenced(header(repair)))
        else:
            text = WRONG.format(repair.statement, fenced(repair.program))
        data = {name: getattr(repair, name) for name in ("program", "solution", "preamble", "bug")}
        return Task(repair.id, (Message("system", SYSTEM), Message("user", text)), repair.suite, data)


def _end(verdict: Verdict) -> Outcome:
    return Outcome(reward=verdict.score, verdict=verdict, terminated=True)


@functools.lru_cache(maxsize=2048)
def _judged(suite: str, source: str, sandbox: str) -> SuiteResult:
    """The tests of a program that the task holds: the same for all samples of a group.

    Raises:
        SandboxError: The machine failed; this is not remembered.
    """
    result = judge(json.loads(suite), source, sandbox=sandbox)
    if result.status == "infra_error":
        raise SandboxError(result.feedback)
    return result
