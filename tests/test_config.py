"""Settings: every mistake is one line that names the setting."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl.config import digest, from_mapping, load_toml, parse_flags, parse_options, read_toml, to_mapping
from agentrl.errors import ConfigError, UsageError


@dataclass(frozen=True)
class Adam:
    kind: Literal["adam"] = "adam"
    lr: float = 1e-5


@dataclass(frozen=True)
class Sgd:
    kind: Literal["sgd"] = "sgd"
    momentum: float = 0.0

    def __post_init__(self: Any) -> None:
        if self.momentum < 0:
            raise ValueError(f"momentum must be 0 or more, got {self.momentum}")


@dataclass(frozen=True)
class Model:
    name: str
    """What to load."""
    dtype: Literal["float32", "bfloat16"] = "float32"


@dataclass(frozen=True)
class Config:
    """A made-up training."""

    model: Model = field(default_factory=lambda: Model("tiny"))
    optim: Adam | Sgd = field(default_factory=Adam)
    seed: int = 0
    """Names the random streams."""
    strict: bool = False
    stop: tuple[str, ...] = ()
    span: tuple[int, int] = (0, 1)
    limit: int | None = None
    out: Path | None = None
    size: int | Literal["auto"] = "auto"
    options: dict[str, float] = field(default_factory=dict)
    level: Literal[0, 1] = 0
    way: Literal["plain", "fast"] | None = None


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"optim": {"kind": "adam", "lrr": 1}}, "optim.lrr: Adam has no such setting; did you mean 'lr'?"),
        ({"optim": {"kind": "adam", "lr": "fast"}}, "optim.lr: expected float, got str 'fast'"),
        ({"optim": {"kind": "adan"}}, "optim.kind: 'adan' is none of ['adam', 'sgd']"),
        ({"optim": {"lr": 1.0}}, "optim.kind: missing; say which of ['adam', 'sgd']"),
        ({"optim": {"kind": "sgd", "momentum": -1}}, "optim: momentum must be 0 or more, got -1.0"),
        ({"seed": True}, "seed: expected int, got bool True"),
        ({"seed": 1.0}, "seed: expected int, got float 1.0"),
        ({"strict": 1}, "strict: expected bool, got int 1"),
        ({"model": {}}, "model.name: Model needs this setting (str)"),
        ({"model": "tiny"}, "model: expected a table of Model, got str 'tiny'"),
        (
            {"model": {"name": "a", "dtype": "bfloat"}},
            "model.dtype: 'bfloat' is none of ['float32', 'bfloat16']; did you mean 'bfloat16'?",
        ),
        ({"stop": "x"}, "stop: expected an array, got str 'x'"),
        ({"stop": ["x", 3]}, "stop[1]: expected str, got int 3"),
        ({"span": [1]}, "span: expected 2 values, got 1"),
        ({"limit": "3"}, "limit: expected int, got str '3'"),
        ({"size": "small"}, "size: expected int or one of 'auto', got str 'small'"),
        ({"options": {"a": "b"}}, "options.a: expected float, got str 'b'"),
        ({"level": True}, "level: True is none of [0, 1]"),
        ({"sed": 1}, "sed: Config has no such setting; did you mean 'seed'?"),
        ({"seed": {"a": 1}}, "seed: expected int, got a table"),
    ],
)
def test_a_mistake_is_named(data: Any, message: Any) -> None:
    with pytest.raises(ConfigError, match=re.escape(message) + "$"):
        from_mapping(data, Config)


def test_values_of_every_type_are_read() -> None:
    data = {
        "model": {"name": "big", "dtype": "bfloat16"},
        "optim": {"kind": "sgd", "momentum": 1},
        "seed": 3,
        "strict": True,
        "stop": ["a", "b"],
        "span": [2, 3],
        "limit": None,
        "out": "x/y",
        "size": 4,
        "options": {"a": 1},
    }
    config = from_mapping(data, Config)
    assert config == Config(
        Model("big", "bfloat16"),
        Sgd(momentum=1.0),
        3,
        True,
        ("a", "b"),
        (2, 3),
        None,
        Path("x/y"),
        4,
        {"a": 1.0},
    )
    assert isinstance(config.optim, Sgd)
    assert type(config.optim.momentum) is float
    assert from_mapping(to_mapping(config), Config) == config


def test_toml_file(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text('seed = 7\n[optim]\nkind = "adam"\nlr = 3e-6\n', encoding="utf-8-sig")
    assert load_toml(path, Config) == Config(seed=7, optim=Adam(lr=3e-6))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file"),
        (b"seed = ", "not valid TOML: Invalid value"),
        (b"seed = '\xff'", "not UTF-8"),
        (b"sed = 1", r"run\.toml: sed: Config has no such setting"),
        (b"seed = 1\nseed = 2", "not valid TOML"),
    ],
)
def test_a_bad_file_is_one_line(tmp_path: Path, content: Any, message: Any) -> None:
    path = tmp_path / "run.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=message) as caught:
        load_toml(path, Config)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_folder_is_not_toml(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_toml(tmp_path)


def test_digest_follows_the_settings() -> None:
    assert digest(Config()) == digest(Config())
    assert digest(Config()) != digest(Config(seed=1))
    assert digest(Config(options={"a": 1.0, "b": 2.0})) == digest(Config(options={"b": 2.0, "a": 1.0}))


def test_flags_lie_on_top() -> None:
    base = Config(seed=7, model=Model("big"))
    config = parse_flags(Config, ["--model.dtype", "bfloat16", "--stop", "a", "b"], default=base)
    assert config == Config(seed=7, model=Model("big", "bfloat16"), stop=("a", "b"))
    assert parse_flags(Config, []) == Config()
    assert parse_flags(Config, ["optim:sgd", "--optim.momentum", "0.9"]).optim == Sgd(momentum=0.9)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--sed", "3"], "no flag --sed: did you mean '--seed'?"),
        (["--seed", "three"], "^--seed: takes a whole number, got 'three' "),
        (["--seed", "1.5"], "^--seed: takes a whole number, got '1.5' "),
        (["--seed", "x" * 500], r"^--seed: takes a whole number, got 'x[x ]{58}\.\.\. "),
        (["--seed", "1" * 5000], "^--seed: takes a whole number of at most 4300 digits "),
        (["optim:adam", "--optim.lr", "low"], "^--optim.lr: takes a number, got 'low' "),
        (["--limit", "few"], "^--limit: takes a whole number, got 'few' "),
        (["--size", "few"], "^--size: takes a whole number or auto, got 'few' "),
        (["--way", "odd"], r"^invalid choice 'odd' for argument '--way'. Expected one of \('fast', 'plain'\) "),
        (["--seed"], "--seed"),
        (["--model.dtype", "int4"], "'int4'.*bfloat16"),
        (["--optim.momentum", "3"], "--optim.momentum belongs to a choice that is not made"),
        (["optim:sgd", "--optim.momentum", "-3"], "momentum must be 0 or more"),
        (["word"], "unknown argument word"),
    ],
)
def test_a_wrong_flag_is_one_line(args: Any, message: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        parse_flags(Config, args, prog="agentrl made-up")
    assert "\n" not in str(caught.value)
    assert "agentrl made-up --help" in str(caught.value)
    assert capsys.readouterr() == ("", "")


def test_a_required_flag_is_named() -> None:
    with pytest.raises(UsageError, match=r"^--name is missing"):
        parse_flags(Model, [])


def test_help_shows_the_strings_under_the_fields(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        parse_flags(Config, ["--help"], description="What it is.")
    assert end.value.code in (0, None)
    shown = capsys.readouterr().out
    assert "What it is." in shown
    assert "Names the random streams." in shown


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("3", 3),
        ("0.5", 0.5),
        ("true", True),
        ("[1, 2]", [1, 2]),
        ('"7"', "7"),
        ("data/x", "data/x"),
        ("", ""),
        ("2024-01-02", "2024-01-02"),
        ("x=y", "x=y"),
        ("1\nother = 2", "1\nother = 2"),
    ],
)
def test_options_are_toml_values_or_text(raw: str, value: Any) -> None:
    assert parse_options([f"a={raw}", "b=1"]) == {"a": value, "b": 1}


@pytest.mark.parametrize(
    ("words", "message"), [(["level"], "key=value"), (["=3"], "key=value"), (["a=1", "a=2"], "twice")]
)
def test_options_that_are_none(words: Any, message: Any) -> None:
    with pytest.raises(UsageError, match=message):
        parse_options(words)


_ANYTHING = st.sampled_from([None, True, 0, 3, 0.5, "", "auto", "x", [], ["x"], [1, 2], {}, {"kind": "sgd"}])


@given(st.dictionaries(st.sampled_from(["seed", "strict", "stop", "limit", "size", "optim", "nothing"]), _ANYTHING))
def test_any_mapping_gives_a_config_or_a_config_error(data: Any) -> None:
    try:
        config = from_mapping(data, Config)
    except ConfigError as error:
        assert re.split(r"[:.[]", str(error))[0] in data  # noqa: PT017
    else:
        assert from_mapping(to_mapping(config), Config) == config


@dataclass(frozen=True)
class Adapter:
    rank: int = 8


@dataclass(frozen=True)
class WithAdapter:
    adapter: Adapter | None = None


def test_one_record_or_none_needs_no_kind() -> None:
    assert from_mapping({"adapter": {"rank": 2}}, WithAdapter) == WithAdapter(Adapter(2))
    assert from_mapping({}, WithAdapter) == WithAdapter(None)
    assert from_mapping({"adapter": None}, WithAdapter) == WithAdapter(None)
    with pytest.raises(ConfigError, match=r"adapter\.rnk: Adapter has no such setting; did you mean 'rank'"):
        from_mapping({"adapter": {"rnk": 2}}, WithAdapter)
