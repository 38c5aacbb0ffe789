"""Facts about the chemical elements, from periodictable."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from raycal.questions.facts.fact import ENGLISH_WORDS, Fact

_ALIASES = {
    "Al": ("aluminium",),
    "Cs": ("caesium",),
    "S": ("sulphur",),
}


@dataclass(frozen=True)
class Element:
    """A chemical element; `names` has American spelling first."""

    number: int
    symbol: str
    names: tuple[str, ...]


@functools.cache
def elements() -> tuple[Element, ...]:
    """The 118 elements by atomic number."""
    import periodictable

    return tuple(
        Element(entry.number, entry.symbol, (entry.name, *_ALIASES.get(entry.symbol, ())))
        for entry in periodictable.elements
        if entry.number > 0  # the package lists the neutron too
    )


def _element_symbol() -> Iterator[Fact]:
    for element in elements():
        if element.symbol.lower() not in ENGLISH_WORDS:
            yield Fact(
                question=f"What is the chemical symbol for {element.names[0]}?",
                answers=(element.symbol,),
                prominence=-element.number,
                group=element.symbol[0],
            )


def _symbol_element() -> Iterator[Fact]:
    for element in elements():
        yield Fact(
            question=f"What chemical element has the symbol {element.symbol}?",
            answers=element.names,
            prominence=-element.number,
            group=element.symbol[0],
        )


def _element_number() -> Iterator[Fact]:
    for element in elements():
        yield Fact(
            question=f"What is the atomic number of {element.names[0]}?",
            answers=(str(element.number),),
            prominence=-element.number,
            group=str(element.number // 10),
        )


def _number_element() -> Iterator[Fact]:
    for element in elements():
        yield Fact(
            question=f"What chemical element has the atomic number {element.number}?",
            answers=element.names,
            prominence=-element.number,
            group=str(element.number // 10),
        )


RELATIONS: dict[str, Callable[[], Iterable[Fact]]] = {
    "element_symbol": _element_symbol,
    "symbol_element": _symbol_element,
    "element_number": _element_number,
    "number_element": _number_element,
}
