"""Entailment in first-order logic: what premises say of a claim is True, False or Uncertain.

A task shows facts and rules about a few individuals and a claim. The premises imply it (True), they imply its negation
(False), or neither (Uncertain). A reply gives the label, or under `reply="formalised"` also formulas for premises and
claim, which must say what the task's do (`agentrl show fol`).

Source: the task of FOLIO (Han et al. 2022, arXiv:2209.00840), ProofWriter (Tafjord et al. 2021, arXiv:2012.13048, with
an open world) and PrOntoQA (Saparov and He 2023, arXiv:2210.01240); ProsQA is of Coconut (Hao et al. 2024,
arXiv:2412.06769). Own tasks are drawn from a seed: chains of rules among distractors, in words of people or animals or
in made-up ones. `source` loads the data sets: FOLIO as JSONL, ProofWriter and PrOntoQA in the form of Logic-LM, ProsQA
as published.

Differs from the source: logic is classical. ProofWriter chains rules forward and does not use them backwards, so that
66 of 3,000 train and 10 of 600 test rows of Logic-LM's sample have premises that contradict each other or another
label; they are left out (`left_out` counts). All 500 PrOntoQA rows and 800 ProsQA rows keep theirs. Where there are
formulas of FOLIO, labels are proven under `reply="formalised"` only. ProsQA asks which of two claims holds; here a row
claims one of them, which is True, or Uncertain where it is the other. What some data sets call Unknown is Uncertain.

Own tasks are a third of each label, and a claim is denied as often under each, so that a constant reply earns 1/3 (1/2
on PrOntoQA and ProsQA, which have two labels). Going by the sign of the rules for the claim's predicate reaches 0.41 at
the default settings, and more without distractors, of which the first lead to a goal's opposite. Under
`negation="none"` no negation can be implied: a claim that is denied is False or Uncertain, one that is not is True or
Uncertain, and who looks no further earns 2/3.

Covered: one to eight chained rules; conjunction, both disjunctions, negation, rules used backwards, relations, "some".
Not covered: grading of the reasoning before the label; equality, functions, numbers; claims with quantifiers.
Data licence: generated: none; FOLIO CC-BY-SA-4.0, ProofWriter CC-BY-4.0, PrOntoQA Apache-2.0, ProsQA MIT.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from agentrl.data import generated
from agentrl.environment import SingleTurnEnv
from agentrl.envs._logic.english import gloss, say
from agentrl.envs._logic.lexicon import Vocabulary
from agentrl.envs._logic.rows import Case, load_cases, proven
from agentrl.envs._logic.theory import FAMILY, LABELS, Label, Negation, Settings, cited, draw_theory
from agentrl.errors import check_choice, check_count
from agentrl.types import Message, Split, Task
from agentrl.verifiers._fol.printer import show
from agentrl.verifiers._fol.replies import as_json
from agentrl.verifiers._fol.syntax import Formula, symbols

Reply = Literal["label", "formalised"]
Form = Literal["english", "formulas", "both"]

SYSTEM = (
    "You get premises and a claim. Decide what follows by classical logic from the premises alone: the claim is True "
    "if they imply it, False if they imply its negation, Uncertain if they imply neither. Think step by step."
)
FORMATS: Mapping[Reply, str] = {
    "label": " End with your answer between tags: <answer>True</answer>, <answer>False</answer> or "
    "<answer>Uncertain</answer>.",
    "formalised": ' End with one JSON object between tags: <answer>{"premises": [...], "conclusion": "...", "label": '
    '"..."}</answer>. Premises and conclusion are formulas of first-order logic for the premises and the claim, with '
    "the names given and ∀, ∃, ¬, ∧, ∨, ⊕, →, ↔; the label is True, False or Uncertain.",
}
CHOICES = {"T": "True", "F": "False", "U": "Uncertain"}


class FolEntail(SingleTurnEnv):
    """Claims that premises imply, exclude, or leave open.

    Args:
        source: A JSONL or JSON file of FOLIO, ProofWriter, PrOntoQA or ProsQA, a folder with train and test as such
            files, or a dataset on the hub; "" draws tasks.
        reply: What is asked for: the "label", or formulas and the label.
        form: Whether premises and claim are shown in "english", as "formulas" or in "both".
        depth: Rules on the shortest way to the claim or its negation, 1 to 8; for own tasks, as are the next three.
        distractors: Premises beside those, 0 to 24.
        negation: "none" for premises without negation.
        vocabulary: "people", "animals", "nonsense" for words made up for each task, or "mixed".
        count: Generated tasks of each split.
        split: Which tasks `reset` draws from.
        render_mode: "ansi" or None.

    Raises:
        ConfigError: An option has a value that does not exist or is out of its range.
    """

    def __init__(  # noqa: PLR0913  # the settings of the generator, all by keyword
        self,
        *,
        source: str = "",
        reply: Reply = "label",
        form: Form = "english",
        depth: int = 3,
        distractors: int = 6,
        negation: Negation = "some",
        vocabulary: Vocabulary = "mixed",
        count: int = 10_000,
        split: Split = "train",
        render_mode: str | None = None,
    ) -> None:
        super().__init__(split=split, render_mode=render_mode)
        check_choice("reply", reply, get_args(Reply))
        check_choice("form", form, get_args(Form))
        check_count("count", count)
        self.settings = Settings(depth, distractors, negation, vocabulary)
        self.source, self.reply, self.form, self.count = source, reply, form, count
        self.left_out: dict[Split, int] = {}
        self.verifier = "choice" if reply == "label" else "fol"
        formal = {"mode": "entailment", "formalise": "required"} if reply == "formalised" else {}
        self.verifier_options = {"extract": "answer_tag", **formal}

    def tasks(self, split: Split) -> Sequence[Task]:
        """Own tasks, each made when it is asked for; or one a row that can be used.

        Raises:
            DataError: The rows cannot be read, or one is of none of the forms.
            MissingExtraError: The source is on the hub and `datasets` is not installed, or labels of FOLIO are to be
                proven and Z3 is not.
        """
        if self.source:
            return self._loaded(split)
        s = self.settings
        key = f"fol_entail/{s.depth}/{s.distractors}/{s.negation}/{s.vocabulary}"
        return generated(key, split, self.count, self._draw, family=FAMILY)

    def gold(self, task: Task) -> Sequence[str | Message]:
        """The steps that lead to the claim or its negation, where they are known, and the answer."""
        label = task.data["label"]
        answer = label
        if self.reply == "formalised":
            answer = as_json(task.answer["premises"], task.answer["conclusion"], label)
        return ("\n".join([*task.data["steps"], f"<answer>{answer}</answer>"]),)

    def _draw(self, rng: random.Random, id: str) -> tuple[str, Task] | None:
        # By the id, not by the attempt: which labels are harder to draw must not show in their shares.
        label = random.Random(f"label of {id}").choice(LABELS)
        theory = draw_theory(rng, self.settings, label)
        if theory is None:
            return None
        sentences = [say(formula, theory.lexicon, rng) for formula in (*theory.premises, theory.claim)]
        formulas = (*theory.premises, theory.claim)
        steps = [
            f"{number}. {say(step.formula, theory.lexicon, rng)} [from {', '.join(cited(step, len(theory.premises)))}]"
            for number, step in enumerate(theory.proof, 1)
        ]
        glosses = [gloss(name, theory.lexicon) for name in sorted(symbols(formulas).names)]
        return theory.name, self._task(id, _Shown(sentences, formulas, label, steps, glosses))

    def _loaded(self, split: Split) -> Sequence[Task]:
        loaded = load_cases(self.source, split)
        needs_formulas = self.reply == "formalised" or self.form != "english"
        kept = [
            (number, case)
            for number, case in loaded.cases
            if not (needs_formulas and not case.formulas) and (self.reply == "label" or proven(case))
        ]
        self.left_out[split] = loaded.left_out + len(loaded.cases) - len(kept)
        return [self._task(f"{split}/{number}", _of_case(case)) for number, case in kept]

    def _task(self, id: str, shown: _Shown) -> Task:
        formulas = [show(formula) for formula in shown.formulas]
        lines = shown.sentences if self.form == "english" else formulas
        if self.form == "both":
            lines = [f"{sentence}  {formula}" for sentence, formula in zip(shown.sentences, formulas, strict=True)]
        *premises, claim = lines
        parts = ["Premises:", *(f"{number}. {line}" for number, line in enumerate(premises, 1)), "", f"Claim: {claim}"]
        answer: dict[str, Any] = {"label": shown.label[0], "choices": CHOICES}
        if self.reply == "formalised":
            used = symbols(shown.formulas)
            parts += ["", "Names:", *shown.glosses]
            answer = {
                "premises": formulas[:-1],
                "conclusion": formulas[-1],
                "label": shown.label,
                "signature": {
                    "predicates": dict(used.predicates),
                    "functions": {name: arity for name, arity in used.functions.items() if arity},
                    "constants": [name for name, arity in used.functions.items() if not arity],
                },
            }
        prompt = (Message("system", SYSTEM + FORMATS[self.reply]), Message("user", "\n".join(parts)))
        return Task(id, prompt, answer, {"label": shown.label, "steps": shown.steps})


@dataclass(frozen=True, slots=True)
class _Shown:
    """What a task is made of; the last sentence and the last formula are the claim."""

    sentences: Sequence[str]
    formulas: Sequence[Formula]
    label: Label
    steps: Sequence[str]
    glosses: Sequence[str]


def _of_case(case: Case) -> _Shown:
    used = symbols(case.formulas)
    predicates = [
        f"{name}({', '.join('xyzuvwst'[:arity])})" if arity else name for name, arity in used.predicates.items()
    ]
    functions = [f"{name} ({arity} arguments)" if arity else name for name, arity in used.functions.items()]
    return _Shown((*case.premises, case.claim), case.formulas, case.label, (), sorted(predicates) + sorted(functions))
