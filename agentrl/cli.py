"""The command line: `agentrl VERB ...`.

A verb is a file in `agentrl/commands/`: its docstring is the help, its `main(args)` does the work and returns
the exit code. Exit codes: 0 done, 1 a check failed or the work could not be done, 2 wrong usage, 130
interrupted.
"""

from __future__ import annotations

import errno
import importlib
import importlib.metadata
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from agentrl.commands._shared import first_line
from agentrl.errors import AgentRLError, UnknownIdError, UsageError, suggest

__all__ = ["main"]

_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES)
_HEAD = """usage: agentrl VERB ...

Train and evaluate language-model agents on rewards that can be trusted.

verbs:
"""
_FOOT = """
`agentrl VERB --help` explains a verb. Start with `agentrl list` and `agentrl doctor`.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; every error is one line on stderr.

    Args:
        argv: The words after `agentrl`; default: those of this process.
    """
    args = list(sys.argv[1:] if argv is None else argv)
    try:
        code = _dispatch(args)
        sys.stdout.flush()  # here, so that a closed pipe is met inside the `try`
        return code
    except SystemExit as end:  # --help
        return end.code if isinstance(end.code, int) else 0
    except AgentRLError as error:
        return _complain(str(error), 2 if isinstance(error, UsageError) else 1)
    except KeyboardInterrupt as stop:
        return _complain(str(stop) or "interrupted", 130)
    except BrokenPipeError:
        _forget_stdout()
        return 128 + 13  # as if SIGPIPE had ended it
    except OSError as error:
        if error.errno not in _DISK:
            raise
        place = f": {error.filename}" if error.filename else ""
        return _complain(f"{os.strerror(error.errno).lower()}{place}", 1)


def verbs() -> dict[str, Path]:
    """Every verb and the file that holds it."""
    folder = Path(__file__).parent / "commands"
    return {p.stem: p for p in sorted(folder.glob("*.py")) if not p.stem.startswith("_")}


def _dispatch(args: list[str]) -> int:
    if not args or args[0] in ("-h", "--help", "help"):
        sys.stdout.write(_overview())
        return 0 if args else 2
    if args[0] in ("-V", "--version"):
        sys.stdout.write(f"agentrl {importlib.metadata.version('agentrl')}\n")
        return 0
    known = verbs()
    if args[0] not in known:
        raise UnknownIdError(f"no verb {args[0]!r}: {suggest(args[0], known)} (`agentrl --help` shows all)")
    code: int = importlib.import_module(f"agentrl.commands.{args[0]}").main(args[1:])
    return code


def _overview() -> str:
    lines = [f"  {verb:<9} {first_line(path)}" for verb, path in verbs().items()]
    return _HEAD + "\n".join(lines) + "\n" + _FOOT


def _complain(message: str, code: int) -> int:
    sys.stderr.write(f"agentrl: {' '.join(message.split())}\n")
    return code


def _forget_stdout() -> None:
    """Point stdout at nothing, so that the interpreter's last flush does not complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
