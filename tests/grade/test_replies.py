"""Replies as models write them: each table is of one kind of fault that a grader may make."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raycal.grading import Reason, match
from raycal.questions.question import Kind
from raycal.text.answer_form import answer_form
from raycal.text.final_answer import Source, final_answer
from raycal.text.latex import plain

CITIES = ("London", "Paris", "Rome", "Berlin")

RIGHT = [
    ("<answer>Paris</answer>", "Paris"),
    ("Here is my reasoning.\nFinal answer: Paris", "Paris"),
    ("**Answer**\nParis", "Paris"),
    ("```\nParis\n```", "Paris"),
    ("Sure! Here is the answer:\nParis", "Paris"),
    ("</think>\nParis", "Paris"),
    ("Okay.\n\nParis", "Paris"),
    ("Paris\n####", "Paris"),
    ("Paris\n#### Reasoning\nLyon is not the capital.", "Paris"),
    ("Paris\n\n#### Why?\nBecause Lyon.", "Paris"),
    ("My answer is Paris. This answer is based on history.", "Paris"),
    ("Paris. I hope this answer is helpful.", "Paris"),
    ("The answer is Paris. The answer is correct.", "Paris"),
    ("$\\frac{1}{2}$", "1/2"),
    ("\\boxed{\\text{Paris}}", "Paris"),
    ("$90^\\circ$", "90 degrees"),
    ("\\boxed{\\$18}", "18"),
    ("\\(42\\)", "42"),
    ("$1{,}000$", "1000"),
    ("\\dfrac{3}{4}", "3/4"),
    ("The answer is $\\boxed{42}$.", "42"),
    ("\\boxed{5\\%}", "5%"),
    ("\\boxed{12\\text{ cm}}", "12 cm"),
    ("\\boxed{3\\frac{1}{2}}", "3.5"),
    ("60 beats per minute", "60 beats per minute"),
    ("6'2\"", "6 feet 2 inches"),
    ("$2.5B", "$2.5 billion"),
    ("£10k", "10,000 pounds"),
    ("5m", "5 metres"),
    ("5 m", "5"),
    ("10k", "10,000"),
    ("€3bn", "3 billion euros"),
    ("1.5M", "1,500,000"),
    ("¾", "3/4"),
    ("0.5", "1/2"),
    ("1½", "1.5"),
    ("one half", "1/2"),
    ("three quarters", "3/4"),
    ("two-thirds", "2/3"),
    ("3 1/2", "3.5"),
    ("1.000.000", "1000000"),
    ("1 234", "1234"),
    ("3,14", "3.14"),
    ("0,5", "0.5"),
    ("1.234,5", "1234.5"),
    ("10 000 km", "10,000 km"),
    ("18 (9 x 2)", "18"),
    ("{'answer': 'Paris', 'confidence': 0.9}", "Paris"),
    ("42 [1]", "42"),
    ('```json\n{"answer": "Paris"}\n```', "Paris"),
    ("42 (confidence: 90%)", "42"),
    ("18 eggs (16 + 2 = 18)", "18"),
    ("I thought it was Lyon, but it is Paris.", "Paris"),
    ("Lyon. Wait, no: Paris.", "Paris"),
    ("It is Paris. Lyon is a common mistake.", "Paris"),
    ("Actually, it's Paris, not Lyon.", "Paris"),
    ("The answer is not Lyon; it is Paris.", "Paris"),
    ("Lyon is not correct, Paris is.", "Paris"),
    ("Paris rather than Lyon", "Paris"),
    ("The capital isn't Lyon but Paris", "Paris"),
    ("The band is called The Who.", "The Who"),
    ("The Beatles", "Beatles"),
    ("The The", "The The"),
    ("It was written by Them", "Them"),
    ("1.5e6", "1500000"),
    ("3 × 10^8 m/s", "3e8 m/s"),
    ("299 792 458", "2.99792458 x 10^8"),
    ("between 5 and 10 km", "5-10 km"),
    ("from 1914 to 1918", "1914–1918"),
    ("5 ft 11 in", "5'11\""),
    ("100 kph", "100 km/h"),
    ("10 metres per second", "10 m/s"),
    ("the '70s", "1970s"),
    ("1970's", "1970s"),
    ("11/20/1965", "20 November 1965"),
    ("1965/11/20", "20 November 1965"),
    ("20-11-1965", "20 November 1965"),
    ("1965-11-20T00:00:00Z", "20 November 1965"),
    ("AD 79", "79 AD"),
    ("79 CE", "AD 79"),
    ("44 B.C.", "44 BC"),
    ("Spider Man", "Spiderman"),
    ("Mt. Everest", "Mount Everest"),
    ("Dr. Dre", "Doctor Dre"),
    ("JRR Tolkien", "J. R. R. Tolkien"),
    ("J R R Tolkien", "J.R.R. Tolkien"),
    ("World War 2", "World War II"),
    ("Henry 8", "Henry VIII"),
    ("Rock & Roll", "rock and roll"),
    ("Guns n' Roses", "Guns N' Roses"),
    ("Guns and Roses", "Guns N' Roses"),
    ("Yep", "yes"),
    ("Correct.", ["yes", "true"]),
    ("Absolutely not.", "no"),
    ("Nope.", ["no", "false"]),
    ("False", ["no", "false"]),
    ("Definitely!", "yes"),
    ("true", "yes"),
    ("१२", "12"),
    ("４２", "42"),
    ("No. 5", "number 5"),
    ("No. 1", "#1"),
    ("colour", "color"),
    ("grey", "gray"),
    ("I Don't Know How to Love Him", "I Don't Know How to Love Him"),
    ("It's \"I Don't Know How to Love Him\" by X.", "I Don't Know How to Love Him"),
    ("20th November 1965", "1965-11-20"),
    ("21st century", "twenty-first century"),
    ("100 per cent", "100%"),
    ("kilometre", "kilometer"),
    ("Washington DC", "Washington, D.C."),
    ("a dozen", "12"),
    ("one hundred", "100"),
    ("Zurich", "Zürich"),
    ("Paris, France", "Paris"),
    ("Paris France", "Paris"),
    ("Barack Obama", "Obama"),
    ("It was Barack Obama", "Obama"),
    ("President Obama", "Obama"),
    ("the Nile River", "Nile"),
    ("Paris I think", "Paris"),
    ("Harry Potter and the Goblet of Fire", "Harry Potter"),
    ("Jane Austen", "Austen"),
    ("Lake Michigan", "Lake Michigan"),
]

WRONG = [
    ("<think>Paris", "Paris"),
    ("between 5 and 10 km", "10 km"),
    ("5-10 km", "10 km"),
    ("5-10 km", "5 km"),
    ("5 hours 30 minutes", "30 minutes"),
    ("5 hours 30 minutes", "5 hours"),
    ("2 hours and 30 minutes", "2 hours"),
    ("10 km per hour", "10 km"),
    ("10 m/s", "10 m"),
    ("5/10", "10"),
    ("$5 per hour", "$5"),
    ("5 to 6 million", "6 million"),
    ("10 to 12", "12"),
    ("3 feet 4 inches", "3 feet"),
    ("5B", "5"),
    ("4K", "4"),
    ("5G", "5"),
    ("10K", "10"),
    ("the 1800s", "1800"),
    ("1990s", "1990"),
    ("1.5M", "1.5"),
    ("1 1/2", "1/2"),
    ("2 3/4", "2"),
    ("1/2", "1"),
    ("2½", "2"),
    ("1,5", "5"),
    ("1,5", "1"),
    ("1,500", "1.5"),
    ("10 000", "10"),
    ("12 345 678", "678"),
    ("50 states and 14 territories", "50"),
    ("Paris is wrong. It is Lyon.", "Paris"),
    ("Not Paris. Lyon.", "Paris"),
    ("I thought it was Paris, but it is Lyon.", "Paris"),
    ("Paris? No, Lyon.", "Paris"),
    ("Paris. No, wait, Lyon.", "Paris"),
    ("It is Paris. Lyon is a common mistake.", "Lyon"),
    ("Many people say Lyon, but the answer is Paris.", "Lyon"),
    ("The answer is Lyon. Actually, it is Paris.", "Lyon"),
    ("Paris rather than Lyon", "Lyon"),
    ("Lyon was the first guess, but it is Paris.", "Lyon"),
    ("Who was the king?", "The Who"),
    ("03/04/1965", "3 April 1965"),
    ("Absolutely not.", "yes"),
    ("the US", "United States"),
    ("Paris Saint-Germain", "Paris"),
    ("Victoria Falls", "Victoria"),
    ("Jordan Peele", "Jordan"),
    ("Washington Irving", "Washington"),
    ("Fort Worth", "Worth"),
    ("Mount Washington", "Washington"),
    ("Martin Luther King", "Martin Luther"),
    ("San Jose", "Jose"),
    ("York", "New York"),
    ("Lake Michigan", "Michigan"),
    ("I think it is Paris Hilton.", "Paris"),
]

NAMES_B = [
    "Answer: b",
    "answer is b",
    "b)",
    "choice b",
    "The correct option is b.",
    "(b)",
    "I choose b",
    "Risposta: B",
    "Ответ: B",
    "答え: B",
    "답: B",
    "正解: B",
    "Resposta: B",
    "Odpowiedź: B",
    "La respuesta es B",
    "Die Antwort ist B.",
    "La bonne réponse est B.",
    "Result: B",
    "Ans: B",
    "Correct answer: B",
    "Choice: B",
    "[[B]]",
    "<answer>B</answer>",
    '{"answer": "B"}',
    "Final Answer: B",
    "Answer = B",
    "Answer (B)",
    "**B**",
    "答案：B",
    "उत्तर: B",
    "Cevap: B",
    "So B",
    "Therefore, B.",
    "Going with B",
    "Definitely B!",
    "Maybe B",
    "My guess: B",
    "B it is",
    "It must be B.",
    "I'm going with B because it is the capital.",
    "Surely B",
    "Only B",
    "I believe B fits best.",
    "Hmm, B?",
    "B. A is wrong because London is in the UK.",
    "Option A is wrong. Option C is wrong. Option B is correct.",
    "The answer is B. A, C and D are wrong.",
    "A is incorrect. B.",
    "I first thought A, but it is B.",
    "A? No, B.",
    "Answer: A. No wait, B.",
    "The answer is A, no, B",
    "A. No, wait: B",
    "Not A but B",
    "B, since A is not in France",
    "Vitamin C matters. Answer: B",
    "Given E = mc^2, the answer is B",
    "Point D lies on line C. So the answer is (B).",
    "\\boxed{\\text{(B)}}",
    "$\\boxed{B}$",
    "\\textbf{B}",
    "(B) Paris",
    "\\boxed{B. Paris}",
    "\\boxed{\\text{Paris}}",
    "The answer is \\(B\\).",
    "<think>A or B?</think>\n\nB",
    "<think>A</think>B. Paris",
    "Let's think step by step. London is in England. So the answer is B.",
    "A\n\nFinal answer: B",
    "### Final Answer: B",
    "**Final Answer:** (B) Paris",
    "The best answer is B",
]

NAMES_ANOTHER_OR_SEVERAL = [
    "answer: a dog",
    "the answer is a dog",
    "A or B",
    "A and B",
    "It could be A or B.",
    "not B",
    "B is wrong",
    "The answer is A.",
    "C",
    "Both B and C",
    "The answer is B or C",
    "All of them",
    "I am sure it is A",
    "A. Paris",
    "B. London",
    "A) London\nB) Paris\nC) Rome\nD) Berlin",
    "A B C D",
    "E",
    "ABCD",
]


@pytest.mark.parametrize(("reply", "answers"), RIGHT)
def test_right_reply(reply: str, answers: str | list[str]) -> None:
    accepted = [answers] if isinstance(answers, str) else answers
    assert match(reply, accepted, kind=Kind.OPEN).correct


@pytest.mark.parametrize(("reply", "answer"), WRONG)
def test_wrong_reply(reply: str, answer: str) -> None:
    assert not match(reply, [answer], kind=Kind.OPEN).correct


@pytest.mark.parametrize("reply", NAMES_B)
def test_reply_names_the_right_choice(reply: str) -> None:
    assert match(reply, ["Paris"], kind=Kind.CHOICE, choices=CITIES).correct


@pytest.mark.parametrize("reply", NAMES_ANOTHER_OR_SEVERAL)
def test_reply_does_not_name_the_right_choice(reply: str) -> None:
    assert not match(reply, ["Paris"], kind=Kind.CHOICE, choices=CITIES).correct


@pytest.mark.parametrize(
    ("reply", "text", "source"),
    [
        ("Paris", "Paris", Source.LINE),
        ("The answer is Paris.", "Paris.", Source.CUE),
        ("17?\n#### 18", "18", Source.HASHES),
        (r"It is $\boxed{\frac{1}{2}}$.", r"\frac{1}{2}", Source.BOXED),
        ("<answer> Paris </answer><confidence>90</confidence>", "Paris", Source.TAG),
        ('{"answer": "Paris", "confidence": 0.9}', "Paris", Source.FIELD),
        ("<think>It must be", "", Source.NOTHING),
        ("", "", Source.LINE),
    ],
)
def test_final_answer_says_where_it_was(reply: str, text: str, source: Source) -> None:
    final = final_answer(reply)
    assert (final.text, final.source) == (text, source)


def test_grade_says_why_that_part_was_taken() -> None:
    assert match("The answer is Paris", ["Paris"], kind=Kind.OPEN).explanation == "exact, answer cue"
    assert match("#### C", ["Paris"], kind=Kind.CHOICE, choices=CITIES).explanation == "different, ####"


def test_the_last_of_several_answers_counts() -> None:
    assert final_answer("#### 17\nThe answer is 18").text == "18"
    assert final_answer("The answer is 18\n#### 17").text == "17"
    assert final_answer(r"\boxed{17} \boxed{18}").text == "18"


def test_thought_without_an_end_is_no_answer() -> None:
    grade = match("<think>It may well be Paris", ["Paris"], kind=Kind.OPEN)
    assert (grade.correct, grade.reason) == (False, Reason.UNFINISHED)
    assert match("<think>Is it B?", ["Paris"], kind=Kind.CHOICE, choices=CITIES).reason == Reason.UNFINISHED


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"\boxed{\text{Paris}}", "Paris"),
        (r"1\frac{1}{4}", "1 1/4"),
        (r"\frac{a+b}{2}", "(a+b)/2"),
        (r"90^{\circ}", "90°"),
        ("$5 and $10", "$5 and $10"),
        (r"C:\temp", r"C:\temp"),
        ("{a: 1}", "{a: 1}"),
    ],
)
def test_plain_text_of_latex(text: str, expected: str) -> None:
    assert plain(text) == expected


@pytest.mark.parametrize(
    ("reply", "form"),
    [("B", "paris"), ("(b)", "paris"), ("B. Paris", "paris"), ("The answer is B", "paris"), ("Paris", "paris")],
)
def test_replies_that_name_one_choice_have_one_form(reply: str, form: str) -> None:
    assert answer_form(reply, CITIES) == form


def test_form_of_an_open_reply_is_its_final_answer() -> None:
    assert answer_form("<think>17?</think>Eighteen") == answer_form("#### 18") == answer_form("18.00") == "18"
    assert answer_form("<think>no end") != answer_form("<think>another")


REPLY = st.text() | st.lists(
    st.sampled_from(
        ["Paris", "B", "A.", "(b)", "not", "or", "and", "wait,", "no,", "the answer is", "5", "km", "to", "-", "/", ",",
         "per", "\n", "####", "<think>", "</think>", "<answer>", r"\boxed{", "}", r"\frac", "$", "{", '"answer":',
         "but it is"]
    )
).map(" ".join)  # fmt: skip


@given(REPLY)
def test_any_reply_is_read(reply: str) -> None:
    assert match(reply, ["Paris"], kind=Kind.OPEN).correct in (True, False)
    assert match(reply, ["5 km"], kind=Kind.OPEN).correct in (True, False)
    assert match(reply, ["Paris"], kind=Kind.CHOICE, choices=CITIES).correct in (True, False)
    assert (answer_form(reply) == "") == (not reply.strip())


@given(REPLY)
def test_a_thought_in_front_changes_nothing(reply: str) -> None:
    if re.search("think>|THINK|final", reply):
        return
    for kind, choices in ((Kind.OPEN, ()), (Kind.CHOICE, CITIES)):
        bare = match(reply, ["Paris"], kind=kind, choices=choices)
        behind = match(f"<think>Lyon, or C?</think>{reply}", ["Paris"], kind=kind, choices=choices)
        assert behind.correct == bare.correct
