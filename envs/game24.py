"""The Game of 24: make 24 from four cards with + - * / and brackets.

By default all 1,362 hands of four cards from 1 to 13 that have a solution, found by an exact search; a digest of the
sorted hand puts one in five into test. Levels: 1 seven or more last steps make 24, 2 four to six, 3 two or three, 4
one; 5 (16 hands) none without a fraction or a number below 0 on the way, as for 3, 3, 8, 8.

With a `source`, the puzzles of Tree of Thoughts: 24.csv {Rank, Puzzles, ...} from 4nums.com, in the order of the time
that people take; as in the paper, ranks 901 to 1000 are test, the others train. Also JSONL rows {numbers}, in files of
their own for each split.

Source: Yao et al. 2023, "Tree of Thoughts", arXiv:2305.10601, and its repository
https://github.com/princeton-nlp/tree-of-thought-llm.

Differs from the source: one reply of any form that ends with the whole expression in tags, where the paper has three
steps and a last line; the expression is read and computed in fractions, where the paper simplifies it with sympy.

Covered: every solution with the four rules, each card once.
Not covered: hands without a solution (`left_out` counts rows of them); powers, roots, factorials, cards put together.
Data licence: the built-in hands none; 24.csv MIT.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from agentrl.data import load_rows, split_of
from agentrl.environment import SingleTurnEnv
from agentrl.envs._levels import levels_of
from agentrl.envs._maths.hands import CARDS, TARGET, hands, level_of
from agentrl.errors import DataError
from agentrl.golds import gold_reply
from agentrl.types import Message, Split, Task

SYSTEM = (
    "Make 24 from four cards: write one arithmetic expression that uses each of them exactly once, with + - * / and "
    "brackets. Think first, then end your reply with the expression in tags: <answer>(1 + 2 + 3) * 4</answer>."
)
_PAPERS_TEST = range(901, 1001)
_FILE = "24.csv"


class Game24(SingleTurnEnv):
    """Four cards, answered with an expression that makes 24.

    Args:
        level: 1 to 5, or a range such as "1-3"; see the module. It chooses rows as well.
        source: "" for all hands; or 24.csv or a folder that holds it; or a JSONL file (plain or gzipped) or a folder
            with train.jsonl.gz and test.jsonl.gz; read at the first `reset`.
        split: Which tasks `reset` draws from.
        render_mode: "ansi" or None.

    Raises:
        ConfigError: `level` has another value.
    """

    verifier = "countdown"
    verifier_options = MappingProxyType({"uses": "all"})

    def __init__(
        self,
        *,
        level: int | str = "1-5",
        source: str = "",
        split: Split = "train",
        render_mode: str | None = None,
    ) -> None:
        super().__init__(split=split, render_mode=render_mode)
        self.levels = levels_of(level)
        self.source = source
        self.left_out: dict[Split, int] = {}

    def tasks(self, split: Split) -> Sequence[Task]:
        """One task a hand; a row whose cards have no solution is left out (`left_out` counts them).

        Raises:
            DataError: The rows cannot be read, or one is not four cards.
            MissingExtraError: The source is on the hub and `datasets` is not installed.
        """
        if not self.source:
            named = {"-".join(map(str, hand)): hand for hand in hands()}
            read = [(name, hand) for name, hand in named.items() if split_of("game24", name) == split]
        elif found := _csv_file(self.source):
            read = list(_from_csv(found, split))
        else:
            read = list(_from_jsonl(self.source, split))
        levels = [level_of(tuple(sorted(hand))) for _, hand in read]
        self.left_out[split] = levels.count(0)
        return [_task(*one, level) for one, level in zip(read, levels, strict=True) if level in self.levels]

    def gold(self, task: Task) -> Sequence[str | Message]:
        """A solution that the search finds."""
        return (str(gold_reply("countdown", task.answer, self.verifier_options)),)


def _task(id: str, hand: tuple[int, ...], level: int) -> Task:
    prompt = (Message("system", SYSTEM), Message("user", f"The cards are {', '.join(map(str, hand))}."))
    return Task(id, prompt, {"numbers": list(hand), "target": TARGET}, {"level": level})


def _csv_file(source: str) -> Path | None:
    path = Path(source).expanduser()
    if path.is_dir() and (path / _FILE).is_file():
        return path / _FILE
    return path if path.suffix == ".csv" else None


def _from_csv(path: Path, split: Split) -> Iterator[tuple[str, tuple[int, ...]]]:
    try:
        rows = list(csv.DictReader(path.read_text("utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    for number, row in enumerate(rows, 1):
        rank, cards = row.get("Rank") or "", (row.get("Puzzles") or "").split()
        if not rank.isdecimal() or not all(card.isdecimal() for card in cards):
            raise DataError(
                f"{path}, row {number}: Rank and Puzzles must be numbers, got {rank!r:.20} and {cards!r:.60}"
            )
        if (int(rank) in _PAPERS_TEST) == (split == "test"):
            yield rank, _hand(f"{path}, row {number}", [int(card) for card in cards])


def _from_jsonl(source: str, split: Split) -> Iterator[tuple[str, tuple[int, ...]]]:
    for index, row in enumerate(load_rows(source, split)):
        yield f"{split}/{index}", _hand(f"{source} ({split}), row {index + 1}", row.get("numbers"))


def _hand(where: str, cards: Any) -> tuple[int, ...]:
    """Four cards, as they are.

    Raises:
        DataError: They are not.
    """
    whole = isinstance(cards, list) and all(isinstance(n, int) and not isinstance(n, bool) for n in cards)
    if not whole or len(cards) != CARDS or not all(0 <= n <= 100 for n in cards):
        raise DataError(f"{where}: a hand must be {CARDS} whole numbers from 0 to 100, got {cards!r:.60}")
    return tuple(cards)
