"""A reasoning-gym data set behind a process that can be killed, and what its scorer is asked before it is trusted.

`open_set` refuses a data set whose scorer does not pay its own answers, runs replies as code, or pays replies that are
wrong for certain: nothing, noise, the question itself, a number near the right one or its negative, what is no number,
the right answer beside another one in both orders. What is paid in part for nothing is that data set's floor.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from agentrl.envs._import.gym_worker import RAN
from agentrl.errors import ConfigError, InfraError, MissingExtraError, UnknownIdError, suggest
from agentrl.workers import Answer, Workers

__all__ = ["POOL", "GymSet", "Item", "Scored", "Trust", "close_sets", "open_set"]

POOL = 16_384
"""Items that a data set is asked for: some make all of them at once, and one refuses more than 20,000."""
SCORE_S = 2.0
_ITEM_S = 60.0
_SET_S = 120.0
_MEMORY_MIB = 8192
_PROBED = 16
_PROBE_SEED = 1_618_033
_PAID = 0.5
_TRIES = 3
_VARIED = 3
_SHORT = 1000
_NO_NUMBERS = ("nan", "inf", "-inf", "1e999")
_CONSTANTS = ("[]", "{}", "()", "None", "0", "True")
_WHOLE = re.compile(r"-?[0-9]+")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")

Trust = Literal["checked", "scorer"]


@dataclass(frozen=True, slots=True)
class Item:
    """One item.

    Attributes:
        index: Its place in the data set.
        question: Its text.
        answer: Its answer; None where the data set gives none.
        gold: The score of that answer; None where there is none.
        noise: The better score of an empty and a noisy reply.
        echo: The score of the question.
    """

    index: int
    question: str
    answer: str | None
    gold: float | None
    noise: float
    echo: float

    @property
    def floor(self) -> float:
        """What is paid for nothing."""
        return max(self.noise, self.echo)

    @property
    def fault(self) -> str:
        """Why it cannot be used as it stands."""
        if not self.answer:
            return "it has no answer in text"
        if self.gold != 1.0:
            return f"its own answer scores {self.gold}"
        if self.floor >= _PAID:
            return f"an empty, noisy or echoing reply scores {self.floor:.2g}"
        return ""


@dataclass(frozen=True, slots=True)
class Scored:
    """How the scoring of a reply ended: its score, or whose fault it is that there is none."""

    status: Literal["scored", "malformed", "timeout", "resource_limit", "task_invalid"]
    score: float = 0.0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class GymSet:
    """A data set.

    Attributes:
        name: Its name in reasoning-gym.
        options: Its settings, seed and size among them.
        floor: What an empty, noisy or echoing reply was given at most when it was opened.
    """

    name: str
    options: Mapping[str, Any]
    floor: float = 0.0

    def item(self, index: int) -> Item | None:
        """One item; None where the data set fails to make it."""
        made = self.made(index)
        return Item(index, **made.value) if made.status == "done" else None

    def made(self, index: int) -> Answer:
        """The answer of the process that makes an item."""
        return _workers().call("item", self._request(index), timeout_s=_ITEM_S)

    def score(self, index: int, question: str, reply: str) -> Scored:
        """The score of a reply, decided by the data set's scorer; one at the floor is none.

        Raises:
            InfraError: The process does not keep the item.
        """
        request = {**self._request(index), "question": question, "reply": reply}
        for _ in range(_TRIES):
            answer = _workers().call("score", request, timeout_s=SCORE_S)
            if answer.status == "error":
                return Scored("malformed", detail=answer.detail)
            if answer.status != "done":
                return Scored(answer.status, detail=answer.detail)
            fault = answer.value.get("fault")
            if fault is None:
                score = answer.value["score"]
                above = score >= 1.0 or score > max(self.floor, answer.value["floor"])
                return Scored("scored", score if above else 0.0)
            if fault != "cold":
                return Scored("task_invalid" if fault == "item" else "malformed", detail=answer.value["detail"])
            if self.item(index) is None:
                return Scored("task_invalid", detail="the data set fails to make this item")
        raise InfraError(f"the process that scores {self.name} lost an item {_TRIES} times")

    def _request(self, index: int) -> dict[str, Any]:
        return {"name": self.name, "options": dict(self.options), "index": index}


def open_set(name: str, options: Mapping[str, Any], trust: Trust) -> GymSet:
    """A data set whose scorer was tried on replies that are right and wrong for certain.

    Raises:
        MissingExtraError: reasoning-gym is not installed.
        UnknownIdError: It has no such data set.
        ConfigError: The data set refuses its settings, or its scorer cannot be trusted.
    """
    if importlib.util.find_spec("reasoning_gym") is None:
        raise MissingExtraError("the environment reasoning_gym needs its package: pip install 'agentrl[reasoning-gym]'")
    return _opened(name, json.dumps(options, sort_keys=True), trust)


def close_sets() -> None:
    """End the process and forget what was opened."""
    _workers().close()
    _workers.cache_clear()
    _opened.cache_clear()


@functools.cache
def _workers() -> Workers:
    """One process: it keeps the items that it has made."""
    module = "agentrl.envs._import.gym_worker"
    return Workers(module, timeout_s=_SET_S, memory_mib=_MEMORY_MIB, count=1, warm="warm")


@functools.lru_cache(maxsize=64)
def _opened(name: str, options: str, trust: Trust) -> GymSet:
    listed = _workers().call("names", None)
    if listed.status == "done" and name not in listed.value:
        raise UnknownIdError(f"reasoning-gym has no data set {name!r}: {suggest(name, listed.value)}")
    data = GymSet(name, json.loads(options))
    tried = GymSet(name, {**data.options, "seed": _PROBE_SEED, "size": _PROBED})  # the same whatever the seed
    _usable_item(data, 0)
    items = [_usable_item(tried, index) for index in range(_PROBED)]
    problem = "" if trust == "scorer" else _problem(tried, items)
    if problem:
        raise ConfigError(f"the scorer of {name!r} cannot be trusted: {problem}; trust='scorer' takes it as it is")
    programs = ["7919 - 1", *(item.answer for item in items if item.answer and len(item.answer) <= _SHORT)]
    if any(tried.score(item.index, item.question, reply).detail == RAN for item in items for reply in programs):
        raise ConfigError(f"the scorer of {name!r} runs replies as code; use a verifier of agentrl's own")
    return dataclasses.replace(data, floor=max((item.floor for item in items if not item.fault), default=0.0))


def _usable_item(data: GymSet, index: int) -> Item:
    made = data.made(index)
    if made.status != "done":
        detail = " ".join(made.detail.split())
        raise ConfigError(f"reasoning-gym's data set {data.name!r} gives no items with these settings: {detail}")
    return Item(index, **made.value)


def _problem(data: GymSet, items: Sequence[Item]) -> str:
    """Why a scorer pays what it must not, or does not pay what it must; the empty string where neither was seen."""
    unpaid = sum(item.gold != 1.0 for item in items)
    if unpaid > len(items) / 2:
        return f"{unpaid} of {len(items)} answers of its own are absent or do not score 1"
    noise = max(item.noise for item in items)
    if noise >= _PAID:
        return f"an empty or noisy reply scores {noise:.2g}"
    echoed = sum(item.echo >= _PAID for item in items)
    if echoed > len(items) / 4:
        return f"the question itself scores {_PAID} or more in {echoed} of {len(items)} items"
    usable = [item for item in items if not item.fault]
    for item in usable:
        for what, replies in _wrong(data, item, [other for other in usable if other.answer != item.answer]):
            if all(_pays(data, item, reply) for reply in replies):
                return f"{what} is paid in full, as in {replies[0]!r:.60} for {item.answer!r:.40}"
    if len({item.answer for item in usable}) >= _VARIED:
        for reply in _CONSTANTS:
            if all(_pays(data, item, reply) for item in usable):
                return f"{reply!r} is paid in full for every item"
    return ""


def _wrong(data: GymSet, item: Item, others: Sequence[Item]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Replies that are wrong for certain; where a row has two, the scorer may take one of them."""
    right = str(item.answer)
    if _WHOLE.fullmatch(right):
        yield "the next number", (str(int(right) + 1),)
        yield "a far number", (str(int(right) + 7919),)
        if int(right):
            yield "the number with the other sign", (str(-int(right)),)
    for odd in _NO_NUMBERS:
        yield "what is no number", (odd,)
        if _NUMBER.search(right):
            yield "what is no number", (_NUMBER.sub(odd, right),)
    for other in others[:2]:
        wrong = str(other.answer)
        if len(right) + len(wrong) <= _SHORT and not _pays(data, item, wrong):
            for between in (" or ", "\n", " "):
                yield "the right answer beside a wrong one", (f"{right}{between}{wrong}", f"{wrong}{between}{right}")


def _pays(data: GymSet, item: Item, reply: str) -> bool:
    return data.score(item.index, item.question, reply).score >= 1.0
