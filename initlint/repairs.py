"""The fixes of a run's matches: planned file by file, proven, and let go of together with LibCST's trees."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final, TypeAlias

from initlint.findings import Declined, Fix, Match
from initlint.fix import plan
from initlint.proof import Reading, Relint, proven
from initlint.source import Source

Repair: TypeAlias = Fix | Declined | None
Sources: TypeAlias = Sequence[Source]
Read: TypeAlias = Callable[[Source, str, Sources], "Reading | None"]
"""What is found in a source's file when this text stands in it, read together with other sources; None where it can't
be read."""
Users: TypeAlias = Callable[[Source], Sources]
"""The other sources of the run that use a source, nearest first."""


def repairs(
    matches: Iterable[Match],
    sources: Mapping[str, Source],
    safety: Callable[[str], str],
    reading: Read,
    users: Users,
) -> dict[Match, Repair]:
    """What each match's fix is, or why there is none; None where its rule has none."""
    by_file: defaultdict[str, list[Match]] = defaultdict(list)
    for match in matches:
        by_file[match.place.file].append(match)
    found: dict[Match, Repair] = {}
    for file, group in by_file.items():
        beside = partial(_beside, sources[file], sources, users)
        found |= _of_file(group, sources[file], safety, reading, beside)
    return found


def _beside(source: Source, sources: Mapping[str, Source], users: Users, left: Iterable[Match]) -> Iterator[Sources]:
    """What is read with a file, as long as findings are left that do not show without: nothing, then all others; of
    many those whose code showed the findings, then those that use the file."""
    yield ()
    if len(sources) <= FEW:
        yield [one for one in sources.values() if one is not source]
        return
    showing = {file for match in left for file in match.shown} - {source.path}
    yield [sources[file] for file in sorted(showing) if file in sources][: FEW - 1]
    yield users(source)[: FEW - 1]


def _of_file(
    matches: Sequence[Match],
    source: Source,
    safety: Callable[[str], str],
    reading: Read,
    beside: Callable[[Iterable[Match]], Iterator[Sources]],
) -> dict[Match, Repair]:
    """A fix is proven where its finding shows: in the file by itself, else together with others."""
    found: dict[Match, Repair] = {match: plan(match, source, safety(match.code)) for match in matches}
    source.known.pop("page", None)
    plans = {match: fix for match, fix in found.items() if isinstance(fix, Fix)}
    for turn, others in enumerate(beside(plans)):
        if not plans:
            break
        if turn and not others:
            continue
        read = reading(source, source.text, others)
        before = read or Reading(())
        here = {(one.code, one.place): one for one in before.matches}  # what is told of it may be another
        twins = {twin: match for match in plans if (twin := here.get((match.code, match.place))) is not None}
        done = proven(
            {twin: plans[match] for twin, match in twins.items()}, source, before, reader(reading, source, others)
        )
        found |= {twins[twin]: repair for twin, repair in done.items()}
        for match in twins.values():
            del plans[match]
    return found | {match: Declined(APART) for match in plans}


def reader(reading: Read, source: Source, beside: Sources) -> Relint:
    return lambda text: reading(source, text, beside)


FEW: Final = 40  # files that are read together again where a finding shows only with others
APART: Final = "it shows only together with other files, so that the fix can't be proven here"
