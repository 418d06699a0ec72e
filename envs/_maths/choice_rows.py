"""Multiple-choice questions from rows of several data sets, told apart by their fields."""

from __future__ import annotations

import itertools
import re
import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentrl.data import load_rows
from agentrl.errors import DataError
from agentrl.types import Split

__all__ = ["Question", "question_of", "read_rows"]

_SUFFIXES = (".jsonl", ".jsonl.gz", ".json", ".json.gz")
_CONTEXTS = ("passage", "context")
_OPTIONS = ("options", "choices")
_LABELS = ("label", "correct", "answer", "Answer")


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, the options without their labels, and the right one's letter."""

    text: str
    options: tuple[str, ...]
    label: str


def read_rows(source: str, split: Split) -> list[Mapping[str, Any]]:
    """The rows of a split, as `load_rows` reads them; of a folder without a test file its dev file serves as one.

    Raises:
        DataError: The source is absent or empty, or not what it should be.
        MissingExtraError: The source is on the hub and `datasets` is not installed.
    """
    return list(load_rows(_dev(source) if split == "test" else source, split))


def _dev(source: str) -> str:
    """The dev file of a folder that has one and no test file; else the source itself."""
    folder = Path(source).expanduser()
    if any((folder / f"test{suffix}").is_file() for suffix in _SUFFIXES):
        return source
    return next((str(file) for suffix in _SUFFIXES if (file := folder / f"dev{suffix}").is_file()), source)


def question_of(row: Mapping[str, Any], where: str) -> Question:
    """A row as a question.

    Raises:
        DataError: It has no question, no options or no right one.
    """
    question = row.get("question")
    options = _split(next((row[name] for name in _OPTIONS if row.get(name)), None))
    label = next((row[name] for name in _LABELS if row.get(name) is not None), None)
    if not isinstance(question, str) or options is None or label is None:
        raise DataError(
            f"{where} needs a question, options or choices, and the right one ({', '.join(_LABELS)}); "
            f"it has: {', '.join(map(str, row))}"
        )
    letters = string.ascii_uppercase[: len(options)]
    if isinstance(label, int) and not isinstance(label, bool):
        label = letters[label] if 0 <= label < len(letters) else str(label)
    if not isinstance(label, str) or len(label) != 1 or label not in letters:
        raise DataError(f"{where}: the right option must be one of {', '.join(letters)}, got {label!r:.40}")
    context = next((row[name] for name in _CONTEXTS if isinstance(row.get(name), str) and row[name].strip()), "")
    return Question(f"{context.strip()}\n\n{question.strip()}" if context else question.strip(), options, label)


def _divided(text: str) -> list[str]:
    """A text that holds all options, cut before A), B) and so on, as far as they come one after the other.

    >>> _divided("A) 1 B) 2 or B) C) 3")
    ['A) 1', 'B) 2 or B)', 'C) 3']
    """
    starts: list[int] = []
    for letter in string.ascii_uppercase:
        match = re.compile(rf"(?:\A|(?<=\s)){letter}[).]\s").search(text, starts[-1] if starts else 0)
        if match is None:
            break
        starts.append(match.start())
    return [text[i:j].strip() for i, j in itertools.pairwise([*starts, len(text)])]


def _split(options: Any) -> tuple[str, ...] | None:
    """The options without labels; None where they are not 2 to 26 texts."""
    if isinstance(options, str):
        options = _divided(options)
    if not isinstance(options, list | tuple) or not 2 <= len(options) <= len(string.ascii_uppercase):
        return None
    if not all(isinstance(option, str) and option.strip() for option in options):
        return None
    labelled = [
        re.match(rf"\s*\(?{letter}(?:[).:]|\s)\s*(?=\S)", option)
        for letter, option in zip(string.ascii_uppercase, options, strict=False)
    ]
    if all(labelled):
        return tuple(option[match.end() :].strip() for match, option in zip(labelled, options, strict=True) if match)
    return tuple(option.strip() for option in options)
