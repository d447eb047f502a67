"""Styled lines, and text from outside made fit to print."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

Segment: TypeAlias = tuple[str, str]  # style, text
Line: TypeAlias = list[Segment]

REORDERING = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))  # Unicode's bidirectional controls
CONTROL = {
    **{code: 0x2400 + code for code in range(32)},  # each has a picture
    127: 0x2421,
    **dict.fromkeys((*range(0x80, 0xA0), *REORDERING), 0xFFFD),
}


def shown(text: str) -> str:
    """Text as reports may print it: no lone surrogates (bytes of a file's name that are no text), no control codes."""
    if text.isascii() and text.isprintable():
        return text
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace").translate(CONTROL)


def columns(text: str) -> int:
    """How many columns a terminal gives to the text."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def plain(lines: Iterable[Line]) -> str:
    """The lines without their styles."""
    return "".join("".join(text for _, text in line).rstrip() + "\n" for line in lines)
