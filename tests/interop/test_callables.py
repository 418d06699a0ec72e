"""Functions of other people, in processes that can be killed: every fault is a finding, none ends the audit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentrl.audit import Item, audit
from agentrl.errors import DataError, MissingExtraError, UsageError
from agentrl.interop.callables import open_callable
from agentrl.interop.foreign import Foreign, Target, items_from_rows

SOURCE = r"""
import os, re, signal, threading, time

def boxed(response, answer):
    found = re.findall(r"\\boxed\{((?:[^{}]|\{[^{}]*\})*+)\}", response)
    return float(bool(found) and found[-1] == answer)

def plain(response, answer):
    return response.strip() == answer

def hangs(response, answer):
    while "9^{9" in response: pass
    return boxed(response, answer)

def dies(response, answer):
    if "9^{9" in response: os._exit(1)
    return boxed(response, answer)

def leaves(response, answer):
    if threading.current_thread() is not threading.main_thread(): raise SystemExit(3)
    return boxed(response, answer)

def alarmed(response, answer):
    signal.signal(signal.SIGALRM, lambda *given: None)
    return boxed(response, answer)

def words(response, answer):
    return "yes"

def rewards(completions, answer, level, **kwargs):
    return [boxed(chat[0]["content"], a) * (l == 3) for chat, a, l in zip(completions, answer, level)]

def texts(completions, ground_truth):
    return [None if "skip" in text else boxed(text, gold) for text, gold in zip(completions, ground_truth)]

def two(completions, **kwargs):
    return [0.0, 1.0]

constant = 5
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("scorers") / "scorers.py"
    path.write_text(SOURCE)
    return str(path)


@pytest.fixture
def opened() -> Iterator[Any]:
    """`open_callable`, closed at the end."""
    made: list[Foreign] = []

    def call(*given: Any, **named: Any) -> Foreign:
        made.append(open_callable(*given, **named))
        return made[-1]

    yield call
    for scorer in made:
        scorer.close()


def test_the_frame_is_found(path: str, opened: Any) -> None:
    assert opened(f"{path}:boxed").items()[0].oracle == r"\boxed{5}"
    assert opened(f"{path}:plain").items()[0].oracle == "5"


def test_an_honest_function_is_clean(path: str, opened: Any) -> None:
    scorer = opened(f"{path}:boxed")
    card = audit(scorer, only=["oracle", "mutation", "rewrite", "threads", "raises", "hangs", "M1", "M4", "M8"])
    assert card.findings == ()
    assert all(row.tries for row in card.rows)
    assert scorer.basis == "table"


@pytest.mark.parametrize(
    ("name", "check", "outcome"),
    [
        ("hangs", "M7", "no answer within 0.5 s"),
        ("dies", "raises", "the worker died"),
        ("alarmed", "threads", "signal"),
        ("leaves", "threads", "the worker died"),
    ],
)
def test_faults_are_findings(name: str, check: str, outcome: str, path: str, opened: Any) -> None:
    card = audit(opened(f"{path}:{name}", timeout_s=0.5), only=["oracle", "M7", "threads", "raises"])
    rows = {row.check: row for row in card.rows}
    assert rows["oracle"].verdict == "clean"
    assert rows[check].verdict == "finding"
    assert outcome in rows[check].examples[0].outcome


def test_a_score_that_is_no_number(path: str, opened: Any) -> None:
    scorer = opened(f"{path}:words")
    assert scorer.score(scorer.items()[0], "5").error == "TypeError: the score is str, not a number"


