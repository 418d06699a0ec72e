"""Programs to repair: from benchmarks of real bugs, and from working programs by mutation."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agentrl.envs._code import on_lists, on_numbers, on_texts
from agentrl.envs._code.examples import call_example, entry_of
from agentrl.envs._code.mutate import mutants
from agentrl.envs._code.program import Program
from agentrl.envs._code.suites import LEETCODE, before, functional
from agentrl.errors import DataError, SandboxError
from agentrl.types import Split
from agentrl.verifiers._code.asserts import split as split_tests
from agentrl.verifiers._code.judge import judge

__all__ = ["PROGRAMS", "Repair", "header", "mutant_repair", "programs_of", "repair_of"]

PROGRAMS: tuple[Program, ...] = (*on_numbers.PROGRAMS, *on_lists.PROGRAMS, *on_texts.PROGRAMS)
_QUICK = {"wall_s": 4.0, "cpu_s": 1.0, "memory_mib": 256}
"""Enough for examples done by hand."""
_TRIAL = {**_QUICK, "cpu_s": 0.2}
"""For candidates: one that ends needs a tenth of it."""
_NODES = ("TreeNode", "ListNode", "Node")
"""Types that LeetCode writes as lists in its examples."""


@dataclass(frozen=True, slots=True)
class Repair:
    """A wrong program, what it should do, its tests, and a right one."""

    id: str
    statement: str
    program: str
    solution: str
    suite: Mapping[str, Any]
    preamble: str = ""
    bug: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


def programs_of(split: Split) -> tuple[Program, ...]:
    """The working programs of a split: every fourth is for testing, and none is in both."""
    return tuple(program for i, program in enumerate(PROGRAMS) if (i % 4 == 3) == (split == "test"))


@functools.lru_cache(maxsize=4096)
def mutant_repair(name: str, id: str, edits: int, sandbox: str) -> Repair:
    """A mutant that ends, fails at least one test that the policy may see, and is wrong by the hidden ones.

    Args:
        name: The working program's.
        id: Seeds the choice, and names the repair.
        edits: Edits of the mutant.
        sandbox: The back end that tries the candidates.

    Raises:
        DataError: No such mutant was found.
        SandboxError: The machine failed.
    """
    program = _program(name)
    for mutant in mutants(program.source, id, count=edits):
        if _is_wrong(name, mutant.source, sandbox):
            bug = ", ".join(edit.operator for edit in mutant.edits)
            suite = {**program.suite(), "limits": _QUICK}
            return Repair(id, program.statement, mutant.source, program.source, suite, bug=bug)
    raise DataError(f"no mutant of {name} with {edits} edits fails a visible test and ends; take fewer edits")


@functools.lru_cache(maxsize=8192)  # a program's mutants repeat, and one that hangs takes seconds
def _is_wrong(name: str, mutant: str, sandbox: str) -> bool:
    """Whether a mutant ends, and fails a test that the policy may see: one that hangs would do so at every try."""
    result = judge({**_program(name).suite(), "limits": _TRIAL}, mutant, sandbox=sandbox)
    if result.status == "infra_error":
        raise SandboxError(result.feedback)
    return result.status == "incorrect" and any(test.visible and not test.passed for test in result.results)


def _program(name: str) -> Program:
    return next(program for program in PROGRAMS if program.name == name)


def repair_of(row: Mapping[str, Any], id: str) -> Repair | None:
    """The repair of a benchmark's row, or None where its tests cannot be read.

    Raises:
        DataError: The row is of none of the known forms.
    """
    forms: Iterable[tuple[str, Callable[[Mapping[str, Any], str], Repair | None]]] = (
        ("buggy_program", _quixbugs),
        ("buggy_solution", _humanevalfix),
        ("buggy_code", _debugbench),
    )
    for name, read in forms:
        if name in row:
            return read(row, id)
    raise DataError(f"{id}: a row has one of {', '.join(n for n, _ in forms)}; it has {', '.join(map(str, row))}")


def _quixbugs(row: Mapping[str, Any], id: str) -> Repair | None:
    if any(isinstance(node, ast.ClassDef) for node in ast.parse(row["tests"]).body):
        return None  # instances of the tests' own classes cannot be given to the solution
    count = len(split_tests(row["tests"], "asserts", row["name"], "").tests)
    suite = {
        "format": "asserts",
        "style": "asserts",
        "entry": row["name"],
        "tests": row["tests"],
        "visible": list(range(count // 2)),
    }
    statement = row["docstring"].strip().strip('"').strip()
    return Repair(f"{id}/{row['name']}", statement, row["buggy_program"], row["solution"], suite)


def _humanevalfix(row: Mapping[str, Any], id: str) -> Repair:
    entry, prompt = row["entry_point"], row["prompt"]
    start = row["example_test"].rfind("\ndef check(")  # row 119 has half a solution before it
    example, test = _check(row["example_test"][start + 1 :]), _check(row["test"])
    shown = len(split_tests(example, "check", entry, prompt).tests) if example else 1
    suite = {
        "format": "asserts",
        "style": "check",
        "entry": entry,
        "setup": prompt,
        "tests": _joined(example, test),
        "visible": list(range(shown)),
    }
    return Repair(
        f"{id}/{row['task_id']}",
        row["docstring"],
        row["declaration"] + row["buggy_solution"],
        row["declaration"] + row["canonical_solution"],
        suite,
        preamble=before(prompt, entry),
        bug=row.get("bug_type", ""),
    )


def _check(tests: str) -> str:
    """Test code without its own call of `check`."""
    tree = ast.parse(tests)
    tree.body = [node for node in tree.body if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call))]
    return ast.unparse(tree)


def _joined(example: str, test: str) -> str:
    """One `check` with the statements of both, the example's first."""
    if not example:
        return test
    first, second = ast.parse(example), ast.parse(test)
    checks = [node for tree in (first, second) for node in tree.body if isinstance(node, ast.FunctionDef)]
    if len(checks) != 2:
        raise DataError(f"each of the two tests must define one function, they define {len(checks)}")
    checks[1].body = [*checks[0].body, *checks[1].body]
    second.body = [*(node for node in first.body if node is not checks[0]), *second.body]
    return ast.unparse(second)


