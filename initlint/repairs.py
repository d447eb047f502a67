"""The fixes of a run's matches: planned file by file, proven, and let go of together with LibCST's trees."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from initlint.findings import Declined, Fix, Match
from initlint.fix import plan
from initlint.proof import proven
from initlint.source import Source

Repair: TypeAlias = Fix | Declined | None
Reading: TypeAlias = Callable[[Source, str], "Sequence[Match] | None"]
"""What is found in a source's file when this text stands in it; None where it can't be read."""


def repairs(
    matches: Iterable[Match], sources: Mapping[str, Source], safety: Callable[[str], str], reading: Reading
) -> dict[Match, Repair]:
    """What each match's fix is, or why there is none; None where its rule has none."""
    by_file: defaultdict[str, list[Match]] = defaultdict(list)
    for match in matches:
        by_file[match.place.file].append(match)
    found: dict[Match, Repair] = {}
    for file, group in by_file.items():
        found |= _of_file(group, sources[file], safety, reading)
    return found


def _of_file(
    matches: Sequence[Match], source: Source, safety: Callable[[str], str], reading: Reading
) -> dict[Match, Repair]:
    found: dict[Match, Repair] = {match: plan(match, source, safety(match.code)) for match in matches}
    source.known.pop("page", None)
    plans = {match: fix for match, fix in found.items() if isinstance(fix, Fix)}
    if plans:
        before = reading(source, source.text)
        alone = {match for match in plans if before is not None and match in before}
        known = proven(
            {m: f for m, f in plans.items() if m in alone}, source, before or (), lambda t: reading(source, t)
        )
        found |= known
        found |= {match: Declined(APART) for match in plans if match not in alone}
    return found


APART = "it shows only together with other files, so that the fix can't be proven here"
