"""Ranks of candidates, whatever the policy that is asked for them answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from agentrl.collect.critic import PolicyCritic
from agentrl.policies.script import Script
from agentrl.render import ByteTokenizer, Renderer
from agentrl.types import Message, Sample, SampleRequest, ToolCall

CONVERSATION = (Message("user", "How much is 2+2?"),)
REPLIES = tuple(Message("assistant", text) for text in ("five", "three", "four"))


def ranked(answer: Callable[[str], str], replies: Sequence[Message] = REPLIES) -> tuple[list[float], list[str]]:
    asked: list[str] = []

    def say(messages: Sequence[Message]) -> str:
        (only,) = messages
        asked.append(only.content)
        return answer(only.content)

    return asyncio.run(PolicyCritic(Script(say))(CONVERSATION, replies)), asked


def place(text: str, question: str) -> str:
    """The number under which a candidate is listed."""
    return question.partition(f"\n{text}")[0].rpartition("\n")[2]


def test_the_best_of_the_rest_is_named_again_and_again() -> None:
    order = ["four", "three"]
    values, asked = ranked(lambda q: place(next(t for t in order if f"\n{t}" in q), q))
    assert values == [0.0, 0.5, 1.0]
    assert len(asked) == 2
    assert all("How much is 2+2?" in question for question in asked)
    assert "four" not in asked[1]


@pytest.mark.parametrize(
    "answer",
    ["", "the last one", "7", "0", "-1", "2.5.1", "9" * 5000, "x1y"],
    ids=lambda answer: answer[:10] or "empty",
)
def test_an_answer_that_names_none_keeps_the_given_order(answer: str) -> None:
    assert ranked(lambda _: answer)[0] == [1.0, 0.5, 0.0]


@pytest.mark.parametrize("answer", ["3", "3.", "**3**", "Number 3 is the best", "(3)", "3\n\nbecause 1 is wrong"])
def test_a_number_is_read_with_words_around_it(answer: str) -> None:
    assert ranked(lambda _: answer)[0][2] == 1.0


def test_one_candidate_is_the_best_without_a_question() -> None:
    assert ranked(lambda _: "2", REPLIES[:1]) == ([1.0], [])


def test_calls_of_tools_are_shown() -> None:
    calls = [Message("assistant", "", (ToolCall("find", {"name": name}),)) for name in ("Ann", "Bo")]
    values, asked = ranked(lambda q: "2" if "Bo" in q.rpartition("2.")[2] else "1", calls)
    assert values == [0.0, 1.0]
    assert "find({'name': 'Ann'})" in asked[0]


@dataclass
class Bytes:
    """A token policy that answers with a text."""

    answer: str
    max_length: int | None = None
    version: int = 0
    requests: list[SampleRequest] = field(default_factory=list)
    renderer: Renderer = field(default_factory=lambda: Renderer(ByteTokenizer()))

    async def sample(self, request: SampleRequest, /) -> Sample:
        self.requests.append(request)
        ids = (*self.answer.encode(), 257)
        return Sample(ids, (0.0,) * len(ids), (0.0,) * len(ids), "eos", self.version)

    def close(self) -> None:
        pass


def test_a_token_policy_ranks_greedily() -> None:
    policy = Bytes("2")
    assert asyncio.run(PolicyCritic(policy, max_tokens=3)(CONVERSATION, REPLIES)) == [0.0, 1.0, 0.5]
    assert [(r.temperature, r.max_tokens) for r in policy.requests] == [(0.0, 3)] * 2
    assert "three" in policy.renderer.tokenizer.decode(policy.requests[0].prompt_ids)


def test_a_question_that_does_not_fit_is_no_answer() -> None:
    policy = Bytes("2", max_length=20)
    assert asyncio.run(PolicyCritic(policy)(CONVERSATION, REPLIES)) == [1.0, 0.5, 0.0]
    assert policy.requests == []
