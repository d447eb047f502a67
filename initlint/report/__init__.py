"""One module per format, each with a `render(report) -> str`; the folder is the registry.

Formats for people also have a `layout` of styled lines. `report/inspection/` and `report/recommendation/` hold the
formats of `initlint inspect` and `initlint recommend` in the same way. Modules with a leading underscore are shared by
formats.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from initlint.findings import Report
    from initlint.inspection import Inspection
    from initlint.recommendations import Advice, LayerAdvice
    from initlint.report._lines import Line

FOLDER = os.path.dirname(__file__)


def formats(folder: str = FOLDER) -> tuple[str, ...]:
    """The names of the formats, in alphabetical order."""
    names = (name.removesuffix(".py") for name in os.listdir(folder) if name.endswith(".py"))
    return tuple(sorted(name for name in names if not name.startswith("_")))


def renderer(name: str) -> Callable[[Report], str]:
    """The `render` of a format."""
    render: Callable[[Report], str] = import_module(f"initlint.report.{name}").render
    return render


def layout(name: str) -> Callable[..., Iterable[Line]] | None:
    """The `layout` of a format for people; None for one that programs read."""
    found: Callable[..., Iterable[Line]] | None = getattr(import_module(f"initlint.report.{name}"), "layout", None)
    return found


def plans_fixes(name: str) -> bool:
    """Whether a format shows the edits of fixes, so that they have to be planned."""
    return bool(getattr(import_module(f"initlint.report.{name}"), "PLANS_FIXES", False))


def inspection_renderer(name: str) -> Callable[[Inspection], str]:
    """The `render` of a format of `initlint inspect`."""
    render: Callable[[Inspection], str] = import_module(f"initlint.report.inspection.{name}").render
    return render


def recommendation_renderer(name: str) -> Callable[[Sequence[Advice], Sequence[LayerAdvice], bool], str]:
    """The `render` of a format of `initlint recommend`."""
    render: Callable[[Sequence[Advice], Sequence[LayerAdvice], bool], str] = import_module(
        f"initlint.report.recommendation.{name}"
    ).render
    return render
