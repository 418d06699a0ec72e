"""Every error that agentrl raises on purpose, as one tree.

    AgentRLError
    ├── UsageError (ValueError)          the caller asked for something that cannot be; exit code 2
    │   ├── UnknownIdError (KeyError)    no plug-in, task or setting of that name; carries a suggestion
    │   ├── ConfigError                  a setting has the wrong name, type or value
    │   └── MissingExtraError (ImportError)  an optional dependency is not installed
    ├── DataError (ValueError)           a data file is absent, empty or not what it should be
    ├── RenderError (ValueError)         a chat template that cannot be rendered token for token
    ├── StoreError (OSError)             a run folder cannot be read or written
    │   └── CheckpointError              a checkpoint is torn, or of another model or configuration
    ├── InfraError (RuntimeError)        the machine failed, not the policy; the episode is tried again
    │   └── SandboxError                 a sandbox cannot give what it promises, or could not be set up
    ├── BoxError (ValueError)            a program filled its box beyond reading: the program's doing, not the machine's
    └── UnscorableError (RuntimeError)   too many groups could not be scored; the run stops

A message says what was got, what is allowed and what to do. A failure that the *policy* causes is not an error
but a `Verdict` with its status. Programming errors (a `TypeError` in an environment) are not caught: they
propagate with a note that names the episode.
"""

from __future__ import annotations

import difflib
import traceback
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

__all__ = [
    "AgentRLError",
    "BoxError",
    "CheckpointError",
    "ConfigError",
    "DataError",
    "InfraError",
    "MissingExtraError",
    "RenderError",
    "SandboxError",
    "StoreError",
    "UnknownIdError",
    "UnscorableError",
    "UsageError",
    "check_choice",
    "check_count",
    "check_names",
    "fault",
    "suggest",
]

_FAULT_CHARS = 300


class AgentRLError(Exception):
    """Root of the tree: everything agentrl raises on purpose."""

    def __str__(self) -> str:
        """The message itself: `KeyError` would print its repr, `OSError` an errno."""
        return str(self.args[0]) if self.args else ""


class UsageError(AgentRLError, ValueError):
    """The caller asked for something that cannot be."""


class UnknownIdError(UsageError, KeyError):
    """No plug-in, task or setting has that name."""


class ConfigError(UsageError):
    """A setting has the wrong name, type or value."""


class MissingExtraError(UsageError, ImportError):
    """An optional dependency is not installed."""


class DataError(AgentRLError, ValueError):
    """A data file is absent, empty or not what it should be."""


class RenderError(AgentRLError, ValueError):
    """A chat template cannot be rendered token for token."""


class StoreError(AgentRLError, OSError):
    """A run folder cannot be read or written."""


class CheckpointError(StoreError):
    """A checkpoint is torn, or belongs to another model or configuration."""


class InfraError(AgentRLError, RuntimeError):
    """The machine failed, not the policy: the episode is collected again on a fresh worker."""


class SandboxError(InfraError):
    """A sandbox cannot give what it promises on this host, or could not be set up."""


class BoxError(AgentRLError, ValueError):
    """A program left more in its box than can be read back; it is scored for that, like for any other failure."""


class UnscorableError(AgentRLError, RuntimeError):
    """The share of groups that could not be scored passed its limit."""


def check_choice(name: str, value: object, allowed: Sequence[str]) -> None:
    """See that an option has one of its values.

    Raises:
        ConfigError: It has another.

    >>> check_choice("reward", "all", ("all", "none"))
    """
    if not isinstance(value, str) or value not in allowed:
        raise ConfigError(f"{name} must be one of {', '.join(allowed)}; got {value!r}")


def check_count(name: str, value: object, *, least: int = 1, most: int | None = None) -> None:
    """See that an option is a whole number in its range; a truth value is none.

    Raises:
        ConfigError: It is not.

    >>> check_count("count", 10_000)
    >>> check_count("edits", 4, most=4)
    """
    if isinstance(value, int) and not isinstance(value, bool) and least <= value and (most is None or value <= most):
        return
    span = f", at least {least}" if most is None else f" from {least} to {most}"
    raise ConfigError(f"{name} must be a whole number{span}; got {value!r}")


def check_names(name: str, values: Iterable[object], known: Collection[str]) -> None:
    """See that an option lists nothing but names that there are.

    Raises:
        ConfigError: One is unknown (the message suggests the nearest), or the option is a text and no list.

    >>> check_names("kinds", ("sort", "find"), ("find", "sort", "count"))
    """
    if isinstance(values, str):
        raise ConfigError(f"{name} must be a list of names; got {values!r}")
    for value in values:
        if not isinstance(value, str) or value not in known:
            raise ConfigError(f"{name}: there is no {value!r}; {suggest(str(value), known)}")


def suggest(name: str, known: Iterable[str]) -> str:
    """Return a hint for an unknown name: the closest known one, else all of them.

    >>> suggest("gsm8", ["gsm8k", "math"])
    "did you mean 'gsm8k'?"
    >>> suggest("zzz", ["gsm8k", "math"])
    'known: gsm8k, math'
    """
    options = sorted(known)
    close = difflib.get_close_matches(name, options, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    return "known: " + (", ".join(options) if options else "none")


def fault(file: str, error: BaseException) -> str:
    """The file, the line in it, and what was raised there.

    >>> fault("a.py", SyntaxError("'(' was never closed", ("a.py", 3, 1, "f(")))
    "a.py, line 3: SyntaxError: '(' was never closed"
    >>> fault("a.py", SystemExit())
    'a.py: SystemExit'
    """
    said = str(error)
    path = Path(file).resolve()
    lines = [at.lineno for at in traceback.extract_tb(error.__traceback__) if Path(at.filename).resolve() == path]
    if isinstance(error, SyntaxError):
        said = error.msg
        own = error.filename is not None and Path(error.filename).resolve() == path
        lines = [error.lineno] if own else lines
    line = next((f", line {number}" for number in reversed(lines) if number), "")
    text = f"{type(error).__name__}: {said}".rstrip(": ")
    return f"{file}{line}: {' '.join(text.split())[:_FAULT_CHARS]}"
