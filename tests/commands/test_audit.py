"""`audit`: the table, the JSON, the exit code, and one line for what cannot be audited."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from agentrl.cli import main

LAST = r"""
import re
def score(response, answer):
    found = re.findall(r"-?\d+", response)
    return float(bool(found) and found[-1] == answer)
def honest(response, answer):
    return float(response.strip() == answer)
"""


@pytest.fixture
def scorers(tmp_path: Path) -> str:
    path = tmp_path / "last_number.py"
    path.write_text(LAST)
    return str(path)


def test_a_clean_verifier(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "exact"]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0].split() == ["check", "calls", "hits", "rate", "verdict", "what", "would", "be", "wrong"]
    assert lines[1].startswith("oracle")
    assert lines[-1].startswith("exact: no findings in ")
    assert "items of text" in lines[-1]
    assert err == ""


def test_findings_are_shown_with_examples(scorers: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tasks, result = tmp_path / "tasks.jsonl", tmp_path / "card.json"
    tasks.write_text("".join(json.dumps({"answer": str(n), "prompt": "Why?"}) + "\n" for n in (12, 35, 47)))
    code = main(["audit", f"{scorers}:score", "--tasks", str(tasks), "--json", str(result), "--only", "oracle,M9,M1"])
    out = capsys.readouterr().out
    assert code == 1
    assert "M9: the right answer in the thinking part only" in out
    assert "  gold 12  reply <think>12\n    score 1\n" in out
    assert "2 findings in 3 checks" in out
    card = json.loads(result.read_text())
    assert "M9" in card["findings"]
    assert [check["check"] for check in card["checks"]] == ["oracle", "M1", "M9"]
    assert card["items"] == 3


def test_an_honest_function_is_clean(scorers: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", f"{scorers}:honest", "--only", "oracle,empty,mutation,M1,M9"]) == 0
    assert "no findings in 5 checks" in capsys.readouterr().out


def test_an_environment_and_a_prefix(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "env:arithmetic", "--env", "level=1", "-n", "2", "--only", "oracle,M1"]) == 0
    assert "on 2 items of maths" in capsys.readouterr().out
    assert main(["audit", "verifier:exact", "--option", "compare=fold", "--only", "oracle"]) == 0


def test_gsm8k_by_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "train.jsonl"
    rows = [{"question": f"What is {n} plus 1?", "answer": f"{n} + 1 = {n + 1}\n#### {n + 1}"} for n in (20, 31, 43)]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert main(["audit", "gsm8k", "--env", f"source={source}", "--only", "oracle,empty,mutation,M1,M4,M9"]) == 0
    assert "no findings in 6 checks" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["exat"], "nothing has the id 'exat': did you mean 'exact'?"),
        (["zygote"], "zygote is a sandbox"),
        (["env:exact"], "exact is no env, it is: verifier"),
        (["exact", "--only", "M1,M77"], "no check 'M77': did you mean"),
        (["exact", "-n", "0"], "-n must be at least 1, got 0"),
        (["exact", "-n", "x"], "-n/--n: takes a whole number, got 'x'"),
        (["exact", "--seed", "1.5"], "--seed: takes a whole number, got '1.5'"),
        (["exact", "--timeout", "x"], "--timeout: takes a number, got 'x'"),
        (["exact", "--timeout", "inf"], "--timeout must be over 0 seconds and at most 86,400, got inf"),
        (["exact", "--timeout", "0"], "--timeout must be over 0 seconds"),
        (["exact", "--env", "level=1"], "--env is for an environment"),
        (["exact", "--style", "trl"], "--style is for a function"),
        (["exact", "--option", "compar=fold"], "did you mean 'compare'?"),
        (["arithmetic", "--tasks", "x.jsonl"], "x.jsonl"),
        (["none.py:f"], "no file none.py"),
        ([":f"], "a function is named as package.module:function"),
        (["exact", "--domain", "None"], "('auto', 'maths', 'logic', 'tools', 'text', 'code')"),
        (
            ["no_such", "--json", "no/such/folder/card.json"],
            "--json no/such/folder/card.json cannot be written: no such",
        ),
        (["no_such", "--json", "/"], "--json / cannot be written: is a directory"),
        ([], "ID is missing"),
    ],
)
def test_wrong_usage_is_one_line(args: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", *args]) in (1, 2)
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


def test_a_result_that_cannot_be_written_names_its_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "exact", "--only", "oracle", "--json", "/dev/full"]) == 1
    assert capsys.readouterr().err == "agentrl: cannot write /dev/full: no space left on device\n"


def test_looking_whether_the_result_can_be_written_leaves_no_file(tmp_path: Path) -> None:
    assert main(["audit", "no_such", "--json", str(tmp_path / "card.json")]) == 2
    assert list(tmp_path.iterdir()) == []


def test_a_closed_pipe_is_no_finding() -> None:
    command = [sys.executable, "-c", "from agentrl.cli import main; raise SystemExit(main())"]
    with subprocess.Popen(
        [*command, "audit", "exact", "--only", "oracle"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 141


def test_an_audit_that_tried_nothing_is_no_clean_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "exact", "--only", "M1"]) == 1
    assert "exact: none of these checks could be tried on its items of text" in capsys.readouterr().err


@pytest.mark.parametrize("suffix", ["", ":score"])
@pytest.mark.parametrize(
    ("name", "source", "message"),
    [
        ("leaves", "\nraise SystemExit('bye')\n", ", line 2: SystemExit: bye"),
        ("unread", "x = 1\n\ndef f(:\n", ", line 3: SyntaxError: invalid syntax"),
        ("lacks", "import no_such_words\n", ", line 1: ModuleNotFoundError: No module named"),
        ("fails", "x = [].gone\n", ", line 1: AttributeError: 'list' object has no attribute 'gone'"),
        ("nul", "\0", ": SyntaxError: source code string cannot contain null bytes"),
    ],
)
def test_a_file_that_cannot_be_loaded_is_one_line_with_its_place(
    name: str, source: str, message: str, suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"audit_{name}.py"
    path.write_text(source)
    assert main(["audit", f"{path}{suffix}"]) == 2
    err = capsys.readouterr().err
    assert f"{path}{message}" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("body", "message"), [("raise KeyError('gone')", "KeyError: 'gone'"), ("raise SystemExit(3)", "SystemExit: 3")]
)
def test_a_verifier_that_fails_at_once_is_a_finding(
    body: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, tasks = tmp_path / f"fails_{message[:3]}.py", tmp_path / "tasks.jsonl"
    path.write_text(f"def verify(task, transcript): {body}\n")
    tasks.write_text('{"answer": "7", "response": "7"}\n')
    assert main(["audit", str(path), "--tasks", str(tasks), "--only", "oracle,raises"]) == 1
    out, err = capsys.readouterr()
    assert message in out
    assert "2 findings in 2 checks" in out
    assert err == ""


def test_programs_of_strangers_are_refused(scorers: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", f"{scorers}:score", "--domain", "code"]) == 2
    assert "audit that one with `agentrl audit code`" in capsys.readouterr().err


def test_an_empty_task_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "none.jsonl"
    path.write_text("\n")
    assert main(["audit", "exact", "--tasks", str(path)]) == 1
    assert "is empty: expected JSON Lines with `answer`" in capsys.readouterr().err


@pytest.mark.parametrize(("id", "option"), [("fol", "mode=zz"), ("math", "extract=zz"), ("exact", "compare=zz")])
def test_a_value_that_an_option_does_not_have_is_one_line(
    id: str, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", id, "--option", option]) == 2
    assert "'zz'" in capsys.readouterr().err
