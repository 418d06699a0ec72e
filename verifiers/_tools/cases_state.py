"""The truth table of `state`."""

from __future__ import annotations

from typing import Any

from agentrl.types import Message, Transcript

Row = tuple[Any, str | Transcript, dict[str, Any], str]


def end(db: Any, said: str = "Done.", events: list[dict[str, Any]] | None = None) -> Transcript:
    """What an episode leaves behind."""
    return Transcript((Message("assistant", said),), {"db": db} if events is None else {"db": db, "events": events})


def shop(status: str = "open", total: float = 20.5, at: Any = "09:00", other: str = "open") -> dict[str, Any]:
    """A state with two orders."""
    return {
        "orders": {
            "7": {"status": status, "total": total, "at": at},
            "8": {"status": other, "total": 5.0, "at": "08:00"},
        }
    }


WRITE = {"op": "update", "path": "orders/7/status"}
CANCEL = {"initial": shop(), "final": shop("cancelled", at="10:00"), "mask": ["orders/*/at"]}
ASSERT = {
    "initial": shop(),
    "assert": [{"path": "orders/7/status", "value": "cancelled"}],
    "mask": ["orders/*/at"],
}
ASK = {"initial": shop(), "final": shop(), "outputs": [{"type": "number", "value": 20.5}]}
MAIL = {"initial": shop(), "final": shop(), "events": {"required": [{"op": "send", "to": "Ann"}]}}

CASES: list[Row] = [
    (CANCEL, end(shop("cancelled", at="10:00")), {}, "correct"),
    (CANCEL, end(shop("cancelled", at="11:30")), {}, "correct"),
    (CANCEL, end(shop("cancelled", 20.500000001)), {}, "correct"),
    (CANCEL, end(shop("cancelled"), events=[WRITE]), {}, "correct"),
    (CANCEL, end(shop("cancelled", at=["junk"])), {}, "incorrect"),
    (CANCEL, end(shop("cancelled", at="junk" * 100)), {}, "incorrect"),
    (CANCEL, end(shop("cancelled", other="cancelled")), {}, "incorrect"),
    (CANCEL, end({**shop("cancelled"), "notes": {"1": "junk"}}), {}, "incorrect"),
    (CANCEL, end(shop()), {}, "incorrect"),
    (CANCEL, end({}), {}, "incorrect"),
    (CANCEL, end(shop("cancelled"), events=[WRITE, {"op": "update", "path": "orders/8/status"}]), {}, "incorrect"),
    (CANCEL, end(shop("cancelled", float("nan"))), {}, "malformed"),
    (CANCEL, "I cancelled the order.", {}, "no_answer"),
    (CANCEL, "", {}, "no_answer"),
    (ASSERT, end(shop("Cancelled", at="11:30")), {}, "correct"),
    (ASSERT, end(shop("cancelled", 0)), {}, "incorrect"),
    (ASSERT, end(shop("open")), {}, "incorrect"),
    (ASK, end(shop(), "The total is $20.50."), {}, "correct"),
    (ASK, end(shop(), "<think>20.5 or 5?</think>It is 20.5"), {}, "correct"),
    (ASK, end(shop(), "Done."), {}, "incorrect"),
    (ASK, end(shop(), ""), {}, "incorrect"),
    (ASK, end(shop(), "It is 5, 10, 20.5 or 40."), {}, "incorrect"),
    (ASK, end(shop("cancelled"), "It is 20.5."), {}, "incorrect"),
    (MAIL, end(shop(), events=[{"op": "send", "to": "ann", "text": "hello"}]), {}, "correct"),
    (MAIL, end(shop(), events=[]), {}, "incorrect"),
    (MAIL, end(shop()), {}, "incorrect"),
    ({"initial": shop(), "final": shop()}, end(shop()), {}, "task_invalid"),
    ({"initial": shop()}, end(shop()), {}, "task_invalid"),
    ("cancelled", end(shop()), {}, "task_invalid"),
]
