r"""First-order logic: formulas compared by what they mean, labels of entailment, and proofs step by step.

The task's `answer` decides what is asked, or `mode` does:

    "∀x (P(x) → Q(x))", or ["...", ...] for premises     a formula that says the same, all premises together
    {"formula": as above, "signature": ..., "required": [...], "synonyms": {...}, "scope": "wide"}
    {"premises": [...], "conclusion": "...", "label": "True" | "False" | "Uncertain"}
        The label; or {"premises", "conclusion", "label"} as JSON or under such headings, which must say what the task
        does. That the premises are consistent and give the label is checked once.
    {"premises": [...], "conclusion": "..."}             a proof: lines "n. formula [from P1, 2]", or cited otherwise

With a signature ({"predicates": {"P": 1}, "functions": {"f": 1}, "constants": ["a"]}) names must be those; without
one they are matched by likeness (see `_fol/align.py`), never by what would make the formulas equal: where several
matchings are as like, all must hold. Names with other numbers or primes, a negation more, or a word that begins or
ends otherwise (Man, Woman; Increase, Decrease; Careful, Careless) do not match, but some of other meaning do (Loves,
Lives): a signature is safer.
Spellings are Unicode, ASCII (`forall x (P(x) -> ~Q(x))`), LaTeX and TPTP (`! [X] : (p(X) => q(X))`); `~` is always ¬,
never LaTeX's blank. From tight to loose: quantifier and ¬, ∧, ∨, ⊕ (parity), → (to the right), ↔. A free variable, a
name with two uses, more than 200 parts, 64 levels or 6 alternations of quantifiers is malformed.

Two formulas are equivalent where Z3 proves both directions; where it gives up, cvc5 and a search through models of at
most four elements are asked, and where these do too, the score is 0. Limits count the solvers' steps, so that the
verdict does not depend on the machine; 2 s of wall time per question guard against a hang.

Covered: equivalence, entailment and derivation in first-order logic with equality and functions; partial credit that
gives constants, tautologies and contradictions nothing. Not covered: sorts, arithmetic, higher order, uniqueness
quantifiers, names with dots or blanks, theories with infinite models only (no solver decides them). The label alone can
be guessed: a third is right by chance unless `formalise` is "required". A proof may jump to the conclusion in one step
where the solver can follow.

Source: the labels of FOLIO (arXiv:2209.00840) and the formulas of MALLS and LogicLLaMA (arXiv:2305.15541). Differs from
the source: LogicLLaMA scores agreement of truth tables without quantifiers, which gives a formula's converse 1; that
score is `_fol/le.py`, for comparison only. Pipelines around Prover9 take a timeout for the label Uncertain.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal, get_args

from agentrl.errors import DataError, check_choice
from agentrl.types import Task, Transcript, Verdict
from agentrl.verifiers._fol.cases import CASES
from agentrl.verifiers._fol.judge import Credit, judge_entailment, judge_equivalence
from agentrl.verifiers._fol.problem import Mode, Problem, fault, read_problem
from agentrl.verifiers._fol.proofs import Support, judge_proof
from agentrl.verifiers._fol.reader import Scope
from agentrl.verifiers._fol.replies import (
    PLACES,
    Extract,
    Unreadable,
    answer_text,
    read_formal,
    read_formulas,
    read_steps,
)
from agentrl.verifiers._fol.variations import gold, mutations, rewrites

__all__ = ["CASES", "gold", "mutations", "rewrites", "verify"]

Formalise = Literal["optional", "required"]

_OPTIONS: Mapping[str, Any] = {
    "mode": Mode,
    "extract": Extract,
    "scope": Scope,
    "credit": Credit,
    "formalise": Formalise,
    "support": Support,
}


def verify(
    task: Task,
    transcript: Transcript,
    *,
    mode: Mode = "auto",
    extract: Extract = "answer_tag",
    scope: Scope = "tight",
    credit: Credit = "none",
    formalise: Formalise = "optional",
    support: Support = "cited",
) -> Verdict:
    """Judge a formula, a label or a proof.

    Args:
        task: Its `answer` is the gold; see the module.
        transcript: The last assistant message holds the answer.
        mode: What is asked; "auto" goes by the gold's shape.
        extract: Where the answer stands: the only `<answer>` tag, the last fenced block, the last box, #### or
            Answer: line, or the whole reply.
        scope: How far a quantifier reaches that no bracket follows: "tight" over the next unary formula, "wide" to the
            end. For the reply, and for the gold where it does not say. Where "tight" would leave a variable outside,
            `∀x. P(x) → Q(x)`, with a dot, colon or comma, is wide.
        credit: What a wrong answer earns. "balanced", for formulas: half the agreement on 256 sampled models, and at
            most 1/4 where it only implies the gold or follows from it; one that has nothing to do with it earns about
            1/4 by chance. "steps", for proofs: see `_fol/proofs.py`.
        formalise: Whether a label needs its formulas.
        support: What a step of a proof may use: what it cites, or all premises and what it cites.

    Raises:
        ConfigError: An option has a value that does not exist; no reply raises.
        MissingExtraError: Z3 is not installed.
        InfraError: The machine cannot start the solvers, or is too slow to check the task.
    """
    chosen = {
        "mode": mode,
        "extract": extract,
        "scope": scope,
        "credit": credit,
        "formalise": formalise,
        "support": support,
    }
    for name, value in chosen.items():
        check_choice(name, value, get_args(_OPTIONS[name]))
    began = time.monotonic()

    def judge(problem: Problem, text: str) -> Verdict:
        if problem.kind == "entailment":
            return judge_entailment(problem, read_formal(text, problem, scope), formalise)
        if problem.kind == "proof":
            return judge_proof(problem, read_steps(text, problem, scope), support, credit)
        return judge_equivalence(problem, *read_formulas(text, problem, scope), credit)

    try:
        problem = read_problem(task.answer, mode, scope)
    except DataError as error:
        return Verdict(0.0, "task_invalid", feedback=str(error))
    verdict = _verdict(problem, transcript.reply, extract, judge)
    return replace(verdict, seconds=time.monotonic() - began)


def _verdict(problem: Problem, reply: str, extract: Extract, judge: Callable[[Problem, str], Verdict]) -> Verdict:
    problem_fault = fault(problem)
    if problem_fault:
        return Verdict(0.0, "task_invalid", feedback=problem_fault)
    try:
        text = answer_text(reply, extract)
        if text is None:
            return Verdict(0.0, "no_answer", feedback=f"No answer was found; it is read from: {PLACES[extract]}.")
        return judge(problem, text)
    except Unreadable as error:
        return Verdict(0.0, "malformed", feedback=str(error))
