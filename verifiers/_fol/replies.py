"""What a reply says: its answer's text, and formulas, a label or the steps of a proof in it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from agentrl.verifiers._fol.citations import cited_labels, says_premise, without_reason
from agentrl.verifiers._fol.printer import canonical
from agentrl.verifiers._fol.problem import LABELS, MAX_FORMULAS, Problem
from agentrl.verifiers._fol.reader import ReadError, Scope, read
from agentrl.verifiers._fol.syntax import Formula, SymbolError, Symbols, symbols
from agentrl.verifiers._fol.tokens import COMMANDS, STYLED
from agentrl.verifiers._reading import extract as reading
from agentrl.verifiers._reading.fences import blocks
from agentrl.verifiers._reading.strict_json import JsonError, parse_json

__all__ = [
    "PLACES",
    "Extract",
    "Formal",
    "Step",
    "Unreadable",
    "answer_text",
    "as_json",
    "next_step",
    "read_formal",
    "read_formulas",
    "read_steps",
    "used_symbols",
    "wrap",
]

Extract = Literal["answer_tag", "block", "boxed", "hash", "answer_line", "final"]
_OTHER_PLACES: dict[str, str] = {"block": "the last block between ``` fences"}
PLACES = _OTHER_PLACES | {str(name): words for name, words in reading.PLACES.items()}

MAX_TEXT = 20_000
MAX_STEPS = 32
MAX_CITED = 64
_NUMBER = re.compile(r"\s*+(?:\*\*)?+(?:[Ss]tep\s++|[Ll]ine\s++)?+\(?+([0-9]{1,4})[.):]{1,2}+(?:\*\*)?+:?+\s++")
_BULLET = re.compile(r"[-*•]\s++")
_FENCES = re.compile(r"\$\$?+|\\[\[\]()]|\\(?:begin|end)\{[a-z]+\*?\}")
_FONT = re.compile(rf"({STYLED})\.?")
_LOOSE = re.compile(rf"(?<!\\)\\(?=(?:{'|'.join(COMMANDS)})(?![A-Za-z]))")
_HEADS = ("premises", "conclusion", "label", "answer")


class Unreadable(ValueError):
    """The answer is there, but cannot be read; the message may be shown."""


@dataclass(frozen=True, slots=True)
class Formal:
    """A label, and the formulas it is about where the reply gives them."""

    label: str
    premises: tuple[Formula, ...] | None = None
    conclusion: Formula | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a proof, and what it says it follows from."""

    number: int
    formula: Formula
    cited: tuple[str, ...]


def answer_text(reply: str, extract: Extract) -> str | None:
    """The text of the answer; None where the reply has none.

    Raises:
        Unreadable: Its place is broken, or it is empty or too long.
    """
    if extract == "block":
        inside = [reply[block.start : block.end] for block in blocks(reply)]
        found: Sequence[str | None] = inside[-1:]
    else:
        found = reading.candidates(reply, extract)
    if not found:
        return None
    text = found[-1]
    if text is not None and len(text) > MAX_TEXT:
        raise Unreadable(f"The answer has {len(text)} characters, which is over the limit of {MAX_TEXT}.")
    if text is not None and text.lstrip().startswith("```"):
        text = next((text[block.start : block.end] for block in blocks(text)), None)
    text = None if text is None else text.strip().strip("`$").strip()
    if text is not None and text.startswith("**") and text.endswith("**"):
        text = text.strip("*").strip()
    if not text:
        raise Unreadable(f"The answer cannot be read from: {PLACES[extract]}.")
    return text


def wrap(text: str, extract: Extract) -> str:
    """A reply whose answer is this text; where an answer is one line, the text should be too."""
    return f"```\n{text}\n```" if extract == "block" else reading.placed(text, extract)


def used_symbols(formulas: Sequence[Formula]) -> Symbols:
    """The names of a reply.

    Raises:
        Unreadable: A name has two uses.
    """
    try:
        return symbols(formulas)
    except SymbolError as error:
        raise Unreadable(f"The formulas do not fit together: {error}.") from None


