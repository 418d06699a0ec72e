"""Run one program in a sandbox, or check what sandboxes promise: `sandbox run FILE`, `sandbox check [BACKEND...]`.

`run` ends as the program did: its exit code; 124 for a time limit, 137 for memory or output, 128 + N for signal N.
`check` tries the escapes, floods and leaks of the conformance probes; exit 1 where one gets through, or where a back
end that was named does not open here.
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from agentrl import registry
from agentrl.commands._shared import console
from agentrl.config import parse_flags, parse_options
from agentrl.errors import SandboxError, UnknownIdError, UsageError, suggest
from agentrl.programs import ExecResult, Limits, Python
from agentrl.sandbox import open_sandbox

if TYPE_CHECKING:
    from rich.text import Text

    from agentrl.probes import ProbeResult

_DEFAULT = Limits()
_SHOWN = {"pass": "pass", "fail": "FAIL", "not_claimed": "not claimed", "skipped": "skipped"}


@dataclass(frozen=True)
class RunFlags:
    """One Python program, once."""

    file: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="FILE")]
    """A .py file, or - for a program on stdin."""
    backend: str = "zygote"
    """An id of `agentrl list sandboxes`."""
    stdin_file: str = ""
    """A file with the program's input, - for this command's own; default: no input."""
    wall_s: float = _DEFAULT.wall_s
    """Seconds from its start to its end."""
    cpu_s: float = _DEFAULT.cpu_s
    """Seconds of CPU time."""
    memory_mib: int = _DEFAULT.memory_mib
    """Resident memory of all its processes."""
    option: Annotated[tuple[str, ...], tyro.conf.UseAppendAction, tyro.conf.arg(metavar="KEY=VALUE")] = ()
    """An option of the back end (`agentrl show ID`), such as modules='["numpy"]'; may be repeated."""


@dataclass(frozen=True)
class CheckFlags:
    """The conformance probes."""

    backends: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="BACKEND")] = ()
    """Ids of `agentrl list sandboxes`, or paths to `.py` files; default: all."""
    only: str = ""
    """Numbers of the probes to run, such as 1,8,13."""
    json: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Print the results as JSON."""
    option: Annotated[tuple[str, ...], tyro.conf.UseAppendAction, tyro.conf.arg(metavar="KEY=VALUE")] = ()
    """An option of the one back end that is named, such as image=python:3.12-slim; may be repeated."""


@dataclass(frozen=True)
class _Outcome:
    """What was found out about one back end; `refused` says why it does not open here."""

    backend: str
    refused: str = ""
    results: Sequence[ProbeResult] = ()


def main(args: list[str]) -> int:
    """Do what the first word says."""
    verbs = {"run": _run, "check": _check}
    if not args or args[0] in ("-h", "--help"):
        print(f"usage: agentrl sandbox {{{','.join(verbs)}}} ...\n\n{__doc__}")
        return 0 if args else 2
    if args[0] not in verbs:
        raise UnknownIdError(f"no `agentrl sandbox {args[0]}`: {suggest(args[0], verbs)}")
    return verbs[args[0]](args[1:])


