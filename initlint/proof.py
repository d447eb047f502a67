"""A fix is proven before it is offered: the fixed text is read again, and the finding has to be gone, with none new;
and the weights that it is for must have been written by it, and end with the law that they need.

The fixes of a file are tried together first, since most files need no more; where something is wrong with that, each
is tried by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from initlint.edits import apply, edits_of, moved
from initlint.findings import SOMEWHERE, Aim, Declined, Effect, Fix, Match, Severity, Step, Swap, TextEdit
from initlint.symmetry import IDENTICAL, STANDSTILL
from initlint.twins import ALIKE

if TYPE_CHECKING:
    from initlint.source import Place, Source


class Reading(NamedTuple):
    """What the rules find in a text; and where a fix has aims, what its initializers do and how data flows."""

    matches: Sequence[Match]
    effects: Callable[[], Iterable[Effect]] = tuple
    steps: Callable[[], Iterable[Step]] = tuple


Relint: TypeAlias = Callable[[str], Reading | None]
"""What is found in a text that stands in the place of the source; None where it can't be read."""

CRASH: Final = "crash"  # the verdict of what raises
MOST: Final = 24  # fixes of a file that are tried one by one


def proven(plans: Mapping[Match, Fix], source: Source, before: Reading, relint: Relint) -> dict[Match, Fix | Declined]:
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


def complaint(plans: Mapping[Match, Fix], source: Source, before: Reading, relint: Relint) -> str | None:
    """What speaks against fixes that are applied together: a finding that stays, or one that comes."""
    edits = tuple(edits_of(plans.values()))
    read = relint(apply(source.text, plans.values()).text)
    if read is None:
        return "the fixed text can't be read"
    after = [match for match in read.matches if not _uncovered(match, plans)]
    kept = [match for match in before.matches if match not in plans]
    expected, there = _loudness(kept, edits), _loudness(after, ())
    for (code, line), severity in there.items():
        if expected.get((code, line), 0) < severity:
            return f"{code} in line {line} after the fix"
    counts, limits = Counter(_keys(after, ())), Counter(_keys(kept, edits))
    if any(count > limits[key] for key, count in counts.items()):
        return "a finding too many after the fix"
    if not any(match.aims for match in plans):
        return None
    return _missed(plans, source, read) or _strayed(plans, source, before, read) or _swapped(plans, before, read)


def _uncovered(match: Match, plans: Mapping[Match, Fix]) -> bool:
    """Whether a finding may come because the code no longer raises: advice, and, where all that the fixes do is to let
    the code do what it says, whatever does not raise itself."""
    if not all(plan.severity is Severity.ERROR for plan in plans):
        return False
    faithful = all(plan.verdict == CRASH and _faithful(plan, dict(plan.facts)) for plan in plans)
    return match.severity is Severity.INFO or (faithful and match.verdict != CRASH)


def _faithful(plan: Match, facts: Mapping[str, str]) -> bool:
    """Whether what is written then is what the code says: its fix has aims, or leaves out what raises alone."""
    return facts.get("safe") != "no" and (bool(plan.aims) or facts.get("mixed") == "yes")


def _missed(plans: Mapping[Match, Fix], source: Source, read: Reading) -> str | None:
    """A weight that the fix is for, and that none of what it wrote gives what it should."""
    edits, there = tuple(edits_of(plans.values())), list(read.effects())
    for match, fix in plans.items():
        lines = _written(match, fix, edits)
        own = [one for one in there if any(_touches(place, source.path, lines) for place in one.at)]
        for aim in match.aims:
            if isinstance(aim, Aim) and not _reached(aim, there if aim.elsewhere else own, there, source.path, edits):
                return f"{aim.layer or 'a layer'} does not get what it should"
    return None


