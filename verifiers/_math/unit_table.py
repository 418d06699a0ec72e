"""The table of units: name to dimension and exact size, other spellings, prefixes, plurals."""

from __future__ import annotations

from fractions import Fraction

__all__ = [
    "ALIASES",
    "COUNTED",
    "PLURALS",
    "POWERS",
    "PREFIXED",
    "PREFIXED_WORDS",
    "PREFIXES",
    "PREFIX_WORDS",
    "UNITS",
]

Dimension = tuple[tuple[str, int], ...]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _d(**powers: int) -> Dimension:
    return tuple(sorted(powers.items()))


_ENERGY = _d(mass=1, length=2, time=-2)
_PRESSURE = _d(mass=1, length=-1, time=-2)
_VOLUME, _AREA, _LENGTH, _MASS, _TIME = _d(length=3), _d(length=2), _d(length=1), _d(mass=1), _d(time=1)
_INCH, _POUND = Fraction(254, 10_000), Fraction(45_359_237, 100_000_000)
_GALLON = 231 * _INCH**3
_GRAVITY = Fraction(980_665, 100_000)
_ATMOSPHERE = Fraction(101_325)

_BY_DIMENSION: dict[Dimension, dict[str, Fraction | int | str]] = {
    _LENGTH: {
        "m": 1,
        "in": _INCH,
        "ft": 12 * _INCH,
        "yd": 36 * _INCH,
        "mi": 63_360 * _INCH,
        "nautical mile": 1852,
        "angstrom": "1e-10",
        "light year": 9_460_730_472_580_800,
        "astronomical unit": 149_597_870_700,
    },
    _AREA: {"are": 100, "hectare": 10_000, "acre": 43_560 * (12 * _INCH) ** 2},
    _VOLUME: {
        "L": "1e-3",
        "cc": "1e-6",
        "gallon": _GALLON,
        "quart": _GALLON / 4,
        "pint": _GALLON / 8,
        "cup": _GALLON / 16,
        "fluid ounce": _GALLON / 128,
        "tablespoon": _GALLON / 256,
        "teaspoon": _GALLON / 768,
    },
    _MASS: {
        "g": "1e-3",
        "tonne": 1000,
        "lb": _POUND,
        "oz": _POUND / 16,
        "ton": 2000 * _POUND,
        "stone": 14 * _POUND,
    },
    _TIME: {"s": 1, "min": 60, "h": 3600, "day": 86_400, "week": 604_800, "fortnight": 1_209_600},
    _d(calendar=1): {"month": 1, "year": 12, "decade": 120, "century": 1200},
    _d(angle=1): {
        "degree": 1,
        "arcminute": Fraction(1, 60),
        "arcsecond": Fraction(1, 3600),
        "revolution": 360,
        "gradian": "0.9",
    },
    _d(plane_angle=1): {"rad": 1},
    _d(solid_angle=1): {"sr": 1},
    _d(information=1): {"bit": 1, "byte": 8},
    _d(current=1): {"A": 1},
    _d(amount=1): {"mol": 1},
    _d(kelvin=1): {"K": 1},
    _d(celsius=1): {"degC": 1},
    _d(fahrenheit=1): {"degF": 1},
    _d(luminous=1): {"cd": 1, "lm": 1},
    _d(luminous=1, length=-2): {"lx": 1},
    _d(time=-1): {"Hz": 1},
    _d(length=1, time=-1): {"mph": 63_360 * _INCH / 3600, "kph": Fraction(1000, 3600), "knot": Fraction(1852, 3600)},
    _d(angle=1, time=-1): {"rpm": 6},
    _d(mass=1, length=1, time=-2): {"N": 1, "lbf": _POUND * _GRAVITY, "dyne": "1e-5"},
    _PRESSURE: {
        "Pa": 1,
        "bar": 100_000,
        "atm": _ATMOSPHERE,
        "torr": _ATMOSPHERE / 760,
        "mmHg": "133.322387415",
        "psi": _POUND * _GRAVITY / _INCH**2,
    },
    _ENERGY: {"J": 1, "cal": "4.184", "Wh": 3600, "eV": "1.602176634e-19", "erg": "1e-7"},
    _d(mass=1, length=2, time=-3): {"W": 1, "horsepower": 550 * _POUND * _GRAVITY * 12 * _INCH},
    _d(current=1, time=1): {"C": 1},
    _d(mass=1, length=2, time=-3, current=-1): {"V": 1},
    _d(mass=1, length=2, time=-3, current=-2): {"Ω": 1},
    _d(mass=-1, length=-2, time=3, current=2): {"S": 1},
    _d(mass=-1, length=-2, time=4, current=2): {"F": 1},
    _d(mass=1, length=2, time=-2, current=-2): {"H": 1},
    _d(mass=1, time=-2, current=-1): {"T": 1},
    _d(mass=1, length=2, time=-2, current=-1): {"Wb": 1},
    _d(dollar=1): {"$": 1, "cent": Fraction(1, 100)},
    _d(euro=1): {"€": 1},
    _d(sterling=1): {"£": 1},
    _d(yen=1): {"¥": 1},
    _d(rupee=1): {"₹": 1},
    _d(percent=1): {"%": 1},
    _d(unit=1): {"unit": 1},
}

UNITS: dict[str, tuple[Dimension, Fraction]] = {
    name: (dimension, Fraction(size)) for dimension, sizes in _BY_DIMENSION.items() for name, size in sizes.items()
}

