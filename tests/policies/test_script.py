"""Scripts, and opening a policy by its specification."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from agentrl.episodes import run_sync
from agentrl.errors import DataError, MissingExtraError, UnknownIdError, UsageError
from agentrl.policies import open_policy
from agentrl.policies.script import Script
from agentrl.policies.script import open as open_script
from agentrl.types import Message


def say(script: Script, *texts: str) -> list[Message]:
    return [run_sync(script.reply([Message("user", text)], ())) for text in texts]


def test_replies_are_said_in_turn_over_and_over() -> None:
    assert [m.content for m in say(Script(["a", "b"]), *"1234")] == ["a", "b", "a", "b"]


def test_a_function_sees_the_conversation() -> None:
    def answer(messages: Sequence[Message]) -> str | Message:
        return messages[-1].content.upper() if messages[-1].content != "m" else Message("assistant", "made", name="n")

    assert say(Script(answer), "x", "m") == [Message("assistant", "X"), Message("assistant", "made", name="n")]


def test_no_replies_are_refused() -> None:
    with pytest.raises(UsageError, match="at least one reply"):
        Script([])


def test_a_file_holds_a_reply_a_line(tmp_path: Path) -> None:
    path = tmp_path / "replies.txt"
    path.write_bytes('plain é\u2028same line\n\n"two\\nlines"\n"not" json\r\n'.encode())
    said = say(open_script(str(path)), *"1234")
    assert [m.content for m in said] == ["plain é\u2028same line", "two\nlines", '"not" json', "plain é\u2028same line"]


@pytest.mark.parametrize(("content", "message"), [(None, "no file"), (b"\n \n", "is empty"), (b"\xff\xfe", "UTF-8")])
def test_a_bad_file_is_one_clear_error(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "replies.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        open_script(str(path))


def test_open_policy_takes_a_kind_and_what(tmp_path: Path) -> None:
    (tmp_path / "r").write_text("hello")
    policy = open_policy(f"script:{tmp_path / 'r'}")
    assert isinstance(policy, Script)
    assert say(policy, "x")[0].content == "hello"


@pytest.mark.parametrize(
    ("spec", "hint"),
    [("smollm2-135n", "smollm2-135m"), ("skript:x", "hub name"), ("./no/such/folder", "give a folder")],
)
def test_an_unknown_policy_is_told_what_there_is(spec: str, hint: str) -> None:
    with pytest.raises(UnknownIdError, match=hint):
        open_policy(spec)


@pytest.mark.parametrize("absent", ["torch", "transformers"])
def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, absent: str) -> None:
    def find(kind: str, id: str) -> None:
        raise ModuleNotFoundError(f"No module named {absent!r}", name=absent)

    monkeypatch.setattr("agentrl.registry.find", find)
    with pytest.raises(MissingExtraError, match=r"agentrl\[train\]"):
        open_policy("transformers:somewhere")
    absent = "typo"
    with pytest.raises(ModuleNotFoundError):
        open_policy("transformers:somewhere")
