"""Which files a run is about.

As Ruff does it: folders are walked for Python files, names that are excluded or ignored by
git are left out, a file that is named is taken whatever it is called. Links to folders are
not followed, so no loop of links is entered.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from initlint import disk
from initlint.config import Config, Configs
from initlint.globs import anchored, compiled
from initlint.source import Trouble, read_bytes

if TYPE_CHECKING:  # costs as much as the rest of the start-up, and most runs need none
    from pathspec import GitIgnoreSpec

SUFFIXES = (".py", ".pyw", ".ipynb")
SETTINGS = frozenset({"initlint.toml", "pyproject.toml"})  # where a folder may have its own


@dataclass(frozen=True, slots=True)
class Found:
    """The files of a run, each as it is opened and as reports show it; what stood in the way."""

    files: tuple[tuple[str, str], ...]
    unreadable: tuple[Trouble, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ignored:
    """The patterns of one .gitignore, relative to its folder."""

    folder: str
    patterns: GitIgnoreSpec


def shown(path: str) -> str:
    """The path as reports show it: relative to the working directory, with forward slashes."""
    try:
        relative = os.path.relpath(path)
    except ValueError:  # another drive
        relative = os.path.abspath(path)
    return relative.replace(os.sep, "/")


def find(paths: Sequence[str], configs: Configs) -> Found:
    """The Python files under `paths`, each once, in the order of their shown paths. Raises ConfigError."""
    exclusion = Exclusion(configs)
    files: dict[str, str] = {}
    unreadable: list[Trouble] = []
    missing: list[str] = []
    for path in paths:
        kind = disk.kind(path)
        if not kind:
            missing.append(path)
            continue
        if exclusion.forced(path):
            continue
        if kind == disk.FOLDER:
            ignored = ignored_above(path) if configs.in_folder(path).respect_gitignore else None
            found: Iterable[str] = walk(path, exclusion, ignored, unreadable)
        else:
            found = (path,)
        for file in found:
            files.setdefault(os.path.abspath(file), file)
    pairs = sorted(((file, shown(file)) for file in files.values()), key=lambda pair: pair[1])
    return Found(tuple(pairs), tuple(sorted(unreadable, key=lambda u: u.file)), tuple(missing))


class Excluded:
    """The exclude globs of one configuration, compiled."""

    __slots__ = ("globs", "names", "paths")

    def __init__(self, patterns: Sequence[str]) -> None:
        patterns = [anchored(pattern, os.getcwd()) for pattern in patterns]
        special = [p for p in patterns if any(c in p for c in "*?[{/")]
        self.names = frozenset(patterns) - frozenset(special)
        self.globs = compiled(p for p in special if "/" not in p)
        self.paths = compiled(p for p in special if "/" in p)

    def matches(self, name: str, path: str) -> bool:
        return (
            name in self.names
            or (self.globs is not None and self.globs.match(name) is not None)
            or (self.paths is not None and self.paths.match(os.path.abspath(path).replace(os.sep, "/")) is not None)
        )


class Exclusion:
    """What is left out where, as the settings for each folder say."""

    __slots__ = ("compiled", "configs")

    def __init__(self, configs: Configs) -> None:
        self.configs = configs
        self.compiled: dict[Config, Excluded] = {}

    def in_folder(self, folder: str) -> Excluded:
        config = self.configs.in_folder(folder)
        if config not in self.compiled:
            self.compiled[config] = Excluded(config.exclude)
        return self.compiled[config]

    def forced(self, path: str) -> bool:
        """Whether settings leave the path out even where it is named, or a folder above it in the working directory."""
        return any(
            self.configs.in_folder(folder).force_exclude and self.in_folder(folder).matches(name, inner)
            for folder, name, inner in steps(path)
        )

    def leaves_out(self, path: str) -> bool:
        """Whether settings leave the path out, or a folder above it in the working directory."""
        return any(self.in_folder(folder).matches(name, inner) for folder, name, inner in steps(path))


def steps(path: str) -> Iterator[tuple[str, str, str]]:
    """The folder, name and path of a path and of each folder above it in the working directory, from there on."""
    parts = shown(path).split("/")
    for i, part in enumerate(parts):
        if part != "..":
            yield os.sep.join(parts[:i]), part, os.sep.join(parts[: i + 1])


def walk(
    root: str, exclusion: Exclusion, ignored: tuple[Ignored, ...] | None, unreadable: list[Trouble]
) -> Iterator[str]:
    """The Python files below a folder; `ignored` is None where .gitignore files do not count."""
    waiting = [(root, ignored, exclusion.in_folder(root))]
    while waiting:
        folder, above, excluded = waiting.pop()
        try:
            found = disk.entries(folder)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            unreadable.append(Trouble(shown(folder), 1, f"the folder cannot be read: {reason}"))
            continue
        if above is not None and any(entry.name == ".gitignore" for entry in found):
            above = (*above, *read_ignored(folder, ".gitignore"))
        if folder != root and any(entry.name in SETTINGS for entry in found):
            excluded = exclusion.in_folder(folder)
        for entry in found:
            is_folder = is_real(entry, folder=True)
            if not is_folder and not entry.name.endswith(SUFFIXES):
                continue
            if excluded.matches(entry.name, entry.path) or (above and is_ignored(above, entry.path, is_folder)):
                continue
            if is_folder:
                waiting.append((entry.path, above, excluded))
            elif is_real(entry, folder=False):
                yield entry.path


def is_real(entry: os.DirEntry[str], *, folder: bool) -> bool:
    """Whether it is a folder itself, or a regular file (perhaps through a link)."""
    letter = disk.letter_of(entry)
    return letter == "d" if folder else letter == "f" or (letter == "l" and disk.kind(entry.path) == disk.REGULAR)


def ignored_above(folder: str) -> tuple[Ignored, ...]:
    """The patterns of the repository's folders above this one, without those that ignore the folder itself: it was
    asked for by name."""
    return tuple(one for one in repository_patterns(folder) if not is_ignored((one,), folder, is_folder=True))


def repository_patterns(folder: str) -> tuple[Ignored, ...]:
    """The patterns of the repository's folders above this one, outermost first."""
    found: list[Ignored] = []
    current = os.path.abspath(folder)
    while disk.kind(os.path.join(current, ".git")) not in {disk.FOLDER, disk.REGULAR}:
        above = os.path.dirname(current)
        if above == current:
            break
        current = above
        found[:0] = read_ignored(current, ".gitignore")
    found[:0] = read_ignored(current, os.path.join(".git", "info", "exclude"))
    return tuple(found)


