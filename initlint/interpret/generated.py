"""Which files others say that they were generated from: what runs is what was made of them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import Final

from initlint.source import Source

HEADER: Final = 2_000  # characters at the top in which a file says so
SAYS: Final = re.compile(r"^\s*#.*\bgenerated (?:automatically )?from:? [`'\"]?([\w./\\-]+\.py)\b", re.MULTILINE)


def templates(sources: Iterable[Source]) -> frozenset[str]:
    """Those of the sources that another one, in the same folder, was generated from, by their paths."""
    known = {source.path: source for source in sources}
    found = set()
    for path, source in known.items():
        said = SAYS.search(source.text, 0, HEADER) if "generated" in source.text[:HEADER] else None
        if said is not None:
            template = os.path.join(os.path.dirname(path), re.split(r"[/\\]", said[1])[-1])
            if template != path and template in known:
                found.add(template)
    return frozenset(found)
