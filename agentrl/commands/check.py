"""Check that an environment, a verifier or a recipe keeps its contract; exit 1 if one does not.

Gold answers score 1, seeds repeat, a fork equals a replay, and more. Below an environment stands its floor, what
policies that know nothing earn: silence, an echo, the best constant reply, random and noisy ones.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import tyro

from agentrl import registry
from agentrl.commands._shared import console, kinds_of, positive
from agentrl.config import from_mapping, parse_flags, parse_options, to_mapping
from agentrl.errors import UsageError

_CHECKED: tuple[registry.Kind, ...] = ("env", "verifier", "recipe")


@dataclass(frozen=True)
class Flags:
    """What to check."""

    ids: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="ID")] = ()
    """Ids of `agentrl list`, or paths to `.py` files."""
    all: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Check everything there is."""
    env: Annotated[tuple[str, ...], tyro.conf.UseAppendAction, tyro.conf.arg(metavar="KEY=VALUE")] = ()
    """An option of the environment as key=value; may be repeated."""
    tasks: int = 8
    """Tasks of each split that an environment's checks look at, and its floor is measured on."""
    episodes: int = 16
    """Random episodes of an environment that are forked."""


def main(args: list[str]) -> int:
    """Run the checks, print one line a plug-in and one a check that did not pass."""
    flags = parse_flags(Flags, args, prog="agentrl check", description=__doc__)
    if flags.all == bool(flags.ids):
        raise UsageError("name what to check, as in `agentrl check exact`, or give --all")
    positive("--tasks", flags.tasks)
    positive("--episodes", flags.episodes)
    out, failed = console(), 0
    for kind, id in _chosen(flags):
        results = _results(kind, id, flags)
        counts = {s: sum(r.status == s for r in results) for s in ("passed", "failed", "skipped")}
        failed += counts["failed"]
        said = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
        out.print(
            f"{kind} {id}: {said or 'no checks'}",
            style="red" if counts["failed"] else "green",
            soft_wrap=True,
        )
        for floors in (result.floors for result in results if result.floors):
            shown = ", ".join(map(str, floors))
            out.print(f"  floor  {shown}   (mean reward over {floors[0].tasks} tasks)", soft_wrap=True)
        for (status, why), names in _by_reason(results).items():
            out.print(f"  {status}  {', '.join(names)}: {why}", soft_wrap=True)
    return 1 if failed else 0


def _chosen(flags: Flags) -> Iterator[tuple[registry.Kind, str]]:
    if flags.all:
        yield from ((kind, id) for kind in _CHECKED for id in registry.ids(kind))
        return
    for id in flags.ids:
        kinds = [kind for kind in kinds_of(id) if kind in _CHECKED]
        if not kinds:
            raise UsageError(f"{id} is a {kinds_of(id)[0]}: only environments, verifiers and recipes have checks")
        yield from ((kind, id) for kind in kinds)


def _by_reason(results: Iterable[Any]) -> dict[tuple[str, str], list[str]]:
    """Names of the checks that did not pass, by status and reason: one absent file skips many checks."""
    found: dict[tuple[str, str], list[str]] = {}
    for result in results:
        if result.status != "passed":
            plain = " ".join(re.sub(r"\x1b\[[0-9;]*m", "", result.detail).split())
            why = re.sub(r"^\w+ skipped: ", "", plain)  # another check's skip, and its reason
            found.setdefault((result.status, why), []).append(result.name)
    return found


def _results(kind: registry.Kind, id: str, flags: Flags) -> Any:
    from agentrl import conformance

    if kind == "recipe":
        return [conformance.CheckResult(*found) for found in _recipe_checks(id)]
    if kind == "verifier":
        return conformance.check_verifier_plugin(id)
    options = parse_options(flags.env)
    return conformance.check_env_plugin(id, options, tasks=flags.tasks, episodes=flags.episodes)


def _recipe_checks(id: str) -> Iterator[tuple[str, Literal["passed", "failed"], str]]:
    """What a recipe must have for `agentrl train`: a card, settings that survive being stored, a `main`."""
    module = registry.find("recipe", id)
    params = getattr(module.Config, "__dataclass_params__", None)
    names = list(inspect.signature(module.main).parameters)
    for name, problem in (
        ("card", "" if module.__doc__ else "the module has no docstring"),
        ("frozen", "" if params and params.frozen else "Config must be a frozen dataclass"),
        ("settings", _settings_problem(module.Config)),
        ("main", "" if names == ["config", "run", "report"] else f"takes {names}, not (config, run, report)"),
    ):
        yield name, "failed" if problem else "passed", problem


def _settings_problem(config: Any) -> str:
    try:
        settings = config()
        again = from_mapping(json.loads(json.dumps(to_mapping(settings))), config)
    except TypeError as error:
        return f"every setting needs a default that JSON can hold: {error}"
    return "" if again == settings else "the settings change by being stored as JSON and read again"
