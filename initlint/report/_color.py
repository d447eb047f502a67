"""Styled lines for a terminal. The only module that needs rich, imported only when there is something to show."""

from __future__ import annotations

import io
from collections.abc import Iterable

from rich.console import Console
from rich.style import Style
from rich.syntax import Syntax
from rich.text import Text

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
