"""Words that announce an answer, in several languages, and lines that hold none.

The lists are closed: "This answer is correct" is no cue, and neither is a heading such as "Explanation".
"""

from __future__ import annotations

import re

_MARKUP = r"[\s>*_`#\-–—•\"'“(\[]*"
_SUBJECT = r"answers?(?:\s+(?:choice|option|letter))?(?:\s+to\s+(?:the|this|that|your)\s+(?:\w+\s+)?question)?"
# What is said of an answer, and is none.
_REMARK = r"(?!\W*(?:(?:in)?correct|wrong|accurate|based|as\s+follows|below|given|provided|explained|found)\b)"
_OF_IT = r"(?<!this\ )(?<!that\ )(?<!your\ )(?<!an\ )(?<!whose\ )"
_SENTENCE = re.compile(
    rf"""
    \b{_OF_IT}{_SUBJECT}[*_]*\s*(?:\b(?:is|are|was|were|would\s+be|will\s+be|must\s+be|should\s+be)\b\s*[:：]?|[:：=→])
        [*_]*{_REMARK}
  | \bfinal\s+(?:answer|result|choice)\s*(?:is\b\s*:?|[:=]|-+>)
  | \b(?:correct|right|best)\s+(?:option|choice|letter|one|statement)\s+(?:is|would\s+be)\b\s*:?{_REMARK}
  | \b(?:la\s+)?respuesta(?:\s+(?:correcta|final))?\s+(?:es|sería)\b\s*:?
  | \b(?:die\s+)?(?:richtige\s+|korrekte\s+)?antwort(?:\s+\w+)?\s+(?:ist|lautet|wäre)\b\s*:?
  | \b(?:la\s+)?(?:bonne\s+)?réponse(?:\s+(?:correcte|finale|exacte))?\s+est\b\s*:?
  | \b(?:la\s+)?risposta(?:\s+(?:corretta|giusta|finale))?\s+è(?!\w)\s*:?
  | \b(?:a\s+)?resposta(?:\s+(?:correta|certa|final))?\s+é(?!\w)\s*:?
  | \b(?:het\s+)?(?:juiste\s+)?antwoord\s+is\b\s*:?
  | (?:最终|正确|所以|因此)?(?:答案|选项|選項)\s*(?:应该|應該|应)?\s*(?:是|为|為|選|选)\s*[:：]?
  | (?:正解|答え|正答|回答)\s*は\s*[:：、]?
  | (?:정답|답)\s*(?:은|는)\s*
  | (?:правильный\s+)?ответ\s*(?:[:：]|[-–—])\s*
    """,
    re.IGNORECASE | re.VERBOSE,
)
_LABELS = (
    r"(?:(?:so|thus|therefore|hence)[\s,]+)?(?:the\s+)?(?:my\s+)?"
    r"(?:(?:final|correct|right|best|chosen|selected|short|predicted)\s+)?"
    r"(?:answers?|ans|options?|choices?|letter|result|response|output|prediction|solution|conclusion|final|label|key"
    r"|antwort|lösung|loesung|ergebnis|respuesta|solución|réponse|reponse|risposta|resposta|antwoord|svar|svaret|vastaus"
    r"|odpowiedź|odpověď|odpoveď|válasz|răspuns|cevap|yanıt|απάντηση|ответ|відповідь|отговор|одговор|答案|答|回答|答え"
    r"|正解|正答|정답|답|답변|الإجابة|الاجابة|إجابة|الجواب|جواب|پاسخ|उत्तर|जवाब|উত্তর|คำตอบ|đáp\s+án|trả\s+lời|jawaban)"
)
_LABELLED = re.compile(
    rf"^{_MARKUP}{_LABELS}(?:\s*(?:\(\w+\)|no\.?))?[*_`\"'”)\]]*(?:\s*(?:[:：=→]|-+>|=>)|\s+[-–—](?=\s)|[.]\s+(?=\S\W*$))[\s*_`]*",
    re.IGNORECASE,
)
_LETTER_LABEL = re.compile(r"^\W*a\s*[:：]\s*", re.IGNORECASE)
_BARE = re.compile(rf"^{_MARKUP}{_LABELS}[\s*_`:：\])]*$", re.IGNORECASE)

