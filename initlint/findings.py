"""The contract that every consumer renders: sites, matches, verdicts, fixes, findings.

Types only. A rule yields `Match`es; the signal model judges them (`Verdict`); a fix is
planned or declined; then a `Finding` is born whole.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, TypeAlias

from initlint.source import Place, Span


class Severity(IntEnum):
    """How loud a finding is; ordered, so that thresholds compare."""

    INFO = 1
    WARNING = 2
    ERROR = 3

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Site:
    """A layer, init call or other place that a finding is about."""

    name: str
    place: Place
    note: str = ""  # why it is related: "layer", "overwritten here", ...


@dataclass(frozen=True, slots=True)
class Signal:
    """The signal at the end of a chain, relative to its start (standard deviations), and its depth: in layers, or in
    steps of a recurrent network. `backward_std` is the gradient at one position of the first layer's outputs."""

    forward_std: float
    backward_std: float
    depth: int
    spread: float = 1.0  # factor by which a single draw of the weights is typically off
    deeper: tuple[Signal, ...] = ()  # where a loop of unknown length is in it: the same for more of its turns
    steps: bool = False
    positions: float = 1.0  # of the first layer's outputs, for each of the last one's
    noise: Signal | None = None  # the same where positions that a pool averages are independent, not alike

    @property
    def gradient_std(self) -> float:
        """The gradient that the first layer's weights get, relative to the last layer's: it sums over positions."""
        return self.backward_std * math.sqrt(self.positions)

    @property
    def extent(self) -> str:
        return f"{self.depth} {'steps' if self.steps else 'layers'}"


Range: TypeAlias = tuple[float, float]
SOMEWHERE: Final[Range] = (0.0, 0.0)  # the rows of a write to a part that is not known


@dataclass(frozen=True, slots=True)
class Aim:
    """What a fix should have written: to a weight, to any of a layer where none is named, or to any at all. A range
    that is None is not asked for."""

    layer: str = ""
    place: Place | None = None  # the layer's constructor
    weight: str = ""
    techniques: tuple[str, ...] = ()  # the beginning of the initializer's canonical name
    moment: Range | None = None  # variance of an entry times the true fan_in
    gain: Range | None = None  # that of the initializer, or its standard deviation where that rests on no fans
    value: Range | None = None  # where all entries are equal, which they need not be
    part: Range | None = None  # of the rows, as shares of all
    learns: bool = False  # whether its units have to differ after ten steps of training
    apart: tuple[str, Place, str] | None = None  # another weight, which must not get the same values
    elsewhere: bool = False  # whether what writes it need not stand in what the fix edits
    passing: bool = False  # whether another write may follow
    default: bool = False  # whether the framework's own will do
    others: bool = False  # whether layers that it is not for may be written with it

    @property
    def law(self) -> bool:
        """Whether the weight should end with it."""
        return bool(self.weight) and not self.passing


@dataclass(frozen=True, slots=True)
class Swap:
    """What a fix should have made of a step of the data flow, all others staying as they were: one of these names;
    nothing at all where there is none."""

    place: Place
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the data flow: what it does, by its canonical name, and where it stands."""

    op: str
    name: str
    place: Place
    parameter: float | None


@dataclass(frozen=True, slots=True)
class Effect:
    """A write to a weight and what it comes to; `at` are all places that it is due to, none for a framework's
    default."""

    layer: str
    place: Place
    weight: str
    technique: str
    moment: float | None
    gain: float | None
    value: float | None  # that all entries have
    part: Range | None  # of the rows; None where it writes them all
    known: bool  # whether its arguments are
    lasting: bool  # whether nothing writes the same after it
    at: tuple[Place, ...]
    maker: int = 0  # the object that drew the values, where others may have it too
    prospect: Callable[[], str | None] = field(default=lambda: None, compare=False)  # what ten steps of training do
    likeness: Callable[[Effect], str | None] = field(default=lambda _: None, compare=False)  # and do for it and another


@dataclass(frozen=True, slots=True)
class Match:
    """A rule's condition held at this place. Not yet judged."""

    code: str
    place: Place
    message: str
    severity: Severity
    layers: tuple[Site, ...] = ()
    related: tuple[Site, ...] = ()
    verdict: str = "advice"  # unstable, dead, symmetric, crash, unreached, advice
    facts: tuple[tuple[str, str], ...] = ()  # what a fix needs to know
    before: Signal | None = None  # what the signal model says of it as it is, and as it should be
    after: Signal | None = None
    shown: tuple[str, ...] = ()  # the files whose code shows it, where a fix is wanted
    aims: tuple[Aim | Swap, ...] = ()  # what its fix should come to


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was measured of a match: unstable, dead, symmetric, crash, unreached or advice."""

    verdict: str
    before: Signal | None = None
    after: Signal | None = None


@dataclass(frozen=True, slots=True)
class TextEdit:
    """New text for a span of the file, in a notebook of a cell."""

    span: Span
    text: str
    cell: int | None = None


@dataclass(frozen=True, slots=True)
class Fix:
    title: str
    safe: bool
    edits: tuple[TextEdit, ...]


@dataclass(frozen=True, slots=True)
class Declined:
    why: str


@dataclass(frozen=True, slots=True)
class Finding:
    code: str
    name: str
    severity: Severity
    message: str
    place: Place
    layers: tuple[Site, ...]
    related: tuple[Site, ...]
    evidence: Verdict | None
    fix: Fix | Declined | None
    documentation: str

    @property
    def cell(self) -> int | None:
        """The cell of a notebook that it is in."""
        return self.place.cell


@dataclass(frozen=True, slots=True)
class Unreadable:
    file: str
    line: int
    message: str
    cell: int | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """One run: what was found, what could not be read, how many files were looked at.

    `sources` maps a document with findings (a file, or a cell of a notebook) to its text, for excerpts; `rows` maps
    a cell to the lines of its notebook's file that its lines are written on, for what knows files only.
    """

    findings: tuple[Finding, ...]
    unreadable: tuple[Unreadable, ...]
    files: int
    sources: tuple[tuple[str, str], ...] = ()
    fail_on: Severity = Severity.WARNING  # the lowest severity that may fail the run; settings differ between files
    failures: int = 0  # findings at or above the failing severity of their file; any makes the exit status 1
    rows: tuple[tuple[str, tuple[int, ...]], ...] = ()
    hidden: tuple[Finding, ...] = ()  # below the severity that is shown
    faults: tuple[str, ...] = ()  # our own bugs, one line each; they make the exit status 2
    fixed: int = 0  # how many were fixed in this run
    promises: tuple[tuple[Severity, bool], ...] = ()  # of each finding with a fix: how loud it is, whether it is safe

    @property
    def fixable(self) -> tuple[int, int]:
        """How many have a safe fix, and how many more an unsafe one."""
        return sum(safe for _, safe in self.promises), sum(not safe for _, safe in self.promises)
