"""The documents that an editor has open, and the other files of their projects, parsed once as long as they stay."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias
from urllib.parse import unquote, urlsplit

from initlint import discovery
from initlint.intake import read_context
from initlint.source import Source, Trouble

SUFFIXES = (".py", ".pyi", ".pyw")
LANGUAGE = "python"

Stamp: TypeAlias = tuple[int, int]  # time of the last change in nanoseconds, size in bytes


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """A text as the editor has it. `path` is absolute for a file, else a name without a folder."""

    uri: str
    path: str
    text: str
    version: int | None = None

    @property
    def source(self) -> Source:
        """The text without an analysis, for its lines."""
        return Source.of(discovery.shown(self.path), self.text)


class Files:
    """Reads for the project: open documents as they stand, files as they are on disk."""

    def __init__(self) -> None:
        self.open: dict[str, Document] = {}  # by URI
        self.on_disk: dict[str, tuple[Stamp, Source | None]] = {}
        self.parsed: dict[str, tuple[Document, Source]] = {}

    def put(self, uri: str, text: str, version: int | None) -> Document:
        """A document as it was opened or changed."""
        document = self.open[uri] = Document(uri, path_of(uri), text, version)
        return document

    def close(self, uri: str) -> Document | None:
        document = self.open.pop(uri, None)
        if document is not None:
            self.parsed.pop(document.path, None)
        return document

    def context(self, path: str) -> Source | None:
        """A file as part of the project, its tree kept; None where it can't be read.

        A document in which something is being typed counts as it was saved.
        """
        document = next((one for one in tuple(self.open.values()) if one.path == path), None)
        if document is not None:
            known = self.parsed.get(path)
            if known is None or known[0] is not document:
                known = self.parsed[path] = (document, document.source)
            if not isinstance(known[1].tree(), Trouble):
                return known[1]
        return self.saved(path)

    def saved(self, path: str) -> Source | None:
        """The file as it is on disk, read again when it has changed."""
        try:
            state = os.stat(path)
        except (OSError, ValueError):
            self.on_disk.pop(path, None)
            return None
        stamp = (state.st_mtime_ns, state.st_size)
        known = self.on_disk.get(path)
        if known is None or known[0] != stamp:
            known = self.on_disk[path] = (stamp, read_context(path))
        return known[1]


def path_of(uri: str) -> str:
    """The absolute path of a file's URI; of another kind of URI (an unsaved document's) the last name in it."""
    parts = urlsplit(uri)
    path = unquote(parts.path, errors="surrogateescape")
    if parts.scheme != "file":
        return path.rpartition("/")[2] or "untitled"
    if parts.netloc:  # //server/share on Windows
        path = f"//{parts.netloc}{path}"
    elif os.name == "nt":
        path = path.removeprefix("/")
    return os.path.abspath(path)


def uri_of(path: str) -> str:
    """The URI of a file by its path as reports show it."""
    return Path(os.path.abspath(path)).as_uri()


def is_ours(uri: str, language: str | None) -> bool:
    """Whether a document is Python, and one that a person edits: no side of a comparison, no cell of a notebook."""
    return urlsplit(uri).scheme in {"file", "untitled"} and (language == LANGUAGE or uri.endswith(SUFFIXES))
