"""Styled lines for a terminal. The only module that needs rich, imported only when there is something to show."""

from __future__ import annotations

import io
from collections.abc import Iterable

from rich import box
from rich.console import Console
from rich.style import Style
from rich.syntax import Syntax
from rich.table import Table as Grid
from rich.text import Text

from initlint.documents import Table
from initlint.report._lines import Line

STYLES = {
    "path": "bold",
    "error": "bold red",
    "warning": "bold yellow",
    "info": "bold cyan",
    "code": "bold",
    "name": "bold",
    "message": "",
    "gutter": "blue",
    "label": "bold",
    "dim": "dim",
    "good": "bold green",
    "unknown": "yellow",
    "heading": "bold",
}


def colored(lines: Iterable[Line], width: int) -> str:
    """The lines with terminal colours; none is wrapped again."""
    out = io.StringIO()
    console = Console(
        file=out, force_terminal=True, width=width, highlight=False, markup=False, emoji=False, soft_wrap=True
    )
    syntax = Syntax("", "python", theme="ansi_dark", background_color="default")
    styles = {name: Style.parse(style) for name, style in STYLES.items()}
    for line in lines:
        text = Text(end="")
        for style, content in line:
            if style == "source":
                highlighted = syntax.highlight(content)
                highlighted.rstrip()
                text.append_text(highlighted)
            else:
                text.append(content, styles.get(style))
        text.rstrip()
        console.print(text)
    return out.getvalue()


def tabled(tables: Iterable[Table], width: int) -> str:
    """Tables as boxes that fit the terminal, their cells wrapped."""
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=width, highlight=False, markup=False, emoji=False)
    for table in tables:
        grid = Grid(title=table.title, title_style="bold", title_justify="left", box=box.ROUNDED, show_lines=True)
        for number, column in enumerate(table.columns):
            grid.add_column(column, style="" if number else "bold", overflow="fold")
        for row in table.rows:
            grid.add_row(*(Text(cell) for cell in row))
        console.print(grid)
        for number, note in enumerate(table.notes, start=1):
            console.print(Text(f"[{number}] {note}", style="dim"))
        console.print()
    return out.getvalue()
