"""Replies that must be correct for a gold, and golds whose replies must not be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

import numpy as np

from agentrl.errors import DataError
from agentrl.verifiers._fol.models import draw, fits, truth
from agentrl.verifiers._fol.printer import Style, show
from agentrl.verifiers._fol.problem import Kind, Problem, fault, read_problem
from agentrl.verifiers._fol.replies import Extract, as_json, wrap
from agentrl.verifiers._fol.syntax import (
    Atom,
    Formula,
    Joined,
    Not,
    Quantified,
    some_false,
    symbols,
    with_bound,
)

__all__ = ["gold", "mutations", "rewrites"]

Change = Callable[[Formula], Formula | None]


def gold(answer: Any, options: Mapping[str, Any]) -> str:
    """The gold formula, the label, or the proof in one step.

    Raises:
        DataError: The answer is no usable gold.
    """
    problem = _problem(answer, options)
    reason = fault(problem)
    if reason:
        raise DataError(reason.rstrip("."))
    return _reply(problem, problem.formulas, "unicode", options)


def rewrites(answer: Any, options: Mapping[str, Any]) -> Iterator[str]:
    """Other names of bound variables, ASCII and TPTP spellings, the contrapositive, and operands exchanged."""
    problem = _problem(answer, options)
    yield _reply(problem, [with_bound(formula, "z") for formula in problem.formulas], "unicode", options)
    styles: tuple[Style, ...] = ("ascii", "tptp")
    for style in styles:
        yield _reply(problem, problem.formulas, style, options)
    if problem.kind == "equivalence":
        for change in (_contrapositive, _commuted):
            for formulas in _each_changed(problem.formulas, change):
                yield _reply(problem, formulas, "unicode", options)


def mutations(answer: Any, options: Mapping[str, Any]) -> Iterator[Any]:
    """Other tasks that are sound themselves.

    For a formula its converse, another quantifier, arguments exchanged, an atom negated; for a label a conclusion with
    another one; for a proof a stronger conclusion.
    """
    problem = _problem(answer, options)
    for other in _OTHERS[problem.kind](problem, answer):
        try:
            sound = not fault(_problem(other, options))
        except DataError:  # a name that the signature does not have
            sound = False
        if sound:
            yield other


def _other_formulas(problem: Problem, answer: Any) -> Iterator[Any]:
    for change in (_converse, _other_quantifier, _arguments_exchanged, _atom_negated):
        for formulas in _each_changed(problem.formulas, change):
            if _differ(problem.formulas, formulas):
                yield _with_formulas(answer, [show(formula) for formula in formulas])
                break


def _other_labels(problem: Problem, answer: Any) -> Iterator[Any]:
    assert problem.conclusion is not None
    always = Joined("implies", problem.conclusion, problem.conclusion)
    free = next(f"Other{i}" for i in range(len(problem.symbols.names) + 1) if f"Other{i}" not in problem.symbols.names)
    conclusions: dict[str, Formula] = {"True": always, "False": Not(always), "Uncertain": Atom(free)}
    for label, conclusion in conclusions.items():
        if label != problem.label:
            yield {**answer, "conclusion": show(conclusion), "label": label}


def _other_conclusions(problem: Problem, answer: Any) -> Iterator[Any]:
    assert problem.conclusion is not None
    for premise in problem.formulas:
        yield {**answer, "conclusion": show(Joined("and", premise, problem.conclusion))}


_OTHERS: Mapping[Kind, Callable[[Problem, Any], Iterator[Any]]] = {
    "equivalence": _other_formulas,
    "entailment": _other_labels,
    "proof": _other_conclusions,
}


def _problem(answer: Any, options: Mapping[str, Any]) -> Problem:
    return read_problem(answer, options.get("mode", "auto"), options.get("scope", "tight"))


def _reply(problem: Problem, formulas: Sequence[Formula], style: Style, options: Mapping[str, Any]) -> str:
    texts = [show(formula, style) for formula in formulas]
    if problem.kind == "equivalence":
        text = texts[0] if problem.single else _listed(texts)
    elif problem.kind == "entailment":
        assert problem.conclusion is not None
        formal = options.get("formalise") == "required"
        text = as_json(texts, show(problem.conclusion, style), problem.label) if formal else problem.label
    else:
        assert problem.conclusion is not None
        cited = ", ".join(f"P{i}" for i in range(1, len(formulas) + 1))
        text = f"1. {show(problem.conclusion, style)} [from {cited}]"
    return wrap(text, cast(Extract, options.get("extract", "answer_tag")))


def _listed(texts: Sequence[str]) -> str:
    return "[" + ", ".join(f'"{text}"'.replace("\\", "\\\\") for text in texts) + "]"


def _with_formulas(answer: Any, texts: Sequence[str]) -> Any:
    if isinstance(answer, str):
        return texts[0]
    if not isinstance(answer, Mapping):
        return list(texts)
    return {**answer, "formula": texts[0] if isinstance(answer["formula"], str) else list(texts)}


def _each_changed(formulas: Sequence[Formula], change: Change) -> Iterator[list[Formula]]:
    """The formulas with the first place in one of them changed."""
    for index, formula in enumerate(formulas):
        changed = _first_changed(formula, change)
        if changed is not None:
            yield [*formulas[:index], changed, *formulas[index + 1 :]]


def _first_changed(formula: Formula, change: Change) -> Formula | None:
    changed = change(formula)
    if changed is not None:
        return changed
    match formula:
        case Not(body):
            inner = _first_changed(body, change)
            return None if inner is None else Not(inner)
        case Quantified(kind, name, body):
            inner = _first_changed(body, change)
            return None if inner is None else Quantified(kind, name, inner)
        case Joined(op, left, right):
            one = _first_changed(left, change)
            if one is not None:
                return Joined(op, one, right)
            two = _first_changed(right, change)
            return None if two is None else Joined(op, left, two)
    return None


def _contrapositive(node: Formula) -> Formula | None:
    match node:
        case Joined("implies", left, right):
            return Joined("implies", Not(right), Not(left))
    return None


def _commuted(node: Formula) -> Formula | None:
    match node:
        case Joined(op, left, right) if op != "implies":
            return Joined(op, right, left)
    return None


def _converse(node: Formula) -> Formula | None:
    match node:
        case Joined("implies", left, right):
            return Joined("implies", right, left)
    return None


def _other_quantifier(node: Formula) -> Formula | None:
    match node:
        case Quantified("forall", name, body):
            return Quantified("exists", name, body)
        case Quantified("exists", name, body):
            return Quantified("forall", name, body)
    return None


def _arguments_exchanged(node: Formula) -> Formula | None:
    match node:
        case Atom(name, (first, *middle, last)) if first != last:
            return Atom(name, (last, *middle, first))
    return None


def _atom_negated(node: Formula) -> Formula | None:
    return Not(node) if isinstance(node, Atom) else None


def _differ(one: Sequence[Formula], two: Sequence[Formula]) -> bool:
    """Whether some random small model tells them apart: a change that changes nothing is no mutation."""
    left, right = some_false(one), some_false(two)
    used = symbols((left, right))
    generator = np.random.default_rng(0)
    for size in (1, 2, 3):
        if fits((left, right), used, size, 256):
            models = draw(used, size, 256, generator)
            if (truth(left, models) != truth(right, models)).any():
                return True
    return False
