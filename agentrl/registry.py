"""Ids to plug-ins: the file name is the id, and adding a file is all it takes.

An id is looked for, in this order, among objects given to `register`, the files of `agentrl/<kind>s/`, and the
entry points of the group `agentrl.<kind>s`; an id that ends in `.py` is a path. What a module offers:

    env       its one public class with `reset` and `step`
    verifier  its function `verify(task, transcript, *, ...)`; the keyword-only parameters are its options
    sandbox   its function `open`
    policy    its function `open`
    recipe    the module itself: a frozen `Config` and `main(config)`
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

import gymnasium

from agentrl.errors import AgentRLError, UnknownIdError, UsageError, fault, suggest
from agentrl.protocols import Verifier
from agentrl.types import Message, Task, Transcript, Verdict

if TYPE_CHECKING:
    from agentrl.environment import Env

__all__ = [
    "Kind",
    "find",
    "grade",
    "ids",
    "load_module",
    "load_verifier",
    "make",
    "register",
    "register_gymnasium",
]

Kind = Literal["env", "verifier", "sandbox", "policy", "recipe"]

_FOLDERS: Mapping[str, str] = {
    "env": "envs",
    "verifier": "verifiers",
    "sandbox": "sandboxes",
    "policy": "policies",
    "recipe": "recipes",
}
_FUNCTIONS: Mapping[str, str] = {"verifier": "verify", "sandbox": "open", "policy": "open"}
_registered: dict[tuple[str, str], Any] = {}


def ids(kind: Kind) -> list[str]:
    """Every known id of a kind, sorted; nothing is imported."""
    _check_kind(kind)
    named = [id for k, id in _registered if k == kind]
    return sorted({*_files(kind), *named, *(e.name for e in _entry_points(kind))})


def register(kind: Kind, id: str, obj: Any) -> None:
    """Add a plug-in under an id for this process; an environment becomes a Gymnasium id as well.

    Args:
        kind: "env", "verifier", "sandbox", "policy" or "recipe".
        id: Its name; must not be taken by another object.
        obj: A class for an environment, a function for a verifier, a module for a recipe.

    Raises:
        UsageError: The id is taken, or the object is not callable.
    """
    _check_kind(kind)
    taken = _registered.get((kind, id))
    if id in _files(kind) or (taken is not None and taken is not obj):
        raise UsageError(f"{kind} {id!r} is already registered; choose another id")
    if kind in ("env", "verifier") and not callable(obj):
        raise UsageError(f"{kind} {id!r} must be a class or a function, got {type(obj).__name__}")
    _registered[kind, id] = obj
    if kind == "env":
        _register_gymnasium(id)


def find(kind: Kind, id: str) -> Any:
    """The plug-in behind an id: a class, a function, or for a recipe a module.

    Raises:
        UnknownIdError: There is none; the message suggests the nearest.
        UsageError: The file does not hold what its kind needs.
    """
    _check_kind(kind)
    if (kind, id) in _registered:
        return _registered[kind, id]
    if not id.endswith(".py") and id not in _files(kind):
        for entry in _entry_points(kind):
            if entry.name == id:
                return entry.load()
    return _plugin(kind, id, load_module(kind, id))


def load_module(kind: Kind, id: str) -> ModuleType:
    """The module that defines a plug-in; its docstring is the plug-in's card.

    Raises:
        UnknownIdError: No such id or file.
    """
    if (kind, id) in _registered:
        return cast(ModuleType, inspect.getmodule(_registered[kind, id]))
    if id.endswith(".py"):
        return _load_path(Path(id))
    if id in _files(kind):
        return importlib.import_module(f"agentrl.{_FOLDERS[kind]}.{id}")
    for entry in _entry_points(kind):
        if entry.name == id:
            return importlib.import_module(entry.module)
    raise UnknownIdError(f"no {kind} {id!r}: {suggest(id, ids(kind))} (`agentrl list {_FOLDERS[kind]}` shows all)")


def make(id: str, **options: Any) -> Env:
    """Make an environment: the bare one, without Gymnasium's wrappers.

    Args:
        id: A registered id, a file name in `envs/`, an entry point, or a path to a `.py` file.
        **options: Passed to the environment; checked against its signature.

    Raises:
        UnknownIdError: No such environment.
        UsageError: An option it does not have.
    """
    target = find("env", id)
    check_options(f"environment {id!r}", target, options)
    return cast("Env", target(**options))


def make_for_gymnasium(env_id: str, **options: Any) -> Env:
    """`make` under a parameter name that `gymnasium.make` does not use itself."""
    return make(env_id, **options)


def grade(verifier: str, response: str | Transcript, answer: Any, **fields: Any) -> Verdict:
    r"""Grade one response against an answer.

    Args:
        verifier: A verifier's id, or a path to its file.
        response: What the policy said; a `Transcript` for a verifier that looks at calls, states or files.
        answer: The gold answer.
        **fields: The verifier's options; checked against its signature.

    >>> grade("exact", " Paris ", "Paris").status
    'correct'
    """
    verify = load_verifier(verifier, **fields)
    task = Task("grade", (), answer)
    seen = Transcript((Message("assistant", response),)) if isinstance(response, str) else response
    return verify(task, seen)


def load_verifier(id: str, **options: Any) -> Verifier:
    """A verifier with its options bound.

    Raises:
        UnknownIdError: No such verifier.
        UsageError: An option it does not have.
    """
    verify = find("verifier", id)
    check_options(f"verifier {id!r}", verify, options)
    return cast(Verifier, functools.partial(verify, **options) if options else verify)


def check_options(what: str, target: Callable[..., Any], options: Mapping[str, Any]) -> None:
    """Compare keyword options with a signature.

    Raises:
        UsageError: One is unknown (the message suggests the nearest), or a required one is missing.
    """
    keyword = {
        name: p for name, p in inspect.signature(target).parameters.items() if p.kind is inspect.Parameter.KEYWORD_ONLY
    }
    for name in options:
        if name not in keyword:
            raise UsageError(f"{what} has no option {name!r}: {suggest(name, keyword)}")
    missing = [n for n, p in keyword.items() if p.default is p.empty and n not in options]
    if missing:
        raise UsageError(f"{what} needs the option {missing[0]!r}")


def register_gymnasium() -> None:
    """Make every environment of this package known to Gymnasium; called on import, imports no environment."""
    for id in _files("env"):
        _register_gymnasium(id)


def gymnasium_id(id: str) -> str:
    """The Gymnasium id of an environment.

    >>> gymnasium_id("gsm8k"), gymnasium_id("fol_prove")
    ('agentrl/GSM8K-v0', 'agentrl/FolProve-v0')
    """
    parts = [p.upper() if any(c.isdigit() for c in p) else p.capitalize() for p in id.split("_")]
    return f"agentrl/{''.join(parts)}-v0"


def _register_gymnasium(id: str) -> None:
    name = gymnasium_id(id)
    if name not in gymnasium.registry:
        # The checker wraps every step; conformance runs it instead.
        gymnasium.register(
            name,
            entry_point="agentrl.registry:make_for_gymnasium",
            kwargs={"env_id": id},
            disable_env_checker=True,
        )


@functools.cache
def _files(kind: str) -> frozenset[str]:
    folder = Path(__file__).parent / _FOLDERS[kind]
    if folder.is_file():
        raise UsageError(
            f"{folder} is a file where a link should be: this checkout was made without symbolic links; "
            "clone again with `git -c core.symlinks=true clone`"
        )
    if not folder.is_dir():
        raise UsageError(f"{folder} is missing: the installation is not complete; install agentrl again")
    names = (p.stem if p.suffix == ".py" else p.name for p in folder.iterdir() if p.suffix == ".py" or p.is_dir())
    return frozenset(n for n in names if not n.startswith(("_", ".")))


@functools.cache
def _entry_points(kind: str) -> tuple[importlib.metadata.EntryPoint, ...]:
    return tuple(importlib.metadata.entry_points(group=f"agentrl.{_FOLDERS[kind]}"))


def _load_path(path: Path) -> ModuleType:
    if not path.is_file():
        raise UnknownIdError(f"no file {path}")
    name = f"agentrl_file_{path.stem}"
    loaded = sys.modules.get(name)
    if loaded is not None and loaded.__file__ == str(path.resolve()):
        return loaded
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, AgentRLError) or not isinstance(error, (Exception, SystemExit)):
            raise
        raise UsageError(f"cannot load {fault(str(path), error)}") from error  # a file may raise anything
    return module


def _plugin(kind: str, id: str, module: ModuleType) -> Any:
    if kind == "recipe":
        return module
    if kind == "env":
        found = [
            obj
            for name, obj in vars(module).items()
            if inspect.isclass(obj)
            and obj.__module__ == module.__name__
            and not name.startswith("_")
            and hasattr(obj, "reset")
            and hasattr(obj, "step")
        ]
        if len(found) != 1:
            names = ", ".join(c.__name__ for c in found) or "none"
            raise UsageError(f"{module.__file__} must define one public environment class, it has: {names}")
        return found[0]
    function = getattr(module, _FUNCTIONS[kind], None)
    if not callable(function):
        raise UsageError(f"{module.__file__} must define `{_FUNCTIONS[kind]}` to be a {kind}")
    return function


def _check_kind(kind: str) -> None:
    if kind not in get_args(Kind):
        raise UsageError(f"no kind {kind!r}: {suggest(kind, get_args(Kind))}")