def read_formulas(text: str, problem: Problem, scope: Scope) -> tuple[tuple[Formula, ...], tuple[str, ...]]:
    """The formulas of an answer, and warnings: exactly one where the gold is one, else one a line or a JSON list.

    Raises:
        Unreadable: It has another shape, or a formula cannot be read.
    """
    if problem.single:
        texts = [text]
    elif text.startswith("[") and _json_list(text) is not None:
        texts = _json_list(text) or []
    else:
        texts = _lines(text.splitlines())
    return _formulas(texts, problem, scope)


def _lines(lines: Sequence[str]) -> list[str]:
    """The formulas of some lines: bullets, where every line has one, numbers and marks of LaTeX left out."""
    kept = [line.strip() for line in lines if line.strip() and not _FENCES.fullmatch(line.strip())]
    if len(kept) > 1 and all(map(_BULLET.match, kept)):
        kept = [_BULLET.sub("", line, count=1) for line in kept]
    return [_plain(line) for line in kept]


def _doubled(text: str) -> str:
    r"""JSON whose commands of LaTeX have the two backslashes that they need: "\to" is no tab and an o."""
    return _LOOSE.sub(r"\\\\", text)


def _json_list(text: str) -> list[str] | None:
    try:
        value = parse_json(_doubled(text), max_chars=2 * MAX_TEXT)
    except JsonError:
        return None
    return value if isinstance(value, list) and all(isinstance(item, str) for item in value) else None


def _plain(line: str) -> str:
    """A line without its number and without the sentence after `:::`."""
    number = _NUMBER.match(line)
    return line[number.end() if number else 0 :].partition(":::")[0]


def _formulas(texts: Sequence[str], problem: Problem, scope: Scope) -> tuple[tuple[Formula, ...], tuple[str, ...]]:
    if not texts or len(texts) > MAX_FORMULAS:
        raise Unreadable(f"The answer must hold 1 to {MAX_FORMULAS} formulas, it has {len(texts)}.")
    formulas: list[Formula] = []
    warnings: list[str] = []
    for index, text in enumerate(texts, 1):
        try:
            found = read(text, scope=scope, constants=problem.constants)
        except ReadError as error:
            where = f"Formula {index}" if len(texts) > 1 else "The formula"
            raise Unreadable(f"{where} cannot be read: {error}.") from None
        formulas.append(found.formula)
        warnings += found.warnings
    return tuple(formulas), tuple(warnings)


def read_formal(text: str, problem: Problem, scope: Scope) -> Formal:
    """A label alone, or premises, conclusion and label: as a JSON object, or under headings that end with a colon.

    Raises:
        Unreadable: It has another shape, a label that is none, or a formula cannot be read.
    """
    parts = _json_parts(text) if text.startswith("{") else _line_parts(text)
    label = LABELS.get(_unstyled(parts.label).strip("*`$. ").casefold())
    if label is None:
        raise Unreadable("The label must be True, False or Uncertain.")
    if parts.premises is None and parts.conclusion is None:
        return Formal(label)
    if not parts.conclusion:
        raise Unreadable("A formalisation needs premises and a conclusion.")
    premises: tuple[Formula, ...] = ()
    if parts.premises:
        premises, _ = _formulas(parts.premises, problem, scope)
    elif problem.formulas:
        raise Unreadable("A formalisation needs premises and a conclusion.")
    (conclusion,), _ = _formulas([parts.conclusion], problem, scope)
    return Formal(label, premises, conclusion)


def _unstyled(label: str) -> str:
    r"""What stands in `\text{...}`."""
    styled = _FONT.fullmatch(label.strip("*`$. "))
    return styled[1].partition("{")[2].rstrip("} ") if styled else label


@dataclass(frozen=True, slots=True)
class _Parts:
    label: str
    premises: list[str] | None = None
    conclusion: str | None = None


