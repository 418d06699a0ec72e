"""What a task asks for: the gold of each mode, read once and checked by the solvers before any reply counts.

    text, or a list of texts             equivalence, like {"formula": ...}
    {"premises", "conclusion", "label"}  entailment
    {"premises", "conclusion"}           proof

Any mapping may also hold "signature" ({"predicates": {name: arguments}, "functions": {name: arguments}, "constants":
[names]}), "required" (names of predicates), "synonyms" ({name: [other names]}) and "scope" (of its own text).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from agentrl.errors import DataError, InfraError, suggest
from agentrl.verifiers._fol.printer import canonical
from agentrl.verifiers._fol.prover import label_of, satisfiable
from agentrl.verifiers._fol.reader import ReadError, Scope, read
from agentrl.verifiers._fol.syntax import Formula, SymbolError, Symbols, symbols
from agentrl.verifiers._reading.content import Content, content_of

__all__ = ["LABELS", "MAX_FORMULAS", "Kind", "Mode", "Problem", "fault", "read_problem"]

Mode = Literal["auto", "equivalence", "entailment", "proof"]
Kind = Literal["equivalence", "entailment", "proof"]

MAX_FORMULAS = 64
_KEPT = 1024
LABELS = {"true": "True", "false": "False", "uncertain": "Uncertain", "unknown": "Uncertain"}
_KEYS = ("formula", "premises", "conclusion", "label", "signature", "required", "synonyms", "scope")
_NEEDS: Mapping[Kind, tuple[str, ...]] = {
    "equivalence": ("formula",),
    "entailment": ("premises", "conclusion", "label"),
    "proof": ("premises", "conclusion"),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """A gold that was read.

    Attributes:
        kind: What is asked for.
        formulas: The gold formulas, or the premises.
        conclusion: Of an entailment or a proof.
        label: Of an entailment.
        single: Whether the gold is one formula, so that the reply must be one too.
        signature: The names that a reply may use; None where they are matched by likeness.
        required: Predicates that a reply must mention.
        synonyms: For names of the gold, other names that are as good.
    """

    kind: Kind
    formulas: tuple[Formula, ...]
    conclusion: Formula | None = None
    label: str = ""
    single: bool = False
    signature: Symbols | None = None
    required: tuple[str, ...] = ()
    synonyms: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def everything(self) -> tuple[Formula, ...]:
        """The formulas and the conclusion."""
        return self.formulas if self.conclusion is None else (*self.formulas, self.conclusion)

    @property
    def symbols(self) -> Symbols:
        """The names that the gold uses."""
        return symbols(self.everything)

    @property
    def constants(self) -> tuple[str, ...]:
        """Names that are constants, whatever they look like."""
        names = self.signature.functions if self.signature else {}
        return tuple(name for name, arity in names.items() if not arity)


def read_problem(answer: Any, mode: Mode, scope: Scope) -> Problem:
    """Read a task's answer, or find it among the last ones that were read.

    Args:
        answer: See the module.
        mode: "auto" to go by its shape.
        scope: Of the answer's formulas, where it does not say itself.

    Raises:
        DataError: It has no such shape, a formula cannot be read, or its parts do not fit together.
    """
    content = content_of(answer)
    return _read(answer, mode, scope) if content is None else _read_once(content, mode, scope)


@functools.lru_cache(_KEPT)
def _read_once(content: Content, mode: Mode, scope: Scope) -> Problem:
    return _read(content.answer, mode, scope)


def _read(answer: Any, mode: Mode, scope: Scope) -> Problem:
    given = _mapping(answer)
    kind = _kind(given, mode)
    for key in _NEEDS[kind]:
        if key not in given:
            raise DataError(f"the task has no {key!r}, which mode {kind!r} needs")
    scope = given.get("scope", scope)
    if scope not in get_args(Scope):
        raise DataError(f"the task's scope must be one of {', '.join(get_args(Scope))}")
    signature = _signature(given["signature"]) if "signature" in given else None
    constants = signature.functions if signature else ()
    raw = given["formula"] if kind == "equivalence" else given["premises"]
    texts = [raw] if isinstance(raw, str) else raw
    if not _is_texts(texts) or len(texts) > MAX_FORMULAS or (kind != "entailment" and not texts):
        raise DataError(f"the task's formulas must be 1 to {MAX_FORMULAS} texts")
    formulas = tuple(_formula(text, scope, constants) for text in texts)
    problem = Problem(
        kind,
        formulas,
        None if kind == "equivalence" else _formula(given["conclusion"], scope, constants),
        _label(given["label"]) if kind == "entailment" else "",
        isinstance(raw, str),
        signature,
        _required(given.get("required", ())),
        _synonyms(given.get("synonyms", {})),
    )
    _check_names(problem)
    return problem


def _mapping(answer: Any) -> Mapping[str, Any]:
    if isinstance(answer, str) or (isinstance(answer, list | tuple) and answer):
        return {"formula": answer}
    if not isinstance(answer, Mapping):
        raise DataError(f"the task's answer must be a formula, a list of formulas or a mapping; got {answer!r:.60}")
    for key in answer:
        if key not in _KEYS:
            raise DataError(f"the task's answer has no part {key!r:.40}: {suggest(str(key), _KEYS)}")
    return answer


def _kind(given: Mapping[str, Any], mode: Mode) -> Kind:
    if mode != "auto":
        return mode
    if "formula" in given:
        return "equivalence"
    return "entailment" if "label" in given else "proof"


def _is_texts(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(text, str) for text in value)


def _formula(text: Any, scope: Scope, constants: Any) -> Formula:
    if not isinstance(text, str):
        raise DataError(f"a formula of the task must be text, got {type(text).__name__}")
    try:
        return read(text, scope=scope, constants=constants).formula
    except ReadError as error:
        raise DataError(f"a formula of the task cannot be read: {error}") from None


def _label(value: Any) -> str:
    label = LABELS.get(value.strip().casefold()) if isinstance(value, str) else None
    if label is None:
        raise DataError("the task's label must be True, False or Uncertain (or Unknown)")
    return label


def _required(value: Any) -> tuple[str, ...]:
    if not _is_texts(value):
        raise DataError("the task's required names must be a list of texts")
    return tuple(value)


def _synonyms(value: Any) -> Mapping[str, Sequence[str]]:
    if not isinstance(value, Mapping) or not all(_is_texts(names) for names in value.values()):
        raise DataError("the task's synonyms must map names to lists of names")
    return {str(name): tuple(names) for name, names in value.items()}


def _signature(value: Any) -> Symbols:
    parts = ("predicates", "functions", "constants")
    if not isinstance(value, Mapping) or any(key not in parts for key in value):
        raise DataError(f"the task's signature must be a mapping of {', '.join(parts)}")
    constants = value.get("constants", [])
    tables = [value.get("predicates", {}), value.get("functions", {})]
    if not _is_texts(constants) or not all(isinstance(table, Mapping) for table in tables):
        raise DataError("the task's signature needs mappings of names to numbers of arguments, and a list of constants")
    numbers = [number for table in tables for number in table.values()]
    if any(isinstance(n, bool) or not isinstance(n, int) or n < 0 for n in numbers):
        raise DataError("the numbers of arguments in the task's signature must be integers from 0 up")
    functions = {**tables[1], **dict.fromkeys(constants, 0)}
    try:
        return Symbols() | Symbols(dict(tables[0]), functions)
    except SymbolError as error:
        raise DataError(f"the task's signature does not fit together: {error}") from None


def _check_names(problem: Problem) -> None:
    try:
        used = problem.symbols
    except SymbolError as error:
        raise DataError(f"the task's formulas do not fit together: {error}") from None
    if problem.signature is not None and used not in problem.signature:
        raise DataError("the task's formulas use names that its signature does not give")
    missing = [name for name in problem.required if name not in used.predicates]
    if missing:
        raise DataError(f"the task requires {missing[0]!r:.40}, which its own formulas do not mention")


def fault(problem: Problem) -> str:
    """Why no reply can be judged by this gold; the empty string where it is sound.

    Raises:
        InfraError: The machine was too slow to find out.
        MissingExtraError: Z3 is not installed.
    """
    return _fault_once(problem.kind, problem.formulas, problem.conclusion, problem.label)


@functools.lru_cache(_KEPT)
def _fault_once(kind: Kind, formulas: tuple[Formula, ...], conclusion: Formula | None, label: str) -> str:
    return _FAULTS[kind](Problem(kind, formulas, conclusion, label))


def _outcome(hold: Sequence[Formula], refuted: Sequence[Formula] = ()) -> str:
    return _in_time(satisfiable(hold, refuted).outcome)


def _in_time(outcome: str) -> str:
    if outcome == "timeout":
        raise InfraError("the solvers did not check the task within the wall guard: this machine is too slow or busy")
    return outcome


def _equivalence_fault(problem: Problem) -> str:
    can_be = (_outcome(problem.formulas), _outcome((), problem.formulas))
    if "unsat" in can_be:
        return f"The task's formula is always {'false' if can_be[0] == 'unsat' else 'true'}."
    return "" if can_be == ("sat", "sat") else "The solvers do not find out whether the task's formula can be true."


def _entailment_fault(problem: Problem) -> str:
    assert problem.conclusion is not None
    found = _in_time(label_of(problem.formulas, problem.conclusion))
    if found == problem.label:
        return ""
    reasons = {"inconsistent": "contradict each other", "unknown": "are too hard for the solvers"}
    return f"The task's premises {reasons.get(found, 'do not give its label')}."


def _proof_fault(problem: Problem) -> str:
    assert problem.conclusion is not None
    if _outcome(problem.formulas) != "sat":
        return "The task's premises contradict each other, or are too hard for the solvers."
    if canonical(problem.conclusion) in map(canonical, problem.formulas) or _outcome((), [problem.conclusion]) != "sat":
        return "The task's conclusion is one of its premises, or always true."
    proven = _in_time(satisfiable(problem.formulas, [problem.conclusion], effort="prove").outcome)
    return "" if proven == "unsat" else "The solvers do not derive the task's conclusion from its premises."


_FAULTS: Mapping[Kind, Callable[[Problem], str]] = {
    "equivalence": _equivalence_fault,
    "entailment": _entailment_fault,
    "proof": _proof_fault,
}
