"""The two processes of a graded function: one holds the solution, the other, apart from it, runs its tests.

Runs by itself (`python -I -S functions.py`, or `main()` in a fork) from the standard library alone. Frames go over the
first stdin and stdout: four bytes of length, most significant first, then JSON. The first one says what to be:

    {"mode": "serve", "source", "seed", "cap", "iterators", "objects"}  hold a solution; answer what is asked of it
    {"mode": "check", "setup", "tests", "names", "cap", "seed", "units"}  run tests; ask for the solution's names

Asked are {"id", "do": "entry" | "get" | "set" | "call", ...}; answers are ["ok", id, value], ["error", id, type,
message, traceback] or ["refused", id, why]. A value is typed JSON, in which only plain types have a spelling:

>>> encode({"a": (1, 2.0, True)})
'{"dict":[["a",{"tuple":[1,2.0,true]}]]}'
>>> decode({"dict": [["a", {"tuple": [1, 2.0, True]}]]})
{'a': (1, 2.0, True)}
"""

from __future__ import annotations

import builtins
import collections
import contextlib
import itertools
import json
import linecache
import math
import os
import sys
import traceback
import types
from collections.abc import Callable, Iterator
from json.encoder import encode_basestring_ascii
from typing import Any

# Functions look builtins up where their module found them: in this copy, out of a solution's reach by name.
globals()["__builtins__"] = _BUILTINS = dict(vars(builtins))

MAX_DEPTH = 50
MAX_DIGITS = 4300
MAX_ITEMS = 20000
_TEXT, _FILE = 2000, "solution.py"
_read, _write, _exit = os.read, os.write, os._exit
_SEQUENCES = {tuple: "tuple", set: "set", frozenset: "frozenset"}
_MAPPINGS = (dict, collections.defaultdict, collections.OrderedDict, collections.Counter)
_VIEWS: tuple[type, ...] = (range, type({}.keys()), type({}.values()), type({}.items()))
_TYPES = {kind.__name__: kind for kind in (bool, int, float, complex, str, bytes, list, tuple, set, frozenset, dict)}
_SCALARS: dict[str, Callable[[Any], Any]] = {
    "float": {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}.__getitem__,
    "bytes": bytes.fromhex,
    "type": _TYPES.__getitem__,
}
_COLLECTIONS: dict[str, Callable[[list[Any]], Any]] = {
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "dict": dict,
    "complex": lambda parts: complex(*parts),
    "iterator": iter,
}
# Raised by a solution inside a test's `map`, these would end it early: `all` of nothing is true.
_NOT_RAISED = (StopIteration, StopAsyncIteration)


class Refused(Exception):
    """A value, or a message, that may not cross."""


def _no_other(value: Any) -> str:
    raise Refused(f"a value of type {type(value).__name__} cannot be compared; return plain Python values")


def encode(value: Any, other: Callable[[Any], str] = _no_other, depth: int = 0) -> str:
    """A value as typed JSON text; `other` encodes what has no spelling of its own.

    Raises:
        Refused: It is of another type (a subclass too), nested too deep, or an integer of too many digits.
    """
    kind = type(value)
    if value is None or kind is bool:
        return {None: "null", True: "true", False: "false"}[value]
    if kind is str:
        return encode_basestring_ascii(value)
    if kind is int:
        if value.bit_length() > MAX_DIGITS * 3.3219:
            raise Refused(f"an integer of more than {MAX_DIGITS} digits")
        return int.__repr__(value)
    if kind is float:
        return float.__repr__(value) if math.isfinite(value) else f'{{"float":"{value!r}"}}'
    if depth > MAX_DEPTH:
        raise Refused(f"a value nested deeper than {MAX_DEPTH}")
    return _encode_composed(value, kind, other, depth + 1)