def _run(args: list[str]) -> int:
    flags = parse_flags(RunFlags, args, prog="agentrl sandbox run", description=__doc__)
    if flags.file == flags.stdin_file == "-":
        raise UsageError("the program and its input cannot both come from stdin: put one of them into a file")
    if flags.file != "-" and not flags.file.endswith(".py"):
        raise UsageError(f"a program is a .py file, or - for one on stdin; got {flags.file}")
    source = _content(flags.file)
    limits = Limits(wall_s=flags.wall_s, cpu_s=flags.cpu_s, memory_mib=flags.memory_mib)
    stdin = _content(flags.stdin_file) if flags.stdin_file else b""
    try:
        program = Python(source.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise UsageError(f"{flags.file}: not UTF-8 text, so not a program") from None
    with open_sandbox(flags.backend, **_options(flags.option)) as sandbox:
        result = sandbox.run(program, stdin=stdin, limits=limits)
    if not result.ran:
        raise SandboxError(f"the sandbox {flags.backend!r} failed, not the program: {result.detail}")
    sys.stdout.buffer.write(result.stdout)
    sys.stdout.flush()
    sys.stderr.buffer.write(result.stderr)
    sys.stderr.write(f"{_status(result)}\n")
    return _exit_code(result)


def _options(words: Sequence[str]) -> dict[str, Any]:
    """Options of a back end; TOML's arrays are its tuples."""
    given = parse_options(words, "--option")
    return {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}


def _content(path: str) -> bytes:
    if path == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None


def _status(result: ExecResult) -> str:
    """One line: the status, and what was used."""
    code = f"exit code {result.exit_code}" if result.exit_code is not None else f"signal {result.signal}"
    met = f" ({result.limit})" if result.limit else ""
    return (
        f"agentrl sandbox: {result.status}{met}, {code}, {result.wall_s:.2f} s wall, {result.cpu_s:.2f} s CPU, "
        f"{result.max_rss_mib:.0f} MiB"
    )


def _exit_code(result: ExecResult) -> int:
    if result.status in ("timeout_wall", "timeout_cpu"):
        return 124
    if result.status in ("oom", "output_limit"):
        return 137
    return result.exit_code if result.exit_code is not None else 128 + (result.signal or 0)


def _check(args: list[str]) -> int:
    flags = parse_flags(CheckFlags, args, prog="agentrl sandbox check", description=__doc__)
    only = _numbers(flags.only)
    options = _options(flags.option)
    if options and len(flags.backends) != 1:
        raise UsageError(f"--option goes with one back end, got {len(flags.backends)}: name the one that it is of")
    for id in flags.backends:  # a wrong name is told before the first probe runs
        opener = registry.find("sandbox", id)
        if options:
            registry.check_options(f"sandbox {id!r}", opener, options)
    outcomes = [_probed(id, options, only) for id in flags.backends or registry.ids("sandbox")]
    if flags.json:
        print(json.dumps([asdict(outcome) for outcome in outcomes], indent=2))
    else:
        _print(outcomes)
    failed = any(result.outcome == "fail" for outcome in outcomes for result in outcome.results)
    refused = any(outcome.refused for outcome in outcomes if outcome.backend in flags.backends)
    return 1 if failed or refused or not any(outcome.results for outcome in outcomes) else 0


def _numbers(text: str) -> frozenset[int] | None:
    from agentrl.probes import all_probes

    if not text:
        return None
    known = {probe.number for probe in all_probes()}
    words = [word.strip() for word in text.split(",")]
    wrong = [word for word in words if not word.isdecimal() or int(word) not in known]
    if wrong:
        raise UsageError(f"--only takes numbers from 1 to {max(known)} with commas, such as 1,8,13; got {wrong[0]!r}")
    return frozenset(map(int, words))


def _probed(id: str, options: Mapping[str, Any], only: frozenset[int] | None) -> _Outcome:
    from agentrl.probes import run_probes

    def tell(result: ProbeResult) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[K{id} {result.number} {result.name}"[:79])

    try:
        results = run_probes(functools.partial(open_sandbox, id, **options), only=only, on_result=tell)
    except SandboxError as error:
        return _Outcome(id, refused=str(error))
    finally:
        if sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")
    return _Outcome(id, results=results)


def _print(outcomes: Sequence[_Outcome]) -> None:
    """A row a probe and a column a back end; below, a line for each that failed, was skipped, or does not open."""
    from rich.table import Table

    out = console()
    opened = [outcome for outcome in outcomes if outcome.results]
    if opened:
        table = Table("", "probe", *(outcome.backend for outcome in opened), box=None, pad_edge=False)
        for rows in zip(*(outcome.results for outcome in opened), strict=True):
            cells = (_cell(result) for result in rows)
            table.add_row(str(rows[0].number), rows[0].name, *cells)
        out.print(table)
    for outcome in outcomes:
        if outcome.refused:
            out.print(f"{outcome.backend}  does not open here: {outcome.refused}", soft_wrap=True)
        for result in outcome.results:
            if result.outcome in ("fail", "skipped"):
                word = _SHOWN[result.outcome]
                out.print(f"{outcome.backend}  {word} {result.number} {result.name}: {result.detail}", soft_wrap=True)


_STYLES: Mapping[str, str] = {"pass": "green", "fail": "bold red", "not_claimed": "dim", "skipped": "yellow"}


def _cell(result: ProbeResult) -> Text:
    from rich.text import Text

    return Text(_SHOWN[result.outcome], style=_STYLES[result.outcome])
