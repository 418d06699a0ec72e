"""`new` writes files that work at once, and never overwrites."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from agentrl import registry
from agentrl.cli import main
from agentrl.config import from_mapping, to_mapping
from agentrl.policies.script import Script
from agentrl.registry import grade


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_new_environment_plays_its_gold(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import agentrl

    assert main(["new", "env", "new_words"]) == 0
    assert "wrote new_words.py" in capsys.readouterr().out
    env = agentrl.make("./new_words.py")
    assert type(env).__name__ == "NewWords"
    assert not {t.id for t in env.all_tasks("train")} & {t.id for t in env.all_tasks("test")}
    env.reset(options={"task": "train/river"})
    assert env.step("5")[4]["verdict"].status == "correct"
    rollouts = agentrl.rollout(env, Script(["nonsense"]), n=2)
    assert [r.reward for r in rollouts] == [0.0, 0.0]


def test_a_new_verifier_keeps_its_own_cases(folder: Path) -> None:
    assert main(["new", "verifier", "new_word_of"]) == 0
    module = registry.load_module("verifier", "./new_word_of.py")
    assert len(module.CASES) >= 5
    for answer, response, options, status in module.CASES:
        assert grade("./new_word_of.py", response, answer, **options).status == status, (answer, response)
    assert grade("./new_word_of.py", "Paris " * 400, "Paris").status == "malformed"


def test_a_new_recipe_has_settings_that_can_be_stored(folder: Path) -> None:
    assert main(["new", "recipe", "new_idea"]) == 0
    module = registry.find("recipe", "./new_idea.py")
    assert from_mapping(to_mapping(module.Config()), module.Config) == module.Config()
    assert list(inspect.signature(module.main).parameters) == ["config", "run", "report"]


def test_new_files_pass_the_check(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for kind in ("env", "verifier", "recipe"):
        assert main(["new", kind, f"checked_{kind}"]) == 0
        assert main(["check", f"./checked_{kind}.py"]) == 0, capsys.readouterr().out
        assert "failed" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("env", "taken"), "taken.py exists; choose another name or remove it"),
        (("envv", "x"), "cannot write a new 'envv': did you mean 'env'?"),
        (("env", "two words"), "got 'two words'"),
        (("env", "Upper"), "got 'Upper'"),
        (("env", "class"), "got 'class'"),
        (("env", "../x"), "got '../x'"),
        (("env",), "NAME is missing"),
    ],
)
def test_what_new_refuses(
    args: tuple[str, ...], message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("taken.py").write_text("mine")
    assert main(["new", *args]) == 2
    assert message in capsys.readouterr().err
    assert [p.name for p in folder.iterdir()] == ["taken.py"]
    assert Path("taken.py").read_text() == "mine"