def _encode_composed(value: Any, kind: type, other: Callable[[Any], str], depth: int) -> str:
    if kind in (list, collections.deque):
        return "[" + ",".join([encode(item, other, depth) for item in value]) + "]"
    if kind in _SEQUENCES:
        return f'{{"{_SEQUENCES[kind]}":[' + ",".join([encode(item, other, depth) for item in value]) + "]}"
    if kind in _MAPPINGS:
        pairs = [f"[{encode(key, other, depth)},{encode(item, other, depth)}]" for key, item in dict.items(value)]
        return '{"dict":[' + ",".join(pairs) + "]}"
    if kind in (bytes, bytearray):
        return f'{{"bytes":"{value.hex()}"}}'
    if kind is type and value in _TYPES.values():
        return f'{{"type":"{value.__name__}"}}'
    if kind is complex:
        return f'{{"complex":[{encode(value.real)},{encode(value.imag)}]}}'
    return other(value)


def _is_iterator(value: Any) -> bool:
    return type(value) in _VIEWS or hasattr(type(value), "__next__")


def _no_ref(number: int) -> Any:
    raise Refused("a reference where none is allowed")


def decode(tree: Any, resolve: Callable[[int], Any] = _no_ref, depth: int = 0) -> Any:
    """The value of strict JSON; `resolve` turns a reference's number into an object.

    Raises:
        Refused: Unknown tag, wrong content, or nested too deep.
    """
    if tree is None or type(tree) in (bool, int, float, str):
        return tree
    if depth > MAX_DEPTH:
        raise Refused(f"a value nested deeper than {MAX_DEPTH}")
    if type(tree) is list:
        return [decode(item, resolve, depth + 1) for item in tree]
    if type(tree) is not dict or len(tree) != 1:
        raise Refused("an object of a typed value needs exactly one key, its tag")
    ((tag, content),) = tree.items()
    try:
        return _decode_tag(tag, content, resolve, depth + 1)
    except (ValueError, TypeError, KeyError, ArithmeticError) as error:
        raise Refused(f"the tag {tag!r:.20} with wrong content: {error}"[:200]) from None


def _decode_tag(tag: str, content: Any, resolve: Callable[[int], Any], depth: int) -> Any:
    if tag in _SCALARS:
        return _SCALARS[tag](content)
    if tag == "ref" and type(content) is int:
        return resolve(content)
    if tag not in _COLLECTIONS or type(content) is not list:
        raise Refused(f"unknown tag {tag!r:.20}")
    items = [decode(item, resolve, depth) for item in content]
    made = _COLLECTIONS[tag](items)
    if tag in ("set", "frozenset", "dict") and len(made) != len(items):
        raise Refused(f"a {tag} with an entry twice")
    return made


_scan: Callable[[str, int], tuple[Any, int]] = vars(json.JSONDecoder())["scan_once"]  # in C: it needs no builtins


class Channel:
    """The first stdin and stdout, moved out of the way of what prints and reads."""

    def __init__(self) -> None:
        self.inward, self.outward = os.dup(0), os.dup(1)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.dup2(2, 1)
        os.close(null)

    def receive(self) -> Any:
        """The next frame of the parent, or None at the end; it is trusted."""
        size = self._exactly(4)
        body = self._exactly(int.from_bytes(size, "big")) if len(size) == 4 else b""
        return _scan(body.decode("utf-8"), 0)[0] if body else None

    def _exactly(self, size: int) -> bytes:
        parts = bytearray()
        while len(parts) < size and (chunk := _read(self.inward, size - len(parts))):
            parts += chunk
        return bytes(parts)

    def send(self, text: str) -> None:
        """One frame of JSON text."""
        body = text.encode("ascii")
        data = len(body).to_bytes(4, "big") + body
        while data:
            data = data[_write(self.outward, data) :]


def main() -> None:
    """Be what the first frame says, until there is no frame more."""
    channel = Channel()
    first = channel.receive()
    if first is not None:
        import random

        random.seed(first["seed"])
        (_serve if first["mode"] == "serve" else _check)(channel, first)
    _exit(0)  # the solution's own exit handlers and threads have no say


