"""Ids: what is found, what is said when nothing is, and where plug-ins may live."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import gymnasium
import pytest

import agentrl
from agentrl import registry
from agentrl.environment import Env, SingleTurnEnv
from agentrl.errors import UnknownIdError, UsageError
from agentrl.types import Split, Task, Transcript, Verdict

ENV_FILE = """
from agentrl.environment import SingleTurnEnv
from agentrl.types import Task
class Pets(SingleTurnEnv):
    def __init__(self, *, sound: str, split="train", render_mode=None):
        super().__init__(split=split, render_mode=render_mode)
        self.sound = sound
    def tasks(self, split):
        return [Task.ask("cat", "What does a cat say?", self.sound)]
"""


class _Pets(SingleTurnEnv):
    def tasks(self, split: Split) -> Sequence[Task]:
        return [Task.ask("cat", "What does a cat say?", "meow")]


def _always(task: Task, transcript: Transcript, *, score: float = 1.0) -> Verdict:
    return Verdict(score, "correct" if score == 1.0 else "partial")


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test registers is gone after it."""
    known = set(gymnasium.registry)
    monkeypatch.setattr(registry, "_registered", {})
    yield
    for name in set(gymnasium.registry) - known:
        del gymnasium.registry[name]


def test_ids_are_the_files() -> None:
    assert {"arithmetic", "gsm8k", "math"} <= set(registry.ids("env"))
    assert {"exact", "math"} <= set(registry.ids("verifier"))
    assert registry.ids("env") == sorted(registry.ids("env"))
    assert not any(id.startswith(("_", ".")) for id in registry.ids("env"))


@pytest.mark.parametrize(
    ("kind", "id", "message"),
    [
        ("env", "arithmatic", r"no env 'arithmatic': did you mean 'arithmetic'\? \(`agentrl list envs` shows all\)"),
        ("verifier", "zzzz", "no verifier 'zzzz': known: .*exact.*math"),
        ("env", "absent.py", "no file absent.py"),
    ],
)
def test_an_unknown_id_gets_a_suggestion(kind: registry.Kind, id: str, message: str) -> None:
    with pytest.raises(UnknownIdError, match=message):
        registry.find(kind, id)


def test_an_unknown_kind_gets_a_suggestion() -> None:
    with pytest.raises(UsageError, match="no kind 'envs': did you mean 'env'"):
        registry.ids("envs")  # type: ignore[arg-type]


def test_options_are_checked_against_the_signature(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"environment 'arithmetic' has no option 'levl': did you mean 'level'\?"):
        agentrl.make("arithmetic", levl=3)
    with pytest.raises(UsageError, match=r"verifier 'math' has no option 'mode': known: allow, extract, form, kind"):
        agentrl.grade("math", "5", "5", mode="hash")
    with pytest.raises(UsageError, match=r"verifier 'exact' has no option 'task'"):
        agentrl.grade("exact", "5", "5", task="mine")  # positional parameters are not options
    path = tmp_path / "pets_needing_sound.py"
    path.write_text(ENV_FILE)
    with pytest.raises(UsageError, match="needs the option 'sound'"):
        agentrl.make(str(path))


@pytest.mark.usefixtures("clean")
def test_a_registered_environment_is_made_and_a_gymnasium_id() -> None:
    agentrl.register("env", "my_pets", _Pets)
    agentrl.register("env", "my_pets", _Pets)  # the same again is no conflict
    assert "my_pets" in registry.ids("env")
    assert type(agentrl.make("my_pets")) is _Pets
    assert type(gymnasium.make("agentrl/MyPets-v0").unwrapped) is _Pets
    assert registry.load_module("env", "my_pets").__doc__ == __doc__


@pytest.mark.usefixtures("clean")
def test_an_id_is_taken_once() -> None:
    agentrl.register("env", "my_pets", _Pets)
    with pytest.raises(UsageError, match="env 'my_pets' is already registered; choose another id"):
        agentrl.register("env", "my_pets", type("Other", (_Pets,), {}))
    with pytest.raises(UsageError, match="env 'arithmetic' is already registered"):
        agentrl.register("env", "arithmetic", _Pets)
    with pytest.raises(UsageError, match="verifier 'seven' must be a class or a function, got int"):
        agentrl.register("verifier", "seven", 7)


