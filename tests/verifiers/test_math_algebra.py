"""Algebra in killable workers: what it proves is true, and nothing it is given outlasts the deadline."""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from typing import Any

import pytest

from agentrl.errors import MissingExtraError
from agentrl.verifiers._math import algebra
from agentrl.verifiers._math.algebra import MAX_CALLS, Budget
from agentrl.verifiers._math.reader import read
from agentrl.verifiers._math.tree import Apply, Bracketed, Constant, Matrix, Node, Number, SetOf, Symbol
from agentrl.workers import Answer


def tree(text: str) -> Node:
    found = read(text)
    assert found is not None, text
    return found


def compare(gold: str, reply: str) -> str:
    return algebra.compare(tree(gold), tree(reply), Budget())


def apply(op: str, *args: Node | int) -> Apply:
    return Apply(op, tuple(Number(Fraction(arg)) if isinstance(arg, int) else arg for arg in args))


X = Symbol("x")

TABLE = [
    # Expressions.
    (r"\sin^2 x+\cos^2 x", "1", "same"),
    (r"\log(x^2)", r"2\log x", "same"),
    (r"\log(x^2)", r"3\log x", "different"),
    (r"\sqrt{x^2}", "|x|", "same"),
    (r"\sqrt{x^2}", "x", "different"),
    (r"\ln|x|", r"\ln x", "unknown"),
    (r"\sqrt[3]{16}", r"2\sqrt[3]{2}", "same"),
    (r"\sqrt{3+2\sqrt2}", r"1+\sqrt2", "same"),
    (r"\sqrt{3+2\sqrt2}", r"1+\sqrt3", "different"),
    (r"\sin\frac{\pi}{6}", r"\frac12", "same"),
    (r"\cos20^\circ\cos40^\circ\cos80^\circ", r"\frac18", "same"),
    (r"\sin(2x)", r"2\sin x\cos x", "same"),
    (r"\cos(3x)", r"4\cos^3x-3\cos x", "same"),
    (r"\tan x", r"\frac{\sin x}{\cos x}", "same"),
    (r"2^{2n}", "4^n", "same"),
    (r"2\cdot2^n", "2^{n+1}", "same"),
    (r"\frac{(n+1)!}{n!}", "n+1", "same"),
    (r"\frac{(n+1)!}{n!}", "n+2", "different"),
    (r"\ln2+\ln3", r"\ln6", "same"),
    (r"\log_2 8", "3", "same"),
    (r"e^{i\pi}", "-1", "same"),
    (r"e^{ix}-\cos x", r"i\sin x", "same"),
    (r"\frac{e^x}{e^{2x}}", "e^{-x}", "same"),
    (r"\frac{x^2-1}{x-1}", "x+1", "same"),
    (r"10^{-60}+\sqrt2", r"\sqrt2", "different"),
    (r"\sqrt[3]{2}", "1.2599210498948731647672106072", "different"),
    (r"\overline{z}", "z", "unknown"),
    (r"\sum_{k=1}^{100}k", "5050", "unknown"),
    (r"\int_0^1 x^2 dx", r"\frac13", "unknown"),
    # Equations: up to a constant, denominators cleared.
    ("y=2x+1", "2x-y+1=0", "same"),
    ("y=2x+1", "2x-y+2=0", "different"),
    ("y=2x+1", "y=2z+1", "different"),
    (r"y=\frac1x", "xy=1", "same"),
    ("x^2+y^2=4", r"\frac{x^2}{4}+\frac{y^2}{4}=1", "same"),
    ("x=y", "x^2=y^2", "different"),
    (r"\sin x=y", r"2\sin x-2y=0", "same"),
    ("7=7", "3=3", "unknown"),
    ("x=x", "2x=2x", "unknown"),
    ("x=x+1", "x=x+2", "unknown"),
    ("3x-y+13=0", "3x+4y+14=0", "different"),
    # Inequalities: by their solutions.
    ("x<3", "3>x", "same"),
    ("x<3", r"x\le3", "different"),
    ("x^2<4", "-2<x<2", "same"),
    (r"x^2\le4", "-2<x<2", "different"),
    ("|x|<1", "-1<x<1", "same"),
    ("y>2x", "4x-2y<0", "same"),
    ("y>2x", "4x-2y>0", "different"),
    ("x<x+1", "x<x+2", "unknown"),
    ("x^2<0", "x^2<-1", "unknown"),
    # Of the same kind and shape.
    (r"\begin{pmatrix}1&x+x\end{pmatrix}", r"\begin{pmatrix}1&2x\end{pmatrix}", "same"),
    (r"\begin{pmatrix}1&x+x\end{pmatrix}", r"\begin{pmatrix}1&3x\end{pmatrix}", "different"),
    (r"\begin{pmatrix}1&2\end{pmatrix}", r"\begin{pmatrix}1\\2\end{pmatrix}", "different"),
    (r"\{1,\sqrt{3+2\sqrt2}\}", r"\{1+\sqrt2,1\}", "same"),
    (r"\{1,2\}", "(1,2)", "different"),
    ("(1,2]", "[1,2)", "different"),
    (r"(\sin^2x+\cos^2x,2)", "(1,2)", "same"),
    ("x=3", "3", "unknown"),
]


