"""What an environment costs: resets, steps, forks and memory, without a model.

    python benchmarks/envs.py [ID ...] [--seconds 1.0] [--repeats 5] [--peers PYTHON] [--json PATH]

Each environment plays its gold replies, task after task. Figures are medians over the repeats, which are interleaved:
one round measures every environment once. A fork is `snapshot` and `restore` into another instance in the middle of an
episode. Memory is what one more instance with an open episode adds (tracemalloc, its tasks not counted).

`--peers` names a Python that has gem-llm and skyrl-gym; `benchmarks/peers_envs.py` runs there, once a round, on what
they have that is alike: a guessing game of many turns, and GSM8K answers of one turn.
"""

from __future__ import annotations

import argparse
import copy
import datetime
import json
import platform
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from agentrl.environment import MultiTurnEnv
from agentrl.errors import AgentRLError
from agentrl.registry import ids, make, register
from agentrl.types import Message, Split, Task, Verdict

PEERS = Path(__file__).with_name("peers_envs.py")
TASKS = 32


class Guess(MultiTurnEnv):
    """A guessing game of many turns, as GEM has one: higher or lower, up to 20 turns."""

    max_turns = 20

    def tasks(self, split: Split) -> Sequence[Task]:
        """Numbers to 20."""
        return [Task.ask(f"{split}/{n}", "Guess a number between 1 and 20.", n) for n in range(1, 21)]

    def begin(self, task: Task) -> tuple[Message, ...]:
        """Nothing is guessed yet."""
        self.guessed: set[int] = set()
        return task.prompt

    def gold(self, task: Task) -> Sequence[str | Message]:
        """From 1 on, in order."""
        return tuple(str(n) for n in range(1, task.answer + 1))

    def turn(self, reply: str) -> str | Verdict:
        """Higher, lower, or right."""
        assert self.task is not None
        if not reply.isdecimal():
            return "That is no number."
        guess = int(reply)
        self.guessed.add(guess)
        if guess == self.task.answer:
            return Verdict(1.0, "correct")
        return f"It is {'lower' if guess > self.task.answer else 'higher'}; {len(self.guessed)} guessed."


def rate(work: Callable[[], int], seconds: float) -> float:
    """What `work` counts, a second; it is called until the time is up."""
    done, began = 0, time.perf_counter()
    while (spent := time.perf_counter() - began) < seconds:
        done += work()
    return done / spent


class Subject:
    """One environment with its tasks and gold replies."""

    def __init__(self, id: str) -> None:
        self.env, self.other = make(id), make(id)
        tasks = self.env.all_tasks("train")
        self.tasks = [tasks[i] for i in range(min(TASKS, len(tasks)))]
        self.replies = [list(self.env.gold(task)) for task in self.tasks]
        self.place = 0

    def next(self) -> tuple[Task, list[str | Message]]:
        """The next task and what solves it."""
        self.place = (self.place + 1) % len(self.tasks)
        return self.tasks[self.place], self.replies[self.place]

    def reset(self) -> int:
        """Begin the next task."""
        self.env.reset(seed=0, options={"task": self.next()[0]})
        return 1

    def play(self) -> int:
        """An episode of gold replies; how many steps it had."""
        task, replies = self.next()
        self.env.reset(seed=0, options={"task": task})
        steps = 0
        for reply in replies:
            *_, terminated, truncated, _ = self.env.step(reply)
            steps += 1
            if terminated or truncated:
                break
        return steps

    def fork(self) -> int:
        """One fork."""
        self.other.restore(self.env.snapshot())
        return 1

    def middle(self) -> None:
        """Go half way through the longest of the episodes."""
        replies = max(self.replies, key=len)
        self.env.reset(seed=0, options={"task": self.tasks[self.replies.index(replies)]})
        for reply in replies[: len(replies) // 2]:
            self.env.step(reply)

    def bytes(self) -> int:
        """What one more instance with an open episode holds."""
        self.middle()
        shared = {id(self.env._by_split): self.env._by_split}
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        kept = copy.deepcopy(self.env, dict(shared))
        kept.restore(self.env.snapshot())
        after, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        kept.close()
        return after - before

    def measure(self, seconds: float) -> dict[str, float]:
        """Resets, steps and forks; what the first of each loads is not counted."""
        self.play()
        resets, steps = rate(self.reset, seconds), rate(self.play, seconds)
        self.middle()
        return {"resets/s": resets, "steps/s": steps, "fork ms": 1000 / rate(self.fork, seconds / 2)}


def subjects(chosen: Sequence[str]) -> dict[str, Subject]:
    """Those environments that have tasks here and gold replies."""
    register("env", "guess", Guess)
    found: dict[str, Subject] = {}
    for id in chosen or ("guess", *ids("env")):
        try:
            subject = Subject(id)
        except AgentRLError as error:
            print(f"{id}: left out, {str(error)[:90]}", file=sys.stderr)
            continue
        if all(subject.replies):
            found[id] = subject
        else:
            print(f"{id}: left out, it names no gold replies", file=sys.stderr)
    return found


def main() -> None:
    """Measure, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("ids", nargs="*", metavar="ID")
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--peers", type=Path, help="a Python that has gem-llm and skyrl-gym")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    measured = subjects(args.ids)
    rounds: dict[str, list[dict[str, float]]] = {}
    for _ in range(args.repeats):
        for id, subject in measured.items():
            rounds.setdefault(id, []).append(subject.measure(args.seconds))
        if args.peers is not None:
            done = subprocess.run([args.peers, PEERS, str(args.seconds)], capture_output=True, text=True, check=True)
            for id, found in json.loads(done.stdout).items():
                rounds.setdefault(id, []).append(found)
    rows = {id: {name: statistics.median(r[name] for r in found) for name in found[0]} for id, found in rounds.items()}
    for id, subject in measured.items():
        rows[id]["KiB an instance"] = subject.bytes() / 1024
    show(rows)
    if args.json is not None:
        record = {
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "device": f"{platform.machine()}, {platform.python_version()}",
            "command": " ".join(["python", *("PYTHON" if word == str(args.peers) else word for word in sys.argv)]),
            "rows": rows,
        }
        args.json.write_text(json.dumps(record, indent=2) + "\n")


def cell(name: str, value: float | None) -> str:
    """One figure."""
    if value is None:
        return "-"
    return f"{value:,.3f}" if name == "fork ms" else f"{value:,.0f}"


def show(rows: dict[str, dict[str, Any]]) -> None:
    """A table of all figures."""
    names = ["resets/s", "steps/s", "fork ms", "KiB an instance"]
    print(f"{'environment':34}" + "".join(f"{name:>16}" for name in names))
    for id, row in rows.items():
        cells = [cell(name, row.get(name)) for name in names]
        print(f"{id:34}" + "".join(f"{text:>16}" for text in cells))


if __name__ == "__main__":
    main()
