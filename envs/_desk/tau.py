"""The tasks and databases of tau-bench, as a desk.

A folder holds, for each of its desks, `tasks_<split>.jsonl`, `tools.jsonl`, `wiki.md` and one JSON file a table, all
gzipped or not. A task's gold is what its own actions do to the database, and its outputs; a task one of whose actions
is refused has no gold.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentrl.data import load_rows, read_json, read_jsonl
from agentrl.envs._desk import tau_airline, tau_retail
from agentrl.envs._desk.desk import HOW, gold_state
from agentrl.envs._desk.tau_user import customer_of
from agentrl.envs._desk.tools import TRANSFER, Tool, closing, run_tool
from agentrl.envs._desk.world import Schema, Store
from agentrl.errors import DataError
from agentrl.types import Message, Split, Task
from agentrl.verifiers._tools.parse import Call

__all__ = ["TauDesk"]

Json = dict[str, Any]
Call_ = tuple[str, Json]
OUTCOMES = ("resolved", "refused")
MAX_NAMED = 8
"""Different values of a fact's type that the last message may name: right answers go into detail."""
_LOOKS = ("get_", "find_", "list_", "search_", "calculate", "think")
_ENDED_WITHOUT = {"op": "close", "outcome": {"one_of": ["refused", "transferred"]}}


@dataclass(frozen=True, slots=True)
class _Kind:
    schema: str
    runs: Mapping[str, Callable[..., Any]]
    tables: tuple[str, ...]
    held: str
    """The field of a user that lists the records of theirs, and the table of these."""


KINDS = {
    "retail": _Kind(tau_retail.SCHEMA, tau_retail.RUNS, ("users", "orders", "products"), "orders"),
    "airline": _Kind(tau_airline.SCHEMA, tau_airline.RUNS, ("users", "reservations", "flights"), "reservations"),
}


class TauDesk:
    """One of tau-bench's desks.

    Args:
        source: The folder that holds a folder of its name.
        name: "retail" or "airline".

    Raises:
        DataError: The folder is not what it should be.
    """

    templates: Mapping[str, Any] = {}
    asked_for: tuple[str, ...] = ()
    """Its customers say yes to a question that names no tool."""

    def __init__(self, source: str, name: str) -> None:
        self.folder = Path(source).expanduser() / name
        self.name = name
        self._kind = KINDS[name]

    @functools.cached_property
    def by_name(self) -> dict[str, Tool]:
        """All tools, as the source declares them, and the closing one."""
        tools = {}
        for declared in read_jsonl(_file(self.folder, "tools.jsonl")):
            function = declared.get("function", {})
            run = self._kind.runs.get(function.get("name"))
            if run is None:
                raise DataError(f"{self.folder}/tools.jsonl: the tool {function.get('name')!r} is not known")
            properties = function["parameters"]["properties"]
            tools[function["name"]] = Tool(function["name"], function["description"], properties, run)
        return tools | {tool.name: tool for tool in [closing(OUTCOMES)]}

    @functools.cached_property
    def declared(self) -> str:
        """The tools' schemas as JSON."""
        return json.dumps([tool.schema() for tool in self.by_name.values()])

    @functools.cached_property
    def policy(self) -> str:
        """What the agent is told."""
        return _file(self.folder, "wiki.md").read_text(encoding="utf-8").strip() + "\n" + HOW.rstrip()

    @functools.cached_property
    def _store(self) -> Store:
        rows: dict[str, dict[str, Json]] = {}
        for table in self._kind.tables:
            rows[table] = {}
            for key, doc in _json(_file(self.folder, f"{table}.json")).items():
                places = {"origin": doc["origin"], "destination": doc["destination"]} if table == "flights" else {}
                rows[table][key] = {"id": key, **places, "doc": doc}
        return Store(Schema(self._kind.schema), rows)

    def store(self, seed: int) -> Store:
        """The one world."""
        return self._store

    def tasks(self, split: Split) -> tuple[list[Task], dict[str, str]]:
        """The tasks of a split with a gold; and the ids of the others, with the reason."""
        file = str(_file(self.folder, f"tasks_{split}.jsonl"))
        found, left_out = [], {}
        for index, row in enumerate(load_rows(file, split, fields=("user_id", "instruction"))):
            id = f"tau-{self.name}/{split}/{index}"
            if not _has_actions(row):
                raise DataError(f"{file}, row {index + 1}: actions must be a list of objects with a name")
            try:
                found.append(self._task(id, row))
            except _NoGoldError as error:
                left_out[id] = str(error)
        return found, left_out

    def _task(self, id: str, row: Mapping[str, Any]) -> Task:
        calls = [(call["name"], dict(call.get("kwargs", call.get("arguments", {})))) for call in row["actions"]]
        user = self._store.rows["users"].get(row["user_id"])
        if user is None:
            raise _NoGoldError(f"there is no user {row['user_id']!r}")
        looks: list[Call_] = [("get_user_details", {"user_id": row["user_id"]})]
        replay = self._replay([*looks, *(call for call in calls if call[0] != TRANSFER)])
        outputs = [_fact(str(output)) for output in dict.fromkeys(row.get("outputs", []))]
        events: Json = {"allowed": [{"op": "close"}, *({"op": "write", "path": list(path)} for path in replay.undone)]}
        outcome = "transferred" if len(calls) > len(replay.calls) and calls[-1][0] == TRANSFER else "resolved"
        if not replay.changes and not outputs:
            outcome = "transferred" if outcome == "transferred" else "refused"
            records = [["users", row["user_id"]], *([self._kind.held, key] for key in user["doc"][self._kind.held])]
            events = {"required": [_ENDED_WITHOUT, {"op": "read", "path": {"one_of": records}}]}
        customer = customer_of(row["instruction"])
        said = " ".join(["Goodbye.", *(f"It is {fact['value']}." for fact in outputs)])
        gold = {
            "looks": [],
            "writes": [list(call) for call in replay.calls],
            "close": {"outcome": outcome, "message": said},
        }
        prompt = (Message("system", self.policy), Message("user", f"Hello! {customer['wants']}"))
        data = {"kind": f"tau-{self.name}", "world": 0, "customer": customer, "gold": gold, "private": []}
        return Task(id, prompt, {**replay.state, "outputs": outputs, "events": events}, data)

    def _replay(self, calls: Sequence[Call_]) -> _Replay:
        """What calls change in a fresh world; look-ups that find nothing are left out."""
        world = self._store.open()
        done, written = [], set()
        try:
            for number, (name, arguments) in enumerate(calls):
                result = run_tool(self.by_name, world, Call(name, arguments))
                if not result.refused:
                    done.append((name, arguments))
                    written |= {*result.change.writes}
                elif not name.startswith(_LOOKS):
                    raise _NoGoldError(f"action {number}, {name}: {json.loads(result.text)['error']}")
            return _Replay(
                gold_state(world), tuple(done), tuple(sorted(written - world.changed())), bool(world.changed())
            )
        finally:
            world.close()