@pytest.mark.parametrize(("gold", "reply", "verdict"), TABLE)
def test_pairs(gold: str, reply: str, verdict: str) -> None:
    assert compare(gold, reply) == verdict
    assert compare(reply, gold) == verdict


# What our reader could not read.


@pytest.mark.parametrize(
    ("gold", "text", "verdict"),
    [
        (r"\frac x2+\sin x", r"\frac{x}{2}+\sin x", "same"),
        (r"\frac x2+\sin x", r"\frac{x}{3}+\sin x", "different"),
        ("(x+1)^2", r"x^2+2x+1", "same"),
        # What Math-Verify mixes up or works out is not asked of it.
        ("5", r"5\text{ km}", "unknown"),
        ("50", r"50\%", "unknown"),
        ("101", "101_2", "unknown"),
        (r"\frac13", r"\int_0^1x^2dx", "unknown"),
        ("5050", r"\sum_{k=1}^{100}k", "unknown"),
        ("5", "1=2=5", "unknown"),
        ("(1,2)", r"\{1,2\}", "unknown"),
        (r"\{1,2\}", "(2,1)", "unknown"),
        ("[1,2]", "[1,2]", "unknown"),
        (r"\frac13", "0.333333", "unknown"),
        ("2", r"1,2,\ldots,n", "unknown"),
        (r"1-\frac1e", r"1-\frac1{\mathrm e}", "unknown"),
        ("7", "42 and 7", "unknown"),
        ("1", "", "unknown"),
        ("1", "__import__('os').system('true')", "unknown"),
        ("1", "().__class__", "unknown"),
        ("1", "1" * 3000, "unknown"),
    ],
)
def test_texts_without_a_tree(gold: str, text: str, verdict: str) -> None:
    assert algebra.compare(tree(gold), None, Budget(), unread=text) == verdict


# Hostile answers.

