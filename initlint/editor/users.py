"""Which files of the project use a document's code, and so are read with it: found once, not with every edit."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence

from initlint.config import Configs
from initlint.importers import Importers, importers
from initlint.intake import Reader
from initlint.source import Source

MOST_BYTES = 40_000  # of files that are read with each edit; a run of the command line reads more


class Users:
    """The importers of documents. What they leave out is told, since there absence proves nothing."""

    def __init__(self) -> None:
        self.found: dict[str, Importers] = {}

    def forget(self) -> None:
        """Files have changed: who imports whom is looked for again."""
        self.found = {}

    def of(
        self, sources: Sequence[Source], named: Collection[str], configs: Configs, read: Reader
    ) -> tuple[list[Source], frozenset[str]]:
        """The files to read with a document, nearest first; and the document, where others use it too."""
        (document,) = sources
        path = os.path.abspath(document.path)
        found = self.found.get(path)
        if found is None:
            found = self.found[path] = importers([path], named, configs)
        chosen: list[Source] = []
        size = 0
        complete = not found.cut
        for name in found.files:
            source = read(name)
            if source is None:
                continue
            size += len(source.text)
            if size > MOST_BYTES:
                complete = False
                break
            chosen.append(source)
        return chosen, frozenset() if complete else frozenset({document.path})
