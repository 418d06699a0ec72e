"""Records that JSON holds come back equal; what it would change is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agentrl.codec import transcript_from_json, transcript_to_json
from agentrl.errors import DataError
from agentrl.types import Message, Transcript

SAID = (Message("assistant", "Done."),)


def test_a_transcript_comes_back() -> None:
    row = {"status": "open", "lines": [{"n": 1}, None, 2.5]}
    transcript = Transcript(SAID, {"db": {"7": row, "8": row}, "events": []}, {"a.txt": "x"})
    assert transcript_from_json(json.loads(json.dumps(transcript_to_json(transcript)))) == transcript
    assert transcript_to_json(Transcript(SAID)) == {"messages": [{"role": "assistant", "content": "Done."}]}


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({7: "open"}, r"^final_state: the key 7 is no text, which JSON needs; write it as '7'$"),
        ({"db": {"orders": {7: "open"}}}, "^final_state/db/orders: the key 7 is"),
        ({"db": [{"a": ({None: 1},)}]}, "^final_state/db/0/a/0: the key None is"),
        ({"db": {True: 1}}, "^final_state/db: the key True is"),
    ],
)
def test_a_key_that_json_would_change_is_refused(state: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        transcript_to_json(Transcript(SAID, state))
