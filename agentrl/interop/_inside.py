"""What runs in the worker processes of `agentrl.interop.foreign`: someone else's scorer, called once a request.

A request is a JSON object; `target` says what is called:

    {"style": "plain" | "trl" | "trl_text", "module": "package.module" or "path/file.py", "name": "function"}
    {"style": "reasoning_gym", "name": "gcd", "options": {"seed": 0, "size": 20}}
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import inspect
import sys
import threading
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from agentrl.errors import fault

__all__ = ["LoadError", "items", "names", "prepare", "score", "warm_reasoning_gym", "warm_trl"]

Json = dict[str, Any]


class LoadError(Exception):
    """A file fails while it is loaded; the message names the line."""


def warm_trl() -> None:
    """Import TRL's rewards before workers are forked."""
    warnings.simplefilter("ignore")
    importlib.import_module("trl.rewards")


def warm_reasoning_gym() -> None:
    """Import reasoning-gym before workers are forked."""
    warnings.simplefilter("ignore")
    importlib.import_module("reasoning_gym")


def prepare(target: Json) -> str:
    """Import what a target names; the name of what was found."""
    found = _data_set(target) if target["style"] == "reasoning_gym" else _function(target)
    return type(found).__name__


def names(target: Json) -> list[str]:
    """The names that could have been meant: data sets, or the public functions of the module."""
    if target["style"] == "reasoning_gym":
        return sorted(importlib.import_module("reasoning_gym.factory").DATASETS)
    module = _module(target["module"])
    return sorted(name for name in dir(module) if callable(getattr(module, name, None)) and not name.startswith("_"))


def items(target: Json) -> list[Json]:
    """All items of a reasoning-gym data set: prompt and answer."""
    data = _data_set(target)
    entries = (data[index] for index in range(len(data)))
    return [{"prompt": entry["question"], "answer": _text(entry.get("answer"))} for entry in entries]


def score(request: Json) -> float | None:
    """One call of the target; `where` chooses the thread.

    Raises:
        Exception: Whatever the target raises.
        TypeError: It returned no number.
    """
    if request["where"] != "thread":
        return _score(request)
    found: list[Any] = []

    def work() -> None:
        try:
            found.append(_score(request))
        except (Exception, SystemExit) as error:  # noqa: BLE001  # the boundary: it is raised again in the main thread
            found.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if isinstance(found[0], BaseException):
        raise found[0]
    result: float | None = found[0]
    return result


def _score(request: Json) -> float | None:
    target, reply, row = request["target"], request["reply"], request["row"]
    if target["style"] == "reasoning_gym":
        return _number(_data_set(target).score_answer(reply, _entry(_key(target), request["index"])))
    function = _function(target)
    if target["style"] == "plain":
        return _number(function(reply, row["answer"]))
    given = _batch(target["style"], reply, row, function)
    scores = function(**given)
    if len(scores) != 1:
        raise TypeError(f"one completion got {len(scores)} rewards")
    return _number(scores[0])


def _batch(style: str, reply: str, row: Mapping[str, Any], function: Callable[..., Any]) -> Json:
    """The arguments of a reward function in TRL's style, for a batch of one."""
    chat = style == "trl"
    given: Json = {name: [value] for name, value in row.items()}
    given["prompts"] = [[{"role": "user", "content": row.get("prompt", "")}] if chat else row.get("prompt", "")]
    given["completions"] = [[{"role": "assistant", "content": reply}] if chat else reply]
    for name in ("solution", "ground_truth"):
        given.setdefault(name, [row["answer"]])
    parameters = inspect.signature(function).parameters
    if "completion_ids" in parameters:  # there is no tokenizer here: a byte is a token
        given["completion_ids"] = [list(reply.encode("utf-8", "replace"))]
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return given
    return {name: value for name, value in given.items() if name in parameters}


def _number(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, str | bytes):
        raise TypeError(f"the score is {type(value).__name__}, not a number")
    return float(value)


def _text(answer: Any) -> str | None:
    return answer if answer is None or isinstance(answer, str) else str(answer)


def _key(target: Json) -> tuple[str, tuple[tuple[str, Any], ...]]:
    return target["name"], tuple(sorted(target["options"].items()))


def _data_set(target: Json) -> Any:
    return _data_set_of(_key(target))


@functools.lru_cache(maxsize=4)
def _data_set_of(key: tuple[str, tuple[tuple[str, Any], ...]]) -> Any:
    module = importlib.import_module("reasoning_gym")
    return module.create_dataset(key[0], **dict(key[1]))


@functools.lru_cache(maxsize=1024)
def _entry(key: tuple[str, tuple[tuple[str, Any], ...]], index: int) -> Any:
    return _data_set_of(key)[index]


def _function(target: Json) -> Callable[..., Any]:
    function = getattr(_module(target["module"]), target["name"])
    if not callable(function):
        raise TypeError(f"{target['name']} is no function but {type(function).__name__}")
    found: Callable[..., Any] = function
    return found


@functools.lru_cache(maxsize=8)
def _module(name: str) -> Any:
    warnings.simplefilter("ignore")
    try:
        return _file(Path(name).resolve()) if name.endswith(".py") else importlib.import_module(name)
    except (Exception, SystemExit) as error:  # the boundary: a file may raise anything
        if name.endswith(".py") or isinstance(error, SystemExit):
            raise LoadError(fault(name, error)) from error
        raise


def _file(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot load {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    sys.path.insert(0, str(path.parent))
    spec.loader.exec_module(module)
    return module
