"""What a document was found to be. A text that can't be parsed, as while typing, keeps what was last found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from initlint import pipeline
from initlint.config import UNREADABLE
from initlint.editor.configuration import Configuration, is_excluded
from initlint.editor.files import Document, Files
from initlint.editor.users import Users
from initlint.findings import Finding, Site
from initlint.graph import Model
from initlint.source import MAX_BYTES, Place, Point, Source, Span


class Stale(BaseException):
    """The document has changed since, so nobody waits for this. No Exception: those are taken for bugs of ours."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """The findings of a document, and the models that they are about.

    `last` is the reading of the last text that could be parsed, itself where this is one; its
    findings stand here too, moved to where their lines are now.
    """

    document: Document
    source: Source
    findings: tuple[Finding, ...] = ()
    models: tuple[Model, ...] = ()
    beside: Mapping[str, Source] = field(default_factory=dict)  # by absolute path, the project's files that were read
    faults: tuple[str, ...] = ()
    wrong: str = ""  # what is wrong with the settings
    last: Reading | None = None

    @property
    def is_current(self) -> bool:
        """Whether the findings are of this very text."""
        return self.last is None


def read(
    document: Document,
    files: Files,
    users: Users,
    configuration: Configuration,
    before: Reading | None,
    is_stale: Callable[[], bool],
) -> Reading:
    """Reads a document. Raises Stale as soon as it is seen that nobody waits for it any more."""
    beside: dict[str, Source] = {}

    def context(path: str) -> Source | None:
        found = files.context(path)
        if found is not None:
            beside[path] = found
        return found

    source = document.source
    configs, wrong = configuration.of(document.path)
    if is_excluded(document.path, configs):
        return Reading(document, source, wrong=wrong)
    if len(document.text) > MAX_BYTES:  # only bytes are found to be too many
        report = pipeline.lint_source(document.text.encode("utf-8", "replace"), document.path, configs)
        return Reading(document, source, report.findings, wrong=wrong)
    pulse = pulse_of(is_stale)
    report, models = pipeline.study_source(document.text, document.path, configs, context, users.of, pulse)
    pulse()
    reading = Reading(document, source, report.findings, models, beside, report.faults, wrong)
    good = None if before is None else before.last or before
    if good is None or not (report.unreadable or report.faults):
        return reading
    kept = (moved(one, good.source, source) for one in good.findings if one.code != UNREADABLE)
    return replace(reading, findings=(*report.findings, *kept), last=good)


def repaired(
    reading: Reading, files: Files, users: Users, configuration: Configuration, is_stale: Callable[[], bool]
) -> tuple[Finding, ...]:
    """The findings of a reading with their fixes, each proven; planning them takes longer than finding did. Raises
    Stale."""
    document = reading.document
    configs, _ = configuration.of(document.path)
    report, _ = pipeline.study_source(
        document.text, document.path, configs, files.context, users.of, pulse_of(is_stale), fixes=True
    )
    return report.findings


def pulse_of(is_stale: Callable[[], bool]) -> Callable[[], None]:
    """What ends a reading that nobody waits for."""

    def pulse() -> None:
        if is_stale():
            raise Stale

    return pulse


def moved(finding: Finding, old: Source, new: Source) -> Finding:
    """A finding of an earlier text where it would stand in a later one."""
    shift = Shift.between(old.lines, new.lines)

    def place(one: Place) -> Place:
        return one._replace(span=shift.span(one.span)) if one.file == old.path else one

    def sites(many: Sequence[Site]) -> tuple[Site, ...]:
        return tuple(replace(one, place=place(one.place)) for one in many)

    return replace(
        finding, place=place(finding.place), layers=sites(finding.layers), related=sites(finding.related), fix=None
    )


@dataclass(frozen=True, slots=True)
class Shift:
    """Where lines of an earlier text are in a later one: the first `head` stay, from `tail` on (from 1) they move by
    `by`, and those between have been edited."""

    head: int
    tail: int
    by: int
    lines: int

    @classmethod
    def between(cls, old: Sequence[str], new: Sequence[str]) -> Shift:
        shorter = min(len(old), len(new))
        head = 0
        while head < shorter and old[head] == new[head]:
            head += 1
        same = 0
        while same < shorter - head and old[-1 - same] == new[-1 - same]:
            same += 1
        return cls(head, len(old) - same + 1, len(new) - len(old), len(new))

    def line(self, line: int) -> int:
        if line <= self.head:
            return line
        return line + self.by if line >= self.tail else max(min(line, self.tail + self.by - 1, self.lines), 1)

    def span(self, span: Span) -> Span:
        start, end = self.line(span.start.line), self.line(span.end.line)
        return Span(Point(start, span.start.column), Point(max(start, end), span.end.column))
