"""The cells of notebooks, as a run meets them; what reads notebooks is loaded only where there are some."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from initlint.findings import Finding, Fix, TextEdit
from initlint.source import Cell, Place, Point, Source, Span, Trouble, parse


def read(data: bytes, shown: str) -> Source | Trouble:
    """The program of a notebook's cells."""
    from initlint import notebook

    return notebook.decode(data, shown)


def misplaced(source: Source, trouble: Trouble) -> Trouble:
    """Why a source can't be parsed, where a person looks for it."""
    if not source.cells:
        return trouble
    from initlint import notebook

    return notebook.misplaced(source, trouble)


def rows(source: Source) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The lines of a notebook's file that its cells' are written on."""
    from initlint import notebook

    return notebook.rows(source)


def located(one: Finding, sources: Mapping[str, Source]) -> Finding:
    """The finding with its places in the cells of notebooks, where it has such."""

    def within(place: Place) -> Place:
        source = sources.get(place.file)
        return source.located(place.span) if source is not None and source.cells else place

    if not any(sources[file].cells for file in {one.place.file} & sources.keys()):
        return one
    layers, related = (tuple(replace(s, place=within(s.place)) for s in sites) for sites in (one.layers, one.related))
    fix = one.fix
    if isinstance(fix, Fix):
        fix = replace(fix, edits=tuple(edit_within(edit, sources[one.place.file]) for edit in fix.edits))
    return replace(one, place=within(one.place), layers=layers, related=related, fix=fix)


def edit_within(edit: TextEdit, source: Source) -> TextEdit:
    """An edit of the program as one of the cell that it begins in, indented as that is."""
    place, cell = source.located(edit.span), source.cell(edit.span.start.line)
    indent = cell.indent if cell is not None else ""
    return TextEdit(place.span, edit.text.replace("\n", f"\n{indent}"), place.cell)


def amended(data: bytes, shown: str, fixes: Sequence[Fix]) -> tuple[bytes, int] | None:
    """A notebook's file with the fixes in its cells, and how many they are; None where nothing changes."""
    from initlint import edits, notebook

    source = notebook.decode(data, shown)
    if isinstance(source, Trouble):
        return None
    cells = {cell.number: cell for cell in source.cells}
    whole = {in_program(fix, cells): fix for fix in fixes if not any(breaks_magic(edit, cells) for edit in fix.edits)}
    done = edits.apply(source.text, whole)
    if done.text == source.text or isinstance(parse(shown, done.text, awaits=True), Trouble):
        return None
    wanted: dict[int, dict[TextEdit, None]] = {}
    for edit in (edit for fix in done.taken for edit in whole[fix].edits):
        wanted.setdefault(edit.cell or 0, {})[edit] = None
    changed = {number: edits.splice(cells[number].text, group) for number, group in wanted.items()}
    text = notebook.rewritten(data.decode("utf-8"), changed)
    return text.encode("utf-8"), len(done.taken)


def in_program(fix: Fix, cells: Mapping[int, Cell]) -> Fix:
    """A fix of cells as one of the program."""
    return replace(fix, edits=tuple(moved(edit, cells[edit.cell or 0]) for edit in fix.edits))


def moved(edit: TextEdit, cell: Cell) -> TextEdit:
    start, end = (
        Point(p.line + cell.line - 1, p.column - cell.shifted(p.line)) for p in (edit.span.start, edit.span.end)
    )
    return TextEdit(Span(start, end), edit.text.replace(f"\n{cell.indent}", "\n"))


def breaks_magic(edit: TextEdit, cells: Mapping[int, Cell]) -> bool:
    """Whether an edit puts something before the `%%` that has to begin its cell."""
    return edit.span.start == Point(1, 1) and cells[edit.cell or 0].text.lstrip().startswith("%%")
