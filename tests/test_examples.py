"""Examples print what their docstrings say."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
PRINTS = "It prints\n\n"
SHORT = sorted(path.name for path in EXAMPLES.glob("own_*.py"))


@pytest.mark.parametrize("name", SHORT)
def test_an_example_prints_what_it_says(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    module = runpy.run_path(str(EXAMPLES / name))
    module["main"]()
    said = module["__doc__"].partition(PRINTS)[2]
    assert said.strip()
    assert capsys.readouterr().out.splitlines() == [line.strip() for line in said.strip().splitlines()]


def test_there_is_one_for_each_thing_of_ones_own() -> None:
    assert SHORT == ["own_desk.py", "own_env.py", "own_shop_goal.py"]
