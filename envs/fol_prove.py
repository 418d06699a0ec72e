"""Proofs in first-order logic, step by step: each step is checked, and the reply that follows knows which one failed.

A task shows premises P1, P2, ... and a goal that they imply. Each turn the policy sends one or more steps, `n. formula
[from P1, 2]`; those that hold stay, the first that does not is named with what is wrong, and a number that was used
before begins again from there. A step that is the goal ends the episode with 1, less for the wrong steps before it.

Wrong is a step that can be read and does not hold. With n rounds of rules from the premises to the goal, each takes
1/(n + 1) of what the goal earns, and the one after the n-th ends the episode; a goal after a wrong step is partial, no
success. What cannot be read costs its turn only.

A step may cite at most `rules_per_step` formulas that are no facts, so that the solver does not find the proof: beside
that it holds where what it cites implies it (`agentrl show fol`, proofs). Facts are ground literals and conjunctions of
literals with one ∃ in front at most; an instance of a rule counts like the rule. What is left without reading is to
send the goal with all facts and each rule in turn, which earns 0.26 at depth 1 (0.56 with the rules alone that name the
goal's predicate), nothing deeper, 0.08 on ProofWriter, and nothing on PrOntoQA and ProsQA; or, without reading their
conditions, all that rules could give: 0.14 at depth 1, 0.01 at 2, nothing deeper (60 tasks each, 50 of a
source; the first again in `tests/envs/test_fol_prove.py`).

Source: none; written for agentrl, on its own theories or, with `source`, on ProofWriter (arXiv:2012.13048) and PrOntoQA
(arXiv:2210.01240) in the form of Logic-LM and ProsQA (arXiv:2412.06769), with the formulas of their sentences.
Differs from the source: they ask for a label; here the goal is the claim, or its negation where it is False. Rows whose
claim is Uncertain, a premise, or needs a distinction of cases are left out (`left_out` counts): 263 of 600 in the test
split of ProofWriter in Logic-LM's sample.

Under `reward="progress"` a turn earns half the share of the way that it makes: the rounds of rules that are left to the
goal, counted by unit propagation, over the rounds at the start. The goal then earns what is missing to 1. Only steps
that are facts count; other formulas, restated premises and steps that lead elsewhere earn nothing.

Covered: chains of one to eight rules among distractors; negation, disjunction, relations, "some".
Not covered: assumptions that are given up again, proofs by cases over several steps, names beside the task's.
Data licence: generated: none; ProofWriter CC-BY-4.0, PrOntoQA Apache-2.0, ProsQA MIT.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from types import MappingProxyType
from typing import Literal, get_args

from agentrl.data import generated
from agentrl.environment import Env, Outcome
from agentrl.envs._logic.clauses import Clauses, Step, rounds_to
from agentrl.envs._logic.english import gloss, say
from agentrl.envs._logic.lexicon import Vocabulary
from agentrl.envs._logic.moves import complement
from agentrl.envs._logic.rows import Case, load_cases
from agentrl.envs._logic.theory import FAMILY, Negation, Settings, cited, draw_theory
from agentrl.errors import check_choice, check_count
from agentrl.types import Message, Split, Status, Task, Transcript, Verdict
from agentrl.verifiers._fol.printer import show
from agentrl.verifiers._fol.problem import Problem, read_problem
from agentrl.verifiers._fol.proofs import holds_midway
from agentrl.verifiers._fol.replies import MAX_STEPS, Unreadable, answer_text, next_step, read_steps
from agentrl.verifiers._fol.replies import Step as Cited
from agentrl.verifiers._fol.syntax import Atom, Formula, Joined, Not, Quantified, symbols

Form = Literal["both", "formulas"]
Reward = Literal["final", "progress"]

SYSTEM = (
    "Prove the goal from the premises, in steps. Each turn, send one or more steps between tags, one a line, each with "
    "what it follows from: premises P1, P2, ... or earlier steps by their numbers.\n"
    "<answer>\n1. Kind(ann) [from P2, P5]\n2. ¬Tall(ann) [from 1, P3]\n</answer>\n"
    "Formulas use the names of the task and ∀, ∃, ¬, ∧, ∨, ⊕, →, ↔. {rules} Steps that hold stay; you are told of the "
    "first that does not. Each that does not follow costs part of the reward, and too many end the proof. Otherwise it "
    "ends with a step that is the goal."
)
MOST_PROGRESS = 0.5
_NUMBER = re.compile(r"\W*(?:step\s|line\s)?\W?([0-9]{1,4})[.):]", re.IGNORECASE)


class FolProve(Env):
    """Step-by-step proofs with feedback.

    Args:
        source: A JSON or JSONL file of ProofWriter, PrOntoQA or ProsQA, a folder with train and test as such files, or
            a dataset on the hub; "" draws tasks.
        form: Whether premises are shown in English and as formulas or as formulas only.
        reward: 1 for the goal only, or also a part for each turn that comes nearer to it.
        rules_per_step: Formulas other than facts that a step may cite.
        depth: Rules on the shortest way to the goal, 1 to 8; for own tasks, as are the next three.
        distractors: Premises beside those, 0 to 24.
        negation: "none" for premises without negation.
        vocabulary: "people", "animals", "nonsense" for words made up for each task, or "mixed".
        count: Own tasks of each split.
        split: Which tasks `reset` draws from.
        max_turns: Turns until the episode is truncated; None is 4, and 3 for each step of depth, 24 with a source.
        render_mode: "ansi" or None.

    Raises:
        ConfigError: An option has a value that does not exist or is out of its range.
    """

    verifier = "fol"
    verifier_options = MappingProxyType({"mode": "proof", "extract": "answer_tag"})

    def __init__(  # noqa: PLR0913  # the settings of the generator, all by keyword
        self,
        *,
        source: str = "",
        form: Form = "both",
        reward: Reward = "final",
        rules_per_step: int = 1,
        depth: int = 3,
        distractors: int = 6,
        negation: Negation = "some",
        vocabulary: Vocabulary = "mixed",
        count: int = 10_000,
        split: Split = "train",
        max_turns: int | None = None,
        render_mode: str | None = None,
    ) -> None:
        self.settings = Settings(depth, distractors, negation, vocabulary)
        turns = max_turns if max_turns is not None else 24 if source else 4 + 3 * depth
        super().__init__(split=split, max_turns=turns, render_mode=render_mode)
        check_choice("form", form, get_args(Form))
        check_choice("reward", reward, get_args(Reward))
        check_count("rules_per_step", rules_per_step)
        check_count("count", count)
        self.source, self.form, self.reward, self.count = source, form, reward, count
        self.rules_per_step = rules_per_step
        self.left_out: dict[Split, int] = {}
        self._problem: Problem
        self._lines: list[str] = []
        self._steps: list[Cited] = []
        self._first, self._left, self._rounds, self._wrong, self._held = 1, 0, 0, 0, False

    def tasks(self, split: Split) -> Sequence[Task]:
        """Own tasks, each made when it is asked for; or one a row that can be used.

        Raises:
            DataError: The rows cannot be read, or one is of none of the forms.
            MissingExtraError: The source is on the hub and `datasets` is not installed.
        """
        if not self.source:
            s = self.settings
            key = f"fol_prove/{s.depth}/{s.distractors}/{s.negation}/{s.vocabulary}"
            return generated(key, split, self.count, self._draw, family=FAMILY)
        loaded = load_cases(self.source, split)
        found = [self._of_case(f"{split}/{number}", case) for number, case in loaded.cases]
        self.left_out[split] = loaded.left_out + found.count(None)
        return [task for task in found if task is not None]

    def gold(self, task: Task) -> Sequence[str | Message]:
        """The steps of the generator's chain, or for a row of unit propagation: one a turn, or all if too many."""
        steps = task.data["steps"]
        if len(steps) > self.max_turns:
            return ("<answer>\n{}\n</answer>".format("\n".join(steps)),)
        return tuple(f"<answer>{step}</answer>" for step in steps)

    def begin(self, task: Task) -> tuple[Message, ...]:
        """No step is known yet."""
        self._problem = read_problem(task.answer, "proof", "tight")
        self._lines, self._steps = [], []
        self._first, self._wrong, self._held = 1, 0, False
        self._left = 0
        self._left = self._rounds = self._distance()
        return task.prompt

    def respond(self, action: Message) -> Outcome:
        """Check the steps of the reply, up to the first that does not hold."""
        self._held = False
        try:
            text = answer_text(action.content, "answer_tag")
        except Unreadable as error:
            return self._go_on(str(error))
        if text is None:
            return self._go_on("No step was found: send steps between <answer> and </answer>.")
        for line in text.splitlines():
            refused = self._tried(line) if line.strip() else ""
            if isinstance(refused, Verdict):
                return self._end(refused)
            if refused:
                return self._go_on(refused)
        return self._go_on("")

    def _tried(self, line: str) -> str | Verdict:
        """Take a step; why it does not hold, or the verdict where it ends the proof."""
        assert self.task is not None
        number = _NUMBER.match(line)
        if number is not None and 0 <= int(number[1]) - self._first < len(self._lines):
            kept = int(number[1]) - self._first
            del self._lines[kept:], self._steps[kept:]
        text = "\n".join([*self._lines, line])
        try:
            steps = self._read(text, line)
        except Unreadable as error:
            return str(error)
        general = sum(not _is_fact(formula) for formula in self._cited(steps))
        if general > self.rules_per_step:
            return f"Step {steps[-1].number} cites {general} general formulas; {self.rules_per_step} is the most."
        if not self._goes_on(text, steps):
            verdict = self._verify(self.task, Transcript((Message("assistant", f"<answer>{text}</answer>"),)))
            if verdict.success or not verdict.scored:
                return verdict
            if len(verdict.checks) <= len(steps) or not all(check.passed for check in verdict.checks[: len(steps)]):
                self._wrong += 1
                return f"{verdict.feedback} {max(self._allowed - self._wrong, 0) or 'No'} more may be wrong."
        self._first = steps[0].number
        self._lines.append(line)
        self._steps.append(steps[-1])
        self._held = True
        return ""

    def _read(self, text: str, line: str) -> list[Cited]:
        """The steps of a text that ends with a new line; the others are known.

        Raises:
            Unreadable: The line is not the next step, or one too many.
        """
        if not 0 < len(self._lines) < MAX_STEPS:
            return read_steps(text, self._problem, "tight")
        return [*self._steps, next_step(line, self._steps, self._problem, "tight")]

    def _goes_on(self, text: str, steps: Sequence[Cited]) -> bool:
        """Whether a step holds and more are to come, seen from that step alone.

        The verifier is asked about the first step, which shows that the task is sound, and about every text that it
        would read otherwise, for marks around it or for its length.
        """
        try:
            read_alike = answer_text(f"<answer>{text}</answer>", "answer_tag") == text.strip()
        except Unreadable:
            return False
        return len(steps) > 1 and read_alike and holds_midway(self._problem, steps)

    def _cited(self, steps: Sequence[Cited]) -> list[Formula]:
        """What the last of some steps cites, as far as it is there."""
        premises = self._problem.formulas
        known = {f"P{place}": formula for place, formula in enumerate(premises, 1)}
        if steps[0].number > 1:
            known |= {str(place): formula for place, formula in enumerate(premises, 1)}
        known |= {str(step.number): step.formula for step in steps[:-1]}
        return [known[label] for label in dict.fromkeys(steps[-1].cited) if label in known]

    def _end(self, verdict: Verdict) -> Outcome:
        """The goal is reached, or the step cannot be judged: what is missing to 1 is earned, less for wrong steps."""
        if not verdict.success:
            return Outcome(verdict=verdict, terminated=True)
        share = self._share
        reward = (1 - share) * (1 - self._wrong / (self._allowed + 1))
        if self._wrong:
            said = f"The goal is reached, after {self._wrong} wrong steps."
            verdict = Verdict(share + reward, "partial", verdict.answer, verdict.checks, said)
        return Outcome(reward=reward, verdict=verdict, terminated=True)

    def _go_on(self, refused: str) -> Outcome:
        """Say what to do next, and reward what was done."""
        before = self._share
        if self._held and self.reward == "progress":
            self._left = min(self._left, self._distance())
        reward, share = self._share - before, self._share
        following = self._first + len(self._lines)
        held = (
            f"Step {self._first} holds." if len(self._lines) == 1 else f"Steps {self._first} to {following - 1} hold."
        )
        words = held if self._lines else "No step holds yet."
        message = Message("user", f"{refused} {words} Go on with step {following}.".strip())
        if self._wrong > self._allowed:
            status: Status = "partial" if share else "incorrect"
            return Outcome((), reward, Verdict(share, status, feedback="Too many steps were wrong."), terminated=True)
        over = len(self._actions) >= self.max_turns
        verdict = Verdict(share, "partial", feedback="The goal was not reached.") if over and share else None
        return Outcome((message,), reward, verdict)

    @property
    def _allowed(self) -> int:
        """Wrong steps that do not end the proof: as many as there are rounds from the premises to the goal."""
        return max(self._rounds, 1)

    @property
    def _share(self) -> float:
        """What the way made so far is worth; `_left` is fixed where only the goal counts."""
        return MOST_PROGRESS * (self._rounds - self._left) / self._rounds if self._rounds else 0.0

    def _distance(self) -> int:
        """Rounds of unit propagation from what is known to the goal; as many as were left where none reaches it."""
        goal = self._problem.conclusion
        assert goal is not None
        facts = (step.formula for step in self._steps if _is_fact(step.formula))
        rounds = rounds_to(goal, (*self._problem.formulas, *facts))
        return self._left if rounds is None else rounds

    # Tasks.

    def _draw(self, rng: random.Random, id: str) -> tuple[str, Task] | None:
        theory = draw_theory(rng, self.settings, "True")
        if theory is None:
            return None
        formulas = (*theory.premises, theory.claim)
        sentences = [say(formula, theory.lexicon, rng) for formula in formulas]
        names = [gloss(name, theory.lexicon) for name in sorted(symbols(formulas).names)]
        return theory.name, self._task(id, sentences, formulas, theory.proof, names)

    def _of_case(self, id: str, case: Case) -> Task | None:
        if not case.checked or case.label == "Uncertain":
            return None
        *premises, claim = case.formulas
        goal, sentence = claim, case.claim
        if case.label == "False":
            goal, sentence = complement(claim), f"It is not so that: {case.claim}"
        steps = Clauses(premises, [goal]).why(goal)
        if not steps or len(steps) > MAX_STEPS:
            return None
        return self._task(id, [*case.premises, sentence], [*premises, goal], steps, ())

    def _task(
        self,
        id: str,
        sentences: Sequence[str],
        formulas: Sequence[Formula],
        proof: Sequence[Step],
        names: Sequence[str],
    ) -> Task:
        shown = [show(formula) for formula in formulas]
        lines = shown
        if self.form == "both":
            lines = [f"{formula}    {sentence}" for formula, sentence in zip(shown, sentences, strict=True)]
        parts = [*(f"P{place}: {line}" for place, line in enumerate(lines[:-1], 1)), "", f"Goal: {lines[-1]}"]
        if names and self.form == "both":
            parts += ["", "Names:", *names]
        limit = self.rules_per_step
        rules = (
            f"A step may cite {limit} general formula{'s'[: limit > 1]} at most: all are general but literals without "
            "variables and conjunctions of literals, with one ∃ in front or none."
        )
        used = symbols(formulas)
        answer = {
            "premises": shown[:-1],
            "conclusion": shown[-1],
            "signature": {"predicates": dict(used.predicates), "constants": list(used.functions)},
        }
        steps = [
            f"{number}. {show(step.formula)} [from {', '.join(cited(step, len(formulas) - 1))}]"
            for number, step in enumerate(proof, 1)
        ]
        prompt = (Message("system", SYSTEM.format(rules=rules)), Message("user", "\n".join(parts)))
        return Task(id, prompt, answer, {"steps": steps})


def _is_fact(formula: Formula) -> bool:
    """Whether it is one or more literals, joined by "and", with one "some" in front at most."""
    parts = [formula.body if isinstance(formula, Quantified) and formula.kind == "exists" else formula]
    while parts:
        match parts.pop():
            case Atom() | Not(Atom()):
                pass
            case Joined("and", left, right):
                parts += (left, right)
            case _:
                return False
    return True