def _strayed(plans: Mapping[Match, Fix], source: Source, before: Reading, read: Reading) -> str | None:
    """A weight that a fix is not for, and that is written by what the fix wrote, or anywhere where that decides on
    writes that stand elsewhere, as it was not before."""
    edits = tuple(edits_of(plans.values()))
    aims = [aim for match in plans for aim in match.aims if isinstance(aim, Aim)]
    if any(not match.aims for match in plans) or any(aim.others or not aim.layer for aim in aims):
        return None
    everywhere = any(aim.elsewhere for aim in aims)
    aims = [replace(aim, weight="") if aim.elsewhere else aim for aim in aims]
    lines = [line for match, fix in plans.items() for line in _written(match, fix, edits)]
    known = {_law(one, source.path, edits) for one in before.effects()}
    for one in read.effects():
        written = one.at and (everywhere or any(_touches(place, source.path, lines) for place in one.at))
        new = written and _law(one, source.path, ()) not in known
        if new and not any(_is_for(aim, one, source.path, edits) for aim in aims):
            return f"{one.layer}.{one.weight} is written too"
    return None


def _law(one: Effect, file: str, edits: tuple[TextEdit, ...]) -> tuple[object, ...]:
    """What a write gives to which weight."""
    line = _line(one.place, file, edits)
    return one.layer, one.place.file, line, one.weight, one.technique, one.moment, one.gain, one.value, one.part


def _line(place: Place, file: str, edits: tuple[TextEdit, ...]) -> int:
    return moved(place.span.start, edits).line if place.file == file else place.span.start.line


def _swapped(plans: Mapping[Match, Fix], before: Reading, read: Reading) -> str | None:
    """A step of the data flow that is not what it should be, or not what it was."""
    asked = {aim.place: aim.names for match in plans for aim in match.aims if isinstance(aim, Swap)}
    if not asked:
        return None
    edits = tuple(edits_of(plans.values()))
    wanted = Counter((_told(one, edits), asked.get(one.place, (_plain(one),))) for one in before.steps())
    there = Counter((_told(one, ()), _plain(one)) for one in read.steps())
    for (told, names), count in wanted.items():
        found = next(((told, name) for name in names if there[told, name] >= count), None)
        if found is None and names:
            return "the data does not flow as it should"
        if found is not None:
            there[found] -= count
    return "the data does not flow as it should" if there.total() else None


def _told(one: Step, edits: tuple[TextEdit, ...]) -> tuple[object, ...]:
    return one.place.file, moved(one.place.span.start, edits).line, one.op, one.parameter


def _plain(one: Step) -> str:
    """The name, however classes and functions write it."""
    return one.name.casefold().replace("_", "")


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


def _reached(
    aim: Aim, written: Iterable[Effect], there: Iterable[Effect], file: str, edits: tuple[TextEdit, ...]
) -> bool:
    """Whether one write does what it should, and none that is known does otherwise."""
    answers = [
        _right(aim, one)
        for one in written
        if _is_for(aim, one, file, edits)
        and (one.at or aim.default)
        and (one.lasting or not aim.law)
        and (one.part == aim.part or not aim.law or (aim.part and one.part == SOMEWHERE))
    ]
    if aim.apart is not None:
        other = Aim(*aim.apart)
        others = [one for one in there if one.lasting and _is_for(other, one, file, edits)]
        makers = {one.maker for one in others if one.maker}
        own = [one for one in there if one.lasting and _is_for(aim, one, file, edits)]
        answers += [False for one in own if one.maker in makers or any(one.likeness(o) == ALIKE for o in others)]
    return True in answers and False not in answers


def _is_for(aim: Aim, one: Effect, file: str, edits: tuple[TextEdit, ...]) -> bool:
    """Whether it is a write to what an aim of the text as it was is about."""
    place = aim.place
    return (
        aim.layer in {"", one.layer}
        and (place is None or (one.place.file, _line(one.place, file, ())) == (place.file, _line(place, file, edits)))
        and aim.weight in {"", one.weight}
    )


def _right(aim: Aim, one: Effect) -> bool | None:
    """Whether a write is what it should be; None where sizes are unknown on which that depends. Where it computes
    what it writes from such sizes there is nothing more to know."""
    if one.technique == "unknown":
        return None if aim.law else True
    if aim.techniques and not one.technique.startswith(aim.techniques):
        return False
    if aim.value is not None and (one.value is None or not aim.value[0] <= one.value <= aim.value[1]):
        return None if one.part == SOMEWHERE else False
    if aim.learns and one.prospect() in {STANDSTILL, IDENTICAL}:
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
