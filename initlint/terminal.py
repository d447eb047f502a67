"""Where output goes: standard output or a file, in colour or not, and one line for what goes wrong."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from initlint.report._lines import Line

WIDTH = 100  # where there is no terminal to ask


@dataclass(frozen=True, slots=True)
class Output:
    """Where a command writes: to `file`, or standard output where that is None; `color` is None where nobody said."""

    file: str | None = None
    color: bool | None = None

    def write_lines(self, lines: Callable[[int], Iterable[Line]], *, styled: bool) -> None:
        """Writes styled lines, in colour where that is wanted and there is something to show."""
        if styled and self.in_color():
            from initlint.report._color import colored

            width = terminal_width()
            self.write(colored(lines(width), width))
        else:
            from initlint.report._lines import plain
            from initlint.report.text import UNBOUNDED

            self.write(plain(lines(UNBOUNDED)))

    def in_color(self) -> bool:
        if self.color is not None:
            return self.color
        if self.file is not None or os.environ.get("NO_COLOR"):
            return False
        return bool(os.environ.get("FORCE_COLOR")) or (sys.stdout.isatty() and os.environ.get("TERM") != "dumb")

    def write(self, text: str | bytes) -> None:
        """Writes the whole output. A reader that went away is no error. Raises ClickException."""
        encoding = "utf-8" if self.file is not None else sys.stdout.encoding or "utf-8"
        data = text if isinstance(text, bytes) else text.encode(encoding, "backslashreplace")
        if self.file is not None:
            try:
                with open(self.file, "wb") as file:
                    file.write(data)
            except (OSError, ValueError) as error:
                reason = (getattr(error, "strerror", None) or str(error)).lower()
                raise click.ClickException(f"cannot write {self.file}: {reason}") from error
            return
        try:
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that closing it does not fail either


def terminal_width() -> int:
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or WIDTH
    except (OSError, ValueError):  # not a terminal
        return WIDTH


def complain(line: str) -> None:
    """One line on standard error."""
    from initlint.report._lines import shown

    click.echo(shown(line), err=True)


def told(lines: Iterable[str]) -> None:
    for line in lines:
        complain(f"error: {line}")
