"""isinstance and issubclass: True, False, or None where it can't be known."""

from __future__ import annotations

from typing import Final

from initlint.interpret import compare
from initlint.interpret.classes import MODULE
from initlint.interpret.machine import Machine
from initlint.interpret.postponed import Deferred
from initlint.interpret.values import (
    ABSENT,
    CONSTANTS,
    Alternatives,
    Bound,
    Class,
    DictValue,
    Function,
    Instance,
    ListValue,
    Partial,
    Symbol,
    Value,
)

CALLABLES = (Class, Function, Bound, Partial)
WITHOUT_METHODS: Final = frozenset(
    {"builtins.object", "abc.ABC", "typing.Generic", "typing.Protocol", "enum.Enum", "enum.IntEnum", MODULE}
)
ABSTRACT: Final = ("collections.abc.", "typing.")
BY_METHODS: Final = {  # what is an instance of these is told by its methods
    "Callable": ("__call__",),
    "Collection": ("__len__", "__iter__", "__contains__"),
    "Container": ("__contains__",),
    "Hashable": ("__hash__",),
    "Iterable": ("__iter__",),
    "Iterator": ("__iter__", "__next__"),
    "Reversible": ("__iter__", "__reversed__"),
    "Sized": ("__len__",),
}


def is_instance(machine: Machine, value: Value, kinds: Value) -> bool | None:
    """`isinstance(value, kinds)`."""
    if isinstance(kinds, tuple):
        answers = [is_instance(machine, value, kind) for kind in kinds]
        return True if True in answers else (None if None in answers else False)
    if isinstance(kinds, Alternatives):
        if isinstance(value, Instance) and value.choice == kinds.options:
            return True  # made of the class that was chosen, whichever it is
        return compare.agree([is_instance(machine, value, kind) for kind in kinds.options])
    if isinstance(value, Alternatives):
        return compare.agree([is_instance(machine, option, kinds) for option in value.options])
    if isinstance(value, Deferred):
        return kinds in value.cls.lineage
    if isinstance(value, Instance):
        if not isinstance(kinds, (Class, Symbol)):
            return None
        if isinstance(value.cls, Class):
            if kinds in value.cls.lineage:
                return True
            if isinstance(kinds, Symbol):
                if kinds.qualified == "builtins.tuple" and "typing.NamedTuple" in value.cls.symbols():
                    return True
                if value.module and machine.is_kind(value, kinds):
                    return True
                if kinds.name in BY_METHODS and kinds.qualified.startswith(ABSTRACT):
                    return has_methods(value.cls, BY_METHODS[kinds.name])
                return None if value.cls.open else False
            return False
        return machine.is_kind(value, kinds) if isinstance(kinds, Symbol) else False
    if isinstance(kinds, Class) and isinstance(value, (*CONSTANTS, tuple, ListValue, DictValue, *CALLABLES)):
        return False
    if isinstance(value, CALLABLES) and isinstance(kinds, Symbol) and kinds.qualified == "builtins.type":
        return isinstance(value, Class)
    return machine.is_value_kind(value, kinds)


def has_methods(cls: Class, names: tuple[str, ...]) -> bool | None:
    """Whether a class has these methods; None where a base that is not visible may have them."""
    if names == ("__hash__",):
        return True if cls.find("__eq__") is ABSENT or cls.find("__hash__") is not ABSENT else None
    callable_ = cls.module and names == ("__call__",)
    if callable_ or all(cls.find(name) is not ABSENT for name in names):
        return True
    return None if cls.open or any(q not in WITHOUT_METHODS for q in cls.symbols()) else False


def is_subclass(machine: Machine, cls: Value, kinds: Value) -> bool | None:
    if isinstance(kinds, tuple):
        answers = [is_subclass(machine, cls, kind) for kind in kinds]
        return True if True in answers else (None if None in answers else False)
    if isinstance(cls, Class) and isinstance(kinds, (Class, Symbol)):
        if kinds in cls.lineage:
            return True
        if cls.open or not isinstance(kinds, Symbol):
            return None if cls.open else False
        bases = [part for part in cls.lineage if isinstance(part, Symbol)]
        return (kinds.qualified == MODULE and cls.module) or any(
            is_framework_subclass(machine, base, kinds) for base in bases
        )
    if isinstance(cls, Symbol) and isinstance(kinds, Symbol):
        return cls is kinds or is_framework_subclass(machine, cls, kinds)
    return None


def is_framework_subclass(machine: Machine, cls: Symbol, kinds: Symbol) -> bool | None:
    """Whether a layer of a framework derives from another class of it; None for what is no known layer."""
    spec = machine.knowledge.layers.get(cls.qualified)
    if spec is None:
        return None
    return kinds.qualified in (MODULE, spec.qualified) or kinds.qualified in spec.bases
