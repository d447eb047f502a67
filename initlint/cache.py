"""What runs came to, kept in the project so that a run is not done again where nothing changed that it saw.

A record is one run: what it saw of the file system (see `disk`) and its result. It is served to a run that asks the
same (same paths, options and working directory, same initlint and Python) while all that was seen is as it was. Records
are plain data with a checksum, written so that each is whole or not there. One that is damaged, foreign or not to be
written is no trouble: the run is done as if there were no cache.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.machinery import PathFinder
from typing import Final, Generic, Protocol, TypeVar

from initlint import __version__, disk, schema, writing
from initlint.disk import Sightings, Watch
from initlint.plain_data import plain, restored

FORMAT: Final = 1  # of records
MOST_RECORDS: Final = 200
MOST_BYTES: Final = 64_000_000  # of all records together
SUFFIX: Final = ".initlint"
RECORD: Final = re.compile(rf"(?:\.\d+\.)?[0-9a-f]{{32}}{re.escape(SUFFIX)}")  # and what interrupted writing left
TAG: Final = "CACHEDIR.TAG"
TAGGED: Final = (
    b"Signature: 8a477f597d28d172789f06886806bc55\n"  # the standard's, see https://bford.info/cachedir/
    b"# What initlint remembers of its runs. It can be deleted at any time: initlint clean\n"
)
IGNORED: Final = {".gitignore": b"# made by initlint\n*\n", TAG: TAGGED}
ROOT_MARKS: Final = ("pyproject.toml", "setup.py", "setup.cfg", ".git", ".hg", "initlint.toml", "ruff.toml")
CONSULTED: Final = ("numpy", "libcst", "pathspec", "tomli")  # whose versions can make a difference


class Outcome(Protocol):
    """The result of a run."""

    @property
    def faults(self) -> tuple[str, ...]: ...


Result = TypeVar("Result", bound=Outcome)


@dataclass(frozen=True, slots=True)
class Question(Generic[Result]):
    """What a run was asked: the type of its result, and all that it depends on beside files."""

    kind: type[Result]
    asked: tuple[object, ...]

    @property
    def key(self) -> str:
        python = (sys.version, sys.flags, sys.getfilesystemencoding())
        whole = (FORMAT, __version__, own_state(), python, os.getcwd(), self.kind.__name__, self.asked)
        return disk.digest(os.fsencode(repr(whole)))


def remembered(folder: str, question: Question[Result], watch: Watch, run: Callable[[], Result]) -> Result:
    """The result of a run: as it is remembered in a folder, else by doing it, and then it is remembered.

    `watch` has what was seen before this, and is to be watching: it takes in what the run sees.
    """
    made(folder)
    path = os.path.join(folder, question.key + SUFFIX)
    with disk.watched(None):
        known = recalled(path, question)
    if known is not None:
        return known
    result = run()
    if not watch.doubtful and not result.faults:
        with disk.watched(None):
            keep(path, watch.sightings(), result)
    return result


def recalled(path: str, question: Question[Result]) -> Result | None:
    """The result in a record that holds; None where there is none."""
    with suppress(OSError, ValueError, TypeError, RecursionError, MemoryError):
        data = disk.read(path, MOST_BYTES)
        head, _, body = (data or b"").partition(b"\n")
        if head.decode("ascii") != header(path, body):
            return None
        seen, _, result = body.partition(b"\n")
        if restored(Sightings, json.loads(seen)).hold():
            known = restored(question.kind, json.loads(result))
            os.utime(path)  # what is used is not removed
            return known
    return None


def keep(path: str, seen: Sightings, result: Outcome) -> None:
    """Writes a record, and removes those that are too many; where that can't be done, nothing."""
    with suppress(OSError, ValueError, TypeError, RecursionError, MemoryError):
        body = b"\n".join(json.dumps(plain(one), separators=(",", ":")).encode("ascii") for one in (seen, result))
        if len(body) > MOST_BYTES // 2:
            return
        writing.put(path, header(path, body).encode("ascii") + b"\n" + body)
        prune(os.path.dirname(path))


def header(path: str, body: bytes) -> str:
    """The first line of a record: of which question it is, and what its content is known by."""
    name = os.path.basename(path).removesuffix(SUFFIX)
    return f"initlint {FORMAT} {name} {disk.digest(body)}"


def place(given: str | None, configured: str) -> str:
    """The folder of the cache: the given one, else the configured one, else one of our own in the project's root."""
    return os.path.abspath(given or configured or os.path.join(root_of(os.getcwd()), disk.CACHE))


def root_of(folder: str) -> str:
    """The nearest folder with a project's marks, this one or above it; without one, this one."""
    current = folder
    while not any(os.path.exists(os.path.join(current, mark)) for mark in ROOT_MARKS):
        above = os.path.dirname(current)
        if above == current:
            return folder
        current = above
    return current


def made(folder: str) -> None:
    """Makes the folder, if it can be, and tells git and backups to leave it alone. One that is there stays as it is."""
    with suppress(OSError, ValueError):
        if not os.path.isdir(folder):
            os.makedirs(folder)
            for name, text in IGNORED.items():
                writing.put(os.path.join(folder, name), text)


def records(folder: str) -> Iterator[tuple[float, int, str]]:
    """The records in a folder: when they were used last, their sizes and paths."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if RECORD.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                with suppress(OSError):
                    state = entry.stat(follow_symlinks=False)
                    yield state.st_mtime, state.st_size, entry.path


def prune(folder: str) -> None:
    """Removes the records that were not used for longest, until the others are few and small enough."""
    size = 0
    for number, (_, bytes_, path) in enumerate(sorted(records(folder), reverse=True)):
        size += bytes_
        if number >= MOST_RECORDS or size > MOST_BYTES:
            with suppress(OSError):
                os.unlink(path)


def clean(folder: str) -> int:
    """Removes the records in a folder, and the folder itself where nothing else is in it; how many they were.

    Raises OSError. What is not ours stays.
    """
    number = 0
    for _, _, path in records(folder):
        os.unlink(path)
        number += 1
    for name, text in IGNORED.items():
        path = os.path.join(folder, name)
        if os.path.isfile(path) and set(os.listdir(folder)) <= IGNORED.keys():
            with open(path, "rb") as file:
                is_ours = file.read(len(text) + 1) == text
            if is_ours:
                os.unlink(path)
    if os.path.isdir(folder) and not os.listdir(folder):
        os.rmdir(folder)
    return number


def own_state() -> tuple[object, ...]:
    """What we are made of: our own files, by times and sizes, and those of the packages that we ask."""
    package = os.path.dirname(os.path.abspath(__file__))
    files = [file for folder in dict.fromkeys((package, schema.folder())) for file in states(folder)]
    specs = (PathFinder.find_spec(name) for name in CONSULTED)
    origins = [spec.origin for spec in specs if spec is not None and spec.origin is not None]
    return tuple(sorted(files)), tuple((path, *state(os.stat(path))) for path in origins)


def states(folder: str) -> Iterator[tuple[str, int, int]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                if entry.name not in disk.UNSEEN:
                    yield from states(entry.path)
            else:
                yield (entry.path, *state(entry.stat()))


def state(of: os.stat_result) -> tuple[int, int]:
    return of.st_mtime_ns, of.st_size
