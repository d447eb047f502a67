"""Fixes: planned for a match, from the facts of its remedy; LibCST is loaded here, and only when one is planned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from initlint.edits import Unfit
from initlint.findings import Declined, Fix, Match
from initlint.fixers import fixer, remedies

if TYPE_CHECKING:
    from initlint.source import Source


def plan(match: Match, source: Source, safety: str) -> Fix | Declined | None:
    """The fix of a match in its source, or why there is none; None where its rule has no fix.

    `safety` is what the rule says: safe, unsafe, safe-or-unsafe or none. Nothing is proven yet (see proof.py).
    """
    facts = dict(match.facts)
    remedy = facts.get("remedy", "")
    if not remedy:
        return None
    if "declined" in facts:
        return Declined(facts["declined"])
    assert remedy in remedies()
    try:
        from initlint.page import open_page

        draft = fixer(remedy)(open_page(source), match, facts)
    except Unfit as error:
        return Declined(str(error))
    safe = safety == "safe" or (safety == "safe-or-unsafe" and draft.safe is not False)
    if not draft.edits:
        return Declined("what would fix it is what stands there")
    return Fix(draft.title, safe and draft.safe is not False, draft.edits)
