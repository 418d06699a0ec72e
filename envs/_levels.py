"""Levels of difficulty: one of them, or several of which each task draws one."""

from __future__ import annotations

import re

from agentrl.errors import ConfigError

__all__ = ["levels_of"]

_RANGE = re.compile(r"([1-9])(?:-([1-9]))?")


def levels_of(level: int | str, highest: int = 5) -> tuple[int, ...]:
    """The levels that an option names.

    Raises:
        ConfigError: It names none.

    >>> levels_of(2), levels_of("1-3"), levels_of("4")
    ((2,), (1, 2, 3), (4,))
    """
    match = _RANGE.fullmatch(str(level)) if isinstance(level, int | str) else None
    if match is not None:
        first, last = int(match[1]), int(match[2] or match[1])
        if first <= last <= highest:
            return tuple(range(first, last + 1))
    raise ConfigError(f'level must be 1 to {highest}, or a range such as "1-3"; got {level!r}')
