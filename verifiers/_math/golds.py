"""The gold of a task: read, typed and checked once, then kept."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from agentrl.errors import suggest
from agentrl.verifiers._math import units
from agentrl.verifiers._math.answers import Answer, answer
from agentrl.verifiers._math.compare import EXACT, Rounding
from agentrl.verifiers._math.forms import Form, holds
from agentrl.verifiers._math.kinds import KINDS, Kind, as_kind, kind_of, letter_of, truth_of
from agentrl.verifiers._math.limits import MAX_DIGITS
from agentrl.verifiers._math.tree import Node, Quantity

__all__ = ["FIELDS", "FORMS", "Gold", "Stated", "UnusableGoldError", "gold_of", "stated_as"]

FORMS: tuple[str, ...] = get_args(Form)
FIELDS = ("value", "kind", "unit", "places", "figures", "form", "aliases")


class UnusableGoldError(ValueError):
    """A gold that cannot be used; the message is one line that does not hold it."""


@dataclass(frozen=True, slots=True)
class Stated:
    """What a data set states about all its golds; a gold's own statements go before."""

    kind: Kind | None = None
    rounding: Rounding = EXACT
    form: Form | None = None


def stated_as(kind: Kind | Literal["auto"], form: Form | Literal["any"], rounding: tuple[Any, ...]) -> Stated:
    """What the options of `verify` state; `rounding` is ("places", 2), ("figures", 3) or nothing.

    Raises:
        UnusableGoldError: There is no such rounding.
    """
    exactness = rounding_of(*rounding) if rounding else EXACT
    return Stated(None if kind == "auto" else kind, exactness, None if form == "any" else form)


@dataclass(frozen=True, slots=True)
class Gold:
    """A gold that can be compared with.

    Attributes:
        answer: As it was read.
        tree: The answer as what its type says it is.
        kind: Its type.
        rounding: How exact a number must be.
        form: The form that a reply must have.
        aliases: Other texts that are right as well.
        is_plain: Whether a number without a unit is compared exactly: then its value decides.
        as_written: Whether the gold's own text is right: not where its unit is stated beside it.
        letter_case: Of a choice: it counts where the gold only looks like one, not where it is stated to be one.
    """

    answer: Answer
    tree: Node | None
    kind: Kind
    rounding: Rounding
    form: Form | None
    aliases: tuple[Answer, ...]
    is_plain: bool
    as_written: bool = True
    letter_case: Literal["counts", "ignored"] = "counts"


def gold_of(raw: Any, stated: Stated) -> Gold:
    """The gold of a task.

    Args:
        raw: A text, a number, or a mapping with a `value` and what else holds for it.
        stated: What the options say.

    Raises:
        UnusableGoldError: It cannot be used.

    >>> gold_of({"value": "3.14", "places": 2}, Stated()).kind
    'decimal'
    """
    if isinstance(raw, str):
        return _read(raw, stated)
    if isinstance(raw, Mapping):
        return _from_fields(raw, stated)
    if isinstance(raw, bool):
        if stated.kind == "boolean":
            return _read(str(raw).lower(), stated)
        raise UnusableGoldError("a truth value needs the kind boolean")
    return _read(_number_text(raw), stated)


def _number_text(raw: Any) -> str:
    if not isinstance(raw, int | float):
        raise UnusableGoldError(f"it is {type(raw).__name__}; a text, a number or a mapping is allowed")
    if isinstance(raw, int) and raw.bit_length() > 4 * MAX_DIGITS:  # Python refuses to print it
        raise UnusableGoldError("it has too many digits")
    if not math.isfinite(raw):
        raise UnusableGoldError(f"it is {raw}")
    return str(raw)


