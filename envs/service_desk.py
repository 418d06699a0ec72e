"""Customers at a service desk, served through tools on a database: a shop, an airline, a bank; and tau-bench's tasks.

The policy stands in the system prompt. The agent calls tools, as tool calls or in <tool_call> tags, up to eight a turn;
any other text goes to the customer. `close_case` ends the case, with an outcome ("resolved", or a reason to refuse) and
a last message; so does tau-bench's `transfer_to_human_agents`. The verifier `state` decides: the rows that the gold
changes are as they must be, all others are as they were, nothing was changed without the customer's yes, the outcome is
right, and what the customer asked to know stands in the last message. A refusal counts only after a look at the record
that forbids the request; at the bank, nothing counts before the code word was asked for and looked up, and who has a
wrong one must be told nothing. So silence, "I cannot help", a case closed at once and a database read aloud earn 0 on
every task. Who looks everything up, tells what was asked, and then refuses every customer for one and the same reason
is right on one task in twelve, or two.

Consent belongs to what was asked (`_desk/consent.py`): the question names the tools, as `cancel_order` or "cancel
order", up to three, and the ids and numbers that they will be given; the yes covers calls of these tools with these
ids and numbers, until the next yes. Any other change is one without leave, and the policy says so.

The world is tables in memory, filled from the task's seed; writes go through SQLite. A call is checked against its
JSON Schema and then done as a whole or not at all. The customer is a script (`_desk/user.py`): it tells facts whose
names the agent mentions, or all of them to an open question; it says yes to every question for leave that is clear,
right or wrong; it pushes once or twice against a refusal, right or wrong; and some change their mind when they are
first asked. Rules read words, so odd wordings get odd answers, but the same words always the same.

Source: none for the generated desks. With `source`, the tasks, tools, policies and databases of tau-bench
(sierra-research/tau-bench at 043b544, arXiv:2406.12045): retail (500 train, 115 test) and airline (50 test). Its tools
are code of our own with the effects of the source's; a task of which they refuse an action that should change something
is left out (`left_out` counts, `reasons_left_out` tells why), so that 481, 111 and 50 remain.
Differs from the source: its customers are language models, here the sentences of the instruction are told when the
agent uses a word of theirs, so conditional wishes come early; outputs must stand in the last message, as values, of at
most eight of their kind; writing and undoing shows; a task that changes nothing and asks nothing needs a refusal or a
transfer after a look at the customer's records, where doing nothing solved it (19 of the 50 airline tasks, 5 of the 111
of retail's test split: who looks and then refuses everyone solves these); a change of cabin is kept. Of what is
said above, two things are not held for these tasks, as in the source: a change needs no yes of the customer's, and,
where the task changes or asks something, every outcome that ends the case will do.

Covered: 35 kinds of requests, 15 of them to be refused; replies that are broken, wrong or too many.
Not covered: several requests in one case, facts in words ("two"), customers who lie, politeness, tau-bench's dev split
and its tasks of later versions.
Data licence: generated; none. tau-bench: MIT.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from agentrl.environment import Env, Outcome
from agentrl.envs._desk.consent import names
from agentrl.envs._desk.desk import Case, Desk, end_state, events_of, generated_cases, gold_replies, told
from agentrl.envs._desk.desks import DESKS
from agentrl.envs._desk.tau import KINDS, TauDesk
from agentrl.envs._desk.tools import CLOSE, TRANSFER, Tool, amount, one_of, run_tool, text
from agentrl.envs._desk.user import Customer, fact
from agentrl.envs._desk.world import ToolError, World
from agentrl.errors import ConfigError, check_choice, check_count, check_names
from agentrl.types import Message, Split, Task, Transcript
from agentrl.verifiers._reading.extract import final_segment
from agentrl.verifiers._tools.parse import Call, Limits, Unreadable, parse_message

__all__ = [
    "Case",
    "Desk",
    "ServiceDesk",
    "Tool",
    "ToolError",
    "World",
    "amount",
    "fact",
    "one_of",
    "text",
    "told",
]

LIMITS = Limits(calls=8, chars=20_000)
"""Calls and characters of one reply."""


class ServiceDesk(Env):
    """Customers' requests, fulfilled or refused through tools.

    Args:
        desk: "retail", "airline" or "bank", or one of one's own.
        source: A folder with tau-bench's tasks and databases, in folders "retail" and "airline"; None generates tasks.
        kinds: Kinds of requests; empty is all of the desk's.
        count: Generated tasks of each split.
        split: Which tasks `reset` draws from.
        max_turns: Turns until the episode is truncated.
        render_mode: "ansi" or None.

    Raises:
        ConfigError: An option has none of its values.
    """

    verifier = "state"
    max_turns = 30

    def __init__(
        self,
        *,
        desk: str | Desk = "retail",
        source: str | None = None,
        kinds: Sequence[str] = (),
        count: int = 10_000,
        split: Split = "train",
        max_turns: int | None = None,
        render_mode: str | None = None,
    ) -> None:
        super().__init__(split=split, max_turns=max_turns, render_mode=render_mode)
        check_count("count", count)
        self.desk = _desk(desk, source)
        if source is not None and kinds:
            raise ConfigError(f"kinds choose among generated tasks, not those of a source; got {', '.join(kinds)}")
        check_names("kinds", kinds, self.desk.templates)
        self.name = desk if isinstance(desk, str) else "own"
        self.left_out: dict[Split, int] = {}
        self.reasons_left_out: dict[Split, Mapping[str, str]] = {}
        self.kinds = tuple(dict.fromkeys(kinds)) or tuple(self.desk.templates)
        self.count = count
        self._world: World | None = None
        self._customer = Customer({})
        self._events: list[dict[str, Any]] = []

    def tasks(self, split: Split) -> Sequence[Task]:
        """Tasks of all kinds, each made when it is asked for; or the source's.

        Raises:
            DataError: The source cannot be read.
        """
        if isinstance(self.desk, TauDesk):
            found, reasons = self.desk.tasks(split)
            self.left_out[split], self.reasons_left_out[split] = len(reasons), reasons
            return found
        return generated_cases(self.desk, f"service_desk/{self.name}", self.kinds, split, self.count)

    def tools(self, task: Task) -> Sequence[Mapping[str, Any]]:
        """The desk's tools."""
        found: list[dict[str, Any]] = json.loads(self.desk.declared)
        return found

    def gold(self, task: Task) -> Sequence[str | Message]:
        """Ask, look up, ask for leave, write, close."""
        return gold_replies(task.data)

    def begin(self, task: Task) -> tuple[Message, ...]:
        """Open a fresh world and call the customer."""
        self.close()
        self._world = self.desk.store(task.data["world"]).open()
        self._customer = Customer(task.data["customer"], self.desk.asked_for)
        self._events = []
        return task.prompt

    def respond(self, action: Message) -> Outcome:
        """Carry out calls, or let the customer answer."""
        said = final_segment(action.content)
        if not action.tool_calls and "<tool_call>" not in said and "</tool_call>" not in said:
            self._heard(said)
            return Outcome((Message("user", self._customer.reply(said)),))
        try:
            calls = parse_message(action, "hermes", "ignore", LIMITS)
        except Unreadable as error:
            return Outcome((Message("tool", json.dumps({"error": f"no call could be read: {error}"})),))
        results = []
        named = [call.id for call in action.tool_calls] or [None] * len(calls)
        for call, id in zip(calls, named, strict=True):
            result, end = self._called(call)
            if end is not None:
                return end
            results.append(Message("tool", result, tool_call_id=id, name=call.name))
        return Outcome(tuple(results))

    def close(self) -> None:
        """End the world."""
        if self._world is not None:
            self._world.close()
            self._world = None

    def _called(self, call: Call) -> tuple[str, Outcome | None]:
        """The result of a call, and the end of the case if it was that."""
        assert self._world is not None
        result = run_tool(self.desk.by_name, self._world, call)
        consent = self._customer.agreed
        agreed = consent is not None and consent.covers(call.name, call.arguments, self._world.knows)
        self._events += events_of(result.change, agreed=agreed)
        if call.name == CLOSE and not result.refused:
            return result.text, self._end(call.arguments["outcome"], call.arguments["message"])
        if call.name == TRANSFER and not result.refused:
            return result.text, self._end("transferred", call.arguments["summary"])
        return result.text, None

    def _heard(self, said: str) -> None:
        """Write down what the customer should not have been told."""
        assert self.task is not None
        if any(names(said.lower(), value) for value in self.task.data["private"]):
            self._events.append({"op": "leak"})

    def _end(self, outcome: str, message: str) -> Outcome:
        assert self.task is not None
        assert self._world is not None
        self._heard(message)
        told = ({"op": "read", "fact": cue} for cue in sorted(self._customer.told))
        events = [*self._events, *told, {"op": "close", "outcome": outcome}]
        final = {"db": end_state(self._world, self.task.answer), "events": events}
        verdict = self._verify(self.task, Transcript((Message("assistant", message),), final))
        return Outcome(reward=verdict.score, verdict=verdict, terminated=True)


def _desk(desk: str | Desk, source: str | None) -> Desk | TauDesk:
    """The desk of an option.

    Raises:
        ConfigError: There is none of that name, or the source has none.
    """
    if source is not None:
        check_choice("desk of a source", desk, tuple(KINDS))
        return TauDesk(source, str(desk))
    if isinstance(desk, Desk):
        return desk
    check_choice("desk", desk, tuple(DESKS))
    return DESKS[desk]
