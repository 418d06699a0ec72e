"""Chat spaces: membership, samples, equality, and Gymnasium's batching."""

from __future__ import annotations

import json
from typing import Any

import gymnasium
import pytest
from gymnasium.vector.utils import batch_space

from agentrl.spaces import ChatSpace, TextSpace
from agentrl.types import Message

ASK = Message("user", "hi")


@pytest.mark.parametrize(
    ("x", "inside"),
    [
        ("", True),
        ("π = 3\n\0", True),
        (Message("assistant", "a"), True),
        (ASK, False),
        (7, False),
        (None, False),
        (b"", False),
    ],
)
def test_actions(x: Any, inside: bool) -> None:
    assert TextSpace().contains(x) == inside
    assert (x in TextSpace()) == inside


@pytest.mark.parametrize(
    ("x", "inside"),
    [((), True), ((ASK,), True), ((ASK, Message("tool", "")), True), ([ASK], False), (("hi",), False), ("hi", False)],
)
def test_observations(x: Any, inside: bool) -> None:
    assert ChatSpace().contains(x) == inside


@pytest.mark.parametrize("kind", [ChatSpace, TextSpace])
def test_samples(kind: type[gymnasium.Space[Any]]) -> None:
    one, two, other = kind(seed=3), kind(seed=3), kind(seed=4)
    drawn = [one.sample() for _ in range(20)]
    assert all(x in one for x in drawn)
    assert drawn == [two.sample() for _ in range(20)]
    assert drawn != [other.sample() for _ in range(20)]
    assert len(set(drawn)) > 10


def test_equality_and_names() -> None:
    assert ChatSpace(seed=1) == ChatSpace(seed=2)
    assert TextSpace() == TextSpace()
    assert {ChatSpace(), ChatSpace(), TextSpace()} == {ChatSpace(), TextSpace()}
    assert ChatSpace() != TextSpace()
    assert (repr(ChatSpace()), repr(TextSpace())) == ("ChatSpace()", "TextSpace()")
    assert not ChatSpace().is_np_flattenable
    assert not TextSpace().is_np_flattenable


def test_observations_through_json() -> None:
    chats = [(ASK,), (), (Message("system", "é"), Message("assistant", ""))]
    stored = json.loads(json.dumps(ChatSpace().to_jsonable(chats)))
    assert ChatSpace().from_jsonable(stored) == chats


def test_batches_hold_one_item_an_environment() -> None:
    batch = batch_space(TextSpace(), 3)
    assert ("a", "", "b c") in batch
    assert ("a", 7, "b c") not in batch
