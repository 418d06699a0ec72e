"""Options and fixtures for all tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

DataDir = Callable[[str], Path]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--data-dir", default="data/", help="folder with public data sets, one folder each (default: data/)"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Under `-n`, keep a file's tests in one process, and in the same one all that count processes and mounts."""
    if config.pluginmanager.hasplugin("xdist"):
        for item in items:
            path = item.path.as_posix()
            alone = "sandbox" in path or path.endswith(("test_workers.py", "attacks_code.py"))
            item.add_marker(pytest.mark.xdist_group("boxes" if alone else path))


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


@pytest.fixture
def one_thread() -> Iterator[None]:
    """One thread for torch: tiny models are an order of magnitude slower on several."""
    import torch  # most tests do without

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
