"""Values that are found once they are used: imported names, and models like one that was built before. And what
a module's name stood for when it was read."""

from __future__ import annotations

from collections.abc import Callable

from initlint.graph import Unknown
from initlint.interpret.values import Cell, Class, DictValue, Instance, ListValue, Value


class Imported:
    """A name that a module imports, found once it is used: most imports are not."""

    __slots__ = ("find", "value")

    def __init__(self, find: Callable[[], Value]) -> None:
        self.find: Callable[[], Value] | None = find
        self.value: Value = Unknown("an import that leads back to itself")

    def force(self) -> Value:
        if self.find is not None:
            find, self.find = self.find, None
            self.value = find()
        return self.value


class Deferred:
    """A model of a kind that was built before: it is built once something is done with it."""

    __slots__ = ("build", "cls", "value")

    def __init__(self, cls: Class, build: Callable[[], Value]) -> None:
        self.cls = cls
        self.build: Callable[[], Value] | None = build
        self.value: Value = None

    def force(self) -> Value:
        if self.build is not None:
            build, self.build = self.build, None
            self.value = build()
        return self.value

    def then(self, do: Callable[[Value], None]) -> None:
        """Do this to the model, now or once it is built."""
        build = self.build
        if build is None:
            do(self.value)
            return

        def built() -> Value:
            made = build()
            do(made)
            return made

        self.build = built


class Read:
    """A module's name that was read, and what it stood for then."""

    __slots__ = ("cell", "name", "size", "value")

    def __init__(self, cell: Cell, name: str, value: Value) -> None:
        self.cell = cell
        self.name = name
        self.value = value
        self.size = size(value)

    def holds(self) -> bool:
        """Whether it stands for the same still: a table that grew is another one, an object may always be."""
        return self.cell.get(self.name) is self.value and self.size == size(self.value) and self.size >= 0


def size(value: Value) -> int:
    if isinstance(value, DictValue):
        return len(value.cell)
    if isinstance(value, Instance):
        return -1
    return len(value.items) if isinstance(value, ListValue) else 0
