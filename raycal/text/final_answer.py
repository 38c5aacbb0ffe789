"""The part of a model's reply that is its answer, and where that part was.

1. A thought is cut off: all up to the last `</think>` (or a like mark), and what is thought without an end.
2. A base model that runs on with the next question has answered in front of it.
3. The last of these counts: "####" with something behind it that is no heading, `\\boxed{}`, `<answer>`, an object with
   a field "answer", and a line with an answer cue ("The answer is", "Antwort:", "答案是").
4. Else it is the first line that is no fence, heading or greeting.

Behind a cue the answer ends with its sentence, unless the next one takes it back ("No, wait").
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from raycal.text.cues import (
    CORRECTION,
    behind_cue,
    behind_label,
    is_bare_cue,
    is_heading,
    is_preamble,
)
from raycal.text.latex import boxed, plain
from raycal.text.normalize import first_line


class Source(StrEnum):
    """Where an answer was in a reply."""

    LINE = "first line"
    CUE = "answer cue"
    HASHES = "####"
    BOXED = "\\boxed"
    TAG = "<answer>"
    FIELD = "answer field"
    NOTHING = "nothing but a thought"


@dataclass(frozen=True)
class FinalAnswer:
    """What a reply answers, as it was written, and where that was; empty where it answers nothing."""

    text: str
    source: Source

    @property
    def readable(self) -> str:
        """The text without LaTeX, and without a confidence that is stated behind it."""
        return _CONFIDENCE.sub("", plain(self.text)).strip()


_THOUGHT_ENDS = re.compile(
    r"</(?:think|thinking|thought|reasoning)>|\[/THINK\]|<\|channel\|>final<\|message\|>|<\|end_of_thought\|>",
    re.IGNORECASE,
)
_THOUGHT_STARTS = re.compile(
    r"<(?:think|thinking|thought|reasoning)>|\[THINK\]|<\|channel\|>analysis<\|message\|>|<\|begin_of_thought\|>",
    re.IGNORECASE,
)
_SPECIAL_TOKENS = re.compile(
    r"(?:<\|[^<>|\n]{1,40}\|>|</?s>|<(?:eos|bos|start_of_turn|end_of_turn)>)(?:(?:assistant|model)(?=\s))?"
)
_NEXT_QUESTION = re.compile(r"\n[ \t]*(?:question|q|problem)[ \t]*\d*[ \t]*:", re.IGNORECASE)
_HASHES = re.compile(r"(?<!#)#{4,}(?!#)[ \t]*(\S.*)")
_TAGS = re.compile(r"</?(?:final_?)?answer>", re.IGNORECASE)
_TAG = re.compile(r"<(?:final_?)?answer>(.*?)(?:</(?:final_?)?answer>|\Z)", re.IGNORECASE | re.DOTALL)
_REFERENCES = re.compile(r"(?<=[\w.,)])\s?(?:\[[0-9]{1,3}(?:[,–-]\s?[0-9]{1,3}){0,9}\])+|(?<=[.,;:!?)])[¹²³⁰⁴-⁹]+")
_FIRST_OF_LIST = re.compile(r"^1[.)]\s+(?=\S)")
# "42, confidence: 90" and "42 (90% sure)" state a confidence beside the answer.
_CONFIDENCE = re.compile(
    r"[\s,;(\[–—-]{1,4}(?:(?:confidence|certainty|probability)(?:\s+(?:level|score))?\s*(?:[:=(]|is\b)\s*[0-9]"
    r"|[0-9]{1,3}\s?%\s+(?:confiden|sure|certain))[^\n]*$",
    re.IGNORECASE,
)
_MARKDOWN_BEHIND = re.compile(r"[*_`]{1,3}([.!]?)\s*$")
_OBJECT = re.compile(r"\{[^{}]*\}")
_ANSWER_FIELDS = ("final_answer", "answer", "correct_answer", "choice", "option", "response", "result", "prediction")
_LONGEST_OBJECT = 10_000  # characters

_SENTENCE_END = re.compile(r"(?<=[\w)\]*$%\"'”’])[.!?][\"'”’*)]*\s+(?=[\"'“‘*(]*[A-Z])|[;]\s+")
_TITLES = "st|mt|ft|mr|mrs|ms|dr|prof|jr|sr|no|vs|inc|ltd|co|gen|sgt|lt"
_ABBREVIATED = re.compile(rf"(?:^|[\s.(\"'])(?:{_TITLES})$", re.IGNORECASE)
_ABBREVIATED_OR_INITIAL = re.compile(rf"(?:^|[\s.(\"'])(?:[A-Za-z]|{_TITLES})$", re.IGNORECASE)
_DENIAL = re.compile(r"\W*(?:not|neither|never|isn['’]t)\b", re.IGNORECASE)


def final_answer(reply: str, *, lettered: bool = False) -> FinalAnswer:
    """The answer in a reply; `lettered` where "A:" names a choice and does not label an answer.

    >>> final_answer("<think>Lyon?</think>Let me see.\\nThe answer is **Paris**. It is old.").text
    'Paris.'
    """
    text = _before_next_question(_SPECIAL_TOKENS.sub("\n", without_thought(reply)))
    candidates = [*_marked(text), *_cued(text, lettered)]
    if candidates:
        _, answer, source = max(candidates, key=lambda candidate: candidate[0])
        return FinalAnswer(answer, source)
    line = _first_line(text)
    if not line:
        return FinalAnswer("", Source.NOTHING if reply.strip() else Source.LINE)
    return FinalAnswer(undecorated(line if lettered else behind_label(line)), Source.LINE)


def without_thought(reply: str) -> str:
    """The reply behind its thought; of a thought without an end what stands in front, or in `<answer>` within it."""
    ends = list(_THOUGHT_ENDS.finditer(reply))
    if ends:
        reply = reply[ends[-1].end() :]
    start = _THOUGHT_STARTS.search(reply)
    if start is None:
        return reply
    tag = _TAG.search(reply, start.end())
    return reply[: start.start()] + (tag[0] if tag else "")


def undecorated(text: str) -> str:
    """A text without spaces and Markdown around it."""
    return _MARKDOWN_BEHIND.sub(r"\1", text.strip().lstrip("*_`")).strip()


def without_references(text: str) -> str:
    """A text without marks of references behind a word, such as "[2][3]", and without the "1." of a list."""
    return _FIRST_OF_LIST.sub("", _REFERENCES.sub("", text)).strip()


def final_part(text: str) -> str:
    """What follows the last "####" that is no heading; empty where there is none."""
    parts = [match[1].strip() for match in _HASHES.finditer(text) if not is_heading(match[1])]
    return parts[-1] if parts else ""


def _before_next_question(text: str) -> str:
    start = len(text) - len(text.lstrip())
    following = _NEXT_QUESTION.search(text, start)
    return text[: following.start()] if following else text


def _marked(text: str) -> Iterator[tuple[int, str, Source]]:
    """The answers that marks set apart, with their positions."""
    for match in _HASHES.finditer(text):
        if not is_heading(match[1]):
            yield match.start(), undecorated(match[1]), Source.HASHES
    for position, content in boxed(text):
        if content.strip():
            yield position, content.strip(), Source.BOXED
    for match in _TAG.finditer(text):
        if match[1].strip():
            yield match.start(), undecorated(match[1]), Source.TAG
    for match in _OBJECT.finditer(text):
        value = _answer_field(match[0])
        if value:
            yield match.end(), value, Source.FIELD


def spelled_object(text: str) -> dict[str, Any]:
    """The fields of a JSON or Python object; none where the text is something else, or too long for an answer."""
    if len(text) > _LONGEST_OBJECT or ":" not in text:
        return {}
    for read in (json.loads, ast.literal_eval):
        try:
            fields = read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        return {str(name): value for name, value in fields.items()} if isinstance(fields, dict) else {}
    return {}


def _answer_field(text: str) -> str:
    """The field "answer" of a JSON or Python object; empty where there is none."""
    named = {name.strip().lower().replace(" ", "_"): value for name, value in spelled_object(text).items()}
    value = next((named[name] for name in _ANSWER_FIELDS if name in named), None)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, bool):
        return str(value).lower()
    return str(value).strip() if isinstance(value, str | int | float) else ""


def _cued(text: str, lettered: bool) -> Iterator[tuple[int, str, Source]]:
    """The answers behind cues: the rest of the line, or the next line where the cue ends one."""
    position, waits = 0, False
    for line in text.splitlines(keepends=True):
        if waits and line.strip() and not is_preamble(line):
            yield position, _first_sentence(undecorated(line), lettered), Source.CUE
            waits = False
        behind = behind_cue(_TAGS.sub(" ", line), lettered=lettered)
        if behind is not None and behind.strip(" \t\r\n*_`:\"'.,!"):
            yield position, _first_sentence(undecorated(behind), lettered), Source.CUE
            waits = False
        elif behind is not None or is_bare_cue(line):
            waits = True
        position += len(line)


def _first_sentence(text: str, lettered: bool) -> str:
    """The first sentence that is no denial, or the last that takes one back: "Paris. No, wait: Lyon" is "Lyon"."""
    start = 0
    abbreviated = _ABBREVIATED if lettered else _ABBREVIATED_OR_INITIAL
    for end in _SENTENCE_END.finditer(text):
        if abbreviated.search(text, max(0, end.start() - 6), end.start()) or _DENIAL.match(text, start):
            continue
        correction = CORRECTION.match(text, end.end())
        if correction is None:
            return undecorated(text[start : end.start() + 1].rstrip(";"))
        start = correction.end()
    return undecorated(text[start:])


def _first_line(text: str) -> str:
    lines = (line.strip() for line in text.splitlines() if line.strip())
    return next((line for line in lines if not is_preamble(line)), first_line(text))
