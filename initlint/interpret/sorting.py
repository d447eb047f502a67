"""Orders of values, where all keys are known."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from initlint.interpret.machine import Keywords, Machine
from initlint.interpret.values import Frame, Value


def in_order(
    machine: Machine, items: tuple[Value, ...], kwargs: Keywords, node: ast.AST, frame: Frame
) -> tuple[Value, ...]:
    """The items as `sorted` gives them; as they are where a key is not known."""
    keys = sort_keys(machine, items, kwargs, node, frame)
    if keys is None:
        return items
    places = sorted(range(len(items)), key=keys.__getitem__, reverse=kwargs.get("reverse") is True)
    return tuple(items[place] for place in places)


def sort_keys(
    machine: Machine, items: Sequence[Value], kwargs: Keywords, node: ast.AST, frame: Frame
) -> list[Any] | None:
    """What each item is compared by, None unless all are constants that can be compared."""
    key = kwargs.get("key")
    keys = list(items) if key is None else [machine.call(key, [item], {}, node, frame) for item in items]
    if not all(is_plain(part) for part in keys):
        return None
    try:
        sorted(keys)  # type: ignore[type-var]
    except TypeError:
        return None
    return keys


def is_plain(value: Value) -> bool:
    if isinstance(value, tuple):
        return all(is_plain(part) for part in value)
    return isinstance(value, (int, float, str))
