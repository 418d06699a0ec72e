"""Golds to audit a scorer with where no tasks are given: a few of every type, with questions that do not name them."""

from __future__ import annotations

from collections.abc import Mapping

from agentrl.audit.records import Domain

__all__ = ["GOLDS"]

GOLDS: Mapping[Domain, tuple[tuple[str, str], ...]] = {
    "maths": (
        ("What is two plus three?", "5"),
        ("What is nine times eight?", "72"),
        ("How many seconds are in fifty hours?", "180000"),
        ("What is ten less than three?", "-7"),
        ("What is half of a quarter?", r"\frac{1}{8}"),
        ("What is a sixth of two?", r"\frac{1}{3}"),
        ("What is three quarters as a decimal?", "0.75"),
        ("What is a hundredth of a hundredth of five?", "0.0005"),
        ("What is the number of days in two leap years?", "732"),
        ("What is the binary number one zero one as it stands?", "101"),
        ("How many degrees has a triangle?", "180"),
        ("What are the primes between twenty and thirty, added?", "52"),
        (r"Solve the inequality $2x - 4 < 0$ for x.", r"(-\infty, 2)"),
        ("What is the positive root of two?", r"\sqrt{2}"),
        ("What is the area of the unit circle?", r"\pi"),
    ),
    "text": (
        ("Which city is the capital of France?", "Paris"),
        ("Which metal is liquid at room temperature?", "mercury"),
        ("Who wrote the play about the prince of Denmark?", "William Shakespeare"),
        ("Is water heavier than oil?", "Yes"),
        ("Is the moon larger than the sun?", "No"),
        ("Which of A, B, C, D comes second?", "B"),
        ("How many legs has a spider?", "8"),
    ),
    "logic": (
        ("Every dog is an animal.", "∀x (Dog(x) → Animal(x))"),
        ("Somebody loves everybody.", "∃x ∀y Loves(x, y)"),
        ("No bird is a fish.", "∀x (Bird(x) → ¬Fish(x))"),
    ),
    "tools": (),
    "code": (),
}
"""A question and its gold, by domain; none where a gold's shape is the scorer's own."""
