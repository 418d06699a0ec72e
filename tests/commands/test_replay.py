"""`replay` runs a run folder's episodes again: nothing changes, or it says what does."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentrl.cli import main

ENV = '''"""Say the letter."""
from agentrl import SingleTurnEnv, Task

class Letters(SingleTurnEnv):
    """Letters."""

    def __init__(self, *, letters: str = "abc", split="train", max_turns=None, render_mode=None):
        super().__init__(split=split, max_turns=max_turns, render_mode=render_mode)
        self.letters = letters

    def tasks(self, split):
        return [Task.ask(f"{split}/{c}", f"Say {c}.", c) for c in self.letters]

    def begin(self, task):
        return task.prompt
'''

WRONG = """
    def verdict(self, task, transcript):
        from agentrl import Verdict

        return Verdict(0.0, "incorrect", feedback="The answer is not right.")
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("letters.py").write_text(ENV)
    Path("says.txt").write_text("a\n")
    assert main(["rollout", "./letters.py", "--policy", "script:says.txt", "-n", "3", "--run", "r"]) == 0
    capsys.readouterr()
    return tmp_path / "r"


def test_all_as_recorded(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "r"]) == 0
    assert capsys.readouterr().out == "./letters.py: 3 episodes replayed, all as recorded\n"


def test_a_new_version_that_scores_otherwise(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("new.py").write_text(ENV + WRONG)
    assert main(["replay", "r", "--env-id", "./new.py", "--diff"]) == 1
    out = capsys.readouterr().out
    assert ": reward was 1.0, is 0.0\n" in out
    assert "verdict was 1 correct (answer 'a'), is 0 incorrect (The answer is not right.)\n" in out
    assert out.endswith(
        "3 episodes replayed, 3 differ: verdict in 3, reward in 1; rewards rise 0 times, fall 1 times\n"
    )


@pytest.mark.parametrize(
    ("words", "said", "code"),
    [
        (("nowhere",), "nowhere is not a run folder", 1),
        (("r", "--shard", "x"), "has no shard 'x': it has rollout/all", 2),
        (("r", "--env", "letter=ab"), "has no option 'letter'", 2),
        (("r", "--env-id", "absent"), "absent", 2),
    ],
)
def test_wrong_use_is_one_line(
    words: tuple[str, ...], said: str, code: int, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", *words]) == code
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1