@dataclass(frozen=True, slots=True)
class _Replay:
    """What a task's actions do.

    Attributes:
        state: The rows that they change, before and after.
        calls: Those that were carried out.
        undone: Rows that were written and are as they were in the end.
        changes: Whether any row changed.
    """

    state: Json
    calls: tuple[Call_, ...]
    undone: tuple[tuple[str, str], ...]
    changes: bool


def _has_actions(row: Mapping[str, Any]) -> bool:
    actions = row.get("actions")
    return isinstance(actions, list) and all(isinstance(a, dict) and isinstance(a.get("name"), str) for a in actions)


class _NoGoldError(ValueError):
    """A task whose own actions cannot be carried out."""


def _fact(output: str) -> Json:
    """An output as a fact for the verifier.

    >>> _fact("54.04")["value"], _fact("746342064230")["type"], _fact("cotton")["among"]
    (54.04, 'id', ['cotton', 'no cotton'])
    """
    if re.fullmatch(r"\d{9,}", output):
        return {"type": "id", "value": output, "max_candidates": MAX_NAMED}
    if re.fullmatch(r"\d+(?:\.\d+)?", output):
        return {"type": "number", "value": float(output), "abs": 0.005, "max_candidates": MAX_NAMED}
    return {"type": "text", "value": output, "among": [output, f"no {output}"]}


def _file(folder: Path, name: str) -> Path:
    """A file, gzipped or not.

    Raises:
        DataError: There is neither.
    """
    found = next((path for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None)
    if found is None:
        raise DataError(f"{folder} holds neither {name} nor {name}.gz")
    return found


def _json(path: Path) -> Mapping[str, Json]:
    found = read_json(path)
    if not isinstance(found, dict) or not all(isinstance(row, dict) for row in found.values()):
        raise DataError(f"{path} must hold a JSON object of objects")
    return found
