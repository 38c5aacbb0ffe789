"""What a reply answers, in the one spelling in which answers to a question are compared."""

from __future__ import annotations

from functools import lru_cache

from raycal.text.choice_reply import read_choice_reply
from raycal.text.final_answer import final_answer, without_references
from raycal.text.mentions import is_quantity
from raycal.text.normalize import normalize, parse


@lru_cache(maxsize=1 << 12)
def answer_form(reply: str, choices: tuple[str, ...] = ()) -> str:
    """The normal form of what a grader would grade: of the named choice's text, else of the final answer.

    A reply that answers nothing, such as a thought without an end, is compared as a whole.

    >>> answer_form("The answer is (B).", ("London", "Paris")), answer_form("<think>17?</think>#### 18")
    ('paris', '18')
    """
    if choices:
        named = read_choice_reply(reply, choices)
        texts = named.texts(choices)
        if len(texts) == 1 and (text := texts.pop()) is not None:
            return normalize(text)
        final = named.final
    else:
        final = final_answer(reply)
    return normalize(without_references(final.readable)) or normalize(reply)


def same_amount(left: str, right: str) -> bool:
    """Whether two normal forms are one amount, of which at most one has a unit: "18" and "18 $"."""
    one, other = parse(left), parse(right)
    if not (is_quantity(one) and is_quantity(other)) or one.words[0] != other.words[0]:
        return False
    return one.words == other.words or 1 in (len(one.words), len(other.words))
