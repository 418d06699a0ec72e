"""English sentences to translate into formulas of first-order logic, decided by what the formula means.

Levels: 1 named individuals; 2 one quantifier over properties; 3 relations, two quantifiers, counting, identity; 4
conditions inside of conditions, two sentences joined, denials. Sentences are drawn from patterns that can be read in
one way, with everyday words, or made-up ones that no data set knows; the prompt says how to read "or", "every" and the
order of quantifiers. With `signature="given"` the prompt lists predicates and constants, some of which the sentence
does not use; with "free" the policy chooses names, which are matched by likeness.

Source: the task is that of Yang et al. 2023, "Harnessing the Power of Large Language Models for Natural Language to
First-Order Logic Translation" (LogicLLaMA, MALLS), arXiv:2305.15541. Rows: FOLIO (arXiv:2209.00840) {premises,
premises-FOL}, MALLS {NL, FOL}, and Logic-LM's programs (arXiv:2305.12295) {raw_logic_programs}, whose formulas a model
wrote and nobody checked.

Differs from the source: a reply earns 1 where the solvers prove it equivalent to the gold, else 0; LogicLLaMA's LE
score takes every quantifier for the same. Names may be given, which the source does not do.

Covered: equivalence in any spelling that the verifier `fol` reads. Rows are left out, and counted in `left_out`, where
the formula cannot be read, is always true, or never (FOLIO v0.0: 1,632 of 1,659 are in).
Not covered: sentences with several readings; whether a row's formula is a good translation; with free names, rows whose
names cannot be guessed from the sentence. FOLIO has sentences that share predicates, and no split of its own here: give
training and evaluation different files.
Data licence: generated sentences none; FOLIO CC-BY-SA-4.0, MALLS CC-BY-NC-4.0, Logic-LM MIT over FOLIO's.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import get_args

from agentrl.data import generated
from agentrl.environment import SingleTurnEnv
from agentrl.envs._levels import levels_of
from agentrl.envs._logic.lexicon import Vocabulary
from agentrl.envs._logic_text.pairs import Pair, problem_name
from agentrl.envs._logic_text.prompts import FORM, READING, Signature, answer, told
from agentrl.envs._logic_text.rows import load_pairs
from agentrl.envs._logic_text.sentences import FAMILY, LEVELS, draw_pair
from agentrl.errors import check_choice, check_count
from agentrl.golds import gold_reply
from agentrl.types import Message, Split, Task

SYSTEM = f"Translate the sentence into one formula of first-order logic. {FORM}"


class FolTranslate(SingleTurnEnv):
    """Sentences, answered with a formula.

    Args:
        level: 1 to 4, or a range such as "1-3"; see the module. Rows have no levels.
        signature: Whether predicates and constants are "given" or "free".
        vocabulary: "people", "animals", "nonsense" or "mixed".
        distractors: Predicates, and as many constants, that are given and not used; 0 to 6. Rows have none.
        count: Generated tasks of each split.
        source: "" makes sentences; or a JSONL file or a JSON array (plain or gzipped), a folder with train.jsonl.gz
            and test.jsonl.gz, or a dataset on the hub; read at the first `reset`.
        split: Which tasks `reset` draws from.
        render_mode: "ansi" or None.

    Raises:
        ConfigError: An option has another value.
    """

    verifier = "fol"

    def __init__(
        self,
        *,
        level: int | str = "1-3",
        signature: Signature = "given",
        vocabulary: Vocabulary = "mixed",
        distractors: int = 2,
        count: int = 10_000,
        source: str = "",
        split: Split = "train",
        render_mode: str | None = None,
    ) -> None:
        super().__init__(split=split, render_mode=render_mode)
        check_choice("signature", signature, get_args(Signature))
        check_choice("vocabulary", vocabulary, get_args(Vocabulary))
        check_count("distractors", distractors, least=0, most=6)
        check_count("count", count)
        self.levels = levels_of(level, max(LEVELS))
        self.signature, self.vocabulary, self.distractors = signature, vocabulary, distractors
        self.count, self.source = count, source
        self.left_out: dict[Split, int] = {}
        self._key = f"fol_translate/{level}/{signature}/{vocabulary}/{distractors}"

    def tasks(self, split: Split) -> Sequence[Task]:
        """Sentences, each made when it is asked for; or one task for each sentence of the rows.

        Raises:
            DataError: The rows cannot be read, or one is of none of the forms.
            MissingExtraError: The source is on the hub and `datasets` is not installed; or Z3 is not.
        """
        if not self.source:
            return generated(self._key, split, self.count, self._drawn, family=FAMILY)
        loaded = load_pairs(self.source, split)
        self.left_out[split] = loaded.left_out
        return [self._task(id, pair) for id, pair in loaded.pairs.items()]

    def gold(self, task: Task) -> Sequence[str | Message]:
        """The gold formula."""
        return (str(gold_reply("fol", task.answer)),)

    def _drawn(self, draw: random.Random, id: str) -> tuple[str, Task]:
        pair = draw_pair(draw, draw.choice(self.levels), self.vocabulary, self.distractors)
        return problem_name(pair.formula), self._task(id, pair)

    def _task(self, id: str, pair: Pair) -> Task:
        system = SYSTEM if self.source else f"{SYSTEM} {READING}"
        ask = f"{told(pair, self.signature)}\n\nSentence: {pair.sentence}"
        prompt = (Message("system", system), Message("user", ask))
        return Task(id, prompt, answer(pair, self.signature), {"sentence": pair.sentence})
