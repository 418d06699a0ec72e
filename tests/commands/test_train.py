"""`train`: settings from file, preset and flags; progress; resume. The recipe is a stand-in that learns nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentrl.cli import main
from agentrl.commands import train

RECIPE = '''"""A recipe that only logs."""
from dataclasses import dataclass, field
from typing import Any

@dataclass(frozen=True)
class Loop:
    steps: int = 2

@dataclass(frozen=True)
class EnvSpec:
    id: str = "none"
    options: dict[str, Any] = field(default_factory=dict)

@dataclass(frozen=True)
class Config:
    loop: Loop = field(default_factory=Loop)
    env: EnvSpec = field(default_factory=EnvSpec)
    lr: float = 0.5
    """How fast."""

def main(config, run, report=None):
    if config.lr == 13:
        raise KeyboardInterrupt
    run.write_json("seen.json", {"lr": config.lr, "steps": config.loop.steps, "options": config.env.options})
    report({"kind": "eval", "step": 0, "pass_at": {"1": {"mean": 0.25, "low": 0.1, "high": 0.4}}, "format_rate": 0.5})
    for step in range(config.loop.steps):
        report({"kind": "train", "step": step, "reward": 0.125, "seconds": {"learn": 1.0}})
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("logs_only.py").write_text(RECIPE)
    Path("run.toml").write_text("lr = 0.25\n[env.options]\nlevel = 1\nsource = 'x'\n")
    return tmp_path


def seen(folder: Path, run: str = "r") -> object:
    return json.loads((folder / run / "seen.json").read_text())


def test_flags_lie_on_top_of_the_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    args = ["--loop.steps", "3", "--env", "level=2", "--run", "r"]
    assert main(["train", "./logs_only.py", "run.toml", *args]) == 0
    assert seen(folder) == {"lr": 0.25, "steps": 3, "options": {"level": 2, "source": "x"}}
    out, err = capsys.readouterr()
    assert out == "run: r\n"
    assert err.splitlines() == [
        "eval at step 0: pass@1 0.250 [0.100, 0.400], format 50.0%",
        "step 1/3  reward 0.125",
        "step 2/3  reward 0.125",
        "step 3/3  reward 0.125",
    ]


def test_the_defaults_and_a_fresh_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "./logs_only.py"]) == 0
    (run,) = (folder / "runs").iterdir()
    assert run.name.startswith("train-logs_only-")
    assert seen(folder, str(run)) == {"lr": 0.5, "steps": 2, "options": {}}


def test_resume_takes_the_stored_settings(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "./logs_only.py", "--lr", "0.75", "--run=r"]) == 0
    (folder / "r/seen.json").unlink()
    assert main(["train", "--resume", "r"]) == 0
    assert seen(folder) == {"lr": 0.75, "steps": 2, "options": {}}
    assert "step 2/2" in capsys.readouterr().err


def test_help_of_a_recipe(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "./logs_only.py", "--help"]) == 0
    out = capsys.readouterr().out
    assert "A recipe that only logs." in out
    assert "How fast." in out


def test_an_interrupt_says_how_to_go_on(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "./logs_only.py", "--lr", "13", "--run", "r"]) == 130
    assert capsys.readouterr().err == "agentrl: interrupted; `agentrl train --resume r` goes on\n"


@pytest.mark.parametrize(
    ("args", "message", "code"),
    [
        ((), "name a recipe", 2),
        (("--lr", "1"), "no flag --lr", 2),
        (("grp0",), "no recipe 'grp0'", 2),
        (("./logs_only.py", "none.toml"), "none.toml: no such file", 2),
        (("./logs_only.py", "bad.toml"), "bad.toml: lrr: Config has no such setting; did you mean 'lr'?", 2),
        (("./logs_only.py", "--lr", "fast"), "--lr: takes a number, got 'fast'", 2),
        (("./logs_only.py", "--lrr", "1"), "no flag --lrr: did you mean '--lr'?", 2),
        (("./logs_only.py", "--preset", "x"), "no preset 'x'", 2),
        (("./logs_only.py", "run.toml", "--preset", "x"), "give a file or a preset, not both", 2),
        (("./logs_only.py", "--env", "x"), "--env takes key=value", 2),
        (("--resume", "nowhere"), "nowhere is not a run folder", 1),
        (("./logs_only.py", "--resume", "r"), "--resume goes on with the run's own settings", 2),
        (("--resume", "r", "--lr", "1"), "--resume goes on with the run's own settings", 2),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(
    args: tuple[str, ...], message: str, code: int, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("bad.toml").write_text("lrr = 1")
    assert main(["train", *args]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.count("\n") == 1
    assert not (folder / "runs").exists()


@pytest.mark.parametrize(
    ("words", "own", "settings"),
    [
        ("grpo", "grpo", ""),
        ("grpo a.toml --optim.lr 3e-6", "grpo a.toml", "--optim.lr 3e-6"),
        ("grpo --optim.lr 3e-6 --run r --seed 3", "grpo --run r", "--optim.lr 3e-6 --seed 3"),
        ("grpo optim:sgd --optim.lr 1", "grpo", "optim:sgd --optim.lr 1"),
        ("grpo --env a=1 --env=b=2", "grpo --env a=1 --env=b=2", ""),
        ("--resume r", "--resume r", ""),
        ("--help", "--help", ""),
    ],
)
def test_which_words_belong_to_whom(words: str, own: str, settings: str) -> None:
    assert train._split(words.split()) == (own.split(), settings.split())


def test_an_evaluation_of_two_attempts_tells_both() -> None:
    figures = {"acc@t1": 0.5, "acc@t2": 0.75, "i->c(t1,t2)": 0.25, "c->i(t1,t2)": None}
    record = {"kind": "eval", "step": 3, "pass_at": {"1": {"mean": 0.75}}}
    record["correction"] = {"turns": 2, "figures": {name: {"mean": mean} for name, mean in figures.items()}}
    assert train._line(record, 5) == "eval at step 3: pass@1 0.750  acc@t1 0.500  acc@t2 0.750  i->c 0.250"
