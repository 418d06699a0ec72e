"""Settings of something else, given as a mapping or as text on a command line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from agentrl.config import parse_options
from agentrl.errors import ConfigError

__all__ = ["Settings", "settings"]

Settings = Mapping[str, Any] | str


def settings(name: str, given: Settings) -> dict[str, Any]:
    """A mapping; text is JSON where it begins with a brace, else "key=value key=value".

    Args:
        name: The option that it is given to.
        given: The mapping or text.

    Raises:
        ConfigError: It is neither, or the text cannot be read.

    >>> settings("config", "low=2 high=3"), settings("config", '{"low": 2}')
    ({'low': 2, 'high': 3}, {'low': 2})
    """
    if isinstance(given, str) and not given.lstrip().startswith("{"):
        return parse_options(given.split(), name)
    try:
        found = json.loads(given) if isinstance(given, str) else given
    except ValueError as error:
        raise ConfigError(f"{name} is neither JSON nor key=value: {error}") from error
    if not isinstance(found, Mapping):
        raise ConfigError(f"{name} must be a mapping, JSON text or key=value, got {given!r:.60}")
    return dict(found)
