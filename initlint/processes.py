"""Work that is divided among processes, which begin with all that is known here and send back what they came to.

They are made by `fork`, so that nothing has to be sent to them and what was parsed is there once. Where there is no
`fork`, or threads run that it would cut off, all is done in one process; so is what a process could not send back. One
that ends by itself loses the piece of work it was at.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import fields, is_dataclass
from operator import attrgetter
from tempfile import TemporaryFile
from typing import IO, Any, Final, NoReturn, TypeVar

from initlint import disk

Result = TypeVar("Result")

NUMBER: Final = 4  # bytes of the number of a piece of work
MOST: Final = 64  # processes, whatever is asked for
NONE: Final = -1  # the number of what a process saw of the file system


class ProcessLostError(Exception):
    """A process ended before it had sent back what it was at."""


def available() -> int:
    """The processors that this process may use."""
    asked = getattr(os, "sched_getaffinity", None)  # not on every system
    return len(asked(0)) if asked is not None else os.cpu_count() or 1


def divisible() -> bool:
    """Whether another process can be made of this one. Not on a Mac, whose own libraries do not bear it."""
    threading = sys.modules.get("threading")
    alone = threading is None or threading.active_count() == 1
    return hasattr(os, "fork") and sys.platform != "darwin" and alone


def each(
    work: Callable[[int], Result], order: Sequence[int], jobs: int, meanwhile: Callable[[], object] = lambda: None
) -> dict[int, Result | ProcessLostError]:
    """`work` of every number, on so many processes, this one among them. Who is free takes the next number. `meanwhile`
    is what this one may do first, which has to be done anyway."""
    jobs = min(jobs, len(order), MOST)
    if jobs < 2 or not divisible():
        return {number: work(number) for number in order}
    with ExitStack() as stack:
        try:
            queue, *files = [stack.enter_context(TemporaryFile()) for _ in range(jobs)]
            queue.write(b"".join(number.to_bytes(NUMBER, "big") for number in order))
            queue.flush()
        except OSError:  # nowhere to write
            return {number: work(number) for number in order}
        os.lseek(queue.fileno(), 0, os.SEEK_SET)  # where the next number is read is one place for all processes
        found: dict[int, Result | ProcessLostError] = {}
        ends = divided(work, queue, files, found, meanwhile)
        for file, end in zip(files, ends):
            gathered(file, end, found)
    found.update({number: work(number) for number in order if number not in found})
    return found


def divided(
    work: Callable[[int], Result],
    queue: IO[bytes],
    files: Sequence[IO[bytes]],
    found: dict[int, Any],
    meanwhile: Callable[[], object],
) -> list[int]:
    """Does what this process takes of it; how the others ended, each of which has written to one of the files."""
    children: list[int] = []
    ends: list[int] = []
    try:
        parent = os.getpid()
        for file in files:
            try:
                child = os.fork()
            except OSError:  # no more processes: those that are there do it
                break
            if not child:
                serve(work, queue, file, parent)
            children.append(child)
        meanwhile()
        found.update((number, work(number)) for number in numbers(queue))
        while children:
            ends.append(os.waitstatus_to_exitcode(os.waitpid(children[0], 0)[1]))
            del children[0]
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    return ends


def gathered(file: IO[bytes], end: int, found: dict[int, Any]) -> None:
    """Adds what a process has sent. Where a signal has ended it, the piece that it was at is lost: it may be what
    ended it."""
    taken = NONE
    for number, result in records(file):
        if number == NONE:
            disk.absorb(result)
        elif result is None:
            taken = number
        else:
            found[number], taken = result[0], NONE
    if taken != NONE and end < 0:
        found[taken] = ProcessLostError(f"a process that read it was ended by signal {-end}")


def numbers(queue: IO[bytes]) -> Iterator[int]:
    while len(taken := os.read(queue.fileno(), NUMBER)) == NUMBER:
        yield int.from_bytes(taken, "big")


def serve(work: Callable[[int], object], queue: IO[bytes], file: IO[bytes], parent: int) -> NoReturn:
    """What another process does, to its end."""
    status = 1
    try:
        gc.freeze()  # what is there already is left alone, and so stays shared
        for number in numbers(queue):
            if os.getppid() != parent:
                break
            write(file, (number, None))
            write(file, (number, (work(number),)))
        write(file, (NONE, disk.seen()))
        status = 0
    finally:
        os._exit(status)  # without what the other process is to do at its end; what was not sent, that one does


def write(file: IO[bytes], record: object) -> None:
    Packer(file).dump(record)
    file.flush()


def records(file: IO[bytes]) -> Iterator[tuple[int, Any]]:
    file.seek(0)
    with suppress(EOFError, pickle.UnpicklingError):
        while True:
            yield pickle.load(file)  # noqa: S301 - nobody else can open the file


class Ways(dict[type, Callable[[Any], Any]]):
    """How objects of each class are taken apart. Dataclasses and named tuples by their fields: compiled dataclasses
    can't be put together otherwise, and there are so many that each has its way made once."""

    def __missing__(self, kind: type) -> Callable[[Any], Any]:
        self[kind] = way = way_of(kind)
        return way


def way_of(kind: type) -> Callable[[Any], Any]:
    if issubclass(kind, BaseException):
        return lambda error: (revived, (kind.__name__, str(error)))
    if issubclass(kind, type):
        return lambda named: named.__qualname__
    if is_dataclass(kind):
        names = [field.name for field in fields(kind)]
        if len(names) > 1:
            read = attrgetter(*names)
            return lambda one: (kind, read(one))
        return lambda one: (kind, tuple([getattr(one, name) for name in names]))
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return lambda one: (kind, tuple(one))
    return lambda one: one.__reduce_ex__(pickle.HIGHEST_PROTOCOL)


WAYS: Final = Ways()


class Packer(pickle.Pickler):
    dispatch_table = WAYS

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)


def revived(name: str, message: str) -> Exception:
    """An exception of that name, whatever its class was."""
    kind: type[Exception] = type(name, (Exception,), {})
    return kind(message)