def test_the_style_of_trl(path: str, opened: Any) -> None:
    rows = [{"answer": "5", "level": 3, "prompt": "How many?"}, {"answer": "6", "level": 1}]
    scorer = opened(f"{path}:rewards", style="trl", rows=rows)
    first, second = scorer.items()
    assert (first.prompt, first.oracle, scorer.basis) == ("How many?", r"\boxed{5}", "tasks")
    assert [scorer.score(item, item.oracle).score for item in (first, second)] == [1.0, 0.0]
    texts = opened(f"{path}:texts", style="trl_text", rows=[{"answer": "5", "response": r"so \boxed{5}"}])
    item = texts.items()[0]
    assert texts.score(item, item.oracle).score == 1.0
    assert texts.score(item, "skip").score is None
    two = opened(f"{path}:two", style="trl", rows=[{"answer": "5", "response": "5"}])
    assert two.score(two.items()[0], "5").error == "TypeError: one completion got 2 rewards"


def test_outside_the_main_thread(path: str, opened: Any) -> None:
    scorer = opened(f"{path}:alarmed")
    item = scorer.items()[0]
    assert scorer.score(item, item.oracle, "main").score == 1.0
    assert "main thread" in scorer.score(item, item.oracle, "thread").error


@pytest.mark.parametrize(
    ("id", "message"),
    [
        ("{path}:boxd", "no function in .*scorers.py 'boxd': did you mean 'boxed'?"),
        ("{path}:constant", "cannot be loaded: TypeError: constant is no function but int"),
        ("none.py:f", "no file none.py"),
        ("scorers", "package.module:function or path/file.py:function, got 'scorers'"),
        ("no_such_package.mod:f", "cannot be loaded: ModuleNotFoundError"),
        ("this_module_ends:f", "this_module_ends:f cannot be loaded: this_module_ends: SystemExit: bye"),
    ],
)
def test_names_that_are_none(id: str, message: str, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(path).parent
    (folder / "this_module_ends.py").write_text("raise SystemExit('bye')\n")
    monkeypatch.syspath_prepend(folder)
    with pytest.raises(UsageError, match=message):
        open_callable(id.format(path=path))


def test_programs_are_refused(path: str) -> None:
    with pytest.raises(UsageError, match="judges programs"):
        open_callable(f"{path}:boxed", domain="code")
    with pytest.raises(UsageError, match="agentrl audit code"):
        open_callable(f"{path}:boxed", rows=[{"answer": {"format": "stdio", "cases": []}}])


def test_tasks_that_are_none(path: str) -> None:
    with pytest.raises(DataError, match="task 1 has no field 'answer'; it has: gold"):
        open_callable(f"{path}:boxed", rows=[{"gold": 1}])
    with pytest.raises(DataError, match=r"task 1 has no field 'answer'; it has: id$"):
        open_callable(f"{path}:boxed", rows=[{"id": 1, "answer": None}])
    with pytest.raises(DataError, match="task 1: 'response' must be text, got dict"):
        open_callable(f"{path}:boxed", rows=[{"answer": "1", "response": {}}])
    with pytest.raises(UsageError, match="give --tasks"):
        open_callable(f"{path}:boxed", domain="tools")
    with pytest.raises(UsageError, match="style must be one of plain, trl, trl_text; got 'x'"):
        open_callable(f"{path}:boxed", style="x")  # type: ignore[arg-type]


def test_a_missing_package_names_its_extra() -> None:
    target = Target("trl:f", {"style": "trl", "module": "no_such_package.rewards", "name": "f"}, extra="trl")
    scorer = Foreign(target)
    with pytest.raises(MissingExtraError, match=r"pip install 'agentrl\[trl\]'"):
        scorer.open()
    scorer.close()


def test_rows_keep_their_columns() -> None:
    items, kept = items_from_rows([{"solution": "5", "level": 3, "prompt": "?", "response": "r"}])
    assert items == (Item("0", "?", "5", "r"),)
    assert kept == {"0": {"solution": "5", "level": 3, "answer": "5"}}


def test_a_path_is_imported_from_where_it_stands(tmp_path: Path, opened: Any) -> None:
    (tmp_path / "helper_module.py").write_text("def same(a, b): return float(a == b)")
    (tmp_path / "top.py").write_text("from helper_module import same")
    assert opened(f"{tmp_path / 'top.py'}:same").items()[0].oracle == "5"
