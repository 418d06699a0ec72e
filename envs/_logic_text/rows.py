"""Sentences with formulas from the rows of FOLIO, MALLS and Logic-LM, and wrong formulas that models wrote."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from agentrl.data import load_rows
from agentrl.envs._logic_text.pairs import Pair
from agentrl.envs._logic_text.wrong import is_contingent
from agentrl.errors import DataError
from agentrl.types import Split
from agentrl.verifiers._fol.reader import ReadError, Scope, read
from agentrl.verifiers._fol.syntax import Formula, SymbolError, symbols

__all__ = ["Loaded", "load_pairs", "readable"]

Row = Mapping[str, Any]
_MARK = ":::"
_HEAD = re.compile(r"(\w+)(?:\(([\w, ]*)\))?")
_SCOPES: tuple[Scope, ...] = ("tight", "wide")
_LETTERS = ["x", "y", "z"]


@dataclass(frozen=True, slots=True)
class _Text:
    """A sentence and its formula before that is read; empty where the row has none."""

    sentence: str
    formula: str = ""
    glosses: Mapping[str, str] = field(default_factory=dict)
    wrong: str | None = None


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was read.

    Attributes:
        pairs: By an id; the same sentence with the same formula is there once.
        wrong: For ids, a model's formula.
        left_out: How many sentences have a formula that cannot be read, is always true, or never.
    """

    pairs: Mapping[str, Pair]
    wrong: Mapping[str, str]
    left_out: int


def load_pairs(source: str, split: Split) -> Loaded:
    """All sentences with formulas of a source.

    Args:
        source: A JSONL file or a JSON array (plain or gzipped), a folder with train.jsonl.gz and test.jsonl.gz, or a
            dataset on the hub. Rows of FOLIO {premises, premises-FOL}, MALLS {NL, FOL}, Logic-LM {raw_logic_programs},
            or of a model's formulas {NL, pred, gold}.
        split: Which rows.

    Raises:
        DataError: The source cannot be read, or a row is of none of the forms.
        MissingExtraError: The source is on the hub and `datasets` is not installed; or Z3 is not.
        InfraError: The solvers cannot be started.
    """
    found: dict[str, Pair] = {}
    wrong: dict[str, str] = {}
    seen: set[tuple[str, str, str | None]] = set()
    left_out = 0
    for number, row in enumerate(load_rows(source, split)):
        for part, text in enumerate(_texts(row, f"{source} ({split}), row {number + 1}")):
            key = (text.sentence, text.formula, text.wrong)
            if key in seen:
                continue
            seen.add(key)
            pair = _pair(text)
            if pair is None:
                left_out += 1
                continue
            id = f"{split}/{number}/{part}"
            found[id] = pair
            if text.wrong is not None:
                wrong[id] = text.wrong
    return Loaded(found, wrong, left_out)


def readable(text: str) -> Formula | None:
    """A formula in either scope; None where it cannot be read."""
    for scope in _SCOPES:
        try:
            return read(text, scope=scope).formula
        except ReadError:
            continue
    return None


def _pair(text: _Text) -> Pair | None:
    formula = readable(text.formula) if text.sentence and text.formula else None
    if formula is None:
        return None
    try:
        names = symbols([formula])
    except SymbolError:
        return None
    if not is_contingent(formula):
        return None
    return Pair(text.sentence, formula, names, {k: v for k, v in text.glosses.items() if k in names.names})


def _texts(row: Row, where: str) -> Iterator[_Text]:
    if "premises" in row:
        yield from _folio(row)
    elif isinstance(row.get("NL"), str):
        gold = row.get("gold", row.get("FOL"))
        pred = row.get("pred")
        if not isinstance(gold, str) or not isinstance(pred, str | None):
            raise DataError(f"{where}: NL needs FOL or gold, a text, and pred may be one; it has {', '.join(row)}")
        yield _Text(row["NL"].strip(), gold.strip(), wrong=pred)
    elif isinstance(row.get("raw_logic_programs"), list):
        for program in row["raw_logic_programs"]:
            yield from _logic_lm(str(program))
    else:
        raise DataError(f"{where} needs NL, premises or raw_logic_programs; it has {', '.join(map(str, row))}")


def _folio(row: Row) -> Iterator[_Text]:
    """Premises and, where it has a formula, the conclusion; lists, or texts with a line each."""
    sentences, formulas = _lines(row["premises"]), _lines(row.get("premises-FOL"))
    if len(sentences) != len(formulas):  # which belongs to which is not known
        yield from map(_Text, sentences)
    else:
        yield from (_Text(*both) for both in zip(sentences, formulas, strict=True))
    if isinstance(row.get("conclusion-FOL"), str):
        yield _Text(str(row.get("conclusion", "")).strip(), row["conclusion-FOL"].strip())


def _lines(value: Any) -> list[str]:
    return [str(line).strip() for line in (value.splitlines() if isinstance(value, str) else value or ())]


def _logic_lm(program: str) -> Iterator[_Text]:
    """The lines "formula ::: sentence" after the heading Premises, with the meanings under the heading Predicates."""
    glosses: dict[str, str] = {}
    heading = ""
    for line in program.splitlines():
        before, mark, after = (part.strip() for part in line.partition(_MARK))
        if not mark:
            heading = before.rstrip(":").casefold()
        elif heading == "predicates" and (head := _HEAD.fullmatch(before)):
            arguments = re.findall(r"\w+", head[2] or "")
            if arguments == _LETTERS[: len(arguments)]:  # as `described` writes them
                glosses[head[1]] = after.rstrip(".")
        elif heading in ("premises", "conclusion"):
            yield _Text(after, before, glosses)
