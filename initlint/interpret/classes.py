"""Classes and objects: lineage, construction, attributes, isinstance."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Final

from initlint.graph import Unknown
from initlint.interpret import compare
from initlint.interpret.heap import MISSING
from initlint.interpret.machine import Arguments, Attribute, Keywords, Machine
from initlint.interpret.values import (
    ABSENT,
    CONSTANTS,
    Alternatives,
    Bound,
    Class,
    Deferred,
    DictValue,
    Frame,
    Function,
    Instance,
    Native,
    Param,
    Partial,
    Super,
    Symbol,
    Tensor,
    Value,
    View,
    options,
)

MODULE: Final = "torch.nn.Module"
PLAIN_BASES: Final = frozenset(
    {"builtins.object", "abc.ABC", "typing.Generic", "typing.Protocol", "typing.NamedTuple", "enum.Enum", "enum.IntEnum"}
    | {"enum.StrEnum", "builtins.dict", "builtins.list", "builtins.str", "builtins.int", "builtins.tuple", MODULE}
    | {"collections.OrderedDict", "collections.UserDict", "torch.jit.ScriptModule", "builtins.Exception"}
)


def define_class(machine: Machine, node: ast.ClassDef, frame: Frame) -> Value:
    """The value of a `class` statement, decorators applied."""
    bases: list[Value] = []
    for base in node.bases:
        value = machine.evaluate(base, frame)
        bases += [o for o in options(value.force() if isinstance(value, Deferred) else value)][:1]
    cls = Class(node.name, node, frame.unit, tuple(bases))
    for keyword in node.keywords:
        if keyword.arg == "metaclass":
            cls.metaclass = getattr(machine.evaluate(keyword.value, frame), "name", "")
    cls.lineage = linearise(cls, bases)
    classify(machine, cls, bases)
    body = Frame(frame.unit, cls.cell, frame if frame.function is not None else None)
    body.receiver = cls
    machine.run_block(node.body, body)
    for value in cls.cell.values():
        if isinstance(value, Function) and value.owner is None:
            value.owner = cls
    if any("enum." in qualified for qualified in cls.symbols()):
        enumerate_members(machine, cls)
    if "typing.NamedTuple" in cls.symbols():
        cls.fields = field_names(cls)
    result: Value = cls
    for decorator in reversed(node.decorator_list):
        wrapper = machine.evaluate(decorator, frame)
        if isinstance(wrapper, (Symbol, Native)) and wrapper.name.endswith(("dataclass", "define", "frozen", "attrs")):
            cls.fields = field_names(cls)
        elif isinstance(wrapper, (Function, Bound, Partial, Native)):
            made = machine.call(wrapper, [result], {}, decorator, frame)
            if isinstance(made, Class):
                result = made
    return result


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
    cls.abstract = any(
        isinstance(part, ast.FunctionDef)
        and any("abstractmethod" in ast.dump(d) for d in part.decorator_list)
        for part in cls.node.body
    )


def field_names(cls: Class) -> tuple[str, ...]:
    names: list[str] = []
    for part in reversed(cls.lineage):
        if isinstance(part, Class):
            for statement in part.node.body:
                if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                    if "ClassVar" not in ast.dump(statement.annotation):
                        names.append(statement.target.id)
    return tuple(dict.fromkeys(names))


def enumerate_members(machine: Machine, cls: Class) -> None:
    for key, value in list(cls.cell.items()):
        if isinstance(key, str) and not key.startswith("_") and not isinstance(value, (Function, Class)):
            member = Instance(cls, machine.next_serial())
            member.cell.update({"value": value, "name": key})
            cls.cell[key] = member


# -- construction -------------------------------------------------------------------------


def construct(
    machine: Machine, callee: Value, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> Value:
    """`Class(...)`."""
    cls = callee
    assert isinstance(cls, Class)
    if any("enum." in qualified for qualified in cls.symbols()):
        return enum_member(cls, args)
    layers = machine.knowledge.layers
    spec = next((s for q in cls.symbols() if (s := layers.get(q)) is not None and s.role != "module"), None)
    if cls.module:
        args = [a.force() if isinstance(a, Deferred) else a for a in args]
        kwargs = {k: a.force() if isinstance(a, Deferred) else a for k, a in kwargs.items()}
    if cls.module and machine.deferring:
        deferred = machine.defer(cls, args, kwargs, node, frame)
        if deferred is not None:
            return deferred
    instance = Instance(cls, machine.next_serial(), spec)
    machine.built[cls.node] = machine.built.get(cls.node, 0) + 1
    machine.locate(instance, node, frame)
    initialise(machine, instance, cls.find("__init__"), args, kwargs, node, frame)
    if spec is not None:
        machine.register(instance)
    if cls.metaclass or cls.open:
        machine.after_construction(instance, node, frame)
    return instance


def initialise(
    machine: Machine, instance: Instance, function: Value, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> None:
    cls = instance.cls
    assert isinstance(cls, Class)
    if isinstance(function, Function):
        machine.call(Bound(instance, function), args, kwargs, node, frame)
    elif (fields := inherited_fields(cls, None)) is not None:
        fill_fields(machine, instance, fields, args, kwargs, node, frame)
    elif instance.spec is not None:
        machine.native_method(instance, "__init__", args, kwargs, node, frame)
    elif cls.open:
        for key, value in kwargs.items():
            if key != "**":
                machine.heap.write(instance.cell, key, value)
    base_dict = any(q in ("builtins.dict", "collections.OrderedDict", "collections.UserDict") for q in cls.symbols())
    if base_dict and cls.find("__init__") is ABSENT:
        for key, value in kwargs.items():
            machine.heap.write(instance.cell, key, value)


def inherited_fields(cls: Class, after: Class | None) -> tuple[str, ...] | None:
    """The fields of the nearest dataclass in the lineage (after `after`), None where there is none."""
    started = after is None
    for part in cls.lineage:
        if started and isinstance(part, Class) and part.fields is not None:
            return part.fields
        started = started or part is after
    return None


def fill_fields(
    machine: Machine, instance: Instance, fields: Sequence[str], args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> None:
    """A dataclass's or NamedTuple's own __init__, then __post_init__."""
    cls = instance.cls
    assert isinstance(cls, Class)
    given = dict(zip(fields, args, strict=False)) | {k: v for k, v in kwargs.items() if k != "**"}
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
        machine.call(Bound(instance, after), [], {}, node, frame)


def enum_member(cls: Class, args: Arguments) -> Value:
    for member in cls.cell.values():
        if isinstance(member, Instance) and args and compare.equal(member.cell.get("value"), args[0]) is True:
            return member
    return Unknown(f"a member of {cls.name}")


# -- attributes ---------------------------------------------------------------------------


def instance_attribute(machine: Machine, value: Value, name: str, node: ast.AST, frame: Frame) -> Value:
    assert isinstance(value, Instance)
    found = value.cell.get(name, MISSING)
    if found is not MISSING:
        return found
    cls = value.cls
    if isinstance(cls, Class):
        attribute = cls.find(name)
        if attribute is not ABSENT:
            return bind_attribute(machine, attribute, value, node, frame)
    if name == "__class__":
        return cls
    if name == "__dict__":
        return DictValue(value.cell)
    native = machine.native_attribute(value, name, node, frame)
    if native is not MISSING:
        return native
    if isinstance(cls, Class):
        getter = cls.find("__getattr__")
        if isinstance(getter, Function) and not name.startswith("__"):
            return machine.call(Bound(value, getter), [name], {}, node, frame)
    return Unknown(f"attribute {name} of {value.name}", frame.unit.place(node))


def bind_attribute(machine: Machine, attribute: Value, receiver: Value, node: ast.AST, frame: Frame) -> Value:
    if isinstance(attribute, Function):
        if attribute.kind == "property":
            return machine.call(Bound(receiver, attribute), [], {}, node, frame)
        if attribute.kind == "staticmethod":
            return attribute
        if attribute.kind == "classmethod":
            return Bound(receiver.cls if isinstance(receiver, Instance) else receiver, attribute)
        return Bound(receiver, attribute)
    if isinstance(attribute, Alternatives):
        return Alternatives(tuple(bind_attribute(machine, o, receiver, node, frame) for o in attribute.options))
    return attribute


def class_attribute(machine: Machine, value: Value, name: str, node: ast.AST, frame: Frame) -> Value:
    assert isinstance(value, Class)
    if name in ("__name__", "__qualname__"):
        return value.name
    if name == "__mro__":
        return value.lineage
    attribute = value.find(name)
    if isinstance(attribute, Function) and attribute.kind == "classmethod":
        return Bound(value, attribute)
    if attribute is not ABSENT:
        return attribute
    if name == "__module__":
        return machine.project.module_name(value.unit)
    if name == "__members__" or name == "__dict__":
        return DictValue(dict(value.cell))
    for qualified in value.symbols():
        if qualified in machine.knowledge.layers or qualified == MODULE:
            return Symbol.of(f"{qualified}.{name}")
    return Unknown(f"attribute {name} of {value.name}", frame.unit.place(node))


def super_attribute(machine: Machine, value: Value, name: str, node: ast.AST, frame: Frame) -> Value:
    assert isinstance(value, Super)
    receiver = value.receiver
    cls = receiver.cls if isinstance(receiver, Instance) else receiver
    if isinstance(cls, Class):
        attribute = cls.find(name, value.after)
        if attribute is not ABSENT:
            return bind_attribute(machine, attribute, receiver, node, frame)
        if isinstance(receiver, Instance):
            fields = inherited_fields(cls, value.after) if name == "__init__" else None
            if fields is not None:
                return Native(
                    "__init__", lambda args, kwargs: fill_fields(machine, receiver, fields, args, kwargs, node, frame)
                )
            found = machine.native_attribute(receiver, name, node, frame)
            if found is not MISSING:
                return found
            if name == "__init__" and not receiver.module:
                return Native("__init__", lambda args, kwargs: keep_arguments(machine, receiver, kwargs))
        if name in ("__setattr__", "__init_subclass__", "__post_init__"):
            return Native(name, lambda args, kwargs: store(machine, receiver, args))
    return Unknown(f"attribute {name} of a base class", frame.unit.place(node))


def keep_arguments(machine: Machine, receiver: Instance, kwargs: Keywords) -> None:
    """An outside base class's __init__ (a config's, say) is taken to keep its keyword arguments."""
    for key, value in kwargs.items():
        if key != "**" and key not in receiver.cell:
            machine.heap.write(receiver.cell, key, value)


def store(machine: Machine, receiver: Value, args: Arguments) -> None:
    if isinstance(receiver, Instance) and len(args) == 2 and isinstance(args[0], str):
        machine.heap.write(receiver.cell, args[0], args[1])


def function_attribute(machine: Machine, value: Value, name: str, node: ast.AST, frame: Frame) -> Value:
    assert isinstance(value, Function)
    if name in ("__name__", "__qualname__"):
        return value.name
    if name == "__module__":
        return machine.project.module_name(value.unit)
    return Unknown(f"attribute {name} of a function")


def bound_attribute(machine: Machine, value: Value, name: str, node: ast.AST, frame: Frame) -> Value:
    assert isinstance(value, Bound)
    if name == "__self__":
        return value.receiver
    if name == "__func__" and isinstance(value.function, Function):
        return value.function
    if name == "__name__":
        return value.function if isinstance(value.function, str) else value.function.name
    return Unknown(f"attribute {name} of a method")


def partial_attribute(machine: Machine, value: Value, name: str, node: ast.AST, frame: Frame) -> Value:
    assert isinstance(value, Partial)
    if name == "func":
        return value.function
    if name == "keywords":
        return DictValue(dict(value.kwargs))
    return value.args if name == "args" else Unknown(f"attribute {name} of a partial")


def alternatives_attribute(machine: Machine, value: Value, name: str, node: ast.AST, frame: Frame) -> Value:
    assert isinstance(value, Alternatives)
    kept = [option for option in value.options if option is not None and option is not ABSENT]
    if not kept:
        return Unknown(f"attribute {name} of nothing")
    results = [machine.attribute(option, name, node, frame) for option in kept]
    joined = results[0]
    for result in results[1:]:
        joined = machine.heap.join(joined, result)
    return joined


FORCING: Final = frozenset(
    "apply modules named_modules children named_children parameters named_parameters add_module __class__".split()
)


def deferred_attribute(machine: Machine, value: Value, name: str, node: ast.AST, frame: Frame) -> Value:
    assert isinstance(value, Deferred)
    if name in ("load_state_dict", "eval", "train", "to", "cuda", "requires_grad_"):
        return Native(name, lambda args, kwargs: value)
    if value.build is None or value.cls.find(name) is not ABSENT or name in FORCING:
        return machine.attribute(value.force(), name, node, frame)
    return Unknown(f"attribute {name} of a model that was put off")


def unknown_attribute(machine: Machine, value: Value, name: str, node: ast.AST, frame: Frame) -> Value:
    return value


def set_attribute(machine: Machine, owner: Value, name: str, value: Value, node: ast.AST, frame: Frame) -> None:
    if isinstance(owner, Alternatives):
        for option in owner.options:
            set_attribute(machine, option, name, value, node, frame)
    elif isinstance(owner, Deferred):
        if not isinstance(value, (Unknown, DictValue, *CONSTANTS)) and name not in ("default_cfg", "pretrained_cfg"):
            set_attribute(machine, owner.force(), name, value, node, frame)
    elif isinstance(owner, Instance):
        setter = owner.cls.find("__setattr__") if isinstance(owner.cls, Class) else ABSENT
        if isinstance(setter, Function) and not any(f.function is setter for f in machine.frames):
            machine.call(Bound(owner, setter), [name, value], {}, node, frame)
            return
        if owner.module:
            value = machine.adopt(owner, name, value, node, frame)
        machine.heap.write(owner.cell, name, value)
    elif isinstance(owner, Class):
        machine.heap.write(owner.cell, name, value)
    elif isinstance(owner, (Param, View, Tensor)):
        machine.set_tensor_attribute(owner, name, value, node, frame)


def has_attribute(machine: Machine, value: Value, name: str, node: ast.AST, frame: Frame) -> bool | None:
    if isinstance(value, Alternatives):
        return compare.agree([has_attribute(machine, option, name, node, frame) for option in value.options])
    if isinstance(value, Deferred):
        return True if value.cls.find(name) is not ABSENT else None
    if isinstance(value, Instance):
        if name in value.cell:
            return True
        if isinstance(value.cls, Class):
            if value.cls.find(name) is not ABSENT:
                return True
            if value.cls.open or value.cls.find("__getattr__") is not ABSENT:
                return None
        return machine.native_attribute(value, name, node, frame) is not MISSING
    if isinstance(value, Class):
        return True if value.find(name) is not ABSENT else (None if value.open or value.module else False)
    if isinstance(value, CONSTANTS):
        return hasattr(value, name)
    return None


# -- isinstance ---------------------------------------------------------------------------


def is_instance(machine: Machine, value: Value, kinds: Value) -> bool | None:
    """`isinstance(value, kinds)`."""
    if isinstance(kinds, tuple):
        answers = [is_instance(machine, value, kind) for kind in kinds]
        return True if True in answers else (None if None in answers else False)
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
                if value.module and machine.is_kind(value, kinds):
                    return True
                return None if value.cls.open else False
            return False
        return machine.is_kind(value, kinds) if isinstance(kinds, Symbol) else False
    return machine.is_value_kind(value, kinds)


def is_subclass(machine: Machine, cls: Value, kinds: Value) -> bool | None:
    if isinstance(kinds, tuple):
        answers = [is_subclass(machine, cls, kind) for kind in kinds]
        return True if True in answers else (None if None in answers else False)
    if isinstance(cls, Class) and isinstance(kinds, (Class, Symbol)):
        if kinds in cls.lineage:
            return True
        return None if cls.open else (True if isinstance(kinds, Symbol) and kinds.qualified == MODULE and cls.module else False)
    if isinstance(cls, Symbol) and isinstance(kinds, Symbol):
        return cls is kinds or kinds.qualified == MODULE and cls.qualified in machine.knowledge.layers
    return None


ATTRIBUTES: Final[dict[type, Attribute]] = {
    Instance: instance_attribute,
    Class: class_attribute,
    Super: super_attribute,
    Function: function_attribute,
    Bound: bound_attribute,
    Partial: partial_attribute,
    Alternatives: alternatives_attribute,
    Deferred: deferred_attribute,
    Unknown: unknown_attribute,
}
