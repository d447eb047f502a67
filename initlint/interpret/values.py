"""The abstract values. Plain constants and tuples stand for themselves; the rest is here.

Mutable values keep their state in a dict, the *cell*, which is written through `heap.Heap`
alone, so that a branch can be taken back and joined with its sibling.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar, Final, TypeAlias

from initlint.knowledge import LayerSpec
from initlint.source import Place

if TYPE_CHECKING:
    from initlint.interpret.project import Unit

Value: TypeAlias = object
Cell: TypeAlias = dict[object, object]
MOST_NESTED: Final = 8  # lists in lists that are looked into: they may hold themselves
CONSTANTS: Final = (int, float, str, bool, type(None), bytes, complex, type(Ellipsis))


class Absent:
    """An element that is there on some ways through the code only; calls pass it by."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = Absent()


class Symbol:
    """Something outside the project, by its qualified name: torch.nn.Linear, builtins.len."""

    __slots__ = ("members", "qualified")
    known: ClassVar[dict[str, Symbol]] = {}

    def __init__(self, qualified: str) -> None:
        self.qualified = qualified
        self.members: dict[str, Symbol] = {}  # attributes that were asked for

    @classmethod
    def of(cls, qualified: str) -> Symbol:
        symbol = cls.known.get(qualified)
        if symbol is None:
            symbol = cls.known[qualified] = cls(qualified)
        return symbol

    @property
    def name(self) -> str:
        return self.qualified.rpartition(".")[2]

    def __repr__(self) -> str:
        return f"<{self.qualified}>"


class Alternatives:
    """One of a few values; which one is not known."""

    __slots__ = ("options",)

    def __init__(self, options: tuple[Value, ...]) -> None:
        self.options = options

    def __repr__(self) -> str:
        return f"Alternatives{self.options!r}"


class Package:
    """A module of the project, as a value."""

    __slots__ = ("unit",)

    def __init__(self, unit: Unit) -> None:
        self.unit = unit


class Frame:
    """The variables of one call, of a class body or of a module."""

    __slots__ = (
        "call",
        "cell",
        "depth",
        "function",
        "parent",
        "pending",
        "receiver",
        "result",
        "scopes",
        "unit",
        "yields",
    )

    def __init__(self, unit: Unit, cell: Cell, parent: Frame | None = None, function: Function | None = None) -> None:
        self.unit = unit
        self.cell = cell
        self.parent = parent
        self.function = function
        self.depth = 0  # of forks, where it began
        self.receiver: Value = None  # `self` of the running method
        self.call: ast.AST | None = None  # the call that is being evaluated
        self.result: Value = None
        # Early returns: what they changed, their value, the length of the log and the last serial at that time.
        self.pending: list[tuple[dict[tuple[int, object], tuple[Cell, object, object]], Value, int, int]] = []
        self.yields: list[Value] | None = None
        self.scopes: dict[str, Frame] | None = None  # of names declared global or nonlocal

    def forget(self) -> None:
        """No result yet. A call, for a plain assignment would narrow the attribute's type for what follows."""
        self.result = None


class Function:
    """A function, method or lambda of the project."""

    __slots__ = (
        "closure",
        "defaults",
        "kind",
        "name",
        "no_grad",
        "node",
        "owner",
        "passed_by",
        "recorded",
        "setter",
        "transforms",
        "unit",
        "wrapped",
    )

    def __init__(
        self,
        node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda,
        unit: Unit,
        closure: Frame | None,
        owner: Class | None = None,
    ) -> None:
        self.node = node
        self.unit = unit
        self.closure = closure
        self.owner = owner
        self.name = "<lambda>" if isinstance(node, ast.Lambda) else node.name
        self.kind = ""  # staticmethod, classmethod, property
        self.defaults: dict[str, Value] | None = None
        self.wrapped: Value = None  # what functools.wraps says this stands for
        self.no_grad = False
        self.setter: Function | None = None  # of a property
        self.transforms = False  # makes dataclasses of what it decorates
        self.passed_by = False  # a decorator's wrapper around it is not executed: what else that does is not known
        self.recorded = ""  # the attribute of the receiver in which a decorator keeps the arguments

    def of_kind(self, kind: str) -> Function:
        """The same function as a static method, a class method or a property."""
        made = Function(self.node, self.unit, self.closure, self.owner)
        made.kind = kind
        made.defaults = self.defaults
        made.wrapped = self.wrapped
        made.no_grad = self.no_grad
        made.setter = self.setter
        made.transforms = self.transforms
        made.passed_by = self.passed_by
        made.recorded = self.recorded
        return made

    @property
    def qualified(self) -> str:
        return sys.intern(f"{self.owner.name}.{self.name}") if self.owner else self.name

    def __repr__(self) -> str:
        return f"<function {self.qualified}>"


class Class:
    """A class of the project. `lineage` is its method resolution order, symbols included."""

    __slots__ = (
        "abstract",
        "bases",
        "cell",
        "fields",
        "framework",
        "lineage",
        "metaclass",
        "module",
        "name",
        "node",
        "open",
        "spec",
        "transforms",
        "unit",
    )

    def __init__(self, name: str, node: ast.ClassDef, unit: Unit, bases: tuple[Value, ...]) -> None:
        self.name = name
        self.node = node
        self.unit = unit
        self.bases = bases
        self.cell: Cell = {}
        self.lineage: tuple[Class | Symbol, ...] = (self,)
        self.module = False  # a torch.nn.Module, or a layer or model of Keras
        self.framework = ""  # of its objects, where they are Keras's: see keras_values.framework_of
        self.open = False  # some base is not visible: attributes may come from there
        self.fields: tuple[str, ...] | None = None  # of a dataclass or NamedTuple
        self.metaclass = ""
        self.abstract = False
        self.transforms = False  # subclasses are dataclasses (PEP 681)
        self.spec: LayerSpec | None = None  # of an activation that the tables know by its full name

    def find(self, name: str, after: Class | None = None) -> Value:
        """The attribute as it stands in the class bodies, or ABSENT."""
        started = after is None
        for part in self.lineage:
            if not started:
                started = part is after
            elif isinstance(part, Class) and name in part.cell:
                return part.cell[name]
        return ABSENT

    def symbols(self) -> Iterator[str]:
        return (part.qualified for part in self.lineage if isinstance(part, Symbol))

    def __repr__(self) -> str:
        return f"<class {self.name}>"


