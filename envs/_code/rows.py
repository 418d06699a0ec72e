"""Rows of code benchmarks, and the tests in them, in the several ways they are published."""

from __future__ import annotations

import base64
import binascii
import json
import pickletools
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from agentrl.errors import DataError

__all__ = ["decoded", "packed", "pairs"]

Row = Mapping[str, Any]

_PLAIN = frozenset(
    (
        "PROTO",
        "FRAME",
        "STOP",
        "MARK",
        "MEMOIZE",
        "BINPUT",
        "EMPTY_DICT",
        "SETITEM",
        "SHORT_BINUNICODE",
        "BINUNICODE",
        "BINUNICODE8",
    )
)
"""Pickle operations that can only build a text, or a dictionary of texts."""
_MOST = 2**28
"""Bytes that packed tests may have when unpacked."""


def decoded(value: Any, where: str) -> Any:
    """A field that some copies of a data set hold as JSON text and others as the value itself.

    Raises:
        DataError: It is text, but not JSON.
    """
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise DataError(f"{where} is not JSON: {error}") from error


def packed(value: Any, where: str) -> Any:
    """Tests as JSON, or as LiveCodeBench packs them: base64 of zlib of JSON, or of a pickle that holds JSON as text.

    Nothing is unpickled, for a pickle is a program: the text is read out of it, and a pickle that does anything but
    hold texts is refused.

    >>> packed(base64.b64encode(zlib.compress(b'[1]')).decode(), "row 1")
    [1]

    Raises:
        DataError: It is neither.
    """
    if not isinstance(value, str) or value.lstrip()[:1] in ("[", "{"):
        return decoded(value, where)
    try:
        unpacker = zlib.decompressobj()
        data = unpacker.decompress(base64.b64decode(value, validate=True), _MOST)
    except (binascii.Error, zlib.error, ValueError) as error:
        raise DataError(f"{where} is neither JSON nor base64 of zlib: {error}") from error
    if not unpacker.eof:
        raise DataError(f"{where} is cut short, or unpacks to more than {_MOST} bytes")
    text = _text_in_pickle(data, where) if data[:1] == b"\x80" else data.decode("utf-8", "replace")
    return decoded(text, where)


def _text_in_pickle(data: bytes, where: str) -> str:
    texts: list[str] = []
    try:
        for operation, argument, _ in pickletools.genops(data):  # reads the operations, carries out none
            if operation.name not in _PLAIN:
                raise DataError(f"{where} is a pickle that does more than hold text ({operation.name}): refused")
            if isinstance(argument, str):
                texts.append(argument)
    except ValueError as error:
        raise DataError(f"{where} is a broken pickle: {error}") from error
    if not texts:
        raise DataError(f"{where} is a pickle without text")
    return texts[-1]


def pairs(tests: Any, where: str) -> Sequence[tuple[Any, Any]]:
    """Inputs and outputs, given as a list of pairs of some form or as two lists.

    >>> pairs({"inputs": [1], "outputs": [2]}, "")
    [(1, 2)]
    >>> pairs([{"input": {"stdin": "1"}, "output": {"stdout": "2"}}], "")
    [('1', '2')]

    Raises:
        DataError: It is neither.
    """
    tests = tests or []
    if isinstance(tests, Mapping):
        inputs, outputs = (tests.get(name, tests.get(name + "s")) for name in ("input", "output"))
        if isinstance(inputs, list) and isinstance(outputs, list) and len(inputs) == len(outputs):
            return list(zip(inputs, outputs, strict=True))
    elif isinstance(tests, list) and all(isinstance(t, Mapping) and {"input", "output"} <= set(t) for t in tests):
        return [(_stream(test["input"], "stdin"), _stream(test["output"], "stdout")) for test in tests]
    raise DataError(f"{where}: tests need as many inputs as outputs; got {tests!r:.80}")


def _stream(value: Any, name: str) -> Any:
    return value.get(name, "") if isinstance(value, Mapping) else value
