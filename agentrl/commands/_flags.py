"""Numbers on the command line: a word that is none is refused with what the flag takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeVar

from tyro.constructors import PrimitiveConstructorSpec

__all__ = ["Seconds", "Whole"]

Number = TypeVar("Number", int, float)


def _number(kind: Callable[[str], Number], takes: str, metavar: str) -> PrimitiveConstructorSpec[Number]:
    def read(words: list[str]) -> Number:
        try:
            return kind(words[0])
        except ValueError:
            shown = words[0] if len(words[0]) <= 40 else f"{words[0][:40]}..."
            raise ValueError(f"takes {takes}, got {shown!r}") from None

    return PrimitiveConstructorSpec(
        nargs=1,
        metavar=metavar,
        instance_from_str=read,
        is_instance=lambda value: isinstance(value, int | float),
        str_from_instance=lambda value: [f"{value:g}"],
    )


Whole = Annotated[int, _number(int, "a whole number", "INT")]
Seconds = Annotated[float, _number(float, "a number of seconds", "SECONDS")]
