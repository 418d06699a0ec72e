"""Golds: what the verifier says of its own reply, and of other answers, decides whether an answer can be used."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from agentrl import registry
from agentrl.environment import SingleTurnEnv
from agentrl.errors import DataError
from agentrl.golds import gold_problem, gold_reply, is_usable, mutated_golds, rewritten_golds, verifier_of
from agentrl.types import Message, Split, Task, Transcript, Verdict

VERIFY = """
from agentrl.errors import DataError
from agentrl.types import Message, Transcript, Verdict
def verify(task, transcript, *, prefix: str = ""):
    right = transcript.reply == prefix + str(task.answer)
    return Verdict(float(right), "correct" if right else "incorrect", feedback="" if right else "It is not right.")
"""
GOLD = """
def gold(answer, options):
    if not isinstance(answer, str):
        raise DataError(f"the answer must be text, got {type(answer).__name__}")
    return Transcript((Message("assistant", options.get("prefix", "") + answer),))
def rewrites(answer, options):
    yield answer
def mutations(answer, options):
    for n in range(100):
        asked.append(n)
        yield MUTATION
asked = []
"""

Write = Callable[..., str]


@pytest.fixture
def verifier(tmp_path: Path) -> Write:
    """`verifier(more)`: the path of a verifier with more functions."""

    def write(more: str = "", mutation: str = "answer + str(n)") -> str:
        path = tmp_path / f"v{abs(hash(more + mutation))}.py"
        path.write_text(VERIFY + more.replace("MUTATION", mutation))
        return str(path)

    return write


def test_a_gold_is_usable_where_the_verifier_can_read_it(verifier: Write) -> None:
    assert [is_usable(verifier(GOLD), answer) for answer in ("cat", 3)] == [True, False]
    assert is_usable(verifier(), 3)  # the verifier says nothing of its golds
    with pytest.raises(RuntimeError):  # a fault of the verifier is not one of the answer
        is_usable(verifier("def gold(answer, options):\n    raise RuntimeError('no')"), "cat")


def test_a_usable_gold_has_no_problem(verifier: Write) -> None:
    id = verifier(GOLD)
    assert gold_problem(id, "cat") == ""
    assert gold_problem(id, "cat", {"prefix": "a "}) == ""
    assert registry.load_module("verifier", id).asked == [0, 1, 2, 3] * 2  # a few, not all there are


def test_replies_of_each_kind(verifier: Write) -> None:
    id = verifier(GOLD)
    said = gold_reply(id, "cat", {"prefix": "a "})
    assert isinstance(said, Transcript)
    assert said.reply == "a cat"
    assert list(rewritten_golds(id, "cat")) == ["cat"]
    first = next(mutated_golds(id, "cat"))
    assert isinstance(first, Transcript)
    assert first.reply == "cat0"


def test_a_verifier_that_names_nothing_has_no_problem(verifier: Write) -> None:
    id = verifier()
    assert gold_reply(id, "cat") is None
    assert list(rewritten_golds(id, "cat")) == []
    assert list(mutated_golds(id, "cat")) == []
    assert gold_problem(id, 3) == ""


@pytest.mark.parametrize(
    ("more", "mutation", "answer", "problem"),
    [
        (GOLD, "answer + 'x'", 3, "the answer must be text, got int"),
        (
            GOLD.replace('"") + answer', '"") + "Q"'),
            "answer + 'x'",
            "cat",
            "its own reply is incorrect: It is not right.",
        ),
        (GOLD, "answer", "cat", "a reply that gives another answer is correct as well"),
        (GOLD, "7", "cat", "one of its mutations is no usable answer: the answer must be text, got int"),
    ],
)
def test_what_is_wrong_is_one_line(more: str, mutation: str, answer: Any, problem: str, verifier: Write) -> None:
    found = gold_problem(verifier(more, mutation), answer)
    assert found.startswith(problem)
    assert "\n" not in found


def test_mutations_without_gold_replies_name_nothing(verifier: Write) -> None:
    more = "def mutations(answer, options):\n    yield answer + 'x'\n"
    assert list(mutated_golds(verifier(more), "cat")) == []


def test_an_answer_that_is_no_gold_raises_where_a_reply_is_asked_for(verifier: Write) -> None:
    with pytest.raises(DataError, match="got list"):
        gold_reply(verifier(GOLD), [])


@pytest.mark.parametrize("id", registry.ids("verifier"))
def test_every_verifier_takes_any_answer(id: str) -> None:
    """No shape of a gold raises anything but the one error."""
    answers: tuple[Any, ...] = (
        None,
        True,
        0,
        -1.5,
        float("nan"),
        "",
        " ",
        [],
        {},
        {"calls": 3},
        [[]],
        "x" * 5000,
        {"a": {"b": []}},
    )
    for answer in answers:
        assert isinstance(gold_problem(id, answer), str)


# The verifier of an environment.


def _judge(task: Task, transcript: Transcript) -> Verdict:
    return Verdict(0.0, "incorrect")


class Plain(SingleTurnEnv):
    """With a verifier by its id."""

    def tasks(self, split: Split) -> Sequence[Task]:
        return [Task("a", (Message("user", "?"),), "x")]


class Own(Plain):
    """With a verifier of its own."""

    verifier = staticmethod(_judge)


class Bound(Plain):
    """With options of its verifier."""

    verifier_options = MappingProxyType({"compare": "fold"})


def test_the_verifier_of_an_environment_and_its_options() -> None:
    assert verifier_of(Plain()) == ("exact", {})
    assert verifier_of(Own()) == (None, {})
    assert verifier_of(Bound()) == ("exact", {"compare": "fold"})
    assert verifier_of(registry.make("arithmetic")) == ("math", {"extract": "hash"})
    assert verifier_of(registry.make("terminal")) == (None, {})
