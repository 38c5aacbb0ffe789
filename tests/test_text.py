"""Normal forms: what does not count, and what must."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from raycal.text.normalize import first_line, last_line, normalize, parse, short_numbers

LATIN = st.characters(codec="latin-1", categories=("L", "Nd", "Zs", "Po", "Pd"))

SAME = [
    ("Paris", "  PARIS. "),
    ("The Elkia Federation", "Elkia Federation"),
    ("in the Gospel of Luke", "in Gospel of Luke"),
    ("Łódź", "Lodz"),
    ("São Tomé", "Sao Tome"),
    ("Ångström", "angstrom"),
    ("ﬁnch", "finch"),
    ("Ｔｏｋｙｏ", "tokyo"),
    ("Straße", "strasse"),
    ("Schindler’s List", "Schindlers list"),
    ("“Fix You”", "fix you"),
    ("**Paris**", "Paris"),
    ("U.S.A.", "USA"),
    ("R. H. Thomson", "R.H. Thomson"),
    ("Washington, D.C.", "Washington DC"),
    ("AT&T", "AT and T"),
    ("Spider-Man", "spider man"),
    ("1,000", "1000"),
    ("1000.0", "1000"),
    ("one thousand", "1000"),
    ("a hundred and one", "101"),
    ("one thousand, nine hundred and sixty", "1960"),
    ("nineteen hundred", "1900"),
    ("twenty-one", "21"),
    ("two million", "2,000,000"),
    ("1.5 million", "1500000"),
    ("twenty-first amendment", "21st Amendment"),
    ("Second World War", "2nd World War"),
    ("minus five", "-5"),
    ("−5", "-5"),
    ("+5", "5"),
    (".5", "0.50"),
    ("$18", "18 dollars"),
    ("-$5", "minus 5 dollars"),
    ("$1.5 million", "1,500,000 dollars"),
    ("5km", "5 kilometres"),
    ("a 5-km", "5 kilometers"),
    ("90 per cent", "90%"),
    ("100 °C", "100 degrees Celsius"),
    ("60 secs", "60 seconds"),
    ("14 December 1972 UTC", "December 14, 1972"),
    ("14th of December 1972", "Dec 14th, 1972"),
    ("1972-12-14", "Thursday, December 14, 1972"),
    ("December, 1972", "Dec. 1972"),
    ("4 July", "July 4th"),
    ("1914–1918", "1914-1918"),
    ("10⁶ m", "10^6 m"),
    ("10⁻¹²", "10^-12"),
    ("mc²", "mc^2"),
    ("5 km²", "5km^2"),
    ("9.8 m/s²", "9.8 m/s2"),
    ("Ca²⁺", "Ca2+"),
    ("CO₂", "CO2"),
    ("1 000 000", "1000000"),
    ("299 792 458 m/s", "299,792,458 m/s"),
    ("12,5 %", "12.5%"),
    ("1.234,56", "1234.56"),
    ("1'000'000", "1000000"),
    ("1e3", "1000"),
    ("6.02 x 10^23", "6.02 × 10²³"),
    ("5–10 km", "5 to 10 km"),
    ("5 km to 10 km", "between 5 and 10 km"),
    ("1914 – 1918", "1914-18"),
    ("5'11\"", "5 feet 11 inches"),
    ("6 ft 2 in", "6 feet, 2 inches"),
    ("2h 30m", "2 hours and 30 minutes"),
    ("90 miles per hour", "90 mph"),
    ("10 m/s", "10 metres per second"),
    ("5 square kilometres", "5 km²"),
    ("9.81 ± 0.02 m/s²", "9.81 m/s^2"),
    ("the seventies", "1970s"),
    ("1970's", "the 70s"),
    ("20/11/1965", "11/20/1965"),
    ("20.11.1965", "1965-11-20 00:00:00"),
    ("44 BC", "44 B.C.E."),
    ("AD 79", "79 CE"),
    ("½", "1/2"),
    ("1¼", "1.25"),
    ("2/6", "1/3"),
    ("two thirds", "2/3"),
    ("three and a half", "3.5"),
    ("half a million", "500,000"),
    ("a dozen", "12"),
    ("$5m", "$5 million"),
    ("US$2.5bn", "2,500,000,000 dollars"),
    ("5M", "5 million"),
    ("10k", "10,000"),
    ("٤٢", "42"),
    ("St. Louis", "Saint Louis"),
    ("J K Rowling", "J.K. Rowling"),
    ("World War Two", "World War II"),
    ("Elizabeth the Second", "Elizabeth II"),
    ("Rock 'n' Roll", "rock and roll"),
    ("Pearl Harbour", "pearl harbor"),
    ("No. 5", "number 5"),
    (f"{'1' * 5000}TH", f" {'1' * 5000}th"),
]

DIFFERENT = [
    ("Par", "Paris"),
    ("12", "2"),
    ("2.5", "2"),
    ("-5", "5"),
    ("5 km", "5 miles"),
    ("5%", "0.05"),
    ("007", "7"),
    ("3-0", "30"),
    ("1/2", "12"),
    ("nineteen sixty", "79"),
    ("nineteen sixty", "1960"),
    ("C", "C++"),
    ("C", "C#"),
    ("vitamin", "Vitamin A"),
    ("x + 1", "x - 1"),
    ("x - 1", "x / 1"),
    ("कि", "का"),
    ("か", "が"),
    ("December 14", "December 14, 1972"),
    ("∞", "√"),
    ("one of them", "1 of them"),
    ("10²", "102"),
    ("10⁶ m", "106 m"),
    ("5M", "5 m"),
    ("10k", "10"),
    ("10K", "10 kelvin"),
    ("5G", "5 grams"),
    ("03/04/1965", "3 April 1965"),
    ("5-10 km", "10 km"),
    ("6 feet 2 inches", "2 inches"),
    ("10 m/s", "10 m"),
    ("1,5", "1,500"),
    ("1970s", "1970"),
    ("±3", "3"),
    ("5 - 10", "10 - 5"),
    ("1/3", "0.333"),
]


@pytest.mark.parametrize(("left", "right"), SAME)
def test_spellings_of_one_answer_have_one_normal_form(left: str, right: str) -> None:
    assert normalize(left) == normalize(right)


@pytest.mark.parametrize(("left", "right"), DIFFERENT)
def test_different_answers_have_different_normal_forms(left: str, right: str) -> None:
    assert normalize(left) != normalize(right)


def test_articles_stay_where_no_word_follows_directly() -> None:
    assert normalize("Vitamin A") == "vitamin a"
    assert normalize("A") == "a"
    assert normalize("The The") == "the"
    assert normalize("a-ha") == "a ha"


def test_text_of_punctuation_alone_keeps_it() -> None:
    assert normalize("---") == "---"
    assert normalize("") == normalize(" \n ") == ""


def test_line_keeps_the_marks_between_its_words() -> None:
    line = parse('He said "Paris", the capital-city (of France) - not Lyon.')
    assert line.words == ("he", "said", "paris", "capital", "city", "of", "france", "not", "lyon")
    assert line.gaps == ("", "", '"', '",', "-", "(", "", ")—", "", ".")
    assert line[2:3].words == ("paris",)
    assert line[2:3].gaps == ('"', '",')


def test_first_line_skips_blank_ones() -> None:
    assert first_line("\n  \n Paris \nLyon") == "Paris"
    assert first_line(" \n") == ""


@given(st.text())
def test_gaps_are_one_more_than_words_for_any_text(text: str) -> None:
    line = parse(text)
    assert len(line.gaps) == len(line.words) + 1
    assert all(line.words)


@given(st.text())
def test_only_empty_text_has_an_empty_normal_form(text: str) -> None:
    assert (normalize(text) == "") == (text.strip() == "")


@given(st.text(LATIN))
def test_case_and_spacing_do_not_count(text: str) -> None:
    assume(not re.search(r"\d\s*[a-z]", text, re.IGNORECASE))  # 5M are five million, 5m are metres
    assert normalize(text.upper()) == normalize(text)
    assert normalize(f"  {text.replace(' ', '   ')}\n") == normalize(text)


@given(st.integers(-(10**11), 10**11))
def test_thousands_separators_and_trailing_zeros_do_not_count(number: int) -> None:
    assert normalize(f"{number:,}.00") == normalize(str(number)) == str(number)


@pytest.mark.parametrize(
    ("text", "line"), [("", ""), (" \n\n", ""), ("one", "one"), ("one\n two \n\n", "two"), ("one\r\ntwo\r\n", "two")]
)
def test_the_last_line_is_the_last_that_holds_anything(text: str, line: str) -> None:
    assert last_line(text) == line


def test_decimals_are_shortened_and_nothing_else() -> None:
    text = "tuned (rate 0.00012345678, k 10000, threshold 0.7, decay 1.23456789e-05, 2.5)"
    assert short_numbers(text) == "tuned (rate 0.000123, k 10000, threshold 0.7, decay 1.23e-05, 2.5)"
