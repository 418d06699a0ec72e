"""Rows of FOLIO, ProofWriter, PrOntoQA and ProsQA as premises, a claim and its label.

FOLIO rows are {premises, conclusion, label} with `premises-FOL` and `conclusion-FOL` where they are known, as lists or
lines of text. ProofWriter and PrOntoQA rows have the form of Logic-LM, {context, question, options, answer}; ProsQA
rows are {question, answer} with "Is Tom a lempus or scrompus?" behind the premises. The sentences of these three are
read as formulas (`controlled.py`), and where they are, a label that classical logic does not give leaves the row out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentrl.data import load_rows
from agentrl.envs._logic.clauses import Clauses
from agentrl.envs._logic.controlled import formula_of, sentences_of
from agentrl.envs._logic.moves import args_of
from agentrl.envs._logic.theory import Label
from agentrl.errors import DataError
from agentrl.types import Split
from agentrl.verifiers._fol import prover
from agentrl.verifiers._fol.reader import ReadError, read
from agentrl.verifiers._fol.syntax import Formula, SymbolError, symbols

__all__ = ["Case", "Loaded", "load_cases", "proven"]

_LABELS: Mapping[str, Label] = {"true": "True", "false": "False", "uncertain": "Uncertain", "unknown": "Uncertain"}
_OPTION = re.compile(r"\(?[A-Z][).:]\s*(\w+)")
_CHOICE = re.compile(r"Is (\w+) an? (\w+) or (?:an? )?(\w+)")


@dataclass(frozen=True, slots=True)
class Case:
    """One row.

    Attributes:
        premises: Sentences.
        claim: A sentence.
        label: What the data set says.
        formulas: Of the premises and last of the claim; none where one is not known.
        checked: Whether the formulas are known to give the label.
    """

    premises: tuple[str, ...]
    claim: str
    label: Label
    formulas: tuple[Formula, ...] = ()
    checked: bool = False


@dataclass(frozen=True, slots=True)
class Loaded:
    """The rows of a split that can be used, each with its number, and how many cannot."""

    cases: tuple[tuple[int, Case], ...]
    left_out: int


def load_cases(source: str, split: Split) -> Loaded:
    """All rows of a split.

    Args:
        source: What `load_rows` takes.
        split: Which rows.

    Raises:
        DataError: The source cannot be read, or a row is of none of the forms.
    """
    rows = load_rows(source, split)
    found = [(number, _case(row, f"{source} ({split}), row {number + 1}", number)) for number, row in enumerate(rows)]
    kept = tuple((number, case) for number, case in found if case is not None)
    return Loaded(kept, len(found) - len(kept))


def proven(case: Case) -> bool:
    """Whether the formulas give the label; where that is not known yet the solvers are asked, about 0.1 s a row.

    Raises:
        MissingExtraError: Z3 is not installed.
    """
    *premises, claim = case.formulas
    return case.checked or prover.label_of(premises, claim) == case.label


def _case(row: Mapping[str, Any], where: str, number: int) -> Case | None:
    for fields, read_row in _FORMS:
        if all(name in row for name in fields):
            try:
                return read_row(row, number)
            except (TypeError, AttributeError, KeyError, IndexError) as error:
                raise DataError(f"{where}: {', '.join(fields)} have other types than expected: {error}") from error
    got = ", ".join(map(str, row))
    raise DataError(f"{where} is no row of FOLIO, ProofWriter, PrOntoQA or ProsQA; it has: {got:.200}")


def _folio(row: Mapping[str, Any], number: int) -> Case | None:
    label = _LABELS.get(row["label"].strip().lower())
    premises = tuple(text.strip() for text in _lines(row["premises"]))
    if label is None or not premises:
        return None
    formulas: list[Formula] = []
    if "conclusion-FOL" in row and "premises-FOL" in row:
        try:
            texts = [*_lines(row["premises-FOL"]), row["conclusion-FOL"].strip()]
            formulas = [read(text).formula for text in texts]
            symbols(formulas)
        except (ReadError, SymbolError):
            formulas = []
    whole = len(formulas) == len(premises) + 1
    return Case(premises, row["conclusion"].strip(), label, tuple(formulas) if whole else ())


def _lines(value: Any) -> list[str]:
    return [line for line in (value.splitlines() if isinstance(value, str) else value) if line.strip()]


def _multiple_choice(row: Mapping[str, Any], number: int) -> Case | None:
    """ProofWriter and PrOntoQA; the statement stands behind the question."""
    options = dict(zip("ABCDEFGH", row["options"], strict=False))
    option = _OPTION.match(options[row["answer"].strip()])
    label = _LABELS.get(option[1].lower()) if option else None
    claim = row["question"].rpartition("?")[2].strip()
    return _checked(sentences_of(row["context"]), claim, label)


def _prosqa(row: Mapping[str, Any], number: int) -> Case | None:
    """The right choice is True, the other Uncertain; rows with even numbers claim the right one."""
    *premises, question = sentences_of(row["question"])
    asked = _CHOICE.match(question)
    if asked is None:
        return None
    who, *names = asked.groups()
    right = [name for name in names if row["answer"].rstrip(".").endswith(f" {name}")]
    if len(right) != 1:
        return None
    wrong = names[1 - names.index(right[0])]
    label: Label = "Uncertain" if number % 2 else "True"
    return _checked(premises, f"{who} is a {wrong if number % 2 else right[0]}.", label)


def _checked(premises: Sequence[str], claim: str, label: Label | None) -> Case | None:
    """The case, if its sentences can be read and give its label."""
    formulas = [formula_of(sentence) for sentence in (*premises, claim)]
    known = tuple(formula for formula in formulas if formula is not None)
    if label is None or not premises or len(known) < len(formulas) or not args_of(known[-1]):
        return None
    clauses = Clauses(known[:-1], known[-1:])
    number = clauses.literal(known[-1])
    # Without quantifiers over "some", a model over the named individuals is found where there is one at all.
    found = {(True, False): "True", (False, True): "False", (True, True): "Uncertain"}
    if found.get((clauses.fits(number), clauses.fits(-number))) != label:
        return None
    return Case(tuple(premises), claim, label, known, checked=True)


_FORMS: tuple[tuple[tuple[str, ...], Callable[[Mapping[str, Any], int], Case | None]], ...] = (
    (("premises", "conclusion", "label"), _folio),
    (("context", "question", "options", "answer"), _multiple_choice),
    (("question", "answer", "steps"), _prosqa),
)
