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

Covered: mutants without end, in 18 kinds of edits; functions with plain values; 34 of QuixBugs' 40 rows, all 164 of
HumanEvalFix, 1,234 of DebugBench's 1,414 (1,141 of these valid).
Not covered: QuixBugs rows whose tests define classes; DebugBench rows with linked nodes, changes in place, classes to
design or examples that are not plain values (`left_out` counts them); problems with several right answers; traces of
the program's run.
Data licence: the built-in programs are agentrl's; QuixBugs and HumanEvalFix MIT, DebugBench Apache-2.0.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from agentrl.data import LazyTasks, load_rows
from agentrl.environment import Env, Outcome
from agentrl.envs._code.repairs import Repair, header, mutant_repair, programs_of, repair_of
from agentrl.envs._code.replies import fenced, repair_segments
from agentrl.envs._code.suites import completed
from agentrl.errors import ConfigError, SandboxError, UnknownIdError
from agentrl.types import Message, Split, Task, Transcript, Verdict
from agentrl.verifiers._code.judge import SuiteResult, judge

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
        variants: Mutants of each program.
        edits: Edits of each mutant.
        sandbox: The back end that runs the programs.
        split: Which tasks `reset` draws from.
        max_turns: Turns until the episode is truncated.
        render_mode: "ansi" or None.

    Raises:
        ConfigError: `first` is neither, or `variants` or `edits` is below 1.
    """

    max_turns = 4
    verifier = "code"
    execution = "thread"

    def __init__(
        self,
        *,
        source: str = "",
        first: Literal["given", "own"] = "given",
        variants: int = 100,
        edits: int = 1,
        sandbox: str = "zygote",
        split: Split = "train",
        max_turns: int | None = None,
        render_mode: str | None = None,
    ) -> None:
        super().__init__(split=split, max_turns=max_turns, render_mode=render_mode)
        if first not in ("given", "own"):
            raise ConfigError(f"first must be 'given' or 'own', got {first!r}")
        if variants < 1 or edits < 1:
            raise ConfigError(f"variants and edits must be at least 1, got {variants} and {edits}")
        self.source, self.first, self.sandbox = source, first, sandbox
        self.variants, self.edits = variants, edits
        self.left_out: dict[Split, int] = {}
        self.verifier_options = {"sandbox": sandbox}
        self._invalid = ""

    def tasks(self, split: Split) -> Sequence[Task]:
        """Mutants, each made when it is asked for; or one task a row that can be read.

        Raises:
            DataError: The rows cannot be read, or one is of none of the forms.
        """
        if not self.source:
            count = len(programs_of(split))
            return LazyTasks(count * self.variants, lambda i: self._mutant(split, i % count, i // count))
        rows = load_rows(self.source, split)
        found = [repair_of(row, f"{split}/{i}") for i, row in enumerate(rows)]
        self.left_out[split] = found.count(None)
        return [self._task(repair) for repair in found if repair is not None]

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        """Start an episode; a mutant is made from its id, without making those before it."""
        wanted = (options or {}).get("task")
        if isinstance(wanted, str) and not self.source:
            options = {**(options or {}), "task": self._named(wanted)}
        return super().reset(seed=seed, options=options)

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

    def _mutant(self, split: Split, program: int, number: int) -> Task:
        chosen = programs_of(split)[program]
        return self._task(mutant_repair(chosen.name, f"{split}/{chosen.name}/{number}", self.edits, self.sandbox))

    def _named(self, id: str) -> Task:
        splits: tuple[Split, ...] = ("train", "test")
        for split in splits:
            for i, program in enumerate(programs_of(split)):
                prefix, _, number = id.rpartition("/")
                if prefix == f"{split}/{program.name}" and number.isdigit():
                    return self._mutant(split, i, int(number))
        raise UnknownIdError(f"no task {id!r}; an id is split/program/number, as in 'train/gcd/0'")

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
