"""A sentence and a formula that does not say what it does, to correct, in one turn or more.

The formula is wrong by 1 to `edits` edits, each of one label of the syntax tree: a predicate, operator, constant,
variable or quantifier changed; a quantifier, a negation, a term or a literal put in; a quantifier, a term or an
operand left out. The edits do not overlap. What they make can be read, and is proven to be wrong: it uses a name that
is not given or with other arguments, or there is a small model in which just one of the two formulas is true. After a
wrong reply the policy is told what the verifier says, or such a model in words (`feedback`), until the turns are over.

Sentences are those of `fol_translate`; with a `source`, rows of FOLIO, MALLS or Logic-LM whose formulas are edited, or
rows {NL, pred, gold} with what a model wrote, which may be unreadable. `task.data["edits"]` holds the edits in the
order in which they were made, each with the whole formula before it; the gold replies undo them one by one.

Source: Yang et al. 2023, "Harnessing the Power of Large Language Models for Natural Language to First-Order Logic
Translation", arXiv:2305.15541; github.com/gblackout/LogicLLaMA at 785a2c0 has which nodes of the tree may be changed,
put in and left out, but not what is put in. Differs from the source: that is chosen here, by the operators in
`envs/_logic_text/perturb.py`; a quantifier that is left out gives its places to a constant or another variable, so
that the formula stays one; every wrong formula is proven to be wrong; the reward is equivalence, not the LE score.

Covered: 13 operators; proofs by models of at most three elements, and for rows of a model's by the solvers. Copying the
wrong formula earns 0. Not covered: edits that keep the meaning; rows whose formula a model got right (`left_out`).
Data licence: generated sentences none; rows have that of their source.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal, get_args

from agentrl.data import generated
from agentrl.environment import Env, Outcome
from agentrl.envs._levels import levels_of
from agentrl.envs._logic.lexicon import Vocabulary
from agentrl.envs._logic_text.pairs import Pair, problem_name
from agentrl.envs._logic_text.perturb import Edit
from agentrl.envs._logic_text.prompts import FORM, READING, answer, told
from agentrl.envs._logic_text.rows import load_pairs, readable
from agentrl.envs._logic_text.sentences import FAMILY, LEVELS, draw_pair
from agentrl.envs._logic_text.wrong import contrast, is_different, wrong_formula
from agentrl.errors import check_choice, check_count
from agentrl.golds import gold_reply
from agentrl.types import Message, Split, Task, Transcript, Verdict
from agentrl.verifiers._fol.printer import show

Feedback = Literal["status", "model"]

SYSTEM = f"Correct the formula, so that it says what the sentence says. {FORM}"
ASK = "{}\n\nSentence: {}\nWrong formula: {}"
AGAIN = "That is not right. {} Put the whole corrected formula between <answer> and </answer>."


class FolCorrect(Env):
    """Wrong formulas to correct.

    Args:
        level: 1 to 4, or a range such as "1-3": the sentences, as in `fol_translate`. Rows have no levels.
        edits: At most how many edits a formula has; 1 to 4.
        feedback: What a wrong reply is told: the verifier's "status", or besides a small "model" in words, where one
            is found.
        vocabulary: "people", "animals", "nonsense" or "mixed".
        count: Generated tasks of each split.
        source: "" makes sentences; or a JSONL file or a JSON array (plain or gzipped), a folder with train.jsonl.gz
            and test.jsonl.gz, or a dataset on the hub; read at the first `reset`.
        split: Which tasks `reset` draws from.
        max_turns: Turns until the episode is truncated.
        render_mode: "ansi" or None.

    Raises:
        ConfigError: An option has another value.
    """

    max_turns = 3
    verifier = "fol"

    def __init__(  # noqa: PLR0913  # the settings of the generator, all by keyword
        self,
        *,
        level: int | str = "1-3",
        edits: int = 2,
        feedback: Feedback = "status",
        vocabulary: Vocabulary = "mixed",
        count: int = 10_000,
        source: str = "",
        split: Split = "train",
        max_turns: int | None = None,
        render_mode: str | None = None,
    ) -> None:
        super().__init__(split=split, max_turns=max_turns, render_mode=render_mode)
        check_choice("feedback", feedback, get_args(Feedback))
        check_choice("vocabulary", vocabulary, get_args(Vocabulary))
        check_count("edits", edits, most=4)
        check_count("count", count)
        self.levels = levels_of(level, max(LEVELS))
        self.edits, self.feedback, self.vocabulary = edits, feedback, vocabulary
        self.count, self.source = count, source
        self.left_out: dict[Split, int] = {}
        self._key = f"fol_correct/{level}/{edits}/{vocabulary}"

    def tasks(self, split: Split) -> Sequence[Task]:
        """Wrong formulas, each made when it is asked for; or one for each sentence of the rows.

        Raises:
            DataError: The rows cannot be read, or one is of none of the forms.
            MissingExtraError: The source is on the hub and `datasets` is not installed; or Z3 is not.
        """
        if not self.source:
            return generated(self._key, split, self.count, self._drawn, family=FAMILY)
        loaded = load_pairs(self.source, split)
        found = [self._from_row(id, pair, loaded.wrong.get(id)) for id, pair in loaded.pairs.items()]
        self.left_out[split] = loaded.left_out + found.count(None)
        return [task for task in found if task is not None]

    def gold(self, task: Task) -> Sequence[str | Message]:
        """The edits undone one by one, and the right formula."""
        steps = [f"Not {edit['after']} but {edit['before']}: {edit['formula']}" for edit in task.data["edits"][::-1]]
        return ("\n".join([*steps, str(gold_reply("fol", task.answer))]),)

    def respond(self, action: Message) -> Outcome:
        """Verify the reply; say what is wrong with it."""
        assert self.task is not None
        verdict = self._verify(self.task, Transcript((action,)))
        if verdict.success or not verdict.scored:
            return Outcome(reward=verdict.score, verdict=verdict, terminated=True)
        return Outcome((Message("user", AGAIN.format(self._said(self.task, verdict))),), verdict=verdict)

    def _said(self, task: Task, verdict: Verdict) -> str:
        if self.feedback == "status" or not any(check.name == "meaning" for check in verdict.checks):
            return verdict.feedback
        gold, reply = readable(task.answer["formula"]), readable(str(verdict.answer))
        return f"{verdict.feedback} {contrast(gold, reply) if gold and reply else ''}".strip()

    def _drawn(self, draw: random.Random, id: str) -> tuple[str, Task] | None:
        pair = draw_pair(draw, draw.choice(self.levels), self.vocabulary, distractors=1)
        task = self._perturbed(id, pair, draw)
        return None if task is None else (problem_name(pair.formula), task)

    def _from_row(self, id: str, pair: Pair, wrong: str | None) -> Task | None:
        if wrong is None:
            seed = f"{self.edits}/{pair.sentence}/{show(pair.formula)}"  # the same in both splits of one file
            return self._perturbed(id, pair, random.Random(seed))
        formula = readable(wrong)
        if not wrong.strip() or (formula is not None and not is_different(pair.formula, formula, pair.names)):
            return None
        return self._task(id, pair, wrong.strip(), [])

    def _perturbed(self, id: str, pair: Pair, draw: random.Random) -> Task | None:
        found = wrong_formula(pair.formula, pair.names, draw, self.edits)
        return None if found is None else self._task(id, pair, show(found[0]), found[1])

    def _task(self, id: str, pair: Pair, wrong: str, edits: Sequence[Edit]) -> Task:
        system = SYSTEM if self.source else f"{SYSTEM} {READING}"
        ask = ASK.format(told(pair, "given"), pair.sentence, wrong)
        data = {"sentence": pair.sentence, "wrong": wrong, "edits": [_as_json(edit) for edit in edits]}
        return Task(id, (Message("system", system), Message("user", ask)), answer(pair, "given"), data)


def _as_json(edit: Edit) -> Mapping[str, Any]:
    return {**asdict(edit), "path": list(edit.path)}
