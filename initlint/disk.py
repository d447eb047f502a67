"""What is asked of the file system about linted code, so that later it can be told whether the answers still hold.

Whoever looks for files or reads them asks here: `read`, `entries`, `names` and `kind`. While a `Watch` is kept, it
takes down every question with what was answered. A run depends on nothing else outside of us, so that one whose
questions would all be answered as before would come to the same end. What an answer leaves out, no run can depend on.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Container, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final

try:
    from _blake2 import blake2b  # hashlib would load OpenSSL, which takes as long as all of the command line
except ImportError:
    from hashlib import blake2b

FOLDER, REGULAR, OTHER = "folder", "regular", "other"  # kinds of what is at a path
CACHE: Final = ".initlint_cache"  # our own folder in a project, which no run sees
UNSEEN: Final = frozenset({CACHE, "__pycache__"})
TELLING: Final = (".py", ".pyw", ".ipynb", ".toml", ".gitignore")  # ends of names of the files that entries has
SETTLED: Final = 2_000_000_000  # nanoseconds in which a file may change twice and have one time, on any file system


@dataclass(frozen=True, slots=True)
class Reading:
    """A file that was read. `stamp` is its state, from which it is known without reading that it is the same; empty
    where it had only just been written, or was not there."""

    path: str
    most: int  # bytes that are read of it
    answer: str
    stamp: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Names:
    """Names that were looked for in a folder: those that it has, and those that it has not."""

    folder: str
    present: tuple[str, ...]
    absent: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sightings:
    """All that a run saw."""

    files: tuple[Reading, ...]
    folders: tuple[tuple[str, str], ...]
    kinds: tuple[tuple[str, str], ...]
    names: tuple[Names, ...]

    def hold(self) -> bool:
        """Whether the file system would answer all of it as it did."""
        return (
            all(map(is_same, self.files))
            and all(answer_for(folder) == answer for folder, answer in self.folders)
            and all(kind_of(path) == kind for path, kind in self.kinds)
            and all(map(are_same, self.names))
        )


@dataclass(slots=True)
class Watch:
    """Takes down what is seen. It is doubtful where the same question had two answers, as files changed meanwhile."""

    files: dict[str, Reading] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    names: dict[str, dict[str, bool]] = field(default_factory=dict)
    doubtful: bool = False

    def note_file(self, one: Reading) -> None:
        before = self.files.setdefault(one.path, one)
        self.doubtful |= (before.answer, before.most) != (one.answer, one.most)

    def note_folder(self, folder: str, answer: str) -> None:
        self.doubtful |= self.folders.setdefault(folder, answer) != answer

    def note_kind(self, path: str, kind: str) -> None:
        self.doubtful |= self.kinds.setdefault(path, kind) != kind

    def note_name(self, folder: str, name: str, *, present: bool) -> None:
        self.doubtful |= self.names.setdefault(folder, {}).setdefault(name, present) != present

    def sightings(self) -> Sightings:
        return Sightings(
            tuple(self.files.values()),
            tuple(self.folders.items()),
            tuple(self.kinds.items()),
            tuple(
                Names(folder, tuple(n for n, here in asked.items() if here), tuple(n for n in asked if not asked[n]))
                for folder, asked in self.names.items()
            ),
        )


WATCH: Final[ContextVar[Watch | None]] = ContextVar("watch", default=None)


@contextmanager
def watched(watch: Watch | None) -> Iterator[None]:
    """Has what is seen here taken down, or with None not."""
    token = WATCH.set(watch)
    try:
        yield
    finally:
        WATCH.reset(token)


def doubt() -> None:
    """Something else than files decided what the run comes to, as the memory that was left."""
    watch = WATCH.get()
    if watch is not None:
        watch.doubtful = True


def seen() -> Watch | None:
    """What was taken down so far, for another process."""
    return WATCH.get()


def absorb(other: Watch | None) -> None:
    """Takes down what another process saw."""
    watch = WATCH.get()
    if watch is None or other is None:
        return
    watch.doubtful |= other.doubtful
    for one in other.files.values():
        watch.note_file(one)
    for folder, answer in other.folders.items():
        watch.note_folder(folder, answer)
    for path, found in other.kinds.items():
        watch.note_kind(path, found)
    for folder, asked in other.names.items():
        for name, present in asked.items():
            watch.note_name(folder, name, present=present)


def read(path: str, most: int) -> bytes | None:
    """The first bytes of a regular file, at most so many; None for another kind of file. Raises OSError and ValueError.

    Nothing else is opened: to open a FIFO waits for a writer, and a device may never end.
    """
    watch = WATCH.get()
    now = time.time_ns()
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            data, state, after = None, None, None
        else:
            with open(path, "rb") as file:
                state = None if watch is None else os.fstat(file.fileno())
                data = file.read(most)
                after = None if watch is None else os.fstat(file.fileno())
    except (OSError, ValueError) as error:
        if watch is not None:
            watch.note_file(Reading(path, most, failure(error)))
        raise
    if watch is not None:
        if data is None or state is None or after is None:
            watch.note_file(Reading(path, most, OTHER))
        else:
            stamp = stamp_of(state)
            watch.doubtful |= stamp != stamp_of(after)
            is_settled = max(state.st_mtime_ns, state.st_ctime_ns) + SETTLED < now
            watch.note_file(Reading(path, most, f"{state.st_size}:{digest(data)}", stamp if is_settled else ()))
    return data


def entries(folder: str) -> list[os.DirEntry[str]]:
    """What is in a folder, in order of names: folders, links, files that may be code or settings. Raises OSError."""
    watch = WATCH.get()
    try:
        with os.scandir(folder) as listing:
            found = sorted(filter(is_telling, listing), key=lambda entry: entry.name)
    except OSError as error:
        if watch is not None:
            watch.note_folder(folder, failure(error))
        raise
    if watch is not None:
        told = "".join(f"{letter_of(entry)}{entry.name}\0" for entry in found)
        watch.note_folder(folder, digest(os.fsencode(told)))
    return found


def names(folder: str) -> Container[str]:
    """The names in a folder, to ask whether it has some; none where it can't be read."""
    watch = WATCH.get()
    found = names_in(folder)
    return found if watch is None else Asked(folder, found, watch)


