"""`list` and `show` read what there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentrl import registry
from agentrl.cli import main
from agentrl.commands._shared import KINDS, kinds_of
from agentrl.errors import UnknownIdError, UsageError

RECIPE = '''"""A recipe of this test."""
from dataclasses import dataclass, field

@dataclass(frozen=True)
class Optim:
    lr: float = 0.5

@dataclass(frozen=True)
class Config:
    optim: Optim = field(default_factory=lambda: Optim(lr=0.25))
    steps: int = 3

def main(config, run, report=None): ...
'''


def test_list_shows_every_id_with_its_first_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    for folder, kind in KINDS.items():
        assert folder in out
        assert all(f"  {id} " in out or f"  {id}\n" in out for id in registry.ids(kind))
    assert "Whole-answer string equality." in out


def test_list_of_one_kind(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "verifiers"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("verifiers\n")
    assert "exact" in out
    assert "policies" not in out


def test_list_of_no_kind(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "envz"]) == 2
    assert capsys.readouterr().err == "agentrl: no list 'envz': did you mean 'envs'?\n"


def test_show_a_verifier(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "exact"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("verifier exact\nWhole-answer string equality.")
    option = next(line for line in out.splitlines() if line.startswith("  compare"))
    assert "'exact' | 'fold'" in option
    assert "= 'exact'" in option
    assert "ignore case" in option  # from the docstring
    assert "exact.py" in out.split("source: ")[1]


def test_show_an_option_whole(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "code"]) == 0
    option = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("  reward"))
    assert "'binary' | 'fraction'" in option  # the choices behind a named type
    assert "half the share of the visible tests." in option  # the last of several lines


def test_show_a_recipe_with_the_defaults_in_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "recipe_to_show.py"
    path.write_text(RECIPE)
    assert main(["show", str(path)]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["optim.lr", "float", "=", "0.25"] in rows
    assert ["steps", "int", "=", "3"] in rows


@pytest.mark.parametrize(
    ("id", "line"),
    [
        ("exac", "agentrl: nothing has the id 'exac': did you mean 'exact'? (`agentrl list` shows all)\n"),
        ("nowhere.py", "agentrl: no file nowhere.py\n"),
    ],
)
def test_show_nothing(id: str, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", id]) == 2
    assert capsys.readouterr().err == line


def test_what_a_file_is(tmp_path: Path) -> None:
    for name, text, kind in (
        ("kind_a", "def verify(task, transcript): ...", "verifier"),
        ("kind_b", "class A:\n    def reset(self): ...\n    def step(self): ...", "env"),
        ("kind_c", RECIPE, "recipe"),
    ):
        path = tmp_path / f"{name}.py"
        path.write_text(text)
        assert kinds_of(str(path)) == [kind]
    (tmp_path / "kind_d.py").write_text("x = 1")
    with pytest.raises(UsageError, match="is no plug-in"):
        kinds_of(str(tmp_path / "kind_d.py"))
    with pytest.raises(UnknownIdError):
        kinds_of("kind_e")