CORRECTION = re.compile(
    r"""[\s("*—–-]*(?:(?:oh|hmm|um|ah|oops|sorry)[,!.\s—–-]+)*
        (?:(?:no|wait|actually|correction|sorry|scratch\s+that|on\s+second\s+thought|let\s+me\s+correct\s+(?:that|myself)
            |i\s+mean(?:t)?|make\s+that|or\s+rather|rather|i\s+take\s+that\s+back|i\s+was\s+wrong|my\s+mistake)
        \b[\s,.:;!—–-]*)+(?:(?:it|that)(?:'s|’s|\s+is|\s+was|\s+should\s+be)\s+)?""",
    re.IGNORECASE | re.VERBOSE,
)

TAKEN_BACK = re.compile(
    r"""[.?!,;:…—–-]["'”’)*]{0,3}\s{0,3}(?:(?:oh|hmm|oops)[,!.\s]{1,3})?
        (?:no(?=\s?[,.:;!—–-]|\s(?:wait|it|sorry|actually|that)\b)|wait|actually|correction|sorry|scratch\s+that|i\s+mean(?:t)?
          |make\s+that|or\s+rather|on\s+second\s+thought)\b""",
    re.IGNORECASE | re.VERBOSE,
)

_HEADING_WORDS = (
    "explanation|explanations|reasoning|rationale|analysis|solution|answer|background|context|summary|conclusion|note|"
    "notes|step|steps|details|detail|why|how|what|justification|verification|approach|evidence|discussion|history|"
    "introduction|overview|sources|source|references|reference|thought|thoughts|thinking|confidence|calculation|final|"
    "additional|key|more|further|important|question|problem|example|examples|option|options|method|proof|result|facts"
)
_HEADING = re.compile(
    rf"[\s*_]*(?:(?:\d+[.)]|the|my|brief)\s+)?(?:{_HEADING_WORDS})\b(?!.*\d\s*$)|.*[:：?]\s*[*_]*\s*$", re.I
)
_ATX = re.compile(r"\s*#{1,6}\s")
_RULE = re.compile(r"\s*(?:```+\s*\w*|~~~+\s*\w*|[-=*_]{3,})\s*$")
_ASSENT = (
    r"(?:sure|certainly|of\s+course|absolutely|definitely|okay|ok|alright|all\s+right|great|good|excellent|hello|hi|hey|"
    r"thanks|thank\s+you|no\s+problem|happy\s+to\s+help|gladly|well)"
)
_GREETING = re.compile(
    rf"^\W*(?:assistant|model|bot)\W*$|^\W*{_ASSENT}(?:\s+(?:thing|question|there|to\s+help|for\s+asking))*(?:\W+{_ASSENT}(?:\s+(?:thing|question))?)*\W*$",
    re.IGNORECASE,
)
_INTRODUCTION = re.compile(
    rf"""^\W*(?:{_ASSENT}(?:\s+(?:thing|question))?[\s,!.]+)?
    (?:so[\s,]+|first[\s,]+|now[\s,]+)?
    (?:let\s+me|let's|let’s|let\s+us|i\s+will|i'll|i’ll|i\s+am\s+going\s+to|i'm\s+going\s+to|i\s+need\s+to|we\s+need\s+to|we\s+will
       |here\s+is|here's|here’s|here\s+are|below\s+is|thinking|happy\s+to|i'd\s+be\s+happy|i\s+can\s+help)
    (?![^.!?\n]*[.!?]\s+\S)[^\n]*[.:!…]\s*[*_]*\s*$""",
    re.IGNORECASE | re.VERBOSE,
)


def behind_cue(line: str, *, lettered: bool = False) -> str | None:
    """What a line holds behind its last answer cue, or None where it has no cue."""
    end = None
    if label := (_LABELLED.match(line) or (None if lettered else _LETTER_LABEL.match(line))):
        end = label.end()
    for cue in _SENTENCE.finditer(line):
        end = max(cue.end(), end or 0)
    return None if end is None else line[end:]


def behind_label(line: str) -> str:
    """A line without the label "A:" in front."""
    return _LETTER_LABEL.sub("", line)


def is_bare_cue(line: str) -> bool:
    """Whether a line is a cue and no more, such as the heading "### Final Answer": the next line is the answer."""
    return _BARE.match(line) is not None and any(mark in line for mark in "#*:：_")


def is_heading(text: str) -> bool:
    """Whether what stands behind "####" is a heading, or a mark alone, and no answer."""
    return _HEADING.match(text) is not None or not any(map(str.isalnum, text))


def is_preamble(line: str) -> bool:
    """Whether a line holds no answer: a fence, a heading, a greeting, or what announces a reply."""
    return any(pattern.match(line) for pattern in (_RULE, _ATX, _GREETING, _INTRODUCTION)) or (
        line.rstrip().rstrip("*_").endswith((":", "："))
    )