def _debugbench(row: Mapping[str, Any], id: str) -> Repair | None:
    calls = [found for text in row["examples"] if (found := call_example(text))]
    if not calls or len(calls) < len(row["examples"]):
        return None
    entry = entry_of(row["oracle_code"], len(calls[0][0]))
    if entry is None:
        return None
    method = _definition(ast.parse(row["oracle_code"]), entry.rpartition(".")[2])
    if _takes_nodes(method):
        return None
    real = [annotated is not None and ast.unparse(annotated) == "float" for annotated in _annotations(method)]
    calls = [([float(x) if r else x for x, r in zip(args, real, strict=True)], value) for args, value in calls]
    suite = functional(entry, [(args, value, i < len(calls) - 1) for i, (args, value) in enumerate(calls)])
    suite |= {"limits": _QUICK}
    return Repair(
        f"{id}/{row['slug']}",
        row["description"],
        row["buggy_code"].strip("\n"),
        row["oracle_code"],
        suite,
        preamble=LEETCODE,
        bug=row.get("bug_file", "").removeprefix("python3_"),
    )


def _annotations(method: ast.FunctionDef) -> list[ast.expr | None]:
    return [argument.annotation for argument in method.args.args[1:]]


def _takes_nodes(method: ast.FunctionDef) -> bool:
    """Whether a method takes or gives linked nodes, or gives nothing and so changes its argument."""
    written = [ast.unparse(node) for node in (method.returns, *_annotations(method)) if node is not None]
    gives_nothing = method.returns is not None and written[0] == "None"
    return gives_nothing or any(name in text for text in written for name in _NODES)


def header(repair: Repair) -> str:
    """The right program's function with its body left out: what a policy needs to know to write its own.

    Raises:
        DataError: The program does not define what its tests call.
    """
    _, dot, name = repair.suite["entry"].rpartition(".")
    function = _definition(ast.parse(repair.solution), name)
    function.body = [ast.Expr(ast.Constant(...))]
    text = ast.unparse(function)
    return "class Solution:\n    " + text.replace("\n", "\n    ") if dot else text


def _definition(tree: ast.Module, name: str) -> ast.FunctionDef:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return node
    raise DataError(f"the program does not define {name!r}")
