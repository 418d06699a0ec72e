"""Proofs that grow line by line: only the new line is checked, and what is said of it does not change."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest

from agentrl.envs.fol_prove import FolProve
from agentrl.types import Message, Task, Transcript, Verdict
from agentrl.verifiers._fol.replies import MAX_STEPS, MAX_TEXT

PROOF = ("1. B(a) [from P1, P2]", "2. C(a) [from 1, P3]", "3. D(a) [from 2, P4]")
TASK = Task(
    "by hand",
    (Message("user", "prove it"),),
    {
        "premises": ["A(a)", "∀x (A(x) → B(x))", "∀x (B(x) → C(x))", "∀x (C(x) → D(x))", "E(b)"],
        "conclusion": "D(a)",
        "signature": {"predicates": dict.fromkeys("ABCDE", 1), "constants": ["a", "b"]},
    },
    {"steps": list(PROOF)},
)
LINES = (
    *PROOF,
    "2. C(a) [from 1, P3]$",
    "2. C(a) [from 1, P3]`",
    "2. C(a) [from 1, P3]**",
    "**1. B(a) [from P1, P2]",
    "  2. B(a) ∧ E(b) [from 1, P5]  ",
    "2. ∀x (A(x) → C(x)) [from P2, P3]",
    "2. C(a) [from 1]",
    "2. E(a) [from P5]",
    "2. F(a) [from P5]",
    "2. A(a) [premise]",
    "2. C(a) from 7",
    "6. B(a) [from 1, 2]",
    "3. C(a)",
    "4. D(a) [from P1, P2]",
    "not a step",
    "1. D(b) ∨ ¬D(b) [from P1]",
)


def told(env: FolProve, replies: Sequence[str], task: Task = TASK) -> list[Any]:
    """All that an episode says."""
    env.reset(seed=0, options={"task": task})
    found = []
    for reply in replies:
        *step, info = env.step(reply)
        found.append((*step, info["verdict"]))
        if step[2] or step[3]:
            break
    return found


def both(monkeypatch: pytest.MonkeyPatch) -> tuple[FolProve, FolProve]:
    """An environment, and one that asks the verifier about the whole proof at each line."""
    quick, whole = (FolProve(reward="progress", max_turns=50) for _ in range(2))
    monkeypatch.setattr(whole, "_goes_on", lambda text, steps: False)
    return quick, whole


def test_a_line_is_judged_as_the_whole_proof_is(monkeypatch: pytest.MonkeyPatch) -> None:
    quick, whole = both(monkeypatch)
    rng = random.Random(0)
    for _ in range(150):
        lines = [PROOF[place] if rng.random() < 0.5 else rng.choice(LINES) for place in (0, 1, 2, 1, 2)]
        together = [f"<answer>{chr(10).join(lines[:3])}</answer>", f"<answer>{chr(10).join(lines[3:])}</answer>"]
        for replies in ([f"<answer>{line}</answer>" for line in lines], together):
            assert told(quick, replies) == told(whole, replies), replies


@pytest.mark.parametrize(
    "lines",
    [
        [f"{n}. B(a) [from P1, P2]" for n in range(1, MAX_STEPS + 2)],
        [f"{n}. B(a) {' ' * (MAX_TEXT // 4)}[from P1, P2]" for n in range(1, 5)],
    ],
    ids=["too many", "too long"],
)
def test_limits_hold_for_all_lines_together(lines: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    replies = [f"<answer>{line}</answer>" for line in lines]
    quick, whole = (told(env, replies) for env in both(monkeypatch))
    assert quick == whole
    assert "limit" in str(quick[-1])


@pytest.mark.parametrize(
    ("lines", "asked"),
    [
        (PROOF, 2),
        ([*PROOF[:2], *(f"{n}. B(a) [from 1]" for n in range(3, 30))], 1),
        ([PROOF[0], f"{PROOF[1]}$", "3. B(a) [from 1]"], 2),  # a mark at the end of an answer is not read
    ],
    ids=["proven", "on the way", "read otherwise"],
)
def test_the_verifier_is_asked_about_the_first_line_and_the_end(
    lines: Sequence[str], asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    env, seen = FolProve(), []
    verify = env._verify

    def counted(task: Task, transcript: Transcript) -> Verdict:
        seen.append(transcript.reply)
        return verify(task, transcript)

    monkeypatch.setattr(env, "_verify", counted)
    told(env, ["<answer>{}</answer>".format("\n".join(lines))])
    assert len(seen) == asked


def test_a_fork_goes_on_from_its_own_lines() -> None:
    env, other = FolProve(), FolProve()
    told(env, [f"<answer>{PROOF[0]}\n2. C(a) [from 1, P3]</answer>"])
    other.restore(env.snapshot())
    env.step("<answer>2. E(b) [from P5]</answer>")
    for fork, status in ((other, "correct"), (env, None)):
        verdict = fork.step(f"<answer>{PROOF[2]}</answer>")[4]["verdict"]
        assert (verdict and verdict.status) == status
