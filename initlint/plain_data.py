"""Frozen values as plain data that JSON can hold, and back, by the types that their fields declare.

What comes back is checked against them, since it may come from anywhere: nothing but values of these types is made of
it. A dataclass is a list of its name and its fields, a tuple a list, an enumeration its value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Final, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints

from initlint.source import Place, Point, Span

T = TypeVar("T")
Json: TypeAlias = "list[Json] | str | int | float | bool | None"
Restore: TypeAlias = Callable[[Any], Any]

SCALARS: Final[dict[type, tuple[type, ...]]] = {
    str: (str,),
    int: (int,),
    float: (float, int),  # as Python has it
    bool: (bool,),
    NoneType: (NoneType,),
}

# What mypyc keeps no annotations of.
TYPES: Final[Mapping[type, Mapping[str, Any]]] = {
    Place: {"file": str, "span": Span, "cell": int | None},
    Span: {"start": Point, "end": Point},
}


class OddDataError(ValueError):
    """The data is not that of a value of this type."""


def plain(value: object) -> Json:
    """The data of a value. Raises TypeError for one that has none."""
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, tuple):
        return [plain(one) for one in value]
    if is_dataclass(value):
        kind: Any = type(value)
        return [kind.__name__, *(plain(getattr(value, name)) for name in names_of(kind))]
    raise TypeError(f"no plain data for a {type(value).__name__}")


def restored(kind: type[T], data: object) -> T:
    """The value of a type that has this data. Raises OddDataError."""
    form: Any = kind
    value: T = restorer(form)(data)
    return value


@cache
def names_of(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


@cache
def restorer(kind: Any) -> Restore:
    """What makes values of a type from their data."""
    origin = get_origin(kind)
    if kind in SCALARS:
        return scalar(SCALARS[kind])
    if origin in {Union, UnionType}:
        return union(get_args(kind))
    if origin is tuple:
        return sequence(get_args(kind))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return member(kind)
    if is_dataclass(kind) and isinstance(kind, type):
        return record(kind, names_of(kind), kind.__name__)
    if isinstance(kind, type) and issubclass(kind, tuple):
        return record(kind, kind._fields)  # type: ignore[attr-defined]
    raise TypeError(f"no plain data for a {kind}")


def scalar(kinds: tuple[type, ...]) -> Restore:
    def restore(data: Any) -> Any:
        if type(data) not in kinds:
            raise OddDataError
        return data

    return restore


def member(kind: type[Enum]) -> Restore:
    members = {one.value: one for one in kind}

    def restore(data: Any) -> Any:
        if not isinstance(data, (int, str)) or data not in members:
            raise OddDataError
        return members[data]

    return restore


def union(kinds: tuple[Any, ...]) -> Restore:
    """One of several types: the first that the data fits."""
    simple = tuple(one for kind in kinds if kind in SCALARS for one in SCALARS[kind])
    others = [kind for kind in kinds if kind not in SCALARS]

    def restore(data: Any) -> Any:
        if type(data) in simple:
            return data
        for kind in others[:-1]:
            try:
                return restorer(kind)(data)
            except OddDataError:
                continue
        if not others:
            raise OddDataError
        return restorer(others[-1])(data)

    return restore


def sequence(kinds: tuple[Any, ...]) -> Restore:
    """A tuple of any length, or of fixed types."""
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        each = kinds[0]

        def restore(data: Any) -> Any:
            return tuple(map(restorer(each), listed(data)))

        return restore

    def restore_each(data: Any) -> Any:
        if len(listed(data)) != len(kinds):
            raise OddDataError
        return tuple(restorer(kind)(one) for kind, one in zip(kinds, data, strict=True))

    return restore_each


def record(kind: type, names: tuple[str, ...], *tag: str) -> Restore:
    """A dataclass, which begins with its name, or a named tuple."""

    @cache
    def restorers() -> list[Restore]:  # when they are needed, since a type may hold its own
        hints = TYPES.get(kind) or get_type_hints(kind)
        return [restorer(hints[name]) for name in names]

    def restore(data: Any) -> Any:
        if len(listed(data)) != len(tag) + len(names) or data[: len(tag)] != list(tag):
            raise OddDataError
        return kind(*(one(value) for one, value in zip(restorers(), data[len(tag) :], strict=True)))

    return restore


def listed(data: Any) -> list[Any]:
    if not isinstance(data, list):
        raise OddDataError
    return data
