"""`grade`: order kept, parallel equals serial, a bad line named and nothing before it lost."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from agentrl.cli import main

GOOD = {"response": "7", "answer": "7"}


def lines(*records: Any) -> str:
    return "".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in records)


def grade(tmp_path: Path, text: str, *args: str) -> int:
    path = tmp_path / "in.jsonl"
    path.write_text(text)
    return main(["grade", "exact", str(path), *args])


def verdicts(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_a_verdict_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = lines(
        GOOD, {"id": "b", "response": "PARIS", "answer": "paris", "compare": "fold"}, "", {**GOOD, "response": "8"}
    )
    assert grade(tmp_path, text) == 0
    found = verdicts(capsys.readouterr().out)
    assert [(v["status"], v["score"], v.get("id")) for v in found] == [
        ("correct", 1.0, None),
        ("correct", 1.0, "b"),
        ("incorrect", 0.0, None),
    ]


def test_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(lines(GOOD)))
    assert main(["grade", "exact"]) == 0
    assert verdicts(capsys.readouterr().out)[0]["status"] == "correct"


def test_an_option_for_all_lines_that_a_line_may_override(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = {"response": "A", "answer": "a"}
    assert grade(tmp_path, lines(record, {**record, "compare": "exact"}), "--option", "compare=fold") == 0
    assert [v["status"] for v in verdicts(capsys.readouterr().out)] == ["correct", "incorrect"]


def test_processes_keep_the_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = lines(*({"id": i, "response": str(i), "answer": str(i - i % 3)} for i in range(300)))
    assert grade(tmp_path, text, "--jobs", "2") == 0
    parallel = capsys.readouterr().out
    assert [v["id"] for v in verdicts(parallel)] == list(range(300))
    assert grade(tmp_path, text, "--jobs", "1") == 0
    assert capsys.readouterr().out == parallel


@pytest.mark.parametrize(
    ("bad", "message", "code"),
    [
        ("{", "not JSON", 1),
        ("[1]", "expected an object, got list", 1),
        ({"response": "7"}, "no field 'answer'; the line has: response", 1),
        ({"answer": "7"}, "no field 'response'", 1),
        ({"response": 7, "answer": "7"}, "'response' must be text, got int", 1),
        ({**GOOD, "compar": "fold"}, "verifier 'exact' has no option 'compar': did you mean 'compare'?", 2),
    ],
)
@pytest.mark.parametrize("before", [2, 150])
def test_a_bad_line_is_named_and_nothing_before_it_is_lost(
    bad: Any, message: str, code: int, before: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert grade(tmp_path, lines(*[GOOD] * before, bad, GOOD), "--jobs", "1") == code
    out, err = capsys.readouterr()
    assert len(verdicts(out)) == before
    assert f"in.jsonl, line {before + 1}: {message}" in err
    assert err.count("\n") == 1


def test_a_bad_line_under_processes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert grade(tmp_path, lines(*[GOOD] * 200, "{", GOOD), "--jobs", "2") == 1
    out, err = capsys.readouterr()
    assert len(verdicts(out)) == 200
    assert "line 201" in err


@pytest.mark.parametrize(
    ("text", "message", "args"),
    [
        ("", "is empty: expected JSON Lines", ()),
        ("\n\n", "is empty", ()),
        (lines(GOOD), "--jobs must be 0", ("--jobs", "-1")),
    ],
)
def test_what_cannot_be_graded(
    text: str, message: str, args: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert grade(tmp_path, text, *args) in (1, 2)
    assert message in capsys.readouterr().err


def test_files_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["grade", "exact", str(tmp_path / "none.jsonl")]) == 1
    assert "none.jsonl: no such file" in capsys.readouterr().err
    assert main(["grade", "exact", str(tmp_path)]) == 1
    assert "is a directory" in capsys.readouterr().err
    (tmp_path / "binary").write_bytes(b"\xff\xfe\n")
    assert main(["grade", "exact", str(tmp_path / "binary")]) == 1
    assert "not UTF-8" in capsys.readouterr().err


def test_an_unknown_verifier(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["grade", "exac"]) == 2
    assert "did you mean 'exact'?" in capsys.readouterr().err
