"""List environments, verifiers, sandboxes, recipes and policies, with a line on each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import tyro

from agentrl import registry
from agentrl.commands._shared import KINDS, card_path, console, first_line
from agentrl.config import parse_flags
from agentrl.errors import UnknownIdError, suggest


@dataclass(frozen=True)
class Flags:
    """What to list."""

    what: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="|".join(KINDS))] = "all"
    """One kind; without it, all."""


def main(args: list[str]) -> int:
    """Print a table for each kind; no plug-in is imported."""
    flags = parse_flags(Flags, args, prog="agentrl list", description=__doc__)
    if flags.what != "all" and flags.what not in KINDS:
        raise UnknownIdError(f"no list {flags.what!r}: {suggest(flags.what, KINDS)}")
    from rich.text import Text

    out = console()
    for folder in KINDS if flags.what == "all" else (flags.what,):
        ids = registry.ids(KINDS[folder])
        width = max((len(id) for id in ids), default=0)
        out.print(folder if ids else f"{folder}: none yet", style="bold underline")
        for id in ids:
            path = card_path(folder, id)
            line = first_line(path) if path else "(from another package)"
            out.print(Text.assemble("  ", (f"{id:<{width}}", "bold"), f"  {line}"), soft_wrap=True)
    return 0
