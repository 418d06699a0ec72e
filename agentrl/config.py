"""Settings: strict TOML into frozen dataclasses, with command-line flags laid on top.

A setting's name, type and default stand once, in the dataclass; the string under a field is its help. TOML is
read strictly: an unknown name, a wrong type or a missing value is one `ConfigError` that names the setting.
There is no interpolation, no include and no environment variable: a value lives in one place.

A union of dataclasses is told apart by its `kind`:

    @dataclass(frozen=True)
    class Adam:
        kind: Literal["adam"] = "adam"
        lr: float = 1e-5
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import itertools
import json
import re
import tomllib
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from agentrl.errors import ConfigError, UsageError, suggest

__all__ = ["digest", "from_mapping", "load_toml", "parse_flags", "parse_options", "read_toml", "to_mapping"]

T = TypeVar("T")
_SCALARS = (bool, int, float, str)
_MAX_SHOWN = 60


def load_toml(path: Path | str, cls: type[T]) -> T:
    """Read a TOML file into a configuration.

    Raises:
        ConfigError: The file cannot be read, is not TOML, or has a setting that `cls` does not allow.
    """
    try:
        return from_mapping(read_toml(path), cls)
    except ConfigError as error:
        text = str(error)
        raise ConfigError(text if text.startswith(str(path)) else f"{path}: {text}") from None


def read_toml(path: Path | str) -> dict[str, Any]:
    """The tables of a TOML file.

    Raises:
        ConfigError: The file is missing, not readable, or not TOML.
    """
    try:
        return tomllib.loads(Path(path).read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not UTF-8 text, so not TOML") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from None


def from_mapping(data: Mapping[str, Any], cls: type[T]) -> T:
    """Build a configuration from nested mappings, such as TOML tables or a stored `config.json`.

    Raises:
        ConfigError: A setting is unknown, missing, or of the wrong type; the message starts with its name.
    """
    return typing.cast(T, _record(data, cls, ""))


def to_mapping(obj: Any) -> Any:
    """The resolved settings as JSON-able values; `from_mapping` gives back an equal object.

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Optim:
    ...     lr: float = 0.5
    ...     betas: tuple[float, ...] = (0.9, 0.99)
    >>> to_mapping(Optim())
    {'lr': 0.5, 'betas': [0.9, 0.99]}
    """
    if dataclasses.is_dataclass(obj) and not isinstance(obj, type):
        return {f.name: to_mapping(getattr(obj, f.name)) for f in dataclasses.fields(obj)}
    if isinstance(obj, Mapping):
        return {str(key): to_mapping(value) for key, value in obj.items()}
    if isinstance(obj, tuple | list):
        return [to_mapping(value) for value in obj]
    return str(obj) if isinstance(obj, Path) else obj


def digest(obj: Any) -> str:
    """A short hash of the resolved settings: equal settings have equal digests on every machine."""
    text = json.dumps(to_mapping(obj), sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def parse_flags(
    cls: type[T],
    args: Sequence[str],
    *,
    default: T | None = None,
    prog: str = "agentrl",
    description: str | None = None,
) -> T:
    """Read command-line flags into a configuration.

    Args:
        cls: A frozen dataclass; nested fields are dotted flags, `--optim.lr 3e-6`.
        args: The words of the command line.
        default: What the flags are laid on top of, such as a file's settings.
        prog: The command, for the help text.
        description: The help's first lines; default: the docstring of `cls`.

    Raises:
        UsageError: A flag is unknown, or its value does not fit.
        SystemExit: With code 0, after `--help` has been printed.
    """
    import tyro

    said = io.StringIO()
    base: dict[str, Any] = {} if default is None else {"default": default}  # tyro's own marker would require all
    try:
        with contextlib.redirect_stderr(said):
            return typing.cast(T, tyro.cli(cls, args=list(args), prog=prog, description=description, **base))
    except SystemExit as end:
        if end.code in (0, None):
            raise
    raise UsageError(f"{_one_line(said.getvalue(), cls)} (`{prog} --help` shows the flags)")


def parse_options(words: Sequence[str], flag: str = "--env") -> dict[str, Any]:
    """Read `key=value` words; a value is TOML where it reads as TOML, else text.

    Raises:
        UsageError: A word has no `=`, or a key comes twice.

    >>> parse_options(["level=3", "source=data/gsm8k", "strict=true"])
    {'level': 3, 'source': 'data/gsm8k', 'strict': True}
    """
    found: dict[str, Any] = {}
    for word in words:
        key, equals, raw = word.partition("=")
        if not equals or not key.isidentifier():
            raise UsageError(f"{flag} takes key=value, such as `{flag} level=3`, got {word!r}")
        if key in found:
            raise UsageError(f"{flag} {key} is given twice")
        found[key] = _toml_value(raw)
    return found


def _toml_value(raw: str) -> Any:
    if "\n" in raw:
        return raw
    try:
        value = tomllib.loads(f"value = {raw}")["value"]
    except tomllib.TOMLDecodeError:
        return raw
    return value if isinstance(value, (*_SCALARS, list, dict)) else raw  # dates stay text


# TOML values to fields.


def _record(data: Any, cls: Any, where: str) -> Any:
    if dataclasses.is_dataclass(data) and isinstance(data, cls):
        return data
    if not isinstance(data, Mapping):
        raise ConfigError(f"{where}: expected a table of {cls.__name__}, got {_show(data)}")
    hints = typing.get_type_hints(cls, include_extras=True)
    fields = {f.name: f for f in dataclasses.fields(cls) if f.init}
    for name in data:
        if name not in fields:
            raise ConfigError(f"{_join(where, name)}: {cls.__name__} has no such setting; {suggest(str(name), fields)}")
    values = {name: _convert(value, hints[name], _join(where, name)) for name, value in data.items()}
    for name, field in fields.items():
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if required and name not in values:
            raise ConfigError(f"{_join(where, name)}: {cls.__name__} needs this setting ({_name(hints[name])})")
    try:
        return cls(**values)
    except ValueError as error:  # what `__post_init__` refuses
        raise ConfigError(f"{where}: {error}" if where else str(error)) from None


def _convert(value: Any, hint: Any, where: str) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _convert(value, arguments[0], where)
    if origin in (Union, types.UnionType):
        return _union(value, arguments, where)
    if origin is Literal:
        return _literal(value, arguments, where)
    if dataclasses.is_dataclass(hint):
        return _record(value, hint, where)
    if origin is tuple or hint is tuple:
        return _tuple(value, arguments or (Any, ...), where)
    if isinstance(origin or hint, type) and issubclass(origin or hint, Mapping):
        return _table(value, arguments or (str, Any), where)
    return _scalar(value, hint, where)


def _scalar(value: Any, hint: Any, where: str) -> Any:
    if hint is Any:
        return value
    if hint in (None, types.NoneType):
        fits = value is None
    elif hint is Path and isinstance(value, str | Path):
        return Path(value)
    elif hint is float and type(value) is int:
        return float(value)
    elif hint in _SCALARS:
        fits = type(value) is hint  # not isinstance: True is an int
    else:
        raise TypeError(f"{where}: a setting cannot have the type {hint!r}")
    if not fits:
        raise ConfigError(f"{where}: expected {_name(hint)}, got {_show(value)}")
    return value


def _literal(value: Any, allowed: tuple[Any, ...], where: str) -> Any:
    if not any(type(value) is type(a) and value == a for a in allowed):
        hint = suggest(value, (str(a) for a in allowed)) if isinstance(value, str) else ""
        near = f"; {hint}" if hint.startswith("did") else ""
        raise ConfigError(f"{where}: {value!r} is none of {list(allowed)}{near}")
    return value


def _union(value: Any, members: tuple[Any, ...], where: str) -> Any:
    records = {kind: m for m in members if dataclasses.is_dataclass(m) for kind in _kinds(m)}
    if isinstance(value, Mapping) and list(records) == [None]:  # one record, or none: there is nothing to tell apart
        return _record(value, records[None], where)
    if isinstance(value, Mapping) and records:
        if "kind" not in value:
            raise ConfigError(f"{where}.kind: missing; say which of {sorted(records)}")
        if value["kind"] not in records:
            raise ConfigError(f"{where}.kind: {value['kind']!r} is none of {sorted(records)}")
        return _record(value, records[value["kind"]], where)
    plain = [m for m in members if m not in (None, types.NoneType)]
    if value is None and len(plain) < len(members):
        return None
    for member in plain:
        if len(plain) == 1:
            return _convert(value, member, where)
        with contextlib.suppress(ConfigError):
            return _convert(value, member, where)
    raise ConfigError(f"{where}: expected {' or '.join(_name(m) for m in plain)}, got {_show(value)}")


def _kinds(cls: Any) -> tuple[Any, ...]:
    hint = typing.get_type_hints(cls).get("kind")
    return get_args(hint) if get_origin(hint) is Literal else (None,)


def _tuple(value: Any, members: tuple[Any, ...], where: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise ConfigError(f"{where}: expected an array, got {_show(value)}")
    if members[-1] is ...:
        members = (members[0],) * len(value)
    if len(value) != len(members):
        raise ConfigError(f"{where}: expected {len(members)} values, got {len(value)}")
    return tuple(_convert(v, m, f"{where}[{i}]") for i, (v, m) in enumerate(zip(value, members, strict=True)))


def _table(value: Any, members: tuple[Any, ...], where: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigError(f"{where}: expected a table, got {_show(value)}")
    return {key: _convert(item, members[1], _join(where, key)) for key, item in value.items()}


def _join(where: str, name: object) -> str:
    return f"{where}.{name}" if where else str(name)


def _name(hint: Any) -> str:
    origin = get_origin(hint)
    if origin is Annotated:
        return _name(get_args(hint)[0])
    if origin in (Union, types.UnionType):
        return " or ".join(_name(a) for a in get_args(hint) if a is not types.NoneType)
    if origin is Literal:
        return "one of " + ", ".join(repr(a) for a in get_args(hint))
    return getattr(hint, "__name__", str(hint)) if origin is None else str(hint)


def _show(value: Any) -> str:
    if isinstance(value, Mapping):
        return "a table"
    kind = "array" if isinstance(value, list | tuple) else type(value).__name__
    text = repr(value)
    return f"{kind} {text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + '...'}"


# tyro's boxes to one line.


def _one_line(box: str, cls: Any) -> str:
    """The first paragraph of tyro's message; it draws no box around it where UTF-8 would not show."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", box)
    lines = [line.strip(" │") for line in plain.splitlines()]
    edges = [i for i, line in enumerate(lines) if not line.strip("-─") or line[0] in "╭╰"]
    first = edges[0] + 1 if edges else 0
    body = itertools.takewhile(lambda line: line.strip("-─") and line[0] != "╰", lines[first:])
    said = " ".join(body).rstrip(":. ") or "the command line could not be read"
    unknown = re.findall(r"--[\w.-]+", said) if said.startswith("Unrecognized") else []
    if unknown and unknown[0] in (known := set(_flags(cls))):
        return f"{unknown[0]} belongs to a choice that is not made; name the choice first, as in `optim:adam`"
    if unknown:
        return f"no flag {unknown[0]}: {suggest(unknown[0], known)}"
    if missing := re.match(r"Missing from [^:]*: (\S+)", said):
        return f"{missing[1]} is missing"
    said = said.removeprefix("Error parsing ").replace("Unrecognized options: ", "unknown argument ")
    for pattern, takes in _REFUSALS:
        said = pattern.sub(takes, said)
    return said[0].lower() + said[1:]


