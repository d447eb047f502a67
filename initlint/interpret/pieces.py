"""Parts of parameters: which rows a view shares, and writes to the parts of one taken together.

Recurrent layers stack the matrices of their gates, and each is written by itself: `for gate in weight.chunk(4)`. Rows
are told as shares of all rows, so that a chunk is known where the size is not.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeAlias

from initlint.graph import History, InitEvent
from initlint.interpret.tensors import ALL, Param, View

if TYPE_CHECKING:
    from initlint.interpret.values import Value

Rows: TypeAlias = tuple[float, float]  # where they begin and end
NEAR: Final = 1e-9
ROW_MAJOR: Final = frozenset({"contiguous", "view", "reshape", "view_as", "reshape_as", "flatten", "data", "detach"})


def rows_of(value: Param | View) -> Rows | None:
    """The rows that a tensor shares; None where that is not known."""
    return value.rows if isinstance(value, View) else ALL


def share(rows: Rows | None, start: float, stop: float) -> Rows | None:
    """The rows from start to stop, both as shares of `rows`."""
    if rows is None:
        return None
    low, high = rows
    return low + start * (high - low), low + stop * (high - low)


def sliced(rows: Rows | None, size: int | None, key: Value) -> Rows | None:
    """The rows of `tensor[key]`; `size` is the length of its first dimension."""
    first, *rest = key if isinstance(key, tuple) else (key,)
    if size is None or size <= 0 or any(part != slice(None) for part in rest):
        return None
    if isinstance(first, int) and not isinstance(first, bool):
        at = first + size if first < 0 else first
        return share(rows, at / size, (at + 1) / size) if 0 <= at < size else None
    if isinstance(first, slice) and first.step in {None, 1}:
        if not all(bound is None or isinstance(bound, int) for bound in (first.start, first.stop)):
            return None
        start, stop, _ = first.indices(size)
        return share(rows, start / size, stop / size) if start < stop else None
    return None


def placed(event: InitEvent, target: Param | View) -> InitEvent:
    """The write as one to this tensor: all of the parameter, or a part of it."""
    if not isinstance(target, View) or target.whole:
        return event
    return replace(event, covers=False, part=target.rows)


def extended(history: History, event: InitEvent) -> History:
    """The history with one more write; where that one completes a row of equal writes to parts, with their sum."""
    longer = (*history, event)
    if event.covers or event.part is None:
        return longer
    parts: list[Rows] = []
    for one in reversed(longer):
        if one.covers or one.part is None or (one.name, one.args) != (event.name, event.args):
            break
        parts.append(one.part)
    return (*longer, replace(event, covers=True, part=None, blocks=len(parts))) if tile(parts) else longer


def tile(parts: list[Rows]) -> bool:
    """Whether the parts cover all rows, each once."""
    end = 0.0
    for low, high in sorted(parts):
        if abs(low - end) > NEAR:
            return False
        end = high
    return abs(end - 1) < NEAR
