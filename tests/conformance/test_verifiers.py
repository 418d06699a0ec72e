"""Every verifier passes every check, and every check can fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentrl import conformance, registry
from agentrl.conformance import _VERIFIER_CHECKS, CheckResult, check_verifier_plugin
from agentrl.errors import UnknownIdError

CHECKS = ("light_import", *_VERIFIER_CHECKS)


@pytest.mark.parametrize("id", registry.ids("verifier"))
def test_verifier_passes(id: str) -> None:
    assert check_verifier_plugin(id) == [CheckResult(name, "passed") for name in CHECKS]


HONEST = """
import threading
from agentrl.types import Verdict
CASES = [("cat", "cat", {}, "correct"), ("dog", "dog", {}, "correct"), ("cat", "cow", {}, "incorrect")]
calls = []
def verify(task, transcript):
    said = transcript.reply
    calls.append(said)
    LINE
    return Verdict(1.0, "correct") if said == task.answer else Verdict(0.0, "incorrect")
"""

BROKEN = {
    "cases": "said = said.upper()",
    "floor": "said.encode()",
    "floor ": "if not said: return Verdict(1.0, 'correct')",
    "floor  ": "if len(said) > 10: return Verdict(0.0, 'infra_error')",
    "floor   ": "if said == 'yes': return Verdict(1.0, 'correct')",
    "purity": "if len(calls) % 2: said = ''",
    "threads": "if threading.current_thread() is not threading.main_thread(): said = ''",
}


@pytest.fixture
def no_subprocess(monkeypatch: pytest.MonkeyPatch) -> None:
    """The import in a fresh process has its own test; elsewhere it only costs time."""
    monkeypatch.setattr(conformance, "_light_import", lambda kind, id: None)


def with_line(line: str) -> str:
    return HONEST.replace("LINE", line)


def check_source(source: str, folder: Path) -> dict[str, CheckResult]:
    path = folder / f"verifier_{abs(hash(source))}.py"
    path.write_text(source)
    return {result.name: result for result in check_verifier_plugin(str(path))}


def test_honest_verifier_by_path(tmp_path: Path) -> None:
    assert {r.status for r in check_source(with_line(""), tmp_path).values()} == {"passed"}


@pytest.mark.usefixtures("no_subprocess")
@pytest.mark.parametrize("check", BROKEN)
def test_check_sees_a_broken_verifier(check: str, tmp_path: Path) -> None:
    result = check_source(with_line(BROKEN[check]), tmp_path)[check.strip()]
    assert result.status == "failed"
    assert result.detail


def test_a_verifier_without_a_truth_table_fails(tmp_path: Path) -> None:
    source = with_line("").replace("CASES", "ROWS")
    assert "CASES" in check_source(source, tmp_path)["cases"].detail


def test_unknown_verifier_is_raised() -> None:
    with pytest.raises(UnknownIdError, match="did you mean 'math'"):
        check_verifier_plugin("maths")
