"""`doctor` never fails: it says what is missing and how to get it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sys

import pytest

from agentrl.cli import main
from agentrl.commands import doctor


def test_facts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    facts = dict(line.split(None, 1) for line in out.split("\n\n")[0].splitlines())
    assert facts["python"].startswith(f"{sys.version_info.major}.{sys.version_info.minor}")
    assert facts["agentrl"].startswith(importlib.metadata.version("agentrl"))
    assert "GiB free" in facts["disk"]
    assert "usable of" in facts["cores"]
    assert "verifiers" in facts["plug-ins"]


def test_a_missing_extra_comes_with_its_pip_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real, found = importlib.metadata.version, importlib.util.find_spec

    def version(name: str) -> str:
        if name == "matplotlib":
            raise importlib.metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torch" else found(name))
    assert main(["doctor"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line}
    assert "missing matplotlib: pip install 'agentrl[report]'" in lines["report"]
    assert "not installed: pip install 'agentrl[train]'" in lines["torch"]


def test_the_extras_are_those_of_the_package() -> None:
    extras = doctor._extras()
    assert extras["report"] == ["matplotlib"]
    assert "torch" in extras["train"]
    assert "dev" not in extras