TOWER = apply("pow", 10, apply("pow", 10, 10))
WIDE = Apply("add", tuple(apply("sin", apply("mul", k, X)) for k in range(1, 55)))
SLOW = apply("pow", apply("add", apply("pow", apply("sin", X), 2), apply("pow", apply("cos", X), 2), 1), 3000)
HOSTILE: dict[str, Node] = {
    "tower": TOWER,
    "tower of nines": apply("pow", 9, apply("pow", 9, apply("pow", 9, apply("pow", 9, 9)))),
    "factorial": apply("factorial", 10**9),
    "ten million factorial": apply("factorial", 10**7),
    "binomial": apply("binomial", 10**9, 5 * 10**8),
    "sum": apply("sum", X, 10**9),
    "product": apply("product", X, 10**6),
    "set": SetOf(tuple(Number(Fraction(k)) for k in range(3000))),
    "power": apply("pow", apply("add", X, 1), 10**9),
    "sines": apply("mul", WIDE, WIDE),
    "matrix": Matrix(tuple(tuple(TOWER for _ in range(8)) for _ in range(8))),
}
TEXTS = [
    "9^{9^9}",
    "9^{9^{9^9}}",
    "10^{10^{10}}",
    "10000000!",
    "1000000000!",
    r"\binom{1000000000}{500000000}",
    "(" * 200 + ")" * 200,
    r"\frac{1}{" * 50 + "3" + "}" * 50,
    "9" * 500,
    "$" * 400,
    r"\boxed{" * 60,
    "1 " * 200,
]
DEADLINE_S = 0.5
GENEROUS_S = DEADLINE_S + 2.0


@pytest.fixture
def _short_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    compare(r"\sin x", r"\cos x+1")  # the workers are running
    monkeypatch.setattr(algebra.workers, "timeout_s", DEADLINE_S)


def children() -> set[str]:
    """Ids of the processes that the template of the workers has."""
    template = algebra.workers._state.template
    assert template is not None
    pid = template.process.pid
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return set(file.read().split())


@pytest.mark.usefixtures("_short_deadline")
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_trees_end(name: str) -> None:
    start = time.monotonic()
    assert algebra.compare(tree("1"), HOSTILE[name], Budget()) != "same"
    assert time.monotonic() - start < GENEROUS_S


@pytest.mark.usefixtures("_short_deadline")
@pytest.mark.parametrize("text", TEXTS)
def test_hostile_texts_end(text: str) -> None:
    start = time.monotonic()
    assert algebra.compare(tree("1"), None, Budget(), unread=text) != "same"
    assert time.monotonic() - start < GENEROUS_S


def nested(depth: int) -> Node:
    found: Node = X
    for _ in range(depth):
        found = Apply("sin", (found,))
    return found


def test_a_deep_tree_is_over_the_limit() -> None:
    assert algebra.compare(tree("1"), nested(5000), Budget()) == "resource_limit"
    assert algebra.compare(tree("1"), nested(60), Budget()) == "different"


def test_what_is_slow_is_killed_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(algebra.workers, "timeout_s", 0.5)
    gold = apply("pow", 2, 3000)
    ticks: list[float] = []
    done = threading.Event()

    def heartbeat() -> None:
        while not done.wait(0.002):
            ticks.append(time.monotonic())

    thread = threading.Thread(target=heartbeat)
    thread.start()
    assert algebra.compare(gold, SLOW, Budget()) == "timeout"
    assert algebra.compare(tree("1"), TOWER, Budget()) != "same"
    done.set()
    thread.join()
    assert max(b - a for a, b in itertools.pairwise(ticks)) < 2.0  # the caller's threads went on


def test_a_hundred_hostile_answers_leave_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    compare(r"\sin x", r"\cos x+1")
    before = len(children())
    monkeypatch.setattr(algebra.workers, "timeout_s", 0.02)
    for k in range(100):
        slow = apply("add", SLOW, Apply("pow", (Symbol(f"y_{k}"), Number(Fraction(1)))))
        gold = apply("add", apply("pow", 2, 3000), Symbol(f"y_{k}"))
        assert algebra.compare(gold, slow, Budget()) in ("timeout", "unknown")
    monkeypatch.undo()
    assert compare(r"\sin^2 y+\cos^2 y", "1") == "same"
    assert len(children()) <= max(before, len(os.sched_getaffinity(0)))


