"""`check` shows what conformance found, and fails where it failed."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import agentrl
from agentrl import registry
from agentrl.cli import main
from agentrl.conformance.result import Floor


@dataclass(frozen=True)
class Result:
    name: str
    status: str
    detail: str = ""
    floors: tuple[Floor, ...] = ()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Stands in for `agentrl.conformance`; lists what was asked of it."""
    seen: list[Any] = []

    def env(id: str, options: Mapping[str, Any], *, tasks: int, episodes: int) -> list[Result]:
        seen.append((id, dict(options), tasks, episodes))
        return [
            Result("seeds", "passed"),
            Result("fork", "failed", "a fork differs"),
            Result("gold", "skipped", "none"),
        ]

    def verifier(id: str) -> list[Result]:
        seen.append(id)
        return [Result("cases", "passed"), Result("noise", "passed")]

    fake = SimpleNamespace(check_env_plugin=env, check_verifier_plugin=verifier, CheckResult=Result)
    monkeypatch.setitem(sys.modules, "agentrl.conformance", fake)
    monkeypatch.setattr(agentrl, "conformance", fake, raising=False)
    return seen


def env_file(folder: Path) -> str:
    path = folder / "env_to_check.py"
    path.write_text("class A:\n    def reset(self): ...\n    def step(self): ...\n")
    return str(path)


def test_a_pass_is_one_line(asked: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "exact"]) == 0
    assert capsys.readouterr().out == "verifier exact: 2 passed\n"


def test_a_failure_is_shown_and_fails(asked: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = env_file(tmp_path)
    assert main(["check", path, "exact", "--env", "level=3", "--tasks", "3"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"env {path}: 1 passed, 1 failed, 1 skipped",
        "  failed  fork: a fork differs",
        "  skipped  gold: none",
        "verifier exact: 2 passed",
    ]
    assert asked == [(path, {"level": 3}, 3, 16), "exact"]


@pytest.mark.parametrize(("status", "code"), [("passed", 0), ("failed", 1)])
def test_the_floor_stands_below_its_environment(
    status: str,
    code: int,
    asked: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    floors = (Floor("echo", 0.21, 0.0, 6), Floor("constant", 0.5, 0.5, 6, "[red]\x1b[31m\nno"))
    found = [Result("seeds", "passed"), Result("floor", status, "" if status == "passed" else "too much", floors)]
    monkeypatch.setattr(agentrl.conformance, "check_env_plugin", lambda id, options, *, tasks, episodes: found)
    assert main(["check", env_file(tmp_path), "--tasks", "3"]) == code
    lines = capsys.readouterr().out.splitlines()
    shown = r"echo 0.21 (solved 0), constant 0.5 ('[red]\x1b[31m\nno')"
    assert lines[1] == f"  floor  {shown}   (mean reward over 6 tasks)"
    assert lines[2:] == ([] if status == "passed" else ["  failed  floor: too much"])


def test_one_reason_is_one_line(
    asked: list[Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = [
        Result("reset", "skipped", "no\nfile"),
        Result("fork", "skipped", "reset skipped: no\nfile"),
        Result("noise", "failed", "\x1b[33mscored\x1b[0m"),
    ]
    monkeypatch.setattr(agentrl.conformance, "check_verifier_plugin", lambda id: found)
    assert main(["check", "exact"]) == 1
    assert capsys.readouterr().out.splitlines()[1:] == ["  skipped  reset, fork: no file", "  failed  noise: scored"]


def test_all_asks_for_everything(asked: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    main(["check", "--all"])
    names = [a if isinstance(a, str) else a[0] for a in asked]
    assert names == [*registry.ids("env"), *registry.ids("verifier")]


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("@dataclass(frozen=True)\nclass Config:\n    a: int = 1", 0, "4 passed"),
        ("@dataclass\nclass Config:\n    a: int = 1", 1, "frozen: Config must be a frozen dataclass"),
        ("@dataclass(frozen=True)\nclass Config:\n    a: int", 1, "settings: every setting needs a default"),
        ("@dataclass(frozen=True)\nclass Config:\n    a: float = float('nan')", 1, "settings change by being stored"),
    ],
)
def test_recipes(
    text: str, code: int, said: str, asked: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"recipe_{abs(hash(text))}.py"
    path.write_text(
        f'"""Card."""\nfrom dataclasses import dataclass\n{text}\ndef main(config, run, report=None): ...\n'
    )
    assert main(["check", str(path)]) == code
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((), "name what to check"),
        (("exact", "--all"), "name what to check"),
        (("exac",), "did you mean 'exact'?"),
        (("script",), "script is a policy: only environments, verifiers and recipes have checks"),
        (("none.py",), "no file none.py"),
    ],
)
def test_what_cannot_be_checked(
    args: tuple[str, ...], message: str, asked: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", *args]) == 2
    assert message in capsys.readouterr().err
    assert asked == []
