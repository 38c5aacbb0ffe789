"""Dates in one spelling, ISO 8601: YYYY-MM-DD, YYYY-MM or --MM-DD. All text is expected folded.

Of dates in figures only those of one reading are dates: in "20/11/1965" no other number can be the day, while
"03/04/1965" is the third of April or the fourth of March, and stays as it is.
"""

from __future__ import annotations

import re

from raycal.text.numerals import listed

_MONTHS = listed("january february march april may june july august september october november december")
_MONTH = "|".join(f"{name}|{name[:3]}" for name in _MONTHS) + "|sept"
_WEEKDAY = "(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day)"
_DAY = r"[0-9]{1,2}"
DATE_PATTERN = rf"""
    (?:{_WEEKDAY},?\s+)?
    (?:
        (?P<day>{_DAY})(?:st|nd|rd|th)?\s+(?:of\s+)?(?P<month>{_MONTH})\b(?:\.?,?\s+(?P<year>[0-9]{{4}}))?
      | (?P<us_month>{_MONTH})\.?\s+(?P<us_day>{_DAY})(?:st|nd|rd|th)?(?:,?\s+(?P<us_year>[0-9]{{4}}))?
      | (?P<bare_month>{_MONTH})\.?,?\s+(?:of\s+)?(?P<bare_year>[0-9]{{4}})
      | (?P<iso_year>[0-9]{{4}})[-/](?P<iso_month>[0-9]{{2}})[-/](?P<iso_day>[0-9]{{2}})
            (?:[t\s]\s?00:00(?::00(?:\.0+)?)?z?)?
      | (?P<first>{_DAY})(?P<mark>[/.-])(?P<second>{_DAY})(?P=mark)(?P<figures_year>[0-9]{{4}})
    )
    (?:\s+(?:utc|gmt))?(?![\w-])(?!\.[0-9])
"""
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}(?:-[0-9]{2})?|--[0-9]{2}-[0-9]{2}")


def canonical_date(match: re.Match[str]) -> str:
    """A match of DATE_PATTERN in ISO 8601, or as it is where its figures have two readings or none."""
    group = match.groupdict()
    name = group["month"] or group["us_month"] or group["bare_month"]
    year = group["year"] or group["us_year"] or group["bare_year"] or group["iso_year"] or group["figures_year"]
    day = group["day"] or group["us_day"] or group["iso_day"]
    if group["first"]:
        first, second = int(group["first"]), int(group["second"])
        readings = {
            order for order in ((first, second), (second, first)) if 1 <= order[0] <= 31 and 1 <= order[1] <= 12
        }
        if len(readings) != 1:
            return match[0]
        ((day_of_month, month),) = readings
        return f"{year}-{month:02d}-{day_of_month:02d}"
    month = int(group["iso_month"]) if name is None else 1 + [m[:3] for m in _MONTHS].index(name[:3])
    return f"{year or '-'}-{month:02d}" + (f"-{int(day):02d}" if day else "")


def is_date(word: str) -> bool:
    """Whether a word is a date in canonical spelling, of a day or a month."""
    return _DATE.fullmatch(word) is not None


def is_within(date: str, period: str) -> bool:
    """Whether a date is a day or month of a period, such as a year, a month, or a day of no year."""
    if not is_date(date):
        return False
    if period.startswith("--"):
        return date.endswith(period[1:])
    return date.startswith(f"{period}-") and (is_year(period) or is_date(period))


def is_year(word: str) -> bool:
    """Whether a word is a number that reads as a year: a whole number from 1000 to 2100."""
    return word.isascii() and word.isdigit() and len(word) == 4 and 1000 <= int(word) <= 2100
