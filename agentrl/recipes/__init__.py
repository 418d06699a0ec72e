"""Recipes: one file a paper or algorithm, each with a frozen `Config` and `main(config, run)`.

`train` starts one, `resume` continues a run folder. Presets are TOML files in `_presets/<recipe>/`.
"""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentrl import config as configs
from agentrl import registry
from agentrl.errors import ConfigError, UnknownIdError, UsageError, suggest
from agentrl.store import Run

if TYPE_CHECKING:
    from agentrl.learn.loop import Result

__all__ = ["preset", "presets", "resume", "train"]

Report = Callable[[Mapping[str, Any]], None]


def train(
    recipe: str, config: Any | None = None, *, run: Path | str | None = None, report: Report | None = None
) -> Result:
    """Run a recipe from the start.

    Args:
        recipe: Its id, or a path to its file.
        config: The recipe's `Config`, a mapping of settings, a path to a TOML file, or None for the defaults.
        run: The run folder to make; default: `runs/<recipe>-<time>`.
        report: Called with each metrics record.

    Raises:
        ConfigError: A setting is wrong.
        StoreError: The folder exists, or the disk is full.
    """
    module = registry.find("recipe", recipe)
    settled = _settle(module.Config, config)
    folder = Path(run) if run is not None else _fresh(Path(recipe).stem)
    record = {"recipe": recipe, "config": configs.to_mapping(settled)}
    made = Run.create(folder, record)
    try:
        result: Result = module.main(settled, made, report)
    except UsageError:
        if not made.shards():  # refused before it began: leave nothing behind
            shutil.rmtree(made.path)
        raise
    return result


def resume(run: Path | str, *, report: Report | None = None) -> Result:
    """Continue a run that was stopped, from its last checkpoint and its committed rollouts.

    Raises:
        StoreError: There is no such run, or it is damaged.
        ConfigError: It is not a training run.
    """
    opened = Run.open(run)
    if "recipe" not in opened.config:
        raise ConfigError(f"{run} is not a training run (its config.json names no recipe)")
    module = registry.find("recipe", opened.config["recipe"])
    result: Result = module.main(configs.from_mapping(opened.config["config"], module.Config), opened, report)
    return result


def presets(recipe: str) -> list[str]:
    """Names of a recipe's presets, sorted."""
    return sorted(p.stem for p in (Path(__file__).parent / "_presets" / recipe).glob("*.toml"))


def preset(recipe: str, name: str) -> Path:
    """The TOML file of a preset.

    Raises:
        UnknownIdError: The recipe has none of that name.
    """
    if name not in presets(recipe):
        raise UnknownIdError(f"recipe {recipe!r} has no preset {name!r}: {suggest(name, presets(recipe))}")
    return Path(__file__).parent / "_presets" / recipe / f"{name}.toml"


def _settle(cls: type, config: Any | None) -> Any:
    if config is None:
        return cls()
    if isinstance(config, str | Path):
        return configs.load_toml(config, cls)
    if isinstance(config, Mapping):
        return configs.from_mapping(config, cls)
    if not isinstance(config, cls):
        raise ConfigError(
            f"expected {cls.__module__}.{cls.__name__}, a mapping or a TOML file, got {type(config).__name__}"
        )
    return config


def _fresh(recipe: str) -> Path:
    now = datetime.datetime.now().astimezone()
    return Path("runs") / f"{recipe}-{now:%Y%m%d-%H%M%S}"
