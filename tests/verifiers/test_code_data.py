"""Reference solutions of public sets pass their tests, and known wrong ones do not."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from agentrl.verifiers._code.judge import judge

DataDir = Callable[[str], Path]
Job = tuple[str, dict[str, Any], str]


def rows(path: Path) -> list[dict[str, Any]]:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def statuses(jobs: Iterable[Job]) -> dict[str, str]:
    jobs = list(jobs)
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda job: judge(job[1], job[2]).status, jobs)
        return {name: status for (name, _, _), status in zip(jobs, found, strict=True)}


def human(row: dict[str, Any], solution: str) -> Job:
    suite = {"format": "asserts", "style": "check", "entry": row["entry_point"], "setup": row["prompt"]}
    suite |= {"tests": row["test"], "limits": {"wall_s": 5, "cpu_s": 1}}
    return row["task_id"], suite, row["prompt"] + row[solution]


def test_humaneval(data_dir: DataDir) -> None:
    found = statuses(human(row, "canonical_solution") for row in rows(data_dir("humaneval/HumanEval.jsonl.gz")))
    assert list(found.values()) == ["correct"] * 164


def test_humanevalfix(data_dir: DataDir) -> None:
    data = rows(data_dir("humanevalpack/humanevalpack_python.jsonl.gz"))
    assert list(statuses(human(row, "canonical_solution") for row in data).values()) == ["correct"] * 164
    wrong = statuses(human(row, "buggy_solution") for row in data)
    assert set(wrong.values()) <= {"incorrect", "timeout", "resource_limit"}


def mbpp(row: dict[str, Any]) -> Job:
    """The solution's own definitions are the names: one is called `sum`, and tests could mean the builtin."""
    used = set(re.findall(r"\w+", " ".join([*row["test_list"], row["test_setup_code"]])))
    names = [name for name in re.findall(r"^(?:def|class) +(\w+)", row["code"], re.M) if name in used]
    suite = {"format": "asserts", "names": names, "setup": "import sys, math\n" + row["test_setup_code"]}
    return str(row["task_id"]), {**suite, "tests": row["test_list"]}, row["code"]


def test_mbpp(data_dir: DataDir) -> None:
    """All 974, although the original harness loses two.

    The setup of 367 and 927 builds a tree of `Node`, a class that only the solution defines, and the original harness
    runs the setup before the solution. Here the setup runs in the tests' process once the solution is there, and its
    nodes are objects that stay with the solution (so do the pairs of 601).
    """
    found = statuses(mbpp(row) for row in rows(data_dir("mbpp/mbpp.jsonl.gz")))
    assert {name: status for name, status in found.items() if status != "correct"} == {}
    assert len(found) == 974


def test_quixbugs(data_dir: DataDir) -> None:
    """The 31 programs with plain assertions, and 3 graph programs on plain values.

    The 6 others build `Node`s in the tests and hand them over; instances of the tests' classes cannot cross.
    """
    data = rows(data_dir("quixbugs/quixbugs_python.jsonl"))
    plain = [row for row in data if "class Node" not in row["tests"]]
    assert sum(row["tests"].startswith("assert") for row in plain) == 31

    def job(row: dict[str, Any], solution: str) -> Job:
        limits = {"wall_s": 10, "cpu_s": 3 if solution == "solution" else 1}
        suite = {"format": "asserts", "entry": row["name"], "tests": row["tests"], "limits": limits}
        return row["name"], suite, row[solution]

    fixed = statuses(job(row, "solution") for row in plain)
    assert {name: status for name, status in fixed.items() if status != "correct"} == {}
    assert len(fixed) == 34
    wrong = statuses(job(row, "buggy_program") for row in data)
    assert set(wrong.values()) <= {"incorrect", "timeout", "resource_limit"}
    assert len(wrong) == 40
