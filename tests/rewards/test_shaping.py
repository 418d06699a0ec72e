"""Terms beside a verdict: what may be combined, what the sum is, and whose signal it is."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl.codec import rollout_from_json, rollout_to_json
from agentrl.errors import ConfigError, UsageError
from agentrl.rewards import (
    Cosine,
    Shaping,
    Term,
    cosine_term,
    format_term,
    length_cost_term,
    overlong_term,
    turn_delta_term,
    variance_shares,
)
from agentrl.types import Rollout, Score

MakeRollout = Callable[..., Rollout]
OVERLONG = overlong_term(limit=100, cache=20)
unit = st.floats(0, 1)


def constant(name: str, value: float, low: float = -1.0, high: float = 1.0, **fields: Any) -> Term:
    return Term(name, low, high, lambda _: value, **fields)


def test_sum_and_its_parts(make_rollout: MakeRollout) -> None:
    stored = make_rollout(ids=[[7] * 90], replies=["<think>a</think>b"])
    shaping = Shaping((OVERLONG, format_term()), {"overlong": 0.5, "format": 0.1})
    shaped = shaping.of(stored)
    assert shaped.parts == pytest.approx({"verdict": 1.0, "overlong": -0.25, "format": 0.1})
    assert next(iter(shaped.parts)) == "verdict"
    assert shaped.total == pytest.approx(0.85)
    assert shaping.measure([stored]) == [
        Score("0/t/0", 1, "whole", "overlong", -0.5),
        Score("0/t/0", 1, "whole", "format", 1.0),
    ]


def test_terms_run_again_on_stored_rollouts(make_rollout: MakeRollout) -> None:
    stored = make_rollout([0, 1], ids=[[7] * 45, [8] * 45])
    before = rollout_to_json(stored)
    shaping = Shaping((OVERLONG, turn_delta_term()), {"overlong": 0.1}, limit=1.1)
    values = {row.term: row.value for row in shaping.measure([rollout_from_json(before)])}
    assert rollout_to_json(stored) == before
    assert shaping.shaped(1.0, values) == shaping.of(stored)
    assert shaping.of(stored).total == pytest.approx(1 - 0.05 + 1)


def test_sum_of_terms_is_clamped() -> None:
    shaping = Shaping((constant("a", -1), constant("b", -1)), {"a": 0.8, "b": 0.8})
    shaped = shaping.shaped(1.0, {"a": -1.0, "b": -1.0})
    assert (shaped.total, shaped.parts) == (0.0, {"verdict": 1.0, "a": -0.8, "b": -0.8})


@given(unit, st.floats(-1, 1), st.floats(-1, 1), st.floats(-1, 1))
def test_total_is_bounded(score: float, one: float, other: float, weight: float) -> None:
    shaping = Shaping((constant("a", 0), constant("b", 0, gate="verdict")), {"b": weight})
    shaped = shaping.shaped(score, {"a": one, "b": other})
    assert -1 <= shaped.total <= 2
    assert shaped.parts["b"] == pytest.approx(weight * score * other)
    assert abs(shaped.total - score) <= 1 + 1e-12


def test_form_without_content_pays_nothing_or_little() -> None:
    with pytest.raises(ConfigError, match=r"format can reach 1 whatever the answer: .* at most 0.1, or gate it"):
        Shaping((format_term(),))
    with pytest.raises(ConfigError, match=r"format can reach 0\.2"):
        Shaping((format_term(),), {"format": -0.2})
    assert Shaping((format_term(),), {"format": 0.1}).shaped(0.0, {"format": 1.0}).total == 0.1
    gated = Shaping((format_term(gate="verdict"),))
    assert gated.shaped(0.0, {"format": 1.0}).total == 0.0
    assert gated.shaped(1.0, {"format": 1.0}).total == 2.0


@pytest.mark.parametrize(
    ("terms", "options", "why"),
    [
        ((OVERLONG, OVERLONG), {}, "the name 'overlong' is taken"),
        ((constant("verdict", 0),), {}, "the name 'verdict' is taken"),
        ((OVERLONG,), {"weights": {"overlang": 1.0}}, "did you mean 'overlong'"),
        ((OVERLONG,), {"weights": {"overlong": math.nan}}, "must be finite"),
        ((OVERLONG,), {"weights": {"overlong": 2.0}}, "can reach 2: lower its weight, or raise the limit of 1"),
        ((turn_delta_term(),), {"weights": {"turn_delta": 10.0}}, "can reach 10"),
        ((cosine_term(Cosine(100)),), {}, "cosine can be gamed without the term overlong"),
        ((cosine_term(Cosine(100)), OVERLONG, length_cost_term(cost=9)), {}, "pull in opposite directions"),
        ((OVERLONG,), {"limit": 0.0}, "limit must be"),
        ((OVERLONG,), {"limit": math.inf}, "limit must be"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(terms: tuple[Term, ...], options: Any, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        Shaping(terms, **options)


def test_settings_that_go_together() -> None:
    Shaping((cosine_term(Cosine(100)), OVERLONG))
    Shaping((cosine_term(Cosine(100, exceeded=-1)),))
    Shaping((cosine_term(Cosine(100, wrong=(0, 0))),))
    scored = Shaping((turn_delta_term(),), {"turn_delta": 10.0}, limit=10)
    assert scored.shaped(1.0, {"turn_delta": 1.0}).total == 11


@pytest.mark.parametrize("fields", [{"low": 1.0, "high": 0.0}, {"low": -math.inf}, {"gate": "answer"}])
def test_terms_state_bounds(fields: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        constant("a", 0, **fields)


@pytest.mark.parametrize("value", [1.1, -1.1, math.nan, math.inf])
def test_a_value_outside_its_bounds_is_a_fault(make_rollout: MakeRollout, value: float) -> None:
    with pytest.raises(ValueError, match="the term a must be in"):
        Shaping((constant("a", value),)).measure([make_rollout()])


def test_values_must_be_there_and_scores_in_range() -> None:
    with pytest.raises(ValueError, match="the value of overlong is missing"):
        Shaping((OVERLONG,)).shaped(1.0, {})
    with pytest.raises(ValueError, match="in \\[0, 1\\]"):
        Shaping((OVERLONG,)).shaped(1.5, {"overlong": 0.0})


def test_rollout_without_a_score_is_not_shaped(make_rollout: MakeRollout) -> None:
    stored = make_rollout()
    for unusable in (
        dataclasses.replace(stored, stop="infra_error"),
        dataclasses.replace(stored, nodes=stored.nodes[:1]),
        dataclasses.replace(stored, nodes=()),
    ):
        with pytest.raises(UsageError, match="drop its group"):
            Shaping(()).of(unusable)


# Shares of variance.


def test_shares_of_two_independent_parts() -> None:
    # Variances 0.25 and 0.0625, covariance 0.
    found = variance_shares({"verdict": [0, 1, 0, 1], "overlong": [0, 0, -0.5, -0.5]})
    assert found.shares == pytest.approx({"verdict": 0.8, "overlong": 0.2})
    assert found.variance == pytest.approx(0.3125)
    assert found.warning == ""


def test_a_part_that_works_against_the_others_has_a_share_below_0() -> None:
    # Total (0, 0.5): variance 0.0625; covariances 0.125 and -0.0625.
    assert variance_shares({"verdict": [0, 1], "length": [0, -0.5]}).shares == pytest.approx(
        {"verdict": 2, "length": -1}
    )


def test_constant_verdict_with_a_varying_term_is_warned_of() -> None:
    found = variance_shares({"verdict": [0, 0, 0], "length": [0.1, 0.1, 0.2], "format": [0.1] * 3})
    assert found.shares == pytest.approx({"verdict": 0, "length": 1, "format": 0})
    assert found.warning == "the verdict is the same for all 3 samples: only length tells them apart"
    both = variance_shares({"verdict": [1, 1], "a": [0, 1], "b": [1, 1.5]})
    assert both.warning.endswith("only a, b tell them apart")


def test_group_without_any_variance_has_no_shares() -> None:
    found = variance_shares({"verdict": [1, 1], "format": [0.1, 0.1]})
    assert (found.shares, found.variance, found.warning) == ({"verdict": 0.0, "format": 0.0}, 0.0, "")


@given(st.lists(st.tuples(unit, unit, unit), min_size=2, max_size=8))
def test_shares_sum_to_one(rows: list[tuple[float, float, float]]) -> None:
    columns = dict(zip(("verdict", "a", "b"), map(list, zip(*rows, strict=True)), strict=True))
    found = variance_shares(columns)
    if found.variance > 1e-12:
        assert sum(found.shares.values()) == pytest.approx(1)


@pytest.mark.parametrize("parts", [{}, {"verdict": []}, {"verdict": [1, 1], "a": [1]}, {"verdict": [1, math.nan]}])
def test_parts_that_do_not_fit_are_refused(parts: dict[str, list[float]]) -> None:
    with pytest.raises(ValueError, match="part"):
        variance_shares(parts)
