"""The facade: the names that stay put."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import pytest

import agentrl

PUBLIC = [
    *(
        "Env",
        "Message",
        "MultiTurnEnv",
        "Outcome",
        "Rollout",
        "SingleTurnEnv",
        "Task",
        "Transcript",
        "Verdict",
    ),
    *("evaluate", "grade", "make", "register", "rollout", "train"),
]


def run(code: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_all_is_exact_and_sorted() -> None:
    assert agentrl.__all__ == PUBLIC
    assert agentrl.__all__ == sorted(agentrl.__all__)


@pytest.mark.parametrize("name", PUBLIC)
def test_name_resolves_to_what_it_says(name: str) -> None:
    value = getattr(agentrl, name)
    assert callable(value)
    assert value.__name__ == name
    assert value.__doc__
    assert name in dir(agentrl)


def test_no_name_equals_a_submodule() -> None:
    # Importing `agentrl.rollout`, were there such a module, would replace the function of that name.
    submodules = {module.name for module in pkgutil.iter_modules(agentrl.__path__)}
    assert {"registry", "types"} <= submodules
    assert submodules.isdisjoint(PUBLIC)


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'agentrl' has no attribute 'rolout'"):
        _ = agentrl.rolout


def test_import_is_light() -> None:
    heavy = {"torch", "transformers", "datasets", "matplotlib", "rich", "tyro"}
    assert run(f"import sys, agentrl; print(sorted({heavy!r} & set(sys.modules)))") == "[]"


def test_names_load_when_first_used() -> None:
    loaded = "'agentrl.episodes' in sys.modules"
    code = f"import sys, agentrl; before = {loaded}; agentrl.rollout; print(before, {loaded})"
    assert run(code) == "False True"


def test_star_import_brings_the_names() -> None:
    assert (
        run("from agentrl import *; print(sorted(set(dir()) & {'make', 'train', 'registry'}))") == "['make', 'train']"
    )


def test_gymnasium_finds_the_environments() -> None:
    code = (
        "import gymnasium, agentrl.registry as r; names = {r.gymnasium_id(i) for i in r.ids('env')};"
        "print(bool(names), names <= set(gymnasium.registry))"
    )
    assert run(code) == "True True"
