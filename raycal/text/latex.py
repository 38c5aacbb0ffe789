"""LaTeX as plain text: what a reader of the typeset text would type.

`\\frac{1}{2}` is "1/2", `\\text{Paris}` is "Paris", `7{,}250` is "7,250" and `90^\\circ` is "90°". Commands that this
table lacks stay as they are, so that nothing is lost; the time is linear in the text's length.
"""

from __future__ import annotations

import re

from raycal.text.numerals import listed

_MARKUP = re.compile(r"\\[a-zA-Z(\[,;:!%$&#{ ]|[\^_]\{|\{[,.]\}|\$")
# By pandoc's rule, so that "$5 and $10" stays money: no space within the two marks, no digit behind the second.
_INLINE = re.compile(r"(?<![\\$\w])\$(?![\s$])([^$\n]*[^\s\\$])\$(?![\d$])")
_DISPLAY = re.compile(r"(?<!\\)\$\$|\\[()\[\]]")
_TOKEN = re.compile(r"\\(?:[a-zA-Z]+\*?|.)|[{}]|[\^_]|[^\\{}^_]+", re.DOTALL)

_DROPPED = frozenset(
    listed(
        "text textbf textit textrm textsf texttt textnormal mathrm mathbf mathit mathsf mathtt mathcal mathbb "
        "boldsymbol bm operatorname mbox hbox boxed fbox emph underline overline displaystyle "
        "left right big bigg bigl bigr limits textstyle mathopen mathclose ! /"
    )
)
_FRACTIONS = frozenset({"frac", "dfrac", "tfrac", "cfrac", "nicefrac", "sfrac"})
_SPACES = frozenset({",", ";", ":", " ", "quad", "qquad", "enspace", "thinspace", "space", "newline", "\\", "\n"})
_SYMBOLS = {
    "times": "×", "cdot": "·", "div": "÷", "pm": "±", "mp": "∓", "circ": "°", "degree": "°", "infty": "∞", "le": "≤",
    "leq": "≤", "ge": "≥", "geq": "≥", "ne": "≠", "neq": "≠", "approx": "≈", "sim": "~", "pi": "π", "alpha": "α",
    "beta": "β", "gamma": "γ", "delta": "δ", "theta": "θ", "lambda": "λ", "mu": "μ", "sigma": "σ", "phi": "φ",
    "omega": "ω", "Omega": "Ω", "Delta": "Δ", "to": "→", "rightarrow": "→", "Rightarrow": "⇒", "implies": "⇒",
    "ldots": "...", "dots": "...", "cdots": "...", "lbrace": "{", "rbrace": "}", "pounds": "£", "euro": "€",
    "textdollar": "$", "textdegree": "°", "prime": "'", "cup": "∪", "cap": "∩", "in": "∈", "emptyset": "∅",
}  # fmt: skip
_DEEPEST = 40  # braces within braces; what is deeper is left as it stands
_SIMPLE = re.compile(r"-?[\w.,°%$]+")


def plain(text: str) -> str:
    """A text without its LaTeX.

    >>> plain(r"\\boxed{\\frac{1}{2}\\text{ km}}")
    '1/2 km'
    """
    if not _MARKUP.search(text):
        return text
    text = _DISPLAY.sub(" ", _INLINE.sub(r"\1", text))
    if "\\" not in text and not re.search(r"[\^_]\{|\{[,.]\}", text):
        return text
    return _Reader(_TOKEN.findall(text)).read(0)


def boxed(text: str) -> list[tuple[int, str]]:
    """The contents of a text's closed `\\boxed{}`, each with its position."""
    contents: list[tuple[int, str]] = []
    opened: list[tuple[int, bool]] = []
    for brace in re.finditer(r"\\(?:boxed|fbox)\s*\{|\\.|[{}]", text, re.DOTALL):
        if brace[0].endswith("{") and brace[0] != r"\{":
            opened.append((brace.end(), len(brace[0]) > 1))
        elif brace[0] == "}" and opened:
            start, is_box = opened.pop()
            if is_box and not any(outer for _, outer in opened[-_DEEPEST:]):
                contents.append((start, text[start : brace.start()]))
    return contents


class _Reader:
    """Reads pieces from the left; a group's end is its closing brace."""

    def __init__(self, pieces: list[str]) -> None:
        self.pieces = pieces
        self.position = 0

    def read(self, depth: int) -> str:
        """The pieces up to the brace that closes this group, or to the end."""
        parts: list[str] = []
        while self.position < len(self.pieces):
            piece = self.pieces[self.position]
            self.position += 1
            if piece == "}" and depth:
                break
            parts.append(self._spelling(piece, parts[-1] if parts else "", depth))
        return "".join(parts)

    def _spelling(self, piece: str, previous: str, depth: int) -> str:
        if piece == "{":
            return self.read(depth + 1) if depth < _DEEPEST else piece
        if piece in ("^", "_"):
            return self._raised(piece, depth)
        return self._command(piece, previous, depth) if piece.startswith("\\") else piece

    def _command(self, piece: str, previous: str, depth: int) -> str:
        name = piece[1:].rstrip("*")
        name = name if name in _SYMBOLS else name.lower()
        if name in _FRACTIONS:
            above, below = self._argument(depth), self._argument(depth)
            fraction = "/".join(part if _SIMPLE.fullmatch(part) else f"({part})" for part in (above, below))
            return f" {fraction}" if previous[-1:].isdigit() else fraction
        if name == "sqrt":
            return f"√{self._argument(depth)}"
        if name in _DROPPED:  # the braces behind a wrapper go like any others
            return ""
        if name in _SPACES:
            return " "
        return _SYMBOLS.get(name, piece if name.isalpha() else name)

    def _raised(self, mark: str, depth: int) -> str:
        raised = self._argument(depth)
        if mark == "^" and raised.strip() in ("°", "'", "′"):
            return raised.strip()
        return f"{mark}{raised}"

    def _argument(self, depth: int) -> str:
        """The next group, command or single character."""
        while self.position < len(self.pieces) and not self.pieces[self.position].strip():
            self.position += 1
        if self.position == len(self.pieces):
            return ""
        piece = self.pieces[self.position]
        if piece == "}":
            return ""
        if piece == "{" or piece.startswith("\\"):
            self.position += 1
            return self._spelling(piece, "", depth + 1) if depth < _DEEPEST else piece
        piece = piece.lstrip()
        self.pieces[self.position] = piece[1:]
        self.position += len(piece) == 1
        return piece[0]
