"""Which files of a project import given ones: what a run over a part of it reads beside that part.

Names lead outward only, so whoever builds a file's classes, and calls their initialization, is found by a
text index: the project's files are searched for the module's name, and where it stands in an import, names lead
to files as they do in `reach`. Those that import the files that were found are found too. Everything is bounded;
what a bound left out is told, since there absence proves nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

from initlint import discovery, disk
from initlint.config import Configs
from initlint.reach import PACKAGE, ROOT_MARKS, Import, Reach, imports
from initlint.source import Source, Trouble, read_bytes

MOST_ENTRIES = 20_000  # names in a project's folders that are looked at
MOST_SEARCHED = 4_000  # files whose text is searched
MOST_READ = 40  # files that are read as context
MOST_BYTES = 300_000  # of them together
FOLDERS_ABOVE = 12  # in which a project's root may be
SUFFIX = ".py"
DEFINES = re.compile(rb"^(?:class|def|async def)\s", re.MULTILINE)
LIST = re.compile(rb"[\w\s,(]*")  # what may stand before a name in a list of imports
LISTED = re.compile(rb"(?:[ \t]+as[ \t]+\w+)?[ \t]*(?:[,)#;\r\n]|$)")  # what may follow a name in a list of imports
BESIDE = (b"from . import", b"from .. import")  # names of a package, without its own
ALL = "*"


@dataclass(frozen=True, slots=True)
class Importers:
    """Files that import the given ones, nearest first, and the given ones that have others too."""

    files: tuple[str, ...] = ()
    cut: frozenset[str] = frozenset()


@dataclass(slots=True)
class Lead:
    """A file that leads to given ones: which, and the names that do; None for all that it has."""

    given: frozenset[str]
    names: frozenset[str] | None = None


def users(
    sources: Iterable[Source], named: Collection[str], configs: Configs, read: Callable[[str], Source | None]
) -> tuple[list[Source], frozenset[str]]:
    """The project's files that use the sources, as `read` gives them; and which of the sources others use too."""
    given = {os.path.abspath(source.path): source.path for source in sources if source.path != "-"}
    found = importers(given, named, configs)
    read_ones = (read(path) for path in found.files)
    return [source for source in read_ones if source is not None], frozenset(given[path] for path in found.cut)


def importing(source: Source, sources: Iterable[Source]) -> list[Source]:
    """Those of the sources that import one of them, nearest first."""
    here = {os.path.abspath(one.path): one for one in sources}
    return [here[path] for path, _ in closure({os.path.abspath(source.path)}, here, Reach())]


def importers(given: Collection[str], named: Collection[str], configs: Configs) -> Importers:
    """The project's files, other than the `named` ones, through which code of the `given` ones may be used.

    All paths are absolute. A file without framework code counts as well: it imports one that has it.
    """
    reach = Reach()
    files: list[str] = []
    cut: set[str] = set()
    exclusion = discovery.Exclusion(configs)
    respect_gitignore = True
    for (root, whole), members in by_root(given, reach).items():
        respect_gitignore = respect_gitignore and configs.in_folder(root).respect_gitignore
        found, complete = searched(root, exclusion.in_folder(root), whole=whole)
        if not complete:
            cut |= members
        files += (file for file in found if file not in named)
    if not files:
        return Importers((), frozenset(cut))
    chosen: list[str] = []
    size = 0
    for path, leads_to in closure(given, files, reach):
        size += len(text(path))
        if len(chosen) == MOST_READ or size > MOST_BYTES:
            cut |= leads_to
            if len(cut) == len(given):
                break
        elif not (respect_gitignore and discovery.git_ignores(path)):
            chosen.append(path)
    return Importers(tuple(chosen), frozenset(cut))


def by_root(given: Iterable[str], reach: Reach) -> dict[tuple[str, bool], set[str]]:
    """The files by the folder in which their importers may be, and whether the folders in it count."""
    roots: dict[tuple[str, bool], set[str]] = {}
    homes: dict[str, list[tuple[str, bool]]] = {}
    for path in given:
        folder = os.path.dirname(path)
        if folder not in homes:
            homes[folder] = root_of(folder, reach)
        for home in homes[folder]:
            roots.setdefault(home, set()).add(path)
    return roots


def root_of(folder: str, reach: Reach) -> list[tuple[str, bool]]:
    """The nearest folder with a project's marks; without one, the top package and what lies beside it."""
    top = current = folder
    inside = True
    for _ in range(FOLDERS_ABOVE):
        listing = reach.listing(current)
        if any(mark in listing for mark in ROOT_MARKS):
            return [(current, True)]
        above = os.path.dirname(current)
        inside = inside and PACKAGE in listing
        if inside:
            top = above
        if above == current:
            break
        current = above
    return [(top, False), *((beneath, True) for beneath in package_below(top, folder))]


