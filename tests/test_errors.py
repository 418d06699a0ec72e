"""The tree of errors is the one that is drawn."""

from __future__ import annotations

import builtins
import inspect
import re
from typing import Any

import pytest

from agentrl import errors
from agentrl.errors import (
    AgentRLError,
    ConfigError,
    StoreError,
    UnknownIdError,
    check_choice,
    check_count,
    check_names,
    suggest,
)

LINE = re.compile(r"^(?P<indent>[│ ]*)(?:[├└]── )?(?P<name>[A-Z]\w+Error)\b(?: \((?P<also>\w+)\))?")


def drawn() -> dict[str, tuple[str, ...]]:
    """Class name to the names of its bases, read from the module's docstring."""
    bases: dict[str, tuple[str, ...]] = {}
    above: list[str] = []
    for line in (inspect.getdoc(errors) or "").splitlines():
        match = LINE.match(line[4:]) if line.startswith("    ") else None
        if match is None:
            continue
        depth = 0 if not above else len(match["indent"]) // 4 + 1
        above[depth:] = [match["name"]]
        parent = above[depth - 1] if depth else "Exception"
        bases[match["name"]] = (parent, match["also"]) if match["also"] else (parent,)
    return bases


def test_the_drawing_equals_the_classes() -> None:
    classes = {n: c for n, c in vars(errors).items() if inspect.isclass(c) and issubclass(c, Exception)}
    assert drawn() == {name: tuple(base.__name__ for base in c.__bases__) for name, c in classes.items()}
    assert {*classes, "check_choice", "check_count", "check_names", "fault", "suggest"} == set(errors.__all__)


@pytest.mark.parametrize("name", [name for name in errors.__all__ if name[0].isupper()])
def test_a_message_is_printed_as_it_was_given(name: str) -> None:
    error = getattr(errors, name)("what was got, what is allowed")
    assert str(error) == "what was got, what is allowed"
    assert isinstance(error, AgentRLError)
    assert str(getattr(errors, name)()) == ""


def test_errors_are_caught_as_the_builtin_they_extend() -> None:
    for name, (_, *also) in drawn().items():
        for builtin in also:
            assert issubclass(getattr(errors, name), getattr(builtins, builtin))
    assert not issubclass(StoreError, UnknownIdError)


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        ("gsm8", ["math", "gsm8k"], "did you mean 'gsm8k'?"),
        ("zzz", ["math", "gsm8k"], "known: gsm8k, math"),
        ("zzz", [], "known: none"),
    ],
)
def test_suggestions(name: str, known: list[str], hint: str) -> None:
    assert suggest(name, known) == hint


@pytest.mark.parametrize("value", ["c", "", "a, b", None, 1, ["a"]])
def test_a_choice_is_one_of_those_that_there_are(value: object) -> None:
    check_choice("mode", "a", ("a", "b"))
    with pytest.raises(ConfigError) as caught:
        check_choice("mode", value, ("a", "b"))
    assert str(caught.value) == f"mode must be one of a, b; got {value!r}"


@pytest.mark.parametrize("value", [0, -1, 6, True, 2.0, "3", None])
def test_a_count_is_a_whole_number_in_its_range(value: object) -> None:
    check_count("n", 1, most=5)
    check_count("n", 5, most=5)
    check_count("n", 0, least=0)
    with pytest.raises(ConfigError) as caught:
        check_count("n", value, most=5)
    assert str(caught.value) == f"n must be a whole number from 1 to 5; got {value!r}"


def test_a_count_without_an_upper_end() -> None:
    check_count("n", 10**9)
    with pytest.raises(ConfigError, match="n must be a whole number, at least 2; got 1"):
        check_count("n", 1, least=2)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (("sort", "fnd"), "kinds: there is no 'fnd'; did you mean 'find'?"),
        ((["find"],), "kinds: there is no ['find']; did you mean 'find'?"),
        ((3,), "kinds: there is no 3; known: find, sort"),
        ("find", "kinds must be a list of names; got 'find'"),
        ("", "kinds must be a list of names; got ''"),
    ],
)
def test_names_are_of_those_that_there_are(values: Any, says: str) -> None:
    check_names("kinds", (), ("find", "sort"))
    check_names("kinds", ["sort", "sort"], {"find": 1, "sort": 2})
    with pytest.raises(ConfigError) as caught:
        check_names("kinds", values, ("find", "sort"))
    assert str(caught.value) == says
