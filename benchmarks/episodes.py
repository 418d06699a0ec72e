"""How fast episodes and environment steps are, without a model.

    python benchmarks/episodes.py [--repeats 5] [--json PATH]

(a) single-turn episodes of `arithmetic` under a scripted policy, committed to a run folder in shards;
(b) steps of a 20-turn environment, two worker processes, their steps added up;
(c) the same through `gymnasium.make`'s default wrappers, TimeLimit and RecordEpisodeStatistics.

Prints medians over the repeats, after one that is not counted.
"""

from __future__ import annotations

import argparse
import datetime
import json
import multiprocessing
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gymnasium

from agentrl.environment import MultiTurnEnv
from agentrl.episodes import Plan, collect, copies, run_sync
from agentrl.policies.script import Script
from agentrl.registry import make, register
from agentrl.store import Run
from agentrl.types import Message, Split, Task, Verdict

TURNS = 20
WORKERS = 2
STEPS = 40_000
EPISODES = 4_096
SHARD = 512


class Echo(MultiTurnEnv):
    """Says back what it hears, for 20 turns."""

    max_turns = TURNS + 1

    def tasks(self, split: Split) -> Sequence[Task]:
        """Sixteen words."""
        return [Task.ask(str(n), f"word {n}") for n in range(16)]

    def begin(self, task: Task) -> tuple[Message, ...]:
        """Count from the start."""
        self.turns = 0
        return task.prompt

    def turn(self, reply: str) -> str | Verdict:
        """Echo, or end."""
        self.turns += 1
        return Verdict(1.0, "correct") if self.turns == TURNS else reply


def bare() -> gymnasium.Env[Any, Any]:
    return Echo()


def wrapped() -> gymnasium.Env[Any, Any]:
    register("env", "bench_echo", Echo)
    env = gymnasium.make("agentrl/BenchEcho-v0", max_episode_steps=TURNS + 5)
    return gymnasium.wrappers.RecordEpisodeStatistics(env)


def steps_per_second(opener: Callable[[], gymnasium.Env[Any, Any]], start: Any, out: Any) -> None:
    """A worker: play episodes until there are enough steps; put the rate."""
    env = opener()
    env.reset(seed=0)
    start.wait()
    began, steps, over = time.perf_counter(), 0, True
    while steps < STEPS:
        if over:
            env.reset()
        _, _, terminated, truncated, _ = env.step("hello")
        over = terminated or truncated
        steps += 1
    out.put(steps / (time.perf_counter() - began))


def environment_rate(opener: Callable[[], gymnasium.Env[Any, Any]]) -> float:
    """Steps a second of all workers together."""
    context = multiprocessing.get_context("fork")
    start, out = context.Barrier(WORKERS), context.Queue()
    workers = [context.Process(target=steps_per_second, args=(opener, start, out)) for _ in range(WORKERS)]
    for worker in workers:
        worker.start()
    rates: list[float] = [out.get() for _ in workers]
    for worker in workers:
        worker.join()
    return sum(rates)


def episode_rate() -> float:
    """Episodes a second, from task to committed shard."""
    env = make("arithmetic")
    tasks = env.all_tasks("train")
    policy = Script(["12 + 30 = 42\n#### 42"])
    with tempfile.TemporaryDirectory() as folder:
        run = Run.create(Path(folder) / "run", {})
        began = time.perf_counter()
        for step in range(EPISODES // SHARD):
            chosen = tuple(tasks[(step * SHARD // 8 + i) % len(tasks)] for i in range(SHARD // 8))
            found = run_sync(collect(copies(env), policy, Plan(chosen, 8, 0, step)))
            run.commit(f"train/step_{step:06d}", found.rollouts)
        return EPISODES / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description="Episodes and environment steps a second.")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    measures: dict[str, Callable[[], float]] = {
        "episodes/s, single turn, scripted, stored": episode_rate,
        f"steps/s, {TURNS} turns, bare, {WORKERS} processes": lambda: environment_rate(bare),
        f"steps/s, {TURNS} turns, wrapped, {WORKERS} processes": lambda: environment_rate(wrapped),
    }
    device = f"{platform.machine()}, {multiprocessing.cpu_count()} CPU cores, Python {platform.python_version()}"
    print(f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}  {device}\n$ python {' '.join(sys.argv)}\n")
    results = []
    for name, measure in measures.items():
        rates = [measure() for _ in range(options.repeats + 1)][1:]
        median = statistics.median(rates)
        results.append({"name": name, "median": median, "all": rates})
        print(f"{name:<50} {median:>10,.0f}   ({min(rates):,.0f} to {max(rates):,.0f})")
    if options.json is not None:
        date = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        record = {"date": date, "device": device, "command": ["python", *sys.argv], "results": results}
        options.json.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