def package_below(top: str, folder: str) -> Iterator[str]:
    """The folder in `top` that leads to `folder`."""
    if top != folder:
        yield os.path.join(top, os.path.relpath(folder, top).split(os.sep)[0])


def searched(root: str, excluded: discovery.Excluded, *, whole: bool) -> tuple[list[str], bool]:
    """The Python files below a folder, the upper ones first; and whether these are all."""
    files: list[str] = []
    entries = 0
    level = [root]
    while level:
        deeper: list[str] = []
        for folder in level:
            try:
                found = disk.entries(folder)
            except OSError:
                continue
            entries += len(found)
            if entries > MOST_ENTRIES:
                return files, False
            for entry in found:
                is_folder = discovery.is_real(entry, folder=True)
                if (not is_folder and not entry.name.endswith(SUFFIX)) or excluded.matches(entry.name, entry.path):
                    continue
                if is_folder:
                    deeper.append(entry.path)
                elif disk.letter_of(entry) == "f":
                    files.append(entry.path)
        if len(files) > MOST_SEARCHED:
            return files[:MOST_SEARCHED], False
        level = deeper if whole else []
    return files, True


def closure(given: Collection[str], files: Iterable[str], reach: Reach) -> Iterator[tuple[str, frozenset[str]]]:
    """Which of the files lead to given ones, and to which: level by level, those of a level by their paths."""
    leads = {path: Lead(frozenset({path})) for path in given}
    waiting = sorted(set(files) - leads.keys())
    level = dict(leads)
    while level and waiting:
        words = needles(level)
        following: dict[str, Lead] = {}
        for path in waiting:
            data = text(path)
            if any(word in data and may_import(data, word) for word in words):
                lead = lead_of(path, data, level, reach)
                if lead is not None:
                    following[path] = lead
                    yield path, lead.given
        waiting = [path for path in waiting if path not in following]
        level = following


def text(path: str) -> bytes:
    try:
        data = read_bytes(path, path)
    except (FileNotFoundError, NotADirectoryError):
        return b""
    return b"" if isinstance(data, Trouble) else data


def needles(level: Iterable[str]) -> tuple[bytes, ...]:
    """Words one of which stands in whatever imports one of these files."""
    words: set[bytes] = set()
    for path in level:
        folder, base = os.path.split(path)
        if base == PACKAGE:
            words.update(BESIDE)
            base = os.path.basename(folder)
        words.add(base.removesuffix(SUFFIX).encode("utf-8", "replace"))
    return tuple(sorted(words))


def may_import(data: bytes, word: bytes) -> bool:
    """Whether the word stands where an import may have it: in its line, or in a list that goes on over lines."""
    for found in re.finditer(re.escape(word) + rb"(?!\w)", data):
        before = data[data.rfind(b"\n", 0, found.start()) + 1 : found.start()].lstrip()
        if before.startswith((b"from ", b"import ")) or word in BESIDE:
            return True
        if LISTED.match(data, found.end()) and LIST.fullmatch(before):
            return True
    return False


def lead_of(path: str, data: bytes, level: dict[str, Lead], reach: Reach) -> Lead | None:
    """What a file has of a level's, if it imports from there."""
    taken = tuple(imports(data))
    given: frozenset[str] = frozenset()
    names: set[str] = set()
    for one in taken:
        for target in targets(path, one, reach):
            lead = level.get(target)
            if lead is not None and uses(one, target, lead, data):
                given |= lead.given
                names.update(one[2])
    if not given:
        return None
    hands_on = bool(names) and ALL not in names and b" as " not in data and not DEFINES.search(data)
    return Lead(given, frozenset(names) if hands_on else None)


def targets(path: str, one: Import, reach: Reach) -> Iterator[str]:
    folder = os.path.dirname(path)
    dots, module, names = one
    for start in reach.starts(folder, dots, module):
        for parts in ((*module, name) for name in names):
            file = reach.file(start, parts)
            if file is not None:
                yield file
        file = reach.file(start, module)
        if file is not None:
            yield file


def uses(one: Import, target: str, lead: Lead, data: bytes) -> bool:
    """Whether an import takes something that matters: a name of those that do, or the module, of which one is used."""
    _, _, names = one
    if lead.names is None or ALL in names or lead.names & set(names):
        return True
    whole = not names or os.path.basename(target).removesuffix(SUFFIX) in names
    return whole and any(name.encode("utf-8", "replace") in data for name in lead.names)
