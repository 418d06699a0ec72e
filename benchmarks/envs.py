"""What an environment costs: resets, steps, forks and memory, without a model.

    python benchmarks/envs.py [ID ...] [--seconds 0.4] [--repeats 5] [--processes 2] [--peers PYTHON] [--json PATH]

Each environment plays its gold replies, task after task, in one process and then in several whose steps are added up;
the resets between episodes, each with a seed, count in the time of the steps. A fork is `snapshot` and `restore` into
another instance in the middle of the longest episode. Memory is what one more instance with that episode open adds
(tracemalloc; its tasks are not counted). Figures are medians over the repeats, which are interleaved: one round
measures everything once. Environments are left out that have no gold replies, or whose tasks are not on this machine.

The shop's search is timed through `step("search[words]")` in a shop of 10,000 products, the page that it answers with
included: for the words of a goal, and for a whole request.

`--peers` names a Python that has some of gem-llm, skyrl-gym and openenv-core. `benchmarks/peers_envs.py` runs there,
once a round, on what they have that is alike: a guessing game of many turns, and GSM8K answers of one turn. Two
differences to know of. A step of ours makes two messages and keeps the log of actions that a fork replays; GEM's makes
one string, and looks for a number in a box. A fork of ours is bytes, which any process can restore; theirs is a
`copy.deepcopy`.
"""

from __future__ import annotations

import argparse
import copy
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from timing import measure

from agentrl.environment import MultiTurnEnv
from agentrl.envs._shop.products import Catalogue
from agentrl.envs.shop import Shop
from agentrl.errors import AgentRLError
from agentrl.registry import ids, make, register
from agentrl.types import Message, Split, Task, Verdict

PEERS = Path(__file__).with_name("peers_envs.py")
TASKS = 32
PRODUCTS = 10_000
SEARCHES = 300


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


class Subject:
    """One environment with its tasks and gold replies."""

    def __init__(self, id: str) -> None:
        self.env, self.other = make(id), make(id)
        tasks = self.env.all_tasks("train")
        self.tasks = [tasks[i] for i in range(min(TASKS, len(tasks)))]
        self.replies = [list(self.env.gold(task)) for task in self.tasks]
        self.place = 0

    def reset(self) -> int:
        """Begin the next task."""
        self.place = (self.place + 1) % len(self.tasks)
        self.env.reset(seed=0, options={"task": self.tasks[self.place]})
        return 1

    def play(self) -> int:
        """An episode of gold replies; how many steps it had."""
        self.reset()
        steps = 0
        for reply in self.replies[self.place]:
            *_, terminated, truncated, _ = self.env.step(reply)
            steps += 1
            if terminated or truncated:
                break
        return steps

    def middle(self) -> None:
        """Go half way through the longest of the episodes."""
        replies = max(self.replies, key=len)
        self.env.reset(seed=0, options={"task": self.tasks[self.replies.index(replies)]})
        for reply in replies[: len(replies) // 2]:
            self.env.step(reply)

    def fork(self) -> int:
        """One fork."""
        self.other.restore(self.env.snapshot())
        return 1

    def instance(self) -> object:
        """One more instance with this episode open, which shares the tasks."""
        kept = copy.deepcopy(self.env, {id(self.env._by_split): self.env._by_split})
        kept.restore(self.env.snapshot())
        return kept


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


def search_ms(env: Shop, searches: Iterable[tuple[Task, str]]) -> float:
    """The median time of a first search in an episode; nothing keeps results from one search to the next."""
    spent = []
    for task, words in searches:
        env.reset(seed=0, options={"task": task})
        began = time.perf_counter()
        env.step(f"search[{words}]")
        spent.append(time.perf_counter() - began)
    return 1000 * statistics.median(spent)


def shop_search(env: Shop) -> dict[str, float]:
    """How long the shop's search takes, and building its index."""
    tasks = [env.all_tasks("test")[i] for i in range(SEARCHES)]
    fresh = Catalogue(env.catalogue.products)
    began = time.perf_counter()
    fresh.find("shirt")
    return {
        "index s": time.perf_counter() - began,
        "goal's words ms": search_ms(env, ((task, task.data["query"]) for task in tasks)),
        "whole request ms": search_ms(env, ((task, task.data["instruction"]) for task in tasks)),
    }


def median_rows(rounds: Sequence[dict[str, dict[str, float]]]) -> dict[str, dict[str, float]]:
    """The median of every figure over the rounds."""
    return {
        row: {name: statistics.median(each[row][name] for each in rounds) for name in figures}
        for row, figures in rounds[0].items()
    }


def show(rows: dict[str, dict[str, float]]) -> None:
    """A table: a line a row, a column a figure."""
    names = list(dict.fromkeys(name for figures in rows.values() for name in figures))
    wide = max(map(len, rows))
    print("\n" + " " * wide + "".join(f"{name:>18}" for name in names))
    for row, figures in rows.items():
        cells = [f"{figures[name]:,.{places(name)}f}" if name in figures else "-" for name in names]
        print(f"{row:{wide}}" + "".join(f"{cell:>18}" for cell in cells))


def places(name: str) -> int:
    """Decimal places of a figure."""
    return 3 if name.endswith(" ms") else 1 if name.startswith("KiB") else 2 if name.endswith(" s") else 0


def main() -> None:
    """Measure, print the tables, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("ids", nargs="*", metavar="ID")
    parser.add_argument("--seconds", type=float, default=0.4, help="of each measurement")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--processes", type=int, default=2, help="that play at once, beside one alone")
    parser.add_argument("--peers", type=Path, help="a Python that has some of gem-llm, skyrl-gym and openenv-core")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    os.environ["HF_HUB_OFFLINE"] = "1"  # a data set that is not on this machine is left out at once
    measured = subjects(args.ids)
    rounds: list[dict[str, dict[str, float]]] = []
    searches: list[dict[str, dict[str, float]]] = []
    shop = Shop(products=PRODUCTS)
    for _ in range(args.repeats):
        found = {id: measure(subject, args.seconds, args.processes) for id, subject in measured.items()}
        if args.peers is not None:
            found |= peers(args.peers, args.seconds, args.processes)
        rounds.append(found)
        if "shop" in measured:
            searches.append({f"shop search, {PRODUCTS:,} products": shop_search(shop)})
    tables = [median_rows(each) for each in (rounds, searches) if each]
    for rows in tables:
        show(rows)
    if args.json is not None:
        named = {str(args.peers): "PYTHON", str(args.json): args.json.name}
        record = {
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "device": f"{platform.machine()}, {os.cpu_count()} CPU cores, Python {platform.python_version()}",
            "command": " ".join(["python benchmarks/envs.py", *(named.get(word, word) for word in sys.argv[1:])]),
            "rows": {row: figures for rows in tables for row, figures in rows.items()},
        }
        args.json.write_text(json.dumps(record, indent=2) + "\n")


def peers(python: Path, seconds: float, processes: int) -> dict[str, dict[str, float]]:
    """The rows of other kits, measured in a Python that has them."""
    command = [str(python), str(PEERS), f"--seconds={seconds}", f"--processes={processes}"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    rows: dict[str, dict[str, float]] = json.loads(done.stdout)
    return rows


if __name__ == "__main__":
    main()
