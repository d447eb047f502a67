"""What the programs that measure the numbers on the rules' pages print them with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns that stand below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("   ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def said(value: float) -> str:
    """A number to two digits."""
    return f"{value:.2f}" if 0.01 <= abs(value) < 100 or not value else f"{value:.0e}"


def show(codes: Sequence[str], measured: Mapping[str, Callable[[], str]]) -> None:
    """Prints the numbers of these rules, or of all that are measured."""
    for code in codes or measured:
        print(f"{code}\n\n{measured[code]()}\n")