def test_all_calls_for_one_reply_share_one_deadline() -> None:
    compare(r"\sin x", r"\cos x+1")
    budget = Budget(seconds=0.6)
    gold = apply("pow", 2, 3000)
    first = algebra.compare(gold, SLOW, budget)
    again = [algebra.compare(apply("add", gold, n), SLOW, budget) for n in range(1, 4)]
    assert (first, again) == ("timeout", ["resource_limit"] * 3)
    assert budget.calls == MAX_CALLS - 1
    assert compare(r"\sin^2 z+\cos^2 z", "1") == "same"


def test_the_number_of_calls_for_one_reply_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(algebra.workers, "call", lambda *args, **named: Answer("done", "different", seconds=0.01))
    budget = Budget()
    found = [algebra.compare(tree(rf"\sin {n}w"), tree(r"\cos w"), budget) for n in range(MAX_CALLS + 2)]
    assert found == ["different"] * MAX_CALLS + ["resource_limit"] * 2
    assert algebra.compare(tree(r"\sin 1w"), tree(r"\cos w"), budget) == "different", "it is remembered"


def test_memory_is_bounded() -> None:
    compare(r"\sin x", r"\cos x+2")
    for pid in children():
        with open(f"/proc/{pid}/limits", encoding="ascii") as file:
            limits = {line[:25].strip(): line[25:].split() for line in file}
        assert int(limits["Max address space"][0]) <= 2048 << 20


def test_a_timeout_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([Answer("timeout"), Answer("done", "same")])
    monkeypatch.setattr(algebra.workers, "call", lambda *args, **named: next(answers))
    pair = r"\sin(x+7)", r"\cos(x+7)"
    assert [compare(*pair), compare(*pair), compare(*pair)] == ["timeout", "same", "same"]


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [(Answer("resource_limit"), "resource_limit"), (Answer("error", detail="ValueError: no"), "unknown")],
)
def test_how_a_call_ends(monkeypatch: pytest.MonkeyPatch, answer: Answer, outcome: str) -> None:
    monkeypatch.setattr(algebra.workers, "call", lambda *args, **named: answer)
    assert compare(r"\sin(x+9)", rf"\cos(x+9)+{len(outcome)}") == outcome


def test_without_the_extra_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(algebra, "_missing", lambda: "sympy")
    with pytest.raises(MissingExtraError, match=r"needs sympy.*pip install 'agentrl\[math\]'"):
        compare(r"\sin x", r"\cos x")
    with pytest.raises(MissingExtraError, match="sympy"):
        algebra.irreducible(tree("x^4+1"), Budget())


# From anywhere.

PAIRS = [
    (r"\sin^2 t+\cos^2 t", "1"),
    (r"\ln(t^2)", r"2\ln t"),
    (r"\ln(t^2)", r"3\ln t"),
    ("y=2t+1", "2t-y+1=0"),
    ("t<3", "t<4"),
]
WANTED = ["same", "same", "different", "same", "different"]


def all_pairs(_: Any = None) -> list[str]:
    algebra._memo.clear()
    return [compare(gold, reply) for gold, reply in PAIRS]


def test_from_threads() -> None:
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(all_pairs, range(12))) == [WANTED] * 12


def test_from_asyncio() -> None:
    async def main() -> list[list[str]]:
        return list(await asyncio.gather(*(asyncio.to_thread(all_pairs) for _ in range(4))))

    assert asyncio.run(main()) == [WANTED] * 4


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_from_another_process(method: str) -> None:
    all_pairs()  # so that a forked process inherits running workers
    context: Any = multiprocessing.get_context(method)
    ours, theirs = context.Pipe()
    process = context.Process(target=_answer, args=(theirs,))
    process.start()
    assert ours.poll(60)
    assert ours.recv() == WANTED
    process.join(10)
    assert process.exitcode == 0
    assert all_pairs() == WANTED


def _answer(channel: Any) -> None:
    channel.send(all_pairs())
    channel.close()


def test_constants_and_brackets_have_counterparts() -> None:
    infinite = Bracketed((Constant("infinity"), Number(Fraction(1))))
    assert algebra.compare(infinite, infinite, Budget()) == "unknown"
