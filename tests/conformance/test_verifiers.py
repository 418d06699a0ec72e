"""Every verifier passes every check, and every check can fail."""

from __future__ import annotations

import functools
import sys
from pathlib import Path

import pytest

from agentrl import registry
from agentrl.conformance import CheckResult, check_verifier_plugin, verifiers
from agentrl.conformance.result import run
from agentrl.conformance.verifiers import _VERIFIER_CHECKS
from agentrl.errors import UnknownIdError

CHECKS = ("light_import", *_VERIFIER_CHECKS)


@pytest.mark.parametrize("id", registry.ids("verifier"))
def test_verifier_passes(id: str) -> None:
    expected = {name: CheckResult(name, "passed") for name in CHECKS}
    if not hasattr(registry.load_module("verifier", id), "gold"):
        expected["golds"] = CheckResult("golds", "skipped", "the module names no gold replies (a function `gold`)")
    assert check_verifier_plugin(id) == list(expected.values())


HONEST = """
import asyncio, os, sys, threading
from agentrl.errors import DataError
from agentrl.types import Message, Transcript, Verdict
CASES = [
    ("cat", "cat", {}, "correct"),
    ("dog", Transcript((Message("assistant", "dog"),)), {}, "correct"),
    ("cat", "cow", {}, "incorrect"),
    ("", "cow", {}, "task_invalid"),
]
calls, here = [], os.getpid()
def verify(task, transcript):
    said = transcript.reply
    calls.append(said)
    LINE
    if not task.answer:
        return Verdict(0.0, "task_invalid")
    return Verdict(1.0, "correct") if said == task.answer else Verdict(0.0, "incorrect")
def gold(answer, options):
    if not answer:
        raise DataError("there is no answer")
    return answer
def rewrites(answer, options):
    yield from ()
def mutations(answer, options):
    yield answer + "s"
"""

BROKEN = {  # in the place of LINE, or after the rest
    "cases": "said = said.upper()",
    "floor": "said.encode()",
    "floor ": "if not said: return Verdict(1.0, 'correct')",
    "floor  ": "if len(said) > 10: return Verdict(0.0, 'infra_error')",
    "floor   ": "if said == 'yes': return Verdict(1.0, 'correct')",
    "floor    ": "if '10^{10^' in said: raise OverflowError",
    "golds": "\ndef gold(answer, options): return 'a cow'",
    "golds ": "\ndef gold(answer, options): return answer or 'cat'",
    "golds  ": "\ndef rewrites(answer, options): yield answer.upper()",
    "golds   ": "\ndef mutations(answer, options): yield answer",
    "purity": "if len(calls) % 2: said = ''",
    "threads": "if threading.current_thread() is not threading.main_thread(): said = ''",
    "asyncio": "if asyncio._get_running_loop() is not None: said = ''",
    "fork": "if os.getpid() != here: said = ''",
    "fork ": "if os.getpid() != here: os._exit(1)",
    "fork  ": "if os.getpid() != here: raise OSError('too many files')",
    "spawn": "if not hasattr(sys, 'here'): said = ''",
    "spawn ": "if not hasattr(sys, 'here'): raise OSError('too many files')",
}


def broken(line: str) -> str:
    return HONEST.replace("LINE", "pass") + line if line.startswith("\n") else HONEST.replace("LINE", line)


def written(source: str, folder: Path) -> str:
    path = folder / f"verifier_{abs(hash(source))}.py"
    path.write_text(source)
    return str(path)


def test_honest_verifier_by_path(tmp_path: Path) -> None:
    found = check_verifier_plugin(written(broken("pass"), tmp_path))
    assert found == [CheckResult(name, "passed") for name in CHECKS]


@pytest.mark.parametrize("check", BROKEN)
def test_check_sees_a_broken_verifier(check: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "here", True, raising=False)  # a forked process has it too, a spawned one has not
    id = written(broken(BROKEN[check]), tmp_path)
    name = check.strip()
    result = run(name, functools.partial(_VERIFIER_CHECKS[name], id, verifiers._rows(id)))
    assert result.status == "failed"
    assert result.detail


def test_a_process_that_hangs_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    id = written(broken("if os.getpid() != here or sys.argv[0] == '-c': import time; time.sleep(60)"), tmp_path)
    monkeypatch.setattr(verifiers, "LONGEST_S", 1.5)
    for name in ("fork", "spawn"):
        result = run(name, functools.partial(_VERIFIER_CHECKS[name], id, verifiers._rows(id)))
        assert (result.status, "no verdicts" in result.detail) == ("failed", True)


def test_a_verifier_without_golds_skips_their_check(tmp_path: Path) -> None:
    id = written(broken("pass").replace("def gold", "def gold_reply"), tmp_path)
    assert run("golds", functools.partial(_VERIFIER_CHECKS["golds"], id, verifiers._rows(id))).status == "skipped"


def test_a_verifier_without_a_truth_table_fails(tmp_path: Path) -> None:
    id = written(broken("pass").replace("CASES", "ROWS"), tmp_path)
    results = {result.name: result for result in check_verifier_plugin(id)}
    assert "CASES" in results["cases"].detail


def test_unknown_verifier_is_raised() -> None:
    with pytest.raises(UnknownIdError, match="did you mean 'math'"):
        check_verifier_plugin("maths")
