"""The tables of the source documents as tables: their words, with our notes at the foot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from initlint.advice import Recommendation, Technique
from initlint.knowledge import knowledge

USECASES = "6, Real-World Example Use Cases"


@dataclass(frozen=True, slots=True)
class Table:
    """One table: cells are text, a `[1]` at the end of a first cell leads to the note of that number."""

    key: str  # its name in JSON
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


def tables() -> tuple[Table, ...]:
    """All of them, in the documents' order."""
    known = knowledge()
    techniques = [technique for technique in known.techniques.values() if technique.document]
    usecases = known.usecases.values()
    return (
        _techniques(techniques),
        _rows("activations", "2. Based on activation function", "Activation", known.advised.values()),
        _rows("architectures", "2. Based on network type", "Architecture", known.architectures.values()),
        _rows("tips", "3. Tips", "Tip", known.tips.values()),
        _analogies(techniques),
        _rows("cases", "4. Use cases of the analogy", "Use case", (r for r in usecases if r.section != USECASES)),
        _summary(techniques),
        _rows("usecases", "6. Real-world use cases", "Use case", (r for r in usecases if r.section == USECASES)),
    )


def as_data() -> Mapping[str, list[Mapping[str, object]]]:
    """The tables for programs: for each a list of rows, cells by column, with the answers that we draw from them."""
    known = knowledge()
    advice: Mapping[str, Recommendation] = {
        **known.advised,
        **known.architectures,
        **known.usecases,
        **known.tips,
    }
    found: dict[str, list[Mapping[str, object]]] = {}
    for table in tables():
        keys = [column.lower().replace(" ", "_") for column in table.columns]
        found[table.key] = []
        for cells in table.rows:
            name, mark, number = cells[0].rpartition(" [")
            first, note = (name, table.notes[int(number[:-1]) - 1]) if mark else (cells[0], "")
            row: dict[str, object] = dict(zip(keys, (first, *cells[1:]), strict=True))
            row["note"] = note
            if first in advice:
                row["answers"] = [
                    {"technique": a.technique, "condition": a.condition, "reason": a.reason}
                    for a in advice[first].answers
                ]
            found[table.key].append(row)
    return found


def _techniques(techniques: Iterable[Technique]) -> Table:
    notes = _Notes()
    columns = ("Technique", "Formula", "When to use", "Why it is useful", "Paper")
    cells = tuple(
        (notes.mark(one.document.row, one.note), one.document.formula, one.document.when, one.document.why, one.paper)
        for one in techniques
        if one.document
    )
    return Table("techniques", "1. Common weight initialization techniques", columns, cells, notes.texts)


def _analogies(techniques: Iterable[Technique]) -> Table:
    cells = tuple((one.document.row, one.analogy, one.story) for one in techniques if one.document)
    return Table("analogies", "4. The team training analogy", ("Technique", "Analogy", "Verdict"), cells)


def _summary(techniques: Iterable[Technique]) -> Table:
    cells = tuple((s.row, s.vibe, s.used) for one in techniques if (s := one.summary))
    return Table("summary", "5. Summary (non-technical)", ("Initialization", "Real-life vibe", "Used in"), cells)


def _rows(key: str, title: str, first: str, rows: Iterable[Recommendation]) -> Table:
    notes = _Notes()
    cells = tuple((notes.mark(row.row, row.note), row.says, row.why) for row in rows)
    return Table(key, title, (first, "Initialization", "Why"), cells, notes.texts)


class _Notes:
    """Notes of a table, numbered as they come; equal ones share a number."""

    def __init__(self) -> None:
        self.found: dict[str, int] = {}

    def mark(self, cell: str, note: str) -> str:
        if not note:
            return cell
        return f"{cell} [{self.found.setdefault(note, len(self.found) + 1)}]"

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(self.found)


def recommended_in(technique: str) -> Iterator[str]:
    """The rows that recommend a technique."""
    known = knowledge()
    for rows in (known.advised, known.architectures, known.usecases):
        for row in rows.values():
            if any(answer.technique == technique for answer in row.answers):
                yield row.row
