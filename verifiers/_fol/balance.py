"""How often a formula agrees with the gold on models that are half of them models of the gold.

Models with one to four elements are drawn at random, and sorted by whether the gold is true in them. Where chance does
not find enough of one sort, a solver finds the first, and random changes that keep the gold's truth give the rest. The
draw depends on the gold and its names alone. A constant formula is right on one half only, so its balanced score

    2 · tp · tn / (tp + tn),   tp = P(other true | gold true),   tn = P(other false | gold false)

is 0.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agentrl.verifiers._fol.models import Models, draw, fits, gathered, truth
from agentrl.verifiers._fol.reader import ANY_NAME, read
from agentrl.verifiers._fol.search import small_model
from agentrl.verifiers._fol.syntax import Formula, Symbols, some_false, symbols

__all__ = ["HALF", "agreement", "sample"]

HALF = 128
_SIZES = (1, 2, 3, 4)
_DRAWN = 384
_EACH = HALF // len(_SIZES)
_ROUNDS = 12
_LEAST = 16


@dataclass(frozen=True, slots=True)
class _Half:
    """Models on which the gold has one truth value."""

    parts: tuple[Models, ...]

    @property
    def count(self) -> int:
        return sum(part.count for part in self.parts)

    def with_extra(self, extra: Symbols) -> _Half:
        """The same models, with a random meaning for more names."""
        if not extra.names:
            return self
        generator = np.random.default_rng(0)
        drawn = [draw(extra, part.size, part.count, generator) for part in self.parts]
        joined = [{**part.tables, **new.tables} for part, new in zip(self.parts, drawn, strict=True)]
        parts = [Models(part.size, part.count, tables) for part, tables in zip(self.parts, joined, strict=True)]
        return _Half(tuple(parts))

    def share_true(self, formulas: Sequence[Formula]) -> float:
        """On how many of them the formulas are all true."""
        return sum(int(np.sum(_all_true(formulas, part))) for part in self.parts) / self.count


def agreement(gold: tuple[str, ...], other: Sequence[Formula]) -> dict[str, float] | None:
    """The shares of models on which the other formulas agree with the gold, for both halves.

    Args:
        gold: The gold's formulas as text.
        other: Formulas in the gold's names; names that the gold does not use are interpreted at random.

    Returns:
        "true_positive" and "true_negative"; None where the formulas are too deep, or one half has no models.
    """
    halves = sample(gold)
    if halves is None:
        return None
    used = symbols(other)
    known = halves[0].parts[0].tables
    extra = Symbols(
        {name: arity for name, arity in used.predicates.items() if name not in known},
        {name: arity for name, arity in used.functions.items() if name not in known},
    )
    if not fits(other, used, _SIZES[-1], HALF):
        return None
    true, false = (half.with_extra(extra).share_true(other) for half in halves)
    return {"true_positive": true, "true_negative": 1 - false}


@functools.lru_cache(maxsize=256)
def sample(gold: tuple[str, ...]) -> tuple[_Half, _Half] | None:
    """Models in which the gold is true, and others in which it is false; None where there are too few of either."""
    formulas = [read(text, constants=(ANY_NAME,)).formula for text in gold]
    found = symbols(formulas)
    if not fits(formulas, found, _SIZES[-1], _DRAWN):
        return None
    generator = np.random.default_rng(_seed(gold))
    true, false = (_half(wanted, found, generator) for wanted in (formulas, [some_false(formulas)]))
    return (true, false) if min(true.count, false.count) >= _LEAST else None


def _seed(gold: Sequence[str]) -> int:
    return int.from_bytes(hashlib.sha256("\n".join(gold).encode()).digest()[:8])


def _half(formulas: Sequence[Formula], found: Symbols, generator: np.random.Generator) -> _Half:
    """Models of the formulas: a quarter of each size, as far as there are any."""
    parts = []
    for size in _SIZES:
        drawn = draw(found, size, _DRAWN, generator)
        kept = drawn.pick(np.flatnonzero(_all_true(formulas, drawn))[:_EACH])
        if kept.count < _EACH:
            kept = _filled(formulas, found, kept, generator)
        if kept.count:
            parts.append(kept)
    return _Half(tuple(parts))


def _filled(formulas: Sequence[Formula], found: Symbols, kept: Models, generator: np.random.Generator) -> Models:
    """More models of the formulas, by random changes to those that are there, or to one that a solver finds."""
    if not kept.count:
        first = small_model(formulas, found, (kept.size,))
        if first is None:
            return kept
        kept = first
    for _ in range(_ROUNDS):
        if kept.count >= _EACH:
            break
        changed = _changed(kept.pick(generator.integers(0, kept.count, _DRAWN // 4)), found, generator)
        good = changed.pick(np.flatnonzero(_all_true(formulas, changed)))
        kept = gathered((kept, good))
    return kept.pick(np.arange(min(kept.count, _EACH)))


def _changed(models: Models, found: Symbols, generator: np.random.Generator) -> Models:
    """Each entry of each table drawn again with a small probability, which differs from model to model."""
    other = draw(found, models.size, models.count, generator)
    tables = {}
    for name, table in models.tables.items():
        share = generator.choice((0.05, 0.2, 0.5), (models.count, *[1] * (table.ndim - 1)))
        tables[name] = np.where(generator.random(table.shape) < share, other.tables[name], table)
    return Models(models.size, models.count, tables)


def _all_true(formulas: Sequence[Formula], models: Models) -> npt.NDArray[np.bool_]:
    found = np.ones(models.count, dtype=np.bool_)
    for formula in formulas:
        found &= truth(formula, models)
    return found