def git_ignores(path: str) -> bool:
    """Whether git would leave a file out, be it for a folder that it is in."""
    path = os.path.abspath(path)
    folder = os.path.dirname(path)
    ignored = (*repository_patterns(folder), *read_ignored(folder, ".gitignore"))
    current, is_folder = path, False
    while ignored and len(current) > len(ignored[0].folder):
        if is_ignored(ignored, current, is_folder):
            return True
        current, is_folder = os.path.dirname(current), True
    return False


def read_ignored(folder: str, name: str) -> tuple[Ignored, ...]:
    path = os.path.join(folder, name)
    try:
        data = read_bytes(path, path)
    except (FileNotFoundError, NotADirectoryError):
        return ()
    lines = [] if isinstance(data, Trouble) else data.decode("utf-8", "replace").splitlines()
    if not any(line.strip() and not line.startswith("#") for line in lines):
        return ()
    from pathspec import GitIgnoreSpec

    try:
        return (Ignored(os.path.abspath(folder), GitIgnoreSpec.from_lines(lines)),)
    except ValueError:  # a pattern that git would not take either
        return ()


def is_ignored(ignored: tuple[Ignored, ...], path: str, is_folder: bool) -> bool:
    """Whether the innermost .gitignore that says something of this path ignores it."""
    absolute = os.path.abspath(path)
    for one in reversed(ignored):
        relative = os.path.relpath(absolute, one.folder).replace(os.sep, "/")
        if relative.startswith(".."):
            continue
        verdict = one.patterns.check_file(f"{relative}/" if is_folder else relative).include
        if verdict is not None:
            return verdict
    return False
