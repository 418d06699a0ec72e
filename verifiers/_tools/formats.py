"""Formats of JSON Schema that are checked; any other is a remark.

The library checks some only where more packages are there.
"""

from __future__ import annotations

import datetime
import functools
import ipaddress
import re
import uuid
from collections.abc import Callable
from typing import Any

from agentrl.verifiers._tools.dates import read_moment

__all__ = ["formats"]

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]{1,63}(?:\.[^@\s.]{1,63}){1,8}")
_HOST = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,16}")
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d{1,9})?(Z|[+-]\d\d:\d\d)?")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}:\S{1,4000}")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@functools.cache
def formats() -> Any:
    """What checks a value's format."""
    from jsonschema import FormatChecker

    def reads(reader: Callable[[str], Any]) -> Callable[[Any], bool]:
        def check(value: Any) -> bool:
            if not isinstance(value, str):
                return True
            try:
                return reader(value) is not None
            except ValueError:
                return False

        return check

    checker = FormatChecker(formats=())
    readers: dict[str, Callable[[str], Any]] = {
        "date": lambda text: datetime.date.fromisoformat(text) if _DATE.fullmatch(text) else None,
        "date-time": read_moment,
        "time": _TIME.fullmatch,
        "email": _EMAIL.fullmatch,
        "hostname": _HOST.fullmatch,
        "uri": _URI.fullmatch,
        "ipv4": ipaddress.IPv4Address,
        "ipv6": ipaddress.IPv6Address,
        "uuid": lambda text: uuid.UUID(text) if len(text) == 36 else None,
    }
    for name, reader in readers.items():
        checker.checks(name)(reads(reader))
    return checker
