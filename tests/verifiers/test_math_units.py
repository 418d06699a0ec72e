"""Units: exact factors, spellings, compounds, and what is no unit."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl.verifiers._math import unit_table
from agentrl.verifiers._math.units import Unit, convertible, lookup


@pytest.mark.parametrize(
    ("a", "b", "factor"),
    [
        ("km", "m", 1000),
        ("m", "km", Fraction(1, 1000)),
        ("cm^2", "mm^2", 100),
        ("km/h", "m/s", Fraction(5, 18)),
        ("mph", "mi/h", 1),
        ("miles per hour", "mph", 1),
        ("ft", "in", 12),
        ("yards", "feet", 3),
        ("miles", "feet", 5280),
        ("in", "cm", Fraction(254, 100)),
        ("square feet", "in^2", 144),
        ("sq ft", "square inches", 144),
        ("cubic feet", "in^3", 1728),
        ("L", "cm^3", 1000),
        ("mL", "cc", 1),
        ("gallons", "quarts", 4),
        ("gallon", "in^3", 231),
        ("cups", "tablespoons", 16),
        ("lb", "oz", 16),
        ("lbs", "kg", Fraction(45359237, 100000000)),
        ("tonnes", "kg", 1000),
        ("hours", "min", 60),
        ("day", "hours", 24),
        ("weeks", "days", 7),
        ("years", "months", 12),
        ("ms", "s", Fraction(1, 1000)),
        ("degrees", "arcminutes", 60),
        ("revolutions", "degrees", 360),
        ("rpm", "degrees per minute", 360),
        ("GB", "bytes", 10**9),
        ("KiB", "bits", 8192),
        ("$", "cents", 100),
        ("dollars", "$", 1),
        ("pennies", "cents", 1),
        ("kg m/s^2", "N", 1),
        ("kg*m/s^2", "N", 1),
        ("N m", "J", 1),
        ("kWh", "J", 3600000),
        ("W", "J/s", 1),
        ("V", "W/A", 1),
        ("Ω", "V/A", 1),
        ("J/(kg K)", "m^2/s^2/K", 1),
        ("m/s^2", "m s^{-2}", 1),
        ("meters per second squared", "m/s^2", 1),
        ("m/s/s", "m/s^2", 1),
        ("kg/m*s", "kg s/m", 1),
        ("cm²", "m^2", Fraction(1, 10000)),
        ("atm", "Pa", 101325),
        ("apples", "apple", 1),
        ("people", "person", 1),
        ("leaves", "leaf", 1),
        ("boxes", "box", 1),
        ("square units", "units^2", 1),
        ("dollars per hour", "$/h", 1),
        ("^\\circ", "degree", 1),
        ("\\%", "percent", 1),
        ("kilometres", "km", 1),
        ("Kilometers", "km", 1),
    ],
)
def test_factors(a: str, b: str, factor: int | Fraction) -> None:
    assert convertible(a, b) == factor
    assert convertible(b, a) == 1 / Fraction(factor)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("kg", "m"),
        ("m", "m^2"),
        ("km/h", "h/km"),
        ("apples", "oranges"),
        ("people", "dollars"),
        ("$", "€"),
        ("radians", "degrees"),
        ("°C", "°F"),
        ("°C", "K"),
        ("percent", "unit"),
        ("units", "cm"),
        ("years", "days"),
        ("million", "m"),
    ],
)
def test_what_does_not_convert(a: str, b: str) -> None:
    assert convertible(a, b) is None


def test_case_tells_symbols_apart() -> None:
    assert convertible("Mg", "mg") == 10**9
    assert convertible("MB", "Mb") == 8
    assert convertible("mm", "Mm") == Fraction(1, 10**9)


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "million",
        "dozen",
        "hundred",
        "half",
        "third",
        "x",
        "i",
        "e",
        "k",
        "^2",
        "m^",
        "m^99",
        "m^0",
        "m^{2",
        "/",
        "m/",
        "*m",
        "m//s",
        "(m",
        "m)",
        "()",
        "((m))",
        "square",
        "per",
        "m per",
        "cm^2^2",
        "square cm^2",
        "kkg",
        "mmin",
        "milliinch",
        "m" * 65,
        "=",
        "5",
        "m5",
        "π",
        "the",
        "\\frac",
    ],
)
def test_what_is_no_unit(name: str) -> None:
    assert lookup(name) is None


def test_a_unit_has_a_dimension_and_a_size() -> None:
    assert lookup("km/h") == Unit((("length", 1), ("time", -1)), Fraction(1000, 3600))
    assert lookup("m/m") == Unit((), Fraction(1))


def test_the_table_is_consistent() -> None:
    assert len(unit_table.UNITS) >= 80
    assert set(unit_table.ALIASES.values()) <= set(unit_table.UNITS) | unit_table.COUNTED
    assert not set(unit_table.ALIASES) & set(unit_table.UNITS)
    assert not set(unit_table.UNITS) & unit_table.COUNTED
    assert all(size > 0 for _, size in unit_table.UNITS.values())
    for name in (*unit_table.UNITS, *unit_table.ALIASES):
        assert lookup(name) is not None, name


@pytest.mark.parametrize("name", sorted(unit_table.UNITS))
def test_no_prefix_hides_a_unit(name: str) -> None:
    found = lookup(name)
    assert found is not None
    assert (found.dimension, found.factor) == unit_table.UNITS[name]


units = st.sampled_from(("km", "ft", "s", "hours", "kg", "$", "apples", "m^2", "km/h", "cm^3", "L", "gallons", "lb"))


@given(units, units, units)
def test_conversion_is_consistent(a: str, b: str, c: str) -> None:
    assert convertible(a, a) == 1
    there, back = convertible(a, b), convertible(b, a)
    assert (there is None) == (back is None)
    if there is not None and back is not None:
        assert there * back == 1
        onward, direct = convertible(b, c), convertible(a, c)
        assert direct == (None if onward is None else there * onward)


@given(st.one_of(st.text(), st.text("kmsgLhft^2/*(){}- per$%°"), st.lists(units).map(" ".join)))
def test_any_text_is_a_unit_or_none(text: str) -> None:
    found = lookup(text)
    assert found is None or (found.factor > 0 and all(power for _, power in found.dimension))