def _serve(channel: Channel, first: dict[str, Any]) -> None:
    module = types.ModuleType("solution")
    module.__dict__["__builtins__"] = builtins
    sys.modules["solution"] = module
    source = first["source"]
    linecache.cache[_FILE] = (len(source), None, source.splitlines(keepends=True), _FILE)
    served = _Served(module, first)
    frame = {"id": 0, "do": "load", "source": source}
    while frame is not None:
        channel.send(served.answer(frame))
        frame = channel.receive()


class _Served:
    """The solution's module and the objects that it gave out by number."""

    def __init__(self, module: types.ModuleType, first: dict[str, Any]) -> None:
        self.iterators, self.objects, self.cap = first["iterators"], first["objects"], first["cap"]
        self.given: list[Any] = [module]
        self.numbers: dict[int, int] = {}  # by identity, which `given` keeps from being used again

    def answer(self, frame: dict[str, Any]) -> str:
        """What was asked for, or what it came to."""
        try:
            text = self._do(frame)
            if len(text) > self.cap:
                raise Refused(f"a value of more than {self.cap} bytes")
        except Refused as why:
            return f'["refused",{frame["id"]},{encode_basestring_ascii(str(why)[:_TEXT])}]'
        except BaseException as error:  # noqa: BLE001  # whatever a solution raises, SystemExit too, is its answer
            told = ",".join([encode_basestring_ascii(text[:_TEXT]) for text in _told(error)])
            return f'["error",{frame["id"]},{told}]'
        return f'["ok",{frame["id"]},{text}]'

    def _do(self, frame: dict[str, Any]) -> str:
        do = frame["do"]
        if do == "load":
            exec(compile(frame["source"], _FILE, "exec", dont_inherit=True), self.given[0].__dict__)
            return "null"
        if do == "entry":
            return self._entry(frame["name"])
        target = self.given[frame["of"]]
        if do == "get":
            value = getattr(target, frame["name"])
        elif do == "set":
            setattr(target, frame["name"], self._value(frame["value"]))
            value = None
        else:
            value = target(*self._value(frame["args"]), **dict(self._value(frame["kwargs"])))
        return encode(value, self._other)

    def _value(self, tree: Any) -> Any:
        return decode(tree, self.given.__getitem__)

    def _entry(self, path: str) -> str:
        """A function by its name; `Class.method` is of an instance made without arguments."""
        target = self.given[0]
        *classes, name = path.split(".")
        for each in classes:
            target = getattr(target, each)()
        found = getattr(target, name)
        return self._give(found) if callable(found) else encode(found, self._give)

    def _other(self, value: Any) -> str:
        if self.iterators != "refuse" and _is_iterator(value):
            items = list(itertools.islice(value, MAX_ITEMS + 1))
            if len(items) > MAX_ITEMS:
                raise Refused(f"an iterator of more than {MAX_ITEMS} items")
            text = encode(items, self._other)
            return text if self.iterators == "list" else f'{{"iterator":{text}}}'
        if self.objects == "refuse":
            _no_other(value)
        return self._give(value)

    def _give(self, value: Any) -> str:
        number = self.numbers.setdefault(id(value), len(self.given))
        if number == len(self.given):
            self.given.append(value)
        return f'{{"ref":{number}}}'


def _told(error: BaseException) -> tuple[str, str, str]:
    """Type, message, and traceback with the solution's own frames; nothing it defines may break this."""
    bases: Any = type.__dict__["__mro__"].__get__(type(error))  # what tests catch may be one of them
    known = [x.__name__ for x in bases if x.__module__ == "builtins" and issubclass(x, Exception)]
    name = known[0] if known and known[0] != "Exception" else f"solution.{type(error).__name__}"
    try:
        shown = traceback.TracebackException.from_exception(error, limit=-50)
        shown.stack = traceback.StackSummary.from_list([frame for frame in shown.stack if frame.filename == _FILE][-8:])
        shown.__cause__ = shown.__context__ = None
        return name, str(error), "".join(shown.format())[-_TEXT:]
    except BaseException:  # noqa: BLE001  # its __str__ may raise anything, SystemExit too
        return name, "", name


class SolutionError(Exception):
    """The solution raised something that is no plain builtin error, or gave nothing that can be used."""


