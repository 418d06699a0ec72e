"""Options and fixtures for all tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

DataDir = Callable[[str], Path]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--data-dir", default="data/", help="folder with public data sets, one folder each (default: data/)"
    )


@pytest.fixture
def data_dir(request: pytest.FixtureRequest) -> DataDir:
    """A function from a name in the data folder to its path; skips the test where it is absent."""
    root = Path(request.config.getoption("--data-dir"))

    def find(name: str) -> Path:
        path = root / name
        if not path.exists():
            pytest.skip(f"{path} is not there: name the folder that holds {name} with --data-dir=PATH")
        return path

    return find
