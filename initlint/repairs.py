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
Reading: TypeAlias = Callable[[Source, str, bool], "Sequence[Match] | None"]
"""What is found in a source's file when this text stands in it, read by itself or together with all other sources;
None where it can't be read."""


def repairs(
    matches: Iterable[Match], sources: Mapping[str, Source], safety: Callable[[str], str], reading: Reading
) -> dict[Match, Repair]:
    """What each match's fix is, or why there is none; None where its rule has none."""
    by_file: defaultdict[str, list[Match]] = defaultdict(list)
    for match in matches:
        by_file[match.place.file].append(match)
    found: dict[Match, Repair] = {}
    together = len(sources) <= FEW
    for file, group in by_file.items():
        found |= _of_file(group, sources[file], safety, reading, together=together)
    return found


def _of_file(
    matches: Sequence[Match], source: Source, safety: Callable[[str], str], reading: Reading, *, together: bool
) -> dict[Match, Repair]:
    found: dict[Match, Repair] = {match: plan(match, source, safety(match.code)) for match in matches}
    source.known.pop("page", None)
    plans = {match: fix for match, fix in found.items() if isinstance(fix, Fix)}
    for wide in (False, True) if together else (False,):
        if not plans:
            break
        before = reading(source, source.text, wide) or ()
        seen = {match: fix for match, fix in plans.items() if match in before}
        found |= proven(seen, source, before, partial(_read, reading, source, wide))
        plans = {match: fix for match, fix in plans.items() if match not in seen}
    return found | {match: Declined(APART) for match in plans}


def _read(reading: Reading, source: Source, together: bool, text: str) -> Sequence[Match] | None:
    return reading(source, text, together)


FEW: Final = 40  # files that are read together again where a finding shows only with others
APART: Final = "it shows only together with other files, so that the fix can't be proven here"