def _got(takes: str, words: str) -> str:
    return f"takes {takes}, got {words if len(words) <= _MAX_SHOWN else words[:_MAX_SHOWN] + '...'}"


def _got_other(match: re.Match[str]) -> str:
    """What a flag of several types takes; None is left out, as one who means it leaves out the flag."""
    names = [name.strip("{}") for name in match[1].split("|") if name != "{None}"]
    return _got(" or ".join(_METAVARS.get(name, name) for name in names), match[2])


def _choices(match: re.Match[str]) -> str:
    """The choices without None, in an order of their own: tyro has none for them."""
    return f"({', '.join(sorted(set(match[1].split(', ')) - {repr('None')}))})"


_METAVARS = {"INT": "a whole number", "FLOAT": "a number", "PATH": "a path", "STR": "a text"}
_REFUSALS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"no type matching (\S+) could be instantiated from \[(.*?)\](?:\.|$).*"), _got_other),
    (re.compile(r"invalid literal for int\(\) with base 10: (.*)"), lambda m: _got("a whole number", m[1])),
    (re.compile(r"could not convert string to float: (.*)"), lambda m: _got("a number", m[1])),
    (re.compile(r"Exceeds the limit \((\d+) digits\).*"), lambda m: f"takes a whole number of at most {m[1]} digits"),
    (re.compile(r"(?<=Expected one of )\((.*'None'.*)\)"), _choices),
)
"""What Python and tyro say about a value that does not fit, and how it is said here."""


def _flags(cls: Any, prefix: str = "--") -> Iterator[str]:
    """The names of all flags, those of choices that are not made included."""
    import tyro

    for name, hint in typing.get_type_hints(cls, include_extras=True).items():
        marks = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
        if tyro.conf.Positional in marks:
            continue
        named = next((m.name for m in marks if getattr(m, "name", None)), name.replace("_", "-"))
        bare = get_args(hint)[0] if marks else hint
        members = [m for m in (bare, *get_args(bare)) if dataclasses.is_dataclass(m)]
        if not members:
            yield prefix + named
        for member in members:
            yield from _flags(member, prefix if tyro.conf.OmitArgPrefixes in marks else f"{prefix}{named}.")
