"""Calls of tools: which, with which arguments, in which order; or none, where no tool does what is asked.

A task shows some tools with their JSON Schemas and a request; the reply makes the calls, all at once. Kinds of
requests: `simple` (one tool, one call), `multiple` (one call among several tools), `parallel` (several calls),
`ordered` (several whose order counts), `irrelevance` (no tool fits) and `missing` (a value that a tool requires is not
said). The last two want a sentence, and come up half as often as the others.

The generator has 70 tools in 16 domains: a flight is looked up, booked, moved, cancelled, or asked about. Level 1 says
values as they are written and shows 3 tools of different domains; level 2 says numbers, days and times in words, gives
optional arguments and shows 6 tools, some near the right one; level 3 counts days from today, names other units, shows
12 tools and asks for up to four calls. Values are enumerations, integers, amounts, measures, days, times, lists,
objects, truth values, codes, addresses and quoted text; the `tool_calls` verifier compares them by type.

Dialects: `hermes`, `llama_json`, `python`, and `openai`, where the tools go with the request (`info["tools"]`) and the
calls come back in the message's `tool_calls`. A reply must keep to its dialect; calls apart from the text always count.

Source: the kinds of the Berkeley function-calling leaderboard, BFCL (ShishirPatil/gorilla at 6ea5797,
arXiv:2305.15334). `source` reads a folder of it (BFCL_v4_*.json), or one of Seal-Tools (fairyshine/Seal-Tools at
ce753ec, arXiv:2405.08355), whose tools are shown among five of other fields.

Differs from the source: see the verifier's card (`agentrl show tool_calls`) on what is compared. BFCL has no train
split: rows are dealt out by a digest of their functions, four fifths of the sets of functions to train, so report
results on both splits, or say which. Rows whose answer contradicts their own functions are left out, and so are those
of Seal-Tools with a value that the request does not name; `left_out` counts them.

Covered: one reply's calls. Empty, constant and noisy replies and the request repeated earn 0. A constant refusal earns
the share of the two kinds without calls: one fifth of generated tasks of all kinds, 0 where `kinds` leaves them out,
and in BFCL the share of `irrelevance`, 0.31 of train and 0.32 of test.
Not covered: results of calls and what follows (see `tool_search` for two turns); multi-turn and agentic rows of BFCL;
requests in other languages than English.
Data licence: generated, none; BFCL and Seal-Tools are Apache-2.0.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args

from agentrl.data import generated
from agentrl.environment import SingleTurnEnv
from agentrl.envs._levels import levels_of
from agentrl.envs._tools.bfcl_rows import bfcl_rows, is_bfcl
from agentrl.envs._tools.dialects import READ_AS, WRITTEN_AS, Dialect, declared, shown_tools, written
from agentrl.envs._tools.requests import KINDS, RULES, Kind, draw_request
from agentrl.envs._tools.rows import CallRow
from agentrl.envs._tools.seal_rows import is_seal, seal_rows
from agentrl.errors import DataError, check_choice, check_count, check_names
from agentrl.golds import is_usable
from agentrl.types import Message, Split, Task

MAX_LEVEL = 3


class ToolCalls(SingleTurnEnv):
    """Requests and tools.

    Args:
        kinds: Kinds of requests; empty is all that there are.
        level: 1 to 3, or a range such as "1-3"; see the module. Rows have no levels.
        count: Generated tasks of each split.
        source: A folder of BFCL or of Seal-Tools; empty generates tasks.
        dialect: How tools are shown and calls are written: "hermes", "llama_json", "python" or "openai".
        reward: "binary", or "dense" for the share that is right.
        split: Which tasks `reset` draws from.
        render_mode: "ansi" or None.

    Raises:
        ConfigError: An option has a value that does not exist.
    """

    verifier = "tool_calls"

    def __init__(
        self,
        *,
        kinds: Sequence[Kind] = (),
        level: int | str = 2,
        count: int = 10_000,
        source: str = "",
        dialect: Dialect = "hermes",
        reward: Literal["binary", "dense"] = "binary",
        split: Split = "train",
        render_mode: str | None = None,
    ) -> None:
        super().__init__(split=split, render_mode=render_mode)
        check_names("kinds", kinds, KINDS)
        check_count("count", count)
        check_choice("dialect", dialect, get_args(Dialect))
        check_choice("reward", reward, ("binary", "dense"))
        self.kinds = tuple(kind for kind in KINDS if kind in kinds) or KINDS
        self.levels = levels_of(level, MAX_LEVEL)
        self.count = count
        self.source = source
        self.dialect: Dialect = dialect
        self.verifier_options = {"dialect": READ_AS[dialect], "reward": reward}
        self.left_out: dict[Split, int] = {}
        self._key = f"tool_calls/{level}/{'+'.join(self.kinds)}"

    def tasks(self, split: Split) -> Sequence[Task]:
        """Generated tasks, each made when it is asked for, or those of the source; `data` has the kind.

        Raises:
            DataError: The source cannot be read, or a row is not what it should be.
        """
        if self.source:
            return list(self._loaded(split))
        return generated(self._key, split, self.count, self._draw)

    def tools(self, task: Task) -> Sequence[Mapping[str, Any]]:
        """Declarations that go with the request; none where the prompt shows them."""
        return tuple(task.data.get("tools", ()))

    def gold(self, task: Task) -> Sequence[str | Message]:
        """The right calls in the dialect, or a sentence where none is right."""
        return (written(task.answer, self.dialect),)

    def _draw(self, rng: random.Random, id: str) -> tuple[str, Task] | None:
        # By the id, not by the attempt: which levels are harder to draw must not show in their shares.
        level = random.Random(f"level of {id}").choice(self.levels)
        request = draw_request(rng, self.kinds, level)
        if request is None:
            return None
        today = f"Today is {request.today:%A}, {request.today.day} {request.today:%B %Y}."
        tools = [tool.declaration() for tool in request.tools]
        messages = (Message("system", today), Message("user", request.text))
        row = CallRow(id, request.kind, "generated", messages, tools, request.answer())
        task = self._task(row)
        return request.name, replace(task, data={**task.data, "level": level})

    def _loaded(self, split: Split) -> Iterator[Task]:
        folder = Path(self.source).expanduser()
        if not is_bfcl(folder) and not is_seal(folder):
            raise DataError(
                f"{folder} holds neither BFCL_v4_*.json nor Seal-Tools' tool.jsonl; leave source out to generate"
            )
        self.left_out[split] = 0
        rows = bfcl_rows if is_bfcl(folder) else seal_rows
        for row in rows(folder, split, self.kinds):
            if row is not None and is_usable("tool_calls", row.answer, {"dialect": WRITTEN_AS[self.dialect]}):
                yield self._task(row)
            else:
                self.left_out[split] += 1

    def _task(self, row: CallRow) -> Task:
        said = [m.content for m in row.messages if m.role == "system"]
        system = "\n\n".join(text for text in (RULES, shown_tools(row.tools, self.dialect), *said) if text)
        prompt = (Message("system", system), *(m for m in row.messages if m.role != "system"))
        data: dict[str, Any] = {"kind": row.kind, "category": row.category}
        if self.dialect == "openai":
            data["tools"] = declared(row.tools)
        return Task(row.id, prompt, row.answer, data)
