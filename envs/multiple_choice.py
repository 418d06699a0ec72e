"""Multiple-choice questions on facts of mathematics, generated, or rows of AQuA, MMLU, AGIEval, AR-LSAT and the like.

Levels: 1 sums and products; 2 precedence, signs, percentages; 3 fractions, equations, rectangles; 4 powers, squares,
slopes, averages; 5 logarithms, selections, derivatives, remainders, series. The wrong options are what usual slips lead
to: the inverse operation, a dropped sign, one too many, the perimeter for the area. Every letter is the right one
equally often. A reply ends with `Answer: B`; the `choice` verifier reads it, with the options given.

Who guesses earns 1 / (number of options) on average: 0.25 with four options, 0.2 with five. That is the floor of this
environment, not 0; a constant letter earns it too.

Source: the form of AQuA-RAT (Ling et al. 2017, arXiv:1705.04146). Rows: AQuA {question, options, correct}, AGIEval
{passage, question, options, label} (arXiv:2304.06364), AR-LSAT and logical deduction as in Logic-LM {context, question,
options, answer}, SAT {question, options as one text, Answer}, MMLU {question, choices, answer as an index}
(arXiv:2009.03300); JSONL, or JSON arrays.

Differs from the source: the options have labels in one form, A) and so on; the letter decides, with its option behind
it or the option alone if one likes, where the papers' graders take the first letter that a pattern finds.

Covered: one right option of 2 to 26.
Not covered: several right options, figures. Rows that the verifier cannot use are left out (`left_out` counts them).
Data licence: generated: none; rows have that of their source (AQuA Apache-2.0; MMLU, AGIEval, AR-LSAT MIT).
"""

from __future__ import annotations

import random
import string
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from agentrl.data import generated
from agentrl.environment import SingleTurnEnv
from agentrl.envs._levels import levels_of
from agentrl.envs._maths.choice_rows import Question, question_of, read_rows
from agentrl.envs._maths.quiz import MAKERS
from agentrl.errors import check_count
from agentrl.golds import gold_reply, is_usable
from agentrl.types import Message, Split, Task

SYSTEM = "Answer the question. End your reply with a line `Answer: X`, where X is the letter of the right option."
_MOST_OPTIONS = 5
_TRIES = 200


class MultipleChoice(SingleTurnEnv):
    """Questions with labelled options, answered with a letter.

    Args:
        level: 1 to 5, or a range such as "1-3"; see the module. Rows have no levels.
        options: How many options a generated question has, 2 to 5.
        count: Generated tasks of each split.
        source: "" makes questions; or a dataset on the hub, a JSONL file or a JSON array (plain or gzipped), or a
            folder with files named after the splits (dev serves where test is absent); read at the first `reset`.
        split: Which tasks `reset` draws from.
        render_mode: "ansi" or None.

    Raises:
        ConfigError: `level`, `options` or `count` is out of its range.
    """

    verifier = "choice"
    verifier_options = MappingProxyType({"extract": "answer_line"})

    def __init__(
        self,
        *,
        level: int | str = "1-3",
        options: int = 4,
        count: int = 10_000,
        source: str = "",
        split: Split = "train",
        render_mode: str | None = None,
    ) -> None:
        super().__init__(split=split, render_mode=render_mode)
        check_count("options", options, least=2, most=_MOST_OPTIONS)
        check_count("count", count)
        self.levels = levels_of(level)
        self.options = options
        self.count = count
        self.source = source
        self.left_out: dict[Split, int] = {}
        self._key = f"multiple_choice/{level}/{options}"

    def tasks(self, split: Split) -> Sequence[Task]:
        """Questions, each made when it is asked for; or one task a row.

        Raises:
            DataError: The rows cannot be read, or one has no question, no options or no right one.
            MissingExtraError: The source is on the hub and `datasets` is not installed.
        """
        if not self.source:
            return generated(self._key, split, self.count, self._drawn)
        rows = read_rows(self.source, split)
        questions = [question_of(row, f"{self.source} ({split}), row {i + 1}") for i, row in enumerate(rows)]
        tasks = [_task(f"{split}/{i}", question, {}) for i, question in enumerate(questions)]
        usable = [task for task in tasks if is_usable("choice", task.answer)]
        self.left_out[split] = len(tasks) - len(usable)
        return usable

    def gold(self, task: Task) -> Sequence[str | Message]:
        """The letter on its line."""
        return (str(gold_reply("choice", task.answer, self.verifier_options)),)

    def _drawn(self, draw: random.Random, id: str) -> tuple[str, Task] | None:
        level = draw.choice(self.levels)
        maker = draw.choice(MAKERS[level])
        quiz = next((one for _ in range(_TRIES) if len((one := maker(draw)).wrong) >= self.options - 1), None)
        if quiz is None:
            return None
        place = draw.randrange(self.options)
        options = [*quiz.wrong[: self.options - 1]]
        draw.shuffle(options)
        options.insert(place, quiz.right)
        question = Question(quiz.text, tuple(options), string.ascii_uppercase[place])
        data = {"level": level, "kind": maker.__name__, "facts": quiz.facts}
        return f"{maker.__name__} {quiz.facts}", _task(id, question, data)


def _task(id: str, question: Question, data: Mapping[str, Any]) -> Task:
    labelled = zip(string.ascii_uppercase, question.options, strict=False)
    text = "\n".join((question.text, "", *(f"{letter}) {option}" for letter, option in labelled)))
    answer = {"label": question.label, "choices": list(question.options)}
    return Task(id, (Message("system", SYSTEM), Message("user", text)), answer, data)
