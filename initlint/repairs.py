"""The fixes of a run's matches: planned file by file, proven, and let go of together with LibCST's trees."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Final, TypeAlias

from initlint.findings import Declined, Fix, Match
from initlint.fix import plan
from initlint.proof import proven
from initlint.source import Source

Repair: TypeAlias = Fix | Declined | None
Sources: TypeAlias = Sequence[Source]
Reading: TypeAlias = Callable[[Source, str, Sources], "Sequence[Match] | None"]
"""What is found in a source's file when this text stands in it, read together with other sources; None where it can't
be read."""
Users: TypeAlias = Callable[[Source], Sources]
"""The other sources of the run that use a source, nearest first."""


def repairs(
    matches: Iterable[Match],
    sources: Mapping[str, Source],
    safety: Callable[[str], str],
    reading: Reading,
    users: Users,
) -> dict[Match, Repair]:
    """What each match's fix is, or why there is none; None where its rule has none."""
    by_file: defaultdict[str, list[Match]] = defaultdict(list)
    for match in matches:
        by_file[match.place.file].append(match)
    found: dict[Match, Repair] = {}
    for file, group in by_file.items():
        others = partial(_others, sources[file], tuple(sources.values()), users)
        found |= _of_file(group, sources[file], safety, reading, others)
    return found


def _others(source: Source, sources: Sources, users: Users) -> Sources:
    """What is read with a file where a finding shows only with others: all, or of many those that use it."""
    if len(sources) <= FEW:
        return [one for one in sources if one is not source]
    return users(source)[: FEW - 1]


def _of_file(
    matches: Sequence[Match],
    source: Source,
    safety: Callable[[str], str],
    reading: Reading,
    others: Callable[[], Sources],
) -> dict[Match, Repair]:
    """A fix is proven where its finding shows: in the file by itself, else together with others."""
    found: dict[Match, Repair] = {match: plan(match, source, safety(match.code)) for match in matches}
    source.known.pop("page", None)
    plans = {match: fix for match, fix in found.items() if isinstance(fix, Fix)}
    for alone in (True, False):
        beside = () if alone or not plans else others()
        if not plans or not (alone or beside):
            break
        before = reading(source, source.text, beside) or ()
        here = {(one.code, one.place): one for one in before}  # what is told of it may be another
        twins = {twin: match for match in plans if (twin := here.get((match.code, match.place))) is not None}
        done = proven(
            {twin: plans[match] for twin, match in twins.items()}, source, before, _reader(reading, source, beside)
        )
        found |= {twins[twin]: repair for twin, repair in done.items()}
        plans = {match: fix for match, fix in plans.items() if match not in twins.values()}
    return found | {match: Declined(APART) for match in plans}


def _reader(reading: Reading, source: Source, beside: Sources) -> Callable[[str], Sequence[Match] | None]:
    return lambda text: reading(source, text, beside)


FEW: Final = 40  # files that are read together again where a finding shows only with others
APART: Final = "it shows only together with other files, so that the fix can't be proven here"
