"""Metrics of several attempts at one task: what a second attempt mends, and what it breaks.

Numbers in, numbers out: a table of attempts, task x sample x attempt, to figures with intervals over tasks.
`attempts.py` reads such a table from rollouts. With c_j for "attempt j is correct" and P over a task's episodes:

    acc@tj                             P(c_j)
    delta(t1,tj)                       acc@tj - acc@t1 = i->c - c->i
    i->c(t1,tj), c->i(t1,tj)           P(not c_1 and c_j), P(c_1 and not c_j): shares of all episodes
    fix rate(t1,tj), break rate(t1,tj) i->c / (1 - acc@t1), c->i / acc@t1
    answer changed(t1,tj)              the share of episodes whose two answers differ
    edit distance(t1,tj)               between the two replies; see `edit_ratio`
    m1@t1, mK@t1                       one first attempt; the majority of K parallel first attempts
    m1@tL, p1@tL                       the majority of one episode's L attempts; any of them (an oracle stops)
    pass@k after R                     pass@k where a sample counts if any of its first R + 1 attempts is correct
    success refinement rate after R    of the episodes whose first attempt is wrong, those with a right one by R + 1

A majority costs as much as it has attempts: m1@tL compares with mL@t1. In a tie the answer seen first wins.

Source: Kumar et al. 2024 (SCoRe, arXiv 2409.12917) for accuracies, shares and the edit distance; Qu et al. 2024 (RISE,
arXiv 2407.18219) for m and p; Jiang et al. 2024 (LeDex, arXiv 2405.18649) for refinements.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from agentrl.errors import UnscorableError, UsageError
from agentrl.evaluation.grids import Layout, as_text, grids
from agentrl.evaluation.metrics import maj_at_k, pass_at_k
from agentrl.evaluation.stats import Floats, Interval, Paired, interval, paired, paired_ratio, ratio

__all__ = ["Attempt", "Correction", "CorrectionChange", "Table", "difference", "edit_ratio", "measure"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt: whether it is correct, its answer in canonical form if it has one, and what was written."""

    correct: bool
    answer: str | None
    text: str = ""


Sample = Sequence[Attempt]
Table = Sequence[Sequence[Sample]]
"""Task x sample x attempt; every sample has as many attempts."""


@dataclass(frozen=True, slots=True)
class Correction:
    """What several attempts amount to.

    Attributes:
        layout: Attempts an episode, samples a task (where tasks differ, the fewest), and the k of pass@k.
        tasks: Tasks that count.
        episodes: Episodes that count.
        dropped: Tasks left out because an attempt of theirs has no score.
        short: Episodes that ended before the last attempt; for an attempt not made, the last one made counts.
        figures: By name (see the module), over tasks; nan for a rate among no episodes.
    """

    layout: Layout
    tasks: int
    episodes: int
    dropped: int
    short: int
    figures: Mapping[str, Interval]

    def notes(self) -> list[str]:
        """What a reader must know, a line each."""
        size = f"{self.tasks} tasks x {self.layout.samples} samples"
        said = [f"{self.layout.turns} attempts in each of {size}; 95 % intervals over tasks"]
        if self.dropped:
            said.append(f"{self.dropped} more tasks could not be scored and are left out")
        if self.short:
            said.append(
                f"{self.short} of {self.episodes} episodes ended early: an attempt not made counts as the last one made"
            )
        said.append("pass@k of whole episodes is that of their last attempt")
        return said

    def cells(self) -> dict[str, str]:
        """The figures as text, by name."""
        return {name: v.signed() if name.startswith("delta") else str(v) for name, v in self.figures.items()}

    def __str__(self) -> str:
        head, *rest = self.notes()
        return "\n".join(
            [f"correction: {head}", *(f"  {note}" for note in rest), as_text(grids(self.layout, self.cells()))]
        )

    def to_json(self) -> dict[str, Any]:
        """JSON-able; what is not known is null."""
        return {
            "turns": self.layout.turns,
            "samples": self.layout.samples,
            "tasks": self.tasks,
            "episodes": self.episodes,
            "dropped": self.dropped,
            "short": self.short,
            "figures": {name: value.to_json() for name, value in self.figures.items()},
        }