@pytest.mark.usefixtures("clean")
def test_a_registered_verifier_grades_with_its_options() -> None:
    agentrl.register("verifier", "always", _always)
    assert agentrl.grade("always", "x", "y").success
    assert agentrl.grade("always", "x", "y", score=0.5).score == 0.5
    verify = registry.load_verifier("always", score=0.25)
    assert verify(Task("t", ()), Transcript(())).score == 0.25


def test_a_path_is_an_id(tmp_path: Path) -> None:
    path = tmp_path / "pets_by_path.py"
    path.write_text(ENV_FILE)
    env = agentrl.make(str(path), sound="meow")
    env.reset(seed=0)
    assert env.step("meow")[1] == 1.0
    assert registry.find("env", str(path)) is type(env)  # loaded once


def test_a_relative_path_is_an_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("relative_pets.py").write_text(ENV_FILE)
    assert agentrl.make(os.path.join(".", "relative_pets.py"), sound="meow").reset()[1]["task"] == "cat"


@pytest.mark.parametrize(
    ("source", "kind", "message"),
    [
        ("x = 1", "env", "must define one public environment class, it has: none"),
        (ENV_FILE + "class Other(Pets): ...", "env", "one public environment class, it has: Pets, Other"),
        ("def check(): ...", "verifier", "must define `verify` to be a verifier"),
    ],
)
def test_a_file_that_is_no_plugin(source: str, kind: registry.Kind, message: str, tmp_path: Path) -> None:
    path = tmp_path / f"no_plugin_{len(source)}.py"
    path.write_text(source)
    with pytest.raises(UsageError, match=message):
        registry.find(kind, str(path))


@pytest.mark.parametrize(
    ("id", "name"),
    [
        ("arithmetic", "agentrl/Arithmetic-v0"),
        ("gsm8k", "agentrl/GSM8K-v0"),
        ("math", "agentrl/Math-v0"),
    ],
)
def test_environments_are_gymnasium_ids(id: str, name: str) -> None:
    assert registry.gymnasium_id(id) == name
    assert name in gymnasium.registry


def test_gymnasium_makes_with_options() -> None:
    env = gymnasium.make("agentrl:agentrl/Arithmetic-v0", level=1, render_mode="ansi")
    assert isinstance(env.unwrapped, Env)
    assert vars(env.unwrapped)["level"] == 1
    assert env.unwrapped.render_mode == "ansi"
    with pytest.raises(UsageError, match="has no option 'levels'"):
        gymnasium.make("agentrl/Arithmetic-v0", levels=1)


@pytest.fixture
def distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An installed package with entry points, on `sys.path` for one test."""
    info = tmp_path / "pet_shop-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pet-shop\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[agentrl.envs]\npets = pet_shop_plugin:Pets\narithmetic = pet_shop_plugin:Pets\n"
        "[agentrl.verifiers]\nloud = pet_shop_plugin:loud\n"
    )
    (tmp_path / "pet_shop_plugin.py").write_text(
        '"""A pet shop."""\n' + ENV_FILE + "from agentrl.types import Verdict\n"
        "def loud(task, transcript, *, least: int = 3):\n"
        "    return Verdict(float(len(transcript.reply) >= least), 'partial')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    registry._entry_points.cache_clear()
    yield
    registry._entry_points.cache_clear()


@pytest.mark.usefixtures("distribution")
def test_entry_points_of_other_packages() -> None:
    assert "pets" in registry.ids("env")
    assert agentrl.make("pets", sound="meow").reset()[1]["task"] == "cat"
    assert agentrl.grade("loud", "meow", None, least=5).score == 0.0
    assert registry.load_module("env", "pets").__doc__ == "A pet shop."
    assert registry.find("env", "arithmetic").__name__ == "Arithmetic"  # a file goes before an entry point
    with pytest.raises(UnknownIdError, match="did you mean 'pets'"):
        registry.find("env", "petz")
