"""One thread for what takes long: the newest errand of a name is the only one, and the one before it goes stale.

One thread suffices, for threads of Python share a processor; and the interpreter counts on being alone.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

STACK = 64 * 2**20  # bytes; deep models are followed by recursion, and some systems give threads little

Job: TypeAlias = "Callable[[Errand], None]"


@dataclass(slots=True, eq=False)
class Errand:
    """A job, when it is due, and whether it has become pointless."""

    name: str
    job: Job
    due: float
    stale: bool = False

    def is_stale(self) -> bool:
        return self.stale


class Worker:
    """Runs errands one after the other, the one that is due first."""

    def __init__(self) -> None:
        self.waiting: dict[str, Errand] = {}
        self.running: Errand | None = None
        self.changed = threading.Condition()
        self.stopped = False
        self.thread: threading.Thread | None = None

    def ask(self, name: str, job: Job, delay: float = 0.0) -> None:
        """Runs `job` after `delay` seconds, in place of an errand of that name that has not ended."""
        with self.changed:
            self.drop(name)
            self.waiting[name] = Errand(name, job, time.monotonic() + delay)
            if self.thread is None and not self.stopped:
                self.thread = started(self.run)
            self.changed.notify()

    def drop(self, name: str) -> None:
        """Nobody waits for this errand any more."""
        with self.changed:
            self.waiting.pop(name, None)
            if self.running is not None and self.running.name == name:
                self.running.stale = True

    def stop(self) -> None:
        """Ends the thread as soon as its errand lets it."""
        with self.changed:
            self.stopped = True
            self.waiting.clear()
            if self.running is not None:
                self.running.stale = True
            self.changed.notify()

    def run(self) -> None:
        while True:
            with self.changed:
                errand = self.running = self.next()
            if errand is None:
                return
            with contextlib.suppress(Exception):  # a job tells its own; none ends the thread
                errand.job(errand)

    def next(self) -> Errand | None:
        """Waits for the next errand; None once there will be none."""
        while not self.stopped:
            first = min(self.waiting.values(), key=lambda errand: errand.due, default=None)
            wait = None if first is None else first.due - time.monotonic()
            if first is not None and wait is not None and wait <= 0:
                return self.waiting.pop(first.name)
            self.changed.wait(wait)
        return None


def started(run: Callable[[], None]) -> threading.Thread:
    before = threading.stack_size(STACK)
    try:
        thread = threading.Thread(target=run, name="initlint", daemon=True)
        thread.start()
    finally:
        threading.stack_size(before)
    return thread
