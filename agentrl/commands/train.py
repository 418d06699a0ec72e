"""Train with a recipe: settings from a TOML file or a preset, flags on top, everything into a run folder.

Examples:
  agentrl train grpo --preset dapo --env.id arithmetic --env level=2 --loop.steps 50
  agentrl train grpo run.toml --optim.lr 3e-6 --run runs/mine
  agentrl train --resume runs/mine

`agentrl train RECIPE --help` lists the recipe's settings.
"""

from __future__ import annotations

import contextlib
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import tyro

from agentrl import recipes, registry
from agentrl.commands._shared import console, fresh_run_path
from agentrl.config import load_toml, parse_flags, parse_options
from agentrl.errors import UsageError
from agentrl.evaluation.report import html
from agentrl.store import Run

Record = Mapping[str, Any]
_SHOWN = ("reward", "success", "canary_reward", "format", "length", "loss", "entropy")
_CORRECTION = ("acc@t1", "acc@t2", "i->c(t1,t2)", "c->i(t1,t2)")


@dataclass(frozen=True)
class Flags:
    """What to train; further flags are settings of the recipe."""

    recipe: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RECIPE")] = ""
    """A recipe of `agentrl list recipes`, or a path to its file."""
    file: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="[FILE.toml]")] = ""
    """Settings; without it, the recipe's defaults."""
    preset: Annotated[str, tyro.conf.arg(metavar="NAME")] = ""
    """Settings that come with the recipe, instead of a file."""
    env: Annotated[tuple[str, ...], tyro.conf.UseAppendAction, tyro.conf.arg(metavar="KEY=VALUE")] = ()
    """An option of the environment; may be repeated."""
    run: Annotated[Path | None, tyro.conf.arg(metavar="RUN")] = None
    """The run folder to make; default: a new one in runs/."""
    resume: Annotated[Path | None, tyro.conf.arg(metavar="RUN")] = None
    """Continue this run instead, with its own settings."""


def main(args: list[str]) -> int:
    """Train or resume, show progress, and leave a report in the run folder."""
    own, settings = _split(args)
    flags = parse_flags(Flags, own, prog="agentrl train", description=__doc__)
    if flags.resume is not None:
        if settings or flags != Flags(resume=flags.resume):
            raise UsageError("--resume goes on with the run's own settings; it takes nothing beside it")
        with _continuable(flags.resume), _shown(Run.open(flags.resume).config) as report:
            recipes.resume(flags.resume, report=report)
        return _finish(flags.resume)
    if not flags.recipe:
        raise UsageError("name a recipe, as in `agentrl train grpo`, or give --resume RUN")
    config = _config(flags, settings)
    run = flags.run or fresh_run_path("train", flags.recipe)
    with _continuable(run), _shown({"config": {"loop": {"steps": _steps(config)}}}) as report:
        recipes.train(flags.recipe, config, run=run, report=report)
    return _finish(run)


def _split(args: list[str]) -> tuple[list[str], list[str]]:
    """The words that this verb reads, and those that are settings of the recipe."""
    own: list[str] = []
    rest = list(args)
    while rest and len(own) < 2 and not rest[0].startswith("-") and (not own or rest[0].endswith(".toml")):
        own.append(rest.pop(0))
    settings: list[str] = []
    while rest:
        word = rest.pop(0)
        name, equals, _ = word.partition("=")
        if name in ("--preset", "--run", "--resume", "--env"):
            own += [word] if equals or not rest else [word, rest.pop(0)]
        else:
            settings.append(word)
    if not own and settings:  # no recipe: nothing else can be meant for one
        return settings, []
    return own, settings


def _config(flags: Flags, settings: list[str]) -> Any:
    module = registry.find("recipe", flags.recipe)
    if flags.file and flags.preset:
        raise UsageError(f"give a file or a preset, not both; got {flags.file} and --preset {flags.preset}")
    file = recipes.preset(flags.recipe, flags.preset) if flags.preset else flags.file
    base = load_toml(file, module.Config) if file else None
    known = recipes.presets(flags.recipe)
    card = f"{inspect.getdoc(module) or ''}\n\nPresets: {', '.join(known) or 'none'}"
    prog = f"agentrl train {flags.recipe}"
    config = parse_flags(module.Config, settings, default=base, prog=prog, description=card)
    return _with_env(config, parse_options(flags.env)) if flags.env else config


def _with_env(config: Any, options: Mapping[str, Any]) -> Any:
    """Lay options of the environment on top of those that the settings have."""
    if not hasattr(getattr(config, "env", None), "options"):
        raise UsageError("this recipe has no environment, so it takes no --env")
    env = replace(config.env, options={**config.env.options, **options})
    return replace(config, env=env)


def _steps(config: Any) -> int:
    return int(getattr(getattr(config, "loop", None), "steps", 0))


@contextlib.contextmanager
def _continuable(run: Path) -> Iterator[None]:
    """Say how to go on after an interrupt."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"interrupted; `agentrl train --resume {run}` goes on") from None


@contextlib.contextmanager
def _shown(stored: Record) -> Iterator[Callable[[Record], None]]:
    """Show each record: evaluations as lines, steps as a bar on a terminal or as lines in a log."""
    steps = stored.get("config", {}).get("loop", {}).get("steps") or None
    if not sys.stderr.isatty():
        yield lambda record: print(_line(record, steps), file=sys.stderr, flush=True)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=steps)

        def show(record: Record) -> None:
            if record["kind"] == "train":
                bar.update(task, completed=record["step"] + 1, description=_numbers(record))
            else:
                bar.console.print(_line(record, steps), highlight=False)

        yield show


def _line(record: Record, steps: int | None) -> str:
    if record["kind"] == "warning":
        return f"warning at step {record['step']}: {record['message']}"
    if record["kind"] == "eval":
        solved = record.get("pass_at", {}).get("1", {})
        interval = "" if solved.get("low") is None else f" [{solved['low']:.3f}, {solved['high']:.3f}]"
        readable = f", format {record['format_rate']:.1%}" if "format_rate" in record else ""
        mean = solved.get("mean", float("nan"))
        return f"eval at step {record['step']}: pass@1 {mean:.3f}{interval}{readable}{_attempts(record)}"
    of = f"/{steps}" if steps else ""
    return f"step {record['step'] + 1}{of}  {_numbers(record)}"


def _attempts(record: Record) -> str:
    """Of an evaluation with a second attempt: both accuracies, and what it mended and broke."""
    figures = record.get("correction", {}).get("figures", {})
    known = ((name, figures.get(name, {}).get("mean")) for name in _CORRECTION)
    return "".join(f"  {name.partition('(')[0]} {mean:.3f}" for name, mean in known if mean is not None)


def _numbers(record: Record) -> str:
    known = (name for name in _SHOWN if isinstance(record.get(name), int | float))
    return "  ".join(f"{name} {record[name]:.4g}" for name in known)


def _finish(path: Path) -> int:
    run = Run.open(path)
    out = console()
    out.print(f"run: {run.path}", soft_wrap=True)
    if run.shards():
        turns = max((record.get("correction", {}).get("turns", 1) for record in run.metrics()), default=1)
        out.print(f"report: {html(run, run.path / 'report.html', turns=turns)}", soft_wrap=True)
    return 0