def _json_parts(text: str) -> _Parts:
    try:
        value = parse_json(_doubled(text), max_chars=2 * MAX_TEXT)
    except JsonError as error:
        raise Unreadable(f"The JSON cannot be read: {error}.") from None
    allowed = {"label", "premises", "conclusion"}
    if not isinstance(value, dict) or not set(value) <= allowed or not isinstance(value.get("label"), str):
        raise Unreadable("The JSON must be an object with a label, and premises and a conclusion or neither.")
    premises, conclusion = value.get("premises"), value.get("conclusion")
    right: Any = isinstance(premises, list) and all(isinstance(item, str) for item in premises)
    if ("premises" in value and not right) or ("conclusion" in value and not isinstance(conclusion, str)):
        raise Unreadable("The JSON's premises must be a list of texts, and its conclusion a text.")
    return _Parts(value["label"], premises, conclusion)


def _line_parts(text: str) -> _Parts:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    sections: dict[str, list[str]] = {}
    head = "label"
    for line in lines:
        word, colon, rest = line.strip("* ").partition(":")
        if colon and not rest.startswith("::") and word.strip("*# ").casefold() in _HEADS:
            head = word.strip("*# ").casefold().replace("answer", "label")
            if head in sections:
                raise Unreadable(f"The heading {head} stands twice.")
            sections[head] = []
            line = rest.strip("* ")
        if line:
            sections.setdefault(head, []).append(line)
    sections = {head: _lines(lines) for head, lines in sections.items()}
    label, conclusion = sections.get("label", []), sections.get("conclusion")
    if len(label) != 1 or (conclusion is not None and len(conclusion) != 1):
        raise Unreadable("The answer must hold exactly one label, and at most one conclusion.")
    return _Parts(label[0], sections.get("premises"), conclusion[0] if conclusion else None)


def read_steps(text: str, problem: Problem, scope: Scope) -> list[Step]:
    """The steps of a proof, one a line: `n. formula [from i, j]`, or cited in another way.

    Raises:
        Unreadable: A line is no step, the numbers do not count up, or there are too many.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > MAX_STEPS:
        raise Unreadable(f"A proof of {len(lines)} steps is over the limit of {MAX_STEPS}.")
    found: list[Step] = []
    for line in lines:
        found.append(next_step(line, found, problem, scope))
    if found and found[0].number not in (1, len(problem.formulas) + 1):
        raise Unreadable(
            f"The first step has the number 1, or {len(problem.formulas) + 1} to go on after the premises."
        )
    return found


def next_step(line: str, before: Sequence[Step], problem: Problem, scope: Scope) -> Step:
    """The step on a line of a proof, after those that stand before it.

    Raises:
        Unreadable: The line is no step, or not the next one.
    """
    number = _NUMBER.match(line)
    if number is None or (before and int(number[1]) != before[-1].number + 1):
        raise Unreadable(f"Line {len(before) + 1} of the proof must be its next step: n. formula [from i, j]")
    body, reason = without_reason(line[number.end() :])
    try:
        formula = read(body, scope=scope, constants=problem.constants).formula
    except ReadError as error:
        raise Unreadable(f"Step {number[1]} cannot be read: {error}.") from None
    cited = () if reason is None else _cited(reason, formula, problem.formulas)
    return Step(int(number[1]), formula, cited)


def _cited(reason: str, formula: Formula, premises: Sequence[Formula]) -> tuple[str, ...]:
    if says_premise(reason):
        text = canonical(formula)
        same = [f"P{number}" for number, premise in enumerate(premises, 1) if canonical(premise) == text]
        if not same:
            raise Unreadable("A step says that it is a premise, and is none.")
        return tuple(same)
    cited = cited_labels(reason)
    if len(cited) > MAX_CITED or not (cited or reason.casefold() == "from"):
        raise Unreadable("A step cites steps by number and premises as P1, P2, ...: [from P1, 2]")
    return cited


def as_json(premises: Sequence[str], conclusion: str, label: str) -> str:
    """A formalisation with its label, as `read_formal` takes it."""
    return json.dumps({"premises": list(premises), "conclusion": conclusion, "label": label}, ensure_ascii=False)
