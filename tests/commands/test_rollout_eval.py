"""`rollout` and `eval` leave a run folder and say what came out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentrl.cli import main
from agentrl.store import Run

ENV = '''"""Say the letter."""
from agentrl import SingleTurnEnv, Task

class Letters(SingleTurnEnv):
    """Letters."""

    def __init__(self, *, letters: str = "abc", split="train", max_turns=None, render_mode=None):
        super().__init__(split=split, max_turns=max_turns, render_mode=render_mode)
        self.letters = letters

    def tasks(self, split):
        return [Task.ask(f"{split}/{c}", f"Say {c}.", c) for c in self.letters]
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("letters_env.py").write_text(ENV)
    Path("replies.txt").write_text("a\n")
    return tmp_path


RUN = ("./letters_env.py", "--policy", "script:replies.txt")


def test_rollout(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rollout", *RUN, "-n", "2", "--samples", "3", "--env", "letters=abcd", "--run", "r"]) == 0
    out, err = capsys.readouterr()
    assert "2 tasks x 3 samples" in out
    assert "episodes are in r" in out
    assert err == "rollout: 6 of 6 episodes\n"
    run = Run.open(folder / "r")
    assert len(run.read("rollout/all")) == 6
    assert run.config["env"] == ["letters=abcd"]


def test_rollout_names_its_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rollout", *RUN, "-n", "1"]) == 0
    assert [p.name.split("-")[:2] for p in (folder / "runs").iterdir()] == [["rollout", "letters_env"]]


def test_eval_and_compare(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", *RUN, "--samples", "2", "--k", "1,2", "--run", "first", "--temperature", "0.5"]) == 0
    out = capsys.readouterr().out
    assert "3 tasks x 2 samples" in out
    assert "pass@1 " in out
    assert "0.333 [" in out
    stored = json.loads((folder / "first/eval.json").read_text())
    assert stored["summary"]["pass_at"]["2"]["mean"] == pytest.approx(1 / 3)
    assert stored["settings"]["sampling"]["temperature"] == 0.5
    assert "0.333" in (folder / "first/report.html").read_text()
    assert len(Run.open(folder / "first").read("eval/eval")) == 6

    Path("replies.txt").write_text("b\n")
    assert main(["eval", *RUN, "--run", "second", "--compare", "first"]) == 0
    out = capsys.readouterr().out
    assert "change on the same 3 tasks" in out
    assert "(against first)" in out
    assert json.loads((folder / "second/eval.json").read_text())["comparison"]["change"]["pass@1"]["mean"] == 0


@pytest.mark.parametrize("verb", ["rollout", "eval"])
@pytest.mark.parametrize(
    ("args", "message", "code"),
    [
        (("./letters_env.py",), "--policy is missing", 2),
        ((*RUN, "-n", "0"), "-n must be at least 1, got 0", 2),
        ((*RUN, "--samples", "0"), "--samples must be at least 1", 2),
        ((*RUN, "-n", "many"), "many", 2),
        ((*RUN, "--temprature", "1"), "did you mean '--temperature'?", 2),
        ((*RUN, "--temperature", "-1"), "temperature must be 0", 2),
        ((*RUN, "--env", "leters=a"), "has no option 'leters': did you mean 'letters'?", 2),
        ((*RUN, "--env", "letters"), "--env takes key=value", 2),
        (("nowhere.py", *RUN[1:]), "no file nowhere.py", 2),
        (("nowhere", *RUN[1:]), "no env 'nowhere'", 2),
        (("./letters_env.py", "--policy", "scrip:x"), "no policy 'scrip:x'", 2),
        (("./letters_env.py", "--policy", "script:none.txt"), "no file none.txt", 1),
        ((*RUN, "--env", "letters="), "has no tasks in split 'test'", 1),
        ((*RUN, "--run", "full"), "full exists and is not an empty folder", 1),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(
    verb: str, args: tuple[str, ...], message: str, code: int, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("full").mkdir()
    Path("full/file").touch()
    assert main([verb, *args]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.count("\n") == 1
    assert not (folder / "runs").exists()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--k", "1,4", "--samples", "2"), "--k 4 is not in 1..2, the samples a task; raise --samples"),
        (("--k", "one"), "--k takes whole numbers with commas, such as 1,8; got 'one'"),
        (("--compare", "nowhere"), "nowhere is not a run folder"),
    ],
)
def test_mistakes_of_eval(
    args: tuple[str, ...], message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["eval", *RUN, *args]) in (1, 2)
    assert message in capsys.readouterr().err
    assert not (folder / "runs").exists()


def test_only_evaluations_can_be_compared_with(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Run.create(folder / "empty", {})
    assert main(["eval", *RUN, "--compare", "empty"]) == 2
    assert "empty holds no evaluation" in capsys.readouterr().err
