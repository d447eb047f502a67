"""A fix is proven before it is offered: the fixed text is read again, and the finding has to be gone, with none new.

The fixes of a file are tried together first, since most files need no more; where something is wrong with that, each
is tried by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from initlint.edits import apply, edits_of, moved
from initlint.findings import Declined, Fix, Match, Severity, TextEdit

if TYPE_CHECKING:
    from initlint.source import Source

Relint: TypeAlias = Callable[[str], "Sequence[Match] | None"]
"""What the rules find in a text that stands in the place of the source; None where it can't be read."""

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
    after = relint(apply(source.text, plans.values()).text)
    if after is None:
        return "the fixed text can't be read"
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
    return None


def _loudness(matches: Iterable[Match], edits: tuple[TextEdit, ...]) -> dict[tuple[str, int], Severity]:
    found: dict[tuple[str, int], Severity] = {}
    matches = list(matches)
    for key, match in zip(_keys(matches, edits), matches, strict=True):
        found[key] = max(match.severity, found.get(key, match.severity))
    return found


def _keys(matches: Iterable[Match], edits: tuple[TextEdit, ...]) -> list[tuple[str, int]]:
    """Code and line of each match, once the edits are made."""
    return [(match.code, moved(match.place.span.start, edits).line) for match in matches]
