"""One thread for what takes long: the newest errand of a name is the only one, and the one before it goes stale.

One thread suffices, for threads of Python share a processor; and the interpreter counts on being alone.
"""

from __future__ import annotations

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
    """Runs errands one after the other, the one that is due first; `idle` after the last of them."""

    def __init__(self, idle: Callable[[], None] | None = None) -> None:
        self.idle = idle
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
        tidy = True
        while True:
            with self.changed:
                errand = self.next(tidy)
            if self.stopped:
                return
            if errand is None:
                tidy = True
                if self.idle is not None:
                    self.idle()
                continue
            tidy = False
            errand.job(errand)
            with self.changed:
                self.running = None

    def next(self, tidy: bool) -> Errand | None:
        """Waits for the next errand; None once there has been nothing to do for a while and it is not tidied up."""
        patience = time.monotonic() + PAUSE
        while not self.stopped:
            now = time.monotonic()
            first = min(self.waiting.values(), key=lambda errand: errand.due, default=None)
            if first is not None and first.due <= now:
                self.running = self.waiting.pop(first.name)
                return first
            if first is None and not tidy and patience <= now:
                return None
            due = first.due if first is not None else None if tidy else patience
            self.changed.wait(None if due is None else max(due - now, 0))
        return None


PAUSE = 1.0  # seconds without an errand, after which it is idle


def started(run: Callable[[], None]) -> threading.Thread:
    before = threading.stack_size(STACK)
    try:
        thread = threading.Thread(target=run, name="initlint", daemon=True)
        thread.start()
    finally:
        threading.stack_size(before)
    return thread
