"""Small goals in a file system, reached through a shell in a sandbox.

A task says what to do with some files: create, rename, count, extract, sort, replace, gather, delete, organise, find or
total. Each turn the policy sends one ```sh block, which runs as a script in the box and is answered with its exit code
and the ends of its output; `done` on the last line, without a block, ends the episode. Files last from turn to turn,
the shell does not: each block starts in the box's folder. The goal is checked outside, on a copy of the box's files:
files named by the task must be as asked, all others as they were, and new ones do no harm.

Source: none; written for agentrl. Differs from the source: nothing to differ from.

The task is a function of its id: a kind and a number, train and test drawn from different streams. An episode forks by
running its commands again in a fresh box, so `state_key` is a digest of the files.

Covered: eleven kinds of goals (of `count` about a hundred, of others more); scripts of several lines; limits on time,
memory and disk.
Not covered: permissions, links, processes that outlive a turn, network; commands whose output tells the time, for a
fork runs them again.
Data licence: generated; none.
"""

from __future__ import annotations

import functools
import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from agentrl import sandbox as sandboxes
from agentrl.data import generated, in_turn
from agentrl.environment import Env, Outcome
from agentrl.envs._code.goals import KINDS, draw_goal, unmet
from agentrl.envs._code.replies import fenced
from agentrl.errors import BoxError, SandboxError, UsageError, check_count, check_names
from agentrl.programs import Command, ExecResult, Limits
from agentrl.types import Check, Message, Split, Task, Verdict
from agentrl.verifiers._reading.fences import blocks

SYSTEM = (
    "You work in a folder through a shell. Each turn, send one block of commands:\n```sh\nls\n```\n"
    "You get the exit code and the output. Each block starts in the same folder. When the task is done, reply with the "
    "word `done` alone."
)
FORMAT = "Send one ```sh block, or `done` when the task is done."
LIMITS = Limits(wall_s=10, cpu_s=5, memory_mib=256, output_bytes=2**18, disk_mib=16, inodes=1024)
TAIL = 2000
"""Characters of stdout and of stderr that the policy sees."""