class Asked:
    """The names in a folder, which are taken down as they are asked for."""

    __slots__ = ("folder", "found", "watch")

    def __init__(self, folder: str, found: frozenset[str], watch: Watch) -> None:
        self.folder = folder
        self.found = found
        self.watch = watch

    def __contains__(self, name: object) -> bool:
        is_present = name in self.found
        self.watch.note_name(self.folder, str(name), present=is_present)
        return is_present


def kind(path: str) -> str:
    """What is at a path, links followed: FOLDER, REGULAR, OTHER where that can't be told, empty where nothing is."""
    found = kind_of(path)
    watch = WATCH.get()
    if watch is not None:
        watch.note_kind(path, found)
    return found


# -- asked again -----------------------------------------------------------------------------


def is_same(one: Reading) -> bool:
    """Whether a file would be read as it was: by its state, else by what is in it."""
    again = Watch()
    with suppress(OSError, ValueError):
        if one.stamp and stamp_of(os.stat(one.path)) == one.stamp:
            return True
    with suppress(OSError, ValueError), watched(again):
        read(one.path, one.most)
    return not again.doubtful and again.files[one.path].answer == one.answer


def answer_for(folder: str) -> str:
    again = Watch()
    with suppress(OSError), watched(again):
        entries(folder)
    return again.folders[folder]


def are_same(one: Names) -> bool:
    found = names_in(one.folder)
    return found.issuperset(one.present) and found.isdisjoint(one.absent)


def names_in(folder: str) -> frozenset[str]:
    try:
        return frozenset(os.listdir(folder))
    except OSError:
        return frozenset()


def kind_of(path: str) -> str:
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except (OSError, ValueError):
        return OTHER
    return FOLDER if stat.S_ISDIR(mode) else REGULAR if stat.S_ISREG(mode) else OTHER


def is_telling(entry: os.DirEntry[str]) -> bool:
    return entry.name not in UNSEEN and (entry.name.endswith(TELLING) or letter_of(entry) in {"l", "d"})


def letter_of(entry: os.DirEntry[str]) -> str:
    """What an entry is by itself: a link, a folder, a regular file, something else."""
    try:
        if entry.is_symlink():
            return "l"
        if entry.is_dir(follow_symlinks=False):
            return "d"
        return "f" if entry.is_file(follow_symlinks=False) else "o"
    except OSError:
        return "o"


def stamp_of(state: os.stat_result) -> tuple[int, ...]:
    times = (state.st_mtime_ns, state.st_ctime_ns)
    return (state.st_mode, state.st_size, *times, state.st_ino, state.st_dev)


def digest(data: bytes) -> str:
    return blake2b(data, digest_size=16).hexdigest()


def failure(error: Exception) -> str:
    """What stood in the way, as an answer."""
    number = error.errno if isinstance(error, OSError) else None
    return f"failed: {type(error).__name__ if number is None else errno.errorcode.get(number, number)}"
