"""Units of quantities, in one spelling each; they are spelt alike and never converted.

Squares, cubes and rates are built of them: "km2", "m/s", "mi/h". Compounds such as "6 ft 2 inch" are of units that
measure the same, the larger one first.
"""

from __future__ import annotations

import re

CURRENCIES = "$€£¥"
_SPELLINGS = {
    "%": "% percent pct",
    "$": "$ dollar dollars usd",
    "€": "€ euro euros eur",
    "pound": "£ pound pounds gbp lb lbs",  # money or weight: the question tells
    "¥": "¥ yen jpy",
    "cent": "¢ cent cents",
    "nm": "nm nanometer nanometers nanometre nanometres",
    "μm": "μm micrometer micrometers micrometre micrometres micron microns",
    "mm": "mm millimeter millimeters millimetre millimetres",
    "cm": "cm centimeter centimeters centimetre centimetres",
    "m": "m meter meters metre metres",
    "km": "km kms kilometer kilometers kilometre kilometres",
    "mi": "mi mile miles",
    "yd": "yd yds yard yards",
    "ft": "ft foot feet",
    "inch": "inch inches",
    "mg": "mg milligram milligrams",
    "g": "g gram grams gramme grammes",
    "kg": "kg kgs kilogram kilograms kilogramme kilogrammes",
    "t": "t ton tons tonne tonnes",
    "oz": "oz ounce ounces",
    "l": "l liter liters litre litres",
    "ml": "ml milliliter milliliters millilitre millilitres",
    "gal": "gal gallon gallons",
    "ha": "ha hectare hectares",
    "acre": "acre acres",
    "ms": "ms millisecond milliseconds",
    "s": "s sec secs second seconds",
    "min": "min mins minute minutes",
    "h": "h hr hrs hour hours",
    "day": "day days",
    "week": "week weeks",
    "month": "month months",
    "year": "year years yr yrs",
    "km/h": "kph kmh kmph",
    "mi/h": "mph",
    "mi/gal": "mpg",
    "hz": "hz hertz",
    "khz": "khz kilohertz",
    "mhz": "mhz megahertz",
    "ghz": "ghz gigahertz",
    "w": "w watt watts",
    "kw": "kw kilowatt kilowatts",
    "kwh": "kwh",
    "v": "v volt volts",
    "j": "joule joules",
    "kj": "kj kilojoule kilojoules",
    "n": "newton newtons",
    "pa": "pascal pascals",
    "kpa": "kpa kilopascal kilopascals",
    "kb": "kb kilobyte kilobytes",
    "mb": "mb megabyte megabytes",
    "gb": "gb gigabyte gigabytes",
    "tb": "tb terabyte terabytes",
    "°": "° degree degrees",
    "°c": "°c celsius centigrade",
    "°f": "°f fahrenheit",
    "k": "k kelvin kelvins",
    "bc": "bc bce",
    "ad": "ad ce",
}
UNITS = {spelling: unit for unit, spellings in _SPELLINGS.items() for spelling in spellings.split()}
CODES = {"usd": "$", "eur": "€", "gbp": "pound", "jpy": "¥"}  # that stand in front: "USD 5"

# Units as they may stand directly behind a number's last digit ("5km"), the longest spelling first.
UNIT_PATTERN = "|".join(re.escape(spelling) for spelling in sorted(UNITS, key=len, reverse=True))

_DIMENSIONS = (
    ("km", "m", "cm", "mm"),
    ("mi", "yd", "ft", "inch"),
    ("t", "kg", "g", "mg"),
    ("pound", "oz"),
    ("year", "month", "week", "day", "h", "min", "s", "ms"),
    ("$", "cent"),
    ("€", "cent"),
)
_RANKS = {(unit, dimension): rank for dimension in _DIMENSIONS for rank, unit in enumerate(dimension)}
_POWERS = re.compile(r"(?:[cdkm]?m|mi|ft|inch|yd)[23]")


def is_unit(word: str) -> bool:
    """Whether a word is a unit in canonical spelling: "km", "km2", "m/s", "/min"."""
    measure, _, _ = word.partition("/")
    return (
        word in _SPELLINGS or _POWERS.fullmatch(measure) is not None or ("/" in word and measure in ("", *_SPELLINGS))
    )


def is_smaller(unit: str, other: str) -> bool:
    """Whether one unit measures what the other measures, in smaller parts: inches to feet."""
    return any(
        _RANKS.get((unit, dimension), -1) > _RANKS.get((other, dimension), len(dimension)) for dimension in _DIMENSIONS
    )
