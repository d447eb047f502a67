"""Classes and objects: lineage, construction, attributes, isinstance."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from initlint.graph import Unknown
from initlint.interpret.decorators import decorate_class, mark_fields
from initlint.interpret.enumerations import ENUMERATIONS, enum_member, enumerate_members, is_enumeration
from initlint.interpret.heap import Raised
from initlint.interpret.keras_values import KerasValue, framework_of, object_of
from initlint.interpret.machine import Arguments, Keywords, Machine
from initlint.interpret.postponed import Deferred
from initlint.interpret.values import (
    ABSENT,
    Bound,
    Class,
    DictValue,
    Frame,
    Function,
    Instance,
    Native,
    Symbol,
    Value,
    options,
)

MODULE: Final = "torch.nn.Module"
DICTIONARIES: Final = frozenset({"builtins.dict", "collections.OrderedDict", "collections.UserDict"})
PLAIN_BASES: Final = frozenset(
    {
        "builtins.object",
        "abc.ABC",
        "typing.Generic",
        "typing.Protocol",
        "typing.NamedTuple",
    }
    | {*ENUMERATIONS, "builtins.dict", "builtins.list", "builtins.str", "builtins.int", "builtins.tuple", MODULE}
    | {"collections.OrderedDict", "collections.UserDict", "torch.jit.ScriptModule", "builtins.Exception"}
)


def define_class(machine: Machine, node: ast.ClassDef, frame: Frame) -> Value:
    """The value of a `class` statement, decorators applied."""
    bases: list[Value] = []
    for base in node.bases:
        value = machine.evaluate(base, frame)
        bases += options(value.force() if isinstance(value, Deferred) else value)[:1]
    cls = Class(node.name, node, frame.unit, tuple(bases))
    for keyword in node.keywords:
        if keyword.arg == "metaclass":
            cls.metaclass = getattr(machine.evaluate(keyword.value, frame), "name", "")
    cls.lineage = linearise(cls, bases)
    classify(machine, cls, bases)
    if cls.module and frame is frame.unit.frame:
        known = machine.knowledge.layers.get(f"{machine.project.module_name(frame.unit)}.{cls.name}")
        cls.spec = known if known is not None and known.role == "activation" else None
    body = Frame(frame.unit, cls.cell, frame if frame.function is not None else None)
    body.receiver = cls
    machine.run_block(node.body, body)
    for value in cls.cell.values():
        if isinstance(value, Function) and value.owner is None:
            value.owner = cls
    if is_enumeration(cls):
        enumerate_members(machine, cls)
    if "typing.NamedTuple" in cls.symbols() or any(
        isinstance(part, Class) and part.transforms for part in cls.lineage[1:]
    ):
        mark_fields(cls)
    announce(machine, cls, frame)
    result: Value = cls
    for decorator in reversed(node.decorator_list):
        result = decorate_class(machine, decorator, result, cls, frame)
    return result


def announce(machine: Machine, cls: Class, frame: Frame) -> None:
    """Tell the base classes of a new subclass, through the `__init_subclass__` of the nearest one."""
    hook = cls.find("__init_subclass__", cls)
    if not isinstance(hook, Function):
        return
    words = {
        keyword.arg or "**": machine.evaluate(keyword.value, frame)
        for keyword in cls.node.keywords
        if keyword.arg != "metaclass"
    }
    with suppress(Raised):
        machine.call(Bound(cls, hook), [], words, cls.node, frame)


def linearise(cls: Class, bases: Sequence[Value]) -> tuple[Class | Symbol, ...]:
    """Python's method resolution order (C3); symbols stand for outside classes."""
    sequences: list[list[Class | Symbol]] = []
    for base in bases:
        if isinstance(base, Class):
            sequences.append(list(base.lineage))
        elif isinstance(base, Symbol):
            sequences.append([base])
    sequences.append([b for b in bases if isinstance(b, (Class, Symbol))])
    result: list[Class | Symbol] = [cls]
    while any(sequences):
        sequences = [s for s in sequences if s]
        for sequence in sequences:
            head = sequence[0]
            if not any(head in other[1:] for other in sequences):
                break
        else:
            head = sequences[0][0]
        result.append(head)
        sequences = [[part for part in s if part is not head] for s in sequences]
    return tuple(result)


def classify(machine: Machine, cls: Class, bases: Sequence[Value]) -> None:
    """Whether it is a module, and whether attributes may come from where we can't see."""
    layers = machine.knowledge.layers
    own_forward = any(isinstance(part, ast.FunctionDef) and part.name == "forward" for part in cls.node.body)
    for base in bases:
        if isinstance(base, Class):
            cls.module = cls.module or base.module
            cls.open = cls.open or base.open
        elif isinstance(base, Symbol):
            if base.qualified in layers or base.qualified in (MODULE, "torch.jit.ScriptModule"):
                cls.module = True
            elif base.qualified not in PLAIN_BASES:
                cls.open = True
                cls.module = cls.module or own_forward or base.name.endswith(("Module", "Model", "PreTrainedModel"))
        else:
            cls.open = True
            cls.module = cls.module or own_forward
    cls.framework = framework_of(cls)
    cls.module = cls.module or cls.framework == "keras"
    cls.abstract = any(
        isinstance(part, ast.FunctionDef) and any("abstractmethod" in ast.dump(d) for d in part.decorator_list)
        for part in cls.node.body
    )


