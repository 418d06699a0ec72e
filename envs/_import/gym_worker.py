"""What runs in a process that can be killed: items of a reasoning-gym data set, and its scorer.

A request names an item: {"name": "gcd", "options": {"seed": 0, "size": 16384}, "index": 7}. Items are made again from
that, never sent. While a reply is scored, a hook of the interpreter stops code that is made from it: only code that
scoring the item's own answer runs as well is let through. So a scorer that hands replies to `eval` runs none of them.
"""

from __future__ import annotations

import functools
import importlib
import random
import sys
import warnings
from collections import OrderedDict
from dataclasses import dataclass
from types import CodeType
from typing import Any

__all__ = ["RAN", "Ran", "item", "names", "score", "warm"]

Json = dict[str, Any]
Key = tuple[str, str, int]

RAN = "the scorer would have run it as code"
NOISE = "xq zz vv !!"
_FORBIDDEN = (
    "os.system",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "os.remove",
    "os.rename",
    "pickle.find_class",
    "shutil.",
    "socket.connect",
    "subprocess.Popen",
)
_ITEMS = 4096


class Ran(BaseException):
    """A reply was about to be run; no `except Exception` of a scorer holds it."""


@dataclass(slots=True)
class _Watch:
    """What the hook does: nothing, note the code that is run, or stop what was not noted."""

    state: str = "off"
    ran: bool = False
    known: frozenset[CodeType] = frozenset()
    noted: set[CodeType] | None = None

    def hook(self, event: str, args: tuple[Any, ...]) -> None:
        if self.state == "off":
            return
        if event == "exec":
            code = args[0]
            from_file = isinstance(code, CodeType) and not code.co_filename.startswith(("<string>", "<lambdify"))
            if from_file or code in self.known:
                return
            if self.state == "note":
                if self.noted is not None:
                    self.noted.add(code)
                return
        elif not event.startswith(_FORBIDDEN):
            return
        self.ran = True
        raise Ran(event)


_watch = _Watch()


@dataclass(frozen=True, slots=True)
class _Item:
    """An item with what its scorer gives: for its answer, and for replies that are wrong for certain."""

    entry: Any
    question: str
    answer: str | None
    gold: float | None
    noise: float
    echo: float
    known: frozenset[CodeType]


def warm() -> None:
    """Import the library and set the hook, before workers are forked."""
    sys.addaudithook(_watch.hook)
    warnings.simplefilter("ignore")
    importlib.import_module("reasoning_gym")


def names(_: Any) -> list[str]:
    """All data sets."""
    return sorted(importlib.import_module("reasoning_gym.factory").DATASETS)


def item(request: Json) -> Json:
    """One item: question, answer, the score of its answer, that of nothing or noise, and that of the question."""
    key = _key(request)
    found = _kept(key)
    if found is None:
        found = _items[key] = _item(key)
        while len(_items) > _ITEMS:
            _items.popitem(last=False)
    return {
        "question": found.question,
        "answer": found.answer,
        "gold": found.gold,
        "noise": found.noise,
        "echo": found.echo,
    }


def score(request: Json) -> Json:
    """The score of a reply, or why there is none: {"score", "floor"} or {"fault", "detail"}.

    The fault "cold" asks for a call of `item` first: making one may take longer than a reply has.
    """
    key = _key(request)
    found = _kept(key)
    if found is None:
        return {"fault": "cold", "detail": ""}
    if found.question != request["question"]:
        return {"fault": "item", "detail": "the data set gives another question for this item"}
    _watch.known = found.known
    value, problem = _call(key, found.entry, request["reply"], "stop")
    if problem:
        return {"fault": "reply", "detail": problem}
    return {"score": value, "floor": max(found.noise, found.echo)}


def _key(request: Json) -> Key:
    options = repr(sorted(request["options"].items()))
    _options[options] = request["options"]
    return request["name"], options, request["index"]


def _kept(key: Key) -> _Item | None:
    if key in _items:
        _items.move_to_end(key)
    return _items.get(key)


_options: dict[str, Json] = {}
_items: OrderedDict[Key, _Item] = OrderedDict()


@functools.lru_cache(maxsize=8)
def _data_set(name: str, options: str) -> Any:
    _seed(f"{name} {options}")
    return importlib.import_module("reasoning_gym").create_dataset(name, **_options[options])


def _item(key: Key) -> _Item:
    data = _data_set(*key[:2])
    _seed(str(key))  # some data sets draw from the global generator
    entry = data[key[2]]
    question, answer = str(entry["question"]), entry.get("answer")
    answer = answer.strip() if isinstance(answer, str) else None
    _watch.noted, _watch.known = set(), frozenset()
    gold, _ = _call(key, entry, answer, "note") if answer else (None, "")
    empty, noise, echo = (_call(key, entry, reply, "note")[0] or 0.0 for reply in ("", NOISE, question.strip()))
    known = frozenset(_watch.noted)
    _watch.noted = None
    return _Item(entry, question, answer, gold, max(empty, noise), echo, known)


def _call(key: Key, entry: Any, reply: str, state: str) -> tuple[float | None, str]:
    """The score of a reply, and what was wrong with it."""
    data = _data_set(*key[:2])
    _seed(f"score {key}")
    _watch.ran, _watch.state = False, state
    try:
        value = data.score_answer(reply, entry)
    except Ran:
        value = None
    except (Exception, SystemExit) as error:  # noqa: BLE001  # the boundary: a scorer raises anything on odd replies
        return None, f"the scorer raised {type(error).__name__}: {error}"[:200]
    finally:
        _watch.state = "off"
    if _watch.ran:
        return None, RAN
    return _number(value)


def _number(value: Any) -> tuple[float | None, str]:
    if not hasattr(value, "__float__"):
        return None, f"the score is {type(value).__name__}, not a number"
    number = float(value)
    if not -1e-9 <= number <= 1 + 1e-9:  # nor is what is no number
        return None, f"the score {number!r} is not in [0, 1]"
    return min(max(number, 0.0), 1.0), ""


def _seed(text: str) -> None:
    random.seed(text)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(random.getrandbits(32))