@dataclass(frozen=True, slots=True)
class CorrectionChange:
    """Two results on the tasks they share: each figure's paired difference, after minus before."""

    layout: Layout
    tasks: int
    left_out: int
    figures: Mapping[str, Paired]

    def __str__(self) -> str:
        head = f"change of the correction on the same {self.tasks} tasks, with 95 % interval and permutation test"
        if self.left_out:
            head += f"; {self.left_out} tasks that only one has are left out"
        return f"{head}\n{as_text(grids(self.layout, {name: str(value) for name, value in self.figures.items()}))}"

    def to_json(self) -> dict[str, Any]:
        """JSON-able; what is not known is null."""
        change = {name: value.to_json() for name, value in self.figures.items()}
        return {"tasks": self.tasks, "left_out": self.left_out, "change": change}


def measure(table: Table, k: Sequence[int] = (1,), *, dropped: int = 0, short: int = 0) -> Correction:
    """All figures of a table, with intervals over tasks.

    Args:
        table: Task x sample x attempt; at least one task.
        k: For which k to estimate pass@k after refinements; none above the samples a task.
        dropped: Tasks left out before.
        short: Episodes for which an attempt that was not made stands in the table.

    Raises:
        UnscorableError: There is no task.
        UsageError: A k is above the samples a task.
    """
    layout = _layout(table, k)
    found = {name: _estimate(figure) for name, figure in _figures(table, layout).items()}
    return Correction(layout, len(table), sum(map(len, table)), dropped, short, found)


def difference(before: Table, after: Table, k: Sequence[int] = (1,), *, left_out: int = 0) -> CorrectionChange:
    """The paired difference of all figures of two tables of the same tasks, in the same order.

    Raises:
        UsageError: The tables differ in tasks or attempts, or a k is above the samples a task.
    """
    first, second = _layout(before, k), _layout(after, k)
    if (len(before), first.turns) != (len(after), second.turns):
        raise UsageError(
            "a paired comparison needs the same tasks and attempts: "
            f"got {len(before)} and {len(after)} tasks, {first.turns} and {second.turns} attempts"
        )
    layout = Layout(first.turns, min(first.samples, second.samples), first.k)
    olds, news = _figures(before, layout), _figures(after, layout)
    return CorrectionChange(layout, len(before), left_out, {name: _change(olds[name], news[name]) for name in olds})


def edit_ratio(first: str, second: str) -> float:
    """How much two texts differ: 0 where they are equal, 1 where they share no character.

    (m + n - 2 L) / (m + n), with m and n the lengths and L that of the longest common subsequence: the characters to
    take out and put in, over all characters of both (arXiv 2409.12917 normalises by the total length as well). L
    by bit vectors, one machine integer of n bits a text (Hyyro 2004, "Bit-parallel LCS-length computation revisited").

    "abcd" and "bd" share "bd": (4 + 2 - 4) / 6.

    >>> round(edit_ratio("abcd", "bd"), 4), edit_ratio("", ""), edit_ratio("ab", "cd")
    (0.3333, 0.0, 1.0)
    """
    if first == second:
        return 0.0
    places: dict[str, int] = {}
    for place, character in enumerate(second):
        places[character] = places.get(character, 0) | 1 << place
    full = (1 << len(second)) - 1
    row = full  # a bit is 0 where the common subsequence grew
    for character in first:
        met = row & places.get(character, 0)
        row = ((row + met) | (row - met)) & full
    common = len(second) - row.bit_count()
    total = len(first) + len(second)
    return (total - 2 * common) / total


# A figure is one number a task, or two: a rate among some of the episodes has its denominator.


@dataclass(frozen=True, slots=True)
class _Figure:
    above_P: Floats
    below_P: Floats | None = None
    bounds: tuple[float, float] = (0.0, 1.0)


def _estimate(figure: _Figure) -> Interval:
    if figure.below_P is None:
        return interval(figure.above_P, _rng(), bounds=figure.bounds)
    return ratio(figure.above_P, figure.below_P, _rng())