def _check(channel: Channel, first: dict[str, Any]) -> None:
    remote, where, text = _Remote(channel), "names", "null"
    scope = {"__name__": "tests", "__test__": _tester(channel)}
    try:
        names = {name: remote.ask(do="entry", name=path) for name, path in first["names"].items()}
        where = "setup"
        scope.update(names)
        exec(compile(first["setup"], "setup.py", "exec", dont_inherit=True), scope)
        where = "tests"
        scope.update(names)  # the setup may hold a stub of the solution
        exec(compile(first["tests"], "tests.py", "exec", dont_inherit=True), scope)
        for index, case, method in first["units"]:
            _run_unit(scope, case, method, index)
    except Exception as error:  # noqa: BLE001  # what tests meet is the verdict's matter, not this process's
        text = encode_basestring_ascii(f"{type(error).__name__}: {error}"[:_TEXT])
    channel.send(f'["done","{where}",{text}]')


def _run_unit(scope: dict[str, Any], case: str, method: str, index: int) -> None:
    import unittest  # only where it is used: it is slow to import

    with scope["__test__"](index):
        result = unittest.TestResult()
        unittest.TestSuite([scope[case](method)]).run(result)
        told = [text for _, text in result.errors + result.failures]
        if told or result.skipped or result.expectedFailures or result.unexpectedSuccesses or result.testsRun != 1:
            raise AssertionError((told or ["the test was skipped"])[0].strip().splitlines()[-1])


def _tester(channel: Channel) -> Callable[[int], contextlib.AbstractContextManager[None]]:
    """`with test(3):` around a test says how it went, and lets the next one run."""

    @contextlib.contextmanager
    def test(index: int) -> Iterator[None]:
        passed, detail = "true", ""
        try:
            yield
        except Exception as error:  # noqa: BLE001  # whatever a test raises, it failed
            passed, detail = "false", f"{type(error).__name__}: {error}"[:_TEXT]
        channel.send(f'["test",{index},{passed},{encode_basestring_ascii(detail)}]')

    return test


class _Remote:
    """The solution, as far as its tests can see it."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.known: dict[int, _Object] = {}

    def ask(self, **frame: Any) -> Any:
        """One question; an error of the solution is raised here."""
        parts = [f'"{key}":{encode(value, self._other)}' for key, value in frame.items()]
        self.channel.send('["ask",{' + ",".join(parts) + "}]")
        kind, *rest = self.channel.receive()
        if kind == "ok":
            return decode(rest[0], self._object)
        error = getattr(builtins, rest[0], None) if kind == "error" else None
        if not isinstance(error, type) or not issubclass(error, Exception) or issubclass(error, _NOT_RAISED):
            raise SolutionError(rest[-1])
        raise error.__new__(error, rest[1])  # not `error(...)`: UnicodeDecodeError wants five arguments

    def _object(self, number: int) -> _Object:
        if number not in self.known:
            self.known[number] = _Object(self, number)
        return self.known[number]

    def _other(self, value: Any) -> str:
        if type(value) is _Object and value._remote is self:
            return f'{{"ref":{value._number}}}'
        if _is_iterator(value):
            return encode(list(itertools.islice(value, MAX_ITEMS)), self._other)
        return _no_other(value)


class _Object:
    """Something in the solution's process: neither true nor false, nor equal or unequal to anything."""

    def __init__(self, remote: _Remote, number: int) -> None:
        object.__setattr__(self, "_remote", remote)
        object.__setattr__(self, "_number", number)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._remote.ask(do="call", of=self._number, args=list(args), kwargs=list(kwargs.items()))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._remote.ask(do="get", of=self._number, name=name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._remote.ask(do="set", of=self._number, name=name, value=value)

    def __bool__(self, _other: object = None) -> bool:
        raise TypeError("an object of the solution is neither true nor false nor equal here; compare a plain value")

    __eq__ = __ne__ = __bool__
    __hash__ = None  # type: ignore[assignment]


if __name__ == "__main__":
    main()
