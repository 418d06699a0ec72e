r"""What a verdict costs: `math` beside Math-Verify, `fol` beside one plain Z3 query; hostile input; the heartbeat.

    python benchmarks/verifiers.py [--math FOLDER] [--rounds 3] [--pairs 400] [--json PATH]

Pairs are (gold, reply, label). They are new in every round, so that no memory of decisions helps; in training, where a
group repeats its gold and many of its answers, rates are higher (the row "texts" has 16 replies a gold). Rounds are
interleaved; rates are medians over them. `--math` is a folder with the MATH data set (test.jsonl.gz): its golds,
respelt (label: equal) or with one digit changed (label: different), are the mixed set; without it a small set written
here takes their place. Math-Verify runs as its documentation says (`parse` and `verify`, its own time limits on). One
core is used: what a worker process does counts.
"""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import random
import re
import statistics
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agentrl import registry
from agentrl.data import read_jsonl
from agentrl.types import Message, Task, Transcript
from agentrl.verifiers._reading.extract import last_boxed

Pair = tuple[Any, str, bool]
Grader = Callable[[Any, str], bool]
Maker = Callable[[random.Random, int], list[Pair]]


@dataclass
class Row:
    """One grader on one kind of pairs."""

    name: str
    grade: Grader
    rates: list[float] = field(default_factory=list)
    right: int = 0
    seen: int = 0

    def round(self, pairs: Sequence[Pair]) -> None:
        """Grade all pairs once; keep the rate and the agreement with the labels."""
        began = time.perf_counter()
        said = [self.grade(gold, reply) for gold, reply, _ in pairs]
        self.rates.append(len(pairs) / (time.perf_counter() - began))
        self.right += sum(found == label for found, (_, _, label) in zip(said, pairs, strict=True))
        self.seen += len(pairs)

    def result(self) -> dict[str, Any]:
        """The figures of this row."""
        rate = statistics.median(self.rates)
        return {"name": self.name, "per_second": round(rate, 1), "agreement": round(self.right / self.seen, 5)}


def ours(verifier: str, **options: Any) -> Grader:
    """One of our verifiers as a function of gold and reply."""
    verify = registry.load_verifier(verifier, **options)

    def grade(gold: Any, reply: str) -> bool:
        return verify(Task("t", (), gold), Transcript((Message("assistant", reply),))).success

    return grade


def math_verify() -> Grader:
    """Math-Verify on the same texts."""
    from math_verify import parse, verify

    def grade(gold: Any, reply: str) -> bool:
        return bool(verify(parse(f"${gold}$"), parse(reply)))

    return grade


def plain_z3() -> Grader:
    """Whether Z3 proves the equivalence in one query, on formulas that are read by our reader."""
    import z3

    from agentrl.verifiers._fol import smt, syntax
    from agentrl.verifiers._fol.reader import read

    def grade(gold: Any, reply: str) -> bool:
        differ = syntax.Not(syntax.Joined("iff", read(gold).formula, read(reply).formula))
        solver = z3.Solver(ctx=z3.Context())
        solver.set("timeout", 2000)
        solver.from_string(smt.unbounded([differ], syntax.symbols([differ])))
        return bool(solver.check() == z3.unsat)

    return grade


# The pairs; `draw` makes each round's different.


def integers(draw: random.Random, count: int) -> list[Pair]:
    """Integers in a box, half of them right."""
    out: list[Pair] = []
    for index in range(count):
        gold = draw.randrange(-(10**9), 10**9)
        out.append((str(gold), rf"so \boxed{{{gold + index % 2}}}", index % 2 == 0))
    return out


def texts(draw: random.Random, count: int) -> list[Pair]:
    """Surds in groups of 16 replies to one gold, as in training: half are spelt like it, half are no answer."""
    out: list[Pair] = []
    for index in range(count):
        if index % 16 == 0:
            gold = rf"{draw.randrange(2, 10**6)}\sqrt{{{draw.randrange(2, 10**6)}}}"
        reply = rf"step {draw.randrange(10**6)}: \boxed{{ {gold} }}" if index % 2 == 0 else "no box here"
        out.append((gold, reply, index % 2 == 0))
    return out


