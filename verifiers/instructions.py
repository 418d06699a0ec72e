"""Instructions whose following can be seen: the 25 kinds of IFEval.

The task's `answer` is {"instructions": [{"id": "length_constraints:number_words", "kwargs": {"num_words": 300,
"relation": "at least"}}, ...], "prompt": text, "example": a reply that follows them}; the last two may be absent, and
ids and arguments are those of IFEval. A relation is one of: at least, at most, exactly, less than. A task with an id or
an argument that does not exist is `task_invalid`: it never passes. Checks stand in the verdict by position.

What is read is the reply after its thinking, as it is (the strict reading). An empty reply follows nothing. Under
the quality gate neither does a reply of under `min_letters` letters, one that copies the prompt, or one that repeats
itself: filler, echoes and stuffed keywords satisfy most instructions.

Covered: keywords, forbidden words, frequencies (as whole words, with case and invisible characters ignored), numbers of
words, sentences, paragraphs, bullets, sections, highlights, placeholders, titles, postscripts, JSON, two responses, a
repeated request, language, case, commas, beginnings and ends; IFEval's loose reading and both of its averages for
reports (`_instructions/metrics.py`). Not covered: whether the reply is any good, words of scripts without spaces,
letters of other scripts that look alike, texts of under 20 letters for language and English case (they fail).

Source: IFEval (arXiv:2311.07911, google-research/instruction_following_eval). Differs from the source: whole words in
place of substrings and patterns; its own words, sentences and highlights in place of NLTK's; a detector without random
numbers, where a failure to detect is a failure; dividers on lines of their own; numbered sections must differ and hold
words; words in capital letters have two letters; a bullet, a placeholder and a title hold a word; one constrained
answer, not several; JSON is an object or a list with content; a postscript begins a line and is not alone; an answer
follows the repeated request; commas of every script count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args

from agentrl.errors import ConfigError, DataError, check_choice
from agentrl.types import Check, Task, Transcript, Verdict
from agentrl.verifiers._instructions.cases import CASES
from agentrl.verifiers._instructions.language import identifier
from agentrl.verifiers._instructions.registry import NEED_DETECTOR, Instruction, instructions, problems
from agentrl.verifiers._reading.extract import final_segment
from agentrl.verifiers._reading.repetition import repeated_share
from agentrl.verifiers._reading.text import has_word, is_copied, words

__all__ = ["CASES", "gold", "mutations", "rewrites", "verify"]

Reward = Literal["all", "fraction"]
Gate = Literal["quality", "none"]

MAX_CHARS = 50_000
PARTIAL_LETTERS = 100
"""Fewer letters earn nothing for a part of the instructions: a refusal follows most of them."""
_NGRAM = 3
_MIN_WORDS = 30
_MAX_REPEATED = 0.6
"""Of 3-grams of words; a repeated request or two alike responses stay below."""


def verify(
    task: Task, transcript: Transcript, *, reward: Reward = "all", gate: Gate = "quality", min_letters: int = 10
) -> Verdict:
    """Check the reply against every instruction.

    Args:
        task: Its `answer` holds the instructions; see the module.
        transcript: The last assistant message is the reply.
        reward: "all": 1 if all are followed, else 0. "fraction": the share that is followed.
        gate: "quality": a reply that is too short, a copy of the prompt or mostly repetition scores 0; and under
            "fraction" one of under 100 letters and digits, unless it follows all. "none": only the instructions count.
        min_letters: Fewest letters and digits of a reply under the gate.

    Raises:
        ConfigError: An option has a value that does not exist; no reply raises.
        MissingExtraError: An instruction needs a detector of languages that is not installed.
    """
    check_choice("reward", reward, get_args(Reward))
    check_choice("gate", gate, get_args(Gate))
    if type(min_letters) is not int or min_letters < 0:
        raise ConfigError(f"min_letters must be a whole number from 0 on, got {min_letters!r}")
    try:
        asked, prompt = _read(task)
    except DataError as error:
        return Verdict(0.0, "task_invalid", feedback=f"The task's instructions cannot be used: {error}")
    reply = final_segment(transcript.reply)
    if len(reply) > MAX_CHARS:
        return Verdict(0.0, "malformed", feedback=f"The reply is over {MAX_CHARS} characters.")
    if not has_word(reply):
        return Verdict(0.0, "no_answer", checks=_checks(asked, ["the reply is empty"] * len(asked)))
    found = problems(reply, asked, prompt)
    share = found.count("") / len(found)
    letters = PARTIAL_LETTERS if reward == "fraction" and share < 1 else 0
    fault = _fault(reply, prompt, max(min_letters, letters)) if gate == "quality" else ""
    return _verdict(reply, share if reward == "fraction" or share == 1 else 0.0, fault, _checks(asked, found))


def _verdict(reply: str, share: float, fault: str, checks: tuple[Check, ...]) -> Verdict:
    followed = sum(check.passed for check in checks)
    said = f"{followed} of {len(checks)} instructions are followed."
    if fault:
        return Verdict(0.0, "incorrect", reply[:2000], checks, f"{said} It counts for nothing: {fault}.")
    if share == 1:
        return Verdict(1.0, "correct", reply[:2000], checks)
    first = next(check for check in checks if not check.passed)
    status: Literal["partial", "incorrect"] = "partial" if share else "incorrect"
    return Verdict(share, status, reply[:2000], checks, f"{said} The first that is not, {first.name}: {first.detail}.")


def _checks(asked: tuple[Instruction, ...], found: list[str]) -> tuple[Check, ...]:
    return tuple(Check(one.id, not problem, detail=problem) for one, problem in zip(asked, found, strict=True))


def _fault(reply: str, prompt: str, min_letters: int) -> str:
    """What makes the reply worthless whatever it follows."""
    if sum(c.isalnum() for c in reply) < min_letters:
        return f"the reply has under {min_letters} letters"
    if prompt and is_copied(reply, prompt):
        return "the reply copies the prompt"
    said = [word.casefold() for word in words(reply)]
    if len(said) >= _MIN_WORDS and repeated_share(said, _NGRAM) > _MAX_REPEATED:
        return "the reply repeats itself"
    return ""


def _read(task: Task) -> tuple[tuple[Instruction, ...], str]:
    """The instructions, and the prompt: the answer's, or else what the user said.

    Raises:
        DataError: They cannot be used.
    """
    answer = task.answer
    if not isinstance(answer, Mapping):
        raise DataError(f'the answer must be {{"instructions": [...]}}, got {answer!r:.60}')
    unknown = set(answer) - {"instructions", "prompt", "example"}
    if unknown:
        raise DataError(f"the answer has no field {min(map(str, unknown))!r}: instructions, prompt, example")
    prompt = answer.get("prompt") or "\n".join(m.content for m in task.prompt if m.role == "user")
    if not isinstance(prompt, str) or len(prompt) > MAX_CHARS:
        raise DataError(f"the prompt must be a text of at most {MAX_CHARS} characters")
    return instructions(answer.get("instructions")), prompt


def gold(answer: Any, options: Mapping[str, Any]) -> str | None:
    """The answer's example, if it has one.

    Raises:
        DataError: The instructions cannot be used, or the example is no text.
        MissingExtraError: An instruction needs a detector of languages that is not installed.
    """
    asked, _ = _read(Task("gold", (), answer))
    if any(one.id in NEED_DETECTOR for one in asked):
        identifier()  # said before a run begins, not in its middle
    example = answer.get("example")
    if example is not None and (not isinstance(example, str) or not has_word(example)):
        raise DataError(f"the example must be a text with a word, got {example!r:.60}")
    return example


def rewrites(answer: Any, options: Mapping[str, Any]) -> Iterator[str]:
    """The example with white space around it, and after thoughts."""
    example = gold(answer, options)
    if example is not None:
        yield f"\n{example}\n"
        yield f"<think>\nNo, commas.\n</think>\n{example}"


def mutations(answer: Any, options: Mapping[str, Any]) -> Iterator[Any]:
    """The same instructions with an example that is too short, or that copies the prompt."""
    if gold(answer, options) is not None and options.get("gate", "quality") == "quality":
        if options.get("min_letters", 10) > 1:
            yield {**answer, "example": "0"}
        if answer.get("prompt") and has_word(answer["prompt"]):
            yield {**answer, "example": answer["prompt"]}
