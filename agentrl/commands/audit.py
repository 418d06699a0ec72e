"""Attack a verifier, an environment or someone else's scorer; exit 1 if a wrong reply is paid or a call goes wrong.

ID is a verifier or an environment of `agentrl list` or a path to its file (`env:math` where one name is both),
`reasoning_gym:NAME`, `trl:NAME`, or a function `package.module:name` or `path/file.py:name` of (response, answer).

Examples: agentrl audit math
          agentrl audit gsm8k --env source=data/gsm8k
          agentrl audit my_rewards.py:score --tasks tasks.jsonl
"""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from agentrl.audit.records import Domain
from agentrl.commands._shared import console, kinds_of, positive
from agentrl.config import parse_flags, parse_options
from agentrl.data import read_jsonl
from agentrl.errors import DataError, StoreError, UsageError
from agentrl.interop.callables import Style

if TYPE_CHECKING:
    from rich.console import Console

    from agentrl.audit import Card, Row, Scorer

_REASONING_GYM = "reasoning_gym:"
_TRL = "trl:"
_STYLES: Mapping[str, str] = {"finding": "bold red", "clean": "green", "not applicable": "dim"}
_MARKS: Mapping[str, str] = {"finding": "FINDING", "clean": "clean", "not applicable": "-"}
_REPLY = 100
_MOST_S = 86_400


