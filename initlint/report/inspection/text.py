"""What was understood, as text: a table for each class of each file."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from initlint.inspection import Init, Inspection, Row
from initlint.report._lines import Line, columns, counted, plain, shown
from initlint.source import Place

NO_VALUE = "?"


def render(inspection: Inspection) -> str:
    return plain(layout(inspection))


def layout(inspection: Inspection) -> Iterator[Line]:
    for file, rows in groupby(inspection.rows, key=lambda row: row.place.document):
        yield [("path", shown(file))]
        by_owner: dict[str, list[Row]] = {}
        for row in rows:
            by_owner.setdefault(row.name.partition(".")[0], []).append(row)
        for owner, members in by_owner.items():
            yield [("", "  "), ("heading", shown(owner))]
            yield from table(members)
        yield []
    yield summary(inspection)


def table(rows: list[Row]) -> Iterator[Line]:
    cells = [row_cells(row) for row in rows]
    widths = [max(columns(line[i][1]) for line in cells) for i in range(len(cells[0]))]
    for row, line in zip(rows, cells, strict=True):
        padded: Line = [("", "   ")]
        for (style, text), width in zip(line, widths, strict=True):
            space = " " * (width - columns(text))
            padded.append(("", " " + space) if style == "gutter" else ("", " "))
            padded.append((style, text))
            padded.append(("", " " if style == "gutter" else " " + space))
        yield padded
        indent = " " * (widths[0] + 6)
        if row.is_recurrent:
            yield [("", indent), ("dim", "recurrent: "), ("code", initializer(row.recurrent, row))]
        for one in row.composed:
            advice = f"; std = {one.gain:.2f} / sqrt(fan_in) keeps the signal"
            yield [("", indent), ("dim", "custom: "), ("code", shown(one.text)), ("", advice)]
        for why in row.unknown:
            yield [("", indent), ("unknown", f"unknown: {shown(why)}")]


def row_cells(row: Row) -> Line:
    """Line, name, layer with fans, initializer, activations."""
    site = "" if row.site is None else f" (made at {place(row.site, row)})"
    fans = "" if row.fan_in is None and row.fan_out is None else f" {fan(row.fan_in)} -> {fan(row.fan_out)}"
    unknown = row.init is None
    return [
        ("gutter", str(row.place.span.start.line)),
        ("name", shown(row.name.partition(".")[2] or row.name)),
        ("", f"{shown(row.layer)}{fans}{site}"),
        ("unknown" if unknown else "code", initializer(row.init, row)),
        ("unknown" if row.activations is None else "", feeds(row)),
    ]


def fan(value: int | None) -> str:
    return NO_VALUE if value is None else str(value)


def initializer(init: Init | None, row: Row) -> str:
    """`kaiming_normal(mode=fan_out) * 0.5 at line 12`."""
    if init is None:
        return NO_VALUE
    args = ", ".join(f"{name}={number(value)}" for name, value in init.args) if init.explicit else ""
    at = f" at {place(init.at, row)}" if init.at is not None else ""
    factor = "" if init.factor == 1 else f" * {number(init.factor)}"
    return f"{init.name}{f'({args})' if args else ''}{factor}{at}"


def number(value: float | str | bool | None) -> str:
    return f"{value:.6g}" if isinstance(value, float) else shown(str(value))


def place(other: Place, row: Row) -> str:
    line = other.span.start.line
    return f"line {line}" if other.document == row.place.document else f"{shown(other.document)}:{line}"


def feeds(row: Row) -> str:
    """What the layer's output meets first."""
    if row.activations is None:
        return f"-> {NO_VALUE}"
    norm = "norm, then " if row.norm_between else ""
    return f"-> {norm}{', '.join(map(shown, row.activations))}" if row.activations else "-> nothing"


def summary(inspection: Inspection) -> Line:
    whole = [row for row in inspection.rows if not row.inside]
    rows, known = len(whole), sum(row.init is not None and row.activations is not None for row in whole)
    layers = f"{counted(rows, 'weighted layer')} in {counted(inspection.files, 'file')}"
    return [("", f"{layers}; initializer and activation known of {known}." if rows else f"{layers}.")]
