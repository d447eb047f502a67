"""A fix is proven before it is offered: the fixed text is read again, and the finding has to be gone, with none new;
and the weights that it is for must have been written by it, and end with the law that they need.

The fixes of a file are tried together first, since most files need no more; where something is wrong with that, each
is tried by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from initlint.edits import apply, edits_of, moved
from initlint.findings import Aim, Declined, Effect, Fix, Match, Severity, TextEdit

if TYPE_CHECKING:
    from initlint.source import Place, Source


class Reading(NamedTuple):
    """What the rules find in a text, and, asked for where a fix has aims, what its initializers do."""

    matches: Sequence[Match]
    effects: Callable[[], Iterable[Effect]] = tuple


Relint: TypeAlias = Callable[[str], Reading | None]
"""What is found in a text that stands in the place of the source; None where it can't be read."""

MOST: Final = 24  # fixes of a file that are tried one by one


def proven(
    plans: Mapping[Match, Fix], source: Source, before: Sequence[Match], relint: Relint
) -> dict[Match, Fix | Declined]:
    """Each fix, or why it is not offered. `before` is what the rules find in the source as it is."""
    found: dict[Match, Fix | Declined] = {}
    left = dict(plans)
    while left:
        taken = apply(source.text, left.values()).taken
        together = {match: fix for match, fix in left.items() if fix in taken}
        if not together:
            break
        if complaint(together, source, before, relint) is None:
            found |= together
        elif len(together) == 1 or len(together) > MOST:
            found |= {match: Declined(WHY) for match in together}
        else:
            for match, fix in together.items():
                found[match] = fix if complaint({match: fix}, source, before, relint) is None else Declined(WHY)
        left = {match: fix for match, fix in left.items() if match not in together}
    return found


WHY: Final = "the change that would fix it does not prove right when the file is read again"


def complaint(plans: Mapping[Match, Fix], source: Source, before: Sequence[Match], relint: Relint) -> str | None:
    """What speaks against fixes that are applied together: a finding that stays, or one that comes."""
    edits = tuple(edits_of(plans.values()))
    read = relint(apply(source.text, plans.values()).text)
    if read is None:
        return "the fixed text can't be read"
    after = read.matches
    if all(match.severity is Severity.ERROR for match in plans):  # where it raised, mere advice is progress
        after = [match for match in after if match.severity > Severity.INFO]
    kept = [match for match in before if match not in plans]
    expected, there = _loudness(kept, edits), _loudness(after, ())
    for (code, line), severity in there.items():
        if expected.get((code, line), 0) < severity:
            return f"{code} in line {line} after the fix"
    counts, limits = Counter(_keys(after, ())), Counter(_keys(kept, edits))
    if any(count > limits[key] for key, count in counts.items()):
        return "a finding too many after the fix"
    return _missed(plans, source, read) if any(match.aims for match in plans) else None


def _missed(plans: Mapping[Match, Fix], source: Source, read: Reading) -> str | None:
    """A weight that the fix is for, and that none of what it wrote gives what it should."""
    edits, there = tuple(edits_of(plans.values())), list(read.effects())
    for match, fix in plans.items():
        lines = _written(match, fix, edits)
        own = [one for one in there if any(_touches(place, source.path, lines) for place in one.at)]
        for aim in match.aims:
            if not _reached(aim, there if aim.elsewhere else own, source.path, edits):
                return f"{aim.layer or 'a layer'} does not get what it should"
    return None


def _written(match: Match, fix: Fix, edits: tuple[TextEdit, ...]) -> list[tuple[int, int]]:
    """First and last lines of what a fix wrote, and of what it is about, in the fixed text."""
    span = match.place.span
    found = [(moved(span.start, edits).line, moved(span.end, edits).line)]
    for edit in fix.edits:
        start = moved(edit.span.start, [one for one in edits if one != edit]).line
        found.append((start, start + edit.text.count("\n")))
    return found


def _touches(place: Place, file: str, lines: Iterable[tuple[int, int]]) -> bool:
    first, last = place.span.start.line, place.span.end.line
    return place.file == file and any(first <= end and start <= last for start, end in lines)


def _reached(aim: Aim, written: Iterable[Effect], file: str, edits: tuple[TextEdit, ...]) -> bool:
    """Whether one write does what it should, and none that is known does otherwise."""
    place = aim.place
    line = 0 if place is None else place.span.start.line
    if place is not None and place.file == file:
        line = moved(place.span.start, edits).line
    answers = [
        _right(aim, one)
        for one in written
        if aim.layer in {"", one.layer}
        and (place is None or (one.place.file, one.place.span.start.line) == (place.file, line))
        and aim.weight in {"", one.weight}
        and (one.lasting or not aim.law)
    ]
    return True in answers and False not in answers


def _right(aim: Aim, one: Effect) -> bool | None:
    """Whether a write is what it should be; None where sizes are unknown on which that depends. Where it computes
    what it writes from such sizes there is nothing more to know."""
    if one.technique == "unknown":
        return None if aim.law else True
    if aim.techniques and not one.technique.startswith(aim.techniques):
        return False
    for wanted, value in ((aim.moment, one.moment), (aim.gain, one.gain)):
        if wanted is None:
            continue
        if value is None:
            return True if not one.known else None
        if not wanted[0] <= value <= wanted[1]:
            return False
    return True


def _loudness(matches: Iterable[Match], edits: tuple[TextEdit, ...]) -> dict[tuple[str, int], Severity]:
    found: dict[tuple[str, int], Severity] = {}
    matches = list(matches)
    for key, match in zip(_keys(matches, edits), matches, strict=True):
        found[key] = max(match.severity, found.get(key, match.severity))
    return found


def _keys(matches: Iterable[Match], edits: tuple[TextEdit, ...]) -> list[tuple[str, int]]:
    """Code and line of each match, once the edits are made."""
    return [(match.code, moved(match.place.span.start, edits).line) for match in matches]
