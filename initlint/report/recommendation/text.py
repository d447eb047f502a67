"""What the documents recommend, as text: their tables, a card for each row asked for, a line for each layer."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from initlint.documents import Table, recommended_in, tables
from initlint.recipes import imports
from initlint.recommendations import TITLES, Advice, Code, LayerAdvice, Option
from initlint.report._lines import Line, columns, plain, shown
from initlint.report.inspection.text import feeds, initializer, row_cells

WIDTH = 100
SCOPES = {"layer": "", "recurrent": ", a recurrent layer", "lstm": ", an LSTM", "attention": ""}


def render(advice: Sequence[Advice], layers: Sequence[LayerAdvice], given: bool) -> str:
    return plain(layout(advice, layers, given=given))


def layout(advice: Sequence[Advice], layers: Sequence[LayerAdvice], *, given: bool) -> Iterator[Line]:
    """The lines; `given` says whether anything was asked for, else the tables are shown."""
    if not given:
        yield from spread(tables())
    for number, one in enumerate(advice):
        yield from [[]] if number else []
        yield from card(one)
    yield from by_file(layers)


def spread(several: Iterable[Table]) -> Iterator[Line]:
    """Tables with aligned columns, a line for each row however long it is."""
    for number, table in enumerate(several):
        if number:
            yield []
        yield [("heading", table.title)]
        widths = [max(columns(cell) for cell in cells) for cells in zip(table.columns, *table.rows, strict=True)]
        for style, cells in (("label", table.columns), *(("", row) for row in table.rows)):
            padded = (cell + " " * (width - columns(cell)) for cell, width in zip(cells, widths, strict=True))
            yield [(style, "  " + "  ".join(padded))]
        for index, note in enumerate(table.notes, start=1):
            yield [("dim", f"  [{index}] {note}")]


def card(one: Advice) -> Iterator[Line]:
    """A row of the documents with its techniques, or a technique by itself."""
    if one.row is None:
        yield from (line for option in one.options for line in portrait(option))
        return
    row = one.row
    name = f" ({one.activation.name})" if one.activation else ""
    yield [("heading", row.row), ("", name), ("dim", f": documents, section {row.section}")]
    yield from paragraph(f"{row.says}: {row.why}" if row.why else row.says, 2)
    if one.activation and one.activation.extends:
        yield from paragraph(f"{one.activation.name}: {one.activation.extends}", 2)
    for option in one.options:
        yield []
        condition = f" ({option.condition})" if option.condition else ""
        yield [("label", f"  {option.technique.title}"), ("", condition)]
        yield from paragraph(f"{option.reason}", 4)
        yield [("", f"    {option.formula}")]
        yield from codes(option.code)
        yield from paragraph(f"paper: {papers(option, one)}", 4)
    if row.note:
        yield []
        yield from paragraph(f"note: {row.note}", 2)


def papers(option: Option, one: Advice) -> str:
    """The technique's paper, and the activation's where it is by others."""
    found = option.technique.paper
    more = one.activation.paper if one.activation else ""
    return f"{found}; {more}" if more and more.partition(",")[0] not in found else found


def portrait(option: Option) -> Iterator[Line]:
    """Everything on a technique."""
    technique = option.technique
    yield [("heading", technique.title), ("dim", ": documents, section 1" if technique.document else "")]
    if document := technique.document:
        yield from paragraph(f"{document.row}: {document.formula}", 2)
        yield from paragraph(f"when to use: {document.when}", 2)
        yield from paragraph(f"why: {document.why}", 2)
    if summary := technique.summary:
        yield from paragraph(f"in short: {summary.vibe}; used in: {summary.used}", 2)
        yield from paragraph(f"analogy: {technique.analogy} {technique.story}", 2)
    where = list(recommended_in(technique.key))
    if where:
        yield from paragraph(f"recommended for: {'; '.join(where)}", 2)
    yield []
    yield from paragraph(option.formula, 4)
    yield from codes(option.code)
    if technique.paper:
        yield from paragraph(f"paper: {technique.paper}", 4)
    if technique.note:
        yield []
        yield from paragraph(f"note: {technique.note}", 2)


def codes(several: Sequence[Code]) -> Iterator[Line]:
    for code in several:
        yield [("dim", f"    {TITLES[code.framework]}{SCOPES[code.scope] if len(several) > 2 else ''}:")]
        for line in [*imports(code.text), *code.text.split("\n")]:
            yield [("", "      "), ("source", line)]


def paragraph(text: str, indent: int) -> Iterator[Line]:
    for line in textwrap.wrap(shown(text), WIDTH, break_long_words=False, break_on_hyphens=False):
        yield [("", " " * indent + line)]


def by_file(layers: Sequence[LayerAdvice]) -> Iterator[Line]:
    """The layers of each file, each with its row of the documents."""
    for number, (file, several) in enumerate(groupby(layers, key=lambda one: one.layer.place.file)):
        if number:
            yield []
        yield [("path", shown(file))]
        for one in several:
            yield from layer(one)


def layer(one: LayerAdvice) -> Iterator[Line]:
    row = one.layer
    layer_and_fans = row_cells(row)[2][1]
    yield [
        ("gutter", f"  {row.place.span.start.line}"),
        ("name", f"  {shown(row.name)}"),
        ("", f"  {layer_and_fans} {feeds(row)}"),
    ]
    fits = "; that is what is recommended" if one.fits else ""
    now = initializer(row.recurrent if row.is_recurrent else row.init, row)
    named = f"{one.default}, the default" if one.default else now
    yield [("dim", "      now: "), ("", f"{named}{fits}")]
    if one.why:
        yield [("unknown", f"      no row: {one.why}")]
    for advice in one.advice:
        for option in advice.options:
            condition = f" ({option.condition})" if option.condition else ""
            assert advice.row is not None
            source = f": documents, section {advice.row.section}"
            yield [("label", f"      {advice.row.row}: {option.technique.title}{condition}"), ("dim", source)]
            why = f"{advice.row.why}; " if advice.row.why else ""
            yield from paragraph(f"{why}{option.reason}. {papers(option, advice)}", 8)
            yield [("", f"        {option.formula}")]
            for code in option.code:
                if len(option.code) > 1:
                    yield [("dim", f"        {TITLES[code.framework]}:")]
                for line in code.text.split("\n"):
                    yield [("", "          "), ("source", line)]