class Terminal(Env):
    """Goals in a file system.

    Args:
        kinds: Kinds of goals; empty is all of them.
        count: Generated tasks of each split, of all kinds in turn.
        sandbox: The back end that runs the commands.
        split: Which tasks `reset` draws from.
        max_turns: Turns until the episode is truncated.
        render_mode: "ansi" or None.

    Raises:
        ConfigError: A kind does not exist, or `count` is below 1.
    """

    max_turns = 8
    execution = "thread"

    def __init__(
        self,
        *,
        kinds: Sequence[str] = (),
        count: int = 10_000,
        sandbox: str = "zygote",
        split: Split = "train",
        max_turns: int | None = None,
        render_mode: str | None = None,
    ) -> None:
        super().__init__(split=split, max_turns=max_turns, render_mode=render_mode)
        check_names("kinds", kinds, KINDS)
        check_count("count", count)
        self.kinds = tuple(dict.fromkeys(kinds)) or tuple(KINDS)
        self.count = count
        self.sandbox = sandbox
        self._box: sandboxes.Session | None = None
        self._ran: list[str] = []
        self._files: dict[str, bytes] = {}

    def tasks(self, split: Split) -> Sequence[Task]:
        """Tasks of all kinds in turn, each made when it is asked for."""
        return in_turn(split, self.kinds, self.count, functools.partial(_task, split))

    def gold(self, task: Task) -> Sequence[str | Message]:
        """The commands of the generator, then `done`."""
        return (fenced(task.data["commands"], "sh"), "done")

    def begin(self, task: Task) -> tuple[Message, ...]:
        """Forget the last box; the new one opens with the first command."""
        self.close()
        self._ran = []
        self._files = {path: text.encode() for path, text in task.data["files"].items()}
        return task.prompt

    def respond(self, action: Message) -> Outcome:
        """Run the reply's block, or check the goal.

        Raises:
            SandboxError: The machine failed.
        """
        found = [block for block in blocks(action.content) if block.label in ("sh", "bash", "shell", "")]
        if len(found) != 1:
            if not found and action.content.strip().lower().rpartition("\n")[2].strip(" `.") == "done":
                return self._end(self._verdict())
            return Outcome((Message("user", FORMAT),))
        result = self._execute(action.content[found[0].start : found[0].end].replace("\r\n", "\n"))
        if result is None:
            return self._end(Verdict(0.0, "resource_limit", feedback="The commands left a box that cannot be used."))
        return Outcome((Message("user", _shown(result)),))

    def state_key(self) -> str:
        """A digest of the task and the box's files: the way that led there does not count."""
        if self.task is None:
            raise UsageError("there is no state before reset()")
        digest = hashlib.blake2b(self.task.id.encode(), digest_size=12)
        for path, content in sorted(self._files.items()):
            name = path.encode("utf-8", "surrogateescape")
            digest.update(b"%d:%b%d:%b" % (len(name), name, len(content), content))
        return digest.hexdigest()

    def close(self) -> None:
        """End the box."""
        if self._box is not None:
            self._box.close()
            self._box = None

    def __getstate__(self) -> dict[str, Any]:
        """Without the box: a copy opens its own and runs the commands again."""
        return {**self.__dict__, "_box": None}

    def _end(self, verdict: Verdict) -> Outcome:
        self.close()
        return Outcome(reward=verdict.score, verdict=verdict, terminated=True)

    def _verdict(self) -> Verdict:
        assert self.task is not None
        expected, absent = self.task.answer["files"], self.task.answer["absent"]
        wrong = unmet(self.task.data["files"], expected, absent, self._files)
        named = sorted({*self.task.data["files"], *expected})
        checks = tuple(Check(path, path not in wrong) for path in named)
        if wrong:
            return Verdict(0.0, "incorrect", checks=checks, feedback=f"{len(wrong)} files are not as asked.")
        return Verdict(1.0, "correct", checks=checks)

    def _execute(self, script: str) -> ExecResult | None:
        """Run a script and look at the files; None where it left a box that cannot be used.

        A box that can start nothing more may be the commands' doing: a fresh one with the same commands decides. If it
        fails again the policy is to blame, who must not be able to leave the mean.

        Raises:
            SandboxError: No box can be opened.
        """
        for _ in range(2):
            box = self._live()
            try:
                with sandboxes.shared(self.sandbox).turn():
                    result = box.run(_shell(script))
                    files = box.snapshot() if result.ran else {}
            except BoxError:
                return None
            except SandboxError:
                result = None
            if result is not None and result.ran:
                self._ran.append(script)
                self._files = files
                return result
            self.close()
        return None

    def _live(self) -> sandboxes.Session:
        """The box, with every command of the episode run in it."""
        if self._box is None:
            assert self.task is not None
            sandbox = sandboxes.shared(self.sandbox)
            initial = {path: text.encode() for path, text in self.task.data["files"].items()}
            self._box = sandbox.session(files=initial, limits=LIMITS)
            for script in self._ran:
                with sandbox.turn():
                    self._box.run(_shell(script))
        return self._box


def _shell(script: str) -> Command:
    return Command(("/bin/sh", "-c", script.replace("\0", "")))


def _shown(result: ExecResult) -> str:
    """What the policy sees of a run."""
    ended = f"exit code {result.exit_code}"
    if result.limit:
        ended = f"ended: over the limit {result.limit}"
    elif result.signal is not None:
        ended = f"ended by signal {result.signal}"
    parts = [ended]
    for name, data in (("stdout", result.stdout), ("stderr", result.stderr)):
        text = data.decode("utf-8", "replace")
        if text:
            parts.append(f"{name}:\n{'[...]' if len(text) > TAIL else ''}{text[-TAIL:]}".rstrip())
    return "\n".join(parts)


def _task(split: Split, kind: str, id: str) -> Task:
    """A task; none of the other split asks for the same with the same answer."""
    return replace(generated(f"terminal/{id}", split, 1, functools.partial(_drawn, kind))[0], id=id)


def _drawn(kind: str, draw: random.Random, id: str) -> tuple[str, Task]:
    goal = draw_goal(draw, kind)
    answer: Mapping[str, Any] = {"files": dict(goal.expected), "absent": list(goal.absent)}
    prompt = (Message("system", SYSTEM), Message("user", goal.instruction))
    data = {"kind": kind, "files": dict(goal.files), "commands": goal.commands}
    return repr((goal.instruction, answer)), Task(id, prompt, answer, data)