_SPELLINGS = {
    "m": "meter metre",
    "in": 'inch inche "',
    "ft": "foot feet '",
    "yd": "yard",
    "mi": "mile",
    "angstrom": "Å ångström",
    "light year": "light-year lightyear ly",
    "astronomical unit": "AU au",
    "hectare": "ha",
    "L": "l liter litre ℓ",
    "gallon": "gal",
    "quart": "qt",
    "pint": "pt",
    "tablespoon": "tbsp",
    "teaspoon": "tsp",
    "g": "gram gramme",
    "tonne": "t",
    "lb": "pound lbm",
    "oz": "ounce",
    "s": "sec second",
    "min": "minute",
    "h": "hr hour",
    "day": "d",
    "week": "wk",
    "month": "mo",
    "year": "yr",
    "century": "centurie",
    "degree": "° deg ^\\circ \\circ \\degree",
    "arcminute": "arcmin",
    "arcsecond": "arcsec",
    "revolution": "rev turn",
    "gradian": "gon",
    "rad": "radian",
    "sr": "steradian",
    "bit": "b",
    "byte": "B",
    "A": "ampere amp",
    "mol": "mole",
    "K": "kelvin",
    "degC": "°C ℃ celsius",
    "degF": "°F ℉ fahrenheit",
    "cd": "candela",
    "lm": "lumen",
    "lx": "lux",
    "Hz": "hertz",
    "mph": "mi/hr",
    "kph": "kmh kmph",
    "knot": "kt kn",
    "N": "newton",
    "dyne": "dyn",
    "Pa": "pascal",
    "atm": "atmosphere",
    "torr": "Torr",
    "mmHg": "mmhg",
    "J": "joule",
    "cal": "calorie",
    "Wh": "wh",
    "eV": "electronvolt",
    "W": "watt",
    "horsepower": "hp",
    "C": "coulomb",
    "V": "volt",
    "Ω": "ohm \\Omega",
    "S": "siemens",
    "F": "farad",
    "H": "henry henrie",
    "T": "tesla",
    "Wb": "weber",
    "$": "\\$ dollar USD usd buck",
    "cent": "¢ penny pennie",
    "€": "euro EUR eur",
    "£": "GBP gbp sterling quid",
    "¥": "yen JPY jpy",
    "₹": "rupee INR inr",
    "%": "\\% percent",
}
_PHRASES = {
    "fl oz": "fluid ounce",
    "metric ton": "tonne",
    "metric tonne": "tonne",
    "short ton": "ton",
    "us dollar": "$",
    "degree celsius": "degC",
    "degrees celsius": "degC",
    "deg c": "degC",
    "degree fahrenheit": "degF",
    "degrees fahrenheit": "degF",
    "deg f": "degF",
    "cubic centimeter": "cc",
    "percentage point": "%",
    "people": "person",
    "men": "man",
    "women": "woman",
    "children": "child",
    "vertices": "vertex",
}
ALIASES: dict[str, str] = _PHRASES | {
    spelling: name for name, spellings in _SPELLINGS.items() for spelling in spellings.split()
}

_POWERS_OF_TEN = {
    "da": 1, "h": 2, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18,
    "d": -1, "c": -2, "m": -3, "μ": -6, "u": -6, "n": -9, "p": -12, "f": -15, "a": -18,
}  # fmt: skip
_POWERS_OF_TWO = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40}
PREFIXES: dict[str, Fraction] = {prefix: Fraction(10) ** power for prefix, power in _POWERS_OF_TEN.items()} | {
    prefix: Fraction(2) ** power for prefix, power in _POWERS_OF_TWO.items()
}
PREFIXED = _words(
    """
    m g s A mol K L l Hz N Pa bar J cal Wh eV W V Ω C F H T S Wb lm cd b B bit byte
    """
)
_WORDS_OF_TEN = {
    "deca": 1, "hecto": 2, "kilo": 3, "mega": 6, "giga": 9, "tera": 12,
    "deci": -1, "centi": -2, "milli": -3, "micro": -6, "nano": -9, "pico": -12,
}  # fmt: skip
PREFIX_WORDS: dict[str, Fraction] = {word: Fraction(10) ** power for word, power in _WORDS_OF_TEN.items()}
PREFIXED_WORDS = _words(
    """
    meter metre gram gramme second liter litre ampere amp mole kelvin hertz newton pascal joule calorie watt volt
    ohm coulomb farad henry tesla weber bit byte electronvolt lumen
    """
)

POWERS = {"square": 2, "sq": 2, "cubic": 3, "cu": 3}
PLURALS = (("ies", "y"), ("ves", "f"), ("xes", "x"), ("ches", "ch"), ("shes", "sh"), ("sses", "ss"), ("s", ""))
"""Endings of plurals, and what stands there in the singular."""

COUNTED = _words(
    """
    person man woman child boy girl adult student teacher worker player friend customer passenger guest member
    animal dog cat cow horse sheep pig chicken duck bird fish rabbit bee ant apple orange banana peach pear lemon
    mango grape cherry berry strawberry potato tomato carrot egg cookie cake cupcake pie pizza sandwich candy slice
    loaf bottle glass can jar box bag basket crate book page letter word digit card coin nickel dime stamp sticker
    marble ball balloon toy doll pencil pen eraser flower rose tree plant seed leaf brick tile block car bus
    bike bicycle truck train boat wheel ticket game point vote question problem song way step lap trip time piece
    part item object thing pair set group team row column side edge vertex face corner diagonal triangle circle
    rectangle solution root integer number value element subset permutation arrangement outcome
    """
)
"""What is counted: each converts to itself only."""
