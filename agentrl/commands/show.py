"""Show the card of an environment, verifier, sandbox, recipe or policy: what it is, its options, its file."""

from __future__ import annotations

import dataclasses
import inspect
import re
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import tyro

from agentrl import registry
from agentrl.commands._shared import console, kinds_of
from agentrl.config import parse_flags


@dataclass(frozen=True)
class Flags:
    """What to show."""

    id: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="ID")]
    """An id of `agentrl list`, or a path to a `.py` file."""


@dataclass(frozen=True)
class _Option:
    name: str
    kind: str
    default: str
    help: str = ""


def main(args: list[str]) -> int:
    """Print the card; where several kinds have the id, one card after the other."""
    flags = parse_flags(Flags, args, prog="agentrl show", description=__doc__)
    out = console()
    for kind in kinds_of(flags.id):
        target, module = registry.find(kind, flags.id), registry.load_module(kind, flags.id)
        options = list(_settings(target.Config) if kind == "recipe" else _options(target))
        out.print(f"{kind} {flags.id}", style="bold underline")
        out.print(inspect.getdoc(module) or "(no card: the module has no docstring)", soft_wrap=True)
        out.print("\noptions" if options else "\nno options", style="bold")
        names = max((len(o.name) for o in options), default=0)
        kinds = max((len(o.kind) for o in options), default=0)
        for o in options:
            out.print(f"  {o.name:<{names}}  {o.kind:<{kinds}}  {o.default:<14}  {o.help}".rstrip(), soft_wrap=True)
        if kind == "recipe":
            out.print(f"  (`agentrl train {flags.id} --help` explains each)")
        if kind == "env" and not flags.id.endswith(".py"):
            out.print(f'\ngymnasium.make("agentrl:{registry.gymnasium_id(flags.id)}")')
        out.print(f"\nsource: {inspect.getsourcefile(module)}\n", soft_wrap=True)
    return 0


def _options(target: Any) -> Iterator[_Option]:
    """The keyword-only parameters of a function or a class, with their lines in its docstring."""
    doc = "\n".join(filter(None, (inspect.getdoc(c) for c in reversed(getattr(target, "__mro__", (target,))))))
    for name, parameter in inspect.signature(target, eval_str=True).parameters.items():
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            said = re.findall(rf"^( +){name}: (.*(?:\n\1 +.*)*)", doc, re.MULTILINE)
            help = " ".join(said[-1][1].split()) if said else ""
            hint = "" if parameter.annotation is parameter.empty else _name(parameter.annotation)
            yield _Option(name, hint, _default(parameter.default, parameter.empty), help)


def _settings(config: type, prefix: str = "", made: Any = None) -> Iterator[_Option]:
    """The settings of a recipe, with dotted names; `made` is the default object that they are part of."""
    hints = typing.get_type_hints(config)
    for field in dataclasses.fields(config):
        name, hint = prefix + field.name, hints[field.name]
        value = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
        if made is not None:
            value = getattr(made, field.name)
        if dataclasses.is_dataclass(hint) and isinstance(hint, type):
            yield from _settings(hint, f"{name}.", None if value is dataclasses.MISSING else value)
        else:
            yield _Option(name, _name(hint), _default(value, dataclasses.MISSING))


def _default(value: Any, missing: Any) -> str:
    return "(required)" if value is missing else f"= {value!r}"


def _name(hint: Any) -> str:
    """A type as a newcomer reads it: the choices of a `Literal` by themselves."""
    text = hint.__name__ if isinstance(hint, type) else str(hint)
    text = re.sub(r"(\w+\.)+(?=\w)", "", text)  # the class, not its module
    return re.sub(r"Literal\[([^]]*)\]", lambda m: m[1].replace(", ", " | "), text)