class Instance:
    """An object: of a class of the project, or of a framework's (then `spec` says what it is)."""

    __slots__ = (
        "arguments",
        "cell",
        "choice",
        "cls",
        "copied",
        "copies",
        "displaced",
        "escaped",
        "finished",
        "frames",
        "place",
        "repeated",
        "serial",
        "spec",
        "uses",
    )

    def __init__(self, cls: Class | Symbol, serial: int, spec: LayerSpec | None = None) -> None:
        self.cls = cls
        self.cell: Cell = {}
        self.spec = spec
        self.serial = serial
        self.place: Place | None = None
        self.frames: tuple[tuple[Place, str], ...] = ()  # owner call first: (place, class of the owner)
        self.arguments: Mapping[str, Value] = {}  # of the framework's constructor
        self.escaped: str = ""  # why unseen code may have written to it
        self.finished = 0  # the serial when its construction was over; 0 before
        self.uses = 0
        self.copies = 1  # how many like it there are, where a long loop was sampled
        self.repeated = False  # made in a loop of unknown length
        self.copied = False  # copy.deepcopy took it as its template
        self.choice: tuple[Value, ...] = ()  # the classes of which one was called to make it, where that is not known
        self.displaced = False  # an attribute that held it was given another module, or none

    @property
    def module(self) -> bool:
        return self.cls.module if isinstance(self.cls, Class) else self.spec is not None

    @property
    def name(self) -> str:
        return self.cls.name

    def __repr__(self) -> str:
        return f"<{self.name} object>"


class ListValue:
    """A list or set. The cell holds `items` (a tuple) and `open` (more of the same may follow)."""

    __slots__ = ("cell", "kind", "serial")

    def __init__(
        self, items: tuple[Value, ...] = (), *, open_: bool = False, kind: str = "list", serial: int = 0
    ) -> None:
        self.cell: Cell = {"items": items, "open": open_}
        self.kind = kind
        self.serial = serial

    @property
    def items(self) -> tuple[Value, ...]:
        return self.cell["items"]  # type: ignore[return-value]

    @property
    def open(self) -> bool:
        return bool(self.cell["open"])

    def __repr__(self) -> str:
        return f"{self.kind}{list(self.items)!r}{'...' if self.open else ''}"


class DictValue:
    """A dictionary: its cell maps known keys to values; `open` when unknown keys may be there."""

    __slots__ = ("cell", "factory", "flags", "serial")

    def __init__(self, entries: Cell | None = None, *, open_: bool = False, serial: int = 0) -> None:
        self.cell: Cell = entries if entries is not None else {}
        self.flags: Cell = {"open": open_}
        self.factory: Value = None  # of a defaultdict
        self.serial = serial

    @property
    def open(self) -> bool:
        return bool(self.flags["open"])

    def __repr__(self) -> str:
        return f"dict{self.cell!r}"


class Bound:
    """A method with its receiver: the function is the project's, or a name that the framework
    or the language gives to the receiver."""

    __slots__ = ("function", "receiver")

    def __init__(self, receiver: Value, function: Function | str) -> None:
        self.receiver = receiver
        self.function = function

    def __repr__(self) -> str:
        return f"<bound {self.function} of {self.receiver!r}>"


class Partial:
    __slots__ = ("args", "function", "kwargs")

    def __init__(self, function: Value, args: tuple[Value, ...], kwargs: dict[str, Value]) -> None:
        self.function = function
        self.args = args
        self.kwargs = kwargs


class Super:
    """What `super()` gives: attributes of `receiver` found after `after` in its lineage."""

    __slots__ = ("after", "receiver")

    def __init__(self, receiver: Value, after: Class) -> None:
        self.receiver = receiver
        self.after = after


class Native:
    """A callable of our own, made while executing (a decorator's result, operator.itemgetter)."""

    __slots__ = ("handler", "name")

    def __init__(self, name: str, handler: Callable[[list[Value], dict[str, Value]], Value]) -> None:
        self.name = name
        self.handler = handler


class Repeat:
    """Something to iterate whose length is unknown: `items` come round and round."""

    __slots__ = ("items", "why")

    def __init__(self, items: tuple[Value, ...], why: str) -> None:
        self.items = items
        self.why = why


def options(value: Value) -> tuple[Value, ...]:
    """The values it may be; a single one stands for itself."""
    return value.options if isinstance(value, Alternatives) else (value,)


def flatten(value: Value) -> Iterator[Value]:
    """Every value inside nested tuples, lists and dictionaries, in order; what holds itself is gone through once."""
    stack = [value]
    seen: set[int] = set()
    while stack:
        item = stack.pop()
        if isinstance(item, tuple):
            stack.extend(reversed(item))
        elif isinstance(item, (ListValue, DictValue)):
            if id(item) not in seen:
                seen.add(id(item))
                stack.extend(reversed(item.items if isinstance(item, ListValue) else tuple(item.cell.values())))
        elif isinstance(item, Alternatives):
            stack.extend(reversed(item.options))
        else:
            yield item