def _change(before: _Figure, after: _Figure) -> Paired:
    if before.below_P is None or after.below_P is None:
        return paired(before.above_P, after.above_P, _rng(), bounds=before.bounds)
    return paired_ratio((before.above_P, before.below_P), (after.above_P, after.below_P), _rng())


def _rng() -> np.random.Generator:
    """Of one fixed seed: equal numbers have equal intervals."""
    return np.random.default_rng(0)


def _layout(table: Table, k: Sequence[int]) -> Layout:
    if not table:
        raise UnscorableError("no task could be scored: there are no attempts to count")
    samples, turns = min(map(len, table)), len(table[0][0])
    if max(k) > samples:
        raise UsageError(f"pass@{max(k)} needs at least {max(k)} samples a task, got {samples}; draw more samples")
    return Layout(turns, samples, tuple(k))


def _figures(table: Table, layout: Layout) -> dict[str, _Figure]:
    found = {name: figure for j in range(layout.turns) for name, figure in _after(table, j, layout.k)}
    for j in layout.later:
        found |= _between(table, j)
    return found | _votes(table, layout)


def _after(table: Table, refinements: int, k: Sequence[int]) -> list[tuple[str, _Figure]]:
    """Accuracy of one attempt, and what was solved up to it."""
    solved = [[any(a.correct for a in sample[: refinements + 1]) for sample in task] for task in table]
    found = [(f"acc@t{refinements + 1}", _Figure(_mean(table, lambda s: s[refinements].correct)))]
    found += [
        (f"pass@{n} after {refinements}", _Figure(np.array([pass_at_k(len(each), sum(each), n) for each in solved])))
        for n in k
    ]
    if refinements:
        wrong = _mean(table, lambda s: not s[0].correct)
        mended = _mean(table, lambda s: not s[0].correct and any(a.correct for a in s[: refinements + 1]))
        found.append((f"success refinement rate after {refinements}", _Figure(mended, wrong)))
    return found


def _between(table: Table, j: int) -> dict[str, _Figure]:
    """What happened from the first attempt to a later one."""
    right = _mean(table, lambda s: s[0].correct)
    fixed = _mean(table, lambda s: not s[0].correct and s[j].correct)
    broken = _mean(table, lambda s: s[0].correct and not s[j].correct)
    named = {
        "delta": _Figure(_mean(table, lambda s: int(s[j].correct) - int(s[0].correct)), bounds=(-1.0, 1.0)),
        "i->c": _Figure(fixed),
        "c->i": _Figure(broken),
        "fix rate": _Figure(fixed, _mean(table, lambda s: not s[0].correct)),
        "break rate": _Figure(broken, right),
        "answer changed": _Figure(_mean(table, lambda s: _differ(s[0], s[j]))),
        "edit distance": _Figure(_mean(table, lambda s: edit_ratio(s[0].text, s[j].text))),
    }
    return {f"{name}(t1,t{j + 1})": figure for name, figure in named.items()}


def _votes(table: Table, layout: Layout) -> dict[str, _Figure]:
    turns = layout.turns
    found = {f"m{k}@t1": _Figure(np.array([_vote([s[0] for s in task], k) for task in table])) for k in layout.parallel}
    found[f"m1@t{turns}"] = _Figure(_mean(table, lambda s: _vote(s, turns)))
    found[f"p1@t{turns}"] = _Figure(_mean(table, lambda s: any(a.correct for a in s)))
    return found


def _vote(attempts: Sample, k: int) -> float:
    return maj_at_k([a.answer for a in attempts], [a.correct for a in attempts], k)


def _differ(first: Attempt, second: Attempt) -> bool:
    """Whether the answers differ; the replies, where neither has an answer."""
    if first.answer is None and second.answer is None:
        return first.text != second.text
    return first.answer != second.answer


def _mean(table: Table, value: Callable[[Sample], float]) -> Floats:
    """A number of each sample, averaged by task."""
    return np.array([sum(map(value, task)) / len(task) for task in table], dtype=np.float64)
