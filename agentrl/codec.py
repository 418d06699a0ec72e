"""Records to and from JSON, by hand: `dataclasses.asdict` would be most of the cost of storing an episode."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from agentrl.errors import DataError
from agentrl.types import Check, Message, Node, Provenance, Rollout, Span, Task, ToolCall, Transcript, Verdict

__all__ = [
    "message_from_json",
    "message_to_json",
    "rollout_from_json",
    "rollout_to_json",
    "task_from_json",
    "task_to_json",
    "transcript_from_json",
    "transcript_to_json",
    "verdict_from_json",
    "verdict_to_json",
]

Json = dict[str, Any]


def message_to_json(message: Message) -> Json:
    """One message; empty optional fields are left out."""
    out: Json = {"role": message.role, "content": message.content}
    if message.tool_calls:
        out["tool_calls"] = [{"name": c.name, "arguments": dict(c.arguments), "id": c.id} for c in message.tool_calls]
    if message.tool_call_id is not None:
        out["tool_call_id"] = message.tool_call_id
    if message.name is not None:
        out["name"] = message.name
    return out


def message_from_json(data: Mapping[str, Any]) -> Message:
    """The inverse of `message_to_json`."""
    calls = tuple(ToolCall(c["name"], c["arguments"], c.get("id")) for c in data.get("tool_calls", ()))
    return Message(data["role"], data["content"], calls, data.get("tool_call_id"), data.get("name"))


def task_to_json(task: Task) -> Json:
    """One task, its gold answer included."""
    return {
        "id": task.id,
        "prompt": [message_to_json(m) for m in task.prompt],
        "answer": task.answer,
        "data": dict(task.data),
    }


def task_from_json(data: Mapping[str, Any]) -> Task:
    """The inverse of `task_to_json`."""
    return Task(data["id"], tuple(message_from_json(m) for m in data["prompt"]), data["answer"], data["data"])


def transcript_to_json(transcript: Transcript) -> Json:
    """What a verifier sees; empty fields are left out.

    Raises:
        DataError: The final state has a key that is no text; JSON would make another key of it.
    """
    out: Json = {"messages": [message_to_json(m) for m in transcript.messages]}
    if transcript.final_state:
        _check_keys(transcript.final_state)
        out["final_state"] = dict(transcript.final_state)
    if transcript.artefacts:
        out["artefacts"] = dict(transcript.artefacts)
    return out


def transcript_from_json(data: Mapping[str, Any]) -> Transcript:
    """The inverse of `transcript_to_json`."""
    messages = tuple(message_from_json(m) for m in data["messages"])
    return Transcript(messages, data.get("final_state", {}), data.get("artefacts", {}))


def _check_keys(state: Mapping[str, Any]) -> None:
    """Refuse keys that are no texts; a container that stands at several places is looked at once."""
    todo: list[tuple[str, Any]] = [("final_state", state)]
    seen: set[int] = set()
    for where, value in todo:
        if id(value) in seen or not isinstance(value, Mapping | list | tuple):
            continue
        seen.add(id(value))
        if isinstance(value, Mapping):
            for key in value:
                if not isinstance(key, str):
                    raise DataError(f"{where}: the key {key!r} is no text, which JSON needs; write it as {str(key)!r}")
        members = value.items() if isinstance(value, Mapping) else enumerate(value)
        todo += [(f"{where}/{key}", member) for key, member in members]


def verdict_to_json(verdict: Verdict) -> Json:
    """One verdict; empty optional fields are left out."""
    out: Json = {"score": verdict.score, "status": verdict.status}
    if verdict.answer is not None:
        out["answer"] = verdict.answer
    if verdict.checks:
        out["checks"] = [[c.name, c.passed, c.weight, c.detail] for c in verdict.checks]
    if verdict.feedback:
        out["feedback"] = verdict.feedback
    if verdict.seconds:
        out["seconds"] = verdict.seconds
    return out


def verdict_from_json(data: Mapping[str, Any]) -> Verdict:
    """The inverse of `verdict_to_json`."""
    return Verdict(
        data["score"],
        data["status"],
        data.get("answer"),
        tuple(Check(*c) for c in data.get("checks", ())),
        data.get("feedback", ""),
        data.get("seconds", 0.0),
    )


def _node_to_json(node: Node) -> Json:
    out: Json = {"parent": node.parent, "message": message_to_json(node.message)}
    if node.token_ids:
        out["token_ids"] = node.token_ids
        if any(node.drawn) or any(node.logprobs):
            out["drawn"] = [int(d) for d in node.drawn]
            out["logprobs"] = node.logprobs
    optional = {
        "earlier": [message_to_json(m) for m in node.earlier],
        "sampler_logprobs": node.sampler_logprobs,
        "spans": [[s.tag, s.start, s.end] for s in node.spans],
        "state_key": node.state_key,
        "ended": node.ended,
    }
    out |= {key: value for key, value in optional.items() if value}
    if node.version != -1:
        out["version"] = node.version
    if node.reward is not None:
        out["reward"] = node.reward
    if node.verdict is not None:
        out["verdict"] = verdict_to_json(node.verdict)
    return out


def _node_from_json(data: Mapping[str, Any]) -> Node:
    ids = tuple(data.get("token_ids", ()))
    return Node(
        parent=data["parent"],
        message=message_from_json(data["message"]),
        token_ids=ids,
        drawn=tuple(bool(d) for d in data["drawn"]) if "drawn" in data else (False,) * len(ids),
        logprobs=tuple(data["logprobs"]) if "logprobs" in data else (0.0,) * len(ids),
        sampler_logprobs=tuple(data.get("sampler_logprobs", ())),
        spans=tuple(Span(*s) for s in data.get("spans", ())),
        state_key=data.get("state_key", ""),
        version=data.get("version", -1),
        earlier=tuple(message_from_json(m) for m in data.get("earlier", ())),
        reward=data.get("reward"),
        verdict=verdict_from_json(data["verdict"]) if "verdict" in data else None,
        ended=data.get("ended", ""),
    )


def rollout_to_json(rollout: Rollout) -> Json:
    """One rollout, complete: `rollout_from_json` gives back an equal one."""
    return {
        "id": rollout.id,
        "task": task_to_json(rollout.task),
        "nodes": [_node_to_json(n) for n in rollout.nodes],
        "stop": rollout.stop,
        "provenance": asdict(rollout.provenance),
    }


def rollout_from_json(data: Mapping[str, Any]) -> Rollout:
    """The inverse of `rollout_to_json`."""
    return Rollout(
        data["id"],
        task_from_json(data["task"]),
        tuple(_node_from_json(n) for n in data["nodes"]),
        data["stop"],
        Provenance(**data["provenance"]),
    )
