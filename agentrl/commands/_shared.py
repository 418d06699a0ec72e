"""What several verbs need: cards read without importing, kinds of plug-ins, run folders."""

from __future__ import annotations

import ast
import datetime
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import agentrl
from agentrl import registry
from agentrl.errors import UnknownIdError, UsageError, suggest

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "KINDS",
    "card_path",
    "console",
    "first_line",
    "fresh_run_path",
    "kinds_of",
    "numbers",
    "positive",
]

KINDS: Mapping[str, registry.Kind] = {
    "envs": "env",
    "verifiers": "verifier",
    "sandboxes": "sandbox",
    "recipes": "recipe",
    "policies": "policy",
}
"""The name of a list, which is the name of its folder, and the kind of its members."""

_WIDTH = 160  # columns where the output is not a terminal


def console() -> Console:
    """Where tables are printed: as wide as the terminal, or wide and without colours in a file."""
    from rich.console import Console

    class Piped(Console):
        def on_broken_pipe(self) -> None:  # else it ends the process with 1, which says that a check failed
            raise BrokenPipeError

    return Piped(width=None if sys.stdout.isatty() else _WIDTH, highlight=False, markup=False)


def first_line(path: Path) -> str:
    """The first line of a module's docstring, read without importing it."""
    doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    return doc.strip().splitlines()[0] if doc else ""


def card_path(folder: str, id: str) -> Path | None:
    """The file that defines a plug-in of this package; None for one that came from elsewhere."""
    root = Path(agentrl.__file__).parent / folder
    found = (p for p in (root / f"{id}.py", root / id / "__init__.py") if p.is_file())
    return next(found, None)


def kinds_of(id: str) -> list[registry.Kind]:
    """What an id or a `.py` file is: an environment, a verifier, or several of these.

    Raises:
        UnknownIdError: Nothing has that id.
        UsageError: The file is no plug-in.
    """
    if id.endswith(".py"):
        return [_kind_of_file(id)]
    kinds = [kind for kind in KINDS.values() if id in registry.ids(kind)]
    if not kinds:
        known = {name for kind in KINDS.values() for name in registry.ids(kind)}
        raise UnknownIdError(f"nothing has the id {id!r}: {suggest(id, known)} (`agentrl list` shows all)")
    return kinds


def _kind_of_file(path: str) -> registry.Kind:
    module = registry.load_module("env", path)
    if callable(getattr(module, "verify", None)):
        return "verifier"
    if hasattr(module, "Config") and hasattr(module, "main"):
        return "recipe"
    own = [c for c in vars(module).values() if isinstance(c, type) and c.__module__ == module.__name__]
    if any(hasattr(c, "reset") and hasattr(c, "step") for c in own):
        return "env"
    raise UsageError(
        f"{path} is no plug-in: it needs an environment class, a function `verify`, or `Config` and `main` "
        "(`agentrl new env NAME` writes one to start from)"
    )


def fresh_run_path(verb: str, env: str) -> Path:
    """A path for a new run folder, named by what it holds and when it began."""
    now = datetime.datetime.now().astimezone()
    return Path("runs") / f"{verb}-{Path(env).stem}-{now:%Y%m%d-%H%M%S}"


def numbers(text: str, flag: str, most: int) -> tuple[int, ...]:
    """Read "1,8" as numbers from 1 to `most`.

    Raises:
        UsageError: It is not a list of such numbers.
    """
    try:
        found = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"{flag} takes whole numbers with commas, such as 1,8; got {text!r}") from None
    for number in found:
        if not 1 <= number <= most:
            raise UsageError(f"{flag} {number} is not in 1..{most}, the samples a task; raise --samples")
    return found


def positive(flag: str, value: int) -> None:
    """Refuse a count below 1.

    Raises:
        UsageError: It is below 1.
    """
    if value < 1:
        raise UsageError(f"{flag} must be at least 1, got {value}")