# -- construction -------------------------------------------------------------------------


def construct(machine: Machine, callee: Value, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    """`Class(...)`."""
    cls = callee
    assert isinstance(cls, Class)
    if is_enumeration(cls):
        return enum_member(cls, args)
    layers = machine.knowledge.layers
    spec = cls.spec or next((s for q in cls.symbols() if (s := layers.get(q)) is not None and s.role != "module"), None)
    if cls.module:
        args = [a.force() if isinstance(a, Deferred) else a for a in args]
        kwargs = {k: a.force() if isinstance(a, Deferred) else a for k, a in kwargs.items()}
    if cls.module and machine.deferring:
        deferred = machine.defer(cls, args, kwargs, node, frame)
        if deferred is not None:
            return deferred
    instance = object_of(cls, machine.next_serial(), spec)
    machine.heap.made(instance.cell)
    machine.built[cls.node] = machine.built.get(cls.node, 0) + 1
    machine.locate(instance, node, frame)
    outer, machine.base_depth = machine.base_depth, machine.heap.depth if cls.module else machine.base_depth
    try:
        initialise(machine, instance, cls.find("__init__"), args, kwargs, node, frame)
    finally:
        machine.base_depth = outer
    instance.finished = machine.heap.serial
    if spec is not None:
        machine.register(instance)
    if cls.metaclass or cls.open:
        machine.after_construction(instance, node, frame)
    return instance


def initialise(
    machine: Machine,
    instance: Instance,
    function: Value,
    args: Arguments,
    kwargs: Keywords,
    node: ast.AST,
    frame: Frame,
) -> None:
    cls = instance.cls
    assert isinstance(cls, Class)
    fields = inherited_fields(cls, None)
    if isinstance(function, Function) and fields is None:
        machine.call(Bound(instance, function), args, kwargs, node, frame)
    elif fields is not None:
        fill_fields(machine, instance, fields, args, kwargs, node, frame)
    elif instance.spec is not None or isinstance(instance, KerasValue):
        machine.native_method(instance, "__init__", args, kwargs, node, frame)
    elif cls.open:
        for key, value in kwargs.items():
            if key != "**":
                machine.heap.write(instance.cell, key, value)
    if cls.find("__init__") is ABSENT and is_dictionary(cls):
        machine.call(Bound(DictValue(instance.cell), "update"), args, kwargs, node, frame)


def is_dictionary(cls: Class) -> bool:
    """Whether its objects are dictionaries: their items are in the cell, beside the attributes."""
    return any(qualified in DICTIONARIES for qualified in cls.symbols())


def inherited_fields(cls: Class, after: Class | None) -> tuple[str, ...] | None:
    """The fields of the dataclass whose __init__ it has (after `after` in the lineage), None where
    an __init__ that is written out comes first."""
    started = after is None
    for part in cls.lineage:
        if started and isinstance(part, Class):
            if "__init__" in part.cell:
                return None
            if part.fields is not None:
                return part.fields
        started = started or part is after
    return None


def fill_fields(
    machine: Machine,
    instance: Instance,
    fields: Sequence[str],
    args: Arguments,
    kwargs: Keywords,
    node: ast.AST,
    frame: Frame,
) -> None:
    """A dataclass's or NamedTuple's own __init__, then __post_init__."""
    cls = instance.cls
    assert isinstance(cls, Class)
    given = dict(zip(fields, args, strict=False)) | {k: v for k, v in kwargs.items() if k in fields}
    extra = {k: v for k, v in kwargs.items() if k not in fields and k != "**"}
    for name in fields:
        if name in given:
            value = given[name]
        else:
            value = cls.find(name)
            if isinstance(value, Native) and value.name == "field":
                value = machine.call(value, [], {}, node, frame)
            if value is ABSENT:
                value = Unknown(f"field {name} of {cls.name}")
        machine.heap.write(instance.cell, name, value)
    after = cls.find("__post_init__")
    if isinstance(after, Function):
        taken = {a.arg for a in (*after.node.args.args, *after.node.args.kwonlyargs)}
        more = extra if after.node.args.kwarg is not None else {k: v for k, v in extra.items() if k in taken}
        machine.call(Bound(instance, after), [], more, node, frame)
    else:
        for name, value in extra.items():
            machine.set_attribute(instance, name, value, node, frame)
