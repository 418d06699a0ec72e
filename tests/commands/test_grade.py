"""`grade`: order kept, parallel equals serial, a line that cannot be graded named while the rest is graded."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from agentrl.cli import main
from agentrl.commands import _progress
from agentrl.commands import grade as verb

GOOD = {"response": "7", "answer": "7"}
VERIFIER = """
import os
from typing import Literal
from agentrl.errors import ConfigError, InfraError, MissingExtraError
from agentrl.memo import Memo
from agentrl.types import Verdict
memo = Memo("words")
def verify(task, transcript, *, kind: str = "plain"):
    if kind not in ("plain", "odd"):
        raise ConfigError(f"kind must be plain or odd, got {kind!r}")
    said = transcript.reply
    if said == "crash": return {}["gone"]
    if said == "extra": raise MissingExtraError("words needs spelling: pip install 'agentrl[words]'")
    if said == "infra": raise InfraError("no box could be opened")
    if said == "die": os._exit(3)
    if said == "leave": raise SystemExit(3)
    if said == "number": return 1.0
    if said == "object": return Verdict(1.0, "correct", answer=object())
    right = memo.decide((said, task.answer), lambda: said == task.answer)
    return Verdict(float(right), "correct" if right else "incorrect")
"""


def lines(*records: Any) -> str:
    return "".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in records)


def grade(tmp_path: Path, text: str | bytes, *args: str, verifier: str = "exact") -> int:
    path = tmp_path / "in.jsonl"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return main(["grade", verifier, str(path), *args])


def verdicts(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


@pytest.fixture
def words(tmp_path: Path) -> str:
    """A verifier of these tests' own, by its path."""
    path = tmp_path / "words.py"
    path.write_text(VERIFIER)
    return str(path)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other processes from the second line on."""
    monkeypatch.setattr(verb, "ALONE_S", 0.0)
    monkeypatch.setattr(verb, "START_S", 0.0)


def test_a_verdict_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fold = {"id": "b", "response": "PARIS", "answer": "paris", "compare": "fold"}
    assert grade(tmp_path, lines(GOOD, fold, "", {**GOOD, "response": "8"})) == 0
    out, err = capsys.readouterr()
    assert [(v["status"], v["score"], v.get("id")) for v in verdicts(out)] == [
        ("correct", 1.0, None),
        ("correct", 1.0, "b"),
        ("incorrect", 0.0, None),
    ]
    assert re.fullmatch(r"grade: 3 lines; mean score 0.6667; correct 2, incorrect 1; [\d,]+/s\n", err)


def test_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(lines(GOOD, "[]").encode())))
    assert main(["grade", "exact"]) == 1
    out, err = capsys.readouterr()
    assert verdicts(out)[0]["status"] == "correct"
    assert "standard input, line 2: expected an object, got list" in err


def test_a_response_may_be_a_transcript(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call = {"name": "f", "arguments": {"a": 1}, "id": None}
    said = [{"role": "user", "content": "?"}, {"role": "assistant", "content": "7", "tool_calls": [call]}]
    response = {"messages": said, "final_state": {"door": "open"}, "artefacts": {"a.txt": "x"}}
    assert grade(tmp_path, lines({"response": response, "answer": "7"})) == 0
    assert verdicts(capsys.readouterr().out)[0]["status"] == "correct"


def test_a_byte_order_mark_and_line_ends_of_windows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "\ufeff" + lines(GOOD, "", {**GOOD, "response": "8"}).replace("\n", "\r\n")
    assert grade(tmp_path, text) == 0
    assert [v["status"] for v in verdicts(capsys.readouterr().out)] == ["correct", "incorrect"]


def test_an_option_for_all_lines_that_a_line_may_override(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = {"response": "A", "answer": "a"}
    assert grade(tmp_path, lines(record, {**record, "compare": "exact"}), "--option", "compare=fold") == 0
    assert [v["status"] for v in verdicts(capsys.readouterr().out)] == ["correct", "incorrect"]


@pytest.mark.usefixtures("at_once")
def test_processes_keep_the_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records: list[Any] = [{"id": i, "response": str(i), "answer": str(i - i % 3)} for i in range(1500)]
    records[700] = "{"
    assert grade(tmp_path, lines(*records), "--jobs", "2") == 1
    parallel, err = capsys.readouterr()
    assert [v.get("id") for v in verdicts(parallel)] == [*range(700), None, *range(701, 1500)]
    assert "in.jsonl, line 701: not JSON" in err
    assert grade(tmp_path, lines(*records), "--jobs", "1") == 1
    assert capsys.readouterr().out == parallel


_MESSAGE = "message 1 of the response"


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("{", "not JSON: Expecting property name"),
        ("[" * 100_000, "not JSON that can be read: nested too deeply"),
        ("9" * 5000, "not JSON that can be read: a whole number of over 4,300 digits"),
        ('{"response": "7", "answer": %s}' % ("9" * 5000), "a whole number of over 4,300 digits"),
        (b'{"response": "\xff"}', "not UTF-8 text"),
        ("[1]", "expected an object, got list"),
        ({"response": "7"}, "no field 'answer'; the line has: response"),
        ({"answer": "7"}, "no field 'response'"),
        ({"response": 7, "answer": "7"}, "'response' must be text or a transcript, got int"),
        ({"response": {}, "answer": "7"}, "'response' is no transcript"),
        ({"response": {"messages": [3]}, "answer": "7"}, "'response' is no transcript"),
        ({"response": {"messages": [{"role": "assistant", "content": None}]}, "answer": "7"}, f"{_MESSAGE} needs"),
        ({"response": {"messages": [{"role": "robot", "content": ""}]}, "answer": "7"}, f"{_MESSAGE} needs a role"),
        (
            {
                "response": {
                    "messages": [
                        {"role": "assistant", "content": "", "tool_calls": [{"name": "f", "arguments": "{}"}]},
                    ]
                },
                "answer": "7",
            },
            f"{_MESSAGE}: a tool call needs",
        ),
        ({"response": {"messages": [], "final_state": []}, "answer": "7"}, "'final_state' and 'artefacts'"),
        ({**GOOD, "knd": "odd"}, "has no option 'knd': did you mean 'kind'?"),
        ({**GOOD, "kind": "even"}, "kind must be plain or odd, got 'even'"),
        ({**GOOD, "response": "crash"}, "the verifier raises KeyError: 'gone' (words.py, line 12)"),
        ({**GOOD, "response": "leave"}, "the verifier raises SystemExit: 3 (words.py, line 16)"),
        ({**GOOD, "response": "number"}, "the verifier returns float, not a Verdict"),
        ({**GOOD, "response": "object"}, "the verdict cannot be written as JSON: Object of type object"),
    ],
)
def test_a_line_that_cannot_be_graded_is_named_and_the_rest_is_graded(
    bad: Any, message: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = bad + b"\n" if isinstance(bad, bytes) else lines(bad).encode()
    assert grade(tmp_path, lines(GOOD, "").encode() + text + lines(GOOD).encode(), verifier=words) == 1
    out, err = capsys.readouterr()
    first, broken, last = verdicts(out)
    assert (first["status"], last["status"]) == ("correct", "correct")
    assert broken["line"] == 3
    assert message in broken["error"]
    said, summary, *more = err.splitlines()
    assert said == f"{tmp_path / 'in.jsonl'}, line 3: {broken['error']}"
    assert summary.startswith("grade: 3 lines; mean score 1.0000; correct 2, broken 1; ")
    assert more == []


def test_an_unusable_gold_is_a_broken_line_that_keeps_its_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert grade(tmp_path, lines({"id": 3, "response": "7", "answer": ""}, GOOD)) == 1
    out, err = capsys.readouterr()
    broken = verdicts(out)[0]
    assert (broken["id"], broken["line"], broken["status"]) == (3, 1, "task_invalid")
    assert broken["error"] == "the answer is no usable gold: The task has no answer."
    assert "line 1: the answer is no usable gold" in err
    assert "mean score 1.0000" in err  # it does not count


def test_text_that_is_no_unicode_comes_out_escaped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert grade(tmp_path, '{"response": "\\ud800", "answer": "é", "id": "é"}\n{"response": "é", "answer": "é"}\n') == 0
    first, second = capsys.readouterr().out.splitlines()
    assert (json.loads(first)["answer"], json.loads(first)["id"]) == ("\ud800", "é")
    assert '"é"' in second


def test_when_no_line_can_be_graded_it_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert grade(tmp_path, lines("{", {"response": "7"})) == 2
    assert "2 lines; no score; broken 2" in capsys.readouterr().err


def test_many_broken_lines_do_not_flood_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert grade(tmp_path, "{\n" * 500) == 2
    out, err = capsys.readouterr()
    assert len(verdicts(out)) == 500
    assert err.count("\n") == 100 + 2
    assert "more lines cannot be graded" in err


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize(
    ("args", "reply", "message", "code"),
    [
        (("--option", "knd=odd"), "7", "has no option 'knd': did you mean 'kind'?", 2),
        (("--option", "kind=even"), "7", "kind must be plain or odd, got 'even'", 2),
        ((), "extra", "words needs spelling: pip install 'agentrl[words]'", 2),
        ((), "infra", "no box could be opened (after ", 1),
    ],
)
def test_what_is_wrong_with_every_line_is_said_once(
    args: tuple[str, ...],
    reply: str,
    message: str,
    code: int,
    jobs: str,
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = lines(GOOD, GOOD, *[{"response": reply, "answer": "7"}] * 3)
    assert grade(tmp_path, text, "--jobs", jobs, *args, verifier=words) == code
    out, err = capsys.readouterr()
    assert message in err
    assert err.count("\n") == 1
    assert all(v["status"] == "correct" for v in verdicts(out))


@pytest.mark.usefixtures("at_once")
def test_a_process_that_dies_is_the_machines_fault(
    words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = lines(*[GOOD] * 8, {"response": "die", "answer": "7"})
    assert grade(tmp_path, text, "--jobs", "2", verifier=words) == 1
    out, err = capsys.readouterr()
    assert "a grading process died (out of memory?) (after " in err
    assert {v["status"] for v in verdicts(out)} == {"correct"}


@pytest.mark.usefixtures("at_once")
def test_memo_hits_are_summed_over_processes(words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # A batch never holds more lines than twice the one before it, so both processes get some of 1,200.
    assert grade(tmp_path, lines(*[GOOD] * 1200), "--jobs", "2", verifier=words) == 0
    found = re.search(r"memo hits (\d+)% of ([\d,]+)", capsys.readouterr().err)
    assert found is not None
    assert found[2] == "1,200"
    assert int(found[1]) >= 99


@pytest.mark.parametrize(
    ("text", "message", "args", "code"),
    [
        ("", "is empty: expected JSON Lines", (), 1),
        ("\n\n", "is empty", (), 1),
        ("\ufeff", "is empty", (), 1),
        (lines(GOOD), "--jobs must be 0", ("--jobs", "-1"), 2),
        (lines(GOOD), "--jobs: takes a whole number, got 'x'", ("--jobs", "x"), 2),
        (lines(GOOD), "--jobs: takes a whole number, got '1.5'", ("--jobs", "1.5"), 2),
    ],
)
def test_what_cannot_be_graded(
    text: str, message: str, args: tuple[str, ...], code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert grade(tmp_path, text, *args) == code
    assert message in capsys.readouterr().err


def test_files_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["grade", "exact", str(tmp_path / "none.jsonl")]) == 1
    assert "none.jsonl: no such file" in capsys.readouterr().err
    assert main(["grade", "exact", str(tmp_path)]) == 1
    assert "is a directory" in capsys.readouterr().err
    assert main(["grade", "exact", "/proc/self/mem"]) == 1  # it opens, and its first page cannot be read
    assert capsys.readouterr().err == "agentrl: cannot read /proc/self/mem: input/output error\n"


def test_an_unknown_verifier(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["grade", "exac"]) == 2
    assert "did you mean 'exact'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "source", "message"),
    [
        ("leaves", "\nraise SystemExit('bye')\n", "cannot load {}, line 2: SystemExit: bye"),
        ("unread", "x = 1\n\ndef f(:\n", "cannot load {}, line 3: SyntaxError: invalid syntax"),
        ("lacks", "import no_such_words\n", "cannot load {}, line 1: ModuleNotFoundError: No module named"),
        ("fails", "import json\njson.loads('')\n", "cannot load {}, line 2: JSONDecodeError: Expecting value"),
        ("constant", "verify = 3\n", "{} must define `verify` to be a verifier"),
        ("short", "def verify(response): return 1.0\n", "`verify` of {} must take (task, transcript), not (response)"),
    ],
)
def test_a_file_that_is_no_verifier_is_one_line(
    name: str, source: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"grade_{name}.py"
    path.write_text(source)
    assert grade(tmp_path, lines(GOOD), verifier=str(path)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"agentrl: {message.format(path)}")
    assert err.count("\n") == 1


def test_progress_is_a_line_now_and_then_in_a_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(_progress, "LOG_EVERY_S", 0.0)
    assert grade(tmp_path, lines(GOOD, GOOD, GOOD)) == 0
    err = capsys.readouterr().err.splitlines()
    assert err[:2] == ["grade: 1 of 3 lines", "grade: 3 of 3 lines"]


def test_progress_is_a_bar_on_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert grade(tmp_path, lines(GOOD, "{", GOOD)) == 1
    err = capsys.readouterr().err
    assert "grade" in err
    assert "line 2: not JSON" in err


@pytest.mark.parametrize(("text", "count"), [("", 0), ("a\nb\n", 2)])
def test_only_files_are_counted(text: str, count: int, tmp_path: Path) -> None:
    (tmp_path / "x").write_text(text)
    with (tmp_path / "x").open("rb") as file:
        assert _progress.count_lines(file) == count
        assert file.read() == text.encode()
    assert _progress.count_lines(io.BytesIO(b"a\n")) is None
