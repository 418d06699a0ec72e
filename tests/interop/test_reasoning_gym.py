"""Known faults of reasoning-gym 0.1.25 are found by its audit; skipped where it is not installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import Any

import pytest

from agentrl.audit import audit
from agentrl.errors import UnknownIdError, UsageError
from agentrl.interop.foreign import Foreign
from agentrl.interop.reasoning_gym import open_data_set

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("reasoning_gym") is None, reason="needs reasoning-gym: pip install reasoning-gym"
)


@pytest.fixture
def opened() -> Iterator[Any]:
    made: list[Foreign] = []

    def call(*given: Any, **named: Any) -> Foreign:
        made.append(open_data_set(*given, **named))
        return made[-1]

    yield call
    for scorer in made:
        scorer.close()


def test_any_answer_is_paid(opened: Any) -> None:
    card = audit(opened("game_of_life_halting"))
    rows = {row.check: row for row in card.rows}
    for check in ("mutation", "noise", "constant", "M13"):
        assert rows[check].verdict == "finding", check
    assert rows["oracle"].verdict == "clean"
    assert (rows["mutation"].hits, rows["mutation"].tries) == (20, 20)


def test_a_reply_is_run_as_code(opened: Any) -> None:
    """`countdown` hands the reply to sympy's `parse_expr`."""
    card = audit(opened("countdown", size=2), only=["M8"])
    assert card.findings[0].examples[0].outcome == "it was run: it created a file"


def test_text_raises(opened: Any) -> None:
    (row,) = audit(opened("boxnet", size=2), only=["odd_text"]).findings
    assert "TypeError: 'int' object is not iterable" in {example.outcome for example in row.examples}


def test_one_constant_is_right(opened: Any) -> None:
    row = audit(opened("coin_flip", size=100), n=100, only=["constant"]).rows[0]
    assert row.verdict == "finding"
    assert row.detail == "best: '0'"
    assert row.mean is not None
    assert row.mean > 0.85


def test_a_sound_one_is_clean(opened: Any) -> None:
    card = audit(opened("number_format"))
    assert card.findings == ()
    assert card.items == 20


def test_items_follow_the_seed_and_the_options(opened: Any) -> None:
    first, same = opened("gcd", size=2, seed=1), opened("gcd", options={"size": 2, "seed": 1})
    assert first.items() == same.items()
    assert first.items()[0].prompt != first.items()[1].prompt
    assert len(first.items()) == 2


def test_names_and_settings_that_do_not_exist() -> None:
    with pytest.raises(UnknownIdError, match="no data set 'gcdd': did you mean 'gcd'"):
        open_data_set("gcdd")


def test_a_setting_that_does_not_exist() -> None:
    with pytest.raises(UsageError, match="cannot be loaded"):
        open_data_set("gcd", options={"no_such_setting": 1})
