"""Mutable state with undo: branches run one after the other from the same state, then join."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from initlint.graph import History, InitEvent, Unknown
from initlint.interpret.tensors import BORN, Tensor
from initlint.interpret.values import ABSENT, Alternatives, Cell, DictValue, Frame, ListValue, Value

MISSING: Final = object()
MADE: Final = object()  # key that says that a cell's object was made, with all that it held from the start
RAISED: Final = object()  # the result of a function whose end raises
MOST_OPTIONS: Final = 6
MOST_HISTORIES: Final = 6
LONG_LIST: Final = 200  # longer lists are not compared element by element
DEEPEST_FORK: Final = 6  # forks inside forks; beyond, one way stands for all

Delta: TypeAlias = dict[tuple[int, object], tuple[Cell, object, object]]  # (cell, key, value)


class Raised(Exception):
    """The executed code raises here. `certain` is False where only some ways lead to it."""

    def __init__(self, what: Value = None) -> None:
        super().__init__()
        self.what = what


class Heap:
    """Writes to cells, logged while a branch is being explored."""

    __slots__ = ("depth", "forks", "join_tensors", "log", "serial")

    def __init__(self, join_tensors: Callable[[tuple[Tensor, ...]], Tensor]) -> None:
        self.log: list[tuple[Cell, object, object]] | None = None
        self.depth = 0
        self.serial = 0  # of the last object that was made
        self.forks = 0  # that were gone through
        self.join_tensors = join_tensors

    def write(self, cell: Cell, key: object, value: object) -> None:
        if self.log is not None:
            self.log.append((cell, key, cell.get(key, MISSING)))
        cell[key] = value

    def made(self, cell: Cell) -> None:
        """Says that an object is new: no other branch knows it, so that nothing of it is joined."""
        if self.log is not None:
            self.log.append((cell, MADE, MISSING))

    def delete(self, cell: Cell, key: object) -> None:
        if key in cell:
            if self.log is not None:
                self.log.append((cell, key, cell[key]))
            del cell[key]

    def changes(self, start: int) -> tuple[Delta, Delta]:
        """(what cells hold now, what they held before) for all that changed since `start`."""
        now: Delta = {}
        before: Delta = {}
        for cell, key, old in (self.log or [])[start:]:
            mark = (id(cell), key)
            if mark not in before:
                before[mark] = (cell, key, old)
                now[mark] = (cell, key, cell.get(key, MISSING))
        return now, before

    def undo(self, start: int) -> None:
        log = self.log or []
        while len(log) > start:
            cell, key, old = log.pop()
            if old is MISSING:
                cell.pop(key, None)
            else:
                cell[key] = old

    def explore(self, branch: Callable[[], Value]) -> tuple[Value, Delta, bool]:
        """Run a branch and take it back: (its value, what it changed, whether it raised)."""
        outer, self.log = self.log, []
        self.depth += 1
        start = self.serial
        raised = False
        value: Value = None
        try:
            value = branch()
        except Raised:
            raised = True
        finally:  # where the steps run out too: what was made by then is what it is
            now, _ = self.changes(0)
            new = {} if raised else {id(cell): cell for cell, key, _ in self.log if key is MADE}
            self.undo(0)
            self.log = outer
            self.depth -= 1
            self.keep(now, new, start)
        return value, now, raised

    def keep(self, now: Delta, new: dict[int, Cell], start: int) -> None:
        """What was made in a branch, after `start`, stays as it is: no other one knows it."""
        for mark, (cell, key, last) in list(now.items()):
            if mark[0] in new or cell.get(BORN, -1) > start:  # type: ignore[operator]
                del now[mark]
                if last is MISSING:
                    cell.pop(key, None)
                else:
                    cell[key] = last
        for cell in new.values():
            self.made(cell)  # in what this branch is part of, too

    def settle(self, deltas: list[Delta]) -> None:
        """Write the join of what the branches changed."""
        if len(deltas) == 1:
            for cell, key, value in deltas[0].values():
                self.put(cell, key, value)
            return
        marks: dict[tuple[int, object], tuple[Cell, object]] = {}
        for delta in deltas:
            for mark, (cell, key, _) in delta.items():
                marks.setdefault(mark, (cell, key))
        for mark, (cell, key) in marks.items():
            current = cell.get(key, MISSING)
            values = [delta[mark][2] if mark in delta else current for delta in deltas]
            joined = values[0]
            for value in values[1:]:
                joined = self.join(joined, value, key)
            self.put(cell, key, joined)

    def put(self, cell: Cell, key: object, value: object) -> None:
        if value is MISSING:
            self.delete(cell, key)
        elif cell.get(key, MISSING) is not value:
            self.write(cell, key, value)

    def fork(self, branches: list[Callable[[], Value]]) -> Value:
        """The join of the values of all branches that do not raise; raises if all do."""
        self.forks += 1
        values = []
        deltas = []
        for branch in branches:
            value, delta, raised = self.explore(branch)
            if not raised:
                values.append(value)
                deltas.append(delta)
                if self.depth >= DEEPEST_FORK:
                    break
        if not values:
            raise Raised
        self.settle(deltas)
        result = values[0]
        for value in values[1:]:
            result = self.join(result, value)
        return result

    def join(self, left: object, right: object, key: object = None) -> object:
        """One value that stands for either."""
        if left is right:
            return left
        if left is MISSING:
            return right
        if right is MISSING:
            return left
        if key == "histories":
            return join_histories(left, right)  # type: ignore[arg-type]
        if key == "items" and isinstance(left, tuple) and isinstance(right, tuple):
            return self.join_items(left, right)
        if type(left) is type(right):
            if isinstance(left, (int, float, str, bool, bytes)):
                if left == right:
                    return left
            elif isinstance(left, Unknown):
                return left
            elif isinstance(left, Tensor) and isinstance(right, Tensor):
                if left.node == right.node and left.node >= 0:
                    return left
                if left.node >= 0 and right.node >= 0:
                    return self.join_tensors((left, right))
            elif isinstance(left, tuple) and isinstance(right, tuple) and len(left) == len(right):
                return tuple(self.join(a, b) for a, b in zip(left, right))
            elif isinstance(left, ListValue) and isinstance(right, ListValue):
                items = self.join_items(left.items, right.items)
                return ListValue(items, open_=left.open or right.open, kind=left.kind)
            elif isinstance(left, DictValue) and isinstance(right, DictValue) and left.cell.keys() == right.cell.keys():
                return DictValue({k: self.join(v, right.cell[k]) for k, v in left.cell.items()}, open_=left.open)
        return self.alternatives(left, right)

    def alternatives(self, left: object, right: object) -> object:
        found: list[object] = []
        for value in (left, right):
            for option in value.options if isinstance(value, Alternatives) else (value,):
                if not any(option is other or same(option, other) for other in found):
                    found.append(option)
        tensors = [o for o in found if isinstance(o, Tensor) and o.node >= 0]
        if len(tensors) > 1:
            found = [o for o in found if o not in tensors]
            found.append(self.join_tensors(tuple(tensors)))
        if len(found) == 1:
            return found[0]
        if len(found) > MOST_OPTIONS:
            return Unknown("too many alternatives")
        return Alternatives(tuple(found))

    def join_items(self, left: tuple[object, ...], right: tuple[object, ...]) -> tuple[object, ...]:
        """Elements of one that the other lacks become either there or ABSENT."""
        if len(left) == len(right):
            return tuple(self.join(a, b) for a, b in zip(left, right))
        longer, shorter = (left, right) if len(left) > len(right) else (right, left)
        if len(longer) > LONG_LIST:
            return longer
        result: list[object] = []
        position = 0
        for index, item in enumerate(longer):
            rest = len(longer) - index
            if position < len(shorter) and (item is shorter[position] or rest <= len(shorter) - position):
                result.append(self.join(item, shorter[position]))
                position += 1
            else:
                result.append(self.alternatives(item, ABSENT))
        return tuple(result)


def same(left: object, right: object) -> bool:
    """Equal constants of one type, or the same unknown."""
    if type(left) is not type(right):
        return False
    if isinstance(left, (int, float, str, bool, bytes, Unknown)):
        return left == right
    return left is None


def join_histories(left: tuple[History, ...], right: tuple[History, ...]) -> tuple[History, ...]:
    """The ways of both; beyond a few, an unknown write stands for the rest."""
    merged = tuple(dict.fromkeys((*left, *right)))
    if len(merged) > MOST_HISTORIES:
        return (*merged[: MOST_HISTORIES - 1], (InitEvent("unknown", explicit=True),))
    return merged


def leave(heap: Heap, frame: Frame, result: Value) -> Value:
    """At a function's end: join what its early returns left behind with the state it ends in, if it ends."""
    for delta, value, start, serial in reversed(frame.pending):
        _, before = heap.changes(start)
        marks = {mark: (cell, key) for mark, (cell, key, _) in (*delta.items(), *before.items())}
        for mark, (cell, key) in marks.items():
            if mark not in delta and cell.get(BORN, -1) > serial:  # type: ignore[operator]
                continue  # made after that return, which so knows nothing of it
            current = cell.get(key, MISSING)
            early = delta[mark][2] if mark in delta else before[mark][2]
            heap.put(cell, key, early if result is RAISED else heap.join(current, early, key))
        result = value if result is RAISED else heap.join(result, value)
    return result
