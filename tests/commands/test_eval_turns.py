"""`eval --turns`: what later attempts mend and break, on the terminal, as JSON and in the page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agentrl.cli import main
from agentrl.store import Run

ENV = '''"""Say the letter."""
from agentrl import SingleTurnEnv, Task

class Letters(SingleTurnEnv):
    """Letters."""

    def __init__(self, *, letters: str = "a", split="train", max_turns=None, render_mode=None):
        super().__init__(split=split, max_turns=max_turns, render_mode=render_mode)
        self.letters = letters

    def tasks(self, split):
        return [Task.ask(f"{split}/{c}", f"Say {c}.", c) for c in self.letters]
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("letters_env.py").write_text(ENV)
    for name, replies in {"mends": "b\na\n", "stays": "b\n", "breaks": "a\nb\n"}.items():
        Path(f"{name}.txt").write_text(replies)
    return tmp_path


def evaluate(policy: str, *args: str) -> int:
    return main(
        ["eval", "./letters_env.py", "--policy", f"script:{policy}.txt", "--turns", "2", "--run", policy, *args]
    )


def figures(folder: Path, run: str) -> dict[str, Any]:
    stored = json.loads((folder / run / "eval.json").read_text())["correction"]["figures"]
    return {name: value["mean"] for name, value in stored.items()}


@pytest.mark.parametrize(
    ("policy", "first", "second", "fix", "break_", "changed"),
    [
        ("mends", 0, 1, 1, None, 1),
        ("stays", 0, 0, 0, None, 0),
        ("breaks", 1, 0, None, 1, 1),
    ],
)
def test_policies_that_mend_stay_and_break(
    policy: str,
    first: float,
    second: float,
    fix: float | None,
    break_: float | None,
    changed: float,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert evaluate(policy) == 0
    found = figures(folder, policy)
    assert (found["acc@t1"], found["acc@t2"], found["delta(t1,t2)"]) == (first, second, second - first)
    assert (found["fix rate(t1,t2)"], found["break rate(t1,t2)"]) == (fix, break_)
    assert (found["i->c(t1,t2)"], found["c->i(t1,t2)"]) == (fix or 0, break_ or 0)
    assert found["answer changed(t1,t2)"] == found["edit distance(t1,t2)"] == changed
    assert found["p1@t2"] == max(first, second)
    out = capsys.readouterr().out
    assert "correction: 2 attempts in each of 1 tasks x 1 samples; 95 % intervals over tasks" in out
    assert f"accuracy (delta)                    {second - first:+.3f} [" in out
    assert "equal budget: compare m1@t2 with m2@t1, which needs 2 samples a task" in out
    assert "Correction over 2 attempts" in (folder / policy / "report.html").read_text()


def test_the_run_can_be_replayed_and_compared_with(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate("stays", "--env", "letters=ab") == 0
    assert Run.open(folder / "stays").config["env"] == {
        "id": "self_correction",
        "options": {"env": "./letters_env.py", "options": {"letters": "ab"}, "attempts": 2, "feedback": "none"},
    }
    assert main(["replay", "stays"]) == 0
    assert "2 episodes replayed, all as recorded" in capsys.readouterr().out
    assert evaluate("mends", "--env", "letters=ab", "--feedback", "binary", "--compare", "stays") == 0
    out = capsys.readouterr().out
    assert "change of the correction on the same 2 tasks" in out
    assert "(against stays)" in out
    change = json.loads((folder / "mends/eval.json").read_text())["comparison"]["correction"]["change"]
    assert change["answer changed(t1,t2)"] == {
        "mean": 1.0,
        "low": pytest.approx(-0.553, abs=1e-3),
        "high": 1.0,
        "p": 0.5,
    }
    assert any(
        "Your answer is not right." in m.content
        for r in Run.open(folder / "mends").read("eval/eval")
        for m in r.transcript()
    )


def test_one_turn_has_no_correction(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate("stays", "--turns", "1") == 0
    assert "correction" not in capsys.readouterr().out
    assert "correction" not in json.loads((folder / "stays/eval.json").read_text())
    assert Run.open(folder / "stays").config["env_id"] == "./letters_env.py"


def test_an_earlier_run_needs_as_many_attempts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate("stays", "--turns", "1") == 0
    capsys.readouterr()
    assert evaluate("mends", "--compare", "stays") == 2
    assert "the episodes in stays have at most 1 of 2 attempts: evaluate it with --turns 2" in capsys.readouterr().err
    assert not (folder / "mends").exists()


def test_an_earlier_run_may_have_stopped_at_success(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--env", "env=./letters_env.py", "--env", "feedback=binary", "--env", "until=correct")
    for name, reply in (("first", "a\n"), ("second", "b\n")):
        Path(f"{name}.txt").write_text(reply)
        policy = f"script:{name}.txt"
        compare = ("--compare", "first") if name == "second" else ()
        args = ["eval", "self_correction", "--policy", policy, "--turns", "2", "--run", name, *options, *compare]
        assert main(args) == 0
    assert "1 of 1 episodes ended early" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--turns", "0"), "--turns must be at least 1, got 0"),
        (("--turns", "two"), "--turns: takes a whole number, got 'two'"),
        (("--turns",), "--turns"),
        (("--feedback", "loud"), "invalid choice 'loud' for argument '--feedback'"),
        (("--turns", "1", "--feedback", "binary"), "comes between two attempts; ask for at least 2 turns"),
        (("--env", "leters=a"), "has no option 'leters': did you mean 'letters'?"),
        (("--env", "letters="), "has no tasks in split 'test'"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(
    args: tuple[str, ...], message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate("stays", *args) in (1, 2)
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.count("\n") == 1
    assert not (folder / "stays").exists()