def typed(draw: random.Random, count: int) -> list[Pair]:
    """Sets, tuples, intervals, matrices and quantities, half of them right."""
    out: list[Pair] = []
    for index in range(count):
        a, b, c = sorted(draw.sample(range(1, 10**6), 3))
        other = c + index % 2
        forms = (
            (rf"\{{{a},{b},{c}\}}", rf"\{{{other},{a},{b}\}}"),
            (rf"({a},{b},{c})", rf"\left({a}, {b}, {other}\right)"),
            (rf"[{a},{b}) \cup ({c},\infty)", rf"({other},\infty)\cup[{a},{b})"),
            (
                rf"\begin{{pmatrix}}{a}&{b}\\1&{c}\end{{pmatrix}}",
                rf"\begin{{bmatrix}} {a} & {b} \\ 1 & {other} \end{{bmatrix}}",
            ),
            (rf"{c}\text{{ m}}", rf"{other}000\text{{ mm}}"),
        )
        gold, reply = forms[index // 2 % len(forms)]
        out.append((gold, rf"\boxed{{{reply}}}", index % 2 == 0))
    return out


def mixed(golds: Sequence[str]) -> Maker:
    """Golds of a data set, respelt or with a digit changed; a label follows from how the reply was made."""

    def make(draw: random.Random, count: int) -> list[Pair]:
        out: list[Pair] = []
        for gold in draw.sample(golds, count):
            changed = changed_digit(gold, draw)
            label = changed is None or draw.random() < 0.5
            out.append((gold, rf"Therefore \boxed{{{respelt(gold, draw) if label else changed}}}.", label))
        return out

    return make


def respelt(gold: str, draw: random.Random) -> str:
    """The same answer in another spelling: white space, sizes of fractions and brackets."""
    text = gold.replace(r"\frac", draw.choice((r"\frac", r"\dfrac", r"\tfrac"))).replace(r"\dfrac", r"\frac")
    text = re.sub(r"([=+<>])", r" \1 ", text) if r"\text" not in text else text
    if draw.random() < 0.5 and text.startswith("(") and text.endswith(")") and text.count("(") == 1:
        text = rf"\left{text[:-1]}\right)"
    return f" {text} "


def changed_digit(gold: str, draw: random.Random) -> str | None:
    """One digit made another, so that the value changes; None where there is none to change."""
    places = [m.start() for m in re.finditer(r"(?<![0-9.])[1-9](?![0-9]*\s*(?:\\text|\\mbox))", gold)]
    if not places:
        return None
    at = draw.choice(places)
    return f"{gold[:at]}{int(gold[at]) % 9 + 1}{gold[at + 1 :]}"


SMALL = [
    r"\frac{1}{2}",
    r"3\sqrt{2}",
    "x^2+2x+1",
    "(1,2)",
    "[0,1)",
    r"\frac{\pi}{4}",
    "12",
    "-7",
    "0.25",
    "2x+3y=5",
] * 50


def logic(draw: random.Random, count: int) -> list[Pair]:
    """Textbook pairs with fresh names, half of them equivalent."""
    shapes = (
        ("∀x (P(x) → Q(x))", "∀y (¬Q(y) → ¬P(y))", True),
        ("∀x (P(x) → Q(x))", "∀x (Q(x) → P(x))", False),
        ("¬∀x (P(x) → Q(x))", "∃x (P(x) ∧ ¬Q(x))", True),
        ("∀x (P(x) ∨ Q(x))", "∀x P(x) ∨ ∀x Q(x)", False),
        ("∃x (P(x) → Q(a))", "∀x P(x) → Q(a)", True),
        ("∃x P(x) ∧ ∃x Q(x)", "∃x (P(x) ∧ Q(x))", False),
        ("∀x (P(x) → ∃y (R(y,x) ∧ Q(y)))", "∀x ∃y (P(x) → (R(y,x) ∧ Q(y)))", True),
        ("∀x ∃y R(x,y)", "∃y ∀x R(x,y)", False),
    )
    out: list[Pair] = []
    for index in range(count):
        gold, reply, label = shapes[index % len(shapes)]
        names = {old: f"{new}{draw.randrange(10**6)}" for old, new in zip("PQR", ("Dog", "Cat", "Owns"), strict=True)}
        swap = re.compile(r"[PQR]")
        out.append(
            (swap.sub(lambda m: names[m[0]], gold), swap.sub(lambda m: names[m[0]], reply), label)  # noqa: B023
        )
    return out


def calls(draw: random.Random, count: int) -> list[Pair]:
    """Two parallel calls with typed arguments, in either order, half of them right."""
    city = {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city"],
    }
    out: list[Pair] = []
    for index in range(count):
        a, b = draw.randrange(10**6), draw.randrange(10**6)
        wanted = [{"name": "weather", "arguments": {"city": f"Town {n}", "days": n % 7}} for n in (a, b)]
        made = [{"name": "weather", "arguments": {"city": f"town {n}", "days": n % 7 + index % 2}} for n in (b, a)]
        gold = {"tools": [{"name": "weather", "description": "", "parameters": city}], "calls": wanted}
        out.append((gold, json.dumps(made), index % 2 == 0))
    return out


HOSTILE = (
    "10^{10^{10}}", "9^{9^9}", "9^{9^{9^9}}", "10000000!", "1000000000!", r"\binom{10^9}{5\cdot 10^8}",
    r"\sum_{k=1}^{10^9} k", r"\prod_{k=1}^{10^6} k", r"\{" + ",".join(map(str, range(3000))) + r"\}",
    "(" * 3000 + "1" + ")" * 3000, r"\frac{1}{" * 400 + "1" + "}" * 400, "1" * 20000, "$" * 20000,
    r"\boxed{" * 5000,
    "x^{2^{2^{2^{2^2}}}}+1", "(x+1)^{9999}-(x-1)^{9999}", r"\sin(\cos(\tan(x^{99})))^{99}",
    r"\sqrt{\sqrt{\sqrt{x^{99}+1}}}", "(a+b+c+d+e+f+g+h)^{60}", r"\int_0^1 e^{-x^2}\sin(x^9) dx",
    "x^9+3x^8-2x^7+x^2+1=y^9", "1 " * 30000,
)  # fmt: skip
HOSTILE_GOLDS = ("1", "(x+1)^2", "x^2+y^2=1", r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\sqrt{2}+\sin(x)")


def hostile(grade: Grader) -> dict[str, Any]:
    """Wall time of hostile replies to golds of several types, and the longest gap of a heartbeat meanwhile."""
    gap, stop = [0.0], threading.Event()

    def beat() -> None:
        last = time.monotonic()
        while not stop.wait(0.002):
            now = time.monotonic()
            gap[0] = max(gap[0], now - last)
            last = now

    heart = threading.Thread(target=beat)
    heart.start()
    seconds: list[tuple[float, str]] = []
    try:
        for gold in HOSTILE_GOLDS:
            for text in HOSTILE:
                began = time.perf_counter()
                grade(gold, text if "boxed" in text else rf"\boxed{{{text}}}")
                seconds.append((time.perf_counter() - began, f"{text:.24} for {gold:.12}"))
    finally:
        stop.set()
        heart.join()
    seconds.sort()
    return {
        "calls": len(seconds),
        "p50_s": round(seconds[len(seconds) // 2][0], 4),
        "p99_s": round(seconds[int(len(seconds) * 0.99)][0], 3),
        "longest_s": round(seconds[-1][0], 3),
        "longest_is": seconds[-1][1],
        "heartbeat_gap_ms": round(gap[0] * 1000, 1),
    }


def measure(kind: str, make: Maker, rows: list[Row], rounds: int, pairs: int) -> Any:
    """Interleaved rounds over new pairs; the first round, which fills caches and starts workers, does not count."""
    for number in range(rounds + 1):
        drawn = make(random.Random(f"{kind} {number}"), pairs if number else min(pairs, 20))
        for row in rows:
            row.round(drawn)
            if not number:
                row.rates.clear()
                row.right = row.seen = 0
    results = [row.result() | {"pairs": kind} for row in rows]
    for found in results:
        print(f"{kind:<12} {found['name']:<14} {found['per_second']:>12,.0f}/s   agreement {found['agreement']:.2%}")
    if len(results) == 2:
        ratios = [a / b for a, b in zip(rows[0].rates, rows[1].rates, strict=True)]
        print(f"{'':<12} {'ratio':<14} {statistics.median(ratios):>12,.1f}")
        results[0]["times_the_peer"] = round(statistics.median(ratios), 1)
    return results


def main() -> int:
    """Measure everything, print a table, store it if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--math", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pairs", type=int, default=400)
    parser.add_argument("--json", type=Path)
    flags = parser.parse_args()
    golds = SMALL
    if flags.math:
        read = (last_boxed(row["solution"]) for row in read_jsonl(flags.math / "test.jsonl.gz"))
        golds = sorted({gold for gold in read if gold})
    few, many = flags.pairs, flags.pairs * 25
    maths = [("math", ours("math")), ("Math-Verify", math_verify())]
    plan: list[tuple[str, Maker, list[tuple[str, Grader]], int]] = [
        ("integers", integers, maths, few),
        ("integers", integers, maths[:1], many),
        ("texts", texts, maths[:1], many),
        ("mixed", mixed(golds), maths, few),
        ("typed", typed, maths, few),
        ("tool calls", calls, [("tool_calls", ours("tool_calls"))], few),
        ("logic", logic, [("fol", ours("fol", extract="final")), ("plain Z3", plain_z3())], few),
    ]
    results = [measure(kind, make, [Row(*g) for g in graders], flags.rounds, n) for kind, make, graders, n in plan]
    attacked = hostile(ours("math"))
    print("hostile      " + ", ".join(f"{key} {value}" for key, value in attacked.items()))
    record = {
        "date": f"{datetime.datetime.now(tz=datetime.UTC):%Y-%m-%d}",
        "command": "python benchmarks/verifiers.py " + " ".join(sys.argv[1:]),
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "results": results,
        "hostile": attacked,
    }
    if flags.json:
        flags.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
