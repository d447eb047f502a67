"""Which files may be model code although they never name a framework: those that import a file that does.

Told from the text alone: a project's own module that hands on torch's classes (`from .layers import
Linear`), or a script that builds the project's models. Names lead to files as they do for Python,
with every folder above the importing file, up to the project's root, as a place to start from.
"""

from __future__ import annotations

import os
import re
from collections.abc import Container, Iterator

from initlint import disk
from initlint.source import Trouble, mentions_framework, read_bytes

IMPORT = re.compile(
    rb"^[ \t]*(?:from[ \t]+(\.*)[ \t]*([\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\r\n;]+)|import[ \t]+([^\r\n;]+))",
    re.MULTILINE,
)
ROOT_MARKS = frozenset({"pyproject.toml", "setup.py", "setup.cfg", ".git", ".hg", "initlint.toml", "ruff.toml"})
HIGHEST = 12  # folders to look in above a file
PACKAGE = "__init__.py"

Import = tuple[int, tuple[str, ...], tuple[str, ...]]  # leading dots, module, names taken from it


class Reach:
    """What is known of files by their absolute paths: whether they name a framework, and what they import."""

    __slots__ = ("imports", "listings", "reaching")

    def __init__(self) -> None:
        self.imports: dict[str, tuple[Import, ...]] = {}
        self.reaching: dict[str, bool] = {}
        self.listings: dict[str, Container[str]] = {}

    def note(self, path: str, data: bytes) -> bool:
        """Takes in a file's bytes; whether it names a framework itself."""
        path = os.path.abspath(path)
        if mentions_framework(data):
            self.reaching[path] = True
            return True
        self.imports[path] = tuple(imports(data))
        return False

    def reaches(self, path: str) -> bool:
        """Whether the file names a framework or leads to one that does through the project's own imports."""
        start = os.path.abspath(path)
        seen, waiting = {start}, [start]
        while waiting:
            current = waiting.pop()
            if not self.known(current):
                continue
            if self.reaching.get(current):
                self.reaching[start] = True
                return True
            for target in self.targets(current):
                if target not in seen:
                    seen.add(target)
                    waiting.append(target)
        self.reaching.update(dict.fromkeys(seen, False))
        return False

    def known(self, path: str) -> bool:
        """Reads a file that the run did not; whether anything more can be learnt from it."""
        if path not in self.imports and path not in self.reaching:
            try:
                data = read_bytes(path, path)
            except (FileNotFoundError, NotADirectoryError):
                data = b""
            self.note(path, b"" if isinstance(data, Trouble) else data)
        return self.reaching.get(path, True)

    def targets(self, path: str) -> Iterator[str]:
        """The project's files that a file imports from."""
        folder = os.path.dirname(path)
        for dots, module, names in self.imports.get(path, ()):
            for start in self.starts(folder, dots, module):
                found = [self.file(start, (*module, name)) for name in names]
                if None in found or not names:  # something of the module itself
                    found.append(self.file(start, module))
                yield from (target for target in found if target is not None)

    def starts(self, folder: str, dots: int, module: tuple[str, ...]) -> Iterator[str]:
        """The folders in which an import's first name may stand."""
        if dots:
            for _ in range(dots - 1):
                folder = os.path.dirname(folder)
            yield folder
            return
        for _ in range(HIGHEST):
            listing = self.listing(folder)
            if module[0] in listing or f"{module[0]}.py" in listing:
                yield folder
            if any(mark in listing for mark in ROOT_MARKS) or os.path.dirname(folder) == folder:
                source = os.path.join(folder, "src")
                if "src" in listing and module[0] in self.listing(source):
                    yield source
                return
            folder = os.path.dirname(folder)

    def file(self, folder: str, parts: tuple[str, ...]) -> str | None:
        """The file of the module `parts` below a folder."""
        for part in parts[:-1]:
            if part not in self.listing(folder):
                return None
            folder = os.path.join(folder, part)
        listing = self.listing(folder)
        if not parts:
            return os.path.join(folder, PACKAGE) if PACKAGE in listing else None
        package = os.path.join(folder, parts[-1])
        if parts[-1] in listing and PACKAGE in self.listing(package):
            return os.path.join(package, PACKAGE)
        return f"{package}.py" if f"{parts[-1]}.py" in listing else None

    def listing(self, folder: str) -> Container[str]:
        if folder not in self.listings:
            self.listings[folder] = disk.names(folder)
        return self.listings[folder]


def imports(data: bytes) -> Iterator[Import]:
    """What looks like an import in the text, wherever it stands."""
    for dots, module, names, modules in IMPORT.findall(data):
        if modules:
            for name in identifiers(modules, dotted=True):
                yield 0, tuple(name.split(".")), ()
        elif dots or module:
            yield len(dots), tuple(module.decode("utf-8", "replace").split(".")) if module else (), identifiers(names)


def identifiers(text: bytes, *, dotted: bool = False) -> tuple[str, ...]:
    """The names of a list that may have parentheses, comments and `as`."""
    lines = (line.partition(b"#")[0] for line in text.strip(b"()").splitlines())
    words = (word.split() for word in b" ".join(lines).split(b","))
    names = (word[0].decode("utf-8", "replace") for word in words if word)
    return tuple(name for name in names if all(part.isidentifier() for part in (name.split(".") if dotted else [name])))