@dataclass(frozen=True)
class Flags:
    """What to attack, and how much."""

    id: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="ID")]
    """What is attacked; see above."""
    domain: Literal["auto", Domain] = "auto"
    """Which catalogue of attacks; auto is the one that the golds call for."""
    only: Annotated[str, tyro.conf.arg(metavar="ID,ID")] = ""
    """Names of checks and attacks, with commas; default: all."""
    n: Annotated[int, tyro.conf.arg(aliases=("-n",))] = 20
    """Most items to try."""
    seed: int = 0
    """Draws the items."""
    tasks: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """JSON Lines with `answer`, and optionally `prompt` and `response`, which is a right reply."""
    style: Style = "plain"
    """How a function is called: (response, answer), or as TRL calls a reward, with chats or with texts."""
    timeout: Annotated[float, tyro.conf.arg(metavar="SECONDS")] = 10.0
    """Deadline of one call."""
    option: Annotated[tuple[str, ...], tyro.conf.UseAppendAction, tyro.conf.arg(metavar="KEY=VALUE")] = ()
    """An option of the verifier or the data set as key=value; may be repeated."""
    env: Annotated[tuple[str, ...], tyro.conf.UseAppendAction, tyro.conf.arg(metavar="KEY=VALUE")] = ()
    """An option of the environment as key=value; may be repeated."""
    json: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Where the result goes as JSON."""


def main(args: list[str]) -> int:
    """Attack, print the table and the examples, write the JSON."""
    flags = parse_flags(Flags, args, prog="agentrl audit", description=__doc__)
    positive("-n", flags.n)
    if not 0 < flags.timeout <= _MOST_S:
        raise UsageError(f"--timeout must be over 0 seconds and at most {_MOST_S:,}, got {flags.timeout:g}")
    if flags.json is not None:
        _check_writable(flags.json)
    from agentrl.audit import audit
    from agentrl.audit.run import check_only

    only = tuple(word.strip() for word in flags.only.split(",") if word.strip())
    check_only(only)
    scorer = _scorer(flags)
    try:
        card = audit(scorer, only=only, n=flags.n, seed=flags.seed, tick=_ticker())
    finally:
        scorer.close()
    _show(card, console())
    if flags.json is not None:
        _write(flags.json, card)
    if all(row.verdict == "not applicable" for row in card.rows):
        raise DataError(f"{card.name}: none of these checks could be tried on its items of {card.domain}")
    return 1 if card.findings else 0


def _scorer(flags: Flags) -> Scorer:
    """What the id names, with its items."""
    options, env = parse_options(flags.option, "--option"), parse_options(flags.env)
    rows = None if flags.tasks is None else list(read_jsonl(flags.tasks))
    if rows == []:
        raise DataError(f"{flags.tasks} is empty: expected JSON Lines with `answer`")
    _refuse_stray(flags, env)
    domain = None if flags.domain == "auto" else flags.domain
    if flags.id.startswith(_REASONING_GYM):
        from agentrl.interop.reasoning_gym import open_data_set

        name = flags.id.removeprefix(_REASONING_GYM)
        return open_data_set(
            name, options=options, size=flags.n, seed=flags.seed, domain=domain, timeout_s=flags.timeout
        )
    if flags.id.startswith(_TRL):
        from agentrl.interop.trl import open_reward

        return open_reward(flags.id.removeprefix(_TRL), rows=rows, domain=domain, timeout_s=flags.timeout)
    kind, id = _kind(flags.id, env)
    if kind == "function":
        from agentrl.interop.callables import open_callable

        return open_callable(id, style=flags.style, rows=rows, domain=domain, timeout_s=flags.timeout)
    from agentrl.audit import EnvScorer, VerifierScorer

    if kind == "env":
        return EnvScorer(id, options=env, domain=domain, timeout_s=flags.timeout)
    return VerifierScorer(id, options=options, tasks=rows, domain=domain, timeout_s=flags.timeout)


def _kind(id: str, env: Mapping[str, Any]) -> tuple[str, str]:
    """Whether an id is a verifier, an environment or a function, and its name without a prefix."""
    prefix, colon, name = id.partition(":")
    if colon and prefix in ("env", "verifier"):
        if prefix not in kinds_of(name):
            raise UsageError(f"{name} is no {prefix}, it is: {', '.join(kinds_of(name))}")
        return prefix, name
    if colon:
        return "function", id
    kinds = [kind for kind in kinds_of(id) if kind in ("verifier", "env")]
    if not kinds:
        raise UsageError(f"{id} is a {kinds_of(id)[0]}: only verifiers and environments can be attacked")
    if "verifier" in kinds and not (env and "env" in kinds):
        return "verifier", id
    return "env", id


def _refuse_stray(flags: Flags, env: Mapping[str, Any]) -> None:
    """Flags that what is attacked does not read."""
    foreign = ":" in flags.id and not flags.id.startswith(("env:", "verifier:"))
    kind = "" if foreign else _kind(flags.id, env)[0]
    function = foreign and not flags.id.startswith((_REASONING_GYM, _TRL))
    for flag, given, fits, reader in (
        ("--env", flags.env, kind == "env", "an environment"),
        (
            "--option",
            flags.option,
            kind == "verifier" or flags.id.startswith(_REASONING_GYM),
            "a verifier or a data set",
        ),
        (
            "--tasks",
            flags.tasks,
            kind == "verifier" or (foreign and not flags.id.startswith(_REASONING_GYM)),
            "a scorer",
        ),
        ("--style", flags.style != "plain", function, "a function"),
    ):
        if given and not fits:
            raise UsageError(f"{flag} is for {reader}, and {flags.id} is none or brings its own")


def _ticker() -> Callable[[str], None]:
    """On a terminal, the check that is running."""
    if not sys.stderr.isatty():
        return lambda check: None
    return lambda check: print(f"\r\x1b[K{check}", end="", file=sys.stderr, flush=True)


def _show(card: Card, out: Console) -> None:
    """The table, the examples of what was found, and one line at the end."""
    from rich.table import Table

    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name, justify in (
        ("check", "left"),
        ("calls", "right"),
        ("hits", "right"),
        ("rate", "right"),
        ("verdict", "left"),
    ):
        table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]  # a literal, seen as str
    table.add_column("what would be wrong", overflow="fold")
    for row in card.rows:
        table.add_row(*_cells(row), style="dim" if row.verdict == "not applicable" else "")
    out.print(table)
    for row in card.findings:
        out.print()
        out.print(f"{row.check}: {row.asks}", style="bold", soft_wrap=True)
        for example in row.examples:
            out.print(f"  gold {_short(example.answer, 40)}  reply {_short(example.reply, _REPLY)}", soft_wrap=True)
            out.print(f"    {example.outcome}", soft_wrap=True)
    out.print()
    found = len(card.findings)
    said = f"{found} finding{'' if found == 1 else 's'}" if found else "no findings"
    ran = sum(row.verdict != "not applicable" for row in card.rows)
    out.print(
        f"{card.name}: {said} in {ran} checks, {card.calls} calls on {card.items} items of {card.domain}, "
        f"{card.seconds:.1f} s",
        style="bold red" if found else "bold green",
        soft_wrap=True,
    )


def _cells(row: Row) -> tuple[Any, ...]:
    from rich.text import Text

    from agentrl.evaluation.stats import wilson

    verdict = Text(_MARKS[row.verdict], style=_STYLES[row.verdict])
    if not row.tries:
        return row.check, "", "", "", verdict, row.asks
    low, high = wilson(row.hits, row.tries)
    mean = "" if row.mean is None else f"mean {row.mean:.3f}"
    notes = "; ".join(note for note in (row.detail, mean) if note)
    rate = f"{row.hits / row.tries:.2f} [{low:.2f}, {high:.2f}]"
    return row.check, str(row.tries), str(row.hits), rate, verdict, f"{row.asks}{f' ({notes})' if notes else ''}"


def _short(text: str, most: int) -> str:
    """One line that shows what cannot be seen."""
    plain = repr(text.encode("utf-8", "backslashreplace").decode())[1:-1].replace("\\\\", "\\")
    return plain if len(plain) <= most else f"{plain[: most - 3]}..."


def _check_writable(path: Path) -> None:
    """Refuse, before the work is done, a place where the result cannot go.

    Raises:
        UsageError: It is a folder, its folder is missing, or the rights are.
    """
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not path.exists():
            path.open("xb").close()
            path.unlink()
        elif not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise UsageError(f"--json {path} cannot be written: {(error.strerror or str(error)).lower()}") from None


def _write(path: Path, card: Card) -> None:
    try:
        path.write_text(json.dumps(card.to_json(), indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise StoreError(f"cannot write {path}: {(error.strerror or str(error)).lower()}") from None
