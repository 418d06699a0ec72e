"""Word problems of one to seven steps, generated, or rows of MAWPS, GSM-hard, SVAMP and the like.

Twelve kinds of stories (shopping, saving, prices, fences, shares in a ratio, collections, fractions, seats, units,
ages, journeys, machines) in five levels: one step at level 1, two at 2, three at 3, four or five at 4, five to seven at
5; from level 3 on with sentences that do not matter. The answer is worked out twice, by a formula and from the steps,
and every step of a story comes out whole and above 0. A reply ends with `#### n`; the `math` verifier reads it.

Source: the form of GSM8K, Cobbe et al. 2021, arXiv:2110.14168. Rows: {question, answer} as in GSM8K (an answer without
`####` is the number itself), {input, target} as in MAWPS (Koncel-Kedziorski et al. 2016) and GSM-hard (Gao et al. 2022,
arXiv:2211.10435), {Body, Question, Answer} as in SVAMP (Patel et al. 2021, arXiv:2103.07191).

Differs from the source: answers are compared as exact numbers; where a row's target is a float that does not end within
six places, a reply needs to agree with it to two places, or to two digits where it is small.

Covered: the four rules, percentages, fractions, ratios, rates, units, ages; distractors from level 3 on.
Not covered: grading of the steps; names and wordings do not make another problem, numbers and kind do.
Data licence: generated: none; rows have that of their source (GSM8K, GSM-hard, SVAMP MIT; MAWPS as carried).
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from agentrl.data import generated, load_rows
from agentrl.environment import SingleTurnEnv
from agentrl.envs._levels import levels_of
from agentrl.envs._maths import stories_amounts, stories_money
from agentrl.envs._maths.stories import Known, Step, Story, evaluated, worked
from agentrl.errors import DataError, check_count, check_names
from agentrl.types import Message, Split, Task

SYSTEM = "Solve the problem step by step. End your reply with a line `#### n`, where n is the answer as a number."
STORIES: Mapping[str, Callable[[Story, int], int]] = MappingProxyType(
    {
        "ages": stories_amounts.ages,
        "collection": stories_amounts.collection,
        "fence": stories_money.fence,
        "fractions": stories_amounts.fractions,
        "journey": stories_amounts.journey,
        "machines": stories_amounts.machines,
        "prices": stories_money.prices,
        "saving": stories_money.saving,
        "seats": stories_amounts.seats,
        "sharing": stories_money.sharing,
        "shopping": stories_money.shopping,
        "units": stories_amounts.units,
    }
)
_TRIES = 200
_PLACES = 2
_EXACT_PLACES = 6
_MORE = 6
_LONGEST = 100
_NUMBER = re.compile(r"[+-]?(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)?(?:(?<=[0-9])/0*[1-9][0-9]*|(?<=[0-9])\.?|\.[0-9]+)")


class WordProblems(SingleTurnEnv):
    """Word problems with `#### n` answers.

    Args:
        level: 1 to 5, or a range such as "1-3"; see the module. Rows have no levels.
        kinds: Stories to draw from, as in the module; empty for all.
        count: Generated tasks of each split.
        source: "" makes problems; or a dataset on the hub, a JSONL file (plain or gzipped), or a folder with
            train.jsonl.gz and test.jsonl.gz; read at the first `reset`.
        split: Which tasks `reset` draws from.
        render_mode: "ansi" or None.

    Raises:
        ConfigError: `level` or `kinds` names what does not exist, or `count` is below 1.
    """

    verifier = "math"
    verifier_options = MappingProxyType({"extract": "hash"})

    def __init__(
        self,
        *,
        level: int | str = 2,
        kinds: Sequence[str] = (),
        count: int = 10_000,
        source: str = "",
        split: Split = "train",
        render_mode: str | None = None,
    ) -> None:
        super().__init__(split=split, render_mode=render_mode)
        check_names("kinds", kinds, STORIES)
        check_count("count", count)
        self.levels = levels_of(level)
        self.kinds = tuple(sorted(set(kinds))) or tuple(STORIES)
        self.count = count
        self.source = source
        self.left_out: dict[Split, int] = {}
        self._key = "/".join(("word_problems", str(level), *sorted(set(kinds))))

    def tasks(self, split: Split) -> Sequence[Task]:
        """Problems, each made when it is asked for; or one task a row.

        A row whose target is no number, as 12 apples or 1/0, is left out (`left_out` counts them).

        Raises:
            DataError: The rows cannot be read, or one has none of the forms.
            MissingExtraError: The source is on the hub and `datasets` is not installed.
        """
        if not self.source:
            return generated(self._key, split, self.count, self._drawn)
        rows = load_rows(self.source, split)
        found = [_read(row, f"{self.source} ({split}), row {index + 1}") for index, row in enumerate(rows)]
        tasks = [_task(f"{split}/{i}", *read, {}) for i, read in enumerate(found) if read is not None]
        self.left_out[split] = found.count(None)
        return tasks

    def gold(self, task: Task) -> Sequence[str | Message]:
        """The worked solution; for a row without one, its answer."""
        answer = task.answer["value"] if isinstance(task.answer, Mapping) else task.answer
        return (task.data["solution"] or f"#### {answer}",)

    def _drawn(self, draw: random.Random, id: str) -> tuple[str, Task] | None:
        level, kind = draw.choice(self.levels), draw.choice(self.kinds)
        for _ in range(_TRIES):  # at this level and of this kind, else those that come out even would prevail
            story = Story(draw)
            answer = STORIES[kind](story, level)
            values = evaluated(story.steps)
            if all(value > 0 and value.denominator == 1 for value in values):
                if values[-1] != answer:
                    raise AssertionError(f"the steps of {id} come to {values[-1]}, its formula to {answer}")
                story.add_asides(level)
                data = {"level": level, "kind": kind}
                return f"{kind} {_signature(story.steps)}", _task(
                    id, story.text(), str(answer), worked(story.steps), data
                )
        return None


def _signature(steps: Sequence[Step]) -> str:
    """What makes a problem another one: the calculations, without the words and the order of equal parts."""
    shown = []
    for step in steps:
        parts = [f"[{part.step}]" if isinstance(part, Known) else str(part) for part in (step.left, step.right)]
        shown.append(step.sign.join(sorted(parts) if step.sign in "+*" else parts))
    return " ".join(shown)


def _task(id: str, question: str, answer: Any, solution: str, data: Mapping[str, Any]) -> Task:
    prompt = (Message("system", SYSTEM), Message("user", question))
    return Task(id, prompt, answer, {"solution": solution, **data})


def _read(row: Mapping[str, Any], where: str) -> tuple[str, Any, str] | None:
    """Question, answer and solution of a row; None where its answer is no number.

    Raises:
        DataError: The row has none of the forms.
    """
    if "Body" in row:
        body, question, answer = str(row["Body"]).strip(), row.get("Question"), row.get("Answer")
        question = f"{body}{'' if body.endswith(('.', '!', '?')) else '.'} {question}" if question else None
    elif "input" in row:
        question, answer = row["input"], row.get("target")
    else:
        question, answer = row.get("question"), row.get("answer")
    if not isinstance(question, str) or isinstance(answer, bool) or not isinstance(answer, str | int | float):
        forms = "{question, answer}, {input, target} or {Body, Question, Answer}"
        raise DataError(f"{where} has none of the forms {forms}; it has: {', '.join(map(str, row))}")
    text, solution = (_split_solution(answer)) if isinstance(answer, str) else (answer, "")
    gold = _gold(text)
    return None if gold is None else (question, gold, solution)


def _split_solution(answer: str) -> tuple[str, str]:
    before, mark, number = answer.rpartition("####")
    return number.strip(), answer if mark and before.strip() else ""


def _plain(text: str) -> str | None:
    """A number in digits, without the dollar sign and the commas at thousands; None where the text is no number."""
    text = text.replace("$", "").strip()
    return text.replace(",", "") if len(text) <= _LONGEST and _NUMBER.fullmatch(text) else None


def _gold(value: str | int | float) -> Any:
    """A target as a gold; a float that only approximates asks for two places."""
    if not isinstance(value, float):
        return _plain(str(value))
    if not math.isfinite(value):
        return None
    if value.is_integer():
        return str(int(value))
    short = f"{value:.{_EXACT_PLACES}f}".rstrip("0")
    if math.isclose(float(short), value, rel_tol=1e-15):
        return short
    places = _PLACES + max(0, -math.floor(math.log10(abs(value))) - 1)  # that many digits that are not leading zeros
    return {"value": f"{value:.{places + _MORE}f}", "places": places}