def _from_fields(raw: Mapping[str, Any], stated: Stated) -> Gold:
    for name in raw:
        if name not in FIELDS:
            raise UnusableGoldError(f"no field {str(name)[:40]!r} of a gold: {suggest(str(name), FIELDS)}")
    value = raw.get("value")
    if isinstance(value, Mapping):
        raise UnusableGoldError("its value is a mapping")
    aliases = raw.get("aliases", ())
    if isinstance(aliases, str) or not all(isinstance(alias, str) for alias in aliases):
        raise UnusableGoldError("aliases are a list of texts")
    found = gold_of(value, Stated(_kind(raw, stated), _rounding(raw, stated), _form(raw, stated)))
    others = tuple(other for alias in aliases if (other := answer(alias)) is not None)
    if len(others) != len(aliases):
        raise UnusableGoldError("an alias cannot be read")
    if "unit" not in raw:
        return dataclasses.replace(found, aliases=others, is_plain=found.is_plain and not others)
    tree = _with_unit(found, raw["unit"])
    return dataclasses.replace(found, tree=tree, kind="quantity", aliases=others, is_plain=False, as_written=False)


def _with_unit(found: Gold, unit: Any) -> Node:
    if not isinstance(unit, str) or units.lookup(unit) is None:
        raise UnusableGoldError(f"its unit {str(unit)[:40]!r} is not known")
    if found.tree is None or isinstance(found.tree, Quantity):
        raise UnusableGoldError("a unit goes with a value that has none")
    return Quantity(found.tree, unit)


def _kind(raw: Mapping[str, Any], stated: Stated) -> Kind | None:
    kind: Kind | None = raw.get("kind", stated.kind)
    if kind is not None and kind not in KINDS:
        raise UnusableGoldError(f"no kind {str(kind)[:40]!r} of a gold: {suggest(str(kind), KINDS)}")
    return kind


def _form(raw: Mapping[str, Any], stated: Stated) -> Form | None:
    form: Form | None = raw.get("form", stated.form)
    if form is not None and form not in FORMS:
        raise UnusableGoldError(f"no form {str(form)[:40]!r} of an answer: {suggest(str(form), FORMS)}")
    return form


def _rounding(raw: Mapping[str, Any], stated: Stated) -> Rounding:
    if "places" in raw and "figures" in raw:
        raise UnusableGoldError("it states places and figures; one of them is allowed")
    if "places" in raw:
        return rounding_of("places", raw["places"])
    return rounding_of("figures", raw["figures"]) if "figures" in raw else stated.rounding


def rounding_of(by: str, count: Any) -> Rounding:
    """A statement of places or figures.

    Raises:
        UnusableGoldError: There is none such.
    """
    if by not in ("places", "figures") or isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= 50:
        raise UnusableGoldError("places and figures are whole numbers from 0 (figures: from 1) to 50")
    if by == "figures" and count == 0:
        raise UnusableGoldError("figures are at least 1")
    return Rounding("places" if by == "places" else "figures", count)


@functools.lru_cache(maxsize=16384)
def _read(text: str, stated: Stated) -> Gold:
    found = answer(text)
    if found is None:
        raise UnusableGoldError("it is empty, or larger than an answer may be")
    kind = stated.kind or kind_of(found)
    tree = found.tree if stated.kind is None else as_kind(found.tree, kind)
    if stated.kind is not None and tree is None and kind not in ("text", "choice", "boolean"):
        raise UnusableGoldError(f"it is no {kind}")
    if kind == "choice" and letter_of(found.text) is None:
        raise UnusableGoldError("a choice is one letter")
    if kind == "boolean" and truth_of(found.text) is None:
        raise UnusableGoldError("a boolean is true, false, yes or no")
    if stated.form is not None and (tree is None or not holds(stated.form, tree)):
        raise UnusableGoldError(f"it does not have the form {stated.form} itself")
    plain = found.value is not None and tree == found.tree and stated.rounding.by == "exact"
    is_plain = plain and stated.form is None and kind in ("integer", "rational")
    letter_case: Literal["counts", "ignored"] = "counts" if stated.kind is None else "ignored"
    return Gold(found, tree, kind, stated.rounding, stated.form, (), is_plain, letter_case=letter_case)
